//! Where a scan reads from: segments, and plain Parquet files.
//!
//! * This crate opens nothing: whoever has a file hands over what reads it.
//! * A segment keeps the text of its fields, so its columns can be read as any type; a plain Parquet file has only values.

use std::{
    io::Read,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{ArrayRef, UInt64Array},
    buffer::BooleanBuffer,
};
use at1_codec::{Segment, Unpacked, Verified, column::Meaning};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
            RowSelection, RowSelectionPolicy,
        },
    },
    file::{
        metadata::PageIndexPolicy,
        reader::{ChunkReader, Length},
    },
};

use crate::{
    ColumnZones, DoubleBounds, Error, Result, View, Zones,
    footer::{bits, pages},
};

/// A file of columns that can be scanned.
pub trait Source {
    /// What serves its bytes.
    type Reader: ChunkReader + Clone + 'static;

    /// Its Parquet metadata, with page indexes if it has any.
    fn metadata(&self) -> &ArrowReaderMetadata;

    /// Its bytes.
    fn reader(&self) -> Self::Reader;

    /// Some rows, or all, of stored columns of a row group, in the order of the file, `batch_rows` at a time. Adds to `unpacked`
    /// the pages of these rows, when it reads them if it can tell.
    ///
    /// # Errors
    /// If there is no such row group or column. Damage is met by the batches.
    fn columns(
        &self,
        row_group: usize,
        columns: &[usize],
        rows: &BooleanBuffer,
        batch_rows: usize,
        unpacked: &Arc<Unpacked>,
    ) -> Result<ParquetRecordBatchReader> {
        let metadata = self.metadata();
        for &column in columns {
            let holds = |page: &Range<u64>| -> Result<bool> {
                let (from, to) = (bits(page.start)?, bits(page.end)?);
                Ok(rows.slice(from, to - from).count_set_bits() > 0)
            };
            for page in pages(metadata.metadata(), row_group, column)? {
                unpacked.add(u64::from(holds(&page)?), 0);
            }
        }
        let projection = ProjectionMask::leaves(metadata.parquet_schema(), columns.iter().copied());
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.reader(), metadata.clone())
            .with_row_groups(vec![row_group])
            .with_projection(projection)
            .with_batch_size(batch_rows);
        let count = rows.count_set_bits();
        if count < rows.len() {
            let runs = rows.set_slices().map(|(from, to)| from..to);
            builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(runs, rows.len()));
            if count < rows.len() / 8 {
                // A mask reads every page between its first and last row; few rows are better jumped to.
                builder = builder.with_row_selection_policy(RowSelectionPolicy::Selectors);
            }
        }
        Ok(builder.build()?)
    }

    /// What its writer promises about bounds of doubles.
    fn double_bounds(&self) -> DoubleBounds;

    /// How many fields of a column its type could not hold.
    fn rejects(&self, column: usize) -> u64;

    /// Whether it knows how its fields were spelled, so that they can be read again as other types.
    fn keeps_fields(&self) -> bool;

    /// The fields of a column in a row group as `meaning` says, whatever type they are stored as, and how many of them
    /// that type cannot hold.
    ///
    /// # Errors
    /// If the source is damaged, or keeps no fields.
    fn read_as(&self, row_group: usize, column: usize, meaning: &Meaning) -> Result<(ArrayRef, u64)>;

    /// The error behind one that came through the Arrow layer, which keeps no more than a text.
    fn explain(&self, error: Error) -> Error {
        error
    }

    /// Its size.
    fn bytes_total(&self) -> u64;

    /// All bytes that were read from it so far.
    fn bytes_read(&self) -> u64;

    /// Of those, what opening it read: the footer, and what belongs to it.
    fn opening_bytes(&self) -> u64 {
        0
    }

    /// How often its storage was asked so far; zero if nobody counts.
    fn reads(&self) -> u64 {
        0
    }
}

impl<S: Source + ?Sized> Source for &S {
    type Reader = S::Reader;

    fn metadata(&self) -> &ArrowReaderMetadata {
        (**self).metadata()
    }

    fn reader(&self) -> Self::Reader {
        (**self).reader()
    }

    fn columns(
        &self,
        row_group: usize,
        columns: &[usize],
        rows: &BooleanBuffer,
        batch_rows: usize,
        unpacked: &Arc<Unpacked>,
    ) -> Result<ParquetRecordBatchReader> {
        (**self).columns(row_group, columns, rows, batch_rows, unpacked)
    }

    fn double_bounds(&self) -> DoubleBounds {
        (**self).double_bounds()
    }

    fn rejects(&self, column: usize) -> u64 {
        (**self).rejects(column)
    }

    fn keeps_fields(&self) -> bool {
        (**self).keeps_fields()
    }

    fn read_as(&self, row_group: usize, column: usize, meaning: &Meaning) -> Result<(ArrayRef, u64)> {
        (**self).read_as(row_group, column, meaning)
    }

