//! A manifest, and what the events after it changed: the newest state of a table.

use std::collections::{BTreeMap, BTreeSet};

use at1_ledger::{Produced, SchemaEvent, Timestamp};

use super::{Counts, EventEntry, LiveSegments, Manifest, Pending, Root};
use crate::error::Result;

/// A manifest, and what the events after it changed. Whoever folds an event adds to each field what it brings.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    /// The manifest's live segments, with the changes made.
    pub(crate) live: LiveSegments,
    /// Every event after the manifest.
    pub(crate) events: Vec<EventEntry>,
    /// What there was after each of them.
    pub(crate) counts: Vec<Counts>,
    /// How many of them are appends.
    pub(crate) appends: u64,
    /// The newest batches of producers that appended.
    pub(crate) producers: BTreeMap<String, Produced>,
    /// What compactions replaced.
    pub(crate) replaced: Vec<Pending>,
    /// The events and parts of the segments that vacuums removed.
    pub(crate) vacuumed: BTreeSet<(u64, u64)>,
    /// Schema events, long ones resolved.
    pub(crate) schema: Vec<SchemaEvent>,
    /// The length of the ledger, up to the newest event.
    pub(crate) ledger_bytes: u64,
    /// The length of that event's line.
    pub(crate) last_line_bytes: u64,
}

impl Tail {
    /// Nothing after `manifest` yet.
    pub(crate) fn new(manifest: Manifest) -> Self {
        let Root { ledger_bytes, last_line_bytes, .. } = *manifest.root();
        Self {
            live: LiveSegments::new(manifest),
            events: vec![],
            counts: vec![],
            appends: 0,
            producers: BTreeMap::new(),
            replaced: vec![],
            vacuumed: BTreeSet::new(),
            schema: vec![],
            ledger_bytes,
            last_line_bytes,
        }
    }

    /// Adds an event, after everything that it changed; its batches have so many rejects.
    pub(crate) fn push(&mut self, event: EventEntry, line_bytes: u64, rejects: u64) {
        let before = self.root();
        self.counts.push(Counts {
            appends: before.appends,
            segments: before.segments.segments,
            segment_bytes: before.segments.bytes,
            rejects: before.rejects.saturating_add(rejects),
        });
        self.events.push(event);
        self.ledger_bytes += line_bytes;
        self.last_line_bytes = line_bytes;
    }

    /// What it goes on from.
    pub(crate) fn manifest(&self) -> &Manifest {
        self.live.manifest()
    }

    /// The next manifest: this one and everything after it. Its new blocks are in memory.
    ///
    /// # Errors
    /// If a block cannot be read, or a zone is no value of its column's type.
    pub(crate) fn advance(&self) -> Result<Manifest> {
        self.manifest().advance(self)
    }

    /// What the next manifest would say first.
    pub(crate) fn root(&self) -> Root {
        let before = self.manifest().root();
        let last = self.events.last();
        Root {
            events: before.events + self.events.len() as u64,
            chain: last.map_or(before.chain, |event| event.chain),
            ts: last.map_or(before.ts, |event| Some(event.ts)),
            totals: last.map_or(before.totals, |event| event.totals),
            appends: before.appends + self.appends,
            rejects: self.counts.last().map_or(before.rejects, |counts| counts.rejects),
            ledger_bytes: self.ledger_bytes,
            last_line_bytes: self.last_line_bytes,
            segments: self.live.sums(),
        }
    }

    /// One of the events, of the manifest or after it.
    ///
    /// # Errors
    /// If a block cannot be read, or there is no such event.
    pub(crate) fn event(&self, n: u64) -> Result<EventEntry> {
        let after =
            n.checked_sub(self.manifest().root().events).and_then(|n| self.events.get(usize::try_from(n).ok()?));
        after.map_or_else(|| self.manifest().event(n), |event| Ok(*event))
    }

    /// What there was after one of the events.
    ///
    /// # Errors
    /// As [`Tail::event`].
    pub(crate) fn counts(&self, n: u64) -> Result<Counts> {
        let after =
            n.checked_sub(self.manifest().root().events).and_then(|n| self.counts.get(usize::try_from(n).ok()?));
        after.map_or_else(|| self.manifest().counts(n), |counts| Ok(*counts))
    }

    /// The newest event that is not after `ts`.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn event_at(&self, ts: Timestamp) -> Result<Option<u64>> {
        match self.events.partition_point(|event| event.ts <= ts) as u64 {
            0 => self.manifest().event_at(ts),
            after => Ok(Some(self.manifest().root().events + after - 1)),
        }
    }

    /// The event that appended a batch; `None` if there is no such batch.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn event_of_batch(&self, batch: u64) -> Result<Option<u64>> {
        if batch < self.manifest().root().totals.batches {
            return self.manifest().event_of_batch(batch);
        }
        let after = self.events.partition_point(|event| event.totals.batches <= batch);
        Ok((after < self.events.len()).then(|| self.manifest().root().events + after as u64))
    }

    /// Every schema event, oldest first.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn schema(&self) -> Result<Vec<SchemaEvent>> {
        let mut events = self.manifest().schema()?;
        events.extend_from_slice(&self.schema);
        Ok(events)
    }

    /// The newest batch of a producer.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn producer(&self, name: &str) -> Result<Option<Produced>> {
        self.producers.get(name).map_or_else(|| self.manifest().producer(name), |produced| Ok(Some(*produced)))
    }

    /// Segments that were replaced and not removed, in the order of their names.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn replaced(&self) -> Result<Vec<Pending>> {
        let mut replaced = self.manifest().replaced()?;
        replaced.extend_from_slice(&self.replaced);
        replaced.retain(|pending| !self.vacuumed.contains(&(pending.event, pending.part)));
        replaced.sort_unstable();
        Ok(replaced)
    }
}
