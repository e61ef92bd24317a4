//! System columns and what a table knows about itself.

use at1_datafusion::SystemColumns;

use crate::Fixture;

#[tokio::test]
async fn where_rows_are_and_came_from() {
    let fixture = Fixture::of(&["n\n10\n20\n", "n\n30\n"]);
    fixture.check("SELECT * FROM t ORDER BY n", &["10", "20", "30"]).await;
    fixture.fails("SELECT _row FROM t", "_row").await;
    fixture.tables.show_system_columns(SystemColumns::Shown);
    fixture.check("SELECT * FROM t ORDER BY n", &["10|0|0|0|a.csv", "20|1|0|0|a.csv", "30|2|1|1|a.csv"]).await;
    fixture.check("SELECT _source, n, _row FROM t WHERE _row > 0 AND n < 30", &["a.csv|20|1"]).await;
    fixture.check("SELECT _batch, count(*), sum(n) FROM t GROUP BY _batch ORDER BY 1", &["0|2|30", "1|1|30"]).await;
    fixture.check("SELECT max(_row) FROM t FOR SYSTEM_TIME AS OF 0", &["1"]).await;
}

#[tokio::test]
async fn reports() {
    let fixture = Fixture::of(&["n,a b\n1,x\n2,y\n", "n,a b\n3,z\n"]);
    fixture
        .check("SELECT event, op, rows_total FROM at1_events('t') ORDER BY event", &["0|append|2", "1|append|3"])
        .await;
    fixture
        .check(
            "SELECT batch, event, name, first_row, rows FROM at1_batches('t') ORDER BY 1",
            &["0|0|a.csv|0|2", "1|1|a.csv|2|1"],
        )
        .await;
    fixture
        .check(
            "SELECT segment, first_row, rows FROM at1_segments('t') ORDER BY 1",
            &["seg_000000.at1|0|2", "seg_000001.at1|2|1"],
        )
        .await;
    fixture
        .check("SELECT position, name, header, type FROM at1_columns('t')", &["0|n|n|int64", "1|a_b|a b|text"])
        .await;
    fixture.fails("SELECT * FROM at1_events('x')", "table x: expected one of t, found no such name").await;
    fixture.fails("SELECT * FROM at1_events()", "expected a table's name, found 0 arguments").await;
}
