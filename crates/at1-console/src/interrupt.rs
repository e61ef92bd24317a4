//! Ctrl-C: the first one ends the work at the next read or write, so that staged files are removed; a second one ends the process.
//!
//! * Both exit with 130.
//! * A commit in progress is finished: nothing here runs between staging and the ledger's line.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Starts to listen for SIGINT and SIGTERM.
pub fn listen() -> io::Result<()> {
    let stop = Arc::clone(STOP.get_or_init(Arc::default));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the first signal finds the flag down and only raises it, the second finds it up.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(())
}

/// Whether a signal has come.
pub fn came() -> bool {
    STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed))
}

/// Goes on as if none had come: what it was for has ended, and there is other work.
pub fn forget() {
    if let Some(stop) = STOP.get() {
        stop.store(false, Ordering::Relaxed);
    }
}

/// Fails once a signal has come. Layers between here and `main` may reword the error, so `main` asks [`came`] instead of reading it.
pub fn check() -> io::Result<()> {
    if came() { Err(io::Error::other("interrupted")) } else { Ok(()) }
}

/// A reader or writer that fails once a signal has come.
pub struct Guarded<T>(
    /// What it reads or writes.
    pub T,
);

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        check()?;
        self.0.read(buffer)
    }
}

impl<S: Seek> Seek for Guarded<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl<W: Write> Write for Guarded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        check()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
