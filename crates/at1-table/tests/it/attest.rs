//! Signing, proving, witnessing and anchoring a table, and what a verifier makes of it.

use std::sync::Arc;

use at1_ledger::{
    Beside, KeyType, Memory, Policy, SecretKey, Shown, SignedCheckpoint, Signer, VerifierKey, check_proof,
};
use at1_table::{
    Code, CompactOptions, CreateOptions, ErrorKind, Level, ProofOf, RowsCheck, Table, VerifyOptions, VerifyReport,
    verify_store,
};
use at1_testkit::store::MemStore;

use crate::{append, open};

pub(crate) const ORIGIN: &str = "example.org/trades";

pub(crate) fn named() -> (MemStore, Table) {
    let store = MemStore::new();
    let options = CreateOptions { origin: Some(ORIGIN.into()), ..CreateOptions::default() };
    let table = Table::create_in(Arc::new(store.clone()), &options).unwrap();
    (store, table)
}

pub(crate) fn log_key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32], ORIGIN, KeyType::Ed25519).unwrap()
}

pub(crate) fn witness(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32], &format!("witness.example/w{seed}"), KeyType::Cosignature).unwrap()
}

pub(crate) fn policy(log: &VerifierKey, witnesses: &[&SecretKey], threshold: usize) -> Policy {
    let mut text = format!("log {log}\n");
    for (i, witness) in witnesses.iter().enumerate() {
        text += &format!("witness w{i} {}\n", witness.key());
    }
    let names: Vec<_> = (0..witnesses.len()).map(|i| format!("w{i}")).collect();
    text += &match names.len() {
        0 => "quorum none\n".to_owned(),
        _ => format!("group g {threshold} {}\nquorum g\n", names.join(" ")),
    };
    Policy::parse(text.as_bytes()).unwrap()
}

pub(crate) fn verify(store: &MemStore, options: &VerifyOptions) -> VerifyReport {
    verify_store(Arc::new(store.clone()), options).unwrap()
}

pub(crate) fn codes(report: &VerifyReport) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// As a witness answers: the newest checkpoint cosigned, if it goes on from the one before.
pub(crate) fn cosign(table: &Table, witness: &SecretKey, time: u64) {
    let request = table.witness_request(witness.key()).unwrap();
    let answer = format!("{}\n", request.checkpoint.cosign(time, witness).unwrap());
    let report = table.add_cosignatures(answer.as_bytes(), &[witness.key().clone()]).unwrap();
    assert_eq!(report.keys, [witness.key().clone()]);
}

#[test]
fn signed_then_witnessed() {
    let (store, table) = named();
    append(&table, "id,name\n1,ada\n2,bob\n");
    let (key, w1, w2) = (log_key(1), witness(2), witness(3));
    let mut memory = None;
    let first = table.checkpoint(&key, &mut memory).unwrap();
    assert_eq!((first.key_event, first.events_before, first.checkpoint.checkpoint().size), (Some(1), 0, 2));
    let signed = VerifyOptions { policy: Some(policy(key.key(), &[], 0)), ..VerifyOptions::default() };
    let report = verify(&store, &signed);
    assert_eq!((report.level(), report.verdict().exit_code(), codes(&report)), (Level::Signed, 0, vec![]));

    let asked = VerifyOptions { policy: Some(policy(key.key(), &[&w1, &w2], 2)), ..VerifyOptions::default() };
    let report = verify(&store, &asked);
    assert_eq!((report.verdict().exit_code(), codes(&report)), (4, vec!["untrusted"]));
    cosign(&table, &w1, 1_800_000_000);
    assert_eq!(verify(&store, &asked).verdict().exit_code(), 4);
    cosign(&table, &w2, 1_800_000_010);
    let report = verify(&store, &asked);
    assert_eq!((report.level(), report.verdict().exit_code(), codes(&report)), (Level::Witnessed, 0, vec![]));

    // A newer checkpoint that is still on its way to the witnesses takes nothing away.
    append(&table, "id,name\n3,cy\n");
    let second = table.checkpoint(&key, &mut memory).unwrap();
    assert_eq!((second.key_event, second.events_before, second.checkpoint.checkpoint().size), (None, 2, 3));
    let report = verify(&store, &asked);
    assert_eq!((report.level(), report.uncovered, codes(&report)), (Level::Witnessed, Some(1), vec!["uncovered"]));
}

