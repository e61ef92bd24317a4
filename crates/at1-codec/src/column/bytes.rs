//! Writing and reading the small binary structures of the recovery section: varints, lengths, fixed runs.
//!
//! * What [`Put`] wrote, [`Take`] reads, and nothing else: a varint has one spelling, the shortest.
//! * [`Take`] never reads past its slice, and never allocates: a length is only believed if the bytes are there.

use crate::{Error, Result};

/// Where the errors of this module say they are; callers add their own place with [`Error::within`].
const PLACE: &str = "recovery bytes";

/// Appends fields to a growing buffer.
#[derive(Debug, Default)]
pub(crate) struct Put(Vec<u8>);

impl Put {
    /// An empty buffer.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One byte.
    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    /// An unsigned integer, seven bits a byte, least significant first (LEB128).
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.0.push(low_bits(value));
    }

    /// A length or an index.
    pub(crate) fn count(&mut self, value: usize) {
        self.varint(value as u64);
    }

    /// A signed integer: 0, -1, 1, -2 … become 0, 1, 2, 3 …
    pub(crate) fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    /// A run of bytes with its length in front.
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.0.extend_from_slice(value);
    }

    /// A run of bytes whose length the reader knows.
    pub(crate) fn fixed(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    /// All that was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn low_bits(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

/// Reads fields off the front of a slice.
#[derive(Clone, Debug)]
pub(crate) struct Take<'a> {
    rest: &'a [u8],
}

impl<'a> Take<'a> {
    /// A reader at the start of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Result<u8> {
        let (&first, rest) = self.rest.split_first().ok_or_else(|| short("another byte", 0))?;
        self.rest = rest;
        Ok(first)
    }

    /// An unsigned integer as [`Put::varint`] writes it.
    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                if byte == 0 && shift > 0 {
                    return Err(Error::corrupt(PLACE, "a varint in its shortest spelling", "a longer one"));
                }
                return Ok(value);
            }
        }
        Err(Error::corrupt(PLACE, "a varint of at most 64 bits", "a longer one"))
    }

    /// A length or an index.
    pub(crate) fn count(&mut self) -> Result<usize> {
        let value = self.varint()?;
        usize::try_from(value).map_err(|_| Error::corrupt(PLACE, "a count this machine can hold", value))
    }

    /// A signed integer as [`Put::zigzag`] writes it.
    pub(crate) fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A run of bytes with its length in front.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.count()?;
        self.fixed(len)
    }

    /// The next `len` bytes.
    pub(crate) fn fixed(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) =
            self.rest.split_at_checked(len).ok_or_else(|| short(&format!("{len} more bytes"), self.rest.len()))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Refuses bytes that nobody asked for.
    pub(crate) fn end(self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(Error::corrupt(PLACE, "the end", format!("{more} more bytes"))),
        }
    }
}

fn short(expected: &str, found: usize) -> Error {
    Error::corrupt(PLACE, expected, format!("the end after {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_taken() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX];
        let mut put = Put::new();
        numbers.iter().for_each(|&n| put.varint(n));
        signed.iter().for_each(|&n| put.zigzag(n));
        put.bytes(b"abc");
        put.fixed(b"de");
        put.byte(7);
        let bytes = put.into_bytes();
        let mut take = Take::new(&bytes);
        assert_eq!(numbers.map(|_| take.varint().expect("a varint")), numbers);
        assert_eq!(signed.map(|_| take.zigzag().expect("a zigzag")), signed);
        assert_eq!(take.bytes().expect("bytes"), b"abc");
        assert_eq!(take.fixed(2).expect("two bytes"), b"de");
        assert_eq!(take.byte().expect("a byte"), 7);
        take.end().expect("the end");
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], message: &str) {
        assert_eq!(Take::new(bytes).varint().expect_err("refused").to_string(), message);
    }

    #[test]
    fn a_varint_has_one_spelling_and_64_bits() {
        check_refused(&[], "recovery bytes: corrupt: expected another byte, found the end after 0");
        check_refused(&[0x80], "recovery bytes: corrupt: expected another byte, found the end after 0");
        check_refused(
            &[0x80, 0],
            "recovery bytes: corrupt: expected a varint in its shortest spelling, found a longer one",
        );
        check_refused(&[0xff; 11], "recovery bytes: corrupt: expected a varint of at most 64 bits, found a longer one");
        let mut past = [0xff; 10];
        past[9] = 2;
        check_refused(&past, "recovery bytes: corrupt: expected a varint of at most 64 bits, found a longer one");
    }

    #[test]
    fn a_claimed_length_is_not_believed() {
        let mut put = Put::new();
        put.varint(u64::MAX);
        let bytes = put.into_bytes();
        let error = Take::new(&bytes).bytes().expect_err("refused");
        assert_eq!(
            error.to_string(),
            format!("recovery bytes: corrupt: expected {} more bytes, found the end after 0", u64::MAX)
        );
    }
}
