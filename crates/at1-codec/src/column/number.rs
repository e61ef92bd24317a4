//! Numbers as text writes them: where their parts are, and their exact values.
//!
//! * [`Number::lex`] takes `[+-]digits[.digits][e[+-]digits]` with a digit before or after the point, and nothing else.
//! * A value is exact or absent: what overflows, or has more digits than its type, is `None`, never rounded.
//! * The one type that rounds is the double, and it is only given what it means: at most [`DOUBLE_DIGITS`] significant
//!   digits, finite, and not so close to zero that digits are lost.

use super::{float::with_digits, form::FloatDigits, pin::Epoch};

/// Two doubles never share a decimal spelling of this many significant digits.
pub(crate) const DOUBLE_DIGITS: usize = 17;

/// How a number starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Absent,
    Plus,
    Minus,
}

impl Sign {
    #[inline]
    pub(crate) fn lex(text: &[u8]) -> (Self, &[u8]) {
        match text {
            [b'-', rest @ ..] => (Self::Minus, rest),
            [b'+', rest @ ..] => (Self::Plus, rest),
            _ => (Self::Absent, text),
        }
    }
}

/// The exponent of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exponent {
    /// `e` or `E`.
    pub(crate) letter: u8,
    pub(crate) sign: Sign,
    /// How many digits it is written with.
    pub(crate) width: usize,
}

/// A number, cut into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    /// All of it.
    pub(crate) text: &'a [u8],
    pub(crate) sign: Sign,
    /// The digits before the point.
    pub(crate) int: &'a [u8],
    /// The digits after the point, if there is a point.
    pub(crate) fraction: Option<&'a [u8]>,
    pub(crate) exponent: Option<Exponent>,
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let len = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(len)
}

impl<'a> Number<'a> {
    /// The parts of `text`, if it is a number as a whole.
    pub(crate) fn lex(text: &'a [u8]) -> Option<Self> {
        let (sign, rest) = Sign::lex(text);
        let (int, rest) = digits(rest);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => {
                let (fraction, rest) = digits(rest);
                (Some(fraction), rest)
            }
            _ => (None, rest),
        };
        if int.is_empty() && fraction.is_none_or(<[u8]>::is_empty) {
            return None;
        }
        let exponent = match rest {
            [] => None,
            [letter @ (b'e' | b'E'), rest @ ..] => {
                let (sign, rest) = Sign::lex(rest);
                if rest.is_empty() || !rest.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                Some(Exponent { letter: *letter, sign, width: rest.len() })
            }
            _ => return None,
        };
        Some(Self { text, sign, int, fraction, exponent })
    }

    /// The digits after the point; none if there is no point.
    pub(crate) fn fraction(&self) -> &'a [u8] {
        self.fraction.unwrap_or_default()
    }

    /// Is it written with more zeros in front than it needs?
    pub(crate) fn has_leading_zeros(&self) -> bool {
        matches!(self.int, [b'0', _, ..])
    }

    /// Only digits and perhaps a sign.
    pub(crate) fn is_integer(&self) -> bool {
        self.fraction.is_none() && self.exponent.is_none()
    }

    /// Digits before the point that count, and after the point up to the last that is not 0.
    pub(crate) fn needs(&self) -> (usize, usize) {
        (without_leading(self.int).len(), without_trailing(self.fraction()).len())
    }

    /// From the first digit that is not 0 to the last: how many.
    pub(crate) fn significant(&self) -> usize {
        let (int, fraction) = (without_leading(self.int), without_trailing(self.fraction()));
        match (int.is_empty(), fraction.is_empty()) {
            (_, true) => without_trailing(int).len(),
            (true, false) => without_leading(fraction).len(),
            (false, false) => int.len() + fraction.len(),
        }
    }

    /// The value as an integer.
    pub(crate) fn int64(&self) -> Option<i64> {
        if !self.is_integer() {
            return None;
        }
        let negative = self.sign == Sign::Minus;
        self.int.iter().try_fold(0i64, |value, digit| {
            let digit = i64::from(digit - b'0');
            let value = value.checked_mul(10)?;
            if negative { value.checked_sub(digit) } else { value.checked_add(digit) }
        })
    }

    /// The value in steps of `10^-scale`, if it is a whole number of them with at most `precision` digits.
    pub(crate) fn decimal(&self, precision: u8, scale: u8) -> Option<i128> {
        let (precision, scale) = (usize::from(precision), usize::from(scale));
        let (int_digits, needed) = self.needs();
        if self.exponent.is_some() || needed > scale || int_digits + scale > precision || precision > 38 {
            return None;
        }
        let fraction = &self.fraction()[..needed];
        let digits = without_leading(self.int).iter().chain(fraction);
        let value = digits.fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
        let exponent = u32::try_from(scale - needed).ok()?;
        let value = value * 10i128.pow(exponent);
        Some(if self.sign == Sign::Minus { -value } else { value })
    }

    /// The value as a double, if the double means just this.
    pub(crate) fn double(&self) -> Option<f64> {
        if self.significant() > DOUBLE_DIGITS {
            return None;
        }
        let value: f64 = std::str::from_utf8(self.text).ok()?.parse().ok()?;
        let is_zero = self.significant() == 0;
        (value.is_normal() || (value == 0.0 && is_zero) || (value.is_subnormal() && self.is_shortest_of(value)))
            .then_some(value)
    }

    /// Does [`Self::double`] give a value? Without reading it, in the ordinary case.
    pub(crate) fn is_double(&self) -> bool {
        let ordinary = self.exponent.is_none() && self.int.len() + self.fraction().len() < 300;
        if ordinary { self.significant() <= DOUBLE_DIGITS } else { self.double().is_some() }
    }

    /// Near zero a double has fewer digits than text can have, so the text must be its shortest spelling.
    fn is_shortest_of(&self, value: f64) -> bool {
        let written: Vec<u8> = self.int.iter().chain(self.fraction()).copied().collect();
        let written = without_trailing(without_leading(&written));
        with_digits(value.abs(), FloatDigits::Shortest, |digits, _| digits == written)
    }

    /// All digits that count, as one integer, and how many of them stand after the point.
    pub(crate) fn mantissa(&self) -> Option<(i128, u8)> {
        let (_, scale) = self.needs();
        let scale = u8::try_from(scale).ok()?;
        Some((self.decimal(38, scale)?, scale))
    }

    /// The instant, in steps of `10^-digits` seconds, that it counts in steps of `epoch`.
    pub(crate) fn instant(&self, epoch: Epoch, digits: u8) -> Option<i64> {
        instant(self.mantissa()?, epoch, digits)
    }
}

