//! Backups: whole at every step of their making, of the source as it was, and nothing else.

use std::{
    collections::HashSet,
    fmt, fs, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use at1_ledger::{Detail, Kind, Timestamp, link, parse_line, segment_name, verify_chain};
use at1_table::{
    BackupOptions, BackupReport, Check, Code, CreateOptions, Error, ErrorKind, RowsCheck, Table, VerifyOptions, paths,
    store::{Entry, Guard, Spool, Staged, Store},
    verify_store,
};
use at1_testkit::{
    fault::{Image, Schedule},
    store::MemStore,
};

use crate::{append, batches, open, table};

fn backup(source: &MemStore, dest: &MemStore) -> Result<BackupReport, Error> {
    open(source).backup_to(Arc::new(dest.clone()))
}

fn backup_checked(source: &MemStore, dest: &MemStore) -> BackupReport {
    open(source).backup_with(Arc::new(dest.clone()), &BackupOptions { check: Check::Digests }).unwrap()
}

/// The copy is the source: the same ledger, and everything in it comes out.
#[track_caller]
fn check_same(source: &MemStore, dest: &MemStore, what: &str) {
    assert!(source.files()[paths::LEDGER] == dest.files()[paths::LEDGER], "{what}: the ledgers differ");
    check_whole(dest, what);
    assert_eq!(batches(&open(dest)), batches(&open(source)), "{what}");
}

#[track_caller]
fn check_whole(dest: &MemStore, what: &str) {
    let options = VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() };
    let report = verify_store(Arc::new(dest.clone()), &options).unwrap();
    assert_eq!((report.verdict().exit_code(), report.rows), (0, Some(true)), "{what}: {:?}", report.findings);
}

/// Adds an event to a ledger, as a writer would.
pub(crate) fn log(store: &MemStore, kind: Kind) {
    let mut ledger = store.files()[paths::LEDGER].clone();
    let report = verify_chain(&ledger);
    let state = report.state.unwrap();
    let last = ledger.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap();
    let last = parse_line(&[last, b"\n"].concat()).ok().map(|event| event.detail);
    let wall = Timestamp::try_from(std::time::SystemTime::now()).unwrap();
    let ts = Timestamp::after(state.ts(), wall).unwrap().ts;
    let link = link(state.chain(), state.events(), &Detail::after(last.as_ref(), kind).unwrap(), ts).unwrap();
    ledger.extend_from_slice(&link.line);
    store.put(paths::LEDGER, &ledger);
}

/// The smallest compaction there is: a live segment under another name.
pub(crate) fn compact(store: &MemStore, segment: usize) {
    let state = verify_chain(&store.files()[paths::LEDGER]).state.unwrap();
    let mut record = state.live()[segment].clone();
    let bytes = store.files()[&paths::segment_path(&record.name)].clone();
    let drop = record.batch.clone();
    record.name = segment_name(state.events(), 0);
    store.put(&paths::segment_path(&record.name), &bytes);
    log(store, Kind::Compact { drop, segments: vec![record] });
}

/// Removes what compactions replaced, and says so.
pub(crate) fn vacuum(store: &MemStore) {
    let state = verify_chain(&store.files()[paths::LEDGER]).state.unwrap();
    let replaced = state.replaced().filter(|replaced| replaced.vacuumed.is_none());
    let names: Vec<_> = replaced.map(|replaced| replaced.segment.name.clone()).collect();
    names.iter().for_each(|name| store.take(&paths::segment_path(name)));
    log(store, Kind::Vacuum { through: state.events() - 1, names });
}

