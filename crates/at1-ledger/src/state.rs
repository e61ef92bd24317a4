//! The fold of events: what the table is after them, and whether they can all be true.
//!
//! * Live segments tile the batches from 0 in order, without gap or overlap.
//! * What an event must agree with is checked by its [`Tip`]; here is kept what those checks ask, and everything else.
//! * A rejected event leaves the state as it was.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    ops::Range,
};

use crate::{
    detail::{Kind, ManifestRef, Totals, expect_changes},
    digest::Digest,
    error::{Error, Result},
    header::{Header, RowTree},
    json::Json,
    link::{ChainHead, Event},
    record::{BatchRecord, Carried, SCHEMA_BYTES_MAX, SegmentRecord, parse_segment_name},
    time::Timestamp,
    tip::{Past, Produced, Tip},
};

/// What a table is after some events.
///
/// It keeps every batch record, so it grows by some hundred bytes per batch; to write the next event, a [`Tip`] is enough.
#[derive(Debug, Clone)]
pub struct State {
    tip: Tip,
    past: Everything,
}

/// All that events said.
#[derive(Debug, Clone, Default)]
struct Everything {
    times: Vec<Timestamp>,
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

impl State {
    /// The state before event 0.
    pub fn new(header: &Header) -> Self {
        Self { tip: Tip::new(header), past: Everything::default() }
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
        self.tip.apply(event, &self.past)?;
        self.past.add(event, self.tip.totals(), resolved_schema);
        Ok(())
    }

    /// Where the next event goes on.
    pub fn tip(&self) -> &Tip {
        &self.tip
    }

    /// The number of events, which is the next event's number.
    pub fn events(&self) -> u64 {
        self.tip.events()
    }

    /// The chain value after the newest event; the genesis before event 0.
    pub fn chain(&self) -> Digest {
        self.tip.chain()
    }

    /// The receipt for this state; `None` before event 0.
    pub fn head(&self) -> Option<ChainHead> {
        self.tip.head()
    }

    /// The newest event's time.
    pub fn ts(&self) -> Option<Timestamp> {
        self.tip.ts()
    }

    /// How the header says rows are hashed.
    pub fn row_tree(&self) -> RowTree {
        self.tip.row_tree()
    }

    /// Batches, rows and source bytes.
    pub fn totals(&self) -> Totals {
        self.tip.totals()
    }

    /// The totals after event `n`: the table at event `n` is its first `rows` rows.
    pub fn totals_at(&self, n: u64) -> Option<Totals> {
        if n >= self.events() {
            return None;
        }
        let appends = self.past.appends.partition_point(|(event, _)| *event <= n);
        Some(appends.checked_sub(1).map_or_else(Totals::default, |last| self.past.appends[last].1))
    }

    /// The newest event that is not after `time`.
    pub fn event_at(&self, time: Timestamp) -> Option<u64> {
        (self.past.times.partition_point(|ts| *ts <= time) as u64).checked_sub(1)
    }

    /// The time of event `n`.
    pub fn ts_of(&self, n: u64) -> Option<Timestamp> {
        self.past.times.get(usize::try_from(n).ok()?).copied()
    }

    /// The newest manifest root that an event names.
    pub fn manifest(&self) -> Option<ManifestRef> {
        self.tip.manifest()
    }

    /// The live segments, in the order of their batches.
    pub fn live(&self) -> &[SegmentRecord] {
        &self.past.live
    }

    /// The segments that were live after the first `events` events, in the order of their batches. Their files may be gone.
    pub fn live_after(&self, events: u64) -> Vec<&SegmentRecord> {
        let before =
            |segment: &SegmentRecord| parse_segment_name(&segment.name).is_some_and(|(event, _)| event < events);
        let mut then: Vec<_> = self.past.live.iter().filter(|segment| before(segment)).collect();
        if events < self.events() {
            let replaced =
                self.past.replaced.values().filter(|replaced| replaced.by >= events && before(&replaced.segment));
            then.extend(replaced.map(|replaced| &replaced.segment));
            then.sort_unstable_by_key(|segment| segment.batch.start);
        }
        then
    }

    /// How many of the first `events` events are appends.
    pub fn appends_after(&self, events: u64) -> u64 {
        self.past.appends.partition_point(|(event, _)| *event < events) as u64
    }

    /// The segment of this name, if a compaction replaced it.
    pub fn replaced_segment(&self, name: &str) -> Option<&Replaced> {
        self.past.replaced.get(&parse_segment_name(name)?)
    }

