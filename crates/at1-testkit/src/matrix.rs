//! A deed fails at every step, in every way.
//!
//! * Every step, reads included, fails before its effect, and after it if it has one; a sync also so that it forgets what it should have
//!   made durable. Then the store works again, at once or after a few more failures, or the process is dead.
//! * What is right is for the caller to say: it sees the disk, what the deed was told, and can cut the power.

use crate::{
    fault::{Fault, Schedule, Then},
    store::MemStore,
};

/// What comes after the failing step.
const THEN: [Then; 5] =
    [Then::Recovers, Then::RecoversAfter(1), Then::RecoversAfter(2), Then::RecoversAfter(3), Then::Dies];

/// One failure, and what it led to.
pub struct Point<'p, H, R> {
    /// Which step failed, and how.
    pub schedule: Schedule,
    /// The step, as words.
    pub step: &'p str,
    /// The disk, which works again.
    pub disk: &'p MemStore,
    /// The handle that the deed was done with.
    pub handle: &'p H,
    /// What the deed was told.
    pub result: &'p R,
}

impl<H, R> Point<'_, H, R> {
    /// Whether the process lives on, so that it could clean up.
    pub fn lives(&self) -> bool {
        self.schedule.then != Then::Dies
    }

    /// The failure in words.
    pub fn what(&self) -> String {
        let Schedule { step, fault, then } = self.schedule;
        format!("step {step} ({}) {fault:?}, {then:?}", self.step)
    }
}

/// Does a deed from `before` once for each failure, and shows what came of it. Returns how many failures there were.
///
/// `open` is done before anything fails; what is to fail while a table is opened belongs in `run`.
pub fn matrix<H, R>(
    before: &MemStore,
    open: impl Fn(&MemStore) -> H,
    run: impl Fn(&H) -> R,
    mut check: impl FnMut(&Point<'_, H, R>),
) -> u64 {
    let steps = journal(before, &open, &run);
    let mut points = 0;
    for (number, step) in steps.iter().enumerate() {
        for fault in faults(step) {
            for then in THEN {
                let schedule = Schedule { step: number as u64, fault: *fault, then };
                let disk = before.killed();
                let handle = open(&disk);
                disk.fail(Some(schedule));
                let result = run(&handle);
                disk.fail(None);
                check(&Point { schedule, step, disk: &disk, handle: &handle, result: &result });
                points += 1;
            }
        }
    }
    assert!(points > 0, "a deed without steps");
    points
}

/// The disks that a deed leaves if it is killed, before its first effect and after each; what was not synced still is not.
pub fn kills<H, R>(before: &MemStore, open: impl Fn(&MemStore) -> H, run: impl Fn(&H) -> R) -> Vec<(String, MemStore)> {
    let mut disks = vec![];
    let mut last = None;
    for (number, step) in journal(before, &open, &run).into_iter().enumerate() {
        let disk = before.killed();
        let handle = open(&disk);
        disk.fail(Some(Schedule { step: number as u64, fault: Fault::BeforeEffect, then: Then::Dies }));
        run(&handle);
        disk.fail(None);
        if last.replace(disk.open_effects()) != Some(disk.open_effects()) {
            disks.push((format!("killed before step {number} ({step})"), disk.killed()));
        }
        drop(handle);
    }
    disks
}

/// The steps of a deed that does not fail.
fn journal<H, R>(before: &MemStore, open: &impl Fn(&MemStore) -> H, run: &impl Fn(&H) -> R) -> Vec<String> {
    let disk = before.killed();
    let handle = open(&disk);
    let first = disk.steps();
    run(&handle);
    disk.journal(first)
}

fn faults(step: &str) -> &'static [Fault] {
    match step.split(' ').next().unwrap_or_default() {
        // Without effect, before and after are the same.
        "open" | "size" | "read" | "list" | "spool" | "lock" => &[Fault::BeforeEffect],
        "sync" | "sync_folder" | "seal" => &[Fault::BeforeEffect, Fault::AfterEffect, Fault::Forgets],
        _ => &[Fault::BeforeEffect, Fault::AfterEffect],
    }
}
