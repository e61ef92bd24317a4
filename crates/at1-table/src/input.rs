//! Where a batch's bytes come from: a file, a buffer, a pipe; packed or plain.
//!
//! * What comes out can be read twice and has no limit but the disk: pipes and packed inputs go through a nameless spool.
//! * gzip, zstd and xz are known by their first bytes, not by a name, and are expanded: the expanded bytes are the source.
//! * A packed input that does not expand to its end is refused, never appended in part.
//! * Arrow data is written as text first (`docs/spec/arrow.md`); what it is comes along, since the text alone would be guessed at.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek, Write},
    path::Path,
    sync::Arc,
};

use arrow::array::RecordBatchReader;
use at1_codec::{ArrowColumn, ArrowText};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, ErrorKind, Result},
    store::Store,
};

/// A batch to come: its bytes, and the name it is remembered by.
pub struct Source<'a> {
    from: From<'a>,
    name: Option<String>,
}

enum From<'a> {
    Path(&'a Path),
    Bytes(&'a [u8]),
    Reader(&'a mut (dyn Read + Send)),
    Arrow(Box<dyn RecordBatchReader + Send + 'a>),
}

impl<'a> Source<'a> {
    /// The bytes of a file, under its file name. Anything that cannot be read twice (a pipe, a device) is spooled.
    pub fn path(path: &'a (impl AsRef<Path> + ?Sized)) -> Self {
        let path = path.as_ref();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { from: From::Path(path), name }
    }

    /// These bytes, without a name.
    pub fn bytes(bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { from: From::Bytes(bytes.as_ref()), name: None }
    }

    /// Whatever comes out of `reader` until it ends, without a name.
    pub fn reader(reader: &'a mut (impl Read + Send)) -> Self {
        Self { from: From::Reader(reader), name: None }
    }

    /// The text of record batches, as [`at1_codec::ArrowText`] writes it, without a name.
    pub fn arrow(batches: impl RecordBatchReader + Send + 'a) -> Self {
        Self { from: From::Arrow(Box::new(batches)), name: None }
    }

    /// The same bytes under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What the batch is called.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn place(&self) -> String {
        match self.from {
            From::Path(path) => path.display().to_string(),
            _ => self.name.clone().unwrap_or_else(|| "input".to_owned()),
        }
    }
}

impl<'a> std::convert::From<&'a Path> for Source<'a> {
    fn from(path: &'a Path) -> Self {
        Self::path(path)
    }
}

impl<'a> std::convert::From<&'a str> for Source<'a> {
    fn from(path: &'a str) -> Self {
        Self::path(path)
    }
}

impl<'a> std::convert::From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::bytes(bytes)
    }
}

/// How an input was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// RFC 1952, one or several members.
    Gzip,
    /// RFC 8878, one or several frames.
    Zstd,
    /// The xz format, one or several streams.
    Xz,
}

impl Packing {
    /// What the first bytes say.
    pub fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1F, 0x8B, 8, ..] => Some(Self::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Self::Zstd),
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// The ending of packed files' names.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
            Self::Xz => ".xz",
        }
    }
}

/// The most bytes that [`Packing::of`] looks at.
const MAGIC_BYTES: usize = 6;
const BUFFER_BYTES: usize = 1 << 18;

/// Bytes that can be read twice.
pub(crate) trait Stream: Read + Seek + Send {}
impl<T: Read + Seek + Send> Stream for T {}

/// A source, opened.
pub(crate) struct Opened<'a> {
    pub(crate) stream: Box<dyn Stream + 'a>,
    pub(crate) name: Option<String>,
    /// Packing and digest of the packed bytes.
    pub(crate) packed: Option<(Packing, [u8; 32])>,
    /// What the text was written from, if it was.
    pub(crate) written: Option<Written>,
    /// For messages.
    pub(crate) place: String,
}

/// What Arrow data was.
pub(crate) struct Written {
    pub(crate) columns: Vec<ArrowColumn>,
    pub(crate) rows: u64,
}

