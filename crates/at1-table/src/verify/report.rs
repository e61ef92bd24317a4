//! What a verification says: findings with stable words, and the one code that a command ends with.

use std::fmt;

use at1_ledger::ChainHead;
use serde_json::{Value, json};

/// What kind of thing a verifier has to say, with stable words for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The ledger's bytes break the format, or a hash differs.
    Damaged,
    /// The ledger's events cannot all be true.
    Contradiction,
    /// Something is of a version that this one does not know.
    Unknown,
    /// The ledger's last line is incomplete: a crash, not evidence.
    Torn,
    /// The newest event is later than the verifier's clock.
    ClockAhead,
    /// A live segment is not the file it was.
    Changed,
    /// A live segment is not there: deleted, or not copied yet.
    Missing,
    /// Something could not be read, so nothing is known about it.
    Unreadable,
    /// A segment's file that no event names yet: left by a crash, replaced by the next writer.
    Orphan,
    /// A name among the segments that no event gave.
    Extra,
    /// A replaced file that is gone, although no event says so.
    Gone,
    /// A block of the manifest that is not there, or is not what its name says: queries fold the ledger instead.
    Block,
    /// A batch that comes out of its segment is not the one that was appended.
    Batch,
    /// Bounds that queries rely on are not those of the values.
    Zones,
    /// A receipt's event is not there: the history was cut short, or an older copy put back.
    HeadMissing,
    /// A receipt is of another history.
    HeadDiffers,
    /// Writers are stopped by a marker.
    Poisoned,
}

impl Code {
    /// The word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Contradiction => "contradiction",
            Self::Unknown => "unknown",
            Self::Torn => "torn",
            Self::ClockAhead => "clock_ahead",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Orphan => "orphan",
            Self::Extra => "extra",
            Self::Gone => "gone",
            Self::Block => "block",
            Self::Batch => "batch",
            Self::Zones => "zones",
            Self::HeadMissing => "head_missing",
            Self::HeadDiffers => "head_differs",
            Self::Poisoned => "poisoned",
        }
    }

    pub(super) fn is_head(self) -> bool {
        matches!(self, Self::HeadMissing | Self::HeadDiffers)
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::Damaged | Self::Contradiction | Self::Changed | Self::Missing | Self::Batch | Self::Zones => {
                Verdict::Broken
            }
            Self::HeadMissing | Self::HeadDiffers => Verdict::Rollback,
            Self::Torn => Verdict::Torn,
            Self::Unknown | Self::Unreadable => Verdict::Undecided,
            Self::ClockAhead | Self::Orphan | Self::Extra | Self::Gone | Self::Block | Self::Poisoned => Verdict::Holds,
        }
    }
}

/// What it comes to. The greatest of all findings counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Everything that was asked for was checked and held.
    Holds,
    /// Something could not be decided: unreadable, or of an unknown version.
    Undecided,
    /// A torn tail: a crash, which the next writer cleans up.
    Torn,
    /// The history is not the one of a receipt.
    Rollback,
    /// Tampered with, or damaged.
    Broken,
}

impl Verdict {
    /// Exit code of [`Verdict::Holds`].
    pub const HOLDS: u8 = 0;
    /// Exit code of [`Verdict::Broken`].
    pub const BROKEN: u8 = 1;
    /// Exit code of [`Verdict::Undecided`].
    pub const UNDECIDED: u8 = 3;
    /// Exit code of [`Verdict::Rollback`].
    pub const ROLLBACK: u8 = 5;
    /// Exit code of [`Verdict::Torn`].
    pub const TORN: u8 = 7;

    /// What a command ends with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Holds => Self::HOLDS,
            Self::Broken => Self::BROKEN,
            Self::Undecided => Self::UNDECIDED,
            Self::Rollback => Self::ROLLBACK,
            Self::Torn => Self::TORN,
        }
    }
}

/// Something a verifier has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: Code,
    /// Which event, file or batch.
    pub place: String,
    /// What was expected and what was found.
    pub message: String,
}

impl Finding {
    pub(super) fn new(code: Code, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.code.as_str(), self.place, self.message)
    }
}

impl From<&at1_ledger::Finding> for Finding {
    fn from(finding: &at1_ledger::Finding) -> Self {
        use at1_ledger::Code as L;
        let code = match finding.code {
            L::Damaged => Code::Damaged,
            L::Contradiction => Code::Contradiction,
            L::Torn => Code::Torn,
            L::ClockAhead => Code::ClockAhead,
            L::Changed => Code::Changed,
            L::Missing => Code::Missing,
            L::Unreadable => Code::Unreadable,
            _ => Code::Unknown,
        };
        Self::new(code, finding.place.clone(), finding.message.clone())
    }
}

/// What all that was checked amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The directory agrees with itself; whoever can write it could have made it so.
    SelfConsistent,
    /// Besides, receipts from outside hold: up to their events the history is the one that it was.
    Receipt,
}

impl Level {
    /// The words for people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SelfConsistent => "self-consistent",
            Self::Receipt => "receipt",
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// Whether the history recomputes; `None` if that could not be decided.
    pub chain: Option<bool>,
    /// Whether every live segment is the file that was committed; `None` if that could not be decided.
    pub immutable: Option<bool>,
    /// Whether every batch comes out of its segment as it went in; `None` if not asked for or not decided.
    pub rows: Option<bool>,
    /// What it amounts to, if it holds.
    pub level: Level,
    /// Receipts that hold.
    pub heads_held: u64,
    /// Events that link up.
    pub events: u64,
    /// Live segments that are the files they were.
    pub segments: u64,
    /// Their size together.
    pub bytes: u64,
    /// Batches that were derived again and are what they were.
    pub batches: u64,
    /// The receipt for the newest event that links up.
    pub chain_head: Option<ChainHead>,
    /// Everything there is to say.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        let found = self.findings.iter().map(|finding| finding.code.verdict()).max().unwrap_or(Verdict::Holds);
        // What was not checked did not hold.
        let unchecked = self.chain.is_none() || self.immutable.is_none();
        found.max(if unchecked { Verdict::Undecided } else { Verdict::Holds })
    }

    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let findings = self
            .findings
            .iter()
            .map(|finding| json!({"code": finding.code.as_str(), "place": finding.place, "message": finding.message}));
        json!({
            "chain": self.chain,
            "immutable": self.immutable,
            "rows": self.rows,
            "level": self.level.as_str(),
            "heads_held": self.heads_held,
            "events": self.events,
            "segments": self.segments,
            "bytes": self.bytes,
            "batches": self.batches,
            "chain_head": self.chain_head.map(|head| head.to_string()),
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}
