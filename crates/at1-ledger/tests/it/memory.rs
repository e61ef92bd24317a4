//! What is remembered of a ledger: followed line by line, written and read, and held against what the ledger became.

use std::collections::BTreeSet;

use at1_ledger::{
    ChainReport, Checkpoint, Digest, ErrorKind, Header, Kind, Memory, Recall, RowTree, SignedCheckpoint, link, root,
    verify_chain, verify_chain_at,
};
use serde_json::{Value, json};

use crate::{
    known_answers::{checkpoint, log_key},
    standin::{BATCHES, Table, example, second},
};

fn lines(ledger: &[u8]) -> Vec<&[u8]> {
    ledger.split_inclusive(|byte| *byte == b'\n').collect()
}

/// What is remembered after the first `events` events.
fn remember(table: &Table, events: usize) -> Memory {
    let mut memory = Memory::of_header(&table.header);
    lines(&table.ledger)[1..=events].iter().for_each(|line| memory.follow(line).unwrap());
    memory
}

#[track_caller]
fn check(memory: &Memory, ledger: &[u8], expected: Recall) {
    let report = verify_chain_at(ledger, &BTreeSet::from([memory.size()]));
    assert_eq!(memory.recall(&report), expected);
}

/// An honest ledger, an evil one with the same header, and one of the same name with another nonce.
fn ledgers() -> [Table; 3] {
    let evil = [(&b"id,name\n1,eva\n2,bob\n\n3,\n"[..], 8), BATCHES[1], BATCHES[2]];
    let (honest, mut other) = (example(BATCHES, 6), Table::new());
    other.header = Header::new([9; 16], Some(honest.header.origin()), RowTree::SourceBytes).unwrap();
    other.ledger = format!("{}\n", other.header.line()).into_bytes();
    (0..6).for_each(|i| other.event(Kind::Note { text: format!("remark {i}") }));
    [honest, example(evil, 6), other]
}

/// Followed line by line it is what the report of the whole says, at every size; and the text gives it back.
#[test]
fn line_by_line() {
    let table = example(BATCHES, 6);
    let (lines, mut memory) = (lines(&table.ledger), Memory::of_header(&table.header));
    for events in 0..=6 {
        let ledger = lines[..=events].concat();
        let report = verify_chain(&ledger);
        assert_eq!(Memory::of_report(&report).unwrap(), memory);
        assert!(memory.is_of(&table.header));
        assert_eq!((memory.size(), memory.ledger_bytes()), (events as u64, ledger.len() as u64));
        assert_eq!((Some(memory.chain()), memory.checkpoint().root), (report.chain, report.root));
        assert_eq!(memory.checkpoint().root, root(&table.leaves()[..events]));
        for (note, hashed) in [(None, 0), (Some(checkpoint(&table).to_string()), 0), (Some("\"\n\0é".into()), 5)] {
            let mut kept = memory.clone();
            (kept.note, kept.hashed) = (note, hashed);
            let text = kept.to_text();
            assert_eq!(text.matches('\n').count(), 1, "one line");
            assert_eq!(Memory::parse(text.as_bytes()).unwrap(), kept);
            assert_eq!(Memory::parse(text.trim_end().as_bytes()).unwrap(), kept);
        }
        if let Some(line) = lines.get(events + 1) {
            memory.follow(line).unwrap();
        }
    }
    assert_eq!(Memory::of_report(&verify_chain(b"no ledger\n")), None);
}

/// What does not follow is refused, and leaves the memory as it was.
#[test]
fn what_does_not_follow() {
    let table = example(BATCHES, 6);
    let (lines, before) = (lines(&table.ledger), remember(&table, 2));
    let mut memory = before.clone();
    let mut refuse = |line: &[u8], kind: ErrorKind, message: &str| {
        let error = memory.follow(line).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (kind, format!("event 2: {message}")));
        assert_eq!(memory, before);
    };
    let damaged = ErrorKind::Damaged;
    for n in [0, 1, 3, 4, 5] {
        let (chain, prev) = (table.events[1].chain, table.events[n].prev);
        refuse(lines[n + 1], damaged, &format!("expected chain value {chain} before it, found {prev}"));
    }
    let torn = &lines[3][..lines[3].len() - 1];
    let message = format!("line: expected an LF at the end, found {} bytes without", torn.len());
    refuse(torn, ErrorKind::Torn, &message);
    refuse(b"\n", damaged, "line: expected 164 to 65600 bytes, found 0");
    let mut changed = lines[3].to_vec();
    changed[80] ^= 1;
    let found = Digest::of(&changed[65..changed.len() - 1]);
    refuse(&changed, damaged, &format!("line: expected hash {}, found {found}", table.events[2].chain));
    memory.follow(lines[3]).unwrap();
    assert_eq!(memory, remember(&table, 3));
}

