//! The table from outside: what it gives back, what it survives, what it notices.
#![allow(clippy::unwrap_used, reason = "in tests a failed unwrap is the test failing")]

mod append;
mod arrow;
mod attacks;
mod attest;
mod attest_backup;
mod attest_faults;
mod backup;
mod cat;
mod compact;
mod corpus;
mod crash;
mod damage;
mod exit_codes;
mod faults;
mod group;
mod history;
mod images;
mod interleave;
mod legal;
mod lines;
mod model;

mod processes;
mod repair;
mod roots;
mod scale;
mod scan;
mod spec;
mod verify;

use std::sync::Arc;

use at1_table::{AppendOptions, AppendReport, CreateOptions, Extent, Joints, Source, Table};
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
    table.append_csv(Source::bytes(&bytes), &AppendOptions::default()).unwrap()
}

#[track_caller]
fn cat(table: &Table, extent: &Extent) -> Vec<u8> {
    let mut out = vec![];
    table.cat(extent, Joints::LineFeed, &mut out).unwrap();
    out
}

/// All batches, each as it was.
fn batches(table: &Table) -> Vec<Vec<u8>> {
    (0..table.info().unwrap().batches).map(|batch| cat(table, &Extent::Batch(batch))).collect()
}
