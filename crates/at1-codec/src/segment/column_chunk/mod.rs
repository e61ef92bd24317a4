//! One column chunk as Parquet bytes, laid out as its values call for.
//!
//! * A chunk is encoded by itself, so columns and row groups choose freely.
//! * What a layout costs is told by [`cost`]; profiles that are quick try what a sample leaves standing on that sample, `max`
//!   tries on the whole chunk.
//! * A chunk that holds a NaN carries no bounds at all, neither for itself nor for its pages: readers disagree on where
//!   NaN sorts, and a bound that leaves it out makes them skip rows that match.

mod bloom;
mod cost;
mod sample;
mod write;

use arrow::{
    array::{Array, ArrayRef},
    datatypes::{DataType, FieldRef},
};
use parquet::{
    arrow::arrow_writer::ArrowColumnChunk,
    basic::{Compression, Encoding, ZstdLevel},
};

use crate::Result;

pub(super) use bloom::keep_small;
use sample::Sample;
pub(super) use write::is_paged;
use write::{Layout, Pages, Version, is_dictionary_only, write};

/// How much work goes into making a segment small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// LZ4: for data that is read at once.
    Fast,
    /// Zstandard at a level that keeps up with a disk.
    #[default]
    Balanced,
    /// Zstandard at its best: for data that is kept.
    Max,
}

impl Profile {
    /// The compression of pages.
    fn compression(self) -> Compression {
        match self {
            Self::Fast => Compression::LZ4_RAW,
            Self::Balanced | Self::Max => zstd(self.zstd_level()),
        }
    }

    /// The Zstandard level for what is not a page: recovery streams, RAW segments.
    pub(crate) fn zstd_level(self) -> i32 {
        match self {
            Self::Fast => 1,
            Self::Balanced => 3,
            Self::Max => 19,
        }
    }

    /// How large pages are: larger ones compress better, smaller ones are skipped better.
    fn pages(self) -> Pages {
        match self {
            Self::Fast | Self::Balanced => Pages { rows: 16 << 10, bytes: PAGE_BYTES },
            Self::Max => Pages { rows: 128 << 10, bytes: PAGE_BYTES },
        }
    }
}

fn zstd(level: i32) -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default())
}

/// The largest page, and the largest dictionary, before compression.
const PAGE_BYTES: usize = 1 << 20;
/// Pages of `max` where they save more than one byte in [`LARGE_PAGES_SAVE`]: Zstandard sees one page at a time.
const LARGE_PAGES: Pages = Pages { rows: 1 << 20, bytes: 8 << 20 };
const LARGE_PAGES_SAVE: u64 = 64;
/// The level that says which layouts of `max` may win.
const FIRST_LEVEL: i32 = 6;
/// The level of `balanced` for text that repeats itself at distances that its usual level does not see,
const TEXT_LEVEL: i32 = 7;
/// which is text of which it leaves at most so much, in percent. It takes about three times as long.
const TEXT_PERCENT: u64 = 90;
/// A layout that takes so much more than the best at a low level, in percent, does not catch up at a high one.
const HOPEFUL_PERCENT: u64 = 115;

/// What may pay for a type; the first is taken where there is nothing to measure.
fn candidates(ty: &DataType) -> &'static [Layout] {
    use Layout::{Dictionary, Plain};
    match ty {
        DataType::Boolean => &[Plain(Encoding::RLE), Plain(Encoding::PLAIN)],
        DataType::Float64 => &[Dictionary, Plain(Encoding::BYTE_STREAM_SPLIT), Plain(Encoding::PLAIN)],
        // Arrays of fixed length: polars 2.1 reads neither BYTE_STREAM_SPLIT nor DELTA_BYTE_ARRAY there, DuckDB 2.0 not
        // the former.
        DataType::Decimal128(precision, _) if *precision > 18 => &[Dictionary, Plain(Encoding::PLAIN)],
        DataType::Utf8 | DataType::Binary => &[
            Dictionary,
            Plain(Encoding::DELTA_BYTE_ARRAY),
            Plain(Encoding::DELTA_LENGTH_BYTE_ARRAY),
            Plain(Encoding::PLAIN),
        ],
        _ => &[
            Dictionary,
            Plain(Encoding::DELTA_BINARY_PACKED),
            Plain(Encoding::BYTE_STREAM_SPLIT),
            Plain(Encoding::PLAIN),
        ],
    }
}