/// Every size remembered, every size found.
#[test]
fn recall() {
    let [honest, evil, other] = ledgers();
    for known in 0..=6_usize {
        let memory = remember(&honest, known);
        for found in 0..=6_usize {
            let short = lines(&honest.ledger)[..=found].concat();
            let events = found as u64;
            check(&memory, &short, if found < known { Recall::Shorter { events } } else { Recall::Extends });
            let rewritten = lines(&evil.ledger)[..=found].concat();
            check(
                &memory,
                &rewritten,
                match (known, found) {
                    (0, _) => Recall::Extends,
                    _ if found < known => Recall::Shorter { events },
                    _ => Recall::Differs { found: root(&evil.leaves()[..known]) },
                },
            );
        }
        // The same name is not the same ledger; neither is one that hides its header.
        check(&memory, &other.ledger, Recall::Other { found: Some(other.header.genesis()) });
        for none in [&b""[..], b"x", b"no ledger\n", &honest.ledger[1..], &honest.ledger[..50]] {
            check(&memory, none, Recall::Other { found: None });
        }
    }
}

/// A fork parts somewhere: whoever remembers less than that does not see it, whoever remembers more does.
#[test]
fn forks() {
    let honest = example(BATCHES, 6);
    for parts_at in 0..6_usize {
        let mut ledger = lines(&honest.ledger)[..=parts_at].concat();
        let previous = parts_at.checked_sub(1).map(|last| &honest.events[last]);
        let note = Kind::Note { text: "another history".into() };
        let detail = at1_ledger::Detail::after(previous.map(|event| &event.detail), note).unwrap();
        let prev = previous.map_or(honest.header.genesis(), |event| event.chain);
        let forked = link(prev, parts_at as u64, &detail, second(9)).unwrap();
        ledger.extend_from_slice(&forked.line);
        let leaves = [&honest.leaves()[..parts_at], &[forked.event.leaf]].concat();
        for known in 0..=6 {
            let expected = match known {
                _ if known <= parts_at => Recall::Extends,
                _ if known == parts_at + 1 => Recall::Differs { found: root(&leaves) },
                _ => Recall::Shorter { events: parts_at as u64 + 1 },
            };
            check(&remember(&honest, known), &ledger, expected);
        }
    }
}

/// A damaged ledger is one that ends where the damage is; a torn one ends before it.
#[test]
fn damaged_ledgers() {
    let table = example(BATCHES, 6);
    let lines = lines(&table.ledger);
    for at in 0..6_usize {
        let mut damaged = table.ledger.clone();
        let offset: usize = lines[..=at].iter().map(|line| line.len()).sum();
        damaged[offset + 70] ^= 1;
        for known in 0..=6 {
            let expected = if known <= at { Recall::Extends } else { Recall::Shorter { events: at as u64 } };
            check(&remember(&table, known), &damaged, expected);
            check(&remember(&table, known), &table.ledger[..offset + 70], expected);
        }
    }
}

