//! `at1 ledger …`, and `at1 verify` with what lies outside the table: keys as files, proofs as files, exit codes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use at1_ledger::{KeyType, SecretKey, SignedCheckpoint};
use serde_json::{Value, json};

use crate::bench::Bench;

/// A table with a key and a policy that trusts it.
struct Signed {
    bench: Bench,
    key: String,
}

impl Signed {
    fn new() -> Self {
        let bench = Bench::with_trades();
        let key = bench.run(&["ledger", "keygen", "--table", "trades", "-o", "log.pem"]).text().trim().to_owned();
        bench.file("policy", format!("log {key}\nquorum none\n").as_bytes());
        Self { bench, key }
    }

    #[track_caller]
    fn sign(&self) -> Value {
        self.bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem", "--json"]).json().remove(0)
    }

    /// A policy that asks for this witness too.
    fn ask_for_witness(&self) {
        let args = ["ledger", "keygen", "--origin", "witness.example/w1", "--witness", "-o", "w1.pem"];
        let witness = self.bench.run(&args).text();
        let policy = format!("log {}\nwitness w1 {witness}quorum w1\n", self.key);
        self.bench.file("asking", policy.as_bytes());
    }

    /// As the witness answers a request.
    fn answer(&self, request: &[u8], time: u64) {
        let pem = String::from_utf8(self.bench.read("w1.pem")).unwrap();
        let witness = SecretKey::from_pem(&pem, "witness.example/w1", KeyType::Cosignature).unwrap();
        let note = request.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
        let checkpoint = SignedCheckpoint::parse(&request[note..]).unwrap();
        self.bench.file("answer", format!("{}\n", checkpoint.cosign(time, &witness).unwrap()).as_bytes());
    }
}

