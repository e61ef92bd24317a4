//! What somebody can do who may write the directory: lines, links, files; and with the log's key, signatures.

use at1_ledger::{
    Checkpoint, Detail, Event, Kind, SecretKey, SignedCheckpoint, Timestamp, link, parse_line, verify_chain,
};
use at1_table::paths;
use at1_testkit::store::MemStore;

use super::{
    story::{Files, Story},
    witness::Refusal,
};
use crate::{attest::ORIGIN, open};

/// The lines of a ledger, each with its LF, the header first.
pub(crate) fn lines(store: &MemStore) -> Vec<Vec<u8>> {
    store.files()[paths::LEDGER].split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

pub(crate) fn put_lines(store: &MemStore, lines: &[Vec<u8>]) {
    store.put(paths::LEDGER, &lines.concat());
}

pub(crate) fn events(store: &MemStore) -> Vec<Event> {
    lines(store)[1..].iter().map(|line| parse_line(line).unwrap()).collect()
}

/// Writes the events from `from` on, with links that are right. Roots of the manifest that they bound are of a history that was.
pub(crate) fn rewrite(store: &MemStore, from: usize, events: &[Event]) {
    let mut lines = lines(store);
    lines.truncate(from + 1);
    let before = verify_chain(&lines.concat()).state.unwrap();
    let mut chain = before.chain();
    for event in &events[from..] {
        let detail = Detail { manifest: before.manifest(), ..event.detail.clone() };
        let link = link(chain, event.n, &detail, event.ts).unwrap();
        lines.push(link.line);
        chain = link.chain;
    }
    put_lines(store, &lines);
}

/// Adds an event after the newest one, at `ts` or one nanosecond after it.
pub(crate) fn add(store: &MemStore, kind: Kind, ts: Option<Timestamp>) {
    let last = events(store).pop().unwrap();
    add_detail(store, &Detail::after(Some(&last.detail), kind).unwrap(), ts);
}

pub(crate) fn add_detail(store: &MemStore, detail: &Detail, ts: Option<Timestamp>) {
    let (mut lines, last) = (lines(store), events(store).pop().unwrap());
    let ts = ts.or(Timestamp::from_nanos(last.ts.nanos() + 1)).unwrap();
    lines.push(link(last.chain, last.n + 1, detail, ts).unwrap().line);
    put_lines(store, &lines);
}

pub(crate) fn note(text: &str) -> Kind {
    Kind::Note { text: text.to_owned() }
}

/// Removes all files of a folder, or one file.
pub(crate) fn remove(store: &MemStore, path: &str) {
    let is_in = |file: &String| file == path || file.starts_with(&format!("{path}/"));
    store.files().into_keys().filter(is_in).for_each(|file| store.take(&file));
}

/// Removes all that others gave: checkpoints and receipts.
pub(crate) fn strip(store: &MemStore) {
    [paths::CHECKPOINT, paths::CHECKPOINTS, paths::ANCHORS].iter().for_each(|path| remove(store, path));
}

/// Signs the ledger as it is, whatever was signed before: with the tool, without its memory.
pub(crate) fn sign(store: &MemStore, key: &SecretKey) {
    remove(store, paths::CHECKPOINT);
    open(store).checkpoint(key, &mut None).unwrap();
}

/// Signs the first `size` events as they are now, and keeps that as a checkpoint that was signed then.
pub(crate) fn seal(store: &MemStore, size: usize, key: &SecretKey) {
    let root = verify_chain(&lines(store)[..=size].concat()).root;
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: size as u64, root };
    let note = SignedCheckpoint::sign(checkpoint, key).unwrap();
    store.put(&format!("{}/{size}.note", paths::CHECKPOINTS), note.to_string().as_bytes());
}

/// Puts another directory in the place of this one.
pub(crate) fn replace(store: &MemStore, files: &Files) {
    store.files().into_keys().for_each(|path| store.take(&path));
    files.iter().for_each(|(path, bytes)| store.put(path, bytes));
}

pub(crate) fn segment(event: u64) -> String {
    paths::segment_path(&at1_ledger::segment_name(event, 0))
}

pub(crate) fn copy(from: &MemStore, path: &str, to: &MemStore) {
    to.put(path, &from.files()[path]);
}

/// Cuts the ledger behind so many events, and puts back the files that are live then.
pub(crate) fn cut(story: &Story, events: usize) {
    put_lines(&story.store, &lines(&story.store)[..=events]);
    let gone = story.older.iter().filter(|(path, _)| path.starts_with(paths::SEGMENTS));
    gone.for_each(|(path, bytes)| story.store.put(path, bytes));
}

/// Another history of the same table from event `from` on: other batches, and all links right.
pub(crate) fn tell_otherwise(story: &Story, from: usize) {
    let evil = Story::evil();
    let mut events = events(&story.store);
    for (event, other) in events.iter_mut().zip(self::events(&evil.store)).skip(from) {
        if !event.detail.kind.segments().is_empty() {
            event.detail.kind = other.detail.kind;
        }
    }
    rewrite(&story.store, from, &events);
    for event in events.iter().skip(from).filter(|event| !event.detail.kind.segments().is_empty()) {
        if evil.store.has(&segment(event.n)) {
            copy(&evil.store, &segment(event.n), &story.store);
        }
    }
    remove(&story.store, paths::MANIFEST);
}

/// Signs with `key`, gets a new stamp for that, and asks the witnesses, who refuse.
pub(crate) fn vouch(story: &mut Story, key: &SecretKey) {
    sign(&story.store, key);
    story.anchor(1090);
    sign(&story.store, key);
    for witness in &mut story.witnesses {
        let refused = witness.be_asked(&open(&story.store), story.start + 1095);
        assert!(matches!(refused, Err(Refusal::Proof | Refusal::Conflict(_))), "{refused:?}");
    }
}

/// Writes the events from `from` on again, where the first of them says something else that does not matter.
pub(crate) fn change_the_tool_of(story: &Story, from: usize) {
    let mut events = events(&story.store);
    events[from].detail.tool = Some("another".to_owned());
    rewrite(&story.store, from, &events);
}

/// Removes the newest checkpoint, and kept ones.
pub(crate) fn forget(story: &Story, sizes: &[u64]) {
    remove(&story.store, paths::CHECKPOINT);
    sizes.iter().for_each(|size| remove(&story.store, &format!("{}/{size}.note", paths::CHECKPOINTS)));
}
