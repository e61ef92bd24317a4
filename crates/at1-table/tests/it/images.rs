//! What a power cut can leave: the images themselves.

use std::collections::BTreeSet;

use at1_table::{paths, store::Store};
use at1_testkit::{
    fault::{Fault, Image, Schedule, Then},
    store::MemStore,
};

fn disk() -> MemStore {
    let disk = MemStore::new();
    for folder in [paths::STAGING, paths::SEGMENTS] {
        disk.make_folder(folder).unwrap();
    }
    disk.put("_at1/ledger", b"old ");
    disk
}

/// What `path` can be after a power cut: its bytes, or `-`.
fn found(disk: &MemStore, path: &str) -> BTreeSet<String> {
    let cuts = disk.power_cuts(4096, 0);
    assert!(cuts.is_exhaustive());
    let bytes = |disk: MemStore| disk.files().get(path).map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    cuts.map(|cut| bytes(cut.disk).unwrap_or("-".to_owned()).replace('\0', "0")).collect()
}

#[track_caller]
fn check(disk: &MemStore, path: &str, expected: &[&str]) {
    assert_eq!(found(disk, path), expected.iter().map(|&text| text.to_owned()).collect());
}

fn stage(disk: &MemStore, bytes: &[u8]) -> Box<dyn at1_table::store::Staged> {
    let mut staged = disk.stage().unwrap();
    std::io::Write::write_all(&mut staged, bytes).unwrap();
    staged
}

#[test]
fn writes_that_were_not_synced() {
    let disk = disk();
    disk.write_at(paths::LEDGER, 4, b"line").unwrap();
    check(&disk, paths::LEDGER, &["old ", "old li", "old 0000", "old line"]);
    disk.sync(paths::LEDGER).unwrap();
    check(&disk, paths::LEDGER, &["old line"]);
    // Bytes that were synced before do not turn into zeros where a write over them is lost.
    disk.write_at(paths::LEDGER, 2, b"XXXXXX++").unwrap();
    check(&disk, paths::LEDGER, &["old line", "olXXXXne", "old line00", "olXXXXXX++"]);
}

#[test]
fn cuts_that_were_not_synced() {
    let disk = disk();
    disk.truncate(paths::LEDGER, 1).unwrap();
    check(&disk, paths::LEDGER, &["o", "old "]);
    disk.write_at(paths::LEDGER, 1, b"no").unwrap();
    check(&disk, paths::LEDGER, &["o", "old ", "on", "ond ", "o00", "ono", "ono "]);
    let holes = disk.power_cuts(4096, 0).filter(|cut| cut.hole).count();
    assert_eq!(holes, 1, "the write without the cut");
}

#[test]
fn writes_are_lost_independently() {
    let disk = disk();
    disk.write_at(paths::LEDGER, 4, b"ab").unwrap();
    disk.write_at(paths::LEDGER, 6, b"cd").unwrap();
    let found = found(&disk, paths::LEDGER);
    for (text, holds) in [
        ("old abcd", true),
        ("old 00cd", true),
        ("old ab00", true),
        ("old a0cd", true),
        ("old abc", true),
        ("old abc0", false),
    ] {
        assert_eq!(found.contains(text), holds, "{text}");
    }
    let cuts = disk.power_cuts(4096, 0).filter(|cut| cut.hole);
    let holed: BTreeSet<_> = cuts.map(|cut| cut.disk.files()[paths::LEDGER][4..].to_vec()).collect();
    assert_eq!(holed, [b"\0\0cd".to_vec(), b"a\0cd".to_vec()].into(), "the second without all of the first");
}

#[test]
fn names_that_were_not_synced() {
    let disk = disk();
    disk.put("segments/a", b"A");
    disk.put("segments/b", b"B");
    let mut staged = stage(&disk, b"C");
    staged.seal().unwrap();
    disk.remove("segments/a").unwrap();
    disk.link(&*staged, "segments/c").unwrap();
    drop(staged);
    let shown = |disk: &MemStore| {
        let all = disk.files();
        all.into_keys().filter_map(|path| Some(path.strip_prefix("segments/")?.to_owned())).collect::<String>()
    };
    let found = |disk: &MemStore| disk.power_cuts(4096, 0).map(|cut| shown(&cut.disk)).collect::<BTreeSet<_>>();
    assert_eq!(found(&disk), ["abc", "ab", "bc", "b"].map(str::to_owned).into());
    disk.sync_folder(paths::SEGMENTS).unwrap();
    assert_eq!(found(&disk), ["bc".to_owned()].into());
}

