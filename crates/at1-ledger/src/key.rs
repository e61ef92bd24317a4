//! Keys: who signs, and how a verifier knows them.
//!
//! * A verifier key (C2SP signed-note) is a name, a signature type and a public key; its text is `NAME+ID+BASE64`. The ID is a
//!   hint, never a proof: what is checked is the signature under the key that the verifier was given.
//! * Signatures are Ed25519 (RFC 8032), verified strictly: non-canonical encodings and keys of small order are refused, so that
//!   no signature fits two messages or two keys.
//! * A secret key is PKCS#8 in PEM, as OpenSSL makes and reads it. Its memory is cleared when it is dropped, and nothing of it
//!   is ever in an error or in debug output.

use std::{fmt, io, str::FromStr};

use ed25519_dalek::{
    Signature, Signer as _, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes, spki::der::pem::LineEnding},
};
use sha2::{Digest as _, Sha256};

use crate::{
    base64,
    digest::{hex_decode, hex_encode},
    error::{Error, ErrorKind, Result},
};

/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;
const PUBLIC_BYTES: usize = 32;

/// What a key signs: the type byte of a C2SP verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// A note's text, as a log does: type 0x01.
    Ed25519,
    /// A time and a checkpoint, as a witness does: type 0x04, `cosignature/v1`.
    Cosignature,
}

impl KeyType {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// The public half of a key, with the name that it goes by.
///
/// ```
/// use at1_ledger::{KeyType, VerifierKey};
///
/// let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!((key.name(), key.kind()), ("example.com/foo", KeyType::Ed25519));
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: String,
    kind: KeyType,
    public: [u8; PUBLIC_BYTES],
}

impl VerifierKey {
    /// The name in front of its signatures; a log's key is named like the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyType {
        self.kind
    }

    /// The public key alone. Two keys that share it are one key under two names.
    pub fn public(&self) -> &[u8; PUBLIC_BYTES] {
        &self.public
    }

    /// The first four bytes of `SHA-256(name LF type public)`: with the name, which key a signature line is of.
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind.byte()])
            .chain_update(self.public)
            .finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// Whether `signature` is this key's signature of exactly these bytes.
    ///
    /// What the bytes are is the caller's to know: a log signs a note's text, a witness a time before it.
    /// [`SignedCheckpoint::is_signed_by`](crate::SignedCheckpoint::is_signed_by) knows both.
    ///
    /// ```
    /// use at1_ledger::{KeyType, SecretKey, Signer};
    ///
    /// let key = SecretKey::from_seed(&[1; 32], "example.org/trades", KeyType::Ed25519)?;
    /// let signature = key.sign(b"a message")?;
    /// assert!(key.key().has_signed(b"a message", &signature));
    /// assert!(!key.key().has_signed(b"another", &signature));
    /// # Ok::<(), at1_ledger::Error>(())
    /// ```
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = VerifyingKey::from_bytes(&self.public);
        let signature = Signature::from_slice(signature);
        matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.kind.byte()][..], &self.public].concat();
        write!(f, "{}+{}+{}", self.name, hex_encode(&self.id()), base64::encode(&material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if it is no verifier key, [`ErrorKind::Unknown`] if it is of a type that this version cannot
    /// check, such as 0x06, ML-DSA-44.
    fn from_str(text: &str) -> Result<Self> {
        let invalid =
            |found: &str| Error::invalid(format!("expected a verifier key NAME+ID+BASE64, found {found:.160}"));
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(invalid(text));
        };
        expect_name(name)?;
        let id: [u8; 4] = hex_decode(id.as_bytes()).ok_or_else(|| invalid(text))?;
        let material = base64::decode(material).map_err(|error| error.with_kind(ErrorKind::Invalid))?;
        let (kind, public) = match material.split_first() {
            Some((0x01, public)) => (KeyType::Ed25519, public),
            Some((0x04, public)) => (KeyType::Cosignature, public),
            Some((byte, _)) => {
                let message = format!("expected a key of type 0x01 or 0x04, both Ed25519, found type 0x{byte:02x}");
                return Err(Error::new(ErrorKind::Unknown, message).at(name));
            }
            None => return Err(invalid(text)),
        };
        let public = public.try_into().map_err(|_| invalid(text))?;
        // Not every 32 bytes are a point, some points have two texts, and one of small order verifies what nobody signed.
        let is_sound = VerifyingKey::from_bytes(&public)
            .is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().to_bytes() == public);
        let key = Self { name: name.to_owned(), kind, public };
        if !is_sound {
            return Err(Error::invalid("expected an Ed25519 public key, found bytes that are none").at(name));
        }
        if key.id() != id {
            let message = format!("expected key ID {}, found {}", hex_encode(&key.id()), hex_encode(&id));
            return Err(Error::invalid(message).at(name));
        }
        Ok(key)
    }
}

/// A key's name: not empty, no white space, no control characters, no `+`.
pub(crate) fn expect_name(name: &str) -> Result<()> {
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
    match is_name {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "expected a name without white space, control characters and +, found {name:.80}"
        ))),
    }
}

/// Whatever can sign: a key in memory, or a program that asks a token or a service.
pub trait Signer {
    /// The key whose signatures these are.
    fn key(&self) -> &VerifierKey;

    /// Signs exactly these bytes.
    ///
    /// # Errors
    ///
    /// Whatever holds the key reports.
    fn sign(&self, message: &[u8]) -> io::Result<[u8; SIGNATURE_BYTES]>;
}

/// A secret key in memory, cleared when dropped.
pub struct SecretKey {
    secret: SigningKey,
    key: VerifierKey,
}

impl SecretKey {
    /// The key that these 32 random bytes are.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the name cannot name a key.
    pub fn from_seed(seed: &[u8; 32], name: &str, kind: KeyType) -> Result<Self> {
        Self::new(SigningKey::from_bytes(seed), name, kind)
    }

    /// Reads a key from PKCS#8 in PEM, as [`SecretKey::to_pem`] and `openssl genpkey -algorithm ed25519` write it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if it is none, or the name cannot name a key.
    pub fn from_pem(pem: &str, name: &str, kind: KeyType) -> Result<Self> {
        // The parser's own words could quote what it read.
        let secret = SigningKey::from_pkcs8_pem(pem)
            .map_err(|_| Error::invalid("expected an Ed25519 private key, PKCS#8 in PEM, found something else"))?;
        Self::new(secret, name, kind)
    }

    fn new(secret: SigningKey, name: &str, kind: KeyType) -> Result<Self> {
        expect_name(name)?;
        let key = VerifierKey { name: name.to_owned(), kind, public: secret.verifying_key().to_bytes() };
        Ok(Self { secret, key })
    }

    /// The key as PKCS#8 in PEM; cleared when dropped. Without the public half, which older programs refuse to read there.
    pub fn to_pem(&self) -> impl AsRef<str> {
        let pair = KeypairBytes { secret_key: self.secret.to_bytes(), public_key: None };
        pair.to_pkcs8_pem(LineEnding::LF).map(Text).expect("32 bytes have a PEM")
    }
}

/// A text that is cleared when dropped, because what it derefs to is.
struct Text<T>(T);

impl<T: std::ops::Deref<Target = String>> AsRef<str> for Text<T> {
    fn as_ref(&self) -> &str {
        self.0.as_str()
    }
}

impl Signer for SecretKey {
    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> io::Result<[u8; SIGNATURE_BYTES]> {
        Ok(self.secret.sign(message).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret half of {}", self.key)
    }
}
