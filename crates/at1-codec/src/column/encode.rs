//! Encoding a column of one row group: values, and all that is needed to print the fields again.
//!
//! * Whatever the form prints is compared with the source, field by field; what differs becomes a patch. So a field is
//!   given back exactly however odd it is, and however badly the form was chosen.

use arrow::{
    array::{Array, ArrayRef, BooleanBufferBuilder, new_empty_array},
    compute::concat,
};

use super::{
    array::Values,
    form::{Form, Per, Quoting, Streams},
    nulls::NullWords,
    patch::{Holds, Patches},
    pin::Reading,
    print::{Printed, Printer, write_recovery},
    sample::{Sample, is_sampled},
    value::{Field, Meaning},
};
use crate::{ColumnType, text};

/// Rows that are looked at together; a multiple of the eight whose quotes share a byte.
const BLOCK_ROWS: usize = 2048;

/// What of a text's dialect concerns single fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Syntax {
    /// The byte between fields.
    pub delimiter: u8,
    /// The byte that quotes fields, if any does.
    pub quote: Option<u8>,
}

impl Syntax {
    /// Would this value, without quotes, be read as something else?
    pub(crate) fn needs_quotes(self, value: &[u8]) -> bool {
        value.iter().any(|&b| b == self.delimiter || Some(b) == self.quote || b == b'\n' || b == b'\r')
    }
}

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
    meaning: Meaning,
    form: Form,
    rows: usize,
    row: usize,
    streams: Growing,
    arrays: Vec<ArrayRef>,
    patches: Patches,
    scratch: Vec<u8>,
}

impl Encoder {
    /// A column of a row group of so many rows, none of which it has seen.
    pub(crate) fn new(meaning: Meaning, form: Form, rows: usize) -> Self {
        let (streams, patches) = (Growing::new(), Patches::default());
        Self { meaning, form, rows, row: 0, streams, arrays: Vec::new(), patches, scratch: Vec::new() }
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
        let mut columns = Columns::new(&self.meaning, &self.form, block.len());
        columns.scratch = std::mem::take(&mut self.scratch);
        block.iter().for_each(|&raw| columns.push(raw, syntax.quote));
        let Columns { values, streams, rejects, scratch, .. } = columns;
        self.scratch = scratch;
        let array = values.finish(self.meaning.ty);

        let mut printer = Printer::bare(self.meaning.ty, self.form.clone(), streams.borrow(&self.form), block.len());
        let mut printed = Printed::default();
        printer.print(&*array, syntax, &mut printed).expect("the printer fits the array it is made for");
        let mut rejects = rejects.into_iter().peekable();
        for (index, raw) in block.iter().enumerate() {
            let holds = if rejects.next_if_eq(&index).is_some() { Holds::Reject } else { Holds::Yes };
            let Some(raw) = raw else { continue };
            if holds == Holds::Reject || printed.field(index) != *raw {
                self.patches.push((self.row + index) as u64, holds, raw);
            }
        }
        self.streams.append(&streams);
        self.arrays.push(array);
        self.row += block.len();
    }

    /// The column, when all of its rows were pushed.
    pub(crate) fn finish(self) -> Encoded {
        assert_eq!(self.row, self.rows, "every row of the row group was pushed");
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(|array| &**array).collect();
        let array = match &arrays[..] {
            [] => new_empty_array(&self.meaning.ty.arrow()),
            _ => concat(&arrays).expect("blocks of one type, and text below 2 GiB"),
        };
        let (patched, rejected, description) = (self.patches.count, self.patches.rejects, self.form.describe());
        let recovery = write_recovery(self.rows, self.patches, &self.form, &self.streams.borrow(&self.form));
        Encoded { array, recovery, rejects: rejected, patches: patched, form: description }
    }
}

/// The streams of a column as they grow.
#[derive(Debug)]
struct Growing {
    nulls: Vec<u8>,
    quotes: BooleanBufferBuilder,
    digits: Vec<u8>,
    zones: Vec<u8>,
}

impl Growing {
    fn new() -> Self {
        Self { nulls: Vec::new(), quotes: BooleanBufferBuilder::new(0), digits: Vec::new(), zones: Vec::new() }
    }

    fn borrow(&self, form: &Form) -> Streams<'_> {
        Streams {
            nulls: (form.nulls_per == Per::Row).then_some(&self.nulls),
            quotes: (form.quoting == Quoting::PerRow).then_some(self.quotes.as_slice()),
            digits: (form.digits_per() == Per::Row).then_some(&self.digits),
            zones: form.zones_per_row().map(|_| &*self.zones),
        }
    }

    /// Adds the entries of the next rows.
    fn append(&mut self, next: &Self) {
        self.nulls.extend_from_slice(&next.nulls);
        self.quotes.append_packed_range(0..next.quotes.len(), next.quotes.as_slice());
        self.digits.extend_from_slice(&next.digits);
        self.zones.extend_from_slice(&next.zones);
    }
}

/// Adds an entry; a row that has none repeats the one before, which costs least.
fn push_or_repeat(stream: &mut Vec<u8>, entry: Option<u8>) {
    let entry = entry.unwrap_or_else(|| stream.last().copied().unwrap_or(0));
    stream.push(entry);
}

/// Where a spelling stands in a list; the first if it does not, and then the field is patched.
fn spelling(list: &[Vec<u8>], wanted: &[u8]) -> u8 {
    list.iter().zip(0..).find(|(spelling, _)| *spelling == wanted).map_or(0, |(_, index)| index)
}

/// The values and streams of a column as they grow.
struct Columns<'m> {
    meaning: &'m Meaning,
    form: &'m Form,
    values: Values,
    streams: Growing,
    rejects: Vec<usize>,
    row: usize,
    scratch: Vec<u8>,
}

impl<'m> Columns<'m> {
    fn new(meaning: &'m Meaning, form: &'m Form, rows: usize) -> Self {
        let values = Values::with_capacity(meaning.ty, rows);
        Self { meaning, form, values, streams: Growing::new(), rejects: Vec::new(), row: 0, scratch: Vec::new() }
    }

    fn push(&mut self, raw: Option<&[u8]>, quote: Option<u8>) {
        let (mut null, mut quote_bit, mut digits, mut zone) = (None, false, None, None);
        let mut scratch = std::mem::take(&mut self.scratch);
        let field = match raw {
            None => Field::Null,
            Some(raw) => {
                let (value, quoted) = text::value(raw, quote, &mut scratch);
                let field = self.meaning.read(value, quoted);
                quote_bit = quoted == text::Quoted::Yes && !matches!(field, Field::Null);
                if self.form.nulls_per == Per::Row && matches!(field, Field::Null) {
                    null = Some(spelling(&self.form.nulls, raw));
                }
                field
            }
        };
        match &field {
            Field::Value(parsed) => {
                digits = Some(u8::try_from(parsed.digits).unwrap_or(u8::MAX));
                zone = self.form.zones_per_row().map(|zones| spelling(zones, parsed.suffix));
            }
            Field::Reject => self.rejects.push(self.row),
            Field::Null | Field::Text(_) => {}
        }
        self.values.push_field(&field);
        if self.form.nulls_per == Per::Row {
            push_or_repeat(&mut self.streams.nulls, null);
        }
        if self.form.quoting == Quoting::PerRow {
            self.streams.quotes.append(quote_bit);
        }
        if self.form.digits_per() == Per::Row {
            push_or_repeat(&mut self.streams.digits, digits);
        }
        if self.form.zones_per_row().is_some() {
            push_or_repeat(&mut self.streams.zones, zone);
        }
        self.row += 1;
        self.scratch = scratch;
    }
}
