//! Trust policies: what a file may say, whose keys it may name, and what a checkpoint lacks that it asks for.

use at1_ledger::{Digest, ErrorKind, POLICY_NAMES_MAX, Policy, Quorum, SecretKey, SignedCheckpoint, Signer, Trust};

use crate::keyring::{ORIGIN, log, signed, vkey, witness};

#[track_caller]
fn refuse(file: impl AsRef<[u8]>, message: &str) {
    let error = Policy::parse(file.as_ref()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().starts_with(&format!("policy: {message}")), "{error}");
}

fn file(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// `witness NAME` and the key of this seed.
pub(crate) fn witness_line(name: &str, seed: u8) -> String {
    format!("witness {name} {}", witness(seed).key())
}

#[test]
fn what_a_file_may_say() {
    let (log, w) = (log(1), witness(2));
    let text = format!(
        "# a comment\n\n \t\n  # f\u{fc}r alle\n\tlog \t {} https://log.example/\nwitness w\u{e9} {} https://w.example/a\n\
         group \u{212a} any w\u{e9}\ngroup K all \u{212a}\t\nquorum K",
        log.key(),
        w.key()
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!(policy.logs(), [log.key().clone()]);
    let found = &policy.witnesses()[0];
    assert_eq!((found.name.to_string().as_str(), &found.key), ("w\\xc3\\xa9", w.key()));
    assert_eq!(found.url.as_deref(), Some("https://w.example/a"));
    assert!(policy.asks_for_witnesses());

    // Octets that are no UTF-8 are a name too.
    let bytes = [b"witness \xff ", w.key().to_string().as_bytes(), b"\nquorum \xff\n"].concat();
    assert_eq!(Policy::parse(&bytes).unwrap().witnesses()[0].name.to_string(), "\\xff");
    // Words of the format are no names of their own but for none.
    let words = file(&[&witness_line("quorum", 1), &witness_line("all", 2), "group any all quorum all", "quorum any"]);
    assert_eq!(Policy::parse(words.as_bytes()).unwrap().bad_witnesses_tolerated(), Some(1));

    let none = Policy::parse(b"quorum none\n").unwrap();
    assert!(none.logs().is_empty() && !none.asks_for_witnesses());
    assert_eq!(none.bad_witnesses_tolerated(), None);
    let of_logs = Policy::of_logs(vec![log.key().clone()]).unwrap();
    assert_eq!(of_logs, Policy::parse(format!("log {}\nquorum none", log.key()).as_bytes()).unwrap());
    for (keys, message) in [
        (vec![log.key().clone(); 2], "expected each log key once, found "),
        (vec![w.key().clone()], "expected a log's key, of type 0x01, found "),
    ] {
        let error = Policy::of_logs(keys).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn what_a_file_may_not_say() {
    let (w1, w2) = (witness_line("w1", 1), witness_line("w2", 2));
    let unknown_line =
        "line 2: expected log VKEY [URL], witness NAME VKEY [URL], group NAME all|any|K NAME… or quorum NAME, found ";
    for line in [
        "Log x",
        "log",
        "log a b c",
        "witness w",
        "witness a b c d",
        "group",
        "group g",
        "quorum",
        "quorum a b",
        "w1",
        "log# x",
        "quorum w1 # of all",
    ] {
        refuse(file(&["quorum none", line]), &format!("{unknown_line}{line}"));
    }
    for control in (0..0x20).chain([0x7f]).filter(|byte| !matches!(byte, b'\t' | b'\n')) {
        let message = format!("line 2: expected no control character but tab, found 0x{control:02x}");
        refuse([&b"quorum none\n# a"[..], &[control], b"\n"].concat(), &message);
    }
    refuse("quorum none\r\n", "line 1: expected no control character but tab, found 0x0d");

    refuse("", "expected a line quorum NAME or quorum none, found neither");
    refuse(file(&[&w1]), "expected a line quorum NAME or quorum none, found neither");
    refuse(file(&[&w1, "quorum w1", "quorum w1"]), "line 3: expected one quorum, found another");
    refuse(file(&["quorum none", "quorum none"]), "line 2: expected one quorum, found another");

    let before = "expected a witness or group of a line before, found ";
    refuse(file(&["quorum w1", &w1]), &format!("line 1: {before}w1"));
    refuse(file(&[&w1, "quorum W1"]), &format!("line 2: {before}W1"));
    refuse(file(&[&w1, "group g any w1 w2", &w2, "quorum g"]), &format!("line 2: {before}w2"));
    refuse(file(&[&w1, "group g any g"]), &format!("line 2: {before}g"));
    refuse(file(&[&w1, "group g any none"]), &format!("line 2: {before}none"));
    refuse(file(&[&w1, "group g any w\u{e9}"]), &format!("line 2: {before}w\\xc3\\xa9"));

    let taken = "expected a name that is not taken, found ";
    refuse(file(&[&w1, &witness_line("w1", 2)]), &format!("line 2: {taken}w1"));
    refuse(file(&[&w1, "group w1 any w1"]), &format!("line 2: {taken}w1"));
    refuse(file(&[&w1, &w2, "group g any w1", "group g any w2"]), &format!("line 4: {taken}g"));
    refuse(file(&[&witness_line("none", 1)]), &format!("line 1: {taken}none"));
    refuse(file(&[&w1, "group none any w1"]), &format!("line 2: {taken}none"));

    let again = "expected each name in one group, found w1 again";
    refuse(file(&[&w1, "group g any w1 w1"]), &format!("line 2: {again}"));
    refuse(file(&[&w1, &w2, "group g any w1", "group h any w2 w1"]), &format!("line 4: {again}"));

    for threshold in ["0", "3", "01", "-1", "+1", "1.0", "ALL", "most", "1e0", "\u{661}", "18446744073709551617"] {
        let group = format!("group g {threshold} w1 w2");
        refuse(file(&[&w1, &w2, &group]), "line 3: expected any, all, or 1 to 2 of 2 members");
    }
    for threshold in ["0", "1", "any", "all"] {
        refuse(file(&[&format!("group g {threshold}")]), "line 1: expected any, all, or 1 to 0 of 0 members");
    }
}

/// Keys count by what they are, not by what they are called; and each kind has its place.
#[test]
fn keys_of_a_policy() {
    let public = *log(1).key().public();
    let [a, b] = ["example.org/a", "example.org/b"].map(|name| vkey(name, 1, &public));
    refuse(
        file(&[&format!("log {a}"), &format!("log {b}")]),
        &format!("line 2: expected each log key once, found {b}"),
    );
    let [a, b] = ["a", "b"].map(|name| vkey(name, 4, &public));
    let message = format!("line 2: expected each witness key once, found {b} again");
    refuse(file(&[&format!("witness a {a}"), &format!("witness b {b}")]), &message);
    // One key as log and as witness is two keys, of different types.
    let both = file(&[&format!("log {}", log(1).key()), &format!("witness a {a}"), "quorum a"]);
    Policy::parse(both.as_bytes()).unwrap();

    refuse(format!("log {a}\n"), &format!("line 1: expected a log's key, of type 0x01, found {a}"));
    let key = log(1).key().to_string();
    refuse(format!("witness w {key}\n"), &format!("line 1: expected a witness's key, of type 0x04, found {key}"));
    refuse("log example.org\n", "line 1: expected a verifier key NAME+ID+BASE64, found example.org");
    refuse(format!("log {}x\n", log(1).key()), "line 1: expected canonical base64, found ");
    let error = Policy::parse(format!("quorum none\nlog {}\n", vkey("pq", 6, &[1; 1312])).as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert!(error.to_string().starts_with("policy: line 2: pq: expected a key of type 0x01 or 0x04"), "{error}");
}

#[test]
fn limits() {
    let mut text = String::new();
    (0..32).for_each(|seed| text.push_str(&format!("log {}\n", log(seed).key())));
    (0..32).for_each(|seed| {
        text.push_str(&format!("{}\ngroup g{seed} any w{seed}\n", witness_line(&format!("w{seed}"), seed)))
    });
    let policy = Policy::parse(format!("{text}quorum g31\n").as_bytes()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (32, 32));

    // The deepest nesting there is: each group in the next one.
    let mut text = witness_line("g0", 1);
    (1..POLICY_NAMES_MAX).for_each(|n| text.push_str(&format!("\ngroup g{n} all g{}", n - 1)));
    let deep = Policy::parse(format!("{text}\nquorum g{}\n", POLICY_NAMES_MAX - 1).as_bytes()).unwrap();
    assert_eq!(deep.bad_witnesses_tolerated(), Some(0));
    let met = Quorum::Met { seen_by: 7, fresh_at: 7 };
    assert_eq!(weigh(&deep, &[(1, 7)]).quorum, met);
    let more = format!("{text}\ngroup g any g{}\nquorum none\n", POLICY_NAMES_MAX - 1);
    refuse(more, "line 1025: expected at most 1024 witnesses and groups, found more");
}

/// The checkpoint of these policies, cosigned by these witnesses at these times.
pub(crate) fn weigh(policy: &Policy, cosigned: &[(u8, u64)]) -> Trust {
    let keys: Vec<SecretKey> = (1..=6).map(witness).collect();
    let mut checkpoint = plain();
    for (seed, time) in cosigned {
        let key = &keys[usize::from(*seed) - 1];
        let answer = format!("{}\n", checkpoint.cosign(*time, key).unwrap());
        checkpoint.add_cosignatures(answer.as_bytes(), &[key.key().clone()]).unwrap();
    }
    policy.weigh_by(&checkpoint, &[]).unwrap()
}

fn plain() -> SignedCheckpoint {
    signed(7, Digest([7; 32]), &[&log(1)])
}

/// Signature and quorum are two demands, and each says what it lacks.
#[test]
fn what_is_missing() {
    let lines = format!("log {}\n{}\n{}\n", log(1).key(), witness_line("a", 1), witness_line("b", 2));
    let both = Policy::parse(format!("{lines}group g all a b\nquorum g\n").as_bytes()).unwrap();
    let said = |trust: Trust| trust.expect().map_err(|error| (error.kind(), error.to_string()));
    let missing = |message: &str| Err((ErrorKind::Untrusted, format!("checkpoint: expected {message}")));
    assert_eq!(
        said(weigh(&both, &[(1, 1), (2, 2)])),
        missing("a signature of a log key of the policy, found none"),
        "weighed without the log's keys"
    );
    assert_eq!(said(both.weigh(&plain()).unwrap()), missing("cosignatures of a quorum of the policy, found none"));
    let mut one = plain();
    let line = format!("{}\n", one.cosign(5, &witness(1)).unwrap());
    one.add_cosignatures(line.as_bytes(), &[witness(1).key().clone()]).unwrap();
    let few = "cosignatures of a quorum of the policy, found 1, which are too few";
    assert_eq!(said(both.weigh(&one).unwrap()), missing(few));
    let either = Policy::parse(format!("{lines}group g any a b\nquorum g\n").as_bytes()).unwrap();
    let trust = either.weigh(&one).unwrap();
    assert_eq!(trust.quorum, Quorum::Met { seen_by: 5, fresh_at: 5 });
    assert_eq!(said(trust), Ok(()));
    let none = Policy::parse(format!("{lines}quorum none\n").as_bytes()).unwrap();
    let trust = none.weigh(&one).unwrap();
    assert_eq!((trust.quorum, trust.cosigned.len()), (Quorum::NotAsked, 1), "told, though not asked for");
    assert_eq!(said(trust), Ok(()));

    // A witness of the policy whose signature is wrong spoils the checkpoint, whether the quorum needs it or not.
    let mut wrong = one.to_string();
    wrong.push_str(&crate::keyring::line(witness(2).key(), &[0; 72]));
    let wrong = SignedCheckpoint::parse(wrong.as_bytes()).unwrap();
    for policy in [&both, &either, &none] {
        let error = policy.weigh(&wrong).unwrap_err();
        let message = "note: expected a signature of witness.example/2, found one that does not verify";
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unproven, message));
    }
    assert_eq!(wrong.checkpoint().origin, ORIGIN);
}
