//! Values of one column type as values of another, exactly.
//!
//! * A value either survives or the conversion fails: no query may see another value than the text says.
//! * Every conversion here keeps order, so bounds may be converted as well; a bound that does not fit is dropped.
//! * Nothing here turns typed values into text: text that is asked of a typed field is its source text.

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
    /// The table has text where the segment has values: the fields' own text is read.
    SourceText,
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
        (Binary, Utf8) => None,
        (_, Utf8 | Binary) => Some(Conversion::SourceText),
        _ => None,
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
        assert_eq!(conversion(&DataType::Int64, &DataType::Utf8), Some(Conversion::SourceText));
        assert_eq!(conversion(&DataType::Boolean, &DataType::Binary), Some(Conversion::SourceText));
        assert_eq!(conversion(&DataType::Decimal128(18, 2), &DataType::Decimal128(38, 1)), None);
        assert_eq!(conversion(&DataType::Float64, &DataType::Int64), None);
        assert_eq!(conversion(&DataType::Binary, &DataType::Utf8), None);
        assert_eq!(conversion(&micros(None), &nanos(Some("UTC"))), None);
        assert_eq!(conversion(&micros(Some("UTC")), &nanos(Some("UTC"))), Some(Conversion::Widen));
    }
}
