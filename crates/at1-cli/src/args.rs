//! The command line: every command, flag and help text.
//!
//! * Names are stable: other programs call them.
//! * Nothing here opens a file; what an argument means beyond its spelling is for `cmd`.

mod export;
mod ingest;
mod ledger;
mod verify;

use std::{ffi::OsString, ops::Range, path::PathBuf, time::Duration};

use at1_console::print::Format;
use at1_table::{AsOf, ClockRule};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::words::{self, QuoteByte, Since};

pub(crate) use export::{Export, ExportDelta, ExportIceberg, ExportRows};
pub(crate) use ingest::{From as IngestFrom, Ingest};
pub(crate) use ledger::{
    AddCosignature, Anchor, Check, Checkpoint, ExportTiles, Keygen, Ledger, Prove, Rotate, SignerArgs, WitnessRequest,
};
pub(crate) use verify::Verify;

/// Append-only tables of text records: byte-exact, queryable by any Parquet engine, tamper-evident.
#[derive(Debug, Parser)]
#[command(
    name = "at1",
    version,
    propagate_version = true,
    max_term_width = 110,
    after_help = "\
Results go to stdout, everything else to stderr.

Exit codes: 0 done and held; 1 integrity violated; 2 usage; 3 could not (input, output, unreadable, unknown version);
4 to 7 from `verify` (not trusted enough, rollback or fork, stale, torn tail); 8 a commit condition failed; 130 interrupted.

A command that is not listed, `at1 X`, runs the program `at1-X` if there is one beside `at1` or on the PATH."
)]
pub(crate) struct Cli {
    /// Print results, and failures, as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Append(Append),
    Ingest(Ingest),
    Scan(Scan),
    Cat(Cat),
    Extract(Extract),
    Restore(Restore),
    #[command(subcommand)]
    Export(Export),
    Has(Has),
    Files(Files),
    Compact(Compact),
    Vacuum(Vacuum),
    Info(Info),
    Log(Log),
    Verify(Verify),
    #[command(subcommand)]
    Ledger(Ledger),
    Rejects(Rejects),
    Backup(Backup),
    Repair(Repair),
    Encode(Encode),
    Decode(Decode),
    /// Ask tables in SQL, at a prompt or in one query (runs the program at1-sql)
    #[command(after_help = "Example:\n  at1 sql trades \"SELECT symbol, count(*) FROM t GROUP BY symbol\"")]
    Sql(Passed),
    /// Work on queries that `at1 sql --workers` asks, on this machine's copy of the tables (runs the program at1-sql)
    #[command(after_help = "Example:\n  at1 worker --listen 10.0.0.2:7100")]
    Worker(Passed),
    Completions(Completions),
    Man(Man),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// What a program of its own does; its words are its business.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Passed {
    /// See --help of this command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    pub(crate) words: Vec<OsString>,
}

/// Make an empty table
///
/// `append` makes a table by itself; `init` is for choices that must stand before the first record.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 init trades --type ts=epoch_ms --origin example.org/trades")]
pub(crate) struct Init {
    /// The folder to make
    pub(crate) table: PathBuf,
    /// The table's name in its ledger; a random one if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Option<String>,
    /// Read a column as this type, whatever its values look like (repeat for more)
    #[arg(long = "type", value_name = "COL=TYPE", value_parser = words::column_type)]
    pub(crate) types: Vec<(String, String)>,
    /// Whether batches bind a tree over their records, so that one record can be proved
    #[arg(long, value_name = "on|off", default_value = "on")]
    pub(crate) row_tree: Switch,
}

/// Append files, each as one batch and one ledger event
///
/// Makes the table if there is none. Stops at the first failure; what was appended before it stays. Files packed with gzip, zstd
/// or xz are expanded: the expanded bytes are the source.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 append trades monday.csv tuesday.csv.gz
  zcat old.gz | at1 append trades - --note 'from the archive'
  at1 append trades today.csv --dry-run        # how would it be read?")]
