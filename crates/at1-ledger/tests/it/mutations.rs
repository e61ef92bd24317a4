//! Proofs with one thing changed: no mutant of any kind is accepted, and the counts say how many were tried.
//!
//! * Bytes: each with each bit flipped, replaced by two letters, deleted, doubled. Lines: dropped, doubled, swapped. Every length.
//! * A line of signature more, or in another place, is the same proof: those mutants are counted, and show the same.

use std::collections::BTreeMap;

use at1_ledger::{
    Beside, Checkpoint, Error, GrowthProof, Policy, Proved, RowsForm, SignedCheckpoint, Signer, check_proof,
    prove_consistency, root,
};

use crate::{
    known_answers::{checkpoint, event_proof, log_key, policy, rows_proof},
    standin::{BATCHES, example},
};

struct Subject {
    name: &'static str,
    file: String,
    old: Option<String>,
}

impl Subject {
    fn check(&self, file: &[u8], policy: &Policy) -> Result<Proved, Error> {
        check_proof(file, Beside::default(), self.old.as_deref().map(str::as_bytes), policy)
    }
}

/// The worked row proof and range proof, and one proof of each other kind.
fn subjects() -> [Subject; 5] {
    let table = example(BATCHES, 6);
    let (older, leaves) = (example(BATCHES, 4), table.leaves());
    let tree = Checkpoint { origin: table.header.origin().into(), size: 4, root: root(&older.leaves()) };
    let old = SignedCheckpoint::sign(tree, &log_key(&table)).unwrap().to_string();
    let path = prove_consistency(4, &leaves).unwrap();
    let growth = GrowthProof { from: 4, path, checkpoint: checkpoint(&table) }.to_string();
    let plain = |name, file| Subject { name, file, old: None };
    [
        plain("row", rows_proof(&table, 1, 1, RowsForm::Row, 1..2).to_string()),
        plain("range", rows_proof(&table, 0, 0, RowsForm::Range, 1..3).to_string()),
        plain("event", event_proof(&table, 2, None).to_string()),
        Subject { name: "growth", file: growth, old: Some(old) },
        plain("checkpoint", checkpoint(&table).to_string()),
    ]
}

/// All mutants of some bytes that differ from them, each with its kind.
fn of_bytes(original: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut mutants = vec![];
    for (at, byte) in original.iter().enumerate() {
        let replaced = |by: &[u8]| [&original[..at], by, &original[at + 1..]].concat();
        mutants.extend((0..8).map(|bit| ("bit flipped", replaced(&[byte ^ 1 << bit]))));
        mutants.extend([b'A', b'B'].map(|letter| ("byte replaced", replaced(&[letter]))));
        mutants.push(("byte deleted", replaced(b"")));
        mutants.push(("byte doubled", replaced(&[*byte; 2])));
        mutants.push(("truncated", original[..at].to_vec()));
    }
    mutants.retain(|(_, mutant)| mutant != original);
    mutants
}

fn of_lines(original: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let lines: Vec<&[u8]> = original.split_inclusive(|byte| *byte == b'\n').collect();
    let mut mutants = vec![];
    for at in 0..lines.len() {
        mutants.push(("line dropped", [&lines[..at], &lines[at + 1..]].concat().concat()));
        mutants.push(("line doubled", [&lines[..=at], &lines[at..]].concat().concat()));
        for other in at + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            mutants.push(("lines swapped", swapped.concat()));
        }
    }
    mutants.retain(|(_, mutant)| mutant != original);
    mutants
}

fn say(counts: &BTreeMap<(&str, &str), usize>) -> usize {
    counts.iter().for_each(|((name, kind), count)| println!("{name:10} {kind:14} {count:6}"));
    counts.values().sum()
}

/// With a quorum, every byte of every file counts.
#[track_caller]
fn check_bytes(subject: usize, at_least: usize) {
    let (policy, subject) = (policy(&example(BATCHES, 6)), &subjects()[subject]);
    subject.check(subject.file.as_bytes(), &policy).unwrap();
    let mut counts = BTreeMap::new();
    for (kind, mutant) in of_bytes(subject.file.as_bytes()) {
        assert!(subject.check(&mutant, &policy).is_err(), "{} {kind}: {}", subject.name, mutant.escape_ascii());
        *counts.entry((subject.name, kind)).or_default() += 1;
    }
    let tried = say(&counts);
    println!("{:10} {tried} mutants, 0 accepted", subject.name);
    assert!(tried > at_least, "{tried}");
}

#[test]
fn every_byte_of_a_row_proof() {
    check_bytes(0, 25_000);
}

#[test]
fn every_byte_of_a_range_proof() {
    check_bytes(1, 20_000);
}

#[test]
fn every_byte_of_an_event_proof() {
    check_bytes(2, 12_000);
}

#[test]
fn every_byte_of_a_growth_proof() {
    check_bytes(3, 5_000);
}

#[test]
fn every_byte_of_a_checkpoint() {
    check_bytes(4, 4_500);
}

/// Without one, nobody vouches for the witness's line: what is accepted is changed there and nowhere else.
#[test]
fn every_byte_without_a_quorum() {
    let table = example(BATCHES, 6);
    let policy = Policy::of_logs(vec![log_key(&table).key().clone()]).unwrap();
    for subject in &subjects()[3..] {
        let witness_line = subject.file.rfind('\u{2014}').unwrap();
        let (before, shown) = (&subject.file[..witness_line], subject.check(subject.file.as_bytes(), &policy).unwrap());
        let mut accepted = 0;
        for (kind, mutant) in of_bytes(subject.file.as_bytes()) {
            if let Ok(proved) = subject.check(&mutant, &policy) {
                // Down to no line at all: then the file is whole without it.
                assert!(mutant.starts_with(before.as_bytes()), "{kind}: {}", mutant.escape_ascii());
                assert_eq!(proved, shown);
                accepted += 1;
            }
        }
        println!("{:10} without a quorum: {accepted} accepted", subject.name);
        assert!(accepted > 300, "{accepted}");
    }
}

#[test]
fn every_line() {
    let policy = policy(&example(BATCHES, 6));
    let mut counts = BTreeMap::new();
    let mut accepted = vec![];
    for subject in &subjects() {
        let shown = subject.check(subject.file.as_bytes(), &policy).unwrap();
        for (kind, mutant) in of_lines(subject.file.as_bytes()) {
            *counts.entry((subject.name, kind)).or_default() += 1;
            if let Ok(proved) = subject.check(&mutant, &policy) {
                assert_eq!(proved, shown, "{kind}");
                accepted.push(kind);
            }
        }
    }
    println!("{} mutants, accepted: {accepted:?}", say(&counts));
    // The two lines of signature, in the other order or one of them twice.
    assert_eq!(accepted, ["line doubled", "lines swapped", "line doubled"].repeat(5));
}

/// The older checkpoint beside a growth proof.
#[test]
fn every_byte_of_the_older_checkpoint() {
    let (policy, [.., growth, _]) = (policy(&example(BATCHES, 6)), subjects());
    let old = growth.old.unwrap();
    let check = |old: &[u8]| check_proof(growth.file.as_bytes(), Beside::default(), Some(old), &policy);
    check(old.as_bytes()).unwrap();
    let mutants = of_bytes(old.as_bytes());
    for (kind, mutant) in &mutants {
        assert!(check(mutant).is_err(), "{kind}: {}", mutant.escape_ascii());
    }
    println!("older checkpoint: {} mutants, 0 accepted", mutants.len());
    assert!(mutants.len() > 2_000);
}
