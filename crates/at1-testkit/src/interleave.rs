//! Several processes on one disk, in every order of their steps.
//!
//! * Each process is a thread with a store of its own over the same [`MemStore`]. One of them runs at a time, from one visible step
//!   to the next; a scheduler decides whose turn it is, so a run is the same whenever it is repeated.
//! * Orders are gone through depth first, with a bound on preemptions: how often a process is stopped that could have gone on. Most
//!   errors need one or two (Musuvathi and Qadeer, "Iterative context bounding", 2007). Which of the others goes on when a process
//!   ends or waits for the lock is free, and gone through too.
//! * Steps that no other process can see or disturb are not places to stop: those on a staged file, on bytes of a segment that is
//!   open, and on folders.
//! * Processes must not share memory, such as a `Table`: waiting for each other there is nothing that the scheduler can see.

use std::{
    collections::HashSet,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use at1_codec::ReadAt;
use at1_table::{
    paths,
    store::{Entry, Guard, Spool, Staged, Store},
};

use crate::store::MemStore;

/// What a process does with its store; the result says whether it was told that its work is done.
pub type Process<'p> = &'p (dyn Fn(Arc<dyn Store>) -> Told + Sync);

/// What a process was told at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// That it is done, durably.
    Done,
    /// Nothing, or that it failed.
    Nothing,
}

/// The state of things between two steps.
pub struct Moment<'m> {
    /// The disk, which the processes hold; to be crashed or cloned, not changed.
    pub disk: &'m MemStore,
    /// For each process what it was told, if it ended.
    pub told: &'m [Option<Told>],
    /// All steps so far, with who took them.
    pub trace: &'m [String],
}

impl Moment<'_> {
    /// What a process was told so far.
    pub fn was_told(&self, process: usize) -> bool {
        self.told[process] == Some(Told::Done)
    }
}

/// What was gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Orders of steps.
    pub schedules: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Different states of the disk, in time, between two effects.
    pub moments: u64,
    /// Whether the bound on preemptions was the only one.
    pub exhaustive: bool,
}

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How often a process may be stopped that could go on.
    pub preemptions: u32,
    /// The most orders.
    pub schedules: u64,
}

/// Runs the processes in every order from a copy of `disk`. `during` sees each state of the disk between effects once, whatever order
/// led to it; `after` sees the end of every order. Both panic if they do not like what they see.
pub fn explore(
    disk: &MemStore,
    bounds: Bounds,
    processes: &[Process<'_>],
    during: &mut (dyn FnMut(&Moment<'_>) + Send),
    after: &mut (dyn FnMut(&Moment<'_>) + Send),
) -> Explored {
    let mut explored = Explored { exhaustive: true, ..Explored::default() };
    let mut seen = HashSet::new();
    let mut choices = vec![];
    loop {
        let turns = Turns::new(disk, bounds.preemptions, processes.len(), choices);
        let watch = Mutex::new(Watch { seen: &mut seen, during });
        let shared = Shared { turns: Mutex::new(turns), changed: Condvar::new() };
        let (turns, panic) = run(shared, &watch, processes);
        explored.schedules += 1;
        explored.steps += turns.trace.len() as u64;
        let moment = Moment { disk: &turns.disk, told: &turns.told, trace: &turns.trace };
        let judged = panic.map_or_else(|| catch_unwind(AssertUnwindSafe(|| after(&moment))), Err);
        if let Err(panic) = judged {
            eprintln!("after {} orders:\n{}", explored.schedules, turns.trace.join("\n"));
            resume_unwind(panic);
        }
        choices = turns.choices;
        // The deepest choice that has another way is taken that way next.
        while choices.last().is_some_and(|choice| choice.taken + 1 == choice.of.len()) {
            choices.pop();
        }
        match choices.last_mut() {
            Some(choice) if explored.schedules < bounds.schedules => choice.taken += 1,
            left => {
                explored.exhaustive = left.is_none();
                explored.moments = seen.len() as u64;
                return explored;
            }
        }
    }
}

type Panic = Box<dyn std::any::Any + Send>;

fn run(shared: Shared, watch: &Mutex<Watch<'_>>, processes: &[Process<'_>]) -> (Turns, Option<Panic>) {
    let shared = Arc::new(shared);
    let mut panic = None;
    thread::scope(|scope| {
        let threads: Vec<_> = processes
            .iter()
            .enumerate()
            .map(|(number, process)| {
                let shared = Arc::clone(&shared);
                scope.spawn(move || {
                    let store = Interleaved { store: shared.turns().disk.clone(), shared: Arc::clone(&shared), number };
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        store.turn(Status::Ready, "begins", "");
                        process(Arc::new(store))
                    }));
                    let told = *result.as_ref().unwrap_or(&Told::Nothing);
                    shared.end(number, told);
                    result.map(drop)
                })
            })
            .collect();
        // Effects are watched from here, while all processes wait.
        shared.watch(watch);
        for thread in threads {
            if let Err(found) = thread.join().unwrap_or_else(Err) {
                panic.get_or_insert(found);
            }
        }
    });
    let mut turns = shared.turns();
    let panic = turns.panic.take().or(panic);
    let taken = std::mem::replace(&mut *turns, Turns::new(&MemStore::new(), 0, 0, vec![]));
    (taken, panic)
}

struct Watch<'w> {
    seen: &'w mut HashSet<(u64, Vec<Option<bool>>)>,
    during: &'w mut (dyn FnMut(&Moment<'_>) + Send),
}

