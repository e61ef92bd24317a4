//! `cargo xtask test`: every test of the workspace, then the examples in the documentation, then those of the Python package.

use std::time::Instant;

use crate::{
    python,
    report::seconds,
    sh::{self, Args, Result},
};

pub(crate) fn run(args: &mut Args) -> Result {
    args.done()?;
    let start = Instant::now();
    all()?;
    println!("all tests passed ({})", seconds(start.elapsed()));
    Ok(())
}

/// Runs them all; cargo prints which.
pub(crate) fn all() -> Result {
    let mut tests = sh::cargo();
    if sh::works("cargo", &["nextest", "--version"]) {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        tests.args(["test", "--workspace", "--tests", "--no-fail-fast"]);
    }
    sh::run(&mut tests)?;
    sh::run(sh::cargo().args(["test", "--workspace", "--doc", "--quiet"]))?;
    python::test()
}
