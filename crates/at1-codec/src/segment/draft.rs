//! What was written, until it has been read back.
//!
//! * A [`Draft`] is not a segment yet: nobody may refer to it before [`Draft::verify`] gave back the same bytes.
//! * The tree over a batch's records is not built a second time. It is a function of the batch's bytes and of where they are cut
//!   into records, and both are compared by SHA-256: an equal digest of the bytes and an equal digest of the cuts ([`Cuts`]) leave
//!   no other root. Only a batch that was carried over, whose tree was not built here, has it built when it is verified.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

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
    /// Where each batch was cut into records, if its tree was built from them.
    pub(super) cuts: Vec<Option<[u8; 32]>>,
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
        let is_carried = |batch: usize| self.cuts.get(batch).is_none_or(Option::is_none);
        let found = segment.make_again(self.row_tree, &is_carried)?;
        for (batch, ((found, cuts), written)) in found.iter().zip(&self.batches).enumerate() {
            let same_records = match self.cuts.get(batch).copied().flatten() {
                Some(written) => written == *cuts,
                None => written.rows_root == found.rows_root,
            };
            if (written.bytes, written.sha256) != (found.bytes, found.sha256) || !same_records {
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

/// A digest of where a batch's bytes are cut: the length of its preamble, then that of each record, as u64 LE. What follows the last
/// record is the tail.
#[derive(Clone, Debug)]
pub(super) struct Cuts {
    hash: Sha256,
    lengths: Vec<u8>,
}

impl Cuts {
    /// No records yet behind `preamble`.
    pub(super) fn behind(preamble: &[u8]) -> Self {
        Self { hash: Sha256::new_with_prefix((preamble.len() as u64).to_le_bytes()), lengths: Vec::new() }
    }

    /// Records of such lengths come next.
    pub(super) fn push(&mut self, lengths: impl Iterator<Item = usize>) {
        self.lengths.clear();
        self.lengths.extend(lengths.flat_map(|length| (length as u64).to_le_bytes()));
        self.hash.update(&self.lengths);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{BatchPlan, ColumnType, ReadOptions, RowTree, SegmentWriter, WriteOptions, analyse};

    /// A tree that is no more than the lengths of its records.
    #[derive(Default)]
    struct Lengths(Vec<u8>);

    impl RowTree for Lengths {
        fn push(&mut self, record: &[u8]) {
            self.0.push(u8::try_from(record.len()).unwrap());
        }

        fn root(&mut self) -> [u8; 32] {
            let mut root = [0; 32];
            root[..self.0.len()].copy_from_slice(&self.0);
            self.0.clear();
            root
        }
    }

    fn draft() -> (Arc<Vec<u8>>, Draft) {
        let source = b"id,name\n1,a\n2,bc\n3,def\n";
        let analysis = analyse(&mut Cursor::new(source), &ReadOptions::default()).unwrap();
        let schema = crate::Schema::named([(Some("id"), ColumnType::Int64), (Some("name"), ColumnType::Text)]);
        let options = WriteOptions { row_tree: Some(|| Box::new(Lengths::default())), ..WriteOptions::default() };
        let mut writer = SegmentWriter::new(Vec::new(), &schema, options).unwrap();
        for _ in 0..2 {
            let plan = BatchPlan { analysis: analysis.clone(), map: vec![0, 1], name: None };
            writer.append(&mut Cursor::new(source), plan).unwrap();
        }
        let (bytes, draft) = writer.finish().unwrap();
        (Arc::new(bytes), draft)
    }

    fn cuts(preamble: &[u8], lengths: &[usize]) -> Option<[u8; 32]> {
        let mut cuts = Cuts::behind(preamble);
        cuts.push(lengths.iter().copied());
        Some(cuts.finish())
    }

    #[test]
    fn the_same_bytes_cut_elsewhere_are_refused() {
        let (bytes, draft) = draft();
        assert_eq!(draft.cuts, [cuts(b"id,name\n", &[4, 5, 6]); 2]);
        draft.clone().verify(bytes.clone()).unwrap();
        for other in [cuts(b"id,name\n", &[5, 4, 6]), cuts(b"id,name", &[4, 5, 6]), cuts(b"id,name\n", &[4, 5])] {
            let mut draft = draft.clone();
            draft.cuts[1] = other;
            let error = draft.verify(bytes.clone()).unwrap_err();
            assert!(error.to_string().starts_with("batch 1: corrupt"), "{error}");
        }
    }

    #[test]
    fn a_batch_that_was_carried_over_has_its_tree_built_again() {
        let (bytes, mut draft) = draft();
        draft.cuts[1] = None;
        draft.clone().verify(bytes.clone()).unwrap();
        draft.batches[1].rows_root = Some([1; 32]);
        let error = draft.clone().verify(bytes.clone()).unwrap_err();
        assert!(error.to_string().starts_with("batch 1: corrupt"), "{error}");
        draft.cuts.clear();
        assert!(draft.verify(bytes).is_err(), "what is not known to be the same is looked at");
    }
}
