//! Exports that fail at every step, and what a power cut leaves of them.
//!
//! * Whatever happens, the log is a log, the table is untouched, and the next run makes it what it was to be.

use std::sync::Arc;

use at1_export::delta::{self, Report};
use at1_table::{AppendOptions, Result, Source, Table};
use at1_testkit::{
    fault::Fault,
    matrix::{kills, matrix},
    store::MemStore,
};

use super::bench::{Bench, check, log_files, replay};

fn open(disk: &MemStore) -> Table {
    Table::open_in(Arc::new(disk.clone())).unwrap()
}

fn run(table: &Table) -> Result<Report> {
    delta::export(table)
}

/// Disks before an export that has something to do, by what that is.
fn deeds() -> Vec<(&'static str, MemStore)> {
    let first = Bench::with(&["id\n1\n", "id\n2\n"]);
    let next = Bench::with(&["id\n1\n"]);
    next.export();
    next.append("id,at\n2,2024-01-01T00:00:00\n");
    let merged = Bench::with(&["id\n1\n", "id\n2\n"]);
    merged.export();
    merged.append("id\n3\n");
    merged.compact(None);
    let checkpoint = Bench::new();
    (0..99).for_each(|i| checkpoint.append(&format!("id\n{i}\n")));
    checkpoint.export();
    checkpoint.append("id\n1\n");
    [("first", first), ("next", next), ("merged", merged), ("checkpoint", checkpoint)]
        .map(|(name, bench)| (name, bench.disk.killed()))
        .into()
}

/// A log that a crash left, and that a new process brings up to date.
#[track_caller]
fn goes_on(disk: &MemStore, done: usize, acked: bool, what: &str) {
    let table = open(disk);
    check(disk, &table);
    let before = replay(disk).len();
    assert!(!acked || before == done, "{what}: told so, and {before} of {done} versions are there");
    let report = run(&table).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    check(disk, &table);
    assert_eq!(replay(disk).len(), done, "{what}: the versions of an undisturbed run");
    assert_eq!(report.event, table.snapshot().unwrap().event(), "{what}");
    assert!(run(&table).unwrap().versions.is_empty(), "{what}: and then there is nothing left");
}

#[test]
fn every_step_fails_in_every_way() {
    for (name, before) in deeds() {
        let done = before.killed();
        run(&open(&done)).unwrap();
        let done = replay(&done).len();
        let table_files = |disk: &MemStore| {
            let all = disk.files().into_iter();
            all.filter(|(path, _)| !path.starts_with("_delta_log/") && !path.starts_with("_at1/staging"))
                .collect::<Vec<_>>()
        };
        let untouched = table_files(&before);
        let (mut cuts, few) = (0_u64, if name == "checkpoint" { 2 } else { 16 });
        let points = matrix(&before, open, run, |point| {
            let what = format!("{name}: {}", point.what());
            assert_eq!(table_files(point.disk), untouched, "{what}: the table is as it was");
            let acked = point.result.is_ok();
            // A disk that forgot names, and then says that they are durable, is beyond a log that nobody may rewrite.
            if point.schedule.fault != Fault::Forgets {
                for cut in point.disk.power_cuts(few, cuts) {
                    cuts += 1;
                    goes_on(&cut.disk, done, acked, &format!("{what}; power cut: {}", cut.what));
                }
            }
            if point.lives() {
                run(point.handle).unwrap_or_else(|error| panic!("{what}: the same process: {error:?}"));
                assert_eq!(replay(point.disk).len(), done, "{what}: the same process");
            }
        });
        assert!(points > 100 && cuts > points / 2, "{name}: {points} points, {cuts} power cuts");
    }
}

#[test]
fn killed_before_every_effect() {
    for (name, before) in deeds() {
        let done = before.killed();
        run(&open(&done)).unwrap();
        let (done, expected) = (replay(&done).len(), log_files(&done));
        for (what, disk) in kills(&before, open, |table| run(table).map(drop)) {
            goes_on(&disk, done, false, &format!("{name}: {what}"));
            let found = log_files(&disk);
            // Times are the events', so there is nothing in a log that depends on when and how often it was tried.
            assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{name}: {what}");
            assert!(found == expected, "{name}: {what}: the same log");
        }
    }
}

#[test]
fn no_version_shows_an_event_that_a_power_cut_takes_back() {
    let bench = Bench::with(&["id\n1\n"]);
    bench.export();
    let append = |table: &Table| drop(table.append_csv(Source::bytes("id\n2\n"), &AppendOptions::default()));
    let (mut shown, mut cuts) = (0, 0);
    // A writer is killed at any moment, such as between writing its line and syncing it; then comes an export, then the power cut.
    for (what, disk) in kills(&bench.disk.killed(), open, append) {
        let report = run(&open(&disk)).unwrap();
        shown += u64::from(report.event == Some(1));
        for cut in disk.power_cuts(64, cuts) {
            cuts += 1;
            check(&cut.disk, &open(&cut.disk));
            assert!(!report.versions.is_empty() || replay(&cut.disk).len() == 1, "{what}; {}", cut.what);
        }
    }
    assert!(shown > 0 && cuts > 10, "{shown} with the event, {cuts} power cuts");
}

#[test]
fn a_power_cut_leaves_no_hole_behind_two_that_were_killed() {
    let bench = Bench::with(&["id\n1\n"]);
    bench.export();
    bench.append("id\n2\n");
    let mut cuts = 0;
    for (first, disk) in kills(&bench.disk.killed(), open, |table| run(table).map(drop)) {
        open(&disk).append_csv(Source::bytes("id\n3\n"), &AppendOptions::default()).unwrap();
        for (second, disk) in kills(&disk.killed(), open, |table| run(table).map(drop)) {
            for cut in disk.power_cuts(16, cuts) {
                cuts += 1;
                goes_on_somehow(&cut.disk, &format!("{first}; {second}; power cut: {}", cut.what));
            }
        }
    }
    assert!(cuts > 50, "{cuts} power cuts");
}

/// A log that is whole, and that a new process brings up to date.
#[track_caller]
fn goes_on_somehow(disk: &MemStore, what: &str) {
    let table = open(disk);
    check(disk, &table);
    let report = run(&table).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(report.event, table.snapshot().unwrap().event(), "{what}");
    check(disk, &table);
}
