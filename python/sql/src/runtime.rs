//! The threads that queries are worked out by, and how long one waits for them.
//!
//! * One runtime for the process, made when it is first needed. A forked child has none of its parent's threads, and locks that they held
//!   stay held there, so it is refused and told what to do.
//! * Whoever waits looks for signals by a thread of its own: the runtime's timers do not turn while all of its threads work.

use std::{
    process,
    sync::{Arc, LazyLock, OnceLock},
    thread,
    time::Duration,
};

use at1_python::{Failure, Result};
use at1_table::{Error, ErrorKind};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
};

/// How often signals are looked for.
const BEAT: Duration = Duration::from_millis(50);

static RUNTIME: OnceLock<(u32, Arc<Runtime>)> = OnceLock::new();

/// The runtime of this process.
pub(crate) fn runtime() -> Result<Arc<Runtime>> {
    let (process, runtime) = match RUNTIME.get() {
        Some(made) => made,
        None => {
            let fresh = Builder::new_multi_thread().enable_all().build().map_err(|e| Failure::io("threads", &e))?;
            RUNTIME.get_or_init(|| (process::id(), Arc::new(fresh)))
        }
    };
    if *process != process::id() {
        let expected = "a process that was not forked after it asked in SQL; multiprocessing's spawn starts such";
        return Err(Failure::Table(Error::new(ErrorKind::Unsupported, "SQL", expected, "a forked one")));
    }
    Ok(Arc::clone(runtime))
}

static BEATS: LazyLock<Arc<Notify>> = LazyLock::new(|| {
    let notify = Arc::new(Notify::new());
    let told = Arc::clone(&notify);
    thread::spawn(move || {
        loop {
            thread::sleep(BEAT);
            told.notify_waiters();
        }
    });
    notify
});

/// Told every now and then.
pub(crate) fn beats() -> Arc<Notify> {
    Arc::clone(&BEATS)
}
