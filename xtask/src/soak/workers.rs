//! Those that change the table: appenders, a compactor, a vacuum; and the one that copies it.

use std::{fs, sync::Arc, time::Duration};

use at1_testkit::{Opening, feed};
use serde_json::Value;

use super::{
    Worker,
    truth::{Key, Offer, same},
};
use crate::{
    at1::{number, text},
    sh::Result,
};

/// The first file, before all others: it fixes what the table is.
pub(super) fn first(worker: &mut Worker<'_>) -> Result {
    fs::create_dir_all(worker.soak.dir.join("files"))?;
    fs::create_dir_all(worker.soak.dir.join("answers"))?;
    append_one(worker, (0, 0)).map(drop)
}

/// Appends file after file; one that nobody acknowledged is appended again until somebody does.
pub(super) fn append(worker: &mut Worker<'_>, producer: u64) -> Result {
    for file in u64::from(producer == 0).. {
        if worker.soak.stopped() {
            break;
        }
        append_one(worker, (producer, file))?;
        if worker.rng.one_in(15) {
            append_again(worker, producer)?;
        }
        worker.pause(120);
    }
    Ok(())
}

/// Offers a new file until it is in, or the time is over.
pub(super) fn append_one(worker: &mut Worker<'_>, key: Key) -> Result {
    let soak = worker.soak;
    let offer = soak.truth.offer(key, feed(soak.seed, key.0, key.1, soak.stage()));
    fs::write(soak.dir.join("files").join(offer.name()), &offer.file.bytes)?;
    loop {
        if let Some(report) = submit(worker, &offer)? {
            soak.count("appends acknowledged", 1);
            soak.count("appends in before the kill", u64::from(report["repeated"] == true));
            return Ok(());
        }
        if soak.stopped() {
            return Ok(());
        }
    }
}

/// A file that is in already changes nothing.
fn append_again(worker: &mut Worker<'_>, producer: u64) -> Result {
    let own = worker.soak.truth.acknowledged().into_iter().filter(|(offer, _)| offer.key.0 == producer);
    let own: Vec<_> = own.collect();
    if own.is_empty() {
        return Ok(());
    }
    let (offer, place) = &own[worker.rng.index(own.len())];
    if let Some(report) = submit(worker, offer)? {
        same(
            &format!("whether {} is told to be there already", offer.name()),
            &report["repeated"],
            &Value::Bool(true),
        )?;
        same("its event", &number(&report, "event")?, &place.event)?;
        worker.soak.count("appends of what is there", 1);
    }
    Ok(())
}

/// One process that appends the file; what it said, if it lived to say it.
fn submit(worker: &Worker<'_>, offer: &Arc<Offer>) -> Result<Option<Value>> {
    let path = worker.soak.dir.join("files").join(offer.name());
    let key = format!("p{}:{}", offer.key.0, offer.key.1);
    let path = path.to_str().ok_or("a path that is no text")?;
    let mut words = vec!["append", worker.table(), path, "--json", "--idempotency-key", &key];
    if offer.file.opening == Opening::NewHeader {
        words.extend(["--header", "yes"]);
    }
    let ended = worker.at1(&words)?;
    let Some(report) = ended.objects().pop() else {
        return if ended.killed() { Ok(None) } else { Err("an append ended well and said nothing".into()) };
    };
    worker.soak.truth.acknowledge(offer, &report)?;
    Ok(Some(report))
}

/// Compacts, by tiers mostly.
pub(super) fn compact(worker: &mut Worker<'_>) -> Result {
    while !worker.soak.stopped() {
        let upto = worker.rng.below(30).to_string();
        let words: &[&str] = match worker.rng.below(16) {
            0 => &["--grace", "1s"],
            1 | 2 => &["--upto", &upto, "--grace", "0s"],
            3 | 4 => &["--retype", "--grace", "2s"],
            5 => &["--upto", &upto, "--tiered", "--fan-in", "2", "--grace", "0s", "--profile", "fast"],
            _ => &["--tiered", "--fan-in", "4", "--grace", "1s"],
        };
        let ended = worker.at1(&[&["compact", worker.table(), "--json"], words].concat())?;
        for report in ended.objects() {
            let steps = report["steps"].as_array().ok_or_else(|| format!("no steps in {report}"))?;
            worker.soak.count("compactions reported", steps.len() as u64);
            for step in steps {
                worker.soak.count("segments merged", number(step, "segments_replaced")?);
                worker.soak.truth.see_head(number(step, "event")?, text(step, "chain_head")?)?;
            }
            vacuumed(worker, &report["vacuum"])?;
        }
        worker.pause(300);
    }
    Ok(())
}

/// Removes what was replaced, at once or soon.
pub(super) fn vacuum(worker: &mut Worker<'_>) -> Result {
    while !worker.soak.stopped() {
        let grace = ["0s", "1s"][worker.rng.index(2)];
        let ended = worker.at1(&["vacuum", worker.table(), "--json", "--grace", grace])?;
        for report in ended.objects() {
            vacuumed(worker, &report)?;
        }
        worker.pause(400);
    }
    Ok(())
}

fn vacuumed(worker: &Worker<'_>, report: &Value) -> Result {
    let removed = report["removed"].as_array().ok_or_else(|| format!("no removed in {report}"))?;
    worker.soak.count("files vacuumed", removed.len() as u64);
    Ok(())
}

/// Keeps a copy up to date, which is a whole table whenever it is looked at.
pub(super) fn backup(worker: &mut Worker<'_>) -> Result {
    let copy = worker.soak.dir.join("copy");
    let copy = copy.to_str().ok_or("a path that is no text")?;
    while !worker.soak.stopped() {
        let ended = worker.at1(&["backup", worker.table(), copy, "--json"])?;
        worker.soak.count("backups", u64::from(!ended.killed()));
        if worker.rng.one_in(4) && worker.soak.dir.join("copy/_at1/ledger").exists() {
            let words: &[&str] = if worker.rng.one_in(4) { &["--rows"] } else { &[] };
            let ended = worker.at1(&[&["verify", copy, "--json"], words].concat())?;
            worker.soak.count("backups verified", u64::from(!ended.killed()));
        }
        worker.pause(800);
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
