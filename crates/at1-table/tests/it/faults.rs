//! Every deed fails at every step, in every way, and then the power may go: what was acknowledged is there, what was not is there
//! wholly or not at all, and the table goes on.

use std::{sync::Arc, time::Duration};

use at1_table::{
    Choose, CompactOptions, CreateOptions, Error, ErrorKind, ScanOptions, Table, Tiers, VacuumMode, VacuumOptions,
    paths,
};
use at1_testkit::{
    fault::Then,
    matrix::{self, Point, matrix},
    store::MemStore,
};

use crate::{
    append, batches,
    legal::{self, Judge, NEXT, New, compact_all, try_append},
    open,
    roots::{blocks, rooting},
    table,
};

const OLD: [&[u8]; 4] = [b"a,b\n1,x\n", b"a,b\n2,y\n3,y\n", b"b,a\nw,4\n", b"a,b\n5,v\n"];
const NEW: &[u8] = b"b,a\nq,6\nq,6\n";
/// Its first column is no integer, and it has a field more.
const WIDER: &[u8] = b"a,b\n5.5,p,1\n";

fn disk(batches: &[&[u8]]) -> MemStore {
    let (store, table) = table();
    batches.iter().for_each(|batch| drop(append(&table, batch)));
    store.crash(at1_testkit::fault::Image::Everything)
}

fn report(deed: &str, points: u64, judge: &Judge) {
    eprintln!("{deed}: fault points: {points}, images: {} ({} different)", judge.images, judge.different());
    assert!(points > 10 && judge.images > points, "{deed}: that is not every way");
}

/// Whether the process was told that all is well; an error that it must not be told fails the test.
fn told<T>(point: &Point<'_, Table, Result<T, Error>>) -> bool {
    match point.result {
        Ok(_) => true,
        Err(error) => {
            let fits = matches!(error.kind(), ErrorKind::Io | ErrorKind::Poisoned);
            assert!(fits, "{}: a disk that fails is not {error:?}", point.what());
            // One failure can be undone; only if the undoing fails as well are writers stopped.
            let twice = matches!(point.schedule.then, Then::RecoversAfter(_) | Then::Dies);
            assert!(twice || error.kind() != ErrorKind::Poisoned, "{}: {error:?}", point.what());
            false
        }
    }
}

fn is_poisoned<T>(point: &Point<'_, Table, Result<T, Error>>) -> bool {
    matches!(point.result, Err(error) if error.kind() == ErrorKind::Poisoned)
}

/// Appends `new` to `old`.
fn appends(deed: &str, before: &MemStore, old: &[&[u8]], new: &[u8], keeps: &dyn Fn(&MemStore) -> bool) {
    appends_by(open, deed, before, old, new, keeps);
}

/// As [`appends`], by handles that `open` makes.
fn appends_by(
    open_by: fn(&MemStore) -> Table,
    deed: &str,
    before: &MemStore,
    old: &[&[u8]],
    new: &[u8],
    keeps: &dyn Fn(&MemStore) -> bool,
) {
    let mut judge = Judge::default();
    let points = matrix(
        before,
        open_by,
        |table| try_append(table, new),
        |point| {
            let acked = told(point);
            let poisoned = is_poisoned(point);
            let may_be = acked || poisoned || !point.lives();
            let news = [New { bytes: new, acked }];
            let news = if may_be { &news[..] } else { &[] };
            judge.power_cuts(point.disk, old, news, &|| format!("{deed}: {}", point.what()));
            let lost = point.disk.power_cuts(4096, 0).find(|cut| !keeps(&cut.disk));
            assert!(lost.is_none(), "{}; power cut: {}: evidence is lost", point.what(), lost.unwrap().what);
            if point.lives() && !poisoned {
                legal::holds(&open(point.disk), old, news, &|| point.what());
                // The same process tries again, or goes on.
                try_append(point.handle, NEXT)
                    .unwrap_or_else(|error| panic!("{}: and goes on: {error:?}", point.what()));
                let found = batches(&open(point.disk));
                assert_eq!(found.last().map(Vec::as_slice), Some(NEXT), "{}", point.what());
                assert_eq!(found.len(), old.len() + news.len() + 1, "{}: {found:?}", point.what());
            }
        },
    );
    report(deed, points, &judge);
}

#[test]
fn append_one_batch() {
    appends("append", &disk(&OLD[..1]), &OLD[..1], NEW, &|_| true);
}

