//! When events happened, as far as others can tell: an interval for each.
//!
//! * An event is no later than the first outside statement that covers it: a cosignature or a stamp of a tree that has it.
//! * It is no earlier than the last one that the ledger itself took in before it: a stamp in an `anchor` event; the event's bytes
//!   hang on it.
//! * A witness that called a smaller tree the newest had not seen it yet. That does not bound the event, which may have waited for
//!   the next checkpoint; but an event of which nobody knew long after its own time was held back, or dated back. A stamper calls
//!   no tree the newest: it stamps what it is given, however old that is.
//! * An event's own time is its writer's claim, and is not asked here.

use crate::time::Timestamp;

/// What others said of a ledger, and when.
///
/// ```
/// use at1_ledger::{Interval, Times};
///
/// let time = |second: u32| format!("2026-01-22T16:00:{second:02}.000000000Z").parse();
/// let mut times = Times::default();
/// times.saw(5, time(10)?, "w1");
/// times.saw(9, time(20)?, "w1");
/// assert_eq!(times.interval(4).before.map(|bound| bound.time), Some(time(10)?));
/// let Interval { after, unseen, before } = times.interval(7);
/// assert_eq!((unseen.map(|bound| bound.time), before.map(|bound| bound.time)), (Some(time(10)?), Some(time(20)?)));
/// assert_eq!(after, None);
/// assert_eq!(times.interval(9).before, None);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Statements that the first so many events were the newest tree.
    saw: Vec<(u64, Bound)>,
    /// Statements that they were there.
    stamped: Vec<(u64, Bound)>,
    /// Statements that are themselves in an event.
    embedded: Vec<(u64, Bound)>,
}

/// One end of an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The time that was stated.
    pub time: Timestamp,
    /// Who stated it.
    pub by: String,
}

/// When an event happened, as far as that is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Not before this.
    pub after: Option<Bound>,
    /// At this time a witness had not seen it yet.
    pub unseen: Option<Bound>,
    /// Not after this.
    pub before: Option<Bound>,
}

impl Times {
    /// To `by` the tree of the first `size` events was the newest at `time`.
    pub fn saw(&mut self, size: u64, time: Timestamp, by: &str) {
        self.saw.push((size, Bound { time, by: by.to_owned() }));
    }

    /// The tree of the first `size` events was there at `time`, as `by` states; there may have been a newer one.
    pub fn stamped(&mut self, size: u64, time: Timestamp, by: &str) {
        self.stamped.push((size, Bound { time, by: by.to_owned() }));
    }

    /// Event `event` carries the digest of a statement that `by` made at `time`.
    pub fn embedded(&mut self, event: u64, time: Timestamp, by: &str) {
        self.embedded.push((event, Bound { time, by: by.to_owned() }));
    }

    /// Whether anything is known.
    pub fn is_empty(&self) -> bool {
        self.saw.is_empty() && self.stamped.is_empty() && self.embedded.is_empty()
    }

    /// The interval of event `n`.
    pub fn interval(&self, n: u64) -> Interval {
        let covering = self.saw.iter().chain(&self.stamped).filter(|(size, _)| *size > n);
        let not_yet = self.saw.iter().filter(|(size, _)| *size <= n);
        let hung_on = self.embedded.iter().filter(|(event, _)| *event <= n);
        Interval {
            after: hung_on.map(|(_, bound)| bound).max_by_key(|bound| bound.time).cloned(),
            unseen: not_yet.map(|(_, bound)| bound).max_by_key(|bound| bound.time).cloned(),
            before: covering.map(|(_, bound)| bound).min_by_key(|bound| bound.time).cloned(),
        }
    }
}
