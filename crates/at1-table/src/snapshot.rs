//! One state of a table, which stays as it is whatever happens to the table.
//!
//! * The table at event n is its first rows, as many as there were then, read with that event's schema. So any newer layout of the
//!   segments will do to read an older state, and none is ever refused because its files are gone.
//! * A file that a compaction replaced and a vacuum removed is looked for where its batches are now: readers hold no lock and no
//!   lease, and see one state from beginning to end.

use std::{
    fmt,
    ops::Range,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use at1_codec::Segment;
use at1_ledger::{BatchRecord, ChainHead, State, Timestamp, Totals};

use crate::{
    error::{Error, Result},
    manifest::{self, EventEntry, Live},
    paths,
    scan::{ScanOptions, TableScan},
    schema::TableSchema,
    segments,
    store::Store,
    table::Table,
    version::{self, Footing, Version},
};

/// A past state of a table.
///
/// ```
/// use at1_table::AsOf;
/// assert_eq!("42".parse::<AsOf>()?, AsOf::Event(42));
/// assert_eq!("2026-01-22".parse::<AsOf>()?, "2026-01-22T00:00:00Z".parse()?);
/// assert_eq!("2026-01-22 16:00".parse::<AsOf>()?, "2026-01-22T17:00+01:00".parse()?);
/// # Ok::<(), at1_table::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// After this event.
    Event(u64),
    /// After the newest event that was not later than this.
    Time(Timestamp),
}

impl FromStr for AsOf {
    type Err = Error;

    /// All digits are an event, everything else is a time: UTC unless it names an offset, a date alone its first instant.
    fn from_str(text: &str) -> Result<Self> {
        let expected = "an event's number, or a time such as 2026-01-22T16:00:00Z";
        let wrong = || Error::invalid("as of", expected, text);
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Event).map_err(|_| wrong());
        }
        let instant = text.parse::<jiff::Timestamp>().or_else(|_| {
            let naive: jiff::civil::DateTime = text.parse()?;
            jiff::tz::Offset::UTC.to_timestamp(naive)
        });
        let nanos = instant.map_err(|_| wrong())?.as_nanosecond();
        Timestamp::from_nanos(nanos).map(Self::Time).ok_or_else(wrong)
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => write!(f, "event {event}"),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// One state of a table.
///
/// Clones are the same state. A snapshot holds no lock and no file, and may outlive its [`Table`].
#[derive(Clone)]
pub struct Snapshot {
    store: Arc<dyn Store>,
    /// The newest version that was looked at: it knows where the batches are.
    layout: Arc<Mutex<Arc<Version>>>,
    /// The event whose state it is, and what is known of that.
    at: Option<(u64, EventEntry)>,
    schema: Arc<TableSchema>,
    planning_bytes: Arc<AtomicU64>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("store", &self.store).field("event", &self.event()).finish_non_exhaustive()
    }
}

/// A batch's segment, open.
pub(crate) struct OpenSegment {
    pub(crate) live: Live,
    pub(crate) segment: Segment,
    /// The table's row that is its first.
    pub(crate) first_row: u64,
}

/// Where a batch is in its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchPlace {
    pub(crate) number: u64,
    pub(crate) first_row: u64,
}

impl Table {
    /// The newest state.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.ask(|version| self.snapshot_after(version, version.events()))
    }

    /// A past state, whatever was compacted or vacuumed since.
    ///
    /// # Errors
    /// `Invalid` if there is no such event, or none so early.
    pub fn as_of(&self, point: AsOf) -> Result<Snapshot> {
        self.ask(|version| self.snapshot_after(version, event_of(version, point)? + 1))
    }

    /// [`Table::scan`] of the state after `event`.
    ///
    /// # Errors
    /// As [`Table::as_of`] and [`Table::scan`].
    pub fn scan_as_of(&self, event: u64, options: &ScanOptions) -> Result<TableScan> {
        self.as_of(AsOf::Event(event))?.scan(options)
    }

    fn snapshot_after(&self, version: &Arc<Version>, events: u64) -> Result<Snapshot> {
        let at = events.checked_sub(1).map(|last| version.tail.event(last).map(|entry| (last, entry))).transpose()?;
        Ok(Snapshot {
            store: self.shared_store(),
            layout: Arc::new(Mutex::new(Arc::clone(version))),
            at,
            schema: version.schemas().after(events)?,
            planning_bytes: self.planning_bytes(),
        })
    }
}

/// The event that a past state is after.
fn event_of(version: &Version, point: AsOf) -> Result<u64> {
    let events = version.events();
    match point {
        AsOf::Event(event) if event < events => Ok(event),
        AsOf::Event(event) => {
            let expected = events.checked_sub(1).map_or("no event yet".to_owned(), |last| format!("at most {last}"));
            Err(Error::invalid("as of event", expected, event))
        }
        AsOf::Time(time) => match version.tail.event_at(time)? {
            Some(event) => Ok(event),
            None if events == 0 => Err(Error::invalid("as of time", "no event yet", time)),
            None => Err(Error::invalid("as of time", format!("at least {}", version.tail.event(0)?.ts), time)),
        },
    }
}

