//! RFC 6962 trees: hashes, roots, and an accumulator that needs only the right edge.
//!
//! * A leaf is `SHA-256(00 || data)`, a node `SHA-256(01 || left || right)`, the empty root `SHA-256("")`.
//! * A tree of n > 1 leaves splits at the largest power of two below n; no leaf is promoted or duplicated.
//! * The same tree serves events (leaf data: the bytes that a link hashes) and rows (leaf data: a record's bytes).

use sha2::{Digest as _, Sha256, block_api::compress256};

use crate::digest::Digest;

/// The state that SHA-256 starts from (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// The hash of a leaf: `SHA-256(00 || data)`.
///
/// ```
/// let hash = at1_ledger::leaf_hash(b"");
/// assert_eq!(hash.to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
/// ```
pub fn leaf_hash(data: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update([0]).chain_update(data).finalize().into())
}

/// The hash of an inner node: `SHA-256(01 || left || right)`.
///
/// A node is always 65 bytes, so its two blocks are laid out here rather than in a hasher's buffer: measurably less
/// time per row. Leaves gained nothing from that.
pub fn node_hash(left: Digest, right: Digest) -> Digest {
    const BLOCK_BYTES: usize = 64;
    const NODE_BYTES: usize = 1 + 32 + 32;
    const LENGTH_AT: usize = 2 * BLOCK_BYTES - size_of::<u64>();
    let mut blocks = [[0; BLOCK_BYTES]; 2];
    let message = blocks.as_flattened_mut();
    message[0] = 1;
    message[1..33].copy_from_slice(&left.0);
    message[33..NODE_BYTES].copy_from_slice(&right.0);
    // The padding of SHA-256: a one bit, zeros, the length in bits.
    message[NODE_BYTES] = 0x80;
    message[LENGTH_AT..].copy_from_slice(&(8 * NODE_BYTES as u64).to_be_bytes());
    let mut state = INITIAL;
    compress256(&mut state, &blocks);
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    Digest(digest)
}

/// The root of a tree without leaves.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// The root of the tree over these leaf hashes.
pub fn root(leaves: &[Digest]) -> Digest {
    leaves
        .iter()
        .fold(Frontier::new(), |mut tree, leaf| {
            tree.push_hash(*leaf);
            tree
        })
        .root()
}

/// The largest power of two below `size`, where a tree of `size` > 1 leaves splits.
pub(crate) fn split(size: u64) -> u64 {
    debug_assert!(size > 1, "a leaf does not split");
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// A tree that grows at its right edge: the roots of its perfect subtrees, at most 64 hashes however many leaves.
///
/// ```
/// use at1_ledger::{Frontier, leaf_hash, node_hash};
///
/// let mut rows = Frontier::new();
/// rows.push(b"1,ada\n");
/// rows.push(b"2,bob\n");
/// assert_eq!(rows.root(), node_hash(leaf_hash(b"1,ada\n"), leaf_hash(b"2,bob\n")));
/// assert_eq!(rows.size(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One root per set bit of `size`, largest subtree first.
    roots: Vec<Digest>,
}

impl Frontier {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves that has these perfect subtrees, largest first; `None` if a tree of that size has another
    /// number of them.
    pub(crate) fn resume(size: u64, roots: Vec<Digest>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// The roots of its perfect subtrees, largest first.
    pub(crate) fn subtrees(&self) -> &[Digest] {
        &self.roots
    }

    /// Adds a leaf with this data.
    pub fn push(&mut self, data: &[u8]) {
        self.push_hash(leaf_hash(data));
    }

    /// Adds a leaf whose hash is known.
    pub fn push_hash(&mut self, leaf: Digest) {
        let mut hash = leaf;
        // Each trailing one bit of the size is a subtree as large as the one just completed.
        for _ in 0..self.size.trailing_ones() {
            match self.roots.pop() {
                Some(left) => hash = node_hash(left, hash),
                None => unreachable!("one root per set bit of the size"),
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Digest {
        let mut roots = self.roots.iter().rev();
        match roots.next() {
            None => empty_root(),
            Some(last) => roots.fold(*last, |right, left| node_hash(*left, right)),
        }
    }
}