/// How many digits stand after the point of a number without exponent.
pub(crate) fn fraction_len(text: &[u8]) -> usize {
    text.iter().rposition(|&b| b == b'.').map_or(0, |point| text.len() - point - 1)
}

/// The same for a number of which the [`Number::mantissa`] is known.
pub(crate) fn instant((mantissa, scale): (i128, u8), epoch: Epoch, digits: u8) -> Option<i64> {
    let shift = i32::from(digits) - i32::from(epoch.digits()) - i32::from(scale);
    let value = match u32::try_from(shift) {
        Ok(up) => mantissa.checked_mul(10i128.pow(up))?,
        // The last digit of a fraction is not 0, so nothing can be taken off it.
        Err(_) if scale > 0 => return None,
        Err(_) => {
            let step = 10i64.pow(shift.unsigned_abs());
            let value = i64::try_from(mantissa).ok()?;
            i128::from((value % step == 0).then(|| value / step)?)
        }
    };
    i64::try_from(value).ok()
}

fn without_leading(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().position(|&b| b != b'0').unwrap_or(digits.len());
    &digits[zeros..]
}

fn without_trailing(digits: &[u8]) -> &[u8] {
    let len = digits.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    &digits[..len]
}

/// A double that is no number, as programs spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    /// The index of its spelling in [`NAN_WORDS`].
    NaN { sign: Sign, word: u8 },
    /// The index of its spelling in [`INFINITY_WORDS`].
    Infinity { sign: Sign, word: u8 },
}

/// Spellings of not-a-number.
pub(crate) const NAN_WORDS: [&str; 4] = ["NaN", "nan", "NAN", "Nan"];
/// Spellings of infinity, without sign.
pub(crate) const INFINITY_WORDS: [&str; 6] = ["inf", "Inf", "INF", "Infinity", "infinity", "INFINITY"];

