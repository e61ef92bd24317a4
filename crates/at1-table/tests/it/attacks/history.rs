//! Attacks on what the ledger says: changed, cut, replayed, told anew, dated back.

use std::sync::Arc;

use at1_ledger::{Digest, KeyType, SecretKey, SignedCheckpoint, Timestamp, parse_line};
use at1_table::{CreateOptions, Table, VerifyOptions, paths};
use at1_testkit::store::MemStore;

use super::{
    ALL, NOTHING,
    attacker::{add, cut, events, forget, lines, note, put_lines, remove, replace, strip, tell_otherwise, vouch},
    check,
    story::{BATCHES, EVIL, Story},
};
use crate::{
    append,
    attest::{ORIGIN, codes, log_key, named},
    open,
};

/// Every event, changed within its line.
#[test]
fn edit_an_event() {
    for line in 1..=8 {
        check(
            |story| {
                let mut lines = lines(&story.store);
                let middle = lines[line].len() / 2;
                lines[line][middle] ^= 1;
                put_lines(&story.store, &lines);
            },
            ALL,
        );
    }
}

#[test]
fn delete_or_reorder_events() {
    for line in 1..8 {
        let edit = |edit: fn(&mut Vec<Vec<u8>>, usize)| {
            check(
                |story| {
                    let mut lines = lines(&story.store);
                    edit(&mut lines, line);
                    put_lines(&story.store, &lines);
                },
                ALL,
            );
        };
        edit(|lines, at| drop(lines.remove(at)));
        edit(|lines, at| lines.swap(at, at + 1));
    }
}

