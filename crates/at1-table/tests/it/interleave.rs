//! Several processes at one table, in every order of their steps up to a bound on preemptions, with the power cut in between.
//!
//! `AT1_DEEP=1` raises the bounds.

use std::{sync::Arc, time::Instant};

use at1_table::{
    AppendOptions, CompactOptions, CreateOptions, Extent, Joints, ScanOptions, Source, Table, VacuumMode,
    VacuumOptions, paths, store::Store,
};
use at1_testkit::{
    interleave::{Bounds, Explored, Moment, Process, Told, explore},
    store::MemStore,
};

use crate::{
    append, batches,
    legal::{self, Judge, New, compact_all, holds},
    open,
    roots::{blocks, rooting, rooting_in},
    table,
};

const OLD: [&[u8]; 3] = [b"a,b\n1,x\n", b"a,b\n2,y\n3,y\n", b"b,a\nw,4\n"];
const ONE: &[u8] = b"a,b\n5,p\n";
const TWO: &[u8] = b"b,a\nq,6\nq,6\n";
/// Its first column is no integer.
const WIDER: &[u8] = b"a,b\n5.5,p\n";

/// A disk with a table of the first so many old batches.
fn old(count: usize) -> MemStore {
    let (store, table) = table();
    OLD[..count].iter().for_each(|batch| drop(append(&table, batch)));
    store
}

fn told<T>(result: Result<T, at1_table::Error>) -> Told {
    match result {
        Ok(_) => Told::Done,
        Err(error) => panic!("nothing fails here, and yet: {error:?}"),
    }
}

fn appends(bytes: &'static [u8]) -> impl Fn(Arc<dyn Store>) -> Told + Sync {
    move |store| told(legal::try_append(&Table::open_in(store).unwrap(), bytes))
}

fn compacts(options: CompactOptions) -> impl Fn(Arc<dyn Store>) -> Told + Sync {
    move |store| told(Table::open_in(store).unwrap().compact(&options))
}

fn vacuums(store: Arc<dyn Store>) -> Told {
    let options = VacuumOptions { grace: std::time::Duration::ZERO, mode: VacuumMode::Remove };
    told(Table::open_in(store).unwrap().vacuum(&options))
}

/// Reads one state, twice over, and gets the same answer.
fn reads(store: Arc<dyn Store>) -> Told {
    let table = Table::open_in(store).unwrap();
    let snapshot = table.snapshot().unwrap();
    let mut bytes = vec![];
    snapshot.cat(&Extent::Everything, Joints::LineFeed, &mut bytes).unwrap();
    let batches: Vec<Vec<u8>> = (0..snapshot.info().unwrap().batches)
        .map(|batch| {
            let mut bytes = vec![];
            snapshot.cat(&Extent::Batch(batch), Joints::LineFeed, &mut bytes).unwrap();
            bytes
        })
        .collect();
    assert_eq!(bytes, batches.concat(), "a snapshot is one state");
    assert!(
        batches.len() >= OLD.len() && batches[..OLD.len()] == OLD,
        "a snapshot has all that was there: {batches:?}"
    );
    let rows = snapshot.scan(&ScanOptions::default()).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
    assert_eq!(rows, bytes.iter().filter(|byte| **byte == b'\n').count() - batches.len());
    Told::Done
}

fn deep() -> bool {
    std::env::var_os("AT1_DEEP").is_some()
}

/// What the power does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    /// It is cut after every effect, in every way.
    Cut,
    Stays,
}

/// Runs processes, of which the first ones append `new`, on a table of `count` old batches.
#[track_caller]
fn check(
    name: &str,
    count: usize,
    preemptions: u32,
    power: Power,
    processes: &[Process<'_>],
    new: &[&[u8]],
) -> Explored {
    check_from(&old(count), name, count, preemptions, power, processes, new)
}

/// As [`check`], on a disk that has those batches.
#[track_caller]
fn check_from(
    disk: &MemStore,
    name: &str,
    count: usize,
    preemptions: u32,
    power: Power,
    processes: &[Process<'_>],
    new: &[&[u8]],
) -> Explored {
    let start = Instant::now();
    let news = |moment: &Moment<'_>| -> Vec<New<'_>> {
        new.iter().enumerate().map(|(process, bytes)| New { bytes, acked: moment.was_told(process) }).collect()
    };
    let mut judge = Judge::default();
    let mut during = |moment: &Moment<'_>| {
        if power == Power::Cut {
            judge.power_cuts(moment.disk, &OLD[..count], &news(moment), &|| moment.trace.join("\n"));
        }
    };
    let mut after = |moment: &Moment<'_>| {
        let table = open(moment.disk);
        let found = holds(&table, &OLD[..count], &news(moment), &|| "in the end".to_owned());
        assert_eq!(found.len(), count + new.len());
        assert!(!moment.disk.files().keys().any(|path| path.starts_with(paths::STAGING)), "staging is clean");
    };
    let preemptions = preemptions + u32::from(deep());
    let bounds = Bounds { preemptions, schedules: if deep() { 1_000_000 } else { 20_000 } };
    let explored = explore(disk, bounds, processes, &mut during, &mut after);
    let Explored { schedules, steps, moments, exhaustive } = explored;
    eprintln!(
        "{name}: schedules: {schedules}, steps: {steps}, moments: {moments}, images: {} ({} different), in {:.1?}",
        judge.images,
        judge.different(),
        start.elapsed()
    );
    assert!(exhaustive, "{name}: the bound on schedules came before the one on preemptions");
    assert!(schedules > 20, "{name}: {schedules} schedules are none");
    explored
}

