//! Those that read: they take an event, and everything they are told about it must be so.

use std::sync::{Arc, atomic::Ordering};

use super::{
    Worker,
    truth::{Offer, joined, same, same_bytes},
};
use crate::{
    at1::{number, objects, text},
    report::sha256,
    sh::Result,
};

/// A question whose answer is known: records of one producer, told by columns that never change.
const KNOWN: &str = "--where|producer = 1 and line < 3|--select|producer,file,line|--format|csv";
/// Questions that must be answered alike whenever they are asked about an event.
const QUESTIONS: [&str; 5] = [
    KNOWN,
    "--format|csv",
    "--where|price >= 700 or price is null|--format|csv",
    "--where|e0 > 9000|--format|raw",
    "--last|40|--format|jsonl",
];

pub(super) fn read(worker: &mut Worker<'_>) -> Result {
    while !worker.soak.stopped() {
        if let Some(state) = look(worker)? {
            match worker.rng.below(12) {
                0..3 => cat(worker, &state)?,
                3 | 4 => batch(worker, &state)?,
                5 => has(worker)?,
                6 if worker.rng.one_in(4) => verify(worker)?,
                _ => {
                    let question = worker.rng.pick(&QUESTIONS).to_owned();
                    ask(worker, &state, &question)?;
                }
            }
        }
        worker.pause(60);
    }
    Ok(())
}

/// A state of the table, as `info` tells it.
pub(super) struct State {
    pub(super) event: u64,
    pub(super) files: Vec<Arc<Offer>>,
}

/// Takes the newest event, or one about which something was asked before; none if the process was killed.
fn look(worker: &mut Worker<'_>) -> Result<Option<State>> {
    let asked: Vec<u64> = worker.soak.truth.asked().into_keys().collect();
    if asked.is_empty() || worker.rng.one_in(3) {
        let ended = worker.at1(&["info", worker.table(), "--json"])?;
        return if ended.killed() { Ok(None) } else { state(worker, &ended.stdout) };
    }
    // The older half as often as the newest few.
    let newest = asked.len() - 1 - worker.rng.index(asked.len().min(10));
    let event = asked[if worker.rng.one_in(2) { newest } else { worker.rng.index(asked.len()) }];
    as_of(worker, event)
}

/// What `info` says about a past event; none if the process was killed.
pub(super) fn as_of(worker: &Worker<'_>, event: u64) -> Result<Option<State>> {
    let digits = event.to_string();
    let ended = worker.at1(&["info", worker.table(), "--json", "--as-of", &digits])?;
    if ended.killed() {
        return Ok(None);
    }
    let state = state(worker, &ended.stdout)?;
    if let Some(state) = &state {
        same("the event that was asked for", &state.event, &event)?;
    }
    Ok(state)
}

/// Compares totals and receipt with what is known.
fn state(worker: &Worker<'_>, told: &[u8]) -> Result<Option<State>> {
    let info = objects(told)?.pop().ok_or("info said nothing")?;
    let event = number(&info, "events")?.checked_sub(1).ok_or("a table without events")?;
    worker.soak.truth.see_head(event, text(&info, "chain_head")?)?;
    let batches = number(&info, "batches")?;
    worker.soak.segments_most.fetch_max(number(&info, "segments")?, Ordering::SeqCst);
    let mut limit = 64;
    let files = loop {
        match worker.soak.truth.first(batches) {
            Ok(files) => break files,
            // Some append is in and nobody was told yet: the ledger knows whose file it was.
            Err(unknown) => {
                limit = (limit * 4).max(unknown);
                if !learn(worker, limit)? {
                    return Ok(None);
                }
            }
        }
    };
    let rows: u64 = files.iter().map(|offer| offer.file.rows).sum();
    let bytes: u64 = files.iter().map(|offer| offer.file.bytes.len() as u64).sum();
    same(&format!("rows as of event {event}"), &number(&info, "rows")?, &rows)?;
    same(&format!("source bytes as of event {event}"), &number(&info, "source_bytes")?, &bytes)?;
    Ok(Some(State { event, files }))
}

