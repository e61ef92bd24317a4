//! What scans left out, gathered while statements are planned.
//!
//! * A [`ScanLog`] is an extension of the session's configuration; without one nothing is written down, and no reasons are worked out.

use std::sync::{Mutex, PoisonError};

use at1_table::{Explanation, Statistics};

/// What one scan of a table left out when it was planned.
#[derive(Clone, Debug)]
pub struct ScanEntry {
    /// The table's folder.
    pub folder: String,
    /// The event whose state it reads; `None` for a table without events.
    pub event: Option<u64>,
    /// What planning counted and read.
    pub statistics: Statistics,
    /// Which part of the condition left out how much.
    pub explanation: Explanation,
    /// Segments that a Parquet reader reads.
    pub plain: usize,
    /// Segments whose fields are read again, since they were written in another schema or hold rows of later states.
    pub reread: usize,
}

/// The scans of a session's statements, until they are taken.
///
/// ```
/// use std::sync::Arc;
/// use at1_datafusion::ScanLog;
/// use datafusion::prelude::{SessionConfig, SessionContext};
/// let log = Arc::new(ScanLog::default());
/// let context = SessionContext::new_with_config(SessionConfig::new().with_extension(Arc::clone(&log)));
/// # drop(context);
/// assert!(log.take().is_empty());
/// ```
#[derive(Debug, Default)]
pub struct ScanLog(Mutex<Vec<ScanEntry>>);

impl ScanLog {
    /// Writes down a scan.
    pub(crate) fn push(&self, entry: ScanEntry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// The scans since they were last taken, in the order in which they were planned.
    pub fn take(&self) -> Vec<ScanEntry> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
