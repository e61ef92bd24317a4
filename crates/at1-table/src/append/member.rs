//! A batch on its way into the table: what it was planned for, what must still hold when it is committed, what is said of it.
//!
//! * A plan holds for the schema it was made for; one that changes the schema by what columns hold so far, also only as long
//!   as nothing was appended.
//! * An idempotency key is looked up before a segment is written, and again under the lock.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use at1_codec::{BatchPlan, Profile, column::NullWords, segment::BatchInfo};
use at1_ledger::{BatchRecord, Digest, Event, Idempotency, Produced, RowTree, parse_line};

use crate::{
    batch::{AppendOptions, Batch},
    error::{Error, ErrorKind, Result},
    input::Opened,
    lines::LinesBack,
    paths,
    report::{AppendReport, differences},
    schema::{self, Held, TableSchema},
    store::Store,
    version::Version,
};

/// The largest source that shares a segment, and so is held in memory while it waits.
pub(super) const SMALL_BYTES: u64 = 8 << 20;
/// The most records of such a source. The codec holds sources of twice as many in memory.
const SMALL_ROWS: u64 = 1 << 19;

/// What a plan rests on, as far as batches may share it.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(super) schema: Arc<TableSchema>,
    pub(super) rows: RowTree,
    /// What columns were found to hold, and after how many events.
    held: Mutex<HashMap<usize, (Held, u64)>>,
}

impl Ground {
    pub(super) fn of(version: &Version) -> Self {
        Self { schema: Arc::clone(version.schema()), rows: version.header.rows(), held: Mutex::default() }
    }

    pub(super) fn holds(&self, version: &Version) -> bool {
        self.schema == *version.schema() && self.rows == version.header.rows()
    }

    /// What a column held when somebody last asked. It may hold more now, which matters only to plans that change the schema.
    pub(super) fn held(&self, column: usize, ask: impl FnOnce() -> Result<(Held, u64)>) -> Result<(Held, u64)> {
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&found) = held().get(&column) {
            return Ok(found);
        }
        let found = ask()?;
        held().insert(column, found);
        Ok(found)
    }

    pub(super) fn same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other) || (self.schema == other.schema && self.rows == other.rows)
    }
}

/// A batch that was planned and meets its options' demands.
pub(super) struct Planned {
    pub(super) records: BatchPlan,
    pub(super) member: Member,
}

/// Everything about a planned batch but its records.
pub(super) struct Member {
    pub(super) ground: Arc<Ground>,
    pub(super) plan: schema::Plan,
    pub(super) nulls: NullWords,
    pub(super) profile: Profile,
    pub(super) place: String,
    /// As the event will have it, but for what only the segment knows.
    pub(super) record: BatchRecord,
    /// The number of events when columns were asked what they hold, if the plan depends on it.
    rests_on: Option<u64>,
    expected_version: Option<u64>,
    ragged: u64,
    notes: Vec<String>,
}

impl Planned {
    /// Reads and plans a batch for `ground`; `held` says what a column holds, and after how many events.
    pub(super) fn new(
        input: &mut Opened<'_>,
        options: &AppendOptions,
        ground: Arc<Ground>,
        held: &mut dyn FnMut(usize) -> Result<(Held, u64)>,
    ) -> Result<Self> {
        let mut asked_at = None;
        let mut ask = |column| {
            let (held, events) = held(column)?;
            asked_at.get_or_insert(events);
            Ok(held)
        };
        let place = input.place.clone();
        let batch = Batch::plan(&mut *input.stream, input.written.as_ref(), &ground.schema, options, &mut ask)
            .map_err(|e| e.within(&place))?;
        let packed = input.packed.map(|(_, sha256)| sha256);
        batch.check(&place, packed, options)?;

        let Batch { analysis, nulls, plan, notes, .. } = batch;
        let mut record = BatchRecord::new(analysis.bytes, Digest(analysis.sha256), analysis.records, None);
        record.name = input.name.clone();
        record.packed_sha256 = packed.map(Digest);
        record.note = options.note.clone();
        record.idempotency = options.idempotency.clone();
        // A column never holds less than before, so what keeps the schema as it is holds on.
        let rests_on = asked_at.filter(|_| !plan.changes.is_empty());
        let ragged = analysis.ragged;
        // A table that knows no columns yet gets a segment that has one: Parquet has no files without.
        let map = if plan.schema.columns.is_empty() { vec![0] } else { plan.map.clone() };
        let records = BatchPlan { analysis, map, name: input.name.clone() };
        let (profile, expected_version) = (options.profile, options.expected_version);
        let member = Member { ground, plan, nulls, profile, place, record, rests_on, expected_version, ragged, notes };
        Ok(Self { records, member })
    }

    /// Whether the codec kept the source in memory, so that it can be written without the reader.
    pub(super) fn in_memory(&self) -> bool {
        self.records.analysis.bytes <= SMALL_BYTES && self.records.analysis.records < SMALL_ROWS
    }
}

impl Member {
    /// Whether the plan still holds.
    pub(super) fn holds(&self, now: &Version) -> bool {
        self.ground.holds(now) && self.still_rests(now)
    }

    /// Whether the plan depends on what columns held when they were asked.
    pub(super) fn rests_on_values(&self) -> bool {
        self.rests_on.is_some()
    }

    /// Whether columns hold what they held when they were asked.
    pub(super) fn still_rests(&self, now: &Version) -> bool {
        self.rests_on.is_none_or(|events| events == now.events())
    }

