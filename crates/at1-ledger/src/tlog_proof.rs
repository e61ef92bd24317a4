//! Proof files (C2SP tlog-proof): that an event is in a ledger, with the checkpoint that says so.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra BASE64                   what the event is, and which rows of it: claim.rs
//! index N
//! BASE64                         the path from the event to the root, bottom up; none for a tree of one
//!
//! CHECKPOINT                     with its signatures
//! ```
//!
//! * One text per proof: base64, numbers and lines have one spelling, so that a changed byte is a changed proof.
//! * `extra` is not authenticated by the format. What is in it counts only as far as it hashes to what is.

use std::fmt;

use crate::{
    base64,
    checkpoint::{SignedCheckpoint, parse_number},
    digest::Digest,
    error::{Error, Result},
    note::NOTE_BYTES_MAX,
    proof::verify_inclusion,
};

/// The first line.
const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// The most bytes of `extra`: readers elsewhere take lines of 64 KiB.
pub const EXTRA_BYTES_MAX: usize = 48 << 10;
/// The most hashes of a path: trees have at most 2^63 leaves.
pub(crate) const PATH_MAX: usize = 63;
/// The longest proof file that is read.
const FILE_BYTES_MAX: usize = 128 * 1024 + NOTE_BYTES_MAX;

/// A proof that an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What goes along with the proof, to mean something to whoever made it.
    pub extra: Option<Vec<u8>>,
    /// Which entry.
    pub index: u64,
    /// The hashes beside the path from the entry to the root, bottom up.
    pub path: Vec<Digest>,
    /// The tree.
    pub checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// Whether a file is to be read as a proof file.
    pub fn is_one(file: &[u8]) -> bool {
        file.starts_with(MAGIC.as_bytes())
    }

    /// Reads a proof file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if it breaks the format.
    pub fn parse(file: &[u8]) -> Result<Self> {
        if file.len() > FILE_BYTES_MAX {
            let message = format!("expected at most {FILE_BYTES_MAX} bytes, found {}", file.len());
            return Err(Error::damaged(message).at("proof"));
        }
        // The first blank line ends the proof; the checkpoint has another before its signatures.
        let blank = file.windows(2).position(|pair| pair == b"\n\n");
        let blank = blank.ok_or_else(|| Error::damaged("expected a blank line before a checkpoint").at("proof"))?;
        let checkpoint = SignedCheckpoint::parse(&file[blank + 2..])?;
        let inner = || {
            let head = str::from_utf8(&file[..blank]).map_err(|_| Error::damaged("expected UTF-8"))?;
            let mut lines = head.split('\n').peekable();
            if lines.next() != Some(MAGIC) {
                return Err(Error::damaged(format!("expected {MAGIC}")).at("line 1"));
            }
            let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
                None => None,
                Some(text) => {
                    lines.next();
                    Some(base64::decode(text).map_err(|error| error.at("extra"))?)
                }
            };
            let index = lines.next().and_then(|line| line.strip_prefix("index "));
            let index = index.ok_or_else(|| Error::damaged("expected a line index N"))?;
            let index = parse_number(index).map_err(|error| error.at("index"))?;
            let path = parse_path(lines)?;
            Ok((extra, index, path))
        };
        let (extra, index, path) = inner().map_err(|error| error.at("proof"))?;
        Ok(Self { extra, index, path, checkpoint })
    }

    /// Checks that the entry with this leaf hash is in the checkpoint's tree. Whether the checkpoint is to be believed is a
    /// [`Policy`](crate::Policy)'s to say.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unproven`](crate::ErrorKind::Unproven) if the proof does not show that.
    pub fn verify(&self, leaf: Digest) -> Result<()> {
        let tree = self.checkpoint.checkpoint();
        verify_inclusion(self.index, tree.size, leaf, &self.path, tree.root)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        write_path(&self.path, f)?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Reads hashes, one a line.
pub(crate) fn parse_path<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Digest>> {
    let path = lines.map(base64::decode_digest).collect::<Result<Vec<_>>>().map_err(|error| error.at("path"))?;
    match path.len() <= PATH_MAX {
        true => Ok(path),
        false => Err(Error::damaged(format!("expected at most {PATH_MAX} hashes, found {}", path.len())).at("path")),
    }
}

pub(crate) fn write_path(path: &[Digest], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    path.iter().try_for_each(|hash| writeln!(f, "{}", base64::encode(&hash.0)))
}
