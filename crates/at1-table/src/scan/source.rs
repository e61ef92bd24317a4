//! A live segment as the catalog reads it.
//!
//! * Opened when its turn comes, with the digest that the ledger binds.
//! * Its columns are the table's first ones: a column that came later is missing.
//! * A column that is stored as another type is read as the snapshot's schema says.

use crate::{
    error::{Error, ErrorKind},
    manifest::Live,
    schema::TableSchema,
    segments,
    store::Store,
};
use at1_catalog::{Opened, View};
use at1_codec::{Segment, column::Pin};

/// Opens a segment when its turn comes.
pub(super) type OpenLive = Box<dyn FnOnce() -> at1_catalog::Result<Opened<Segment>> + Send>;

/// Opens a segment, written in some other or the same types, for a query in `schema`; `None` if its file is not there.
pub(super) fn open(
    store: &dyn Store,
    live: &Live,
    written_as: &[Pin],
    schema: &TableSchema,
) -> at1_catalog::Result<Option<Opened<Segment>>> {
    let Some(segment) = segments::open_if_there(store, live).map_err(into_catalog)? else { return Ok(None) };
    let stored = segment.schema().columns.len();
    let columns = (0..schema.columns.len()).map(|column| Some(column).filter(|&column| column < stored));
    let readings = schema.columns.iter().map(|column| column.reading).collect();
    let view = View::new(&schema.schema(), columns.collect())?
        .with_readings(readings, schema.nulls())
        .written_with(written_as.iter().map(|pin| pin.reading).collect());
    Ok(Some(Opened { source: segment, view }))
}

/// The error of a segment that should be there.
pub(super) fn missing(live: &Live) -> at1_catalog::Error {
    into_catalog(segments::missing(&live.name()))
}

/// The catalog knows segments and codecs, not tables: its errors carry ours as theirs.
pub(super) fn into_catalog(error: Error) -> at1_catalog::Error {
    let (place, expected, found) = (error.place().to_owned(), error.expected().to_owned(), error.found().to_owned());
    let found = std::error::Error::source(&error).map_or(found, ToString::to_string);
    let inner = match error.kind() {
        ErrorKind::Corrupt => at1_codec::Error::corrupt(place, expected, found),
        ErrorKind::Unsupported => at1_codec::Error::unsupported(place, expected, found),
        _ => at1_codec::Error::new(place, at1_codec::ErrorKind::Io(std::io::Error::other(found))),
    };
    at1_catalog::Error::new("", at1_catalog::ErrorKind::Codec(inner))
}
