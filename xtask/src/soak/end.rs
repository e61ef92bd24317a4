//! After everybody is gone: what is there, against all that is known.

use std::{collections::BTreeSet, fs, sync::atomic::Ordering};

use super::{
    Worker, reader,
    truth::{Key, same, same_bytes},
    workers,
};
use crate::{
    at1::{number, text},
    report::{grouped, seconds},
    sh::Result,
};

/// The producer that comes after all others.
const LAST: u64 = 1000;
/// How many past states are asked once more.
const STATES: usize = 20;
/// How many batches are read one by one; all of them come as files.
const BATCHES: usize = 60;
/// More segments than this are too many after a compaction by tiers, for as many batches as there can be here.
const SEGMENTS_MAX: u64 = 64;

/// Checks everything, and gives the verdict in words.
pub(super) fn check(mut worker: Worker<'_>) -> Result<String> {
    println!("  the time is over after {}; checking what is there", seconds(worker.soak.start.elapsed()));
    let soak = worker.soak;
    worker.at1_expecting(&["verify", worker.table(), "--rows", "--json"], &[0, 7])?;
    workers::append_one(&mut worker, (LAST, 0))?;
    worker.at1(&["verify", worker.table(), "--rows", "--json"])?;
    same("files in staging after one more append", &fs::read_dir(soak.table.join("_at1/staging"))?.count(), &0)?;

    let info = worker.soak.at1.json(["info", worker.table()])?.pop().ok_or("info said nothing")?;
    let last = number(&info, "events")? - 1;
    let batches = ledger(&worker)?;
    restored(&worker)?;
    for _ in 0..BATCHES {
        let batch = worker.rng.index(batches);
        let files = soak.truth.first(batches as u64).map_err(|_| "a batch that nobody knows")?;
        reader::one_batch(&worker, batch, &files[batch])?;
    }

    worker.at1(&["compact", worker.table(), "--tiered", "--fan-in", "4", "--grace", "0s"])?;
    let few = segments(&worker)?;
    if few > SEGMENTS_MAX {
        return Err(format!("live segments: expected at most {SEGMENTS_MAX}, found {few}").into());
    }
    worker.at1(&["compact", worker.table(), "--grace", "0s"])?;
    worker.at1(&["vacuum", worker.table(), "--grace", "0s"])?;
    same("live segments after compacting all", &segments(&worker)?, &1)?;
    let mut there: Vec<_> = fs::read_dir(soak.table.join("segments"))?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    there.sort();
    let live = worker.at1(&["files", worker.table(), "--format", "paths"])?;
    let live = String::from_utf8_lossy(&live.stdout).trim().rsplit('/').next().unwrap_or_default().to_owned();
    same("files in segments/", &there, &vec![live])?;

    let states = past(&worker)?;
    worker.at1(&["verify", worker.table(), "--rows", "--json"])?;
    let state = reader::as_of(&worker, last)?.ok_or("info was killed")?;
    reader::cat(&worker, &state)?;
    copy(&worker)?;
    Ok(format!(
        "all is right: {} batches, none lost, none twice, each as it was; at most {} live segments, {few} after tiers, then 1; {states} \
         past states answer as they did",
        grouped(batches as u64),
        soak.segments_most.load(Ordering::SeqCst)
    ))
}

fn segments(worker: &Worker<'_>) -> Result<u64> {
    let info = worker.soak.at1.json(["info", worker.table()])?.pop().ok_or("info said nothing")?;
    number(&info, "segments")
}

/// Every batch of the ledger against the files: none twice, none that was acknowledged missing.
fn ledger(worker: &Worker<'_>) -> Result<usize> {
    let truth = &worker.soak.truth;
    let mut digests = Vec::new();
    for event in worker.soak.at1.json(["log", worker.table(), "--limit", "1000000000"])? {
        for record in event["batches"].as_array().map(Vec::as_slice).unwrap_or_default() {
            truth.see_batch(digests.len() as u64, text(record, "name")?)?;
            digests.push(text(record, "sha256")?.to_owned());
        }
    }
    let files = truth.first(digests.len() as u64).map_err(|_| "a batch that nobody knows")?;
    let mut seen: BTreeSet<Key> = BTreeSet::new();
    for (batch, (offer, digest)) in files.iter().zip(&digests).enumerate() {
        same(&format!("sha256 of batch {batch}"), digest, &offer.sha256)?;
        if !seen.insert(offer.key) {
            return Err(format!("{}: expected once, found again as batch {batch}", offer.name()).into());
        }
    }
    for (offer, place) in truth.acknowledged() {
        if !seen.contains(&offer.key) {
            return Err(format!("{}: acknowledged as batch {}, and not there", offer.name(), place.batch).into());
        }
    }
    worker.soak.count("batches nobody was told of", seen.len() as u64 - truth.acknowledged().len() as u64);
    Ok(seen.len())
}

/// All batches as files against those that were appended.
fn restored(worker: &Worker<'_>) -> Result {
    let to = worker.soak.dir.join("restored");
    worker.at1(&["restore", worker.table(), "--dir", to.to_str().unwrap_or_default()])?;
    let mut found = 0;
    for entry in fs::read_dir(&to)? {
        let name = entry?.file_name();
        let expected = fs::read(worker.soak.dir.join("files").join(&name))?;
        same_bytes(&format!("restored {}", name.to_string_lossy()), &fs::read(to.join(&name))?, &expected)?;
        found += 1;
    }
    let info = worker.soak.at1.json(["info", worker.table()])?.pop().ok_or("info said nothing")?;
    same("restored files", &found, &number(&info, "batches")?)
}

/// Asks some past states again all that they were asked.
fn past(worker: &Worker<'_>) -> Result<usize> {
    let asked: Vec<_> = worker.soak.truth.asked().into_iter().collect();
    let step = asked.len().div_ceil(STATES).max(1);
    let sampled: Vec<_> = asked.iter().step_by(step).collect();
    for (event, questions) in &sampled {
        let state = reader::as_of(worker, *event)?.ok_or("info was killed")?;
        reader::cat(worker, &state)?;
        for question in questions {
            reader::ask(worker, &state, question)?;
        }
    }
    Ok(sampled.len())
}

/// The copy, brought up to date, is the table.
fn copy(worker: &Worker<'_>) -> Result {
    let copy = worker.soak.dir.join("copy");
    let copy = copy.to_str().unwrap_or_default();
    worker.at1(&["backup", worker.table(), copy, "--json"])?;
    worker.at1(&["verify", copy, "--rows", "--json"])?;
    let (own, other) = (worker.at1(&["cat", worker.table()])?, worker.at1(&["cat", copy])?);
    same_bytes("cat of the copy", &other.stdout, &own.stdout)
}
