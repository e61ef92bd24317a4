//! The program as an auditor meets it: a proof, a policy, and nothing else.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is the test failing")]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

/// The log's and the witness's keys are the public test keys of RFC 8032.
const LOG: &str = "at1.local/000102030405060708090a0b0c0d0e0f+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";
const WITNESS: &str = "witness.example/w1+04d2d833+BD1AF8PoQ4lakrcKp00bfrycmCzPLsSWjMDNVfEq9GYM";

fn kept_proof() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/proofs/row.tlog-proof").into()
}

/// Runs the program on a proof and a policy, in a folder of their own.
fn check(proof: &[u8], policy: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("proof"), proof).unwrap();
    fs::write(folder.path().join("policy"), policy).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_at1-check"));
    program.current_dir(folder.path()).args(["proof", "--policy", "policy"]).args(more).output().unwrap()
}

fn said(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn a_row_that_is_proved() {
    let proof = fs::read(kept_proof()).unwrap();
    let policy = format!("log {LOG}\nwitness w1 {WITNESS}\nquorum w1\n");
    let output = check(&proof, &policy, &[]);
    let note = "note: two quorums of the policy share a single witness at the least: with that one's help the log can show two \
                histories\n";
    assert_eq!((output.status.code(), said(&output.stderr)), (Some(0), note));
    let expected = format!(
        "proved: row 1 of batch 1 (row 4 of the table)\n  \
         appended by event 1 at 2026-01-22T16:00:01.000000000Z by its writer's clock\n  \
         in the ledger at1.local/000102030405060708090a0b0c0d0e0f, as of 6 events\n  \
         signed by {LOG}\n  \
         cosigned by w1 at 2026-01-22T16:00:10Z\n  \
         a quorum of the policy had seen it by 2026-01-22T16:00:10Z\n"
    );
    assert_eq!(said(&output.stdout), expected);
    let output = check(&proof, &policy, &["--print-rows"]);
    assert_eq!((output.status.code(), said(&output.stdout)), (Some(0), "5,di\n"));
}

#[test]
fn why_not_as_an_exit_code() {
    let proof = fs::read(kept_proof()).unwrap();
    let both = format!("log {LOG}\nwitness w1 {WITNESS}\nquorum w1\n");
    let mut changed = proof.clone();
    let at = proof.windows(6).position(|window| window == b"index ").unwrap() + 6;
    changed[at] = b'2';
    let without_witness = proof[..proof.windows(8).position(|w| w == b" witness").unwrap() - 3].to_vec();
    let other = "log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n";
    for (proof, policy, more, exit, told) in [
        (&changed, both.as_str(), &[][..], 1, "proof: proof: expected root 22caacd6"),
        (&b"no proof".to_vec(), &both, &[], 1, "proof: note: expected a blank line before signatures"),
        (
            &proof,
            "quorum w1\n",
            &[],
            2,
            "policy: policy: line 1: expected a witness or group of a line before, found w1",
        ),
        (&proof, &both, &["--old", "policy"], 2, "expected no older checkpoint beside a proof that is not of growth"),
        (&proof, &both, &["--frobnicate"], 2, "expected no flag --frobnicate"),
        (&proof, &both, &["--rows", "none"], 3, "none: No such file or directory"),
        (&without_witness, &both, &[], 4, "expected cosignatures of a quorum of the policy, found none"),
        (&proof, other, &[], 4, "expected a log of the policy (example.com/foo), found at1.local/"),
    ] {
        let output = check(proof, policy, more);
        assert_eq!(output.status.code(), Some(exit), "{told}: {}", said(&output.stderr));
        assert!(said(&output.stderr).contains(told), "expected {told}, found {}", said(&output.stderr));
        assert_eq!(said(&output.stdout), "");
    }
}
