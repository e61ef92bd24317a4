//! A walk over a structure in Thrift's compact protocol that believes no size it has not seen the bytes for.
//!
//! * Every list, map and string ends inside the bytes; an item takes at least one byte, so no list is longer than what
//!   is left.
//! * Nothing is kept and nothing allocated: this only says whether another parser may be let loose.
//!
//! The protocol: `doc/specs/thrift-compact-protocol.md` in the Apache Thrift sources. Used where
//! `parquet-format-safe` does not read what the `parquet` crate writes: the list of booleans in a column index.

use crate::column::bytes::Take;

/// Structures in structures in lists: page indexes need three.
const DEPTH_MAX: u8 = 16;

/// Whether `bytes` start with a whole structure.
pub(super) fn holds_structure(bytes: &[u8]) -> bool {
    structure(&mut Take::new(bytes), 0).is_some()
}

fn structure(from: &mut Take<'_>, depth: u8) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    loop {
        let header = from.byte().ok()?;
        if header == 0 {
            return Some(());
        }
        if header >> 4 == 0 {
            varint(from)?;
        }
        // As a field, a boolean is its own type code.
        match header & 0x0f {
            1 | 2 => {}
            ty => value(from, ty, depth)?,
        }
    }
}

fn value(from: &mut Take<'_>, ty: u8, depth: u8) -> Option<()> {
    match ty {
        1..=3 => from.byte().ok().map(drop),
        4..=6 => varint(from).map(drop),
        7 => from.fixed(8).ok().map(drop),
        8 => {
            let bytes = usize::try_from(varint(from)?).ok()?;
            from.fixed(bytes).ok().map(drop)
        }
        9 | 10 => {
            let header = from.byte().ok()?;
            let items = if header >> 4 == 15 { varint(from)? } else { u64::from(header >> 4) };
            items_fit(from, items)?;
            (0..items).try_for_each(|_| value(from, header & 0x0f, depth + 1))
        }
        11 => {
            let items = varint(from)?;
            if items == 0 {
                return Some(());
            }
            let types = from.byte().ok()?;
            items_fit(from, items)?;
            (0..items).try_for_each(|_| {
                value(from, types >> 4, depth + 1)?;
                value(from, types & 0x0f, depth + 1)
            })
        }
        12 => structure(from, depth + 1),
        _ => None,
    }
}

fn items_fit(from: &Take<'_>, items: u64) -> Option<()> {
    (items <= from.remaining() as u64).then_some(())
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
    use super::holds_structure;

    #[track_caller]
    fn check(bytes: &[u8], holds: bool) {
        assert_eq!(holds_structure(bytes), holds, "{bytes:?}");
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
    }
}
