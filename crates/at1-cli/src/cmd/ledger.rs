//! `at1 ledger …`: one file for each command, mostly.

mod anchor;
mod check;
mod checkpoint;
mod export_tiles;
mod keygen;
mod prove;
mod rotate;
mod witness;

use std::path::Path;

use at1_table::Table;

use crate::{args::Ledger, failure::Failure, output::Voice, watched};

/// Runs `command`.
pub(super) fn run(command: Ledger, voice: Voice) -> Result<(), Failure> {
    match command {
        Ledger::Keygen(args) => keygen::run(&args, voice),
        Ledger::Checkpoint(args) => checkpoint::run(&args, voice),
        Ledger::Rotate(args) => rotate::run(&args, voice),
        Ledger::Prove(args) => prove::run(&args, voice),
        Ledger::Check(args) => check::run(&args, voice),
        Ledger::WitnessRequest(args) => witness::request(&args, voice),
        Ledger::AddCosignature(args) => witness::add(&args, voice),
        Ledger::Anchor(args) => anchor::run(&args, voice),
        Ledger::ExportTiles(args) => export_tiles::run(&args, voice),
    }
}

fn open(folder: &Path, voice: Voice, what: &str) -> Result<Table, Failure> {
    Ok(Table::open_in(watched::quietly(folder, voice, what))?)
}