/// A place where several could go on.
struct Choice {
    of: Vec<usize>,
    taken: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// It is on its way to its first step.
    Starting,
    Ready,
    /// It wants the lock.
    Waiting,
    Running,
    Ended,
}

struct Turns {
    disk: MemStore,
    status: Vec<Status>,
    told: Vec<Option<Told>>,
    /// Whose turn it is, or was last.
    current: Option<usize>,
    holder: Option<usize>,
    choices: Vec<Choice>,
    /// How many of the choices were made in this run.
    made: usize,
    preemptions_left: u32,
    trace: Vec<String>,
    /// An effect happened that nobody has looked at yet.
    effect: bool,
    panic: Option<Panic>,
    given_up: bool,
}

impl Turns {
    fn new(disk: &MemStore, preemptions: u32, processes: usize, choices: Vec<Choice>) -> Self {
        Self {
            disk: disk.killed(),
            status: vec![Status::Starting; processes],
            told: vec![None; processes],
            current: None,
            holder: None,
            choices,
            made: 0,
            preemptions_left: preemptions,
            trace: vec![],
            effect: false,
            panic: None,
            given_up: false,
        }
    }

    /// Somebody is between two visible steps.
    fn busy(&self) -> bool {
        self.status.iter().any(|status| matches!(status, Status::Starting | Status::Running))
    }

    /// Ends all: there is no way on.
    fn give_up(&mut self, why: &str) {
        self.given_up = true;
        self.panic = Some(Box::new(why.to_owned()));
        eprintln!("{why}");
    }

    /// Gives somebody the turn, if nobody has it.
    fn pass(&mut self) {
        if self.effect || self.busy() || self.given_up {
            return;
        }
        let can = |process: &usize| match self.status[*process] {
            Status::Ready => true,
            Status::Waiting => self.holder.is_none(),
            _ => false,
        };
        let last = self.current.filter(can);
        let mut of: Vec<_> = (0..self.status.len()).filter(can).collect();
        if let Some(last) = last {
            of.retain(|process| *process != last);
            of.insert(0, last);
            if self.preemptions_left == 0 {
                of.truncate(1);
            }
        }
        let Some(first) = of.first().copied() else {
            if self.status.iter().any(|status| *status != Status::Ended) {
                self.give_up("nobody can go on");
            }
            return;
        };
        let next = match of.len() {
            1 => first,
            _ => {
                if self.made == self.choices.len() {
                    self.choices.push(Choice { of: of.clone(), taken: 0 });
                }
                let choice = &self.choices[self.made];
                if choice.of != of {
                    return self.give_up("the same order led elsewhere: something besides the schedule decides");
                }
                self.made += 1;
                choice.of[choice.taken]
            }
        };
        self.preemptions_left -= u32::from(last.is_some_and(|last| last != next));
        if self.status[next] == Status::Waiting {
            self.holder = Some(next);
        }
        self.status[next] = Status::Running;
        self.current = Some(next);
    }
}

struct Shared {
    turns: Mutex<Turns>,
    changed: Condvar,
}

