//! Numbers in few bytes: how far each lies above the least, in as many bytes as the greatest such distance needs.
//!
//! ```text
//! BYTES      FIELD
//! 8 or 16    least   two's complement, LE; 16 for wide numbers
//! 1          width   0, 1, 2, 4, 8, and 16 for wide numbers; 0: all are the least
//! n × width  how far each lies above the least, LE
//! ```
//!
//! * How many there are is known to whoever reads them, and is bounded by him: equal numbers take no bytes each.
//! * Whatever the bytes are, reading them gives numbers or an error.

use crate::{Error, Result};

/// Appends numbers.
///
/// ```
/// use at1_catalog::packed::{self, Cursor};
/// let mut bytes = vec![];
/// packed::put(&[7, 9, 7], &mut bytes);
/// assert_eq!(bytes, [7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0]);
/// let mut cursor = Cursor::new(&bytes);
/// assert_eq!(cursor.numbers(3)?, [7, 9, 7]);
/// cursor.finish()?;
/// # Ok::<(), at1_catalog::Error>(())
/// ```
pub fn put(numbers: &[u64], out: &mut Vec<u8>) {
    put_from(numbers.iter().min().copied().unwrap_or(0), numbers, out);
}

/// Appends numbers that may be negative; [`Cursor::signed`] reads them.
pub fn put_signed(numbers: &[i64], out: &mut Vec<u8>) {
    let least = numbers.iter().min().copied().unwrap_or(0).cast_unsigned();
    let numbers: Vec<u64> = numbers.iter().map(|number| number.cast_unsigned()).collect();
    put_from(least, &numbers, out);
}

fn put_from(least: u64, numbers: &[u64], out: &mut Vec<u8>) {
    let above = || numbers.iter().map(|number| number.wrapping_sub(least));
    let width = width_of(above().max().unwrap_or(0).into());
    out.extend_from_slice(&least.to_le_bytes());
    out.push(width as u8);
    above().for_each(|above| out.extend_from_slice(&above.to_le_bytes()[..width]));
}

/// Appends wide numbers; [`Cursor::wide`] reads them.
pub fn put_wide(numbers: &[i128], out: &mut Vec<u8>) {
    let least = numbers.iter().min().copied().unwrap_or(0);
    let above = || numbers.iter().map(|number| number.wrapping_sub(least).cast_unsigned());
    let width = width_of(above().max().unwrap_or(0));
    out.extend_from_slice(&least.to_le_bytes());
    out.push(width as u8);
    above().for_each(|above| out.extend_from_slice(&above.to_le_bytes()[..width]));
}

fn width_of(greatest: u128) -> usize {
    let bytes = (u128::BITS - greatest.leading_zeros()).div_ceil(8) as usize;
    if bytes == 0 { 0 } else { bytes.next_power_of_two() }
}

