//! Numbers as people read them, and what must be known about the run that they are from.

use std::{fs, path::Path, process::Command, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::sh::{self, Result};

/// `12345678` as `12,345,678`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MB`.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// `0.42 s`, `73 s`, `4 min 10 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.2} s", time.as_secs_f64()),
        10..120 => format!("{:.0} s", time.as_secs_f64()),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The head of a table in Markdown that says when, of what and on what machine.
pub(crate) fn run_of() -> Result<String> {
    let date = first_line(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let commit = first_line(Command::new("git").current_dir(sh::root()).args(["describe", "--always", "--dirty"]));
    let (commit, machine) = (commit.unwrap_or_default(), machine());
    Ok(format!("| | |\n|---|---|\n| date | {date} |\n| commit | {commit} |\n| machine | {machine} |\n"))
}

/// What a program says first.
pub(crate) fn first_line(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&sh::capture(command)?).lines().next().unwrap_or_default().to_owned())
}

/// Which versions of these packages a Python has: `duckdb==2.0.0, pyarrow==26.0.1`.
pub(crate) fn installed(python: &Path, packages: &[&str]) -> Result<String> {
    let pip = ["-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"];
    let listed = sh::capture(Command::new(python).args(pip))?;
    let listed = String::from_utf8_lossy(&listed);
    let wanted = |line: &&str| line.split_once("==").is_some_and(|(name, _)| packages.contains(&name));
    Ok(listed.lines().filter(wanted).collect::<Vec<_>>().join(", "))
}

/// The processor's name and number, where the system tells.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores, {}", model.unwrap_or("unknown processor"), std::env::consts::OS)
}
