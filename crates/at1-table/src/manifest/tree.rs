//! One manifest: the fold of a ledger's first events, of which only the root is in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use at1_ledger::{Digest, Header, ManifestRef, Produced, SchemaEvent, Timestamp, Totals};

use super::{
    EventEntry, Pending, Placed, Root, Sums, Tail,
    block::{BlockRef, Made},
    blocks::{self, Blocks},
    events::Events,
    grow::{Changed, Grown},
    lists::List,
    node::Node,
    root::{self, Tops},
};
use crate::{
    error::{Error, Result},
    paths,
    store::{Store, read_range, read_whole},
};

/// The fold of a ledger's first events. Immutable; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Manifest(Arc<Fold>);

#[derive(Debug)]
struct Fold {
    root: Root,
    tops: Tops,
    /// Of the root's block; what it starts from before event 0.
    sha256: Digest,
    blocks: Blocks,
    /// What manifests had that it came from, and it has not.
    superseded: BTreeSet<Digest>,
    written: AtomicBool,
    /// Once somebody asked for one of them.
    producers: OnceLock<BTreeMap<String, Produced>>,
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
            tops: Tops::default(),
            sha256: header.genesis(),
            blocks: Blocks::none(),
            superseded: BTreeSet::new(),
            written: AtomicBool::new(false),
            producers: OnceLock::new(),
        }))
    }

    /// The manifest that an event binds; `None` if its root is not there, damaged, or of a version that is not known.
    ///
    /// # Errors
    /// If the storage refuses.
    pub(crate) fn open(store: Arc<dyn Store>, reference: ManifestRef) -> Result<Option<Self>> {
        let path = blocks::path(reference.sha256);
        let read = || {
            let file = store.open(&path)?;
            let bytes = file.size()?.min(root::ROOT_BYTES_MAX);
            read_range(&*file, 0, bytes)
        };
        let bytes = match read() {
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => return Ok(None),
            bytes => bytes.map_err(|e| Error::io(path, e))?,
        };
        if Digest::of(&bytes) != reference.sha256 {
            return Ok(None);
        }
        let Ok((root, tops)) = root::read(&bytes) else { return Ok(None) };
        if root.events != reference.events {
            return Ok(None);
        }
        let blocks = Blocks::of(store);
        blocks.count(bytes.len());
        let fold = Fold {
            root,
            tops,
            sha256: reference.sha256,
            blocks,
            superseded: BTreeSet::new(),
            written: AtomicBool::new(true),
            producers: OnceLock::new(),
        };
        Ok(Some(Self(Arc::new(fold))))
    }

    /// What it says first.
    pub(crate) fn root(&self) -> &Root {
        &self.0.root
    }

    /// How an event binds it. Before event 0 there is nothing to bind.
    pub(crate) fn reference(&self) -> ManifestRef {
        ManifestRef { events: self.0.root.events, sha256: self.0.sha256 }
    }

    /// Makes the blocks that are only in memory durable. Names that are taken already are fine, if the right bytes have them.
    ///
    /// # Errors
    /// If the storage refuses.
    pub(crate) fn write(&self, store: &dyn Store) -> Result<()> {
        let failed = |path: &str, e: io::Error| Error::io(path, e);
        if self.0.written.load(Ordering::Acquire) {
            return Ok(());
        }
        store.make_folder(paths::MANIFEST).map_err(|e| failed(paths::MANIFEST, e))?;
        for (sha256, bytes) in self.0.blocks.fresh() {
            let path = blocks::path(sha256);
            match store.create(&path, bytes) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    // Another writer made the same block, or what lies there is damaged.
                    if read_whole(store, &path).is_ok_and(|found| found == bytes) {
                        continue;
                    }
                    store.remove(&path).and_then(|()| store.create(&path, bytes)).map_err(|e| failed(&path, e))?;
                }
                made => made.map_err(|e| failed(&path, e))?,
            }
        }
        store.sync_folder(paths::MANIFEST).map_err(|e| failed(paths::MANIFEST, e))?;
        self.0.written.store(true, Ordering::Release);
        Ok(())
    }

    /// The names of all blocks that it reaches, its root included.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn blocks(&self) -> Result<BTreeSet<Digest>> {
        let Tops { segments, schema, producers, replaced, .. } = &self.0.tops;
        let mut reached: BTreeSet<_> = (self.0.root.events > 0).then_some(self.0.sha256).into_iter().collect();
        reached.extend([schema, producers, replaced].into_iter().flatten().map(|at| at.sha256));
        self.events().reach(&mut reached)?;
        let mut waiting: Vec<_> = segments.iter().cloned().collect();
        while let Some(at) = waiting.pop() {
            reached.insert(at.block.sha256);
            if at.level > 0 {
                let node = Node::open(&self.0.blocks, &at)?;
                for child in 0..node.len() {
                    waiting.push(node.child(child)?);
                }
            }
        }
        Ok(reached)
    }

    /// The blocks that nothing needs once an event binds this manifest: what those had that it came from since one was written, and
    /// it has not.
    pub(crate) fn superseded(&self) -> &BTreeSet<Digest> {
        &self.0.superseded
    }

    /// How much was read of blocks so far, by this manifest and those it came from or became.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.0.blocks.bytes_read()
    }

    pub(super) fn store(&self) -> &Blocks {
        &self.0.blocks
    }

    pub(super) fn tops(&self) -> &Tops {
        &self.0.tops
    }

    /// The next one: this one and everything that `tail`, which goes on from it, knows. Its new blocks are in memory.
    ///
    /// # Errors
    /// If a block cannot be read, or a zone is no value of its column's type.
    pub(super) fn advance(&self, tail: &Tail) -> Result<Self> {
        if tail.events.is_empty() {
            return Ok(self.clone());
        }
        let (old, blocks) = (&self.0.tops, &self.0.blocks);
        let mut changed = Changed::default();
        let segments = Grown { blocks, top: old.segments.as_ref() }.edit(tail.live.edits()?, &mut changed)?;
        let Changed { mut made, mut dropped } = changed;
        let events = self.events().extend(&tail.events, &mut made, &mut dropped)?;

        let mut list = |old, new: Option<Made>| {
            dropped.extend(Option::<BlockRef>::map(old, |at| at.sha256));
            let at = new.as_ref().map(|made| made.reference);
            made.extend(new);
            at
        };
        let mut tops = Tops { segments, events, ..old.clone() };
        if !tail.schema.is_empty() {
            tops.schema = list(old.schema, tail.schema()?.block()?);
        }
        if !tail.producers.is_empty() {
            let mut producers = self.producers()?.clone();
            producers.extend(tail.producers.clone());
            tops.producers = list(old.producers, producers.block()?);
        }
        if !tail.replaced.is_empty() || !tail.vacuumed.is_empty() {
            tops.replaced = list(old.replaced, tail.replaced()?.block()?);
        }

        let root = tail.root();
        let block = root::write(&root, &tops)?;
        let sha256 = block.reference.sha256;
        if self.0.root.events > 0 {
            dropped.insert(self.0.sha256);
        }
        made.push(block);
        made.iter().for_each(|made| _ = dropped.remove(&made.reference.sha256));
        let written = self.0.written.load(Ordering::Acquire);
        let blocks = blocks.with(written, dropped.iter().copied(), made);
        let mut superseded = dropped;
        if !written {
            superseded.extend(self.0.superseded.iter().filter(|sha256| !blocks.has_fresh(**sha256)));
        }
        let (written, producers) = (AtomicBool::new(false), OnceLock::new());
        Ok(Self(Arc::new(Fold { root, tops, sha256, blocks, superseded, written, producers })))
    }
}

