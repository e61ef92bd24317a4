//! Iceberg metadata, version 2, over the very segments of a table: `TABLE/metadata/`.
//!
//! * A snapshot is the table after one ledger event, and says which. Nothing new in the table, nothing is written.
//! * Manifests stay as long as their segments do: an export opens what came since the one before. Besides it goes through
//!   the list of segments once, and through the manifests, whose digests it compares.
//! * Readers find the old state or the new one, whenever an export is cut short; of two exports at once, one begins again.
//! * Iceberg's second version has absolute names only. A folder that was moved or copied is noticed, and exported anew.
//! * What was exported earlier is used again only if its digests hold; what is missing or damaged is made again from the segments.

mod avro;
mod bound;
mod data_file;
mod folder;
mod list;
mod manifest;
mod metadata;
mod plan;
mod report;
mod schema;
mod state;

use std::collections::HashSet;

use at1_table::{Error, ErrorKind, FileEntry, Info, Result, Snapshot as TableState, Table};
use serde_json::{Value, json};

use folder::{Folder, METADATA, Publication, list_name, metadata_name};
use list::Listed;
use metadata::{Metadata, New, millis};
use plan::{Part, plan};
use schema::Columns;
use state::{Base, Fresh, Kept};

pub use manifest::SEGMENTS_MAX;
pub use metadata::{Operation, SNAPSHOTS_MAX};
pub use report::{IcebergReport, Outcome, Restart};

/// How an export is made.
#[derive(Clone, Debug)]
pub struct IcebergOptions {
    /// The URI under which readers find the table's folder: `file:///data/trades`.
    pub location: String,
}

/// How often an export begins again because another one, a compaction or a vacuum came first.
const ATTEMPTS_MAX: usize = 20;

/// Writes Iceberg metadata for the newest state of a table, in the folder `metadata` beside its segments.
///
/// ```
/// use at1_export::iceberg::{self, IcebergOptions, Outcome};
/// use at1_table::{AppendOptions, CreateOptions, Source, Table};
///
/// let folder = tempfile::tempdir()?;
/// let table = Table::create(folder.path(), &CreateOptions::default())?;
/// table.append_csv(Source::bytes("id,price\n1,9.50\n2,10.00\n"), &AppendOptions::default())?;
/// let options = IcebergOptions { location: format!("file://{}", folder.path().display()) };
/// let report = iceberg::export(&table, &options)?;
/// assert_eq!((report.event, report.rows, report.outcome), (0, 2, Outcome::Written));
/// assert!(folder.path().join("metadata/v1.metadata.json").is_file());
/// assert_eq!(iceberg::export(&table, &options)?.outcome, Outcome::Unchanged);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `Unsupported` if segments differ in a column's type, if Iceberg has none for it, or if there is no column yet. `Exists` if the folder
/// `metadata` is another table's or another program's. In each case nothing is changed.
pub fn export(table: &Table, options: &IcebergOptions) -> Result<IcebergReport> {
    let location = checked_location(&options.location)?;
    let folder = Folder::new(table.store(), location);
    for _ in 0..ATTEMPTS_MAX {
        if let Some(report) = attempt(table, &folder, location)? {
            return Ok(report);
        }
    }
    let expected = "the same state for the length of an export";
    Err(Error::new(ErrorKind::Condition, METADATA, expected, format!("another, {ATTEMPTS_MAX} times")))
}

/// A location that readers take for what it is.
fn checked_location(location: &str) -> Result<&str> {
    let location = location.trim_end_matches('/');
    let path = location.split_once("://").map(|(_, path)| path);
    // Readers disagree on whether these end a path, and on who escapes them.
    let odd = |c: char| c.is_control() || "?#%\\".contains(c);
    match path {
        Some(path) if !path.is_empty() && !path.contains(odd) => Ok(location),
        _ => {
            let expected = "an absolute URI of the table's folder without ? # % \\ and control characters";
            Err(Error::new(ErrorKind::Unsupported, "location", expected, location))
        }
    }
}

