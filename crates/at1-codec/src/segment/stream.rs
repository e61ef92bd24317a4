//! Recovery streams as they lie in a segment: compressed where that pays.
//!
//! * A stream is a byte that says how it is packed, its unpacked size, and the packed bytes.
//! * Unpacking grows with what comes out, never by what the size claims.

use std::io::Read;

use crate::{
    Error, Result,
    column::bytes::{Put, Take},
};

const STORED: u8 = 0;
const ZSTD: u8 = 1;

/// The largest stream: the patches of a row group, which hold less than its source bytes twice.
const STREAM_BYTES_MAX: usize = 1 << 30;

const WINDOW_LOG_MAX: u32 = STREAM_BYTES_MAX.ilog2();

/// What Zstandard makes of a byte at most: 128 KiB of a block of four.
const GROWTH_MAX: usize = 32 << 10;

/// Packs `bytes` with Zstandard at `level`, or stores them where that is smaller.
pub(super) fn pack(bytes: &[u8], level: i32) -> Result<Vec<u8>> {
    let mut out = Put::new();
    let packed = zstd::bulk::compress(bytes, level)?;
    let (how, body) = if packed.len() < bytes.len() { (ZSTD, packed.as_slice()) } else { (STORED, bytes) };
    out.byte(how);
    out.count(bytes.len());
    out.fixed(body);
    Ok(out.into_bytes())
}

/// Unpacks what [`pack`] made.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let broken = |expected: String, found: String| Error::corrupt("recovery stream", expected, found);
    let mut from = Take::new(packed);
    let how = from.byte()?;
    let size = from.count()?;
    let body = from.rest();
    let bytes = match how {
        STORED => body.to_vec(),
        ZSTD if size <= STREAM_BYTES_MAX && size / GROWTH_MAX <= body.len() => {
            let mut bytes = Vec::new();
            let mut decoder = zstd::Decoder::with_buffer(body)?;
            // What is compressed in one go has a window as large as itself.
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            decoder.take(size as u64 + 1).read_to_end(&mut bytes)?;
            bytes
        }
        ZSTD => {
            let most = body.len().saturating_mul(GROWTH_MAX).min(STREAM_BYTES_MAX);
            return Err(broken(format!("at most {most} bytes"), size.to_string()));
        }
        how => return Err(broken("packing 0 or 1".into(), how.to_string())),
    };
    if bytes.len() == size { Ok(bytes) } else { Err(broken(format!("{size} bytes"), bytes.len().to_string())) }
}