impl Shared {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'t>(&self, turns: MutexGuard<'t, Turns>) -> MutexGuard<'t, Turns> {
        self.changed.wait(turns).unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, number: usize, told: Told) {
        let mut turns = self.turns();
        turns.status[number] = Status::Ended;
        turns.told[number] = Some(told);
        turns.trace.push(format!("{number} ends: {told:?}"));
        turns.pass();
        self.changed.notify_all();
    }

    /// Looks at every effect, until all have ended.
    fn watch(&self, watch: &Mutex<Watch<'_>>) {
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turns = self.turns();
        while turns.status.iter().any(|status| *status != Status::Ended) {
            if !turns.effect || turns.busy() {
                turns = self.wait(turns);
                continue;
            }
            turns.effect = false;
            let told = turns.told.iter().map(|told| told.map(|told| told == Told::Done)).collect();
            if turns.panic.is_none() && watch.seen.insert((turns.disk.open_effects(), told)) {
                let moment = Moment { disk: &turns.disk, told: &turns.told, trace: &turns.trace };
                turns.panic = catch_unwind(AssertUnwindSafe(|| (watch.during)(&moment))).err();
            }
            turns.pass();
            self.changed.notify_all();
        }
    }
}

/// The store of one of the processes.
struct Interleaved {
    store: MemStore,
    shared: Arc<Shared>,
    number: usize,
}

impl Interleaved {
    /// Waits until it is this process's turn to take a step.
    fn turn(&self, status: Status, what: &str, path: &str) {
        let mut turns = self.shared.turns();
        turns.status[self.number] = status;
        turns.pass();
        self.shared.changed.notify_all();
        while turns.status[self.number] != Status::Running {
            assert!(!turns.given_up, "the run was given up");
            turns = self.shared.wait(turns);
        }
        turns.trace.push(format!("{} {what} {path}", self.number));
    }

    fn visible<T>(&self, what: &str, path: &str, step: impl FnOnce(&MemStore) -> io::Result<T>) -> io::Result<T> {
        self.turn(Status::Ready, what, path);
        step(&self.store)
    }

    /// A visible step that changes the disk.
    fn effect<T>(&self, what: &str, path: &str, step: impl FnOnce(&MemStore) -> io::Result<T>) -> io::Result<T> {
        self.visible(what, path, |store| {
            let before = store.effects();
            let result = step(store);
            self.shared.turns().effect |= store.effects() != before;
            result
        })
    }
}

impl fmt::Debug for Interleaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.number)
    }
}

impl Store for Interleaved {
    fn place(&self) -> &str {
        self.store.place()
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        match path {
            // Once it is there the name never goes, so what counts is when it is read.
            paths::LEDGER if self.store.has(path) => {
                let file = self.store.open(path)?;
                let of = Self { store: self.store.clone(), shared: Arc::clone(&self.shared), number: self.number };
                Ok(Arc::new(Ledger { file, of }))
            }
            // Nothing fails here that would put it there.
            paths::POISONED => self.store.open(path),
            _ => self.visible("opens", path, |store| store.open(path)),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.visible("lists", folder, |store| store.list(folder))
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.store.make_folder(folder)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.effect("creates", path, |store| store.create(path, bytes))
    }

    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        self.store.stage()
    }

    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        self.store.spool()
    }

    fn sweep_staging(&self) -> io::Result<usize> {
        // What it removes is nobody's.
        self.store.sweep_staging()
    }

    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        self.effect("links", path, |store| store.link(staged, path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.effect("renames", to, |store| store.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.effect("removes", path, |store| store.remove(path))
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.effect("writes", path, |store| store.write_at(path, offset, bytes))
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.effect("cuts", path, |store| store.truncate(path, bytes))
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.effect("syncs", path, |store| store.sync(path))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.effect("syncs", folder, |store| store.sync_folder(folder))
    }

    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        self.turn(Status::Waiting, "locks", "");
        let guard = self.store.lock()?;
        Ok(Box::new(Locked { guard: Some(guard), shared: Arc::clone(&self.shared) }))
    }
}

struct Locked {
    guard: Option<Box<dyn Guard>>,
    shared: Arc<Shared>,
}

impl Guard for Locked {}

impl Drop for Locked {
    fn drop(&mut self) {
        self.guard = None;
        self.shared.turns().holder = None;
    }
}

/// The open ledger.
struct Ledger {
    file: Arc<dyn ReadAt>,
    of: Interleaved,
}

impl ReadAt for Ledger {
    fn size(&self) -> io::Result<u64> {
        self.of.visible("asks the size of", paths::LEDGER, |_| self.file.size())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.of.visible("reads", paths::LEDGER, |_| self.file.read_exact_at(buffer, offset))
    }
}
