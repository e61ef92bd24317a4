//! `at1 log`: the ledger's events, the newest last, as they happened.

use std::io::{self, Write};

use at1_table::{LogEntry, Table};
use serde_json::Value;

use crate::{
    args::Log,
    failure::Failure,
    output::{self, Voice, count, size},
    watched,
};

pub(crate) fn run(args: &Log, voice: Voice) -> Result<(), Failure> {
    let table = Table::open_in(watched::quietly(&args.table, voice, "reading"))?;
    let mut entries = table.log(args.limit)?;
    entries.reverse();
    let mut out = output::data();
    for entry in entries {
        let json = entry.to_json();
        let told = match voice {
            Voice::Json => writeln!(out, "{json}"),
            Voice::Words => describe(&entry, &json, &mut out),
        };
        told.map_err(|e| Failure::output(&e))?;
    }
    out.flush().map_err(|e| Failure::output(&e))
}

/// One line: number, time, what was done.
fn describe(whole: &LogEntry, entry: &Value, out: &mut dyn Write) -> io::Result<()> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    // Nanoseconds are for machines.
    let ts = text("ts");
    let ts = ts.get(..19).unwrap_or(&ts);
    write!(out, "{:>6}  {ts}Z  {:<8}", entry["event"].as_u64().unwrap_or(0), text("op"))?;
    for batch in entry["batches"].as_array().into_iter().flatten() {
        let name = batch["name"].as_str().unwrap_or("(no name)").escape_debug().to_string();
        let number = |key: &str| batch[key].as_u64().unwrap_or(0);
        write!(out, "  {name}: {}, {}", count(number("rows"), "record"), size(number("bytes")))?;
        if number("rejects") > 0 {
            write!(out, ", {}", count(number("rejects"), "reject"))?;
        }
        if let Some(note) = batch["note"].as_str() {
            write!(out, "  ({})", note.escape_debug())?;
        }
    }
    if let Some(drop) = entry["drop"].as_array() {
        merged(whole, drop, out)?;
    }
    if let Some(names) = entry["names"].as_array() {
        removed(names, out)?;
    }
    for key in ["changes", "text"] {
        if !entry[key].is_null() {
            write!(out, "  {}", entry[key])?;
        }
    }
    for (key, word) in [("add", "the key is"), ("retire", "no longer")] {
        if let Some(vkey) = entry[key].as_str() {
            write!(out, "  {word} {}", vkey.escape_debug())?;
        }
    }
    if let Some(kind) = entry["kind"].as_str() {
        let covered = count(entry["size"].as_u64().unwrap_or(0), "event");
        write!(out, "  {} for {covered}", kind.escape_debug())?;
        if let Some(time) = entry["time"].as_str() {
            write!(out, ", {}", time.escape_debug())?;
        }
    }
    writeln!(out)
}

/// What a compaction made of which batches.
fn merged(entry: &LogEntry, drop: &[Value], out: &mut dyn Write) -> io::Result<()> {
    let bound = |index: usize| drop.get(index).and_then(Value::as_u64).unwrap_or(0);
    let (first, end) = (bound(0), bound(1));
    match end.saturating_sub(first) {
        1 => write!(out, "  batch {first} into")?,
        _ => write!(out, "  batches {first} to {} into", end.saturating_sub(1))?,
    }
    let segments = entry
        .0
        .detail
        .kind
        .segments()
        .iter()
        .map(|segment| format!(" {}: {}, {}", segment.name, count(segment.rows, "record"), size(segment.bytes)));
    write!(out, "{}", segments.collect::<Vec<_>>().join(";"))
}

/// How many names of removed files are told.
const NAMES_SHOWN: usize = 3;

/// Which files a vacuum removed.
fn removed(names: &[Value], out: &mut dyn Write) -> io::Result<()> {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).filter_map(Value::as_str).collect();
    write!(out, "  removed {}: {}", count(names.len() as u64, "replaced file"), shown.join(", "))?;
    match names.len() - shown.len() {
        0 => Ok(()),
        more => write!(out, " and {more} more"),
    }
}