    /// As the function of this name.
    pub(super) fn conditions(&self, store: &dyn Store, now: &Version) -> Result<Option<AppendReport>> {
        let mut sha256 = || Ok(self.record.sha256.0);
        conditions(store, now, self.record.idempotency.as_ref(), self.expected_version, &mut sha256)
    }

    /// What the event says about the batch, now that it is written.
    pub(super) fn written(&self, info: &BatchInfo, rejects: u64) -> BatchRecord {
        let mut record = self.record.clone();
        record.rows_root = info.rows_root.map(Digest);
        record.rejects = rejects;
        record
    }

    /// The report, but for what the members of a group share.
    pub(super) fn report(&self, record: &BatchRecord, shared: &AppendReport, batch: u64) -> AppendReport {
        let titles =
            |columns: &[usize]| columns.iter().map(|&c| self.plan.schema.columns[c].title().to_owned()).collect();
        let (widened, misfits) = differences(&self.plan);
        AppendReport {
            batch,
            rows: record.rows,
            source_bytes: record.bytes,
            source_sha256: record.sha256,
            packed_sha256: record.packed_sha256,
            rejects: record.rejects,
            ragged: self.ragged,
            columns_added: titles(&self.plan.added),
            columns_missing: titles(&self.plan.missing),
            columns_widened: widened,
            misfits,
            notes: self.notes.clone(),
            ..shared.clone()
        }
    }
}

/// Checks what must hold for the append to go on; the report of the first time if the key was appended before.
pub(super) fn conditions(
    store: &dyn Store,
    version: &Version,
    key: Option<&Idempotency>,
    expected_version: Option<u64>,
    sha256: &mut dyn FnMut() -> Result<[u8; 32]>,
) -> Result<Option<AppendReport>> {
    if let Some(key) = key
        && let Some(report) = repeated(store, version, key, sha256)?
    {
        return Ok(Some(report));
    }
    if let Some(expected) = expected_version
        && expected != version.tip.appends()
    {
        let appends = version.tip.appends();
        return Err(Error::new(ErrorKind::Condition, "version", format!("{expected} append events"), appends));
    }
    Ok(None)
}

fn repeated(
    store: &dyn Store,
    version: &Version,
    key: &Idempotency,
    sha256: &mut dyn FnMut() -> Result<[u8; 32]>,
) -> Result<Option<AppendReport>> {
    let place = || format!("idempotency key {}:{}", key.producer, key.sequence);
    let Some(last) = version.tail.producer(&key.producer)?.filter(|last| last.sequence >= key.sequence) else {
        return Ok(None);
    };
    let Some(Appended { event, batch, record }) = appended(store, version, key, last)? else {
        return Err(Error::new(
            ErrorKind::Condition,
            place(),
            format!("a sequence above {}", last.sequence),
            "one never appended",
        ));
    };
    let sha256 = Digest(sha256()?);
    if record.sha256 != sha256 {
        return Err(Error::new(ErrorKind::Condition, place(), format!("bytes with sha256 {}", record.sha256), sha256));
    }
    let mut holding = version.tail.live.range_with_digests(batch..batch + 1);
    let none = || Error::corrupt(place(), "a live segment", "none");
    let (segment, segment_sha256) = holding.next().ok_or_else(none)??;
    let head = version.tip.head().ok_or_else(|| Error::corrupt(place(), "an event", "none"))?;
    Ok(Some(AppendReport {
        event: event.n,
        batch,
        group: event.detail.kind.batches().len() as u64,
        segment: segment.live.name(),
        rows: record.rows,
        source_bytes: record.bytes,
        segment_bytes: segment.live.bytes,
        source_sha256: record.sha256,
        packed_sha256: record.packed_sha256,
        segment_sha256,
        rejects: record.rejects,
        repeated: true,
        ..AppendReport::blank(head)
    }))
}

/// A batch that an event tells of.
struct Appended {
    event: Event,
    batch: u64,
    record: BatchRecord,
}

/// The batch that was appended under `key`, at or before the producer's newest.
fn appended(store: &dyn Store, version: &Version, key: &Idempotency, newest: Produced) -> Result<Option<Appended>> {
    // Sequence numbers rise, so the search starts at the newest and is over at once in the usual case.
    let event = version.event_of_batch(newest.batch)?;
    let end = if event + 1 < version.events() { version.tail.event(event + 1)?.offset } else { version.whole_bytes() };
    let io = |e| Error::io(paths::LEDGER, e);
    let file = store.open(paths::LEDGER).map_err(io)?;
    let mut lines = LinesBack::new(&*file, version.header.line().len() as u64 + 1, end);
    let mut chain = version.tail.event(event)?.chain;
    while let Some(line) = lines.next().map_err(io)? {
        let event = parse_line(&line).map_err(|e| Error::from(e).within(paths::LEDGER))?;
        if event.chain != chain {
            return Err(Error::corrupt(paths::LEDGER, format!("chain value {chain}"), event.chain));
        }
        chain = event.prev;
        let batches = event.detail.kind.batches();
        let own = |record: &BatchRecord| {
            let own = record.idempotency.as_ref().filter(|own| own.producer == key.producer);
            own.map(|own| own.sequence).filter(|sequence| *sequence <= key.sequence)
        };
        if let Some((at, sequence)) = batches.iter().enumerate().rev().find_map(|(at, batch)| Some((at, own(batch)?))) {
            let batch = event.detail.totals.batches - (batches.len() - at) as u64;
            let record = batches[at].clone();
            return Ok((sequence == key.sequence).then_some(Appended { event, batch, record }));
        }
    }
    Ok(None)
}
