//! Canonical forms: everything that says how a column's values are printed as text.
//!
//! * A form is parameters only; what varies from row to row stands in [`Streams`], which exist only if the form says so.
//! * A form that is read back is in range in every parameter, so that printing with it cannot go wrong.
//!
//! ```text
//! nulls     varint n (1 to 255), n spellings (length, at most 255 bytes each); byte: 1 if each row says which
//! quoting   byte: 0 never, 1 always, 2 where needed, 3 each row says
//! blanks    byte in front of every field; byte of the width that fields are filled up to
//! style     byte that names it, then its parameters in the order of the types below
//! ```

use super::{
    boolean,
    bytes::{Put, Take},
    number::{INFINITY_WORDS, NAN_WORDS},
    time::{self, Gap},
};
use crate::{ColumnType, Error, Result, TimeUnit, Zone, column::pin::DateOrder};

/// No spelling of a null or a zone is longer; what is longer is patched. It bounds what a few bytes can print.
pub(crate) const SPELLING_BYTES_MAX: usize = 255;
/// No list of spellings has more, so that a byte can name each.
pub(crate) const SPELLINGS_MAX: usize = 255;

/// Yes or no, with a name at every use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flag {
    #[default]
    No,
    Yes,
}

impl From<bool> for Flag {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Whether a parameter is one for all rows or stands in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Per {
    #[default]
    Column,
    Row,
}

/// How the fields of a column are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Raw spellings of null, quotes included; never empty. The first is the one for all if not every row says.
    pub(crate) nulls: Vec<Vec<u8>>,
    pub(crate) nulls_per: Per,
    pub(crate) quoting: Quoting,
    pub(crate) blanks: Blanks,
    pub(crate) style: Style,
}

/// Which fields are quoted that are not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    Never,
    Always,
    /// Those that hold the delimiter, the quote, CR or LF.
    Needed,
    /// Each row has a bit.
    PerRow,
}

/// Blanks in front of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blanks {
    /// In front of every value.
    pub(crate) lead: u8,
    /// More, until the field has this width.
    pub(crate) width: u8,
}

/// How a value is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Text,
    Integer(NumberStyle),
    /// A whole number of `10^-scale`: a decimal, or an instant as a number.
    Decimal {
        scale: i8,
        number: NumberStyle,
    },
    Float(FloatStyle),
    /// The index of a pair of words.
    Boolean(u8),
    Date(DateStyle),
    Timestamp(DateStyle, ClockStyle),
}

/// How the digits of a number are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberStyle {
    /// `+5`
    pub(crate) plus: Flag,
    /// `0.5`, not `.5`.
    pub(crate) leading_zero: Flag,
    /// `5.`, not `5`.
    pub(crate) trailing_point: Flag,
    /// Digits before the point, at least; zeros fill up.
    pub(crate) int_width: u8,
    /// Digits after the point, at least.
    pub(crate) fraction_min: u8,
    /// Whether each row says how many digits after the point it has at least.
    pub(crate) fraction_per: Per,
}

impl Default for NumberStyle {
    fn default() -> Self {
        Self {
            plus: Flag::No,
            leading_zero: Flag::Yes,
            trailing_point: Flag::No,
            int_width: 0,
            fraction_min: 0,
            fraction_per: Per::Column,
        }
    }
}

/// Which digits of a double are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatDigits {
    /// As few as mean the value.
    Shortest,
    /// So many, as `%.17g` does, without zeros at the end.
    Significant(u8),
    /// So many after the point, as `%.6f` does.
    Fixed(u8),
}

/// How a double is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FloatStyle {
    pub(crate) number: NumberStyle,
    pub(crate) digits: FloatDigits,
    pub(crate) notation: Notation,
    pub(crate) exponent: ExponentStyle,
    /// The index of its spelling of not-a-number.
    pub(crate) nan: u8,
    /// The index of its spelling of infinity.
    pub(crate) infinity: u8,
}

/// Which doubles are printed without exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Those whose decimal exponent is at least `low` and below `high`.
    Between { low: i16, high: i16 },
    /// Those that are not wider so, as R does.
    Narrower,
}

