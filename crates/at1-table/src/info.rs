//! What a table is, in one look at its ledger.

use at1_codec::ColumnType;
use at1_ledger::{ChainHead, RowTree, Timestamp};
use serde_json::{Value, json};

use crate::{error::Result, schema::TextFormat, snapshot::Snapshot, table::Table};

/// What a table is, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name towards the world.
    pub origin: String,
    /// Events.
    pub events: u64,
    /// Append events: what `expected_version` counts.
    pub version: u64,
    /// Segments that were live.
    pub segments: u64,
    /// Batches.
    pub batches: u64,
    /// Records.
    pub rows: u64,
    /// Bytes that were appended.
    pub source_bytes: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Fields that read as null because their column cannot hold them.
    pub rejects: u64,
    /// The columns.
    pub columns: Vec<ColumnInfo>,
    /// How records are cut into fields, as the first batch has it.
    pub format: Option<TextFormat>,
    /// Whether single records can be proved.
    pub row_tree: RowTree,
    /// The newest event's time.
    pub ts: Option<Timestamp>,
    /// The receipt for the newest event.
    pub chain_head: Option<ChainHead>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its physical name.
    pub name: String,
    /// Its name in the header.
    pub header: Option<String>,
    /// What it holds.
    pub ty: ColumnType,
    /// How it is read, as `--type` takes it.
    pub reading: String,
    /// Whether the user gave the type.
    pub pinned: bool,
}

impl Info {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let columns = self.columns.iter().map(|column| {
            json!({
                "name": column.name, "header": column.header, "type": column.ty.to_string(),
                "reading": column.reading, "pinned": column.pinned,
            })
        });
        let delimiter = self.format.as_ref().and_then(TextFormat::delimited);
        json!({
            "origin": self.origin,
            "events": self.events,
            "version": self.version,
            "segments": self.segments,
            "batches": self.batches,
            "rows": self.rows,
            "source_bytes": self.source_bytes,
            "segment_bytes": self.segment_bytes,
            "rejects": self.rejects,
            "columns": columns.collect::<Vec<_>>(),
            "text": self.format.as_ref().map(TextFormat::word),
            "delimiter": delimiter.map(|(byte, _)| char::from(byte).to_string()),
            "row_tree": if self.row_tree == RowTree::None { "off" } else { "on" },
            "ts": self.ts.map(|ts| ts.to_string()),
            "chain_head": self.chain_head.map(|head| head.to_string()),
        })
    }
}

impl Table {
    /// [`Snapshot::info`] of the newest state.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn info(&self) -> Result<Info> {
        self.snapshot()?.info()
    }
}

impl Snapshot {
    /// What the table was.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn info(&self) -> Result<Info> {
        let (schema, totals) = (self.schema(), self.totals());
        let counts = self.event().map(|event| self.ask(|version| version.tail.counts(event))).transpose()?;
        let counts = counts.unwrap_or_default();
        let version = self.layout();
        let columns = schema.columns.iter().map(|column| ColumnInfo {
            name: column.column.name.clone(),
            header: column.column.header.clone(),
            ty: column.column.ty,
            reading: column.pin().to_string(),
            pinned: column.pinned(),
        });
        Ok(Info {
            origin: version.header.origin().to_owned(),
            events: self.events(),
            version: counts.appends,
            segments: counts.segments,
            batches: totals.batches,
            rows: totals.rows,
            source_bytes: totals.bytes,
            segment_bytes: counts.segment_bytes,
            rejects: counts.rejects,
            columns: columns.collect(),
            format: schema.rules.as_ref().map(|rules| rules.format.clone()),
            row_tree: version.header.rows(),
            ts: self.ts(),
            chain_head: self.head(),
        })
    }
}
