//! What a verification says: findings with stable words, and the one code that a command ends with.

use std::{collections::BTreeSet, fmt};

use at1_ledger::{ChainHead, Digest, Interval, Memory, Quorum, Times};
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
    /// A file beside the ledger is not what its name says.
    Kept,
    /// A checkpoint beside the ledger covers events that are not there.
    CheckpointAhead,
    /// A checkpoint beside the ledger is of another one.
    CheckpointDiffers,
    /// A signature claims to be of a key that is trusted, and does not verify.
    BadSignature,
    /// A log key of the policy, or a quorum of its witnesses, did not sign.
    Untrusted,
    /// There is no signed checkpoint.
    Unsigned,
    /// Events that the newest checkpoint which satisfies the policy does not cover.
    Uncovered,
    /// Too many events are unsigned, or others last saw the ledger too long ago.
    Stale,
    /// A `key` event retires a trusted key, which did not sign that.
    Handover,
    /// The policy's quorum cannot exclude that one bad witness makes a fork possible.
    WeakQuorum,
    /// The ledger ends before what is remembered of it.
    MemoryShorter,
    /// The ledger parts from what is remembered of it.
    MemoryDiffers,
    /// It is another ledger than the one that is remembered.
    MemoryOther,
    /// The ledger ends before a checkpoint that was seen elsewhere.
    SeenMissing,
    /// The ledger parts from a checkpoint that was seen elsewhere.
    SeenDiffers,
    /// The receipt that an `anchor` event names is not there.
    AnchorMissing,
    /// A receipt is of something else than its event says.
    AnchorDiffers,
    /// A receipt's signature was checked, and refused.
    StampRefused,
    /// Receipts are there, and nobody was told to check their signatures.
    StampsUnchecked,
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
            Self::Kept => "kept",
            Self::CheckpointAhead => "checkpoint_ahead",
            Self::CheckpointDiffers => "checkpoint_differs",
            Self::BadSignature => "bad_signature",
            Self::Untrusted => "untrusted",
            Self::Unsigned => "unsigned",
            Self::Uncovered => "uncovered",
            Self::Stale => "stale",
            Self::Handover => "handover",
            Self::WeakQuorum => "weak_quorum",
            Self::MemoryShorter => "memory_shorter",
            Self::MemoryDiffers => "memory_differs",
            Self::MemoryOther => "memory_other",
            Self::SeenMissing => "seen_missing",
            Self::SeenDiffers => "seen_differs",
            Self::AnchorMissing => "anchor_missing",
            Self::AnchorDiffers => "anchor_differs",
            Self::StampRefused => "stamp_refused",
            Self::StampsUnchecked => "stamps_unchecked",
        }
    }

    pub(super) fn is_head(self) -> bool {
        matches!(self, Self::HeadMissing | Self::HeadDiffers)
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::Damaged
            | Self::Contradiction
            | Self::Changed
            | Self::Missing
            | Self::Batch
            | Self::Zones
            | Self::Kept
            | Self::CheckpointAhead
            | Self::CheckpointDiffers
            | Self::BadSignature
            | Self::AnchorDiffers => Verdict::Broken,
            Self::HeadMissing
            | Self::HeadDiffers
            | Self::MemoryShorter
            | Self::MemoryDiffers
            | Self::MemoryOther
            | Self::SeenMissing
            | Self::SeenDiffers => Verdict::Rollback,
            Self::Untrusted | Self::Unsigned | Self::StampRefused => Verdict::Untrusted,
            Self::Stale => Verdict::Stale,
            Self::Torn => Verdict::Torn,
            Self::Unknown | Self::Unreadable => Verdict::Undecided,
            Self::ClockAhead
            | Self::Orphan
            | Self::Extra
            | Self::Gone
            | Self::Block
            | Self::Poisoned
            | Self::Uncovered
            | Self::Handover
            | Self::WeakQuorum
            | Self::AnchorMissing
            | Self::StampsUnchecked => Verdict::Holds,
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
    /// It holds, but what vouches for it is too old, or leaves too much out.
    Stale,
    /// It agrees with itself, but not enough of what was asked for vouches for it.
    Untrusted,
    /// The history is not the one that a receipt, a memory or a checkpoint from elsewhere is of.
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
    /// Exit code of [`Verdict::Untrusted`].
    pub const UNTRUSTED: u8 = 4;
    /// Exit code of [`Verdict::Stale`].
    pub const STALE: u8 = 6;
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
            Self::Untrusted => Self::UNTRUSTED,
            Self::Stale => Self::STALE,
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

/// What all that was checked amounts to. Several may be reached; the last of them is the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The directory agrees with itself; whoever can write it could have made it so.
    SelfConsistent,
    /// Receipts from outside hold: up to their events the history is the one that it was.
    Receipt,
    /// A key of the policy signed a checkpoint of it.
    Signed,
    /// It goes on from what the verifier remembered, or from a checkpoint that was seen elsewhere.
    ExtendsMemory,
    /// Besides, a quorum of the policy's witnesses cosigned a checkpoint of it.
    Witnessed,
    /// A receipt of a time stamper that held shows that it was there at a time.
    TimeAnchored,
}

