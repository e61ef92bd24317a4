//! One manifest: the fold of a ledger's first events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use at1_ledger::{Digest, Header, ManifestRef, Produced, SchemaEvent, Timestamp, Totals};

use super::{Entry, EventEntry, Pending, Root, Sums, Tail};
use crate::{
    error::{Error, Result},
    paths,
    store::Store,
};

/// The fold of a ledger's first events. Immutable; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Manifest(Arc<Fold>);

#[derive(Clone, Debug)]
struct Fold {
    root: Root,
    events: Vec<EventEntry>,
    live: Vec<Arc<Entry>>,
    schema: Vec<SchemaEvent>,
    producers: BTreeMap<String, Produced>,
    replaced: Vec<Pending>,
}

impl Manifest {
    /// Before event 0. `header_line_bytes` is the length of the ledger's first line, its LF included.
    pub(crate) fn empty(header: &Header, header_line_bytes: u64) -> Self {
        let root = Root {
            events: 0,
            chain: header.genesis(),
            ts: None,
            totals: Totals::default(),
            appends: 0,
            ledger_bytes: header_line_bytes,
            last_line_bytes: header_line_bytes,
            segments: Sums::default(),
        };
        Self(Arc::new(Fold {
            root,
            events: vec![],
            live: vec![],
            schema: vec![],
            producers: BTreeMap::new(),
            replaced: vec![],
        }))
    }

    /// The manifest that an event binds; `None` if its root is not there, damaged, or of a version that is not known.
    ///
    /// # Errors
    /// If the storage refuses.
    pub(crate) fn open(_store: Arc<dyn Store>, _reference: ManifestRef) -> Result<Option<Self>> {
        Ok(None)
    }

    /// What it says first.
    pub(crate) fn root(&self) -> &Root {
        &self.0.root
    }

    /// How an event binds it.
    pub(crate) fn reference(&self) -> ManifestRef {
        ManifestRef { events: self.0.root.events, sha256: self.0.root.chain }
    }

    /// Makes the blocks that are only in memory durable. Names that are taken already are fine.
    ///
    /// # Errors
    /// If the storage refuses.
    pub(crate) fn write(&self, _store: &dyn Store) -> Result<()> {
        Ok(())
    }

    /// The names of all blocks that it reaches, its root included.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn blocks(&self) -> Result<BTreeSet<Digest>> {
        Ok(BTreeSet::new())
    }

    /// One of its events.
    ///
    /// # Errors
    /// If a block cannot be read, or there is no such event.
    pub(crate) fn event(&self, n: u64) -> Result<EventEntry> {
        let entry = usize::try_from(n).ok().and_then(|n| self.0.events.get(n));
        entry.copied().ok_or_else(|| Error::corrupt(paths::MANIFEST, format!("event {n}"), "none"))
    }

    /// Its newest event that is not after `ts`.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn event_at(&self, ts: Timestamp) -> Result<Option<u64>> {
        Ok((self.0.events.partition_point(|event| event.ts <= ts) as u64).checked_sub(1))
    }

    /// The event that appended a batch; `None` if it did not fold it.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn event_of_batch(&self, batch: u64) -> Result<Option<u64>> {
        let event = self.0.events.partition_point(|event| event.totals.batches <= batch) as u64;
        Ok((event < self.0.root.events).then_some(event))
    }

    /// Its schema events, oldest first, long ones resolved.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn schema(&self) -> Result<Vec<SchemaEvent>> {
        Ok(self.0.schema.clone())
    }

    /// The newest batch of a producer.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn producer(&self, name: &str) -> Result<Option<Produced>> {
        Ok(self.0.producers.get(name).copied())
    }

    /// Segments that were replaced and not removed, in the order of their names.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn replaced(&self) -> Result<Vec<Pending>> {
        Ok(self.0.replaced.clone())
    }

    /// How much was read of its blocks so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        0
    }

    pub(super) fn live(&self) -> &[Arc<Entry>] {
        &self.0.live
    }

    /// The next one: this one and everything that `tail`, which goes on from it, knows. Its new blocks are in memory.
    ///
    /// # Errors
    /// If a block cannot be read, or a zone is no value of its column's type.
    pub(super) fn advance(&self, tail: &Tail) -> Result<Self> {
        let mut next = Fold::clone(&self.0);
        next.events.extend_from_slice(&tail.events);
        next.live = tail.live.entries().to_vec();
        next.schema.extend_from_slice(&tail.schema);
        next.producers.extend(tail.producers.clone());
        next.replaced = tail.replaced()?;
        next.root = tail.root();
        Ok(Self(Arc::new(next)))
    }
}
