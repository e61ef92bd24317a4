//! No query sees another value than the text says: tables of fields that are easily read wrong, through a segment and Arrow.
//!
//! * Numbers are held against a comparison of decimal digits that shares no code with the crate, times against arithmetic on the calendar.
//! * A field that the type cannot hold is null and a reject, and prints back all the same.

use std::{cmp::Ordering, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
    },
};
use at1_codec::{EncodeOptions, Form, HeaderOption, Segment, Trust, decode, encode};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// The column of these fields, of the type it has by itself or of `pin`; its values, type and rejects.
#[track_caller]
fn column(fields: &[&str], pin: Option<&str>) -> (ArrayRef, String, Vec<u64>) {
    let source = fields.iter().map(|field| format!("{field}\n")).collect::<String>();
    let mut options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
    options.read.header = HeaderOption::No;
    options.pins = pin.into_iter().map(|pin| ("c0".into(), pin.parse().unwrap())).collect();
    let file = encode(source.as_bytes(), &options).unwrap();
    assert_eq!(String::from_utf8(decode(&file).unwrap()).unwrap(), source, "prints back");
    let segment = Segment::open(Arc::new(file), Trust::OwnSeal).unwrap();
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes().clone(), segment.metadata().clone());
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    assert_eq!(batch.num_rows(), fields.len());
    let rejects = segment.reject_rows(0, 0).unwrap();
    for &row in &rejects {
        assert!(batch.column(0).is_null(usize::try_from(row).unwrap()), "a reject reads as null");
    }
    (Arc::clone(batch.column(0)), segment.schema().columns[0].ty.to_string(), rejects)
}

/// A number as its sign, its digits, and the place of its point: what a person does with pencil and paper.
#[derive(Debug)]
struct Pencil {
    negative: bool,
    digits: Vec<u8>,
    /// The value is 0.DIGITS times ten to this.
    point: i64,
}

impl Pencil {
    fn of(text: &str) -> Self {
        let negative = text.starts_with('-');
        let text = text.trim_start_matches(['-', '+']);
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
        let leading = digits.iter().take_while(|&&d| d == 0).count();
        let trailing = digits.iter().rev().take_while(|&&d| d == 0).count().min(digits.len() - leading);
        let point = whole.len() as i64 + exponent.parse::<i64>().unwrap() - leading as i64;
        let digits = digits[leading..digits.len() - trailing].to_vec();
        if digits.is_empty() { Self { negative: false, digits, point: 0 } } else { Self { negative, digits, point } }
    }

    fn is(&self, other: &Self) -> bool {
        (self.negative, &self.digits, self.point) == (other.negative, &other.digits, other.point)
    }
}

/// Every value is the number that its text says; gives the type that the column had.
#[track_caller]
fn check_numbers(fields: &[&str], pin: Option<&str>) -> String {
    let (array, ty, rejects) = column(fields, pin);
    for (row, field) in fields.iter().enumerate() {
        if array.is_null(row) {
            assert!(rejects.contains(&(row as u64)), "{field} in {ty} is null and not a reject");
            continue;
        }
        let found = match array.data_type() {
            DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Decimal128(_, scale) => format!("{}e-{scale}", array.as_primitive::<Decimal128Type>().value(row)),
            DataType::Float64 => {
                let value = array.as_primitive::<Float64Type>().value(row);
                // The nearest double is what Rust's own reading gives, bit for bit.
                let nearest: f64 = field.parse().unwrap();
                assert_eq!(value.to_bits(), nearest.to_bits(), "{field}");
                continue;
            }
            DataType::Utf8 => {
                assert_eq!(array.as_string::<i32>().value(row), *field);
                continue;
            }
            other => panic!("{field} as {other}"),
        };
        assert!(Pencil::of(&found).is(&Pencil::of(field)), "{field} in {ty} reads as {found}");
    }
    ty
}

#[test]
fn pencils_know_equal_from_unequal() {
    let is = |a: &str, b: &str| Pencil::of(a).is(&Pencil::of(b));
    assert!(is("1.50", "150e-2") && is("-0", "0.000") && is("+5", "5") && is("1e3", "1000") && is("0.05", "5e-2"));
    assert!(!is("1.5", "1.51") && !is("-1", "1") && !is("10", "1") && !is("0.5", "0.05"));
}

