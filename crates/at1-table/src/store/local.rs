//! A table in a folder of a local disk.
//!
//! * Below the table's folder no symbolic link is followed: neither to read nor to write.
//! * The lock is the operating system's (`_at1/lock`), with one in the process before it; network file systems are refused.
//! * A staged file is locked by its writer for as long as it lives, so that sweeping removes what the dead left and nothing else.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use at1_codec::ReadAt;
use rustix::fs::{Mode, OFlags};

use super::{Entry, EntryKind, Guard, Spool, Staged, Store, held::Held, network};
use crate::paths;

/// A table's folder on a local disk.
#[derive(Debug)]
pub struct LocalStore {
    folder: PathBuf,
    place: String,
}

impl LocalStore {
    /// The store of the table in `folder`, which need not exist yet. Touches nothing.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { place: folder.display().to_string(), folder }
    }

    /// The table's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn full(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Opens `path` step by step from the table's folder, each step without following a link.
    fn open_steps(&self, path: &str, flags: OFlags) -> io::Result<File> {
        let mut steps = path.split('/').peekable();
        let mut at: OwnedFd = File::open(&self.folder)?.into();
        while let Some(step) = steps.next() {
            let last = steps.peek().is_none();
            let flags = if last { flags } else { OFlags::DIRECTORY | OFlags::RDONLY };
            // NONBLOCK: opening a fifo that someone put here must not hang.
            let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            at = rustix::fs::openat(&at, step, flags, Mode::empty()).map_err(|e| match e {
                rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => not_a_file(path),
                other => other.into(),
            })?;
        }
        Ok(at.into())
    }

    fn stage_local(&self) -> io::Result<LocalStaged> {
        loop {
            let path = format!("{}/{}", paths::STAGING, unique_name());
            let full = self.full(&path);
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&full)?;
            file.lock()?;
            // Between creating and locking a sweep may have taken the file for a dead writer's: then it has no name any more.
            if file.metadata()?.nlink() > 0 {
                return Ok(LocalStaged { file, path, full });
            }
        }
    }

    fn open_file(&self, path: &str, flags: OFlags) -> io::Result<File> {
        let file = self.open_steps(path, flags)?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file(path)) }
    }
}

fn not_a_file(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("expected a regular file, found something else at {path}"))
}

/// Makes the names in a folder durable.
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl Store for LocalStore {
    fn place(&self) -> &str {
        &self.place
    }

    fn local_folder(&self) -> Option<&Path> {
        Some(&self.folder)
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(self.open_file(path, OFlags::RDONLY)?))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut entries = vec![];
        for entry in fs::read_dir(self.full(folder))? {
            let entry = entry?;
            let found = match entry.metadata() {
                // Another process removed it after the folder told its name.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                found => found?,
            };
            let kind = match found.file_type() {
                kind if kind.is_file() => EntryKind::File,
                kind if kind.is_dir() => EntryKind::Folder,
                _ => EntryKind::Other,
            };
            let bytes = if kind == EntryKind::File { found.len() } else { 0 };
            entries.push(Entry { name: entry.file_name().to_string_lossy().into_owned(), kind, bytes });
        }
        Ok(entries)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let mut missing = vec![];
        let mut at = self.full(folder);
        while !at.as_os_str().is_empty() && !at.is_dir() {
            missing.push(at.clone());
            if !at.pop() {
                break;
            }
        }
        for folder in missing.iter().rev() {
            match fs::create_dir(folder) {
                // Another process came first; its name may not be durable yet, so it is synced here too.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                other => other?,
            }
            match folder.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => sync_names(parent)?,
                _ => sync_names(Path::new("."))?,
            }
        }
        Ok(())
    }

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        // Written under another name first: nobody ever finds half of it.
        let mut staged = self.stage_local()?;
        staged.write_all(bytes)?;
        staged.file.sync_all()?;
        fs::hard_link(&staged.full, self.full(path))
    }

    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        Ok(Box::new(self.stage_local()?))
    }

    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        let staging = self.full(paths::STAGING);
        let folder = if staging.is_dir() { staging } else { std::env::temp_dir() };
        let full = folder.join(unique_name());
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&full)?;
        match fs::remove_file(&full) {
            // A sweep came first: no name is what was wanted.
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(Box::new(file)),
        }
    }

    fn sweep_staging(&self) -> io::Result<usize> {
        let mut swept = 0;
        for entry in self.list(paths::STAGING)? {
            let path = format!("{}/{}", paths::STAGING, entry.name);
            let file = match self.open_file(&path, OFlags::RDONLY) {
                Ok(file) => file,
                // Gone meanwhile, or nothing that a writer of ours puts here.
                Err(_) => continue,
            };
            match file.try_lock() {
                Ok(()) => match fs::remove_file(self.full(&path)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                    _ => swept += 1,
                },
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(e),
            }
        }
        Ok(swept)
    }

    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        fs::hard_link(self.full(staged.path()), self.full(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.full(from), self.full(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.full(path))
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.open_file(path, OFlags::WRONLY)?.write_all_at(bytes, offset)
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.open_file(path, OFlags::WRONLY)?.set_len(bytes)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.open_file(path, OFlags::WRONLY)?.sync_all()
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        sync_names(&self.full(folder))
    }

    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        let folder = self.folder.canonicalize()?;
        network::refuse(&File::open(&folder)?, &folder)?;
        let held = Held::wait(&folder);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(folder.join(paths::LOCK))?;
        file.lock()?;
        Ok(Box::new(LocalGuard { _file: file, _held: held }))
    }
}

