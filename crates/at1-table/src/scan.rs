//! Queries: the rows that match, with what it cost to find them.
//!
//! * Zones rule out segments before they are opened; within a segment the catalog goes on by row groups and pages.
//! * Rows come in table order, in the table's types, whatever type a column had when a segment was written.
//! * One state of the table is read from beginning to end, whatever is appended meanwhile.

mod last;
mod raw;
mod source;
mod system;

use std::{ops::Range, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_catalog::{Bound, Candidate, Catalog, Predicate, Pruning, Request, RowNumbers, Statistics};

use at1_codec::Segment;

use crate::{
    error::{Error, Result},
    store::Store,
    table::Table,
    version::Version,
    zones,
};
use source::OpenLive;
use system::Layout;

pub use system::{SYSTEM_COLUMNS, SystemColumn};

/// What to look for.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// Which rows.
    pub predicate: Predicate,
    /// Which columns, in this order, by header, name or `c0`; system columns by their names. All of the table's without.
    pub select: Option<Vec<String>>,
    /// System columns after these.
    pub system: Vec<SystemColumn>,
    /// Only rows with these ordinals.
    pub rows: Option<Range<u64>>,
    /// At most so many rows, the first ones.
    pub limit: Option<u64>,
    /// At most so many rows, the last ones. Not with `limit`.
    pub last: Option<u64>,
    /// Whether zones are used; without, everything is read and tested.
    pub pruning: Pruning,
    /// The most rows of a batch.
    pub batch_rows: usize,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            predicate: Predicate::TRUE,
            select: None,
            system: vec![],
            rows: None,
            limit: None,
            last: None,
            pruning: Pruning::On,
            batch_rows: 8192,
        }
    }
}

impl ScanOptions {
    /// The rows that satisfy `predicate`.
    pub fn matching(predicate: Predicate) -> Self {
        Self { predicate, ..Self::default() }
    }
}

/// The matching rows, as an iterator of record batches in table order.
pub struct TableScan {
    inner: Inner,
    layout: Layout,
    query: Query,
}

type Forward = at1_catalog::TableScan<Segment, OpenLive>;

const _: fn() = || {
    fn is_send<T: Send>() {}
    // Readers hand scans to other threads.
    is_send::<TableScan>();
};

enum Inner {
    Forward(Box<Forward>),
    /// The last rows: found from the end, given out from the front.
    Found(std::vec::IntoIter<RecordBatch>, Statistics),
}

impl TableScan {
    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.layout.schema()
    }

    /// What was read so far.
    pub fn statistics(&self) -> Statistics {
        let found = match &self.inner {
            Inner::Forward(scan) => scan.statistics(),
            Inner::Found(_, statistics) => *statistics,
        };
        self.query.statistics(found)
    }
}

impl Iterator for TableScan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match &mut self.inner {
            Inner::Forward(scan) => scan.next()?.map_err(Error::from),
            Inner::Found(batches, _) => Ok(batches.next()?),
        };
        Some(batch.and_then(|batch| self.layout.arrange(batch, &self.query.version)))
    }
}

impl Table {
    /// Looks for rows.
    ///
    /// # Errors
    /// `Invalid` if the predicate or a column does not fit the table. Damage is reported by the batch that meets it.
    pub fn scan(&self, options: &ScanOptions) -> Result<TableScan> {
        let version = self.version()?;
        let schema = version.schema.schema();
        let layout = Layout::new(&schema, options.select.as_deref(), &options.system)?;
        let query = Query::new(self, version, options, layout.columns().to_vec(), layout.row_numbers())?;
        let inner = match (options.limit, options.last) {
            (Some(_), Some(_)) => return Err(Error::invalid("scan", "limit or last", "both")),
            (None, Some(last)) => {
                let (batches, statistics) = query.last(last)?;
                Inner::Found(batches.into_iter(), statistics)
            }
            (limit, None) => Inner::Forward(Box::new(query.forward(limit)?)),
        };
        Ok(TableScan { inner, layout, query })
    }
}

/// A query that is ready to run.
struct Query {
    store: Arc<dyn Store>,
    version: Arc<Version>,
    zones: Arc<at1_catalog::Zones>,
    bound: Bound,
    request: Request,
    rows: Range<u64>,
    pruning: Pruning,
    planning_bytes: u64,
}

impl Query {
    fn new(
        table: &Table,
        version: Arc<Version>,
        options: &ScanOptions,
        columns: Vec<usize>,
        row_numbers: RowNumbers,
    ) -> Result<Self> {
        let mut planning_bytes = table.take_planning_bytes();
        let zones = version.zones(|| zones::of_table(table.store(), &version, &mut planning_bytes))?;
        let bound = options.predicate.bind(&version.schema.schema())?;
        let mut request = Request::new(bound.clone())
            .project_columns(columns)?
            .row_numbers(row_numbers)
            .batch_rows(options.batch_rows)
            .pruning(options.pruning);
        let rows = options.rows.clone().unwrap_or(0..u64::MAX);
        request = request.rows(rows.clone());
        let (store, pruning) = (table.shared_store(), options.pruning);
        Ok(Self { store, version, zones, bound, request, rows, pruning, planning_bytes })
    }

    /// What the catalog counted, and what it cannot know: the event, and the bytes of the ledger that told what there is.
    fn statistics(&self, found: Statistics) -> Statistics {
        Statistics {
            as_of_event: self.version.state.events().checked_sub(1),
            bytes_total: found.bytes_total + self.version.whole_bytes,
            bytes_read: found.bytes_read + self.planning_bytes,
            ..found
        }
    }

    fn candidate(&self, segment: usize) -> Candidate<OpenLive> {
        let (store, version) = (Arc::clone(&self.store), Arc::clone(&self.version));
        let open: OpenLive = Box::new(move || source::open(&*store, &version, segment));
        Candidate { bytes: self.version.state.live()[segment].bytes, open }
    }

    fn forward(&self, limit: Option<u64>) -> Result<Forward> {
        let request = self.request.clone().limit(limit.unwrap_or(u64::MAX));
        let candidates = (0..self.version.state.live().len()).map(|segment| self.candidate(segment));
        Ok(Catalog::new(self.version.schema.schema()).scan(request, &self.zones, candidates)?)
    }
}
