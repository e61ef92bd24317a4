//! The pages of a segment that nobody vouches for, checked before the Parquet crate decodes them.
//!
//! The crate believes what pages say of themselves: a number of deltas is allocated before the deltas are there, lengths
//! are added without looking, text is checked as a whole but not value by value. With digests from a ledger that is no
//! matter. Under a segment's own seal anybody may have written the pages, so whoever reads the first byte of a column chunk
//! through [`Verified`](super::digest::Verified) has the whole chunk checked first:
//!
//! * Columns are optional, flat, and of the physical type that the specification gives their type; row groups have 1 to
//!   [`GROUP_ROWS_MAX`] rows, with some room; column chunks do not overlap.
//! * A chunk is a dictionary page, if it has one, and data pages, one after the other, where footer and
//!   offset index say, with as many values as its row group has rows, and nothing else.
//! * No page is decompressed before its size is held against its rows and what its bytes can expand to. What comes out is
//!   held against its encoding by [`super::values`]; its text against [`TEXT_BYTES_MAX`] for the row group's columns together.
//!
//! So: no panic, no abort, no endless loop, no text that is not UTF-8, and no more memory than 64 MiB beside the bytes of the
//! file and the text of one row group, which is at most [`TEXT_BYTES_MAX`] and no more than those bytes can expand to. What the
//! values *are* is up to who wrote them, as in any file; that they are those of the digested bytes is not.

use std::{
    ops::Range,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, Type},
    column::page::{Page, PageReader},
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        page_index::offset_index::PageLocation,
        reader::{ChunkReader, Length},
        serialized_reader::SerializedPageReader,
    },
};

use super::{
    digest::{Verified, VerifiedRead},
    layout::{FILTER_BYTES_MAX, GROUP_BYTES_MAX, GROUP_ROWS_MAX},
    page_header::Header,
    thrift::Structure,
    values::{Dictionary, Kind, Wrong, check_dictionary, check_values, count_values, split_levels},
};
use crate::{ColumnType, Error, Result, Schema, column::bytes::Take, text::RECORD_BYTES_MAX};

/// The most rows of a row group: what the writer aims at, with room for how it gets there.
const ROWS_MAX: usize = 2 * GROUP_ROWS_MAX;
/// The most text of a row group, all columns together: its records and one that is as long as a record can be.
const TEXT_BYTES_MAX: u64 = (GROUP_BYTES_MAX + RECORD_BYTES_MAX) as u64;
/// The largest header of a Bloom filter; the writer's have some 15 bytes.
const FILTER_HEADER_BYTES_MAX: u64 = 64;
/// The largest page header; the writer's have 40 bytes.
const HEADER_BYTES_MAX: usize = 1 << 10;

/// The column chunks of a segment, and which of them were found good.
pub(super) struct Pages {
    metadata: Arc<ParquetMetaData>,
    kinds: Vec<Kind>,
    /// In the order of their places.
    chunks: Vec<Chunk>,
    /// For each row group the text of its chunks so far.
    text: Vec<AtomicU64>,
    /// Where Bloom filters lie.
    filters: Vec<Range<u64>>,
}

struct Chunk {
    start: u64,
    end: u64,
    group: usize,
    column: usize,
    good: OnceLock<()>,
}