pub(crate) struct Append {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// What to append; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Fail if there is no such table
    #[arg(long)]
    pub(crate) no_create: bool,
    /// Read the files and tell how, but write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) effort: Effort,
    #[command(flatten)]
    pub(crate) clock: Clock,
    /// Words to keep with the event
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Fail unless the file's bytes have this SHA-256
    #[arg(long, value_name = "HEX", value_parser = words::sha256)]
    pub(crate) sha256: Option<[u8; 32]>,
    /// Fail if more fields than this do not fit their column's type
    #[arg(long, value_name = "N")]
    pub(crate) max_rejects: Option<u64>,
    /// Fail rather than change the schema, skip a column or reject a field
    #[arg(long)]
    pub(crate) strict: bool,
    /// Append at most once: a producer's name and its sequence number, which only grows
    #[arg(long, value_name = "P:N", value_parser = words::producer)]
    pub(crate) idempotency_key: Option<(String, u64)>,
    /// Fail (exit 8) unless the table has exactly this many append events
    #[arg(long, value_name = "N")]
    pub(crate) expected_version: Option<u64>,
}

/// How text is cut into fields and typed.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// What kind of text it is: fields between delimiters; lines of JSON, each an object whose keys become columns; or lines of a log,
    /// cut by a pattern
    #[arg(long, value_name = "auto|csv|ndjson|lines", default_value = "auto")]
    pub(crate) text: Text,
    /// How lines of a log are cut, such as '{time:time} {level:level} {message:text}'; found out without (repeat for more ways)
    #[arg(long = "pattern", value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// Whether the first record is a header
    #[arg(long, value_name = "auto|yes|no", default_value = "auto")]
    pub(crate) header: Header,
    /// Names for the columns, instead of a header's
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) names: Vec<String>,
    /// The byte between fields: one character, or `tab`
    #[arg(long, value_name = "C", value_parser = words::delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// The byte around fields: one character, or `none`
    #[arg(long, value_name = "C", value_parser = words::quote)]
    pub(crate) quote: Option<QuoteByte>,
    /// A word that means null in columns that are not text; replaces the usual list (repeat for more)
    #[arg(long = "null", value_name = "WORD")]
    pub(crate) nulls: Vec<String>,
    /// Read a column as this type, whatever its values look like (repeat for more)
    #[arg(long = "type", value_name = "COL=TYPE", value_parser = words::column_type)]
    pub(crate) types: Vec<(String, String)>,
}

/// How much work goes into size.
#[derive(Debug, Args)]
pub(crate) struct Effort {
    /// Speed against size
    #[arg(long, value_name = "fast|balanced|max", default_value = "balanced")]
    pub(crate) profile: ProfileArg,
}

/// What is done about a clock that is behind the table.
#[derive(Debug, Args)]
pub(crate) struct Clock {
    /// Write even if the clock is more than 24 h behind the newest event, and record what it shows
    #[arg(long)]
    insist_clock: bool,
}

impl Clock {
    pub(crate) fn rule(&self) -> ClockRule {
        if self.insist_clock { ClockRule::Insist } else { ClockRule::Refuse }
    }
}

/// Which state of a table is read.
#[derive(Debug, Args)]
pub(crate) struct Past {
    /// Read the table as it was after this event, or at this time (UTC unless it names an offset)
    #[arg(long, value_name = "EVENT|TIME")]
    pub(crate) as_of: Option<AsOf>,
}

/// Read records, only as much of the table as may match
///
/// Prints a table on a terminal and CSV into a pipe.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 scan trades c0:1704067200000:1704067210000 --select c0,c1
  at1 scan trades --where \"price >= 44000 and symbol = 'BTC'\" --stats
  at1 scan trades --last 20
  at1 scan trades --follow --since 41 --where \"price > 100\"
  at1 scan trades --as-of 2026-01-22T16:00 --where \"symbol = 'BTC'\"
  at1 scan trades ts:LO..HI --format raw       # the exact source bytes of the matching records
  at1 scan trades symbol:BTC:BTC --aggregate 'count(*), min(price), max(ts), sum(size)'

