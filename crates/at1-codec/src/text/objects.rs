//! Lines of JSON: each an object, whose keys are fields; those of objects inside are told by their path, as `request.id`.
//!
//! * A line is walked along what earlier lines looked like, comparing whole stretches from value to value; only one that leaves
//!   all known ways is taken apart key by key, and becomes a way of its own.
//! * A line that is no object is left to the caller.
//! * Of a key that comes twice the first is the field; the second stays between the fields. So do keys that are too many.

use std::ops::Range;

use super::{
    Span, json,
    shape::{Fields, Shape, Shapes, Slots},
};

/// Objects further inside are text.
const DEPTH_MAX: usize = 32;
/// A path that is longer is no field.
const PATH_BYTES_MAX: usize = 1 << 10;
/// How many places all known ways have.
const NODES_MAX: usize = 1 << 14;
/// How many ways may go on from one place.
const WAYS_MAX: usize = 32;

/// Cuts objects into fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    /// The places in known lines; the first is where each starts.
    nodes: Vec<Vec<Way>>,
    keys: Keys,
}

/// Is `line` one object, and nothing else but blanks?
pub(super) fn is_object(line: &[u8]) -> bool {
    Keys::default().read(line, 0).is_some()
}

/// A way on from a place: a literal, and what follows it.
#[derive(Clone, Debug)]
struct Way {
    literal: Box<[u8]>,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// A value of this field, and the place behind it.
    Field(u32, usize),
    /// The end of the line: it has this shape.
    End(u32),
}

impl Objects {
    /// The fields of `bytes[line]`, put into `slots`, and the number of its shape. `None` if it is no object.
    pub(crate) fn cut(
        &mut self,
        bytes: &[u8],
        line: Range<usize>,
        fields: &mut Fields,
        slots: &mut Slots<'_>,
        shapes: &mut Shapes,
    ) -> Option<u32> {
        let whole = &bytes[..line.end];
        if let Some(shape) = self.walk(whole, line.start, slots) {
            return Some(shape);
        }
        slots.clear();
        self.keys.read(whole, line.start)?;
        let mut shape = Shape::default();
        let mut ways = Vec::new();
        let mut at = line.start;
        let refused = fields.refused;
        for (path, span) in self.keys.iter() {
            let Some(field) = fields.number(path) else { continue };
            if slots.put(field, span) {
                let literal = &whole[at..span.start as usize];
                shape.push(literal, field);
                ways.push((literal, field));
                at = span.end as usize;
            }
        }
        shape.end(&whole[at..]);
        let number = shapes.number(&shape);
        // Keys without a place are counted, so lines that have some are always taken apart.
        if fields.refused == refused {
            self.learn(&ways, &whole[at..], number);
        }
        Some(number)
    }

    /// Follows known ways to the end of the line.
    fn walk(&mut self, line: &[u8], start: usize, slots: &mut Slots<'_>) -> Option<u32> {
        let (mut node, mut at) = (0, start);
        loop {
            let ways = self.nodes.get_mut(node)?;
            let rest = &line[at..];
            let mut taken = None;
            for (index, way) in ways.iter().enumerate() {
                if !rest.starts_with(&way.literal) {
                    continue;
                }
                let value = at + way.literal.len();
                match way.then {
                    Then::End(shape) if value == line.len() => return Some(shape),
                    Then::End(_) => {}
                    Then::Field(field, next) => {
                        if let Some(end) = json::value_end(line, value) {
                            taken = Some((index, field, next, value, end));
                            break;
                        }
                    }
                }
            }
            let (index, field, next, value, end) = taken?;
            if index > 0 {
                ways.swap(index, index - 1); // the usual ways come to the front
            }
            slots.put(field, Span { start: value as u32, end: end as u32 });
            (node, at) = (next, end);
        }
    }

    /// Makes a way of what was found, as far as there is room.
    fn learn(&mut self, ways: &[(&[u8], u32)], last: &[u8], shape: u32) {
        if self.nodes.is_empty() {
            self.nodes.push(Vec::new());
        }
        let mut node = 0;
        for &(literal, field) in ways {
            let known = self.nodes[node].iter().find_map(|way| match way.then {
                Then::Field(known, next) if known == field && *way.literal == *literal => Some(next),
                _ => None,
            });
            node = match known {
                Some(next) => next,
                None if self.nodes.len() == NODES_MAX || self.nodes[node].len() == WAYS_MAX => return,
                None => {
                    let next = self.nodes.len();
                    self.nodes.push(Vec::new());
                    self.nodes[node].push(Way { literal: literal.into(), then: Then::Field(field, next) });
                    next
                }
            };
        }
        if self.nodes[node].len() < WAYS_MAX {
            self.nodes[node].push(Way { literal: last.into(), then: Then::End(shape) });
        }
    }
}

/// The keys of one object, by path, with their values.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    names: String,
    found: Vec<(Range<usize>, Span)>,
    path: String,
    scratch: Vec<u8>,
}

impl Keys {
    /// The paths that were found, and where their values lie.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Span)> {
        self.found.iter().map(|(name, span)| (&self.names[name.clone()], *span))
    }

    /// Finds the keys of the object that `line[start..]` is.
    pub(super) fn read(&mut self, line: &[u8], start: usize) -> Option<()> {
        self.names.clear();
        self.found.clear();
        self.path.clear();
        let end = self.object(line, json::blanks(line, start), 0)?;
        (json::blanks(line, end) == line.len()).then_some(())
    }

    /// Finds the keys of the object at `at`; gives the byte after it.
    fn object(&mut self, line: &[u8], at: usize, depth: usize) -> Option<usize> {
        if line.get(at) != Some(&b'{') {
            return None;
        }
        let mut at = json::blanks(line, at + 1);
        if line.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        let outside = self.path.len();
        loop {
            let (key, end) = json::key(line, at, &mut self.scratch)?;
            if outside > 0 {
                self.path.push('.');
            }
            self.path.push_str(&String::from_utf8_lossy(key));
            at = json::blanks(line, end);
            if line.get(at) != Some(&b':') {
                return None;
            }
            at = self.value(line, json::blanks(line, at + 1), depth)?;
            self.path.truncate(outside);
            at = json::blanks(line, at);
            match line.get(at)? {
                b',' => at = json::blanks(line, at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    fn value(&mut self, line: &[u8], start: usize, depth: usize) -> Option<usize> {
        let end = match json::value_end(line, start) {
            Some(end) => end,
            None if line.get(start) != Some(&b'{') => return None,
            None if depth + 1 < DEPTH_MAX => return self.object(line, start, depth + 1),
            None => json::array_end(line, start)?,
        };
        if self.path.len() <= PATH_BYTES_MAX {
            let name = self.names.len();
            self.names.push_str(&self.path);
            self.found.push((name..self.names.len(), Span { start: start as u32, end: end as u32 }));
        }
        Some(end)
    }
}
