//! What was written, until it has been read back.
//!
//! * A [`Draft`] is not a segment yet: nobody may refer to it before [`Draft::verify`] gave back the same bytes.

use std::sync::Arc;

use super::{
    directory::BatchInfo,
    layout::hex,
    read::{Segment, Trust},
    write::NewRowTree,
};
use crate::{Error, ReadAt, Result};

/// A finished file that has not been read back yet.
#[must_use = "a draft is a segment only once it was verified"]
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
    pub(super) footer_bytes: u64,
    pub(super) footer_sha256: [u8; 32],
    pub(super) batches: Vec<BatchInfo>,
    pub(super) row_tree: Option<NewRowTree>,
}

/// A segment that gave back every byte of its sources.
#[derive(Clone)]
pub struct Written {
    /// The size of the file.
    pub bytes: u64,
    /// The digest of the file.
    pub sha256: [u8; 32],
    /// The size of footer, seal and trailer.
    pub footer_bytes: u64,
    /// Their digest.
    pub footer_sha256: [u8; 32],
    /// The number of rows.
    pub rows: u64,
    /// The batches, in order.
    pub batches: Vec<BatchInfo>,
    /// The segment, open.
    pub segment: Segment,
}

impl Draft {
    /// Decodes the finished file from `reader` and compares every batch with what was appended.
    ///
    /// # Errors
    /// If a single byte differs, or reading fails. The file must then be thrown away.
    pub fn verify(self, reader: Arc<dyn ReadAt>) -> Result<Written> {
        let trust = Trust::Footer { bytes: self.footer_bytes, sha256: self.footer_sha256 };
        let segment = Segment::open(reader, trust)?;
        let found = segment.rederive(self.row_tree)?;
        for (batch, (written, found)) in self.batches.iter().zip(&found).enumerate() {
            if (written.bytes, written.sha256, written.rows_root) != (found.bytes, found.sha256, found.rows_root) {
                return Err(Error::corrupt(
                    format!("batch {batch}"),
                    format!("{} bytes with sha256 {}", written.bytes, hex(&written.sha256)),
                    format!("{} bytes with sha256 {} when decoded", found.bytes, hex(&found.sha256)),
                ));
            }
        }
        if found.len() != self.batches.len() {
            return Err(Error::corrupt("batches", self.batches.len().to_string(), found.len()));
        }
        Ok(Written {
            bytes: self.bytes,
            sha256: self.sha256,
            footer_bytes: self.footer_bytes,
            footer_sha256: self.footer_sha256,
            rows: segment.rows(),
            batches: self.batches,
            segment,
        })
    }
}
