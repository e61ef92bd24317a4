//! Appending: what is told, what is refused, and where bytes come from.

use std::{fs, process::Command};

use crate::bench::Bench;

#[test]
fn the_main_flow() {
    let bench = Bench::new();
    bench.file("day.csv", b"ts,price\n1,1.50\n2,2.25\n");
    let told = bench.run(&["append", "t", "day.csv"]);
    assert!(told.err().contains("created a table in t"), "{}", told.err());
    let told = told.text();
    assert!(told.starts_with("day.csv: event 0, batch 0: 2 records, 23 B of text in "), "{told}");
    assert!(told.contains("\n  chain head 0:"), "{told}");

    assert_eq!(bench.run(&["cat", "t"]).ok(), b"ts,price\n1,1.50\n2,2.25\n");
    assert_eq!(bench.run(&["scan", "t"]).text(), "ts,price\n1,1.50\n2,2.25\n");
    assert!(bench.run(&["verify", "t"]).text().contains("chain      holds"));
    let info = bench.run(&["info", "t", "--json"]).json().remove(0);
    assert_eq!((info["rows"].as_u64(), info["batches"].as_u64(), info["events"].as_u64()), (Some(2), Some(1), Some(1)));
    assert_eq!(info["columns"][1]["type"], "decimal(18,2)");
    assert!(bench.run(&["info", "t"]).text().contains("c1  price   decimal(18,2)"));
    let log = bench.run(&["log", "t"]).text();
    assert!(log.contains("append    day.csv: 2 records, 23 B"), "{log}");
}

