//! The last matching rows: segments from the end, until there are enough.
//!
//! * Memory is that of the rows asked for, and of one batch of the catalog more.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use at1_catalog::{Explanation, Scan, Statistics, Verdict};

use super::query::Query;
use crate::{
    error::{Error, Result},
    paths,
};

impl Query {
    /// The last `count` matching rows, in table order.
    pub(super) fn last(&self, count: u64) -> Result<(Vec<RecordBatch>, Statistics, Explanation)> {
        let mut statistics =
            Statistics { segments_total: self.sums.segments, bytes_total: self.sums.bytes, ..Statistics::default() };
        let mut explanation = Explanation::default();
        let mut kept: VecDeque<RecordBatch> = VecDeque::new();
        let mut missing = count;
        let mut plan = self.plan().backwards();
        while missing > 0 {
            let found = plan.next().transpose();
            self.note(&plan, &found);
            let Some((placed, verdict)) = found? else { break };
            let first_row = placed.first_row;
            let mut wanted = self.rows.start.max(first_row)..self.rows.end.min(first_row + placed.live.rows);
            if wanted.start >= wanted.end {
                continue;
            }
            // Where every row matches, only the last ones need be read.
            if verdict == Verdict::All {
                wanted.start = wanted.start.max(wanted.end.saturating_sub(missing));
            }
            let opened = self.opener(&placed)()?;
            let request = self.request.clone().rows(wanted);
            let mut scan = Scan::judged(opened.source, opened.view, request, first_row, verdict)?;
            let (mut found, mut rows) = (VecDeque::new(), 0);
            for batch in scan.by_ref() {
                let batch = batch.map_err(|e| Error::from(e).within(&paths::segment_path(&placed.live.name())))?;
                rows += batch.num_rows() as u64;
                found.push_back(batch);
                while let Some(first) =
                    found.front().map(|batch| batch.num_rows() as u64).filter(|&first| rows - first >= missing)
                {
                    rows -= first;
                    found.pop_front();
                }
            }
            statistics += Statistics { segments_total: 0, bytes_total: 0, ..scan.statistics() };
            explanation += scan.explanation();
            if rows > missing
                && let Some(first) = found.pop_front()
            {
                let surplus = usize::try_from(rows - missing).unwrap_or(usize::MAX);
                found.push_front(first.slice(surplus, first.num_rows() - surplus));
                rows = missing;
            }
            missing -= rows;
            found.into_iter().rev().for_each(|batch| kept.push_front(batch));
        }
        statistics.segments_skipped = statistics.segments_total - statistics.segments_scanned;
        statistics.rows_matched = kept.iter().map(|batch| batch.num_rows() as u64).sum();
        Ok((kept.into(), statistics, explanation))
    }
}
