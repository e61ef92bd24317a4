//! Shows a table to other engines where it lies: nothing is copied, metadata of their kind is written beside it.
//!
//! * The ledger stays the only authority. What is written here follows it, can be thrown away, and is made again.
//! * Nothing here can make an append fail, or changes a byte of the table itself.
#![forbid(unsafe_code)]

pub mod delta;
pub mod iceberg;
