//! `cargo xtask COMMAND`: everything this repository does to itself.
//!
//! * Every command works in a fresh clone, asks nothing, and writes only below the target folder (`golden --bless`, `bench` and `scale` say so where they do not).
//! * A command that cannot do its work because something is missing says what, and fails where `CI` is set.
#![forbid(unsafe_code)]

mod at1;
mod bench;
mod ci;
mod crash;
mod demo;
mod follow;
mod fuzz;
#[cfg(feature = "harness")]
mod golden;
mod history;
mod interop;
mod mortal;
mod prune;
mod python;
mod report;
#[cfg(feature = "harness")]
mod roundtrip;
#[cfg(any(feature = "harness", test))]
#[cfg_attr(not(feature = "harness"), expect(dead_code, reason = "here for its tests"))]
mod scale;
mod sh;
mod soak;
mod sql;
#[cfg(feature = "harness")]
mod tamper;
mod test;
mod tidy;

use std::process::ExitCode;

use crate::sh::{Args, Result};

const USAGE: &str = "\
cargo xtask COMMAND

  demo                        a million trades: append, query, exact bytes back, verify, tamper, caught
  test                        every test, those of the Python package too, and a last line that says so
  wheel                       the Python packages as they are shipped, below target/wheels
  ci                          what continuous integration runs: fmt, clippy, deny, tidy, tests, interop
  tidy                        what compilers do not check: paths in documents, test data, constants in the specification
  interop                     pyarrow, polars and duckdb read every segment as AT1 does (environment made below target/)
  roundtrip [--cases N]       random and given files come back byte for byte; AT1_CORPUS=DIR adds real ones
  golden [--bless]            segments of testdata/golden still decode, and the format has not moved
  crash [--kills N]           kill -9 during appends by several processes loses and doubles nothing
  follow [--kills N]          kill -9 during `at1 ingest`, of files that are renamed and emptied, loses and doubles no line
  history [--batches N]       past states answer as they did, after compactions and vacuums
  prune [--cases N]           a million predicates over random tables: pruning never changes an answer
  soak [--seconds N]          appends, compactions, vacuums and reads by many processes, with kill -9 at random: all is right
  tamper [--every]            each byte of a table changed in turn: found, or harmless
  fuzz [TARGET] [--seconds N]  coverage-guided fuzzing of one target or each in turn; needs a C++ compiler
  bench [--only NAME]...      sizes and times against peers over AT1_CORPUS=DIR, into benches/RESULTS.md
  bench --python              append and scan in Python beside deltalake and pyarrow.dataset, into benches/PYTHON.md
  bench --sql                 queries beside DuckDB and DataFusion on plain Parquet, into benches/SQL.md
  scale [make] [--segments N,N]  tables of up to a million segments, made and measured beside peers, into benches/SCALE.md
";

fn main() -> ExitCode {
    let mut args = Args::new(std::env::args().skip(1));
    let command = args.word().unwrap_or_default();
    match run(&command, &mut args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {command}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, args: &mut Args) -> Result {
    match command {
        "demo" => demo::run(args),
        "test" => test::run(args),
        "ci" => ci::run(args),
        "tidy" => tidy::run(args),
        "interop" => interop::run(args),
        "crash" => crash::run(args),
        "follow" => follow::run(args),
        "history" => history::run(args),
        "prune" => prune::run(args),
        "soak" => soak::run(args),
        "wheel" => python::run(args),
        "bench" => bench::run(args),
        "fuzz" => fuzz::run(args),
        "roundtrip" | "golden" | "tamper" | "scale" => harness(command, args),
        "" | "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("no such command; these there are:\n\n{USAGE}").into()),
    }
}

#[cfg(feature = "harness")]
fn harness(command: &str, args: &mut Args) -> Result {
    match command {
        "roundtrip" => roundtrip::run(args),
        "golden" => golden::run(args),
        "scale" => scale::run(args),
        _ => tamper::run(args),
    }
}

/// Runs this program again, optimised and with the library in it.
#[cfg(not(feature = "harness"))]
fn harness(command: &str, args: &mut Args) -> Result {
    let mut cargo = sh::cargo();
    cargo.args(["run", "--quiet", "--release", "--package", "xtask", "--features", "harness", "--", command]);
    sh::run(cargo.args(args.rest()))
}
