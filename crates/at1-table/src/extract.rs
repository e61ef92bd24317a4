//! Some records of a table, as a segment that stands alone.
//!
//! * Records come as they were cut when they were appended, byte for byte: nothing is scanned again.
//! * What was taken of a batch is a batch of its own, under the batch's name. A header comes with the first, and where it is another
//!   than the one before, so that the batches in order are one text.
//! * The footer says where the records came from, under [`EXTRACT_KEY`]. Whoever can write a file can write that: it proves neither
//!   where they are from nor that none is missing.
//! * Memory is that of one row group, and eight bytes for each record that is taken of one batch.

use std::{io::Write, sync::Arc};

use at1_codec::{ColumnType, Preamble, Profile, ReadAt, Schema, Segment, SegmentWriter, WriteOptions};
use at1_ledger::Digest;
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    manifest::Live,
    scan::ScanOptions,
    segments,
    snapshot::Snapshot,
    version::Events,
};

/// The footer's key for where an extract came from.
pub const EXTRACT_KEY: &str = "at1.extract";

/// What an extract came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractReport {
    /// The event whose state it is of.
    pub event: Option<u64>,
    /// Its records.
    pub rows: u64,
    /// The batches they are of.
    pub batches: u64,
    /// Their bytes, headers that were taken included.
    pub source_bytes: u64,
    /// The size of the segment.
    pub segment_bytes: u64,
    /// Its digest.
    pub sha256: Digest,
}

impl ExtractReport {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "as_of_event": self.event, "rows": self.rows, "batches": self.batches, "source_bytes": self.source_bytes,
            "segment_bytes": self.segment_bytes, "segment_sha256": self.sha256.to_string(),
        })
    }
}

impl Snapshot {
    /// Writes the matching records to `sink`, as a segment with the columns of this state; selected columns do not matter here.
    /// What was written is decoded and compared through `reader` before this returns. Without a match the segment has no rows.
    ///
    /// ```
    /// use at1_codec::{Buffer, Segment, Trust};
    /// use at1_table::{AppendOptions, CreateOptions, Profile, ScanOptions, Source, Table};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let table = Table::create(folder.path().join("trades"), &CreateOptions::default())?;
    /// table.append_csv(Source::bytes("id,price\n1,9.50\n2,10.00"), &AppendOptions::default())?;
    /// table.append_csv(Source::bytes("id,price\n3,11.25\n"), &AppendOptions::default())?;
    ///
    /// let file = Buffer::default();
    /// let dear = ScanOptions::matching("price >= 10".parse()?);
    /// let (file, report) = table.snapshot()?.extract(&dear, Profile::Balanced, file.clone(), std::sync::Arc::new(file))?;
    /// assert_eq!((report.rows, report.batches), (2, 2));
    /// assert_eq!(at1_codec::decode(&file.bytes())?, b"id,price\n2,10.00\n3,11.25\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Snapshot::scan`]; `Io` if `sink` refuses, `Corrupt` if what was written does not read back. The sink is not to be used
    /// then.
    pub fn extract<W: Write + Send>(
        &self,
        options: &ScanOptions,
        profile: Profile,
        sink: W,
        reader: Arc<dyn ReadAt>,
    ) -> Result<(W, ExtractReport)> {
        let schema = self.schema();
        // As in a table's own segments: Parquet has no files without columns.
        let columns = match schema.columns.is_empty() {
            true => Schema::named([(None, ColumnType::Text)]),
            false => schema.schema(),
        };
        let write = WriteOptions {
            profile,
            row_tree: None,
            nulls: schema.nulls(),
            readings: schema.columns.iter().map(|column| column.reading).collect(),
        };
        let mut extract = Extract { writer: SegmentWriter::new(sink, &columns, write)?, header: vec![], taken: vec![] };
        let mut gathered: Option<Gathered> = None;
        self.each_match(options, &mut |found| {
            if gathered.as_ref().is_some_and(|gathered| gathered.batch != found.batch)
                && let Some(whole) = gathered.take()
            {
                extract.take(whole)?;
            }
            let gathered = gathered.get_or_insert_with(|| Gathered {
                batch: found.batch,
                segment: found.segment.segment.clone(),
                live: found.segment.live.clone(),
                first_row: found.segment.first_row,
                rows: vec![],
            });
            // A batch may have moved to another segment since its first records were found.
            let moved = |row: &u64| row + found.segment.first_row - gathered.first_row;
            gathered.rows.extend(found.rows.iter().map(moved));
            Ok(())
        })?;
        if let Some(whole) = gathered.take() {
            extract.take(whole)?;
        }

        let Extract { mut writer, taken, .. } = extract;
        let rows = taken.iter().map(|(_, rows)| rows).sum();
        writer.key_value(EXTRACT_KEY, self.origin_of(options, &taken)?.to_string());
        let (sink, draft) = writer.finish()?;
        let written = draft.verify(reader)?;
        if written.rows != rows {
            return Err(Error::corrupt("extract", format!("{rows} rows"), written.rows));
        }
        let report = ExtractReport {
            event: self.event(),
            rows,
            batches: written.batches.len() as u64,
            source_bytes: written.batches.iter().map(|batch| batch.bytes).sum(),
            segment_bytes: written.bytes,
            sha256: Digest(written.sha256),
        };
        Ok((sink, report))
    }

    /// Where the records came from, and what was asked.
    fn origin_of(&self, options: &ScanOptions, taken: &[(u64, u64)]) -> Result<Value> {
        let batches = self.ask(|version| {
            let mut events = Events::new(version, self.store());
            let batch = |&(batch, rows): &(u64, u64)| {
                let (_, record) = events.record(batch)?;
                Ok(json!({"batch": batch, "rows": rows, "sha256": record.sha256.to_string()}))
            };
            taken.iter().map(batch).collect::<Result<Vec<_>>>()
        })?;
        Ok(json!({
            "origin": self.layout().header.origin(),
            "event": self.event(),
            "chain_head": self.head().map(|head| head.to_string()),
            "predicate": options.predicate.to_string(),
            "rows": options.rows.as_ref().map(|rows| [rows.start, rows.end]),
            "limit": options.limit,
            "last": options.last,
            "batches": batches,
        }))
    }
}

/// The matching records of one batch: they are found in pieces, and taken at once.
struct Gathered {
    batch: u64,
    segment: Segment,
    live: Live,
    /// The table's row that is the segment's first.
    first_row: u64,
    rows: Vec<u64>,
}

/// A segment that is being written.
struct Extract<W: Write + Send> {
    writer: SegmentWriter<W>,
    /// The last header that was taken.
    header: Vec<u8>,
    /// Each batch, and how many of its records were taken.
    taken: Vec<(u64, u64)>,
}

impl<W: Write + Send> Extract<W> {
    fn take(&mut self, whole: Gathered) -> Result<()> {
        let Gathered { batch, segment, live, rows, .. } = whole;
        let damage = |e| segments::damage(e, &live.name());
        let place = usize::try_from(batch - live.batch.start).unwrap_or(usize::MAX);
        let header = segment.batches().map_err(damage)?.get(place).map_or(&[][..], |info| &info.preamble);
        let preamble = match header.is_empty() || header == self.header {
            true => Preamble::Drop,
            false => Preamble::Keep,
        };
        self.writer.append_records(&segment, place, &rows, preamble).map_err(damage)?;
        if preamble == Preamble::Keep {
            self.header = header.to_vec();
        }
        self.taken.push((batch, rows.len() as u64));
        Ok(())
    }
}