impl Snapshot {
    /// The event whose state this is; `None` for a table without events.
    pub fn event(&self) -> Option<u64> {
        self.at.map(|(event, _)| event)
    }

    /// That event's time.
    pub fn ts(&self) -> Option<Timestamp> {
        self.at.map(|(_, entry)| entry.ts)
    }

    /// The receipt for that event.
    pub(crate) fn head(&self) -> Option<ChainHead> {
        self.at.map(|(n, entry)| ChainHead { n, chain: entry.chain })
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn shared_store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// How many events there were.
    pub(crate) fn events(&self) -> u64 {
        self.at.map_or(0, |(event, _)| event + 1)
    }

    pub(crate) fn totals(&self) -> Totals {
        self.at.map(|(_, entry)| entry.totals).unwrap_or_default()
    }

    pub(crate) fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// Everything that the events say, also those after this state.
    pub(crate) fn history(&self) -> Result<Arc<State>> {
        self.ask(|version| version.history(self.store()))
    }

    /// The batches there were.
    pub(crate) fn batch_records<'s>(&self, history: &'s State) -> &'s [BatchRecord] {
        let batches = history.batches();
        &batches[..usize::try_from(self.totals().batches).unwrap_or(usize::MAX).min(batches.len())]
    }

    /// The newest version that was looked at.
    pub(crate) fn layout(&self) -> Arc<Version> {
        Arc::clone(&self.layout.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was read of the ledger to know what there is, since the last query asked.
    pub(crate) fn take_planning_bytes(&self) -> u64 {
        self.planning_bytes.swap(0, Ordering::Relaxed)
    }

    /// What `ask` says of the newest version that was looked at; of a newer one if blocks of that one's manifest are gone.
    pub(crate) fn ask<T>(&self, ask: impl Fn(&Arc<Version>) -> Result<T>) -> Result<T> {
        let mut version = self.layout();
        loop {
            match ask(&version) {
                Err(error) if manifest::is_to_blame(&error) => version = self.renew(&version, error)?,
                answer => return answer,
            }
        }
    }

    /// Looks where the batches are now, after `error` said that a block of `lost` was not there.
    ///
    /// # Errors
    /// `error`, if that rests on no blocks.
    pub(crate) fn renew(&self, lost: &Version, error: Error) -> Result<Arc<Version>> {
        let Some(look) = lost.renewed(&self.store)? else { return Err(error) };
        self.planning_bytes.fetch_add(look.bytes_read, Ordering::Relaxed);
        *self.layout.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&look.version);
        Ok(look.version)
    }

    /// Looks where the batches are now, after the file of `gone` was not there.
    ///
    /// # Errors
    /// `Corrupt` if `gone` should be there.
    pub(crate) fn look_again(&self, gone: &Live) -> Result<Arc<Version>> {
        // Another reader of this snapshot may have looked already.
        let is_live = || self.ask(|version| version.is_live(gone));
        if is_live()? {
            let mut layout = self.layout.lock().unwrap_or_else(PoisonError::into_inner);
            let look = version::look(&self.store, Some(Arc::clone(&layout)), Footing::Root)?;
            self.planning_bytes.fetch_add(look.bytes_read, Ordering::Relaxed);
            *layout = look.version;
        }
        if is_live()? { Err(segments::missing(&gone.name())) } else { Ok(self.layout()) }
    }

    /// Opens the segment that holds a batch, wherever that is by now.
    pub(crate) fn open_batch(&self, batch: u64) -> Result<OpenSegment> {
        loop {
            let none = || Error::corrupt(paths::LEDGER, format!("a segment with batch {batch}"), "none");
            let placed = self.ask(|version| version.tail.live.at_batch(batch))?.ok_or_else(none)?;
            match segments::open_if_there(self.store(), &placed.live)? {
                Some(segment) => {
                    return Ok(OpenSegment { live: placed.live, segment, first_row: placed.first_row });
                }
                None => drop(self.look_again(&placed.live)?),
            }
        }
    }

    /// Visits batches in order: the open segment, the batch's place in it, and its place in the table.
    pub(crate) fn each_batch(
        &self,
        batches: Range<u64>,
        visit: &mut dyn FnMut(&Segment, usize, BatchPlace) -> Result<()>,
    ) -> Result<()> {
        let mut open: Option<OpenSegment> = None;
        for batch in batches {
            let held = match open.take().filter(|held| held.live.batch.contains(&batch)) {
                Some(held) => held,
                None => self.open_batch(batch)?,
            };
            let place = usize::try_from(batch - held.live.batch.start).unwrap_or(usize::MAX);
            let path = paths::segment_path(&held.live.name());
            let infos = held.segment.batches().map_err(|e| segments::damage(e, &held.live.name()))?;
            let info = infos.get(place);
            let info = info.ok_or_else(|| Error::corrupt(path.clone(), format!("batch {place}"), infos.len()))?;
            let place_in_table = BatchPlace { number: batch, first_row: held.first_row + info.first_row };
            visit(&held.segment, place, place_in_table).map_err(|e| e.within(&path))?;
            open = Some(held);
        }
        Ok(())
    }
}
