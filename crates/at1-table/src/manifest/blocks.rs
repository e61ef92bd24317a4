//! Where blocks come from: memory until they are written, the store afterwards.
//!
//! * Bytes are given out only after their digest matched what the parent says; a part that nobody asks for is not read.
//! * Blocks that were used last stay, with the parts that were read: what follows one another in a table lies in one block.

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use at1_catalog::packed::Cursor;
use at1_codec::ReadAt;
use at1_ledger::Digest;

use super::block::{BlockRef, Head, Kind, Made};
use crate::{
    error::{Error, Result},
    paths,
    store::{Store, read_range, read_whole},
};

/// How many blocks stay: a path of each tree, and some leaves for those who read several places in turn. Each keeps a file open.
const KEPT: usize = 24;

/// Where the blocks of a manifest come from.
#[derive(Clone)]
pub(super) struct Blocks {
    store: Option<Arc<dyn Store>>,
    /// Blocks that may not be in the store yet.
    fresh: Arc<HashMap<Digest, Arc<Vec<u8>>>>,
    shared: Arc<Shared>,
}

/// What manifests of one table have in common: a name is always the same bytes.
#[derive(Default)]
struct Shared {
    /// The one that was used last comes first.
    kept: Mutex<VecDeque<Arc<Block>>>,
    reading: Arc<Reading>,
}

/// Reads, checks, counts.
#[derive(Default)]
struct Reading {
    bytes: AtomicU64,
}

/// A block that was opened: its head, and the parts that were read.
pub(super) struct Block {
    pub(super) reference: BlockRef,
    pub(super) head: Head,
    file: Arc<dyn ReadAt>,
    parts: Vec<OnceLock<Vec<u8>>>,
    reading: Arc<Reading>,
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks").field("store", &self.store).field("fresh", &self.fresh.len()).finish_non_exhaustive()
    }
}

/// Where a block lies.
pub(crate) fn path(sha256: Digest) -> String {
    format!("{}/{sha256}", paths::MANIFEST)
}

/// Gives a block its file, durable but for the name; says whether it did not have it.
pub(crate) fn put(store: &dyn Store, sha256: Digest, bytes: &[u8]) -> Result<bool> {
    let path = path(sha256);
    let put = match store.create(&path, bytes) {
        // Another writer made the same block, or what lies there is damaged.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match read_whole(store, &path) {
            Ok(found) if found == bytes => return Ok(false),
            _ => store.remove(&path).and_then(|()| store.create(&path, bytes)),
        },
        made => made,
    };
    put.map(|()| true).map_err(|e| Error::io(path, e))
}

impl Blocks {
    /// None but those that are made.
    pub(super) fn none() -> Self {
        Self { store: None, fresh: Arc::default(), shared: Arc::default() }
    }

    /// Those of a store.
    pub(super) fn of(store: Arc<dyn Store>) -> Self {
        Self { store: Some(store), ..Self::none() }
    }

    /// These without `dropped`, and `made`; those that are in the store by now are no longer kept in memory.
    pub(super) fn with(&self, written: bool, dropped: impl Iterator<Item = Digest>, made: Vec<Made>) -> Self {
        let mut fresh = match written && self.store.is_some() {
            true => HashMap::new(),
            false => HashMap::clone(&self.fresh),
        };
        dropped.for_each(|sha256| _ = fresh.remove(&sha256));
        fresh.extend(made.into_iter().map(|made| (made.reference.sha256, Arc::new(made.bytes))));
        Self { store: self.store.clone(), fresh: Arc::new(fresh), shared: Arc::clone(&self.shared) }
    }

    /// Blocks that may not be in the store yet.
    pub(super) fn fresh(&self) -> impl Iterator<Item = (Digest, &[u8])> {
        self.fresh.iter().map(|(sha256, bytes)| (*sha256, bytes.as_slice()))
    }

    /// Whether a block may not be in the store yet.
    pub(super) fn has_fresh(&self, sha256: Digest) -> bool {
        self.fresh.contains_key(&sha256)
    }

