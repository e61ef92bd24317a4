//! Which segments a query cannot do without, found block by block as it goes.

use std::{ops::Range, sync::Arc};

use at1_catalog::{Bound, Pruning, SegmentZone, Verdict, ZonesBuilder};
use at1_codec::column::Pin;

use super::{Entry, LiveSegments, Placed};
use crate::error::Result;

/// What a query asks of the live segments.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Which rows match.
    pub(crate) bound: Bound,
    /// The types and readings of the columns that it is bound to.
    pub(crate) asked: Arc<Vec<Pin>>,
    /// Only segments that hold any of these batches.
    pub(crate) batches: Range<u64>,
    /// Only segments that hold any of these rows.
    pub(crate) rows: Range<u64>,
    /// Whether zones are used.
    pub(crate) pruning: Pruning,
}

/// What a plan met so far. Segments are counted once, where they were ruled out; those outside of the question's batches and rows
/// not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlanCounts {
    /// Blocks of the manifest that were looked into.
    pub(crate) blocks_read: u64,
    /// Blocks that their parents ruled out.
    pub(crate) blocks_skipped: u64,
    /// The segments in them.
    pub(crate) segments_skipped_by_blocks: u64,
    /// Segments that their own zones ruled out.
    pub(crate) segments_skipped_by_zones: u64,
    /// Segments that remain.
    pub(crate) segments_kept: u64,
    /// Bytes of the manifest that were read.
    pub(crate) bytes_read: u64,
}

/// The segments that a question cannot do without, in the order of their rows, each with what its zones prove: never `Skip`.
pub(crate) struct Plan {
    found: Box<dyn DoubleEndedIterator<Item = Result<(Placed, Verdict)>> + Send>,
    backwards: bool,
    counts: PlanCounts,
}

impl Plan {
    pub(super) fn new(live: LiveSegments, question: Question) -> Self {
        let mut counts = PlanCounts::default();
        let found = find(&live, &question, &mut counts);
        let found: Vec<_> = found.map_or_else(|e| vec![Err(e)], |found| found.into_iter().map(Ok).collect());
        Self { found: Box::new(found.into_iter()), backwards: false, counts }
    }

    /// The same from the last to the first. Asked before anything was taken.
    #[must_use]
    pub(crate) fn backwards(self) -> Self {
        Self { backwards: true, ..self }
    }

    /// What it met so far.
    pub(crate) fn counts(&self) -> PlanCounts {
        self.counts
    }
}

impl Iterator for Plan {
    type Item = Result<(Placed, Verdict)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.backwards { self.found.next_back() } else { self.found.next() }
    }
}

fn find(live: &LiveSegments, question: &Question, counts: &mut PlanCounts) -> Result<Vec<(Placed, Verdict)>> {
    let Question { bound, asked, batches, rows, pruning } = question;
    let mut builder = ZonesBuilder::new(bound.schema());
    let mut candidates = vec![];
    for (placed, entry) in live.placed().zip(live.entries()) {
        let batch = &placed.live.batch;
        let place = placed.first_row..placed.first_row + placed.live.rows;
        let overlap = |a: &Range<u64>, b: &Range<u64>| a.start.max(b.start) < a.end.min(b.end);
        if overlap(batch, batches) && overlap(&place, rows) {
            builder.push(placed.live.rows, seen(entry, asked))?;
            candidates.push(placed);
        }
    }
    let verdicts = match pruning {
        Pruning::On => bound.verdicts(&builder.finish()?),
        Pruning::Off => vec![Verdict::Read; candidates.len()],
    };
    let all = candidates.len() as u64;
    let found: Vec<_> = candidates.into_iter().zip(verdicts).filter(|(_, v)| *v != Verdict::Skip).collect();
    counts.segments_kept = found.len() as u64;
    counts.segments_skipped_by_zones = all - counts.segments_kept;
    Ok(found)
}

/// What a segment says about each column, as it is asked for.
fn seen<'a>(entry: &'a Entry, asked: &'a [Pin]) -> impl Iterator<Item = SegmentZone> + 'a {
    let rows = entry.live.rows;
    asked.iter().enumerate().map(move |(column, asked)| match (entry.pins.get(column), entry.zones.get(column)) {
        (None, _) => SegmentZone::Missing,
        (Some(stored), Some(Some(zone))) => SegmentZone::seen(*stored, *asked, rows, zone.clone()),
        (Some(_), _) => SegmentZone::Unknown,
    })
}
