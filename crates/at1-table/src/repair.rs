//! What is wrong with a table, in words, and the repairs that lose nothing.
//!
//! * [`examine`] changes nothing. [`apply`] does one repair, and what it rests on is looked at again under the lock.
//! * Only what is safe is done: bytes are put back only if their digest is the ledger's, what they replace is kept, and nothing is cut
//!   but a torn tail, which is saved first.
//! * Damage inside the ledger is never touched: whatever were written there would be another history.
//!
//! ```
//! use std::sync::Arc;
//! use at1_table::{CreateOptions, Table, repair, store::{LocalStore, Store}};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("t");
//! Table::create(&path, &CreateOptions::default())?;
//! std::fs::remove_dir(path.join("segments"))?; // as a copy may do with an empty folder
//! let store: Arc<dyn Store> = Arc::new(LocalStore::new(&path));
//! let problem = repair::examine(&store, None)?.problems.remove(0);
//! assert_eq!((problem.kind.word(), problem.place.as_str(), problem.is_safe()), ("folder", "segments", true));
//! repair::apply(&store, None, &problem)?;
//! assert!(repair::examine(&store, None)?.problems.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agree;
mod examine;
mod segments;

use std::sync::Arc;

use at1_ledger::{ChainHead, ManifestRef, SegmentRecord};
use serde_json::{Value, json};

use crate::{
    commit::Writer,
    copy::{self, Check, Standing, place},
    error::{Error, ErrorKind, Result},
    paths,
    store::{Store, read_whole},
    table::Table,
    verify::{VerifyOptions, verify_store},
    version,
};

pub use examine::examine;

/// What is wrong with a table.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// In the order in which they are repaired best; empty if nothing is wrong.
    pub problems: Vec<Problem>,
    /// Events that link up.
    pub events: u64,
    /// Live segments that are the files they were.
    pub segments: u64,
    /// The receipt for the newest event that links up.
    pub chain_head: Option<ChainHead>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// Where.
    pub place: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What it means for the table.
    pub meaning: String,
    /// What can be done, or what [`apply`] does.
    pub remedy: String,
    action: Option<Action>,
}

/// Kinds of problems; their words are stable, and those of verification where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The ledger is damaged or missing.
    Ledger,
    /// Something is of a version that this one does not know.
    Unknown,
    /// Something could not be read.
    Unreadable,
    /// A live segment is not the file it was.
    Changed,
    /// A live segment is not there.
    Missing,
    /// A marker stops all writers.
    Poisoned,
    /// The ledger's last line is incomplete.
    Torn,
    /// Files that were being written.
    Staging,
    /// A folder is not there.
    Folder,
    /// A file that no event names yet.
    Orphan,
    /// A name that no event gave.
    Extra,
    /// Replaced files that nobody said were removed.
    Gone,
    /// A block of the manifest is not there, or not what its name says.
    Block,
    /// The newest event is later than the clock.
    ClockAhead,
    /// A signed checkpoint or a receipt is not of this ledger.
    Checkpoint,
}

/// How much a problem matters while it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Nothing that is asked of the table suffers.
    Untidy,
    /// Writers are stopped, or something could not be decided.
    Stopped,
    /// A torn tail.
    Torn,
    /// Something of the table is lost or cannot be trusted.
    Damage,
}

/// What [`apply`] does.
#[derive(Clone, Debug)]
enum Action {
    MakeFolder(&'static str),
    PutBack(Box<SegmentRecord>),
    Unpoison,
    CutTail,
    Sweep,
    RemoveNewLedger,
    MakeBlocks(ManifestRef),
}

impl ProblemKind {
    /// The word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Unknown => "unknown",
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Poisoned => "poisoned",
            Self::Torn => "torn",
            Self::Staging => "staging",
            Self::Folder => "folder",
            Self::Orphan => "orphan",
            Self::Extra => "extra",
            Self::Gone => "gone",
            Self::Block => "block",
            Self::ClockAhead => "clock_ahead",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// How much it matters.
    pub fn weight(self) -> Weight {
        match self {
            Self::Ledger | Self::Changed | Self::Missing | Self::Checkpoint => Weight::Damage,
            Self::Torn => Weight::Torn,
            Self::Unknown | Self::Unreadable | Self::Poisoned => Weight::Stopped,
            Self::Staging | Self::Folder | Self::Orphan | Self::Extra | Self::Gone | Self::Block | Self::ClockAhead => {
                Weight::Untidy
            }
        }
    }
}

impl Problem {
    /// Whether [`apply`] can repair it and lose nothing.
    pub fn is_safe(&self) -> bool {
        self.action.is_some()
    }

