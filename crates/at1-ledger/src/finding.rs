//! What verifiers say: findings with stable words, and the verdict they come to.
//!
//! * What was not looked at is not reported as fine: undecided is a verdict of its own.

use std::fmt;

/// Something a verifier has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: Code,
    /// Which event or file.
    pub place: String,
    /// What was expected and what was found.
    pub message: String,
}

/// Kinds of findings, with stable words for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The ledger's bytes break the format, or a hash differs.
    Damaged,
    /// The ledger's events cannot all be true.
    Contradiction,
    /// The ledger says something that this version does not know.
    Unknown,
    /// The ledger's last line is incomplete: a crash, not evidence.
    Torn,
    /// The newest event is later than the verifier's clock.
    ClockAhead,
    /// A live segment is not the file it was.
    Changed,
    /// A live segment is not there.
    Missing,
    /// Something could not be read, so nothing is known about it.
    Unreadable,
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
        }
    }

    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Damaged | Self::Contradiction | Self::Changed | Self::Missing => Verdict::Broken,
            Self::Unknown | Self::Unreadable => Verdict::Undecided,
            Self::Torn | Self::ClockAhead => Verdict::Holds,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Everything was checked and held.
    Holds,
    /// Something could not be read or is not known to this version.
    Undecided,
    /// Something does not hold.
    Broken,
}

pub(crate) fn verdict(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.code.verdict()).max().unwrap_or(Verdict::Holds)
}
