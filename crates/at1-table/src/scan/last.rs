//! The last matching rows: segments from the end, until there are enough.
//!
//! * Memory is that of the rows asked for, and of one batch of the catalog more.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use at1_catalog::{Pruning, Scan, Statistics, Verdict};

use super::query::Query;
use crate::{
    error::{Error, Result},
    paths,
};

impl Query {
    /// The last `count` matching rows, in table order.
    pub(super) fn last(&self, count: u64) -> Result<(Vec<RecordBatch>, Statistics)> {
        let live = &self.version.state.live()[..self.segments()];
        let mut statistics = Statistics { segments_total: live.len() as u64, ..Statistics::default() };
        statistics.bytes_total = live.iter().map(|record| record.bytes).sum();
        let verdicts = match self.pruning {
            Pruning::On => self.bound.verdicts(&self.zones.slice(0..live.len())?),
            Pruning::Off => vec![Verdict::Read; live.len()],
        };
        let mut end = self.first_row(live.len().saturating_sub(1)) + live.last().map_or(0, |record| record.rows);
        let mut kept: VecDeque<RecordBatch> = VecDeque::new();
        let mut missing = count;
        for (segment, verdict) in verdicts.iter().enumerate().rev() {
            let first_row = end - live[segment].rows;
            let segment_rows = first_row..end;
            end = first_row;
            if missing == 0 {
                break;
            }
            let mut wanted = self.rows.start.max(segment_rows.start)..self.rows.end.min(segment_rows.end);
            if *verdict == Verdict::Skip || wanted.start >= wanted.end {
                continue;
            }
            // Where every row matches, only the last ones need be read.
            if *verdict == Verdict::All {
                wanted.start = wanted.start.max(wanted.end.saturating_sub(missing));
            }
            let opened = self.opener(segment)()?;
            let mut scan = Scan::new(opened.source, opened.view, self.request.clone().rows(wanted), first_row)?;
            let (mut found, mut rows) = (VecDeque::new(), 0);
            for batch in scan.by_ref() {
                let batch = batch.map_err(|e| Error::from(e).within(&paths::segment_path(&live[segment].name)))?;
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
        Ok((kept.into(), statistics))
    }
}
