//! Signing, handing over, taking in cosignatures and receipts, copying all of that: each fails at every step, in every way, and then
//! the power may go.
//!
//! * The table opens and verifies, and what vouched for it before still does.
//! * Whoever signs remembers what it signed before anybody else can see it.
//! * Done again it succeeds: by the same process, by the next one, and by one that comes after somebody else's append.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    sync::Arc,
};

use at1_ledger::{Memory, SignedCheckpoint, Signer as _};
use at1_table::{Code, Error, ErrorKind, Level, MaxUnsigned, SignerMemory, Table, VerifyOptions, paths};
use at1_testkit::{
    fault::{Image, Then},
    matrix::{Point, matrix},
    store::MemStore,
};

use crate::{
    append,
    attacks::{attacker, stamper::Stamper},
    attest::{log_key, named, policy, verify, witness},
    legal::{NEXT, try_append},
    open,
};

/// How many combinations of losses are gone through for one power cut.
const CUTS_MOST: u64 = 256;

/// What the signers of the first and the second key remember.
type Memories = [Option<Memory>; 2];

/// Something that is done to a table, or to a copy of one.
struct Deed<'d, H> {
    name: &'d str,
    before: &'d MemStore,
    memories: Memories,
    /// What holds before, and at every moment until it is done.
    holds: VerifyOptions,
    /// Whether somebody may append between two tries; a copy is only copied to.
    grows: bool,
    /// What may be said at any moment, besides what crashes leave.
    may_say: &'d [Code],
    open: &'d dyn Fn(&MemStore) -> H,
    run: &'d dyn Fn(&H, &mut Memories) -> Result<(), Error>,
    /// What holds when it is done.
    done: &'d dyn Fn(&MemStore, &str),
}

/// What a process was told, and what its signers remember.
type Told = (Result<(), Error>, Memories);

impl<H> Deed<'_, H> {
    /// Goes through all failures; returns how many there are.
    fn fails(&self) -> u64 {
        let run = |handle: &H| -> Told {
            let mut memories = self.memories.clone();
            ((self.run)(handle, &mut memories), memories)
        };
        let (mut seen, mut again, mut images) = (HashSet::new(), HashSet::new(), 0_u64);
        let points = matrix(self.before, self.open, run, |point| {
            let (result, memories) = point.result;
            let acked = told(point, result);
            for cut in point.disk.power_cuts(CUTS_MOST, images) {
                images += 1;
                if seen.insert(kind_of(&cut.disk, memories, acked)) {
                    let what = format!("{}: {}; power cut: {}", self.name, point.what(), cut.what);
                    self.judge(&cut.disk, memories, acked, &what);
                }
            }
            if point.lives() && !matches!(result, Err(error) if error.kind() == ErrorKind::Poisoned) {
                let what = format!("{}: {}; the same process", self.name, point.what());
                let mut memories = memories.clone();
                (self.run)(point.handle, &mut memories).unwrap_or_else(|error| panic!("{what}: {error:?}"));
                if again.insert(kind_of(point.disk, &memories, true)) {
                    self.expect_done(point.disk, &memories, &what);
                }
            }
        });
        eprintln!("{}: fault points: {points}, images: {images} ({} different)", self.name, seen.len());
        assert!(points > 50 && images > points, "{}: that is not every way", self.name);
        points
    }

    /// A disk that a crash left.
    #[track_caller]
    fn judge(&self, disk: &MemStore, memories: &Memories, acked: bool, what: &str) {
        self.expect_sound(disk, memories, what);
        if acked {
            (self.done)(disk, &format!("{what}; told so"));
        }
        // A person has looked.
        disk.take(paths::POISONED);
        let other = disk.crash(Image::Everything);
        self.again(disk, memories, &format!("{what}; the next process"));
        if self.grows {
            try_append(&open(&other), NEXT).unwrap_or_else(|error| panic!("{what}: append: {error:?}"));
            self.again(&other, memories, &format!("{what}; after an append"));
        }
    }

    #[track_caller]
    fn expect_sound(&self, disk: &MemStore, memories: &Memories, what: &str) {
        if disk.has(paths::LEDGER) {
            for options in [&VerifyOptions::default(), &self.holds] {
                let report = verify(disk, &VerifyOptions { threads: Some(1), ..options.clone() });
                assert!(matches!(report.verdict().exit_code(), 0 | 7), "{what}: {:?}", report.findings);
                let left = [Code::Torn, Code::Orphan, Code::Poisoned, Code::Uncovered, Code::StampsUnchecked];
                let other = report.findings.iter().find(|f| !left.contains(&f.code) && !self.may_say.contains(&f.code));
                assert!(other.is_none(), "{what}: {:?}", report.findings);
            }
            Table::open_in(Arc::new(disk.clone())).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        }
        for (memory, key) in memories.iter().zip([log_key(1), log_key(2)]) {
            let published = notes(disk).iter().filter(|note| note.is_signed_by(key.key()).unwrap()).map(size).max();
            let remembered = memory.as_ref().map(Memory::size);
            assert!(published <= remembered, "{what}: {published:?} is signed, {remembered:?} remembered");
        }
    }

    #[track_caller]
    fn again(&self, disk: &MemStore, memories: &Memories, what: &str) {
        let mut memories = memories.clone();
        (self.run)(&(self.open)(disk), &mut memories).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        self.expect_done(disk, &memories, what);
    }

    #[track_caller]
    fn expect_done(&self, disk: &MemStore, memories: &Memories, what: &str) {
        self.expect_sound(disk, memories, what);
        (self.done)(disk, what);
    }
}

