//! What a table costs, measured: the wait for an append beside a compaction, bytes written again, memory of a compaction.
//!
//! ```text
//! cargo run --release -p at1-table --example table_costs -- latency DIR [APPENDS]
//! cargo run --release -p at1-table --example table_costs -- amplification DIR [BATCHES] [ROWS] [FAN_IN]
//! cargo run --release -p at1-table --example table_costs -- memory DIR [BYTES] [BATCH_BYTES]
//! ```
//!
//! * DIR lies on the disk that is measured; the tables made in it are removed again.
//! * Compactions that are measured are processes of their own: this program, started again.
#![forbid(unsafe_code)]

use std::{
    env,
    error::Error,
    fs,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use at1_table::{AppendOptions, Choose, CompactOptions, CreateOptions, Source, Table, Tiers};
use at1_testkit::Trades;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const USAGE: &str =
    "latency DIR [APPENDS] | amplification DIR [BATCHES] [ROWS] [FAN_IN] | memory DIR [BYTES] [BATCH_BYTES]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["latency", dir, ref rest @ ..] => numbers(rest, [1000]).and_then(|[n]| latency(Path::new(dir), n)),
        ["amplification", dir, ref rest @ ..] => numbers(rest, [10_000, 100, 10])
            .and_then(|[n, rows, fan_in]| amplification(Path::new(dir), n, rows, fan_in)),
        ["memory", dir, ref rest @ ..] => {
            numbers(rest, [1_000_000_000, 100_000_000]).and_then(|[bytes, batch]| memory(Path::new(dir), bytes, batch))
        }
        ["compact-for-ever", table, choose] => compact_for_ever(Path::new(table), choose),
        ["compact-once", table] => compact_once(Path::new(table)),
        _ => Err(format!("expected {USAGE}").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("table_costs: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The words as numbers, and the defaults where there is none.
fn numbers<const N: usize>(words: &[&str], mut defaults: [u64; N]) -> Result<[u64; N]> {
    if words.len() > N {
        return Err(format!("expected {USAGE}").into());
    }
    for (number, word) in defaults.iter_mut().zip(words) {
        *number = word.replace('_', "").parse().map_err(|_| format!("expected a number, found {word}"))?;
    }
    Ok(defaults)
}

/// Appends of 100 rows, one after the other: alone, and beside compactions without a pause.
fn latency(dir: &Path, appends: u64) -> Result {
    const ROWS: usize = 100;
    /// What the table holds before, so that compacting all of it is work: about 20 MB.
    const ROWS_BEFORE: usize = 400_000;
    println!(
        "{:<28}{:>10}{:>10}{:>10}{:>10}{:>12}",
        "appends of 100 rows", "p50 ms", "p90 ms", "p99 ms", "most ms", "compactions"
    );
    for (beside, what) in [("", "alone"), ("tiered", "beside compact --tiered"), ("all", "beside compact (everything)")]
    {
        let folder = fresh(dir)?;
        let table = Table::create(&folder, &CreateOptions::default())?;
        let mut trades = Trades::new(1);
        append(&table, &trades.batch(ROWS_BEFORE))?;
        let mut other = if beside.is_empty() {
            None
        } else {
            Some(Ending(this(&["compact-for-ever", path(&folder)?, beside])?.spawn()?))
        };
        let mut times = vec![];
        // Beside a compaction until some of them are done.
        while (times.len() as u64) < appends || (other.is_some() && times.len() as u64 + 5 > table.info()?.events) {
            let batch = trades.batch(ROWS);
            let start = Instant::now();
            append(&table, &batch)?;
            times.push(start.elapsed());
            still_runs(&mut other)?;
        }
        drop(other);
        times.sort();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
        let compactions = table.log(None)?.iter().filter(|entry| entry.to_json()["op"] == "compact").count();
        println!("{what:<28}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>12}", at(50), at(90), at(99), at(100), compactions);
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn still_runs(other: &mut Option<Ending>) -> Result {
    match other.as_mut().map(|Ending(child)| child.try_wait()).transpose()?.flatten() {
        Some(status) => Err(format!("the compaction ended by itself ({status})").into()),
        None => Ok(()),
    }
}

/// Many small batches, each followed by what the tiered policy has to do.
fn amplification(dir: &Path, batches: u64, rows: u64, fan_in: u64) -> Result {
    let folder = fresh(dir)?;
    let table = Table::create(&folder, &CreateOptions::default())?;
    let options = CompactOptions {
        choose: Choose::Tiered(Tiers { fan_in, ..Tiers::default() }),
        grace: Duration::ZERO,
        ..CompactOptions::default()
    };
    let mut trades = Trades::new(1);
    let (mut appended, mut rewritten) = (0, 0);
    let (mut source, mut source_rewritten) = (vec![0], 0);
    let (mut steps, mut live, mut most) = (0, 0, 0);
    let (mut appending, mut compacting) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..batches {
        let batch = trades.batch(usize::try_from(rows)?);
        let start = Instant::now();
        let (segment_bytes, source_bytes) = append(&table, &batch)?;
        appending += start.elapsed();
        appended += segment_bytes;
        source.push(source[source.len() - 1] + source_bytes);
        live += 1;
        most = most.max(live);
        let start = Instant::now();
        let report = table.compact(&options)?;
        compacting += start.elapsed();
        for step in report.steps {
            steps += 1;
            live = live + 1 - step.replaced;
            rewritten += step.bytes_after;
            let total = |batch: u64| usize::try_from(batch).map(|batch| source[batch]);
            source_rewritten += total(step.batches.end)? - total(step.batches.start)?;
        }
    }
    let info = table.info()?;
    let ratio = |first: u64, again: u64| (first + again) as f64 / first.max(1) as f64;
    println!("{batches} batches of {rows} rows, tiered with fan-in {fan_in}");
    println!("{:<28}{:>14}{:>14}{:>14}", "", "appended", "compacted", "amplification");
    println!("{:<28}{appended:>14}{rewritten:>14}{:>14.2}", "segment bytes", ratio(appended, rewritten));
    println!(
        "{:<28}{:>14}{source_rewritten:>14}{:>14.2}",
        "source bytes",
        info.source_bytes,
        ratio(info.source_bytes, source_rewritten)
    );
    println!("{:<28}{batches:>14}{steps:>14}", "events");
    println!("{:<28}{:>14.1}{:>14.1}", "seconds", appending.as_secs_f64(), compacting.as_secs_f64());
    println!("live segments: {} at the end ({} bytes), {most} at most", info.segments, info.segment_bytes);
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// Large batches, merged into one segment by a process that does nothing else.
fn memory(dir: &Path, bytes: u64, batch_bytes: u64) -> Result {
    let folder = fresh(dir)?;
    let table = Table::create(&folder, &CreateOptions::default())?;
    let mut trades = Trades::new(1);
    let sample = trades.clone().batch(10_000).len() as u64;
    let rows = usize::try_from(batch_bytes * 10_000 / sample)?;
    let start = Instant::now();
    while table.info()?.source_bytes < bytes {
        append(&table, &trades.batch(rows))?;
    }
    let before = table.info()?;
    println!(
        "{} batches, {:.1} MB of text in {:.1} MB, appended in {:.1} s",
        before.batches,
        before.source_bytes as f64 / 1e6,
        before.segment_bytes as f64 / 1e6,
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let output = this(&["compact-once", path(&folder)?])?.stderr(Stdio::inherit()).output()?;
    let took = start.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("the compaction failed ({})", output.status).into());
    }
    let after = Table::open(&folder)?.info()?;
    println!(
        "{} segments became {} of {:.1} MB in {took:.1} s: {:.1} MB of text a second",
        before.segments,
        after.segments,
        after.segment_bytes as f64 / 1e6,
        before.source_bytes as f64 / 1e6 / took
    );
    print!("peak memory of the compaction: {}", String::from_utf8_lossy(&output.stdout));
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// What [`latency`] runs beside itself until it kills it.
fn compact_for_ever(table: &Path, choose: &str) -> Result {
    let choose = match choose {
        "tiered" => Choose::Tiered(Tiers { fan_in: 4, ..Tiers::default() }),
        _ => Choose::All,
    };
    let table = Table::open(table)?;
    loop {
        let options = CompactOptions { choose, grace: Duration::ZERO, ..CompactOptions::default() };
        if table.compact(&options)?.steps.is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What [`memory`] measures.
fn compact_once(table: &Path) -> Result {
    Table::open(table)?.compact(&CompactOptions { grace: Duration::ZERO, ..CompactOptions::default() })?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.map_or("this system does not tell", str::trim));
    Ok(())
}

/// Segment bytes and source bytes of one more batch.
fn append(table: &Table, batch: &[u8]) -> Result<(u64, u64)> {
    let report = table.append_csv(Source::bytes(batch), &AppendOptions::default())?;
    Ok((report.segment_bytes, report.source_bytes))
}

/// A folder for a new table.
fn fresh(dir: &Path) -> Result<std::path::PathBuf> {
    fs::create_dir_all(dir)?;
    let folder = dir.join(format!("table_costs.{}", std::process::id()));
    if folder.exists() {
        return Err(format!("{}: expected no such folder", folder.display()).into());
    }
    Ok(folder)
}

fn path(folder: &Path) -> Result<&str> {
    Ok(folder.to_str().ok_or("expected a DIR that is UTF-8")?)
}

/// This program once more.
fn this(words: &[&str]) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(words).stdin(Stdio::null());
    Ok(command)
}

/// A process that ends when nobody needs it any more.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
