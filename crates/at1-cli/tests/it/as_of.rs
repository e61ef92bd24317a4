//! Past states: what was answered at an event is answered for ever, whatever is compacted and removed.

use crate::bench::Bench;

/// A table `t` whose every event changes something: a missing last line end, a widening, a new column, a reject.
fn varied() -> Bench {
    let bench = Bench::new();
    bench.file("a.csv", b"id,price\n1,9\n2,10");
    bench.file("b.csv", b"id,price\n3,11.25\n4,7\n");
    bench.file("c.csv", b"id,price,venue\n5,12.5,x\n6,7,\"y\nz\"\n");
    let mut long = b"id,price,venue\n".to_vec();
    (0..300).for_each(|id| long.extend_from_slice(format!("{id},1.5,v\n").as_bytes()));
    long.extend_from_slice(b"300,dear,v\r\n\n301,2,w");
    bench.file("d.csv", &long);
    for file in ["a.csv", "b.csv", "c.csv", "d.csv"] {
        bench.run(&["append", "t", file, "--header", "yes"]).ok();
    }
    bench
}

/// Everything that a state answers.
fn answers(bench: &Bench, event: &str) -> Vec<String> {
    let scans: [&[&str]; 6] = [
        &["scan", "t", "--format", "jsonl"],
        &["scan", "t", "--format", "raw", "--where", "price > 7"],
        &["scan", "t", "id:2:5", "--select", "price,id", "--last", "3", "--format", "csv"],
        &["cat", "t"],
        &["cat", "t", "--rows", if event == "0" { "0..2" } else { "1..4" }],
        &["rejects", "t"],
    ];
    let ask = |words: &&[&str]| bench.run(&[*words, &["--as-of", event]].concat()).text();
    let mut answers: Vec<String> = scans.iter().map(ask).collect();
    let folder = format!("restored-{event}");
    bench.run(&["restore", "t", "-d", &folder, "--as-of", event]).ok();
    for file in ["a.csv", "b.csv", "c.csv", "d.csv"] {
        let restored = std::fs::read(bench.path(&format!("{folder}/{file}"))).ok();
        answers.push(format!("{:?}", restored.map(|bytes| bytes == bench.read(file))));
        let has = bench.run(&["has", "t", file, "--as-of", event]);
        answers.push(has.out().lines().next().unwrap().to_owned());
    }
    std::fs::remove_dir_all(bench.path(&folder)).unwrap();
    let info = bench.run(&["info", "t", "--as-of", event, "--json"]).json().remove(0);
    for key in ["events", "batches", "rows", "source_bytes", "rejects", "columns", "chain_head", "ts"] {
        answers.push(info[key].to_string());
    }
    for batch in bench.run(&["info", "t", "--batches", "--as-of", event, "--json"]).json() {
        answers.push(format!("{} {} {}", batch["batch"], batch["name"], batch["source_sha256"]));
    }
    answers
}

