//! `cargo xtask demo`: AT1 in two minutes. A million trades go in, a query reads a sliver of them, the exact bytes come back, segments are
//! merged and the past is still there, one record is proved to somebody who has nothing but a key, and one changed byte is found.
//!
//! * Every number it prints was measured in this run; every answer is compared with one computed from the CSV text here, without AT1.
//! * The same seed gives the same trades on every machine.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use at1_testkit::Trades;
use serde_json::Value;

use crate::{
    at1::{At1, Build, number, objects, text},
    report::{grouped, megabytes, seconds, sha256},
    sh::{self, Args, Result},
};

const SEED: u64 = 20_240_101;
const BATCHES: usize = 20;
const BATCH_ROWS: usize = 50_000;

pub(crate) fn run(args: &mut Args) -> Result {
    args.done()?;
    println!("Building at1 …");
    // The dev profile: appending takes longer than in a release build, but that would compile every dependency again, with link-time
    // optimisation on top, and `cargo xtask test`, which one runs next, could use none of it.
    let at1 = At1::build(Build::Dev)?;
    let dir = sh::scratch("demo")?;
    let table = dir.join("trades");

    let files = make(&dir)?;
    let head = append(&at1, &table, &files)?;
    query(&at1, &table, &files)?;
    exact(&at1, &table, &files)?;
    compact(&at1, &table, &files)?;
    verify(&at1, &table, &head)?;
    prove(&at1, &dir, &files)?;
    tamper(&at1, &table, &dir)?;

    println!("\nEverything is in {}. Try it yourself:", dir.display());
    println!("  {} scan {} --last 5", at1.path().display(), table.display());
    Ok(())
}

/// A generated file and its bytes.
struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
}

fn make(dir: &Path) -> Result<Vec<Source>> {
    title("1. Sample data");
    let csv = dir.join("csv");
    fs::create_dir_all(&csv)?;
    let mut market = Trades::new(SEED);
    let mut files = Vec::new();
    for batch in 0..BATCHES {
        let source = Source { path: csv.join(format!("trades_{batch:02}.csv")), bytes: market.batch(BATCH_ROWS) };
        fs::write(&source.path, &source.bytes)?;
        files.push(source);
    }
    let bytes: usize = files.iter().map(|f| f.bytes.len()).sum();
    println!(
        "{BATCHES} CSV files with {} trades each, {} in all, for example:\n",
        grouped(BATCH_ROWS as u64),
        megabytes(bytes as u64)
    );
    for line in String::from_utf8_lossy(&files[0].bytes).lines().take(3) {
        println!("    {line}");
    }
    Ok(files)
}

/// Appends all files and returns the receipt of the last.
fn append(at1: &At1, table: &Path, files: &[Source]) -> Result<String> {
    title("2. Append");
    let start = Instant::now();
    let mut words = vec!["append".into(), table.as_os_str().to_owned()];
    words.extend(files.iter().map(|f| f.path.as_os_str().to_owned()));
    let events = at1.json(words)?;
    let took = start.elapsed();
    let (mut rows, mut source, mut stored) = (0, 0, 0);
    for (event, file) in events.iter().zip(files) {
        rows += number(event, "rows")?;
        source += number(event, "source_bytes")?;
        stored += number(event, "segment_bytes")?;
        same("the digest of a file that was appended", text(event, "source_sha256")?, &sha256(&file.bytes))?;
    }
    same("appended files", &events.len(), &files.len())?;
    same("appended rows", &rows, &((BATCHES * BATCH_ROWS) as u64))?;
    println!("    at1 append trades trades_00.csv … trades_19.csv\n");
    println!(
        "{} records in {BATCHES} batches became {BATCHES} immutable Parquet segments: {} of CSV in {} ({:.1} % of it),",
        grouped(rows),
        megabytes(source),
        megabytes(stored),
        100.0 * stored as f64 / source as f64
    );
    println!(
        "typed, decoded again and compared byte for byte, synced to disk, in {} (an unoptimised build).",
        seconds(took)
    );
    let head = events.last().map(|event| text(event, "chain_head").map(str::to_owned)).transpose()?.unwrap_or_default();
    println!("Each append is a link in a hash chain. The receipt of the last one: {head}");
    Ok(head)
}

fn query(at1: &At1, table: &Path, files: &[Source]) -> Result {
    title("3. Ask for ten seconds of trades");
    // The middle of the day, wherever the generator put it.
    let middle = String::from_utf8_lossy(&files[BATCHES / 2].bytes);
    let low: u64 = field(middle.lines().nth(BATCH_ROWS / 2).unwrap_or_default(), 0).parse()?;
    let high = low + 10_000;
    let range = format!("c0:{low}:{high}");
    let wanted = |line: &str| field(line, 0).parse().is_ok_and(|ts: u64| (low..=high).contains(&ts));
    println!("    at1 scan trades {range} --select c0,c1 --stats\n");
    let (found, stats) = scan(at1, table, &[&range, "--select", "c0,c1"])?;
    let pick = |line: &str| format!("{},{}", field(line, 0), field(line, 1));
    let expected: Vec<String> = lines(files).filter(|line| wanted(line)).map(|line| pick(&line)).collect();
    same("the answer", &found, &expected)?;
    tell_scan(&found, &stats)?;

    let filter = "price >= 44000 and symbol = 'BTC'";
    println!("\n    at1 scan trades --where \"{filter}\" --stats\n");
    let (found, stats) = scan(at1, table, &["--where", filter])?;
    let wanted =
        |line: &str| field(line, 1) == "BTC" && field(line, 2).parse().is_ok_and(|price: f64| price >= 44_000.0);
    same("the number of answers", &found.len(), &lines(files).filter(|line| wanted(line)).count())?;
    tell_scan(&found, &stats)
}

