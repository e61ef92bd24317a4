//! Growth proofs: every pair of sizes, and that none passes for a proof of another pair.

use at1_ledger::{
    Beside, Checkpoint, Digest, ErrorKind, GrowthProof, Policy, Shown, SignedCheckpoint, Signer, check_proof,
    prove_consistency, root,
};

use crate::keyring::{ORIGIN, base64, leaves, log, note, signed};

const MOST: u64 = 40;

/// Checkpoints of all sizes, signed.
fn checkpoints() -> Vec<SignedCheckpoint> {
    let (key, all) = (log(1), leaves(MOST));
    (0..=all.len()).map(|size| signed(size as u64, root(&all[..size]), &[&key])).collect()
}

fn proof(from: u64, to: &SignedCheckpoint) -> GrowthProof {
    let leaves = leaves(to.checkpoint().size);
    let path = if from == 0 { vec![] } else { prove_consistency(from, &leaves).unwrap() };
    let proof = GrowthProof { from, path, checkpoint: to.clone() };
    let text = proof.to_string();
    assert!(GrowthProof::is_one(text.as_bytes()));
    assert_eq!(GrowthProof::parse(text.as_bytes()).unwrap(), proof);
    proof
}

#[track_caller]
fn refuse(proof: &GrowthProof, old: &Checkpoint, message: &str) {
    let error = proof.verify(old).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unproven);
    assert!(error.to_string().starts_with(&format!("proof: {message}")), "{error}");
}

/// Of all old checkpoints, the right one; of all sizes that a proof could claim, the right one.
#[test]
fn every_pair_of_sizes() {
    let all = checkpoints();
    let mut refused = 0;
    for to in 1..=MOST {
        for from in 1..=to {
            let right = proof(from, &all[to as usize]);
            right.verify(all[from as usize].checkpoint()).unwrap();
            for other in (0..=MOST).filter(|other| *other != from) {
                let old = all[other as usize].checkpoint();
                refuse(&right, old, "expected a proof from ");
                // Said to be from there, with the path that it has.
                if to <= 20 {
                    let claimed = GrowthProof { from: other, ..right.clone() };
                    assert_eq!(
                        claimed.verify(old).unwrap_err().kind(),
                        ErrorKind::Unproven,
                        "{from} as {other} to {to}"
                    );
                }
                refused += 1;
            }
            let older = all[from as usize].checkpoint();
            let changed = Checkpoint { root: Digest([1; 32]), ..older.clone() };
            assert_eq!(right.verify(&changed).unwrap_err().kind(), ErrorKind::Unproven);
        }
    }
    assert_eq!(refused, 820 * 40);
}

/// From the empty tree everything grew: a proof of that proves nothing.
#[test]
fn from_nothing() {
    let all = checkpoints();
    for to in [0, 1, 2, 7, 40] {
        let message = format!("expected an older size from 1 to {to}, found 0");
        refuse(&proof(0, &all[to]), all[0].checkpoint(), &message);
    }
}

#[test]
fn swapped() {
    let all = checkpoints();
    for (from, to) in [(1, 2), (3, 7), (8, 40)] {
        let right = proof(from, &all[to as usize]);
        let backwards = GrowthProof { from: to, path: right.path, checkpoint: all[from as usize].clone() };
        let message = format!("expected an older size from 1 to {from}, found {to}");
        refuse(&backwards, all[to as usize].checkpoint(), &message);
    }
}

/// On which side the hashes of a consistency proof stand, from the top (RFC 9162, 2.1.4.1): all that a size does in it.
fn sides(from: u64, to: u64) -> Vec<char> {
    if from == to {
        return vec![];
    }
    let left = 1 << (to - 1).ilog2();
    match from <= left {
        true => [vec!['r'], sides(from, left)].concat(),
        false => [vec!['l'], sides(from - left, to - left)].concat(),
    }
}

/// Whoever holds the key can sign a root under another size. A proof fits it only if a proof to that size would have its hashes on
/// the same sides: so neither size is left unused.
#[test]
fn the_newer_size_counts() {
    let (all, key) = (checkpoints(), log(1));
    let [mut fitted, mut refused] = [0; 2];
    for to in 2..=20 {
        let root = all[to as usize].checkpoint().root;
        let claimed: Vec<_> = (0..=2 * to).map(|size| signed(size, root, &[&key])).collect();
        for from in 1..to {
            let right = proof(from, &all[to as usize]);
            for checkpoint in &claimed {
                let size = checkpoint.checkpoint().size;
                let fits = size >= from && sides(from, size) == sides(from, to);
                let claimed = GrowthProof { checkpoint: checkpoint.clone(), ..right.clone() };
                let holds = claimed.verify(all[from as usize].checkpoint());
                assert_eq!(holds.is_ok(), fits, "{from} to {to} as {size}: {holds:?}");
                *(if fits { &mut fitted } else { &mut refused }) += 1;
            }
        }
    }
    assert!(fitted > 190 && refused > 2 * fitted, "{fitted} {refused}");
}

