//! Trees and proofs against the obvious definition, exhaustively for small sizes.

use at1_ledger::{
    Digest, ErrorKind, Frontier, RangeProver, empty_root, leaf_hash, node_hash, prove_consistency, prove_inclusion,
    prove_range, root, verify_consistency, verify_inclusion, verify_range,
};

/// RFC 6962, 2.1, word for word; hashes by concatenation.
fn reference_root(leaves: &[Digest]) -> Digest {
    match leaves.len() {
        0 => Digest::of(b""),
        1 => leaves[0],
        n => {
            let k = (0..).map(|i| 1 << i).take_while(|k| *k < n).last().unwrap();
            let (left, right) = (reference_root(&leaves[..k]), reference_root(&leaves[k..]));
            Digest::of(&[&[1], &left.0[..], &right.0[..]].concat())
        }
    }
}

fn leaves(n: usize) -> Vec<Digest> {
    (0..n).map(|i| leaf_hash(&(i as u64).to_be_bytes())).collect()
}

#[test]
fn leaf_hashes_of_every_length() {
    let data: Vec<u8> = (0..600).map(|i| u8::try_from(i % 251).unwrap()).collect();
    for len in 0..=data.len() {
        let expected = Digest::of(&[&[0], &data[..len]].concat());
        assert_eq!(leaf_hash(&data[..len]), expected, "length {len}");
    }
    let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
    assert_eq!(node_hash(left, right), Digest::of(&[&[1], &left.0[..], &right.0[..]].concat()));
    assert_ne!(node_hash(left, right), node_hash(right, left));
}

#[test]
fn rfc_6962_reference_roots() {
    let data: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let expected = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Frontier::new();
    assert_eq!(tree.root().to_string(), expected[0]);
    for (data, expected) in data.into_iter().zip(&expected[1..]) {
        tree.push(data);
        assert_eq!(tree.root().to_string(), *expected);
    }
}

#[test]
fn frontier_equals_the_definition() {
    let all = leaves(300);
    let mut tree = Frontier::new();
    assert_eq!(empty_root(), tree.root());
    for n in 0..=300 {
        assert_eq!(tree.size(), n as u64);
        assert_eq!(tree.root(), reference_root(&all[..n]), "size {n}");
        assert_eq!(root(&all[..n]), tree.root());
        if n < 300 {
            tree.push(&(n as u64).to_be_bytes());
        }
    }
}

