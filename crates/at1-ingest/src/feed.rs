//! One source: read, journaled, sealed, appended.
//!
//! * A [`Feed`] never waits for long, so one thread can look after many of them in turn.
//! * While a batch is appended the next one grows in its own journal; once that one is full too, nothing is read until the first is
//!   in the table. So memory and journals are bounded, and whoever writes into a pipe waits.
//! * Batches end with a line. What has no line end yet is read again after a restart, or, from a pipe, is in no journal until it has one.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    thread::{Scope, ScopedJoinHandle},
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
/// How long one waits for an append before one looks again.
const APPENDING: Duration = Duration::from_millis(5);
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
    /// It was read before: what is there now is to be read from its beginning, unless there is a place to resume at.
    fn is_known(&mut self);
    /// Goes on at a place that was reached before; `false` if that is not to be found, and it begins with what is there.
    fn resume(&mut self, at: &Position) -> io::Result<bool>;
    /// Where the last bytes end that were read, but for `unread` of them; a pipe has no place.
    fn position(&self, unread: u64) -> Option<Position>;
    /// How many bytes wait to be read.
    fn lag(&self) -> u64;
    /// What is to be told.
    fn happened(&mut self) -> Vec<Happening>;
}

/// What a look at a source came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There may be more.
    Again,
    /// There is nothing to do for so long.
    Rest(Duration),
    /// Nothing more is read, and what was read is on its way into the table.
    Done,
}

/// One source that is read.
pub(crate) struct Feed<'scope, 'env, I> {
    scope: &'scope Scope<'scope, 'env>,
    batch: Arc<Batch<'scope>>,
    input: I,
    journal: Journal,
    /// The append that goes on beside.
    appending: Option<ScopedJoinHandle<'scope, Result<()>>>,
    buffer: Vec<u8>,
    /// What was read behind the last line end.
    rest: Vec<u8>,
}

impl<'scope, 'env, I: Input> Feed<'scope, 'env, I> {
    /// A source that was read before as far as `left` says. What a crash left of it is appended first.
    pub(crate) fn open(
        scope: &'scope Scope<'scope, 'env>,
        batch: Batch<'scope>,
        mut input: I,
        left: Left,
    ) -> Result<Self> {
        left.sealed.iter().try_for_each(|sealed| batch.append(sealed))?;
        // What cannot be opened now is told of when it is read.
        let position = left.position.or_else(|| input.turn().ok().and_then(|_| input.position(0)));
        let journal = batch.journals.start(left.end, position).map_err(|e| batch.refused(e))?;
        for old in left.done.into_iter().filter(|&old| old != left.end) {
            batch.journals.remove(old).map_err(|e| batch.refused(e))?;
        }
        let (batch, appending) = (Arc::new(batch), None);
        Ok(Self { scope, batch, input, journal, appending, buffer: vec![0; READ_BYTES_MIN], rest: Vec::new() })
    }

    /// Reads what is there, or comes within `wait`, and does what is due. Once it is to stop, whole lines that were read are on their
    /// way into the table.
    pub(crate) fn look(&mut self, wait: Duration) -> Result<Look> {
        let batch = Arc::clone(&self.batch);
        let stops = batch.control.stops();
        if (stops || batch.is_full(&self.journal)) && self.journal.bytes > 0 {
            if !stops && self.is_appending() {
                return Ok(Look::Rest(APPENDING));
            }
            self.seal(self.input.position(self.rest.len() as u64))?;
        }
        if stops {
            return Ok(Look::Done);
        }
        let next = match self.input.read(&mut self.buffer, wait) {
            Ok(next) => next,
            Err(e) => {
                batch.tell_refused(&e);
                return Ok(Look::Rest(PATIENCE));
            }
        };
        for happening in self.input.happened() {
            batch.control.tell(Told::Happened { source: &batch.name, happening });
        }
        batch.stats.lag_bytes.store(self.input.lag(), Ordering::Relaxed);
        match next {
            Next::Bytes(bytes) => self.take(bytes)?,
            Next::Nothing => {
                self.journal.sync(batch.options.sync).map_err(|e| batch.refused(e))?;
                if !self.is_appending() {
                    self.wait()?;
                }
                if self.buffer.len() > READ_BYTES_MIN {
                    (self.buffer, self.rest) = (vec![0; READ_BYTES_MIN], self.rest.as_slice().to_vec());
                }
                return Ok(Look::Rest(batch.options.poll.saturating_sub(wait)));
            }
            Next::End => {
                // What has no line end will get none.
                batch.keep(&mut self.journal, &self.rest)?;
                if self.journal.bytes > 0 {
                    self.seal(None)?;
                }
                return Ok(Look::Done);
            }
            // To leave the file may be to seal a batch, which waits for the one before it.
            Next::Boundary if self.is_appending() => return Ok(Look::Rest(APPENDING)),
            Next::Boundary => match self.input.turn() {
                Err(e) => {
                    batch.tell_refused(&e);
                    return Ok(Look::Rest(PATIENCE));
                }
                Ok(true) => {}
                Ok(false) => {
                    batch.keep(&mut self.journal, &std::mem::take(&mut self.rest))?;
                    // The next bytes are of another file, which may not be there yet.
                    let position = self.input.position(0);
                    match self.journal.bytes {
                        0 => self.journal = batch.start(self.journal.start, position)?,
                        _ => self.seal(position)?,
                    }
                }
            },
        }
        Ok(Look::Again)
    }

