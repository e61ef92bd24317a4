//! Checkpoints: when there are some, and that a reader who begins with one sees what the entries say.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, AsArray},
    datatypes::Int64Type,
};
use at1_codec::ReadAt as _;
use at1_table::store::Store as _;
use at1_testkit::store::MemStore;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::bench::{Bench, log_files, replay};

fn last(disk: &MemStore) -> Option<Value> {
    let bytes = log_files(disk).remove("_delta_log/_last_checkpoint")?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// The live files of a checkpoint, with their statistics; and how many rows it has of all kinds.
fn read(disk: &MemStore, version: u64) -> (BTreeMap<String, String>, usize) {
    let bytes = log_files(disk).remove(&format!("_delta_log/{version:020}.checkpoint.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap().build().unwrap();
    let (mut files, mut rows) = (BTreeMap::new(), 0);
    for batch in reader {
        let batch = batch.unwrap();
        let one_each = |row| batch.columns().iter().filter(|column| column.is_valid(row)).count();
        (0..batch.num_rows()).for_each(|row| assert_eq!(one_each(row), 1, "one action in row {row}"));
        let add = batch.column_by_name("add").unwrap().as_struct();
        let text = |name: &str| add.column_by_name(name).unwrap().as_string::<i32>().clone();
        let (path, stats) = (text("path"), text("stats"));
        let size = add.column_by_name("size").unwrap().as_primitive::<Int64Type>().clone();
        for row in (0..batch.num_rows()).filter(|row| add.is_valid(*row)) {
            assert!(size.value(row) > 0, "a size");
            files.insert(path.value(row).to_owned(), stats.value(row).to_owned());
        }
        rows += batch.num_rows();
    }
    (files, rows)
}

#[track_caller]
fn agree(disk: &MemStore, versions: &[u64]) {
    let live = replay(disk);
    for version in versions {
        let live = live[usize::try_from(*version).unwrap()].iter();
        let expected: BTreeMap<_, _> =
            live.map(|(path, add)| (path.clone(), add["stats"].as_str().unwrap().to_owned())).collect();
        assert_eq!(read(disk, *version).0, expected, "checkpoint of version {version}");
    }
}

#[test]
fn a_first_version_of_many_files_has_one_at_once() {
    let bench = Bench::new();
    (0..delta_steps()).for_each(|i| bench.append(&format!("id\n{i}\n")));
    let report = bench.export();
    assert_eq!((report.checkpoint, report.adds), (Some(0), delta_steps()));
    let told = last(&bench.disk).unwrap();
    assert_eq!(told, json!({"version": 0, "size": delta_steps() + 3, "numOfAddFiles": delta_steps()}));
    agree(&bench.disk, &[0]);
    let (_, rows) = read(&bench.disk, 0);
    assert_eq!(rows as u64, delta_steps() + 3, "and the protocol, the schema, the transaction");
}

fn delta_steps() -> u64 {
    at1_export::delta::STEPS_MIN
}

#[test]
fn a_thousand_events_one_by_one() {
    let bench = Bench::new();
    let mut checkpoints = vec![];
    for i in 0..1_200 {
        bench.append(&format!("id\n{i}\n"));
        if i % 300 == 299 {
            bench.compact(Some(i / 2));
        }
        // Checking all of the log each time would be a million entries.
        checkpoints.extend(at1_export::delta::export(&bench.table).unwrap().checkpoint);
    }
    assert_eq!(bench.export().versions, Vec::<u64>::new());
    let gaps: Vec<_> = checkpoints.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((8..=12).contains(&checkpoints.len()), "every hundred entries or so: {checkpoints:?}");
    assert!(gaps.iter().all(|gap| *gap <= 101), "{gaps:?}");
    agree(&bench.disk, &checkpoints);
    assert_eq!(last(&bench.disk).unwrap()["version"], *checkpoints.last().unwrap());
    assert!(!log_files(&bench.disk).keys().any(|name| name.ends_with(".new")), "nothing is left over");
}

#[test]
fn they_come_rarely_where_much_is_live() {
    // 2,000 files: a tenth of them, not a hundred entries, is what readers may replay.
    let bench = Bench::new();
    for i in 0..20 {
        (0..100).for_each(|j| bench.append(&format!("id\n{i}{j:02}\n")));
        at1_export::delta::export(&bench.table).unwrap();
    }
    let before = last(&bench.disk).unwrap()["version"].as_u64().unwrap();
    let mut files = 0;
    loop {
        bench.append("id\n1\n");
        files += 1;
        if at1_export::delta::export(&bench.table).unwrap().checkpoint.is_some() {
            break;
        }
    }
    let actions = 100 * (19 - before) + files;
    assert!((195..=235).contains(&actions), "{before}: {files} appends later");
}

#[test]
fn lost_and_half_told_ones_are_no_harm() {
    let bench = Bench::new();
    (0..150).for_each(|i| bench.append(&format!("id\n{i}\n")));
    bench.export();
    bench.disk.take("_delta_log/_last_checkpoint");
    assert_eq!(bench.export().checkpoint, Some(0), "told again, as it is there");
    for name in ["_delta_log/_last_checkpoint", "_delta_log/00000000000000000000.checkpoint.parquet"] {
        bench.disk.take(name);
    }
    bench.append("id\n1\n");
    let report = bench.export();
    assert_eq!((report.versions, report.checkpoint), (vec![1], Some(1)));
    agree(&bench.disk, &[1]);
}

#[test]
fn what_was_removed_is_remembered_for_a_while() {
    let bench = Bench::new();
    (0..150).for_each(|i| bench.append(&format!("id\n{i}\n")));
    bench.export();
    bench.compact(None);
    let report = bench.export();
    assert_eq!((report.checkpoint, report.removes), (Some(1), 150), "151 lines about one live file");
    let (files, rows) = read(&bench.disk, 1);
    assert_eq!((files.len(), rows), (1, 1 + 150 + 3));
    let file = bench.disk.open("_delta_log/00000000000000000001.checkpoint.parquet").unwrap();
    assert!(file.size().unwrap() < 30_000, "{} bytes", file.size().unwrap());
}
