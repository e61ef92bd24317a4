//! A source cut into stretches of whole records, small enough to hold.
//!
//! * A chunk's bytes follow the bytes of the chunk before it without a gap; only bytes after the last record of the
//!   source (blank lines) are in no chunk.
//! * Memory is bounded by the limit that the caller gives, or by one record where that is longer.

use std::{io::Read, ops::Range};

use sha2::{Digest as _, Sha256};

use crate::{
    Result,
    text::{BlankLine, Dialect, Input, Scanner, Tokens},
};

/// Whole records and where their fields lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tokens: Tokens,
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

    /// Field `field` of record `index`, quotes included, if the record has so many.
    pub(crate) fn field(&self, index: usize, field: usize) -> Option<&[u8]> {
        let span = self.tokens.record_fields(index).get(field)?;
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
const SLICE_BYTES: usize = 1 << 20;

/// Reads a source chunk by chunk.
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
    pub(crate) fn new(source: R, dialect: Dialect, blank: BlankLine) -> Self {
        Self {
            source,
            scanner: Scanner::new(dialect, blank),
            pending: Vec::new(),
            ended: false,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Takes `bytes` bytes off the front: a byte order mark, a header whose end is known.
    pub(crate) fn skip(&mut self, bytes: usize) -> Result<()> {
        self.fill(bytes)?;
        self.pending.drain(..bytes.min(self.pending.len()));
        Ok(())
    }

    /// The next records: at most about `bytes_max` bytes and `rows_max` records, at least one record.
    /// `None` once there are no more; what is left then is [`Self::tail`].
    pub(crate) fn next(&mut self, bytes_max: usize, rows_max: usize) -> Result<Option<Chunk>> {
        let mut want = bytes_max.max(1);
        let mut tokens = Tokens::default();
        let mut consumed = 0;
        loop {
            self.fill(want)?;
            let input = if self.ended { Input::End } else { Input::More };
            while consumed < bytes_max && tokens.records.len() < rows_max {
                let limit = SLICE_BYTES.min(bytes_max - consumed);
                let (fields, records) = (tokens.fields.len(), tokens.records.len());
                let more = self.scanner.scan(&self.pending[consumed..], input, limit, &mut tokens);
                shift(&mut tokens, fields, records, consumed);
                if consumed == 0 && more > 0 {
                    // What the first slice held tells about the rest; growing by doubling would take twice the memory.
                    let slices = self.pending.len().min(bytes_max) / more;
                    tokens.fields.reserve_exact(tokens.fields.len() * slices);
                    tokens.records.reserve_exact(tokens.records.len() * slices);
                }
                if tokens.records.len() == records {
                    break;
                }
                consumed = tokens.records.last().map_or(consumed, |r| r.end as usize);
                debug_assert!(more > 0, "a record was found in no bytes");
            }
            if !tokens.records.is_empty() {
                let rest = self.pending.split_off(consumed);
                let bytes = std::mem::replace(&mut self.pending, rest);
                return Ok(Some(Chunk { bytes, tokens }));
            }
            if self.ended {
                return Ok(None);
            }
            want = self.pending.len().max(want) * 2;
        }
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

/// Moves the tokens that were added last from the slice they were found in to their place in the chunk.
fn shift(tokens: &mut Tokens, fields: usize, records: usize, by: usize) {
    // A chunk is far smaller than 4 GiB: the limit of a row group or of one record.
    let by = u32::try_from(by).unwrap_or(u32::MAX);
    for span in &mut tokens.fields[fields..] {
        span.start += by;
        span.end += by;
    }
    for record in &mut tokens.records[records..] {
        record.start += by;
        record.end += by;
    }
}
