//! Appending: what is reported, what is refused, what is recognised.

use std::{io::Write as _, time::Duration};

use at1_table::{
    AppendOptions, ClockRule, CompactOptions, CreateOptions, ErrorKind, HeaderOption, Idempotency, QuoteOption, Source,
    Strictness, Table, VacuumOptions, VerifyOptions, paths,
};

use crate::{append, batches, open, table};

#[test]
fn the_report_says_what_was_done() {
    let (_, table) = table();
    let first = append(&table, "a,b\n1,x\n2,y\n");
    assert_eq!((first.event, first.batch, first.rows, first.source_bytes), (0, 0, 2, 12));
    assert_eq!(first.segment, "seg_000000.at1");
    assert_eq!(first.source_sha256.to_string(), "15920f3fb7c051cc15fceee84432e8803a139a9b53a4ea832c37bf1109e200cf");
    assert!(first.chain_head.to_string().starts_with("0:"));
    let second = append(&table, "b,a\nz,1.5\n");
    assert_eq!((second.event, second.batch, second.segment.as_str()), (1, 1, "seg_000001.at1"));
    let widened = &second.columns_widened[0];
    assert_eq!(
        (widened.column.as_str(), widened.from.to_string(), widened.to.to_string()),
        ("a", "int64".into(), "decimal(18,1)".into())
    );
    assert_eq!((widened.misfits, widened.fields, widened.example.as_deref()), (1, 1, Some("1.5")));
    let keys = [
        "event",
        "batch",
        "segment",
        "rows",
        "source_bytes",
        "segment_bytes",
        "source_sha256",
        "segment_sha256",
        "rejects",
        "columns_added",
        "columns_missing",
        "chain_head",
    ];
    let json = second.to_json();
    for key in keys {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(table.info().unwrap().to_json()["columns"][0]["type"], "decimal(18,1)");
}

#[test]
fn an_append_is_one_segment_and_one_line() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    let before = store.steps();
    append(&table, "a\n2\n");
    let steps = store.journal(before);
    let writes: Vec<_> = steps
        .iter()
        .filter(|step| !step.contains("staging"))
        .filter(|step| {
            ["write", "sync", "link", "create", "remove", "truncate"].iter().any(|verb| step.starts_with(verb))
        })
        .map(String::as_str)
        .collect();
    assert_eq!(
        writes,
        ["link segments/seg_000001.at1", "sync_folder segments", "write _at1/ledger", "sync _at1/ledger"]
    );
    let sealed = steps.iter().position(|step| step.starts_with("seal")).unwrap();
    let locked = steps.iter().position(|step| step.starts_with("lock")).unwrap();
    assert!(sealed < locked, "everything slow comes before the lock");
    assert!(!steps.iter().any(|step| step.starts_with("list")), "nothing is listed: {steps:?}");
}

#[test]
fn the_cost_of_reading_the_ledger_does_not_grow() {
    let (store, table) = table();
    let reads = |n: usize| {
        for i in 0..n {
            append(&table, format!("a\n{i}\n"));
        }
        let before = store.steps();
        append(&table, "a\n7\n");
        store.journal(before).iter().filter(|step| *step == "read _at1/ledger").count()
    };
    assert_eq!(reads(3), reads(30));
}

#[test]
fn line_one_is_a_header_iff_the_table_knows_it() {
    // batch, header option, rows
    let cases = [
        ("a,b\n5,6\n", HeaderOption::Auto, 1),
        ("b,a\n5,6\n", HeaderOption::Auto, 1),
        ("\"a\",\"b\"\n5,6\n", HeaderOption::Auto, 1),
        ("\u{feff}a,b\n5,6\n", HeaderOption::Auto, 1),
        ("\na,b\n5,6\n", HeaderOption::Auto, 1),
        ("a,b\n", HeaderOption::Auto, 0),
        ("5,6\n7,8\n", HeaderOption::Auto, 2),
        ("a,c\n5,6\n", HeaderOption::Auto, 2),
        ("a,c\n5,6\n", HeaderOption::Yes, 1),
        ("a,b\n5,6\n", HeaderOption::No, 2),
        ("A,b\n5,6\n", HeaderOption::Auto, 2),
    ];
    for (batch, header, rows) in cases {
        let (_, table) = table();
        append(&table, "a,b\n1,2\n3,4\n");
        let options = AppendOptions { header, ..AppendOptions::default() };
        let report = table.append_csv(Source::bytes(batch), &options).unwrap();
        assert_eq!(report.rows, rows, "{batch:?} {header:?}");
        assert_eq!(batches(&table)[1], batch.as_bytes(), "{batch:?} {header:?}");
    }
}

