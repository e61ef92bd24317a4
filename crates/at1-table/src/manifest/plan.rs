//! Which segments a query cannot do without, found block by block as it goes.

use std::{ops::Range, sync::Arc};

use at1_catalog::{Bound, Pruning, Ruled, Verdict, Zones};
use at1_codec::column::Pin;

use super::{Placed, walk::Walk};
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
/// not at all, but as a part of a block.
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
    /// Segments for which an [`Answer`] was given.
    pub(crate) segments_answered: u64,
    /// Their rows.
    pub(crate) rows_answered: u64,
    /// Segments that remain.
    pub(crate) segments_kept: u64,
    /// Bytes of the manifest that were read meanwhile.
    pub(crate) bytes_read: u64,
}

/// Takes in some of the stretches of rows that zones describe, and says which: of these nothing more is needed. All rows of the
/// stretches match, and every bound is a value, but for text that may have been cut when it was written down.
pub(crate) type Answer = Box<dyn FnMut(&Zones, &[usize]) -> Result<Vec<bool>> + Send>;

/// The segments that a question cannot do without, in the order of their rows, each with what its zones prove: never `Skip`. After
/// an error there is nothing more.
pub(crate) struct Plan(Walk);

impl Plan {
    pub(super) fn new(walk: Walk) -> Self {
        Self(walk)
    }

    /// The same from the last to the first. Asked before anything was taken.
    #[must_use]
    pub(crate) fn backwards(self) -> Self {
        Self(self.0.backwards())
    }

    /// The same without stretches that `answer` takes in by what is known of some `columns`, whole blocks among them.
    #[must_use]
    pub(crate) fn answering(self, columns: Vec<usize>, answer: Answer) -> Self {
        Self(self.0.answering(columns, answer))
    }

    /// The same, but it finds out which part of the predicate rules a block or a segment out.
    #[must_use]
    pub(crate) fn with_reasons(self) -> Self {
        Self(self.0.with_reasons())
    }

    /// The blocks and the segments that were ruled out so far, by part if that was to be found out.
    pub(crate) fn ruled(&self) -> (Ruled, Ruled) {
        self.0.ruled()
    }

    /// What it met so far.
    pub(crate) fn counts(&self) -> PlanCounts {
        self.0.counts()
    }
}

impl Iterator for Plan {
    type Item = Result<(Placed, Verdict)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|found| found.map(|found| (found.placed, found.verdict)))
    }
}
