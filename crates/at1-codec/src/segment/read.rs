//! Opening a segment: from its end inwards, nothing parsed that was not hashed.
//!
//! * With [`Trust::Footer`] every byte that is parsed is bound by the digest that the caller brought.
//! * With [`Trust::OwnSeal`] the bytes are those that were sealed, by whoever sealed them; the footer is then parsed
//!   under the bounds of [`super::guard`], and pages are checked by [`super::pages`] before they are decoded.
//! * The recovery section is read when it is asked for; a query of the columns never needs it.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    file::metadata::{PageIndexPolicy, ParquetMetaDataReader},
};
use sha2::{Digest as _, Sha256};

use super::{
    digest::Verified,
    directory::{BatchInfo, Directory, GroupRecovery, Place, StreamPlace},
    guard::Footer,
    layout::{FOOTER_BYTES_MAX, META_KEY, PARQUET_MAGIC, SEAL_BYTES, Seal, TRAILER_BYTES, array, hex},
    meta::Meta,
    pages::Pages,
    raw::RAW_MAGIC,
    stream::unpack,
};
use crate::{Error, ReadAt, Result, Schema, column};

/// Whose word is taken for a segment's footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The size and digest of footer, seal and trailer, known from elsewhere: a ledger.
    Footer {
        /// How many bytes at the end of the file.
        bytes: u64,
        /// Their SHA-256.
        sha256: [u8; 32],
    },
    /// The segment's own seal: finds damage, not forgery.
    OwnSeal,
}

/// An open segment.
///
/// Clones share what has been read.
#[derive(Clone)]
pub struct Segment(pub(super) Arc<Inner>);

pub(super) struct Inner {
    schema: Schema,
    arrow: ArrowReaderMetadata,
    body: Verified,
    meta: Meta,
    size: u64,
    seal: Seal,
    footer_bytes: u64,
    /// What opening it read.
    opening_bytes: u64,
    directory: OnceLock<Directory>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("rows", &self.rows()).field("schema", self.schema()).finish_non_exhaustive()
    }
}

impl Segment {
    /// Opens a segment and checks its footer, its digest table and its page indexes.
    ///
    /// # Errors
    /// If the bytes are not those that `trust` speaks of, are no segment, or are one of another version; or if storage
    /// fails.
    pub fn open(reader: Arc<dyn ReadAt>, trust: Trust) -> Result<Self> {
        let size = reader.size()?;
        let tail = read_tail(&*reader, size, trust)?;
        let tail_at = size - tail.bytes.len() as u64;
        let footer = &tail.bytes[tail.bytes.len() - tail.footer..];
        let (seal, thrift) = Seal::read(&footer[..footer.len() - TRAILER_BYTES])?;
        let footer_at = size - footer.len() as u64;
        let (mut read, mut reads) = (tail.bytes.len() as u64, 1);
        let table = table_place(seal, footer_at)?;
        let table = match table.start.checked_sub(tail_at).and_then(|from| usize::try_from(from).ok()) {
            Some(from) => tail.bytes.slice(from..tail.bytes.len() - tail.footer),
            None => {
                let mut bytes = vec![0; usize::try_from(table.end - table.start).unwrap_or(0)];
                reader.read_exact_at(&mut bytes, table.start)?;
                (read, reads) = (read + bytes.len() as u64, reads + 1);
                bytes.into()
            }
        };
        check_table(&table, seal)?;
        let body = Verified::new(reader, size, tail.bytes.clone(), seal.digests_at, &table, (read, reads))?;

        // A digest from elsewhere says that AT1 wrote this, and no more is asked.
        if trust == Trust::OwnSeal {
            Footer::check(thrift, seal.digests_at)?.check_indexes(&body)?;
        }
        let metadata = ParquetMetaDataReader::decode_metadata(thrift)?;
        let mut reader =
            ParquetMetaDataReader::new_with_metadata(metadata).with_page_index_policy(PageIndexPolicy::Optional);
        reader.read_page_indexes_sized(&body, size)?;
        let metadata = Arc::new(reader.finish()?);
        let opening_bytes = body.bytes_read();

        let key_values = metadata.file_metadata().key_value_metadata();
        let text = key_values.into_iter().flatten().find(|kv| kv.key == META_KEY).and_then(|kv| kv.value.as_deref());
        let text = text.ok_or_else(|| Error::corrupt("footer", format!("the key {META_KEY}"), "none"))?;
        let meta = Meta::parse(text, seal.version)?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let arrow = ArrowReaderMetadata::try_new(Arc::clone(&metadata), options)?;
        let schema = meta.schema(arrow.schema())?;
        let rows: u64 = metadata.row_groups().iter().map(|g| u64::try_from(g.num_rows()).unwrap_or(0)).sum();
        if rows != meta.rows {
            return Err(Error::corrupt("footer", format!("{} rows", meta.rows), rows));
        }
        if trust == Trust::OwnSeal {
            body.check_pages(Pages::new(Arc::clone(&metadata), &schema)?);
        }
        Ok(Self(Arc::new(Inner {
            schema,
            arrow,
            body,
            meta,
            size,
            seal,
            footer_bytes: size - footer_at,
            opening_bytes,
            directory: OnceLock::new(),
        })))
    }

