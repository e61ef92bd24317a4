//! `at1 extract`: the matching records as a segment of their own.
//!
//! * OUT appears only when it is whole, verified and synced, and never in the place of another file.

use std::{fs::File, sync::Arc};

use at1_table::ScanOptions;

use crate::{
    args::Extract,
    cmd::scan,
    failure::Failure,
    interrupt::Guarded,
    output::{Voice, count, size},
    part::Part,
    progress::Progress,
    state, watched,
};

pub(crate) fn run(args: &Extract, voice: Voice) -> Result<(), Failure> {
    let part = Part::beside(&args.output);
    part.check_free()?;
    let predicate = scan::predicate(args.ranges.iter().map(String::as_str), args.filter.as_deref())?;
    let options = ScanOptions { limit: args.limit, last: args.last, ..ScanOptions::matching(predicate) };
    let snapshot = state::of_table(&args.table, &args.past, voice, "extracting")?;
    let staged = |e: &std::io::Error| Failure::io(&args.output, e);
    let file = File::create(part.path()).map_err(|e| staged(&e))?;
    let reader = watched::file(part.path(), &Progress::new(voice, "verifying")).map_err(|e| staged(&e))?;
    let (Guarded(file), report) =
        snapshot.extract(&options, args.effort.profile.profile(), Guarded(file), Arc::new(reader))?;
    part.create(&file)?;

    let output = args.output.display().to_string();
    let mut json = report.to_json();
    json["segment"] = output.as_str().into();
    voice.tell(&json, |out| {
        let (rows, batches) = (count(report.rows, "record"), count(report.batches, "batch"));
        let (from, to) = (size(report.source_bytes), size(report.segment_bytes));
        writeln!(out, "{output}: {rows} of {batches}, {from} of text in {to}, sha256 {}", report.sha256)
    })
}
