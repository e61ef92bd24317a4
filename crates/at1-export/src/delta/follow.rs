//! Whether a table's Delta log is brought up to date with every append: a marker in the table that says so.
//!
//! * The marker is a wish of the table's owner, not part of the table: no event knows it, and a backup does without.
//! * Whoever appends or compacts asks [`is_on`] when it is done. A log that cannot be written then is a warning, never a failure.

use std::io;

use at1_table::{Result, Table};

use super::entry::{failed, is_there};

/// The marker.
pub const FOLLOW: &str = "_at1/export-delta";
const FOLDER: &str = at1_table::paths::HOME;
const TEXT: &[u8] =
    b"at1 append and at1 compact bring _delta_log up to date; at1 export delta --on-append off ends it\n";

/// Whether the log follows appends.
///
/// # Errors
/// If the storage cannot say.
pub fn is_on(table: &Table) -> Result<bool> {
    is_there(table.store(), FOLLOW)
}

/// Has the log follow appends, or not; durable on return.
///
/// # Errors
/// If the marker cannot be made or removed.
pub fn set(table: &Table, on: bool) -> Result<()> {
    let store = table.store();
    let done = match on {
        true => {
            super::checkpoint::prepare(store)?;
            store.create(FOLLOW, TEXT)
        }
        false => store.remove(FOLLOW),
    };
    match done {
        Err(e) if matches!((on, e.kind()), (true, io::ErrorKind::AlreadyExists) | (false, io::ErrorKind::NotFound)) => {
        }
        done => done.map_err(failed(FOLLOW))?,
    }
    store.sync_folder(FOLDER).map_err(failed(FOLDER))
}