#[test]
fn a_line_that_looks_like_an_unknown_header_is_remarked_upon() {
    let (_, table) = table();
    append(&table, "a,b\n1,2\n3,4\n");
    let report = append(&table, "a,b,c\n5,6,7\n");
    assert_eq!(report.rows, 2);
    assert!(
        report.notes[0].starts_with("line 1 looks like a header that the table does not know (a, b, c)"),
        "{:?}",
        report.notes
    );
    assert!(append(&table, "5,6,7\n").notes.is_empty());
}

#[test]
fn columns_come_and_go() {
    let (_, table) = table();
    append(&table, "a,b\n1,2\n");
    let yes = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
    let report = table.append_csv(Source::bytes("c,b\nx,4\n"), &yes).unwrap();
    assert_eq!((report.columns_added, report.columns_missing), (vec!["c".to_owned()], vec!["a".to_owned()]));
    let report = append(&table, "5,6,7,8\n");
    assert_eq!((report.columns_added, report.columns_missing), (vec!["c3".to_owned()], vec![]));
    let names: Vec<_> = table.info().unwrap().columns.into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["a", "b", "c", "c3"]);
}

#[test]
fn names_are_given_where_there_is_no_header() {
    let (_, table) = table();
    let named = |names: &[&str], header| AppendOptions {
        names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        header,
        ..AppendOptions::default()
    };
    table.append_csv(Source::bytes("1,2\n"), &named(&["x", "y"], HeaderOption::No)).unwrap();
    table.append_csv(Source::bytes("3,4\n"), &named(&["y", "x"], HeaderOption::No)).unwrap();
    assert_eq!(table.info().unwrap().columns.len(), 2);
    // The names are a header that the table knows.
    assert_eq!(append(&table, "x,y\n5,6\n").rows, 1);
    let error = table.append_csv(Source::bytes("1,2\n"), &named(&["x"], HeaderOption::No)).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Invalid, "input: names: expected 2 names, found 1")
    );
}

#[test]
fn the_first_batch_fixes_how_text_is_written() {
    let (_, table) = table();
    append(&table, "a;b\n1;'x'\n");
    let format = table.info().unwrap().format.unwrap();
    assert_eq!(format.delimited(), Some((b';', Some(b'"'))));
    // A comma is data now.
    let report = append(&table, "a;b\n2;x,y,z\n3;x,y,z\n");
    assert_eq!((report.rows, report.columns_added.len()), (2, 0));
    // Unless it is said for this batch.
    let options = AppendOptions { delimiter: Some(b','), quote: Some(QuoteOption::None), ..AppendOptions::default() };
    let report = table.append_csv(Source::bytes("a,b\n4,z\n"), &options).unwrap();
    assert_eq!((report.rows, report.columns_added.len()), (1, 0));
    let error = table
        .append_csv(
            Source::bytes("a;b\n"),
            &AppendOptions { nulls: Some(["x"].into_iter().collect()), ..AppendOptions::default() },
        )
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn types_of_a_new_table_are_pinned_before_the_first_batch() {
    let store = at1_testkit::store::MemStore::new();
    let pins = vec![("a".to_owned(), "text".parse().unwrap())];
    let options = CreateOptions { pins, origin: Some("example.com/t".into()), ..CreateOptions::default() };
    Table::create_in(std::sync::Arc::new(store.clone()), &options).unwrap();
    let table = open(&store);
    let report = append(&table, "a,b\n1,2\n");
    assert_eq!((report.event, report.segment.as_str()), (1, "seg_000001.at1"));
    let info = table.info().unwrap();
    assert_eq!((info.columns[0].ty.to_string().as_str(), info.columns[0].pinned), ("text", true));
    assert_eq!((info.columns[1].pinned, info.origin.as_str(), info.version), (false, "example.com/t", 1));
}

#[test]
fn a_table_is_made_once() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    let error = Table::create_in(std::sync::Arc::new(store.clone()), &CreateOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    let error = Table::open_in(std::sync::Arc::new(at1_testkit::store::MemStore::new())).unwrap_err();
    assert_eq!(error.to_string(), "memory: expected a table, found none");
    assert_eq!(batches(&open(&store)), [b"a\n1\n"]);
}

#[test]
fn commit_conditions() {
    let (_, table) = table();
    let expecting = |version| AppendOptions { expected_version: Some(version), ..AppendOptions::default() };
    table.append_csv(Source::bytes("1\n"), &expecting(0)).unwrap();
    let error = table.append_csv(Source::bytes("2\n"), &expecting(0)).unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Condition, 8));
    assert_eq!(error.to_string(), "version: expected 0 append events, found 1");

    let key = |sequence| AppendOptions {
        idempotency: Some(Idempotency { producer: "p".into(), sequence }),
        ..AppendOptions::default()
    };
    let first = table.append_csv(Source::bytes("2\n"), &key(5)).unwrap();
    let again = table.append_csv(Source::bytes("2\n"), &key(5)).unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!((again.event, again.batch, again.segment_sha256), (first.event, first.batch, first.segment_sha256));
    table.append_csv(Source::bytes("3\n"), &key(7)).unwrap();
    assert_eq!(table.append_csv(Source::bytes("2\n"), &key(5)).unwrap().event, first.event);
    for (text, sequence) in [("9\n", 5), ("2\n", 6)] {
        let error = table.append_csv(Source::bytes(text), &key(sequence)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Condition, "{sequence}");
    }
    assert_eq!(table.info().unwrap().batches, 3);
}

