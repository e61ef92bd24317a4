//! One state of a table: what the newest bound manifest says, and the few events after it.
//!
//! * A reader sees the events up to the last full line; a torn tail is somebody's unfinished or lost append, and is ignored.
//! * Opening reads the header, the last line, the root that it names, and the ledger from where that root ends. The root's
//!   chain value is that of the line before, so what is read is tied to it.
//! * Without a root, or without one of its blocks, the ledger is folded from its start: slowly, to the same answers.
//! * What was folded before is believed again only if the last line folded still stands where it stood.
//! * A line with LF whose hash is wrong is damage, and never read past.

use std::{
    cell::OnceCell,
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, OnceLock},
};

use at1_codec::column::Pin;
use at1_ledger::{
    Carried, Digest, ErrorKind as LedgerErrorKind, Header, Json, Kind, ManifestRef, Past, Produced, SchemaEvent,
    SegmentRecord, State, Tip, parse_line, parse_segment_name, segment_name,
};

use crate::{
    error::{Error, ErrorKind, Result},
    manifest::{Entry, EventEntry, Live, LiveSegments, Manifest, Pending, Tail},
    schema::TableSchema,
    schemas::Schemas,
    segments,
    store::Store,
    zones,
};

mod history;
mod look;
#[cfg(test)]
mod tests;

pub(crate) use history::{Events, Origin};
pub(crate) use look::{Footing, Look, first, look};

/// How many events are kept one by one before they are folded into a manifest in memory.
const SETTLE_EVENTS: usize = if cfg!(test) { 512 } else { 4096 };

/// One state of a table.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) header: Header,
    pub(crate) tip: Tip,
    /// A manifest, and what happened since.
    pub(crate) tail: Tail,
    schemas: Schemas,
    /// The last full line; the header's before event 0.
    last_line: Vec<u8>,
    /// The bound root whose blocks are asked, if it is not the fold of the whole ledger.
    rests_on: Option<ManifestRef>,
    /// The newest root that was tried, and could not be had.
    missed: Option<ManifestRef>,
    /// Segments whose zones lie in their footers, and have not been read from there.
    unread: Vec<(Entry, Digest)>,
    /// The live segments with all zones, once they were asked for.
    zoned: OnceLock<LiveSegments>,
    /// Everything up to some event, once somebody needed it. Shared with the versions that this one became.
    history: Arc<Mutex<Option<Arc<State>>>>,
}

impl Version {
    /// Before event 0. `line` is the header's.
    fn start(header: Header, line: Vec<u8>) -> Self {
        let manifest = Manifest::empty(&header, line.len() as u64);
        let tip = Tip::new(&header);
        Self::on(header, manifest, tip, Schemas::default(), line)
    }

    fn on(header: Header, manifest: Manifest, tip: Tip, schemas: Schemas, last_line: Vec<u8>) -> Self {
        Self {
            header,
            tip,
            tail: Tail::new(manifest),
            schemas,
            last_line,
            rests_on: None,
            missed: None,
            unread: vec![],
            zoned: OnceLock::new(),
            history: Arc::default(),
        }
    }

    /// Folds the next line. After an error the state is not to be used.
    pub(crate) fn push(&mut self, store: &dyn Store, line: &[u8]) -> Result<()> {
        let n = self.tip.events();
        self.push_event(store, line).map_err(|e| e.within(&format!("event {n}")))
    }