fn size(note: &SignedCheckpoint) -> u64 {
    note.checkpoint().size
}

/// All checkpoints of a disk.
fn notes(disk: &MemStore) -> Vec<SignedCheckpoint> {
    let is_note = |path: &str| path == paths::CHECKPOINT || path.ends_with(".note");
    let files = disk.files().into_iter().filter(|(path, _)| is_note(path));
    files
        .map(|(path, bytes)| SignedCheckpoint::parse(&bytes).unwrap_or_else(|error| panic!("{path}: {error}")))
        .collect()
}

/// Whether the process was told that it is done; an error that it must not be told fails the test.
fn told<H>(point: &Point<'_, H, Told>, result: &Result<(), Error>) -> bool {
    if let Err(error) = result {
        let fits = matches!(error.kind(), ErrorKind::Io | ErrorKind::Poisoned);
        assert!(fits, "{}: a disk that fails is not {error:?}", point.what());
        let twice = matches!(point.schedule.then, Then::RecoversAfter(_) | Then::Dies);
        assert!(twice || error.kind() != ErrorKind::Poisoned, "{}: {error:?}", point.what());
    }
    result.is_ok()
}

/// The same for disks that differ in nothing but times, and what depends on them.
fn kind_of(disk: &MemStore, memories: &Memories, acked: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, mut bytes) in disk.files() {
        if path == paths::LEDGER {
            bytes.iter_mut().filter(|byte| byte.is_ascii_hexdigit()).for_each(|byte| *byte = b'0');
        }
        match SignedCheckpoint::parse(&bytes) {
            Ok(note) => (path, size(&note), note.note().signatures().len()).hash(&mut hasher),
            Err(_) => (path, bytes).hash(&mut hasher),
        }
    }
    let sizes = memories.each_ref().map(|memory| memory.as_ref().map(Memory::size));
    (sizes, acked).hash(&mut hasher);
    hasher.finish()
}

/// A policy with the first key, which nothing unsigned may hide behind if `all`.
fn signed(all: bool) -> VerifyOptions {
    let max_unsigned = all.then_some(MaxUnsigned::Events(0));
    VerifyOptions { policy: Some(policy(log_key(1).key(), &[], 0)), max_unsigned, ..VerifyOptions::default() }
}

