//! Group commit: batches that wait at the same time go into one segment and one event, and share its syncs.
//!
//! * The first in the queue leads: it takes what waits, writes, commits, tells everybody, and hands on to the next in the
//!   queue. Nobody waits for others to come, so a thread that is alone does exactly what it would do without a queue.
//! * Where many wait, the next group is written while the one before is committed. Batches of one producer stay in order: while
//!   one is on its way, the next one waits.
//! * Every batch stands on its own: it was planned and checked by its own thread, and whatever could be the fault of one of
//!   several is tried again with each alone.
//! * A batch that changes the schema is the only one of its group, so each batch fits the table as it is before its group.
//! * Everybody who waits is told something, also if the leader panics.

use std::{
    collections::{HashSet, VecDeque},
    io::Cursor,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use at1_codec::BatchPlan;
use at1_ledger::{BatchRecord, EVENT_BYTES_MAX};

use super::{
    draft::Draft,
    member::{Ground, Member, Planned},
};
use crate::{
    commit::Writer,
    error::{Error, ErrorKind, Result},
    paths,
    report::AppendReport,
    store::Store,
    table::Table,
    version::Version,
};

/// The most source bytes of a group of several: more would not be faster, and all of it is in memory.
const GROUP_BYTES_MAX: u64 = 16 << 20;
/// The most batches of a group: where more wait, two groups on two processors are faster than one.
const GROUP_BATCHES_MAX: usize = 64;
/// How many must wait for a group to start beside another: a small one costs nearly as much as a large one.
const ENOUGH_BATCHES: usize = 32;
/// The most groups on their way at once.
const ROUNDS_MAX: usize = 4;
/// What an event says besides its batches, at most: the frame, totals, the segment with zones of 4,096 bytes.
const EVENT_REST_BYTES: usize = 6 << 10;

/// The batches of this process that wait, and the schema they are planned for.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    queue: Mutex<Queue>,
    known: Mutex<Option<Arc<Ground>>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Groups on their way, one that is still to be taken included.
    rounds: usize,
    /// Somebody was told to lead and has not taken a group yet.
    called: bool,
    /// Whose batches are on their way.
    producers: HashSet<String>,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    planned: Planned,
    slot: Promise,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.planned.member.place)
    }
}

/// What became of a batch.
pub(super) enum Turn {
    /// It is in the table, or will not be.
    Done(Result<Box<AppendReport>>),
    /// The table is not what the batch was planned for.
    PlanAgain,
    /// Its group failed, perhaps because of another: it shall try without company.
    Alone,
}

impl Groups {
    /// Puts a batch in the queue, and leads if nobody does.
    pub(super) fn append(&self, table: &Table, planned: Planned) -> Turn {
        let slot = Arc::new(Slot::default());
        {
            let mut queue = self.queue();
            queue.waiting.push_back(Waiting { planned, slot: Promise(Arc::clone(&slot)) });
            queue.call();
        }
        loop {
            match slot.wait() {
                Word::Lead => Round::new(table, Some(&slot)).run(),
                Word::Turn(turn) => return turn,
            }
        }
    }

    /// What the last append or look found the schema to be.
    pub(super) fn known(&self) -> Option<Arc<Ground>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what batches are planned for from now on.
    pub(super) fn learn(&self, version: &Version) -> Arc<Ground> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(ground) if ground.holds(version) => Arc::clone(ground),
            _ => Arc::clone(known.insert(Arc::new(Ground::of(version)))),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Tells the first who can go to lead, if a group may start now.
    fn call(&mut self) {
        let may = !self.called
            && match self.rounds {
                0 => true,
                rounds => rounds < ROUNDS_MAX && self.waiting.len() >= ENOUGH_BATCHES,
            };
        let first = self.waiting.iter().find(|waiting| !self.is_held_up(waiting));
        if let Some(first) = first.filter(|_| may) {
            first.slot.0.lead();
            self.called = true;
            self.rounds += 1;
        }
    }

    /// Whether an earlier batch of the same producer is on its way.
    fn is_held_up(&self, waiting: &Waiting) -> bool {
        waiting.producer().is_some_and(|producer| self.producers.contains(producer))
    }

    /// Takes the batch out that is waited for here, if it is still in the queue.
    fn take_slot(&mut self, slot: Option<&Slot>) -> Option<Promise> {
        let own = |waiting: &Waiting| slot.is_some_and(|slot| std::ptr::eq(&*waiting.slot.0, slot));
        let at = self.waiting.iter().position(own)?;
        self.waiting.remove(at).map(|waiting| waiting.slot)
    }

