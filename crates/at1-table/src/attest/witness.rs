//! Asking witnesses, and taking their answers. The asking itself goes by whatever carries it: there is no network here.

use at1_ledger::{GrowthProof, SignedCheckpoint, VerifierKey};
use serde_json::{Value, json};

use super::kept::{self, Keep};
use crate::{
    error::{Error, ErrorKind, Result},
    paths,
    table::Table,
};

/// Whose cosignatures were added, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignReport {
    /// The checkpoint, with them.
    pub checkpoint: SignedCheckpoint,
    /// The keys that cosigned.
    pub keys: Vec<VerifierKey>,
}

impl CosignReport {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "size": self.checkpoint.checkpoint().size,
            "cosigned": self.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "checkpoint": self.checkpoint.to_string(),
        })
    }
}

impl Table {
    /// What to send to a witness: the newest checkpoint, and the proof that it goes on from the one that the witness cosigned
    /// last, as far as that was kept here. A witness that knows of another size says so (409), and is asked again with
    /// [`Table::prove_growth`].
    ///
    /// # Errors
    /// As [`Table::prove_growth`].
    pub fn witness_request(&self, witness: &VerifierKey) -> Result<GrowthProof> {
        let origin = self.origin()?;
        let mut from = 0;
        for note in self.candidates()? {
            let note = note?;
            if note.checkpoint().origin == origin && note.cosigned_at(witness).is_ok_and(|times| times.is_some()) {
                from = note.checkpoint().size;
                break;
            }
        }
        self.prove_growth(from)
    }

    /// Adds the cosignatures of a witness's answer that verify under one of `keys`, to the checkpoint that they are of: the newest,
    /// or a kept one. That one is kept from then on.
    ///
    /// # Errors
    /// `Untrusted` if the answer has none of these keys for any checkpoint that is here, `Corrupt` if it is no answer.
    pub fn add_cosignatures(&self, answer: &[u8], keys: &[VerifierKey]) -> Result<CosignReport> {
        let (mut refused, mut is_signed) = (None, false);
        for note in self.candidates()? {
            let mut checkpoint = note?;
            is_signed = true;
            match checkpoint.add_cosignatures(answer, keys) {
                Ok(found) if !found.is_empty() => {
                    let keys = found.into_iter().cloned().collect();
                    let checkpoint = kept::publish(self.store(), &checkpoint, Keep::ForGood, &[])?;
                    return Ok(CosignReport { checkpoint, keys });
                }
                Ok(_) => {}
                // Perhaps it is of another one.
                Err(error) if error.kind() == at1_ledger::ErrorKind::Unproven => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let found = match refused {
            Some(error) => error.to_string(),
            None if is_signed => "signatures of other keys only".to_owned(),
            None => "no signed checkpoint".to_owned(),
        };
        Err(Error::new(ErrorKind::Untrusted, paths::CHECKPOINT, "a cosignature by a known witness", found))
    }

    /// The newest checkpoint, then kept ones, the largest first.
    fn candidates(&self) -> Result<impl Iterator<Item = Result<SignedCheckpoint>>> {
        let newest = kept::newest(self.store())?;
        Ok(newest.map(Ok).into_iter().chain(kept::from_largest(self.store())?))
    }
}
