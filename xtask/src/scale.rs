//! `cargo xtask scale`: tables of 10 to a million segments, made and measured, into benches/SCALE.md.
//!
//! * Tables lie below `--dir` (target/scale if it is not given) and are used again: a measurement starts from the table as it was made.
//! * Everything that is measured is a process of its own; walls are medians, peaks of memory are of one more run. What takes longer
//!   than `--seconds` is stopped, and that is the result.
//! * Every result is a line of JSON, printed and kept in `--dir`/measured.jsonl. The page has the newest of each, so sizes may be
//!   measured one after the other.
//! * Nothing is asserted but answers: goals are compared by people.

mod appends;
mod page;
mod peers;
mod queries;
mod timed;

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use at1_testkit::scale::{self, Found};
use serde_json::{Value, json};

use crate::{
    at1::{At1, Build},
    report::{grouped, megabytes, seconds},
    sh::{self, Args, Result},
};

/// Sizes that are measured if none are named.
const SEGMENTS: [u64; 5] = [10, 1_000, 10_000, 100_000, 1_000_000];

pub(crate) fn run(args: &mut Args) -> Result {
    let only_make = args.flag("make");
    let segments = args.value("--segments")?;
    let dir = args.value("--dir")?.map_or_else(|| sh::target().join("scale"), PathBuf::from);
    let build = if args.flag("--profiling") { Build::Profiling } else { Build::Release };
    let at1 = args.value("--at1")?.map(PathBuf::from);
    let bench = Options {
        cold: args.flag("--cold"),
        peers: !args.flag("--no-peers"),
        appends: args.number("--appends", 300)?,
        limit: Duration::from_secs(args.number("--seconds", 120)?),
    };
    args.done()?;
    let segments = match segments {
        None => SEGMENTS.to_vec(),
        Some(list) => list
            .split(',')
            .map(|n| n.replace('_', "").parse().map_err(|_| format!("--segments: expected numbers, found {n}")))
            .collect::<Result<_, _>>()?,
    };
    fs::create_dir_all(&dir)?;
    let dir = dir.canonicalize()?;
    let mut report = Report::open(&dir)?;
    if only_make {
        return segments.into_iter().try_for_each(|n| table(&dir, n, &mut report).map(drop));
    }
    let python = if bench.peers { Some(peers::environment()?) } else { None };
    let at1 = match at1 {
        Some(path) => At1::at(path),
        None => At1::build(build)?,
    };
    let appends = if bench.appends > 0 { Some(appends::build(build)?) } else { None };
    for n in segments {
        let table = table(&dir, n, &mut report)?;
        // What others left to be written must not be waited for in what is measured.
        sh::run(&mut std::process::Command::new("sync"))?;
        let mut run = Run { at1: &at1, table: &table, segments: n, options: &bench, report: &mut report };
        appends::root(&mut run)?;
        queries::measure(&mut run)?;
        if let Some(python) = &python {
            peers::measure(&mut run, python)?;
        }
        if let Some(appends) = &appends {
            appends::measure(&mut run, appends)?;
        }
    }
    let to = sh::root().join("benches/SCALE.md");
    fs::write(&to, page::page(&report.rows, python.as_deref())?)?;
    println!("written to {}", to.display());
    Ok(())
}

/// What was asked for.
struct Options {
    /// Whether the page cache is emptied, too.
    cold: bool,
    peers: bool,
    appends: u64,
    /// How long anything may take.
    limit: Duration,
}

/// A table that is being measured.
struct Run<'a> {
    at1: &'a At1,
    table: &'a Path,
    segments: u64,
    options: &'a Options,
    report: &'a mut Report,
}

impl Run<'_> {
    fn tell(&mut self, program: &str, what: &str, found: Value) -> Result {
        self.report.tell(self.segments, program, what, found)
    }
}

/// The table of so many segments, as it was made.
fn table(dir: &Path, segments: u64, report: &mut Report) -> Result<PathBuf> {
    let table = dir.join(segments.to_string());
    match scale::reset(&table, segments)? {
        Found::Ready(0) => {
            println!("{}: there", table.display());
            return Ok(table);
        }
        Found::Ready(taken) => {
            println!("{}: there, without the {} events since", table.display(), grouped(taken));
            return Ok(table);
        }
        Found::Nothing => {}
        Found::Stale => {
            println!("{}: of another version, made again", table.display());
            fs::remove_dir_all(&table)?;
        }
        Found::Foreign => return Err(format!("{}: a table that is not ours", table.display()).into()),
    }
    peers::forget(&table)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let made = scale::make(&table, segments, threads)?;
    let took = start.elapsed();
    println!(
        "{}: {} segments of {}, ledger of {}, made in {}",
        table.display(),
        grouped(segments),
        megabytes(made.segment_bytes),
        megabytes(made.ledger_bytes),
        seconds(took)
    );
    let found = json!({
        "wall_ms": timed::millis(took), "segment_bytes": made.segment_bytes, "ledger_bytes": made.ledger_bytes,
    });
    report.tell(segments, "testkit", "make", found)?;
    Ok(table)
}

/// All that was measured below a folder.
struct Report {
    file: File,
    rows: Vec<Value>,
}

impl Report {
    fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("measured.jsonl");
        let before = fs::read_to_string(&path).unwrap_or_default();
        let rows = before.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { file: OpenOptions::new().append(true).create(true).open(path)?, rows })
    }

    fn tell(&mut self, segments: u64, program: &str, what: &str, mut found: Value) -> Result {
        found["segments"] = segments.into();
        found["program"] = program.into();
        found["what"] = what.into();
        println!("{found}");
        writeln!(self.file, "{found}")?;
        self.rows.push(found);
        Ok(())
    }
}
