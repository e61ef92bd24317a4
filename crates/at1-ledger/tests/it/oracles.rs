//! Two judges from elsewhere: another tree library, another canonical JSON. They and we say the same.

use at1_ledger::{
    Digest, ErrorKind, Frontier, json, leaf_hash, prove_consistency, prove_inclusion, verify_consistency,
    verify_inclusion,
};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::keyring::Dice;

const MOST: usize = 300;

fn leaf(i: usize) -> [u8; 8] {
    (i as u64).to_be_bytes()
}

/// Their tree of every size up to so many, and our leaves.
fn trees(most: usize) -> (Vec<MemoryBackedTree<Sha256, [u8; 8]>>, Vec<Digest>) {
    let mut trees = vec![MemoryBackedTree::new()];
    for i in 0..most {
        let mut next = trees[i].clone();
        next.push(leaf(i));
        trees.push(next);
    }
    (trees, (0..most).map(|i| leaf_hash(&leaf(i))).collect())
}

fn theirs(bytes: &[u8]) -> Vec<Digest> {
    bytes.chunks_exact(32).map(|hash| Digest(hash.try_into().unwrap())).collect()
}

fn digest(root: &RootHash<Sha256>) -> Digest {
    theirs(root.as_bytes())[0]
}

#[test]
fn roots() {
    let (mut theirs, mut ours) = (MemoryBackedTree::<Sha256, [u8; 8]>::new(), Frontier::new());
    for i in 0..=MOST {
        assert_eq!(digest(&theirs.root()), ours.root(), "size {i}");
        theirs.push(leaf(i));
        ours.push(&leaf(i));
    }
}

/// Every proof of theirs up to 300 leaves verifies with us; ours are the same bytes, for all of 48 leaves and a few of each size.
#[test]
fn inclusion() {
    let (trees, leaves) = trees(MOST);
    for (size, tree) in trees.iter().enumerate() {
        let root = digest(&tree.root());
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let proof = theirs(tree.prove_inclusion(index).as_bytes());
            verify_inclusion(index as u64, size as u64, *leaf, &proof, root).unwrap();
            if size <= 48 || (index * 7 + size) % 97 == 0 {
                assert_eq!(prove_inclusion(index as u64, &leaves[..size]).unwrap(), proof, "{index} of {size}");
            }
        }
    }
}

#[test]
fn consistency() {
    let (trees, leaves) = trees(MOST);
    let roots: Vec<Digest> = trees.iter().map(|tree| digest(&tree.root())).collect();
    for to in 1..=MOST {
        for from in 1..=to {
            let proof = theirs(trees[to].prove_consistency(to - from).as_bytes());
            verify_consistency(from as u64, to as u64, &proof, roots[from], roots[to]).unwrap();
            if to <= 48 || (from * 7 + to) % 97 == 0 {
                assert_eq!(prove_consistency(from as u64, &leaves[..to]).unwrap(), proof, "{from} to {to}");
            }
        }
    }
}

/// A proof with a hash more and one less.
fn around(right: &[u8]) -> [Vec<u8>; 3] {
    [right.to_vec(), [right, &[7; 32]].concat(), right[right.len().min(32)..].to_vec()]
}

/// Proofs of something else, longer and shorter ones: both refuse the same.
#[test]
fn verdicts() {
    let (trees, leaves) = trees(14);
    let [mut held, mut refused] = [0; 2];
    let mut same = |ours: bool, theirs: bool, what: &[usize]| {
        assert_eq!(ours, theirs, "{what:?}");
        *(if ours { &mut held } else { &mut refused }) += 1;
    };
    let claimed =
        |tree: &MemoryBackedTree<_, _>, size: usize| RootHash::<Sha256>::new(*tree.root().as_bytes(), size as u64);
    for (size, tree) in trees.iter().enumerate().skip(1) {
        let root = digest(&tree.root());
        for (index, hash) in leaves[..size].iter().enumerate() {
            for bytes in around(tree.prove_inclusion(index).as_bytes()) {
                let (path, proof) = (theirs(&bytes), InclusionProof::try_from_bytes(bytes).unwrap());
                for (of, at) in (0..trees.len()).flat_map(|of| (0..=of).map(move |at| (of, at))) {
                    let ours = verify_inclusion(at as u64, of as u64, *hash, &path, root).is_ok();
                    let theirs = claimed(tree, of).verify_inclusion(&leaf(index), at as u64, &proof).is_ok();
                    same(ours, theirs, &[index, size, at, of]);
                }
            }
        }
        for (from, old) in trees.iter().enumerate().take(size + 1).skip(1) {
            for bytes in around(tree.prove_consistency(size - from).as_bytes()) {
                let (path, proof) = (theirs(&bytes), ConsistencyProof::try_from_bytes(bytes).unwrap());
                for (of, at) in (0..trees.len()).flat_map(|of| (0..trees.len()).map(move |at| (of, at))) {
                    let ours = verify_consistency(at as u64, of as u64, &path, digest(&old.root()), root).is_ok();
                    let theirs = claimed(tree, of).verify_consistency(&claimed(old, at), &proof).is_ok();
                    same(ours, theirs, &[from, size, at, of]);
                }
            }
        }
    }
    println!("{held} held, {refused} refused, by both");
    assert!(held > 300 && refused > 20_000, "{held} {refused}");
}