/// One attempt; `None` if another export came first, or a file went away meanwhile.
fn attempt(table: &Table, folder: &Folder<'_>, location: &str) -> Result<Option<IcebergReport>> {
    let uuid = metadata::uuid(table.genesis()?);
    // Read before the table, so that the table is not older.
    let newest = folder.newest(&uuid)?;
    let snapshot = table.snapshot()?;
    let (info, mut files) = (snapshot.info()?, snapshot.files()?);
    let columns = Columns::of(info.clone(), &files)?;
    // Files without rows have nothing to show, and may have a column that is none of the table's.
    files.files.retain(|file| file.rows > 0);
    let segments = files.files;
    let base = Base::of(table, folder, newest.as_ref(), location)?;
    let (schema_id, is_current) = newest.as_ref().map_or(Ok((0, false)), |newest| newest.schema_id(&columns))?;
    let parts = plan(&segments, base.listed(), location);
    let ground = Ground { folder, location, uuid, newest, base, columns, schema_id };
    if is_current && ground.base.is_listed_as(&parts) {
        return ground.settle(table, &info, segments.len());
    }
    ground.write(table, &snapshot, &info, &segments, parts)
}

/// What an attempt stands on: the table's columns, and what was exported so far.
struct Ground<'g> {
    folder: &'g Folder<'g>,
    location: &'g str,
    uuid: String,
    newest: Option<Metadata>,
    base: Base,
    columns: Columns,
    schema_id: u64,
}

