//! The protocol, step by step, as `docs/spec/table.md` has it: writers, compactors, vacuum and readers on one disk.
//!
//! * A step is what no other process can come into. What a process does to its own staged file nobody sees, so it is no step.
//! * A line is an event; its number is its place. A segment is the list of batches in it; its name is its event's number.
//! * A process can be killed between any two steps, also half-way in a line; then the disk shows all that it had written.
//!   The power can go: each line and each name that was not synced is there or not, independently, and a line may be half there.
//!   Both times processes start again from the front; a writer that was not acknowledged starts with another batch.
//! * *Damage* is a line that was lost before one that was kept. The page calls it its honest limit: all stop, nothing is wrong.

use std::fmt;

use super::{
    lines::{Batches, Event, Live, MOST, Name, Names, fold},
    search::Model,
};

/// Which promises of the protocol are kept. Each mutation breaks one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A staged file is synced before it is linked.
    pub(super) seal_before_link: bool,
    /// The next event's number is taken under the lock.
    pub(super) number_under_lock: bool,
    /// A torn tail is cut before a line is written.
    pub(super) cut_torn: bool,
    /// Lines that are found at the end of the ledger are synced before a line is written behind them.
    pub(super) sync_found_lines: bool,
    /// An orphan that has the name is removed first.
    pub(super) replace_orphans: bool,
    /// The folder of segments is synced before the line is written.
    pub(super) sync_folder_before_line: bool,
    /// An append is acknowledged after the ledger was synced.
    pub(super) ack_after_sync: bool,
    /// A compactor looks under the lock whether what it replaces is still live.
    pub(super) check_victims: bool,
    /// Vacuum syncs the ledger before it removes what the ledger says is replaced.
    pub(super) sync_before_remove: bool,
    /// A reader whose file is gone looks again which file has the batch now.
    pub(super) replan: bool,
}

impl Rules {
    pub(super) const ALL: Self = Self {
        seal_before_link: true,
        number_under_lock: true,
        cut_torn: true,
        sync_found_lines: true,
        replace_orphans: true,
        sync_folder_before_line: true,
        ack_after_sync: true,
        check_victims: true,
        sync_before_remove: true,
        replan: true,
    };
}

/// Where a process is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Process {
    Writer { batch: u8, at: At },
    Compactor { choice: u8, plan: [u8; 2], from: u16, staged: Batches, at: At },
    Vacuum { names: u16, left: u16, at: At },
    Reader { lines: u8, wanted: Batches, got: Batches, at: At },
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum At {
    Begin,
    Stage,
    Lock,
    Look { n: u8 },
    Link { n: u8 },
    SyncFolder { n: u8 },
    Write { n: u8 },
    Sync,
    Unlock,
    SyncFound,
    UnlockToRemove,
    Remove,
    SyncRemoved,
    LockAgain,
    Open,
    Done,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    lines: Vec<Event>,
    /// So many of them are durable.
    synced: usize,
    /// Half a line stands behind them.
    torn: bool,
    damaged: bool,
    names: Names,
    lock: Option<u8>,
    processes: Vec<Process>,
    acked: u16,
    next_batch: u8,
    kills: u8,
    cuts: u8,
}

/// What leads from state to state.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Of(u8, &'static str, At),
    Kill(u8),
    KillWriting(u8),
    PowerCut { lines: u8, torn: bool, names: u16 },
    Damage,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(process, kind, at) => write!(f, "{kind} {process}: {at:?}"),
            Self::Kill(process) => write!(f, "process {process} is killed"),
            Self::KillWriting(process) => write!(f, "process {process} is killed half-way in its line"),
            Self::PowerCut { lines, torn, names } => {
                write!(f, "power cut: {lines} lines left, torn: {torn}, names as choice {names}")
            }
            Self::Damage => f.write_str("power cut: a line is lost before one that is kept"),
        }
    }
}

/// Who takes part, and what may happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) rules: Rules,
    /// Batches that are there at the beginning, each in a segment.
    pub(super) before: u8,
    pub(super) writers: u8,
    /// Each compacts all, or, if there are several, two neighbouring segments from its own number on.
    pub(super) compactors: u8,
    pub(super) vacuums: u8,
    pub(super) readers: u8,
    pub(super) kills: u8,
    pub(super) cuts: u8,
    pub(super) damage: Damage,
}

/// What a damaged ledger is to the search.
#[derive(Clone, Copy, Debug)]
pub(super) enum Damage {
    /// An end: nothing acknowledged is lost, but all stop.
    Stops,
    /// A broken invariant.
    MustNotBe,
}