impl Notation {
    /// Is a double of so many digits and this decimal exponent printed without exponent?
    pub(crate) fn is_positional(self, digits: usize, exponent: i32) -> bool {
        match self {
            Self::Between { low, high } => (i32::from(low)..i32::from(high)).contains(&exponent),
            Self::Narrower => {
                let digits = i32::try_from(digits).unwrap_or(i32::MAX / 2).max(1);
                let point = |digits: i32| i32::from(digits > 1);
                let positional = match exponent {
                    ..0 => 1 - exponent + digits,
                    _ if digits > exponent + 1 => digits + 1,
                    _ => exponent + 1,
                };
                let exponent_digits = if exponent.abs() >= 100 { 3 } else { 2 };
                positional <= digits + point(digits) + 2 + exponent_digits
            }
        }
    }
}

/// How a number with an exponent is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExponentStyle {
    /// `E`, not `e`.
    pub(crate) upper: Flag,
    /// `e+5`
    pub(crate) plus: Flag,
    /// Digits of the exponent, at least.
    pub(crate) width: u8,
    /// Digits after the point, at least.
    pub(crate) fraction_min: u8,
}

impl FloatStyle {
    /// What Python's `repr` prints, and what most others do with numbers that need no exponent.
    pub(crate) fn python() -> Self {
        Self {
            number: NumberStyle { fraction_min: 1, ..NumberStyle::default() },
            digits: FloatDigits::Shortest,
            notation: Notation::Between { low: -4, high: 16 },
            exponent: ExponentStyle { upper: Flag::No, plus: Flag::Yes, width: 2, fraction_min: 0 },
            nan: 1,
            infinity: 0,
        }
    }
}

/// The order of the parts of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    Ymd,
    YearLast(DateOrder),
}

/// How a date is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateStyle {
    pub(crate) parts: Parts,
    pub(crate) separator: u8,
    pub(crate) month_padded: Flag,
    pub(crate) day_padded: Flag,
}

/// How a time of day is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClockStyle {
    pub(crate) gap: Gap,
    pub(crate) hour_padded: Flag,
    pub(crate) seconds: Seconds,
    pub(crate) mark: u8,
    pub(crate) fraction: SecondFraction,
    /// What may stand at the end; never empty. The first is the one for all if not every row says.
    pub(crate) zones: Vec<Vec<u8>>,
    pub(crate) zones_per: Per,
}

/// Whether seconds are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seconds {
    Always,
    Never,
    /// Absent if they and their fraction are zero.
    UnlessZero,
}

/// How many digits a fraction of a second has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecondFraction {
    /// As many as it needs, but at least so many.
    AtLeast(u8),
    /// None if it is zero, else as many as it needs, but at least so many.
    UnlessZero(u8),
    /// None, three, six or nine, as it needs.
    Groups,
    /// Each row says.
    PerRow,
}

impl Form {
    /// Whether each row says how many digits its fraction has.
    pub(crate) fn digits_per(&self) -> Per {
        match &self.style {
            Style::Decimal { number, .. } | Style::Float(FloatStyle { number, .. }) => number.fraction_per,
            Style::Timestamp(_, clock) if clock.fraction == SecondFraction::PerRow => Per::Row,
            _ => Per::Column,
        }
    }

    /// The zones that a row may end in, if each row says which.
    pub(crate) fn zones_per_row(&self) -> Option<&[Vec<u8>]> {
        match &self.style {
            Style::Timestamp(_, clock) if clock.zones_per == Per::Row => Some(&clock.zones),
            _ => None,
        }
    }

