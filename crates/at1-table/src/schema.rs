//! What a table knows about its text, and how a batch that differs is fitted into it.
//!
//! * The first batch that has a record or a header fixes delimiter, quote, header, null words and types.
//! * Later, the first line is a header iff its names are those of a header the table knows, in any order, or the caller says so.
//! * Headed batches, lines of JSON and of logs map by name, others by position. New columns are added at the end, missing ones read as null.
//! * A column's type changes only to one that holds every old value: int → decimal → double, anything → text, text → binary.
//! * Everything here is pure: facts about a batch in, a [`Plan`] out; a schema is the fold of the [`Change`]s in the ledger.

mod change;
mod fit;
mod map;
#[cfg(test)]
mod tests;

use at1_codec::{
    Column, ColumnType, Schema,
    column::{Agreement, Inference, Meaning, NullWords, Pin, Reading, Source},
    text::{Dialect, Format, Pattern},
};

pub use change::Change;
pub(crate) use change::{read as read_changes, write as write_changes};
pub use fit::{Held, decimal_digits};
pub use map::is_known_header;

use crate::error::{Error, ErrorKind, Result};

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name, header and type.
    pub column: Column,
    /// How its fields are read, and whether the user said so.
    pub reading: Reading,
}

impl TableColumn {
    /// Whether the user gave the type.
    pub fn pinned(&self) -> bool {
        self.reading.source == Source::Pinned
    }

    /// Whether values that were written as `stored` are the column's values.
    pub(crate) fn is_stored_as(&self, stored: Pin) -> bool {
        stored.ty == self.column.ty && stored.reading.agreement(self.reading, self.column.ty) == Agreement::Full
    }

    /// The header, or the name where there is none: what reports call the column.
    pub fn title(&self) -> &str {
        self.column.header.as_deref().unwrap_or(&self.column.name)
    }

    pub(crate) fn pin(&self) -> Pin {
        Pin { ty: self.column.ty, reading: self.reading }
    }
}

/// How the first batch is written, and later ones unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRules {
    /// How records are cut into fields.
    pub format: TextFormat,
    /// Words that mean null in columns that are not text.
    pub nulls: NullWords,
}

/// How the records of a table are cut into fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// Fields stand between delimiters.
    Delimited {
        /// Between fields.
        delimiter: u8,
        /// Around fields.
        quote: Option<u8>,
    },
    /// Each line is an object of JSON.
    Json,
    /// Each line is cut by a pattern.
    Lines(Pattern),
}

impl TextFormat {
    /// The format, line ends left aside.
    pub fn of(format: &Format) -> Self {
        match format {
            Format::Delimited(Dialect { delimiter, quote, .. }) => {
                Self::Delimited { delimiter: *delimiter, quote: *quote }
            }
            Format::Json(_) => Self::Json,
            Format::Lines(pattern, _) => Self::Lines(pattern.clone()),
        }
    }

    /// The word for it in reports and at `--text`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Delimited { .. } => "csv",
            Self::Json => "ndjson",
            Self::Lines(_) => "lines",
        }
    }

    /// Delimiter and quote, where fields stand between delimiters.
    pub fn delimited(&self) -> Option<(u8, Option<u8>)> {
        match self {
            Self::Delimited { delimiter, quote } => Some((*delimiter, *quote)),
            Self::Json | Self::Lines(_) => None,
        }
    }
}

/// What a table knows about its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSchema {
    /// In table order; `c0`, `c1` … are these positions.
    pub columns: Vec<TableColumn>,
    /// Fixed by the first batch.
    pub rules: Option<TextRules>,
    /// The headers that batches had, as columns.
    pub headers: Vec<Vec<usize>>,
    /// Types for columns that are not there yet.
    pub pins: Vec<(String, Pin)>,
}

impl TableSchema {
    /// The columns as the codec takes them.
    pub fn schema(&self) -> Schema {
        Schema { columns: self.columns.iter().map(|column| column.column.clone()).collect() }
    }

    /// The words that mean null in columns that are not text.
    pub fn nulls(&self) -> NullWords {
        self.rules.as_ref().map(|rules| rules.nulls.clone()).unwrap_or_default()
    }

    /// How the fields of a column are understood.
    pub fn meaning(&self, column: usize) -> Option<Meaning> {
        let TableColumn { column, reading } = self.columns.get(column)?;
        Some(Meaning { ty: column.ty, reading: *reading, nulls: self.nulls() })
    }

