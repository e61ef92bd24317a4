//! A live segment as the catalog reads it.
//!
//! * Opened when its turn comes, with the digest that the ledger binds.
//! * Its columns are the table's first ones: a column that came later is missing, and so is one whose stored type holds nothing
//!   but nulls because the table's first batches had no value for it.

use at1_catalog::{Opened, View};
use at1_codec::{ColumnType, Segment};

use crate::{
    error::{Error, ErrorKind},
    segments,
    store::Store,
    version::Version,
};

/// Opens a segment when its turn comes.
pub(super) type OpenLive = Box<dyn FnOnce() -> at1_catalog::Result<Opened<Segment>> + Send>;

/// Opens the live segment with this number.
pub(super) fn open(store: &dyn Store, version: &Version, segment: usize) -> at1_catalog::Result<Opened<Segment>> {
    let record = &version.state.live()[segment];
    let segment = segments::open(store, record).map_err(into_catalog)?;
    let schema = version.schema.schema();
    let stored = &segment.schema().columns;
    let columns = schema.columns.iter().enumerate().map(|(column, now)| {
        let held_nothing =
            |stored: ColumnType| stored == ColumnType::Text && !matches!(now.ty, ColumnType::Text | ColumnType::Binary);
        stored.get(column).filter(|stored| !held_nothing(stored.ty)).map(|_| column)
    });
    let view = View::new(&schema, columns.collect())?;
    Ok(Opened { source: segment, view })
}

/// The catalog knows segments and codecs, not tables: its errors carry ours as theirs.
fn into_catalog(error: Error) -> at1_catalog::Error {
    let (place, expected, found) = (error.place().to_owned(), error.expected().to_owned(), error.found().to_owned());
    let found = std::error::Error::source(&error).map_or(found, ToString::to_string);
    let inner = match error.kind() {
        ErrorKind::Corrupt => at1_codec::Error::corrupt(place, expected, found),
        ErrorKind::Unsupported => at1_codec::Error::unsupported(place, expected, found),
        _ => at1_codec::Error::new(place, at1_codec::ErrorKind::Io(std::io::Error::other(found))),
    };
    at1_catalog::Error::new("", at1_catalog::ErrorKind::Codec(inner))
}