impl Pages {
    /// Looks at all that can be known without reading a page.
    pub(super) fn new(metadata: Arc<ParquetMetaData>, schema: &Schema) -> Result<Self> {
        let descriptions = metadata.file_metadata().schema_descr();
        let mut kinds = Vec::with_capacity(schema.columns.len());
        for (description, column) in descriptions.columns().iter().zip(&schema.columns) {
            let (physical, kind) = physical(column.ty);
            let bytes =
                if let (Type::FIXED_LEN_BYTE_ARRAY, Kind::Fixed { bytes }) = (physical, kind) { bytes } else { 0 };
            let same = description.physical_type() == physical
                && (bytes == 0 || usize::try_from(description.type_length()) == Ok(bytes))
                && (description.max_def_level(), description.max_rep_level()) == (1, 0);
            if !same {
                let place = format!("column {}", column.name);
                return Err(Error::corrupt(place, format!("an optional {physical}"), "another type"));
            }
            kinds.push(kind);
        }
        let (mut chunks, mut filters) = (Vec::new(), Vec::new());
        for (group, row_group) in metadata.row_groups().iter().enumerate() {
            if !usize::try_from(row_group.num_rows()).is_ok_and(|rows| (1..=ROWS_MAX).contains(&rows)) {
                let place = format!("row group {group}");
                return Err(Error::corrupt(place, format!("1 to {ROWS_MAX} rows"), row_group.num_rows()));
            }
            for (column, chunk) in row_group.columns().iter().enumerate() {
                let place = || format!("row group {group}: column {column}");
                let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
                let end = start.checked_add(chunk.compressed_size());
                let (Ok(start), Some(Ok(end))) = (u64::try_from(start), end.map(u64::try_from)) else {
                    return Err(Error::corrupt(place(), "a place in the file", start));
                };
                let known = matches!(
                    chunk.compression(),
                    Compression::UNCOMPRESSED | Compression::LZ4_RAW | Compression::ZSTD(_)
                );
                if !known || start >= end || chunk.num_values() != row_group.num_rows() {
                    return Err(Error::corrupt(place(), "pages, stored or packed as AT1 does, of its rows", "others"));
                }
                if let Some(index) = metadata.offset_index().and_then(|index| index.get(group)?.get(column))
                    && !tile(index.page_locations(), chunk.data_page_offset(), start, end)
                {
                    return Err(Error::corrupt(place(), "an offset index of all its pages", "another"));
                }
                filters.extend(filter_place(chunk).map_err(|e| e.within(&place()))?);
                chunks.push(Chunk { start, end, group, column, good: OnceLock::new() });
            }
        }
        chunks.sort_by_key(|chunk| chunk.start);
        if let Some(pair) = chunks.windows(2).find(|pair| pair[0].end > pair[1].start) {
            let place = format!("row group {}: column {}", pair[1].group, pair[1].column);
            return Err(Error::corrupt(place, "bytes of its own", format!("those of column {}", pair[0].column)));
        }
        let text = metadata.row_groups().iter().map(|_| AtomicU64::new(0)).collect();
        Ok(Self { metadata, kinds, chunks, text, filters })
    }

    /// Checks the chunk of which `bytes` bytes from `start` on are to be read, unless it is known to be good; or the Bloom
    /// filter that is just these bytes.
    pub(super) fn admit(&self, body: &Verified, start: u64, bytes: usize) -> Result<()> {
        if self.filters.contains(&(start..start.saturating_add(bytes as u64))) {
            return match is_filter(&body.read(start, bytes)?) {
                Some(true) => Ok(()),
                _ => Err(Error::corrupt(format!("byte {start}"), "a split block Bloom filter", "other bytes")),
            };
        }
        let next = self.chunks.partition_point(|chunk| chunk.end <= start);
        let chunk = self.chunks.get(next).filter(|chunk| chunk.start <= start);
        let chunk = chunk.filter(|chunk| bytes as u64 <= chunk.end - start);
        let chunk =
            chunk.ok_or_else(|| Error::corrupt(format!("byte {start}"), "a place in a column chunk", "another"))?;
        if chunk.good.get().is_some() {
            return Ok(());
        }
        let before = self.text[chunk.group].load(Ordering::Relaxed);
        let text = self.check(body, chunk, TEXT_BYTES_MAX.saturating_sub(before))?;
        // Two threads may have checked the same chunk; its text counts once.
        if chunk.good.set(()).is_ok()
            && self.text[chunk.group].fetch_add(text, Ordering::Relaxed) + text > TEXT_BYTES_MAX
        {
            let place = format!("row group {}", chunk.group);
            return Err(Error::corrupt(place, format!("at most {TEXT_BYTES_MAX} bytes of text"), "more"));
        }
        Ok(())
    }

    /// Checks a chunk, and gives the size of its text.
    fn check(&self, body: &Verified, chunk: &Chunk, text_max: u64) -> Result<u64> {
        let row_group = self.metadata.row_group(chunk.group);
        let column = row_group.column(chunk.column);
        let index = self.metadata.offset_index().and_then(|index| index.get(chunk.group)?.get(chunk.column));
        let mut walk = Walk {
            rows: usize::try_from(row_group.num_rows()).unwrap_or(0),
            kind: self.kinds[chunk.column],
            column,
            locations: index.map(|index| index.page_locations().as_slice()),
            dictionary: None,
            row: 0,
            page: 0,
            text_left: text_max,
        };
        let pages = SerializedPageReader::new(Arc::new(Unchecked(body.clone())), column, walk.rows, None)?;
        walk.all(body, chunk, pages)
            .map_err(|e| e.within(&format!("row group {}: column {}", chunk.group, chunk.column)))?;
        Ok(text_max - walk.text_left)
    }
}

