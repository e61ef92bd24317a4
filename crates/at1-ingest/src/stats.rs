//! What sources came to so far, for who looks on: counters that threads add to.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The counters of all sources.
#[derive(Debug, Default)]
pub struct Stats {
    sources: Mutex<Vec<Arc<SourceStats>>>,
    /// How often segments were merged.
    pub compactions: AtomicU64,
}

/// The counters of one source.
#[derive(Debug, Default)]
pub struct SourceStats {
    /// What it is called.
    pub name: String,
    /// Whether it is still read.
    pub is_open: AtomicU64,
    /// Lines in the journal or the table.
    pub lines: AtomicU64,
    /// Bytes that were read.
    pub read_bytes: AtomicU64,
    /// Bytes in the table.
    pub table_bytes: AtomicU64,
    /// Batches in the table.
    pub batches: AtomicU64,
    /// Bytes that wait in the source; of a pipe, those that were taken out of it and not looked at.
    pub lag_bytes: AtomicU64,
    /// Bytes in the journal that grows.
    pub journal_bytes: AtomicU64,
    /// The time that appends took.
    pub append_micros: AtomicU64,
    /// How often the source or the disk refused.
    pub errors: AtomicU64,
}

impl Stats {
    pub(crate) fn source(&self, name: &str) -> Arc<SourceStats> {
        let stats = Arc::new(SourceStats { name: name.to_owned(), ..SourceStats::default() });
        stats.is_open.store(1, Ordering::Relaxed);
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&stats));
        stats
    }

    /// All sources that there were.
    pub fn sources(&self) -> Vec<Arc<SourceStats>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One counter over all sources.
    pub fn sum(&self, counter: impl Fn(&SourceStats) -> &AtomicU64) -> u64 {
        self.sources().iter().map(|source| counter(source).load(Ordering::Relaxed)).sum()
    }
}
