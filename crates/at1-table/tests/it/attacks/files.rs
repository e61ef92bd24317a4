//! Attacks on what lies beside the ledger: segments, and what queries know of them without opening them.

use std::sync::Arc;

use at1_ledger::{Carried, Detail, Digest, Json, Kind, ManifestRef};
use at1_table::{Code, ScanOptions, Table, VerifyOptions, paths};
use at1_testkit::{fault::Image, store::MemStore};

use super::{
    ALL, NOTHING,
    attacker::{self, add, add_detail, copy, events, note, rewrite, segment, sign, strip, tell_otherwise, vouch},
    check, sees,
    story::Story,
};
use crate::{append, attest::log_key, legal::compact_all, open, roots::rooting};

#[test]
fn swap_a_segment_file() {
    const FILES: &str = "1 | . 1 1 | . . | . . | . . . | . .";
    for event in [4, 6] {
        let path = segment(event);
        let changes: [fn(&mut Vec<u8>); 3] =
            [|bytes| bytes[100] ^= 1, |bytes| bytes.push(0), |bytes| bytes.truncate(bytes.len() - 1)];
        for change in changes {
            check(
                |story| {
                    let mut bytes = story.store.files()[&path].clone();
                    change(&mut bytes);
                    story.store.put(&path, &bytes);
                },
                FILES,
            );
        }
        // Whole and sound, but another table's.
        check(|story| copy(&Story::evil().store, &path, &story.store), FILES);
        check(
            |story| {
                story.store.take(&path);
                let report = story.verify(&VerifyOptions::default());
                assert!(sees(&report, &[Code::Missing]), "{:?}", report.findings);
            },
            FILES,
        );
    }
}

/// No query believes a block that is not what its name says, so nothing can be won by that, and it fails nothing.
#[test]
fn edit_a_block_of_the_manifest() {
    check(
        |story| {
            for (path, bytes) in story.store.files() {
                if path.starts_with(paths::MANIFEST) {
                    let mut bytes = bytes.clone();
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                    story.store.put(&path, &bytes);
                }
            }
            let report = story.verify(&VerifyOptions::default());
            assert!(sees(&report, &[Code::Block]), "{:?}", report.findings);
            assert_eq!(found(&story.store, "id > 4"), 2);
        },
        NOTHING,
    );
}

/// What an append says of the values in its segment, told otherwise: the bounds of `from` are those of `to`.
fn lie(kind: &mut Kind, from: &str, to: &str) {
    let Kind::Append { segments, .. } = kind else { panic!("no append: {kind:?}") };
    let zones = segments[0].zones.inline().unwrap().as_str();
    assert!(zones.contains(from), "{zones}");
    segments[0].zones = Carried::Inline(Json::new(&zones.replacen(from, to, 1).parse().unwrap()).unwrap());
}

/// How many rows a query finds.
fn found(store: &MemStore, predicate: &str) -> usize {
    let scan = open(store).scan(&ScanOptions::matching(predicate.parse().unwrap())).unwrap();
    scan.map(|batch| batch.unwrap().num_rows()).sum()
}

