//! Fewer files, the same table: compact, vacuum, and what they say.

use std::{fs, process::Stdio, time::Duration};

use serde_json::json;

use crate::bench::Bench;

const FILES: [&str; 4] = ["a.csv", "b.csv", "c.csv", "d.csv"];

/// Four batches: headers, a missing last line end, an open quote, a widening.
fn four() -> Bench {
    let bench = Bench::new();
    bench.file("a.csv", b"id,price\n1,9\n2,10");
    bench.file("b.csv", b"id,price\n3,8\n");
    bench.file("c.csv", b"id,price\n4,11.25\n\n5,n/a\r\n");
    bench.file("d.csv", b"id,price\n6,\"12");
    bench.run(&[&["append", "t"][..], &FILES, &["--header", "yes"]].concat()).ok();
    bench
}

fn segments(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.path("t/segments")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn nothing_changes_but_the_files() {
    let bench = four();
    let reads: [&[&str]; 5] = [
        &["cat", "t"],
        &["cat", "t", "--exact"],
        &["cat", "t", "--rows", "1..5"],
        &["scan", "t"],
        &["scan", "t", "--format", "raw"],
    ];
    let before: Vec<_> = reads.iter().map(|words| bench.run(words).ok()).collect();
    let receipt = bench.run(&["info", "t", "--json"]).json()[0]["chain_head"].as_str().unwrap().to_owned();

    bench.run(&["compact", "t"]).ok();
    assert_eq!(segments(&bench).len(), 5, "the old files wait");
    bench.run(&["vacuum", "t", "--grace", "0s"]).ok();
    assert_eq!(segments(&bench), ["seg_000004.at1"]);

    let after: Vec<_> = reads.iter().map(|words| bench.run(words).ok()).collect();
    assert_eq!(after, before);
    bench.run(&[&["has", "t"][..], &FILES].concat()).ok();
    bench.run(&["restore", "t", "-d", "originals"]).ok();
    for file in FILES {
        assert_eq!(bench.read(&format!("originals/{file}")), bench.read(file), "{file}");
    }
    bench.run(&["verify", "t", "--rows", "--head", &receipt]).ok();
    // And it goes on.
    bench.run(&["append", "t", "b.csv"]).ok();
    assert_eq!(bench.run(&["has", "t", "b.csv", "--json"]).json()[0]["batches"][1]["batch"], 4);
}

#[test]
fn words_say_what_was_merged_and_what_waits() {
    let bench = four();
    let text = bench.run(&["compact", "t", "--upto", "3"]).text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("seg_000004.at1 (event 4): 3 segments, 5 rows, "), "{text}");
    assert!(lines[0].contains(" kB -> "), "{text}");
    assert!(lines[1].starts_with("3 replaced files kept for readers that may still use them, until 20"), "{text}");
    assert!(lines[2].starts_with("chain head 4:"), "{text}");

    let text = bench.run(&["compact", "t", "--upto", "1"]).text();
    assert!(text.starts_with("t: nothing to compact; it has 2 segments\n"), "{text}");

    let text = bench.run(&["vacuum", "t"]).text();
    assert!(text.starts_with("3 replaced files kept"), "{text}");
    let text = bench.run(&["vacuum", "t", "--grace", "0s", "--dry-run"]).text();
    assert!(text.contains("seg_000000.at1: 7") && text.contains(" B, replaced by event 4\n"), "{text}");
    assert!(text.contains("would remove 3 replaced files, "), "{text}");
    assert_eq!(segments(&bench).len(), 5);
    let text = bench.run(&["vacuum", "t", "--grace", "0s"]).text();
    assert!(text.contains("removed 3 replaced files, "), "{text}");
    assert!(text.contains("; no data goes: their records are in newer segments\nchain head 5:"), "{text}");
    let text = bench.run(&["vacuum", "t", "--grace", "0s"]).text();
    assert_eq!(text, "t: nothing to remove; every file that a compaction replaced is gone\n");

    let text = bench.run(&["compact", "t", "--grace", "0s"]).text();
    assert!(text.contains("removed 2 replaced files, "), "{text}");

    let log = bench.run(&["log", "t"]).text();
    let tail = |line: &str| line.split("Z  ").nth(1).unwrap().to_owned();
    let lines: Vec<String> = log.lines().skip(4).map(tail).collect();
    assert!(lines[0].starts_with("compact   batches 0 to 2 into seg_000004.at1: 5 records, "), "{log}");
    assert_eq!(lines[1], "vacuum    removed 3 replaced files: seg_000000.at1, seg_000001.at1, seg_000002.at1");
    assert!(lines[2].starts_with("compact   batches 0 to 3 into seg_000006.at1: 6 records, "), "{log}");
    assert_eq!(lines[3], "vacuum    removed 2 replaced files: seg_000003.at1, seg_000004.at1");
}

#[test]
fn reports_for_programs() {
    let bench = four();
    let report = bench.run(&["compact", "t", "--json"]).json().remove(0);
    let step = &report["steps"][0];
    assert_eq!((&step["event"], &step["segment"]), (&json!(4), &json!("seg_000004.at1")));
    assert_eq!((&step["first_batch"], &step["batches"], &step["rows"]), (&json!(0), &json!(4), &json!(6)));
    assert_eq!(step["segments_replaced"], 4);
    assert!(step["bytes_before"].as_u64() > step["bytes_after"].as_u64());
    let vacuum = &report["vacuum"];
    assert_eq!((&vacuum["waiting"], &vacuum["removed"], &vacuum["chain_head"]), (&json!(4), &json!([]), &json!(null)));
    assert!(vacuum["waiting_until"].as_str().unwrap().ends_with('Z'));

    let report = bench.run(&["vacuum", "t", "--grace", "0s", "--json"]).json().remove(0);
    assert_eq!(report["removed"][3]["name"], "seg_000003.at1");
    assert_eq!((&report["waiting"], &report["waiting_until"]), (&json!(0), &json!(null)));
    assert!(report["chain_head"].as_str().unwrap().starts_with("5:"));
    assert_eq!(bench.run(&["compact", "t", "--json"]).json()[0]["steps"], json!([]));
}

