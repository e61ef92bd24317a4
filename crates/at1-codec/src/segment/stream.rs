//! Recovery streams as they lie in a segment: compressed where that pays.
//!
//! * A stream is a byte that says how it is packed, its unpacked size, and the packed bytes.
//! * Unpacking grows with what comes out, never by what the size claims.
//! * The small streams of a row group are packed as one: what a column says of its form is much like what its neighbour
//!   says, and a frame for each costs more than it holds.

use std::io::Read;

use crate::{
    Error, Result,
    column::bytes::{Put, Take},
};

const STORED: u8 = 0;
const ZSTD: u8 = 1;

/// The largest stream: the patches of a row group, which hold less than its source bytes twice.
const STREAM_BYTES_MAX: usize = 1 << 30;

/// A stream of at most this many bytes shares its packing with others of its row group.
const SHARED_BYTES_MAX: usize = 4 << 10;
/// What Zstandard makes of a byte at most: 128 KiB of a block of four.
const GROWTH_MAX: usize = 32 << 10;

/// A stream of a row group, as it is written.
pub(super) enum Stream {
    /// Small: unpacked, to be packed with others.
    Shared(Vec<u8>),
    /// Packed alone.
    Own(Vec<u8>),
}

impl Stream {
    /// A stream of `bytes`, packed at `level` if it is large.
    pub(super) fn new(bytes: Vec<u8>, level: i32) -> Result<Self> {
        if bytes.len() <= SHARED_BYTES_MAX { Ok(Self::Shared(bytes)) } else { pack(&bytes, level).map(Self::Own) }
    }

    /// Its bytes, if they are to be packed with others.
    pub(super) fn shared(&self) -> Option<&Vec<u8>> {
        match self {
            Self::Shared(bytes) => Some(bytes),
            Self::Own(_) => None,
        }
    }
}

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
            zstd::Decoder::with_buffer(body)?.take(size as u64 + 1).read_to_end(&mut bytes)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_the_bytes_cannot_have_is_refused() {
        let good = pack(&[b'x'; 1000], 1).unwrap();
        assert_eq!(good[..3], [ZSTD, 0xe8, 7]);
        for size in [[0xe7, 7], [0xe9, 7], [0xff, 0x7f]] {
            let error = unpack(&[&good[..1], &size, &good[3..]].concat()).unwrap_err();
            assert!(error.to_string().contains("bytes, found 100"), "{error}");
        }
        let error = unpack(&[&[ZSTD, 0x80, 0x80, 0x80, 0x80, 4], &good[3..]].concat()).unwrap_err();
        assert!(error.to_string().contains("expected at most"), "{error}");
    }
}
