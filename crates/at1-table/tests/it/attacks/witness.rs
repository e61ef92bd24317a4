//! An honest witness, as C2SP tlog-witness has it: it remembers the newest tree that it cosigned, and cosigns what that grew into.

use at1_ledger::{GrowthProof, SecretKey, SignedCheckpoint, Signer as _, VerifierKey};
use at1_table::Table;

/// A witness of one log.
pub(crate) struct Witness {
    pub(crate) key: SecretKey,
    /// The keys that it knows the log by.
    pub(crate) logs: Vec<VerifierKey>,
    /// What it cosigned last, with its cosignature.
    pub(crate) newest: Option<SignedCheckpoint>,
}

/// Why it did not cosign, by the status of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: the body makes no sense.
    Request,
    /// 403: no key that it knows signed.
    Signature,
    /// 404: it does not know such a log.
    Log,
    /// 409: it knows another tree of that log, of so many events.
    Conflict(u64),
    /// 422: the proof does not show that its tree grew into this one.
    Proof,
    /// Nothing was asked: whoever holds the table cannot even make a request.
    NotAsked(String),
}

impl Witness {
    pub(crate) fn new(key: SecretKey, logs: Vec<VerifierKey>) -> Self {
        Self { key, logs, newest: None }
    }

    fn size(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.checkpoint().size)
    }

    /// `add-checkpoint`: the lines of an answer with status 200, or why there are none.
    pub(crate) fn add_checkpoint(&mut self, body: &[u8], seconds: u64) -> Result<String, Refusal> {
        let request = GrowthProof::parse(body).map_err(|_| Refusal::Request)?;
        let checkpoint = request.checkpoint.checkpoint();
        let keys: Vec<_> = self.logs.iter().filter(|key| key.name() == checkpoint.origin).collect();
        if keys.is_empty() {
            return Err(Refusal::Log);
        }
        if !keys.into_iter().any(|key| request.checkpoint.is_signed_by(key).is_ok_and(|signed| signed)) {
            return Err(Refusal::Signature);
        }
        if request.from > checkpoint.size {
            return Err(Refusal::Request);
        }
        let same_size = self.newest.as_ref().filter(|newest| newest.checkpoint().size == checkpoint.size);
        if request.from != self.size() || same_size.is_some_and(|newest| newest.checkpoint().root != checkpoint.root) {
            return Err(Refusal::Conflict(self.size()));
        }
        match &self.newest {
            Some(newest) => request.verify(newest.checkpoint()).map_err(|_| Refusal::Proof)?,
            None if request.path.is_empty() => {}
            None => return Err(Refusal::Proof),
        }
        let answer = format!("{}\n", request.checkpoint.cosign(seconds, &self.key).unwrap());
        let mut cosigned = request.checkpoint.clone();
        cosigned.add_cosignatures(answer.as_bytes(), &[self.key.key().clone()]).unwrap();
        self.newest = Some(cosigned);
        Ok(answer)
    }

    /// As whoever holds the table asks: with what was kept there, and after a 409 from the size that the witness names. The
    /// cosignature is added to the table.
    pub(crate) fn be_asked(&mut self, table: &Table, seconds: u64) -> Result<(), Refusal> {
        let not_asked = |error: at1_table::Error| Refusal::NotAsked(error.to_string());
        let request = table.witness_request(self.key.key()).map_err(not_asked)?;
        let answer = match self.add_checkpoint(request.to_string().as_bytes(), seconds) {
            Err(Refusal::Conflict(size)) => {
                let request = table.prove_growth(size).map_err(not_asked)?;
                self.add_checkpoint(request.to_string().as_bytes(), seconds)
            }
            answer => answer,
        }?;
        let report = table.add_cosignatures(answer.as_bytes(), &[self.key.key().clone()]).unwrap();
        assert_eq!(report.keys, [self.key.key().clone()]);
        Ok(())
    }
}
