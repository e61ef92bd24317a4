//! What events say about batches and segments.
//!
//! * A record binds everything a reader relies on: lengths, digests, the tree over the rows, zones or their digest.
//! * A text that is too long for an event lies in a segment's footer; the event then carries its digest, and which of
//!   the two it is follows from the length alone.
//! * A segment's name follows from the event that committed it, so a name is never a path.

use std::ops::Range;

use serde_json::Value;

use crate::{
    digest::Digest,
    error::{Error, Result},
    fields::{Builder, Fields, mismatch},
    json::{Json, Members},
};

/// The longest zones that an event carries itself, as canonical JSON.
pub const ZONES_BYTES_MAX: usize = 4096;
/// The longest schema changes that an append carries itself, as canonical JSON.
pub const SCHEMA_BYTES_MAX: usize = 16 * 1024;

/// One append: the bytes of one input, and the tree over its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRecord {
    /// Source bytes.
    pub bytes: u64,
    /// Records.
    pub rows: u64,
    /// Root of the RFC 6962 tree over the records; `None` in a table without row trees.
    pub rows_root: Option<Digest>,
    /// Digest of the source bytes.
    pub sha256: Digest,
    /// The name it came with, a file's name.
    pub name: Option<String>,
    /// Digest of the file it was unpacked from.
    pub packed_sha256: Option<Digest>,
    /// What the person who appended it said.
    pub note: Option<String>,
    /// Fields that their column's type could not hold; 0 is left out of the text.
    pub rejects: u64,
    /// Who appended it, and as which of theirs.
    pub idempotency: Option<Idempotency>,
    /// Members that this version does not know.
    pub extra: Members,
}

/// A producer's own number for a batch: appending the same number twice appends once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Idempotency {
    /// Who.
    pub producer: String,
    /// Strictly increasing per producer.
    pub sequence: u64,
}

impl BatchRecord {
    /// A record of what every batch has.
    pub fn new(bytes: u64, sha256: Digest, rows: u64, rows_root: Option<Digest>) -> Self {
        Self {
            bytes,
            rows,
            rows_root,
            sha256,
            name: None,
            packed_sha256: None,
            note: None,
            rejects: 0,
            idempotency: None,
            extra: Members::new(),
        }
    }

    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self> {
        Ok(Self {
            bytes: fields.take("bytes")?,
            rows: fields.take("rows")?,
            rows_root: fields.optional("rows_root")?,
            sha256: fields.take("sha256")?,
            name: fields.optional("name")?,
            packed_sha256: fields.optional("packed_sha256")?,
            note: fields.optional("note")?,
            rejects: match fields.optional("rejects")? {
                Some(0) => return Err(mismatch("a number above 0 or no member", &0.into()).at("rejects")),
                rejects => rejects.unwrap_or(0),
            },
            idempotency: match fields.optional_value("idempotency") {
                Some(value) => {
                    let read = |mut fields: Fields| {
                        let key =
                            Idempotency { producer: fields.take("producer")?, sequence: fields.take("sequence")? };
                        fields.nothing_else().map(|()| key)
                    };
                    Some(Fields::new(value).and_then(read).map_err(|error| error.at("idempotency"))?)
                }
                None => None,
            },
            extra: fields.rest(),
        })
    }

    pub(crate) fn to_json(&self) -> Result<Value> {
        let mut members = Builder::default();
        members
            .put("bytes", &self.bytes)
            .put("rows", &self.rows)
            .put_some("rows_root", self.rows_root.as_ref())
            .put("sha256", &self.sha256)
            .put_some("name", self.name.as_ref())
            .put_some("packed_sha256", self.packed_sha256.as_ref())
            .put_some("note", self.note.as_ref())
            .put_some("rejects", Some(&self.rejects).filter(|rejects| **rejects > 0));
        if let Some(Idempotency { producer, sequence }) = &self.idempotency {
            let mut key = Builder::default();
            key.put("producer", producer).put("sequence", sequence);
            members.value("idempotency", key.finish(&Members::new())?);
        }
        members.finish(&self.extra)
    }
}

/// One segment file: what it is called, what it must hash to, which batches it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRecord {
    /// The file's name, made by [`segment_name`].
    pub name: String,
    /// The file's length.
    pub bytes: u64,
    /// Digest of the whole file.
    pub sha256: Digest,
    /// How many of the file's last bytes are its footer.
    pub footer_bytes: u64,
    /// Digest of the footer, which binds every other byte piece by piece.
    pub footer_sha256: Digest,
    /// The batches it holds.
    pub batch: Range<u64>,
    /// Their records.
    pub rows: u64,
    /// Per column position, minimum, maximum, nulls, rejects: an object that the catalog reads.
    pub zones: Carried,
    /// The newest event whose schema changes its columns have, if that is not its own event.
    pub schema_at: Option<u64>,
    /// Members that this version does not know.
    pub extra: Members,
}

