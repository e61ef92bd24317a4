//! Keys over time: rotation by a signed border, and who does not get in by it.

use at1_ledger::{
    Checkpoint, ErrorKind, Handovers, KeyEvent, KeyType, Kind, Policy, SecretKey, SignedCheckpoint, Signer, root,
};
use serde_json::json;

use crate::standin::{BATCHES, Batch, Table};

const EVIL: Batch<'static> = (b"id,name\n1,eva\n2,bob\n\n3,\n", 8);

/// The key of an epoch, from 1.
fn key(epoch: u8) -> SecretKey {
    SecretKey::from_seed(&[epoch; 32], Table::new().header.origin(), KeyType::Ed25519).unwrap()
}

fn hand_over(table: &mut Table, from: &str, to: &str) {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    table.event(Kind::Key { add: some(to), retire: some(from), checkpoint: None });
}

/// Three epochs of seven events: key 1 signs to size 4, key 2 to size 6, key 3 from there on.
fn epochs(first: Batch<'static>) -> Table {
    let mut table = Table::new();
    let keys = [1, 2, 3].map(|epoch| key(epoch).key().to_string());
    table.append(&[first], &json!({}));
    hand_over(&mut table, "", &keys[0]);
    table.append(&BATCHES[1..2], &json!({}));
    hand_over(&mut table, &keys[0], &keys[1]);
    table.append(&BATCHES[2..], &json!({}));
    hand_over(&mut table, &keys[1], &keys[2]);
    table.event(Kind::Note { text: "last".into() });
    table
}

/// The checkpoint of the first so many events, signed by these epochs' keys.
fn checkpoint(table: &Table, size: usize, epochs: &[u8]) -> SignedCheckpoint {
    let tree =
        Checkpoint { origin: table.header.origin().into(), size: size as u64, root: root(&table.leaves()[..size]) };
    let mut signed = SignedCheckpoint::sign(tree, &key(epochs[0])).unwrap();
    epochs[1..].iter().for_each(|epoch| signed.sign_again(&key(*epoch)).unwrap());
    signed
}

fn pinned(epochs: &[u8]) -> Policy {
    Policy::of_logs(epochs.iter().map(|epoch| key(*epoch).key().clone()).collect()).unwrap()
}

fn follow(table: &Table, policy: &Policy, kept: &[SignedCheckpoint]) -> Handovers {
    let keys: Vec<KeyEvent> = table.verify_chain().keys;
    Handovers::follow(policy, table.header.origin(), &keys, kept).unwrap()
}

/// Whose signatures count at each size from 0, by epoch; and the events whose handover does not count.
#[track_caller]
fn check(table: &Table, pins: &[u8], kept: &[SignedCheckpoint], expected: &[&[u8]], refused: &[u64]) -> Handovers {
    let handovers = follow(table, &pinned(pins), kept);
    for (size, epochs) in expected.iter().enumerate() {
        let keys: Vec<_> = epochs.iter().map(|epoch| key(*epoch).key().clone()).collect();
        assert_eq!(handovers.keys_at(size as u64), keys, "at {size}");
    }
    assert_eq!(handovers.refused().iter().map(|refused| refused.event).collect::<Vec<_>>(), refused);
    handovers
}

/// As [`check`] goes on: whether these keys, and no others, are trusted for the newest checkpoint.
fn trusted(handovers: &Handovers, checkpoint: &SignedCheckpoint) -> bool {
    let keys = handovers.keys_at(checkpoint.checkpoint().size);
    let trust = pinned(&[1]).weigh_by(checkpoint, &keys);
    trust.is_ok_and(|trust| trust.expect().is_ok())
}

const ALONE: [&[u8]; 9] = [&[1]; 9];
const ALWAYS_THIRD: [&[u8]; 9] = [&[3]; 9];
const ROTATED: [&[u8]; 9] = [&[1], &[1], &[1], &[1], &[1, 2], &[2], &[2, 3], &[3], &[3]];

