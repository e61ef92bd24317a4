//! What convincing a stranger costs, measured: trees over rows, checkpoints, proofs, verification.
//!
//! ```text
//! cargo run --release -p at1-table --example ledger_costs -- rows [ROWS] [ROW_BYTES]
//! cargo run --release -p at1-table --example ledger_costs -- proofs DIR [ROWS] [BATCHES]
//! cargo run --release -p at1-table --example ledger_costs -- checkpoints TABLE [APPENDS]
//! ```
//!
//! * `rows`: hashing rows into their tree, beside SHA-256 of the same bytes in one go; signing and verifying.
//! * `proofs`: makes a table of ROWS trades in DIR, or takes the one that is there; then proves rows, ranges, a batch and an event, and
//!   checks what it made. `checkpoints`: first and later signatures of a table that is there, which gets events.
//! * Every figure is the median of several; times are of this process, without its start.
#![forbid(unsafe_code)]

use std::{
    env,
    error::Error,
    hint::black_box,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use at1_ledger::{
    Beside, Checkpoint, Digest, Frontier, KeyType, Memory, Policy, SecretKey, SignedCheckpoint, Signer as _,
    check_proof,
};
use at1_table::{AppendOptions, CreateOptions, ProofFile, ProofOf, Source, Table};
use at1_testkit::Trades;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const USAGE: &str = "rows [ROWS] [ROW_BYTES] | proofs DIR [ROWS] [BATCHES] | checkpoints TABLE [APPENDS]";
const ORIGIN: &str = "example.org/trades";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, default: u64| -> Result<u64> {
        words.get(at).map_or(Ok(default), |word| Ok(word.replace('_', "").parse()?))
    };
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rows", ..] => number(1, 2_000_000).and_then(|n| rows(n, number(2, 100)?)),
        ["proofs", dir, ..] => number(2, 10_000_000).and_then(|n| proofs(Path::new(dir), n, number(3, 100)?)),
        ["checkpoints", table, ..] => number(2, 100).and_then(|appends| checkpoints(Path::new(table), appends)),
        _ => Err(format!("expected {USAGE}").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledger_costs: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The median of `times` runs of `work`.
fn median<T>(times: usize, mut work: impl FnMut() -> Result<T>) -> Result<Duration> {
    let mut took = vec![];
    for _ in 0..times {
        let start = Instant::now();
        black_box(work()?);
        took.push(start.elapsed());
    }
    took.sort_unstable();
    Ok(took[times / 2])
}

fn tell(what: &str, took: Duration) {
    println!("{what:<52}{:>12.3} ms", took.as_secs_f64() * 1e3);
}

fn key() -> Result<SecretKey> {
    Ok(SecretKey::from_seed(&[7; 32], ORIGIN, KeyType::Ed25519)?)
}

fn rows(rows: u64, row_bytes: u64) -> Result {
    let bytes: Vec<u8> = (0..rows * row_bytes).map(|i| ((i * 2_654_435_761) >> 13) as u8).collect();
    let tree = median(5, || {
        let mut tree = Frontier::new();
        bytes.chunks_exact(usize::try_from(row_bytes)?).for_each(|row| tree.push(row));
        Ok(tree.root())
    })?;
    let flat = median(5, || Ok(Digest::of(&bytes)))?;
    let each = |took: Duration| took.as_secs_f64() * 1e9 / rows as f64;
    println!("{rows} rows of {row_bytes} bytes");
    println!("{:<52}{:>12.1} ns/row", "tree over rows", each(tree));
    println!("{:<52}{:>12.1} ns/row", "SHA-256 of the same bytes in one go", each(flat));
    let key = key()?;
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 1, root: Digest([7; 32]) };
    let signed = SignedCheckpoint::sign(checkpoint.clone(), &key)?;
    tell("sign a checkpoint", median(201, || Ok(SignedCheckpoint::sign(checkpoint.clone(), &key)?))?);
    tell("verify its signature", median(201, || Ok(signed.is_signed_by(key.key())?))?);
    Ok(())
}

fn proofs(dir: &Path, rows: u64, batches: u64) -> Result {
    let table = match Table::open(dir) {
        Ok(table) => table,
        Err(_) => make(dir, rows, batches)?,
    };
    let key = key()?;
    let mut memory: Option<Memory> = None;
    tell("first checkpoint", median(1, || Ok(table.checkpoint(&key, &mut memory)?))?);
    tell("checkpoint again", median(9, || Ok(table.checkpoint(&key, &mut memory)?))?);
    let policy = Policy::of_logs(vec![key.key().clone()])?;
    for (what, of) in [
        ("one row", ProofOf::Row(rows / 2)),
        ("1,000 rows", ProofOf::Rows(rows / 2..rows / 2 + 1000)),
        ("a batch", ProofOf::Batch(batches / 2)),
        ("an event", ProofOf::Event(batches / 2)),
    ] {
        let mut made: Vec<ProofFile> = vec![];
        let took = median(5, || {
            made = table.prove(&of)?;
            Ok(())
        })?;
        let check = |proof: &ProofFile| {
            let beside = Beside { rows: proof.rows_beside.as_deref(), event: proof.event_beside.as_deref() };
            check_proof(&proof.proof, beside, None, &policy)
        };
        let bytes: usize =
            made.iter().map(|file| file.proof.len() + file.rows_beside.as_ref().map_or(0, Vec::len)).sum();
        tell(&format!("prove {what} ({bytes} bytes)"), took);
        let checked = median(21, || {
            for proof in &made {
                black_box(check(proof)?);
            }
            Ok(())
        })?;
        tell(&format!("check {what}"), checked);
    }
    Ok(())
}

/// A table of so many trades, in so many batches.
fn make(dir: &Path, rows: u64, batches: u64) -> Result<Table> {
    let options = CreateOptions { origin: Some(ORIGIN.into()), ..CreateOptions::default() };
    let table = Table::create(dir, &options)?;
    let mut market = Trades::new(1);
    let (start, mut bytes) = (Instant::now(), 0);
    for _ in 0..batches {
        let batch = market.batch(usize::try_from(rows / batches)?);
        bytes += batch.len();
        table.append_csv(Source::bytes(&batch), &AppendOptions::default())?;
    }
    println!("{rows} rows, {bytes} bytes, in {batches} batches: {:.1} s", start.elapsed().as_secs_f64());
    Ok(table)
}

fn checkpoints(dir: &Path, appends: u64) -> Result {
    let table = Table::open(dir)?;
    let origin = table.origin()?;
    let key = SecretKey::from_seed(&[7; 32], &origin, KeyType::Ed25519)?;
    let mut memory: Option<Memory> = None;
    let first = median(1, || Ok(table.checkpoint(&key, &mut memory)?))?;
    let size = memory.as_ref().map_or(0, Memory::size);
    tell(&format!("first checkpoint, of {size} events"), first);
    let mut market = Trades::new(3);
    let mut took = vec![];
    for _ in 0..appends {
        table.append_csv(Source::bytes(&market.batch(100)), &AppendOptions::default())?;
        let start = Instant::now();
        table.checkpoint(&key, &mut memory)?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    tell(&format!("checkpoint after each of {appends} appends"), took[took.len() / 2]);
    tell("prove an event", median(3, || Ok(table.prove(&ProofOf::Event(size / 2))?))?);
    tell("prove growth from the middle", median(3, || Ok(table.prove_growth(size / 2)?))?);
    Ok(())
}