/// The file's lock goes before the one in the process: fields are dropped in this order.
struct LocalGuard {
    _file: File,
    _held: Held,
}

impl Guard for LocalGuard {}

struct LocalStaged {
    file: File,
    path: String,
    full: PathBuf,
}

impl Write for LocalStaged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Who writes through layers that know no files cannot say which one it was.
        self.file.write(bytes).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", self.path)))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Staged for LocalStaged {
    fn path(&self) -> &str {
        &self.path
    }

    fn reader(&self) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(self.file.try_clone()?))
    }

    fn seal(&mut self) -> io::Result<()> {
        self.file.set_permissions(fs::Permissions::from_mode(0o444))?;
        self.file.sync_all()
    }
}

impl Drop for LocalStaged {
    fn drop(&mut self) {
        // What stays behind is swept by the next writer.
        let _ = fs::remove_file(&self.full);
    }
}

/// A name that no other staged file has: the process, a counter, and 64 random bits against a recycled process number.
fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 8];
    // Without a random source the name is still unique among living processes.
    let _ = getrandom::fill(&mut random);
    format!("{}-{}-{:016x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed), u64::from_le_bytes(random))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::ErrorKind, os::unix::fs::symlink};

    use super::*;

    fn store() -> (tempfile::TempDir, LocalStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::new(folder.path().join("deep/table"));
        for folder in [paths::STAGING, paths::SEGMENTS] {
            store.make_folder(folder).unwrap();
        }
        (folder, store)
    }

    #[test]
    fn staged_files_are_linked_once_and_read_only() {
        let (_keep, store) = store();
        let mut staged = store.stage().unwrap();
        staged.write_all(b"bytes").unwrap();
        staged.seal().unwrap();
        store.link(&*staged, "segments/a").unwrap();
        assert_eq!(store.link(&*staged, "segments/a").unwrap_err().kind(), ErrorKind::AlreadyExists);
        drop(staged);
        assert_eq!(crate::store::read_whole(&store, "segments/a").unwrap(), b"bytes");
        assert!(store.list(paths::STAGING).unwrap().is_empty());
        assert!(fs::metadata(store.full("segments/a")).unwrap().permissions().readonly());
    }

    #[test]
    fn sweeping_spares_the_living() {
        let (_keep, store) = store();
        let living = store.stage().unwrap();
        fs::write(store.full("_at1/staging/left-by-the-dead"), "x").unwrap();
        assert_eq!(store.sweep_staging().unwrap(), 1);
        assert_eq!(store.list(paths::STAGING).unwrap().len(), 1);
        drop(living);
        assert!(store.list(paths::STAGING).unwrap().is_empty());
    }

    #[test]
    fn sweeping_beside_writers_that_come_and_go_is_no_failure() {
        let (_keep, store) = store();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..3_000).for_each(|_| drop(store.stage().unwrap())));
            while !writer.is_finished() {
                // It may take a file that is made but not locked yet; the writer notices and makes another.
                store.sweep_staging().unwrap();
            }
        });
    }

    #[test]
    fn links_are_not_followed() {
        let (keep, store) = store();
        fs::write(keep.path().join("secret"), "x").unwrap();
        symlink(keep.path().join("secret"), store.full("segments/link")).unwrap();
        symlink(keep.path(), store.full("aside")).unwrap();
        for path in ["segments/link", "aside/secret", "segments"] {
            assert_eq!(store.open(path).err().map(|e| e.kind()), Some(ErrorKind::InvalidData), "{path}");
        }
        assert_eq!(store.open("segments/none").err().map(|e| e.kind()), Some(ErrorKind::NotFound));
    }

    #[test]
    fn spools_have_no_name() {
        use std::io::{Read, Seek};
        let (_keep, store) = store();
        let mut spool = store.spool().unwrap();
        spool.write_all(b"abc").unwrap();
        assert!(store.list(paths::STAGING).unwrap().is_empty());
        spool.rewind().unwrap();
        let mut back = vec![];
        spool.read_to_end(&mut back).unwrap();
        assert_eq!(back, b"abc");
    }

    #[test]
    fn the_lock_excludes_other_handles() {
        let (_keep, store) = store();
        let other = LocalStore::new(store.folder());
        let guard = store.lock().unwrap();
        let waiting = std::thread::spawn(move || drop(other.lock().unwrap()));
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!waiting.is_finished());
        drop(guard);
        waiting.join().unwrap();
    }
}
