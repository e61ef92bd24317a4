//! `at1 restore`: every batch as a file of its own.

use serde_json::json;

use crate::{
    args::Restore,
    failure::Failure,
    output::{Voice, count, size},
    state,
};

pub(crate) fn run(args: &Restore, voice: Voice) -> Result<(), Failure> {
    let snapshot = state::of_table(&args.table, &args.past, voice, "restoring")?;
    let restored = snapshot.restore(&args.dir)?;
    for file in &restored {
        let json = json!({
            "batch": file.batch,
            "name": file.name,
            "file": file.file,
            "bytes": file.bytes,
            "sha256": file.sha256.to_string(),
        });
        voice.tell(&json, |out| match &file.name {
            Some(name) if file.renamed() => {
                writeln!(out, "{} (batch {}, came as {})", file.file, file.batch, name.escape_debug())
            }
            _ => writeln!(out, "{} (batch {})", file.file, file.batch),
        })?;
    }
    let bytes = restored.iter().map(|file| file.bytes).sum();
    voice.aside(|| format!("{}, {}, each with its recorded digest", count(restored.len() as u64, "file"), size(bytes)));
    Ok(())
}
