//! The folder `metadata` beside the segments: what lies there, and how a new state of it appears.
//!
//! ```text
//! TABLE/metadata/
//!   version-hint.text          the number of the newest metadata file
//!   v7.metadata.json           one for each export, a few older ones kept
//!   at1-list-…-….avro          a snapshot's manifest list, named by its id and its digest
//!   at1-manifest-…-…-….avro    up to 4,096 segments, named by what it holds and its digest
//! ```
//!
//! * Every file but the hint is written once, whole and synced before anything names it; the hint is replaced whole, last.
//! * A metadata file appears only while none of its number is there, under the table's lock: of two exports one wins.
//! * Only names of this pattern are ever removed, and only below a metadata file of this table.

use std::{collections::HashSet, io};

use at1_ledger::Digest;
use at1_table::{
    Error, ErrorKind, Result, paths,
    store::{EntryKind, Store},
};

use super::{
    list::{self, Listed},
    manifest,
    metadata::{Metadata, foreign},
};

/// The folder's name, which Iceberg gives.
pub(super) const METADATA: &str = "metadata";
const HINT: &str = "metadata/version-hint.text";
const HINT_NEW: &str = "metadata/version-hint.text.new";
/// Metadata files, lists and manifests that are longer were not written by us.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// A table's folder `metadata`.
pub(super) struct Folder<'f> {
    store: &'f dyn Store,
    /// The URI of the table's folder.
    location: &'f str,
}

/// What is to become the newest state.
pub(super) struct Publication {
    /// The newest metadata file that this goes on from, 0 for none.
    pub(super) base: u64,
    /// The new metadata file; without one only the hint is put right.
    pub(super) metadata: Option<Vec<u8>>,
    /// The names of the files that it needs.
    pub(super) needed: HashSet<String>,
}

impl<'f> Folder<'f> {
    pub(super) fn new(store: &'f dyn Store, location: &'f str) -> Self {
        Self { store, location }
    }

    /// The URI of the folder, or of a file in it.
    pub(super) fn uri(&self, name: &str) -> String {
        let folder = format!("{}/{METADATA}", self.location);
        if name.is_empty() { folder } else { format!("{folder}/{name}") }
    }

    /// The newest metadata file, whatever the hint says: a crash may have left the hint behind.
    ///
    /// # Errors
    /// `Exists` if the folder is another table's or another program's.
    pub(super) fn newest(&self, uuid: &str) -> Result<Option<Metadata>> {
        let Some(names) = self.names()? else { return Ok(None) };
        let Some(version) = names.iter().filter_map(|name| version(name)).max() else {
            // What a crash of the first export left is ours.
            return match names.into_iter().find(|name| !is_ours(name)) {
                Some(name) => Err(foreign(METADATA, "no such folder, or one that AT1 wrote", name)),
                None => Ok(None),
            };
        };
        let path = metadata_path(version);
        Metadata::parse(&path, version, &self.read(&path)?, uuid).map(Some)
    }

