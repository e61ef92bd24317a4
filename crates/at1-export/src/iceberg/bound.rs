//! Values as Iceberg writes them into manifests: its binary single-value serialisation.
//!
//! * A bound may be wider than the values, never narrower; one that cannot be given is left out.
//! * NaN is never a bound; a column that may hold one has none at all, since readers disagree on where it sorts.
//! * Text comes cut on a character boundary, an upper bound raised so that it still bounds, as the ledger keeps it.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use at1_catalog::{TEXT_BYTES_MAX, ZoneText};
use at1_codec::{ColumnType, TimeUnit};

/// The only value of `bound`, which is not text; `None` if it is null or cannot be a bound.
fn value(bound: &ArrayRef, ty: ColumnType) -> Option<Vec<u8>> {
    if bound.len() != 1 || bound.is_null(0) {
        return None;
    }
    Some(match ty {
        ColumnType::Int64 => bound.as_primitive::<Int64Type>().value(0).to_le_bytes().to_vec(),
        ColumnType::Decimal { .. } => unscaled(bound.as_primitive::<Decimal128Type>().value(0)),
        ColumnType::Float64 => {
            let double = bound.as_primitive::<Float64Type>().value(0);
            Some(double).filter(|double| !double.is_nan())?.to_le_bytes().to_vec()
        }
        ColumnType::Boolean => vec![bound.as_boolean().value(0).into()],
        ColumnType::Date => bound.as_primitive::<Date32Type>().value(0).to_le_bytes().to_vec(),
        ColumnType::Timestamp { unit: TimeUnit::Micros, .. } => {
            bound.as_primitive::<TimestampMicrosecondType>().value(0).to_le_bytes().to_vec()
        }
        ColumnType::Binary => bound.as_binary::<i32>().value(0).to_vec(),
        ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } | ColumnType::Text => return None,
    })
}

/// A lower bound, of the one stretch that `bound` and `text` are about.
pub(super) fn lower(bound: &ArrayRef, text: Option<&ZoneText>, ty: ColumnType) -> Option<Vec<u8>> {
    match ty {
        ColumnType::Text => text?.min.as_ref().map(|text| text.clone().into_bytes()),
        ColumnType::Binary => value(bound, ty).map(|mut bytes| {
            bytes.truncate(TEXT_BYTES_MAX);
            bytes
        }),
        _ => value(bound, ty),
    }
}

/// An upper bound, likewise.
pub(super) fn upper(bound: &ArrayRef, text: Option<&ZoneText>, ty: ColumnType) -> Option<Vec<u8>> {
    match ty {
        ColumnType::Text => text?.max.as_ref().map(|text| text.clone().into_bytes()),
        ColumnType::Binary => value(bound, ty).and_then(raise),
        _ => value(bound, ty),
    }
}

/// A short upper bound of bytes; none if there is none above them.
fn raise(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes.len() <= TEXT_BYTES_MAX {
        return Some(bytes);
    }
    bytes.truncate(TEXT_BYTES_MAX);
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

/// A decimal's digits as a number: two's complement, the highest byte first, in as few bytes as hold it.
fn unscaled(digits: i128) -> Vec<u8> {
    let bytes = digits.to_be_bytes();
    let fill = if digits < 0 { 0xff } else { 0 };
    // A byte can go if the next one keeps the sign.
    let spare = bytes.windows(2).take_while(|pair| pair[0] == fill && (pair[1] ^ fill) < 0x80).count();
    bytes[spare..].to_vec()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, Float64Array};

    use super::*;

    #[test]
    fn decimals_take_the_fewest_bytes() {
        for (digits, bytes) in [
            (0, &[0u8][..]),
            (127, &[0x7f]),
            (128, &[0, 0x80]),
            (-1, &[0xff]),
            (-128, &[0x80]),
            (-129, &[0xff, 0x7f]),
            (1420, &[0x05, 0x8c]),
        ] {
            assert_eq!(unscaled(digits), bytes, "{digits}");
        }
        assert_eq!(unscaled(i128::MIN), i128::MIN.to_be_bytes());
    }

    #[test]
    fn nan_bounds_nothing() {
        let doubles = |double| -> ArrayRef { Arc::new(Float64Array::from(vec![double])) };
        assert_eq!(lower(&doubles(Some(f64::NAN)), None, ColumnType::Float64), None);
        assert_eq!(upper(&doubles(None), None, ColumnType::Float64), None);
        assert_eq!(upper(&doubles(Some(-0.0)), None, ColumnType::Float64), Some(vec![0, 0, 0, 0, 0, 0, 0, 0x80]));
    }

    #[test]
    fn long_bytes_are_cut_outwards() {
        let bytes = |bytes: &[u8]| -> ArrayRef { Arc::new(BinaryArray::from(vec![bytes])) };
        let mut long = vec![0xff; 100];
        assert_eq!(upper(&bytes(&long), None, ColumnType::Binary), None);
        assert_eq!(lower(&bytes(&long), None, ColumnType::Binary), Some(vec![0xff; 64]));
        long[3] = 7;
        assert_eq!(upper(&bytes(&long), None, ColumnType::Binary), Some(vec![0xff, 0xff, 0xff, 8]));
        assert_eq!(upper(&bytes(&[0xff; 64]), None, ColumnType::Binary), Some(vec![0xff; 64]));
    }
}
