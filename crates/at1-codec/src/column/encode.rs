//! Encoding a column of one row group: values, and all that is needed to print the fields again.
//!
//! * Whatever the form prints is compared with the source, field by field; what differs becomes a patch. So a field is
//!   given back exactly however odd it is, and however badly the form was chosen.

use arrow::array::{Array, ArrayRef};

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

/// Rows that are printed at a time, to compare them.
const CHECK_ROWS: usize = 4096;

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
    let lens: Vec<usize> = parts.clone().into_iter().map(|(_, fields)| fields.count()).collect();
    let rows = lens.iter().sum();

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

    let mut columns = Columns::new(&meaning, sample.form(), rows);
    for (syntax, fields) in parts.clone() {
        fields.for_each(|raw| columns.push(raw, syntax.quote));
    }
    let Columns { values, form, streams, rejects, .. } = columns;
    let array = values.finish(ty);
    let streams = streams.borrow(&form);

    let mut check = Check {
        printer: Printer::bare(ty, form.clone(), streams, rows),
        printed: Printed::default(),
        rejects: rejects.iter().copied().peekable(),
        patches: Patches::default(),
        row: 0,
    };
    for ((syntax, mut fields), len) in parts.into_iter().zip(lens) {
        for start in (0..len).step_by(CHECK_ROWS) {
            check.slice(&*array, CHECK_ROWS.min(len - start), syntax, &mut fields);
        }
    }
    let patches = check.patches;
    let (patched, rejected, description) = (patches.count, patches.rejects, form.describe());
    let recovery = write_recovery(rows, patches, &form, &streams);
    Encoded { array, recovery, rejects: rejected, patches: patched, form: description }
}

/// The streams of a column as they grow.
#[derive(Debug, Default)]
struct Growing {
    nulls: Vec<u8>,
    quotes: Vec<u8>,
    digits: Vec<u8>,
    zones: Vec<u8>,
}

impl Growing {
    fn borrow(&self, form: &Form) -> Streams<'_> {
        Streams {
            nulls: (form.nulls_per == Per::Row).then_some(&self.nulls),
            quotes: (form.quoting == Quoting::PerRow).then_some(&self.quotes),
            digits: (form.digits_per() == Per::Row).then_some(&self.digits),
            zones: form.zones_per_row().map(|_| &*self.zones),
        }
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
    form: Form,
    values: Values,
    streams: Growing,
    rejects: Vec<usize>,
    row: usize,
    scratch: Vec<u8>,
}

impl<'m> Columns<'m> {
    fn new(meaning: &'m Meaning, form: Form, rows: usize) -> Self {
        let mut streams = Growing::default();
        if form.quoting == Quoting::PerRow {
            streams.quotes = vec![0; rows.div_ceil(8)];
        }
        let values = Values::with_capacity(meaning.ty, rows);
        Self { meaning, form, values, streams, rejects: Vec::new(), row: 0, scratch: Vec::new() }
    }

    fn push(&mut self, raw: Option<&[u8]>, quote: Option<u8>) {
        let (mut null, mut digits, mut zone) = (None, None, None);
        let mut scratch = std::mem::take(&mut self.scratch);
        let field = match raw {
            None => Field::Null,
            Some(raw) => {
                let (value, quoted) = text::value(raw, quote, &mut scratch);
                let field = self.meaning.read(value, quoted);
                if self.form.quoting == Quoting::PerRow && quoted == text::Quoted::Yes && !matches!(field, Field::Null)
                {
                    self.streams.quotes[self.row / 8] |= 1 << (self.row % 8);
                }
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

/// Prints a column and collects what differs from the source.
struct Check<'a, R: Iterator<Item = usize>> {
    printer: Printer<'a>,
    printed: Printed,
    rejects: std::iter::Peekable<R>,
    patches: Patches,
    row: usize,
}

impl<R: Iterator<Item = usize>> Check<'_, R> {
    fn slice<'f>(
        &mut self,
        array: &dyn Array,
        len: usize,
        syntax: Syntax,
        fields: &mut impl Iterator<Item = Option<&'f [u8]>>,
    ) {
        self.printed.clear();
        let slice = array.slice(self.row, len);
        self.printer.print(&*slice, syntax, &mut self.printed).expect("the printer fits the array it is made for");
        for (index, raw) in fields.take(len).enumerate() {
            let row = self.row + index;
            let is_reject = self.rejects.next_if_eq(&row).is_some();
            let Some(raw) = raw else { continue };
            if is_reject {
                self.patches.push(row as u64, Holds::Reject, raw);
            } else if self.printed.field(index) != raw {
                self.patches.push(row as u64, Holds::Yes, raw);
            }
        }
        self.row += len;
    }
}
