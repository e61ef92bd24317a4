//! A table's storage in memory that fails where it is told to, and that can lose what was not synced.
//!
//! * Contents and names have a volatile and a durable state each; syncing copies one to the other.
//! * Clones are handles of the same disk; [`MemStore::crash`] gives a new disk, on which nobody holds a lock or a staged file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{self, Cursor, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use at1_codec::ReadAt;
use at1_table::{
    paths,
    store::{Entry, EntryKind, Guard, Spool, Staged, Store},
};

use crate::fault::{Fault, Image, Schedule, Then};

/// A disk in memory.
#[derive(Clone, Default)]
pub struct MemStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    disk: Mutex<Disk>,
    unlocked: Condvar,
}

#[derive(Clone, Default)]
struct Disk {
    files: BTreeMap<u64, Contents>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    folders: BTreeSet<String>,
    /// Staging names whose writer lives.
    leases: BTreeSet<String>,
    next_file: u64,
    next_staged: u64,
    locked: bool,
    dead: bool,
    steps: u64,
    journal: Vec<String>,
    schedule: Option<(u64, Schedule)>,
}

#[derive(Clone, Default)]
struct Contents {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

impl MemStore {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails as scheduled, with the next step as number 0. `None` takes a schedule back.
    pub fn fail(&self, schedule: Option<Schedule>) {
        let mut disk = self.disk();
        disk.schedule = schedule.map(|schedule| (disk.steps + schedule.step, schedule));
        disk.dead = false;
    }

    /// How many steps have been taken.
    pub fn steps(&self) -> u64 {
        self.disk().steps
    }

    /// The steps taken since the `from`-th, as words: `sync _at1/ledger`.
    pub fn journal(&self, from: u64) -> Vec<String> {
        self.disk().journal.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).cloned().collect()
    }

    /// The names and contents of all files.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let disk = self.disk();
        disk.names.iter().map(|(name, file)| (name.clone(), disk.files[file].bytes.clone())).collect()
    }

    /// Puts a file there, synced, without a step: for tests that damage a table.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut disk = self.disk();
        let file = disk.new_file();
        disk.files.insert(file, Contents { bytes: bytes.to_vec(), durable: bytes.to_vec() });
        disk.names.insert(path.to_owned(), file);
        disk.durable_names.insert(path.to_owned(), file);
    }

    /// Takes a file away, without a step.
    pub fn take(&self, path: &str) {
        let mut disk = self.disk();
        disk.names.remove(path);
        disk.durable_names.remove(path);
    }

    /// The disk as it is found when the power comes back.
    pub fn crash(&self, image: Image) -> Self {
        let mut disk = self.disk().clone();
        if matches!(image, Image::Synced | Image::BytesKept) {
            disk.names = disk.durable_names.clone();
        }
        for contents in disk.files.values_mut() {
            contents.cut(image);
        }
        disk.durable_names = disk.names.clone();
        disk.leases.clear();
        disk.locked = false;
        disk.dead = false;
        disk.schedule = None;
        Self(Arc::new(Shared { disk: Mutex::new(disk), unlocked: Condvar::new() }))
    }

    /// One step: counted, written down, and failing if its time has come.
    fn step<T>(&self, what: &str, path: &str, effect: impl FnOnce(&mut Disk) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk();
        if disk.dead {
            return Err(io::Error::other("the process is dead"));
        }
        let number = disk.steps;
        disk.steps += 1;
        disk.journal.push(format!("{what} {path}"));
        let injected = || io::Error::other(format!("injected fault: {what} {path}"));
        let schedule = match disk.schedule {
            Some((at, schedule)) if at == number => schedule,
            Some((at, Schedule { then: Then::RecoversAfter(more), .. })) if at < number && number <= at + more => {
                return Err(injected());
            }
            _ => return effect(&mut disk),
        };
        if schedule.fault == Fault::AfterEffect {
            effect(&mut disk)?;
        }
        disk.dead = schedule.then == Then::Dies;
        Err(injected())
    }
}

impl Contents {
    fn cut(&mut self, image: Image) {
        // What both states share was durable before; a write in the middle of a file counts as lost from there on.
        let same = self.bytes.iter().zip(&self.durable).take_while(|(a, b)| a == b).count();
        match image {
            Image::Everything | Image::BytesKept => {}
            Image::Synced | Image::NamesKept => self.bytes = self.durable.clone(),
            Image::TailsCut => self.bytes.truncate(same + (self.bytes.len() - same) / 2),
            Image::TailsZeroed => self.bytes[same..].fill(0),
        }
        self.durable = self.bytes.clone();
    }
}

impl Disk {
    fn new_file(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file
    }

    fn file(&mut self, path: &str) -> io::Result<&mut Contents> {
        let file = self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.files.get_mut(file).expect("a name always has a file"))
    }

    fn create(&mut self, path: &str) -> io::Result<u64> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.folders.contains(folder_of(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = self.new_file();
        self.files.insert(file, Contents::default());
        self.names.insert(path.to_owned(), file);
        Ok(file)
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl fmt::Debug for MemStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemStore")
    }
}

