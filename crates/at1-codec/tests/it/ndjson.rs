//! Lines of JSON: every byte comes back, and every column says what a JSON reader says.

use std::{fmt, io::Cursor, sync::Arc};

use arrow::array::{Array, AsArray};
use at1_codec::{
    ColumnType, EncodeOptions, Form, Profile, ReadOptions, Segment, Trust, analyse,
    column::Meaning,
    decode, encode,
    text::{Format, FormatOption},
};
use at1_testkit::{json_zoo, strategies::any_input};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::carry;

fn options(profile: Profile) -> EncodeOptions {
    let read = ReadOptions { format: FormatOption::Json, ..ReadOptions::default() };
    EncodeOptions { form: Form::Queryable, profile, read, ..EncodeOptions::default() }
}

#[track_caller]
fn segment(source: &[u8], profile: Profile) -> Segment {
    let bytes = encode(source, &options(profile)).unwrap();
    assert!(decode(&bytes).unwrap() == source, "{profile:?}");
    Segment::open(Arc::new(bytes), Trust::OwnSeal).unwrap()
}

fn titles(segment: &Segment) -> Vec<String> {
    let title =
        |column: &at1_codec::Column| format!("{}: {}", column.header.as_ref().unwrap_or(&column.name), column.ty);
    segment.schema().columns.iter().map(title).collect()
}

/// A column's fields as text.
fn texts(segment: &Segment, column: usize) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for row_group in 0..segment.metadata().metadata().num_row_groups() {
        let read = segment.read_as(row_group, column, &Meaning::from(ColumnType::Text)).unwrap();
        let array = read.array.as_string::<i32>();
        all.extend((0..array.len()).map(|row| array.is_valid(row).then(|| array.value(row).to_owned())));
    }
    all
}

