//! A twin of the printer that prints each field by itself, the plain way.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, TimestampMicrosecondArray};

use super::*;
use crate::{
    TimeUnit, Zone,
    column::{
        form::{FloatStyle, Parts, SecondFraction, Seconds},
        time::Gap,
    },
};

/// Numbers that come again, and numbers that do not; some of any size.
fn numbers() -> Vec<Option<i64>> {
    let mut state = 7u64;
    let mut next = |row: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value = (state >> 20).cast_signed();
        match (row / 1_500, value % 7) {
            (_, 0) => None,
            (0, _) => Some(value % 20),
            (1, _) => Some(value % 100_000 - 50_000),
            (2, _) => Some(state.cast_signed() >> (value % 64)),
            _ => Some([i64::MIN, i64::MAX, 9_999_999_999_999_999, 99_999_999, 100_000_000, -1][value as usize % 6]),
        }
    };
    (0..6_000).map(&mut next).collect()
}

/// What stands around a value, put there in the plainest way.
fn slow_field(form: &Form, quotes: &[u8], row: usize, put: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut text = Vec::new();
    put(&mut text);
    let blanks = usize::from(form.blanks.lead).max(usize::from(form.blanks.width).saturating_sub(text.len()));
    text.splice(0..0, vec![b' '; blanks]);
    let quoted = match form.quoting {
        Quoting::Never => false,
        Quoting::Always => true,
        Quoting::Needed => text.iter().any(|b| b",\"\r\n".contains(b)),
        Quoting::PerRow => bit(quotes, row),
    };
    if quoted { [b"\"", &*text, b"\""].concat() } else { text }
}

/// Prints `array` in every way to stand around a value, and each field by itself by `slow`.
fn check(ty: ColumnType, style: &Style, array: &ArrayRef, digits: &[u8], slow: &dyn Fn(&mut Vec<u8>, usize)) {
    let quotes: Vec<u8> = (0..array.len()).map(|n| (n * 37 % 256) as u8).collect();
    let syntax = Syntax::CSV;
    for quoting in [Quoting::Never, Quoting::Always, Quoting::Needed, Quoting::PerRow] {
        for blanks in [Blanks::default(), Blanks { lead: 1, width: 6 }] {
            let (nulls, nulls_per) = (vec![b"NA".to_vec()], Per::Column);
            let form = Form { nulls, nulls_per, quoting, blanks, style: style.clone() };
            let streams = Streams {
                quotes: (quoting == Quoting::PerRow).then_some(&quotes),
                digits: (form.digits_per() == Per::Row).then_some(digits),
                ..Streams::default()
            };
            let mut printer = Printer::bare(ty, form.clone(), streams, array.len());
            let mut out = Printed::default();
            for start in (0..array.len()).step_by(611) {
                let len = (array.len() - start).min(611);
                out.clear();
                printer.print(&*array.slice(start, len), syntax, &mut out).unwrap();
                assert_eq!(out.ends().len(), len);
                for row in start..start + len {
                    let expected = match array.is_null(row) {
                        true => b"NA".to_vec(),
                        false => slow_field(&form, &quotes, row, &|text| slow(text, row)),
                    };
                    let found = out.field(row - start).escape_ascii().to_string();
                    assert_eq!(found, expected.escape_ascii().to_string(), "row {row}, {quoting:?}, {blanks:?}");
                }
            }
        }
    }
}

/// Number styles that differ in one thing each.
fn number_styles() -> Vec<NumberStyle> {
    let plain = NumberStyle::default();
    vec![
        plain,
        NumberStyle { plus: Flag::Yes, ..plain },
        NumberStyle { trailing_point: Flag::Yes, ..plain },
        NumberStyle { leading_zero: Flag::No, ..plain },
        NumberStyle { int_width: 5, ..plain },
        NumberStyle { int_width: 20, ..plain },
        NumberStyle { fraction_min: 2, ..plain },
        NumberStyle { fraction_min: 9, ..plain },
        NumberStyle { fraction_per: Per::Row, ..plain },
    ]
}

