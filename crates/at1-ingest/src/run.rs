//! All sources of a table at once, and what goes on beside them.

use std::{
    collections::HashSet,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, Scope},
    time::{Duration, Instant},
};

use at1_table::{ErrorKind, Table};

use crate::{
    Error, IngestOptions, Result, Source, Told,
    feed::{Batch, Feed, Input, Look},
    file::Followed,
    journal::Journals,
    pipe::Pipe,
    position::Position,
    room::{Room, Taken},
    stats::Stats,
};

/// Files are read by at most so many threads. Of a few, each has its own; 500 threads took 800 MB to find nothing new.
const READERS_MAX: usize = 8;
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
    let control = &control;
    let (error, files) = (Mutex::new(None), Mutex::default());
    let shared = All { table, folder, options, control, stats, error, files };
    let all = &shared;
    thread::scope(|scope| {
        let beside = options.compact.as_ref().map(|_| scope.spawn(move || all.compact()));
        thread::scope(|scope| {
            for source in sources {
                match source {
                    Source::Reader { name, reader } => {
                        scope.spawn(move || all.guard(|| all.read(scope, name, reader)));
                    }
                    Source::File(path) => all.guard(|| all.follow(scope, path)),
                    Source::Glob(pattern) => {
                        scope.spawn(move || all.guard(|| all.follow_those_like(scope, &pattern)));
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

struct All<'a> {
    table: &'a Table,
    folder: &'a Path,
    options: &'a IngestOptions,
    control: &'a Control<'a>,
    stats: &'a Stats,
    error: Mutex<Option<Error>>,
    files: Mutex<Files>,
}

/// Files that are followed.
#[derive(Default)]
struct Files {
    /// By absolute path.
    met: HashSet<PathBuf>,
    /// Each is a thread that reads some of them.
    readers: Vec<Sender<PathBuf>>,
}

impl All<'_> {
    /// Keeps the first error, and ends all for it.
    fn guard(&self, work: impl FnOnce() -> Result<()>) {
        if let Err(error) = work() {
            self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.control.failed.store(true, Ordering::Relaxed);
        }
    }

    /// Follows the files that match, also those that come later.
    fn follow_those_like<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, pattern: &str) -> Result<()> {
        while !self.control.stops() {
            for path in glob::glob(pattern).into_iter().flatten().flatten().filter(|path| path.is_file()) {
                self.follow(scope, path)?;
            }
            self.control.sleep(GLOB);
        }
        Ok(())
    }

    /// Gives a file that was never met to one of the threads that read.
    fn follow<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, path: PathBuf) -> Result<()> {
        let unreadable = |error| Error::Source { source: path.display().to_string(), error };
        let absolute = std::path::absolute(&path).map_err(unreadable)?;
        if fs::metadata(&absolute).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(unreadable(io::Error::other("a folder, expected a file")));
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.met.insert(absolute.clone()) {
            return Ok(());
        }
        let reader = (files.met.len() - 1) % READERS_MAX;
        if reader == files.readers.len() {
            let (sender, paths) = channel();
            files.readers.push(sender);
            scope.spawn(move || self.read_in_turn(scope, &paths));
        }
        // A thread that is gone has stopped, as this one is about to.
        let _ = files.readers[reader].send(absolute);
        Ok(())
    }

    /// Reads the files that come in, until all is to stop.
    fn read_in_turn<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, paths: &Receiver<PathBuf>) {
        let mut feeds: Vec<(Instant, Feed<'scope, '_, Followed>)> = Vec::new();
        loop {
            let stops = self.control.stops();
            for path in paths.try_iter().filter(|_| !stops) {
                let name = path
                    .file_name()
                    .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
                let producer = format!("file:{}", path.display());
                let file = Followed::new(path, self.options.skips_old);
                self.guard(|| {
                    feeds.push((Instant::now(), self.open(scope, producer, name, file)?));
                    Ok(())
                });
            }
            let now = Instant::now();
            for (due, feed) in feeds.iter_mut().filter(|(due, _)| stops || *due <= now) {
                self.guard(|| {
                    let look = feed.look(Duration::ZERO)?;
                    *due = if let Look::Rest(rest) = look { now + rest } else { now };
                    Ok(())
                });
            }
            if stops {
                break;
            }
            let due = feeds.iter().map(|(due, _)| *due).min().unwrap_or(now + self.options.poll);
            thread::sleep(due.saturating_duration_since(Instant::now()).min(self.options.poll));
        }
        feeds.into_iter().for_each(|(_, feed)| self.guard(|| feed.finish()));
    }

    /// Reads a pipe to its end.
    fn read<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        name: String,
        reader: Box<dyn Read + Send>,
    ) -> Result<()> {
        let mut feed = self.open(scope, format!("pipe:{name}"), name, Pipe::new(reader))?;
        loop {
            match feed.look(self.options.poll)? {
                Look::Done => return feed.finish(),
                Look::Again => {}
                Look::Rest(rest) => self.control.sleep(rest),
            }
        }
    }

    /// Opens a source, after what a crash left of it.
    fn open<'scope, 'env, I: Input>(
        &'scope self,
        scope: &'scope Scope<'scope, 'env>,
        producer: String,
        name: String,
        mut input: I,
    ) -> Result<Feed<'scope, 'env, I>> {
        let Self { table, folder, options, control, .. } = *self;
        let stats = self.stats.source(&name);
        let failed = |error| Error::Journal { source: name.clone(), error };
        let refused = |error| Error::Table { source: name.clone(), error };
        let journals = Journals::open(folder, &producer).map_err(failed)?;
        let newest = table.snapshot().and_then(|snapshot| snapshot.newest_batch_of(&producer)).map_err(refused)?;
        let known = newest.as_ref().and_then(|batch| batch.idempotency.as_ref()).map_or(0, |key| key.sequence);
        let mut left = journals.recover(known, input.is_file()).map_err(failed)?;
        if left.position.is_none()
            && let Some(note) = newest.and_then(|batch| batch.note)
        {
            // The journal is gone, but not what the ledger says.
            left.position = Position::from_note(&note);
        }
        if known > 0 || !left.is_new() {
            input.is_known();
        }
        // A place that is not to be found is none: the next journal starts where the source does.
        if let Some(at) = left.position.take()
            && input.resume(&at).map_err(failed)?
        {
            left.position = Some(at);
        }
        if !left.sealed.is_empty() {
            let lines = left.sealed.iter().map(|sealed| sealed.lines).sum();
            control.tell(Told::Recovered { source: &name, lines });
        }
        Feed::open(scope, Batch { table, options, control, stats, journals, producer, name }, input, left)
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
