//! Lines of logs: every byte comes back, and what stands in front of a message is in columns.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use at1_codec::{
    ColumnType, EncodeOptions, Form, Profile, ReadOptions, Segment, Trust,
    column::Meaning,
    decode, encode,
    text::{FormatOption, Pattern},
};
use at1_testkit::{log_zoo, strategies::any_input};
use proptest::prelude::*;

use crate::carry;

#[track_caller]
fn segment(source: &[u8], format: FormatOption, profile: Profile) -> Segment {
    let read = ReadOptions { format, ..ReadOptions::default() };
    let bytes =
        encode(source, &EncodeOptions { form: Form::Queryable, profile, read, ..EncodeOptions::default() }).unwrap();
    assert!(decode(&bytes).unwrap() == source, "{profile:?}");
    Segment::open(Arc::new(bytes), Trust::OwnSeal).unwrap()
}

/// Names and types of the columns, and each record's fields as text.
fn table(segment: &Segment) -> (Vec<String>, Vec<Vec<Option<String>>>) {
    let columns = &segment.schema().columns;
    let titles = columns.iter().map(|c| format!("{}: {}", c.header.as_ref().unwrap_or(&c.name), c.ty)).collect();
    let rows = usize::try_from(segment.rows()).unwrap();
    let mut table = vec![Vec::new(); rows];
    for column in 0..columns.len() {
        let read = segment.read_as(0, column, &Meaning::from(ColumnType::Text)).unwrap();
        let array = read.array.as_string::<i32>();
        for (row, fields) in table.iter_mut().enumerate() {
            fields.push(array.is_valid(row).then(|| array.value(row).to_owned()));
        }
    }
    (titles, table)
}

/// `~` is no value.
#[track_caller]
fn check(source: &str, format: FormatOption, titles: &[&str], rows: &[&[&str]]) {
    let (found_titles, found) = table(&segment(source.as_bytes(), format, Profile::Balanced));
    assert_eq!(found_titles, titles, "{source}");
    let found: Vec<Vec<&str>> =
        found.iter().map(|row| row.iter().map(|field| field.as_deref().unwrap_or("~")).collect()).collect();
    assert_eq!(found, rows, "{source}");
}

#[test]
fn access_logs() {
    check(
        "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 12 \"-\" \"curl \"8\"\"\n\
         ::1 - bob [17/May/2015:10:05:04 +0000] \"-\" 400 - \"http://x/\" \"\"\n\
         what is this\n",
        FormatOption::Lines(None),
        &[
            "host: text",
            "ident: text",
            "user: text",
            "time: timestamptz",
            "method: text",
            "path: text",
            "protocol: text",
            "status: int64",
            "bytes: int64",
            "referer: text",
            "agent: text",
            "request: text",
            "message: text",
        ],
        &[
            &[
                "1.2.3.4",
                "-",
                "-",
                "17/May/2015:10:05:03 +0000",
                "GET",
                "/a",
                "HTTP/1.1",
                "200",
                "12",
                "-",
                "curl \"8\"",
                "~",
                "~",
            ],
            &["::1", "-", "bob", "17/May/2015:10:05:04 +0000", "~", "~", "~", "400", "-", "http://x/", "~", "-", "~"],
            &["~", "~", "~", "~", "~", "~", "~", "~", "~", "~", "~", "~", "what is this"],
        ],
    );
}

#[test]
fn keys_behind_a_head() {
    check(
        "1715160000000000001 {\"px\":\"1.50\",\"o\":{\"n\":null}}\n1715160000000000002 {\"px\":\"2\"}\n\nnull\n",
        FormatOption::Lines(None),
        &["_time: int64", "message: text", "px: decimal(18,2)", "o.n: text"],
        &[
            &["1715160000000000001", "~", "1.50", "~"],
            &["1715160000000000002", "~", "2", "~"],
            &["~", "~", "~", "~"],
            &["~", "~", "~", "~"],
        ],
    );
    check(
        "ts=2024-05-01T10:00:00Z level=info msg=\"a \\\"b\\\"\" n=\nts=2024-05-01T10:00:01Z n=5 x=\"\"\n",
        FormatOption::Auto,
        &["message: text", "ts: timestamptz", "level: text", "msg: text", "n: int64", "x: text"],
        &[
            &["~", "2024-05-01T10:00:00Z", "info", "a \"b\"", "~", "~"],
            &["~", "2024-05-01T10:00:01Z", "~", "~", "5", ""],
        ],
    );
}

#[test]
fn messages_keep_what_no_column_has() {
    check(
        "2024-05-01 10:00:00,250 [main] INFO  a.b.C - started\n2024-05-01 10:00:01,000 [w-1] WARN  a.b.D - null\n\tat x\n",
        FormatOption::Lines(None),
        &["time: timestamp", "f1: text", "level: text", "f2: text", "message: text"],
        &[
            &["2024-05-01 10:00:00,250", "main", "INFO", "a.b.C", "started"],
            &["2024-05-01 10:00:01,000", "w-1", "WARN", "a.b.D", "null"],
            &["~", "~", "~", "~", "\tat x"],
        ],
    );
    check("words\nand more\n", FormatOption::Lines(None), &["message: text"], &[&["words"], &["and more"]]);
    let pattern = Pattern::new(["{who} says {what:text}!", "{message:text}"]).unwrap();
    check(
        "ann says hello!\nbob says nothing\n",
        FormatOption::Lines(Some(pattern)),
        &["who: text", "what: text", "message: text"],
        &[&["ann", "hello", "~"], &["~", "~", "bob says nothing"]],
    );
}

#[test]
fn odd_sources_survive() {
    let odd: &[&[u8]] = &[
        b"",
        b"\n",
        b"\n\r\n\n",
        b"a\rb\r",
        b"\xff\n\0\n",
        b"\xef\xbb\xbfINFO x\n",
        b"10:00:00 \r\n10:00:00\n",
        b"{}\n",
    ];
    for source in odd {
        for profile in [Profile::Fast, Profile::Balanced, Profile::Max] {
            segment(source, FormatOption::Lines(None), profile);
        }
    }
    assert_eq!(segment(b"\n\na\n\n", FormatOption::Lines(None), Profile::Balanced).rows(), 4, "a blank line is a line");
    carry::check(&odd.iter().map(|source| source.to_vec()).collect::<Vec<_>>(), &[FormatOption::Lines(None)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_survives(seed: u64) {
        let source = log_zoo(seed);
        let lines = segment(&source, FormatOption::Lines(None), Profile::Balanced);
        let expected = source.iter().filter(|&&byte| byte == b'\n').count() + usize::from(!source.is_empty() && !source.ends_with(b"\n"));
        prop_assert!(lines.rows() == expected as u64 || !source.contains(&b'\n'));
        segment(&source, FormatOption::Auto, Profile::Fast);
    }

    #[test]
    fn any_logs_move_unchanged(seeds in prop::collection::vec(any::<u64>(), 1..5)) {
        carry::check(&seeds.into_iter().map(log_zoo).collect::<Vec<_>>(), &[FormatOption::Lines(None), FormatOption::Auto]);
    }

    #[test]
    fn any_bytes_survive(source in any_input()) {
        segment(&source, FormatOption::Lines(None), Profile::Fast);
    }
}
