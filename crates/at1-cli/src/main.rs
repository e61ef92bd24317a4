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

use std::{io::Write as _, process::ExitCode};

use at1_console::{explain, failure, interrupt, output, print};
use clap::{Parser as _, error::ErrorKind};

use crate::{
    args::Cli,
    failure::{Exit, Failure},
    output::Voice,
};

/// Columns are made and dropped by the hundred, each as large as a row group makes it: the system's allocator gives every one back
/// to the kernel, and a seventh of an append went into faulting the pages in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Known before parsing succeeds, since a failure to parse is told as JSON too.
    let asks_json = std::env::args_os().any(|word| word == "--json");
    let (voice, done) = match Cli::try_parse() {
        Ok(cli) => {
            let voice = if cli.json { Voice::Json } else { Voice::Words };
            let listening = interrupt::listen().map_err(|e| Failure::new(Exit::CouldNot, "io", e.to_string()));
            (voice, listening.and_then(|()| cmd::run(cli.command, voice)))
        }
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Help that nobody reads to its end is still help.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) if !asks_json => {
            let _ = error.print();
            return ExitCode::from(Exit::Usage as u8);
        }
        Err(error) => (Voice::Json, Err(Failure::new(Exit::Usage, "usage", error.to_string().trim_end()))),
    };
    let failure = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(_) if output::reader_left() => return ExitCode::SUCCESS,
        Err(_) if interrupt::came() => Failure::interrupted(),
        Err(failure) => failure,
    };
    let mut err = std::io::stderr().lock();
    // Nobody is left to tell if stderr is gone; the exit code still says it.
    let _ = match voice {
        Voice::Json => writeln!(err, "{}", failure.to_json()),
        Voice::Words => writeln!(err, "error: {failure}"),
    };
    ExitCode::from(failure.exit() as u8)
}
