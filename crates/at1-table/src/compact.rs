//! Compaction: neighbouring segments become one, and nothing is lost but their number.
//!
//! * One step makes one segment of some neighbouring ones, and is one event. What was done before a failure stays done.
//! * The new segment was decoded, and every batch's bytes, digest and rows root were derived from it again and compared with the
//!   ledger, before anything refers to it.
//! * Appends never wait for a step and never fail because of one. Of two compactions that overlap, one wins; the other leaves no
//!   trace and plans again.
//! * Old files stay until the grace period is over ([`Table::vacuum`]).

mod choose;
mod step;

use std::{ops::Range, time::Duration};

use at1_codec::Profile;
use at1_ledger::ChainHead;
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    paths,
    table::Table,
    vacuum::{GRACE, VacuumMode, VacuumOptions, VacuumReport},
    version::Version,
};
use step::Step;

/// How segments are compacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactOptions {
    /// Which segments.
    pub choose: Choose,
    /// Only the first so many of the live segments.
    pub upto: Option<u64>,
    /// Speed against size.
    pub profile: Profile,
    /// How long replaced files stay.
    pub grace: Duration,
}

impl Default for CompactOptions {
    fn default() -> Self {
        Self { choose: Choose::All, upto: None, profile: Profile::default(), grace: GRACE }
    }
}

/// Which segments are compacted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choose {
    /// All of them, into one (more only beyond what a Parquet file can hold).
    #[default]
    All,
    /// Those that have neighbours of like size, so that every byte is written again only a logarithmic number of times.
    Tiered(Tiers),
    /// Those that are written in other types than the table's, neighbours together.
    Retype,
}

/// Size-tiered compaction, after the logarithmic method of Bentley and Saxe ("Decomposable searching problems I", 1980), on
/// neighbours only.
///
/// A segment weighs its source bytes and 4 KiB per batch, so that merging adds weights. A tier spans a factor of `fan_in`;
/// neighbours are merged once together they reach the next one. So no byte is written more often than there are tiers below the
/// target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// Segments of this weight are left alone, in bytes.
    pub target_bytes: u64,
    /// How much larger a tier is than the one before; at least 2.
    pub fan_in: u64,
}

impl Default for Tiers {
    fn default() -> Self {
        Self { target_bytes: 1 << 30, fan_in: 10 }
    }
}

/// What a compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// Its steps, in order; none if there was nothing to do.
    pub steps: Vec<CompactStep>,
    /// Which replaced files were past the grace period, and are removed.
    pub vacuum: VacuumReport,
}

/// Some segments that became one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactStep {
    /// The event.
    pub event: u64,
    /// The new segment.
    pub segment: String,
    /// Its batches.
    pub batches: Range<u64>,
    /// Its rows.
    pub rows: u64,
    /// How many segments it replaces.
    pub replaced: u64,
    /// Their bytes.
    pub bytes_before: u64,
    /// Its bytes.
    pub bytes_after: u64,
    /// The receipt.
    pub chain_head: ChainHead,
}

impl CompactReport {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "steps": self.steps.iter().map(CompactStep::to_json).collect::<Vec<_>>(),
            "vacuum": self.vacuum.to_json(),
        })
    }
}

impl CompactStep {
    /// The step as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "event": self.event, "segment": self.segment, "first_batch": self.batches.start,
            "batches": self.batches.end - self.batches.start, "rows": self.rows, "segments_replaced": self.replaced,
            "bytes_before": self.bytes_before, "bytes_after": self.bytes_after,
            "chain_head": self.chain_head.to_string(),
        })
    }
}

/// How often in a row a compaction may lose against others.
const LOSSES_MAX: u32 = 5;

impl Table {
    /// Merges neighbouring segments, then removes replaced files that are past the grace period.
    ///
    /// # Errors
    /// `Corrupt` if a segment is damaged, `Condition` if other compactions came first again and again, `Io` if the storage
    /// refuses. The steps before an error are done.
    pub fn compact(&self, options: &CompactOptions) -> Result<CompactReport> {
        self.compact_with(options, &mut |_| ())
    }

    /// As [`Table::compact`], and tells each step once it is done: what was done before an error.
    ///
    /// # Errors
    /// As [`Table::compact`].
    pub fn compact_with(&self, options: &CompactOptions, done: &mut dyn FnMut(&CompactStep)) -> Result<CompactReport> {
        if let Choose::Tiered(Tiers { fan_in: 0 | 1, .. }) = options.choose {
            return Err(Error::invalid("fan-in", "at least 2", "less"));
        }
        self.prepare()?;
        let mut steps = vec![];
        let mut losses = 0;
        // Counted once: steps make segments fewer.
        let end = self.ask(|version| end_of(version, options.upto))?;
        loop {
            // Blocks are asked only before the step is in the table.
            let step = self.at_any_cost(|| {
                let version = self.version()?;
                let Some(victims) = choose::next(&options.choose, &version, end)? else { return Ok(None) };
                let step = Step::write(self, version, victims, options.profile)?;
                Ok(Some(step.map(|step| step.commit(self)).transpose()?.flatten()))
            })?;
            let Some(step) = step else { break };
            match step {
                Some(step) => {
                    done(&step);
                    steps.push(step);
                    losses = 0;
                }
                None if losses == LOSSES_MAX => {
                    let found = "another compaction each time";
                    return Err(Error::new(
                        ErrorKind::Condition,
                        paths::LEDGER,
                        "segments that stay as they were",
                        found,
                    ));
                }
                None => losses += 1,
            }
        }
        let vacuum = self.vacuum(&VacuumOptions { grace: options.grace, mode: VacuumMode::Remove })?;
        Ok(CompactReport { steps, vacuum })
    }
}

/// Where the batches of the first `upto` live segments end; those of all of them without.
fn end_of(version: &Version, upto: Option<u64>) -> Result<u64> {
    let live = &version.tail.live;
    match upto {
        Some(upto) if upto < live.sums().segments => {
            let last =
                upto.checked_sub(1).and_then(|last| live.range(0..live.batches()).nth(usize::try_from(last).ok()?));
            Ok(last.transpose()?.map_or(0, |last| last.live.batch.end))
        }
        _ => Ok(live.batches()),
    }
}
