//! Histories at random: appends, compactions, vacuums, schema changes. What is true after each is kept in plain lists.

use std::{collections::BTreeMap, fmt::Write, ops::Range, sync::Arc};

use at1_catalog::ZoneText;
use at1_codec::{
    ColumnType, Schema,
    column::{Pin, Source},
};
use at1_ledger::{Carried, Digest, Header, Json, Produced, RowTree, SchemaEvent, Timestamp, Totals};
use at1_testkit::Rng;

use crate::manifest::{Entry, EventEntry, Live, Manifest, Pending, Tail};

pub(super) const HEADER_BYTES: u64 = 150;

/// One event, as whoever folds it meets it.
pub(super) struct Step {
    pub(super) event: EventEntry,
    line_bytes: u64,
    pub(super) deed: Deed,
    schema: Option<SchemaEvent>,
    producer: Option<(String, Produced)>,
}

pub(super) enum Deed {
    Append(Vec<Entry>),
    Compact(Range<u64>, Vec<Entry>),
    Vacuum(Vec<(u64, u64)>),
    Nothing,
}

/// A history.
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) steps: Vec<Step>,
    pub(super) live: Vec<Entry>,
    pub(super) pins: Vec<Arc<Vec<Pin>>>,
    pub(super) producers: BTreeMap<String, Produced>,
    pub(super) replaced: Vec<Pending>,
    pub(super) schema: Vec<SchemaEvent>,
    pub(super) totals: Totals,
    nanos: i128,
}

pub(super) fn header() -> Header {
    Header::new([7; 16], None, RowTree::None).unwrap()
}

/// Nothing yet.
pub(super) fn nothing() -> Tail {
    Tail::new(Manifest::empty(&header(), HEADER_BYTES))
}

/// Folds an event.
pub(super) fn fold(tail: &mut Tail, step: &Step) {
    let n = tail.root().events;
    match &step.deed {
        Deed::Append(entries) => {
            tail.live.push(entries.clone()).unwrap();
            tail.appends += 1;
        }
        Deed::Compact(batches, entries) => {
            let gone = tail.live.replace(batches.clone(), entries.clone()).unwrap();
            tail.replaced.extend(gone.iter().map(|live| pending(live, n, step.event.ts)));
        }
        Deed::Vacuum(names) => tail.vacuumed.extend(names.iter().copied()),
        Deed::Nothing => {}
    }
    tail.schema.extend(step.schema.clone());
    tail.producers.extend(step.producer.clone());
    tail.push(step.event, step.line_bytes, n % 3);
}

