//! Files that go from one store to another: hashed on their way, and named only if they are what a ledger says.
//!
//! * A file gets its name after its length and digest were compared with its record, and its contents are durable.
//! * A ledger is replaced by a longer one at once: there is no moment with a part of it, and none without.
//! * What was wrong under a live segment's name is kept: it may be all that is left of something.

use std::io::{self, Write as _};

use at1_ledger::{Digest, SegmentRecord};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, Result},
    paths,
    store::{Staged, Store},
    verify,
};

const BUFFER_BYTES: usize = 1 << 20;

/// How closely a file is compared with its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// By its length.
    #[default]
    Lengths,
    /// By its length and the digest of all its bytes.
    Digests,
}

/// What stands under a segment's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The file of the record, as far as was checked.
    Right,
    /// Another file, or something that is no file.
    Wrong,
    /// Nothing.
    Nothing,
}

/// Compares what has a segment's name with its record.
pub(crate) fn standing(store: &dyn Store, record: &SegmentRecord, check: Check) -> io::Result<Standing> {
    let file = match store.open(&paths::segment_path(&record.name)) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Standing::Nothing),
        // A folder, a link or a device has the name.
        Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(Standing::Wrong),
        Err(e) => return Err(e),
    };
    let right = file.size()? == record.bytes
        && (check == Check::Lengths || verify::digest(&*file, record.bytes)? == record.sha256);
    Ok(if right { Standing::Right } else { Standing::Wrong })
}

/// Where a path of a store is, for messages that speak of two stores.
pub(crate) fn place(store: &dyn Store, path: &str) -> String {
    format!("{}/{path}", store.place())
}

/// Stages the file of `record` in `to`, durable, but without its name; `None` if `from` has no such file.
pub(crate) fn stage_segment(
    from: &dyn Store,
    to: &dyn Store,
    record: &SegmentRecord,
) -> Result<Option<Box<dyn Staged>>> {
    let path = paths::segment_path(&record.name);
    let here = place(from, &path);
    let file = match from.open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io(here, e)),
    };
    let size = file.size().map_err(|e| Error::io(here.clone(), e))?;
    if size != record.bytes {
        return Err(Error::corrupt(here, format!("{} bytes", record.bytes), size));
    }
    let there = |e| Error::io(place(to, paths::STAGING), e);
    let mut staged = to.stage().map_err(there)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(usize::MAX).min(BUFFER_BYTES)];
    let mut at = 0;
    while at < size {
        let length = usize::try_from(size - at).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact_at(&mut buffer[..length], at).map_err(|e| Error::io(here.clone(), e))?;
        digest.update(&buffer[..length]);
        staged.write_all(&buffer[..length]).map_err(there)?;
        at += length as u64;
    }
    let found = Digest(digest.finalize().into());
    if found != record.sha256 {
        return Err(Error::corrupt(here, format!("sha256 {}", record.sha256), found));
    }
    staged.seal().map_err(there)?;
    Ok(Some(staged))
}

/// Gives what wrongly has a segment's name one among the torn tails, where a person finds it; says which.
pub(crate) fn set_aside(store: &dyn Store, name: &str) -> Result<String> {
    let path = paths::segment_path(name);
    // A disk that cannot read the file can still name it.
    let digest = store.open(&path).and_then(|file| verify::digest(&*file, file.size()?));
    let suffix = digest.map_or("unreadable".to_owned(), |digest| digest.to_string()[..16].to_owned());
    let aside = format!("{}/{name}-{suffix}", paths::TORN);
    store.make_folder(paths::TORN).map_err(|e| Error::io(place(store, paths::TORN), e))?;
    store.rename(&path, &aside).map_err(|e| Error::io(place(store, &path), e))?;
    store.sync_folder(paths::TORN).map_err(|e| Error::io(place(store, paths::TORN), e))?;
    Ok(aside)
}

/// Puts `bytes` in the place of the file `path`, or makes it; durable on return. Nobody finds a part of either, or none.
pub(crate) fn replace(store: &dyn Store, path: &str, bytes: &[u8]) -> Result<()> {
    let new = format!("{path}.new");
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    remove_if_there(store, &new)?;
    store.create(&new, bytes).and_then(|()| store.rename(&new, path)).map_err(|e| Error::io(place(store, &new), e))?;
    store.sync_folder(folder).map_err(|e| Error::io(place(store, folder), e))
}

/// Makes durable which file is the ledger.
pub(crate) fn sync_home(store: &dyn Store) -> Result<()> {
    store.sync_folder(paths::HOME).map_err(|e| Error::io(place(store, paths::HOME), e))
}

/// Removes a name; says whether it was there.
pub(crate) fn remove_if_there(store: &dyn Store, path: &str) -> Result<bool> {
    match store.remove(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io(place(store, path), e)),
    }
}
