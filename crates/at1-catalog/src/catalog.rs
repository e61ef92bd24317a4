//! One query over many segments: those that their zones rule out are never opened.
//!
//! * Segments come in the order of their rows, and so do the batches.
//! * A segment is opened when the rows before it have been given out, so a limit leaves the rest unopened.

use std::ops::Range;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_codec::Schema;

use crate::{Error, Predicate, Request, Result, Scan, Source, Statistics, Verdict, View, Zones};

/// The segments of a table as a query meets them.
///
/// ```
/// use std::sync::Arc;
/// use arrow::{array::{Int64Array, RecordBatch}, compute::concat_batches};
/// use at1_catalog::{Candidate, Catalog, DoubleBounds, ParquetFile, Opened, Predicate, View, Zones};
/// use at1_codec::{ColumnType, Schema};
/// use parquet::arrow::ArrowWriter;
///
/// let schema = Schema::named([(Some("t"), ColumnType::Int64)]);
/// let file = |values: std::ops::Range<i64>| -> Result<_, Box<dyn std::error::Error>> {
///     let batch = RecordBatch::try_new(schema.arrow(), vec![Arc::new(Int64Array::from_iter_values(values))])?;
///     let mut writer = ArrowWriter::try_new(Vec::new(), schema.arrow(), None)?;
///     writer.write(&batch)?;
///     Ok(ParquetFile::open(bytes::Bytes::from(writer.into_inner()?), DoubleBounds::LeaveNanOut)?)
/// };
/// let files = [file(0..100)?, file(100..200)?, file(200..300)?];
/// let view = View::same(&schema);
/// let zones = files.iter().map(|file| Zones::of_segment(file, &view)).collect::<Result<Vec<_>, _>>()?;
/// let zones = Zones::concat(&zones.iter().collect::<Vec<_>>())?;
///
/// let catalog = Catalog::new(schema.clone());
/// let request = catalog.request(&"t between 150 and 160".parse::<Predicate>()?)?;
/// let view = &view;
/// let candidates = files.iter().map(|file| Candidate {
///     bytes: 1000,
///     open: move || Ok(Opened { source: file, view: view.clone() }),
/// });
/// let mut scan = catalog.scan(request, &zones, candidates)?;
/// let found = scan.by_ref().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(concat_batches(&schema.arrow(), &found)?.num_rows(), 11);
/// assert_eq!(scan.statistics().segments_skipped, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Catalog {
    schema: Schema,
}

/// A segment that a query may need.
#[derive(Clone, Debug)]
pub struct Candidate<F> {
    /// Its size.
    pub bytes: u64,
    /// Opens it.
    pub open: F,
}

/// A segment that was opened for a query.
#[derive(Clone, Debug)]
pub struct Opened<S> {
    /// Its bytes and metadata.
    pub source: S,
    /// Which of its columns is which of the table's.
    pub view: View,
}

impl Catalog {
    /// For a table of this schema.
    pub fn new(schema: Schema) -> Self {
        Self { schema }
    }

    /// The table's schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A request for all columns of the rows that satisfy `predicate`.
    ///
    /// # Errors
    /// If the predicate does not fit the schema.
    pub fn request(&self, predicate: &Predicate) -> Result<Request> {
        Ok(Request::new(predicate.bind(&self.schema)?))
    }

    /// Scans segments whose zones are `zones`, one for each candidate, in the order of their rows.
    ///
    /// # Errors
    /// If there are more or fewer candidates than zones.
    pub fn scan<S, F>(
        &self,
        request: Request,
        zones: &Zones,
        candidates: impl IntoIterator<Item = Candidate<F>>,
    ) -> Result<TableScan<S, F>>
    where
        S: Source,
        F: FnOnce() -> Result<Opened<S>>,
    {
        let candidates: Vec<_> = candidates.into_iter().collect();
        if candidates.len() != zones.len() {
            return Err(Error::mismatch("catalog", format!("{} candidates", zones.len()), candidates.len()));
        }
        let verdicts = request.verdicts(zones);
        let mut statistics = Statistics::default();
        let mut waiting = Vec::new();
        let mut first_row = 0;
        let candidates = candidates.into_iter().enumerate();
        for (((index, candidate), verdict), &rows) in candidates.zip(verdicts).zip(zones.rows().values()) {
            statistics.segments_total += 1;
            statistics.bytes_total += candidate.bytes;
            let range = first_row..first_row + rows;
            if verdict != Verdict::Skip && overlap(&range, &request.rows) {
                waiting.push((index, first_row, candidate.open));
            }
            first_row = range.end;
        }
        let (schema, remaining) = (request.schema(), request.limit);
        Ok(TableScan {
            request,
            schema,
            waiting: waiting.into_iter(),
            at: None,
            current: None,
            remaining,
            statistics,
            failed: false,
        })
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

/// The matching rows of many segments, as an iterator of batches. Ordinals count through all segments.
pub struct TableScan<S: Source, F> {
    request: Request,
    schema: SchemaRef,
    waiting: std::vec::IntoIter<(usize, u64, F)>,
    at: Option<usize>,
    current: Option<Scan<S>>,
    remaining: u64,
    /// Of the segments that are done, and the totals.
    statistics: Statistics,
    failed: bool,
}

impl<S: Source, F: FnOnce() -> Result<Opened<S>>> TableScan<S, F> {
    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The number, among the candidates, of the segment that was opened last: the one that an error is about.
    pub fn candidate(&self) -> Option<usize> {
        self.at
    }

    /// What was read so far.
    pub fn statistics(&self) -> Statistics {
        let mut all = self.statistics;
        if let Some(scan) = &self.current {
            all += of_one(scan);
        }
        all.segments_skipped = all.segments_total - all.segments_scanned;
        all
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.current.is_none() {
                if self.remaining == 0 {
                    return Ok(None);
                }
                let Some((index, first_row, open)) = self.waiting.next() else { return Ok(None) };
                self.at = Some(index);
                let opened = open()?;
                let request = self.request.clone().limit(self.remaining);
                self.current = Some(Scan::new(opened.source, opened.view, request, first_row)?);
            }
            let Some(scan) = &mut self.current else { continue };
            match scan.next().transpose()? {
                Some(batch) => {
                    self.remaining -= batch.num_rows() as u64; // the scan was limited to what remains
                    return Ok(Some(batch));
                }
                None => {
                    self.statistics += of_one(scan);
                    self.current = None;
                }
            }
        }
    }
}

/// What one scan adds to totals that count every segment already.
fn of_one<S: Source>(scan: &Scan<S>) -> Statistics {
    Statistics { segments_total: 0, bytes_total: 0, ..scan.statistics() }
}

impl<S: Source, F: FnOnce() -> Result<Opened<S>>> Iterator for TableScan<S, F> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.batch().transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }
}
