//! All sources of a table at once, and what goes on beside them.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use at1_table::{ErrorKind, Table};

use crate::{
    Error, IngestOptions, Result, Source, Told,
    feed::{Feed, Input, append_left},
    file::Followed,
    journal::Journals,
    pipe::Pipe,
    position::Position,
    room::{Room, Taken},
    stats::{SourceStats, Stats},
};

/// How often patterns are looked for again.
const GLOB: Duration = Duration::from_secs(1);
/// Segments are merged after so many appends,
const COMPACT_APPENDS: u64 = 16;
/// but not more often than this.
const COMPACT_EVERY: Duration = Duration::from_secs(10);
/// How much text is appended at the same time. Encoding takes a few times as much memory.
const APPENDING_BYTES_MAX: u64 = 64 << 20;
/// How long a sleep lasts before one looks whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// What all threads share.
pub(crate) struct Control<'a> {
    stop: &'a (dyn Fn() -> bool + Sync),
    tell: &'a (dyn Fn(Told<'_>) + Sync),
    /// Whether one of them failed.
    failed: AtomicBool,
    /// Whether all sources have ended.
    ended: AtomicBool,
    appends: AtomicU64,
    appending: Room,
}

impl Control<'_> {
    pub(crate) fn stops(&self) -> bool {
        (self.stop)() || self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, told: Told<'_>) {
        (self.tell)(told);
    }

    /// Waits until a batch of so many bytes may be appended beside others.
    pub(crate) fn room_for(&self, bytes: u64) -> Taken<'_> {
        self.appending.take(bytes)
    }

    pub(crate) fn appended(&self) {
        self.appends.fetch_add(1, Ordering::Relaxed);
    }

    /// Sleeps, but not on after it is to stop.
    pub(crate) fn sleep(&self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time && !self.stops() {
            thread::sleep(NAP.min(time));
        }
    }
}

