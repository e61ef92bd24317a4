//! What an append waits for at a table's length: by one process with one handle, and by a process each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use at1_testkit::scale;
use serde_json::json;

use super::{
    Run,
    timed::{self, millis},
};
use crate::{
    at1::{Build, objects},
    sh::{self, Result},
};

/// Processes that append one batch each, at most.
const PROCESSES: u64 = 100;

/// The program that appends with one handle.
pub(super) fn build(build: Build) -> Result<PathBuf> {
    let (profile, folder) = build.profile();
    let example = ["build", "--package", "at1-table", "--example", "scale_appends", "--profile", profile];
    sh::run(sh::cargo().args(example))?;
    Ok(sh::target().join(folder).join("examples/scale_appends"))
}

/// The first append to a table that was made: it finds no root of a manifest, and folds the whole ledger.
pub(super) fn root(run: &mut Run<'_>) -> Result {
    let found = timed::measure_once(&append(run, run.segments)?, run.options.limit * 10)?;
    run.tell("at1", "first append", found)
}

/// A process that appends batch `n`.
fn append(run: &Run<'_>, n: u64) -> Result<Command> {
    let file = run.table.with_extension("csv");
    fs::write(&file, scale::batch(n))?;
    Ok(run.at1.command(["append".as_ref(), run.table.as_os_str(), file.as_os_str()]))
}

pub(super) fn measure(run: &mut Run<'_>, appends: &Path) -> Result {
    let (limit, first) = (run.options.limit, run.segments + 1);
    let mut walls = vec![];
    let start = Instant::now();
    for n in first..first + run.options.appends.min(PROCESSES) {
        let Some(wall) = timed::once(&mut append(run, n)?, limit)? else { break };
        walls.push(wall);
        if start.elapsed() > limit / 2 {
            break;
        }
    }
    fs::remove_file(run.table.with_extension("csv"))?;
    let done = walls.len();
    walls.sort();
    let at = |percent: usize| walls.get((done * percent / 100).min(done.saturating_sub(1))).map(|&wall| millis(wall));
    let found = json!({"appends": done, "p50_ms": at(50), "p99_ms": at(99), "most_ms": at(100)});
    run.tell("at1", "append, a process each", found)?;

    let mut command = Command::new(appends);
    let numbers = [first + done as u64, run.options.appends, limit.as_secs()].map(|n| n.to_string());
    let printed = sh::capture(command.arg(run.table).args(numbers))?;
    let found = objects(&printed)?.into_iter().next().ok_or("no result of scale_appends")?;
    run.tell("at1", "append, one handle", found)
}