    /// The column that `word` names: by header, by name, or by position as `c0`, `c1` …
    pub fn position(&self, word: &str) -> Option<usize> {
        self.schema().position(word)
    }

    /// The names of the columns in a header that the table knows.
    pub fn header_names(&self, header: usize) -> Vec<&str> {
        self.headers[header].iter().map(|&column| self.columns[column].title()).collect()
    }
}

/// What is known about a batch before it is written.
pub struct Facts<'a> {
    /// The names in its header, if it has one, or those the caller gives its columns.
    pub names: Option<&'a [String]>,
    /// Types that are known of its fields, by position, since they were never text.
    pub types: &'a [Option<ColumnType>],
    /// What its fields could be, by position.
    pub fields: &'a [Inference],
    /// Its records.
    pub records: u64,
    /// How they are cut out of it.
    pub format: TextFormat,
    /// Words that meant null when its fields were looked at.
    pub nulls: &'a NullWords,
}

/// What is to happen to the table's schema, and to the batch's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The changes, in order; folding them gives [`Plan::schema`].
    pub changes: Vec<Change>,
    /// The schema with which the batch is written.
    pub schema: TableSchema,
    /// The column of each field.
    pub map: Vec<usize>,
    /// Columns that this batch adds to a table that has some.
    pub added: Vec<usize>,
    /// Columns that the batch lacks.
    pub missing: Vec<usize>,
    /// Columns whose type this batch changes.
    pub widened: Vec<Widened>,
    /// Fields that will read as null, by column.
    pub misfits: Vec<Misfit>,
}

/// A column whose type changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widened {
    /// Which.
    pub column: usize,
    /// What it held.
    pub from: ColumnType,
    /// What it holds from this batch on.
    pub to: ColumnType,
    /// How many of the batch's fields the old type could not hold.
    pub misfits: u64,
    /// Of so many.
    pub fields: u64,
    /// One of them.
    pub example: Option<String>,
}

/// A column that cannot hold some of the batch's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Which.
    pub column: usize,
    /// How many of the batch's fields are rejects.
    pub misfits: u64,
    /// Of so many.
    pub fields: u64,
    /// One of them.
    pub example: Option<String>,
}

