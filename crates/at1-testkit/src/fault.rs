//! When a store fails, how, and what a power cut leaves of it.
//!
//! * Steps are counted over everything a store does, reads included, so a schedule names one moment exactly.
//! * An error says nothing about whether the step took effect: that is what [`Fault`] is for.

/// Whether the failing step took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The step fails and nothing has happened.
    BeforeEffect,
    /// The step happens and then says that it failed.
    AfterEffect,
    /// A sync fails, and what it should have made durable never will be, although later syncs succeed; it may or may not be found
    /// after a power cut. (So Linux treats pages that it could not write.) Other steps fail as with `BeforeEffect`.
    Forgets,
}

/// What the store does after the failing step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It works again: the process lives on and may clean up.
    Recovers,
    /// It works again after so many more failures (without effect): cleaning up fails too.
    RecoversAfter(u64),
    /// Nothing works any more: the process is dead, and so is whatever it would have cleaned up.
    Dies,
}

/// One failure: at which step, how, and what comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The number of the step, counted from when the schedule was set.
    pub step: u64,
    /// Whether it takes effect.
    pub fault: Fault,
    /// Whether later steps work.
    pub then: Then,
}

impl Schedule {
    /// Every way in which one of the first `steps` steps can fail.
    pub fn all(steps: u64) -> impl Iterator<Item = Self> {
        (0..steps).flat_map(|step| {
            [Fault::BeforeEffect, Fault::AfterEffect].into_iter().flat_map(move |fault| {
                [Then::Recovers, Then::Dies].into_iter().map(move |then| Self { step, fault, then })
            })
        })
    }
}

/// What is left after the power is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Everything that was written: only the process died.
    Everything,
    /// Only what was synced.
    Synced,
    /// Names that were never synced are there, with the bytes that were.
    NamesKept,
    /// Bytes that were never synced are there, under the names that were.
    BytesKept,
    /// All names, and of the bytes that were never synced the first half: a write that was cut.
    TailsCut,
    /// All names; bytes that were never synced read as zeros, as after a lost write in a file that had grown.
    TailsZeroed,
}

impl Image {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Everything, Self::Synced, Self::NamesKept, Self::BytesKept, Self::TailsCut, Self::TailsZeroed];
}
