//! Short text in a register: what most fields are.
//!
//! * A [`Word`] has at most [`WORD_BYTES`] bytes, the first one lowest. It is written whole; what lies behind its length is
//!   overwritten by what comes next, so no length is ever branched on.
//! * Numbers are turned into digits eight at a time, by multiplications that work on all digits at once.

/// The most bytes of a [`Word`].
pub(crate) const WORD_BYTES: usize = 16;

/// Up to sixteen bytes of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text, the first byte lowest; anything behind its length.
    bytes: u128,
    len: usize,
}

/// `0` in every byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;
const ALL_ZEROS: u128 = (ZEROS as u128) << 64 | ZEROS as u128;
const TEN_TO_8: u64 = 100_000_000;
/// Numbers from here on have more digits than a word holds.
const TEN_TO_16: u64 = TEN_TO_8 * TEN_TO_8;

/// The two digits of each number below a hundred as numbers, the first one in the lowest byte.
const TWO: [u32; 100] = {
    let mut two = [0; 100];
    let mut n = 0;
    while n < 100 {
        two[n as usize] = (n / 10) | ((n % 10) << 8);
        n += 1;
    }
    two
};

impl Word {
    /// `text`, if it is short enough.
    #[inline]
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; WORD_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes: u128::from_le_bytes(bytes), len: text.len() })
    }

    /// One byte.
    #[inline]
    pub(crate) fn of_byte(byte: u8) -> Self {
        Self { bytes: u128::from(byte), len: 1 }
    }

    /// The first `len` bytes of a register.
    #[inline]
    pub(crate) fn of_register(bytes: u64, len: usize) -> Self {
        Self { bytes: u128::from(bytes), len }
    }

    /// Its bytes, and arbitrary ones up to the full size.
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; WORD_BYTES] {
        self.bytes.to_le_bytes()
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// The decimal digits of `value`, at least `width` of them; none if they are more than sixteen.
    #[inline(always)]
    pub(crate) fn digits(value: u64, width: usize) -> Option<Self> {
        // The first digit is the lowest byte, so the zeros in front are the zeros that a register ends in.
        if value < 10_000 && width <= 4 {
            let digits = TWO[value as usize / 100 % 100] | (TWO[value as usize % 100] << 16);
            let skip = (digits.trailing_zeros() as usize / 8).min(4 - width.max(1));
            return Some(Self::of_register(u64::from((digits | 0x3030_3030) >> (8 * skip)), 4 - skip));
        }
        if value < TEN_TO_8 && width <= 8 {
            let digits = eight(value);
            let skip = (digits.trailing_zeros() as usize / 8).min(8 - width.max(1));
            return Some(Self { bytes: u128::from((digits | ZEROS) >> (8 * skip)), len: 8 - skip });
        }
        Self::many_digits(value, width)
    }

    /// The digits of a number that has more than eight.
    fn many_digits(value: u64, width: usize) -> Option<Self> {
        if value >= TEN_TO_16 || width > WORD_BYTES {
            return None;
        }
        let digits = u128::from(eight(value / TEN_TO_8)) | u128::from(eight(value % TEN_TO_8)) << 64;
        let skip = (digits.trailing_zeros() as usize / 8).min(WORD_BYTES - width.max(1));
        Some(Self { bytes: (digits | ALL_ZEROS) >> (8 * skip), len: WORD_BYTES - skip })
    }

    /// Puts a point before the last `scale` of its digits and leaves out zeros at the end, but for `least` digits after the
    /// point; without any, there is no point. It has more digits than `scale`, and `scale` is not 0.
    #[inline(always)]
    pub(crate) fn point(self, scale: usize, least: usize) -> Option<Self> {
        if self.len == WORD_BYTES {
            return None;
        }
        let before = self.len - scale;
        let mut fraction = scale;
        if least < scale {
            fraction -= self.zeros_at_end().min(scale - least);
        }
        let bytes = if self.len < 8 {
            let bytes = self.bytes as u64;
            let low = (1 << (8 * before)) - 1;
            u128::from(bytes & low | u64::from(b'.') << (8 * before) | (bytes & !low) << 8)
        } else {
            let low = (1 << (8 * before)) - 1;
            self.bytes & low | u128::from(b'.') << (8 * before) | (self.bytes & !low) << 8
        };
        Some(Self { bytes, len: before + fraction + usize::from(fraction > 0) })
    }

    /// With a minus in front, if the number is negative.
    #[inline(always)]
    pub(crate) fn signed(self, is_negative: bool) -> Option<Self> {
        let by = usize::from(is_negative);
        let bytes = self.bytes << (8 * by) | u128::from(b'-' * u8::from(is_negative));
        (self.len + by <= WORD_BYTES).then_some(Self { bytes, len: self.len + by })
    }

    /// With `other` behind.
    #[inline]
    pub(crate) fn then(self, other: Self) -> Option<Self> {
        if self.len == 0 {
            return Some(other);
        }
        let len = self.len + other.len;
        let low = u128::MAX >> (8 * (WORD_BYTES - self.len));
        let shifted = if self.len < WORD_BYTES { other.bytes << (8 * self.len) } else { 0 };
        (len <= WORD_BYTES).then_some(Self { bytes: self.bytes & low | shifted, len })
    }

    /// How many `0` it ends in; it is not empty.
    #[inline]
    pub(crate) fn zeros_at_end(self) -> usize {
        let from_end = (self.bytes ^ ALL_ZEROS) << (8 * (WORD_BYTES - self.len));
        (from_end.leading_zeros() as usize / 8).min(self.len)
    }

    /// Its first `len` bytes, if it has more.
    #[inline]
    pub(crate) fn cut(self, len: usize) -> Self {
        Self { len: self.len.min(len), ..self }
    }
}

