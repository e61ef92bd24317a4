//! Printed fields, back to back.
//!
//! * Behind the last field there is always room for one more copy of fixed size, so short fields are copied without a look at
//!   their length, here and where records are joined from them.

use std::ops::Range;

use super::word::{WORD_BYTES, Word};

const TWO_WORDS: usize = 2 * WORD_BYTES;

/// Raw fields, quotes included, back to back.
#[derive(Clone, Debug, Default)]
pub struct Printed {
    /// The fields, then bytes of no meaning: at least [`WORD_BYTES`] once there is a field.
    buffer: Vec<u8>,
    len: usize,
    ends: Vec<usize>,
    /// Where a field is put together that is not short.
    scratch: Vec<u8>,
}

impl Printed {
    /// Forgets the fields and keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
        self.ends.clear();
    }

    /// The fields.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Where each field ends in [`Self::bytes`].
    #[must_use]
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The field at `index`.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn field(&self, index: usize) -> &[u8] {
        &self.buffer[self.span(index)]
    }

    /// Where the field at `index` lies.
    pub(crate) fn span(&self, index: usize) -> Range<usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start..self.ends[index]
    }

    /// The fields and what lies behind them, for copies of fixed size.
    pub(crate) fn padded(&self) -> &[u8] {
        &self.buffer
    }

    /// Makes place for the ends of so many more fields.
    pub(crate) fn reserve(&mut self, fields: usize) {
        self.ends.reserve(fields);
        self.grow(fields * 8);
    }

    /// Makes room for `bytes` more bytes and a word.
    #[inline]
    fn grow(&mut self, bytes: usize) {
        if self.buffer.len() - self.len < bytes + WORD_BYTES {
            self.grow_now(bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow_now(&mut self, bytes: usize) {
        let needed = self.len + bytes + WORD_BYTES;
        self.buffer.resize(needed.max(2 * self.buffer.len()), 0);
    }

    /// Writes text that belongs to the field which ends next.
    #[inline]
    pub(crate) fn word(&mut self, word: Word) {
        self.grow(WORD_BYTES);
        let out = self.buffer[self.len..].first_chunk_mut().expect("it has grown");
        *out = word.to_bytes();
        self.len += word.len();
    }

    /// Writes `source[from..from + len]`, which belongs to the field that ends next.
    #[inline]
    pub(crate) fn part(&mut self, source: &[u8], from: usize, len: usize) {
        self.grow(len.max(WORD_BYTES));
        copy_field(&mut self.buffer, self.len, source, from, len);
        self.len += len;
    }

    /// Writes `text`, which belongs to the field that ends next.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.part(text, 0, text.len());
    }

    /// Writes what `put` appends to nothing, which belongs to the field that ends next.
    #[inline(never)]
    pub(crate) fn with(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        put(&mut scratch);
        self.text(&scratch);
        self.scratch = scratch;
    }

    /// What [`Self::with`] wrote last.
    pub(crate) fn last_put(&self) -> &[u8] {
        &self.scratch
    }

    /// Ends a field.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.ends.push(self.len);
    }
}

/// Copies `source[from..from + len]` to `out[at..]`. Where both have room it copies more than that, and then by moves of fixed
/// size: fields are so short that a call would cost more than the copy.
#[inline]
pub(crate) fn copy_field(out: &mut [u8], at: usize, source: &[u8], from: usize, len: usize) {
    let (source, out) = (&source[from..], &mut out[at..]);
    if len <= WORD_BYTES
        && let Some(source) = source.first_chunk::<WORD_BYTES>()
        && let Some(out) = out.first_chunk_mut()
    {
        *out = *source;
    } else if len <= TWO_WORDS
        && let Some(source) = source.first_chunk::<TWO_WORDS>()
        && let Some(out) = out.first_chunk_mut()
    {
        *out = *source;
    } else {
        out[..len].copy_from_slice(&source[..len]);
    }
}
