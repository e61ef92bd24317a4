//! What the matching rows come to, across changes of the layout.
//!
//! * Segments whose zones say it all are not opened; of the others only what zones do not tell is read.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use at1_catalog::{Aggregates, Explanation, RowNumbers, Statistics, Tally};

use super::{ScanOptions, query::Query};
use crate::{
    error::{Error, Result},
    snapshot::Snapshot,
    table::Table,
};

/// What the matching rows came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// One row, a column for each aggregate.
    pub row: RecordBatch,
    /// What was read for it.
    pub statistics: Statistics,
    /// Why the rest was not, if the options ask for reasons.
    pub explanation: Explanation,
}

impl Table {
    /// [`Snapshot::aggregate`] of the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::aggregate`].
    pub fn aggregate(&self, options: &ScanOptions, aggregates: &str) -> Result<Answer> {
        self.snapshot()?.aggregate(options, aggregates)
    }
}

impl Snapshot {
    /// What the matching rows come to, as one row: `count(*), count(a), min(a), max(a), sum(a)`. Selected columns do not matter.
    ///
    /// ```
    /// use arrow::{array::AsArray, datatypes::UInt64Type};
    /// use at1_table::{AppendOptions, CreateOptions, ScanOptions, Source, Table};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let table = Table::create(folder.path().join("trades"), &CreateOptions::default())?;
    /// table.append_csv(Source::bytes("id,price\n1,9.50\n2,10.00"), &AppendOptions::default())?;
    /// let dear = ScanOptions::matching("price >= 9".parse()?);
    /// let answer = table.snapshot()?.aggregate(&dear, "count(*), max(price)")?;
    /// assert_eq!(answer.row.column(0).as_primitive::<UInt64Type>().value(0), 2);
    /// assert_eq!(answer.statistics.pages_scanned, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Snapshot::scan`]; `Invalid` if the aggregates are none, do not fit the table, or stand beside a limit.
    pub fn aggregate(&self, options: &ScanOptions, aggregates: &str) -> Result<Answer> {
        if options.limit.is_some() || options.last.is_some() {
            return Err(Error::invalid("aggregate", "all matching rows", "a limit"));
        }
        let aggregates = Aggregates::parse(aggregates, &self.schema().schema())?;
        let (mut before, mut explained) = (Statistics::default(), Explanation::default());
        loop {
            let columns = aggregates.columns().to_vec();
            let query = Query::new(self.clone(), options, columns, RowNumbers::Omit)?;
            let told = Arc::new(Mutex::new(Tally::new(aggregates.clone())));
            let mut scan = query.tally(Tally::new(aggregates.clone()), &told)?;
            let done = scan.run();
            let mut statistics = query.statistics(scan.statistics());
            statistics += before;
            statistics.segments_skipped = statistics.segments_total.saturating_sub(statistics.segments_scanned);
            explained += &query.explanation(scan.explanation());
            let Err(error) = done else {
                let mut tally = scan.into_tally();
                tally.merge(told.lock().unwrap_or_else(PoisonError::into_inner).clone());
                return Ok(Answer { row: tally.finish()?, statistics, explanation: explained });
            };
            let error = query.explain(error, scan.first_row());
            let Some(gone) = query.gone() else { return Err(error) };
            query.look_again(gone, error)?;
            // Zones of what comes later may have told already, so all of it is asked again.
            before = Statistics { rows_matched: 0, segments_answered: 0, ..super::rows::carried_over(statistics) };
        }
    }
}
