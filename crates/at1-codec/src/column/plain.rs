//! Ordinary numbers, read eight digits at a time: at most eighteen digits and no exponent.
//!
//! * What it takes, [`Number::lex`](super::number::Number::lex) takes too and understands alike; what it does not take may
//!   still be a number.

use super::{number::Sign, pin::Epoch};

/// The most digits, so that every such integer is one of 64 bits.
const DIGITS_MAX: usize = 18;
/// How many bytes are read at once.
const HEAD_BYTES: usize = 16;

const ONES: u128 = u128::from_le_bytes([1; 16]);

/// Every whole number up to this one is a double.
const DOUBLE_EXACT_MAX: u64 = 1 << 53;
/// `10^n`, for every `n` that is needed.
const TENS: [u64; 20] = {
    let mut tens = [1u64; 20];
    let mut n = 1;
    while n < 20 {
        tens[n] = tens[n - 1] * 10;
        n += 1;
    }
    tens
};
/// The same as doubles, as far as they are exact.
const TENS_DOUBLE: [f64; DIGITS_MAX + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// At most sixteen bytes as a number, the first lowest, filled up with zeros.
#[inline(always)]
pub(crate) fn load(bytes: &[u8]) -> u128 {
    // Two loads that overlap: the bytes they share are equal, so `|` does not mind.
    let len = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << ((len - 8) * 8)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let value = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << ((len - 4) * 8);
        u128::from(value)
    } else if let ([first, ..], [.., last]) = (bytes, bytes) {
        let value =
            u32::from(*first) | u32::from(bytes[len / 2]) << (len / 2 * 8) | u32::from(*last) << ((len - 1) * 8);
        u128::from(value)
    } else {
        0
    }
}

/// Is any of these bytes among at most sixteen others?
#[inline]
pub(crate) fn holds_any(among: &[u8], bytes: [u8; 4]) -> bool {
    const HIGH: u128 = ONES * 0x80;
    let all = load(among);
    // The highest bit of each byte that is equal; also of some behind the first such, which does not matter.
    let equal = bytes.into_iter().fold(0, |equal, byte| {
        let differs = all ^ (ONES * u128::from(byte));
        equal | differs.wrapping_sub(ONES) & !differs & HIGH
    });
    equal.trailing_zeros() as usize / 8 < among.len()
}

/// Eight digits, given as the numbers 0 to 9 in eight bytes, the first lowest.
#[inline]
fn eight(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 | 1_000_000 << 32);
    let low = (pairs >> 16 & PAIRS).wrapping_mul(1 | 10_000 << 32);
    high.wrapping_add(low) >> 32
}

/// A number, cut into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) sign: Sign,
    /// All digits as one integer.
    digits: u64,
    /// How many digits there are, before the point and after it.
    int: u8,
    fraction: u8,
    has_point: bool,
    /// Zeros in front of all digits, and behind them.
    leading: u8,
    trailing: u8,
}

impl Plain {
    /// The parts of `text`, if it is such a number as a whole.
    #[inline]
    pub(crate) fn lex(text: &[u8]) -> Option<Self> {
        let (sign, rest) = Sign::lex(text);
        let head = &rest[..rest.len().min(HEAD_BYTES)];
        let len = head.len();
        if len == 0 || rest.len() > DIGITS_MAX + 1 {
            return None;
        }
        let all = u128::MAX >> (128 - len * 8);
        let digits = load(head) ^ ((ONES * u128::from(b'0')) & all);
        // The highest bit of every byte that is no digit.
        let others = (((digits & (ONES * 0x7f)) + ONES * 0x76) | digits) & (ONES * 0x80);
        let (digits, int, count) = if others == 0 {
            (digits, len, len)
        } else {
            let int = others.trailing_zeros() as usize / 8;
            let is_point = head[int] == b'.' && others & (others - 1) == 0;
            if !is_point || len == 1 {
                return None;
            }
            let before = (1u128 << (int * 8)) - 1;
            (digits & before | digits >> 8 & !before, int, len - 1)
        };
        let aligned = digits << ((HEAD_BYTES - count) * 8);
        let value = eight(aligned as u64) * TENS[8] + eight((aligned >> 64) as u64);
        let zeros = |bits: u32| (bits as usize / 8).min(count) as u8;
        let plain = Self {
            sign,
            digits: value,
            int: int as u8,
            fraction: (count - int) as u8,
            has_point: others != 0,
            leading: zeros(digits.trailing_zeros()),
            trailing: zeros(aligned.leading_zeros()),
        };
        if rest.len() > HEAD_BYTES { plain.with_tail(&rest[HEAD_BYTES..]) } else { Some(plain) }
    }

