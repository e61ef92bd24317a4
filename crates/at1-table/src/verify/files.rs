//! Are the live segments the files that were committed, and what else lies among them?
//!
//! * Names come from the ledger; a link, a folder or a device in a segment's place is a change.
//! * The folder is listed only to report what no event names: nothing of that can change an answer.

use std::{collections::HashSet, io};

use at1_codec::ReadAt;
use at1_ledger::{ChainReport, Digest, FileDigest, SegmentRecord, State, parse_segment_name, verify_immutable};
use sha2::{Digest as _, Sha256};

use super::{Code, Finding, VerifyOptions, VerifyReport, in_parallel};
use crate::{
    paths,
    store::{EntryKind, Store},
    table::Table,
};

const BUFFER_BYTES: usize = 1 << 20;

/// Segments that events before `hashed_before` committed were hashed earlier: of them only the length is compared.
pub(super) fn check(
    table: &Table,
    state: &State,
    events: u64,
    hashed_before: u64,
    options: &VerifyOptions,
    report: &mut VerifyReport,
) {
    let store = table.store();
    let look = |record: &SegmentRecord| match parse_segment_name(&record.name) {
        Some((event, _)) if event < hashed_before => (Seen::Remembered, look(store, record, Hash::Skip)),
        _ => (Seen::Hashed, look(store, record, Hash::Compute)),
    };
    let mut looked = in_parallel(options.threads, state.live(), look).into_iter();
    let (mut remembered, mut remembered_bytes) = (0, 0);
    let found = verify_immutable(state.live(), |record| match looked.next() {
        Some((Seen::Remembered, Ok(Some(file)))) if file.bytes == record.bytes => {
            remembered += 1;
            remembered_bytes += file.bytes;
            Ok(Some(file))
        }
        Some((_, file)) => file,
        None => Ok(None),
    });
    report.segments = found.segments;
    report.segments_remembered = remembered;
    report.bytes = found.bytes - remembered_bytes;
    report.immutable = match found.verdict() {
        at1_ledger::Verdict::Holds => Some(true),
        at1_ledger::Verdict::Undecided => None,
        at1_ledger::Verdict::Broken => Some(false),
    };
    report.findings.extend(found.findings.iter().map(Finding::from));
    list(store, state, events, report);
}

/// How a file was looked at.
enum Seen {
    Hashed,
    Remembered,
}

#[derive(PartialEq)]
enum Hash {
    Compute,
    Skip,
}

/// Length and digest of a segment's file; the digest only if the length is right. A digest that is skipped is taken for the recorded
/// one, as it once was.
fn look(store: &dyn Store, record: &SegmentRecord, hash: Hash) -> io::Result<Option<FileDigest>> {
    let file = match store.open(&paths::segment_path(&record.name)) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Something that is no file stands in its place: no bytes are those of the record.
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            return Ok(Some(FileDigest { bytes: u64::MAX, sha256: Digest([0; 32]) }));
        }
        Err(e) => return Err(e),
    };
    let bytes = file.size()?;
    let sha256 = match hash {
        _ if bytes != record.bytes => Digest([0; 32]),
        Hash::Compute => digest(&*file, bytes)?,
        Hash::Skip => record.sha256,
    };
    Ok(Some(FileDigest { bytes, sha256 }))
}

pub(crate) fn digest(file: &dyn ReadAt, bytes: u64) -> io::Result<Digest> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX).min(BUFFER_BYTES)];
    let mut at = 0;
    while at < bytes {
        let length = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact_at(&mut buffer[..length], at)?;
        digest.update(&buffer[..length]);
        at += length as u64;
    }
    Ok(Digest(digest.finalize().into()))
}

/// Whether a segment that was live is neither live nor there any more.
pub(super) fn replaced_meanwhile(store: &dyn Store, before: &ChainReport, now: &ChainReport) -> bool {
    let (Some(before), Some(now)) = (&before.state, &now.state) else { return false };
    let gone = |record: &SegmentRecord| {
        let missing =
            || store.open(&paths::segment_path(&record.name)).is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        now.segment_of(record.batch.start).is_some_and(|live| live.name != record.name) && missing()
    };
    before.live().iter().any(gone)
}

/// Reports names that no event gave, and how many replaced files are gone without a word.
fn list(store: &dyn Store, state: &State, events: u64, report: &mut VerifyReport) {
    let entries = match store.list(paths::SEGMENTS) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => vec![],
        Err(e) => {
            return report.findings.push(Finding::new(Code::Unreadable, paths::SEGMENTS, format!("unreadable: {e}")));
        }
    };
    let live: HashSet<&str> = state.live().iter().map(|record| record.name.as_str()).collect();
    let replaced: HashSet<&str> = state.replaced().map(|replaced| replaced.segment.name.as_str()).collect();
    let mut there = HashSet::new();
    for entry in &entries {
        there.insert(entry.name.as_str());
        if live.contains(entry.name.as_str()) || replaced.contains(entry.name.as_str()) {
            continue;
        }
        let place = paths::segment_path(&entry.name);
        let number = parse_segment_name(&entry.name).map(|(event, _)| event);
        report.findings.push(match number {
            Some(event) if event >= events && entry.kind == EntryKind::File => {
                let message = format!("no event {event} yet: left by a crash, replaced by the next writer");
                Finding::new(Code::Orphan, place, message)
            }
            _ => Finding::new(Code::Extra, place, "no event names it"),
        });
    }
    report.findings.extend(gone(state, &there));
    if store.open(paths::POISONED).is_ok() {
        report.findings.push(Finding::new(Code::Poisoned, paths::POISONED, "writers are stopped by this marker"));
    }
}

/// One finding for all replaced files that are gone without a word: a backup never has them.
fn gone(state: &State, there: &HashSet<&str>) -> Option<Finding> {
    let unspoken = state.replaced().filter(|replaced| replaced.vacuumed.is_none());
    let gone: Vec<&str> =
        unspoken.map(|replaced| replaced.segment.name.as_str()).filter(|name| !there.contains(name)).collect();
    let (first, last) = (gone.first()?, gone.last()?);
    let message = match gone.len() {
        1 => format!("replaced, and gone although no vacuum event says so: {first}"),
        more => format!("{more} files replaced, and gone although no vacuum event says so: {first} to {last}"),
    };
    Some(Finding::new(Code::Gone, paths::SEGMENTS, message))
}
