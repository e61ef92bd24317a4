//! A toy table: what the worked example and the attacks are built on.
//!
//! * A batch is lines; blank ones belong to the record after them.
//! * A segment is `PAR1`, its batches, a footer of JSON with its length, `PAR1`.

use std::collections::BTreeMap;

use at1_ledger::{
    BatchRecord, Carried, ChainReport, Detail, Digest, Event, FileDigest, Frontier, Header, Json, Kind, ManifestRef,
    RowTree, SegmentRecord, State, Verdict, leaf_hash, link, parse_line, segment_name, verify_chain, verify_immutable,
};
use serde_json::{Value, json};

/// Bytes, and how many of them are the header.
pub(crate) type Batch<'a> = (&'a [u8], usize);

pub(crate) const BATCHES: [Batch<'static>; 3] =
    [(b"id,name\n1,ada\n2,bob\n\n3,\n", 8), (b"4,cy\n5,di\n6,eve", 0), (b"7,fay\n", 0)];

pub(crate) fn second(second: u64) -> at1_ledger::Timestamp {
    format!("2026-01-22T16:00:{second:02}.000000000Z").parse().unwrap()
}

pub(crate) fn records<'a>((bytes, header): Batch<'a>) -> Vec<&'a [u8]> {
    let (mut rows, mut start, mut at) = (Vec::new(), header, header);
    for line in bytes[header..].split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if line != b"\n" {
            rows.push(&bytes[start..at]);
            start = at;
        }
    }
    rows
}

pub(crate) fn batch_record(batch: Batch<'_>) -> BatchRecord {
    let mut tree = Frontier::new();
    records(batch).into_iter().for_each(|row| tree.push(row));
    BatchRecord::new(batch.0.len() as u64, Digest::of(batch.0), tree.size(), Some(tree.root()))
}

