//! Segments as the ledger names them.
//!
//! * A segment is opened with the footer digest of its event, so nothing of it is parsed that the chain does not bind.
//! * Long schema changes lie in a segment's footer, under [`schema_key`]; compactions carry them on.

use std::{io, ops::Range};

use at1_codec::segment::{Segment, Trust, Written};
use at1_ledger::{Carried, Digest, Json, SegmentRecord, parse_segment_name};

use crate::{
    error::{Error, ErrorKind, Result},
    paths,
    store::Store,
};

/// Opens the file of a live segment.
pub(crate) fn open(store: &dyn Store, record: &SegmentRecord) -> Result<Segment> {
    open_if_there(store, record)?.ok_or_else(|| missing(record))
}

/// What it means that a live segment has no file.
pub(crate) fn missing(record: &SegmentRecord) -> Error {
    Error::corrupt(paths::segment_path(&record.name), "a segment", "none: deleted, or not copied yet")
}

/// Opens the file of a segment that may have been replaced and removed meanwhile.
pub(crate) fn open_if_there(store: &dyn Store, record: &SegmentRecord) -> Result<Option<Segment>> {
    let path = paths::segment_path(&record.name);
    let file = match store.open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|e| Error::io(path.clone(), e))?,
    };
    let size = file.size().map_err(|e| Error::io(path.clone(), e))?;
    if size != record.bytes {
        return Err(Error::corrupt(path, format!("{} bytes", record.bytes), size));
    }
    let trust = Trust::Footer { bytes: record.footer_bytes, sha256: record.footer_sha256.0 };
    Segment::open(file, trust).map(Some).map_err(|e| damage(e, record))
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

/// The event that committed a segment.
pub(crate) fn event_of(record: &SegmentRecord) -> u64 {
    parse_segment_name(&record.name).map_or(0, |(event, _)| event)
}

/// An error of the codec about a segment that the ledger vouches for: what does not parse was changed.
pub(crate) fn damage(error: at1_codec::Error, record: &SegmentRecord) -> Error {
    let path = paths::segment_path(&record.name);
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
pub(crate) fn schema_text(store: &dyn Store, record: &SegmentRecord, sha256: Digest) -> Result<Json> {
    let segment = open(store, record)?;
    let place = || paths::segment_path(&record.name);
    let text = segment.key_value(&schema_key(sha256));
    let text = text.ok_or_else(|| Error::corrupt(place(), "schema changes in the footer", "none"))?;
    let changes = Json::from_canonical(text.as_bytes()).map_err(|e| Error::from(e).within(&place()))?;
    if changes.sha256() != sha256 {
        return Err(Error::corrupt(place(), format!("schema changes with sha256 {sha256}"), changes.sha256()));
    }
    Ok(changes)
}