/// Where the Bloom filter of a chunk lies, if it has one.
fn filter_place(chunk: &ColumnChunkMetaData) -> Result<Option<Range<u64>>> {
    let (at, bytes) = (chunk.bloom_filter_offset(), chunk.bloom_filter_length());
    if at.is_none() && bytes.is_none() {
        return Ok(None);
    }
    let place = at.zip(bytes).and_then(|(at, bytes)| Some((u64::try_from(at).ok()?, u64::try_from(bytes).ok()?)));
    let most = FILTER_BYTES_MAX + FILTER_HEADER_BYTES_MAX;
    match place.filter(|&(_, bytes)| bytes <= most) {
        Some((at, bytes)) => Ok(Some(at..at.saturating_add(bytes))),
        None => Err(Error::corrupt("Bloom filter", format!("at most {most} bytes"), format!("{bytes:?}"))),
    }
}

/// Whether these are a header and just the blocks that it tells of, which must be one at least and 2^n: the Parquet crate takes
/// whatever follows the header, and stumbles over none.
fn is_filter(bytes: &[u8]) -> Option<bool> {
    let mut from = Take::new(bytes);
    let header = Structure::read(&mut from)?;
    let blocks = header.count(1)?;
    // Split blocks, xxHash and no compression are the only ones of their kind, a structure in a union each.
    let known = [2, 3, 4].iter().all(|&id| header.structure(id).and_then(|one| one.structure(1)).is_some());
    Some(
        known
            && header.has_only(&[1, 2, 3, 4])
            && blocks == from.remaining()
            && blocks >= 32
            && blocks.is_power_of_two(),
    )
}

/// Whether pages follow each other from `first` to the end of a chunk.
fn tile(pages: &[PageLocation], first: i64, start: u64, end: u64) -> bool {
    let mut at = u64::try_from(first).unwrap_or(0);
    at >= start
        && pages.iter().all(|page| {
            let is_next = u64::try_from(page.offset) == Ok(at);
            at = at.saturating_add(u64::try_from(page.compressed_page_size).unwrap_or(u64::MAX));
            is_next
        })
        && at == end
}

/// How values of a type are stored.
fn physical(ty: ColumnType) -> (Type, Kind) {
    match ty {
        ColumnType::Int64 | ColumnType::Timestamp { .. } => (Type::INT64, Kind::Integer { bytes: 8 }),
        ColumnType::Decimal { precision, .. } if precision <= 18 => (Type::INT64, Kind::Integer { bytes: 8 }),
        ColumnType::Decimal { .. } => (Type::FIXED_LEN_BYTE_ARRAY, Kind::Fixed { bytes: 16 }),
        ColumnType::Float64 => (Type::DOUBLE, Kind::Fixed { bytes: 8 }),
        ColumnType::Boolean => (Type::BOOLEAN, Kind::Boolean),
        ColumnType::Date => (Type::INT32, Kind::Integer { bytes: 4 }),
        ColumnType::Text => (Type::BYTE_ARRAY, Kind::Bytes { utf8: true }),
        ColumnType::Binary => (Type::BYTE_ARRAY, Kind::Bytes { utf8: false }),
    }
}

/// Goes over the pages of a chunk.
struct Walk<'a> {
    rows: usize,
    kind: Kind,
    column: &'a ColumnChunkMetaData,
    /// The data pages as the offset index has them.
    locations: Option<&'a [PageLocation]>,
    dictionary: Option<Dictionary>,
    /// The first row of the next data page, and its number.
    row: usize,
    page: usize,
    text_left: u64,
}

