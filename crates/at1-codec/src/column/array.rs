//! Arrow arrays as they grow.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, Decimal128Array, Float64Array,
        Int64Array, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    },
    buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
};

use super::value::{Field, Value};
use crate::{ColumnType, TimeUnit, Zone};

/// The values of a column of one type.
pub(crate) struct Values {
    data: Data,
    valid: BooleanBufferBuilder,
}

enum Data {
    Int(Vec<i64>),
    Decimal(Vec<i128>),
    Double(Vec<f64>),
    Boolean(BooleanBufferBuilder),
    Day(Vec<i32>),
    Text { bytes: Vec<u8>, offsets: Vec<i32> },
}

impl Values {
    pub(crate) fn with_capacity(ty: ColumnType, rows: usize) -> Self {
        let data = match ty {
            ColumnType::Int64 | ColumnType::Timestamp { .. } => Data::Int(Vec::with_capacity(rows)),
            ColumnType::Decimal { .. } => Data::Decimal(Vec::with_capacity(rows)),
            ColumnType::Float64 => Data::Double(Vec::with_capacity(rows)),
            ColumnType::Boolean => Data::Boolean(BooleanBufferBuilder::new(rows)),
            ColumnType::Date => Data::Day(Vec::with_capacity(rows)),
            ColumnType::Text | ColumnType::Binary => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Data::Text { bytes: Vec::new(), offsets }
            }
        };
        Self { data, valid: BooleanBufferBuilder::new(rows) }
    }

    fn push_null(&mut self) {
        self.valid.append(false);
        match &mut self.data {
            Data::Int(values) => values.push(0),
            Data::Decimal(values) => values.push(0),
            Data::Double(values) => values.push(0.0),
            Data::Boolean(values) => values.append(false),
            Data::Day(values) => values.push(0),
            Data::Text { bytes, offsets } => offsets.push(offset(bytes)),
        }
    }

    fn push(&mut self, value: Value) {
        self.valid.append(true);
        match (&mut self.data, value) {
            (Data::Int(values), Value::Int(value)) => values.push(value),
            (Data::Decimal(values), Value::Decimal(value)) => values.push(value),
            (Data::Double(values), Value::Double(value)) => values.push(value),
            (Data::Boolean(values), Value::Boolean(value)) => values.append(value),
            (Data::Day(values), Value::Day(value)) => values.push(value),
            _ => unreachable!("a field is parsed as the type of its column"),
        }
    }

    /// Adds a text, UTF-8 if the column is one of text.
    fn push_text(&mut self, value: &[u8]) {
        let Data::Text { bytes, offsets } = &mut self.data else { unreachable!("the column holds text") };
        bytes.extend_from_slice(value);
        offsets.push(offset(bytes));
        self.valid.append(true);
    }

    /// Adds what a field comes to: its value, or null.
    pub(crate) fn push_field(&mut self, field: &Field<'_>) {
        match field {
            Field::Null | Field::Reject => self.push_null(),
            Field::Value(parsed) => self.push(parsed.value),
            Field::Text(value) => self.push_text(value),
        }
    }

    /// The array of the column's Arrow type.
    pub(crate) fn finish(mut self, ty: ColumnType) -> ArrayRef {
        let nulls = Some(NullBuffer::new(self.valid.finish())).filter(|nulls| nulls.null_count() > 0);
        match self.data {
            Data::Int(values) => i64::array(values, nulls, ty),
            Data::Decimal(values) => i128::array(values, nulls, ty),
            Data::Double(values) => f64::array(values, nulls, ty),
            Data::Boolean(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Data::Day(values) => i32::array(values, nulls, ty),
            Data::Text { bytes, offsets } => texts(bytes, offsets, nulls, ty),
        }
    }
}

/// A value that a typed column holds, as it is while the column grows.
pub(crate) trait Stored: Copy + Default {
    /// The array of a column of type `ty`, which holds such values.
    fn array(values: Vec<Self>, nulls: Option<NullBuffer>, ty: ColumnType) -> ArrayRef;
}

impl Stored for i64 {
    fn array(values: Vec<Self>, nulls: Option<NullBuffer>, ty: ColumnType) -> ArrayRef {
        match ty {
            ColumnType::Timestamp { unit, zone } => timestamps(values.into(), nulls, unit, zone),
            _ => Arc::new(Int64Array::new(values.into(), nulls)),
        }
    }
}

impl Stored for i128 {
    fn array(values: Vec<Self>, nulls: Option<NullBuffer>, ty: ColumnType) -> ArrayRef {
        let ColumnType::Decimal { precision, scale } = ty else { unreachable!("the data were made for the type") };
        let array = Decimal128Array::new(values.into(), nulls);
        let array = array.with_precision_and_scale(precision, scale.cast_signed());
        Arc::new(array.expect("a decimal type has at most 38 digits"))
    }
}

impl Stored for f64 {
    fn array(values: Vec<Self>, nulls: Option<NullBuffer>, _: ColumnType) -> ArrayRef {
        Arc::new(Float64Array::new(values.into(), nulls))
    }
}

impl Stored for i32 {
    fn array(values: Vec<Self>, nulls: Option<NullBuffer>, _: ColumnType) -> ArrayRef {
        Arc::new(Date32Array::new(values.into(), nulls))
    }
}

impl Stored for bool {
    fn array(values: Vec<Self>, nulls: Option<NullBuffer>, _: ColumnType) -> ArrayRef {
        Arc::new(BooleanArray::new(values.into(), nulls))
    }
}

/// The array of a column of text or of binary: all values back to back, and where each ends, after a 0.
pub(crate) fn texts(bytes: Vec<u8>, offsets: Vec<i32>, nulls: Option<NullBuffer>, ty: ColumnType) -> ArrayRef {
    let offsets = OffsetBuffer::new(offsets.into());
    let bytes = Buffer::from_vec(bytes);
    if ty == ColumnType::Text {
        Arc::new(StringArray::new(offsets, bytes, nulls))
    } else {
        Arc::new(BinaryArray::new(offsets, bytes, nulls))
    }
}

/// Where the text ends that is so far in a column.
#[inline]
pub(crate) fn offset(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("the text of a row group is below 2 GiB")
}

fn timestamps(values: ScalarBuffer<i64>, nulls: Option<NullBuffer>, unit: TimeUnit, zone: Zone) -> ArrayRef {
    let zone = (zone == Zone::Utc).then_some("UTC");
    match unit {
        TimeUnit::Micros => Arc::new(TimestampMicrosecondArray::new(values, nulls).with_timezone_opt(zone)),
        TimeUnit::Nanos => Arc::new(TimestampNanosecondArray::new(values, nulls).with_timezone_opt(zone)),
    }
}
