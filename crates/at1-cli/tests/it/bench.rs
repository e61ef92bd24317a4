//! What every test stands on: a folder, and the program run in it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder to work in.
pub(crate) struct Bench(TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a table `trades` of two batches of 300 trades.
    pub(crate) fn with_trades() -> Self {
        let bench = Self::new();
        let mut market = at1_testkit::Trades::new(1);
        bench.file("a.csv", &market.batch(300));
        bench.file("b.csv", &market.batch(300));
        bench.run(&["append", "trades", "a.csv", "b.csv"]).ok();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        at1_in(self.0.path(), args)
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        Done { words: args.join(" "), output: self.command(args).stdin(Stdio::null()).output().unwrap() }
    }

    /// With these bytes on standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &[u8]) -> Done {
        let mut child =
            self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Done { words: args.join(" "), output: child.wait_with_output().unwrap() }
    }
}

/// The program, to be run in `folder`.
pub(crate) fn at1_in(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_at1"));
    command.current_dir(folder).args(args);
    command
}

/// A run that is over.
pub(crate) struct Done {
    words: String,
    output: Output,
}

impl Done {
    /// It succeeded; its stdout.
    #[track_caller]
    pub(crate) fn ok(self) -> Vec<u8> {
        assert_eq!(self.output.status.code(), Some(0), "at1 {}: {}", self.words, self.err());
        self.output.stdout
    }

    #[track_caller]
    pub(crate) fn text(self) -> String {
        String::from_utf8(self.ok()).unwrap()
    }

    /// It succeeded; the JSON objects on its stdout.
    #[track_caller]
    pub(crate) fn json(self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// It ended with this exit code; what it said on stderr.
    #[track_caller]
    pub(crate) fn fails(self, exit: i32) -> String {
        assert_eq!(self.output.status.code(), Some(exit), "at1 {}: {}", self.words, self.err());
        self.err()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }
}

impl Done {
    /// Whether it failed, with whatever exit code that says so.
    pub(crate) fn fails_somehow(&self) -> bool {
        assert!(
            self.output.status.code().is_some_and(|code| code != 101),
            "at1 {} panicked: {}",
            self.words,
            self.err()
        );
        !self.output.status.success()
    }
}
