//! Avro object container files, as far as Iceberg's manifests and manifest lists need them.
//!
//! * A file is a function of its schema, its metadata and its records: the same state gives the same bytes.
//! * Read are only files that this module wrote, after their digest was compared. Whatever does not parse is an error, and lengths are
//!   checked against what is there.
//! * A crate for all of Avro brings sixty others along; two fixed schemas need five kinds of values.

use std::io::{Read as _, Write as _};

use at1_ledger::Digest;
use at1_table::{Error, ErrorKind, Result};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

const MAGIC: &[u8] = b"Obj\x01";
const SYNC_BYTES: usize = 16;
const CODEC: &str = "deflate";
/// Records are packed in blocks of about so many bytes.
const BLOCK_BYTES: usize = 1 << 16;
/// The most that the records of one file may come to: 4,096 segments of a thousand columns take less.
const RECORDS_BYTES_MAX: u64 = 1 << 30;

/// Values in Avro's binary form, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Encoder(pub(super) Vec<u8>);

impl Encoder {
    /// An `int` or a `long`: zigzag, seven bits a byte.
    pub(super) fn long(&mut self, value: i64) {
        let mut rest = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
        while rest >= 0x80 {
            self.0.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        // No buffer is longer than i64::MAX.
        self.long(bytes.len() as i64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// The second branch of `["null", …]`, or the first.
    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.long(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// An array, or a map.
    pub(super) fn items<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.long(items.len() as i64);
            items.iter().for_each(|item| write(self, item));
        }
        self.long(0);
    }
}

/// Reads what [`Encoder`] wrote.
pub(super) struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.0.split_at_checked(count) {
            Some((taken, rest)) => {
                self.0 = rest;
                Ok(taken)
            }
            None => Err(corrupt(format!("{count} bytes more"), self.0.len())),
        }
    }

    pub(super) fn long(&mut self) -> Result<i64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
            }
        }
        Err(corrupt("an integer of at most ten bytes", "more"))
    }

    pub(super) fn int(&mut self) -> Result<i32> {
        let value = self.long()?;
        i32::try_from(value).map_err(|_| corrupt("an integer of 32 bits", value))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| corrupt("a length", length))?)
    }

    pub(super) fn text(&mut self) -> Result<String> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|e| corrupt("UTF-8", e))
    }

    pub(super) fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        match self.long()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            other => Err(corrupt("one of two branches", other)),
        }
    }

    pub(super) fn items<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![];
        loop {
            let count = self.long()?;
            // Each item takes a byte at least, so what is left bounds a claim.
            match usize::try_from(count) {
                Ok(0) => return Ok(items),
                Ok(count) if count <= self.0.len() => {
                    for _ in 0..count {
                        items.push(read(self)?);
                    }
                }
                _ => return Err(corrupt("a number of items", count)),
            }
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// A container file of these records.
pub(super) fn write(schema: &str, metadata: &[(&str, &str)], records: &[Encoder]) -> Result<Vec<u8>> {
    let mut out = Encoder(MAGIC.to_vec());
    let own = [("avro.schema", schema), ("avro.codec", CODEC)];
    let all: Vec<_> = own.iter().chain(metadata).collect();
    out.items(&all, |out, (key, value)| {
        out.text(key);
        out.text(value);
    });
    // Any sixteen bytes that are unlikely within a block; random ones would make every file another.
    let sync: [u8; SYNC_BYTES] = Digest::of(&out.0).0[..SYNC_BYTES].try_into().expect("a digest is longer");
    out.0.extend_from_slice(&sync);
    let mut rest = records;
    while !rest.is_empty() {
        let mut bytes = 0;
        let full = rest.iter().position(|record| {
            bytes += record.0.len();
            bytes >= BLOCK_BYTES
        });
        let (block, later) = rest.split_at(full.map_or(rest.len(), |last| last + 1));
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
        block.iter().try_for_each(|record| packed.write_all(&record.0))?;
        out.long(block.len() as i64);
        out.bytes(&packed.finish()?);
        out.0.extend_from_slice(&sync);
        rest = later;
    }
    Ok(out.0)
}

/// The records of a container file that [`write`] made.
pub(super) fn read<T>(file: &[u8], mut record: impl FnMut(&mut Decoder<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut input = Decoder::new(file);
    if input.take(MAGIC.len())? != MAGIC {
        return Err(corrupt("an Avro file", "other bytes"));
    }
    let metadata = input.items(|input| Ok((input.text()?, input.bytes()?)))?;
    if !metadata.iter().any(|(key, value)| key == "avro.codec" && *value == CODEC.as_bytes()) {
        return Err(corrupt(format!("the codec {CODEC}"), "another"));
    }
    let sync = input.take(SYNC_BYTES)?;
    let (mut records, mut left) = (vec![], RECORDS_BYTES_MAX);
    while !input.is_at_end() {
        let count = input.long()?;
        let mut bytes = vec![];
        DeflateDecoder::new(input.bytes()?).take(left).read_to_end(&mut bytes)?;
        left -= bytes.len() as u64;
        let mut block = Decoder::new(&bytes);
        for _ in 0..count {
            records.push(record(&mut block)?);
        }
        if !block.is_at_end() || input.take(SYNC_BYTES)? != sync {
            return Err(corrupt(format!("a block of {count} records"), "more or other bytes"));
        }
    }
    Ok(records)
}

fn corrupt(expected: impl Into<String>, found: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, "", expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(values: &[i64]) -> Vec<u8> {
        let mut out = Encoder::default();
        values.iter().for_each(|value| out.long(*value));
        out.0
    }

    #[test]
    fn integers_are_those_of_the_specification() {
        for (value, bytes) in [
            (0, &[0u8][..]),
            (-1, &[1]),
            (1, &[2]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (i64::MAX, &MAX),
            (i64::MIN, &MIN),
        ] {
            assert_eq!(encoded(&[value]), bytes, "{value}");
            assert_eq!(Decoder::new(bytes).long().unwrap(), value);
        }
        let too_long = [0xff; 11];
        assert_eq!(Decoder::new(&too_long).long().unwrap_err().expected(), "an integer of at most ten bytes");
    }

    const MAX: [u8; 10] = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    const MIN: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];

    #[test]
    fn files_come_back_and_damaged_ones_are_errors() {
        let three = |input: &mut Decoder<'_>| Ok([input.long()?, input.long()?, input.long()?]);
        let file_of = |count| {
            let records: Vec<_> = (0..count).map(|i| Encoder(encoded(&[i, -i, 7]))).collect();
            write("\"long\"", &[("format-version", "2")], &records).unwrap()
        };
        // More than one block.
        let back = read(&file_of(30_000), three).unwrap();
        assert_eq!(back, (0..30_000).map(|i| [i, -i, 7]).collect::<Vec<_>>());
        let file = file_of(300);
        for cut in 0..file.len() {
            let cut = read(&file[..cut], three);
            // A file that ends with a block is a shorter file; who knows its digest is not deceived.
            assert!(cut.map_or(true, |records| records.len() < 300));
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x55;
            // An error or other records, never a panic.
            let _ = read(&damaged, three);
        }
    }

    #[test]
    fn claims_do_not_allocate() {
        let mut claim = Encoder::default();
        claim.long(i64::MAX);
        let error = Decoder::new(&claim.0).items(|input| input.long()).unwrap_err();
        assert_eq!(error.to_string(), format!("expected a number of items, found {}", i64::MAX));
        assert_eq!(
            Decoder::new(&claim.0).bytes().unwrap_err().to_string(),
            format!("expected {} bytes more, found 0", i64::MAX)
        );
    }
}
