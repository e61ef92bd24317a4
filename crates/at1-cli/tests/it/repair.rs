//! Repairs from the command line: what is told, what is asked, how it ends.

use std::fs;

use crate::bench::Bench;

fn flip(bench: &Bench, path: &str, at: usize) {
    let mut bytes = bench.read(path);
    bytes[at] ^= 1;
    fs::remove_file(bench.path(path)).unwrap();
    bench.file(path, &bytes);
}

#[test]
fn nothing_is_wrong() {
    let bench = Bench::with_trades();
    let run = bench.run(&["repair", "trades"]);
    assert!(run.err().contains("trades: nothing is wrong (2 events, 2 segments)"), "{}", run.err());
    assert_eq!(run.text(), "");
    assert!(bench.run(&["repair", "trades", "--json", "--yes"]).json().is_empty());
    bench.run(&["repair", "nowhere"]).fails(3);
    bench.run(&["repair", "trades", "--from", "nowhere"]).fails(2);
}

#[test]
fn a_torn_tail_needs_consent() {
    let bench = Bench::with_trades();
    let ledger = bench.read("trades/_at1/ledger");
    let torn = [&ledger[..], b"half a line"].concat();
    bench.file("trades/_at1/ledger", &torn);
    let run = bench.run(&["repair", "trades"]);
    assert!(run.out().starts_with("1. torn: _at1/ledger: event 2, byte "), "{}", run.out());
    assert!(run.out().ends_with("not repaired: --yes, or y on a terminal, would\n"), "{}", run.out());
    let told = run.fails(7);
    assert!(told.contains("was left so (1 problem left)"), "{told}");
    assert_eq!(bench.read("trades/_at1/ledger"), torn);
    let problem = bench.run(&["repair", "trades", "--yes", "--json"]).json().remove(0);
    assert_eq!((&problem["problem"], &problem["safe"], &problem["done"]), (&"torn".into(), &true.into(), &true.into()));
    assert_eq!(bench.read("trades/_at1/ledger"), ledger);
    assert_eq!(fs::read_dir(bench.path("trades/_at1/torn")).unwrap().count(), 1);
    bench.run(&["verify", "trades"]).ok();
}

#[test]
fn a_segment_comes_back_from_a_backup() {
    let bench = Bench::with_trades();
    bench.run(&["backup", "trades", "copy"]).ok();
    flip(&bench, "trades/segments/seg_000000.at1", 500);
    fs::remove_file(bench.path("trades/segments/seg_000001.at1")).unwrap();
    let run = bench.run(&["repair", "trades", "--yes"]);
    assert!(run.out().contains("1. changed: segments/seg_000000.at1"), "{}", run.out());
    assert!(run.out().contains("2. missing: segments/seg_000001.at1"), "{}", run.out());
    assert!(run.out().contains("left as it is"), "{}", run.out());
    run.fails(1);
    bench.run(&["repair", "trades", "--from", "copy"]).fails(1);
    let told = bench.run(&["repair", "trades", "--from", "copy", "--yes"]).text();
    assert!(told.contains("the file of copy is put back") && told.matches("   repaired\n").count() == 2, "{told}");
    bench.run(&["verify", "trades", "--rows"]).ok();
    assert_eq!(fs::read_dir(bench.path("trades/_at1/torn")).unwrap().count(), 1);
}

#[test]
fn a_damaged_ledger_is_explained() {
    let bench = Bench::with_trades();
    bench.run(&["backup", "trades", "copy"]).ok();
    let ledger = bench.read("trades/_at1/ledger");
    let second = ledger.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
    flip(&bench, "trades/_at1/ledger", second + 300);
    let damaged = bench.read("trades/_at1/ledger");
    bench.run(&["info", "trades"]).fails(1);
    let run = bench.run(&["repair", "trades", "--from", "copy", "--yes"]);
    let told = run.out();
    assert!(told.contains("1. ledger: _at1/ledger: event 1"), "{told}");
    assert!(told.contains("events 0 to 0 recompute") && told.contains("copy has 2 events that recompute"), "{told}");
    assert!(run.fails(1).contains("damage remains (1 problem left)"));
    assert_eq!(bench.read("trades/_at1/ledger"), damaged);
    let problem = bench.run(&["repair", "trades", "--json"]).out();
    let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
    for key in ["problem", "place", "expected", "found", "meaning", "remedy"] {
        assert!(problem[key].is_string(), "{key}: {problem}");
    }
    assert_eq!((&problem["safe"], &problem["done"]), (&false.into(), &false.into()));
}

#[test]
fn writers_that_were_stopped_go_on() {
    let bench = Bench::with_trades();
    bench.file("trades/_at1/poisoned", b"the disk failed\n");
    bench.run(&["append", "trades", "a.csv"]).fails(3);
    bench.run(&["repair", "trades"]).fails(3);
    bench.run(&["repair", "trades", "--yes"]).ok();
    bench.run(&["append", "trades", "a.csv"]).ok();
    bench.run(&["verify", "trades", "--rows"]).ok();
}

#[test]
fn what_matters_to_nobody_fails_nothing() {
    let bench = Bench::with_trades();
    fs::remove_dir(bench.path("trades/_at1/staging")).unwrap();
    bench.file("trades/segments/notes.txt", b"x");
    let told = bench.run(&["repair", "trades"]).text();
    assert!(told.contains("folder: _at1/staging") && told.contains("extra: segments/notes.txt"), "{told}");
    assert!(!bench.path("trades/_at1/staging").exists());
    bench.run(&["repair", "trades", "--yes"]).ok();
    assert!(bench.path("trades/_at1/staging").exists() && bench.path("trades/segments/notes.txt").exists());
}
