//! The matching rows as the catalog gives them, across changes of the layout.
//!
//! * When a file is not there any more, the rest is planned again where the batches are now. What was given out stays given out:
//!   rows have ordinals, and those do not depend on the layout.

use arrow::array::RecordBatch;
use at1_catalog::{Explanation, RowNumbers, Statistics};

use super::{
    ScanOptions,
    query::{Forward, Query},
};
use crate::{
    error::{Error, Result},
    snapshot::Snapshot,
};

/// Batches of the catalog: the columns asked for, then the rows' ordinals if they were.
pub(super) struct Rows {
    options: ScanOptions,
    columns: Vec<usize>,
    row_numbers: RowNumbers,
    query: Query,
    inner: Inner,
    /// How many more rows may be given out.
    remaining: Option<u64>,
    /// What was read under earlier layouts.
    before: Statistics,
    explained: Explanation,
}

enum Inner {
    Forward(Box<Forward>),
    /// The last rows: found from the end, given out from the front.
    Found(Box<(std::vec::IntoIter<RecordBatch>, Statistics, Explanation)>),
}

impl Rows {
    pub(super) fn new(
        snapshot: Snapshot,
        options: &ScanOptions,
        columns: Vec<usize>,
        row_numbers: RowNumbers,
    ) -> Result<Self> {
        if options.limit.is_some() && options.last.is_some() {
            return Err(Error::invalid("scan", "limit or last", "both"));
        }
        let query = Query::new(snapshot, options, columns.clone(), row_numbers)?;
        let inner = Inner::Forward(Box::new(query.forward(options.limit)));
        let mut rows = Self {
            options: options.clone(),
            columns,
            row_numbers,
            query,
            inner,
            remaining: options.limit,
            before: Statistics::default(),
            explained: Explanation::default(),
        };
        if let Some(last) = options.last {
            rows.find_last(last)?;
        }
        Ok(rows)
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.query.snapshot
    }

    pub(super) fn statistics(&self) -> Statistics {
        let found = match &self.inner {
            Inner::Forward(scan) => scan.statistics(),
            Inner::Found(found) => found.1,
        };
        let mut all = self.query.statistics(found);
        all += self.before;
        all.segments_skipped = all.segments_total.saturating_sub(all.segments_scanned);
        all
    }

    pub(super) fn explanation(&self) -> Explanation {
        let found = match &self.inner {
            Inner::Forward(scan) => scan.explanation(),
            Inner::Found(found) => found.2.clone(),
        };
        let mut all = self.query.explanation(found);
        all += &self.explained;
        all
    }

    fn find_last(&mut self, count: u64) -> Result<()> {
        loop {
            match self.query.last(count) {
                Ok((batches, statistics, explanation)) => {
                    self.inner = Inner::Found(Box::new((batches.into_iter(), statistics, explanation)));
                    return Ok(());
                }
                // Nothing was given out yet, so the search starts anew.
                Err(error) => self.plan_again(error)?,
            }
        }
    }

    /// Plans what is left where the batches are now, if a file or a block was not there; else the error stands.
    fn plan_again(&mut self, error: Error) -> Result<()> {
        let Some(gone) = self.query.gone() else { return Err(error) };
        self.query.look_again(gone, error)?;
        if self.options.last.is_none() {
            self.options.rows = Some(self.query.rows.start.max(gone.row)..self.query.rows.end);
        }
        self.before = carried_over(self.statistics());
        self.explained = self.explanation();
        let snapshot = self.query.snapshot.clone();
        self.query = Query::new(snapshot, &self.options, self.columns.clone(), self.row_numbers)?;
        self.inner = Inner::Forward(Box::new(self.query.forward(self.remaining)));
        Ok(())
    }
}

/// What was read under one layout, before the next: the totals are those of the newest.
pub(super) fn carried_over(read: Statistics) -> Statistics {
    Statistics { segments_total: 0, bytes_total: 0, row_groups_total: 0, pages_total: 0, ..read }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let batch = match &mut self.inner {
                Inner::Forward(scan) => scan.next()?.map_err(|e| self.query.explain(e, scan.first_row())),
                Inner::Found(found) => Ok(found.0.next()?),
            };
            match batch {
                Ok(batch) => {
                    if let Some(remaining) = &mut self.remaining {
                        *remaining = remaining.saturating_sub(batch.num_rows() as u64);
                    }
                    return Some(Ok(batch));
                }
                Err(error) => match self.plan_again(error) {
                    Ok(()) => {}
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }
}
