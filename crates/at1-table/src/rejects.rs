//! The fields that their columns could not hold: where they are, and what they say.
//!
//! * Found from the recovery section of the segments that have any; the others are not opened.

use arrow::array::Array as _;
use at1_codec::ColumnType;
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    paths, segments,
    table::Table,
};

/// One field that reads as null because its column could not hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The record's ordinal in the table.
    pub row: u64,
    /// Its batch.
    pub batch: u64,
    /// Its ordinal in the batch.
    pub record: u64,
    /// The column's header, or its name.
    pub column: String,
    /// The type that the column had in this segment.
    pub ty: ColumnType,
    /// The field's text, unquoted; none if it is not UTF-8.
    pub text: Option<String>,
}

impl Reject {
    /// The reject as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "row": self.row, "batch": self.batch, "record": self.record, "column": self.column, "type": self.ty.to_string(),
            "text": self.text,
        })
    }
}

impl Table {
    /// Visits every reject, segment by segment, column by column within a row group.
    ///
    /// # Errors
    /// The visitor's own; `Corrupt` if a segment is damaged.
    pub fn rejects(&self, visit: &mut dyn FnMut(Reject) -> Result<()>) -> Result<()> {
        let version = self.version()?;
        let batches = version.state.batches();
        for record in version.state.live() {
            let range = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let own = batches.get(range(record.batch.start)..range(record.batch.end)).unwrap_or_default();
            if own.iter().all(|batch| batch.rejects == 0) {
                continue;
            }
            let segment = segments::open(self.store(), record)?;
            let damage = |e| segments::damage(e, record);
            let infos = segment.batches().map_err(damage)?;
            let table_row = version.state.batch_rows(record.batch.start).map_or(0, |rows| rows.start);
            let mut group_row = 0;
            for (row_group, meta) in segment.metadata().metadata().row_groups().iter().enumerate() {
                for (position, column) in segment.schema().columns.iter().enumerate() {
                    if segment.rejects(position) == 0 {
                        continue;
                    }
                    let rows = segment.reject_rows(row_group, position).map_err(damage)?;
                    if rows.is_empty() {
                        continue;
                    }
                    let texts = segment.source_text(row_group, position).map_err(damage)?;
                    let title =
                        version.schema.columns.get(position).map_or(column.name.as_str(), |column| column.title());
                    for row in rows {
                        let in_segment = group_row + row;
                        let place = infos.partition_point(|info| info.first_row + info.rows <= in_segment);
                        let info = infos.get(place).ok_or_else(|| {
                            Error::corrupt(paths::segment_path(&record.name), "a batch for every row", in_segment)
                        })?;
                        let text = usize::try_from(row).ok().filter(|&row| row < texts.len() && texts.is_valid(row));
                        visit(Reject {
                            row: table_row + in_segment,
                            batch: record.batch.start + place as u64,
                            record: in_segment - info.first_row,
                            column: title.to_owned(),
                            ty: column.ty,
                            text: text.map(|row| texts.value(row).to_owned()),
                        })?;
                    }
                }
                group_row += u64::try_from(meta.num_rows()).unwrap_or(0);
            }
        }
        Ok(())
    }
}
