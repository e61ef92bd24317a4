//! The fields that their columns could not hold: where they are, and what they say.
//!
//! * Found from the recovery section of the segments that have any; the others are not opened.

use arrow::array::{Array as _, AsArray as _};
use at1_codec::{
    ColumnType,
    column::{Agreement, Pin},
};
use at1_ledger::BatchRecord;
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    paths,
    schema::TableColumn,
    snapshot::{OpenSegment, Snapshot},
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
    /// The column's type.
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
    /// [`Snapshot::rejects`] of the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::rejects`].
    pub fn rejects(&self, visit: &mut dyn FnMut(Reject) -> Result<()>) -> Result<()> {
        self.snapshot()?.rejects(visit)
    }
}

impl Snapshot {
    /// Visits every field that its column cannot hold, segment by segment, column by column within a row group.
    ///
    /// # Errors
    /// The visitor's own; `Corrupt` if a segment is damaged.
    pub fn rejects(&self, visit: &mut dyn FnMut(Reject) -> Result<()>) -> Result<()> {
        let (layout, history) = (self.layout(), self.history()?);
        let batches = self.batch_records(&history);
        // Types only widen: what was no reject when it was appended never becomes one, unless it is read in another way.
        let may_have = |(batch, record): (usize, &BatchRecord)| {
            let then =
                history.batch_event(batch as u64).map(|event| layout.schemas().pins_at(event)).unwrap_or_default();
            let read_otherwise = |(then, now): (&Pin, &TableColumn)| {
                then.reading.agreement(now.reading, now.column.ty) == Agreement::Open
            };
            record.rejects > 0 || then.iter().zip(&self.schema().columns).any(read_otherwise)
        };
        let mut batch = 0;
        while let Some(next) = (batch..).zip(&batches[batch..]).position(may_have) {
            let open = self.open_batch((batch + next) as u64)?;
            self.rejects_of(&open, &self.layout().pins_of(&open.live), visit)
                .map_err(|e| e.within(&paths::segment_path(&open.live.name())))?;
            batch = usize::try_from(open.live.batch.end).unwrap_or(usize::MAX).min(batches.len());
        }
        Ok(())
    }

    fn rejects_of(
        &self,
        open: &OpenSegment,
        written_as: &[Pin],
        visit: &mut dyn FnMut(Reject) -> Result<()>,
    ) -> Result<()> {
        let OpenSegment { live, segment, first_row } = open;
        let infos = segment.batches()?;
        let visible = self.totals().rows;
        let mut group_row = 0;
        for (row_group, meta) in segment.metadata().metadata().row_groups().iter().enumerate() {
            for (position, stored) in written_as.iter().enumerate() {
                let Some(column) = self.schema().columns.get(position) else { continue };
                let same = column.is_stored_as(*stored);
                if same && segment.rejects(position) == 0 {
                    continue;
                }
                let rows = match self.schema().meaning(position) {
                    Some(meaning) if !same => segment.read_as(row_group, position, &meaning)?.rejects,
                    _ => segment.reject_rows(row_group, position)?,
                };
                if rows.is_empty() {
                    continue;
                }
                let texts = segment.read_as(row_group, position, &ColumnType::Text.into())?.array;
                let texts = texts.as_string::<i32>();
                for row in rows {
                    let in_segment = group_row + row;
                    let place = infos.partition_point(|info| info.first_row + info.rows <= in_segment);
                    let info = infos.get(place);
                    let info = info.ok_or_else(|| Error::corrupt("", "a batch for every row", in_segment))?;
                    if first_row + in_segment >= visible {
                        break;
                    }
                    let text = usize::try_from(row).ok().filter(|&row| row < texts.len() && texts.is_valid(row));
                    visit(Reject {
                        row: first_row + in_segment,
                        batch: live.batch.start + place as u64,
                        record: in_segment - info.first_row,
                        column: column.title().to_owned(),
                        ty: column.column.ty,
                        text: text.map(|row| texts.value(row).to_owned()),
                    })?;
                }
            }
            group_row += u64::try_from(meta.num_rows()).unwrap_or(0);
        }
        Ok(())
    }
}
