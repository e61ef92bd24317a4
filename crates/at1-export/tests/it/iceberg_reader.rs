//! A reader of Iceberg tables that knows nothing of the writer: from the hint to the entries, as the specification says.
//!
//! * Avro is read by the schema in the file, whatever that is, into JSON; bytes become lists of numbers.
//! * Numbers that a snapshot inherits are filled in, and sums are compared with what lists and summaries claim.

use std::{collections::BTreeMap, io::Read};

use at1_testkit::store::MemStore;
use flate2::read::DeflateDecoder;
use serde_json::{Map, Value, json};

pub(crate) const LOCATION: &str = "file:///tables/t";

/// A table's metadata file as the hint names it, with its number.
pub(crate) fn current(disk: &MemStore) -> Option<(u64, Value)> {
    let files = disk.files();
    let hint = std::str::from_utf8(files.get("metadata/version-hint.text")?).unwrap().parse().unwrap();
    let metadata = files.get(&format!("metadata/v{hint}.metadata.json")).expect("what the hint names");
    Some((hint, serde_json::from_slice(metadata).unwrap()))
}

/// A snapshot's data files, in the order of its manifests: the entries, what they inherit filled in.
pub(crate) fn files_of(disk: &MemStore, snapshot: &Value) -> Vec<Value> {
    let list = avro(&read(disk, &snapshot["manifest-list"]));
    assert_eq!(list.metadata["snapshot-id"], snapshot["snapshot-id"].to_string());
    let (mut entries, mut rows) = (vec![], 0);
    for manifest in &list.records {
        let bytes = read(disk, &manifest["manifest_path"]);
        assert_eq!(manifest["manifest_length"], json!(bytes.len()));
        let read = avro(&bytes);
        assert_eq!(read.metadata["content"], "data");
        let (mut added, mut existing, mut least) = ((0, 0), (0, 0), i64::MAX);
        for mut entry in read.records {
            let is_added = entry["status"] == 1;
            for number in ["sequence_number", "file_sequence_number"] {
                if entry[number].is_null() {
                    assert!(is_added, "only what is added inherits: {entry}");
                    entry[number] = manifest["sequence_number"].clone();
                }
            }
            least = least.min(entry["sequence_number"].as_i64().unwrap());
            let count = entry["data_file"]["record_count"].as_i64().unwrap();
            let sum = if is_added { &mut added } else { &mut existing };
            *sum = (sum.0 + 1, sum.1 + count);
            rows += count;
            entries.push(entry);
        }
        let claimed = |files: &str, rows: &str| (manifest[files].as_i64().unwrap(), manifest[rows].as_i64().unwrap());
        assert_eq!(claimed("added_files_count", "added_rows_count"), added);
        assert_eq!(claimed("existing_files_count", "existing_rows_count"), existing);
        assert_eq!(manifest["min_sequence_number"], json!(least));
    }
    let summary = &snapshot["summary"];
    assert_eq!(summary["total-data-files"], entries.len().to_string());
    assert_eq!(summary["total-records"], rows.to_string());
    entries
}

/// The segments that a snapshot names, checked to be there, and their rows together.
pub(crate) fn segments_of(disk: &MemStore, snapshot: &Value) -> (Vec<String>, u64) {
    let files = files_of(disk, snapshot);
    let mut rows = 0;
    let names = files.iter().map(|entry| {
        let file = &entry["data_file"];
        assert_eq!(file["file_size_in_bytes"], json!(read(disk, &file["file_path"]).len()));
        rows += file["record_count"].as_u64().unwrap();
        file["file_path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    });
    (names.collect(), rows)
}

/// The metadata's current snapshot.
pub(crate) fn snapshot(metadata: &Value) -> &Value {
    let snapshots = metadata["snapshots"].as_array().unwrap();
    snapshots.iter().find(|snapshot| snapshot["snapshot-id"] == metadata["current-snapshot-id"]).unwrap()
}

/// Where in the table a URI points.
pub(crate) fn path_of(uri: &Value) -> &str {
    uri.as_str().unwrap().strip_prefix(LOCATION).unwrap().trim_start_matches('/')
}

fn read(disk: &MemStore, uri: &Value) -> Vec<u8> {
    let path = path_of(uri);
    disk.files().remove(path).unwrap_or_else(|| panic!("{path} is named but not there"))
}

/// An Avro file.
pub(crate) struct Avro {
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) records: Vec<Value>,
}

pub(crate) fn avro(file: &[u8]) -> Avro {
    let mut input = file;
    assert_eq!(take(&mut input, 4), b"Obj\x01");
    let mut metadata = BTreeMap::new();
    loop {
        let count = long(&mut input);
        if count == 0 {
            break;
        }
        for _ in 0..count {
            let key = text(&mut input);
            metadata.insert(key, text(&mut input));
        }
    }
    let sync = take(&mut input, 16).to_vec();
    let schema: Value = serde_json::from_str(&metadata["avro.schema"]).unwrap();
    let mut records = vec![];
    while !input.is_empty() {
        let count = long(&mut input);
        let length = long(&mut input);
        let mut block = take(&mut input, length as usize).to_vec();
        if metadata["avro.codec"] == "deflate" {
            let packed = std::mem::take(&mut block);
            DeflateDecoder::new(&packed[..]).read_to_end(&mut block).unwrap();
        }
        let mut block = &block[..];
        for _ in 0..count {
            records.push(value(&mut block, &schema));
        }
        assert!(block.is_empty() && take(&mut input, 16) == sync);
    }
    Avro { metadata, records }
}

fn value(input: &mut &[u8], schema: &Value) -> Value {
    if let Some(branches) = schema.as_array() {
        let branch = long(input) as usize;
        return value(input, &branches[branch]);
    }
    match schema.as_str().or(schema["type"].as_str()).unwrap() {
        "null" => Value::Null,
        "int" | "long" => long(input).into(),
        "boolean" => (take(input, 1)[0] == 1).into(),
        "string" => text(input).into(),
        "bytes" => {
            let length = long(input) as usize;
            json!(take(input, length))
        }
        "record" => {
            let fields = schema["fields"].as_array().unwrap();
            let fields = fields.iter().map(|field| {
                assert!(field["field-id"].is_u64(), "readers know fields by their ids: {field}");
                (field["name"].as_str().unwrap().to_owned(), value(input, &field["type"]))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        "array" => {
            let mut items = vec![];
            loop {
                let count = long(input);
                if count == 0 {
                    return items.into();
                }
                items.extend((0..count).map(|_| value(input, &schema["items"])));
            }
        }
        other => panic!("no type {other}"),
    }
}

fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(count);
    *input = rest;
    taken
}

fn long(input: &mut &[u8]) -> i64 {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let byte = take(input, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return (value >> 1) as i64 ^ -((value & 1) as i64);
        }
    }
}

fn text(input: &mut &[u8]) -> String {
    let length = long(input) as usize;
    String::from_utf8(take(input, length).to_vec()).unwrap()
}