    /// The number that goes on with these bytes.
    fn with_tail(mut self, tail: &[u8]) -> Option<Self> {
        for &byte in tail {
            match byte {
                b'.' if !self.has_point => self.has_point = true,
                b'0'..=b'9' => {
                    self.leading += u8::from(self.digits == 0 && byte == b'0');
                    self.trailing = if byte == b'0' { self.trailing + 1 } else { 0 };
                    self.digits = self.digits * 10 + u64::from(byte - b'0');
                    *(if self.has_point { &mut self.fraction } else { &mut self.int }) += 1;
                }
                _ => return None,
            }
        }
        (self.int + self.fraction <= DIGITS_MAX as u8).then_some(self)
    }

    /// From the first digit that is not 0 to the last: how many.
    pub(crate) fn significant(&self) -> u8 {
        (self.int + self.fraction).saturating_sub(self.leading + self.trailing)
    }

    /// Is it written with more zeros in front than it needs?
    pub(crate) fn has_leading_zeros(&self) -> bool {
        self.int >= 2 && self.leading >= 1
    }

    /// Only digits and perhaps a sign.
    pub(crate) fn is_integer(&self) -> bool {
        !self.has_point
    }

    /// Digits after the point.
    pub(crate) fn fraction(&self) -> usize {
        usize::from(self.fraction)
    }

    /// Digits before the point that count, and after the point up to the last that is not 0.
    pub(crate) fn needs(&self) -> (u8, u8) {
        (self.int.saturating_sub(self.leading), self.fraction.saturating_sub(self.trailing))
    }

    /// Is it a multiple of a thousand?
    pub(crate) fn is_whole_thousands(&self) -> bool {
        self.digits == 0 || self.trailing >= self.fraction + 3
    }

    fn signed(&self, value: u64) -> i64 {
        // At most eighteen digits, or what a caller has bounded.
        let value = value.cast_signed();
        if self.sign == Sign::Minus { -value } else { value }
    }

    /// The value as an integer.
    pub(crate) fn int64(&self) -> Option<i64> {
        self.is_integer().then(|| self.signed(self.digits))
    }

    /// The value in steps of `10^-scale`, if it is a whole number of them with at most `precision` digits.
    pub(crate) fn decimal(&self, precision: u8, scale: u8) -> Option<i128> {
        let (int, needed) = self.needs();
        if needed > scale || int.saturating_add(scale) > precision || precision > 38 {
            return None;
        }
        if int + scale > 18 {
            let value = i128::from(self.signed(self.digits / TENS[usize::from(self.fraction - needed)]));
            return Some(value * 10i128.pow(u32::from(scale - needed)));
        }
        let value = match self.fraction.checked_sub(scale) {
            None => self.digits * TENS[usize::from(scale - self.fraction)],
            Some(0) => self.digits,
            Some(zeros) => self.digits / TENS[usize::from(zeros)],
        };
        Some(i128::from(self.signed(value)))
    }

    /// The value as a double; `None` where that takes more than a division, not where it is none.
    pub(crate) fn double(&self) -> Option<f64> {
        // Both are exact doubles, so their quotient is rounded once, as it should be.
        let value =
            (self.digits <= DOUBLE_EXACT_MAX).then(|| self.digits as f64 / TENS_DOUBLE[usize::from(self.fraction)]);
        value.map(|value| if self.sign == Sign::Minus { -value } else { value })
    }

