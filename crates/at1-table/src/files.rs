//! The live segments, for engines that read them in place.
//!
//! * The list is the ledger's, never a folder's: a folder also holds replaced files and orphans.
//! * After a widening, older files have a narrower type; engines cast between such files silently, so the difference is named.

use at1_codec::ColumnType;
use at1_ledger::Digest;
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    paths,
    table::Table,
};

/// The live segments of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// In the order of their rows.
    pub files: Vec<FileEntry>,
    /// Columns that have another type in some of them than in the table.
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
    /// Its rows.
    pub rows: u64,
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
            "first_batch": self.first_batch, "batches": self.batches, "event": self.event,
        })
    }
}

/// A column whose type differs between live segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixedColumn {
    /// Its header, or its name.
    pub column: String,
    /// Its type in the table.
    pub ty: ColumnType,
    /// The other types it has, and in how many segments.
    pub others: Vec<(ColumnType, u64)>,
}

impl Files {
    /// An error that names the columns with more than one type, if there are any.
    ///
    /// # Errors
    /// `Unsupported`: other engines would cast between the files without a word.
    pub fn uniform(&self) -> Result<()> {
        let Some(first) = self.mixed.first() else { return Ok(()) };
        let others: Vec<_> = first.others.iter().map(|(ty, segments)| format!("{ty} in {segments}")).collect();
        let more =
            if self.mixed.len() > 1 { format!(" ({} more columns)", self.mixed.len() - 1) } else { String::new() };
        let expected = format!("{} in every segment; compact with retype rewrites them", first.ty);
        Err(Error::new(ErrorKind::Unsupported, format!("column {}", first.column), expected, others.join(", ") + &more))
    }
}

impl Table {
    /// The live segments.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn files(&self) -> Result<Files> {
        let version = self.version()?;
        let live = version.state.live();
        let files = live.iter().map(|record| FileEntry {
            path: format!("{}/{}", self.store().place(), paths::segment_path(&record.name)),
            name: record.name.clone(),
            bytes: record.bytes,
            sha256: record.sha256,
            rows: record.rows,
            first_batch: record.batch.start,
            batches: record.batch.end - record.batch.start,
            event: crate::zones::event_of(record),
        });
        let mut others: Vec<Vec<(ColumnType, u64)>> = vec![vec![]; version.schema.columns.len()];
        for record in live.iter().filter(|record| record.rows > 0) {
            let stored = version.types_of(record).iter().zip(&version.schema.columns).zip(&mut others);
            for ((stored, _), others) in stored.filter(|((stored, now), _)| **stored != now.column.ty) {
                match others.iter_mut().find(|(ty, _)| ty == stored) {
                    Some((_, segments)) => *segments += 1,
                    None => others.push((*stored, 1)),
                }
            }
        }
        let mixed = version.schema.columns.iter().zip(others).filter(|(_, others)| !others.is_empty());
        let mixed =
            mixed.map(|(now, others)| MixedColumn { column: now.title().to_owned(), ty: now.column.ty, others });
        Ok(Files { files: files.collect(), mixed: mixed.collect() })
    }
}
