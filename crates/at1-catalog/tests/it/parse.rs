//! The grammar: what parses, as what, and what the errors say.

use at1_catalog::{NESTING_MAX, Predicate};
use at1_codec::{ColumnType, Schema, TimeUnit, Zone};

#[track_caller]
fn check(text: &str, want: &str) {
    let predicate: Predicate = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(predicate.to_string(), want, "{text}");
    assert_eq!(want.parse::<Predicate>().unwrap(), predicate, "{text}");
}

#[test]
fn parses() {
    for (text, want) in [
        ("a = 1", r#""a" = 1"#),
        ("a==1", r#""a" = 1"#),
        ("a != 1", r#""a" <> 1"#),
        ("a<>1", r#""a" <> 1"#),
        ("5 < a", r#""a" > 5"#),
        ("-1.50e2 >= a", r#""a" <= -150"#),
        ("a < -5", r#""a" < -5"#),
        ("id.orig_h = 'x'", r#""id.orig_h" = 'x'"#),
        (r#""odd "" name" > .5"#, r#""odd "" name" > 0.5"#),
        ("\"and\" is null", r#""and" IS NULL"#),
        ("größe > 3", r#""größe" > 3"#),
        ("a is NOT null", r#"NOT ("a" IS NULL)"#),
        ("a = 'it''s'", r#""a" = 'it''s'"#),
        ("a = ''", r#""a" = ''"#),
        ("flag", r#""flag""#),
        ("not flag", r#"NOT ("flag")"#),
        ("flag and not (b or c)", r#""flag" AND NOT ("b" OR "c")"#),
        ("a or b and c", r#""a" OR ("b" AND "c")"#),
        ("(a or b) and c", r#"("a" OR "b") AND "c""#),
        ("((a))", r#""a""#),
        ("a between 1 and 2 and b", r#"("a" >= 1 AND "a" <= 2) AND "b""#),
        ("a not between 1 and 2", r#"NOT ("a" >= 1 AND "a" <= 2)"#),
        ("a in (1)", r#""a" IN (1)"#),
        ("a NOT IN (1, NULL ,'x')", r#"NOT ("a" IN (1, NULL, 'x'))"#),
        ("a like 'x%_'", r#""a" LIKE 'x%_'"#),
        (r"a not like '10\%' escape '\'", r#"NOT ("a" LIKE '10\%' ESCAPE '\')"#),
        ("a like '''' escape ''''", r#""a" LIKE '''' ESCAPE ''''"#),
        ("date = date '2024-02-29'", r#""date" = TIMESTAMP '2024-02-29T00:00:00'"#),
        ("timestamp < TIMESTAMP '2024-02-29 10:00+01'", r#""timestamp" < TIMESTAMP '2024-02-29T09:00:00Z'"#),
        ("true", "true"),
        ("null or false", "NULL OR false"),
        ("true = flag", r#""flag" = true"#),
        ("a = null", r#""a" = NULL"#),
        ("\n\ta\n=\n1\n", r#""a" = 1"#),
    ] {
        check(text, want);
    }
}

#[test]
fn errors_point_at_the_place() {
    for (text, want) in [
        ("", "predicate, character 1: expected a column, a literal, NOT or (, found the end"),
        ("a >", "predicate, character 4: expected a literal, found the end"),
        ("a > b", "predicate, character 5: expected a literal such as 1.5, 'text' or DATE '2024-01-31', found b"),
        ("größe ! 3", "predicate, character 7: expected = != <> < <= > or >=, found ! 3"),
        ("a = 'open", "predicate, character 5: expected a closing quote, found 'open"),
        ("a = 1_000", "predicate, character 5: expected a number, found 1_000"),
        ("a = 1 b", "predicate, character 7: expected AND, OR or the end, found b"),
        ("(a = 1", "predicate, character 7: expected AND, OR or ), found the end"),
        ("a = 1)", "predicate, character 6: expected AND, OR or the end, found )"),
        ("a b", "predicate, character 3: expected a comparison, BETWEEN, IN, LIKE, IS, AND, OR or the end, found b"),
        ("a not 5", "predicate, character 7: expected BETWEEN, IN or LIKE, found 5"),
        ("a is 5", "predicate, character 6: expected NULL or NOT NULL, found 5"),
        ("a between 1 or 2", "predicate, character 13: expected AND and the upper end of BETWEEN, found or 2"),
        ("a in 1", "predicate, character 6: expected ( and a list of literals, found 1"),
        ("a in ()", "predicate, character 7: expected a literal, found )"),
        ("a like 5", "predicate, character 8: expected a pattern in single quotes, found 5"),
        ("a like '5' escape 'ab'", "predicate, character 19: expected one character in single quotes, found 'ab'"),
        ("1 < 2", "predicate, character 5: expected a column, since the other side is a literal, found 2"),
        ("'x' and a", "predicate, character 5: expected a comparison, found and a"),
        ("and", "predicate, character 1: expected a column, a literal, NOT or (, found and"),
        (
            "a = date '2024'",
            "predicate, character 10: expected a date or time such as '2024-01-31T12:00:00Z', found '2024'",
        ),
        (
            "a = 1 and ; drop table students",
            "predicate, character 11: expected a column, a literal or an operator, found ; drop table student…",
        ),
    ] {
        let error = text.parse::<Predicate>().expect_err(text);
        assert_eq!(error.to_string(), want, "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n)).parse::<Predicate>();
    assert!(deep(NESTING_MAX - 1).is_ok());
    for text in [format!("{}a", "(".repeat(100_000)), format!("{}a", "not ".repeat(100_000))] {
        let error = text.parse::<Predicate>().unwrap_err().to_string();
        assert!(error.contains("less nesting"), "{error}");
    }
}

#[test]
fn ranges() {
    for (text, want) in [
        ("a:1:2", "a >= '1' and a <= '2'"),
        ("a:1:", "a >= '1'"),
        ("a::2", "a <= '2'"),
        ("a::", "a is not null"),
        ("a:..", "a is not null"),
        ("a:1..2", "a >= '1' and a <= '2'"),
        ("a:-1.5..-.5", "a >= '-1.5' and a <= '-.5'"),
        ("ts:2024-01-01T10:00..2024-01-01T11:00", "ts >= '2024-01-01T10:00' and ts <= '2024-01-01T11:00'"),
        ("\"a:\"\"b\":1:2", "\"a:\"\"b\" >= '1' and \"a:\"\"b\" <= '2'"),
    ] {
        assert_eq!(Predicate::range(text).unwrap(), want.parse().unwrap(), "{text}");
    }
    for (text, want) in [
        ("a", "range a: expected COL:LO:HI or COL:LO..HI, found 'a'"),
        ("a:1", "range a:1: expected COL:LO:HI or COL:LO..HI, found 'a:1'"),
        ("a:1:2:3", "range a:1:2:3: expected COL:LO..HI, since the values hold colons, found 'a:1:2:3'"),
    ] {
        assert_eq!(Predicate::range(text).unwrap_err().to_string(), want);
    }
}

#[test]
fn binding_errors() {
    let time = |zone| ColumnType::Timestamp { unit: TimeUnit::Micros, zone };
    let schema = Schema::named([
        (Some("price"), ColumnType::Decimal { precision: 18, scale: 2 }),
        (Some("Symbol"), ColumnType::Text),
        (Some("ts"), time(Zone::Naive)),
        (Some("flag"), ColumnType::Boolean),
        (Some("day"), ColumnType::Date),
        (Some("x"), ColumnType::Float64),
    ]);
    for (text, want) in [
        ("prcie > 1", "predicate: no column is named prcie; near it: price"),
        ("symbol = 'A'", "predicate: no column is named symbol; near it: Symbol"),
        ("completely_else = 1", "predicate: no column is named completely_else"),
        ("c9 = 1", "predicate: no column is named c9"),
        ("price = 'cheap'", "predicate: column price: expected a number for a decimal(18,2) column, found 'cheap'"),
        ("price = true", "predicate: column price: expected a number for a decimal(18,2) column, found true"),
        ("price like '1%'", "predicate: column price: expected a text column for LIKE, found decimal(18,2)"),
        ("Symbol = 5", "predicate: column Symbol: expected text in single quotes for a text column, found 5"),
        (
            "Symbol like 'a\\' escape '\\'",
            "predicate: column Symbol: expected a character after the escape character, found the end of the pattern",
        ),
        ("ts > 5", "predicate: column ts: expected a date or time in quotes for a timestamp column, found 5"),
        (
            "ts > '2024-01-01T00:00Z'",
            "predicate: column ts: expected a time without a zone for a timestamp column, found '2024-01-01T00:00Z'",
        ),
        (
            "day > 'x'",
            "predicate: column day: expected a date or time such as '2024-01-31T12:00:00Z' for a date column, found 'x'",
        ),
        ("price", "predicate: column price: expected a boolean column or a comparison, found decimal(18,2)"),
        ("flag = 1", "predicate: column flag: expected true or false for a boolean column, found 1"),
        ("x = 'infinite'", "predicate: column x: expected a number for a double column, found 'infinite'"),
    ] {
        let error = text.parse::<Predicate>().unwrap().bind(&schema).expect_err(text);
        assert_eq!(error.to_string(), want, "{text}");
    }
}

#[test]
fn columns_by_any_name() {
    let schema = Schema::named([(Some("a b"), ColumnType::Int64), (Some("c0"), ColumnType::Int64)]);
    for (text, column) in [("\"a b\" = 1", 0), ("a_b = 1", 0), ("c0 = 1", 1), ("c1 = 1", 1)] {
        assert_eq!(text.parse::<Predicate>().unwrap().bind(&schema).unwrap().columns(), [column], "{text}");
    }
}
