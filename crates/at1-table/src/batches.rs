//! Where the rows came from: every batch, as it was appended.
//!
//! * Batches outlive segments: compactions change nothing here but the file that holds them.

use std::ops::Range;

use at1_ledger::{BatchRecord, Digest, Idempotency, Timestamp};
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    paths,
    snapshot::Snapshot,
    table::Table,
    version::{Events, Version},
};

/// One batch of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// Its number.
    pub batch: u64,
    /// The event that appended it.
    pub event: u64,
    /// That event's time.
    pub ts: Option<Timestamp>,
    /// The name it came with.
    pub name: Option<String>,
    /// What the person who appended it said.
    pub note: Option<String>,
    /// Its rows in the table.
    pub rows: Range<u64>,
    /// Its source bytes.
    pub bytes: u64,
    /// Their digest.
    pub sha256: Digest,
    /// Digest of the packed file that it came as.
    pub packed_sha256: Option<Digest>,
    /// Fields that their column could not hold when it was appended.
    pub rejects: u64,
    /// Who appended it, and as which of theirs.
    pub idempotency: Option<Idempotency>,
    /// The file that holds it now.
    pub segment: String,
}

impl BatchEntry {
    /// The entry as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "batch": self.batch,
            "event": self.event,
            "ts": self.ts.map(|ts| ts.to_string()),
            "name": self.name,
            "note": self.note,
            "first_row": self.rows.start,
            "rows": self.rows.end - self.rows.start,
            "source_bytes": self.bytes,
            "source_sha256": self.sha256.to_string(),
            "packed_sha256": self.packed_sha256.map(|digest| digest.to_string()),
            "rejects": self.rejects,
            "idempotency": self.idempotency.as_ref().map(|key| format!("{}:{}", key.producer, key.sequence)),
            "segment": self.segment,
        })
    }
}

impl Table {
    /// [`Snapshot::batches`] of the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::batches`].
    pub fn batches(&self) -> Result<Vec<BatchEntry>> {
        self.snapshot()?.batches()
    }
}

impl Snapshot {
    /// Every batch, oldest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn batches(&self) -> Result<Vec<BatchEntry>> {
        let state = self.history()?;
        let entry = |(batch, record): (u64, &BatchRecord)| {
            let none = || Error::corrupt(paths::LEDGER, format!("an event with batch {batch}"), "none");
            let event = state.batch_event(batch).ok_or_else(none)?;
            let place = Place {
                batch,
                event,
                ts: state.ts_of(event),
                rows: state.batch_rows(batch).ok_or_else(none)?,
                segment: state.segment_of(batch).ok_or_else(none)?.name.clone(),
            };
            Ok(place.of(record))
        };
        (0..).zip(self.batch_records(&state)).map(entry).collect()
    }

    /// The newest `count` batches, oldest first. Takes no longer for a long table than for a short one.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn newest_batches(&self, count: u64) -> Result<Vec<BatchEntry>> {
        let end = self.totals().batches;
        self.ask(|version| {
            let mut events = Events::new(version, self.store());
            (end.saturating_sub(count)..end).map(|batch| self.entry(version, &mut events, batch)).collect()
        })
    }

    /// The newest batch that `producer` appended under a number of its own ([`Idempotency`]): how far it has come.
    ///
    /// ```
    /// use at1_table::{AppendOptions, CreateOptions, Idempotency, Source, Table};
    /// let folder = tempfile::tempdir()?;
    /// let table = Table::create(folder.path().join("t"), &CreateOptions::default())?;
    /// let idempotency = Some(Idempotency { producer: "feed".into(), sequence: 7 });
    /// table.append_csv(Source::bytes("a\n1\n"), &AppendOptions { idempotency, ..AppendOptions::default() })?;
    /// let newest = table.snapshot()?.newest_batch_of("feed")?.expect("it appended");
    /// assert_eq!((newest.batch, newest.idempotency.expect("its number").sequence), (0, 7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn newest_batch_of(&self, producer: &str) -> Result<Option<BatchEntry>> {
        self.ask(|version| {
            let Some(produced) = version.tail.producer(producer)? else { return Ok(None) };
            self.entry(version, &mut Events::new(version, self.store()), produced.batch).map(Some)
        })
    }

    fn entry(&self, version: &Version, events: &mut Events<'_>, batch: u64) -> Result<BatchEntry> {
        let (event, record) = events.record(batch)?;
        let first = version.totals_before(self.store(), batch)?.rows;
        let held = version.tail.live.at_batch(batch)?;
        let held = held.ok_or_else(|| Error::corrupt(paths::LEDGER, "a live segment", "none"))?;
        let rows = first..first + record.rows;
        let place = Place { batch, event: event.n, ts: Some(event.ts), rows, segment: held.live.name() };
        Ok(place.of(&record))
    }
}

/// What a batch's record does not say of it.
struct Place {
    batch: u64,
    event: u64,
    ts: Option<Timestamp>,
    rows: Range<u64>,
    segment: String,
}

impl Place {
    fn of(self, record: &BatchRecord) -> BatchEntry {
        let Self { batch, event, ts, rows, segment } = self;
        BatchEntry {
            batch,
            event,
            ts,
            name: record.name.clone(),
            note: record.note.clone(),
            rows,
            bytes: record.bytes,
            sha256: record.sha256,
            packed_sha256: record.packed_sha256,
            rejects: record.rejects,
            idempotency: record.idempotency.clone(),
            segment,
        }
    }
}

/// What a batch came to, in words that are equal exactly if the batch is.
pub(crate) fn words(rows: u64, bytes: u64, sha256: Digest, root: Option<Digest>) -> String {
    let root = root.map_or("no rows_root".to_owned(), |root| format!("rows_root {root}"));
    format!("{rows} rows, {bytes} bytes, sha256 {sha256}, {root}")
}
