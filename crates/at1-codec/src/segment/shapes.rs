//! The shapes of a row group's records as they are stored: each stretch of text between fields once, each shape once.
//!
//! ```text
//! pieces    varint count; per piece a varint, 0 for the end of a record, else 1 and a field's number more; the literal before it
//! shapes    varint count; per shape a varint number of pieces, and so many varints: the pieces
//! records   per row of the row group a varint: its shape; 0 also in batches whose fields stand between delimiters
//! ```
//!
//! * Nothing is stored where all batches of a row group are delimited text.
//! * A literal is never copied until a record is printed, and no row group prints more of them than it may hold source bytes.

use std::collections::{HashMap, HashSet};

use super::layout::GROUP_BYTES_MAX;
use crate::{
    Error, Result,
    column::bytes::{Put, Take},
    text::{
        RECORD_BYTES_MAX,
        shape::{Shape, Shapes},
    },
};

/// No writer makes a row group with more text between fields.
const LITERAL_BYTES_MAX: u64 = (GROUP_BYTES_MAX + RECORD_BYTES_MAX) as u64;

/// Collects the shapes of a row group, batch by batch.
#[derive(Default)]
pub(super) struct ShapesBuilder {
    pieces: Numbered<(Vec<u8>, Option<u32>)>,
    shapes: Numbered<Vec<usize>>,
    of: Vec<usize>,
    has_some: bool,
}

/// Things by number, each once.
struct Numbered<T> {
    numbers: HashMap<T, usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new() }
    }
}

impl<T: std::hash::Hash + Eq> Numbered<T> {
    fn number(&mut self, thing: T) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(thing).or_insert(next)
    }

    fn into_sorted(self) -> Vec<T> {
        let mut all: Vec<(T, usize)> = self.numbers.into_iter().collect();
        all.sort_unstable_by_key(|&(_, number)| number);
        all.into_iter().map(|(thing, _)| thing).collect()
    }
}

impl ShapesBuilder {
    /// Adds the next `rows` records, with their shapes if they have some.
    pub(super) fn push(&mut self, rows: usize, shapes: Option<&Shapes>) {
        let Some(shapes) = shapes else {
            self.of.resize(self.of.len() + rows, 0);
            return;
        };
        self.has_some = true;
        let mut numbers = Vec::new();
        for shape in shapes.all() {
            let pieces = shape.pieces().map(|(literal, field)| self.pieces.number((literal.to_vec(), field)));
            numbers.push(self.shapes.number(pieces.collect()));
        }
        self.of.extend(shapes.of.iter().map(|&shape| numbers[shape as usize]));
    }

    pub(super) fn write(self, out: &mut Put) {
        if !self.has_some {
            return;
        }
        let pieces = self.pieces.into_sorted();
        out.count(pieces.len());
        for (literal, field) in pieces {
            out.varint(field.map_or(0, |field| u64::from(field) + 1));
            out.bytes(&literal);
        }
        let shapes = self.shapes.into_sorted();
        out.count(shapes.len());
        for pieces in shapes {
            out.count(pieces.len());
            pieces.into_iter().for_each(|piece| out.count(piece));
        }
        self.of.into_iter().for_each(|shape| out.count(shape));
    }
}

/// The shapes of a row group as they are read back.
#[derive(Debug, Default)]
pub(super) struct StoredShapes<'a> {
    pieces: Vec<(&'a [u8], Option<u32>)>,
    /// The pieces of all shapes, one after the other.
    sequence: Vec<u32>,
    /// Where each shape ends in `sequence`.
    ends: Vec<usize>,
    /// The shape of each row.
    of: Vec<u32>,
}

fn damaged(expected: impl Into<String>, found: impl std::fmt::Display) -> Error {
    Error::corrupt("shapes", expected, found)
}

impl<'a> StoredShapes<'a> {
    /// Reads what is left of the record streams of a row group of `rows` rows.
    pub(super) fn read(from: &mut Take<'a>, rows: u64) -> Result<Self> {
        let mut shapes = Self::default();
        if from.remaining() == 0 {
            return Ok(shapes);
        }
        for _ in 0..from.count()? {
            let field = match from.varint()?.checked_sub(1) {
                None => None,
                Some(field) => Some(u32::try_from(field).map_err(|_| damaged("fields of 32 bits", field))?),
            };
            shapes.pieces.push((from.bytes()?, field));
        }
        let mut lengths = Vec::new();
        for _ in 0..from.count()? {
            let length = shapes.read_shape(from)?;
            lengths.push(length);
        }
        let mut left = LITERAL_BYTES_MAX;
        for _ in 0..rows {
            let shape = from.varint()?;
            let length = usize::try_from(shape).ok().and_then(|shape| lengths.get(shape));
            let length = length.ok_or_else(|| damaged(format!("one of {} shapes", lengths.len()), shape))?;
            left = left.checked_sub(*length).ok_or_else(|| damaged("no more text than a row group holds", "more"))?;
            shapes.of.push(shape as u32);
        }
        Ok(shapes)
    }

    /// Reads a shape; gives how long its literals are.
    fn read_shape(&mut self, from: &mut Take<'a>) -> Result<u64> {
        let pieces = from.count()?;
        let (mut length, mut seen) = (0u64, HashSet::new());
        for place in 1..=pieces {
            let number = from.count()?;
            let piece = self.pieces.get(number);
            let (literal, field) =
                piece.ok_or_else(|| damaged(format!("one of {} pieces", self.pieces.len()), number))?;
            let is_right = field.map_or(place == pieces, |field| place < pieces && seen.insert(field));
            if !is_right {
                return Err(damaged("fields of their own, and an end behind them", format!("piece {number}")));
            }
            length = length.saturating_add(literal.len() as u64);
            self.sequence.push(number as u32);
        }
        if pieces == 0 {
            return Err(damaged("shapes with an end", "one without"));
        }
        self.ends.push(self.sequence.len());
        Ok(length)
    }

    /// The pieces of a row's record: literals, each with the number of the field behind it; none where rows have no shapes.
    pub(super) fn pieces(&self, row: usize) -> impl Iterator<Item = (&'a [u8], Option<u32>)> + '_ {
        let range = self.of.get(row).map_or(0..0, |&shape| {
            let shape = shape as usize;
            let start = if shape == 0 { 0 } else { self.ends[shape - 1] };
            start..self.ends[shape]
        });
        self.sequence[range].iter().map(|&piece| self.pieces[piece as usize])
    }

    /// The shape of a row, a number that is good within the row group.
    pub(super) fn number(&self, row: usize) -> Option<u32> {
        self.of.get(row).copied()
    }

    /// A row's shape as a writer takes it.
    pub(super) fn shape(&self, row: usize) -> Shape {
        let mut shape = Shape::default();
        for (literal, field) in self.pieces(row) {
            match field {
                Some(field) => shape.push(literal, field),
                None => shape.end(literal),
            }
        }
        shape
    }
}