impl Special {
    /// What `text` spells, if it is one of the spellings as a whole.
    pub(crate) fn lex(text: &[u8]) -> Option<Self> {
        let (sign, word) = Sign::lex(text);
        if !matches!(word.first(), Some(b'n' | b'N' | b'i' | b'I')) {
            return None;
        }
        let index =
            |words: &[&str]| words.iter().zip(0u8..).find(|(w, _)| w.as_bytes() == word).map(|(_, index)| index);
        index(&NAN_WORDS)
            .map(|word| Self::NaN { sign, word })
            .or_else(|| index(&INFINITY_WORDS).map(|word| Self::Infinity { sign, word }))
    }

    /// The double it means.
    pub(crate) fn double(self) -> f64 {
        match self {
            Self::NaN { .. } => f64::NAN,
            Self::Infinity { sign: Sign::Minus, .. } => f64::NEG_INFINITY,
            Self::Infinity { .. } => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, int64: Option<i64>, decimal_38_3: Option<i128>, double: Option<f64>) {
        let number = Number::lex(text.as_bytes());
        assert_eq!(number.and_then(|n| n.int64()), int64, "{text} as int64");
        assert_eq!(number.and_then(|n| n.decimal(38, 3)), decimal_38_3, "{text} as decimal(38,3)");
        assert_eq!(number.and_then(|n| n.double()).map(f64::to_bits), double.map(f64::to_bits), "{text} as double");
        assert_eq!(number.is_some_and(|n| n.is_double()), double.is_some(), "{text} is a double");
    }

    #[test]
    fn values_are_exact_or_absent() {
        check("0", Some(0), Some(0), Some(0.0));
        check("-0", Some(0), Some(0), Some(-0.0));
        check("+5", Some(5), Some(5000), Some(5.0));
        check("007", Some(7), Some(7000), Some(7.0));
        check("9223372036854775807", Some(i64::MAX), Some(i128::from(i64::MAX) * 1000), None);
        check("-9223372036854775808", Some(i64::MIN), Some(i128::from(i64::MIN) * 1000), None);
        check("9223372036854775808", None, Some((i128::from(i64::MAX) + 1) * 1000), None);
        check("1.250", None, Some(1250), Some(1.25));
        check("1.2345", None, None, Some(1.2345));
        check("1.234000", None, Some(1234), Some(1.234));
        check(".5", None, Some(500), Some(0.5));
        check("5.", None, Some(5000), Some(5.0));
        check("1e3", None, None, Some(1000.0));
        check("1.5E-07", None, None, Some(1.5e-7));
        check("1e400", None, None, None);
        check("1e-400", None, None, None);
        check("0e-400", None, None, Some(0.0));
        check("5e-324", None, None, Some(5e-324));
        check("4e-324", None, None, None);
        check(
            "12345678901234567",
            Some(12_345_678_901_234_567),
            Some(12_345_678_901_234_567_000),
            Some(12345678901234567.0),
        );
        check("123456789012345678", Some(123_456_789_012_345_678), Some(123_456_789_012_345_678_000), None);
        check("100000000000000000000", None, Some(100_000_000_000_000_000_000_000), Some(1e20));
        check("99999999999999999999999999999999999", None, Some(10i128.pow(38) - 1000), None);
        check("999999999999999999999999999999999999", None, None, None);
        for text in ["", "-", "+", ".", "-.", "e5", "1e", "1e+", "1.2.3", "1 ", "1,5", "0x10", "--1", "١"] {
            check(text, None, None, None);
        }
    }

    #[test]
    fn instants_count_from_1970() {
        let instant = |text: &str, epoch, digits| Number::lex(text.as_bytes()).and_then(|n| n.instant(epoch, digits));
        assert_eq!(instant("1700000000", Epoch::Seconds, 6), Some(1_700_000_000_000_000));
        assert_eq!(instant("1700000000.123456", Epoch::Seconds, 6), Some(1_700_000_000_123_456));
        assert_eq!(instant("1700000000.1234567", Epoch::Seconds, 6), None);
        assert_eq!(instant("-1.5", Epoch::Millis, 6), Some(-1_500));
        assert_eq!(instant("1500", Epoch::Nanos, 6), None);
        assert_eq!(instant("2000", Epoch::Nanos, 6), Some(2));
        assert_eq!(instant("9223372036854775807", Epoch::Nanos, 9), Some(i64::MAX));
        assert_eq!(instant("9223372036854775807", Epoch::Seconds, 6), None);
        assert_eq!(instant("1e9", Epoch::Seconds, 6), None);
    }
}