/// What it says about events and lists.
impl Manifest {
    fn events(&self) -> Events<'_> {
        Events { blocks: &self.0.blocks, top: self.0.tops.events, count: self.0.root.events }
    }

    /// One of its events.
    ///
    /// # Errors
    /// If a block cannot be read, or there is no such event.
    pub(crate) fn event(&self, n: u64) -> Result<EventEntry> {
        self.events().event(n)
    }

    /// Its newest event that is not after `ts`.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn event_at(&self, ts: Timestamp) -> Result<Option<u64>> {
        Ok(self.events().until(ts)?.checked_sub(1))
    }

    /// The event that appended a batch; `None` if it did not fold it.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn event_of_batch(&self, batch: u64) -> Result<Option<u64>> {
        if batch >= self.0.root.totals.batches {
            return Ok(None);
        }
        self.events().before_batch(batch).map(Some)
    }

    /// Its schema events, oldest first, long ones resolved.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn schema(&self) -> Result<Vec<SchemaEvent>> {
        Vec::load(&self.0.blocks, self.0.tops.schema)
    }

    /// The newest batch of a producer.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn producer(&self, name: &str) -> Result<Option<Produced>> {
        Ok(self.producers()?.get(name).copied())
    }

    /// All of them, read once: who appends asks again and again.
    fn producers(&self) -> Result<&BTreeMap<String, Produced>> {
        if let Some(producers) = self.0.producers.get() {
            return Ok(producers);
        }
        let producers = BTreeMap::load(&self.0.blocks, self.0.tops.producers)?;
        Ok(self.0.producers.get_or_init(|| producers))
    }

    /// Segments that were replaced and not removed, in the order of their names.
    ///
    /// # Errors
    /// If a block cannot be read.
    pub(crate) fn replaced(&self) -> Result<Vec<Pending>> {
        Vec::load(&self.0.blocks, self.0.tops.replaced)
    }
}

/// What it says about its segments, as they were after its events.
impl Manifest {
    /// What those add up to whose first batch is before `batch`.
    pub(super) fn sums_before(&self, batch: u64) -> Result<Sums> {
        let Some(top) = &self.0.tops.segments else { return Ok(Sums::default()) };
        if batch >= top.batch.end {
            return Ok(top.sums);
        }
        let mut sums = Sums::default();
        let mut at = top.clone();
        loop {
            let node = Node::open(&self.0.blocks, &at)?;
            let item = node.item_of_batch(batch);
            sums = sums + node.before(item);
            if at.level == 0 {
                // The one that holds the batch counts if it holds another before it.
                let itself = if node.batch(item).start < batch { node.sums(item) } else { Sums::default() };
                return Ok(sums + itself);
            }
            at = node.child(item)?;
        }
    }

    pub(super) fn at_batch(&self, batch: u64) -> Result<Option<Placed>> {
        let holds = |top: &Root| batch < top.totals.batches;
        self.find(holds, |node, _| node.item_of_batch(batch))
    }

    pub(super) fn at_row(&self, row: u64) -> Result<Option<Placed>> {
        let holds = |top: &Root| row < top.segments.rows;
        self.find(holds, |node, before| node.item_of_row(row - before.rows))
    }

    fn find(&self, holds: impl Fn(&Root) -> bool, item: impl Fn(&Node, Sums) -> usize) -> Result<Option<Placed>> {
        let Some(top) = self.0.tops.segments.as_ref().filter(|_| holds(&self.0.root)) else { return Ok(None) };
        let mut before = Sums::default();
        let mut at = top.clone();
        loop {
            let node = Node::open(&self.0.blocks, &at)?;
            let item = item(&node, before);
            if at.level == 0 {
                return node.placed(item, before).map(Some);
            }
            before = before + node.before(item);
            at = node.child(item)?;
        }
    }
}
