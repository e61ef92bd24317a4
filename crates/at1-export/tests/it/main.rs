//! Exports from outside: what other readers find, what survives a crash, what is refused.
#![allow(clippy::unwrap_used, reason = "in tests a failed unwrap is the test failing")]

mod iceberg_contents;
mod iceberg_faults;
mod iceberg_reader;
mod iceberg_steps;

use std::sync::Arc;

use at1_table::{AppendOptions, AppendReport, CreateOptions, HeaderOption, Source, Table};
use at1_testkit::store::MemStore;

/// A new table in memory, and its disk.
fn table() -> (MemStore, Table) {
    let store = MemStore::new();
    let table = Table::create_in(Arc::new(store.clone()), &CreateOptions::default()).unwrap();
    (store, table)
}

fn open(store: &MemStore) -> Table {
    Table::open_in(Arc::new(store.clone())).unwrap()
}

#[track_caller]
fn append(table: &Table, bytes: impl AsRef<[u8]>) -> AppendReport {
    // The first line is names, known ones or not.
    let header = if bytes.as_ref().is_empty() { HeaderOption::Auto } else { HeaderOption::Yes };
    table.append_csv(Source::bytes(&bytes), &AppendOptions { header, ..AppendOptions::default() }).unwrap()
}
