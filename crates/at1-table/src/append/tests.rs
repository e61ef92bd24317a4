//! Groups of known members: the test leads, and takes the queue once everybody waits in it.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use arrow::{array::AsArray as _, datatypes::UInt64Type};
use at1_codec::{HeaderOption, Profile};
use at1_ledger::{BatchRecord, Digest, EVENT_BYTES_MAX, Idempotency, LINE_BYTES_MAX};
use tempfile::TempDir;

use super::{group::Groups, member::Planned};
use crate::{
    AppendOptions, AppendReport, CreateOptions, Error, ErrorKind, Extent, Joints, RowsCheck, ScanOptions, Source,
    Strictness, Table, VerifyOptions, input, paths, store::read_whole,
};

const HEAD: &str = "id,price,note\n1,9.50,x\n";

/// A table with a batch.
fn table() -> (TempDir, Table) {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::create(folder.path().join("t"), &CreateOptions::default()).unwrap();
    table.append_csv(Source::bytes(HEAD), &AppendOptions::default()).unwrap();
    (folder, table)
}

fn plain(text: &str) -> (String, AppendOptions) {
    (text.to_owned(), AppendOptions::default())
}

fn keyed(text: &str, producer: &str, sequence: u64) -> (String, AppendOptions) {
    let idempotency = Some(Idempotency { producer: producer.to_owned(), sequence });
    (text.to_owned(), AppendOptions { idempotency, ..AppendOptions::default() })
}

type Answers = Vec<Result<AppendReport, Error>>;