#[test]
fn a_copy_follows_its_source() {
    let (source, table) = table();
    let dest = MemStore::new();
    append(&table, "a,b\n1,x\n");
    append(&table, "b,a\ny,2.5\n");
    let report = backup(&source, &dest).unwrap();
    assert_eq!((report.events, report.events_copied, report.segments_copied, report.segments_present), (2, 2, 2, 0));
    assert_eq!((report.files_removed, report.segments_replaced), (0, 0));
    let sizes = source.files().into_iter().filter(|(path, _)| path.starts_with(paths::SEGMENTS));
    assert_eq!(report.bytes_copied, sizes.map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    check_same(&source, &dest, "first");

    let third = append(&table, "a,b\n3,z\n");
    let report = backup(&source, &dest).unwrap();
    assert_eq!((report.events, report.events_copied, report.segments_copied, report.segments_present), (3, 1, 1, 2));
    assert_eq!(report.chain_head, Some(third.chain_head));
    check_same(&source, &dest, "second");

    let report = backup(&source, &dest).unwrap();
    assert_eq!(
        (report.events_copied, report.segments_copied, report.bytes_copied, report.segments_present),
        (0, 0, 0, 3)
    );
    let json = report.to_json();
    assert_eq!((&json["events"], &json["segments_present"]), (&3.into(), &3.into()));
    assert_eq!(json["chain_head"], third.chain_head.to_string());
    assert!(dest.files().keys().all(|path| *path == paths::LEDGER || path.starts_with(paths::SEGMENTS)));
}

#[test]
fn an_empty_table_has_a_copy_too() {
    let (source, _) = table();
    let dest = MemStore::new();
    assert_eq!(backup(&source, &dest).unwrap().chain_head, None);
    check_same(&source, &dest, "empty");
}

#[test]
fn what_a_compaction_replaced_is_not_copied_and_what_a_vacuum_removed_goes() {
    let (source, table) = table();
    let dest = MemStore::new();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    backup(&source, &dest).unwrap();
    compact(&source, 0);
    append(&open(&source), "a\n3\n");
    compact(&source, 1);
    compact(&source, 2);
    let report = backup(&source, &dest).unwrap();
    assert_eq!((report.segments_copied, report.segments_present, report.files_removed), (3, 0, 0));
    check_same(&source, &dest, "compacted");
    // The third append's own file never came here: one finding says so, and fails nothing.
    let report = verify_store(Arc::new(dest.clone()), &VerifyOptions::default()).unwrap();
    let gone: Vec<_> = report.findings.iter().filter(|finding| finding.code == Code::Gone).collect();
    assert_eq!(gone.len(), 1, "{:?}", report.findings);
    assert_eq!(gone[0].message, "replaced, and gone although no vacuum event says so: seg_000003.at1");
    let fresh = MemStore::new();
    backup(&source, &fresh).unwrap();
    let report = verify_store(Arc::new(fresh), &VerifyOptions::default()).unwrap();
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].message.starts_with("3 files replaced, and gone"), "{}", report.findings[0]);

    vacuum(&source);
    let report = backup(&source, &dest).unwrap();
    assert_eq!((report.segments_copied, report.files_removed), (0, 2));
    check_same(&source, &dest, "vacuumed");
    let segments = dest.files().into_keys().filter(|path| path.starts_with(paths::SEGMENTS)).count();
    assert_eq!(segments, 3);
}

/// A source, and a copy that lacks an append, a compaction of what it has, a compaction of what it never had, and their vacuum.
fn behind() -> (MemStore, MemStore) {
    let (source, table) = table();
    let dest = MemStore::new();
    append(&table, "a,b\n1,x\n");
    append(&table, "a,b\n2,y\n");
    backup(&source, &dest).unwrap();
    append(&table, "a,b\n3,z\n");
    compact(&source, 0);
    compact(&source, 2);
    vacuum(&source);
    append(&open(&source), "b,a\nw,4.5\n");
    (source, dest)
}

/// Whatever the disk looks like, there is a whole table or none yet, and the next backup finishes the work.
#[track_caller]
fn check_disk(source: &MemStore, disk: &MemStore, acked: bool, begun: bool, what: &str) {
    let whole = source.files()[paths::LEDGER].clone();
    match Table::open_in(Arc::new(disk.clone())) {
        Ok(_) => {
            let there = disk.files()[paths::LEDGER].clone();
            assert!(whole.starts_with(&there) && there.ends_with(b"\n"), "{what}: no earlier state");
            assert!(!acked || whole == there, "{what}: lost an acknowledged backup");
            check_whole(disk, what);
        }
        Err(e) => {
            assert_eq!(e.kind(), ErrorKind::NoTable, "{what}: {e:?}");
            assert!(!begun && !acked, "{what}: there was a table");
        }
    }
    backup(source, disk).unwrap_or_else(|e| panic!("{what}: the next backup: {e:?}"));
    check_same(source, disk, &format!("{what}, the next backup"));
    let left = disk.files().into_keys().find(|path| path.starts_with(paths::STAGING) || path == paths::LEDGER_NEW);
    assert_eq!(left, None, "{what}: left behind");
    let segments = disk.files().into_keys().filter(|path| path.starts_with(paths::SEGMENTS)).count();
    assert_eq!(segments as u64, open(disk).info().unwrap().segments, "{what}: what was removed there is removed here");
}

