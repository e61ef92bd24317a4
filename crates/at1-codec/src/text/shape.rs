//! What stands between the fields of a record, where that is not always the same byte.
//!
//! * A record is the literals of its shape with a field behind each but the last. So any way to cut a record into fields gives
//!   its bytes back, whether or not it was a wise one.
//! * Records of one program have few shapes; a set of records keeps each once.

use std::collections::HashMap;

use super::{Span, Tokens};

/// A field that a record does not have.
pub(crate) const ABSENT: Span = Span { start: u32::MAX, end: u32::MAX };

/// The literals of a record, and which field stands behind each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    /// All literals, back to back.
    literals: Vec<u8>,
    /// Per field: where the literal before it ends, and the field's number.
    fields: Vec<(u32, u32)>,
}

impl Shape {
    /// Adds a literal and the field behind it.
    pub(crate) fn push(&mut self, literal: &[u8], field: u32) {
        self.literals.extend_from_slice(literal);
        // A record has less than 4 GiB.
        self.fields.push((self.literals.len() as u32, field));
    }

    /// Forgets all of it and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.literals.clear();
        self.fields.clear();
    }

    /// Ends the shape with a literal that may be empty.
    pub(crate) fn end(&mut self, literal: &[u8]) {
        self.literals.extend_from_slice(literal);
    }

    /// The literals in order, each with the number of the field behind it; the last has none.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&[u8], Option<u32>)> {
        let starts = std::iter::once(0).chain(self.fields.iter().map(|&(end, _)| end));
        let ends = self.fields.iter().map(|&(end, field)| (end, Some(field)));
        let ends = ends.chain([(self.literals.len() as u32, None)]);
        starts.zip(ends).map(|(start, (end, field))| (&self.literals[start as usize..end as usize], field))
    }
}

/// The shapes of some records, and which record has which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shapes {
    known: HashMap<Shape, u32>,
    /// The one that was asked for last, which most are.
    last: Option<(Shape, u32)>,
    /// The shape of each record.
    pub(crate) of: Vec<u32>,
}

impl Shapes {
    /// The number of a shape, which is made if it is new.
    pub(crate) fn number(&mut self, shape: &Shape) -> u32 {
        if let Some((last, number)) = &self.last
            && last == shape
        {
            return *number;
        }
        let next = self.known.len() as u32;
        let number = match self.known.get(shape) {
            Some(&number) => number,
            None => {
                self.known.insert(shape.clone(), next);
                next
            }
        };
        self.last = Some((shape.clone(), number));
        number
    }

    /// All shapes, by number.
    pub(crate) fn all(&self) -> Vec<&Shape> {
        let mut all: Vec<_> = self.known.iter().map(|(shape, &number)| (number, shape)).collect();
        all.sort_unstable_by_key(|&(number, _)| number);
        all.into_iter().map(|(_, shape)| shape).collect()
    }
}

/// The names of fields, numbered as they come.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    most: usize,
    /// How often there was no room for one.
    pub(crate) refused: u64,
}

impl Fields {
    /// Those of `names`, and up to `most` in all.
    pub(crate) fn new(names: Vec<String>, most: usize) -> Self {
        let numbers = names.iter().cloned().zip(0..).collect();
        Self { names, numbers, most, refused: 0 }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of the field `name`, if it has one or there is room for it.
    pub(crate) fn number(&mut self, name: &str) -> Option<u32> {
        if let Some(&number) = self.numbers.get(name) {
            return Some(number);
        }
        let number = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < self.most);
        let Some(number) = number else {
            self.refused += 1;
            return None;
        };
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        Some(number)
    }
}

/// The fields of the record that is being cut, in [`Tokens`] where they stay: first all of the record, then each field by its number.
pub(crate) struct Slots<'a> {
    pub(crate) tokens: &'a mut Tokens,
    pub(crate) first: usize,
}

impl Slots<'_> {
    /// Puts a field where it belongs; `false` if the record has it already.
    pub(crate) fn put(&mut self, field: u32, span: Span) -> bool {
        let at = self.first + 1 + field as usize;
        let fields = &mut self.tokens.fields;
        if fields.len() <= at {
            fields.resize(at + 1, ABSENT);
        }
        if fields[at] == ABSENT {
            fields[at] = span;
            return true;
        }
        false
    }

    /// Takes all fields back.
    pub(crate) fn clear(&mut self) {
        self.tokens.fields.truncate(self.first + 1);
    }
}
