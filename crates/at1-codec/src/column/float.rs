//! Printing doubles in the styles of the programs that write them.
//!
//! * The digits are the shortest that mean the value (of these the closest to it, of two equally close the even one, as
//!   Python and JavaScript have it), or those of C's `%.17g` or `%.6f`; the style says how they are laid out.

use std::{fmt, io::Write as _};

use super::{
    digits::{put_positional, put_sign, put_zeros},
    form::{ExponentStyle, Flag, FloatDigits, FloatStyle, NumberStyle},
    number::{INFINITY_WORDS, NAN_WORDS},
};

/// Room for the shortest spelling of any double, which has 17 digits, a point and an exponent.
const SHORTEST_MAX: usize = 32;
/// Room for any other: 309 digits before the point, the point, and 255 after it.
const TEXT_MAX: usize = 640;

/// Formatted text on the stack.
struct Text<const MAX: usize> {
    buffer: [u8; MAX],
    len: usize,
}

impl<const MAX: usize> Text<MAX> {
    fn of(arguments: fmt::Arguments<'_>) -> Self {
        let mut buffer = [0; MAX];
        let mut rest = &mut buffer[..];
        rest.write_fmt(arguments).expect("a double fits the buffer");
        let len = MAX - rest.len();
        Self { buffer, len }
    }

    fn copy(text: &str) -> Self {
        let mut buffer = [0; MAX];
        buffer[..text.len()].copy_from_slice(text.as_bytes());
        Self { buffer, len: text.len() }
    }

    /// Moves the digits, from the first to the last that is not 0, to the front: how many they are, and where the point
    /// stands among them.
    fn compact(&mut self) -> (usize, i32) {
        let (mut len, mut point, mut has_point, mut at) = (0, 0, false, 0);
        while at < self.len {
            let byte = self.buffer[at];
            at += 1;
            match byte {
                b'.' => has_point = true,
                b'e' => break,
                b'0' if len == 0 => point -= i32::from(has_point),
                digit => {
                    self.buffer[len] = digit;
                    len += 1;
                    point += i32::from(!has_point);
                }
            }
        }
        if len == 0 {
            return (0, 1);
        }
        point += exponent(&self.buffer[at..self.len]);
        while self.buffer[len - 1] == b'0' {
            len -= 1;
        }
        (len, point)
    }
}

/// The digits of a positive finite double, which is `0.digits × 10^point`; the point of zero is 1.
pub(crate) fn with_digits<R>(value: f64, mode: FloatDigits, then: impl FnOnce(&[u8], i32) -> R) -> R {
    let mut text = match mode {
        FloatDigits::Shortest => {
            // Not the standard library, which takes the upper one of two equally close.
            let mut text = Text::<SHORTEST_MAX>::copy(ryu::Buffer::new().format_finite(value));
            let (len, point) = text.compact();
            return then(&text.buffer[..len], point);
        }
        FloatDigits::Significant(digits) => {
            Text::<TEXT_MAX>::of(format_args!("{value:.*e}", usize::from(digits.max(1)) - 1))
        }
        FloatDigits::Fixed(digits) => Text::<TEXT_MAX>::of(format_args!("{value:.*}", usize::from(digits))),
    };
    let (len, point) = text.compact();
    then(&text.buffer[..len], point)
}

/// Reads an exponent; nothing is 0.
fn exponent(text: &[u8]) -> i32 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let value = digits.iter().fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    if negative { -value } else { value }
}

/// Prints a double with at least `fraction_min` digits after the point, where the row asks for that.
pub(crate) fn put_float(out: &mut Vec<u8>, value: f64, style: &FloatStyle, fraction_min: Option<u8>) {
    if value.is_nan() {
        out.extend_from_slice(NAN_WORDS[usize::from(style.nan)].as_bytes());
        return;
    }
    put_sign(out, value.is_sign_negative(), style.number.plus);
    if value.is_infinite() {
        out.extend_from_slice(INFINITY_WORDS[usize::from(style.infinity)].as_bytes());
        return;
    }
    with_digits(value.abs(), style.digits, |digits, point| {
        let exponent = point - 1;
        if style.notation.is_positional(digits.len(), exponent) {
            let fraction_min = fraction_min.unwrap_or(style.number.fraction_min);
            put_positional(out, digits, point, &style.number, fraction_min);
        } else {
            let fraction_min = fraction_min.unwrap_or(style.exponent.fraction_min);
            put_positional(out, digits, 1, &NumberStyle { int_width: 0, ..style.number }, fraction_min);
            put_exponent(out, exponent, &style.exponent);
        }
    });
}

