//! What an export to Iceberg did.

use serde_json::{Value, json};

use super::metadata::Operation;

/// What an export did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcebergReport {
    /// Whether there was anything to do.
    pub outcome: Outcome,
    /// Why older snapshots and manifests were left behind, if they were.
    pub restart: Option<Restart>,
    /// How the new snapshot differs from the one before.
    pub operation: Operation,
    /// The newest metadata file, within the table.
    pub metadata: String,
    /// Its URI.
    pub uri: String,
    /// Its number.
    pub version: u64,
    /// The current snapshot.
    pub snapshot_id: i64,
    /// The event whose state that is.
    pub event: u64,
    /// Its rows.
    pub rows: u64,
    /// Its data files: segments that have rows.
    pub segments: u64,
    /// Manifests that were written.
    pub manifests_written: u64,
    /// Manifests that stayed.
    pub manifests_reused: u64,
    /// The snapshots in the metadata file.
    pub snapshots: u64,
    /// The bytes of all files that were written.
    pub bytes_written: u64,
    /// Files of older exports that nobody needs any more.
    pub files_removed: u64,
}

/// Whether there was anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing had changed; nothing was written.
    Unchanged,
    /// An earlier export had been cut short before its last step, which was done now.
    Completed,
    /// The newest state had not changed, but older snapshots whose files were removed were dropped.
    Dropped,
    /// There is a new snapshot.
    Written,
}

/// Why an export could not go on from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The folder was somewhere else then: here.
    Moved(String),
    /// The ledger no longer has the event that was exported then: the table was put back to an earlier state.
    History(u64),
    /// Files of it are missing or were changed.
    Damaged,
}

impl IcebergReport {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let (moved, restart) = match &self.restart {
            None => (None, None),
            Some(Restart::Moved(from)) => (Some(from), Some("moved")),
            Some(Restart::History(_)) => (None, Some("history")),
            Some(Restart::Damaged) => (None, Some("damaged")),
        };
        json!({
            "outcome": match self.outcome {
                Outcome::Unchanged => "unchanged",
                Outcome::Completed => "completed",
                Outcome::Dropped => "dropped",
                Outcome::Written => "written",
            },
            "restart": restart,
            "moved_from": moved,
            "operation": (self.outcome == Outcome::Written).then_some(self.operation.as_str()),
            "metadata": self.metadata,
            "uri": self.uri,
            "version": self.version,
            "snapshot_id": self.snapshot_id,
            "event": self.event,
            "rows": self.rows,
            "segments": self.segments,
            "manifests_written": self.manifests_written,
            "manifests_reused": self.manifests_reused,
            "snapshots": self.snapshots,
            "bytes_written": self.bytes_written,
            "files_removed": self.files_removed,
        })
    }
}
