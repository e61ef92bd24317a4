//! Printing the fields of a column again.
//!
//! * A [`Printer`] goes over the rows of a row group once, in slices of any size; what it prints does not depend on them.
//! * The form is looked at once per slice, not once per field.
//! * Recovery bytes are hostile: a parameter out of range is an error, and no claimed length is allocated.
//!
//! ```text
//! version   byte, always 1
//! rows      varint: the rows of the row group
//! patches   as in patch.rs
//! form      as in form_bytes.rs
//! streams   those that the form calls for, each with an entry for every row: spellings of null (a byte each), quotes (a
//!           bit each), digits after the point (a byte each), zones (a byte each)
//! ```

use arrow::{
    array::{Array, AsArray, BooleanArray, PrimitiveArray},
    buffer::NullBuffer,
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
        TimestampNanosecondType,
    },
};

use super::{
    boolean,
    bytes::{Put, Take},
    clock::{Instant, put_date, put_timestamp},
    digits::{put_decimal, put_integer},
    encode::Syntax,
    float::put_float,
    form::{Blanks, Form, Per, Quoting, Streams, Style},
    patch::{Cursor, Holds, Patches},
};
use crate::{ColumnType, Error, Result};

/// What recovery bytes start with.
const VERSION: u8 = 1;
const PLACE: &str = "recovery bytes";

/// Raw fields, quotes included, back to back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// The fields.
    pub bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    pub ends: Vec<usize>,
}

impl Printed {
    /// Forgets the fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The field at `index`.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn field(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

/// Writes what [`open_parts`] reads.
pub(crate) fn write_recovery(rows: usize, patches: Patches, form: &Form, streams: &Streams<'_>) -> Vec<u8> {
    let mut put = Put::new();
    put.byte(VERSION);
    put.count(rows);
    patches.write(&mut put);
    form.write(&mut put);
    streams.write(&mut put);
    put.into_bytes()
}

/// The number of rows and the patches, with which recovery bytes start.
fn open_patches<'a>(take: &mut Take<'a>) -> Result<(usize, Cursor<'a>)> {
    match take.byte()? {
        VERSION => {}
        found => return Err(Error::unsupported(PLACE, format!("version {VERSION}"), found)),
    }
    let rows = take.count()?;
    Ok((rows, Cursor::read(take)?))
}

/// The rows (within the row group) whose field the type could not hold, ascending.
///
/// # Errors
/// If the bytes are not what [`encode`](super::encode) made.
pub fn rejects(recovery: &[u8]) -> Result<Vec<u64>> {
    let (rows, mut patches) = open_patches(&mut Take::new(recovery))?;
    let mut found = Vec::new();
    while let Some(patch) = patches.current() {
        if patch.row >= rows as u64 {
            return Err(Error::corrupt(PLACE, format!("a row below {rows}"), patch.row));
        }
        if patch.holds == Holds::Reject {
            found.push(patch.row);
        }
        patches.step()?;
    }
    Ok(found)
}

/// Prints the fields of a column again, row after row.
///
/// ```
/// use at1_codec::{ColumnType, column::{self, NullWords, Printed, Printer, Reading, Syntax}};
/// let ty = ColumnType::Decimal { precision: 18, scale: 2 };
/// let syntax = Syntax { delimiter: b',', quote: Some(b'"') };
/// let fields = [&b"1.50"[..], b"", b"-2.5", b"junk"];
/// let parts = [(syntax, fields.into_iter().map(Some))];
/// let column = column::encode(ty, Reading::default(), &NullWords::default(), parts);
/// assert_eq!((column.rejects, column.form.as_str()), (1, "decimal, digits per row"));
///
/// let mut printed = Printed::default();
/// Printer::open(ty, &column.recovery)?.print(&column.array, syntax, &mut printed)?;
/// assert_eq!(printed.bytes, b"1.50-2.5junk");
/// assert_eq!(printed.ends, [4, 4, 8, 12]);
/// assert_eq!(column::rejects(&column.recovery)?, [3]);
/// # Ok::<(), at1_codec::Error>(())
/// ```
pub struct Printer<'a> {
    ty: ColumnType,
    form: Form,
    streams: Streams<'a>,
    patches: Cursor<'a>,
    rows: usize,
    row: usize,
}

impl<'a> Printer<'a> {
    /// A printer before the first row of what [`encode`](super::encode) encoded.
    ///
    /// # Errors
    /// If the bytes are not what it made, or belong to another type.
    pub fn open(ty: ColumnType, recovery: &'a [u8]) -> Result<Self> {
        let mut take = Take::new(recovery);
        let (rows, patches) = open_patches(&mut take)?;
        let form = Form::read(&mut take)?;
        form.check(ty)?;
        let streams = Streams::read(&form, rows, &mut take)?;
        take.end()?;
        Ok(Self { ty, form, streams, patches, rows, row: 0 })
    }

