//! Zones, verdicts and zone strings, by hand.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, UInt64Array};
use at1_catalog::{ColumnZones, Predicate, SegmentZone, Verdict, ZoneText, Zones, ZonesBuilder};
use at1_codec::{ColumnType, Schema, TimeUnit, Zone};

fn counts(counts: &[Option<u64>]) -> UInt64Array {
    counts.to_vec().into()
}

/// Verdicts as `S`, `R` and `A`.
fn verdicts(text: &str, schema: &Schema, zones: &Zones) -> String {
    let bound = text.parse::<Predicate>().unwrap().bind(schema).unwrap();
    let letter = |verdict: &Verdict| match verdict {
        Verdict::Skip => 'S',
        Verdict::Read => 'R',
        Verdict::All => 'A',
    };
    bound.verdicts(zones).iter().map(letter).collect()
}

/// The worked example of the specification: `docs/spec/catalog.md`, section 5.
#[test]
fn worked_example() {
    let schema = Schema::named([(Some("price"), ColumnType::Int64), (Some("note"), ColumnType::Text)]);
    let price = ColumnZones::new(
        Arc::new(Int64Array::from(vec![Some(10), Some(10), Some(60), None])),
        Arc::new(Int64Array::from(vec![Some(40), Some(40), Some(90), None])),
        counts(&[Some(0), Some(5), Some(0), Some(100)]),
        counts(&[Some(0); 4]),
    );
    let zones = Zones::new(UInt64Array::from(vec![100; 4]), vec![Some(price.unwrap()), None]).unwrap();
    for (text, want) in [
        ("price < 50", "ARSS"),
        ("not (price < 50)", "SSAS"),
        ("price < 20", "RRSS"),
        ("price < 50 or price is null", "AASA"),
        ("price is null", "SRSA"),
        ("price < 50 and note = 'x'", "RRSS"),
        ("price < 50 or note = 'x'", "ARRR"),
        ("not (price < 50 and note = 'x')", "RRAR"),
        ("price < 50 and null", "SSSS"),
        ("price < 50 or null", "ARSS"),
        ("not (price < 50 and null)", "SSAS"),
        ("true", "AAAA"),
        ("false or null", "SSSS"),
        ("price in (15, 75)", "RRRS"),
        ("price not in (1, 50, 100)", "ARAS"),
        ("price not in (1, null)", "SSSS"),
        ("price = 41.5", "SSSS"),
        ("price <> 41.5", "ARAS"),
    ] {
        assert_eq!(verdicts(text, &schema, &zones), want, "{text}");
    }
    for (text, parts, want) in [
        ("price < 50 and note = 'x'", &[r#""price" < 50"#, r#""note" = 'x'"#][..], [None, None, Some(0), Some(0)]),
        (
            "note = 'x' and price > 45 and price < 55",
            &[r#""note" = 'x'"#, r#""price" > 45 AND "price" < 55"#],
            [Some(1); 4],
        ),
        (
            "not (price > 50 or (note = 'x' or note is null))",
            &[r#"NOT ("price" > 50)"#, r#"NOT ("note" = 'x') AND NOT ("note" IS NULL)"#],
            [None, None, Some(0), Some(0)],
        ),
        (
            "note = 'x' and (price > 50 or price is null)",
            &[r#""note" = 'x'"#, r#""price" > 50 OR "price" IS NULL"#],
            [Some(1), None, None, None],
        ),
        ("price > 50 and null", &[r#""price" > 50"#, "NULL"], [Some(0), Some(0), Some(1), Some(0)]),
        ("true", &[], [None; 4]),
    ] {
        let bound = text.parse::<Predicate>().unwrap().bind(&schema).unwrap();
        assert_eq!(bound.parts(), parts, "{text}");
        assert_eq!(bound.reasons(&zones), want, "{text}");
    }
}

#[test]
fn what_is_not_known_rules_nothing_out() {
    let schema = Schema::named([(Some("x"), ColumnType::Int64)]);
    let zone = |min: Option<i64>, max: Option<i64>, nulls: Option<u64>, rows: u64| {
        let bound = |bound| -> ArrayRef { Arc::new(Int64Array::from(vec![bound])) };
        let zone = ColumnZones::new(bound(min), bound(max), counts(&[nulls]), counts(&[None])).unwrap();
        Zones::new(UInt64Array::from(vec![rows]), vec![Some(zone)]).unwrap()
    };
    for (zones, cases) in [
        // No upper bound.
        (zone(Some(5), None, Some(0), 9), [("x >= 5", "A"), ("x < 5", "S"), ("x > 5", "R"), ("x is null", "S")]),
        // No null count.
        (zone(Some(5), Some(5), None, 9), [("x = 5", "R"), ("x <> 5", "S"), ("not (x = 5)", "S"), ("x is null", "R")]),
        // Only NULLs.
        (zone(None, None, Some(9), 9), [("x = 5", "S"), ("x <> 5", "S"), ("x is null", "A"), ("x is not null", "S")]),
        // No rows at all.
        (zone(None, None, Some(0), 0), [("x = 5", "S"), ("true", "S"), ("x is null", "S"), ("not (x is null)", "S")]),
        // A count that cannot be right.
        (zone(Some(5), Some(5), Some(10), 9), [("x = 5", "R"), ("x <> 5", "S"), ("x is null", "R"), ("x < 9", "R")]),
    ] {
        for (text, want) in cases {
            assert_eq!(verdicts(text, &schema, &zones), want, "{text} on {zones:?}");
        }
    }
    let empty = Zones::new(UInt64Array::from(vec![3]), Vec::new()).unwrap();
    assert_eq!(verdicts("x = 5", &schema, &empty), "R");
}

#[test]
fn types_that_differ() {
    let zones = |min: ArrayRef, max: ArrayRef| {
        let zone = ColumnZones::new(min, max, counts(&[Some(0)]), counts(&[Some(0)])).unwrap();
        Zones::new(UInt64Array::from(vec![9]), vec![Some(zone)]).unwrap()
    };
    let int = |v: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![v])) };
    let double = |v: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![v])) };
    let text = |v: &str| -> ArrayRef { Arc::new(StringArray::from(vec![v])) };
    let table = |ty| Schema::named([(Some("x"), ty)]);
    for (ty, zones, cases) in [
        // Order is kept: bounds hold.
        (ColumnType::Decimal { precision: 38, scale: 2 }, zones(int(5), int(9)), [("x > 9", "S"), ("x < 9.01", "A")]),
        (ColumnType::Float64, zones(int(5), int(9)), [("x > 9", "S"), ("x <= 9", "A")]),
        // 9 < 10, but '10' < '9': bounds of numbers say nothing about their text, nor do their null counts.
        (ColumnType::Text, zones(int(9), int(10)), [("x > '5'", "R"), ("x is null", "R")]),
        (ColumnType::Binary, zones(text("a"), text("b")), [("x > 'c'", "S"), ("x >= 'a'", "A")]),
        // Nothing converts so: no claim is made.
        (ColumnType::Int64, zones(double(1.0), double(2.0)), [("x > 9", "R"), ("x is null", "R")]),
        // Zeros of both signs are one.
        (ColumnType::Float64, zones(double(-0.0), double(0.0)), [("x = 0", "A"), ("x < 0", "S")]),
    ] {
        for (text, want) in cases {
            assert_eq!(verdicts(text, &table(ty), &zones), want, "{text} on {ty}");
        }
    }
}

#[test]
fn zone_strings_of_every_type() {
    let time = |unit, zone| ColumnType::Timestamp { unit, zone };
    let cases: [(ColumnType, &str, &str); 12] = [
        (ColumnType::Int64, "-9223372036854775808", "9223372036854775807"),
        (ColumnType::Decimal { precision: 38, scale: 2 }, "-999999999999999999999999999999999999.99", "0.05"),
        (ColumnType::Decimal { precision: 18, scale: 0 }, "-1", "7"),
        (ColumnType::Float64, "-inf", "1e300"),
        (ColumnType::Float64, "-0", "0.1"),
        (ColumnType::Boolean, "false", "true"),
        (ColumnType::Date, "-0001-12-31", "2024-02-29"),
        (time(TimeUnit::Micros, Zone::Naive), "1969-12-31T23:59:59.999999", "+12024-01-01T00:00:00"),
        (time(TimeUnit::Micros, Zone::Utc), "1969-12-31T23:59:59Z", "2024-01-01T00:00:00.5Z"),
        (time(TimeUnit::Nanos, Zone::Utc), "1677-09-21T00:12:43.145224193Z", "2262-04-11T23:47:16.854775807Z"),
        (ColumnType::Text, "", "é\"\\\u{1}"),
        (ColumnType::Text, "NaN", "null"),
    ];
    for (ty, min, max) in cases {
        let schema = Schema::named([(None, ty)]);
        let zone = ZoneText { min: Some(min.into()), max: Some(max.into()), nulls: Some(3), rejects: 1 };
        let mut builder = ZonesBuilder::new(&schema);
        builder.push(10, [SegmentZone::Known(ty, zone.clone())]).unwrap();
        builder.push(10, [SegmentZone::Unknown]).unwrap();
        builder.push(10, [SegmentZone::Missing]).unwrap();
        builder.push(10, []).unwrap();
        let zones = builder.finish().unwrap();
        assert_eq!(zones.text(0, &schema), [Some(zone)], "{ty}");
        let all = |nulls| [Some(ZoneText { nulls, ..ZoneText::default() })];
        assert_eq!(zones.text(1, &schema), all(None), "{ty}");
        assert_eq!(zones.text(2, &schema), all(Some(10)), "{ty}");
        assert_eq!(zones.text(3, &schema), all(None), "{ty}");
    }
}

#[test]
fn bad_zone_strings_are_refused() {
    let time = |unit, zone| ColumnType::Timestamp { unit, zone };
    for (ty, bad) in [
        (ColumnType::Int64, "1.5"),
        (ColumnType::Int64, "9223372036854775808"),
        (ColumnType::Int64, ""),
        (ColumnType::Decimal { precision: 18, scale: 2 }, "0.001"),
        (ColumnType::Decimal { precision: 18, scale: 2 }, "10000000000000000"),
        (ColumnType::Float64, "NaN"),
        (ColumnType::Boolean, "1"),
        (ColumnType::Date, "2024-02-30"),
        (ColumnType::Date, "2024-02-01T12:00:00"),
        (time(TimeUnit::Micros, Zone::Utc), "2024-02-01T12:00:00"),
        (time(TimeUnit::Micros, Zone::Naive), "2024-02-01T12:00:00Z"),
        (time(TimeUnit::Micros, Zone::Naive), "2024-02-01T12:00:00.0000001"),
        (time(TimeUnit::Nanos, Zone::Naive), "2500-01-01T00:00:00"),
        (ColumnType::Binary, "x"),
    ] {
        let zone = ZoneText { min: Some(bad.into()), ..ZoneText::default() };
        let error =
            ZonesBuilder::new(&Schema::named([(None, ty)])).push(1, [SegmentZone::Known(ty, zone)]).unwrap_err();
        let want = format!("zone of column 0: corrupt: expected a bound of type {ty}, found {bad:?}");
        assert_eq!(error.to_string(), want);
    }
    for bad in
        ["null", "[]", "[null,null]", "[1,2,0]", "[\"1\",\"2\",-1]", "[\"1\",\"2\",0,0]", "[\"1\",\"2\",0,1,1]", "{}"]
    {
        let error = ZoneText::from_json(&serde_json::from_str(bad).unwrap()).unwrap_err().to_string();
        assert!(error.contains("[min, max, nulls] or [min, max, nulls, rejects]"), "{bad}: {error}");
    }
    let mut builder = ZonesBuilder::new(&Schema::default());
    assert!(builder.push(1, [SegmentZone::Missing]).unwrap_err().to_string().contains("at most 0 columns"));
}

#[test]
fn widened_zone_strings() {
    let schema = Schema::named([(None, ColumnType::Decimal { precision: 38, scale: 2 })]);
    let zone =
        |min: &str, max: &str| ZoneText { min: Some(min.into()), max: Some(max.into()), nulls: Some(0), rejects: 0 };
    let mut builder = ZonesBuilder::new(&schema);
    builder.push(5, [SegmentZone::Known(ColumnType::Int64, zone("1", "7"))]).unwrap();
    builder.push(5, [SegmentZone::Known(schema.columns[0].ty, zone("1.05", "7.00"))]).unwrap();
    builder.push(5, [SegmentZone::Known(ColumnType::Text, zone("1", "7"))]).unwrap();
    let zones = builder.finish().unwrap();
    assert_eq!(zones.text(0, &schema), [Some(zone("1.00", "7.00"))]);
    assert_eq!(zones.text(1, &schema), [Some(zone("1.05", "7.00"))]);
    assert_eq!(zones.text(2, &schema), [Some(ZoneText::default())], "text that became a number says nothing");
}

#[test]
fn whole_concat_slice() {
    let text = |values: &[Option<&str>]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let zones = |nulls: &[Option<u64>]| {
        let (min, max) = (text(&[Some("b"), Some("a"), None]), text(&[Some("c"), None, None]));
        let zone = ColumnZones::new(min, max, counts(nulls), counts(&[Some(1), None, Some(2)])).unwrap();
        Zones::new(UInt64Array::from(vec![4, 4, 4]), vec![None, Some(zone)]).unwrap()
    };
    // The third stretch has no values, so its bounds are not missed; the second has no upper bound.
    let whole = zones(&[Some(0), Some(1), Some(4)]).whole().unwrap();
    let column = whole.column(1).unwrap();
    assert_eq!(column.min().as_ref(), &StringArray::from(vec!["a"]));
    assert!(column.max().is_null(0) && column.rejects().is_null(0));
    assert_eq!((whole.rows().value(0), column.nulls().value(0)), (12, 5));
    // Without its null count it might have any value.
    let whole = zones(&[Some(0), Some(1), None]).whole().unwrap();
    assert!(whole.column(1).unwrap().min().is_null(0) && whole.column(1).unwrap().nulls().is_null(0));

    let parts = zones(&[Some(0), Some(1), Some(4)]);
    let (head, tail) = (parts.slice(0..1).unwrap(), parts.slice(1..3).unwrap());
    assert_eq!(Zones::concat(&[&head, &tail]).unwrap(), parts);
    assert!(parts.slice(2..4).unwrap_err().to_string().contains("0..3"));
    assert_eq!(Zones::concat(&[]).unwrap().len(), 0);
    let none =
        Zones::new(UInt64Array::from(Vec::<u64>::new()), vec![None, Some(ColumnZones::unknown(ColumnType::Text, 0))]);
    assert!(none.unwrap().whole().unwrap().column(1).unwrap().min().is_null(0));
}

#[test]
fn long_text_keeps_its_bounds() {
    let schema = Schema::named([(Some("x"), ColumnType::Text)]);
    let long = |c: &str| c.repeat(5_000);
    let bound = |text: String| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let zone = ColumnZones::new(bound(long("b")), bound(long("é")), counts(&[Some(0)]), counts(&[Some(0)])).unwrap();
    let text = Zones::new(UInt64Array::from(vec![9]), vec![Some(zone)]).unwrap().text(0, &schema)[0].clone().unwrap();
    assert_eq!((text.min.as_deref(), text.max.clone()), (Some(&*"b".repeat(64)), Some(format!("{}ê", "é".repeat(31)))));
    let mut builder = ZonesBuilder::new(&schema);
    builder.push(9, [SegmentZone::Known(ColumnType::Text, text)]).unwrap();
    let zones = builder.finish().unwrap();
    for (text, want) in [
        (format!("x > '{}'", "é".repeat(40)), "R"),
        (format!("x = '{}'", long("é")), "R"),
        (format!("x = '{}'", long("b")), "R"),
        (format!("x >= '{}'", "b".repeat(64)), "A"),
        (format!("x < '{}'", "b".repeat(64)), "S"),
        ("x > 'ê'".into(), "S"),
        ("x <= 'ê'".into(), "A"),
    ] {
        assert_eq!(verdicts(&text, &schema, &zones), want, "{text}");
    }
}
