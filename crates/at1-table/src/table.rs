//! A table: where it is, how it is made, and what this process knows about it.
//!
//! * A [`Table`] holds no lock and no open file between calls; any number of them, in any number of processes, may be one table.
//! * A table is there once its ledger has its name; the ledger's first lines are written and synced before that.

use std::{
    fmt, io,
    num::NonZeroU64,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use at1_codec::column::Pin;
use at1_ledger::{Detail, Digest, Header, Kind, RowTree, Timestamp, link};

use crate::{
    append::Groups,
    commit::Outcome,
    error::{Error, ErrorKind, Result},
    manifest, paths,
    roots::EVENTS_BEHIND,
    schema,
    store::{LocalStore, Store, read_whole},
    version::{self, Footing, Look, Version},
};

/// How a table is made.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// The table's name towards the world, such as `example.com/trades`; made from random bytes unless given.
    pub origin: Option<String>,
    /// Types of columns, by header, name, or `c` and position.
    pub pins: Vec<(String, Pin)>,
    /// Whether each batch has a tree over its records, so that single records can be proved.
    pub row_tree: RowTree,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self { origin: None, pins: vec![], row_tree: RowTree::SourceBytes }
    }
}

/// An append-only table of text records.
pub struct Table {
    store: Arc<dyn Store>,
    known: Mutex<Option<Arc<Version>>>,
    /// How far this handle has seen the ledger synced: its length, and the chain value there.
    durable: Mutex<Option<(u64, Digest)>>,
    /// Bytes of ledger and footers that were read to know what there is, until a query counts them.
    planning_bytes: Arc<AtomicU64>,
    /// This process saw the disk fail in a way that it could not undo.
    pub(crate) poisoned: AtomicBool,
    clock: ClockRule,
    manifest_every: u64,
    /// Staging was swept once; a process need not do so before every append.
    swept: AtomicBool,
    pub(crate) groups: Groups,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Table {
    /// Makes a table in `folder`, which is made too if it is not there.
    ///
    /// # Errors
    /// `Exists` if there is a table already, `Invalid` if the origin cannot name one.
    pub fn create(folder: impl Into<PathBuf>, options: &CreateOptions) -> Result<Self> {
        Self::create_in(Arc::new(LocalStore::new(folder)), options)
    }

    /// Opens the table in `folder`. Needs no right to write there.
    ///
    /// # Errors
    /// `NoTable` if there is none, `Corrupt` if its ledger is damaged.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        Self::open_in(Arc::new(LocalStore::new(folder)))
    }

    /// Opens the table in `folder`, or makes it; also says which of the two it was.
    ///
    /// # Errors
    /// As [`Table::open`] and [`Table::create`].
    pub fn open_or_create(folder: impl Into<PathBuf>, options: &CreateOptions) -> Result<(Self, Opened)> {
        Self::open_or_create_in(Arc::new(LocalStore::new(folder)), options)
    }

