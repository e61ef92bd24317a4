//! The worked example of `docs/spec/manifest.md`: the manifest of the ledger in `docs/spec/ledger.md`.

use std::{fmt::Write, sync::Arc};

use at1_catalog::ZoneText;
use at1_codec::column::{Pin, Source};
use at1_ledger::{BatchRecord, Carried, Header, Kind, SegmentRecord, parse_line};
use serde_json::Value;

use crate::manifest::{Entry, EventEntry, Live, Manifest, Pending, Tail, block::Head};

const LEDGER: &str = include_str!("../../../../../docs/spec/ledger.md");
const MANIFEST: &str = include_str!("../../../../../docs/spec/manifest.md");

fn pins() -> Arc<Vec<Pin>> {
    let inferred = |word: &str| {
        let mut pin: Pin = word.parse().unwrap();
        pin.reading.source = Source::Inferred;
        pin
    };
    Arc::new(vec![inferred("int64"), inferred("text")])
}

fn entry(record: &SegmentRecord, batches: &[BatchRecord]) -> Entry {
    let range = record.batch.start as usize..record.batch.end as usize;
    let source_bytes = batches[range].iter().map(|batch| batch.bytes).sum();
    let Carried::Inline(zones) = &record.zones else { panic!("short zones") };
    let Value::Object(zones) = zones.value() else { panic!("an object") };
    let zones = zones.values().map(|zone| Some(ZoneText::from_json(zone).unwrap())).collect();
    Entry { live: Live::new(record, source_bytes).unwrap(), sha256: record.sha256, zones, pins: pins() }
}

fn manifest() -> Manifest {
    let (_, example) = LEDGER.split_once("## 10. Worked example").unwrap();
    let (_, ledger) = example.split_once("\n```text\nat1-ledger/v1 ").unwrap();
    let lines: Vec<_> = ledger.split_inclusive('\n').take_while(|line| *line != "```\n").collect();
    let header = format!("at1-ledger/v1 {}", lines[0]);
    let mut tail =
        Tail::new(Manifest::empty(&Header::parse(header.trim_end().as_bytes()).unwrap(), header.len() as u64));
    let mut batches = vec![];
    // The first four events, as its event 4 says.
    for line in &lines[1..5] {
        let event = parse_line(line.as_bytes()).unwrap();
        match event.detail.kind {
            Kind::Append { batches: new, segments, .. } => {
                batches.extend(new);
                tail.live.push(segments.iter().map(|record| entry(record, &batches)).collect()).unwrap();
                tail.appends += 1;
            }
            Kind::Compact { drop, segments } => {
                let entries = segments.iter().map(|record| entry(record, &batches)).collect();
                let gone = tail.live.replace(drop, entries).unwrap();
                tail.replaced.extend(gone.into_iter().map(|live| {
                    let Live { event: segment, part, bytes, .. } = live;
                    Pending { event: segment, part, bytes, by: event.n, ts: event.ts }
                }));
            }
            _ => {}
        }
        let (offset, totals) = (tail.ledger_bytes, event.detail.totals);
        tail.events.push(EventEntry { offset, chain: event.chain, ts: event.ts, totals });
        tail.ledger_bytes += line.len() as u64;
        tail.last_line_bytes = line.len() as u64;
    }
    tail.advance().unwrap()
}

/// What the specification prints: each block with its name, its head and its parts.
fn print(manifest: &Manifest) -> String {
    let mut blocks: Vec<_> = manifest.store().fresh().collect();
    let head_bytes = |bytes: &[u8]| match u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize {
        0 => bytes.len(),
        parts => 16 + 36 * parts,
    };
    blocks.sort_by_key(|(_, bytes)| bytes[5]);
    let mut text = String::new();
    for (sha256, bytes) in blocks {
        let head = Head::parse(&bytes[..head_bytes(bytes)]).unwrap();
        let _ = writeln!(text, "{sha256}  {:?}, {} bytes", head.kind, bytes.len());
        let mut dump = |what: &str, bytes: &[u8]| {
            for (line, bytes) in bytes.chunks(32).enumerate() {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let _ = writeln!(text, "  {:7} {hex}", if line == 0 { what } else { "" });
            }
        };
        dump("head", &bytes[..head_bytes(bytes)]);
        for part in 0..head.parts() {
            let (start, length, _) = head.part(part).unwrap();
            dump(&format!("part {part}"), &bytes[start as usize..][..length as usize]);
        }
    }
    text
}

#[test]
fn the_worked_example_is_what_is_written() {
    let printed = print(&manifest());
    assert!(MANIFEST.contains(&printed), "docs/spec/manifest.md does not have:\n{printed}");
}
