//! Compaction and vacuum: what was in the table is in it, at every event, byte for byte and value for value.

use std::time::Duration;

use arrow::{array::RecordBatch, compute::concat_batches};
use at1_table::{
    AppendOptions, AsOf, Choose, CompactOptions, ErrorKind, Extent, Joints, Predicate, RowsCheck, ScanOptions,
    Snapshot, Source, Table, Tiers, VacuumMode, VacuumOptions, VerifyOptions, paths,
};
use at1_testkit::{store::MemStore, strategies::any_input};
use proptest::prelude::*;

use crate::{append, batches, cat, open, table};

const AT_ONCE: CompactOptions =
    CompactOptions { choose: Choose::All, upto: None, profile: at1_table::Profile::Fast, grace: Duration::ZERO };

/// All that a state answers: its bytes, its rows, what some queries find, what it is.
#[derive(Debug, PartialEq)]
struct Answer {
    bytes: Vec<u8>,
    rows: RecordBatch,
    matching: Vec<RecordBatch>,
    rejects: Vec<String>,
    info: serde_json::Value,
    names: Vec<(Option<String>, u64)>,
}

const QUERIES: &[&str] = &["c0 = 1", "c0 is null", "c1 >= '2'", "c0 < 3 or c1 is null", "c1 is not null"];

fn rows(snapshot: &Snapshot, predicate: &str) -> Option<RecordBatch> {
    let predicate: Predicate = if predicate.is_empty() { Predicate::TRUE } else { predicate.parse().unwrap() };
    // A predicate may not fit the types of every state.
    let mut scan = snapshot.scan(&ScanOptions::matching(predicate)).ok()?;
    let found = scan.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(scan.statistics().as_of_event, snapshot.event());
    Some(concat_batches(&scan.schema(), &found).unwrap())
}

fn answer(snapshot: &Snapshot) -> Answer {
    let mut bytes = vec![];
    snapshot.cat(&Extent::Everything, Joints::LineFeed, &mut bytes).unwrap();
    let mut rejects = vec![];
    snapshot
        .rejects(&mut |reject| {
            rejects.push(reject.to_json().to_string());
            Ok(())
        })
        .unwrap();
    rejects.sort_unstable();
    let mut info = snapshot.info().unwrap().to_json();
    // The layout is what compaction changes; of a past state it is what it was then.
    for layout in ["segments", "segment_bytes", "events", "chain_head", "ts"] {
        info.as_object_mut().unwrap().remove(layout);
    }
    let names = snapshot.batches().unwrap().into_iter().map(|batch| (batch.name, batch.bytes)).collect();
    Answer {
        bytes,
        rows: rows(snapshot, "").unwrap(),
        matching: QUERIES.iter().filter_map(|query| rows(snapshot, query)).collect(),
        rejects,
        info,
        names,
    }
}

fn answers(table: &Table) -> Vec<Answer> {
    (0..table.info().unwrap().events).map(|event| answer(&table.as_of(AsOf::Event(event)).unwrap())).collect()
}

#[track_caller]
fn verify(store: &MemStore) {
    let report = open(store).verify(&VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() }).unwrap();
    assert_eq!((report.verdict().exit_code(), report.findings.as_slice()), (0, [].as_slice()));
}

/// Appends, and compares every answer about every event before and after compactions of all kinds, and after their vacuum.
fn check(sources: &[&[u8]]) {
    check_pinned(&sources.iter().map(|source| (*source, None)).collect::<Vec<_>>());
}

