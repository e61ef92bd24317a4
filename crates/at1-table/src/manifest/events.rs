//! The tree of events: where each line is in the ledger, and what was true after it.
//!
//! * Node k of level L holds the events from k·256^(L+1) on, so it is fixed once the next one began.
//! * Tests have smaller nodes, so that a short history has a deep tree.
//! * All that is looked up grows with the events' numbers, so every question is how many events come before an answer.
//!
//! | part | leaf (level 0) | inner node |
//! |---|---|---|
//! | 0 | numbers: where the line starts, batches, rows, bytes after it; its time, nanoseconds, as wide numbers | numbers: the head's bytes, batches after the last event; that event's time |
//! | 1 | chain values | digests of the heads |
//! | 2 | numbers: appends, live segments, bytes of their files, rejects after it | |

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use at1_catalog::packed;
use at1_ledger::{Digest, Timestamp, Totals};

use super::{
    Counts, EventEntry,
    block::{self, BlockRef, Kind, Made},
    blocks::{Block, Blocks},
};
use crate::error::{Error, Result};

/// How many items a node has that another follows.
pub(super) const FAN_OUT: usize = if cfg!(all(test, debug_assertions)) { 4 } else { 256 };

/// The top of a tree of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventsRef {
    pub(super) block: BlockRef,
    pub(super) level: u8,
}

/// What an inner node says about a child.
#[derive(Clone, Copy)]
struct Child {
    block: BlockRef,
    /// After its last event.
    batches: u64,
    ts: Timestamp,
}

/// The events of a manifest.
pub(super) struct Events<'a> {
    pub(super) blocks: &'a Blocks,
    pub(super) top: Option<EventsRef>,
    /// How many there are.
    pub(super) count: u64,
    pub(super) recent: &'a Recent,
}

/// The leaf that was looked into last: who asks for one event mostly asks for the next.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Option<Arc<Leaf>>>);

#[derive(Debug)]
struct Leaf {
    /// The number of its first event.
    first: u64,
    events: Vec<EventEntry>,
}

impl Recent {
    /// The leaf, if it has the answer.
    fn with(&self, has: impl Fn(&Leaf) -> bool) -> Option<Arc<Leaf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|leaf| has(leaf))
    }

    fn keep(&self, first: u64, events: Vec<EventEntry>) -> Arc<Leaf> {
        let leaf = Arc::new(Leaf { first, events });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&leaf));
        leaf
    }
}