#[test]
fn three_epochs() {
    let table = epochs(BATCHES[0]);
    let borders = [checkpoint(&table, 4, &[1, 2]), checkpoint(&table, 6, &[2])];
    let handovers = check(&table, &[1], &borders, &ROTATED, &[]);
    assert_eq!(handovers.keys_at(u64::MAX), [key(3).key().clone()]);
    // In any order, among others, and whoever else signed.
    let among =
        [checkpoint(&table, 7, &[3]), checkpoint(&table, 6, &[2, 3]), checkpoint(&table, 5, &[2]), borders[0].clone()];
    check(&table, &[1], &among, &ROTATED, &[]);
    // An old key signs no more after its time, a new one not before.
    for (size, epochs) in ROTATED.iter().enumerate().take(8).skip(1) {
        for epoch in 1..=3 {
            let signs = epochs.contains(&epoch);
            assert_eq!(trusted(&handovers, &checkpoint(&table, size, &[epoch])), signs, "{epoch} at {size}");
        }
    }
}

/// Without the outgoing key's word for exactly this tree nothing was handed over, and the key goes on.
#[test]
fn borders_that_are_not_signed() {
    let table = epochs(BATCHES[0]);
    let second = checkpoint(&table, 6, &[2]);
    let (evil, other) = (epochs(EVIL), Table { header: table.header.clone(), ..epochs(EVIL) });
    let wrong = [
        vec![],
        vec![checkpoint(&table, 3, &[1]), checkpoint(&table, 5, &[1])],
        vec![checkpoint(&table, 4, &[2])],
        vec![checkpoint(&table, 4, &[3]), checkpoint(&table, 4, &[2])],
        vec![checkpoint(&evil, 4, &[1]), checkpoint(&other, 4, &[1])],
    ];
    for first in wrong {
        let kept = [first, vec![second.clone()]].concat();
        let handovers = check(&table, &[1], &kept, &ALONE, &[3]);
        let message = format!("expected a checkpoint of 4 events signed by the outgoing key {}", key(1).key());
        assert_eq!(handovers.refused()[0].why, message);
        assert!(!trusted(&handovers, &checkpoint(&table, 7, &[3])));
        // The key that goes on may still seal all of it.
        assert!(trusted(&handovers, &checkpoint(&table, 7, &[1])));
    }
    // The second border alone is missing: the second key goes on.
    let halfway: [&[u8]; 9] = [&[1], &[1], &[1], &[1], &[1, 2], &[2], &[2], &[2], &[2]];
    check(&table, &[1], &[checkpoint(&table, 4, &[1])], &halfway, &[5]);

    // A signature that claims to be the outgoing key's and is not: the same as none.
    let text = checkpoint(&table, 4, &[2]).to_string();
    let forged = format!("{text}{}", crate::keyring::line(key(1).key(), &[0; 64]));
    check(&table, &[1], &[SignedCheckpoint::parse(forged.as_bytes()).unwrap(), second], &ALONE, &[3]);
}

/// Whoever has the third key rewrites the first epoch. All links are right, and the third key's signature. Nobody who pinned the
/// first key believes it: the border that its owner signed is of another tree.
#[test]
fn an_intruder_with_the_third_key() {
    let (honest, evil) = (epochs(BATCHES[0]), epochs(EVIL));
    assert_eq!(evil.verify_chain().verdict(), at1_ledger::Verdict::Holds);
    let kept = [checkpoint(&honest, 4, &[1]), checkpoint(&honest, 6, &[2])];
    let forged = [kept.clone().to_vec(), vec![checkpoint(&evil, 4, &[3]), checkpoint(&evil, 6, &[3])]].concat();
    for kept in [&kept[..], &forged] {
        let handovers = check(&evil, &[1], kept, &ALONE, &[3]);
        assert!(!trusted(&handovers, &checkpoint(&evil, 7, &[3])));
    }
    // One that starts at the second border keeps the first epoch as it was, and is refused there.
    let mut late = Table::new();
    honest.events[..4].iter().for_each(|event| late.event(event.detail.kind.clone()));
    late.event(Kind::Note { text: "not what it was".into() });
    hand_over(&mut late, &key(2).key().to_string(), &key(3).key().to_string());
    let halfway: [&[u8]; 9] = [&[1], &[1], &[1], &[1], &[1, 2], &[2], &[2], &[2], &[2]];
    let handovers = check(&late, &[1], &forged, &halfway, &[5]);
    assert!(!trusted(&handovers, &checkpoint(&late, 6, &[3])));
    // No handover at all: then there is one key, and the third is not it.
    let mut none = Table::new();
    none.append(&[EVIL], &json!({}));
    let handovers = check(&none, &[1], &forged, &ALONE, &[]);
    assert!(!trusted(&handovers, &checkpoint(&none, 1, &[3])));
    // A signature that claims to be the pinned key's has to be, even where that key signs no more.
    let rotated = follow(&honest, &pinned(&[1]), &kept);
    let newest = checkpoint(&honest, 7, &[3]);
    assert!(trusted(&rotated, &newest));
    let forged = format!("{newest}{}", crate::keyring::line(key(1).key(), &[0; 64]));
    assert!(!trusted(&rotated, &SignedCheckpoint::parse(forged.as_bytes()).unwrap()));
    // Whoever pins the third key has said that it may sign anything.
    check(&evil, &[3], &kept, &ALWAYS_THIRD, &[]);
    let both: [&[u8]; 9] = [&[1, 3]; 9];
    check(&evil, &[1, 3], &kept, &both, &[3]);
}

