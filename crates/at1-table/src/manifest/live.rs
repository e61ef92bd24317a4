//! The live segments: a manifest's, with the changes of the events after it. The one thing that queries, compaction, cat ask.

use std::{ops::Range, sync::Arc};

use at1_catalog::{Pruning, ZoneText};
use at1_codec::column::Pin;
use at1_ledger::Digest;

use super::{
    Entry, Live, Manifest, Placed, Plan, Question, Sums,
    grow::{Edit, Stretches},
    node::Segment,
    splice::Splice,
    visit,
    walk::{Walk, Wanted},
};
use crate::{
    error::{Error, Result},
    paths,
};

/// The live segments, in the order of their batches, which they tile from 0. Clones are cheap.
#[derive(Clone, Debug)]
pub(crate) struct LiveSegments {
    manifest: Manifest,
    splices: Arc<Vec<Splice>>,
}

impl LiveSegments {
    /// Those of a manifest.
    pub(crate) fn new(manifest: Manifest) -> Self {
        Self { manifest, splices: Arc::default() }
    }

    /// The manifest that they go on from.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// Adds segments at the end.
    ///
    /// # Errors
    /// `Corrupt` unless they tile the batches from where the live ones end.
    pub(crate) fn push(&mut self, entries: Vec<Entry>) -> Result<()> {
        let end = self.batches();
        let last = entries.last().map_or(end, |entry| entry.live.batch.end);
        expect_tiles(end..last, &entries)?;
        if entries.is_empty() {
            return Ok(());
        }
        let splices = Arc::make_mut(&mut self.splices);
        let entries = entries.into_iter().map(Arc::new);
        match splices.last_mut().filter(|last| last.batches().end == end) {
            Some(last) => entries.for_each(|entry| last.push(entry)),
            None => splices.push(Splice::new(&self.manifest, end..end, entries.collect())?),
        }
        Ok(())
    }

    /// Puts `entries` in the place of the segments that hold `batches`, which it gives.
    ///
    /// # Errors
    /// `Corrupt` unless `batches` go from one border of live segments to another, and `entries` tile them.
    pub(crate) fn replace(&mut self, batches: Range<u64>, entries: Vec<Entry>) -> Result<Vec<Live>> {
        expect_tiles(batches.clone(), &entries)?;
        let removed = self.range(batches.clone()).map(|placed| Ok(placed?.live)).collect::<Result<Vec<_>>>()?;
        let borders = removed.first().zip(removed.last()).map(|(first, last)| first.batch.start..last.batch.end);
        if borders != Some(batches.clone()) {
            let found = format!("{}..{}", batches.start, batches.end);
            return Err(Error::corrupt(paths::LEDGER, "batches from one border of live segments to another", found));
        }
        // Splices that hold any of these batches become one with the new segments.
        let first = self.splices.partition_point(|splice| splice.batches().end <= batches.start);
        let end = self.splices.partition_point(|splice| splice.batches().start < batches.end).max(first);
        let touched = &self.splices[first..end];
        let mut base = batches.start..batches.end.min(self.manifest.root().totals.batches);
        let mut all = vec![];
        if let Some(splice) = touched.first().filter(|splice| splice.batches().start < batches.start) {
            base.start = splice.base.start;
            all.extend_from_slice(&splice.entries()[..splice.entry_of_batch(batches.start)]);
        }
        all.extend(entries.into_iter().map(Arc::new));
        if let Some(splice) = touched.last() {
            base.end = base.end.max(splice.base.end);
            let after = splice.entries().partition_point(|entry| entry.live.batch.start < batches.end);
            all.extend_from_slice(&splice.entries()[after..]);
        }
        base.start = base.start.min(base.end);
        let splice = Splice::new(&self.manifest, base, all)?;
        Arc::make_mut(&mut self.splices).splice(first..end, [splice]);
        Ok(removed)
    }

    /// The end of the last one's batches.
    pub(crate) fn batches(&self) -> u64 {
        let end = self.manifest.root().totals.batches;
        self.splices.last().map_or(end, |last| last.batches().end.max(end))
    }

    /// What they all add up to.
    pub(crate) fn sums(&self) -> Sums {
        self.manifest.root().segments + self.splices.iter().map(Splice::moves).sum()
    }

