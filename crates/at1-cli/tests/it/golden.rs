//! Files that older versions wrote: they must stay readable for ever.

use std::{fs, path::PathBuf};

use crate::bench::Bench;

fn testdata(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Files of a folder, by name.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(testdata(folder)).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()).collect();
    files.sort();
    files
}

#[test]
fn golden_segments_give_back_their_sources() {
    let bench = Bench::new();
    let sources = files("testdata/csv");
    assert!(sources.len() >= 15);
    for source in sources {
        let name = source.file_name().unwrap().to_str().unwrap().to_owned();
        let segment = testdata("testdata/golden/v2").join(format!("{name}.at1"));
        let back = bench.run(&["decode", segment.to_str().unwrap()]).ok();
        assert!(back == fs::read(&source).unwrap(), "{name} did not come back");
    }
}

#[test]
fn the_golden_table_verifies_and_scans() {
    let table = testdata("testdata/golden/v2/table");
    let table = table.to_str().unwrap();
    let bench = Bench::new();
    bench.run(&["verify", table, "--rows"]).ok();
    let found = bench.run(&["scan", table, "symbol:BTC:BTC", "--last", "1", "--select", "ts,price,fee"]).text();
    assert_eq!(found, "ts,price,fee\n1,1.50,0.1\n");
    // Segments of the table, named here for the list of test data: "testdata/golden/v2/table/segments", "testdata/golden/v2/table/_at1".
    assert_eq!(bench.run(&["files", table]).text().lines().count(), 2);
}

#[test]
fn every_small_file_survives_every_way_in() {
    for source in files("testdata/csv") {
        let bench = Bench::new();
        let bytes = fs::read(&source).unwrap();
        let path = source.to_str().unwrap();
        bench.run(&["append", "t", path]).ok();
        assert!(bench.run(&["cat", "t"]).ok() == bytes, "{path} from a table");
        bench.feed(&["append", "t", "-"], &bytes).ok();
        assert!(bench.run(&["cat", "t", "--batch", "1"]).ok() == bytes, "{path} from a pipe");
        bench.run(&["encode", path, "-o", "x.at1", "--keep-queryable", "--profile", "max"]).ok();
        assert!(bench.run(&["decode", "x.at1"]).ok() == bytes, "{path} from a segment");
        bench.run(&["verify", "t", "--rows"]).ok();
    }
}
