//! Damaged segments: what they held, and where else it may still be.

use std::collections::BTreeMap;

use at1_ledger::{SegmentRecord, State, parse_segment_name};

use super::{Action, Problem, ProblemKind};
use crate::{
    copy::{Check, Standing, standing},
    paths,
    store::Store,
};

/// What is to be said of a live segment that is not the file it was.
pub(super) fn problem(
    store: &dyn Store,
    backup: Option<&dyn Store>,
    state: &State,
    record: &SegmentRecord,
    kind: ProblemKind,
    found: String,
) -> Problem {
    let batches = match record.batch.end - record.batch.start {
        1 => format!("batch {}", record.batch.start),
        _ => format!("batches {} to {}", record.batch.start, record.batch.end - 1),
    };
    let mut meaning = format!("{batches} ({} records) cannot be read; all other segments can", record.rows);
    if let Some(older) = older_files(store, state, record) {
        let event = parse_segment_name(&record.name).map_or(0, |(event, _)| event);
        meaning.push_str(&format!(
            "; the files that event {event} replaced still hold the same batches, intact: {}",
            older.join(", ")
        ));
    }
    let (remedy, action) = match backup {
        None => ("the file of a backup can be put back: name one with --from".to_owned(), None),
        Some(backup) => match standing(backup, record, Check::Digests) {
            Ok(Standing::Right) => {
                let aside =
                    if kind == ProblemKind::Missing { "" } else { ", after what is here was moved to _at1/torn" };
                let remedy = format!("the file of {} is put back{aside}; its digest is the ledger's", backup.place());
                (remedy, Some(Action::PutBack(Box::new(record.clone()))))
            }
            Ok(Standing::Wrong) => (format!("{} has another file too: try another backup", backup.place()), None),
            Ok(Standing::Nothing) => (format!("{} does not have it: try another backup", backup.place()), None),
            Err(e) => (format!("the file of {} cannot be read ({e}): try another backup", backup.place()), None),
        },
    };
    Problem {
        kind,
        place: paths::segment_path(&record.name),
        expected: format!("{} bytes with sha256 {}", record.bytes, record.sha256),
        found,
        meaning,
        remedy,
        action,
    }
}

/// Files that were replaced, but are still there, and together hold a segment's batches.
fn older_files(store: &dyn Store, state: &State, record: &SegmentRecord) -> Option<Vec<String>> {
    let mut older: Vec<&SegmentRecord> = state
        .replaced()
        .map(|replaced| &replaced.segment)
        .filter(|segment| record.batch.start <= segment.batch.start && segment.batch.end <= record.batch.end)
        .collect();
    older.sort_by_key(|segment| segment.batch.start);
    // From each batch that files can be laid end to end up to, one step further.
    let mut laid = BTreeMap::from([(record.batch.start, vec![])]);
    for segment in older {
        let Some(names) = laid.get(&segment.batch.start) else { continue };
        if laid.contains_key(&segment.batch.end)
            || !matches!(standing(store, segment, Check::Digests), Ok(Standing::Right))
        {
            continue;
        }
        let names = [&names[..], std::slice::from_ref(&segment.name)].concat();
        laid.insert(segment.batch.end, names);
    }
    laid.remove(&record.batch.end)
}
