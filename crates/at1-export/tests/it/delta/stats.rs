//! Statistics: what they say of the values at which readers go wrong.

use serde_json::{Value, json};

use super::bench::{Bench, stats};

/// The bounds and nulls of the column `v` of a file with these values; `None` where the file is to have no bounds at all.
#[track_caller]
fn check(values: &[&str], bounds: Option<(Value, Value)>, nulls: u64) {
    let bench = Bench::new();
    let rows: String = values.iter().map(|value| format!("{value},x\n")).collect();
    bench.append(&format!("v,other\n{rows}"));
    bench.export();
    let stats = stats(&bench.actions(0, "add")[0]);
    let ty = &bench.schema(0)[0].1;
    assert_eq!(stats["numRecords"], values.len(), "{ty} {values:?}");
    assert_eq!(stats["nullCount"], json!({"v": nulls, "other": 0}), "{ty} {values:?}");
    let found = (stats.get("minValues"), stats.get("maxValues"));
    let Some((lower, upper)) = bounds else {
        return assert_eq!(found, (None, None), "{ty} {values:?}: bounds of all columns or of none");
    };
    let expected = (json!({"v": lower, "other": "x"}), json!({"v": upper, "other": "x"}));
    assert_eq!(found, (Some(&expected.0), Some(&expected.1)), "{ty} {values:?}");
}

#[test]
fn integers_are_exact_or_rounded_outwards() {
    check(&["-5", "7", ""], Some((json!(-5), json!(7))), 1);
    check(&["9007199254740993", "1"], Some((json!(1), json!(9_007_199_254_740_994_i64))), 0);
    check(&["-9223372036854775808", "9223372036854775807"], Some((json!(i64::MIN), json!(i64::MAX))), 0);
}

#[test]
fn decimals_are_exact_or_rounded_outwards() {
    check(&["-0.25", "10.50"], Some((json!(-0.25), json!(10.5))), 0);
    check(&["1.50", "12345678901234567890123456789012345.50"], Some((json!(1.5), json!(1.23456789012347e34))), 0);
}

#[test]
fn doubles_with_nan_or_infinity_have_no_bounds() {
    check(&["1.5e10", "-2.5e-300"], Some((json!(-2.5e-300), json!(1.5e10))), 0);
    check(&["1e5", "inf", "2e5"], None, 0);
    check(&["1e5", "-inf", "2e5"], None, 0);
    check(&["1e5", "NaN", "2e5"], None, 0);
}

#[test]
fn times_are_rounded_outwards_to_milliseconds() {
    check(
        &["1969-12-31T23:59:59.999999Z", "2024-01-01T00:00:00.000001Z"],
        Some((json!("1969-12-31T23:59:59.999Z"), json!("2024-01-01T00:00:00.001Z"))),
        0,
    );
    check(
        &["1901-02-03T04:05:06.000001", "1901-02-03T04:05:06.000002"],
        Some((json!("1901-02-03T04:05:06.000"), json!("1901-02-03T04:05:06.001"))),
        0,
    );
    check(&["1900-01-01", "2100-12-31"], Some((json!("1900-01-01"), json!("2100-12-31"))), 0);
}

#[test]
fn text_is_cut_so_that_it_still_bounds() {
    let (a, u, last) = ("a".repeat(100), "ü".repeat(100), "\u{10ffff}".repeat(40));
    check(&["b", "a"], Some((json!("a"), json!("b"))), 0);
    check(&[&a, &u], Some((json!("a".repeat(32)), json!("ü".repeat(31) + "ý"))), 0);
    check(&["\"tab\tand \"\"quote\"\"\"", "z"], Some((json!("tab\tand \"quote\""), json!("z"))), 0);
    check(&["z", &last], Some((json!("z"), json!(last))), 0);
}

#[test]
fn booleans_have_bounds_and_bytes_have_none() {
    check(&["true", "false"], Some((json!(false), json!(true))), 0);
    let bench = Bench::new();
    let bytes = b"v,other\n\xff\xfe,x\n".as_slice();
    bench.append(bytes);
    bench.export();
    assert_eq!(bench.schema(0)[0].1, "binary");
    let stats = stats(&bench.actions(0, "add")[0]);
    assert_eq!((&stats["minValues"], &stats["nullCount"]), (&json!({"other": "x"}), &json!({"v": 0, "other": 0})));
}

#[test]
fn a_column_of_nothing_but_nulls_has_no_bounds() {
    let bench = Bench::with(&["v,other\n,x\n,y\n"]);
    bench.export();
    let stats = stats(&bench.actions(0, "add")[0]);
    assert_eq!((&stats["minValues"], &stats["nullCount"]), (&json!({"other": "x"}), &json!({"v": 2, "other": 0})));
}

#[test]
fn columns_that_a_file_does_not_have_are_null_in_it() {
    let bench = Bench::with(&["id\n1\n2\n", "id,v\n3,5\n"]);
    bench.export();
    let adds = bench.actions(0, "add");
    assert_eq!(stats(&adds[0])["nullCount"], json!({"id": 0, "v": 2}));
    assert_eq!(stats(&adds[1])["nullCount"], json!({"id": 0, "v": 0}));
    // A column that came after the first version: files from before say nothing of it, so none does.
    bench.append("id,v,late\n4,5,6\n");
    bench.export();
    assert_eq!(stats(&bench.actions(1, "add")[0])["maxValues"], json!({"id": 4, "v": 5}));
    assert_eq!(bench.actions(1, "metaData")[0]["configuration"]["delta.dataSkippingNumIndexedCols"], "2");
}

#[test]
fn wide_tables_have_statistics_of_their_first_columns() {
    let row = |value: &dyn Fn(usize) -> String| (0..40).map(value).collect::<Vec<_>>().join(",");
    let bench = Bench::with(&[&format!("{}\n{}\n", row(&|i| format!("c{i}x")), row(&|i| i.to_string()))]);
    bench.export();
    let stats = stats(&bench.actions(0, "add")[0]);
    let of = |name: &str| stats[name].as_object().unwrap().len();
    assert_eq!((of("minValues"), of("maxValues"), of("nullCount")), (32, 32, 32));
    assert_eq!((&stats["minValues"]["c31x"], &stats["minValues"]["c32x"]), (&json!(31), &Value::Null));
    assert_eq!(bench.actions(0, "metaData")[0]["configuration"]["delta.dataSkippingNumIndexedCols"], "32");
}
