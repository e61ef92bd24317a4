//! What a page says of itself, before anybody acts on it.
//!
//! * Only headers that AT1 would write: of a dictionary page, or of a data page of a flat column, without statistics.
//! * What the Parquet crate would decode otherwise than it is checked is refused.
//! * Every number is there, not negative, and of the width that the format gives it.

use super::thrift::Structure;
use crate::column::bytes::Take;

/// Kinds of pages, as Parquet numbers them.
const DATA: i32 = 0;
const DICTIONARY: i32 = 2;
const DATA_V2: i32 = 3;
/// The encoding of levels, as Parquet numbers it.
const RLE: i32 = 3;

/// What a page says of itself.
pub(super) struct Header {
    /// Its own size.
    pub(super) bytes: usize,
    pub(super) is_dictionary: bool,
    pub(super) values: usize,
    /// As Parquet numbers it.
    pub(super) encoding: i32,
    /// How many of the values are null, in a data page of version 2.
    pub(super) version_2: Option<usize>,
    /// The size of the page in the file, that of the levels at its start, and that of all once decompressed.
    pub(super) packed: usize,
    pub(super) levels: usize,
    pub(super) unpacked: usize,
    pub(super) is_packed: bool,
}

impl Header {
    /// Reads the header at the start of `bytes`; none of a page that AT1 would not write.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = Take::new(bytes);
        let header = Structure::read(&mut from)?;
        let (unpacked, packed) = (header.count(2)?, header.count(3)?);
        let kind = header.number(1)?;
        let (inner, levels, is_packed) = match kind {
            DICTIONARY => (header.structure(7).filter(|_| header.has_only(&[1, 2, 3, 7]))?, 0, true),
            // Levels are packed with the values, and must be the runs that they are checked as: the crate also knows an older way.
            DATA => {
                let inner = header.structure(5).filter(|_| header.has_only(&[1, 2, 3, 5]))?;
                let runs = inner.has_only(&[1, 2, 3, 4]) && [3, 4].iter().all(|&id| inner.number(id) == Some(RLE));
                (inner, 0, runs.then_some(true)?)
            }
            DATA_V2 => {
                let inner = header.structure(8).filter(|_| header.has_only(&[1, 2, 3, 8]))?;
                // A column has as many rows as values, no repetition levels, and its statistics elsewhere.
                let flat = inner.has_only(&[1, 2, 3, 4, 5, 6, 7])
                    && inner.count(3) == inner.count(1)
                    && inner.count(6) == Some(0);
                (inner, inner.count(5).filter(|_| flat)?, inner.flag(7, true)?)
            }
            _ => return None,
        };
        let is_dictionary = kind == DICTIONARY;
        let (encoding, version_2) = match kind {
            DATA_V2 => (inner.number(4)?, Some(inner.count(2)?)),
            _ => (inner.number(2)?, None),
        };
        let (bytes, values) = (bytes.len() - from.remaining(), inner.count(1)?);
        Some(Self { bytes, is_dictionary, values, encoding, version_2, packed, levels, unpacked, is_packed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of version 1 with five plain values, ten bytes packed and unpacked, and levels in these encodings.
    fn version_1(definition: u8, repetition: u8) -> Vec<u8> {
        let zigzag = |number: u8| number * 2;
        let page = [0x15, zigzag(0), 0x15, zigzag(10), 0x15, zigzag(10), 0x2c];
        let data = [0x15, zigzag(5), 0x15, zigzag(0), 0x15, zigzag(definition), 0x15, zigzag(repetition), 0, 0];
        [&page[..], &data].concat()
    }

    #[test]
    fn levels_of_version_1_are_runs() {
        let bytes = version_1(3, 3);
        let header = Header::read(&bytes).unwrap();
        assert_eq!((header.bytes, header.values, header.packed, header.levels), (bytes.len(), 5, 10, 0));
        assert!(header.is_packed && !header.is_dictionary);
        for (definition, repetition) in [(4, 3), (3, 4), (0, 3)] {
            assert!(Header::read(&version_1(definition, repetition)).is_none(), "{definition} {repetition}");
        }
    }
}
