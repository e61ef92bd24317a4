//! The next tree of segments, made of the last one and some edits.
//!
//! * Only nodes around an edit are made anew: from the old node in which it starts to the first cut that is also one of the old
//!   tree. All others are the same blocks as before.
//! * What comes out is the same as if the whole sequence were cut from its beginning: see [`cut`].

use std::{collections::BTreeSet, ops::Range};

use at1_ledger::Digest;

use super::{
    Entry, Sums,
    block::{self, Kind, Made},
    blocks::Blocks,
    columns::Column,
    cut,
    node::{Item, Node, NodeRef, Segment},
};
use crate::error::Result;

/// Items with what is known of each column.
#[derive(Clone, Debug)]
pub(super) struct Stretches<T> {
    items: Vec<T>,
    columns: Vec<Column>,
}

/// Items that stand in the place of those that held some batches. At the end they may hold more than those.
pub(super) struct Edit<T> {
    pub(super) base: Range<u64>,
    pub(super) new: Stretches<T>,
}

/// The blocks that are new, and those that are no longer reached.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) made: Vec<Made>,
    pub(super) dropped: BTreeSet<Digest>,
}

/// A tree of segments, and where its blocks are.
pub(super) struct Grown<'a> {
    pub(super) blocks: &'a Blocks,
    pub(super) top: Option<&'a NodeRef>,
}

impl Grown<'_> {
    /// The tree after these edits, which are sorted and do not touch the same batches.
    pub(super) fn edit(&self, edits: Vec<Edit<Segment>>, changed: &mut Changed) -> Result<Option<NodeRef>> {
        if edits.is_empty() {
            return Ok(self.top.cloned());
        }
        let mut edits = self.level(0, edits, changed)?;
        for level in 1.. {
            if let [Edit { base, new }] = &edits[..]
                && *base == (0..self.end())
                && let [top] = &new.items[..]
            {
                for above in level..=self.top.map_or(0, |top| top.level) {
                    self.drop_nodes(above, 0..self.end(), changed)?;
                }
                return Ok(Some(top.clone()));
            }
            edits = self.level(level, edits, changed)?;
        }
        unreachable!("each level has fewer nodes")
    }

    fn end(&self) -> u64 {
        self.top.map_or(0, |top| top.batch.end)
    }

    /// Makes the nodes of one level; gives what the level above has to put in.
    fn level<T: Item>(&self, level: u8, edits: Vec<Edit<T>>, changed: &mut Changed) -> Result<Vec<Edit<NodeRef>>> {
        let mut above = vec![];
        let mut edits = edits.into_iter().peekable();
        while let Some(first) = edits.peek() {
            let mut old = self.node_at(level, first.base.start)?;
            let start = old.as_ref().map_or(0, |old| old.batch.start);
            let mut cutter = Cutter::new(level, start);
            let mut at = start;
            loop {
                // Up to where old items come before the next edit, or the old node ends.
                let end = old.as_ref().map_or(self.end(), |old| old.batch.end);
                let items = match &old {
                    Some(old) => {
                        changed.dropped.insert(old.block.sha256);
                        Some(Stretches::<T>::of(&Node::open(self.blocks, old)?)?)
                    }
                    None => None,
                };
                // An edit at the very end belongs to the last node, one that begins where another ends to the same.
                let last = end == self.end();
                while let Some(edit) = edits.next_if(|edit| last || edit.base.start < end || edit.base.start <= at) {
                    if let Some(items) = &items {
                        cutter.feed(items.between(at..edit.base.start), changed)?;
                    }
                    cutter.feed(edit.new, changed)?;
                    at = edit.base.end;
                }
                if at < end {
                    if let Some(items) = &items {
                        cutter.feed(items.between(at..end), changed)?;
                    }
                    at = end;
                }
                self.drop_nodes(level, end..at, changed)?;
                if at == self.end() {
                    cutter.close(changed)?;
                    break;
                }
                if at == end && cutter.is_closed() {
                    break;
                }
                old = self.node_at(level, at)?;
            }
            above.push(Edit { base: start..at, new: Stretches::concat(&cutter.nodes)? });
        }
        Ok(above)
    }

    /// The old node of this level that holds a batch; the last one for the end of all batches.
    fn node_at(&self, level: u8, batch: u64) -> Result<Option<NodeRef>> {
        let Some(mut at) = self.top.filter(|top| top.level >= level).cloned() else { return Ok(None) };
        while at.level > level {
            let node = Node::open(self.blocks, &at)?;
            at = node.child(node.item_of_batch(batch))?;
        }
        Ok(Some(at))
    }

    /// Drops the old nodes of a level that begin within these batches, at whose beginning one does.
    fn drop_nodes(&self, level: u8, batches: Range<u64>, changed: &mut Changed) -> Result<()> {
        let mut at = batches.start;
        while at < batches.end {
            let Some(node) = self.node_at(level, at)? else { break };
            changed.dropped.insert(node.block.sha256);
            at = node.batch.end;
        }
        Ok(())
    }
}

