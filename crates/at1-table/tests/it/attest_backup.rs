//! Copies of a table that is signed: what vouches for the table vouches for its copy, and never for more than that has.
//!
//! How a copy is made step by step, and fails, is in [`crate::backup`] and [`crate::attest_faults`].

use std::sync::{Arc, Mutex};

use at1_ledger::SignedCheckpoint;
use at1_table::{MaxUnsigned, Table, VerifyOptions, paths};
use at1_testkit::{fault::Image, store::MemStore};

use crate::{
    append,
    attacks::{
        attacker,
        story::{BATCHES, Files, Story},
    },
    attest::{ORIGIN, codes, log_key, verify},
    backup::Hooked,
    open,
};

fn backup(source: &MemStore, dest: &MemStore) {
    open(source).backup_to(Arc::new(dest.clone())).unwrap();
}

/// Checkpoints and receipts.
fn beside(store: &MemStore) -> Files {
    let is_beside = |path: &String| path.starts_with(paths::CHECKPOINT) || path.starts_with(paths::ANCHORS);
    store.files().into_iter().filter(|(path, _)| is_beside(path)).collect()
}

/// All that there is to ask for.
fn asked(story: &Story) -> VerifyOptions {
    VerifyOptions {
        policy: Some(story.policy(3)),
        stamps: story.stamps(),
        max_unsigned: Some(MaxUnsigned::Events(0)),
        threads: Some(1),
        ..VerifyOptions::default()
    }
}

#[track_caller]
fn check_whole(store: &MemStore, options: &VerifyOptions, what: &str) {
    let report = verify(store, options);
    assert_eq!((report.verdict().exit_code(), &report.findings[..]), (0, &[][..]), "{what}");
}

#[test]
fn all_that_lies_beside_the_ledger_is_copied() {
    let mut story = Story::begin(BATCHES);
    let dest = MemStore::new();
    backup(&story.store, &dest);
    assert_eq!(beside(&dest), beside(&story.store));
    story.go_on(BATCHES);
    backup(&story.store, &dest);
    assert_eq!(beside(&dest), beside(&story.store));
    assert_eq!(beside(&dest).len(), 1 + 3 + 4, "the newest, three kept, two receipts and what they stamped");
    check_whole(&dest, &asked(&story), "the copy");
    // It proves, and goes on being signed: the signer's memory is of the copy as well.
    assert!(dest.files()[paths::LEDGER] == story.store.files()[paths::LEDGER]);
    append(&open(&dest), "id,name\n7,gus\n");
    open(&dest).checkpoint(&story.key, &mut story.signer.clone()).unwrap();
}

/// Before any file of the source is opened, it grows and is signed.
#[test]
fn a_copy_is_never_ahead_of_itself() {
    let steps = {
        let story = Story::begin(BATCHES);
        let before = story.store.steps();
        backup(&story.store, &MemStore::new());
        story.store.journal(before)
    };
    // Under the lock no writer comes between.
    let locked = |at: usize| steps[..at].last().is_some_and(|step| step.starts_with("lock"));
    let opens = (0..steps.len()).filter(|at| steps[*at].starts_with("open "));
    let opens: Vec<_> = opens.map(|at| (&steps[at]["open ".len()..], locked(at))).collect();
    assert!(opens.iter().any(|(path, _)| *path == paths::CHECKPOINT) && opens.iter().any(|(_, locked)| *locked));
    for (at, (path, _)) in opens.iter().enumerate().filter(|(_, (_, locked))| !locked) {
        let story = Story::begin(BATCHES);
        let (dest, count) = (MemStore::new(), Mutex::new(0));
        let (other, signer) = (story.store.clone(), story.signer.clone());
        let signs = move |_: &str| {
            let mut count = count.lock().unwrap();
            *count += 1;
            if *count - 1 == at {
                drop(count);
                append(&open(&other), "id,name\n9,zoe\n");
                open(&other).checkpoint(&log_key(1), &mut signer.clone()).unwrap();
            }
        };
        let hooked = Hooked { store: story.store.clone(), before_open: Box::new(signs), read_only: false };
        Table::open_in(Arc::new(hooked)).unwrap().backup_to(Arc::new(dest.clone())).unwrap();
        let events = attacker::events(&dest).len() as u64;
        let largest = beside(&dest).into_iter().filter(|(path, _)| !path.ends_with(".tsr"));
        let largest = largest.map(|(_, bytes)| SignedCheckpoint::parse(&bytes).unwrap().checkpoint().size).max();
        let what = format!("signed before {at}, {path}: {events} events, {largest:?} signed");
        assert!(largest.is_some_and(|largest| largest <= events), "{what}");
        let report = verify(&dest, &VerifyOptions { max_unsigned: None, ..asked(&story) });
        assert_eq!(report.verdict().exit_code(), 0, "{what}: {:?}", report.findings);
        backup(&story.store, &dest);
        assert_eq!(beside(&dest), beside(&story.store), "{what}, the next");
    }
}

/// Whatever becomes of a file beside the source's ledger, the copy's good one stays, and a first copy is sound.
#[test]
fn damage_is_not_copied() {
    let story = Story::begin(BATCHES);
    let (good, whole) = (MemStore::new(), VerifyOptions { max_unsigned: None, ..asked(&story) });
    backup(&story.store, &good);
    let anchors = |store: &MemStore| -> Vec<_> {
        beside(store).into_iter().filter(|(path, _)| path.starts_with(paths::ANCHORS)).collect()
    };
    for (path, bytes) in beside(&story.store) {
        let cases = (0..bytes.len()).step_by(bytes.len() / 40 + 1).flat_map(|at| {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            [(at, "flipped", flipped), (at, "cut", bytes[..at].to_vec())]
        });
        for (at, how, damaged) in cases {
            let what = format!("{path}: {how} at {at}: {}", damaged.escape_ascii());
            let source = story.store.crash(Image::Everything);
            source.put(&path, &damaged);
            let dest = good.crash(Image::Everything);
            backup(&source, &dest);
            let report = verify(&dest, &whole);
            let found = (report.verdict().exit_code(), codes(&report));
            assert_eq!(found, (0, vec!["uncovered"]), "{what}: {:?}", report.findings);
            assert!(anchors(&dest) == anchors(&good), "{what}");
            let first = MemStore::new();
            backup(&source, &first);
            let report = verify(&first, &VerifyOptions { threads: Some(1), ..VerifyOptions::default() });
            assert_eq!(report.verdict().exit_code(), 0, "{what}: {:?}", report.findings);
        }
    }
}

/// A copy whose own checkpoints were damaged gets the source's good ones.
#[test]
fn a_damaged_copy_is_mended() {
    let story = Story::begin(BATCHES);
    let good = MemStore::new();
    backup(&story.store, &good);
    for (path, bytes) in beside(&good) {
        // The origin, the size, the log's signature.
        for at in [0, ORIGIN.len() + 1, ORIGIN.len() * 2 + 70] {
            let dest = good.crash(Image::Everything);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            dest.put(&path, &flipped);
            backup(&story.store, &dest);
            assert!(beside(&dest) == beside(&good), "{path}: {}", flipped.escape_ascii());
        }
    }
}
