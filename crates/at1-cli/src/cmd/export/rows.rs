//! `at1 export parquet` and `arrow`: matching records as one file.
//!
//! * FILE appears only when it is whole and synced, and in the place of another only if that was asked for.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use at1_table::{Reasons, Statistics};
use serde_json::json;

use crate::{
    args::{ExportRows, ScanFormat},
    cmd::scan::{self, Out, Query},
    failure::Failure,
    interrupt::Guarded,
    output::{self, Voice, count, size},
    part::Part,
};

/// The file is written in pieces of this size.
const BUFFER_BYTES: usize = 1 << 18;

pub(super) fn run(args: &ExportRows, format: ScanFormat, voice: Voice) -> Result<(), Failure> {
    if args.output == Path::new("-") {
        if output::is_terminal() {
            return Err(Failure::usage("a file or a pipe for this format: -o FILE", "a terminal"));
        }
        let mut out = output::data();
        let statistics = write(args, format, &mut out, voice)?;
        out.flush().map_err(|e| Failure::output(&e))?;
        return voice.tell_aside(&json(args, None, &statistics), |_| Ok(()));
    }
    let part = Part::beside(&args.output);
    if !args.force {
        part.check_free()?;
    }
    let failed = |e: &std::io::Error| Failure::io(&args.output, e);
    let file = File::create(part.path()).map_err(|e| failed(&e))?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, Guarded(file));
    let statistics = write(args, format, &mut out, voice)?;
    let Guarded(file) = out.into_inner().map_err(|e| failed(e.error()))?;
    let bytes = file.metadata().map_err(|e| failed(&e))?.len();
    if args.force {
        part.replace(&file)?
    } else {
        part.create(&file)?
    }
    voice.tell(&json(args, Some(bytes), &statistics), |out| {
        let rows = count(statistics.rows_matched, "record");
        writeln!(out, "{}: {rows} in {}", args.output.display(), size(bytes))
    })
}

fn write(
    args: &ExportRows,
    format: ScanFormat,
    out: &mut (dyn Write + Send),
    voice: Voice,
) -> Result<Statistics, Failure> {
    let query = Query {
        predicate: scan::predicate(args.ranges.iter().map(String::as_str), args.filter.as_deref())?,
        select: (!args.select.is_empty()).then(|| args.select.clone()),
        limit: None,
        last: None,
        aggregate: None,
        reasons: Reasons::Omit,
    };
    let (statistics, _) =
        scan::answer(std::slice::from_ref(&args.source), &query, Out::Print(format, out), &args.past, voice)?;
    Ok(statistics)
}

fn json(args: &ExportRows, bytes: Option<u64>, statistics: &Statistics) -> serde_json::Value {
    json!({
        "output": args.output.display().to_string(),
        "rows": statistics.rows_matched,
        "bytes": bytes,
        "event": statistics.as_of_event,
    })
}