#[test]
fn a_report_names_what_the_plan_says() {
    let bench = Bench::new();
    bench.file("a.csv", b"x,y\n1,a\n");
    bench.file("b.csv", b"x,z\n2,b\n");
    let first = bench.run(&["append", "t", "a.csv", "--json"]).json().remove(0);
    for key in [
        "event",
        "batch",
        "segment",
        "rows",
        "source_bytes",
        "segment_bytes",
        "source_sha256",
        "segment_sha256",
        "rejects",
        "columns_added",
        "columns_missing",
        "chain_head",
    ] {
        assert!(!first[key].is_null(), "no {key} in {first}");
    }
    assert_eq!(first["segment"], "seg_000000.at1");
    let second = bench.run(&["append", "t", "b.csv", "--json", "--header", "yes"]).json().remove(0);
    assert_eq!(second["columns_added"], serde_json::json!(["z"]));
    assert_eq!(second["columns_missing"], serde_json::json!(["y"]));
    assert_eq!(second["chain_head"].as_str().unwrap().split(':').next(), Some("1"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = Bench::new();
    bench.file("a.csv", b"ts;price\n1;2,5\n");
    let told = bench.run(&["append", "t", "a.csv", "--dry-run"]).text();
    assert!(told.contains("delimiter `;`, quote `\"`") && told.contains("nothing written"), "{told}");
    assert!(!bench.path("t").exists());
    let plan = bench.run(&["append", "t", "a.csv", "--dry-run", "--json"]).json().remove(0);
    assert_eq!((plan["rows"].as_u64(), plan["delimiter"].as_str()), (Some(1), Some(";")));

    bench.run(&["append", "t", "a.csv"]).ok();
    let before = tree(&bench);
    bench.run(&["append", "t", "a.csv", "--dry-run"]).ok();
    assert_eq!(tree(&bench), before);
}

/// Every file of the table `t` and its size.
fn tree(bench: &Bench) -> Vec<(String, u64)> {
    let mut files = Vec::new();
    for folder in ["segments", "_at1", "_at1/staging"] {
        for entry in fs::read_dir(bench.path("t").join(folder)).unwrap() {
            let entry = entry.unwrap();
            files.push((entry.path().display().to_string(), entry.metadata().unwrap().len()));
        }
    }
    files.sort();
    files
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let bench = Bench::new();
    bench.feed(&["append", "t", "-"], b"a,b\n1,2\n").ok();
    assert_eq!(bench.run(&["cat", "t"]).ok(), b"a,b\n1,2\n");
    bench.feed(&["has", "t", "-"], b"a,b\n1,2\n").ok();
}

#[test]
fn packed_inputs_are_expanded() {
    let text = b"a,b\n1,2\n".repeat(500);
    for (packer, ending) in [("gzip", "gz"), ("zstd", "zst"), ("xz", "xz")] {
        let bench = Bench::new();
        bench.file("in.csv", &text);
        let packed = Command::new(packer).arg("-c").arg(bench.path("in.csv")).output();
        let Ok(packed) = packed else {
            println!("skipped: there is no {packer} here");
            continue;
        };
        let name = format!("in.csv.{ending}");
        bench.file(&name, &packed.stdout);
        bench.run(&["append", "t", &name]).ok();
        assert_eq!(bench.run(&["cat", "t"]).ok(), text, "{packer}");
        bench.run(&["restore", "t", "-d", "out"]).ok();
        assert_eq!(bench.read("out/in.csv"), text);
        bench.file("cut", &packed.stdout[..packed.stdout.len() - 3]);
        bench.run(&["append", "t", "cut"]).fails(3);
    }
}

#[test]
fn types_are_taken_from_the_flags() {
    let bench = Bench::new();
    bench.file("a.csv", b"ts,code\n1704067200000,007\n1704067200250,042\n");
    bench.run(&["append", "t", "a.csv", "--type", "ts=epoch_ms", "--type", "code=int64"]).ok();
    assert_eq!(bench.run(&["scan", "t"]).text(), "ts,code\n2024-01-01T00:00:00Z,7\n2024-01-01T00:00:00.250Z,42\n");
    assert_eq!(bench.run(&["cat", "t"]).ok(), bench.read("a.csv"));
    let refused = bench.run(&["append", "t", "a.csv", "--type", "ts=epoch"]).fails(2);
    assert!(refused.contains("--type ts: unknown type") && refused.contains("found epoch"), "{refused}");
}

#[test]
fn names_and_headers_can_be_given() {
    let bench = Bench::new();
    bench.file("a.csv", b"1,2\n3,4\n");
    bench.run(&["append", "t", "a.csv", "--header", "no", "--names", "left,right"]).ok();
    assert_eq!(bench.run(&["scan", "t", "--where", "right = 4"]).text(), "left,right\n3,4\n");
    bench.run(&["append", "u", "a.csv", "--header", "yes"]).ok();
    assert_eq!(bench.run(&["scan", "u"]).text(), "1,2\n3,4\n");
}

#[test]
fn conditions_that_do_not_hold_end_with_8() {
    let bench = Bench::with_trades();
    let told = bench.run(&["append", "trades", "a.csv", "--expected-version", "5"]).fails(8);
    assert!(told.contains("expected 5 append events, found 2"), "{told}");
    bench.run(&["append", "trades", "a.csv", "--idempotency-key", "host:1"]).ok();
    let again = bench.run(&["append", "trades", "a.csv", "--idempotency-key", "host:1", "--json"]).json().remove(0);
    assert_eq!(again["repeated"], true);
    bench.run(&["append", "trades", "b.csv", "--idempotency-key", "host:1"]).fails(8);
    let info = bench.run(&["info", "trades", "--json"]).json().remove(0);
    assert_eq!(info["batches"], 3);
}

#[test]
fn demands_that_are_not_met_refuse_the_file() {
    let bench = Bench::with_trades();
    let told = bench.run(&["append", "trades", "a.csv", "--sha256", &"00".repeat(32)]).fails(3);
    assert!(told.contains("a.csv") && told.contains("expected sha256 0000"), "{told}");
    bench.file("odd.csv", b"ts,symbol,price,qty,side,venue,trade_id,fee\n1,BTC,1.5,1,buy,alpha,1,0\n");
    let told = bench.run(&["append", "trades", "odd.csv", "--strict", "--header", "yes"]).fails(3);
    assert!(told.contains("new columns: fee"), "{told}");
    let told = bench.run(&["append", "nowhere", "a.csv", "--no-create"]).fails(3);
    assert!(told.contains("nowhere"), "{told}");
    assert!(!bench.path("nowhere").exists());
}

#[test]
fn the_first_failure_ends_the_run_and_what_came_before_stays() {
    let bench = Bench::with_trades();
    let run = bench.run(&["append", "trades", "a.csv", "missing.csv", "b.csv", "--json"]);
    assert_eq!(run.out().lines().count(), 1, "one report, for a.csv");
    let told = run.fails(3);
    assert!(told.contains("missing.csv"), "{told}");
    assert_eq!(bench.run(&["info", "trades", "--json"]).json()[0]["batches"], 3);
}

#[test]
fn lines_of_json_are_told_by_themselves() {
    let bench = Bench::new();
    bench.file("events.ndjson", b"{\"ms\": 12, \"user\": {\"id\": \"a\"}}\n{\"ms\": 7}\n");
    let told = bench.run(&["append", "t", "events.ndjson", "--dry-run"]).text();
    assert!(told.contains("lines of JSON; nothing written") && told.contains("user.id"), "{told}");
    bench.run(&["append", "t", "events.ndjson"]).ok();
    assert_eq!(bench.run(&["scan", "t", "--where", "ms > 10", "--select", "user.id"]).text(), "user.id\na\n");
    assert_eq!(bench.run(&["scan", "t", "ms:0:10", "--format", "raw"]).text(), "{\"ms\": 7}\n");
    assert_eq!(bench.run(&["cat", "t"]).ok(), b"{\"ms\": 12, \"user\": {\"id\": \"a\"}}\n{\"ms\": 7}\n");
    bench.run(&["encode", "events.ndjson", "-o", "events.at1", "--keep-queryable", "--text", "csv"]).ok();
    let told = bench.run(&["info", "events.at1"]).text();
    assert!(told.contains("c0") && !told.contains("user.id"), "as told: {told}");
    let told = bench.run(&["append", "t", "events.ndjson", "--text", "ndjson", "--header", "yes"]).fails(2);
    assert!(told.contains("no such option with lines of JSON"), "{told}");
}

#[test]
fn logs_are_cut_by_a_pattern() {
    let bench = Bench::new();
    bench.file("app.log", b"2024-05-01T10:00:00Z INFO up\n2024-05-01T10:00:09Z WARN slow disk\n");
    let told = bench.run(&["append", "t", "app.log", "--dry-run"]).text();
    assert!(told.contains("lines such as {time:time} {level:level} {message:text}"), "{told}");
    bench.run(&["append", "t", "app.log"]).ok();
    let found =
        bench.run(&["scan", "t", "--where", "time > '2024-05-01T10:00:05Z'", "--select", "level,message"]).text();
    assert_eq!(found, "level,message\nWARN,slow disk\n");
    let own = [
        "append",
        "u",
        "app.log",
        "--pattern",
        "{time:time} {level} {what} {message:text}",
        "--pattern",
        "{time:time} {message:text}",
    ];
    bench.run(&own).ok();
    assert_eq!(bench.run(&["scan", "u", "--select", "what,message"]).text(), "what,message\n,INFO up\nslow,disk\n");
    let told = bench.run(&["append", "u", "app.log", "--pattern", "{a}{b}"]).fails(2);
    assert!(told.contains("says where the first ends"), "{told}");
    bench.run(&["append", "u", "app.log", "--text", "csv", "--pattern", "{a}"]).fails(2);
}
