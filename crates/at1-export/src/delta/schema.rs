//! A table's columns as a Delta schema, and the protocol that they ask of readers.
//!
//! * A type that Delta does not have is refused: readers would show another value than the text says.
//! * Wall-clock times need a reader that knows them; all other tables are read by every reader there is.
//! * Writers are kept out by a feature that none of them knows. They would rewrite or remove files that the ledger binds.

use at1_codec::{ColumnType, TimeUnit, Zone};
use at1_table::{ColumnInfo, Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::entry::{LOG, damaged};

/// The feature that keeps other writers out: the protocol has a writer refuse what it does not know.
pub const WRITER_FENCE: &str = "at1Managed";
const NAIVE_TIMES: &str = "timestampNtz";

/// A schema as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeltaSchema {
    /// The member `schemaString`.
    pub(super) text: String,
    /// Whether it has wall-clock times.
    pub(super) naive_times: bool,
}

impl DeltaSchema {
    /// The schema of these columns.
    ///
    /// # Errors
    /// `Unsupported`, naming the column, if Delta has no such type.
    pub(super) fn of(columns: &[ColumnInfo]) -> Result<Self> {
        let fields = columns.iter().map(field).collect::<Result<Vec<_>>>()?;
        let naive = |column: &ColumnInfo| matches!(column.ty, ColumnType::Timestamp { zone: Zone::Naive, .. });
        Ok(Self {
            text: json!({"type": "struct", "fields": fields}).to_string(),
            naive_times: columns.iter().any(naive),
        })
    }

    /// Whether it has all columns of the schema that a log has so far, first and unchanged.
    ///
    /// # Errors
    /// `Corrupt` if that is none.
    pub(super) fn goes_on(&self, before: &str) -> Result<bool> {
        let fields = |text: &str| {
            let schema: Value = serde_json::from_str(text).map_err(|e| damaged(LOG, "a schema, as JSON", e))?;
            Ok::<_, Error>(schema["fields"].as_array().cloned().unwrap_or_default())
        };
        Ok(fields(&self.text)?.starts_with(&fields(before)?))
    }
}

fn field(column: &ColumnInfo) -> Result<Value> {
    let ty = match column.ty {
        ColumnType::Int64 => "long".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        ColumnType::Float64 => "double".to_owned(),
        ColumnType::Boolean => "boolean".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Utc } => "timestamp".to_owned(),
        ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Naive } => "timestamp_ntz".to_owned(),
        ColumnType::Text => "string".to_owned(),
        ColumnType::Binary => "binary".to_owned(),
        ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } => {
            let name = column.header.as_ref().unwrap_or(&column.name);
            let expected = "a type that Delta has, such as microseconds; a table made with `at1 init --type COL=text` keeps finer times as text";
            return Err(Error::new(ErrorKind::Unsupported, format!("column {name}"), expected, column.ty));
        }
    };
    Ok(json!({"name": column.name, "type": ty, "nullable": true, "metadata": {}}))
}

/// The protocol of a log, once one of its schemas had wall-clock times or not.
pub(super) fn protocol(naive_times: bool) -> Value {
    let mut writer = vec!["appendOnly", "invariants", WRITER_FENCE];
    if !naive_times {
        return json!({"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": writer});
    }
    writer.push(NAIVE_TIMES);
    json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [NAIVE_TIMES], "writerFeatures": writer})
}

/// Whether a protocol lets readers see wall-clock times.
pub(super) fn knows_naive_times(protocol: &Value) -> bool {
    protocol["readerFeatures"].as_array().is_some_and(|features| features.iter().any(|f| f == NAIVE_TIMES))
}