    /// Takes those who can go together now, and those whose plans are too old. The first who can go is always in one of the two.
    fn take(&mut self, ground: &Arc<Ground>) -> (Vec<Waiting>, Vec<Waiting>) {
        let (mut group, mut late) = (vec![], vec![]);
        let mut company = Company::default();
        for waiting in mem::take(&mut self.waiting) {
            if self.is_held_up(&waiting) {
                self.waiting.push_back(waiting);
            } else if !waiting.planned.member.ground.same(ground) {
                late.push(waiting);
            } else if company.admits(group.first(), &waiting) {
                group.push(waiting);
            } else {
                self.waiting.push_back(waiting);
            }
        }
        self.producers.extend(company.producers);
        self.called = false;
        self.call();
        (group, late)
    }
}

impl Waiting {
    fn producer(&self) -> Option<&String> {
        self.planned.member.record.idempotency.as_ref().map(|key| &key.producer)
    }
}

/// How much a group has taken in.
#[derive(Default)]
struct Company {
    batches: usize,
    source_bytes: u64,
    event_bytes: usize,
    producers: HashSet<String>,
}

impl Company {
    /// Takes a batch in, if it fits those that are there.
    fn admits(&mut self, first: Option<&Waiting>, waiting: &Waiting) -> bool {
        let member = &waiting.planned.member;
        let source_bytes = self.source_bytes + member.record.bytes;
        let event_bytes = self.event_bytes + record_bytes(&member.record);
        let producer = waiting.producer();
        let fits = first.is_none_or(|first| {
            let first = &first.planned.member;
            let alike = first.profile == member.profile && first.nulls == member.nulls;
            let plain = first.plan.changes.is_empty() && member.plan.changes.is_empty();
            let small = source_bytes <= GROUP_BYTES_MAX && event_bytes <= EVENT_BYTES_MAX - EVENT_REST_BYTES;
            let few = self.batches < GROUP_BATCHES_MAX;
            alike && plain && small && few && producer.is_none_or(|producer| !self.producers.contains(producer))
        });
        if fits {
            (self.source_bytes, self.event_bytes) = (source_bytes, event_bytes);
            self.batches += 1;
            self.producers.extend(producer.cloned());
        }
        fits
    }
}

/// At most so many bytes of an event's line are this record's, whose digests and numbers need not be known yet.
pub(super) fn record_bytes(record: &BatchRecord) -> usize {
    // Names of members, punctuation, digests, and ten digits for each number of a batch that is small.
    const DIGEST: usize = 66;
    const ALWAYS: usize = 55 + 3 * 10 + 2 * DIGEST;
    let text = |text: &String| serde_json::to_string(text).map_or(usize::MAX / 8, |text| text.len());
    let name = record.name.as_ref().map_or(0, |name| 8 + text(name));
    let note = record.note.as_ref().map_or(0, |note| 8 + text(note));
    let packed = record.packed_sha256.map_or(0, |_| 17 + DIGEST);
    let key = record.idempotency.as_ref().map_or(0, |key| 60 + text(&key.producer));
    ALWAYS + name + note + packed + key
}

/// One group, from the queue to the answers. Dropping it tells those who were not told yet, and hands on.
struct Round<'a> {
    table: &'a Table,
    /// Where the leader waits for its own batch.
    own: Option<&'a Slot>,
    slots: Vec<Promise>,
    /// Whose batches are in it.
    producers: Vec<String>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody was taken out of the queue.
    Called,
    /// Nothing is in the ledger.
    Preparing,
    /// Perhaps something is.
    Committing,
}

impl<'a> Round<'a> {
    fn new(table: &'a Table, own: Option<&'a Slot>) -> Self {
        Self { table, own, slots: vec![], producers: vec![], phase: Phase::Called }
    }

    fn run(mut self) {
        if let Err(error) = self.try_run() {
            self.fail(error);
        }
    }

    fn try_run(&mut self) -> Result<()> {
        let (records, members) = self.gather()?;
        let Some(first) = members.first() else { return Ok(()) };
        // Small batches lie in memory, and the source is not read.
        let draft = Draft::write(self.table.store(), records, &members, &mut Cursor::new([]))?;
        let writer = Writer::lock(self.table)?;
        let now = writer.version();
        let answered = members
            .iter()
            .zip(&self.slots)
            .filter(|(member, slot)| slot.answers(self.table.store(), member, now))
            .count();
        if answered > 0 || !first.ground.holds(now) || !members.iter().all(|member| member.still_rests(now)) {
            drop((writer, draft));
            self.slots.iter().for_each(|slot| slot.tell(Turn::PlanAgain));
            return Ok(());
        }
        self.phase = Phase::Committing;
        let reports = draft.commit(self.table, writer, &members)?;
        for (slot, report) in self.slots.iter().zip(reports) {
            slot.tell(Turn::Done(Ok(Box::new(report))));
        }
        Ok(())
    }

