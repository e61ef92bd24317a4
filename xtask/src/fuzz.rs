//! `cargo xtask fuzz`: coverage-guided fuzzing with what a stable toolchain and a C++ compiler have.
//!
//! * Targets are the binaries of `fuzz/`; they are built into `target/fuzz` with the compiler's own coverage instrumentation, so neither
//!   cargo-fuzz nor a nightly compiler is needed.
//! * What is found grows in `fuzz/corpus/TARGET`, which is not kept; `fuzz/seeds/TARGET` is, besides the files of `testdata`.
//! * An input that fails is written to `fuzz/artifacts/TARGET`, and the command fails.

use std::{fs, path::PathBuf, process::Command};

use crate::sh::{self, Args, Result};

/// Each target, the files it starts from besides its seeds, and the largest input that is tried.
const TARGETS: [(&str, &str, &str); 9] = [
    ("tokenizer", "testdata/csv", "4096"),
    ("column", "testdata/csv", "2048"),
    ("roundtrip", "testdata/csv", "4096"),
    ("segment", "testdata/golden/v2", "8192"),
    ("pages", "", "1024"),
    ("recovery", "", "512"),
    ("predicate", "", "512"),
    ("ledger", "testdata/golden/v2/table/_at1", "8192"),
    ("proofs", "testdata/proofs", "4096"),
];

/// What the compiler adds to every branch, and a symbol that tells crates that they are fuzzed.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1";

pub(crate) fn run(args: &mut Args) -> Result {
    let seconds = args.number("--seconds", 60)?.to_string();
    let wanted = args.word();
    args.done()?;
    let known: Vec<&str> = TARGETS.iter().map(|(name, ..)| *name).collect();
    if let Some(other) = wanted.as_deref().filter(|wanted| !known.contains(wanted)) {
        return Err(format!("no target {other}; there are {}", known.join(", ")).into());
    }
    let host = host()?;
    let built = sh::target().join("fuzz");
    let mut cargo = sh::cargo();
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        &host,
        "--target-dir",
    ]);
    // A target of its own keeps build scripts and macros free of the instrumentation.
    cargo.arg(&built).args(wanted.iter().flat_map(|name| ["--bin", name]));
    sh::run(cargo.env("RUSTFLAGS", FLAGS))?;
    for (name, start, bytes_max) in
        TARGETS.into_iter().filter(|(name, ..)| wanted.as_deref().is_none_or(|w| w == *name))
    {
        println!("{name}: {seconds} s");
        let folder = |of: &str| -> Result<PathBuf> {
            let dir = sh::root().join("fuzz").join(of).join(name);
            fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
            Ok(dir)
        };
        let mut fuzz = Command::new(built.join(&host).join("release").join(name));
        fuzz.current_dir(sh::root()).arg(folder("corpus")?);
        let seeds = sh::root().join("fuzz/seeds").join(name);
        fuzz.args([seeds, sh::root().join(start)].iter().filter(|dir| dir.is_dir() && **dir != sh::root().join("")));
        fuzz.arg(format!("-artifact_prefix={}/", folder("artifacts")?.display()));
        fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={bytes_max}"));
        fuzz.args(["-dict=fuzz/csv.dict", "-timeout=60", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1"]);
        sh::run(&mut fuzz)?;
    }
    Ok(())
}

/// The triple of the machine that this runs on.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = sh::capture(Command::new(rustc).arg("-vV"))?;
    let told = String::from_utf8_lossy(&told);
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc -vV tells no host")?.to_owned())
}
