//! Proofs about RFC 6962 trees: inclusion, consistency, and ranges with nothing between them missing.
//!
//! * Provers take all leaf hashes of the tree; verifiers take only the proof. Both are pure functions.
//! * A verifier uses every hash of a proof exactly once, checks position and size, and never panics or works longer
//!   than the proof and the given leaves are long, whatever sizes they claim.
//! * Consistency from size 0 is an error: every tree extends the empty one, so such a proof would prove nothing.

use std::ops::Range;

use crate::{
    digest::Digest,
    error::{Error, ErrorKind, Result},
    tree::{Frontier, node_hash, root, split},
};

/// The hashes beside the path from leaf `index` to the root, bottom up (RFC 9162, 2.1.3.1).
///
/// # Errors
///
/// [`ErrorKind::Invalid`] if there is no such leaf.
///
/// ```
/// use at1_ledger::{leaf_hash, prove_inclusion, root, verify_inclusion};
///
/// let leaves: Vec<_> = [b"a", b"b", b"c"].map(|row| leaf_hash(row)).into();
/// let proof = prove_inclusion(2, &leaves)?;
/// verify_inclusion(2, 3, leaves[2], &proof, root(&leaves))?;
/// assert!(verify_inclusion(1, 3, leaves[2], &proof, root(&leaves)).is_err());
/// # Ok::<(), at1_ledger::Error>(())
/// ```
pub fn prove_inclusion(index: u64, leaves: &[Digest]) -> Result<Vec<Digest>> {
    let size = leaves.len() as u64;
    let Some(mut at) = usize::try_from(index).ok().filter(|index| *index < leaves.len()) else {
        return Err(Error::invalid(format!("expected a leaf below {size}, found {index}")).at("proof"));
    };
    let mut subtree = leaves;
    let mut proof = Vec::new();
    while subtree.len() > 1 {
        let (left, right) = halves(subtree);
        if at < left.len() {
            proof.push(root(right));
            subtree = left;
        } else {
            at -= left.len();
            proof.push(root(left));
            subtree = right;
        }
    }
    proof.reverse();
    Ok(proof)
}

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

/// The hashes that show that the tree over the first `from` of these leaves grew into the tree over all of them
/// (RFC 9162, 2.1.4.1).
///
/// # Errors
///
/// [`ErrorKind::Invalid`] if `from` is 0 or more than there are.
pub fn prove_consistency(from: u64, leaves: &[Digest]) -> Result<Vec<Digest>> {
    let size = leaves.len() as u64;
    let Some(mut from) = usize::try_from(from).ok().filter(|from| (1..=leaves.len()).contains(from)) else {
        return Err(Error::invalid(format!("expected a size from 1 to {size}, found {from}")).at("proof"));
    };
    let mut subtree = leaves;
    let mut proof = Vec::new();
    // Whether the verifier knows the root of this part of the old tree: so until the first step to the right.
    let mut known = true;
    while from < subtree.len() {
        let (left, right) = halves(subtree);
        if from <= left.len() {
            proof.push(root(right));
            subtree = left;
        } else {
            from -= left.len();
            proof.push(root(left));
            subtree = right;
            known = false;
        }
    }
    if !known {
        proof.push(root(subtree));
    }
    proof.reverse();
    Ok(proof)
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

/// The roots of the maximal subtrees outside `range`, left to right: at most two per level.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] if the range is empty or reaches past the leaves.
///
/// ```
/// use at1_ledger::{leaf_hash, prove_range, root, verify_range};
///
/// let leaves: Vec<_> = [b"a", b"b", b"c", b"d"].map(|row| leaf_hash(row)).into();
/// let proof = prove_range(1..3, &leaves)?;
/// verify_range(1, 4, &leaves[1..3], &proof, root(&leaves))?;
/// assert!(verify_range(1, 4, &leaves[1..2], &proof, root(&leaves)).is_err());
/// # Ok::<(), at1_ledger::Error>(())
/// ```
pub fn prove_range(range: Range<u64>, leaves: &[Digest]) -> Result<Vec<Digest>> {
    fn walk(range: &Range<u64>, first: u64, subtree: &[Digest], proof: &mut Vec<Digest>) {
        let end = first + subtree.len() as u64;
        if end <= range.start || first >= range.end {
            proof.push(root(subtree));
        } else if first < range.start || end > range.end {
            let (left, right) = halves(subtree);
            walk(range, first, left, proof);
            walk(range, first + left.len() as u64, right, proof);
        }
    }
    expect_range(&range, leaves.len() as u64)?;
    let mut proof = Vec::new();
    walk(&range, 0, leaves, &mut proof);
    Ok(proof)
}

/// Proves a range of a tree whose leaves come one after the other, in memory for the proof alone however large the tree.
///
/// ```
/// use at1_ledger::{RangeProver, leaf_hash, prove_inclusion, prove_range};
///
/// let leaves: Vec<_> = [b"a", b"b", b"c", b"d", b"e"].map(|row| leaf_hash(row)).into();
/// let mut prover = RangeProver::new(1..3, 5)?;
/// leaves.iter().for_each(|leaf| prover.push(*leaf));
/// assert_eq!(prover.finish()?, prove_range(1..3, &leaves)?);
///
/// let mut prover = RangeProver::new(4..5, 5)?;
/// leaves.iter().for_each(|leaf| prover.push(*leaf));
/// assert_eq!(prover.finish_path()?, prove_inclusion(4, &leaves)?);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RangeProver {
    /// The maximal subtrees outside the range, left to right.
    outside: Vec<Outside>,
    /// The first of them that is not complete.
    at: usize,
    pushed: u64,
    size: u64,
}

