//! Canonical forms: everything that says how a column's values are printed as text.
//!
//! * A form is parameters only; what varies from row to row stands in [`Streams`], which exist only if the form says so.

use super::{escapes::Escapes, time::Gap};
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
    /// Text; strings of JSON are escaped by these habits.
    Text(Escapes),
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
    /// Day, name of the month, year.
    MonthName,
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
            (ColumnType::Text | ColumnType::Binary, Style::Text(_))
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

/// Digits after the second of a unit.
pub(crate) fn unit_digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Micros => 6,
        TimeUnit::Nanos => 9,
    }
}
