//! Long work: other threads go on, Ctrl-C ends it, and it can be told how far it is.
//!
//! * Work runs in a thread of its own, detached; the thread that called looks for signals meanwhile, since Python handles them only there
//!   where it was told to: in its main thread.
//! * What ends is the reading and staging of a table's store ([`at1_table::store::Watched`]). A commit that has begun is finished, so an
//!   interrupted append is wholly there or wholly absent.
//! * Batches of a stream are drawn by whoever has it, in the thread it likes. If that is the main thread, the store itself looks for signals.

use std::{
    io,
    panic::resume_unwind,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*};

use crate::failure::{Failure, Result};

/// How often signals are looked for, and progress is told.
const BEAT: Duration = Duration::from_millis(50);

static MAIN: OnceLock<ThreadId> = OnceLock::new();

/// Notes which thread is Python's main thread, if this is it. Extensions call it when they are imported.
///
/// # Errors
/// If Python's `threading` cannot be asked.
pub fn listen(py: Python<'_>) -> PyResult<()> {
    let threading = py.import("threading")?;
    if threading.call_method0("current_thread")?.is(&threading.call_method0("main_thread")?) {
        MAIN.get_or_init(|| thread::current().id());
    }
    Ok(())
}

fn is_main() -> bool {
    MAIN.get() == Some(&thread::current().id())
}

/// Looks on while the store of a table is used.
#[derive(Debug, Default)]
pub struct Watch {
    stop: AtomicBool,
    bytes: AtomicU64,
    looked: Mutex<Option<Instant>>,
    /// What a signal raised, until the call that it ended says so.
    raised: Mutex<Option<PyErr>>,
}

impl at1_table::store::Watch for Watch {
    fn check(&self) -> io::Result<()> {
        let stopped = || Err(io::Error::other("interrupted"));
        if self.stop.load(Ordering::Relaxed) {
            return stopped();
        }
        if is_main()
            && self.is_due()
            && let Err(error) = Python::attach(|py| py.check_signals())
        {
            self.end(error);
            return stopped();
        }
        Ok(())
    }

    fn moved(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Watch {
    /// Does `work` in a thread of its own. Meanwhile signals are handled, and `progress` is called with the bytes that were read and
    /// written so far.
    ///
    /// # Errors
    /// That of `work`, or whatever a signal's handler or `progress` raised.
    pub fn run<T: Send>(
        &self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        let progress = progress.map(|progress| progress.clone().unbind());
        let before = self.bytes.load(Ordering::Relaxed);
        let done = py.detach(|| {
            thread::scope(|scope| {
                let (at_end, end) = mpsc::channel::<()>();
                let worker = scope.spawn(move || {
                    let done = work();
                    drop(at_end);
                    done
                });
                while end.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                    let beat = |py: Python<'_>| -> PyResult<()> {
                        py.check_signals()?;
                        if let Some(progress) = &progress {
                            progress.call1(py, (self.bytes.load(Ordering::Relaxed) - before,))?;
                        }
                        Ok(())
                    };
                    if let Err(error) = Python::attach(beat) {
                        self.end(error);
                    }
                }
                worker.join().unwrap_or_else(|panic| resume_unwind(panic))
            })
        });
        let done = self.settle(done)?;
        if let Some(progress) = &progress {
            progress.call1(py, (self.bytes.load(Ordering::Relaxed) - before,))?;
        }
        Ok(done)
    }

    /// Does `work` in this thread, detached: for what is short, or has been cut into short pieces.
    ///
    /// # Errors
    /// As [`Watch::run`].
    pub fn detached<T: Send>(&self, py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        self.settle(py.detach(work))
    }

    /// What a signal raised, if one ended `done`; its own error is only what came of that.
    ///
    /// # Errors
    /// As [`Watch::run`].
    pub fn settle<T>(&self, done: Result<T>) -> Result<T> {
        if !self.stop.load(Ordering::Relaxed) {
            return done;
        }
        match self.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => {
                self.stop.store(false, Ordering::Relaxed);
                Err(Failure::Raised(error))
            }
            // Another call on the same table has it to tell.
            None => done.map_err(|_| Failure::Raised(PyKeyboardInterrupt::new_err("interrupted"))),
        }
    }

    fn end(&self, error: PyErr) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_due(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = looked.is_none_or(|looked| now - looked >= BEAT);
        if due {
            *looked = Some(now);
        }
        due
    }
}
