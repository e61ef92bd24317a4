//! Taking in the receipt of a time stamper: kept beside the ledger, its digest in an `anchor` event.
//!
//! * What is stamped is a signed checkpoint, byte for byte. So the receipt shows that the ledger was that far at that time; and since
//!   every later event hangs on the `anchor` event, none of them is older than the receipt.
//! * Both files are durable before the event names the receipt.

use at1_ledger::{
    ChainHead, ChainReport, Code, Digest, Kind, SignedCheckpoint, TimeReceipt, Timestamp, Verdict, VerifierKey,
};
use serde_json::{Value, json};

use super::kept;
use crate::{
    commit::Writer,
    error::{Error, ErrorKind, Result},
    paths,
    table::{Table, settle},
};

/// A receipt that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// The event that names it.
    pub event: u64,
    /// Whether it was there already.
    pub known: bool,
    /// How many events it covers.
    pub size: u64,
    /// What kind of receipt it is.
    pub kind: &'static str,
    /// The time it states, as far as it states one that can be read.
    pub time: Option<Timestamp>,
    /// The receipt for the event, in the ledger's sense.
    pub chain_head: Option<ChainHead>,
}

impl Anchored {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "event": self.event,
            "known": self.known,
            "size": self.size,
            "kind": self.kind,
            "time": self.time.map(|time| time.to_string()),
            "chain_head": self.chain_head.map(|head| head.to_string()),
        })
    }
}

impl Table {
    /// Takes in a receipt for `stamped`, a signed checkpoint of this table. That the receipt is a good one is not checked: programs
    /// that know its kind do that, whenever somebody asks.
    ///
    /// # Errors
    /// `Corrupt` if one of the two is not what it has to be, `Refused` if the receipt is of something else, or the checkpoint not
    /// signed by a key that the ledger names, or not of this ledger.
    pub fn anchor(&self, stamped: &[u8], receipt: &[u8]) -> Result<Anchored> {
        let note = SignedCheckpoint::parse(stamped)?;
        let read = TimeReceipt::parse(receipt)?;
        let refused =
            |place: &str, expected: &str, found: String| Err(Error::new(ErrorKind::Refused, place, expected, found));
        if !read.is_of(stamped) {
            return refused("receipt", "one of these very bytes of a checkpoint", "one of something else".to_owned());
        }
        let size = note.checkpoint().size;
        let report = self.chain_report_at(&[size].into())?;
        expect_read(&report)?;
        let origin = report.header.as_ref().map(|header| header.origin().to_owned()).unwrap_or_default();
        let found = note.checkpoint();
        if found.origin != origin || report.root_at(size) != Some(found.root) || size == 0 {
            let found = format!("one of {} events of {} with root {}", size, found.origin, found.root);
            return refused("checkpoint", &format!("one of this ledger, {origin}"), found);
        }
        let keys = report.keys.iter().filter_map(|event| event.add.as_ref()?.parse::<VerifierKey>().ok());
        if !keys.into_iter().any(|key| note.is_signed_by(&key).is_ok_and(|signed| signed)) {
            return refused("checkpoint", "a signature of a key that the ledger names", "none".to_owned());
        }
        let sha256 = Digest::of(receipt);
        let (kind, time) = (read.kind.as_str(), read.time);
        kept::keep_anchor(self.store(), size, read.kind, receipt, stamped)?;
        if let Some(event) = report.anchors.iter().find(|event| event.sha256 == sha256) {
            return Ok(Anchored { event: event.n, known: true, size, kind, time, chain_head: None });
        }
        let event = Kind::Anchor { size, receipt: kind.to_owned(), sha256, time: time.map(|time| time.to_string()) };
        self.at_any_cost(|| {
            self.prepare()?;
            let writer = Writer::lock(self)?;
            let n = writer.version().events();
            let link = writer.next_event(event.clone())?;
            settle(writer.commit(n, &link.line)?)?;
            Ok(Anchored { event: n, known: false, size, kind, time, chain_head: Some(link.event.head()) })
        })
    }
}

/// An error unless a ledger could be read to its end and holds.
fn expect_read(report: &ChainReport) -> Result<()> {
    let kind = match (report.verdict(), report.findings.first()) {
        (Verdict::Holds, _) => return Ok(()),
        (Verdict::Broken, _) => ErrorKind::Corrupt,
        (Verdict::Undecided, Some(finding)) if finding.code == Code::Unreadable => ErrorKind::Io,
        (Verdict::Undecided, _) => ErrorKind::Unsupported,
    };
    let found = report.findings.first().map_or("nothing".to_owned(), ToString::to_string);
    Err(Error::new(kind, paths::LEDGER, "", found))
}
