//! One source: read, journaled, sealed, appended.
//!
//! * While a batch is appended the next one grows in its own journal; once that one is full too, nothing is read until the first is
//!   in the table. So memory and journals are bounded, and whoever writes into a pipe waits.
//! * Batches end with a line. What has no line end yet is read again after a restart, or, from a pipe, is in no journal until it has one.

use std::{
    io,
    sync::atomic::Ordering,
    thread::{self, Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

use at1_table::{AppendOptions, AppendReport, ErrorKind, Idempotency, Source as BatchSource, Table};
use serde_json::json;

use crate::{
    Error, Happening, IngestOptions, Result, Told,
    journal::{Journal, Journals, Left, Sealed},
    position::Position,
    run::Control,
    stats::SourceStats,
};

/// How much is read at a time from a source that has much,
const READ_BYTES_MAX: usize = 1 << 20;
/// and from one that has little, as most of many sources have.
const READ_BYTES_MIN: usize = 1 << 14;
/// A line that is longer is cut here.
const LINE_BYTES_MAX: usize = 64 << 20;
/// How long one waits after the disk refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a read came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// So many bytes.
    Bytes(usize),
    /// None for now.
    Nothing,
    /// No more of these bytes; others follow that do not continue them.
    Boundary,
    /// Nothing comes any more.
    End,
}

/// Where lines come from.
pub(crate) trait Input {
    /// Reads what is there, or comes while one waits so long.
    fn read(&mut self, into: &mut [u8], wait: Duration) -> io::Result<Next>;
    /// Goes on behind a boundary, or begins. Whether what comes now continues what was read, after all.
    fn turn(&mut self) -> io::Result<bool>;
    /// Whether bytes can be read again.
    fn is_file(&self) -> bool;
    /// Goes on at a place that was reached before; without one, at the beginning of what is there.
    fn resume(&mut self, at: Option<&Position>) -> io::Result<()>;
    /// Where the last bytes end that were read, but for `unread` of them; a pipe has no place.
    fn position(&self, unread: u64) -> Option<Position>;
    /// How many bytes wait to be read.
    fn lag(&self) -> u64;
    /// What is to be told.
    fn happened(&mut self) -> Vec<Happening>;
}

/// A source and what belongs to it.
pub(crate) struct Feed<'a, I> {
    pub(crate) table: &'a Table,
    pub(crate) options: &'a IngestOptions,
    pub(crate) control: &'a Control<'a>,
    pub(crate) stats: &'a SourceStats,
    pub(crate) journals: Journals,
    /// Who appends, in the ledger.
    pub(crate) producer: String,
    /// What batches are called.
    pub(crate) name: String,
    pub(crate) input: I,
}

/// An append that goes on beside.
type Appending<'scope> = Option<ScopedJoinHandle<'scope, Result<()>>>;

