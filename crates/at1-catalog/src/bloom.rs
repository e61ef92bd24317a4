//! Bloom filters: whether a row group can hold any of some values.
//!
//! * A filter is asked only where all values that could match are few and can be named: `=`, `IN`, and what comes to that.
//! * It holds the values as Parquet stores them, so the stored type must be the one that is asked for. Doubles are never
//!   asked: their equality is not that of their bytes.
//! * A filter that is no filter rules nothing out.

use parquet::{basic::Type, bloom_filter::Sbbf, file::metadata::ColumnChunkMetaData, file::reader::ChunkReader};

use crate::{
    Bound, Result, Source,
    bind::{Node, Values},
    suspect::Suspect,
};
use at1_codec::ColumnType;

/// The largest filter that is read, and what of all that is at stake may be spent on one.
const FILTER_BYTES_MAX: u64 = 1 << 20;
const STAKE: u64 = 2;

/// The first part of the predicate that no row of a row group can satisfy, as Bloom filters tell.
///
/// # Errors
/// If a filter cannot be read or is damaged.
pub(crate) fn rules_out<S: Source>(suspect: &Suspect<'_, S>, bound: &Bound) -> Result<Option<usize>> {
    suspect.ruled_out(bound, |test| can_match(suspect, bound, test))
}

/// Whether a test can be true, as far as the filter of its column tells.
pub(crate) fn can_match<S: Source>(suspect: &Suspect<'_, S>, bound: &Bound, test: &Node) -> Result<bool> {
    let Node::Within { column, values, on_null } = test else { return Ok(true) };
    if *on_null == Some(true) && suspect.has_nulls(*column) {
        return Ok(true);
    }
    let Some((_, chunk)) = suspect.chunk(*column).filter(|(_, chunk)| chunk.bloom_filter_offset().is_some()) else {
        return Ok(true);
    };
    let Some(values) = stored_values(suspect, *column, values, bound.schema().columns[*column].ty, chunk) else {
        return Ok(true);
    };
    let filter = read(suspect, bound, chunk)?;
    Ok(filter.is_none_or(|filter| values.iter().any(|value| filter.check(value.as_slice()))))
}

/// The values within the zone's bounds that could match, as Parquet stores them; none if they cannot be named.
fn stored_values<S: Source>(
    suspect: &Suspect<'_, S>,
    column: usize,
    values: &Values,
    ty: ColumnType,
    chunk: &ColumnChunkMetaData,
) -> Option<Vec<Vec<u8>>> {
    match (values, ty, chunk.column_type()) {
        (Values::Narrow(set), ColumnType::Int64 | ColumnType::Timestamp { .. }, Type::INT64) => {
            let (min, max) = suspect.narrow_bounds(column);
            Some(set.points(min.as_ref(), max.as_ref())?.iter().map(|value| value.to_le_bytes().to_vec()).collect())
        }
        (Values::Narrow(set), ColumnType::Date, Type::INT32) => {
            let (min, max) = suspect.narrow_bounds(column);
            // A day beyond 32 bits is none that is stored.
            let days = set.points(min.as_ref(), max.as_ref())?.into_iter().filter_map(|day| i32::try_from(day).ok());
            Some(days.map(|day| day.to_le_bytes().to_vec()).collect())
        }
        (Values::Wide(set), ColumnType::Decimal { .. }, physical) => {
            let (min, max) = suspect.wide_bounds(column);
            let points = set.points(min.as_ref(), max.as_ref())?.into_iter();
            match physical {
                Type::INT32 => {
                    Some(points.filter_map(|v| i32::try_from(v).ok()).map(|v| v.to_le_bytes().to_vec()).collect())
                }
                Type::INT64 => {
                    Some(points.filter_map(|v| i64::try_from(v).ok()).map(|v| v.to_le_bytes().to_vec()).collect())
                }
                Type::FIXED_LEN_BYTE_ARRAY if chunk.column_descr().type_length() == 16 => {
                    Some(points.map(|value| value.to_be_bytes().to_vec()).collect())
                }
                _ => None,
            }
        }
        (Values::Bytes(set), ColumnType::Text | ColumnType::Binary, Type::BYTE_ARRAY) => {
            let (min, max) = suspect.byte_bounds(column);
            set.points(min.as_ref(), max.as_ref())
        }
        _ => None,
    }
}

/// The filter of a chunk, if reading it is worth it.
fn read<S: Source>(suspect: &Suspect<'_, S>, bound: &Bound, chunk: &ColumnChunkMetaData) -> Result<Option<Sbbf>> {
    let place = chunk.bloom_filter_offset().zip(chunk.bloom_filter_length());
    let place = place.and_then(|(at, bytes)| Some((u64::try_from(at).ok()?, u64::try_from(bytes).ok()?)));
    let most = FILTER_BYTES_MAX.min(suspect.bytes_at_stake(bound) / STAKE);
    let Some((at, bytes)) = place.filter(|&(_, bytes)| bytes <= most) else { return Ok(None) };
    let bytes = suspect.source.reader().get_bytes(at, usize::try_from(bytes).unwrap_or(0))?;
    let filter = Sbbf::from_bytes(&bytes).ok();
    Ok(filter.filter(|filter| filter.num_blocks() > 0))
}
