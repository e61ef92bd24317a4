//! A walk over live segments that reads only what it needs, block by block as it goes, forwards or backwards.
//!
//! * Zones of an inner node rule out whole nodes below it, which are not read; what a zone proves of a node it proves of each
//!   segment in it, so below a node whose every row matches no zone is read.
//! * Zones are read column by column, and no further once nothing is left.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use arrow::array::UInt64Array;
use at1_catalog::{Bound, ColumnZones, Verdict, Zones};
use at1_codec::column::Pin;
use at1_ledger::Digest;

use super::{
    LiveSegments, Placed, Sums,
    grow::Stretches,
    node::{Node, NodeRef},
    plan::PlanCounts,
    splice::Splice,
};
use crate::error::Result;

/// What a walk is to find.
pub(super) struct Wanted {
    /// Segments that hold any of these batches.
    pub(super) batches: Range<u64>,
    /// And any of these rows, if rows matter.
    pub(super) rows: Option<Range<u64>>,
    /// And that may hold a row that matches, as columns are read now.
    pub(super) test: Option<(Bound, Arc<Vec<Pin>>)>,
    /// Whether the digests of the whole files are read too.
    pub(super) with_digests: bool,
}

impl Wanted {
    /// All segments that hold any of these batches.
    pub(super) fn all(batches: Range<u64>) -> Self {
        Self { batches, rows: None, test: None, with_digests: false }
    }