#[test]
fn another_ledger() {
    let all = checkpoints();
    let right = proof(3, &all[7]);
    let old = Checkpoint { origin: "example.org/trade".into(), ..all[3].checkpoint().clone() };
    let message = format!("expected a proof from 3 events of example.org/trade, found one from 3 events of {ORIGIN}");
    refuse(&right, &old, &message);
}

#[test]
fn what_is_read() {
    let all = checkpoints();
    let text = proof(3, &all[7]).to_string();
    let refuse = |text: &str, message: &str| {
        let error = GrowthProof::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Damaged, message.to_owned()), "{text}");
    };
    let (head, checkpoint) = text.split_once("\n\n").unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!((lines[0], lines.len()), ("old 3", 5));
    for from in ["", "03", "+3", "-3", "3 ", "x", "18446744073709551616"] {
        let message = format!("proof: expected a decimal without leading zeros, found {from}");
        refuse(&text.replacen("old 3", &format!("old {from}"), 1), &message);
    }
    for first in ["old\t3", "Old 3", "new 3", ""] {
        refuse(&format!("{first}\n\n{checkpoint}"), "proof: expected a line old N");
    }
    let hash = base64(&[7; 32]);
    let most = format!("old 3\n{}\n{checkpoint}", format!("{hash}\n").repeat(63));
    assert_eq!(GrowthProof::parse(most.as_bytes()).unwrap().path.len(), 63);
    let more = most.replacen("old 3", &format!("old 3\n{hash}"), 1);
    refuse(&more, "proof: path: expected at most 63 hashes, found 64");
    let short = format!("old 3\n{}\n\n{checkpoint}", base64(&[7; 31]));
    refuse(&short, "proof: path: expected 32 bytes of base64, found 31");
    refuse(&text.replacen('=', "", 1), &format!("proof: path: expected canonical base64, found {}", &lines[1][..43]));
    refuse("old 3\n", "proof: expected a blank line before a checkpoint");
    refuse(&format!("{head}\n\n"), "note: expected a blank line before signatures");
    refuse(&format!("{head}\n\n\n{checkpoint}"), "checkpoint: expected an origin, a size and a root, found 4 lines");
    let error = GrowthProof::parse(&[b"old 3\n\xff\n\n", checkpoint.as_bytes()].concat()).unwrap_err();
    assert_eq!(error.to_string(), "proof: expected UTF-8");
}

/// Through the door that tells files apart: both checkpoints are the log's, and nothing else goes along.
#[test]
fn through_the_door() {
    let (all, key) = (checkpoints(), log(1));
    let policy = Policy::of_logs(vec![key.key().clone()]).unwrap();
    let (file, old) = (proof(3, &all[7]).to_string(), all[3].to_string());
    let check = |file: &str, beside: Beside<'_>, old: Option<&str>| {
        check_proof(file.as_bytes(), beside, old.map(str::as_bytes), &policy)
    };
    let proved = check(&file, Beside::default(), Some(&old)).unwrap();
    assert_eq!(&proved.checkpoint, all[7].checkpoint());
    let Shown::Growth { old: shown, trust } = proved.what else { panic!("not growth") };
    assert_eq!((&shown, trust.signed.as_slice()), (all[3].checkpoint(), &[key.key().clone()][..]));

    let said = |file: &str, beside: Beside<'_>, old: Option<&str>, kind: ErrorKind, message: &str| {
        let error = check(file, beside, old).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
    };
    let (none, invalid) = (Beside::default(), ErrorKind::Invalid);
    said(&file, none, None, invalid, "expected the older checkpoint that the proof goes on from, found none");
    let beside = Beside { rows: Some(b""), event: None };
    said(&file, beside, Some(&old), invalid, "expected no rows or event beside a growth proof, found one");
    let both = "expected no older checkpoint beside a proof that is not of growth, found one";
    said(&old, none, Some(&old), invalid, both);
    said(&old, beside, None, invalid, "expected no rows or event beside a checkpoint, found one");
    assert_eq!(check(&old, none, None).unwrap().what, Shown::Checkpoint);

    // Whoever is not the log can sign an older checkpoint that the tree never had, or the right one.
    let stranger = note(all[3].note().text(), &[&log(2)]);
    let message = "older checkpoint: checkpoint: expected a signature of a log key of the policy, found none";
    said(&file, none, Some(&stranger), ErrorKind::Untrusted, message);
    let elsewhere = old.replacen(ORIGIN, "example.org/trade", 1);
    let message =
        format!("older checkpoint: checkpoint: expected a log of the policy ({ORIGIN}), found example.org/trade");
    said(&file, none, Some(&elsewhere), ErrorKind::Untrusted, &message);
    said(&file, none, Some("x"), ErrorKind::Damaged, "older checkpoint: note: expected a blank line before signatures");
    let message = format!("older checkpoint: note: expected a signature of {ORIGIN}, found one that does not verify");
    said(&file, none, Some(&old.replacen("\n3\n", "\n4\n", 1)), ErrorKind::Unproven, &message);
    let message = format!("proof: expected a proof from 5 events of {ORIGIN}, found one from 3 events of {ORIGIN}");
    said(&file, none, Some(&all[5].to_string()), ErrorKind::Unproven, &message);
}
