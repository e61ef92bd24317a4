//! Verification of the files that events name.
//!
//! * Only live segments are asked for: a file that a compaction replaced may be gone.
//! * The caller opens files, by the names that the *ledger* gives, and hashes them; here is only what it means.

use std::io;

use crate::{
    digest::Digest,
    finding::{Code, Finding, Verdict, verdict},
    record::SegmentRecord,
};

/// What a file is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileDigest {
    /// Its length.
    pub bytes: u64,
    /// The digest of all of it. If the length differs from the record's, it need not be computed: any digest will do.
    pub sha256: Digest,
}

/// What [`verify_immutable`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImmutableReport {
    /// How many live segments are the files they were.
    pub segments: u64,
    /// Their length together.
    pub bytes: u64,
    /// The others, each with one finding.
    pub findings: Vec<Finding>,
}

impl ImmutableReport {
    /// Whether every live segment is there and unchanged.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.findings)
    }
}

/// Compares every live segment with its record; `hash` says what its file is now, `None` if there is no such file.
///
/// ```
/// use at1_ledger::{Verdict, verify_immutable};
///
/// let report = verify_immutable(&[], |_| Ok(None));
/// assert_eq!(report.verdict(), Verdict::Holds);
/// ```
pub fn verify_immutable(
    live: &[SegmentRecord],
    mut hash: impl FnMut(&SegmentRecord) -> io::Result<Option<FileDigest>>,
) -> ImmutableReport {
    let mut report = ImmutableReport::default();
    for segment in live {
        let (code, message) = match hash(segment) {
            Ok(Some(file)) if file.bytes != segment.bytes => {
                (Code::Changed, format!("changed: expected {} bytes, found {}", segment.bytes, file.bytes))
            }
            Ok(Some(file)) if file.sha256 != segment.sha256 => {
                (Code::Changed, format!("changed: expected hash {}, found {}", segment.sha256, file.sha256))
            }
            Ok(Some(file)) => {
                report.segments += 1;
                report.bytes = report.bytes.saturating_add(file.bytes);
                continue;
            }
            Ok(None) => (Code::Missing, "missing: deleted, or not copied yet".to_owned()),
            Err(error) => (Code::Unreadable, format!("unreadable: {error}")),
        };
        report.findings.push(Finding { code, place: segment.name.clone(), message });
    }
    report
}
