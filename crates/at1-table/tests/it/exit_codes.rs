//! What a verification ends with: each finding about what lies outside or beside a ledger, and which of several counts.
//!
//! * In the order of the specification 1, 5, 4, 6, 7, 3 comes first what needs somebody's attention most.
//! * Which attack comes to which code is in [`crate::attacks`].

use std::{io, sync::Arc, time::Duration};

use at1_ledger::{
    Checkpoint, Digest, KeyType, Policy, SecretKey, SignedCheckpoint, Signer as _, TimeReceiptKind, Timestamp,
};
use at1_table::{
    ChainHead, ErrorKind, Level, MaxUnsigned, StampCheck, VerifyOptions, VerifyReport, paths, repair, store::Store,
    verify_store,
};
use at1_testkit::{
    fault::{Fault, Image, Schedule, Then},
    store::MemStore,
};

use crate::{
    append,
    attacks::{
        attacker::{self, lines, note, put_lines, remove, segment, strip},
        stamper,
        story::Story,
    },
    attest::{codes, log_key, named, policy, verify, witness},
    open,
};

/// What the report of `options` says: exit code and findings.
#[track_caller]
fn check(store: &MemStore, options: &VerifyOptions, expected: (u8, &[&str])) -> VerifyReport {
    let report = verify(store, &VerifyOptions { threads: Some(1), ..options.clone() });
    let found = (report.verdict().exit_code(), &codes(&report)[..]);
    assert_eq!(found, expected, "{:?}", report.findings);
    report
}

/// A policy that asks for nothing but the log's key.
fn signed() -> VerifyOptions {
    VerifyOptions { policy: Some(policy(log_key(1).key(), &[], 0)), ..VerifyOptions::default() }
}

/// Verifies while a step fails, once.
fn verify_failing(store: &MemStore, options: &VerifyOptions, step: &str) -> VerifyReport {
    let disk = store.crash(Image::Everything);
    verify(&disk, options);
    let step = disk.journal(0).iter().position(|done| done == step).unwrap_or_else(|| panic!("no step {step}"));
    let disk = store.crash(Image::Everything);
    disk.fail(Some(Schedule { step: step as u64, fault: Fault::BeforeEffect, then: Then::Recovers }));
    verify(&disk, options)
}

/// Something that is wrong, by itself: with the directory, or with what somebody outside has.
type Wrong = fn(&MemStore, &mut VerifyOptions);

const ORDER: [(u8, Wrong); 5] = [
    (1, |store, _| {
        let mut bytes = store.files()[&segment(4)].clone();
        bytes[100] ^= 1;
        store.put(&segment(4), &bytes);
    }),
    (5, |_, options| options.heads = vec![ChainHead { n: 3, chain: Digest([7; 32]) }]),
    (4, |_, options| options.policy = Some(policy(log_key(7).key(), &[], 0))),
    (6, |_, options| options.max_age = Some(Duration::from_secs(1))),
    (7, |store, _| store.put(paths::LEDGER, &[&store.files()[paths::LEDGER], &b"half a line"[..]].concat())),
];

/// Every set of things that are wrong at once.
#[test]
fn the_first_in_the_order_counts() {
    let story = Story::told();
    for set in 0..1_u32 << (ORDER.len() + 1) {
        let (store, mut options) = (story.store.crash(Image::Everything), VerifyOptions::default());
        options.threads = Some(1);
        let there: Vec<_> =
            ORDER.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, wrong)| wrong).collect();
        there.iter().for_each(|(_, wrong)| wrong(&store, &mut options));
        let unreadable = set >> ORDER.len() == 1;
        let report = match unreadable {
            true => verify_failing(&store, &options, &format!("open {}", segment(6))),
            false => verify(&store, &options),
        };
        let last = if unreadable { 3 } else { 0 };
        let expected = there.first().map_or(last, |(code, _)| *code);
        assert_eq!(report.verdict().exit_code(), expected, "set {set:b}: {:?}", report.findings);
        let verdicts = there.len() + usize::from(unreadable);
        assert!(report.findings.len() >= verdicts, "nothing hides another: {:?}", report.findings);
        assert_eq!(report.memory.is_some(), expected == 0, "only what holds is remembered");
    }
}