COL:LO:HI keeps records from LO to HI, both included; an empty side is open. Values that hold colons need COL:LO..HI or --where.")]
pub(crate) struct Scan {
    /// The table's folder, or segment files; then ranges
    #[arg(required = true, value_name = "TABLE|SEGMENT|COL:LO:HI")]
    pub(crate) targets: Vec<String>,
    /// Keep records for which this holds: comparisons, BETWEEN, IN, IS NULL, LIKE 'prefix%', AND, OR, NOT
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Columns to print, in this order
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Print what the matching records come to instead: count(*), count(COL), min(COL), max(COL), sum(COL)
    #[arg(long, value_name = "LIST", conflicts_with_all = ["select", "limit", "last"])]
    pub(crate) aggregate: Option<String>,
    /// At most this many records, the first that match
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// At most this many records, the last that match
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    pub(crate) last: Option<u64>,
    #[command(flatten)]
    pub(crate) past: Past,
    /// How to print
    #[arg(long, value_name = "table|csv|jsonl|arrow|parquet|raw")]
    pub(crate) format: Option<ScanFormat>,
    /// Go on printing records as they land, until Ctrl-C
    #[arg(long, conflicts_with_all = ["aggregate", "last", "as_of", "explain", "stats"])]
    pub(crate) follow: bool,
    /// With --follow: begin behind this event, or at the start of the table, instead of now
    #[arg(long, value_name = "EVENT|start", requires = "follow", value_parser = words::since)]
    pub(crate) since: Option<Since>,
    /// Tell what was skipped and what was read (on stderr)
    #[arg(long)]
    pub(crate) stats: bool,
    /// Tell how the query is understood and what answering it takes, instead of its records
    #[arg(long, conflicts_with_all = ["format", "stats"])]
    pub(crate) explain: bool,
}

/// Print the exact source bytes
///
/// Batches in order, with a line end put before a batch where the one before lacks its last, so that records never fuse; `--exact`
/// and `--batch` insert nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 cat trades > everything.csv
  at1 cat trades --batch 3 | sha256sum
  at1 cat trades --rows 1000..2000
  at1 cat trades --as-of 41 > before.csv")]
pub(crate) struct Cat {
    /// The table's folder, or a segment file
    #[arg(value_name = "TABLE|SEGMENT")]
    pub(crate) source: PathBuf,
    /// One batch, numbered from 0
    #[arg(long, value_name = "N", conflicts_with = "rows")]
    pub(crate) batch: Option<u64>,
    /// Records A up to, not including, B
    #[arg(long, value_name = "A..B", value_parser = words::row_range)]
    pub(crate) rows: Option<Range<u64>>,
    /// Insert nothing between batches
    #[arg(long)]
    pub(crate) exact: bool,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// Write the matching records to a segment of their own
///
/// OUT holds the records' exact bytes, batch by batch under the batches' names, and reads like any segment: `at1 cat`, `at1 scan`,
/// any Parquet engine. Its footer says which table, event and batches they came from, and what was asked. That is a note, not a
/// proof: by itself OUT proves neither where its records are from nor that none is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 extract trades ts:1704067200000:1704067210000 -o window.at1
  at1 extract trades --where \"symbol = 'BTC'\" --as-of 41 -o btc.at1 && at1 cat btc.at1")]
pub(crate) struct Extract {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Ranges, both ends included, as in `scan`
    #[arg(value_name = "COL:LO:HI")]
    pub(crate) ranges: Vec<String>,
    /// Keep records for which this holds, as in `scan`
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// At most this many records, the first that match
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// At most this many records, the last that match
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    pub(crate) last: Option<u64>,
    #[command(flatten)]
    pub(crate) past: Past,
    #[command(flatten)]
    pub(crate) effort: Effort,
    /// The segment to write; there must be no such file yet
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
}