impl Events<'_> {
    /// One of them.
    pub(super) fn event(&self, n: u64) -> Result<EventEntry> {
        let none = || Error::corrupt(crate::paths::MANIFEST, format!("event {n}"), format!("{} events", self.count));
        if n >= self.count {
            return Err(none());
        }
        let index = (n % FAN_OUT as u64) as usize;
        let leaf = match self.recent.with(|leaf| leaf.first == n - index as u64) {
            Some(leaf) => leaf,
            None => {
                let node = self.node_of(0, n)?.ok_or_else(none)?;
                self.recent.keep(n - index as u64, leaf_events(&node)?)
            }
        };
        leaf.events.get(index).copied().ok_or_else(none)
    }

    /// What there was after one of them.
    pub(super) fn counts(&self, n: u64) -> Result<Counts> {
        let none = || Error::corrupt(crate::paths::MANIFEST, format!("event {n}"), format!("{} events", self.count));
        let leaf = self.node_of(0, n)?.filter(|_| n < self.count).ok_or_else(none)?;
        leaf_counts(&leaf)?.get((n % FAN_OUT as u64) as usize).copied().ok_or_else(none)
    }

    /// How many are not after `ts`.
    pub(super) fn until(&self, ts: Timestamp) -> Result<u64> {
        self.count_while(&|child| child.ts <= ts, &|event| event.ts <= ts)
    }

    /// How many came before a batch was appended.
    pub(super) fn before_batch(&self, batch: u64) -> Result<u64> {
        // Batches of a leaf's first event may have come with events before it, so the leaf alone does not tell.
        let within = |leaf: &Leaf| match &leaf.events[..] {
            [first, .., last] => (first.totals.batches..last.totals.batches).contains(&batch),
            _ => false,
        };
        if let Some(leaf) = self.recent.with(within) {
            let before = leaf.events.partition_point(|event| event.totals.batches <= batch) as u64;
            return Ok(leaf.first.saturating_add(before));
        }
        self.count_while(&|child| child.batches <= batch, &|event| event.totals.batches <= batch)
    }

    /// How many from the beginning on satisfy something that a child satisfies if its last event does.
    fn count_while(&self, child: &dyn Fn(&Child) -> bool, event: &dyn Fn(&EventEntry) -> bool) -> Result<u64> {
        let Some(EventsRef { mut block, level }) = self.top else { return Ok(0) };
        let mut first = 0u64;
        for level in (1..=level).rev() {
            let children = children(&*self.blocks.open(block, Kind::Events, level)?)?;
            let Some(at) = children.iter().position(|c| !child(c)) else { return Ok(self.count) };
            first = first.saturating_add(at as u64).saturating_mul(FAN_OUT as u64);
            block = children[at].block;
        }
        let leaf = self.recent.keep(first, leaf_events(&*self.blocks.open(block, Kind::Events, 0)?)?);
        Ok(first.saturating_add(leaf.events.partition_point(event) as u64))
    }

    /// The node of a level that holds an event.
    fn node_of(&self, level: u8, n: u64) -> Result<Option<Arc<Block>>> {
        let Some(EventsRef { block, level: top }) = self.top.filter(|top| top.level >= level) else { return Ok(None) };
        let mut node = self.blocks.open(block, Kind::Events, top)?;
        for above in (level + 1..=top).rev() {
            let at = n / span(above) % FAN_OUT as u64;
            let Some(child) = children(&node)?.get(at as usize).copied() else { return Ok(None) };
            node = self.blocks.open(child.block, Kind::Events, above - 1)?;
        }
        Ok(Some(node))
    }

    /// The tree with these events after its own.
    pub(super) fn extend(
        &self,
        new: &[EventEntry],
        new_counts: &[Counts],
        made: &mut Vec<Made>,
        dropped: &mut BTreeSet<Digest>,
    ) -> Result<Option<EventsRef>> {
        if new.is_empty() {
            return Ok(self.top);
        }
        let last = self.count.checked_sub(1);
        let mut drop = |level: u8| -> Result<Option<Arc<Block>>> {
            let node = last.map(|last| self.node_of(level, last)).transpose()?.flatten();
            dropped.extend(node.iter().map(|node| node.reference.sha256));
            Ok(node)
        };
        // The events of the last leaf that is not full, and what comes after.
        let (mut events, mut counts) = match drop(0)? {
            Some(node) => (leaf_events(&node)?, leaf_counts(&node)?),
            None => (vec![], vec![]),
        };
        assert_eq!(new.len(), new_counts.len(), "whoever adds an event counts");
        counts.extend_from_slice(new_counts);
        // Of the level below: how many nodes are as they were.
        let mut kept = self.count.saturating_sub(1) / FAN_OUT as u64;
        events.extend_from_slice(new);
        let mut nodes = vec![];
        for (events, counts) in events.chunks(FAN_OUT).zip(counts.chunks(FAN_OUT)) {
            let leaf = make_leaf(events, counts)?;
            let last = events.last().expect("chunks are not empty");
            nodes.push(Child { block: leaf.reference, batches: last.totals.batches, ts: last.ts });
            made.push(leaf);
        }
        for level in 0.. {
            if let (0, [top]) = (kept, &nodes[..]) {
                return Ok(Some(EventsRef { block: top.block, level }));
            }
            // The old node above the last one, without that one.
            let mut items = match drop(level + 1)? {
                Some(node) => children(&node)?,
                // It was the only one of its level.
                None => vec![],
            };
            items.truncate((kept % FAN_OUT as u64) as usize);
            if items.is_empty() && !kept.is_multiple_of(FAN_OUT as u64) {
                return Err(Error::corrupt(crate::paths::MANIFEST, format!("{kept} nodes of events"), "fewer"));
            }
            items.append(&mut nodes);
            kept /= FAN_OUT as u64;
            for items in items.chunks(FAN_OUT) {
                let node = make_inner(level + 1, items)?;
                let last = items.last().expect("chunks are not empty");
                nodes.push(Child { block: node.reference, ..*last });
                made.push(node);
            }
        }
        unreachable!("each level has fewer nodes")
    }

    /// The names of all nodes.
    pub(super) fn reach(&self, into: &mut BTreeSet<Digest>) -> Result<()> {
        let mut waiting: Vec<_> = self.top.into_iter().collect();
        while let Some(EventsRef { block, level }) = waiting.pop() {
            into.insert(block.sha256);
            if let Some(below) = level.checked_sub(1) {
                let children = children(&*self.blocks.open(block, Kind::Events, level)?)?;
                waiting.extend(children.into_iter().map(|child| EventsRef { block: child.block, level: below }));
            }
        }
        Ok(())
    }
}

