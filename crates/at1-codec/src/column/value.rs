//! What a field means in a column of a given type.
//!
//! * Whether a field is null, holds, or is a reject depends on nothing but the field, the type and its reading.
//! * A value is exactly what the text says, or there is none.

use super::{
    boolean::Word,
    form::unit_digits,
    kind::is_utf8,
    nulls::{NullWords, without_lead},
    number::{Number, Special},
    pin::{Epoch, Reading, Source},
    plain::Plain,
    time::TimeText,
};
use crate::{ColumnType, TimeUnit, text::Quoted};

/// A value of a typed column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// An integer, or units since 1970-01-01.
    Int(i64),
    /// Steps of the column's scale.
    Decimal(i128),
    Double(f64),
    Boolean(bool),
    /// Days since 1970-01-01.
    Day(i32),
}

/// A value, and what of its spelling varies from row to row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parsed<'a, V = Value> {
    pub(crate) value: V,
    /// Digits after the point.
    pub(crate) digits: usize,
    /// What stands behind the time of day.
    pub(crate) suffix: &'a [u8],
}

impl<'a, V> Parsed<'a, V> {
    fn plain(value: V) -> Self {
        Self { value, digits: 0, suffix: &[] }
    }

    fn with<W>(self, value: impl FnOnce(V) -> Option<W>) -> Option<Parsed<'a, W>> {
        Some(Parsed { value: value(self.value)?, digits: self.digits, suffix: self.suffix })
    }
}

/// What a field comes to in a column.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    Null,
    /// In a typed column.
    Value(Parsed<'a>),
    /// In a text or binary column.
    Text(&'a [u8]),
    /// The type cannot hold it: it reads as null.
    Reject,
}

/// How the fields of a column are understood.
///
/// The value of a field is a function of its text, of whether it is quoted, and of this: never of how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What the column holds.
    pub ty: ColumnType,
    /// How its fields are read.
    pub reading: Reading,
    /// Words that mean null if `ty` is not text.
    pub nulls: NullWords,
}

impl From<ColumnType> for Meaning {
    /// Read plainly, with the well-known null words.
    fn from(ty: ColumnType) -> Self {
        Self { ty, reading: Reading::default(), nulls: NullWords::default() }
    }
}

/// Text and binary have no null but the empty unquoted field, and no spelling but themselves.
pub(crate) fn is_textual(ty: ColumnType) -> bool {
    matches!(ty, ColumnType::Text | ColumnType::Binary)
}

