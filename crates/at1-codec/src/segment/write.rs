//! Writing a segment: batches in, row groups out, one at a time.
//!
//! * Memory is that of one row group, whatever the length of the sources.
//! * What comes out is a [`Draft`], which is not a segment yet.

mod carry;
mod group;

use std::{
    io::{Read, Seek, Write},
    sync::Arc,
};

use arrow::datatypes::SchemaRef;
use parquet::{
    arrow::{ArrowSchemaConverter, arrow_writer::ArrowColumnChunk},
    file::{
        metadata::{KeyValue, ParquetMetaDataReader, ParquetMetaDataWriter},
        properties::WriterProperties,
        writer::SerializedFileWriter,
    },
};
use sha2::{Digest as _, Sha256};

use super::{
    analyse::Analysis,
    chunk::Chunk,
    column_chunk::{Profile, is_paged},
    digest::BlockSink,
    directory::{BatchInfo, ColumnRecovery, Directory, GroupRecovery, Place, Places, StreamPlace},
    draft::{Cuts, Draft},
    layout::{
        BLOCK_BYTES_MIN, GROUP_BYTES_MAX, GROUP_FIELDS_MAX, GROUP_ROWS_MAX, META_KEY, PARQUET_MAGIC, SEGMENT_VERSION,
        Seal, TRAILER_BYTES, hex,
    },
    meta::Meta,
    second_pass::SecondPass,
    stream::{Stream, pack},
};
use crate::{
    Error, Result, Schema,
    column::{NullWords, Reading},
};

pub use carry::Preamble;
use group::{EncodedGroup, Encoding, Part, Roots};

/// A tree over the exact bytes of a batch's records, computed beside the encoding.
pub trait RowTree: Send {
    /// Adds a record: the blank lines before it, its fields, its line end.
    fn push(&mut self, record: &[u8]);
    /// The root over all records since the last call.
    fn root(&mut self) -> [u8; 32];
}

/// Makes a [`RowTree`].
pub type NewRowTree = fn() -> Box<dyn RowTree>;

/// How a segment is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Speed against size.
    pub profile: Profile,
    /// The tree over each batch's records, if there is one.
    pub row_tree: Option<NewRowTree>,
    /// Words that mean null in columns that are not text.
    pub nulls: NullWords,
    /// How the text of each column is read, by position; missing ones are read plainly.
    pub readings: Vec<Reading>,
}

/// One source, analysed, and where its fields go.
#[derive(Clone, Debug)]
pub struct BatchPlan {
    /// What the first pass found out.
    pub analysis: Analysis,
    /// The column of each field position that the analysis has.
    pub map: Vec<usize>,
    /// The source's name.
    pub name: Option<String>,
}

/// Writes batches as a segment.
pub struct SegmentWriter<W: Write + Send> {
    file: SerializedFileWriter<BlockSink<W>>,
    schema: Schema,
    arrow: SchemaRef,
    options: WriteOptions,
    group: Vec<Part>,
    roots: Option<Roots>,
    directory: Directory,
    /// Where each batch is cut into records, if that was found out here.
    cuts: Vec<Option<[u8; 32]>>,
    rejects: Vec<u64>,
    key_values: Vec<KeyValue>,
    /// Whether a chunk has more than one page.
    paged: bool,
}

impl<W: Write + Send> SegmentWriter<W> {
    /// Starts a segment of `schema` in `sink`.
    ///
    /// # Errors
    /// If the schema has no columns, or the sink refuses.
    pub fn new(sink: W, schema: &Schema, options: WriteOptions) -> Result<Self> {
        if schema.columns.is_empty() {
            return Err(Error::invalid("schema", "at least one column", 0));
        }
        let arrow = schema.arrow();
        let parquet = ArrowSchemaConverter::new().convert(&arrow)?;
        let created_by = concat!("at1 ", env!("CARGO_PKG_VERSION")).to_owned();
        let properties = WriterProperties::builder().set_created_by(created_by).build();
        let file = SerializedFileWriter::new(BlockSink::new(sink), parquet.root_schema_ptr(), Arc::new(properties))?;
        let rejects = vec![0; schema.columns.len()];
        let directory = Directory::default();
        let (group, cuts, key_values) = (Vec::new(), Vec::new(), Vec::new());
        let (schema, roots, paged) = (schema.clone(), options.row_tree.map(Roots::new), false);
        Ok(Self { file, schema, arrow, options, group, roots, directory, cuts, rejects, key_values, paged })
    }

