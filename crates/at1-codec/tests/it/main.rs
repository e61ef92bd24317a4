//! What at1-codec promises, tested from outside.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is the test failing")]

mod any_size;
mod carry;
mod column;
mod fidelity;
mod lines;
mod ndjson;
mod reread;
mod segment;
mod text;
