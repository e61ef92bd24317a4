//! Exports from the command line.

use std::fs;

use serde_json::json;

use crate::bench::Bench;

const FIRST: &str = "trades/_delta_log/00000000000000000000.json";

#[test]
fn a_delta_log_is_made_and_brought_up_to_date() {
    let bench = Bench::with_trades();
    let told = bench.run(&["export", "delta", "trades"]).text();
    assert_eq!(told, "trades: version 0 of _delta_log shows event 1; 1 version written, 2 files added, 0 removed\n");
    let told = bench.run(&["export", "delta", "trades"]).text();
    assert_eq!(told, "trades: version 0 of _delta_log shows event 1; nothing new\n");
    bench.run(&["append", "trades", "a.csv"]).ok();
    bench.run(&["compact", "trades"]).ok();
    let report = bench.run(&["export", "delta", "trades", "--json"]).json().remove(0);
    let expected = json!({
        "versions": [1, 2], "version": 2, "event": 3, "adds": 2, "removes": 3, "checkpoint": null, "on_append": false,
    });
    assert_eq!(report, expected);
    bench.run(&["init", "empty"]).ok();
    let told = bench.run(&["export", "delta", "empty"]).text();
    assert_eq!(told, "empty: no columns yet, so there is nothing that a Delta log could show\n");
}

#[test]
fn a_log_follows_appends_and_compactions_if_it_is_to() {
    let bench = Bench::with_trades();
    let told = bench.run(&["export", "delta", "trades", "--on-append", "on"]).text();
    assert!(told.ends_with("  at1 append and at1 compact bring it up to date from now on\n"), "{told}");
    let reports = bench.run(&["append", "trades", "a.csv", "b.csv", "--json"]).json();
    assert_eq!(
        reports.iter().map(|report| report["mirror"]["versions"].clone()).collect::<Vec<_>>(),
        [json!([1]), json!([2])]
    );
    let report = bench.run(&["compact", "trades", "--json"]).json().remove(0);
    assert_eq!((&report["mirror"]["event"], &report["mirror"]["removes"]), (&json!(4), &json!(4)));
    let report = bench.run(&["export", "delta", "trades", "--json"]).json().remove(0);
    assert_eq!((&report["versions"], &report["on_append"]), (&json!([]), &json!(true)));

    bench.run(&["export", "delta", "trades", "--on-append", "off"]).ok();
    let report = bench.run(&["append", "trades", "a.csv", "--json"]).json().remove(0);
    assert_eq!(report.get("mirror"), None);
}

#[test]
fn a_log_that_cannot_follow_is_a_warning() {
    let bench = Bench::with_trades();
    bench.run(&["export", "delta", "trades", "--on-append", "on"]).ok();
    let whole = bench.read(FIRST);
    fs::remove_file(bench.path(FIRST)).unwrap();
    bench.file(FIRST, b"{\"commitInfo\":{\"engineInfo\":\"another\"}}\n");
    let done = bench.run(&["append", "trades", "a.csv"]);
    let told = done.err();
    assert!(told.contains("warning: _delta_log was not brought up to date: "), "{told}");
    assert!(told.contains("found one that another wrote"), "{told}");
    done.ok();
    let report = bench.run(&["append", "trades", "a.csv", "--json"]).json().remove(0);
    assert_eq!((&report["event"], &report["mirror"]["error"]["kind"]), (&json!(3), &json!("refused")), "{report}");
    let report = bench.run(&["compact", "trades", "--json"]).json().remove(0);
    assert_eq!(report["mirror"]["error"]["kind"], "refused", "{report}");
    let told = bench.run(&["export", "delta", "trades"]).fails(3);
    assert!(told.contains("expected an entry of at1:"), "{told}");

    fs::remove_file(bench.path(FIRST)).unwrap();
    bench.file(FIRST, &whole);
    let report = bench.run(&["append", "trades", "a.csv", "--json"]).json().remove(0);
    assert_eq!(report["mirror"]["versions"], json!([1, 2, 3]), "it catches up");
}

#[test]
fn verification_and_backups_do_not_mind() {
    let bench = Bench::with_trades();
    bench.run(&["export", "delta", "trades", "--on-append", "on"]).ok();
    bench.run(&["append", "trades", "a.csv"]).ok();
    bench.run(&["verify", "trades", "--rows"]).ok();
    bench.run(&["repair", "trades"]).ok();
    bench.run(&["backup", "trades", "copy"]).ok();
    assert!(!bench.path("copy/_delta_log").exists() && !bench.path("copy/_at1/export-delta").exists());
    let report = bench.run(&["export", "delta", "copy", "--json"]).json().remove(0);
    assert_eq!((&report["versions"], &report["event"]), (&json!([0]), &json!(2)), "made again beside the copy");
    bench.run(&["compact", "trades", "--grace", "0s"]).ok();
    bench.run(&["vacuum", "trades", "--grace", "0s"]).ok();
    bench.run(&["verify", "trades", "--rows"]).ok();
    let report = bench.run(&["backup", "trades", "copy", "--json"]).json().remove(0);
    assert_eq!(report["files_removed"], 3);
    let report = bench.run(&["export", "delta", "copy", "--json"]).json().remove(0);
    assert_eq!((&report["event"], &report["removes"]), (&json!(3), &json!(3)), "its log goes on beside the copy");
}

#[test]
fn what_a_log_cannot_show_is_said() {
    let bench = Bench::new();
    bench.file("a.csv", b"v\n1\n");
    bench.file("b.csv", b"v\nx\n");
    bench.run(&["append", "mixed", "a.csv", "b.csv"]).ok();
    let told = bench.run(&["export", "delta", "mixed"]).fails(3);
    assert_eq!(told, bench.run(&["files", "mixed"]).fails(3), "the words of at1 files");
    let told = bench.run(&["export", "delta", "mixed", "--on-append", "on"]).fails(3);
    assert!(told.contains("compact with retype"), "{told}");
    assert!(!bench.path("mixed/_at1/export-delta").exists(), "what cannot be exported does not follow");
    bench.run(&["export", "delta", "nowhere"]).fails(3);
    bench.run(&["export", "delta", "mixed", "--on-append", "perhaps"]).fails(2);
}
