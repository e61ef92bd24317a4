//! Which key may sign when: a log's keys over time, from those that the verifier was given.
//!
//! * A `key` event is a claim of whoever could write the ledger. It counts if the outgoing key signed the checkpoint that ends
//!   with the event: then whoever held that key wanted it so.
//! * From there on the outgoing key signs no more. So each epoch is sealed by its own key, without a gap: whoever gets hold of a
//!   later key, after the earlier ones were destroyed, cannot seal earlier events again.
//! * A verifier that wants this pins the *first* key. One that pins a later key too has said that it may sign anything.

use crate::{
    chain::KeyEvent,
    checkpoint::SignedCheckpoint,
    error::{Error, ErrorKind, Result},
    key::{KeyType, VerifierKey},
    policy::Policy,
};

/// The keys of a log and when they may sign.
///
/// ```
/// use at1_ledger::{Handovers, KeyType, Policy, SecretKey, Signer};
///
/// let key = SecretKey::from_seed(&[1; 32], "example.org/trades", KeyType::Ed25519)?;
/// let policy = Policy::of_logs(vec![key.key().clone()])?;
/// let handovers = Handovers::follow(&policy, "example.org/trades", &[], &[])?;
/// assert_eq!(handovers.keys_at(9), [key.key().clone()]);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Handovers {
    terms: Vec<Term>,
    refused: Vec<Refused>,
}

/// A key's time: it signs checkpoints of so many events.
#[derive(Clone, Debug)]
struct Term {
    key: VerifierKey,
    first: u64,
    /// The border, which is signed by the outgoing key and may be by the incoming one.
    last: Option<u64>,
}

/// A `key` event that retires a trusted key, but was not signed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The event.
    pub event: u64,
    /// Why it does not count.
    pub why: String,
}

impl Handovers {
    /// Follows the `key` events of a ledger from the policy's keys for `origin` on. `kept` are checkpoints that were found
    /// beside it; their bytes are trusted as little as the ledger's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Untrusted`] if the policy has no key for the origin.
    pub fn follow(policy: &Policy, origin: &str, events: &[KeyEvent], kept: &[SignedCheckpoint]) -> Result<Self> {
        let terms = policy.logs_of(origin)?.into_iter().map(|key| Term { key, first: 0, last: None });
        let mut handovers = Self { terms: terms.collect(), refused: vec![] };
        for event in events {
            if let Err(error) = handovers.step(origin, event, kept) {
                handovers.refused.push(Refused { event: event.n, why: error.to_string() });
            }
        }
        Ok(handovers)
    }

    fn step(&mut self, origin: &str, event: &KeyEvent, kept: &[SignedCheckpoint]) -> Result<()> {
        let border = event.n + 1;
        let Some(retired) = &event.retire else { return Ok(()) };
        // A key that nobody trusts may come and go.
        let Some(at) = self.terms.iter().position(|term| term.signs(border) && term.key.to_string() == *retired) else {
            return Ok(());
        };
        let outgoing = &self.terms[at].key;
        let is_border = |note: &&SignedCheckpoint| {
            let checkpoint = note.checkpoint();
            (&*checkpoint.origin, checkpoint.size, checkpoint.root) == (origin, border, event.root)
        };
        if !kept.iter().filter(is_border).any(|note| note.is_signed_by(outgoing).is_ok_and(|signed| signed)) {
            let message = format!("expected a checkpoint of {border} events signed by the outgoing key {outgoing}");
            return Err(Error::new(ErrorKind::Untrusted, message));
        }
        let incoming = match &event.add {
            None => None,
            Some(add) => Some(expect_log_key(add, origin)?),
        };
        self.terms[at].last = Some(border);
        self.terms.extend(incoming.map(|key| Term { key, first: border, last: None }));
        Ok(())
    }

    /// The keys that may sign a checkpoint of `size` events.
    pub fn keys_at(&self, size: u64) -> Vec<VerifierKey> {
        self.terms.iter().filter(|term| term.signs(size)).map(|term| term.key.clone()).collect()
    }

    /// Changes of key that do not count.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

impl Term {
    fn signs(&self, size: u64) -> bool {
        size >= self.first && self.last.is_none_or(|last| size <= last)
    }
}

/// A verifier key that can be the log's.
fn expect_log_key(text: &str, origin: &str) -> Result<VerifierKey> {
    let key: VerifierKey = text.parse()?;
    match key.name() == origin && key.kind() == KeyType::Ed25519 {
        true => Ok(key),
        false => Err(Error::invalid(format!("expected a log's key named {origin}, found {key}"))),
    }
}
