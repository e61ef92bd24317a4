//! The command line: every command, flag and help text.
//!
//! * Names are stable: other programs call them.
//! * Nothing here opens a file; what an argument means beyond its spelling is for `cmd`.

use std::{ffi::OsString, ops::Range, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    Scan(Scan),
    Cat(Cat),
    Restore(Restore),
    Has(Has),
    Files(Files),
    Info(Info),
    Log(Log),
    Verify(Verify),
    Rejects(Rejects),
    Encode(Encode),
    Decode(Decode),
    Completions(Completions),
    Man(Man),
    #[command(external_subcommand)]
    External(Vec<OsString>),
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
    #[arg(long = "type", value_name = "COL=TYPE", value_parser = column_type)]
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
    /// Words to keep with the event
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Fail unless the file's bytes have this SHA-256
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) sha256: Option<[u8; 32]>,
    /// Fail if more fields than this do not fit their column's type
    #[arg(long, value_name = "N")]
    pub(crate) max_rejects: Option<u64>,
    /// Fail rather than change the schema, skip a column or reject a field
    #[arg(long)]
    pub(crate) strict: bool,
    /// Append at most once: a producer's name and its sequence number, which only grows
    #[arg(long, value_name = "P:N", value_parser = producer)]
    pub(crate) idempotency_key: Option<(String, u64)>,
    /// Fail (exit 8) unless the table has exactly this many append events
    #[arg(long, value_name = "N")]
    pub(crate) expected_version: Option<u64>,
}

/// How text is cut into fields and typed.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// Whether the first record is a header
    #[arg(long, value_name = "auto|yes|no", default_value = "auto")]
    pub(crate) header: Header,
    /// Names for the columns, instead of a header's
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub(crate) names: Vec<String>,
    /// The byte between fields: one character, or `tab`
    #[arg(long, value_name = "C", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// The byte around fields: one character, or `none`
    #[arg(long, value_name = "C", value_parser = quote)]
    pub(crate) quote: Option<QuoteByte>,
    /// A word that means null in columns that are not text; replaces the usual list (repeat for more)
    #[arg(long = "null", value_name = "WORD")]
    pub(crate) nulls: Vec<String>,
    /// Read a column as this type, whatever its values look like (repeat for more)
    #[arg(long = "type", value_name = "COL=TYPE", value_parser = column_type)]
    pub(crate) types: Vec<(String, String)>,
}

/// How much work goes into size.
#[derive(Debug, Args)]
pub(crate) struct Effort {
    /// Speed against size
    #[arg(long, value_name = "fast|balanced|max", default_value = "balanced")]
    pub(crate) profile: ProfileArg,
}

/// Read records, only as much of the table as may match
///
/// Prints a table on a terminal and CSV into a pipe.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 scan trades c0:1704067200000:1704067210000 --select c0,c1
  at1 scan trades --where \"price >= 44000 and symbol = 'BTC'\" --stats
  at1 scan trades --last 20
  at1 scan trades ts:LO..HI --format raw       # the exact source bytes of the matching records

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
    /// At most this many records, the first that match
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// At most this many records, the last that match
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    pub(crate) last: Option<u64>,
    /// How to print
    #[arg(long, value_name = "table|csv|jsonl|arrow|parquet|raw")]
    pub(crate) format: Option<ScanFormat>,
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
  at1 cat trades --rows 1000..2000")]
pub(crate) struct Cat {
    /// The table's folder, or a segment file
    #[arg(value_name = "TABLE|SEGMENT")]
    pub(crate) source: PathBuf,
    /// One batch, numbered from 0
    #[arg(long, value_name = "N", conflicts_with = "rows")]
    pub(crate) batch: Option<u64>,
    /// Records A up to, not including, B
    #[arg(long, value_name = "A..B", value_parser = row_range)]
    pub(crate) rows: Option<Range<u64>>,
    /// Insert nothing between batches
    #[arg(long)]
    pub(crate) exact: bool,
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
}

/// List the live segments, for other engines
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 files trades
  duckdb -c \"SELECT count(*) FROM $(at1 files trades --format duckdb)\"")]
pub(crate) struct Files {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// Paths line by line, a table function for DuckDB, or JSON
    #[arg(long, value_name = "paths|duckdb|json", default_value = "paths")]
    pub(crate) format: FilesFormat,
}

