//! `at1 ledger checkpoint`: the ledger as it stands, signed.

use std::path::Path;

use super::open;
use crate::{
    args::Checkpoint,
    failure::Failure,
    keys,
    output::{Voice, count},
    outside::{self, Readable},
};

pub(crate) fn run(args: &Checkpoint, voice: Voice) -> Result<(), Failure> {
    let table = open(&args.table, voice, "signing")?;
    let mut signing = keys::signing(&args.signer, &table.origin()?)?;
    let report = table.checkpoint(&*signing.signer, &mut signing.memory)?;
    let note = report.checkpoint.to_string();
    write(args.output.as_deref(), &note)?;
    voice.tell(&report.to_json(), |out| {
        let size = report.checkpoint.checkpoint().size;
        let new = size.saturating_sub(report.events_before);
        writeln!(out, "{}: signed {}, {new} of them new", args.table.display(), count(size, "event"))?;
        if let Some(event) = report.key_event {
            writeln!(out, "event {event} names the key {}", signing.signer.key())?;
        }
        write!(out, "\n{note}")
    })
}

/// Writes a note where it was asked for.
pub(super) fn write(path: Option<&Path>, note: &str) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    outside::replace(path, note.as_bytes(), Readable::Commonly).map_err(|e| Failure::io(path, &e))
}
