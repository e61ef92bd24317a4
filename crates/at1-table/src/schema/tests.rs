//! The rules as data: a table, a batch, what comes out.

use at1_codec::{
    Analysis, HeaderOption, ReadOptions,
    column::{NullWords, Pin},
    segment::analyse,
    text::{DialectOptions, QuoteOption},
};

use super::{Change, Facts, Held, Plan, TableSchema, TextFormat, change, decimal_digits, plan};
use crate::error::{ErrorKind, Result};

fn analysed(text: &str, header: HeaderOption) -> Analysis {
    let dialect = DialectOptions { delimiter: Some(b','), quote: Some(QuoteOption::Byte(b'"')) };
    let options = ReadOptions { dialect, header, ..ReadOptions::default() };
    analyse(&mut std::io::Cursor::new(text.as_bytes()), &options).unwrap()
}

struct Given {
    table: TableSchema,
    held: Vec<Held>,
}

fn planned(given: &Given, text: &str, header: HeaderOption, pins: &[(&str, &str)]) -> Result<Plan> {
    let analysis = analysed(text, header);
    let facts = Facts {
        types: &[],
        names: analysis.header.as_deref(),
        fields: &analysis.columns,
        records: analysis.records,
        format: TextFormat::Delimited { delimiter: b',', quote: Some(b'"') },
        nulls: &NullWords::default(),
    };
    let pins: Vec<(String, Pin)> = pins.iter().map(|(name, pin)| ((*name).to_owned(), pin.parse().unwrap())).collect();
    let plan = plan(&given.table, &facts, &pins, &mut |column| Ok(given.held[column]))?;
    // What the ledger carries folds to what was planned.
    let mut folded = given.table.clone();
    if !plan.changes.is_empty() {
        change::read(&change::write(&plan.changes)?, &mut folded)?;
    }
    assert_eq!(folded, plan.schema, "the changes fold to the schema");
    Ok(plan)
}

/// A table after one batch.
fn table(text: &str, header: HeaderOption, held: &[Held]) -> Given {
    let empty = Given { table: TableSchema::default(), held: vec![] };
    let table = planned(&empty, text, header, &[]).unwrap().schema;
    let held = if held.is_empty() { vec![Held::Unknown; table.columns.len()] } else { held.to_vec() };
    Given { table, held }
}

fn types(plan: &Plan) -> String {
    plan.schema.columns.iter().map(|c| format!("{}:{}", c.column.name, c.column.ty)).collect::<Vec<_>>().join(" ")
}

fn titles(plan: &Plan, columns: &[usize]) -> String {
    columns.iter().map(|&c| plan.schema.columns[c].title()).collect::<Vec<_>>().join(" ")
}

