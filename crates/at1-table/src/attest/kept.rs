//! The files beside the ledger: read as what anybody may have put there, replaced whole.
//!
//! * A file that cannot be what its name says is told as a fault and passed over: what it lacks is for the policy to miss.
//! * Lengths are looked at before anything is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use at1_ledger::{
    ChainReport, Digest, NOTE_BYTES_MAX, NoteSignature, SignedCheckpoint, TIME_RECEIPT_BYTES_MAX, TimeReceipt,
    TimeReceiptKind, VerifierKey,
};

use crate::{
    copy,
    error::{Error, ErrorKind, Result},
    paths,
    store::{EntryKind, Store, read_range},
};

/// The most files of a folder that are read at once. With more nothing is decided: which of them to leave out nobody could say.
const FILES_MAX: usize = 100_000;

/// What lies beside a ledger.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The newest checkpoint.
    pub(crate) newest: Option<SignedCheckpoint>,
    /// Those that were kept, the smallest first.
    pub(crate) notes: Vec<SignedCheckpoint>,
    /// Receipts of time stampers.
    pub(crate) anchors: Vec<Anchor>,
    /// Files that are not what their names say: where, and what.
    pub(crate) faults: Vec<(String, String)>,
    /// What could not be read, and so is not known.
    pub(crate) unread: Option<Error>,
}

/// A receipt of a time stamper, and what it stamped.
#[derive(Clone, Debug)]
pub(crate) struct Anchor {
    pub(crate) path: String,
    pub(crate) receipt: Vec<u8>,
    pub(crate) read: TimeReceipt,
    pub(crate) stamped: Vec<u8>,
    pub(crate) note: SignedCheckpoint,
}

impl Kept {
    /// As [`Kept::read`], but with what could not be read as a part of it.
    pub(crate) fn look(store: &dyn Store) -> Self {
        Self::read(store).unwrap_or_else(|error| Self { unread: Some(error), ..Self::default() })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// If the storage refuses; what was read and makes no sense is a fault.
    pub(crate) fn read(store: &dyn Store) -> Result<Self> {
        let mut kept = Self::default();
        if let Some(bytes) = read_small(store, paths::CHECKPOINT, NOTE_BYTES_MAX)? {
            kept.newest = kept.parse(paths::CHECKPOINT, &bytes);
        }
        for name in names_of(store, paths::CHECKPOINTS, |name| noted_size(name).is_some())? {
            let path = format!("{}/{name}", paths::CHECKPOINTS);
            if let Some(bytes) = read_small(store, &path, NOTE_BYTES_MAX)?
                && let Some(note) = kept.parse(&path, &bytes)
            {
                kept.notes.push(note);
            }
        }
        kept.notes.sort_by_key(|note| note.checkpoint().size);
        // What a person put beside them, such as a request for a stamp, is nobody's business.
        let is_receipt = |name: &str| {
            let kinds = [TimeReceiptKind::Rfc3161, TimeReceiptKind::OpenTimestamps];
            kinds.iter().any(|kind| name.rsplit_once('.').is_some_and(|(_, ending)| ending == kind.extension()))
        };
        for name in names_of(store, paths::ANCHORS, is_receipt)? {
            let path = format!("{}/{name}", paths::ANCHORS);
            match anchor(store, path.clone()) {
                Ok(anchor) => kept.anchors.push(anchor),
                Err(Unfit::Fault(what)) => kept.faults.push((path, what)),
                Err(Unfit::Error(error)) => return Err(error),
            }
        }
        Ok(kept)
    }

    fn parse(&mut self, path: &str, bytes: &[u8]) -> Option<SignedCheckpoint> {
        match SignedCheckpoint::parse(bytes) {
            Ok(note) => Some(note),
            Err(error) => {
                self.faults.push((path.to_owned(), error.to_string()));
                None
            }
        }
    }

    /// All checkpoints, those that were stamped too.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SignedCheckpoint> {
        self.newest.iter().chain(&self.notes).chain(self.anchors.iter().map(|anchor| &anchor.note))
    }
}

