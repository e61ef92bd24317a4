//! Hostile notes, proofs, policies, memories and receipts are refused, never a panic; what is read is written back as it was.
#![no_main]

use at1_ledger::{
    Beside, Claim, GrowthProof, Memory, Note, Policy, SignedCheckpoint, TimeReceipt, TlogProof, VerifierKey, check_proof,
};
use libfuzzer_sys::fuzz_target;

const POLICY: &[u8] = b"log at1.local/000102030405060708090a0b0c0d0e0f+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea\n\
    witness w1 witness.example/w1+04d2d833+BD1AF8PoQ4lakrcKp00bfrycmCzPLsSWjMDNVfEq9GYM\nquorum w1\n";

fuzz_target!(|bytes: &[u8]| {
    let same = |text: String| assert!(text.as_bytes() == bytes, "one text for one thing");
    if let Ok(note) = Note::parse(bytes) {
        same(note.to_string());
    }
    if let Ok(note) = SignedCheckpoint::parse(bytes) {
        same(note.to_string());
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        same(proof.to_string());
    }
    if let Ok(proof) = GrowthProof::parse(bytes) {
        same(proof.to_string());
    }
    if let Ok(memory) = Memory::parse(bytes) {
        assert!(Memory::parse(memory.to_text().as_bytes()).is_ok_and(|again| again == memory));
    }
    if let Some(key) = str::from_utf8(bytes).ok().and_then(|text| text.parse::<VerifierKey>().ok()) {
        same(key.to_string());
    }
    if let Ok(policy) = Policy::parse(bytes) {
        let _ = policy.bad_witnesses_tolerated();
    }
    let _ = Claim::parse(bytes, Beside::default());
    let _ = TimeReceipt::parse(bytes);
    let policy = Policy::parse(POLICY).expect("a policy");
    let _ = check_proof(bytes, Beside::default(), None, &policy);
});
