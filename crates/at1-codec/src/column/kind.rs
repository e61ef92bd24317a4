//! What fields are, as far as it matters to the choice of a type.
//!
//! * Whether a type holds a field follows from the field's [`Kind`] alone, so that kinds are counted instead of fields.
//! * A column has few kinds: a handful for numbers of one format, never more than the lengths of numbers allow.

use super::{
    boolean::{self, Word},
    form::unit_digits,
    number::{DOUBLE_DIGITS, Number, Special},
    pin::{DateOrder, Epoch, Reading, Source},
    plain::Plain,
    time::{Layout, TimeText},
};
use crate::{ColumnType, TimeUnit, Zone};

/// Digit counts are told apart up to the 38 of the widest decimal; what has more fits none.
pub(crate) const DIGITS_MAX: u8 = 38;

/// The orders a date may be read in.
pub(crate) const ORDERS: [Option<DateOrder>; 3] = [None, Some(DateOrder::Dmy), Some(DateOrder::Mdy)];
pub(crate) const UNITS: [TimeUnit; 2] = [TimeUnit::Micros, TimeUnit::Nanos];

/// What a field looks like, for examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Integer,
    Decimal,
    Exponent,
    LeadingZeros,
    Special,
    Boolean,
    Date,
    Naive,
    Zoned,
    Text,
    NotUtf8,
}

impl Class {
    pub(crate) const COUNT: usize = Self::NotUtf8 as usize + 1;
}

/// What a number is to types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NumberKind {
    pub(crate) has_leading_zeros: bool,
    pub(crate) shape: Shape,
    is_int64: bool,
    is_double: bool,
    /// The pair of words that it is one of.
    word: Option<u8>,
    /// Digits before the point and after it, as far as they count, up to one more than any decimal has; no digits where
    /// there is an exponent.
    int: u8,
    pub(crate) scale: u8,
    /// In which epochs and units it is an instant: a bit each.
    instants: u8,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Integer,
    Point,
    Exponent,
}

/// Readings of a timestamp: a bit for each order and unit in which it is an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Held(u8);

impl Held {
    fn bit(order: Option<DateOrder>, unit: TimeUnit) -> u8 {
        let order = match order {
            None => 0,
            Some(DateOrder::Dmy) => 1,
            Some(DateOrder::Mdy) => 2,
        };
        match unit {
            TimeUnit::Micros => 1 << order,
            TimeUnit::Nanos => 8 << order,
        }
    }

    pub(crate) fn holds(self, order: Option<DateOrder>, unit: TimeUnit) -> bool {
        self.0 & Self::bit(order, unit) != 0
    }

    /// In any order?
    pub(crate) fn holds_some(self, unit: TimeUnit) -> bool {
        ORDERS.into_iter().any(|order| self.holds(order, unit))
    }
}

/// What a field is to every type: fields of one kind are held or rejected together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Null in a typed column.
    Null {
        is_utf8: bool,
    },
    Number(NumberKind),
    Special,
    /// A word of this pair.
    Word(u8),
    /// In the orders that hold in microseconds.
    Date(Held),
    Timestamp {
        zone: Zone,
        held: Held,
        /// It has more than six digits after the second.
        is_fine: bool,
    },
    Text {
        is_utf8: bool,
    },
}

impl Kind {
    /// The kind of a field that is not null: `value` without quotes, `body` without leading blanks too.
    #[inline]
    pub(crate) fn of(value: &[u8], body: &[u8]) -> Self {
        if let Some(plain) = Plain::lex(body) {
            return Self::Number(NumberKind::of_plain(body, &plain));
        }
        Self::of_any(value, body)
    }

    /// The same, without a short way for what is ordinary.
    pub(crate) fn of_any(value: &[u8], body: &[u8]) -> Self {
        if matches!(body.first(), Some(b'0'..=b'9' | b'+' | b'-' | b'.')) {
            if let Some(number) = Number::lex(body) {
                return Self::Number(NumberKind::of(body, &number));
            }
            if let Some(kind) = TimeText::lex(body).and_then(|time| Self::of_time(&time)) {
                return kind;
            }
        }
        if Special::lex(body).is_some() {
            return Self::Special;
        }
        match Word::lex(body) {
            Some(word) => Self::Word(word.pair),
            None => Self::Text { is_utf8: is_utf8(value) },
        }
    }

