//! A program from its first word to its exit code.

use std::{
    io::{Write as _, stderr},
    process::ExitCode,
};

use clap::{Parser, error::ErrorKind};

use crate::{
    failure::{Exit, Failure},
    interrupt,
    output::{self, Voice},
};

/// Reads the command line, listens for signals, does the work, and tells on stderr why it was not done. `json` is whether the command line
/// asks for JSON.
pub fn run<C: Parser>(json: impl FnOnce(&C) -> bool, work: impl FnOnce(C, Voice) -> Result<(), Failure>) -> ExitCode {
    // Known before parsing succeeds, since a failure to parse is told as JSON too.
    let asks_json = std::env::args_os().any(|word| word == "--json");
    let (voice, done) = match C::try_parse() {
        Ok(cli) => {
            let voice = if json(&cli) { Voice::Json } else { Voice::Words };
            let listening = interrupt::listen().map_err(|e| Failure::new(Exit::CouldNot, "io", e.to_string()));
            (voice, listening.and_then(|()| work(cli, voice)))
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
    let mut err = stderr().lock();
    // Nobody is left to tell if stderr is gone; the exit code still says it.
    let _ = match voice {
        Voice::Json => writeln!(err, "{}", failure.to_json()),
        Voice::Words => writeln!(err, "error: {failure}"),
    };
    ExitCode::from(failure.exit() as u8)
}
