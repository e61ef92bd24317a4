//! `at1 append`: every file becomes one batch and one event, in the order given.
//!
//! * Each report is told as soon as its batch is durable, so whoever reads stdout knows what is in.
//! * The first failure ends the run; what was appended before it stays.

use std::{
    io::{self, Write},
    path::Path,
};

use at1_table::{
    AppendOptions, AppendReport, ColumnMisfits, ColumnWidened, CreateOptions, DryRun, ErrorKind, Idempotency, Opened,
    Source, Strictness, Table, schema::TextFormat,
};

use crate::{
    args::Append,
    cmd::export,
    failure::Failure,
    interrupt::{self, Guarded},
    output::{Voice, count, grouped, size},
    print::{Align, Grid},
    progress::Progress,
    watched,
};

pub(crate) fn run(args: &Append, voice: Voice) -> Result<(), Failure> {
    if args.files.len() > 1
        && (args.idempotency_key.is_some() || args.sha256.is_some() || args.expected_version.is_some())
    {
        return Err(Failure::usage(
            "one FILE with --idempotency-key, --sha256 or --expected-version",
            args.files.len().to_string(),
        ));
    }
    let options = options(args)?;
    let progress = Progress::new(voice, "reading");
    let store = watched::folder(&args.table, &progress);
    if args.dry_run {
        let table = match Table::open_in(store) {
            Err(e) if e.kind() == ErrorKind::NoTable && !args.no_create => None,
            other => Some(other?),
        };
        return each(args, &progress, |file, source| {
            let plan = match &table {
                Some(table) => table.dry_run(source, &options)?,
                None => at1_table::preview(source, &options)?,
            };
            progress.clear();
            voice.tell(&plan.to_json(), |out| foretell(file, &plan, out))
        });
    }
    let table = if args.no_create {
        Table::open_in(store)?
    } else {
        let (table, opened) = Table::open_or_create_in(store, &CreateOptions::default())?;
        if opened == Opened::Created {
            voice.aside(|| format!("created a table in {}", args.table.display()));
        }
        table
    };
    let table = table.with_clock(args.clock.rule());
    each(args, &progress, |file, source| {
        let report = table.append_csv(source, &options)?;
        let mut told = report.to_json();
        if let Some(mirror) = export::delta::follow(&table, voice) {
            told["mirror"] = mirror;
        }
        progress.clear();
        voice.tell(&told, |out| describe(file, &report, out))
    })
}

/// Does `work` on every file, until one fails.
fn each(
    args: &Append,
    progress: &Progress,
    mut work: impl FnMut(&Path, Source<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for file in &args.files {
        interrupt::check().map_err(|e| Failure::io(file, &e))?;
        progress.turn_to(&format!("appending {}", file.display()));
        let mut stdin = Guarded(io::stdin());
        work(file, if file == Path::new("-") { Source::reader(&mut stdin) } else { Source::path(file) })?;
    }
    Ok(())
}

fn options(args: &Append) -> Result<AppendOptions, Failure> {
    Ok(AppendOptions {
        note: args.note.clone(),
        sha256: args.sha256,
        max_rejects: args.max_rejects,
        strictness: if args.strict { Strictness::Strict } else { Strictness::Lenient },
        idempotency: args.idempotency_key.clone().map(|(producer, sequence)| Idempotency { producer, sequence }),
        expected_version: args.expected_version,
        ..args.reading.append(&args.effort)?
    })
}

fn describe(file: &Path, report: &AppendReport, out: &mut dyn Write) -> io::Result<()> {
    let (rows, from, to) = (count(report.rows, "record"), size(report.source_bytes), size(report.segment_bytes));
    if report.repeated {
        writeln!(out, "{}: appended before, as event {}; nothing done", file.display(), report.event)?;
    } else {
        writeln!(
            out,
            "{}: event {}, batch {}: {rows}, {from} of text in {to}",
            file.display(),
            report.event,
            report.batch
        )?;
    }
    schema_remarks(&report.columns_added, &report.columns_missing, &report.columns_widened, out)?;
    field_remarks(&report.misfits, report.ragged, &report.notes, out)?;
    writeln!(out, "  chain head {}", report.chain_head)
}

/// What a dry run found, column by column.
fn foretell(file: &Path, plan: &DryRun, out: &mut dyn Write) -> io::Result<()> {
    let (rows, bytes) = (count(plan.rows, "record"), size(plan.source_bytes));
    let format = match &plan.format {
        TextFormat::Delimited { delimiter, quote } => {
            let quote = quote.map_or_else(|| "none".to_owned(), shown);
            let header = if plan.header.is_some() { "a header" } else { "no header" };
            format!("delimiter {}, quote {quote}, {header}", shown(*delimiter))
        }
        TextFormat::Json => "lines of JSON".to_owned(),
        TextFormat::Lines(pattern) => match pattern.ways().next() {
            Some(way) => format!("lines such as {way}"),
            None => "lines".to_owned(),
        },
    };
    writeln!(out, "{}: {rows}, {bytes}; {format}; nothing written", file.display())?;
    let heads = ["", "column", "type", "header"].map(|head| (head.to_owned(), Align::Left));
    let mut grid = Grid::new(heads.into_iter().chain([("nulls".to_owned(), Align::Right)]));
    for (i, column) in plan.columns.iter().enumerate() {
        let header = column.header.clone().unwrap_or_default();
        grid.push([format!("c{i}"), column.name.clone(), column.reading.clone(), header, grouped(column.nulls)]);
    }
    grid.print(out)?;
    schema_remarks(&plan.columns_added, &plan.columns_missing, &plan.columns_widened, out)?;
    field_remarks(&plan.misfits, plan.ragged, &plan.notes, out)
}

/// What changed in the table's columns.
fn schema_remarks(
    added: &[String],
    missing: &[String],
    widened: &[ColumnWidened],
    out: &mut dyn Write,
) -> io::Result<()> {
    if !added.is_empty() {
        writeln!(out, "  new columns: {}", added.join(", ").escape_debug())?;
    }
    if !missing.is_empty() {
        writeln!(out, "  missing columns, read as null: {}", missing.join(", ").escape_debug())?;
    }
    for column in widened {
        writeln!(
            out,
            "  column {} goes from {} to {}: {} of {} fields do not fit{}",
            column.column.escape_debug(),
            column.from,
            column.to,
            column.misfits,
            column.fields,
            example(column.example.as_deref())
        )?;
    }
    Ok(())
}

/// What is odd about single fields and records.
fn field_remarks(misfits: &[ColumnMisfits], ragged: u64, notes: &[String], out: &mut dyn Write) -> io::Result<()> {
    for column in misfits {
        writeln!(
            out,
            "  {} of {} fields of column {} do not fit {} and read as null{}",
            column.rejects,
            column.fields,
            column.column.escape_debug(),
            column.ty,
            example(column.example.as_deref())
        )?;
    }
    if ragged > 0 {
        writeln!(out, "  {} with another number of fields than columns", count(ragged, "record"))?;
    }
    notes.iter().try_for_each(|note| writeln!(out, "  note: {}", note.escape_debug()))
}

/// A byte of the dialect, as one would type it.
fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("`{}`", char::from(byte)) } else { byte.escape_ascii().to_string() }
}

fn example(text: Option<&str>) -> String {
    text.map(|text| format!(", such as {}", text.escape_debug())).unwrap_or_default()
}