#[track_caller]
fn expect(disk: &MemStore, options: &VerifyOptions, level: Level, what: &str) {
    let report = verify(disk, &VerifyOptions { threads: Some(1), ..options.clone() });
    assert_eq!(report.verdict().exit_code(), 0, "{what}: {:?}", report.findings);
    assert!(report.levels.contains(&level), "{what}: {:?}", report.levels);
}

/// A table of one append, and of another that came after the first key had signed.
fn signed_once() -> (MemStore, Memories) {
    let (store, table) = named();
    append(&table, "a,b\n1,x\n");
    let mut memory = None;
    table.checkpoint(&log_key(1), &mut memory).unwrap();
    append(&table, "a,b\n2,y\n");
    (store.crash(Image::Everything), [memory, None])
}

fn checkpoint(table: &Table, [memory, _]: &mut Memories) -> Result<(), Error> {
    table.checkpoint(&log_key(1), memory).map(drop)
}

#[test]
fn a_first_checkpoint() {
    let (store, table) = named();
    append(&table, "a,b\n1,x\n");
    let deed = Deed {
        name: "first checkpoint",
        before: &store.crash(Image::Everything),
        memories: [None, None],
        holds: VerifyOptions::default(),
        grows: true,
        may_say: &[],
        open: &open,
        run: &checkpoint,
        done: &|disk, what| expect(disk, &signed(true), Level::Signed, what),
    };
    deed.fails();
}

#[test]
fn a_later_checkpoint() {
    let (before, memories) = signed_once();
    let deed = Deed {
        name: "checkpoint",
        before: &before,
        memories,
        holds: signed(false),
        grows: true,
        may_say: &[],
        open: &open,
        run: &checkpoint,
        done: &|disk, what| expect(disk, &signed(true), Level::Signed, what),
    };
    deed.fails();
}

fn hand_over(table: &Table, [old, new]: &mut Memories) -> Result<(), Error> {
    table.hand_over(&log_key(1), old, &log_key(2), new).map(drop)
}

#[test]
fn a_handover() {
    let (before, memories) = signed_once();
    let deed = Deed {
        name: "handover",
        before: &before,
        memories,
        holds: signed(false),
        grows: true,
        // Between the event and its checkpoint the old key still signs.
        may_say: &[Code::Handover],
        open: &open,
        run: &hand_over,
        done: &|disk, what| {
            expect(disk, &signed(false), Level::Signed, what);
            let border = notes(disk)
                .into_iter()
                .filter(|note| [1, 2].iter().all(|seed| note.is_signed_by(log_key(*seed).key()).unwrap()));
            assert!(border.count() > 0, "{what}: no checkpoint that both signed");
            // And the new key goes on from there.
            let disk = disk.crash(Image::Everything);
            open(&disk).checkpoint(&log_key(2), &mut None).unwrap_or_else(|error| panic!("{what}: {error:?}"));
            expect(&disk, &signed(true), Level::Signed, what);
        },
    };
    deed.fails();
}

#[test]
fn cosignatures() {
    let (before, memories) = signed_once();
    let key = witness(11);
    let request = open(&before).witness_request(key.key()).unwrap();
    let answer = format!("{}\n", request.checkpoint.cosign(1_800_000_000, &key).unwrap());
    let witnessed = VerifyOptions { policy: Some(policy(log_key(1).key(), &[&key], 1)), ..VerifyOptions::default() };
    let deed = Deed {
        name: "cosignatures",
        before: &before,
        memories,
        holds: signed(false),
        grows: true,
        may_say: &[],
        open: &open,
        run: &|table: &Table, _| table.add_cosignatures(answer.as_bytes(), &[key.key().clone()]).map(drop),
        done: &|disk, what| {
            expect(disk, &witnessed, Level::Witnessed, what);
            assert!(disk.has("_at1/checkpoints/2.note"), "{what}");
        },
    };
    deed.fails();
}

