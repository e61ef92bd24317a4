//! Any bytes in, the same bytes out, and no value but what the text says.

use at1_codec::{
    ColumnType,
    column::{DateOrder, Reading, Source},
    text::Syntax,
};
use proptest::prelude::*;

use super::{CSV, Part, check_parts, fields, readings, types};

/// Every type and every reading of these fields.
#[track_caller]
fn check_everywhere(parts: &[Part<'_>]) {
    for ty in types() {
        let is_time = matches!(ty, ColumnType::Date | ColumnType::Timestamp { .. });
        for reading in readings() {
            // Nothing but times looks at epochs and orders.
            if is_time || (reading.epoch.is_none() && reading.order.is_none()) {
                check_parts(ty, reading, parts);
            }
        }
    }
}

/// Fields that lie at the edge of something.
const EDGES: &[&str] = &[
    "",
    " ",
    "  ",
    "\"\"",
    "\"",
    "\"\"\"",
    "\"\"\"\"",
    "\"a\"b",
    "a\"b",
    "\"a,b\"",
    "\"a\nb\"",
    "\r",
    "NA",
    "\"NA\"",
    " NA",
    "NULL",
    "-",
    "?",
    ".",
    "\\N",
    "#N/A",
    "0",
    "-0",
    "+0",
    "00",
    "007",
    "-007",
    "+5",
    "5.",
    ".5",
    "-.5",
    "0.5",
    "00.5",
    "5.00",
    "1e5",
    "1E+05",
    "1.5e-7",
    "1e400",
    "1e-400",
    "5e-324",
    "4e-324",
    "1e",
    "e1",
    "--1",
    "+-1",
    "1.2.3",
    "0x10",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999999999999999",
    "-99999999999999999999999999999999999999",
    "100000000000000000000000000000000000000",
    "999999999999999999",
    "0.999999999999999999",
    "1.000000000000000000",
    "0.00000000000000000000000000000000000001",
    "0.000000000000000000000000000000000000001",
    "12345678901234567",
    "123456789012345678",
    "0.1234567890123456789",
    "0.10000000000000001",
    "-0.0",
    "0.0",
    "NaN",
    "nan",
    "-nan",
    "+NaN",
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "-Infinity",
    "INF",
    "infinite",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "false",
    "False",
    "t",
    "F",
    "yes",
    "NO",
    "y",
    "N",
    "1",
    "2",
    "2024-02-29",
    "2023-02-29",
    "2024/2/9",
    "2024-2-09",
    "9999-12-31",
    "0001-01-01",
    "0000-01-01",
    "24-01-01",
    "03/03/2024",
    "13/02/2024",
    "02/13/2024",
    "02/03/2024",
    "2/3/2024",
    "31.12.2024",
    "1-2-2024",
    "13.13.2024",
    "2024-01-01T00:00:00",
    "2024-01-01 00:00:00",
    "2024-01-01  1:02:03",
    "2024-01-01T12:30",
    "2024-01-01T12:30:45.123456",
    "2024-01-01T12:30:45,5",
    "2024-01-01T12:30:45.123456789",
    "2024-01-01T12:30:45.100",
    "2024-01-01T12:30:45.1234567890",
    "2024-01-01T12:30:45Z",
    "2024-01-01T12:30:45+02:00",
    "2024-01-01T12:30:45-0530",
    "2024-01-01T12:30:45+05",
    "2024-01-01T12:30:45 UTC",
    "2024-01-01T12:30:45-00:00",
    "2024-01-01T24:00:00",
    "2024-01-01T23:59:60",
    "2262-04-11T23:47:16.854775807",
    "2262-04-11T23:47:16.854775808Z",
    "1677-09-21T00:12:43.145224192",
    "1677-09-21T00:12:43.145224191",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "13/02/2024 10:00",
    "02/03/2024 10:00:00Z",
    "1700000000",
    "1700000000.5",
    "1700000000000",
    "1700000000123456",
    "1700000000123456789",
    "-1.5",
    "\" 1\"",
    "\"1\"",
    "   12",
    "12   ",
    "1,5",
    "é",
    "١",
];

#[test]
fn edges_alone() {
    for edge in EDGES {
        check_everywhere(&[(CSV, &fields(&[edge]))]);
    }
}

#[test]
fn edges_together() {
    check_everywhere(&[(CSV, &fields(EDGES))]);
}

#[test]
fn no_rows_and_no_fields() {
    check_everywhere(&[]);
    check_everywhere(&[(CSV, &[])]);
    check_everywhere(&[(CSV, &[None, None]), (CSV, &[None])]);
}

#[test]
fn the_syntax_changes_within_a_row_group() {
    let edges = fields(EDGES);
    let syntaxes = [(b',', None), (b';', Some(b'\'')), (b'\t', Some(b'"')), (b'1', Some(b'2')), (b'.', Some(b'-'))];
    let parts = syntaxes.map(|(delimiter, quote)| (Syntax::Delimited { delimiter, quote }, &*edges));
    for ty in types() {
        check_parts(ty, Reading::default(), &parts);
        check_parts(ty, Reading { order: Some(DateOrder::Dmy), source: Source::Pinned, epoch: None }, &parts);
    }
}

/// Every string of these bytes, up to a length.
fn for_each_string(bytes: &[u8], len_max: usize, check: &mut impl FnMut(&[u8])) {
    fn grow(bytes: &[u8], len_max: usize, string: &mut Vec<u8>, check: &mut impl FnMut(&[u8])) {
        check(string);
        if string.len() < len_max {
            for &byte in bytes {
                string.push(byte);
                grow(bytes, len_max, string, check);
                string.pop();
            }
        }
    }
    grow(bytes, len_max, &mut Vec::new(), check);
}

#[test]
fn every_short_number() {
    let mut all = Vec::new();
    for_each_string(b"019+-.e ", 5, &mut |string| all.push(Some(string.to_vec())));
    assert_eq!(all.len(), 37_449);
    let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
    for ty in [ColumnType::Int64, ColumnType::Float64, decimal(18, 2), decimal(38, 0)] {
        for source in [Source::Inferred, Source::Pinned] {
            check_parts(ty, Reading { source, ..Reading::default() }, &[(CSV, &all)]);
        }
    }
}

#[test]
fn every_short_quoting() {
    let mut all = Vec::new();
    for_each_string(b"\"a,\n ", 5, &mut |string| all.push(Some(string.to_vec())));
    check_parts(ColumnType::Text, Reading::default(), &[(CSV, &all)]);
    for_each_string(b"\"1 ", 6, &mut |string| all.push(Some(string.to_vec())));
    check_parts(ColumnType::Int64, Reading::default(), &[(CSV, &all)]);
}

/// Doubles that are hard to print, and ordinary ones.
fn doubles() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |v| v.is_finite()),
        (-1_000_000i32..1_000_000, 0i32..8).prop_map(|(n, e)| f64::from(n) / 10f64.powi(e)),
        (1u8..=99, -330i32..308).prop_map(|(n, e)| format!("{n}e{e}").parse().unwrap()),
    ]
}

