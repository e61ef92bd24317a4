//! One query over many segments, of which those come that may hold rows of interest.
//!
//! * Segments are planned elsewhere and come lazily, in the order of their rows, and so do the batches.
//! * A segment is opened when the rows before it have been given out, so a limit leaves the rest unopened, and unplanned.

use std::ops::Range;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_codec::Schema;

use crate::{
    Explanation, Predicate, Pruning, Request, Result, RowNumbers, Scan, Source, Statistics, Tally, Verdict, View, Zones,
};

/// The segments of a table as a query meets them.
///
/// ```
/// use std::sync::Arc;
/// use arrow::{array::{Int64Array, RecordBatch}, compute::concat_batches};
/// use at1_catalog::{Candidate, Catalog, DoubleBounds, Opened, ParquetFile, Predicate, Totals, View, Zones};
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
/// let totals = Totals { segments: 3, bytes: 3000 };
/// let (view, verdicts) = (&view, request.verdicts(&zones));
/// let candidates = files.iter().zip(verdicts).enumerate().map(|(i, (file, verdict))| {
///     let open = move || Ok(Opened { source: file, view: view.clone() });
///     Ok(Candidate { first_row: i as u64 * 100, rows: 100, verdict, zones: None, open })
/// });
/// let mut scan = catalog.scan(request, totals, candidates);
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
    /// The ordinal of its first row.
    pub first_row: u64,
    /// How many rows it has.
    pub rows: u64,
    /// What its zones say about the predicate. One to skip need not come at all.
    pub verdict: Verdict,
    /// What else is known about it, as one stretch in the types of the table, and only of columns that the segment has in the
    /// table's type and reading. Aggregates are answered by it; without, they ask the footer.
    pub zones: Option<Zones>,
    /// Opens it.
    pub open: F,
}

