//! What predicates mean, value by value.

use at1_catalog::Predicate;
use at1_codec::{ColumnType, Schema, TimeUnit, Zone};

use crate::model::{self, Value};

/// The answers of `predicate` over a column `x`, as `t`, `f` and `-` for NULL.
#[track_caller]
fn check(ty: ColumnType, values: &[Value], cases: &[(&str, &str)]) {
    let schema = Schema::named([(Some("x"), ty)]);
    let batch = model::batch(&schema, &[values.to_vec()]);
    for (text, want) in cases {
        let predicate: Predicate = text.parse().unwrap();
        let bound = predicate.bind(&schema).unwrap_or_else(|e| panic!("{text}: {e}"));
        let answer = bound.evaluate(&batch).unwrap();
        let found: String = answer.iter().map(|v| v.map_or('-', |v| if v { 't' } else { 'f' })).collect();
        assert_eq!(found, *want, "{text}");
        for (value, found) in values.iter().zip(answer.iter()) {
            assert_eq!(
                model::evaluate(&predicate, &schema, std::slice::from_ref(value)),
                found,
                "model: {text} on {value:?}"
            );
        }
    }
}

#[test]
fn integers() {
    use Value::{Int, Null};
    let values = [Int(i64::MIN), Int(-1), Int(5), Int(6), Int(i64::MAX), Null];
    check(
        ColumnType::Int64,
        &values,
        &[
            ("x < 5.5", "tttff-"),
            ("x <= 5.5", "tttff-"),
            ("x > 5.5", "ffftt-"),
            ("x = 5.5", "fffff-"),
            ("x <> 5.5", "ttttt-"),
            ("x = 5.0", "fftff-"),
            ("x < 1e30", "ttttt-"),
            ("x > -1e30", "ttttt-"),
            ("x >= 9223372036854775807", "fffft-"),
            ("x > 9223372036854775807", "fffff-"),
            ("x > 9223372036854775806.5", "fffft-"),
            ("x < -9223372036854775808", "fffff-"),
            ("x <= -9223372036854775807.5", "tffff-"),
            ("x in (5, 6.0, 7.5)", "ffttf-"),
            ("x in (5, null)", "--t---"),
            ("x not in (5, null)", "--f---"),
            ("x not in (5, 6)", "ttfft-"),
            ("x between 5 and 5.9", "fftff-"),
            ("x between null and 5", "---ff-"),
            ("x = null", "------"),
            ("x is null", "ffffft"),
            ("x is not null", "tttttf"),
            ("not (x > 5)", "tttff-"),
            ("x = '5'", "fftff-"),
            ("x > 5 or x is null", "fffttt"),
            ("x > 5 and null", "fff---"),
        ],
    );
}

#[test]
fn decimals() {
    use Value::{Decimal, Null};
    let big = 10i128.pow(38) - 1;
    let values = [Decimal(-big, 2), Decimal(150, 2), Decimal(151, 2), Decimal(big, 2), Null];
    check(
        ColumnType::Decimal { precision: 38, scale: 2 },
        &values,
        &[
            ("x = 1.5", "ftff-"),
            ("x <= 1.505", "ttff-"),
            ("x = 1.505", "ffff-"),
            ("x >= 1.505", "fftt-"),
            ("x = 999999999999999999999999999999999999.99", "ffft-"),
            ("x > 999999999999999999999999999999999999.98", "ffft-"),
            ("x > 1e40", "ffff-"),
            ("x > -1e400", "tttt-"),
        ],
    );
}

#[test]
fn doubles() {
    use Value::{Double, Null};
    let values = [
        Double(f64::NEG_INFINITY),
        Double(-0.0),
        Double(0.0),
        Double(0.1),
        Double(f64::MAX),
        Double(f64::INFINITY),
        Double(f64::NAN),
        Null,
    ];
    check(
        ColumnType::Float64,
        &values,
        &[
            ("x = 0", "fttffff-"),
            ("x = -0.0", "fttffff-"),
            ("x < 0", "tffffff-"),
            ("x <> 0", "tfftttt-"),
            ("x = 0.1", "ffftfff-"),
            ("x > 0.1", "ffffttt-"),
            ("x = 'nan'", "fffffft-"),
            ("x < 'NaN'", "ttttttf-"),
            ("x >= 'inf'", "ffffftt-"),
            ("x = '-inf'", "tffffff-"),
            ("x < 1e400", "tttttff-"),
            ("x = 1e400", "fffffff-"),
            ("x > 1e400", "ffffftt-"),
            ("x < -1e400", "tffffff-"),
            ("x <= -1e400", "tffffff-"),
            ("x > -1e400", "ftttttt-"),
        ],
    );
}

