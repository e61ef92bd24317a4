//! What a table must be, whatever failed, died or came between.
//!
//! * Batches that were acknowledged are there once, in order; others wholly or not at all; nothing else is there.
//! * Cat, the batches one by one, and scans agree; verification finds nothing wrong but a torn tail.
//! * The next append, compaction and vacuum succeed, and leave staging clean.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use at1_table::{
    AppendOptions, CompactOptions, Error, ErrorKind, Extent, RowsCheck, ScanOptions, Source, Table, VerifyOptions,
    paths,
};
use at1_testkit::store::MemStore;

use crate::{batches, cat, open};

pub(crate) const NEXT: &[u8] = b"a,b\n7,z\n";

/// How many combinations of losses are gone through for one power cut; beyond, as many are picked.
const CUTS_MOST: u64 = 4096;

/// A batch that somebody appends, and whether they were told that it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) acked: bool,
}

/// Compacts whatever there is, and removes what it replaced at once.
pub(crate) fn compact_all() -> CompactOptions {
    CompactOptions { grace: Duration::ZERO, ..CompactOptions::default() }
}

pub(crate) fn try_append(table: &Table, bytes: &[u8]) -> Result<(), Error> {
    table.append_csv(Source::bytes(bytes), &AppendOptions::default()).map(drop)
}

/// The batches of a table that had `old` and to which `new` came, if all is right with them.
#[track_caller]
pub(crate) fn holds(table: &Table, old: &[&[u8]], new: &[New<'_>], what: &dyn Fn() -> String) -> Vec<Vec<u8>> {
    let found = batches(table);
    assert!(found.len() >= old.len() && found[..old.len()] == *old, "{}: the old batches: {found:?}", what());
    let more = &found[old.len()..];
    for batch in more {
        assert!(new.iter().any(|new| new.bytes == batch), "{}: nobody appended {batch:?}", what());
    }
    for New { bytes, acked } in new {
        let times = more.iter().filter(|batch| batch == bytes).count();
        assert!(times <= 1, "{}: {times} times {bytes:?}", what());
        assert!(times == 1 || !acked, "{}: lost the acknowledged {bytes:?}", what());
    }
    let joined = found.concat();
    assert_eq!(cat(table, &Extent::Everything), joined, "{}: all batches at once", what());
    let rows: usize = found.iter().map(|batch| batch.iter().filter(|byte| **byte == b'\n').count() - 1).sum();
    let scanned = table.scan(&ScanOptions::default()).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
    assert_eq!(scanned, rows, "{}: rows of a scan", what());
    found
}

/// Judges disks, each kind once.
#[derive(Default)]
pub(crate) struct Judge {
    seen: HashSet<u64>,
    /// How many power cuts were looked at.
    pub(crate) images: u64,
}

impl Judge {
    /// Whatever a power cut leaves of a disk is right, and goes on.
    #[track_caller]
    pub(crate) fn power_cuts(&mut self, disk: &MemStore, old: &[&[u8]], new: &[New<'_>], what: &dyn Fn() -> String) {
        for cut in disk.power_cuts(CUTS_MOST, self.images) {
            self.images += 1;
            let what = || format!("{}; power cut: {}", what(), cut.what);
            if !self.is_new(&cut.disk, old, new) {
                continue;
            }
            // Nor does a cut ever lose a line before one that it keeps: that would be damage.
            if let Err(error) = Table::open_in(Arc::new(cut.disk.clone())) {
                panic!("{}: {error:?}", what());
            }
            check_disk(&cut.disk, old, new, &what);
        }
    }

    /// How many different disks were judged.
    pub(crate) fn different(&self) -> usize {
        self.seen.len()
    }

    /// Whether no disk was judged that differs in nothing but times, and digests that depend on them.
    fn is_new(&mut self, disk: &MemStore, old: &[&[u8]], new: &[New<'_>]) -> bool {
        let mut hasher = DefaultHasher::new();
        for (path, mut bytes) in disk.files() {
            if path == paths::LEDGER {
                let digits = bytes.iter_mut().filter(|byte| byte.is_ascii_hexdigit());
                digits.for_each(|byte| *byte = b'0');
            }
            (path, bytes).hash(&mut hasher);
        }
        (old.len(), new.iter().map(|new| (new.bytes, new.acked)).collect::<Vec<_>>()).hash(&mut hasher);
        self.seen.insert(hasher.finish())
    }
}

/// The table of a disk is right and goes on.
#[track_caller]
pub(crate) fn check_disk(disk: &MemStore, old: &[&[u8]], new: &[New<'_>], what: &dyn Fn() -> String) {
    let found = holds(&open(disk), old, new, what);
    let torn = disk.files()[paths::LEDGER].last() != Some(&b'\n');
    let report = open(disk).verify(&VerifyOptions { threads: Some(1), ..VerifyOptions::default() }).unwrap();
    let expected = if torn { 7 } else { 0 };
    assert_eq!(report.verdict().exit_code(), expected, "{}: {:?}", what(), report.findings);
    if let Err(error) = try_append(&open(disk), NEXT) {
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{}: {error:?}", what());
        assert!(disk.has(paths::POISONED), "{}: {error:?}", what());
        return;
    }
    let after: Vec<_> = found.iter().map(Vec::as_slice).chain([NEXT]).collect();
    assert_eq!(batches(&open(disk)), after, "{}: the next append", what());
    open(disk).compact(&compact_all()).unwrap_or_else(|error| panic!("{}: the next compaction: {error:?}", what()));
    let again = holds(&open(disk), &after, &[], what);
    assert_eq!(again, after, "{}: the next compaction", what());
    let verify = VerifyOptions { rows: RowsCheck::Derive, threads: Some(1), ..VerifyOptions::default() };
    let report = open(disk).verify(&verify).unwrap();
    assert_eq!(report.verdict().exit_code(), 0, "{}: {:?}", what(), report.findings);
    let files = disk.files();
    let staged = files.keys().filter(|path| path.starts_with(paths::STAGING)).count();
    assert_eq!(staged, 0, "{}: staging is clean", what());
}
