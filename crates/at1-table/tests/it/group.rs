//! Many threads on one handle: every batch once, acknowledged numbers right, syncs shared, failures told to everybody.

mod watched;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use at1_table::{
    AppendOptions, AppendReport, CreateOptions, Error, ErrorKind, HeaderOption, Idempotency, RowsCheck, Source,
    Strictness, Table, VerifyOptions,
    store::{LocalStore, Store},
};
use at1_testkit::{
    fault::{Fault, Image, Schedule, Then},
    store::MemStore,
};
use watched::Watched;

use crate::{append, batches, open};

const FIRST: &str = "writer,number,value\n0,0,0.5\n";

type Answer = Result<AppendReport, Error>;

/// A new table with one batch in `store`.
fn start(store: Arc<dyn Store>) -> Table {
    let table = Table::create_in(store, &CreateOptions::default()).unwrap();
    append(&table, FIRST);
    table
}

/// A store whose ledger takes its time to be durable, so that others come meanwhile.
fn slow(store: impl Store + 'static) -> Arc<dyn Store> {
    let pause = |step: &str| {
        if step == "sync _at1/ledger" {
            thread::sleep(Duration::from_millis(8));
        }
    };
    Arc::new(Watched::new(store, pause))
}

fn text(writer: usize, number: usize) -> String {
    format!("writer,number,value\n{writer},{number},{}.5\n", writer * 1000 + number)
}

