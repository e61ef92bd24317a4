//! Signed notes: the examples of others, and the parser's rules, each with what it says.

use at1_ledger::{Error, ErrorKind, NOTE_BYTES_MAX, Note, NoteSignature, SecretKey, Signer};

use crate::keyring::{ORIGIN, base64, line, log, note, witness};

/// What is read is what was written.
#[track_caller]
fn check(text: impl AsRef<[u8]>) -> Note {
    let note = Note::parse(text.as_ref()).unwrap();
    assert_eq!(note.to_string().as_bytes(), text.as_ref());
    note
}

#[track_caller]
fn refuse(text: impl AsRef<[u8]>, message: &str) {
    let error = Note::parse(text.as_ref()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().starts_with(&format!("note: {message}")), "{error}");
}

/// The example of C2SP signed-note with its key; the key stands in the specification too.
const C2SP: &str = "This is an example message.\n\n\u{2014} example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const C2SP_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// The example in the documentation of golang.org/x/mod/sumdb/note.
const GO: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// An earlier example of C2SP, whose text has a blank line; its key is not in the specification.
const C2SP_BLANK: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
    \u{2014} quasimodo.example/salvatore \
    NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

#[test]
fn examples_of_others() {
    for (text, key, other) in [(C2SP, C2SP_KEY, GO_KEY), (GO, GO_KEY, C2SP_KEY)] {
        let note = check(text);
        assert!(note.is_signed_by(&key.parse().unwrap()).unwrap());
        assert!(!note.is_signed_by(&other.parse().unwrap()).unwrap());
    }
    assert_eq!(check(GO).text().lines().count(), 2);
    let note = check(C2SP_BLANK);
    assert!(note.text().ends_with("sole:\n\ned è subito sera.\n"), "{}", note.text());
    assert_eq!((note.signatures()[0].name.as_str(), note.signatures().len()), ("quasimodo.example/salvatore", 1));
}

/// Every bit of the text and of what stands for the signature. The name and the key's ID only say whose it would be.
#[test]
fn every_bit_of_an_example() {
    let (key, signed) = (C2SP_KEY.parse().unwrap(), C2SP.as_bytes());
    for at in 0..signed.len() {
        for bit in 0..8 {
            let mut changed = signed.to_vec();
            changed[at] ^= 1 << bit;
            let holds = Note::parse(&changed).and_then(|note| note.is_signed_by(&key));
            assert!(!holds.is_ok_and(|signed| signed), "byte {at} bit {bit}");
        }
    }
}

/// A line of signature that says nothing to anybody.
fn stranger() -> String {
    format!("\u{2014} stranger.example {}\n", base64(b"0123a signature"))
}

#[test]
fn bytes_and_lines() {
    let (good, line) = (format!("text\n\n{}", stranger()), stranger());
    check(&good);
    refuse([good.as_bytes(), b"\xff\n"].concat(), "expected UTF-8");
    refuse(b"t\xe9xt\n\n\xe2\x80\x94 a MDEyM2E=\n", "expected UTF-8");
    for control in (0..0x20_u8).filter(|control| *control != b'\n') {
        let message = format!("expected no control character but LF, found U+{control:04X}");
        refuse(format!("te{}xt\n\n{line}", char::from(control)), &message);
        refuse(good.replace("stranger", &format!("stran{}ger", char::from(control))), &message);
        refuse(format!("{good}{}", char::from(control)), &message);
    }
    // Only those below U+0020: the rest is text.
    check(format!("\u{7f}\u{85}\u{2028}\u{fffd}\n\n{line}"));

    let blank = "expected a blank line before signatures";
    for text in ["", "\n", "text", "text\n", &format!("text\n{line}"), &line] {
        refuse(text, blank);
    }
    let none = "expected lines of signature, each with an LF, found none";
    for text in ["text\n\n", "\n\n", good.trim_end(), &format!("{good}x"), "text\n\n\n"] {
        refuse(text, none);
    }
    refuse(format!("text\n\n{line}text\n"), "expected a signature, U+2014 NAME BASE64, found text");
}

/// The text goes to the last blank line, whatever is in it, and keeps its LF.
#[test]
fn the_last_blank_line() {
    let key = log(1);
    for text in ["\n", "a\n", "\n\n", "a\n\n", "a\n\nb\n", "\n\na\n", &format!("a\n\n{}", stranger()), "a\n\n\n\n\n"] {
        let read = check(note(text, &[&key]));
        assert_eq!(read.text(), text);
        assert!(read.is_signed_by(key.key()).unwrap(), "{text:?}");
    }
    // A signed note can be signed as a text. The signatures inside are text then, and no longer count.
    let inner = note("a\n", &[&key]);
    let read = check(note(&inner, &[&log(2)]));
    assert_eq!(read.text(), inner);
    assert!(!read.is_signed_by(key.key()).unwrap());
}

