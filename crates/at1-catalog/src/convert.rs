//! Values of one column type as values of another, exactly.
//!
//! * A value either survives or the conversion fails: no query may see another value than the text says.
//! * Every conversion here keeps order, so bounds may be converted as well; a bound that does not fit is dropped.
//! * Nothing here narrows, and nothing turns values into text or text into values: that takes the fields themselves.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit},
};

use crate::{Error, Result, number::decimal_text};

/// How a stored column becomes a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// The types are equal.
    Same,
    /// Values are converted, and their order is kept.
    Widen,
}

/// What turns one type into another, if anything does.
pub(crate) fn conversion(from: &DataType, to: &DataType) -> Option<Conversion> {
    use DataType::{Binary, Decimal128, Float64, Int64, Timestamp, Utf8};
    match (from, to) {
        _ if from == to => Some(Conversion::Same),
        (Int64, Decimal128(..) | Float64) | (Decimal128(..), Float64) | (Utf8, Binary) => Some(Conversion::Widen),
        (Decimal128(_, from), Decimal128(_, to)) if from <= to => Some(Conversion::Widen),
        (Timestamp(TimeUnit::Microsecond, from), Timestamp(TimeUnit::Nanosecond, to)) if from == to => {
            Some(Conversion::Widen)
        }
        _ => None,
    }
}

/// How a wider type takes the values between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It may not hold all of them.
    Unsure,
    /// It holds all of them.
    Held,
    /// It holds all of them, and however their fields are spelled, they are what [`values`] makes of them.
    Exact,
}

/// How the type that a column widens to takes the values between two bounds of it.
pub(crate) fn fit(min: &ArrayRef, max: &ArrayRef, at: usize, to: &DataType) -> Fit {
    use DataType::{Binary, Decimal128, Float64, Int64, Utf8};
    let whole_digits = |ty: &DataType| match ty {
        Int64 => Some(19),
        Decimal128(precision, scale) => Some(i16::from(*precision) - i16::from(*scale)),
        _ => None,
    };
    match (min.data_type(), to) {
        (Utf8, Binary) => return Fit::Exact,
        (from, Decimal128(..)) if whole_digits(from) <= whole_digits(to) => return Fit::Exact,
        _ if min.is_null(at) || max.is_null(at) => return Fit::Unsure,
        _ => {}
    }
    if *to == Float64 {
        return double_fit(unscaled(min, at), unscaled(max, at), matches!(min.data_type(), Int64));
    }
    // Order is kept, so if both bounds fit, so does all between them.
    let fits = |bound: &ArrayRef| bounds(&bound.slice(at, 1), to).is_ok_and(|bound| bound.is_valid(0));
    if fits(min) && fits(max) { Fit::Exact } else { Fit::Unsure }
}

/// The same for doubles, which hold what has at most 17 digits.
fn double_fit(min: i128, max: i128, whole: bool) -> Fit {
    let most = min.unsigned_abs().max(max.unsigned_abs());
    // Below this, values print as doubles as they print now.
    let survives = if whole { most <= 1 << 53 } else { most < 10u128.pow(15) };
    // A field that says −0 is zero as a number, and −0 as a double.
    let zero = min <= 0 && max >= 0;
    match most < 10u128.pow(17) {
        true if survives && !zero => Fit::Exact,
        true => Fit::Held,
        false => Fit::Unsure,
    }
}

/// An integer, or a decimal without its point.
fn unscaled(array: &ArrayRef, at: usize) -> i128 {
    match array.as_primitive_opt::<Int64Type>() {
        Some(array) => array.value(at).into(),
        None => array.as_primitive::<Decimal128Type>().value(at),
    }
}

/// Values in a wider type.
///
/// # Errors
/// If a value does not survive.
pub(crate) fn values(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match to {
        DataType::Float64 => {
            let wide = doubles(array, to)?;
            let lost = (0..array.len()).find(|&i| array.is_valid(i) && !survives(array, i, wide.value(i)));
            match lost {
                Some(i) => Err(Error::mismatch("", "values that survive as doubles", decimal_at(array, i))),
                None => Ok(Arc::new(wide)),
            }
        }
        _ => Ok(cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })?),
    }
}

/// Bounds in a wider type; one that does not fit becomes unknown.
pub(crate) fn bounds(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match to {
        // Rounding to the nearest keeps order, so a rounded bound bounds the rounded values.
        DataType::Float64 => Ok(Arc::new(doubles(array, to)?)),
        _ => Ok(cast_with_options(array, to, &CastOptions::default())?),
    }
}

/// Integers or decimals as the doubles nearest to them.
fn doubles(array: &ArrayRef, to: &DataType) -> Result<Float64Array> {
    match array.data_type() {
        DataType::Int64 => Ok(array.as_primitive::<Int64Type>().unary::<_, Float64Type>(|value| value as f64)),
        DataType::Decimal128(_, scale) => {
            let scale = scale.unsigned_abs();
            Ok(array.as_primitive::<Decimal128Type>().unary::<_, Float64Type>(|value| nearest(value, scale)))
        }
        other => Err(Error::mismatch("", format!("a number to read as {to}"), other)),
    }
}

/// The double nearest to a decimal.
fn nearest(unscaled: i128, scale: u8) -> f64 {
    if scale <= 22 && unscaled.unsigned_abs() <= 1 << 53 {
        // Both are exact doubles, so their quotient is rounded once.
        return unscaled as f64 / 10f64.powi(scale.into());
    }
    decimal_text(unscaled, scale).parse().unwrap_or(f64::NAN) // digits and a point always parse
}

