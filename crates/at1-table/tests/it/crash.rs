//! Each step of a store fails before and after its effect, the process lives on or dies, the power goes or stays: what was
//! acknowledged is there, what was not is there wholly or not at all, and the table goes on.

use std::sync::Arc;

use at1_table::{AppendOptions, CreateOptions, Error, ErrorKind, Source, Table, VerifyOptions, paths};
use at1_testkit::{
    fault::{Fault, Image, Schedule, Then},
    store::MemStore,
};

use crate::{append, batches, open, table};

const OLD: &[u8] = b"a,b\n1,x\n";
const NEW: &[u8] = b"b,a\ny,2.5\n";
const NEXT: &[u8] = b"a,b\n3,z\n";

fn try_append(table: &Table, bytes: &[u8]) -> Result<(), Error> {
    table.append_csv(Source::bytes(bytes), &AppendOptions::default()).map(drop)
}

/// A disk with a table of one batch.
fn old() -> MemStore {
    let (store, table) = table();
    append(&table, OLD);
    store
}

/// How many steps it takes when nothing fails.
fn steps(store: &MemStore, run: impl Fn(&MemStore)) -> u64 {
    let store = store.crash(Image::Everything);
    let before = store.steps();
    run(&store);
    store.steps() - before
}

/// Whatever the disk looks like now, the table opens, holds what it must, and goes on.
#[track_caller]
fn check_disk(store: &MemStore, acked: bool, what: &str) {
    for image in Image::ALL {
        let what = format!("{what}, then {image:?}");
        let disk = store.crash(image);
        let found = batches(&open(&disk));
        let whole = found == [OLD] || found == [OLD, NEW];
        assert!(whole, "{what}: {found:?}");
        assert!(!acked || found == [OLD, NEW], "{what}: lost an acknowledged batch");
        let verdict = open(&disk).verify(&VerifyOptions::default()).unwrap().verdict().exit_code();
        assert!(verdict == 0 || verdict == 7, "{what}: verify says {verdict}");
        match try_append(&open(&disk), NEXT) {
            Ok(()) => {
                let after = batches(&open(&disk));
                assert_eq!(after[..found.len()], found, "{what}: the past changed");
                assert_eq!(after[found.len()..], [NEXT], "{what}: the next append");
                let report = open(&disk).verify(&VerifyOptions::default()).unwrap();
                assert_eq!(report.verdict().exit_code(), 0, "{what}: {:?}", report.findings);
                let left = disk.files().keys().filter(|path| path.starts_with(paths::STAGING)).count();
                assert_eq!(left, 0, "{what}: staging is clean");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Poisoned, "{what}: {error:?}"),
        }
    }
}

fn append_matrix(fault: Fault, then: Then) {
    let old = old();
    let run = |store: &MemStore| drop(try_append(&open(store), NEW));
    for step in 0..steps(&old, run) {
        let store = old.crash(Image::Everything);
        let table = open(&store);
        store.fail(Some(Schedule { step, fault, then }));
        let acked = try_append(&table, NEW);
        store.fail(None);
        let what =
            format!("step {step} ({}), {fault:?}, {then:?}", store.journal(0).last().cloned().unwrap_or_default());
        if let (Err(error), Then::Recovers) = (&acked, then) {
            // The promise: after any error but one the batch is not in the table.
            assert_ne!(error.kind(), ErrorKind::Poisoned, "{what}");
            assert_eq!(batches(&open(&store)), [OLD], "{what}: an error, and yet");
        }
        check_disk(&store, acked.is_ok(), &what);
        if then == Then::Recovers && acked.is_err() {
            try_append(&table, NEW).unwrap_or_else(|e| panic!("{what}: the same handle goes on: {e:?}"));
            assert_eq!(batches(&open(&store)), [OLD, NEW], "{what}: once, not twice");
        }
    }
}

#[test]
fn a_step_fails_before_its_effect() {
    append_matrix(Fault::BeforeEffect, Then::Recovers);
}

#[test]
fn a_step_fails_after_its_effect() {
    append_matrix(Fault::AfterEffect, Then::Recovers);
}

#[test]
fn the_process_dies_before_an_effect() {
    append_matrix(Fault::BeforeEffect, Then::Dies);
}

#[test]
fn the_process_dies_after_an_effect() {
    append_matrix(Fault::AfterEffect, Then::Dies);
}

#[test]
fn cleaning_up_fails_too() {
    append_matrix(Fault::BeforeEffect, Then::RecoversAfter(1));
    append_matrix(Fault::AfterEffect, Then::RecoversAfter(2));
}

#[test]
fn a_disk_that_cannot_take_back_stops_all_writers() {
    let store = old();
    let table = open(&store);
    // The sync of the ledger fails, and so does the cut that would take the line back.
    let sync = {
        let disk = store.crash(Image::Everything);
        let table = open(&disk);
        let before = disk.steps();
        try_append(&table, NEW).unwrap();
        disk.journal(before).iter().position(|step| step == "sync _at1/ledger").unwrap() as u64
    };
    let fresh = open(&store);
    store.fail(Some(Schedule { step: sync, fault: Fault::BeforeEffect, then: Then::RecoversAfter(1) }));
    let error = try_append(&fresh, NEW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned, "{error:?}");
    let marker = String::from_utf8(store.files()[paths::POISONED].clone()).unwrap();
    assert!(marker.contains("cutting the ledger back"), "{marker}");
    for table in [&table, &fresh, &open(&store)] {
        assert_eq!(try_append(table, NEXT).unwrap_err().kind(), ErrorKind::Poisoned);
    }
    // Reading goes on, and verification mentions the marker without calling it damage.
    assert!(batches(&table).starts_with(&[OLD.to_vec()]));
    let report = table.verify(&VerifyOptions::default()).unwrap();
    assert!(report.findings.iter().any(|finding| finding.code == at1_table::Code::Poisoned));
    // A person looks, removes the marker, and a new process goes on.
    store.take(paths::POISONED);
    assert_eq!(try_append(&fresh, NEXT).unwrap_err().kind(), ErrorKind::Poisoned, "this process saw it happen");
    try_append(&open(&store), NEXT).unwrap();
}

