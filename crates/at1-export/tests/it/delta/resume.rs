//! Runs that go on where the last ended, and logs that are not to be gone on with.

use std::sync::Arc;

use at1_export::delta;
use at1_table::{AppendOptions, Source, Table};
use at1_testkit::store::MemStore;

use super::bench::{Bench, log_files};

const FIRST: &str = "_delta_log/00000000000000000000.json";

#[test]
fn a_run_with_nothing_new_changes_nothing() {
    let bench = Bench::with(&["id\n1\n", "id\n2\n"]);
    bench.export();
    let (before, step) = (log_files(&bench.disk), bench.disk.steps());
    let report = bench.export();
    assert_eq!((report.versions, report.version, report.event), (vec![], Some(0), Some(1)));
    assert_eq!(log_files(&bench.disk), before);
    for step in bench.disk.journal(step) {
        let word = step.split(' ').next().unwrap();
        assert!(["open", "size", "read", "lock"].contains(&word) || step == "sync _at1/ledger", "{step}");
    }
}

#[test]
fn a_log_goes_with_its_table() {
    let bench = Bench::with(&["id\n1\n"]);
    bench.export();
    let copy = MemStore::new();
    bench.disk.files().iter().for_each(|(path, bytes)| copy.put(path, bytes));
    let moved = Bench { table: Table::open_in(Arc::new(copy.clone())).unwrap(), disk: copy };
    moved.append("id\n2\n");
    assert_eq!(moved.export().versions, [1], "the copy's log goes on");
    assert_eq!(bench.export().versions, Vec::<u64>::new(), "the other's stays");
}

#[test]
fn logs_of_others_are_refused() {
    let bench = Bench::with(&["id\n1\n"]);
    bench.disk.put(FIRST, b"{\"commitInfo\":{\"engineInfo\":\"Apache-Spark/3.5\"}}\n{\"add\":{\"path\":\"x\"}}\n");
    let told = bench.refuses();
    let expected =
        format!("{FIRST}: expected an entry of at1:example.org/t, found one that Apache-Spark/3.5 wrote (refused)");
    assert_eq!(told, expected);

    bench.disk.take(FIRST);
    bench.table.store().make_folder("_delta_log").unwrap();
    bench.disk.put("_delta_log/00000000000000000010.checkpoint.parquet", b"PAR1");
    let told = bench.refuses();
    assert!(told.starts_with("_delta_log: expected no log, or one from its first version, found 0000"), "{told}");

    let bench = Bench::with(&["id\n1\n"]);
    bench.export();
    bench.disk.put(
        FIRST,
        &String::from_utf8(log_files(&bench.disk)[FIRST].clone())
            .unwrap()
            .replace("at1:example.org/t", "at1:example.org/u")
            .into_bytes(),
    );
    let told = bench.refuses();
    assert!(told.contains("found one of at1:example.org/u"), "{told}");
}

#[test]
fn damaged_logs_are_refused() {
    let made = || {
        let bench = Bench::with(&["id\n1\n"]);
        for batch in ["id\n2\n", "id\n3\n", "id\n4\n"] {
            bench.export();
            bench.append(batch);
        }
        bench
    };
    let second = "_delta_log/00000000000000000001.json";
    let newest = "_delta_log/00000000000000000002.json";
    let bench = made();
    let whole = log_files(&bench.disk)[newest].clone();
    let text = String::from_utf8(whole.clone()).unwrap();
    for (bytes, expected) in [
        (vec![], "expected an entry of at1:example.org/t, found one that another program wrote"),
        (whole[..whole.len() / 4].to_vec(), "expected a line feed at the end, found none"),
        (b"not JSON\n".to_vec(), "expected an action, as JSON, found expected ident at line 1 column 2"),
        (b"[1]\n".to_vec(), "expected an action, as JSON, found [1]"),
        (text.replace("\"at1Event\":2", "\"at1Event\":3").into_bytes(), "expected a transaction of event 3, found 2"),
        (text.replace("\"at1Live\"", "\"x\"").into_bytes(), "expected a number at1Live, found null"),
        (text.replace("\"at1Meta\":0", "\"at1Meta\":1").into_bytes(), "expected a protocol and a schema, found none"),
    ] {
        bench.disk.put(newest, &bytes);
        let told = bench.refuses();
        assert!(told.contains(expected), "{expected}: {told}");
    }
    bench.disk.put(newest, &whole);
    assert_eq!(bench.export().versions, [3], "mended, it goes on");

    let bench = made();
    bench.disk.take(second);
    let told = bench.refuses();
    assert!(
        told.contains(&format!("{second}: expected an entry, as later ones are there, found none (corrupt)")),
        "{told}"
    );

    let bench = made();
    bench.disk.put("_delta_log/_last_checkpoint", b"{\"version\":17}");
    let told = bench.refuses();
    assert!(told.contains("17.json: expected the entry that the checkpoint is of, found none"), "{told}");
    bench.disk.put("_delta_log/_last_checkpoint", b"{");
    assert!(bench.refuses().contains("_last_checkpoint: expected JSON"), "no JSON");
}

#[test]
fn a_log_of_another_history_is_refused() {
    let bench = Bench::with(&["id\n1\n"]);
    let early = bench.disk.killed();
    bench.append("id\n2\n");
    bench.export();
    for (path, bytes) in log_files(&bench.disk) {
        early.put(&path, &bytes);
    }
    let older = Bench { table: Table::open_in(Arc::new(early.clone())).unwrap(), disk: early };
    let told = format!("{:?}", delta::export(&older.table).unwrap_err());
    assert!(told.starts_with("_delta_log: expected at most event 0, the ledger's newest, found event 1; "), "{told}");
    assert!(told.contains("has to be removed and made again (refused)"), "{told}");
    // The same event, another history; and again with more events.
    for batch in ["id\n3\n", "id\n4\n"] {
        older.table.append_csv(Source::bytes(batch), &AppendOptions::default()).unwrap();
        let told = format!("{:?}", delta::export(&older.table).unwrap_err());
        assert!(told.starts_with("_delta_log: expected event 1 with chain value "), "{told}");
    }
    log_files(&older.disk).keys().for_each(|path| older.disk.take(path));
    assert_eq!(older.export().event, Some(2), "made again, it shows this history");
}

#[test]
fn following_is_remembered_in_the_table() {
    let bench = Bench::with(&["id\n1\n"]);
    for on in [true, true, false, false, true] {
        delta::set(&bench.table, on).unwrap();
        assert_eq!(delta::is_on(&bench.table).unwrap(), on);
        assert_eq!(bench.disk.has(delta::FOLLOW), on);
    }
}
