//! Queries against what the text says.

use arrow::{
    array::{Array as _, AsArray as _, RecordBatch},
    compute::{cast, concat_batches},
    datatypes::{DataType, Int64Type, UInt64Type},
};
use at1_table::{
    AppendOptions, ErrorKind, HeaderOption, Joints, Pruning, SYSTEM_COLUMNS, ScanOptions, Source, Statistics, Table,
};

use crate::{append, table};

#[track_caller]
fn found(table: &Table, options: &ScanOptions) -> (RecordBatch, Statistics) {
    let mut scan = table.scan(options).unwrap();
    let schema = scan.schema();
    let batches: Vec<_> = scan.by_ref().map(|batch| batch.unwrap()).collect();
    (concat_batches(&schema, &batches).unwrap(), scan.statistics())
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<String>> {
    let texts = cast(batch.column(column), &DataType::Utf8).unwrap();
    let texts = texts.as_string::<i32>();
    (0..texts.len()).map(|i| texts.is_valid(i).then(|| texts.value(i).to_owned())).collect()
}

/// Ten segments of ten numbers, in order.
fn numbers() -> Table {
    let (_, table) = table();
    for batch in 0..10 {
        let rows: String = (batch * 10..batch * 10 + 10).map(|n| format!("{n},w{}\n", n % 7)).collect();
        let source = format!("n,w\n{rows}");
        table.append_csv(Source::bytes(&source).named(format!("{batch}.csv")), &AppendOptions::default()).unwrap();
    }
    table
}

#[test]
fn segments_are_skipped_before_they_are_opened() {
    let table = numbers();
    let (rows, statistics) = found(&table, &ScanOptions::matching("n between 42 and 44".parse().unwrap()));
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[42, 43, 44]);
    assert_eq!((statistics.segments_total, statistics.segments_skipped, statistics.segments_scanned), (10, 9, 1));
    assert_eq!((statistics.rows_matched, statistics.as_of_event), (3, Some(9)));
    assert!(statistics.bytes_read < statistics.bytes_total);
}

#[test]
fn scans_agree_with_the_reference() {
    let table = numbers();
    for (predicate, holds) in [
        ("n < 13", (|n| n < 13) as fn(i64) -> bool),
        ("n >= 95 or n = 3", |n| n >= 95 || n == 3),
        ("not n > 4", |n| n <= 4),
        ("w = 'w3'", |n| n % 7 == 3),
        ("w like 'w1%' and n > 50", |n| n % 7 == 1 && n > 50),
        ("n is null", |_| false),
        ("n > 1000", |_| false),
        ("true", |_| true),
    ] {
        let expected: Vec<i64> = (0..100).filter(|&n| holds(n)).collect();
        for pruning in [Pruning::On, Pruning::Off] {
            let options = ScanOptions { pruning, batch_rows: 7, ..ScanOptions::matching(predicate.parse().unwrap()) };
            let numbers = |options: &ScanOptions| {
                found(&table, options).0.column(0).as_primitive::<Int64Type>().values().to_vec()
            };
            assert_eq!(numbers(&options), expected, "{predicate} {pruning:?}");
            for count in [0, 1, 5, 11, 200] {
                let first = ScanOptions { limit: Some(count as u64), ..options.clone() };
                assert_eq!(
                    numbers(&first),
                    expected[..count.min(expected.len())],
                    "{predicate} limit {count} {pruning:?}"
                );
                let last = ScanOptions { last: Some(count as u64), ..options.clone() };
                assert_eq!(
                    numbers(&last),
                    expected[expected.len().saturating_sub(count)..],
                    "{predicate} last {count} {pruning:?}"
                );
                let rows = ScanOptions { rows: Some(15..64), ..last };
                let within: Vec<i64> = expected.iter().copied().filter(|n| (15..64).contains(n)).collect();
                assert_eq!(
                    numbers(&rows),
                    within[within.len().saturating_sub(count)..],
                    "{predicate} last {count} of rows {pruning:?}"
                );
            }
        }
        let mut raw = vec![];
        let options = ScanOptions::matching(predicate.parse().unwrap());
        table.scan_raw(&options, Joints::LineFeed, &mut raw).unwrap();
        let text: String = expected.iter().map(|n| format!("{n},w{}\n", n % 7)).collect();
        assert_eq!(String::from_utf8(raw).unwrap(), text, "{predicate} raw");
    }
}

#[test]
fn the_last_rows_are_found_from_the_end() {
    let table = numbers();
    let (rows, statistics) = found(&table, &ScanOptions { last: Some(3), ..ScanOptions::default() });
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[97, 98, 99]);
    assert_eq!((statistics.segments_scanned, statistics.rows_matched), (1, 3));
    let error = table.scan(&ScanOptions { limit: Some(1), last: Some(1), ..ScanOptions::default() }).err().unwrap();
    assert_eq!(error.to_string(), "scan: expected limit or last, found both");
}

#[test]
fn rows_know_where_they_came_from() {
    let table = numbers();
    let options = ScanOptions {
        select: Some(vec!["w".into(), "_event".into()]),
        system: SYSTEM_COLUMNS.to_vec(),
        ..ScanOptions::matching("n in (9, 10, 99)".parse().unwrap())
    };
    let (rows, _) = found(&table, &options);
    let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["w", "_event", "_row", "_batch", "_event", "_source"]);
    assert_eq!(rows.column(2).as_primitive::<UInt64Type>().values(), &[9, 10, 99]);
    assert_eq!(rows.column(3).as_primitive::<UInt64Type>().values(), &[0, 1, 9]);
    assert_eq!(texts(&rows, 5), [Some("0.csv".into()), Some("1.csv".into()), Some("9.csv".into())]);
    let only = ScanOptions { select: Some(vec!["_row".into()]), limit: Some(2), ..ScanOptions::default() };
    assert_eq!(found(&table, &only).0.column(0).as_primitive::<UInt64Type>().values(), &[0, 1]);
}

