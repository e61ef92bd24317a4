//! A second table that follows the first: incremental, compared with the ledger while it is copied, safe beside all writers.
//!
//! ```text
//! segments that are live and not there yet    staged, hashed, sealed, linked; then their folder is synced
//! the ledger                                  the longer one takes the name of the shorter one, at once
//! checkpoints and receipts                    as they were before the ledger was looked at: never of more than it has
//! files that a vacuum of it removed           removed
//! ```
//!
//! * The copy is at every moment a whole table of some event, or none yet: no ledger there names a file that is not there.
//!   (Growing line by line it would not be: the files of states between the old and the new one may be gone for good.)
//! * The source is read only. If its lock can be had it is held for one look, so that no event is copied that its writer may
//!   still take back; where it cannot be had (no right to write, a network file system) that is a matter of luck.
//! * Never are both locks held: two backups in opposite directions would wait for each other.

use std::{collections::BTreeSet, io, path::Path, sync::Arc};

use at1_ledger::{
    ChainHead, ChainReport, SegmentRecord, State, Verdict, parse_segment_name, split_tail, verify_chain_at,
};
use serde_json::{Value, json};

use crate::{
    attest, block_files,
    commit::Writer,
    copy::{self, Standing, place, remove_if_there, standing},
    error::{Error, ErrorKind, Result},
    paths,
    store::{Guard, LocalStore, Store, lies_in, read_whole},
    table::Table,
};

pub use crate::copy::Check;

/// How often the ledger is read again that a writer, whose lock could not be had, may have disturbed.
const ATTEMPTS: usize = 3;

/// How a backup is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackupOptions {
    /// How closely files that are there already are looked at. (Those that the copy's own ledger does not name yet, left by a
    /// backup that was cut short, are always hashed.)
    pub check: Check,
}

/// What a backup did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// Events that the copy has now.
    pub events: u64,
    /// How many of them are new to it.
    pub events_copied: u64,
    /// Segments that were copied.
    pub segments_copied: u64,
    /// Their size together.
    pub bytes_copied: u64,
    /// Segments that were there already.
    pub segments_present: u64,
    /// How many of those copied took the place of something wrong.
    pub segments_replaced: u64,
    /// Files that were removed because a vacuum of the source removed them there.
    pub files_removed: u64,
    /// The receipt for the copy's newest event.
    pub chain_head: Option<ChainHead>,
}

impl BackupReport {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "events": self.events,
            "events_copied": self.events_copied,
            "segments_copied": self.segments_copied,
            "bytes_copied": self.bytes_copied,
            "segments_present": self.segments_present,
            "segments_replaced": self.segments_replaced,
            "files_removed": self.files_removed,
            "chain_head": self.chain_head.map(|head| head.to_string()),
        })
    }
}

impl Table {
    /// Brings the copy in the folder `dest` up to this table's newest event, or makes it there.
    ///
    /// # Errors
    /// `Refused` if `dest` is a table that is no earlier state of this one, `Invalid` if it lies in this table, `Corrupt` if a file of
    /// this table is not what its ledger says. After any error `dest` is what it was, or a later state, or no table yet.
    pub fn backup(&self, dest: &Path) -> Result<BackupReport> {
        self.backup_to(Arc::new(LocalStore::new(dest)))
    }

    /// As [`Table::backup`], into any store.
    ///
    /// # Errors
    /// As [`Table::backup`].
    pub fn backup_to(&self, dest: Arc<dyn Store>) -> Result<BackupReport> {
        self.backup_with(dest, &BackupOptions::default())
    }

    /// As [`Table::backup_to`], as `options` say.
    ///
    /// # Errors
    /// As [`Table::backup`].
    pub fn backup_with(&self, dest: Arc<dyn Store>, options: &BackupOptions) -> Result<BackupReport> {
        let shared = self.shared_store();
        let source = &*shared;
        if lies_in(&*dest, source) {
            return Err(Error::invalid(
                dest.place(),
                "a folder outside the table",
                format!("one in {}", source.place()),
            ));
        }
        let copy = Table::unchecked(dest);
        let mut seen = see(source)?;
        let mut run =
            Run { source, shared: &shared, copy: &copy, options, copied: BTreeSet::new(), bytes: 0, replaced: 0 };
        loop {
            let vanished = match run.bring(&seen)? {
                Brought::Up(report) => return Ok(report),
                Brought::Vanished(record) => record,
            };
            // A compaction replaced it and a vacuum removed it; then the ledger says so by now.
            let newer = see(source)?;
            if newer.text == seen.text {
                let path = place(source, &paths::segment_path(&vanished.name));
                return Err(Error::corrupt(path, "a segment", "none: deleted, or not copied yet"));
            }
            seen = newer;
        }
    }
}