#[test]
fn proofs_hold_before_and_after_compaction() {
    let (_, table) = named();
    append(&table, "id,name\n1,ada\n2,bob\n\n3,\n");
    append(&table, "id,name\n4,cy\n5,di\n6,eve");
    let key = log_key(1);
    let mut memory = None;
    table.checkpoint(&key, &mut memory).unwrap();
    let policy = policy(key.key(), &[], 0);
    let shown = |of: &ProofOf| -> Vec<(u64, u64, Vec<Vec<u8>>)> {
        let proofs = table.prove(of).unwrap();
        let check = |proof: &at1_table::ProofFile| {
            let beside = Beside { rows: proof.rows_beside.as_deref(), event: proof.event_beside.as_deref() };
            let Shown::Rows(_, rows) = check_proof(&proof.proof, beside, None, &policy).unwrap().what else {
                panic!("no rows")
            };
            (rows.batch, rows.first_in_table, rows.rows)
        };
        proofs.iter().map(check).collect()
    };
    let expect = || {
        assert_eq!(shown(&ProofOf::Row(2)), [(0, 2, vec![b"\n3,\n".to_vec()])]);
        assert_eq!(shown(&ProofOf::Row(5)), [(1, 5, vec![b"6,eve".to_vec()])]);
        let range = [(0, 1, vec![b"2,bob\n".to_vec(), b"\n3,\n".to_vec()]), (1, 3, vec![b"4,cy\n".to_vec()])];
        assert_eq!(shown(&ProofOf::Rows(1..4)), range);
        assert_eq!(shown(&ProofOf::Batch(1))[0].2.len(), 3);
    };
    expect();
    table.compact(&CompactOptions { grace: std::time::Duration::ZERO, ..CompactOptions::default() }).unwrap();
    expect();
    table.checkpoint(&key, &mut memory).unwrap();
    expect();
    let event = table.prove(&ProofOf::Event(2)).unwrap();
    let Shown::Event(event) = check_proof(&event[0].proof, Beside::default(), None, &policy).unwrap().what else {
        panic!("no event")
    };
    assert_eq!(event.detail.kind.op().as_str(), "key");
}

