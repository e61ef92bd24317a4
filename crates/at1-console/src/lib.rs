//! How the programs of AT1 speak to people and to other programs: results, failures, exit codes, signals.
//!
//! | module | knows |
//! |---|---|
//! | [`program`] | the command line, the work, the exit code |
//! | [`output`] | stdout and stderr, words and JSON, numbers for people |
//! | [`print`] | record batches as table, CSV, JSON Lines, Arrow and Parquet |
//! | [`values`] | the one printed form of every value |
//! | [`explain`] | what a query left out, and what it read |
//! | [`failure`] | failures as one line or one JSON object, and the exit codes |
//! | [`interrupt`] | Ctrl-C |
//! | [`words`] | sizes, as they are written |
//!
//! What is absent: arguments, and tables to read or write. Programs that share this print the same value in the same way.
#![forbid(unsafe_code)]

pub mod explain;
pub mod failure;
pub mod interrupt;
pub mod output;
pub mod print;
pub mod program;
pub mod values;
pub mod words;
