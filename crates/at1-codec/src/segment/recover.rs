//! From columns and recovery streams back to the exact bytes.
//!
//! * Rows come in order; memory is that of some thousand rows, and of one row group's recovery streams.
//! * A batch is its preamble, its records, its tail: nothing is inserted, nothing left out.

use std::{io::Write, ops::Range, slice};

use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
};
use sha2::{Digest as _, Sha256};

use super::{
    directory::BatchInfo,
    draft::Cuts,
    layout::hex,
    raw::Tally,
    read::Segment,
    records::{RecordsReader, Unusual, Unusuals},
    replay::Records,
    shapes::StoredShapes,
    write::{NewRowTree, RowTree},
};
use crate::{
    Error, Result,
    column::{Printed, Printer},
    text::Syntax,
};

/// How many rows the Parquet reader gives at a time,
const ROWS_READ: usize = 2 << 10;
/// and how many fields: of a wide table, fewer rows.
const FIELDS_READ: usize = 1 << 20;
/// How many rows are printed at a time: so few that the fields of all columns are still in cache when they are joined.
const ROWS_PRINTED: usize = 1 << 10;

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

/// A batch that is made again.
struct Again {
    hash: Sha256,
    bytes: u64,
    cuts: Cuts,
    tree: Option<Box<dyn RowTree>>,
}

impl Again {
    fn begin(info: &BatchInfo, tree: Option<Box<dyn RowTree>>) -> Self {
        Self {
            hash: Sha256::new_with_prefix(&info.preamble),
            bytes: (info.preamble.len() + info.tail.len()) as u64,
            cuts: Cuts::behind(&info.preamble),
            tree,
        }
    }

    fn push(&mut self, records: &Records<'_>) {
        self.hash.update(records.bytes);
        self.bytes += records.bytes.len() as u64;
        let starts = std::iter::once(&0).chain(records.ends);
        let spans = starts.zip(records.ends).map(|(&start, &end)| start..end);
        self.cuts.push(spans.clone().map(|span| span.len()));
        if let Some(tree) = &mut self.tree {
            spans.for_each(|span| tree.push(&records.bytes[span]));
        }
    }

    fn finish(self, info: &BatchInfo) -> (Rederived, [u8; 32]) {
        let made = Rederived {
            rows: info.rows,
            bytes: self.bytes,
            sha256: self.hash.chain_update(&info.tail).finalize().into(),
            rows_root: self.tree.map(|mut tree| tree.root()),
        };
        (made, self.cuts.finish())
    }
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

    /// Visits records `rows` in order, each by its exact bytes: what [`Segment::write_rows`] writes, cut where records end.
    ///
    /// ```
    /// use at1_codec::{EncodeOptions, Form, Segment, Trust};
    ///
    /// let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
    /// let bytes = at1_codec::encode(b"id,price\n1,2.50\n\n2,NA\n", &options)?;
    /// let segment = Segment::open(std::sync::Arc::new(bytes), Trust::OwnSeal)?;
    /// let mut records = vec![];
    /// segment.each_record(0..2, &mut |record| records.push(record.to_vec()))?;
    /// assert_eq!(records, [&b"1,2.50\n"[..], b"\n2,NA\n"]);
    /// # Ok::<(), at1_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there are no such rows or the segment is damaged; what was visited before an error is then worth nothing.
    pub fn each_record(&self, rows: Range<u64>, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.replay(rows, &mut |records| {
            let mut start = 0;
            for &end in records.ends {
                visit(&records.bytes[start..end]);
                start = end;
            }
            Ok(())
        })
    }