    /// The live segment that holds a batch.
    pub fn segment_of(&self, batch: u64) -> Option<&SegmentRecord> {
        self.past.live.get(self.past.live.partition_point(|segment| segment.batch.end <= batch))
    }

    /// Segments that compactions replaced, in the order of their names.
    pub fn replaced(&self) -> impl Iterator<Item = &Replaced> {
        self.past.replaced.values()
    }

    /// Every change of the schema so far, oldest first.
    pub fn schema(&self) -> &[SchemaEvent] {
        &self.past.schema
    }

    /// All batches, in order.
    pub fn batches(&self) -> &[BatchRecord] {
        &self.past.batches
    }

    /// The event that appended a batch.
    pub fn batch_event(&self, batch: u64) -> Option<u64> {
        self.past
            .appends
            .get(self.past.appends.partition_point(|(_, totals)| totals.batches <= batch))
            .map(|(event, _)| *event)
    }

    /// The table's rows that a batch is.
    pub fn batch_rows(&self, batch: u64) -> Option<Range<u64>> {
        (batch < self.tip.totals().batches).then(|| self.past.rows_before(batch)..self.past.rows_before(batch + 1))
    }

    /// The newest batch of a producer, by its own numbers.
    pub fn produced(&self, producer: &str) -> Option<Produced> {
        self.past.producers.get(producer).copied()
    }
}

impl Everything {
    /// Adds an event that was checked, and the totals after it.
    fn add(&mut self, event: &Event, totals: Totals, resolved_schema: Option<Json>) {
        match &event.detail.kind {
            Kind::Append { batches, segments, schema } => {
                let mut rows = self.row_ends.last().copied().unwrap_or(0);
                for (batch, record) in (self.batches.len() as u64..).zip(batches) {
                    rows += record.rows;
                    self.row_ends.push(rows);
                    if let Some(key) = &record.idempotency {
                        self.producers.insert(key.producer.clone(), Produced { sequence: key.sequence, batch });
                    }
                }
                self.batches.extend_from_slice(batches);
                self.live.extend_from_slice(segments);
                self.appends.push((event.n, totals));
                if let Some(schema) = schema {
                    let changes = resolved_schema.map_or_else(|| schema.clone(), Carried::Inline);
                    self.schema.push(SchemaEvent { event: event.n, changes });
                }
            }
            Kind::Compact { drop, segments } => {
                let borders = self.borders(drop).expect("checked with the event");
                for segment in self.live.splice(borders, segments.iter().cloned()) {
                    let id = parse_segment_name(&segment.name).expect("checked when the segment became live");
                    self.replaced.insert(id, Replaced { segment, by: event.n, vacuumed: None });
                }
            }
            Kind::Vacuum { names, .. } => {
                for id in names.iter().filter_map(|name| parse_segment_name(name)) {
                    if let Some(replaced) = self.replaced.get_mut(&id) {
                        replaced.vacuumed.get_or_insert(event.n);
                    }
                }
            }
            Kind::Schema { changes } => {
                self.schema.push(SchemaEvent { event: event.n, changes: Carried::Inline(changes.clone()) });
            }
            Kind::Anchor { .. } | Kind::Key { .. } | Kind::Note { .. } => {}
        }
        self.times.push(event.ts);
    }

    /// The live segments that hold exactly these batches.
    fn borders(&self, batches: &Range<u64>) -> Option<Range<usize>> {
        let first = self.live.binary_search_by_key(&batches.start, |segment| segment.batch.start).ok()?;
        let last = self.live.binary_search_by_key(&batches.end, |segment| segment.batch.end).ok()?;
        (first <= last).then_some(first..last + 1)
    }

    fn rows_before(&self, batch: u64) -> u64 {
        let last = batch.checked_sub(1).and_then(|last| usize::try_from(last).ok());
        last.and_then(|last| self.row_ends.get(last)).copied().unwrap_or(0)
    }
}

impl Past for Everything {
    type Error = Error;

    fn produced(&self, producer: &str) -> Result<Option<Produced>> {
        Ok(self.producers.get(producer).copied())
    }

    fn is_bordered(&self, batches: &Range<u64>) -> Result<bool> {
        Ok(self.borders(batches).is_some())
    }

    fn rows_of(&self, batches: Range<u64>) -> Result<u64> {
        Ok(self.rows_before(batches.end) - self.rows_before(batches.start))
    }

    fn replaced_by(&self, id: (u64, u64)) -> Result<Option<u64>> {
        Ok(self.replaced.get(&id).map(|replaced| replaced.by))
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
