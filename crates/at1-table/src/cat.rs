//! The exact source bytes: of the whole table, of one batch, of a range of records.
//!
//! * A line feed is put before a batch if what came before is not empty and lacks one, so that records never fuse; the rule asks
//!   only about batches, so the answer is the same before and after a compaction.
//! * One batch, and everything with [`Joints::Exact`], comes as it was: nothing is put in.

use std::{
    io::{self, Write},
    ops::Range,
};

use crate::{
    error::{Error, Result},
    snapshot::Snapshot,
    store::Store,
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

impl Table {
    /// [`Snapshot::cat`] of the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::cat`].
    pub fn cat(&self, extent: &Extent, joints: Joints, out: &mut dyn Write) -> Result<CatReport> {
        self.snapshot()?.cat(extent, joints, out)
    }
}

impl Snapshot {
    /// Writes exact source bytes to `out`.
    ///
    /// # Errors
    /// `Invalid` if there is no such batch or record, `Corrupt` if a segment is damaged, `Io` if `out` refuses.
    pub fn cat(&self, extent: &Extent, joints: Joints, out: &mut dyn Write) -> Result<CatReport> {
        let totals = self.totals();
        let mut out = Joined::new(out, joints);
        match extent {
            Extent::Everything => self.each_batch(0..totals.batches, &mut |segment, place, batch| {
                out.start_batch(batch.number)?;
                Ok(segment.write_batch(place, &mut out)?)
            })?,
            Extent::Batch(batch) if *batch < totals.batches => {
                self.each_batch(*batch..batch + 1, &mut |segment, place, batch| {
                    out.start_batch(batch.number)?;
                    Ok(segment.write_batch(place, &mut out)?)
                })?;
            }
            Extent::Batch(batch) => {
                return Err(Error::invalid("batch", format!("less than {}", totals.batches), batch));
            }
            Extent::Rows(rows) if rows.start <= rows.end && rows.end <= totals.rows => {
                let batches = self.ask(|version| batches_of_rows(self.store(), version, rows))?;
                self.each_batch(batches, &mut |segment, place, batch| {
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
        out.flush()?;
        Ok(out.report())
    }
}

/// The batches that hold any of these rows.
fn batches_of_rows(store: &dyn Store, version: &Version, rows: &Range<u64>) -> Result<Range<u64>> {
    if rows.is_empty() {
        return Ok(0..0);
    }
    Ok(version.batch_of_row(store, rows.start)?..version.batch_of_row(store, rows.end - 1)? + 1)
}

/// Batches, or parts of them, one after the other.
pub(crate) struct Joined<'a> {
    out: at1_codec::Joined<&'a mut dyn Write>,
    joints: Joints,
    batch: Option<u64>,
}

impl<'a> Joined<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, joints: Joints) -> Self {
        Self { out: at1_codec::Joined::new(out), joints, batch: None }
    }

    /// What follows is of this batch.
    pub(crate) fn start_batch(&mut self, batch: u64) -> io::Result<()> {
        match self.joints {
            _ if self.batch.replace(batch) == Some(batch) => Ok(()),
            Joints::LineFeed => self.out.next_batch(),
            Joints::Exact => {
                self.out.next_batch_exact();
                Ok(())
            }
        }
    }

    fn report(&self) -> CatReport {
        let Self { out, .. } = self;
        CatReport { batches: out.batches(), bytes: out.bytes(), line_feeds: out.line_feeds() }
    }
}

impl Write for Joined<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