#[test]
fn demands_on_the_input() {
    let (_, table) = table();
    append(&table, "a,b\n1,2\n");
    let refuse = |text: &str, options: AppendOptions, message: &str| {
        let error = table.append_csv(Source::bytes(text), &options).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Refused, message));
    };
    let strict = AppendOptions { strictness: Strictness::Strict, ..AppendOptions::default() };
    let strict_header = AppendOptions { header: HeaderOption::Yes, ..strict.clone() };
    refuse("a,b\n1.5,2\n", strict.clone(), "input: expected a batch like those before, found a wider type for a");
    refuse("a\n1\n", strict_header.clone(), "input: expected a batch like those before, found missing columns: b");
    refuse("a,b,c\n1,2,3\n", strict_header, "input: expected a batch like those before, found new columns: c");
    refuse(
        "a,b\n1,2\n3\n4,5\n6,7\n",
        strict.clone(),
        "input: expected a batch like those before, found 1 records with another number of fields",
    );
    let many = format!("a,b\n{}x,1\n", "1,2\n".repeat(200));
    refuse(
        &many,
        AppendOptions { max_rejects: Some(0), ..AppendOptions::default() },
        "input: expected at most 0 rejects, found 1: 1 in a (int64) such as x",
    );
    refuse(&many, strict, "input: expected a batch like those before, found 1 rejects: 1 in a (int64) such as x");
    let sha256 = AppendOptions { sha256: Some([0; 32]), ..AppendOptions::default() };
    let error = table.append_csv(Source::bytes("a,b\n"), &sha256).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(table.info().unwrap().batches, 1);
    let report = table
        .append_csv(Source::bytes(&many), &AppendOptions { max_rejects: Some(1), ..AppendOptions::default() })
        .unwrap();
    assert_eq!((report.rejects, report.misfits[0].column.as_str(), table.info().unwrap().rejects), (1, "a", 1));
}

