//! Keys, signed texts and dice: what tests of signatures are built on.
//!
//! * Keys are of small seeds, so a failure names them. Base64 is an outside encoder's, not the crate's own.
//! * Dice are seeded: a failure comes back.

use std::fmt::Write as _;

use at1_ledger::{
    Checkpoint, Digest, Error, KeyType, NoteSignature, SecretKey, SignedCheckpoint, Signer, VerifierKey, leaf_hash,
};
use base64ct::{Base64, Encoding as _};

pub(crate) const ORIGIN: &str = "example.org/trades";

pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A key that signs as the log [`ORIGIN`].
pub(crate) fn log(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32], ORIGIN, KeyType::Ed25519).unwrap()
}

/// The key of a witness.
pub(crate) fn witness(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32], &format!("witness.example/{seed}"), KeyType::Cosignature).unwrap()
}

/// The text of a verifier key, written by hand: the ID is the start of SHA-256 over name, LF, type and key.
pub(crate) fn vkey(name: &str, kind: u8, public: &[u8]) -> String {
    let material = [&[kind], public].concat();
    let id = Digest::of(&[name.as_bytes(), b"\n", &material].concat()).to_string();
    format!("{name}+{}+{}", &id[..8], base64(&material))
}

pub(crate) fn verifier(name: &str, kind: u8, public: &[u8]) -> Result<VerifierKey, Error> {
    vkey(name, kind, public).parse()
}

/// The line of a signature, made of any parts.
pub(crate) fn line(key: &VerifierKey, signature: &[u8]) -> String {
    let line = NoteSignature { name: key.name().into(), key_id: key.id(), signature: signature.to_vec() };
    format!("{line}\n")
}

/// A text that these keys signed.
pub(crate) fn note(text: &str, keys: &[&SecretKey]) -> String {
    let mut note = format!("{text}\n");
    for key in keys {
        write!(note, "{}", line(key.key(), &key.sign(text.as_bytes()).unwrap())).unwrap();
    }
    note
}

pub(crate) fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

/// A checkpoint of [`ORIGIN`] that these keys of the log signed.
pub(crate) fn signed(size: u64, root: Digest, keys: &[&SecretKey]) -> SignedCheckpoint {
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root };
    SignedCheckpoint::parse(note(&checkpoint.to_string(), keys).as_bytes()).unwrap()
}

/// SplitMix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }
}
