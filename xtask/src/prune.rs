//! `cargo xtask prune`: predicates over tables at random; what pruning leaves out never matters.
//!
//! * The test `pruning` of at1-catalog, optimised, with more cases. It prints how often each level ruled something out, and
//!   for a failure what asks the same table again: `--seed S --cases 12`.

use std::time::Instant;

use crate::{
    report::{grouped, seconds},
    sh::{self, Args, Result},
};

pub(crate) fn run(args: &mut Args) -> Result {
    let cases = args.number("--cases", 1_000_000)?;
    let seed = args.number("--seed", 1)?;
    args.done()?;
    let start = Instant::now();
    let mut test = sh::cargo();
    test.args(["test", "--quiet", "--profile", "profiling", "--package", "at1-catalog", "--test", "it"]);
    test.args(["pruning::", "--", "--nocapture"]);
    test.env("AT1_PRUNE_CASES", cases.to_string()).env("AT1_PRUNE_SEED", seed.to_string());
    sh::run(&mut test).map_err(|error| format!("tables from seed {seed} on: {error}"))?;
    println!("{} cases: pruning changed no answer ({})", grouped(cases), seconds(start.elapsed()));
    Ok(())
}
