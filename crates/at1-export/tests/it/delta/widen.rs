//! Columns whose type changes, and files that are gone.

use at1_table::{AppendOptions, HeaderOption, Source};

use super::bench::{Bench, stats};

#[test]
fn two_types_in_one_column_are_refused_until_they_are_one() {
    let bench = Bench::with(&["id,v\n1,1\n"]);
    bench.export();
    bench.append("id,v\n2,2\n");
    bench.append("id,v\n3,2.50\n");
    let told = bench.refuses();
    assert_eq!(told, format!("{:?}", bench.table.files().unwrap().uniform().unwrap_err()), "the words of at1 files");
    assert!(told.starts_with("column v: expected decimal(18,2) in every segment; compact with retype"), "{told}");
    bench.retype();
    let report = bench.export();
    assert_eq!((report.versions.len(), report.adds, report.removes), (1, 2, 1), "one version shows all of it");
    assert_eq!(bench.schema(1)[1].1, "decimal(18,2)");
    for add in bench.actions(1, "add") {
        let new = add["tags"]["at1.batches"] != "0..1";
        assert_eq!(add["dataChange"], new, "rows that a version before did not show: {add}");
    }
    assert_eq!(bench.actions(1, "remove")[0]["dataChange"], false, "its rows stay");
}

#[test]
fn a_state_with_two_types_is_no_version_though_its_new_files_are_of_one() {
    let bench = Bench::with(&["v\n1\n"]);
    bench.export();
    bench.append("v\n2.50\n");
    bench.retype();
    let report = bench.export();
    assert_eq!((report.versions, report.adds, report.removes), (vec![1], 2, 1));
}

#[test]
fn a_first_export_of_two_types_is_refused() {
    let bench = Bench::with(&["v\n1\n", "v\nx\n"]);
    let told = bench.refuses();
    assert!(told.starts_with("column v: expected text in every segment"), "{told}");
    bench.retype();
    assert_eq!(bench.export().versions, [0]);
}

#[test]
fn files_that_agree_with_each_other_but_not_with_the_table_are_refused() {
    // A type that the user gives with a header and no record: no file with rows has it.
    for exported in [false, true] {
        let bench = Bench::with(&["v\n1\n"]);
        if exported {
            bench.export();
        }
        let options = AppendOptions {
            header: HeaderOption::Yes,
            pins: vec![("v".into(), "text".parse().unwrap())],
            ..AppendOptions::default()
        };
        bench.table.append_csv(Source::bytes("v\n"), &options).unwrap();
        bench.table.files().unwrap().uniform().unwrap();
        let told = bench.refuses();
        let expected = "column v: expected text in every segment; compact with retype rewrites them, found int64 in 1 (unsupported)";
        assert_eq!(told, expected);
        bench.retype();
        bench.export();
        assert_eq!(bench.schema(u64::from(exported))[0].1, "string");
    }
}

#[test]
fn a_type_that_came_and_went_between_two_runs() {
    // Nothing but nulls is text, until there are values; and in the end it is text again.
    let bench = Bench::with(&["id,v\n1,\n"]);
    bench.export();
    bench.append("id,v\n2,5\n");
    bench.append("id,v\n3,x\n");
    let told = bench.refuses();
    assert!(told.starts_with("column v: expected text in every segment"), "{told}");
    bench.retype();
    let report = bench.export();
    assert_eq!(report.event, Some(3), "the compaction; the vacuum after it changes no file of the log");
    assert_eq!(bench.schema(report.version.unwrap())[1].1, "string");
}

#[test]
fn states_whose_files_are_gone_become_one_version_with_the_next() {
    let bench = Bench::with(&["id\n1\n"]);
    bench.export();
    bench.append("id\n2\n");
    bench.compact_and_vacuum();
    bench.append("id\n3\n");
    let report = bench.export();
    // The segment of event 1 is nowhere any more.
    assert_eq!((report.versions.len(), report.adds, report.removes), (2, 2, 1));
    assert_eq!(bench.actions(1, "add")[0]["dataChange"], true, "it has a row that is new");
    assert_eq!(stats(&bench.actions(1, "add")[0])["numRecords"], 2);
    assert_eq!(bench.event(1), 2);
}

#[test]
fn compactions_of_compactions() {
    let bench = Bench::with(&["id\n0\n"]);
    bench.export();
    for round in 0_u64..4 {
        bench.append(&format!("id\n{round}\n"));
        bench.append(&format!("id\n{round}\n"));
        if round % 2 == 0 {
            bench.export();
        }
        bench.compact_and_vacuum();
    }
    let newest = bench.export().version.unwrap();
    let removed = (0..=newest).flat_map(|version| bench.actions(version, "remove")).count();
    assert_eq!((newest, removed), (4, 6), "what was added and replaced between two runs is never mentioned");
}
