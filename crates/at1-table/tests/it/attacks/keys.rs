//! Attacks with keys in hand: forks, and keys whose time is over.

use at1_ledger::{SignedCheckpoint, Signer as _};
use at1_table::{MaxUnsigned, VerifyOptions, paths};

use super::{
    NOTHING,
    attacker::{add, change_the_tool_of, cut, forget, note, replace, seal, sign, strip, tell_otherwise, vouch},
    check_on, hand_over, row,
    story::{BATCHES, Story},
};
use crate::{
    attest::{codes, log_key},
    open,
};

/// Two auditors are shown two continuations of what both knew, each signed.
#[test]
fn fork() {
    let mut story = Story::begin(BATCHES);
    let (outside, past) = (story.outside(), story.store.files());
    story.go_on(BATCHES);
    let first = SignedCheckpoint::parse(&story.store.files()[paths::CHECKPOINT]).unwrap();
    assert_eq!(row(&story, &outside), NOTHING);
    replace(&story.store, &past);
    for text in ["the", "other", "history"] {
        add(&story.store, note(text), None);
    }
    vouch(&mut story, &log_key(1));
    // The second auditor is content, but for the witnesses, who saw the first history.
    assert_eq!(row(&story, &outside), "0 | . . . | . . | . . | . 6 5 | . .");
    // And so are both until they compare: then what the log signed is evidence against it.
    let policy = Some(story.policy(0));
    let report = story.verify(&VerifyOptions { policy, seen: vec![first.clone()], ..VerifyOptions::default() });
    assert_eq!((codes(&report), report.verdict().exit_code()), (vec!["seen_differs", "stamps_unchecked"], 5));
    let [evidence] = &report.evidence[..] else { panic!("{:?}", report.evidence) };
    let notes = [&evidence.remembered_note, &evidence.found_note];
    let notes = notes.map(|note| SignedCheckpoint::parse(note.as_ref().unwrap().as_bytes()).unwrap());
    assert_eq!(notes[0], first);
    assert!(notes.iter().all(|note| note.is_signed_by(log_key(1).key()).unwrap()), "both are signed");
    let [one, other] = notes.map(|note| note.checkpoint().clone());
    assert!((&one.origin, one.size) == (&other.origin, other.size) && one.root != other.root, "both cannot be");
    assert_eq!((evidence.size, evidence.found_root), (one.size, Some(other.root)));
    // Where any one of three is enough, one dishonest witness is too, and that such a policy is weak is said beforehand.
    story.witnesses[1].newest = None;
    story.witnesses[1].be_asked(&open(&story.store), story.start + 1095).unwrap();
    let weak = VerifyOptions {
        policy: Some(story.policy(1)),
        max_unsigned: Some(MaxUnsigned::Events(0)),
        ..VerifyOptions::default()
    };
    let report = story.verify(&weak);
    assert_eq!((codes(&report), report.verdict().exit_code()), (vec!["weak_quorum", "stamps_unchecked"], 0));
}

/// A story whose log handed over.
fn handed_over() -> Story {
    let mut story = Story::told();
    hand_over(&mut story);
    story
}

/// The first key handed over and is destroyed; the intruder has the second.
#[test]
fn intrude_after_a_handover() {
    // He cannot seal again what the first key sealed, the handover itself least of all.
    check_on(
        handed_over(),
        |story| {
            tell_otherwise(story, 0);
            strip(&story.store);
            seal(&story.store, 9, &log_key(2));
            sign(&story.store, &log_key(2));
        },
        "0 | . . . | 4 4 | 5 5 | 4 4 5 | 5 6",
    );
    // Not even its last event, which names his own key.
    check_on(
        handed_over(),
        |story| {
            change_the_tool_of(story, 8);
            forget(story, &[9, 10]);
            seal(&story.store, 9, &log_key(2));
            sign(&story.store, &log_key(2));
        },
        "0 | . . . | . 6 | 5 5 | . . 5 | . .",
    );
    // He can write again what was his to sign, and cut.
    check_on(
        handed_over(),
        |story| {
            change_the_tool_of(story, 9);
            forget(story, &[10]);
            sign(&story.store, &log_key(2));
        },
        "0 | . . . | . . | 5 5 | . . 5 | . .",
    );
    check_on(
        handed_over(),
        |story| {
            cut(story, 8);
            forget(story, &[9, 10]);
        },
        "0 | . . . | . . | 5 5 | . . 5 | . .",
    );
}

/// The first key handed over, and was not destroyed: it is stolen.
#[test]
fn steal_a_retired_key() {
    // It cannot sign what comes after its time.
    check_on(
        handed_over(),
        |story| {
            change_the_tool_of(story, 9);
            forget(story, &[10]);
            seal(&story.store, 10, &log_key(1));
        },
        "0 | . . . | . 6 | 5 5 | . . 5 | . .",
    );
    // But as if it had never handed over it signs anything.
    check_on(
        handed_over(),
        |story| {
            cut(story, 8);
            add(&story.store, note("x"), None);
            forget(story, &[9, 10]);
            sign(&story.store, &log_key(1));
        },
        "0 | . . . | . . | 5 5 | . . 5 | . .",
    );
}