/// Written by hand: what each member must be, and that no other is there.
#[test]
fn what_a_text_may_say() {
    let memory = remember(&example(BATCHES, 6), 6);
    let value: Value = serde_json::from_str(&memory.to_text()).unwrap();
    let with = |key: &str, to: Value| {
        let mut value = value.clone();
        value[key] = to;
        at1_ledger::json::encode(&value).unwrap()
    };
    let refuse = |text: &str, message: &str| {
        let error = Memory::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Damaged, format!("memory: {message}")));
    };
    refuse("", "expected JSON, found EOF while parsing a value at line 1 column 0");
    refuse("null", "expected an object, found null");
    refuse("{}", "at1_memory: expected this member, found none");
    let digest = value["sha256"].as_str().unwrap().to_owned();
    let mut without = value.clone();
    without.as_object_mut().unwrap().remove("sha256");
    let text = at1_ledger::json::encode(&without).unwrap();
    assert_eq!(Digest::of(text.as_bytes()).to_string(), digest, "the digest of all the other members");
    refuse(&text, "sha256: expected this member, found none");
    let other = Digest([1; 32]).to_string();
    refuse(&with("sha256", other.clone().into()), &format!("sha256: expected \"{other}\", found \"{digest}\""));
    // A number that nothing else in the text binds.
    let more = Memory::parse(with("hashed", 7.into()).as_bytes()).unwrap_err();
    assert!(more.to_string().starts_with("memory: sha256: expected"), "{more}");
    refuse(&with("at1_memory", 2.into()), "at1_memory: expected 1, found 2");
    refuse(&with("more", 1.into()), "more: expected no such member");
    refuse(&with("hashed", Value::Null), "hashed: expected an integer, found null");
    let subtrees = "subtrees: expected those of the size and root";
    for size in [0, 1, 2, 4, 7, 8] {
        refuse(&with("size", size.into()), subtrees);
    }
    refuse(&with("root", Digest([1; 32]).to_string().into()), subtrees);
    refuse(&with("subtrees", json!([])), subtrees);
    let mut swapped = value["subtrees"].as_array().unwrap().clone();
    swapped.swap(0, 1);
    refuse(&with("subtrees", swapped.into()), subtrees);
    for key in ["origin", "genesis", "chain", "ledger_bytes", "size", "root", "subtrees"] {
        let mut without = value.clone();
        without.as_object_mut().unwrap().remove(key);
        refuse(&without.to_string(), &format!("{key}: expected this member, found none"));
        refuse(&with(key, true.into()), &{
            let what = match key {
                "origin" => "a string",
                "ledger_bytes" | "size" => "an integer",
                "subtrees" => "an array of digests, 64 lower-case hexadecimal digits each",
                _ => "64 lower-case hexadecimal digits",
            };
            format!("{key}: expected {what}, found true")
        });
    }
    refuse(&format!(" {}", memory.to_text()), "expected canonical JSON, found another spelling at byte 0");
    refuse(&format!("{}\n", memory.to_text()), &{
        let at = memory.to_text().len() - 1;
        format!("expected canonical JSON, found another spelling at byte {at}")
    });
}

/// No text is read but the memory's own.
#[test]
fn every_byte_of_a_text() {
    let text = remember(&example(BATCHES, 6), 6).to_text();
    let mut refused = 0;
    // The LF at the end may be missing.
    let end = text.len() - 1;
    for at in 0..end {
        let original = text.as_bytes()[at];
        let replaced =
            (0..8).map(|bit| vec![original ^ 1 << bit]).chain([vec![], vec![original; 2], vec![b'0'], vec![b'a']]);
        let cut = [text.as_bytes()[..at].to_vec()];
        let mutants = replaced.map(|by| [&text.as_bytes()[..at], &by, &text.as_bytes()[at + 1..]].concat()).chain(cut);
        for mutant in mutants.filter(|mutant| mutant != text.as_bytes()) {
            let read = Memory::parse(&mutant);
            assert!(read.is_err(), "{} is read as {read:?}", mutant.escape_ascii());
            refused += 1;
        }
    }
    assert!(refused > 6_000);
}

#[test]
fn checkpoints_against_a_memory() {
    let (honest, [_, evil, other]) = (example(BATCHES, 6), ledgers());
    let memory = remember(&honest, 4);
    let sign = |table: &Table, size: usize| {
        let tree =
            Checkpoint { origin: table.header.origin().into(), size: size as u64, root: root(&table.leaves()[..size]) };
        SignedCheckpoint::sign(tree, &log_key(&honest)).unwrap()
    };
    assert_eq!(memory.agrees(&sign(&honest, 4)), Some(true));
    assert_eq!(memory.agrees(&sign(&evil, 4)), Some(false));
    assert_eq!(memory.agrees(&sign(&other, 4)), Some(false), "another ledger of the same name");
    for size in [0, 3, 5, 6] {
        assert_eq!(memory.agrees(&sign(&honest, size)), None, "only a consistency proof could tell");
    }
    let stranger = Checkpoint { origin: "example.org".into(), ..memory.checkpoint() };
    let text = crate::keyring::note(&stranger.to_string(), &[&crate::keyring::log(1)]);
    assert_eq!(memory.agrees(&SignedCheckpoint::parse(text.as_bytes()).unwrap()), Some(false));
}

/// Roots at sizes that were asked for, and no others.
#[test]
fn roots_on_the_way() {
    let table = example(BATCHES, 6);
    let asked = BTreeSet::from([0, 1, 4, 6, 7, u64::MAX]);
    let report: ChainReport = verify_chain_at(&table.ledger[..], &asked);
    for size in 0..=8 {
        let known = asked.contains(&size) && size <= 6;
        assert_eq!(report.root_at(size), known.then(|| root(&table.leaves()[..size as usize])), "{size}");
    }
    assert_eq!(verify_chain(&table.ledger).root_at(6), Some(report.root), "the last is always known");
}