    /// Refuses a form that belongs to another type.
    pub(crate) fn check(&self, ty: ColumnType) -> Result<()> {
        let fits = match (ty, &self.style) {
            (ColumnType::Text | ColumnType::Binary, Style::Text)
            | (ColumnType::Int64, Style::Integer(_))
            | (ColumnType::Float64, Style::Float(_))
            | (ColumnType::Boolean, Style::Boolean(_))
            | (ColumnType::Date, Style::Date(_))
            | (ColumnType::Timestamp { .. }, Style::Decimal { .. }) => true,
            (ColumnType::Decimal { scale, .. }, Style::Decimal { scale: found, .. }) => scale.cast_signed() == *found,
            (ColumnType::Timestamp { zone, .. }, Style::Timestamp(_, clock)) => {
                clock.zones.iter().all(|suffix| suffix.is_empty() == (zone == Zone::Naive))
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(Error::corrupt("form", format!("a form for {ty}"), self.describe())) }
    }

    pub(crate) fn write(&self, put: &mut Put) {
        put_spellings(put, &self.nulls, self.nulls_per);
        put.byte(match self.quoting {
            Quoting::Never => 0,
            Quoting::Always => 1,
            Quoting::Needed => 2,
            Quoting::PerRow => 3,
        });
        put.byte(self.blanks.lead);
        put.byte(self.blanks.width);
        match &self.style {
            Style::Text => put.byte(0),
            Style::Integer(number) => {
                put.byte(1);
                number.write(put);
            }
            Style::Decimal { scale, number } => {
                put.byte(2);
                put.zigzag(i64::from(*scale));
                number.write(put);
            }
            Style::Float(float) => {
                put.byte(3);
                float.write(put);
            }
            Style::Boolean(pair) => {
                put.byte(4);
                put.byte(*pair);
            }
            Style::Date(date) => {
                put.byte(5);
                date.write(put);
            }
            Style::Timestamp(date, clock) => {
                put.byte(6);
                date.write(put);
                clock.write(put);
            }
        }
    }

    pub(crate) fn read(take: &mut Take<'_>) -> Result<Self> {
        let (nulls, nulls_per) = take_spellings(take)?;
        let quoting = match take.byte()? {
            0 => Quoting::Never,
            1 => Quoting::Always,
            2 => Quoting::Needed,
            3 => Quoting::PerRow,
            found => return Err(unknown("quoting", found)),
        };
        let blanks = Blanks { lead: take.byte()?, width: take.byte()? };
        let style = match take.byte()? {
            0 => Style::Text,
            1 => Style::Integer(NumberStyle::read(take)?),
            2 => {
                let scale = take.zigzag()?;
                let scale = i8::try_from(scale).ok().filter(|scale| (-9..=38).contains(scale));
                let scale = scale.ok_or_else(|| Error::corrupt("form", "a scale from -9 to 38", "another"))?;
                Style::Decimal { scale, number: NumberStyle::read(take)? }
            }
            3 => Style::Float(FloatStyle::read(take)?),
            4 => Style::Boolean(index(take, boolean::PAIRS.len(), "pair of words")?),
            5 => Style::Date(DateStyle::read(take)?),
            6 => Style::Timestamp(DateStyle::read(take)?, ClockStyle::read(take)?),
            found => return Err(unknown("style", found)),
        };
        Ok(Self { nulls, nulls_per, quoting, blanks, style })
    }
}

fn unknown(what: &str, found: u8) -> Error {
    Error::corrupt("form", format!("a known {what}"), found)
}

/// A byte that must be less than `count`.
fn index(take: &mut Take<'_>, count: usize, what: &str) -> Result<u8> {
    let index = take.byte()?;
    if usize::from(index) < count { Ok(index) } else { Err(unknown(what, index)) }
}

fn flag(take: &mut Take<'_>, what: &str) -> Result<Flag> {
    Ok(Flag::from(index(take, 2, what)? == 1))
}

fn put_flag(put: &mut Put, flag: Flag) {
    put.byte(u8::from(flag == Flag::Yes));
}

fn per(take: &mut Take<'_>, what: &str) -> Result<Per> {
    Ok(if index(take, 2, what)? == 1 { Per::Row } else { Per::Column })
}

fn put_per(put: &mut Put, per: Per) {
    put.byte(u8::from(per == Per::Row));
}

fn put_spellings(put: &mut Put, spellings: &[Vec<u8>], per: Per) {
    put.count(spellings.len());
    spellings.iter().for_each(|spelling| put.bytes(spelling));
    put_per(put, per);
}

fn take_spellings(take: &mut Take<'_>) -> Result<(Vec<Vec<u8>>, Per)> {
    let count = take.count()?;
    if !(1..=SPELLINGS_MAX).contains(&count) {
        return Err(Error::corrupt("form", format!("1 to {SPELLINGS_MAX} spellings"), count));
    }
    let spelling = |_| {
        let bytes = take.bytes()?;
        if bytes.len() > SPELLING_BYTES_MAX {
            let expected = format!("a spelling of at most {SPELLING_BYTES_MAX} bytes");
            return Err(Error::corrupt("form", expected, bytes.len()));
        }
        Ok(bytes.to_vec())
    };
    let spellings = (0..count).map(spelling).collect::<Result<_>>()?;
    Ok((spellings, per(take, "place of spellings")?))
}

impl NumberStyle {
    fn write(&self, put: &mut Put) {
        put_flag(put, self.plus);
        put_flag(put, self.leading_zero);
        put_flag(put, self.trailing_point);
        put.byte(self.int_width);
        put.byte(self.fraction_min);
        put_per(put, self.fraction_per);
    }

