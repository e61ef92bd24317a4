//! How often fields of each kind were seen.

use super::kind::Kind;

/// Counts by kind, each in a place of its own that stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    kinds: Vec<(Kind, u64)>,
    /// Places plus one by the hash of their kind's code, 0 where there is none; a power of two, at most half full.
    table: Vec<u32>,
    last: usize,
}

impl Counts {
    /// Counts one more where `add` counted before.
    #[inline]
    pub(crate) fn again(&mut self, place: usize) {
        self.kinds[place].1 += 1;
    }

    /// Counts so many, and says where, and whether they are the first of their kind.
    #[inline]
    pub(crate) fn add(&mut self, kind: Kind, count: u64) -> (usize, bool) {
        let is_last = self.kinds.get(self.last).is_some_and(|&(last, _)| last == kind);
        if !is_last {
            if self.table.len() <= self.kinds.len() * 2 {
                self.grow();
            }
            let slot = self.slot(kind);
            if self.table[slot] == 0 {
                self.last = self.kinds.len();
                self.kinds.push((kind, count));
                self.table[slot] =
                    u32::try_from(self.kinds.len()).expect("kinds are fewer than lengths of numbers squared");
                return (self.last, true);
            }
            self.last = self.table[slot] as usize - 1;
        }
        self.kinds[self.last].1 += count;
        (self.last, false)
    }

    /// Where the kind is in the table, or would be.
    #[inline]
    fn slot(&self, kind: Kind) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = (kind.code().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.table[slot] != 0 && self.kinds[self.table[slot] as usize - 1].0 != kind {
            slot = (slot + 1) & mask;
        }
        slot
    }

    #[cold]
    fn grow(&mut self) {
        self.table = vec![0; (self.table.len() * 2).max(16)];
        for (place, index) in (1..).zip(0..self.kinds.len()) {
            let slot = self.slot(self.kinds[index].0);
            self.table[slot] = place;
        }
    }

    /// Every kind and how often it was seen, in the order of their first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.kinds.iter().copied()
    }
}