/// A state of the source.
struct Seen {
    /// Its ledger, up to the last whole line.
    text: Vec<u8>,
    state: State,
    /// What else it recomputes to.
    chain: ChainReport,
    /// Checkpoints and receipts that it bears out, by path.
    beside: Vec<(String, Vec<u8>)>,
}

/// Reads the source's ledger and recomputes it.
fn see(source: &dyn Store) -> Result<Seen> {
    let mut attempt = 1;
    loop {
        match see_once(source) {
            // A writer that cuts a torn tail and writes its own line there can be met half-way.
            Err(error) if attempt < ATTEMPTS && error.kind() == ErrorKind::Corrupt => attempt += 1,
            other => return other,
        }
    }
}

fn see_once(source: &dyn Store) -> Result<Seen> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NoTable, source.place(), "a table", "none"),
        _ => Error::io(place(source, paths::LEDGER), e),
    };
    let beside = attest::copy_all(source).map_err(|e| e.within(source.place()))?;
    // Before the lock, which would make its file in a folder that holds no table.
    source.open(paths::LEDGER).map_err(failed)?;
    let guard = match source.lock() {
        Ok(guard) => Some(guard),
        Err(e) if reader_only(&e) => None,
        Err(e) => return Err(Error::io(source.place(), e)),
    };
    let mut text = read_whole(source, paths::LEDGER).map_err(failed)?;
    if guard.is_some() {
        // The line of a writer that died before its sync: without this, a power cut could take it from the source alone.
        match source.sync(paths::LEDGER) {
            Err(e) if !reader_only(&e) => return Err(Error::io(place(source, paths::LEDGER), e)),
            _ => {}
        }
    }
    drop(guard);
    text.truncate(split_tail(&text).0.len());
    if text.is_empty() {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    let mut chain = verify_chain_at(&text[..], &attest::sizes(&beside));
    let state = chain.state.take();
    let kind = match chain.verdict() {
        Verdict::Holds => None,
        Verdict::Undecided => Some(ErrorKind::Unsupported),
        Verdict::Broken => Some(ErrorKind::Corrupt),
    };
    match (kind, chain.findings.first(), state) {
        (None, _, Some(state)) => Ok(Seen { beside: attest::borne_out(beside, &chain), text, state, chain }),
        (kind, finding, _) => {
            let found = finding.map_or("nothing".to_owned(), ToString::to_string);
            Err(Error::new(kind.unwrap_or(ErrorKind::Corrupt), place(source, paths::LEDGER), "", found))
        }
    }
}

/// Whether an error says that this process may read here, and nothing else.
fn reader_only(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::PermissionDenied | K::ReadOnlyFilesystem | K::Unsupported)
}

/// How far a copy's ledger goes along with the source's.
#[derive(Clone, Copy)]
struct Begun {
    /// Up to its last whole line.
    bytes: usize,
    events: u64,
    /// Whether something follows that is no whole line.
    torn: bool,
}

/// How much of `seen` is in the copy; an error if what is there is anything else than its beginning.
fn begun(source: &dyn Store, dest: &dyn Store, seen: &Seen) -> Result<Begun> {
    let there = match read_whole(dest, paths::LEDGER) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => vec![],
        Err(e) => return Err(Error::io(place(dest, paths::LEDGER), e)),
    };
    let (whole, tail) = split_tail(&there);
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    let refused = |place, expected: String, found: &str| Err(Error::new(ErrorKind::Refused, place, expected, found));
    if !seen.text.starts_with(whole) {
        let same = seen.text.iter().zip(whole).take_while(|(a, b)| a == b).count();
        return match lines(&whole[..same]).checked_sub(1) {
            None => refused(dest.place().to_owned(), format!("a copy of {}", source.place()), "another table"),
            Some(event) if same == seen.text.len() => refused(
                format!("{}: event {event}", dest.place()),
                format!("at most the {event} events of {}", source.place()),
                "one more: the copy was written to, or the source is an older state put back",
            ),
            Some(event) => refused(
                format!("{}: event {event}", dest.place()),
                format!("that of {}", source.place()),
                "another: their histories part here",
            ),
        };
    }
    Ok(Begun { bytes: whole.len(), events: lines(whole).saturating_sub(1), torn: !tail.is_empty() })
}

/// One backup.
struct Run<'a> {
    source: &'a dyn Store,
    /// The same.
    shared: &'a Arc<dyn Store>,
    copy: &'a Table,
    options: &'a BackupOptions,
    copied: BTreeSet<String>,
    bytes: u64,
    replaced: u64,
}

enum Brought {
    Up(BackupReport),
    /// The source has no such file any more.
    Vanished(SegmentRecord),
}

