//! What others can hold on to: signed checkpoints, cosignatures, receipts of time stampers, proofs, an export for auditors.
//!
//! ```text
//! _at1/checkpoint                    the newest signed checkpoint, with what witnesses added
//! _at1/checkpoints/SIZE.note         kept ones: every one that was witnessed, every one at which a key handed over
//! _at1/anchors/SIZE-DIGEST.tsr|.ots  receipts of time stampers, under the first 16 digits of their digest
//! _at1/anchors/SIZE-DIGEST.note      what was stamped, byte for byte
//! ```
//!
//! * None of these files is an authority. They are replaced whole, are found by name, and are believed as far as a key of the
//!   verifier's says so; without them a table is what it was, and can be signed again.
//! * What is secret or remembered lies with whoever signs or verifies, never here.

mod anchor;
mod checkpoint;
mod export;
mod kept;
mod prove;
mod witness;

pub use anchor::Anchored;
pub use checkpoint::{CheckpointReport, HandoverReport, SignerMemory};
pub use export::{TileFile, WriteTile};
pub use prove::{ProofFile, ProofOf};
pub use witness::CosignReport;

pub(crate) use kept::{Anchor, Kept, borne_out, bring, copy_all, sizes};
