//! The blocks of a manifest as files: which of them a table needs, whether they are whole, copied, removed.
//!
//! * Nothing here can change an answer: a block that is missing is made again out of the ledger, one too many is never asked for.
//!   So blocks may be listed, which segments never are to find out what may go.
//! * Where the bound root cannot be read nothing is removed: what it reached may still be of use.

use std::{collections::BTreeSet, io, sync::Arc};

use at1_ledger::{Digest, ManifestRef};

use crate::{
    error::{Error, Result},
    manifest::{self, Manifest},
    paths,
    store::{Entry, EntryKind, Store, read_whole},
};

/// Blocks that the bound root does not reach: of roots that never came to be bound, or whose writer died before it cleaned up.
pub(crate) fn unreached(store: &Arc<dyn Store>, bound: Option<ManifestRef>) -> Result<Vec<Entry>> {
    let entries = match store.list(paths::MANIFEST) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(|e| Error::io(paths::MANIFEST, e))?,
    };
    let Some(reached) = reached(store, bound)? else { return Ok(vec![]) };
    let is_block = |entry: &Entry| entry.kind == EntryKind::File && entry.name.parse::<Digest>().is_ok();
    let names: BTreeSet<_> = reached.iter().map(Digest::to_string).collect();
    Ok(entries.into_iter().filter(|entry| is_block(entry) && !names.contains(&entry.name)).collect())
}

/// Removes blocks.
pub(crate) fn remove(store: &dyn Store, blocks: &[Entry]) -> Result<()> {
    for block in blocks {
        let path = format!("{}/{}", paths::MANIFEST, block.name);
        match store.remove(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io(path, e)),
            _ => {}
        }
    }
    Ok(())
}

/// All blocks of the bound root, none if none is bound; `None` if not all of them can be read that name others.
fn reached(store: &Arc<dyn Store>, bound: Option<ManifestRef>) -> Result<Option<BTreeSet<Digest>>> {
    let Some(bound) = bound else { return Ok(Some(BTreeSet::new())) };
    let Some(manifest) = Manifest::open(Arc::clone(store), bound)? else { return Ok(None) };
    match manifest.blocks() {
        Err(error) if manifest::is_to_blame(&error) => Ok(None),
        blocks => blocks.map(Some),
    }
}

/// Copies the blocks of a bound root that can be had; the copy does without the others. How many it did not have.
pub(crate) fn copy(from: &Arc<dyn Store>, to: &dyn Store, bound: Option<ManifestRef>) -> Result<u64> {
    let blocks = reached(from, bound)?.unwrap_or_default();
    if blocks.is_empty() {
        return Ok(0);
    }
    to.make_folder(paths::MANIFEST).map_err(|e| Error::io(paths::MANIFEST, e))?;
    let mut copied = 0;
    for block in blocks {
        match read_whole(&**from, &manifest::block_path(block)) {
            // A newer root came meanwhile, or it is damaged.
            Err(_) => {}
            Ok(bytes) if manifest::check_block(block, &bytes).is_err() => {}
            Ok(bytes) => copied += u64::from(manifest::put_block(to, block, &bytes)?),
        }
    }
    to.sync_folder(paths::MANIFEST).map_err(|e| Error::io(paths::MANIFEST, e))?;
    Ok(copied)
}

/// What is wrong with the blocks of the bound root: where, and what.
pub(crate) fn faults(store: &Arc<dyn Store>, bound: ManifestRef) -> Result<Vec<(String, String)>> {
    let path = manifest::block_path(bound.sha256);
    let none = || (path.clone(), "expected the newest root of the manifest, found none, or other bytes".to_owned());
    let Some(manifest) = Manifest::open(Arc::clone(store), bound)? else { return Ok(vec![none()]) };
    let blocks = match manifest.blocks() {
        Err(error) if manifest::is_to_blame(&error) => {
            return Ok(vec![(error.place().to_owned(), error.to_string())]);
        }
        blocks => blocks?,
    };
    let fault = |block: &Digest| {
        let path = manifest::block_path(*block);
        match read_whole(&**store, &path) {
            Err(e) => Some((path, format!("expected a block, found none: {e}"))),
            Ok(bytes) => manifest::check_block(*block, &bytes).err().map(|error| (path, error.to_string())),
        }
    };
    Ok(blocks.iter().filter_map(fault).collect())
}
