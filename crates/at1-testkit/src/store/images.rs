//! Every disk that a power cut can leave.
//!
//! * Each write that was not synced is there, there by half, zeros, or absent; each cut and each name that was not synced is there or
//!   not; all of that independent of each other (`docs/spec/table.md` section 2).
//! * A write is never there with its end and without its middle: that is the page's honest limit, and what becomes of it is tested with
//!   damaged ledgers. The same between *two* writes of a file does occur ([`PowerCut::hole`]).
//! * Staging is nothing that anybody reads, so its names stay or go together, and with them bytes that have no other name.
//! * Few enough possibilities are all gone through; of more, a sample that the seed determines.

use std::collections::{BTreeMap, BTreeSet};

use at1_table::paths;

use super::{
    MemStore,
    disk::{Contents, Disk, Fate, Name},
    folder_of,
};
use crate::Rng;

/// One way in which a power cut can turn out.
pub struct PowerCut {
    /// The disk when the power is back: nobody holds a lock or a staged file.
    pub disk: MemStore,
    /// What was lost, in words.
    pub what: String,
    /// A write of some file was kept although one before it was lost; if both were lines, the ledger is damaged now.
    pub hole: bool,
}

/// All of them, each disk once.
pub struct PowerCuts {
    disk: Disk,
    axes: Vec<Axis>,
    /// How many combinations there are.
    total: u64,
    next: u64,
    sample: Option<(u64, Rng)>,
    seen: BTreeSet<u64>,
}

/// Something that can be one way or another.
enum Axis {
    /// What a name stands for.
    Name(String, Vec<Option<u64>>),
    /// One change of a file's bytes.
    Change(u64, &'static [Fate]),
    /// Names below the staging folder: as they are, as they were, as they ever were; and the same for bytes without other names.
    Staging,
}

impl Axis {
    fn ways(&self) -> usize {
        match self {
            Self::Name(_, held) => held.len(),
            Self::Change(_, fates) => fates.len(),
            Self::Staging => 3,
        }
    }
}

impl MemStore {
    /// The disks that a power cut can leave now: all of them if there are at most `most` combinations, else as many, picked by `seed`.
    pub fn power_cuts(&self, most: u64, seed: u64) -> PowerCuts {
        PowerCuts::new(self.state().disk.clone(), most, seed)
    }
}

fn staging(path: &str) -> bool {
    folder_of(path) == paths::STAGING
}

impl PowerCuts {
    fn new(disk: Disk, most: u64, seed: u64) -> Self {
        let mut axes = vec![];
        let mut named = BTreeSet::new();
        for (path, name) in disk.names.iter().filter(|(path, _)| !staging(path)) {
            let mut held = vec![];
            for file in name.held.iter().rev() {
                if !held.contains(file) {
                    held.push(*file);
                }
            }
            named.extend(held.iter().flatten().copied());
            if held.len() > 1 {
                axes.push(Axis::Name(path.clone(), held));
            }
        }
        for (file, contents) in disk.files.iter().filter(|(file, _)| named.contains(file)) {
            axes.extend(contents.unsure().into_iter().map(|fates| Axis::Change(*file, fates)));
        }
        if disk.names.iter().any(|(path, name)| staging(path) && name.held.len() > 1) {
            axes.push(Axis::Staging);
        }
        let total = axes.iter().fold(1_u64, |total, axis| total.saturating_mul(axis.ways() as u64));
        let sample = (total > most).then(|| (most, Rng::new(seed)));
        Self { disk, axes, total, next: 0, sample, seen: BTreeSet::new() }
    }

    /// How many combinations there are; several may be the same disk.
    pub fn combinations(&self) -> u64 {
        self.total
    }

    /// Whether all of them are gone through.
    pub fn is_exhaustive(&self) -> bool {
        self.sample.is_none()
    }

    /// The way of each axis, for the number `next`.
    fn ways(&mut self) -> Option<Vec<usize>> {
        let number = self.next;
        self.next += 1;
        let all = self.axes.iter().map(Axis::ways);
        match &mut self.sample {
            None if number == self.total => None,
            None => {
                let mut rest = number;
                Some(all.map(|ways| ((rest % ways as u64) as usize, rest /= ways as u64).0).collect())
            }
            Some((most, _)) if number == *most => None,
            // Nothing lost, and everything lost, belong to every sample.
            Some(_) if number == 0 => Some(all.map(|_| 0).collect()),
            Some(_) if number == 1 => Some(all.map(|ways| ways - 1).collect()),
            Some((_, rng)) => Some(all.map(|ways| rng.index(ways)).collect()),
        }
    }

    /// The disk, with everything that is unsure decided.
    fn decide(&self, ways: &[usize]) -> (Disk, Vec<String>, bool) {
        let mut fates: BTreeMap<u64, Vec<Fate>> = BTreeMap::new();
        let (mut names, mut what, mut hole) = (BTreeMap::new(), vec![], false);
        let mut stage = 0;
        for (axis, way) in self.axes.iter().zip(ways) {
            match axis {
                Axis::Name(path, held) => {
                    names.insert(path, held[*way]);
                    if *way > 0 {
                        what.push(format!(
                            "{path} {}",
                            if held[*way].is_some() { "as before" } else { "without name" }
                        ));
                    }
                }
                Axis::Change(file, all) => {
                    fates.entry(*file).or_default().push(all[*way]);
                    if *way > 0 {
                        what.push(format!("a change of {}: {:?}", self.path_of(*file), all[*way]));
                    }
                }
                Axis::Staging => {
                    stage = *way;
                    what.extend((stage != 0).then(|| "other staging names".to_owned()));
                }
            }
        }
        let files = self.disk.files.iter().map(|(file, contents)| {
            let bytes = match fates.get(file) {
                Some(fates) => {
                    let (bytes, holed) = contents.after(fates);
                    hole |= holed;
                    bytes
                }
                None if stage == 1 => contents.durable.clone(),
                None => contents.bytes.clone(),
            };
            (*file, Contents::durable(bytes))
        });
        let files = files.collect();
        let held = |path: &String, name: &Name| match names.get(path) {
            Some(file) => *file,
            None if staging(path) && stage == 1 => name.held[0],
            None if staging(path) && stage == 2 => name.held.iter().rev().flatten().copied().next(),
            None => name.now(),
        };
        let names = self.disk.names.iter().filter_map(|(path, name)| Some((path, held(path, name)?)));
        let names = names.map(|(path, file)| (path.clone(), Name::durable(Some(file)))).collect();
        (Disk { files, names, leases: BTreeSet::new(), effects: 0, open_effects: 0, ..self.disk.clone() }, what, hole)
    }

    fn path_of(&self, file: u64) -> &str {
        let found = self.disk.names.iter().find(|(path, name)| !staging(path) && name.held.contains(&Some(file)));
        found.map_or("", |(path, _)| path)
    }
}

impl Iterator for PowerCuts {
    type Item = PowerCut;

    fn next(&mut self) -> Option<PowerCut> {
        loop {
            let ways = self.ways()?;
            let (disk, what, hole) = self.decide(&ways);
            if self.seen.insert(disk.digest()) {
                let what = if what.is_empty() { "nothing lost".to_owned() } else { what.join(", ") };
                return Some(PowerCut { disk: MemStore::of(disk), what, hole });
            }
        }
    }
}
