//! SQL over tables of AT1: what `at1 sql` and `at1 worker` run.
//!
//! * A program of its own, since a release build of DataFusion takes half an hour of CPU: nobody pays that to append a file.
//! * Results on stdout, everything else on stderr; exit codes, formats and failures are those of `at1`.
#![forbid(unsafe_code)]

mod args;
mod cluster;
mod codec;
mod error;
mod explain;
mod history;
mod prompt;
mod run;
mod session;
mod signal;
mod statement;
mod worker;

use std::process::ExitCode;

use at1_console::program;

use crate::args::{Cli, Command};

/// Queries make and drop columns by the thousand; see `at1`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::run(
        |cli: &Cli| cli.json,
        |cli, voice| match cli.command {
            Command::Sql(args) => run::sql(&args, voice),
            Command::Worker(args) => run::worker(&args, voice),
        },
    )
}