/// Reads `sources` into the table in `folder` until they end or `stop` says so. What was read by then is in the table, but for a line
/// that has no end yet.
///
/// `tell` hears of every batch and of whatever happens to sources; `stats` counts.
///
/// # Errors
/// If a source is read by another process already, or cannot be read at all; if the table refuses lines for what they are; if the
/// journal fails. A disk that refuses an append, or to be read, is asked again until it does not, and told of.
pub fn ingest(
    table: &Table,
    folder: &Path,
    sources: Vec<Source>,
    options: &IngestOptions,
    stop: &(dyn Fn() -> bool + Sync),
    tell: &(dyn Fn(Told<'_>) + Sync),
    stats: &Stats,
) -> Result<()> {
    let control = Control {
        stop,
        tell,
        failed: AtomicBool::new(false),
        ended: AtomicBool::new(false),
        appends: AtomicU64::new(0),
        appending: Room::new(APPENDING_BYTES_MAX),
    };
    let shared =
        All { table, folder, options, control: &control, stats, error: Mutex::new(None), met: Mutex::default() };
    let all = &shared;
    thread::scope(|scope| {
        let beside = options.compact.as_ref().map(|_| scope.spawn(move || all.compact()));
        thread::scope(|scope| {
            for source in sources {
                match source {
                    Source::Reader { name, reader } => {
                        scope.spawn(move || all.guard(|| all.read(format!("pipe:{name}"), name, Pipe::new(reader))));
                    }
                    Source::File(path) => {
                        scope.spawn(move || all.guard(|| all.follow(path)));
                    }
                    Source::Glob(pattern) => {
                        scope.spawn(move || follow_all(all, scope, &pattern));
                    }
                }
            }
        });
        control.ended.store(true, Ordering::Relaxed);
        if let Some(beside) = beside {
            beside.thread().unpark();
        }
    });
    shared.error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// Follows the files that match, also those that come later.
fn follow_all<'scope, 'env>(all: &'scope All<'_>, scope: &'scope thread::Scope<'scope, 'env>, pattern: &str) {
    while !all.control.stops() {
        for path in glob::glob(pattern).into_iter().flatten().flatten() {
            if path.is_file() && !all.is_met(&path) {
                scope.spawn(move || all.guard(|| all.follow(path)));
            }
        }
        all.control.sleep(GLOB);
    }
}

struct All<'a> {
    table: &'a Table,
    folder: &'a Path,
    options: &'a IngestOptions,
    control: &'a Control<'a>,
    stats: &'a Stats,
    error: Mutex<Option<Error>>,
    /// Files that are followed, by absolute path.
    met: Mutex<HashSet<PathBuf>>,
}

impl All<'_> {
    /// Keeps the first error, and ends all the others for it.
    fn guard(&self, work: impl FnOnce() -> Result<()>) {
        if let Err(error) = work() {
            self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.control.failed.store(true, Ordering::Relaxed);
        }
    }

    fn is_met(&self, path: &Path) -> bool {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        std::path::absolute(path).is_ok_and(|path| met.contains(&path))
    }

    fn follow(&self, path: PathBuf) -> Result<()> {
        let absolute = std::path::absolute(&path).map_err(|error| self.unreadable(&path, error))?;
        if !self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(absolute.clone()) {
            return Ok(());
        }
        if fs::metadata(&absolute).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(self.unreadable(&path, io::Error::other("a folder, expected a file")));
        }
        let name = absolute
            .file_name()
            .map_or_else(|| absolute.display().to_string(), |name| name.to_string_lossy().into_owned());
        let producer = format!("file:{}", absolute.display());
        self.read(producer, name, Followed::new(absolute, self.options.skips_old))
    }

    fn unreadable(&self, path: &Path, error: io::Error) -> Error {
        Error::Source { source: path.display().to_string(), error }
    }

    /// Reads one source, after what a crash left of it.
    fn read(&self, producer: String, name: String, mut input: impl Input) -> Result<()> {
        let Self { table, folder, options, control, .. } = *self;
        let stats: std::sync::Arc<SourceStats> = self.stats.source(&name);
        let failed = |error| Error::Journal { source: name.clone(), error };
        let refused = |error| Error::Table { source: name.clone(), error };
        let journals = Journals::open(folder, &producer).map_err(failed)?;
        let newest = table.snapshot().and_then(|snapshot| snapshot.newest_batch_of(&producer)).map_err(refused)?;
        let known = newest.as_ref().and_then(|batch| batch.idempotency.as_ref()).map_or(0, |key| key.sequence);
        let mut left = journals.recover(known, input.is_file()).map_err(failed)?;
        if left.is_new()
            && let Some(note) = newest.and_then(|batch| batch.note)
        {
            // The journal is gone, but not what the ledger says.
            left.position = Position::from_note(&note);
        }
        if known > 0 || !left.is_new() {
            input.resume(left.position.as_ref()).map_err(failed)?;
        }
        if !left.sealed.is_empty() {
            let lines = left.sealed.iter().map(|sealed| sealed.lines).sum();
            control.tell(Told::Recovered { source: &name, lines });
            append_left(table, options, control, &stats, (&journals, &producer, &name), &left)?;
        }
        let (start, position, done) = (left.end, left.position, left.done);
        let feed = Feed { table, options, control, stats: &stats, journals, producer, name, input };
        let done = feed.run(start, position, done);
        stats.is_open.store(0, Ordering::Relaxed);
        done
    }

    /// Merges segments now and then, until all sources have ended.
    fn compact(&self) {
        let Some(compact) = &self.options.compact else { return };
        let (mut seen, mut last) = (0, Instant::now());
        while !self.control.ended.load(Ordering::Relaxed) {
            thread::park_timeout(NAP);
            let appends = self.control.appends.load(Ordering::Relaxed);
            if appends - seen < COMPACT_APPENDS || last.elapsed() < COMPACT_EVERY || self.control.stops() {
                continue;
            }
            match self.table.compact(compact) {
                Ok(report) => {
                    self.stats.compactions.fetch_add(report.steps.len() as u64, Ordering::Relaxed);
                    if !report.steps.is_empty() {
                        self.control.tell(Told::Compacted { report: &report });
                    }
                }
                // Somebody else was quicker, or the disk refused: the next time will do.
                Err(error) if matches!(error.kind(), ErrorKind::Condition | ErrorKind::Io) => {
                    self.control.tell(Told::Refused { source: "compaction", error: error.to_string() });
                }
                Err(error) => self.guard(|| Err(Error::Table { source: "compaction".to_owned(), error })),
            }
            (seen, last) = (appends, Instant::now());
        }
    }
}
