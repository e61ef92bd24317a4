//! Checkpoints of a Delta log: what its entries come to, in Parquet, so that readers need not replay them all.
//!
//! * Classic ones (one file, statistics as JSON), the kind that every reader knows.
//! * One is due when entries, or lines about files, since the last have come to a tenth of what is live, and to [`STEPS_MIN`] at least:
//!   all checkpoints of a table together are then some ten times the last, however it grew, and readers replay that tenth at most.
//! * `_last_checkpoint` is only put in place once the checkpoint is durable. Either may be lost: readers replay entries then.
//! * Nothing here reads a checkpoint. Its entries are all kept, so that every version can be asked for.

use std::{
    io::{self, Write},
    sync::Arc,
};

use arrow::{
    datatypes::{DataType, Field, Fields, Schema},
    json::ReaderBuilder,
};
use at1_ledger::Digest;
use at1_table::{Error, ErrorKind, Result, paths, store::Store};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde_json::{Value, json};

use super::{
    entry::{LOG, damaged, failed},
    live::Live,
    log::Standing,
};

/// Fewer entries than this are replayed in no time, and a checkpoint costs as much as a few dozen of them.
pub const STEPS_MIN: u64 = 100;
/// The part of what is live that readers may have to replay.
const PART: u64 = 10;
/// How long removed files are remembered: what Delta means if nothing else is said.
const TOMBSTONE_MILLIS: i64 = 7 * 24 * 3600 * 1000;
/// Actions that are made columns at once.
const BATCH: usize = 8192;

const LAST: &str = "_delta_log/_last_checkpoint";

/// Where the checkpoint of a version lies.
pub(super) fn path(version: u64) -> String {
    format!("{LOG}/{version:020}.checkpoint.parquet")
}

/// The version of the newest checkpoint that readers are told of.
pub(super) fn newest(store: &dyn Store) -> Result<Option<u64>> {
    let file = match store.open(LAST) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed(LAST))?,
    };
    let bytes = file.size().map_err(failed(LAST))?;
    // Of ours it is a hundred bytes; of others it may hold a schema.
    let length = usize::try_from(bytes).ok().filter(|length| *length <= 1 << 20);
    let mut text = vec![0; length.ok_or_else(|| damaged(LAST, "at most a megabyte", bytes))?];
    file.read_exact_at(&mut text, 0).map_err(failed(LAST))?;
    let last: Value = serde_json::from_slice(&text).map_err(|e| damaged(LAST, "JSON", e))?;
    let version = last["version"].as_i64().and_then(|version| u64::try_from(version).ok());
    Ok(Some(version.ok_or_else(|| damaged(LAST, "a version", &last["version"]))?))
}

/// Whether a checkpoint is due, the log having had `actions` lines about files at the one before.
pub(super) fn is_due(standing: &Standing, actions_before: u64) -> bool {
    let entries = standing.version + 1 - standing.checkpoint.map_or(0, |version| version + 1);
    let actions = standing.mark.actions.saturating_sub(actions_before);
    entries.max(actions) >= STEPS_MIN.max(standing.mark.live / PART)
}

/// Writes the checkpoint of the newest version, and tells readers.
pub(super) fn write(store: &dyn Store, app: &str, standing: &Standing, live: &Live, now_millis: i64) -> Result<()> {
    let path = path(standing.version);
    let io = failed(&path);
    let mut staged = store.stage().map_err(&io)?;
    let lines = parquet(&mut staged, app, standing, live, now_millis).map_err(|e| e.within(&path))?;
    staged.seal().map_err(&io)?;
    match store.link(&*staged, &path) {
        // Of the same entries somebody else made the same: a process that died before it told, or one that races with this one.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        linked => linked.map_err(&io)?,
    }
    store.sync_folder(LOG).map_err(failed(LOG))?;
    tell(store, &json!({"version": standing.version, "size": lines, "numOfAddFiles": live.files.len()}))
}

