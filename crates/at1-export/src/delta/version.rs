//! One version of a Delta log: what it adds and removes, and the lines that say so.
//!
//! * A file is only added after it was opened with the digest of its event, and if it has the types of the version's schema.
//! * A file whose batches the version before showed already is no change of the data; nor is it that a file goes whose rows are in
//!   another one now.

use std::{collections::BTreeMap, io::Write};

use at1_table::{ColumnInfo, Result, Snapshot};
use serde_json::{Value, json};

use super::{
    entry::{self, Mark, failed},
    history::{Change, Shown, Step, millis},
    live::Live,
    schema::{self, DeltaSchema},
    stats,
};

/// What a version says about files.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Segments that come, by path.
    pub(super) adds: BTreeMap<String, Shown>,
    /// Files that go, and their sizes.
    pub(super) removes: BTreeMap<String, u64>,
}

impl Draft {
    /// A draft of these segments. Those without rows are left out: they may lack the table's columns.
    pub(super) fn of(segments: impl IntoIterator<Item = Shown>) -> Self {
        let mut draft = Self::default();
        draft.add(segments);
        draft
    }

    fn add(&mut self, segments: impl IntoIterator<Item = Shown>) {
        let with_rows = segments.into_iter().filter(|shown| shown.entry.rows > 0);
        self.adds.extend(with_rows.map(|shown| (shown.path(), shown)));
    }

    /// Goes on with a step. `live` is what is live before the draft; only compactions ask for it.
    pub(super) fn take(&mut self, step: &Step, live: Option<&Live>) {
        match &step.change {
            Change::Append(segments) => self.add(segments.iter().cloned()),
            Change::Compact(drop, segments) => {
                self.adds.retain(|_, shown| !(drop.start <= shown.batches.start && shown.batches.end <= drop.end));
                self.removes.extend(live.into_iter().flat_map(|live| live.within(drop)));
                self.add(segments.iter().cloned());
            }
        }
    }
}

/// Everything that makes a version but its number.
pub(super) struct Entry<'a> {
    pub(super) app: &'a str,
    pub(super) mark: &'a Mark,
    pub(super) ts: at1_ledger::Timestamp,
    /// Batches that the version before shows.
    pub(super) shown_before: u64,
    pub(super) protocol: Option<&'a Value>,
    pub(super) meta: Option<&'a Value>,
    pub(super) draft: &'a Draft,
    pub(super) columns: &'a [ColumnInfo],
    /// Of how many of them, the first, there are statistics.
    pub(super) with_stats: usize,
}

/// Why a version cannot show a state, which is no failure where a later state can be shown instead.
pub(super) enum Unfit {
    /// A segment was replaced and its file removed since.
    Gone,
    /// A segment has another type than the state's schema.
    Mixed,
}

impl Entry<'_> {
    /// The lines of the files that come. They name what readers are to open, so each is opened here first.
    pub(super) fn adds(&self, snapshot: &Snapshot, out: &mut dyn Write) -> Result<Result<(), Unfit>> {
        let with_stats = &self.columns[..self.with_stats.min(self.columns.len())];
        for (path, shown) in &self.draft.adds {
            let Some(segment) = snapshot.open_file(&shown.entry)? else { return Ok(Err(Unfit::Gone)) };
            let of_table = self.columns.iter().map(|column| column.ty);
            if segment.schema().columns.iter().zip(of_table).any(|(column, ty)| column.ty != ty) {
                return Ok(Err(Unfit::Mixed));
            }
            let new = shown.batches.end > self.shown_before;
            let action = json!({
                "path": path, "partitionValues": {}, "size": shown.entry.bytes, "modificationTime": millis(self.ts),
                "dataChange": new, "stats": stats::of_segment(&segment, with_stats).map_err(|e| e.within(path))?,
                "tags": {
                    "at1.event": shown.entry.event.to_string(),
                    "at1.sha256": shown.entry.sha256.to_string(),
                    "at1.batches": format!("{}..{}", shown.batches.start, shown.batches.end),
                },
            });
            line(out, &json!({ "add": action }))?;
        }
        Ok(Ok(()))
    }

    /// The lines before those.
    pub(super) fn first(&self, out: &mut dyn Write) -> Result<()> {
        let millis = millis(self.ts);
        let (operation, parameters) = match self.draft.removes.is_empty() {
            true => ("WRITE", json!({"mode": "Append", "partitionBy": "[]"})),
            false => ("OPTIMIZE", json!({"predicate": "[]"})),
        };
        line(out, &entry::commit_info(self.mark, millis, operation, &parameters, self.draft.removes.is_empty()))?;
        if let Some(protocol) = self.protocol {
            line(out, &json!({ "protocol": protocol }))?;
        }
        if let Some(meta) = self.meta {
            line(out, &json!({ "metaData": meta }))?;
        }
        line(out, &entry::txn(self.app, self.mark, millis))?;
        for (path, bytes) in &self.draft.removes {
            line(out, &json!({ "remove": self.removal(path, *bytes) }))?;
        }
        Ok(())
    }

    /// What is said of a file that goes.
    pub(super) fn removal(&self, path: &str, bytes: u64) -> Value {
        json!({
            "path": path, "deletionTimestamp": millis(self.ts), "dataChange": false,
            "extendedFileMetadata": true, "partitionValues": {}, "size": bytes,
        })
    }
}

/// What a log says of itself from its first version on.
pub(super) struct First<'a> {
    /// The chain value that it starts with.
    pub(super) chain: &'a str,
    pub(super) created_millis: i64,
    pub(super) with_stats: usize,
}

/// What a version comes after.
pub(super) enum Before<'a> {
    Nothing(First<'a>),
    Version { protocol: &'a Value, meta: &'a Value },
}

/// The schema of a state, and the actions that have to say so: those in force before are not said again.
pub(super) fn announce(schema: &DeltaSchema, before: Before<'_>) -> (Value, Value) {
    let knew = matches!(before, Before::Version { protocol, .. } if schema::knows_naive_times(protocol));
    let (id, created, with_stats) = match before {
        Before::Version { meta, .. } => {
            (meta["id"].clone(), meta["createdTime"].clone(), meta["configuration"][stats::COLUMNS].clone())
        }
        Before::Nothing(First { chain, created_millis, with_stats }) => {
            (id(chain).into(), created_millis.into(), with_stats.to_string().into())
        }
    };
    let meta = json!({
        "id": id, "format": {"provider": "parquet", "options": {}}, "schemaString": schema.text, "partitionColumns": [],
        "configuration": {"delta.appendOnly": "true", stats::COLUMNS: with_stats}, "createdTime": created,
    });
    (schema::protocol(knew || schema.naive_times), meta)
}

/// A UUID of a log. It is of version 8 and the usual variant: its digits mean nothing but themselves.
fn id(chain: &str) -> String {
    let hex = |from: usize, to: usize| chain.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", hex(0, 8), hex(8, 12), hex(12, 15), hex(15, 18), hex(18, 30))
}

fn line(out: &mut dyn Write, action: &Value) -> Result<()> {
    writeln!(out, "{action}").map_err(failed(entry::LOG))
}
