//! One source, one file: the codec without a table.
//!
//! * What comes out was decoded and compared before it is returned.
//! * Where the columns would take more than plain Zstandard at the same effort, the file is RAW, unless it is to stay
//!   queryable.

use std::{
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use super::{
    analyse::{ReadOptions, analyse},
    column_chunk::Profile,
    draft::Written,
    joined::Joined,
    raw,
    read::{Segment, Trust},
    write::{BatchPlan, SegmentWriter, WriteOptions},
};
use crate::{
    Error, ReadAt, Result, Schema,
    column::{Inference, Pin, Reading},
};

/// Whether a stand-alone file must have columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Whichever is smaller.
    #[default]
    Smaller,
    /// Columns, whatever they take.
    Queryable,
}

/// How a stand-alone file is encoded.
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    /// How the source is read.
    pub read: ReadOptions,
    /// Column names, for a source without a header.
    pub names: Option<Vec<String>>,
    /// Types that are not to be found out, by header, name or position.
    pub pins: Vec<(String, Pin)>,
    /// Speed against size.
    pub profile: Profile,
    /// Columns or the smaller of both.
    pub form: Form,
    /// The name of the source, kept in the batch table.
    pub name: Option<String>,
}

/// What encoding came to.
#[derive(Clone, Debug)]
pub enum Encoded {
    /// A segment with columns.
    Segment(Box<Written>),
    /// A RAW segment of so many bytes.
    Raw {
        /// The size of the file.
        bytes: u64,
    },
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").field("bytes", &self.bytes).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// Encodes `source` into a file that `stage` provides, empty each time it is called: once for the columns, and once more
/// if the file becomes RAW. Gives the file that holds the result.
///
/// # Errors
/// If a pin names no column, or reading, writing or the comparison with the source fails.
pub fn encode_to<R, W, F>(source: &mut R, mut stage: F, options: &EncodeOptions) -> Result<(W, Encoded)>
where
    R: Read + Seek,
    W: Write + Send,
    F: FnMut() -> io::Result<(W, Arc<dyn ReadAt>)>,
{
    let analysis = analyse(source, &options.read)?;
    let (schema, readings) =
        schema_of(&analysis.columns, analysis.header.as_deref().or(options.names.as_deref()), &options.pins)?;
    let (sink, reader) = stage()?;
    let write = WriteOptions { profile: options.profile, row_tree: None, nulls: options.read.nulls.clone(), readings };
    let mut writer = SegmentWriter::new(sink, &schema, write)?;
    let map = (0..analysis.columns.len()).collect();
    writer.append(source, BatchPlan { analysis, map, name: options.name.clone() })?;
    let (sink, draft) = writer.finish()?;
    let written = draft.verify(reader)?;
    if options.form == Form::Smaller {
        source.seek(SeekFrom::Start(0))?;
        let (_, raw_bytes) = raw::write(source, io::sink(), options.profile.zstd_level())?;
        if raw_bytes < written.bytes {
            drop((sink, written));
            let (sink, reader) = stage()?;
            source.seek(SeekFrom::Start(0))?;
            let (sink, bytes) = raw::write(source, sink, options.profile.zstd_level())?;
            // A RAW segment carries the digest of its source, so reading it back compares both.
            raw::read(&*reader, &mut io::sink())?;
            return Ok((sink, Encoded::Raw { bytes }));
        }
    }
    Ok((sink, Encoded::Segment(Box::new(written))))
}

/// The schema that a source has by itself.
fn schema_of(
    columns: &[Inference],
    names: Option<&[String]>,
    pins: &[(String, Pin)],
) -> Result<(Schema, Vec<Reading>)> {
    let named = |types: Vec<crate::ColumnType>| {
        let names = (0..columns.len()).map(|i| names.and_then(|n| n.get(i)).map(String::as_str));
        Schema::named(names.zip(types))
    };
    let mut types: Vec<_> = columns.iter().map(Inference::best).collect();
    let mut readings: Vec<_> = columns.iter().zip(&types).map(|(c, &ty)| c.reading(ty)).collect();
    let schema = named(types.clone());
    for (word, pin) in pins {
        let column = schema.position(word);
        let column = column.ok_or_else(|| Error::invalid("type", "a column of the source", format!("{word:?}")))?;
        types[column] = pin.ty;
        readings[column] = pin.reading;
    }
    Ok((named(types), readings))
}

/// Encodes `source` in memory.
///
/// # Errors
/// As [`encode_to`].
pub fn encode(source: &[u8], options: &EncodeOptions) -> Result<Vec<u8>> {
    let stage = || {
        let buffer = Buffer::default();
        Ok((buffer.clone(), Arc::new(buffer) as Arc<dyn ReadAt>))
    };
    let (buffer, _) = encode_to(&mut Cursor::new(source), stage, options)?;
    Ok(buffer.bytes())
}

/// Decodes a stand-alone file in memory, RAW or with columns.
///
/// # Errors
/// If it is damaged, or not one of ours.
pub fn decode(file: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    decode_to(Arc::new(file.to_vec()), &mut out)?;
    Ok(out)
}

/// Writes the exact source of a stand-alone file, RAW or with columns, to `out`: its batches one after the other, with a line feed
/// put in where their records would fuse ([`Joined`]).
///
/// # Errors
/// If it is damaged, or not one of ours, or `out` refuses.
pub fn decode_to(file: Arc<dyn ReadAt>, out: &mut dyn Write) -> Result<()> {
    if raw::is_raw(&*file)? {
        return raw::read(&*file, out);
    }
    let segment = Segment::open(file, Trust::OwnSeal)?;
    let mut out = Joined::new(out);
    for batch in 0..segment.batches()?.len() {
        out.next_batch()?;
        segment.write_batch(batch, &mut out)?;
    }
    Ok(())
}

/// Bytes in memory that can be read while they are written.
#[derive(Clone, Default)]
pub struct Buffer(Arc<std::sync::RwLock<Vec<u8>>>);

impl Buffer {
    /// A copy of what was written.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ReadAt for Buffer {
    fn size(&self) -> io::Result<u64> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).read_exact_at(buffer, offset)
    }
}
