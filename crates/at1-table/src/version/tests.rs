//! A version that rests on a root, against the fold of everything.

mod forge;
mod watched;

use std::{fs, num::NonZeroU64, path::Path, sync::Arc};

use at1_ledger::{Carried, Json, Kind, ManifestRef, SchemaEvent, State, parse_segment_name, segment_name};
use tempfile::TempDir;

use super::{Events, Footing, Version, look};
use crate::{
    AppendOptions, AsOf, CreateOptions, Error, ErrorKind, Extent, Joints, Predicate, ScanOptions, Snapshot, Source,
    SystemColumn, Table, commit::Writer, paths, schemas::Schemas, store::Store, table::settle,
};
use forge::Forge;
use watched::Watched;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Everything that a version can be asked, as text.
fn told(store: &dyn Store, version: &Version) -> Result<String, Error> {
    let mut told = format!("{:?}\n{:?}\n", version.tip, version.schema().columns);
    let mut events = Events::new(version, store);
    for n in 0..version.events() {
        let (entry, pins) = (version.tail.event(n)?, version.schemas().pins_at(n));
        let (at, counts) = (version.tail.event_at(entry.ts)?, version.tail.counts(n)?);
        told += &format!("{entry:?} {at:?} {counts:?} {pins:?}\n");
        assert_eq!(events.read(n)?.n, n);
    }
    for batch in 0..version.tip.totals().batches {
        let (event, record) = events.record(batch)?;
        told += &format!("{} {record:?} {:?}\n", event.n, version.totals_before(store, batch)?);
    }
    for row in 0..version.tip.totals().rows {
        told += &format!("{:?} {:?}\n", events.at_row(row)?, version.tail.live.at_row(row)?);
    }
    for found in version.tail.live.range_with_digests(0..u64::MAX) {
        let (placed, sha256) = found?;
        told += &format!("{placed:?} {sha256} {:?}\n", version.tail.live.sums_before(placed.live.batch.end)?);
    }
    for column in 0..version.schema().columns.len() {
        // Stretches may be larger or smaller; rows that hold any number at all are the same.
        let mut rows = 0;
        version.zoned(store, &mut 0)?.visit_zones(column, &mut |_, _, stretch| {
            rows += stretch;
            Ok(true)
        })?;
        told += &format!("{rows} rows in column {column}\n");
    }
    told += &format!("{:?}\n", version.tail.replaced()?);
    for name in ["p0", "p1", "p2", "p3"] {
        told += &format!("{:?}\n", version.tail.producer(name)?);
    }
    Ok(told)
}