#[test]
fn append_beside_append() {
    check("append ‖ append", 1, 2, Power::Cut, &[&appends(ONE), &appends(TWO)], &[ONE, TWO]);
}

#[test]
fn append_beside_an_append_that_changes_the_schema() {
    check("append ‖ widening append", 1, 1, Power::Cut, &[&appends(ONE), &appends(WIDER)], &[ONE, WIDER]);
}

/// A disk with all old batches, whose manifest has roots that were superseded.
fn old_with_roots() -> MemStore {
    let (store, _) = table();
    OLD.iter().for_each(|batch| drop(append(&rooting(&store), batch)));
    assert!(blocks(&store) > 0);
    store
}

fn appends_with_root(bytes: &'static [u8]) -> impl Fn(Arc<dyn Store>) -> Told + Sync {
    move |store| told(legal::try_append(&rooting_in(store), bytes))
}

#[test]
fn appends_that_bind_roots() {
    let disk = old_with_roots();
    let processes: [Process<'_>; 2] = [&appends_with_root(ONE), &appends_with_root(TWO)];
    check_from(&disk, "root ‖ root", OLD.len(), 1, Power::Stays, &processes, &[ONE, TWO]);
    let processes: [Process<'_>; 2] = [&appends_with_root(ONE), &appends(TWO)];
    check_from(&disk, "root ‖ append", OLD.len(), 1, Power::Stays, &processes, &[ONE, TWO]);
}

#[test]
fn a_root_beside_a_reader() {
    let processes: [Process<'_>; 2] = [&appends_with_root(ONE), &reads];
    check_from(&old_with_roots(), "root ‖ reader", OLD.len(), 2, Power::Stays, &processes, &[ONE]);
}

#[test]
fn a_root_beside_compaction_and_vacuum() {
    let compacts = |store: Arc<dyn Store>| told(rooting_in(store).compact(&compact_all()));
    let processes: [Process<'_>; 2] = [&appends_with_root(ONE), &compacts];
    check_from(&old_with_roots(), "root ‖ compact and vacuum", OLD.len(), 1, Power::Stays, &processes, &[ONE]);
}

#[test]
fn three_appends() {
    let processes: [Process<'_>; 3] = [&appends(ONE), &appends(TWO), &appends(WIDER)];
    check("append ‖ append ‖ append", 1, 1, Power::Stays, &processes, &[ONE, TWO, WIDER]);
}

#[test]
fn append_beside_a_reader() {
    check("append ‖ reader", 3, 2, Power::Stays, &[&appends(ONE), &reads], &[ONE]);
}

#[test]
fn append_beside_compaction() {
    let kept = compacts(CompactOptions::default());
    check("append ‖ compact", 3, 2, Power::Cut, &[&appends(ONE), &kept], &[ONE]);
}

#[test]
fn append_beside_compaction_and_vacuum() {
    check("append ‖ compact and vacuum", 3, 1, Power::Cut, &[&appends(ONE), &compacts(compact_all())], &[ONE]);
}

#[test]
fn widening_append_beside_compaction() {
    check("widening append ‖ compact", 3, 1, Power::Cut, &[&appends(WIDER), &compacts(compact_all())], &[WIDER]);
}

#[test]
fn compactions_that_overlap() {
    let first = CompactOptions { upto: Some(2), ..CompactOptions::default() };
    let all = CompactOptions::default();
    check("compact ‖ compact", 3, 2, Power::Cut, &[&compacts(all), &compacts(first)], &[]);
}

#[test]
fn compactions_that_overlap_and_vacuum() {
    let first = CompactOptions { upto: Some(2), ..compact_all() };
    let processes: [Process<'_>; 2] = [&compacts(compact_all()), &compacts(first)];
    check("compact and vacuum ‖ compact and vacuum", 3, 1, Power::Cut, &processes, &[]);
}

#[test]
fn compaction_beside_vacuum_and_a_reader() {
    let processes: [Process<'_>; 3] = [&compacts(compact_all()), &vacuums, &reads];
    check("compact ‖ vacuum ‖ reader", 3, 1, Power::Stays, &processes, &[]);
    check("compact ‖ reader", 3, 2, Power::Stays, &[&compacts(compact_all()), &reads], &[]);
}

#[test]
fn append_beside_vacuum() {
    // A table whose replaced files are still there.
    let kept = CompactOptions::default();
    let processes: [Process<'_>; 2] = [&appends(ONE), &|store: Arc<dyn Store>| {
        told(Table::open_in(Arc::clone(&store)).unwrap().compact(&kept));
        vacuums(store)
    }];
    check("append ‖ vacuum", 3, 1, Power::Cut, &processes, &[ONE]);
}

#[test]
fn a_table_that_two_make() {
    let makes = |bytes: &'static [u8]| {
        move |store: Arc<dyn Store>| {
            let (table, _) = Table::open_or_create_in(store, &CreateOptions::default()).unwrap();
            told(table.append_csv(Source::bytes(bytes), &AppendOptions::default()))
        }
    };
    let mut after = |moment: &Moment<'_>| {
        let mut found = batches(&open(moment.disk));
        found.sort();
        assert_eq!(found, [ONE, TWO]);
    };
    let bounds = Bounds { preemptions: 1, schedules: 20_000 };
    let explored = explore(&MemStore::new(), bounds, &[&makes(ONE), &makes(TWO)], &mut |_| {}, &mut after);
    eprintln!("create ‖ create: {explored:?}");
    assert!(explored.exhaustive && explored.schedules > 20);
}
