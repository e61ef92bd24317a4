//! The exact source bytes of the matching records.
//!
//! * A record comes with the blank lines before it and its line end, as it was; where a batch's last record lacks a line end and
//!   more records follow, a line feed is put in, as [`Table::cat`] does.

use std::io::Write;

use arrow::{array::AsArray, datatypes::UInt64Type};
use at1_catalog::{RowNumbers, Statistics};

use super::{Inner, Query, ScanOptions};
use crate::{
    cat::{Joined, Joints},
    error::{Error, Result},
    paths, segments,
    table::Table,
};

impl Table {
    /// Writes the exact source bytes of the matching records to `out`; selected columns do not matter here.
    ///
    /// # Errors
    /// As [`Table::scan`]; `Io` if `out` refuses.
    pub fn scan_raw(&self, options: &ScanOptions, joints: Joints, out: &mut dyn Write) -> Result<Statistics> {
        let version = self.version()?;
        let query = Query::new(self, version, options, vec![], RowNumbers::Include)?;
        let mut inner = match (options.limit, options.last) {
            (Some(_), Some(_)) => return Err(Error::invalid("scan", "limit or last", "both")),
            (None, Some(last)) => {
                let (batches, statistics) = query.last(last)?;
                Inner::Found(batches.into_iter(), statistics)
            }
            (limit, None) => Inner::Forward(Box::new(query.forward(limit)?)),
        };
        let mut out = Joined::new(out, joints);
        let mut recovered = 0;
        let mut open = None;
        loop {
            let batch = match &mut inner {
                Inner::Forward(scan) => scan.next().transpose()?,
                Inner::Found(batches, _) => batches.next(),
            };
            let Some(batch) = batch else { break };
            let mut rows = batch.column(0).as_primitive::<UInt64Type>().values().iter().copied().peekable();
            while let Some(&row) = rows.peek() {
                let none = || Error::corrupt(paths::LEDGER, "a batch for every row", row);
                let batch = query.version.batch_of_row(row).ok_or_else(none)?;
                let end = query.version.state.batch_rows(batch).ok_or_else(none)?.end;
                let record = query.version.state.segment_of(batch).ok_or_else(none)?;
                if open.as_ref().is_none_or(|(name, _, _)| *name != record.name) {
                    recovered +=
                        open.as_ref().map_or(0, |(_, segment, _): &(_, at1_codec::Segment, _)| segment.bytes_read());
                    let first_row = query.version.state.batch_rows(record.batch.start).ok_or_else(none)?.start;
                    open = Some((record.name.clone(), segments::open(self.store(), record)?, first_row));
                }
                let Some((_, segment, first_row)) = &open else { unreachable!("opened above") };
                let mut in_segment = vec![];
                while let Some(row) = rows.next_if(|&row| row < end) {
                    in_segment.push(row - first_row);
                }
                out.start_batch(batch)?;
                segment.write_row_set(&in_segment, &mut out).map_err(|e| segments::damage(e, record))?;
            }
        }
        out.flush()?;
        recovered += open.as_ref().map_or(0, |(_, segment, _)| segment.bytes_read());
        let found = match &inner {
            Inner::Forward(scan) => scan.statistics(),
            Inner::Found(_, statistics) => *statistics,
        };
        Ok(query.statistics(Statistics { bytes_read: found.bytes_read + recovered, ..found }))
    }
}
