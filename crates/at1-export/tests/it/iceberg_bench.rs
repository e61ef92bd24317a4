//! What every test stands on: a table in memory.

use std::sync::Arc;

use at1_table::{AppendOptions, AppendReport, CreateOptions, HeaderOption, Source, Table};
use at1_testkit::store::MemStore;

/// A new table in memory, and its disk.
pub(crate) fn table() -> (MemStore, Table) {
    let store = MemStore::new();
    let table = Table::create_in(Arc::new(store.clone()), &CreateOptions::default()).unwrap();
    (store, table)
}

pub(crate) fn open(store: &MemStore) -> Table {
    Table::open_in(Arc::new(store.clone())).unwrap()
}

#[track_caller]
pub(crate) fn append(table: &Table, bytes: impl AsRef<[u8]>) -> AppendReport {
    // The first line is names, known ones or not.
    let header = if bytes.as_ref().is_empty() { HeaderOption::Auto } else { HeaderOption::Yes };
    table.append_csv(Source::bytes(&bytes), &AppendOptions { header, ..AppendOptions::default() }).unwrap()
}
