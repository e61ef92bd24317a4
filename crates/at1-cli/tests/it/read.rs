//! Reading: scans in every format, exact bytes, lists.

use std::process::Stdio;

use arrow::{array::AsArray as _, datatypes::Int64Type, ipc::reader::StreamReader};

use crate::bench::Bench;

/// The time of record `row` of a generated batch.
fn ts(csv: &[u8], row: usize) -> i64 {
    let line = String::from_utf8_lossy(csv).lines().nth(row + 1).unwrap().to_owned();
    line.split(',').next().unwrap().parse().unwrap()
}

/// Lines of both batches that satisfy `wanted`, fields 0 and 1 of them.
fn expected(bench: &Bench, wanted: impl Fn(&[&str]) -> bool, columns: &[usize]) -> String {
    let mut found = String::new();
    for file in ["a.csv", "b.csv"] {
        for line in String::from_utf8(bench.read(file)).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            if wanted(&fields) {
                let picked: Vec<&str> = columns.iter().map(|&c| fields[c]).collect();
                found += &(picked.join(",") + "\n");
            }
        }
    }
    found
}

#[test]
fn a_range_by_position_reads_one_segment_of_two() {
    let bench = Bench::with_trades();
    let csv = bench.read("b.csv");
    let (low, high) = (ts(&csv, 10), ts(&csv, 20));
    let run = bench.run(&[
        "scan",
        "trades",
        &format!("c0:{low}:{high}"),
        "--select",
        "c0,c1",
        "--stats",
        "--json",
        "--format",
        "csv",
    ]);
    let stats: serde_json::Value = serde_json::from_str(run.err().lines().last().unwrap()).unwrap();
    let wanted = |f: &[&str]| (low..=high).contains(&f[0].parse().unwrap());
    assert_eq!(run.text(), "ts,symbol\n".to_owned() + &expected(&bench, wanted, &[0, 1]));
    assert_eq!((stats["segments_total"].as_u64(), stats["segments_skipped"].as_u64()), (Some(2), Some(1)));
    assert_eq!(stats["rows_matched"], 11);
    assert_eq!(stats["as_of_event"], 1);
    for key in ["segments_scanned", "row_groups_total", "pages_skipped", "bytes_total", "bytes_read", "rejects"] {
        assert!(stats[key].is_u64(), "no {key} in {stats}");
    }
}

#[test]
fn conditions_in_words() {
    let bench = Bench::with_trades();
    // Quantities print with the digits of their type, so they are left out.
    let columns = ["--select", "ts,symbol,price,side,venue,trade_id"];
    let (all, header) = ([0, 1, 2, 4, 5, 6], "ts,symbol,price,side,venue,trade_id\n");
    let btc = |f: &[&str]| f[1] == "BTC" && f[2].parse::<f64>().unwrap() >= 42_280.0;
    let found =
        bench.run(&[&["scan", "trades", "--where", "price >= 42280 and symbol = 'BTC'"], &columns[..]].concat()).text();
    assert_eq!(found, header.to_owned() + &expected(&bench, btc, &all));
    assert!(found.lines().count() > 10, "the generator still trades BTC above its opening price");

    let text = bench
        .run(&["scan", "trades", "--where", "venue like 'al%' and side in ('buy')", "--select", "venue,side"])
        .text();
    assert_eq!(text, "venue,side\n".to_owned() + &expected(&bench, |f| f[5] == "alpha" && f[4] == "buy", &[5, 4]));
    // A range and a condition must both hold.
    let both =
        bench.run(&["scan", "trades", "symbol:ETH:ETH", "--where", "side = 'sell'", "--select", "symbol,side"]).text();
    assert_eq!(both, "symbol,side\n".to_owned() + &expected(&bench, |f| f[1] == "ETH" && f[4] == "sell", &[1, 4]));
}

#[test]
fn times_are_compared_as_times() {
    let bench = Bench::new();
    bench.file("a.csv", b"at,n\n2024-01-01 09:59:59,1\n2024-01-01 10:00:00,2\n2024-01-01 10:00:01,3\n");
    bench.run(&["append", "t", "a.csv"]).ok();
    assert_eq!(bench.run(&["scan", "t", "at:2024-01-01T10:00..", "--select", "n"]).text(), "n\n2\n3\n");
    assert_eq!(bench.run(&["scan", "t", "--where", "at < '2024-01-01 10:00:00'", "--select", "n"]).text(), "n\n1\n");
}

