//! What a proof shows, in words: who reads them has no other way to know how far they go.

use at1_ledger::{
    Beside, Checkpoint, GrowthProof, Policy, Proved, Quorum, RowsForm, Shown, SignedCheckpoint, Signer, Trust,
    check_proof, prove_consistency, root,
};

use crate::{
    known_answers::{checkpoint, event_proof, log_key, policy, rows_proof, witness_key},
    standin::{BATCHES, example},
};

const LOG: &str = "at1.local/000102030405060708090a0b0c0d0e0f+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
const WITNESSED: &str =
    "  cosigned by w1 at 2026-01-22T16:00:10Z\n  a quorum of the policy had seen it by 2026-01-22T16:00:10Z";

fn proved(file: &str, old: Option<&str>, policy: &Policy) -> Proved {
    check_proof(file.as_bytes(), Beside::default(), old.map(str::as_bytes), policy).unwrap()
}

/// The words of a proof under the worked policy: what is shown, then of which ledger and on whose word.
#[track_caller]
fn check(file: &str, old: Option<&str>, expected: &str) {
    let table = example(BATCHES, 6);
    let said = proved(file, old, &policy(&table)).to_string();
    let ledger = format!("  in the ledger {}, as of 6 events\n  signed by {LOG}\n{WITNESSED}", table.header.origin());
    assert_eq!(said, format!("{expected}\n{ledger}"));
}

#[test]
fn rows() {
    let table = example(BATCHES, 6);
    let said = |n, batch, form, rows, expected: &str| {
        check(&rows_proof(&table, n, batch, form, rows).to_string(), None, expected);
    };
    let by = |n: u64| format!("\n  appended by event {n} at 2026-01-22T16:00:0{n}.000000000Z by its writer's clock");
    let [first, second] = [0, 1].map(by);
    said(1, 1, RowsForm::Row, 1..2, &format!("proved: row 1 of batch 1 (row 4 of the table){second}"));
    said(1, 1, RowsForm::Range, 1..2, &format!("proved: row 1 of batch 1 (row 4 of the table){second}"));
    let missing = "none between missing";
    said(
        0,
        0,
        RowsForm::Range,
        1..3,
        &format!("proved: rows 1 to 2 of batch 0, {missing} (rows 1 to 2 of the table){first}"),
    );
    let all = "(rows 3 to 5 of the table): all of the batch";
    said(1, 1, RowsForm::Range, 0..3, &format!("proved: rows 0 to 2 of batch 1, {missing} {all}{second}"));
    said(
        1,
        2,
        RowsForm::Row,
        0..1,
        &format!("proved: row 0 of batch 2 (row 6 of the table): all of the batch{second}"),
    );
}

#[test]
fn events_checkpoints_and_growth() {
    let table = example(BATCHES, 6);
    let event = "a compact at 2026-01-22T16:00:03.000000000Z by its writer's clock";
    check(&event_proof(&table, 3, None).to_string(), None, &format!("proved: event 3, {event}"));
    let newest = checkpoint(&table);
    check(&newest.to_string(), None, &format!("signed: 6 events with root {}", newest.checkpoint().root));
    let leaves = table.leaves();
    let tree = Checkpoint { size: 4, root: root(&leaves[..4]), ..newest.checkpoint().clone() };
    let old = SignedCheckpoint::sign(tree, &log_key(&table)).unwrap().to_string();
    let growth = GrowthProof { from: 4, path: prove_consistency(4, &leaves).unwrap(), checkpoint: newest };
    check(&growth.to_string(), Some(&old), "proved: the ledger of 6 events began with the one of 4");
}

/// What a policy does not ask for is not passed off as trust.
#[test]
fn without_a_quorum() {
    let table = example(BATCHES, 6);
    let file = event_proof(&table, 3, None).to_string();
    let nobody = "  the policy asks for no witness: whoever holds the key can show others another history";
    let said = proved(&file, None, &Policy::of_logs(vec![log_key(&table).key().clone()]).unwrap()).to_string();
    assert!(said.ends_with(&format!("  signed by {LOG}\n{nobody}")), "{said}");
    // A witness that is known and not asked for is told, and does not count.
    let known = format!("log {LOG}\nwitness w1 {}\nquorum none\n", witness_key().key());
    let said = proved(&file, None, &Policy::parse(known.as_bytes()).unwrap()).to_string();
    assert!(said.ends_with(&format!("  cosigned by w1 at 2026-01-22T16:00:10Z\n{nobody}")), "{said}");
}

/// Numbers that no honest proof has are words too: nothing here may panic, and a batch's name may hold anything.
#[test]
fn what_nobody_would_say() {
    let table = example(BATCHES, 6);
    let file = rows_proof(&table, 1, 1, RowsForm::Row, 1..2).to_string();
    let right = proved(&file, None, &policy(&table));
    let far = Quorum::Met { seen_by: u64::MAX, fresh_at: u64::MAX };
    let said = Proved { trust: Trust { quorum: far, ..right.trust.clone() }, ..right.clone() }.to_string();
    assert!(said.ends_with("a quorum of the policy had seen it by 18446744073709551615 s after 1970"), "{said}");
    let said = Proved { trust: Trust { quorum: Quorum::Missing, ..right.trust.clone() }, ..right.clone() }.to_string();
    assert!(said.ends_with("\n  the policy's quorum is missing"), "{said}");

    let Shown::Rows(event, mut rows) = right.what.clone() else { panic!("not rows") };
    rows.record.name = Some("a\n\u{1b}[2Jb\u{202e}.csv".into());
    let said = Proved { what: Shown::Rows(event, rows), ..right }.to_string();
    assert!(said.contains("\n  from a\\n\\u{1b}[2Jb\\u{202e}.csv\n"), "{said}");
    assert!(said.lines().all(|line| line.chars().all(|c| !c.is_control())), "{said}");
}
