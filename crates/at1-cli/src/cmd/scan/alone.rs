//! Scanning segment files that belong to no table, or as if they did not.
//!
//! * Several files are read one after the other, and must have the same columns.
//! * Raw records of different batches and files do not fuse, as with tables.

use std::{collections::VecDeque, io::Write as _, path::PathBuf, sync::Arc};

use arrow::{
    array::{AsArray as _, RecordBatch},
    datatypes::UInt64Type,
};
use at1_catalog::{Aggregates, Candidate, Catalog, Opened, Request, RowNumbers, Tally, Totals, Verdict, View};
use at1_codec::{Joined, Schema, Segment, Trust};

use super::{Out, Query, Told, show};
use crate::{args::ScanFormat, failure::Failure, output::Voice, progress::Progress, watched};

pub(super) fn run(paths: &[PathBuf], query: &Query, out: Out<'_>, voice: Voice) -> Result<Told, Failure> {
    let progress = Progress::new(voice, "scanning");
    let mut segments = Vec::new();
    for path in paths {
        let file = watched::file(path, &progress).map_err(|e| Failure::io(path, &e))?;
        let segment =
            Segment::open(Arc::new(file), Trust::OwnSeal).map_err(|e| e.within(&path.display().to_string()))?;
        segments.push(segment);
    }
    let Some(first) = segments.first() else { return Err(Failure::usage("a TABLE or a segment", "none")) };
    for (segment, path) in segments.iter().zip(paths) {
        if segment.schema() != first.schema() {
            let expected = format!("the columns of {}", paths[0].display());
            return Err(Failure::usage(expected, "others").at(path));
        }
    }
    if let Some(asked) = &query.aggregate {
        return aggregate(&segments, query, asked, out);
    }
    let wants_raw = matches!(out, Out::Print(ScanFormat::Raw, _));
    let (schema, request) = request(first, query, wants_raw)?;
    let mut told = Told::default();
    if let Out::Print(ScanFormat::Raw, out) = out {
        let mut out = Joined::new(out);
        let mut matches = Matches::new(&segments, &request, query, &mut told);
        let mut current: Option<(&Segment, usize)> = None;
        while let Some((found, segment)) = matches.next().transpose()? {
            let batches = segment.batches()?;
            let mut rows = &found.column(0).as_primitive::<UInt64Type>().values()[..];
            while let Some(first) = rows.first() {
                let batch = batches.partition_point(|batch| batch.row_range().end <= *first);
                let end = batches.get(batch).map_or(u64::MAX, |batch| batch.row_range().end);
                let (now, later) = rows.split_at(rows.partition_point(|row| *row < end));
                if !current.is_some_and(|(of, at)| std::ptr::eq(of, segment) && at == batch) {
                    out.next_batch().map_err(|e| Failure::output(&e))?;
                    current = Some((segment, batch));
                }
                segment.write_row_set(now, &mut out)?;
                rows = later;
            }
        }
        out.flush().map_err(|e| Failure::output(&e))?;
    } else {
        let matches = Matches::new(&segments, &request, query, &mut told);
        show(&schema, matches.map(|found| found.map(|(batch, _)| batch)), out)?;
    }
    told.0.segments_skipped = told.0.segments_total - told.0.segments_scanned;
    Ok(told)
}

/// What the matching records of all segments come to.
fn aggregate(segments: &[Segment], query: &Query, asked: &str, out: Out<'_>) -> Result<Told, Failure> {
    let schema = segments.first().map_or_else(Schema::default, |segment| segment.schema().clone());
    let catalog = Catalog::new(schema.clone());
    let request = catalog.request(&query.predicate)?.reasons(query.reasons);
    let totals = Totals { segments: segments.len() as u64, bytes: segments.iter().map(Segment::size).sum() };
    let mut end = 0;
    let candidates = segments.iter().map(|segment| {
        let first_row = end;
        end += segment.rows();
        let open = || Ok(Opened { source: segment.clone(), view: View::same(&schema) });
        Ok(Candidate { first_row, rows: segment.rows(), verdict: Verdict::Read, zones: None, open })
    });
    let tally = Tally::new(Aggregates::parse(asked, &schema)?);
    let mut scan = catalog.tally(request, tally, totals, candidates)?;
    scan.run()?;
    let told = (scan.statistics(), scan.explanation());
    let row = scan.into_tally().finish()?;
    show(&row.schema(), std::iter::once(Ok(row)), out)?;
    Ok(told)
}