    /// The columns.
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// The columns as Arrow sees them.
    pub fn arrow_schema(&self) -> &SchemaRef {
        self.0.arrow.schema()
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.0.meta.rows
    }

    /// The size of all sources together.
    pub fn source_bytes(&self) -> u64 {
        self.0.meta.source_bytes
    }

    /// The number of batches.
    pub fn batch_count(&self) -> u64 {
        self.0.meta.batches
    }

    /// The size of the file.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The Parquet metadata with page indexes, for the Arrow reader.
    pub fn metadata(&self) -> &ArrowReaderMetadata {
        &self.0.arrow
    }

    /// The bytes of pages, each hashed before it is given out.
    pub fn bytes(&self) -> &Verified {
        &self.0.body
    }

    /// The bytes of the file at these places, for Parquet readers that ask by place: every byte of the body checked against its block's
    /// digest, neighbouring blocks with one read, and the footer as it was checked when the segment was opened.
    ///
    /// ```
    /// use at1_codec::{EncodeOptions, Form, Segment, Trust, encode};
    /// use sha2::{Digest, Sha256};
    /// let file = encode(b"a,b\n1,x\n2,y\n", &EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() })?;
    /// let end = file.len() as u64;
    /// // What a ledger knows: a Parquet file ends with the length of its footer and PAR1.
    /// let length = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap());
    /// let footer = &file[file.len() - 8 - length as usize..];
    /// let trust = Trust::Footer { bytes: footer.len() as u64, sha256: Sha256::digest(footer).into() };
    ///
    /// let segment = Segment::open(std::sync::Arc::new(file), trust)?;
    /// let places = segment.read_file(&[0..4, end - 4..end])?;
    /// assert!(places.iter().all(|place| place == "PAR1"));
    /// # Ok::<(), at1_codec::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Corrupt` where bytes are not what they were or a place lies outside the file; `Invalid` for a segment that nobody vouches for,
    /// whose pages must be checked before another reader decodes them; `Io` where storage fails.
    pub fn read_file(&self, places: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if !self.0.body.is_vouched_for() {
            return Err(Error::invalid("segment", "one whose footer's digest is known", "one that came alone"));
        }
        self.0.body.read_places(places, self.0.size - self.0.footer_bytes)
    }

    /// All bytes that were read from this segment so far: footer, digest table, indexes, pages, recovery streams.
    pub fn bytes_read(&self) -> u64 {
        self.0.body.bytes_read()
    }

    /// Of those, what opening it read: footer, digest table, page indexes, and what lay beside them.
    pub fn opening_bytes(&self) -> u64 {
        self.0.opening_bytes
    }

