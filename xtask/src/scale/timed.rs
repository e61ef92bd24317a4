//! Fresh processes, timed.

use std::{
    fs,
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::sh::{self, Result};

/// Runs whose median counts, and how long all of them may take together.
const RUNS: usize = 9;
const RUNS_TIME: Duration = Duration::from_secs(20);
const COLD_RUNS: usize = 3;

pub(super) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

/// The wall of one whole process, its output thrown away; none if it was stopped after `limit`.
///
/// # Errors
/// If it cannot be started, or fails.
pub(super) fn once(command: &mut Command, limit: Duration) -> Result<Option<Duration>> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (started, id) = mpsc::channel();
    let (ended, end) = mpsc::channel::<()>();
    // Sleeps until the process has ended or must be ended, so nothing disturbs it.
    let watch = thread::spawn(move || {
        let Ok(id) = id.recv() else { return false };
        let over = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        over && sh::works("kill", &["-9", &u32::to_string(&id)])
    });
    let start = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("{}: {e}", sh::words(command)))?;
    // The watch is there until `ended` is dropped.
    let _ = started.send(child.id());
    let status = child.wait()?;
    let took = start.elapsed();
    drop(ended);
    match watch.join() {
        Ok(true) => Ok(None),
        _ if status.success() => Ok(Some(took)),
        _ => Err(format!("`{}` failed ({status})", sh::words(command)).into()),
    }
}

/// What one kind of process takes: the median of its walls, its peak of memory, and its walls after the page cache was emptied.
///
/// # Errors
/// If one fails.
pub(super) fn measure(command: &dyn Fn() -> Command, limit: Duration, cold: bool) -> Result<Value> {
    let mut walls = vec![];
    let start = Instant::now();
    while walls.len() < RUNS && (walls.is_empty() || start.elapsed() < RUNS_TIME) {
        let Some(wall) = once(&mut command(), limit)? else { return Ok(json!({"stopped_after_ms": millis(limit)})) };
        walls.push(wall);
    }
    let (_, mut found) = resources(&command(), limit)?;
    found["runs"] = walls.len().into();
    found["wall_ms"] = millis(median(walls)).into();
    if cold && let Some(wall) = cold_wall(command, limit)? {
        found["cold_ms"] = millis(wall).into();
    }
    Ok(found)
}

/// The same of something that cannot be done twice: one run, wall and peak.
///
/// # Errors
/// If it fails.
pub(super) fn measure_once(command: &Command, limit: Duration) -> Result<Value> {
    let (wall, mut found) = resources(command, limit)?;
    let Some(wall) = wall else { return Ok(json!({"stopped_after_ms": millis(limit)})) };
    found["wall_ms"] = millis(wall).into();
    Ok(found)
}

fn median(mut walls: Vec<Duration>) -> Duration {
    walls.sort();
    walls[walls.len() / 2]
}

/// The wall of one run and, if GNU time is there to tell, its peak of memory in KiB and the seconds of processors.
fn resources(command: &Command, limit: Duration) -> Result<(Option<Duration>, Value)> {
    const TIME: &str = "/usr/bin/time";
    let to = std::env::temp_dir().join(format!("at1-scale.{}", std::process::id()));
    let mut timed = Command::new(if sh::works(TIME, &["-f", "%M", "true"]) { TIME } else { "env" });
    if timed.get_program() == TIME {
        timed.args(["-f", "[%M,%U,%S]", "-o"]).arg(&to);
    }
    let wall = once(timed.arg(command.get_program()).args(command.get_args()), limit)?;
    let told = fs::read_to_string(&to).ok().and_then(|told| serde_json::from_str::<Value>(told.trim()).ok());
    let _ = fs::remove_file(to);
    let told = told.unwrap_or_default();
    let cpu = told[1].as_f64().zip(told[2].as_f64()).map(|(user, system)| user + system);
    Ok((wall, json!({"peak_kb": told[0], "cpu_seconds": cpu})))
}

/// The median wall after the page cache was emptied; none where we may not.
fn cold_wall(command: &dyn Fn() -> Command, limit: Duration) -> Result<Option<Duration>> {
    let mut walls = vec![];
    for _ in 0..COLD_RUNS {
        sh::run(&mut Command::new("sync"))?;
        if fs::write("/proc/sys/vm/drop_caches", "3").is_err() {
            return Ok(None);
        }
        walls.extend(once(&mut command(), limit)?);
    }
    Ok((!walls.is_empty()).then(|| median(walls)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_takes_too_long_is_stopped_and_what_fails_is_told() {
        let long = Duration::from_secs(60);
        assert!(once(&mut shell("exit 0"), long).unwrap().is_some());
        assert!(once(&mut shell("exit 3"), long).unwrap_err().to_string().contains("exit status: 3"));
        let start = Instant::now();
        assert_eq!(once(&mut shell("exec sleep 60"), Duration::from_millis(20)).unwrap(), None);
        assert!(start.elapsed() < long);
    }
}
