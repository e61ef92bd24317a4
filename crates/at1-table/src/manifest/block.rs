//! A block: its head, and the parts that the head vouches for.
//!
//! ```text
//! OFFSET   SIZE  FIELD
//!      0      4  magic    "AT1M"
//!      4      1  version  1
//!      5      1  kind
//!      6      1  level    how far above the leaves; 0 for kinds that are no node
//!      7      1  reserved 0
//!      8      4  items    u32 LE
//!     12      4  parts    u32 LE
//!     16   36×p  for each part its length, u32 LE, and its SHA-256
//!               body     what belongs to the head itself; empty in nodes
//! ```
//!
//! * A block's name is the SHA-256 of its head. Whoever refers to it says how long the head is, so no byte of it is parsed unchecked.
//! * The parts follow the head in order. A reader takes those it wants and checks each before it looks into it.

use at1_catalog::packed::Cursor;
use at1_ledger::Digest;

use super::cut;
use crate::error::{Error, ErrorKind, Result};

const MAGIC: [u8; 4] = *b"AT1M";
const VERSION: u8 = 1;
const FIXED_BYTES: usize = 16;
const PART_BYTES: usize = 4 + 32;
/// The longest part that is read. A writer gets nowhere near: a node has at most [`cut::LEAF_MAX`] items.
const PART_BYTES_MAX: u32 = 1 << 28;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Root = 0,
    Segments = 1,
    Events = 2,
    Schema = 3,
    Producers = 4,
    Replaced = 5,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [Self::Root, Self::Segments, Self::Events, Self::Schema, Self::Producers, Self::Replaced]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }

    fn is_node(self) -> bool {
        matches!(self, Self::Segments | Self::Events)
    }
}

/// How one block refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockRef {
    pub(super) sha256: Digest,
    pub(super) head_bytes: u64,
}

/// The head of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) level: u8,
    pub(super) items: usize,
    parts: Vec<Part>,
    pub(super) body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    start: u64,
    bytes: u32,
    sha256: Digest,
}

/// A block that was made here.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) reference: BlockRef,
    pub(super) bytes: Vec<u8>,
}

/// Puts a node together.
pub(super) fn node(kind: Kind, level: u8, items: usize, parts: &[Vec<u8>]) -> Result<Made> {
    make(kind, level, items, parts, &[])
}

/// Puts a block together that is all head.
pub(super) fn whole(kind: Kind, items: usize, body: &[u8]) -> Result<Made> {
    make(kind, 0, items, &[], body)
}

fn make(kind: Kind, level: u8, items: usize, parts: &[Vec<u8>], body: &[u8]) -> Result<Made> {
    let short = |length: usize| {
        u32::try_from(length).map_err(|_| Error::invalid("manifest", "a block of lengths below 4 GiB", length))
    };
    let mut bytes = vec![];
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[VERSION, kind as u8, level, 0]);
    bytes.extend_from_slice(&short(items)?.to_le_bytes());
    bytes.extend_from_slice(&short(parts.len())?.to_le_bytes());
    for part in parts {
        bytes.extend_from_slice(&short(part.len())?.to_le_bytes());
        bytes.extend_from_slice(&Digest::of(part).0);
    }
    bytes.extend_from_slice(body);
    let reference = BlockRef { sha256: Digest::of(&bytes), head_bytes: bytes.len() as u64 };
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Ok(Made { reference, bytes })
}

impl Head {
    /// Reads a head whose digest held.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        let magic: [u8; 4] = cursor.array()?;
        let [version, kind, level, reserved] = cursor.array()?;
        if magic != MAGIC || reserved != 0 {
            return Err(Error::corrupt("", "a block of a manifest", "other bytes"));
        }
        if version != VERSION {
            let expected = format!("a block of version {VERSION}");
            return Err(Error::new(ErrorKind::Unsupported, "", expected, format!("version {version}")));
        }
        let found = kind;
        let kind = Kind::of(kind).ok_or_else(|| Error::corrupt("", "a kind of block", found))?;
        let (items, parts) = (cursor.u32()? as usize, cursor.u32()? as usize);
        // Equal numbers take no bytes, so a number of items must be bounded before anything is made as long.
        let most = if kind.is_node() { cut::LEAF_MAX } else { bytes.len() };
        if items > most || (kind.is_node() && items == 0) {
            return Err(Error::corrupt("", format!("1 to {most} items"), items));
        }
        let mut start = bytes.len() as u64;
        let table = cursor.take(parts.saturating_mul(PART_BYTES))?;
        let parts = table.chunks_exact(PART_BYTES).map(|entry| {
            let mut entry = Cursor::new(entry);
            let part = Part { start, bytes: entry.u32()?, sha256: Digest(entry.array()?) };
            start += u64::from(part.bytes);
            match part.bytes <= PART_BYTES_MAX {
                true => Ok(part),
                false => Err(Error::corrupt("", format!("a part of at most {PART_BYTES_MAX} bytes"), part.bytes)),
            }
        });
        let parts = parts.collect::<Result<_>>()?;
        let body = cursor.take(cursor.left())?.to_vec();
        if kind.is_node() && !body.is_empty() {
            return Err(Error::corrupt("", "a node without a body", format!("{} bytes", body.len())));
        }
        Ok(Self { kind, level, items, parts, body })
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Where a part starts in the block, how long it is, and its digest.
    pub(super) fn part(&self, index: usize) -> Result<(u64, u32, Digest)> {
        let part = self.parts.get(index).map(|part| (part.start, part.bytes, part.sha256));
        part.ok_or_else(|| Error::corrupt("", format!("part {index}"), format!("{} parts", self.parts.len())))
    }
}

