//! `at1 export …`: one file for each kind of engine.

pub(super) mod delta;

use crate::{args::Export, failure::Failure, output::Voice};

/// Runs `command`.
pub(super) fn run(command: Export, voice: Voice) -> Result<(), Failure> {
    match command {
        Export::Delta(args) => delta::run(&args, voice),
    }
}
