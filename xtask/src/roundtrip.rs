//! `cargo xtask roundtrip`: whatever goes in comes out, byte for byte.
//!
//! * Random cases: arbitrary bytes, generated CSV, lines of JSON and of logs, alone as a segment in every profile, and two by two as batches of one table,
//!   before and after compaction.
//! * With AT1_CORPUS=DIR every file below it too: alone, and each with its neighbour as batches of one table.
//! * A case that fails prints its seed or its name; `--seed S --cases 1` plays it again.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use at1_codec::{EncodeOptions, Form, Profile};
use at1_table::{
    AppendOptions, CompactOptions, CreateOptions, Extent, Joints, RowsCheck, Source, Table, Verdict, VerifyOptions,
};
use at1_testkit::{Rng, csv_zoo, json_zoo, log_zoo, store::MemStore};

use crate::{
    report::{grouped, megabytes, seconds},
    sh::{self, Args, Result},
};

pub(crate) fn run(args: &mut Args) -> Result {
    let cases = args.number("--cases", 20_000)?;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let seed = args.number("--seed", clock)?;
    args.done()?;
    random(seed, cases)?;
    match std::env::var_os("AT1_CORPUS") {
        Some(dir) => corpus(Path::new(&dir)),
        None => {
            println!("AT1_CORPUS names no folder: no real files were tried");
            Ok(())
        }
    }
}

fn random(seed: u64, cases: u64) -> Result {
    let start = Instant::now();
    let (next, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    in_parallel(|| {
        let case = next.fetch_add(1, Ordering::Relaxed);
        if case >= cases {
            return Ok(false);
        }
        let seed = seed.wrapping_add(case);
        let input = input(seed);
        bytes.fetch_add(input.len() as u64, Ordering::Relaxed);
        alone(&input, profile(seed))
            .and_then(|()| if case.is_multiple_of(4) { together(&input, &self::input(!seed)) } else { Ok(()) })
            .map_err(|e| format!("--seed {seed} --cases 1: {e}"))?;
        Ok(true)
    })?;
    let total = megabytes(bytes.into_inner());
    println!(
        "{} random inputs ({total}), a quarter of them in pairs, all identical ({})",
        grouped(cases),
        seconds(start.elapsed())
    );
    Ok(())
}

/// The input that belongs to a seed.
fn input(seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    match rng.below(10) {
        0 => (0..rng.below(400)).map(|_| rng.next() as u8).collect(),
        1 | 2 => {
            let alphabet = b"ab019.-+eE,,,\"\"\n\n\r; \tNA:/T\0\xff";
            (0..rng.below(200)).map(|_| alphabet[rng.index(alphabet.len())]).collect()
        }
        3 => json_zoo(rng.next()),
        4 => log_zoo(rng.next()),
        _ => csv_zoo(rng.next()),
    }
}

fn profile(seed: u64) -> Profile {
    match seed % 8 {
        0 => Profile::Max,
        1..4 => Profile::Fast,
        _ => Profile::Balanced,
    }
}

/// As a stand-alone segment, with columns and in whichever form is smaller.
fn alone(input: &[u8], profile: Profile) -> Result {
    for form in [Form::Queryable, Form::Smaller] {
        let segment = at1_codec::encode(input, &EncodeOptions { profile, form, ..EncodeOptions::default() })?;
        same(form_name(form), &at1_codec::decode(&segment)?, input)?;
    }
    Ok(())
}

fn form_name(form: Form) -> &'static str {
    if form == Form::Queryable { "a segment" } else { "the smaller form" }
}

/// As two batches of a table in memory, before and after they become one segment.
fn together(first: &[u8], second: &[u8]) -> Result {
    let table = Table::create_in(Arc::new(MemStore::new()), &CreateOptions::default())?;
    let inputs = [first, second];
    for input in inputs {
        table.append_csv(Source::bytes(input), &AppendOptions::default())?;
    }
    holds(&table, inputs)?;
    // In one segment, and its own segments gone.
    table.compact(&CompactOptions { grace: Duration::ZERO, ..CompactOptions::default() })?;
    if table.info()?.segments != 1 {
        return Err("a compaction left more than one segment".into());
    }
    holds(&table, inputs).map_err(|e| format!("after a compaction: {e}").into())
}

fn holds(table: &Table, inputs: [&[u8]; 2]) -> Result {
    for (batch, input) in inputs.iter().enumerate() {
        let mut back = Vec::new();
        table.cat(&Extent::Batch(batch as u64), Joints::Exact, &mut back)?;
        same(&format!("batch {batch} of two"), &back, input)?;
    }
    let mut back = Vec::new();
    table.cat(&Extent::Everything, Joints::Exact, &mut back)?;
    same("both batches", &back, &inputs.concat())?;
    let report =
        table.verify(&VerifyOptions { rows: RowsCheck::Derive, threads: Some(1), ..VerifyOptions::default() })?;
    if report.verdict() != Verdict::Holds {
        return Err(format!("verify: {}", report.to_json()).into());
    }
    Ok(())
}

fn corpus(dir: &Path) -> Result {
    let start = Instant::now();
    let files = sh::files_below(dir)?;
    let (next, bytes, refused) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
    in_parallel(|| {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = files.get(at) else { return Ok(false) };
        let named = |e| format!("{}: {e}", path.display());
        let input = fs::read(path)?;
        bytes.fetch_add(input.len() as u64, Ordering::Relaxed);
        alone(&input, Profile::Balanced).map_err(named)?;
        // Packed inputs are expanded by a table, and a packed file that is cut is refused, as it should be.
        if at1_table::Packing::of(&input).is_some() {
            refused.fetch_add(1, Ordering::Relaxed);
            return Ok(true);
        }
        if let Some(neighbour) =
            files[at + 1..].iter().find(|other: &&PathBuf| is_table(other)).filter(|_| is_table(path))
        {
            let second = fs::read(neighbour)?;
            if at1_table::Packing::of(&second).is_none() {
                together(&input, &second)
                    .map_err(|e| format!("{} with {}: {e}", path.display(), neighbour.display()))?;
            }
        } else {
            together(&input, b"").map_err(named)?;
        }
        Ok(true)
    })?;
    let packed = refused.into_inner();
    println!(
        "{} files ({}), alone and in tables, all identical; {packed} are packed, tried alone only ({})",
        grouped(files.len() as u64),
        megabytes(bytes.into_inner()),
        seconds(start.elapsed())
    );
    Ok(())
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "csv" || e == "tsv")
}

fn same(what: &str, found: &[u8], expected: &[u8]) -> Result {
    if found == expected {
        return Ok(());
    }
    let at = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        bytes[at.saturating_sub(20).min(bytes.len())..(at + 20).min(bytes.len())].escape_ascii().to_string()
    };
    let (found, expected) = (around(found), around(expected));
    Err(format!("{what}: differs at byte {at}: expected …{expected}…, found …{found}…").into())
}

/// Calls `step` on every processor until it says that nothing is left, or one fails.
fn in_parallel(step: impl Fn() -> Result<bool> + Sync) -> Result {
    let failed = Mutex::new(None);
    let failed_now = || failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !failed_now() {
                    match step() {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) => {
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
