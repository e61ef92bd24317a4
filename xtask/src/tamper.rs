//! `cargo xtask tamper`: every byte of a small table is changed in turn, and every file cut at every length.
//!
//! * `verify` must find it, whatever the byte.
//! * A scan and a `cat` must give an error or the right answer, never a wrong one, and must not panic.
//! * `--every` tries all eight bits of each byte instead of one.

use std::{
    collections::BTreeMap,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    time::Instant,
};

use at1_table::{
    AppendOptions, CreateOptions, Extent, Joints, RowsCheck, ScanOptions, Source, Table, Verdict, VerifyOptions,
    verify_store,
};
use at1_testkit::{store::MemStore, trades};

use crate::{
    report::{grouped, seconds},
    sh::{Args, Result},
};

pub(crate) fn run(args: &mut Args) -> Result {
    let every = args.flag("--every");
    args.done()?;
    let start = Instant::now();
    let whole = files()?;
    let right = states(&whole).map_err(|e| format!("the untouched table: {e}"))?;
    if verdict(&whole)? != Verdict::Holds {
        return Err("the untouched table does not verify".into());
    }
    let (mut flips, mut cuts, mut refused) = (0u64, 0u64, 0u64);
    // A panic is a finding here; its backtrace would drown it.
    panic::set_hook(Box::new(|_| {}));
    for (path, bytes) in &whole {
        for at in 0..bytes.len() {
            let bits: Vec<u32> = if every { (0..8).collect() } else { vec![(at % 8) as u32] };
            for bit in bits {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                refused +=
                    judge(&whole, path, damaged, &right).map_err(|e| format!("{path}, byte {at}, bit {bit}: {e}"))?;
                flips += 1;
            }
        }
        let step = if every { 1 } else { 7 };
        for length in (0..bytes.len()).step_by(step) {
            refused += judge(&whole, path, bytes[..length].to_vec(), &right)
                .map_err(|e| format!("{path}, cut to {length}: {e}"))?;
            cuts += 1;
        }
    }
    drop(panic::take_hook());
    println!(
        "{} changed bytes and {} cuts in {} files: verify found each that changes anything; {} times reading refused, else it gave the right answer ({})",
        grouped(flips),
        grouped(cuts),
        whole.len(),
        grouped(refused),
        seconds(start.elapsed())
    );
    Ok(())
}

type Files = BTreeMap<String, Vec<u8>>;

/// A small table's files, by path.
fn files() -> Result<Files> {
    let store = MemStore::new();
    let table = Table::create_in(Arc::new(store.clone()), &CreateOptions::default())?;
    let second =
        b"ts,symbol,price,qty,side,venue,trade_id\n1704067300000,BTC,n/a,2,buy,\"al\npha\",1\n\nragged\n\xff,,,,,,\n"
            .to_vec();
    for bytes in [trades(5, 60), second] {
        table.append_csv(Source::bytes(&bytes), &AppendOptions::default())?;
    }
    let mut files = store.files();
    files.retain(|_, bytes| !bytes.is_empty());
    Ok(files)
}

/// What a scan and a `cat` give.
#[derive(PartialEq)]
struct Answers {
    rows: String,
    bytes: Vec<u8>,
}

fn open(files: &Files) -> Arc<MemStore> {
    let store = MemStore::new();
    for (path, bytes) in files {
        store.put(path, bytes);
    }
    Arc::new(store)
}

fn scan(table: &Table) -> Result<String> {
    let mut rows = String::new();
    for batch in table.scan(&ScanOptions::default())? {
        rows += &format!("{:?}\n", batch?);
    }
    Ok(rows)
}

fn cat(table: &Table) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    table.cat(&Extent::Everything, Joints::Exact, &mut bytes)?;
    Ok(bytes)
}

fn answers(files: &Files) -> Result<Answers> {
    let table = Table::open_in(open(files))?;
    Ok(Answers { rows: scan(&table)?, bytes: cat(&table)? })
}

/// The answers of the table as it is, and before that as it was after each of its events.
fn states(files: &Files) -> Result<Vec<Answers>> {
    let ledger = &files["_at1/ledger"];
    let ends = ledger.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at + 1);
    let mut states = Vec::new();
    for end in ends {
        let mut older = files.clone();
        older.insert("_at1/ledger".into(), ledger[..end].to_vec());
        states.push(answers(&older)?);
    }
    states.reverse();
    Ok(states)
}

fn verdict(files: &Files) -> Result<Verdict> {
    let options = VerifyOptions { rows: RowsCheck::Skip, threads: Some(1), ..VerifyOptions::default() };
    Ok(verify_store(open(files), &options)?.verdict())
}

/// 1 if reading was refused, 0 if it gave the right answer; anything else is an error.
fn judge(whole: &Files, path: &str, damaged: Vec<u8>, right: &[Answers]) -> Result<u64> {
    let mut files = whole.clone();
    files.insert(path.to_owned(), damaged);
    let judged = panic::catch_unwind(AssertUnwindSafe(|| -> Result<u64> {
        let found = verdict(&files);
        // A ledger whose last lines are gone is an older state of the table, and a torn last line counts as gone: only a receipt kept
        // elsewhere could tell. Its answers must be those it once gave.
        let shorter = path == "_at1/ledger" && matches!(found, Ok(Verdict::Holds | Verdict::Torn));
        let cut_between = whole[path].starts_with(&files[path]) && files[path].ends_with(b"\n");
        if matches!(found, Ok(Verdict::Holds)) && !(shorter && cut_between) {
            return Err("verify holds".into());
        }
        let Ok(table) = Table::open_in(open(&files)) else { return Ok(1) };
        let allowed = if shorter { right } else { &right[..1] };
        let (rows, bytes) = (scan(&table), cat(&table));
        if let Ok(rows) = &rows
            && !allowed.iter().any(|state| state.rows == *rows)
        {
            return Err("a scan gives other rows".into());
        }
        if let Ok(bytes) = &bytes
            && !allowed.iter().any(|state| state.bytes == *bytes)
        {
            return Err("cat gives other bytes".into());
        }
        let refused = u64::from(rows.is_err() || bytes.is_err());
        Ok(refused)
    }));
    judged.unwrap_or_else(|_| Err("panicked".into()))
}