/// Whatever cannot be read, a verification says so.
#[test]
fn nothing_unread_is_fine() {
    let story = Story::told();
    let options = VerifyOptions {
        policy: Some(story.policy(3)),
        stamps: story.stamps(),
        memory: Some(story.outside().memory),
        threads: Some(1),
        ..VerifyOptions::default()
    };
    let disk = story.store.crash(Image::Everything);
    check(&disk, &options, (0, &[]));
    let steps = disk.journal(0);
    // The marker of a failed disk stops writers, and says nothing of what is there. Blocks of the manifest are made again.
    let matters = |step: &str| !step.contains(paths::POISONED) && !step.contains(paths::MANIFEST);
    for (number, step) in steps.iter().enumerate().filter(|(_, step)| matters(step)) {
        let disk = story.store.crash(Image::Everything);
        disk.fail(Some(Schedule { step: number as u64, fault: Fault::BeforeEffect, then: Then::Recovers }));
        let told = verify_store(Arc::new(disk.clone()), &options).map(|report| report.verdict().exit_code());
        assert!(told.as_ref().ok() != Some(&0), "step {number}, {step}: {told:?}");
    }
}

#[test]
fn nothing_there_is_nothing_that_holds() {
    let store = MemStore::new();
    let error = verify_store(Arc::new(store.clone()), &VerifyOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::NoTable, 3));
    store.put(paths::LEDGER, b"");
    check(&store, &VerifyOptions::default(), (7, &["torn"]));
    store.put(paths::LEDGER, b"at1-ledger/v9 {}\n");
    check(&store, &VerifyOptions::default(), (3, &["unknown"]));
    check(&store, &signed(), (3, &["unknown"]));
    store.put(paths::LEDGER, b"something else\n");
    check(&store, &VerifyOptions::default(), (3, &["unknown"]));
    // And whatever a report says, what was not looked at did not hold.
    let sound = check(&signed_but_one(), &VerifyOptions::default(), (0, &[]));
    for unlooked in [VerifyReport { chain: None, ..sound.clone() }, VerifyReport { immutable: None, ..sound }] {
        assert_eq!(unlooked.verdict().exit_code(), 3);
    }
}

/// A table of two events that are signed, the append and the key, and one that is not.
fn signed_but_one() -> MemStore {
    let (store, table) = named();
    append(&table, "a\n1\n");
    table.checkpoint(&log_key(1), &mut None).unwrap();
    append(&table, "a\n2\n");
    store
}

/// Cuts the ledger in the middle of a line.
fn tear(store: &MemStore, line: usize) -> Vec<u8> {
    let mut lines = lines(store);
    lines.truncate(line + 1);
    let half = lines[line].len() / 2;
    lines[line].truncate(half);
    put_lines(store, &lines);
    lines.pop().unwrap()
}

#[test]
fn a_torn_tail_that_was_signed_is_no_crash() {
    let store = signed_but_one();
    tear(&store, 2);
    let torn = store.files();
    // The second line is covered by the checkpoint: it was whole once.
    for options in [VerifyOptions::default(), signed()] {
        let report = verify(&store, &options);
        assert_eq!(report.verdict().exit_code(), 1, "{:?}", report.findings);
        assert!(codes(&report).starts_with(&["torn", "orphan", "checkpoint_ahead"]), "{:?}", report.findings);
    }
    let error = crate::legal::try_append(&open(&store), b"a\n3\n").unwrap_err();
    let message = "_at1/ledger: expected the 2 events of a checkpoint, found 1 and a torn line: at1 repair tells more";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Corrupt, message));
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    for problem in repair::examine(&shared, None).unwrap().problems {
        assert!(repair::apply(&shared, None, &problem).is_err(), "{problem:?}");
    }
    assert!(store.files() == torn, "nobody cuts it");
}

