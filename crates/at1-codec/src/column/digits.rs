//! Printing numbers digit by digit, without a `String` in between.
//!
//! * Nothing printed here loses a digit: a style asks for *at least* so many digits after the point, so a value that
//!   needs more shows them.

use super::form::{Flag, NumberStyle};

/// Every number below a hundred, in two digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut i = 0u8;
    while i < 100 {
        pairs[i as usize] = [b'0' + i / 10, b'0' + i % 10];
        i += 1;
    }
    pairs
};

/// The decimal digits of a number, written from the back of a buffer.
pub(crate) struct Digits {
    buffer: [u8; 40],
    start: usize,
}

impl Digits {
    /// The digits of `value`; none for 0.
    pub(crate) fn of(value: u128) -> Self {
        const CHUNK: u128 = 10u128.pow(18);
        let mut digits = Self { buffer: [b'0'; 40], start: 40 };
        let mut rest = value;
        // A division of 128 bits is slow, so there are at most two, each for 18 digits.
        while let Err(low) = u64::try_from(rest).map(|value| digits.push(value)).map_err(|_| rest % CHUNK) {
            let end = digits.start;
            digits.push(u64::try_from(low).expect("less than 10^18"));
            digits.start = end - 18;
            rest /= CHUNK;
        }
        digits
    }

    /// Puts the digits of `value` in front.
    fn push(&mut self, mut value: u64) {
        while value >= 10 {
            let pair = PAIRS[usize::try_from(value % 100).expect("less than 100")];
            value /= 100;
            self.start -= 2;
            self.buffer[self.start..self.start + 2].copy_from_slice(&pair);
        }
        if value > 0 {
            self.start -= 1;
            self.buffer[self.start] = b'0' + value.to_le_bytes()[0];
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

/// Prints a number below a hundred in two digits.
pub(crate) fn put_two(out: &mut Vec<u8>, value: u8) {
    out.extend_from_slice(&PAIRS[usize::from(value % 100)]);
}

pub(crate) fn put_zeros(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len() + count, b'0');
}

pub(crate) fn put_sign(out: &mut Vec<u8>, is_negative: bool, plus: Flag) {
    if is_negative {
        out.push(b'-');
    } else if plus == Flag::Yes {
        out.push(b'+');
    }
}

/// Prints an integer.
pub(crate) fn put_integer(out: &mut Vec<u8>, value: i64, style: &NumberStyle) {
    put_sign(out, value < 0, style.plus);
    let digits = Digits::of(u128::from(value.unsigned_abs()));
    put_padded(out, digits.as_bytes(), style.int_width);
    if style.trailing_point == Flag::Yes {
        out.push(b'.');
    }
}

/// Prints `digits` with zeros in front, at least one digit in all.
fn put_padded(out: &mut Vec<u8>, digits: &[u8], width: u8) {
    put_zeros(out, usize::from(width.max(1)).saturating_sub(digits.len()));
    out.extend_from_slice(digits);
}

/// Prints the number `0.digits × 10^point`, of which the sign is already there, with at least `fraction_min` digits
/// after the point.
pub(crate) fn put_positional(out: &mut Vec<u8>, digits: &[u8], point: i32, style: &NumberStyle, fraction_min: u8) {
    let len = digits.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    let digits = &digits[..len];
    let before = usize::try_from(point).unwrap_or(0);
    let (int, fraction) = digits.split_at(before.min(len));
    let zeros_after_point = if fraction.is_empty() { 0 } else { usize::try_from(-point).unwrap_or(0) };
    let needed = zeros_after_point + fraction.len();
    let written = needed.max(usize::from(fraction_min));

    let int_zeros = if len == 0 { 0 } else { before - int.len() };
    if int.is_empty() && style.leading_zero == Flag::No && written > 0 {
        // `.5`
    } else {
        let width = usize::from(style.int_width.max(1));
        put_zeros(out, width.saturating_sub(int.len() + int_zeros));
        out.extend_from_slice(int);
        put_zeros(out, int_zeros);
    }
    if written > 0 || style.trailing_point == Flag::Yes {
        out.push(b'.');
    }
    put_zeros(out, zeros_after_point);
    out.extend_from_slice(fraction);
    put_zeros(out, written - needed);
}

/// Prints `value × 10^-scale` with at least `fraction_min` digits after the point.
pub(crate) fn put_decimal(out: &mut Vec<u8>, value: i128, scale: u8, style: &NumberStyle, fraction_min: u8) {
    put_sign(out, value < 0, style.plus);
    let digits = Digits::of(value.unsigned_abs());
    let digits = digits.as_bytes();
    let point = i32::try_from(digits.len()).expect("at most 39 digits") - i32::from(scale);
    put_positional(out, digits, point, style, fraction_min);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        let near = |value: u128| [value.wrapping_sub(1), value, value.wrapping_add(1)];
        let powers = (0..39).flat_map(|n| near(10u128.pow(n)));
        let others = (0..128).flat_map(|n| near(1 << n)).chain([7_000_000_000_000_000_000_700u128, u128::MAX]);
        for value in powers.chain(others) {
            let expected = if value == 0 { String::new() } else { value.to_string() };
            assert_eq!(Digits::of(value).as_bytes(), expected.as_bytes());
        }
    }

    #[track_caller]
    fn check(value: i128, scale: u8, fraction_min: u8, style: &NumberStyle, expected: &str) {
        let mut out = Vec::new();
        put_decimal(&mut out, value, scale, style, fraction_min);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn decimals() {
        let plain = NumberStyle::default();
        check(0, 0, 0, &plain, "0");
        check(0, 2, 2, &plain, "0.00");
        check(1250, 2, 1, &plain, "12.5");
        check(1250, 2, 2, &plain, "12.50");
        check(1250, 2, 4, &plain, "12.5000");
        check(-5, 3, 0, &plain, "-0.005");
        check(7000, 0, 0, &plain, "7000");
        check(i128::MIN, 38, 0, &plain, "-1.70141183460469231731687303715884105728");
        let bare = NumberStyle { leading_zero: Flag::No, trailing_point: Flag::Yes, ..plain };
        check(5, 1, 0, &bare, ".5");
        check(0, 1, 0, &bare, "0.");
        check(0, 1, 2, &bare, ".00");
        check(50, 1, 0, &bare, "5.");
        let wide = NumberStyle { int_width: 4, plus: Flag::Yes, ..plain };
        check(75, 1, 0, &wide, "+0007.5");
        check(-75, 1, 0, &wide, "-0007.5");
        check(1_234_500, 1, 0, &wide, "+123450");
        check(0, 1, 0, &wide, "+0000");
    }
}