#[test]
fn every_inclusion_to_64() {
    let all = leaves(64);
    for n in 1..=64_usize {
        let (leaves, root) = (&all[..n], reference_root(&all[..n]));
        let size = n as u64;
        for (index, leaf) in (0..).zip(leaves) {
            let proof = prove_inclusion(index, leaves).unwrap();
            verify_inclusion(index, size, *leaf, &proof, root).unwrap();
            let refuse = |index, size, leaf, proof: &[Digest], root| {
                let error = verify_inclusion(index, size, leaf, proof, root).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unproven);
            };
            for other in (0..=size).filter(|other| *other != index) {
                refuse(other, size, *leaf, &proof, root);
            }
            refuse(index, size, all[63 - n / 2], &[&proof[..], &[root]].concat(), root);
            refuse(index, size, *leaf, &[&proof[..], &[root]].concat(), root);
            refuse(index, size, *leaf, &proof, leaf_hash(b"other"));
            refuse(u64::MAX, size, *leaf, &proof, root);
            if let [shorter @ .., _] = &proof[..] {
                refuse(index, size, *leaf, shorter, root);
                for swapped in 0..proof.len() {
                    let mut other = proof.clone();
                    other[swapped] = leaf_hash(b"other");
                    refuse(index, size, *leaf, &other, root);
                }
            }
        }
        assert_eq!(prove_inclusion(size, leaves).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn every_consistency_to_64() {
    let all = leaves(64);
    let roots: Vec<_> = (0..=64).map(|n| reference_root(&all[..n])).collect();
    for to in 1..=64_usize {
        for from in 1..=to {
            let (from_root, to_root) = (roots[from], roots[to]);
            let (old, new) = (from as u64, to as u64);
            let proof = prove_consistency(old, &all[..to]).unwrap();
            verify_consistency(old, new, &proof, from_root, to_root).unwrap();
            let refuse = |old, new, proof: &[Digest], from_root, to_root| {
                let error = verify_consistency(old, new, proof, from_root, to_root).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unproven);
            };
            refuse(0, new, &proof, from_root, to_root);
            refuse(old, new, &proof, leaf_hash(b"other"), to_root);
            refuse(old, new, &proof, from_root, leaf_hash(b"other"));
            refuse(old, new, &[&proof[..], &[to_root]].concat(), from_root, to_root);
            if from != to {
                refuse(new, old, &proof, to_root, from_root);
                refuse(old, new, &proof[..proof.len() - 1], from_root, to_root);
                refuse(old, new, &[], from_root, to_root);
            }
        }
        assert_eq!(prove_consistency(0, &all[..to]).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(prove_consistency(to as u64 + 1, &all[..to]).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

/// Every range of every size, with each row left out, shifted, padded.
#[test]
fn every_range_to_64() {
    let all = leaves(64);
    for n in 1..=64_usize {
        let (leaves, root, size) = (&all[..n], reference_root(&all[..n]), n as u64);
        for first in 0..n {
            for end in first + 1..=n {
                let range = first as u64..end as u64;
                let proof = prove_range(range.clone(), leaves).unwrap();
                let rows = &leaves[first..end];
                verify_range(range.start, size, rows, &proof, root).unwrap();
                let refuse = |start, size, rows: &[Digest], proof: &[Digest], root| {
                    let error = verify_range(start, size, rows, proof, root).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Unproven);
                };
                if rows.len() == 1 {
                    let mut path = prove_inclusion(range.start, leaves).unwrap();
                    let mut outside = proof.clone();
                    path.sort_unstable();
                    outside.sort_unstable();
                    assert_eq!(outside, path, "one row's range is its inclusion path");
                }
                refuse(range.start + 1, size, rows, &proof, root);
                refuse(range.start, size, rows, &[&proof[..], &[root]].concat(), root);
                refuse(range.start, size, rows, &proof, leaf_hash(b"other"));
                if let [shorter @ .., _] = &proof[..] {
                    refuse(range.start, size, rows, shorter, root);
                }
                // Every row of small trees, the border rows and one between of larger ones.
                for out in (0..rows.len()).filter(|out| n <= 17 || [0, rows.len() / 2, rows.len() - 1].contains(out)) {
                    refuse(range.start, size, &[&rows[..out], &rows[out + 1..]].concat(), &proof, root);
                }
            }
        }
    }
}

/// Leaf by leaf, the same proofs as from all leaves at once.
#[test]
fn streamed_proofs_to_40() {
    for size in 1..=40 {
        let leaves = leaves(size);
        for first in 0..size {
            for end in first + 1..=size {
                let mut prover = RangeProver::new(first as u64..end as u64, size as u64).unwrap();
                leaves.iter().for_each(|leaf| prover.push(*leaf));
                assert_eq!(prover.clone().finish().unwrap(), prove_range(first as u64..end as u64, &leaves).unwrap());
                if end == first + 1 {
                    assert_eq!(prover.finish_path().unwrap(), prove_inclusion(first as u64, &leaves).unwrap());
                }
            }
        }
    }
    let mut short = RangeProver::new(0..1, 2).unwrap();
    short.push(leaves(1)[0]);
    assert_eq!(short.finish().unwrap_err().to_string(), "proof: expected 2 leaves, found 1");
    assert_eq!(RangeProver::new(1..1, 2).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(RangeProver::new(1..3, 2).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn hostile_sizes_end_soon() {
    let leaf = leaf_hash(b"");
    let proof = [leaf; 200];
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
        for first in [0, 1, size / 2, size - 1] {
            assert!(verify_range(first, size, &[leaf], &proof, leaf).is_err());
            assert!(verify_range(first, size, &[leaf], &[], leaf).is_err());
            assert!(verify_inclusion(first, size, leaf, &proof, leaf).is_err());
            assert!(verify_consistency(first, size, &proof, leaf, leaf).is_err());
        }
    }
    assert!(verify_range(u64::MAX, u64::MAX, &[leaf], &proof, leaf).is_err());
    let error = verify_range(0, 4, &[], &proof, leaf).unwrap_err();
    assert_eq!(error.to_string(), "proof: expected rows below 4, found 0 from 0");
    assert_eq!(prove_range(2..2, &[leaf]).unwrap_err().kind(), ErrorKind::Invalid);
}
