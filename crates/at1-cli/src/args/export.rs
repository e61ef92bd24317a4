//! `at1 export …`: what shows a table to engines that know other tables, or hands its records on.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Past, Switch};

/// Show a table to other engines where it lies, or write its records to a file for them
#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    Delta(ExportDelta),
    Iceberg(ExportIceberg),
    Parquet(ExportRows),
    Arrow(ExportRows),
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

/// Keep Iceberg metadata beside the segments
///
/// Writes TABLE/metadata, through which readers of Iceberg tables, version 2, read the very same segments; no data is copied. A run
/// adds one snapshot, the newest state, and tells the ledger event it is of, so that it can be compared with `at1 scan --as-of`.
/// Metadata that is up to date is left as it is.
///
/// Iceberg's names are absolute: after the folder was moved or copied, export again. Run it after `compact` and `vacuum` too, since the
/// metadata names the files that they replace and remove.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 export iceberg trades")]
pub(crate) struct ExportIceberg {
    /// The table's folder
    pub(crate) table: PathBuf,
}

/// Write the matching records to one file, in their types
///
/// The same as `at1 scan --format`, but into a file that appears only when it is whole and synced.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 export parquet trades -o trades.parquet
  at1 export parquet trades --where \"symbol = 'BTC'\" --select ts,price --as-of 41 -o btc.parquet
  at1 export arrow trades/segments/seg_000000.at1 -o - | other-program")]
pub(crate) struct ExportRows {
    /// The table's folder, or a segment file
    #[arg(value_name = "TABLE|SEGMENT")]
    pub(crate) source: PathBuf,
    /// Ranges, both ends included, as in `scan`
    #[arg(value_name = "COL:LO:HI")]
    pub(crate) ranges: Vec<String>,
    /// Keep records for which this holds, as in `scan`
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Columns to write, in this order
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    #[command(flatten)]
    pub(crate) past: Past,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Write in the place of a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}