impl Store for MemStore {
    fn place(&self) -> &str {
        "memory"
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        let file = self
            .step("open", path, |disk| disk.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into()))?;
        Ok(Arc::new(MemFile { store: self.clone(), file, path: path.to_owned() }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.step("list", folder, |disk| {
            if !disk.folders.contains(folder) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let files = disk.names.iter().filter(|(path, _)| folder_of(path) == folder).map(|(path, file)| Entry {
                name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                kind: EntryKind::File,
                bytes: disk.files[file].bytes.len() as u64,
            });
            let folders =
                disk.folders.iter().filter(|path| !path.is_empty() && folder_of(path) == folder).map(|path| Entry {
                    name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                    kind: EntryKind::Folder,
                    bytes: 0,
                });
            Ok(files.chain(folders).collect())
        })
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.step("make_folder", folder, |disk| {
            disk.folders.insert(String::new());
            for (i, _) in folder.match_indices('/') {
                disk.folders.insert(folder[..i].to_owned());
            }
            disk.folders.insert(folder.to_owned());
            Ok(())
        })
    }

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.step("create", path, |disk| {
            let file = disk.create(path)?;
            disk.files.insert(file, Contents { bytes: bytes.to_vec(), durable: bytes.to_vec() });
            Ok(())
        })
    }

    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        self.step("stage", paths::STAGING, |disk| {
            disk.next_staged += 1;
            let path = format!("{}/{}", paths::STAGING, disk.next_staged);
            let file = disk.create(&path)?;
            disk.leases.insert(path.clone());
            Ok((path, file))
        })
        .map(|(path, file)| Box::new(MemFile { store: self.clone(), file, path }.staged()) as Box<dyn Staged>)
    }

    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        self.step("spool", "", |_| Ok(Box::new(Cursor::new(vec![])) as Box<dyn Spool>))
    }

    fn sweep_staging(&self) -> io::Result<usize> {
        self.step("sweep", paths::STAGING, |disk| {
            let before = disk.names.len();
            let leases = &disk.leases;
            disk.names.retain(|path, _| folder_of(path) != paths::STAGING || leases.contains(path));
            Ok(before - disk.names.len())
        })
    }

    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        self.step("link", path, |disk| {
            let file = *disk.names.get(staged.path()).ok_or(io::ErrorKind::NotFound)?;
            if disk.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            disk.names.insert(path.to_owned(), file);
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.step("remove", path, |disk| {
            disk.names.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.step("write", path, |disk| {
            let contents = &mut disk.file(path)?.bytes;
            let start = usize::try_from(offset).expect("small files");
            if contents.len() < start + bytes.len() {
                contents.resize(start + bytes.len(), 0);
            }
            contents[start..start + bytes.len()].copy_from_slice(bytes);
            Ok(())
        })
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.step("truncate", path, |disk| {
            disk.file(path)?.bytes.resize(usize::try_from(bytes).expect("small files"), 0);
            Ok(())
        })
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.step("sync", path, |disk| {
            let contents = disk.file(path)?;
            contents.durable = contents.bytes.clone();
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.step("sync_folder", folder, |disk| {
            let here = |path: &String| folder_of(path) == folder;
            disk.durable_names.retain(|path, _| !here(path));
            let now: Vec<_> =
                disk.names.iter().filter(|(path, _)| here(path)).map(|(path, file)| (path.clone(), *file)).collect();
            disk.durable_names.extend(now);
            Ok(())
        })
    }

    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        {
            let mut disk = self.disk();
            while disk.locked {
                disk = self.0.unlocked.wait(disk).unwrap_or_else(PoisonError::into_inner);
            }
            // Taken before the step is counted, so that no other thread slips in between.
            disk.locked = true;
        }
        let guard = MemGuard(self.clone());
        self.step("lock", "", |_| Ok(()))?;
        Ok(Box::new(guard))
    }
}

struct MemGuard(MemStore);

impl Guard for MemGuard {}

impl Drop for MemGuard {
    fn drop(&mut self) {
        self.0.disk().locked = false;
        self.0.0.unlocked.notify_one();
    }
}

struct MemFile {
    store: MemStore,
    file: u64,
    path: String,
}

impl MemFile {
    fn staged(self) -> MemStaged {
        MemStaged(self)
    }

    fn with<T>(&self, what: &str, effect: impl FnOnce(&mut Contents) -> io::Result<T>) -> io::Result<T> {
        self.store.step(what, &self.path, |disk| effect(disk.files.get_mut(&self.file).expect("an open file lives")))
    }
}

impl ReadAt for MemFile {
    fn size(&self) -> io::Result<u64> {
        self.with("size", |contents| Ok(contents.bytes.len() as u64))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.with("read", |contents| contents.bytes.read_exact_at(buffer, offset))
    }
}

struct MemStaged(MemFile);

impl Write for MemStaged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.with("write", |contents| {
            contents.bytes.extend_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staged for MemStaged {
    fn path(&self) -> &str {
        &self.0.path
    }

    fn reader(&self) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(MemFile { store: self.0.store.clone(), file: self.0.file, path: self.0.path.clone() }))
    }

    fn seal(&mut self) -> io::Result<()> {
        self.0.with("seal", |contents| {
            contents.durable = contents.bytes.clone();
            Ok(())
        })
    }
}

impl Drop for MemStaged {
    fn drop(&mut self) {
        let path = self.0.path.clone();
        let _ = self.0.store.step("unstage", &path, |disk| {
            disk.leases.remove(&path);
            disk.names.remove(&path);
            Ok(())
        });
    }
}
