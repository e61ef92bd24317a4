//! The program from outside: what it prints, how it ends, and how it works with others of its kind.
#![allow(clippy::unwrap_used, reason = "in tests a failed unwrap is the test failing")]

mod cluster;
mod query;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use at1_table::{AppendOptions, CreateOptions, HeaderOption, Source, Table};
use tempfile::TempDir;

/// A folder with tables.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Appends to a table, which is made if it is not there.
    fn append(&self, name: &str, batch: &str) -> &Self {
        let (table, _) = Table::open_or_create(self.path(name), &CreateOptions::default()).unwrap();
        let options = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
        table.append_csv(Source::bytes(batch).named("a.csv"), &options).unwrap();
        self
    }

    fn sql(&self, name: &str, words: &[&str]) -> Output {
        self.command(name, words).stdin(Stdio::null()).output().unwrap()
    }

    fn command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_at1-sql"));
        command.arg("sql").arg(self.path(name)).args(words);
        command
    }

    #[track_caller]
    fn check(&self, name: &str, words: &[&str], expected: &str) {
        let output = self.sql(name, words);
        assert_eq!(
            (text(&output.stdout).as_str(), output.status.code()),
            (expected, Some(0)),
            "{}",
            text(&output.stderr)
        );
    }

    #[track_caller]
    fn fails(&self, name: &str, words: &[&str], exit: i32, expected: &str) {
        let output = self.sql(name, words);
        assert_eq!(output.status.code(), Some(exit), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Changes a byte of every segment, where pages are.
fn damage(table: &Path) {
    for entry in fs::read_dir(table.join("segments")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    }
}