/// The eight digits of a number below 10^8 as numbers, the first one in the lowest byte.
#[inline(always)]
fn eight(value: u64) -> u64 {
    // Two numbers of four digits, then four of two, then eight of one: each division is a multiplication by the inverse, which
    // the bits that are cut off make exact for numbers of that size.
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - 10 * tens) << 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(word: Option<Word>) -> Option<String> {
        word.map(|word| String::from_utf8_lossy(&word.to_bytes()[..word.len()]).into_owned())
    }

    fn near_powers() -> impl Iterator<Item = u64> {
        let of_ten = (0..20).map(|n| 10u64.pow(n));
        let others = of_ten.chain((0..64).map(|n| 1 << n)).chain([12_345_678, 1_234_567_890_123_456, 90, 500_000]);
        others.flat_map(|n| [n - 1, n, n + 1, n / 7 * 3])
    }

    #[test]
    fn every_number_of_eight_digits_in_steps_and_all_small_ones() {
        for value in (0..TEN_TO_8).step_by(997).chain(0..20_000).chain(TEN_TO_8 - 20_000..TEN_TO_8) {
            let digits: Vec<u8> = format!("{value:08}").bytes().map(|b| b - b'0').collect();
            assert_eq!(eight(value).to_le_bytes(), *digits, "{value}");
        }
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for value in near_powers().chain(0..10_100) {
            for width in [0, 1, 3, 4, 8, 9, 16, 17] {
                let expected = format!("{value:0width$}");
                let expected = (expected.len() <= WORD_BYTES).then_some(expected);
                assert_eq!(text(Word::digits(value, width)), expected, "{value} in {width}");
            }
        }
    }

    #[test]
    fn points_are_where_the_slow_printer_puts_them() {
        use crate::column::{digits::put_decimal, form::NumberStyle};
        for value in near_powers().filter(|&value| value < TEN_TO_16) {
            for scale in 1..12 {
                for least in 0..=scale {
                    for sign in [1, -1] {
                        let mut expected = Vec::new();
                        let value = i128::from(value) * sign;
                        put_decimal(&mut expected, value, scale, &NumberStyle::default(), least);
                        let value = u64::try_from(value.unsigned_abs()).unwrap();
                        let (scale, least) = (usize::from(scale), usize::from(least));
                        let word = Word::digits(value, scale + 1).and_then(|word| word.point(scale, least));
                        let word = word.and_then(|word| word.signed(sign < 0 && value != 0));
                        let expected = String::from_utf8(expected).unwrap();
                        // A word may give up a little early: zeros at the end count until they are left out.
                        if expected.len() + scale - least < WORD_BYTES {
                            assert!(word.is_some(), "{expected}");
                        }
                        if word.is_some() {
                            assert_eq!(text(word), Some(expected), "{value} {scale} {least}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn joining_words_keeps_every_byte() {
        let all = b"abcdefghijklmnopqrst";
        for left in 0..=WORD_BYTES {
            for right in 0..=WORD_BYTES {
                let (a, b) = (&all[..left], &all[20 - right..]);
                let (a, b) = (Word::new(a).unwrap(), Word::new(b).unwrap());
                let expected = [&all[..left], &all[20 - right..]].concat();
                assert_eq!(text(a.then(b)), Word::new(&expected).map(|_| String::from_utf8(expected).unwrap()));
            }
        }
        assert_eq!(Word::new(&all[..17]), None);
    }
}
