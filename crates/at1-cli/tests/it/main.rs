//! The `at1` program as its users meet it: words in, bytes and exit codes out.
//!
//! * Every test drives the real binary in a folder of its own.
//! * Expectations on messages are part of the tests: people and scripts read them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is the test failing")]

mod append;
mod as_of;
mod backup;
mod bench;
mod compact;
mod errors;
mod export;
mod export_iceberg;
mod export_rows;
mod extract;
mod golden;
mod ingest;
mod ledger;
mod query;
mod read;
mod repair;
mod segment;
mod verify;
