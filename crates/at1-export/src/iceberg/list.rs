//! Manifest lists: the manifests of one snapshot.
//!
//! * A manifest that is used again keeps what the list said of it when it came: its snapshot and its sequence number.

use at1_table::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{
    avro::{self, Decoder, Encoder},
    data_file::{long, natural},
    manifest::Name,
};

/// A manifest as a list speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: Name,
    pub(super) bytes: u64,
    /// The sequence number of the snapshot that brought it.
    pub(super) sequence: i64,
    /// The least sequence number of its files.
    pub(super) min_sequence: i64,
    /// The snapshot that brought it.
    pub(super) snapshot_id: i64,
    pub(super) added: u64,
    pub(super) existing: u64,
    pub(super) added_rows: u64,
    pub(super) existing_rows: u64,
}

impl Listed {
    /// How many files it lists.
    pub(super) fn files(&self) -> u64 {
        self.added + self.existing
    }

    fn encode(&self, folder: &str) -> Result<Encoder> {
        let mut out = Encoder::default();
        out.text(&format!("{folder}/{}", self.name));
        out.long(long(self.bytes)?);
        out.long(0); // partition spec
        out.long(0); // content: data
        out.long(self.sequence);
        out.long(self.min_sequence);
        out.long(self.snapshot_id);
        for count in [self.added, self.existing, 0, self.added_rows, self.existing_rows, 0] {
            out.long(long(count)?);
        }
        out.optional(Some(&[(); 0]), |out, none| out.items(none, |_, ()| {}));
        Ok(out)
    }

    fn decode(input: &mut Decoder<'_>, folder: &str) -> Result<Self> {
        let path = input.text()?;
        let name = path.strip_prefix(folder).and_then(|name| name.strip_prefix('/')?.parse().ok());
        let corrupt = |expected: String| Error::new(ErrorKind::Corrupt, "", expected, &path);
        let name = name.ok_or_else(|| corrupt(format!("a manifest of AT1 in {folder}")))?;
        let bytes = natural(input)?;
        let (_spec, _content) = (input.long()?, input.long()?);
        let (sequence, min_sequence, snapshot_id) = (input.long()?, input.long()?, input.long()?);
        let mut count = || natural(input);
        let (added, existing, _deleted) = (count()?, count()?, count()?);
        let (added_rows, existing_rows, _deleted_rows) = (count()?, count()?, count()?);
        let partitions = input.optional(|input| input.items(Decoder::long))?;
        if partitions.is_some_and(|partitions| !partitions.is_empty()) {
            return Err(corrupt("a manifest without partitions".to_owned()));
        }
        Ok(Self { name, bytes, sequence, min_sequence, snapshot_id, added, existing, added_rows, existing_rows })
    }
}

/// A manifest list of a snapshot, its manifests in `folder`, which is a URI.
pub(super) fn write(listed: &[Listed], snapshot_id: i64, sequence: i64, folder: &str) -> Result<Vec<u8>> {
    let records = listed.iter().map(|manifest| manifest.encode(folder)).collect::<Result<Vec<_>>>()?;
    let (id, sequence) = (snapshot_id.to_string(), sequence.to_string());
    let metadata = [("snapshot-id", id.as_str()), ("sequence-number", &sequence), ("format-version", "2")];
    avro::write(&avro_schema().to_string(), &metadata, &records)
}

/// What [`write`] wrote.
pub(super) fn read(bytes: &[u8], folder: &str) -> Result<Vec<Listed>> {
    avro::read(bytes, |input| Listed::decode(input, folder))
}

/// The Avro schema of manifest lists, with the ids by which readers know the fields.
fn avro_schema() -> Value {
    let field = |name: &str, ty: &str, id: u32| json!({"name": name, "type": ty, "field-id": id});
    json!({"type": "record", "name": "manifest_file", "fields": [
        field("manifest_path", "string", 500),
        field("manifest_length", "long", 501),
        field("partition_spec_id", "int", 502),
        field("content", "int", 517),
        field("sequence_number", "long", 515),
        field("min_sequence_number", "long", 516),
        field("added_snapshot_id", "long", 503),
        field("added_files_count", "int", 504),
        field("existing_files_count", "int", 505),
        field("deleted_files_count", "int", 506),
        field("added_rows_count", "long", 512),
        field("existing_rows_count", "long", 513),
        field("deleted_rows_count", "long", 514),
        {"name": "partitions", "default": null, "field-id": 507, "type": ["null", {
            "type": "array", "element-id": 508, "items": {"type": "record", "name": "r508", "fields": [
                {"name": "contains_null", "type": "boolean", "field-id": 509},
                {"name": "contains_nan", "type": ["null", "boolean"], "default": null, "field-id": 518},
                {"name": "lower_bound", "type": ["null", "bytes"], "default": null, "field-id": 510},
                {"name": "upper_bound", "type": ["null", "bytes"], "default": null, "field-id": 511},
            ]},
        }]},
    ]})
}