impl Protocol {
    fn restarted(&self, process: Process, next_batch: &mut u8) -> Process {
        match process {
            Process::Writer { at: At::Done, .. }
            | Process::Compactor { at: At::Done, .. }
            | Process::Vacuum { at: At::Done, .. }
            | Process::Reader { at: At::Done, .. } => process,
            // Nobody knows what became of its batch.
            Process::Writer { at: At::Begin, .. } => process,
            Process::Writer { .. } => {
                *next_batch += 1;
                Process::Writer { batch: *next_batch - 1, at: At::Begin }
            }
            Process::Compactor { choice, .. } => compactor(choice, At::Begin),
            Process::Vacuum { .. } => vacuum(At::Begin),
            Process::Reader { .. } => reader(At::Begin),
        }
    }

    /// The victims of a compactor.
    fn victims(&self, choice: u8, live: &[Live]) -> Option<(usize, usize)> {
        let (first, end) = match self.compactors {
            1 => (0, live.len()),
            _ => (usize::from(choice), usize::from(choice) + 2),
        };
        (end <= live.len() && first + 1 < end).then_some((first, end))
    }

    /// Takes the next step of a process. `None` if it has to wait.
    fn step(&self, state: &State, id: usize) -> Option<Result<State, String>> {
        let mut next = state.clone();
        let mut process = next.processes[id];
        match self.advance(&mut next, id, &mut process) {
            Ok(true) => {
                next.processes[id] = process;
                Some(Ok(next))
            }
            Ok(false) => None,
            Err(why) => Some(Err(why)),
        }
    }

    fn advance(&self, state: &mut State, id: usize, process: &mut Process) -> Result<bool, String> {
        let rules = &self.rules;
        let free = state.lock.is_none();
        match process {
            Process::Writer { batch, at } => {
                let (content, staged) = (Event::Append(Batches::of(*batch)), Batches::of(*batch));
                match *at {
                    At::Begin => {
                        *at = At::Lock;
                        if !rules.number_under_lock {
                            *at = At::Look { n: state.lines.len() as u8 };
                        }
                    }
                    At::Lock | At::Look { .. } if !free => return Ok(false),
                    At::Lock => {
                        let n = state.look(rules, id)?;
                        *at = At::Link { n };
                    }
                    // Only where the number was taken before.
                    At::Look { n } => {
                        state.look(rules, id)?;
                        *at = At::Link { n };
                    }
                    At::Sync => {
                        state.synced = state.lines.len();
                        state.acked |= 1 << *batch;
                        *at = At::Unlock;
                    }
                    At::Write { .. } => {
                        state.commit(rules, at, content, staged)?;
                        if !rules.ack_after_sync {
                            state.acked |= 1 << *batch;
                        }
                    }
                    _ => state.commit(rules, at, content, staged)?,
                }
            }
            Process::Compactor { choice, plan, from, staged, at } => match *at {
                At::Begin => {
                    let folded = fold(&state.lines)?;
                    let Some((first, end)) = self.victims(*choice, &folded.live) else {
                        *at = At::Done;
                        return Ok(true);
                    };
                    let victims = &folded.live[first..end];
                    *plan = [victims[0].first as u8, victims[victims.len() - 1].end() as u8];
                    *from = victims.iter().map(|live| 1 << live.name).sum();
                    *staged = victims.iter().fold(Batches::NONE, |staged, live| staged.then(live.batches));
                    *at = At::Stage;
                }
                At::Stage => {
                    let mut names = (0..MOST).filter(|name| *from & 1 << name != 0);
                    // Vacuum came first: look again.
                    let gone = names.any(|name| state.names[name].now.is_none());
                    *at = if gone { At::Begin } else { At::Lock };
                }
                At::Lock if !free => return Ok(false),
                At::Lock => {
                    let n = state.look(rules, id)?;
                    let live = fold(&state.lines)?.live;
                    let still = live.iter().filter(|live| *from & 1 << live.name != 0).count();
                    *at = match still as u32 == from.count_ones() || !rules.check_victims {
                        true => At::Link { n },
                        false => {
                            state.lock = None;
                            At::Begin
                        }
                    };
                }
                _ => {
                    state.commit(rules, at, Event::Compact(plan[0], plan[1], *staged), *staged)?;
                    if *at == At::Done {
                        *process = compactor(*choice, At::Done);
                    }
                }
            },
            Process::Vacuum { names, left, at } => match *at {
                At::Begin | At::LockAgain if !free => return Ok(false),
                At::Begin => {
                    state.look(&Rules { sync_found_lines: false, ..*rules }, id)?;
                    *names = fold(&state.lines)?.replaced;
                    *left = *names;
                    *at = if *names == 0 { At::Unlock } else { At::SyncFound };
                }
                At::SyncFound => {
                    if rules.sync_before_remove {
                        state.synced = state.lines.len();
                    }
                    *at = At::UnlockToRemove;
                }
                At::UnlockToRemove => {
                    state.lock = None;
                    *at = At::Remove;
                }
                At::Remove => {
                    let name = left.trailing_zeros() as usize;
                    *left &= *left - 1;
                    if state.names[name].now.is_some() {
                        state.names[name].change(None);
                    }
                    if *left == 0 {
                        *at = At::SyncRemoved;
                    }
                }
                At::SyncRemoved => {
                    state.names.iter_mut().for_each(Name::sync);
                    *at = At::LockAgain;
                }
                At::LockAgain => {
                    let n = state.look(rules, id)?;
                    // Another vacuum may have said so meanwhile.
                    *names &= fold(&state.lines)?.replaced;
                    *at = if *names == 0 { At::Unlock } else { At::Write { n } };
                }
                _ => {
                    state.commit(rules, at, Event::Vacuum(*names), Batches::NONE)?;
                    if *at == At::Done {
                        *process = vacuum(At::Done);
                    }
                }
            },
            Process::Reader { lines, wanted, got, at } => match *at {
                At::Begin => {
                    *lines = state.lines.len() as u8;
                    *wanted = fold(&state.lines)?.all;
                    *at = if wanted.len() == 0 { At::Done } else { At::Open };
                }
                _ => {
                    let planned = fold(&state.lines[..usize::from(*lines)])?;
                    let place = got.len();
                    let live = planned.live.iter().find(|live| live.first <= place && place < live.end());
                    let live = live.ok_or("a reader has no segment for a batch")?;
                    match state.names[live.name].now {
                        Some(found) if found == live.batches => {
                            let new = found.from(place - live.first).first(wanted.len() - place);
                            *got = got.then(new);
                        }
                        None if rules.replan && usize::from(*lines) < state.lines.len() => {
                            *lines = state.lines.len() as u8;
                        }
                        None => return Err("a reader finds a file gone".to_owned()),
                        Some(_) => return Err("a reader finds another file under the name".to_owned()),
                    }
                    if got.len() == wanted.len() {
                        if got != wanted {
                            return Err("a reader got other batches than its version has".to_owned());
                        }
                        *process = reader(At::Done);
                    }
                }
            },
        }
        Ok(true)
    }

