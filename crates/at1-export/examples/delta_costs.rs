//! What a Delta log costs on a table of many segments: the first version, a version after one append, a run with nothing new.
//!
//! `cargo run --profile profiling -p at1-export --example delta_costs -- FOLDER SEGMENTS`
//!
//! * The table is made by `at1_testkit::scale` in FOLDER, which must not be there yet, and stays there.

use std::{
    error::Error,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use at1_export::delta::{self, Report};
use at1_table::{AppendOptions, ClockRule, CompactOptions, Source, Table};
use at1_testkit::scale;

const APPENDS: u64 = 21;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, segments] = words.as_slice() else { return Err("expected FOLDER SEGMENTS".into()) };
    let (folder, segments) = (Path::new(folder), segments.parse()?);
    let (made, took) = timed(|| scale::make(folder, segments, 2))?;
    println!("made {segments} segments, {} bytes, ledger {} bytes: {took:.2?}", made.segment_bytes, made.ledger_bytes);
    let table = Table::open(folder)?.with_clock(ClockRule::Insist);
    let (report, took) = timed(|| Ok(delta::export(&table)?))?;
    tell("first version, with its checkpoint", &report, took);
    for (name, bytes) in files(folder)? {
        println!("  {name}: {bytes} bytes");
    }
    let (report, took) = timed(|| Ok(delta::export(&table)?))?;
    tell("nothing new", &report, took);
    let mut spent = vec![];
    let mut appending = vec![];
    for n in segments..segments + APPENDS {
        let (_, took) = timed(|| Ok(table.append_csv(Source::bytes(&scale::batch(n)), &AppendOptions::default())?))?;
        appending.push(took);
        let (report, took) = timed(|| Ok(delta::export(&table)?))?;
        assert_eq!(report.adds, 1, "one append is one file");
        spent.push(took);
    }
    println!("one append: median {:.2?} of {APPENDS}", median(appending));
    println!("a version after it: median {:.2?}", median(spent));
    // A handle of a process that has just begun, as the command line has.
    table.append_csv(Source::bytes(&scale::batch(segments + APPENDS)), &AppendOptions::default())?;
    let (report, took) = timed(|| Ok(delta::export(&Table::open(folder)?)?))?;
    tell("the same by a process that opens the table", &report, took);
    table.compact(&CompactOptions { upto: Some(10), ..CompactOptions::default() })?;
    let (report, took) = timed(|| Ok(delta::export(&table)?))?;
    tell("a compaction of ten, which replays the log", &report, took);
    let all: u64 = files(folder)?.iter().map(|(_, bytes)| bytes).sum();
    println!("all of the log: {all} bytes");
    Ok(())
}

fn timed<T>(
    work: impl FnOnce() -> Result<T, Box<dyn Error + Send + Sync>>,
) -> Result<(T, Duration), Box<dyn Error + Send + Sync>> {
    let start = Instant::now();
    Ok((work()?, start.elapsed()))
}

fn tell(what: &str, report: &Report, took: Duration) {
    println!("{what}: {took:.2?}, {}", report.to_json());
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn files(folder: &Path) -> Result<Vec<(String, u64)>, Box<dyn Error + Send + Sync>> {
    let mut files = vec![];
    for entry in fs::read_dir(folder.join(delta::LOG))? {
        let entry = entry?;
        files.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len()));
    }
    files.sort();
    Ok(files)
}
