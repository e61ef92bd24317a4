//! What a version can tell about single events and batches, and the whole history for those who need all of it.
//!
//! * Lines are read where the manifest says they are, and believed if their chain value is the one it has for them.
//! * The whole history takes some hundred bytes per batch and the time to read the ledger: it is folded when it is first
//!   asked for, and kept.

use std::{
    io,
    ops::Range,
    sync::{Arc, PoisonError},
};

use at1_codec::ReadAt;
use at1_ledger::{BatchRecord, Event, Kind, State, Totals, parse_line};

use super::Version;
use crate::{
    error::{Error, Result},
    lines::Lines,
    paths,
    store::Store,
};

impl Version {
    /// Everything that the events say.
    pub(crate) fn history(&self, store: &dyn Store) -> Result<Arc<State>> {
        self.history_since(store, self.events())
    }

    /// Everything that the events say, up to any number of them that is not below `events`.
    pub(super) fn history_since(&self, store: &dyn Store, events: u64) -> Result<Arc<State>> {
        let mut known = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |known: &&Arc<State>| match known.events() == self.events() {
            true => known.chain() == self.tip.chain(),
            false => (events..self.events()).contains(&known.events()),
        };
        if let Some(known) = known.as_ref().filter(fits) {
            return Ok(Arc::clone(known));
        }
        let file = store.open(paths::LEDGER).map_err(|e| Error::io(paths::LEDGER, e))?;
        let header_bytes = self.header.line().len() as u64 + 1;
        let mut lines = Lines::all(&*file, header_bytes, self.whole_bytes());
        let mut state = State::new(&self.header);
        while let Some(line) = lines.next().map_err(|e| Error::io(paths::LEDGER, e))? {
            let event = parse_line(&line).map_err(|e| Error::from(e).within(paths::LEDGER))?;
            state.apply(&event).map_err(|e| Error::from(e).within(paths::LEDGER))?;
        }
        if state.chain() != self.tip.chain() {
            let expected = format!("chain value {} after event {}", self.tip.chain(), self.events().saturating_sub(1));
            return Err(Error::corrupt(paths::LEDGER, expected, state.chain()));
        }
        Ok(Arc::clone(known.insert(Arc::new(state))))
    }

    /// The totals after the first `events` events.
    pub(crate) fn totals_after(&self, events: u64) -> Result<Totals> {
        match events.checked_sub(1) {
            None => Ok(Totals::default()),
            Some(last) => Ok(self.tail.event(last)?.totals),
        }
    }

    /// What the batches before `batch` add up to.
    pub(crate) fn totals_before(&self, store: &dyn Store, batch: u64) -> Result<Totals> {
        let Some(event) = self.tail.event_of_batch(batch)? else {
            let all = self.tip.totals();
            return if batch == all.batches { Ok(all) } else { Err(no_batch(batch)) };
        };
        let before = self.totals_after(event)?;
        if before.batches == batch {
            return Ok(before);
        }
        let event = Events::new(self, store).read(event)?;
        let index = usize::try_from(batch - before.batches).unwrap_or(usize::MAX);
        let earlier = event.detail.kind.batches().get(..index);
        earlier.and_then(|earlier| before.plus(earlier)).ok_or_else(|| no_batch(batch))
    }

    /// The event that appended a batch.
    pub(crate) fn event_of_batch(&self, batch: u64) -> Result<u64> {
        self.tail.event_of_batch(batch)?.ok_or_else(|| no_batch(batch))
    }

    /// The event that appended a row of the table.
    pub(crate) fn event_of_row(&self, row: u64) -> Result<u64> {
        let none = || Error::corrupt(paths::LEDGER, "a batch for every row", row);
        // The segment's batches are a narrow place to search, unless much was merged.
        let held = self.tail.live.at_row(row)?.ok_or_else(none)?.live.batch;
        let (mut first, mut last) = (self.event_of_batch(held.start)?, self.event_of_batch(held.end - 1)?);
        while first < last {
            let middle = first + (last - first) / 2;
            if self.tail.event(middle)?.totals.rows <= row { first = middle + 1 } else { last = middle }
        }
        Ok(first)
    }

