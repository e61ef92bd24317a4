//! What is read, and what need not be.

use at1_table::CompactOptions;

use crate::Fixture;

fn numbers() -> Fixture {
    let batch =
        |k: u64| format!("n,w\n{}", (k * 100..k * 100 + 100).map(|n| format!("{n},w{}\n", n % 7)).collect::<String>());
    let batches: Vec<String> = (0..10).map(batch).collect();
    Fixture::of(&batches.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test]
async fn zones_rule_out_segments() {
    let fixture = numbers();
    fixture.check("SELECT count(*), min(n) FROM t WHERE n BETWEEN 420 AND 430", &["11|420"]).await;
    let scans = fixture.log.take();
    let statistics = &scans[0].statistics;
    assert_eq!(scans.len(), 1);
    assert_eq!((statistics.segments_total, statistics.segments_skipped, statistics.segments_scanned), (10, 9, 1));
    assert_eq!((scans[0].plain, scans[0].reread, scans[0].event), (1, 0, Some(9)));
    assert_eq!(scans[0].explanation.planned.segments.total, 9);

    fixture.check("SELECT count(*) FROM t WHERE n > 5000", &["0"]).await;
    assert_eq!(fixture.log.take()[0].plain, 0);
}

#[tokio::test]
async fn what_the_manifest_knows_reads_no_segment() {
    let fixture = numbers();
    for compacted in [false, true] {
        if compacted {
            fixture.table.compact(&CompactOptions::default()).unwrap();
        }
        let plan = fixture.rows("EXPLAIN SELECT count(*), min(n), max(n), count(w) FROM t").await.unwrap().join("\n");
        assert!(!plan.contains("DataSourceExec") && plan.contains("PlaceholderRowExec"), "{plan}");
        fixture.check("SELECT count(*), min(n), max(n), count(w) FROM t", &["1000|0|999|1000"]).await;
        // Bounds of text may be cut, and doubles have two zeros: these are read.
        let plan = fixture.rows("EXPLAIN SELECT max(w) FROM t").await.unwrap().join("\n");
        assert!(plan.contains("DataSourceExec"), "{plan}");
        fixture.check("SELECT max(w) FROM t", &["w6"]).await;
    }
}

#[tokio::test]
async fn statements_see_one_state_and_the_next_sees_the_newest() {
    let fixture = Fixture::of(&["n\n1\n"]);
    let frame =
        fixture.context.sql("SELECT count(*) FROM t AS a JOIN t AS b ON a.n = b.n WHERE a.n > 0").await.unwrap();
    fixture.append("n\n2\n");
    assert_eq!(crate::lines(&frame.collect().await.unwrap()), ["1"]);
    fixture.check("SELECT count(*) FROM t AS a JOIN t AS b ON a.n = b.n WHERE a.n > 0", &["2"]).await;
}

#[tokio::test]
async fn tables_stored_as_at1() {
    let fixture = numbers();
    let folder = fixture.path().join("t");
    let create = |name: &str, options: &str| {
        format!("CREATE EXTERNAL TABLE {name} STORED AS AT1 LOCATION '{}' {options}", folder.display())
    };
    fixture.rows(&create("x", "")).await.unwrap();
    fixture.rows(&create("y", "OPTIONS ('as_of' '1')")).await.unwrap();
    fixture.append("n,w\n5000,z\n");
    fixture.check("SELECT count(*) FROM x", &["1000"]).await;
    fixture.check("SELECT count(*) FROM y", &["200"]).await;
    fixture.check("SELECT count(*) FROM t", &["1001"]).await;
    fixture.fails(&create("z", "OPTIONS ('as_off' '1')"), "option: expected as_of, found as_off").await;
    fixture.fails("CREATE EXTERNAL TABLE z STORED AS AT1 LOCATION '/nowhere/at/all'", "/nowhere/at/all").await;
    fixture.fails("INSERT INTO t VALUES (1, 'x')", "Insert into not implemented").await;
}