    fn power_cuts(&self, state: &State, take: &mut dyn FnMut(Step, Result<State, String>)) {
        let mut off = state.clone();
        off.cuts -= 1;
        off.lock = None;
        off.processes = state.processes.iter().map(|process| self.restarted(*process, &mut off.next_batch)).collect();
        let unsynced = state.lines.len() - state.synced;
        // With two lines or more, a later one can be kept and an earlier one lost.
        if unsynced > 1 || (unsynced > 0 && state.torn) {
            let mut damaged = off.clone();
            damaged.damaged = true;
            take(Step::Damage, Ok(damaged));
        }
        let ways = state.names.iter().map(|name| name.found().count()).product::<usize>();
        for kept in 0..=unsynced {
            for torn in [false, true] {
                // A tail that was torn before is durable as far as anyone knows; a line that is lost may be half there.
                if torn && kept == unsynced && !state.torn {
                    continue;
                }
                for way in 0..ways {
                    let mut next = off.clone();
                    next.lines.truncate(state.synced + kept);
                    next.synced = next.lines.len();
                    next.torn = torn;
                    let mut rest = way;
                    for name in next.names.iter_mut() {
                        let found: Vec<_> = name.found().collect();
                        let now = found[rest % found.len()];
                        rest /= found.len();
                        *name = Name { now, ..Name::default() };
                    }
                    take(Step::PowerCut { lines: next.lines.len() as u8, torn, names: way as u16 }, Ok(next));
                }
            }
        }
    }
}

fn compactor(choice: u8, at: At) -> Process {
    Process::Compactor { choice, plan: [0; 2], from: 0, staged: Batches::NONE, at }
}

fn vacuum(at: At) -> Process {
    Process::Vacuum { names: 0, left: 0, at }
}

fn reader(at: At) -> Process {
    Process::Reader { lines: 0, wanted: Batches::NONE, got: Batches::NONE, at }
}

impl State {
    /// Takes the lock, looks at the tail and cuts a torn one; gives the number of the next event.
    fn look(&mut self, rules: &Rules, process: usize) -> Result<u8, String> {
        self.lock = Some(process as u8);
        if rules.cut_torn && self.torn {
            self.torn = false;
            // The cut is synced.
            self.synced = self.lines.len();
        }
        if rules.sync_found_lines {
            self.synced = self.lines.len();
        }
        Ok(self.lines.len() as u8)
    }

