//! Exports from outside: what other readers find, what survives a crash, what is refused.
//!
//! * What a log should say is written as data, or worked out a second time by code that is obviously right.
#![allow(clippy::unwrap_used, reason = "in tests a failed unwrap is the test failing")]

mod delta;
mod iceberg_bench;
mod iceberg_contents;
mod iceberg_faults;
mod iceberg_reader;
mod iceberg_steps;