/// Opens a source; packed ones are expanded. Spools lie in `spools`, and `store` may end the reading.
pub(crate) fn open<'a>(source: Source<'a>, spools: &dyn Store, store: &Arc<dyn Store>) -> Result<Opened<'a>> {
    let place = source.place();
    let refused = |e: io::Error| Error::io(place.clone(), e).with_kind(ErrorKind::Io);
    let name = source.name;
    let mut written = None;
    let (stream, packed): (Box<dyn Stream + 'a>, _) = match source.from {
        From::Bytes(bytes) => match Packing::of(bytes) {
            None => (Box::new(Cursor::new(bytes)), None),
            Some(packing) => expand(packing, Cursor::new(bytes), spools, &place)?,
        },
        From::Reader(reader) => spool(Checked::new(reader, store), spools, &place)?,
        From::Arrow(batches) => {
            let mut text = ArrowText::new(batches).map_err(|e| Error::from(e).within(&place))?;
            let spool = write(&mut text, spools, &**store, &place)?;
            written = Some(Written { columns: text.columns().to_vec(), rows: text.rows() });
            (spool, None)
        }
        From::Path(path) => {
            let mut file = File::open(path).map_err(refused)?;
            let kind = file.metadata().map_err(refused)?.file_type();
            if kind.is_dir() {
                return Err(Error::invalid(place, "a file", "a folder"));
            } else if !kind.is_file() {
                spool(Checked::new(file, store), spools, &place)?
            } else {
                let mut start = Vec::with_capacity(MAGIC_BYTES);
                (&mut file).take(MAGIC_BYTES as u64).read_to_end(&mut start).map_err(refused)?;
                file.rewind().map_err(refused)?;
                let file = Checked::new(file, store);
                match Packing::of(&start) {
                    None => (Box::new(file), None),
                    Some(packing) => expand(packing, file, spools, &place)?,
                }
            }
        }
    };
    Ok(Opened { stream, name, packed, written, place })
}

type Spooled<'a> = (Box<dyn Stream + 'a>, Option<(Packing, [u8; 32])>);

/// A reader that cannot be read twice: spooled, expanded on the way if it is packed.
fn spool<'a>(mut reader: impl Read + Send, store: &dyn Store, place: &str) -> Result<Spooled<'a>> {
    let refused = |e: io::Error| Error::io(place, e).with_kind(ErrorKind::Io);
    let mut start = Vec::with_capacity(MAGIC_BYTES);
    reader.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut start).map_err(refused)?;
    let packing = Packing::of(&start);
    let mut whole = Cursor::new(start).chain(reader);
    match packing {
        Some(packing) => expand(packing, whole, store, place),
        None => {
            let mut spool = store.spool().map_err(|e| Error::io(store.place(), e))?;
            io::copy(&mut whole, &mut spool).map_err(refused)?;
            spool.rewind().map_err(refused)?;
            Ok((Box::new(spool), None))
        }
    }
}

/// Writes the text of Arrow data into a spool.
fn write<'a, R: RecordBatchReader>(
    text: &mut ArrowText<R>,
    spools: &dyn Store,
    store: &dyn Store,
    place: &str,
) -> Result<Box<dyn Stream + 'a>> {
    let refused = |e| Error::io(spools.place(), e);
    let mut spool = spools.spool().map_err(refused)?;
    while let Some(part) = text.next_part().map_err(|e| Error::from(e).within(place))? {
        store.check().map_err(refused)?;
        spool.write_all(part).map_err(refused)?;
    }
    spool.rewind().map_err(refused)?;
    Ok(Box::new(spool))
}

/// Expands into a spool; digests the packed bytes, all of them, on the way.
fn expand<'a>(packing: Packing, reader: impl Read + Send, store: &dyn Store, place: &str) -> Result<Spooled<'a>> {
    let mut packed = BufReader::with_capacity(BUFFER_BYTES, Hashing { reader, digest: Sha256::new() });
    let mut spool = store.spool().map_err(|e| Error::io(store.place(), e))?;
    unpack(packing, &mut packed, &mut spool).map_err(|e| {
        Error::new(ErrorKind::Refused, place, format!("bytes that expand as {}", &packing.suffix()[1..]), e)
    })?;
    let digest = packed.into_inner().digest.finalize().into();
    spool.rewind().map_err(|e| Error::io(place, e))?;
    Ok((Box::new(spool), Some((packing, digest))))
}

