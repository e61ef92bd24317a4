//! `at1 export …`: what shows a table to engines that know other tables.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Switch;

/// Show a table to other engines where it lies, in the metadata of their kind
#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    Delta(ExportDelta),
}

/// Keep a Delta log at the table's root
///
/// Writes TABLE/_delta_log, through which Delta readers (deltalake, Polars, Spark and others) read the very same segments; no data is
/// copied. A run adds what happened since the last: appends in a row as one version, each compaction as its own. A log that is up to
/// date is left as it is. The log keeps other writers out by a writer feature that none of them knows.
///
/// A version is told the ledger event that it shows, so that it can be compared with `at1 scan --as-of`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 export delta trades
  at1 export delta trades --on-append on       # from now on after each append and compaction, too")]
pub(crate) struct ExportDelta {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Whether `at1 append` and `at1 compact` bring the log up to date when they are done; remembered in the table. A log that cannot be
    /// written then is a warning and never makes them fail. `off` writes no version
    #[arg(long, value_name = "on|off")]
    pub(crate) on_append: Option<Switch>,
}