/// What may not take over: a key of another name, a witness's, words that are no key.
#[test]
fn keys_that_cannot_take_over() {
    let origin = Table::new().header.origin().to_owned();
    let foreign = SecretKey::from_seed(&[2; 32], "example.org/other", KeyType::Ed25519).unwrap();
    let witness = SecretKey::from_seed(&[2; 32], &origin, KeyType::Cosignature).unwrap();
    for (add, why) in [
        (foreign.key().to_string(), format!("expected a log's key named {origin}, found {}", foreign.key())),
        (witness.key().to_string(), format!("expected a log's key named {origin}, found {}", witness.key())),
        ("a key".to_owned(), "expected a verifier key NAME+ID+BASE64, found a key".to_owned()),
    ] {
        let mut table = Table::new();
        hand_over(&mut table, &key(1).key().to_string(), &add);
        let handovers = check(&table, &[1], &[checkpoint(&table, 1, &[1])], &ALONE, &[0]);
        assert_eq!(handovers.refused()[0].why, why);
    }
}

#[test]
fn keys_that_come_and_go() {
    let mut table = Table::new();
    let [one, two, three] = [1, 2, 3].map(|epoch| key(epoch).key().to_string());
    // A key added without one that leaves is a claim, and one that nobody trusts may leave: neither changes anything.
    hand_over(&mut table, "", &two);
    hand_over(&mut table, &three, &two);
    check(&table, &[1], &[], &ALONE, &[]);
    check(&table, &[1], &[checkpoint(&table, 1, &[1]), checkpoint(&table, 2, &[1])], &ALONE, &[]);
    // A key that leaves without another one leaves nobody.
    hand_over(&mut table, &one, "");
    let kept = [checkpoint(&table, 3, &[1])];
    check(&table, &[1], &kept, &[&[1], &[1], &[1], &[1], &[], &[]], &[]);
    // Two pinned keys, of which one leaves: the other stays.
    check(&table, &[1, 2], &kept, &[&[1, 2], &[1, 2], &[1, 2], &[1, 2], &[2], &[2]], &[]);
    // What has left cannot leave again, nor hand over.
    hand_over(&mut table, &one, &three);
    let kept = [kept[0].clone(), checkpoint(&table, 4, &[1])];
    check(&table, &[1], &kept, &[&[1], &[1], &[1], &[1], &[], &[], &[]], &[]);

    // There and back again.
    let mut table = Table::new();
    hand_over(&mut table, &one, &two);
    hand_over(&mut table, &two, &one);
    let kept = [checkpoint(&table, 1, &[1]), checkpoint(&table, 2, &[2])];
    check(&table, &[1], &kept, &[&[1], &[1, 2], &[2, 1], &[1], &[1]], &[]);
}

#[test]
fn another_log() {
    let table = epochs(BATCHES[0]);
    let policy = pinned(&[1]);
    let error = Handovers::follow(&policy, "example.org", &table.verify_chain().keys, &[]).unwrap_err();
    let message = format!("expected a log of the policy ({}), found example.org", table.header.origin());
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Untrusted, message));
    let none = Policy::parse(b"quorum none\n").unwrap();
    assert!(Handovers::follow(&none, table.header.origin(), &[], &[]).is_err());
}
