//! `at1 export …`: one file for each kind of engine.

pub(super) mod delta;
mod iceberg;
mod rows;

use crate::{
    args::{Export, ScanFormat},
    failure::Failure,
    output::Voice,
};

/// Runs `command`.
pub(super) fn run(command: Export, voice: Voice) -> Result<(), Failure> {
    match command {
        Export::Delta(args) => delta::run(&args, voice),
        Export::Iceberg(args) => iceberg::run(&args, voice),
        Export::Parquet(args) => rows::run(&args, ScanFormat::Parquet, voice),
        Export::Arrow(args) => rows::run(&args, ScanFormat::ArrowFile, voice),
    }
}