#[test]
fn the_first_and_the_last() {
    let bench = Bench::with_trades();
    let first = bench.run(&["scan", "trades", "--limit", "3", "--select", "trade_id"]).text();
    assert_eq!(first.lines().count(), 4);
    let last = bench.run(&["scan", "trades", "--last", "2", "--select", "trade_id"]).text();
    let all = expected(&bench, |_| true, &[6]);
    let tail: Vec<&str> = all.lines().skip(598).collect();
    assert_eq!(last, format!("trade_id\n{}\n", tail.join("\n")));
    bench.run(&["scan", "trades", "--limit", "1", "--last", "1"]).fails(2);
}

#[test]
fn every_format_holds_the_same_rows() {
    let bench = Bench::new();
    bench.file("a.csv", b"n,d,t\n1,2.50,x\n,-0.05,\"a,b\"\n3,,\"\"\n");
    bench.run(&["append", "t", "a.csv"]).ok();
    assert_eq!(bench.run(&["scan", "t"]).text(), "n,d,t\n1,2.50,x\n,-0.05,\"a,b\"\n3,,\"\"\n");
    let jsonl =
        "{\"n\":1,\"d\":2.50,\"t\":\"x\"}\n{\"n\":null,\"d\":-0.05,\"t\":\"a,b\"}\n{\"n\":3,\"d\":null,\"t\":\"\"}\n";
    assert_eq!(bench.run(&["scan", "t", "--format", "jsonl"]).text(), jsonl);
    assert_eq!(bench.run(&["scan", "t", "--json"]).text(), jsonl);
    let table = "n      d  t\n─  ─────  ───\n1   2.50  x\n   -0.05  a,b\n3\n(3 records)\n";
    assert_eq!(bench.run(&["scan", "t", "--format", "table"]).text(), table);
    assert_eq!(bench.run(&["scan", "t", "--format", "raw"]).text(), "1,2.50,x\n,-0.05,\"a,b\"\n3,,\"\"\n");
    assert_eq!(bench.run(&["scan", "t", "n:2:", "--format", "raw"]).text(), "3,,\"\"\n");

    let arrow = bench.run(&["scan", "t", "--format", "arrow"]).ok();
    let batches: Vec<_> = StreamReader::try_new(&arrow[..], None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
    let parquet = bench.run(&["scan", "t", "--format", "parquet"]).ok();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

#[test]
fn a_query_is_explained_without_its_records() {
    let bench = Bench::with_trades();
    let told = bench.run(&["scan", "trades", "c0:0:1", "--explain"]).text();
    assert!(told.starts_with("where "), "{told}");
    assert!(told.contains("segments   0 of 2 scanned, 2 skipped"), "{told}");
    let json = bench.run(&["scan", "trades", "--explain", "--json"]).json().remove(0);
    assert_eq!(json["statistics"]["rows_matched"], 600);
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let bench = Bench::with_trades();
    for words in
        [&["cat", "trades"][..], &["scan", "trades"], &["log", "trades"], &["scan", "trades", "--format", "arrow"]]
    {
        let mut child = bench.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]), "{words:?}");
    }
}

#[test]
fn batches_and_records_come_back_exactly() {
    let bench = Bench::new();
    bench.file("a.csv", b"x,y\r\n1,2\r\n\r\n3,4");
    bench.file("b.csv", b"x,y\n5,\"6\n6\"\n");
    bench.run(&["append", "t", "a.csv", "b.csv"]).ok();
    let cat = |more: &[&str]| bench.run(&[&["cat", "t"], more].concat()).ok();
    assert_eq!(cat(&[]), b"x,y\r\n1,2\r\n\r\n3,4\nx,y\n5,\"6\n6\"\n");
    assert_eq!(cat(&["--exact"]), b"x,y\r\n1,2\r\n\r\n3,4x,y\n5,\"6\n6\"\n");
    assert_eq!(cat(&["--batch", "0"]), b"x,y\r\n1,2\r\n\r\n3,4");
    assert_eq!(cat(&["--rows", "1..3"]), b"\r\n3,4\n5,\"6\n6\"\n");
    let report = bench.run(&["cat", "t", "--json"]);
    let told: serde_json::Value = serde_json::from_str(report.err().lines().last().unwrap()).unwrap();
    assert_eq!(told, serde_json::json!({"batches": 2, "bytes": 28, "line_feeds": 1}));
    let told = bench.run(&["cat", "t", "--batch", "2"]).fails(2);
    assert!(told.contains("expected less than 2, found 2"), "{told}");
    bench.run(&["cat", "t", "--rows", "2..9"]).fails(2);
}

