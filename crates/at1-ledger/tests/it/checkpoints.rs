//! Checkpoints: three lines and nothing else, who may sign them, and what witnesses add.

use std::io;

use at1_ledger::{
    Checkpoint, Digest, ErrorKind, KeyType, Policy, SIGNATURE_BYTES, SecretKey, SignedCheckpoint, Signer, VerifierKey,
};

use crate::keyring::{ORIGIN, base64, line, log, note, signed, witness};

#[track_caller]
fn check(text: &str) -> Checkpoint {
    let checkpoint = Checkpoint::parse(text).unwrap();
    assert_eq!(checkpoint.to_string(), text);
    checkpoint
}

/// Refused by itself, and as the text of a note that is signed.
#[track_caller]
fn refuse(text: &str, message: &str) {
    let noted = note(text, &[&log(1)]);
    for error in [Checkpoint::parse(text).unwrap_err(), SignedCheckpoint::parse(noted.as_bytes()).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().starts_with(&format!("checkpoint: {message}")), "{text:?}: {error}");
    }
}

const ROOT: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

#[test]
fn three_lines() {
    for size in [0, 1, 9, 10, u64::MAX] {
        let checkpoint = check(&format!("{ORIGIN}\n{size}\n{ROOT}\n"));
        assert_eq!((checkpoint.size, checkpoint.root), (size, Digest([7; 32])));
    }
    for origin in ["x", " ", "a b", "Ünïcode/é", "a+b"] {
        assert_eq!(check(&format!("{origin}\n1\n{ROOT}\n")).origin, origin);
    }
    // Extension lines are refused: no witness vouches for them.
    refuse(&format!("{ORIGIN}\n1\n{ROOT}\nextension\n"), "expected an origin, a size and a root, found 4 lines");
    refuse(&format!("{ORIGIN}\n1\n{ROOT}\n\n"), "expected an origin, a size and a root, found 4 lines");
    refuse(&format!("{ORIGIN}\n1\n"), "expected an origin, a size and a root, found 2 lines");
    refuse("\n", "expected an origin, a size and a root, found 1 lines");
    refuse(&format!("\n1\n{ROOT}\n"), "expected three lines that are not empty, each with an LF");
    let error = Checkpoint::parse(&format!("{ORIGIN}\n1\n{ROOT}")).unwrap_err();
    assert_eq!(error.to_string(), "checkpoint: expected three lines that are not empty, each with an LF");
}

#[test]
fn sizes_and_roots() {
    for size in ["", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "0x1", "1e3", "١", "18446744073709551616"] {
        let message = format!("expected a decimal without leading zeros, found {size}");
        refuse(&format!("{ORIGIN}\n{size}\n{ROOT}\n"), &message);
    }
    for bytes in [0, 1, 31, 33, 64] {
        let message = format!("expected 32 bytes of base64, found {bytes}");
        refuse(&format!("{ORIGIN}\n1\n{}\n", base64(&vec![7; bytes])), &message);
    }
    let hex = Digest([7; 32]).to_string();
    refuse(&format!("{ORIGIN}\n1\n{hex}\n"), "expected 32 bytes of base64, found 48");
    // The last letter has two loose bits, which no digest has.
    for last in ["d=", "e=", "f=", "c", "c==", "c= "] {
        refuse(&format!("{ORIGIN}\n1\n{}{last}\n", &ROOT[..42]), "expected canonical base64, found ");
    }
}

/// The origin is the policy's byte for byte: no case, no normal forms, no trimming.
#[test]
fn whose_checkpoint() {
    let key = SecretKey::from_seed(&[1; 32], "example.org/caf\u{e9}", KeyType::Ed25519).unwrap();
    let policy = Policy::of_logs(vec![key.key().clone()]).unwrap();
    let weigh = |origin: &str| {
        let text = Checkpoint { origin: origin.into(), size: 1, root: Digest([7; 32]) }.to_string();
        policy.weigh(&SignedCheckpoint::parse(note(&text, &[&key]).as_bytes()).unwrap())
    };
    let trust = weigh("example.org/caf\u{e9}").unwrap();
    assert_eq!(trust.signed, [key.key().clone()]);
    trust.expect().unwrap();
    for other in ["example.org/cafe\u{301}", "Example.org/caf\u{e9}", "example.org/caf\u{e9} ", "example.org/caf", "x"]
    {
        let error = weigh(other).unwrap_err();
        let message = format!("checkpoint: expected a log of the policy (example.org/caf\u{e9}), found {other}");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Untrusted, message));
    }
    // Signed by a key that is not the policy's, though it is named so.
    let stranger = SecretKey::from_seed(&[2; 32], "example.org/caf\u{e9}", KeyType::Ed25519).unwrap();
    let text = Checkpoint { origin: "example.org/caf\u{e9}".into(), size: 1, root: Digest([7; 32]) }.to_string();
    let trust = policy.weigh(&SignedCheckpoint::parse(note(&text, &[&stranger]).as_bytes()).unwrap()).unwrap();
    let error = trust.expect().unwrap_err();
    let message = "checkpoint: expected a signature of a log key of the policy, found none";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Untrusted, message));
}

/// A signer that is another program: it may fail, or hold another key than it was said to.
struct Elsewhere(VerifierKey, fn(&[u8]) -> io::Result<[u8; SIGNATURE_BYTES]>);

impl Signer for Elsewhere {
    fn key(&self) -> &VerifierKey {
        &self.0
    }

    fn sign(&self, message: &[u8]) -> io::Result<[u8; SIGNATURE_BYTES]> {
        self.1(message)
    }
}