    /// Adds a note to the footer's key-value metadata.
    pub fn key_value(&mut self, key: &str, value: String) {
        self.key_values.push(KeyValue::new(key.to_owned(), value));
    }

    /// Adds a batch. `source` is read a second time where it did not fit the analysis.
    ///
    /// # Errors
    /// If the plan does not fit the schema, the source changed since it was analysed, or reading or writing fails.
    pub fn append<R: Read + Seek>(&mut self, source: &mut R, plan: BatchPlan) -> Result<()> {
        let BatchPlan { mut analysis, map, name } = plan;
        let columns = self.schema.columns.len();
        let mut seen = vec![false; columns];
        let fits = map.iter().all(|&c| seen.get_mut(c).is_some_and(|seen| !std::mem::replace(seen, true)));
        if !fits || map.len() != analysis.columns.len() {
            return Err(Error::invalid(
                "column map",
                format!("a column of its own for each of {} fields", analysis.columns.len()),
                format!("{} of {columns} columns", map.len()),
            ));
        }
        let info = BatchInfo {
            name,
            bytes: analysis.bytes,
            sha256: analysis.sha256,
            rows: analysis.records,
            rows_root: None,
            first_row: self.directory.rows(),
            syntax: analysis.format.syntax(),
            terminator: analysis.format.terminator(),
            preamble: std::mem::take(&mut analysis.preamble),
            tail: Vec::new(),
            map,
        };
        let batch = self.directory.batches.len();
        if let Some(roots) = &mut self.roots {
            roots.expect(batch);
        }
        let mut rows = 0;
        let mut cuts = Cuts::behind(&info.preamble);
        let mut push = |this: &mut Self, chunk: Chunk| -> Result<()> {
            rows += chunk.records() as u64;
            cuts.push((0..chunk.records()).map(|record| chunk.record(record).len()));
            this.push(&info, batch, chunk)
        };
        let tail = if let Some((chunks, tail)) = analysis.kept.take() {
            chunks.into_iter().try_for_each(|chunk| push(self, chunk))?;
            tail
        } else {
            let mut records = SecondPass::of(source, &analysis)?;
            loop {
                let chunks = records.next()?;
                if chunks.is_empty() {
                    break;
                }
                chunks.into_iter().try_for_each(|chunk| push(self, chunk))?;
            }
            let (tail, sha256) = records.finish();
            if sha256 != info.sha256 || rows != info.rows {
                return Err(Error::invalid(
                    "source",
                    format!("the {} records and sha256 {} of the first pass", info.rows, hex(&info.sha256)),
                    format!("{rows} records and sha256 {}: it changed while it was read", hex(&sha256)),
                ));
            }
            tail
        };
        self.directory.batches.push(BatchInfo { tail, ..info });
        self.cuts.push(Some(cuts.finish()));
        Ok(())
    }

    fn push(&mut self, info: &BatchInfo, batch: usize, chunk: Chunk) -> Result<()> {
        let [bytes, rows, fields] = self.waiting();
        let (more, wider) = (chunk.bytes.len(), chunk.tokens.fields.len());
        if rows > 0
            && (bytes + more > GROUP_BYTES_MAX
                || rows + chunk.records() > GROUP_ROWS_MAX
                || fields + wider > GROUP_FIELDS_MAX)
        {
            self.flush()?;
        }
        if chunk.records() > 0 {
            self.group.push(Part {
                batch,
                syntax: info.syntax,
                terminator: info.terminator,
                fields_by_column: info.fields_by_column(self.schema.columns.len()),
                width: info.map.len(),
                chunk,
            });
        }
        // A group that is as good as full goes at once: the next chunk is not to be read beside it. A chunk ends with a
        // whole record, so it is a little smaller than its limit.
        let full = |(held, most): (usize, usize)| held >= most - most / 16;
        let limits = [GROUP_BYTES_MAX, GROUP_ROWS_MAX, GROUP_FIELDS_MAX];
        if self.waiting().into_iter().zip(limits).any(full) { self.flush() } else { Ok(()) }
    }

    /// Bytes, records and fields that wait to be encoded.
    fn waiting(&self) -> [usize; 3] {
        self.group.iter().map(|part| &part.chunk).fold([0; 3], |[bytes, rows, fields], chunk| {
            [bytes + chunk.bytes.len(), rows + chunk.records(), fields + chunk.tokens.fields.len()]
        })
    }

