//! A walk over live segments that reads only what it needs, block by block as it goes, forwards or backwards.
//!
//! * Zones of an inner node rule out whole nodes below it, which are not read; what a zone proves of a node it proves of each
//!   segment in it, so below a node whose every row matches no zone is read.
//! * Zones are read column by column, and no further once nothing is left.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Range,
    sync::Arc,
};

use arrow::array::UInt64Array;
use at1_catalog::{Bound, ColumnZones, Ruled, Verdict, Zones};
use at1_codec::column::Pin;
use at1_ledger::Digest;

use super::{
    LiveSegments, Placed, Sums,
    columns::Column,
    grow::Stretches,
    node::{Node, NodeRef},
    plan::{Answer, PlanCounts},
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

    /// Whether all of them are wanted.
    fn holds(&self, batches: &Range<u64>, first_row: u64, rows: u64) -> bool {
        let place = first_row..first_row.wrapping_add(rows);
        covers(&self.batches, batches) && self.rows.as_ref().is_none_or(|rows| covers(rows, &place))
    }

    fn wants(&self, batches: &Range<u64>, first_row: u64, rows: u64) -> bool {
        let place = first_row..first_row.wrapping_add(rows);
        overlap(batches, &self.batches) && self.rows.as_ref().is_none_or(|rows| overlap(&place, rows))
    }
}

