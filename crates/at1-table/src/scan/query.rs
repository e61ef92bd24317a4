//! A query against one layout of the segments, ready to run.
//!
//! * Segments are planned as their turn comes, so a limit leaves the rest unplanned.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use at1_catalog::{
    Bound, Candidate, Catalog, Explanation, Planned, Pruning, Reasons, Request, RowNumbers, Ruled, Statistics,
    TableTally, Tally, Totals, Zones,
};
use at1_codec::{Schema, Segment, column::Pin};

use super::{
    ScanOptions,
    source::{self, OpenLive},
};
use crate::{
    error::{Error, Result},
    manifest::{self, Live, LiveSegments, Placed, Plan, PlanCounts, Question, Sums},
    paths,
    schema::TableColumn,
    snapshot::Snapshot,
    version::Version,
};

/// The catalog's part of a scan.
pub(super) type Forward = at1_catalog::TableScan<Segment, Candidates>;

/// What is looked for, and where.
pub(super) struct Query {
    pub(super) snapshot: Snapshot,
    /// Where the batches are; not older than the snapshot.
    pub(super) version: Arc<Version>,
    schema: Schema,
    live: LiveSegments,
    /// What the segments with rows of the snapshot add up to.
    pub(super) sums: Sums,
    pub(super) bound: Bound,
    pub(super) request: Request,
    /// Of the snapshot's rows, those that are wanted.
    pub(super) rows: Range<u64>,
    pruning: Pruning,
    pub(super) reasons: Reasons,
    planning_bytes: u64,
    progress: Arc<Progress>,
}

/// How far a query came.
#[derive(Default)]
struct Progress {
    /// Of the plan that runs, as far as it went.
    counts: Mutex<(PlanCounts, (Ruled, Ruled))>,
    /// The first row behind the segments that were planned.
    planned: AtomicU64,
    gone: OnceLock<Gone>,
}

/// Something was not there that the query needs.
pub(super) struct Gone {
    /// The file of this segment, or a block of the manifest.
    pub(super) segment: Option<Live>,
    /// The first row that was not looked at because of it.
    pub(super) row: u64,
}

impl Query {
    pub(super) fn new(
        snapshot: Snapshot,
        options: &ScanOptions,
        columns: Vec<usize>,
        row_numbers: RowNumbers,
    ) -> Result<Self> {
        let schema = snapshot.schema().schema();
        let bound = options.predicate.bind(&schema)?;
        let visible = snapshot.totals();
        let (version, live, sums, zone_bytes) = snapshot.ask(|version| {
            let read = |version: &Version| version.tail.manifest().bytes_read();
            let (before, mut bytes) = (read(version), 0);
            let live = match options.pruning {
                Pruning::On => version.zoned(snapshot.store(), &mut bytes)?,
                Pruning::Off => version.tail.live.clone(),
            };
            let sums = live.sums_before(visible.batches)?;
            Ok((Arc::clone(version), live, sums, bytes + read(version).saturating_sub(before)))
        })?;
        let rows = options.rows.clone().unwrap_or(0..visible.rows);
        let rows = rows.start..rows.end.min(visible.rows);
        let request = Request::new(bound.clone())
            .project_columns(columns)?
            .row_numbers(row_numbers)
            .batch_rows(options.batch_rows)
            .pruning(options.pruning)
            .reasons(options.reasons)
            .rows(rows.clone());
        let planning_bytes = snapshot.take_planning_bytes() + zone_bytes;
        let (pruning, reasons, progress) = (options.pruning, options.reasons, Arc::default());
        Ok(Self {
            snapshot,
            version,
            schema,
            live,
            sums,
            bound,
            request,
            rows,
            pruning,
            reasons,
            planning_bytes,
            progress,
        })
    }

    /// What the catalog counted, and what it cannot know: the event, and the bytes of the ledger and the manifest that told what
    /// there is.
    pub(super) fn statistics(&self, found: Statistics) -> Statistics {
        let counts = self.progress.counts();
        let planning_bytes = self.planning_bytes + counts.bytes_read;
        Statistics {
            as_of_event: self.snapshot.event(),
            segments_answered: found.segments_answered + counts.segments_answered,
            rows_matched: found.rows_matched + counts.rows_answered,
            bytes_total: found.bytes_total + self.version.whole_bytes(),
            bytes_read: found.bytes_read + planning_bytes,
            bytes_read_planning: planning_bytes,
            ..found
        }
    }

    /// Why the catalog left out what it did, and what the plan left out before.
    pub(super) fn explanation(&self, found: Explanation) -> Explanation {
        let (counts, (blocks, segments)) = (self.progress.counts(), self.progress.ruled());
        let planned = Planned {
            blocks_read: counts.blocks_read,
            blocks,
            segments_in_blocks: counts.segments_skipped_by_blocks,
            segments,
            segments_kept: counts.segments_kept,
        };
        Explanation { parts: self.bound.parts(), planned, ..found }
    }

    /// What was not there, if that happened.
    pub(super) fn gone(&self) -> Option<&Gone> {
        self.progress.gone.get()
    }

