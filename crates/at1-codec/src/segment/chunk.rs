//! A source cut into stretches of whole records, small enough to hold. Where records are lines, see [`super::line_chunks`].
//!
//! * A chunk's bytes follow the bytes of the chunk before it without a gap; only bytes after the last record of the
//!   source (blank lines) are in no chunk.
//! * Memory is bounded by the limit that the caller gives, or by one record where that is longer.

use std::{io::Read, ops::Range};

use sha2::{Digest as _, Sha256};

use super::layout::GROUP_FIELDS_MAX;
use crate::{
    Result,
    text::{
        Input, Scanner, Tokens,
        shape::{ABSENT, Shapes},
    },
};

/// Whole records and where their fields lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tokens: Tokens,
    /// What stands between the fields, where that is not a delimiter. Then the first field of each record is all of it but its gap
    /// and its line end, and behind it come its fields by their number, some of them absent.
    pub(crate) shapes: Option<Shapes>,
}

impl Chunk {
    /// The number of records.
    pub(crate) fn records(&self) -> usize {
        self.tokens.records.len()
    }

    /// All bytes of record `index`: the blank lines before it, its fields, its terminator.
    pub(crate) fn record(&self, index: usize) -> &[u8] {
        let record = &self.tokens.records[index];
        &self.bytes[record.start as usize..record.end as usize]
    }

    /// Field `field` of record `index`, quotes included, if the record has it.
    #[inline]
    pub(crate) fn field(&self, index: usize, field: usize) -> Option<&[u8]> {
        let fields = self.tokens.record_fields(index);
        let span = match self.shapes {
            None => fields.get(field)?,
            Some(_) => fields.get(field + 1).filter(|&&span| span != ABSENT)?,
        };
        Some(&self.bytes[span.start as usize..span.end as usize])
    }
}

/// How many records are looked at, column by column, before the next: their text and tokens stay in a core's cache.
const BLOCK_RECORDS: usize = 2 << 10;

/// `records` records, a block at a time.
pub(crate) fn blocks(records: usize) -> impl Iterator<Item = Range<usize>> {
    (0..records).step_by(BLOCK_RECORDS).map(move |start| start..records.min(start + BLOCK_RECORDS))
}

/// How much is scanned at a time, between two looks at the limits of a chunk.
const SLICE_BYTES: usize = if cfg!(test) { 40 } else { 1 << 20 };
/// How much is read beyond a slice, for the record at its end. Both are so small in tests that they matter.
const AHEAD_BYTES: usize = if cfg!(test) { 8 } else { 1 << 16 };

/// Reads a delimited text chunk by chunk.
pub(crate) struct Chunks<R> {
    source: R,
    scanner: Scanner,
    /// Bytes read but not yet given out.
    pending: Vec<u8>,
    ended: bool,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Chunks<R> {
    pub(crate) fn new(source: R, scanner: Scanner) -> Self {
        Self { source, scanner, pending: Vec::new(), ended: false, hash: Sha256::new(), bytes: 0 }
    }

    /// Takes `bytes` bytes off the front: a byte order mark, a header whose end is known.
    pub(crate) fn skip(&mut self, bytes: usize) -> Result<()> {
        self.fill(bytes)?;
        self.pending.drain(..bytes.min(self.pending.len()));
        Ok(())
    }

    /// The next records: at most about `bytes_max` bytes, `rows_max` records and [`GROUP_FIELDS_MAX`] fields, at least one record.
    /// `None` once there are no more; what is left then is [`Self::tail`].
    pub(crate) fn next(&mut self, bytes_max: usize, rows_max: usize) -> Result<Option<Chunk>> {
        let bytes_max = bytes_max.max(1);
        let mut tokens = Tokens::default();
        let (mut at, mut limit) = (0, SLICE_BYTES.min(bytes_max));
        let mut want = bytes_max.min(limit + AHEAD_BYTES);
        if !self.ended {
            self.pending.reserve_exact(bytes_max.saturating_sub(self.pending.len()));
        }
        // Slice by slice, so that what was read is still in the cache when it is hashed and scanned.
        loop {
            self.fill(want)?;
            let input = if self.ended { Input::End } else { Input::More };
            at = self.scanner.scan_on(&self.pending, at, input, limit, &mut tokens);
            if at >= limit {
                if at >= bytes_max || tokens.records.len() >= rows_max || tokens.fields.len() >= GROUP_FIELDS_MAX {
                    break;
                }
                if limit == SLICE_BYTES {
                    // What the first slice held tells about the rest; growing by doubling would take twice the memory.
                    let bytes = if self.ended { self.pending.len().min(bytes_max) } else { bytes_max };
                    let slices = bytes / at;
                    let fields = (tokens.fields.len() * slices).min(GROUP_FIELDS_MAX);
                    tokens.fields.reserve_exact(fields);
                    tokens.records.reserve_exact(tokens.records.len() * slices);
                }
                limit = at + SLICE_BYTES.min(bytes_max - at);
                want = bytes_max.min(limit + AHEAD_BYTES).max(want);
            } else if self.ended || (want >= bytes_max && !tokens.records.is_empty()) {
                break;
            } else {
                let twice = self.pending.len().max(want) * 2;
                want = if want < bytes_max { twice.min(bytes_max) } else { twice };
            }
        }
        let Some(last) = tokens.records.last() else { return Ok(None) };
        let rest = self.pending.split_off(last.end as usize);
        let bytes = std::mem::replace(&mut self.pending, rest);
        Ok(Some(Chunk { bytes, tokens, shapes: None }))
    }

    /// Whether all of the source has been read, though perhaps not given out.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// What follows the last record, once [`Self::next`] gave `None`.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.pending
    }