/// Does the double print as the number it came from?
fn survives(array: &ArrayRef, row: usize, double: f64) -> bool {
    match array.data_type() {
        DataType::Int64 => double as i128 == i128::from(array.as_primitive::<Int64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let unscaled = array.as_primitive::<Decimal128Type>().value(row);
            // Fifteen digits always come back from a double.
            unscaled.unsigned_abs() < 10u128.pow(15)
                || format!("{double:.*}", usize::from(scale.unsigned_abs())) == decimal_at(array, row)
        }
        _ => false,
    }
}

fn decimal_at(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Decimal128(_, scale) => {
            let array: &Decimal128Array = array.as_primitive();
            decimal_text(array.value(row), scale.unsigned_abs())
        }
        _ => array.as_primitive::<Int64Type>().value(row).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray};

    use super::*;

    #[track_caller]
    fn check(from: ArrayRef, to: DataType, want: Option<ArrayRef>) {
        assert_eq!(conversion(from.data_type(), &to), Some(Conversion::Widen));
        match (values(&from, &to), want) {
            (Ok(found), Some(want)) => assert_eq!(&found, &want),
            (Err(_), None) => {}
            (found, want) => panic!("{from:?} as {to}: wanted {want:?}, found {found:?}"),
        }
    }

    fn decimals(values: &[i128], precision: u8, scale: i8) -> ArrayRef {
        Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap())
    }

    #[test]
    fn widens_exactly() {
        let ints = |values: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
        let floats = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
        check(ints(&[-7, 7]), DataType::Decimal128(18, 2), Some(decimals(&[-700, 700], 18, 2)));
        check(ints(&[i64::MAX]), DataType::Decimal128(18, 2), None);
        check(ints(&[1 << 53, -3]), DataType::Float64, Some(floats(&[9_007_199_254_740_992.0, -3.0])));
        check(ints(&[(1 << 53) + 1]), DataType::Float64, None);
        check(ints(&[i64::MAX]), DataType::Float64, None);
        check(decimals(&[1, -15], 18, 1), DataType::Float64, Some(floats(&[0.1, -1.5])));
        check(decimals(&[10i128.pow(37) + 1], 38, 20), DataType::Float64, None);
        check(decimals(&[10i128.pow(37)], 38, 20), DataType::Float64, Some(floats(&[1e17])));
        check(decimals(&[5], 18, 1), DataType::Decimal128(38, 3), Some(decimals(&[500], 38, 3)));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["é"]));
        check(text, DataType::Binary, Some(Arc::new(arrow::array::BinaryArray::from(vec!["é".as_bytes()]))));
        let micros = |v: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![v])) };
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        check(micros(-1), nanos.clone(), Some(Arc::new(TimestampNanosecondArray::from(vec![-1000]))));
        check(micros(i64::MAX), nanos.clone(), None);
        assert!(bounds(&micros(i64::MAX), &nanos).unwrap().is_null(0));
        assert!(bounds(&ints(&[i64::MAX]), &DataType::Decimal128(18, 2)).unwrap().is_null(0));
    }

    #[test]
    fn what_converts() {
        let nanos = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Nanosecond, zone.map(Arc::from));
        let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Arc::from));
        assert_eq!(conversion(&DataType::Int64, &DataType::Utf8), None);
        assert_eq!(conversion(&DataType::Boolean, &DataType::Binary), None);
        assert_eq!(conversion(&DataType::Decimal128(18, 2), &DataType::Decimal128(38, 1)), None);
        assert_eq!(conversion(&DataType::Float64, &DataType::Int64), None);
        assert_eq!(conversion(&DataType::Binary, &DataType::Utf8), None);
        assert_eq!(conversion(&micros(None), &nanos(Some("UTC"))), None);
        assert_eq!(conversion(&micros(Some("UTC")), &nanos(Some("UTC"))), Some(Conversion::Widen));
    }

    #[test]
    fn what_fits() {
        #[track_caller]
        fn check(min: ArrayRef, max: ArrayRef, to: &DataType, want: Fit) {
            assert_eq!(fit(&min, &max, 0, to), want, "{min:?} to {max:?} as {to}");
        }
        let int = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let decimal = |value: i128| decimals(&[value], 18, 2);
        let unknown: ArrayRef = Arc::new(Int64Array::from(vec![None]));
        check(int(1), int(1 << 53), &DataType::Float64, Fit::Exact);
        check(int(-9), int(-1), &DataType::Float64, Fit::Exact);
        check(int(-1), int(1), &DataType::Float64, Fit::Held);
        check(int(1), int((1 << 53) + 1), &DataType::Float64, Fit::Held);
        check(int(1), int(10i64.pow(17)), &DataType::Float64, Fit::Unsure);
        check(int(1), unknown.clone(), &DataType::Float64, Fit::Unsure);
        check(decimal(1), decimal(10i128.pow(15) - 1), &DataType::Float64, Fit::Exact);
        check(decimal(1), decimal(10i128.pow(15)), &DataType::Float64, Fit::Held);
        check(unknown.clone(), unknown.clone(), &DataType::Decimal128(38, 19), Fit::Exact);
        check(unknown.clone(), unknown, &DataType::Decimal128(38, 20), Fit::Unsure);
        check(int(-999), int(999), &DataType::Decimal128(18, 15), Fit::Exact);
        check(int(-1000), int(999), &DataType::Decimal128(18, 15), Fit::Unsure);
        check(decimal(7), decimal(8), &DataType::Decimal128(38, 22), Fit::Exact);
        let micros = |value: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![value])) };
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        check(micros(0), micros(i64::MAX / 1000), &nanos, Fit::Exact);
        check(micros(0), micros(i64::MAX), &nanos, Fit::Unsure);
    }
}
