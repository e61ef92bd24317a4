//! Which rows satisfy a predicate.
//!
//! * The answer is true, false or NULL per row, by SQL's rules: only true rows match.
//! * The order of doubles is that of [`crate::set::double_key`], the same one that pruning uses; Arrow's own comparison
//!   kernels tell −0 from 0, so they are not asked.

use arrow::{
    array::{Array, ArrayAccessor, ArrayRef, AsArray, BooleanArray, GenericByteArray, RecordBatch},
    compute::{and_kleene, not, or_kleene},
    datatypes::{
        ByteArrayType, DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
        TimestampMicrosecondType, TimestampNanosecondType,
    },
};

use crate::{
    Bound, Error, Result,
    bind::{Node, Values},
    set::{Key, Set, double_key},
};

impl Bound {
    /// For each row of `batch`: true, false or NULL. Columns are found by their physical names.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow::{array::{BooleanArray, Float64Array}, record_batch::RecordBatch};
    /// use at1_catalog::Predicate;
    /// use at1_codec::{ColumnType, Schema};
    /// let schema = Schema::named([(Some("x"), ColumnType::Float64)]);
    /// let x = Float64Array::from(vec![Some(-0.0), Some(f64::NAN), None]);
    /// let batch = RecordBatch::try_new(schema.arrow(), vec![Arc::new(x)])?;
    /// let bound = "x <> 0".parse::<Predicate>()?.bind(&schema)?;
    /// assert_eq!(bound.evaluate(&batch)?, BooleanArray::from(vec![Some(false), Some(true), None]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a column that the predicate names is missing or has another type than the schema says.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        self.evaluate_columns(batch.num_rows(), |column| {
            batch.column_by_name(&self.schema.columns[column].name).cloned()
        })
    }

    /// As [`Self::evaluate`], with columns by their position in the schema.
    pub(crate) fn evaluate_columns(
        &self,
        rows: usize,
        column: impl Fn(usize) -> Option<ArrayRef>,
    ) -> Result<BooleanArray> {
        let arrays = self.columns().iter().map(|&index| {
            let wanted = &self.schema.columns[index];
            let place = || format!("column {}", wanted.header.as_deref().unwrap_or(&wanted.name));
            let array = column(index).ok_or_else(|| Error::mismatch(place(), "a column of this name", "none"))?;
            if *array.data_type() != wanted.ty.arrow() || array.len() != rows {
                return Err(Error::mismatch(place(), wanted.ty.arrow().to_string(), array.data_type()));
            }
            Ok((index, array))
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let find = |index: usize| &arrays[arrays.partition_point(|(i, _)| *i < index)].1;
        evaluate(&self.root, rows, &find)
    }
}

fn evaluate<'a>(node: &Node, rows: usize, column: &impl Fn(usize) -> &'a ArrayRef) -> Result<BooleanArray> {
    Ok(match node {
        Node::Constant(value) => BooleanArray::from(vec![*value; rows]),
        Node::Within { column: index, values, on_null } => {
            let answer = within(values, column(*index));
            match (on_null, answer.nulls()) {
                (None, _) | (_, None) => answer,
                (Some(true), Some(valid)) => BooleanArray::new(answer.values() | &!valid.inner(), None),
                (Some(false), Some(valid)) => BooleanArray::new(answer.values() & valid.inner(), None),
            }
        }
        Node::Like { column: index, pattern, negated, .. } => {
            let text = column(*index).as_string::<i32>();
            let matches = BooleanArray::from_unary(text, |text| pattern.matches(text));
            if *negated { not(&matches)? } else { matches }
        }
        Node::And(parts) => fold(parts, rows, column, and_kleene)?,
        Node::Or(parts) => fold(parts, rows, column, or_kleene)?,
    })
}

type Kernel = fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, arrow::error::ArrowError>;

fn fold<'a>(
    parts: &[Node],
    rows: usize,
    column: &impl Fn(usize) -> &'a ArrayRef,
    kernel: Kernel,
) -> Result<BooleanArray> {
    let mut parts = parts.iter().map(|part| evaluate(part, rows, column));
    let first = parts.next().expect("a junction has parts")?;
    parts.try_fold(first, |left, right| Ok(kernel(&left, &right?)?))
}

fn within(values: &Values, array: &ArrayRef) -> BooleanArray {
    match (values, array.data_type()) {
        (Values::Narrow(set), DataType::Int64) => test(set, array.as_primitive::<Int64Type>(), |v| v),
        (Values::Narrow(set), DataType::Float64) => test(set, array.as_primitive::<Float64Type>(), double_key),
        (Values::Narrow(set), DataType::Boolean) => test(set, array.as_boolean(), i64::from),
        (Values::Narrow(set), DataType::Date32) => test(set, array.as_primitive::<Date32Type>(), i64::from),
        (Values::Narrow(set), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
            test(set, array.as_primitive::<TimestampMicrosecondType>(), |v| v)
        }
        (Values::Narrow(set), DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
            test(set, array.as_primitive::<TimestampNanosecondType>(), |v| v)
        }
        (Values::Wide(set), DataType::Decimal128(..)) => test(set, array.as_primitive::<Decimal128Type>(), |v| v),
        (Values::Bytes(set), DataType::Utf8) => test_bytes(set, array.as_string::<i32>()),
        (Values::Bytes(set), DataType::Binary) => test_bytes(set, array.as_binary::<i32>()),
        (_, other) => unreachable!("a set of another kind was bound to a column of type {other}"),
    }
}

/// Membership of each value; the usual case of one interval is two comparisons.
fn test<K: Key + Copy, A: ArrayAccessor>(set: &Set<K>, array: A, key: impl Fn(A::Item) -> K) -> BooleanArray {
    match set.spans() {
        [(from, None)] => BooleanArray::from_unary(array, |v| key(v) >= *from),
        [(from, Some(to))] => BooleanArray::from_unary(array, |v| {
            let key = key(v);
            key >= *from && key < *to
        }),
        _ => BooleanArray::from_unary(array, |v| set.contains(&key(v))),
    }
}

fn test_bytes<T: ByteArrayType>(set: &Set<Vec<u8>>, array: &GenericByteArray<T>) -> BooleanArray {
    BooleanArray::from_unary(array, |value| {
        let bytes: &[u8] = value.as_ref();
        set.contains(bytes)
    })
}
