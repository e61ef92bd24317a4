//! What happened, event by event.
//!
//! * Read from the end, each line checked against the one after it, the newest against what the table was opened with.

use at1_ledger::{Event, Kind, parse_line};
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    lines::LinesBack,
    paths,
    table::Table,
};

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
            Kind::Anchor { size, receipt, time, .. } => {
                entry["kind"] = json!(receipt);
                entry["size"] = json!(size);
                entry["time"] = json!(time);
            }
            Kind::Key { add, retire, .. } => {
                entry["add"] = json!(add);
                entry["retire"] = json!(retire);
            }
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

impl Table {
    /// The newest `limit` events, newest first; all of them without a limit. Reads no more of the ledger than they take.
    ///
    /// # Errors
    /// If the ledger cannot be read or one of these lines is damaged.
    pub fn log(&self, limit: Option<u64>) -> Result<Vec<LogEntry>> {
        let version = self.version()?;
        let io = |e| Error::io(paths::LEDGER, e);
        let file = self.store().open(paths::LEDGER).map_err(io)?;
        let header_bytes = version.header.line().len() as u64 + 1;
        let mut back = LinesBack::new(&*file, header_bytes, version.whole_bytes());
        let mut chain = version.tip.chain();
        let mut entries = vec![];
        for n in (0..version.events())
            .rev()
            .take(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)))
        {
            let place = || format!("{}: event {n}", paths::LEDGER);
            let line = back.next().map_err(io)?.ok_or_else(|| Error::corrupt(place(), "a line", "none"))?;
            let event = parse_line(&line).map_err(|e| Error::from(e).within(&place()))?;
            if event.chain != chain {
                return Err(Error::corrupt(place(), format!("chain value {chain}"), event.chain));
            }
            chain = event.prev;
            entries.push(LogEntry(event));
        }
        Ok(entries)
    }
}