const NOTE_SUFFIX: &str = ".note";

/// The newest checkpoint alone; `None` if there is none, or what is there is none.
pub(super) fn newest(store: &dyn Store) -> Result<Option<SignedCheckpoint>> {
    read_note(store, paths::CHECKPOINT)
}

/// Kept checkpoints, the largest first, each read when it is asked for: there may be one for every hour of years.
pub(super) fn from_largest(store: &dyn Store) -> Result<impl Iterator<Item = Result<SignedCheckpoint>>> {
    let names = names(store, paths::CHECKPOINTS)?;
    let mut sizes: Vec<u64> = names.iter().filter_map(|name| noted_size(name)).collect();
    sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
    Ok(sizes.into_iter().filter_map(move |size| read_note(store, &note_path(size)).transpose()))
}

fn read_note(store: &dyn Store, path: &str) -> Result<Option<SignedCheckpoint>> {
    let bytes = read_small(store, path, NOTE_BYTES_MAX)?;
    Ok(bytes.and_then(|bytes| SignedCheckpoint::parse(&bytes).ok()))
}

/// The size that the name of a kept checkpoint says.
fn noted_size(name: &str) -> Option<u64> {
    name.strip_suffix(NOTE_SUFFIX)?.parse().ok()
}

/// Where a checkpoint is kept.
pub(crate) fn note_path(size: u64) -> String {
    format!("{}/{size}{NOTE_SUFFIX}", paths::CHECKPOINTS)
}

/// Where a receipt is kept, without its ending.
fn anchor_stem(size: u64, sha256: Digest) -> String {
    format!("{}/{size}-{}", paths::ANCHORS, &sha256.to_string()[..16])
}

/// Where what a receipt stamped is kept.
fn stamped_path(receipt: &str) -> String {
    let stem = receipt.rsplit_once('.').map_or(receipt, |(stem, _)| stem);
    format!("{stem}{NOTE_SUFFIX}")
}

enum Unfit {
    Fault(String),
    Error(Error),
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn anchor(store: &dyn Store, path: String) -> Result<Anchor, Unfit> {
    let fault = |error: at1_ledger::Error| Unfit::Fault(error.to_string());
    let gone = || Unfit::Fault("expected a receipt and what it stamped, found one without the other".to_owned());
    let receipt = read_small(store, &path, TIME_RECEIPT_BYTES_MAX)?.ok_or_else(gone)?;
    let read = TimeReceipt::parse(&receipt).map_err(fault)?;
    let stamped = read_small(store, &stamped_path(&path), NOTE_BYTES_MAX)?.ok_or_else(gone)?;
    let note = SignedCheckpoint::parse(&stamped).map_err(fault)?;
    Ok(Anchor { path, receipt, read, stamped, note })
}

/// A file that is not longer than `most`; `None` if there is none. One that is longer comes cut, and is then no file of ours.
fn read_small(store: &dyn Store, path: &str, most: usize) -> Result<Option<Vec<u8>>> {
    let read = || {
        let file = store.open(path)?;
        let size = file.size()?;
        read_range(&*file, 0, size.min(most as u64 + 1))
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(path, e)),
    }
}

/// The files of a folder, by name.
fn names(store: &dyn Store, folder: &str) -> Result<Vec<String>> {
    let entries = match store.list(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => return Err(Error::io(folder, e)),
    };
    let files = entries.into_iter().filter(|entry| entry.kind == EntryKind::File && !entry.name.ends_with(".new"));
    let mut names: Vec<_> = files.map(|entry| entry.name).collect();
    names.sort();
    Ok(names)
}

/// The files of a folder with a name of this kind, all of which are to be read.
fn names_of(store: &dyn Store, folder: &str, is_one: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let names: Vec<_> = names(store, folder)?.into_iter().filter(|name| is_one(name)).collect();
    match names.len() <= FILES_MAX {
        true => Ok(names),
        false => {
            let found = format!("{}; move some elsewhere", names.len());
            Err(Error::new(ErrorKind::Unsupported, folder, format!("at most {FILES_MAX} files"), found))
        }
    }
}