#[test]
fn a_torn_tail_that_nobody_signed_is_cut() {
    let store = signed_but_one();
    let tail = tear(&store, 3);
    check(&store, &VerifyOptions::default(), (7, &["torn", "orphan"]));
    check(&store, &signed(), (7, &["torn", "orphan"]));
    append(&open(&store), "a\n3\n");
    check(&store, &signed(), (0, &["uncovered"]));
    assert!(store.files().iter().any(|(path, bytes)| path.starts_with(paths::TORN) && *bytes == tail));
}

/// A checkpoint that is another ledger's protects no line of this one.
#[test]
fn a_checkpoint_of_another_origin() {
    let store = signed_but_one();
    let other = SecretKey::from_seed(&[9; 32], "example.org/others", KeyType::Ed25519).unwrap();
    let checkpoint = Checkpoint { origin: other.key().name().to_owned(), size: 9, root: Digest([7; 32]) };
    let note = SignedCheckpoint::sign(checkpoint, &other).unwrap();
    store.put(paths::CHECKPOINT, note.to_string().as_bytes());
    check(&store, &VerifyOptions::default(), (1, &["checkpoint_differs"]));
    check(&store, &signed(), (1, &["checkpoint_differs", "unsigned"]));
    tear(&store, 3);
    append(&open(&store), "a\n3\n");
}

#[test]
fn a_policy_of_another_origin() {
    let store = signed_but_one();
    let other = SecretKey::from_seed(&[9; 32], "example.org/others", KeyType::Ed25519).unwrap();
    let options = |policy| VerifyOptions { policy: Some(policy), ..VerifyOptions::default() };
    let report = check(&store, &options(policy(other.key(), &[], 0)), (4, &["untrusted"]));
    let message = "untrusted: policy: expected a log of the policy (example.org/others), found example.org/trades";
    assert_eq!((report.findings[0].to_string().as_str(), report.level()), (message, Level::SelfConsistent));
    // One that knows this log among others is good for it.
    let both = Policy::of_logs(vec![other.key().clone(), log_key(1).key().clone()]).unwrap();
    check(&store, &options(both), (0, &["uncovered"]));
}

#[test]
fn checkpoints_that_cannot_be_read() {
    let store = signed_but_one();
    for file in ["_at1/checkpoint", "_at1/checkpoints", "_at1/anchors"] {
        let step = if file == paths::CHECKPOINT { format!("open {file}") } else { format!("list {file}") };
        let report = verify_failing(&store, &VerifyOptions::default(), &step);
        assert_eq!((report.verdict().exit_code(), &codes(&report)[..]), (3, &["unreadable"][..]), "{step}");
        // What a policy asks for is missing all the same, and that somebody can make a file unreadable excuses nothing.
        let report = verify_failing(&store, &signed(), &step);
        assert_eq!((report.verdict().exit_code(), codes(&report)[0]), (4, "unreadable"), "{step}");
    }
}

/// Each byte of the newest checkpoint, and each length.
#[test]
fn checkpoints_that_are_damaged() {
    let store = signed_but_one();
    let good = store.files()[paths::CHECKPOINT].clone();
    let damaged = (0..good.len()).flat_map(|at| {
        let flipped = [0x01, 0x80].map(|mask| {
            let mut bytes = good.clone();
            bytes[at] ^= mask;
            bytes
        });
        [good[..at].to_vec()].into_iter().chain(flipped)
    });
    for bytes in damaged {
        store.put(paths::CHECKPOINT, &bytes);
        let report = verify(&store, &signed());
        let code = report.verdict().exit_code();
        assert!(matches!(code, 1 | 4), "{}: {:?}", bytes.escape_ascii(), report.findings);
        assert_eq!(report.trusted, None, "{}", bytes.escape_ascii());
    }
    for (path, bytes) in [
        (paths::CHECKPOINT, &b"text"[..]),
        ("_at1/checkpoints/2.note", &good[..good.len() - 1]),
        ("_at1/anchors/2-0.tsr", b"x"),
    ] {
        let store = signed_but_one();
        [paths::CHECKPOINTS, paths::ANCHORS].iter().for_each(|folder| store.make_folder(folder).unwrap());
        store.put(path, bytes);
        let report = verify(&store, &VerifyOptions::default());
        assert_eq!((report.verdict().exit_code(), &codes(&report)[..]), (1, &["kept"][..]), "{path}");
        assert_eq!(report.findings[0].place, path);
    }
}