/// A value inside the profile.
fn value(dice: &mut Dice, depth: usize) -> Value {
    let text = |dice: &mut Dice, letters: &[char], most: usize| -> String {
        (0..dice.roll(most)).map(|_| letters[dice.roll(letters.len())]).collect()
    };
    match dice.roll(if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => (dice.roll(2) == 1).into(),
        2 => (dice.roll(1 << 30) as u64).into(),
        3 => [0, 1, 9, 10, json::INTEGER_MAX, json::INTEGER_MAX - 1][dice.roll(6)].into(),
        4 => {
            let mut letters: Vec<char> = (0..0x100_u32).filter_map(char::from_u32).collect();
            letters.extend(
                "\u{2028}\u{2029}\u{d7ff}\u{e000}\u{feff}\u{fffd}\u{ffff}\u{10000}\u{1f602}\u{10ffff}é€".chars(),
            );
            text(dice, &letters, 12).into()
        }
        5 => (0..dice.roll(4)).map(|_| value(dice, depth - 1)).collect(),
        _ => {
            let letters: Vec<char> = "abyz0189_".chars().collect();
            let members = (0..dice.roll(6)).map(|_| (format!("k{}", text(dice, &letters, 5)), value(dice, depth - 1)));
            Value::Object(members.collect())
        }
    }
}

#[test]
fn canonical_json() {
    let mut dice = Dice::new(5);
    for _ in 0..5_000 {
        let value = value(&mut dice, json::DEPTH_MAX - 1);
        let theirs = serde_json_canonicalizer::to_string(&value).unwrap();
        assert_eq!(json::encode(&value).unwrap(), theirs);
        assert_eq!(json::decode(theirs.as_bytes()).unwrap(), value);
    }
}

/// What they canonicalize and the profile leaves out is refused both ways, however deep it is in the value.
#[test]
fn canonical_json_outside_the_profile() {
    let mut dice = Dice::new(6);
    let outside = [
        json!(-1),
        json!(i64::MIN),
        json!(json::INTEGER_MAX + 1),
        json!(u64::MAX),
        json!(0.5),
        json!(1e300),
        json!({"": 0}),
        json!({"A": 0}),
        json!({"é": 0}),
        json!({"a b": 0}),
        json!({"a-b": 0}),
        json!({"k".repeat(33): 0}),
        (0..json::DEPTH_MAX).fold(json!([]), |inner, _| json!([inner])),
        (0..json::DEPTH_MAX).fold(json!({}), |inner, _| json!({"k": inner})),
    ];
    for _ in 0..100 {
        for wrong in &outside {
            let other = value(&mut dice, 2);
            let value = match dice.roll(3) {
                0 => wrong.clone(),
                1 => json!([other, wrong]),
                _ => json!({"a": other, "b": [{"c": wrong}]}),
            };
            let error = json::encode(&value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{value}");
            let theirs = serde_json_canonicalizer::to_string(&value).unwrap();
            let error = json::decode(theirs.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged, "{theirs}");
        }
    }
    // What is spelt otherwise than they spell it is refused, though its value is inside.
    for text in ["1.0", "1e0", "10E-1", "{\"b\":0,\"a\":0}", "\"\\u00e9\"", "[ ]", "-0", "0.0"] {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_ne!(serde_json_canonicalizer::to_string(&value).unwrap(), text);
        assert_eq!(json::decode(text.as_bytes()).unwrap_err().kind(), ErrorKind::Damaged, "{text}");
    }
}