/// Puts `_last_checkpoint` in place.
fn tell(store: &dyn Store, last: &Value) -> Result<()> {
    let text = last.to_string();
    // Named after its contents, so that two processes that are here at once do not take each other's.
    let new = format!("{LAST}.{}.new", &Digest::of(text.as_bytes()).to_string()[..16]);
    let io = failed(&new);
    match store.create(&new, text.as_bytes()) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        created => created.map_err(&io)?,
    }
    match store.rename(&new, LAST) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        renamed => renamed.map_err(&io)?,
    }
    store.sync_folder(LOG).map_err(failed(LOG))
}

/// Writes all actions that are in force; returns how many.
fn parquet(out: &mut (dyn Write + Send), app: &str, standing: &Standing, live: &Live, now_millis: i64) -> Result<u64> {
    let wrong = |e: &dyn std::fmt::Display| Error::new(ErrorKind::Io, "", "a checkpoint of the log", e);
    let schema = Arc::new(schema());
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties)).map_err(|e| wrong(&e))?;
    let mut decoder = ReaderBuilder::new(schema).with_batch_size(BATCH).build_decoder().map_err(|e| wrong(&e))?;
    let first = [
        json!({"protocol": standing.protocol}),
        json!({"metaData": standing.meta}),
        json!({"txn": {"appId": app, "version": standing.mark.event, "lastUpdated": now_millis}}),
    ];
    let first = first.iter().map(|action| action.to_string().into_boxed_str());
    let kept = |action: &&Value| {
        let at = action["deletionTimestamp"].as_i64().unwrap_or(now_millis);
        at.saturating_add(TOMBSTONE_MILLIS) > now_millis
    };
    let removed = live.removed.values().filter(kept).map(|action| json!({ "remove": action }).to_string().into());
    let added = live.files.values().map(|added| added.line.clone());
    let mut lines = 0;
    for line in first.chain(removed).chain(added) {
        let read = decoder.decode(line.as_bytes()).map_err(|e| wrong(&e))?;
        if read < line.len() {
            return Err(wrong(&"more bytes than an action has"));
        }
        lines += 1;
        if lines % BATCH as u64 == 0
            && let Some(batch) = decoder.flush().map_err(|e| wrong(&e))?
        {
            writer.write(&batch).map_err(|e| wrong(&e))?;
        }
    }
    if let Some(batch) = decoder.flush().map_err(|e| wrong(&e))? {
        writer.write(&batch).map_err(|e| wrong(&e))?;
    }
    writer.close().map_err(|e| wrong(&e))?;
    Ok(lines)
}

/// The columns of a checkpoint: one of each kind of action, all but one of them null in a row.
fn schema() -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Int64, true);
    let small = |name: &str| Field::new(name, DataType::Int32, true);
    let flag = |name: &str| Field::new(name, DataType::Boolean, true);
    let list = |name: &str| Field::new_list(name, Field::new("element", DataType::Utf8, true), true);
    let map = |name: &str| {
        let (key, value) = (Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true));
        Field::new_map(name, "key_value", key, value, false, true)
    };
    let action = |name: &str, fields: Vec<Field>| Field::new(name, DataType::Struct(Fields::from(fields)), true);
    let format = action("format", vec![text("provider"), map("options")]);
    Schema::new(vec![
        action("txn", vec![text("appId"), number("version"), number("lastUpdated")]),
        action(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                number("size"),
                number("modificationTime"),
                flag("dataChange"),
                map("tags"),
                text("stats"),
            ],
        ),
        action(
            "remove",
            vec![
                text("path"),
                number("deletionTimestamp"),
                flag("dataChange"),
                flag("extendedFileMetadata"),
                map("partitionValues"),
                number("size"),
            ],
        ),
        action(
            "metaData",
            vec![
                text("id"),
                text("name"),
                text("description"),
                format,
                text("schemaString"),
                list("partitionColumns"),
                map("configuration"),
                number("createdTime"),
            ],
        ),
        action(
            "protocol",
            vec![small("minReaderVersion"), small("minWriterVersion"), list("readerFeatures"), list("writerFeatures")],
        ),
    ])
}

/// The staging folder, which a checkpoint alone may find missing.
pub(super) fn prepare(store: &dyn Store) -> Result<()> {
    store.make_folder(paths::STAGING).map_err(failed(paths::STAGING))
}
