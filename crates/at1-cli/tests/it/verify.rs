//! Verification: what is found, what it is called, and how the program ends.

use std::fs;

use serde_json::json;

use crate::bench::Bench;

fn flip(bench: &Bench, path: &str, at: usize) {
    let mut bytes = bench.read(path);
    bytes[at] ^= 1;
    // Segments are read-only files.
    fs::remove_file(bench.path(path)).unwrap();
    bench.file(path, &bytes);
}

#[test]
fn an_untouched_table_is_self_consistent_and_no_more() {
    let bench = Bench::with_trades();
    let told = bench.run(&["verify", "trades", "--rows"]).text();
    assert!(told.contains("rows       holds        2 batches derived again"), "{told}");
    assert!(told.contains("self-consistent only: whoever can write this folder could have made it so"), "{told}");
    let report = bench.run(&["verify", "trades", "--json"]).json().remove(0);
    assert_eq!((&report["chain"], &report["immutable"], &report["rows"]), (&json!(true), &json!(true), &json!(null)));
    assert_eq!((&report["level"], &report["findings"]), (&json!("self-consistent"), &json!([])));
}

#[test]
fn a_changed_segment_is_found() {
    let bench = Bench::with_trades();
    flip(&bench, "trades/segments/seg_000001.at1", 500);
    let run = bench.run(&["verify", "trades"]);
    assert!(run.out().contains("immutable  BROKEN") && run.out().contains("changed: seg_000001.at1"), "{}", run.out());
    let told = run.fails(1);
    assert!(told.contains("trades: the table was changed or damaged (1 finding)"), "{told}");
    let run = bench.run(&["verify", "trades", "--json"]);
    assert!(run.out().contains("\"immutable\":false"), "{}", run.out());
    let told = run.fails(1);
    assert!(told.contains("\"kind\":\"integrity\""), "{told}");
    bench.run(&["cat", "trades"]).fails(1);
}

#[test]
fn a_changed_ledger_is_found() {
    let bench = Bench::with_trades();
    let ledger = bench.read("trades/_at1/ledger");
    let at = String::from_utf8(ledger).unwrap().find("\"rows\":300").unwrap() + 8;
    flip(&bench, "trades/_at1/ledger", at);
    bench.run(&["verify", "trades"]).fails(1);
    bench.run(&["scan", "trades"]).fails(1);
}

#[test]
fn a_missing_segment_is_found() {
    let bench = Bench::with_trades();
    fs::remove_file(bench.path("trades/segments/seg_000000.at1")).unwrap();
    let run = bench.run(&["verify", "trades"]);
    assert!(run.out().contains("missing: seg_000000.at1"), "{}", run.out());
    run.fails(1);
}

#[test]
fn a_receipt_raises_the_level_and_finds_a_rollback() {
    let bench = Bench::with_trades();
    let head = bench.run(&["info", "trades", "--json"]).json().remove(0)["chain_head"].as_str().unwrap().to_owned();
    let told = bench.run(&["verify", "trades", "--head", &head, "--require", "receipt"]).text();
    assert!(told.contains("level receipt: 1 receipt from outside held"), "{told}");
    let told = bench.run(&["verify", "trades", "--require", "receipt"]).fails(4);
    assert!(told.contains("expected level receipt, found self-consistent"), "{told}");

    // Someone cuts the last event off: the folder agrees with itself again, the receipt does not.
    let ledger = String::from_utf8(bench.read("trades/_at1/ledger")).unwrap();
    let cut = ledger.trim_end().rfind('\n').unwrap() + 1;
    bench.file("trades/_at1/ledger", &ledger.as_bytes()[..cut]);
    fs::remove_file(bench.path("trades/segments/seg_000001.at1")).unwrap();
    bench.run(&["verify", "trades"]).ok();
    let run = bench.run(&["verify", "trades", "--head", &head]);
    assert!(run.out().contains("head_missing"), "{}", run.out());
    run.fails(5);
    bench.run(&["verify", "trades", "--head", "x:y"]).fails(2);
}

#[test]
fn a_torn_tail_is_told_from_damage_and_mended_by_the_next_append() {
    let bench = Bench::with_trades();
    let ledger = bench.read("trades/_at1/ledger");
    bench.file("trades/_at1/ledger", &[&ledger[..], b"0123456789abcdef"].concat());
    bench.run(&["verify", "trades"]).fails(7);
    assert_eq!(bench.run(&["scan", "trades"]).text().lines().count(), 601, "readers look past it");
    bench.run(&["append", "trades", "a.csv"]).ok();
    bench.run(&["verify", "trades"]).ok();
    assert_eq!(fs::read_dir(bench.path("trades/_at1/torn")).unwrap().count(), 1);
}
