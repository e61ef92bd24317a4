//! What a disk shows now, what it holds for sure, and the effects that lie between the two.
//!
//! * A file is its durable bytes and the writes and cuts since: what it shows is all of them, in order.
//! * A name is everything it stood for since its folder was last synced: the first is durable, the last is what it shows.
//! * A sync that failed may have *forgotten* effects: they still show, but no later sync makes them durable (Linux drops the pages
//!   of a failed write and reports the error once). Only effects that come after them can.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    io,
};

use super::folder_of;

/// The state of a disk.
#[derive(Clone, Default)]
pub(super) struct Disk {
    pub(super) files: BTreeMap<u64, Contents>,
    pub(super) names: BTreeMap<String, Name>,
    pub(super) folders: BTreeSet<String>,
    /// Staging names whose writer lives.
    pub(super) leases: BTreeSet<String>,
    pub(super) next_staged: u64,
    pub(super) next_file: u64,
    /// A number for everything that was done to it, in order.
    pub(super) effects: u64,
    /// The same without what was done to staged files only.
    pub(super) open_effects: u64,
}

/// One change of a file's bytes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut { to: usize },
}

/// How sure a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sure {
    /// The next sync makes it durable.
    NotYet,
    /// It is durable, but one before it is not and never will be.
    Yes,
    /// A sync failed and forgot it.
    Never,
}

/// What became of a change when the power was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    There,
    FirstHalf,
    Zeros,
    Absent,
}

impl Fate {
    pub(super) const OF_A_WRITE: [Self; 4] = [Self::There, Self::FirstHalf, Self::Zeros, Self::Absent];
    pub(super) const OF_A_CUT: [Self; 2] = [Self::There, Self::Absent];
}

/// The bytes of a file.
#[derive(Clone, Default)]
pub(super) struct Contents {
    /// What it shows.
    pub(super) bytes: Vec<u8>,
    pub(super) durable: Vec<u8>,
    changes: Vec<(Change, Sure)>,
}

impl Contents {
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes.clone(), bytes, changes: vec![] }
    }

    pub(super) fn change(&mut self, change: Change) {
        apply(&mut self.bytes, &change, Fate::There, usize::MAX);
        self.changes.push((change, Sure::NotYet));
    }

    pub(super) fn sync(&mut self) {
        for (_, sure) in self.changes.iter_mut().filter(|(_, sure)| *sure == Sure::NotYet) {
            *sure = Sure::Yes;
        }
        // As long as a forgotten change comes first, what follows cannot be told apart from it.
        let durable = self.changes.iter().take_while(|(_, sure)| *sure == Sure::Yes).count();
        let kept = self.durable.len();
        for (change, _) in self.changes.drain(..durable) {
            apply(&mut self.durable, &change, Fate::There, kept);
        }
    }

    pub(super) fn forget(&mut self) {
        for (_, sure) in self.changes.iter_mut().filter(|(_, sure)| *sure == Sure::NotYet) {
            *sure = Sure::Never;
        }
    }

    /// For each change that is not sure, what can become of it.
    pub(super) fn unsure(&self) -> Vec<&'static [Fate]> {
        let fates = |(change, _): &(Change, Sure)| match change {
            Change::Write { .. } => &Fate::OF_A_WRITE[..],
            Change::Cut { .. } => &Fate::OF_A_CUT[..],
        };
        self.changes.iter().filter(|(_, sure)| *sure != Sure::Yes).map(fates).collect()
    }

    /// What is there after these fates of the unsure changes, and whether a change was kept although one before it was lost.
    pub(super) fn after(&self, fates: &[Fate]) -> (Vec<u8>, bool) {
        let mut bytes = self.durable.clone();
        let (mut lost, mut hole) = (false, false);
        let mut fates = fates.iter();
        for (change, sure) in &self.changes {
            let fate = match sure {
                Sure::Yes => Fate::There,
                _ => *fates.next().expect("a fate for each unsure change"),
            };
            hole |= lost && fate == Fate::There && matches!(change, Change::Write { .. });
            // What a durable cut took away is no hole.
            lost = match (change, sure) {
                (Change::Cut { .. }, Sure::Yes) => false,
                _ => lost || fate != Fate::There,
            };
            apply(&mut bytes, change, fate, self.durable.len());
        }
        (bytes, hole)
    }
}