fn pending(live: &Live, by: u64, ts: Timestamp) -> Pending {
    Pending { event: live.event, part: live.part, bytes: live.bytes, by, ts }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let types = ["int64", "decimal(18,2)", "text", "timestamp", "double"];
        let pin = |word: &&str| {
            let mut pin: Pin = word.parse().unwrap();
            pin.reading.source = Source::Inferred;
            pin
        };
        Self {
            rng: Rng::new(seed),
            steps: vec![],
            live: vec![],
            pins: vec![Arc::new(types.iter().map(pin).collect())],
            producers: BTreeMap::new(),
            replaced: vec![],
            schema: vec![],
            totals: Totals::default(),
            nanos: 1_700_000_000_000_000_000,
        }
    }

    /// A history of so many events.
    pub(super) fn of(seed: u64, events: usize) -> Self {
        let mut world = Self::new(seed);
        (0..events).for_each(|_| world.step());
        world
    }

    fn now(&self) -> Arc<Vec<Pin>> {
        Arc::clone(self.pins.last().unwrap())
    }

    /// The next event.
    pub(super) fn step(&mut self) {
        let n = self.steps.len() as u64;
        let mut schema = None;
        let mut producer = None;
        self.nanos += i128::from(self.rng.below(5_000_000_000)) + 1;
        let ts = Timestamp::from_nanos(self.nanos).unwrap();
        let deed = match self.rng.below(24) {
            0..=15 => {
                if self.rng.one_in(30) {
                    schema = Some(self.change_schema(n));
                }
                let entries: Vec<Entry> = (0..self.rng.between(1, 4))
                    .map(|part| {
                        let batches = self.rng.between(1, 3) as u64;
                        let start = self.totals.batches;
                        let entry = self.entry(n, part as u64, start..start + batches);
                        self.totals.batches += batches;
                        self.totals.rows += entry.live.rows;
                        self.totals.bytes += entry.live.source_bytes;
                        entry
                    })
                    .collect();
                self.live.extend(entries.iter().cloned());
                if self.rng.one_in(6) {
                    let produced = Produced { sequence: n, batch: self.totals.batches - 1 };
                    let name = format!("p{}", self.rng.below(5));
                    self.producers.insert(name.clone(), produced);
                    producer = Some((name, produced));
                }
                Deed::Append(entries)
            }
            16..=18 if self.live.len() > 1 => self.compact(n, ts),
            19 => {
                let mut names = vec![];
                let rng = &mut self.rng;
                self.replaced.retain(|pending| {
                    let goes = rng.one_in(2);
                    names.extend(goes.then_some((pending.event, pending.part)));
                    !goes
                });
                Deed::Vacuum(names)
            }
            20 if self.rng.one_in(4) => {
                schema = Some(self.change_schema(n));
                Deed::Nothing
            }
            _ => Deed::Nothing,
        };
        let line_bytes = 100 + self.rng.below(500);
        let offset = self.steps.last().map_or(HEADER_BYTES, |last| last.event.offset + last.line_bytes);
        let chain = Digest::of(format!("event {n} {}", self.rng.next()).as_bytes());
        let event = EventEntry { offset, chain, ts, totals: self.totals };
        self.steps.push(Step { event, line_bytes, deed, schema, producer });
    }

    fn compact(&mut self, n: u64, ts: Timestamp) -> Deed {
        let first = self.rng.index(self.live.len());
        let most = if self.rng.one_in(40) { self.live.len() } else { 12 };
        let end = (first + 1 + self.rng.index(most)).min(self.live.len());
        let batches = self.live[first].live.batch.start..self.live[end - 1].live.batch.end;
        let gone = self.live[first..end].to_vec();
        self.replaced.extend(gone.iter().map(|entry| pending(&entry.live, n, ts)));
        self.replaced.sort_unstable();
        // One segment, or two that meet where old ones did.
        let middle = gone[self.rng.index(gone.len())].live.batch.end;
        let cuts = if self.rng.one_in(3) {
            vec![batches.start, middle, batches.end]
        } else {
            vec![batches.start, batches.end]
        };
        let mut entries = vec![];
        for cut in cuts.windows(2).filter(|cut| cut[0] < cut[1]) {
            let within = gone.iter().filter(|entry| (cut[0]..cut[1]).contains(&entry.live.batch.start));
            let (rows, source) =
                within.fold((0, 0), |(rows, source), entry| (rows + entry.live.rows, source + entry.live.source_bytes));
            let mut entry = self.entry(n, entries.len() as u64, cut[0]..cut[1]);
            entry.zones = self.zones(&entry.pins.clone(), rows, cut[0]);
            (entry.live.rows, entry.live.source_bytes) = (rows, source);
            entry.live.schema_at = n.saturating_sub(self.rng.below(3));
            entries.push(entry);
        }
        self.live.splice(first..end, entries.iter().cloned());
        Deed::Compact(batches, entries)
    }

    fn change_schema(&mut self, event: u64) -> SchemaEvent {
        let mut pins = (*self.now()).clone();
        let column = self.rng.index(pins.len());
        let pin = match self.rng.below(4) {
            0 => Pin { ty: self.rng_type(), reading: pins[column].reading },
            1 => Pin::from(pins[column].ty),
            2 => ColumnType::Text.into(),
            _ => {
                let ty = self.rng_type();
                pins.push(Pin { ty, reading: Default::default() });
                pins[column]
            }
        };
        pins[column] = pin;
        self.pins.push(Arc::new(pins));
        let changes = serde_json::json!([{ "kind": "test", "column": column, "event": event }]);
        let changes = SchemaEvent { event, changes: Carried::Inline(Json::new(&changes).unwrap()) };
        self.schema.push(changes.clone());
        changes
    }

    fn rng_type(&mut self) -> ColumnType {
        let word =
            self.rng.pick(&["int64", "decimal(18,2)", "decimal(38,4)", "double", "date", "boolean", "binary", "text"]);
        word.parse().unwrap()
    }

    fn entry(&mut self, event: u64, part: u64, batch: Range<u64>) -> Entry {
        let rows = if self.rng.one_in(12) { 0 } else { self.rng.below(200) };
        let pins = self.now();
        let zones = self.zones(&pins, rows, batch.start);
        let digest = |rng: &mut Rng| Digest::of(&rng.next().to_le_bytes());
        let live = Live {
            event,
            part,
            bytes: 1000 + self.rng.below(5000),
            footer_bytes: 300 + self.rng.below(100),
            footer_sha256: digest(&mut self.rng),
            batch,
            rows,
            source_bytes: rows * 30,
            schema_at: event,
        };
        Entry { live, sha256: digest(&mut self.rng), zones, pins }
    }

    /// Zones that mostly grow with the batches in column 0 and are anywhere in the others.
    fn zones(&mut self, pins: &[Pin], rows: u64, batch: u64) -> Vec<Option<ZoneText>> {
        let mut zones = vec![];
        for (column, pin) in pins.iter().enumerate() {
            let low = if column == 0 { batch as i64 * 3 - 200 } else { self.rng.between(-100, 100) };
            let high = low + self.rng.between(0, 9);
            let bound = |rng: &mut Rng, value| Some(bound(pin.ty, value)).filter(|_| !rng.one_in(20));
            let nulls = match self.rng.below(10) {
                0 => None,
                1 => Some(rows),
                2 => Some(rows + 1),
                3..6 => Some(self.rng.below(rows + 1)),
                _ => Some(0),
            };
            let rejects = if self.rng.one_in(9) { nulls.unwrap_or(1) } else { 0 };
            let valued = nulls != Some(rows);
            let zone = ZoneText {
                min: bound(&mut self.rng, low).flatten().filter(|_| valued),
                max: bound(&mut self.rng, high).flatten().filter(|_| valued),
                nulls,
                rejects,
            };
            zones.push(Some(zone).filter(|_| !self.rng.one_in(25)));
        }
        if self.rng.one_in(15) {
            zones.truncate(2);
        }
        zones
    }

    /// A predicate on columns that are read as `pins`.
    pub(super) fn predicate(&mut self, pins: &[Pin]) -> String {
        let mut text = String::new();
        let parts = self.rng.between(1, 3);
        for part in 0..parts {
            let column = if self.rng.one_in(2) { 0 } else { self.rng.index(pins.len()) };
            if part > 0 {
                text += self.rng.pick(&[" AND ", " AND ", " OR "]);
            }
            if self.rng.one_in(6) {
                text += "NOT ";
            }
            let value = match column {
                0 => self.rng.below(self.totals.batches * 3 + 10) as i64 - 200,
                _ => self.rng.between(-120, 120),
            };
            let null = self.rng.pick(&["IS NULL", "IS NOT NULL"]);
            let comparison = self.rng.pick(&["<", "<=", "=", "<>", ">", ">="]);
            match bound(pins[column].ty, value) {
                Some(value) if !self.rng.one_in(5) => {
                    let _ = write!(text, "c{column} {comparison} '{value}'");
                }
                _ => {
                    let _ = write!(text, "c{column} {null}");
                }
            }
        }
        text
    }
}

/// The columns that are read so.
pub(super) fn schema_of(pins: &[Pin]) -> Schema {
    Schema::named(pins.iter().map(|pin| (None, pin.ty)))
}

/// A value as an event writes it; bytes have none.
fn bound(ty: ColumnType, value: i64) -> Option<String> {
    let (sign, most) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    Some(match ty {
        ColumnType::Int64 => value.to_string(),
        ColumnType::Decimal { scale: 2, .. } => format!("{sign}{most}.{:02}", most % 100),
        ColumnType::Decimal { scale: 4, .. } => format!("{sign}{most}.{:04}", most % 10_000),
        ColumnType::Decimal { .. } => return None,
        ColumnType::Float64 => format!("{sign}{most}.5"),
        ColumnType::Boolean => (value > 0).to_string(),
        ColumnType::Date => format!("20{:02}-{:02}-01", most % 90 + 10, most % 12 + 1),
        ColumnType::Timestamp { .. } => format!("20{:02}-{:02}-01T00:00:00", most % 90 + 10, most % 12 + 1),
        ColumnType::Text => format!("k{:06}", value + 1000),
        ColumnType::Binary => return None,
    })
}