impl<I: Input> Feed<'_, I> {
    /// Reads until there is nothing more, or it is to stop; whole lines that were read are in the table then.
    pub(crate) fn run(mut self, start: u64, position: Option<Position>, done: Vec<u64>) -> Result<()> {
        // What cannot be opened now is told of when it is read.
        let position = position.or_else(|| self.input.turn().ok().and_then(|_| self.input.position(0)));
        let mut journal = self.journals.start(start, position).map_err(|e| self.refused(e))?;
        for old in done.into_iter().filter(|&old| old != start) {
            self.journals.remove(old).map_err(|e| self.refused(e))?;
        }
        let Self { table, options, control, stats, journals, producer, name, mut input } = self;
        let batch = Batch { table, options, control, stats, journals: &journals, producer: &producer, name: &name };
        thread::scope(|scope| {
            let mut appending: Appending<'_> = None;
            let mut buffer = vec![0; READ_BYTES_MIN];
            let mut rest: Vec<u8> = Vec::new();
            loop {
                let stops = control.stops();
                let is_full = batch.is_full(&journal);
                if (is_full || stops) && journal.bytes > 0 {
                    journal = batch.seal(scope, &mut appending, journal, input.position(rest.len() as u64))?;
                }
                if stops {
                    break;
                }
                let next = match input.read(&mut buffer, options.poll) {
                    Ok(next) => next,
                    Err(e) => {
                        batch.refuses(e);
                        continue;
                    }
                };
                input
                    .happened()
                    .into_iter()
                    .for_each(|happening| control.tell(Told::Happened { source: &name, happening }));
                stats.lag_bytes.store(input.lag(), Ordering::Relaxed);
                match next {
                    Next::Bytes(bytes) => {
                        if !journal.has_place && journal.bytes == 0 {
                            journal = batch.place(&input, journal, bytes as u64)?;
                        }
                        rest.extend_from_slice(&buffer[..bytes]);
                        stats.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                        let whole = match memchr::memrchr(b'\n', &rest) {
                            Some(last) => last + 1,
                            None if rest.len() >= LINE_BYTES_MAX => rest.len(),
                            None => 0,
                        };
                        batch.keep(&mut journal, &rest[..whole])?;
                        rest.drain(..whole);
                        if bytes == buffer.len() && bytes < READ_BYTES_MAX {
                            buffer.resize(2 * bytes, 0);
                        }
                    }
                    Next::Nothing => {
                        journal.sync(options.sync).map_err(|e| batch.refused(e))?;
                        batch.reap(&mut appending)?;
                        if buffer.len() > READ_BYTES_MIN {
                            (buffer, rest) = (vec![0; READ_BYTES_MIN], rest.as_slice().to_vec());
                        }
                    }
                    Next::End => {
                        // What has no line end will get none.
                        batch.keep(&mut journal, &rest)?;
                        if journal.bytes > 0 {
                            batch.seal(scope, &mut appending, journal, None)?;
                        }
                        break;
                    }
                    Next::Boundary => match input.turn() {
                        Err(e) => batch.refuses(e),
                        Ok(true) => {}
                        Ok(false) => {
                            batch.keep(&mut journal, &std::mem::take(&mut rest))?;
                            // The next bytes are of another file, which may not be there yet.
                            let position = input.position(0);
                            journal = match journal.bytes {
                                0 => batch.start(journal.start, position)?,
                                _ => batch.seal(scope, &mut appending, journal, position)?,
                            };
                        }
                    },
                }
            }
            batch.wait(&mut appending)
        })
    }

    fn refused(&self, error: io::Error) -> Error {
        Error::Journal { source: self.name.clone(), error }
    }
}

/// How a source's lines become batches.
#[derive(Clone, Copy)]
struct Batch<'a> {
    table: &'a Table,
    options: &'a IngestOptions,
    control: &'a Control<'a>,
    stats: &'a SourceStats,
    journals: &'a Journals,
    producer: &'a str,
    name: &'a str,
}

impl<'a> Batch<'a> {
    fn is_full(&self, journal: &Journal) -> bool {
        let limits = &self.options.batch;
        journal.lines >= limits.lines
            || journal.bytes >= limits.bytes
            || journal.since.is_some_and(|since| since.elapsed() >= limits.age)
    }

    /// Puts whole lines into the journal, however long the disk refuses.
    fn keep(&self, journal: &mut Journal, lines: &[u8]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let before = journal.lines;
        while let Err(e) = journal.push(lines) {
            self.insists(e)?;
        }
        self.stats.lines.fetch_add(journal.lines - before, Ordering::Relaxed);
        self.stats.journal_bytes.store(journal.bytes, Ordering::Relaxed);
        journal.sync(self.options.sync).map_err(|e| self.refused(e))
    }

