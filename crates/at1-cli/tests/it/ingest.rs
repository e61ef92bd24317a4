//! Lines as they are written: into a table, and out of it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::bench::Bench;

const PATIENCE: Duration = Duration::from_secs(20);

fn start(bench: &Bench, args: &[&str]) -> Child {
    let mut command = bench.command(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn stop(child: &mut Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

/// Waits until the table has so many rows.
fn wait(bench: &Bench, rows: u64) {
    let start = Instant::now();
    loop {
        let info = bench.run(&["info", "t", "--json"]);
        let found = if info.fails_somehow() { None } else { info.json()[0]["rows"].as_u64() };
        if found == Some(rows) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "expected {rows} rows, found {found:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_pipe_and_what_is_told() {
    let bench = Bench::new();
    let lines = b"{\"ms\":1}\n{\"ms\":2}\n{\"ms\":3}";
    let told = bench.feed(&["ingest", "t", "--batch-lines", "2", "--json", "--metrics", "at1.prom"], lines);
    let told: Vec<Value> = told.json();
    assert_eq!(told.last().unwrap()["told"], "ended");
    assert_eq!(told.last().unwrap()["lines"], 3);
    let appended: Vec<_> = told.iter().filter(|told| told["told"] == "appended").collect();
    assert!(!appended.is_empty() && appended.iter().all(|told| told["source"] == "stdin" && told["event"].is_u64()));
    assert_eq!(appended.iter().map(|told| told["lines"].as_u64().unwrap()).sum::<u64>(), 3);
    assert_eq!(bench.run(&["cat", "t", "--exact"]).ok(), lines);
    let metrics = String::from_utf8(bench.read("at1.prom")).unwrap();
    assert!(
        metrics.contains("at1_ingest_lines_total{source=\"stdin\"} 3") && metrics.contains("at1_table_rows 3"),
        "{metrics}"
    );
    let told = bench.feed(&["tail", "t"], b"{\"ms\":4}\n").text();
    assert!(told.contains("1 line, 9 B of text in 1 batch"), "{told}");
}

#[test]
fn a_signal_seals_what_was_read() {
    let bench = Bench::new();
    bench.file("a.log", b"10:00:00 INFO up\n10:00:01 INFO busy\n");
    let args = ["ingest", "t", "--follow", "a.log", "--text", "lines", "--batch-secs", "600", "--json"];
    let mut child = start(&bench, &args);
    let mut told = BufReader::new(child.stdout.take().unwrap());
    thread::sleep(Duration::from_millis(500));
    stop(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("\"told\":\"ended\""), "{rest}");
    assert_eq!(bench.run(&["scan", "t", "--select", "message"]).text(), "message\nup\nbusy\n");
    let log = bench.run(&["info", "t", "--batches", "--json"]).out();
    assert!(log.contains("a.log") && log.contains("file:"), "{log}");
}

#[test]
fn many_files_tell_in_whole_lines() {
    const FILES: usize = 24;
    let bench = Bench::new();
    for file in 0..FILES {
        bench.file(&format!("{file}.log"), format!("10:00:00 INFO up {file}\n").repeat(40).as_bytes());
    }
    let mut child =
        start(&bench, &["ingest", "t", "--follow", "*.log", "--text", "lines", "--batch-lines", "1", "--json"]);
    let told = BufReader::new(child.stdout.take().unwrap());
    let mut lines = 0;
    for line in told.lines() {
        let line = line.unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e} in {line}"));
        if told["told"] == "appended" {
            lines += told["lines"].as_u64().unwrap();
            if lines == 40 * FILES as u64 {
                stop(&mut child);
            }
        }
    }
    assert_eq!((child.wait().unwrap().code(), lines), (Some(0), 40 * FILES as u64));
}

#[test]
fn records_are_printed_as_they_land() {
    let bench = Bench::new();
    bench.file("a.csv", b"n,s\n1,a\n2,b\n");
    bench.run(&["append", "t", "a.csv"]).ok();
    let mut child = start(&bench, &["scan", "t", "--follow", "--since", "start", "--where", "n > 1"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!([next(), next()], ["n,s", "2,b"]);
    bench.file("b.csv", b"n,s\n0,x\n7,c\n");
    bench.run(&["append", "t", "b.csv"]).ok();
    assert_eq!(next(), "7,c");
    bench.run(&["compact", "t"]).ok();
    bench.feed(&["append", "t", "-"], b"8,d\n").ok();
    assert_eq!(next(), "8,d");
    stop(&mut child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    // Events 0 and 1 are appends, 2 the compaction, 3 the last append.
    assert!(err.contains("--since 3"), "{err}");
    let after = bench.run(&["scan", "t", "--follow", "--since", "1", "--limit", "1", "--format", "raw"]).text();
    assert_eq!(after, "8,d\n");
    bench.run(&["scan", "t", "--follow", "--format", "parquet", "--limit", "1"]).fails(2);
    bench.run(&["scan", "t", "--since", "1"]).fails(2);
}

#[test]
fn what_cannot_be_read_is_told() {
    let bench = Bench::new();
    assert!(bench.run(&["ingest", "t", "--follow", "."]).fails(3).contains("a folder, expected a file"));
    assert!(bench.run(&["ingest", "t", "--batch-secs", "x"]).fails(2).contains("a number of seconds"));
    bench.file("a.log", b"10:00:00 up\n");
    let mut first = start(&bench, &["ingest", "t", "--follow", "a.log", "--text", "lines", "--batch-secs", "0.1"]);
    wait(&bench, 1);
    let told = bench.run(&["ingest", "t", "--follow", "a.log"]).fails(3);
    assert!(told.contains("another process reads this source"), "{told}");
    bench.file("b.log", b"");
    let mut b = std::fs::OpenOptions::new().append(true).open(bench.path("a.log")).unwrap();
    b.write_all(b"10:00:01 down\n").unwrap();
    wait(&bench, 2);
    stop(&mut first);
    assert_eq!(first.wait().unwrap().code(), Some(0));
}
