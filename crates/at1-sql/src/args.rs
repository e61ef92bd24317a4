//! The command line of both commands.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use at1_console::print::Format;
use clap::{Args, Parser, Subcommand};
use url::Url;

/// SQL over tables of AT1
#[derive(Debug, Parser)]
#[command(name = "at1", bin_name = "at1", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// Print results, and failures, as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Sql(Sql),
    Worker(Worker),
}

/// Ask tables in SQL
///
/// The table goes by its folder's name and by `t`. Names are case-sensitive, as headers are; those that are no plain words stand in
/// double quotes. Without a query there is a prompt on a terminal; else queries are read from standard input.
///
/// A statement that names `_row`, `_batch`, `_event` or `_source` sees these as columns of every table: where a row is, and where it came
/// from. `FROM t FOR SYSTEM_TIME AS OF 12` (or a time) and `at1_as_of('t', 12)` are a past state; `at1_events('t')`, `at1_batches('t')`,
/// `at1_segments('t')` and `at1_columns('t')` tell what a table knows about itself. `EXPLAIN` tells what zones ruled out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 sql trades \"SELECT symbol, sum(price * qty) AS turnover FROM t GROUP BY symbol ORDER BY turnover DESC\"
  at1 sql trades --table quotes=/srv/quotes \"SELECT count(*) FROM trades JOIN quotes USING (symbol)\"
  at1 sql trades \"EXPLAIN SELECT * FROM t WHERE ts >= '2024-01-02'\"
  at1 sql trades                        # a prompt")]
pub(crate) struct Sql {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// The query; several are separated by semicolons
    pub(crate) query: Option<String>,
    /// Another table, and what it is called (repeat for more)
    #[arg(long = "table", value_name = "NAME=PATH", value_parser = named)]
    pub(crate) tables: Vec<(String, PathBuf)>,
    /// How results are printed; a table on a terminal, else CSV
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// How many threads work on a query; as many as there are cores if not given
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// The most memory that sorts, joins and groups take before they go on in temporary files, such as 2GiB; no limit if not given
    #[arg(long, value_name = "SIZE", value_parser = at1_console::words::bytes)]
    pub(crate) memory: Option<u64>,
    /// Share queries with these workers, which `at1 worker` runs
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', value_parser = crate::cluster::url)]
    pub(crate) workers: Vec<Url>,
    /// How much of a scan makes it worth while to ask one worker more
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = at1_console::words::bytes, requires = "workers")]
    pub(crate) worker_bytes: u64,
    /// Tell on stderr what was read and what was skipped
    #[arg(long)]
    pub(crate) stats: bool,
}

/// Work on parts of queries that `at1 sql --workers` asks
///
/// Tables must lie in the same folders as where they are asked: copies, as `at1 backup` makes them, or a disk that is shared. Whatever is read
/// is hashed against the digests that come with the query. There is neither encryption nor a password: listen where only friends are.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  at1 worker --listen 10.0.0.2:7100 &
  at1 sql /srv/trades --workers 10.0.0.2:7100,10.0.0.3:7100 \"SELECT symbol, count(*) FROM t GROUP BY symbol\"")]
pub(crate) struct Worker {
    /// Where to listen; port 0 takes one that is free, and says which
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// How many threads work; as many as there are cores if not given
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

fn named(word: &str) -> Result<(String, PathBuf), String> {
    match word.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err(format!("expected NAME=PATH, found {word}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_is_sound() {
        Cli::command().debug_assert();
        assert_eq!(named("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(named("a").is_err() && named("=b").is_err() && named("a=").is_err());
    }
}