#[test]
fn a_past_state_stays_what_it_was() {
    let bench = varied();
    let events = ["0", "1", "2", "3"];
    let before: Vec<_> = events.iter().map(|event| answers(&bench, event)).collect();
    // Each event was to change something.
    assert!(before.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(before[0][3], "id,price\n1,9\n2,10");
    assert!(before[0][0].contains("\"price\":10}"), "{}", before[0][0]);
    assert!(before[1][0].contains("\"price\":10.00}"), "{}", before[1][0]);
    assert!(before[3][5].contains("dear"), "{}", before[3][5]);

    let same = |done: &str| {
        for (event, before) in events.iter().zip(&before) {
            assert_eq!(answers(&bench, event), *before, "event {event}, {done}");
        }
    };
    bench.run(&["compact", "t", "--upto", "2"]).ok();
    same("two segments merged");
    bench.run(&["vacuum", "t", "--grace", "0s"]).ok();
    same("and removed");
    bench.run(&["compact", "t", "--grace", "0s", "--profile", "fast"]).ok();
    same("all merged and removed");
    assert_eq!(bench.run(&["info", "t", "--json"]).json()[0]["segments"], 1);
    bench.run(&["verify", "t", "--rows"]).ok();
}

#[test]
fn the_event_is_told_aside() {
    let bench = varied();
    let run = bench.run(&["scan", "t", "--as-of", "1", "--stats", "--select", "id"]);
    let err = run.err();
    assert!(err.starts_with("as of event 1, 20"), "{err}");
    assert!(err.contains("; as of event 1\n"), "{err}");
    assert_eq!(run.text(), "id\n1\n2\n3\n4\n");
    let run = bench.run(&["scan", "t", "--as-of", "1", "--stats", "--json", "--limit", "1"]);
    let stats: serde_json::Value = serde_json::from_str(&run.err()).unwrap();
    assert_eq!(stats["as_of_event"], 1, "a program finds nothing else on stderr");
    // A time is the newest event not later than it.
    let log = bench.run(&["log", "t", "--json"]).json();
    let ts = log[2]["ts"].as_str().unwrap();
    assert_eq!(bench.run(&["cat", "t", "--as-of", ts]).text(), bench.run(&["cat", "t", "--as-of", "2"]).text());
    assert_eq!(bench.run(&["info", "t", "--as-of", "2222-01-01", "--json"]).json()[0]["events"], 4);
}

#[test]
fn a_state_that_never_was_is_refused() {
    let bench = varied();
    bench.run(&["encode", "a.csv", "-o", "a.at1", "--keep-queryable"]).ok();
    for (words, told) in [
        (&["scan", "t", "--as-of", "4"][..], "as of event: expected at most 3, found 4"),
        (&["cat", "t", "--as-of", "1999-12-31"], "as of time: expected at least 20"),
        (&["info", "t", "--as-of", "yesterday"], "an event's number, or a time such as 2026-01-22T16:00:00Z"),
        (&["files", "t", "--as-of", "-1"], "unexpected argument"),
        (&["cat", "a.at1", "--as-of", "0"], "expected a TABLE with --as-of"),
        (&["scan", "a.at1", "--as-of", "0"], "expected a TABLE with --as-of"),
        (&["info", "a.at1", "--as-of", "0"], "expected a TABLE with --as-of"),
    ] {
        let err = bench.run(words).fails(2);
        assert!(err.contains(told), "{words:?}: {err}");
    }
}

#[test]
fn files_of_a_past_state_tell_how_much_of_the_last_belongs_to_it() {
    let bench = Bench::new();
    // Two of these reach the target below, which two of the next do not.
    bench.file("a.csv", format!("id,price\n1,9.5\n2,10.{:050}\n", 5).as_bytes());
    bench.file("b.csv", b"id,price,\"o\"\"k\"\n3,7.5,x\n");
    for file in ["a.csv", "a.csv", "b.csv", "b.csv"] {
        bench.run(&["append", "it's", file, "--header", "yes"]).ok();
    }
    let files = |words: &[&str]| bench.run(&[&["files", "it's"], words].concat());
    // As long as the files of then are there, they are told.
    let told = files(&["--as-of", "2", "--json"]).json();
    assert_eq!(told.iter().map(|file| file["rows_as_of"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 2, 1]);
    bench.run(&["compact", "it's", "--upto", "2", "--grace", "0s"]).ok();
    bench.file("c.csv", b"id,price,\"o\"\"k\",later\n3,7.5,x,1\n");
    bench.run(&["append", "it's", "c.csv", "--header", "yes"]).ok();
    bench.run(&["compact", "it's", "--target", "8300", "--grace", "0s"]).ok();
    let live = files(&["--json"]).json();
    let path = |index: usize| live[index]["path"].as_str().unwrap().replace('\'', "''");
    assert_eq!(live.len(), 2, "the first two batches, and the last three");

    let told = files(&["--as-of", "2", "--json"]).json();
    let rows: Vec<_> = told.iter().map(|file| (file["rows"].as_u64(), file["rows_as_of"].as_u64())).collect();
    assert_eq!(rows, [(Some(4), Some(4)), (Some(3), Some(1))]);
    let run = files(&["--as-of", "2"]);
    assert!(run.err().contains("of the last file only the first 1 row of 3 are of this state"), "{}", run.err());
    assert_eq!(run.text().lines().count(), 2);
    let query = format!(
        "(SELECT \"id\", \"price\", \"o\"\"k\" FROM (SELECT * FROM read_parquet(['{}'], union_by_name = true) \
         UNION ALL BY NAME SELECT * EXCLUDE (file_row_number) FROM read_parquet('{}', file_row_number = true) \
         WHERE file_row_number < 1))\n",
        path(0),
        path(1)
    );
    assert_eq!(files(&["--as-of", "2", "--format", "duckdb"]).text(), query);
    let first = format!("(SELECT \"id\", \"price\" FROM read_parquet(['{}'], union_by_name = true))\n", path(0));
    assert_eq!(files(&["--as-of", "1", "--format", "duckdb"]).text(), first);
    let all = format!("read_parquet(['{}', '{}'], union_by_name = true)\n", path(0), path(1));
    assert_eq!(files(&["--format", "duckdb"]).text(), all);
}

#[test]
fn a_column_of_duckdbs_own_name_is_no_query() {
    let bench = Bench::new();
    bench.file("a.csv", b"id,File_Row_Number\n1,9\n2,10\n");
    bench.run(&["append", "t", "a.csv", "a.csv", "--header", "yes"]).ok();
    bench.run(&["compact", "t", "--grace", "0s"]).ok();
    let err = bench.run(&["files", "t", "--as-of", "0", "--format", "duckdb"]).fails(3);
    assert!(err.contains("found File_Row_Number; --format json tells how many rows to read"), "{err}");
    assert_eq!(bench.run(&["files", "t", "--as-of", "0", "--json"]).json()[0]["rows_as_of"], 2);
}
