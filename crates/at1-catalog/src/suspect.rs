//! A row group that its zones did not rule out, and what may still be known without reading its pages.
//!
//! * Only one question is left: can a part of the predicate be true here? After binding there is no NOT, so AND can be true
//!   only if all its parts can, and OR only if one can; each test may be answered from another source.
//! * What a column chunk tells is about the values that are stored, so only columns whose stored values are the table's are asked.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampNanosecondType,
    },
};
use parquet::file::metadata::ColumnChunkMetaData;

use crate::{
    Bound, ColumnZones, Result, Source, Zones, bind::Node, convert::Conversion, origin::Origin, set::double_key,
};

/// A row group of which some rows are to be tested.
pub(crate) struct Suspect<'a, S> {
    pub(crate) source: &'a S,
    pub(crate) group: usize,
    /// Where each column of the table comes from.
    pub(crate) origins: &'a [Option<Origin>],
    /// Its zones.
    pub(crate) zones: Zones,
    /// How many of its rows are to be tested.
    pub(crate) rows: usize,
}

impl<S: Source> Suspect<'_, S> {
    /// The first part of the predicate that cannot be true here, `can_match` telling of each test whether it can.
    pub(crate) fn ruled_out(
        &self,
        bound: &Bound,
        mut can_match: impl FnMut(&Node) -> Result<bool>,
    ) -> Result<Option<usize>> {
        for (part, wanted) in bound.parts.iter().enumerate() {
            if !self.can_be_true(bound, &wanted.node, &mut can_match)? {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    fn can_be_true(
        &self,
        bound: &Bound,
        node: &Node,
        can_match: &mut impl FnMut(&Node) -> Result<bool>,
    ) -> Result<bool> {
        match node {
            Node::Constant(value) => Ok(*value == Some(true)),
            Node::And(parts) => {
                for part in parts {
                    if !self.can_be_true(bound, part, can_match)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Node::Or(parts) => {
                for part in parts {
                    if self.can_be_true(bound, part, can_match)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            // Zones ruled out no part as a whole, but perhaps this test of it.
            Node::Within { .. } | Node::Like { .. } => Ok(bound.can_be_true(node, &self.zones) && can_match(node)?),
        }
    }

    /// The column chunk whose values are those of a column of the table, if there is one.
    pub(crate) fn chunk(&self, column: usize) -> Option<(usize, &ColumnChunkMetaData)> {
        match self.origins.get(column)? {
            Some(Origin::Stored(stored, Conversion::Same)) => {
                let group = self.source.metadata().metadata().row_groups().get(self.group)?;
                Some((*stored, group.columns().get(*stored)?))
            }
            _ => None,
        }
    }

    /// Whether a column may be NULL here.
    pub(crate) fn has_nulls(&self, column: usize) -> bool {
        let nulls = self.zones.column(column).map(ColumnZones::nulls);
        nulls.is_none_or(|nulls| nulls.is_null(0) || nulls.value(0) > 0)
    }

    /// About how many bytes of the columns that the predicate names are read if this row group is not ruled out.
    pub(crate) fn bytes_at_stake(&self, bound: &Bound) -> u64 {
        let chunks = bound.columns().iter().filter_map(|&column| self.chunk(column));
        let bytes: u64 = chunks.map(|(_, chunk)| u64::try_from(chunk.compressed_size()).unwrap_or(0)).sum();
        let share = self.rows as f64 / self.zones.rows().value(0).max(1) as f64;
        (bytes as f64 * share) as u64
    }

    /// The bounds of a column here, as the keys of its sets; absent where they are not known.
    pub(crate) fn narrow_bounds(&self, column: usize) -> (Option<i64>, Option<i64>) {
        self.bounds(column, |bounds| {
            Some(match bounds.data_type() {
                DataType::Int64 => bounds.as_primitive::<Int64Type>().value(0),
                DataType::Float64 => double_key(bounds.as_primitive::<Float64Type>().value(0)),
                DataType::Date32 => bounds.as_primitive::<Date32Type>().value(0).into(),
                DataType::Timestamp(TimeUnit::Microsecond, _) => {
                    bounds.as_primitive::<TimestampMicrosecondType>().value(0)
                }
                DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                    bounds.as_primitive::<TimestampNanosecondType>().value(0)
                }
                _ => return None,
            })
        })
    }

    /// The same of decimals.
    pub(crate) fn wide_bounds(&self, column: usize) -> (Option<i128>, Option<i128>) {
        self.bounds(column, |bounds| Some(bounds.as_primitive_opt::<Decimal128Type>()?.value(0)))
    }

    /// The same of text and bytes.
    pub(crate) fn byte_bounds(&self, column: usize) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        self.bounds(column, |bounds| match bounds.as_string_opt::<i32>() {
            Some(text) => Some(text.value(0).as_bytes().to_vec()),
            None => Some(bounds.as_binary_opt::<i32>()?.value(0).to_vec()),
        })
    }

    fn bounds<K>(&self, column: usize, key: impl Fn(&ArrayRef) -> Option<K>) -> (Option<K>, Option<K>) {
        let known = |bounds: &ArrayRef| if bounds.is_valid(0) { key(bounds) } else { None };
        self.zones.column(column).map_or((None, None), |zone| (known(zone.min()), known(zone.max())))
    }
}