/// A subtree outside a range.
#[derive(Debug, Clone)]
struct Outside {
    leaves: Range<u64>,
    /// How many steps below the root.
    depth: u32,
    tree: Frontier,
}

impl RangeProver {
    /// A prover of the leaves `range` of a tree of `size` leaves.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the range is empty or reaches past the leaves.
    pub fn new(range: Range<u64>, size: u64) -> Result<Self> {
        fn walk(range: &Range<u64>, leaves: Range<u64>, depth: u32, outside: &mut Vec<Outside>) {
            if leaves.end <= range.start || leaves.start >= range.end {
                outside.push(Outside { leaves, depth, tree: Frontier::new() });
            } else if leaves.start < range.start || leaves.end > range.end {
                let middle = leaves.start + split(leaves.end - leaves.start);
                walk(range, leaves.start..middle, depth + 1, outside);
                walk(range, middle..leaves.end, depth + 1, outside);
            }
        }
        expect_range(&range, size)?;
        let mut outside = vec![];
        walk(&range, 0..size, 0, &mut outside);
        Ok(Self { outside, at: 0, pushed: 0, size })
    }

    /// Takes the next leaf of the tree.
    pub fn push(&mut self, leaf: Digest) {
        if let Some(subtree) = self.outside.get_mut(self.at)
            && subtree.leaves.contains(&self.pushed)
        {
            subtree.tree.push_hash(leaf);
            if subtree.tree.size() == subtree.leaves.end - subtree.leaves.start {
                self.at += 1;
            }
        }
        self.pushed += 1;
    }

    /// The proof, as [`prove_range`] gives it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if not exactly the tree's leaves were pushed.
    pub fn finish(self) -> Result<Vec<Digest>> {
        Ok(self.complete()?.iter().map(|subtree| subtree.tree.root()).collect())
    }

    /// The proof of a single leaf, as [`prove_inclusion`] gives it.
    ///
    /// # Errors
    ///
    /// As [`RangeProver::finish`].
    pub fn finish_path(self) -> Result<Vec<Digest>> {
        let mut subtrees = self.complete()?;
        // One at each step of the way down to the leaf.
        subtrees.sort_by_key(|subtree| std::cmp::Reverse(subtree.depth));
        Ok(subtrees.iter().map(|subtree| subtree.tree.root()).collect())
    }

    fn complete(self) -> Result<Vec<Outside>> {
        match self.pushed == self.size {
            true => Ok(self.outside),
            false => Err(Error::invalid(format!("expected {} leaves, found {}", self.size, self.pushed)).at("proof")),
        }
    }
}

fn expect_range(range: &Range<u64>, size: u64) -> Result<()> {
    match range.is_empty() || range.end > size {
        false => Ok(()),
        true => {
            let found = format!("{}..{}", range.start, range.end);
            Err(Error::invalid(format!("expected a range of rows below {size}, found {found}")).at("proof"))
        }
    }
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

fn halves(subtree: &[Digest]) -> (&[Digest], &[Digest]) {
    subtree.split_at(usize::try_from(split(subtree.len() as u64)).expect("a split is below the length"))
}

fn unproven(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unproven, message).at("proof")
}

fn expect_root(expected: Digest, found: Digest) -> Result<()> {
    if expected == found { Ok(()) } else { Err(unproven(format!("expected root {expected}, found {found}"))) }
}
