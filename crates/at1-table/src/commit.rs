//! The one place that changes a table's history: under the lock, one line, durable before anyone is told.
//!
//! The order of an append, and what a crash after each step leaves:
//!
//! ```text
//! staged file written, sealed      a staging name without an owner: swept by the next writer
//! new root's blocks written         blocks that no root reaches: removed by a vacuum
//! lock, tail read, torn tail cut,
//! lines of others synced           nothing new
//! segment linked to its name       an orphan: no event has its number; replaced by the next writer
//! segments folder synced           the same
//! line written                     a torn tail, or a whole line that may not be durable
//! ledger synced                    the event
//! old root's own blocks removed    the same as blocks that no root reaches
//! ```
//!
//! * A writer that cannot tell whether its line is durable cuts it off again and syncs that; if even that fails, it leaves the
//!   marker `_at1/poisoned`, and no writer goes on until a person has looked.
//! * A complete line that does not follow from the ones before is damage: it is never cut.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use at1_ledger::{Detail, Digest, Kind, Link, Timestamp, link, segment_name};

use crate::{
    attest::Kept,
    error::{Error, ErrorKind, Result},
    paths,
    roots::NewRoot,
    store::{Guard, Staged, Store},
    table::{ClockRule, Table},
    version::Version,
};

/// What became of a line.
#[derive(Debug)]
pub enum Outcome {
    /// It is the event, durably.
    Committed,
    /// Another event has the number; nothing was written.
    Conflict {
        /// How many events there are.
        events: u64,
    },
    /// Nobody can tell: writing failed, and so did taking it back. All writers are stopped.
    Unknown(io::Error),
}

/// The table's only writer, for as long as this lives.
pub(crate) struct Writer<'a> {
    table: &'a Table,
    store: &'a dyn Store,
    version: Arc<Version>,
    /// What the next event binds, if it binds a root that the one before did not.
    root: Option<NewRoot>,
    guard: Box<dyn Guard>,
}

impl<'a> Writer<'a> {
    /// Waits for the lock, looks at the ledger's tail, saves and cuts a torn one, and makes durable what others wrote.
    pub(crate) fn lock(table: &'a Table) -> Result<Self> {
        let store = table.store();
        let io = |e| Error::io(store.place(), e);
        let root = NewRoot::of(table);
        let guard = store.lock().map_err(io)?;
        table.check_poison()?;
        let look = table.look()?;
        if !look.torn.is_empty() {
            expect_unsigned(store, &look.version)?;
            cut_torn(store, look.version.whole_bytes(), &look.torn)?;
        }
        // What the next event builds on must not be lost while the event itself is kept.
        table.make_durable(&look.version)?;
        let root = root.filter(|root| root.fits(&look.version, store));
        Ok(Self { table, store, version: look.version, root, guard })
    }

    /// The state that the next event follows.
    pub(crate) fn version(&self) -> &Version {
        &self.version
    }

    /// The next event's time and what it says about the clock.
    pub(crate) fn stamp(&self) -> Result<at1_ledger::Stamp> {
        let wall = Timestamp::try_from(SystemTime::now()).map_err(|e| Error::from(e).with_kind(ErrorKind::Refused))?;
        let newest = self.version.tip.ts();
        let stamp = match self.table.clock() {
            ClockRule::Refuse => Timestamp::after(newest, wall),
            ClockRule::Insist => Timestamp::after_forced(newest, wall),
        };
        stamp.map_err(|e| Error::from(e).with_kind(ErrorKind::Refused))
    }

