//! A store with somebody in front of it: bytes are counted, and the work can be ended.
//!
//! * Only reads, of sources too, and staged writes can be ended. The steps of a commit are passed on untouched, so an append that has begun to
//!   commit is finished.
//! * Whoever is ended gets an error, drops its staged file, and so removes it.

use std::{
    fmt,
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use at1_codec::ReadAt;

use super::{Entry, Guard, LocalStore, Spool, Staged, Store};

/// Who looks on.
///
/// ```
/// use std::{io, sync::{Arc, atomic::{AtomicU64, Ordering}}};
/// use at1_table::{CreateOptions, Table, store::{LocalStore, Watch, Watched}};
///
/// #[derive(Debug, Default)]
/// struct Meter(AtomicU64);
///
/// impl Watch for Meter {
///     fn check(&self) -> io::Result<()> {
///         Ok(()) // or an error, and whatever is going on ends
///     }
///
///     fn moved(&self, bytes: u64) {
///         self.0.fetch_add(bytes, Ordering::Relaxed);
///     }
/// }
///
/// let folder = tempfile::tempdir()?;
/// let meter = Arc::new(Meter::default());
/// let store = Watched::new(LocalStore::new(folder.path().join("trades")), Arc::clone(&meter));
/// let table = Table::create_in(Arc::new(store), &CreateOptions::default())?;
/// table.snapshot()?;
/// assert!(meter.0.load(Ordering::Relaxed) > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Watch: fmt::Debug + Send + Sync {
    /// Asked before every read, of a batch's source too, and every staged write: may the work go on?
    ///
    /// # Errors
    /// If it is to end.
    fn check(&self) -> io::Result<()>;

    /// So many bytes were read or staged.
    fn moved(&self, bytes: u64);
}

/// A folder on this machine, watched.
#[derive(Debug)]
pub struct Watched<W> {
    store: LocalStore,
    watch: Arc<W>,
}

impl<W: Watch> Watched<W> {
    /// The store, watched by `watch`.
    pub fn new(store: LocalStore, watch: Arc<W>) -> Self {
        Self { store, watch }
    }
}

impl<W: Watch + 'static> Store for Watched<W> {
    fn place(&self) -> &str {
        self.store.place()
    }

    fn local_folder(&self) -> Option<&Path> {
        self.store.local_folder()
    }

    fn check(&self) -> io::Result<()> {
        self.watch.check()
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        let file = self.store.open(path)?;
        Ok(Arc::new(WatchedFile { file, watch: Arc::clone(&self.watch) }))
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
        self.watch.check()?;
        Ok(Box::new(WatchedStaged { staged: self.store.stage()?, watch: Arc::clone(&self.watch) }))
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
        self.watch.check()?;
        let guard = self.store.lock()?;
        // Nothing is begun yet, and the wait may have been long.
        self.watch.check()?;
        Ok(guard)
    }
}

/// A file that is read.
pub struct WatchedFile<W> {
    file: Arc<dyn ReadAt>,
    watch: Arc<W>,
}

impl<W: Watch> WatchedFile<W> {
    /// A file beside any table: a stand-alone segment.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn open(path: &Path, watch: Arc<W>) -> io::Result<Self> {
        Ok(Self { file: Arc::new(File::open(path)?), watch })
    }
}

impl<W: Watch> ReadAt for WatchedFile<W> {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.watch.check()?;
        self.watch.moved(buffer.len() as u64);
        self.file.read_exact_at(buffer, offset)
    }
}

/// A segment that is written.
struct WatchedStaged<W> {
    staged: Box<dyn Staged>,
    watch: Arc<W>,
}

impl<W: Watch> Write for WatchedStaged<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.watch.check()?;
        let written = self.staged.write(bytes)?;
        self.watch.moved(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}

impl<W: Watch + 'static> Staged for WatchedStaged<W> {
    fn path(&self) -> &str {
        self.staged.path()
    }

    fn reader(&self) -> io::Result<Arc<dyn ReadAt>> {
        let file = self.staged.reader()?;
        Ok(Arc::new(WatchedFile { file, watch: Arc::clone(&self.watch) }))
    }

    fn seal(&mut self) -> io::Result<()> {
        self.staged.seal()
    }
}
