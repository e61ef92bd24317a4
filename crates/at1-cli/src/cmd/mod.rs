//! One file for each command.

mod append;
mod backup;
mod cat;
mod compact;
mod completions;
mod decode;
mod encode;
mod export;
mod external;
mod extract;
mod files;
mod has;
mod info;
mod ingest;
mod init;
mod ledger;
mod log;
mod man;
mod rejects;
mod repair;
mod restore;
mod scan;
mod vacuum;
mod verify;

use crate::{args::Command, failure::Failure, output::Voice};

/// Runs `command`.
pub(crate) fn run(command: Command, voice: Voice) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(&args, voice),
        Command::Append(args) => append::run(&args, voice),
        Command::Ingest(args) => ingest::run(&args, voice),
        Command::Cat(args) => cat::run(&args, voice),
        Command::Export(command) => export::run(command, voice),
        Command::Extract(args) => extract::run(&args, voice),
        Command::Restore(args) => restore::run(&args, voice),
        Command::Has(args) => has::run(&args, voice),
        Command::Files(args) => files::run(&args, voice),
        Command::Compact(args) => compact::run(&args, voice),
        Command::Vacuum(args) => vacuum::run(&args, voice),
        Command::Info(args) => info::run(&args, voice),
        Command::Log(args) => log::run(&args, voice),
        Command::Rejects(args) => rejects::run(&args, voice),
        Command::Backup(args) => backup::run(&args, voice),
        Command::Repair(args) => repair::run(&args, voice),
        Command::Encode(args) => encode::run(&args, voice),
        Command::Decode(args) => decode::run(&args, voice),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, voice),
        Command::Scan(args) => scan::run(&args, voice),
        Command::Verify(args) => verify::run(&args, voice),
        Command::Ledger(command) => ledger::run(command, voice),
        Command::Sql(args) => external::sql("sql", &args.words, voice),
        Command::Worker(args) => external::sql("worker", &args.words, voice),
        Command::External(words) => external::run(&words),
    }
}
