//! Records as one file for others: what `scan` gives, whole or not at all.

use std::{fs::File, io::Cursor, process::Stdio};

use arrow::{array::RecordBatch, compute::concat_batches, ipc::reader::FileReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::bench::Bench;

fn joined(batches: Vec<RecordBatch>) -> RecordBatch {
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn parquet(file: File) -> RecordBatch {
    joined(ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect())
}

fn arrow(bytes: Vec<u8>) -> RecordBatch {
    joined(FileReader::try_new(Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect())
}

/// `flags` name the same records for both formats and for `scan`.
#[track_caller]
fn check(bench: &Bench, source: &str, flags: &[&str], rows: usize) {
    let run = |format: &str, output: &str| {
        let words = ["export", format, source, "-o", output, "--json"];
        let report = bench.run(&[&words, flags].concat()).json().remove(0);
        assert_eq!(report["rows"], rows, "{report}");
        assert_eq!(report["bytes"], bench.read(output).len(), "{report}");
        report
    };
    run("parquet", "x.parquet");
    run("arrow", "x.arrow");
    let scan = bench.run(&[&["scan", source, "--format", "parquet"], flags].concat()).ok();
    bench.file("scan.parquet", &scan);
    let expected = parquet(File::open(bench.path("scan.parquet")).unwrap());
    assert_eq!(expected.num_rows(), rows);
    assert_eq!(parquet(File::open(bench.path("x.parquet")).unwrap()), expected);
    assert_eq!(arrow(bench.read("x.arrow")).columns(), expected.columns());
    for format in ["parquet", "arrow"] {
        let piped = bench.run(&[&["export", format, source, "-o", "-"], flags].concat()).ok();
        assert_eq!(piped, bench.read(&format!("x.{format}")), "{format}");
        std::fs::remove_file(bench.path(&format!("x.{format}"))).unwrap();
    }
}

#[test]
fn all_records_and_some() {
    let bench = Bench::with_trades();
    check(&bench, "trades", &[], 600);
    check(&bench, "trades", &["--as-of", "0"], 300);
    check(&bench, "trades/segments/seg_000001.at1", &["--select", "qty,symbol"], 300);
    let matching = bench.run(&["scan", "trades", "--where", "side = 'buy'", "--aggregate", "count(*)"]).text();
    let matching: usize = matching.lines().nth(1).unwrap().parse().unwrap();
    assert!((1..600).contains(&matching));
    check(&bench, "trades", &["--where", "side = 'buy'", "--select", "price"], matching);
}

#[test]
fn no_record_is_a_file_with_its_columns() {
    let bench = Bench::with_trades();
    let words = ["export", "parquet", "trades", "--where", "price < 0", "--select", "ts", "-o", "none.parquet"];
    assert!(bench.run(&words).text().starts_with("none.parquet: 0 records in "));
    let file = ParquetRecordBatchReaderBuilder::try_new(File::open(bench.path("none.parquet")).unwrap()).unwrap();
    assert_eq!((file.schema().fields().len(), file.metadata().file_metadata().num_rows()), (1, 0));
}

/// What lies in the folder, the table left out.
fn names(bench: &Bench) -> Vec<String> {
    let entries = std::fs::read_dir(bench.path(".")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".csv") && name != "trades").collect();
    names.sort();
    names
}

#[test]
fn a_file_that_is_there_stays_unless_that_is_asked_for() {
    let bench = Bench::with_trades();
    bench.file("x.parquet", b"mine");
    let told = bench.run(&["export", "parquet", "trades", "-o", "x.parquet"]).fails(3);
    assert_eq!(told, "error: x.parquet: expected no file of this name, found one\n");
    assert_eq!(bench.read("x.parquet"), b"mine");
    // What fails leaves it too.
    bench.run(&["export", "parquet", "trades", "--where", "nothing = 1", "-o", "x.parquet", "--force"]).fails(2);
    assert_eq!((names(&bench), bench.read("x.parquet")), (vec!["x.parquet".to_owned()], b"mine".to_vec()));
    bench.run(&["export", "parquet", "trades", "-o", "x.parquet", "--force"]).ok();
    assert_eq!(parquet(File::open(bench.path("x.parquet")).unwrap()).num_rows(), 600);
    assert_eq!(names(&bench), ["x.parquet"]);
}

#[test]
fn damage_in_the_middle_leaves_no_file() {
    let bench = Bench::with_trades();
    let segment = "trades/segments/seg_000001.at1";
    let mut bytes = bench.read(segment);
    bytes[10] ^= 1;
    std::fs::remove_file(bench.path(segment)).unwrap();
    bench.file(segment, &bytes);
    for format in ["parquet", "arrow"] {
        let told = bench.run(&["export", format, "trades", "-o", "x"]).fails(1);
        assert!(told.contains("seg_000001.at1"), "{told}");
        assert!(names(&bench).is_empty(), "{:?}", names(&bench));
    }
}

#[test]
fn an_interrupted_export_leaves_nothing_behind() {
    let bench = Bench::new();
    let mut market = at1_testkit::Trades::new(1);
    bench.file("a.csv", &market.batch(400_000));
    bench.run(&["append", "trades", "a.csv"]).ok();
    let mut child = bench
        .command(&["export", "arrow", "trades", "-o", "x.arrow"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while names(&bench).is_empty() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let exit = child.wait().unwrap().code();
    // On a machine that is fast enough it was done.
    match exit {
        Some(130) => assert!(names(&bench).is_empty(), "{:?}", names(&bench)),
        other => assert_eq!((other, names(&bench)), (Some(0), vec!["x.arrow".to_owned()])),
    }
}

#[test]
fn what_is_no_source() {
    let bench = Bench::with_trades();
    let told = bench.run(&["export", "arrow", "trades/segments/seg_000001.at1", "--as-of", "0", "-o", "x"]).fails(2);
    assert_eq!(told, "error: expected a TABLE with --as-of, found a segment, as of event 0\n");
    assert!(bench.run(&["export", "parquet", "nowhere", "-o", "x"]).fails(3).contains("nowhere"));
    assert!(bench.run(&["export", "parquet", "trades"]).fails(2).contains("--output"));
    assert!(names(&bench).is_empty());
}
