//! Segments without a table: text in, a segment out, and back.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use at1_catalog::Loose;
use at1_codec::{Buffer, EncodeOptions, Encoded, Form, ReadAt, Trust};
use at1_ledger::Digest;
use at1_python::{Failure, Result, Watch};
use at1_table::store::{LocalStore, Store as _, Watch as _, WatchedFile};
use pyo3::{prelude::*, types::PyBytes};
use serde_json::{Value, json};

use crate::{
    bytes::{FileObject, Source},
    options::Reading,
    scan::{Ground, Scan},
    snapshot::Asked,
};

/// Bytes that can be read anywhere: a file's, watched, or those of a buffer.
fn readable(kind: &str, data: &Bound<'_, PyAny>, watch: &Arc<Watch>) -> Result<(Arc<dyn ReadAt>, String)> {
    Ok(match Source::new(kind, data)? {
        Source::Path(path) => (open(&path, watch)?, path.display().to_string()),
        Source::Bytes(bytes) => (Arc::new(bytes.to_vec()), "bytes".to_owned()),
        Source::Reader(mut reader) => {
            let mut bytes = vec![];
            let read = reader.read_to_end(&mut bytes).map_err(|e| Failure::io("file object", &e));
            reader.settle(read)?;
            (Arc::new(bytes), "file object".to_owned())
        }
        Source::Arrow(_) => return Err(Failure::invalid("segment", "a path, bytes or a file", "Arrow data")),
    })
}

fn open(path: &Path, watch: &Arc<Watch>) -> Result<Arc<dyn ReadAt>> {
    let file = WatchedFile::open(path, Arc::clone(watch)).map_err(|e| Failure::io(path.display().to_string(), &e))?;
    Ok(Arc::new(file))
}

/// Opens one segment file, whose own word is taken for it.
pub(crate) fn open_alone(path: &Path, watch: &Arc<Watch>) -> Result<at1_codec::Segment> {
    let opened = at1_codec::Segment::open(open(path, watch)?, Trust::OwnSeal);
    Ok(opened.map_err(|e| e.within(&path.display().to_string()))?)
}

/// A segment that belongs to no table, or as if it did not.
#[pyclass(frozen, module = "at1._at1")]
pub(crate) struct Segment {
    loose: Arc<Loose>,
    segment: at1_codec::Segment,
    watch: Arc<Watch>,
}

#[pymethods]
impl Segment {
    #[new]
    fn new(py: Python<'_>, kind: &str, data: &Bound<'_, PyAny>) -> Result<Self> {
        let watch = Arc::new(Watch::default());
        let (bytes, place) = readable(kind, data, &watch)?;
        watch.detached(py, || {
            let segment = at1_codec::Segment::open(bytes, Trust::OwnSeal).map_err(|e| e.within(&place))?;
            let loose = Arc::new(Loose::new([(place, segment.clone())])?);
            Ok(Self { loose, segment, watch: Arc::clone(&watch) })
        })
    }

    /// What it is, as JSON.
    fn info(&self, py: Python<'_>) -> Result<String> {
        self.watch.detached(py, || {
            let schema = self.segment.schema();
            let columns = schema.columns.iter().enumerate().map(|(i, column)| {
                json!({
                    "name": column.name, "header": column.header, "type": column.ty.to_string(),
                    "rejects": self.segment.rejects(i),
                })
            });
            let batches = self.segment.batches()?.iter().map(|batch| {
                json!({
                    "name": batch.name, "rows": batch.rows, "source_bytes": batch.bytes,
                    "source_sha256": Digest(batch.sha256).to_string(),
                })
            });
            let told = json!({
                "rows": self.segment.rows(),
                "source_bytes": self.segment.source_bytes(),
                "segment_bytes": self.segment.size(),
                "columns": columns.collect::<Vec<_>>(),
                "batches": batches.collect::<Vec<_>>(),
            });
            Ok(told.to_string())
        })
    }

    fn scan(&self, py: Python<'_>, condition: Option<&Bound<'_, PyAny>>, asked: Asked) -> Result<Scan> {
        let options = asked.options(condition)?;
        self.watch.detached(py, || Scan::new(Ground::Loose(Arc::clone(&self.loose)), options, Arc::clone(&self.watch)))
    }

    /// Exact bytes of one of its batches.
    fn batch<'py>(&self, py: Python<'py>, batch: usize) -> Result<Bound<'py, PyBytes>> {
        let bytes = self.watch.run(py, None, || {
            let count = self.segment.batches()?.len();
            if batch >= count {
                return Err(Failure::invalid("batch", format!("less than {count}"), batch));
            }
            let mut bytes = vec![];
            self.segment.write_batch(batch, &mut bytes)?;
            Ok(bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }
}

/// Exact bytes of a stand-alone file: given back, or written into `out`.
#[pyfunction]
#[pyo3(signature = (kind, data, out, progress=None))]
pub(crate) fn decode<'py>(
    py: Python<'py>,
    kind: &str,
    data: &Bound<'py, PyAny>,
    out: Option<Bound<'py, PyAny>>,
    progress: Option<&Bound<'py, PyAny>>,
) -> Result<(Option<Bound<'py, PyBytes>>, u64)> {
    let watch = Arc::new(Watch::default());
    let (file, place) = readable(kind, data, &watch)?;
    let decode = |out: &mut dyn Write| -> Result<u64> {
        let mut counted = Counted { out, bytes: 0 };
        at1_codec::decode_to(file, &mut counted).map_err(|e| e.within(&place))?;
        Ok(counted.bytes)
    };
    match out {
        Some(out) => {
            let mut out = FileObject::new(out.unbind());
            let bytes = watch.run(py, progress, || {
                let done = decode(&mut out);
                out.settle(done)
            })?;
            Ok((None, bytes))
        }
        None => {
            let bytes = watch.run(py, progress, || {
                let mut bytes = vec![];
                decode(&mut bytes).map(|_| bytes)
            })?;
            Ok((Some(PyBytes::new(py, &bytes)), bytes.len() as u64))
        }
    }
}

