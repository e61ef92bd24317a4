//! Roots of the manifest: bound by appends, superseded, lost, forged.

use std::{num::NonZeroU64, sync::Arc};

use at1_ledger::{Detail, Digest, Kind, ManifestRef, Timestamp, parse_line};
use at1_table::{
    AsOf, Code, CompactOptions, Extent, ScanOptions, Table, VacuumMode, VacuumOptions, VerifyOptions, paths, repair,
    store::Store, verify_store,
};
use at1_testkit::store::MemStore;

use crate::{append, batches, cat, open, table};

/// A handle that binds a root with every event.
pub(crate) fn rooting_in(store: Arc<dyn Store>) -> Table {
    Table::open_in(store).unwrap().with_manifest_every(NonZeroU64::MIN)
}

pub(crate) fn rooting(store: &MemStore) -> Table {
    rooting_in(Arc::new(store.clone()))
}

/// How many blocks there are.
pub(crate) fn blocks(store: &MemStore) -> usize {
    store.files().keys().filter(|path| path.starts_with(paths::MANIFEST)).count()
}

fn bound(store: &MemStore) -> Option<ManifestRef> {
    let files = store.files();
    let ledger = &files[paths::LEDGER];
    let last = ledger[..ledger.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    parse_line(&ledger[last..]).unwrap().detail.manifest
}

fn grow(table: &Table, batches: std::ops::Range<u64>) {
    batches.for_each(|i| drop(append(table, format!("a,b\n{i},x\n{},y\n", i * 7 % 10))));
}

#[test]
fn a_root_comes_every_64_events_and_old_blocks_go() {
    let (store, table) = table();
    let mut roots = vec![];
    for i in 0..200 {
        grow(&table, i..i + 1);
        roots.extend(bound(&store).map(|root| root.events));
        assert!(blocks(&store) <= 8, "{} blocks after {i} appends", blocks(&store));
    }
    roots.dedup();
    assert_eq!(roots, [64, 128, 192]);
    let report = open(&store).verify(&VerifyOptions::default()).unwrap();
    assert!(report.findings.is_empty() && report.verdict().exit_code() == 0, "{:?}", report.findings);
}

#[test]
fn single_appends_of_many_processes_bind_roots_too() {
    let (store, _) = table();
    (0..70).for_each(|i| grow(&open(&store), i..i + 1));
    assert_eq!(bound(&store).unwrap().events, 64);
}

/// What a table answers.
fn answers(table: &Table) -> String {
    let scan = |predicate: &str| {
        let scan = table.scan(&ScanOptions::matching(predicate.parse().unwrap())).unwrap();
        scan.map(|batch| format!("{:?}", batch.unwrap())).collect::<String>()
    };
    let past = |event| {
        let mut out = vec![];
        let then = table.as_of(AsOf::Event(event)).unwrap();
        then.cat(&Extent::Everything, at1_table::Joints::LineFeed, &mut out).unwrap();
        format!("{:?} {:?}", out, then.info().unwrap())
    };
    format!("{:?} {} {} {}", cat(table, &Extent::Everything), scan("a > 4"), scan("b = 'x' and a <> 3"), past(4))
        + &past(9)
}

#[test]
fn every_block_may_be_lost_or_damaged() {
    let (store, _) = table();
    grow(&rooting(&store), 0..9);
    rooting(&store).compact(&CompactOptions { upto: Some(4), ..CompactOptions::default() }).unwrap();
    grow(&open(&store), 9..12);
    let expected = answers(&open(&store));
    let paths: Vec<_> = store.files().into_keys().filter(|path| path.starts_with(paths::MANIFEST)).collect();
    assert!(paths.len() >= 4, "{paths:?}");
    for path in &paths {
        for damage in [None, Some(0), Some(20), Some(usize::MAX)] {
            let disk = store.crash(at1_testkit::fault::Image::Everything);
            match damage {
                None => disk.remove(path).unwrap(),
                Some(at) => {
                    let mut bytes = disk.files()[path].clone();
                    let at = at.min(bytes.len() - 1);
                    bytes[at] ^= 1;
                    disk.put(path, &bytes);
                }
            }
            assert_eq!(answers(&open(&disk)), expected, "{path}, {damage:?}");
            let shared: Arc<dyn Store> = Arc::new(disk.clone());
            let report = verify_store(Arc::clone(&shared), &VerifyOptions::default()).unwrap();
            let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
            assert_eq!((codes, report.verdict().exit_code()), (vec![Code::Block], 0), "{path}, {damage:?}");
            for problem in repair::examine(&shared, None).unwrap().problems {
                assert!(problem.is_safe(), "{problem:?}");
                repair::apply(&shared, None, &problem).unwrap();
            }
            assert_eq!(disk.files()[path], store.files()[path], "it is made again as it was");
            assert!(repair::examine(&shared, None).unwrap().problems.is_empty());
        }
    }
    // And all of them at once, then the next writer.
    let disk = store.crash(at1_testkit::fault::Image::Everything);
    paths.iter().for_each(|path| disk.remove(path).unwrap());
    assert_eq!(answers(&open(&disk)), expected);
    grow(&rooting(&disk), 12..13);
    assert!(bound(&disk).unwrap().events > bound(&store).unwrap().events);
    assert_eq!(batches(&open(&disk)).len(), 13);
    let report = open(&disk).verify(&VerifyOptions::default()).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_root_that_is_not_what_the_events_come_to_is_a_contradiction() {
    let (store, _) = table();
    grow(&rooting(&store), 0..6);
    // A writer that binds the root of another table, whole and well-formed: with one row less.
    let (other, _) = table();
    grow(&rooting(&other), 0..5);
    append(&rooting(&other), "a,b\n5,x\n");
    append(&rooting(&other), "a,b\n5,x\n");
    let lie = bound(&other).unwrap();
    for (path, bytes) in other.files() {
        if path.starts_with(paths::MANIFEST) && !store.files().contains_key(&path) {
            store.put(&path, &bytes);
        }
    }
    let ledger = store.files()[paths::LEDGER].clone();
    let last = ledger[..ledger.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let event = parse_line(&ledger[last..]).unwrap();
    let detail = Detail { manifest: Some(lie), ..Detail::after(Some(&event.detail), note()).unwrap() };
    let later = Timestamp::from_nanos(event.ts.nanos() + 1).unwrap();
    let line = at1_ledger::link(event.chain, event.n + 1, &detail, later).unwrap().line;
    store.put(paths::LEDGER, &[ledger, line].concat());
    // Queries notice that it is not about this ledger, and do without.
    assert_eq!(batches(&open(&store)).len(), 6);
    let report = open(&store).verify(&VerifyOptions::default()).unwrap();
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!((codes, report.chain), (vec![Code::Contradiction], Some(false)));
}

fn note() -> Kind {
    Kind::Note { text: "x".into() }
}

#[test]
fn a_vacuum_removes_blocks_that_nothing_reaches() {
    let (store, _) = table();
    grow(&rooting(&store), 0..3);
    let before = store.files();
    let stray = format!("{}/{}", paths::MANIFEST, Digest::of(b"stray"));
    store.put(&stray, b"stray");
    store.put(&format!("{}/notes.txt", paths::MANIFEST), b"somebody's");
    let vacuum = |mode| open(&store).vacuum(&VacuumOptions { mode, ..VacuumOptions::default() }).unwrap();
    assert_eq!((vacuum(VacuumMode::DryRun).blocks, vacuum(VacuumMode::DryRun).block_bytes), (1, 5));
    assert!(store.files().contains_key(&stray));
    assert_eq!(vacuum(VacuumMode::Remove).blocks, 1);
    assert!(!store.files().contains_key(&stray));
    assert!(before.keys().all(|path| store.files().contains_key(path)), "what is needed stays");
    assert_eq!(store.files().len(), before.len() + 1, "and what is none of ours");
}

#[test]
fn a_backup_has_the_blocks_of_its_root() {
    let (store, _) = table();
    grow(&rooting(&store), 0..5);
    let dest = MemStore::new();
    open(&store).backup_to(Arc::new(dest.clone())).unwrap();
    let blocks_of = |store: &MemStore| -> Vec<_> {
        store.files().into_iter().filter(|(path, _)| path.starts_with(paths::MANIFEST)).collect()
    };
    assert_eq!(blocks_of(&dest), blocks_of(&store));
    grow(&rooting(&store), 5..8);
    open(&store).backup_to(Arc::new(dest.clone())).unwrap();
    assert_eq!(blocks_of(&dest), blocks_of(&store), "the newer ones, and only these");
    assert_eq!(answers_of_two(&dest), answers_of_two(&store));
}

fn answers_of_two(store: &MemStore) -> (Vec<Vec<u8>>, String) {
    (batches(&open(store)), open(store).info().unwrap().to_json().to_string())
}
