//! The obvious twin: tables as vectors of values, predicates tested row by row with `Option<bool>`.
//!
//! * Nothing here uses the sets, keys or kernels of the crate: numbers are compared as strings of digits, times as text.

use std::{cmp::Ordering, sync::Arc};

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use at1_catalog::{Comparison, Literal, Moment, Predicate};
use at1_codec::{ColumnType, Schema, TimeUnit, Zone};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Decimal(i128, u8),
    Double(f64),
    Boolean(bool),
    Day(i32),
    Time(i64, TimeUnit, Zone),
    Text(String),
    Bytes(Vec<u8>),
}

pub(crate) fn decimal_text(unscaled: i128, scale: u8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    let scale = usize::from(scale);
    let padded = format!("{}{digits}", "0".repeat((scale + 1).saturating_sub(digits.len())));
    let point = padded.len() - scale;
    format!("{sign}{}.{}", &padded[..point], &padded[point..])
}

/// Sign, whole digits without leading zeros, fraction without trailing zeros.
fn parts(text: &str) -> (bool, String, String) {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = rest.split_once('e').map_or((rest, 0), |(m, e)| (m, e.parse::<i64>().unwrap()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
    for _ in 0..exponent {
        let digit = if fraction.is_empty() { '0' } else { fraction.remove(0) };
        whole.push(digit);
    }
    for _ in exponent..0 {
        fraction.insert(0, whole.pop().unwrap_or('0'));
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    (negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
}

pub(crate) fn compare_numbers(a: &str, b: &str) -> Ordering {
    let ((a_negative, a_whole, a_fraction), (b_negative, b_whole, b_fraction)) = (parts(a), parts(b));
    let magnitude = a_whole.len().cmp(&b_whole.len()).then(a_whole.cmp(&b_whole)).then(a_fraction.cmp(&b_fraction));
    match (a_negative, b_negative) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
    }
}

fn compare_doubles(a: f64, literal: &str) -> Ordering {
    let b: f64 = literal.parse().unwrap();
    let beyond = b.is_infinite() && !literal.contains("inf");
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => match a.partial_cmp(&b).unwrap() {
            // 1e400 is larger than every finite double and smaller than infinity.
            Ordering::Equal if beyond => b.partial_cmp(&0.0).unwrap(),
            order => order,
        },
    }
}

/// Compares printed times; both within years 0 to 9999.
fn compare_times(a: &str, b: &str) -> Ordering {
    let cut = |text: &str| {
        let text = text.trim_end_matches('Z');
        (text[..19].to_owned(), text[19..].trim_start_matches('.').to_owned())
    };
    cut(a).cmp(&cut(b))
}

fn literal_text(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Number(number) => number.to_string(),
        Literal::Moment(moment) => moment.to_string(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Null => panic!("NULL has no text"),
    }
}

fn compare(value: &Value, literal: &Literal) -> Option<Ordering> {
    if *literal == Literal::Null {
        return None;
    }
    let text = literal_text(literal);
    let moment = || text.parse::<Moment>().unwrap().to_string();
    Some(match value {
        Value::Null => return None,
        Value::Int(value) => compare_numbers(&value.to_string(), &text),
        Value::Decimal(unscaled, scale) => compare_numbers(&decimal_text(*unscaled, *scale), &text),
        Value::Double(value) => compare_doubles(*value, &text),
        Value::Boolean(value) => value.cmp(&text.to_lowercase().parse().unwrap()),
        Value::Day(day) => compare_times(&Moment::of_day(*day).to_string(), &moment()),
        Value::Time(ticks, unit, zone) => {
            let digits = if *unit == TimeUnit::Micros { 6 } else { 9 };
            compare_times(&Moment::of_ticks(*ticks, digits, *zone).to_string(), &moment())
        }
        Value::Text(value) => value.chars().cmp(text.chars()),
        Value::Bytes(value) => value.as_slice().cmp(text.as_bytes()),
    })
}

fn like(pattern: &[char], escape: Option<char>, text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((c, rest)) if Some(*c) == escape => {
            text.split_first().is_some_and(|(t, more)| *t == rest[0] && like(&rest[1..], escape, more))
        }
        Some(('%', rest)) => (0..=text.len()).any(|n| like(rest, escape, &text[n..])),
        Some((c, rest)) => {
            text.split_first().is_some_and(|(t, more)| (*c == '_' || c == t) && like(rest, escape, more))
        }
    }
}

/// True, false or NULL, by the book.
pub(crate) fn evaluate(predicate: &Predicate, schema: &Schema, row: &[Value]) -> Option<bool> {
    let value = |name: &str| &row[schema.position(name).unwrap()];
    let all = |answers: Vec<Option<bool>>| match () {
        () if answers.contains(&Some(false)) => Some(false),
        () if answers.contains(&None) => None,
        () => Some(true),
    };
    match predicate {
        Predicate::Constant(value) => *value,
        Predicate::Column(name) => match value(name) {
            Value::Null => None,
            Value::Boolean(value) => Some(*value),
            other => panic!("{other:?} is no boolean"),
        },
        Predicate::Compare { column, comparison, value: literal } => {
            let order = compare(value(column), literal)?;
            Some(match comparison {
                Comparison::Equal => order.is_eq(),
                Comparison::Unequal => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::AtMost => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::AtLeast => order.is_ge(),
            })
        }
        Predicate::In { column, values } => {
            let equal: Vec<_> = values.iter().map(|v| compare(value(column), v).map(|o| !o.is_eq())).collect();
            all(equal).map(|none| !none)
        }
        Predicate::Like { column, pattern, escape } => match value(column) {
            Value::Null => None,
            Value::Text(text) => {
                let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
                Some(like(&pattern, *escape, &text))
            }
            other => panic!("{other:?} is no text"),
        },
        Predicate::IsNull(name) => Some(*value(name) == Value::Null),
        Predicate::And(parts) => all(parts.iter().map(|part| evaluate(part, schema, row)).collect()),
        Predicate::Or(parts) => {
            all(parts.iter().map(|part| evaluate(part, schema, row).map(|v| !v)).collect()).map(|none| !none)
        }
        Predicate::Not(inner) => evaluate(inner, schema, row).map(|value| !value),
    }
}

/// A column of values as Arrow has it.
pub(crate) fn array(ty: ColumnType, values: &[Value]) -> ArrayRef {
    macro_rules! collect {
        ($array:ty, $pattern:pat => $found:expr) => {
            values
                .iter()
                .map(|value| match value {
                    Value::Null => None,
                    $pattern => Some($found),
                    other => panic!("{other:?} in a column of type {ty}"),
                })
                .collect::<$array>()
        };
    }
    match ty {
        ColumnType::Int64 => Arc::new(collect!(Int64Array, Value::Int(v) => *v)),
        ColumnType::Decimal { .. } => {
            Arc::new(collect!(Decimal128Array, Value::Decimal(v, _) => *v).with_data_type(ty.arrow()))
        }
        ColumnType::Float64 => Arc::new(collect!(Float64Array, Value::Double(v) => *v)),
        ColumnType::Boolean => Arc::new(collect!(BooleanArray, Value::Boolean(v) => *v)),
        ColumnType::Date => Arc::new(collect!(Date32Array, Value::Day(v) => *v)),
        ColumnType::Timestamp { unit, zone } => {
            let zone = (zone == Zone::Utc).then_some("UTC");
            match unit {
                TimeUnit::Micros => {
                    Arc::new(collect!(TimestampMicrosecondArray, Value::Time(v, ..) => *v).with_timezone_opt(zone))
                }
                TimeUnit::Nanos => {
                    Arc::new(collect!(TimestampNanosecondArray, Value::Time(v, ..) => *v).with_timezone_opt(zone))
                }
            }
        }
        ColumnType::Text => Arc::new(collect!(StringArray, Value::Text(v) => v.as_str())),
        ColumnType::Binary => Arc::new(collect!(BinaryArray, Value::Bytes(v) => v.as_slice())),
    }
}

/// What an array holds: the inverse of [`array`].
pub(crate) fn values(ty: ColumnType, array: &ArrayRef) -> Vec<Value> {
    macro_rules! collect {
        ($array:ty, $value:expr) => {{
            let array: &$array = array.as_any().downcast_ref().unwrap();
            array.iter().map(|found| found.map_or(Value::Null, $value)).collect()
        }};
    }
    match ty {
        ColumnType::Int64 => collect!(Int64Array, Value::Int),
        ColumnType::Decimal { scale, .. } => collect!(Decimal128Array, |v| Value::Decimal(v, scale)),
        ColumnType::Float64 => collect!(Float64Array, Value::Double),
        ColumnType::Boolean => collect!(BooleanArray, Value::Boolean),
        ColumnType::Date => collect!(Date32Array, Value::Day),
        ColumnType::Timestamp { unit: TimeUnit::Micros, zone } => {
            collect!(TimestampMicrosecondArray, |v| Value::Time(v, TimeUnit::Micros, zone))
        }
        ColumnType::Timestamp { unit: TimeUnit::Nanos, zone } => {
            collect!(TimestampNanosecondArray, |v| Value::Time(v, TimeUnit::Nanos, zone))
        }
        ColumnType::Text => collect!(StringArray, |v: &str| Value::Text(v.to_owned())),
        ColumnType::Binary => collect!(BinaryArray, |v: &[u8]| Value::Bytes(v.to_vec())),
    }
}

/// Columns of values as one batch.
pub(crate) fn batch(schema: &Schema, columns: &[Vec<Value>]) -> RecordBatch {
    let arrays = schema.columns.iter().zip(columns).map(|(column, values)| array(column.ty, values)).collect();
    RecordBatch::try_new(schema.arrow(), arrays).unwrap()
}

#[test]
fn numbers_compare() {
    for (a, b, want) in [
        ("1", "1.0", Ordering::Equal),
        ("-0", "0", Ordering::Equal),
        ("9", "10", Ordering::Less),
        ("-9", "-10", Ordering::Greater),
        ("1.5", "15e-1", Ordering::Equal),
        ("1e3", "999.999", Ordering::Greater),
        ("0.01", "0.1", Ordering::Less),
        ("-0.1", "0.1", Ordering::Less),
    ] {
        assert_eq!(compare_numbers(a, b), want, "{a} {b}");
    }
}
