//! What was changed on disk is found before it is parsed, and told by name.

use std::{fs, time::Duration};

use at1_table::{CompactOptions, VacuumOptions};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::{Fixture, lines};

#[tokio::test]
async fn no_changed_byte_is_answered_from() {
    let rows: String = (0..500).map(|n| format!("{n},w{}\n", n % 7)).collect();
    let fixture = Fixture::of(&[&format!("n,w\n{rows}")]);
    let expected = fixture.rows("SELECT sum(n), max(w) FROM t WHERE n >= 0").await.unwrap();
    let segment = fixture.path().join("t/segments/seg_000000.at1");
    let good = fs::read(&segment).unwrap();
    fs::remove_file(&segment).unwrap();
    let mut errors = 0;
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&segment, &bad).unwrap();
        // Another path, so that nothing is known of the file from before.
        let moved = fixture.path().join(format!("moved{at}"));
        fs::rename(fixture.path().join("t"), &moved).unwrap();
        fixture.tables.add("moved", at1_table::Table::open(&moved).unwrap());
        match fixture.rows("SELECT sum(n), max(w) FROM moved WHERE n >= 0").await {
            // What holds the source text is none of a query's business.
            Ok(found) => assert_eq!(found, expected, "byte {at}"),
            Err(error) => {
                assert!(error.contains("seg_000000.at1") && error.contains("sha256"), "byte {at}: {error}");
                errors += 1;
            }
        }
        fs::rename(&moved, fixture.path().join("t")).unwrap();
    }
    assert!(errors > 5, "{errors} of {} bytes were found to be changed", good.len() / 97);
}

/// A file may go between planning and reading, if nobody waits for readers.
#[tokio::test]
async fn a_file_that_went_is_told_apart_from_damage() {
    let fixture = Fixture::of(&["n\n1\n", "n\n2\n"]);
    let frame = fixture.context.sql("SELECT sum(n) FROM t WHERE n > 0").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    fixture.table.compact(&CompactOptions { grace: Duration::ZERO, ..Default::default() }).unwrap();
    fixture.table.vacuum(&VacuumOptions { grace: Duration::ZERO, ..Default::default() }).unwrap();
    let error = collect(plan, fixture.context.task_ctx()).await.unwrap_err();
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    let gone = loop {
        match cause.downcast_ref::<object_store::Error>() {
            Some(found) => break found,
            None => cause = cause.source().unwrap_or_else(|| panic!("{error}")),
        }
    };
    assert!(matches!(gone, object_store::Error::NotFound { .. }), "{gone}");
    assert!(gone.to_string().contains("a compaction replaced it and a vacuum removed it"), "{gone}");
    fixture.check("SELECT sum(n) FROM t WHERE n > 0", &["3"]).await;
}

/// Readers keep what they have begun: an open file stays, and rows that AT1 reads are looked for where they are now.
#[tokio::test]
async fn rows_are_found_in_a_newer_layout() {
    let fixture = Fixture::of(&["n\n1\n", "n\nx\n"]);
    let frame = fixture.context.sql("SELECT n FROM t ORDER BY n").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    assert!(
        format!("{}", datafusion::physical_plan::displayable(&*plan as &dyn ExecutionPlan).indent(false))
            .contains("At1RowsExec")
    );
    fixture
        .table
        .compact(&CompactOptions { grace: Duration::ZERO, choose: at1_table::Choose::Retype, ..Default::default() })
        .unwrap();
    fixture.table.vacuum(&VacuumOptions { grace: Duration::ZERO, ..Default::default() }).unwrap();
    // The widened segment is read by AT1, which looks again; the other is a file that is still there.
    let rows = lines(&collect(plan, fixture.context.task_ctx()).await.unwrap());
    assert_eq!(rows, ["1", "x"]);
}
