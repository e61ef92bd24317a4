//! Checkpoints (C2SP tlog-checkpoint): how large a ledger is and what its root is, as a text that is signed.
//!
//! ```text
//! ORIGIN LF SIZE LF BASE64(ROOT) LF          exactly three lines
//! ```
//!
//! * Extension lines are refused: no witness vouches for them, and a verifier that passes over them would not notice that
//!   two checkpoints differ. The chain value needs none, the newest leaf implies it.
//! * The log signs the text; a witness signs a time and the text (C2SP tlog-cosignature).

use std::{fmt, ops::RangeInclusive};

use crate::{
    base64,
    digest::Digest,
    error::{Error, Result},
    key::{KeyType, SIGNATURE_BYTES, Signer, VerifierKey},
    note::{Note, NoteSignature, bad_signature, parse_signatures},
};

/// A ledger's size and root.
///
/// ```
/// use at1_ledger::{Checkpoint, Digest};
///
/// let checkpoint = Checkpoint { origin: "example.org/trades".into(), size: 1, root: Digest([7; 32]) };
/// assert_eq!(checkpoint.to_string(), "example.org/trades\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n");
/// assert_eq!(Checkpoint::parse(&checkpoint.to_string())?, checkpoint);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// How many events it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
}

impl Checkpoint {
    /// Reads the text of a note.
    ///
    /// # Errors
    ///
    /// [`Damaged`](crate::ErrorKind::Damaged) if it is not exactly an origin, a size and a root.
    pub fn parse(text: &str) -> Result<Self> {
        let inner = || {
            let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
            let [origin, size, root] = lines[..] else {
                return Err(Error::damaged(format!(
                    "expected an origin, a size and a root, found {} lines",
                    lines.len()
                )));
            };
            if origin.is_empty() || !text.ends_with('\n') {
                return Err(Error::damaged("expected three lines that are not empty, each with an LF"));
            }
            Ok(Self { origin: origin.to_owned(), size: parse_number(size)?, root: base64::decode_digest(root)? })
        };
        inner().map_err(|error| error.at("checkpoint"))
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, base64::encode(&self.root.0))
    }
}

/// A number with one text: decimal, without leading zeros or a sign.
pub(crate) fn parse_number(text: &str) -> Result<u64> {
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| Error::damaged(format!("expected a decimal without leading zeros, found {text:.30}")))
}