    /// What lies in the folder; `None` if there is none.
    fn names(&self) -> Result<Option<Vec<String>>> {
        match self.store.list(METADATA) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(at(METADATA)(e)),
            Ok(entries) => {
                let name = |entry: at1_table::store::Entry| match entry.kind {
                    EntryKind::File => entry.name,
                    // No file of ours is called so.
                    _ => entry.name + "/",
                };
                Ok(Some(entries.into_iter().map(name).collect()))
            }
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let file = self.store.open(path).map_err(at(path))?;
        let bytes = file.size().map_err(at(path))?;
        let length = usize::try_from(bytes)
            .ok()
            .filter(|_| bytes <= FILE_BYTES_MAX)
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, path, format!("at most {FILE_BYTES_MAX} bytes"), bytes))?;
        let mut buffer = vec![0; length];
        file.read_exact_at(&mut buffer, 0).map_err(at(path))?;
        Ok(buffer)
    }

    /// The manifests of a list at a URI; `None` if they are not as they were written here.
    pub(super) fn listed(&self, uri: &str) -> Result<Option<Vec<Listed>>> {
        let Some(name) = uri.strip_prefix(&self.uri("")).and_then(|name| name.strip_prefix('/')) else {
            return Ok(None);
        };
        let Some(bytes) = self.read_if_whole(name)? else { return Ok(None) };
        let is_named = list_digest(name).is_some_and(|digest| Digest::of(&bytes).to_string().starts_with(digest));
        Ok(if is_named { list::read(&bytes, &self.uri("")).ok() } else { None })
    }

    /// The entries of a listed manifest; `None` if it is not as it was written here.
    pub(super) fn entries(&self, listed: &Listed) -> Result<Option<Vec<manifest::Entry>>> {
        let Some(bytes) = self.read_if_whole(&listed.name.to_string())? else { return Ok(None) };
        Ok(manifest::read(&listed.name, &bytes, listed.sequence).ok())
    }

    /// A file by its name; `None` if it is not there, or no file.
    fn read_if_whole(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.read(&format!("{METADATA}/{name}")) {
            Err(e) if is_gone(&e) => Ok(None),
            read => read.map(Some),
        }
    }

    /// Whether the files of listed manifests are there, and what they should be.
    pub(super) fn has(&self, listed: &[Listed]) -> Result<bool> {
        for manifest in listed {
            let bytes = self.read_if_whole(&manifest.name.to_string())?;
            if !bytes.is_some_and(|bytes| bytes.len() as u64 == manifest.bytes && manifest.name.is_of(&bytes)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether readers that ask the hint find this metadata file.
    pub(super) fn hints_at(&self, version: u64) -> Result<bool> {
        let hint = self.read_if_whole("version-hint.text")?;
        Ok(hint.is_some_and(|hint| hint == version.to_string().as_bytes()))
    }

    /// Makes ready to write.
    pub(super) fn prepare(&self) -> Result<()> {
        [METADATA, paths::STAGING].into_iter().try_for_each(|folder| self.store.make_folder(folder).map_err(at(folder)))
    }

    /// Writes a file that is named by its bytes. One of that name is the same file.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = format!("{METADATA}/{name}");
        match self.store.create(&path, bytes) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(at(&path)(e)),
            _ => Ok(()),
        }
    }

    /// Makes a new state the newest; `None` if another export came first. Tells how many files nobody needs any more were removed.
    pub(super) fn publish(&self, new: &Publication) -> Result<Option<u64>> {
        // The names of what the metadata file names must outlive a power cut before it does.
        self.store.sync_folder(METADATA).map_err(at(METADATA))?;
        let _guard = self.store.lock().map_err(at(self.store.place()))?;
        let names = self.names()?.unwrap_or_default();
        let newest = names.iter().filter_map(|name| version(name)).max().unwrap_or(0);
        // Another export may also have taken files for leftovers that no metadata names yet.
        if newest != new.base {
            return Ok(None);
        }
        let version = match &new.metadata {
            Some(bytes) => {
                let path = metadata_path(new.base + 1);
                self.store.create(&path, bytes).map_err(at(&path))?;
                self.store.sync_folder(METADATA).map_err(at(METADATA))?;
                new.base + 1
            }
            None => new.base,
        };
        self.write_hint(version)?;
        if new.metadata.is_none() { Ok(Some(0)) } else { Ok(Some(self.sweep(&names, new))) }
    }

    fn write_hint(&self, version: u64) -> Result<()> {
        match self.store.remove(HINT_NEW) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(at(HINT_NEW)(e)),
            _ => {}
        }
        // Readers take the whole text for the number, so no line ends it.
        self.store.create(HINT_NEW, version.to_string().as_bytes()).map_err(at(HINT_NEW))?;
        self.store.rename(HINT_NEW, HINT).map_err(at(HINT))?;
        self.store.sync_folder(METADATA).map_err(at(METADATA))
    }

    /// Removes what no kept snapshot needs: of older exports, and of those that did not finish.
    fn sweep(&self, names: &[String], new: &Publication) -> u64 {
        let is_ours = |name: &str| version(name).is_some() || is_avro(name);
        let old = names.iter().filter(|name| is_ours(name) && !new.needed.contains(*name));
        // The new state is there; what could not be removed is tried again by the next export.
        old.filter(|name| self.store.remove(&format!("{METADATA}/{name}")).is_ok()).count() as u64
    }
}

fn at(path: &str) -> impl Fn(io::Error) -> Error {
    move |e| Error::from(e).within(path)
}

/// Whether an error of reading says that there is no such file.
fn is_gone(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|e| matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData))
}

pub(super) fn metadata_name(version: u64) -> String {
    format!("v{version}.metadata.json")
}

fn metadata_path(version: u64) -> String {
    format!("{METADATA}/{}", metadata_name(version))
}

/// The number in a metadata file's name.
fn version(name: &str) -> Option<u64> {
    let version = name.strip_prefix('v')?.strip_suffix(".metadata.json")?.parse().ok()?;
    (metadata_name(version) == name).then_some(version)
}

const LIST_PREFIX: &str = "at1-list-";
const LIST_SUFFIX: &str = ".avro";
/// How many digits of a digest are in a list's name.
const LIST_DIGITS: usize = 32;

/// The name of a snapshot's manifest list.
pub(super) fn list_name(snapshot_id: i64, bytes: &[u8]) -> String {
    format!("{LIST_PREFIX}{snapshot_id}-{}{LIST_SUFFIX}", &Digest::of(bytes).to_string()[..LIST_DIGITS])
}

fn list_digest(name: &str) -> Option<&str> {
    let (_, digest) = name.strip_prefix(LIST_PREFIX)?.strip_suffix(LIST_SUFFIX)?.split_once('-')?;
    (digest.len() == LIST_DIGITS && digest.bytes().all(|b| b.is_ascii_hexdigit())).then_some(digest)
}

fn is_avro(name: &str) -> bool {
    list_digest(name).is_some() || name.parse::<manifest::Name>().is_ok()
}

/// Whether an export may have left a file of this name.
fn is_ours(name: &str) -> bool {
    is_avro(name) || ["version-hint.text.new"].contains(&name)
}
