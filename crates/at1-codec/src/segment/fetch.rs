//! Reading the pages that are wanted of a row group: few large reads, each block once.
//!
//! * Blocks that are wanted and lie near each other, whatever column they are of, are one read of at most [`READ_BYTES_MAX`].
//! * A read is made when the first of its pages is asked for, and forgotten when all were given out: memory is one read per
//!   column, or the row group if that is less.
//! * What was not foreseen is read block by block.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;

use super::digest::Verified;
use crate::Result;

/// The largest read.
const READ_BYTES_MAX: u64 = 1 << 20;
/// What may lie between two blocks of one read. Reading that much takes less time than asking twice.
const GAP_BYTES_MAX: u64 = 16 << 10;

/// The pages of a row group that will be read, and those that are at hand.
pub(super) struct Fetch {
    body: Verified,
    /// In the order of their places.
    reads: Vec<Mutex<Read>>,
    ends: Vec<u64>,
}

struct Read {
    place: Range<u64>,
    /// The pages that are still to be given out.
    pages: usize,
    /// What holds them, once it was read.
    bytes: Option<Bytes>,
}

impl Fetch {
    /// Foresees `pages`.
    pub(super) fn new(body: Verified, mut pages: Vec<Range<u64>>) -> Result<Self> {
        pages.sort_unstable_by_key(|page| page.start);
        let mut reads: Vec<Read> = Vec::new();
        for page in pages {
            let place = body.blocks_around(&page)?;
            match reads.last_mut() {
                // A page of the block that came last, or of one that is near.
                Some(read)
                    if place.end <= read.place.end
                        || (place.start <= read.place.end + GAP_BYTES_MAX
                            && place.end - read.place.start <= READ_BYTES_MAX) =>
                {
                    read.place.end = read.place.end.max(place.end);
                    read.pages += 1;
                }
                Some(read) if place.start < read.place.end => {
                    // Blocks hold whole pages, but for those of strangers.
                    read.place.end = place.end;
                    read.pages += 1;
                }
                _ => reads.push(Read { place, pages: 1, bytes: None }),
            }
        }
        let ends = reads.iter().map(|read| read.place.end).collect();
        Ok(Self { body, reads: reads.into_iter().map(Mutex::new).collect(), ends })
    }

    /// The bytes of a page.
    pub(super) fn page(&self, place: &Range<u64>) -> Result<Bytes> {
        let bytes = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
        let index = self.ends.partition_point(|&end| end < place.end);
        let Some(read) = self.reads.get(index) else { return self.body.read(place.start, bytes) };
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        if place.start < read.place.start || read.pages == 0 {
            return self.body.read(place.start, bytes);
        }
        let held = match read.bytes.take() {
            Some(held) => held,
            None => self.body.read_blocks(&read.place)?,
        };
        let from = usize::try_from(place.start - read.place.start).unwrap_or(usize::MAX);
        let page = held.slice(from..from + bytes);
        read.pages -= 1;
        read.bytes = Some(held).filter(|_| read.pages > 0);
        Ok(page)
    }
}