/// The records that a scan prints, without the header, and its statistics.
fn scan(at1: &At1, table: &Path, what: &[&str]) -> Result<(Vec<String>, Value)> {
    let mut command = at1.command(["scan".as_ref(), table.as_os_str()]);
    command.args(what).args(["--format", "csv", "--stats", "--json"]);
    let output = sh::output(&mut command)?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("scan failed: {told}").into());
    }
    let stats = objects(told.lines().last().unwrap_or_default().as_bytes())?.pop().unwrap_or_default();
    let printed = String::from_utf8(output.stdout)?;
    Ok((printed.lines().skip(1).map(str::to_owned).collect(), stats))
}

fn tell_scan(found: &[String], stats: &Value) -> Result {
    let n = |key| number(stats, key);
    println!(
        "{} records, the same as a search through the CSV text finds. Of {} segments, {} were ruled out unopened;",
        grouped(found.len() as u64),
        n("segments_total")?,
        n("segments_skipped")?
    );
    println!(
        "{} of {} were read, ledger and footers included ({:.2} %).",
        megabytes(n("bytes_read")?),
        megabytes(n("bytes_total")?),
        100.0 * n("bytes_read")? as f64 / n("bytes_total")? as f64
    );
    Ok(())
}

fn exact(at1: &At1, table: &Path, files: &[Source]) -> Result {
    title("4. The exact bytes back");
    for (batch, file) in files.iter().enumerate() {
        let number = batch.to_string();
        let bytes = at1.bytes(["cat".as_ref(), table.as_os_str(), "--batch".as_ref(), number.as_ref()])?;
        same("a batch's sha256", &sha256(&bytes), &sha256(&file.bytes))?;
    }
    let whole = at1.bytes(["cat".as_ref(), table.as_os_str(), "--exact".as_ref()])?;
    let joined: Vec<u8> = files.iter().flat_map(|f| f.bytes.iter().copied()).collect();
    same("the table's sha256", &sha256(&whole), &sha256(&joined))?;
    println!("    at1 cat trades | sha256sum\n");
    println!(
        "All {BATCHES} files, rebuilt out of the columns, have the digests of the originals. All of them in a row:"
    );
    println!("    original  {}\n    from AT1  {}", sha256(&joined), sha256(&whole));
    Ok(())
}

fn compact(at1: &At1, table: &Path, files: &[Source]) -> Result {
    title("5. Merge the first ten segments, and look back");
    println!("    at1 compact trades --upto 10 --grace 0s\n");
    let start = Instant::now();
    let words =
        ["compact".as_ref(), table.as_os_str(), "--upto".as_ref(), "10".as_ref(), "--grace".as_ref(), "0s".as_ref()];
    let report = at1.json(words)?.pop().ok_or("compact printed nothing")?;
    let step = &report["steps"][0];
    same("merged segments", &number(step, "segments_replaced")?, &10)?;
    same("removed files", &report["vacuum"]["removed"].as_array().map_or(0, Vec::len), &10)?;
    println!(
        "Ten segments, {}, became one of {}, decoded and compared batch by batch with the ledger; the old files are gone ({}).",
        megabytes(number(step, "bytes_before")?),
        megabytes(number(step, "bytes_after")?),
        seconds(start.elapsed())
    );
    let seventh = at1.bytes(["cat".as_ref(), table.as_os_str(), "--batch".as_ref(), "7".as_ref()])?;
    same("batch 7 after the compaction", &sha256(&seventh), &sha256(&files[7].bytes))?;
    let then =
        at1.bytes(["cat", "--exact", "--as-of", "4"].map(AsRef::as_ref).into_iter().chain([table.as_os_str()]))?;
    let five: Vec<u8> = files[..5].iter().flat_map(|f| f.bytes.iter().copied()).collect();
    same("the table as of event 4", &sha256(&then), &sha256(&five))?;
    println!("\n    at1 cat trades --batch 7 | sha256sum\n    at1 cat trades --as-of 4 | sha256sum\n");
    println!("Each file still comes back as it was, and so does the table as it was after the fifth append.");
    Ok(())
}

fn verify(at1: &At1, table: &Path, head: &str) -> Result {
    title("6. Verify");
    println!("    at1 verify trades --rows --head {head}\n");
    let reports =
        at1.json(["verify".as_ref(), table.as_os_str(), "--rows".as_ref(), "--head".as_ref(), head.as_ref()])?;
    let report = reports.last().ok_or("verify printed nothing")?;
    for key in ["chain", "immutable", "rows"] {
        same(key, &report[key], &Value::Bool(true))?;
    }
    println!(
        "The chain holds, every segment has its recorded digest, every batch was derived again from the columns, and the"
    );
    println!("receipt from step 2 is still part of history. Level: {}.", report["level"].as_str().unwrap_or("?"));
    Ok(())
}