    /// Counts bytes that were read of a block elsewhere.
    pub(super) fn count(&self, bytes: usize) {
        self.shared.reading.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How much was read of blocks so far, by this manifest and those it came from or became.
    pub(super) fn bytes_read(&self) -> u64 {
        self.shared.reading.bytes.load(Ordering::Relaxed)
    }

    /// The block of that name, after its head matched it.
    pub(super) fn open(&self, reference: BlockRef, kind: Kind, level: u8) -> Result<Arc<Block>> {
        if let Some(block) = self.kept(reference) {
            return block.expect(kind, level);
        }
        let block = self.open_anew(reference).map_err(|e| e.within(&path(reference.sha256)))?;
        let block = Arc::new(block);
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front(Arc::clone(&block));
        kept.truncate(KEPT);
        drop(kept);
        block.expect(kind, level)
    }

    fn kept(&self, reference: BlockRef) -> Option<Arc<Block>> {
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|block| block.reference == reference)?;
        let block = kept.remove(at)?;
        kept.push_front(Arc::clone(&block));
        Some(block)
    }

    fn open_anew(&self, reference: BlockRef) -> Result<Block> {
        let file = self.file(reference.sha256)?;
        let bytes = self.shared.reading.read(&*file, 0, reference.head_bytes, reference.sha256)?;
        let head = Head::parse(&bytes)?;
        let parts = (0..head.parts()).map(|_| OnceLock::new()).collect();
        Ok(Block { reference, head, file, parts, reading: Arc::clone(&self.shared.reading) })
    }

    fn file(&self, sha256: Digest) -> Result<Arc<dyn ReadAt>> {
        if let Some(bytes) = self.fresh.get(&sha256) {
            return Ok(Arc::new(Memory(Arc::clone(bytes))));
        }
        let none = || Error::corrupt("", "a block", "none");
        match self.store.as_ref().ok_or_else(none)?.open(&path(sha256)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(none()),
            file => Ok(file?),
        }
    }
}

impl Reading {
    /// Bytes of a block that have this digest.
    fn read(&self, file: &dyn ReadAt, start: u64, bytes: u64, sha256: Digest) -> Result<Vec<u8>> {
        let end = start.saturating_add(bytes);
        let size = file.size()?;
        if end > size {
            return Err(Error::corrupt("", format!("at least {end} bytes"), size));
        }
        let bytes = read_range(file, start, end)?;
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        match Digest::of(&bytes) {
            found if found == sha256 => Ok(bytes),
            found => Err(Error::corrupt("", format!("bytes {start}..{end} with sha256 {sha256}"), found)),
        }
    }
}

impl Block {
    fn expect(self: Arc<Self>, kind: Kind, level: u8) -> Result<Arc<Self>> {
        if (self.head.kind, self.head.level) == (kind, level) {
            return Ok(self);
        }
        let found = format!("{:?} of level {}", self.head.kind, self.head.level);
        Err(self.blame(Error::corrupt("", format!("{kind:?} of level {level}"), found)))
    }

    /// One part, read and checked when it is asked for first.
    pub(super) fn part(&self, index: usize) -> Result<Cursor<'_>> {
        let (start, bytes, sha256) = self.head.part(index).map_err(|e| self.blame(e))?;
        let part = &self.parts[index];
        if let Some(bytes) = part.get() {
            return Ok(Cursor::new(bytes));
        }
        let bytes = self.reading.read(&*self.file, start, bytes.into(), sha256).map_err(|e| self.blame(e))?;
        Ok(Cursor::new(part.get_or_init(|| bytes)))
    }

    /// The same error, of this block.
    pub(super) fn blame(&self, error: impl Into<Error>) -> Error {
        error.into().within(&path(self.reference.sha256))
    }
}

/// A block that is not in the store yet.
struct Memory(Arc<Vec<u8>>);

impl ReadAt for Memory {
    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}
