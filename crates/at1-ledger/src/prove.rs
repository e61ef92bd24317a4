//! Making proofs about RFC 6962 trees: inclusion, consistency, and ranges with nothing between them missing.
//!
//! * What takes all leaf hashes is a pure function; [`RangeProver`] takes them one after the other and keeps only the proof.
//! * Consistency from size 0 is an error: every tree extends the empty one, so such a proof would prove nothing.

use std::ops::Range;

use crate::{
    digest::Digest,
    error::{Error, Result},
    tree::{Frontier, root, split},
};

/// The hashes beside the path from leaf `index` to the root, bottom up (RFC 9162, 2.1.3.1).
///
/// # Errors
///
/// [`Invalid`](crate::ErrorKind::Invalid) if there is no such leaf.
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

/// The hashes that show that the tree over the first `from` of these leaves grew into the tree over all of them
/// (RFC 9162, 2.1.4.1).
///
/// # Errors
///
/// [`Invalid`](crate::ErrorKind::Invalid) if `from` is 0 or more than there are.
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

/// The roots of the maximal subtrees outside `range`, left to right: at most two per level.
///
/// # Errors
///
/// [`Invalid`](crate::ErrorKind::Invalid) if the range is empty or reaches past the leaves.
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
    /// [`Invalid`](crate::ErrorKind::Invalid) if the range is empty or reaches past the leaves.
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
    /// [`Invalid`](crate::ErrorKind::Invalid) if not exactly the tree's leaves were pushed.
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

fn halves(subtree: &[Digest]) -> (&[Digest], &[Digest]) {
    subtree.split_at(usize::try_from(split(subtree.len() as u64)).expect("a split is below the length"))
}
