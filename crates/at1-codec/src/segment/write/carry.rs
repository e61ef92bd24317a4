//! Batches of other segments, taken over record by record.
//!
//! * Nothing is scanned: where fields and records end is known from the segment they come from. A scanner could not know it, since
//!   a batch may end inside a quote.
//! * Memory is that of some thousand records beside the row group that is being filled.

use std::{collections::HashMap, io::Write, ops::Range};

use sha2::{Digest as _, Sha256};

use super::{
    super::{
        chunk::Chunk,
        directory::BatchInfo,
        layout::GROUP_ROWS_MAX,
        read::Segment,
        records::{Unusual, line_end},
        recover::Part,
    },
    SegmentWriter,
};
use crate::{
    Error, Result,
    column::Printed,
    text::{Record, Span, shape::Slots},
};

/// How many bytes are taken over before they are handed on: a row group is filled in steps of about this.
const STEP_BYTES: usize = 4 << 20;

/// Whether records come with what stood before the first one: a byte order mark, a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preamble {
    /// They do.
    Keep,
    /// They come alone.
    Drop,
}

impl<W: Write + Send> SegmentWriter<W> {
    /// Takes over a batch of another segment whose columns are the first ones of this one's: its records as they were cut there,
    /// its header, its digests.
    ///
    /// # Errors
    /// If there is no such batch, it has columns that this segment lacks, the other segment is damaged, or writing fails.
    pub fn append_batch(&mut self, from: &Segment, batch: usize) -> Result<()> {
        let info = self.batch_to_carry(from, batch)?;
        let rows = info.row_range();
        let carried = BatchInfo { first_row: self.directory.rows(), ..info };
        let number = self.directory.batches.len();
        self.carry(from, rows, &carried, number, &mut |_, _| Ok(true))?;
        self.directory.batches.push(carried);
        self.cuts.push(None);
        Ok(())
    }

    /// Takes over some records of a batch, by their numbers in the other segment, ascending, as a batch of its own. Blank lines
    /// after the batch's last record are left out.
    ///
    /// # Errors
    /// As [`Self::append_batch`]; also if a record is not of this batch.
    pub fn append_records(&mut self, from: &Segment, batch: usize, rows: &[u64], preamble: Preamble) -> Result<()> {
        let info = self.batch_to_carry(from, batch)?;
        let within = info.row_range();
        if let Some(other) = rows.iter().find(|row| !within.contains(row)) {
            return Err(Error::invalid("records", format!("some of {within:?}"), other));
        }
        let mut carried = BatchInfo {
            first_row: self.directory.rows(),
            rows: rows.len() as u64,
            preamble: if preamble == Preamble::Keep { info.preamble } else { Vec::new() },
            tail: Vec::new(),
            rows_root: None,
            ..info
        };
        let number = self.directory.batches.len();
        let mut hash = Sha256::new_with_prefix(&carried.preamble);
        let mut bytes = carried.preamble.len() as u64;
        let mut tree = self.options.row_tree.map(|new| new());
        // Records that lie close are printed in one go, as when they are written out.
        for near in rows.chunk_by(|a, b| b.saturating_sub(*a) <= NEAR_ROWS) {
            let (Some(&first), Some(&last)) = (near.first(), near.last()) else { continue };
            let mut wanted = near.iter().peekable();
            self.carry(from, first..last + 1, &carried, number, &mut |row, record| {
                let taken = wanted.next_if(|&&w| w == row).is_some();
                if taken {
                    hash.update(record);
                    bytes += record.len() as u64;
                    if let Some(tree) = &mut tree {
                        tree.push(record);
                    }
                }
                Ok(taken)
            })?;
        }
        (carried.bytes, carried.sha256) = (bytes, hash.finalize().into());
        carried.rows_root = tree.map(|mut tree| tree.root());
        self.directory.batches.push(carried);
        self.cuts.push(None);
        Ok(())
    }

    fn batch_to_carry(&self, from: &Segment, batch: usize) -> Result<BatchInfo> {
        let batches = from.batches()?;
        let info = batches.get(batch);
        let info = info.ok_or_else(|| Error::invalid("batch", format!("less than {}", batches.len()), batch))?;
        let columns = self.schema.columns.len();
        match info.map.iter().find(|&&column| column >= columns) {
            Some(column) => Err(Error::invalid("batch", format!("columns of these {columns}"), format!("c{column}"))),
            None => Ok(info.clone()),
        }
    }