/// Reads the newest events of the ledger for the names of batches; false if the process was killed.
fn learn(worker: &Worker<'_>, limit: u64) -> Result<bool> {
    let ended = worker.at1(&["log", worker.table(), "--json", "--limit", &limit.to_string()])?;
    if ended.killed() {
        return Ok(false);
    }
    for event in objects(&ended.stdout)? {
        let batches = event["batches"].as_array().map(Vec::as_slice).unwrap_or_default();
        let first = number(&event, "batches_total")? - batches.len() as u64;
        for (batch, record) in (first..).zip(batches) {
            worker.soak.truth.see_batch(batch, text(record, "name")?)?;
        }
    }
    Ok(true)
}

pub(super) fn cat(worker: &Worker<'_>, state: &State) -> Result {
    let event = state.event.to_string();
    let ended = worker.at1(&["cat", worker.table(), "--as-of", &event])?;
    if !ended.killed() {
        same_bytes(&format!("cat as of event {event}"), &ended.stdout, &joined(&state.files))?;
        worker.soak.count("reads: cat", 1);
    }
    Ok(())
}

pub(super) fn ask(worker: &Worker<'_>, state: &State, question: &str) -> Result {
    let event = state.event.to_string();
    let mut words = vec!["scan", worker.table(), "--as-of", &event];
    words.extend(question.split('|'));
    let ended = worker.at1(&words)?;
    if ended.killed() {
        return Ok(());
    }
    if question == KNOWN {
        same_bytes(&format!("{KNOWN} as of event {event}"), &ended.stdout, known(&state.files).as_bytes())?;
    }
    worker.soak.count("reads: scan", 1);
    worker.soak.truth.answered(state.event, question, &ended.stdout, &worker.soak.dir.join("answers"))
}

/// The answer to [`KNOWN`].
fn known(files: &[Arc<Offer>]) -> String {
    let mut answer = String::from("producer,file,line\n");
    for offer in files.iter().filter(|offer| offer.key.0 == 1) {
        for line in 0..offer.file.rows.min(3) {
            answer += &format!("1,{},{line}\n", offer.key.1);
        }
    }
    answer
}

fn batch(worker: &mut Worker<'_>, state: &State) -> Result {
    let batch = worker.rng.index(state.files.len());
    one_batch(worker, batch, &state.files[batch])
}

pub(super) fn one_batch(worker: &Worker<'_>, batch: usize, offer: &Offer) -> Result {
    let ended = worker.at1(&["cat", worker.table(), "--batch", &batch.to_string()])?;
    if !ended.killed() {
        same(&format!("sha256 of batch {batch}"), &sha256(&ended.stdout), &offer.sha256)?;
        worker.soak.count("reads: cat --batch", 1);
    }
    Ok(())
}

fn has(worker: &mut Worker<'_>) -> Result {
    let there = worker.soak.truth.acknowledged();
    let (offer, place) = &there[worker.rng.index(there.len())];
    let path = worker.soak.dir.join("files").join(offer.name());
    let ended = worker.at1(&["has", worker.table(), path.to_str().unwrap_or_default(), "--json"])?;
    if !ended.killed() {
        let told = String::from_utf8_lossy(&ended.stdout);
        if !told.contains(&format!("\"batch\":{},", place.batch)) {
            return Err(format!("has {}: expected batch {}, found {told}", offer.name(), place.batch).into());
        }
        worker.soak.count("reads: has", 1);
    }
    Ok(())
}

/// Verifies beside everything that goes on. A writer that was killed may have left a torn tail.
fn verify(worker: &Worker<'_>) -> Result {
    let ended = worker.at1_expecting(&["verify", worker.table(), "--json"], &[0, 7])?;
    worker.soak.count("reads: verify", u64::from(!ended.killed()));
    Ok(())
}
