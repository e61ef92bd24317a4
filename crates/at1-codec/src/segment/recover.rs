//! From columns and recovery streams back to the exact bytes.
//!
//! * Rows come in order; memory is that of some thousand rows, and of one row group's recovery streams.
//! * A batch is its preamble, its records, its tail: nothing is inserted, nothing left out.

use std::{io::Write, ops::Range};

use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
};
use sha2::{Digest as _, Sha256};

use super::{
    directory::BatchInfo,
    layout::hex,
    raw::Tally,
    read::Segment,
    records::{RecordsReader, Unusual, line_end},
    write::NewRowTree,
};
use crate::{
    Error, Result,
    column::{Printed, Printer, Syntax},
};

/// How many rows are printed at a time,
const ROWS_AT_A_TIME: usize = 8 << 10;
/// and how many fields: of a wide table, fewer rows.
const FIELDS_AT_A_TIME: usize = 1 << 20;

/// The exact bytes of some consecutive records of a batch.
pub(super) struct Records<'a> {
    /// The batch's number in the segment.
    batch: usize,
    bytes: &'a [u8],
    /// Where each record ends in `bytes`.
    ends: &'a [usize],
}

/// What a batch came to when its bytes were made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rederived {
    /// The number of its records.
    pub rows: u64,
    /// The number of its bytes.
    pub bytes: u64,
    /// Their digest.
    pub sha256: [u8; 32],
    /// The root of the tree over its records, if one was asked for.
    pub rows_root: Option<[u8; 32]>,
}

impl Segment {
    /// Writes the exact bytes of batch `batch`. Where nobody vouches for the segment, they are held against the digest in its
    /// batch table as they are written; what was written before an error is then worth nothing.
    ///
    /// # Errors
    /// If there is no such batch, the segment is damaged or contradicts itself, or `out` refuses.
    pub fn write_batch(&self, batch: usize, out: &mut dyn Write) -> Result<()> {
        let batches = self.batches()?;
        let info =
            batches.get(batch).ok_or_else(|| Error::invalid("batch", format!("less than {}", batches.len()), batch))?;
        let write = |out: &mut dyn Write| -> Result<()> {
            out.write_all(&info.preamble)?;
            self.write_rows(info.row_range(), out)?;
            Ok(out.write_all(&info.tail)?)
        };
        if self.bytes().is_vouched_for() {
            return write(out);
        }
        // Whoever wrote the segment compared; whoever forged it did not.
        let mut tally = Tally::new(out);
        write(&mut tally)?;
        let (bytes, sha256) = tally.finish();
        if (bytes, sha256) == (info.bytes, info.sha256) {
            return Ok(());
        }
        let told = |bytes: u64, sha256: &[u8]| format!("{bytes} bytes with sha256 {}", hex(sha256));
        Err(Error::corrupt(format!("batch {batch}"), told(info.bytes, &info.sha256), told(bytes, &sha256)))
    }

    /// Writes the exact bytes of records `rows`: the blank lines before each, its fields, its line end.
    ///
    /// # Errors
    /// If there are no such rows, the segment is damaged, or `out` refuses.
    pub fn write_rows(&self, rows: Range<u64>, out: &mut dyn Write) -> Result<()> {
        self.replay(rows, &mut |records| Ok(out.write_all(records.bytes)?))
    }

    /// Writes the exact bytes of the records whose numbers `rows` gives, ascending.
    ///
    /// # Errors
    /// If there are no such rows, the segment is damaged, or `out` refuses.
    pub fn write_row_set(&self, rows: &[u64], out: &mut dyn Write) -> Result<()> {
        // Rows that lie close are printed in one go: opening a row group's streams costs more than printing a few rows.
        let mut rest = rows;
        while let Some(&first) = rest.first() {
            let near = rest.windows(2).position(|w| w[1].saturating_sub(w[0]) > ROWS_AT_A_TIME as u64);
            let (now, later) = rest.split_at(near.map_or(rest.len(), |i| i + 1));
            let last = now.last().copied().unwrap_or(first);
            let mut wanted = now.iter().peekable();
            let mut row = first;
            self.replay(first..last + 1, &mut |records| {
                let mut start = 0;
                for &end in records.ends {
                    if wanted.next_if(|&&w| w == row).is_some() {
                        out.write_all(&records.bytes[start..end])?;
                    }
                    (start, row) = (end, row + 1);
                }
                Ok(())
            })?;
            rest = later;
        }
        Ok(())
    }