impl SegmentRecord {
    pub(crate) fn from_fields(mut fields: Fields) -> Result<Self> {
        let record = Self {
            name: fields.take("name")?,
            bytes: fields.take("bytes")?,
            sha256: fields.take("sha256")?,
            footer_bytes: fields.take("footer_bytes")?,
            footer_sha256: fields.take("footer_sha256")?,
            batch: fields.take("batch")?,
            rows: fields.take("rows")?,
            zones: Carried::from_fields(&mut fields, "zones", ZONES_BYTES_MAX)?
                .ok_or_else(|| Error::damaged("expected zones or zones_sha256, found neither"))?,
            schema_at: fields.optional("schema_at")?,
            extra: fields.rest(),
        };
        if parse_segment_name(&record.name).is_none() {
            return Err(mismatch("seg_NNNNNN.at1 or seg_NNNNNN-P.at1", &record.name.into()).at("name"));
        }
        if record.footer_bytes > record.bytes {
            return Err(mismatch("at most the length of the file", &record.footer_bytes.into()).at("footer_bytes"));
        }
        if let Carried::Inline(zones) = &record.zones
            && !zones.as_str().starts_with('{')
        {
            return Err(mismatch("an object", &zones.value()).at("zones"));
        }
        Ok(record)
    }

    pub(crate) fn to_json(&self) -> Result<Value> {
        let mut members = Builder::default();
        members
            .put("name", &self.name)
            .put("bytes", &self.bytes)
            .put("sha256", &self.sha256)
            .put("footer_bytes", &self.footer_bytes)
            .put("footer_sha256", &self.footer_sha256)
            .put("batch", &self.batch)
            .put("rows", &self.rows);
        self.zones.put(&mut members, "zones");
        members.put_some("schema_at", self.schema_at.as_ref());
        members.finish(&self.extra)
    }
}

/// The name of segment `part`, from 0, that event `n` commits.
///
/// ```
/// use at1_ledger::{parse_segment_name, segment_name};
///
/// assert_eq!(segment_name(42, 0), "seg_000042.at1");
/// assert_eq!(segment_name(42, 1), "seg_000042-1.at1");
/// assert_eq!(parse_segment_name("seg_000042-1.at1"), Some((42, 1)));
/// assert_eq!(parse_segment_name("../seg_000042.at1"), None);
/// ```
pub fn segment_name(n: u64, part: u64) -> String {
    match part {
        0 => format!("seg_{n:06}.at1"),
        _ => format!("seg_{n:06}-{part}.at1"),
    }
}

/// The event and part that a segment's name stands for; `None` if [`segment_name`] never makes this name.
pub fn parse_segment_name(name: &str) -> Option<(u64, u64)> {
    let numbers = name.strip_prefix("seg_")?.strip_suffix(".at1")?;
    let (n, part) = numbers.split_once('-').unwrap_or((numbers, "0"));
    let parsed = (n.parse().ok()?, part.parse().ok()?);
    (segment_name(parsed.0, parsed.1) == name).then_some(parsed)
}

/// A text that an event binds: carried by the event itself, or by a segment's footer if it is long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// The text itself.
    Inline(Json),
    /// The digest of its canonical JSON, which lies in the segment's footer.
    InFooter(Digest),
}

impl Carried {
    /// How an event carries zones: inline up to [`ZONES_BYTES_MAX`].
    pub fn zones(zones: Json) -> Self {
        Self::up_to(ZONES_BYTES_MAX, zones)
    }

    /// How an append carries schema changes: inline up to [`SCHEMA_BYTES_MAX`].
    pub fn schema(changes: Json) -> Self {
        Self::up_to(SCHEMA_BYTES_MAX, changes)
    }

    fn up_to(bytes_max: usize, text: Json) -> Self {
        if text.as_str().len() <= bytes_max { Self::Inline(text) } else { Self::InFooter(text.sha256()) }
    }

    /// The text, if the event carries it.
    pub fn inline(&self) -> Option<&Json> {
        match self {
            Self::Inline(text) => Some(text),
            Self::InFooter(_) => None,
        }
    }

    /// The digest of the text, wherever it lies.
    pub fn sha256(&self) -> Digest {
        match self {
            Self::Inline(text) => text.sha256(),
            Self::InFooter(sha256) => *sha256,
        }
    }

    pub(crate) fn from_fields(fields: &mut Fields, key: &str, bytes_max: usize) -> Result<Option<Self>> {
        let sha256_key = format!("{key}_sha256");
        let sha256 = fields.optional(&sha256_key)?;
        match (fields.optional_value(key), sha256) {
            (None, sha256) => Ok(sha256.map(Self::InFooter)),
            (Some(_), Some(_)) => Err(Error::damaged(format!("expected {key} or {sha256_key}, found both"))),
            (Some(value), None) => {
                let text = Json::new(&value)?;
                if text.as_str().len() > bytes_max {
                    let found = text.as_str().len();
                    return Err(Error::damaged(format!("expected at most {bytes_max} bytes, found {found}")).at(key));
                }
                Ok(Some(Self::Inline(text)))
            }
        }
    }

    pub(crate) fn put(&self, members: &mut Builder, key: &str) {
        match self {
            Self::Inline(text) => members.value(key, text.value()),
            Self::InFooter(sha256) => members.put(&format!("{key}_sha256"), sha256),
        };
    }
}