fn prove(at1: &At1, dir: &Path, files: &[Source]) -> Result {
    title("7. Prove one record to a stranger");
    const ROW: usize = 333_333;
    let run = |args: &[&str]| -> Result<Value> {
        let output = sh::capture(at1.command(args).arg("--json").current_dir(dir))?;
        objects(&output)?.pop().ok_or_else(|| format!("at1 {} printed nothing", args.join(" ")).into())
    };
    let made = run(&["ledger", "keygen", "--table", "trades", "-o", "trades.pem"])?;
    let vkey = text(&made, "verifier_key")?;
    let signed = run(&["ledger", "checkpoint", "trades", "--key", "trades.pem"])?;
    let row = ROW.to_string();
    let start = Instant::now();
    run(&["ledger", "prove", "trades", "--row", &row, "-o", "row.tlog-proof"])?;
    let took = start.elapsed();
    fs::write(dir.join("policy"), format!("log {vkey}\nquorum none\n"))?;
    println!("    at1 ledger checkpoint trades --key trades.pem");
    println!("    at1 ledger prove trades --row {row} -o row.tlog-proof");
    println!("    at1 ledger check row.tlog-proof --policy policy        (no table needed)\n");
    let check = ["ledger", "check", "row.tlog-proof", "--policy", "policy"];
    let checked = run(&[&check[..], &["-o", "row.csv"]].concat())?;
    let expected = lines(files).nth(ROW).unwrap_or_default();
    let proved = fs::read_to_string(dir.join("row.csv"))?;
    same("the record that was proved", proved.as_str(), format!("{expected}\n").as_str())?;
    println!("    {expected}\n");
    let proof = dir.join("row.tlog-proof");
    let mut bytes = fs::read(&proof)?;
    println!(
        "Record {} of the table, from {}, under the signature of its {} events: {} bytes of proof, made in {}.",
        grouped(ROW as u64),
        text(&checked, "name")?,
        number(&signed, "size")?,
        grouped(bytes.len() as u64),
        seconds(took)
    );
    println!("The segment that held it was merged and removed in step 5; the proof does not depend on it.");
    let middle = bytes.len() / 3;
    bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
    fs::write(&proof, bytes)?;
    let code = sh::output(at1.command(check).current_dir(dir))?.status.code();
    same("the exit code of check on a changed proof", &code, &Some(1))?;
    println!("With one character of the proof changed: exit code 1.");
    Ok(())
}

fn tamper(at1: &At1, table: &Path, dir: &Path) -> Result {
    title("8. Change one byte");
    let copy = dir.join("tampered");
    for path in sh::files_below(table)? {
        let to = copy.join(path.strip_prefix(table)?);
        fs::create_dir_all(to.parent().unwrap_or(&copy))?;
        fs::copy(&path, to)?;
    }
    let victim =
        sh::files_below(&copy.join("segments"))?.into_iter().nth(7).ok_or("the table has fewer than 8 segments")?;
    let mut bytes = fs::read(&victim)?;
    let middle = bytes.len() / 2;
    let was = bytes[middle];
    bytes[middle] ^= 1;
    // Segments are read-only files; an attacker would not mind either.
    fs::remove_file(&victim)?;
    fs::write(&victim, &bytes)?;
    let name = victim.file_name().unwrap_or_default().to_string_lossy();
    println!(
        "In a copy, byte {} of {name} goes from 0x{was:02x} to 0x{:02x}.\n",
        grouped(middle as u64),
        bytes[middle]
    );
    println!("    at1 verify tampered\n");
    let output = at1.output(["verify".as_ref(), copy.as_os_str()])?;
    same("the exit code of verify on a tampered table", &output.status.code(), &Some(1))?;
    for line in [&output.stdout, &output.stderr]
        .into_iter()
        .flat_map(|told| told.split(|&b| b == b'\n'))
        .filter(|l| !l.is_empty())
    {
        println!("    {}", String::from_utf8_lossy(line));
    }
    println!("\nFound: exit code 1.");
    Ok(())
}

fn title(text: &str) {
    println!("\n── {text} {}", "─".repeat(70usize.saturating_sub(text.chars().count())));
}

fn field(line: &str, position: usize) -> &str {
    line.split(',').nth(position).unwrap_or_default()
}

/// All records of all files, in order.
fn lines(files: &[Source]) -> impl Iterator<Item = String> + '_ {
    files.iter().flat_map(|f| String::from_utf8_lossy(&f.bytes).lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
}

/// Fails unless both are the same: a demo that hides a difference would be worse than none.
fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, found: &T, expected: &T) -> Result {
    if found == expected {
        return Ok(());
    }
    let short = |value: &T| format!("{value:?}").chars().take(200).collect::<String>();
    Err(format!("{what}: expected {}, found {}", short(expected), short(found)).into())
}