#[test]
fn packed_inputs_are_expanded() {
    let (_, table) = table();
    let mut packer = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    packer.write_all(b"a\n1\n2\n").unwrap();
    let packed = packer.finish().unwrap();
    let report = table.append_csv(Source::bytes(&packed).named("x.csv.gz"), &AppendOptions::default()).unwrap();
    assert_eq!((report.rows, report.source_bytes), (2, 6));
    assert_eq!(report.packed_sha256, Some(at1_ledger::Digest::of(&packed)));
    assert_eq!(batches(&table), [b"a\n1\n2\n"]);
    assert_eq!(table.has(Source::bytes(&packed)).unwrap().len(), 1);
    assert_eq!(table.has(Source::bytes("a\n1\n2\n")).unwrap()[0].name.as_deref(), Some("x.csv.gz"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(table.restore(folder.path()).unwrap()[0].file, "x.csv");
    assert_eq!(std::fs::read(folder.path().join("x.csv")).unwrap(), b"a\n1\n2\n");
}

#[test]
fn a_dry_run_says_what_the_append_does_and_does_nothing() {
    let (store, table) = table();
    append(&table, "a,b\n1,2\n");
    let (files, steps) = (store.files(), store.steps());
    let plan = table.dry_run(Source::bytes("b,a\nx,1.5\n"), &AppendOptions::default()).unwrap();
    assert_eq!(store.files(), files);
    let verbs = ["write", "sync", "link", "create", "remove", "truncate", "stage", "lock"];
    assert!(!store.journal(steps).iter().any(|step| verbs.iter().any(|verb| step.starts_with(verb))));
    let report = append(&table, "b,a\nx,1.5\n");
    assert_eq!((plan.columns_widened, plan.rejects, plan.rows), (report.columns_widened, report.rejects, report.rows));
    assert_eq!(plan.columns[0].field, Some(1));
}

#[test]
fn empty_batches_are_batches() {
    let (_, table) = table();
    append(&table, "");
    append(&table, "\n\n");
    let info = table.info().unwrap();
    assert_eq!((info.batches, info.rows, info.segments), (2, table.info().unwrap().rows, 2));
    append(&table, "a,b\n1,2\n");
    append(&table, "");
    append(&table, "a,b\n");
    assert_eq!(batches(&table), [&b""[..], b"\n\n", b"a,b\n1,2\n", b"", b"a,b\n"]);
}

#[test]
fn wide_tables_keep_their_schema_in_a_footer() {
    let (store, table) = table();
    let header: Vec<_> = (0..2_000).map(|column| format!("column_{column}")).collect();
    let row: Vec<_> = (0..2_000).map(|column| column.to_string()).collect();
    append(&table, format!("{}\n{}\n", header.join(","), row.join(",")));
    let table = open(&store);
    assert_eq!(table.info().unwrap().columns.len(), 2_000);
    assert_eq!(append(&table, format!("{}\n{}\n", header.join(","), row.join(","))).rows, 1);
    assert!(store.files()["_at1/ledger"].len() < 8_192);
    let report =
        table.verify(&at1_table::VerifyOptions { rows: at1_table::RowsCheck::Derive, ..Default::default() }).unwrap();
    assert_eq!(report.findings, []);
    let found = table.scan(&at1_table::ScanOptions::matching("column_7 = 7".parse().unwrap())).unwrap();
    assert_eq!(found.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
}

#[test]
fn a_clock_far_behind_stops_writers_unless_they_insist() {
    use at1_ledger::{Detail, Kind, Timestamp, link, parse_line};
    let (store, table) = table();
    append(&table, "a\n1\n");
    // Somebody's clock was years ahead.
    let ledger = store.files()[paths::LEDGER].clone();
    let newest = parse_line(ledger.split_inclusive(|&byte| byte == b'\n').next_back().unwrap()).unwrap();
    let detail = Detail::after(Some(&newest.detail), Kind::Note { text: "from the future".into() }).unwrap();
    let future: Timestamp = "2999-01-01T00:00:00.000000000Z".parse().unwrap();
    let line = link(newest.chain, 1, &detail, future).unwrap().line;
    store.put(paths::LEDGER, &[ledger, line].concat());

    let error = open(&store).append_csv(Source::bytes("a\n2\n"), &AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("at most 24 h before"), "{error}");
    let insisting = open(&store).with_clock(ClockRule::Insist);
    append(&insisting, "a\n2\n");
    insisting.compact(&CompactOptions::default()).unwrap();
    // What a clock far behind calls young stays.
    assert_eq!(
        insisting.vacuum(&VacuumOptions { grace: Duration::ZERO, ..VacuumOptions::default() }).unwrap().waiting,
        2
    );
    assert_eq!(batches(&open(&store)), [b"a\n1\n", b"a\n2\n"]);
    assert_eq!(open(&store).verify(&VerifyOptions::default()).unwrap().verdict().exit_code(), 0);
    assert!(String::from_utf8(store.files()[paths::LEDGER].clone()).unwrap().contains("\"forced\":true"));
}
