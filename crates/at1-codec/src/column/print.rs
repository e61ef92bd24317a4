//! Printing the fields of a column again.
//!
//! * A [`Printer`] goes over the rows of a row group once, in slices of any size; what it prints does not depend on them.
//! * The form is looked at once per slice, not once per field; patches are looked for once per stretch between them.
//! * Short fields are put together in registers ([`Word`]). What is laid out in a rarer way is printed by the slow functions of
//!   `digits.rs`, `clock.rs` and `float.rs`, which know every style, and remembered ([`Recent`]).
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
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
        TimestampNanosecondType,
    },
};

use super::{
    boolean,
    bytes::{Put, Take},
    clock::{Instant, clock_word, date_word, put_date, put_day, put_timestamp},
    digits::{put_decimal, put_integer},
    escapes::{Escapes, StringPrinter},
    float::put_float,
    form::{Blanks, ClockStyle, DateStyle, Flag, Form, NumberStyle, Per, Quoting, Streams, Style},
    patch::{Cursor, Holds, Patches},
    recent::{Key, Recent, Use},
    specials::Specials,
    word::Word,
};
use crate::{ColumnType, Error, Result, text::Syntax};

pub use super::printed::Printed;

/// What recovery bytes start with.
const VERSION: u8 = 1;
const PLACE: &str = "recovery bytes";
/// Values below this are looked up.
const SMALL_MAX: usize = 512;
/// How many of them there are for each number of digits, if each row says that number.
const SMALL_ROW: usize = 64;

/// Writes what [`Printer::open`] reads.
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
/// use at1_codec::{ColumnType, column::{self, NullWords, Printed, Printer, Reading}, text::Syntax};
/// let ty = ColumnType::Decimal { precision: 18, scale: 2 };
/// let syntax = Syntax::CSV;
/// let fields = [&b"1.50"[..], b"", b"-2.5", b"junk"];
/// let parts = [(syntax, fields.into_iter().map(Some))];
/// let column = column::encode(ty, Reading::default(), &NullWords::default(), parts);
/// assert_eq!((column.rejects, column.form.as_str()), (1, "decimal, digits per row"));
///
/// let mut printed = Printed::default();
/// Printer::open(ty, &column.recovery)?.print(&column.array, syntax, &mut printed)?;
/// assert_eq!(printed.bytes(), b"1.50-2.5junk");
/// assert_eq!(printed.ends(), [4, 4, 8, 12]);
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
    /// How small values print, without quotes; empty words are not known yet.
    small: Vec<Word>,
    small_use: (Use, usize),
    recent: Recent,
    /// What the recent fields were printed for.
    syntax: Option<Syntax>,
}

