//! `at1 has`: is this exact file in the table?
//!
//! * A yes means that the stored copy was decoded and has the file's digest, so the file may be thrown away.

use std::{io, path::Path};

use at1_table::Source;
use serde_json::json;

use crate::{
    args::Has,
    failure::{Exit, Failure},
    interrupt::Guarded,
    output::Voice,
    state,
};

pub(crate) fn run(args: &Has, voice: Voice) -> Result<(), Failure> {
    let snapshot = state::of_table(&args.table, &args.past, voice, "comparing")?;
    let mut missing = Vec::new();
    for file in &args.files {
        let mut stdin = Guarded(io::stdin());
        let source = if file == Path::new("-") { Source::reader(&mut stdin) } else { Source::path(file) };
        let found = snapshot.has(source)?;
        let shown = file.display().to_string();
        let json = json!({
            "file": shown,
            "found": !found.is_empty(),
            "batches": found.iter().map(|found| json!({
                "batch": found.batch,
                "event": found.event,
                "segment": found.segment,
                "name": found.name,
                "rows": found.rows,
                "bytes": found.bytes,
                "sha256": found.sha256.to_string(),
            })).collect::<Vec<_>>(),
        });
        voice.tell(&json, |out| match found.first() {
            None => writeln!(out, "{shown}: not in the table"),
            Some(first) => {
                let batches: Vec<String> = found.iter().map(|found| found.batch.to_string()).collect();
                let noun = if found.len() == 1 { "batch" } else { "batches" };
                writeln!(
                    out,
                    "{shown}: {noun} {}, sha256 {} (stored copy decoded and compared)",
                    batches.join(", "),
                    first.sha256
                )
            }
        })?;
        if found.is_empty() {
            missing.push(shown);
        }
    }
    match missing.first() {
        None => Ok(()),
        Some(first) => {
            let found = format!("{} of {} missing", missing.len(), args.files.len());
            let message = format!("{found}: {first}{}", if missing.len() > 1 { " and others" } else { "" });
            Err(Failure::new(Exit::CouldNot, "not_found", message).between("every file in the table", found).at(first))
        }
    }
}