    /// Takes a group out of the queue. Those who must not be in it are told so.
    fn gather(&mut self) -> Result<(Vec<BatchPlan>, Vec<Member>)> {
        let groups = &self.table.groups;
        let version = match self.table.version() {
            Ok(version) => version,
            Err(error) => {
                // The next leader looks for itself.
                self.slots.extend(groups.queue().take_slot(self.own));
                return Err(error);
            }
        };
        let ground = groups.learn(&version);
        let (group, late) = groups.queue().take(&ground);
        self.phase = Phase::Preparing;
        self.producers = group.iter().filter_map(|waiting| waiting.producer().cloned()).collect();
        late.iter().for_each(|late| late.slot.tell(Turn::PlanAgain));
        let group = group
            .into_iter()
            .filter(|waiting| !waiting.slot.answers(self.table.store(), &waiting.planned.member, &version));
        let (planned, slots): (Vec<_>, Vec<_>) = group.map(|waiting| (waiting.planned, waiting.slot)).unzip();
        self.slots = slots;
        Ok(planned.into_iter().map(|planned| (planned.records, planned.member)).unzip())
    }

    /// Tells everybody of the group that it failed.
    fn fail(&mut self, error: Error) {
        // The disk's failures are everyone's. Others may be one batch's, and nothing is in the ledger: each tries alone.
        let everyones = !matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Corrupt);
        let mut slots = mem::take(&mut self.slots).into_iter();
        let first = slots.next();
        for slot in slots {
            slot.tell(if everyones { Turn::Done(Err(error.retold())) } else { Turn::Alone });
        }
        if let Some(first) = first {
            first.tell(if everyones { Turn::Done(Err(error)) } else { Turn::Alone });
        }
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        // Only a panic leaves anybody untold.
        if self.phase == Phase::Committing {
            let found = "a panic of the thread that committed: the batch may be in the table or not";
            let unknown = || Error::new(ErrorKind::Poisoned, paths::LEDGER, "the end of a commit", found);
            self.slots.iter().for_each(|slot| slot.tell(Turn::Done(Err(unknown()))));
        }
        let mut queue = self.table.groups.queue();
        self.producers.iter().for_each(|producer| {
            queue.producers.remove(producer);
        });
        queue.rounds = queue.rounds.saturating_sub(1);
        if self.phase == Phase::Called {
            // Whoever panics leads nobody.
            drop(queue.take_slot(self.own));
            queue.called = false;
        }
        queue.call();
    }
}

/// Where a thread waits for what becomes of its batch.
#[derive(Default)]
struct Slot {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    word: Option<Word>,
    /// The last word was said; later ones do not count.
    settled: bool,
}

enum Word {
    /// The queue is this thread's to lead, and its batch is the first.
    Lead,
    Turn(Turn),
}

impl Slot {
    fn lead(&self) {
        self.told().word = Some(Word::Lead);
        self.changed.notify_one();
    }

    fn wait(&self) -> Word {
        let mut told = self.told();
        loop {
            if let Some(word) = told.word.take() {
                return word;
            }
            told = self.changed.wait(told).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duty to tell a thread what became of its batch: forgotten, it says that nothing did.
struct Promise(Arc<Slot>);

impl Promise {
    fn tell(&self, turn: Turn) {
        let mut told = self.0.told();
        if !mem::replace(&mut told.settled, true) {
            told.word = Some(Word::Turn(turn));
            self.0.changed.notify_one();
        }
    }

    /// Tells what the commit conditions have to say, if that is anything.
    fn answers(&self, store: &dyn Store, member: &Member, version: &Version) -> bool {
        match member.conditions(store, version).transpose() {
            None => false,
            Some(answer) => {
                self.tell(Turn::Done(answer.map(Box::new)));
                true
            }
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.tell(Turn::Alone);
    }
}

#[cfg(test)]
impl Groups {
    /// Nobody leads until [`Groups::lead`] is called.
    pub(super) fn pretend_to_lead(&self) {
        let mut queue = self.queue();
        (queue.called, queue.rounds) = (true, 1);
    }

    pub(super) fn lead(&self, table: &Table) {
        Round::new(table, None).run();
    }

    /// What a leader has in its hands that got no further.
    pub(super) fn take_all<'a>(&self, table: &'a Table) -> impl Drop + use<'a> {
        let slots = mem::take(&mut self.queue().waiting).into_iter().map(|waiting| waiting.slot).collect();
        let mut round = Round::new(table, None);
        round.slots = slots;
        round
    }

    /// How many batches wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }
}
