//! The threads that queries are worked out by, and how long one waits for them.
//!
//! * One runtime for the process, made when it is first needed. A forked child has none of its parent's threads, so it makes its own.
//! * Whoever waits looks for signals by a thread of its own: the runtime's timers do not turn while all of its threads work.

use std::{
    mem,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread,
    time::Duration,
};

use at1_python::{Failure, Result};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
};

/// How often signals are looked for.
const BEAT: Duration = Duration::from_millis(50);

static RUNTIME: Mutex<Option<(u32, Arc<Runtime>)>> = Mutex::new(None);

/// The runtime of this process.
pub(crate) fn runtime() -> Result<Arc<Runtime>> {
    let mut held = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match &*held {
        Some((of, runtime)) if *of == process => return Ok(Arc::clone(runtime)),
        _ => {}
    }
    let fresh = Builder::new_multi_thread().enable_all().build().map_err(|e| Failure::io("threads", &e))?;
    let fresh = Arc::new(fresh);
    // To drop a parent's runtime would be to wait for threads that are not here.
    mem::forget(held.replace((process, Arc::clone(&fresh))));
    Ok(fresh)
}

static BEATS: LazyLock<Mutex<(u32, Arc<Notify>)>> = LazyLock::new(|| Mutex::new((0, Arc::new(Notify::new()))));

/// Told every now and then.
pub(crate) fn beats() -> Arc<Notify> {
    let mut beats = BEATS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if beats.0 != process {
        *beats = (process, Arc::new(Notify::new()));
        let told = Arc::clone(&beats.1);
        thread::spawn(move || {
            loop {
                thread::sleep(BEAT);
                told.notify_waiters();
            }
        });
    }
    Arc::clone(&beats.1)
}
