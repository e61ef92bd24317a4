//! What a scan is asked for: rows, columns, and how they come.
//!
//! * A request is bound to a table's schema and fits every segment of the table.

use std::{ops::Range, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef};

use crate::{Bound, Error, Result, Verdict, Zones};

/// The column that [`RowNumbers::Include`] adds.
pub const ROW_COLUMN: &str = "_row";

/// Whether rows are skipped where zones allow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pruning {
    /// Read only what may match.
    #[default]
    On,
    /// Read and test everything: for checks, and for those who doubt.
    Off,
}

/// Whether rows come with their ordinals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowNumbers {
    /// As a last column `_row`.
    Include,
    /// Not at all.
    #[default]
    Omit,
}

/// Whether reasons are worked out for what is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reasons {
    /// For an [`Explanation`](crate::Explanation); takes a little time.
    Tell,
    /// Not.
    #[default]
    Omit,
}

/// What to read.
///
/// ```
/// use at1_catalog::{Predicate, Request};
/// use at1_codec::{ColumnType, Schema};
/// let schema = Schema::named([(Some("a"), ColumnType::Int64), (Some("b"), ColumnType::Text)]);
/// let bound = "a > 3".parse::<Predicate>()?.bind(&schema)?;
/// let request = Request::new(bound).project(["b"])?.limit(10);
/// assert_eq!(request.schema().fields().len(), 1);
/// # Ok::<(), at1_catalog::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) predicate: Bound,
    pub(crate) projection: Vec<usize>,
    pub(crate) rows: Range<u64>,
    pub(crate) limit: u64,
    pub(crate) row_numbers: RowNumbers,
    pub(crate) batch_rows: usize,
    pub(crate) pruning: Pruning,
    pub(crate) reasons: Reasons,
}

impl Request {
    /// All columns of the rows that satisfy the predicate.
    pub fn new(predicate: Bound) -> Self {
        Self {
            projection: (0..predicate.schema().columns.len()).collect(),
            predicate,
            rows: 0..u64::MAX,
            limit: u64::MAX,
            row_numbers: RowNumbers::default(),
            batch_rows: 8192,
            pruning: Pruning::default(),
            reasons: Reasons::default(),
        }
    }

    /// Only these columns, in this order, by header, physical name or `c0`.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn project<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let resolve = |name| crate::bind::resolve(name, self.predicate.schema()).map(|found| found.0);
        let columns = names.into_iter().map(resolve).collect::<Result<Vec<_>>>();
        let columns = columns.map_err(|e| e.within("projection"))?;
        self.project_columns(columns)
    }

    /// Only these columns, in this order, by position.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn project_columns(mut self, columns: Vec<usize>) -> Result<Self> {
        let width = self.predicate.schema().columns.len();
        if let Some(column) = columns.iter().find(|&&column| column >= width) {
            return Err(Error::mismatch("projection", format!("a column below {width}"), column));
        }
        self.projection = columns;
        Ok(self)
    }

    /// Only rows whose ordinals are in the range.
    #[must_use]
    pub fn rows(mut self, rows: Range<u64>) -> Self {
        self.rows = rows;
        self
    }

    /// At most so many rows, the first ones.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Whether a last column `_row` gives each row's ordinal.
    #[must_use]
    pub fn row_numbers(mut self, row_numbers: RowNumbers) -> Self {
        self.row_numbers = row_numbers;
        self
    }

    /// At most so many rows in a batch; at least one.
    #[must_use]
    pub fn batch_rows(mut self, batch_rows: usize) -> Self {
        self.batch_rows = batch_rows.max(1);
        self
    }

    /// Whether zones are used.
    #[must_use]
    pub fn pruning(mut self, pruning: Pruning) -> Self {
        self.pruning = pruning;
        self
    }

    /// Whether reasons are worked out.
    #[must_use]
    pub fn reasons(mut self, reasons: Reasons) -> Self {
        self.reasons = reasons;
        self
    }

    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        let table = self.predicate.schema().arrow();
        let mut fields: Vec<_> = self.projection.iter().map(|&column| table.fields()[column].clone()).collect();
        if self.row_numbers == RowNumbers::Include {
            fields.push(Arc::new(Field::new(ROW_COLUMN, DataType::UInt64, false)));
        }
        Arc::new(ArrowSchema::new(fields))
    }

    /// The columns that are read for anything, ascending.
    pub fn columns(&self) -> Vec<usize> {
        let mut all = [self.predicate.columns(), &self.projection].concat();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Verdicts on stretches, as far as pruning is wanted. Without it nothing is skipped and everything is tested.
    pub fn verdicts(&self, zones: &Zones) -> Vec<Verdict> {
        match self.pruning {
            Pruning::On => self.predicate.verdicts(zones),
            Pruning::Off if self.predicate.is_everything() => vec![Verdict::All; zones.len()],
            Pruning::Off => vec![Verdict::Read; zones.len()],
        }
    }
}
