//! The segments of a state, for engines that read them in place.
//!
//! * The list is the ledger's, never a folder's: a folder also holds replaced files and orphans.
//! * After a widening, older files have a narrower type; engines cast between such files silently, so the difference is named.

use std::sync::Arc;

use at1_codec::{ColumnType, Segment};
use at1_ledger::{Digest, SegmentRecord};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    manifest::{Live, Placed},
    paths, segments,
    snapshot::{AsOf, Snapshot},
    table::Table,
    version::Version,
};

/// The live segments of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// In the order of their rows.
    pub files: Vec<FileEntry>,
    /// Columns that have another type in some of them than the table had.
    pub mixed: Vec<MixedColumn>,
}

/// One live segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path, as far as the store knows: `trades/segments/seg_000000.at1`.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
    /// How many of its last bytes are its footer.
    pub footer_bytes: u64,
    /// The footer's digest, with which it can be opened without reading all of it.
    pub footer_sha256: Digest,
    /// The ordinal of its first row in the table.
    pub first_row: u64,
    /// Its rows.
    pub rows: u64,
    /// How many of them, from its first, are of the state that was asked for.
    pub rows_as_of: u64,
    /// The first of its batches.
    pub first_batch: u64,
    /// How many there are.
    pub batches: u64,
    /// The event that committed it.
    pub event: u64,
}

impl FileEntry {
    /// The entry as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "path": self.path, "name": self.name, "bytes": self.bytes, "sha256": self.sha256.to_string(), "rows": self.rows,
            "rows_as_of": self.rows_as_of, "first_batch": self.first_batch, "batches": self.batches, "event": self.event,
        })
    }
}

/// A column whose type differs between live segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixedColumn {
    /// Its header, or its name.
    pub column: String,
    /// Its type in the table, as of the state that was asked for.
    pub ty: ColumnType,
    /// In how many segments it has that type.
    pub same: u64,
    /// The other types it has, and in how many segments.
    pub others: Vec<(ColumnType, u64)>,
}

impl MixedColumn {
    /// Whether all segments agree with each other, though not with the table: a past state whose rows were written again in
    /// wider types since.
    pub fn is_uniform(&self) -> bool {
        self.same == 0 && self.others.len() == 1
    }
}

impl Files {
    /// An error that names the columns with more than one type, if there are any.
    ///
    /// # Errors
    /// `Unsupported`: other engines would cast between the files without a word.
    pub fn uniform(&self) -> Result<()> {
        let mut mixed = self.mixed.iter().filter(|column| !column.is_uniform());
        let Some(first) = mixed.next() else { return Ok(()) };
        let others: Vec<_> = first.others.iter().map(|(ty, segments)| format!("{ty} in {segments}")).collect();
        let more = mixed.count();
        let more = if more > 0 { format!(" ({more} more columns)") } else { String::new() };
        let expected = format!("{} in every segment; compact with retype rewrites them", first.ty);
        Err(Error::new(ErrorKind::Unsupported, format!("column {}", first.column), expected, others.join(", ") + &more))
    }
}

impl Table {
    /// [`Snapshot::files`] of the newest state.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn files(&self) -> Result<Files> {
        self.snapshot()?.files()
    }

    /// [`Snapshot::files`] after `event`.
    ///
    /// # Errors
    /// As [`Table::as_of`].
    pub fn segments_as_of(&self, event: u64) -> Result<Files> {
        self.as_of(AsOf::Event(event))?.files()
    }
}

impl Snapshot {
    /// The segments that hold this state: those that were live then, as long as none of them was removed; else those that hold its
    /// rows now, the last of which may hold later rows too.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn files(&self) -> Result<Files> {
        let totals = self.totals();
        let (then, pins) = self.ask(|version| {
            let pins = |live: &Live| if live.rows > 0 { version.pins_of(live) } else { Arc::default() };
            let then = match self.events() < version.events() {
                false => version.tail.live.range_with_digests(0..totals.batches).collect::<Result<Vec<_>>>()?,
                true => self.then(version)?,
            };
            let pins: Vec<_> = then.iter().map(|(placed, _)| pins(&placed.live)).collect();
            Ok((then, pins))
        })?;
        let files = then.into_iter().map(|(Placed { live, first_row, .. }, sha256)| FileEntry {
            path: format!("{}/{}", self.store().place(), paths::segment_path(&live.name())),
            name: live.name(),
            bytes: live.bytes,
            sha256,
            footer_bytes: live.footer_bytes,
            footer_sha256: live.footer_sha256,
            first_row,
            rows: live.rows,
            rows_as_of: live.rows.min(totals.rows.saturating_sub(first_row)),
            first_batch: live.batch.start,
            batches: live.batch.end - live.batch.start,
            event: live.event,
        });
        let mut stored: Vec<Vec<(ColumnType, u64)>> = vec![vec![]; self.schema().columns.len()];
        for pins in pins {
            for (ty, counts) in pins.iter().map(|pin| &pin.ty).zip(&mut stored) {
                match counts.iter_mut().find(|(counted, _)| counted == ty) {
                    Some((_, segments)) => *segments += 1,
                    None => counts.push((*ty, 1)),
                }
            }
        }
        let mixed = self.schema().columns.iter().zip(stored).filter_map(|(now, types)| {
            let (same, others): (Vec<_>, Vec<_>) = types.into_iter().partition(|(ty, _)| *ty == now.column.ty);
            let same = same.into_iter().map(|(_, segments)| segments).sum();
            let column = MixedColumn { column: now.title().to_owned(), ty: now.column.ty, same, others };
            Some(column).filter(|column| !column.others.is_empty())
        });
        Ok(Files { files: files.collect(), mixed: mixed.collect() })
    }

    /// Opens the file of an entry that [`Snapshot::files`] gave; `None` if a vacuum removed it since.
    ///
    /// # Errors
    /// `Corrupt` if it is not the file that the ledger names, `Io` if it cannot be read.
    pub fn open_file(&self, entry: &FileEntry) -> Result<Option<Segment>> {
        segments::open_if_there(self.store(), entry)
    }

    /// The segments of a past state.
    fn then(&self, version: &Version) -> Result<Vec<(Placed, Digest)>> {
        let history = version.history(self.store())?;
        let then = history.live_after(self.events());
        let gone = |record: &&SegmentRecord| {
            history.replaced_segment(&record.name).is_some_and(|replaced| replaced.vacuumed.is_some())
        };
        if then.iter().any(gone) {
            return version.tail.live.range_with_digests(0..self.totals().batches).collect();
        }
        let placed = |(index, record): (u64, &&SegmentRecord)| {
            let first_row = history.batch_rows(record.batch.start).map_or(0, |rows| rows.start);
            // Nobody asks for the source bytes of a file.
            Ok((Placed { live: Live::new(record, 0)?, index, first_row }, record.sha256))
        };
        (0..).zip(&then).map(placed).collect()
    }
}