/// What stands around a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    Nothing,
    /// This quote on both sides.
    Quotes(u8),
    /// Blanks, or a quote that not every row has.
    Varies,
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
        Ok(Self {
            ty,
            form,
            streams,
            patches,
            rows,
            row: 0,
            small: Vec::new(),
            small_use: Default::default(),
            recent: Recent::default(),
            syntax: None,
        })
    }

    /// A printer that knows no patches: what it prints wrong is what must be patched.
    pub(crate) fn bare(ty: ColumnType, form: Form, streams: Streams<'a>, rows: usize) -> Self {
        let (patches, small, small_use, recent) = (Cursor::none(), Vec::new(), Default::default(), Recent::default());
        Self { ty, form, streams, patches, rows, row: 0, small, small_use, recent, syntax: None }
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
        if self.syntax.replace(syntax) != Some(syntax) {
            self.recent = Recent::default();
        }
        out.reserve(array.len());
        let streams = self.streams;
        let style = self.form.style.clone();
        let digits = |row: usize, otherwise: u8| streams.digits.map_or(otherwise, |stream| stream[row]);
        let key = |value: i64, row: usize| Some(Key { value: value.cast_unsigned(), row: u32::from(digits(row, 0)) });
        match &style {
            Style::Text(escapes) => self.print_text(array, syntax, *escapes, out),
            Style::Integer(number) => {
                let values = native::<Int64Type>(array);
                let slow = |out: &mut Vec<u8>, i: usize, _: usize| put_integer(out, values[i], number);
                if number.plus == Flag::No && number.trailing_point == Flag::No {
                    let width = usize::from(number.int_width);
                    let word = |i: usize, _: usize| integer_word(values[i], width);
                    let small = |i: usize, _: usize| usize::try_from(values[i]).unwrap_or(SMALL_MAX);
                    self.words(array, syntax, out, small, word, slow)
                } else {
                    self.remembered(array, syntax, out, |i, row| key(values[i], row), slow)
                }
            }
            Style::Decimal { scale, number } => {
                let (scale, factor) = match u8::try_from(*scale) {
                    Ok(scale) => (scale, 1),
                    Err(_) => (0, 10i128.pow(u32::from(scale.unsigned_abs()))),
                };
                let least = |row| digits(row, number.fraction_min);
                if let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() {
                    let values = decimals.values();
                    return self.print_decimals(array, syntax, out, (scale, number), least, |i| values[i]);
                }
                let values = instants(array);
                let value = |i: usize| i128::from(values[i]) * factor;
                self.print_decimals(array, syntax, out, (scale, number), least, value)
            }
            Style::Float(float) => {
                let values = native::<Float64Type>(array);
                let per_row = |row| streams.digits.map(|stream: &[u8]| stream[row]);
                let slow = |out: &mut Vec<u8>, i: usize, row| put_float(out, values[i], float, per_row(row));
                self.remembered(array, syntax, out, |i, row| key(values[i].to_bits().cast_signed(), row), slow)
            }
            Style::Boolean(pair) => {
                let words = boolean::PAIRS[usize::from(*pair)].map(str::as_bytes);
                let short = words.map(Word::new);
                let values = array.as_any().downcast_ref::<BooleanArray>().expect("the type was checked").values();
                let slow = |out: &mut Vec<u8>, i, _: usize| out.extend_from_slice(words[usize::from(values.value(i))]);
                self.words(array, syntax, out, |_, _| SMALL_MAX, |i, _| short[usize::from(values.value(i))], slow)
            }
            Style::Date(date) => {
                let values = native::<Date32Type>(array);
                let slow = |out: &mut Vec<u8>, i: usize, _: usize| put_date(out, i64::from(values[i]), date);
                let word = |i: usize, _: usize| date_word(i64::from(values[i]), date);
                self.words(array, syntax, out, |_, _| SMALL_MAX, word, slow)
            }
            Style::Timestamp(date, clock) => self.print_timestamps(array, syntax, out, date, clock),
        }
    }

    fn print_decimals(
        &mut self,
        array: &dyn Array,
        syntax: Syntax,
        out: &mut Printed,
        (scale, number): (u8, &NumberStyle),
        least: impl Fn(usize) -> u8,
        value: impl Fn(usize) -> i128,
    ) -> Result<()> {
        let slow = |out: &mut Vec<u8>, i: usize, row| put_decimal(out, value(i), scale, number, least(row));
        let is_plain = number.plus == Flag::No && number.trailing_point == Flag::No;
        if is_plain && number.leading_zero == Flag::Yes {
            let (scale, width) = (usize::from(scale), usize::from(number.int_width.max(1)) + usize::from(scale));
            let word = |i, row| decimal_word(value(i), scale, width, usize::from(least(row)));
            // If each row says how many digits, there is a row of places for each number of them.
            let per_row = number.fraction_per == Per::Row;
            let small = |i, row| match (usize::try_from(value(i)).unwrap_or(SMALL_MAX), per_row) {
                (place, false) => place,
                (place @ ..SMALL_ROW, true) => usize::from(least(row)) * SMALL_ROW + place,
                (_, true) => SMALL_MAX,
            };
            self.words(array, syntax, out, small, word, slow)
        } else {
            let key =
                |i, row| Some(Key { value: i64::try_from(value(i)).ok()?.cast_unsigned(), row: least(row).into() });
            self.remembered(array, syntax, out, key, slow)
        }
    }

    fn print_timestamps(
        &mut self,
        array: &dyn Array,
        syntax: Syntax,
        out: &mut Printed,
        date: &DateStyle,
        clock: &ClockStyle,
    ) -> Result<()> {
        let streams = self.streams;
        let values = instants(array);
        let ColumnType::Timestamp { unit, .. } = self.ty else { unreachable!("the form was checked") };
        let zones = clock.zone_offsets();
        // An index past the end can only come from damage, and then anything may be printed.
        let zone = |row: usize| streams.zones.map_or(0, |s| usize::from(s[row])).min(zones.len() - 1);
        let digits = |row: usize| streams.digits.map_or(0, |stream| stream[row]);
        let slow = |out: &mut Vec<u8>, i: usize, row: usize| {
            let (suffix, offset) = zones[zone(row)];
            put_timestamp(out, Instant::of(values[i], unit, offset), date, clock, digits(row));
            out.extend_from_slice(suffix);
        };
        let quote = match self.around(syntax) {
            Around::Nothing => Word::default(),
            Around::Quotes(quote) => Word::of_byte(quote),
            Around::Varies => {
                // The text is longer than what is remembered.
                return self.remembered(array, syntax, out, |_, _| None, slow);
            }
        };
        // The day changes seldom, so it is printed when it does.
        let mut day = (i64::MIN, None);
        let suffixes: Vec<Option<Word>> =
            zones.iter().map(|(suffix, _)| Word::new(suffix).and_then(|s| s.then(quote))).collect();
        self.drive(array, out, |out, i, row| {
            let zone = zone(row);
            let instant = Instant::of(values[i], unit, zones[zone].1);
            if instant.days() != day.0 {
                let mut text = Vec::new();
                put_day(&mut text, instant.days(), date, clock);
                day = (instant.days(), Word::new(&text).and_then(|day| quote.then(day)));
            }
            match (day.1, clock_word(instant, clock, digits(row)), suffixes[zone]) {
                (Some(day), Some(time), Some(suffix)) => {
                    out.word(day);
                    out.word(time);
                    out.word(suffix);
                }
                _ => {
                    out.word(quote);
                    out.with(|text| slow(text, i, row));
                    out.word(quote);
                }
            }
        })
    }

    fn around(&self, syntax: Syntax) -> Around {
        match (self.form.quoting, syntax.quote()) {
            _ if self.form.blanks != Blanks::default() => Around::Varies,
            (Quoting::Never, _) | (_, None) => Around::Nothing,
            (Quoting::Always, Some(quote)) => Around::Quotes(quote),
            (Quoting::Needed | Quoting::PerRow, Some(_)) => Around::Varies,
        }
    }

    /// Prints all rows of `array` whose values make a word; those that do not, and all if something else than quotes stands
    /// around them, are left to `slow`. Words that have a place below [`SMALL_MAX`] are made once.
    fn words(
        &mut self,
        array: &dyn Array,
        syntax: Syntax,
        out: &mut Printed,
        small: impl Fn(usize, usize) -> usize,
        word: impl Fn(usize, usize) -> Option<Word>,
        slow: impl Fn(&mut Vec<u8>, usize, usize),
    ) -> Result<()> {
        let quote = match self.around(syntax) {
            Around::Nothing => None,
            Around::Quotes(quote) => Some(Word::of_byte(quote)),
            Around::Varies => return self.remembered(array, syntax, out, |_, _| None, slow),
        };
        let mut known = std::mem::take(&mut self.small);
        let (mut of_use, rows_before) = self.small_use;
        // A few rows are printed before the table would be there.
        let is_worth = array.len() >= SMALL_MAX / 4 && of_use.is_worth(rows_before);
        if is_worth {
            known.resize(SMALL_MAX, Word::default());
        }
        let place = |i: usize, row: usize| if is_worth { small(i, row) } else { SMALL_MAX };
        let missed = &mut of_use.missed;
        // One loop for both: what is called from one place only is put there whole.
        let done = self.drive(array, out, |out, i, row| {
            if let Some(quote) = quote {
                out.word(quote);
            }
            *missed += put_known(&mut known, place(i, row), out, || word(i, row), |text| slow(text, i, row));
            if let Some(quote) = quote {
                out.word(quote);
            }
        });
        self.small = known;
        self.small_use = (of_use, if is_worth { array.len() } else { 0 });
        done
    }

    /// Prints all rows of `array` by `slow`, or as it printed the same `key` before.
    fn remembered(
        &mut self,
        array: &dyn Array,
        syntax: Syntax,
        out: &mut Printed,
        key: impl Fn(usize, usize) -> Option<Key>,
        slow: impl Fn(&mut Vec<u8>, usize, usize),
    ) -> Result<()> {
        let (quoting, blanks, quotes) = (self.form.quoting, self.form.blanks, self.streams.quotes);
        let put = |out: &mut Vec<u8>, i: usize, row: usize| {
            slow(out, i, row);
            let blanks = usize::from(blanks.lead).max(usize::from(blanks.width).saturating_sub(out.len()));
            if blanks > 0 {
                out.resize(out.len() + blanks, b' ');
                out.rotate_right(blanks);
            }
            let Some(quote) = syntax.quote() else { return };
            let quoted = match quoting {
                Quoting::Never => false,
                Quoting::Always => true,
                Quoting::Needed => syntax.needs_quotes(out),
                Quoting::PerRow => quotes.is_some_and(|bits| bit(bits, row)),
            };
            if quoted {
                out.push(quote);
                out.rotate_right(1);
                out.push(quote);
            }
        };
        let mut recent = std::mem::take(&mut self.recent);
        let done = if recent.is_worth() {
            self.drive(array, out, |out, i, row| {
                let key = key(i, row).map(|key| match quoting {
                    Quoting::PerRow => {
                        Key { row: key.row | u32::from(quotes.is_some_and(|q| bit(q, row))) << 8, ..key }
                    }
                    _ => key,
                });
                match key.and_then(|key| recent.get(key)) {
                    Some(word) => out.word(word),
                    None => {
                        out.with(|text| put(text, i, row));
                        if let Some(key) = key {
                            recent.put(key, out.last_put());
                        }
                    }
                }
            })
        } else {
            self.drive(array, out, |out, i, row| out.with(|text| put(text, i, row)))
        };
        self.recent = recent;
        done
    }

    fn print_text(&mut self, array: &dyn Array, syntax: Syntax, escapes: Escapes, out: &mut Printed) -> Result<()> {
        let (offsets, bytes) = match array.data_type() {
            DataType::Utf8 => (array.as_string::<i32>().value_offsets(), array.as_string::<i32>().value_data()),
            _ => (array.as_binary::<i32>().value_offsets(), array.as_binary::<i32>().value_data()),
        };
        let at = |i: usize| usize::try_from(offsets[i]).expect("offsets of an array are not negative");
        let (quoting, quotes) = (self.form.quoting, self.streams.quotes);
        let (delimiter, quote) = match syntax {
            Syntax::Delimited { delimiter, quote: Some(quote) } => (delimiter, quote),
            Syntax::Json => {
                let strings = StringPrinter::new(escapes);
                return self.drive(array, out, |out, i, row| {
                    let (start, end) = (at(i), at(i + 1));
                    let quoted = match quoting {
                        Quoting::Never => start == end,
                        Quoting::Always | Quoting::Needed => true,
                        Quoting::PerRow => quotes.is_some_and(|bits| bit(bits, row)),
                    };
                    if !quoted {
                        out.part(bytes, start, end - start);
                    } else if strings.is_plain(&bytes[start..end]) {
                        out.word(Word::of_byte(b'"'));
                        out.part(bytes, start, end - start);
                        out.word(Word::of_byte(b'"'));
                    } else {
                        out.with(|text| strings.put(text, &bytes[start..end]));
                    }
                });
            }
            Syntax::Delimited { quote: None, .. } | Syntax::Bare => {
                return self.drive(array, out, |out, i, _| out.part(bytes, at(i), at(i + 1) - at(i)));
            }
        };
        let all = &bytes[at(0)..at(array.len())];
        let mut specials = Specials::new(&bytes[..at(array.len())], delimiter, quote);
        if quoting == Quoting::Never || quoting == Quoting::Needed && !specials.any_within(at(0), at(array.len())) {
            return self.drive(array, out, |out, i, _| match at(i + 1) - at(i) {
                // The empty text is quoted in any case: unquoted it would be null.
                0 => out.text(&[quote; 2]),
                len => out.part(bytes, at(i), len),
            });
        }
        let has_quotes = memchr::memchr(quote, all).is_some();
        self.drive(array, out, |out, i, row| {
            let (start, end) = (at(i), at(i + 1));
            let quoted = match quoting {
                Quoting::Never => false,
                Quoting::Always => true,
                Quoting::Needed => specials.any_within(start, end),
                Quoting::PerRow => quotes.is_some_and(|bits| bit(bits, row)),
            };
            if !quoted && start < end {
                out.part(bytes, start, end - start);
            } else if has_quotes {
                out.with(|text| put_quoted(text, &bytes[start..end], quote));
            } else {
                out.word(Word::of_byte(quote));
                out.part(bytes, start, end - start);
                out.word(Word::of_byte(quote));
            }
        })
    }

    /// Goes over the rows of `array`, which are the next ones: prints patches and nulls, and leaves the rest to `put`, which
    /// is given the index in the slice and the row.
    fn drive(
        &mut self,
        array: &dyn Array,
        out: &mut Printed,
        mut put: impl FnMut(&mut Printed, usize, usize),
    ) -> Result<()> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let (first, len) = (self.row, array.len());
        let null = if self.form.nulls_per == Per::Column { Word::new(self.null(first)) } else { None };
        let mut i = 0;
        while i < len {
            let patch = self.patches.current();
            let to_patch = patch.and_then(|patch| usize::try_from(patch.row.checked_sub((first + i) as u64)?).ok());
            let end = to_patch.map_or(len, |rows| rows.saturating_add(i).min(len));
            for i in i..end {
                let is_valid = nulls.is_none_or(|nulls| nulls.is_valid(i));
                match null {
                    _ if is_valid => put(out, i, first + i),
                    Some(word) => out.word(word),
                    None => out.text(self.null(first + i)),
                }
                out.end();
            }
            i = end;
            if let Some(patch) = patch.filter(|_| end < len) {
                out.text(patch.raw);
                out.end();
                self.patches.step()?;
                i += 1;
            }
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

/// Prints what is known to stand in `place`, or else `word`, or else what `slow` prints. Counts what was not known.
#[inline(always)]
fn put_known(
    known: &mut [Word],
    place: usize,
    out: &mut Printed,
    word: impl FnOnce() -> Option<Word>,
    slow: impl FnOnce(&mut Vec<u8>),
) -> usize {
    let known = known.get_mut(place);
    if let Some(&mut word) = known
        && word.len() > 0
    {
        out.word(word);
        return 0;
    }
    match word() {
        Some(word) => {
            if let Some(known) = known {
                *known = word;
            }
            out.word(word);
        }
        None => out.with(slow),
    }
    1
}

/// An integer, if it is short.
#[inline(always)]
fn integer_word(value: i64, width: usize) -> Option<Word> {
    Word::digits(value.unsigned_abs(), width)?.signed(value < 0)
}

/// A decimal of at least `width` digits, if it is short and needs no zeros behind its own.
#[inline(always)]
fn decimal_word(value: i128, scale: usize, width: usize, least: usize) -> Option<Word> {
    if least > scale {
        return None;
    }
    let digits = Word::digits(u64::try_from(value.unsigned_abs()).ok()?, width)?;
    let word = if scale == 0 { digits } else { digits.point(scale, least)? };
    word.signed(value < 0)
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

#[cfg(test)]
mod tests;