fn put_exponent(out: &mut Vec<u8>, exponent: i32, style: &ExponentStyle) {
    out.push(if style.upper == Flag::Yes { b'E' } else { b'e' });
    put_sign(out, exponent < 0, style.plus);
    let mut digits = [0; 4];
    let mut rest = &mut digits[..];
    write!(rest, "{}", exponent.unsigned_abs()).expect("at most three digits");
    let len = 4 - rest.len();
    put_zeros(out, usize::from(style.width).saturating_sub(len));
    out.extend_from_slice(&digits[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::form::Notation;

    #[track_caller]
    fn check(style: &FloatStyle, cases: &[(f64, &str)]) {
        for &(value, expected) in cases {
            let mut out = Vec::new();
            put_float(&mut out, value, style, None);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn python_repr() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e300, "1e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
        ];
        let style = FloatStyle::python();
        check(&style, &cases);
    }

    #[test]
    fn java_double_to_string() {
        let style = FloatStyle {
            notation: Notation::Between { low: -3, high: 7 },
            exponent: ExponentStyle { upper: Flag::Yes, plus: Flag::No, width: 1, fraction_min: 1 },
            nan: 0,
            infinity: 3,
            ..FloatStyle::python()
        };
        let cases = [
            (1e-3, "0.001"),
            (1e-4, "1.0E-4"),
            (1.25e-10, "1.25E-10"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (f64::INFINITY, "Infinity"),
        ];
        check(&style, &cases);
    }

    #[test]
    fn javascript() {
        let style = FloatStyle {
            notation: Notation::Between { low: -6, high: 21 },
            number: NumberStyle::default(),
            exponent: ExponentStyle { upper: Flag::No, plus: Flag::Yes, width: 1, fraction_min: 0 },
            ..FloatStyle::python()
        };
        let cases =
            [(1.0, "1"), (1e-6, "0.000001"), (1e-7, "1e-7"), (1.5e20, "150000000000000000000"), (1e21, "1e+21")];
        check(&style, &cases);
    }

    #[test]
    fn r_write_csv() {
        let style = FloatStyle { notation: Notation::Narrower, number: NumberStyle::default(), ..FloatStyle::python() };
        let cases = [
            (1e5, "1e+05"),
            (123_456.0, "123456"),
            (120_000.0, "120000"),
            (1e-4, "1e-04"),
            (1.5e-4, "0.00015"),
            (1.5e-5, "1.5e-05"),
            (12_345_678.5, "12345678.5"),
            (1e100, "1e+100"),
            (0.0, "0"),
            (-0.25, "-0.25"),
        ];
        check(&style, &cases);
    }

    #[test]
    fn of_two_shortest_spellings_the_even_one() {
        // As f32 has them: their 18th digit is the last, and a 5.
        let ties = [(-115.668_f32, "-115.66799926757812"), (28.342_3_f32, "28.342300415039062")];
        let ties = ties.map(|(value, text)| (f64::from(value), text));
        check(&FloatStyle::python(), &ties);
    }

    #[test]
    fn c_formats() {
        let g17 = FloatStyle {
            digits: FloatDigits::Significant(17),
            notation: Notation::Between { low: -4, high: 17 },
            number: NumberStyle::default(),
            ..FloatStyle::python()
        };
        check(&g17, &[(0.1, "0.10000000000000001"), (0.5, "0.5"), (1e17, "1e+17"), (0.0, "0")]);
        let f3 = FloatStyle {
            digits: FloatDigits::Fixed(3),
            notation: Notation::Between { low: i16::MIN, high: i16::MAX },
            number: NumberStyle { fraction_min: 3, ..NumberStyle::default() },
            ..FloatStyle::python()
        };
        check(&f3, &[(0.0, "0.000"), (1e22, "10000000000000000000000.000"), (2.0005, "2.001"), (0.0004, "0.000")]);
        let e3 = FloatStyle {
            digits: FloatDigits::Shortest,
            notation: Notation::Between { low: i16::MAX, high: i16::MAX },
            exponent: ExponentStyle { fraction_min: 3, ..FloatStyle::python().exponent },
            ..FloatStyle::python()
        };
        check(&e3, &[(0.0, "0.000e+00"), (12.5, "1.250e+01"), (-1e-10, "-1.000e-10")]);
    }
}
