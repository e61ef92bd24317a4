//! Tables of lines: of JSON, and of logs.

use std::time::Duration;

use at1_table::{AppendOptions, CompactOptions, ErrorKind, FormatOption, HeaderOption, Source, Strictness};

use crate::{append, batches, open, table};

const MONDAY: &str =
    "{\"ts\":\"2024-05-06T10:00:00Z\",\"user\":{\"id\":1},\"ms\":12}\n{\"ts\":\"2024-05-06T10:00:05Z\",\"ms\":3}\n";
const TUESDAY: &str = "{\"ms\": 4.5, \"ts\": \"2024-05-07T00:00:00Z\", \"error\": \"no\\/route\"}\n\noops\n";

#[test]
fn keys_come_and_go() {
    let (_, table) = table();
    append(&table, MONDAY);
    let second = append(&table, TUESDAY);
    assert_eq!((second.rows, second.columns_added), (2, vec!["error".to_owned(), "_line".to_owned()]));
    assert_eq!(second.columns_missing, [""; 0], "a key that a batch lacks is nothing to tell");
    assert_eq!(second.columns_widened[0].column, "ms");
    assert_eq!(second.ragged, 1);
    // Nothing of JSON is taken for a header, and a third batch brings nothing new.
    let third = append(&table, "{\"error\":null,\"ts\":\"2024-05-08T00:00:00Z\"}\n");
    assert!(third.columns_added.is_empty() && third.columns_widened.is_empty());
    let info = table.info().unwrap().to_json();
    assert_eq!((info["text"].as_str(), info["delimiter"].is_null()), (Some("ndjson"), true));
    let names: Vec<_> = info["columns"].as_array().unwrap().iter().map(|c| c["header"].as_str().unwrap()).collect();
    assert_eq!(names, ["ts", "user.id", "ms", "error", "_line"]);

    let third = "{\"error\":null,\"ts\":\"2024-05-08T00:00:00Z\"}\n";
    assert_eq!(batches(&table), [MONDAY.as_bytes(), TUESDAY.as_bytes(), third.as_bytes()]);
    table.compact(&CompactOptions { grace: Duration::ZERO, ..CompactOptions::default() }).unwrap();
    assert_eq!(table.info().unwrap().segments, 1);
    assert_eq!(batches(&table), [MONDAY.as_bytes(), TUESDAY.as_bytes(), third.as_bytes()]);
}

#[test]
fn what_a_table_is_made_of_stays() {
    let (_, json) = table();
    append(&json, MONDAY);
    // One line that is none is still a line of such a table.
    assert_eq!(append(&json, "1,2\n3,4\n").ragged, 2);
    let refuses = |options: AppendOptions| json.append_csv(Source::bytes(MONDAY), &options).unwrap_err();
    let told = AppendOptions { format: FormatOption::Json, header: HeaderOption::Yes, ..AppendOptions::default() };
    let error = refuses(told);
    assert_eq!((error.kind(), error.place()), (ErrorKind::Invalid, "input: header"));
    let strict = AppendOptions { strictness: Strictness::Strict, ..AppendOptions::default() };
    json.append_csv(Source::bytes("{\"ms\":1}\n"), &strict).unwrap();
    let error = json.append_csv(Source::bytes("{\"ms\":1,\"new\":2}\n"), &strict).unwrap_err();
    assert!(error.to_string().contains("new columns: new"), "{error}");

    let (_, csv) = table();
    append(&csv, "a,b\n1,2\n");
    append(&csv, MONDAY);
    assert_eq!(csv.info().unwrap().to_json()["text"], "csv");
    let as_json = AppendOptions { format: FormatOption::Json, ..AppendOptions::default() };
    let report = csv.append_csv(Source::bytes("{\"b\":7}\n"), &as_json).unwrap();
    assert!(report.columns_added.is_empty(), "keys find columns by their names");
    assert_eq!(batches(&csv)[2], b"{\"b\":7}\n");
}

#[test]
fn the_first_log_fixes_the_pattern() {
    let (store, table) = table();
    append(&table, "2024-05-01T10:00:00Z INFO up\n2024-05-01T10:00:01Z WARN slow\n");
    let second = append(&table, "2024-05-02T10:00:00Z INFO again\n  at x\n\n");
    assert_eq!((second.rows, second.ragged), (3, 1));
    assert!(second.columns_added.is_empty() && second.columns_missing.is_empty());
    // Nothing but the table knows how a line like this is cut.
    let table = open(&store);
    assert!(append(&table, "2024-05-03T10:00:00Z FATAL down").columns_added.is_empty());
    let info = table.info().unwrap().to_json();
    assert_eq!(info["text"], "lines");
    let names: Vec<_> = info["columns"].as_array().unwrap().iter().map(|c| c["header"].as_str().unwrap()).collect();
    assert_eq!(names, ["time", "level", "message"]);
    assert_eq!(info["columns"][0]["type"], "timestamptz");
    assert_eq!(batches(&table)[1], b"2024-05-02T10:00:00Z INFO again\n  at x\n\n");
}
