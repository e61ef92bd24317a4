//! A table's storage in memory that fails where it is told to, and that can lose what was not synced.
//!
//! * Contents and names keep every effect that was not synced, so that each can be lost on its own: [`MemStore::power_cuts`].
//! * Clones are handles of the same disk; [`MemStore::crash`] gives a new disk, on which nobody holds a lock or a staged file.

mod disk;
mod images;

use std::{
    collections::BTreeMap,
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
use disk::{Change, Contents, Disk, Name};

pub use images::{PowerCut, PowerCuts};

/// A disk in memory.
#[derive(Clone, Default)]
pub struct MemStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    unlocked: Condvar,
}

/// The disk, and what is going on with it.
#[derive(Default)]
struct State {
    disk: Disk,
    locked: bool,
    dead: bool,
    steps: u64,
    journal: Vec<String>,
    schedule: Option<(u64, Schedule)>,
}

impl MemStore {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn of(disk: Disk) -> Self {
        let state = State { disk, ..State::default() };
        Self(Arc::new(Shared { state: Mutex::new(state), unlocked: Condvar::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails as scheduled, with the next step as number 0. `None` takes a schedule back.
    pub fn fail(&self, schedule: Option<Schedule>) {
        let mut state = self.state();
        state.schedule = schedule.map(|schedule| (state.steps + schedule.step, schedule));
        state.dead = false;
    }

    /// How many steps have been taken.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The steps taken since the `from`-th, as words: `sync _at1/ledger`.
    pub fn journal(&self, from: u64) -> Vec<String> {
        self.state().journal.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).cloned().collect()
    }

    /// A number for everything that was done to the disk since it was made or crashed, in order, but not for the contents of lines,
    /// whose time differs from run to run. Runs of one program from one disk with the same number leave the same disk.
    pub fn effects(&self) -> u64 {
        self.state().disk.effects
    }

    /// The same without what was done to staged files only, which nobody sees.
    pub fn open_effects(&self) -> u64 {
        self.state().disk.open_effects
    }

    /// Whether a name is there.
    pub fn has(&self, path: &str) -> bool {
        self.state().disk.find(path).is_some()
    }

    /// The names and contents of all files.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.disk.shown().map(|(path, file)| (path.clone(), state.disk.files[&file].bytes.clone())).collect()
    }

    /// Puts a file there, synced, without a step: for tests that damage a table.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let disk = &mut self.state().disk;
        let file = disk.new_file(Contents::durable(bytes.to_vec()));
        disk.names.insert(path.to_owned(), Name::durable(Some(file)));
    }

    /// Takes a file away, without a step.
    pub fn take(&self, path: &str) {
        self.state().disk.names.remove(path);
    }

    /// The disk as it is found when the power comes back, in one of a few typical ways; [`MemStore::power_cuts`] has all.
    pub fn crash(&self, image: Image) -> Self {
        let mut disk = self.state().disk.clone();
        let now = !matches!(image, Image::Synced | Image::BytesKept);
        for name in disk.names.values_mut() {
            *name = Name::durable(if now { name.now() } else { name.held[0] });
        }
        disk.names.retain(|_, name| name.now().is_some());
        for contents in disk.files.values_mut() {
            *contents = Contents::durable(cut(contents, image));
        }
        disk.leases.clear();
        (disk.effects, disk.open_effects) = (0, 0);
        Self::of(disk)
    }

    /// The disk as the next process finds it when all others were killed: nobody holds anything, but the power stayed, and what was not
    /// synced still is not.
    pub fn killed(&self) -> Self {
        let mut disk = self.state().disk.clone();
        disk.leases.clear();
        (disk.effects, disk.open_effects) = (0, 0);
        Self::of(disk)
    }

    /// One step: counted, written down, and failing if its time has come.
    fn step<T>(&self, what: &str, path: &str, effect: impl FnOnce(&mut Disk) -> io::Result<T>) -> io::Result<T> {
        self.forgetful_step(what, path, |_| {}, effect)
    }

