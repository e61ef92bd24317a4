//! A reader of structures in Thrift's compact protocol that believes no size it has not seen the bytes for.
//!
//! * Every list, map and string ends inside the bytes, and every item of a list was seen: it takes at least one byte.
//! * Fields ascend, so a structure has at most 32,767. Of their values flags, numbers and structures are kept; lists are read
//!   when they are asked for.
//! * It is stricter than the parser of the `parquet` crate, and says whether that may be let loose.
//!
//! The protocol: `doc/specs/thrift-compact-protocol.md` in the Apache Thrift sources.

use crate::column::bytes::Take;

/// Structures in structures in lists: the footer needs six.
const DEPTH_MAX: u8 = 16;

/// The fields of a structure, in ascending order.
#[derive(Debug)]
pub(super) struct Structure<'a>(Vec<(i16, Value<'a>)>);

/// The value of a field, as far as anybody asks.
#[derive(Debug)]
enum Value<'a> {
    Flag(bool),
    Number(i32),
    Long(i64),
    Structure(Structure<'a>),
    List(List<'a>),
    Other,
}

/// The items of a list, all of which are there.
#[derive(Clone, Debug)]
pub(super) struct List<'a> {
    ty: u8,
    pub(super) items: usize,
    from: Take<'a>,
}

impl<'a> List<'a> {
    /// The items, if they are structures.
    pub(super) fn structures(&self) -> Option<impl Iterator<Item = Structure<'a>>> {
        let mut from = self.from.clone();
        // They were read once to find the end of the list.
        (self.ty == 12 || self.items == 0).then(|| (0..self.items).map_while(move |_| structure(&mut from, 0)))
    }
}

impl<'a> Structure<'a> {
    /// Reads a structure off the front.
    pub(super) fn read(from: &mut Take<'a>) -> Option<Self> {
        structure(from, 0)
    }

    /// Whether it has no other fields than these.
    pub(super) fn has_only(&self, known: &[i16]) -> bool {
        self.0.iter().all(|(id, _)| known.contains(id))
    }

    fn field(&self, id: i16) -> Option<&Value<'a>> {
        self.0.iter().find(|(found, _)| *found == id).map(|(_, value)| value)
    }

    /// Whether there is a field `id`.
    pub(super) fn has(&self, id: i16) -> bool {
        self.field(id).is_some()
    }

    /// The 32-bit number in field `id`.
    pub(super) fn number(&self, id: i16) -> Option<i32> {
        if let Value::Number(number) = self.field(id)? { Some(*number) } else { None }
    }

    /// The number in field `id`, which counts something.
    pub(super) fn count(&self, id: i16) -> Option<usize> {
        self.number(id).and_then(|number| usize::try_from(number).ok())
    }

    /// The 64-bit number in field `id`, which is a place or a size.
    pub(super) fn size(&self, id: i16) -> Option<u64> {
        if let Value::Long(number) = self.field(id)? { u64::try_from(*number).ok() } else { None }
    }

    /// The flag in field `id`, or `otherwise` if there is no such field.
    pub(super) fn flag(&self, id: i16, otherwise: bool) -> Option<bool> {
        match self.field(id) {
            None => Some(otherwise),
            Some(Value::Flag(flag)) => Some(*flag),
            Some(_) => None,
        }
    }

    /// The structure in field `id`.
    pub(super) fn structure(&self, id: i16) -> Option<&Structure<'a>> {
        if let Value::Structure(inner) = self.field(id)? { Some(inner) } else { None }
    }

    /// The list in field `id`.
    pub(super) fn list(&self, id: i16) -> Option<&List<'a>> {
        if let Value::List(list) = self.field(id)? { Some(list) } else { None }
    }
}