/// A checkpoint with its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint. Whose signatures count is a [`Policy`](crate::Policy)'s to say.
    ///
    /// # Errors
    ///
    /// [`Damaged`](crate::ErrorKind::Damaged) if it is no note, or its text no checkpoint.
    pub fn parse(note: &[u8]) -> Result<Self> {
        let note = Note::parse(note)?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }

    /// Signs a checkpoint, which a key of the log does. Whether it may be signed at all is a
    /// [`Memory`](crate::Memory)'s to say.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if the key is not named like the origin or is a witness's, [`Io`](crate::ErrorKind::Io) if the signer
    /// fails, [`Unproven`](crate::ErrorKind::Unproven) if what it gives is not its signature.
    pub fn sign(checkpoint: Checkpoint, signer: &dyn Signer) -> Result<Self> {
        let mut signed = Self { note: Note::new(checkpoint.to_string(), vec![]), checkpoint };
        signed.sign_again(signer)?;
        Ok(signed)
    }

    /// Adds the signature of another key of the log, such as the one that takes over.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::sign`].
    pub fn sign_again(&mut self, signer: &dyn Signer) -> Result<()> {
        let key = signer.key();
        if key.name() != self.checkpoint.origin || key.kind() != KeyType::Ed25519 {
            let message = format!("expected a log's key named {}, found {key}", self.checkpoint.origin);
            return Err(Error::invalid(message).at("key"));
        }
        let signature =
            signer.sign(self.note.text().as_bytes()).map_err(|error| Error::io("did not sign", error).at("signer"))?;
        // A signer that is another program may hold another key than it was said to.
        if !key.has_signed(self.note.text().as_bytes(), &signature) {
            return Err(bad_signature(key));
        }
        self.note.add([NoteSignature { name: key.name().to_owned(), key_id: key.id(), signature: signature.to_vec() }]);
        Ok(())
    }

    /// A witness's signature: at `time`, in seconds since 1970, this was the largest tree of the log that it had seen.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::sign`].
    pub fn cosign(&self, time: u64, witness: &dyn Signer) -> Result<NoteSignature> {
        let key = witness.key();
        if key.kind() != KeyType::Cosignature {
            return Err(Error::invalid(format!("expected a witness's key, found {key}")).at("key"));
        }
        let message = cosigned(time, self.note.text());
        let signature =
            witness.sign(message.as_bytes()).map_err(|error| Error::io("did not sign", error).at("signer"))?;
        let signature = [&time.to_be_bytes()[..], &signature].concat();
        Ok(NoteSignature { name: key.name().to_owned(), key_id: key.id(), signature })
    }

    /// Adds the cosignatures of a witness's answer that verify under these keys; says of which keys they are. Lines of other
    /// keys are passed over.
    ///
    /// # Errors
    ///
    /// [`Damaged`](crate::ErrorKind::Damaged) if the answer is not lines of signature, [`Unproven`](crate::ErrorKind::Unproven) if a line claims to be of one
    /// of the keys and does not verify for this checkpoint.
    pub fn add_cosignatures<'k>(&mut self, answer: &[u8], keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>> {
        let lines = str::from_utf8(answer).map_err(|_| Error::damaged("expected UTF-8").at("cosignatures"))?;
        let lines = parse_signatures(lines).map_err(|error| error.at("cosignatures"))?;
        let only = Self { checkpoint: self.checkpoint.clone(), note: Note::new(self.note.text().to_owned(), lines) };
        let mut found = vec![];
        for key in keys {
            if only.cosigned_at(key)?.is_some() {
                self.note.add(only.note.claims(key).cloned());
                found.push(key);
            }
        }
        Ok(found)
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note that it is.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Whether this key signed it.
    ///
    /// # Errors
    ///
    /// [`Unproven`](crate::ErrorKind::Unproven) if a signature claims to be of this key and does not verify.
    pub fn is_signed_by(&self, key: &VerifierKey) -> Result<bool> {
        match key.kind() {
            KeyType::Ed25519 => self.note.is_signed_by(key),
            KeyType::Cosignature => Ok(self.cosigned_at(key)?.is_some()),
        }
    }

    /// When this witness cosigned it, by its own clock, in seconds since 1970: the first and the last time.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::is_signed_by`].
    pub fn cosigned_at(&self, witness: &VerifierKey) -> Result<Option<RangeInclusive<u64>>> {
        if witness.kind() != KeyType::Cosignature {
            return Ok(None);
        }
        let mut times: Option<RangeInclusive<u64>> = None;
        for line in self.note.claims(witness) {
            let time = cosignature_time(&line.signature, witness, self.note.text())?;
            let (first, last) = times.map_or((time, time), RangeInclusive::into_inner);
            times = Some(first.min(time)..=last.max(time));
        }
        Ok(times)
    }
}

/// Reads and checks a `timestamped_signature`: the time as u64 BE, then an Ed25519 signature.
fn cosignature_time(signature: &[u8], witness: &VerifierKey, text: &str) -> Result<u64> {
    let parts = signature.split_first_chunk::<8>().filter(|(_, signature)| signature.len() == SIGNATURE_BYTES);
    let (time, signature) = parts.ok_or_else(|| bad_signature(witness))?;
    let time = u64::from_be_bytes(*time);
    // The format leaves the top bit free.
    if i64::try_from(time).is_err() || !witness.has_signed(cosigned(time, text).as_bytes(), signature) {
        return Err(bad_signature(witness));
    }
    Ok(time)
}

/// What a witness signs.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.note, f)
    }
}
