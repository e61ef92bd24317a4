//! RAW segments: the source compressed as a whole, for stand-alone files whose columns would take more.
//!
//! * A RAW segment gives back the exact bytes and nothing else: no columns, no queries. Tables never hold one.
//! * The payload is hashed before it is decompressed, and what comes out is hashed again.
//!
//! ```text
//! OFFSET  SIZE  FIELD
//!      0     4  magic          "AT1R"
//!      4     4  version        u32 LE, always 1
//!      8     …  payload        one Zstandard frame
//! and from the end of the payload on:
//!      0     8  source_bytes   u64 LE
//!      8    32  source         SHA-256 of the source
//!     40    32  payload        SHA-256 of the payload
//!     72    32  trailer        SHA-256 of the first 8 bytes of the file and of the 72 bytes before this field
//!    104     4  magic          "AT1R"
//! ```

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::layout::{array, hex};
use crate::{Error, ReadAt, Result};

/// What a RAW segment starts and ends with.
pub(super) const RAW_MAGIC: [u8; 4] = *b"AT1R";
const RAW_VERSION: u32 = 1;
const HEAD_BYTES: usize = RAW_MAGIC.len() + size_of::<u32>();
const SOURCE: usize = size_of::<u64>();
const PAYLOAD: usize = SOURCE + 32;
const TRAILER: usize = PAYLOAD + 32;
const TRAILER_BYTES: usize = TRAILER + 32 + RAW_MAGIC.len();

const _: () = assert!(HEAD_BYTES == 8 && TRAILER == 72 && TRAILER_BYTES == 108);

fn head() -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&RAW_MAGIC);
    head[4..].copy_from_slice(&RAW_VERSION.to_le_bytes());
    head
}

/// Counts and hashes what passes.
pub(super) struct Tally<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> Tally<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }

    /// The number of bytes that passed, and their digest.
    pub(super) fn finish(self) -> (u64, [u8; 32]) {
        (self.bytes, self.hash.finalize().into())
    }
}

impl<W: Write> Write for Tally<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes `source` as a RAW segment at Zstandard level `level`; gives the sink back with the number of bytes written.
pub(super) fn write<W: Write>(source: &mut impl Read, mut sink: W, level: i32) -> Result<(W, u64)> {
    sink.write_all(&head())?;
    let mut source = Counted { from: source, hash: Sha256::new(), bytes: 0 };
    let mut encoder = zstd::Encoder::new(Tally::new(sink), level)?;
    encoder.long_distance_matching(level > 9)?;
    io::copy(&mut source, &mut encoder)?;
    let Tally { out: mut sink, hash, bytes } = encoder.finish()?;
    let mut trailer = [0; TRAILER_BYTES];
    trailer[..SOURCE].copy_from_slice(&source.bytes.to_le_bytes());
    trailer[SOURCE..PAYLOAD].copy_from_slice(&source.hash.finalize());
    trailer[PAYLOAD..TRAILER].copy_from_slice(&hash.finalize());
    let digest = Sha256::new_with_prefix(head()).chain_update(&trailer[..TRAILER]).finalize();
    trailer[TRAILER..TRAILER + 32].copy_from_slice(&digest);
    trailer[TRAILER + 32..].copy_from_slice(&RAW_MAGIC);
    sink.write_all(&trailer)?;
    sink.flush()?;
    Ok((sink, (HEAD_BYTES + TRAILER_BYTES) as u64 + bytes))
}

struct Counted<'a, R> {
    from: &'a mut R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Reads a stretch of a [`ReadAt`].
struct Stretch<'a> {
    reader: &'a dyn ReadAt,
    at: u64,
    end: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let take = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        self.reader.read_exact_at(&mut buffer[..take], self.at)?;
        self.at += take as u64;
        Ok(take)
    }
}

/// Whether `reader` starts as a RAW segment does.
pub(super) fn is_raw(reader: &dyn ReadAt) -> Result<bool> {
    let mut magic = [0; 4];
    if reader.size()? < magic.len() as u64 {
        return Ok(false);
    }
    reader.read_exact_at(&mut magic, 0)?;
    Ok(magic == RAW_MAGIC)
}

/// Writes the source of a RAW segment to `out`.
pub(super) fn read(reader: &dyn ReadAt, out: &mut dyn Write) -> Result<()> {
    let size = reader.size()?;
    let end = size.checked_sub(TRAILER_BYTES as u64).filter(|&end| end >= HEAD_BYTES as u64);
    let end = end
        .ok_or_else(|| Error::corrupt("RAW segment", format!("at least {} bytes", HEAD_BYTES + TRAILER_BYTES), size))?;
    let mut found_head = [0; HEAD_BYTES];
    reader.read_exact_at(&mut found_head, 0)?;
    let mut trailer = [0; TRAILER_BYTES];
    reader.read_exact_at(&mut trailer, end)?;
    let digest: [u8; 32] = Sha256::new_with_prefix(found_head).chain_update(&trailer[..TRAILER]).finalize().into();
    if digest != trailer[TRAILER..TRAILER + 32] || !trailer.ends_with(&RAW_MAGIC) {
        return Err(Error::corrupt("RAW segment", "a trailer that hashes to what it says", "another"));
    }
    if found_head != head() {
        let version = u32::from_le_bytes(array(&found_head[4..]));
        return Err(Error::unsupported("RAW segment", format!("version {RAW_VERSION}"), version));
    }
    let payload = || Stretch { reader, at: HEAD_BYTES as u64, end };
    let mut tally = Tally::new(io::sink());
    io::copy(&mut payload(), &mut tally)?;
    check("payload", &tally.hash.finalize(), &trailer[PAYLOAD..TRAILER])?;

    let source_bytes = u64::from_le_bytes(array(&trailer[..SOURCE]));
    let mut tally = Tally::new(out);
    let mut decoder = zstd::Decoder::new(payload())?;
    decoder.window_log_max(27)?;
    io::copy(&mut decoder.take(source_bytes.saturating_add(1)), &mut tally)?;
    if tally.bytes != source_bytes {
        return Err(Error::corrupt("RAW segment", format!("{source_bytes} source bytes"), tally.bytes));
    }
    check("source", &tally.hash.finalize(), &trailer[SOURCE..PAYLOAD])
}

fn check(what: &str, found: &[u8], expected: &[u8]) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::corrupt(
            format!("RAW segment: {what}"),
            format!("sha256 {}", hex(expected)),
            format!("sha256 {}", hex(found)),
        ))
    }
}
