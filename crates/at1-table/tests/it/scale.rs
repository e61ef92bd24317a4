//! The generator of large tables: what it makes is what appends leave.

use std::{fs, path::Path};

use at1_ledger::{Event, parse_line};
use at1_table::{Extent, RowsCheck, Table, VerifyOptions, paths, verify_folder};
use at1_testkit::{
    scale::{self, Found},
    store::MemStore,
};

use crate::{append, cat, table};

/// More than a thread takes at a time, and no multiple of it.
const SEGMENTS: u64 = 150;

fn events(ledger: &[u8]) -> Vec<Event> {
    ledger.split_inclusive(|&byte| byte == b'\n').skip(1).map(|line| parse_line(line).unwrap()).collect()
}

fn ledger(folder: &Path) -> Vec<u8> {
    fs::read(folder.join(paths::LEDGER)).unwrap()
}

#[test]
fn a_table_that_was_made_is_what_appends_leave() {
    let dir = tempfile::tempdir().unwrap();
    let made = scale::make(dir.path(), SEGMENTS, 3).unwrap();
    let (store, appended): (MemStore, _) = table();
    (0..SEGMENTS).for_each(|n| drop(append(&appended, scale::batch(n))));

    let (ours, files) = (ledger(dir.path()), store.files());
    assert_eq!((made.segments, made.ledger_bytes), (SEGMENTS, ours.len() as u64));
    let (ours, theirs) = (events(&ours), events(&files[paths::LEDGER]));
    assert_eq!((ours.len(), theirs.len()), (150, 150));
    let mut segment_bytes = 0;
    for (mut ours, theirs) in ours.into_iter().zip(theirs) {
        // A table binds the roots of its manifest; one that was made has none yet.
        ours.detail.manifest = theirs.detail.manifest;
        assert_eq!((ours.n, &ours.detail), (theirs.n, &theirs.detail));
        for segment in ours.detail.kind.segments() {
            let path = paths::segment_path(&segment.name);
            let file = fs::read(dir.path().join(&path)).unwrap();
            assert!(file == files[&path], "{path}");
            segment_bytes += file.len() as u64;
        }
    }
    assert_eq!(made.segment_bytes, segment_bytes);
}

#[test]
fn a_table_that_was_made_verifies_and_gives_its_bytes_back() {
    let dir = tempfile::tempdir().unwrap();
    scale::make(dir.path(), 70, 2).unwrap();
    let options = VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() };
    let report = verify_folder(dir.path(), &options).unwrap();
    assert_eq!((report.verdict().exit_code(), &report.findings[..]), (0, &[][..]));
    assert_eq!((report.segments, report.batches), (70, 70));
    let table = Table::open(dir.path()).unwrap();
    let all = (0..70).flat_map(scale::batch).collect::<Vec<_>>();
    assert!(cat(&table, &Extent::Everything) == all);
    // It is a table like any other: the next batch fits it.
    let report = append(&table, scale::batch(70));
    assert_eq!((report.event, report.rejects), (70, 0));
    assert_eq!([report.columns_added.len(), report.columns_missing.len(), report.columns_widened.len()], [0; 3]);
}

#[test]
fn a_table_is_put_back_as_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("table");
    assert_eq!(scale::reset(&folder, 5).unwrap(), Found::Nothing);
    scale::make(&folder, 5, 1).unwrap();
    let (before, names) = (ledger(&folder), names(&folder));
    assert!(scale::make(&folder, 5, 1).unwrap_err().to_string().ends_with("expected no table, found one"));
    let table = Table::open(&folder).unwrap();
    append(&table, scale::batch(5));
    append(&table, "time,note\n2024-01-01T00:00:06Z,x\n");
    drop(table);
    assert_eq!(scale::reset(&folder, 8).unwrap(), Found::Stale, "it never had so many");
    assert_eq!(scale::reset(&folder, 5).unwrap(), Found::Ready(2));
    assert!(ledger(&folder) == before);
    assert_eq!(self::names(&folder), names);
    assert_eq!(scale::reset(&folder, 5).unwrap(), Found::Ready(0));
    // A smaller table is the beginning of a larger one.
    assert_eq!(scale::reset(&folder, 3).unwrap(), Found::Ready(2));
    let small = dir.path().join("small");
    scale::make(&small, 3, 1).unwrap();
    assert!(ledger(&folder) == ledger(&small));
}

#[test]
fn a_making_that_was_cut_short_begins_again() {
    let dir = tempfile::tempdir().unwrap();
    scale::make(dir.path(), 5, 1).unwrap();
    let names = names(dir.path());
    fs::rename(dir.path().join(paths::LEDGER), dir.path().join(paths::LEDGER).with_extension("unfinished")).unwrap();
    fs::write(dir.path().join("segments/seg_000009.at1"), "").unwrap();
    assert_eq!(scale::reset(dir.path(), 5).unwrap(), Found::Nothing);
    scale::make(dir.path(), 5, 1).unwrap();
    assert_eq!(self::names(dir.path()), names);
    assert_eq!(scale::reset(dir.path(), 5).unwrap(), Found::Ready(0));
}

#[test]
fn nobody_elses_table_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    append(&Table::create(dir.path(), &Default::default()).unwrap(), "a\n1\n");
    let before = ledger(dir.path());
    assert_eq!(scale::reset(dir.path(), 0).unwrap(), Found::Foreign);
    assert!(ledger(dir.path()) == before);
    assert!(scale::make(dir.path(), 1, 1).is_err());
    assert!(ledger(dir.path()) == before);
}

fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(folder.join(paths::SEGMENTS)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn batches_say_where_they_are() {
    for n in [0, 61, 999_999] {
        let text = String::from_utf8(scale::batch(n)).unwrap();
        let [first, last] = scale::second(n);
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len() as u64, scale::ROWS);
        assert!(rows.is_sorted_by(|a, b| a[0] < b[0]));
        assert!(rows.iter().all(|row| (first.as_str()..=last.as_str()).contains(&row[0])));
        assert_eq!(rows[7][2], scale::id(n, 7));
    }
    let block = scale::BLOCK_SIZE.to_string();
    let blocks = (0..2000).filter(|&n| String::from_utf8(scale::batch(n)).unwrap().contains(&block)).count();
    assert!((1..=5).contains(&blocks), "{blocks} of 2000 batches");
}