/// Write every batch back to a file of its own, under its original name
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 restore trades -d originals")]
pub(crate) struct Restore {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// The folder to write to; made if it is not there
    #[arg(short, long = "dir", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// Tell whether these exact files are in the table
///
/// Exit 0 means that every file is, and that the stored copy was read and compared.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 has trades monday.csv && rm monday.csv")]
pub(crate) struct Has {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Files to look for
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// List the live segments, for other engines
///
/// Of a past state the last file may hold later records too, once it was compacted: `duckdb` prints a query that leaves them out,
/// `json` both numbers of rows.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 files trades
  duckdb -c \"SELECT count(*) FROM $(at1 files trades --format duckdb)\"
  duckdb -c \"SELECT count(*) FROM $(at1 files trades --format duckdb --as-of 41)\"")]
pub(crate) struct Files {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Paths line by line, a table function for DuckDB, or JSON
    #[arg(long, value_name = "paths|duckdb|json", default_value = "paths")]
    pub(crate) format: FilesFormat,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// Merge segments, so that there are fewer and larger ones
///
/// Neighbouring segments become one, in the table's newest types; every byte, digest and proof of the batches stays. Each merge is one
/// event, and what was merged stays merged if the command is stopped. Merges all segments into one unless told otherwise. The old files
/// go after a grace period, for the sake of readers that still use them: with this command if it is over, or with `at1 vacuum`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 compact trades
  at1 compact trades --tiered                 # often: only neighbours of like size
  at1 compact trades --upto 100 --profile max # the first 100 segments, as small as they get
  at1 compact trades --retype                 # after a widening: one type a column")]
pub(crate) struct Compact {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Only among the first N segments
    #[arg(long, value_name = "N")]
    pub(crate) upto: Option<u64>,
    /// Only neighbours of like size, so that no byte is written again more than a few times
    #[arg(long)]
    pub(crate) tiered: bool,
    /// Leave segments of this many source bytes alone, 4 KiB added for each batch; implies --tiered [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = words::bytes)]
    pub(crate) target: Option<u64>,
    /// How many times larger a merged segment is to become, at least 2; implies --tiered [default: 10]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) fan_in: Option<u64>,
    /// Only segments in which a column has another type than in the table
    #[arg(long, conflicts_with_all = ["tiered", "target", "fan_in"])]
    pub(crate) retype: bool,
    #[command(flatten)]
    pub(crate) effort: Effort,
    #[command(flatten)]
    pub(crate) grace: Grace,
    #[command(flatten)]
    pub(crate) clock: Clock,
}

/// How long replaced files stay.
#[derive(Debug, Args)]
pub(crate) struct Grace {
    /// Remove replaced files once they were replaced this long ago, such as 0s, 90m, 24h, 7d
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = words::duration)]
    pub(crate) grace: Duration,
}

/// Remove files that `compact` replaced
///
/// Only files whose records are in a newer segment too: no data goes, and every past state can still be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 vacuum trades --dry-run
  at1 vacuum trades --grace 0s                # if nobody is reading")]
