//! Patches: the fields that print otherwise than their column's form says, and the rows that the type cannot hold.
//!
//! * Rows ascend, so they are kept as distances, with the lengths and the bytes of the fields apart from them: three
//!   streams that a general compressor shrinks well.
//!
//! ```text
//! count     varint
//! rows      per patch a varint: distance to the row before (from -1) minus 1, times 2, plus 1 if it is a reject
//! lengths   per patch a varint
//! bytes     the fields, back to back; their length is the sum of the lengths
//! ```
//! `rows` and `lengths` have their own length in bytes in front.

use super::bytes::{Put, Take};
use crate::{Error, Result};

/// Whether the type of a column holds what a patched field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// It does; only the spelling is another.
    Yes,
    /// It does not: the field reads as null.
    Reject,
}

/// Collects patches in the order of their rows.
#[derive(Debug, Default)]
pub(crate) struct Patches {
    pub(crate) count: u64,
    pub(crate) rejects: u64,
    next_row: u64,
    rows: Put,
    lengths: Put,
    bytes: Vec<u8>,
}

impl Patches {
    /// Adds the source text of the field in `row`, which comes after every row before it.
    pub(crate) fn push(&mut self, row: u64, holds: Holds, raw: &[u8]) {
        assert!(row >= self.next_row, "patches ascend");
        let reject = u64::from(holds == Holds::Reject);
        self.count += 1;
        self.rejects += reject;
        self.rows.varint((row - self.next_row) << 1 | reject);
        self.next_row = row + 1;
        self.lengths.count(raw.len());
        self.bytes.extend_from_slice(raw);
    }

    pub(crate) fn write(self, put: &mut Put) {
        put.varint(self.count);
        put.bytes(&self.rows.into_bytes());
        put.bytes(&self.lengths.into_bytes());
        put.bytes(&self.bytes);
    }
}

/// A patch as it is read back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch<'a> {
    pub(crate) row: u64,
    pub(crate) holds: Holds,
    pub(crate) raw: &'a [u8],
}

/// Walks over patches, row after row.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    left: u64,
    next_row: u64,
    rows: Take<'a>,
    lengths: Take<'a>,
    bytes: Take<'a>,
    current: Option<Patch<'a>>,
}

impl<'a> Cursor<'a> {
    /// No patches.
    pub(crate) fn none() -> Self {
        let empty = Take::new(&[]);
        Self { left: 0, next_row: 0, rows: empty.clone(), lengths: empty.clone(), bytes: empty, current: None }
    }

    /// Stands before the first patch of what [`Patches::write`] wrote.
    pub(crate) fn read(take: &mut Take<'a>) -> Result<Self> {
        let left = take.varint()?;
        let [rows, lengths, bytes] = [Take::new(take.bytes()?), Take::new(take.bytes()?), Take::new(take.bytes()?)];
        let mut cursor = Self { left, next_row: 0, rows, lengths, bytes, current: None };
        cursor.step()?;
        Ok(cursor)
    }

    /// The patch it stands before, if there is one.
    pub(crate) fn current(&self) -> Option<Patch<'a>> {
        self.current
    }

    /// Moves on by one patch.
    pub(crate) fn step(&mut self) -> Result<()> {
        self.current = None;
        if self.left == 0 {
            // Bytes behind the last patch would be bytes that nothing accounts for.
            self.rows.clone().end()?;
            self.lengths.clone().end()?;
            return self.bytes.clone().end();
        }
        let code = self.rows.varint()?;
        let row = self.next_row.checked_add(code >> 1);
        let next_row = row.and_then(|row| row.checked_add(1));
        let (Some(row), Some(next_row)) = (row, next_row) else {
            return Err(Error::corrupt("patches", "rows of 64 bits", "larger ones"));
        };
        let length = self.lengths.count()?;
        let raw = self.bytes.fixed(length)?;
        let holds = if code & 1 == 1 { Holds::Reject } else { Holds::Yes };
        self.current = Some(Patch { row, holds, raw });
        (self.left, self.next_row) = (self.left - 1, next_row);
        Ok(())
    }
}
