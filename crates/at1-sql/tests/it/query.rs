//! Queries from the command line and from standard input.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use crate::{Bench, damage, text};

fn trades() -> Bench {
    let bench = Bench::new();
    bench.append("trades", "symbol,price\nBTC,43250.17\nETH,2281.40\n").append("trades", "symbol,price\nSOL,101.72\n");
    bench
}

#[test]
fn a_table_goes_by_its_name_and_by_t() {
    let bench = trades();
    bench.append("Other Table", "symbol,name\nBTC,Bitcoin\n");
    bench.check("trades", &["SELECT count(*) AS n FROM t"], "n\n3\n");
    bench.check("trades", &["SELECT symbol FROM trades WHERE price > 43250.16"], "symbol\nBTC\n");
    bench.check("Other Table", &["SELECT name FROM \"Other Table\""], "name\nBitcoin\n");
    let named = format!("names={}", bench.path("Other Table").display());
    let join = "SELECT name, price FROM t JOIN names USING (symbol)";
    bench.check("trades", &["--table", &named, join], "name,price\nBitcoin,43250.17\n");
}

#[test]
fn formats_are_those_of_scan() {
    let bench = trades();
    let query = "SELECT symbol, price FROM t ORDER BY price LIMIT 1";
    bench.check("trades", &[query, "--json"], "{\"symbol\":\"SOL\",\"price\":101.72}\n");
    bench.check(
        "trades",
        &[query, "--format", "table"],
        "symbol   price\n──────  ──────\nSOL     101.72\n(1 record)\n",
    );
    bench.check("trades", &["SELECT 1 AS a WHERE false"], "a\n");
    bench.check("trades", &["SELECT 'a,b' AS a, NULL AS b, '' AS c"], "a,b,c\n\"a,b\",,\"\"\n");
    for (format, magic) in [("parquet", &b"PAR1"[..]), ("arrow", &[0xff; 4])] {
        let output = bench.sql("trades", &[query, "--format", format]);
        assert!(output.stdout.starts_with(magic), "{format}: {}", text(&output.stderr));
    }
}

#[test]
fn several_statements_and_standard_input() {
    let bench = trades();
    let text_of =
        "CREATE VIEW dear AS SELECT * FROM t WHERE price > 1000; SELECT count(*) AS n FROM dear; SELECT 7 AS x;";
    bench.check("trades", &[text_of], "n\n2\nx\n7\n");
    let mut child = bench.command("trades", &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text_of.as_bytes()).unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), "n\n2\nx\n7\n");
    bench.fails("trades", &[";"], 2, "expected a query, found none");
}

#[test]
fn past_states_and_origins() {
    let bench = trades();
    bench.check("trades", &["SELECT count(*) AS n FROM t FOR SYSTEM_TIME AS OF 0"], "n\n2\n");
    bench.check(
        "trades",
        &["SELECT _row, _batch, _source, symbol FROM t WHERE _row = 2"],
        "_row,_batch,_source,symbol\n2,1,a.csv,SOL\n",
    );
    // In the next statement they are gone again.
    bench.check(
        "trades",
        &["SELECT max(_row) AS m FROM t; SELECT * FROM t LIMIT 1"],
        "m\n2\nsymbol,price\nBTC,43250.17\n",
    );
}

#[test]
fn explain_tells_what_was_skipped() {
    let bench = trades();
    let explain = "EXPLAIN SELECT * FROM t WHERE price < 500";
    let output = bench.sql("trades", &[explain, "--format", "table"]);
    let told = text(&output.stdout);
    assert!(told.contains("at1_scan\n") && told.contains("segments   1 of 2 left, 1 ruled out"), "{told}");
    assert!(told.contains("ruled out  1 segment by their zones"), "{told}");
    let output = bench.sql("trades", &[explain, "--json"]);
    assert!(
        text(&output.stdout).lines().last().unwrap().starts_with("{\"plan_type\":\"at1_scan\""),
        "{}",
        text(&output.stdout)
    );
    let output = bench.sql("trades", &["SELECT * FROM t WHERE price < 500", "--stats", "--json"]);
    let told: serde_json::Value = serde_json::from_str(text(&output.stderr).lines().last().unwrap()).unwrap();
    assert_eq!((&told["rows"], &told["scans"][0]["statistics"]["segments_skipped"]), (&1.into(), &1.into()), "{told}");
}

#[test]
fn failures_end_as_the_commands_of_at1_do() {
    let bench = trades();
    bench.fails("trades", &["SELEC 1"], 2, "SELEC");
    bench.fails("trades", &["SELECT nothing FROM t"], 2, "nothing");
    bench.fails("trades", &["SELECT * FROM elsewhere"], 2, "elsewhere");
    bench.fails("trades", &["SELECT * FROM t FOR SYSTEM_TIME AS OF 9"], 2, "expected at most 1, found 9");
    bench.fails("nowhere", &["SELECT 1"], 3, "nowhere");
    bench.fails("trades", &["SELECT 1/0 AS x"], 3, "Divide by zero");
    bench.fails("trades", &["DELETE FROM t"], 2, "DELETE not supported");
    let output = bench.sql("trades", &["SELECT * FROM elsewhere", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&text(&output.stderr)).unwrap();
    assert_eq!(told["error"]["kind"], "invalid", "{told}");
    damage(&bench.path("trades"));
    bench.fails("trades", &["SELECT symbol FROM t WHERE price > 1"], 1, "seg_00000");
    bench.check("trades", &["SELECT count(*) AS n FROM t"], "n\n3\n");
}

/// More segments than are opened to plan, one of them missing for good.
#[test]
fn a_file_that_is_missing_for_good_is_a_failure() {
    let bench = Bench::new();
    (0..70).for_each(|n| _ = bench.append("many", &format!("n\n{n}\n")));
    std::fs::remove_file(bench.path("many/segments/seg_000007.at1")).unwrap();
    bench.fails("many", &["SELECT sum(n) FROM t WHERE n >= 0"], 1, "expected a segment, found none: deleted");
    bench.check("many", &["SELECT sum(n) AS s FROM t WHERE n > 7"], "s\n2387\n");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let bench = trades();
    let mut child = bench
        .command("trades", &["SELECT * FROM generate_series(1, 10000000)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("", Some(0)));
}

#[test]
fn sorts_larger_than_the_memory_go_on_in_files() {
    let bench = trades();
    let query = "SELECT max(r) AS m FROM (SELECT value AS x, row_number() OVER (ORDER BY value % 1000, value) AS r FROM generate_series(1, 400000))";
    bench.check("trades", &[query, "--memory", "16MiB", "--threads", "2"], "m\n400000\n");
    bench.fails("trades", &[query, "--memory", "16KiB"], 3, "memory");
}

/// Also while every thread works, and nothing that is worked on looks up.
#[test]
fn a_signal_ends_a_query() {
    let bench = trades();
    let endless =
        "SELECT count(*) FROM generate_series(1, 1000000) AS a(x), generate_series(1, 1000000) AS b(y) WHERE x * y = 7";
    let both = format!("SELECT 1 AS x; {endless}");
    let mut child = bench.command("trades", &[&both]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Its first answer tells that it is there and listens.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!((lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()), ("x".to_owned(), "1".to_owned()));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("error: interrupted\n", Some(130)));
}