fn unpack(packing: Packing, packed: &mut impl BufRead, out: &mut dyn io::Write) -> io::Result<()> {
    match packing {
        Packing::Gzip => io::copy(&mut flate2::bufread::MultiGzDecoder::new(packed), out),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(packed)?;
            decoder.window_log_max(31)?;
            io::copy(&mut decoder, out)
        }
        Packing::Xz => io::copy(&mut liblzma::bufread::XzDecoder::new_multi_decoder(packed), out),
    }
    .map(drop)
}

/// Reads as long as the store lets the work go on.
struct Checked<T> {
    store: Arc<dyn Store>,
    inner: T,
}

impl<T> Checked<T> {
    fn new(inner: T, store: &Arc<dyn Store>) -> Self {
        Self { store: Arc::clone(store), inner }
    }
}

impl<T: Read> Read for Checked<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.store.check()?;
        self.inner.read(buffer)
    }
}

impl<T: Seek> Seek for Checked<T> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

struct Hashing<R> {
    reader: R,
    digest: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

/// The digest of everything that `stream` gives from its start.
pub(crate) fn digest(stream: &mut (impl Read + Seek + ?Sized)) -> io::Result<(u64, [u8; 32])> {
    stream.rewind()?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            stream.rewind()?;
            return Ok((bytes, digest.finalize().into()));
        }
        bytes += read as u64;
        digest.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LocalStore;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut packer = liblzma::write::XzEncoder::new(vec![], 1);
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[track_caller]
    fn check(input: &[u8], expected: &[u8], packing: Option<Packing>) {
        let store: Arc<dyn Store> = Arc::new(LocalStore::new("/nowhere"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        std::fs::write(&path, input).unwrap();
        let mut reader = input;
        for source in [Source::bytes(input), Source::path(&path), Source::reader(&mut reader)] {
            let mut opened = open(source, &*store, &store).unwrap();
            for pass in 0..2 {
                let mut back = vec![];
                opened.stream.rewind().unwrap();
                opened.stream.read_to_end(&mut back).unwrap();
                assert_eq!(back, expected, "pass {pass}");
            }
            let packed = packing.map(|packing| (packing, Sha256::digest(input).into()));
            assert_eq!(opened.packed, packed);
        }
    }

    #[test]
    fn plain_and_packed() {
        let text = b"a,b\n1,2\n".repeat(1000);
        check(b"", b"", None);
        check(&text, &text, None);
        check(&gzip(&text), &text, Some(Packing::Gzip));
        check(&xz(&text), &text, Some(Packing::Xz));
        check(&zstd::encode_all(&*text, 1).unwrap(), &text, Some(Packing::Zstd));
        check(&[gzip(b"a\n"), gzip(b"b\n")].concat(), b"a\nb\n", Some(Packing::Gzip));
        check(&[xz(b"a\n"), xz(b"b\n")].concat(), b"a\nb\n", Some(Packing::Xz));
        let frames = [zstd::encode_all(&b"a\n"[..], 1).unwrap(), zstd::encode_all(&b"b\n"[..], 1).unwrap()].concat();
        check(&frames, b"a\nb\n", Some(Packing::Zstd));
    }

    #[test]
    fn cut_packed_inputs_are_refused() {
        let text = b"a,b\n1,2\n".repeat(1000);
        for packed in [gzip(&text), xz(&text), zstd::encode_all(&*text, 1).unwrap()] {
            for cut in [packed.len() - 1, packed.len() / 2, 8] {
                let store: Arc<dyn Store> = Arc::new(LocalStore::new("/nowhere"));
                let error = open(Source::bytes(&packed[..cut]), &*store, &store).err().unwrap();
                assert_eq!(error.kind(), ErrorKind::Refused, "cut at {cut}");
            }
        }
    }
}