/// The same questions, as far as the whole fold knows the answers.
fn check_against(store: &dyn Store, version: &Version, state: &State) {
    let (schemas, folded) = Schemas::of_state(store, state);
    folded.unwrap();
    assert_eq!(&version.tip, state.tip());
    for n in 0..state.events() {
        let entry = version.tail.event(n).unwrap();
        assert_eq!(Some(entry.totals), state.totals_at(n), "event {n}");
        assert_eq!(Some(entry.ts), state.ts_of(n), "event {n}");
        assert_eq!(version.tail.event_at(entry.ts).unwrap(), Some(n));
        let (counts, then) = (version.tail.counts(n).unwrap(), state.live_after(n + 1));
        let bytes: u64 = then.iter().map(|segment| segment.bytes).sum();
        let batches = &state.batches()[..entry.totals.batches as usize];
        let rejects: u64 = batches.iter().map(|batch| batch.rejects).sum();
        assert_eq!((counts.appends, counts.rejects), (state.appends_after(n + 1), rejects), "event {n}");
        assert_eq!((counts.segments, counts.segment_bytes), (then.len() as u64, bytes), "event {n}");
        assert_eq!(version.schemas().pins_at(n), schemas.pins_at(n), "event {n}");
        assert_eq!(version.schemas().after(n).unwrap(), schemas.after(n).unwrap(), "event {n}");
    }
    let mut events = Events::new(version, store);
    for (batch, record) in (0..).zip(state.batches()) {
        let (event, found) = events.record(batch).unwrap();
        assert_eq!((Some(event.n), &found), (state.batch_event(batch), record), "batch {batch}");
        let rows = state.batch_rows(batch).unwrap();
        assert_eq!(version.totals_before(store, batch).unwrap().rows, rows.start, "batch {batch}");
        for row in rows.clone() {
            let origin = events.at_row(row).unwrap();
            assert_eq!(
                (Some(origin.event), origin.batch, origin.rows),
                (state.batch_event(batch), batch, rows.clone())
            );
        }
        let holding = version.tail.live.at_batch(batch).unwrap().unwrap();
        assert_eq!(Some(&holding.live.name()), state.segment_of(batch).map(|segment| &segment.name));
        assert_eq!(Some(holding.first_row), state.batch_rows(holding.live.batch.start).map(|rows| rows.start));
    }
    let live = version.tail.live.range_with_digests(0..u64::MAX).map(|found| found.unwrap());
    let live: Vec<_> = live.map(|(placed, sha256)| (placed.live, sha256)).collect();
    assert_eq!(live.len(), state.live().len());
    for ((live, sha256), record) in live.iter().zip(state.live()) {
        let source_bytes: u64 =
            state.batches()[record.batch.start as usize..record.batch.end as usize].iter().map(|b| b.bytes).sum();
        assert_eq!(
            (live.name(), *sha256, live.batch.clone()),
            (record.name.clone(), record.sha256, record.batch.clone())
        );
        assert_eq!((live.rows, live.source_bytes, live.bytes), (record.rows, source_bytes, record.bytes));
    }
    let waiting: Vec<_> = version.tail.replaced().unwrap().iter().map(|waiting| (waiting.name(), waiting.by)).collect();
    let mut expected: Vec<_> = state.replaced().filter(|replaced| replaced.vacuumed.is_none()).collect();
    expected.sort_by_key(|replaced| parse_segment_name(&replaced.segment.name));
    let expected: Vec<_> = expected.iter().map(|replaced| (replaced.segment.name.clone(), replaced.by)).collect();
    assert_eq!(waiting, expected);
    for producer in ["p0", "p1", "p2", "p3"] {
        assert_eq!(version.tail.producer(producer).unwrap(), state.produced(producer));
    }
}

#[test]
fn a_root_and_its_tail_tell_what_the_whole_ledger_does() {
    for seed in 0..3 {
        let folder = folder();
        let mut forge = Forge::new(seed, folder.path());
        for stretch in [1, 40, 0, 60] {
            forge.random(stretch);
            let manifest = forge.bind();
            forge.random(3);
            let found = look(&forge.store, None, Footing::Root).unwrap().version;
            assert_eq!(found.rests_on, Some(manifest.reference()), "seed {seed}");
            check_against(&*forge.store, &found, &forge.state);
            let folded = look(&forge.store, None, Footing::Start).unwrap().version;
            assert_eq!(folded.rests_on, None);
            let [found, folded] = [found, folded].map(|version| told(&*forge.store, &version).unwrap());
            assert!(found == folded, "seed {seed}");
        }
    }
}

#[test]
fn memory_is_settled_now_and_then() {
    let folder = folder();
    let mut forge = Forge::new(30, folder.path());
    forge.random(super::SETTLE_EVENTS + 60);
    let version = look(&forge.store, None, Footing::Root).unwrap().version;
    assert_eq!((version.tail.events.len(), version.rests_on), (60, None));
    assert_eq!(&version.tip, forge.state.tip());
    assert_eq!(version.tail.root(), forge.version.tail.root());
}

#[test]
fn the_next_manifest_is_the_same_from_any_footing() {
    let folder = folder();
    let mut forge = Forge::new(11, folder.path());
    forge.random(120);
    let first = forge.bind();
    forge.random(80);
    let settled = |footing| {
        let version = look(&forge.store, None, footing).unwrap().version;
        version.settled(&*forge.store).unwrap().reference()
    };
    assert_eq!(settled(Footing::Root), settled(Footing::Start));
    assert_eq!(settled(Footing::Root).events, forge.state.events());
    let version = look(&forge.store, None, Footing::Root).unwrap().version;
    assert_eq!(version.tail.manifest().reference(), first.reference());
    assert_eq!(version.events_behind(), 81);
}

