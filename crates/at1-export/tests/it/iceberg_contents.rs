//! What the metadata says of columns: types, ids, counts and bounds, and what is refused.

use std::{num::NonZeroU64, sync::Arc};

use at1_export::iceberg::{self, IcebergOptions};
use at1_table::{AppendOptions, CompactOptions, CreateOptions, Error, ErrorKind, Source, Table};
use serde_json::{Value, json};

use crate::{
    iceberg_bench::{append, table},
    iceberg_reader::{LOCATION, avro, current, files_of, snapshot},
};

fn options() -> IcebergOptions {
    IcebergOptions { location: LOCATION.to_owned() }
}

/// Exports a table of these batches; the metadata, and what it says of each segment.
#[track_caller]
fn exported(batches: &[&str]) -> (Value, Vec<Value>) {
    let (disk, table) = table();
    batches.iter().for_each(|batch| drop(append(&table, batch)));
    iceberg::export(&table, &options()).unwrap();
    let (_, metadata) = current(&disk).unwrap();
    let files = files_of(&disk, snapshot(&metadata));
    (metadata, files.into_iter().map(|entry| entry["data_file"].clone()).collect())
}

fn of(file: &Value, what: &str, id: i64) -> Value {
    let list = file[what].as_array().unwrap_or_else(|| panic!("no {what}"));
    list.iter().find(|pair| pair["key"] == id).map_or(Value::Null, |pair| pair["value"].clone())
}

/// A column of one value: its type, and its bound in both directions.
#[track_caller]
fn check(field: &str, ty: &str, bound: &[u8]) {
    let (metadata, files) = exported(&[&format!("id,x\n1,{field}\n2,\n")]);
    assert_eq!(metadata["schemas"][0]["fields"][1], json!({"id": 2, "name": "x", "required": false, "type": ty}));
    let file = &files[0];
    assert_eq!(of(file, "lower_bounds", 2), json!(bound), "lower bound of {field}");
    assert_eq!(of(file, "upper_bounds", 2), json!(bound), "upper bound of {field}");
    assert_eq!((of(file, "value_counts", 2), of(file, "null_value_counts", 2)), (json!(2), json!(1)));
    let sizes = of(file, "column_sizes", 1).as_u64().unwrap() + of(file, "column_sizes", 2).as_u64().unwrap();
    assert!(sizes > 0 && sizes < file["file_size_in_bytes"].as_u64().unwrap());
    assert_eq!(file["split_offsets"], json!([4]), "the first row group stands behind the magic");
    assert_eq!(file["file_format"], "PARQUET");
}

#[test]
fn integers() {
    check("-2", "long", &(-2i64).to_le_bytes());
}

#[test]
fn decimals_take_as_few_bytes_as_they_need() {
    check("-1.29", "decimal(18, 2)", &[0xff, 0x7f]);
    check("12345678901234567890.5", "decimal(38, 1)", &123_456_789_012_345_678_905_i128.to_be_bytes()[7..]);
}

#[test]
fn doubles() {
    check("1.5e300", "double", &1.5e300f64.to_le_bytes());
}

#[test]
fn booleans() {
    check("true", "boolean", &[1]);
}

#[test]
fn dates_before_the_epoch() {
    check("1969-12-31", "date", &(-1i32).to_le_bytes());
}

#[test]
fn timestamps_with_and_without_a_zone() {
    check("1970-01-01T00:00:01.5", "timestamp", &1_500_000i64.to_le_bytes());
    check("1970-01-01T01:00:01.500000+01:00", "timestamptz", &1_500_000i64.to_le_bytes());
}

#[test]
fn text() {
    check("Zürich", "string", "Zürich".as_bytes());
}

#[test]
fn text_is_cut_between_characters_and_still_bounds() {
    let long = format!("x{}", "é".repeat(50));
    let (_, files) = exported(&[&format!("x\n{long}\n")]);
    let bytes = |what| of(&files[0], what, 1).as_array().unwrap().iter().map(|b| b.as_u64().unwrap() as u8).collect();
    let lower = String::from_utf8(bytes("lower_bounds")).unwrap();
    let upper = String::from_utf8(bytes("upper_bounds")).unwrap();
    assert_eq!(lower, format!("x{}", "é".repeat(31)));
    assert_eq!(upper, format!("x{}ê", "é".repeat(30)));
    assert!(lower < long && long < upper);
}