    /// A step that can forget what it should have made durable.
    fn forgetful_step<T>(
        &self,
        what: &str,
        path: &str,
        forget: impl FnOnce(&mut Disk),
        effect: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        if state.dead {
            return Err(io::Error::other("the process is dead"));
        }
        let number = state.steps;
        state.steps += 1;
        state.journal.push(format!("{what} {path}"));
        let injected = || io::Error::other(format!("injected fault: {what} {path}"));
        let schedule = match state.schedule {
            Some((at, schedule)) if at == number => schedule,
            Some((at, Schedule { then: Then::RecoversAfter(more), .. })) if at < number && number <= at + more => {
                return Err(injected());
            }
            _ => return effect(&mut state.disk),
        };
        match schedule.fault {
            Fault::BeforeEffect => {}
            Fault::AfterEffect => drop(effect(&mut state.disk)?),
            Fault::Forgets => forget(&mut state.disk),
        }
        state.dead = schedule.then == Then::Dies;
        Err(injected())
    }
}

/// The bytes of a file after a power cut.
fn cut(contents: &Contents, image: Image) -> Vec<u8> {
    // What both states share was durable before; a write in the middle of a file counts as lost from there on.
    let same = contents.bytes.iter().zip(&contents.durable).take_while(|(a, b)| a == b).count();
    let mut bytes = contents.bytes.clone();
    match image {
        Image::Everything | Image::BytesKept => {}
        Image::Synced | Image::NamesKept => bytes.clone_from(&contents.durable),
        Image::TailsCut => bytes.truncate(same + (bytes.len() - same) / 2),
        Image::TailsZeroed => bytes[same..].fill(0),
    }
    bytes
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
        let file = self.step("open", path, |disk| disk.find(path).ok_or_else(|| io::ErrorKind::NotFound.into()))?;
        Ok(Arc::new(MemFile { store: self.clone(), file, path: path.to_owned() }))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.step("list", folder, |disk| {
            if !disk.folders.contains(folder) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let files = disk.shown().filter(|(path, _)| folder_of(path) == folder).map(|(path, file)| Entry {
                name: path.rsplit('/').next().unwrap_or_default().to_owned(),
                kind: EntryKind::File,
                bytes: disk.files[&file].bytes.len() as u64,
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
            if disk.folders.contains(folder) {
                return Ok(());
            }
            disk.did(("make_folder", folder));
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
            let file = disk.new_file(Contents::durable(bytes.to_vec()));
            disk.give_name(path, file)?;
            disk.did(("create", path, bytes.len()));
            Ok(())
        })
    }

    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        self.step("stage", paths::STAGING, |disk| {
            disk.next_staged += 1;
            let path = format!("{}/{}", paths::STAGING, disk.next_staged);
            let file = disk.new_file(Contents::default());
            disk.give_name(&path, file)?;
            disk.leases.insert(path.clone());
            disk.did_unseen(("stage", &path));
            Ok((path, file))
        })
        .map(|(path, file)| Box::new(MemStaged(MemFile { store: self.clone(), file, path })) as Box<dyn Staged>)
    }

    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        self.step("spool", "", |_| Ok(Box::new(Cursor::new(vec![])) as Box<dyn Spool>))
    }

    fn sweep_staging(&self) -> io::Result<usize> {
        self.step("sweep", paths::STAGING, |disk| {
            let left = disk.shown().map(|(path, _)| path).filter(|path| folder_of(path) == paths::STAGING);
            let dead: Vec<_> = left.filter(|path| !disk.leases.contains(*path)).cloned().collect();
            for path in &dead {
                disk.take_name(path)?;
                disk.did_unseen(("sweep", path));
            }
            Ok(dead.len())
        })
    }

    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        self.step("link", path, |disk| {
            let file = disk.find(staged.path()).ok_or(io::ErrorKind::NotFound)?;
            disk.give_name(path, file)?;
            let bytes = disk.files[&file].bytes.clone();
            disk.did(("link", path, bytes));
            Ok(())
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step("rename", to, |disk| {
            disk.rename(from, to)?;
            disk.did(("rename", from, to));
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.step("remove", path, |disk| {
            disk.take_name(path)?;
            disk.did(("remove", path));
            Ok(())
        })
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.step("write", path, |disk| {
            let at = usize::try_from(offset).expect("small files");
            disk.contents(path)?.change(Change::Write { at, bytes: bytes.to_vec() });
            disk.did(("write", path, at, bytes.len()));
            Ok(())
        })
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.step("truncate", path, |disk| {
            disk.contents(path)?.change(Change::Cut { to: usize::try_from(bytes).expect("small files") });
            disk.did(("truncate", path, bytes));
            Ok(())
        })
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        let forget = |disk: &mut Disk| {
            disk.contents(path).into_iter().for_each(Contents::forget);
            disk.did(("forget", path));
        };
        self.forgetful_step("sync", path, forget, |disk| {
            disk.contents(path)?.sync();
            disk.did(("sync", path));
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let forget = |disk: &mut Disk| {
            disk.forget_names(folder);
            disk.did(("forget", folder));
        };
        self.forgetful_step("sync_folder", folder, forget, |disk| {
            disk.sync_names(folder);
            disk.did(("sync_folder", folder));
            Ok(())
        })
    }

    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        {
            let mut state = self.state();
            while state.locked {
                state = self.0.unlocked.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            // Taken before the step is counted, so that no other thread slips in between.
            state.locked = true;
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
        self.0.state().locked = false;
        self.0.0.unlocked.notify_one();
    }
}

struct MemFile {
    store: MemStore,
    file: u64,
    path: String,
}

impl MemFile {
    fn with<T>(&self, what: &str, effect: impl FnOnce(&mut Contents) -> io::Result<T>) -> io::Result<T> {
        self.store.step(what, &self.path, |disk| effect(contents(disk, self.file)))
    }
}

fn contents(disk: &mut Disk, file: u64) -> &mut Contents {
    disk.files.get_mut(&file).expect("an open file lives")
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
        let MemFile { store, file, path } = &self.0;
        store.step("write", path, |disk| {
            let contents = contents(disk, *file);
            contents.change(Change::Write { at: contents.bytes.len(), bytes: bytes.to_vec() });
            disk.did_unseen(("write", path, bytes));
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
        let MemFile { store, file, path } = &self.0;
        let forget = |disk: &mut Disk| {
            contents(disk, *file).forget();
            disk.did_unseen(("forget", path));
        };
        store.forgetful_step("seal", path, forget, |disk| {
            contents(disk, *file).sync();
            disk.did_unseen(("seal", path));
            Ok(())
        })
    }
}

impl Drop for MemStaged {
    fn drop(&mut self) {
        let path = self.0.path.clone();
        let _ = self.0.store.step("unstage", &path, |disk| {
            disk.leases.remove(&path);
            disk.did_unseen(("unstage", &path));
            disk.take_name(&path)
        });
    }
}