fn request(segment: &Segment, query: &Query, raw: bool) -> Result<(arrow::datatypes::SchemaRef, Request), Failure> {
    let mut request = Request::new(query.predicate.bind(segment.schema())?).reasons(query.reasons);
    if raw {
        request = request.project_columns(vec![])?.row_numbers(RowNumbers::Include);
    } else if let Some(select) = &query.select {
        request = request.project(select.iter().map(String::as_str))?;
    }
    Ok((request.schema(), request))
}

/// The matching rows of all segments in order, and which segment they are of.
struct Matches<'a> {
    segments: std::slice::Iter<'a, Segment>,
    request: &'a Request,
    remaining: u64,
    /// The last rows, if only these are wanted: held until no more can come.
    last: Option<u64>,
    held: VecDeque<(RecordBatch, &'a Segment)>,
    current: Option<(at1_catalog::Scan<Segment>, &'a Segment)>,
    told: &'a mut Told,
}

impl<'a> Matches<'a> {
    fn new(segments: &'a [Segment], request: &'a Request, query: &Query, told: &'a mut Told) -> Self {
        let remaining = query.limit.unwrap_or(u64::MAX);
        let (held, current) = (VecDeque::new(), None);
        Self { segments: segments.iter(), request, remaining, last: query.last, held, current, told }
    }

    /// The next batch that matches, wherever it stands.
    fn forward(&mut self) -> Result<Option<(RecordBatch, &'a Segment)>, Failure> {
        loop {
            if self.current.is_none() {
                let Some(segment) = self.segments.next().filter(|_| self.remaining > 0) else { return Ok(None) };
                let view = View::same(segment.schema());
                let request = self.request.clone().limit(self.remaining);
                self.current = Some((at1_catalog::Scan::new(segment.clone(), view, request, 0)?, segment));
            }
            let Some((scan, segment)) = &mut self.current else { continue };
            let segment: &'a Segment = segment;
            if let Some(batch) = scan.next().transpose()? {
                self.remaining -= batch.num_rows() as u64;
                return Ok(Some((batch, segment)));
            }
            self.told.0 += scan.statistics();
            self.told.1 += scan.explanation();
            self.current = None;
        }
    }

    fn step(&mut self) -> Result<Option<(RecordBatch, &'a Segment)>, Failure> {
        if let Some(wanted) = self.last.take() {
            let mut rows = 0;
            while let Some(found) = self.forward()? {
                rows += found.0.num_rows() as u64;
                self.held.push_back(found);
                // A batch goes when those after it are enough.
                while let Some(front) =
                    self.held.front().map(|(batch, _)| batch.num_rows() as u64).filter(|front| rows - front >= wanted)
                {
                    rows -= front;
                    self.held.pop_front();
                }
            }
            let surplus = usize::try_from(rows.saturating_sub(wanted)).unwrap_or(usize::MAX);
            if let Some((batch, _)) = self.held.front_mut() {
                let cut = surplus.min(batch.num_rows());
                *batch = batch.slice(cut, batch.num_rows() - cut);
            }
            self.told.0.rows_matched = rows.min(wanted);
        }
        match self.held.pop_front() {
            Some(found) => Ok(Some(found)),
            None => self.forward(),
        }
    }
}

impl<'a> Iterator for Matches<'a> {
    type Item = Result<(RecordBatch, &'a Segment), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