struct Counted<'o> {
    out: &'o mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A stand-alone segment: given back, or written to `path`, a file that the package gives its name afterwards; and what it is, as JSON.
#[pyfunction]
#[pyo3(signature = (kind, data, path, name, reading, keep_queryable, progress=None))]
#[expect(clippy::too_many_arguments, reason = "one call, and every part of it is told")]
pub(crate) fn encode<'py>(
    py: Python<'py>,
    kind: &str,
    data: &Bound<'py, PyAny>,
    path: Option<PathBuf>,
    name: Option<String>,
    reading: Reading,
    keep_queryable: bool,
    progress: Option<&Bound<'py, PyAny>>,
) -> Result<(Option<Bound<'py, PyBytes>>, String)> {
    let watch = Arc::new(Watch::default());
    let source = Source::new(kind, data)?;
    let options = EncodeOptions {
        read: reading.options()?,
        names: reading.names(),
        pins: reading.pins()?,
        profile: reading.profile()?,
        form: if keep_queryable { Form::Queryable } else { Form::Smaller },
        name,
    };
    let (bytes, told) = watch.run(py, progress, || {
        let mut source = Guarded { source: twice(source, &watch)?, watch: &watch };
        let source_bytes = source.seek(SeekFrom::End(0)).and_then(|bytes| source.rewind().map(|()| bytes));
        let source_bytes = source_bytes.map_err(|e| Failure::io("source", &e))?;
        match &path {
            Some(path) => {
                let refused = |e: io::Error| Failure::io(path.display().to_string(), &e);
                let stage = || {
                    let file = File::create(path)?;
                    let reader = WatchedFile::open(path, Arc::clone(&watch))?;
                    Ok((file, Arc::new(reader) as Arc<dyn ReadAt>))
                };
                let (file, encoded) = at1_codec::encode_to(&mut source, stage, &options)?;
                file.sync_all().map_err(refused)?;
                Ok((None, report(&encoded, source_bytes)))
            }
            None => {
                let stage = || {
                    let buffer = Buffer::default();
                    Ok((buffer.clone(), Arc::new(buffer) as Arc<dyn ReadAt>))
                };
                let (buffer, encoded) = at1_codec::encode_to(&mut source, stage, &options)?;
                Ok((Some(buffer.bytes()), report(&encoded, source_bytes)))
            }
        }
    })?;
    Ok((bytes.map(|bytes| PyBytes::new(py, &bytes)), told.to_string()))
}

/// Reads as long as no signal came.
struct Guarded<'w, R> {
    source: R,
    watch: &'w Watch,
}

impl<R: Read> Read for Guarded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.check()?;
        self.source.read(buffer)
    }
}

impl<R: Seek> Seek for Guarded<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

trait Twice: Read + Seek + Send {}
impl<T: Read + Seek + Send> Twice for T {}

/// A source that can be read twice; what cannot is spooled.
fn twice(source: Source, watch: &Watch) -> Result<Box<dyn Twice>> {
    match source {
        Source::Path(path) => {
            let file = File::open(&path).map_err(|e| Failure::io(path.display().to_string(), &e))?;
            Ok(Box::new(file))
        }
        Source::Bytes(bytes) => Ok(Box::new(Cursor::new(bytes))),
        Source::Reader(mut reader) => {
            let mut spool = LocalStore::new(".").spool().map_err(|e| Failure::io("spool", &e))?;
            let copied = io::copy(&mut Guarded { source: &mut reader, watch }, &mut spool).and_then(|_| spool.rewind());
            reader.settle(copied.map_err(|e| Failure::io("file object", &e)))?;
            Ok(Box::new(spool))
        }
        Source::Arrow(_) => Err(Failure::invalid("encode", "a path, bytes or a file", "Arrow data")),
    }
}

fn report(encoded: &Encoded, source_bytes: u64) -> Value {
    match encoded {
        Encoded::Segment(written) => {
            let columns = 0..written.segment.schema().columns.len();
            json!({
                "form": "segment",
                "rows": written.rows,
                "source_bytes": source_bytes,
                "segment_bytes": written.bytes,
                "source_sha256": written.batches.first().map(|batch| Digest(batch.sha256).to_string()),
                "segment_sha256": Digest(written.sha256).to_string(),
                "rejects": columns.map(|column| written.segment.rejects(column)).sum::<u64>(),
            })
        }
        Encoded::Raw { bytes } => json!({"form": "raw", "source_bytes": source_bytes, "segment_bytes": bytes}),
    }
}
