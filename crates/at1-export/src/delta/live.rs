//! The files that a Delta log says are live: its entries, replayed.
//!
//! * Needed to know what a compaction replaces and to write a checkpoint, not to mirror an append.
//! * Read from the entries alone. A checkpoint is Parquet that no event binds, and damaged Parquet can bring its reader down.

use std::{collections::BTreeMap, ops::Range};

use at1_table::{Result, store::Store};
use serde_json::Value;

use super::entry::{self, Lines, damaged};

/// A file of the log.
#[derive(Clone, Debug)]
pub(super) struct Added {
    /// The batches it holds.
    pub(super) batches: Range<u64>,
    /// Its size.
    pub(super) bytes: u64,
    /// The line that added it.
    pub(super) line: Box<str>,
}

/// What is live, and what has gone.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// By path.
    pub(super) files: BTreeMap<String, Added>,
    /// The actions that removed others, by path.
    pub(super) removed: BTreeMap<String, Value>,
}

impl Live {
    /// Replays the log up to a version.
    ///
    /// # Errors
    /// `Corrupt` if an entry is missing or does not say what entries say.
    pub(super) fn at(store: &dyn Store, version: u64) -> Result<Self> {
        let mut live = Self::default();
        (0..=version).try_for_each(|version| live.go_on(store, version))?;
        Ok(live)
    }

    /// Replays the next version.
    ///
    /// # Errors
    /// As [`Live::at`].
    pub(super) fn go_on(&mut self, store: &dyn Store, version: u64) -> Result<()> {
        let path = &entry::path(version);
        let mut lines = Lines::open(store, path)?.ok_or_else(|| damaged(path, "an entry", "none"))?;
        while let Some((name, action)) = lines.next_action()? {
            let file = || {
                let file = action["path"].as_str();
                file.map(str::to_owned).ok_or_else(|| damaged(path, "the path of a file", &action))
            };
            match name.as_str() {
                "add" => self.add(file()?, action, path)?,
                "remove" => {
                    let file = file()?;
                    if self.files.remove(&file).is_none() {
                        return Err(damaged(path, "the removal of a file that is live", file));
                    }
                    self.removed.insert(file, action);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes an action `add` of `place`.
    fn add(&mut self, file: String, action: Value, place: &str) -> Result<()> {
        let batches = action["tags"]["at1.batches"].as_str().and_then(|text| {
            let (start, end) = text.split_once("..")?;
            Some(start.parse().ok()?..end.parse().ok()?)
        });
        let batches = batches.ok_or_else(|| damaged(place, "the batches of a file", &action["tags"]))?;
        let bytes = action["size"].as_u64().ok_or_else(|| damaged(place, "the size of a file", &action["size"]))?;
        self.removed.remove(&file);
        let line = serde_json::json!({ "add": action }).to_string().into();
        self.files.insert(file, Added { batches, bytes, line });
        Ok(())
    }

    /// The files that hold nothing but these batches: their paths and sizes.
    pub(super) fn within(&self, batches: &Range<u64>) -> impl Iterator<Item = (String, u64)> {
        let inside = |added: &Added| batches.start <= added.batches.start && added.batches.end <= batches.end;
        self.files.iter().filter(move |(_, added)| inside(added)).map(|(path, added)| (path.clone(), added.bytes))
    }
}
