//! A row group as it waits, and what it is encoded to: its columns, their recovery streams, the trees over its records.
//!
//! * Threads share the work; what comes out does not depend on how many there are.
//! * Each thread goes over the group once for some neighbouring columns, a block of records at a time, so that text and
//!   tokens are read from memory once for all of them.

use std::{collections::VecDeque, ops::Range};

use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_writer::ArrowColumnChunk;

use super::{
    super::{
        chunk::{Chunk, blocks},
        column_chunk::{encode_chunk, keep_small},
        records::RecordsBuilder,
        stream::Stream,
    },
    NewRowTree, RowTree, WriteOptions,
};
use crate::{
    Result, Schema,
    column::{
        Encoder, Meaning,
        sample::{Sample, sampled},
    },
    text::{Syntax, Terminator},
    threads,
};

/// What the values of columns that are encoded at the same time may take.
const COLUMNS_BYTES_MAX: usize = 64 << 20;
/// The most that a value and what varies in its spelling take.
const VALUE_BYTES: usize = 20;
/// More columns at a time save nothing: the fields of so many fill a cache line.
const COLUMNS_AT_ONCE: usize = 8;

/// Some records of a batch that wait to be encoded.
pub(super) struct Part {
    pub(super) batch: usize,
    pub(super) syntax: Syntax,
    pub(super) terminator: Terminator,
    pub(super) fields_by_column: Vec<Option<usize>>,
    pub(super) width: usize,
    pub(super) chunk: Chunk,
}

impl Part {
    /// The fields of one column in some of its records.
    fn fields(&self, column: usize, records: Range<usize>) -> impl Iterator<Item = Option<&[u8]>> {
        let field = self.fields_by_column[column];
        records.map(move |record| self.chunk.field(record, field?))
    }
}

/// How a group is encoded.
#[derive(Clone, Copy)]
pub(super) struct Encoding<'a> {
    pub(super) schema: &'a Schema,
    pub(super) arrow: &'a SchemaRef,
    pub(super) options: &'a WriteOptions,
}

/// A row group, ready to be written.
pub(super) struct EncodedGroup {
    pub(super) records: Stream,
    pub(super) columns: Vec<EncodedColumn>,
}

/// A column of it.
pub(super) struct EncodedColumn {
    pub(super) chunk: ArrowColumnChunk,
    pub(super) stream: Stream,
    pub(super) rejects: u64,
    pub(super) patches: u64,
    pub(super) form: String,
}

/// What a thread does at a time, and what comes of it.
enum Job<'a> {
    Roots(&'a mut Roots),
    Records,
    Columns(Range<usize>),
}

enum Done {
    Roots,
    Records(Stream),
    Columns(Vec<EncodedColumn>),
}

