//! A tamper-evident ledger: every event is a link in a hash chain and a leaf of a Merkle tree.
//!
//! * `chain_n = SHA-256(chain_(n-1) || op || detail || ts)`, literally, over operands that delimit themselves. A line
//!   can be checked by hand: `cut -d' ' -f2- | tr -d '\n' | sha256sum`.
//! * The bytes a link hashes are also the leaf of an RFC 6962 tree over the events; each batch has such a tree over its
//!   rows. All proofs are about these trees; the chain is never part of one.
//! * Bytes in, verdicts out. **This crate opens no file, reads no clock, and knows nothing of CSV or Parquet.** To it a
//!   segment is a name, lengths and digests; zones and schema changes are JSON that it binds and passes on.
//! * No input makes it panic, and it never allocates by a length that the input claims.
//!
//! The format is specified in `docs/spec/ledger.md`, with a worked example that the tests rebuild byte for byte.
//!
//! ```
//! use at1_ledger::{
//!     BatchRecord, Carried, Detail, Digest, Frontier, Header, Json, Kind, Receipt, RowTree, SegmentRecord, Timestamp,
//!     Verdict, link, segment_name, verify_chain,
//! };
//!
//! // A new ledger is a header line. Its hash is the chain value that event 0 follows.
//! let header = Header::new([7; 16], None, RowTree::SourceBytes)?;
//! let mut ledger = header.line().into_bytes();
//! ledger.push(b'\n');
//!
//! // Event 0: one batch of two rows, in one segment.
//! let (source, rows) = (b"1,ada\n2,bob\n", [b"1,ada\n", b"2,bob\n"]);
//! let mut tree = Frontier::new();
//! rows.iter().for_each(|row| tree.push(*row));
//! let batch = BatchRecord::new(source.len() as u64, Digest::of(source), tree.size(), Some(tree.root()));
//! let segment = SegmentRecord {
//!     name: segment_name(0, 0),
//!     bytes: 1_200,
//!     sha256: Digest::of(b"the whole file"),
//!     footer_bytes: 300,
//!     footer_sha256: Digest::of(b"its footer"),
//!     batch: 0..1,
//!     rows: 2,
//!     zones: Carried::zones(Json::new(&serde_json::json!({"c0": ["1", "2", 0]}))?),
//!     schema_at: None,
//!     extra: Default::default(),
//! };
//! let append = Kind::Append { batches: vec![batch], segments: vec![segment], schema: None };
//! let ts = "2026-01-22T16:00:00.000000000Z".parse()?;
//! let first = link(header.genesis(), 0, &Detail::after(None, append)?, ts)?;
//! ledger.extend_from_slice(&first.line);
//!
//! // Event 1: a remark. Its time is the clock's, or just after the event before if the clock is behind.
//! let stamp = Timestamp::after(Some(first.event.ts), "2026-01-22T15:59:59.000000000Z".parse()?)?;
//! let detail = Detail::after(Some(&first.event.detail), Kind::Note { text: "first day".into() })?;
//! let second = link(first.chain, 1, &detail, stamp.ts)?;
//! ledger.extend_from_slice(&second.line);
//! let receipt = second.event.head();
//!
//! // Later: recompute everything, and compare with the receipt that was written down somewhere else.
//! let report = verify_chain(&ledger);
//! assert_eq!(report.verdict(), Verdict::Holds);
//! assert_eq!(report.check(&receipt), Receipt::Held);
//! assert_eq!(report.state.unwrap().live()[0].name, "seg_000000.at1");
//!
//! // A ledger that lost its last event is intact by itself. The receipt tells.
//! let report = verify_chain(&ledger[..ledger.len() - second.line.len()]);
//! assert_eq!(report.verdict(), Verdict::Holds);
//! assert_eq!(report.check(&receipt), Receipt::Shorter { events: 1 });
//! # Ok::<(), at1_ledger::Error>(())
//! ```
#![forbid(unsafe_code)]

mod base64;
mod chain;
mod check;
mod checkpoint;
mod claim;
mod detail;
mod digest;
mod error;
mod fields;
mod finding;
mod growth;
mod handover;
mod header;
mod immutable;
pub mod json;
mod key;
mod link;
mod memory;
mod note;
mod pack;
mod policy;
mod proof;
mod prove;
mod record;
mod state;
mod tiles;
mod time;
mod time_receipt;
mod times;
mod tip;
mod tlog_proof;
mod tree;

pub use chain::{AnchorEvent, ChainReport, KeyEvent, Receipt, verify_chain, verify_chain_at, verify_chain_from};
pub use check::{Proved, Shown, check_proof};
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use claim::{Beside, Claim, RowsClaim, RowsForm, RowsShown};
pub use detail::{Detail, Kind, ManifestRef, Op, Totals};
pub use digest::Digest;
pub use error::{Error, ErrorKind, Result};
pub use finding::{Code, Finding, Verdict};
pub use growth::GrowthProof;
pub use handover::{Handovers, Refused};
pub use header::{Header, ORIGIN_BYTES_MAX, RowTree};
pub use immutable::{FileDigest, ImmutableReport, verify_immutable};
pub use json::{Json, Members};
pub use key::{KeyType, SIGNATURE_BYTES, SecretKey, Signer, VerifierKey};
pub use link::{ChainHead, EVENT_BYTES_MAX, Event, Frame, LINE_BYTES_MAX, Link, link, parse_line, split_tail};
pub use memory::{Memory, Recall};
pub use note::{NOTE_BYTES_MAX, Note, NoteSignature};
pub use pack::Packed;
pub use policy::{Cosigned, Name, POLICY_NAMES_MAX, Policy, Quorum, Trust, Witness};
pub use proof::{verify_consistency, verify_inclusion, verify_range};
pub use prove::{RangeProver, prove_consistency, prove_inclusion, prove_range};
pub use record::{
    BatchRecord, Carried, Idempotency, SCHEMA_BYTES_MAX, SegmentRecord, ZONES_BYTES_MAX, parse_segment_name,
    segment_name,
};
pub use state::{Replaced, SchemaEvent, State};
pub use tiles::{TILE_WIDTH, Tile, Tiles};
pub use time::{
    CLOCK_AHEAD_MAX_NANOS, CLOCK_BEHIND_MAX_NANOS, CLOCK_BEHIND_SILENT_NANOS, Clock, ClockLag, Stamp, Timestamp,
};
pub use time_receipt::{TIME_RECEIPT_BYTES_MAX, TimeReceipt, TimeReceiptKind};
pub use times::{Bound, Interval, Times};
pub use tip::{Past, Produced, Tip};
pub use tlog_proof::{EXTRA_BYTES_MAX, TlogProof};
pub use tree::{Frontier, empty_root, leaf_hash, node_hash, root};