    fn read(take: &mut Take<'_>) -> Result<Self> {
        Ok(Self {
            plus: flag(take, "plus")?,
            leading_zero: flag(take, "leading zero")?,
            trailing_point: flag(take, "trailing point")?,
            int_width: take.byte()?,
            fraction_min: take.byte()?,
            fraction_per: per(take, "place of digit counts")?,
        })
    }
}

impl FloatStyle {
    fn write(&self, put: &mut Put) {
        self.number.write(put);
        match self.digits {
            FloatDigits::Shortest => put.fixed(&[0, 0]),
            FloatDigits::Significant(digits) => put.fixed(&[1, digits]),
            FloatDigits::Fixed(digits) => put.fixed(&[2, digits]),
        }
        match self.notation {
            Notation::Between { low, high } => {
                put.byte(0);
                put.zigzag(i64::from(low));
                put.zigzag(i64::from(high));
            }
            Notation::Narrower => put.byte(1),
        }
        put_flag(put, self.exponent.upper);
        put_flag(put, self.exponent.plus);
        put.byte(self.exponent.width);
        put.byte(self.exponent.fraction_min);
        put.byte(self.nan);
        put.byte(self.infinity);
    }

    fn read(take: &mut Take<'_>) -> Result<Self> {
        let number = NumberStyle::read(take)?;
        let digits = match (take.byte()?, take.byte()?) {
            (0, 0) => FloatDigits::Shortest,
            (1, digits @ 1..) => FloatDigits::Significant(digits),
            (2, digits) => FloatDigits::Fixed(digits),
            (found, _) => return Err(unknown("choice of digits", found)),
        };
        let bound =
            |value: i64| i16::try_from(value).map_err(|_| Error::corrupt("form", "an exponent of 16 bits", value));
        let notation = match take.byte()? {
            0 => Notation::Between { low: bound(take.zigzag()?)?, high: bound(take.zigzag()?)? },
            1 => Notation::Narrower,
            found => return Err(unknown("notation", found)),
        };
        let exponent = ExponentStyle {
            upper: flag(take, "exponent letter")?,
            plus: flag(take, "exponent sign")?,
            width: take.byte()?,
            fraction_min: take.byte()?,
        };
        let nan = index(take, NAN_WORDS.len(), "spelling of not-a-number")?;
        let infinity = index(take, INFINITY_WORDS.len(), "spelling of infinity")?;
        Ok(Self { number, digits, notation, exponent, nan, infinity })
    }
}

impl DateStyle {
    fn write(&self, put: &mut Put) {
        put.byte(match self.parts {
            Parts::Ymd => 0,
            Parts::YearLast(DateOrder::Dmy) => 1,
            Parts::YearLast(DateOrder::Mdy) => 2,
        });
        put.byte(self.separator);
        put_flag(put, self.month_padded);
        put_flag(put, self.day_padded);
    }