#[test]
fn integers() {
    let limits = ["9223372036854775807", "-9223372036854775808", "0", "-1", "1"];
    assert_eq!(check_numbers(&limits, None), "int64");
    for beyond in ["9223372036854775808", "-9223372036854775809", "18446744073709551615", "99999999999999999999"] {
        let fields = ["1", beyond, "9223372036854775807", "-9223372036854775808"];
        assert_eq!(check_numbers(&fields, None), "decimal(38,0)", "{beyond}");
        check_numbers(&fields, Some("int64"));
        check_numbers(&fields, Some("double"));
    }
    let nines = |digits: usize| "9".repeat(digits);
    for digits in [17, 18, 19, 20, 37, 38] {
        let (most, least) = (nines(digits), format!("-{}", nines(digits)));
        let ty = check_numbers(&[&most, &least, "0"], None);
        assert_eq!(ty, if digits <= 18 { "int64" } else { "decimal(38,0)" }, "{digits} digits");
    }
    assert_eq!(check_numbers(&[&nines(39), "1"], None), "text");
    check_numbers(&[&nines(39), "1"], Some("decimal(38,0)"));
    check_numbers(&["007", "+5", "-0", "00", "5.", "5.0", "1e2", "0x10", "1_000"], Some("int64"));
}

#[test]
fn decimals() {
    let deep = format!("0.{}1", "0".repeat(37));
    let wide = format!("{}.{}", "9".repeat(19), "9".repeat(19));
    let low = format!("-{wide}");
    for (fields, ty) in [
        (&["1.50", "-2.25", "0.00", "-0.00", "999999999999999.99"][..], "decimal(18,2)"),
        (&["0.1", "0.20", "0.300", "123456789012345.678"], "decimal(18,3)"),
        (&["123456789012345678.9", "0.1"], "decimal(38,1)"),
        (&[&wide, &low, "0.5"], "decimal(38,19)"),
    ] {
        assert_eq!(check_numbers(fields, None), ty, "{fields:?}");
    }
    check_numbers(&[&deep, "0.5", "-0.5"], None);
    for pin in ["decimal(18,0)", "decimal(18,2)", "decimal(18,18)", "decimal(38,0)", "decimal(38,10)", "decimal(38,38)"]
    {
        let fields = [
            "1.50",
            "1.5",
            "1.505",
            "-1.005",
            "0.999999999999999999",
            "-0",
            ".5",
            "5.",
            "99999999999999999.9",
            &wide,
            &deep,
            "+7.25",
        ];
        check_numbers(&fields, Some(pin));
    }
}

#[test]
fn doubles() {
    let fields = [
        "1e300",
        "-1e300",
        "1.7976931348623157e308",
        "5e-324",
        "-0.0",
        "0.0",
        "0.1",
        "0.30000000000000004",
        "9007199254740993",
        "1e22",
        "1e23",
        "123456789.12345678",
        "1.0e-10",
        "6.02214076e23",
    ];
    check_numbers(&fields, Some("double"));
    assert_eq!(check_numbers(&fields, None), "double");
    // Near zero doubles have fewer digits than these texts.
    let (array, _, rejects) = column(&["2.2250738585072011e-308", "4.9406564584124654e-324", "5e-324"], Some("double"));
    assert_eq!((array.null_count(), rejects), (2, vec![0, 1]));
    // More digits than a double has are not made fewer, and what is too large is not made infinite.
    let (array, ..) = column(&["1e400", "-1e400", "0.1000000000000000055511151231257827", "1.5"], Some("double"));
    let values = array.as_primitive::<Float64Type>();
    assert!(values.is_null(0) && values.is_null(1) && values.value(3) == 1.5);
    let (array, ty, _) = column(&["NaN", "inf", "-inf", "1.5", "-0.0"], Some("double"));
    let values = array.as_primitive::<Float64Type>();
    assert_eq!(ty, "double");
    assert!(values.value(0).is_nan() && values.value(1) == f64::INFINITY && values.value(2) == f64::NEG_INFINITY);
    assert_eq!(values.value(4).total_cmp(&-0.0), Ordering::Equal, "the sign of zero is kept");
}

