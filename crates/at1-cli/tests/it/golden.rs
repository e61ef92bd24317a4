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
    for (sources, golden, most) in
        [("testdata/csv", "testdata/golden/v2", 15), ("testdata/lines", "testdata/golden/v4", 6)]
    {
        let sources = files(sources);
        assert!(sources.len() >= most);
        for source in sources {
            let name = source.file_name().unwrap().to_str().unwrap().to_owned();
            let segment = testdata(golden).join(format!("{name}.at1"));
            let back = bench.run(&["decode", segment.to_str().unwrap()]).ok();
            assert!(back == fs::read(&source).unwrap(), "{name} did not come back");
        }
    }
}

#[test]
fn golden_lines_have_their_columns() {
    let bench = Bench::new();
    let lines = [
        ("events.ndjson", "user.name,price", "ann,12.50"),
        ("access.log", "host,time,status,bytes", "192.0.2.1,2024-05-01T10:00:00Z,200,5120"),
        ("app_crlf.log", "time,level,message", "2024-05-01T10:00:00.001,INFO,listening on 127.0.0.1:8080"),
        ("pairs.log", "level,msg,ms", "info,listening,"),
        ("syslog.log", "time,host,message", "Nov  5 06:34:26,host1,session opened for user root by (uid=0)"),
        ("time_and_json.log", "job,ms,who", "1,12.5,ann"),
    ];
    for (name, columns, first) in lines {
        let segment = testdata("testdata/golden/v4").join(format!("{name}.at1"));
        let found = bench.run(&["scan", segment.to_str().unwrap(), "--select", columns, "--limit", "1"]).text();
        assert_eq!(found.lines().nth(1), Some(first), "{name}: {found}");
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
    for source in files("testdata/csv").into_iter().chain(files("testdata/lines")) {
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
