//! One segment and what an event says about it, in memory.
//!
//! * The writer is that of an append. What is left out is reading back: the numbers are taken where they arise, and that an append
//!   comes to the same is what a test is for.

use std::{io::Cursor, sync::Arc};

use at1_catalog::{View, ZoneText, Zones};
use at1_codec::{
    BatchPlan, HeaderOption, ReadOptions, RowTree, Schema, Segment, SegmentWriter, Trust, WriteOptions, analyse,
    text::{DialectOptions, QuoteOption},
};
use at1_ledger::{BatchRecord, Carried, Digest, Frontier, Json, SegmentRecord, segment_name};
use serde_json::{Map, Value};

use super::Result;

/// The RFC 6962 tree over a batch's records.
#[derive(Default)]
struct Records(Frontier);

impl RowTree for Records {
    fn push(&mut self, record: &[u8]) {
        self.0.push(record);
    }

    fn root(&mut self) -> [u8; 32] {
        std::mem::take(&mut self.0).root().0
    }
}

/// A segment's file, and its part of an event.
pub(super) struct Made {
    pub(super) file: Arc<Vec<u8>>,
    pub(super) batch: BatchRecord,
    pub(super) segment: SegmentRecord,
}

/// Batch `n`, which has every column of the table and nothing new.
pub(super) fn make(n: u64, text: &[u8], schema: &Schema) -> Result<Made> {
    let dialect = DialectOptions { delimiter: Some(b','), quote: Some(QuoteOption::Byte(b'"')) };
    let options = ReadOptions { dialect, header: HeaderOption::Yes, ..ReadOptions::default() };
    let analysis = analyse(&mut Cursor::new(text), &options)?;
    let mut records = Frontier::new();
    text.split_inclusive(|&byte| byte == b'\n').skip(1).for_each(|record| records.push(record));
    let rows_root = Some(records.root());
    let batch = BatchRecord::new(analysis.bytes, Digest(analysis.sha256), analysis.records, rows_root);
    let options = WriteOptions { row_tree: Some(|| Box::new(Records::default())), ..WriteOptions::default() };
    let mut writer = SegmentWriter::new(Vec::with_capacity(text.len()), schema, options)?;
    let plan = BatchPlan { analysis, map: (0..schema.columns.len()).collect(), name: None };
    writer.append(&mut Cursor::new(text), plan)?;
    let (file, _) = writer.finish()?;
    let file = Arc::new(file);
    let footer_bytes = footer_bytes(&file)?;
    let (_, footer) = file.split_at(file.len() - footer_bytes);
    let footer_sha256 = Digest::of(footer);
    let trust = Trust::Footer { bytes: footer_bytes as u64, sha256: footer_sha256.0 };
    let read = Segment::open(Arc::<Vec<u8>>::clone(&file), trust)?;
    let segment = SegmentRecord {
        name: segment_name(n, 0),
        bytes: file.len() as u64,
        sha256: Digest::of(&file),
        footer_bytes: footer_bytes as u64,
        footer_sha256,
        batch: n..n + 1,
        rows: read.rows(),
        zones: Carried::zones(zones(&read)?),
        schema_at: None,
        extra: Default::default(),
    };
    Ok(Made { file, batch, segment })
}

/// The size of footer, seal and trailer, out of the trailer: Parquet's own length of the footer, which the seal counts as a part of.
fn footer_bytes(file: &[u8]) -> Result<usize> {
    let (_, trailer) = file.split_last_chunk::<8>().ok_or("expected a trailer")?;
    let (length, _) = trailer.split_first_chunk::<4>().ok_or("expected a length")?;
    let bytes = u32::from_le_bytes(*length) as usize + trailer.len();
    if bytes <= file.len() { Ok(bytes) } else { Err("expected a footer that is shorter than its file".into()) }
}

fn zones(segment: &Segment) -> Result<Json> {
    let schema = segment.schema();
    let texts = Zones::of_segment(segment, &View::same(schema))?.text(0, schema);
    let json = |zone: Option<ZoneText>| zone.unwrap_or_default().to_json();
    let zones = texts.into_iter().enumerate().map(|(column, zone)| (format!("c{column}"), json(zone)));
    Ok(Json::new(&Value::Object(zones.collect::<Map<_, _>>()))?)
}

/// The columns that a segment of the table has.
pub(super) fn schema_of(file: Vec<u8>, record: &SegmentRecord) -> Result<Schema> {
    let trust = Trust::Footer { bytes: record.footer_bytes, sha256: record.footer_sha256.0 };
    Ok(Segment::open(Arc::new(file), trust)?.schema().clone())
}