impl Level {
    /// All of them, the weakest first.
    pub const ALL: [Self; 6] =
        [Self::SelfConsistent, Self::Receipt, Self::Signed, Self::ExtendsMemory, Self::Witnessed, Self::TimeAnchored];

    /// The words for people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SelfConsistent => "self-consistent",
            Self::Receipt => "receipt",
            Self::Signed => "signed",
            Self::ExtendsMemory => "extends-memory",
            Self::Witnessed => "witnessed",
            Self::TimeAnchored => "time-anchored",
        }
    }
}

/// The largest checkpoint that satisfies the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// How many events it covers.
    pub size: u64,
    /// The log's keys that signed it.
    pub signed: Vec<String>,
    /// The policy's witnesses that cosigned it.
    pub cosigned: Vec<String>,
    /// Whether they are the quorum.
    pub quorum: Quorum,
}

impl Trusted {
    /// The checkpoint as `--json` prints it.
    fn to_json(&self) -> Value {
        let seen_by = match self.quorum {
            Quorum::Met { seen_by, .. } => Some(seen_by),
            _ => None,
        };
        json!({"size": self.size, "signed": self.signed, "cosigned": self.cosigned, "seen_by": seen_by})
    }
}

/// Two statements about one ledger that cannot both be true. Where both are signed by its key, that is proof of a fork.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which ledger.
    pub origin: String,
    /// How many events the older statement is of.
    pub size: u64,
    /// Their root, as it was remembered or seen elsewhere.
    pub remembered_root: Digest,
    /// That statement as a signed note, if it was one.
    pub remembered_note: Option<String>,
    /// The root of as many events here; `None` if there are fewer.
    pub found_root: Option<Digest>,
    /// The newest signed checkpoint that lies here.
    pub found_note: Option<String>,
}

impl Evidence {
    /// The evidence as `--json` prints it, and as its file holds it.
    pub fn to_json(&self) -> Value {
        json!({
            "at1_evidence": 1,
            "origin": self.origin,
            "size": self.size,
            "remembered_root": self.remembered_root.to_string(),
            "remembered_note": self.remembered_note,
            "found_root": self.found_root.map(|root| root.to_string()),
            "found_note": self.found_note,
        })
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
    pub levels: BTreeSet<Level>,
    /// The largest checkpoint that satisfies the policy.
    pub trusted: Option<Trusted>,
    /// How many events are behind that; `None` without a policy.
    pub uncovered: Option<u64>,
    /// How many events the largest receipt covers that held.
    pub anchored: Option<u64>,
    /// What others stated about times, as far as it is trusted.
    pub times: Times,
    /// What cannot both be true.
    pub evidence: Vec<Evidence>,
    /// What to remember for the next time; `None` unless all held.
    pub memory: Option<Memory>,
    /// Receipts that hold.
    pub heads_held: u64,
    /// Events that link up.
    pub events: u64,
    /// Live segments that are the files they were.
    pub segments: u64,
    /// How many of them were hashed at an earlier verification, and only looked at now.
    pub segments_remembered: u64,
    /// What was hashed now.
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

    /// The strongest level that was reached.
    pub fn level(&self) -> Level {
        self.levels.last().copied().unwrap_or(Level::SelfConsistent)
    }

    /// When event `n` happened, as far as others stated it.
    pub fn interval(&self, n: u64) -> Interval {
        self.times.interval(n)
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
            "level": self.level().as_str(),
            "levels": self.levels.iter().map(|level| level.as_str()).collect::<Vec<_>>(),
            "checkpoint": self.trusted.as_ref().map(Trusted::to_json),
            "uncovered": self.uncovered,
            "anchored": self.anchored,
            "evidence": self.evidence.iter().map(Evidence::to_json).collect::<Vec<_>>(),
            "heads_held": self.heads_held,
            "events": self.events,
            "segments": self.segments,
            "segments_remembered": self.segments_remembered,
            "bytes": self.bytes,
            "batches": self.batches,
            "chain_head": self.chain_head.map(|head| head.to_string()),
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}