    /// The batch that holds a row of the table.
    pub(crate) fn batch_of_row(&self, store: &dyn Store, row: u64) -> Result<u64> {
        Events::new(self, store).at_row(row).map(|origin| origin.batch)
    }
}

fn no_batch(batch: u64) -> Error {
    Error::corrupt(paths::LEDGER, format!("an event with batch {batch}"), "none")
}

/// Where a row came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) event: u64,
    pub(crate) batch: u64,
    /// The table's rows that the batch is.
    pub(crate) rows: Range<u64>,
}

/// Reads events out of the ledger, one after the other or here and there.
pub(crate) struct Events<'a> {
    version: &'a Version,
    store: &'a dyn Store,
    file: Option<Arc<dyn ReadAt>>,
    last: Option<Arc<Event>>,
    /// The event of the row that was asked for last, and the totals after it.
    at: Option<(u64, Totals)>,
}

impl<'a> Events<'a> {
    /// Of the events of `version`.
    pub(crate) fn new(version: &'a Version, store: &'a dyn Store) -> Self {
        Self { version, store, file: None, last: None, at: None }
    }

    /// Event `n`.
    pub(crate) fn read(&mut self, n: u64) -> Result<Arc<Event>> {
        if let Some(last) = self.last.as_ref().filter(|last| last.n == n) {
            return Ok(Arc::clone(last));
        }
        let io = |e: io::Error| Error::io(paths::LEDGER, e);
        let entry = self.version.tail.event(n)?;
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(self.store.open(paths::LEDGER).map_err(io)?),
        };
        let line = Lines::new(&**file, entry.offset, self.version.whole_bytes()).next().map_err(io)?;
        let place = || format!("{}: event {n}", paths::LEDGER);
        let line = line.ok_or_else(|| Error::corrupt(place(), "a line", "its end"))?;
        let event = parse_line(&line).map_err(|e| Error::from(e).within(&place()))?;
        if event.chain != entry.chain || event.n != n {
            return Err(Error::corrupt(place(), format!("chain value {}", entry.chain), event.chain));
        }
        let event = Arc::new(event);
        self.last = Some(Arc::clone(&event));
        Ok(event)
    }

    /// The batch that holds a row of the table. Reads no line unless its event appended several.
    pub(crate) fn at_row(&mut self, row: u64) -> Result<Origin> {
        let (event, before, after) = match self.next_to_last(row)? {
            Some(found) => found,
            None => {
                let event = self.version.event_of_row(row)?;
                (event, self.version.totals_after(event)?, self.version.totals_after(event + 1)?)
            }
        };
        self.at = Some((event, after));
        if after.batches - before.batches == 1 {
            return Ok(Origin { event, batch: before.batches, rows: before.rows..after.rows });
        }
        let mut rows = before.rows..before.rows;
        for (batch, record) in (before.batches..).zip(self.read(event)?.detail.kind.batches()) {
            rows = rows.end..rows.end + record.rows;
            if rows.contains(&row) {
                return Ok(Origin { event, batch, rows });
            }
        }
        Err(Error::corrupt(paths::LEDGER, "a batch for every row", row))
    }

    /// The event that appended a row, if that is the one after the event found last; rows are mostly asked for one after the other.
    fn next_to_last(&self, row: u64) -> Result<Option<(u64, Totals, Totals)>> {
        let Some((last, before)) =
            self.at.filter(|(last, before)| before.rows <= row && last + 1 < self.version.events())
        else {
            return Ok(None);
        };
        let after = self.version.totals_after(last + 2)?;
        Ok((row < after.rows).then_some((last + 1, before, after)))
    }

    /// The record of a batch.
    pub(crate) fn record(&mut self, batch: u64) -> Result<(Arc<Event>, BatchRecord)> {
        let event = self.read(self.version.event_of_batch(batch)?)?;
        let first = event.detail.totals.batches - event.detail.kind.batches().len() as u64;
        let Kind::Append { batches, .. } = &event.detail.kind else { return Err(no_batch(batch)) };
        let index = usize::try_from(batch - first).unwrap_or(usize::MAX);
        let record = batches.get(index).cloned().ok_or_else(|| no_batch(batch))?;
        Ok((event, record))
    }
}