    fn read(take: &mut Take<'_>) -> Result<Self> {
        let parts = match take.byte()? {
            0 => Parts::Ymd,
            1 => Parts::YearLast(DateOrder::Dmy),
            2 => Parts::YearLast(DateOrder::Mdy),
            found => return Err(unknown("order of day, month and year", found)),
        };
        let separator = take.byte()?;
        Ok(Self { parts, separator, month_padded: flag(take, "month")?, day_padded: flag(take, "day")? })
    }
}

impl ClockStyle {
    fn write(&self, put: &mut Put) {
        put.byte(match self.gap {
            Gap::T => 0,
            Gap::Blanks(count) => count,
        });
        put_flag(put, self.hour_padded);
        put.byte(match self.seconds {
            Seconds::Always => 0,
            Seconds::Never => 1,
            Seconds::UnlessZero => 2,
        });
        put.byte(self.mark);
        match self.fraction {
            SecondFraction::AtLeast(digits) => put.fixed(&[0, digits]),
            SecondFraction::UnlessZero(digits) => put.fixed(&[1, digits]),
            SecondFraction::Groups => put.fixed(&[2, 0]),
            SecondFraction::PerRow => put.fixed(&[3, 0]),
        }
        put_spellings(put, &self.zones, self.zones_per);
    }

    fn read(take: &mut Take<'_>) -> Result<Self> {
        let gap = match take.byte()? {
            0 => Gap::T,
            count => Gap::Blanks(count),
        };
        let hour_padded = flag(take, "hour")?;
        let seconds = match take.byte()? {
            0 => Seconds::Always,
            1 => Seconds::Never,
            2 => Seconds::UnlessZero,
            found => return Err(unknown("use of seconds", found)),
        };
        let mark = take.byte()?;
        let fraction = match (take.byte()?, take.byte()?) {
            (0, digits @ 0..=9) => SecondFraction::AtLeast(digits),
            (1, digits @ 0..=9) => SecondFraction::UnlessZero(digits),
            (2, 0) => SecondFraction::Groups,
            (3, 0) => SecondFraction::PerRow,
            (found, _) => return Err(unknown("fraction of a second", found)),
        };
        let (zones, zones_per) = take_spellings(take)?;
        if zones.iter().any(|suffix| !suffix.is_empty() && time::offset_minutes(suffix).is_none()) {
            return Err(Error::corrupt("form", "a zone of time", "other text"));
        }
        Ok(Self { gap, hour_padded, seconds, mark, fraction, zones, zones_per })
    }
}

/// What varies from row to row: present as far as the form says, and one entry a row then, also for nulls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Streams<'a> {
    /// Which spelling of null.
    pub(crate) nulls: Option<&'a [u8]>,
    /// A bit: quoted or not. The first row is the lowest bit of the first byte.
    pub(crate) quotes: Option<&'a [u8]>,
    /// Digits after the point.
    pub(crate) digits: Option<&'a [u8]>,
    /// Which zone.
    pub(crate) zones: Option<&'a [u8]>,
}

impl<'a> Streams<'a> {
    pub(crate) fn write(&self, put: &mut Put) {
        [self.nulls, self.quotes, self.digits, self.zones].into_iter().flatten().for_each(|stream| put.fixed(stream));
    }

    pub(crate) fn read(form: &Form, rows: usize, take: &mut Take<'a>) -> Result<Self> {
        let mut stream = |wanted: bool, len: usize| if wanted { take.fixed(len).map(Some) } else { Ok(None) };
        Ok(Self {
            nulls: stream(form.nulls_per == Per::Row, rows)?,
            quotes: stream(form.quoting == Quoting::PerRow, rows.div_ceil(8))?,
            digits: stream(form.digits_per() == Per::Row, rows)?,
            zones: stream(form.zones_per_row().is_some(), rows)?,
        })
    }
}

/// Digits after the second of a unit.
pub(crate) fn unit_digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Micros => 6,
        TimeUnit::Nanos => 9,
    }
}