/// Days since 1970-01-01, counted year by year.
fn days(year: i64, month: u32, day: u32) -> i64 {
    let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    let whole: i64 = if year >= 1970 {
        (1970..year).map(|y| 365 + i64::from(leap(y))).sum()
    } else {
        -(year..1970).map(|y| 365 + i64::from(leap(y))).sum::<i64>()
    };
    let months = [31, 28 + u32::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    whole + i64::from(months[..month as usize - 1].iter().sum::<u32>() + day - 1)
}

#[test]
fn dates() {
    let cases = [
        ("1970-01-01", (1970, 1, 1)),
        ("1969-12-31", (1969, 12, 31)),
        ("0001-01-01", (1, 1, 1)),
        ("9999-12-31", (9999, 12, 31)),
        ("2000-02-29", (2000, 2, 29)),
        ("1900-03-01", (1900, 3, 1)),
        ("1582-10-15", (1582, 10, 15)),
        ("2024-12-31", (2024, 12, 31)),
    ];
    let fields: Vec<&str> = cases.iter().map(|(field, _)| *field).collect();
    let (array, ty, _) = column(&fields, None);
    assert_eq!(ty, "date");
    for (row, (field, (year, month, day))) in cases.into_iter().enumerate() {
        assert_eq!(i64::from(array.as_primitive::<Date32Type>().value(row)), days(year, month, day), "{field}");
    }
    let wrong =
        ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-01-00", "2024-04-31", "24-01-01", "2024-1-1x"];
    let (array, _, rejects) = column(&wrong, Some("date"));
    assert_eq!((array.null_count(), rejects.len()), (wrong.len(), wrong.len()), "no day is made up");
}

#[test]
fn times() {
    const DAY: i64 = 86_400;
    let at = |y, mo, d, h: i64, mi: i64, s: i64| days(y, mo, d) * DAY + h * 3600 + mi * 60 + s;
    // Field, seconds since 1970, nanoseconds beside them.
    let naive = [
        ("1970-01-01T00:00:00.000001", at(1970, 1, 1, 0, 0, 0), 1_000),
        ("1969-12-31T23:59:59.999999", at(1969, 12, 31, 23, 59, 59), 999_999_000),
        ("0001-01-01T00:00:00.000000", at(1, 1, 1, 0, 0, 0), 0),
        ("9999-12-31T23:59:59.999999", at(9999, 12, 31, 23, 59, 59), 999_999_000),
        ("2024-02-29T12:34:56.789012", at(2024, 2, 29, 12, 34, 56), 789_012_000),
    ];
    let zoned = [
        ("2024-02-29T12:00:00Z", at(2024, 2, 29, 12, 0, 0), 0),
        ("2024-02-29T12:00:00+02:00", at(2024, 2, 29, 10, 0, 0), 0),
        ("2024-03-01T00:30:00+05:45", at(2024, 2, 29, 18, 45, 0), 0),
        ("1969-12-31T23:30:00-01:00", at(1970, 1, 1, 0, 30, 0), 0),
    ];
    let nanos = [
        ("2024-02-29T12:34:56.123456789", at(2024, 2, 29, 12, 34, 56), 123_456_789),
        ("1969-12-31T23:59:59.999999999", at(1969, 12, 31, 23, 59, 59), 999_999_999),
        ("1677-09-22T00:00:00.000000001", at(1677, 9, 22, 0, 0, 0), 1),
        ("2262-04-11T23:47:16.854775807", at(2262, 4, 11, 23, 47, 16), 854_775_807),
    ];
    for (cases, ty) in [(&naive[..], "timestamp"), (&zoned, "timestamptz"), (&nanos, "timestamp_ns")] {
        let fields: Vec<&str> = cases.iter().map(|(field, ..)| *field).collect();
        let (array, found, rejects) = column(&fields, None);
        assert_eq!((found.as_str(), rejects.len()), (ty, 0), "{fields:?}");
        for (row, (field, seconds, nanos)) in cases.iter().enumerate() {
            let (value, unit) = match array.as_primitive_opt::<TimestampMicrosecondType>() {
                Some(micros) => (micros.value(row), 1_000_000),
                None => (array.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000),
            };
            let expected = i128::from(*seconds) * 1_000_000_000 + i128::from(*nanos);
            assert_eq!(i128::from(value) * (1_000_000_000 / unit), expected, "{field}");
        }
    }
}

#[test]
fn times_that_no_type_holds() {
    // Leap seconds, hours of another day, more digits than there are, years that nanoseconds do not reach.
    let fields = [
        "2016-12-31T23:59:60Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T12:60:00Z",
        "2024-02-30T12:00:00Z",
        "2024-01-01T12:00:00.1234567890Z",
        "2024-01-01T12:00:00+25:00",
    ];
    for pin in ["timestamptz", "timestamptz_ns"] {
        let (array, _, rejects) = column(&fields, Some(pin));
        assert_eq!((array.null_count(), rejects.len()), (fields.len(), fields.len()), "{pin}: no instant is made up");
    }
    let far = ["1600-01-01T00:00:00", "2300-01-01T00:00:00", "9999-12-31T23:59:59.123456789"];
    let (array, ..) = column(&far, Some("timestamp_ns"));
    assert_eq!(array.null_count(), far.len(), "a nanosecond does not wrap");
    let fine = ["2024-01-01T00:00:00.1234567", "2024-01-01T00:00:00.123456"];
    let (array, _, rejects) = column(&fine, Some("timestamp"));
    assert_eq!((array.null_count(), rejects), (1, vec![0]), "a microsecond does not round");
    let (_, ty, _) = column(&["2016-12-31T23:59:60Z", "2016-12-31T23:59:58Z"], None);
    assert_eq!(ty, "text", "half of these are no instants");
}