#[test]
fn events_that_cannot_be_true_are_errors_behind_a_root_too() {
    let folder = folder();
    let mut forge = Forge::new(5, folder.path());
    forge.random(200);
    forge.bind();
    let version = look(&forge.store, None, Footing::Root).unwrap().version;
    let n = forge.state.events();
    let last = forge.state.live().last().unwrap().clone();
    let whole = 0..forge.state.totals().batches;
    let segment = |batch, rows| at1_ledger::SegmentRecord { name: segment_name(n, 0), batch, rows, ..last.clone() };
    let rows = forge.state.totals().rows;
    let with_key = |sequence| {
        let mut append = Forge::append(&mut Forge::new(1, self::folder().path()));
        if let Kind::Append { batches, segments, schema } = &mut append {
            *schema = None;
            batches.truncate(1);
            batches[0].idempotency = Some(at1_ledger::Idempotency { producer: "p0".into(), sequence });
            *segments = vec![segment(whole.end..whole.end + 1, batches[0].rows)];
        }
        append
    };
    let inside = forge.state.live().iter().find(|segment| segment.batch.end - segment.batch.start > 1).unwrap();
    let inside = inside.batch.start + 1..whole.end;
    for (kind, expected) in [
        (Kind::Compact { drop: whole.clone(), segments: vec![segment(whole.clone(), rows + 1)] }, "rows: expected"),
        (Kind::Compact { drop: inside.clone(), segments: vec![segment(inside, 1)] }, "from segment border to border"),
        (Kind::Vacuum { through: n - 1, names: vec![last.name.clone()] }, "expected a segment replaced by"),
        (Kind::Vacuum { through: n - 1, names: vec![segment_name(0, 77)] }, "expected a segment replaced by"),
        (with_key(1), "expected a sequence above"),
    ] {
        let mut line = vec![];
        let detail = at1_ledger::Detail {
            totals: forge.state.totals().plus(kind.batches()).unwrap(),
            manifest: forge.state.manifest(),
            kind,
            actor: None,
            tool: None,
            text: None,
            clk: None,
            extra: Default::default(),
        };
        let ts = at1_ledger::Timestamp::from_nanos(version.tip.ts().unwrap().nanos() + 1).unwrap();
        line.extend(at1_ledger::link(version.tip.chain(), n, &detail, ts).unwrap().line);
        let ours = Version::clone(&version).push(&*forge.store, &line).unwrap_err();
        let event = at1_ledger::parse_line(&line).unwrap();
        let whole = Error::from(forge.state.clone().apply(&event).unwrap_err());
        assert!(ours.to_string().contains(expected), "{ours}");
        assert_eq!((ours.kind(), ours.to_string()), (ErrorKind::Corrupt, whole.to_string()));
    }
}

#[test]
fn opening_reads_the_tail_and_no_more() {
    let cost = |events: usize| {
        let folder = folder();
        let mut forge = Forge::new(2, folder.path());
        // The same schema in both.
        let first = forge.append();
        forge.push(first, None);
        while forge.state.events() < events as u64 {
            forge.plain();
        }
        forge.bind();
        let (store, counts) = Watched::over(folder.path());
        let table = Table::open_in(Arc::clone(&store)).unwrap();
        let opened = counts.take();
        let snapshot = table.snapshot().unwrap();
        assert_eq!(snapshot.event(), Some(events as u64));
        counts.take();
        table.log(Some(1)).unwrap();
        let logged = counts.take();
        table.as_of(AsOf::Event(events as u64 / 2)).unwrap();
        (opened, logged, counts.take())
    };
    let (short, long) = (cost(100), cost(1_500));
    assert_eq!(short.0[..2], long.0[..2], "files and reads to open: {short:?} {long:?}");
    assert!(long.0[2] < short.0[2] + 200, "bytes to open: {short:?} {long:?}");
    assert_eq!(short.1[..2], long.1[..2], "files and reads of the log: {short:?} {long:?}");
    assert!(long.2[0] <= short.2[0] + 2 && long.2[2] < 200_000, "a past event: {short:?} {long:?}");
}

