//! A real proof with eight witnesses: a log, its cosigners and a quorum that nobody made for us.
//!
//! * It is the example in the documentation of crate `sigsum` 0.3.0 with the policy that it names; read from the folder `sigsum` of
//!   `AT1_VECTORS`, and skipped without.
//! * Sigsum writes its own text. What is signed is a checkpoint, and `cosignature/v1`: so keys and signatures are put into a note and
//!   a policy of ours, and then our own verifiers judge.

use std::collections::HashMap;

use at1_ledger::{
    Checkpoint, Digest, ErrorKind, Policy, Quorum, SignedCheckpoint, VerifierKey, leaf_hash, verify_inclusion,
};

use crate::{
    keyring::{hex, line, verifier, vkey},
    outside::{outside, read},
};

struct Proof {
    /// The values of each key of the text, in order.
    values: HashMap<String, Vec<String>>,
    origin: String,
    log: VerifierKey,
    witnesses: Vec<VerifierKey>,
    /// In our format; its quorum is a group of witnesses and groups.
    policy: String,
    signer: VerifierKey,
    /// The checksum of what was signed.
    checksum: Digest,
}

fn load() -> Option<Proof> {
    let folder = outside("sigsum")?;
    let mut values: HashMap<String, Vec<String>> = HashMap::new();
    for (key, value) in read(folder.join("example.proof")).lines().filter_map(|line| line.split_once('=')) {
        values.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    // A log is named by the digest of its key, and of the policy's logs one made the proof.
    let named = |public: &[u8]| format!("sigsum.org/v1/tree/{}", Digest::of(public));
    let (mut policy, mut log, mut witnesses) = (String::new(), None, vec![]);
    for line in read(folder.join("sigsum-test-2025-3.builtin-policy")).lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["log", public, url] => {
                let public = hex(public);
                policy += &format!("log {} {url}\n", vkey(&named(&public), 0x01, &public));
                if Digest::of(&public).to_string() == values["log"][0] {
                    log = Some((named(&public), verifier(&named(&public), 0x01, &public).unwrap()));
                }
            }
            ["witness", name, public] => {
                policy += &format!("witness {name} {}\n", vkey(name, 0x04, &hex(public)));
                witnesses.push(verifier(name, 0x04, &hex(public)).unwrap());
            }
            _ => policy += &format!("{line}\n"),
        }
    }
    let (origin, log) = log.unwrap();
    let signer = verifier("signer", 0x01, &hex(read(folder.join("example.signer")).trim())).unwrap();
    // Twice hashed: the message is a digest of the data.
    let checksum = Digest::of(&Digest::of(read(folder.join("example.data")).as_bytes()).0);
    Some(Proof { values, origin, log, witnesses, policy, signer, checksum })
}

impl Proof {
    fn value(&self, key: &str) -> &str {
        &self.values[key][0]
    }

    fn checkpoint(&self) -> Checkpoint {
        let root = Digest(hex(self.value("root_hash")).try_into().unwrap());
        Checkpoint { origin: self.origin.clone(), size: self.value("size").parse().unwrap(), root }
    }

    /// Each witness of the proof and its timestamped signature.
    fn cosignatures(&self) -> Vec<(&VerifierKey, Vec<u8>)> {
        let cosignature = |text: &String| {
            let words: Vec<&str> = text.split(' ').collect();
            let of = |key: &&VerifierKey| Digest::of(key.public()).to_string() == words[0];
            let time: u64 = words[1].parse().unwrap();
            (self.witnesses.iter().find(of).unwrap(), [&time.to_be_bytes()[..], &hex(words[2])].concat())
        };
        self.values["cosignature"].iter().map(cosignature).collect()
    }

    fn note(&self, cosignatures: &[(&VerifierKey, Vec<u8>)]) -> SignedCheckpoint {
        let lines: String = cosignatures.iter().map(|(key, signature)| line(key, signature)).collect();
        let text = format!("{}\n{}{lines}", self.checkpoint(), line(&self.log, &hex(self.value("signature"))));
        SignedCheckpoint::parse(text.as_bytes()).unwrap()
    }
}

