//! Columns that no source has: where a row is, and where it came from.
//!
//! * They are computed from the ledger: the row's ordinal gives its batch and its event. Lines are read only for names, and where
//!   one event appended several batches.
//! * A column of the table that has such a name itself comes first when it is selected by that name.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringBuilder, UInt64Builder},
    datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef, UInt64Type},
};
use at1_catalog::{Bound, Request, RowNumbers};
use at1_codec::Schema;

use crate::{
    error::{Error, Result},
    snapshot::Snapshot,
    version::{Events, Origin},
};

/// What can be asked of a row besides its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemColumn {
    /// `_row`: its ordinal in the table.
    Row,
    /// `_batch`: the number of its batch.
    Batch,
    /// `_event`: the event that appended the batch.
    Event,
    /// `_source`: the name the batch came with.
    Source,
}

/// All of them, in their usual order.
pub const SYSTEM_COLUMNS: [SystemColumn; 4] =
    [SystemColumn::Row, SystemColumn::Batch, SystemColumn::Event, SystemColumn::Source];

impl SystemColumn {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Row => "_row",
            Self::Batch => "_batch",
            Self::Event => "_event",
            Self::Source => "_source",
        }
    }

    /// Its type.
    pub fn field(self) -> Field {
        match self {
            Self::Source => Field::new(self.name(), DataType::Utf8, true),
            _ => Field::new(self.name(), DataType::UInt64, false),
        }
    }
}

/// How a scan's batches are put together.
pub(super) struct Layout {
    /// Columns of the table that the catalog reads, in the order it gives them.
    columns: Vec<usize>,
    /// For each column of the result, where it comes from.
    items: Vec<Item>,
    schema: SchemaRef,
}

#[derive(Clone, Copy)]
enum Item {
    Read(usize),
    System(SystemColumn),
}

impl Layout {
    pub(super) fn new(schema: &Schema, select: Option<&[String]>, system: &[SystemColumn]) -> Result<Self> {
        let mut columns = vec![];
        let mut items = vec![];
        match select {
            None => (0..schema.columns.len()).for_each(|column| {
                columns.push(column);
                items.push(Item::Read(column));
            }),
            Some(names) => {
                for name in names {
                    let own = SYSTEM_COLUMNS.into_iter().find(|own| own.name() == name);
                    items.push(match (schema.position(name), own) {
                        (Some(column), _) => {
                            columns.push(column);
                            Item::Read(columns.len() - 1)
                        }
                        (None, Some(own)) => Item::System(own),
                        (None, None) => {
                            // The catalog knows which names look alike.
                            Request::new(Bound::everything(schema)).project([name.as_str()])?;
                            return Err(Error::invalid("select", "a column", name));
                        }
                    });
                }
            }
        }
        Ok(Self::of(schema, columns, items, system))
    }

    /// Columns by position, and system columns behind them.
    pub(super) fn of_columns(schema: &Schema, columns: &[usize], system: &[SystemColumn]) -> Result<Self> {
        let width = schema.columns.len();
        if let Some(column) = columns.iter().find(|&&column| column >= width) {
            return Err(Error::invalid("columns", format!("a column below {width}"), column));
        }
        Ok(Self::of(schema, columns.to_vec(), (0..columns.len()).map(Item::Read).collect(), system))
    }

    fn of(schema: &Schema, columns: Vec<usize>, mut items: Vec<Item>, system: &[SystemColumn]) -> Self {
        items.extend(system.iter().copied().map(Item::System));
        let table = schema.arrow();
        let field = |item: &Item| match item {
            Item::Read(at) => table.fields()[columns[*at]].clone(),
            Item::System(own) => Arc::new(own.field()),
        };
        let fields: Vec<_> = items.iter().map(field).collect();
        Self { schema: Arc::new(ArrowSchema::new(fields)), columns, items }
    }

    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Whether the catalog has to number the rows.
    pub(super) fn row_numbers(&self) -> RowNumbers {
        match self.items.iter().any(|item| matches!(item, Item::System(_))) {
            true => RowNumbers::Include,
            false => RowNumbers::Omit,
        }
    }

    /// The result's columns out of the catalog's.
    pub(super) fn arrange(&self, batch: RecordBatch, snapshot: &Snapshot) -> Result<RecordBatch> {
        let column = |item: &Item| -> Result<ArrayRef> {
            Ok(match item {
                Item::Read(at) => Arc::clone(batch.column(*at)),
                Item::System(own) => {
                    let ordinals = batch.column(self.columns.len());
                    snapshot.ask(|version| system(*own, ordinals, &mut Events::new(version, snapshot.store())))?
                }
            })
        };
        let columns = self.items.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema(), columns, &options)
            .map_err(|e| Error::invalid("scan", "batches that fit", e))
    }
}

fn system(own: SystemColumn, ordinals: &ArrayRef, events: &mut Events<'_>) -> Result<ArrayRef> {
    if own == SystemColumn::Row {
        return Ok(Arc::clone(ordinals));
    }
    // Neighbouring rows mostly share a batch.
    let mut at = None::<Origin>;
    let mut name = None;
    let (mut numbers, mut names) = (UInt64Builder::new(), StringBuilder::new());
    for &row in ordinals.as_primitive::<UInt64Type>().values() {
        let origin = match at.take().filter(|origin| origin.rows.contains(&row)) {
            Some(origin) => origin,
            None => {
                let origin = events.at_row(row)?;
                if own == SystemColumn::Source {
                    name = events.record(origin.batch)?.1.name;
                }
                origin
            }
        };
        match own {
            SystemColumn::Source => names.append_option(name.as_deref()),
            SystemColumn::Event => numbers.append_value(origin.event),
            _ => numbers.append_value(origin.batch),
        }
        at = Some(origin);
    }
    Ok(match own {
        SystemColumn::Source => Arc::new(names.finish()),
        _ => Arc::new(numbers.finish()),
    })
}
