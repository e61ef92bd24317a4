//! What an append would do, without doing it.
//!
//! * Reads the whole batch, so types and rejects are those that an append of the same bytes would report.
//! * Writes nothing: not into the table, and no table is made.

use std::sync::Arc;

use at1_codec::{ColumnType, text::Terminator};
use at1_ledger::Digest;
use serde_json::{Value, json};

use crate::{
    batch::{AppendOptions, Batch},
    error::Result,
    input::{self, Source},
    report::{ColumnMisfits, ColumnWidened, differences},
    schema::{Held, TableSchema, TextFormat},
    store::{self, Store},
    table::Table,
    zones,
};

/// What an append would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// How records are cut into fields.
    pub format: TextFormat,
    /// At the end of records.
    pub terminator: Terminator,
    /// The names in line 1, if it is a header, or the keys of lines of JSON.
    pub header: Option<Vec<String>>,
    /// Records.
    pub rows: u64,
    /// Records with another number of fields than columns.
    pub ragged: u64,
    /// Bytes.
    pub source_bytes: u64,
    /// Their digest.
    pub source_sha256: Digest,
    /// The table's columns, after the append.
    pub columns: Vec<ColumnPlan>,
    /// Columns that would be new to the table.
    pub columns_added: Vec<String>,
    /// Columns of the table that the batch lacks.
    pub columns_missing: Vec<String>,
    /// Columns whose type would change.
    pub columns_widened: Vec<ColumnWidened>,
    /// Columns with rejects.
    pub misfits: Vec<ColumnMisfits>,
    /// Fields that would read as null because their column cannot hold them.
    pub rejects: u64,
    /// Remarks for a person.
    pub notes: Vec<String>,
}

/// A column as it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPlan {
    /// Its physical name.
    pub name: String,
    /// Its name in the header.
    pub header: Option<String>,
    /// What it would hold.
    pub ty: ColumnType,
    /// How it would be read, as `--type` takes it.
    pub reading: String,
    /// The batch's field for it, if it has one.
    pub field: Option<usize>,
    /// Fields that are empty or null words.
    pub nulls: u64,
}

impl DryRun {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let byte = |byte: u8| char::from(byte).to_string();
        let columns = self.columns.iter().map(|column| {
            json!({
                "name": column.name, "header": column.header, "type": column.ty.to_string(), "reading": column.reading,
                "field": column.field, "nulls": column.nulls,
            })
        });
        json!({
            "text": self.format.word(),
            "delimiter": self.format.delimited().map(|(delimiter, _)| byte(delimiter)),
            "quote": self.format.delimited().and_then(|(_, quote)| quote).map(byte),
            "terminator": match self.terminator {
                Terminator::Lf => "lf",
                Terminator::CrLf => "crlf",
                Terminator::Cr => "cr",
            },
            "header": self.header,
            "rows": self.rows,
            "ragged": self.ragged,
            "source_bytes": self.source_bytes,
            "source_sha256": self.source_sha256.to_string(),
            "columns": columns.collect::<Vec<_>>(),
            "columns_added": self.columns_added,
            "columns_missing": self.columns_missing,
            "columns_widened": self.columns_widened.iter().map(ColumnWidened::to_json).collect::<Vec<_>>(),
            "misfits": self.misfits.iter().map(ColumnMisfits::to_json).collect::<Vec<_>>(),
            "rejects": self.rejects,
            "notes": self.notes,
        })
    }
}

impl Table {
    /// Says what [`append_csv`](Table::append_csv) would do with the same source and options.
    ///
    /// # Errors
    /// As the append, as far as the batch is to blame.
    pub fn dry_run<'s>(&self, source: impl Into<Source<'s>>, options: &AppendOptions) -> Result<DryRun> {
        let version = self.version()?;
        let mut held = |column| self.ask(|version| zones::held(self.store(), version, column));
        dry_run(source.into(), version.schema(), options, &mut held)
    }
}

/// Says what the first append to a table that does not exist yet would do.
///
/// # Errors
/// As [`Table::dry_run`].
///
/// ```
/// use at1_table::{AppendOptions, Source, preview};
/// let plan = preview(Source::bytes("day;price\n2024-01-02;1,5\n"), &AppendOptions::default())?;
/// assert_eq!((plan.format.delimited(), plan.rows), (Some((b';', Some(b'"'))), 1));
/// assert_eq!(plan.columns[0].reading, "date");
/// # Ok::<(), at1_table::Error>(())
/// ```
pub fn preview<'s>(source: impl Into<Source<'s>>, options: &AppendOptions) -> Result<DryRun> {
    dry_run(source.into(), &TableSchema::default(), options, &mut |_| Ok(Held::Nothing))
}

fn dry_run(
    source: Source<'_>,
    before: &TableSchema,
    options: &AppendOptions,
    held: &mut dyn FnMut(usize) -> Result<Held>,
) -> Result<DryRun> {
    let scratch: Arc<dyn Store> = Arc::new(store::scratch());
    let mut input = input::open(source, &*scratch, &scratch)?;
    let batch = Batch::plan(&mut *input.stream, input.written.as_ref(), before, options, held)
        .map_err(|e| e.within(&input.place))?;
    batch.check(&input.place, input.packed.map(|(_, sha256)| sha256), options)?;
    let (widened, misfits) = differences(&batch.plan);
    let rejects = batch.rejects();
    let Batch { analysis, plan, notes, .. } = batch;
    let titles = |columns: &[usize]| columns.iter().map(|&c| plan.schema.columns[c].title().to_owned()).collect();
    let mut fields = vec![None; plan.schema.columns.len()];
    for (field, &column) in plan.map.iter().enumerate() {
        fields[column] = Some(field);
    }
    let columns = plan.schema.columns.iter().zip(fields).map(|(column, field)| ColumnPlan {
        name: column.column.name.clone(),
        header: column.column.header.clone(),
        ty: column.column.ty,
        reading: column.pin().to_string(),
        field,
        nulls: field.and_then(|field| analysis.columns.get(field)).map_or(0, at1_codec::column::Inference::nulls),
    });
    Ok(DryRun {
        format: TextFormat::of(&analysis.format),
        terminator: analysis.format.terminator(),
        header: analysis.header.clone(),
        rows: analysis.records,
        ragged: analysis.ragged,
        source_bytes: analysis.bytes,
        source_sha256: Digest(analysis.sha256),
        columns: columns.collect(),
        columns_added: titles(&plan.added),
        columns_missing: titles(&plan.missing),
        columns_widened: widened,
        misfits,
        rejects,
        notes,
    })
}
