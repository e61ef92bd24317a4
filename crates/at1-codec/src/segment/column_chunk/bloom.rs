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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Decimal128Array, Float64Array, Int64Array, StringArray},
        datatypes::Field,
    };

    use super::{
        super::{Profile, encode_chunk},
        *,
    };

    fn chunk(array: &ArrayRef, profile: Profile) -> ArrowColumnChunk {
        let field = Arc::new(Field::new("x", array.data_type().clone(), true));
        encode_chunk(&field, array, profile).unwrap()
    }

    fn has_filter(array: &ArrayRef) -> bool {
        chunk(array, Profile::Balanced).close().bloom_filter.is_some()
    }

    /// Numbers without a pattern that a compressor could see, of which there are `distinct`.
    fn noise(rows: u64, distinct: u64) -> impl Iterator<Item = u64> {
        let mix = |n: u64| {
            let n = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) ^ n >> 31
        };
        (0..rows).map(move |row| mix(mix(row) % distinct))
    }

    const ROWS: u64 = 150_000;
    /// Too many for a dictionary of a mebibyte, and used more than once.
    const DISTINCT: u64 = 30_000;

    fn texts(distinct: u64) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(noise(ROWS, distinct).map(|n| format!("{n:020}-{:020}", !n))))
    }

    #[test]
    fn many_values_all_over_the_pages_have_a_filter() {
        let array = texts(DISTINCT);
        let chunk = chunk(&array, Profile::Balanced);
        let filter = chunk.close().bloom_filter.as_ref().unwrap();
        assert!(array.as_string::<i32>().iter().flatten().all(|text| filter.check(text)));
        let wrong = noise(10_000, u64::MAX).filter(|n| filter.check(format!("{n:020}").as_str())).count();
        assert!(wrong < 600, "{wrong} of 10,000");
        // As they are stored: in eight bytes, or in sixteen with the highest first.
        for (precision, values) in [(18, &[5_i128, -7][..]), (38, &[5, -7, i128::MAX / 4])] {
            let array = Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, 2).unwrap();
            let mut filter = Sbbf::new_with_num_of_bytes(1024);
            insert(&(Arc::new(array) as ArrayRef), &mut filter).unwrap();
            for value in values {
                let narrow = value.to_le_bytes()[..8].to_vec();
                assert_eq!(
                    (filter.check(&narrow[..]), filter.check(&value.to_be_bytes()[..])),
                    (precision == 18, precision == 38)
                );
            }
        }
    }

    #[test]
    fn no_filter_where_none_pays() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(noise(60_000, 40_000).map(u64::cast_signed)));
        assert!(has_filter(&numbers));
        assert!(chunk(&numbers, Profile::Max).close().bloom_filter.is_none(), "kept data is to be small");
        assert!(!has_filter(&texts(1000)), "all values are in a dictionary");
        assert!(!has_filter(&texts(u64::MAX)), "the filter of unique values is large");
        let sorted = noise(ROWS, DISTINCT).enumerate().map(|(i, n)| format!("{:06}{:034}", i / 4, n));
        assert!(!has_filter(&(Arc::new(StringArray::from_iter_values(sorted)) as _)), "bounds of pages tell");
        let doubles = noise(ROWS, DISTINCT).map(|n| n as f64);
        assert!(!has_filter(&(Arc::new(Float64Array::from_iter_values(doubles)) as _)), "equal doubles differ");
        assert!(!has_filter(&numbers.slice(0, 20_000)), "a short chunk is read as soon");
    }

    #[test]
    fn filters_of_a_row_group_stay_small_against_it() {
        let mut chunks: Vec<ArrowColumnChunk> = (0..3).map(|_| chunk(&texts(DISTINCT), Profile::Balanced)).collect();
        let mut refs: Vec<_> = chunks.iter_mut().collect();
        keep_small(&mut refs);
        assert_eq!(chunks.iter().filter(|chunk| chunk.close().bloom_filter.is_some()).count(), 1);
        for (chunk, bytes) in chunks.iter_mut().zip([1024, 64, 64 << 10]) {
            chunk.close_mut().bloom_filter = Some(Sbbf::new_with_num_of_bytes(bytes));
        }
        let mut refs: Vec<_> = chunks.iter_mut().collect();
        keep_small(&mut refs);
        let kept: Vec<bool> = chunks.iter().map(|chunk| chunk.close().bloom_filter.is_some()).collect();
        assert_eq!(kept, [true, true, false]);
    }

    #[test]
    fn a_nan_leaves_the_null_count_and_a_dictionary_says_that_it_is_all() {
        let nan: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None, Some(f64::NAN)]));
        let chunk = chunk(&nan, Profile::Balanced);
        let statistics = chunk.close().metadata.statistics().unwrap();
        assert_eq!(
            (statistics.null_count_opt(), statistics.min_bytes_opt(), statistics.max_bytes_opt()),
            (Some(1), None, None)
        );
        let of = |array: ArrayRef| is_dictionary_only(&super::tests::chunk(&array, Profile::Balanced));
        assert!(of(texts(1000)) && !of(texts(u64::MAX)));
        assert!(!of(texts(10).slice(0, 100)), "a single page is not worth the words");
        assert!(!of(Arc::new(Int64Array::from_iter_values(0..100_000))));
    }
}