    /// What stands under `key` in the footer's key-value metadata.
    pub fn key_value(&self, key: &str) -> Option<&str> {
        let key_values = self.0.arrow.metadata().file_metadata().key_value_metadata();
        key_values.into_iter().flatten().find(|kv| kv.key == key)?.value.as_deref()
    }

    /// The number of rejects in `column`, over all row groups.
    pub fn rejects(&self, column: usize) -> u64 {
        self.0.meta.rejects(column)
    }

    /// The batches, in order.
    ///
    /// # Errors
    /// If the directory cannot be read or is damaged.
    pub fn batches(&self) -> Result<&[BatchInfo]> {
        Ok(&self.directory()?.batches)
    }

    /// The rows of `row_group` whose field `column` could not hold, counted from the row group's start.
    ///
    /// # Errors
    /// If the recovery section cannot be read or is damaged, or there is no such row group or column.
    pub fn reject_rows(&self, row_group: usize, column: usize) -> Result<Vec<u64>> {
        column::rejects(&self.streams(row_group)?.column(column)?)
    }

    /// How each column of `row_group` is laid out.
    ///
    /// # Errors
    /// If the directory cannot be read or is damaged, or there is no such row group.
    pub fn layout(&self, row_group: usize) -> Result<Vec<ColumnLayout>> {
        let group = self.group(row_group)?;
        let metadata = self.0.arrow.metadata();
        let chunks = metadata.row_groups().get(row_group).map_or(&[][..], |g| g.columns());
        let indexes = metadata.offset_index().and_then(|groups| groups.get(row_group));
        let columns = group.columns.iter().zip(chunks).enumerate().map(|(column, (recovery, chunk))| ColumnLayout {
            form: recovery.form.clone(),
            encodings: chunk.encodings().map(|e| e.to_string()).collect(),
            pages: indexes.and_then(|columns| columns.get(column)).map_or(1, |index| index.page_locations().len())
                as u64,
            bytes: u64::try_from(chunk.compressed_size()).unwrap_or(0),
            unpacked_bytes: u64::try_from(chunk.uncompressed_size()).unwrap_or(0),
            recovery_bytes: group.packed_bytes(&recovery.place),
            patches: recovery.patches,
            rejects: recovery.rejects,
        });
        Ok(columns.collect())
    }

    /// Where the bytes of the file are.
    ///
    /// # Errors
    /// If the directory cannot be read or is damaged.
    pub fn shares(&self) -> Result<Shares> {
        let Seal { indexes_at, digests_at, .. } = self.0.seal;
        let groups = self.0.arrow.metadata().row_groups();
        let columns = groups.iter().map(|group| u64::try_from(group.compressed_size()).unwrap_or(0)).sum();
        let filters = groups.iter().flat_map(|group| group.columns()).filter_map(|chunk| chunk.bloom_filter_length());
        let (mut recovery, mut records) = (0, 0);
        for group in &self.directory()?.groups {
            let of_columns: u64 = group.columns.iter().map(|column| group.packed_bytes(&column.place)).sum();
            recovery += of_columns;
            records += group.all_packed_bytes().saturating_sub(of_columns);
        }
        Ok(Shares {
            columns,
            filters: filters.map(|bytes| u64::try_from(bytes).unwrap_or(0)).sum(),
            recovery,
            records,
            directory: self.0.meta.directory().bytes,
            indexes: digests_at.saturating_sub(indexes_at),
            digests: self.0.size.saturating_sub(self.0.footer_bytes).saturating_sub(digests_at),
            footer: self.0.footer_bytes,
        })
    }