    /// A printer that knows no patches: what it prints wrong is what must be patched.
    pub(crate) fn bare(ty: ColumnType, form: Form, streams: Streams<'a>, rows: usize) -> Self {
        Self { ty, form, streams, patches: Cursor::none(), rows, row: 0 }
    }

    /// How the fields are printed, in words.
    #[must_use]
    pub fn form(&self) -> String {
        self.form.describe()
    }

    /// How many rows there are in all.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn end_of(&self, rows: usize) -> Result<usize> {
        let end = self.row.checked_add(rows).filter(|&end| end <= self.rows);
        end.ok_or_else(|| Error::corrupt(PLACE, format!("{} more rows", self.rows - self.row), rows))
    }

    /// Passes over the next rows.
    ///
    /// # Errors
    /// If there are not so many, or the patches are damaged.
    pub fn skip(&mut self, rows: usize) -> Result<()> {
        self.row = self.end_of(rows)?;
        while self.patches.current().is_some_and(|patch| patch.row < self.row as u64) {
            self.patches.step()?;
        }
        Ok(())
    }

    /// Appends the fields of the next rows, whose values are `array`, to `out`.
    ///
    /// # Errors
    /// If the array is not of the column's type or has more rows than are left, or the patches are damaged.
    pub fn print(&mut self, array: &dyn Array, syntax: Syntax, out: &mut Printed) -> Result<()> {
        self.end_of(array.len())?;
        if *array.data_type() != self.ty.arrow() {
            return Err(Error::invalid("printer", self.ty.to_string(), array.data_type()));
        }
        let streams = self.streams;
        let style = self.form.style.clone();
        let digits = |row: usize, otherwise: u8| streams.digits.map_or(otherwise, |stream| stream[row]);
        match &style {
            Style::Text => self.print_text(array, syntax, out),
            Style::Integer(number) => {
                let values = native::<Int64Type>(array);
                self.run(array, syntax, out, |out, i, _| put_integer(out, values[i], number))
            }
            Style::Decimal { scale, number } => {
                let (scale, factor) = match u8::try_from(*scale) {
                    Ok(scale) => (scale, 1),
                    Err(_) => (0, 10i128.pow(u32::from(scale.unsigned_abs()))),
                };
                let put = |out: &mut Vec<u8>, value: i128, row: usize| {
                    put_decimal(out, value, scale, number, digits(row, number.fraction_min));
                };
                if let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() {
                    let values = decimals.values();
                    return self.run(array, syntax, out, |out, i, row| put(out, values[i], row));
                }
                let values = instants(array);
                self.run(array, syntax, out, |out, i, row| put(out, i128::from(values[i]) * factor, row))
            }
            Style::Float(float) => {
                let values = native::<Float64Type>(array);
                let per_row = |row| streams.digits.map(|stream: &[u8]| stream[row]);
                self.run(array, syntax, out, |out, i, row| put_float(out, values[i], float, per_row(row)))
            }
            Style::Boolean(pair) => {
                let words = boolean::PAIRS[usize::from(*pair)].map(str::as_bytes);
                let values = array.as_any().downcast_ref::<BooleanArray>().expect("the type was checked").values();
                self.run(array, syntax, out, |out, i, _| out.extend_from_slice(words[usize::from(values.value(i))]))
            }
            Style::Date(date) => {
                let values = native::<Date32Type>(array);
                self.run(array, syntax, out, |out, i, _| put_date(out, i64::from(values[i]), date))
            }
            Style::Timestamp(date, clock) => {
                let values = instants(array);
                let ColumnType::Timestamp { unit, .. } = self.ty else { unreachable!("the form was checked") };
                let zones = clock.zone_offsets();
                self.run(array, syntax, out, |out, i, row| {
                    let zone = streams.zones.map_or(0, |stream| usize::from(stream[row]));
                    // An index past the end can only come from damage, and then anything may be printed.
                    let (suffix, offset) = zones[zone.min(zones.len() - 1)];
                    let instant = Instant::of(values[i], unit, offset);
                    put_timestamp(out, instant, date, clock, digits(row, 0));
                    out.extend_from_slice(suffix);
                })
            }
        }
    }

    /// Prints all rows of `array`: patches and nulls here, values by `put`, quotes and blanks around them.
    fn run(
        &mut self,
        array: &dyn Array,
        syntax: Syntax,
        out: &mut Printed,
        mut put: impl FnMut(&mut Vec<u8>, usize, usize),
    ) -> Result<()> {
        let (quoting, blanks, quotes) = (self.form.quoting, self.form.blanks, self.streams.quotes);
        match (quoting, syntax.quote) {
            (Quoting::Never, _) | (_, None) if blanks == Blanks::default() => {
                self.drive(array.nulls(), array.len(), out, put)
            }
            (_, quote) => self.drive(array.nulls(), array.len(), out, |out, i, row| {
                let start = out.len();
                put(out, i, row);
                let blanks = usize::from(blanks.lead).max(usize::from(blanks.width).saturating_sub(out.len() - start));
                if blanks > 0 {
                    out.resize(out.len() + blanks, b' ');
                    out[start..].rotate_right(blanks);
                }
                let Some(quote) = quote else { return };
                let quoted = match quoting {
                    Quoting::Never => false,
                    Quoting::Always => true,
                    Quoting::Needed => syntax.needs_quotes(&out[start..]),
                    Quoting::PerRow => quotes.is_some_and(|bits| bit(bits, row)),
                };
                if quoted {
                    out.push(quote);
                    out[start..].rotate_right(1);
                    out.push(quote);
                }
            }),
        }
    }

    fn print_text(&mut self, array: &dyn Array, syntax: Syntax, out: &mut Printed) -> Result<()> {
        let (offsets, bytes) = match array.data_type() {
            DataType::Utf8 => (array.as_string::<i32>().value_offsets(), array.as_string::<i32>().value_data()),
            _ => (array.as_binary::<i32>().value_offsets(), array.as_binary::<i32>().value_data()),
        };
        let at = |i: usize| usize::try_from(offsets[i]).expect("offsets of an array are not negative");
        let value = |i: usize| &bytes[at(i)..at(i + 1)];
        let (quoting, quotes) = (self.form.quoting, self.streams.quotes);
        let Some(quote) = syntax.quote else {
            return self.drive(array.nulls(), array.len(), out, |out, i, _| out.extend_from_slice(value(i)));
        };
        self.drive(array.nulls(), array.len(), out, |out, i, row| {
            let value = value(i);
            let quoted = match quoting {
                Quoting::Never => false,
                Quoting::Always => true,
                Quoting::Needed => syntax.needs_quotes(value),
                Quoting::PerRow => quotes.is_some_and(|bits| bit(bits, row)),
            };
            // The empty text is quoted in any case: unquoted it would be null.
            if quoted || value.is_empty() {
                put_quoted(out, value, quote);
            } else {
                out.extend_from_slice(value);
            }
        })
    }

    /// Goes over the next `len` rows: prints patches and nulls, and leaves the rest to `put`, which is given the index
    /// in the slice and the row.
    fn drive(
        &mut self,
        nulls: Option<&NullBuffer>,
        len: usize,
        out: &mut Printed,
        mut put: impl FnMut(&mut Vec<u8>, usize, usize),
    ) -> Result<()> {
        out.ends.reserve(len);
        let mut next_patch = self.patches.current();
        for i in 0..len {
            let row = self.row + i;
            if let Some(patch) = next_patch.filter(|patch| patch.row == row as u64) {
                out.bytes.extend_from_slice(patch.raw);
                self.patches.step()?;
                next_patch = self.patches.current();
            } else if nulls.is_some_and(|nulls| nulls.is_null(i)) {
                out.bytes.extend_from_slice(self.null(row));
            } else {
                put(&mut out.bytes, i, row);
            }
            out.ends.push(out.bytes.len());
        }
        self.row += len;
        Ok(())
    }

    fn null(&self, row: usize) -> &[u8] {
        let index = match (self.form.nulls_per, self.streams.nulls) {
            (Per::Row, Some(stream)) => usize::from(stream[row]),
            _ => 0,
        };
        self.form.nulls.get(index).map_or(&[], Vec::as_slice)
    }
}

/// The bit of a row, lowest first.
fn bit(bits: &[u8], row: usize) -> bool {
    bits[row / 8] >> (row % 8) & 1 == 1
}

fn put_quoted(out: &mut Vec<u8>, value: &[u8], quote: u8) {
    out.push(quote);
    let mut rest = value;
    while let Some(at) = memchr::memchr(quote, rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(quote);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(quote);
}

fn native<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
    let array: &PrimitiveArray<T> = array.as_primitive();
    array.values()
}

fn instants(array: &dyn Array) -> &[i64] {
    match array.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(micros) => micros.values(),
        None => native::<TimestampNanosecondType>(array),
    }
}
