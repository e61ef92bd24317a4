//! What the events after a manifest put in the place of its segments.
//!
//! * A splice stands for batches of the manifest, from one border of its segments to another; none of them if it is new at the end.
//! * Splices are sorted and do not touch the same batches. Only the last may hold batches that the manifest does not have.

use std::{ops::Range, sync::Arc};

use super::{Entry, Manifest, Placed, Sums};
use crate::error::Result;

/// Segments in the place of some of a manifest's.
#[derive(Clone, Debug)]
pub(super) struct Splice {
    /// The batches of the manifest that it stands for.
    pub(super) base: Range<u64>,
    /// What the manifest's segments before it add up to.
    before: Sums,
    /// What those add up to that it stands for.
    removed: Sums,
    /// Never none.
    entries: Vec<Arc<Entry>>,
    /// What the entries up to and with each add up to.
    ends: Vec<Sums>,
}

impl Splice {
    pub(super) fn new(manifest: &Manifest, base: Range<u64>, entries: Vec<Arc<Entry>>) -> Result<Self> {
        let before = manifest.sums_before(base.start)?;
        let removed = if base.is_empty() { Sums::default() } else { manifest.sums_before(base.end)? - before };
        let mut splice = Self { base, before, removed, entries: vec![], ends: vec![] };
        entries.into_iter().for_each(|entry| splice.push(entry));
        Ok(splice)
    }

    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        self.ends.push(self.sums() + entry.live.sums());
        self.entries.push(entry);
    }

    pub(super) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The batches that its segments hold.
    pub(super) fn batches(&self) -> Range<u64> {
        self.base.start..self.entries.last().map_or(self.base.end, |entry| entry.live.batch.end)
    }

    /// What the manifest's segments before it add up to.
    pub(super) fn before(&self) -> Sums {
        self.before
    }

    /// What its segments add up to.
    pub(super) fn sums(&self) -> Sums {
        self.ends.last().copied().unwrap_or_default()
    }

    /// By how much everything behind it is moved.
    pub(super) fn moves(&self) -> Sums {
        self.sums() - self.removed
    }

    /// What its segments before one of them add up to.
    pub(super) fn before_entry(&self, entry: usize) -> Sums {
        entry.checked_sub(1).map_or(Sums::default(), |last| self.ends[last])
    }

    /// One of its segments; `before` is what comes before the splice.
    pub(super) fn placed(&self, entry: usize, before: Sums) -> Placed {
        let before = before + self.before_entry(entry);
        Placed { live: self.entries[entry].live.clone(), index: before.segments, first_row: before.rows }
    }

    /// The segment that holds a batch that it holds.
    pub(super) fn entry_of_batch(&self, batch: u64) -> usize {
        self.entries.partition_point(|entry| entry.live.batch.end <= batch).min(self.entries.len() - 1)
    }

    /// The segment that holds a row, counted from its first; it must hold so many.
    pub(super) fn entry_of_row(&self, row: u64) -> usize {
        self.ends.partition_point(|end| end.rows <= row).min(self.entries.len() - 1)
    }
}