/// A segment's bytes and its footer's length.
pub(crate) fn encode(batches: &[Batch<'_>]) -> (Vec<u8>, u64) {
    let block = |(bytes, header): &Batch<'_>| json!({"bytes": bytes.len(), "head": header, "sha256": Digest::of(bytes).to_string()});
    let blocks: Vec<Value> = batches.iter().map(block).collect();
    let mut footer = at1_ledger::json::encode(&json!({ "blocks": blocks })).unwrap().into_bytes();
    footer.extend_from_slice(&u32::try_from(footer.len()).unwrap().to_le_bytes());
    footer.extend_from_slice(b"PAR1");
    let mut segment = b"PAR1".to_vec();
    batches.iter().for_each(|(bytes, _)| segment.extend_from_slice(bytes));
    segment.extend_from_slice(&footer);
    (segment, footer.len() as u64)
}

#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) header: Header,
    pub(crate) ledger: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) manifest: Option<ManifestRef>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let nonce = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let header = Header::new(nonce, None, RowTree::SourceBytes).unwrap();
        let ledger = format!("{}\n", header.line()).into_bytes();
        Self { header, ledger, events: Vec::new(), files: BTreeMap::new(), manifest: None }
    }

    pub(crate) fn detail(&self, kind: Kind) -> Detail {
        let mut detail = Detail::after(self.events.last().map(|event| &event.detail), kind).unwrap();
        detail.manifest = self.manifest;
        detail
    }

    pub(crate) fn event(&mut self, kind: Kind) {
        let (detail, n) = (self.detail(kind), self.events.len() as u64);
        let prev = self.events.last().map_or(self.header.genesis(), |event| event.chain);
        let link = link(prev, n, &detail, second(n)).unwrap();
        assert_eq!(parse_line(&link.line).unwrap(), link.event);
        assert_eq!(link.event.detail, detail);
        self.ledger.extend_from_slice(&link.line);
        self.events.push(link.event);
    }

    pub(crate) fn segment(&mut self, first: u64, batches: &[Batch<'_>], zones: &Value) -> SegmentRecord {
        let (bytes, footer_bytes) = encode(batches);
        let footer_at = bytes.len() - usize::try_from(footer_bytes).unwrap();
        let record = SegmentRecord {
            name: segment_name(self.events.len() as u64, 0),
            bytes: bytes.len() as u64,
            sha256: Digest::of(&bytes),
            footer_bytes,
            footer_sha256: Digest::of(&bytes[footer_at..]),
            batch: first..first + batches.len() as u64,
            rows: batches.iter().map(|batch| records(*batch).len() as u64).sum(),
            zones: Carried::zones(Json::new(zones).unwrap()),
            schema_at: None,
            extra: Default::default(),
        };
        self.files.insert(record.name.clone(), bytes);
        record
    }

    pub(crate) fn append(&mut self, batches: &[Batch<'_>], zones: &Value) {
        let first = self.events.last().map_or(0, |event| event.detail.totals.batches);
        let segments = vec![self.segment(first, batches, zones)];
        let batches = batches.iter().map(|batch| batch_record(*batch)).collect();
        self.event(Kind::Append { batches, segments, schema: None });
    }

    pub(crate) fn compact(&mut self, batches: &[Batch<'_>], zones: &Value) {
        let segments = vec![self.segment(0, batches, zones)];
        self.event(Kind::Compact { drop: 0..batches.len() as u64, segments });
    }

    pub(crate) fn state(&self) -> State {
        let mut state = State::new(&self.header);
        self.events.iter().for_each(|event| state.apply(event).unwrap());
        state
    }

    pub(crate) fn leaves(&self) -> Vec<Digest> {
        self.events.iter().map(|event| event.leaf).collect()
    }

    pub(crate) fn row_leaves(batch: Batch<'_>) -> Vec<Digest> {
        records(batch).into_iter().map(leaf_hash).collect()
    }

    pub(crate) fn verify_chain(&self) -> ChainReport {
        verify_chain(&self.ledger)
    }

    /// Chain and immutable together: the findings' codes and places.
    pub(crate) fn verify_files(&self) -> (Verdict, Vec<String>) {
        let chain = self.verify_chain();
        let live = chain.state.as_ref().map_or(&[][..], State::live);
        let files = verify_immutable(live, |segment| {
            Ok(self
                .files
                .get(&segment.name)
                .map(|bytes| FileDigest { bytes: bytes.len() as u64, sha256: Digest::of(bytes) }))
        });
        let findings =
            chain.findings.iter().chain(&files.findings).map(|finding| format!("{} {finding}", finding.code));
        (chain.verdict().max(files.verdict()), findings.collect())
    }
}

/// The worked example of the specification, up to and without event `end`.
pub(crate) fn example(batches: [Batch<'_>; 3], end: usize) -> Table {
    let zones =
        |c0: [&str; 2], c1: [&str; 2], nulls: u64| json!({"c0": [c0[0], c0[1], 0], "c1": [c1[0], c1[1], nulls]});
    let mut table = Table::new();
    let steps: [&dyn Fn(&mut Table); 6] = [
        &|table| table.append(&batches[..1], &zones(["1", "3"], ["ada", "bob"], 1)),
        &|table| table.append(&batches[1..], &zones(["4", "7"], ["cy", "fay"], 0)),
        &|table| {
            let add = format!("{}+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea", table.header.origin());
            table.event(Kind::Key { add: Some(add), retire: None, checkpoint: None });
        },
        &|table| table.compact(&batches, &zones(["1", "7"], ["ada", "fay"], 1)),
        &|table| {
            // The stand-in manifest is the live records after four events.
            let line = String::from_utf8(table.ledger.split(|byte| *byte == b'\n').nth(4).unwrap().to_vec()).unwrap();
            let (from, to) = (line.find("\"seg\":").unwrap() + 6, line.rfind('}').unwrap());
            let sha256 = Digest::of(format!("{{\"events\":4,\"live\":{}}}", &line[from..to]).as_bytes());
            table.manifest = Some(ManifestRef { events: 4, sha256 });
            let names = vec!["seg_000000.at1".into(), "seg_000001.at1".into()];
            names.iter().for_each(|name| assert!(table.files.remove::<String>(name).is_some()));
            table.event(Kind::Vacuum { through: 3, names });
        },
        &|table| {
            table.event(Kind::Anchor {
                size: 5,
                receipt: "rfc3161".into(),
                sha256: Digest::of(b"stand-in for a receipt\n"),
                time: Some("2026-01-22T16:00:05Z".into()),
            });
        },
    ];
    steps[..end].iter().for_each(|step| step(&mut table));
    table
}
