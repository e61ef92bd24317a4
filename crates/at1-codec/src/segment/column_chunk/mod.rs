//! One column chunk as Parquet bytes: the encoding is found by trying each that fits on a sample.
//!
//! * A chunk is encoded by itself, so columns and row groups choose freely.
//! * A chunk that holds a NaN carries no bounds at all, neither for itself nor for its pages: readers disagree on where
//!   NaN sorts, and a bound that leaves it out makes them skip rows that match.

use std::{io, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray as _},
    datatypes::{DataType, FieldRef, Float64Type, Schema as ArrowSchema},
};
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding, ZstdLevel},
    column::writer::ColumnCloseResult,
    file::{
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
        statistics::Statistics,
        writer::SerializedFileWriter,
    },
};

use crate::Result;

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
            Self::Balanced | Self::Max => Compression::ZSTD(ZstdLevel::try_new(self.zstd_level()).unwrap_or_default()),
        }
    }

    /// The Zstandard level for what is not a page: recovery streams, RAW segments.
    pub(crate) fn zstd_level(self) -> i32 {
        match self {
            Self::Fast => 1,
            Self::Balanced => 6,
            Self::Max => 19,
        }
    }

    /// How many rows the trial looks at.
    fn sample_rows(self) -> usize {
        match self {
            Self::Fast => 8 << 10,
            Self::Balanced => 32 << 10,
            Self::Max => 256 << 10,
        }
    }

    /// How many rows a page holds: larger pages compress better, smaller ones are skipped better.
    fn page_rows(self) -> usize {
        match self {
            Self::Fast | Self::Balanced => 16 << 10,
            Self::Max => 128 << 10,
        }
    }
}

/// The largest page, and the largest dictionary, before compression.
const PAGE_BYTES: usize = 1 << 20;

/// A way to lay out a column chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Dictionary,
    Plain(Encoding),
}

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
    let mut best = layouts[0];
    if array.null_count() < array.len() && layouts.len() > 1 {
        let sample = sample(array, profile.sample_rows());
        let mut least = u64::MAX;
        for &layout in layouts {
            let bytes = write(field, &sample, layout, profile)?.close().bytes_written;
            if bytes < least {
                (best, least) = (layout, bytes);
            }
        }
    }
    let mut chunk = write(field, array, best, profile)?;
    trim(chunk.close_mut(), holds_nan(array))?;
    Ok(chunk)
}

/// Leaves out of a chunk's description what says nothing new: bounds a second time for readers of ten years ago, counts
/// that the schema and the null count imply, a column index of one page. In a table of many columns and few rows that is
/// most of the footer.
fn trim(close: &mut ColumnCloseResult, unbounded: bool) -> Result<()> {
    let one_page = close.offset_index.as_ref().is_some_and(|index| index.page_locations().len() <= 1);
    if unbounded || one_page {
        close.column_index = None;
    }
    let statistics = close.metadata.statistics().filter(|_| !unbounded).cloned();
    let builder = close.metadata.clone().into_builder().clear_page_encoding_stats().clear_statistics();
    let builder = builder.set_unencoded_byte_array_data_bytes(None);
    let builder = builder.set_repetition_level_histogram(None).set_definition_level_histogram(None);
    close.metadata = match statistics.map(told_once) {
        Some(statistics) => builder.set_statistics(statistics),
        None => builder,
    }
    .build()?;
    Ok(())
}

/// Bounds without the deprecated pair of fields.
fn told_once(statistics: Statistics) -> Statistics {
    match statistics {
        Statistics::Boolean(s) => Statistics::Boolean(s.with_backwards_compatible_min_max(false)),
        Statistics::Int32(s) => Statistics::Int32(s.with_backwards_compatible_min_max(false)),
        Statistics::Int64(s) => Statistics::Int64(s.with_backwards_compatible_min_max(false)),
        Statistics::Double(s) => Statistics::Double(s.with_backwards_compatible_min_max(false)),
        Statistics::FixedLenByteArray(s) => Statistics::FixedLenByteArray(s.with_backwards_compatible_min_max(false)),
        other => other,
    }
}

/// The middle of a column; its start is often unlike the rest.
fn sample(array: &ArrayRef, rows: usize) -> ArrayRef {
    if array.len() <= rows { Arc::clone(array) } else { array.slice((array.len() - rows) / 2, rows) }
}

fn write(field: &FieldRef, array: &ArrayRef, layout: Layout, profile: Profile) -> Result<ArrowColumnChunk> {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_compression(profile.compression())
        .set_data_page_row_count_limit(profile.page_rows())
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(PAGE_BYTES);
    properties = match layout {
        Layout::Dictionary => properties.set_dictionary_enabled(true),
        Layout::Plain(encoding) => properties.set_dictionary_enabled(false).set_encoding(encoding),
    };
    // A file of this one column that goes nowhere: the only stable way to a column writer with properties of its own.
    let schema = Arc::new(ArrowSchema::new(vec![Arc::clone(field)]));
    let parquet_schema = ArrowSchemaConverter::new().convert(&schema)?;
    let file = SerializedFileWriter::new(io::sink(), parquet_schema.root_schema_ptr(), Arc::new(properties.build()))?;
    let mut writers = ArrowRowGroupWriterFactory::new(&file, schema).create_column_writers(0)?;
    let mut writer = writers.remove(0);
    for leaf in compute_leaves(field, array)? {
        writer.write(&leaf)?;
    }
    Ok(writer.close()?)
}

fn holds_nan(array: &ArrayRef) -> bool {
    array.as_primitive_opt::<Float64Type>().is_some_and(|a| a.iter().flatten().any(f64::is_nan))
}