#[test]
fn keys_are_for_their_owner_and_outside_tables() {
    let signed = Signed::new();
    let bench = &signed.bench;
    let mode = |name| fs::metadata(bench.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("log.pem"), 0o600);
    assert!(bench.read("log.pem").starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    // Never over another key, never into a table, not even by way of a link.
    let told = bench.run(&["ledger", "keygen", "--table", "trades", "-o", "log.pem"]).fails(3);
    assert!(told.contains("log.pem: File exists"), "{told}");
    let told = bench.run(&["ledger", "keygen", "--table", "trades", "-o", "trades/_at1/log.pem"]).fails(2);
    assert!(told.contains("expected a key outside any table"), "{told}");
    fs::copy(bench.path("log.pem"), bench.path("trades/log.pem")).unwrap();
    symlink(bench.path("trades/log.pem"), bench.path("link.pem")).unwrap();
    let told = bench.run(&["ledger", "checkpoint", "trades", "--key", "link.pem"]).fails(2);
    assert!(told.contains("expected a key outside any table, found link.pem in the table"), "{told}");
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(bench.path("log.pem"), fs::Permissions::from_mode(mode)).unwrap();
        let told = bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem"]).fails(2);
        assert!(told.contains(&format!("which others can use (mode {mode:o}); chmod 600 it")), "{told}");
    }
    fs::set_permissions(bench.path("log.pem"), fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(signed.sign()["size"], json!(3));
    bench.file("no.pem", b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    fs::set_permissions(bench.path("no.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let told = bench.run(&["ledger", "checkpoint", "trades", "--key", "no.pem"]).fails(2);
    assert!(told.contains("expected an Ed25519 private key") && !told.contains("c2VjcmV0"), "{told}");
}

#[test]
fn signed_and_verified() {
    let signed = Signed::new();
    let bench = &signed.bench;
    let told = bench.run(&["verify", "trades", "--policy", "policy"]);
    assert!(
        told.out().contains("unsigned: _at1/checkpoint: expected a checkpoint signed by a log key"),
        "{}",
        told.out()
    );
    told.fails(4);
    let first = signed.sign();
    assert_eq!((&first["size"], &first["key_event"], &first["events_before"]), (&json!(3), &json!(2), &json!(0)));
    let told = bench.run(&["verify", "trades", "--policy", "policy", "--require", "signed"]).text();
    assert!(told.contains(&format!("level signed: 3 events signed by {}", signed.key)), "{told}");
    assert!(told.contains("an older copy with its older signature would pass too"), "{told}");
    let told = bench.run(&["verify", "trades", "--policy", "policy", "--require", "witnessed"]).fails(4);
    assert!(told.contains("expected level witnessed, found self-consistent, signed"), "{told}");
    bench.run(&["append", "trades", "a.csv"]).ok();
    let report = bench.run(&["verify", "trades", "--policy", "policy", "--json"]).json().remove(0);
    assert_eq!((&report["uncovered"], &report["findings"][0]["code"]), (&json!(1), &json!("uncovered")));
    let strict = ["verify", "trades", "--policy", "policy", "--max-unsigned"];
    bench.run(&[&strict[..], &["1"]].concat()).ok();
    bench.run(&[&strict[..], &["1h"]].concat()).ok();
    let told = bench.run(&[&strict[..], &["0"]].concat()).fails(6);
    assert!(told.contains("what vouches for the table is too old, or leaves too much out"), "{told}");
    bench.run(&["verify", "trades", "--max-unsigned", "0"]).fails(2);
    // A policy in the table, or one that makes no sense.
    fs::copy(bench.path("policy"), bench.path("trades/policy")).unwrap();
    let told = bench.run(&["verify", "trades", "--policy", "trades/policy"]).fails(2);
    assert!(told.contains("expected a policy outside any table"), "{told}");
    bench.file("wrong", b"log x\n");
    let told = bench.run(&["verify", "trades", "--policy", "wrong"]).fails(2);
    assert!(told.contains("wrong: policy: line 1: expected a verifier key NAME+ID+BASE64, found x"), "{told}");
}

#[test]
fn a_memory_finds_a_rollback_and_writes_evidence() {
    let signed = Signed::new();
    let bench = &signed.bench;
    signed.sign();
    let old = bench.read("trades/_at1/ledger");
    let verify = ["verify", "trades", "--memory", "memory"];
    let told = bench.run(&verify).text();
    assert!(told.contains("self-consistent only"), "the first time nothing is remembered: {told}");
    let told = bench.run(&[&verify[..], &["--require", "extends-memory"]].concat()).text();
    assert!(told.contains("level extends-memory"), "{told}");
    bench.run(&["append", "trades", "a.csv"]).ok();
    signed.sign();
    let told = bench.run(&[&verify[..], &["--new-only"]].concat()).text();
    assert!(told.contains("1 segment, ") && told.contains("2 not hashed again"), "{told}");
    // An older copy, with its older checkpoint.
    let newer = bench.read("memory");
    bench.file("trades/_at1/ledger", &old);
    let checkpoint = serde_json::from_slice::<Value>(&newer).unwrap()["note"].as_str().unwrap().to_owned();
    fs::remove_file(bench.path("trades/_at1/checkpoint")).unwrap();
    let run = bench.run(&verify);
    assert!(run.out().contains("memory_shorter") && run.out().contains("written to memory.evidence"), "{}", run.out());
    run.fails(5);
    assert_eq!(bench.read("memory"), newer, "what is remembered stays");
    let evidence: Value = serde_json::from_slice(&bench.read("memory.evidence")).unwrap();
    assert_eq!((&evidence["size"], &evidence["remembered_note"]), (&json!(4), &json!(checkpoint)));
    let told = bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem"]).fails(5);
    assert!(told.contains("expected a ledger that goes on from the 4 events signed, found a shorter one"), "{told}");
    // A memory that is damaged is never begun anew.
    bench.file("memory", b"{}\n");
    bench.run(&verify).fails_somehow();
    assert_eq!(bench.read("memory"), b"{}\n");
}

#[test]
fn proofs_as_files() {
    let signed = Signed::new();
    let bench = &signed.bench;
    let told = bench.run(&["ledger", "prove", "trades", "--row", "1", "-o", "row"]).fails(3);
    assert!(told.contains("expected a signed checkpoint, found none; at1 ledger checkpoint makes one"), "{told}");
    signed.sign();
    bench.run(&["ledger", "prove", "trades", "--row", "1", "-o", "row"]).ok();
    let expected = bench.run(&["cat", "trades", "--rows", "1..2"]).ok();
    let told = bench.run(&["ledger", "check", "row", "--policy", "policy", "-o", "rows"]).text();
    assert!(told.starts_with("proved: row 1 of batch 0 (row 1 of the table)\n"), "{told}");
    assert_eq!(bench.read("rows"), expected);
    // Over both batches, rows beside the proofs; after a compaction, from one segment.
    bench.run(&["compact", "trades", "--grace", "0s"]).ok();
    let proofs = bench.run(&["ledger", "prove", "trades", "--rows", "0..600", "-o", "all.tlog-proof", "--json"]).json();
    assert_eq!(
        proofs.iter().map(|proof| &proof["proof"]).collect::<Vec<_>>(),
        ["all-1.tlog-proof", "all-2.tlog-proof"]
    );
    let mut rows = vec![];
    for name in ["all-1.tlog-proof", "all-2.tlog-proof"] {
        bench.run(&["ledger", "check", name, "--policy", "policy", "-o", "rows"]).ok();
        rows.extend(bench.read("rows"));
    }
    assert_eq!(rows, bench.run(&["cat", "trades", "--rows", "0..600"]).ok());
    // The proof of a batch is that of all its rows.
    bench.run(&["ledger", "prove", "trades", "--batch", "1", "-o", "batch"]).ok();
    let proved = bench.run(&["ledger", "check", "batch", "--policy", "policy", "--json"]).json().remove(0);
    assert_eq!((&proved["first"], &proved["rows"], &proved["batch_rows"]), (&json!(0), &json!(300), &json!(300)));
    // A changed proof, another's policy, no policy.
    let mut changed = bench.read("row");
    let at = changed.windows(6).position(|window| window == b"index ").unwrap() + 6;
    changed[at] = b'1';
    bench.file("changed", &changed);
    let told = bench.run(&["ledger", "check", "changed", "--policy", "policy"]).fails(1);
    assert!(told.contains("changed: proof: expected root"), "{told}");
    bench.run(&["ledger", "keygen", "--table", "trades", "-o", "other.pem"]).ok();
    bench.file("others", b"log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n");
    bench.run(&["ledger", "check", "row", "--policy", "others"]).fails(4);
    bench.run(&["ledger", "check", "row"]).fails(2);
    bench.run(&["ledger", "check", "none", "--policy", "policy"]).fails(3);
    bench.run(&["ledger", "prove", "trades", "--row", "600", "-o", "x"]).fails(2);
    let told = bench.run(&["ledger", "prove", "trades", "--rows", "0..600"]).fails(2);
    assert!(told.contains("expected -o FILE"), "{told}");
}

#[test]
fn growth() {
    let signed = Signed::new();
    let bench = &signed.bench;
    bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem", "-o", "old.note"]).ok();
    bench.run(&["append", "trades", "a.csv"]).ok();
    signed.sign();
    bench.run(&["ledger", "prove", "trades", "--growth-from", "3", "-o", "growth"]).ok();
    let told = bench.run(&["ledger", "check", "growth", "--old", "old.note", "--policy", "policy"]).text();
    assert!(told.starts_with("proved: the ledger of 4 events began with the one of 3\n"), "{told}");
    let told = bench.run(&["ledger", "check", "growth", "--policy", "policy"]).fails(2);
    assert!(told.contains("expected the older checkpoint that the proof goes on from, found none"), "{told}");
    bench.run(&["verify", "trades", "--seen", "old.note", "--policy", "policy", "--require", "extends-memory"]).ok();
    // Somebody else's checkpoint of as many events.
    let other = Signed::new();
    other.bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem", "-o", "old.note"]).ok();
    bench.file("theirs.note", &other.bench.read("old.note"));
    bench.run(&["verify", "trades", "--seen", "theirs.note"]).fails(5);
}

#[test]
fn witnesses() {
    let signed = Signed::new();
    let bench = &signed.bench;
    signed.ask_for_witness();
    signed.sign();
    bench.run(&["verify", "trades", "--policy", "asking"]).fails(4);
    let request = ["ledger", "witness-request", "trades", "--policy", "asking", "--witness", "w1"];
    let body = bench.run(&request).ok();
    assert!(body.starts_with(b"old 0\n\n"), "{}", String::from_utf8_lossy(&body));
    signed.answer(&body, 1_800_000_000);
    let add = ["ledger", "add-cosignature", "trades", "answer", "--policy", "asking"];
    let told = bench.run(&add).text();
    assert_eq!(told, "witness.example/w1 cosigned the checkpoint of 3 events\n");
    let report =
        bench.run(&["verify", "trades", "--policy", "asking", "--require", "witnessed", "--json"]).json().remove(0);
    assert_eq!((&report["level"], &report["checkpoint"]["seen_by"]), (&json!("witnessed"), &json!(1_800_000_000)));
    // What it was the policy to say: one witness is one that must be honest.
    assert_eq!(report["findings"][0]["code"], json!("weak_quorum"));
    bench.run(&["append", "trades", "a.csv"]).ok();
    signed.sign();
    assert!(bench.run(&request).ok().starts_with(b"old 3\n"), "it goes on from what was cosigned last");
    // An answer for another checkpoint, and one that is none.
    bench.file("answer", "\u{2014} witness.example/w1 AAAA\n".as_bytes());
    bench.run(&add).fails(1);
    bench.file("answer", b"409\n");
    bench.run(&add).fails(1);
    let times = bench.run(&["verify", "trades", "--policy", "asking", "--times", "--json"]).json().remove(0);
    assert_eq!(times["times"][0]["before"]["by"], json!("w1"));
    assert_eq!((&times["times"][3]["before"], &times["times"][3]["unseen"]["by"]), (&Value::Null, &json!("w1")));
}

#[test]
fn keys_hand_over_in_files() {
    let signed = Signed::new();
    let bench = &signed.bench;
    signed.sign();
    let old = bench.read("log.pem");
    let told = bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--in-place", "--min-events", "9"]).text();
    assert!(told.contains("0 events since the key took over, fewer than 9: nothing done"), "{told}");
    let rotated =
        bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--in-place", "--json"]).json().remove(0);
    assert_ne!(rotated["verifier_key"].as_str().unwrap(), signed.key);
    assert_ne!(bench.read("log.pem"), old);
    assert!(!bench.path("log.pem.next").exists());
    bench.run(&["append", "trades", "a.csv"]).ok();
    signed.sign();
    // Who pinned the first key follows; the first key itself signs no more.
    bench.run(&["verify", "trades", "--policy", "policy", "--require", "signed", "--max-unsigned", "0"]).ok();
    bench.file("old.pem", &old);
    fs::set_permissions(bench.path("old.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let told = bench.run(&["ledger", "checkpoint", "trades", "--key", "old.pem"]).fails(3);
    assert!(told.contains("expected the ledger's key"), "{told}");
    let told = bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--new", "log.pem"]).fails(2);
    assert!(told.contains("expected another key than the one that hands over"), "{told}");
    // To a key of its own file.
    bench.run(&["ledger", "keygen", "--table", "trades", "-o", "new.pem"]).ok();
    bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--new", "new.pem"]).ok();
    bench.run(&["ledger", "checkpoint", "trades", "--key", "new.pem"]).ok();
    bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem"]).fails(3);
    bench.run(&["verify", "trades", "--policy", "policy", "--require", "signed"]).ok();
    let log = bench.run(&["log", "trades"]).text();
    assert_eq!(log.matches("  no longer ").count(), 2, "{log}");
}

#[test]
fn a_rotation_that_was_cut_short_is_completed() {
    let signed = Signed::new();
    let bench = &signed.bench;
    signed.sign();
    // As after a crash behind the new key's file: it is used, not made again.
    bench.run(&["ledger", "keygen", "--table", "trades", "-o", "log.pem.next"]).ok();
    let next = bench.read("log.pem.next");
    bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--in-place"]).ok();
    assert_eq!(bench.read("log.pem"), next);
    bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem"]).ok();
    // And as after one between its last two steps: the old key is overwritten, the new one not yet in its place.
    bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--in-place"]).ok();
    let next = bench.read("log.pem");
    fs::rename(bench.path("log.pem"), bench.path("log.pem.next")).unwrap();
    bench.file("log.pem", &vec![0; next.len()]);
    fs::set_permissions(bench.path("log.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let told = bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--in-place"]).text();
    assert!(told.contains("an interrupted rotation is complete"), "{told}");
    assert_eq!((bench.read("log.pem"), bench.path("log.pem.next").exists()), (next, false));
    bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem"]).ok();
}

/// Rotations at the same time come one after the other; none takes the key that another has just put in place for the old one.
#[test]
fn rotations_at_once() {
    let signed = Signed::new();
    let bench = &signed.bench;
    signed.sign();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.run(&["ledger", "rotate", "trades", "--key", "log.pem", "--in-place"]).ok());
        }
    });
    bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem"]).ok();
    bench.run(&["verify", "trades", "--policy", "policy", "--require", "signed", "--max-unsigned", "0"]).ok();
    assert_eq!(bench.run(&["log", "trades"]).text().matches("  no longer ").count(), 4);
}

#[test]
fn a_command_signs() {
    let signed = Signed::new();
    let bench = &signed.bench;
    let with = |command: &'static str| {
        [
            "ledger",
            "checkpoint",
            "trades",
            "--signer-cmd",
            command,
            "--signer-memory",
            "memory",
            "--signer-key",
            &signed.key,
        ]
        .map(str::to_owned)
    };
    let run = |command| {
        let words = with(command);
        bench.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let told = run("cat >/dev/null; exit 7").fails(3);
    assert!(told.contains("the signing command failed: exit status: 7"), "{told}");
    let told = run("cat >/dev/null; printf short").fails(3);
    assert!(told.contains("expected 64 bytes of the signing command, found 5"), "{told}");
    let told = run("cat >/dev/null; head -c 64 /dev/zero").fails(1);
    assert!(told.contains("found one that does not verify"), "{told}");
    assert!(!bench.path("memory").exists(), "nothing was signed, so nothing is remembered");
    bench.run(&["ledger", "checkpoint", "trades", "--signer-cmd", "true"]).fails(2);
}

#[test]
fn tiles() {
    let signed = Signed::new();
    let bench = &signed.bench;
    signed.sign();
    let export = ["ledger", "export-tiles", "trades", "www/log"];
    assert_eq!(bench.run(&export).text(), "www/log: 3 events in 2 files, 2 of them new\n");
    assert_eq!(bench.run(&export).text(), "www/log: 3 events in 2 files, 0 of them new\n");
    assert_eq!(bench.read("www/log/checkpoint"), bench.read("trades/_at1/checkpoint"));
    bench.file("www/log/tile/0/000.p/3", b"another");
    let told = bench.run(&export).fails(3);
    assert!(told.contains("expected this ledger's tile, found another"), "{told}");
    bench.run(&["ledger", "export-tiles", "trades", "trades/www"]).fails(2);
}

#[test]
fn receipts_of_time_stampers() {
    let signed = Signed::new();
    let bench = &signed.bench;
    bench.run(&["ledger", "checkpoint", "trades", "--key", "log.pem", "-o", "cp.note"]).ok();
    let magic = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08";
    let digest = |bytes: &[u8]| at1_ledger::Digest::of(bytes).0;
    bench.file("cp.ots", &[&magic[..], &digest(&bench.read("cp.note")), b"..."].concat());
    let anchor = ["ledger", "anchor", "trades", "--checkpoint", "cp.note", "--receipt", "cp.ots"];
    let told = bench.run(&anchor).text();
    assert!(told.starts_with("event 3: opentimestamps for 3 events, a time that it does not show by itself"), "{told}");
    assert!(bench.run(&anchor).text().starts_with("event 3 took in this receipt already"));
    let verify = ["verify", "trades", "--policy", "policy"];
    let told = bench.run(&verify).text();
    assert!(told.contains("stamps_unchecked"), "{told}");
    let check = |command, level| [&verify[..], &["--stamp-check", command, "--require", level]].concat();
    // The command sees the very bytes.
    let sees = r#"test "$AT1_KIND" = opentimestamps && cmp "$AT1_STAMPED" cp.note && cmp "$AT1_RECEIPT" cp.ots"#;
    bench.run(&check(sees, "time-anchored")).ok();
    bench.run(&check("false", "signed")).fails(4);
    bench.run(&check("no-such-program", "signed")).fails(3);
    // A receipt of something else, and what is no receipt.
    bench.file("other.ots", &[&magic[..], &digest(b"something else"), b"..."].concat());
    let told = bench.run(&["ledger", "anchor", "trades", "--checkpoint", "cp.note", "--receipt", "other.ots"]).fails(3);
    assert!(told.contains("expected one of these very bytes of a checkpoint, found one of something else"), "{told}");
    bench.run(&["ledger", "anchor", "trades", "--checkpoint", "cp.note", "--receipt", "cp.note"]).fails(1);
}

#[test]
fn copies_take_signatures_along() {
    let signed = Signed::new();
    let bench = &signed.bench;
    signed.sign();
    bench.run(&["backup", "trades", "copy"]).ok();
    bench.run(&["verify", "copy", "--policy", "policy", "--require", "signed"]).ok();
    assert_eq!(bench.read("copy/_at1/checkpoint"), bench.read("trades/_at1/checkpoint"));
}
