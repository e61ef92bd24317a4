//! Bloom filters, for the few column chunks where one pays.
//!
//! * Parquet's own split block filters over the values as they are stored, so other engines use them too.
//! * One pays where a value is looked for and nothing else can tell that it is not there: its chunk has no dictionary for all
//!   values, the ranges of its pages overlap, and the filter is small against what it saves from being read.
//! * Doubles have none: −0.0 equals 0.0 and NaN itself, but their bytes differ.

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _},
    datatypes::{DataType, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType},
};
use parquet::{
    arrow::arrow_writer::ArrowColumnChunk, bloom_filter::Sbbf, file::page_index::column_index::ColumnIndexMetaData,
};

use super::{Sample, bytes, is_dictionary_only};
use crate::segment::layout::{FILTER_BYTES_MAX, FILTERS_SHARE};

/// A shorter chunk is read about as soon as a filter is.
const CHUNK_BYTES_MIN: u64 = 256 << 10;
/// Of a chunk's size, a filter may take one part in so many.
const CHUNK_SHARE: u64 = 8;
/// How many of the pages may hold a value of the chunk, by their bounds, before zones no longer help: one in so many.
const PAGES_SHARE: usize = 4;
/// How often a filter may say *perhaps* of a value that is not there.
const WRONG_MAX: f64 = 0.05;
/// Bits that this takes for each value, at the least.
const VALUE_BITS_MIN: f64 = 7.2;

/// The filter of a chunk, if one may pay.
pub(super) fn filter(array: &ArrayRef, chunk: &ArrowColumnChunk, sample: &Sample) -> Option<Sbbf> {
    let most = FILTER_BYTES_MAX.min(bytes(chunk) / CHUNK_SHARE);
    let hopeful = bytes(chunk) >= CHUNK_BYTES_MIN
        && sample.distinct_in_chunk * VALUE_BITS_MIN / 8.0 <= most as f64
        && !is_dictionary_only(chunk)
        && overlap(chunk.close().column_index.as_ref()?);
    if !hopeful {
        return None;
    }
    // Large enough for as many distinct values as there are rows, then folded to what it needs.
    let mut filter = Sbbf::new_with_num_of_bytes(array.len() * 2);
    insert(array, &mut filter)?;
    filter.fold_to_target_fpp(WRONG_MAX);
    (filter.num_blocks() as u64 * 32 <= most).then_some(filter)
}

/// Drops filters of a row group until the rest is small against its chunks, the largest first.
pub(in crate::segment) fn keep_small(chunks: &mut [&mut ArrowColumnChunk]) {
    let most = chunks.iter().map(|chunk| bytes(chunk)).sum::<u64>() / FILTERS_SHARE;
    let size = |chunk: &ArrowColumnChunk| chunk.close().bloom_filter.as_ref().map_or(0, Sbbf::num_blocks) as u64 * 32;
    chunks.sort_by_key(|chunk| size(chunk));
    let mut taken = 0;
    for chunk in chunks {
        taken += size(chunk);
        if taken > most {
            chunk.close_mut().bloom_filter = None;
        }
    }
}

/// Whether bounds of pages tell little about where a value is.
fn overlap(index: &ColumnIndexMetaData) -> bool {
    match index {
        ColumnIndexMetaData::INT64(index) => overlaps(index.min_values_iter(), index.max_values_iter()),
        ColumnIndexMetaData::BYTE_ARRAY(index) => overlaps(index.min_values_iter(), index.max_values_iter()),
        ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => {
            let number = |bytes: Option<&[u8]>| Some(i128::from_be_bytes(bytes?.try_into().ok()?));
            overlaps(index.min_values_iter().map(number), index.max_values_iter().map(number))
        }
        _ => false,
    }
}

/// Whether on the average a page's least value lies within the bounds of many pages.
fn overlaps<T: PartialOrd + Copy>(
    least: impl Iterator<Item = Option<T>>,
    greatest: impl Iterator<Item = Option<T>>,
) -> bool {
    let bounds: Vec<(T, T)> = least.zip(greatest).filter_map(|(least, greatest)| least.zip(greatest)).collect();
    // A chunk has a thousand pages at the most; a few of them tell as much.
    let probes = bounds.iter().step_by(bounds.len() / 64 + 1).map(|(least, _)| least);
    let (mut asked, mut held) = (0, 0);
    for value in probes {
        asked += bounds.len();
        held += bounds.iter().filter(|(least, greatest)| least <= value && value <= greatest).count();
    }
    asked > 0 && held * PAGES_SHARE >= asked
}

/// Puts the values of an array into a filter as they are stored; none if they are of a type that has no filters.
fn insert(array: &ArrayRef, filter: &mut Sbbf) -> Option<()> {
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().flatten().for_each(|value| filter.insert(&value)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().iter().flatten().for_each(|value| filter.insert(&value));
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().iter().flatten().for_each(|value| filter.insert(&value));
        }
        DataType::Decimal128(precision, _) => {
            let is_long = *precision <= 18;
            for value in array.as_primitive::<Decimal128Type>().iter().flatten() {
                match i64::try_from(value) {
                    Ok(value) if is_long => filter.insert(&value),
                    _ => filter.insert(&value.to_be_bytes()[..]),
                }
            }
        }
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().for_each(|value| filter.insert(value)),
        DataType::Binary => array.as_binary::<i32>().iter().flatten().for_each(|value| filter.insert(value)),
        _ => return None,
    }
    Some(())
}