/// Which checkpoints are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// The newest one only; the next takes its place.
    Newest,
    /// It is kept besides.
    ForGood,
}

/// Makes a checkpoint the newest one, unless a larger one is there already, and keeps it if that was asked. Signatures that one of
/// the same text has already stay. If `signers` are given, only what one of them signed counts as larger: anything else that claims to
/// be is damaged.
pub(super) fn publish(
    store: &dyn Store,
    checkpoint: &SignedCheckpoint,
    keep: Keep,
    signers: &[&VerifierKey],
) -> Result<SignedCheckpoint> {
    let _guard = store.lock().map_err(|e| Error::io(store.place(), e))?;
    let size = checkpoint.checkpoint().size;
    let (newest, same) = (newest(store)?, read_note(store, &note_path(size))?);
    let mut merged = checkpoint.clone();
    newest.iter().chain(&same).for_each(|other| merged = with_news(&merged, other));
    let text = merged.to_string();
    // A kept one gets what the newest one gets.
    if keep == Keep::ForGood || same.is_some() {
        store.make_folder(paths::CHECKPOINTS).map_err(|e| Error::io(paths::CHECKPOINTS, e))?;
        copy::replace(store, &note_path(size), text.as_bytes())?;
    }
    let stands = |newest: &SignedCheckpoint| {
        let is_signed = |key: &&VerifierKey| newest.is_signed_by(key).is_ok_and(|signed| signed);
        let is_of_this = newest.checkpoint().origin == checkpoint.checkpoint().origin;
        is_of_this && newest.checkpoint().size > size && (signers.is_empty() || signers.iter().any(is_signed))
    };
    if !newest.is_some_and(|newest| stands(&newest)) {
        copy::replace(store, paths::CHECKPOINT, text.as_bytes())?;
    }
    Ok(merged)
}

/// Keeps a receipt and what it stamped; both durable on return.
pub(super) fn keep_anchor(
    store: &dyn Store,
    size: u64,
    kind: TimeReceiptKind,
    receipt: &[u8],
    stamped: &[u8],
) -> Result<()> {
    let stem = anchor_stem(size, Digest::of(receipt));
    store.make_folder(paths::ANCHORS).map_err(|e| Error::io(paths::ANCHORS, e))?;
    copy::replace(store, &format!("{stem}{NOTE_SUFFIX}"), stamped)?;
    copy::replace(store, &format!("{stem}.{}", kind.extension()), receipt)
}

/// A checkpoint, with what another note of the same has besides. A signature that stands there in the place of one of the same key is
/// no news: one of the two is damaged, and nobody who does not have the keys can say which.
fn with_news(note: &SignedCheckpoint, other: &SignedCheckpoint) -> SignedCheckpoint {
    if other.checkpoint() != note.checkpoint() {
        return note.clone();
    }
    let (has, offered) = (note.note().signatures(), other.note().signatures());
    let is_news = |line: &&NoteSignature| {
        let same_key = |mine: &&NoteSignature| (&mine.name, mine.key_id) == (&line.name, line.key_id);
        !has.contains(line) && has.iter().filter(same_key).all(|mine| offered.contains(mine))
    };
    let text = offered.iter().filter(is_news).fold(note.to_string(), |text, line| format!("{text}{line}\n"));
    // Both could be read; together they may be too long.
    SignedCheckpoint::parse(text.as_bytes()).unwrap_or_else(|_| note.clone())
}

/// Whether a ledger bears a checkpoint out, as far as that shows without a policy: the ledger began with it, and each signature that
/// claims to be of a key that the ledger names is one. `None` if the report does not have the root of that size.
fn is_borne_out(note: &SignedCheckpoint, chain: &ChainReport) -> Option<bool> {
    let checkpoint = note.checkpoint();
    let is_of = chain.header.as_ref().is_some_and(|header| header.origin() == checkpoint.origin);
    let mut keys = chain.keys.iter().filter_map(|event| event.add.as_ref()?.parse::<VerifierKey>().ok());
    if !is_of || checkpoint.size > chain.events || keys.any(|key| note.is_signed_by(&key).is_err()) {
        return Some(false);
    }
    Some(chain.root_at(checkpoint.size)? == checkpoint.root)
}