/// Takes items one after the other and makes nodes of them.
struct Cutter<T> {
    level: u8,
    /// The first batch of the node that is open.
    start: u64,
    open: Vec<Stretches<T>>,
    items: usize,
    nodes: Vec<Stretches<NodeRef>>,
}

impl<T: Item> Cutter<T> {
    fn new(level: u8, start: u64) -> Self {
        Self { level, start, open: vec![], items: 0, nodes: vec![] }
    }

    fn is_closed(&self) -> bool {
        self.items == 0
    }

    fn feed(&mut self, stretches: Stretches<T>, changed: &mut Changed) -> Result<()> {
        let mut from = 0;
        for (i, item) in stretches.items.iter().enumerate() {
            self.items += 1;
            if cut::ends(self.level, self.items, item.end()) {
                self.open.push(stretches.slice(from..i + 1));
                from = i + 1;
                self.close(changed)?;
            }
        }
        if from < stretches.items.len() {
            self.open.push(stretches.slice(from..stretches.items.len()));
        }
        Ok(())
    }

    /// Makes a node of what is open.
    fn close(&mut self, changed: &mut Changed) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let Stretches { items, columns } = Stretches::concat(&std::mem::take(&mut self.open))?;
        let mut parts = T::write(&items);
        for column in &columns {
            parts.push(column.write()?);
        }
        let made = block::node(Kind::Segments, self.level, items.len(), &parts)?;
        let rows: Vec<u64> = items.iter().map(|item| item.sums().rows).collect();
        let end = items.last().map_or(self.start, Item::end);
        let sums: Sums = items.iter().map(Item::sums).sum();
        let node = NodeRef { block: made.reference, level: self.level, batch: self.start..end, sums };
        let columns = columns.iter().map(|column| column.whole(&rows)).collect::<Result<_>>()?;
        self.nodes.push(Stretches { items: vec![node], columns });
        changed.made.push(made);
        (self.start, self.items) = (end, 0);
        Ok(())
    }
}

impl<T: Item> Stretches<T> {
    fn of(node: &Node) -> Result<Self> {
        let columns = (0..node.columns()).map(|column| node.column(column)).collect::<Result<_>>()?;
        Ok(Self { items: T::read(node)?, columns })
    }

    fn slice(&self, items: Range<usize>) -> Self {
        let columns = self.columns.iter().map(|column| column.slice(items.clone())).collect();
        Self { items: self.items[items].to_vec(), columns }
    }

    /// Those that hold these batches.
    fn between(&self, batches: Range<u64>) -> Self {
        let first = self.items.partition_point(|item| item.end() <= batches.start);
        let end = self.items.partition_point(|item| item.end() <= batches.end);
        self.slice(first..end.max(first))
    }

    fn concat(parts: &[Self]) -> Result<Self> {
        let width = parts.iter().map(|part| part.columns.len()).max().unwrap_or(0);
        let missing: Vec<_> = parts.iter().map(|part| Column::missing(part.items.len())).collect();
        let columns = (0..width).map(|column| {
            Column::concat(
                parts.iter().zip(&missing).map(|(part, missing)| part.columns.get(column).unwrap_or(missing)),
            )
        });
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        // A part of a node may have had them from items that are no longer beside it.
        while columns.pop_if(|column| column.is_missing()).is_some() {}
        Ok(Self { items: parts.iter().flat_map(|part| part.items.iter().cloned()).collect(), columns })
    }
}

impl<T> Stretches<T> {
    /// What they know of a column.
    pub(super) fn column(&self, column: usize) -> Column {
        self.columns.get(column).cloned().unwrap_or_else(|| Column::missing(self.items.len()))
    }
}

impl Stretches<Segment> {
    /// Segments as a fold met them.
    pub(super) fn of_entries<'a>(entries: impl Iterator<Item = &'a Entry> + Clone) -> Result<Self> {
        let width = entries.clone().map(|entry| entry.pins.len()).max().unwrap_or(0);
        let columns = (0..width).map(|column| {
            let segments = entries.clone().map(|entry| {
                let zone = entry.zones.get(column).and_then(Option::as_ref);
                (entry.live.rows, entry.pins.get(column).copied(), zone)
            });
            Column::of_segments(segments).map_err(|e| e.within(&format!("zones of c{column}")))
        });
        let columns = columns.collect::<Result<_>>()?;
        let items = entries.map(|entry| Segment { live: entry.live.clone(), sha256: entry.sha256 }).collect();
        Ok(Self { items, columns })
    }
}