fn structure<'a>(from: &mut Take<'a>, depth: u8) -> Option<Structure<'a>> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut fields = Vec::new();
    let mut last = 0;
    loop {
        let header = from.byte().ok()?;
        if header == 0 {
            return Some(Structure(fields));
        }
        let id = match i16::from(header >> 4) {
            0 => i16::try_from(zigzag(varint(from)?)).ok()?,
            more => i16::checked_add(last, more)?,
        };
        if id <= last {
            return None;
        }
        // As a field, a boolean is its own type code.
        let value = match header & 0x0f {
            1 => Value::Flag(true),
            2 => Value::Flag(false),
            ty => value(from, ty, depth)?,
        };
        fields.push((id, value));
        last = id;
    }
}

fn value<'a>(from: &mut Take<'a>, ty: u8, depth: u8) -> Option<Value<'a>> {
    match ty {
        1..=3 => from.byte().ok().map(drop)?,
        5 => return i32::try_from(zigzag(varint(from)?)).ok().map(Value::Number),
        6 => return varint(from).map(zigzag).map(Value::Long),
        4 => varint(from).map(drop)?,
        7 => from.fixed(8).ok().map(drop)?,
        8 => {
            let bytes = usize::try_from(varint(from)?).ok()?;
            from.fixed(bytes).ok().map(drop)?;
        }
        9 | 10 => {
            let header = from.byte().ok()?;
            let items = if header >> 4 == 15 { varint(from)? } else { u64::from(header >> 4) };
            let list = List { ty: header & 0x0f, items: items_fit(from, items)?, from: from.clone() };
            (0..items).try_for_each(|_| value(from, list.ty, depth + 1).map(drop))?;
            return Some(Value::List(list));
        }
        11 => {
            let items = varint(from)?;
            if items > 0 {
                let types = from.byte().ok()?;
                items_fit(from, items)?;
                (0..items).try_for_each(|_| {
                    value(from, types >> 4, depth + 1)?;
                    value(from, types & 0x0f, depth + 1).map(drop)
                })?;
            }
        }
        12 => return structure(from, depth + 1).map(Value::Structure),
        _ => return None,
    }
    Some(Value::Other)
}

fn items_fit(from: &Take<'_>, items: u64) -> Option<usize> {
    usize::try_from(items).ok().filter(|&items| items <= from.remaining())
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Thrift's varints need not be in their shortest spelling.
fn varint(from: &mut Take<'_>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = from.byte().ok()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Structure, Take};

    #[track_caller]
    fn check(bytes: &[u8], holds: bool) {
        assert_eq!(Structure::read(&mut Take::new(bytes)).is_some(), holds, "{bytes:?}");
    }

    #[test]
    fn a_size_is_believed_only_with_its_bytes() {
        check(&[0], true);
        check(&[0x15, 0x02, 0], true); // field 1: i32
        check(&[0x19, 0x21, 1, 2, 0], true); // field 1: list of two booleans
        check(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 0], false); // a list of 2^31 - 1 integers
        check(&[0x18, 0x05, b'a', 0], false); // a string that is longer than the bytes
        check(&[0x15, 0x02], false); // no end
        check(&[0x1c; 64], false); // structures in structures without end
        check(&[0x15, 0xfe, 0xff, 0xff, 0xff, 0x1f, 0], false); // a number of 33 bits where 32 are announced
        check(&[0x15, 0x02, 0x05, 0x02, 0x02, 0], false); // field 1 twice
    }

    #[test]
    fn fields_are_found_by_their_numbers() {
        // 1: -3, 2: true, 5: {1: 7}, 300: 1
        let bytes = [0x15, 0x05, 0x11, 0x3c, 0x15, 0x0e, 0, 0x05, 0xd8, 0x04, 0x02, 0];
        let found = Structure::read(&mut Take::new(&bytes)).unwrap();
        assert_eq!((found.number(1), found.count(1), found.number(300)), (Some(-3), None, Some(1)));
        assert_eq!((found.flag(2, false), found.flag(3, true), found.flag(1, true)), (Some(true), Some(true), None));
        assert_eq!(found.structure(5).and_then(|inner| inner.count(1)), Some(7));
        assert!(found.has_only(&[1, 2, 5, 300]) && !found.has_only(&[1, 2, 5]));
    }
}