/// The sizes at which a ledger's root is needed to know which of these files it bears out.
pub(crate) fn sizes(files: &[(String, Vec<u8>)]) -> BTreeSet<u64> {
    let notes = files.iter().filter_map(|(_, bytes)| SignedCheckpoint::parse(bytes).ok());
    notes.map(|note| note.checkpoint().size).collect()
}

/// Those of these files that a ledger bears out. What becomes of the others is this table's problem, and need not become its copy's.
pub(crate) fn borne_out(files: Vec<(String, Vec<u8>)>, chain: &ChainReport) -> Vec<(String, Vec<u8>)> {
    let is_note =
        |bytes: &[u8]| SignedCheckpoint::parse(bytes).is_ok_and(|note| is_borne_out(&note, chain) == Some(true));
    let (anchors, notes): (BTreeMap<_, _>, BTreeMap<_, _>) =
        files.into_iter().partition(|(path, _)| path.starts_with(paths::ANCHORS));
    let mut sound: Vec<_> = notes.into_iter().filter(|(_, bytes)| is_note(bytes)).collect();
    for (path, receipt) in anchors.iter().filter(|(path, _)| !path.ends_with(NOTE_SUFFIX)) {
        let note_path = stamped_path(path);
        let Some(stamped) = anchors.get(&note_path).filter(|stamped| is_note(stamped)) else { continue };
        let is_named = chain.anchors.iter().any(|event| event.sha256 == Digest::of(receipt));
        if is_named && TimeReceipt::parse(receipt).is_ok_and(|read| read.is_of(stamped)) {
            sound.extend([(note_path, stamped.clone()), (path.clone(), receipt.clone())]);
        }
    }
    sound
}

/// Brings files that a ledger bears out into its copy. Nothing there is replaced by what says less: a checkpoint gives way only to
/// one that is not smaller, and keeps its signatures.
pub(crate) fn bring(store: &dyn Store, files: &[(String, Vec<u8>)], chain: &ChainReport) -> Result<()> {
    for (path, bytes) in files {
        let there = read_small(store, path, TIME_RECEIPT_BYTES_MAX)?;
        if there.as_ref() == Some(bytes) {
            continue;
        }
        let mut text = bytes.clone();
        if !path.starts_with(paths::ANCHORS) {
            let note = SignedCheckpoint::parse(bytes)?;
            let old = there.and_then(|there| SignedCheckpoint::parse(&there).ok());
            if let Some(old) = old.filter(|old| is_borne_out(old, chain) != Some(false)) {
                if old.checkpoint().size > note.checkpoint().size {
                    continue;
                }
                if old.checkpoint() == note.checkpoint() {
                    text = with_news(&old, &note).to_string().into_bytes();
                }
            }
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        store.make_folder(folder).map_err(|e| Error::io(folder, e))?;
        copy::replace(store, path, &text)?;
    }
    Ok(())
}

/// Everything that lies beside a ledger, as bytes: taken before the ledger is looked at, so that it is of no later state.
pub(crate) fn copy_all(store: &dyn Store) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = vec![];
    let paths = [paths::CHECKPOINTS, paths::ANCHORS]
        .into_iter()
        .map(|folder| Ok(names(store, folder)?.into_iter().map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()));
    let mut paths: Vec<String> = paths.collect::<Result<Vec<_>>>()?.concat();
    paths.push(paths::CHECKPOINT.to_owned());
    for path in paths {
        if let Some(bytes) = read_small(store, &path, TIME_RECEIPT_BYTES_MAX)? {
            files.push((path, bytes));
        }
    }
    Ok(files)
}