impl Ground<'_> {
    fn version(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.version)
    }

    fn sequence(&self) -> i64 {
        self.newest.as_ref().map_or(0, |newest| newest.last_sequence)
    }

    /// There is no new state: only what is left of an export that was cut short, or has become unreadable, is put right.
    fn settle(&self, table: &Table, info: &Info, segments: usize) -> Result<Option<IcebergReport>> {
        let Some(current) = self.base.current() else { return Ok(None) };
        let report = |version, outcome| IcebergReport {
            outcome,
            snapshots: self.base.snapshots(),
            manifests_reused: self.base.listed().len() as u64,
            ..report(info, self.folder, version, (current.id, current.event), segments)
        };
        let kept = self.base.kept(table, self.folder, self.base.listed(), current.id)?;
        if kept.len() as u64 + 1 < self.base.snapshots() {
            self.folder.prepare()?;
            let report = report(self.version() + 1, Outcome::Dropped);
            return self.publish(report, current.value.clone(), self.sequence(), &kept, self.base.listed());
        }
        if self.folder.hints_at(self.version())? {
            return Ok(Some(report(self.version(), Outcome::Unchanged)));
        }
        let hint = Publication { base: self.version(), metadata: None, needed: HashSet::new() };
        self.folder.prepare()?;
        Ok(self.folder.publish(&hint)?.map(|_| report(self.version(), Outcome::Completed)))
    }

    /// Writes what the newest state needs, and makes it the current snapshot.
    fn write(
        &self,
        table: &Table,
        state: &TableState,
        info: &Info,
        segments: &[FileEntry],
        parts: Vec<Part>,
    ) -> Result<Option<IcebergReport>> {
        let (Some(event), Some(ts), Some(head)) = (state.event(), state.ts(), info.chain_head) else {
            return Err(Error::new(ErrorKind::Unsupported, "ledger", "an event", "none"));
        };
        let (folder, base, head) = (self.folder, &self.base, head.to_string());
        let (id, sequence) = (metadata::snapshot_id(&head), self.sequence() + 1);
        let mut report = report(info, folder, self.version() + 1, (id, event), segments.len());
        report.outcome = Outcome::Written;
        report.restart = base.restart().cloned();
        folder.prepare()?;
        let schema = New::schema(&self.columns, self.schema_id)?;
        let mut fresh = Fresh::new(state, folder, self.location, base, &parts, (id, sequence));
        let mut listed = vec![];
        for part in parts {
            match part {
                Part::Kept(kept) => {
                    report.manifests_reused += 1;
                    listed.push(kept);
                }
                Part::New(range) => {
                    let Some(made) = fresh.write(&segments[range], &self.columns, &schema)? else { return Ok(None) };
                    listed.push(made);
                }
            }
        }
        report.manifests_written = fresh.manifests;
        let list = list::write(&listed, id, sequence, &folder.uri(""))?;
        let list_name = list_name(id, &list);
        folder.write(&list_name, &list)?;
        report.bytes_written = fresh.bytes + list.len() as u64;

        report.operation = base.operation(segments, &listed);
        let bytes = segments.iter().map(|segment| segment.bytes).sum();
        let mut value = json!({
            "snapshot-id": id,
            "sequence-number": sequence,
            "timestamp-ms": millis(ts),
            "manifest-list": folder.uri(&list_name),
            "schema-id": self.schema_id,
            "summary": metadata::summary(report.operation, event, &head, &listed, bytes, base.current()),
        });
        if let Some(parent) = base.current() {
            value["parent-snapshot-id"] = parent.id.into();
        }
        let kept = base.kept(table, folder, &listed, id)?;
        self.publish(report, value, sequence, &kept, &listed)
    }

    /// Makes `snapshot` the current one beside the older ones that stay.
    fn publish(
        &self,
        mut report: IcebergReport,
        snapshot: Value,
        sequence: i64,
        kept: &[Kept],
        listed: &[Listed],
    ) -> Result<Option<IcebergReport>> {
        let own = |uri: &Value| {
            let name = uri.as_str().and_then(|uri| uri.strip_prefix(&self.folder.uri("")))?;
            Some(name.trim_start_matches('/').to_owned())
        };
        let all = kept.iter().map(|kept| (&kept.snapshot.value, &kept.listed[..])).chain([(&snapshot, listed)]);
        let files = all.flat_map(|(snapshot, listed)| {
            own(&snapshot["manifest-list"]).into_iter().chain(listed.iter().map(|listed| listed.name.to_string()))
        });
        let mut needed: HashSet<_> = files.collect();

        let before = self.newest.as_ref().filter(|_| self.base.current().is_some());
        let before = before.map(|newest| (newest, self.folder.uri(&metadata_name(newest.version))));
        let new = New {
            uuid: &self.uuid,
            location: self.location,
            columns: &self.columns,
            sequence,
            schema_id: self.schema_id,
            snapshot,
            kept: kept.iter().map(|kept| kept.snapshot.value.clone()).collect(),
        };
        let json = new.to_json(before)?;
        let log = json["metadata-log"].as_array().into_iter().flatten();
        needed.extend(log.filter_map(|entry| own(&entry["metadata-file"])));
        let bytes = json.to_string().into_bytes();
        report.snapshots = kept.len() as u64 + 1;
        report.bytes_written += bytes.len() as u64;
        let publication = Publication { base: self.version(), metadata: Some(bytes), needed };
        Ok(self.folder.publish(&publication)?.map(|removed| IcebergReport { files_removed: removed, ..report }))
    }
}

fn report(info: &Info, folder: &Folder<'_>, version: u64, (id, event): (i64, u64), segments: usize) -> IcebergReport {
    IcebergReport {
        outcome: Outcome::Unchanged,
        restart: None,
        operation: Operation::Append,
        metadata: format!("{METADATA}/{}", metadata_name(version)),
        uri: folder.uri(&metadata_name(version)),
        version,
        snapshot_id: id,
        event,
        rows: info.rows,
        segments: segments as u64,
        manifests_written: 0,
        manifests_reused: 0,
        snapshots: 0,
        bytes_written: 0,
        files_removed: 0,
    }
}