#[test]
fn append_that_binds_a_root() {
    let (disk, _) = table();
    OLD[..2].iter().for_each(|batch| drop(append(&rooting(&disk), batch)));
    let disk = disk.crash(at1_testkit::fault::Image::Everything);
    assert!(blocks(&disk) > 0, "a root that is superseded now");
    appends_by(rooting, "append with root", &disk, &OLD[..2], NEW, &|_| true);
}

#[test]
fn append_that_changes_the_schema() {
    appends("append with schema", &disk(&OLD[..2]), &OLD[..2], WIDER, &|_| true);
}

#[test]
fn append_behind_a_torn_tail() {
    let disk = disk(&OLD[..2]);
    let ledger = disk.files()[paths::LEDGER].clone();
    let line = ledger[..ledger.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let (whole, tail) = ledger[..line + (ledger.len() - line) / 2].split_at(line);
    disk.put(paths::LEDGER, &[whole, tail].concat());
    // The torn tail is evidence: it stands in the ledger until it is saved elsewhere.
    let keeps = |disk: &MemStore| {
        let files = disk.files();
        let saved = files.iter().any(|(path, bytes)| path.starts_with(paths::TORN) && bytes == tail);
        saved || files[paths::LEDGER][line..].starts_with(tail)
    };
    appends("append behind a torn tail", &disk, &OLD[..1], NEW, &keeps);
}

#[test]
fn create_a_table() {
    let run = |disk: &MemStore| Table::create_in(Arc::new(disk.clone()), &CreateOptions::default()).map(drop);
    let mut images = 0;
    let points = matrix(&MemStore::new(), MemStore::clone, run, |point| {
        for cut in point.disk.power_cuts(4096, 0) {
            images += 1;
            let what = || format!("{}; power cut: {}", point.what(), cut.what);
            let opened = Table::open_in(Arc::new(cut.disk.clone()));
            assert!(point.result.is_err() || opened.is_ok(), "{}: lost", what());
            let made = Table::open_or_create_in(Arc::new(cut.disk.clone()), &CreateOptions::default());
            let (table, _) = made.unwrap_or_else(|error| panic!("{}: {error:?}", what()));
            try_append(&table, OLD[0]).unwrap_or_else(|error| panic!("{}: {error:?}", what()));
            assert_eq!(batches(&table), [OLD[0]], "{}", what());
        }
    });
    eprintln!("create: fault points: {points}, images: {images}");
    assert!(points > 50 && images > points);
}

/// Something that changes files, but no batch.
fn keeps<T>(
    deed: &str,
    before: &MemStore,
    old: &[&[u8]],
    run: impl Fn(&Table) -> Result<T, Error>,
    done: impl Fn(&MemStore) -> bool,
) {
    let mut judge = Judge::default();
    let points = matrix(before, open, &run, |point| {
        let ok = told(point);
        assert!(!ok || done(point.disk), "{}: is not done", point.what());
        judge.power_cuts(point.disk, old, &[], &|| format!("{deed}: {}", point.what()));
        let undone = point.disk.power_cuts(4096, 0).find(|cut| ok && !done(&cut.disk));
        assert!(undone.is_none(), "{}; power cut: {}: is undone", point.what(), undone.unwrap().what);
        if point.lives() && !is_poisoned(point) {
            legal::holds(&open(point.disk), old, &[], &|| point.what());
            let again = run(point.handle);
            assert!(again.is_ok() && done(point.disk), "{}: the same process again: {:?}", point.what(), again.err());
            legal::holds(&open(point.disk), old, &[], &|| point.what());
        }
    });
    report(deed, points, &judge);
}

fn segments(disk: &MemStore) -> usize {
    disk.files().keys().filter(|path| path.starts_with(paths::SEGMENTS)).count()
}

fn vacuum(table: &Table) -> Result<(), Error> {
    table.vacuum(&VacuumOptions { grace: Duration::ZERO, mode: VacuumMode::Remove }).map(drop)
}

#[test]
fn compact_all_segments() {
    let kept = CompactOptions::default();
    let live = |disk: &MemStore| open(disk).files().unwrap().files.len() == 1;
    keeps("compact", &disk(&OLD[..3]), &OLD[..3], |table| table.compact(&kept), live);
}

#[test]
fn compact_and_vacuum() {
    keeps(
        "compact and vacuum",
        &disk(&OLD[..2]),
        &OLD[..2],
        |table| table.compact(&compact_all()),
        |disk| segments(disk) == 1,
    );
}

#[test]
fn compact_tiers() {
    let tiers = Tiers { fan_in: 2, ..Tiers::default() };
    let options = CompactOptions { choose: Choose::Tiered(tiers), ..CompactOptions::default() };
    let fewer = |disk: &MemStore| open(disk).files().unwrap().files.len() < OLD.len();
    keeps("compact tiers", &disk(&OLD), &OLD, |table| table.compact(&options), fewer);
}

#[test]
fn compact_to_new_types() {
    let options = CompactOptions { choose: Choose::Retype, ..CompactOptions::default() };
    let old = [OLD[0], OLD[1], WIDER];
    keeps(
        "retype",
        &disk(&old),
        &old,
        |table| table.compact(&options),
        |disk| open(disk).files().unwrap().files.len() == 2,
    );
}

#[test]
fn vacuum_at_once() {
    let disk = disk(&OLD[..3]);
    open(&disk).compact(&CompactOptions::default()).unwrap();
    keeps("vacuum", &disk.crash(at1_testkit::fault::Image::Everything), &OLD[..3], vacuum, |disk| segments(disk) == 1);
}

#[test]
fn reading_is_right_or_fails() {
    let disk = disk(&[OLD[0], OLD[1], WIDER]);
    let read = |disk: &MemStore| -> Result<(Vec<Vec<u8>>, Vec<String>), Error> {
        let table = Table::open_in(Arc::new(disk.clone()))?;
        let snapshot = table.snapshot()?;
        let mut bytes = vec![vec![]];
        snapshot.cat(&at1_table::Extent::Everything, at1_table::Joints::LineFeed, &mut bytes[0])?;
        bytes.push(vec![]);
        snapshot.scan_raw(&ScanOptions::matching("a > 1".parse()?), at1_table::Joints::LineFeed, &mut bytes[1])?;
        let scanned = snapshot.scan(&ScanOptions::default())?.map(|batch| Ok(format!("{:?}", batch?)));
        Ok((bytes, scanned.collect::<Result<_, Error>>()?))
    };
    let right = read(&disk).unwrap();
    let mut failed = 0;
    let points = matrix(&disk, MemStore::clone, read, |point| match point.result {
        Ok(found) => assert_eq!(*found, right, "{}", point.what()),
        Err(error) => {
            failed += 1;
            assert_eq!(error.kind(), ErrorKind::Io, "{}: {error:?}", point.what());
        }
    });
    eprintln!("scan and cat: fault points: {points}, of which errors: {failed}");
    assert!(points > 50 && failed > points / 2);
}

/// A process is killed while the power stays; the next one goes on from what it had written but not synced, and the power is cut.
fn killed_then(
    deed: &str,
    first: impl Fn(&Table) -> Result<(), Error>,
    new: &[&'static [u8]],
    second: impl Fn(&Table) -> Result<(), Error>,
) {
    let old = &OLD[..2];
    let mut judge = Judge::default();
    let mut points = 0;
    for (kill, left) in matrix::kills(&disk(old), open, first) {
        for (again, disk) in matrix::kills(&left, open, &second) {
            points += 1;
            let news: Vec<_> = new.iter().map(|bytes| New { bytes, acked: false }).collect();
            judge.power_cuts(&disk, old, &news, &|| format!("{deed}: {kill}, then {again}"));
        }
        // Whoever is told so may rely on it.
        let disk = left.killed();
        second(&open(&disk)).unwrap();
        let news: Vec<_> = new.iter().map(|bytes| New { bytes, acked: *bytes == NEW }).collect();
        judge.power_cuts(&disk, old, &news, &|| format!("{deed}: {kill}, then done"));
    }
    report(deed, points, &judge);
}

#[test]
fn append_after_a_killed_append() {
    killed_then("append, append", |t| try_append(t, WIDER), &[WIDER, NEW], |t| try_append(t, NEW));
}

#[test]
fn append_after_a_killed_compaction() {
    killed_then("compact, append", |t| t.compact(&compact_all()).map(drop), &[NEW], |t| try_append(t, NEW));
}

#[test]
fn vacuum_after_a_killed_compaction() {
    killed_then("compact, vacuum", |t| t.compact(&CompactOptions::default()).map(drop), &[], vacuum);
}

#[test]
fn compaction_after_a_killed_append() {
    killed_then("append, compact", |t| try_append(t, WIDER), &[WIDER], |t| t.compact(&compact_all()).map(drop));
}