    fn explain(&self, error: Error) -> Error {
        (**self).explain(error)
    }

    fn bytes_total(&self) -> u64 {
        (**self).bytes_total()
    }

    fn bytes_read(&self) -> u64 {
        (**self).bytes_read()
    }

    fn opening_bytes(&self) -> u64 {
        (**self).opening_bytes()
    }

    fn reads(&self) -> u64 {
        (**self).reads()
    }
}

impl Source for Segment {
    type Reader = Verified;

    fn metadata(&self) -> &ArrowReaderMetadata {
        self.metadata()
    }

    fn reader(&self) -> Verified {
        self.bytes().clone()
    }

    fn columns(
        &self,
        row_group: usize,
        columns: &[usize],
        rows: &BooleanBuffer,
        batch_rows: usize,
        unpacked: &Arc<Unpacked>,
    ) -> Result<ParquetRecordBatchReader> {
        Ok(self.columns(row_group, columns, Some(rows), batch_rows, unpacked)?)
    }

    fn double_bounds(&self) -> DoubleBounds {
        DoubleBounds::ProveNoNan
    }

    fn rejects(&self, column: usize) -> u64 {
        self.rejects(column)
    }

    fn keeps_fields(&self) -> bool {
        true
    }

    fn read_as(&self, row_group: usize, column: usize, meaning: &Meaning) -> Result<(ArrayRef, u64)> {
        let read = self.read_as(row_group, column, meaning)?;
        Ok((read.array, read.rejects.len() as u64))
    }

    fn explain(&self, error: Error) -> Error {
        error.behind_arrow(|error| self.bytes().explain(error))
    }

    fn bytes_total(&self) -> u64 {
        self.size()
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read()
    }

    fn opening_bytes(&self) -> u64 {
        self.opening_bytes()
    }

    fn reads(&self) -> u64 {
        self.bytes().reads()
    }
}

impl Zones {
    /// The zone of a whole segment, with every column of the table, and the rejects of those that it has in their type.
    ///
    /// # Errors
    /// If the metadata contradicts itself or lacks a column that the view names.
    pub fn of_segment(source: &impl Source, view: &View) -> Result<Self> {
        let whole = Self::of_row_groups(source, view, 0..view.columns.len())?.whole()?;
        let columns = whole.columns().iter().enumerate().map(|(column, zones)| {
            let Some(zones) = zones else { return Ok(None) };
            let rejects = match view.columns[column] {
                Some(stored) if view.holds_rejects(source, column, stored)? => {
                    UInt64Array::from(vec![source.rejects(stored)])
                }
                _ => zones.rejects().clone(),
            };
            ColumnZones::new(zones.min().clone(), zones.max().clone(), zones.nulls().clone(), rejects).map(Some)
        });
        Self::new(whole.rows().clone(), columns.collect::<Result<_>>()?)
    }
}

/// A plain Parquet file, whoever wrote it.
#[derive(Clone, Debug)]
pub struct ParquetFile<R> {
    metadata: ArrowReaderMetadata,
    reader: Counted<R>,
    doubles: DoubleBounds,
}

impl<R: ChunkReader + Clone + 'static> ParquetFile<R> {
    /// Reads the footer and the page index.
    ///
    /// # Errors
    /// If the bytes are no Parquet file.
    pub fn open(reader: R, doubles: DoubleBounds) -> Result<Self> {
        let reader = Counted { reader, read: Arc::default() };
        let options =
            ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional).with_skip_arrow_metadata(true);
        Ok(Self { metadata: ArrowReaderMetadata::load(&reader, options)?, reader, doubles })
    }
}

impl<R: ChunkReader + Clone + 'static> Source for ParquetFile<R> {
    type Reader = Counted<R>;

    fn metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    fn reader(&self) -> Counted<R> {
        self.reader.clone()
    }

    fn double_bounds(&self) -> DoubleBounds {
        self.doubles
    }

    fn rejects(&self, _: usize) -> u64 {
        0
    }

    fn keeps_fields(&self) -> bool {
        false
    }

    fn read_as(&self, _: usize, column: usize, _: &Meaning) -> Result<(ArrayRef, u64)> {
        Err(Error::mismatch(
            format!("column {column}"),
            "a segment, which knows the text of its values",
            "a Parquet file",
        ))
    }

    fn bytes_total(&self) -> u64 {
        self.reader.len()
    }

    fn bytes_read(&self) -> u64 {
        self.reader.read.load(Ordering::Relaxed)
    }
}

/// A reader that counts what it gives out.
#[derive(Clone, Debug)]
pub struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl<R: Length> Length for Counted<R> {
    fn len(&self) -> u64 {
        self.reader.len()
    }
}

impl<R: ChunkReader> ChunkReader for Counted<R> {
    type T = Counted<R::T>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(Counted { reader: self.reader.get_read(start)?, read: Arc::clone(&self.read) })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<bytes::Bytes> {
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        self.reader.get_bytes(start, length)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
