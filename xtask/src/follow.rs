//! `cargo xtask follow`: `at1 ingest` follows files that are written, renamed, copied and emptied, while it is killed again and again.
//!
//! * Every line that was written is in the table once, in the order of its file; the table verifies.
//! * `--kills N` (300), `--files N` (3), `--seed S`.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use at1_testkit::Rng;

use crate::{
    at1::{At1, Build},
    report::{grouped, seconds},
    sh::{self, Args, Result},
};

/// How long the last run has for what is left.
const REST: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &mut Args) -> Result {
    let kills = args.number("--kills", 300)?;
    let files = args.number("--files", 3)?;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let seed = args.number("--seed", clock)?;
    args.done()?;
    let at1 = At1::build(Build::Dev)?;
    let folder = sh::scratch("follow")?;
    let counts = Counts::default();
    let start = Instant::now();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| -> Result {
        let writers: Vec<_> = (0..files)
            .map(|file| {
                let (path, counts, stop) = (log(&folder, file), &counts, &stop);
                scope.spawn(move || write(&path, file, Rng::new(seed ^ file), counts, stop).map_err(|e| e.to_string()))
            })
            .collect();
        let killed = kill(&at1, &folder, files, kills, &mut Rng::new(!seed));
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().map_err(|_| "a writer panicked")??;
        }
        killed?;
        let mut last = ingest(&at1, &folder, files)?;
        let (start, table) = (Instant::now(), folder.join("table"));
        while start.elapsed() < REST {
            let info = at1.json([Path::new("info"), &table])?;
            if info.first().is_some_and(|info| info["rows"].as_u64() == Some(counts.lines.load(Ordering::Relaxed))) {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        sh::run(Command::new("kill").args(["-TERM", &last.id().to_string()]))?;
        if !last.wait()?.success() {
            return Err("the last run did not end well".into());
        }
        Ok(())
    })
    .map_err(|e| format!("--seed {seed}: {e}"))?;
    let table = folder.join("table");
    let text = at1.bytes([Path::new("cat"), &table])?;
    check(&text, files, &counts).map_err(|e| format!("--seed {seed}: {e}"))?;
    at1.bytes([Path::new("verify"), &table])?;
    println!(
        "{} lines of {files} files, {} renames, {} truncations, {} kills: each line once ({})",
        grouped(counts.lines.load(Ordering::Relaxed)),
        counts.renames.load(Ordering::Relaxed),
        counts.truncations.load(Ordering::Relaxed),
        kills,
        seconds(start.elapsed())
    );
    Ok(())
}

#[derive(Default)]
struct Counts {
    lines: AtomicU64,
    renames: AtomicU64,
    truncations: AtomicU64,
}

fn log(folder: &Path, file: u64) -> PathBuf {
    folder.join(format!("app{file}.log"))
}

/// Starts `at1 ingest` on all files.
fn ingest(at1: &At1, folder: &Path, files: u64) -> Result<Child> {
    let mut command = at1.command([Path::new("ingest"), &folder.join("table")]);
    command.args(["--text", "lines", "--batch-secs", "0.1"]);
    for file in 0..files {
        command.arg("--follow").arg(log(folder, file));
    }
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Starts it and kills it at any instant.
fn kill(at1: &At1, folder: &Path, files: u64, kills: u64, rng: &mut Rng) -> Result {
    for _ in 0..kills {
        let mut child = ingest(at1, folder, files)?;
        thread::sleep(Duration::from_millis(rng.below(400)));
        if let Some(status) = child.try_wait()? {
            return Err(format!("it ended by itself: {status}").into());
        }
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

/// Writes numbered lines until told to stop; renames the file, or copies and empties it, now and then.
fn write(path: &Path, number: u64, mut rng: Rng, counts: &Counts, stop: &AtomicBool) -> std::io::Result<()> {
    let open = || OpenOptions::new().create(true).append(true).open(path);
    let mut file = open()?;
    let (mut line, mut rotations) = (0u64, 0u64);
    while !stop.load(Ordering::Relaxed) {
        let mut text = String::new();
        for _ in 0..=rng.below(20) {
            text.push_str(&format!(
                "2024-05-01T10:00:00Z INFO file={number} line={line} {}\n",
                "x".repeat(rng.index(60))
            ));
            line += 1;
            counts.lines.fetch_add(1, Ordering::Relaxed);
        }
        // In two pieces, so that lines are seen that have no end yet.
        let (first, second) = text.as_bytes().split_at(rng.index(text.len()));
        file.write_all(first)?;
        thread::sleep(Duration::from_millis(rng.below(5)));
        file.write_all(second)?;
        thread::sleep(Duration::from_millis(rng.below(20)));
        let rotated = || path.with_extension(format!("log.{}", rotations + 1));
        match rng.below(400) {
            0 => {
                fs::rename(path, rotated())?;
                file = open()?;
                counts.renames.fetch_add(1, Ordering::Relaxed);
                rotations += 1;
            }
            1 => {
                fs::copy(path, rotated())?;
                File::create(path)?;
                counts.truncations.fetch_add(1, Ordering::Relaxed);
                rotations += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Every line once, and those of a file in order.
fn check(text: &[u8], files: u64, counts: &Counts) -> Result {
    let mut next: BTreeMap<u64, u64> = (0..files).map(|file| (file, 0)).collect();
    for line in String::from_utf8_lossy(text).lines() {
        let number = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
        let (Some(file), Some(found)) = (number("file="), number("line=")) else {
            return Err(format!("a line that nobody wrote: {line}").into());
        };
        let expected = next.entry(file).or_default();
        if *expected != found {
            return Err(format!("file {file}: expected line {expected}, found {found}").into());
        }
        *expected += 1;
    }
    let (found, written) = (next.values().sum::<u64>(), counts.lines.load(Ordering::Relaxed));
    if found == written {
        Ok(())
    } else {
        Err(format!("{written} lines were written, {found} are in the table").into())
    }
}
