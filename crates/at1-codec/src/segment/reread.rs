//! The fields of a column as another type than the one they are stored as.
//!
//! * What comes out is what [`crate::column::encode`] would have stored of the same records under that type, because both ask
//!   the same [`Meaning`].
//! * Memory is that of one row group of one column.

use std::{collections::HashMap, slice};

use arrow::array::ArrayRef;

use super::{
    layout::GROUP_ROWS_MAX,
    read::Segment,
    records::Unusual,
    recover::{Part, size},
};
use crate::{
    ColumnType, Error, Result,
    column::{Meaning, array::Values, value::Field},
};

/// The most text that an array of Arrow's with 32-bit offsets can hold.
const TEXT_BYTES_MAX: usize = i32::MAX as usize;

/// Fields of one row group of a column, read as some type.
#[derive(Clone, Debug)]
pub struct ReadAs {
    /// Their values, of the type's Arrow type.
    pub array: ArrayRef,
    /// The rows (within the row group) whose field the type cannot hold, ascending. They are null in `array`.
    pub rejects: Vec<u64>,
}

impl Segment {
    /// The fields of `column` in `row_group`, read as `meaning` says, whatever type they are stored as: null where the
    /// record has no such field, where the field means null, or where the type cannot hold it.
    ///
    /// ```
    /// use at1_codec::{ColumnType, EncodeOptions, Form, Segment, Trust, column::Meaning};
    /// use arrow::array::{AsArray, StringArray};
    ///
    /// let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
    /// let bytes = at1_codec::encode(b"id,price\n1,2.50\n2,NA\n3,003\n", &options)?;
    /// let segment = Segment::open(std::sync::Arc::new(bytes), Trust::OwnSeal)?;
    /// let text = segment.read_as(0, 1, &Meaning::from(ColumnType::Text))?;
    /// assert_eq!(text.array.as_string::<i32>(), &StringArray::from(vec!["2.50", "NA", "003"]));
    /// let integers = segment.read_as(0, 1, &Meaning::from(ColumnType::Int64))?;
    /// assert_eq!((integers.array.null_count(), integers.rejects), (3, vec![0, 2]));
    /// # Ok::<(), at1_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such row group or column, the type is a decimal of more than 38 digits, or the segment is damaged.
    pub fn read_as(&self, row_group: usize, column: usize, meaning: &Meaning) -> Result<ReadAs> {
        if let ColumnType::Decimal { precision: 39.., .. } = meaning.ty {
            return Err(Error::invalid("type", "a decimal of at most 38 digits", meaning.ty));
        }
        let rows = self.group(row_group)?.rows();
        let mut values = Values::with_capacity(meaning.ty, size(rows).min(GROUP_ROWS_MAX));
        let mut rejects = Vec::new();
        let (mut row, mut text_bytes) = (0, 0);
        let mut scratch = Vec::new();
        self.print(row_group, slice::from_ref(&(0..rows)), &[column], &mut |part, printed, unusual| {
            let first_row = unusual.first_row;
            let mut has = Presence::of(part);
            for (index, unusual) in unusual.each().enumerate() {
                let is_present = has.field(&unusual, first_row + index);
                let found = if is_present {
                    let raw = printed[0].field(index);
                    let (value, quoted) = part.info.syntax.value(raw, &mut scratch);
                    meaning.read(value, quoted)
                } else {
                    Field::Null
                };
                match found {
                    Field::Reject => rejects.push(row),
                    // No writer makes such a row group; a damaged one may claim it.
                    Field::Text(value) if value.len() > TEXT_BYTES_MAX - text_bytes => {
                        let found = format!("{} or more", text_bytes.saturating_add(value.len()));
                        return Err(Error::corrupt("row group", format!("{TEXT_BYTES_MAX} bytes of text"), found));
                    }
                    Field::Text(value) => text_bytes += value.len(),
                    Field::Null | Field::Value(_) => {}
                }
                values.push_field(&found);
                row += 1;
            }
            Ok(())
        })?;
        if row == rows {
            Ok(ReadAs { array: values.finish(meaning.ty), rejects })
        } else {
            Err(Error::corrupt(format!("row group {row_group}"), format!("{rows} rows"), row))
        }
    }

    /// For each batch the number of fields that its columns could not hold.
    ///
    /// # Errors
    /// If the directory or a recovery stream cannot be read or is damaged.
    pub fn rejects_by_batch(&self) -> Result<Vec<u64>> {
        let directory = self.directory()?;
        let mut counts = vec![0; directory.batches.len()];
        for (row_group, group) in directory.groups.iter().enumerate() {
            for (column, recovery) in group.columns.iter().enumerate() {
                // Only streams that have rejects are looked into.
                if recovery.rejects == 0 {
                    continue;
                }
                let rejects = self.reject_rows(row_group, column)?;
                if rejects.len() as u64 != recovery.rejects {
                    let place = format!("row group {row_group}: column {column}");
                    return Err(Error::corrupt(place, format!("{} rejects", recovery.rejects), rejects.len()));
                }
                let mut rejects = rejects.into_iter().peekable();
                let mut end = 0;
                for &(batch, rows) in &group.parts {
                    end += rows;
                    while rejects.next_if(|&row| row < end).is_some() {
                        counts[batch] += 1;
                    }
                }
                if let Some(row) = rejects.next() {
                    let place = format!("row group {row_group}: column {column}");
                    return Err(Error::corrupt(place, format!("rejects below row {end}"), row));
                }
            }
        }
        Ok(counts)
    }
}

/// Which records of a part have the field of the one column at hand.
struct Presence<'a> {
    part: &'a Part<'a>,
    /// What is known of shapes.
    by_shape: HashMap<u32, bool>,
}

impl<'a> Presence<'a> {
    fn of(part: &'a Part<'a>) -> Self {
        Self { part, by_shape: HashMap::new() }
    }

    fn field(&mut self, unusual: &Unusual<'_>, row: usize) -> bool {
        let part = self.part;
        let Some(field) = part.fields[0] else { return false };
        match part.shapes.number(row).filter(|_| part.delimiter().is_none()) {
            None => unusual.fields.is_none_or(|fields| field < fields),
            Some(shape) => *self.by_shape.entry(shape).or_insert_with(|| {
                part.shapes.pieces(row).any(|(_, found)| found.is_some_and(|found| found as usize == field))
            }),
        }
    }
}
