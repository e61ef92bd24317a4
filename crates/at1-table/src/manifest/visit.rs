//! What the live segments know of one column, in stretches as large as they come.

use std::ops::{ControlFlow, Range};

use at1_catalog::ZoneText;
use at1_codec::column::Pin;

use super::{
    LiveSegments,
    columns::{Column, Known},
    grow::Stretches,
    node::{Node, NodeRef},
};
use crate::error::Result;

/// Takes the pin, the zone and the rows of a stretch; says whether it wants more.
pub(super) type Visitor<'a> = dyn FnMut(Option<Pin>, ZoneText, u64) -> Result<bool> + 'a;

type Flow = Result<ControlFlow<()>>;

pub(super) fn zones(live: &LiveSegments, column: usize, visit: &mut Visitor<'_>) -> Result<()> {
    let mut at = 0;
    for splice in live.splices() {
        if let Some(top) = &live.manifest().tops().segments
            && node(live, top, &(at..splice.base.start), column, visit)?.is_break()
        {
            return Ok(());
        }
        at = splice.base.end;
        let entries = splice.entries().iter().map(|entry| &**entry);
        let rows: Vec<u64> = entries.clone().map(|entry| entry.live.rows).collect();
        if stretches(&Stretches::of_entries(entries)?.column(column), &rows, visit)?.is_break() {
            return Ok(());
        }
    }
    match &live.manifest().tops().segments {
        Some(top) => node(live, top, &(at..u64::MAX), column, visit).map(drop),
        None => Ok(()),
    }
}

/// Visits what a node holds of these batches.
fn node(live: &LiveSegments, at: &NodeRef, batches: &Range<u64>, column: usize, visit: &mut Visitor<'_>) -> Flow {
    if at.batch.start.max(batches.start) >= at.batch.end.min(batches.end) {
        return Ok(ControlFlow::Continue(()));
    }
    let node = Node::open(live.manifest().store(), at)?;
    let known = node.column(column)?;
    let mut item = 0;
    for run in known.runs() {
        let run_end = item + run.stretches;
        while item < run_end {
            let inside = |item: usize| {
                let batch = node.batch(item);
                batches.start <= batch.start && batch.end <= batches.end
            };
            let first = item;
            let is_known = run.known != Known::Nothing;
            while item < run_end && inside(item) && (is_known || node.level() == 0) {
                item += 1;
            }
            if item > first {
                let rows = &node.rows()[first..item];
                if stretches(&known.slice(first..item), rows, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            } else if node.level() > 0 {
                if self::node(live, &node.child(item)?, batches, column, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                item += 1;
            } else {
                // A segment that another stands for.
                item += 1;
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Visits each run of a column as one stretch.
fn stretches(column: &Column, rows: &[u64], visit: &mut Visitor<'_>) -> Flow {
    let mut at = 0;
    for run in column.runs() {
        let range = at..at + run.stretches;
        at = range.end;
        let rows = &rows[range.clone()];
        let together: u64 = rows.iter().sum();
        let (pin, zone) = column.slice(range).whole(rows)?.text(together)?;
        if together > 0 && !visit(pin, zone, together)? {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
