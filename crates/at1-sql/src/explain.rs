//! What was skipped: rows that `EXPLAIN` gets besides DataFusion's plans, and what `--stats` tells.

use std::{io::Write as _, sync::Arc, time::Duration};

use arrow::{
    array::{ArrayRef, AsArray as _, RecordBatch, StringArray},
    compute::cast,
    datatypes::{DataType, SchemaRef},
};
use at1_console::{
    explain,
    failure::Failure,
    output::{self, Voice, count, grouped, size},
};
use at1_datafusion::{ScanLog, log::ScanEntry};
use datafusion::{error::DataFusionError, execution::SendableRecordBatchStream, sql::parser::Statement};
use futures::StreamExt as _;
use serde_json::json;

use crate::statement::Ended;

/// What AT1's rows of an explanation are called.
const SCAN: &str = "at1_scan";

/// Whether a statement is an `EXPLAIN`, with or without `ANALYZE`.
pub(crate) fn is_explain(statement: &Statement) -> bool {
    matches!(statement, Statement::Explain(_))
}

/// What the scans of an explained statement left out, as rows of the explanation.
pub(crate) fn rows(log: &ScanLog, schema: &SchemaRef) -> Result<Option<RecordBatch>, DataFusionError> {
    let entries = log.take();
    if entries.is_empty() || schema.fields().len() != 2 {
        return Ok(None);
    }
    let kinds: ArrayRef = Arc::new(StringArray::from(vec![SCAN; entries.len()]));
    let texts: ArrayRef = Arc::new(entries.iter().map(|entry| Some(words(entry))).collect::<StringArray>());
    Ok(Some(RecordBatch::try_new(Arc::clone(schema), vec![kinds, texts])?))
}

/// Prints plans for people: each under its name, with all its lines.
pub(crate) async fn print(mut stream: SendableRecordBatchStream, log: &ScanLog) -> Result<u64, Ended> {
    let mut out = output::data();
    let mut told = 0;
    let mut tell = |name: &str, text: &str| -> Result<(), Ended> {
        told += 1;
        let indented = text.trim_end().replace('\n', "\n  ");
        writeln!(out, "{name}\n  {indented}").map_err(|error| Failure::output(&error).into())
    };
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let columns: Vec<ArrayRef> = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8))
            .collect::<Result<_, _>>()
            .map_err(DataFusionError::from)?;
        let [names, texts] = columns.as_slice() else { continue };
        for (name, text) in names.as_string::<i32>().iter().zip(texts.as_string::<i32>()) {
            tell(name.unwrap_or_default(), text.unwrap_or_default())?;
        }
    }
    for entry in log.take() {
        tell(SCAN, &words(&entry))?;
    }
    out.flush().map_err(|error| Failure::output(&error))?;
    Ok(told)
}

/// What a scan left out, in words.
fn words(entry: &ScanEntry) -> String {
    let s = &entry.statistics;
    let mut text = Vec::new();
    // A vector takes every write.
    let _ = write!(text, "{}", entry.folder);
    if let Some(event) = entry.event {
        let _ = write!(text, ", as of event {event}");
    }
    let _ = writeln!(
        text,
        "\nsegments   {} of {} left, {} ruled out",
        grouped(s.segments_scanned),
        grouped(s.segments_total),
        grouped(s.segments_skipped)
    );
    if s.row_groups_total > 0 {
        let left = s.row_groups_total - s.row_groups_skipped;
        let _ = writeln!(text, "row groups {} of {} of these left", grouped(left), grouped(s.row_groups_total));
    }
    let _ = explain::describe_reasons(&entry.explanation, &mut text);
    if entry.reread > 0 {
        let segments = count(entry.reread as u64, "segment");
        let _ = writeln!(text, "{segments} read by AT1: fields as they were written, or system columns");
    }
    let _ = write!(text, "planning read {}", size(s.bytes_read));
    String::from_utf8_lossy(&text).into_owned()
}

/// Tells what a statement read.
pub(crate) fn tell(scans: &[ScanEntry], rows: u64, bytes: u64, time: Duration, voice: Voice) -> Result<(), Failure> {
    let scan = |entry: &ScanEntry| {
        let mut scan = explain::json(&entry.explanation);
        scan["table"] = entry.folder.clone().into();
        scan["statistics"] = entry.statistics.to_json();
        scan
    };
    let json = json!({
        "rows": rows,
        "seconds": time.as_secs_f64(),
        "bytes_read": bytes + scans.iter().map(|entry| entry.statistics.bytes_read).sum::<u64>(),
        "scans": scans.iter().map(scan).collect::<Vec<_>>(),
    });
    voice.tell_aside(&json, |out| {
        for entry in scans {
            writeln!(out, "{}", words(entry))?;
        }
        let seconds = time.as_secs_f64();
        writeln!(out, "{} of segments read; {} in {seconds:.3} s", size(bytes), count(rows, "row"))
    })
}
