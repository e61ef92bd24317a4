//! Forms as bytes.
//!
//! * What is read back is in range in every parameter, so that printing with it cannot go wrong.
//! * Every form has one spelling: a byte that could say the same in another way is refused.
//!
//! ```text
//! nulls     varint n (1 to 255), n spellings (length, at most 255 bytes each); byte: 1 if each row says which
//! quoting   byte: 0 never, 1 always, 2 where needed, 3 each row says
//! blanks    byte in front of every field; byte of the width that fields are filled up to
//! style     byte that names it, then its parameters:
//!   0 text
//!   1 integer     number
//!   2 decimal     zigzag scale (-9 to 38), number
//!   3 float       number; byte and byte of digits: 0 0 shortest, 1 n significant, 2 n fixed;
//!                 byte of notation: 0 and zigzag low, zigzag high, or 1; upper, plus, width, digits of the exponent;
//!                 byte of the spelling of not-a-number, byte of that of infinity
//!   4 boolean     byte of the pair of words
//!   5 date        byte of the order: 0 ymd, 1 dmy, 2 mdy, 3 dmy with the month's name; separator; month padded; day padded
//!   6 timestamp   date; byte of the gap: 0 is T, 255 a colon, else so many blanks; hour padded; byte of the seconds: 0 always, 1 never,
//!                 2 unless zero; mark; byte and byte of the fraction: 0 n at least, 1 n unless zero, 2 0 in groups of
//!                 three, 3 0 each row says; zones, as nulls
//!   7 text        byte of escapes, not 0: a bit each for slash, all but ASCII, upper-case hex, < > &, delete, backspace and form
//!                 feed, line separators
//! number    plus, zero before the point, point at the end; width before the point; digits after the point; byte: 1 if
//!           each row says how many digits
//! ```

use super::{
    boolean,
    bytes::{Put, Take},
    escapes::Escapes,
    form::{
        Blanks, ClockStyle, DateStyle, ExponentStyle, Flag, FloatDigits, FloatStyle, Form, Notation, NumberStyle,
        Parts, Per, Quoting, SPELLING_BYTES_MAX, SPELLINGS_MAX, SecondFraction, Seconds, Streams, Style,
    },
    number::{INFINITY_WORDS, NAN_WORDS},
    pin::DateOrder,
    time::{self, Gap},
};
use crate::{Error, Result};

impl Form {
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
            Style::Text(escapes) if *escapes == Escapes::default() => put.byte(0),
            Style::Text(escapes) => {
                put.byte(7);
                put.byte(escapes.bits());
            }
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
            0 => Style::Text(Escapes::default()),
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
            7 => {
                let bits = take.byte()?;
                let escapes = Escapes::from_bits(bits).filter(|&escapes| escapes != Escapes::default());
                Style::Text(escapes.ok_or_else(|| unknown("escapes", bits))?)
            }
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
            Parts::MonthName => 3,
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
            3 => Parts::MonthName,
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
            Gap::Colon => u8::MAX,
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
            u8::MAX => Gap::Colon,
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
