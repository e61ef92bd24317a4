//! The fold of events: what the table is after them, and whether they can all be true.
//!
//! * Live segments tile the batches from 0 in order, without gap or overlap.
//! * Totals are what the batches add up to, numbers are dense, times strictly increase, each link follows the one
//!   before.
//! * A segment's name is the one its event gives it; a file is removed only after a compaction replaced it.
//! * A rejected event leaves the state as it was.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    ops::Range,
};

use crate::{
    detail::{Kind, ManifestRef, Totals, expect_changes},
    digest::Digest,
    error::{Error, ErrorKind, Result},
    header::{Header, RowTree},
    json::Json,
    link::{ChainHead, Event},
    record::{BatchRecord, Carried, SCHEMA_BYTES_MAX, SegmentRecord, parse_segment_name, segment_name},
    time::Timestamp,
};

/// What a table is after some events.
///
/// It keeps every batch record, so it grows by some hundred bytes per batch; to write the next event, the last line of
/// the ledger is enough.
#[derive(Debug, Clone)]
pub struct State {
    rows: RowTree,
    chain: Digest,
    times: Vec<Timestamp>,
    totals: Totals,
    manifest: Option<ManifestRef>,
    batches: Vec<BatchRecord>,
    /// Rows up to and with each batch.
    row_ends: Vec<u64>,
    /// Per append: the event, and the totals after it.
    appends: Vec<(u64, Totals)>,
    live: Vec<SegmentRecord>,
    /// By event and part of the name.
    replaced: BTreeMap<(u64, u64), Replaced>,
    schema: Vec<SchemaEvent>,
    producers: HashMap<String, Produced>,
}

/// A segment that a compaction replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Its record.
    pub segment: SegmentRecord,
    /// The compaction.
    pub by: u64,
    /// The vacuum event that says the file is gone.
    pub vacuumed: Option<u64>,
}

/// Changes of the schema, and the event they happened at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaEvent {
    /// The event; its own batches are read with the changes made.
    pub event: u64,
    /// The changes, or their digest if they lie in a segment's footer and were not supplied.
    pub changes: Carried,
}

/// The newest batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Produced {
    /// The producer's own number for it.
    pub sequence: u64,
    /// The batch.
    pub batch: u64,
}

impl State {
    /// The state before event 0.
    pub fn new(header: &Header) -> Self {
        Self {
            rows: header.rows(),
            chain: header.genesis(),
            times: Vec::new(),
            totals: Totals::default(),
            manifest: None,
            batches: Vec::new(),
            row_ends: Vec::new(),
            appends: Vec::new(),
            live: Vec::new(),
            replaced: BTreeMap::new(),
            schema: Vec::new(),
            producers: HashMap::new(),
        }
    }

    /// Adds the next event. Schema changes that lie in a segment's footer stay a digest in [`State::schema`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Contradiction`] if the event cannot be true after those before it.
    pub fn apply(&mut self, event: &Event) -> Result<()> {
        self.check_and_apply(event, None).map_err(|error| error.at(format_args!("event {}", event.n)))
    }

    /// Adds the next event; `resolve` supplies schema changes that lie in a segment's footer, given their digest.
    ///
    /// # Errors
    ///
    /// As [`State::apply`]; also the resolver's error, and [`ErrorKind::Damaged`] if the text it supplies is not the
    /// text that the event binds.
    pub fn apply_with(&mut self, event: &Event, resolve: impl FnOnce(Digest) -> io::Result<Vec<u8>>) -> Result<()> {
        let resolved = match &event.detail.kind {
            Kind::Append { schema: Some(Carried::InFooter(sha256)), .. } => {
                resolve(*sha256).map_err(Error::from).and_then(|text| expect_schema(&text, *sha256)).map(Some)
            }
            _ => Ok(None),
        };
        resolved
            .map_err(|error| error.at("schema"))
            .and_then(|resolved| self.check_and_apply(event, resolved))
            .map_err(|error| error.at(format_args!("event {}", event.n)))
    }

