//! The exact source bytes: of the whole table, of one batch, of a range of records.
//!
//! * A line feed is put before a batch if what came before is not empty and lacks one, so that records never fuse; the rule asks
//!   only about batches, so the answer is the same before and after a compaction.
//! * One batch, and everything with [`Joints::Exact`], comes as it was: nothing is put in.

use std::{
    io::{self, Write},
    ops::Range,
};

use at1_codec::Segment;
use at1_ledger::SegmentRecord;

use crate::{
    error::{Error, Result},
    paths, segments,
    table::Table,
    version::Version,
};

/// Which source bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All batches, headers included.
    #[default]
    Everything,
    /// One batch, header included.
    Batch(u64),
    /// Records of the table, by their ordinals; no headers.
    Rows(Range<u64>),
}

/// What stands between batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joints {
    /// A line feed where there is none.
    #[default]
    LineFeed,
    /// Nothing.
    Exact,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CatReport {
    /// Batches, or parts of them.
    pub batches: u64,
    /// Bytes, line feeds put in between included.
    pub bytes: u64,
    /// Line feeds put in between.
    pub line_feeds: u64,
}

/// Where a batch is in its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchPlace {
    pub(crate) number: u64,
    pub(crate) first_row: u64,
}

impl Table {
    /// Writes exact source bytes to `out`.
    ///
    /// # Errors
    /// `Invalid` if there is no such batch or record, `Corrupt` if a segment is damaged, `Io` if `out` refuses.
    pub fn cat(&self, extent: &Extent, joints: Joints, out: &mut dyn Write) -> Result<CatReport> {
        let version = self.version()?;
        let totals = version.state.totals();
        let mut out = Joined::new(out, joints);
        match extent {
            Extent::Everything => self.each_batch(&version, 0..totals.batches, &mut |segment, place, batch| {
                out.start_batch(batch.number)?;
                Ok(segment.write_batch(place, &mut out)?)
            })?,
            Extent::Batch(batch) if *batch < totals.batches => {
                self.each_batch(&version, *batch..batch + 1, &mut |segment, place, batch| {
                    out.start_batch(batch.number)?;
                    Ok(segment.write_batch(place, &mut out)?)
                })?;
            }
            Extent::Batch(batch) => {
                return Err(Error::invalid("batch", format!("less than {}", totals.batches), batch));
            }
            Extent::Rows(rows) if rows.start <= rows.end && rows.end <= totals.rows => {
                let batches = batches_of_rows(&version, rows);
                self.each_batch(&version, batches, &mut |segment, place, batch| {
                    let infos = segment.batches()?;
                    let info =
                        infos.get(place).ok_or_else(|| Error::corrupt("", format!("batch {place}"), infos.len()))?;
                    let start = rows.start.saturating_sub(batch.first_row).min(info.rows) + info.first_row;
                    let end = rows.end.saturating_sub(batch.first_row).min(info.rows) + info.first_row;
                    if start < end {
                        out.start_batch(batch.number)?;
                        segment.write_rows(start..end, &mut out)?;
                    }
                    Ok(())
                })?;
            }
            Extent::Rows(rows) => {
                let found = format!("{}..{}", rows.start, rows.end);
                return Err(Error::invalid("rows", format!("a range within 0..{}", totals.rows), found));
            }
        }
        out.out.flush()?;
        Ok(out.report)
    }

    /// Visits batches in order: the open segment, the batch's place in it, and its place in the table.
    pub(crate) fn each_batch(
        &self,
        version: &Version,
        batches: Range<u64>,
        visit: &mut dyn FnMut(&Segment, usize, BatchPlace) -> Result<()>,
    ) -> Result<()> {
        let mut open: Option<(&SegmentRecord, Segment)> = None;
        for batch in batches {
            let record = version.state.segment_of(batch);
            let record =
                record.ok_or_else(|| Error::corrupt(paths::LEDGER, format!("a segment with batch {batch}"), "none"))?;
            if open.as_ref().is_none_or(|(held, _)| held.name != record.name) {
                open = Some((record, segments::open(self.store(), record)?));
            }
            let Some((_, segment)) = &open else { unreachable!("opened above") };
            let place = usize::try_from(batch - record.batch.start).unwrap_or(usize::MAX);
            let first_row = version.state.batch_rows(batch).map_or(0, |rows| rows.start);
            visit(segment, place, BatchPlace { number: batch, first_row })
                .map_err(|e| e.within(&paths::segment_path(&record.name)))?;
        }
        Ok(())
    }
}

/// The batches that hold any of these rows.
fn batches_of_rows(version: &Version, rows: &Range<u64>) -> Range<u64> {
    let first = version.batch_of_row(rows.start);
    let last = rows.end.checked_sub(1).and_then(|last| version.batch_of_row(last));
    match (first, last) {
        (Some(first), Some(last)) if rows.start < rows.end => first..last + 1,
        _ => 0..0,
    }
}

/// Knows how the bytes so far end.
pub(crate) struct Joined<'a> {
    out: &'a mut dyn Write,
    joints: Joints,
    batch: Option<u64>,
    last: Option<u8>,
    report: CatReport,
}

impl<'a> Joined<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, joints: Joints) -> Self {
        Self { out, joints, batch: None, last: None, report: CatReport::default() }
    }

    /// What follows is of this batch.
    pub(crate) fn start_batch(&mut self, batch: u64) -> io::Result<()> {
        if self.batch.replace(batch) == Some(batch) {
            return Ok(());
        }
        if self.joints == Joints::LineFeed && self.last.is_some_and(|last| last != b'\n') {
            self.write_all(b"\n")?;
            self.report.line_feeds += 1;
        }
        self.report.batches += 1;
        Ok(())
    }
}

impl Write for Joined<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        if let Some(last) = written.checked_sub(1) {
            self.last = Some(bytes[last]);
        }
        self.report.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