    /// Writes the records that wait as a row group: column chunks, then recovery streams.
    fn flush(&mut self) -> Result<()> {
        let parts = std::mem::take(&mut self.group);
        if parts.is_empty() {
            return Ok(());
        }
        let encoding = Encoding { schema: &self.schema, arrow: &self.arrow, options: &self.options };
        let group = encoding.encode(&parts, self.roots.as_mut())?;
        let recovery = GroupRecovery { parts: shares(&parts), ..GroupRecovery::default() };
        drop(parts);
        self.write_group(group, recovery)
    }

    fn write_group(&mut self, encoded: EncodedGroup, mut recovery: GroupRecovery) -> Result<()> {
        let pieces: Vec<Vec<u64>> = encoded.columns.iter().map(|column| pieces(&column.chunk)).collect();
        let at = self.file.bytes_written() as u64;
        self.file.inner_mut().plan_chunks(at, &pieces);
        let mut filters_at = at + pieces.iter().flatten().sum::<u64>();
        for filter in encoded.columns.iter().filter_map(|column| column.chunk.close().bloom_filter.as_ref()) {
            let mut bytes = Vec::new();
            filter.write(&mut bytes)?;
            self.file.inner_mut().plan(filters_at, [bytes.len() as u64]);
            filters_at += bytes.len() as u64;
        }
        self.paged |= encoded.columns.iter().any(|column| is_paged(&column.chunk));
        let mut group = self.file.next_row_group()?;
        let mut streams = vec![encoded.records];
        for (column, rejects) in encoded.columns.into_iter().zip(&mut self.rejects) {
            column.chunk.append_to_row_group(&mut group)?;
            streams.push(column.stream);
            *rejects += column.rejects;
            recovery.columns.push(ColumnRecovery {
                place: StreamPlace::default(),
                rejects: column.rejects,
                patches: column.patches,
                form: column.form,
            });
        }
        group.close()?;

        let shared: Vec<u8> = streams.iter().filter_map(Stream::shared).flatten().copied().collect();
        let shared = pack(&shared, self.options.profile.zstd_level())?;
        let at = self.file.bytes_written() as u64;
        recovery.shared = Place { at, bytes: shared.len() as u64 };
        let mut places = Places::after(recovery.shared)?;
        let mut packed = vec![shared];
        for (index, stream) in streams.into_iter().enumerate() {
            let place = match stream {
                Stream::Shared(bytes) => places.shared(bytes.len())?,
                Stream::Own(bytes) => {
                    let place = places.own(bytes.len() as u64)?;
                    packed.push(bytes);
                    place
                }
            };
            match index.checked_sub(1) {
                None => recovery.records = place,
                Some(column) => recovery.columns[column].place = place,
            }
        }
        self.write_packed(&packed)?;
        self.directory.groups.push(recovery);
        Ok(())
    }

    /// Writes packed streams; gives the place of the first.
    fn write_packed(&mut self, streams: &[Vec<u8>]) -> Result<u64> {
        let at = self.file.bytes_written() as u64;
        self.file.inner_mut().plan(at, streams.iter().map(|s| s.len() as u64));
        for stream in streams {
            self.file.write_all(stream)?;
        }
        Ok(at)
    }

