//! The columns of a table as DataFusion sees them.
//!
//! * Names are the physical ones, as in every segment: headers, but for characters that other engines refuse.
//! * Text and bytes are views, which DataFusion's Parquet reader makes without copying values.
//! * System columns come last, where they are asked for.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions},
    compute::cast,
    datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef},
    error::ArrowError,
};
use at1_codec::Schema;
use at1_table::{SYSTEM_COLUMNS, SystemColumn};

/// Whether a table shows its system columns: `_row`, `_batch`, `_event`, `_source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SystemColumns {
    /// As its last columns, but for those whose name a column of the table has.
    Shown,
    /// Not at all.
    #[default]
    Hidden,
}

/// The Arrow schema of a table in DataFusion.
pub(crate) fn schema(columns: &Schema, system: SystemColumns) -> SchemaRef {
    let own = columns.arrow();
    let mut fields: Vec<Field> = own
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), viewed(field.data_type()), field.is_nullable()))
        .collect();
    if system == SystemColumns::Shown {
        fields.extend(shown_system_columns(columns).into_iter().map(|column| {
            let field = column.field();
            Field::new(field.name(), viewed(field.data_type()), field.is_nullable())
        }));
    }
    Arc::new(ArrowSchema::new(fields))
}

/// The system columns that a table can show: those whose names its own columns leave free.
pub(crate) fn shown_system_columns(columns: &Schema) -> Vec<SystemColumn> {
    let taken = |name: &str| columns.columns.iter().any(|column| column.name == name);
    SYSTEM_COLUMNS.into_iter().filter(|column| !taken(column.name())).collect()
}

/// Text as a view.
fn viewed(ty: &DataType) -> DataType {
    match ty {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        other => other.clone(),
    }
}

/// A batch of the table in the types of `schema`, which has the same columns.
pub(crate) fn as_viewed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |(array, field): (&ArrayRef, &Arc<Field>)| match array.data_type() == field.data_type() {
        true => Ok(Arc::clone(array)),
        false => cast(array, field.data_type()),
    };
    let columns = batch.columns().iter().zip(schema.fields()).map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