#[test]
fn text_that_nothing_is_above_has_no_upper_bound() {
    let (_, files) = exported(&[&format!("x\n{}\n", "\u{10ffff}".repeat(40))]);
    assert_eq!(of(&files[0], "upper_bounds", 1), Value::Null);
    assert_ne!(of(&files[0], "lower_bounds", 1), Value::Null);
}

#[test]
fn bytes_that_are_no_text() {
    let (disk, table) = table();
    append(&table, b"x\n\xff\xfe\n\x01\n");
    iceberg::export(&table, &options()).unwrap();
    let (_, metadata) = current(&disk).unwrap();
    assert_eq!(metadata["schemas"][0]["fields"][0]["type"], "binary");
    let file = &files_of(&disk, snapshot(&metadata))[0]["data_file"];
    assert_eq!((of(file, "lower_bounds", 1), of(file, "upper_bounds", 1)), (json!([1]), json!([0xff, 0xfe])));
}

#[test]
fn a_column_with_a_nan_has_no_bounds_and_no_count_of_them() {
    let (_, files) = exported(&["x,y\n1.5e0,1.5e0\nNaN,2.5e0\n,\n"]);
    let file = &files[0];
    for what in ["lower_bounds", "upper_bounds", "nan_value_counts"] {
        assert_eq!(of(file, what, 1), Value::Null, "{what}");
        assert_ne!(of(file, what, 2), Value::Null, "{what}");
    }
    assert_eq!(of(file, "nan_value_counts", 2), json!(0));
    assert_eq!(of(file, "null_value_counts", 1), json!(1));
}

#[test]
fn columns_that_came_later_are_absent_where_they_were_not() {
    let (metadata, files) = exported(&["a\n1\n", "a,b\n2,x\n"]);
    assert_eq!(metadata["last-column-id"], 2);
    assert_eq!(of(&files[0], "value_counts", 2), Value::Null);
    assert_eq!(of(&files[1], "value_counts", 2), json!(1));
}

#[test]
fn headers_that_are_no_names_are_told() {
    let (metadata, _) = exported(&["a b,=\n1,2\n"]);
    let field = &metadata["schemas"][0]["fields"][0];
    assert_eq!((&field["name"], &field["doc"]), (&json!("a_b"), &json!("header: a b")));
}

#[test]
fn empty_batches_and_tables_without_rows() {
    let (metadata, files) = exported(&["a\n1\n", ""]);
    assert_eq!(files.len(), 1);
    assert_eq!(snapshot(&metadata)["summary"]["at1.event"], "1");
    let (metadata, files) = exported(&["a,b\n"]);
    assert_eq!((files.len(), &metadata["schemas"][0]["fields"][1]["name"]), (0, &json!("b")));
}