impl Meaning {
    /// What a field comes to, which is `value` without its quotes.
    pub(crate) fn read<'a>(&self, value: &'a [u8], quoted: Quoted) -> Field<'a> {
        if self.is_null(value, quoted) {
            return Field::Null;
        }
        match self.ty {
            ColumnType::Text if !is_utf8(value) => Field::Reject,
            ColumnType::Text | ColumnType::Binary => Field::Text(value),
            _ => self.parse(without_lead(value)).map_or(Field::Reject, Field::Value),
        }
    }

    /// Does this field, unquoted, stand for no value?
    pub(crate) fn is_null(&self, value: &[u8], quoted: Quoted) -> bool {
        if is_textual(self.ty) {
            value.is_empty() && quoted == Quoted::No
        } else {
            self.nulls.is_null(value, without_lead(value))
        }
    }

    /// Does [`Self::parse`] give a value?
    pub(crate) fn holds(&self, body: &[u8]) -> bool {
        match (self.ty, self.reading.epoch) {
            (ColumnType::Int64, _) => self.int64(body).is_some(),
            (ColumnType::Decimal { precision, scale }, _) => self.decimal(precision, scale, body).is_some(),
            (ColumnType::Float64, _) => self.double(body).is_some(),
            (ColumnType::Timestamp { unit, .. }, Some(epoch)) => self.instant(epoch, unit, body).is_some(),
            _ => self.parse(body).is_some(),
        }
    }

    /// The value of a field of a typed column, without quotes and leading blanks.
    pub(crate) fn parse<'a>(&self, body: &'a [u8]) -> Option<Parsed<'a>> {
        match (self.ty, self.reading.epoch) {
            (ColumnType::Text | ColumnType::Binary, _) => None,
            (ColumnType::Int64, _) => Some(Parsed::plain(Value::Int(self.number(body)?.int64()?))),
            (ColumnType::Decimal { precision, scale }, _) => {
                let number = self.number(body)?;
                let value = Value::Decimal(number.decimal(precision, scale)?);
                Some(Parsed { value, digits: number.fraction().len(), suffix: &[] })
            }
            (ColumnType::Float64, _) => {
                let Some(number) = self.number(body) else {
                    return Some(Parsed::plain(Value::Double(Special::lex(body)?.double())));
                };
                let value = Value::Double(number.double()?);
                Some(Parsed { value, digits: number.fraction().len(), suffix: &[] })
            }
            (ColumnType::Boolean, _) => {
                let value = Word::lex(body)?.value(self.reading.source)?;
                Some(Parsed::plain(Value::Boolean(value)))
            }
            (ColumnType::Date, _) => Some(Parsed::plain(Value::Day(TimeText::lex(body)?.day(self.reading.order)?))),
            (ColumnType::Timestamp { unit, .. }, Some(epoch)) => {
                let number = self.number(body)?;
                let value = Value::Int(number.instant(epoch, unit_digits(unit))?);
                Some(Parsed { value, digits: number.fraction().len(), suffix: &[] })
            }
            (ColumnType::Timestamp { unit, zone }, None) => {
                let time = TimeText::lex(body)?;
                let value = Value::Int(time.timestamp(unit, zone, self.reading.order)?);
                let clock = time.clock?;
                Some(Parsed { value, digits: clock.fraction.len(), suffix: clock.suffix })
            }
        }
    }

    /// What [`Self::parse`] gives in an int64 column, the ordinary numbers faster.
    pub(crate) fn int64<'a>(&self, body: &'a [u8]) -> Option<Parsed<'a, i64>> {
        match Plain::lex(body) {
            Some(plain) => Some(Parsed::plain(self.admitted(plain)?.int64()?)),
            None => self.int(body),
        }
    }

    /// The same for decimals.
    pub(crate) fn decimal<'a>(&self, precision: u8, scale: u8, body: &'a [u8]) -> Option<Parsed<'a, i128>> {
        match Plain::lex(body) {
            Some(plain) => {
                let value = self.admitted(plain)?.decimal(precision, scale)?;
                Some(Parsed { value, digits: plain.fraction(), suffix: &[] })
            }
            None => self.parse(body)?.with(|value| if let Value::Decimal(value) = value { Some(value) } else { None }),
        }
    }

    /// The same for doubles.
    pub(crate) fn double<'a>(&self, body: &'a [u8]) -> Option<Parsed<'a, f64>> {
        if let Some(plain) = Plain::lex(body).and_then(|plain| self.admitted(plain))
            && let Some(value) = plain.double()
        {
            return Some(Parsed { value, digits: plain.fraction(), suffix: &[] });
        }
        self.parse(body)?.with(|value| if let Value::Double(value) = value { Some(value) } else { None })
    }

    /// The same for instants that are numbers.
    pub(crate) fn instant<'a>(&self, epoch: Epoch, unit: TimeUnit, body: &'a [u8]) -> Option<Parsed<'a, i64>> {
        match Plain::lex(body) {
            Some(plain) => {
                let value = self.admitted(plain)?.instant(epoch, unit_digits(unit))?;
                Some(Parsed { value, digits: plain.fraction(), suffix: &[] })
            }
            None => self.int(body),
        }
    }

    /// The same for timestamps.
    pub(crate) fn int<'a>(&self, body: &'a [u8]) -> Option<Parsed<'a, i64>> {
        self.parse(body)?.with(|value| if let Value::Int(value) = value { Some(value) } else { None })
    }

    /// The same for dates.
    pub(crate) fn day<'a>(&self, body: &'a [u8]) -> Option<Parsed<'a, i32>> {
        self.parse(body)?.with(|value| if let Value::Day(value) = value { Some(value) } else { None })
    }

    /// The same for booleans.
    pub(crate) fn boolean<'a>(&self, body: &'a [u8]) -> Option<Parsed<'a, bool>> {
        self.parse(body)?.with(|value| if let Value::Boolean(value) = value { Some(value) } else { None })
    }

    fn admitted(&self, plain: Plain) -> Option<Plain> {
        (self.reading.source == Source::Pinned || !plain.has_leading_zeros()).then_some(plain)
    }

    /// The number a field is, if it may be one.
    pub(crate) fn number<'a>(&self, body: &'a [u8]) -> Option<Number<'a>> {
        Number::lex(body).filter(|number| self.reading.source == Source::Pinned || !number.has_leading_zeros())
    }
}