    pub(crate) fn check_and_apply(&mut self, event: &Event, resolved_schema: Option<Json>) -> Result<()> {
        let detail = &event.detail;
        expect_equal("number", self.events(), event.n)?;
        if event.prev != self.chain {
            return Err(Error::damaged(format!("expected chain value {} before it, found {}", self.chain, event.prev)));
        }
        if let Some(last) = self.times.last().filter(|last| **last >= event.ts) {
            return Err(Error::contradiction(format!("expected a time after {last}, found {}", event.ts)));
        }
        let totals = self.totals.plus(detail.kind.batches());
        let totals = totals.ok_or_else(|| Error::contradiction("expected totals of 64 bits, found more"))?;
        expect_equal("batches_total", totals.batches, detail.totals.batches)?;
        expect_equal("rows_total", totals.rows, detail.totals.rows)?;
        expect_equal("bytes_total", totals.bytes, detail.totals.bytes)?;
        self.check_manifest(event)?;

        match &detail.kind {
            Kind::Append { batches, segments, schema } => {
                let row_ends = self.check_batches(batches)?;
                let produced = self.check_producers(batches)?;
                // Row counts of the new segments are sums over the new batches.
                self.row_ends.extend(row_ends);
                if let Err(error) = self.check_segments(event.n, self.totals.batches..totals.batches, segments) {
                    self.row_ends.truncate(self.batches.len());
                    return Err(error);
                }
                self.batches.extend_from_slice(batches);
                self.live.extend_from_slice(segments);
                self.appends.push((event.n, totals));
                self.producers.extend(produced);
                if let Some(schema) = schema {
                    let changes = resolved_schema.map_or_else(|| schema.clone(), Carried::Inline);
                    self.schema.push(SchemaEvent { event: event.n, changes });
                }
            }
            Kind::Compact { drop, segments } => {
                let borders = self.borders(drop).ok_or_else(|| {
                    let found = format!("{}..{}", drop.start, drop.end);
                    Error::contradiction(format!("expected batches from segment border to border, found {found}"))
                        .at("drop")
                })?;
                self.check_segments(event.n, drop.clone(), segments)?;
                for segment in self.live.splice(borders, segments.iter().cloned()) {
                    let id = parse_segment_name(&segment.name).expect("checked when the segment became live");
                    self.replaced.insert(id, Replaced { segment, by: event.n, vacuumed: None });
                }
            }
            Kind::Vacuum { through, names } => {
                if *through >= event.n {
                    return Err(below("through", event.n, *through));
                }
                let ids = names.iter().map(|name| self.check_vacuumed(name, *through)).collect::<Result<Vec<_>>>()?;
                for id in ids {
                    if let Some(replaced) = self.replaced.get_mut(&id) {
                        replaced.vacuumed.get_or_insert(event.n);
                    }
                }
            }
            Kind::Schema { changes } => {
                self.schema.push(SchemaEvent { event: event.n, changes: Carried::Inline(changes.clone()) });
            }
            Kind::Anchor { size, .. } if *size > event.n => return Err(below("size", event.n + 1, *size)),
            Kind::Anchor { .. } | Kind::Key { .. } | Kind::Note { .. } => {}
        }
        self.chain = event.chain;
        self.times.push(event.ts);
        self.totals = totals;
        self.manifest = detail.manifest;
        Ok(())
    }

    fn check_manifest(&self, event: &Event) -> Result<()> {
        match (&self.manifest, &event.detail.manifest) {
            (Some(_), None) => Err(Error::contradiction("expected a manifest as before, found null").at("manifest")),
            (_, Some(manifest)) if manifest.events == 0 || manifest.events > event.n => {
                let message = format!("expected a manifest of 1 to {} events, found {}", event.n, manifest.events);
                Err(Error::contradiction(message).at("manifest"))
            }
            (Some(old), Some(new)) if new.events < old.events => {
                let message = format!("expected a manifest of at least {} events, found {}", old.events, new.events);
                Err(Error::contradiction(message).at("manifest"))
            }
            _ => Ok(()),
        }
    }