/// Damage to root or signature, and to what makes it a checkpoint at all: it is signed again as it was.
#[test]
fn signing_anew_mends_a_checkpoint() {
    let (store, table) = named();
    append(&table, "a\n1\n");
    let mut memory = None;
    table.checkpoint(&log_key(1), &mut memory).unwrap();
    let good = store.files()[paths::CHECKPOINT].clone();
    for at in (good.iter().position(|byte| *byte == b'2').unwrap() + 1..good.len()).step_by(5) {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for damaged in [&flipped, &good[..at]] {
            store.put(paths::CHECKPOINT, damaged);
            table.checkpoint(&log_key(1), &mut memory).unwrap();
            check(&store, &signed(), (0, &[]));
        }
    }
}

#[test]
fn quorums_that_are_weak() {
    let story = Story::told();
    let keys: Vec<_> = [11, 12, 13, 14].map(witness).into();
    let keys: Vec<_> = keys.iter().collect();
    let (none_shared, one_shared) = ("need not share any witness", "share a single witness at the least");
    for (threshold, of, expected) in [
        (1, 1, Some(one_shared)),
        (1, 2, Some(none_shared)),
        (1, 3, Some(none_shared)),
        (2, 3, Some(one_shared)),
        (2, 4, Some(none_shared)),
        (2, 2, None),
        (3, 3, None),
        (3, 4, None),
    ] {
        let options = VerifyOptions {
            policy: Some(policy(log_key(1).key(), &keys[..of], threshold)),
            stamps: story.stamps(),
            ..VerifyOptions::default()
        };
        let codes: &[&str] = if expected.is_some() { &["weak_quorum"] } else { &[] };
        let report = check(&story.store, &options, (0, codes));
        let said = report.findings.first().map_or("", |finding| &finding.message);
        assert!(said.contains(expected.unwrap_or_default()), "{threshold} of {of}: {said}");
        assert!(report.levels.contains(&Level::Witnessed));
    }
}

#[test]
fn how_much_may_be_unsigned() {
    let store = signed_but_one();
    let oldest = attacker::events(&store)[2].ts;
    let at = |max, nanos| {
        let now = Timestamp::from_nanos(oldest.nanos() + nanos).unwrap();
        VerifyOptions { max_unsigned: Some(max), now: Some(now), ..signed() }
    };
    let second = 1_000_000_000;
    let limit = MaxUnsigned::Age(Duration::from_secs(60));
    check(&store, &at(limit, 60 * second), (0, &["uncovered"]));
    let report = check(&store, &at(limit, 60 * second + 1), (6, &["stale"]));
    let message = format!(
        "expected none older than 60 s, found one of {oldest} behind the newest checkpoint that satisfies the policy"
    );
    assert_eq!((&*report.findings[0].place, &*report.findings[0].message), ("event 2", &*message));
    check(&store, &at(MaxUnsigned::Events(1), 0), (0, &["uncovered"]));
    let report = check(&store, &at(MaxUnsigned::Events(0), 0), (6, &["stale"]));
    let message = "expected at most 0 events, found 1 behind the newest checkpoint that satisfies the policy";
    assert_eq!((report.findings[0].message.as_str(), report.uncovered), (message, Some(1)));
    // Without any signature all events are: too old, and not trusted at all.
    strip(&store);
    check(&store, &at(limit, 3600 * second), (4, &["unsigned", "stale"]));
    check(&store, &at(limit, 0), (4, &["unsigned"]));
}