impl Encoding<'_> {
    /// Encodes the records of `parts`, and adds them to the trees.
    pub(super) fn encode(self, parts: &[Part], roots: Option<&mut Roots>) -> Result<EncodedGroup> {
        let bytes = parts.iter().map(|part| part.chunk.bytes.len()).sum();
        let rows: usize = parts.iter().map(|part| part.chunk.records()).sum();
        let columns = self.schema.columns.len();
        let threads = threads::for_bytes(bytes);
        let at_once = (COLUMNS_BYTES_MAX / (rows * VALUE_BYTES * threads).max(1))
            .min(threads::share(columns, threads))
            .clamp(1, COLUMNS_AT_ONCE);
        // What takes longest and cannot be shared comes first.
        let mut jobs: Vec<Job<'_>> = roots.map(Job::Roots).into_iter().collect();
        jobs.push(Job::Records);
        jobs.extend((0..columns).step_by(at_once).map(|start| Job::Columns(start..columns.min(start + at_once))));
        let done = threads::map(threads, jobs, |job| -> Result<Done> {
            Ok(match job {
                Job::Roots(roots) => {
                    parts.iter().for_each(|part| roots.add(part));
                    Done::Roots
                }
                Job::Records => Done::Records(self.records(parts)?),
                Job::Columns(columns) => Done::Columns(self.columns(parts, rows, columns)?),
            })
        });
        let mut group = EncodedGroup { records: Stream::Shared(Vec::new()), columns: Vec::with_capacity(columns) };
        for done in done {
            match done? {
                Done::Roots => {}
                Done::Records(stream) => group.records = stream,
                Done::Columns(columns) => group.columns.extend(columns),
            }
        }
        let mut chunks: Vec<_> = group.columns.iter_mut().map(|column| &mut column.chunk).collect();
        keep_small(&mut chunks);
        Ok(group)
    }

    fn records(self, parts: &[Part]) -> Result<Stream> {
        let mut records = RecordsBuilder::default();
        for part in parts {
            records.push(&part.chunk, part.width, part.terminator);
        }
        Stream::new(records.finish(), self.options.profile.zstd_level())
    }

    fn columns(self, parts: &[Part], rows: usize, columns: Range<usize>) -> Result<Vec<EncodedColumn>> {
        let mut encoders: Vec<Encoder> = columns.clone().map(|column| self.encoder(parts, rows, column)).collect();
        for part in parts {
            for records in blocks(part.chunk.records()) {
                for (encoder, column) in encoders.iter_mut().zip(columns.clone()) {
                    encoder.push(part.syntax, part.fields(column, records.clone()));
                }
            }
        }
        let finish = |(encoder, column): (Encoder, usize)| {
            let encoded = encoder.finish();
            Ok(EncodedColumn {
                chunk: encode_chunk(&self.arrow.fields()[column], &encoded.array, self.options.profile)?,
                stream: Stream::new(encoded.recovery, self.options.profile.zstd_level())?,
                rejects: encoded.rejects,
                patches: encoded.patches,
                form: encoded.form,
            })
        };
        encoders.into_iter().zip(columns).map(finish).collect()
    }

    /// An encoder for a column, with the form that a sample of its fields calls for.
    fn encoder(self, parts: &[Part], rows: usize, column: usize) -> Encoder {
        let meaning = Meaning {
            ty: self.schema.columns[column].ty,
            reading: self.options.readings.get(column).copied().unwrap_or_default(),
            nulls: self.options.nulls.clone(),
        };
        let mut sample = Sample::new(&meaning);
        let mut start = 0;
        for part in parts {
            let end = start + part.chunk.records();
            for rows in sampled(start..end, rows) {
                let records = rows.start - start..rows.end - start;
                part.fields(column, records).flatten().for_each(|raw| sample.add(raw, part.syntax));
            }
            start = end;
        }
        let form = sample.form();
        Encoder::new(meaning, form, rows)
    }
}

/// The trees over the records of batches, which grow as row groups go.
pub(super) struct Roots {
    tree: Box<dyn RowTree>,
    /// Batches whose root is still to be taken, ascending.
    waiting: VecDeque<usize>,
    taken: Vec<(usize, [u8; 32])>,
}

impl Roots {
    pub(super) fn new(new: NewRowTree) -> Self {
        Self { tree: new(), waiting: VecDeque::new(), taken: Vec::new() }
    }

    /// The root of `batch`, the newest, is to be taken once all of its records went by.
    pub(super) fn expect(&mut self, batch: usize) {
        self.waiting.push_back(batch);
    }

    fn add(&mut self, part: &Part) {
        self.take_before(part.batch);
        if self.waiting.front() == Some(&part.batch) {
            (0..part.chunk.records()).for_each(|record| self.tree.push(part.chunk.record(record)));
        }
    }

    fn take_before(&mut self, batch: usize) {
        while let Some(done) = self.waiting.pop_front_if(|waiting| *waiting < batch) {
            self.taken.push((done, self.tree.root()));
        }
    }

    /// Batches and their roots; all records went by.
    pub(super) fn finish(mut self) -> Vec<(usize, [u8; 32])> {
        self.take_before(usize::MAX);
        self.taken
    }
}
