//! A query against one layout of the segments, ready to run.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use at1_catalog::{Bound, Candidate, Catalog, Pruning, Request, RowNumbers, Statistics, Totals, Verdict, Zones};
use at1_codec::{Schema, Segment};

use super::{
    ScanOptions,
    source::{self, OpenLive},
};
use crate::{error::Result, snapshot::Snapshot, version::Version, zones};

/// The catalog's part of a scan.
pub(super) type Forward = at1_catalog::TableScan<Segment, std::vec::IntoIter<at1_catalog::Result<Candidate<OpenLive>>>>;

/// What is looked for, and where.
pub(super) struct Query {
    pub(super) snapshot: Snapshot,
    /// Where the batches are; not older than the snapshot.
    pub(super) version: Arc<Version>,
    pub(super) schema: Schema,
    pub(super) zones: Arc<Zones>,
    pub(super) bound: Bound,
    pub(super) request: Request,
    /// Of the snapshot's rows, those that are wanted.
    pub(super) rows: Range<u64>,
    pub(super) pruning: Pruning,
    planning_bytes: u64,
    /// The segment whose file was not there.
    vanished: Arc<OnceLock<usize>>,
}

impl Query {
    pub(super) fn new(
        snapshot: Snapshot,
        options: &ScanOptions,
        columns: Vec<usize>,
        row_numbers: RowNumbers,
    ) -> Result<Self> {
        let version = snapshot.layout();
        let schema = snapshot.schema().schema();
        let mut planning_bytes = snapshot.take_planning_bytes();
        let make = |bytes: &mut u64| zones::of_table(snapshot.store(), &version, snapshot.schema(), bytes);
        // The newest state's zones are kept: most queries ask for it.
        let zones = match Arc::ptr_eq(snapshot.schema(), &version.schema) {
            true => version.zones(|| make(&mut planning_bytes))?,
            false => make(&mut planning_bytes)?,
        };
        let bound = options.predicate.bind(&schema)?;
        let visible = snapshot.totals().rows;
        let rows = options.rows.clone().unwrap_or(0..visible);
        let rows = rows.start..rows.end.min(visible);
        let request = Request::new(bound.clone())
            .project_columns(columns)?
            .row_numbers(row_numbers)
            .batch_rows(options.batch_rows)
            .pruning(options.pruning)
            .rows(rows.clone());
        let (pruning, vanished) = (options.pruning, Arc::default());
        Ok(Self { snapshot, version, schema, zones, bound, request, rows, pruning, planning_bytes, vanished })
    }

    /// The number of segments that hold rows of the snapshot.
    pub(super) fn segments(&self) -> usize {
        let totals = self.snapshot.totals();
        self.version.state.live().partition_point(|record| record.batch.start < totals.batches)
    }

    /// The ordinal of a segment's first row.
    pub(super) fn first_row(&self, segment: usize) -> u64 {
        let state = &self.version.state;
        state.live().get(segment).and_then(|record| state.batch_rows(record.batch.start)).map_or(0, |rows| rows.start)
    }

    /// What the catalog counted, and what it cannot know: the event, and the bytes of the ledger that told what there is.
    pub(super) fn statistics(&self, found: Statistics) -> Statistics {
        Statistics {
            as_of_event: self.snapshot.event(),
            bytes_total: found.bytes_total + self.version.whole_bytes,
            bytes_read: found.bytes_read + self.planning_bytes,
            ..found
        }
    }

    /// The segment whose file was not there when it was opened, if that happened.
    pub(super) fn vanished(&self) -> Option<usize> {
        self.vanished.get().copied()
    }

    /// Opens a segment when its turn comes.
    pub(super) fn opener(&self, segment: usize) -> OpenLive {
        let (store, version) = (self.snapshot.shared_store(), Arc::clone(&self.version));
        let (schema, vanished) = (Arc::clone(self.snapshot.schema()), Arc::clone(&self.vanished));
        Box::new(move || {
            let record = &version.state.live()[segment];
            let opened = source::open(&*store, record, version.pins_of(record), &schema)?;
            opened.ok_or_else(|| {
                let _ = vanished.set(segment);
                source::missing(record)
            })
        })
    }

    pub(super) fn forward(&self, limit: Option<u64>) -> Result<Forward> {
        let request = self.request.clone().limit(limit.unwrap_or(u64::MAX));
        let live = &self.version.state.live()[..self.segments()];
        let totals = Totals { segments: live.len() as u64, bytes: live.iter().map(|record| record.bytes).sum() };
        let verdicts = request.verdicts(&self.zones.slice(0..live.len())?);
        let mut first_row = 0;
        let mut candidates = vec![];
        for (segment, (record, verdict)) in live.iter().zip(verdicts).enumerate() {
            if verdict != Verdict::Skip {
                let (rows, open) = (record.rows, self.opener(segment));
                candidates.push(Ok(Candidate { first_row, rows, verdict, zones: None, open }));
            }
            first_row += record.rows;
        }
        Ok(Catalog::new(self.schema.clone()).scan(request, totals, candidates.into_iter()))
    }
}