fn matrix(source: &MemStore, dest: &MemStore, begun: bool) {
    let steps = {
        let disk = dest.crash(Image::Everything);
        let before = disk.steps();
        backup(source, &disk).unwrap();
        disk.steps() - before
    };
    assert!(steps > 20, "{steps} steps");
    let mut seen = HashSet::new();
    let mut check = |disk: &MemStore, acked: bool, what: &str| {
        // Most failures leave one of a few disks.
        if seen.insert((disk.files(), acked)) {
            check_disk(source, disk, acked, begun, what);
        }
    };
    for schedule in Schedule::all(steps) {
        let disk = dest.crash(Image::Everything);
        disk.fail(Some(schedule));
        let acked = backup(source, &disk).is_ok();
        disk.fail(None);
        let what = format!("{schedule:?}");
        for image in Image::ALL {
            check(&disk.crash(image), acked, &format!("{what}, then {image:?}"));
        }
        for cut in disk.power_cuts(24, schedule.step) {
            check(&cut.disk, acked, &format!("{what}, then {}", cut.what));
        }
    }
}

#[test]
fn every_step_of_a_first_backup_fails() {
    let (source, table) = table();
    append(&table, "a,b\n1,x\n");
    append(&table, "b,a\ny,2.5\n");
    matrix(&source, &MemStore::new(), false);
}

#[test]
fn every_step_of_a_later_backup_fails() {
    let (source, dest) = behind();
    matrix(&source, &dest, true);
}

#[test]
fn every_step_of_the_source_fails() {
    let (source, dest) = behind();
    let before = source.steps();
    backup(&source, &dest.crash(Image::Everything)).unwrap();
    for schedule in Schedule::all(source.steps() - before) {
        let (broken, disk) = (source.crash(Image::Everything), dest.crash(Image::Everything));
        let table = open(&broken);
        broken.fail(Some(schedule));
        let acked = table.backup_to(Arc::new(disk.clone())).is_ok();
        broken.fail(None);
        check_disk(&source, &disk, acked, true, &format!("source: {schedule:?}"));
    }
}

#[test]
fn others_are_refused_and_nothing_is_touched() {
    let (source, first) = table();
    append(&first, "a\n1\n");
    let refused = |dest: &MemStore, place: &str, found: &str| {
        let (files, steps) = (dest.files(), dest.steps());
        let error = backup(&source, dest).unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::Refused, place), "{error}");
        assert!(error.found().starts_with(found), "{error}");
        assert!(dest.files() == files, "{place}: changed");
        let written = dest
            .journal(steps)
            .into_iter()
            .find(|step| !["open", "size", "read"].contains(&&step[..step.find(' ').unwrap()]));
        assert_eq!(written, None, "{place}");
    };
    let (other, table) = table();
    refused(&other, "memory", "another table");
    append(&table, "a\n1\n");
    refused(&other, "memory", "another table");
    // The copy goes on by itself, where the source stays, and where it goes on too.
    let dest = MemStore::new();
    backup(&source, &dest).unwrap();
    append(&open(&dest), "a\n2\n");
    refused(&dest, "memory: event 1", "one more");
    append(&first, "a\n3\n");
    refused(&dest, "memory: event 1", "another: their histories part here");
    // Damage in the copy's ledger is a difference like any other.
    let dest = MemStore::new();
    backup(&source, &dest).unwrap();
    let mut ledger = dest.files()[paths::LEDGER].clone();
    let at = ledger.iter().position(|byte| *byte == b'\n').unwrap() + 100;
    ledger[at] ^= 1;
    dest.put(paths::LEDGER, &ledger);
    refused(&dest, "memory: event 0", "another");
}