    fn push_event(&mut self, store: &dyn Store, line: &[u8]) -> Result<()> {
        let event = parse_line(line).map_err(|e| match e.kind() {
            // An operation of a later version: what it did is not known, so nothing after it is either.
            LedgerErrorKind::Unknown => Error::from(e).with_kind(ErrorKind::Unsupported),
            _ => Error::from(e),
        })?;
        let (n, first_batch) = (event.n, self.tip.totals().batches);
        let mut tip = self.tip.clone();
        tip.apply(&event, &Before { version: self, store, replaced: OnceCell::new() })?;
        match &event.detail.kind {
            Kind::Append { batches, segments, schema } => {
                if let Some(changes) = schema {
                    let behind = self.whole_bytes() + line.len() as u64;
                    let changes = match changes {
                        Carried::Inline(changes) => changes.clone(),
                        Carried::InFooter(sha256) => look::long_changes(store, segments, first_batch, behind, *sha256)
                            .map_err(|e| e.within("schema"))?,
                    };
                    self.push_schema(n, changes)?;
                }
                let source_bytes = |record: &SegmentRecord| {
                    let index = |batch: u64| usize::try_from(batch - first_batch).unwrap_or(usize::MAX);
                    let held = batches.get(index(record.batch.start)..index(record.batch.end)).unwrap_or_default();
                    held.iter().map(|batch| batch.bytes).sum()
                };
                let source_bytes: Vec<u64> = segments.iter().map(source_bytes).collect();
                let entries = self.entries(segments, &source_bytes)?;
                self.tail.live.push(entries)?;
                for (batch, record) in (first_batch..).zip(batches) {
                    if let Some(key) = &record.idempotency {
                        let produced = Produced { sequence: key.sequence, batch };
                        self.tail.producers.insert(key.producer.clone(), produced);
                    }
                }
                self.tail.appends += 1;
            }
            Kind::Compact { drop, segments } => {
                let source_bytes = |SegmentRecord { batch, .. }: &SegmentRecord| {
                    let totals = |batch| self.totals_before(store, batch);
                    Ok(totals(batch.end)?.bytes - totals(batch.start)?.bytes)
                };
                let source_bytes = segments.iter().map(source_bytes).collect::<Result<Vec<u64>>>()?;
                let entries = self.entries(segments, &source_bytes)?;
                let pending =
                    |live: Live| Pending { event: live.event, part: live.part, bytes: live.bytes, by: n, ts: event.ts };
                let replaced = self.tail.live.replace(drop.clone(), entries)?;
                self.tail.replaced.extend(replaced.into_iter().map(pending));
            }
            Kind::Vacuum { names, .. } => {
                self.tail.vacuumed.extend(names.iter().filter_map(|name| parse_segment_name(name)));
            }
            Kind::Schema { changes } => self.push_schema(n, changes.clone())?,
            _ => {}
        }
        let offset = self.whole_bytes();
        let totals = event.detail.totals;
        let entry = EventEntry { offset, chain: event.chain, ts: event.ts, totals };
        let rejects = event.detail.kind.batches().iter().fold(0u64, |sum, batch| sum.saturating_add(batch.rejects));
        self.tail.push(entry, line.len() as u64, rejects);
        self.tip = tip;
        self.last_line = line.to_vec();
        self.zoned = OnceLock::new();
        Ok(())
    }

    fn push_schema(&mut self, event: u64, changes: Json) -> Result<()> {
        self.schemas.push(event, changes.clone())?;
        self.tail.schema.push(SchemaEvent { event, changes: Carried::Inline(changes) });
        Ok(())
    }

    /// What is kept of an event's segments. Zones that lie in a footer are read when somebody asks for zones.
    fn entries(&mut self, records: &[SegmentRecord], source_bytes: &[u64]) -> Result<Vec<Entry>> {
        let mut unread = vec![];
        let entry = |(record, &source_bytes): (&SegmentRecord, &u64)| {
            let live = Live::new(record, source_bytes)?;
            let pins = self.schemas.pins_at(live.schema_at);
            let zones = record.zones.inline().map(|zones| zones::parse(zones, &record.name)).transpose()?;
            let entry = Entry { live, sha256: record.sha256, zones: zones.unwrap_or_default(), pins };
            if let Carried::InFooter(sha256) = record.zones
                && record.rows > 0
            {
                unread.push((entry.clone(), sha256));
            }
            Ok(entry)
        };
        let entries = records.iter().zip(source_bytes).map(entry).collect::<Result<Vec<_>>>()?;
        self.unread.extend(unread);
        Ok(entries)
    }

    /// The number of events.
    pub(crate) fn events(&self) -> u64 {
        self.tip.events()
    }

    /// The length of the ledger up to the last full line.
    pub(crate) fn whole_bytes(&self) -> u64 {
        self.tail.ledger_bytes
    }

    /// The newest schema.
    pub(crate) fn schema(&self) -> &Arc<TableSchema> {
        self.schemas.newest()
    }

    pub(crate) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// The types and readings that a segment was written with.
    pub(crate) fn pins_of(&self, live: &Live) -> Arc<Vec<Pin>> {
        self.schemas.pins_at(live.schema_at)
    }

    /// Whether a segment is live.
    pub(crate) fn is_live(&self, segment: &Live) -> Result<bool> {
        let now = self.tail.live.at_batch(segment.batch.start)?;
        Ok(now.is_some_and(|now| (now.live.event, now.live.part) == (segment.event, segment.part)))
    }