#[test]
fn making_a_table_fails_anywhere_and_is_made_again() {
    let run = |store: &MemStore| Table::create_in(Arc::new(store.clone()), &CreateOptions::default()).map(drop);
    let empty = MemStore::new();
    for schedule in Schedule::all(steps(&empty, |store| run(store).unwrap())) {
        let store = MemStore::new();
        store.fail(Some(schedule));
        let made = run(&store).is_ok();
        for image in Image::ALL {
            let disk = store.crash(image);
            let opened = Table::open_in(Arc::new(disk.clone()));
            assert!(!made || opened.is_ok(), "{schedule:?}, then {image:?}: lost");
            let (table, _) = Table::open_or_create_in(Arc::new(disk), &CreateOptions::default()).unwrap();
            append(&table, OLD);
            assert_eq!(batches(&table), [OLD], "{schedule:?}, then {image:?}");
        }
    }
}

/// A disk whose ledger ends in half a line.
fn torn() -> (MemStore, Vec<u8>) {
    let store = old();
    let whole = store.files()[paths::LEDGER].clone();
    append(&open(&store), NEW);
    let line = store.files()[paths::LEDGER][whole.len()..].to_vec();
    let tail = line[..line.len() / 2].to_vec();
    store.put(paths::LEDGER, &[whole, tail.clone()].concat());
    (store, tail)
}

#[test]
fn a_torn_tail_is_ignored_saved_and_cut() {
    let (store, tail) = torn();
    assert_eq!(batches(&open(&store)), [OLD]);
    assert_eq!(open(&store).verify(&VerifyOptions::default()).unwrap().verdict().exit_code(), 7);
    append(&open(&store), NEXT);
    assert_eq!(batches(&open(&store)), [OLD, NEXT]);
    let saved: Vec<_> = store.files().into_iter().filter(|(path, _)| path.starts_with(paths::TORN)).collect();
    assert_eq!(saved.len(), 1);
    assert_eq!(saved[0].1, tail);
    assert_eq!(open(&store).verify(&VerifyOptions::default()).unwrap().verdict().exit_code(), 0);
}

#[test]
fn every_cut_of_the_last_line_is_a_torn_tail() {
    let (store, table) = table();
    append(&table, OLD);
    let before = store.files()[paths::LEDGER].len();
    append(&table, NEW);
    let ledger = store.files()[paths::LEDGER].clone();
    for cut in (before + 1..ledger.len()).step_by(7).chain([ledger.len() - 1]) {
        let disk = store.crash(Image::Everything);
        disk.put(paths::LEDGER, &ledger[..cut]);
        assert_eq!(batches(&open(&disk)), [OLD], "cut at {cut}");
        append(&open(&disk), NEXT);
        assert_eq!(batches(&open(&disk)), [OLD, NEXT], "cut at {cut}");
    }
}

#[test]
fn a_torn_tail_is_never_lost_while_it_is_cut() {
    let (torn_disk, tail) = torn();
    let run = |store: &MemStore| drop(try_append(&open(store), NEW));
    for schedule in Schedule::all(steps(&torn_disk, run)) {
        let store = torn_disk.crash(Image::Everything);
        let table = open(&store);
        store.fail(Some(schedule));
        let acked = try_append(&table, NEW).is_ok();
        for image in Image::ALL {
            let disk = store.crash(image);
            let kept = disk.files()[paths::LEDGER].windows(tail.len()).any(|window| window == tail)
                || disk.files().iter().any(|(path, bytes)| path.starts_with(paths::TORN) && *bytes == tail);
            assert!(kept, "{schedule:?}, then {image:?}: the tail is gone");
        }
        check_disk(&store, acked, &format!("{schedule:?}"));
    }
}

#[test]
fn an_orphan_is_replaced() {
    let store = old();
    store.put("segments/seg_000001.at1", b"left by a crash");
    let report = open(&store).verify(&VerifyOptions::default()).unwrap();
    assert_eq!((report.findings[0].code, report.verdict().exit_code()), (at1_table::Code::Orphan, 0));
    append(&open(&store), NEW);
    assert_eq!(batches(&open(&store)), [OLD, NEW]);
}

#[test]
fn a_whole_line_with_a_wrong_hash_is_never_cut() {
    let store = old();
    append(&open(&store), NEW);
    let mut ledger = store.files()[paths::LEDGER].clone();
    let last = ledger.len() - 40;
    ledger[last] ^= 1;
    store.put(paths::LEDGER, &ledger);
    let error = Table::open_in(Arc::new(store.clone())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let report = at1_table::verify_store(Arc::new(store.clone()), &VerifyOptions::default()).unwrap();
    assert_eq!(report.verdict().exit_code(), 1);
    assert_eq!(store.files()[paths::LEDGER], ledger, "left as it is");
}

#[test]
fn a_handle_notices_that_the_ledger_was_replaced() {
    let store = old();
    let table = open(&store);
    append(&table, NEW);
    // Somebody puts an older copy of the whole table back.
    let older = old();
    for (path, bytes) in older.files() {
        store.put(&path, &bytes);
    }
    assert_eq!(batches(&table), [OLD]);
}