    /// The number of bytes read and their digest.
    pub(crate) fn finish(self) -> (u64, [u8; 32]) {
        (self.bytes, self.hash.finalize().into())
    }

    /// Reads until `want` bytes are pending or the source ends.
    fn fill(&mut self, want: usize) -> Result<()> {
        if !self.ended && self.pending.len() < want {
            let start = self.pending.len();
            self.pending.reserve_exact(want - start);
            let read = (&mut self.source).take((want - start) as u64).read_to_end(&mut self.pending)?;
            self.hash.update(&self.pending[start..]);
            self.bytes += read as u64;
            self.ended = self.pending.len() < want;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{BlankLine, Dialect, reference};

    /// Gives out a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            let bytes = self.1.min(to.len());
            self.0.read(&mut to[..bytes])
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Lines of up to a few slices; the first bytes are skipped.
        #[test]
        fn chunks_are_the_source(
            lines in prop::collection::vec("[a,\"\n]{0,30}|[a,]{0,100}", 0..40),
            skip in 0..4_usize,
            piece in 1..100_usize,
            bytes_max in 1..300_usize,
            rows_max in 1..30_usize,
        ) {
            let source = lines.join("\n").into_bytes();
            let mut chunks = Chunks::new(Trickle(&source, piece), Scanner::new(Dialect::default(), BlankLine::Gap));
            chunks.skip(skip).unwrap();
            let skip = skip.min(source.len());
            let expected = reference::scan(&source[skip..], Dialect::default(), BlankLine::Gap);
            let (mut at, mut records, mut multiline) = (skip, 0, 0);
            while let Some(chunk) = chunks.next(bytes_max, rows_max).unwrap() {
                prop_assert!(chunk.records() > 0);
                prop_assert!((chunk.tokens.records[chunk.records() - 1].start as usize) < bytes_max);
                prop_assert!(chunk.records() < rows_max + SLICE_BYTES);
                prop_assert_eq!(&chunk.bytes, &source[at..at + chunk.bytes.len()]);
                for record in 0..chunk.records() {
                    let fields = chunk.tokens.record_fields(record).iter();
                    let same = expected.record_fields(records).iter();
                    prop_assert!(fields.map(|f| f.of(&chunk.bytes)).eq(same.map(|f| f.of(&source[skip..]))));
                    prop_assert_eq!(at + chunk.tokens.records[record].end as usize, skip + expected.records[records].end as usize);
                    records += 1;
                }
                multiline += chunk.tokens.multiline;
                at += chunk.bytes.len();
            }
            prop_assert_eq!((records, multiline), (expected.records.len(), expected.multiline));
            prop_assert_eq!(chunks.tail(), &source[at..]);
            prop_assert!(chunks.ended());
            prop_assert_eq!(chunks.finish(), (source.len() as u64, Sha256::digest(&source).into()));
        }
    }
}