pub(crate) struct Vacuum {
    /// The table's folder
    pub(crate) table: PathBuf,
    #[command(flatten)]
    pub(crate) grace: Grace,
    #[command(flatten)]
    pub(crate) clock: Clock,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Describe a table or a segment
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 info trades
  at1 info trades --batches                   # every batch: its event, records, name, segment
  at1 info trades/segments/seg_000000.at1")]
pub(crate) struct Info {
    /// The table's folder, or a segment file
    #[arg(value_name = "TABLE|SEGMENT")]
    pub(crate) source: PathBuf,
    /// List all batches
    #[arg(long)]
    pub(crate) batches: bool,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// List the ledger's events, the newest last
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 log trades --limit 5")]
pub(crate) struct Log {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Only the newest N
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// List the fields that their column's type could not hold
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 rejects trades")]
pub(crate) struct Rejects {
    /// The table's folder
    pub(crate) table: PathBuf,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// Make a second copy of a table, or bring it up to date
///
/// Copies what the copy lacks, each file compared with the digest in the ledger, while others append, compact and vacuum. However it
/// ends, the copy is a whole table of this or an earlier event. A folder that holds another table, or one that was written to
/// since, is refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 backup trades /mnt/usb/trades
  at1 backup trades /mnt/usb/trades --check digests    # also hash what is there already
  at1 verify /mnt/usb/trades --rows")]
pub(crate) struct Backup {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// The copy's folder; made if it is not there
    pub(crate) dest: PathBuf,
    /// How closely to look at files that are there already
    #[arg(long, value_name = "lengths|digests", default_value = "lengths")]
    pub(crate) check: CheckArg,
}

/// How closely files are compared with the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckArg {
    Lengths,
    Digests,
}

/// Explain what is wrong with a table, and repair what can be repaired without losing anything
///
/// Tells for each problem where it is, what it means and what can be done. Repairs only what is safe, and asks before each repair;
/// without a terminal it needs --yes, and else changes nothing. Damage inside the ledger is never touched.
///
/// Exit 0: nothing is wrong, or all was repaired. 1: damage remains. 3: something could not be done or decided. 7: a torn ledger tail
/// was left.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 repair trades
  at1 repair trades --from /mnt/usb/trades --yes       # put back files that the ledger vouches for")]
pub(crate) struct Repair {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Do every repair that is safe without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// A copy of the table, to take whole files from
    #[arg(long, value_name = "BACKUP")]
    pub(crate) from: Option<PathBuf>,
}

/// Pack one file into a segment
///
/// Stores the file as it is, packed with zstd (RAW), where that is smaller than the queryable form.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 encode trades.csv -o trades.at1 --profile max --keep-queryable")]
pub(crate) struct Encode {
    /// The file to pack; `-` is standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// The segment to write
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Never store RAW: stay a Parquet file, even if larger
    #[arg(long)]
    pub(crate) keep_queryable: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) effort: Effort,
}

/// Give back the file that a segment was made from
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 decode trades.at1 -o trades.csv")]
pub(crate) struct Decode {
    /// The segment
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where to write; standard output if not given
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: Option<PathBuf>,
}

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 completions bash > ~/.local/share/bash-completion/completions/at1")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Write the manual pages
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The folder to write to; made if it is not there
    pub(crate) dir: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Text {
    Auto,
    Csv,
    Ndjson,
    Lines,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Header {
    Auto,
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileArg {
    Fast,
    Balanced,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    Table,
    Csv,
    Jsonl,
    Arrow,
    /// Not for pipes: `export arrow`.
    #[value(skip)]
    ArrowFile,
    Parquet,
    Raw,
}

impl ScanFormat {
    /// The format for batches; `None` for raw, which is bytes of the source.
    pub(crate) fn of_batches(self) -> Option<Format> {
        match self {
            Self::Table => Some(Format::Table),
            Self::Csv => Some(Format::Csv),
            Self::Jsonl => Some(Format::Jsonl),
            Self::Arrow => Some(Format::Arrow),
            Self::ArrowFile => Some(Format::ArrowFile),
            Self::Parquet => Some(Format::Parquet),
            Self::Raw => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FilesFormat {
    Paths,
    Duckdb,
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        let mut cli = Cli::command();
        let (groups, commands): (Vec<_>, Vec<_>) =
            cli.get_subcommands_mut().partition(|command| command.has_subcommands());
        let inner = groups.into_iter().flat_map(clap::Command::get_subcommands_mut);
        for command in commands.into_iter().chain(inner) {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{} --help shows no example", command.get_name());
            assert!(command.get_about().is_some(), "{} has no description", command.get_name());
        }
    }
}
