//! `at1 ingest`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Effort, Reading, Switch};
use crate::words;

/// Append lines as they are written: to files that are followed, or into standard input
///
/// Makes the table if there is none. Lines that were read are in a journal before they are in the table, and the ledger says how far each
/// file has come: whatever crashes, the next run goes on exactly there. Files may be renamed, emptied and made anew. Ends with a pipe, or
/// with Ctrl-C or SIGTERM, and then what was read is in the table.
#[derive(Debug, Args)]
#[command(
    visible_alias = "tail",
    after_help = "Examples:
  at1 ingest access --follow /var/log/nginx/access.log
  at1 ingest events --follow '/var/log/app/*.ndjson' --batch-secs 1 --metrics /run/at1.prom
  journalctl -f -o json | at1 ingest journal --name journal
  at1 scan access --follow --where \"status >= 500\"     # beside it: records as they land

A pattern of several files must not match what they are renamed to. What a pipe held when the process died is its writer's to send again."
)]
pub(crate) struct Ingest {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// A file to follow, or a pattern with *, ? and [] (repeat for more); without any, standard input is read
    #[arg(long, value_name = "FILE")]
    pub(crate) follow: Vec<PathBuf>,
    /// Where a file that was never met is begun
    #[arg(long, value_name = "start|end", default_value = "start")]
    pub(crate) from: From,
    /// What standard input is called in the ledger
    #[arg(long, value_name = "NAME", default_value = "stdin")]
    pub(crate) name: String,
    /// Append a batch once it has so many lines,
    #[arg(long, value_name = "N", default_value = "1000000")]
    pub(crate) batch_lines: u64,
    /// or so many bytes,
    #[arg(long, value_name = "N", default_value = "33554432")]
    pub(crate) batch_bytes: u64,
    /// or its first line is so many seconds old
    #[arg(long, value_name = "S", default_value = "5", value_parser = words::seconds)]
    pub(crate) batch_secs: std::time::Duration,
    /// Whether segments are merged beside, and files removed that were replaced a day ago
    #[arg(long, value_name = "on|off", default_value = "on")]
    pub(crate) compact: Switch,
    /// Keep counters in this file, in the text format of Prometheus
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) effort: Effort,
}

/// Where a file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    Start,
    End,
}