#[test]
fn edit_the_header() {
    let edits: [fn(&str) -> String; 3] = [
        |header| header.replacen(ORIGIN, "example.org/tradez", 1),
        |header| header.replacen("source-bytes/1", "none", 1),
        |header| {
            let at = header.find(r#""nonce":""#).unwrap() + 9;
            let digit = if header.as_bytes()[at] == b'0' { "1" } else { "0" };
            format!("{}{digit}{}", &header[..at], &header[at + 1..])
        },
    ];
    for edit in edits {
        check(
            |story| {
                let mut lines = lines(&story.store);
                lines[0] = edit(str::from_utf8(&lines[0]).unwrap()).into_bytes();
                put_lines(&story.store, &lines);
            },
            ALL,
        );
    }
}

#[test]
fn truncate_the_tail() {
    // What was signed last is left behind.
    check(|story| cut(story, 3), "1 | . . . | 1 1 | 1 1 | 1 1 1 | 1 1");
    // The checkpoint of then is put back.
    check(
        |story| {
            cut(story, 3);
            strip(&story.store);
            story.store.put(paths::CHECKPOINT, &story.older[paths::CHECKPOINT]);
        },
        "0 | . . . | . . | 5 5 | . 6 5 | 5 6",
    );
    // Only what came after the newest stamp that the verifier has.
    check(
        |story| {
            cut(story, 7);
            forget(story, &[8]);
            let note = story.store.files()["_at1/checkpoints/7.note"].clone();
            story.store.put(paths::CHECKPOINT, &note);
        },
        "0 | . . . | . . | 5 5 | . . 5 | . 6",
    );
}

#[test]
fn replay_an_old_copy() {
    check(|story| replace(&story.store, &story.older), "0 | . . . | . . | 5 5 | . 6 5 | 5 6");
    // Anybody can have an old checkpoint stamped again; the event that names the receipt is not signed then.
    check(
        |story| {
            replace(&story.store, &story.older);
            story.anchor(1090);
        },
        "0 | . . . | . 6 | 5 5 | . 6 5 | 5 .",
    );
}

#[test]
fn rewrite_everything() {
    // No key, and all that was signed is left.
    check(|story| tell_otherwise(story, 0), "1 | . . . | 1 1 | 1 1 | 1 1 1 | 1 1");
    // No key, and it is gone.
    check(
        |story| {
            tell_otherwise(story, 0);
            strip(&story.store);
        },
        "0 | . . . | 4 4 | 5 5 | 4 4 5 | 5 6",
    );
    // The key is stolen.
    check(
        |story| {
            tell_otherwise(story, 0);
            strip(&story.store);
            vouch(story, &log_key(1));
        },
        "0 | . . . | . . | 5 5 | 4 4 5 | 5 .",
    );
}

#[test]
fn add_an_event() {
    let nothing_is_signed = "0 | . . . | . 6 | . . | . . 6 | . .";
    check(|story| add(&story.store, note("x"), None), nothing_is_signed);
    check(|story| drop(append(&open(&story.store), "id,name\n7,gus\n")), nothing_is_signed);
    // Without a limit it is said all the same.
    let story = Story::told();
    add(&story.store, note("x"), None);
    let report = story.verify(&VerifyOptions {
        policy: Some(story.policy(3)),
        stamps: story.stamps(),
        ..VerifyOptions::default()
    });
    assert_eq!((codes(&report), report.uncovered), (vec!["uncovered"], Some(1)));
}

#[test]
fn strip_signatures() {
    check(|story| strip(&story.store), "0 | . . . | 4 4 | . . | 4 4 4 | . 6");
    // Only the cosignatures: the checkpoints are as the log signed them.
    check(
        |story| {
            let files = story.store.files();
            for (path, bytes) in files.iter().filter(|(path, _)| path.contains("checkpoint")) {
                let text = String::from_utf8(bytes.clone()).unwrap();
                let lines: String =
                    text.split_inclusive('\n').filter(|line| !line.contains("witness.example")).collect();
                story.store.put(path, lines.as_bytes());
            }
            remove(&story.store, paths::ANCHORS);
        },
        "0 | . . . | . . | . . | 4 4 4 | . 6",
    );
}

/// A signature that claims to be the log's and is none.
#[test]
fn forge_a_signature() {
    check(
        |story| {
            let note = SignedCheckpoint::parse(&story.store.files()[paths::CHECKPOINT]).unwrap();
            let mut forged = note.to_string();
            let at = forged.rfind(ORIGIN).unwrap() + ORIGIN.len() + 20;
            forged.replace_range(at..=at, if forged.as_bytes()[at] == b'A' { "B" } else { "A" });
            story.store.put(paths::CHECKPOINT, forged.as_bytes());
        },
        "0 | . . . | 1 1 | . . | 1 1 1 | . .",
    );
}

#[test]
fn back_date_an_event() {
    let at = |story: &Story, nanos: i128| Timestamp::from_nanos(events(&story.store)[7].ts.nanos() + nanos);
    for nanos in [-1_000_000_000, -1, 0] {
        check(|story| add(&story.store, note("x"), at(story, nanos)), ALL);
    }
    // It is second 1040, and the event claims to be of just after the one before.
    let later = |story: &mut Story| {
        add(&story.store, note("x"), at(story, 1));
        story.sign();
        story.anchor(1045);
        story.sign();
        story.cosign(1050);
    };
    check(later, NOTHING);
    // What others stated tells: after the newest that does not have it, before the first that has.
    let mut story = Story::told();
    later(&mut story);
    let claimed = events(&story.store)[8].ts;
    let times = |options| {
        let interval = story.verify(&options).interval(8);
        [interval.after.or(interval.unseen), interval.before]
            .map(|bound| bound.map(|bound| bound.time.nanos() / 1_000_000_000))
    };
    let second = |second: u64| Some(i128::from(story.start + second));
    assert!(Some(claimed.nanos() / 1_000_000_000) < second(1010), "{claimed}");
    let stamps = VerifyOptions { stamps: story.stamps(), ..VerifyOptions::default() };
    assert_eq!(times(stamps), [second(1010), second(1045)], "between two receipts that the ledger took in");
    let policy = VerifyOptions { policy: Some(story.policy(3)), ..VerifyOptions::default() };
    assert_eq!(times(policy), [second(1020), second(1050)], "between two looks of the witnesses");
}

#[test]
fn show_another_table() {
    let shown = "0 | . . . | 4 4 | 5 5 | 4 4 5 | 5 6";
    // Of another name, with a key of that name.
    check(
        |story| {
            let other = MemStore::new();
            let options = CreateOptions { origin: Some("example.org/others".into()), ..CreateOptions::default() };
            let table = Table::create_in(Arc::new(other.clone()), &options).unwrap();
            append(&table, BATCHES[0]);
            let key = SecretKey::from_seed(&[7; 32], "example.org/others", KeyType::Ed25519);
            table.checkpoint(&key.unwrap(), &mut None).unwrap();
            replace(&story.store, &other.files());
        },
        shown,
    );
    // Of the same name: with another key, and with the stolen one.
    let of_this_name = |story: &mut Story, key: &SecretKey| {
        let (other, table) = named();
        BATCHES.iter().chain(&EVIL).for_each(|batch| drop(append(&table, batch)));
        table.checkpoint(key, &mut None).unwrap();
        replace(&story.store, &other.files());
    };
    check(|story| of_this_name(story, &log_key(7)), shown);
    check(|story| of_this_name(story, &log_key(1)), "0 | . . . | . . | 5 5 | 4 4 5 | 5 6");
}

/// Bytes at the border of operation and detail can be read in one way only, whatever a text holds.
#[test]
fn collide_framing() {
    let hostile = [
        r#"}{"n":0}"#.to_owned(),
        "append{\"n\":8}2026-01-22T16:00:00.000000000Z".to_owned(),
        format!("\n{} {}note{{}}", "0".repeat(64), "1".repeat(64)),
        "vacuum".to_owned(),
    ];
    let texts = hostile.clone();
    check(
        |story| {
            for text in texts {
                add(&story.store, note(&text), None);
            }
            story.sign();
            story.cosign(1050);
        },
        NOTHING,
    );
    let story = Story::told();
    for text in hostile {
        add(&story.store, note(&text), None);
        let read = events(&story.store).pop().unwrap().detail.kind;
        assert_eq!(read, note(&text));
        // The same bytes divided elsewhere are no other event: there is no such operation, or no such object.
        let line = lines(&story.store).pop().unwrap();
        let at = line.windows(5).position(|word| word == b"note{").unwrap();
        for (from, to) in [("note{", "not{e"), ("note{", "noteX{"), ("note{\"", "note\"{")] {
            let event = String::from_utf8(line[65..line.len() - 1].to_vec()).unwrap().replacen(from, to, 1);
            let moved = format!("{} {event}\n", Digest::of(event.as_bytes()));
            assert!(parse_line(moved.as_bytes()).is_err(), "{at}: {moved}");
        }
    }
}