/// What there is, whether it comes as a candidate or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of segments.
    pub segments: u64,
    /// Their size.
    pub bytes: u64,
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

    /// Scans the candidates, which are all segments with rows of interest, in the order of their rows.
    pub fn scan<S, F, I>(&self, request: Request, totals: Totals, candidates: I) -> TableScan<S, I>
    where
        S: Source,
        F: FnOnce() -> Result<Opened<S>>,
        I: Iterator<Item = Result<Candidate<F>>>,
    {
        let statistics =
            Statistics { segments_total: totals.segments, bytes_total: totals.bytes, ..Statistics::default() };
        let (schema, remaining) = (request.schema(), request.limit);
        let explanation = Explanation { parts: request.predicate.parts(), ..Explanation::default() };
        TableScan {
            request,
            schema,
            candidates,
            first_row: None,
            current: None,
            remaining,
            statistics,
            explanation,
            failed: false,
        }
    }

    /// Adds to `tally` the matching rows of the candidates. Of the request, predicate, rows and pruning matter.
    ///
    /// # Errors
    /// If the tally asks for columns that there are not.
    pub fn tally<S, F, I>(
        &self,
        request: Request,
        tally: Tally,
        totals: Totals,
        candidates: I,
    ) -> Result<TableTally<S, I>>
    where
        S: Source,
        F: FnOnce() -> Result<Opened<S>>,
        I: Iterator<Item = Result<Candidate<F>>>,
    {
        let request = request.project_columns(tally.aggregates().columns().to_vec())?;
        let request = request.limit(u64::MAX).row_numbers(RowNumbers::Omit);
        Ok(TableTally { scan: self.scan(request, totals, candidates), tally })
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

/// The matching rows of many segments, as an iterator of batches. Ordinals count through all segments.
pub struct TableScan<S: Source, I> {
    request: Request,
    schema: SchemaRef,
    candidates: I,
    /// Of the segment that was opened last.
    first_row: Option<u64>,
    current: Option<Scan<S>>,
    remaining: u64,
    /// Of the segments that are done, and the totals.
    statistics: Statistics,
    explanation: Explanation,
    failed: bool,
}

impl<S, F, I> TableScan<S, I>
where
    S: Source,
    F: FnOnce() -> Result<Opened<S>>,
    I: Iterator<Item = Result<Candidate<F>>>,
{
    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The first row of the segment that was opened last: the one that an error is about.
    pub fn first_row(&self) -> Option<u64> {
        self.first_row
    }

    /// What was read so far.
    pub fn statistics(&self) -> Statistics {
        let mut all = self.statistics;
        if let Some(scan) = &self.current {
            all += of_one(scan);
        }
        all.segments_skipped = all.segments_total.saturating_sub(all.segments_scanned);
        all
    }

    /// Why what was left out of segments was, if the request asks for reasons.
    pub fn explanation(&self) -> Explanation {
        let mut all = self.explanation.clone();
        if let Some(scan) = &self.current {
            all += scan.explanation();
        }
        all
    }

    /// The next batch; with a tally, only of what zones cannot tell it.
    fn batch(&mut self, mut tally: Option<&mut Tally>) -> Result<Option<RecordBatch>> {
        loop {
            if self.current.is_none() {
                if self.remaining == 0 {
                    return Ok(None);
                }
                let Some(candidate) = self.candidates.next().transpose()? else { return Ok(None) };
                let Candidate { first_row, rows, verdict, zones, open } = candidate;
                let (place, wanted) = (first_row..first_row + rows, &self.request.rows);
                if verdict == Verdict::Skip || !overlap(&place, wanted) {
                    continue;
                }
                if let (Some(tally), Some(zones)) = (&mut tally, zones)
                    && verdict == Verdict::All
                    && self.request.pruning == Pruning::On
                    && wanted.start <= place.start
                    && place.end <= wanted.end
                    && tally.zones(&zones.uncut(), 0)?
                {
                    self.statistics.segments_answered += 1;
                    self.statistics.rows_matched += rows;
                    continue;
                }
                self.first_row = Some(first_row);
                let opened = open()?;
                let request = self.request.clone().limit(self.remaining);
                let mut scan = Scan::judged(opened.source, opened.view, request, first_row, verdict)?;
                if let Some(tally) = &mut tally {
                    scan.answer(tally)?;
                }
                self.current = Some(scan);
            }
            let Some(scan) = &mut self.current else { continue };
            match scan.next().transpose()? {
                Some(batch) => {
                    self.remaining -= batch.num_rows() as u64; // the scan was limited to what remains
                    return Ok(Some(batch));
                }
                None => {
                    self.statistics += of_one(scan);
                    self.explanation += scan.explanation();
                    self.current = None;
                }
            }
        }
    }
}

/// What the matching rows of many segments come to.
pub struct TableTally<S: Source, I> {
    scan: TableScan<S, I>,
    tally: Tally,
}

impl<S, F, I> TableTally<S, I>
where
    S: Source,
    F: FnOnce() -> Result<Opened<S>>,
    I: Iterator<Item = Result<Candidate<F>>>,
{
    /// Goes through all candidates.
    ///
    /// # Errors
    /// As the batches of a scan. What came before the segment that the error is about is in the tally; if that could not be opened,
    /// nothing of it is.
    pub fn run(&mut self) -> Result<()> {
        while let Some(batch) = self.scan.batch(Some(&mut self.tally))? {
            self.tally.batch(&batch)?;
        }
        Ok(())
    }

    /// The first row of the segment that was opened last: the one that an error is about.
    pub fn first_row(&self) -> Option<u64> {
        self.scan.first_row()
    }

    /// What was read so far.
    pub fn statistics(&self) -> Statistics {
        self.scan.statistics()
    }

    /// As [`TableScan::explanation`].
    pub fn explanation(&self) -> Explanation {
        self.scan.explanation()
    }

    /// What it came to.
    pub fn into_tally(self) -> Tally {
        self.tally
    }
}

/// What one scan adds to totals that count every segment already.
fn of_one<S: Source>(scan: &Scan<S>) -> Statistics {
    Statistics { segments_total: 0, bytes_total: 0, ..scan.statistics() }
}

impl<S, F, I> Iterator for TableScan<S, I>
where
    S: Source,
    F: FnOnce() -> Result<Opened<S>>,
    I: Iterator<Item = Result<Candidate<F>>>,
{
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.batch(None).transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }
}