/// Each of `writers` threads appends `each` batches, one after the other; all answers, by what was appended.
fn append_all(
    table: &Table,
    writers: usize,
    each: usize,
    batch: impl Fn(usize, usize) -> (String, AppendOptions) + Sync,
) -> Vec<(String, Answer)> {
    thread::scope(|scope| {
        let batch = &batch;
        let work = move |writer| {
            let append = |number| {
                let (text, options) = batch(writer, number);
                let answer = table.append_csv(Source::bytes(&text), &options);
                (text, answer)
            };
            (0..each).map(append).collect::<Vec<_>>()
        };
        let threads: Vec<_> = (1..=writers).map(|writer| scope.spawn(move || work(writer))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Every acknowledged batch is there under its number, as it was, and there are no others but the first.
#[track_caller]
fn check(table: &Table, answers: &[(String, Answer)]) {
    let found = batches(table);
    let acknowledged: BTreeMap<_, _> =
        answers.iter().filter_map(|(text, answer)| Some((answer.as_ref().ok()?.batch, text))).collect();
    let expected: Vec<_> = (1..found.len() as u64).map(|n| acknowledged.get(&n).map(|text| text.as_bytes())).collect();
    let rest: Vec<_> = found[1..].iter().map(|bytes| Some(bytes.as_slice())).collect();
    assert_eq!(rest, expected);
    for (text, report) in answers.iter().filter_map(|(text, answer)| Some((text, answer.as_ref().ok()?))) {
        assert_eq!(report.source_sha256, at1_ledger::Digest::of(text.as_bytes()));
        let sharing = answers.iter().flat_map(|(_, answer)| answer).filter(|other| other.event == report.event);
        assert_eq!(sharing.filter(|other| !other.repeated).count() as u64, report.group, "event {}", report.event);
    }
    let heads = answers.iter().flat_map(|(_, answer)| answer).map(|report| report.chain_head).collect();
    let options = VerifyOptions { rows: RowsCheck::Derive, heads, ..VerifyOptions::default() };
    let report = table.verify(&options).unwrap();
    assert_eq!((report.verdict().exit_code(), report.batches), (0, found.len() as u64), "{:?}", report.findings);
}

fn plain(writer: usize, number: usize) -> (String, AppendOptions) {
    (text(writer, number), AppendOptions::default())
}

fn threads_share(store: Arc<dyn Store>, writers: usize, each: usize) -> Table {
    let table = start(store);
    let answers = append_all(&table, writers, each, plain);
    assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
    check(&table, &answers);
    // Each writer's batches are in the order in which it appended them.
    for own in answers.chunks(each) {
        assert!(own.iter().map(|(_, answer)| answer.as_ref().unwrap().batch).is_sorted());
    }
    let events = table.info().unwrap().version;
    assert!(events < (writers * each) as u64, "{events} events for {} batches", writers * each);
    table
}

#[test]
fn threads_share_events_in_memory() {
    threads_share(slow(MemStore::new()), 8, 6);
}

#[test]
fn threads_share_events_on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let table = threads_share(slow(LocalStore::new(&path)), 8, 6);
    // Another handle sees the same.
    assert_eq!(batches(&Table::open(&path).unwrap()), batches(&table));
    assert_eq!(std::fs::read_dir(path.join("_at1/staging")).unwrap().count(), 0);
}

#[test]
fn one_thread_alone_has_events_of_its_own() {
    let table = start(slow(MemStore::new()));
    let answers = append_all(&table, 1, 5, plain);
    assert!(answers.iter().all(|(_, answer)| answer.as_ref().unwrap().group == 1));
    check(&table, &answers);
    assert_eq!(table.info().unwrap().version, 6);
}

#[test]
fn all_kinds_of_batches_at_once() {
    let table = start(slow(MemStore::new()));
    let yes = |text: String| (text, AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() });
    let answers = append_all(&table, 8, 6, |writer, number| match (writer + number) % 7 {
        // Another order, columns that are new, types that widen.
        0 => yes(format!("value,number,writer\n{number}.25,{number},{writer}\n")),
        1 => yes(format!("writer,number,more{writer}\n{writer},{number},{number}\n")),
        2 => (format!("{writer},w{number},1.125\n"), AppendOptions::default()),
        3 => (String::new(), AppendOptions::default()),
        // Too large to share, and not so large.
        4 if writer == 3 => {
            (format!("{writer},{number},2.5,{}\n", "x".repeat(900)).repeat(10_000), AppendOptions::default())
        }
        4 => (format!("{writer},{number},2.5\n").repeat(3_000), AppendOptions::default()),
        // Refused: not the bytes that were promised.
        5 => (text(writer, number), AppendOptions { sha256: Some([7; 32]), ..AppendOptions::default() }),
        _ => plain(writer, number),
    });
    for (n, (_, answer)) in answers.iter().enumerate() {
        let refused = (n / 6 + 1 + n % 6) % 7 == 5;
        let kind = answer.as_ref().err().map(Error::kind);
        assert_eq!(kind, refused.then_some(ErrorKind::Refused), "batch {n}: {answer:?}");
    }
    check(&table, &answers);
    let large = answers.iter().flat_map(|(_, answer)| answer).filter(|report| report.source_bytes > 8 << 20);
    assert_eq!(large.map(|report| report.group).collect::<Vec<_>>(), [1]);
    let info = table.info().unwrap();
    let changed: Vec<_> = answers
        .iter()
        .flat_map(|(_, answer)| answer)
        .filter(|r| !r.columns_added.is_empty() || !r.columns_widened.is_empty())
        .collect();
    assert!(changed.len() > 1 && changed.iter().all(|report| report.group == 1), "{changed:?}");
    assert!(info.columns.len() > 4);
}

#[test]
fn the_first_batches_of_a_table_come_at_once() {
    let table = Table::create_in(slow(MemStore::new()), &CreateOptions::default()).unwrap();
    let answers = append_all(&table, 8, 1, plain);
    assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
    let found: Vec<_> = batches(&table).into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
    let mut numbered: Vec<_> =
        answers.iter().map(|(text, answer)| (answer.as_ref().unwrap().batch, text.clone())).collect();
    numbered.sort_unstable();
    assert_eq!(numbered.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), found);
    // All know the header of the first.
    assert_eq!((table.info().unwrap().rows, table.info().unwrap().columns.len()), (8, 3));
}

#[test]
fn of_many_that_expect_a_version_one_wins() {
    let table = start(slow(MemStore::new()));
    for version in 1..4 {
        let expecting = AppendOptions { expected_version: Some(version), ..AppendOptions::default() };
        let answers = append_all(&table, 8, 1, |writer, number| (text(writer, number), expecting.clone()));
        let kinds: Vec<_> = answers.iter().filter_map(|(_, answer)| answer.as_ref().err()).map(Error::kind).collect();
        assert_eq!(kinds, [ErrorKind::Condition; 7], "version {version}");
    }
    assert_eq!(table.info().unwrap().version, 4);
}

#[test]
fn of_many_with_one_key_one_is_appended() {
    let table = start(slow(MemStore::new()));
    let keyed = |_: usize, number: usize| {
        let idempotency = Some(Idempotency { producer: "p".into(), sequence: number as u64 });
        (text(9, number), AppendOptions { idempotency, ..AppendOptions::default() })
    };
    let answers = append_all(&table, 8, 4, keyed);
    for number in 0..4 {
        let same: Vec<_> = answers.iter().skip(number).step_by(4).map(|(_, answer)| answer.as_ref().unwrap()).collect();
        assert_eq!(same.iter().filter(|report| !report.repeated).count(), 1, "number {number}");
        assert!(same.iter().all(|report| (report.batch, report.event) == (same[0].batch, same[0].event)));
    }
    check(&table, &answers);
    assert_eq!(table.info().unwrap().batches, 5);
}

#[test]
fn strict_batches_are_refused_for_what_the_table_is_now() {
    let table = start(slow(MemStore::new()));
    let strict = AppendOptions { strictness: Strictness::Strict, ..AppendOptions::default() };
    // Planned for three columns, as this handle knows them; but there are four by now.
    let store = table.store();
    assert_eq!(store.place(), "memory");
    let wide = append_all(&table, 1, 1, |_, _| ("1,2,3.5,four\n".to_owned(), AppendOptions::default()));
    assert_eq!(wide[0].1.as_ref().unwrap().columns_added, ["c3"]);
    let answers = append_all(&table, 4, 2, |writer, number| match number {
        0 => (format!("{writer},7,7.5,seven\n"), strict.clone()),
        _ => (format!("{writer},7,7.5\n"), strict.clone()),
    });
    let kinds: Vec<_> = answers.iter().map(|(_, answer)| answer.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Refused)].repeat(4));
}

