//! What the model's disk holds: lines with their events, and names with their segments.

use std::{
    hash::{Hash, Hasher},
    ops::{Deref, DerefMut},
};

/// How many batches, events and names there can be.
pub(super) const MOST: usize = 10;

/// Some batches in order: four bits each, the first lowest, 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Batches(u64);

impl Batches {
    pub(super) const NONE: Self = Self(0);
    /// Bytes that were never written.
    pub(super) const GARBAGE: Self = Self(u64::MAX);

    pub(super) fn of(batch: u8) -> Self {
        Self(u64::from(batch) + 1)
    }

    pub(super) fn len(self) -> usize {
        (64 - self.0.leading_zeros() as usize).div_ceil(4)
    }

    pub(super) fn then(self, more: Self) -> Self {
        Self(self.0 | more.0 << (4 * self.len()))
    }

    pub(super) fn from(self, first: usize) -> Self {
        Self(self.0 >> (4 * first))
    }

    pub(super) fn first(self, count: usize) -> Self {
        Self(if count >= 16 { self.0 } else { self.0 & ((1 << (4 * count)) - 1) })
    }

    pub(super) fn count_of(self, batch: u8) -> usize {
        (0..self.len()).filter(|at| self.0 >> (4 * at) & 15 == u64::from(batch) + 1).count()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Append(Batches),
    /// In place of the batches from the first number to below the second.
    Compact(u8, u8, Batches),
    /// The names that were removed, a bit each.
    Vacuum(u16),
}

/// A live segment: its first batch, its name, what it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) first: usize,
    pub(super) name: usize,
    pub(super) batches: Batches,
}

impl Live {
    pub(super) fn end(&self) -> usize {
        self.first + self.batches.len()
    }
}

/// What lines say.
pub(super) struct Folded {
    pub(super) live: Vec<Live>,
    /// Names that a compaction replaced and no vacuum removed, a bit each.
    pub(super) replaced: u16,
    pub(super) all: Batches,
}

pub(super) fn fold(lines: &[Event]) -> Result<Folded, String> {
    let mut folded = Folded { live: vec![], replaced: 0, all: Batches::NONE };
    for (name, event) in lines.iter().enumerate() {
        match *event {
            Event::Append(batches) => {
                folded.live.push(Live { first: folded.all.len(), name, batches });
                folded.all = folded.all.then(batches);
            }
            Event::Compact(first, end, batches) => {
                let (first, end) = (usize::from(first), usize::from(end));
                let from = folded.live.iter().position(|live| live.first == first);
                let to = folded.live.iter().position(|live| live.end() == end);
                let (Some(from), Some(to)) = (from, to) else {
                    return Err(format!("event {name} replaces what is not live"));
                };
                if folded.all.from(first).first(end - first) != batches {
                    return Err(format!("event {name} holds other batches than it replaces"));
                }
                let dropped = folded.live.splice(from..=to, [Live { first, name, batches }]);
                folded.replaced |= dropped.map(|live| 1 << live.name).sum::<u16>();
            }
            Event::Vacuum(names) => {
                if names & !folded.replaced != 0 {
                    return Err(format!("event {name} removed what was not replaced"));
                }
                folded.replaced &= !names;
            }
        }
    }
    Ok(folded)
}

/// What stands under a segment's name.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) now: Option<Batches>,
    /// What else may be found after a power cut.
    pub(super) unsure: [Option<Option<Batches>>; 5],
}

impl Name {
    pub(super) fn change(&mut self, to: Option<Batches>) {
        let before = std::mem::replace(&mut self.now, to);
        self.may(before);
    }

    pub(super) fn may(&mut self, be: Option<Batches>) {
        if !self.unsure.contains(&Some(be)) {
            let free = self.unsure.iter_mut().find(|unsure| unsure.is_none());
            *free.expect("a name stands for few things between two syncs") = Some(be);
        }
    }

    /// All that may be found after a power cut.
    pub(super) fn found(&self) -> impl Iterator<Item = Option<Batches>> {
        self.unsure.iter().flatten().copied().chain([self.now])
    }

    pub(super) fn sync(&mut self) {
        // Bytes that were not synced do not become so with their name.
        let garbage = self.unsure.contains(&Some(Some(Batches::GARBAGE))) && self.now.is_some();
        self.unsure = [garbage.then_some(Some(Batches::GARBAGE)), None, None, None, None];
    }
}

/// All names. Most are of nothing, and are not hashed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Names(pub(super) [Name; MOST]);

impl Hash for Names {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (number, name) in self.0.iter().enumerate().filter(|(_, name)| **name != Name::default()) {
            (number, name).hash(state);
        }
        MOST.hash(state);
    }
}

impl Deref for Names {
    type Target = [Name];

    fn deref(&self) -> &[Name] {
        &self.0
    }
}

impl DerefMut for Names {
    fn deref_mut(&mut self) -> &mut [Name] {
        &mut self.0
    }
}
