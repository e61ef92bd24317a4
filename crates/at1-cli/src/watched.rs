//! The table's storage with a person in front of it: bytes are counted for the progress line, and Ctrl-C ends the work.
//!
//! * Only reads and staged writes can be interrupted. The steps of a commit are passed on untouched, so an append that has begun to
//!   commit is finished.
//! * Whoever is interrupted gets an error, drops its staged file, and so removes it.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use at1_codec::ReadAt;
use at1_table::store::{Entry, Guard, LocalStore, Spool, Staged, Store};

use crate::{interrupt, output::Voice, progress::Progress};

/// A folder on this machine, watched.
#[derive(Debug)]
pub(crate) struct Watched {
    store: LocalStore,
    progress: Progress,
}

impl Watched {
    pub(crate) fn new(folder: &Path, progress: Progress) -> Arc<Self> {
        Arc::new(Self { store: LocalStore::new(folder), progress })
    }

    /// The storage of a table that is read, with a progress line of its own.
    pub(crate) fn quietly(folder: &Path, voice: Voice, what: &str) -> Arc<Self> {
        Self::new(folder, Progress::new(voice, what))
    }
}

impl Store for Watched {
    fn place(&self) -> &str {
        self.store.place()
    }

    fn local_folder(&self) -> Option<&Path> {
        self.store.local_folder()
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        let file = self.store.open(path)?;
        Ok(Arc::new(WatchedFile { file, progress: self.progress.clone() }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.store.list(folder)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.store.make_folder(folder)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.store.create(path, bytes)
    }

    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        interrupt::check()?;
        Ok(Box::new(WatchedStaged { staged: self.store.stage()?, progress: self.progress.clone() }))
    }

    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        self.store.spool()
    }

    fn sweep_staging(&self) -> io::Result<usize> {
        self.store.sweep_staging()
    }

    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        self.store.link(staged, path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.store.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.store.remove(path)
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.store.write_at(path, offset, bytes)
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.store.truncate(path, bytes)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.store.sync(path)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.store.sync_folder(folder)
    }

    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        interrupt::check()?;
        let guard = self.store.lock()?;
        // Nothing is begun yet, and the wait may have been long.
        interrupt::check()?;
        Ok(guard)
    }
}

/// A file that is read.
pub(crate) struct WatchedFile {
    file: Arc<dyn ReadAt>,
    progress: Progress,
}

impl WatchedFile {
    /// A file beside any table: a stand-alone segment.
    pub(crate) fn open(path: &Path, progress: Progress) -> io::Result<Self> {
        Ok(Self { file: Arc::new(std::fs::File::open(path)?), progress })
    }
}

impl ReadAt for WatchedFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        interrupt::check()?;
        self.progress.add(buffer.len() as u64);
        self.file.read_exact_at(buffer, offset)
    }
}

/// A segment that is written.
struct WatchedStaged {
    staged: Box<dyn Staged>,
    progress: Progress,
}

impl Write for WatchedStaged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        interrupt::check()?;
        let written = self.staged.write(bytes)?;
        self.progress.add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}

impl Staged for WatchedStaged {
    fn path(&self) -> &str {
        self.staged.path()
    }

    fn reader(&self) -> io::Result<Arc<dyn ReadAt>> {
        let file = self.staged.reader()?;
        Ok(Arc::new(WatchedFile { file, progress: self.progress.clone() }))
    }

    fn seal(&mut self) -> io::Result<()> {
        self.staged.seal()
    }
}
