//! What a table knows about itself, as record batches.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array},
    datatypes::{Field, Schema},
};
use at1_ledger::Timestamp;
use at1_table::{Error, ErrorKind, Result, Snapshot, Table};

/// The ledger's events, oldest first.
pub(crate) fn events(table: &Table, _: &Snapshot) -> Result<RecordBatch> {
    let mut log = table.log(None)?;
    log.reverse();
    let numbers = |number: fn(&at1_table::LogEntry) -> u64| uint(log.iter().map(|entry| Some(number(entry))));
    batch([
        ("event", numbers(|entry| entry.0.n)),
        ("op", text(log.iter().map(|entry| Some(entry.0.op().as_str().to_owned())))),
        ("ts", times(log.iter().map(|entry| Some(entry.0.ts)))),
        ("chain", text(log.iter().map(|entry| Some(entry.0.chain.to_string())))),
        ("batches_total", numbers(|entry| entry.0.detail.totals.batches)),
        ("rows_total", numbers(|entry| entry.0.detail.totals.rows)),
        ("bytes_total", numbers(|entry| entry.0.detail.totals.bytes)),
    ])
}

/// What was appended.
pub(crate) fn batches(state: &Snapshot) -> Result<RecordBatch> {
    let all = state.batches()?;
    let numbers = |number: fn(&at1_table::BatchEntry) -> u64| uint(all.iter().map(|entry| Some(number(entry))));
    batch([
        ("batch", numbers(|entry| entry.batch)),
        ("event", numbers(|entry| entry.event)),
        ("ts", times(all.iter().map(|entry| entry.ts))),
        ("name", text(all.iter().map(|entry| entry.name.clone()))),
        ("note", text(all.iter().map(|entry| entry.note.clone()))),
        ("first_row", numbers(|entry| entry.rows.start)),
        ("rows", numbers(|entry| entry.rows.end - entry.rows.start)),
        ("source_bytes", numbers(|entry| entry.bytes)),
        ("source_sha256", text(all.iter().map(|entry| Some(entry.sha256.to_string())))),
        ("rejects", numbers(|entry| entry.rejects)),
        ("segment", text(all.iter().map(|entry| Some(entry.segment.clone())))),
    ])
}

/// The files that hold the table now.
pub(crate) fn segments(state: &Snapshot) -> Result<RecordBatch> {
    let all = state.files()?.files;
    let numbers = |number: fn(&at1_table::FileEntry) -> u64| uint(all.iter().map(|entry| Some(number(entry))));
    batch([
        ("segment", text(all.iter().map(|entry| Some(entry.name.clone())))),
        ("event", numbers(|entry| entry.event)),
        ("first_row", numbers(|entry| entry.first_row)),
        ("rows", numbers(|entry| entry.rows)),
        ("first_batch", numbers(|entry| entry.first_batch)),
        ("batches", numbers(|entry| entry.batches)),
        ("bytes", numbers(|entry| entry.bytes)),
        ("sha256", text(all.iter().map(|entry| Some(entry.sha256.to_string())))),
        ("path", text(all.iter().map(|entry| Some(entry.path.clone())))),
    ])
}

/// The table's columns.
pub(crate) fn columns(state: &Snapshot) -> Result<RecordBatch> {
    let all = state.info()?.columns;
    batch([
        ("position", uint((0..all.len() as u64).map(Some))),
        ("name", text(all.iter().map(|column| Some(column.name.clone())))),
        ("header", text(all.iter().map(|column| column.header.clone()))),
        ("type", text(all.iter().map(|column| Some(column.ty.to_string())))),
        ("reading", text(all.iter().map(|column| Some(column.reading.clone())))),
        ("pinned", Arc::new(all.iter().map(|column| Some(column.pinned)).collect::<BooleanArray>()) as ArrayRef),
    ])
}

fn uint(values: impl Iterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(values.collect::<UInt64Array>())
}

fn text(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// Event times have nanoseconds.
fn times(values: impl Iterator<Item = Option<Timestamp>>) -> ArrayRef {
    let nanos = |ts: Timestamp| i64::try_from(ts.nanos()).ok();
    Arc::new(values.map(|ts| ts.and_then(nanos)).collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<RecordBatch> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::new(ErrorKind::Invalid, "report", "columns of one length", error))
}