    pub(super) fn directory(&self) -> Result<&Directory> {
        if let Some(directory) = self.0.directory.get() {
            return Ok(directory);
        }
        let directory =
            Directory::read(&self.stream(self.0.meta.directory())?, self.0.schema.columns.len(), self.0.seal.version)?;
        let groups = self.0.arrow.metadata().row_groups();
        let agrees = directory.groups.len() == groups.len()
            && directory
                .groups
                .iter()
                .zip(groups)
                .all(|(ours, theirs)| u64::try_from(theirs.num_rows()) == Ok(ours.rows()));
        if !agrees || directory.batches.len() as u64 != self.0.meta.batches {
            return Err(Error::corrupt("directory", "the footer's row groups and batches", "others"));
        }
        Ok(self.0.directory.get_or_init(|| directory))
    }

    pub(super) fn group(&self, row_group: usize) -> Result<&GroupRecovery> {
        let groups = &self.directory()?.groups;
        groups
            .get(row_group)
            .ok_or_else(|| Error::invalid("row group", format!("less than {}", groups.len()), row_group))
    }

    /// The recovery streams of `row_group`.
    pub(super) fn streams(&self, row_group: usize) -> Result<Streams<'_>> {
        let group = self.group(row_group)?;
        Ok(Streams { segment: self, group, shared: self.stream(group.shared)? })
    }

    fn stream(&self, place: Place) -> Result<Vec<u8>> {
        let bytes = usize::try_from(place.bytes).unwrap_or(usize::MAX);
        unpack(&self.0.body.read(place.at, bytes)?)
    }
}

/// The recovery streams of a row group; what several share was unpacked once.
pub(super) struct Streams<'a> {
    segment: &'a Segment,
    group: &'a GroupRecovery,
    shared: Vec<u8>,
}

impl Streams<'_> {
    /// The record streams.
    pub(super) fn records(&self) -> Result<Vec<u8>> {
        self.read(&self.group.records)
    }

    /// The stream of a column.
    pub(super) fn column(&self, column: usize) -> Result<Vec<u8>> {
        let columns = &self.group.columns;
        let recovery = columns
            .get(column)
            .ok_or_else(|| Error::invalid("column", format!("less than {}", columns.len()), column))?;
        self.read(&recovery.place)
    }

    fn read(&self, place: &StreamPlace) -> Result<Vec<u8>> {
        match place {
            StreamPlace::Own(place) => self.segment.stream(*place),
            StreamPlace::Shared(range) => self.shared.get(range.clone()).map(<[u8]>::to_vec).ok_or_else(|| {
                Error::corrupt("recovery stream", format!("{} shared bytes", range.end), self.shared.len())
            }),
        }
    }
}

/// How a column of a row group is laid out, for people who wonder where the bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnLayout {
    /// The canonical form: "decimal, 2 digits".
    pub form: String,
    /// Parquet's encodings.
    pub encodings: Vec<String>,
    /// The number of data pages.
    pub pages: u64,
    /// The size of the column chunk.
    pub bytes: u64,
    /// Its size before compression.
    pub unpacked_bytes: u64,
    /// The size of its recovery stream; its part, where several share their packing.
    pub recovery_bytes: u64,
    /// How many fields are patched.
    pub patches: u64,
    /// How many of these the type could not hold.
    pub rejects: u64,
}

/// How many bytes of a segment serve what; `PAR1` at its start is the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Column chunks: the values.
    pub columns: u64,
    /// Bloom filters: which values are not there.
    pub filters: u64,
    /// Recovery streams of columns: how the values were spelled.
    pub recovery: u64,
    /// Recovery streams of records: which were unusual.
    pub records: u64,
    /// The directory: the batches, and where recovery streams are.
    pub directory: u64,
    /// Page indexes.
    pub indexes: u64,
    /// The digest table.
    pub digests: u64,
    /// Footer, seal and trailer.
    pub footer: u64,
}

/// The end of a file.
struct Tail {
    bytes: Bytes,
    /// How many of them, at the end, are footer, seal and trailer.
    footer: usize,
}

/// What is read before the footer with it: of a small segment its digest table, and perhaps all.
const BEFORE_FOOTER_BYTES: u64 = 2 << 10;

