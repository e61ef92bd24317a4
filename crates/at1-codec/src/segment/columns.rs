//! The columns of a row group as record batches.
//!
//! * Pages are read by [`Fetch`], so that neighbours come in one read, and unpacked with one decompressor per thread: the
//!   Parquet crate makes a compressor and a decompressor for each column chunk, which for small ones is most of the work.
//! * Pages without a row that is wanted are neither read nor unpacked.
//! * Where nobody vouches for a segment, a column chunk is checked as a whole before its first page is given out.

use std::{
    cell::RefCell,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::buffer::BooleanBuffer;
use bytes::Bytes;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ParquetRecordBatchReader, RowGroups, RowSelection},
        parquet_to_arrow_field_levels,
    },
    basic::{Compression, Encoding},
    column::page::{Page, PageIterator, PageMetadata, PageReader},
    errors::ParquetError,
    file::metadata::{ParquetMetaData, RowGroupMetaData},
};

use super::{
    digest::{Verified, carried},
    fetch::Fetch,
    page_header::Header,
    read::Segment,
};
use crate::{Error, Result};

/// What was unpacked of a row group, counted while its batches are read.
#[derive(Debug, Default)]
pub struct Unpacked {
    pages: AtomicU64,
    bytes: AtomicU64,
}

impl Unpacked {
    /// Counts what somebody else unpacked.
    pub fn add(&self, pages: u64, bytes: u64) {
        self.pages.fetch_add(pages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Data pages.
    pub fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Bytes of pages, once decompressed.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Segment {
    /// Some rows, or all, of some columns of a row group, in the order of the file, `batch_rows` at a time. Pages are read as the
    /// batches are; what was unpacked is added to `unpacked`.
    ///
    /// # Errors
    /// If there is no such row group or column, or `rows` are those of another; damage is met by the batches.
    pub fn columns(
        &self,
        row_group: usize,
        columns: &[usize],
        rows: Option<&BooleanBuffer>,
        batch_rows: usize,
        unpacked: &Arc<Unpacked>,
    ) -> Result<ParquetRecordBatchReader> {
        let metadata = Arc::clone(self.metadata().metadata());
        let groups = metadata.row_groups();
        let group = groups.get(row_group);
        let group = group.ok_or_else(|| Error::invalid("row group", format!("below {}", groups.len()), row_group))?;
        let length = usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
        if let Some(rows) = rows.filter(|rows| rows.len() != length) {
            return Err(Error::invalid("row group", format!("{length} rows"), rows.len()));
        }
        let rows = rows.filter(|rows| rows.count_set_bits() < length);
        let chunks = columns.iter().map(|&column| Chunk::new(&metadata, row_group, column, length));
        let chunks = chunks.collect::<Result<Vec<_>>>()?;
        let wanted = chunks.iter().flat_map(|chunk| chunk.wanted(rows)).collect();
        let fetch = Arc::new(Fetch::new(self.bytes().clone(), wanted)?);

        let mask = ProjectionMask::leaves(self.metadata().parquet_schema(), columns.iter().copied());
        let fields = Some(self.arrow_schema().fields());
        let levels = parquet_to_arrow_field_levels(self.metadata().parquet_schema(), mask, fields)?;
        let selection = rows.map(|rows| {
            let runs = rows.set_slices().map(|(from, to)| from..to);
            RowSelection::from_consecutive_ranges(runs, length)
        });
        let group = OneGroup {
            body: self.bytes().clone(),
            metadata,
            row_group,
            length,
            chunks,
            fetch,
            unpacked: unpacked.clone(),
        };
        Ok(ParquetRecordBatchReader::try_new_with_row_groups(&levels, &group, batch_rows, selection)?)
    }
}

/// Where the pages of a column chunk are.
#[derive(Clone)]
struct Chunk {
    column: usize,
    compression: Compression,
    dictionary: Option<Range<u64>>,
    /// The place and the first row of each data page; all in one place if there is no index.
    pages: Vec<(Range<u64>, usize)>,
    is_indexed: bool,
    rows: usize,
}

impl Chunk {
    fn new(metadata: &ParquetMetaData, row_group: usize, column: usize, rows: usize) -> Result<Self> {
        let group = metadata.row_group(row_group);
        let place = || format!("row group {row_group}: column {column}");
        let columns = group.columns();
        let chunk = columns.get(column);
        let chunk = chunk.ok_or_else(|| Error::invalid("column", format!("below {}", columns.len()), column))?;
        let broken = |found: i64| Error::corrupt(place(), "pages inside their column chunk", found);
        let range = |start: i64, bytes: i64| {
            let start = u64::try_from(start).map_err(|_| broken(start))?;
            let end = u64::try_from(bytes).ok().and_then(|bytes| start.checked_add(bytes));
            Ok::<_, Error>(start..end.ok_or_else(|| broken(bytes))?)
        };
        let first = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let all = range(first, chunk.compressed_size())?;
        let index = metadata.offset_index().and_then(|index| index.get(row_group)?.get(column));
        let locations = index.map_or(&[][..], |index| index.page_locations().as_slice());
        let mut pages = Vec::with_capacity(locations.len().max(1));
        for page in locations {
            let place = range(page.offset, page.compressed_page_size.into())?;
            let row = usize::try_from(page.first_row_index).map_err(|_| broken(page.first_row_index))?;
            let after = pages
                .last()
                .is_none_or(|(last, before): &(Range<u64>, usize)| last.end <= place.start && *before <= row);
            if place.start < all.start || place.end > all.end || row > rows || !after {
                return Err(broken(page.offset));
            }
            pages.push((place, row));
        }
        let data = range(chunk.data_page_offset(), 0)?.start;
        let first = pages.first().map_or(data, |(place, _)| place.start);
        if first < all.start || first > all.end {
            return Err(broken(chunk.data_page_offset()));
        }
        let is_indexed = !pages.is_empty();
        if !is_indexed {
            pages.push((first..all.end, 0));
        }
        let dictionary = Some(all.start..first).filter(|place| place.start < place.end);
        Ok(Self { column, compression: chunk.compression(), dictionary, pages, is_indexed, rows })
    }

    /// The places of the pages that hold `rows`.
    fn wanted(&self, rows: Option<&BooleanBuffer>) -> Vec<Range<u64>> {
        let ends = self.pages.iter().skip(1).map(|(_, row)| *row).chain([self.rows]);
        let holds = |from: usize, to: usize| rows.is_none_or(|rows| rows.slice(from, to - from).count_set_bits() > 0);
        let pages = self.pages.iter().zip(ends).filter(|((_, from), to)| holds(*from, *to));
        self.dictionary.iter().cloned().chain(pages.map(|((place, _), _)| place.clone())).collect()
    }
}

/// A row group, as the Parquet crate asks for it.
struct OneGroup {
    body: Verified,
    metadata: Arc<ParquetMetaData>,
    row_group: usize,
    length: usize,
    chunks: Vec<Chunk>,
    fetch: Arc<Fetch>,
    unpacked: Arc<Unpacked>,
}

impl RowGroups for OneGroup {
    fn num_rows(&self) -> usize {
        self.length
    }

    fn column_chunks(&self, column: usize) -> parquet::errors::Result<Box<dyn PageIterator>> {
        let chunk = self.chunks.iter().find(|chunk| chunk.column == column);
        let chunk = chunk.ok_or_else(|| ParquetError::General(format!("column {column} was not asked for")))?;
        let pages = Pages {
            body: self.body.clone(),
            fetch: Arc::clone(&self.fetch),
            unpacked: Arc::clone(&self.unpacked),
            chunk: chunk.clone(),
            next: 0,
            walk: Bytes::new(),
        };
        Ok(Box::new(One(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.metadata.row_group(self.row_group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// The one column chunk of a column.
struct One(Option<Pages>);

impl Iterator for One {
    type Item = parquet::errors::Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(|pages| Ok(Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for One {}

/// The pages of a column chunk, in order.
struct Pages {
    body: Verified,
    fetch: Arc<Fetch>,
    unpacked: Arc<Unpacked>,
    /// Its dictionary is taken out of it when it was read or skipped.
    chunk: Chunk,
    /// The next of the places of data pages.
    next: usize,
    /// What is left of a place that may hold several pages.
    walk: Bytes,
}

impl Pages {
    /// The bytes at a place, which begin with a page.
    fn at(&self, place: &Range<u64>) -> Result<Bytes> {
        self.body.admit(place.start, 0)?;
        self.fetch.page(place)
    }

    /// Reads on in a chunk without an index; whether there is a page.
    fn walk(&mut self) -> Result<bool> {
        if self.walk.is_empty() && !self.chunk.is_indexed && self.next == 0 {
            self.walk = self.at(&self.chunk.pages[0].0)?;
            self.next = 1;
        }
        Ok(!self.walk.is_empty())
    }

    /// The header of the page at the start of `bytes`, all of which is there.
    fn header(bytes: &Bytes) -> Result<Header> {
        let whole = |header: &Header| header.packed <= bytes.len() - header.bytes;
        Header::read(bytes).filter(whole).ok_or_else(broken)
    }

    fn unpack(&self, header: &Header, page: &Bytes) -> Result<Page> {
        let body = page.slice(header.bytes..header.bytes + header.packed);
        let page = unpack(header, body, self.chunk.compression)?;
        self.unpacked.add(u64::from(!header.is_dictionary), page.buffer().len() as u64);
        Ok(page)
    }

    fn next_page(&mut self) -> Result<Option<Page>> {
        if let Some(place) = self.chunk.dictionary.take() {
            let page = self.at(&place)?;
            let header = Self::header(&page)?;
            return if header.is_dictionary { self.unpack(&header, &page).map(Some) } else { Err(broken()) };
        }
        let page = if !self.chunk.is_indexed {
            if !self.walk()? {
                return Ok(None);
            }
            self.walk.clone()
        } else {
            let Some((place, _)) = self.chunk.pages.get(self.next) else { return Ok(None) };
            self.next += 1;
            self.at(place)?
        };
        let header = Self::header(&page)?;
        if header.is_dictionary {
            return Err(broken());
        }
        if !self.chunk.is_indexed {
            self.walk = page.slice(header.bytes + header.packed..);
        }
        self.unpack(&header, &page).map(Some)
    }

    fn peek(&mut self) -> Result<Option<PageMetadata>> {
        if self.chunk.dictionary.is_some() {
            return Ok(Some(PageMetadata { num_rows: None, num_levels: None, is_dict: true }));
        }
        let rows = if !self.chunk.is_indexed {
            if !self.walk()? {
                return Ok(None);
            }
            // Columns are flat: as many rows as values.
            Self::header(&self.walk)?.values
        } else {
            let Some((_, row)) = self.chunk.pages.get(self.next) else { return Ok(None) };
            self.chunk.pages.get(self.next + 1).map_or(self.chunk.rows, |(_, next)| *next) - row
        };
        Ok(Some(PageMetadata { num_rows: Some(rows), num_levels: None, is_dict: false }))
    }

    fn skip(&mut self) -> Result<()> {
        if self.chunk.dictionary.take().is_some() {
            return Ok(());
        }
        if self.chunk.is_indexed {
            self.next += 1;
        } else if self.walk()? {
            let header = Self::header(&self.walk)?;
            self.walk = self.walk.slice(header.bytes + header.packed..);
        }
        Ok(())
    }

    fn carried<T>(&self, result: Result<T>) -> parquet::errors::Result<T> {
        result.map_err(|e| carried(self.body.noted(e)))
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> parquet::errors::Result<Option<Page>> {
        let page = self.next_page();
        self.carried(page)
    }

    fn peek_next_page(&mut self) -> parquet::errors::Result<Option<PageMetadata>> {
        let found = self.peek();
        self.carried(found)
    }

    fn skip_next_page(&mut self) -> parquet::errors::Result<()> {
        let skipped = self.skip();
        self.carried(skipped)
    }

    fn at_record_boundary(&mut self) -> parquet::errors::Result<bool> {
        // Columns are flat: every value is a record.
        Ok(true)
    }
}

impl Iterator for Pages {
    type Item = parquet::errors::Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn broken() -> Error {
    Error::corrupt("page", "a dictionary or data page as the footer has it", "something else")
}

thread_local! {
    /// What unpacks pages: making one takes longer than unpacking a small page.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// What Zstandard makes of a byte at most.
const GROWTH_MAX: usize = 32 << 10;

/// A page as the Parquet crate decodes it, `body` being what follows its header.
fn unpack(header: &Header, body: Bytes, compression: Compression) -> Result<Page> {
    let (Some(packed), Some(unpacked)) =
        (body.len().checked_sub(header.levels), header.unpacked.checked_sub(header.levels))
    else {
        return Err(broken());
    };
    let is_stored = compression == Compression::UNCOMPRESSED || !header.is_packed;
    let buf = match compression {
        _ if is_stored => body,
        // Whatever the packer made of nothing is no value.
        _ if unpacked == 0 => body.slice(..header.levels),
        Compression::ZSTD(_) if unpacked / GROWTH_MAX <= packed => {
            let mut page = Vec::with_capacity(header.unpacked);
            page.extend_from_slice(&body[..header.levels]);
            let mut page = std::io::Cursor::new(page);
            page.set_position(header.levels as u64);
            ZSTD.with_borrow_mut(|zstd| {
                let zstd = match zstd {
                    Some(zstd) => zstd,
                    None => zstd.insert(zstd::bulk::Decompressor::new()?),
                };
                zstd.decompress_to_buffer(&body[header.levels..], &mut page)
            })?;
            page.into_inner().into()
        }
        Compression::LZ4_RAW if unpacked / GROWTH_MAX <= packed => {
            let mut page = vec![0; header.unpacked];
            page[..header.levels].copy_from_slice(&body[..header.levels]);
            let unpacked = lz4_flex::block::decompress_into(&body[header.levels..], &mut page[header.levels..]);
            unpacked.ok().filter(|&bytes| bytes == page.len() - header.levels).ok_or_else(broken)?;
            page.into()
        }
        _ => return Err(Error::corrupt("page", "pages, stored or packed as AT1 does", compression)),
    };
    let values = u32::try_from(header.values).map_err(|_| broken())?;
    let encoding = encoding(header.encoding)?;
    if buf.len() != header.unpacked {
        return Err(Error::corrupt("page", format!("{} bytes", header.unpacked), buf.len()));
    }
    Ok(match header.version_2 {
        _ if header.is_dictionary => Page::DictionaryPage { buf, num_values: values, encoding, is_sorted: false },
        None => Page::DataPage {
            buf,
            num_values: values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        },
        Some(nulls) => Page::DataPageV2 {
            buf,
            num_values: values,
            encoding,
            num_nulls: u32::try_from(nulls).map_err(|_| broken())?,
            num_rows: values,
            def_levels_byte_len: u32::try_from(header.levels).map_err(|_| broken())?,
            rep_levels_byte_len: 0,
            is_compressed: header.is_packed,
            statistics: None,
        },
    })
}

/// An encoding as Parquet numbers it.
fn encoding(number: i32) -> Result<Encoding> {
    Ok(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        other => return Err(Error::corrupt("page", "an encoding of flat columns", other)),
    })
}