/// Whether all of `inner` lies within.
fn covers(outer: &Range<u64>, inner: &Range<u64>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
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
    /// The segments that were found in one place.
    ready: VecDeque<Found>,
    /// What takes in stretches of which every row matches, by some columns.
    answering: Option<(Vec<usize>, Answer)>,
    with_reasons: bool,
    /// Blocks and segments that were ruled out.
    ruled: (Ruled, Ruled),
    counts: PlanCounts,
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
        Self {
            live,
            wanted,
            backwards: false,
            waiting,
            ready: VecDeque::new(),
            answering: None,
            with_reasons: false,
            ruled: Default::default(),
            counts: PlanCounts::default(),
        }
    }

    /// The same from the last to the first. Asked before anything was taken.
    pub(super) fn backwards(mut self) -> Self {
        self.waiting.reverse();
        Self { backwards: true, ..self }
    }

    pub(super) fn answering(self, columns: Vec<usize>, answer: Answer) -> Self {
        Self { answering: Some((columns, answer)), ..self }
    }

    pub(super) fn with_reasons(self) -> Self {
        Self { with_reasons: true, ..self }
    }

    pub(super) fn ruled(&self) -> (Ruled, Ruled) {
        self.ruled.clone()
    }

    /// What it met so far.
    pub(super) fn counts(&self) -> PlanCounts {
        self.counts
    }

    fn look(&mut self, stretch: Stretch) -> Result<()> {
        let read = self.live.manifest().bytes_read();
        match stretch {
            Stretch::Splice { index, before } => {
                // Shared, so that the walk may change while the splice is read.
                let live = self.live.clone();
                self.splice(&live.splices()[index], before)?;
            }
            Stretch::Node { node, within, before, verdict } => {
                let opened = Node::open(self.live.manifest().store(), &node)?;
                self.counts.blocks_read += 1;
                self.node(&opened, within, before, verdict)?;
            }
        }
        self.counts.bytes_read += self.live.manifest().bytes_read().saturating_sub(read);
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
        let rows: UInt64Array = wanted.iter().map(|&i| Some(entries[i].live.rows)).collect();
        // Zones of entries are text, which is read only if it is asked for.
        let stretches = match &self.wanted.test {
            None => None,
            Some(_) => Some(Stretches::of_entries(wanted.iter().map(|&i| &*entries[i]))?),
        };
        let known = |column| stretches.as_ref().map_or_else(Column::default, |stretches| stretches.column(column));
        let Tested { verdicts, reasons } = match &self.wanted.test {
            None => Tested::not(wanted.len()),
            Some(test) => {
                let all = vec![true; wanted.len()];
                Tested::new(test, &rows, &all, self.with_reasons, |c, pin| known(c).seen(pin, &rows))?
            }
        };
        let is_sure = |&at: &usize| {
            let (i, live) = (wanted[at], &entries[wanted[at]].live);
            let first_row = (before + splice.before_entry(i)).rows;
            verdicts[at] == Verdict::All && self.wanted.holds(&live.batch, first_row, live.rows)
        };
        let sure = (0..wanted.len()).filter(is_sure).collect();
        let answered = self.answer(sure, &rows, |c, pin| known(c).exactly(pin, &rows))?;
        for (at, (i, verdict)) in wanted.into_iter().zip(verdicts).enumerate() {
            if answered.contains(&at) {
                self.counts.segments_answered += 1;
                self.counts.rows_answered += rows.value(at);
                continue;
            }
            self.found(verdict, reasons[at], || {
                let sha256 = Some(entries[i].sha256);
                Ok(Found { placed: splice.placed(i, before), verdict, sha256 })
            })?;
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, within: Range<u64>, before: Sums, verdict: Option<Verdict>) -> Result<()> {
        let wanted: Vec<bool> = (0..node.len())
            .map(|i| {
                let first_row = (before + node.before(i)).rows;
                overlap(&node.batch(i), &within) && self.wanted.wants(&node.batch(i), first_row, node.sums(i).rows)
            })
            .collect();
        let rows = node.row_counts();
        let Tested { verdicts, reasons } = match (verdict, &self.wanted.test) {
            (Some(verdict), _) => Tested { verdicts: vec![verdict; wanted.len()], ..Tested::not(wanted.len()) },
            (None, None) => Tested::not(wanted.len()),
            (None, Some(test)) => {
                let seen = |column, pin| node.column(column)?.seen(pin, &rows);
                Tested::new(test, &rows, &wanted, self.with_reasons, seen)?
            }
        };
        let is_sure = |&item: &usize| {
            let (batch, first_row) = (node.batch(item), (before + node.before(item)).rows);
            wanted[item]
                && verdicts[item] == Verdict::All
                && covers(&within, &batch)
                && self.wanted.holds(&batch, first_row, node.sums(item).rows)
        };
        let sure = (0..node.len()).filter(is_sure).collect();
        let answered = self.answer(sure, &rows, |column, pin| node.column(column)?.exactly(pin, &rows))?;
        let mut below = vec![];
        for item in (0..node.len()).filter(|&item| wanted[item]) {
            let verdict = verdicts[item];
            if answered.contains(&item) {
                self.counts.segments_answered += node.sums(item).segments;
                self.counts.rows_answered += node.sums(item).rows;
                continue;
            }
            if node.level() > 0 {
                if verdict == Verdict::Skip {
                    self.ruled.0.count(reasons[item], 1);
                    self.counts.blocks_skipped += 1;
                    self.counts.segments_skipped_by_blocks += node.sums(item).segments;
                    continue;
                }
                let verdict = Some(verdict).filter(|verdict| *verdict == Verdict::All);
                let (within, before) = (within.clone(), before + node.before(item));
                below.push(Stretch::Node { node: node.child(item)?, within, before, verdict });
            } else {
                let with_digests = self.wanted.with_digests;
                self.found(verdict, reasons[item], || {
                    let sha256 = if with_digests { Some(node.file_sha256(item)?) } else { None };
                    Ok(Found { placed: node.placed(item, before)?, verdict, sha256 })
                })?;
            }
        }
        if !self.backwards {
            below.reverse();
        }
        self.waiting.append(&mut below);
        Ok(())
    }

    /// Which of the stretches that are `sure` to match were taken in.
    fn answer(
        &mut self,
        sure: Vec<usize>,
        rows: &UInt64Array,
        column: impl Fn(usize, Pin) -> Result<ColumnZones>,
    ) -> Result<BTreeSet<usize>> {
        let (Some((columns, answer)), Some((bound, asked))) = (&mut self.answering, &self.wanted.test) else {
            return Ok(BTreeSet::new());
        };
        if sure.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut zones = vec![None; bound.schema().columns.len()];
        for &index in columns.iter() {
            let Some(pin) = asked.get(index) else { continue };
            zones[index] = Some(column(index, *pin)?);
        }
        let taken = answer(&Zones::new(rows.clone(), zones)?, &sure)?;
        Ok(sure.into_iter().zip(taken).filter_map(|(item, taken)| taken.then_some(item)).collect())
    }

    fn found(&mut self, verdict: Verdict, reason: Option<usize>, found: impl FnOnce() -> Result<Found>) -> Result<()> {
        if verdict == Verdict::Skip {
            self.ruled.1.count(reason, 1);
            self.counts.segments_skipped_by_zones += 1;
        } else {
            self.counts.segments_kept += 1;
            self.ready.push_back(found()?);
        }
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = if self.backwards { self.ready.pop_back() } else { self.ready.pop_front() };
            if found.is_some() {
                return found.map(Ok);
            }
            let next = self.waiting.pop()?;
            if let Err(error) = self.look(next) {
                // What comes after would not be where it is.
                self.waiting.clear();
                self.ready.clear();
                return Some(Err(error));
            }
        }
    }
}

/// What zones prove of stretches.
struct Tested {
    verdicts: Vec<Verdict>,
    /// The part of the predicate that rules a stretch out, if that was to be found out.
    reasons: Vec<Option<usize>>,
}

impl Tested {
    /// Nothing is asked.
    fn not(stretches: usize) -> Self {
        Self { verdicts: vec![Verdict::Read; stretches], reasons: vec![None; stretches] }
    }

    /// Of the stretches that are wanted; `column` gives what they know of a column as it is asked for.
    fn new(
        (bound, asked): &(Bound, Arc<Vec<Pin>>),
        rows: &UInt64Array,
        wanted: &[bool],
        with_reasons: bool,
        column: impl Fn(usize, Pin) -> Result<ColumnZones>,
    ) -> Result<Self> {
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
        let zones = Zones::new(rows.clone(), columns)?;
        let reasons = if with_reasons { bound.reasons(&zones) } else { vec![None; wanted.len()] };
        Ok(Self { verdicts: verdicts.unwrap_or_else(|| bound.verdicts(&zones)), reasons })
    }
}
