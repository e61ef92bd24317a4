//! Repairs: each problem is there before, explained, and gone after; and nothing that is lost by a repair.

use std::{sync::Arc, time::Duration};

use at1_table::{
    ErrorKind, Source, VerifyOptions, paths,
    repair::{self, Diagnosis, Problem, ProblemKind, Weight},
    store::Store,
    verify_store,
};
use at1_testkit::{
    fault::{Image, Schedule},
    store::MemStore,
};

use crate::{
    append,
    backup::{compact, vacuum},
    batches, open, table,
};

fn shared(store: &MemStore) -> Arc<dyn Store> {
    Arc::new(store.clone())
}

fn examine(store: &MemStore, backup: Option<&MemStore>) -> Diagnosis {
    let before = store.files();
    let found = repair::examine(&shared(store), backup.map(shared).as_ref()).unwrap();
    assert!(store.files() == before, "looking changes nothing");
    found
}

/// The one problem there is.
#[track_caller]
fn only(store: &MemStore, backup: Option<&MemStore>) -> Problem {
    let mut found = examine(store, backup).problems;
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn apply(store: &MemStore, backup: Option<&MemStore>, problem: &Problem) -> Result<(), at1_table::Error> {
    repair::apply(&shared(store), backup.map(shared).as_ref(), problem)
}

/// Safe, and nothing is wrong after it.
#[track_caller]
fn mends(store: &MemStore, backup: Option<&MemStore>, problem: &Problem) {
    assert!(problem.is_safe(), "{problem:?}");
    apply(store, backup, problem).unwrap();
    let left = examine(store, backup).problems;
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(verify_store(shared(store), &VerifyOptions::default()).unwrap().verdict().exit_code(), 0);
}

/// Told, and left as it is.
#[track_caller]
fn stays(store: &MemStore, backup: Option<&MemStore>, problem: &Problem) {
    assert!(!problem.is_safe(), "{problem:?}");
    let before = store.files();
    assert_eq!(apply(store, backup, problem).unwrap_err().kind(), ErrorKind::Refused);
    assert!(store.files() == before);
}

/// A table of two batches, and its copy.
fn pair() -> (MemStore, MemStore) {
    let (store, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    let copy = MemStore::new();
    table.backup_to(Arc::new(copy.clone())).unwrap();
    (store, copy)
}

fn flip(store: &MemStore, path: &str, at: usize) -> Vec<u8> {
    let mut bytes = store.files()[path].clone();
    bytes[at] ^= 1;
    store.put(path, &bytes);
    bytes
}

const SECOND: &str = "segments/seg_000001.at1";

#[test]
fn nothing_is_wrong_with_a_sound_table() {
    let (store, copy) = pair();
    let found = examine(&store, Some(&copy));
    assert!(found.problems.is_empty(), "{:#?}", found.problems);
    assert_eq!((found.events, found.segments, found.chain_head.unwrap().n), (2, 2, 1));
}

#[test]
fn a_torn_tail_is_saved_and_cut() {
    let (store, _) = pair();
    let ledger = store.files()[paths::LEDGER].clone();
    store.put(paths::LEDGER, &[&ledger[..], b"half a line"].concat());
    let problem = only(&store, None);
    assert_eq!((problem.kind, problem.kind.weight()), (ProblemKind::Torn, Weight::Torn));
    assert_eq!(problem.place, format!("_at1/ledger: event 2, byte {}", ledger.len()));
    assert_eq!((&problem.expected[..], &problem.found[..]), ("a line feed at the end", "11 bytes without"));
    mends(&store, None, &problem);
    assert!(store.files()[paths::LEDGER] == ledger);
    let saved: Vec<_> = store.files().into_iter().filter(|(path, _)| path.starts_with(paths::TORN)).collect();
    assert_eq!((saved.len(), &saved[0].1[..]), (1, &b"half a line"[..]));
}

#[test]
fn what_the_dead_were_writing_is_swept_and_the_living_are_spared() {
    let (store, _) = pair();
    store.put("_at1/staging/dead", b"x");
    let living = store.stage().unwrap();
    let problem = only(&store, None);
    assert_eq!(
        (problem.kind, &problem.found[..], problem.kind.weight()),
        (ProblemKind::Staging, "2 names", Weight::Untidy)
    );
    apply(&store, None, &problem).unwrap();
    let left: Vec<_> = store.files().into_keys().filter(|path| path.starts_with(paths::STAGING)).collect();
    assert_eq!(left, [living.path()]);
    drop(living);
    assert!(examine(&store, None).problems.is_empty());
    store.put(paths::LEDGER_NEW, b"x");
    let problem = only(&store, None);
    assert_eq!(problem.place, paths::LEDGER_NEW);
    mends(&store, None, &problem);
}

#[test]
fn missing_folders_are_made() {
    let (store, _) = pair();
    let bare = MemStore::new();
    bare.make_folder("segments").unwrap();
    bare.make_folder("_at1").unwrap();
    store.files().into_iter().for_each(|(path, bytes)| bare.put(&path, &bytes));
    let problem = only(&bare, None);
    assert_eq!((problem.kind, &problem.place[..]), (ProblemKind::Folder, "_at1/staging"));
    mends(&bare, None, &problem);
    append(&open(&bare), "a\n3\n");
}

#[test]
fn a_marker_goes_only_if_everything_holds() {
    let (store, copy) = pair();
    store.put(paths::POISONED, b"A write to _at1/ledger failed\nand so on\n");
    let problem = only(&store, None);
    assert_eq!((problem.kind, &problem.found[..]), (ProblemKind::Poisoned, "A write to _at1/ledger failed"));
    assert_eq!(problem.kind.weight(), Weight::Stopped);
    // Damage comes between looking and repairing: then it stays.
    let good = store.files()[SECOND].clone();
    flip(&store, SECOND, 40);
    let error = apply(&store, None, &problem).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("seg_000001.at1") && store.files().contains_key(paths::POISONED), "{error}");
    // Seen together, the marker waits for the segment.
    let found = examine(&store, None).problems;
    assert_eq!(
        found.iter().map(|problem| problem.kind).collect::<Vec<_>>(),
        [ProblemKind::Changed, ProblemKind::Poisoned]
    );
    assert!(found.iter().all(|problem| !problem.is_safe()), "{found:#?}");
    // With a backup both can be repaired, in this order.
    let found = examine(&store, Some(&copy)).problems;
    assert!(found.iter().all(Problem::is_safe), "{found:#?}");
    found.iter().for_each(|problem| apply(&store, Some(&copy), problem).unwrap());
    assert!(store.files()[SECOND] == good && examine(&store, None).problems.is_empty());
    append(&open(&store), "a\n3\n");

    store.put(paths::POISONED, b"again\n");
    flip(&store, paths::LEDGER, 300);
    let found = examine(&store, None).problems;
    assert_eq!(
        found.iter().map(|problem| problem.kind).collect::<Vec<_>>(),
        [ProblemKind::Ledger, ProblemKind::Poisoned]
    );
    found.iter().for_each(|problem| stays(&store, None, problem));
}

#[test]
fn a_marker_and_a_torn_tail_go_one_after_the_other() {
    let (store, _) = pair();
    let ledger = store.files()[paths::LEDGER].clone();
    store.put(paths::LEDGER, &[&ledger[..], b"half a line"].concat());
    store.put(paths::POISONED, b"x\n");
    let found = examine(&store, None).problems;
    assert_eq!(
        found.iter().map(|problem| problem.kind).collect::<Vec<_>>(),
        [ProblemKind::Poisoned, ProblemKind::Torn]
    );
    assert_eq!(apply(&store, None, &found[1]).unwrap_err().kind(), ErrorKind::Poisoned, "writers are stopped");
    apply(&store, None, &found[0]).unwrap();
    mends(&store, None, &found[1]);
    assert!(store.files()[paths::LEDGER] == ledger);
}

/// What a sync forgot is written again, so that it is there after all.
#[test]
fn a_ledger_is_durable_before_its_marker_goes() {
    let (store, _) = pair();
    store.put(paths::POISONED, b"x\n");
    let problem = only(&store, None);
    let ledger = store.files()[paths::LEDGER].clone();
    let steps = {
        let disk = store.crash(Image::Everything);
        let before = disk.steps();
        apply(&disk, None, &problem).unwrap();
        disk.steps() - before
    };
    for schedule in Schedule::all(steps) {
        let disk = store.crash(Image::Everything);
        disk.fail(Some(schedule));
        let _ = apply(&disk, None, &problem);
        disk.fail(None);
        for image in Image::ALL {
            let disk = disk.crash(image);
            assert!(disk.files().get(paths::LEDGER) == Some(&ledger), "{schedule:?}, then {image:?}");
            for problem in examine(&disk, None).problems {
                apply(&disk, None, &problem).unwrap();
            }
            assert!(examine(&disk, None).problems.is_empty(), "{schedule:?}, then {image:?}");
        }
    }
}

#[test]
fn a_segment_is_put_back_and_what_was_there_is_kept() {
    let (store, copy) = pair();
    let good = store.files()[SECOND].clone();
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    for bad in [Some(flipped), Some(vec![]), None] {
        match &bad {
            Some(bad) => store.put(SECOND, bad),
            None => store.take(SECOND),
        }
        let problem = only(&store, None);
        let kind = if bad.is_some() { ProblemKind::Changed } else { ProblemKind::Missing };
        assert_eq!((problem.kind, &problem.place[..], problem.kind.weight()), (kind, SECOND, Weight::Damage));
        assert!(problem.expected.starts_with(&format!("{} bytes with sha256 ", good.len())), "{}", problem.expected);
        assert!(problem.meaning.starts_with("batch 1 (1 records) cannot be read"), "{}", problem.meaning);
        stays(&store, None, &problem);
        let problem = only(&store, Some(&copy));
        let torn = |store: &MemStore| {
            store.files().into_iter().filter(|(path, _)| path.starts_with(paths::TORN)).collect::<Vec<_>>()
        };
        let before = torn(&store);
        mends(&store, Some(&copy), &problem);
        assert!(store.files()[SECOND] == good);
        let kept: Vec<_> =
            torn(&store).into_iter().filter(|file| !before.contains(file)).map(|(_, bytes)| bytes).collect();
        assert_eq!(kept, bad.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn only_the_very_file_is_put_back() {
    let (store, copy) = pair();
    flip(&store, SECOND, 40);
    let safe = only(&store, Some(&copy));
    flip(&copy, SECOND, 41);
    let problem = only(&store, Some(&copy));
    assert!(problem.remedy.contains("another file too"), "{}", problem.remedy);
    stays(&store, Some(&copy), &problem);
    // It changed after it was looked at: nothing is moved, nothing linked.
    let before = store.files();
    assert_eq!(apply(&store, Some(&copy), &safe).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(store.files() == before);
    copy.take(SECOND);
    let problem = only(&store, Some(&copy));
    assert!(problem.remedy.contains("does not have it"), "{}", problem.remedy);
    let error = repair::examine(&shared(&store), Some(&shared(&MemStore::new()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[test]
fn putting_back_fails_anywhere_and_nothing_is_lost() {
    let (store, copy) = pair();
    let bad = flip(&store, SECOND, 40);
    let good = copy.files()[SECOND].clone();
    let problem = only(&store, Some(&copy));
    let steps = {
        let disk = store.crash(Image::Everything);
        let before = disk.steps();
        apply(&disk, Some(&copy), &problem).unwrap();
        disk.steps() - before
    };
    for schedule in Schedule::all(steps) {
        let disk = store.crash(Image::Everything);
        disk.fail(Some(schedule));
        let done = apply(&disk, Some(&copy), &problem).is_ok();
        disk.fail(None);
        let what = format!("{schedule:?}");
        for image in Image::ALL {
            let disk = disk.crash(image);
            assert!(!done || disk.files().get(SECOND) == Some(&good), "{what}, then {image:?}");
            for problem in examine(&disk, Some(&copy)).problems {
                apply(&disk, Some(&copy), &problem).unwrap();
            }
            assert!(disk.files()[SECOND] == good, "{what}, then {image:?}");
            assert!(examine(&disk, None).problems.is_empty(), "{what}, then {image:?}");
            assert!(disk.files().values().any(|bytes| *bytes == bad), "{what}, then {image:?}: what was wrong is kept");
        }
    }
}

#[test]
fn replaced_files_that_still_hold_the_batches_are_named() {
    let (store, _) = pair();
    compact(&store, 0);
    let path = "segments/seg_000002.at1";
    let good = store.files()[path].clone();
    flip(&store, path, 40);
    let problem = only(&store, None);
    assert!(
        problem.meaning.ends_with("event 2 replaced still hold the same batches, intact: seg_000000.at1"),
        "{}",
        problem.meaning
    );
    stays(&store, None, &problem);
    // They must be intact themselves, and there.
    let older = "segments/seg_000000.at1";
    let bytes = store.files()[older].clone();
    flip(&store, older, 40);
    assert!(!only(&store, None).meaning.contains("intact"));
    store.put(older, &bytes);
    store.put(path, &good);
    vacuum(&store);
    flip(&store, path, 40);
    assert!(!only(&store, None).meaning.contains("intact"));
}

#[test]
fn damage_in_the_ledger_is_explained_and_never_touched() {
    let (store, copy) = pair();
    append(&open(&store), "a\n3\n");
    let lines: Vec<usize> =
        store.files()[paths::LEDGER].iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at).collect();
    flip(&store, paths::LEDGER, lines[1] + 200);
    let problem = only(&store, None);
    assert_eq!((problem.kind, problem.kind.weight()), (ProblemKind::Ledger, Weight::Damage));
    assert!(problem.place.starts_with("_at1/ledger: event 1"), "{}", problem.place);
    assert!(problem.expected.starts_with("hash ") && problem.found.len() == 64, "{problem:?}");
    assert!(problem.meaning.starts_with("events 0 to 0 recompute, up to receipt 0:"), "{}", problem.meaning);
    assert!(problem.meaning.contains("1 of the 1 segments that they have live are intact"), "{}", problem.meaning);
    stays(&store, None, &problem);
    // How far a backup goes along.
    let told = |copy: &MemStore, expected: &str| {
        let problem = only(&store, Some(copy));
        assert!(problem.remedy.contains(expected), "{}", problem.remedy);
        stays(&store, Some(copy), &problem);
    };
    told(&copy, "memory has 2 events that recompute: all 1 from before the damage are the same, and it goes on beyond");
    let cut = copy.crash(Image::Everything);
    cut.put(paths::LEDGER, &copy.files()[paths::LEDGER][..=lines[1]]);
    told(&cut, "memory has 1 events that recompute: all 1 from before the damage are the same, and it ends there");
    cut.put(paths::LEDGER, &copy.files()[paths::LEDGER][..=lines[0]]);
    told(&cut, "memory has 0 events that recompute: they are the first 0 of this table");
    let (other, _) = pair();
    told(&other, "memory is a copy of another table");
    cut.take(paths::LEDGER);
    told(&cut, "memory/_at1/ledger cannot be read");
}

#[test]
fn a_header_or_a_ledger_that_is_gone_is_explained_too() {
    let (store, copy) = pair();
    let ledger = store.files()[paths::LEDGER].clone();
    flip(&store, paths::LEDGER, 20);
    let problem = only(&store, None);
    assert_eq!((problem.kind, &problem.place[..]), (ProblemKind::Ledger, "_at1/ledger: header"));
    assert_eq!(problem.meaning, "not even the first event can be relied on");
    stays(&store, None, &problem);
    store.put(paths::LEDGER, &ledger[..50]);
    let problem = only(&store, None);
    assert_eq!(problem.kind, ProblemKind::Ledger, "a table with segments had a first line");
    stays(&store, None, &problem);
    store.take(paths::LEDGER);
    let problem = only(&store, Some(&copy));
    assert_eq!((problem.kind, &problem.found[..]), (ProblemKind::Ledger, "none, beside segments"));
    assert!(problem.remedy.ends_with("memory has a ledger of 2 events"), "{}", problem.remedy);
    stays(&store, Some(&copy), &problem);
    let error = repair::examine(&shared(&MemStore::new()), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoTable);
}

#[test]
fn strangers_among_the_segments_are_told_and_left() {
    let (store, _) = pair();
    store.put("segments/notes.txt", b"x");
    store.put("segments/seg_000002.at1", b"x");
    compact(&store, 0);
    store.put("segments/seg_000007.at1", b"x");
    store.take("segments/seg_000000.at1");
    let found = examine(&store, None).problems;
    let mut kinds: Vec<_> = found.iter().map(|problem| (problem.kind.word(), &problem.place[..])).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [("extra", "segments/notes.txt"), ("gone", "segments"), ("orphan", "segments/seg_000007.at1")]);
    for problem in &found {
        assert_eq!(problem.kind.weight(), Weight::Untidy);
        stays(&store, None, problem);
    }
}

#[test]
fn a_problem_as_json() {
    let (store, _) = pair();
    store.take(SECOND);
    let json = only(&store, None).to_json(false);
    assert_eq!(
        (&json["problem"], &json["place"], &json["found"]),
        (&"missing".into(), &SECOND.into(), &"no such file".into())
    );
    assert_eq!((&json["safe"], &json["done"]), (&false.into(), &false.into()));
    assert!(json["expected"].is_string() && json["meaning"].is_string() && json["remedy"].is_string());
}

#[test]
fn repairs_and_writers_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let table = at1_table::Table::create(&path, &at1_table::CreateOptions::default()).unwrap();
    let store: Arc<dyn Store> = Arc::new(at1_table::store::LocalStore::new(&path));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..20 {
                table.append_csv(Source::bytes(&format!("n\n{number}\n")), &Default::default()).unwrap();
            }
        });
        while !writer.is_finished() {
            // Whatever is met half-way is repaired without harm.
            for problem in repair::examine(&store, None).unwrap().problems.iter().filter(|problem| problem.is_safe()) {
                repair::apply(&store, None, problem).unwrap();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    assert_eq!(batches(&table).len(), 20);
    assert_eq!(table.verify(&VerifyOptions::default()).unwrap().verdict().exit_code(), 0);
}
