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
        let array: ArrayRef = match (ty, self.data) {
            (ColumnType::Int64, Data::Int(values)) => Arc::new(Int64Array::new(values.into(), nulls)),
            (ColumnType::Timestamp { unit, zone }, Data::Int(values)) => timestamps(values.into(), nulls, unit, zone),
            (ColumnType::Decimal { precision, scale }, Data::Decimal(values)) => {
                let array = Decimal128Array::new(values.into(), nulls);
                let array = array.with_precision_and_scale(precision, scale.cast_signed());
                Arc::new(array.expect("a decimal type has at most 38 digits"))
            }
            (_, Data::Double(values)) => Arc::new(Float64Array::new(values.into(), nulls)),
            (_, Data::Boolean(mut values)) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            (_, Data::Day(values)) => Arc::new(Date32Array::new(values.into(), nulls)),
            (_, Data::Text { bytes, offsets }) => {
                let offsets = OffsetBuffer::new(offsets.into());
                let bytes = Buffer::from_vec(bytes);
                if ty == ColumnType::Text {
                    Arc::new(StringArray::new(offsets, bytes, nulls))
                } else {
                    Arc::new(BinaryArray::new(offsets, bytes, nulls))
                }
            }
            _ => unreachable!("the data were made for the type"),
        };
        debug_assert_eq!(*array.data_type(), ty.arrow());
        array
    }
}

fn offset(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("the text of a row group is below 2 GiB")
}

fn timestamps(values: ScalarBuffer<i64>, nulls: Option<NullBuffer>, unit: TimeUnit, zone: Zone) -> ArrayRef {
    let zone = (zone == Zone::Utc).then_some("UTC");
    match unit {
        TimeUnit::Micros => Arc::new(TimestampMicrosecondArray::new(values, nulls).with_timezone_opt(zone)),
        TimeUnit::Nanos => Arc::new(TimestampNanosecondArray::new(values, nulls).with_timezone_opt(zone)),
    }
}
