//! Outside vectors of transparency-dev/merkle, from the folder that `AT1_VECTORS` names; skipped without it.

use std::{fs, path::PathBuf};

use at1_ledger::{Digest, verify_consistency, verify_inclusion};
use serde_json::Value;

/// The vectors of one kind; nothing if the variable is unset.
fn vectors(kind: &str) -> Vec<(PathBuf, Value)> {
    let Some(folder) = std::env::var_os("AT1_VECTORS") else {
        eprintln!("skipped: AT1_VECTORS is not set");
        return Vec::new();
    };
    let mut folders = vec![PathBuf::from(folder).join("merkle").join(kind)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let vector = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                found.push((path, vector));
            }
        }
    }
    assert!(!found.is_empty(), "AT1_VECTORS has no {kind} vectors");
    found
}

/// Standard base64. Where only equality matters, the vectors have words for hashes: their digest stands for them. An
/// empty string is no hash.
fn digest(value: &Value) -> Option<Digest> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for byte in value.as_str()?.bytes().filter(|byte| *byte != b'=') {
        let six = alphabet.iter().position(|letter| *letter == byte)?;
        bits = bits << 6 | u32::try_from(six).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    let bytes = Some(bytes).filter(|bytes| !bytes.is_empty())?;
    Some(bytes.try_into().map_or_else(|words: Vec<u8>| Digest::of(&words), Digest))
}

fn digests(value: &Value) -> Option<Vec<Digest>> {
    value.as_array().map_or(Some(Vec::new()), |items| items.iter().map(digest).collect())
}

fn check(kind: &str, count: usize, holds: impl Fn(&Value) -> Option<bool>) {
    let vectors = vectors(kind);
    for (path, vector) in &vectors {
        let holds = holds(vector).unwrap_or(false);
        assert_eq!(holds, vector["wantErr"] == false, "{}: {}", path.display(), vector["desc"]);
    }
    assert!(vectors.is_empty() || vectors.len() == count, "expected {count} {kind} vectors, found {}", vectors.len());
}

#[test]
fn inclusion() {
    check("inclusion", 98, |vector| {
        let (index, size) = (vector["leafIdx"].as_u64()?, vector["treeSize"].as_u64()?);
        let (leaf, root) = (digest(&vector["leafHash"])?, digest(&vector["root"])?);
        Some(verify_inclusion(index, size, leaf, &digests(&vector["proof"])?, root).is_ok())
    });
}

#[test]
fn consistency() {
    check("consistency", 98, |vector| {
        let (from, to) = (vector["size1"].as_u64()?, vector["size2"].as_u64()?);
        let (old, new) = (digest(&vector["root1"])?, digest(&vector["root2"])?);
        Some(verify_consistency(from, to, &digests(&vector["proof"])?, old, new).is_ok())
    });
}

/// A subtree `[start, end)` whose start is a multiple of its size, rounded up to a power of two, is a tree of its own.
#[test]
fn subtree_inclusion() {
    check("subtreeinclusion", 204, |vector| {
        let (start, end) = (vector["start"].as_u64()?, vector["end"].as_u64()?);
        let size = end.checked_sub(start).filter(|size| *size > 0)?;
        if !start.is_multiple_of(size.checked_next_power_of_two()?) {
            return None;
        }
        let index = vector["leafIdx"].as_u64()?.checked_sub(start)?;
        let (leaf, root) = (digest(&vector["leafHash"])?, digest(&vector["root"])?);
        Some(verify_inclusion(index, size, leaf, &digests(&vector["proof"])?, root).is_ok())
    });
}
