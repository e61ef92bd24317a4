//! From one export to the next: what is kept, what is written again, what is noticed.

use std::time::Duration;

use at1_export::iceberg::{self, IcebergOptions, IcebergReport, Operation, Outcome, Restart};
use at1_table::{AsOf, Choose, CompactOptions, ErrorKind, ScanOptions, Table, VacuumOptions};
use at1_testkit::store::MemStore;
use serde_json::{Value, json};

use crate::{
    iceberg_bench::{append, open, table},
    iceberg_reader::{LOCATION, avro, current, files_of, path_of, segments_of, snapshot},
};

fn export(table: &Table) -> IcebergReport {
    iceberg::export(table, &IcebergOptions { location: LOCATION.to_owned() }).unwrap()
}

/// The export that readers find is the table's newest state: its files, its rows, each once.
#[track_caller]
fn check_current(disk: &MemStore, table: &Table) -> Value {
    let (_, metadata) = current(disk).unwrap();
    let newest = snapshot(&metadata).clone();
    let live: Vec<_> = table.files().unwrap().files.into_iter().filter(|file| file.rows > 0).collect();
    let names: Vec<_> = live.iter().map(|file| file.name.clone()).collect();
    assert_eq!(segments_of(disk, &newest), (names, table.info().unwrap().rows));
    metadata
}

/// Every snapshot can be read, and has as many rows as the table had after its event.
#[track_caller]
fn check_all(disk: &MemStore, table: &Table) -> Value {
    let metadata = check_current(disk, table);
    for snapshot in metadata["snapshots"].as_array().unwrap() {
        let event = snapshot["summary"]["at1.event"].as_str().unwrap().parse().unwrap();
        let then = table.as_of(AsOf::Event(event)).unwrap();
        assert_eq!(segments_of(disk, snapshot).1, then.info().unwrap().rows, "event {event}");
        assert_eq!(then.info().unwrap().chain_head.unwrap().to_string(), snapshot["summary"]["at1.chain-head"]);
    }
    metadata
}

fn compact(table: &Table, upto: Option<u64>, grace: Duration) {
    table.compact(&CompactOptions { upto, grace, ..CompactOptions::default() }).unwrap();
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn appends_come_as_added_files_and_once() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    assert_eq!(export(&table).operation, Operation::Append);
    append(&table, "a\n3\n");
    let report = export(&table);
    assert_eq!((report.version, report.event, report.manifests_written, report.manifests_reused), (2, 2, 1, 0));
    let metadata = check_all(&disk, &table);
    let [first, second] = [0, 1].map(|at| metadata["snapshots"][at].clone());
    assert_eq!(second["parent-snapshot-id"], first["snapshot-id"]);
    assert_eq!(second["summary"]["added-data-files"], "1");
    let entries = files_of(&disk, &second);
    let said = entries.iter().map(|entry| [&entry["status"], &entry["snapshot_id"], &entry["sequence_number"]]);
    let (old, new) = (&first["snapshot-id"], &second["snapshot-id"]);
    let (zero, one, two) = (json!(0), json!(1), json!(2));
    assert_eq!(said.collect::<Vec<_>>(), [[&zero, old, &one], [&zero, old, &one], [&one, new, &two]]);
}

#[test]
fn nothing_new_is_nothing_written() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    let first = export(&table);
    let before = disk.files();
    let again = export(&table);
    assert_eq!((again.outcome, again.snapshot_id, again.bytes_written), (Outcome::Unchanged, first.snapshot_id, 0));
    assert_eq!((again.snapshots, again.manifests_reused, again.manifests_written), (1, 1, 0));
    assert_eq!(disk.files(), before);
    // Nor is an event that changes neither rows nor files with rows nor columns.
    assert_eq!(append(&table, "").event, 1);
    assert_eq!((export(&table).outcome, export(&table).event), (Outcome::Unchanged, 0));
}

#[test]
fn metadata_that_was_thrown_away_is_made_again_to_the_byte() {
    let (disk, table) = table();
    append(&table, "a,b\n1,x\n");
    append(&table, "a,b\n2,y\n");
    export(&table);
    let before = disk.files();
    before.keys().filter(|path| path.starts_with("metadata/")).for_each(|path| disk.take(path));
    export(&table);
    assert_eq!(disk.files(), before);
}

