//! Column chunks through the parquet crate's writer, and without what their description says twice.

use std::{io, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray as _},
    datatypes::{FieldRef, Float64Type, Schema as ArrowSchema},
};
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding, PageType},
    column::writer::ColumnCloseResult,
    file::{
        metadata::ColumnChunkMetaData,
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
        statistics::Statistics,
        writer::SerializedFileWriter,
    },
};

use super::PAGE_BYTES;
use crate::Result;

/// How the values of a column chunk are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Dictionary,
    Plain(Encoding),
}

/// The version of data pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Definition levels are compressed with the values.
    One,
    /// Definition levels stand in front, as they are.
    Two,
}

/// Where a page ends, whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pages {
    pub(super) rows: usize,
    /// Before compression.
    pub(super) bytes: usize,
}

/// `array` as a column chunk.
pub(super) fn write(
    field: &FieldRef,
    array: &ArrayRef,
    layout: Layout,
    version: Version,
    pages: Pages,
    compression: Compression,
) -> Result<ArrowColumnChunk> {
    let mut properties = WriterProperties::builder()
        .set_writer_version(match version {
            Version::One => WriterVersion::PARQUET_1_0,
            Version::Two => WriterVersion::PARQUET_2_0,
        })
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_compression(compression)
        .set_data_page_row_count_limit(pages.rows)
        .set_data_page_size_limit(pages.bytes)
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
    let mut chunk = writer.close()?;
    let unbounded = holds_nan(array);
    let one_page = !is_paged(&chunk);
    trim(chunk.close_mut(), unbounded, one_page)?;
    Ok(chunk)
}

/// Whether a chunk has more than one page.
pub(in crate::segment) fn is_paged(chunk: &ArrowColumnChunk) -> bool {
    chunk.close().offset_index.as_ref().is_some_and(|index| index.page_locations().len() > 1)
}

fn holds_nan(array: &ArrayRef) -> bool {
    array.as_primitive_opt::<Float64Type>().is_some_and(|a| a.iter().flatten().any(f64::is_nan))
}

/// Whether all values of a chunk are in its dictionary, and it says so.
pub(super) fn is_dictionary_only(chunk: &ArrowColumnChunk) -> bool {
    tells_dictionary(&chunk.close().metadata)
}

fn tells_dictionary(metadata: &ColumnChunkMetaData) -> bool {
    let mut pages =
        metadata.page_encoding_stats().into_iter().flatten().filter(|s| s.page_type != PageType::DICTIONARY_PAGE);
    metadata.dictionary_page_offset().is_some()
        && metadata.page_encoding_stats().is_some()
        && pages.all(|s| matches!(s.encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY))
}

/// Leaves out of a chunk's description what says nothing new: bounds a second time for readers of ten years ago, counts
/// that the schema and the null count imply, a column index of one page, how pages are encoded unless that is by a dictionary
/// for several of them. In a table of many columns and few rows that is most of the footer.
fn trim(close: &mut ColumnCloseResult, unbounded: bool, one_page: bool) -> Result<()> {
    if unbounded || one_page {
        close.column_index = None;
    }
    let statistics = close.metadata.statistics().cloned();
    let statistics = if unbounded { statistics.map(nulls_only) } else { statistics };
    let dictionary_only = !one_page && tells_dictionary(&close.metadata);
    let builder = close.metadata.clone().into_builder().clear_statistics();
    let builder = if dictionary_only { builder } else { builder.clear_page_encoding_stats() };
    let builder = builder.set_unencoded_byte_array_data_bytes(None);
    let builder = builder.set_repetition_level_histogram(None).set_definition_level_histogram(None);
    close.metadata = match statistics.map(told_once) {
        Some(statistics) => builder.set_statistics(statistics),
        None => builder,
    }
    .build()?;
    Ok(())
}

/// Statistics of a chunk whose values have no bounds.
fn nulls_only(statistics: Statistics) -> Statistics {
    Statistics::double(None, None, None, statistics.null_count_opt(), false)
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
