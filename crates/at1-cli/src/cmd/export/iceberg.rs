//! `at1 export iceberg`: metadata through which Iceberg readers read the segments.

use std::path::Path;

use at1_export::iceberg::{self, IcebergOptions, Outcome, Restart};
use at1_table::Table;

use crate::{
    args::ExportIceberg,
    failure::{Exit, Failure},
    output::{Voice, count, size},
    progress::Progress,
    watched,
};

pub(super) fn run(args: &ExportIceberg, voice: Voice) -> Result<(), Failure> {
    let progress = Progress::new(voice, "exporting");
    let table = Table::open_in(watched::folder(&args.table, &progress))?;
    let report = iceberg::export(&table, &IcebergOptions { location: location(&args.table)? })?;
    progress.clear();
    match &report.restart {
        Some(Restart::Moved(from)) => {
            voice.aside(|| format!("the folder was exported as {from}; what stands there is not touched"));
        }
        Some(Restart::History(event)) => {
            voice.aside(|| format!("event {event} was exported, but is no event of this ledger: exported anew"));
        }
        Some(Restart::Damaged) => voice.aside(|| "the metadata was damaged: exported anew".to_owned()),
        None => {}
    }
    voice.tell(&report.to_json(), |out| {
        let state =
            format!("event {}, {} in {}", report.event, count(report.rows, "row"), count(report.segments, "segment"));
        match report.outcome {
            Outcome::Unchanged => return writeln!(out, "{}: up to date, {state}", report.metadata),
            Outcome::Completed => return writeln!(out, "{}: hint put right, {state}", report.metadata),
            Outcome::Dropped => {
                return writeln!(out, "{}: snapshots dropped whose files are gone, {state}", report.metadata);
            }
            Outcome::Written => writeln!(out, "{}: {state}", report.metadata)?,
        }
        let (new, old) = (count(report.manifests_written, "manifest"), report.manifests_reused);
        let operation = report.operation.as_str();
        writeln!(
            out,
            "  snapshot {}, {operation}; {new} written, {old} kept; {}",
            report.snapshot_id,
            size(report.bytes_written)
        )?;
        writeln!(out, "  {}", report.uri)
    })
}

/// The folder as readers are to find it.
fn location(folder: &Path) -> Result<String, Failure> {
    let full = folder.canonicalize().map_err(|e| Failure::io(folder, &e))?;
    match full.to_str() {
        Some(path) => Ok(format!("file://{path}")),
        None => {
            let message =
                format!("{}: expected a path in UTF-8, which Iceberg's names are, found another", full.display());
            Err(Failure::new(Exit::CouldNot, "unsupported", message).at(folder))
        }
    }
}