/// Appends all of these, one thread each, queued in this order; `before` comes when all of them wait.
fn together(table: &Table, batches: &[(String, AppendOptions)], before: impl FnOnce()) -> Answers {
    let groups = &table.groups;
    groups.pretend_to_lead();
    thread::scope(|scope| {
        let mut threads = vec![];
        for (i, (text, options)) in batches.iter().enumerate() {
            threads.push(scope.spawn(move || table.append_csv(Source::bytes(text), options)));
            wait_for(groups, i + 1);
        }
        before();
        groups.lead(table);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn wait_for(groups: &Groups, waiting: usize) {
    for _ in 0..10_000 {
        if groups.waiting() == waiting {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("expected {waiting} batches in the queue, found {}", groups.waiting());
}

/// What was acknowledged is there, once and byte for byte, and nothing else but the first `old` batches is.
#[track_caller]
fn check(table: &Table, old: u64, batches: &[(String, AppendOptions)], answers: &Answers) {
    let mut numbers: Vec<_> = answers.iter().flatten().filter(|r| !r.repeated).map(|report| report.batch).collect();
    numbers.sort_unstable();
    let info = table.info().unwrap();
    assert_eq!(numbers, (old..info.batches).collect::<Vec<_>>(), "{answers:?}");
    for ((text, _), answer) in batches.iter().zip(answers) {
        let Ok(report) = answer else { continue };
        let mut bytes = vec![];
        table.cat(&Extent::Batch(report.batch), Joints::LineFeed, &mut bytes).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), *text, "batch {}", report.batch);
        assert_eq!(report.source_sha256, Digest::of(text.as_bytes()));
        assert_eq!(report.source_bytes, text.len() as u64);
    }
    let heads = answers.iter().flatten().map(|report| report.chain_head).collect();
    let options = VerifyOptions { rows: RowsCheck::Derive, heads, ..VerifyOptions::default() };
    let report = table.verify(&options).unwrap();
    assert_eq!((report.verdict().exit_code(), report.batches), (0, info.batches), "{:?}", report.findings);
}

/// The size of each one's group; 0 if it failed.
fn sizes(answers: &Answers) -> Vec<u64> {
    answers.iter().map(|answer| answer.as_ref().map_or(0, |report| report.group)).collect()
}

fn kinds(answers: &Answers) -> Vec<Option<ErrorKind>> {
    answers.iter().map(|answer| answer.as_ref().err().map(Error::kind)).collect()
}

#[test]
fn a_group_is_one_segment_and_one_event() {
    let (_folder, table) = table();
    // From now on the table knows this order too.
    let order = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
    table.append_csv(Source::bytes("price,id,note\n"), &order).unwrap();
    let batches = [
        plain("id,price,note\n2,1.25,y\n3,n/a,\"z\n\"\n"),
        plain("price,id,note\r\n1.75,4,w\r\n"),
        plain(""),
        plain(&format!("id,price,note\n{}x,1.00,y\n", "7,2.50,abc\n".repeat(150))),
        plain("5,3.50,a\n\n\n6,3.50\n"),
        plain("\n\n"),
        plain("id,price,note\n"),
    ];
    let answers = together(&table, &batches, || {});
    check(&table, 2, &batches, &answers);
    assert_eq!(sizes(&answers), [7; 7], "{answers:?}");
    let reports: Vec<_> = answers.iter().flatten().collect();
    let first = reports[0];
    assert_eq!((first.event, first.batch, first.segment.as_str()), (2, 2, "seg_000002.at1"));
    for (report, batch) in reports.iter().zip(2..) {
        assert_eq!((report.event, report.batch), (2, batch), "in the order in which they came");
        assert_eq!((report.chain_head, report.segment_sha256), (first.chain_head, first.segment_sha256));
        assert_eq!(report.to_json()["group"], 7);
    }
    assert_eq!(reports.iter().map(|report| report.rows).collect::<Vec<_>>(), [2, 1, 0, 151, 2, 2, 0]);
    assert_eq!(reports.iter().map(|report| report.rejects).collect::<Vec<_>>(), [0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(reports.iter().map(|report| report.ragged).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 0, 0]);
    let info = table.info().unwrap();
    assert_eq!((info.batches, info.segments, info.rejects), (9, 3, 1));

    // All of it is one row group, and queries tell the batches apart.
    let system = ["_batch", "_event"].map(str::to_owned).to_vec();
    let scan = ScanOptions { select: Some(system), ..ScanOptions::matching("id >= 4".parse().unwrap()) };
    let mut rows = vec![];
    for batch in table.scan(&scan).unwrap() {
        let batch = batch.unwrap();
        let column = |i: usize| batch.column(i).as_primitive::<UInt64Type>().values().to_vec();
        rows.extend(column(0).into_iter().zip(column(1)));
    }
    let expected: Vec<_> = [3].into_iter().chain([5; 150]).chain([6, 6]).map(|batch| (batch, 2)).collect();
    assert_eq!(rows, expected);
    let mut found = vec![];
    let mut visit = |reject: crate::Reject| {
        found.push((reject.batch, reject.record, reject.column));
        Ok(())
    };
    table.rejects(&mut visit).unwrap();
    assert_eq!(found, [(5, 150, "id".to_owned())]);
    let history = table.version().unwrap().history(table.store()).unwrap();
    let mut roots: Vec<_> = history.batches()[2..].iter().filter(|batch| batch.rows > 0).collect();
    roots.dedup_by_key(|batch| batch.rows_root);
    assert_eq!(roots.len(), 5, "each batch has a tree of its own");
}

#[test]
fn who_does_not_fit_goes_later_and_in_order() {
    let (_folder, table) = table();
    let small = AppendOptions { profile: Profile::Max, ..AppendOptions::default() };
    let batches = [
        plain("2,1.25,y\n"),
        ("3,1.25,y\n".to_owned(), small.clone()),
        // The same producer twice: the second goes with the next.
        keyed("4,1.25,y\n", "p", 1),
        keyed("5,1.25,y\n", "p", 2),
        // Too many bytes for one group.
        plain(&"6,1.25,yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n".repeat(100_000)),
        plain(&"7,1.25,yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n".repeat(100_000)),
        plain(&"8,1.25,yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n".repeat(100_000)),
        ("9,1.25,y\n".to_owned(), small),
    ];
    let answers = together(&table, &batches, || {});
    check(&table, 1, &batches, &answers);
    let events: Vec<_> = answers.iter().flatten().map(|report| report.event).collect();
    assert_eq!(events, [1, 2, 1, 3, 1, 1, 3, 2]);
    assert_eq!(sizes(&answers), [4, 2, 4, 2, 4, 4, 2, 2]);
}

#[test]
fn a_change_of_the_schema_goes_alone_and_the_others_are_planned_again() {
    let (_folder, table) = table();
    let batches =
        [plain("2,1.25,y\n"), plain("x3,1.25,y\n"), plain("4,1.25,y,new\n"), plain("5,1.255,y\n"), plain("6,1.25,y\n")];
    let answers = together(&table, &batches, || {});
    check(&table, 1, &batches, &answers);
    let reports: Vec<_> = answers.iter().flatten().collect();
    // Who needed no change went first; then each change was alone.
    assert_eq!((reports[0].event, reports[4].event), (1, 1));
    assert_eq!(sizes(&answers), [2, 1, 1, 1, 2]);
    assert_eq!(reports[1].columns_widened[0].column, "id");
    assert_eq!(reports[2].columns_added, ["c3"]);
    assert_eq!(reports[3].columns_widened[0].column, "price");
    let columns = table.info().unwrap().columns;
    let types: Vec<_> = columns.iter().map(|column| column.ty.to_string()).collect();
    assert_eq!(types, ["text", "decimal(18,3)", "text", "text"]);
}

#[test]
fn a_change_that_comes_first_is_the_only_one_of_its_group() {
    let (_folder, table) = table();
    let batches = [plain("x2,1.25,y\n"), plain("3,1.25,y\n"), plain("y4,1.25,y\n")];
    let answers = together(&table, &batches, || {});
    check(&table, 1, &batches, &answers);
    let reports: Vec<_> = answers.iter().flatten().collect();
    assert_eq!((reports[0].group, reports[0].event, reports[0].columns_widened.len()), (1, 1, 1));
    assert!(reports[1..].iter().all(|report| report.event > 1 && report.columns_widened.is_empty()), "{reports:?}");
}

#[test]
fn what_another_handle_did_meanwhile_is_noticed() {
    let (folder, table) = table();
    let other = Table::open(folder.path().join("t")).unwrap();
    let strict = AppendOptions { strictness: Strictness::Strict, ..AppendOptions::default() };
    let batches = [plain("2,1.25,y\n"), ("3,1.25,y\n".to_owned(), strict), keyed("4,1.25,y\n", "p", 7)];
    let answers = together(&table, &batches, || {
        other.append_csv(Source::bytes("5,1.25,y,new\n"), &AppendOptions::default()).unwrap();
        let (text, options) = keyed("4,1.25,y\n", "p", 7);
        other.append_csv(Source::bytes(&text), &options).unwrap();
    });
    // The schema moved: the strict batch lacks a column now. The key was appended: it is answered with that time's event.
    assert_eq!(kinds(&answers), [None, Some(ErrorKind::Refused), None]);
    let reports: Vec<_> = answers.iter().flatten().collect();
    assert_eq!((reports[0].batch, reports[0].columns_missing.as_slice()), (3, &["c3".to_owned()][..]));
    assert_eq!((reports[1].batch, reports[1].repeated, reports[1].event), (2, true, 2));
    assert_eq!(table.info().unwrap().batches, 4);
}

#[test]
fn a_refused_batch_fails_alone_and_before_it_waits() {
    let (_folder, table) = table();
    table.groups.pretend_to_lead();
    let strict = AppendOptions { strictness: Strictness::Strict, ..AppendOptions::default() };
    let sha256 = AppendOptions { sha256: Some([0; 32]), ..AppendOptions::default() };
    for options in [strict, sha256] {
        let error = table.append_csv(Source::bytes("2,1.25,y,z\n"), &options).unwrap_err();
        assert_eq!((error.kind(), table.groups.waiting()), (ErrorKind::Refused, 0));
    }
}

#[test]
fn one_key_at_once_is_appended_once() {
    let (_folder, table) = table();
    let batches = [
        keyed("2,1.25,y\n", "p", 1),
        keyed("2,1.25,y\n", "p", 1),
        keyed("3,1.25,y\n", "q", 1),
        keyed("4,1.25,y\n", "p", 1),
        keyed("5,1.25,y\n", "p", 2),
    ];
    let answers = together(&table, &batches, || {});
    assert_eq!(kinds(&answers), [None, None, None, Some(ErrorKind::Condition), None]);
    check(&table, 1, &batches, &answers);
    let reports: Vec<_> = answers.iter().flatten().collect();
    let repeated: Vec<_> = reports.iter().map(|report| (report.batch, report.group, report.repeated)).collect();
    assert_eq!(repeated, [(1, 2, false), (1, 2, true), (2, 2, false), (3, 1, false)]);
    assert_eq!(reports[0].source_sha256, reports[1].source_sha256);
}

#[test]
fn a_batch_that_cannot_be_written_spares_the_others() {
    let (_folder, table) = table();
    let (mut good, mut bad) = (0, 0);
    table.groups.pretend_to_lead();
    thread::scope(|scope| {
        let threads: Vec<_> = (2..5)
            .map(|id| {
                let table = &table;
                let thread = scope.spawn(move || {
                    table.append_csv(Source::bytes(&format!("{id},1.25,y\n")), &AppendOptions::default())
                });
                wait_for(&table.groups, id - 1);
                thread
            })
            .collect();
        // A plan that no planning makes: two fields in one column.
        let broken = scope.spawn(|| {
            let mut planned = planned(&table, "5,1.25,y\n");
            planned.records.map = vec![0, 0, 1];
            table.groups.append(&table, planned)
        });
        wait_for(&table.groups, 4);
        table.groups.lead(&table);
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap().group, 1);
            good += 1;
        }
        bad += usize::from(matches!(broken.join().unwrap(), super::Turn::Alone));
    });
    assert_eq!((good, bad, table.info().unwrap().batches), (3, 1, 4));
}

#[test]
fn a_record_that_no_event_can_have_spares_the_others() {
    let (_folder, table) = table();
    // Numbers in JSON end at 2^53; what the ledger refuses is found out under the lock.
    let batches = [plain("2,1.25,y\n"), keyed("3,1.25,y\n", "p", u64::MAX), keyed("4,1.25,y\n", "q", 1)];
    let answers = together(&table, &batches, || {});
    assert_eq!(kinds(&answers), [None, Some(ErrorKind::Invalid), None]);
    check(&table, 1, &batches, &answers);
}

#[test]
fn nobody_waits_for_a_leader_that_panics() {
    let (_folder, table) = table();
    table.groups.pretend_to_lead();
    let finished = AtomicUsize::new(0);
    thread::scope(|scope| {
        for id in 2..5 {
            let (table, finished) = (&table, &finished);
            scope.spawn(move || {
                let report =
                    table.append_csv(Source::bytes(&format!("{id},1.25,y\n")), &AppendOptions::default()).unwrap();
                assert_eq!(report.group, 1);
                finished.fetch_add(1, Ordering::SeqCst);
            });
            wait_for(&table.groups, id - 1);
        }
        let leader = scope.spawn(|| {
            let _taken = table.groups.take_all(&table);
            panic!("as a bug in the encoder would");
        });
        leader.join().unwrap_err();
    });
    assert_eq!((finished.into_inner(), table.info().unwrap().batches), (3, 4));
}

#[test]
fn the_line_of_a_full_group_is_as_long_as_it_may_be() {
    let (_folder, table) = table();
    let store = table.store();
    let before = read_whole(store, paths::LEDGER).unwrap().len();
    // Long remarks with characters that JSON writes longer.
    let note = "\u{1}\"\\é\u{7f}\n".repeat(700);
    let options = AppendOptions { note: Some(note), ..AppendOptions::default() };
    let batches: Vec<_> = (2..12).map(|id| (format!("{id},1.25,y\n"), options.clone())).collect();
    let answers = together(&table, &batches, || {});
    check(&table, 1, &batches, &answers);
    let first = answers[0].as_ref().unwrap().group;
    assert!((3..10).contains(&first), "{first} of 10 in the first group");
    let ledger = read_whole(store, paths::LEDGER).unwrap();
    let lines: Vec<_> = ledger[before..].split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    assert!(lines.iter().all(|line| *line <= LINE_BYTES_MAX), "{lines:?}");
    assert!(lines[0] > EVENT_BYTES_MAX / 2, "{lines:?}");
}

#[test]
fn records_are_never_longer_than_foreseen() {
    let (_folder, table) = table();
    for text in ["", "name.csv", "\u{0}\u{1f}\"\\/\u{7f}é\u{2028}\u{1f600}"] {
        let mut record = BatchRecord::new(8 << 20, Digest([255; 32]), 1 << 19, Some(Digest([255; 32])));
        record.rejects = 99_999_999;
        let line = |record: &BatchRecord| {
            let writer = crate::commit::Writer::lock(&table).unwrap();
            let segments = || writer.version().history(table.store()).unwrap().live().to_vec();
            let kind = |batches| at1_ledger::Kind::Append { batches, segments: segments(), schema: None };
            let [one, two] = [vec![record.clone()], vec![record.clone(); 2]].map(kind);
            writer.next_event(two).unwrap().line.len() - writer.next_event(one).unwrap().line.len()
        };
        assert!(line(&record) <= super::group::record_bytes(&record));
        record.name = Some(text.to_owned());
        assert!(line(&record) <= super::group::record_bytes(&record), "{text:?}");
        record.note = Some(text.to_owned());
        record.packed_sha256 = Some(Digest([255; 32]));
        record.idempotency = Some(Idempotency { producer: text.to_owned(), sequence: (1 << 53) - 1 });
        assert!(line(&record) <= super::group::record_bytes(&record), "{text:?}");
    }
}

fn planned(table: &Table, text: &str) -> Planned {
    let mut input = input::open(Source::bytes(text), table.store(), &table.shared_store()).unwrap();
    let ground = table.groups.learn(&table.version().unwrap());
    Planned::new(&mut input, &AppendOptions::default(), ground, &mut |_| unreachable!("everything fits")).unwrap()
}
