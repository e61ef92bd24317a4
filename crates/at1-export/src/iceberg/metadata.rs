//! Table metadata: the file that readers start from.
//!
//! * Snapshots are those of exports, at most [`SNAPSHOTS_MAX`], the newest last; each names the ledger event that it is the state after.
//! * A snapshot's id is made of that event's chain value, and its time is the event's: two exports of one state say the same.
//! * What another program wrote into it is an error, never overwritten.

use std::fmt;

use at1_ledger::{Digest, Timestamp};
use at1_table::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{list::Listed, schema::Columns};

/// How many snapshots are kept. Readers that hold an older metadata file still find its files for as many exports; more would
/// make every reader read more, and the ledger knows every past state anyway.
pub const SNAPSHOTS_MAX: usize = 10;

/// The ids that Iceberg gives to what a table without partitions and order has.
const SPEC_ID: u64 = 0;
const ORDER_ID: u64 = 0;
const LAST_PARTITION_ID: u64 = 999;

/// Parts of a metadata file that were read.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    /// The number in its name.
    pub(super) version: u64,
    pub(super) location: String,
    pub(super) last_sequence: i64,
    updated_ms: i64,
    schemas: Vec<Value>,
    schema_id: Value,
    snapshots: Vec<Value>,
    current: Value,
    log: Vec<Value>,
}

/// A snapshot in a metadata file, as AT1 writes it.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) value: Value,
    pub(super) id: i64,
    pub(super) event: u64,
    pub(super) chain_head: String,
    /// The URI of its manifest list.
    pub(super) list: String,
    pub(super) files: u64,
    pub(super) rows: u64,
}

/// What an export has to say.
pub(super) struct New<'n> {
    pub(super) uuid: &'n str,
    pub(super) location: &'n str,
    pub(super) columns: &'n Columns,
    /// The snapshot's number.
    pub(super) sequence: i64,
    pub(super) schema_id: u64,
    pub(super) snapshot: Value,
    /// The older snapshots that stay, oldest first.
    pub(super) kept: Vec<Value>,
}

/// A table's id in Iceberg's form, made of its genesis: the same however often it is exported, and no other table's.
pub(super) fn uuid(genesis: Digest) -> String {
    let mut bytes = Digest::of(format!("at1 iceberg table\n{genesis}").as_bytes()).0;
    // Version 8: made as its maker likes; and the variant that all versions have.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = Digest(bytes).to_string();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")
}

/// The id of the snapshot after an event.
pub(super) fn snapshot_id(chain_head: &str) -> i64 {
    let digest = Digest::of(format!("at1 iceberg snapshot\n{chain_head}").as_bytes());
    let bytes: [u8; 8] = digest.0[..8].try_into().expect("a digest is longer");
    // Readers take -1 for none, and none is 0.
    (i64::from_be_bytes(bytes) & i64::MAX).max(1)
}

/// An event's time in Iceberg's milliseconds, rounded up: a time in them is not before the event iff it is not before this.
pub(super) fn millis(ts: Timestamp) -> i64 {
    i64::try_from(ts.nanos().div_euclid(1_000_000) + i128::from(ts.nanos().rem_euclid(1_000_000) > 0))
        .expect("a ledger's times end with the year 9999")
}

impl Metadata {
    /// Reads the metadata file of this number.
    ///
    /// # Errors
    /// `Exists` if it is another table's, or another program wrote it.
    pub(super) fn parse(path: &str, version: u64, bytes: &[u8], uuid: &str) -> Result<Self> {
        let value: Value = serde_json::from_slice(bytes).map_err(|e| foreign(path, "metadata of Iceberg", e))?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let number = |key: &str| value[key].as_i64();
        let list = |key: &str| value[key].as_array().cloned();
        match text("table-uuid") {
            Some(found) if found == uuid => {}
            found => {
                let found = found.unwrap_or_else(|| "none".to_owned());
                return Err(foreign(path, format!("metadata of this table, {uuid}"), found));
            }
        }
        let read = || {
            Some(Self {
                version,
                location: text("location")?,
                last_sequence: number("last-sequence-number")?,
                updated_ms: number("last-updated-ms")?,
                schemas: list("schemas")?,
                schema_id: value["current-schema-id"].clone(),
                snapshots: list("snapshots")?,
                current: value["current-snapshot-id"].clone(),
                log: list("metadata-log").unwrap_or_default(),
            })
        };
        let known = value["format-version"] == json!(2);
        read().filter(|_| known).ok_or_else(|| foreign(path, "metadata of Iceberg, format version 2", "something else"))
    }

