//! Segments as the ledger names them.
//!
//! * A segment is opened with the footer digest of its event, so nothing of it is parsed that the chain does not bind.
//! * Long schema changes lie in a segment's footer, under [`schema_key`]; compactions carry them on.

use std::{io, ops::Range};

use at1_codec::segment::{Segment, Trust, Written};
use at1_ledger::{Carried, Digest, Json, SegmentRecord};

use crate::{
    error::{Error, ErrorKind, Result},
    files::FileEntry,
    manifest::Live,
    paths,
    store::Store,
};

/// What the ledger says about a segment's file, as far as opening it goes.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    name: String,
    bytes: u64,
    footer_bytes: u64,
    footer_sha256: Digest,
}

impl From<&SegmentRecord> for Named {
    fn from(record: &SegmentRecord) -> Self {
        let SegmentRecord { bytes, footer_bytes, footer_sha256, .. } = *record;
        Self { name: record.name.clone(), bytes, footer_bytes, footer_sha256 }
    }
}

impl From<&Live> for Named {
    fn from(live: &Live) -> Self {
        let Live { bytes, footer_bytes, footer_sha256, .. } = *live;
        Self { name: live.name(), bytes, footer_bytes, footer_sha256 }
    }
}

impl From<&FileEntry> for Named {
    fn from(entry: &FileEntry) -> Self {
        let FileEntry { bytes, footer_bytes, footer_sha256, .. } = *entry;
        Self { name: entry.name.clone(), bytes, footer_bytes, footer_sha256 }
    }
}

/// Opens the file of a live segment.
pub(crate) fn open(store: &dyn Store, segment: impl Into<Named>) -> Result<Segment> {
    let named = segment.into();
    let name = named.name.clone();
    open_if_there(store, named)?.ok_or_else(|| missing(&name))
}

/// What it means that a live segment has no file.
pub(crate) fn missing(name: &str) -> Error {
    Error::corrupt(paths::segment_path(name), "a segment", "none: deleted, or not copied yet")
}

/// Opens the file of a segment that may have been replaced and removed meanwhile.
pub(crate) fn open_if_there(store: &dyn Store, segment: impl Into<Named>) -> Result<Option<Segment>> {
    let named = segment.into();
    let path = paths::segment_path(&named.name);
    let file = match store.open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|e| Error::io(path.clone(), e))?,
    };
    let size = file.size().map_err(|e| Error::io(path.clone(), e))?;
    if size != named.bytes {
        return Err(Error::corrupt(path, format!("{} bytes", named.bytes), size));
    }
    let trust = Trust::Footer { bytes: named.footer_bytes, sha256: named.footer_sha256.0 };
    Segment::open(file, trust).map(Some).map_err(|e| damage(e, &named.name))
}

/// What an event says about a segment that was written.
pub(crate) fn record_of(written: &Written, name: String, batch: Range<u64>, zones: Carried) -> SegmentRecord {
    SegmentRecord {
        name,
        bytes: written.bytes,
        sha256: Digest(written.sha256),
        footer_bytes: written.footer_bytes,
        footer_sha256: Digest(written.footer_sha256),
        batch,
        rows: written.rows,
        zones,
        schema_at: None,
        extra: Default::default(),
    }
}

/// An error of the codec about a segment that the ledger vouches for: what does not parse was changed.
pub(crate) fn damage(error: at1_codec::Error, name: &str) -> Error {
    let path = paths::segment_path(name);
    match error.kind() {
        at1_codec::ErrorKind::Io(_) => {
            let error = Error::from(error);
            error.within(&path)
        }
        _ => Error::from(error).within(&path).with_kind(ErrorKind::Corrupt),
    }
}

/// The footer's key for schema changes too long for an event.
pub(crate) fn schema_key(sha256: Digest) -> String {
    format!("at1.schema.{sha256}")
}

/// Schema changes out of a segment's footer, if they are the ones that the event binds.
pub(crate) fn schema_text(store: &dyn Store, segment: impl Into<Named>, sha256: Digest) -> Result<Json> {
    let named = segment.into();
    let place = || paths::segment_path(&named.name);
    let segment = open(store, named.clone())?;
    let text = segment.key_value(&schema_key(sha256));
    let text = text.ok_or_else(|| Error::corrupt(place(), "schema changes in the footer", "none"))?;
    let changes = Json::from_canonical(text.as_bytes()).map_err(|e| Error::from(e).within(&place()))?;
    if changes.sha256() != sha256 {
        return Err(Error::corrupt(place(), format!("schema changes with sha256 {sha256}"), changes.sha256()));
    }
    Ok(changes)
}
