//! Backups from the command line.

use std::fs;

use crate::bench::Bench;

#[test]
fn a_copy_is_made_and_brought_up_to_date() {
    let bench = Bench::with_trades();
    let told = bench.run(&["backup", "trades", "far/copy"]).text();
    assert!(told.starts_with("far/copy: 2 events, 2 of them new\n  copied 2 segments, "), "{told}");
    bench.run(&["verify", "far/copy", "--rows"]).ok();
    assert_eq!(bench.run(&["cat", "far/copy"]).ok(), bench.run(&["cat", "trades"]).ok());

    bench.run(&["append", "trades", "a.csv"]).ok();
    let report = bench.run(&["backup", "trades", "far/copy", "--json"]).json().remove(0);
    assert_eq!(
        (&report["events"], &report["events_copied"], &report["segments_copied"]),
        (&3.into(), &1.into(), &1.into())
    );
    assert_eq!(report["segments_present"], 2);
    let head = bench.run(&["info", "trades", "--json"]).json().remove(0)["chain_head"].clone();
    assert_eq!(report["chain_head"], head);
    bench.run(&["verify", "far/copy", "--rows", "--head", head.as_str().unwrap()]).ok();
    let told = bench.run(&["backup", "trades", "far/copy"]).text();
    assert!(told.contains("3 events, 0 of them new\n  copied 0 segments, 0 B; 3 there already"), "{told}");
}

#[test]
fn what_is_no_earlier_state_is_refused() {
    let bench = Bench::with_trades();
    bench.run(&["append", "other", "a.csv"]).ok();
    let told = bench.run(&["backup", "trades", "other"]).fails(3);
    assert!(told.contains("other: expected a copy of trades, found another table"), "{told}");
    bench.run(&["backup", "trades", "copy"]).ok();
    bench.run(&["append", "copy", "a.csv"]).ok();
    let told = bench.run(&["backup", "trades", "copy"]).fails(3);
    assert!(told.contains("copy: event 2: expected at most the 2 events of trades"), "{told}");
    let told = bench.run(&["backup", "trades", "trades/copy", "--json"]).fails(2);
    assert!(told.contains("a folder outside the table"), "{told}");
    bench.run(&["backup", "trades", "trades"]).fails(2);
    bench.run(&["backup", "nowhere", "copy2"]).fails(3);
    assert!(!bench.path("copy2").exists());
}

#[test]
fn damage_is_not_copied_and_a_damaged_copy_is_mended() {
    let bench = Bench::with_trades();
    bench.run(&["backup", "trades", "copy"]).ok();
    let path = "copy/segments/seg_000000.at1";
    let mut bytes = bench.read(path);
    bytes[500] ^= 1;
    fs::remove_file(bench.path(path)).unwrap();
    bench.file(path, &bytes);
    bench.run(&["backup", "trades", "copy"]).ok();
    bench.run(&["verify", "copy"]).fails(1);
    let told = bench.run(&["backup", "trades", "copy", "--check", "digests"]).text();
    assert!(told.contains("1 file there did not match the ledger"), "{told}");
    bench.run(&["verify", "copy", "--rows"]).ok();

    fs::copy(bench.path("copy/_at1/torn").read_dir().unwrap().next().unwrap().unwrap().path(), bench.path("bad"))
        .unwrap();
    fs::remove_file(bench.path("trades/segments/seg_000000.at1")).unwrap();
    fs::copy(bench.path("bad"), bench.path("trades/segments/seg_000000.at1")).unwrap();
    let told = bench.run(&["backup", "trades", "copy2"]).fails(1);
    assert!(told.contains("trades/segments/seg_000000.at1: expected sha256 "), "{told}");
    assert_eq!(bench.path("copy2/segments").read_dir().unwrap().count(), 0);
}