#[test]
fn an_anchor() {
    let (before, memories) = signed_once();
    let stamper = Stamper::default();
    let note = before.files()[paths::CHECKPOINT].clone();
    let receipt = stamper.stamp(&note, 1_800_000_000);
    let stamped = VerifyOptions { stamps: Some(Arc::new(stamper)), ..signed(false) };
    let deed = Deed {
        name: "anchor",
        before: &before,
        memories,
        holds: signed(false),
        grows: true,
        may_say: &[],
        open: &open,
        run: &|table: &Table, _| table.anchor(&note, &receipt).map(drop),
        done: &|disk, what| {
            expect(disk, &stamped, Level::TimeAnchored, what);
            let events = open(disk).info().unwrap().events;
            assert!(events <= 5, "{what}: an event for each try: {events}");
        },
    };
    deed.fails();
}

/// Of a table with all of it, into nothing, and into a copy of an earlier state.
#[test]
fn a_backup() {
    let (source, mut memories) = signed_once();
    let (table, key, stamper) = (open(&source), witness(11), Stamper::default());
    let cosign = |seconds| {
        let request = table.witness_request(key.key()).unwrap();
        let answer = format!("{}\n", request.checkpoint.cosign(seconds, &key).unwrap());
        table.add_cosignatures(answer.as_bytes(), &[key.key().clone()]).unwrap();
    };
    cosign(1_800_000_000);
    let early = MemStore::new();
    table.backup_to(Arc::new(early.clone())).unwrap();
    let note = source.files()[paths::CHECKPOINT].clone();
    table.anchor(&note, &stamper.stamp(&note, 1_800_000_010)).unwrap();
    checkpoint(&table, &mut memories).unwrap();
    cosign(1_800_000_020);
    let policy = Some(policy(log_key(1).key(), &[&key], 1));
    let holds = VerifyOptions { policy, stamps: Some(Arc::new(stamper)), ..VerifyOptions::default() };
    let all = VerifyOptions { max_unsigned: Some(MaxUnsigned::Events(0)), ..holds.clone() };
    // What vouched for a copy before does so at every moment; of a first one nothing is asked until it is there.
    for (name, before, holds) in
        [("backup", &early, holds), ("first backup", &MemStore::new(), VerifyOptions::default())]
    {
        let deed = Deed {
            name,
            before: &before.crash(Image::Everything),
            memories: memories.clone(),
            holds,
            grows: false,
            // The copy's ledger comes first; and one witness is few.
            may_say: &[Code::AnchorMissing, Code::WeakQuorum],
            open: &MemStore::clone,
            run: &|disk: &MemStore, _| open(&source).backup_to(Arc::new(disk.clone())).map(drop),
            done: &|disk, what| {
                expect(disk, &all, Level::TimeAnchored, what);
                assert!(beside(disk) == beside(&source), "{what}: not all that lies beside the ledger");
            },
        };
        deed.fails();
    }
}

/// Checkpoints and receipts. What a crash left under a name that ends in `.new` nobody reads, and the next file of that name replaces it.
fn beside(store: &MemStore) -> Vec<(String, Vec<u8>)> {
    let is_beside = |path: &str| path.starts_with(paths::CHECKPOINT) || path.starts_with(paths::ANCHORS);
    store.files().into_iter().filter(|(path, _)| is_beside(path) && !path.ends_with(".new")).collect()
}

/// A signer's memory on a disk that fails: at the so-many-th time that it is used.
struct Failing {
    memory: Option<Memory>,
    fails_at: usize,
    used: usize,
    /// Whether it is written all the same.
    writes: bool,
}

impl Failing {
    fn use_it(&mut self) -> io::Result<()> {
        self.used += 1;
        if self.used == self.fails_at { Err(io::Error::other("no space")) } else { Ok(()) }
    }
}

impl SignerMemory for Failing {
    fn recall(&mut self) -> io::Result<Option<Memory>> {
        self.use_it().map(|()| self.memory.clone())
    }

    fn remember(&mut self, memory: &Memory) -> io::Result<()> {
        let used = self.use_it();
        if used.is_ok() || self.writes {
            self.memory = Some(memory.clone());
        }
        used
    }
}

