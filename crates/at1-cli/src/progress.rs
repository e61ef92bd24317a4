//! A line on stderr for work that takes long, if a person is looking.
//!
//! * Shown only on a terminal, and only after half a second: short work stays quiet.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Voice;

/// Work that takes less is over before one has read what it is.
const QUIET: Duration = Duration::from_millis(500);

/// How far some work has come. Clones are the same line.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Line>);

#[derive(Debug)]
struct Line {
    bar: ProgressBar,
    wanted: bool,
    shown: AtomicBool,
}

impl Progress {
    /// Says `what` is going on, and over how many bytes.
    pub(crate) fn new(voice: Voice, what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {bytes} in {elapsed}, {bytes_per_sec}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        let wanted = voice == Voice::Words && io::stderr().is_terminal();
        Self(Arc::new(Line { bar, wanted, shown: AtomicBool::new(false) }))
    }

    /// Says that other work began.
    pub(crate) fn turn_to(&self, what: &str) {
        self.0.bar.set_message(what.to_owned());
    }

    /// So many bytes more.
    pub(crate) fn add(&self, bytes: u64) {
        let Line { bar, wanted, shown } = &*self.0;
        bar.inc(bytes);
        if *wanted && bar.elapsed() > QUIET && !shown.swap(true, Ordering::Relaxed) {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Takes the line away, so that something else can be told.
    pub(crate) fn clear(&self) {
        self.0.bar.finish_and_clear();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
