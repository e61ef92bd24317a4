//! Ordinary numbers, read eight digits at a time: at most sixteen bytes, sign aside, and no exponent.
//!
//! * What it takes, [`Number::lex`](super::number::Number::lex) takes too and understands alike; what it does not take may
//!   still be a number.

use super::{number::Sign, pin::Epoch};

/// The most bytes that are read, sign aside.
const BYTES_MAX: usize = 16;

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
const TENS_DOUBLE: [f64; 17] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];

/// At most sixteen bytes as a number, the first lowest, filled up with zeros.
#[inline]
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

/// Eight digits, given as the numbers 0 to 9 in eight bytes, the first lowest.
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
        let len = rest.len();
        if len == 0 || len > BYTES_MAX {
            return None;
        }
        let all = u128::MAX >> (128 - len * 8);
        let digits = load(rest) ^ (ONES * u128::from(b'0') & all);
        // The highest bit of every byte that is no digit.
        let others = ((digits & ONES * 0x7f) + ONES * 0x76 | digits) & ONES * 0x80;
        let (digits, int, count) = if others == 0 {
            (digits, len, len)
        } else {
            let int = others.trailing_zeros() as usize / 8;
            let is_point = rest[int] == b'.' && others & (others - 1) == 0;
            if !is_point || len == 1 {
                return None;
            }
            let before = (1u128 << (int * 8)) - 1;
            (digits & before | digits >> 8 & !before, int, len - 1)
        };
        let aligned = digits << ((BYTES_MAX - count) * 8);
        let value = eight(aligned as u64) * TENS[8] + eight((aligned >> 64) as u64);
        let zeros = |bits: u32| (bits as usize / 8).min(count) as u8;
        Some(Self {
            sign,
            digits: value,
            int: int as u8,
            fraction: (count - int) as u8,
            has_point: others != 0,
            leading: zeros(digits.trailing_zeros()),
            trailing: zeros(aligned.leading_zeros()),
        })
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
        // At most sixteen digits, or what a caller has bounded.
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
                (mantissa % step == 0).then(|| mantissa / step)?
            }
        };
        // Below 10^16 times a power of ten, it is not 2^63, which only a negative number could be.
        i64::try_from(value).ok().map(|value| if self.sign == Sign::Minus { -value } else { value })
    }
}
