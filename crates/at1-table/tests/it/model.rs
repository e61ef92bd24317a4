//! The protocol as a model, all of whose states are visited: what holds there holds whatever the order of steps and crashes.
//!
//! * In no state is an acknowledged batch lost or there twice, by any power cut; files of live segments are durable; readers get
//!   exactly the batches of one version; no two events have one number; the ledger is never damaged.
//! * The model can fail: without any single one of the protocol's promises the search finds a way to break an invariant.
//! * `AT1_DEEP=1` raises the bounds.

mod lines;
mod protocol;
mod search;

use std::time::Instant;

use protocol::{Damage, Protocol, Rules};
use search::{Found, search};

/// Two writers, a compactor, vacuum and a reader, with a table of two batches.
const EVERYONE: Protocol = Protocol {
    rules: Rules::ALL,
    before: 2,
    writers: 2,
    compactors: 1,
    vacuums: 1,
    readers: 1,
    kills: 0,
    cuts: 0,
    damage: Damage::MustNotBe,
};
/// Two writers: one is killed, or the power goes, or both.
const WRITERS: Protocol = Protocol { before: 1, compactors: 0, vacuums: 0, readers: 0, kills: 1, cuts: 1, ..EVERYONE };
/// A compaction and vacuum beside a writer, with a kill and a power cut.
const COMPACTION: Protocol = Protocol { writers: 1, readers: 0, kills: 1, cuts: 1, ..EVERYONE };
/// Two compactors that want overlapping segments, and a reader.
const COMPACTORS: Protocol = Protocol { before: 3, writers: 0, compactors: 2, kills: 1, ..EVERYONE };

fn run(name: &str, protocol: &Protocol) -> Found {
    let start = Instant::now();
    let found = search(protocol);
    eprintln!("{name}: states: {}, transitions: {}, in {:.1?}", found.states, found.transitions, start.elapsed());
    found
}

#[track_caller]
fn holds(name: &str, protocol: &Protocol) {
    let found = run(name, protocol);
    assert!(found.counterexample.is_none(), "{name}:\n{}", found.counterexample.unwrap_or_default());
    assert!(found.states > 5_000, "{name}: {} states: a search that ends so soon has not searched", found.states);
}

fn deep() -> bool {
    std::env::var_os("AT1_DEEP").is_some()
}

#[test]
fn everyone_and_a_power_cut() {
    let kills = u8::from(deep());
    holds("everyone", &Protocol { kills, cuts: 1, ..EVERYONE });
}

#[test]
fn writers_and_two_crashes() {
    let (kills, cuts) = if deep() { (2, 2) } else { (1, 2) };
    holds("writers", &Protocol { kills, cuts, ..WRITERS });
}

#[test]
fn compaction_and_two_crashes() {
    let (writers, kills, cuts) = if deep() { (2, 1, 1) } else { (1, 1, 1) };
    holds("compaction", &Protocol { writers, kills, cuts, ..COMPACTION });
}

#[test]
fn compactors_that_overlap() {
    let cuts = u8::from(deep());
    holds("compactors", &Protocol { cuts, ..COMPACTORS });
}

/// Where lines that were found are not synced, they can be lost before a line that was written behind them. That is damage, which stops
/// everyone; but nothing that was acknowledged is lost by it.
#[test]
fn lines_that_were_found_unsynced() {
    let rules = Rules { sync_found_lines: false, ..Rules::ALL };
    let found = run("found lines", &Protocol { rules, ..WRITERS });
    assert!(found.counterexample.is_some_and(|why| why.ends_with("the ledger is damaged")));
    holds("found lines, damage stops", &Protocol { rules, damage: Damage::Stops, ..WRITERS });
    holds("found lines, damage stops, compaction", &Protocol { rules, damage: Damage::Stops, ..COMPACTION });
}

#[test]
fn each_promise_is_needed() {
    let all = Rules::ALL;
    for (name, protocol, rules, why) in [
        ("link before seal", WRITERS, Rules { seal_before_link: false, ..all }, "another file for segment"),
        (
            "number before lock",
            Protocol { kills: 0, cuts: 0, ..WRITERS },
            Rules { number_under_lock: false, ..all },
            "none for segment",
        ),
        ("torn tail left", WRITERS, Rules { cut_torn: false, ..all }, "a line is written behind half a line"),
        ("orphan not replaced", WRITERS, Rules { replace_orphans: false, ..all }, "another file for segment"),
        ("line before folder", WRITERS, Rules { sync_folder_before_line: false, ..all }, "none for segment"),
        ("acknowledged unsynced", WRITERS, Rules { ack_after_sync: false, ..all }, "lose the acknowledged batch"),
        ("victims unchecked", COMPACTORS, Rules { check_victims: false, ..all }, "replaces what is not live"),
        ("removed unsynced", COMPACTION, Rules { sync_before_remove: false, ..all }, "none for segment"),
        ("no second look", EVERYONE, Rules { replan: false, ..all }, "a reader finds a file gone"),
    ] {
        let found = run(name, &Protocol { rules, ..protocol });
        let counterexample = found.counterexample.unwrap_or_default();
        let last = counterexample.lines().last().unwrap_or_default();
        assert!(last.contains(why), "{name}: expected {why}, found\n{counterexample}");
    }
}
