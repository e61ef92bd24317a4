//! Tests of the catalog through its public face.
#![expect(clippy::unwrap_used, reason = "in tests a failed unwrap is the test failing")]

mod aggregate;
mod fields;
mod luck;
mod model;
mod parse;
mod pruning;
mod scan;
mod semantics;
mod zones;