#[test]
fn compactions_replace_and_vacuums_drop_what_they_made_unreadable() {
    let (disk, table) = table();
    for n in 0..4 {
        append(&table, format!("a\n{n}\n"));
        export(&table);
    }
    compact(&table, Some(3), DAY);
    let report = export(&table);
    assert_eq!((report.operation, report.segments, report.snapshots), (Operation::Replace, 2, 5));
    let metadata = check_all(&disk, &table);
    assert_eq!(snapshot(&metadata)["summary"]["operation"], "replace");
    // The four older snapshots name files that are removed now, the fifth does not.
    table.vacuum(&VacuumOptions { grace: Duration::ZERO, ..VacuumOptions::default() }).unwrap();
    let vacuumed = disk.killed();
    let report = export(&open(&vacuumed));
    assert_eq!((report.outcome, report.version, report.snapshots), (Outcome::Dropped, 6, 1));
    check_all(&vacuumed, &open(&vacuumed));
    assert_eq!(export(&open(&vacuumed)).outcome, Outcome::Unchanged);
    append(&table, "a\n9\n");
    let report = export(&table);
    assert_eq!((report.operation, report.snapshots), (Operation::Append, 2));
    check_all(&disk, &table);
    // Both at once.
    compact(&table, None, Duration::ZERO);
    append(&table, "a\n10\n");
    let report = export(&table);
    assert_eq!((report.operation, report.snapshots, report.segments), (Operation::Overwrite, 1, 2));
    check_all(&disk, &table);
}

#[test]
fn few_snapshots_and_no_files_of_others_are_kept() {
    let (disk, table) = table();
    for n in 0..25 {
        append(&table, format!("a\n{n}\n"));
        assert_eq!(export(&table).version, n + 1);
        check_all(&disk, &table);
    }
    let files = disk.files();
    let count = |part: &str| files.keys().filter(|path| path.starts_with("metadata/") && path.contains(part)).count();
    let found = ["metadata.json", "at1-list-", "at1-manifest-", "version-hint"].map(count);
    assert_eq!(found, [10, 10, 10, 1]);
    // A reader that still holds an older metadata file finds all of its current snapshot.
    for version in 16..=25 {
        let old: Value = serde_json::from_slice(&files[&format!("metadata/v{version}.metadata.json")]).unwrap();
        assert_eq!(segments_of(&disk, snapshot(&old)).1, version);
    }
}

#[test]
fn columns_and_types_get_schemas_of_their_own() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    export(&table);
    append(&table, "a,b\n2,x\n");
    export(&table);
    append(&table, "a,b\n3.5,x\n");
    let options = IcebergOptions { location: LOCATION.to_owned() };
    let mixed = iceberg::export(&table, &options).unwrap_err();
    assert_eq!((mixed.kind(), mixed.place()), (ErrorKind::Unsupported, "column a"));
    table.compact(&CompactOptions { choose: Choose::Retype, grace: DAY, ..CompactOptions::default() }).unwrap();
    export(&table);
    let metadata = check_all(&disk, &table);
    let said = metadata["schemas"].as_array().unwrap().iter().map(|schema| {
        let fields = schema["fields"].as_array().unwrap();
        let fields: Vec<_> = fields.iter().map(|f| format!("{} {} {}", f["id"], f["name"], f["type"])).collect();
        format!("{}: {}", schema["schema-id"], fields.join(", "))
    });
    let expected =
        [r#"0: 1 "a" "long""#, r#"1: 1 "a" "long", 2 "b" "string""#, r#"2: 1 "a" "decimal(18, 1)", 2 "b" "string""#];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    let of_snapshots = metadata["snapshots"].as_array().unwrap().iter().map(|snapshot| snapshot["schema-id"].clone());
    assert_eq!(of_snapshots.collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(metadata["current-schema-id"], 2);
}

#[test]
fn a_folder_that_moved_is_exported_anew() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    iceberg::export(&table, &IcebergOptions { location: "file:///elsewhere".into() }).unwrap();
    let report = export(&table);
    assert_eq!(report.restart, Some(Restart::Moved("file:///elsewhere".into())));
    assert_eq!((report.version, report.snapshots, report.event), (2, 1, 0));
    check_all(&disk, &table);
    assert_eq!(disk.files().keys().filter(|path| path.ends_with("metadata.json")).count(), 1);
    assert_eq!(export(&table).outcome, Outcome::Unchanged);
}