fn number() -> BoxedStrategy<String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        (-5000i32..5000).prop_map(|n| n.to_string()),
        (any::<i128>(), 0usize..20).prop_map(|(n, point)| {
            let digits = format!("{:0>1$}", n.unsigned_abs(), point + 1);
            let (int, fraction) = digits.split_at(digits.len() - point);
            format!("{}{int}.{fraction}", if n < 0 { "-" } else { "" })
        }),
        (-100_000i32..100_000).prop_map(|n| format!("{:.2}", f64::from(n) / 100.0)),
        (0u32..10_000).prop_map(|n| format!("{n:06}")),
        (0u32..10_000).prop_map(|n| format!("{n:>8}")),
        (-50i32..50).prop_map(|n| format!("{n:+}")),
        (0u32..100).prop_map(|n| format!(".{n:02}")),
    ]
    .boxed()
}

fn float() -> BoxedStrategy<String> {
    prop_oneof![
        doubles().prop_map(|v| format!("{v:?}")),
        doubles().prop_map(|v| format!("{v}")),
        doubles().prop_map(|v| format!("{v:e}")),
        doubles().prop_map(|v| format!("{v:.16E}")),
        doubles().prop_map(|v| format!("{v:.6}")),
        (doubles(), 0usize..12).prop_map(|(v, digits)| format!("{v:.digits$}")),
        prop::sample::select(vec!["NaN", "nan", "inf", "-inf", "Infinity", "-Infinity", "-0.0", "0", "0.0"])
            .prop_map(str::to_owned),
    ]
    .boxed()
}

fn date() -> impl Strategy<Value = String> {
    let separators = prop::sample::select(vec!['-', '/', '.']);
    (1u16..=9999, 1u8..=12, 1u8..=31, separators, 0u8..6).prop_map(|(y, m, d, s, style)| match style {
        0 => format!("{y:04}-{m:02}-{d:02}"),
        1 => format!("{y:04}{s}{m}{s}{d}"),
        2 => format!("{d:02}{s}{m:02}{s}{y:04}"),
        3 => format!("{m}{s}{d}{s}{y:04}"),
        4 => format!("{y:04}{s}{m:02}{s}{d:02}"),
        _ => format!("{y:04}-{m:02}-{:02}", d.min(28)),
    })
}

