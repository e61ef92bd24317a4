//! Queries: where records come from, what they come to, why the rest was not read, and the same conditions in `extract`.

use crate::bench::Bench;

/// Three batches: ids 0 to 99, 100 to 199 (a kind of its own), 200 to 299.
fn three() -> Bench {
    let bench = Bench::new();
    for (file, from) in [("a.csv", 0), ("b.csv", 100), ("c.csv", 200)] {
        let mut csv = "id,kind,price,same\n".to_owned();
        for id in from..from + 100 {
            let kind = if from == 100 { "zebra" } else { ["buy", "sell", ""][id % 3] };
            csv += &format!("{id},{kind},{}.50,7\n", id % 10);
        }
        bench.file(file, csv.as_bytes());
        bench.run(&["append", "t", file]).ok();
    }
    bench
}

#[test]
fn where_a_record_is_and_came_from() {
    let bench = three();
    let rows =
        bench.run(&["scan", "t", "--where", "id in (99, 100, 250)", "--select", "_row,_batch,_event,_source,id"]);
    assert_eq!(rows.text(), "_row,_batch,_event,_source,id\n99,0,0,a.csv,99\n100,1,1,b.csv,100\n250,2,2,c.csv,250\n");
    bench.run(&["compact", "t"]).ok();
    let again = bench.run(&["scan", "t", "id:250:", "--limit", "1", "--select", "id,_source,_event,_row"]).text();
    assert_eq!(again, "id,_source,_event,_row\n250,c.csv,2,250\n");
    let last = bench.run(&["scan", "t", "--as-of", "1", "--last", "1", "--select", "_batch,_row"]).text();
    assert_eq!(last, "_batch,_row\n1,199\n");
    let error = bench.run(&["scan", "t", "--select", "_rows"]).fails(2);
    assert!(error.contains("_rows"), "{error}");
}

#[test]
fn what_records_come_to() {
    let bench = three();
    let asked = "count(*), min(price), max(id), sum(same), count(kind)";
    let run = |words: &[&str]| bench.run(&[&["scan", "t", "--aggregate", asked, "--stats", "--json"], words].concat());
    let stats = |run: &str| -> serde_json::Value { serde_json::from_str(run.lines().last().unwrap()).unwrap() };
    let found = run(&["--format", "csv"]);
    let told = stats(&found.err());
    assert_eq!(found.text(), "count(*),min(price),max(id),sum(same),count(kind)\n300,0.50,299,2100,233\n");
    assert_eq!((told["pages_scanned"].as_u64(), told["rows_matched"].as_u64()), (Some(0), Some(300)));
    let found = run(&["id:50:149"]);
    assert_eq!(stats(&found.err())["segments_scanned"], 2);
    let row = found.json().remove(0);
    assert_eq!((&row["count(*)"], &row["max(id)"], &row["count(kind)"]), (&100.into(), &149.into(), &83.into()));
    let found = run(&["--as-of", "0", "--where", "kind = 'sell'", "--format", "csv"]);
    assert_eq!(found.text().lines().nth(1), Some("33,0.50,97,231,33"));
    let none = bench.run(&["scan", "t", "id:1000:", "--aggregate", "count(*), min(id)", "--format", "csv"]).text();
    assert_eq!(none, "count(*),min(id)\n0,\n");

    bench.run(&["scan", "t", "--aggregate", "count(*)", "--limit", "3"]).fails(2);
    bench.run(&["scan", "t", "--aggregate", "count(*)", "--format", "raw"]).fails(2);
    let error = bench.run(&["scan", "t", "--aggregate", "sum(kind)"]).fails(2);
    assert!(error.contains("sum(kind): expected a column of numbers, found text"), "{error}");

    // The same of files.
    bench.run(&["encode", "a.csv", "-o", "a.at1", "--keep-queryable"]).ok();
    bench.run(&["encode", "b.csv", "-o", "b.at1", "--keep-queryable"]).ok();
    let files = bench.run(&["scan", "a.at1", "b.at1", "id:90:", "--aggregate", "count(*),min(id),max(id)"]).text();
    assert_eq!(files, "count(*),min(id),max(id)\n110,90,199\n");
}

#[test]
fn why_the_rest_was_not_read() {
    let bench = three();
    let words = ["scan", "t", "--where", "id < 250 and kind = 'zebra'", "--explain"];
    let told = bench.run(&words).text();
    assert!(told.starts_with("where      \"id\" < 250 AND \"kind\" = 'zebra'\n"), "{told}");
    assert!(told.contains("  part 1    \"id\" < 250\n  part 2    \"kind\" = 'zebra'\n"), "{told}");
    assert!(told.contains("segments   1 of 3 scanned, 2 skipped\n"), "{told}");
    assert!(told.contains("ruled out  2 segments by their zones"), "{told}");
    let json = bench.run(&[&words[..], &["--json"]].concat()).json().remove(0);
    assert_eq!(json["parts"][1], "\"kind\" = 'zebra'");
    assert_eq!(json["ruled_out"]["segments"]["total"], 2);
    for level in ["manifest_blocks", "row_groups", "row_groups_by_bloom", "row_groups_by_dictionary", "rows_by_pages"] {
        assert!(json["ruled_out"][level]["by_part"].is_array(), "no {level} in {json}");
    }
    let statistics = &json["statistics"];
    let bytes = |key: &str| statistics[key].as_u64().unwrap();
    let kinds = bytes("bytes_read_planning") + bytes("bytes_read_opening") + bytes("bytes_read_data");
    assert_eq!(bytes("bytes_read"), kinds, "{statistics}");
    assert!(bytes("bytes_read_opening") > 0 && bytes("reads") > 0, "{statistics}");

    // One segment by itself: nothing stands before its row groups.
    bench.run(&["encode", "a.csv", "-o", "a.at1", "--keep-queryable"]).ok();
    let json =
        bench.run(&["scan", "a.at1", "--where", "id < 250 and price > 9.5", "--explain", "--json"]).json().remove(0);
    assert_eq!(json["ruled_out"]["row_groups"], serde_json::json!({"total": 1, "by_part": [0, 1]}));
}

#[test]
fn the_same_conditions_extract() {
    let bench = three();
    for (i, condition) in [
        "kind like 'ze%' and id not in (101, 102)",
        "not (id between 20 and 280) or kind is null",
        "price >= 3.5 and price < 4.25 or kind = 'sell'",
        "true",
        "id > 1000",
    ]
    .iter()
    .enumerate()
    {
        let out = format!("{i}.at1");
        bench.run(&["extract", "t", "id:5..250", "--where", condition, "-o", &out]).ok();
        let want = bench.run(&["scan", "t", "id:5..250", "--where", condition]).text();
        assert_eq!(bench.run(&["scan", &out]).text(), want, "{condition}");
    }
}
