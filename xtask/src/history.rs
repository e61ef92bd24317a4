//! `cargo xtask history`: after compacting and vacuuming, every past state of a table answers as it did when it was the newest.
//!
//! * The test `history` of at1-table, over more batches and on a disk. `--seed S` makes the same table again.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::{
    report::{grouped, seconds},
    sh::{self, Args, Result},
};

pub(crate) fn run(args: &mut Args) -> Result {
    let batches = args.number("--batches", 1000)?;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let seed = args.number("--seed", clock)?;
    args.done()?;
    let start = Instant::now();
    let mut test = sh::cargo();
    test.args(["test", "--quiet", "--package", "at1-table", "--test", "it", "history::", "--", "--nocapture"]);
    test.env("AT1_HISTORY_BATCHES", batches.to_string()).env("AT1_HISTORY_SEED", seed.to_string());
    test.env("AT1_HISTORY_DIR", sh::scratch("history")?.join("table"));
    sh::run(&mut test).map_err(|error| format!("seed {seed}: {error}"))?;
    println!(
        "{} batches and those appended later: all past states answer as they did ({})",
        grouped(batches),
        seconds(start.elapsed())
    );
    Ok(())
}
