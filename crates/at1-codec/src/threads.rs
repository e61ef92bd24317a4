//! Work spread over threads.
//!
//! * Results come in the order of the items, whichever thread made them, so that what is written never depends on how
//!   many threads there are.
//! * Where there is one item or one thread, nothing is started.

use std::{
    num::NonZero,
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

/// Below this many bytes of text a thread costs more than it gives.
const BYTES_MIN: usize = 256 << 10;
/// Into how many shares per thread work is cut.
const SHARES_PER_THREAD: usize = 2;

/// How many threads pay for work on `bytes` bytes of text.
pub(crate) fn for_bytes(bytes: usize) -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = *CORES.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get));
    cores.min(bytes.div_ceil(BYTES_MIN)).max(1)
}

/// How many of `items` like things a thread takes at a time: some take longer than others, so there are a few shares per thread.
pub(crate) fn share(items: usize, threads: usize) -> usize {
    let shares = if threads > 1 { SHARES_PER_THREAD * threads } else { 1 };
    items.div_ceil(shares).max(1)
}

/// What `work` makes of each item, on at most `threads` threads, this one among them.
pub(crate) fn map<T, R>(threads: usize, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R>
where
    T: Send,
    R: Send,
{
    let count = items.len();
    let threads = threads.min(count);
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let queue = Mutex::new(items.into_iter().enumerate());
    let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || std::iter::from_fn(take).map(|(index, item)| (index, work(item))).collect::<Vec<_>>();
    let mut made: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut made = run();
        for other in others {
            match other.join() {
                Ok(more) => made.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_unstable_by_key(|&(index, _)| index);
    made.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        let items: Vec<usize> = (0..1000).collect();
        let expected: Vec<usize> = items.iter().map(|i| i * i).collect();
        for threads in [0, 1, 2, 3, 8, 2000] {
            assert_eq!(map(threads, items.clone(), |i| i * i), expected, "{threads} threads");
        }
        assert!(map(4, Vec::<usize>::new(), |i| i).is_empty());
    }

    #[test]
    fn a_panic_goes_to_the_caller() {
        let caught = std::panic::catch_unwind(|| map(3, vec![1, 2, 3, 4], |i: i32| assert!(i != 3, "three")));
        assert!(caught.is_err());
    }

    #[test]
    fn little_text_gets_one_thread() {
        assert_eq!((for_bytes(0), for_bytes(BYTES_MIN)), (1, 1));
    }
}