    /// What those add up to whose first batch is before `batch`.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn sums_before(&self, batch: u64) -> Result<Sums> {
        let (moved, splice) = self.splice_before(|splice, _| splice.batches().start < batch);
        match splice.filter(|splice| batch < splice.batches().end) {
            Some(splice) => {
                let entries = splice.entries().partition_point(|entry| entry.live.batch.start < batch);
                Ok(moved + splice.before() + splice.before_entry(entries))
            }
            None => Ok(moved + splice.map_or(Sums::default(), Splice::moves) + self.manifest.sums_before(batch)?),
        }
    }

    /// The segment that holds a batch.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn at_batch(&self, batch: u64) -> Result<Option<Placed>> {
        let (moved, splice) = self.splice_before(|splice, _| splice.batches().start <= batch);
        match splice {
            Some(splice) if splice.batches().contains(&batch) => {
                Ok(Some(splice.placed(splice.entry_of_batch(batch), moved + splice.before())))
            }
            _ => {
                let moved = moved + splice.map_or(Sums::default(), Splice::moves);
                Ok(self.manifest.at_batch(batch)?.map(|placed| move_by(placed, moved)))
            }
        }
    }

    /// The segment that holds a row of the table.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn at_row(&self, row: u64) -> Result<Option<Placed>> {
        let (moved, splice) = self.splice_before(|splice, moved| (moved + splice.before()).rows <= row);
        let start = splice.map_or(0, |splice| (moved + splice.before()).rows);
        match splice {
            Some(splice) if row - start < splice.sums().rows => {
                Ok(Some(splice.placed(splice.entry_of_row(row - start), moved + splice.before())))
            }
            _ => {
                let moved = moved + splice.map_or(Sums::default(), Splice::moves);
                Ok(self.manifest.at_row(row.wrapping_sub(moved.rows))?.map(|placed| move_by(placed, moved)))
            }
        }
    }

    /// The last splice, of those at the beginning, that satisfies `until`, which is told what splices before move; and that.
    fn splice_before(&self, until: impl Fn(&Splice, Sums) -> bool) -> (Sums, Option<&Splice>) {
        let mut moved = Sums::default();
        let mut found = None;
        for splice in self.splices.iter() {
            let next = moved + found.map_or(Sums::default(), Splice::moves);
            if !until(splice, next) {
                break;
            }
            (moved, found) = (next, Some(splice));
        }
        (moved, found)
    }

    /// The segments that hold any of these batches, read as they are asked for.
    pub(crate) fn range(&self, batches: Range<u64>) -> impl Iterator<Item = Result<Placed>> + Send + use<> {
        Walk::new(self.clone(), Wanted::all(batches)).map(|found| Ok(found?.placed))
    }

    /// The same with the digests of the whole files, which nobody needs who opens them.
    pub(crate) fn range_with_digests(
        &self,
        batches: Range<u64>,
    ) -> impl Iterator<Item = Result<(Placed, Digest)>> + Send + use<> {
        let wanted = Wanted { with_digests: true, ..Wanted::all(batches) };
        Walk::new(self.clone(), wanted).map(|found| {
            let found = found?;
            Ok((found.placed, found.sha256.expect("asked for")))
        })
    }

    /// The segments that a question cannot do without, with what their zones prove; read as they are asked for.
    pub(crate) fn plan(&self, question: Question) -> Plan {
        let Question { bound, asked, batches, rows, pruning } = question;
        let test = (pruning == Pruning::On).then_some((bound, asked));
        Plan::new(Walk::new(self.clone(), Wanted { batches, rows: Some(rows), test, with_digests: false }))
    }

    /// Visits what is known of a column, in the largest stretches whose zone is known, until `visit` says no: the pin that the
    /// stretch was written with (none if it lacks the column), its zone (nothing in it if that is not known) and its rows.
    ///
    /// # Errors
    /// If a block cannot be read; the visitor's own.
    pub(crate) fn visit_zones(
        &self,
        column: usize,
        visit: &mut dyn FnMut(Option<Pin>, ZoneText, u64) -> Result<bool>,
    ) -> Result<()> {
        visit::zones(self, column, visit)
    }

    /// What the next manifest has in the place of this one's segments.
    pub(super) fn edits(&self) -> Result<Vec<Edit<Segment>>> {
        let edit = |splice: &Splice| {
            let new = Stretches::of_entries(splice.entries().iter().map(|entry| &**entry))?;
            Ok(Edit { base: splice.base.clone(), new })
        };
        self.splices.iter().map(edit).collect()
    }
}

fn move_by(placed: Placed, moved: Sums) -> Placed {
    let index = placed.index.wrapping_add(moved.segments);
    Placed { index, first_row: placed.first_row.wrapping_add(moved.rows), ..placed }
}

fn expect_tiles(batches: Range<u64>, entries: &[Entry]) -> Result<()> {
    let mut at = batches.start;
    for Entry { live: Live { batch, .. }, .. } in entries {
        if batch.start != at || batch.end <= at {
            let found = format!("{}..{}", batch.start, batch.end);
            return Err(Error::corrupt(paths::LEDGER, format!("a segment with batches from {at} on"), found));
        }
        at = batch.end;
    }
    match at == batches.end {
        true => Ok(()),
        false => Err(Error::corrupt(paths::LEDGER, format!("segments with batches to {}", batches.end), at)),
    }
}