    /// The row ends of these batches.
    fn check_batches(&self, batches: &[BatchRecord]) -> Result<Vec<u64>> {
        let mut rows = self.totals.rows;
        let check = |(i, batch): (usize, &BatchRecord)| {
            if batch.rows_root.is_some() != (self.rows == RowTree::SourceBytes) {
                let expected = if batch.rows_root.is_some() { "no" } else { "a" };
                let message = format!("expected {expected} rows_root, as the header says");
                return Err(Error::contradiction(message).at(format_args!("batches[{i}]")));
            }
            // No overflow: the sum over all of them was checked.
            rows += batch.rows;
            Ok(rows)
        };
        batches.iter().enumerate().map(check).collect()
    }

    fn check_producers(&self, batches: &[BatchRecord]) -> Result<HashMap<String, Produced>> {
        let mut produced = HashMap::<String, Produced>::new();
        for (batch, record) in (self.totals.batches..).zip(batches) {
            let Some(key) = &record.idempotency else { continue };
            let last = produced.get(&key.producer).or_else(|| self.producers.get(&key.producer));
            if let Some(last) = last.filter(|last| last.sequence >= key.sequence) {
                let message = format!("expected a sequence above {}, found {}", last.sequence, key.sequence);
                return Err(Error::contradiction(message).at(format_args!("batch {batch}: idempotency")));
            }
            produced.insert(key.producer.clone(), Produced { sequence: key.sequence, batch });
        }
        Ok(produced)
    }

    /// New segments tile `batches` exactly, have the rows of their batches and the names of event `n`.
    fn check_segments(&self, n: u64, batches: Range<u64>, segments: &[SegmentRecord]) -> Result<()> {
        let mut at = batches.start;
        for (part, segment) in (0..).zip(segments) {
            let check = || {
                let Range { start, end } = segment.batch;
                if start != at || end <= start || end > batches.end {
                    let found = format!("{start}..{end}");
                    let message = format!("expected batches from {at}, at most to {}, found {found}", batches.end);
                    return Err(Error::contradiction(message).at("batch"));
                }
                expect_equal("rows", self.rows_before(end) - self.rows_before(start), segment.rows)?;
                let name = segment_name(n, part);
                if segment.name != name {
                    return Err(Error::contradiction(format!("expected {name}, found {:.80}", segment.name)).at("name"));
                }
                if let Some(event) = segment.schema_at.filter(|event| *event >= n) {
                    return Err(below("schema_at", n, event));
                }
                at = end;
                Ok(())
            };
            let mut check = check;
            check().map_err(|error: Error| error.at(format_args!("seg[{part}]")))?;
        }
        expect_equal("end of the segments' batches", batches.end, at).map_err(|error| error.at("seg"))
    }

    /// The live segments that hold exactly these batches.
    fn borders(&self, batches: &Range<u64>) -> Option<Range<usize>> {
        let first = self.live.binary_search_by_key(&batches.start, |segment| segment.batch.start).ok()?;
        let last = self.live.binary_search_by_key(&batches.end, |segment| segment.batch.end).ok()?;
        (first <= last).then_some(first..last + 1)
    }

    fn check_vacuumed(&self, name: &str, through: u64) -> Result<(u64, u64)> {
        let replaced = parse_segment_name(name).and_then(|id| Some((id, self.replaced.get(&id)?)));
        match replaced {
            Some((id, replaced)) if replaced.by <= through => Ok(id),
            _ => {
                let message = format!("expected a segment replaced by event {through} or before, found {name:.80}");
                Err(Error::contradiction(message).at("names"))
            }
        }
    }

    fn rows_before(&self, batch: u64) -> u64 {
        let last = batch.checked_sub(1).and_then(|last| usize::try_from(last).ok());
        last.and_then(|last| self.row_ends.get(last)).copied().unwrap_or(0)
    }

    /// The number of events, which is the next event's number.
    pub fn events(&self) -> u64 {
        self.times.len() as u64
    }

    /// The chain value after the newest event; the genesis before event 0.
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// The receipt for this state; `None` before event 0.
    pub fn head(&self) -> Option<ChainHead> {
        Some(ChainHead { n: self.events().checked_sub(1)?, chain: self.chain })
    }

    /// The newest event's time.
    pub fn ts(&self) -> Option<Timestamp> {
        self.times.last().copied()
    }

    /// How the header says rows are hashed.
    pub fn row_tree(&self) -> RowTree {
        self.rows
    }