#[test]
fn append_with_false_zones() {
    check(
        |story| {
            append(&story.table(), "id,name\n7,gus\n8,hal\n");
            let mut events = events(&story.store);
            lie(&mut events[8].detail.kind, r#"["7","8""#, r#"["1","2""#);
            rewrite(&story.store, 8, &events);
            story.sign();
            story.cosign(1050);
            // That is what it is good for.
            assert_eq!((found(&story.store, "id > 6"), found(&story.store, "id > 0")), (0, 8));
        },
        "0 | . . 1 | . . | . . | . . . | . .",
    );
}

/// A root whose blocks are all what their names say, bound by an event: only that it is not what the events come to.
#[test]
fn bind_a_false_manifest() {
    // Of another table: queries see that it is not about this ledger.
    let of_another = |story: &mut Story| {
        let evil = Story::evil();
        bind(story, &evil.store, events(&evil.store)[7].detail.manifest.unwrap());
        assert_eq!(found(&story.store, "id > 4"), 2);
    };
    // Of this one, but for the zones of event 6: queries believe it.
    let of_this_one = |story: &mut Story| {
        let scratch = story.store.crash(Image::Everything);
        let mut events = events(&scratch);
        lie(&mut events[6].detail.kind, r#"["5","6""#, r#"["1","2""#);
        rewrite(&scratch, 6, &events);
        append(&rooting(&scratch), "id,name\n7,gus\n");
        let root = attacker::events(&scratch)[8].detail.manifest.unwrap();
        let mut block = scratch.files()[&block_path(&root)].clone();
        // docs/spec/manifest.md: the chain value of a root stands behind 16 bytes of head and 8 of events.
        let (liar, honest) = (attacker::events(&scratch)[7].chain, attacker::events(&story.store)[7].chain);
        assert_eq!((root.events, &block[24..56]), (8, &liar.0[..]));
        block[24..56].copy_from_slice(&honest.0);
        let root = ManifestRef { sha256: Digest::of(&block), ..root };
        scratch.put(&block_path(&root), &block);
        bind(story, &scratch, root);
        assert_eq!(found(&story.store, "id > 4"), 0);
    };
    // The ledger by itself is as sound as any; the signature and the witnesses are of it.
    check(of_another, "1 | 1 1 1 | . . | . . | . . . | . .");
    check(of_this_one, "1 | 1 1 1 | . . | . . | . . . | . .");
}

fn block_path(root: &ManifestRef) -> String {
    format!("{}/{}", paths::MANIFEST, root.sha256)
}

/// Adds an event that binds `root`, with its blocks from another directory; signed and witnessed.
fn bind(story: &mut Story, from: &MemStore, root: ManifestRef) {
    let blocks = from.files().into_iter().filter(|(path, _)| path.starts_with(paths::MANIFEST));
    blocks.for_each(|(path, bytes)| story.store.put(&path, &bytes));
    let last = events(&story.store).pop().unwrap().detail;
    add_detail(&story.store, &Detail { manifest: Some(root), ..Detail::after(Some(&last), note("x")).unwrap() }, None);
    sign(&story.store, &story.key);
    story.cosign(1050);
}

#[test]
fn swap_a_compacted_segment_and_its_record() {
    let swap = |story: &mut Story| {
        tell_otherwise(story, 4);
        // The files of before, as far as they are still true.
        strip(&story.store);
        for (path, bytes) in story.older.iter().filter(|(path, _)| path.contains("checkpoint")) {
            story.store.put(path, bytes);
        }
    };
    // The oldest checkpoint is still true, so only a limit on what it leaves out tells.
    check(swap, "0 | . . 1 | . 6 | 5 5 | . 6 5 | 5 6");
    check(
        |story| {
            swap(story);
            vouch(story, &log_key(1));
        },
        "0 | . . 1 | . . | 5 5 | . 6 5 | 5 .",
    );
}

/// The writer itself, key in hand, puts a segment in the place of others that is not made of them.
#[test]
fn compact_with_loss() {
    let compact = |story: &mut Story, evil: Story, rows: u64| {
        evil.table().compact(&compact_all()).unwrap();
        let mut kind = events(&evil.store)[8].detail.kind.clone();
        let Kind::Compact { segments, .. } = &mut kind else { panic!("no compaction: {kind:?}") };
        segments[0].rows = rows;
        copy(&evil.store, &segment(8), &story.store);
        add(&story.store, kind, None);
        // What contradicts itself the tool does not even open.
        if Table::open_in(Arc::new(story.store.clone())).is_ok() {
            sign(&story.store, &story.key);
            story.cosign(1050);
        }
    };
    let dropped = ["id,name\n1,ada\n2,bob\n", "id,name\n3,cy\n", "id,name\n5,eve\n6,fay\n"];
    check(|story| compact(story, Story::evil(), 6), "0 | . . 1 | . . | . . | . . . | . .");
    check(|story| compact(story, Story::tell(dropped), 6), "0 | . . 1 | . . | . . | . . . | . .");
    // A false number of rows is a contradiction.
    check(|story| compact(story, Story::tell(dropped), 5), ALL);
}