#[test]
fn what_cannot_be_remembered_is_not_signed() {
    for (fails_at, writes) in [(1, false), (2, false), (2, true)] {
        let (before, [old, _]) = signed_once();
        let published = before.files()[paths::CHECKPOINT].clone();
        let failing = |memory| Failing { memory, fails_at, used: 0, writes };
        let refused = |error: Error| {
            let what = format!("{fails_at} {writes}: {error}");
            assert_eq!((error.kind(), error.place()), (ErrorKind::Refused, "signer's memory"), "{what}");
        };
        let mut first = failing(old.clone());
        refused(open(&before).checkpoint(&log_key(1), &mut first).unwrap_err());
        assert_eq!(before.files()[paths::CHECKPOINT], published);
        open(&before).checkpoint(&log_key(1), &mut first.memory).unwrap();
        // A handover by two keys; the memory of either fails.
        for second in [false, true] {
            let (before, [old, _]) = signed_once();
            let published = before.files()[paths::CHECKPOINT].clone();
            let (mut one, mut two) = (failing(old.clone()), failing(None));
            let never = |memory: &mut Failing| memory.fails_at = 0;
            if second {
                never(&mut one)
            } else {
                never(&mut two)
            }
            refused(open(&before).hand_over(&log_key(1), &mut one, &log_key(2), &mut two).unwrap_err());
            assert_eq!(before.files()[paths::CHECKPOINT], published, "nothing new is signed");
            open(&before).hand_over(&log_key(1), &mut one.memory, &log_key(2), &mut two.memory).unwrap();
            open(&before).checkpoint(&log_key(2), &mut two.memory).unwrap();
            expect(&before, &signed(true), Level::Signed, "completed");
        }
    }
}

/// Done again long after it was completed, a handover does not make the new key forget what it signed since.
#[test]
fn a_handover_done_again_takes_nothing_back() {
    let (store, mut memories) = signed_once();
    let table = open(&store);
    hand_over(&table, &mut memories).unwrap();
    let border = store.files();
    append(&table, "a,b\n3,z\n");
    table.checkpoint(&log_key(2), &mut memories[1]).unwrap();
    let newest = memories[1].clone();
    hand_over(&table, &mut memories).unwrap();
    assert_eq!(memories[1], newest);
    expect(&store, &signed(true), Level::Signed, "done again");
    // So an older copy that is put back is still refused.
    let back = MemStore::new();
    border.iter().for_each(|(path, bytes)| back.put(path, bytes));
    append(&open(&back), "a,b\nanother,history\n");
    let refused = open(&back).checkpoint(&log_key(2), &mut memories[1]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rollback);
    // Even the handover itself; and a memory of another ledger is not written over.
    let refused = hand_over(&open(&back), &mut memories).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rollback, "{refused}");
    let (_, [other, _]) = signed_once();
    let mut memories = [memories[0].clone(), other.clone()];
    let refused = hand_over(&table, &mut memories).unwrap_err();
    assert_eq!((refused.kind(), &memories[1]), (ErrorKind::Rollback, &other), "{refused}");
}

/// A history that was written again, to a ledger of the same length: there is no new line that would not follow.
#[test]
fn a_ledger_of_the_same_length_is_not_signed() {
    let (store, [mut memory, _]) = signed_once();
    open(&store).checkpoint(&log_key(1), &mut memory).unwrap();
    let mut events = attacker::events(&store);
    let tool = events[0].detail.tool.as_mut().unwrap();
    *tool = tool.replacen("at", "ta", 1);
    let before = store.files()[paths::LEDGER].len();
    attacker::rewrite(&store, 0, &events);
    assert_eq!(store.files()[paths::LEDGER].len(), before);
    let refused = open(&store).checkpoint(&log_key(1), &mut memory).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rollback);
    let expected =
        "_at1/ledger: expected a ledger that goes on from the 3 events signed, found another: expected chain value";
    assert!(refused.to_string().starts_with(expected), "{refused}");
}
