//! Zones: what is known about stretches of rows without reading them.
//!
//! * A bound may be wider than the values, never narrower; one that is not known is null and bounds nothing.
//! * A stretch of doubles that may hold a NaN has no upper bound; one that AT1 wrote with a NaN in it has no bounds at all.
//! * `n` stretches are stored as columns, so that a predicate runs over a million of them without an object for each.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array, new_null_array},
    compute::{concat, filter, nullif, take},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampNanosecondType,
    },
};
use at1_codec::ColumnType;

use crate::{
    Error, Result,
    convert::{self, Conversion, Fit},
};

/// The zones of one column: a row per stretch.
#[derive(Clone, Debug)]
pub struct ColumnZones {
    min: ArrayRef,
    max: ArrayRef,
    nulls: UInt64Array,
    rejects: UInt64Array,
}

impl PartialEq for ColumnZones {
    fn eq(&self, other: &Self) -> bool {
        *self.min == *other.min && *self.max == *other.max && self.nulls == other.nulls && self.rejects == other.rejects
    }
}

impl ColumnZones {
    /// Zones from their parts, a null standing for *not known*.
    ///
    /// # Errors
    /// If the parts differ in length, or the bounds in type.
    pub fn new(min: ArrayRef, max: ArrayRef, nulls: UInt64Array, rejects: UInt64Array) -> Result<Self> {
        let lengths = [max.len(), nulls.len(), rejects.len()];
        if lengths.iter().any(|&length| length != min.len()) {
            return Err(Error::corrupt("zones", format!("{} of each part", min.len()), format!("{lengths:?}")));
        }
        if min.data_type() != max.data_type() {
            return Err(Error::corrupt("zones", format!("bounds of type {}", min.data_type()), max.data_type()));
        }
        Ok(Self { min, max, nulls, rejects })
    }

    /// Zones of a column that the stretches do not have: every row is NULL.
    pub fn missing(ty: ColumnType, rows: &UInt64Array) -> Self {
        let bounds = new_null_array(&ty.arrow(), rows.len());
        let rejects = UInt64Array::from(vec![0; rows.len()]);
        Self { min: bounds.clone(), max: bounds, nulls: rows.clone(), rejects }
    }

    /// Zones that say nothing.
    pub fn unknown(ty: ColumnType, stretches: usize) -> Self {
        let bounds = new_null_array(&ty.arrow(), stretches);
        let nulls = UInt64Array::new_null(stretches);
        Self { min: bounds.clone(), max: bounds, nulls, rejects: UInt64Array::from(vec![0; stretches]) }
    }

    /// Lower bounds.
    pub fn min(&self) -> &ArrayRef {
        &self.min
    }

    /// Upper bounds.
    pub fn max(&self) -> &ArrayRef {
        &self.max
    }

    /// How many rows are NULL, rejects among them.
    pub fn nulls(&self) -> &UInt64Array {
        &self.nulls
    }

    /// How many fields their column's type could not hold; they read as NULL.
    pub fn rejects(&self) -> &UInt64Array {
        &self.rejects
    }

    /// The same stretches as a column of another type sees them, `rows` being their lengths.
    ///
    /// Bounds and null counts of values say something about a wider type, unless there are rejects: what one type cannot
    /// hold may be a value of another. Nothing else is known of another type, but that there are only NULLs.
    pub fn seen_as(&self, ty: ColumnType, rows: &UInt64Array) -> Self {
        let to = ty.arrow();
        match convert::conversion(self.min.data_type(), &to) {
            Some(Conversion::Same) => self.clone(),
            Some(Conversion::Widen) => self.widened(ty, rows).unwrap_or_else(|_| self.but_nulls(ty, rows)),
            None => self.but_nulls(ty, rows),
        }
    }

    fn widened(&self, ty: ColumnType, rows: &UInt64Array) -> Result<Self> {
        let to = ty.arrow();
        let stretches = 0..self.min.len();
        let rejected: BooleanArray = stretches.clone().map(|i| Some(!self.has_no_rejects(i))).collect();
        let (min, max) = (convert::bounds(&self.min, &to)?, convert::bounds(&self.max, &to)?);
        let held = |i: usize| {
            self.nothing_but_nulls(i, rows, ty)
                || (self.has_no_rejects(i) && convert::fit(&self.min, &self.max, i, &to) != Fit::Unsure)
        };
        let held: BooleanArray = stretches.map(|i| Some(!held(i))).collect();
        Ok(Self {
            min: nullif(&min, &rejected)?,
            max: nullif(&max, &rejected)?,
            nulls: nullif(&self.nulls, &held)?.as_primitive().clone(),
            rejects: nullif(&self.rejects, &held)?.as_primitive().clone(),
        })
    }

