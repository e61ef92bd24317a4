//! What is known without asking the table: every file that was offered, where it went, and what past states answered.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use at1_testkit::FeedFile;
use serde_json::Value;

use crate::{
    at1::{number, text},
    report::sha256,
    sh::Result,
};

/// A producer and its number for a file.
pub(super) type Key = (u64, u64);

/// A file that was offered.
pub(super) struct Offer {
    pub(super) key: Key,
    pub(super) file: FeedFile,
    pub(super) sha256: String,
}

impl Offer {
    pub(super) fn name(&self) -> String {
        format!("{}-{}.csv", self.key.0, self.key.1)
    }
}

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) batch: u64,
    pub(super) event: u64,
}

#[derive(Default)]
pub(super) struct Truth(Mutex<Known>);

#[derive(Default)]
struct Known {
    offers: BTreeMap<Key, Arc<Offer>>,
    acknowledged: BTreeMap<Key, Place>,
    /// The file of each batch, as far as somebody was told.
    batches: Vec<Option<Arc<Offer>>>,
    /// The receipt of each event that somebody saw.
    heads: BTreeMap<u64, String>,
    /// Answers by event and question: their digest.
    answers: BTreeMap<(u64, String), String>,
}

impl Truth {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn offer(&self, key: Key, file: FeedFile) -> Arc<Offer> {
        let offer = Arc::new(Offer { key, sha256: sha256(&file.bytes), file });
        self.known().offers.insert(key, Arc::clone(&offer));
        offer
    }

    /// An append said that it is done: `report` is what it printed.
    pub(super) fn acknowledge(&self, offer: &Arc<Offer>, report: &Value) -> Result {
        let place = Place { batch: number(report, "batch")?, event: number(report, "event")? };
        let name = offer.name();
        same(&format!("sha256 of {name}"), text(report, "source_sha256")?, offer.sha256.as_str())?;
        same(&format!("bytes of {name}"), &number(report, "source_bytes")?, &(offer.file.bytes.len() as u64))?;
        same(&format!("rows of {name}"), &number(report, "rows")?, &offer.file.rows)?;
        self.see_head(place.event, text(report, "chain_head")?)?;
        self.see_batch(place.batch, &name)?;
        let before = *self.known().acknowledged.entry(offer.key).or_insert(place);
        same(&format!("the place of {name}, acknowledged before"), &place, &before)
    }

    /// Somebody was told that this file is this batch.
    pub(super) fn see_batch(&self, batch: u64, name: &str) -> Result {
        let key = name.strip_suffix(".csv").and_then(|stem| stem.split_once('-'));
        let key = key.and_then(|(producer, number)| Some((producer.parse().ok()?, number.parse().ok()?)));
        let mut known = self.known();
        let offer = key.and_then(|key| known.offers.get(&key)).cloned();
        let offer = offer.ok_or_else(|| format!("batch {batch}: expected a file that was offered, found {name}"))?;
        let at = usize::try_from(batch)?;
        if known.batches.len() <= at {
            known.batches.resize(at + 1, None);
        }
        match &known.batches[at] {
            Some(other) => same(&format!("the file of batch {batch}"), name, other.name().as_str()),
            None => {
                known.batches[at] = Some(offer);
                Ok(())
            }
        }
    }

    /// Somebody was told this receipt: `N:hex` of event N, which is `event` or (for what was there before) a later one.
    pub(super) fn see_head(&self, event: u64, head: &str) -> Result {
        let of = head.split_once(':').and_then(|(n, _)| n.parse().ok()).filter(|n| *n >= event);
        let of: u64 = of.ok_or_else(|| format!("expected a receipt of event {event} or a later one, found {head}"))?;
        let before = self.known().heads.entry(of).or_insert_with(|| head.to_owned()).clone();
        same(&format!("the receipt of event {of}"), head, before.as_str())
    }

    /// The first files of the table, or how many from its end nobody knows.
    pub(super) fn first(&self, batches: u64) -> Result<Vec<Arc<Offer>>, u64> {
        let known = self.known();
        let file = |batch: u64| known.batches.get(batch as usize).cloned().flatten();
        (0..batches).map(|batch| file(batch).ok_or(batches - batch)).collect()
    }

    pub(super) fn acknowledged(&self) -> Vec<(Arc<Offer>, Place)> {
        let known = self.known();
        known.acknowledged.iter().filter_map(|(key, place)| Some((known.offers.get(key)?.clone(), *place))).collect()
    }

    /// The events about which something was asked, and what.
    pub(super) fn asked(&self) -> BTreeMap<u64, Vec<String>> {
        let mut asked: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (event, question) in self.known().answers.keys() {
            asked.entry(*event).or_default().push(question.clone());
        }
        asked
    }

    /// A past state answered; it must be what it answered before. The first answers are kept in `folder`, unless they are long.
    pub(super) fn answered(&self, event: u64, question: &str, answer: &[u8], folder: &Path) -> Result {
        let digest = sha256(answer);
        let before = self.known().answers.insert((event, question.to_owned()), digest.clone());
        let file = |what: &str| folder.join(format!("{event} {what} {}", &sha256(question.as_bytes())[..8]));
        match before {
            None => {
                if answer.len() < 400_000 {
                    fs::write(file("first"), answer)?;
                }
                Ok(())
            }
            Some(before) if before == digest => Ok(()),
            Some(before) => {
                fs::write(file("later"), answer)?;
                let (later, first) = (file("later"), file("first"));
                Err(format!(
                    "{question} as of event {event}: expected the answer with sha256 {before}, found {digest}; see {} and {}",
                    first.display(),
                    later.display()
                )
                .into())
            }
        }
    }
}

/// Files in a row, a line feed put before each (an empty one too) if what came before is not empty and lacks its last.
pub(super) fn joined(files: &[Arc<Offer>]) -> Vec<u8> {
    let mut all: Vec<u8> = Vec::new();
    for file in files.iter().map(|offer| &offer.file.bytes) {
        if all.last().is_some_and(|&byte| byte != b'\n') {
            all.push(b'\n');
        }
        all.extend_from_slice(file);
    }
    all
}

pub(super) fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, found: &T, expected: &T) -> Result {
    if found == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}").into()) }
}

/// Compares long texts, and shows where they differ.
pub(super) fn same_bytes(what: &str, found: &[u8], expected: &[u8]) -> Result {
    if found == expected {
        return Ok(());
    }
    let at = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        bytes[at.saturating_sub(40).min(bytes.len())..(at + 40).min(bytes.len())].escape_ascii().to_string()
    };
    let (lengths, found, expected) = ((expected.len(), found.len()), around(found), around(expected));
    Err(format!("{what}: differs at byte {at} of {lengths:?}: expected …{expected}…, found …{found}…").into())
}
