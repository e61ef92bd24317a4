//! Nodes of the tree of segments, as they are read: leaves hold segments, inner nodes hold what each child adds up to.
//!
//! | part | leaf (level 0) | inner node |
//! |---|---|---|
//! | 0 | numbers: batches, rows, bytes, source bytes, event, part of the name, footer's bytes, event − schema event | numbers: batches, rows, bytes, source bytes, head's bytes, segments |
//! | 1 | footer digests | digests of the heads |
//! | 2 | digests of the files | the zones of column 0 |
//! | 3 … | the zones of column 0 … | of column 1 … |
//!
//! * A node adds up to what its parent says, else it is damaged.
//! * Columns at the end that all of a node's items lack have no part.

use std::{ops::Range, sync::Arc};

use arrow::array::UInt64Array;
use at1_ledger::Digest;

use super::{
    Live, Placed, Sums,
    block::{BlockRef, Kind},
    blocks::{Block, Blocks},
    columns::Column,
};
use crate::error::{Error, Result};

/// A node as its parent knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeRef {
    pub(super) block: BlockRef,
    pub(super) level: u8,
    /// The batches of its segments.
    pub(super) batch: Range<u64>,
    /// What its segments add up to.
    pub(super) sums: Sums,
}

/// A node, as far as it was read.
pub(super) struct Node {
    at: NodeRef,
    block: Arc<Block>,
    numbers: Vec<Vec<u64>>,
    /// What comes before each item, and before the end.
    before: Vec<Before>,
}

#[derive(Clone, Copy, Default)]
struct Before {
    batch: u64,
    sums: Sums,
}

const BATCHES: usize = 0;
const ROWS: usize = 1;
const BYTES: usize = 2;
const SOURCE_BYTES: usize = 3;
const EVENT: usize = 4;
const PART: usize = 5;
const FOOTER_BYTES: usize = 6;
const SCHEMA_AGE: usize = 7;
const HEAD_BYTES: usize = 4;
const SEGMENTS: usize = 5;

const DIGESTS: usize = 1;
const FILES: usize = 2;

/// How many numbers there are of each item.
fn numbers(level: u8) -> usize {
    if level == 0 { SCHEMA_AGE + 1 } else { SEGMENTS + 1 }
}

/// The part with the zones of column 0.
fn first_column(level: u8) -> usize {
    if level == 0 { FILES + 1 } else { DIGESTS + 1 }
}

impl Node {
    /// Reads what a node's items add up to.
    pub(super) fn open(blocks: &Blocks, at: &NodeRef) -> Result<Self> {
        let block = blocks.open(at.block, Kind::Segments, at.level)?;
        let read = || -> Result<_> {
            let mut part = block.part(0)?;
            let numbers = (0..numbers(at.level)).map(|_| part.numbers(block.head.items));
            let numbers = numbers.collect::<at1_catalog::Result<Vec<_>>>()?;
            part.finish()?;
            Ok(numbers)
        };
        let numbers = read().map_err(|e| block.blame(e))?;
        let mut node = Self { at: at.clone(), block, numbers, before: vec![] };
        node.before = node.add_up()?;
        Ok(node)
    }

    /// Where each item begins; that all of them come to what the parent says.
    fn add_up(&self) -> Result<Vec<Before>> {
        let mut before = vec![];
        let mut next = Some(Before { batch: self.at.batch.start, sums: Sums::default() });
        for i in 0..self.len() {
            before.extend(next);
            next = next.and_then(|next| {
                let batches = self.numbers[BATCHES][i];
                Some(Before {
                    batch: next.batch.checked_add(batches).filter(|_| batches > 0)?,
                    sums: next.sums.checked_add(self.sums(i))?,
                })
            });
        }
        before.extend(next);
        match next {
            Some(end) if end.batch == self.at.batch.end && end.sums == self.at.sums => Ok(before),
            _ => Err(self.blame(Error::corrupt("", "items that come to what the parent says", "others"))),
        }
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.block.head.items
    }

    pub(super) fn level(&self) -> u8 {
        self.at.level
    }

    /// The batches of an item.
    pub(super) fn batch(&self, item: usize) -> Range<u64> {
        self.before[item].batch..self.before[item + 1].batch
    }

    pub(super) fn sums(&self, item: usize) -> Sums {
        let number = |which: usize| self.numbers[which][item];
        Sums {
            segments: if self.at.level == 0 { 1 } else { number(SEGMENTS) },
            rows: number(ROWS),
            bytes: number(BYTES),
            source_bytes: number(SOURCE_BYTES),
        }
    }

    /// What the node's items before this one add up to.
    pub(super) fn before(&self, item: usize) -> Sums {
        self.before[item].sums
    }

    pub(super) fn rows(&self) -> &[u64] {
        &self.numbers[ROWS]
    }

    /// The item that holds a batch, of those that the node holds.
    pub(super) fn item_of_batch(&self, batch: u64) -> usize {
        self.before[1..].partition_point(|end| end.batch <= batch).min(self.len() - 1)
    }

    /// The item that holds a row, counted from the node's first; it must hold so many.
    pub(super) fn item_of_row(&self, row: u64) -> usize {
        self.before[1..].partition_point(|end| end.sums.rows <= row).min(self.len() - 1)
    }

