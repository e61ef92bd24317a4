//! Numbers as they are written: exact decimals of any length.
//!
//! * A [`Number`] is digits times a power of ten; nothing is rounded until a column's type asks for a place.
//! * Zero has one form, and no form has leading or trailing zero digits, so equal values are equal structs.

use std::{fmt, str::FromStr};

use crate::set::Place;

/// Exponents beyond this are refused: no column type comes near, and arithmetic on exponents stays far from overflow.
const EXPONENT_MAX: i32 = 100_000;

/// An exact decimal number of any length.
///
/// ```
/// use at1_catalog::Number;
/// let price: Number = "-1.50e3".parse()?;
/// assert_eq!(price, "-1500".parse()?);
/// assert_eq!(price.to_string(), "-1500");
/// # Ok::<(), at1_catalog::NotANumber>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    /// ASCII digits without leading or trailing zeros; empty for zero.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i32,
}

/// Text that is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a number such as 12, -0.5 or 1.5e-3")
    }
}

impl std::error::Error for NotANumber {}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().map_err(|_| NotANumber)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(NotANumber);
        }
        let places = i32::try_from(fraction.len()).map_err(|_| NotANumber)?;
        if exponent.abs() > EXPONENT_MAX || places > EXPONENT_MAX {
            return Err(NotANumber);
        }
        let all = [whole, fraction].concat();
        let digits = all.trim_end_matches('0');
        let dropped = i32::try_from(all.len() - digits.len()).map_err(|_| NotANumber)?;
        let digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Ok(Self { negative: false, digits, exponent: 0 });
        }
        Ok(Self { negative, digits, exponent: exponent - places + dropped })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let length = self.digits.len() as i64;
        let point = length + i64::from(self.exponent); // digits before the point
        match () {
            () if self.digits.is_empty() => f.write_str("0"),
            () if self.exponent >= 0 && point <= 40 => {
                write!(f, "{}{}", self.digits, "0".repeat(self.exponent.unsigned_abs() as usize))
            }
            () if self.exponent < 0 && point > 0 => {
                let (whole, fraction) = self.digits.split_at(point.unsigned_abs() as usize);
                write!(f, "{whole}.{fraction}")
            }
            () if self.exponent < 0 && point > -40 => {
                write!(f, "0.{}{}", "0".repeat(point.unsigned_abs() as usize), self.digits)
            }
            () => write!(f, "{}e{}", self.digits, self.exponent),
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::scaled(value.into(), 0)
    }
}

impl Number {
    /// `unscaled` divided by ten to the `scale`.
    pub fn scaled(unscaled: i128, scale: u8) -> Self {
        let all = unscaled.unsigned_abs().to_string();
        let digits = all.trim_end_matches('0').to_owned();
        if digits.is_empty() || unscaled == 0 {
            return Self { negative: false, digits: String::new(), exponent: 0 };
        }
        let dropped = (all.len() - digits.len()) as i32; // at most 39
        Self { negative: unscaled < 0, digits, exponent: dropped - i32::from(scale) }
    }

    /// Where the number lies among the multiples of ten to the minus `scale`.
    pub(crate) fn place(&self, scale: u8) -> Place<i128> {
        let beyond = if self.negative { Place::Below } else { Place::Above };
        let shift = self.exponent + i32::from(scale);
        let kept = self.digits.len() as i64 + i64::from(shift.min(0)); // digits of the whole part
        let whole = &self.digits[..usize::try_from(kept).unwrap_or(0).min(self.digits.len())];
        if self.digits.len() as i64 + i64::from(shift) > 39 {
            return beyond;
        }
        let magnitude = match whole {
            "" => Some(0),
            digits => digits.parse::<i128>().ok(),
        };
        let power = 10i128.checked_pow(shift.max(0).unsigned_abs());
        let Some(magnitude) = magnitude.zip(power).and_then(|(m, p)| m.checked_mul(p)) else {
            return beyond;
        };
        // The last digit is not zero, so whatever was cut off is not zero either.
        match (whole.len() == self.digits.len(), self.negative) {
            (true, false) => Place::At(magnitude),
            (true, true) => Place::At(-magnitude),
            (false, false) => Place::After(magnitude),
            (false, true) => Place::After(-magnitude - 1),
        }
    }

    /// The nearest double; infinite beyond the largest.
    pub(crate) fn nearest(&self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", if self.digits.is_empty() { "0" } else { &self.digits }, self.exponent)
            .parse()
            .unwrap_or(f64::NAN) // digits and an exponent always parse
    }
}

/// A decimal as plain text, with exactly `scale` digits after the point.
pub(crate) fn decimal_text(unscaled: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn place(text: &str, scale: u8, want: Place<i128>) {
        assert_eq!(text.parse::<Number>().unwrap().place(scale), want, "{text} at scale {scale}");
    }

    #[test]
    fn places() {
        place("5", 0, Place::At(5));
        place("5.5", 0, Place::After(5));
        place("-5.5", 0, Place::After(-6));
        place("5.50", 1, Place::At(55));
        place("-0.0", 3, Place::At(0));
        place("0.001", 2, Place::After(0));
        place("-0.001", 2, Place::After(-1));
        place("1e3", 2, Place::At(100_000));
        place("1e-90000", 18, Place::After(0));
        place("1e90000", 0, Place::Above);
        place("-1e90000", 0, Place::Below);
        place("99999999999999999999999999999999999999", 0, Place::At(10i128.pow(38) - 1));
        place("170141183460469231731687303715884105727", 0, Place::At(i128::MAX));
        place("170141183460469231731687303715884105728", 0, Place::Above);
        place("-170141183460469231731687303715884105729", 0, Place::Below);
        place("12300e-2", 0, Place::At(123));
    }

    #[test]
    fn text() {
        for (text, want) in [
            ("007", "7"),
            ("+.5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("1e2", "100"),
            ("1e-2", "0.01"),
            ("12.50", "12.5"),
            ("1e60", "1e60"),
            ("1e-60", "1e-60"),
        ] {
            let number: Number = text.parse().unwrap();
            assert_eq!(number.to_string(), want, "{text}");
            assert_eq!(want.parse::<Number>().unwrap(), number, "{text}");
        }
        for bad in ["", "-", ".", "e5", "1e", "1e999999999999", "1e100001", "0x1", "1_000", " 1", "1 ", "nan", "--1"] {
            assert_eq!(bad.parse::<Number>(), Err(NotANumber), "{bad}");
        }
        assert_eq!(decimal_text(-5, 3), "-0.005");
        assert_eq!(decimal_text(1234, 2), "12.34");
        assert_eq!(decimal_text(1234, 0), "1234");
        assert_eq!(Number::scaled(-1200, 1).to_string(), "-120");
        assert_eq!(Number::from(i64::MIN).to_string(), i64::MIN.to_string());
    }

    #[test]
    fn doubles() {
        for (text, want) in
            [("0.1", 0.1), ("1e400", f64::INFINITY), ("-1e400", f64::NEG_INFINITY), ("0", 0.0), ("1e-400", 0.0)]
        {
            assert_eq!(text.parse::<Number>().unwrap().nearest(), want);
        }
    }
}
