//! Every byte comes back: whole tables, batches, ranges of records, restored files.

use at1_table::{AppendOptions, ErrorKind, Extent, HeaderOption, Joints, RowsCheck, Source, VerifyOptions};
use at1_testkit::strategies::any_input;
use proptest::prelude::*;

use crate::{append, batches, cat, open, table};

#[test]
fn records_never_fuse() {
    let (_, table) = table();
    for batch in ["a\n1", "2\n", "", "3", "4\r"] {
        append(&table, batch);
    }
    assert_eq!(cat(&table, &Extent::Everything), b"a\n1\n2\n3\n4\r");
    let mut exact = vec![];
    table.cat(&Extent::Everything, Joints::Exact, &mut exact).unwrap();
    assert_eq!(exact, b"a\n12\n34\r");
    assert_eq!(cat(&table, &Extent::Batch(3)), b"3");
    assert_eq!(cat(&table, &Extent::Rows(0..3)), b"1\n2\n3");
    assert_eq!(cat(&table, &Extent::Rows(1..2)), b"2\n");
    assert_eq!(cat(&table, &Extent::Rows(2..2)), b"");
}

#[test]
fn what_is_not_there_is_refused() {
    let (_, table) = table();
    append(&table, "a\n1\n");
    let refuse = |extent: Extent, message: &str| {
        let error = table.cat(&extent, Joints::LineFeed, &mut vec![]).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, message));
    };
    refuse(Extent::Batch(1), "batch: expected less than 1, found 1");
    refuse(Extent::Rows(0..2), "rows: expected a range within 0..1, found 0..2");
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    refuse(Extent::Rows(1..0), "rows: expected a range within 0..1, found 1..0");
}

#[test]
fn rows_are_the_records_with_their_gaps() {
    let (_, table) = table();
    append(&table, "a,b\n1,2\n\n\n3,4\n\n");
    append(&table, "a,b\r\n5,\"x\ny\"\r\n");
    assert_eq!(cat(&table, &Extent::Rows(0..3)), b"1,2\n\n\n3,4\n5,\"x\ny\"\r\n");
    assert_eq!(cat(&table, &Extent::Rows(2..3)), b"5,\"x\ny\"\r\n");
}

#[test]
fn files_are_restored_under_their_names() {
    let (_, table) = table();
    for (name, text) in
        [(Some("x.csv"), "a\n1\n"), (Some("../../x.csv"), "a\n2\n"), (None, "a\n3\n"), (Some("X.CSV"), "a\n4\n")]
    {
        let source = Source::bytes(text);
        let source = name.into_iter().fold(source, Source::named);
        table.append_csv(source, &AppendOptions::default()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let restored = table.restore(&folder.path().join("deep/er")).unwrap();
    let names: Vec<_> = restored.iter().map(|file| (file.file.as_str(), file.renamed())).collect();
    assert_eq!(
        names,
        [("x.csv", false), ("x-batch_000001.csv", true), ("batch_000002.csv", false), ("X-batch_000003.CSV", true)]
    );
    for (file, text) in restored.iter().zip(["a\n1\n", "a\n2\n", "a\n3\n", "a\n4\n"]) {
        assert_eq!(std::fs::read_to_string(folder.path().join("deep/er").join(&file.file)).unwrap(), text);
    }
    let error = table.restore(&folder.path().join("deep/er")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
}

#[test]
fn files_are_found_by_their_bytes() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    append(&table, "a\n1\n");
    let found: Vec<_> =
        table.has(Source::bytes("a\n1\n")).unwrap().into_iter().map(|found| (found.batch, found.event)).collect();
    assert_eq!(found, [(0, 0), (2, 2)]);
    assert!(table.has(Source::bytes("a\n1")).unwrap().is_empty());
    // Found in the ledger, but the stored copy is damaged: that is not having it.
    let mut segment = store.files()["segments/seg_000002.at1"].clone();
    segment[10] ^= 1;
    store.put("segments/seg_000002.at1", &segment);
    assert_eq!(table.has(Source::bytes("a\n1\n")).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[track_caller]
fn check(inputs: &[Vec<u8>], header: HeaderOption) {
    let (store, table) = table();
    let options = AppendOptions { header, ..AppendOptions::default() };
    for input in inputs {
        table.append_csv(Source::bytes(input), &options).unwrap();
    }
    let table = open(&store);
    assert_eq!(batches(&table), inputs, "each batch");
    let mut joined = vec![];
    for (i, input) in inputs.iter().enumerate() {
        if i > 0 && joined.last().is_some_and(|&last| last != b'\n') {
            joined.push(b'\n');
        }
        joined.extend_from_slice(input);
    }
    assert_eq!(cat(&table, &Extent::Everything), joined, "all");
    let report = table.verify(&VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() }).unwrap();
    assert_eq!((report.findings, report.rows), (vec![], Some(true)));
    // Pieces of any size give the same as the whole.
    let rows = table.info().unwrap().rows;
    let whole = cat(&table, &Extent::Rows(0..rows));
    let mut pieces: Vec<u8> = vec![];
    for row in 0..rows.min(50) {
        let piece = cat(&table, &Extent::Rows(row..row + 1));
        assert!(!piece.is_empty() || whole.is_empty() || rows > 0);
        pieces.extend(piece);
    }
    let squeezed = |bytes: &[u8]| bytes.iter().copied().filter(|&byte| byte != b'\n').collect::<Vec<_>>();
    if rows <= 50 {
        assert_eq!(squeezed(&pieces), squeezed(&whole), "record by record");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn anything_appended_comes_back(inputs in prop::collection::vec(any_input(), 1..6)) {
        check(&inputs, HeaderOption::Auto);
    }

    #[test]
    fn with_headers_forced(inputs in prop::collection::vec(any_input(), 1..4)) {
        check(&inputs, HeaderOption::Yes);
    }
}

#[test]
fn mixtures_of_headers_and_types_come_back() {
    let texts = [
        "id,v\n1,2\n",
        "v,id\n2.5,3\n",
        "4,5\n",
        "id,v\n6,word\n",
        "id,v,w\n7,8,9\n",
        "10\n",
        "",
        "id\n11\n",
        "id,v\n\"12\",\"x\"\"y\"\n",
        "id,v\r\n13,14\r\n",
        "\u{feff}id,v\n15,16",
        "id,v\n17,99999999999999999999999\n",
        "id,v\n2024-01-02,1e300\n",
    ];
    let inputs: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    for header in [HeaderOption::Auto, HeaderOption::Yes, HeaderOption::No] {
        check(&inputs, header);
        let reversed: Vec<_> = inputs.iter().rev().cloned().collect();
        check(&reversed, header);
    }
}