    /// `None` if it does not exist.
    fn of_time(time: &TimeText<'_>) -> Option<Self> {
        let zone = time.zone();
        let held_in = |order| match zone {
            None => u8::from(time.day(order).is_some()) * Held::bit(order, TimeUnit::Micros),
            Some(_) => time.instant(order).map_or(0, |instant| {
                let bits = UNITS.map(|unit| u8::from(instant.in_units(unit).is_some()) * Held::bit(order, unit));
                bits[0] | bits[1]
            }),
        };
        let held = Held(match time.date.layout {
            // The order does not matter.
            Layout::YearFirst | Layout::MonthName => held_in(None) * 0b111,
            Layout::YearLast => ORDERS.map(held_in).into_iter().fold(0, |held, bits| held | bits),
        });
        let is_fine = time.clock.is_some_and(|clock| clock.fraction.len() > 6);
        (held != Held::default()).then(|| zone.map_or(Self::Date(held), |zone| Self::Timestamp { zone, held, is_fine }))
    }

    /// A number for each kind.
    #[inline]
    pub(crate) fn code(self) -> u64 {
        let bits =
            |fields: &[(u8, u32)]| fields.iter().fold(0, |code, &(value, width)| code << width | u64::from(value));
        match self {
            Self::Null { is_utf8 } => bits(&[(u8::from(is_utf8), 1), (0, 3)]),
            Self::Number(number) => bits(&[
                (number.has_leading_zeros.into(), 1),
                (number.shape as u8, 2),
                (number.is_int64.into(), 1),
                (number.is_double.into(), 1),
                (number.word.map_or(0, |pair| pair + 1), 4),
                (number.int, 6),
                (number.scale, 6),
                (number.instants, 8),
                (1, 3),
            ]),
            Self::Special => 2,
            Self::Word(pair) => bits(&[(pair, 4), (3, 3)]),
            Self::Date(held) => bits(&[(held.0, 6), (4, 3)]),
            Self::Timestamp { zone, held, is_fine } => {
                bits(&[(u8::from(zone == Zone::Utc), 1), (held.0, 6), (is_fine.into(), 1), (5, 3)])
            }
            Self::Text { is_utf8 } => bits(&[(u8::from(is_utf8), 1), (6, 3)]),
        }
    }

    /// What it looks like; `None` for nulls, which show nothing.
    pub(crate) fn class(self) -> Option<Class> {
        Some(match self {
            Self::Null { .. } => return None,
            Self::Number(NumberKind { has_leading_zeros: true, .. }) => Class::LeadingZeros,
            Self::Number(NumberKind { shape: Shape::Integer, .. }) => Class::Integer,
            Self::Number(NumberKind { shape: Shape::Point, .. }) => Class::Decimal,
            Self::Number(NumberKind { shape: Shape::Exponent, .. }) => Class::Exponent,
            Self::Special => Class::Special,
            Self::Word(pair) if pair < boolean::INFERRED => Class::Boolean,
            Self::Date(_) => Class::Date,
            Self::Timestamp { zone: Zone::Naive, .. } => Class::Naive,
            Self::Timestamp { zone: Zone::Utc, .. } => Class::Zoned,
            Self::Word(_) | Self::Text { is_utf8: true } => Class::Text,
            Self::Text { is_utf8: false } => Class::NotUtf8,
        })
    }

    /// Does a column of type `ty`, read so, hold such a field, or does it read as null?
    pub(crate) fn fits(self, ty: ColumnType, reading: Reading) -> bool {
        match (self, ty) {
            (_, ColumnType::Binary) => true,
            (Self::Null { is_utf8 } | Self::Text { is_utf8 }, ColumnType::Text) => is_utf8,
            (_, ColumnType::Text) | (Self::Null { .. }, _) => true,
            (Self::Number(number), _) => number.fits(ty, reading),
            (Self::Special, _) => ty == ColumnType::Float64,
            (Self::Word(pair), ColumnType::Boolean) => is_boolean(pair, reading.source),
            (Self::Date(held), ColumnType::Date) => held.holds(reading.order, TimeUnit::Micros),
            (Self::Timestamp { zone: found, held, .. }, ColumnType::Timestamp { unit, zone }) => {
                found == zone && reading.epoch.is_none() && held.holds(reading.order, unit)
            }
            _ => false,
        }
    }
}

fn is_boolean(pair: u8, source: Source) -> bool {
    source == Source::Pinned || pair < boolean::INFERRED
}

/// Nearly everything is ASCII, which is seen faster.
#[inline]
pub(crate) fn is_utf8(value: &[u8]) -> bool {
    value.is_ascii() || std::str::from_utf8(value).is_ok()
}