#[test]
fn a_source_that_is_damaged_is_not_copied() {
    let (source, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    let path = "segments/seg_000001.at1";
    let good = source.files()[path].clone();
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    for (bad, found) in [(Some(flipped), "expected sha256"), (Some(good[1..].to_vec()), "bytes, found"), (None, "none")]
    {
        match &bad {
            Some(bad) => source.put(path, bad),
            None => source.take(path),
        }
        let dest = MemStore::new();
        let error = backup(&source, &dest).unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::Corrupt, "memory/segments/seg_000001.at1"), "{error}");
        assert!(error.to_string().contains(found), "{error}");
        assert_eq!(dest.files().into_keys().collect::<Vec<_>>(), ["segments/seg_000000.at1"], "{found}");
        source.put(path, &good);
        backup(&source, &dest).unwrap();
        check_same(&source, &dest, found);
    }
    let mut ledger = source.files()[paths::LEDGER].clone();
    let last = ledger.len() - 40;
    let reader = open(&source);
    ledger[last] ^= 1;
    source.put(paths::LEDGER, &ledger);
    let dest = MemStore::new();
    let error = reader.backup_to(Arc::new(dest.clone())).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::Corrupt, "memory/_at1/ledger"), "{error}");
    assert!(error.to_string().contains("event 1") && dest.files().is_empty(), "{error}");
}

#[test]
fn a_damaged_copy_is_mended_and_what_was_wrong_is_kept() {
    let (source, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    let dest = MemStore::new();
    backup(&source, &dest).unwrap();
    let path = "segments/seg_000000.at1";
    let good = dest.files()[path].clone();
    // Shorter: seen at once. Of the same length: seen if asked.
    dest.put(path, &good[1..]);
    assert_eq!((backup(&source, &dest).unwrap().segments_replaced, dest.files()[path] == good), (1, true));
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    dest.put(path, &flipped);
    assert_eq!((backup(&source, &dest).unwrap().segments_replaced, dest.files()[path] == flipped), (0, true));
    let report = backup_checked(&source, &dest);
    assert_eq!((report.segments_replaced, report.segments_copied, report.segments_present), (1, 1, 1));
    dest.take(path);
    let report = backup(&source, &dest).unwrap();
    assert_eq!((report.segments_replaced, report.segments_copied), (0, 1));
    check_same(&source, &dest, "mended");
    let aside: Vec<_> = dest.files().into_iter().filter(|(path, _)| path.starts_with(paths::TORN)).collect();
    assert!(aside.len() == 2 && aside.iter().any(|(_, bytes)| *bytes == flipped));
    assert!(aside[0].0.starts_with("_at1/torn/seg_000000.at1-"), "{}", aside[0].0);
}

#[test]
fn an_orphan_in_the_copy_is_replaced_also_one_of_the_same_length() {
    let (source, table) = table();
    append(&table, "a\n1\n");
    let mut orphan = source.files()["segments/seg_000000.at1"].clone();
    orphan[40] ^= 1;
    for orphan in [&orphan[..], b"x"] {
        let dest = MemStore::new();
        backup(&open_empty(&source), &dest).unwrap();
        dest.put("segments/seg_000000.at1", orphan);
        let report = backup(&source, &dest).unwrap();
        assert_eq!((report.segments_copied, report.segments_replaced), (1, 0), "an orphan is nobody's");
        check_same(&source, &dest, "orphan");
    }
}

/// The same table before its first event.
fn open_empty(store: &MemStore) -> MemStore {
    let empty = store.crash(Image::Everything);
    let ledger = empty.files()[paths::LEDGER].clone();
    let header = ledger.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    empty.put(paths::LEDGER, &ledger[..header]);
    empty
}

#[test]
fn a_torn_tail_of_the_source_stays_there_and_one_of_the_copy_is_saved() {
    let (source, table) = table();
    append(&table, "a\n1\n");
    let ledger = source.files()[paths::LEDGER].clone();
    source.put(paths::LEDGER, &[&ledger[..], b"half a line"].concat());
    let dest = MemStore::new();
    backup(&source, &dest).unwrap();
    assert!(dest.files()[paths::LEDGER] == ledger);
    append(&open(&source), "a\n2\n");
    dest.put(paths::LEDGER, &[&ledger[..], b"another half"].concat());
    backup(&source, &dest).unwrap();
    check_same(&source, &dest, "cut");
    let saved: Vec<_> = dest.files().into_iter().filter(|(path, _)| path.starts_with(paths::TORN)).collect();
    assert_eq!((saved.len(), &saved[0].1[..]), (1, &b"another half"[..]));
}

#[test]
fn a_copy_whose_disk_failed_is_left_alone() {
    let (source, table) = table();
    append(&table, "a\n1\n");
    let dest = MemStore::new();
    backup(&source, &dest).unwrap();
    append(&table, "a\n2\n");
    dest.put(paths::POISONED, b"a person has to look\n");
    let error = backup(&source, &dest).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::Poisoned, "memory: _at1/poisoned"));
}