    /// The live segments as queries need them: with the zones that lie in footers too. Adds what had to be read for them to
    /// `bytes_read`.
    pub(crate) fn zoned(&self, store: &dyn Store, bytes_read: &mut u64) -> Result<LiveSegments> {
        if self.unread.is_empty() {
            return Ok(self.tail.live.clone());
        }
        if let Some(zoned) = self.zoned.get() {
            return Ok(zoned.clone());
        }
        let (live, _) = self.read_zones(store, bytes_read)?;
        Ok(self.zoned.get_or_init(|| live).clone())
    }

    /// The live segments with all zones that can be read, and those whose files are not there.
    fn read_zones(&self, store: &dyn Store, bytes_read: &mut u64) -> Result<(LiveSegments, Vec<(Entry, Digest)>)> {
        let mut live = self.tail.live.clone();
        let mut left = vec![];
        for (entry, sha256) in &self.unread {
            if !self.is_live(&entry.live)? {
                continue;
            }
            match zones::of_footer(store, &entry.live, *sha256, bytes_read)? {
                Some(zones) => {
                    live.replace(entry.live.batch.clone(), vec![Entry { zones, ..entry.clone() }])?;
                }
                // Without its file nothing is known, and it will be looked for when it is read.
                None => left.push((entry.clone(), *sha256)),
            }
        }
        Ok((live, left))
    }

    /// Folds what happened since the manifest into a new one, in memory.
    fn settle(&mut self, store: &dyn Store) -> Result<()> {
        let (live, left) = self.read_zones(store, &mut 0)?;
        let tail = Tail { live, ..self.tail.clone() };
        self.tail = Tail::new(tail.advance()?);
        self.unread = left;
        self.zoned = OnceLock::new();
        Ok(())
    }

    /// How many events lie behind the bound root that this rests on; all of them if it rests on none.
    pub(crate) fn events_behind(&self) -> u64 {
        self.events() - self.rests_on.map_or(0, |bound| bound.events)
    }

    /// The manifest of all these events. Its new blocks are in memory.
    ///
    /// # Errors
    /// If a block cannot be read; or a segment, of which not all is known then.
    pub(crate) fn settled(&self, store: &dyn Store) -> Result<Manifest> {
        let (live, left) = self.read_zones(store, &mut 0)?;
        match left.first() {
            Some((entry, _)) => Err(segments::missing(&entry.live.name())),
            None => Tail { live, ..self.tail.clone() }.advance(),
        }
    }
}

/// The past as the checks of the next event ask for it.
struct Before<'a> {
    version: &'a Version,
    store: &'a dyn Store,
    /// The compactions that replaced segments, but for those whose files were vacuumed before the manifest.
    replaced: OnceCell<HashMap<(u64, u64), u64>>,
}

impl Before<'_> {
    fn replaced(&self) -> Result<&HashMap<(u64, u64), u64>> {
        if let Some(replaced) = self.replaced.get() {
            return Ok(replaced);
        }
        let tail = &self.version.tail;
        let replaced = tail.manifest().replaced()?.into_iter().chain(tail.replaced.iter().copied());
        let replaced = replaced.map(|pending| ((pending.event, pending.part), pending.by));
        Ok(self.replaced.get_or_init(|| replaced.collect()))
    }
}

impl Past for Before<'_> {
    type Error = Error;

    fn produced(&self, producer: &str) -> Result<Option<Produced>> {
        self.version.tail.producer(producer)
    }

    fn is_bordered(&self, batches: &Range<u64>) -> Result<bool> {
        let live = &self.version.tail.live;
        let (Some(first), Some(last)) = (live.at_batch(batches.start)?, live.at_batch(batches.end - 1)?) else {
            return Ok(false);
        };
        Ok(first.live.batch.start == batches.start && last.live.batch.end == batches.end)
    }

    fn rows_of(&self, batches: Range<u64>) -> Result<u64> {
        let totals = |batch| self.version.totals_before(self.store, batch);
        Ok(totals(batches.end)?.rows - totals(batches.start)?.rows)
    }

    fn replaced_by(&self, id: (u64, u64)) -> Result<Option<u64>> {
        if let Some(by) = self.replaced()?.get(&id) {
            return Ok(Some(*by));
        }
        // A file that was vacuumed before may be named again: only the history up to the manifest tells.
        let history = self.version.history_since(self.store, self.version.tail.manifest().root().events)?;
        let name = segment_name(id.0, id.1);
        Ok(history.replaced_segment(&name).map(|replaced| replaced.by))
    }
}