const TIME: u64 = 1_770_193_051;

#[test]
fn eight_witnesses() {
    let Some(proof) = load() else { return };
    let policy = Policy::parse(proof.policy.as_bytes()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (2, 8));
    // Two of three in a group, which is one of six of which four: two quorums share two, the cheapest of them witnesses.
    assert_eq!(policy.bad_witnesses_tolerated(), Some(1));
    let cosignatures = proof.cosignatures();
    let note = proof.note(&cosignatures);
    let trust = policy.weigh(&note).unwrap();
    assert_eq!(trust.signed, std::slice::from_ref(&proof.log));
    assert_eq!(trust.cosigned.len(), 8);
    assert!(trust.cosigned.iter().all(|cosigned| (cosigned.first, cosigned.last) == (TIME, TIME)));
    assert_eq!(trust.quorum, Quorum::Met { seen_by: TIME, fresh_at: TIME });
    trust.expect().unwrap();
    println!("log signature, {} of 8 cosignatures, quorum met", trust.cosigned.len());

    // A bit of any of them, or its time, makes the whole worthless.
    for at in 0..cosignatures.len() {
        for byte in [0, 7, 8, 40, 71] {
            let mut changed = cosignatures.clone();
            changed[at].1[byte] ^= 1;
            let error = policy.weigh(&proof.note(&changed)).unwrap_err();
            let message =
                format!("note: expected a signature of {}, found one that does not verify", changed[at].0.name());
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unproven, message));
        }
    }
}

/// Every set of the eight: enough are two of the group of three with three others, or four others.
#[test]
fn every_set_of_witnesses() {
    let Some(proof) = load() else { return };
    let policy = Policy::parse(proof.policy.as_bytes()).unwrap();
    let cosignatures = proof.cosignatures();
    let in_the_group = ["poc.sigsum.org/nisse", "rgdd.se/poc-witness", "witness1.smartit.nu/witness1"];
    let mut enough = 0;
    for set in 0..1_u32 << 8 {
        let chosen: Vec<_> =
            cosignatures.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, line)| line.clone()).collect();
        let inside = chosen.iter().filter(|(key, _)| in_the_group.contains(&key.name())).count();
        let expected = chosen.len() - inside + usize::from(inside >= 2) >= 4;
        let trust = policy.weigh(&proof.note(&chosen)).unwrap();
        assert_eq!(trust.expect().is_ok(), expected, "{chosen:?}");
        enough += usize::from(expected);
    }
    assert!(enough > 50, "{enough}");
}

/// The leaf of the log: a checksum, its submitter's signature and key.
#[test]
fn the_leaf_is_in_the_tree() {
    let Some(proof) = load() else { return };
    let words: Vec<&str> = proof.value("leaf").split(' ').collect();
    assert_eq!(words[0], Digest::of(proof.signer.public()).to_string());
    let signed = [&b"sigsum.org/v1/tree-leaf\0"[..], &proof.checksum.0].concat();
    assert!(proof.signer.has_signed(&signed, &hex(words[1])));
    assert!(!proof.signer.has_signed(&signed[..55], &hex(words[1])));

    let leaf = leaf_hash(&[&proof.checksum.0[..], &hex(words[1]), &hex(words[0])].concat());
    let path: Vec<Digest> = proof.values["node_hash"].iter().map(|hash| hash.parse().unwrap()).collect();
    let (index, tree) = (proof.value("leaf_index").parse().unwrap(), proof.checkpoint());
    assert_eq!((index, tree.size, path.len()), (381_381, 381_382, 10));
    verify_inclusion(index, tree.size, leaf, &path, tree.root).unwrap();
    for wrong in [index - 1, index ^ 2, 0] {
        assert!(verify_inclusion(wrong, tree.size, leaf, &path, tree.root).is_err());
    }

    // And the log's signature is of exactly this checkpoint.
    let signature = hex(proof.value("signature"));
    assert!(proof.log.has_signed(tree.to_string().as_bytes(), &signature));
    let larger = Checkpoint { size: tree.size + 1, ..tree };
    assert!(!proof.log.has_signed(larger.to_string().as_bytes(), &signature));
}