impl NumberKind {
    fn of_plain(body: &[u8], plain: &Plain) -> Self {
        let (int, scale) = plain.needs();
        Self {
            has_leading_zeros: plain.has_leading_zeros(),
            shape: if plain.is_integer() { Shape::Integer } else { Shape::Point },
            is_int64: plain.is_integer(),
            is_double: usize::from(plain.significant()) <= DOUBLE_DIGITS,
            word: if body.len() == 1 { Word::lex(body).map(|word| word.pair) } else { None },
            int,
            scale,
            instants: if int <= NEAR_DIGITS {
                let near = INSTANTS_NEAR.get(usize::from(scale)).copied().unwrap_or(0);
                near | (u8::from(plain.is_whole_thousands()) * instant_bit(Epoch::Nanos, TimeUnit::Micros))
            } else {
                instants(|epoch, digits| plain.instant(epoch, digits).is_some())
            },
        }
    }

    fn of(body: &[u8], number: &Number<'_>) -> Self {
        let shape = match (number.exponent, number.fraction) {
            (Some(_), _) => Shape::Exponent,
            (None, Some(_)) => Shape::Point,
            (None, None) => Shape::Integer,
        };
        let (int, scale) = if shape == Shape::Exponent { (0, 0) } else { number.needs() };
        let most = |digits: usize| u8::try_from(digits).unwrap_or(u8::MAX).min(DIGITS_MAX + 1);
        let mantissa = number.mantissa();
        Self {
            has_leading_zeros: number.has_leading_zeros(),
            shape,
            is_int64: number.int64().is_some(),
            is_double: number.is_double(),
            word: Word::lex(body).map(|word| word.pair),
            int: most(int),
            scale: most(scale),
            instants: mantissa.map_or(0, |mantissa| {
                instants(|epoch, digits| super::number::instant(mantissa, epoch, digits).is_some())
            }),
        }
    }

    fn fits(&self, ty: ColumnType, reading: Reading) -> bool {
        match (ty, self.word) {
            (ColumnType::Boolean, word) => return word.is_some_and(|pair| is_boolean(pair, reading.source)),
            _ if self.has_leading_zeros && reading.source == Source::Inferred => return false,
            _ => {}
        }
        match ty {
            ColumnType::Int64 => self.is_int64,
            ColumnType::Decimal { precision, scale } => {
                let digits = u16::from(self.int) + u16::from(scale);
                self.shape != Shape::Exponent
                    && self.scale <= scale
                    && digits <= u16::from(precision)
                    && precision <= DIGITS_MAX
            }
            ColumnType::Float64 => self.is_double,
            ColumnType::Timestamp { unit, .. } => {
                reading.epoch.is_some_and(|epoch| self.instants & instant_bit(epoch, unit) != 0)
            }
            _ => false,
        }
    }
}

/// Numbers of so few digits before the point are near enough to 1970 for every epoch and unit.
const NEAR_DIGITS: u8 = 9;
/// Their instants by digits after the point, but for nanoseconds in microseconds, which whole thousands are too.
const INSTANTS_NEAR: [u8; 10] = {
    let mut near = [0; 10];
    let mut scale = 0;
    while scale < 10 {
        let mut epoch = 0;
        while epoch < 4 {
            near[scale] |= ((scale + epoch * 3 <= 6) as u8) << epoch | ((scale + epoch * 3 <= 9) as u8) << (epoch + 4);
            epoch += 1;
        }
        scale += 1;
    }
    near
};

fn instant_bit(epoch: Epoch, unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Micros => 1 << epoch as u8,
        TimeUnit::Nanos => 16 << epoch as u8,
    }
}

/// The epochs and units in which a number is an instant, given whether it is one for an epoch and digits after the second.
fn instants(is_instant: impl Fn(Epoch, u8) -> bool) -> u8 {
    let mut bits = 0;
    for epoch in Epoch::ALL {
        for unit in UNITS {
            bits |= u8::from(is_instant(epoch, unit_digits(unit))) * instant_bit(epoch, unit);
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::column::{
        nulls::without_lead,
        strings::{Random, for_each_string},
    };

    #[test]
    fn the_short_way_leads_to_the_same_and_codes_differ() {
        let mut codes = HashMap::new();
        let mut check = |value: &[u8]| {
            let body = without_lead(value);
            let kind = Kind::of(value, body);
            assert_eq!(kind, Kind::of_any(value, body), "{}", value.escape_ascii());
            for kind in [kind, Kind::Null { is_utf8: is_utf8(value) }] {
                assert_eq!(*codes.entry(kind.code()).or_insert(kind), kind, "two kinds of one code");
            }
        };
        for_each_string(b"019+-.e a", 4, &mut check);
        for_each_string(b"0N1.", 7, &mut check);
        for_each_string(b"\xC3\xA9 t", 4, &mut check);
        let mut random = Random::new(3);
        for _ in 0..100_000 {
            check(&random.field());
        }
        assert!(codes.len() > 500, "{}", codes.len());
    }
}
