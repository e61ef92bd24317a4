//! What values printed as, the last time they came.
//!
//! * Looking up never changes what is printed: an entry counts only if the whole key is the same.
//! * Where values seldom come again, it rests: looking in vain costs more than it is worth.

use super::word::Word;

const SLOTS: usize = 256;
/// For how many slices of rows nothing is looked up after it was of little use.
const RESTS: u8 = 15;

/// Says whether it pays to look things up, from how often it was in vain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Use {
    rests: u8,
    pub(crate) missed: usize,
}

impl Use {
    /// To be asked before each slice of rows, given how many rows there were in the one before. One miss in eight is too many:
    /// what comes now and then is what a processor guesses wrong.
    pub(crate) fn is_worth(&mut self, rows: usize) -> bool {
        if self.missed * 8 > rows {
            self.rests = RESTS;
        }
        self.missed = 0;
        let rests = self.rests > 0;
        self.rests = self.rests.saturating_sub(1);
        !rests
    }
}

/// All that the text of a field depends on within a column: its value, and what the streams say about the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) value: u64,
    pub(crate) row: u32,
}

/// Short fields by what they depend on, one for each slot.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    slots: Vec<Option<(Key, Word)>>,
    asked: usize,
    of_use: Use,
}

impl Recent {
    /// Whether the next rows are worth a look; to be asked before each slice of rows.
    pub(crate) fn is_worth(&mut self) -> bool {
        let asked = std::mem::take(&mut self.asked);
        // What it saves is dear, so it may fail more often.
        self.of_use.missed /= 4;
        let is_worth = self.of_use.is_worth(asked);
        if is_worth {
            self.slots.resize(SLOTS, None);
        }
        is_worth
    }

    #[inline]
    fn slot(key: Key) -> usize {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the key.
        let mixed = (key.value ^ u64::from(key.row) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as usize
    }

    /// What `key` printed as.
    #[inline]
    pub(crate) fn get(&mut self, key: Key) -> Option<Word> {
        self.asked += 1;
        match self.slots.get(Self::slot(key)) {
            Some(&Some((found, word))) if found == key => Some(word),
            _ => {
                self.of_use.missed += 1;
                None
            }
        }
    }

    /// Remembers what `key` printed as, if that is short.
    pub(crate) fn put(&mut self, key: Key, text: &[u8]) {
        if let Some(slot) = self.slots.get_mut(Self::slot(key)) {
            *slot = Word::new(text).map(|word| (key, word));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_share_a_slot_are_told_apart() {
        let mut recent = Recent::default();
        assert!(recent.is_worth());
        let keys = (0..5_000u64).map(|n| Key { value: n / 3 * 77, row: (n % 3) as u32 });
        let text = |key: Key| format!("{}.{}", key.value, key.row);
        let mut hits = 0;
        for key in keys.clone().chain(keys.rev()) {
            for _ in 0..2 {
                match recent.get(key) {
                    Some(word) => {
                        hits += 1;
                        assert_eq!(Some(word), Word::new(text(key).as_bytes()));
                    }
                    None => recent.put(key, text(key).as_bytes()),
                }
            }
        }
        assert!((10_000..20_000).contains(&hits), "{hits} hits; more keys than slots, each asked for twice");
        let long = Key { value: 1, row: 1 };
        recent.put(long, b"more than sixteen bytes");
        assert_eq!(recent.get(long), None);
    }

    #[test]
    fn it_rests_after_misses_and_tries_again() {
        let mut recent = Recent::default();
        assert!(recent.is_worth());
        for value in 0..100 {
            assert_eq!(recent.get(Key { value, row: 0 }), None);
        }
        let rested = (0..).take_while(|_| !recent.is_worth()).count();
        assert_eq!(rested, usize::from(RESTS));
    }
}