#[test]
fn lines_of_signature() {
    let wrong = "expected a signature, U+2014 NAME BASE64, found ";
    for dash in ["", "-", "--", "\u{2013}", "\u{2015}", "\u{2212}", "\u{2014}\u{a0}", "\u{2014} \u{2014}"] {
        let message = if dash == "\u{2014} \u{2014}" { "expected canonical base64" } else { wrong };
        refuse(format!("a\n\n{dash} x {}\n", base64(b"0123s")), message);
    }
    refuse("a\n\n\u{2014} x\n", wrong);
    refuse("a\n\n\u{2014} x \n", wrong);
    refuse("a\n\n\u{2014}x MDEyM3M=\n", wrong);
    for short in [&b"0"[..], b"012", b"0123"] {
        refuse(format!("a\n\n\u{2014} x {}\n", base64(short)), wrong);
    }
    check(format!("a\n\n\u{2014} x {}\n", base64(b"0123s")));

    let letters = "expected canonical base64, found ";
    for text in ["MDEyM3M", "MDEyM3N=", "MDEyM3M==", "MDEyM3M= ", "MDEy M3M=", "MDEy\u{2014}", "MDE-M3M=", "MDE_"] {
        refuse(format!("a\n\n\u{2014} x {text}\n"), letters);
    }
    let name = "expected a name without white space, control characters and +, found ";
    for (text, message) in [("", name), ("a+b", name), ("a\u{a0}b", name), ("a\u{7f}", name), ("a\u{3000}", name)] {
        refuse(format!("a\n\n\u{2014} {text} MDEyM3M=\n"), message);
    }
    for text in ["a", "é", "a\u{2014}b", "example.org/Ünïcode/日本", "a.b/c?d=e&f#g"] {
        assert_eq!(check(format!("a\n\n\u{2014} {text} MDEyM3M=\n")).signatures()[0].name, text);
    }
}

/// Who is unknown is passed over, who shares a name *or* an ID with a known key too. A known key that did not sign is the end.
#[test]
fn whose_signatures_count() {
    let (key, other) = (log(1), log(2));
    let text = "a\n";
    let signature = key.sign(text.as_bytes()).unwrap();
    let named = |name: &str, id: [u8; 4], signature: &[u8]| {
        format!("{}\n", NoteSignature { name: name.into(), key_id: id, signature: signature.to_vec() })
    };
    let (id, mut other_id) = (key.key().id(), key.key().id());
    other_id[3] ^= 1;
    let (good, bad) = (line(key.key(), &signature), line(key.key(), &[0; 64]));
    let unknown = [
        stranger(),
        named(ORIGIN, other_id, &signature),
        named(ORIGIN, other_id, b"garbage"),
        named("example.org/trade", id, &signature),
        named("Example.org/trades", id, b"garbage"),
        line(other.key(), &signature),
    ]
    .concat();

    let signed_by = |lines: &[&str]| check(format!("{text}\n{}", lines.concat())).is_signed_by(key.key());
    assert!(!signed_by(&[&unknown]).unwrap());
    for lines in [&[&good, &unknown][..], &[&unknown, &good], &[&good], &[&good, &good]] {
        assert!(signed_by(&lines.iter().map(|line| line.as_str()).collect::<Vec<_>>()).unwrap());
    }
    let message = format!("note: expected a signature of {ORIGIN}, found one that does not verify");
    let rejected = |error: Error| assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unproven, message.clone()));
    let short = line(key.key(), &signature[..63]);
    let long = line(key.key(), &[&signature[..], &[0]].concat());
    let of_other = line(key.key(), &other.sign(text.as_bytes()).unwrap());
    for bad in [&bad, &short, &long, &of_other] {
        rejected(signed_by(&[bad]).unwrap_err());
        rejected(signed_by(&[&good, bad]).unwrap_err());
        rejected(signed_by(&[bad, &good, &unknown]).unwrap_err());
    }
    // The same key with another type has another ID, and is another key.
    let as_witness = SecretKey::from_seed(&[1; 32], ORIGIN, at1_ledger::KeyType::Cosignature).unwrap();
    assert!(!check(format!("{text}\n{good}")).is_signed_by(as_witness.key()).unwrap());
}

#[test]
fn many_signatures() {
    let keys: Vec<SecretKey> = (0..40).map(log).collect();
    let many = check(note("a\n", &keys.iter().collect::<Vec<_>>()));
    assert_eq!(many.signatures().len(), 40);
    keys.iter().for_each(|key| assert!(many.is_signed_by(key.key()).unwrap()));
    // Sixteen as long as post-quantum ones are, and one that counts.
    let mut text = note("a\n", &[&keys[3]]);
    (0..16).for_each(|seed| text.push_str(&line(witness(seed).key(), &[seed; 4900])));
    assert!(check(text).is_signed_by(keys[3].key()).unwrap());
}

#[test]
fn the_longest_note() {
    let key = log(1);
    let rest = note("\n", &[&key]).len();
    let longest = note(&format!("{}\n", "x".repeat(NOTE_BYTES_MAX - rest)), &[&key]);
    assert_eq!(longest.len(), NOTE_BYTES_MAX);
    assert!(check(&longest).is_signed_by(key.key()).unwrap());
    refuse(format!("x{longest}"), "expected at most 262144 bytes, found 262145");
}