fn timestamp() -> impl Strategy<Value = String> {
    let zones = vec!["", "", "Z", "+00:00", "+02:00", "-0530", "+14", " UTC", " +0100", "-00:00"];
    let clock = (0u8..24, 0u8..60, 0u8..60, 0u32..1_000_000_000, 0usize..10);
    (date(), clock, prop::sample::select(vec!["T", " ", "  "]), prop::sample::select(zones), 0u8..8).prop_map(
        |(date, (h, m, s, nanos, digits), gap, zone, style)| {
            let fraction = &format!("{nanos:09}")[..digits];
            let mark = if style == 1 { ',' } else { '.' };
            let dot = if digits > 0 { mark.to_string() } else { String::new() };
            match style {
                0 => format!("{date}{gap}{h}:{m:02}:{s:02}{dot}{fraction}{zone}"),
                2 => format!("{date}{gap}{h:02}:{m:02}{zone}"),
                _ => format!("{date}{gap}{h:02}:{m:02}:{s:02}{dot}{fraction}{zone}"),
            }
        },
    )
}

fn word() -> impl Strategy<Value = String> {
    let words =
        ["true", "false", "True", "NO", "y", "0", "1", "NA", "NULL", "", "N/A", "abc", "a b", "a,b", "a\"b", "é"];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

/// A field of one of the styles, as bytes.
fn styled() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![number(), float(), date(), timestamp(), word()];
    let odd = prop::collection::vec(any::<u8>(), 0..8);
    let edge = prop::sample::select(EDGES.to_vec()).prop_map(|edge| edge.as_bytes().to_vec());
    prop_oneof![8 => text.prop_map(String::into_bytes), 1 => odd, 1 => edge]
}

fn quoted(value: &[u8]) -> Vec<u8> {
    let mut raw = vec![b'"'];
    for &byte in value {
        raw.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
    }
    raw.push(b'"');
    raw
}

/// Mostly one style, quoted alike, with a few odd ones.
fn column() -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
    let text = |strategy: BoxedStrategy<String>| prop::collection::vec(strategy, 1..12);
    let one = prop_oneof![
        text(number()),
        text(float()),
        text(date().boxed()),
        text(timestamp().boxed()),
        text(word().boxed())
    ];
    let body = one.prop_flat_map(|like| prop::collection::vec(prop::sample::select(like), 0..60));
    (body, prop::collection::vec((styled(), any::<prop::sample::Index>()), 0..4), 0u8..4, any::<u64>()).prop_map(
        |(body, odd, quoting, seed)| {
            let mut fields: Vec<_> = body
                .into_iter()
                .enumerate()
                .map(|(i, text)| {
                    let text = text.into_bytes();
                    let is_quoted = match quoting {
                        0 | 1 => text.contains(&b',') || text.contains(&b'"'),
                        2 => !text.is_empty(),
                        _ => seed >> (i % 64) & 1 == 1,
                    };
                    Some(if is_quoted { quoted(&text) } else { text })
                })
                .collect();
            for (field, at) in odd {
                let at = at.index(fields.len() + 1);
                fields.insert(at, Some(field).filter(|field| field != b"y"));
            }
            fields
        },
    )
}

fn syntax() -> impl Strategy<Value = Syntax> {
    let usual = (prop::sample::select(b",;\t|".to_vec()), prop::sample::select(vec![Some(b'"'), Some(b'\''), None]));
    let any_bytes = (any::<u8>(), any::<Option<u8>>());
    prop_oneof![9 => usual, 1 => any_bytes].prop_map(|(delimiter, quote)| Syntax::Delimited { delimiter, quote })
}

fn a_type() -> impl Strategy<Value = (ColumnType, Reading)> {
    (prop::sample::select(types()), prop::sample::select(readings()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_column_in_any_type(parts in prop::collection::vec((syntax(), column()), 1..4), ty in a_type()) {
        let parts: Vec<_> = parts.iter().map(|(syntax, fields)| (*syntax, &**fields)).collect();
        check_parts(ty.0, ty.1, &parts);
    }

    #[test]
    fn a_column_in_its_own_type(fields in column()) {
        let mut seen = at1_codec::column::Inference::new(&Default::default());
        fields.iter().flatten().for_each(|raw| seen.observe(raw, Syntax::CSV));
        let ty = seen.best();
        let encoded = check_parts(ty, seen.reading(ty), &[(CSV, &fields)]);
        prop_assert!(encoded.rejects * 1000 <= seen.fields() || ty == ColumnType::Text, "{} rejects", encoded.rejects);
    }

    #[test]
    fn any_bytes_in_any_type(
        fields in prop::collection::vec(prop::option::weighted(0.95, prop::collection::vec(any::<u8>(), 0..12)), 0..40),
        syntax in syntax(),
        ty in a_type(),
    ) {
        check_parts(ty.0, ty.1, &[(syntax, &fields)]);
    }

    #[test]
    fn bytes_of_numbers_and_dates(
        fields in prop::collection::vec(prop::option::weighted(0.95, "[-+0-9.eETZ: /,\"]{0,24}"), 0..40),
        ty in a_type(),
    ) {
        let fields: Vec<_> = fields.into_iter().map(|field| field.map(String::into_bytes)).collect();
        check_parts(ty.0, ty.1, &[(CSV, &fields)]);
    }
}
