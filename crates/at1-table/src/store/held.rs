//! Exclusion between threads of one process, by canonical path.
//!
//! * Operating systems lock files per process or per open file, and differ; two writers in one process exclude each other here, whatever the system does.
//! * The key is freed when the guard is dropped, also while unwinding.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, PoisonError},
};

static HELD: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
static FREED: Condvar = Condvar::new();

/// The right to be the only writer of this path within the process.
pub(super) struct Held(PathBuf);

impl Held {
    /// Waits until nobody in this process holds `path`.
    pub(super) fn wait(path: &Path) -> Self {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        while !held.get_or_insert_default().insert(path.to_owned()) {
            held = FREED.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        Self(path.to_owned())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(held) = HELD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            held.remove(&self.0);
        }
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::atomic::AtomicUsize, sync::atomic::Ordering::SeqCst, thread};

    use super::Held;

    #[test]
    fn one_at_a_time() {
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _held = Held::wait(Path::new("/table"));
                        assert_eq!(inside.fetch_add(1, SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn other_paths_do_not_wait() {
        let _a = Held::wait(Path::new("/a"));
        let _b = Held::wait(Path::new("/b"));
    }
}