    fn wants(&self, batches: &Range<u64>, first_row: u64, rows: u64) -> bool {
        let place = first_row..first_row.wrapping_add(rows);
        overlap(batches, &self.batches) && self.rows.as_ref().is_none_or(|rows| overlap(&place, rows))
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

/// A segment that was found.
pub(super) struct Found {
    pub(super) placed: Placed,
    pub(super) verdict: Verdict,
    /// Of the whole file, if it was wanted.
    pub(super) sha256: Option<Digest>,
}

/// Goes from segment to segment.
pub(super) struct Walk {
    live: LiveSegments,
    wanted: Wanted,
    backwards: bool,
    /// What is still to be looked at, the next last.
    waiting: Vec<Stretch>,
    /// Where the last segments were found, and which of its items those are that were not given out yet.
    place: Option<Place>,
    ready: VecDeque<(usize, Verdict)>,
    counts: PlanCounts,
}

/// Where segments are, and what comes before.
enum Place {
    Leaf(Node, Sums),
    Splice(usize, Sums),
}

/// A stretch of the live segments.
enum Stretch {
    /// A node of the manifest, as far as it holds these batches. Before it come those that add up to `before`.
    Node { node: NodeRef, within: Range<u64>, before: Sums, verdict: Option<Verdict> },
    /// A splice.
    Splice { index: usize, before: Sums },
}

impl Walk {
    pub(super) fn new(live: LiveSegments, wanted: Wanted) -> Self {
        let mut waiting = vec![];
        let mut moved = Sums::default();
        let mut at = 0;
        let top = live.manifest().tops().segments.clone();
        let base = |within: Range<u64>, moved| {
            let node = top.clone().filter(|top| overlap(&within, &wanted.batches) && overlap(&within, &top.batch));
            node.map(|node| Stretch::Node { node, within, before: moved, verdict: None })
        };
        for (index, splice) in live.splices().iter().enumerate() {
            waiting.extend(base(at..splice.base.start, moved));
            waiting.push(Stretch::Splice { index, before: moved + splice.before() });
            (at, moved) = (splice.base.end, moved + splice.moves());
        }
        waiting.extend(base(at..u64::MAX, moved));
        waiting.reverse();
        let (place, ready, counts) = (None, VecDeque::new(), PlanCounts::default());
        Self { live, wanted, backwards: false, waiting, place, ready, counts }
    }

    /// The same from the last to the first. Asked before anything was taken.
    pub(super) fn backwards(mut self) -> Self {
        self.waiting.reverse();
        Self { backwards: true, ..self }
    }

    /// What it met so far.
    pub(super) fn counts(&self) -> PlanCounts {
        self.counts
    }

    fn look(&mut self, stretch: Stretch) -> Result<()> {
        match stretch {
            Stretch::Splice { index, before } => {
                // Shared, so that the walk may change while the splice is read.
                let live = self.live.clone();
                self.splice(&live.splices()[index], before)?;
                self.place = Some(Place::Splice(index, before));
            }
            Stretch::Node { node, within, before, verdict } => {
                let node = Node::open(self.live.manifest().store(), &node)?;
                self.counts.blocks_read += 1;
                self.node(&node, within, before, verdict)?;
                if node.level() == 0 {
                    self.place = Some(Place::Leaf(node, before));
                }
            }
        }
        Ok(())
    }

    fn splice(&mut self, splice: &Splice, before: Sums) -> Result<()> {
        let entries = splice.entries();
        let wanted: Vec<usize> = (0..entries.len())
            .filter(|&i| {
                let first_row = (before + splice.before_entry(i)).rows;
                self.wanted.wants(&entries[i].live.batch, first_row, entries[i].live.rows)
            })
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let verdicts = match &self.wanted.test {
            None => vec![Verdict::Read; wanted.len()],
            Some((bound, asked)) => {
                let stretches = Stretches::of_entries(wanted.iter().map(|&i| &*entries[i]))?;
                let rows: UInt64Array = wanted.iter().map(|&i| Some(entries[i].live.rows)).collect();
                test(bound, asked, &rows, &vec![true; wanted.len()], |c, pin| stretches.seen(c, pin, &rows))?
            }
        };
        wanted.into_iter().zip(verdicts).for_each(|(i, verdict)| self.found(i, verdict));
        Ok(())
    }

    fn node(&mut self, node: &Node, within: Range<u64>, before: Sums, verdict: Option<Verdict>) -> Result<()> {
        let wanted: Vec<bool> = (0..node.len())
            .map(|i| {
                let first_row = (before + node.before(i)).rows;
                overlap(&node.batch(i), &within) && self.wanted.wants(&node.batch(i), first_row, node.sums(i).rows)
            })
            .collect();
        let verdicts = match (verdict, &self.wanted.test) {
            (Some(verdict), _) => vec![verdict; wanted.len()],
            (None, None) => vec![Verdict::Read; wanted.len()],
            (None, Some((bound, asked))) => {
                let rows = node.row_counts();
                test(bound, asked, &rows, &wanted, |column, pin| node.column(column)?.seen(pin, &rows))?
            }
        };
        let mut below = vec![];
        for item in (0..node.len()).filter(|&item| wanted[item]) {
            let verdict = verdicts[item];
            if node.level() == 0 {
                self.found(item, verdict);
            } else if verdict == Verdict::Skip {
                self.counts.blocks_skipped += 1;
                self.counts.segments_skipped_by_blocks += node.sums(item).segments;
            } else {
                let verdict = Some(verdict).filter(|verdict| *verdict == Verdict::All);
                let (within, before) = (within.clone(), before + node.before(item));
                below.push(Stretch::Node { node: node.child(item)?, within, before, verdict });
            }
        }
        if !self.backwards {
            below.reverse();
        }
        self.waiting.append(&mut below);
        Ok(())
    }

    fn found(&mut self, item: usize, verdict: Verdict) {
        if verdict == Verdict::Skip {
            self.counts.segments_skipped_by_zones += 1;
        } else {
            self.counts.segments_kept += 1;
            self.ready.push_back((item, verdict));
        }
    }

    /// What was found as an item of the last place.
    fn place(&self, item: usize, verdict: Verdict) -> Result<Found> {
        let with_digests = self.wanted.with_digests;
        match self.place.as_ref().expect("something was found there") {
            Place::Leaf(node, before) => {
                let sha256 = if with_digests { Some(node.file_sha256(item)?) } else { None };
                Ok(Found { placed: node.placed(item, *before)?, verdict, sha256 })
            }
            Place::Splice(index, before) => {
                let splice = &self.live.splices()[*index];
                let sha256 = with_digests.then(|| splice.entries()[item].sha256);
                Ok(Found { placed: splice.placed(item, *before), verdict, sha256 })
            }
        }
    }

    fn step(&mut self) -> Result<Option<Found>> {
        loop {
            let next = if self.backwards { self.ready.pop_back() } else { self.ready.pop_front() };
            if let Some((item, verdict)) = next {
                return self.place(item, verdict).map(Some);
            }
            match self.waiting.pop() {
                Some(stretch) => self.look(stretch)?,
                None => return Ok(None),
            }
        }
    }
}

impl Iterator for Walk {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.live.manifest().bytes_read();
        let found = self.step();
        self.counts.bytes_read += self.live.manifest().bytes_read().saturating_sub(read);
        if found.is_err() {
            // What comes after would not be where it is.
            self.waiting.clear();
            self.ready.clear();
        }
        found.transpose()
    }
}

/// What zones prove of stretches, of those that are wanted; `column` gives what they know of a column as it is asked for.
fn test(
    bound: &Bound,
    asked: &[Pin],
    rows: &UInt64Array,
    wanted: &[bool],
    column: impl Fn(usize, Pin) -> Result<ColumnZones>,
) -> Result<Vec<Verdict>> {
    let mut columns = vec![None; bound.schema().columns.len()];
    let mut verdicts = None;
    for &index in bound.columns() {
        // A column that nobody says how to read rules nothing out.
        let Some(pin) = asked.get(index) else { continue };
        columns[index] = Some(column(index, *pin)?);
        let now = bound.verdicts(&Zones::new(rows.clone(), columns.clone())?);
        let is_over = now.iter().zip(wanted).all(|(verdict, wanted)| !wanted || *verdict == Verdict::Skip);
        verdicts = Some(now);
        if is_over {
            break;
        }
    }
    match verdicts {
        Some(verdicts) => Ok(verdicts),
        None => Ok(bound.verdicts(&Zones::new(rows.clone(), columns)?)),
    }
}