/// As [`check`], where a batch may give a column `a` a type.
fn check_pinned(sources: &[(&[u8], Option<&str>)]) {
    let (store, table) = table();
    for (source, pin) in sources {
        let pins = pin.iter().map(|pin| ("a".to_owned(), pin.parse().unwrap())).collect();
        table.append_csv(Source::bytes(source), &AppendOptions { pins, ..AppendOptions::default() }).unwrap();
    }
    let (before, kept) = (answers(&table), batches(&table));
    let now = answer(&table.snapshot().unwrap());
    for choose in [Choose::Retype, Choose::Tiered(Tiers { target_bytes: 1 << 30, fan_in: 2 }), Choose::All] {
        for upto in [Some(2), None] {
            table.compact(&CompactOptions { choose, upto, ..AT_ONCE }).unwrap();
            let what = format!("{choose:?}, up to {upto:?}");
            for handle in [&table, &open(&store)] {
                assert_eq!(answer(&handle.snapshot().unwrap()), now, "{what}");
                assert_eq!(answers(handle)[..before.len()], before, "{what}");
                assert_eq!(batches(handle), kept, "{what}");
            }
            verify(&store);
        }
    }
    let files: Vec<_> = store.files().into_keys().filter(|path| path.starts_with(paths::SEGMENTS)).collect();
    assert_eq!(files.len() as u64, table.info().unwrap().segments, "replaced files are gone: {files:?}");
    assert_eq!(table.info().unwrap().segments, u64::from(!sources.is_empty()));
    // Life goes on.
    append(&table, "a,b\n7,x\n");
    assert_eq!(answers(&table)[..before.len()], before);
    verify(&store);
}

#[test]
fn nothing_changes_but_the_number_of_files() {
    check(&[b"a,b\n1,x\n2,y\n", b"a,b\n3,z", b"", b"b,a\nw,4\n", b"5,\"q\nr\"\n6", b"a,b\r\n\r\n8,\"\"\r\n"]);
}

#[test]
fn types_are_those_of_the_event() {
    // Widened to decimal, then to text; a reject of the first type is a value of the second.
    let many: String = (0..300).map(|i| format!("{i},0\n")).collect();
    let odd = format!("a,b\n{many}4.5,1\n");
    check(&[
        format!("a,b\n{many}").as_bytes(),
        odd.as_bytes(),
        b"a,b\n1.25,2\n2.50,3\n",
        b"a,b\nNA,4\n,5\n",
        b"a,b\nhello,6\nworld,7\n",
        b"a,b,c\n1,2,2024-01-31\n2,3,NA\n",
    ]);
}

#[test]
fn readings_are_those_of_the_event() {
    // Zero-padded numbers are text to inference and integers to the user.
    let many: String = (1..1_100).map(|i| format!("{i},0\n")).collect();
    check_pinned(&[
        (format!("a,b\n{many}007,1\n").as_bytes(), None),
        (b"a,b\n8,1\n", None),
        (b"a,b\n009,1\n", Some("int64")),
        (b"a,b\n010,1\n", None),
    ]);
}

#[test]
fn columns_that_were_empty_take_a_type_later() {
    check(&[b"a,b\n,1\n,2\n", b"a,b\n7,1\n8,2\n", b"a,b\n7.5,x\n"]);
}

#[test]
fn a_batch_may_end_inside_a_quote() {
    check(&[b"a,b\n1,\"left open\n2,y", b"\"3\n,\",x\n", b"a,b\n4,\"z\"\n"]);
}

#[test]
fn compaction_of_nothing_is_nothing() {
    let (_, table) = table();
    assert!(table.compact(&AT_ONCE).unwrap().steps.is_empty());
    append(&table, "a\n1\n");
    assert!(table.compact(&AT_ONCE).unwrap().steps.is_empty());
    let tiers = Choose::Tiered(Tiers { fan_in: 1, ..Tiers::default() });
    let error = table.compact(&CompactOptions { choose: tiers, ..AT_ONCE }).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::Invalid, "fan-in"));
}

#[test]
fn upto_counts_segments_and_keeps_the_rest() {
    let (_, table) = table();
    for i in 0..7 {
        append(&table, format!("a\n{i}\n"));
    }
    let report = table.compact(&CompactOptions { upto: Some(5), ..AT_ONCE }).unwrap();
    let step = &report.steps[0];
    assert_eq!((report.steps.len(), step.event, step.segment.as_str(), step.replaced), (1, 7, "seg_000007.at1", 5));
    assert_eq!((step.batches.clone(), step.rows, report.vacuum.removed.len()), (0..5, 5, 5));
    let first: Vec<_> = table.files().unwrap().files.into_iter().map(|file| file.first_batch).collect();
    assert_eq!(first, [0, 5, 6]);
}