    /// Batches, rows and source bytes.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The totals after event `n`: the table at event `n` is its first `rows` rows.
    pub fn totals_at(&self, n: u64) -> Option<Totals> {
        if n >= self.events() {
            return None;
        }
        let appends = self.appends.partition_point(|(event, _)| *event <= n);
        Some(appends.checked_sub(1).map_or_else(Totals::default, |last| self.appends[last].1))
    }

    /// The newest event that is not after `time`.
    pub fn event_at(&self, time: Timestamp) -> Option<u64> {
        (self.times.partition_point(|ts| *ts <= time) as u64).checked_sub(1)
    }

    /// The time of event `n`.
    pub fn ts_of(&self, n: u64) -> Option<Timestamp> {
        self.times.get(usize::try_from(n).ok()?).copied()
    }

    /// The newest manifest root that an event names.
    pub fn manifest(&self) -> Option<ManifestRef> {
        self.manifest
    }

    /// The live segments, in the order of their batches.
    pub fn live(&self) -> &[SegmentRecord] {
        &self.live
    }

    /// The segments that were live after the first `events` events, in the order of their batches. Their files may be gone.
    pub fn live_after(&self, events: u64) -> Vec<&SegmentRecord> {
        let before =
            |segment: &SegmentRecord| parse_segment_name(&segment.name).is_some_and(|(event, _)| event < events);
        let mut then: Vec<_> = self.live.iter().filter(|segment| before(segment)).collect();
        if events < self.events() {
            let replaced = self.replaced.values().filter(|replaced| replaced.by >= events && before(&replaced.segment));
            then.extend(replaced.map(|replaced| &replaced.segment));
            then.sort_unstable_by_key(|segment| segment.batch.start);
        }
        then
    }

    /// How many of the first `events` events are appends.
    pub fn appends_after(&self, events: u64) -> u64 {
        self.appends.partition_point(|(event, _)| *event < events) as u64
    }

    /// The segment of this name, if a compaction replaced it.
    pub fn replaced_segment(&self, name: &str) -> Option<&Replaced> {
        self.replaced.get(&parse_segment_name(name)?)
    }

    /// The live segment that holds a batch.
    pub fn segment_of(&self, batch: u64) -> Option<&SegmentRecord> {
        self.live.get(self.live.partition_point(|segment| segment.batch.end <= batch))
    }

    /// Segments that compactions replaced, in the order of their names.
    pub fn replaced(&self) -> impl Iterator<Item = &Replaced> {
        self.replaced.values()
    }

    /// Every change of the schema so far, oldest first.
    pub fn schema(&self) -> &[SchemaEvent] {
        &self.schema
    }

    /// All batches, in order.
    pub fn batches(&self) -> &[BatchRecord] {
        &self.batches
    }

    /// The event that appended a batch.
    pub fn batch_event(&self, batch: u64) -> Option<u64> {
        self.appends.get(self.appends.partition_point(|(_, totals)| totals.batches <= batch)).map(|(event, _)| *event)
    }

    /// The table's rows that a batch is.
    pub fn batch_rows(&self, batch: u64) -> Option<Range<u64>> {
        (batch < self.totals.batches).then(|| self.rows_before(batch)..self.rows_before(batch + 1))
    }

    /// The newest batch of a producer, by its own numbers.
    pub fn produced(&self, producer: &str) -> Option<Produced> {
        self.producers.get(producer).copied()
    }
}

fn expect_schema(text: &[u8], sha256: Digest) -> Result<Json> {
    let found = Digest::of(text);
    if found != sha256 {
        return Err(Error::damaged(format!("expected hash {sha256}, found {found}")));
    }
    let changes = Json::from_canonical(text)?;
    expect_changes(&changes)?;
    if text.len() <= SCHEMA_BYTES_MAX {
        let message = format!("expected more than {SCHEMA_BYTES_MAX} bytes outside the event, found {}", text.len());
        return Err(Error::damaged(message));
    }
    Ok(changes)
}

fn expect_equal(place: &str, expected: u64, found: u64) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Contradiction, format!("expected {expected}, found {found}")).at(place))
}

fn below(place: &str, limit: u64, found: u64) -> Error {
    Error::contradiction(format!("expected a number below {limit}, found {found}")).at(place)
}