    /// The same stretches as a column of another type, or another reading, sees them of which the values say nothing.
    pub(crate) fn but_nulls(&self, ty: ColumnType, rows: &UInt64Array) -> Self {
        let stretches = 0..self.min.len();
        let unknown = Self::unknown(ty, stretches.len());
        let null = |i: usize| self.nothing_but_nulls(i, rows, ty);
        Self {
            nulls: stretches.clone().map(|i| null(i).then(|| rows.value(i))).collect(),
            rejects: stretches.map(|i| null(i).then_some(0)).collect(),
            ..unknown
        }
    }

    fn has_no_rejects(&self, stretch: usize) -> bool {
        self.rejects.is_valid(stretch) && self.rejects.value(stretch) == 0
    }

    /// Are all fields of the stretch null in a column of type `ty` too? Those of typed columns may be words, which are
    /// null in all typed columns but not in text.
    pub(crate) fn nothing_but_nulls(&self, stretch: usize, rows: &UInt64Array, ty: ColumnType) -> bool {
        let textual = matches!(self.min.data_type(), DataType::Utf8 | DataType::Binary);
        (textual || !matches!(ty, ColumnType::Text | ColumnType::Binary))
            && self.has_no_rejects(stretch)
            && self.nulls.is_valid(stretch)
            && self.nulls.value(stretch) == rows.value(stretch)
    }

    /// Upper bounds of doubles are dropped, for writers that leave NaN out of their statistics.
    pub(crate) fn with_hidden_nan(mut self) -> Self {
        if *self.max.data_type() == DataType::Float64 {
            self.max = new_null_array(&DataType::Float64, self.max.len());
        }
        self
    }

    fn take(&self, stretches: &UInt64Array) -> Result<Self> {
        Ok(Self {
            min: take(&self.min, stretches, None)?,
            max: take(&self.max, stretches, None)?,
            nulls: take(&self.nulls, stretches, None)?.as_primitive().clone(),
            rejects: take(&self.rejects, stretches, None)?.as_primitive().clone(),
        })
    }

    /// The zones of finer stretches, each within the stretch that `within` says: bounds hold there too, but of the null
    /// count only *none* and *all* do.
    pub(crate) fn refined(&self, within: &UInt64Array, coarse: &UInt64Array, rows: &UInt64Array) -> Result<Self> {
        let mut fine = self.take(within)?;
        let coarse = take(coarse, within, None)?;
        let coarse: &UInt64Array = coarse.as_primitive();
        fine.nulls = (0..rows.len())
            .map(|i| match fine.nulls.is_valid(i).then(|| fine.nulls.value(i)) {
                Some(0) => Some(0),
                Some(nulls) if nulls == coarse.value(i) => Some(rows.value(i)),
                _ => None,
            })
            .collect();
        Ok(fine)
    }

    /// All stretches as one.
    pub(crate) fn whole(&self, rows: &UInt64Array) -> Result<Self> {
        let total = |counts: &UInt64Array| (counts.null_count() == 0).then(|| counts.values().iter().sum::<u64>());
        // Stretches without values have no bounds and need none.
        let valued: BooleanArray =
            (0..rows.len()).map(|i| Some(self.nulls.is_null(i) || self.nulls.value(i) != rows.value(i))).collect();
        let least = |bounds: &ArrayRef, pick: Pick| -> Result<ArrayRef> {
            let bounds = filter(bounds, &valued)?;
            match bounds.null_count() {
                0 => extreme(&bounds, pick),
                _ => Ok(new_null_array(bounds.data_type(), 1)),
            }
        };
        Ok(Self {
            min: least(&self.min, Pick::Least)?,
            max: least(&self.max, Pick::Greatest)?,
            nulls: UInt64Array::from(vec![total(&self.nulls)]),
            rejects: UInt64Array::from(vec![total(&self.rejects)]),
        })
    }
}

#[derive(Clone, Copy)]
enum Pick {
    Least,
    Greatest,
}

/// The least or greatest value of an array without nulls, in an array of one; null if there is none.
fn extreme(array: &ArrayRef, pick: Pick) -> Result<ArrayRef> {
    macro_rules! index {
        ($array:expr, $key:expr) => {{
            let array = $array;
            let key = |i: &usize| $key(array.value(*i));
            match pick {
                Pick::Least => (0..array.len()).min_by_key(key),
                Pick::Greatest => (0..array.len()).max_by_key(key),
            }
        }};
    }
    let same = |value| value;
    let index = match array.data_type() {
        DataType::Int64 => index!(array.as_primitive::<Int64Type>(), same),
        DataType::Date32 => index!(array.as_primitive::<Date32Type>(), i64::from),
        DataType::Decimal128(..) => index!(array.as_primitive::<Decimal128Type>(), |value| value),
        DataType::Float64 => index!(array.as_primitive::<Float64Type>(), crate::set::double_key),
        DataType::Boolean => index!(array.as_boolean(), |value| value),
        DataType::Timestamp(TimeUnit::Microsecond, _) => index!(array.as_primitive::<TimestampMicrosecondType>(), same),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => index!(array.as_primitive::<TimestampNanosecondType>(), same),
        DataType::Utf8 => index!(array.as_string::<i32>(), |value| value),
        DataType::Binary => index!(array.as_binary::<i32>(), |value| value),
        other => return Err(Error::mismatch("zones", "a type of AT1", other)),
    };
    Ok(match index {
        Some(index) => array.slice(index, 1),
        None => new_null_array(array.data_type(), 1),
    })
}