#[test]
fn who_may_sign_a_checkpoint() {
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 3, root: Digest([3; 32]) };
    let sign = |signer: &dyn Signer| SignedCheckpoint::sign(checkpoint.clone(), signer);
    let (key, next) = (log(1), log(2));
    let signed = sign(&key).unwrap();
    assert!(signed.is_signed_by(key.key()).unwrap() && !signed.is_signed_by(next.key()).unwrap());
    assert_eq!(SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap(), signed);

    let stranger = SecretKey::from_seed(&[1; 32], "example.org/other", KeyType::Ed25519).unwrap();
    let of_the_name = SecretKey::from_seed(&[1; 32], ORIGIN, KeyType::Cosignature).unwrap();
    for signer in [&stranger, &of_the_name, &witness(3)] {
        let message = format!("key: expected a log's key named {ORIGIN}, found {}", signer.key());
        let again = signed.clone().sign_again(signer).unwrap_err();
        for error in [sign(signer).unwrap_err(), again] {
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::Invalid, message.clone()));
        }
    }
    let error = signed.cosign(9, &key).unwrap_err();
    assert_eq!(error.to_string(), format!("key: expected a witness's key, found {}", key.key()));

    let broken = Elsewhere(key.key().clone(), |_| Err(io::Error::other("no token")));
    let error = sign(&broken).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::Io, "signer"));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no token");
    let mistaken = Elsewhere(key.key().clone(), |message| log(2).sign(message));
    let error = sign(&mistaken).unwrap_err();
    let message = format!("note: expected a signature of {ORIGIN}, found one that does not verify");
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unproven, message));

    // Both keys at a border, each once, however often they are asked.
    let mut both = signed;
    both.sign_again(&next).unwrap();
    both.sign_again(&key).unwrap();
    assert_eq!(both.note().signatures().len(), 2);
    assert!(both.is_signed_by(key.key()).unwrap() && both.is_signed_by(next.key()).unwrap());
}

#[test]
fn cosignatures() {
    let (root, key, first, second) = (Digest([7; 32]), log(1), witness(2), witness(3));
    let keys = [first.key().clone(), second.key().clone()];
    let plain = signed(5, root, &[&key]);
    let cosigned = |time: u64, witness: &SecretKey| format!("{}\n", plain.cosign(time, witness).unwrap());
    let add = |answer: &str| {
        let mut note = plain.clone();
        let found = note.add_cosignatures(answer.as_bytes(), &keys).map(|found| found.len());
        (found, note)
    };

    // What the specification says a witness signs.
    let signature = &plain.cosign(9, &first).unwrap().signature;
    let message = format!("cosignature/v1\ntime 9\n{ORIGIN}\n5\n{ROOT}\n");
    assert_eq!(signature[..8], 9_u64.to_be_bytes());
    assert!(first.key().has_signed(message.as_bytes(), &signature[8..]));

    let (found, note) = add(&[cosigned(9, &first), cosigned(7, &second), cosigned(12, &first)].concat());
    assert_eq!((found.unwrap(), note.note().signatures().len()), (2, 4));
    assert_eq!((note.cosigned_at(&keys[0]).unwrap(), note.cosigned_at(&keys[1]).unwrap()), (Some(9..=12), Some(7..=7)));
    assert!(note.is_signed_by(&keys[0]).unwrap() && !plain.is_signed_by(&keys[0]).unwrap());
    assert_eq!(note.cosigned_at(key.key()).unwrap(), None, "a log does not cosign");
    let mut again = note.clone();
    again.add_cosignatures(cosigned(9, &first).as_bytes(), &keys).unwrap();
    assert_eq!(again, note, "what is there is not added twice");

    // Strangers are passed over and not kept, whatever they say.
    let (found, note) = add(&[line(witness(9).key(), b"anything"), cosigned(9, &first)].concat());
    assert_eq!((found.unwrap(), note.note().signatures().len()), (1, 2));
    let (found, note) = add(&line(key.key(), &[0; 64]));
    assert_eq!((found.unwrap(), note), (0, plain.clone()));

    let other = signed(6, root, &[&key]).cosign(9, &first).unwrap();
    let mut late = plain.cosign(9, &first).unwrap();
    late.signature[7] += 1;
    let forged = |time: u64| {
        let message = format!("cosignature/v1\ntime {time}\n{ORIGIN}\n5\n{ROOT}\n");
        let signature = first.sign(message.as_bytes()).unwrap();
        line(&keys[0], &[&time.to_be_bytes()[..], &signature].concat())
    };
    let bare = line(&keys[0], &first.sign(plain.note().text().as_bytes()).unwrap());
    for wrong in [format!("{other}\n"), format!("{late}\n"), bare, forged(1 << 63), forged(u64::MAX)] {
        let message = "note: expected a signature of witness.example/2, found one that does not verify";
        let (found, note) = add(&[cosigned(9, &second), wrong.clone()].concat());
        let error = found.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unproven, message), "{wrong}");
        assert!(note.note().signatures().len() <= 2);
    }
    let (found, note) = add(&forged(i64::MAX as u64));
    assert_eq!((found.unwrap(), note.cosigned_at(&keys[0]).unwrap().unwrap()), (1, i64::MAX as u64..=i64::MAX as u64));

    for (answer, message) in [
        ("", "cosignatures: expected lines of signature, each with an LF, found none"),
        ("5\n", "cosignatures: expected a signature, U+2014 NAME BASE64, found 5"),
    ] {
        let error = add(answer).0.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Damaged, message));
    }
    let error = plain.clone().add_cosignatures(b"\xff\n", &keys).unwrap_err();
    assert_eq!(error.to_string(), "cosignatures: expected UTF-8");
}
