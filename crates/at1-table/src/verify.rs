//! Is the table what its history says?
//!
//! * *Chain*: the ledger recomputes from its first line, and its events can all be true.
//! * *Immutable*: every live segment is the very file that was committed; every byte is hashed.
//! * *Rows*, if asked for: every batch is made again from its segment and compared with the event that appended it, and so are
//!   the bounds that queries rely on.
//! * *Receipts, a memory, a policy, time stamps*, if given: the history is the one that they are of. Nothing inside the directory
//!   can show that; without anything from outside, the level is *self-consistent* and no more.
//! * What was not looked at is not reported as fine, and an exit code of 0 with nothing checked is impossible.

mod files;
mod manifest;
mod report;
mod rows;
mod trust;

use std::{
    collections::BTreeSet,
    io::{self, BufReader, Read},
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use at1_codec::ReadAt;
use at1_ledger::{
    ChainHead, ChainReport, Memory, Policy, Recall, Receipt, SignedCheckpoint, Timestamp, verify_chain_at,
};

use crate::{
    attest::Kept,
    error::{Error, ErrorKind, Result},
    paths,
    schemas::Schemas,
    table::Table,
};

pub(crate) use files::digest;
pub use report::{Code, Evidence, Finding, Level, Trusted, Verdict, VerifyReport};
use rows::Fold;
pub use trust::{MaxUnsigned, StampCheck};

/// How often a torn tail is looked at again before it counts: it may be somebody's append, half-way.
const TORN_LOOKS: u32 = 3;
const TORN_PAUSE: Duration = Duration::from_millis(5);

/// Whether every segment is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowsCheck {
    /// No: files are hashed, not decoded.
    #[default]
    Skip,
    /// Yes: batches, their trees and the zones are derived again.
    Derive,
}

/// What to check besides chain and files.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Whether every segment is decoded.
    pub rows: RowsCheck,
    /// Receipts that were kept outside the table.
    pub heads: Vec<ChainHead>,
    /// How many files are looked at at once; as many as there are processors without.
    pub threads: Option<usize>,
    /// Whose signatures count, and how many witnesses it takes.
    pub policy: Option<Policy>,
    /// What the verifier remembers of this ledger.
    pub memory: Option<Memory>,
    /// Which files are hashed.
    pub hashing: Hashing,
    /// Signed checkpoints that came from elsewhere: the ledger must begin with each.
    pub seen: Vec<SignedCheckpoint>,
    /// What checks the signatures of time stampers; without it their receipts count for nothing.
    pub stamps: Option<Arc<dyn StampCheck>>,
    /// How many events the policy's signatures may leave out.
    pub max_unsigned: Option<MaxUnsigned>,
    /// How old the newest statement of others may be.
    pub max_age: Option<Duration>,
    /// The verifier's clock, if it is not the system's.
    pub now: Option<Timestamp>,
}

/// Which files a verification hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hashing {
    /// All live segments.
    #[default]
    All,
    /// Those that came since the memory's last whole verification. Of the others length and presence are looked at: what was
    /// changed in them since is not found.
    New,
}

impl Table {
    /// Whether the history recomputes from its first line to its last. A torn tail is none of it.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn verify_chain(&self) -> Result<bool> {
        let report = self.chain_report()?;
        Ok(report.verdict() == at1_ledger::Verdict::Holds)
    }

    /// Whether every live segment is the file that was committed.
    ///
    /// # Errors
    /// If the ledger or a segment cannot be read.
    pub fn verify_immutable(&self) -> Result<bool> {
        let report = self.verify(&VerifyOptions::default())?;
        match report.immutable {
            Some(held) => Ok(held),
            None => {
                let found = report.findings.first().map_or("nothing".to_owned(), ToString::to_string);
                Err(Error::new(ErrorKind::Io, self.store().place(), "readable segments", found))
            }
        }
    }

    /// Checks everything that can be checked, and reports all of it.
    ///
    /// # Errors
    /// `NoTable` if there is no ledger; what is damaged or unreadable otherwise is a finding, not an error.
    pub fn verify(&self, options: &VerifyOptions) -> Result<VerifyReport> {
        verify(self, options)
    }

    fn chain_report(&self) -> Result<ChainReport> {
        self.chain_report_at(&BTreeSet::new())
    }

    /// The whole ledger recomputed, with the roots of the trees of these sizes.
    pub(crate) fn chain_report_at(&self, sizes: &BTreeSet<u64>) -> Result<ChainReport> {
        let mut looks = 0;
        loop {
            let file = self.store().open(paths::LEDGER).map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => Error::new(ErrorKind::NoTable, self.store().place(), "a table", "none"),
                _ => Error::io(paths::LEDGER, e),
            })?;
            let size = file.size().map_err(|e| Error::io(paths::LEDGER, e))?;
            let reader = BufReader::with_capacity(1 << 18, FromStart { file: &*file, at: 0, size });
            let report = verify_chain_at(reader, sizes);
            looks += 1;
            if report.torn.is_none() || looks == TORN_LOOKS {
                return Ok(report);
            }
            thread::sleep(TORN_PAUSE);
        }
    }
}

/// As [`Table::verify`]: opening a table already needs a ledger that folds, so a damaged one is verified without opening it.
///
/// # Errors
/// As [`Table::verify`].
pub fn verify_folder(folder: impl Into<std::path::PathBuf>, options: &VerifyOptions) -> Result<VerifyReport> {
    verify_store(Arc::new(crate::store::LocalStore::new(folder)), options)
}

