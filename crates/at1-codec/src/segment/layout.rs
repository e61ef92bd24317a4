//! Where things lie in a segment, and the seal that binds them.
//!
//! * A segment is a Parquet file; what is ours lies where no Parquet reader looks.
//! * The seal stands behind the Thrift footer, inside the length that Parquet records for it: readers stop at the end
//!   of the Thrift structure, as they must for the signature of encrypted files with a plain footer.
//! * Whatever is parsed was hashed before: the seal binds the footer and the digest table, the table every other byte.
//!
//! ```text
//! PAR1
//! per row group: column chunks, Bloom filters of some, then its recovery streams
//! directory        batch table, place of every recovery stream
//! page indexes
//! digest table     count u32 LE, then per block: length u32 LE, SHA-256
//! Thrift footer    key "at1": JSON, see `Meta`
//! seal             SEAL_BYTES
//! length of footer and seal, u32 LE
//! PAR1
//! ```
//!
//! The seal:
//!
//! ```text
//! OFFSET  SIZE  FIELD
//!      0     8  indexes_at   u64 LE, where the page indexes start
//!      8     8  digests_at   u64 LE, where the digest table starts; it ends where the footer starts
//!     16    32  digests      SHA-256 of the digest table
//!     48    32  footer       SHA-256 of the Thrift footer and the 48 bytes of the seal before this field
//!     80     4  version      u32 LE, 4; readers also take 2 and 3
//!     84     4  magic        "AT1S"
//! ```

use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// What every Parquet file starts and ends with.
pub(crate) const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
/// The version of the segment format that this crate writes.
pub const SEGMENT_VERSION: u32 = 4;
/// The oldest version that it reads.
pub const SEGMENT_VERSION_MIN: u32 = 2;
/// The footer's key for what AT1 adds.
pub(crate) const META_KEY: &str = "at1";

const DIGESTS_AT: usize = size_of::<u64>();
const DIGESTS: usize = DIGESTS_AT + size_of::<u64>();
const FOOTER: usize = DIGESTS + 32;
const VERSION: usize = FOOTER + 32;
const MAGIC: usize = VERSION + size_of::<u32>();
/// The size of the seal.
pub const SEAL_BYTES: usize = MAGIC + SEAL_MAGIC.len();
const SEAL_MAGIC: &[u8; 4] = b"AT1S";
/// What follows the seal: the footer's length and `PAR1`.
pub(crate) const TRAILER_BYTES: usize = 8;

const _: () = assert!(DIGESTS == 16 && FOOTER == 48 && VERSION == 80 && SEAL_BYTES == 88);

/// A row group takes no more records once it holds this many source bytes.
pub const GROUP_BYTES_MAX: usize = 64 << 20;
/// A row group takes no more than this many records.
pub const GROUP_ROWS_MAX: usize = 1 << 20;
/// A row group takes no more records once they have about this many fields: where each lies takes eight bytes while it is encoded.
pub const GROUP_FIELDS_MAX: usize = 8 << 20;
/// A digest block holds whole pages of one column chunk, or several whole chunks that are shorter than this, and is at
/// least this long if it is not the last of its kind.
pub const BLOCK_BYTES_MIN: usize = 32 << 10;
/// The largest Bloom filter, its header left out.
pub const FILTER_BYTES_MAX: u64 = 128 << 10;
/// Of the bytes of a row group's column chunks, its Bloom filters together take at most one part in so many.
pub const FILTERS_SHARE: u64 = 200;
/// The largest footer that is read: 32,767 row groups of a few columns, or 5,000 columns of a few row groups.
pub const FOOTER_BYTES_MAX: usize = 256 << 20;

/// The places and digests that make a segment checkable from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) indexes_at: u64,
    pub(crate) digests_at: u64,
    pub(crate) digests: [u8; 32],
    /// The footer says the same, where it is hashed.
    pub(crate) version: u32,
}

impl Seal {
    /// The seal's bytes behind the footer `thrift`.
    pub(crate) fn write(&self, thrift: &[u8]) -> [u8; SEAL_BYTES] {
        let mut seal = [0; SEAL_BYTES];
        seal[..DIGESTS_AT].copy_from_slice(&self.indexes_at.to_le_bytes());
        seal[DIGESTS_AT..DIGESTS].copy_from_slice(&self.digests_at.to_le_bytes());
        seal[DIGESTS..FOOTER].copy_from_slice(&self.digests);
        let digest = footer_digest(thrift, &seal[..FOOTER]);
        seal[FOOTER..VERSION].copy_from_slice(&digest);
        seal[VERSION..MAGIC].copy_from_slice(&self.version.to_le_bytes());
        seal[MAGIC..].copy_from_slice(SEAL_MAGIC);
        seal
    }

    /// Checks the seal at the end of `footer` (Thrift and seal) and gives it with the Thrift bytes.
    pub(crate) fn read(footer: &[u8]) -> Result<(Self, &[u8])> {
        let (thrift, seal) = footer
            .len()
            .checked_sub(SEAL_BYTES)
            .map(|at| footer.split_at(at))
            .filter(|(_, seal)| seal.ends_with(SEAL_MAGIC))
            .ok_or_else(|| Error::unsupported("seal", "an AT1 segment", "a Parquet file that AT1 did not write"))?;
        let version = u32::from_le_bytes(array(&seal[VERSION..MAGIC]));
        if !(SEGMENT_VERSION_MIN..=SEGMENT_VERSION).contains(&version) {
            return Err(Error::unsupported(
                "seal",
                format!("segment version {SEGMENT_VERSION_MIN} to {SEGMENT_VERSION}"),
                format!("version {version}"),
            ));
        }
        let digest = footer_digest(thrift, &seal[..FOOTER]);
        if digest != seal[FOOTER..VERSION] {
            return Err(Error::corrupt("footer", hex(&seal[FOOTER..VERSION]), hex(&digest)));
        }
        let seal = Self {
            indexes_at: u64::from_le_bytes(array(&seal[..DIGESTS_AT])),
            digests_at: u64::from_le_bytes(array(&seal[DIGESTS_AT..DIGESTS])),
            digests: array(&seal[DIGESTS..FOOTER]),
            version,
        };
        Ok((seal, thrift))
    }
}

fn footer_digest(thrift: &[u8], bound: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(thrift).chain_update(bound).finalize().into()
}

/// `bytes` as an array; the callers cut them to length.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

/// Lower-case hexadecimal, as digests are printed.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_reads_back_and_every_flipped_bit_is_seen() {
        let seal = Seal { indexes_at: 7, digests_at: 9, digests: [3; 32], version: SEGMENT_VERSION };
        let mut footer = b"thrift".to_vec();
        let bytes = seal.write(&footer);
        footer.extend_from_slice(&bytes);
        let (read, thrift) = Seal::read(&footer).unwrap();
        assert_eq!((read, thrift), (seal, b"thrift".as_slice()));
        for bit in 0..footer.len() * 8 {
            let mut damaged = footer.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // The version is not hashed here; the footer, which is, must say the same.
            assert!(
                Seal::read(&damaged).is_ok_and(|(read, _)| read.version != SEGMENT_VERSION)
                    || Seal::read(&damaged).is_err(),
                "bit {bit}"
            );
        }
        for cut in 0..footer.len() {
            assert!(Seal::read(&footer[..cut]).is_err(), "cut at {cut}");
        }
    }
}