    /// Makes every batch again and says what it came to: the proof that the columns hold the source.
    ///
    /// # Errors
    /// If the segment is damaged.
    pub fn rederive(&self, row_tree: Option<NewRowTree>) -> Result<Vec<Rederived>> {
        let batches = self.batches()?;
        let mut hashes: Vec<(Sha256, u64)> = batches
            .iter()
            .map(|b| (Sha256::new_with_prefix(&b.preamble), (b.preamble.len() + b.tail.len()) as u64))
            .collect();
        let mut roots = vec![None; batches.len()];
        let mut current = 0;
        let mut tree = row_tree.map(|new| new());
        self.replay(0..self.rows(), &mut |records| {
            if let Some(tree) = &mut tree {
                for root in &mut roots[current..records.batch] {
                    *root = Some(tree.root());
                }
                let mut start = 0;
                for &end in records.ends {
                    tree.push(&records.bytes[start..end]);
                    start = end;
                }
            }
            current = records.batch;
            let (hash, bytes) = &mut hashes[records.batch];
            hash.update(records.bytes);
            *bytes += records.bytes.len() as u64;
            Ok(())
        })?;
        if let Some(tree) = &mut tree {
            for root in &mut roots[current..] {
                *root = Some(tree.root());
            }
        }
        let made = batches.iter().zip(hashes).zip(roots).map(|((info, (hash, bytes)), rows_root)| Rederived {
            rows: info.rows,
            bytes,
            sha256: hash.chain_update(&info.tail).finalize().into(),
            rows_root,
        });
        Ok(made.collect())
    }

    /// Prints records `rows` in order.
    fn replay(&self, rows: Range<u64>, visit: &mut dyn FnMut(Records<'_>) -> Result<()>) -> Result<()> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        self.each_part(rows, &mut |part, printed, unusual| {
            part.join(printed, unusual, &mut bytes, &mut ends)?;
            visit(Records { batch: part.batch, bytes: &bytes, ends: &ends })
        })
    }

    /// Prints the fields of records `rows` in order, some thousand records of one batch at a time.
    pub(super) fn each_part(&self, rows: Range<u64>, visit: &mut Visit<'_>) -> Result<()> {
        if rows.end > self.rows() || rows.start > rows.end {
            return Err(Error::invalid("rows", format!("a range within 0..{}", self.rows()), format!("{rows:?}")));
        }
        let columns: Vec<usize> = (0..self.schema().columns.len()).collect();
        let mut group_start = 0;
        for (row_group, group) in self.directory()?.groups.iter().enumerate() {
            let group_end = group_start + group.rows();
            let wanted = rows.start.max(group_start)..rows.end.min(group_end);
            if wanted.start < wanted.end {
                self.print(row_group, wanted.start - group_start..wanted.end - group_start, &columns, visit)?;
            }
            group_start = group_end;
        }
        Ok(())
    }

    /// Prints the fields of `columns` in `rows` (within the row group), part by part.
    pub(super) fn print(
        &self,
        row_group: usize,
        rows: Range<u64>,
        columns: &[usize],
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let group = self.group(row_group)?;
        let batches = self.batches()?;
        let records = self.stream(group.records)?;
        let mut records = RecordsReader::open(&records)?;
        records.skip(rows.start)?;
        let streams = columns.iter().map(|&c| self.column_stream(row_group, c)).collect::<Result<Vec<_>>>()?;
        let mut printers = Vec::with_capacity(columns.len());
        for (stream, &column) in streams.iter().zip(columns) {
            let mut printer = Printer::open(self.schema().columns[column].ty, stream)?;
            printer.skip(size(rows.start))?;
            printers.push(printer);
        }
        let mut printed: Vec<Printed> = columns.iter().map(|_| Printed::default()).collect();
        let mut unusual = Vec::new();
        let mut skip = rows.start;
        let mut parts = group.parts.iter().filter_map(|&(batch, rows)| {
            let passed = skip.min(rows);
            skip -= passed;
            (rows > passed).then_some((batch, rows - passed))
        });
        let mut part = None;
        let (mut share, mut fields): (u64, Vec<Option<usize>>) = (0, Vec::new());
        for batch in self.reader(row_group, rows, columns)? {
            let batch = batch.map_err(|e| self.bytes().explain(e))?;
            let mut at = 0;
            while at < batch.num_rows() {
                if share == 0 {
                    let Some((number, rows)) = parts.next() else {
                        return Err(Error::corrupt("row group", "as many rows as its parts have", "more"));
                    };
                    let by_column = batches[number].fields_by_column(self.schema().columns.len());
                    fields = columns.iter().map(|&c| by_column[c]).collect();
                    (part, share) = (Some(number), rows);
                }
                let take = size(share).min(batch.num_rows() - at);
                share -= take as u64;
                let number = part.unwrap_or(0);
                let info = &batches[number];
                let syntax = Syntax { delimiter: info.dialect.delimiter, quote: info.dialect.quote };
                for (index, printer) in printers.iter_mut().enumerate() {
                    if fields[index].is_some() {
                        printed[index].clear();
                        printer.print(&batch.column(index).slice(at, take), syntax, &mut printed[index])?;
                    } else {
                        printer.skip(take)?;
                    }
                }
                unusual.clear();
                for _ in 0..take {
                    unusual.push(records.next()?);
                }
                visit(&Part { batch: number, info, fields: &fields }, &printed, &unusual)?;
                at += take;
            }
        }
        Ok(())
    }

    /// Reads `columns` of `rows` (within the row group) as record batches.
    fn reader(&self, row_group: usize, rows: Range<u64>, columns: &[usize]) -> Result<ParquetRecordBatchReader> {
        let selection = vec![RowSelector::skip(size(rows.start)), RowSelector::select(size(rows.end - rows.start))];
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes().clone(), self.metadata().clone());
        let mask = ProjectionMask::leaves(builder.parquet_schema(), columns.iter().copied());
        let reader = builder
            .with_row_groups(vec![row_group])
            .with_row_selection(RowSelection::from(selection))
            .with_batch_size(ROWS_AT_A_TIME.min(FIELDS_AT_A_TIME / columns.len().max(1)).max(1))
            .with_projection(mask)
            .build()?;
        Ok(reader)
    }
}

