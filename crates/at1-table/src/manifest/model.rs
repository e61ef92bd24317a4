//! What the manifest keeps: segments, events, sums of both. Plain values, no bytes and no files.

use std::{
    ops::{Add, Range, Sub},
    sync::Arc,
};

use at1_catalog::ZoneText;
use at1_codec::column::Pin;
use at1_ledger::{Digest, SegmentRecord, Timestamp, Totals, parse_segment_name, segment_name};

use crate::error::{Error, Result};

/// A live segment: all that is needed to open it and to know what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    /// The event that committed it.
    pub(crate) event: u64,
    /// Which of the event's segments it is.
    pub(crate) part: u64,
    /// The file's length.
    pub(crate) bytes: u64,
    /// How many of its last bytes are the footer.
    pub(crate) footer_bytes: u64,
    pub(crate) footer_sha256: Digest,
    pub(crate) batch: Range<u64>,
    pub(crate) rows: u64,
    /// Of its batches.
    pub(crate) source_bytes: u64,
    /// The event whose schema it was written in.
    pub(crate) schema_at: u64,
}

impl Live {
    /// A segment as its event says, with the source bytes of its batches.
    pub(crate) fn new(record: &SegmentRecord, source_bytes: u64) -> Result<Self> {
        let bad = || Error::corrupt("segment", "a segment's name", &record.name);
        let (event, part) = parse_segment_name(&record.name).ok_or_else(bad)?;
        Ok(Self {
            event,
            part,
            bytes: record.bytes,
            footer_bytes: record.footer_bytes,
            footer_sha256: record.footer_sha256,
            batch: record.batch.clone(),
            rows: record.rows,
            source_bytes,
            schema_at: record.schema_at.unwrap_or(event),
        })
    }

    /// The file's name.
    pub(crate) fn name(&self) -> String {
        segment_name(self.event, self.part)
    }

    pub(crate) fn sums(&self) -> Sums {
        Sums { segments: 1, rows: self.rows, bytes: self.bytes, source_bytes: self.source_bytes }
    }
}

/// A live segment with everything that the manifest keeps about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) live: Live,
    /// Digest of the whole file.
    pub(crate) sha256: Digest,
    /// By column of the table, as the event says; what is left out is unknown.
    pub(crate) zones: Vec<Option<ZoneText>>,
    /// The types and readings of the columns that it was written with; it lacks the columns beyond.
    pub(crate) pins: Arc<Vec<Pin>>,
}

/// A live segment and its place among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) live: Live,
    /// Its place among the live segments.
    pub(crate) index: u64,
    /// The ordinal of its first row in the table.
    pub(crate) first_row: u64,
}

/// What neighbouring segments add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) segments: u64,
    pub(crate) rows: u64,
    /// Of the files.
    pub(crate) bytes: u64,
    pub(crate) source_bytes: u64,
}

impl Sums {
    /// Both; `None` if a number gets too large.
    pub(super) fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            segments: self.segments.checked_add(other.segments)?,
            rows: self.rows.checked_add(other.rows)?,
            bytes: self.bytes.checked_add(other.bytes)?,
            source_bytes: self.source_bytes.checked_add(other.source_bytes)?,
        })
    }
}

impl Add for Sums {
    type Output = Self;

    // Wrapping, like `Sub`, since differences are added up too. What a block says was added up with a look at the end.
    fn add(self, other: Self) -> Self {
        Self {
            segments: self.segments.wrapping_add(other.segments),
            rows: self.rows.wrapping_add(other.rows),
            bytes: self.bytes.wrapping_add(other.bytes),
            source_bytes: self.source_bytes.wrapping_add(other.source_bytes),
        }
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            segments: self.segments.wrapping_sub(other.segments),
            rows: self.rows.wrapping_sub(other.rows),
            bytes: self.bytes.wrapping_sub(other.bytes),
            source_bytes: self.source_bytes.wrapping_sub(other.source_bytes),
        }
    }
}

impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// What is kept of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventEntry {
    /// Where its line starts in the ledger.
    pub(crate) offset: u64,
    /// The chain value after it.
    pub(crate) chain: Digest,
    pub(crate) ts: Timestamp,
    /// After it.
    pub(crate) totals: Totals,
}

/// What there was after an event, as only a report on that event asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How many of the events were appends.
    pub(crate) appends: u64,
    /// Live segments.
    pub(crate) segments: u64,
    /// Of their files.
    pub(crate) segment_bytes: u64,
    /// Fields that their columns could not hold when they were appended.
    pub(crate) rejects: u64,
}

/// A segment that a compaction replaced and no vacuum removed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pending {
    /// With `part`, the segment's name.
    pub(crate) event: u64,
    pub(crate) part: u64,
    /// The file's length.
    pub(crate) bytes: u64,
    /// The compaction.
    pub(crate) by: u64,
    /// The compaction's time.
    pub(crate) ts: Timestamp,
}

impl Pending {
    /// The file's name.
    pub(crate) fn name(&self) -> String {
        segment_name(self.event, self.part)
    }
}

/// What a manifest says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    /// How many events it folds.
    pub(crate) events: u64,
    /// The chain value after them; the genesis before event 0.
    pub(crate) chain: Digest,
    /// The newest one's time.
    pub(crate) ts: Option<Timestamp>,
    pub(crate) totals: Totals,
    /// How many of the events are appends.
    pub(crate) appends: u64,
    /// Fields that their columns could not hold when they were appended.
    pub(crate) rejects: u64,
    /// The length of the ledger up to them.
    pub(crate) ledger_bytes: u64,
    /// The length of the newest one's line, the header's before event 0.
    pub(crate) last_line_bytes: u64,
    /// The live segments.
    pub(crate) segments: Sums,
}