#[test]
fn a_handle_follows_the_roots() {
    let folder = folder();
    let mut forge = Forge::new(3, folder.path());
    forge.random(70);
    let table = Table::open_in(Arc::clone(&forge.store)).unwrap();
    assert_eq!(table.version().unwrap().rests_on, None);
    for _ in 0..4 {
        let root = forge.bind();
        forge.random(40);
        let version = table.version().unwrap();
        assert_eq!(version.rests_on, Some(root.reference()));
        assert!(version.tail.events.len() < 64, "{}", version.tail.events.len());
        check_against(&*forge.store, &version, &forge.state);
    }
}

#[test]
fn lost_and_damaged_blocks_change_no_answer() {
    let folder = folder();
    let mut forge = Forge::new(8, folder.path());
    forge.random(30);
    forge.bind();
    forge.random(3);
    let answer = |what: &str| {
        let table = Table::open_in(Arc::clone(&forge.store)).unwrap_or_else(|e| panic!("{what}: {e:?}"));
        table.ask(|version| told(&*forge.store, version)).unwrap_or_else(|e| panic!("{what}: {e:?}"))
    };
    let whole = answer("all is well");
    let blocks = folder.path().join(paths::MANIFEST);
    let mut files = 0;
    for entry in fs::read_dir(&blocks).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        files += 1;
        // Files of a table are read-only; a new one has the name of the old.
        let put = |bytes: &[u8]| {
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        };
        for at in [bytes.len() / 3, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            put(&flipped);
            assert!(answer("a flipped bit") == whole, "byte {at} of {}", path.display());
        }
        put(&bytes[..bytes.len() / 2]);
        assert!(answer("a short block") == whole);
        fs::remove_file(&path).unwrap();
        assert!(answer("no block") == whole);
        fs::write(&path, &bytes).unwrap();
    }
    assert!(files > 10, "{files} blocks");
    fs::remove_dir_all(&blocks).unwrap();
    assert!(answer("no folder") == whole);
}

#[test]
fn a_root_of_another_history_is_not_believed() {
    let (folder, other) = (folder(), self::folder());
    let mut forge = Forge::new(20, folder.path());
    let mut elsewhere = Forge::new(21, other.path());
    forge.random(50);
    elsewhere.random(50);
    let manifest = elsewhere.version.settled(&*forge.store).unwrap();
    manifest.write(&*forge.store).unwrap();
    let foreign = ManifestRef { events: 50, ..manifest.reference() };
    forge.push(Kind::Note { text: "a lie".into() }, Some(foreign));
    let version = look(&forge.store, None, Footing::Root).unwrap().version;
    assert_eq!(version.rests_on, None);
    check_against(&*forge.store, &version, &forge.state);
}

#[test]
fn a_root_with_changes_that_never_were_is_not_believed() {
    let folder = folder();
    let mut forge = Forge::new(22, folder.path());
    forge.random(50);
    let mut tail = forge.version.tail.clone();
    let changes = Json::new(&serde_json::json!([{"kind": "widen", "column": 99}])).unwrap();
    tail.schema.push(SchemaEvent { event: 49, changes: Carried::Inline(changes) });
    let manifest = tail.advance().unwrap();
    manifest.write(&*forge.store).unwrap();
    forge.push(Kind::Note { text: "a lie".into() }, Some(manifest.reference()));
    let version = look(&forge.store, None, Footing::Root).unwrap().version;
    assert_eq!(version.rests_on, None);
    check_against(&*forge.store, &version, &forge.state);
}

/// A table of small batches, in a folder.
fn table(folder: &Path, batches: usize) -> Table {
    let table = Table::create(folder.join("t"), &CreateOptions::default()).unwrap();
    grow(&table, 0..batches);
    table
}

fn grow(table: &Table, batches: std::ops::Range<usize>) {
    for i in batches {
        let source = format!("a,b\n{i},x\n{},y\n", i * 2);
        let source = Source::bytes(&source).named(format!("{i}.csv"));
        table.append_csv(source, &AppendOptions::default()).unwrap();
    }
}

/// Binds a root of all events, as another process does it.
fn bind(table: &Table) -> ManifestRef {
    let other = Table::open_in(table.shared_store()).unwrap().with_manifest_every(NonZeroU64::MIN);
    let writer = Writer::lock(&other).unwrap();
    let n = writer.version().events();
    let link = writer.next_event(Kind::Note { text: "a root".into() }).unwrap();
    settle(writer.commit(n, &link.line).unwrap()).unwrap();
    let bound = other.version().unwrap().tip.manifest().unwrap();
    assert_eq!(bound.events, n);
    bound
}

