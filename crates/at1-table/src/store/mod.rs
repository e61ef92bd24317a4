//! What a table needs of its storage, in small steps that can each fail.
//!
//! * Paths are relative to the table, `/`-separated, made by [`crate::paths`]; nothing outside this module touches the file system.
//! * A step is durable only when the matching `sync` has returned: file contents by [`Store::sync`] or [`Staged::seal`], names by [`Store::sync_folder`].
//! * A name, once given by [`Store::link`], is never given to other bytes without [`Store::remove`] or [`Store::rename`] first.
//! * Reading needs no write access and takes no lock.

mod held;
mod local;
mod network;
mod watched;

use std::{
    fmt,
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use at1_codec::ReadAt;

pub use local::LocalStore;
pub use watched::{Watch, Watched, WatchedFile};

/// The storage of one table.
///
/// Errors are plain [`io::Error`]s: `NotFound`, `AlreadyExists` and `PermissionDenied` mean what they say; the table adds the place.
pub trait Store: Send + Sync + fmt::Debug {
    /// How messages name the table, such as its folder.
    fn place(&self) -> &str;

    /// The folder on this machine that this is, if it is one: only to find out whether two stores lie in each other.
    fn local_folder(&self) -> Option<&Path> {
        None
    }

    /// Asked while a batch's source is read, which lies elsewhere: may the work go on?
    ///
    /// # Errors
    /// If it is to end.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }

    /// Opens a regular file to read, following no symbolic link below the table's folder.
    ///
    /// # Errors
    /// `NotFound`, or `InvalidData` if the name is a link, a folder or a device.
    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>>;

    /// What lies in a folder, in no order. Used by verification and cleaning only.
    ///
    /// # Errors
    /// `NotFound` if there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>>;

    /// Makes a folder (and the table's own); it may be there already. Its name is durable on return.
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn make_folder(&self, folder: &str) -> io::Result<()>;

    /// Writes a whole new file and syncs its contents, not its name. Nobody finds half of it under this name.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Starts a file in the staging folder. It belongs to this process until the value is dropped, which removes its staging name.
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn stage(&self) -> io::Result<Box<dyn Staged>>;

    /// A nameless file for intermediate bytes, gone when dropped.
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn spool(&self) -> io::Result<Box<dyn Spool>>;

    /// Removes staging names whose owner is dead; returns how many. Never touches a file that a living writer holds.
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn sweep_staging(&self) -> io::Result<usize>;

    /// Gives a staged file its final name.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken; nothing is overwritten.
    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()>;

    /// Gives a file another name within the table, at once: whatever stands under `to` is found there until the file is.
    ///
    /// # Errors
    /// `NotFound` if there is no such file.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Writes into an existing file; not durable before [`sync`](Store::sync).
    ///
    /// # Errors
    /// Whatever the storage reports; a part may have been written.
    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file to `bytes`; not durable before [`sync`](Store::sync).
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()>;

    /// Makes a file's contents durable.
    ///
    /// # Errors
    /// After an error nothing is known about what is durable.
    fn sync(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// After an error nothing is known about what is durable.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Waits for the table's one lock, which excludes writers in this and in other processes until the guard is dropped.
    ///
    /// # Errors
    /// `Unsupported` where the storage cannot lock, such as on a network file system.
    fn lock(&self) -> io::Result<Box<dyn Guard>>;
}

/// Holds the table's lock until dropped.
pub trait Guard: Send {}

/// A file in the staging folder, written once from the front.
pub trait Staged: Write + Send + Sync {
    /// The staging name, relative to the table.
    fn path(&self) -> &str;

    /// The bytes written so far.
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn reader(&self) -> io::Result<Arc<dyn ReadAt>>;

    /// Makes the contents durable and the file read-only.
    ///
    /// # Errors
    /// After an error nothing is known about what is durable.
    fn seal(&mut self) -> io::Result<()>;
}

/// A seekable scratch file.
pub trait Spool: Read + Write + Seek + Send {}

impl<T: Read + Write + Seek + Send> Spool for T {}

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a device, a socket: nothing a table holds.
    Other,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without the folder; invalid UTF-8 replaced.
    pub name: String,
    /// What it stands for.
    pub kind: EntryKind,
    /// How long the file is; 0 for what is no file.
    pub bytes: u64,
}

/// Whether `inner` is the folder of `outer`, or lies in it. Folders that are not there yet count by where they will be.
pub(crate) fn lies_in(inner: &dyn Store, outer: &dyn Store) -> bool {
    let (Some(inner), Some(outer)) = (inner.local_folder(), outer.local_folder()) else { return false };
    let Ok(outer) = outer.canonicalize() else { return false };
    // The nearest folder that is there stands for those that will be made in it.
    let there =
        |path: &Path| path.ancestors().find_map(|at| if at == Path::new("") { here() } else { at.canonicalize().ok() });
    there(inner).is_some_and(|inner| inner.starts_with(outer))
}

fn here() -> Option<PathBuf> {
    Path::new(".").canonicalize().ok()
}

/// A store of no table, for spools of those who only read: they lie where the system keeps temporary files.
pub(crate) fn scratch() -> LocalStore {
    // Nothing can lie below a device.
    LocalStore::new("/dev/null")
}

/// A whole file.
pub(crate) fn read_whole(store: &dyn Store, path: &str) -> io::Result<Vec<u8>> {
    let file = store.open(path)?;
    let bytes = file.size()?;
    read_range(&*file, 0, bytes)
}

/// The bytes `start..end` of an open file. The length was taken from the file itself, so it is no claim.
pub(crate) fn read_range(file: &dyn ReadAt, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(end.saturating_sub(start)).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes)
}
