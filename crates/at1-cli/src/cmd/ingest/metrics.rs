//! Counters as Prometheus reads them, in a file that is replaced as a whole.

use std::{
    fmt::Write as _,
    fs, io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use at1_ingest::{SourceStats, Stats};
use at1_table::Table;

/// A counter of a source: its name, its kind, what it counts, and where it stands.
type Counter = (&'static str, &'static str, &'static str, fn(&SourceStats) -> &AtomicU64);

const COUNTERS: [Counter; 8] = [
    ("at1_ingest_lines_total", "counter", "Lines in the journal or the table.", |s| &s.lines),
    ("at1_ingest_read_bytes_total", "counter", "Bytes that were read.", |s| &s.read_bytes),
    ("at1_ingest_table_bytes_total", "counter", "Bytes of text in the table.", |s| &s.table_bytes),
    ("at1_ingest_batches_total", "counter", "Batches in the table.", |s| &s.batches),
    ("at1_ingest_errors_total", "counter", "How often the source or the disk refused.", |s| &s.errors),
    ("at1_ingest_append_microseconds_total", "counter", "The time that appends took.", |s| &s.append_micros),
    ("at1_ingest_lag_bytes", "gauge", "Bytes that wait in the source.", |s| &s.lag_bytes),
    ("at1_ingest_journal_bytes", "gauge", "Bytes in the journal that grows.", |s| &s.journal_bytes),
];

/// Writes all counters.
pub(super) fn write(path: &Path, stats: &Stats, table: &Table) -> io::Result<()> {
    let mut text = String::new();
    for (name, kind, help, counter) in COUNTERS {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for source in stats.sources() {
            let label = source.name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(text, "{name}{{source=\"{label}\"}} {}", counter(&source).load(Ordering::Relaxed));
        }
    }
    let mut one = |name: &str, kind: &str, help: &str, value: u64| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    let compactions = stats.compactions.load(Ordering::Relaxed);
    one("at1_ingest_compactions_total", "counter", "How often segments were merged.", compactions);
    if let Ok(info) = table.info() {
        one("at1_table_rows", "gauge", "Records in the table.", info.rows);
        one("at1_table_segments", "gauge", "Live segments.", info.segments);
        one("at1_table_segment_bytes", "gauge", "Their bytes.", info.segment_bytes);
        one("at1_table_events", "gauge", "Ledger events.", info.events);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    one("at1_ingest_written_timestamp_seconds", "gauge", "When this file was written.", now);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(file.path(), text)?;
    file.persist(path).map(drop).map_err(|e| e.error)
}