/// Whether the bytes of a whole file are the block of this name.
///
/// # Errors
/// Says which bytes are not.
pub(crate) fn check(name: Digest, bytes: &[u8]) -> Result<()> {
    let digest = |place: &str, bytes: &[u8], sha256: Digest| match Digest::of(bytes) {
        found if found == sha256 => Ok(()),
        found => Err(Error::corrupt(place, format!("sha256 {sha256}"), found)),
    };
    let head_bytes = match bytes.first_chunk::<FIXED_BYTES>() {
        // A node's parts follow its head, all else is head.
        Some(&[_, _, _, _, _, kind, .., a, b, c, d]) if Kind::of(kind).is_some_and(Kind::is_node) => {
            (u32::from_le_bytes([a, b, c, d]) as usize).saturating_mul(PART_BYTES).saturating_add(FIXED_BYTES)
        }
        _ => bytes.len(),
    };
    let (head, mut rest) = bytes.split_at_checked(head_bytes).unwrap_or((bytes, &[]));
    digest("head", head, name)?;
    for (i, part) in Head::parse(head)?.parts.iter().enumerate() {
        let (bytes, after) = rest.split_at_checked(part.bytes as usize).unwrap_or((rest, &[]));
        digest(&format!("part {i}"), bytes, part.sha256)?;
        rest = after;
    }
    match rest {
        [] => Ok(()),
        _ => Err(Error::corrupt("", "the end of the block", format!("{} more bytes", rest.len()))),
    }
}

const _: () = assert!(FIXED_BYTES == MAGIC.len() + 4 + 2 * size_of::<u32>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_its_parts_are() {
        let made = node(Kind::Segments, 2, 3, &[vec![1, 2], vec![], vec![3]]).unwrap();
        let head_bytes = FIXED_BYTES + 3 * PART_BYTES;
        assert_eq!(made.reference.head_bytes, head_bytes as u64);
        let head = Head::parse(&made.bytes[..head_bytes]).unwrap();
        assert_eq!((head.kind, head.level, head.items, head.parts()), (Kind::Segments, 2, 3, 3));
        let (start, bytes, sha256) = head.part(2).unwrap();
        assert_eq!((start, bytes, sha256), (head_bytes as u64 + 2, 1, Digest::of(&[3])));
        assert!(head.part(3).is_err());
    }

    #[test]
    fn a_file_is_checked_to_its_last_byte() {
        let made = node(Kind::Events, 0, 2, &[vec![1, 2], vec![3]]).unwrap();
        check(made.reference.sha256, &made.bytes).unwrap();
        for at in 0..made.bytes.len() {
            let mut bytes = made.bytes.clone();
            bytes[at] ^= 4;
            assert!(check(made.reference.sha256, &bytes).is_err(), "byte {at}");
            assert!(check(made.reference.sha256, &made.bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(check(made.reference.sha256, &[made.bytes, vec![0]].concat()).is_err());
        let whole = whole(Kind::Schema, 1, b"text").unwrap();
        check(whole.reference.sha256, &whole.bytes).unwrap();
        assert!(check(whole.reference.sha256, b"").is_err());
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let good = node(Kind::Segments, 0, 1, &[vec![7]]).unwrap();
        let head = &good.bytes[..good.reference.head_bytes as usize];
        for (at, byte, expected) in [
            (0, b'B', "a block of a manifest"),
            (4, 2, "a block of version 1"),
            (5, 9, "a kind of block"),
            (7, 1, "a block of a manifest"),
            (8, 0, "1 to"),
            (10, 1, "1 to"),
            (12, 200, "more bytes"),
            (19, 255, "a part of at most"),
        ] {
            let mut bytes = head.to_vec();
            bytes[at] = byte;
            let error = Head::parse(&bytes).unwrap_err();
            assert!(error.to_string().contains(expected), "{at}: {error}");
        }
        for cut in 0..head.len() {
            assert!(Head::parse(&head[..cut]).is_err());
        }
    }
}