/// Takes what was printed for some consecutive rows of one batch: per column its fields, per row what is unusual.
pub(super) type Visit<'v> = dyn FnMut(&Part<'_>, &[Printed], &[Unusual<'_>]) -> Result<()> + 'v;

/// A number of rows of one row group as a size in memory.
pub(super) fn size(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

/// The raw field of `row`.
pub(super) fn field(printed: &Printed, row: usize) -> &[u8] {
    let start = row.checked_sub(1).map_or(0, |before| printed.ends[before]);
    &printed.bytes[start..printed.ends[row]]
}

/// A batch's share of the rows at hand.
pub(super) struct Part<'a> {
    batch: usize,
    pub(super) info: &'a BatchInfo,
    /// Which field of a record each of the columns at hand is.
    pub(super) fields: &'a [Option<usize>],
}

impl Part<'_> {
    /// The columns of a record's fields, as many as it has.
    pub(super) fn fields_of(&self, unusual: &Unusual<'_>) -> Result<&[usize]> {
        let width = self.info.map.len();
        let fields = unusual.fields.unwrap_or(width);
        match self.info.map.get(..fields) {
            Some(columns) if fields > 0 => Ok(columns),
            _ => Err(Error::corrupt("record streams", format!("1 to {width} fields"), fields)),
        }
    }

    /// Joins the fields of all columns to records.
    fn join(
        &self,
        columns: &[Printed],
        unusual: &[Unusual<'_>],
        bytes: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        bytes.clear();
        ends.clear();
        let end = line_end(self.info.dialect.terminator);
        for (row, unusual) in unusual.iter().enumerate() {
            bytes.extend_from_slice(unusual.gap);
            for (index, &column) in self.fields_of(unusual)?.iter().enumerate() {
                if index > 0 {
                    bytes.push(self.info.dialect.delimiter);
                }
                bytes.extend_from_slice(field(&columns[column], row));
            }
            bytes.extend_from_slice(unusual.extra);
            bytes.extend_from_slice(unusual.end.unwrap_or(end));
            ends.push(bytes.len());
        }
        Ok(())
    }
}
