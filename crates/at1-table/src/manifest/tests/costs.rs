//! What a million segments cost. Prints numbers and asserts none; to be run by hand, without debug assertions:
//! `cargo test --profile profiling -p at1-table --lib costs -- --ignored --nocapture`.

use std::{sync::Arc, time::Instant};

use at1_catalog::{Predicate, Pruning, ZoneText};
use at1_codec::column::Pin;
use at1_ledger::{Digest, Timestamp, Totals};
use at1_testkit::Rng;

use super::world::{HEADER_BYTES, header, schema_of};
use crate::{
    manifest::{Entry, EventEntry, Live, Manifest, Question, Tail},
    paths,
    store::{LocalStore, Store},
};

/// An event that appends a segment of 100 rows: a time that grows, a symbol, a price that moves, a quantity, a number that grows.
fn append(tail: &mut Tail, pins: &Arc<Vec<Pin>>, rng: &mut Rng) {
    let n = tail.root().events;
    let digest = |rng: &mut Rng| Digest::of(&rng.next().to_le_bytes());
    let zone = |min: String, max: String| Some(ZoneText { min: Some(min), max: Some(max), nulls: Some(0), rejects: 0 });
    let time = |seconds: u64| {
        let nanos = i128::from(seconds + 1_700_000_000) * 1_000_000_000;
        Timestamp::from_nanos(nanos).unwrap().to_string()[..19].to_owned()
    };
    let price = 40_000 + rng.below(20_000);
    let live = Live {
        event: n,
        part: 0,
        bytes: 4_000 + rng.below(2_000),
        footer_bytes: 900 + rng.below(50),
        footer_sha256: digest(rng),
        batch: n..n + 1,
        rows: 100,
        source_bytes: 5_000 + rng.below(500),
        schema_at: 0,
    };
    let zones = vec![
        zone(time(n * 60), time(n * 60 + 59)),
        zone("AAPL".into(), "TSLA".into()),
        zone(format!("{price}.00"), format!("{}.{:02}", price + rng.below(90), rng.below(100))),
        zone("1".into(), (rng.below(900) + 100).to_string()),
        zone((n * 100).to_string(), (n * 100 + 99).to_string()),
    ];
    let before = tail.root().totals;
    let totals = Totals { batches: n + 1, rows: before.rows + 100, bytes: before.bytes + live.source_bytes };
    let ts = Timestamp::from_nanos(1_700_000_000_000_000_000 + i128::from(n) * 60_000_000_000).unwrap();
    let event = EventEntry { offset: HEADER_BYTES + n * 900, chain: digest(rng), ts, totals };
    let sha256 = digest(rng);
    tail.live.push(vec![Entry { live, sha256, zones, pins: Arc::clone(pins) }]).unwrap();
    tail.appends += 1;
    tail.push(event, 900, 0);
}

/// Time, and of it what this thread had a processor for, which is the same however busy the machine is.
struct Clock(Instant, u64);

impl Clock {
    fn start() -> Self {
        Self(Instant::now(), processor_nanos())
    }

    fn told(&self) -> String {
        let busy = std::time::Duration::from_nanos(processor_nanos() - self.1);
        format!("{busy:?} of {:?}", self.0.elapsed())
    }
}

fn processor_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("no peak known").to_owned()
}

