//! `at1 files`: the live segments, for engines that read Parquet.
//!
//! * Refuses while a column has different types in different segments: engines would cast between them without a word.
//! * Of a past state the last file may hold later rows, and files may have later columns. The query for DuckDB leaves both out.

use std::io::Write as _;

use at1_table::{FileEntry, Snapshot};
use serde_json::{Value, json};

use crate::{
    args::{Files, FilesFormat},
    failure::{Exit, Failure},
    output::{self, Voice, count},
    state,
};

/// What DuckDB calls the number of a row in its file.
const ROW_NUMBER: &str = "file_row_number";

pub(crate) fn run(args: &Files, voice: Voice) -> Result<(), Failure> {
    let snapshot = state::of_table(&args.table, &args.past, voice, "reading")?;
    let files = snapshot.files()?;
    files.uniform()?;
    for column in &files.mixed {
        for (now, _) in &column.others {
            voice.aside(|| format!("column {} was {} then; these files have it as {now}", column.column, column.ty));
        }
    }
    let files = files.files;
    let mut out = output::data();
    let format = if voice == Voice::Json { FilesFormat::Json } else { args.format };
    let written = match format {
        FilesFormat::Paths => {
            if let Some(last) = partial(&files) {
                voice.aside(|| {
                    let (rows, own) = (count(last.rows_as_of, "row"), output::grouped(last.rows));
                    format!("of the last file only the first {rows} of {own} are of this state")
                });
            }
            files.iter().try_for_each(|file| writeln!(out, "{}", file.path))
        }
        FilesFormat::Json => files.iter().try_for_each(|file| writeln!(out, "{}", entry(file))),
        FilesFormat::Duckdb if args.past.as_of.is_none() => writeln!(out, "{}", read_parquet(&files)),
        FilesFormat::Duckdb => writeln!(out, "{}", query(&snapshot, &files)?),
    };
    written.and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
}

/// The last file, if it also holds rows of later states.
fn partial(files: &[FileEntry]) -> Option<&FileEntry> {
    files.last().filter(|last| last.rows_as_of < last.rows)
}

fn read_parquet(files: &[FileEntry]) -> String {
    let paths: Vec<String> = files.iter().map(|file| path(&file.path)).collect();
    // Older segments lack columns that came later; by position they would be an error, or worse.
    format!("read_parquet([{}], union_by_name = true)", paths.join(", "))
}

/// Exactly the rows and columns of a past state, to stand after FROM.
fn query(snapshot: &Snapshot, files: &[FileEntry]) -> Result<String, Failure> {
    let columns = snapshot.info()?.columns;
    // Files of a table that had no columns yet have one that is none of its.
    if columns.is_empty() {
        return Ok(read_parquet(files));
    }
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name, '"')).collect();
    let names = names.join(", ");
    let Some(last) = partial(files) else { return Ok(format!("(SELECT {names} FROM {})", read_parquet(files))) };
    if let Some(taken) = columns.iter().find(|column| column.name.eq_ignore_ascii_case(ROW_NUMBER)) {
        let expected = format!("no column of the name that DuckDB gives to row numbers, {ROW_NUMBER}");
        let message = format!("expected {expected}, found {}; --format json tells how many rows to read", taken.name);
        return Err(Failure::new(Exit::CouldNot, "unsupported", message).between(expected, taken.name.clone()));
    }
    let first_rows = format!(
        "SELECT * EXCLUDE ({ROW_NUMBER}) FROM read_parquet({}, {ROW_NUMBER} = true) WHERE {ROW_NUMBER} < {}",
        path(&last.path),
        last.rows_as_of
    );
    let rows = match &files[..files.len() - 1] {
        [] => first_rows,
        whole => format!("SELECT * FROM {} UNION ALL BY NAME {first_rows}", read_parquet(whole)),
    };
    Ok(format!("(SELECT {names} FROM ({rows}))"))
}

/// A path as DuckDB takes it for that file alone: what it takes for a pattern stands in brackets, or the folder `a?b` would be `axb` too.
fn path(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '*' | '?' | '[' => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    quoted(&pattern, '\'')
}

fn quoted(text: &str, quote: char) -> String {
    let doubled = text.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

fn entry(file: &FileEntry) -> Value {
    json!({
        "path": file.path,
        "segment": file.name,
        "bytes": file.bytes,
        "sha256": file.sha256.to_string(),
        "rows": file.rows,
        "rows_as_of": file.rows_as_of,
        "first_batch": file.first_batch,
        "batches": file.batches,
        "event": file.event,
    })
}