    /// Starts to append a journal, once the one before it is in the table, and gives the next one.
    fn seal<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        appending: &mut Appending<'scope>,
        journal: Journal,
        position: Option<Position>,
    ) -> Result<Journal>
    where
        'a: 'scope,
    {
        self.wait(appending)?;
        let sealed = journal.seal(position.clone()).map_err(|e| self.refused(e))?;
        let next = self.start(sealed.end, position)?;
        let batch = *self;
        *appending = Some(scope.spawn(move || batch.append(&sealed)));
        Ok(next)
    }

    /// Starts a journal, however long the disk refuses.
    fn start(&self, start: u64, position: Option<Position>) -> Result<Journal> {
        loop {
            match self.journals.start(start, position.clone()) {
                Ok(journal) => return Ok(journal),
                Err(e) => self.insists(e)?,
            }
        }
    }

    /// Starts an empty journal again, now that it is known where in the source it starts: `unread` bytes back.
    fn place(&self, input: &impl Input, journal: Journal, unread: u64) -> Result<Journal> {
        match input.position(unread) {
            Some(position) => self.start(journal.start, Some(position)),
            None => Ok(journal),
        }
    }

    fn wait(&self, appending: &mut Appending<'_>) -> Result<()> {
        appending.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }

    /// Takes note of an append that has ended.
    fn reap(&self, appending: &mut Appending<'_>) -> Result<()> {
        if appending.as_ref().is_some_and(ScopedJoinHandle::is_finished) { self.wait(appending) } else { Ok(()) }
    }

    /// Appends a journal and removes it. A disk that refuses is asked again until it does not; the lines are safe.
    fn append(&self, sealed: &Sealed) -> Result<()> {
        let idempotency = Idempotency { producer: self.producer.to_owned(), sequence: sealed.end };
        let note = sealed.position.as_ref().map(|at| json!({ "ingest": { "end": at } }).to_string());
        let options = AppendOptions { idempotency: Some(idempotency), note, ..self.options.append.clone() };
        let _room = self.control.room_for(sealed.bytes);
        let began = Instant::now();
        let report = loop {
            match self.table.append_csv(BatchSource::path(&sealed.path).named(self.name), &options) {
                Ok(report) => break report,
                Err(e) if e.kind() == ErrorKind::Io && !self.control.stops() => {
                    self.stats.errors.fetch_add(1, Ordering::Relaxed);
                    self.control.tell(Told::Refused { source: self.name, error: e.to_string() });
                    self.control.sleep(PATIENCE);
                }
                Err(error) => return Err(Error::Table { source: self.name.to_owned(), error }),
            }
        };
        self.journals.remove(sealed.start()).map_err(|e| self.refused(e))?;
        self.told(sealed, &report, began.elapsed());
        Ok(())
    }

    fn told(&self, sealed: &Sealed, report: &AppendReport, took: Duration) {
        self.stats.batches.fetch_add(1, Ordering::Relaxed);
        self.stats.table_bytes.fetch_add(sealed.bytes, Ordering::Relaxed);
        self.stats.append_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let delay = sealed.since.map(|since| since.elapsed());
        self.control.appended();
        self.control.tell(Told::Appended { source: self.name, lines: sealed.lines, report, took, delay });
    }

    /// The source or the disk refused: told, and tried again later.
    fn refuses(&self, error: io::Error) {
        self.stats.errors.fetch_add(1, Ordering::Relaxed);
        self.control.tell(Told::Refused { source: self.name, error: error.to_string() });
        self.control.sleep(PATIENCE);
    }

    /// The same for what nothing can be done without: an error once one is to stop. What is not in a journal then is in the source.
    fn insists(&self, error: io::Error) -> Result<()> {
        if self.control.stops() {
            return Err(self.refused(error));
        }
        self.refuses(error);
        Ok(())
    }

    fn refused(&self, error: io::Error) -> Error {
        Error::Journal { source: self.name.to_owned(), error }
    }
}

/// Appends what a crash left, in order.
pub(crate) fn append_left(
    table: &Table,
    options: &IngestOptions,
    control: &Control<'_>,
    stats: &SourceStats,
    (journals, producer, name): (&Journals, &str, &str),
    left: &Left,
) -> Result<()> {
    let batch = Batch { table, options, control, stats, journals, producer, name };
    left.sealed.iter().try_for_each(|sealed| batch.append(sealed))
}