    /// Writes what waits, the directory and the footer; gives the sink back with what is left to verify.
    ///
    /// # Errors
    /// If writing fails.
    pub fn finish(mut self) -> Result<(W, Draft)> {
        self.flush()?;
        for (batch, root) in self.roots.take().map(Roots::finish).unwrap_or_default() {
            self.directory.batches[batch].rows_root = Some(root);
        }
        let directory = pack(&self.directory.write(), self.options.profile.zstd_level())?;
        let bytes = directory.len() as u64;
        let place = Place { at: self.write_packed(&[directory])?, bytes };
        let rows = self.directory.rows();
        let batches = std::mem::take(&mut self.directory.batches);
        let source_bytes = batches.iter().map(|b| b.bytes).sum();
        let meta = Meta::new(&self.schema, &self.rejects, rows, source_bytes, batches.len() as u64, place);
        self.file.append_key_value_metadata(KeyValue::new(META_KEY.to_owned(), meta.to_json()?));
        for key_value in self.key_values {
            self.file.append_key_value_metadata(key_value);
        }

        // The page indexes are part of the digested body, but the Parquet writer puts the footer right behind them:
        // keep both back, so that the digest table can go between.
        self.file.flush()?;
        self.file.inner_mut().hold();
        let mut sink = self.file.into_inner()?;
        let held = sink.release();
        let (indexes, thrift) = split_end(&held)?;
        // The chunks' own bounds say all that indexes of a single page could.
        let unpaged = if self.paged { None } else { Some(without_indexes(thrift)?) };
        let (indexes, thrift) = unpaged.as_ref().map_or((indexes, thrift), |thrift| (&[][..], thrift));
        let indexes_at = sink.at();
        sink.plan(indexes_at, indexes.chunks(BLOCK_BYTES_MIN).map(|c| c.len() as u64));
        sink.write_all(indexes)?;
        let table = sink.finish_blocks();
        let (digests, version) = (Sha256::digest(&table).into(), SEGMENT_VERSION);
        let seal = Seal { indexes_at, digests_at: sink.at(), digests, version };
        sink.write_unblocked(&table)?;
        let mut footer = [thrift, &seal.write(thrift)].concat();
        let length =
            u32::try_from(footer.len()).map_err(|_| Error::invalid("footer", "less than 4 GiB", footer.len()))?;
        footer.extend_from_slice(&length.to_le_bytes());
        footer.extend_from_slice(PARQUET_MAGIC);
        sink.write_unblocked(&footer)?;
        let (sink, bytes, sha256) = sink.finish()?;
        let draft = Draft {
            bytes,
            sha256,
            footer_bytes: footer.len() as u64,
            footer_sha256: Sha256::digest(&footer).into(),
            batches,
            cuts: self.cuts,
            row_tree: self.options.row_tree,
        };
        Ok((sink, draft))
    }
}

/// The batches of a row group, in order, and how many of its records are theirs.
fn shares(parts: &[Part]) -> Vec<(usize, u64)> {
    let batches = parts.chunk_by(|a, b| a.batch == b.batch);
    batches.map(|parts| (parts[0].batch, parts.iter().map(|p| p.chunk.records() as u64).sum())).collect()
}

/// The sizes of a chunk's dictionary and pages, in file order.
fn pieces(chunk: &ArrowColumnChunk) -> Vec<u64> {
    let close = chunk.close();
    let pages = close.offset_index.iter().flat_map(|index| index.page_locations());
    let mut pieces: Vec<u64> = pages.map(|p| u64::try_from(p.compressed_page_size).unwrap_or(0)).collect();
    let dictionary = close.bytes_written.saturating_sub(pieces.iter().sum());
    if dictionary > 0 {
        pieces.insert(0, dictionary);
    }
    pieces
}

/// A footer that points to no page indexes.
fn without_indexes(thrift: &[u8]) -> Result<Vec<u8>> {
    let mut metadata = ParquetMetaDataReader::decode_metadata(thrift)?.into_builder();
    let mut groups = metadata.take_row_groups();
    for group in &mut groups {
        let mut builder = group.clone().into_builder();
        let columns = builder.take_columns();
        let bare = columns.into_iter().map(|column| {
            let builder = column.into_builder().set_offset_index_offset(None).set_offset_index_length(None);
            builder.set_column_index_offset(None).set_column_index_length(None).build()
        });
        *group = builder.set_column_metadata(bare.collect::<Result<_, _>>()?).build()?;
    }
    let mut file = Vec::new();
    ParquetMetaDataWriter::new(&mut file, &metadata.set_row_groups(groups).build()).finish()?;
    file.truncate(file.len() - TRAILER_BYTES);
    Ok(file)
}

/// Page indexes and Thrift footer, out of what the Parquet writer writes last.
fn split_end(held: &[u8]) -> Result<(&[u8], &[u8])> {
    let broken = || Error::invalid("footer", "page indexes, footer, length, PAR1", format!("{} bytes", held.len()));
    let (rest, trailer) = held.len().checked_sub(TRAILER_BYTES).map(|at| held.split_at(at)).ok_or_else(broken)?;
    let thrift_bytes = u32::from_le_bytes(super::layout::array(&trailer[..4])) as usize;
    rest.len().checked_sub(thrift_bytes).map(|at| rest.split_at(at)).ok_or_else(broken)
}
