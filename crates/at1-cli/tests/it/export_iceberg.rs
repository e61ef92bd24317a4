//! Iceberg metadata as a person makes it: what is told, and that the table is as before.

use serde_json::{Value, json};

use crate::bench::Bench;

fn metadata(bench: &Bench, path: &str) -> Value {
    serde_json::from_slice(&bench.read(path)).unwrap()
}

#[test]
fn one_snapshot_for_each_export() {
    let bench = Bench::with_trades();
    let root = format!("file://{}", bench.path("trades").canonicalize().unwrap().display());
    let text = bench.run(&["export", "iceberg", "trades"]).text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "metadata/v1.metadata.json: event 1, 600 rows in 2 segments");
    assert!(lines[1].contains(", append; 1 manifest written, 0 kept; "), "{text}");
    assert_eq!(lines[2].trim(), format!("{root}/metadata/v1.metadata.json"));
    let again = bench.run(&["export", "iceberg", "trades"]).text();
    assert_eq!(again, "metadata/v1.metadata.json: up to date, event 1, 600 rows in 2 segments\n");
    bench.run(&["append", "trades", "a.csv"]).ok();
    let report = bench.run(&["export", "iceberg", "trades", "--json"]).json().remove(0);
    let snapshot = metadata(&bench, "trades/metadata/v2.metadata.json")["snapshots"][1].clone();
    let expected = json!({
        "outcome": "written", "restart": null, "moved_from": null, "operation": "append", "version": 2, "event": 2,
        "metadata": "metadata/v2.metadata.json", "uri": format!("{root}/metadata/v2.metadata.json"),
        "snapshot_id": snapshot["snapshot-id"], "rows": 900, "segments": 3, "snapshots": 2, "files_removed": 0,
        "manifests_written": 1, "manifests_reused": 0, "bytes_written": report["bytes_written"],
    });
    assert_eq!(report, expected);
    assert_eq!(snapshot["summary"]["at1.event"], "2");
    assert_eq!(bench.read("trades/metadata/version-hint.text"), b"2");
    bench.run(&["verify", "trades", "--rows"]).ok();
    bench.run(&["repair", "trades"]).ok();
    bench.run(&["backup", "trades", "copy"]).ok();
    assert!(!bench.path("copy/metadata").exists(), "a copy makes its own");
}

#[test]
fn a_table_that_moved_says_where_it_was() {
    let bench = Bench::with_trades();
    bench.run(&["export", "iceberg", "trades"]).ok();
    let was = format!("file://{}", bench.path("trades").canonicalize().unwrap().display());
    std::fs::rename(bench.path("trades"), bench.path("moved")).unwrap();
    let done = bench.run(&["export", "iceberg", "moved"]);
    assert_eq!(done.err(), format!("the folder was exported as {was}; what stands there is not touched\n"));
    done.ok();
    let now = format!("file://{}", bench.path("moved").canonicalize().unwrap().display());
    assert_eq!(metadata(&bench, "moved/metadata/v2.metadata.json")["location"], now);
    // A table under another name of its folder is the same.
    std::os::unix::fs::symlink(bench.path("moved"), bench.path("link")).unwrap();
    let again = bench.run(&["export", "iceberg", "link", "--json"]).json().remove(0);
    assert_eq!(again["outcome"], "unchanged");
}

#[test]
fn what_cannot_be_exported_is_told() {
    let bench = Bench::new();
    bench.file("a.csv", b"a,at\n1,2024-01-01T00:00:00.123456789\n");
    bench.run(&["append", "fine", "a.csv"]).ok();
    let told = bench.run(&["export", "iceberg", "fine"]).fails(3);
    assert!(told.starts_with("error: column at: expected a type of Iceberg v2"), "{told}");
    assert!(!bench.path("fine/metadata").exists());
    // The way out that it names.
    bench.run(&["export", "parquet", "fine", "-o", "fine.parquet"]).ok();

    bench.file("int.csv", b"a\n1\n");
    bench.file("decimal.csv", b"a\n1.5\n");
    bench.run(&["append", "mixed", "int.csv", "decimal.csv"]).ok();
    let told = bench.run(&["export", "iceberg", "mixed"]).fails(3);
    let expected = "error: column a: expected decimal(18,1) in every segment; compact with retype rewrites them, found int64 in 1\n";
    assert_eq!(told, expected);
    bench.run(&["compact", "mixed", "--retype"]).ok();
    bench.run(&["export", "iceberg", "mixed"]).ok();

    bench.run(&["append", "theirs", "int.csv"]).ok();
    std::fs::create_dir(bench.path("theirs/metadata")).unwrap();
    bench.file("theirs/metadata/00000-1f.metadata.json", b"{}");
    let told = bench.run(&["export", "iceberg", "theirs", "--json"]).fails(3);
    let error: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&error["error"]["kind"], &error["error"]["found"]),
        (&json!("exists"), &json!("00000-1f.metadata.json"))
    );
}