/// What must not be older than 100 seconds, at different seconds.
#[test]
fn how_old_the_newest_statement_may_be() {
    let story = Story::told();
    let at = |second: u64, options: &VerifyOptions| VerifyOptions {
        max_age: Some(Duration::from_secs(100)),
        now: Some(stamper::time(story.start + second)),
        ..options.clone()
    };
    let witnessed = VerifyOptions { policy: Some(story.policy(3)), ..VerifyOptions::default() };
    check(&story.store, &at(1120, &witnessed), (0, &["stamps_unchecked"]));
    check(&story.store, &at(1121, &witnessed), (6, &["stamps_unchecked", "stale"]));
    let stamped = VerifyOptions { stamps: story.stamps(), ..VerifyOptions::default() };
    check(&story.store, &at(1110, &stamped), (0, &[]));
    let report = check(&story.store, &at(1111, &stamped), (6, &["stale"]));
    let message = format!(
        "expected a quorum's cosignatures or a receipt that held, not older than 100 s, found the newest of {}",
        stamper::time(story.start + 1010)
    );
    assert_eq!(report.findings[0].message, message);
    // What is ahead of the verifier's clock by more than clocks are apart is not fresh: it would be so for ever.
    let before =
        |seconds: u64| VerifyOptions { now: Some(stamper::time(story.start + 1010 - seconds)), ..at(0, &stamped) };
    check(&story.store, &before(300), (0, &[]));
    let report = check(&story.store, &before(301), (6, &["stale"]));
    assert!(report.findings[0].message.contains("ahead of this clock"), "{}", report.findings[0]);
    // The younger of both counts; what nobody checked does not; a policy that asks for no witness hears none.
    let both = VerifyOptions { stamps: story.stamps(), ..witnessed };
    check(&story.store, &at(1120, &both), (0, &[]));
    let report = check(&story.store, &at(0, &VerifyOptions::default()), (6, &["stamps_unchecked", "stale"]));
    assert!(report.findings[1].message.ends_with("found none"), "{}", report.findings[1]);
    check(&story.store, &at(0, &signed()), (6, &["stamps_unchecked", "stale"]));
}

/// Checks stamps by a rule instead of asking who gave them.
#[derive(Debug)]
struct Rule(fn(&[u8]) -> io::Result<bool>);

impl StampCheck for Rule {
    fn is_good(&self, kind: TimeReceiptKind, receipt: &[u8], _: &[u8]) -> io::Result<bool> {
        assert_eq!(kind, TimeReceiptKind::Rfc3161);
        (self.0)(receipt)
    }
}

fn by(rule: fn(&[u8]) -> io::Result<bool>) -> VerifyOptions {
    VerifyOptions { stamps: Some(Arc::new(Rule(rule))), ..VerifyOptions::default() }
}