#[test]
fn columns_map_by_name_or_by_position() {
    use HeaderOption::{No, Yes};
    /// First batch and second, expected map, added and missing columns of the second.
    type Case = (&'static str, HeaderOption, &'static str, HeaderOption, &'static [usize], &'static str, &'static str);
    let cases: &[Case] = &[
        ("a,b\n1,2\n", Yes, "a,b\n3,4\n", Yes, &[0, 1], "", ""),
        ("a,b\n1,2\n", Yes, "b,a\n3,4\n", Yes, &[1, 0], "", ""),
        ("a,b\n1,2\n", Yes, "b\n3\n", Yes, &[1], "", "a"),
        ("a,b\n1,2\n", Yes, "b,x,a\n3,4,5\n", Yes, &[1, 2, 0], "x", ""),
        ("a,b\n1,2\n", Yes, "3,4\n", No, &[0, 1], "", ""),
        ("a,b\n1,2\n", Yes, "3,4,5\n", No, &[0, 1, 2], "c2", ""),
        ("a,b,c\n1,2,3\n", Yes, "3,4\n", No, &[0, 1], "", "c"),
        ("a,a,b\n1,2,3\n", Yes, "a,b,a\n1,2,3\n", Yes, &[0, 2, 1], "", ""),
        ("a,A\n1,2\n", Yes, "A,a\n1,2\n", Yes, &[1, 0], "", ""),
        ("1,2\n", No, "c1,c0\n3,4\n", Yes, &[1, 0], "", ""),
        ("1,2\n", No, "x,c0\n3,4\n", Yes, &[2, 0], "x", "c1"),
        // A field beyond the header belongs to a column without one.
        ("a,b\n1,2\n", Yes, "a\n1,2\n1,3\n", Yes, &[0, 2], "c2", "b"),
        // Without records nothing is missing.
        ("a,b\n1,2\n", Yes, "a\n", Yes, &[0], "", ""),
    ];
    for (first, first_header, second, second_header, map, added, missing) in cases {
        let given = table(first, *first_header, &[]);
        let plan = planned(&given, second, *second_header, &[]).unwrap();
        assert_eq!(plan.map, *map, "{first:?} then {second:?}");
        assert_eq!(titles(&plan, &plan.added), *added, "{first:?} then {second:?}: added");
        assert_eq!(titles(&plan, &plan.missing), *missing, "{first:?} then {second:?}: missing");
    }
}

#[test]
fn types_widen_only_to_what_holds_every_old_value() {
    let n = Held::Digits;
    let many = |text: &str, count: usize| text.repeat(count);
    // table's first batch (unheaded, one column), what it holds, the batch, expected type, misfits that stay
    let cases: &[(&str, Held, String, &str, u64)] = &[
        ("1\n", n(1), "2\n".into(), "int64", 0),
        ("1\n", n(1), "NA\n\n3\n".into(), "int64", 0),
        ("1\n", n(1), "2.5\n".into(), "decimal(18,1)", 0),
        ("1\n", n(17), "2.5\n".into(), "decimal(18,1)", 0),
        ("1\n", n(18), "2.5\n".into(), "decimal(38,1)", 0),
        ("1\n", Held::Unknown, "2.5\n".into(), "decimal(38,1)", 0),
        ("1\n", n(1), "2e300\n".into(), "double", 0),
        ("1\n", n(15), "2e300\n".into(), "double", 0),
        ("1\n", n(16), "2e300\n".into(), "text", 0),
        ("1\n", Held::Unknown, "2e300\n".into(), "text", 0),
        ("1.5\n", n(1), "2\n".into(), "decimal(18,1)", 0),
        ("1.5\n", n(1), "2.25\n".into(), "decimal(18,2)", 0),
        ("1.5\n", n(17), "2.25\n".into(), "decimal(38,2)", 0),
        ("1.5\n", n(14), "2e300\n".into(), "double", 0),
        ("1.5\n", n(15), "2e300\n".into(), "text", 0),
        ("1\n", n(1), "99999999999999999999\n".into(), "decimal(38,0)", 0),
        ("1\n", n(1), "word\n".into(), "text", 0),
        ("2e300\n", Held::Unknown, "word\n".into(), "text", 0),
        ("true\n", Held::Unknown, "1\n".into(), "text", 0),
        ("2024-01-02\n", Held::Unknown, "2024-01-02T03:04:05\n".into(), "text", 0),
        ("word\n", Held::Unknown, "1\n".into(), "text", 0),
        // Under one in a hundred is a reject, one in a hundred is not.
        ("1\n", n(1), many("2\n", 100) + "word\n", "int64", 1),
        ("1\n", n(1), many("2\n", 99) + "word\n", "text", 0),
        // Decimals widen even if they are few: then nothing is lost.
        ("1\n", n(1), many("2\n", 1000) + "2.5\n", "decimal(18,1)", 0),
        ("1\n", n(1), many("2.5\n", 1000) + "word\n", "decimal(18,1)", 1),
        // A column of nothing but nulls takes the type of its first values.
        ("\n\n", Held::Nothing, "1\n".into(), "int64", 0),
        ("\n\n", Held::Nothing, "\n".into(), "text", 0),
        ("1\n", Held::Nothing, "word\n".into(), "text", 0),
    ];
    for (first, held, batch, expected, rejects) in cases {
        let given = table(first, HeaderOption::No, &[*held]);
        let plan = planned(&given, batch, HeaderOption::No, &[]).unwrap();
        let shown = &batch[batch.len().saturating_sub(20)..];
        assert_eq!(types(&plan), format!("c0:{expected}"), "{first:?} holding {held:?} then …{shown:?}");
        let misfits: u64 = plan.misfits.iter().map(|misfit| misfit.misfits).sum();
        assert_eq!(misfits, *rejects, "{first:?} then …{shown:?}");
        let changed = given.table.columns[0].column.ty.to_string() != *expected;
        assert_eq!(plan.widened.len(), usize::from(changed), "{first:?} then …{shown:?}: reported");
    }
}

#[test]
fn bytes_that_are_no_text_make_a_column_binary() {
    let given = table("word\n", HeaderOption::No, &[]);
    let options = ReadOptions { header: HeaderOption::No, ..ReadOptions::default() };
    let analysis = analyse(&mut std::io::Cursor::new(b"\xff\n"), &options).unwrap();
    let nulls = NullWords::default();
    let facts = Facts {
        names: None,
        types: &[],
        fields: &analysis.columns,
        records: 1,
        format: TextFormat::Delimited { delimiter: b',', quote: None },
        nulls: &nulls,
    };
    let plan = plan(&given.table, &facts, &[], &mut |_| Ok(Held::Unknown)).unwrap();
    assert_eq!(types(&plan), "c0:binary");
}

#[test]
fn pins_hold_against_everything() {
    let empty = Given { table: TableSchema::default(), held: vec![] };
    let first = planned(&empty, "a,b\n1,2\n", HeaderOption::Yes, &[("a", "int64"), ("c1", "text")]).unwrap();
    assert_eq!(types(&first), "a:int64 b:text");
    let given = Given { table: first.schema, held: vec![Held::Digits(1); 2] };
    let plan = planned(&given, "a,b\nword,3\n", HeaderOption::Yes, &[]).unwrap();
    assert_eq!((types(&plan).as_str(), plan.misfits[0].misfits), ("a:int64 b:text", 1));
    // A later pin may widen, never narrow.
    let plan = planned(&given, "a,b\n1,3\n", HeaderOption::Yes, &[("a", "decimal(18,2)")]).unwrap();
    assert_eq!(types(&plan), "a:decimal(18,2) b:text");
    let error = planned(&given, "a,b\n1,3\n", HeaderOption::Yes, &[("b", "int64")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "b: expected a type that holds every value of a column of text, found int64");
    let error = planned(&given, "a,b\n1,3\n", HeaderOption::Yes, &[("x", "int64")]).unwrap_err();
    assert_eq!(error.to_string(), "x: expected a column of the table or of this batch, found none of this name");
}

#[test]
fn pins_wait_for_their_column() {
    let mut table = TableSchema::default();
    let pins = [("price".to_owned(), "decimal(18,4)".parse().unwrap()), ("ts".to_owned(), "epoch_ms".parse().unwrap())];
    change::read(&change::write(&super::pins_only(&pins)).unwrap(), &mut table).unwrap();
    let given = Given { table, held: vec![] };
    let plan = planned(&given, "price\n1\n", HeaderOption::Yes, &[]).unwrap();
    assert_eq!(types(&plan), "price:decimal(18,4)");
    assert_eq!(plan.schema.pins.len(), 1);
    let given = Given { table: plan.schema, held: vec![Held::Digits(1)] };
    let plan = planned(&given, "price,ts\n1,1700000000000\n", HeaderOption::Yes, &[]).unwrap();
    assert_eq!(types(&plan), "price:decimal(18,4) ts:timestamptz");
    assert!(plan.schema.pins.is_empty());
    assert_eq!(plan.schema.columns[1].pin().to_string(), "epoch_ms");
}

#[test]
fn an_empty_batch_fixes_nothing() {
    let empty = Given { table: TableSchema::default(), held: vec![] };
    let plan = planned(&empty, "", HeaderOption::Auto, &[]).unwrap();
    assert_eq!((plan.changes, plan.schema), (vec![], TableSchema::default()));
}

#[test]
fn a_known_header_is_known_in_any_order() {
    let given = table("a,b\n1,2\n", HeaderOption::Yes, &[]);
    let known = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        super::is_known_header(&given.table, &names)
    };
    assert!(known(&["a", "b"]) && known(&["b", "a"]));
    assert!(!known(&["a"]) && !known(&["a", "b", "c"]) && !known(&["a", "a"]) && !known(&["A", "b"]));
    let more = planned(&given, "b,c\n1,2\n", HeaderOption::Yes, &[]).unwrap().schema;
    assert!(super::is_known_header(&more, &["c".to_owned(), "b".to_owned()]));
}

#[test]
fn any_byte_survives_the_ledger() {
    let nulls: NullWords = [&b"\xff"[..], b"\"", b"a b"].into_iter().collect();
    let rules = super::TextRules { format: TextFormat::Delimited { delimiter: 0x1f, quote: None }, nulls };
    let json = change::write(&[Change::Text(rules.clone())]).unwrap();
    let mut table = TableSchema::default();
    change::read(&json, &mut table).unwrap();
    assert_eq!(table.rules, Some(rules));
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let given = table("a,b\n1,2\n", HeaderOption::Yes, &[]);
    let cases = [
        (
            r#"[{"kind":"add","header":null,"name":"A","to":"int64"}]"#,
            "change 0: name: expected one unlike all before, also but for case, found A",
        ),
        (r#"[{"columns":[2],"kind":"header"}]"#, "change 0: column: expected less than 2, found 2"),
        (r#"[{"column":0,"from":"text","kind":"widen","to":"text"}]"#, "change 0: from: expected int64, found text"),
        (r#"[{"kind":"melt"}]"#, "change 0: kind: expected a change of this version, found melt"),
        (
            r#"[{"column":"a","kind":"pin","to":"int64","zeal":1}]"#,
            "change 0: zeal: expected a member of this version, found one of a later",
        ),
    ];
    for (text, expected) in cases {
        let json = at1_ledger::Json::new(&serde_json::from_str(text).unwrap()).unwrap();
        let error = change::read(&json, &mut given.table.clone()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn digits() {
    for (text, expected) in
        [("0", Some(0)), ("-7", Some(1)), ("1234.5", Some(4)), ("", None), ("-", None), ("1.2.3", None), ("x", None)]
    {
        assert_eq!(decimal_digits(text), expected, "{text:?}");
    }
}