/// As [`verify_folder`], in any store.
///
/// # Errors
/// As [`Table::verify`].
pub fn verify_store(store: Arc<dyn crate::store::Store>, options: &VerifyOptions) -> Result<VerifyReport> {
    verify(&Table::unchecked(store), options)
}

fn verify(table: &Table, options: &VerifyOptions) -> Result<VerifyReport> {
    let mut looks = 0;
    loop {
        // Before the ledger, which may grow and be signed meanwhile.
        let kept = Kept::look(table.store());
        let chain = table.chain_report_at(&trust::sizes(&kept, options))?;
        let report = verify_against(table, &kept, &chain, options);
        looks += 1;
        // A file may have been replaced and removed while the others were read: then the newer history is verified instead.
        let settled = report.verdict().exit_code() == 0 || looks == LOOKS;
        if settled || !files::replaced_meanwhile(table.store(), &chain, &table.chain_report()?) {
            return Ok(report);
        }
    }
}

fn verify_against(table: &Table, kept: &Kept, chain: &ChainReport, options: &VerifyOptions) -> VerifyReport {
    let mut findings: Vec<Finding> = chain.findings.iter().map(Finding::from).collect();
    let now = options.now.or_else(|| Timestamp::try_from(SystemTime::now()).ok());
    if let Some(now) = now {
        findings.extend(chain.clock_ahead(now).iter().map(Finding::from));
    }
    let held = match chain.verdict() {
        at1_ledger::Verdict::Holds => Some(true),
        at1_ledger::Verdict::Undecided => None,
        at1_ledger::Verdict::Broken => Some(false),
    };
    for receipt in &options.heads {
        findings.extend(match chain.check(receipt) {
            Receipt::Held => None,
            Receipt::Shorter { events } => Some(Finding::new(
                Code::HeadMissing,
                format!("receipt {}", receipt.n),
                format!(
                    "expected event {}, found {events} events: the history was cut short, or an older copy put back",
                    receipt.n
                ),
            )),
            Receipt::Differs { found } => Some(Finding::new(
                Code::HeadDiffers,
                format!("receipt {}", receipt.n),
                format!("expected chain value {}, found {found}: another history", receipt.chain),
            )),
        });
    }
    let mut report = VerifyReport {
        chain: held,
        immutable: None,
        rows: None,
        levels: BTreeSet::from([Level::SelfConsistent]),
        trusted: None,
        uncovered: None,
        anchored: None,
        times: at1_ledger::Times::default(),
        evidence: vec![],
        memory: None,
        heads_held: (options.heads.len() - findings.iter().filter(|f| f.code.is_head()).count()) as u64,
        events: chain.events,
        segments: 0,
        segments_remembered: 0,
        bytes: 0,
        batches: 0,
        chain_head: chain.head(),
        findings,
    };
    if let Some(state) = &chain.state {
        files::check(table, state, chain.events, hashed_before(chain, options), options, &mut report);
        if let Some(bound) = state.manifest().filter(|_| held == Some(true)) {
            manifest::check(table, bound, &mut report);
        }
        // The schema is part of what queries rely on; folding it is checking it.
        let (schemas, folded) = Schemas::of_state(table.store(), state);
        if options.rows == RowsCheck::Derive {
            rows::check(table, &Fold { state, schemas: &schemas }, options, &mut report);
        }
        if let Err(error) = folded
            && report.immutable != Some(false)
        {
            let code = if error.kind() == ErrorKind::Corrupt { Code::Contradiction } else { Code::Unknown };
            report.findings.push(Finding::new(code, error.place(), error.to_string()));
            report.chain = if code == Code::Contradiction { Some(false) } else { None };
        }
    }
    if options.heads.len() as u64 == report.heads_held && report.heads_held > 0 {
        report.levels.insert(Level::Receipt);
    }
    // A clock before the year 0 or after 9999 is nobody's.
    trust::check(kept, chain, options, now.unwrap_or(Timestamp::EPOCH), &mut report);
    report.memory = remember(kept, chain, options, &report);
    report
}

/// What to remember of this ledger, if all of it holds.
fn remember(kept: &Kept, chain: &ChainReport, options: &VerifyOptions, report: &VerifyReport) -> Option<Memory> {
    if report.verdict() != Verdict::Holds {
        return None;
    }
    let mut memory = Memory::of_report(chain)?;
    memory.hashed = chain.events;
    let newest = kept.newest.as_ref().map(ToString::to_string);
    memory.note = newest.or_else(|| options.memory.as_ref()?.note.clone());
    Some(memory)
}

/// Before which event the files need not be hashed again.
fn hashed_before(chain: &ChainReport, options: &VerifyOptions) -> u64 {
    match (&options.memory, options.hashing) {
        (Some(memory), Hashing::New) if memory.recall(chain) == Recall::Extends => memory.hashed.min(memory.size()),
        _ => 0,
    }
}

/// How often a verification starts anew because compactions take away what it reads.
const LOOKS: usize = 10;

/// Reads a file from its start to where it ended when it was opened.
struct FromStart<'a> {
    file: &'a dyn ReadAt,
    at: u64,
    size: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read_exact_at(&mut buffer[..left], self.at)?;
        self.at += left as u64;
        Ok(left)
    }
}

/// Does `work` on every item of `items`, several at once; the results are in the order of the items.
fn in_parallel<T: Sync, R: Send>(threads: Option<usize>, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    use std::sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    };
    let threads = threads
        .or_else(|| thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
        .clamp(1, items.len().max(1));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let result = work(item);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