#[test]
fn a_ledger_that_was_put_back_is_noticed() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    let earlier = disk.files()["_at1/ledger"].clone();
    append(&table, "a\n2\n");
    export(&table);
    disk.put("_at1/ledger", &earlier);
    let table = open(&disk);
    // The event is not there, and then it is another one.
    assert_eq!(export(&table).restart, Some(Restart::History(1)));
    check_current(&disk, &table);
    append(&table, "a\n3\n");
    append(&table, "a\n4\n");
    let newest = export(&table);
    assert_eq!((newest.restart, newest.snapshots), (None, 2));
    disk.put("_at1/ledger", &earlier);
    let table = open(&disk);
    append(&table, "a\n5\n");
    append(&table, "a\n6\n");
    let report = export(&table);
    assert_eq!((report.restart, report.snapshots), (Some(Restart::History(2)), 1));
    check_all(&disk, &table);
}

#[test]
fn damage_is_made_good_from_the_segments() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    export(&table);
    append(&table, "a\n2\n");
    export(&table);
    for part in ["manifest-list", "manifest_path"] {
        let (_, metadata) = current(&disk).unwrap();
        let list = snapshot(&metadata)["manifest-list"].clone();
        let manifest = avro(&disk.files()[path_of(&list)]).records[0]["manifest_path"].clone();
        disk.take(path_of(if part == "manifest-list" { &list } else { &manifest }));
        assert_eq!(export(&table).restart, Some(Restart::Damaged), "without {part}");
        check_all(&disk, &table);
        append(&table, "a\n7\n");
        assert_eq!(export(&table).restart, None);
    }
    // A manifest of the right length that says something else.
    let (_, metadata) = current(&disk).unwrap();
    let list = avro(&disk.files()[path_of(&snapshot(&metadata)["manifest-list"])]);
    let path = path_of(&list.records[0]["manifest_path"]);
    let mut bytes = disk.files()[path].clone();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    disk.put(path, &bytes);
    assert_eq!(export(&table).restart, Some(Restart::Damaged));
    check_all(&disk, &table);
}

/// Another's folder is named and left as it is.
#[track_caller]
fn foreign(disk: &MemStore, table: &Table, place: &str, found: &str) {
    let before = disk.files();
    let error = iceberg::export(table, &IcebergOptions { location: LOCATION.to_owned() }).unwrap_err();
    assert_eq!((error.kind(), error.place(), error.found()), (ErrorKind::Exists, place, found), "{error}");
    assert!(error.expected().contains("move it away and export again"), "{error}");
    assert_eq!(disk.files(), before);
}

#[test]
fn a_folder_of_others_is_left_alone() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    table.store().make_folder("metadata").unwrap();
    disk.put("metadata/00000-8f4a.metadata.json", b"{}");
    foreign(&disk, &table, "metadata", "00000-8f4a.metadata.json");
    disk.take("metadata/00000-8f4a.metadata.json");
    disk.put("metadata/v3.metadata.json", br#"{"format-version":2,"table-uuid":"another"}"#);
    foreign(&disk, &table, "metadata/v3.metadata.json", "another");
    disk.put("metadata/v3.metadata.json", b"{}");
    foreign(&disk, &table, "metadata/v3.metadata.json", "none");
    disk.take("metadata/v3.metadata.json");
    // What an export leaves that did not come to its end is no stranger's.
    disk.put(&format!("metadata/at1-manifest-000000-{0}-{0}.avro", "0".repeat(32)), b"");
    export(&table);
    check_all(&disk, &table);
    assert_eq!(disk.files().keys().filter(|path| path.contains("at1-manifest-")).count(), 1);
}

#[test]
fn a_commit_of_another_program_is_not_overwritten() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    export(&table);
    let (_, mut metadata) = current(&disk).unwrap();
    let mut theirs = snapshot(&metadata).clone();
    theirs["snapshot-id"] = json!(77);
    theirs["summary"] = json!({"operation": "append"});
    metadata["snapshots"].as_array_mut().unwrap().push(theirs);
    metadata["current-snapshot-id"] = json!(77);
    disk.put("metadata/v2.metadata.json", metadata.to_string().as_bytes());
    append(&table, "a\n2\n");
    foreign(&disk, &table, "metadata/v2.metadata.json", "snapshot 77, which another program committed");
}

#[test]
fn a_table_with_metadata_is_a_table_as_before() {
    let (_, table) = table();
    append(&table, "a\n1\n");
    export(&table);
    append(&table, "a\n2\n");
    compact(&table, None, Duration::ZERO);
    let report = table.verify(&at1_table::VerifyOptions::default()).unwrap();
    assert_eq!((report.verdict().exit_code(), report.findings.len()), (0, 0), "{:?}", report.findings);
    let batches = table.scan(&ScanOptions::default()).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
}
