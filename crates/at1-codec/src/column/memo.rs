//! What was found out about fields that come again.
//!
//! * An entry is found for the same bytes only: whatever it holds must follow from them alone.
//! * Where fields do not come again, it stops looking for a while, so that it costs next to nothing.

use super::plain::load;

/// Fields of more bytes are not kept.
const BYTES_MAX: usize = 31;
/// One field in so many must be found, or looking is not worth it.
const WORTH: usize = 16;
/// Looking rests for so many times the fields after which it was found useless.
const REST: usize = 16;

/// The bytes of a short field, and how many they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key([u64; 4]);

impl PartialEq for Key {
    /// Word by word: as they were just made, they are still in registers.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0
    }
}

impl Key {
    /// No field has so many bytes.
    const NONE: Self = Self([u64::MAX; 4]);

    #[inline(always)]
    fn of(raw: &[u8]) -> Option<Self> {
        let len = (raw.len() as u64) << 56;
        let (first, rest) = match raw.len() {
            0..=16 => (load(raw), 0),
            17..=BYTES_MAX => (load(&raw[..16]), load(&raw[16..])),
            _ => return None,
        };
        Some(Self([low(first), low(first >> 64), low(rest), low(rest >> 64) | len]))
    }

    /// A number whose highest bits depend on all bytes.
    #[inline(always)]
    fn hash(self) -> u64 {
        let [a, b, c, d] = self.0;
        let left = a ^ c.rotate_left(23) ^ 0x9e37_79b9_7f4a_7c15;
        let right = b ^ d.rotate_left(11) ^ 0xa076_1d64_78bd_642f;
        let product = u128::from(left) * u128::from(right);
        (low(product) ^ low(product >> 64)).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

#[inline]
fn low(bytes: u128) -> u64 {
    (bytes & u128::from(u64::MAX)) as u64
}

/// What looking for a field came to.
pub(crate) enum Look<T> {
    Found(T),
    /// It may be kept under this key.
    Missing(Key),
    /// Not looked for: too long, or not worth it now.
    Passed,
}

/// What is known of fields, by their bytes; a field takes the place of another with the same hash.
#[derive(Clone, Debug)]
pub(crate) struct Memo<T> {
    slots: Vec<(Key, T)>,
    slots_max: usize,
    looked: usize,
    found: usize,
    rest: usize,
}

impl<T: Copy + Default> Memo<T> {
    /// Nothing known. The first fields are passed, so that a memo that sees few costs no memory.
    pub(crate) fn new(slots_max: usize) -> Self {
        Self { slots: Vec::new(), slots_max, looked: 0, found: 0, rest: REST }
    }

    /// One that never looks, and costs what a test compares with.
    #[cfg(test)]
    pub(crate) fn off() -> Self {
        Self { rest: usize::MAX, ..Self::new(0) }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.slots.fill((Key::NONE, T::default()));
    }

    #[inline]
    fn slot(&self, key: Key) -> usize {
        // The length is a power of two, and at least two.
        (key.hash() >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    #[inline(always)]
    pub(crate) fn look(&mut self, raw: &[u8]) -> Look<T> {
        if self.rest > 0 {
            self.rest -= 1;
            return Look::Passed;
        }
        let Some(key) = Key::of(raw) else { return Look::Passed };
        if self.looked == self.slots.len() * 2 {
            self.review();
        }
        self.looked += 1;
        let (found, known) = self.slots[self.slot(key)];
        if found == key {
            self.found += 1;
            Look::Found(known)
        } else {
            Look::Missing(key)
        }
    }

    /// Grows if that may help, rests if nothing does.
    #[cold]
    fn review(&mut self) {
        let (slots, looked, found) = (self.slots.len(), self.looked, self.found);
        (self.looked, self.found) = (0, 0);
        if found * WORTH < looked {
            self.rest = looked * REST;
        }
        if slots == 0 || (found * WORTH >= looked && found * 8 < looked * 7 && slots < self.slots_max) {
            self.slots = vec![(Key::NONE, T::default()); (slots * 4).clamp(64.min(self.slots_max), self.slots_max)];
        }
    }

    /// Keeps what is known of a field.
    #[inline]
    pub(crate) fn keep(&mut self, key: Key, known: T) {
        let slot = self.slot(key);
        self.slots[slot] = (key, known);
    }

    /// What is known of a field, to amend it, if it still has its place.
    pub(crate) fn known(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slot(key);
        let (found, known) = &mut self.slots[slot];
        (*found == key).then_some(known)
    }
}
