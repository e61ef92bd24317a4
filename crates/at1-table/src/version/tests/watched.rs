//! A folder whose reads are counted.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use at1_codec::ReadAt;

use crate::store::{Entry, Guard, LocalStore, Spool, Staged, Store};

/// What was asked of a store.
#[derive(Debug, Default)]
pub(super) struct Counts {
    opened: AtomicU64,
    reads: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    /// Files opened, reads, bytes read since the last question.
    pub(super) fn take(&self) -> [u64; 3] {
        [&self.opened, &self.reads, &self.bytes].map(|count| count.swap(0, Ordering::Relaxed))
    }
}

/// A store that counts what is read of it.
#[derive(Debug)]
pub(super) struct Watched {
    inner: LocalStore,
    counts: Arc<Counts>,
}

impl Watched {
    pub(super) fn over(folder: &Path) -> (Arc<dyn Store>, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        (Arc::new(Self { inner: LocalStore::new(folder), counts: Arc::clone(&counts) }), counts)
    }
}

struct File {
    inner: Arc<dyn ReadAt>,
    counts: Arc<Counts>,
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.counts.reads.fetch_add(1, Ordering::Relaxed);
        self.counts.bytes.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.inner.read_exact_at(buffer, offset)
    }
}

impl Store for Watched {
    fn place(&self) -> &str {
        self.inner.place()
    }
    fn local_folder(&self) -> Option<&Path> {
        self.inner.local_folder()
    }
    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        self.counts.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(File { inner: self.inner.open(path)?, counts: Arc::clone(&self.counts) }))
    }
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.inner.list(folder)
    }
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.inner.make_folder(folder)
    }
    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.inner.create(path, bytes)
    }
    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        self.inner.stage()
    }
    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        self.inner.spool()
    }
    fn sweep_staging(&self) -> io::Result<usize> {
        self.inner.sweep_staging()
    }
    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        self.inner.link(staged, path)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.inner.remove(path)
    }
    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_at(path, offset, bytes)
    }
    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.inner.truncate(path, bytes)
    }
    fn sync(&self, path: &str) -> io::Result<()> {
        self.inner.sync(path)
    }
    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.inner.sync_folder(folder)
    }
    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        self.inner.lock()
    }
}