/// Four threads append while one step fails: what was acknowledged is there, what was not is not, and the table goes on.
fn fault_matrix(fault: Fault, then: Then) {
    let old = MemStore::new();
    start(Arc::new(old.clone()));
    let run = |store: &MemStore| append_all(&open(store), 4, 2, plain);
    let steps = {
        let store = old.crash(Image::Everything);
        run(&store);
        store.steps()
    };
    let mut shared = 0;
    for step in (0..steps).step_by(3) {
        let store = old.crash(Image::Everything);
        let table = open(&store);
        store.fail(Some(Schedule { step, fault, then }));
        let answers = append_all(&table, 4, 2, plain);
        store.fail(None);
        let what = format!("step {step}, {fault:?}, {then:?}");
        shared += answers.iter().flat_map(|(_, answer)| answer).filter(|report| report.group > 1).count();
        let poisoned =
            answers.iter().flat_map(|(_, answer)| answer.as_ref().err()).any(|e| e.kind() == ErrorKind::Poisoned);
        for image in Image::ALL {
            let found = batches(&open(&store.crash(image)));
            for (text, answer) in &answers {
                let times = found.iter().filter(|bytes| *bytes == text.as_bytes()).count();
                match answer {
                    Ok(_) => assert_eq!(times, 1, "{what}, then {image:?}: {text:?} was acknowledged"),
                    Err(_) if image == Image::Everything && then == Then::Recovers && !poisoned => {
                        assert_eq!(times, 0, "{what}: {text:?} failed with {answer:?}");
                    }
                    Err(_) => assert!(times <= 1, "{what}, then {image:?}: {text:?}"),
                }
            }
        }
        if then == Then::Recovers && !poisoned {
            check(&table, &answers);
            // The same handle goes on.
            let next = append(&table, text(9, 9));
            assert_eq!(next.batch + 1, table.info().unwrap().batches, "{what}");
        }
    }
    assert!(shared > 0, "no group had two members in all of {steps} runs");
}

#[test]
fn a_step_fails_before_its_effect() {
    fault_matrix(Fault::BeforeEffect, Then::Recovers);
}

#[test]
fn a_step_fails_after_its_effect() {
    fault_matrix(Fault::AfterEffect, Then::Recovers);
}

#[test]
fn cleaning_up_fails_too() {
    fault_matrix(Fault::BeforeEffect, Then::RecoversAfter(1));
}

#[test]
fn the_process_dies() {
    fault_matrix(Fault::AfterEffect, Then::Dies);
}

#[test]
fn a_leader_panics() {
    // Before anything is in the ledger, and in the middle of the commit.
    for step in ["stage _at1/staging", "write_at _at1/ledger"] {
        let (armed, memory) = (Arc::new(AtomicBool::new(false)), MemStore::new());
        let trap = Arc::clone(&armed);
        let store = Watched::new(memory.clone(), move |now| {
            if now == step {
                thread::sleep(Duration::from_millis(5));
                assert!(!trap.swap(false, Ordering::SeqCst), "the trap at {step}");
            }
        });
        let table = start(Arc::new(store));
        armed.store(true, Ordering::SeqCst);
        let (mut done, mut unknown, mut panicked) = (vec![], 0, 0);
        thread::scope(|scope| {
            let append = |writer| {
                let text = text(writer, 0);
                let answer = table.append_csv(Source::bytes(&text), &AppendOptions::default());
                (text, answer)
            };
            let threads: Vec<_> = (1..=6).map(|writer| scope.spawn(move || append(writer))).collect();
            for thread in threads {
                match thread.join() {
                    Ok((text, Ok(report))) => done.push((text, Ok(report))),
                    Ok((_, Err(error))) => {
                        assert_eq!(error.kind(), ErrorKind::Poisoned, "{error:?}");
                        unknown += 1;
                    }
                    Err(_) => panicked += 1,
                }
            }
        });
        assert_eq!((panicked, done.len() + unknown), (1, 5), "{step}: everybody is told something");
        assert!(step.starts_with("write") || unknown == 0, "{step}: nothing was in the ledger");
        check(&table, &done);
        append(&table, text(9, 9));
        assert_eq!(batches(&open(&memory)).len(), done.len() + 2);
    }
}