#[test]
fn replaced_files_stay_for_the_grace_period() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    let report = table.compact(&CompactOptions::default()).unwrap();
    assert_eq!((report.vacuum.removed.len(), report.vacuum.waiting), (0, 2));
    assert_eq!(table.segments_as_of(1).unwrap().files.len(), 2, "the files of then are still there");
    let dry = table.vacuum(&VacuumOptions { grace: Duration::ZERO, mode: VacuumMode::DryRun }).unwrap();
    assert_eq!((dry.removed.len(), dry.chain_head), (2, None));
    assert_eq!(store.files().keys().filter(|path| path.starts_with(paths::SEGMENTS)).count(), 3);
    let report = table.vacuum(&VacuumOptions { grace: Duration::ZERO, mode: VacuumMode::Remove }).unwrap();
    assert_eq!((report.removed, report.waiting), (dry.removed, 0));
    let again = table.vacuum(&VacuumOptions { grace: Duration::ZERO, mode: VacuumMode::Remove }).unwrap();
    assert_eq!((again.removed.len(), again.chain_head), (0, None), "nothing is logged twice");
    let files = table.segments_as_of(0).unwrap().files;
    assert_eq!((files.len(), files[0].rows, files[0].rows_as_of), (1, 2, 1));
    verify(&store);
}

#[test]
fn only_what_an_event_names_is_removed() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    for path in ["segments/seg_000099.at1", "segments/mine.parquet", "segments/seg_000000-1.at1"] {
        store.put(path, b"not ours");
    }
    table.compact(&AT_ONCE).unwrap();
    let left: Vec<_> = store.files().into_keys().filter(|path| path.starts_with(paths::SEGMENTS)).collect();
    let expected =
        ["segments/mine.parquet", "segments/seg_000000-1.at1", "segments/seg_000002.at1", "segments/seg_000099.at1"];
    assert_eq!(left, expected);
}

#[test]
fn an_orphan_goes_when_a_vacuum_takes_its_number() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    table.compact(&CompactOptions::default()).unwrap();
    store.put("segments/seg_000003.at1", b"left by a crash");
    table.vacuum(&VacuumOptions { grace: Duration::ZERO, mode: VacuumMode::Remove }).unwrap();
    verify(&store);
}

