//! Texts of others, from the folder that `AT1_VECTORS` names: what a witness answered, a proof of a real log, canonical JSON. Each is
//! skipped, with a word, where it is not there.
//!
//! ```text
//! litewitness.txt   FiloSottile/torchwood, cmd/litewitness/testdata; its keys are not needed
//! ct/               tests/http_get of crate tlog_tiles 0.2.0: sth.json, inclusion.json, consistency.json, entries.json;
//!                   old-root.txt, the root of 3,654,490 that its test has
//! jcs/              cyberphone/json-canonicalization, testdata: input/, output/
//! sigsum/           documentation of crate sigsum 0.3.0: example.proof, example.signer in hex, example.data; its policy file
//! merkle/           transparency-dev/merkle, testdata: for the tests in vectors.rs
//! ```

use std::{fs, path::PathBuf};

use at1_ledger::{
    Checkpoint, Digest, Error, ErrorKind, GrowthProof, Policy, json, leaf_hash, verify_consistency, verify_inclusion,
};
use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use crate::keyring::{hex, verifier};

/// A file or folder of vectors, if there is one.
pub(crate) fn outside(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("AT1_VECTORS") else {
        eprintln!("skipped: AT1_VECTORS is not set");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    if !path.exists() {
        eprintln!("skipped: AT1_VECTORS has no {name}");
        return None;
    }
    Some(path)
}

pub(crate) fn read(path: PathBuf) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The log that the transcript of litewitness is about: its public key stands in the first lines.
const LOG: &str = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";

/// What a witness is bound to answer (C2SP tlog-witness), by our functions. It remembers the newest tree that it cosigned.
fn answer(body: &[u8], policy: &Policy, newest: &mut Option<Checkpoint>) -> u16 {
    let Ok(request) = GrowthProof::parse(body) else { return 400 };
    let checkpoint = request.checkpoint.checkpoint().clone();
    match policy.weigh(&request.checkpoint) {
        Err(error) if error.kind() == ErrorKind::Untrusted => return 404,
        Err(_) => return 403,
        Ok(trust) if trust.expect().is_err() => return 403,
        Ok(_) => {}
    }
    if request.from > checkpoint.size {
        return 400;
    }
    if request.from != newest.as_ref().map_or(0, |newest| newest.size) {
        return 409;
    }
    match newest {
        None if request.path.is_empty() => {}
        None => return 422,
        Some(old) if old.size == checkpoint.size && old.root != checkpoint.root => return 409,
        Some(old) if request.verify(old).is_err() => return 422,
        Some(_) => {}
    }
    *newest = Some(checkpoint);
    200
}

/// A session of litewitness (FiloSottile/torchwood, ISC): each request, and the status that it was answered with.
#[test]
fn a_session_of_litewitness() {
    let Some(text) = outside("litewitness.txt").map(read) else { return };
    let public = text.split("add-sigsum-log -key=").nth(1).unwrap();
    let policy = Policy::of_logs(vec![verifier(LOG, 0x01, &hex(&public[..64])).unwrap()]).unwrap();
    let requests: Vec<(&str, u16)> = text
        .split("```\n")
        .collect::<Vec<_>>()
        .chunks_exact(2)
        .map(|pair| pair[1])
        .zip(text.split("\nHTTP ").skip(1).map(|rest| rest[..3].parse().unwrap()))
        .collect();
    assert_eq!(requests.len(), 9);

    let mut newest = None;
    let mut answers = vec![];
    for (body, expected) in &requests {
        let found = answer(body.as_bytes(), &policy, &mut newest);
        // One signature there is wrong in the bits that base64 does not use. We stop at the spelling.
        let spelt = if found == 400 {
            let error = GrowthProof::parse(body.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("note: expected canonical base64, found "), "{error}");
            answer(canonical(body).as_bytes(), &policy, &mut newest)
        } else {
            found
        };
        answers.push((found, spelt, *expected));
    }
    let canonical: Vec<u16> = answers.iter().map(|(_, spelt, _)| *spelt).collect();
    assert_eq!(canonical, answers.iter().map(|(_, _, expected)| *expected).collect::<Vec<_>>());
    assert_eq!(canonical, [200, 403, 404, 422, 422, 200, 409, 200, 409]);
    assert_eq!(answers.iter().filter(|(found, spelt, _)| found != spelt).count(), 1);
    assert_eq!(newest.unwrap().size, 5);
    println!("9 requests, answers {canonical:?}");
}

/// The same body with its last letters of base64 spelt as they should be.
fn canonical(body: &str) -> String {
    let (before, letters) = body.trim_end().rsplit_once(' ').unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (head, last) = letters.trim_end_matches('=').split_at(letters.trim_end_matches('=').len() - 1);
    let value = alphabet.find(last).unwrap();
    let spelt = &alphabet[value & !3..=value & !3];
    let text = format!("{head}{spelt}=");
    assert!(Base64::decode_vec(&text).is_ok() && text.len() == letters.len());
    format!("{before} {text}\n")
}

/// Certificate transparency: leaf 10,000 of a log of 961,984,011, and that the log of 3,654,490 grew into it (argon2020, as the
/// tests of crate `tlog_tiles` have it).
#[test]
fn a_log_of_a_billion_leaves() {
    let Some(folder) = outside("ct") else { return };
    let load = |name: &str| serde_json::from_str::<Value>(&read(folder.join(name))).unwrap();
    let bytes = |value: &Value| Base64::decode_vec(value.as_str().unwrap()).unwrap();
    let hash = |value: &Value| Digest(bytes(value).try_into().unwrap());
    let hashes = |value: &Value| value.as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
    let (tree, inclusion, consistency) = (load("sth.json"), load("inclusion.json"), load("consistency.json"));
    let (size, root) = (tree["tree_size"].as_u64().unwrap(), hash(&tree["sha256_root_hash"]));
    let leaf = leaf_hash(&bytes(&load("entries.json")["entries"][0]["leaf_input"]));
    let (path, index) = (hashes(&inclusion["audit_path"]), inclusion["leaf_index"].as_u64().unwrap());
    assert_eq!((size, index, path.len()), (961_984_011, 10_000, 30));
    verify_inclusion(index, size, leaf, &path, root).unwrap();
    for (index, size) in [(index + 1, size), (index ^ 1 << 20, size), (index, size + (1 << 30)), (index, 1 << 29)] {
        assert!(verify_inclusion(index, size, leaf, &path, root).is_err(), "{index} of {size}");
    }
    let (from, path) = (3_654_490, hashes(&consistency["consistency"]));
    let old = hash(&Value::from(read(folder.join("old-root.txt")).trim()));
    verify_consistency(from, size, &path, old, root).unwrap();
    for (from, old) in [(from - 1, old), (from + 2, old), (from, root)] {
        assert!(verify_consistency(from, size, &path, old, root).is_err(), "from {from}");
    }
    assert!(verify_consistency(from, size, &path[1..], old, root).is_err());
}

/// The pairs of cyberphone/json-canonicalization: one is inside our profile, and equal; the others we refuse, and say why.
#[test]
fn canonical_json_of_others() {
    let Some(folder) = outside("jcs") else { return };
    let key = "expected a key of 1 to 32 of a-z 0-9 _, found ";
    let expected = [
        ("arrays", None),
        ("french", Some(key)),
        ("structures", Some(key)),
        ("unicode", Some(key)),
        ("values", Some("numbers: [0]: expected an integer 0 to 9007199254740991, found 333333333.333")),
        ("weird", Some(key)),
    ];
    assert_eq!(fs::read_dir(folder.join("output")).unwrap().count(), expected.len());
    for (name, refused) in expected {
        let text = |kind: &str| read(folder.join(kind).join(format!("{name}.json")));
        let (input, output) = (text("input"), text("output"));
        let value: Value = serde_json::from_str(&input).unwrap();
        assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), output, "{name}: the outside judge agrees");
        let is_refused = |error: Error, kind| {
            let message = refused.unwrap_or_else(|| panic!("{name}: {error}"));
            assert!(error.kind() == kind && error.to_string().starts_with(message), "{name}: {error}");
        };
        match json::decode(output.as_bytes()) {
            Ok(decoded) => assert_eq!((decoded, refused), (value.clone(), None)),
            Err(error) => is_refused(error, ErrorKind::Damaged),
        }
        match json::encode(&value) {
            Ok(encoded) => assert_eq!((encoded, refused), (output, None)),
            Err(error) => is_refused(error, ErrorKind::Invalid),
        }
        assert!(json::decode(input.as_bytes()).is_err(), "{name}: no input is canonical");
    }
}