/// A store that does something before a file is opened, or lets nobody write.
pub(crate) struct Hooked {
    pub(crate) store: MemStore,
    pub(crate) before_open: Box<dyn Fn(&str) + Send + Sync>,
    pub(crate) read_only: bool,
}

impl Hooked {
    fn right(&self) -> io::Result<()> {
        if self.read_only { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooked")
    }
}

impl Store for Hooked {
    fn place(&self) -> &str {
        "hooked"
    }
    fn open(&self, path: &str) -> io::Result<Arc<dyn at1_codec::ReadAt>> {
        (self.before_open)(path);
        self.store.open(path)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.store.list(folder)
    }
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.right().and_then(|()| self.store.make_folder(folder))
    }
    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.right().and_then(|()| self.store.create(path, bytes))
    }
    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        self.right().and_then(|()| self.store.stage())
    }
    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        self.store.spool()
    }
    fn sweep_staging(&self) -> io::Result<usize> {
        self.right().and_then(|()| self.store.sweep_staging())
    }
    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        self.right().and_then(|()| self.store.link(staged, path))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.right().and_then(|()| self.store.rename(from, to))
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.right().and_then(|()| self.store.remove(path))
    }
    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.right().and_then(|()| self.store.write_at(path, offset, bytes))
    }
    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.right().and_then(|()| self.store.truncate(path, bytes))
    }
    fn sync(&self, path: &str) -> io::Result<()> {
        self.right().and_then(|()| self.store.sync(path))
    }
    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.right().and_then(|()| self.store.sync_folder(folder))
    }
    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        self.right().and_then(|()| self.store.lock())
    }
}

#[test]
fn a_source_needs_no_right_to_write() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    let hooked = Hooked { store: store.clone(), before_open: Box::new(|_| {}), read_only: true };
    let dest = MemStore::new();
    Table::open_in(Arc::new(hooked)).unwrap().backup_to(Arc::new(dest.clone())).unwrap();
    check_same(&store, &dest, "read only");
}

#[test]
fn a_file_vanishes_while_it_is_wanted() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    let dest = MemStore::new();
    // When the second file is about to be read, somebody compacts both and removes what was replaced.
    let (other, once) = (store.clone(), Mutex::new(false));
    let before_open = Box::new(move |path: &str| {
        let mut done = once.lock().unwrap();
        if path == "segments/seg_000001.at1" && !*done {
            *done = true;
            compact(&other, 0);
            compact(&other, 1);
            vacuum(&other);
        }
    });
    let hooked = Hooked { store: store.clone(), before_open, read_only: false };
    let report = Table::open_in(Arc::new(hooked)).unwrap().backup_to(Arc::new(dest.clone())).unwrap();
    assert_eq!((report.events, report.segments_copied, report.files_removed), (5, 3, 1));
    check_same(&store, &dest, "vanished");
}

#[test]
fn writers_go_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("t"), folder.path().join("copy"));
    let table = Table::create(&path, &CreateOptions::default()).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..25 {
                append(&Table::open(&path).unwrap(), format!("n\n{number}\n"));
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut rounds = 0;
        while !done.load(Ordering::SeqCst) || rounds == 0 {
            table.backup(&copy).unwrap();
            let options = VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() };
            let report = Table::open(&copy).unwrap().verify(&options).unwrap();
            assert_eq!(report.verdict().exit_code(), 0, "{:?}", report.findings);
            rounds += 1;
        }
    });
    table.backup(&copy).unwrap();
    assert_eq!(fs::read(path.join(paths::LEDGER)).unwrap(), fs::read(copy.join(paths::LEDGER)).unwrap());
    assert_eq!(batches(&Table::open(&copy).unwrap()).len(), 25);
    // The copy is a table like any other: it can be written to.
    append(&Table::open(&copy).unwrap(), "n\n25\n");
}

#[test]
fn a_folder_in_the_table_is_no_place_for_its_copy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let table = Table::create(&path, &CreateOptions::default()).unwrap();
    append(&table, "a\n1\n");
    std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
    for dest in [
        path.clone(),
        path.join("copy"),
        path.join("segments/new/copy"),
        folder.path().join("link"),
        folder.path().join("link/x"),
    ] {
        let error = table.backup(&dest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{}: {error}", dest.display());
    }
    assert!(!path.join("copy").exists() && !path.join("segments/new").exists());
    table.backup(&folder.path().join("t2")).unwrap();
}
