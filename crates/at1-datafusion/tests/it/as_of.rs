//! Past states, by event and by time, through every door.

use std::time::Duration;

use at1_table::{CompactOptions, VacuumOptions};

use crate::Fixture;

fn grown() -> Fixture {
    Fixture::of(&["n\n1\n2\n", "n\n3\n", "n,word\n4,x\n5,y\n"])
}

#[tokio::test]
async fn an_event_is_what_the_table_was_after_it() {
    let fixture = grown();
    for round in ["as appended", "compacted", "vacuumed"] {
        match round {
            "compacted" => {
                drop(fixture.table.compact(&CompactOptions { grace: Duration::ZERO, ..Default::default() }).unwrap())
            }
            "vacuumed" => {
                drop(fixture.table.vacuum(&VacuumOptions { grace: Duration::ZERO, ..Default::default() }).unwrap())
            }
            _ => {}
        }
        for (event, expected) in [(0, "2|3"), (1, "3|6"), (2, "5|15")] {
            for sql in [
                format!("SELECT count(*), sum(n) FROM t FOR SYSTEM_TIME AS OF {event}"),
                format!("SELECT count(*), sum(x.n) FROM t VERSION AS OF {event} AS x"),
                format!("SELECT count(*), sum(n) FROM at1_as_of('t', {event})"),
                format!("SELECT count(*), sum(n) FROM at1_as_of('t', '{event}')"),
                format!("SELECT count(*), sum(n) FROM t FOR SYSTEM_TIME AS OF {event} WHERE n > 0"),
            ] {
                assert_eq!(fixture.rows(&sql).await.unwrap(), [expected], "{round}: {sql}");
            }
        }
        fixture.check("SELECT * FROM t FOR SYSTEM_TIME AS OF 1 ORDER BY n DESC LIMIT 1", &["3"]).await;
    }
}

#[tokio::test]
async fn states_are_joined() {
    let fixture = grown();
    let new =
        "SELECT t.n FROM t LEFT JOIN t FOR SYSTEM_TIME AS OF 1 AS old ON t.n = old.n WHERE old.n IS NULL ORDER BY 1";
    fixture.check(new, &["4", "5"]).await;
}

#[tokio::test]
async fn a_time_is_the_newest_event_until_then() {
    let fixture = grown();
    let ts = fixture.rows("SELECT ts FROM at1_events('t') WHERE event = 1").await.unwrap().remove(0);
    for sql in [
        format!("SELECT max(n) FROM t FOR SYSTEM_TIME AS OF '{ts}'"),
        format!("SELECT max(n) FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '{ts}'"),
        format!("SELECT max(n) FROM at1_as_of('t', '{ts}')"),
    ] {
        assert_eq!(fixture.rows(&sql).await.unwrap(), ["3"], "{sql}");
    }
}

#[tokio::test]
async fn what_is_no_state_is_refused() {
    let fixture = grown();
    fixture.fails("SELECT * FROM t FOR SYSTEM_TIME AS OF 9", "as of event: expected at most 2, found 9").await;
    fixture.fails("SELECT * FROM t FOR SYSTEM_TIME AS OF '1999-01-01'", "as of time: expected at least").await;
    fixture.fails("SELECT * FROM t FOR SYSTEM_TIME AS OF 'once'", "expected an event's number, or a time").await;
    fixture.fails("SELECT * FROM t FOR SYSTEM_TIME AS OF now()", "as of: expected an event's number or a time").await;
    fixture.fails("SELECT * FROM t AT(OFFSET => -60)", "expected FOR SYSTEM_TIME AS OF").await;
    fixture.fails("SELECT * FROM x FOR SYSTEM_TIME AS OF 1", "table x: expected one of t, found no such name").await;
    fixture.fails("SELECT * FROM at1_as_of('t')", "at1_as_of: expected a table's name and an event or a time").await;
    fixture.fails("SELECT * FROM at1_as_of(t, 1)", "found").await;
}