impl Run<'_> {
    /// Brings the copy to the state that was seen.
    fn bring(&mut self, seen: &Seen) -> Result<Brought> {
        let dest = self.copy.store();
        // Looked at before anything is made: whoever is refused leaves no trace.
        let before = begun(self.source, dest, seen)?;
        let _guard = self.lock(before)?;
        let begun = begun(self.source, dest, seen)?;
        dest.sweep_staging().map_err(|e| Error::io(place(dest, paths::STAGING), e))?;
        for record in seen.state.live() {
            if !self.copy_segment(record, begun)? {
                return Ok(Brought::Vanished(record.clone()));
            }
        }
        // Also if nothing was linked now: an earlier backup may have been cut short between the two.
        dest.sync_folder(paths::SEGMENTS).map_err(|e| Error::io(place(dest, paths::SEGMENTS), e))?;
        block_files::copy(self.shared, dest, seen.state.manifest())?;
        match begun.bytes < seen.text.len() {
            true => copy::replace(dest, paths::LEDGER, &seen.text)?,
            // A name that lost its ledger to the other may have come back with a power cut.
            false => remove_if_there(dest, paths::LEDGER_NEW).and_then(|_| copy::sync_home(dest))?,
        }
        attest::bring(dest, &seen.beside, &seen.chain).map_err(|e| e.within(dest.place()))?;
        let files_removed = self.remove_vacuumed(&seen.state)?;
        let old = block_files::unreached(&self.copy.shared_store(), seen.state.manifest())?;
        block_files::remove(dest, &old)?;
        let state = &seen.state;
        Ok(Brought::Up(BackupReport {
            events: state.events(),
            events_copied: state.events() - begun.events,
            segments_copied: self.copied.len() as u64,
            bytes_copied: self.bytes,
            segments_present: state.live().iter().filter(|record| !self.copied.contains(&record.name)).count() as u64,
            segments_replaced: self.replaced,
            files_removed,
            chain_head: state.head(),
        }))
    }

    /// Makes the copy's folders and takes its lock.
    fn lock(&self, begun: Begun) -> Result<Box<dyn Guard>> {
        let dest = self.copy.store();
        let io = |e| Error::io(dest.place(), e);
        for folder in [paths::HOME, paths::STAGING, paths::SEGMENTS] {
            dest.make_folder(folder).map_err(io)?;
        }
        if begun.torn && begun.bytes > 0 {
            // What a writer does before it writes: the tail is saved, then cut.
            drop(Writer::lock(self.copy).map_err(|e| e.within(dest.place()))?);
        }
        let guard = dest.lock().map_err(io)?;
        self.copy.check_poison().map_err(|e| e.within(dest.place()))?;
        Ok(guard)
    }

    /// Whether the copy has a segment now.
    fn copy_segment(&mut self, record: &SegmentRecord, begun: Begun) -> Result<bool> {
        let dest = self.copy.store();
        let path = paths::segment_path(&record.name);
        let io = |e| Error::io(place(dest, &path), e);
        // A name that the copy's ledger does not know yet may be an orphan of anything.
        let known = parse_segment_name(&record.name).is_some_and(|(event, _)| event < begun.events);
        let found = standing(dest, record, if known { self.options.check } else { Check::Digests }).map_err(io)?;
        if found == Standing::Right {
            return Ok(true);
        }
        let Some(staged) = copy::stage_segment(self.source, dest, record)? else { return Ok(false) };
        match found {
            Standing::Wrong if known => {
                copy::set_aside(dest, &record.name)?;
                self.replaced += 1;
            }
            Standing::Wrong => dest.remove(&path).map_err(io)?,
            _ => {}
        }
        dest.link(&*staged, &path).map_err(io)?;
        self.bytes += record.bytes;
        self.copied.insert(record.name.clone());
        Ok(true)
    }

    /// Removes what the source's vacuums removed there; the copy's ledger says so by now.
    fn remove_vacuumed(&self, state: &State) -> Result<u64> {
        let dest = self.copy.store();
        let there = dest.list(paths::SEGMENTS).map_err(|e| Error::io(place(dest, paths::SEGMENTS), e))?;
        let there: BTreeSet<_> = there.into_iter().map(|entry| entry.name).collect();
        let mut removed = 0;
        for replaced in state.replaced().filter(|replaced| replaced.vacuumed.is_some()) {
            if there.contains(&replaced.segment.name) {
                removed += u64::from(remove_if_there(dest, &paths::segment_path(&replaced.segment.name))?);
            }
        }
        if removed > 0 {
            dest.sync_folder(paths::SEGMENTS).map_err(|e| Error::io(place(dest, paths::SEGMENTS), e))?;
        }
        Ok(removed)
    }
}