#[test]
fn a_name_that_is_given_anew() {
    let disk = disk();
    disk.put("segments/a", b"old");
    let mut staged = stage(&disk, b"new");
    staged.seal().unwrap();
    disk.remove("segments/a").unwrap();
    disk.link(&*staged, "segments/a").unwrap();
    check(&disk, "segments/a", &["old", "-", "new"]);
}

#[test]
fn a_file_that_is_named_before_it_is_synced() {
    let disk = disk();
    let mut staged = stage(&disk, b"bytes!");
    disk.link(&*staged, "segments/a").unwrap();
    disk.sync_folder(paths::SEGMENTS).unwrap();
    check(&disk, "segments/a", &["", "byt", "000000", "bytes!"]);
    staged.seal().unwrap();
    check(&disk, "segments/a", &["bytes!"]);
}

#[test]
fn what_a_failed_sync_forgot_stays_forgotten() {
    let disk = disk();
    disk.write_at(paths::LEDGER, 4, b"line").unwrap();
    let forgets = |step| Some(Schedule { step, fault: Fault::Forgets, then: Then::Recovers });
    disk.fail(forgets(0));
    disk.sync(paths::LEDGER).unwrap_err();
    disk.sync(paths::LEDGER).unwrap();
    check(&disk, paths::LEDGER, &["old ", "old li", "old 0000", "old line"]);
    // What comes after can be made durable, and so can a cut.
    disk.truncate(paths::LEDGER, 4).unwrap();
    disk.write_at(paths::LEDGER, 4, b"more").unwrap();
    disk.sync(paths::LEDGER).unwrap();
    check(&disk, paths::LEDGER, &["old more"]);
    disk.put("segments/a", b"A");
    disk.remove("segments/a").unwrap();
    disk.fail(forgets(0));
    disk.sync_folder(paths::SEGMENTS).unwrap_err();
    disk.sync_folder(paths::SEGMENTS).unwrap();
    check(&disk, "segments/a", &["-", "A"]);
}

#[test]
fn staged_files_and_names_stay_or_go_together() {
    let disk = disk();
    let staged = [stage(&disk, b"a"), stage(&disk, b"b"), stage(&disk, b"c")];
    drop(staged);
    let count = |disk: &MemStore| disk.files().keys().filter(|path| path.starts_with(paths::STAGING)).count();
    let counts: BTreeSet<_> = disk.power_cuts(4096, 0).map(|cut| count(&cut.disk)).collect();
    assert_eq!(counts, [0, 3].into());
}

#[test]
fn the_typical_images_are_among_all() {
    let disk = disk();
    disk.put("segments/a", b"A");
    disk.remove("segments/a").unwrap();
    disk.write_at(paths::LEDGER, 4, b"line").unwrap();
    let all: BTreeSet<_> = disk.power_cuts(4096, 0).map(|cut| cut.disk.files()).collect();
    assert_eq!(all.len(), 8);
    for image in Image::ALL {
        assert!(all.contains(&disk.crash(image).files()), "{image:?}");
    }
}

#[test]
fn a_sample_is_the_same_for_the_same_seed() {
    let disk = disk();
    (0..10).for_each(|i| disk.write_at(paths::LEDGER, 4 + 2 * i, b"ab").unwrap());
    let sample = |seed| -> Vec<_> { disk.power_cuts(50, seed).map(|cut| cut.what).collect() };
    let cuts = disk.power_cuts(50, 1);
    assert_eq!((cuts.combinations(), cuts.is_exhaustive()), (1 << 20, false));
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
    assert_eq!(sample(1)[0], "nothing lost");
    assert!(sample(1).len() > 40);
}
