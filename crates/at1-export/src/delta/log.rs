//! Where a Delta log stands, read from the log itself.
//!
//! * The newest version is found by asking for names, a few dozen of them: the folder is not listed, however long the log is.
//! * A log of another program or another table, and one with a hole, is an error; nothing of it is changed.

use std::io;

use at1_table::{Error, ErrorKind, Result, store::Store};
use serde_json::Value;

use super::{
    checkpoint,
    entry::{self, LOG, Mark, damaged, failed},
    stats,
};

/// The newest version of a log.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) version: u64,
    pub(super) mark: Mark,
    /// The actions `protocol` and `metaData` that are in force.
    pub(super) protocol: Value,
    pub(super) meta: Value,
    /// The version of the newest checkpoint.
    pub(super) checkpoint: Option<u64>,
}

impl Standing {
    /// The schema, as its text.
    pub(super) fn schema(&self) -> &str {
        self.meta["schemaString"].as_str().unwrap_or_default()
    }

    /// Of how many columns there are statistics.
    pub(super) fn with_stats(&self) -> usize {
        let text = self.meta["configuration"][stats::COLUMNS].as_str();
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Looks at the log of the table that is called `app`; `None` if it has none.
///
/// # Errors
/// `Refused` if it is somebody else's, `Corrupt` if it is damaged.
pub(super) fn look(store: &dyn Store, app: &str) -> Result<Option<Standing>> {
    let checkpoint = checkpoint::newest(store)?;
    let from = checkpoint.unwrap_or(0);
    if !entry::is_there(store, &entry::path(from))? {
        return match checkpoint {
            Some(_) => Err(damaged(&entry::path(from), "the entry that the checkpoint is of", "none")),
            None => nothing_there(store).map(|()| None),
        };
    }
    let version = newest(store, from)?;
    let head = |version| {
        let head = entry::head(store, version, app)?;
        head.ok_or_else(|| damaged(&entry::path(version), "an entry", "none"))
    };
    let newest = head(version)?;
    let mark = newest.mark.clone();
    let meta = if mark.meta == version { newest } else { head(mark.meta)? };
    match (meta.protocol, meta.meta) {
        (Some(protocol), Some(meta)) => Ok(Some(Standing { version, mark, protocol, meta, checkpoint })),
        _ => Err(damaged(&entry::path(mark.meta), "a protocol and a schema", "none")),
    }
}

/// The newest version, at least `from`, which is there.
fn newest(store: &dyn Store, from: u64) -> Result<u64> {
    let there = |version| entry::is_there(store, &entry::path(version));
    let (mut last, mut stride) = (from, 1);
    loop {
        // In strides that double as long as there is an entry, then halve.
        while there(last + stride)? {
            last += stride;
            stride *= 2;
        }
        while stride > 1 {
            stride /= 2;
            if there(last + stride)? {
                last += stride;
            }
        }
        // Two that come behind none are a hole, unless others wrote them meanwhile.
        if !there(last + 2)? {
            return Ok(last);
        }
        if !there(last + 1)? {
            return Err(damaged(&entry::path(last + 1), "an entry, as later ones are there", "none"));
        }
        last += 1;
    }
}

/// An error if there is a log whose beginning is missing.
fn nothing_there(store: &dyn Store) -> Result<()> {
    let entries = match store.list(LOG) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed(LOG))?,
    };
    let numbered = |name: &str| name.len() > 20 && name.as_bytes()[..20].iter().all(u8::is_ascii_digit);
    match entries.into_iter().find(|entry| numbered(&entry.name)) {
        None => Ok(()),
        Some(entry) => Err(Error::new(ErrorKind::Refused, LOG, "no log, or one from its first version", entry.name)),
    }
}