#[test]
fn what_cannot_be_proved() {
    let (_, table) = named();
    append(&table, "a\n1\n");
    let refused = table.prove(&ProofOf::Row(0)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert_eq!(
        refused.to_string(),
        "_at1/checkpoint: expected a signed checkpoint, found none; at1 ledger checkpoint makes one"
    );
    let mut memory = None;
    table.checkpoint(&log_key(1), &mut memory).unwrap();
    append(&table, "a\n2\n");
    let message = "_at1/checkpoint: expected a checkpoint that covers event 2, found one of 2 events; at1 ledger checkpoint signs a newer one";
    assert_eq!(table.prove(&ProofOf::Row(1)).unwrap_err().to_string(), message);
    assert_eq!(table.prove(&ProofOf::Row(2)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(table.prove(&ProofOf::Rows(1..1)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(table.prove(&ProofOf::Batch(2)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(table.prove(&ProofOf::Event(3)).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(table.prove_growth(3).unwrap_err().kind(), ErrorKind::Invalid);
}

/// After a restore from an older copy the signer's memory refuses, whatever is appended meanwhile.
#[test]
fn a_signer_never_signs_two_histories() {
    let (store, table) = named();
    append(&table, "a\n1\n");
    let key = log_key(1);
    let mut memory = None;
    table.checkpoint(&key, &mut memory).unwrap();
    let older = store.files();
    append(&table, "a\n2\n");
    table.checkpoint(&key, &mut memory).unwrap();
    let back = MemStore::new();
    older.iter().for_each(|(path, bytes)| back.put(path, bytes));
    let restored = open(&back);
    let refused = restored.checkpoint(&key, &mut memory.clone()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rollback);
    append(&restored, "a\nanother history\n");
    append(&restored, "a\nthat is longer\n");
    let refused = restored.checkpoint(&key, &mut memory.clone()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rollback);
    assert_eq!(memory.as_ref().map(Memory::size), Some(3));
    // A memory that is lost: then the checkpoint that lies there tells, as far as it was not put back too.
    let checkpoint = store.files()["_at1/checkpoint"].clone();
    back.put("_at1/ledger", &older["_at1/ledger"]);
    back.put("_at1/checkpoint", &checkpoint);
    let refused = open(&back).checkpoint(&key, &mut None::<Memory>).unwrap_err();
    let message = "_at1/ledger: expected the 3 events of the checkpoint that this key signed, found 2";
    assert_eq!((refused.kind(), refused.to_string().as_str()), (ErrorKind::Rollback, message));
}

#[test]
fn keys_hand_over() {
    let (store, table) = named();
    append(&table, "a\n1\n");
    let (k1, k2, k3) = (log_key(1), log_key(2), log_key(3));
    let (mut m1, mut m2, mut m3) = (None, None, None);
    table.checkpoint(&k1, &mut m1).unwrap();
    let refused = table.checkpoint(&k2, &mut m2).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let handed = table.hand_over(&k1, &mut m1, &k2, &mut m2).unwrap();
    assert_eq!((handed.event, handed.checkpoint.checkpoint().size), (2, 3));
    append(&table, "a\n2\n");
    assert_eq!(table.checkpoint(&k1, &mut m1).unwrap_err().kind(), ErrorKind::Refused);
    table.checkpoint(&k2, &mut m2).unwrap();
    table.hand_over(&k2, &mut m2, &k3, &mut m3).unwrap();
    append(&table, "a\n3\n");
    table.checkpoint(&k3, &mut m3).unwrap();
    // Whoever pinned the first key follows to the third.
    let pinned = VerifyOptions { policy: Some(policy(k1.key(), &[], 0)), ..VerifyOptions::default() };
    let report = verify(&store, &pinned);
    assert_eq!((report.level(), report.verdict().exit_code(), codes(&report)), (Level::Signed, 0, vec![]));
    // Without the border's checkpoint nobody can.
    store.take("_at1/checkpoints/3.note");
    let report = verify(&store, &pinned);
    assert_eq!(codes(&report), ["handover", "untrusted"]);
    assert_eq!(report.verdict().exit_code(), 4);
}

#[test]
fn memories_find_what_no_signature_does() {
    let (store, table) = named();
    append(&table, "a\n1\n");
    let first = verify(&store, &VerifyOptions::default()).memory.unwrap();
    let older = store.files();
    append(&table, "a\n2\n");
    let remembering = VerifyOptions { memory: Some(first), ..VerifyOptions::default() };
    let report = verify(&store, &remembering);
    assert_eq!((report.level(), report.verdict().exit_code()), (Level::ExtendsMemory, 0));
    let newer = VerifyOptions { memory: report.memory, ..VerifyOptions::default() };
    let back = MemStore::new();
    older.iter().for_each(|(path, bytes)| back.put(path, bytes));
    let report = verify(&back, &newer);
    assert_eq!((codes(&report), report.verdict().exit_code()), (vec!["memory_shorter"], 5));
    assert_eq!((report.evidence.len(), report.memory), (1, None));
    let (other, table) = named();
    append(&table, "a\n1\n");
    let report = verify(&other, &newer);
    assert_eq!((codes(&report), report.verdict().exit_code()), (vec!["memory_other"], 5));
}

/// Verified whole once, a segment is only looked at by its length where that is asked for, and what that misses is said.
#[test]
fn only_new_files_are_hashed_again() {
    let (store, table) = named();
    append(&table, "a\n1\n");
    let memory = verify(&store, &VerifyOptions::default()).memory;
    append(&table, "a\n2\n");
    let new = VerifyOptions { memory, hashing: at1_table::Hashing::New, ..VerifyOptions::default() };
    let report = verify(&store, &new);
    assert_eq!((report.segments, report.segments_remembered, report.verdict().exit_code()), (2, 1, 0));
    assert_eq!(report.bytes, store.files()["segments/seg_000001.at1"].len() as u64);
    let mut changed = store.files()["segments/seg_000000.at1"].clone();
    changed[10] ^= 1;
    store.put("segments/seg_000000.at1", &changed);
    assert_eq!(verify(&store, &new).verdict().exit_code(), 0);
    assert_eq!(
        verify(&store, &VerifyOptions { rows: RowsCheck::Skip, ..VerifyOptions::default() }).verdict().exit_code(),
        1
    );
    changed.pop();
    store.put("segments/seg_000000.at1", &changed);
    assert!(verify(&store, &new).findings.iter().any(|finding| finding.code == Code::Changed));
}

/// A newest checkpoint that was damaged into one of more events does not stand in the way of the next.
#[test]
fn a_damaged_checkpoint_is_signed_over() {
    let (store, table) = named();
    append(&table, "a\n1\n");
    let (key, mut memory) = (log_key(1), None);
    let signed = table.checkpoint(&key, &mut memory).unwrap().checkpoint.to_string();
    store.put("_at1/checkpoint", signed.replacen("\n2\n", "\n9\n", 1).as_bytes());
    let pinned = VerifyOptions { policy: Some(policy(key.key(), &[], 0)), ..VerifyOptions::default() };
    assert_eq!(verify(&store, &pinned).verdict().exit_code(), 1);
    table.checkpoint(&key, &mut memory).unwrap();
    assert_eq!(store.files()["_at1/checkpoint"], signed.as_bytes());
    assert_eq!(verify(&store, &pinned).verdict().exit_code(), 0);
}

/// More kept checkpoints than are read: nothing is decided, rather than by some of them; signing and witnesses go on.
#[test]
fn too_many_kept_checkpoints() {
    let (store, table) = named();
    append(&table, "a\n1\n");
    let (key, mut memory) = (log_key(1), None);
    table.checkpoint(&key, &mut memory).unwrap();
    cosign(&table, &witness(2), 10);
    let note = store.files()["_at1/checkpoint"].clone();
    (0..=100_000).for_each(|size| store.put(&format!("_at1/checkpoints/{size}.note"), &note));
    let report = verify(&store, &VerifyOptions::default());
    assert_eq!((codes(&report), report.verdict().exit_code()), (vec!["unreadable"], 3));
    let message = "_at1/checkpoints: expected at most 100000 files, found 100001; move some elsewhere";
    assert_eq!(report.findings[0].message, message);
    append(&table, "2\n");
    table.checkpoint(&key, &mut memory).unwrap();
    cosign(&table, &witness(2), 20);
    store.take("_at1/checkpoints/100000.note");
    assert_eq!(verify(&store, &VerifyOptions::default()).verdict().exit_code(), 0);
}

#[test]
fn tiles_come_to_the_root() {
    let (_, table) = named();
    append(&table, "a\n1\n");
    let mut memory = None;
    let signed = table.checkpoint(&log_key(1), &mut memory).unwrap();
    let mut files = std::collections::BTreeMap::new();
    let checkpoint = table
        .export_tiles(&mut |_, path, bytes| {
            files.insert(path.to_owned(), bytes.to_vec());
            Ok(())
        })
        .unwrap();
    assert_eq!(checkpoint, *signed.checkpoint.checkpoint());
    assert_eq!(files.keys().collect::<Vec<_>>(), ["checkpoint", "tile/0/000.p/2", "tile/entries/000.p/2"]);
    assert_eq!(SignedCheckpoint::parse(&files["checkpoint"]).unwrap(), signed.checkpoint);
}
