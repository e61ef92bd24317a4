//! One state of a table, folded from the ledger, and kept so that the next look reads only what is new.
//!
//! * A reader sees the events up to the last full line; a torn tail is somebody's unfinished or lost append, and is ignored.
//! * What was folded before is believed again only if the last line folded still stands where it stood.
//! * A line with LF whose hash is wrong is damage, and never read past.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use at1_catalog::Zones;
use at1_codec::{ReadAt, column::Pin};
use at1_ledger::{
    Carried, ErrorKind as LedgerErrorKind, Header, Kind, LINE_BYTES_MAX, SchemaEvent, SegmentRecord, State, parse_line,
};

use crate::{
    error::{Error, ErrorKind, Result},
    paths,
    schema::{self, TableColumn, TableSchema},
    segments,
    store::{Store, read_range},
};

/// How much of the ledger is read at a time.
const CHUNK_BYTES: u64 = 1 << 20;
/// How often a look is repeated that a writer may have disturbed by cutting a torn tail.
const ATTEMPTS: usize = 3;

/// One state of a table.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) header: Header,
    pub(crate) state: State,
    pub(crate) schema: Arc<TableSchema>,
    /// How many of the events are appends.
    pub(crate) appends: u64,
    /// The length of the ledger up to the last full line.
    pub(crate) whole_bytes: u64,
    /// That line; the header's before event 0.
    last_line: Vec<u8>,
    /// How many of the state's schema events are folded into `schema`.
    schema_events: usize,
    /// The types and readings of the columns after each event that changed the schema.
    pins: Vec<(u64, Arc<Vec<Pin>>)>,
    /// The live segments' zones, once they were asked for.
    zones: OnceLock<Arc<Zones>>,
}

/// What a look at the ledger found.
pub(crate) struct Look {
    pub(crate) version: Arc<Version>,
    /// What stands behind the last full line.
    pub(crate) torn: Vec<u8>,
    /// How much of the ledger was read.
    pub(crate) bytes_read: u64,
}

/// Reads what is new since `known`, or everything.
pub(crate) fn look(store: &dyn Store, known: Option<Arc<Version>>) -> Result<Look> {
    let mut known = known;
    for attempt in 1.. {
        match look_once(store, known.take()) {
            // A writer that cuts a torn tail and writes its own line there can be met half-way.
            Err(error) if attempt < ATTEMPTS && error.kind() == ErrorKind::Corrupt => {}
            other => return other,
        }
    }
    unreachable!("the last attempt returns")
}

fn look_once(store: &dyn Store, known: Option<Arc<Version>>) -> Result<Look> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => no_table(store),
        io::ErrorKind::UnexpectedEof => Error::corrupt(paths::LEDGER, "a file that only grows", "a shorter one"),
        _ => Error::io(paths::LEDGER, e),
    };
    let file = store.open(paths::LEDGER).map_err(failed)?;
    let size = file.size().map_err(failed)?;
    let known = match known {
        Some(known) if known.still_stands(&*file, size).map_err(failed)? => Some(known),
        _ => None,
    };
    let at = known.as_ref().map_or(0, |v| v.whole_bytes);
    let mut reader = Lines::new(&*file, at, size);
    let mut version = match known {
        Some(known) => known,
        None => {
            let line = reader.next().map_err(failed)?;
            let line = line.ok_or_else(|| no_table(store))?;
            let header = Header::parse(&line[..line.len() - 1]).map_err(|e| Error::from(e).within(paths::LEDGER))?;
            Arc::new(Version::new(header, line))
        }
    };
    while let Some(line) = reader.next().map_err(failed)? {
        // No copy unless a reader still holds the old state.
        Arc::make_mut(&mut version).push(&line).map_err(|e| e.within(paths::LEDGER))?;
    }
    let torn = reader.rest();
    if version.schema_events < version.state.schema().len() {
        Arc::make_mut(&mut version).fold_schema(store)?;
    }
    Ok(Look { version, torn, bytes_read: size - at })
}

fn no_table(store: &dyn Store) -> Error {
    Error::new(ErrorKind::NoTable, store.place(), "a table", "none")
}

impl Version {
    pub(crate) fn new(header: Header, line: Vec<u8>) -> Self {
        Self {
            state: State::new(&header),
            header,
            schema: Arc::default(),
            appends: 0,
            whole_bytes: line.len() as u64,
            last_line: line,
            schema_events: 0,
            pins: vec![],
            zones: OnceLock::new(),
        }
    }

    /// A state that was folded elsewhere, for a look at its schema.
    pub(crate) fn of_state(header: Header, state: State) -> Self {
        Self { state, ..Self::new(header, vec![]) }
    }

    fn still_stands(&self, file: &dyn ReadAt, size: u64) -> io::Result<bool> {
        if size < self.whole_bytes {
            return Ok(false);
        }
        Ok(read_range(file, self.whole_bytes - self.last_line.len() as u64, self.whole_bytes)? == self.last_line)
    }

