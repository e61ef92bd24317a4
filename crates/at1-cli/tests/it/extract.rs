//! Some records as a segment of their own: their bytes, where they say they are from, and that nothing is overwritten.

use std::fs;

use crate::bench::Bench;

fn three() -> Bench {
    let bench = Bench::new();
    bench.file("a.csv", b"id,price\n1,9.5\n2,10");
    bench.file("b.csv", b"id,price\n3,8.5\n4,\"7\"\n");
    bench.file("c.csv", b"price,id\n6.25,5\r\n\n11,6");
    bench.run(&["append", "t", "a.csv", "b.csv", "c.csv", "--header", "yes"]).ok();
    bench
}

fn footer_note(bench: &Bench, file: &str) -> serde_json::Value {
    let bytes = bench.read(file);
    let segment = at1_codec::Segment::open(std::sync::Arc::new(bytes), at1_codec::Trust::OwnSeal).unwrap();
    serde_json::from_str(segment.key_value("at1.extract").unwrap()).unwrap()
}

#[test]
fn the_matching_records_byte_for_byte() {
    let bench = three();
    let text = bench.run(&["extract", "t", "id:2:5", "--where", "price > 6", "-o", "some.at1"]).text();
    assert!(text.starts_with("some.at1: 4 records of 3 batches, "), "{text}");
    // One header, until another one comes; records of different batches do not fuse.
    let expected = "id,price\n2,10\n3,8.5\n4,\"7\"\nprice,id\n6.25,5\r\n";
    assert_eq!(bench.run(&["cat", "some.at1"]).text(), expected);
    assert_eq!(bench.run(&["decode", "some.at1"]).text(), expected);
    assert_eq!(bench.run(&["cat", "some.at1", "--exact"]).text(), expected.replace("2,10\n", "2,10"));
    assert_eq!(bench.run(&["cat", "some.at1", "--rows", "0..2"]).text(), "2,10\n3,8.5\n");
    assert_eq!(bench.run(&["cat", "some.at1", "--batch", "1"]).text(), "3,8.5\n4,\"7\"\n");
    assert_eq!(bench.run(&["scan", "some.at1", "--format", "raw"]).text(), "2,10\n3,8.5\n4,\"7\"\n6.25,5\r\n");
    assert_eq!(
        bench.run(&["scan", "some.at1"]).text(),
        bench.run(&["scan", "t", "id:2:5", "--where", "price > 6"]).text()
    );
    bench.run(&["verify", "some.at1"]).ok();
    let batches = bench.run(&["info", "some.at1", "--batches", "--json"]).json();
    let told: Vec<_> = batches.iter().map(|b| (b["name"].as_str().unwrap(), b["rows"].as_u64().unwrap())).collect();
    assert_eq!(told, [("a.csv", 1), ("b.csv", 2), ("c.csv", 1)]);

    let counted = bench.run(&["cat", "some.at1", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&counted.err()).unwrap();
    assert_eq!((json["batches"].as_u64(), json["line_feeds"].as_u64()), (Some(3), Some(1)));
    assert_eq!(json["bytes"].as_u64(), Some(counted.out().len() as u64));
}

#[test]
fn its_footer_says_where_it_came_from() {
    let bench = three();
    let report =
        bench.run(&["extract", "t", "id:1:3", "--last", "2", "--as-of", "1", "-o", "x.at1", "--json"]).json().remove(0);
    assert_eq!((report["rows"].as_u64(), report["batches"].as_u64()), (Some(2), Some(2)));
    assert_eq!((report["as_of_event"].as_u64(), report["segment"].as_str()), (Some(1), Some("x.at1")));
    assert_eq!(report["segment_bytes"].as_u64(), Some(bench.read("x.at1").len() as u64));
    assert_eq!(report["source_bytes"].as_u64(), Some("id,price\n2,103,8.5\n".len() as u64));
    let note = footer_note(&bench, "x.at1");
    let info = bench.run(&["info", "t", "--as-of", "1", "--json"]).json().remove(0);
    assert_eq!((&note["origin"], &note["chain_head"]), (&info["origin"], &info["chain_head"]));
    assert_eq!((note["event"].as_u64(), note["last"].as_u64(), note["limit"].as_u64()), (Some(1), Some(2), None));
    assert!(note["predicate"].as_str().unwrap().contains("id"), "{note}");
    let batches = bench.run(&["info", "t", "--batches", "--json"]).json();
    for (taken, batch) in note["batches"].as_array().unwrap().iter().zip(0..2) {
        assert_eq!(taken["batch"].as_u64(), Some(batch as u64));
        assert_eq!(taken["rows"].as_u64(), Some(1));
        assert_eq!(taken["sha256"], batches[batch]["source_sha256"]);
    }
    let help = bench.run(&["extract", "--help"]).text();
    let help: Vec<&str> = help.split_whitespace().collect();
    assert!(help.join(" ").contains("OUT proves neither where its records are from nor that none is missing"));
}

#[test]
fn a_compacted_table_gives_the_same_records() {
    let bench = three();
    bench.run(&["extract", "t", "--where", "price < 10", "-o", "before.at1"]).ok();
    bench.run(&["compact", "t", "--grace", "0s"]).ok();
    bench.run(&["extract", "t", "--where", "price < 10", "-o", "after.at1", "--profile", "max"]).ok();
    let read = |file: &str| bench.run(&["cat", file]).ok();
    assert_eq!(read("after.at1"), read("before.at1"));
    assert_eq!(footer_note(&bench, "after.at1")["batches"], footer_note(&bench, "before.at1")["batches"]);
}

#[test]
fn without_a_match_there_are_columns_and_no_records() {
    let bench = three();
    bench.run(&["extract", "t", "id:99:", "-o", "none.at1"]).ok();
    assert_eq!(bench.run(&["cat", "none.at1"]).text(), "");
    assert_eq!(bench.run(&["scan", "none.at1", "--format", "csv"]).text(), "id,price\n");
    bench.run(&["verify", "none.at1"]).ok();
    // Of a table that knows no columns too.
    bench.run(&["init", "empty"]).ok();
    bench.run(&["extract", "empty", "-o", "empty.at1"]).ok();
    assert_eq!(bench.run(&["cat", "empty.at1"]).text(), "");
    assert_eq!(footer_note(&bench, "empty.at1")["event"], serde_json::Value::Null);
}

#[test]
fn nothing_is_overwritten_and_nothing_left_behind() {
    let bench = three();
    bench.file("there.at1", b"mine");
    let err = bench.run(&["extract", "t", "-o", "there.at1"]).fails(3);
    assert!(err.contains("there.at1: expected no file of this name, found one"), "{err}");
    assert_eq!(bench.read("there.at1"), b"mine");
    // A damaged table: some records were written by then.
    let segment = bench.path("t/segments/seg_000001.at1");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[10] ^= 1;
    fs::remove_file(&segment).unwrap();
    fs::write(&segment, bytes).unwrap();
    bench.run(&["extract", "t", "-o", "new.at1"]).fails(1);
    for words in [
        &["extract", "t", "-o", "new.at1", "--where", "nosuch = 1"][..],
        &["extract", "t", "-o", "new.at1", "id"],
        &["extract", "t", "-o", "new.at1", "--limit", "1", "--last", "1"],
        &["extract", "t"],
    ] {
        bench.run(words).fails(2);
    }
    bench.run(&["extract", "t", "-o", "no/such/folder/x.at1"]).fails(3);
    let mut names: Vec<_> = fs::read_dir(bench.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.csv", "b.csv", "c.csv", "t", "there.at1"]);
}

#[test]
fn a_long_batch_stays_one_batch() {
    let bench = Bench::new();
    let mut market = at1_testkit::Trades::new(5);
    for file in ["a.csv", "b.csv"] {
        bench.file(file, &market.batch(20_000));
    }
    bench.run(&["append", "t", "a.csv", "b.csv", "--profile", "fast"]).ok();
    let wanted = ["--where", "side = 'buy' and symbol <> 'BTC'"];
    for (out, work) in [("x.at1", None), ("y.at1", Some(["compact", "t", "--profile", "fast", "--grace", "0s"]))] {
        work.map(|words| bench.run(&words).ok());
        let raw = bench.run(&[&["scan", "t", "--format", "raw"], &wanted[..]].concat()).ok();
        let report = bench.run(&[&["extract", "t", "-o", out, "--json"], &wanted[..]].concat()).json().remove(0);
        assert_eq!(report["batches"], 2, "found in many pieces, taken as two");
        assert!(report["rows"].as_u64().unwrap() > 8192);
        assert_eq!(bench.run(&["scan", out, "--format", "raw"]).ok(), raw);
    }
}
