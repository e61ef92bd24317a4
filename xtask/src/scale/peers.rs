//! The same questions to DuckDB and deltalake, over the same files.
//!
//! * DuckDB gets a glob. deltalake gets a table of one checkpoint with every file's statistics, as after as many appends.
//! * `inside_ms` is without the start of Python; the wall is of the whole process, as everywhere.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use at1_testkit::scale;
use serde_json::json;

use super::{Run, timed};
use crate::{
    at1::objects,
    python,
    sh::{self, Result},
};

/// The Python that has them.
pub(super) fn environment() -> Result<PathBuf> {
    python::environment("bench-venv", &sh::root().join("benches/peers/requirements.txt"))
}

/// What is asked, and its name on the page.
const QUESTIONS: [(&str, &str); 2] = [("first", "clustered, first row"), ("count", "count of everything")];

pub(super) fn measure(run: &mut Run<'_>, python: &Path) -> Result {
    let script = |name: &str| {
        let mut command = Command::new(python);
        command.arg(sh::root().join("benches/peers").join(name));
        command
    };
    let bounds = scale::second(run.segments / 2);
    let glob = run.table.join("segments/*.at1");
    for (what, name) in QUESTIONS {
        let command = || {
            let mut command = script("scale_duckdb.py");
            command.arg(what).arg(&glob).args(&bounds);
            command
        };
        ask(run, "DuckDB", name, &command)?;
    }

    let delta = log_of(run.table);
    if !delta.join("_delta_log/_last_checkpoint").exists() {
        forget(run.table)?;
        let start = Instant::now();
        let mut make = script("scale_delta.py");
        make.arg("make").arg(run.table).arg(run.segments.to_string()).arg(&delta);
        let printed = sh::capture(&mut make)?;
        let mut made = objects(&printed)?.into_iter().next().unwrap_or_else(|| json!({}));
        made["wall_ms"] = timed::millis(start.elapsed()).into();
        run.tell("deltalake", "make", made)?;
    }
    for (what, name) in QUESTIONS {
        let command = || {
            let mut command = script("scale_delta.py");
            command.arg(what).arg(&delta).args(&bounds);
            command
        };
        ask(run, "deltalake", name, &command)?;
    }
    Ok(())
}

/// The folder of deltalake's table over the segments of `table`.
fn log_of(table: &Path) -> PathBuf {
    table.with_extension("delta")
}

/// Removes it.
pub(super) fn forget(table: &Path) -> Result {
    let delta = log_of(table);
    if delta.exists() { Ok(fs::remove_dir_all(delta)?) } else { Ok(()) }
}

/// Times one question; a peer that cannot answer it is no reason to stop.
fn ask(run: &mut Run<'_>, program: &str, name: &str, command: &dyn Fn() -> Command) -> Result {
    let found = timed::measure(command, run.options.limit, run.options.cold).and_then(|mut found| {
        if found["wall_ms"].is_number() {
            let printed = sh::capture(&mut command())?;
            for (member, value) in
                objects(&printed)?.first().and_then(|object| object.as_object()).into_iter().flatten()
            {
                found[member] = value.clone();
            }
        }
        Ok(found)
    });
    let found = found.unwrap_or_else(|error| json!({"error": error.to_string()}));
    run.tell(program, name, found)
}