    /// Writes the exact bytes of the records whose numbers `rows` gives, ascending.
    ///
    /// # Errors
    /// If there are no such rows, the segment is damaged, or `out` refuses.
    pub fn write_row_set(&self, rows: &[u64], out: &mut dyn Write) -> Result<()> {
        // Rows that lie close are printed in one go: opening a row group's streams costs more than printing a few rows.
        let mut rest = rows;
        while let Some(&first) = rest.first() {
            let near = rest.windows(2).position(|w| w[1].saturating_sub(w[0]) > ROWS_READ as u64);
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
        Ok(self.make_again(row_tree, &|_| true)?.into_iter().map(|(made, _)| made).collect())
    }

    /// Makes every batch again: what it came to, with a tree over its records only if `has_tree`, and where it is cut.
    pub(super) fn make_again(
        &self,
        row_tree: Option<NewRowTree>,
        has_tree: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<(Rederived, [u8; 32])>> {
        let batches = self.batches()?;
        let begin = |batch: usize| {
            let tree = row_tree.filter(|_| has_tree(batch)).map(|new| new());
            batches.get(batch).map(|info| Again::begin(info, tree))
        };
        let mut done = Vec::with_capacity(batches.len());
        let mut current = begin(0);
        let mut end_batches = |current: &mut Option<Again>, up_to: usize| {
            while done.len() < up_to
                && let Some(again) = current.take()
            {
                done.push(again.finish(&batches[done.len()]));
                *current = begin(done.len());
            }
        };
        self.replay(0..self.rows(), &mut |records| {
            end_batches(&mut current, records.batch);
            if let Some(again) = &mut current {
                again.push(&records);
            }
            Ok(())
        })?;
        end_batches(&mut current, batches.len());
        Ok(done)
    }

    /// Prints the fields of records `rows` in order, some thousand records of one batch at a time.
    pub(super) fn each_part(&self, rows: Range<u64>, visit: &mut Visit<'_>) -> Result<()> {
        let columns: Vec<usize> = (0..self.schema().columns.len()).collect();
        for (row_group, rows) in self.by_row_group(rows)? {
            self.print(row_group, slice::from_ref(&rows), &columns, visit)?;
        }
        Ok(())
    }

    /// The row groups that hold some of `rows`, each with the rows (within the row group).
    pub(super) fn by_row_group(&self, rows: Range<u64>) -> Result<Vec<(usize, Range<u64>)>> {
        if rows.end > self.rows() || rows.start > rows.end {
            return Err(Error::invalid("rows", format!("a range within 0..{}", self.rows()), format!("{rows:?}")));
        }
        let mut found = Vec::new();
        let mut start = 0;
        for (row_group, group) in self.directory()?.groups.iter().enumerate() {
            let end = start + group.rows();
            let wanted = rows.start.max(start)..rows.end.min(end);
            if wanted.start < wanted.end {
                found.push((row_group, wanted.start - start..wanted.end - start));
            }
            start = end;
        }
        Ok(found)
    }

    /// Prints the fields of `columns` in `ranges` of rows (within the row group, ascending), part by part. No part reaches over
    /// the end of a range.
    pub(super) fn print(
        &self,
        row_group: usize,
        ranges: &[Range<u64>],
        columns: &[usize],
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let group = self.group(row_group)?;
        let batches = self.batches()?;
        let streams = self.streams(row_group)?;
        let records = streams.records()?;
        let mut records = RecordsReader::open(&records, group.rows())?;
        let streams = columns.iter().map(|&c| streams.column(c)).collect::<Result<Vec<_>>>()?;
        let mut printers = Vec::with_capacity(columns.len());
        for (stream, &column) in streams.iter().zip(columns) {
            printers.push(Printer::open(self.schema().columns[column].ty, stream)?);
        }
        let mut printed: Vec<Printed> = columns.iter().map(|_| Printed::default()).collect();
        let mut unusual = Unusuals::default();
        let mut shares = Shares { parts: group.parts.iter(), batch: None, left: 0 };
        let mut fields: (Option<usize>, Vec<Option<usize>>) = (None, Vec::new());
        let mut row = 0;
        let mut ranges_left = ranges.iter().filter(|range| !range.is_empty());
        let mut range = 0..0;
        for batch in self.reader(row_group, ranges, columns)? {
            let batch = batch.map_err(|e| self.bytes().explain(e))?;
            let mut at = 0;
            while at < batch.num_rows() {
                if range.is_empty() {
                    let next = ranges_left.next().cloned();
                    range = next.ok_or_else(|| Error::corrupt("row group", "the rows asked for", "more"))?;
                    let passed = range.start - row;
                    records.skip(passed)?;
                    shares.pass(passed)?;
                    printers.iter_mut().try_for_each(|printer| printer.skip(size(passed)))?;
                    row = range.start;
                }
                let number = shares.batch()?;
                let info = &batches[number];
                if fields.0 != Some(number) {
                    let by_column = info.fields_by_column(self.schema().columns.len());
                    fields = (Some(number), columns.iter().map(|&c| by_column[c]).collect());
                }
                let take = size(shares.left.min(range.end - row)).min(batch.num_rows() - at).min(ROWS_PRINTED);
                for (index, printer) in printers.iter_mut().enumerate() {
                    if fields.1[index].is_some() {
                        printed[index].clear();
                        printer.print(&batch.column(index).slice(at, take), info.syntax, &mut printed[index])?;
                    } else {
                        printer.skip(take)?;
                    }
                }
                records.read(take, &mut unusual)?;
                visit(&Part { batch: number, info, fields: &fields.1, shapes: &records.shapes }, &printed, &unusual)?;
                at += take;
                row += take as u64;
                range.start = row;
                shares.left -= take as u64;
            }
        }
        if range.is_empty() && ranges_left.next().is_none() {
            Ok(())
        } else {
            Err(Error::corrupt(format!("row group {row_group}"), "the rows asked for", format!("{row} rows")))
        }
    }

    /// Reads `columns` of `ranges` of rows (within the row group) as record batches.
    fn reader(&self, row_group: usize, ranges: &[Range<u64>], columns: &[usize]) -> Result<ParquetRecordBatchReader> {
        let mut selection = Vec::with_capacity(2 * ranges.len());
        let mut row = 0;
        for range in ranges {
            selection.push(RowSelector::skip(size(range.start - row)));
            selection.push(RowSelector::select(size(range.end - range.start)));
            row = range.end;
        }
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes().clone(), self.metadata().clone());
        let mask = ProjectionMask::leaves(builder.parquet_schema(), columns.iter().copied());
        let reader = builder
            .with_row_groups(vec![row_group])
            .with_row_selection(RowSelection::from(selection))
            .with_batch_size(ROWS_READ.min(FIELDS_READ / columns.len().max(1)).max(1))
            .with_projection(mask)
            .build()?;
        Ok(reader)
    }
}

/// Goes over the batches that share a row group.
struct Shares<'a> {
    parts: std::slice::Iter<'a, (usize, u64)>,
    batch: Option<usize>,
    /// Rows of the batch at hand that are still to come.
    left: u64,
}

