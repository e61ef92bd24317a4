//! Room for the batches that are appended at the same time, so that memory does not grow with the number of sources.

use std::sync::{Condvar, Mutex, PoisonError};

/// So many bytes of text, taken in the order of asking. Many small batches fit at once, and may share segments.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: u64,
    /// How many have asked, and how many of them were served.
    asked: u64,
    served: u64,
}

/// A part of a room, until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { bytes, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until there is room for `bytes`; what is larger than all of it waits until that is empty.
    pub(crate) fn take(&self, bytes: u64) -> Taken<'_> {
        let bytes = bytes.min(self.bytes);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = state.asked;
        state.asked += 1;
        let must_wait = |state: &mut State| state.served != turn || state.taken + bytes > self.bytes;
        let mut state = self.changed.wait_while(state, must_wait).unwrap_or_else(PoisonError::into_inner);
        state.served += 1;
        state.taken += bytes;
        drop(state);
        self.changed.notify_all();
        Taken { room: self, bytes }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.state.lock().unwrap_or_else(PoisonError::into_inner).taken -= self.bytes;
        self.room.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is_and_all_get_their_turn() {
        let room = Room::new(10);
        let (taken, most, served) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 0..8 {
                let (room, taken, most, served) = (&room, &taken, &most, &served);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = [1, 3, 10, 99][(thread + round) % 4];
                        let part = room.take(bytes);
                        let now = taken.fetch_add(part.bytes, Ordering::SeqCst) + part.bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        taken.fetch_sub(part.bytes, Ordering::SeqCst);
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!((most.into_inner(), served.into_inner()), (10, 1600));
        assert_eq!(room.state.into_inner().unwrap().taken, 0);
    }
}