#[test]
fn the_same_table_has_the_same_id() {
    let (_, first) = table();
    let (_, second) = table();
    let mut ids = vec![];
    for table in [&first, &first, &second] {
        append(table, "a\n1\n");
        iceberg::export(table, &options()).unwrap();
    }
    for disk in [&first, &second] {
        let file = disk.store().open("metadata/v1.metadata.json").unwrap();
        let mut bytes = vec![0; file.size().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        ids.push(serde_json::from_slice::<Value>(&bytes).unwrap()["table-uuid"].clone());
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn manifests_say_what_readers_ask_of_them() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    iceberg::export(&table, &options()).unwrap();
    let files = disk.files();
    let manifest = files.iter().find(|(path, _)| path.starts_with("metadata/at1-manifest-")).unwrap().1;
    let metadata = avro(manifest).metadata;
    let schema: Value = serde_json::from_str(&metadata["schema"]).unwrap();
    assert_eq!((&schema["type"], &schema["fields"][0]["name"]), (&json!("struct"), &json!("a")));
    let header =
        ["schema-id", "partition-spec", "partition-spec-id", "format-version"].map(|key| metadata[key].as_str());
    assert_eq!(header, ["0", "[]", "0", "2"]);
}

/// Exporting is refused with these words, and nothing is written.
#[track_caller]
fn refused(table: &Table, location: &str, kind: ErrorKind, message: &str) -> Error {
    let error = iceberg::export(table, &IcebergOptions { location: location.to_owned() }).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
    assert!(table.store().list("metadata").is_err(), "a folder was made");
    error
}

#[test]
fn nanoseconds_have_no_type() {
    let (_, table) = table();
    append(&table, "a,at\n1,2024-01-01T00:00:00.123456789\n");
    refused(
        &table,
        LOCATION,
        ErrorKind::Unsupported,
        "column at: expected a type of Iceberg v2, whose timestamps are microseconds; at1 export parquet writes nanoseconds, and at1 \
         files lists the segments for engines that read them in place, found timestamp_ns",
    );
}

#[test]
fn mixed_types_are_refused_until_segments_are_written_again() {
    let (disk, table) = table();
    append(&table, "a,b\n1,x\n");
    append(&table, "a,b\n2.50,x\n");
    let expected = table.files().unwrap().uniform().unwrap_err().to_string();
    refused(&table, LOCATION, ErrorKind::Unsupported, &expected);
    let retype = at1_table::Choose::Retype;
    table.compact(&CompactOptions { choose: retype, ..CompactOptions::default() }).unwrap();
    iceberg::export(&table, &options()).unwrap();
    let (_, metadata) = current(&disk).unwrap();
    assert_eq!(metadata["schemas"][0]["fields"][0]["type"], "decimal(18, 2)");
}

#[test]
fn what_has_no_columns_is_no_table_yet() {
    let (_, table) = table();
    let message = "schema: expected a table with columns; append a file that has a header or a record, found none";
    refused(&table, LOCATION, ErrorKind::Unsupported, message);
    append(&table, "");
    refused(&table, LOCATION, ErrorKind::Unsupported, message);
}

#[test]
fn places_that_readers_would_not_find() {
    let (_, table) = table();
    append(&table, "a\n1\n");
    for location in ["/tables/t", "file:///a?b", "file:///a#b", "file:///a%20b", "file://", "trades"] {
        let message = format!(
            "location: expected an absolute URI of the table's folder without ? # % \\ and control characters, found {}",
            location.trim_end_matches('/')
        );
        refused(&table, location, ErrorKind::Unsupported, &message);
    }
}

/// A batch without records may change a type; then no segment has it.
#[test]
fn a_type_that_no_segment_has_yet_is_not_told() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    let pins = vec![("a".to_owned(), "text".parse().unwrap())];
    let header = at1_table::HeaderOption::Yes;
    table.append_csv(Source::bytes("a\n"), &AppendOptions { pins, header, ..AppendOptions::default() }).unwrap();
    assert_eq!(table.info().unwrap().columns[0].ty.to_string(), "text");
    iceberg::export(&table, &options()).unwrap();
    let (_, metadata) = current(&disk).unwrap();
    assert_eq!(metadata["schemas"][0]["fields"][0]["type"], "long");
}

#[test]
fn tables_with_roots_of_their_manifest_are_exported() {
    let disk = at1_testkit::store::MemStore::new();
    let table = Table::create_in(Arc::new(disk.clone()), &CreateOptions::default()).unwrap();
    let table = table.with_manifest_every(NonZeroU64::new(4).unwrap());
    for n in 0..20 {
        table.append_csv(Source::bytes(format!("a\n{n}\n").as_bytes()), &AppendOptions::default()).unwrap();
    }
    let report = iceberg::export(&table, &options()).unwrap();
    assert_eq!((report.segments, report.rows, report.event), (20, 20, 19));
    let (_, metadata) = current(&disk).unwrap();
    let firsts = files_of(&disk, snapshot(&metadata));
    let firsts = firsts.iter().map(|entry| of(&entry["data_file"], "lower_bounds", 1)[0].as_u64().unwrap());
    assert_eq!(firsts.collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}
