//! Processes that may be killed at any instant.
//!
//! * What a process printed before it died counts: a line that was printed whole is a promise that was made.

use std::{
    io::Read,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::sh::{self, Result};

/// No process here works longer than this, unless it waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(300);

/// A process that ended, or was killed.
pub(crate) struct Ended {
    /// None if it was killed by us.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// Whether it died before it was done.
    pub(crate) fn killed(&self) -> bool {
        self.status.is_none()
    }

    /// The JSON objects that it printed whole.
    pub(crate) fn objects(&self) -> Vec<Value> {
        String::from_utf8_lossy(&self.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// Runs `command`, and kills it (SIGKILL) as soon as `dies` says so; unparking the calling thread makes it ask at once.
///
/// # Errors
/// If it cannot be started, or neither ends nor is to die.
pub(crate) fn run(command: &mut Command, mut dies: impl FnMut() -> bool) -> Result<Ended> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{}: {e}", sh::words(command)))?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let out = scope.spawn(move || read(out.as_mut()));
        let err = scope.spawn(move || read(err.as_mut()));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            let hangs = start.elapsed() > PATIENCE;
            if hangs || dies() {
                child.kill()?;
                child.wait()?;
                if hangs {
                    return Err(format!("`{}` did not end in {} s", sh::words(command), PATIENCE.as_secs()).into());
                }
                break None;
            }
            thread::park_timeout(Duration::from_micros(500));
        };
        let stdout = out.join().map_err(|_| "a reader panicked")?;
        let stderr = err.join().map_err(|_| "a reader panicked")?;
        Ok(Ended { status, stdout, stderr: String::from_utf8_lossy(&stderr).trim().to_owned() })
    })
}

fn read(from: Option<&mut impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A pipe that breaks ends what was said.
    if let Some(from) = from {
        let _ = from.read_to_end(&mut bytes);
    }
    bytes
}
