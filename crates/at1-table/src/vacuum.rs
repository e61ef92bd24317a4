//! Removing the files that compactions replaced. No data goes: every batch is in a live segment.
//!
//! * What goes is what a compaction event names, past the grace period; nothing is listed and nothing guessed.
//! * The event that replaced a file is durable before the file goes: whoever takes the lock syncs what others wrote, since they may
//!   have died before that.
//! * Files go first, then the event says so. A crash between the two leaves names for the next vacuum to log.

use std::{
    collections::HashSet,
    io,
    time::{Duration, SystemTime},
};

use at1_ledger::{ChainHead, Kind, Timestamp};
use serde_json::{Value, json};

use crate::{
    commit::Writer,
    error::{Error, ErrorKind, Result},
    manifest::Pending,
    paths,
    table::{Table, settle},
    version::Version,
};

/// How long replaced files stay unless somebody says otherwise: long enough for any query that still reads them.
pub const GRACE: Duration = Duration::from_hours(24);

/// How many files an event names: their names fit a line.
const NAMES_MAX: usize = 1000;

/// Which files are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VacuumOptions {
    /// How long ago a compaction must have replaced them.
    pub grace: Duration,
    /// Whether they are.
    pub mode: VacuumMode,
}

impl Default for VacuumOptions {
    fn default() -> Self {
        Self { grace: GRACE, mode: VacuumMode::Remove }
    }
}

/// Whether a vacuum does anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VacuumMode {
    /// It removes files.
    #[default]
    Remove,
    /// It says what it would remove.
    DryRun,
}

/// What a vacuum removed, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VacuumReport {
    /// The files.
    pub removed: Vec<Vacuumed>,
    /// How many replaced files are still within the grace period.
    pub waiting: u64,
    /// When the last of them will be past it.
    pub waiting_until: Option<Timestamp>,
    /// The receipt, if there was anything to remove.
    pub chain_head: Option<ChainHead>,
}

/// A file that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vacuumed {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The compaction that replaced it.
    pub replaced_by: u64,
}

impl VacuumReport {
    /// Bytes of the removed files.
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|file| file.bytes).sum()
    }

    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let removed = self.removed.iter();
        let removed =
            removed.map(|file| json!({"name": file.name, "bytes": file.bytes, "replaced_by": file.replaced_by}));
        json!({
            "removed": removed.collect::<Vec<_>>(), "bytes": self.bytes(), "waiting": self.waiting,
            "waiting_until": self.waiting_until.map(|ts| ts.to_string()), "chain_head": self.chain_head.map(|head| head.to_string()),
        })
    }
}

impl Table {
    /// Removes files that a compaction replaced longer ago than the grace period. A reader that meets a removed file goes on where
    /// its rows are now.
    ///
    /// # Errors
    /// `Io` if the storage refuses; what was removed until then is logged by the next vacuum.
    pub fn vacuum(&self, options: &VacuumOptions) -> Result<VacuumReport> {
        self.at_any_cost(|| self.remove_replaced(options))
    }

    fn remove_replaced(&self, options: &VacuumOptions) -> Result<VacuumReport> {
        let now = Timestamp::try_from(SystemTime::now()).map_err(|e| Error::from(e).with_kind(ErrorKind::Refused))?;
        if options.mode == VacuumMode::DryRun {
            return self.ask(|version| due(version, now, options.grace));
        }
        let mut report = self.ask(|version| due(version, now, options.grace))?;
        if report.removed.is_empty() {
            return Ok(report);
        }
        {
            let writer = Writer::lock(self)?;
            report = due(writer.version(), now, options.grace)?;
        }
        for files in report.removed.chunks(NAMES_MAX) {
            for file in files {
                let path = paths::segment_path(&file.name);
                match self.store().remove(&path) {
                    // An earlier vacuum got so far, or another one is at it.
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io(path, e)),
                    _ => {}
                }
            }
            self.store().sync_folder(paths::SEGMENTS).map_err(|e| Error::io(paths::SEGMENTS, e))?;
            report.chain_head = self.log_removed(files)?.or(report.chain_head);
        }
        Ok(report)
    }

    /// Says in the ledger that these files are gone, unless it says so already.
    fn log_removed(&self, files: &[Vacuumed]) -> Result<Option<ChainHead>> {
        let writer = Writer::lock(self)?;
        let waiting: HashSet<_> = writer.version().tail.replaced()?.iter().map(Pending::name).collect();
        let unsaid: Vec<_> = files.iter().filter(|file| waiting.contains(&file.name)).collect();
        let Some(through) = unsaid.iter().map(|file| file.replaced_by).max() else { return Ok(None) };
        let names = unsaid.iter().map(|file| file.name.clone()).collect();
        let n = writer.version().events();
        let link = writer.next_event(Kind::Vacuum { through, names }, None)?;
        settle(writer.commit(n, &link.line)?)?;
        Ok(Some(link.event.head()))
    }
}

/// What is past the grace period, and how much is not.
fn due(version: &Version, now: Timestamp, grace: Duration) -> Result<VacuumReport> {
    let mut report = VacuumReport::default();
    let grace = i128::try_from(grace.as_nanos()).unwrap_or(i128::MAX);
    for replaced in version.tail.replaced()? {
        match now.nanos() - replaced.ts.nanos() >= grace {
            true => {
                report.removed.push(Vacuumed { name: replaced.name(), bytes: replaced.bytes, replaced_by: replaced.by })
            }
            false => {
                report.waiting += 1;
                let until = Timestamp::from_nanos(replaced.ts.nanos().saturating_add(grace));
                report.waiting_until = report.waiting_until.max(until);
            }
        }
    }
    Ok(report)
}