    /// The snapshots, oldest first, and which of them is the current one.
    ///
    /// # Errors
    /// `Exists` if one is not of AT1.
    pub(super) fn snapshots(&self, path: &str) -> Result<(Vec<Snapshot>, Option<usize>)> {
        let snapshots = self.snapshots.iter().map(|value| {
            let text = |key: &str| value["summary"][key].as_str();
            let read = || {
                Some(Snapshot {
                    id: value["snapshot-id"].as_i64()?,
                    event: text("at1.event")?.parse().ok()?,
                    chain_head: text("at1.chain-head")?.to_owned(),
                    list: value["manifest-list"].as_str()?.to_owned(),
                    files: text("total-data-files")?.parse().ok()?,
                    rows: text("total-records")?.parse().ok()?,
                    value: value.clone(),
                })
            };
            let found = || format!("snapshot {}, which another program committed", value["snapshot-id"]);
            read().ok_or_else(|| foreign(path, "snapshots of AT1 alone", found()))
        });
        let snapshots = snapshots.collect::<Result<Vec<_>>>()?;
        let current = snapshots.iter().position(|snapshot| json!(snapshot.id) == self.current);
        Ok((snapshots, current))
    }

    /// The id of the schema with these columns, and whether it is the current one. Ids are not used twice.
    pub(super) fn schema_id(&self, columns: &Columns) -> Result<(u64, bool)> {
        let fields = columns.fields()?;
        let ids = || self.schemas.iter().filter_map(|schema| schema["schema-id"].as_u64());
        let same = self.schemas.iter().rev().find(|schema| schema["fields"] == fields);
        Ok(match same.and_then(|schema| schema["schema-id"].as_u64()) {
            Some(id) => (id, self.schema_id == json!(id)),
            None => (ids().max().map_or(0, |last| last + 1), false),
        })
    }
}

impl New<'_> {
    /// The schema as metadata and manifests have it.
    pub(super) fn schema(columns: &Columns, id: u64) -> Result<Value> {
        Ok(json!({"type": "struct", "schema-id": id, "fields": columns.fields()?}))
    }

    /// The metadata file after `base`, if the table goes on from that.
    pub(super) fn to_json(&self, base: Option<(&Metadata, String)>) -> Result<Value> {
        let mut snapshots = self.kept.clone();
        snapshots.push(self.snapshot.clone());
        // Older schemas stay as long as a snapshot was written in them.
        let is_used = |schema: &&Value| {
            let id = &schema["schema-id"];
            *id != json!(self.schema_id) && snapshots.iter().any(|snapshot| snapshot["schema-id"] == *id)
        };
        let older = base.as_ref().map(|(base, _)| &base.schemas[..]).unwrap_or_default();
        let mut schemas: Vec<_> = older.iter().filter(is_used).cloned().collect();
        schemas.push(Self::schema(self.columns, self.schema_id)?);
        let mut log = vec![];
        if let Some((base, file)) = base {
            log.extend_from_slice(&base.log);
            log.push(json!({"timestamp-ms": base.updated_ms, "metadata-file": file}));
            // What an older file calls current must be readable: it is among the snapshots that are kept.
            log.drain(..log.len().saturating_sub(self.kept.len()));
        }
        let (id, ms) = (&self.snapshot["snapshot-id"], &self.snapshot["timestamp-ms"]);
        let history =
            snapshots.iter().map(|s| json!({"snapshot-id": s["snapshot-id"], "timestamp-ms": s["timestamp-ms"]}));
        Ok(json!({
            "format-version": 2,
            "table-uuid": self.uuid,
            "location": self.location,
            "last-sequence-number": self.sequence,
            "last-updated-ms": ms,
            "last-column-id": self.columns.last_id(),
            "current-schema-id": self.schema_id,
            "schemas": schemas,
            "default-spec-id": SPEC_ID,
            "partition-specs": [{"spec-id": SPEC_ID, "fields": []}],
            "last-partition-id": LAST_PARTITION_ID,
            "default-sort-order-id": ORDER_ID,
            "sort-orders": [{"order-id": ORDER_ID, "fields": []}],
            "properties": properties(),
            "current-snapshot-id": id,
            "refs": {"main": {"snapshot-id": id, "type": "branch"}},
            "snapshot-log": history.collect::<Vec<_>>(),
            "snapshots": snapshots,
            "metadata-log": log,
            "statistics": [],
            "partition-statistics": [],
        }))
    }
}

