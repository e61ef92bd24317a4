//! Encoding a column of one row group: values, and all that is needed to print the fields again.
//!
//! * Whatever the form prints is compared with the source, field by field; what differs becomes a patch. So a field is
//!   given back exactly however odd it is, and however badly the form was chosen.

use arrow::array::ArrayRef;

use super::{
    form::Form,
    nulls::NullWords,
    patch::Patches,
    pin::Reading,
    print::write_recovery,
    sample::{Sample, is_sampled},
    textual::Textual,
    typed::Typed,
    value::Meaning,
};
use crate::{ColumnType, text::Syntax};

/// Rows that are looked at together.
const BLOCK_ROWS: usize = 2048;

/// One column of one row group, encoded.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The values, of the column's Arrow type.
    pub array: ArrayRef,
    /// Form, patches and streams, from which [`Printer`] prints the fields of `array`; not compressed.
    pub recovery: Vec<u8>,
    /// How many fields the type could not hold; they are null in `array`.
    pub rejects: u64,
    /// How many fields are kept as text because they print otherwise, rejects included.
    pub patches: u64,
    /// The form in words, such as `decimal, 2 digits`.
    pub form: String,
}

/// Encodes the fields of a column: parts of rows that share a syntax, each with its raw fields, quotes included, or
/// `None` where the record has no such field.
///
/// # Panics
/// If the text of a text column passes what Arrow's 32-bit offsets can address, or `ty` is a decimal of
/// more than 38 digits.
pub fn encode<'a, P, F>(ty: ColumnType, reading: Reading, nulls: &NullWords, parts: P) -> Encoded
where
    P: IntoIterator<Item = (Syntax, F)> + Clone,
    F: Iterator<Item = Option<&'a [u8]>> + Clone,
{
    let meaning = Meaning { ty, reading, nulls: nulls.clone() };
    let rows = parts.clone().into_iter().map(|(_, fields)| fields.count()).sum();
    let mut sample = Sample::new(&meaning);
    let mut row = 0;
    for (syntax, fields) in parts.clone() {
        for raw in fields {
            if let Some(raw) = raw.filter(|_| is_sampled(row, rows)) {
                sample.add(raw, syntax);
            }
            row += 1;
        }
    }
    let form = sample.form();
    let mut encoder = Encoder::new(meaning, form, rows);
    for (syntax, fields) in parts {
        encoder.push(syntax, fields);
    }
    encoder.finish()
}

/// One column of one row group as it grows.
pub(crate) struct Encoder {
    frame: Frame,
    values: Growing,
}

/// What columns of all types need while they grow.
pub(crate) struct Frame {
    pub(crate) meaning: Meaning,
    pub(crate) form: Form,
    pub(crate) patches: Patches,
    /// The rows before the block that is being pushed.
    pub(crate) row: usize,
    /// All rows that there will be.
    pub(crate) rows: usize,
}

/// The values of a column, by what they are kept as.
enum Growing {
    Int(Typed<i64>),
    Decimal(Typed<i128>),
    Double(Typed<f64>),
    Boolean(Typed<bool>),
    Day(Typed<i32>),
    Text(Textual),
}

impl Encoder {
    /// A column of a row group of so many rows, none of which it has seen.
    pub(crate) fn new(meaning: Meaning, form: Form, rows: usize) -> Self {
        let values = match meaning.ty {
            ColumnType::Int64 | ColumnType::Timestamp { .. } => Growing::Int(Typed::new(&form, rows)),
            ColumnType::Decimal { .. } => Growing::Decimal(Typed::new(&form, rows)),
            ColumnType::Float64 => Growing::Double(Typed::new(&form, rows)),
            ColumnType::Boolean => Growing::Boolean(Typed::new(&form, rows)),
            ColumnType::Date => Growing::Day(Typed::new(&form, rows)),
            ColumnType::Text | ColumnType::Binary => Growing::Text(Textual::new(&form, rows)),
        };
        Self { frame: Frame { meaning, form, patches: Patches::default(), row: 0, rows }, values }
    }

    /// Takes the fields of the next rows, and looks at once what the form makes of them.
    pub(crate) fn push<'f>(&mut self, syntax: Syntax, mut fields: impl Iterator<Item = Option<&'f [u8]>>) {
        let mut block = Vec::new();
        loop {
            block.clear();
            block.extend(fields.by_ref().take(BLOCK_ROWS));
            if block.is_empty() {
                return;
            }
            self.push_block(syntax, &block);
        }
    }

    fn push_block(&mut self, syntax: Syntax, block: &[Option<&[u8]>]) {
        let frame = &mut self.frame;
        match (&mut self.values, frame.meaning.ty, frame.meaning.reading.epoch) {
            (Growing::Int(values), ColumnType::Timestamp { unit, .. }, Some(epoch)) => {
                values.push(frame, syntax, block, |meaning, body| meaning.instant(epoch, unit, body));
            }
            (Growing::Int(values), ColumnType::Timestamp { .. }, None) => {
                values.push(frame, syntax, block, Meaning::int);
            }
            (Growing::Int(values), ..) => values.push(frame, syntax, block, Meaning::int64),
            (Growing::Decimal(values), ColumnType::Decimal { precision, scale }, _) => {
                values.push(frame, syntax, block, |meaning, body| meaning.decimal(precision, scale, body));
            }
            (Growing::Decimal(_), ..) => unreachable!("the values were made for the type"),
            (Growing::Double(values), ..) => values.push(frame, syntax, block, Meaning::double),
            (Growing::Boolean(values), ..) => values.push(frame, syntax, block, Meaning::boolean),
            (Growing::Day(values), ..) => values.push(frame, syntax, block, Meaning::day),
            (Growing::Text(values), ..) => values.push(frame, syntax, block),
        }
        frame.row += block.len();
    }

    /// The column, when all of its rows were pushed.
    pub(crate) fn finish(self) -> Encoded {
        let Frame { meaning, form, patches, row, rows } = self.frame;
        assert_eq!(row, rows, "every row of the row group was pushed");
        let (array, streams) = match self.values {
            Growing::Int(values) => values.finish(meaning.ty),
            Growing::Decimal(values) => values.finish(meaning.ty),
            Growing::Double(values) => values.finish(meaning.ty),
            Growing::Boolean(values) => values.finish(meaning.ty),
            Growing::Day(values) => values.finish(meaning.ty),
            Growing::Text(values) => values.finish(meaning.ty),
        };
        let (patched, rejects, description) = (patches.count, patches.rejects, form.describe());
        let recovery = write_recovery(rows, patches, &form, &streams.borrow());
        Encoded { array, recovery, rejects, patches: patched, form: description }
    }
}

#[cfg(test)]
mod tests;