#[test]
fn keys_are_columns() {
    let source = r#"{"ts":"2024-05-01T10:00:00.250Z","user":{"id":7,"name":"Zo\u00eb"},"px":"61.50","ok":true,"tags":["a", 1]}
{"ts":"2024-05-01T10:00:01.000Z","px":"62.25","ok":false,"user":{"name":null,"id":8},"late":1.5}

 { "ok" : true, "px":"61", "ts":"2024-05-01T10:00:02.125Z", "user":{}, "late":"2" }
not an object
{"late":3,"ok":null,"ok":true,"user.id":9}"#;
    let segment = segment(source.as_bytes(), Profile::Balanced);
    assert_eq!(segment.rows(), 5);
    assert_eq!(
        titles(&segment),
        [
            "ts: timestamptz",
            "user.id: int64",
            "user.name: text",
            "px: decimal(18,2)",
            "ok: boolean",
            "tags: text",
            "late: decimal(18,1)",
            "user: text",
            "_line: text",
        ]
    );
    let some = |texts: [&str; 5]| texts.map(|text| (!text.is_empty()).then(|| text.to_owned())).to_vec();
    assert_eq!(texts(&segment, 1), some(["7", "8", "", "", "9"]));
    assert_eq!(texts(&segment, 2), some(["Zoë", "", "", "", ""]));
    assert_eq!(texts(&segment, 3), some(["61.50", "62.25", "61", "", ""]));
    assert_eq!(texts(&segment, 4), some(["true", "false", "true", "", ""]), "the first of a key that comes twice");
    assert_eq!(texts(&segment, 5), some([r#"["a", 1]"#, "", "", "", ""]));
    assert_eq!(texts(&segment, 6), some(["", "1.5", "2", "", "3"]));
    assert_eq!(texts(&segment, 7), some(["", "", "{}", "", ""]));
    assert_eq!(texts(&segment, 8), some(["", "", "", "not an object", ""]));
    let mut records = Vec::new();
    segment.each_record(1..3, &mut |record| records.push(record.to_vec())).unwrap();
    let lines: Vec<&str> = source.split_inclusive('\n').collect();
    assert_eq!(records, [lines[1].as_bytes(), [lines[2], lines[3]].concat().as_bytes()]);
}

#[test]
fn odd_sources_survive() {
    let odd: &[&[u8]] = &[
        b"",
        b"\n\n",
        b"{}",
        b"{}\n{}\r\n\r\n{ }\n",
        b"\xef\xbb\xbf{\"a\":1}\n",
        b"{\"a\":1}\r{\"a\":2}\r",
        b"{\"a\":\"\xff\"}\n{\"\xff\":1}\n{\"a\":\"\\ud800\"}\n",
        b"{\"a\":\"\0\"}\n\0\n{\"a\":\"\t\"}\n",
        b"null\n\"null\"\n123\n[{}]\n\"a\\/b\"\n",
        b"{\"\":{\"\":1}}\n{\".\":2}\n{\"a\":{\"b\":{}}}\n{\"a.b\":3}\n",
        b"{\"a\":1e400}\n{\"a\":-0.0}\n{\"a\":00}\n{\"a\":NaN}\n",
        b"\n{\"a\":1}\n   \n{\"a\":1} \n\t{\"a\":1}",
    ];
    for source in odd {
        for profile in [Profile::Fast, Profile::Balanced, Profile::Max] {
            segment(source, profile);
        }
    }
    carry::check(&odd.iter().map(|source| source.to_vec()).collect::<Vec<_>>(), &[FormatOption::Json]);
}

#[test]
fn too_many_keys_and_depths_lose_nothing() {
    let lines: Vec<String> = (0..1500).map(|n| format!("{{\"key{n}\":{n},\"n\":{n}}}\n")).collect();
    let many = segment(lines.concat().as_bytes(), Profile::Balanced);
    assert_eq!((many.rows(), many.schema().columns.len()), (1500, 1024));
    let read = ReadOptions { format: FormatOption::Json, ..ReadOptions::default() };
    let told = analyse(&mut Cursor::new(lines.concat()), &read).unwrap().left_out;
    assert_eq!(told, 1501 - 1024, "what has no column is counted");
    let column = many.schema().position("n").unwrap();
    assert_eq!(texts(&many, column), (0..1500).map(|n| Some(n.to_string())).collect::<Vec<_>>());

    let deep = format!("{}1{}\n", "{\"a\":".repeat(40), "}".repeat(40)).repeat(3);
    let deep = segment(deep.as_bytes(), Profile::Balanced);
    let text = format!("{}1{}", "{\"a\":".repeat(8), "}".repeat(8));
    assert_eq!(texts(&deep, 0)[2].as_deref(), Some(text.as_str()), "what lies deeper is text");

    let long = format!("{{\"{}\":1,\"b\":2}}\n", "k".repeat(2000));
    assert_eq!(titles(&segment(long.as_bytes(), Profile::Balanced)), ["b: int64"]);
}

/// A value as a JSON reader gives it, with the members of objects in order and all of them.
enum Node {
    Object(Vec<(String, Node)>),
    Other(Value),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nodes;
        impl<'de> Visitor<'de> for Nodes {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Node::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::Other(Value::Array(items)))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Other(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Other(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Other(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Other(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Other(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Other(Value::Null))
            }
        }
        deserializer.deserialize_any(Nodes)
    }
}

impl Node {
    /// The leaves below, by path; of equal paths the first counts.
    fn leaves(self, outside: &str, out: &mut Vec<(String, Value)>) {
        let Self::Object(members) = self else { return };
        for (key, node) in members {
            let path = if outside.is_empty() { key } else { format!("{outside}.{key}") };
            match node {
                Self::Object(members) if members.is_empty() => out.push((path, serde_json::json!({}))),
                Self::Object(_) => node.leaves(&path, out),
                Self::Other(value) => out.push((path, value)),
            }
        }
    }
}

/// Whether a field's text says this value.
fn says(text: Option<&str>, value: &Value) -> bool {
    match (text, value) {
        (None, Value::Null) => true,
        (Some(text), Value::String(expected)) => text == expected,
        (Some(text), value) => serde_json::from_str::<Value>(text).is_ok_and(|found| found == *value),
        (None, _) => false,
    }
}

/// Every line that is an object for another reader is one here, with the same leaves.
#[track_caller]
fn check_values(source: &[u8]) {
    let segment = segment(source, Profile::Balanced);
    let columns: Vec<_> = (0..segment.schema().columns.len()).map(|column| texts(&segment, column)).collect();
    let is_blank = |line: &&[u8]| matches!(line.strip_suffix(b"\r").unwrap_or(line), []);
    let lines = source.split(|&byte| byte == b'\n').filter(|line| !is_blank(line));
    for (row, line) in lines.enumerate() {
        let Ok(node @ Node::Object(_)) = serde_json::from_slice::<Node>(line) else { continue };
        let mut leaves = Vec::new();
        node.leaves("", &mut leaves);
        for (column, column_texts) in segment.schema().columns.iter().zip(&columns) {
            let path = column.header.as_ref().unwrap();
            let expected = leaves.iter().find(|(known, _)| known == path).map_or(&Value::Null, |(_, value)| value);
            let found = column_texts[row].as_deref();
            assert!(says(found, expected), "{path}: {found:?} of {}", line.escape_ascii());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_say_what_another_reader_says(seed: u64) {
        check_values(&json_zoo(seed));
    }

    #[test]
    fn any_lines_move_unchanged(seeds in prop::collection::vec(any::<u64>(), 1..5)) {
        carry::check(&seeds.into_iter().map(json_zoo).collect::<Vec<_>>(), &[FormatOption::Json]);
    }

    /// Whatever it is, told to be lines of JSON.
    #[test]
    fn any_bytes_survive(source in any_input()) {
        segment(&source, Profile::Fast);
    }
}

/// Real files, and those that other parsers are tested with.
#[test]
fn files_survive() {
    let Ok(folder) = std::env::var("AT1_CORPUS") else {
        return println!("skipped: AT1_CORPUS names no folder");
    };
    let (mut files, mut checked, mut are_lines) = (vec![std::path::PathBuf::from(folder)], 0, 0);
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_string_lossy().contains("json") {
            let bytes = std::fs::read(&path).unwrap();
            check_values(&bytes);
            let found = analyse(&mut Cursor::new(&bytes), &ReadOptions::default()).unwrap().format;
            are_lines += usize::from(matches!(found, Format::Json(_)));
            checked += 1;
        }
    }
    println!("{checked} files, {are_lines} of them taken for lines of JSON");
    assert!(are_lines >= 2, "the two large files");
}