#[test]
fn restore_and_has() {
    let bench = Bench::with_trades();
    bench.run(&["restore", "trades", "-d", "out"]).ok();
    for name in ["a.csv", "b.csv"] {
        assert_eq!(bench.read(&format!("out/{name}")), bench.read(name));
    }
    bench.run(&["restore", "trades", "-d", "out"]).fails(3);
    let told = bench.run(&["has", "trades", "a.csv", "b.csv"]).text();
    assert!(told.contains("a.csv: batch 0, sha256 ") && told.contains("decoded and compared"), "{told}");
    bench.file("c.csv", b"other\n");
    let run = bench.run(&["has", "trades", "a.csv", "c.csv", "--json"]);
    assert!(run.out().contains("\"found\":false"), "{}", run.out());
    let told = run.fails(3);
    assert!(told.contains("\"kind\":\"not_found\""), "{told}");
}

#[test]
fn segments_are_listed_for_other_engines() {
    let bench = Bench::with_trades();
    assert_eq!(
        bench.run(&["files", "trades"]).text(),
        "trades/segments/seg_000000.at1\ntrades/segments/seg_000001.at1\n"
    );
    let duckdb = bench.run(&["files", "trades", "--format", "duckdb"]).text();
    assert_eq!(
        duckdb,
        "read_parquet(['trades/segments/seg_000000.at1', 'trades/segments/seg_000001.at1'], union_by_name = true)\n"
    );
    let entries = bench.run(&["files", "trades", "--json"]).json();
    assert_eq!((entries.len(), entries[1]["rows"].as_u64()), (2, Some(300)));
}

#[test]
fn duckdb_takes_no_path_for_a_pattern() {
    let bench = Bench::new();
    bench.file("a.csv", b"a,b\n1,x\n");
    bench.run(&["append", "it's [a]*?", "a.csv", "a.csv"]).ok();
    bench.run(&["compact", "it's [a]*?"]).ok();
    let file = |name: &str| format!("'it''s [[]a][*][?]/segments/{name}.at1'");
    let newest = format!("read_parquet([{}], union_by_name = true)\n", file("seg_000002"));
    assert_eq!(bench.run(&["files", "it's [a]*?", "--format", "duckdb"]).text(), newest);
    bench.run(&["vacuum", "it's [a]*?", "--grace", "0s"]).ok();
    let past = format!(
        "(SELECT \"a\", \"b\" FROM (SELECT * EXCLUDE (file_row_number) FROM read_parquet({}, file_row_number = true) WHERE \
         file_row_number < 1))\n",
        file("seg_000002")
    );
    assert_eq!(bench.run(&["files", "it's [a]*?", "--as-of", "0", "--format", "duckdb"]).text(), past);
}

#[test]
fn rejects_are_listed_with_their_text() {
    let bench = Bench::new();
    let rows: String = (0..2000).map(|i| format!("{i},{}\n", if i == 1234 { "oops\u{1b}" } else { "5" })).collect();
    bench.file("a.csv", format!("i,n\n{rows}").as_bytes());
    let report = bench.run(&["append", "t", "a.csv", "--json"]).json().remove(0);
    assert_eq!(report["rejects"], 1);
    let listed = bench.run(&["rejects", "t", "--json"]).json().remove(0);
    let expected = serde_json::json!({"row": 1234, "batch": 0, "record": 1234, "column": "n", "type": "int64", "text": "oops\u{1b}"});
    assert_eq!(listed, expected);
    let told = bench.run(&["rejects", "t"]).text();
    assert!(told.contains("oops\\u{1b}") && !told.contains('\u{1b}'), "data must not reach the terminal raw: {told}");
}

#[test]
fn the_log_is_in_order_and_can_be_cut() {
    let bench = Bench::with_trades();
    let events = bench.run(&["log", "trades", "--json"]).json();
    let numbers: Vec<_> = events.iter().map(|event| event["event"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1]);
    assert_eq!(bench.run(&["log", "trades", "--limit", "1", "--json"]).json()[0]["event"], 1);
}
