//! The `at1` program as the commands here drive it: built once, asked for JSON.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::sh::{self, Result};

/// How `at1` is compiled.
#[derive(Clone, Copy)]
pub(crate) enum Build {
    /// Unoptimised where the code is ours, optimised where it is not: shares everything with the tests.
    Dev,
    /// As it is shipped.
    Release,
    /// Nearly as fast, built again in seconds.
    #[cfg(any(feature = "harness", test))]
    Profiling,
}

impl Build {
    /// How cargo is to choose features when it builds a program of `package`: for development those of the whole workspace, so that
    /// programs, extensions and tests share one build of everything.
    pub(crate) fn features_of(self, package: &str) -> Vec<&str> {
        match self {
            Self::Dev => vec!["--workspace"],
            _ => vec!["--package", package],
        }
    }

    /// The name that cargo knows it by, and the folder it builds into.
    pub(crate) fn profile(self) -> (&'static str, &'static str) {
        match self {
            Self::Dev => ("dev", "debug"),
            Self::Release => ("release", "release"),
            #[cfg(any(feature = "harness", test))]
            Self::Profiling => ("profiling", "profiling"),
        }
    }
}

/// A built `at1`.
#[derive(Clone)]
pub(crate) struct At1(PathBuf);

impl At1 {
    /// Builds it; cargo tells how far it is.
    pub(crate) fn build(build: Build) -> Result<Self> {
        let (profile, folder) = build.profile();
        sh::run(sh::cargo().arg("build").args(build.features_of("at1-cli")).args([
            "--bin",
            "at1",
            "--profile",
            profile,
        ]))?;
        Ok(Self(sh::target().join(folder).join("at1")))
    }

    /// One that is there.
    #[cfg(any(feature = "harness", test))]
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A command line of it.
    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(&self.0);
        command.args(args);
        command
    }

    /// What it prints, whatever its exit code.
    pub(crate) fn output(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output> {
        sh::output(&mut self.command(args))
    }

    /// What it prints on stdout; it must succeed.
    pub(crate) fn bytes(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Vec<u8>> {
        sh::capture(&mut self.command(args))
    }

    /// The JSON objects it prints on stdout; it must succeed.
    pub(crate) fn json(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Vec<Value>> {
        let mut command = self.command(args);
        objects(&sh::capture(command.arg("--json"))?)
    }
}

/// One JSON object a line.
pub(crate) fn objects(lines: &[u8]) -> Result<Vec<Value>> {
    let text = String::from_utf8_lossy(lines);
    text.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("not JSON ({e}): {line}").into())).collect()
}

/// The number under `key`.
pub(crate) fn number(object: &Value, key: &str) -> Result<u64> {
    object[key].as_u64().ok_or_else(|| format!("no number {key} in {object}").into())
}

/// The text under `key`.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> Result<&'a str> {
    object[key].as_str().ok_or_else(|| format!("no text {key} in {object}").into())
}