    /// Waits until what is on its way is in the table.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.batch.stats.is_open.store(0, Ordering::Relaxed);
        self.wait()
    }

    /// Puts the lines among `bytes` bytes that were read into the journal.
    fn take(&mut self, bytes: usize) -> Result<()> {
        let batch = &*self.batch;
        if !self.journal.has_place && self.journal.bytes == 0 {
            // It is known now where in the source the journal starts.
            if let Some(position) = self.input.position(bytes as u64) {
                self.journal = batch.start(self.journal.start, Some(position))?;
            }
        }
        self.rest.extend_from_slice(&self.buffer[..bytes]);
        batch.stats.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let whole = match memchr::memrchr(b'\n', &self.rest) {
            Some(last) => last + 1,
            None if self.rest.len() >= LINE_BYTES_MAX => self.rest.len(),
            None => 0,
        };
        batch.keep(&mut self.journal, &self.rest[..whole])?;
        self.rest.drain(..whole);
        if bytes == self.buffer.len() && bytes < READ_BYTES_MAX {
            self.buffer.resize(2 * bytes, 0);
        }
        Ok(())
    }

    /// Starts to append the journal, once the one before it is in the table, and starts the next one.
    fn seal(&mut self, position: Option<Position>) -> Result<()> {
        self.wait()?;
        let batch = Arc::clone(&self.batch);
        let sealed = self.journal.seal(position.clone()).map_err(|e| batch.refused(e))?;
        self.journal = batch.start(sealed.end, position)?;
        self.appending = Some(self.scope.spawn(move || batch.append(&sealed)));
        Ok(())
    }

    fn is_appending(&self) -> bool {
        self.appending.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn wait(&mut self) -> Result<()> {
        let thread = self.appending.take();
        thread.map_or(Ok(()), |thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

/// How a source's lines become batches.
pub(crate) struct Batch<'a> {
    pub(crate) table: &'a Table,
    pub(crate) options: &'a IngestOptions,
    pub(crate) control: &'a Control<'a>,
    pub(crate) stats: Arc<SourceStats>,
    pub(crate) journals: Journals,
    /// Who appends, in the ledger.
    pub(crate) producer: String,
    /// What batches are called.
    pub(crate) name: String,
}

impl Batch<'_> {
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

    /// Starts a journal, however long the disk refuses.
    fn start(&self, start: u64, position: Option<Position>) -> Result<Journal> {
        loop {
            match self.journals.start(start, position.clone()) {
                Ok(journal) => return Ok(journal),
                Err(e) => self.insists(e)?,
            }
        }
    }

    /// Appends a journal and removes it. A disk that refuses is asked again until it does not; the lines are safe.
    fn append(&self, sealed: &Sealed) -> Result<()> {
        let idempotency = Idempotency { producer: self.producer.clone(), sequence: sealed.end };
        let note = sealed.position.as_ref().map(|at| json!({ "ingest": { "end": at } }).to_string());
        let options = AppendOptions { idempotency: Some(idempotency), note, ..self.options.append.clone() };
        let _room = self.control.room_for(sealed.bytes);
        let began = Instant::now();
        let report = loop {
            match self.table.append_csv(BatchSource::path(&sealed.path).named(&self.name), &options) {
                Ok(report) => break report,
                Err(e) if e.kind() == ErrorKind::Io && !self.control.stops() => {
                    self.tell_refused(&e);
                    self.control.sleep(PATIENCE);
                }
                Err(error) => return Err(Error::Table { source: self.name.clone(), error }),
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
        self.control.tell(Told::Appended { source: &self.name, lines: sealed.lines, report, took, delay });
    }

    /// The source or the disk refused, and is asked again.
    fn tell_refused(&self, error: &dyn std::fmt::Display) {
        self.stats.errors.fetch_add(1, Ordering::Relaxed);
        self.control.tell(Told::Refused { source: &self.name, error: error.to_string() });
    }

    /// Waits after the disk refused what nothing can be done without: an error once one is to stop. What is not in a journal then is in
    /// the source.
    fn insists(&self, error: io::Error) -> Result<()> {
        if self.control.stops() {
            return Err(self.refused(error));
        }
        self.tell_refused(&error);
        self.control.sleep(PATIENCE);
        Ok(())
    }

    fn refused(&self, error: io::Error) -> Error {
        Error::Journal { source: self.name.clone(), error }
    }
}
