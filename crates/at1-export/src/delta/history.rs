//! What the ledger says happened since a version of the log, cut into steps that a log can show.
//!
//! * Appends that follow each other are one step, a compaction is one of its own, and nothing else changes which files are live.
//! * Only events that are durable are told: they are read after the ledger was synced under the table's lock. A version must not show
//!   what a power cut takes back.

use std::{io, ops::Range};

use at1_ledger::{Event, Kind, SegmentRecord, Timestamp};
use at1_table::{Error, ErrorKind, FileEntry, LogEntry, Result, Snapshot, Table, paths};

use super::entry::{LOG, damaged, failed};

/// A segment that is to be shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) entry: FileEntry,
    pub(super) batches: Range<u64>,
}

impl Shown {
    fn of(record: &SegmentRecord, event: u64) -> Self {
        let entry = FileEntry {
            path: paths::segment_path(&record.name),
            name: record.name.clone(),
            bytes: record.bytes,
            sha256: record.sha256,
            footer_bytes: record.footer_bytes,
            footer_sha256: record.footer_sha256,
            first_row: 0,
            rows: record.rows,
            rows_as_of: record.rows,
            first_batch: record.batch.start,
            batches: record.batch.end - record.batch.start,
            event,
        };
        Self { entry, batches: record.batch.clone() }
    }

    /// Its path from the table's root. Names of segments need no escapes in a URI.
    pub(super) fn path(&self) -> String {
        paths::segment_path(&self.entry.name)
    }
}

impl From<FileEntry> for Shown {
    fn from(entry: FileEntry) -> Self {
        let batches = entry.first_batch..entry.first_batch + entry.batches;
        Self { entry, batches }
    }
}

/// What happened between two versions.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The last of its events.
    pub(super) event: u64,
    pub(super) chain: String,
    pub(super) ts: Timestamp,
    /// The table's batches after it.
    pub(super) batches: u64,
    pub(super) change: Change,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Segments came.
    Append(Vec<Shown>),
    /// The segments of these batches were written again.
    Compact(Range<u64>, Vec<Shown>),
}

/// The newest state, once the disk has it for certain.
///
/// # Errors
/// If the ledger cannot be read or synced, or writers have to stop.
pub(super) fn durable(table: &Table) -> Result<Snapshot> {
    let store = table.store();
    let _guard = store.lock().map_err(failed(store.place()))?;
    match store.open(paths::POISONED) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(failed(paths::POISONED)(e)),
        Ok(_) => return Err(Error::new(ErrorKind::Poisoned, paths::POISONED, "no such marker", "one")),
    }
    store.sync(paths::LEDGER).map_err(failed(paths::LEDGER))?;
    table.snapshot()
}

/// The steps after `event`, whose chain value must be `chain`, up to `until`; with the batches there were after `event`.
///
/// # Errors
/// `Refused` if the log shows another history than the ledger.
pub(super) fn since(table: &Table, event: u64, chain: &str, until: u64) -> Result<(u64, Vec<Step>)> {
    let other = |expected: String, found: String| {
        let found =
            format!("{found}; the table is another one or an older copy, and {LOG} has to be removed and made again");
        Error::new(ErrorKind::Refused, LOG, expected, found)
    };
    if event > until {
        return Err(other(format!("at most event {until}, the ledger's newest"), format!("event {event}")));
    }
    let events = events(table, event)?;
    let mut events = events.into_iter().map(|entry| entry.0).rev().filter(|e| (event..=until).contains(&e.n));
    let first = events.next().ok_or_else(|| damaged(paths::LEDGER, &format!("event {event}"), "none"))?;
    if first.chain.to_string() != chain {
        return Err(other(format!("event {event} with chain value {}", first.chain), chain.to_owned()));
    }
    let mut steps: Vec<Step> = vec![];
    for event in events {
        push(&mut steps, &event);
    }
    Ok((first.detail.totals.batches, steps))
}

/// The events from `event` on, newest first.
fn events(table: &Table, event: u64) -> Result<Vec<LogEntry>> {
    loop {
        let newest = table.snapshot()?.event().unwrap_or(0);
        let entries = table.log(Some(newest.saturating_sub(event) + 1))?;
        // Events that came after the look push out as many old ones.
        if entries.last().is_none_or(|last| last.0.n <= event) {
            return Ok(entries);
        }
    }
}

fn push(steps: &mut Vec<Step>, event: &Event) {
    let shown = |records: &[SegmentRecord]| records.iter().map(|record| Shown::of(record, event.n)).collect::<Vec<_>>();
    let (chain, ts, batches) = (event.chain.to_string(), event.ts, event.detail.totals.batches);
    let change = match &event.detail.kind {
        Kind::Append { segments, .. } => match steps.last_mut() {
            Some(Step { change: Change::Append(before), .. }) => {
                before.extend(shown(segments));
                let change = Change::Append(std::mem::take(before));
                steps.pop();
                change
            }
            _ => Change::Append(shown(segments)),
        },
        Kind::Compact { drop, segments } => Change::Compact(drop.clone(), shown(segments)),
        _ => return,
    };
    steps.push(Step { event: event.n, chain, ts, batches, change });
}

/// Milliseconds since 1970, as Delta counts.
pub(super) fn millis(ts: Timestamp) -> i64 {
    i64::try_from(ts.nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}