fn options(predicate: &str) -> ScanOptions {
    let predicate: Predicate = predicate.parse().unwrap();
    ScanOptions { system: crate::SYSTEM_COLUMNS.to_vec(), batch_rows: 1, ..ScanOptions::matching(predicate) }
}

fn rows(snapshot: &Snapshot, options: &ScanOptions) -> String {
    snapshot.scan(options).unwrap().map(|batch| format!("{:?}\n", batch.unwrap())).collect()
}

/// What a state answers, by every way that asks the manifest.
fn answers(snapshot: &Snapshot) -> String {
    let mut cat = vec![];
    snapshot.cat(&Extent::Everything, Joints::LineFeed, &mut cat).unwrap();
    snapshot.cat(&Extent::Rows(1..3), Joints::LineFeed, &mut cat).unwrap();
    snapshot.scan_raw(&options("a >= 3"), Joints::LineFeed, &mut cat).unwrap();
    let last = ScanOptions { last: Some(3), ..options("true") };
    let plain = ScanOptions { system: vec![SystemColumn::Source], ..options("a between 3 and 9") };
    [rows(snapshot, &options("a > 4")), rows(snapshot, &last), rows(snapshot, &plain)].concat()
        + &String::from_utf8(cat).unwrap()
        + &snapshot.info().unwrap().to_json().to_string()
}

#[test]
fn a_state_goes_on_when_its_root_is_superseded() {
    let folder = folder();
    let table = table(folder.path(), 12);
    let first = bind(&table);
    // Another process, whose handle knows nothing of what this one does.
    let reader = Table::open(folder.path().join("t")).unwrap();
    let (snapshot, past) = (reader.snapshot().unwrap(), reader.as_of(AsOf::Event(5)).unwrap());
    assert_eq!(snapshot.layout().rests_on, Some(first));
    let expected = [answers(&table.snapshot().unwrap()), answers(&table.as_of(AsOf::Event(5)).unwrap())];
    let mut scan = snapshot.scan(&options("a > 4")).unwrap();
    let mut found: String = (0..3).map(|_| format!("{:?}\n", scan.next().unwrap().unwrap())).collect();
    grow(&table, 12..20);
    table.compact(&crate::CompactOptions { upto: Some(7), ..Default::default() }).unwrap();
    let second = bind(&table);
    assert_ne!(first, second);
    found.extend(scan.map(|batch| format!("{:?}\n", batch.unwrap())));
    assert!(found == rows(&table.as_of(AsOf::Event(snapshot.event().unwrap())).unwrap(), &options("a > 4")));
    assert!([answers(&snapshot), answers(&past)] == expected);
    // And when those of the newest are lost too.
    fs::remove_dir_all(folder.path().join("t").join(paths::MANIFEST)).unwrap();
    assert!([answers(&snapshot), answers(&past)] == expected);
    grow(&table, 20..22);
    grow(&reader, 22..24);
    assert_eq!(reader.info().unwrap().batches, 24);
}

#[test]
fn as_of_every_event_is_what_it_was() {
    let folder = folder();
    let table = table(folder.path(), 3);
    let mut then = vec![];
    for i in 0..12 {
        match i % 4 {
            0 => drop(
                table
                    .compact(&crate::CompactOptions { grace: std::time::Duration::ZERO, ..Default::default() })
                    .unwrap(),
            ),
            1 => drop(bind(&table)),
            _ => grow(&table, i..i + 2),
        }
        let snapshot = table.snapshot().unwrap();
        then.push((snapshot.event().unwrap(), answers(&snapshot)));
    }
    let opened = Table::open(folder.path().join("t")).unwrap();
    assert!(opened.version().unwrap().rests_on.is_some());
    for (event, expected) in then {
        let snapshot = opened.as_of(AsOf::Event(event)).unwrap();
        assert!(answers(&snapshot) == expected, "event {event}");
        let ts = snapshot.ts().unwrap();
        assert_eq!(opened.as_of(AsOf::Time(ts)).unwrap().event(), Some(event));
    }
}
