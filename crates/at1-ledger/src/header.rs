//! The first line of a ledger: which table this is, and how its rows are hashed.
//!
//! * The line is `at1-ledger/v1 ` and a canonical JSON object of exactly `log`, `nonce`, `origin`, `row`.
//! * The digest of the line without its LF is the genesis, the chain value before event 0: two tables never share a
//!   chain, and the table's name is bound by every link.

use serde_json::Value;

use crate::{
    digest::{Digest, hex_decode, hex_encode},
    error::{Error, ErrorKind, Result},
    fields::{Builder, Fields, mismatch},
    json::{self, Members},
};

/// What a ledger of this format starts with.
const MAGIC: &[u8] = b"at1-ledger/v1 ";
/// The longest origin: a key is named like it, and a checkpoint's first line is it.
pub const ORIGIN_BYTES_MAX: usize = 255;

/// The first line of a ledger.
///
/// ```
/// use at1_ledger::{Header, RowTree};
///
/// let header = Header::new(std::array::from_fn(|i| i as u8), None, RowTree::SourceBytes)?;
/// assert_eq!(header.origin(), "at1.local/000102030405060708090a0b0c0d0e0f");
/// assert_eq!(
///     header.genesis().to_string(),
///     "8ed6c941a4af8a1c8d3709d0b5c3a5d1d6d8c338875c2fd4493ab9686f96bccb",
/// );
/// assert_eq!(Header::parse(header.line().as_bytes())?, header);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    origin: String,
    nonce: [u8; 16],
    rows: RowTree,
}

/// Whether, and how, the rows of each batch form a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowTree {
    /// Leaf data is a record's exact bytes with its terminator, and the bytes between the record before and it.
    SourceBytes,
    /// Batches have no `rows_root`: rows cannot be proved one by one.
    None,
}

impl RowTree {
    fn name(self) -> &'static str {
        match self {
            Self::SourceBytes => "source-bytes/1",
            Self::None => "none",
        }
    }
}

impl Header {
    /// A header for a new table. The nonce is 16 random bytes; the origin, if not given, is `at1.local/` and the nonce.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the origin could not name a key: it is empty, longer than [`ORIGIN_BYTES_MAX`], or has
    /// white space, control characters or `+`.
    pub fn new(nonce: [u8; 16], origin: Option<&str>, rows: RowTree) -> Result<Self> {
        let origin = origin.map_or_else(|| format!("at1.local/{}", hex_encode(&nonce)), str::to_owned);
        let names_a_key = !origin.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        if !names_a_key || !(1..=ORIGIN_BYTES_MAX).contains(&origin.len()) {
            return Err(Error::invalid(format!(
                "expected 1 to {ORIGIN_BYTES_MAX} bytes without white space, control characters and +, found {origin:.80}"
            ))
            .at("origin"));
        }
        Ok(Self { origin, nonce, rows })
    }

    /// Reads the first line, without its LF.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unknown`] if the line names another format or another way to hash rows, [`ErrorKind::Damaged`] if
    /// it breaks this one.
    pub fn parse(line: &[u8]) -> Result<Self> {
        Self::parse_inner(line).map_err(|error| error.at("header"))
    }

    fn parse_inner(line: &[u8]) -> Result<Self> {
        let Some(text) = line.strip_prefix(MAGIC) else {
            let found = String::from_utf8_lossy(&line[..line.len().min(MAGIC.len())]);
            return Err(Error::new(ErrorKind::Unknown, format!("expected at1-ledger/v1, found {found}")));
        };
        let mut fields = Fields::new(json::decode(text)?)?;
        match fields.value("log")? {
            Value::Null => {}
            other => return Err(mismatch("null", &other).with_kind(ErrorKind::Unknown).at("log")),
        }
        let nonce = fields.take::<String>("nonce")?;
        let nonce = hex_decode(nonce.as_bytes())
            .ok_or_else(|| mismatch("32 lower-case hexadecimal digits", &nonce.into()).at("nonce"))?;
        let origin = fields.take::<String>("origin")?;
        let row = fields.take::<String>("row")?;
        let rows = [RowTree::SourceBytes, RowTree::None]
            .into_iter()
            .find(|rows| rows.name() == row)
            .ok_or_else(|| mismatch("source-bytes/1 or none", &row.into()).with_kind(ErrorKind::Unknown).at("row"))?;
        fields.nothing_else().map_err(|error| error.with_kind(ErrorKind::Unknown))?;
        Self::new(nonce, Some(&origin), rows).map_err(|error| error.with_kind(ErrorKind::Damaged))
    }

    /// The line, without its LF.
    pub fn line(&self) -> String {
        let mut members = Builder::default();
        members.value("log", Value::Null).put("nonce", &hex_encode(&self.nonce)).put("origin", &self.origin);
        members.put("row", &self.rows.name().to_owned());
        let object = members.finish(&Members::new()).and_then(|object| json::encode(&object));
        format!("at1-ledger/v1 {}", object.expect("a header is inside the profile"))
    }

    /// The chain value before event 0: the digest of the line.
    pub fn genesis(&self) -> Digest {
        Digest::of(self.line().as_bytes())
    }

    /// The table's name towards the world: checkpoints and keys carry it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Random bytes that keep two tables apart.
    pub fn nonce(&self) -> [u8; 16] {
        self.nonce
    }

    /// How rows are hashed.
    pub fn rows(&self) -> RowTree {
        self.rows
    }
}