/// Describe a table or a segment
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  at1 info trades\n  at1 info trades/segments/seg_000000.at1")]
pub(crate) struct Info {
    /// The table's folder, or a segment file
    #[arg(value_name = "TABLE|SEGMENT")]
    pub(crate) source: PathBuf,
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

/// Check that nothing was changed
///
/// Recomputes the hash chain and the digest of every live segment. Without something remembered outside the table, such as a receipt
/// given with `--head`, it can only say that the table agrees with itself: whoever can write the folder could have made it so.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 verify trades
  at1 verify trades --rows --head 19:5644cb9b7d0c1b0a4f2f3a0d9c8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e
  at1 verify trades/segments/seg_000000.at1")]
pub(crate) struct Verify {
    /// The table's folder, or a segment file
    #[arg(value_name = "TABLE|SEGMENT")]
    pub(crate) source: PathBuf,
    /// Also decode every segment and derive each batch's digest and row tree again
    #[arg(long)]
    pub(crate) rows: bool,
    /// A receipt that an append returned as `chain_head`; the table must still hold it (repeat for more)
    #[arg(long = "head", value_name = "N:HEX")]
    pub(crate) heads: Vec<String>,
    /// Fail (exit 4) unless verification reaches this level
    #[arg(long, value_name = "LEVEL")]
    pub(crate) require: Option<LevelArg>,
}

/// List the fields that their column's type could not hold
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 rejects trades")]
pub(crate) struct Rejects {
    /// The table's folder
    pub(crate) table: PathBuf,
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
pub(crate) enum LevelArg {
    /// The table agrees with itself.
    SelfConsistent,
    /// Besides, a receipt from outside it holds.
    Receipt,
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
    Parquet,
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FilesFormat {
    Paths,
    Duckdb,
    Json,
}

/// The byte around fields, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuoteByte {
    None,
    Byte(u8),
}

fn column_type(word: &str) -> Result<(String, String), String> {
    // A header may hold `=`; no type does.
    let (column, ty) = word.rsplit_once('=').ok_or_else(|| format!("expected COL=TYPE, found {word}"))?;
    Ok((column.to_owned(), ty.to_owned()))
}

fn delimiter(word: &str) -> Result<u8, String> {
    match word.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(byte),
        _ => Err(format!("expected one ASCII character or `tab`, found {word}")),
    }
}

fn quote(word: &str) -> Result<QuoteByte, String> {
    match word.as_bytes() {
        b"none" | b"" => Ok(QuoteByte::None),
        &[byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(QuoteByte::Byte(byte)),
        _ => Err(format!("expected one ASCII character or `none`, found {word}")),
    }
}

fn sha256(word: &str) -> Result<[u8; 32], String> {
    let expected = || format!("expected 64 hexadecimal digits, found {word}");
    let mut digest = [0; 32];
    if word.len() != 64 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(expected());
    }
    for (byte, digits) in digest.iter_mut().zip(word.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| expected())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| expected())?;
    }
    Ok(digest)
}

fn producer(word: &str) -> Result<(String, u64), String> {
    let parts = word.rsplit_once(':').and_then(|(name, number)| Some((name, u64::from_str(number).ok()?)));
    match parts {
        Some((name, number)) if !name.is_empty() => Ok((name.to_owned(), number)),
        _ => Err(format!("expected PRODUCER:NUMBER, found {word}")),
    }
}

fn row_range(word: &str) -> Result<Range<u64>, String> {
    let bounds = word.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    match bounds {
        Some(range) if range.start <= range.end => Ok(range),
        _ => Err(format!("expected A..B with A not above B, found {word}")),
    }
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
        for command in Cli::command().get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            assert!(help.contains("Example"), "{} --help shows no example", command.get_name());
            assert!(command.get_about().is_some(), "{} has no description", command.get_name());
        }
    }

    #[test]
    fn small_words() {
        assert_eq!(column_type("a=b=int64"), Ok(("a=b".into(), "int64".into())));
        assert_eq!(delimiter("tab"), Ok(b'\t'));
        assert!(delimiter("ab").is_err() && delimiter("\n").is_err());
        assert_eq!(quote("none"), Ok(QuoteByte::None));
        assert_eq!(quote("'"), Ok(QuoteByte::Byte(b'\'')));
        assert_eq!(producer("host:a:7"), Ok(("host:a".into(), 7)));
        assert!(producer(":7").is_err() && producer("a").is_err());
        assert_eq!(row_range("3..5"), Ok(3..5));
        assert!(row_range("5..3").is_err() && row_range("5").is_err());
        assert_eq!(sha256(&"0f".repeat(32)), Ok([15; 32]));
        assert!(sha256("0f").is_err() && sha256(&"zz".repeat(32)).is_err());
    }
}