    /// The problem as `--json` prints it, with whether it was repaired.
    pub fn to_json(&self, done: bool) -> Value {
        json!({
            "problem": self.kind.word(),
            "place": self.place,
            "expected": self.expected,
            "found": self.found,
            "meaning": self.meaning,
            "remedy": self.remedy,
            "safe": self.is_safe(),
            "done": done,
        })
    }
}

/// Repairs one problem that [`examine`] found; `backup` is the copy that it was given.
///
/// # Errors
/// `Refused` if the problem is none that is safe to repair, or if what the repair rests on does not hold any more.
pub fn apply(store: &Arc<dyn Store>, backup: Option<&Arc<dyn Store>>, problem: &Problem) -> Result<()> {
    let refused =
        |expected: &str, found: String| Err(Error::new(ErrorKind::Refused, problem.place.clone(), expected, found));
    let io = |e| Error::io(problem.place.clone(), e);
    match &problem.action {
        None => refused("a repair that loses nothing", "none".to_owned()),
        Some(Action::MakeFolder(folder)) => store.make_folder(folder).map_err(io),
        Some(Action::Sweep) => store.sweep_staging().map(drop).map_err(io),
        Some(Action::RemoveNewLedger) => {
            let _guard = store.lock().map_err(io)?;
            copy::remove_if_there(&**store, paths::LEDGER_NEW)?;
            copy::sync_home(&**store)
        }
        Some(Action::MakeBlocks(bound)) => {
            let made = version::first(store, bound.events)?.settled(&**store)?;
            match made.reference() == *bound {
                true => made.write(&**store),
                // The next root is made of what is known then.
                false => refused("zones as they were when the root was made", "other ones, or none".to_owned()),
            }
        }
        // Whoever takes the lock to write does just this first.
        Some(Action::CutTail) => Writer::lock(&Table::unchecked(Arc::clone(store))).map(drop),
        Some(Action::PutBack(record)) => match backup {
            Some(backup) => put_back(&**store, &**backup, record),
            None => refused("a backup to take the file from", "none".to_owned()),
        },
        Some(Action::Unpoison) => {
            let _guard = store.lock().map_err(io)?;
            let report = verify_store(Arc::clone(store), &VerifyOptions::default())?;
            if let Some(finding) = examine::unsound(&report) {
                return refused("a ledger and live segments that hold", finding);
            }
            // After a sync that failed, a second one of the same file proves nothing: its pages may count as clean. A new file's do not.
            let text = read_whole(&**store, paths::LEDGER).map_err(|e| Error::io(paths::LEDGER, e))?;
            copy::replace(&**store, paths::LEDGER, &text)?;
            copy::remove_if_there(&**store, paths::POISONED)?;
            copy::sync_home(&**store)
        }
    }
}

/// Gives a segment its file again, if the backup's is the one of the ledger.
fn put_back(store: &dyn Store, backup: &dyn Store, record: &SegmentRecord) -> Result<()> {
    let io = |e| Error::io(store.place(), e);
    for folder in [paths::STAGING, paths::SEGMENTS] {
        store.make_folder(folder).map_err(io)?;
    }
    let path = paths::segment_path(&record.name);
    let staged = copy::stage_segment(backup, store, record)?
        .ok_or_else(|| Error::new(ErrorKind::Refused, place(backup, &path), "the segment's file", "none"))?;
    let _guard = store.lock().map_err(io)?;
    match copy::standing(store, record, Check::Digests) {
        Ok(Standing::Right) => return Ok(()),
        Ok(Standing::Nothing) => {}
        // Also what cannot be read at all.
        Ok(Standing::Wrong) | Err(_) => drop(copy::set_aside(store, &record.name)?),
    }
    let linked = store.link(&*staged, &path).and_then(|()| store.sync_folder(paths::SEGMENTS));
    linked.map_err(|e| Error::io(place(store, &path), e))
}
