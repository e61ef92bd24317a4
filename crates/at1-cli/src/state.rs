//! Which state of a table a command reads: the newest, or a past one.

use std::path::Path;

use at1_table::{Snapshot, Table};

use crate::{args::Past, failure::Failure, output::Voice, watched};

/// Opens the table in `folder` in the state that is asked for. Of a past one it is told which event it is.
pub(crate) fn of_table(folder: &Path, past: &Past, voice: Voice, what: &str) -> Result<Snapshot, Failure> {
    let table = Table::open_in(watched::quietly(folder, voice, what))?;
    let Some(point) = past.as_of else { return Ok(table.snapshot()?) };
    let snapshot = table.as_of(point)?;
    voice.aside(|| match (snapshot.event(), snapshot.ts()) {
        (Some(event), Some(ts)) => format!("as of event {event}, {ts}"),
        _ => "as of no event".to_owned(),
    });
    Ok(snapshot)
}

/// Segment files have one state only.
pub(crate) fn only_the_newest(past: &Past) -> Result<(), Failure> {
    match past.as_of {
        None => Ok(()),
        Some(point) => Err(Failure::usage("a TABLE with --as-of", format!("a segment, as of {point}"))),
    }
}