#[test]
fn retype_gives_all_files_the_same_types() {
    let bench = four();
    let err = bench.run(&["files", "t"]).fails(3);
    assert!(err.contains("column price") && err.contains("compact with retype"), "{err}");
    let text = bench.run(&["compact", "t", "--retype"]).text();
    assert!(text.starts_with("seg_000004.at1 (event 4): 3 segments, 5 rows"), "{text}");
    assert_eq!(bench.run(&["files", "t"]).text().lines().count(), 2);
    assert!(bench.run(&["compact", "t", "--retype"]).text().starts_with("t: nothing to compact; it has 2 segments\n"));
}

#[test]
fn tiers_leave_large_segments_alone() {
    let bench = Bench::new();
    bench.file("a.csv", b"1,2\n");
    bench.run(&[&["append", "t"][..], &["a.csv"; 9]].concat()).ok();
    // Nine batches do not reach the next tier of ten.
    assert!(bench.run(&["compact", "t", "--tiered"]).text().starts_with("t: nothing to compact; it has 9 segments\n"));
    assert!(bench.run(&["compact", "t", "--target", "4KiB"]).text().starts_with("t: nothing to compact"));
    let report = bench.run(&["compact", "t", "--fan-in", "3", "--json"]).json().remove(0);
    assert_eq!(report["steps"][0]["segments_replaced"], 9, "{report}");
    assert_eq!(bench.run(&["info", "t", "--json"]).json()[0]["segments"], 1);
}

#[test]
fn wrong_words_end_with_2() {
    let bench = four();
    for (words, told) in [
        (&["compact"][..], "required arguments"),
        (&["compact", "t", "--tiered", "--retype"], "cannot be used with"),
        (&["compact", "t", "--retype", "--target", "1GiB"], "cannot be used with"),
        (&["compact", "t", "--retype", "--fan-in", "4"], "cannot be used with"),
        (&["compact", "t", "--fan-in", "1"], "1 is not in 2.."),
        (&["compact", "t", "--target", "1 gallon"], "expected a size such as 512MiB, 1GB or 4096, found 1 gallon"),
        (&["compact", "t", "--grace", "24"], "expected a duration such as 0s, 90m, 24h, 7d or 1d12h, found 24"),
        (&["vacuum", "t", "--grace", "soon"], "expected a duration"),
        (&["compact", "t", "--upto", "-1"], "unexpected argument"),
        (&["compact", "t", "--profile", "tiny"], "possible values"),
    ] {
        let err = bench.run(words).fails(2);
        assert!(err.contains(told), "{words:?}: {err}");
    }
    for words in [["compact", "nowhere"], ["vacuum", "nowhere"]] {
        assert!(bench.run(&words).fails(3).contains("nowhere"));
    }
    assert_eq!(bench.run(&["log", "t"]).text().lines().count(), 4, "nothing was done");
}

#[test]
fn batches_are_listed_with_the_segment_that_holds_them() {
    let bench = four();
    bench.run(&["append", "t", "a.csv", "--note", "again"]).ok();
    bench.run(&["compact", "t", "--upto", "2"]).ok();
    let text = bench.run(&["info", "t", "--batches"]).text();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["batch", "event", "rows", "bytes", "name", "note", "segment"]);
    assert_eq!(lines[3], ["1", "1", "2..3", "13", "b.csv", "seg_000005.at1"]);
    assert_eq!(lines[6], ["4", "4", "6..8", "17", "a.csv", "again", "seg_000004.at1"]);
    let json = bench.run(&["info", "t", "--batches", "--json"]).json();
    assert_eq!(json.len(), 5);
    assert_eq!((&json[4]["first_row"], &json[4]["rows"], &json[4]["note"]), (&json!(6), &json!(2), &json!("again")));

    let of_segment = bench.run(&["info", "t/segments/seg_000005.at1"]).text();
    assert!(of_segment.contains("\n    1     1     13  b.csv\n"), "{of_segment}");
    assert_eq!(bench.run(&["info", "t/segments/seg_000005.at1", "--batches", "--json"]).json()[1]["name"], "b.csv");

    bench.run(&[&["append", "t"][..], &["b.csv"; 7]].concat()).ok();
    let text = bench.run(&["info", "t"]).text();
    assert!(text.ends_with("(the newest 10 of 12 batches; --batches lists all)\n"), "{text}");
}

#[test]
fn an_interrupted_compaction_leaves_nothing_behind() {
    let bench = four();
    // Whoever holds the lock keeps the compaction from its commit, so the signal comes in time.
    let lock = fs::OpenOptions::new().write(true).create(true).truncate(false).open(bench.path("t/_at1/lock")).unwrap();
    lock.lock().unwrap();
    let child = bench.command(&["compact", "t"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let staged = || fs::read_dir(bench.path("t/_at1/staging")).unwrap().count();
    while staged() == 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    lock.unlock().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(staged(), 0);
    assert_eq!(segments(&bench).len(), 4);
    assert_eq!(bench.run(&["log", "t"]).text().lines().count(), 4);
    assert!(bench.run(&["compact", "t"]).text().starts_with("seg_000004.at1 (event 4): 4 segments"));
}