#[test]
fn booleans() {
    use Value::{Boolean, Null};
    check(
        ColumnType::Boolean,
        &[Boolean(false), Boolean(true), Null],
        &[
            ("x", "ft-"),
            ("not x", "tf-"),
            ("x = true", "ft-"),
            ("x = 'False'", "tf-"),
            ("x < true", "tf-"),
            ("x or true", "ttt"),
            ("x and null", "f--"),
            ("x or null", "-t-"),
        ],
    );
}

#[test]
fn dates_and_times() {
    use Value::{Day, Null, Time};
    check(
        ColumnType::Date,
        &[Day(-1), Day(0), Day(1), Null],
        &[
            ("x = '1970-01-01'", "ftf-"),
            ("x < date '1970-01-01'", "tff-"),
            ("x <= '1970-01-01 12:00'", "ttf-"),
            ("x = '1970-01-01 12:00'", "fff-"),
            ("x > timestamp '1970-01-01 00:00:00.000000001'", "fft-"),
        ],
    );
    let time = |ticks, zone| Time(ticks, TimeUnit::Micros, zone);
    let micros = |zone| ColumnType::Timestamp { unit: TimeUnit::Micros, zone };
    let values = |zone| [time(-1, zone), time(0, zone), time(1, zone), Null];
    check(
        micros(Zone::Naive),
        &values(Zone::Naive),
        &[
            ("x = '1970-01-01'", "ftf-"),
            ("x < '1970-01-01T00:00:00.0000005'", "ttf-"),
            ("x > '1969-12-31 23:59:59.9999995'", "ftt-"),
            ("x = '1970-01-01 00:00:00.000001'", "fft-"),
        ],
    );
    check(
        micros(Zone::Utc),
        &values(Zone::Utc),
        &[
            ("x = '1970-01-01'", "ftf-"),
            ("x = '1970-01-01T02:00+02:00'", "ftf-"),
            ("x >= timestamp '1970-01-01 00:00:00Z'", "ftt-"),
        ],
    );
    let nanos = ColumnType::Timestamp { unit: TimeUnit::Nanos, zone: Zone::Naive };
    let nano = |ticks| Time(ticks, TimeUnit::Nanos, Zone::Naive);
    check(
        nanos,
        &[nano(-1), nano(0), nano(i64::MAX)],
        &[("x < '2300-01-01'", "ttt"), ("x > '0001-01-01'", "ttt"), ("x <= '1970-01-01'", "ttf")],
    );
}

#[test]
fn text_and_bytes() {
    use Value::{Bytes, Null, Text};
    let text = |values: &[&str]| values.iter().map(|v| Text((*v).into())).chain([Null]).collect::<Vec<_>>();
    check(
        ColumnType::Text,
        &text(&["", "a", "a\0", "ab", "é", "\u{10ffff}"]),
        &[
            ("x = ''", "tfffff-"),
            ("x > 'a'", "fftttt-"),
            ("x <= 'a'", "ttffff-"),
            ("x like 'a%'", "ftttff-"),
            ("x not like 'a%'", "tffftt-"),
            ("x like '_'", "ftfftt-"),
            ("x not like '%b'", "tttftt-"),
            ("x like '%'", "tttttt-"),
            ("x not like '%'", "ffffff-"),
            ("x like ''", "tfffff-"),
            ("x like 'a'", "ftffff-"),
            ("x in ('a', 'é')", "ftfftf-"),
        ],
    );
    check(
        ColumnType::Binary,
        &[Bytes(vec![]), Bytes(vec![0xff]), Bytes(b"a".to_vec()), Null],
        &[("x = 'a'", "fft-"), ("x > 'a'", "ftf-"), ("x >= ''", "ttt-")],
    );
}

#[test]
fn wrong_batches_are_refused() {
    let schema = Schema::named([(Some("x"), ColumnType::Int64)]);
    let bound = "x > 1".parse::<Predicate>().unwrap().bind(&schema).unwrap();
    let other = Schema::named([(Some("x"), ColumnType::Float64)]);
    let error = bound.evaluate(&model::batch(&other, &[vec![Value::Double(1.0)]])).unwrap_err();
    assert_eq!(error.to_string(), "column x: expected Int64, found Float64");
    let none = Schema::named([(Some("y"), ColumnType::Int64)]);
    let error = bound.evaluate(&model::batch(&none, &[vec![Value::Int(1)]])).unwrap_err();
    assert_eq!(error.to_string(), "column x: expected a column of this name, found none");
}
