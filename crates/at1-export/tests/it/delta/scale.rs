//! The cost of an export after one append does not depend on the length of the table.

use std::sync::Arc;

use at1_export::delta;
use at1_table::{AppendOptions, Source, Table, store::LocalStore};
use at1_testkit::store::MemStore;

/// The steps that the storage takes for an export after one append, to a table of so many appends and versions.
fn steps(appends: u64) -> u64 {
    let disk = MemStore::new();
    let table = Table::create_in(Arc::new(disk.clone()), &Default::default()).unwrap();
    let append = || drop(table.append_csv(Source::bytes("id\n1\n"), &AppendOptions::default()).unwrap());
    for _ in 0..appends {
        append();
        delta::export(&table).unwrap();
    }
    loop {
        append();
        let before = disk.steps();
        if delta::export(&table).unwrap().checkpoint.is_none() {
            return disk.steps() - before;
        }
    }
}

#[test]
fn an_export_after_an_append_takes_as_many_steps_at_any_length() {
    let (few, many) = (steps(60), steps(1_250));
    assert!(many <= few + 40, "{few} steps after 60 appends, {many} after 1,250");
}

#[test]
fn a_folder_on_disk_is_exported_too() {
    let folder = tempfile::tempdir().unwrap();
    at1_testkit::scale::make(folder.path(), 300, 1).unwrap();
    let table = Table::open_in(Arc::new(LocalStore::new(folder.path()))).unwrap();
    let report = delta::export(&table).unwrap();
    assert_eq!((report.adds, report.checkpoint), (300, Some(0)));
    let staged = std::fs::read_dir(folder.path().join("_at1/staging")).unwrap().count();
    assert_eq!(staged, 0, "nothing is left staged");
}
