//! What crashes and failing disks leave, case by case: torn tails, orphans, damage, a disk that cannot take back.
//!
//! All cases together, by machine, are in `faults` and `interleave`.

use std::sync::Arc;

use at1_table::{ErrorKind, Table, VerifyOptions, paths};
use at1_testkit::{
    fault::{Fault, Image, Schedule, Then},
    store::MemStore,
};

use crate::{append, batches, legal::try_append, open, table};

const OLD: &[u8] = b"a,b\n1,x\n";
const NEW: &[u8] = b"b,a\ny,2.5\n";
const NEXT: &[u8] = b"a,b\n3,z\n";

/// A disk with a table of one batch.
fn old() -> MemStore {
    let (store, table) = table();
    append(&table, OLD);
    store
}

#[test]
fn a_disk_that_cannot_take_back_stops_all_writers() {
    let store = old();
    let table = open(&store);
    // The last sync of the ledger fails, and so does the cut that would take the line back.
    let sync = {
        let disk = store.crash(Image::Everything);
        let table = open(&disk);
        let before = disk.steps();
        try_append(&table, NEW).unwrap();
        disk.journal(before).iter().rposition(|step| step == "sync _at1/ledger").unwrap() as u64
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
