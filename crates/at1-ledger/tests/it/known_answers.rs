//! The worked example signed and proved: the proof files that an independent program made, byte for byte.

use std::fs;

use at1_ledger::{
    Beside, Checkpoint, Claim, Digest, KeyType, Policy, RowsClaim, RowsForm, SecretKey, Shown, SignedCheckpoint,
    Signer, TlogProof, VerifierKey, check_proof, leaf_hash, prove_inclusion, prove_range, root,
};

use crate::standin::{BATCHES, Table, example, records};

/// RFC 8032, 7.1, tests 1 and 2.
const LOG_SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const WITNESS_SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
pub(crate) const WITNESS: &str = "witness.example/w1";
/// 2026-01-22T16:00:10Z.
pub(crate) const COSIGNED: u64 = 1_769_097_610;

fn seed(hex: &str) -> [u8; 32] {
    hex.parse::<Digest>().unwrap().0
}

pub(crate) fn log_key(table: &Table) -> SecretKey {
    SecretKey::from_seed(&seed(LOG_SEED), table.header.origin(), KeyType::Ed25519).unwrap()
}

pub(crate) fn witness_key() -> SecretKey {
    SecretKey::from_seed(&seed(WITNESS_SEED), WITNESS, KeyType::Cosignature).unwrap()
}

/// The checkpoint of everything, with the log's signature and the witness's.
pub(crate) fn checkpoint(table: &Table) -> SignedCheckpoint {
    let leaves = table.leaves();
    let checkpoint =
        Checkpoint { origin: table.header.origin().into(), size: leaves.len() as u64, root: root(&leaves) };
    let mut signed = SignedCheckpoint::sign(checkpoint, &log_key(table)).unwrap();
    let witness = witness_key();
    let answer = format!("{}\n", signed.cosign(COSIGNED, &witness).unwrap());
    let keys = [witness.key().clone()];
    assert_eq!(signed.add_cosignatures(answer.as_bytes(), &keys).unwrap(), [&keys[0]]);
    signed
}

pub(crate) fn policy(table: &Table) -> Policy {
    let text = format!("log {}\nwitness w1 {}\nquorum w1\n", log_key(table).key(), witness_key().key());
    Policy::parse(text.as_bytes()).unwrap()
}

/// The proof file of some rows of a batch, which event `n` appended.
pub(crate) fn rows_proof(table: &Table, n: u64, batch: u64, form: RowsForm, rows: std::ops::Range<u64>) -> TlogProof {
    let source = BATCHES[usize::try_from(batch).unwrap()];
    let leaves = Table::row_leaves(source);
    let range = usize::try_from(rows.start).unwrap()..usize::try_from(rows.end).unwrap();
    let path = match form {
        RowsForm::Row => prove_inclusion(rows.start, &leaves).unwrap(),
        RowsForm::Range => prove_range(rows.clone(), &leaves).unwrap(),
    };
    let bytes = records(source)[range].iter().map(|row| row.to_vec()).collect();
    let rows = RowsClaim { batch, first: rows.start, rows: bytes, path, form };
    event_proof(table, n, Some(rows))
}

/// The proof file of event `n`.
pub(crate) fn event_proof(table: &Table, n: u64, rows: Option<RowsClaim>) -> TlogProof {
    let line = table.ledger.split(|byte| *byte == b'\n').nth(usize::try_from(n).unwrap() + 1).unwrap();
    let claim = Claim { event: line[65..].to_vec(), rows };
    assert_eq!(leaf_hash(&claim.event), table.events[usize::try_from(n).unwrap()].leaf);
    let packed = claim.pack().unwrap();
    assert_eq!((&packed.rows, &packed.event), (&None, &None));
    TlogProof {
        extra: Some(packed.extra),
        index: n,
        path: prove_inclusion(n, &table.leaves()).unwrap(),
        checkpoint: checkpoint(table),
    }
}

#[test]
fn keys() {
    let table = example(BATCHES, 6);
    let log = "at1.local/000102030405060708090a0b0c0d0e0f+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
    assert_eq!(log_key(&table).key().to_string(), log);
    let witness = "witness.example/w1+04d2d833+BD1AF8PoQ4lakrcKp00bfrycmCzPLsSWjMDNVfEq9GYM";
    assert_eq!(witness_key().key(), &witness.parse::<VerifierKey>().unwrap());
}

#[test]
fn proof_of_a_row() {
    let table = example(BATCHES, 6);
    let proof = rows_proof(&table, 1, 1, RowsForm::Row, 1..2).to_string();
    assert_eq!(
        Digest::of(proof.as_bytes()).to_string(),
        "ccd3f2af98ec9b6ef474efb5f7e4e5e3cd47eed833c1830b7972a6be2a831f4a"
    );
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/proofs/row.tlog-proof");
    assert_eq!(fs::read_to_string(kept).unwrap(), proof);
    let Shown::Rows(event, rows) =
        check_proof(proof.as_bytes(), Beside::default(), None, &policy(&table)).unwrap().what
    else {
        panic!("not rows")
    };
    assert_eq!((event.n, rows.batch, rows.first, rows.first_in_table), (1, 1, 1, 4));
    assert_eq!(rows.rows, [b"5,di\n"]);
}

#[test]
fn proof_of_a_range() {
    let table = example(BATCHES, 6);
    let proof = rows_proof(&table, 0, 0, RowsForm::Range, 1..3).to_string();
    assert_eq!(
        Digest::of(proof.as_bytes()).to_string(),
        "0f7b52455bd148d94536b0ee6edde7c7a836782059ef5c2a581043643d8405e5"
    );
    let Shown::Rows(event, rows) =
        check_proof(proof.as_bytes(), Beside::default(), None, &policy(&table)).unwrap().what
    else {
        panic!("not rows")
    };
    assert_eq!((event.n, rows.batch, rows.first, rows.first_in_table), (0, 0, 1, 1));
    assert_eq!(rows.rows, [&b"2,bob\n"[..], b"\n3,\n"]);
}

/// The specification shows these texts.
#[test]
fn specification_quotes_these_answers() {
    let table = example(BATCHES, 6);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/proofs.md")).unwrap();
    let row = rows_proof(&table, 1, 1, RowsForm::Row, 1..2).to_string();
    let range = rows_proof(&table, 0, 0, RowsForm::Range, 1..3).to_string();
    let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
    for text in [
        log_key(&table).key().to_string(),
        witness_key().key().to_string(),
        checkpoint(&table).to_string(),
        digest(&row),
        digest(&range),
        format!("{} bytes", row.len()).replace("1973", "1,973"),
    ] {
        assert!(page.contains(&text), "docs/spec/proofs.md does not have {text}");
    }
}