/// How many events a child of a node of this level spans.
fn span(level: u8) -> u64 {
    (FAN_OUT as u64).saturating_pow(level.into())
}

fn timestamp(nanos: i128) -> Result<Timestamp> {
    Timestamp::from_nanos(nanos).ok_or_else(|| Error::corrupt("", "a time of the years 0 to 9999", nanos))
}

fn leaf_events(leaf: &Block) -> Result<Vec<EventEntry>> {
    let read = || -> Result<_> {
        let count = leaf.head.items;
        let mut part = leaf.part(0)?;
        let (offsets, batches) = (part.numbers(count)?, part.numbers(count)?);
        let (rows, bytes, times) = (part.numbers(count)?, part.numbers(count)?, part.wide(count)?);
        part.finish()?;
        let mut chains = leaf.part(1)?;
        let event = |i: usize| {
            let totals = Totals { batches: batches[i], rows: rows[i], bytes: bytes[i] };
            let (chain, ts) = (Digest(chains.array()?), timestamp(times[i])?);
            Ok(EventEntry { offset: offsets[i], chain, ts, totals })
        };
        (0..count).map(event).collect()
    };
    read().map_err(|e| leaf.blame(e))
}

fn leaf_counts(leaf: &Block) -> Result<Vec<Counts>> {
    let read = || -> Result<_> {
        let count = leaf.head.items;
        let mut part = leaf.part(2)?;
        let (appends, segments) = (part.numbers(count)?, part.numbers(count)?);
        let (bytes, rejects) = (part.numbers(count)?, part.numbers(count)?);
        part.finish()?;
        let counts = |i: usize| Counts {
            appends: appends[i],
            segments: segments[i],
            segment_bytes: bytes[i],
            rejects: rejects[i],
        };
        Ok((0..count).map(counts).collect())
    };
    read().map_err(|e| leaf.blame(e))
}

fn make_leaf(events: &[EventEntry], counts: &[Counts]) -> Result<Made> {
    let numbers: [fn(&EventEntry) -> u64; 4] =
        [|event| event.offset, |event| event.totals.batches, |event| event.totals.rows, |event| event.totals.bytes];
    let mut part = vec![];
    for number in numbers {
        packed::put(&events.iter().map(number).collect::<Vec<_>>(), &mut part);
    }
    packed::put_wide(&events.iter().map(|event| event.ts.nanos()).collect::<Vec<_>>(), &mut part);
    let chains = events.iter().flat_map(|event| event.chain.0).collect();
    let numbers: [fn(&Counts) -> u64; 4] =
        [|counts| counts.appends, |counts| counts.segments, |counts| counts.segment_bytes, |counts| counts.rejects];
    let mut last = vec![];
    for number in numbers {
        packed::put(&counts.iter().map(number).collect::<Vec<_>>(), &mut last);
    }
    block::node(Kind::Events, 0, events.len(), &[part, chains, last])
}

fn children(node: &Block) -> Result<Vec<Child>> {
    let read = || -> Result<_> {
        let count = node.head.items;
        let mut part = node.part(0)?;
        let (head_bytes, batches, times) = (part.numbers(count)?, part.numbers(count)?, part.wide(count)?);
        part.finish()?;
        let mut digests = node.part(1)?;
        let child = |i: usize| {
            let block = BlockRef { sha256: Digest(digests.array()?), head_bytes: head_bytes[i] };
            Ok(Child { block, batches: batches[i], ts: timestamp(times[i])? })
        };
        (0..count).map(child).collect()
    };
    read().map_err(|e| node.blame(e))
}

fn make_inner(level: u8, children: &[Child]) -> Result<Made> {
    let mut part = vec![];
    packed::put(&children.iter().map(|child| child.block.head_bytes).collect::<Vec<_>>(), &mut part);
    packed::put(&children.iter().map(|child| child.batches).collect::<Vec<_>>(), &mut part);
    packed::put_wide(&children.iter().map(|child| child.ts.nanos()).collect::<Vec<_>>(), &mut part);
    let digests = children.iter().flat_map(|child| child.block.sha256.0).collect();
    block::node(Kind::Events, level, children.len(), &[part, digests])
}
