//! Manifests: lists of data files, each with the snapshot that added it.
//!
//! * A file is written once and never changed; its name says which segments it holds and what its bytes are.
//! * An entry is *added* in the snapshot whose manifest brings it, and *existing* wherever it is written again, with the snapshot and
//!   the sequence number it had: readers that follow a table see each file come once.

use std::{fmt, str::FromStr};

use at1_ledger::Digest;
use at1_table::{Error, ErrorKind, FileEntry, Result};
use serde_json::{Value, json};

use super::{
    avro::{self, Decoder, Encoder},
    data_file::{DataFile, long},
};

/// The most segments of a manifest; one that has as many is never written again.
pub const SEGMENTS_MAX: usize = 4096;

const ADDED: i64 = 1;
const EXISTING: i64 = 0;

/// A data file, and which snapshot added it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) snapshot_id: i64,
    /// `None`: the one of the snapshot that adds it now.
    pub(super) sequence: Option<i64>,
    pub(super) file: DataFile,
}

/// A manifest's name: the first segment in it, a digest of which segments there are, and one of its own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The event of the first segment.
    pub(super) first: u64,
    /// Says which segments it holds.
    pub(super) holds: String,
    content: String,
}

const PREFIX: &str = "at1-manifest-";
const SUFFIX: &str = ".avro";
/// Half a digest is enough to tell files of one table apart.
const HALF: usize = 32;

impl Name {
    /// Whether `bytes` are those that the name speaks of.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        half(Digest::of(bytes)) == self.content
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:06}-{}-{}{SUFFIX}", self.first, self.holds, self.content)
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let mut parts = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX)).ok_or(())?.split('-');
        let is_half = |part: &&str| part.len() == HALF && part.bytes().all(|b| b.is_ascii_hexdigit());
        let mut part = || parts.next().ok_or(());
        let first = part()?.parse().map_err(|_| ())?;
        let (holds, content) = (part()?, part()?);
        let read = Self { first, holds: holds.to_owned(), content: content.to_owned() };
        if is_half(&holds) && is_half(&content) && read.to_string() == name { Ok(read) } else { Err(()) }
    }
}

fn half(digest: Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(HALF);
    text
}

/// What tells manifests of the same segments, at the same place, from others.
pub(super) fn holds(location: &str, segments: &[FileEntry]) -> String {
    let mut text = format!("{location}\n");
    for segment in segments {
        text += &format!("{} {}\n", segment.name, segment.sha256);
    }
    half(Digest::of(text.as_bytes()))
}

/// A manifest's bytes, and its name.
pub(super) fn write(entries: &[Entry], first: u64, holds: String, schema: &Value) -> Result<(Name, Vec<u8>)> {
    let records = entries.iter().map(|entry| {
        let mut out = Encoder::default();
        out.long(if entry.sequence.is_some() { EXISTING } else { ADDED });
        out.optional(Some(entry.snapshot_id), Encoder::long);
        out.optional(entry.sequence, Encoder::long);
        out.optional(entry.sequence, Encoder::long);
        entry.file.encode(&mut out)?;
        Ok(out)
    });
    let (schema_text, schema_id) = (schema.to_string(), schema["schema-id"].to_string());
    let metadata = [
        ("schema", schema_text.as_str()),
        ("schema-id", &schema_id),
        ("partition-spec", "[]"),
        ("partition-spec-id", "0"),
        ("format-version", "2"),
        ("content", "data"),
    ];
    let bytes = avro::write(&avro_schema().to_string(), &metadata, &records.collect::<Result<Vec<_>>>()?)?;
    Ok((Name { first, holds, content: half(Digest::of(&bytes)) }, bytes))
}

/// The entries of a manifest that [`write`] made, of which a list says that it came with `sequence`.
pub(super) fn read(name: &Name, bytes: &[u8], sequence: i64) -> Result<Vec<Entry>> {
    let corrupt = |expected: &str, found: String| Error::new(ErrorKind::Corrupt, name.to_string(), expected, found);
    if !name.is_of(bytes) {
        return Err(corrupt("the bytes that its name speaks of", "others".to_owned()));
    }
    let record = |input: &mut Decoder<'_>| {
        let status = input.long()?;
        let snapshot_id = input.optional(Decoder::long)?;
        let own = input.optional(Decoder::long)?;
        let _ = input.optional(Decoder::long)?;
        let snapshot_id = snapshot_id.ok_or_else(|| corrupt("a snapshot for each file", "none".to_owned()))?;
        if ![ADDED, EXISTING].contains(&status) {
            return Err(corrupt("files that were added or there before", format!("status {status}")));
        }
        Ok(Entry { snapshot_id, sequence: Some(own.unwrap_or(sequence)), file: DataFile::decode(input)? })
    };
    avro::read(bytes, record).map_err(|e| e.within(&name.to_string()))
}

/// How many of the entries a snapshot adds, and their rows.
pub(super) fn added(entries: &[Entry]) -> Result<(i64, i64)> {
    let added = || entries.iter().filter(|entry| entry.sequence.is_none());
    Ok((long(added().count() as u64)?, long(added().map(|entry| entry.file.rows).sum())?))
}

/// The Avro schema of manifest entries, with the ids by which readers know the fields.
fn avro_schema() -> Value {
    let map = |value: &str, key_id: u32, value_id: u32| {
        json!(["null", {"type": "array", "logicalType": "map", "items": {
            "type": "record", "name": format!("k{key_id}_v{value_id}"), "fields": [
                {"name": "key", "type": "int", "field-id": key_id},
                {"name": "value", "type": value, "field-id": value_id},
            ],
        }}])
    };
    let optional = |name: &str, ty: Value, id: u32| json!({"name": name, "type": ty, "default": null, "field-id": id});
    let long = || json!(["null", "long"]);
    json!({"type": "record", "name": "manifest_entry", "fields": [
        {"name": "status", "type": "int", "field-id": 0},
        optional("snapshot_id", long(), 1),
        optional("sequence_number", long(), 3),
        optional("file_sequence_number", long(), 4),
        {"name": "data_file", "field-id": 2, "type": {"type": "record", "name": "r2", "fields": [
            {"name": "content", "type": "int", "field-id": 134},
            {"name": "file_path", "type": "string", "field-id": 100},
            {"name": "file_format", "type": "string", "field-id": 101},
            {"name": "partition", "field-id": 102, "type": {"type": "record", "name": "r102", "fields": []}},
            {"name": "record_count", "type": "long", "field-id": 103},
            {"name": "file_size_in_bytes", "type": "long", "field-id": 104},
            optional("column_sizes", map("long", 117, 118), 108),
            optional("value_counts", map("long", 119, 120), 109),
            optional("null_value_counts", map("long", 121, 122), 110),
            optional("nan_value_counts", map("long", 138, 139), 137),
            optional("lower_bounds", map("bytes", 126, 127), 125),
            optional("upper_bounds", map("bytes", 129, 130), 128),
            optional("split_offsets", json!(["null", {"type": "array", "items": "long", "element-id": 133}]), 132),
        ]}},
    ]})
}
