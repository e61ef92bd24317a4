//! Bounds on what a footer may say, before the Parquet crate believes it.
//!
//! A segment's own seal shows that its bytes are whole, not that AT1 wrote them: anyone can seal a hostile footer. So:
//!
//! * The footer and the offset indexes are parsed once by `parquet-format-safe`, which allocates no more than it is
//!   allowed, before the `parquet` crate parses them: a list size of 2^31 makes the latter abort the process. Column
//!   indexes are walked by [`super::thrift`] instead.
//! * The schema is flat: the `parquet` crate goes into groups in groups until its stack is full.
//! * Chunks and indexes lie inside the body, and chunks say nothing negative about themselves.

use std::io::Cursor;

use parquet_format_safe::{ColumnMetaData, FileMetaData, OffsetIndex, thrift::protocol::TCompactInputProtocol};

use super::{digest::Verified, thrift::Structure};
use crate::{Error, Result, column::bytes::Take};

/// How many bytes parsed structures may take for each byte they are parsed from. What AT1 writes grows to ten times its
/// size; a column chunk that says nothing of itself would grow to a hundred times.
const GROWTH_MAX: usize = 32;
/// What is allowed to the smallest structure.
const ALLOWANCE_MIN: usize = 1 << 20;

fn parse<'a, T>(
    what: &str,
    bytes: &'a [u8],
    read: impl FnOnce(&mut TCompactInputProtocol<Cursor<&'a [u8]>>) -> parquet_format_safe::thrift::Result<T>,
) -> Result<T> {
    let allowance = bytes.len().saturating_mul(GROWTH_MAX).max(ALLOWANCE_MIN);
    let mut protocol = TCompactInputProtocol::new(Cursor::new(bytes), allowance);
    read(&mut protocol).map_err(|e| Error::corrupt(what, "a structure in Thrift's compact protocol", e))
}

/// Refuses a footer that is not one, or that points outside the `body_bytes` bytes before the digest table.
pub(super) fn check_footer(thrift: &[u8], body_bytes: u64) -> Result<()> {
    let footer = parse("footer", thrift, FileMetaData::read_from_in_protocol)?;
    let inside = |what: &str, start: Option<i64>, bytes: Option<i64>| {
        let range = u64::try_from(start.unwrap_or(0)).ok().zip(u64::try_from(bytes.unwrap_or(0)).ok());
        match range.and_then(|(start, bytes)| start.checked_add(bytes)) {
            Some(end) if end <= body_bytes => Ok(()),
            _ => Err(Error::corrupt(
                "footer",
                format!("a {what} inside {body_bytes} bytes"),
                format!("{bytes:?} at {start:?}"),
            )),
        }
    };
    let columns = footer.schema.len().saturating_sub(1);
    let is_flat = footer.schema.iter().enumerate().all(|(index, element)| match index {
        0 => element.type_.is_none() && element.num_children.and_then(|n| usize::try_from(n).ok()) == Some(columns),
        _ => element.type_.is_some() && element.num_children.is_none_or(|n| n == 0),
    });
    if !is_flat || columns == 0 {
        return Err(Error::corrupt("footer", "a schema of columns", "another"));
    }
    for group in &footer.row_groups {
        if group.columns.len() != columns || group.num_rows < 0 {
            return Err(Error::corrupt("footer", format!("row groups of {columns} columns"), group.columns.len()));
        }
        for chunk in &group.columns {
            let Some(meta) = &chunk.meta_data else {
                return Err(Error::corrupt("footer", "metadata of every column chunk", "a chunk without"));
            };
            inside("column chunk", Some(start(meta)), Some(meta.total_compressed_size))?;
            inside("page", Some(meta.data_page_offset), None)?;
            inside("offset index", chunk.offset_index_offset, chunk.offset_index_length.map(i64::from))?;
            inside("column index", chunk.column_index_offset, chunk.column_index_length.map(i64::from))?;
            inside("Bloom filter", meta.bloom_filter_offset, None)?;
            if meta.num_values < 0 || meta.num_values != group.num_rows || meta.total_uncompressed_size < 0 {
                return Err(Error::corrupt("footer", format!("{} values", group.num_rows), meta.num_values));
            }
        }
    }
    Ok(())
}

/// Where a column chunk starts, as the `parquet` crate has it.
fn start(meta: &ColumnMetaData) -> i64 {
    meta.dictionary_page_offset.unwrap_or(meta.data_page_offset)
}

/// Refuses page indexes that are none, or that point outside their column chunk.
pub(super) fn check_indexes(thrift: &[u8], body: &Verified) -> Result<()> {
    let footer = parse("footer", thrift, FileMetaData::read_from_in_protocol)?;
    let read = |at: Option<i64>, bytes: Option<i32>| -> Result<Option<bytes::Bytes>> {
        match (at.map(u64::try_from), bytes.map(usize::try_from)) {
            (Some(Ok(at)), Some(Ok(bytes))) => body.read(at, bytes).map(Some),
            _ => Ok(None),
        }
    };
    for group in &footer.row_groups {
        for chunk in &group.columns {
            let Some(meta) = &chunk.meta_data else { continue };
            if let Some(bytes) = read(chunk.offset_index_offset, chunk.offset_index_length)? {
                let index = parse("offset index", &bytes, OffsetIndex::read_from_in_protocol)?;
                let end = start(meta) + meta.total_compressed_size;
                let mut row = 0;
                for page in &index.page_locations {
                    let ordered = page.first_row_index >= row && page.first_row_index <= group.num_rows;
                    let page_end = page.offset.checked_add(i64::from(page.compressed_page_size));
                    if page.compressed_page_size < 0 || page.offset < 0 || page_end.is_none_or(|e| e > end) || !ordered
                    {
                        return Err(Error::corrupt(
                            "offset index",
                            "pages inside their column chunk",
                            "a page outside",
                        ));
                    }
                    row = page.first_row_index;
                }
            }
            let index = read(chunk.column_index_offset, chunk.column_index_length)?;
            if index.is_some_and(|bytes| Structure::read(&mut Take::new(&bytes)).is_none()) {
                return Err(Error::corrupt("column index", "a structure in Thrift's compact protocol", "other bytes"));
            }
        }
    }
    Ok(())
}
