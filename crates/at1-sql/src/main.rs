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

use std::{io::Write as _, process::ExitCode};

use at1_console::{
    failure::{Exit, Failure},
    interrupt,
    output::{self, Voice},
};
use clap::{Parser as _, error::ErrorKind};

use crate::args::{Cli, Command};

/// Queries make and drop columns by the thousand; see `at1`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Known before parsing succeeds, since a failure to parse is told as JSON too.
    let asks_json = std::env::args_os().any(|word| word == "--json");
    let (voice, done) = match Cli::try_parse() {
        Ok(cli) => {
            let voice = if cli.json { Voice::Json } else { Voice::Words };
            let listening = interrupt::listen().map_err(|e| Failure::new(Exit::CouldNot, "io", e.to_string()));
            let done = listening.and_then(|()| match cli.command {
                Command::Sql(args) => run::sql(&args, voice),
                Command::Worker(args) => run::worker(&args, voice),
            });
            (voice, done)
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
