//! Blocks of a segment and their digests: written beside the bytes, checked before the bytes are parsed.
//!
//! * Blocks tile the file from its first byte to the digest table; none is empty.
//! * [`Verified`] gives out no byte whose block did not match; it is the only way this crate reads a segment's body.
//! * Where nobody vouches for a segment, no page is given to the Parquet crate before [`Pages`] checked its column chunk.
//! * A block that failed once fails again: nothing is remembered but bytes that held.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    ops::Range,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use sha2::{Digest as _, Sha256};

use super::{
    layout::{BLOCK_BYTES_MIN, array, hex},
    pages::Pages,
};
use crate::{Error, ReadAt, Result};

/// A sink that hashes what passes: the whole file, and block by block up to the digest table.
pub(super) struct BlockSink<W> {
    out: W,
    whole: Sha256,
    block: Sha256,
    block_bytes: u32,
    at: u64,
    /// Where blocks end, ascending, for what is still to come.
    cuts: VecDeque<u64>,
    table: Vec<u8>,
    blocks: u32,
    /// What the Parquet writer writes at its end, kept back so that the digest table can go before the footer.
    held: Option<Vec<u8>>,
}

impl<W: Write> BlockSink<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            whole: Sha256::new(),
            block: Sha256::new(),
            block_bytes: 0,
            at: 0,
            cuts: VecDeque::new(),
            table: vec![0; 4],
            blocks: 0,
            held: None,
        }
    }

    /// Plans blocks for the pieces that come next, from absolute offset `from` on: whole pieces, each block at least
    /// [`BLOCK_BYTES_MIN`] long but the last.
    pub(super) fn plan(&mut self, from: u64, pieces: impl IntoIterator<Item = u64>) {
        let (mut at, mut start) = (from, from);
        for piece in pieces {
            at += piece;
            if at - start >= BLOCK_BYTES_MIN as u64 {
                self.cuts.push_back(at);
                start = at;
            }
        }
        if at > start {
            self.cuts.push_back(at);
        }
    }

    /// Plans blocks for column chunks that come next, each given by its pieces: its own blocks for each, but one block for
    /// several neighbours that are shorter than [`BLOCK_BYTES_MIN`], until it is that long.
    pub(super) fn plan_chunks(&mut self, from: u64, chunks: &[Vec<u64>]) {
        let (mut at, mut small) = (from, 0);
        for pieces in chunks {
            let bytes: u64 = pieces.iter().sum();
            if bytes >= BLOCK_BYTES_MIN as u64 {
                self.plan(at - small, [small]);
                self.plan(at, pieces.iter().copied());
                small = 0;
            } else {
                small += bytes;
            }
            at += bytes;
            if small >= BLOCK_BYTES_MIN as u64 {
                self.plan(at - small, [small]);
                small = 0;
            }
        }
        self.plan(at - small, [small]);
    }

    /// Keeps back all that is written from now on.
    pub(super) fn hold(&mut self) {
        self.held = Some(Vec::new());
    }

    /// What was kept back; writing goes on as usual.
    pub(super) fn release(&mut self) -> Vec<u8> {
        self.held.take().unwrap_or_default()
    }

    /// Ends the last block and gives the digest table.
    pub(super) fn finish_blocks(&mut self) -> Vec<u8> {
        self.end_block();
        let mut table = std::mem::take(&mut self.table);
        table[..4].copy_from_slice(&self.blocks.to_le_bytes());
        table
    }

    /// Writes bytes that belong to no block, such as the digest table itself.
    pub(super) fn write_unblocked(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.whole.update(bytes);
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// The sink, the number of bytes written, and the digest of them all.
    pub(super) fn finish(mut self) -> io::Result<(W, u64, [u8; 32])> {
        self.out.flush()?;
        Ok((self.out, self.at, self.whole.finalize().into()))
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    fn end_block(&mut self) {
        if self.block_bytes > 0 {
            self.table.extend_from_slice(&self.block_bytes.to_le_bytes());
            self.table.extend_from_slice(&self.block.finalize_reset());
            self.blocks += 1;
            self.block_bytes = 0;
        }
    }
}

impl<W: Write> Write for BlockSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(held) = &mut self.held {
            held.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        while self.cuts.front().is_some_and(|&cut| cut <= self.at) {
            self.cuts.pop_front();
        }
        // Without a plan, bytes join the block that is open; a gigabyte is far below what its length can hold.
        let room = self.cuts.front().map_or(1 << 30, |cut| cut - self.at).min((1 << 30) - u64::from(self.block_bytes));
        let take = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let written = self.out.write(&bytes[..take])?;
        self.whole.update(&bytes[..written]);
        self.block.update(&bytes[..written]);
        self.block_bytes += u32::try_from(written).unwrap_or(u32::MAX);
        self.at += written as u64;
        if self.cuts.front() == Some(&self.at) || self.block_bytes >= 1 << 30 {
            self.end_block();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One block: where it ends, and what its bytes hash to.
struct Block {
    end: u64,
    digest: [u8; 32],
}

/// How many bytes of checked blocks are remembered, so that neighbouring pages of a block are read and hashed once.
const REMEMBERED_BYTES_MAX: usize = 16 << 20;

/// The body of a segment: gives only bytes whose digest held, and counts what it reads.
///
/// Clones share the count and what is remembered.
#[derive(Clone)]
pub struct Verified(Arc<Shared>);

struct Shared {
    reader: Arc<dyn ReadAt>,
    size: u64,
    /// What was read of the file's end when it was opened.
    tail: Bytes,
    blocks: Vec<Block>,
    read: AtomicU64,
    reads: AtomicU64,
    remembered: Mutex<Remembered>,
    /// What checks pages, where nobody vouches for them.
    pages: OnceLock<Pages>,
    /// The error that was last given to the Parquet layer, for [`Verified::explain`].
    failed: Mutex<Option<Error>>,
}

#[derive(Default)]
struct Remembered {
    blocks: VecDeque<(usize, Bytes)>,
    bytes: usize,
}

impl Verified {
    /// A body of `end` bytes that `table` describes; so many bytes were `read` with so many reads before, `tail` among them.
    pub(super) fn new(
        reader: Arc<dyn ReadAt>,
        size: u64,
        tail: Bytes,
        end: u64,
        table: &[u8],
        (read, reads): (u64, u64),
    ) -> Result<Self> {
        let broken = |found: String| Error::corrupt("digest table", format!("blocks that tile {end} bytes"), found);
        let (count, entries) = table.split_at_checked(4).ok_or_else(|| broken("no count".into()))?;
        let count = u32::from_le_bytes(array(count)) as usize;
        if entries.len() % 36 != 0 || entries.len() / 36 != count {
            return Err(broken(format!("{count} blocks in {} bytes", entries.len())));
        }
        let mut at = 0;
        let mut blocks = Vec::with_capacity(entries.len() / 36);
        for entry in entries.chunks_exact(36) {
            let (bytes, digest) = entry.split_at(4);
            let bytes = u32::from_le_bytes(array(bytes));
            if bytes == 0 {
                return Err(broken(format!("an empty block at {at}")));
            }
            at += u64::from(bytes);
            blocks.push(Block { end: at, digest: array(digest) });
        }
        if at != end {
            return Err(broken(format!("blocks that tile {at} bytes")));
        }
        let (read, reads) = (AtomicU64::new(read), AtomicU64::new(reads));
        let (remembered, failed) = (Mutex::default(), Mutex::default());
        let pages = OnceLock::new();
        Ok(Self(Arc::new(Shared { reader, size, tail, blocks, read, reads, remembered, pages, failed })))
    }

    /// The bytes at these places, as [`Segment::read_file`](super::Segment::read_file) gives them; `footer_at` is where the footer begins.
    pub(super) fn read_places(&self, places: &[Range<u64>], footer_at: u64) -> Result<Vec<Bytes>> {
        let body_end = self.0.blocks.last().map_or(0, |block| block.end);
        let mut wanted = Vec::new();
        for place in places {
            if place.start > place.end || place.end > self.0.size {
                return Err(outside(place.end));
            }
            if place.start < place.end.min(body_end) {
                wanted.push(self.block_at(place.start)?..self.block_at(place.end.min(body_end) - 1)? + 1);
            }
        }
        let runs = self.read_runs(wanted)?;
        // Behind the body lies the digest table, which is what the blocks say, and the footer, which was kept since it was checked.
        let behind = places.iter().any(|place| place.end > body_end).then(|| self.behind_body(footer_at));
        let part = |place: &Range<u64>| -> Result<Bytes> {
            let in_body = place.start..place.end.min(body_end);
            let behind_body = place.start.max(body_end)..place.end;
            let slice = |bytes: &Bytes, at: u64, place: &Range<u64>| -> Result<Bytes> {
                let (from, to) = (usize::try_from(place.start - at), usize::try_from(place.end - at));
                let (from, to) = from.ok().zip(to.ok()).ok_or_else(|| outside(place.end))?;
                Ok(bytes.slice(from..to))
            };
            let pages = if in_body.is_empty() {
                Bytes::new()
            } else {
                let run = runs.partition_point(|(at, _)| *at <= in_body.start) - 1;
                slice(&runs[run].1, runs[run].0, &in_body)?
            };
            let rest = match &behind {
                Some(behind) if !behind_body.is_empty() => slice(behind, body_end, &behind_body)?,
                _ => Bytes::new(),
            };
            Ok(match (pages.is_empty(), rest.is_empty()) {
                (_, true) => pages,
                (true, false) => rest,
                (false, false) => [pages, rest].concat().into(),
            })
        };
        places.iter().map(part).collect()
    }

    /// Reads and checks blocks: neighbours with one read of the storage, each once. Gives where each read begins, ascending.
    fn read_runs(&self, mut wanted: Vec<Range<usize>>) -> Result<Vec<(u64, Bytes)>> {
        wanted.sort_unstable_by_key(|blocks| blocks.start);
        let mut runs: Vec<Range<usize>> = Vec::new();
        for blocks in wanted {
            match runs.last_mut().filter(|run| blocks.start <= run.end) {
                Some(run) => run.end = run.end.max(blocks.end),
                None => runs.push(blocks),
            }
        }
        let read = |run: Range<usize>| {
            let start = self.block_start(run.start);
            let bytes = self.read_storage(&(start..self.0.blocks[run.end - 1].end))?;
            let mut rest = bytes.clone();
            for index in run {
                let length = usize::try_from(self.0.blocks[index].end - self.block_start(index)).unwrap_or(usize::MAX);
                self.check(index, &rest.split_to(length))?;
            }
            Ok((start, bytes))
        };
        runs.into_iter().map(read).collect()
    }

    /// What follows the body, to the end of the file.
    fn behind_body(&self, footer_at: u64) -> Bytes {
        let mut bytes = u32::try_from(self.0.blocks.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        for (index, block) in self.0.blocks.iter().enumerate() {
            let length = u32::try_from(block.end - self.block_start(index)).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&block.digest);
        }
        let tail = &self.0.tail;
        let footer = usize::try_from(self.0.size - footer_at).unwrap_or(tail.len()).min(tail.len());
        bytes.extend_from_slice(&tail[tail.len() - footer..]);
        bytes.into()
    }

    /// From now on the Parquet crate gets no page that `pages` has not checked, and nothing but pages.
    pub(super) fn check_pages(&self, pages: Pages) {
        // A body is opened once, so nothing was set before.
        let _ = self.0.pages.set(pages);
    }

    /// Whether a digest from elsewhere binds all of this.
    pub(super) fn is_vouched_for(&self) -> bool {
        self.0.pages.get().is_none()
    }

    /// Lets the Parquet crate have `bytes` bytes from `start` on, if somebody vouches for them or they were checked.
    pub(super) fn admit(&self, start: u64, bytes: usize) -> Result<()> {
        let Some(pages) = self.0.pages.get() else { return Ok(()) };
        pages.admit(self, start, bytes)
    }

    /// The place of the blocks that hold `place`.
    pub(super) fn blocks_around(&self, place: &Range<u64>) -> Result<Range<u64>> {
        let (first, last) = (self.block_at(place.start)?, self.block_at(place.end.max(place.start + 1) - 1)?);
        Ok(self.block_start(first)..self.0.blocks[last].end)
    }

    /// Reads and checks whole blocks, all with one read of the storage but for what is remembered.
    pub(super) fn read_blocks(&self, place: &Range<u64>) -> Result<Bytes> {
        let blocks = self.block_at(place.start)?..self.block_at(place.end - 1)? + 1;
        if blocks.len() == 1 {
            return self.block(blocks.start);
        }
        let bytes = self.read_storage(place)?;
        for index in blocks {
            let start = self.block_start(index);
            let (from, to) = (start - place.start, self.0.blocks[index].end - place.start);
            let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(usize::MAX));
            let block = bytes.slice(from..to);
            self.check(index, &block)?;
            self.remember(index, block);
        }
        Ok(bytes)
    }

    /// Reads on from `start`, unchecked but for the digests.
    pub(super) fn reading(&self, start: u64) -> VerifiedRead {
        VerifiedRead { body: self.clone(), at: start, block: Bytes::new() }
    }

    /// All bytes read so far, those outside the body included.
    pub fn bytes_read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// How often the storage was asked so far, for all of these.
    pub fn reads(&self) -> u64 {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// The error behind an error of the Arrow layer, which keeps no more than its text: if reading failed or a block did not
    /// match its digest, it is that. It stays: threads that read at once may fail of the same.
    pub fn explain(&self, e: ArrowError) -> Error {
        let failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map_or_else(|| e.into(), Error::twin)
    }

    /// Keeps an error that goes through the Parquet layer.
    pub(super) fn noted(&self, e: Error) -> Error {
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.twin());
        e
    }

    /// Reads and checks `bytes` bytes from `start` on.
    ///
    /// # Errors
    /// Where a block's bytes are not what they were, where the place lies outside the body, or where storage fails.
    pub fn read(&self, start: u64, bytes: usize) -> Result<Bytes> {
        if bytes == 0 {
            return Ok(Bytes::new());
        }
        let end = start.saturating_add(bytes as u64);
        let first = self.block_at(start)?;
        let last = self.block_at(end - 1)?;
        let first_start = self.block_start(first);
        let skip = usize::try_from(start - first_start).map_err(|_| outside(start))?;
        if first == last {
            return Ok(self.block(first)?.slice(skip..skip + bytes));
        }
        let mut joined = Vec::with_capacity(bytes);
        for index in first..=last {
            let block = self.block(index)?;
            let from = if index == first { skip } else { 0 };
            let take = (bytes - joined.len()).min(block.len() - from);
            joined.extend_from_slice(&block[from..from + take]);
        }
        Ok(joined.into())
    }

    fn block_at(&self, place: u64) -> Result<usize> {
        let index = self.0.blocks.partition_point(|b| b.end <= place);
        if index < self.0.blocks.len() { Ok(index) } else { Err(outside(place)) }
    }

    fn block_start(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |before| self.0.blocks[before].end)
    }

    fn block(&self, index: usize) -> Result<Bytes> {
        let remembered = self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = remembered.blocks.iter().find(|(i, _)| *i == index) {
            return Ok(bytes.clone());
        }
        drop(remembered);
        let bytes = self.read_storage(&(self.block_start(index)..self.0.blocks[index].end))?;
        self.check(index, &bytes)?;
        self.remember(index, bytes.clone());
        Ok(bytes)
    }

    /// Bytes that nobody checked.
    fn read_storage(&self, place: &Range<u64>) -> Result<Bytes> {
        let tail = &self.0.tail;
        let tail_at = self.0.size - tail.len() as u64;
        if place.end > self.0.size {
            return Err(outside(place.end));
        }
        let size = usize::try_from(place.end - place.start).map_err(|_| outside(place.start))?;
        if let Some(from) = place.start.checked_sub(tail_at) {
            let from = usize::try_from(from).map_err(|_| outside(place.start))?;
            return Ok(tail.slice(from..from + size));
        }
        let mut bytes = vec![0; size];
        // What opening read is not read again.
        let wanted = usize::try_from(place.end.min(tail_at) - place.start).map_err(|_| outside(place.start))?;
        let read = self.0.reader.read_exact_at(&mut bytes[..wanted], place.start);
        read.map_err(|e| Error::from(e).within(&format!("bytes {}..{}", place.start, place.end)))?;
        bytes[wanted..].copy_from_slice(&tail[..size - wanted]);
        self.0.read.fetch_add(wanted as u64, Ordering::Relaxed);
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        Ok(bytes.into())
    }

    fn check(&self, index: usize, bytes: &Bytes) -> Result<()> {
        let block = &self.0.blocks[index];
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        if digest == block.digest {
            return Ok(());
        }
        let place = format!("bytes {}..{}", self.block_start(index), block.end);
        let (expected, found) = (hex(&block.digest), hex(&digest));
        Err(Error::corrupt(place, format!("sha256 {expected}"), format!("sha256 {found}")))
    }

    fn remember(&self, index: usize, bytes: Bytes) {
        let mut remembered = self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.bytes += bytes.len();
        remembered.blocks.push_back((index, bytes));
        while remembered.bytes > REMEMBERED_BYTES_MAX && remembered.blocks.len() > 1 {
            let forgotten = remembered.blocks.pop_front().map_or(0, |(_, b)| b.len());
            remembered.bytes -= forgotten;
        }
    }
}

fn outside(place: u64) -> Error {
    Error::corrupt(format!("byte {place}"), "a place inside the segment's body", "one outside it")
}

/// Our error, carried through the Parquet layer.
pub(super) fn carried(e: Error) -> ParquetError {
    ParquetError::External(Box::new(e))
}

impl Length for Verified {
    fn len(&self) -> u64 {
        self.0.size
    }
}

impl ChunkReader for Verified {
    type T = VerifiedRead;

    fn get_read(&self, start: u64) -> parquet::errors::Result<VerifiedRead> {
        self.admit(start, 0).map_err(|e| carried(self.noted(e)))?;
        Ok(self.reading(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.admit(start, length).map_err(|e| carried(self.noted(e)))?;
        self.read(start, length).map_err(|e| carried(self.noted(e)))
    }
}

/// Reads on from a place, block by block.
pub struct VerifiedRead {
    body: Verified,
    at: u64,
    block: Bytes,
}

impl Read for VerifiedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            let Ok(index) = self.body.block_at(self.at) else { return Ok(0) };
            let start = self.body.block_start(index);
            let skip = usize::try_from(self.at - start).map_err(io::Error::other)?;
            self.block = self.body.block(index).map_err(|e| io::Error::other(self.body.noted(e)))?.slice(skip..);
        }
        let take = buffer.len().min(self.block.len());
        buffer[..take].copy_from_slice(&self.block.split_to(take));
        self.at += take as u64;
        Ok(take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chunks: &[&[u64]], cuts: &[u64]) {
        let mut sink = BlockSink::new(io::sink());
        sink.plan_chunks(4, &chunks.iter().map(|pieces| pieces.to_vec()).collect::<Vec<_>>());
        assert_eq!(sink.cuts, cuts, "{chunks:?}");
    }

    #[test]
    fn small_chunks_share_a_block_and_large_ones_never_do() {
        const LARGE: u64 = BLOCK_BYTES_MIN as u64;
        check(&[], &[]);
        check(&[&[1], &[2, 3], &[4]], &[14]);
        check(&[&[1], &[LARGE, 2], &[3]], &[5, LARGE + 5, LARGE + 7, LARGE + 10]);
        check(&[&[LARGE - 1], &[LARGE - 1], &[1]], &[2 * LARGE + 2, 2 * LARGE + 3]);
    }
}
