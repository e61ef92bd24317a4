//! Manifest roots on their way into the ledger: made before the lock, bound by the next event; then what they replace goes.
//!
//! * A root is a cache that the ledger binds: to have none costs time and changes nothing, so no failure here fails a commit.
//! * Its blocks are durable before an event names it.
//! * It is bound only over the root that it was made over, and only if its blocks are still there: a vacuum may have come between.
//! * Blocks that only the old root had are removed once the event that binds the new one is durable. A reader that still needs one
//!   looks again, as it does for segments.

use at1_ledger::ManifestRef;

use crate::{
    error::Result,
    manifest::{self, Manifest},
    store::Store,
    table::Table,
    version::Version,
};

/// How many events lie behind the bound root before a new one is worth its blocks, unless a table was told otherwise.
pub(crate) const EVENTS_BEHIND: u64 = 64;

/// A root whose blocks are durable, for the next event to bind.
#[derive(Debug)]
pub(crate) struct NewRoot {
    manifest: Manifest,
    /// The root that was bound when it was made.
    over: Option<ManifestRef>,
}

impl NewRoot {
    /// A root of what `table` knows, if enough events lie behind the one that it rests on. Takes no lock, and reads no ledger that
    /// was read before.
    pub(crate) fn of(table: &Table) -> Option<Self> {
        table.at_any_cost(|| Self::try_of(table)).ok().flatten()
    }

    fn try_of(table: &Table) -> Result<Option<Self>> {
        let known = table.known().clone();
        let version = match known {
            Some(known) => known,
            None => table.version()?,
        };
        if version.events_behind() < table.manifest_every() {
            return Ok(None);
        }
        let manifest = version.settled(table.store())?;
        // A full disk is for the commit itself to report.
        if manifest.write(table.store()).is_err() {
            return Ok(None);
        }
        Ok(Some(Self { manifest, over: version.tip.manifest() }))
    }

    /// Whether the event after `version` may bind it.
    pub(crate) fn fits(&self, version: &Version, store: &dyn Store) -> bool {
        version.tip.manifest() == self.over && self.manifest.is_in(store)
    }

    pub(crate) fn reference(&self) -> ManifestRef {
        self.manifest.reference()
    }

    /// Removes what only the old root had. What cannot be removed now is a vacuum's.
    pub(crate) fn remove_superseded(&self, store: &dyn Store) {
        for sha256 in self.manifest.superseded() {
            let _ = store.remove(&manifest::block_path(*sha256));
        }
    }
}
