//! Checking proofs about RFC 6962 trees: inclusion, consistency, and ranges with nothing between them missing.
//!
//! * A verifier uses every hash of a proof exactly once, checks position and size, and never panics or works longer
//!   than the proof and the given leaves are long, whatever sizes they claim.
//! * Consistency from size 0 is refused: every tree extends the empty one, so such a proof would prove nothing.

use std::ops::Range;

use crate::{
    digest::Digest,
    error::{Error, ErrorKind, Result},
    tree::{node_hash, split},
};

/// Checks that `leaf` is leaf `index` of the tree of `size` leaves with this root (RFC 9162, 2.1.3.2).
///
/// # Errors
///
/// [`ErrorKind::Unproven`] if the proof does not show that.
pub fn verify_inclusion(index: u64, size: u64, leaf: Digest, proof: &[Digest], root: Digest) -> Result<()> {
    if index >= size {
        return Err(unproven(format!("expected a leaf below {size}, found {index}")));
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(unproven("expected the end of the proof, found another hash"));
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(*sibling, hash);
            // The last node of a level without a sibling moves up unchanged.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, *sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(unproven("expected another hash, found the end of the proof"));
    }
    expect_root(root, hash)
}

/// Checks that the tree of `to` leaves with root `to_root` begins with the tree of `from` leaves with root
/// `from_root` (RFC 9162, 2.1.4.2).
///
/// # Errors
///
/// [`ErrorKind::Unproven`] if the proof does not show that.
pub fn verify_consistency(from: u64, to: u64, proof: &[Digest], from_root: Digest, to_root: Digest) -> Result<()> {
    if from == 0 || from > to {
        return Err(unproven(format!("expected an older size from 1 to {to}, found {from}")));
    }
    if from == to {
        return match proof {
            [] => expect_root(from_root, to_root),
            _ => Err(unproven("expected no hash between trees of one size, found some")),
        };
    }
    // A perfect old tree is itself the first node.
    let (first, rest) = match (from.is_power_of_two(), proof) {
        (_, []) => return Err(unproven("expected a hash, found the end of the proof")),
        (true, rest) => (from_root, rest),
        (false, [first, rest @ ..]) => (*first, rest),
    };
    let (mut node, mut last) = (from - 1, to - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(unproven("expected the end of the proof, found another hash"));
        }
        if node & 1 == 1 || node == last {
            old = node_hash(*sibling, old);
            new = node_hash(*sibling, new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(new, *sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(unproven("expected another hash, found the end of the proof"));
    }
    expect_root(from_root, old)?;
    expect_root(to_root, new)
}

/// Checks that `leaves` are the leaves from `first` on of the tree of `size` leaves with this root, and that none
/// between them is missing.
///
/// With `first` 0 and as many leaves as `size`, the batch is whole.
///
/// # Errors
///
/// [`ErrorKind::Unproven`] if the proof does not show that.
pub fn verify_range(first: u64, size: u64, leaves: &[Digest], proof: &[Digest], root: Digest) -> Result<()> {
    struct Walk<'a> {
        range: Range<u64>,
        leaves: std::slice::Iter<'a, Digest>,
        proof: std::slice::Iter<'a, Digest>,
    }
    impl Walk<'_> {
        // At most 64 levels deep; outside the range it takes one hash and turns back.
        fn hash(&mut self, first: u64, size: u64) -> Option<Digest> {
            if first + size <= self.range.start || first >= self.range.end {
                return self.proof.next().copied();
            }
            if size == 1 {
                return self.leaves.next().copied();
            }
            let left_size = split(size);
            let left = self.hash(first, left_size)?;
            Some(node_hash(left, self.hash(first + left_size, size - left_size)?))
        }
    }
    let range = first.checked_add(leaves.len() as u64).map(|end| first..end);
    let Some(range) = range.filter(|range| !range.is_empty() && range.end <= size) else {
        return Err(unproven(format!("expected rows below {size}, found {} from {first}", leaves.len())));
    };
    let mut walk = Walk { range, leaves: leaves.iter(), proof: proof.iter() };
    let Some(hash) = walk.hash(0, size) else {
        return Err(unproven("expected another hash, found the end of the proof"));
    };
    if walk.leaves.len() + walk.proof.len() > 0 {
        return Err(unproven("expected the end of the proof, found another hash"));
    }
    expect_root(root, hash)
}

fn unproven(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unproven, message).at("proof")
}

fn expect_root(expected: Digest, found: Digest) -> Result<()> {
    if expected == found { Ok(()) } else { Err(unproven(format!("expected root {expected}, found {found}"))) }
}
