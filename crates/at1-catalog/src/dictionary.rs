//! Dictionaries: where every page of a column chunk refers to one, it holds all the values that there are.
//!
//! * That all pages do is known from the page encoding statistics, never guessed.
//! * Every value is tested as a row would be; NULL is not in a dictionary and is told by the zone.
//! * Reading a page takes the dictionary anyway, so asking it first costs its decoding only.

use at1_codec::ColumnType;
use parquet::{
    basic::{Encoding, Type},
    column::page::{Page, PageReader},
    file::{metadata::ColumnChunkMetaData, serialized_reader::SerializedPageReader},
};
use std::sync::Arc;

use crate::{
    Bound, Result, Source,
    bind::{Node, Values},
    bloom,
    set::double_key,
    suspect::Suspect,
};

/// A dictionary is decoded if it is at most this part of what is at stake.
const STAKE: u64 = 2;

/// The first part of the predicate that no row of a row group can satisfy, as dictionaries and Bloom filters tell.
///
/// # Errors
/// If a dictionary cannot be read or is damaged.
pub(crate) fn rules_out<S: Source>(suspect: &Suspect<'_, S>, bound: &Bound) -> Result<Option<usize>> {
    suspect.ruled_out(bound, |test| Ok(bloom::can_match(suspect, bound, test)? && can_match(suspect, bound, test)?))
}

/// Whether a test can be true, as far as the dictionary of its column tells.
fn can_match<S: Source>(suspect: &Suspect<'_, S>, bound: &Bound, test: &Node) -> Result<bool> {
    let (column, on_null) = match test {
        Node::Within { column, on_null, .. } => (*column, *on_null),
        Node::Like { column, .. } => (*column, None),
        _ => return Ok(true),
    };
    if on_null == Some(true) && suspect.has_nulls(column) {
        return Ok(true);
    }
    let Some((_, chunk)) = suspect.chunk(column) else { return Ok(true) };
    let Some(bytes) = dictionary_bytes(chunk).filter(|&bytes| bytes <= suspect.bytes_at_stake(bound) / STAKE) else {
        return Ok(true);
    };
    debug_assert!(bytes > 0);
    let Some((data, count)) = read(suspect, chunk)? else { return Ok(true) };
    let ty = bound.schema().columns[column].ty;
    Ok(any_matches(test, ty, chunk.column_type(), &data, count).unwrap_or(true))
}

/// The size of a chunk's dictionary page, if all of its values are in it.
fn dictionary_bytes(chunk: &ColumnChunkMetaData) -> Option<u64> {
    let pages = chunk.page_encoding_stats_mask()?;
    if !pages.is_only(Encoding::RLE_DICTIONARY) && !pages.is_only(Encoding::PLAIN_DICTIONARY) {
        return None;
    }
    let bytes = chunk.data_page_offset().checked_sub(chunk.dictionary_page_offset()?)?;
    u64::try_from(bytes).ok().filter(|&bytes| bytes > 0)
}

/// The plain values of a chunk's dictionary and how many there are.
fn read<S: Source>(suspect: &Suspect<'_, S>, chunk: &ColumnChunkMetaData) -> Result<Option<(bytes::Bytes, usize)>> {
    let rows = usize::try_from(suspect.zones.rows().value(0)).unwrap_or(0);
    let mut pages = SerializedPageReader::new(Arc::new(suspect.source.reader()), chunk, rows, None)?;
    match pages.get_next_page()? {
        Some(Page::DictionaryPage {
            buf, num_values, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, ..
        }) => Ok(Some((buf, num_values as usize))),
        _ => Ok(None),
    }
}

/// Whether a test is true of any of `count` plain values; unknown if they are not of the type.
fn any_matches(test: &Node, ty: ColumnType, physical: Type, data: &[u8], count: usize) -> Option<bool> {
    match (test, ty, physical) {
        (Node::Within { values: Values::Narrow(set), .. }, _, _) => {
            let number: fn(&[u8]) -> Option<i64> = match (ty, physical) {
                (ColumnType::Int64 | ColumnType::Timestamp { .. }, Type::INT64) => {
                    |v| Some(i64::from_le_bytes(v.try_into().ok()?))
                }
                (ColumnType::Date, Type::INT32) => |v| Some(i32::from_le_bytes(v.try_into().ok()?).into()),
                (ColumnType::Float64, Type::DOUBLE) => |v| Some(double_key(f64::from_le_bytes(v.try_into().ok()?))),
                _ => return None,
            };
            any(fixed(data, width(physical)?, count)?, |value| Some(set.contains(&number(value)?)))
        }
        (Node::Within { values: Values::Wide(set), .. }, ColumnType::Decimal { .. }, Type::INT64) => {
            any(fixed(data, 8, count)?, |v| Some(set.contains(&i128::from(i64::from_le_bytes(v.try_into().ok()?)))))
        }
        (Node::Within { values: Values::Wide(set), .. }, ColumnType::Decimal { .. }, Type::FIXED_LEN_BYTE_ARRAY) => {
            any(fixed(data, 16, count)?, |v| Some(set.contains(&i128::from_be_bytes(v.try_into().ok()?))))
        }
        (Node::Within { values: Values::Bytes(set), .. }, ColumnType::Text | ColumnType::Binary, Type::BYTE_ARRAY) => {
            any(ByteArrays { data, left: count }, |value| Some(set.contains(value)))
        }
        (Node::Like { pattern, negated, .. }, ColumnType::Text, Type::BYTE_ARRAY) => {
            any(ByteArrays { data, left: count }, |v| Some(pattern.matches(std::str::from_utf8(v).ok()?) != *negated))
        }
        _ => None,
    }
}

fn width(physical: Type) -> Option<usize> {
    match physical {
        Type::INT32 => Some(4),
        Type::INT64 | Type::DOUBLE => Some(8),
        _ => None,
    }
}

/// Whether any value passes; unknown if one cannot be told, unless another passes before.
fn any<'a>(values: impl Iterator<Item = Option<&'a [u8]>>, passes: impl Fn(&[u8]) -> Option<bool>) -> Option<bool> {
    for value in values {
        if passes(value?)? {
            return Some(true);
        }
    }
    Some(false)
}

/// Values of the same size; none if the bytes are not just these.
fn fixed(data: &[u8], width: usize, count: usize) -> Option<impl Iterator<Item = Option<&[u8]>>> {
    (count.checked_mul(width) == Some(data.len())).then(|| data.chunks_exact(width).map(Some))
}

/// Values with their lengths in front.
struct ByteArrays<'a> {
    data: &'a [u8],
    left: usize,
}

impl<'a> Iterator for ByteArrays<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            // Bytes that are left over were meant as something else.
            return (!std::mem::take(&mut self.data).is_empty()).then_some(None);
        }
        self.left -= 1;
        let value = self.data.split_first_chunk().and_then(|(length, rest)| {
            let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            self.data = rest;
            Some(value)
        });
        if value.is_none() {
            (self.left, self.data) = (0, &[]);
        }
        Some(value)
    }
}