/// Encodes one column of one row group.
pub(super) fn encode_chunk(field: &FieldRef, array: &ArrayRef, profile: Profile) -> Result<ArrowColumnChunk> {
    let layouts = candidates(field.data_type());
    if array.null_count() == array.len() {
        return write(field, array, layouts[0], Version::Two, profile.pages(), profile.compression());
    }
    match profile {
        Profile::Fast | Profile::Balanced => {
            let sample = Sample::of(array)?;
            let mut chunk = by_sample(field, array, &sample, layouts, profile)?;
            chunk.close_mut().bloom_filter = bloom::filter(array, &chunk, &sample);
            Ok(chunk)
        }
        // Kept data is to be small.
        Profile::Max => by_trial(field, array, layouts, profile),
    }
}

/// The chunk in the layout that costs least on a sample.
fn by_sample(
    field: &FieldRef,
    array: &ArrayRef,
    sample: &Sample,
    layouts: &[Layout],
    profile: Profile,
) -> Result<ArrowColumnChunk> {
    // Version 2 leaves definition levels as they are, which costs where there are some.
    let version = if array.null_count() > 0 { Version::One } else { Version::Two };
    let at = |array, layout, compression| write(field, array, layout, version, profile.pages(), compression);
    let hopeful: Vec<Layout> = layouts.iter().copied().filter(|&layout| sample.may_pay(layout)).collect();
    let may_repeat = profile == Profile::Balanced && sample.is_long_text();
    let mut compression = profile.compression();
    if let ([layout], false) = (&hopeful[..], may_repeat) {
        return at(array, *layout, compression);
    }
    let mut best: Option<(f64, Layout, ArrowColumnChunk)> = None;
    for layout in hopeful {
        let chunk = at(&sample.array, layout, compression)?;
        let cost = cost::of(sample, layout, &chunk, profile);
        if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
            best = Some((cost, layout, chunk));
        }
    }
    let Some((_, layout, mut sampled)) = best else {
        return at(array, layouts[0], compression);
    };
    if may_repeat {
        let packed = at(&sample.array, layout, zstd(TEXT_LEVEL))?;
        if bytes(&packed) * 100 <= bytes(&sampled) * TEXT_PERCENT {
            (compression, sampled) = (zstd(TEXT_LEVEL), packed);
        }
    }
    if sample.array.len() == array.len() { Ok(sampled) } else { at(array, layout, compression) }
}

/// The smallest chunk of all: a low level says which encodings may win, the highest which does, in which version and pages.
fn by_trial(field: &FieldRef, array: &ArrayRef, layouts: &[Layout], profile: Profile) -> Result<ArrowColumnChunk> {
    let at = |layout, version, pages, compression| write(field, array, layout, version, pages, compression);
    let mut sizes = Vec::with_capacity(layouts.len());
    for &layout in layouts {
        let chunk = at(layout, Version::One, profile.pages(), zstd(FIRST_LEVEL))?;
        sizes.push((layout, bytes(&chunk)));
    }
    let least = sizes.iter().map(|&(_, bytes)| bytes).min().unwrap_or(0);
    let mut best: Option<(Layout, ArrowColumnChunk)> = None;
    for (layout, low) in sizes {
        if low * 100 > least * HOPEFUL_PERCENT {
            continue;
        }
        let chunk = at(layout, Version::One, profile.pages(), profile.compression())?;
        if best.as_ref().is_none_or(|(_, best)| bytes(&chunk) < bytes(best)) {
            best = Some((layout, chunk));
        }
    }
    let (layout, mut chunk) = match best {
        Some(best) => best,
        None => (layouts[0], at(layouts[0], Version::One, profile.pages(), profile.compression())?),
    };
    let mut version = Version::One;
    let other = at(layout, Version::Two, profile.pages(), profile.compression())?;
    if bytes(&other) < bytes(&chunk) {
        (version, chunk) = (Version::Two, other);
    }
    if is_paged(&chunk) {
        let large = at(layout, version, LARGE_PAGES, profile.compression())?;
        if bytes(&large) < bytes(&chunk) - bytes(&chunk) / LARGE_PAGES_SAVE {
            chunk = large;
        }
    }
    Ok(chunk)
}