    /// The instant, in steps of `10^-digits` seconds, that it counts in steps of `epoch`.
    pub(crate) fn instant(&self, epoch: Epoch, digits: u8) -> Option<i64> {
        let (_, scale) = self.needs();
        let mantissa = self.digits / TENS[usize::from(self.fraction - scale)];
        let steps = epoch.digits() + scale;
        let value = match digits.checked_sub(steps) {
            Some(up) => mantissa.checked_mul(TENS[usize::from(up)])?,
            // The last digit of a fraction is not 0, so nothing can be taken off it.
            None if scale > 0 => return None,
            None => {
                let step = TENS[usize::from(steps - digits)];
                mantissa.is_multiple_of(step).then(|| mantissa / step)?
            }
        };
        // It is below 10^18 or a multiple of ten, so not 2^63, which only a negative number could be.
        i64::try_from(value).ok().map(|value| if self.sign == Sign::Minus { -value } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{
        number::Number,
        strings::{Random, for_each_string},
    };

    /// Everything that is asked of it is what [`Number`] says.
    #[track_caller]
    fn check(text: &[u8]) {
        let (plain, number) = (Plain::lex(text), Number::lex(text));
        let context = text.escape_ascii();
        let taken = number.is_some_and(|number| {
            number.exponent.is_none() && number.int.len() + number.fraction().len() <= DIGITS_MAX
        });
        assert_eq!(plain.is_some(), taken, "{context} is plain");
        let (Some(plain), Some(number)) = (plain, number) else { return };
        let small = |n: usize| u8::try_from(n).unwrap();
        assert_eq!(plain.sign, number.sign, "{context}");
        assert_eq!(plain.has_leading_zeros(), number.has_leading_zeros(), "{context}");
        assert_eq!(plain.is_integer(), number.is_integer(), "{context}");
        assert_eq!(plain.fraction(), number.fraction().len(), "{context}");
        assert_eq!(plain.needs(), (small(number.needs().0), small(number.needs().1)), "{context}");
        assert_eq!(plain.int64(), number.int64(), "{context}");
        for precision in [1, 5, 17, 18, 19, 37, 38, 39, 255] {
            for scale in [0, 1, 2, 3, 16, 17, 18, 19, 37, 38, 255] {
                let (found, expected) = (plain.decimal(precision, scale), number.decimal(precision, scale));
                assert_eq!(found, expected, "{context} as decimal({precision},{scale})");
            }
        }
        assert_eq!(usize::from(plain.significant()), number.significant(), "{context}");
        if let Some(double) = plain.double() {
            assert_eq!(Some(double.to_bits()), number.double().map(f64::to_bits), "{context}");
        }
        for epoch in Epoch::ALL {
            for digits in [6, 9] {
                assert_eq!(plain.instant(epoch, digits), number.instant(epoch, digits), "{context} as {epoch:?}");
            }
        }
        let thousands = number.mantissa().is_some_and(|(value, scale)| scale == 0 && value % 1000 == 0);
        assert_eq!(plain.is_whole_thousands(), thousands, "{context}");
    }

    #[test]
    fn every_short_string() {
        for_each_string(b"0179+-.e", 5, &mut |text| check(text));
        for_each_string(b"09.", 9, &mut |text| check(text));
    }

    #[test]
    fn long_numbers() {
        let mut random = Random::new(1);
        for _ in 0..100_000 {
            check(&random.number(22));
        }
        for text in [
            "999999999999999999",
            "-.999999999999999999",
            "999999999999999999.",
            "0000000000000000.01",
            "9999999999999999999",
            "9999999999999999",
            "-9007199254740993",
            "9007199254740992",
            "9007199254740993.",
            "0000000000000001",
        ] {
            check(text.as_bytes());
        }
    }

    #[test]
    fn doubles_are_those_of_the_standard_library() {
        let mut random = Random::new(2);
        let mut seen = 0;
        for _ in 0..1_000_000 {
            let text = random.number(18);
            if let Some(found) = Plain::lex(&text).and_then(|plain| plain.double()) {
                let text = std::str::from_utf8(&text).unwrap();
                assert_eq!(found.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
                seen += 1;
            }
        }
        assert!(seen > 500_000, "{seen}");
    }

    #[test]
    fn loads_and_searches() {
        let bytes: Vec<u8> = (0..=16).map(|i| i * 7 % 5).collect();
        for len in 0..=16 {
            let mut expected = [0; 16];
            expected[..len].copy_from_slice(&bytes[..len]);
            assert_eq!(load(&bytes[..len]).to_le_bytes(), expected);
            for wanted in 0..6 {
                let expected = bytes[..len].contains(&wanted) || bytes[..len].contains(&9);
                assert_eq!(holds_any(&bytes[..len], [wanted, 9, 9, 9]), expected, "{wanted} among {len}");
            }
        }
        // One more or less than a byte that is looked for.
        assert!(!holds_any(&[1, 0x81, 0xff, 0x80], [0, 0x82, 2, 0x7f]));
        assert!(holds_any(&[1, 0x81, 0xff, 0x80], [0, 0x82, 2, 0x80]));
    }
}
