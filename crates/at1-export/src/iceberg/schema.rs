//! A table's columns as an Iceberg schema.
//!
//! * The id of column `i` is `i + 1`, as the segments carry it, and never another's: columns are only added, at the end.
//! * The type is the one that the segments hold. What Iceberg's second version has no type for is refused, by name.

use at1_codec::{ColumnType, TimeUnit, Zone};
use at1_table::{ColumnInfo, Error, ErrorKind, Files, Info, Result};
use serde_json::{Value, json};

/// The columns that segments hold: name, header and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns(Vec<ColumnInfo>);

impl Columns {
    /// The columns of a table in the types that all of its segments have.
    ///
    /// # Errors
    /// `Unsupported` if segments differ in a type, if Iceberg has none for it, or if there are no columns at all.
    pub(super) fn of(info: Info, files: &Files) -> Result<Self> {
        files.uniform()?;
        let mut columns = info.columns;
        if columns.is_empty() {
            let expected = "a table with columns; append a file that has a header or a record";
            return Err(Error::new(ErrorKind::Unsupported, "schema", expected, "none"));
        }
        for mixed in &files.mixed {
            // All segments agree with each other, though not with the table.
            let stored = mixed.others.first().map(|(ty, _)| *ty);
            // Headers may be there twice.
            let named = |column: &&mut ColumnInfo| {
                column.ty == mixed.ty && column.header.as_ref().unwrap_or(&column.name) == &mixed.column
            };
            if let (Some(column), Some(stored)) = (columns.iter_mut().find(named), stored) {
                column.ty = stored;
            }
        }
        columns.iter().try_for_each(|column| type_name(column).map(drop))?;
        Ok(Self(columns))
    }

    /// The type of a column.
    pub(super) fn ty(&self, column: usize) -> Option<ColumnType> {
        self.0.get(column).map(|column| column.ty)
    }

    /// The highest id in use.
    pub(super) fn last_id(&self) -> usize {
        self.0.len()
    }

    /// The fields as metadata lists them.
    pub(super) fn fields(&self) -> Result<Value> {
        let fields = (1..).zip(&self.0).map(|(id, column): (usize, _)| {
            let mut field = json!({"id": id, "name": column.name, "required": false, "type": type_name(column)?});
            if let Some(header) = column.header.as_ref().filter(|header| **header != column.name) {
                field["doc"] = json!(format!("header: {header}"));
            }
            Ok(field)
        });
        Ok(Value::Array(fields.collect::<Result<_>>()?))
    }
}

/// Iceberg's word for a column's type.
fn type_name(column: &ColumnInfo) -> Result<String> {
    Ok(match column.ty {
        ColumnType::Int64 => "long",
        ColumnType::Decimal { precision, scale } => return Ok(format!("decimal({precision}, {scale})")),
        ColumnType::Float64 => "double",
        ColumnType::Boolean => "boolean",
        ColumnType::Date => "date",
        ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Naive } => "timestamp",
        ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Utc } => "timestamptz",
        ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } => {
            let place = format!("column {}", column.header.as_ref().unwrap_or(&column.name));
            let expected = "a type of Iceberg v2, whose timestamps are microseconds; at1 export parquet writes \
                            nanoseconds, and at1 files lists the segments for engines that read them in place";
            return Err(Error::new(ErrorKind::Unsupported, place, expected, column.ty));
        }
        ColumnType::Text => "string",
        ColumnType::Binary => "binary",
    }
    .to_owned())
}
