//! The live segments: a manifest's, with the changes of the events after it. The one thing that queries, compaction, cat ask.

use std::{ops::Range, sync::Arc};

use at1_catalog::ZoneText;
use at1_codec::column::Pin;
use at1_ledger::Digest;

use super::{Entry, Live, Manifest, Placed, Plan, Question, Sums};
use crate::{
    error::{Error, Result},
    paths,
};

/// The live segments, in the order of their batches, which they tile from 0.
#[derive(Clone, Debug)]
pub(crate) struct LiveSegments {
    manifest: Manifest,
    entries: Arc<Vec<Arc<Entry>>>,
}

impl LiveSegments {
    /// Those of a manifest.
    pub(crate) fn new(manifest: Manifest) -> Self {
        Self { entries: Arc::new(manifest.live().to_vec()), manifest }
    }

    /// The manifest that they go on from.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Adds segments at the end.
    ///
    /// # Errors
    /// `Corrupt` unless they tile the batches from where the live ones end.
    pub(crate) fn push(&mut self, entries: Vec<Entry>) -> Result<()> {
        let end = self.batches();
        let last = entries.last().map_or(end, |entry| entry.live.batch.end);
        expect_tiles(end..last, &entries)?;
        Arc::make_mut(&mut self.entries).extend(entries.into_iter().map(Arc::new));
        Ok(())
    }

    /// Puts `entries` in the place of the segments that hold `batches`, which it gives.
    ///
    /// # Errors
    /// `Corrupt` unless `batches` go from one border of live segments to another, and `entries` tile them.
    pub(crate) fn replace(&mut self, batches: Range<u64>, entries: Vec<Entry>) -> Result<Vec<Live>> {
        expect_tiles(batches.clone(), &entries)?;
        let first = self.entries.binary_search_by_key(&batches.start, |entry| entry.live.batch.start);
        let last = self.entries.binary_search_by_key(&batches.end, |entry| entry.live.batch.end);
        let (Ok(first), Ok(last)) = (first, last) else { return Err(no_border(&batches)) };
        if first > last {
            return Err(no_border(&batches));
        }
        let entries = entries.into_iter().map(Arc::new);
        let removed = Arc::make_mut(&mut self.entries).splice(first..=last, entries);
        Ok(removed.map(|entry| entry.live.clone()).collect())
    }

    /// The end of the last one's batches.
    pub(crate) fn batches(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.live.batch.end)
    }

    /// What they all add up to.
    pub(crate) fn sums(&self) -> Sums {
        self.entries.iter().map(|entry| entry.live.sums()).sum()
    }

    /// What those add up to whose first batch is before `batch`.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn sums_before(&self, batch: u64) -> Result<Sums> {
        let before = self.entries.iter().take_while(|entry| entry.live.batch.start < batch);
        Ok(before.map(|entry| entry.live.sums()).sum())
    }

    /// The segment that holds a batch.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn at_batch(&self, batch: u64) -> Result<Option<Placed>> {
        Ok(self.placed().find(|placed| placed.live.batch.contains(&batch)))
    }

    /// The segment that holds a row of the table.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn at_row(&self, row: u64) -> Result<Option<Placed>> {
        let holds = |placed: &Placed| (placed.first_row..placed.first_row + placed.live.rows).contains(&row);
        Ok(self.placed().find(holds))
    }

    /// The segments that hold any of these batches, read as they are asked for.
    pub(crate) fn range(&self, batches: Range<u64>) -> impl Iterator<Item = Result<Placed>> + Send + use<> {
        let overlaps =
            move |placed: &Placed| placed.live.batch.start.max(batches.start) < placed.live.batch.end.min(batches.end);
        self.placed().filter(overlaps).map(Ok)
    }

    /// The same with the digests of the whole files, which nobody needs who opens them.
    pub(crate) fn range_with_digests(
        &self,
        batches: Range<u64>,
    ) -> impl Iterator<Item = Result<(Placed, Digest)>> + Send + use<> {
        let entries = Arc::clone(&self.entries);
        self.range(batches).map(move |placed| {
            let placed = placed?;
            let sha256 = entries[usize::try_from(placed.index).expect("found above")].sha256;
            Ok((placed, sha256))
        })
    }

    /// The segments that a question cannot do without, with what their zones prove; read as they are asked for.
    pub(crate) fn plan(&self, question: Question) -> Plan {
        Plan::new(self.clone(), question)
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
        for entry in self.entries.iter().filter(|entry| entry.live.rows > 0) {
            let rows = entry.live.rows;
            let pin = entry.pins.get(column).copied();
            let zone = match pin {
                None => ZoneText { nulls: Some(rows), ..ZoneText::default() },
                Some(_) => entry.zones.get(column).cloned().flatten().unwrap_or_default(),
            };
            if !visit(pin, zone, rows)? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn placed(&self) -> impl Iterator<Item = Placed> + Send + use<> {
        let entries = Arc::clone(&self.entries);
        let mut sums = Sums::default();
        (0..entries.len()).map(move |i| {
            let live = entries[i].live.clone();
            let before = sums;
            sums = sums + live.sums();
            Placed { live, index: before.segments, first_row: before.rows }
        })
    }
}

fn no_border(batches: &Range<u64>) -> Error {
    let found = format!("{}..{}", batches.start, batches.end);
    Error::corrupt(paths::LEDGER, "batches from one border of live segments to another", found)
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