/// A number for what was done, and then `effect`.
fn after(effects: u64, effect: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (effects, effect).hash(&mut hasher);
    hasher.finish()
}

/// Changes `bytes`, of which the first `kept` were durable before: a write that is lost does not turn those into zeros.
fn apply(bytes: &mut Vec<u8>, change: &Change, fate: Fate, kept: usize) {
    let (at, mut new) = match (change, fate) {
        (_, Fate::Absent) => return,
        (Change::Cut { to }, _) => return bytes.resize(*to, 0),
        (Change::Write { at, bytes: new }, _) => (*at, &new[..]),
    };
    let zeros = vec![0; new.len()];
    match fate {
        Fate::FirstHalf => new = &new[..new.len() / 2],
        Fate::Zeros => new = &zeros,
        _ => {}
    }
    if bytes.len() < at + new.len() {
        bytes.resize(at + new.len(), 0);
    }
    let start = if fate == Fate::Zeros { kept.clamp(at, at + new.len()) } else { at };
    bytes[start..at + new.len()].copy_from_slice(&new[start - at..]);
}

/// What a name stood for since it was last durable.
#[derive(Clone)]
pub(super) struct Name {
    /// The first is durable, the last is what it stands for now.
    pub(super) held: Vec<Option<u64>>,
    /// How many of the later ones a failed sync forgot.
    forgotten: usize,
}

impl Name {
    pub(super) fn durable(file: Option<u64>) -> Self {
        Self { held: vec![file], forgotten: 0 }
    }

    pub(super) fn now(&self) -> Option<u64> {
        *self.held.last().expect("a name stands for something or nothing")
    }

    fn sync(&mut self) {
        if self.held.len() - 1 > self.forgotten {
            *self = Self::durable(self.now());
        }
    }

    fn forget(&mut self) {
        self.forgotten = self.held.len() - 1;
    }
}

impl Disk {
    /// Notes an effect.
    pub(super) fn did(&mut self, effect: impl Hash) {
        self.open_effects = after(self.open_effects, &effect);
        self.did_unseen(effect);
    }

    /// Notes an effect that nobody sees but the writer of a staged file.
    pub(super) fn did_unseen(&mut self, effect: impl Hash) {
        self.effects = after(self.effects, &effect);
    }

    pub(super) fn new_file(&mut self, contents: Contents) -> u64 {
        self.next_file += 1;
        self.files.insert(self.next_file, contents);
        self.next_file
    }

    /// What a name stands for.
    pub(super) fn find(&self, path: &str) -> Option<u64> {
        self.names.get(path)?.now()
    }

    pub(super) fn contents(&mut self, path: &str) -> io::Result<&mut Contents> {
        let file = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.files.get_mut(&file).expect("a name always has a file"))
    }

    /// The names that stand for a file, and the file.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&String, u64)> {
        self.names.iter().filter_map(|(path, name)| Some((path, name.now()?)))
    }

    pub(super) fn give_name(&mut self, path: &str, file: u64) -> io::Result<()> {
        if self.find(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.folders.contains(folder_of(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.names.entry(path.to_owned()).or_insert_with(|| Name::durable(None)).held.push(Some(file));
        Ok(())
    }

    pub(super) fn take_name(&mut self, path: &str) -> io::Result<()> {
        self.find(path).ok_or(io::ErrorKind::NotFound)?;
        self.names.get_mut(path).expect("found").held.push(None);
        Ok(())
    }

    /// What had the other name loses it.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.find(from).ok_or(io::ErrorKind::NotFound)?;
        if self.find(to).is_some() {
            self.names.get_mut(to).expect("found").held.push(Some(file));
        } else {
            self.give_name(to, file)?;
        }
        self.take_name(from)
    }

    pub(super) fn sync_names(&mut self, folder: &str) {
        self.names.iter_mut().filter(|(path, _)| folder_of(path) == folder).for_each(|(_, name)| name.sync());
        self.names.retain(|_, name| name.held != [None]);
    }

    pub(super) fn forget_names(&mut self, folder: &str) {
        self.names.iter_mut().filter(|(path, _)| folder_of(path) == folder).for_each(|(_, name)| name.forget());
    }

    /// A number for all names with their bytes.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (path, file) in self.shown() {
            (path, &self.files[&file].bytes).hash(&mut hasher);
        }
        hasher.finish()
    }
}
