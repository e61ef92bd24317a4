//! Ledgers of random events that can all be true, without the files they speak of.

use std::{fs, io::Write as _, ops::Range, path::Path, sync::Arc};

use at1_ledger::{
    BatchRecord, Carried, Detail, Digest, Header, Idempotency, Json, Kind, ManifestRef, RowTree, SegmentRecord, State,
    Timestamp, link, segment_name,
};
use at1_testkit::Rng;
use serde_json::{Map, Value, json};

use crate::{
    manifest::Manifest,
    paths,
    store::{LocalStore, Store},
    version::Version,
};

/// A ledger as it grows.
pub(super) struct Forge {
    rng: Rng,
    ledger: fs::File,
    pub(super) state: State,
    pub(super) version: Version,
    pub(super) store: Arc<dyn Store>,
    last: Option<Detail>,
    /// The types of the columns.
    types: Vec<&'static str>,
    sequences: [u64; 3],
}

impl Forge {
    pub(super) fn new(seed: u64, folder: &Path) -> Self {
        let header = Header::new([7; 16], None, RowTree::None).unwrap();
        let mut line = header.line().into_bytes();
        line.push(b'\n');
        for home in [paths::STAGING, paths::MANIFEST] {
            fs::create_dir_all(folder.join(home)).unwrap();
        }
        fs::write(folder.join(paths::LEDGER), &line).unwrap();
        Self {
            rng: Rng::new(seed),
            state: State::new(&header),
            version: Version::start(header, line),
            ledger: fs::OpenOptions::new().append(true).open(folder.join(paths::LEDGER)).unwrap(),
            store: Arc::new(LocalStore::new(folder)),
            last: None,
            types: vec![],
            sequences: [0; 3],
        }
    }

    /// Adds an event, which binds `root` if that is something.
    pub(super) fn push(&mut self, kind: Kind, root: Option<ManifestRef>) {
        let n = self.state.events();
        let mut detail = Detail::after(self.last.as_ref(), kind).unwrap();
        detail.manifest = root.or(detail.manifest);
        let ts = Timestamp::from_nanos(1_700_000_000_000_000_000 + i128::from(n) * 1_000_000_000).unwrap();
        let link = link(self.state.chain(), n, &detail, ts).unwrap();
        self.state.apply(&link.event).unwrap();
        self.version.push(&*self.store, &link.line).unwrap();
        self.ledger.write_all(&link.line).unwrap();
        self.last = Some(detail);
    }

    /// Makes the root of all events durable, and binds it with the next.
    pub(super) fn bind(&mut self) -> Manifest {
        let manifest = self.version.settled(&*self.store).unwrap();
        manifest.write(&*self.store).unwrap();
        self.push(Kind::Note { text: "a root".into() }, Some(manifest.reference()));
        manifest
    }

    pub(super) fn random(&mut self, events: usize) {
        for _ in 0..events {
            let kind = match self.rng.below(20) {
                0..=12 => self.append(),
                13..=15 => self.compact().unwrap_or_else(|| self.append()),
                16 => self.vacuum().unwrap_or_else(|| self.append()),
                17 if self.types.len() > 1 => self.schema(),
                17 => self.append(),
                _ => Kind::Note { text: "x".repeat(self.rng.index(3_000)) },
            };
            self.push(kind, None);
        }
    }

    /// An append that leaves the schema as it is.
    pub(super) fn plain(&mut self) {
        let (rng, types) = (self.rng.clone(), self.types.clone());
        let mut append = self.append();
        if let Kind::Append { schema, segments, .. } = &mut append {
            *schema = None;
            let zones = json!({"c0": ["1", "2", 0]});
            segments.iter_mut().for_each(|segment| segment.zones = Carried::zones(Json::new(&zones).unwrap()));
        }
        (self.rng, self.types) = (Rng::new(rng.clone().next()), types);
        self.push(append, None);
    }

    pub(super) fn append(&mut self) -> Kind {
        let first = self.state.totals().batches;
        let batches: Vec<_> = (0..1 + self.rng.below(3)).map(|i| self.batch(first + i)).collect();
        let schema = match self.rng.below(12) {
            _ if self.types.is_empty() => {
                self.types = vec!["int64", "int64"];
                let add = |name: &str| json!({"kind": "add", "name": name, "header": null, "to": "int64"});
                let rules = json!({"kind": "dialect", "delimiter": ",", "quote": "\"", "nulls": []});
                Some(json!([rules, add("a"), add("b")]))
            }
            0 if self.types.len() < 9 => {
                self.types.push("int64");
                let name = format!("x{}", self.types.len());
                Some(json!([{"kind": "add", "name": name, "header": null, "to": "int64"}]))
            }
            _ => None,
        };
        let rows: Vec<u64> = batches.iter().map(|batch| batch.rows).collect();
        let segments = self.segments(first..first + batches.len() as u64, |batch| rows[(batch - first) as usize]);
        let schema = schema.map(|changes| Carried::schema(Json::new(&changes).unwrap()));
        Kind::Append { batches, segments, schema }
    }

