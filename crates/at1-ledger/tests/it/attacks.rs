//! The attack table, for the layers that live here: one row per attack, one word per layer.
//!
//! * `chain`: the ledger recomputed. `files`: chain and immutable. `memory`: consistency with a root remembered.
//!   `receipt`: a chain head written down elsewhere.
//! * The dots matter as much as the words: they are what the documentation must not promise.

use at1_ledger::{Digest, Kind, Receipt, Verdict, link, prove_consistency, root, verify_consistency, verify_immutable};
use serde_json::json;

use crate::standin::{BATCHES, Table, example, second};

const EVIL: [(&[u8], usize); 3] = [(b"id,name\n1,eva\n2,bob\n\n3,\n", 8), BATCHES[1], BATCHES[2]];

/// Which layers detect `attack` on the worked example: `chain files memory receipt`.
#[track_caller]
fn check(attack: impl FnOnce(&mut Table), expected: &str) {
    check_after(6, attack, expected);
}

#[track_caller]
fn check_after(events: usize, attack: impl FnOnce(&mut Table), expected: &str) {
    let honest = example(BATCHES, events);
    let receipt = honest.verify_chain().head().unwrap();
    let (remembered_size, remembered_root) = (events as u64, root(&honest.leaves()));
    let mut table = honest.clone();
    attack(&mut table);

    let chain = table.verify_chain();
    let files = table.verify_files().0;
    // Leaves as the verifier makes them: from the bytes that are there.
    let leaves: Vec<_> = table
        .ledger
        .split(|byte| *byte == b'\n')
        .skip(1)
        .filter_map(|line| line.get(65..))
        .map(at1_ledger::leaf_hash)
        .collect();
    let memory = prove_consistency(remembered_size, &leaves).and_then(|proof| {
        verify_consistency(remembered_size, leaves.len() as u64, &proof, remembered_root, root(&leaves))
    });
    let detected = [
        chain.verdict() != Verdict::Holds,
        files != Verdict::Holds,
        memory.is_err() || chain.verdict() != Verdict::Holds,
        chain.check(&receipt) != Receipt::Held || chain.verdict() != Verdict::Holds,
    ];
    let found = detected.map(|detected| if detected { "detected" } else { "." }).join(" ");
    assert_eq!(found, expected);
}

fn lines(table: &Table) -> Vec<Vec<u8>> {
    table.ledger.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Writes all events from `from` on again, so that every link is right.
fn rechain(table: &mut Table, from: usize, change: impl Fn(u64, &mut Kind)) {
    let events = std::mem::take(&mut table.events);
    table.ledger = format!("{}\n", table.header.line()).into_bytes();
    let mut prev = table.header.genesis();
    for (i, event) in events.into_iter().enumerate() {
        let mut detail = event.detail;
        if i >= from {
            change(event.n, &mut detail.kind);
        }
        let link = link(prev, i as u64, &detail, event.ts).unwrap();
        table.ledger.extend_from_slice(&link.line);
        prev = link.chain;
        table.events.push(link.event);
    }
}

fn swap(table: &mut Table, name: &str) {
    let bytes = table.files.get_mut(name).unwrap();
    let at = bytes.windows(3).position(|window| window == b"ada").unwrap();
    bytes[at..at + 3].copy_from_slice(b"eva");
}

const NOTHING: &str = ". . . .";
const ALL: &str = "detected detected detected detected";

#[test]
fn honest() {
    check(|_| (), NOTHING);
    check(|table| table.append(&[(b"8,gus\n", 0)], &json!({})), NOTHING);
    check(|table| table.event(Kind::Note { text: "x".into() }), NOTHING);
    check_after(3, |table| table.compact(&BATCHES, &json!({})), NOTHING);
}

#[test]
fn edit_an_event() {
    check(
        |table| {
            let at = table.ledger.windows(3).position(|window| window == b"ada").unwrap();
            table.ledger[at] ^= 1;
        },
        ALL,
    );
}

#[test]
fn delete_or_reorder_events() {
    check(
        |table| {
            let mut lines = lines(table);
            lines.remove(2);
            table.ledger = lines.concat();
        },
        ALL,
    );
    check(
        |table| {
            let mut lines = lines(table);
            lines.swap(2, 3);
            table.ledger = lines.concat();
        },
        ALL,
    );
}

/// Also a replayed older copy of the directory: nothing inside it can tell.
#[test]
fn truncate_the_tail() {
    check(|table| table.ledger = lines(table)[..5].concat(), ". . detected detected");
}

#[test]
fn rewrite_everything() {
    check(|table| *table = example(EVIL, 6), ". . detected detected");
}

#[test]
fn swap_a_segment_file() {
    check(|table| swap(table, "seg_000003.at1"), ". detected . .");
    check(|table| table.files.get_mut("seg_000003.at1").unwrap().push(0), ". detected . .");
}

#[test]
fn delete_a_segment_file() {
    check(|table| drop(table.files.remove("seg_000003.at1")), ". detected . .");
    let mut table = example(BATCHES, 6);
    table.files.remove("seg_000003.at1");
    let expected = vec!["missing seg_000003.at1: missing: deleted, or not copied yet".to_owned()];
    assert_eq!(table.verify_files(), (Verdict::Broken, expected));
}

/// The record is made to fit the false file: the chain has to be written again, which only memory can tell.
#[test]
fn swap_a_segment_and_its_record() {
    check(
        |table| {
            swap(table, "seg_000003.at1");
            let sha256 = Digest::of(&table.files["seg_000003.at1"]);
            rechain(table, 3, |n, kind| {
                if let (3, Kind::Compact { segments, .. }) = (n, kind) {
                    segments[0].sha256 = sha256;
                }
            });
        },
        ". . detected detected",
    );
}

/// A compaction that alters or drops a row is made whole by its writer: only deriving the batches again tells. A false
/// row count is a contradiction even without.
#[test]
fn lossy_compaction() {
    check_after(3, |table| table.compact(&EVIL, &json!({})), NOTHING);
    let dropped = [(&b"id,name\n1,ada\n\n3,\n"[..], 8), BATCHES[1], BATCHES[2]];
    check_after(3, |table| table.compact(&dropped, &json!({})), ALL);
}

#[test]
fn edit_the_header() {
    check(
        |table| {
            let text = String::from_utf8(table.ledger.clone()).unwrap();
            table.ledger = text.replacen("at1.local/00", "at1.local/ff", 1).into_bytes();
        },
        ALL,
    );
}

#[test]
fn put_an_event_before_its_time() {
    check(
        |table| {
            let (last, detail) = (table.events[5].clone(), table.detail(Kind::Note { text: "x".into() }));
            let line = link(last.chain, 6, &detail, second(4)).unwrap().line;
            table.ledger.extend_from_slice(&line);
        },
        ALL,
    );
}

#[test]
fn files_as_found() {
    let table = example(BATCHES, 6);
    let state = table.state();
    let report = verify_immutable(state.live(), |segment| {
        assert_eq!(segment.name, "seg_000003.at1", "only live segments are asked for");
        Err(std::io::Error::other("bad sector"))
    });
    assert_eq!((report.verdict(), report.segments), (Verdict::Undecided, 0));
    assert_eq!(report.findings[0].to_string(), "seg_000003.at1: unreadable: bad sector");
    let mut changed = table;
    changed.files.get_mut("seg_000003.at1").unwrap().pop();
    let expected = vec!["changed seg_000003.at1: changed: expected 362 bytes, found 361".to_owned()];
    assert_eq!(changed.verify_files(), (Verdict::Broken, expected));
}