/// Reads bytes from the front.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// From their beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// How many are left.
    pub fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| Error::corrupt("", format!("{count} more bytes"), self.bytes.len()))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The next bytes, as many as an array holds.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N).map(|bytes| bytes.try_into().expect("taken to be as long"))
    }

    /// A byte.
    ///
    /// # Errors
    /// If there is none.
    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// Four bytes, little-endian.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, little-endian.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// So many numbers. It is up to the caller that `count` is no mere claim.
    ///
    /// # Errors
    /// If their bytes are not there, or break the format.
    pub fn numbers(&mut self, count: usize) -> Result<Vec<u64>> {
        let least = self.u64()?;
        self.above(count, |above: u64| least.wrapping_add(above))
    }

    /// What [`put_signed`] wrote.
    ///
    /// # Errors
    /// If their bytes are not there, or break the format.
    pub fn signed(&mut self, count: usize) -> Result<Vec<i64>> {
        let least = self.u64()?;
        self.above(count, |above: u64| least.wrapping_add(above).cast_signed())
    }

    /// What [`put_wide`] wrote.
    ///
    /// # Errors
    /// If their bytes are not there, or break the format.
    pub fn wide(&mut self, count: usize) -> Result<Vec<i128>> {
        let least = self.array().map(u128::from_le_bytes)?;
        let mut wide = self.clone();
        if wide.u8()? == 16 {
            let (bytes, []) = wide.take(count.saturating_mul(16))?.as_chunks::<16>() else { unreachable!() };
            *self = wide;
            let above = bytes.iter().map(|bytes| u128::from_le_bytes(*bytes));
            return Ok(above.map(|above| least.wrapping_add(above).cast_signed()).collect());
        }
        self.above(count, |above: u64| least.wrapping_add(above.into()).cast_signed())
    }

    fn above<T: Clone>(&mut self, count: usize, number: impl Fn(u64) -> T) -> Result<Vec<T>> {
        macro_rules! numbers {
            ($ty:ty) => {{
                let (bytes, _) = self.take(count.saturating_mul(size_of::<$ty>()))?.as_chunks();
                bytes.iter().map(|bytes| number(<$ty>::from_le_bytes(*bytes).into())).collect()
            }};
        }
        Ok(match self.u8()? {
            0 => vec![number(0); count],
            1 => numbers!(u8),
            2 => numbers!(u16),
            4 => numbers!(u32),
            8 => numbers!(u64),
            width => return Err(Error::corrupt("", "a width of 0, 1, 2, 4 or 8 bytes", width)),
        })
    }

    /// Says that all was read.
    ///
    /// # Errors
    /// If something is left.
    pub fn finish(self) -> Result<()> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(Error::corrupt("", "no more bytes", format!("{left} more"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_read() {
        for numbers in [
            vec![],
            vec![0],
            vec![u64::MAX],
            vec![0, u64::MAX],
            vec![1 << 40, (1 << 40) + 255],
            vec![5, 5 + 256],
            vec![9, 9 + (1 << 16)],
            vec![9, 9 + (1 << 32)],
        ] {
            let mut bytes = vec![];
            put(&numbers, &mut bytes);
            let signed: Vec<i64> = numbers.iter().map(|n| n.cast_signed()).collect();
            put_signed(&signed, &mut bytes);
            let wide: Vec<i128> = signed.iter().map(|&n| i128::from(n) << 20).collect();
            put_wide(&wide, &mut bytes);
            put_wide(&[i128::MIN, i128::MAX], &mut bytes);
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.numbers(numbers.len()).unwrap(), numbers);
            assert_eq!(cursor.signed(numbers.len()).unwrap(), signed);
            assert_eq!(cursor.wide(numbers.len()).unwrap(), wide);
            assert_eq!(cursor.wide(2).unwrap(), [i128::MIN, i128::MAX]);
            cursor.finish().unwrap();
        }
    }

    #[test]
    fn numbers_near_each_other_are_short() {
        let bytes = |numbers: &[i64]| {
            let mut out = vec![];
            put_signed(numbers, &mut out);
            out.len() - 9
        };
        assert_eq!(bytes(&[-3; 100]), 0);
        assert_eq!(bytes(&[-100, 155]), 2);
        assert_eq!(bytes(&[-100, 156]), 4);
        assert_eq!(bytes(&[i64::MIN, i64::MAX]), 16);
    }

    #[test]
    fn any_bytes_are_numbers_or_an_error() {
        let mut rng = random();
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..rng() % 40).map(|_| (rng() % 19) as u8).collect();
            for count in [0, 1, 3, usize::MAX >> 3] {
                // Equal numbers take no bytes, so only a small count may be asked for without looking.
                if count < 100 || bytes.get(8) != Some(&0) {
                    let _ = Cursor::new(&bytes).numbers(count);
                }
                if count < 100 || bytes.get(16) != Some(&0) {
                    let _ = Cursor::new(&bytes).wide(count);
                }
            }
        }
        assert!(Cursor::new(&[0; 8]).numbers(0).is_err());
        assert!(Cursor::new(&[0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]).numbers(1).is_err());
        assert!(Cursor::new(&[0]).finish().is_err());
    }

    /// Numbers that look random.
    fn random() -> impl FnMut() -> u64 {
        let mut state = 1u64;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        }
    }
}