/// What is known about `n` stretches of rows: segments, row groups or pages.
///
/// Columns are those of a schema, by position. Columns whose zones were not loaded are absent: they rule nothing out.
#[derive(Clone, Debug, PartialEq)]
pub struct Zones {
    rows: UInt64Array,
    columns: Vec<Option<ColumnZones>>,
}

impl Zones {
    /// Zones from their parts.
    ///
    /// # Errors
    /// If a column has another number of stretches than `rows`.
    pub fn new(rows: UInt64Array, columns: Vec<Option<ColumnZones>>) -> Result<Self> {
        if rows.null_count() > 0 {
            return Err(Error::corrupt("zones", "a row count for each", "null"));
        }
        match columns.iter().flatten().find(|column| column.min.len() != rows.len()) {
            Some(column) => Err(Error::corrupt("zones", format!("{} of each column", rows.len()), column.min.len())),
            None => Ok(Self { rows, columns }),
        }
    }

    /// How many stretches there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of each stretch.
    pub fn rows(&self) -> &UInt64Array {
        &self.rows
    }

    /// One column's zones, if they are there.
    pub fn column(&self, index: usize) -> Option<&ColumnZones> {
        self.columns.get(index)?.as_ref()
    }

    /// The columns, absent ones included.
    pub fn columns(&self) -> &[Option<ColumnZones>] {
        &self.columns
    }

    /// All stretches as one, such as the row groups of a segment.
    ///
    /// # Errors
    /// If a column has a type that AT1 does not have.
    pub fn whole(&self) -> Result<Self> {
        let columns =
            self.columns.iter().map(|column| column.as_ref().map(|column| column.whole(&self.rows)).transpose());
        let rows = UInt64Array::from(vec![self.rows.values().iter().sum::<u64>()]);
        Ok(Self { rows, columns: columns.collect::<Result<_>>()? })
    }

    /// Some of the stretches.
    ///
    /// # Errors
    /// If the range reaches beyond them.
    pub fn slice(&self, stretches: Range<usize>) -> Result<Self> {
        if stretches.start > stretches.end || stretches.end > self.len() {
            return Err(Error::mismatch(
                "zones",
                format!("a range within 0..{}", self.len()),
                format!("{stretches:?}"),
            ));
        }
        let (from, count) = (stretches.start, stretches.len());
        let columns = self.columns.iter().map(|column| {
            column.as_ref().map(|column| ColumnZones {
                min: column.min.slice(from, count),
                max: column.max.slice(from, count),
                nulls: column.nulls.slice(from, count),
                rejects: column.rejects.slice(from, count),
            })
        });
        Ok(Self { rows: self.rows.slice(from, count), columns: columns.collect() })
    }

    /// The stretches of several, one after the other. A column that one of them lacks is absent.
    ///
    /// # Errors
    /// If a column's types differ.
    pub fn concat(parts: &[&Self]) -> Result<Self> {
        let join = |arrays: Vec<&dyn Array>| -> Result<ArrayRef> {
            match arrays.is_empty() {
                true => Ok(Arc::new(UInt64Array::from(Vec::<u64>::new()))),
                false => Ok(concat(&arrays)?),
            }
        };
        let width = parts.iter().map(|part| part.columns.len()).max().unwrap_or(0);
        let rows = join(parts.iter().map(|part| &part.rows as &dyn Array).collect())?.as_primitive().clone();
        let columns = (0..width).map(|index| {
            let Some(all) = parts.iter().map(|part| part.column(index)).collect::<Option<Vec<_>>>() else {
                return Ok(None);
            };
            Ok(Some(ColumnZones {
                min: join(all.iter().map(|c| &c.min as &dyn Array).collect())?,
                max: join(all.iter().map(|c| &c.max as &dyn Array).collect())?,
                nulls: join(all.iter().map(|c| &c.nulls as &dyn Array).collect())?.as_primitive().clone(),
                rejects: join(all.iter().map(|c| &c.rejects as &dyn Array).collect())?.as_primitive().clone(),
            }))
        });
        Ok(Self { rows, columns: columns.collect::<Result<_>>()? })
    }
}
