//! Signed notes (C2SP signed-note): a text, a blank line, and lines of signatures.
//!
//! * What is signed is the text as it stands, its last LF included. The text ends at the *last* blank line.
//! * A signature of a key that the verifier does not know says nothing and is passed over; one that claims to be of a known key
//!   and does not verify makes the whole note worthless.

use std::fmt;

use crate::{
    base64,
    error::{Error, ErrorKind, Result},
    key::{VerifierKey, expect_name},
};

/// The longest note that is read. A verifier must take 16 signatures at least; post-quantum ones have nearly 5 kB.
pub const NOTE_BYTES_MAX: usize = 256 << 10;
/// U+2014, with which a line of signature starts.
const DASH: &str = "\u{2014} ";

/// A text and who signed it.
///
/// ```
/// use at1_ledger::{Note, VerifierKey};
///
/// // The example of the specification.
/// let note = "This is an example message.\n\n\u{2014} example.com/foo \
///     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// let key: VerifierKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse()?;
/// let note = Note::parse(note.as_bytes())?;
/// assert!(note.is_signed_by(&key)?);
/// assert_eq!(note.text(), "This is an example message.\n");
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A line of signature.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// Which of the keys of that name.
    pub key_id: [u8; 4],
    /// What the type of the key makes of it.
    pub signature: Vec<u8>,
}

impl Note {
    pub(crate) fn new(text: String, signatures: Vec<NoteSignature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if it breaks the format or is longer than [`NOTE_BYTES_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_inner(bytes).map_err(|error| error.at("note"))
    }

    fn parse_inner(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(Error::damaged(format!("expected at most {NOTE_BYTES_MAX} bytes, found {}", bytes.len())));
        }
        let note = str::from_utf8(bytes).map_err(|_| Error::damaged("expected UTF-8"))?;
        if let Some(control) = note.chars().find(|c| *c < ' ' && *c != '\n') {
            let message = format!("expected no control character but LF, found U+{:04X}", u32::from(control));
            return Err(Error::damaged(message));
        }
        let blank = note.rfind("\n\n").ok_or_else(|| Error::damaged("expected a blank line before signatures"))?;
        let (text, signatures) = (&note[..=blank], parse_signatures(&note[blank + 2..])?);
        Ok(Self::new(text.to_owned(), signatures))
    }

    /// What is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, of whomever.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds signatures that are not there yet.
    pub(crate) fn add(&mut self, signatures: impl IntoIterator<Item = NoteSignature>) {
        for signature in signatures {
            if !self.signatures.contains(&signature) {
                self.signatures.push(signature);
            }
        }
    }

    /// The signatures that claim to be of this key.
    pub(crate) fn claims<'a>(&'a self, key: &'a VerifierKey) -> impl Iterator<Item = &'a NoteSignature> {
        let id = key.id();
        self.signatures.iter().filter(move |line| line.name == key.name() && line.key_id == id)
    }

    /// Whether this key signed the text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unproven`] if a signature claims to be of this key and does not verify.
    pub fn is_signed_by(&self, key: &VerifierKey) -> Result<bool> {
        let mut found = false;
        for line in self.claims(key) {
            if !key.has_signed(self.text.as_bytes(), &line.signature) {
                return Err(bad_signature(key));
            }
            found = true;
        }
        Ok(found)
    }
}

pub(crate) fn bad_signature(key: &VerifierKey) -> Error {
    let message = format!("expected a signature of {}, found one that does not verify", key.name());
    Error::new(ErrorKind::Unproven, message).at("note")
}

/// Reads lines of signature, at least one, each with its LF.
pub(crate) fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>> {
    let Some(lines) = lines.strip_suffix('\n') else {
        return Err(Error::damaged("expected lines of signature, each with an LF, found none"));
    };
    lines.split('\n').map(NoteSignature::parse).collect()
}

impl NoteSignature {
    fn parse(line: &str) -> Result<Self> {
        let wrong = || Error::damaged(format!("expected a signature, U+2014 NAME BASE64, found {line:.80}"));
        let (name, text) = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or_else(wrong)?;
        expect_name(name).map_err(|error| error.with_kind(ErrorKind::Damaged))?;
        let bytes = base64::decode(text)?;
        let (key_id, signature) = bytes.split_first_chunk().ok_or_else(wrong)?;
        if signature.is_empty() {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    /// The line without its LF.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id[..], &self.signature].concat();
        write!(f, "{DASH}{} {}", self.name, base64::encode(&bytes))
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