fn bytes(chunk: &ArrowColumnChunk) -> u64 {
    chunk.close().bytes_written
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Int64Array, StringArray},
        datatypes::Field,
    };

    use super::*;

    fn chosen(array: ArrayRef, profile: Profile) -> (Vec<Encoding>, ArrowColumnChunk) {
        let field = Arc::new(Field::new("x", array.data_type().clone(), true));
        let chunk = encode_chunk(&field, &array, profile).unwrap();
        (chunk.close().metadata.encodings().filter(|&e| e != Encoding::RLE).collect(), chunk)
    }

    #[track_caller]
    fn check(array: &ArrayRef, profiles: &[Profile], encoding: Encoding) {
        for &profile in profiles {
            let (encodings, _) = chosen(ArrayRef::clone(array), profile);
            assert!(encodings.contains(&encoding), "{profile:?}: {encodings:?}");
        }
    }

    /// Numbers without a pattern that a compressor could see.
    fn noise(rows: i64) -> impl Iterator<Item = i64> {
        (0..rows).map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 20)
    }

    const ALL: &[Profile] = &[Profile::Fast, Profile::Balanced, Profile::Max];

    #[test]
    fn steps_words_and_shared_prefixes_are_seen_in_a_sample() {
        let steps = noise(40_000).scan(0, |at, noise| {
            *at += noise & 0xff;
            Some(*at)
        });
        check(&(Arc::new(Int64Array::from_iter_values(steps)) as _), ALL, Encoding::DELTA_BINARY_PACKED);
        let words = noise(40_000).map(|n| ["departed", "arrived", "cancelled"][n.unsigned_abs() as usize % 3]);
        check(&(Arc::new(StringArray::from_iter_values(words)) as _), ALL, Encoding::RLE_DICTIONARY);
        let paths = noise(20_000).enumerate().map(|(i, n)| format!("/a/long/and/common/path/{i:07}/{:03}", n & 0xff));
        // Where reading at once is what counts, the price of decoding decides.
        let paths: ArrayRef = Arc::new(StringArray::from_iter_values(paths));
        check(&paths, &ALL[1..], Encoding::DELTA_BYTE_ARRAY);
        check(&paths, &ALL[..1], Encoding::PLAIN);
    }

    /// In a sorted column a sample sees few of the values, and a dictionary of them all would not pay.
    #[test]
    fn a_sample_of_a_sorted_column_expects_the_values_it_did_not_see() {
        let array: ArrayRef = Arc::new(Int64Array::from_iter_values((0..400_000).map(|i| i / 4 * 1_000)));
        let sample = Sample::of(&array).unwrap();
        assert!((90_000.0..=101_000.0).contains(&sample.distinct_in_chunk), "{}", sample.distinct_in_chunk);
        let few: ArrayRef = Arc::new(Int64Array::from_iter_values(noise(400_000).map(|n| n & 0x3f)));
        let sample = Sample::of(&few).unwrap();
        assert!((64.0..70.0).contains(&sample.distinct_in_chunk), "{}", sample.distinct_in_chunk);
    }

    #[test]
    fn long_text_that_repeats_itself_is_packed_tighter() {
        let messages = noise(30_000).map(|n| {
            let [host, port, sent, took] = [n & 0x1f, n >> 5 & 3, n >> 7 & 0xfff, n >> 19 & 0x3f];
            format!(
                "host-{host}.example.org:{} close, {sent} bytes sent, {sent} received, lifetime {took}",
                5070 + port
            )
        });
        let array: ArrayRef = Arc::new(StringArray::from_iter_values(messages));
        let (_, chunk) = chosen(ArrayRef::clone(&array), Profile::Balanced);
        let field = Arc::new(Field::new("x", array.data_type().clone(), true));
        let pages = Profile::Balanced.pages();
        let usual = |&layout: &Layout| write(&field, &array, layout, Version::Two, pages, zstd(3)).unwrap();
        let least = candidates(array.data_type()).iter().map(usual).map(|chunk| bytes(&chunk)).min().unwrap();
        assert!(bytes(&chunk) * 10 < least * 9, "{} against {least}", bytes(&chunk));
    }

    #[test]
    fn nothing_is_told_twice() {
        let (_, chunk) = chosen(Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])), Profile::Balanced);
        let close = chunk.close();
        assert!(close.column_index.is_none() && !is_paged(&chunk));
        let statistics = close.metadata.statistics().unwrap();
        assert!(!statistics.is_min_max_backwards_compatible() && statistics.null_count_opt() == Some(1));
        assert!(close.metadata.page_encoding_stats().is_none());
    }
}
