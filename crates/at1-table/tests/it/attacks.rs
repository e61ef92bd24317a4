//! The attack table, on real tables: one row per attack, one cell per layer of evidence.
//!
//! ```text
//! plain    the exit code of a verification that was given nothing from outside
//! C        the chain alone        I  and the files        R  and every row, derived again
//! S        a policy with the log's key                    S0 which may leave no event unsigned
//! M        what the verifier remembers                    H  a receipt N:hex that somebody wrote down
//! W        a policy that asks for three of three witnesses
//! Wa       whose newest statement may not be old          Wf which leave no event out, and are asked what they saw last
//! X        a stamped checkpoint that the verifier has     Xa the newest stamp in the ledger may not be old
//! ```
//!
//! * A cell has the exit code if that layer by itself sees the attack, else a dot: then the code is that of `plain`, which is checked.
//! * The dots matter as much as the numbers: they are what the documentation must not promise.
//! * The attacker may write the whole directory, and does the best that he can: what would only give him away he removes.

pub(crate) mod attacker;
mod files;
mod history;
mod keys;
pub(crate) mod stamper;
pub(crate) mod story;
pub(crate) mod witness;

use at1_ledger::Signer as _;
use at1_table::{Code, MaxUnsigned, RowsCheck, VerifyOptions, VerifyReport};

use crate::{append, attest::log_key, legal::compact_all};
use attacker::{add, note};
use story::{MAX_AGE, Outside, Story};

const NOTHING: &str = "0 | . . . | . . | . . | . . . | . .";
const ALL: &str = "1 | 1 1 1 | 1 1 | 1 1 | 1 1 1 | 1 1";

/// What a layer sees besides a chain that does not hold.
fn sees(report: &VerifyReport, codes: &[Code]) -> bool {
    report.findings.iter().any(|finding| codes.contains(&finding.code))
}

const SIGNED: &[Code] =
    &[Code::BadSignature, Code::CheckpointAhead, Code::CheckpointDiffers, Code::Untrusted, Code::Unsigned, Code::Stale];
const REMEMBERED: &[Code] = &[Code::MemoryShorter, Code::MemoryDiffers, Code::MemoryOther];
const HEADS: &[Code] = &[Code::HeadMissing, Code::HeadDiffers];
const SEEN: &[Code] = &[Code::SeenMissing, Code::SeenDiffers];
const STAMPS: &[Code] = &[Code::Stale, Code::StampRefused, Code::AnchorDiffers];

/// The row of the table as it is now, for whoever kept `outside`.
fn row(story: &Story, outside: &Outside) -> String {
    let plain = VerifyOptions::default();
    let report = story.verify(&plain);
    let exit = report.verdict().exit_code();
    // The ledger alone, which all layers rest on; `report.chain` also knows of the manifest's root, which is made again of files.
    let linked = story.handle.verify_chain().unwrap();
    let chain = linked && report.chain == Some(true);
    let immutable = chain && report.immutable == Some(true);
    let rows = story.verify(&VerifyOptions { rows: RowsCheck::Derive, ..plain.clone() });
    let asked = story.witnesses.iter().filter_map(|witness| witness.newest.clone()).collect();

    let signed = VerifyOptions { policy: Some(story.policy(0)), ..plain.clone() };
    let witnessed = VerifyOptions { policy: Some(story.policy(3)), ..plain.clone() };
    let stamped = VerifyOptions { stamps: story.stamps(), ..plain.clone() };
    let all = Some(MaxUnsigned::Events(0));
    let outsiders = [
        (signed.clone(), vec![SIGNED]),
        (VerifyOptions { max_unsigned: all, ..signed }, vec![SIGNED]),
        (VerifyOptions { memory: Some(outside.memory.clone()), ..plain.clone() }, vec![REMEMBERED]),
        (VerifyOptions { heads: vec![outside.head], ..plain }, vec![HEADS]),
        (witnessed.clone(), vec![SIGNED]),
        (VerifyOptions { max_age: Some(MAX_AGE), ..witnessed.clone() }, vec![SIGNED]),
        (VerifyOptions { seen: asked, max_unsigned: all, ..witnessed }, vec![SIGNED, SEEN]),
        (VerifyOptions { seen: vec![outside.stamped.clone()], ..stamped.clone() }, vec![SEEN]),
        (VerifyOptions { max_age: Some(MAX_AGE), ..stamped }, vec![STAMPS]),
    ];
    let outsiders = outsiders.map(|(options, codes)| {
        let report = story.verify(&options);
        let found = report.verdict().exit_code();
        // What somebody outside has against it is handed out; what does not hold is not remembered.
        assert_eq!(report.evidence.is_empty(), !sees(&report, REMEMBERED) && !sees(&report, SEEN), "{codes:?}");
        assert_eq!(report.memory.is_some(), found == 0, "{codes:?}");
        match !linked || sees(&report, &codes.concat()) {
            true => (true, found),
            false => {
                assert_eq!(found, exit, "{codes:?} see nothing: {:?}", report.findings);
                (false, found)
            }
        }
    });
    let inside =
        [(!chain, exit), (!immutable, exit), (!immutable || rows.rows == Some(false), rows.verdict().exit_code())];
    let cells: Vec<_> = [&inside[..], &outsiders]
        .concat()
        .into_iter()
        .map(|(sees, exit)| match sees {
            true => exit.to_string(),
            false => ".".to_owned(),
        })
        .collect();
    let groups = [&cells[..3], &cells[3..5], &cells[5..7], &cells[7..10], &cells[10..]].map(|cells| cells.join(" "));
    format!("{exit} | {}", groups.join(" | "))
}

/// What the layers make of `attack` on a table that they saw before.
#[track_caller]
fn check(attack: impl FnOnce(&mut Story), expected: &str) {
    check_on(Story::told(), attack, expected);
}

#[track_caller]
fn check_on(mut story: Story, attack: impl FnOnce(&mut Story), expected: &str) {
    let outside = story.outside();
    attack(&mut story);
    assert_eq!(row(&story, &outside), expected);
}

#[test]
fn honest() {
    check(|_| (), NOTHING);
    check(
        |story| {
            append(&story.table(), "id,name\n7,gus\n");
            add(&story.store, note("a remark"), None);
            story.sign();
            story.anchor(1040);
            story.sign();
            story.cosign(1050);
        },
        NOTHING,
    );
    check(
        |story| {
            story.table().compact(&compact_all()).unwrap();
            story.sign();
            story.cosign(1050);
        },
        NOTHING,
    );
    check(hand_over, NOTHING);
}

/// From key 1 to key 2, which the witnesses are told of.
fn hand_over(story: &mut Story) {
    let (second, mut memory) = (log_key(2), None);
    story.table().hand_over(&story.key, &mut story.signer, &second, &mut memory).unwrap();
    story.cosign(1040);
    story.witnesses.iter_mut().for_each(|witness| witness.logs.push(second.key().clone()));
    (story.key, story.signer) = (second, memory);
    append(&story.table(), "id,name\n7,gus\n");
    story.sign();
    story.cosign(1050);
}
