//! Exports from outside: what other readers find, what survives a crash, what is refused.
#![allow(clippy::unwrap_used, reason = "in tests a failed unwrap is the test failing")]

mod iceberg_bench;
mod iceberg_contents;
mod iceberg_faults;
mod iceberg_reader;
mod iceberg_steps;
