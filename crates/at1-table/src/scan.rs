//! Queries: the rows that match, with what it cost to find them.
//!
//! * Zones rule out segments before they are opened; within a segment the catalog goes on by row groups and pages.
//! * Rows come in table order, in the table's types, whatever type a column had when a segment was written.
//! * One state of the table is read from beginning to end, whatever is appended, compacted or removed meanwhile.

mod aggregate;
mod last;
mod plan;
mod query;
mod raw;
mod rows;
mod source;
mod system;

use std::ops::Range;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_catalog::{Explanation, Predicate, Pruning, Reasons, Statistics};

use crate::{error::Result, snapshot::Snapshot, table::Table};
use rows::Rows;
use system::Layout;

pub use aggregate::Answer;
pub use plan::{PlanOptions, PlannedRowGroup, PlannedSegment, ScanPlan};
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
    /// Whether reasons are worked out, for [`TableScan::explanation`].
    pub reasons: Reasons,
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
            reasons: Reasons::Omit,
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
    rows: Rows,
    layout: Layout,
}

const _: fn() = || {
    fn is_send<T: Send>() {}
    // Readers hand scans to other threads.
    is_send::<TableScan>();
};

impl TableScan {
    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.layout.schema()
    }

    /// What was read so far.
    pub fn statistics(&self) -> Statistics {
        self.rows.statistics()
    }

    /// Why what was left out so far was, if the options ask for reasons.
    pub fn explanation(&self) -> Explanation {
        self.rows.explanation()
    }
}

impl Iterator for TableScan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(batch.and_then(|batch| self.layout.arrange(batch, self.rows.snapshot())))
    }
}

impl Table {
    /// [`Snapshot::scan`] of the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::scan`].
    pub fn scan(&self, options: &ScanOptions) -> Result<TableScan> {
        self.snapshot()?.scan(options)
    }
}

impl Snapshot {
    /// Looks for rows.
    ///
    /// # Errors
    /// `Invalid` if the predicate or a column does not fit the table. Damage is reported by the batch that meets it.
    pub fn scan(&self, options: &ScanOptions) -> Result<TableScan> {
        self.scan_as(options, Layout::new(&self.schema().schema(), options.select.as_deref(), &options.system)?)
    }

    /// The same with the columns given by position, for those who must not depend on names; `select` is ignored.
    ///
    /// # Errors
    /// As [`Snapshot::scan`].
    pub fn scan_columns(&self, columns: &[usize], options: &ScanOptions) -> Result<TableScan> {
        self.scan_as(options, Layout::of_columns(&self.schema().schema(), columns, &options.system)?)
    }

    fn scan_as(&self, options: &ScanOptions, layout: Layout) -> Result<TableScan> {
        let rows = Rows::new(self.clone(), options, layout.columns().to_vec(), layout.row_numbers())?;
        Ok(TableScan { rows, layout })
    }
}