#[test]
#[ignore = "measures, and takes a minute"]
fn costs() {
    let events: u64 = std::env::var("EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let words = ["timestamp", "text", "decimal(18,2)", "int64", "int64"];
    let pins: Arc<Vec<Pin>> = Arc::new(words.iter().map(|word| word.parse().unwrap()).collect());
    let mut rng = Rng::new(1);
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(folder.path()));
    store.make_folder(paths::STAGING).unwrap();
    store.make_folder(paths::MANIFEST).unwrap();

    let start = Clock::start();
    let mut tail = Tail::new(Manifest::empty(&header(), HEADER_BYTES));
    for n in 1..=events {
        append(&mut tail, &pins, &mut rng);
        if n % 4096 == 0 || n == events {
            tail = Tail::new(tail.advance().unwrap());
        }
    }
    println!("{events} segments from nothing: {}, {}", start.told(), peak());
    let start = Clock::start();
    let mut bytes = 0;
    for (sha256, block) in tail.manifest().store().fresh() {
        bytes += block.len();
        // Without waiting for the disk each time.
        std::fs::write(folder.path().join(super::super::blocks::path(sha256)), block).unwrap();
    }
    let blocks = tail.manifest().blocks().unwrap().len();
    println!("{blocks} blocks, {bytes} bytes, {} a segment; written in {}", bytes as u64 / events, start.told());
    let reference = tail.manifest().reference();
    let open = || Manifest::open(Arc::clone(&store), reference).unwrap().unwrap();

    for (what, predicate) in [
        ("one segment of a growing column", format!("c4 = {}", events * 50)),
        ("an hour of a growing column", "c0 BETWEEN '2023-12-01 00:00' AND '2023-12-01 00:59'".to_owned()),
        ("a thousandth of a growing column", format!("c4 BETWEEN {} AND {}", events * 50, events * 50 + events / 10)),
        ("growing and moving", format!("c4 < {} AND c2 > 59000", events * 5)),
        ("nothing ruled out above, few below", "c3 > 990".to_owned()),
        ("nothing ruled out above, a third below", "c2 < 46000".to_owned()),
        ("nothing ruled out", "c2 > 0.5".to_owned()),
        ("everything", "c1 IS NOT NULL".to_owned()),
        ("nothing there", "c3 > 5000".to_owned()),
    ] {
        for round in 0..2 {
            let start = Clock::start();
            let manifest = open();
            let bound = predicate.parse::<Predicate>().unwrap().bind(&schema_of(&pins)).unwrap();
            let (asked, all) = (Arc::clone(&pins), 0..u64::MAX);
            let question = Question { bound, asked, batches: all.clone(), rows: all, pruning: Pruning::On };
            let tail = Tail::new(manifest);
            let mut plan = tail.live.plan(question);
            let first = plan.next().map(|_| start.told()).unwrap_or_default();
            plan.by_ref().for_each(|found| _ = found.unwrap());
            if round == 1 {
                let read = tail.manifest().bytes_read();
                println!("{what}: first {first}, all {}, {read} bytes, {:?}", start.told(), plan.counts());
            }
        }
    }
    let mut tail = Tail::new(open());
    for _ in 0..64 {
        append(&mut tail, &pins, &mut rng);
    }
    let start = Clock::start();
    let next = tail.advance().unwrap();
    let advanced = start.told();
    let (made, bytes) = next.store().fresh().fold((0, 0), |(n, bytes), (_, block)| (n + 1, bytes + block.len()));
    println!("advance by 64: {advanced}, {} bytes read, {made} blocks made of {bytes} bytes", next.bytes_read());
    let start = Clock::start();
    next.write(&*store).unwrap();
    println!("written durably in {}; {} superseded", start.told(), next.superseded().len());

    let tail = Tail::new(open());
    let start = Clock::start();
    let _ = tail.live.at_row(events * 33).unwrap();
    println!("a row: {}, {} bytes", start.told(), tail.manifest().bytes_read());
    let tail = Tail::new(open());
    let start = Clock::start();
    let _ = tail.event_of_batch(events / 3).unwrap();
    println!("an event by batch: {}, {} bytes", start.told(), tail.manifest().bytes_read());
    let tail = Tail::new(open());
    let start = Clock::start();
    let count = tail.live.range(0..u64::MAX).count();
    println!("all {count} segments in order: {}, {} bytes", start.told(), tail.manifest().bytes_read());
    let start = Clock::start();
    let _ = tail.manifest().blocks().unwrap();
    println!("names of all blocks: {}", start.told());
    println!("{}", peak());
}
