//! The `at1` command: people and scripts use tables through it.
//!
//! * Results on stdout, everything else on stderr; exit codes as in `at1 --help`.
//! * What is done is done by the crates below; here are words, flags, formats and signals.
#![forbid(unsafe_code)]

mod args;
mod cmd;
mod keys;
mod outside;
mod part;
mod progress;
mod reading;
mod stamps;
mod state;
mod target;
mod watched;
mod words;

use std::process::ExitCode;

use at1_console::{explain, failure, interrupt, output, print, program};

use crate::args::Cli;

/// Columns are made and dropped by the hundred, each as large as a row group makes it: the system's allocator gives every one back
/// to the kernel, and a seventh of an append went into faulting the pages in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::run(|cli: &Cli| cli.json, |cli, voice| cmd::run(cli.command, voice))
}