/// Fits a batch into a table's schema. `held` tells what a column holds so far, and is asked only about columns that do not fit;
/// `pins` are the types that the caller gives columns with this batch.
///
/// # Errors
/// `Invalid` if a pin names no column, or is a type that cannot hold the old values; `Invalid` if names and fields differ in number.
pub fn plan(
    before: &TableSchema,
    facts: &Facts<'_>,
    pins: &[(String, Pin)],
    held: &mut dyn FnMut(usize) -> Result<Held>,
) -> Result<Plan> {
    let mut schema = before.clone();
    let mut changes = vec![];
    let blank = facts.records == 0 && facts.names.is_none();
    if blank && before.rules.is_none() {
        // Nothing was said about anything, so nothing is fixed; pins wait for their columns.
        pin_later(&mut schema, &mut changes, pins);
        return Ok(Plan {
            changes,
            schema,
            map: vec![],
            added: vec![],
            missing: vec![],
            widened: vec![],
            misfits: vec![],
        });
    }
    if before.rules.is_none() {
        let rules = TextRules { format: facts.format.clone(), nulls: facts.nulls.clone() };
        push(&mut schema, &mut changes, Change::Text(rules));
    }

    let (map, added) = map::map(before, facts)?;
    let mut named = before.schema();
    let mut fields_of_added = vec![0; added.len()];
    for (field, &column) in map.iter().enumerate() {
        if let Some(i) = column.checked_sub(before.columns.len()) {
            fields_of_added[i] = field;
        }
    }
    for (i, header) in added.iter().enumerate() {
        let (column, field) = (before.columns.len() + i, fields_of_added[i]);
        let pin = facts.fields.get(field).map_or(ColumnType::Text.into_unpinned(), |field| field.guess());
        named.push(header.as_deref(), pin.ty);
        let name = named.columns[column].name.clone();
        push(&mut schema, &mut changes, Change::Add { name, header: header.clone(), pin });
    }
    // Keys come and go, and always say which column is theirs: there is no header to know them by.
    let has_header = facts.format.delimited().is_some();
    if let Some(names) = facts.names.filter(|_| has_header) {
        let header = map[..names.len()].to_vec();
        if !schema.headers.contains(&header) {
            push(&mut schema, &mut changes, Change::Header(header));
        }
    }

    // Types that come with the data, for columns that are new or hold nothing; types that wait for their column; the caller's.
    for (&column, ty) in map.iter().zip(facts.types) {
        let Some(ty) = *ty else { continue };
        let is_free = match before.columns.get(column) {
            None => true,
            Some(now) => !now.pinned() && now.column.ty != ty && held(column)? == Held::Nothing,
        };
        if is_free {
            pin_column(&mut schema, &mut changes, column, Pin::from(ty), before.columns.len(), held)?;
        }
    }

    let waiting = std::mem::take(&mut schema.pins);
    for (fresh, (name, pin)) in waiting.iter().map(|p| (false, p)).chain(pins.iter().map(|p| (true, p))) {
        match schema.position(name) {
            Some(column) => pin_column(&mut schema, &mut changes, column, *pin, before.columns.len(), held)?,
            None if fresh => {
                return Err(Error::invalid(
                    name.clone(),
                    "a column of the table or of this batch",
                    "none of this name",
                ));
            }
            None => schema.pins.push((name.clone(), *pin)),
        }
    }

    let (mut widened, mut misfits) = (vec![], vec![]);
    for (field, &column) in facts.fields.iter().zip(&map) {
        let now = &schema.columns[column];
        let old = (column < before.columns.len()).then_some(&mut *held);
        let settled = fit::settle(now.pin(), field, old.map(|held| move || held(column)))?;
        if settled.pin != now.pin() {
            let from = now.column.ty;
            let (misfits, fields, example) = (settled.misfits_before, field.fields(), example(field, from));
            widened.push(Widened { column, from, to: settled.pin.ty, misfits, fields, example });
            push(&mut schema, &mut changes, Change::Widen { column, pin: settled.pin, from });
        }
        if settled.misfits > 0 {
            let example = example(field, settled.pin.ty);
            misfits.push(Misfit { column, misfits: settled.misfits, fields: field.fields(), example });
        }
    }

    let mut present = vec![false; schema.columns.len()];
    map.iter().for_each(|&column| present[column] = true);
    // A batch without records lacks nothing, nor does one whose keys come and go.
    let lacks = has_header && facts.records > 0;
    let missing = (0..before.columns.len()).filter(|&column| !present[column] && lacks).collect();
    let added = if before.columns.is_empty() { vec![] } else { (before.columns.len()..schema.columns.len()).collect() };
    Ok(Plan { changes, schema, map, added, missing, widened, misfits })
}

fn example(field: &Inference, ty: ColumnType) -> Option<String> {
    field.misfit_example(ty).map(|bytes| String::from_utf8_lossy(bytes).chars().take(80).collect())
}

/// The changes that give types to columns that are not there yet: what a table is made with.
pub fn pins_only(pins: &[(String, Pin)]) -> Vec<Change> {
    let mut changes = vec![];
    pin_later(&mut TableSchema::default(), &mut changes, pins);
    changes
}

fn pin_later(schema: &mut TableSchema, changes: &mut Vec<Change>, pins: &[(String, Pin)]) {
    for (name, pin) in pins {
        push(schema, changes, Change::Pin { name: name.clone(), pin: *pin });
    }
}

fn pin_column(
    schema: &mut TableSchema,
    changes: &mut Vec<Change>,
    column: usize,
    pin: Pin,
    columns_before: usize,
    held: &mut dyn FnMut(usize) -> Result<Held>,
) -> Result<()> {
    let now = &schema.columns[column];
    if now.pin() == pin {
        return Ok(());
    }
    if column < columns_before && !fit::holds(pin, now.pin(), || held(column))? {
        return Err(Error::new(
            ErrorKind::Invalid,
            now.title(),
            format!("a type that holds every value of a column of {}", now.pin()),
            pin,
        ));
    }
    let name = now.column.name.clone();
    push(schema, changes, Change::Pin { name, pin });
    Ok(())
}

fn push(schema: &mut TableSchema, changes: &mut Vec<Change>, change: Change) {
    schema.apply(&change);
    changes.push(change);
}

/// What a field's inference amounts to as a column.
trait Guess {
    fn guess(&self) -> Pin;
}

impl Guess for Inference {
    fn guess(&self) -> Pin {
        let ty = self.best();
        Pin { ty, reading: self.reading(ty) }
    }
}

trait Unpinned {
    fn into_unpinned(self) -> Pin;
}

impl Unpinned for ColumnType {
    fn into_unpinned(self) -> Pin {
        Pin { ty: self, reading: Reading::default() }
    }
}
