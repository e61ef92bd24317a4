//! Growth proofs: that a ledger of one size began with the one of an earlier size.
//!
//! ```text
//! old N
//! BASE64                         the consistency proof from N to the checkpoint (RFC 9162, 2.1.4)
//!
//! CHECKPOINT                     with its signatures
//! ```
//!
//! * No format of C2SP is for a *file* of this; this is the body of the request by which a log asks a witness for a cosignature
//!   (tlog-witness, `add-checkpoint`). So the same bytes can be sent to any witness and kept by any auditor.
//! * From size 0 there is nothing to prove, and the proof is empty: a witness that never saw the log is asked so.

use std::fmt;

use crate::{
    checkpoint::{Checkpoint, SignedCheckpoint, parse_number},
    digest::Digest,
    error::{Error, ErrorKind, Result},
    proof::verify_consistency,
    tlog_proof::{parse_path, write_path},
};

/// A proof that the checkpoint's tree begins with the tree of `from` events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrowthProof {
    /// The size of the older tree.
    pub from: u64,
    /// The consistency proof.
    pub path: Vec<Digest>,
    /// The newer tree.
    pub checkpoint: SignedCheckpoint,
}

impl GrowthProof {
    /// Whether a file is to be read as a growth proof.
    pub fn is_one(file: &[u8]) -> bool {
        file.starts_with(b"old ")
    }

    /// Reads a growth proof.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if it breaks the format.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let blank = file.windows(2).position(|pair| pair == b"\n\n");
        let blank = blank.ok_or_else(|| Error::damaged("expected a blank line before a checkpoint").at("proof"))?;
        let inner = || {
            let head = str::from_utf8(&file[..blank]).map_err(|_| Error::damaged("expected UTF-8"))?;
            let mut lines = head.split('\n');
            let from = lines.next().and_then(|line| line.strip_prefix("old "));
            let from = parse_number(from.ok_or_else(|| Error::damaged("expected a line old N"))?)?;
            Ok((from, parse_path(lines)?))
        };
        let (from, path) = inner().map_err(|error: Error| error.at("proof"))?;
        Ok(Self { from, path, checkpoint: SignedCheckpoint::parse(&file[blank + 2..])? })
    }

    /// Checks that the tree of this proof began with that of `old`, of the same ledger.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unproven`] if the proof does not show that.
    pub fn verify(&self, old: &Checkpoint) -> Result<()> {
        let new = self.checkpoint.checkpoint();
        if old.origin != new.origin || old.size != self.from {
            let message = format!(
                "expected a proof from {} events of {}, found one from {} events of {:.255}",
                old.size, old.origin, self.from, new.origin
            );
            return Err(Error::new(ErrorKind::Unproven, message).at("proof"));
        }
        verify_consistency(self.from, new.size, &self.path, old.root, new.root)
    }
}

impl fmt::Display for GrowthProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.from)?;
        write_path(&self.path, f)?;
        write!(f, "\n{}", self.checkpoint)
    }
}