    /// As [`Table::create`], in any store.
    ///
    /// # Errors
    /// As [`Table::create`].
    pub fn create_in(store: Arc<dyn Store>, options: &CreateOptions) -> Result<Self> {
        let io = |e| Error::io(store.place(), e);
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|e| io(io::Error::other(e)))?;
        let header = Header::new(nonce, options.origin.as_deref(), options.row_tree)?;
        let first = first_lines(&header, &options.pins)?;
        for folder in [paths::HOME, paths::STAGING, paths::SEGMENTS] {
            store.make_folder(folder).map_err(io)?;
        }
        {
            let _guard = store.lock().map_err(io)?;
            match read_whole(&*store, paths::LEDGER) {
                Ok(bytes) if bytes.contains(&b'\n') => {
                    return Err(Error::new(ErrorKind::Exists, store.place(), "no table", "one"));
                }
                // Without its first line it is no table, and nothing can refer to it: made again.
                Ok(_) => store.remove(paths::LEDGER).map_err(io)?,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(paths::LEDGER, e)),
            }
            store.create(paths::LEDGER, &first).map_err(io)?;
            store.sync_folder(paths::HOME).map_err(io)?;
        }
        Ok(Self::with(store))
    }

    /// As [`Table::open`], in any store.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_in(store: Arc<dyn Store>) -> Result<Self> {
        let table = Self::with(store);
        table.version()?;
        Ok(table)
    }

    /// As [`Table::open_or_create`], in any store.
    ///
    /// # Errors
    /// As [`Table::open_or_create`].
    pub fn open_or_create_in(store: Arc<dyn Store>, options: &CreateOptions) -> Result<(Self, Opened)> {
        match Self::open_in(Arc::clone(&store)) {
            Err(e) if e.kind() == ErrorKind::NoTable => match Self::create_in(Arc::clone(&store), options) {
                // Another process came first.
                Err(e) if e.kind() == ErrorKind::Exists => Ok((Self::open_in(store)?, Opened::Found)),
                other => Ok((other?, Opened::Created)),
            },
            other => Ok((other?, Opened::Found)),
        }
    }

    /// A table whose ledger nobody has looked at yet: for verification, which reports what opening would refuse.
    pub(crate) fn unchecked(store: Arc<dyn Store>) -> Self {
        Self::with(store)
    }

    fn with(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            known: Mutex::new(None),
            durable: Mutex::new(None),
            clock: ClockRule::default(),
            manifest_every: EVENTS_BEHIND,
            planning_bytes: Arc::default(),
            poisoned: AtomicBool::new(false),
            swept: AtomicBool::new(false),
            groups: Groups::default(),
        }
    }

    /// What writers do when the clock is more than 24 h behind the newest event.
    #[must_use]
    pub fn with_clock(self, clock: ClockRule) -> Self {
        Self { clock, ..self }
    }

    /// After how many events writers of this handle bind a new root of the manifest; 64 unless told. More make an append cheaper and
    /// opening dearer, which folds the events behind the root.
    #[must_use]
    pub fn with_manifest_every(self, events: NonZeroU64) -> Self {
        Self { manifest_every: events.get(), ..self }
    }

    pub(crate) fn manifest_every(&self) -> u64 {
        self.manifest_every
    }

    pub(crate) fn clock(&self) -> ClockRule {
        self.clock
    }

    /// The table's name towards the world, which checkpoints start with and keys are named like.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn origin(&self) -> Result<String> {
        Ok(self.version()?.header.origin().to_owned())
    }

    /// The chain value before the first event, which no other table has: for names that are to be this table's for ever.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn genesis(&self) -> Result<Digest> {
        Ok(self.version()?.header.genesis())
    }

    /// The table's storage.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The newest state.
    pub(crate) fn version(&self) -> Result<Arc<Version>> {
        Ok(self.look()?.version)
    }

    /// Looks at the ledger, from where the last look ended. Threads wait for each other here instead of reading the same lines.
    pub(crate) fn look(&self) -> Result<Look> {
        let mut known = self.known();
        // Taken out, so that going on from it needs no copy unless a reader still holds it.
        let look = version::look(&self.store, known.take(), Footing::Root)?;
        self.planning_bytes.fetch_add(look.bytes_read, Ordering::Relaxed);
        *known = Some(Arc::clone(&look.version));
        Ok(look)
    }

    /// What `ask` says of the newest state. Asked again if it failed while others took away what it read: a compaction and a
    /// vacuum the files, a new root the blocks of the one before.
    pub(crate) fn ask<T>(&self, ask: impl Fn(&Arc<Version>) -> Result<T>) -> Result<T> {
        let mut version = self.version()?;
        loop {
            match ask(&version) {
                Err(error) if manifest::is_to_blame(&error) => match self.renew(&version)? {
                    Some(renewed) => version = renewed,
                    None => return Err(error),
                },
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    let now = self.version()?;
                    if now.events() == version.events() {
                        return Err(error);
                    }
                    version = now;
                }
                answer => return answer,
            }
        }
    }

    /// Does `work`, and does it again if a block of the manifest was not there: at the newest root, and then without any.
    pub(crate) fn at_any_cost<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        for footing in [Footing::Root, Footing::Start] {
            match work() {
                Err(error) if manifest::is_to_blame(&error) => {
                    let look = version::look(&self.store, None, footing)?;
                    *self.known() = Some(look.version);
                }
                done => return done,
            }
        }
        work()
    }

    /// The newest state after a block of `lost` was not there; `None` if it rests on none.
    fn renew(&self, lost: &Version) -> Result<Option<Arc<Version>>> {
        let Some(look) = lost.renewed(&self.store)? else { return Ok(None) };
        self.planning_bytes.fetch_add(look.bytes_read, Ordering::Relaxed);
        *self.known() = Some(Arc::clone(&look.version));
        Ok(Some(look.version))
    }

    /// Counts what is read of the ledger to know what there is.
    pub(crate) fn planning_bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.planning_bytes)
    }

    /// What this handle knows of the ledger. Whoever looks meanwhile waits.
    pub(crate) fn known(&self) -> MutexGuard<'_, Option<Arc<Version>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger is durable as far as `version` goes.
    pub(crate) fn note_durable(&self, version: &Version) {
        let seen = (version.whole_bytes(), version.tip.chain());
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// Syncs the ledger if its last lines are another's: who wrote them may have died before that.
    pub(crate) fn make_durable(&self, version: &Version) -> Result<()> {
        let seen = *self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if seen != Some((version.whole_bytes(), version.tip.chain())) {
            self.store.sync(paths::LEDGER).map_err(|e| Error::io(paths::LEDGER, e))?;
            self.note_durable(version);
        }
        Ok(())
    }

    /// An error if writers have to stop.
    pub(crate) fn check_poison(&self) -> Result<()> {
        let stop = |found: String| Err(Error::new(ErrorKind::Poisoned, paths::POISONED, "no such marker", found));
        match read_whole(self.store(), paths::POISONED) {
            Ok(text) => stop(String::from_utf8_lossy(&text).trim_end().to_owned()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => match self.poisoned.load(Ordering::SeqCst) {
                true => stop("an earlier failure of the disk in this process; open the table again".to_owned()),
                false => Ok(()),
            },
            Err(e) => Err(Error::io(paths::POISONED, e)),
        }
    }

    /// Makes ready to write: folders that a copy of the table may lack, and what dead writers left.
    pub(crate) fn prepare(&self) -> Result<()> {
        self.check_poison()?;
        if !self.swept.load(Ordering::SeqCst) {
            let io = |e| Error::io(self.store.place(), e);
            for folder in [paths::STAGING, paths::SEGMENTS] {
                self.store.make_folder(folder).map_err(io)?;
            }
            self.store.sweep_staging().map_err(io)?;
            self.swept.store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// What a ledger starts with: its header, and the types that columns are to have.
fn first_lines(header: &Header, pins: &[(String, Pin)]) -> Result<Vec<u8>> {
    let mut lines = format!("{}\n", header.line()).into_bytes();
    if !pins.is_empty() {
        let changes = schema::write_changes(&schema::pins_only(pins))?;
        let wall = Timestamp::try_from(SystemTime::now()).map_err(|e| Error::from(e).with_kind(ErrorKind::Refused))?;
        let link = link(header.genesis(), 0, &Detail::after(None, Kind::Schema { changes })?, wall)?;
        lines.extend_from_slice(&link.line);
    }
    Ok(lines)
}

/// The new state, or why there is none.
pub(crate) fn settle((outcome, version): (Outcome, Arc<Version>)) -> Result<Arc<Version>> {
    match outcome {
        Outcome::Committed => Ok(version),
        // The lock is held from the look to the commit, so only a program that ignores it can have come between.
        Outcome::Conflict { events } => Err(Error::new(
            ErrorKind::Condition,
            paths::LEDGER,
            "the number of events that was seen under the lock",
            events,
        )),
        Outcome::Unknown(e) => Err(Error::io(paths::LEDGER, e).with_kind(ErrorKind::Poisoned)),
    }
}

/// What writers do when the clock is more than 24 h behind the newest event: either is wrong, and events only go forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockRule {
    /// They refuse to write.
    #[default]
    Refuse,
    /// They write, one nanosecond after the newest event, and record what the clock showed.
    Insist,
}

/// Whether a table was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It was.
    Found,
    /// It was made.
    Created,
}