impl Walk<'_> {
    fn all(&mut self, body: &Verified, chunk: &Chunk, mut pages: impl PageReader) -> Result<()> {
        let mut at = chunk.start;
        while at < chunk.end {
            let left = usize::try_from(chunk.end - at).unwrap_or(usize::MAX);
            let window = body.read(at, left.min(HEADER_BYTES_MAX))?;
            let place = || format!("page at byte {at}");
            let wrong = |expected: Wrong| Error::corrupt(place(), expected, "other bytes");
            let header = Header::read(&window).ok_or_else(|| wrong("the header of a dictionary or data page"))?;
            let bytes = header.bytes.checked_add(header.packed).filter(|&bytes| bytes <= left);
            let bytes = bytes.ok_or_else(|| wrong("a page inside its column chunk"))?;
            self.size(&header).map_err(wrong)?;
            let page = pages.get_next_page().map_err(|e| Error::from(e).within(&place()))?;
            self.place(&header, at, bytes).map_err(wrong)?;
            let page = page.ok_or_else(|| wrong("a page"))?;
            self.content(&header, &page).map_err(wrong)?;
            at += bytes as u64;
        }
        let indexed = self.locations.is_none_or(|locations| locations.len() == self.page);
        if self.row == self.rows && indexed {
            Ok(())
        } else {
            Err(Error::corrupt("pages", format!("{} rows, each page in the index", self.rows), self.row))
        }
    }

    /// Whether the page may be decompressed.
    fn size(&self, header: &Header) -> Result<(), Wrong> {
        let values_max = self.rows.saturating_sub(self.row);
        if header.values > values_max {
            return Err("no more values than the row group has rows");
        }
        // Indices and deltas take up to 8 bytes and some more for each block; levels take a bit.
        let most = match self.kind {
            Kind::Boolean => values_max,
            Kind::Integer { .. } => values_max * 10,
            Kind::Fixed { bytes } => values_max * (bytes + 1),
            Kind::Bytes { .. } => usize::try_from(TEXT_BYTES_MAX).unwrap_or(usize::MAX) + values_max * 16,
        };
        // A block of Zstandard makes 128 KiB of 4 bytes, LZ4 255 bytes of one.
        let body = header.packed.checked_sub(header.levels).ok_or("levels inside the page")?;
        let expands = match self.column.compression() {
            _ if !header.is_packed => 1,
            Compression::ZSTD(_) => 32 << 10,
            Compression::LZ4_RAW => 255,
            _ => 1,
        };
        if header.unpacked > most.saturating_add(64 << 10)
            || header.unpacked > header.levels + body.saturating_mul(expands)
        {
            return Err("a page no larger than its rows and its bytes can make it");
        }
        Ok(())
    }

    /// Whether the page lies where footer and offset index have it.
    fn place(&mut self, header: &Header, at: u64, bytes: usize) -> Result<(), Wrong> {
        let is = |place: i64| u64::try_from(place) == Ok(at);
        if header.is_dictionary {
            let first = self.page == 0 && self.dictionary.is_none();
            return if first && self.column.dictionary_page_offset().is_some_and(is) {
                Ok(())
            } else {
                Err("one dictionary page, where the footer has it")
            };
        }
        if self.page == 0 && !is(self.column.data_page_offset()) {
            return Err("the first data page where the footer has it");
        }
        if let Some(locations) = self.locations {
            let same = locations.get(self.page).is_some_and(|location| {
                is(location.offset)
                    && usize::try_from(location.compressed_page_size) == Ok(bytes)
                    && usize::try_from(location.first_row_index) == Ok(self.row)
            });
            if !same {
                return Err("a page as the offset index has it");
            }
        }
        self.page += 1;
        Ok(())
    }

    fn content(&mut self, header: &Header, page: &Page) -> Result<(), Wrong> {
        match page {
            Page::DictionaryPage { buf, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, .. } => {
                // Text in a dictionary counts where it is used.
                let mut text_left = TEXT_BYTES_MAX;
                self.dictionary = Some(check_dictionary(buf, header.values, self.kind, &mut text_left)?);
            }
            Page::DataPageV2 { buf, encoding, num_nulls, .. } => {
                let nulls = usize::try_from(*num_nulls).map_err(|_| "a number of nulls")?;
                let values = header.values.checked_sub(nulls).ok_or("no more nulls than values")?;
                let (levels, data) = buf.split_at_checked(header.levels).ok_or("levels inside the page")?;
                if count_values(levels, header.values)? != values {
                    return Err("as many values as its levels say");
                }
                self.values(header, data, *encoding, values)?;
            }
            Page::DataPage { buf, encoding, .. } => {
                let (levels, data) = split_levels(buf).ok_or("levels inside the page")?;
                self.values(header, data, *encoding, count_values(levels, header.values)?)?;
            }
            Page::DictionaryPage { .. } => return Err("a dictionary of plain values"),
        }
        Ok(())
    }

    fn values(&mut self, header: &Header, data: &[u8], encoding: Encoding, values: usize) -> Result<(), Wrong> {
        // Whoever looks for a value trusts in this, and does not look at the pages.
        if self.column.page_encoding_stats_mask().is_some_and(|mask| !mask.all_set([encoding].iter())) {
            return Err("a page that is encoded as the footer says");
        }
        check_values(data, encoding, values, self.kind, self.dictionary.as_ref(), &mut self.text_left)?;
        self.row += header.values;
        Ok(())
    }
}

/// The bytes of a segment for who checks them.
struct Unchecked(Verified);

impl Length for Unchecked {
    fn len(&self) -> u64 {
        Length::len(&self.0)
    }
}

impl ChunkReader for Unchecked {
    type T = VerifiedRead;

    fn get_read(&self, start: u64) -> parquet::errors::Result<VerifiedRead> {
        Ok(self.0.reading(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.0.read(start, length).map_err(|e| ParquetError::External(Box::new(e)))
    }
}