/// What is said to programs that would change the table: others must neither remove files nor expect their own commits to stay.
fn properties() -> Value {
    json!({
        "comment": "Written by at1 export iceberg; the ledger beside it is the only authority. Not to be written by others.",
        "gc.enabled": "false",
        "write.format.default": "parquet",
        "write.metadata.delete-after-commit.enabled": "false",
        "write.metadata.previous-versions-max": (SNAPSHOTS_MAX - 1).to_string(),
        "history.expire.min-snapshots-to-keep": SNAPSHOTS_MAX.to_string(),
    })
}

/// How the files of a snapshot differ from those of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Only new ones came.
    Append,
    /// The same rows in other files.
    Replace,
    /// New rows, and other files for old ones.
    Overwrite,
}

impl Operation {
    /// Iceberg's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Replace => "replace",
            Self::Overwrite => "overwrite",
        }
    }
}

/// The files and rows of a snapshot and what came with it, as its summary tells.
pub(super) fn summary(
    operation: Operation,
    event: u64,
    chain_head: &str,
    listed: &[Listed],
    bytes: u64,
    before: Option<&Snapshot>,
) -> Value {
    let sum = |of: fn(&Listed) -> u64| listed.iter().map(of).sum::<u64>();
    let (files, rows) = (sum(Listed::files), sum(|listed| listed.added_rows + listed.existing_rows));
    let mut summary = json!({
        "operation": operation.as_str(),
        "engine-name": "at1",
        "engine-version": env!("CARGO_PKG_VERSION"),
        "at1.event": event.to_string(),
        "at1.chain-head": chain_head,
        "total-data-files": files.to_string(),
        "total-records": rows.to_string(),
        "total-files-size": bytes.to_string(),
        "total-delete-files": "0",
        "total-position-deletes": "0",
        "total-equality-deletes": "0",
    });
    let had = before.map_or((0, 0), |before| (before.files, before.rows));
    if operation == Operation::Append {
        summary["added-data-files"] = files.saturating_sub(had.0).to_string().into();
        summary["added-records"] = rows.saturating_sub(had.1).to_string().into();
    }
    summary
}

/// Somebody else's, to be left as it is.
pub(super) fn foreign(path: &str, expected: impl Into<String>, found: impl fmt::Display) -> Error {
    let expected = format!("{}; another's folder is not touched: move it away and export again", expected.into());
    Error::new(ErrorKind::Exists, path, expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_again() {
        let id = uuid(Digest([7; 32]));
        assert_eq!((id.len(), &id[14..15], id == uuid(Digest([8; 32]))), (36, "8", false), "{id}");
        assert_eq!(uuid(Digest([7; 32])), id);
        assert!(snapshot_id("0:00") > 0);
        assert_ne!(snapshot_id("0:00"), snapshot_id("1:00"));
    }

    #[test]
    fn times_round_up() {
        for (nanos, ms) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(millis(Timestamp::from_nanos(nanos).unwrap()), ms, "{nanos}");
        }
    }
}