#[test]
fn numbers_print_as_the_slow_printer_prints_them() {
    let values = numbers();
    let digits: Vec<u8> = (0..values.len()).map(|n| (n * n % 9) as u8).collect();
    let integers: ArrayRef = Arc::new(Int64Array::from(values.clone()));
    for number in number_styles().into_iter().filter(|number| number.fraction_per == Per::Column) {
        let slow = |text: &mut Vec<u8>, row: usize| put_integer(text, values[row].unwrap(), &number);
        check(ColumnType::Int64, &Style::Integer(number), &integers, &digits, &slow);
    }
    for scale in [0, 2, 5] {
        let ty = ColumnType::Decimal { precision: 38, scale };
        // Some are larger than 64 bits.
        let value = |row: usize| i128::from(values[row].unwrap()) * if row.is_multiple_of(900) { 1 << 40 } else { 1 };
        let decimals = (0..values.len()).map(|row| values[row].map(|_| value(row))).collect::<Decimal128Array>();
        let decimals: ArrayRef = Arc::new(decimals.with_precision_and_scale(38, scale.cast_signed()).unwrap());
        for number in number_styles() {
            let slow = |text: &mut Vec<u8>, row: usize| {
                let least = if number.fraction_per == Per::Row { digits[row] } else { number.fraction_min };
                put_decimal(text, value(row), scale, &number, least);
            };
            let style = Style::Decimal { scale: scale.cast_signed(), number };
            check(ty, &style, &decimals, &digits, &slow);
        }
    }
    let doubles: Vec<Option<f64>> = values.iter().map(|v| v.map(|v| v as f64 / 64.0)).collect();
    let style = FloatStyle::python();
    let slow = |text: &mut Vec<u8>, row: usize| put_float(text, doubles[row].unwrap(), &style, None);
    let array: ArrayRef = Arc::new(Float64Array::from(doubles.clone()));
    check(ColumnType::Float64, &Style::Float(style), &array, &digits, &slow);
}

#[test]
fn times_print_as_the_slow_printer_prints_them() {
    let values: Vec<Option<i64>> = numbers().iter().map(|v| v.map(|v| v % 4_000_000_000_000_000)).collect();
    let days: Vec<Option<i32>> = values.iter().map(|v| v.map(|v| (v % 4_000_000) as i32)).collect();
    let digits: Vec<u8> = (0..values.len()).map(|n| (n * n % 9) as u8).collect();
    let date = DateStyle { parts: Parts::Ymd, separator: b'-', month_padded: Flag::Yes, day_padded: Flag::No };
    let array: ArrayRef = Arc::new(Date32Array::from(days.clone()));
    let slow = |text: &mut Vec<u8>, row: usize| put_date(text, i64::from(days[row].unwrap()), &date);
    check(ColumnType::Date, &Style::Date(date), &array, &digits, &slow);

    let ty = ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Utc };
    let array = TimestampMicrosecondArray::from(values.clone()).with_data_type(ty.arrow());
    let array: ArrayRef = Arc::new(array);
    for fraction in [SecondFraction::AtLeast(0), SecondFraction::AtLeast(6), SecondFraction::PerRow] {
        for zone in [&b"Z"[..], b"+02:00", b" seventeen bytes!"] {
            let clock = ClockStyle {
                gap: Gap::T,
                hour_padded: Flag::Yes,
                seconds: Seconds::Always,
                mark: b'.',
                fraction,
                zones: vec![zone.to_vec()],
                zones_per: Per::Column,
            };
            let slow = |text: &mut Vec<u8>, row: usize| {
                let (suffix, offset) = clock.zone_offsets()[0];
                let instant = Instant::of(values[row].unwrap(), TimeUnit::Micros, offset);
                let least = if fraction == SecondFraction::PerRow { digits[row] } else { 0 };
                put_timestamp(text, instant, &date, &clock, least);
                text.extend_from_slice(suffix);
            };
            check(ty, &Style::Timestamp(date, clock.clone()), &array, &digits, &slow);
        }
    }
}