    /// The steps from the link to the end, which all events share.
    fn commit(&mut self, rules: &Rules, at: &mut At, event: Event, staged: Batches) -> Result<(), String> {
        *at = match *at {
            At::Link { n } => {
                let name = &mut self.names[usize::from(n)];
                if name.now.is_none() {
                    name.change(Some(staged));
                } else if rules.replace_orphans {
                    name.change(None);
                    name.change(Some(staged));
                }
                if !rules.seal_before_link {
                    name.may(Some(Batches::GARBAGE));
                }
                if rules.sync_folder_before_line { At::SyncFolder { n } } else { At::Write { n } }
            }
            At::SyncFolder { n } => {
                self.names.iter_mut().for_each(Name::sync);
                At::Write { n }
            }
            At::Write { n } => {
                if usize::from(n) != self.lines.len() {
                    return Err(format!("two events have the number {n}"));
                }
                if self.torn {
                    return Err("a line is written behind half a line".to_owned());
                }
                self.lines.push(event);
                At::Sync
            }
            At::Sync => {
                self.synced = self.lines.len();
                At::Unlock
            }
            At::Unlock => {
                self.lock = None;
                At::Done
            }
            other => unreachable!("{other:?} is no step of a commit"),
        };
        Ok(())
    }
}

impl Model for Protocol {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        let mut names = Names([Name::default(); MOST]);
        let lines: Vec<_> = (0..self.before).map(|batch| Event::Append(Batches::of(batch))).collect();
        for batch in 0..self.before {
            names[usize::from(batch)].now = Some(Batches::of(batch));
        }
        let writer = |number: u8| Process::Writer { batch: self.before + number, at: At::Begin };
        let mut processes: Vec<_> = (0..self.writers).map(writer).collect();
        processes.extend((0..self.compactors).map(|choice| compactor(choice, At::Begin)));
        processes.extend((0..self.vacuums).map(|_| vacuum(At::Begin)));
        processes.extend((0..self.readers).map(|_| reader(At::Begin)));
        State {
            synced: lines.len(),
            lines,
            torn: false,
            damaged: false,
            names,
            lock: None,
            processes,
            acked: (1 << self.before) - 1,
            next_batch: self.before + self.writers,
            kills: self.kills,
            cuts: self.cuts,
        }
    }

    fn steps(&self, state: &State, take: &mut dyn FnMut(Step, Result<State, String>)) {
        if state.damaged {
            return;
        }
        for (id, process) in state.processes.iter().enumerate() {
            let (kind, at) = match process {
                Process::Writer { at, .. } => ("writer", *at),
                Process::Compactor { at, .. } => ("compactor", *at),
                Process::Vacuum { at, .. } => ("vacuum", *at),
                Process::Reader { at, .. } => ("reader", *at),
            };
            if at == At::Done {
                continue;
            }
            if let Some(next) = self.step(state, id) {
                take(Step::Of(id as u8, kind, at), next);
            }
            if state.kills > 0 && at != At::Begin && kind != "reader" {
                let mut killed = state.clone();
                killed.kills -= 1;
                if killed.lock == Some(id as u8) {
                    killed.lock = None;
                }
                killed.processes[id] = self.restarted(*process, &mut killed.next_batch);
                if matches!(at, At::Write { .. }) {
                    take(Step::KillWriting(id as u8), Ok(State { torn: true, ..killed.clone() }));
                }
                take(Step::Kill(id as u8), Ok(killed));
            }
        }
        if state.cuts > 0 {
            self.power_cuts(state, take);
        }
    }

    fn check(&self, state: &State) -> Result<(), String> {
        if state.damaged {
            // Nobody reads or writes any more; what was acknowledged stands before the damage.
            return match self.damage {
                Damage::Stops => Ok(()),
                Damage::MustNotBe => Err("the ledger is damaged".to_owned()),
            };
        }
        fold(&state.lines)?;
        // Whatever a power cut leaves of the lines: the acknowledged batches are there once, and all files of live segments.
        for kept in state.synced..=state.lines.len() {
            let folded = fold(&state.lines[..kept])?;
            for batch in (0..16).filter(|batch| state.acked & 1 << batch != 0) {
                match folded.all.count_of(batch) {
                    1 => {}
                    0 => return Err(format!("a power cut would lose the acknowledged batch {batch}")),
                    _ => return Err(format!("batch {batch} is there twice")),
                }
            }
            for live in &folded.live {
                if let Some(found) = state.names[live.name].found().find(|found| *found != Some(live.batches)) {
                    let found = if found.is_some() { "another file" } else { "none" };
                    return Err(format!("a power cut would leave {found} for segment {} of {kept} events", live.name));
                }
            }
        }
        Ok(())
    }
}