    /// Hands on the records of `rows` that `take` wants, given each record's number and bytes.
    fn carry(
        &mut self,
        from: &Segment,
        rows: Range<u64>,
        info: &BatchInfo,
        number: usize,
        take: &mut dyn FnMut(u64, &[u8]) -> Result<bool>,
    ) -> Result<()> {
        let mut chunk = Chunk::default();
        let mut row = rows.start;
        from.each_part(rows, &mut |part, printed, unusual| {
            let mut shapes = HashMap::new();
            let first_row = unusual.first_row;
            for (at, unusual) in unusual.each().enumerate() {
                let before = (chunk.bytes.len(), chunk.tokens.fields.len());
                match part.delimiter() {
                    Some(delimiter) => push_record(&mut chunk, part, delimiter, printed, at, &unusual)?,
                    None => push_shaped(&mut chunk, part, printed, (at, first_row + at), &unusual, &mut shapes)?,
                }
                if !take(row, &chunk.bytes[before.0..])? {
                    chunk.bytes.truncate(before.0);
                    chunk.tokens.fields.truncate(before.1);
                    chunk.tokens.records.pop();
                    if let Some(shapes) = &mut chunk.shapes {
                        shapes.of.pop();
                    }
                }
                row += 1;
                if chunk.bytes.len() >= STEP_BYTES || chunk.records() == GROUP_ROWS_MAX {
                    self.push(info, number, std::mem::take(&mut chunk))?;
                    shapes.clear();
                }
            }
            Ok(())
        })?;
        self.push(info, number, chunk)
    }
}

/// Records that lie no further apart than this are printed in one go.
const NEAR_ROWS: u64 = 8 << 10;

/// Adds a printed record to a chunk, with the places of its fields.
fn push_record(
    chunk: &mut Chunk,
    part: &Part<'_>,
    delimiter: u8,
    columns: &[Printed],
    row: usize,
    unusual: &Unusual<'_>,
) -> Result<()> {
    let Chunk { bytes, tokens, .. } = chunk;
    let (start, first_field) = (at(bytes)?, tokens.fields.len());
    bytes.extend_from_slice(unusual.gap);
    for (index, &column) in part.fields_of(unusual)?.iter().enumerate() {
        if index > 0 {
            bytes.push(delimiter);
        }
        let start = at(bytes)?;
        bytes.extend_from_slice(columns[column].field(row));
        tokens.fields.push(Span { start, end: at(bytes)? });
    }
    if !unusual.extra.is_empty() {
        // All that follows the last column's field counts as one more field: what is kept of it is its bytes.
        let start = at(bytes)?;
        bytes.extend_from_slice(unusual.extra);
        tokens.fields.push(Span { start, end: at(bytes)? });
    }
    end_record(chunk, part, unusual, start, first_field)
}

/// Adds a printed record that has a shape; `row` is its place in what was printed and in the row group. `known` are the numbers
/// that shapes of the row group have in the chunk.
fn push_shaped(
    chunk: &mut Chunk,
    part: &Part<'_>,
    columns: &[Printed],
    row: (usize, usize),
    unusual: &Unusual<'_>,
    known: &mut HashMap<u32, u32>,
) -> Result<()> {
    let shapes = chunk.shapes.get_or_insert_default();
    let Chunk { bytes, tokens, .. } = chunk;
    let (start, first_field) = (at(bytes)?, tokens.fields.len());
    bytes.extend_from_slice(unusual.gap);
    let body = at(bytes)?;
    tokens.fields.push(Span { start: body, end: body });
    for piece in part.pieces(row.1)? {
        let (literal, column) = piece?;
        bytes.extend_from_slice(literal);
        let Some(column) = column else { continue };
        let field = part.fields[column];
        let start = at(bytes)?;
        bytes.extend_from_slice(columns[column].field(row.0));
        let span = Span { start, end: at(bytes)? };
        if let Some(field) = field.and_then(|field| u32::try_from(field).ok()) {
            Slots { tokens, first: first_field }.put(field, span);
        }
    }
    tokens.fields[first_field].end = at(bytes)?;
    let number = part.shapes.number(row.1).unwrap_or_default();
    let shape = *known.entry(number).or_insert_with(|| shapes.number(&part.shapes.shape(row.1)));
    shapes.of.push(shape);
    end_record(chunk, part, unusual, start, first_field)
}

/// Ends a record whose fields were added.
fn end_record(chunk: &mut Chunk, part: &Part<'_>, unusual: &Unusual<'_>, start: u32, first_field: usize) -> Result<()> {
    let Chunk { bytes, tokens, .. } = chunk;
    bytes.extend_from_slice(unusual.end.unwrap_or(line_end(part.info.terminator)));
    let first_field = u32::try_from(first_field)
        .map_err(|_| Error::corrupt("records", "fewer than 4 thousand million fields at a time", first_field))?;
    tokens.records.push(Record { start, first_field, end: at(bytes)? });
    Ok(())
}

/// Where the next byte goes.
fn at(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| Error::corrupt("records", "less than 4 GiB at a time", bytes.len()))
}
