//! Tests of the ledger's public face.
//!
//! * `standin` is a toy table: batches of lines, segments that are not Parquet; it has only what a ledger talks about.
//! * Each module has one door, mostly called `check`, and data.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is the test failing, in helpers too")]

mod attacks;
mod checkpoints;
mod claims;
mod damage;
mod example;
mod forgeries;
mod growth;
mod handover;
mod json;
mod keyring;
mod keys;
mod known_answers;
mod link;
mod memory;
mod mutations;
mod note;
mod oracles;
mod outside;
mod packing;
mod policies;
mod proved;
mod quorums;
mod sigsum;
mod standin;
mod state;
mod tiles;
mod time;
mod times;
mod tip;
mod tree;
mod vectors;