impl Shares<'_> {
    /// The batch of the next row.
    fn batch(&mut self) -> Result<usize> {
        while self.left == 0 {
            let next = self.parts.next();
            let &(batch, rows) = next.ok_or_else(|| Error::corrupt("row group", "the rows of its parts", "more"))?;
            (self.batch, self.left) = (Some(batch), rows);
        }
        Ok(self.batch.unwrap_or(0))
    }

    /// Passes over `rows` rows.
    fn pass(&mut self, mut rows: u64) -> Result<()> {
        while rows > 0 {
            self.batch()?;
            let passed = rows.min(self.left);
            self.left -= passed;
            rows -= passed;
        }
        Ok(())
    }
}

/// Takes what was printed for some consecutive rows of one batch: per column its fields, per row what is unusual.
pub(super) type Visit<'v> = dyn FnMut(&Part<'_>, &[Printed], &Unusuals<'_>) -> Result<()> + 'v;

/// A number of rows of one row group as a size in memory.
pub(super) fn size(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

/// A batch's share of the rows at hand.
pub(super) struct Part<'a> {
    pub(super) batch: usize,
    pub(super) info: &'a BatchInfo,
    /// Which field of a record each of the columns at hand is.
    pub(super) fields: &'a [Option<usize>],
    /// What stands between the fields of records, if that is not always a delimiter.
    pub(super) shapes: &'a StoredShapes<'a>,
}

impl Part<'_> {
    /// The byte between fields; none where records have shapes.
    pub(super) fn delimiter(&self) -> Option<u8> {
        if let Syntax::Delimited { delimiter, .. } = self.info.syntax { Some(delimiter) } else { None }
    }

    /// The literals of a record that has a shape, each with the column of the field behind it.
    pub(super) fn pieces(&self, row: usize) -> Result<impl Iterator<Item = Result<(&[u8], Option<usize>)>>> {
        if self.shapes.number(row).is_none() {
            return Err(Error::corrupt("shapes", "one for each record of the batch", "none"));
        }
        Ok(self.shapes.pieces(row).map(|(literal, field)| {
            let column = |field: u32| {
                let column = self.info.map.get(field as usize).copied();
                column.ok_or_else(|| Error::corrupt("shapes", format!("{} fields", self.info.map.len()), field))
            };
            Ok((literal, field.map(column).transpose()?))
        }))
    }

    /// The columns of a record's fields, as many as it has.
    pub(super) fn fields_of(&self, unusual: &Unusual<'_>) -> Result<&[usize]> {
        let width = self.info.map.len();
        let fields = unusual.fields.unwrap_or(width);
        match self.info.map.get(..fields) {
            Some(columns) if fields > 0 => Ok(columns),
            _ => Err(Error::corrupt("record streams", format!("1 to {width} fields"), fields)),
        }
    }
}
