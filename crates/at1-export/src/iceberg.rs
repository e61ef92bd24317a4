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

use at1_table::{Error, ErrorKind, Info, Result, Table};
use serde_json::json;

use folder::{Folder, METADATA, Publication, list_name, metadata_name};
use metadata::{Metadata, New, millis};
use plan::{Part, plan};
use schema::Columns;
use state::{Base, Fresh};

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
    let (Some(event), Some(ts), Some(head)) = (snapshot.event(), snapshot.ts(), info.chain_head) else {
        return Err(Error::new(ErrorKind::Unsupported, "ledger", "an event", "none"));
    };

    let base = Base::of(table, folder, newest.as_ref(), location)?;
    let head = head.to_string();
    let id = metadata::snapshot_id(&head);
    let version = newest.as_ref().map_or(0, |newest| newest.version);
    let sequence = newest.as_ref().map_or(0, |newest| newest.last_sequence) + 1;
    let fields = columns.fields()?;
    let (schema_id, is_current) = newest.as_ref().map_or((0, false), |newest| newest.schema_id(&fields));
    let parts = plan(&segments, base.listed(), location);
    if let Some(current) = base.current()
        && is_current
        && parts.iter().zip(base.listed()).all(|(part, listed)| *part == Part::Kept(listed.clone()))
        && parts.len() == base.listed().len()
    {
        let mut report = report(&info, folder, version, current.id, current.event, segments.len());
        report.snapshots = base.snapshots();
        report.manifests_reused = parts.len() as u64;
        if folder.hints_at(version)? {
            return Ok(Some(report));
        }
        // A crash came between the metadata file and the hint.
        report.outcome = Outcome::Completed;
        let hint = Publication { base: version, metadata: None, needed: HashSet::new() };
        folder.prepare()?;
        return Ok(folder.publish(&hint)?.map(|_| report));
    }

    let mut report = report(&info, folder, version + 1, id, event, segments.len());
    report.outcome = Outcome::Written;
    report.restart = base.restart().cloned();
    folder.prepare()?;
    let schema = New::schema(&columns, schema_id)?;
    let mut fresh = Fresh::new(&snapshot, folder, location, &base, &parts, (id, sequence));
    let mut listed = vec![];
    for part in parts {
        match part {
            Part::Kept(kept) => {
                report.manifests_reused += 1;
                listed.push(kept);
            }
            Part::New(range) => {
                let Some(made) = fresh.write(&segments[range], &columns, &schema)? else { return Ok(None) };
                listed.push(made);
            }
        }
    }
    report.manifests_written = fresh.manifests;
    let list = list::write(&listed, id, sequence, &folder.uri(""))?;
    let list_name = list_name(id, &list);
    folder.write(&list_name, &list)?;

    let kept = base.kept(table, folder, &listed, id)?;
    report.operation = base.operation(&segments, &listed);
    let bytes = segments.iter().map(|segment| segment.bytes).sum();
    let mut value = json!({
        "snapshot-id": id,
        "sequence-number": sequence,
        "timestamp-ms": millis(ts),
        "manifest-list": folder.uri(&list_name),
        "schema-id": schema_id,
        "summary": metadata::summary(report.operation, event, &head, &listed, bytes, base.current()),
    });
    if let Some(parent) = base.current() {
        value["parent-snapshot-id"] = parent.id.into();
    }
    report.snapshots = kept.len() as u64 + 1;
    let kept_values = kept.iter().map(|kept| kept.snapshot.value.clone()).collect();
    let (uuid, columns) = (uuid.as_str(), &columns);
    let new = New { uuid, location, columns, sequence, schema_id, snapshot: value, kept: kept_values };
    let before = newest.as_ref().filter(|_| base.current().is_some());
    let file = |newest: &Metadata| folder.uri(&metadata_name(newest.version));
    let json = new.to_json(before.map(|newest| (newest, file(newest))))?;
    let bytes = json.to_string().into_bytes();
    let mut needed = needed(&json, &kept, folder);
    needed.insert(list_name);
    needed.extend(listed.iter().map(|listed| listed.name.to_string()));
    report.bytes_written = fresh.bytes + (list.len() + bytes.len()) as u64;
    let publication = Publication { base: version, metadata: Some(bytes), needed };
    Ok(folder.publish(&publication)?.map(|removed| IcebergReport { files_removed: removed, ..report }))
}

/// The names of files that a metadata file's older snapshots need, and of the older metadata files that it tells of.
fn needed(json: &serde_json::Value, kept: &[state::Kept], folder: &Folder<'_>) -> HashSet<String> {
    let own = |uri: &str| uri.strip_prefix(&folder.uri("")).map(|name| name.trim_start_matches('/').to_owned());
    let log = json["metadata-log"].as_array().into_iter().flatten();
    let mut names: HashSet<_> = log.filter_map(|entry| own(entry["metadata-file"].as_str()?)).collect();
    for kept in kept {
        names.extend(own(&kept.snapshot.list));
        names.extend(kept.listed.iter().map(|listed| listed.name.to_string()));
    }
    names
}

fn report(info: &Info, folder: &Folder<'_>, version: u64, id: i64, event: u64, segments: usize) -> IcebergReport {
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
