//! The ledger's tree over a batch's records, in the shape that the codec feeds.
//!
//! * The codec knows records and no trees, the ledger knows trees and no records: here they meet.

use at1_codec::segment::RowTree;
use at1_ledger::Frontier;

/// The RFC 6962 tree over the exact bytes of a batch's records.
#[derive(Default)]
struct Records(Frontier);

impl RowTree for Records {
    fn push(&mut self, record: &[u8]) {
        self.0.push(record);
    }

    fn root(&mut self) -> [u8; 32] {
        std::mem::take(&mut self.0).root().0
    }
}

/// A new tree; what [`at1_codec::segment::WriteOptions::row_tree`] takes.
pub(crate) fn new() -> Box<dyn RowTree> {
    Box::new(Records::default())
}

/// What a table with this header gives the codec.
pub(crate) fn of(rows: at1_ledger::RowTree) -> Option<at1_codec::segment::NewRowTree> {
    (rows == at1_ledger::RowTree::SourceBytes).then_some(new)
}

#[cfg(test)]
mod tests {
    use at1_ledger::{Digest, leaf_hash, root};

    #[test]
    fn a_root_starts_the_next_tree() {
        let mut tree = super::new();
        tree.push(b"1\n");
        tree.push(b"2\n");
        assert_eq!(Digest(tree.root()), root(&[leaf_hash(b"1\n"), leaf_hash(b"2\n")]));
        assert_eq!(Digest(tree.root()), root(&[]));
    }
}