    fn batch(&mut self, number: u64) -> BatchRecord {
        let (rows, sha256) = (self.rng.below(4), Digest::of(&number.to_le_bytes()));
        let mut record = BatchRecord::new(10 * rows + self.rng.below(10), sha256, rows, None);
        record.rejects = self.rng.below(8).saturating_sub(5);
        record.name = (self.rng.below(2) == 0).then(|| format!("{number}.csv"));
        let producer = self.rng.index(6);
        if let Some(sequence) = self.sequences.get_mut(producer) {
            *sequence += 1 + self.rng.below(3);
            record.idempotency = Some(Idempotency { producer: format!("p{producer}"), sequence: *sequence });
        }
        record
    }

    /// One or two segments that hold these batches.
    fn segments(&mut self, batches: Range<u64>, rows: impl Fn(u64) -> u64) -> Vec<SegmentRecord> {
        let middle = batches.start + self.rng.below(batches.end - batches.start);
        let parts = match middle > batches.start && self.rng.below(4) == 0 {
            true => vec![batches.start..middle, middle..batches.end],
            false => vec![batches],
        };
        let n = self.state.events();
        let parts = parts.into_iter().zip(0..);
        parts.map(|(batch, part)| self.segment(segment_name(n, part), batch.clone(), batch.map(&rows).sum())).collect()
    }

    fn segment(&mut self, name: String, batch: Range<u64>, rows: u64) -> SegmentRecord {
        let zone = |(column, _): (usize, &&str)| {
            let low = self.rng.below(1_000);
            (
                format!("c{column}"),
                json!([low.to_string(), (low + self.rng.below(50)).to_string(), self.rng.below(rows + 1)]),
            )
        };
        let zones: Map<String, Value> = self.types.iter().enumerate().map(zone).collect();
        SegmentRecord {
            bytes: 1_000 + self.rng.below(1_000),
            sha256: Digest::of(name.as_bytes()),
            footer_bytes: 100 + self.rng.below(100),
            footer_sha256: Digest::of(&rows.to_le_bytes()),
            name,
            batch,
            rows,
            zones: Carried::zones(Json::new(&Value::Object(zones)).unwrap()),
            schema_at: None,
            extra: Default::default(),
        }
    }

    fn compact(&mut self) -> Option<Kind> {
        let live = self.state.live();
        let first = self.rng.index(live.len().max(1));
        let last = (first + self.rng.index(6)).min(live.len().checked_sub(1)?);
        let drop = live[first].batch.start..live[last].batch.end;
        let rows: Vec<u64> =
            drop.clone().map(|batch| self.state.batch_rows(batch).map_or(0, |rows| rows.end - rows.start)).collect();
        let start = drop.start;
        let segments = self.segments(drop.clone(), |batch| rows[(batch - start) as usize]);
        Some(Kind::Compact { drop, segments })
    }

    fn vacuum(&mut self) -> Option<Kind> {
        // Now and then one for the second time, which nothing forbids.
        let odds = |replaced: &at1_ledger::Replaced| if replaced.vacuumed.is_some() { 40 } else { 2 };
        let (state, rng) = (&self.state, &mut self.rng);
        let names = state.replaced().filter(|replaced| rng.below(odds(replaced)) == 0);
        let names: Vec<_> = names.map(|replaced| replaced.segment.name.clone()).take(500).collect();
        (!names.is_empty()).then(|| Kind::Vacuum { through: self.state.events() - 1, names })
    }

    fn schema(&mut self) -> Kind {
        let column = self.rng.index(self.types.len());
        let change = match std::mem::replace(&mut self.types[column], "double") {
            "int64" => json!({"kind": "widen", "column": column, "from": "int64", "to": "double"}),
            _ => {
                self.types.push("int64");
                json!({"kind": "add", "name": format!("y{}", self.types.len()), "header": null, "to": "int64"})
            }
        };
        Kind::Schema { changes: Json::new(&json!([change])).unwrap() }
    }
}