#[test]
fn damage_is_told_with_the_file_it_is_in() {
    let (_, table) = damaged();
    for options in [ScanOptions::default(), ScanOptions { last: Some(5), ..ScanOptions::default() }] {
        let scan = table.scan(&options);
        let error = scan.and_then(|scan| scan.collect::<Result<Vec<_>, _>>()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let message = format!("{error:?}");
        assert_eq!(message.matches("seg_000001.at1").count(), 1, "{message}");
        assert!(message.contains("sha256"), "{message}");
    }
}

#[test]
fn readers_keep_their_state_when_its_files_go() {
    let (store, table) = table();
    for i in 0..6 {
        append(&table, format!("a,b\n{i},x\n{i},y\n"));
    }
    let snapshot = table.snapshot().unwrap();
    let whole = answer(&snapshot);
    let mut forward = snapshot.scan(&ScanOptions { batch_rows: 1, ..ScanOptions::default() }).unwrap();
    let mut limited = snapshot.scan(&ScanOptions { batch_rows: 1, limit: Some(9), ..ScanOptions::default() }).unwrap();
    let first: Vec<_> = (0..3).map(|_| forward.next().unwrap().unwrap()).collect();
    limited.next().unwrap().unwrap();
    append(&table, "a,b\n9,later\n");
    open(&store).compact(&AT_ONCE).unwrap();
    let rest = forward.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    let all = concat_batches(&forward.schema(), first.iter().chain(&rest)).unwrap();
    assert_eq!(all, whole.rows);
    assert_eq!(limited.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 8);
    let last = snapshot.scan(&ScanOptions { last: Some(3), ..ScanOptions::default() }).unwrap();
    let last = last.collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(concat_batches(&last[0].schema(), &last).unwrap(), whole.rows.slice(9, 3));
    let mut raw = vec![];
    snapshot.scan_raw(&ScanOptions::default(), Joints::LineFeed, &mut raw).unwrap();
    assert_eq!(raw.len(), 6 * 8);
    assert_eq!(answer(&snapshot), whole);
}

#[test]
fn a_file_that_should_be_there_is_missed() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    let snapshot = table.snapshot().unwrap();
    store.take("segments/seg_000000.at1");
    let error = snapshot.scan(&ScanOptions::default()).unwrap().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(format!("{error:?}").contains("not copied yet"), "{error:?}");
    let error = snapshot.cat(&Extent::Everything, Joints::LineFeed, &mut vec![]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    append(&table, "a\n2\n");
    assert_eq!(table.compact(&AT_ONCE).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(!store.files().keys().any(|path| path.starts_with(paths::STAGING)), "nothing is left behind");
}

/// A table of two segments, the second with a flipped bit in its first page.
fn damaged() -> (MemStore, Table) {
    let (store, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    let mut bytes = store.files()["segments/seg_000001.at1"].clone();
    bytes[9] ^= 1;
    store.put("segments/seg_000001.at1", &bytes);
    (store, table)
}

#[test]
fn a_damaged_victim_stops_the_compaction() {
    let (_, table) = damaged();
    let error = table.compact(&AT_ONCE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("seg_000001.at1"), "{error}");
    assert_eq!(table.info().unwrap().segments, 2);
}

#[test]
fn past_states_that_never_were_are_refused() {
    let (_, table) = table();
    assert_eq!(table.as_of(AsOf::Event(0)).unwrap_err().to_string(), "as of event: expected no event yet, found 0");
    append(&table, "a\n1\n");
    assert_eq!(table.as_of(AsOf::Event(1)).unwrap_err().to_string(), "as of event: expected at most 0, found 1");
    assert_eq!(table.as_of("1999-01-01".parse().unwrap()).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(table.as_of("2999-01-01".parse().unwrap()).unwrap().event(), Some(0));
    assert_eq!("yesterday".parse::<AsOf>().unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn long_schemas_survive_their_first_segment() {
    let (store, table) = table();
    let names = |from: u32| (from..from + 90).map(|i| format!("{}_{i}", "a_rather_long_column_name".repeat(6)));
    let header = |from: u32| names(from).collect::<Vec<_>>().join(",");
    let row = vec!["1"; 90].join(",");
    append(&table, format!("{}\n{row}\n", header(0)));
    append(&table, format!("{}\n{row}\n", header(80)));
    append(&table, "x\n2\n");
    assert!(String::from_utf8(store.files()[paths::LEDGER].clone()).unwrap().contains("schema_sha256"));
    let before = answers(&table);
    table.compact(&CompactOptions { upto: Some(2), ..AT_ONCE }).unwrap();
    table.compact(&AT_ONCE).unwrap();
    assert_eq!(answers(&open(&store))[..3], before);
    verify(&store);
}

#[test]
fn an_append_that_moves_the_schema_does_not_stop_a_compaction() {
    // The compaction is planned with a handle that has not seen the last append when it starts to write.
    let (store, table) = table();
    for i in 0..3 {
        append(&table, format!("a\n{i}\n"));
    }
    let before = answers(&table);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..20 {
                let text = if i == 10 { "a,b\nwide,1\n".to_owned() } else { format!("a\n{i}\n") };
                open(&store).append_csv(Source::bytes(&text), &AppendOptions::default()).unwrap();
            }
        });
        scope.spawn(|| {
            for _ in 0..10 {
                open(&store).compact(&AT_ONCE).unwrap();
            }
        });
    });
    assert_eq!(answers(&open(&store))[..3], before);
    assert_eq!(table.info().unwrap().batches, 23);
    let whole = answer(&open(&store).snapshot().unwrap());
    open(&store).compact(&CompactOptions { choose: Choose::Retype, ..AT_ONCE }).unwrap();
    assert_eq!(answer(&open(&store).snapshot().unwrap()), whole);
    assert!(open(&store).files().unwrap().uniform().is_ok());
    assert_eq!(cat(&table, &Extent::Batch(0)), b"a\n0\n");
    verify(&store);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_batches_survive(sources in prop::collection::vec(any_input(), 0..5)) {
        check(&sources.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}
