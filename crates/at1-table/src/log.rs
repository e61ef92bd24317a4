//! What happened, event by event.

use std::collections::VecDeque;

use at1_ledger::{Event, Kind, LINE_BYTES_MAX, parse_line, split_tail};
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    paths,
    store::{Store, read_range},
    table::Table,
    version::Lines,
};

/// How much of the ledger is read at a time, from its end.
const CHUNK_BYTES: u64 = 1 << 20;

/// One event of a table's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry(pub Event);

impl LogEntry {
    /// The entry as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let Event { n, detail, ts, chain, .. } = &self.0;
        let mut entry = json!({
            "event": n,
            "op": self.0.op().as_str(),
            "ts": ts.to_string(),
            "chain": chain.to_string(),
            "batches_total": detail.totals.batches,
            "rows_total": detail.totals.rows,
            "bytes_total": detail.totals.bytes,
        });
        match &detail.kind {
            Kind::Append { batches, .. } => {
                let batch = |b: &at1_ledger::BatchRecord| {
                    json!({
                        "name": b.name, "rows": b.rows, "bytes": b.bytes, "sha256": b.sha256.to_string(),
                        "rejects": b.rejects, "note": b.note,
                    })
                };
                entry["batches"] = batches.iter().map(batch).collect::<Vec<_>>().into();
            }
            Kind::Compact { drop, .. } => entry["drop"] = json!([drop.start, drop.end]),
            Kind::Vacuum { names, .. } => entry["names"] = json!(names),
            Kind::Schema { changes } => entry["changes"] = changes.value(),
            Kind::Anchor { receipt, .. } => entry["kind"] = json!(receipt),
            Kind::Note { text } => entry["text"] = json!(text),
            _ => {}
        }
        let segments: Vec<_> = detail.kind.segments().iter().map(|segment| segment.name.as_str()).collect();
        if !segments.is_empty() {
            entry["segments"] = json!(segments);
        }
        entry
    }
}

/// Event `n`, out of the ledger.
pub(crate) fn event(store: &dyn Store, n: u64) -> Result<Event> {
    let io = |e| Error::io(paths::LEDGER, e);
    let file = store.open(paths::LEDGER).map_err(io)?;
    let size = file.size().map_err(io)?;
    let mut lines = Lines::new(&*file, 0, size);
    // The header is a line too.
    for _ in 0..=n {
        lines.next().map_err(io)?;
    }
    let line = lines.next().map_err(io)?;
    let line = line.ok_or_else(|| Error::corrupt(paths::LEDGER, format!("event {n}"), "its end"))?;
    parse_line(&line).map_err(|e| Error::from(e).within(paths::LEDGER))
}

impl Table {
    /// The newest `limit` events, newest first; all of them without a limit. Reads no more of the ledger than they take.
    ///
    /// # Errors
    /// If the ledger cannot be read or one of these lines is damaged.
    pub fn log(&self, limit: Option<u64>) -> Result<Vec<LogEntry>> {
        let version = self.version()?;
        let file = self.store().open(paths::LEDGER).map_err(|e| Error::io(paths::LEDGER, e))?;
        let header_bytes = version.header.line().len() as u64 + 1;
        let wanted = limit.unwrap_or(u64::MAX).min(version.state.events());
        let mut entries = vec![];
        let (mut at, mut tail) = (version.whole_bytes, vec![]);
        while (entries.len() as u64) < wanted {
            let start = at.saturating_sub(CHUNK_BYTES.max(LINE_BYTES_MAX as u64)).max(header_bytes);
            let mut bytes = read_range(&*file, start, at).map_err(|e| Error::io(paths::LEDGER, e))?;
            bytes.extend_from_slice(&tail);
            // The first line of the chunk may have begun before it.
            let cut = match start == header_bytes {
                true => 0,
                false => bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |lf| lf + 1),
            };
            let (lines, _) = split_tail(&bytes[cut..]);
            let lines: VecDeque<&[u8]> = lines.split_inclusive(|&byte| byte == b'\n').collect();
            for line in lines.into_iter().rev().take(usize::try_from(wanted).unwrap_or(usize::MAX) - entries.len()) {
                entries.push(LogEntry(parse_line(line).map_err(|e| Error::from(e).within(paths::LEDGER))?));
            }
            bytes.truncate(cut);
            tail = bytes;
            if start == header_bytes {
                break;
            }
            at = start;
        }
        Ok(entries)
    }
}