    /// The next event: `kind`, with the totals, the clock, the newest root and the link to what came before.
    pub(crate) fn next_event(&self, kind: Kind) -> Result<Link> {
        let tip = &self.version.tip;
        if kind.segments().is_empty() {
            // An orphan of this number would never be replaced: no later event can give its name.
            let path = paths::segment_path(&segment_name(tip.events(), 0));
            match self.store.remove(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io(path, e)),
                _ => {}
            }
        }
        let totals = tip.totals().plus(kind.batches());
        let totals = totals.ok_or_else(|| Error::invalid("totals", "numbers of 64 bits", "larger ones"))?;
        let stamp = self.stamp()?;
        let detail = Detail {
            totals,
            manifest: self.root.as_ref().map(NewRoot::reference).or(tip.manifest()),
            kind,
            actor: None,
            tool: Some(concat!("at1 ", env!("CARGO_PKG_VERSION")).to_owned()),
            text: None,
            clk: stamp.clk,
            extra: Default::default(),
        };
        Ok(link(tip.chain(), tip.events(), &detail, stamp.ts)?)
    }

    /// Gives a staged segment the name that the next event will give it; whatever had the name is nobody's.
    pub(crate) fn link(&self, staged: &dyn Staged, name: &str) -> Result<()> {
        let path = paths::segment_path(name);
        let io = |e| Error::io(path.clone(), e);
        match self.store.link(staged, &path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                self.store.remove(&path).map_err(io)?;
                self.store.link(staged, &path).map_err(io)?;
            }
            other => other.map_err(io)?,
        }
        self.store.sync_folder(paths::SEGMENTS).map_err(io)
    }

    /// Makes `line` event `n`. An error means that it is not, and will not be; see [`Outcome`] for the rest.
    pub(crate) fn commit(mut self, n: u64, line: &[u8]) -> Result<(Outcome, Arc<Version>)> {
        let events = self.version.events();
        if events != n {
            return Ok((Outcome::Conflict { events }, self.version));
        }
        let at = self.version.whole_bytes();
        // Folded before it is written: a line that cannot follow must not be in the ledger. Until it is durable nobody may see
        // the new state, so the table's other threads wait; and it forgets the old one, which is made into the new.
        let mut known = self.table.known();
        *known = None;
        let next = Arc::make_mut(&mut self.version);
        next.push(self.store, line)?;
        let written = self.store.write_at(paths::LEDGER, at, line).and_then(|()| self.store.sync(paths::LEDGER));
        if let Err(failure) = written {
            return self.take_back(at, failure).map(|outcome| (outcome, self.version));
        }
        self.table.note_durable(&self.version);
        match self.root {
            // The next look begins at the new root.
            Some(root) => {
                drop((known, self.guard));
                root.remove_superseded(self.store);
            }
            None => *known = Some(Arc::clone(&self.version)),
        }
        Ok((Outcome::Committed, self.version))
    }

    /// Cuts the ledger back to where it was durable.
    fn take_back(&self, bytes: u64, failure: io::Error) -> Result<Outcome> {
        let back = self.store.truncate(paths::LEDGER, bytes).and_then(|()| self.store.sync(paths::LEDGER));
        let Err(second) = back else { return Err(Error::io(paths::LEDGER, failure)) };
        self.table.poisoned.store(true, Ordering::SeqCst);
        let text = format!(
            "A write to _at1/ledger failed, and so did cutting the ledger back to its {bytes} durable bytes.\n\
             first: {failure}\nthen: {second}\n\
             What the file shows beyond byte {bytes} may or may not be on the disk. Writers stop until this marker is removed.\n\
             After a restart of the machine, run at1 verify; if it holds, remove this file.\n"
        );
        // If the marker cannot be written either, at least this process stops.
        let _ = self.store.create(paths::POISONED, text.as_bytes()).and_then(|()| self.store.sync_folder(paths::HOME));
        Ok(Outcome::Unknown(failure))
    }
}

/// An error if a checkpoint covers more than the full lines: what is torn was a whole line once, and is not the leavings of a crash.
fn expect_unsigned(store: &dyn Store, version: &Version) -> Result<()> {
    let origin = version.header.origin();
    let kept = Kept::read(store)?;
    let signed = kept.all().filter(|note| note.checkpoint().origin == origin).map(|note| note.checkpoint().size).max();
    match signed.filter(|signed| *signed > version.events()) {
        None => Ok(()),
        Some(signed) => {
            let found = format!("{} and a torn line: at1 repair tells more", version.events());
            Err(Error::corrupt(paths::LEDGER, format!("the {signed} events of a checkpoint"), found))
        }
    }
}

/// Saves what stands behind the last full line, then cuts it off.
fn cut_torn(store: &dyn Store, whole_bytes: u64, torn: &[u8]) -> Result<()> {
    store.make_folder(paths::TORN).map_err(|e| Error::io(paths::TORN, e))?;
    // Named by place and content: saving the same tail twice is no second file.
    let digest = Digest::of(torn).to_string();
    let path = format!("{}/{whole_bytes}-{}", paths::TORN, &digest[..16]);
    let io = |e| Error::io(path.clone(), e);
    match store.create(&path, torn) {
        // An earlier writer got so far, or half so far: what counts is what is there now.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            store.remove(&path).and_then(|()| store.create(&path, torn)).map_err(io)?;
        }
        other => other.map_err(io)?,
    }
    store.sync_folder(paths::TORN).map_err(io)?;
    let cut = store.truncate(paths::LEDGER, whole_bytes).and_then(|()| store.sync(paths::LEDGER));
    cut.map_err(|e| Error::io(paths::LEDGER, e))
}