    /// The segments that the query cannot do without.
    pub(super) fn plan(&self) -> Plan {
        let asked = self.snapshot.schema().columns.iter().map(TableColumn::pin).collect::<Vec<Pin>>();
        let plan = self.live.plan(Question {
            bound: self.bound.clone(),
            asked: Arc::new(asked),
            batches: 0..self.snapshot.totals().batches,
            rows: self.rows.clone(),
            pruning: self.pruning,
        });
        if self.reasons == Reasons::Tell { plan.with_reasons() } else { plan }
    }

    /// Takes note of what a plan counted, and of a block that it missed.
    pub(super) fn note<T>(&self, plan: &Plan, found: &Result<T>) {
        self.progress.note(plan, found);
    }

    /// Opens a segment when its turn comes.
    pub(super) fn opener(&self, placed: &Placed) -> OpenLive {
        let (snapshot, version) = (self.snapshot.clone(), Arc::clone(&self.version));
        open_later(snapshot, version, Arc::clone(&self.progress), placed)
    }

    pub(super) fn forward(&self, limit: Option<u64>) -> Forward {
        let request = self.request.clone().limit(limit.unwrap_or(u64::MAX));
        Catalog::new(self.schema.clone()).scan(request, self.totals(), self.candidates())
    }

    /// What the matching rows add to a tally; what the manifest can tell goes to `told`.
    pub(super) fn tally(&self, tally: Tally, told: &Arc<Mutex<Tally>>) -> Result<TableTally<Segment, Candidates>> {
        let catalog = Catalog::new(self.schema.clone());
        let columns = tally.aggregates().columns().to_vec();
        let told = Arc::clone(told);
        let answer = move |zones: &Zones, stretches: &[usize]| -> Result<Vec<bool>> {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            let zones = zones.uncut();
            stretches.iter().map(|&stretch| Ok(told.zones(&zones, stretch)?)).collect()
        };
        let mut candidates = self.candidates();
        candidates.plan = candidates.plan.answering(columns, Box::new(answer));
        Ok(catalog.tally(self.request.clone(), tally, self.totals(), candidates)?)
    }

    fn totals(&self) -> Totals {
        Totals { segments: self.sums.segments, bytes: self.sums.bytes }
    }

    fn candidates(&self) -> Candidates {
        self.progress.planned.store(self.rows.start, Ordering::Relaxed);
        Candidates {
            plan: self.plan(),
            snapshot: self.snapshot.clone(),
            version: Arc::clone(&self.version),
            progress: Arc::clone(&self.progress),
        }
    }

    /// Looks where things are now, after one was not there; else the error stands.
    pub(super) fn look_again(&self, gone: &Gone, error: Error) -> Result<()> {
        match &gone.segment {
            Some(segment) => self.snapshot.look_again(segment).map(drop),
            None => self.snapshot.renew(&self.version, error).map(drop),
        }
    }

    /// An error of the catalog about the segment with this first row, which it then names.
    pub(super) fn explain(&self, error: at1_catalog::Error, first_row: Option<u64>) -> Error {
        let at = first_row.and_then(|row| self.version.tail.live.at_row(row).ok().flatten());
        let error = Error::from(error);
        // An error of opening names the file already.
        match at.map(|placed| paths::segment_path(&placed.live.name())) {
            Some(path) if !error.to_string().contains(&path) => error.within(&path),
            _ => error,
        }
    }
}

impl Progress {
    fn counts(&self) -> PlanCounts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn ruled(&self) -> (Ruled, Ruled) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    fn note<T>(&self, plan: &Plan, found: &Result<T>) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = (plan.counts(), plan.ruled());
        if let Err(error) = found
            && manifest::is_to_blame(error)
        {
            let row = self.planned.load(Ordering::Relaxed);
            let _ = self.gone.set(Gone { segment: None, row });
        }
    }
}

/// The segments of a plan as the catalog takes them, one after the other.
pub(super) struct Candidates {
    plan: Plan,
    snapshot: Snapshot,
    version: Arc<Version>,
    progress: Arc<Progress>,
}

impl Iterator for Candidates {
    type Item = at1_catalog::Result<Candidate<OpenLive>>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.plan.next().transpose();
        // The catalog asks for the next segment when it is done with the one before.
        self.progress.note(&self.plan, &found);
        Some(found.map_err(source::into_catalog).transpose()?.map(|(placed, verdict)| {
            let (first_row, rows) = (placed.first_row, placed.live.rows);
            self.progress.planned.store(first_row + rows, Ordering::Relaxed);
            let (snapshot, version) = (self.snapshot.clone(), Arc::clone(&self.version));
            let open = open_later(snapshot, version, Arc::clone(&self.progress), &placed);
            Candidate { first_row, rows, verdict, zones: None, open }
        }))
    }
}

fn open_later(snapshot: Snapshot, version: Arc<Version>, progress: Arc<Progress>, placed: &Placed) -> OpenLive {
    let (live, row) = (placed.live.clone(), placed.first_row);
    Box::new(move || {
        let pins = version.pins_of(&live);
        let opened = source::open(snapshot.store(), &live, &pins, snapshot.schema())?;
        opened.ok_or_else(|| {
            let missing = source::missing(&live);
            let _ = progress.gone.set(Gone { segment: Some(live), row });
            missing
        })
    })
}
