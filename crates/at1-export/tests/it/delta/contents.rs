//! What a log says, line by line.

use serde_json::{Value, json};

use super::bench::{Bench, stats};

fn names(lines: &[(String, Value)]) -> Vec<&str> {
    lines.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_first_version_is_the_table_as_it_is() {
    let bench = Bench::with(&["id,price,word\n1,9.50,a\n2,10.00,\n", "id,price,word\n3,11.25,b\n"]);
    let report = bench.export();
    assert_eq!(
        report.to_json(),
        json!({"versions": [0], "version": 0, "event": 1, "adds": 2, "removes": 0, "checkpoint": null})
    );
    let lines = bench.entry(0);
    assert_eq!(names(&lines), ["commitInfo", "protocol", "metaData", "txn", "add", "add"]);
    let info = bench.table.info().unwrap();
    let millis = i64::try_from(info.ts.unwrap().nanos() / 1_000_000).unwrap();
    let of_event = |event: u64| bench.table.log(None).unwrap().into_iter().find(|e| e.0.n == event).unwrap().0;
    let commit = &lines[0].1;
    assert_eq!(commit["at1Chain"], of_event(1).chain.to_string());
    assert_eq!((&commit["timestamp"], &commit["operation"]), (&json!(millis), &json!("WRITE")));
    assert_eq!(
        (&commit["at1Event"], &commit["at1Live"], &commit["isBlindAppend"]),
        (&json!(1), &json!(2), &json!(true))
    );
    assert_eq!(
        lines[1].1,
        json!({"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["appendOnly", "invariants", "at1Managed"]})
    );
    let meta = &lines[2].1;
    assert_eq!(meta["configuration"], json!({"delta.appendOnly": "true", "delta.dataSkippingNumIndexedCols": "3"}));
    assert_eq!(meta["partitionColumns"], json!([]));
    let id = meta["id"].as_str().unwrap();
    assert!(id.len() == 36 && id.split('-').map(str::len).eq([8, 4, 4, 4, 12]), "a UUID: {id}");
    let schema: Value = serde_json::from_str(meta["schemaString"].as_str().unwrap()).unwrap();
    assert_eq!(
        schema["fields"][1],
        json!({"name": "price", "type": "decimal(18,2)", "nullable": true, "metadata": {}})
    );
    assert_eq!(lines[3].1, json!({"appId": "at1:example.org/t", "version": 1, "lastUpdated": millis}));
    let segment = &of_event(0).detail.kind.segments()[0].clone();
    let add = &lines[4].1;
    assert_eq!(
        (&add["path"], &add["size"], &add["modificationTime"], &add["dataChange"], &add["partitionValues"]),
        (&json!("segments/seg_000000.at1"), &json!(segment.bytes), &json!(millis), &json!(true), &json!({}))
    );
    assert_eq!(add["tags"], json!({"at1.event": "0", "at1.sha256": segment.sha256.to_string(), "at1.batches": "0..1"}));
    assert_eq!(
        stats(add),
        json!({
            "numRecords": 2,
            "minValues": {"id": 1, "price": 9.50, "word": "a"},
            "maxValues": {"id": 2, "price": 10.00, "word": "a"},
            "nullCount": {"id": 0, "price": 0, "word": 1},
        })
    );
}

#[test]
fn every_type_of_at1_that_delta_has() {
    let bench = Bench::new();
    bench.append(
        "a,b,c,d,e,f,g,h\n1,1.5,1234567890123456789.5,1e300,true,2024-02-29,2024-02-29T10:00:00,2024-02-29T10:00:00Z\n",
    );
    bench.export();
    let types: Vec<_> = bench.schema(0).into_iter().map(|(_, ty)| ty).collect();
    assert_eq!(
        types,
        ["long", "decimal(18,1)", "decimal(38,1)", "double", "boolean", "date", "timestamp_ntz", "timestamp"]
    );
    let protocol = &bench.actions(0, "protocol")[0];
    assert_eq!(
        protocol,
        &json!({
            "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"],
            "writerFeatures": ["appendOnly", "invariants", "at1Managed", "timestampNtz"],
        })
    );
}

#[test]
fn appends_in_a_row_are_one_version_and_a_compaction_is_its_own() {
    let bench = Bench::with(&["id\n1\n"]);
    bench.export();
    for batch in ["id\n2\n", "id\n3\n"] {
        bench.append(batch);
    }
    bench.compact(Some(2));
    bench.append("id\n4\n");
    bench.append("id\n5\n");
    let report = bench.export();
    assert_eq!((report.versions, report.event, report.adds, report.removes), (vec![1, 2, 3], Some(5), 5, 2));
    assert_eq!([0, 1, 2, 3].map(|version| bench.event(version)), [0, 2, 3, 5]);
    let lines = bench.entry(2);
    assert_eq!(names(&lines), ["commitInfo", "txn", "remove", "remove", "add"]);
    assert_eq!((&lines[0].1["operation"], &lines[0].1["isBlindAppend"]), (&json!("OPTIMIZE"), &json!(false)));
    for (_, action) in &lines[2..] {
        assert_eq!(action["dataChange"], false, "the same rows in other files: {action}");
    }
    assert_eq!(lines[2].1["path"], "segments/seg_000000.at1");
    assert!(lines[2].1["deletionTimestamp"].as_i64().unwrap() > 0, "when it went");
    for add in [1, 3].iter().flat_map(|version| bench.actions(*version, "add")) {
        assert_eq!(add["dataChange"], true, "{add}");
    }
}

#[test]
fn new_columns_are_a_new_schema_in_the_version_that_has_them() {
    let bench = Bench::with(&["id\n1\n"]);
    bench.export();
    bench.append("id\n2\n");
    bench.export();
    assert_eq!(names(&bench.entry(1)), ["commitInfo", "txn", "add"], "nothing new is not said again");
    bench.append("id,at\n3,2024-01-01T00:00:00\n");
    bench.export();
    assert_eq!(names(&bench.entry(2)), ["commitInfo", "protocol", "metaData", "txn", "add"]);
    assert_eq!(bench.schema(1), [("id".into(), "long".into())]);
    assert_eq!(bench.schema(2), [("id".into(), "long".into()), ("at".into(), "timestamp_ntz".into())]);
    assert_eq!(
        bench.actions(2, "protocol")[0]["readerFeatures"],
        json!(["timestampNtz"]),
        "readers have to know it now"
    );
    assert_eq!(bench.actions(2, "metaData")[0]["id"], bench.actions(0, "metaData")[0]["id"], "the same table");
    bench.append("id,at\n4,2024-01-01T00:00:00\n");
    bench.export();
    assert_eq!(names(&bench.entry(3)), ["commitInfo", "txn", "add"]);
}

#[test]
fn a_table_without_columns_has_no_log_yet() {
    let bench = Bench::new();
    let nothing = json!({"versions": [], "version": null, "event": null, "adds": 0, "removes": 0, "checkpoint": null});
    assert_eq!(bench.export().to_json(), nothing);
    bench.append("");
    assert_eq!(bench.export().to_json(), nothing);
    assert!(!bench.disk.files().keys().any(|path| path.starts_with("_delta_log")), "nothing was made");
    bench.append("id\n1\n");
    let report = bench.export();
    assert_eq!(
        (report.versions, report.adds),
        (vec![0], 1),
        "the empty segment has none of the columns, and is left out"
    );
    bench.append("");
    bench.export();
    assert_eq!(names(&bench.entry(1)), ["commitInfo", "txn"], "an empty batch is an event, and no file");
    bench.compact(None);
    let report = bench.export();
    assert_eq!((report.versions, report.adds, report.removes), (vec![2], 1, 1));
}

#[test]
fn headers_without_records_are_columns_without_files() {
    let bench = Bench::with(&["id,word\n"]);
    let report = bench.export();
    assert_eq!((report.versions, report.adds), (vec![0], 0));
    assert_eq!(bench.schema(0).len(), 2);
}

#[test]
fn times_finer_than_delta_has_are_refused_with_the_way_out() {
    let bench = Bench::with(&["id,fine time\n1,2024-01-01T00:00:00.123456789Z\n"]);
    let told = bench.refuses();
    assert!(
        told.starts_with("column fine time: expected a type that Delta has, such as microseconds; a table made with `at1 init --type COL=text`"),
        "{told}"
    );
    assert!(told.contains("found timestamp"), "{told}");
    assert!(!bench.disk.has("_delta_log/00000000000000000000.json"), "nothing was written");
}
