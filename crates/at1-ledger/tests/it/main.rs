//! Tests of the ledger's public face.
//!
//! * `standin` is a toy table: batches of lines, segments that are not Parquet; it has only what a ledger talks about.
//! * Each module has one door, mostly called `check`, and data.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is the test failing, in helpers too")]

mod attacks;
mod damage;
mod example;
mod json;
mod known_answers;
mod link;
mod standin;
mod state;
mod time;
mod tip;
mod tree;
mod vectors;