    /// Folds the next line. After an error the state is not to be used.
    pub(crate) fn push(&mut self, line: &[u8]) -> Result<()> {
        let place = format!("event {}", self.state.events());
        let event = parse_line(line).map_err(|e| match e.kind() {
            // An operation of a later version: what it did is not known, so nothing after it is either.
            LedgerErrorKind::Unknown => Error::from(e).within(&place).with_kind(ErrorKind::Unsupported),
            _ => Error::from(e).within(&place),
        })?;
        self.state.apply(&event)?;
        self.appends += u64::from(matches!(event.detail.kind, Kind::Append { .. }));
        self.whole_bytes += line.len() as u64;
        self.last_line = line.to_vec();
        self.zones = OnceLock::new();
        Ok(())
    }

    /// Folds schema changes that are not folded yet.
    pub(crate) fn fold_schema(&mut self, store: &dyn Store) -> Result<()> {
        let mut schema = Arc::clone(&self.schema);
        for event in &self.state.schema()[self.schema_events..] {
            self.fold_schema_event(store, event, Arc::make_mut(&mut schema))?;
            let pins = schema.columns.iter().map(TableColumn::pin).collect();
            self.pins.push((event.event, Arc::new(pins)));
        }
        self.schema = schema;
        self.schema_events = self.state.schema().len();
        Ok(())
    }

    /// One event's changes; long ones lie in the footer of the segment that has the event's first batch.
    fn fold_schema_event(&self, store: &dyn Store, event: &SchemaEvent, schema: &mut TableSchema) -> Result<()> {
        let place = format!("event {}: schema", event.event);
        let changes = match &event.changes {
            Carried::Inline(changes) => changes.clone(),
            Carried::InFooter(sha256) => {
                let before = event.event.checked_sub(1).and_then(|n| self.state.totals_at(n)).unwrap_or_default();
                let segment = self.state.segment_of(before.batches);
                let segment = segment.ok_or_else(|| Error::corrupt(place.clone(), "a live segment", "none"))?;
                segments::schema_text(store, segment, *sha256).map_err(|e| e.within(&place))?
            }
        };
        schema::read_changes(&changes, schema).map_err(|e| e.within(&place))
    }

    /// The schema after the first `events` events.
    pub(crate) fn schema_after(&self, store: &dyn Store, events: u64) -> Result<Arc<TableSchema>> {
        let changes = self.state.schema();
        let visible = changes.partition_point(|change| change.event < events);
        if visible == changes.len() {
            return Ok(Arc::clone(&self.schema));
        }
        let mut schema = TableSchema::default();
        for event in &changes[..visible] {
            self.fold_schema_event(store, event, &mut schema)?;
        }
        Ok(Arc::new(schema))
    }
}

impl Version {
    /// The live segments' zones, made by `make` the first time.
    pub(crate) fn zones(&self, make: impl FnOnce() -> Result<Arc<Zones>>) -> Result<Arc<Zones>> {
        if let Some(zones) = self.zones.get() {
            return Ok(Arc::clone(zones));
        }
        let zones = make()?;
        Ok(Arc::clone(self.zones.get_or_init(|| zones)))
    }

    /// The batch that holds a row of the table.
    pub(crate) fn batch_of_row(&self, row: u64) -> Option<u64> {
        let (mut first, mut end) = (0, self.state.totals().batches);
        while first < end {
            let middle = first + (end - first) / 2;
            if self.state.batch_rows(middle)?.end <= row { first = middle + 1 } else { end = middle }
        }
        (first < self.state.totals().batches).then_some(first)
    }

    /// The types and readings that a segment was written with.
    pub(crate) fn pins_of(&self, record: &SegmentRecord) -> &[Pin] {
        self.pins_at(record.schema_at.unwrap_or_else(|| segments::event_of(record)))
    }

    /// The types and readings of the columns after an event.
    pub(crate) fn pins_at(&self, event: u64) -> &[Pin] {
        let known = self.pins.partition_point(|(changed, _)| *changed <= event);
        known.checked_sub(1).map_or(&[], |last| &self.pins[last].1)
    }
}

/// The full lines of a file, from some place on.
pub(crate) struct Lines<'a> {
    file: &'a dyn ReadAt,
    at: u64,
    size: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    given: usize,
}

impl<'a> Lines<'a> {
    /// The lines from byte `at` on, of a file of `size` bytes.
    pub(crate) fn new(file: &'a dyn ReadAt, at: u64, size: u64) -> Self {
        Self { file, at, size, buffer: vec![], given: 0 }
    }

    /// The next full line, its LF included.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = self.given;
        loop {
            if let Some(lf) = self.buffer[searched..].iter().position(|&byte| byte == b'\n') {
                let end = searched + lf + 1;
                return Ok(Some(self.buffer[std::mem::replace(&mut self.given, end)..end].to_vec()));
            }
            if self.at == self.size {
                return Ok(None);
            }
            self.buffer.drain(..std::mem::take(&mut self.given));
            searched = self.buffer.len();
            if searched > LINE_BYTES_MAX {
                let message = format!("expected an LF within {LINE_BYTES_MAX} bytes, found none");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let end = self.size.min(self.at + CHUNK_BYTES);
            self.buffer.extend_from_slice(&read_range(self.file, self.at, end)?);
            self.at = end;
        }
    }

    /// What follows the last full line, once `next` gave `None`.
    fn rest(mut self) -> Vec<u8> {
        self.buffer.split_off(self.given)
    }
}
