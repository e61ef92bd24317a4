//! How a table sees a segment.
//!
//! * A table's columns may come later than a segment, and their types and readings may change after it was written.

use std::sync::Arc;

use at1_codec::{
    ColumnType, Schema,
    column::{Agreement, Meaning, NullWords, Reading},
};

use crate::{Error, Result, Source, footer::field};

/// A segment as its table sees it: which of its columns is which of the table's, and how the table reads them.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) schema: Arc<Schema>,
    pub(crate) columns: Vec<Option<usize>>,
    /// By column of the table; those that are left out are plain.
    readings: Vec<Reading>,
    nulls: NullWords,
    /// The readings that the segment was written with, if they are others.
    written: Option<Vec<Reading>>,
}

impl View {
    /// A segment that has just the columns of its table.
    pub fn same(schema: &Schema) -> Self {
        Self::of(schema, (0..schema.columns.len()).map(Some).collect())
    }

    /// For each column of the table the position of the segment's column, or `None` if it has no such column.
    ///
    /// # Errors
    /// If there are more or fewer than the table has columns.
    pub fn new(schema: &Schema, columns: Vec<Option<usize>>) -> Result<Self> {
        match columns.len() == schema.columns.len() {
            true => Ok(Self::of(schema, columns)),
            false => Err(Error::mismatch("view", format!("{} columns", schema.columns.len()), columns.len())),
        }
    }

    fn of(schema: &Schema, columns: Vec<Option<usize>>) -> Self {
        let schema = Arc::new(schema.clone());
        Self { schema, columns, readings: vec![], nulls: NullWords::default(), written: None }
    }

    /// How the table reads the fields of its columns, by position, and the words that mean null in typed ones, which are
    /// those that the segment was written with. Without, columns are read plainly and with the well-known words.
    #[must_use]
    pub fn with_readings(self, readings: Vec<Reading>, nulls: NullWords) -> Self {
        Self { readings, nulls, ..self }
    }

    /// The readings that the segment was written with, by position in the table. Without, they are the table's own, and a
    /// column of the table's type holds what the table reads.
    #[must_use]
    pub fn written_with(self, readings: Vec<Reading>) -> Self {
        Self { written: Some(readings), ..self }
    }

    /// The table's schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn ty(&self, column: usize) -> ColumnType {
        self.schema.columns[column].ty
    }

    /// How the table understands the fields of a column.
    pub(crate) fn meaning(&self, column: usize) -> Meaning {
        let reading = self.readings.get(column).copied().unwrap_or_default();
        Meaning { ty: self.ty(column), reading, nulls: self.nulls.clone() }
    }

    /// How far the segment's reading of a column agrees with the table's.
    pub(crate) fn agreement(&self, column: usize) -> Agreement {
        let Some(written) = &self.written else { return Agreement::Full };
        let written = written.get(column).copied().unwrap_or_default();
        written.agreement(self.meaning(column).reading, self.ty(column))
    }

    /// Whether what a stored column rejects is what the table's column rejects.
    pub(crate) fn holds_rejects(&self, source: &impl Source, column: usize, stored: usize) -> Result<bool> {
        let same = *field(source.metadata(), stored)?.data_type() == self.ty(column).arrow();
        Ok(same && self.agreement(column) == Agreement::Full)
    }
}
