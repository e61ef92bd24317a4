//! What group commit is worth on a disk: batches per second of one producer, and of eight with sixteen appends in flight each.
//!
//! ```text
//! cargo run --release -p at1-table --example group_commit -- DIR SECONDS
//! ```
//!
//! * Each measurement makes a table of its own in a new folder below DIR, and removes it at the end.
//! * A batch is 100 records of market data. All batches are made before the clock starts, and each append is durable when it
//!   counts: DIR decides the result, so it should lie on the disk that is meant, not in memory.
//! * Threads share one `Table`; processes would not share syncs.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{
    error::Error,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use at1_table::{AppendOptions, CreateOptions, Source, Table};
use at1_testkit::Trades;

const ROWS: usize = 100;
const PRODUCERS: usize = 8;
const IN_FLIGHT: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [dir, seconds] = &words[..] else { return Err("expected DIR SECONDS".into()) };
    let time = Duration::try_from_secs_f64(seconds.parse()?)?;
    let one = measure(Path::new(dir), time, 1)?;
    println!("{one}");
    let many = measure(Path::new(dir), time, PRODUCERS * IN_FLIGHT)?;
    println!("{many}");
    println!("ratio {:.1}", many.batches_per_second() / one.batches_per_second());
    Ok(())
}

struct Measured {
    threads: usize,
    batches: usize,
    events: u64,
    time: Duration,
    /// The median time of an append.
    latency: Duration,
}

impl Measured {
    fn batches_per_second(&self) -> f64 {
        self.batches as f64 / self.time.as_secs_f64()
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { threads, batches, events, .. } = self;
        let (rate, latency) = (self.batches_per_second(), self.latency.as_secs_f64() * 1e3);
        write!(
            f,
            "{threads:>3} at once: {rate:>8.1} batches/s, {batches} batches in {events} events, median {latency:.1} ms"
        )
    }
}

/// Lets `threads` append one batch after the other until the time is up.
fn measure(dir: &Path, time: Duration, threads: usize) -> Result<Measured, Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("group_commit").tempdir_in(dir)?;
    let table = Table::create(folder.path().join("t"), &CreateOptions::default())?;
    let mut trades = Trades::new(1);
    // What the types of the columns are is settled before.
    table.append_csv(Source::bytes(&trades.batch(10_000)), &AppendOptions::default())?;
    let batches: Vec<_> = (0..256).map(|_| trades.batch(ROWS)).collect();

    let (next, start) = (AtomicUsize::new(0), Instant::now());
    let append_until_end = || -> at1_table::Result<Vec<Duration>> {
        let mut latencies = vec![];
        while start.elapsed() < time {
            let (batch, began) = (next.fetch_add(1, Ordering::Relaxed) % batches.len(), Instant::now());
            table.append_csv(Source::bytes(&batches[batch]), &AppendOptions::default())?;
            latencies.push(began.elapsed());
        }
        Ok(latencies)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(append_until_end)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let time = start.elapsed();
    let mut latencies = results.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    latencies.sort_unstable();
    let info = table.info()?;
    assert_eq!(info.batches, latencies.len() as u64 + 1, "every append is a batch");
    let latency = latencies[latencies.len() / 2];
    Ok(Measured { threads, batches: latencies.len(), events: info.version - 1, time, latency })
}
