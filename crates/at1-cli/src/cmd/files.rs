//! `at1 files`: the live segments, for engines that read Parquet.
//!
//! * Refuses while a column has different types in different segments: engines would cast between them without a word.

use std::io::Write as _;

use at1_table::{FileEntry, Table};
use serde_json::{Value, json};

use crate::{
    args::{Files, FilesFormat},
    failure::Failure,
    output::{self, Voice},
    watched::Watched,
};

pub(crate) fn run(args: &Files, voice: Voice) -> Result<(), Failure> {
    let table = Table::open_in(Watched::quietly(&args.table, voice, "reading"))?;
    let files = table.files()?;
    files.uniform()?;
    let mut out = output::data();
    let format = if voice == Voice::Json { FilesFormat::Json } else { args.format };
    let written = match format {
        FilesFormat::Paths => files.files.iter().try_for_each(|file| writeln!(out, "{}", file.path)),
        FilesFormat::Json => files.files.iter().try_for_each(|file| writeln!(out, "{}", entry(file))),
        FilesFormat::Duckdb => {
            let paths: Vec<String> =
                files.files.iter().map(|file| format!("'{}'", file.path.replace('\'', "''"))).collect();
            // Older segments lack columns that came later; by position they would be an error, or worse.
            writeln!(out, "read_parquet([{}], union_by_name = true)", paths.join(", "))
        }
    };
    written.and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
}

fn entry(file: &FileEntry) -> Value {
    json!({
        "path": file.path,
        "segment": file.name,
        "bytes": file.bytes,
        "sha256": file.sha256.to_string(),
        "rows": file.rows,
        "first_batch": file.first_batch,
        "batches": file.batches,
        "event": file.event,
    })
}
