//! Segments outside any table.

use crate::bench::Bench;

#[test]
fn encode_and_decode() {
    let bench = Bench::new();
    let csv = at1_testkit::trades(4, 2000);
    bench.file("in.csv", &csv);
    let told = bench.run(&["encode", "in.csv", "-o", "out.at1", "--json"]).json().remove(0);
    assert_eq!((told["form"].as_str(), told["rows"].as_u64()), (Some("segment"), Some(2000)));
    assert_eq!(bench.run(&["decode", "out.at1"]).ok(), csv);
    bench.run(&["decode", "out.at1", "-o", "back.csv"]).ok();
    assert_eq!(bench.read("back.csv"), csv);
    assert_eq!(bench.run(&["cat", "out.at1"]).ok(), csv);
    assert!(bench.run(&["info", "out.at1"]).text().contains("2,000 records, 1 batch, 1 row group"));
    assert!(bench.run(&["verify", "out.at1"]).text().contains("finds damage, not forgery"));
    bench.feed(&["encode", "-", "-o", "piped.at1"], &csv).ok();
    assert_eq!(bench.run(&["decode", "piped.at1"]).ok(), csv);
    let left: Vec<_> = std::fs::read_dir(bench.path("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
}

#[test]
fn what_is_smaller_packed_is_raw_and_says_so() {
    let bench = Bench::new();
    bench.file("in.csv", b"a,b\n1,2\n");
    let told = bench.run(&["encode", "in.csv", "-o", "out.at1"]).text();
    assert!(told.contains("RAW") && told.contains("--keep-queryable"), "{told}");
    assert_eq!(bench.run(&["decode", "out.at1"]).ok(), b"a,b\n1,2\n");
    let told = bench.run(&["scan", "out.at1"]).fails(3);
    assert!(told.contains("out.at1"), "{told}");
    bench.run(&["encode", "in.csv", "-o", "out.at1", "--keep-queryable"]).ok();
    assert_eq!(bench.run(&["scan", "out.at1"]).text(), "a,b\n1,2\n");
}

#[test]
fn segments_are_scanned_one_after_the_other() {
    let bench = Bench::with_trades();
    let (one, two) = ("trades/segments/seg_000000.at1", "trades/segments/seg_000001.at1");
    assert_eq!(bench.run(&["scan", one, two]).text(), bench.run(&["scan", "trades"]).text());
    let narrowed = ["symbol:ETH:ETH", "--select", "ts,price", "--last", "3"];
    let of = |targets: &[&str]| bench.run(&[&["scan"], targets, &narrowed].concat()).text();
    assert_eq!(of(&[one, two]), of(&["trades"]));
    let raw = ["--where", "side = 'buy'", "--format", "raw", "--limit", "310"];
    let of = |targets: &[&str]| bench.run(&[&["scan"], targets, &raw].concat()).ok();
    assert_eq!(of(&[one, two]), of(&["trades"]));
    bench.run(&["scan", one, "trades"]).fails(2);
}

#[test]
fn damage_is_an_error_not_an_answer() {
    let bench = Bench::new();
    let csv = at1_testkit::trades(4, 500);
    bench.file("in.csv", &csv);
    bench.run(&["encode", "in.csv", "-o", "out.at1", "--keep-queryable"]).ok();
    let segment = bench.read("out.at1");
    for at in (0..segment.len()).step_by(segment.len() / 40) {
        let mut damaged = segment.clone();
        damaged[at] ^= 0x10;
        bench.file("bad.at1", &damaged);
        let verified = bench.run(&["verify", "bad.at1"]);
        assert!(!verified.out().contains("as sealed"), "byte {at}");
        let code = bench.run(&["decode", "bad.at1"]);
        assert!(code.fails_somehow() || code.ok() == csv, "byte {at}");
    }
}

#[test]
fn info_tells_where_every_byte_of_a_segment_is() {
    let bench = Bench::new();
    bench.file("in.csv", &at1_testkit::trades(4, 2000));
    bench.run(&["encode", "in.csv", "-o", "out.at1", "--keep-queryable"]).ok();
    let told = bench.run(&["info", "out.at1", "--json"]).json().remove(0);
    let size = bench.read("out.at1").len() as u64;
    let parts = told["parts"].as_object().unwrap();
    let sum: u64 = parts.values().map(|bytes| bytes.as_u64().unwrap()).sum();
    assert_eq!((told["segment_bytes"].as_u64(), sum + b"PAR1".len() as u64), (Some(size), size), "{parts:?}");
    let columns = told["columns"].as_array().unwrap();
    let of_columns = |key: &str| columns.iter().map(|column| column[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(of_columns("bytes"), parts["columns"].as_u64().unwrap());
    assert_eq!(of_columns("recovery_bytes"), parts["column_recovery"].as_u64().unwrap());
    for column in columns {
        assert!(column["pages"].as_u64() == Some(1) && column["share"].as_f64().unwrap() > 0.0, "{column}");
        assert!(!column["forms"][0].as_str().unwrap().is_empty() && column["rejects"] == 0, "{column}");
    }
    let words = bench.run(&["info", "out.at1"]).text();
    for word in ["encoding", "share", "recovery section in all", "page indexes", "footer"] {
        assert!(words.contains(word), "{word}: {words}");
    }
}
