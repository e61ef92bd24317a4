//! `cargo xtask ci`: what continuous integration runs, line for line, each step named and timed, stopping at the first that fails.
//!
//! * Cold, most of the time goes into building the dependencies; a build folder that is kept saves it.

use std::time::Instant;

use crate::{
    interop,
    report::seconds,
    sh::{self, Args, Result},
    test, tidy,
};

pub(crate) fn run(args: &mut Args) -> Result {
    args.done()?;
    let start = Instant::now();
    step("fmt", || sh::run(sh::cargo().args(["fmt", "--all", "--check"])))?;
    step("tidy", tidy::all)?;
    step("deny", deny)?;
    step("clippy", clippy)?;
    step("test", test::all)?;
    step("interop", interop::all)?;
    println!("ci passed ({})", seconds(start.elapsed()));
    Ok(())
}

fn step(name: &str, work: impl FnOnce() -> Result) -> Result {
    let start = Instant::now();
    println!("── {name}");
    work().map_err(|error| format!("step {name}: {error}"))?;
    println!("── {name}: passed ({})", seconds(start.elapsed()));
    Ok(())
}

fn clippy() -> Result {
    let flags = ["--workspace", "--all-targets", "--all-features", "--quiet", "--", "-D", "warnings"];
    sh::run(sh::cargo().arg("clippy").args(flags))
}

/// The one step that may be missing: cargo-deny takes longer to build than we do.
fn deny() -> Result {
    if !sh::works("cargo", &["deny", "--version"]) {
        println!("cargo-deny is not installed: licences, bans and sources were not checked");
        return Ok(());
    }
    sh::run(sh::cargo().args(["deny", "--all-features", "check", "bans", "licenses", "sources"]))
}