/// Reads the end of a file; footer, seal and trailer are checked as `trust` says.
fn read_tail(reader: &dyn ReadAt, size: u64, trust: Trust) -> Result<Tail> {
    let least = (PARQUET_MAGIC.len() + SEAL_BYTES + TRAILER_BYTES) as u64;
    if size < least {
        return Err(no_segment(reader, size, format!("{size} bytes")));
    }
    let bytes = match trust {
        Trust::Footer { bytes, .. } => bytes,
        Trust::OwnSeal => {
            let mut trailer = [0; TRAILER_BYTES];
            reader.read_exact_at(&mut trailer, size - TRAILER_BYTES as u64)?;
            let mut head = [0; 4];
            reader.read_exact_at(&mut head, 0)?;
            if head != *PARQUET_MAGIC || trailer[4..] != *PARQUET_MAGIC {
                return Err(no_segment(reader, size, "no PAR1 at its start and end".into()));
            }
            u64::from(u32::from_le_bytes(array(&trailer[..4]))) + TRAILER_BYTES as u64
        }
    };
    let fits = bytes <= size && bytes >= (SEAL_BYTES + TRAILER_BYTES) as u64;
    let Some(footer) = usize::try_from(bytes).ok().filter(|&b| fits && b <= FOOTER_BYTES_MAX) else {
        return Err(Error::corrupt("footer", format!("at most {} bytes", size.min(FOOTER_BYTES_MAX as u64)), bytes));
    };
    let start = size - (bytes + BEFORE_FOOTER_BYTES).min(size);
    // Where little is left, a second read would cost more than it.
    let start = if start < BEFORE_FOOTER_BYTES { 0 } else { start };
    let mut tail = vec![0; usize::try_from(size - start).unwrap_or(0)];
    reader.read_exact_at(&mut tail, start)?;
    if let Trust::Footer { sha256, .. } = trust {
        let found: [u8; 32] = Sha256::digest(&tail[tail.len() - footer..]).into();
        if found != sha256 {
            return Err(Error::corrupt(
                "footer",
                format!("sha256 {}", hex(&sha256)),
                format!("sha256 {}", hex(&found)),
            ));
        }
    }
    Ok(Tail { bytes: tail.into(), footer })
}

/// Says what a file is that is no segment, as far as its first bytes tell.
fn no_segment(reader: &dyn ReadAt, size: u64, otherwise: String) -> Error {
    let mut head = vec![0; usize::try_from(size.min(4)).unwrap_or(0)];
    let found = match reader.read_exact_at(&mut head, 0) {
        Ok(()) if head == RAW_MAGIC => "a RAW segment, which has no columns: it can be decoded, not queried".into(),
        Ok(()) if head == *b"AT1\x02" || head == *b"AT1\x03" => {
            "a file of another product that also ends its names in .at1".into()
        }
        _ => otherwise,
    };
    Error::unsupported("", "an AT1 segment", found)
}

/// Where the digest table is.
fn table_place(seal: Seal, footer_at: u64) -> Result<Range<u64>> {
    let bytes = footer_at.checked_sub(seal.digests_at);
    let fits = |&bytes: &u64| seal.indexes_at <= seal.digests_at && bytes <= FOOTER_BYTES_MAX as u64;
    match bytes.filter(fits) {
        Some(_) => Ok(seal.digests_at..footer_at),
        None => Err(Error::corrupt("seal", "a digest table before the footer", seal.digests_at)),
    }
}

fn check_table(table: &[u8], seal: Seal) -> Result<()> {
    let found: [u8; 32] = Sha256::digest(table).into();
    match found == seal.digests {
        true => Ok(()),
        false => {
            let (expected, found) = (hex(&seal.digests), hex(&found));
            Err(Error::corrupt("digest table", format!("sha256 {expected}"), format!("sha256 {found}")))
        }
    }
}