#[test]
fn unknown_columns_are_refused() {
    let table = numbers();
    let error = table.scan(&ScanOptions { select: Some(vec!["m".into()]), ..ScanOptions::default() }).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = table.scan(&ScanOptions::matching("m = 1".parse().unwrap())).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn every_type_a_column_ever_had_reads_as_its_last() {
    let (_, table) = table();
    append(&table, "v\n1\n2\n");
    append(&table, "v\n2.50\n");
    let values = || texts(&found(&table, &ScanOptions::default()).0, 0).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(values(), ["1.00", "2.00", "2.50"]);
    append(&table, "v\nNA\nword\n");
    // As text a field is what the source says, null words and all.
    assert_eq!(values(), ["1", "2", "2.50", "NA", "word"]);
    for (predicate, expected) in
        [("v = '2.50'", vec!["2.50"]), ("v > '2'", vec!["2.50", "NA", "word"]), ("v = '1'", vec!["1"])]
    {
        let rows = found(&table, &ScanOptions::matching(predicate.parse().unwrap())).0;
        assert_eq!(texts(&rows, 0).into_iter().flatten().collect::<Vec<_>>(), expected, "{predicate}");
    }
}

#[test]
fn columns_that_a_segment_lacks_read_as_null() {
    let (_, table) = table();
    append(&table, "a\n1\n");
    let yes = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
    table.append_csv(Source::bytes("b,a\nx,2\n"), &yes).unwrap();
    table.append_csv(Source::bytes("b\ny\n"), &yes).unwrap();
    let rows = found(&table, &ScanOptions::default()).0;
    assert_eq!(texts(&rows, 0), [Some("1".into()), Some("2".into()), None]);
    assert_eq!(texts(&rows, 1), [None, Some("x".into()), Some("y".into())]);
    let (rows, statistics) = found(&table, &ScanOptions::matching("b is null".parse().unwrap()));
    assert_eq!((rows.num_rows(), statistics.segments_skipped), (1, 2));
}

#[test]
fn columns_of_nothing_take_the_type_of_their_first_values() {
    let (_, table) = table();
    append(&table, "a,b\n1,\n2,\n");
    assert_eq!(table.info().unwrap().columns[1].ty.to_string(), "text");
    let report = append(&table, "a,b\n3,4\n");
    assert_eq!(report.columns_widened.len(), 1);
    let rows = found(&table, &ScanOptions::matching("b >= 4".parse().unwrap())).0;
    assert_eq!(texts(&rows, 0), [Some("3".into())]);
    assert_eq!(texts(&found(&table, &ScanOptions::default()).0, 1), [None, None, Some("4".into())]);
    // A table whose first batch was a header alone.
    let (_, table) = crate::table();
    append(&table, "a,b\n");
    append(&table, "a,b\n3,4\n");
    assert_eq!(table.info().unwrap().columns[1].ty.to_string(), "int64");
}

#[test]
fn rejects_are_listed_with_their_text() {
    let (_, table) = table();
    let rows: String =
        (0..150).map(|n| if n == 77 { "odd,\"x, y\"\n".to_owned() } else { format!("{n},z\n") }).collect();
    append(&table, "n,w\n1,z\n");
    let report = append(&table, format!("n,w\n{rows}"));
    assert_eq!(report.rejects, 1);
    let mut rejects = vec![];
    let mut keep = |reject| {
        rejects.push(reject);
        Ok(())
    };
    table.rejects(&mut keep).unwrap();
    assert_eq!(rejects.len(), 1);
    let reject = &rejects[0];
    assert_eq!(
        (reject.row, reject.batch, reject.record, reject.column.as_str(), reject.text.as_deref()),
        (78, 1, 77, "n", Some("odd"))
    );
    let (found, _) = found(&table, &ScanOptions::matching("n is null".parse().unwrap()));
    assert_eq!(found.num_rows(), 1);
}

#[test]
fn files_name_the_columns_that_differ() {
    let (_, table) = table();
    append(&table, "a,b\n1,2\n");
    assert!(table.files().unwrap().uniform().is_ok());
    append(&table, "a,b\n1.5,2\n");
    let files = table.files().unwrap();
    assert_eq!((files.files.len(), files.files[1].path.as_str()), (2, "memory/segments/seg_000001.at1"));
    let error = files.uniform().unwrap_err();
    assert_eq!(
        error.to_string(),
        "column a: expected decimal(18,1) in every segment; compact with retype rewrites them, found int64 in 1"
    );
}

#[test]
fn the_log_is_newest_first() {
    let table = numbers();
    let log = table.log(Some(3)).unwrap();
    let numbers: Vec<_> = log.iter().map(|entry| entry.0.n).collect();
    assert_eq!(numbers, [9, 8, 7]);
    assert_eq!(log[0].to_json()["batches"][0]["name"], "9.csv");
    assert_eq!(table.log(None).unwrap().len(), 10);
}

#[test]
fn a_scan_reads_one_state_whatever_is_appended_meanwhile() {
    let table = numbers();
    let mut scan = table.scan(&ScanOptions { batch_rows: 10, ..ScanOptions::default() }).unwrap();
    let first = scan.next().unwrap().unwrap().num_rows();
    append(&table, "n,w\n100,x\n");
    assert_eq!(first + scan.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 100);
}
