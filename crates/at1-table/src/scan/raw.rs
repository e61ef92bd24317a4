//! The exact source bytes of the matching records.
//!
//! * A record comes with the blank lines before it and its line end, as it was; where a batch's last record lacks a line end and
//!   more records follow, a line feed is put in, as [`Table::cat`] does.

use std::{io::Write, ops::Range};

use arrow::{array::AsArray, datatypes::UInt64Type};
use at1_catalog::{RowNumbers, Statistics};

use super::{ScanOptions, rows::Rows};
use crate::{
    cat::{Joined, Joints},
    error::Result,
    segments,
    snapshot::{OpenSegment, Snapshot},
    table::Table,
    version::{Events, Origin},
};

impl Table {
    /// [`Snapshot::scan_raw`] of the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::scan_raw`].
    pub fn scan_raw(&self, options: &ScanOptions, joints: Joints, out: &mut dyn Write) -> Result<Statistics> {
        self.snapshot()?.scan_raw(options, joints, out)
    }
}

impl Snapshot {
    /// Writes the exact source bytes of the matching records to `out`; selected columns do not matter here.
    ///
    /// # Errors
    /// As [`Snapshot::scan`]; `Io` if `out` refuses.
    pub fn scan_raw(&self, options: &ScanOptions, joints: Joints, out: &mut dyn Write) -> Result<Statistics> {
        let mut out = Joined::new(out, joints);
        let mut read = 0;
        let statistics = self.each_match(options, &mut |matches| {
            let before = matches.segment.segment.bytes_read();
            out.start_batch(matches.batch)?;
            let written = matches.segment.segment.write_row_set(matches.rows, &mut out);
            read += matches.segment.segment.bytes_read() - before;
            written.map_err(|e| segments::damage(e, &matches.segment.live.name()))
        })?;
        out.flush()?;
        Ok(Statistics { bytes_read: statistics.bytes_read + read, ..statistics })
    }

    /// Visits the matching records, batch by batch, with the segment that holds them. A batch may come in several pieces.
    pub(crate) fn each_match(
        &self,
        options: &ScanOptions,
        visit: &mut dyn FnMut(Matches<'_>) -> Result<()>,
    ) -> Result<Statistics> {
        let mut found = Rows::new(self.clone(), options, vec![], RowNumbers::Include)?;
        let mut open: Option<OpenSegment> = None;
        let mut opened_bytes = 0;
        while let Some(batch) = found.next().transpose()? {
            let mut rows = batch.column(0).as_primitive::<UInt64Type>().values().iter().copied().peekable();
            while let Some(&row) = rows.peek() {
                let Origin { batch, rows: Range { end, .. }, .. } =
                    self.ask(|version| Events::new(version, self.store()).at_row(row))?;
                let segment = match open.take().filter(|held| held.live.batch.contains(&batch)) {
                    Some(held) => held,
                    None => {
                        let opened = found.snapshot().open_batch(batch)?;
                        opened_bytes += opened.segment.bytes_read();
                        opened
                    }
                };
                let mut in_segment = vec![];
                while let Some(row) = rows.next_if(|&row| row < end) {
                    in_segment.push(row - segment.first_row);
                }
                visit(Matches { batch, segment: &segment, rows: &in_segment })?;
                open = Some(segment);
            }
        }
        let statistics = found.statistics();
        Ok(Statistics { bytes_read: statistics.bytes_read + opened_bytes, ..statistics })
    }
}

/// Some matching records of one batch.
pub(crate) struct Matches<'a> {
    /// The batch.
    pub(crate) batch: u64,
    /// The segment that holds it.
    pub(crate) segment: &'a OpenSegment,
    /// The records' numbers in that segment, ascending.
    pub(crate) rows: &'a [u64],
}