#[test]
fn anchors() {
    let story = Story::told();
    let store = &story.store;
    let accepted = VerifyOptions { stamps: story.stamps(), ..VerifyOptions::default() };
    let report = check(store, &accepted, (0, &[]));
    assert_eq!((report.level(), report.anchored), (Level::TimeAnchored, Some(7)));
    let report = check(store, &VerifyOptions::default(), (0, &["stamps_unchecked"]));
    assert_eq!((report.level(), report.anchored), (Level::SelfConsistent, None));
    assert_eq!(report.findings[0].message, "receipts about this ledger whose signatures nobody was told to check: 2");
    let report = check(store, &by(|_| Ok(false)), (4, &["stamp_refused", "stamp_refused"]));
    assert_eq!((report.level(), report.anchored), (Level::SelfConsistent, None));
    let report = check(store, &by(|_| Err(io::Error::other("no certificates"))), (3, &["unreadable", "unreadable"]));
    assert!(report.findings[0].message.ends_with("could not be checked: no certificates"), "{}", report.findings[0]);
    // What is stamped has to be signed by the log, where a policy says who that is.
    let other = VerifyOptions { policy: Some(policy(log_key(7).key(), &[], 0)), ..accepted.clone() };
    let report = check(store, &other, (4, &["untrusted", "untrusted", "untrusted"]));
    assert_eq!((report.level(), report.anchored), (Level::SelfConsistent, None));

    // Gone, one by one: the other still counts, and a missing one fails nothing by itself.
    let receipts: Vec<_> = store.files().into_keys().filter(|path| path.ends_with(".tsr")).collect();
    let [first, second] = &receipts[..] else { panic!("{receipts:?}") };
    for (gone, anchored) in [(first, Some(7)), (second, Some(3))] {
        let disk = store.crash(Image::Everything);
        disk.take(gone);
        let report = check(&disk, &accepted, (0, &["anchor_missing"]));
        assert_eq!((report.level(), report.anchored), (Level::TimeAnchored, anchored));
    }
    let disk = store.crash(Image::Everything);
    remove(&disk, paths::ANCHORS);
    let report = check(&disk, &accepted, (0, &["anchor_missing", "anchor_missing"]));
    assert_eq!((report.level(), report.anchored), (Level::SelfConsistent, None));

    // A receipt without what it stamped, and with something else that was signed too.
    let note = |receipt: &str| receipt.replace(".tsr", ".note");
    let disk = store.crash(Image::Everything);
    disk.take(&note(first));
    check(&disk, &accepted, (1, &["kept", "anchor_missing"]));
    let disk = store.crash(Image::Everything);
    disk.put(&note(first), &store.files()[&note(second)]);
    check(&disk, &accepted, (1, &["anchor_differs"]));
    // Not even with the same checkpoint under fewer signatures: others vouch for bytes.
    let disk = store.crash(Image::Everything);
    let text = String::from_utf8(store.files()[&note(first)].clone()).unwrap();
    let fewer = &text[..=text[..text.len() - 1].rfind('\n').unwrap()];
    disk.put(&note(first), fewer.as_bytes());
    check(&disk, &accepted, (1, &["anchor_differs"]));
}

/// Others' statements around each event: a stamp bounds what it covers from above, and from below its `anchor` event and what follows.
#[test]
fn intervals() {
    let mut story = Story::told();
    // Event 8 comes before event 9, which is the stamp of what came before both.
    attacker::add(&story.store, note("x"), None);
    story.anchor(1060);
    let seconds = |options: &VerifyOptions| -> Vec<[Option<u64>; 2]> {
        let report = verify(&story.store, options);
        let second = |time: Timestamp| u64::try_from(time.nanos() / 1_000_000_000).unwrap() - story.start;
        let bounds = |n| {
            let interval = report.interval(n);
            [interval.after.or(interval.unseen), interval.before].map(|bound| bound.map(|bound| second(bound.time)))
        };
        (0..10).map(bounds).collect()
    };
    let stamps = VerifyOptions { stamps: story.stamps(), ..VerifyOptions::default() };
    let [first, second] = [[None, Some(20)], [Some(20), Some(1010)]];
    let third = [[Some(1010), Some(1060)], [Some(1010), None], [Some(1060), None]];
    assert_eq!(seconds(&stamps), [&[first; 3][..], &[second; 4], &third].concat());
    let witnesses = VerifyOptions { policy: Some(story.policy(3)), ..VerifyOptions::default() };
    let [first, second, third] = [[None, Some(10)], [Some(10), Some(1000)], [Some(1000), Some(1020)]];
    assert_eq!(seconds(&witnesses), [&[first; 3][..], &[second; 4], &[third], &[[Some(1020), None]; 2]].concat());
    assert_eq!(seconds(&VerifyOptions::default()), [[None, None]; 10]);
}

/// A new stamp of an old checkpoint says nothing of now, unless a key of the policy signed the event that names it.
#[test]
fn fresh_stamps_are_signed() {
    let mut story = Story::told();
    story.anchor(1060);
    let options = VerifyOptions {
        policy: Some(story.policy(0)),
        stamps: story.stamps(),
        max_age: Some(Duration::from_secs(60)),
        now: Some(Timestamp::from_nanos(i128::from(story.start + 1100) * 1_000_000_000).unwrap()),
        ..VerifyOptions::default()
    };
    check(&story.store, &options, (6, &["uncovered", "stale"]));
    story.sign();
    check(&story.store, &options, (0, &[]));
}