    /// A segment of a leaf.
    pub(super) fn live(&self, item: usize) -> Result<Live> {
        let number = |which: usize| self.numbers[which][item];
        Ok(Live {
            event: number(EVENT),
            part: number(PART),
            bytes: number(BYTES),
            footer_bytes: number(FOOTER_BYTES),
            footer_sha256: self.digest(DIGESTS, item)?,
            batch: self.batch(item),
            rows: number(ROWS),
            source_bytes: number(SOURCE_BYTES),
            schema_at: number(EVENT).wrapping_sub(number(SCHEMA_AGE)),
        })
    }

    /// A segment of a leaf; `before` is what comes before the leaf.
    pub(super) fn placed(&self, item: usize, before: Sums) -> Result<Placed> {
        let before = before + self.before(item);
        Ok(Placed { live: self.live(item)?, index: before.segments, first_row: before.rows })
    }

    /// The digest of a segment's file.
    pub(super) fn file_sha256(&self, item: usize) -> Result<Digest> {
        self.digest(FILES, item)
    }

    /// A child of an inner node.
    pub(super) fn child(&self, item: usize) -> Result<NodeRef> {
        let block = BlockRef { sha256: self.digest(DIGESTS, item)?, head_bytes: self.numbers[HEAD_BYTES][item] };
        Ok(NodeRef { block, level: self.at.level - 1, batch: self.batch(item), sums: self.sums(item) })
    }

    fn digest(&self, part: usize, item: usize) -> Result<Digest> {
        let read = || -> Result<_> {
            let mut digests = self.block.part(part)?;
            digests.take(item * 32)?;
            Ok(Digest(digests.array()?))
        };
        read().map_err(|e| self.blame(e))
    }

    /// How many columns it has zones of.
    pub(super) fn columns(&self) -> usize {
        self.block.head.parts().saturating_sub(first_column(self.at.level))
    }

    /// What its items know of a column.
    pub(super) fn column(&self, column: usize) -> Result<Column> {
        if column >= self.columns() {
            return Ok(Column::missing(self.len()));
        }
        let part = self.block.part(first_column(self.at.level) + column)?;
        Column::read(part, self.len()).map_err(|e| self.blame(e.within(&format!("zones of c{column}"))))
    }

    /// The rows of its items as an array.
    pub(super) fn row_counts(&self) -> UInt64Array {
        UInt64Array::from(self.numbers[ROWS].clone())
    }

    fn blame(&self, error: Error) -> Error {
        self.block.blame(error)
    }
}

/// What a node is made of: segments in a leaf, nodes in an inner node.
pub(super) trait Item: Clone {
    fn end(&self) -> u64;
    fn sums(&self) -> Sums;
    /// The items of a node.
    fn read(node: &Node) -> Result<Vec<Self>>;
    /// Their parts, without zones.
    fn write(items: &[Self]) -> Vec<Vec<u8>>;
}

/// A segment as a leaf keeps it, without its zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) live: Live,
    pub(super) sha256: Digest,
}

impl Item for Segment {
    fn end(&self) -> u64 {
        self.live.batch.end
    }

    fn sums(&self) -> Sums {
        self.live.sums()
    }

    fn read(node: &Node) -> Result<Vec<Self>> {
        (0..node.len()).map(|i| Ok(Self { live: node.live(i)?, sha256: node.file_sha256(i)? })).collect()
    }

    fn write(items: &[Self]) -> Vec<Vec<u8>> {
        let numbers: [fn(&Live) -> u64; SCHEMA_AGE + 1] = [
            |live| live.batch.end - live.batch.start,
            |live| live.rows,
            |live| live.bytes,
            |live| live.source_bytes,
            |live| live.event,
            |live| live.part,
            |live| live.footer_bytes,
            |live| live.event.wrapping_sub(live.schema_at),
        ];
        vec![
            write_numbers(items, numbers.map(|number| move |item: &Self| number(&item.live))),
            items.iter().flat_map(|item| item.live.footer_sha256.0).collect(),
            items.iter().flat_map(|item| item.sha256.0).collect(),
        ]
    }
}

impl Item for NodeRef {
    fn end(&self) -> u64 {
        self.batch.end
    }

    fn sums(&self) -> Sums {
        self.sums
    }

    fn read(node: &Node) -> Result<Vec<Self>> {
        (0..node.len()).map(|i| node.child(i)).collect()
    }

    fn write(items: &[Self]) -> Vec<Vec<u8>> {
        let numbers: [fn(&Self) -> u64; SEGMENTS + 1] = [
            |node| node.batch.end - node.batch.start,
            |node| node.sums.rows,
            |node| node.sums.bytes,
            |node| node.sums.source_bytes,
            |node| node.block.head_bytes,
            |node| node.sums.segments,
        ];
        vec![write_numbers(items, numbers), items.iter().flat_map(|item| item.block.sha256.0).collect()]
    }
}

fn write_numbers<T, const N: usize>(items: &[T], numbers: [impl Fn(&T) -> u64; N]) -> Vec<u8> {
    let mut out = vec![];
    for number in numbers {
        at1_catalog::packed::put(&items.iter().map(number).collect::<Vec<_>>(), &mut out);
    }
    out
}
