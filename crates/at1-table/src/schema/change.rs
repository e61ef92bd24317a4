//! Changes of a table's schema, as events carry them.
//!
//! * Folding all changes in order gives the schema; nothing else does.
//! * Bytes (delimiter, quote, null words) are written as text whose characters stand for the byte of their number, so that any
//!   byte survives JSON.
//! * A member or a kind that this version does not know makes the table unreadable to it, loudly: a schema read in part is wrong.

use std::collections::HashSet;

use at1_codec::{
    Column, ColumnType,
    column::{NullWords, Pin, Reading, Source},
    text::Pattern,
};
use at1_ledger::Json;
use serde_json::{Map, Value, json};

use super::{TableColumn, TableSchema, TextFormat, TextRules};
use crate::error::{Error, ErrorKind, Result};

/// One change of a table's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first batch says how text is written.
    Text(TextRules),
    /// A column at the end.
    Add {
        /// Its physical name: written down, so that it stays whatever names are made of later.
        name: String,
        /// Its name in the header, if it has one.
        header: Option<String>,
        /// Its type and reading.
        pin: Pin,
    },
    /// A header that the table knows from now on: the column of each of its names.
    Header(Vec<usize>),
    /// A column that holds more from now on.
    Widen {
        /// Which.
        column: usize,
        /// What it held.
        from: ColumnType,
        /// What it holds.
        pin: Pin,
    },
    /// The user gives a column its type; the column may be one that comes later.
    Pin {
        /// The column's name, header, or `c` and position.
        name: String,
        /// The type.
        pin: Pin,
    },
}

impl TableSchema {
    /// Folds one change in. What cannot be (a column that is not there) is ignored here and refused by [`read`].
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Text(rules) => self.rules = Some(rules.clone()),
            Change::Add { name, header, pin } => {
                let column = Column { name: name.clone(), header: header.clone(), ty: pin.ty };
                self.columns.push(TableColumn { column, reading: pin.reading });
            }
            Change::Header(columns) => self.headers.push(columns.clone()),
            Change::Widen { column, pin, .. } => self.retype(*column, *pin),
            Change::Pin { name, pin } => match self.position(name) {
                Some(column) => self.retype(column, *pin),
                None => {
                    self.pins.retain(|(pinned, _)| pinned != name);
                    self.pins.push((name.clone(), *pin));
                }
            },
        }
    }

    fn retype(&mut self, column: usize, pin: Pin) {
        if let Some(TableColumn { column: Column { ty, .. }, reading }) = self.columns.get_mut(column) {
            (*ty, *reading) = (pin.ty, pin.reading);
        }
        // A pin that waited for this column is served.
        if self.pins.is_empty() {
            return;
        }
        let schema = self.schema();
        self.pins.retain(|(name, _)| schema.position(name) != Some(column));
    }
}

/// The changes as the array that an event carries.
pub(crate) fn write(changes: &[Change]) -> Result<Json> {
    let changes: Vec<Value> = changes.iter().map(to_value).collect();
    Ok(Json::new(&changes.into())?)
}

fn to_value(change: &Change) -> Value {
    match change {
        Change::Text(rules) => {
            let nulls: Vec<String> = rules.nulls.iter().map(bytes_to_text).collect();
            match &rules.format {
                TextFormat::Delimited { delimiter, quote } => {
                    let quote = quote.map(|quote| bytes_to_text(&[quote]));
                    json!({"kind": "dialect", "delimiter": bytes_to_text(&[*delimiter]), "quote": quote, "nulls": nulls})
                }
                TextFormat::Json => json!({"kind": "ndjson", "nulls": nulls}),
                TextFormat::Lines(pattern) => {
                    json!({"kind": "lines", "pattern": pattern.ways().collect::<Vec<_>>(), "nulls": nulls})
                }
            }
        }
        Change::Add { name, header, pin } => {
            json!({"kind": "add", "name": name, "header": header, "to": pin.to_string()})
        }
        Change::Header(columns) => json!({"kind": "header", "columns": columns}),
        Change::Widen { column, from, pin } => {
            json!({"kind": "widen", "column": column, "from": from.to_string(), "to": pin.to_string()})
        }
        Change::Pin { name, pin } => json!({"kind": "pin", "column": name, "to": pin.to_string()}),
    }
}

/// Folds the array that an event carries into `schema`.
pub(crate) fn read(changes: &Json, schema: &mut TableSchema) -> Result<()> {
    let Value::Array(items) = changes.value() else {
        return Err(Error::corrupt("", "an array of changes", "something else"));
    };
    let mut names: HashSet<String> =
        schema.columns.iter().map(|column| column.column.name.to_ascii_lowercase()).collect();
    for (i, item) in items.into_iter().enumerate() {
        let change =
            Members::new(item).and_then(|members| from_members(members, schema)).and_then(|change| match &change {
                Change::Add { name, .. } if !names.insert(name.to_ascii_lowercase()) => {
                    Err(Error::corrupt("name", "one unlike all before, also but for case", name))
                }
                _ => Ok(change),
            });
        schema.apply(&change.map_err(|e| e.within(&format!("change {i}")))?);
    }
    Ok(())
}

fn from_members(mut members: Members, schema: &TableSchema) -> Result<Change> {
    let kind = members.text("kind")?;
    let change = match kind.as_str() {
        "dialect" => {
            let quote = members.optional_text("quote")?.map(|quote| one_byte("quote", &quote)).transpose()?;
            let delimiter = one_byte("delimiter", &members.text("delimiter")?)?;
            let format = TextFormat::Delimited { delimiter, quote };
            Change::Text(TextRules { format, nulls: members.null_words()? })
        }
        "ndjson" => Change::Text(TextRules { format: TextFormat::Json, nulls: members.null_words()? }),
        "lines" => {
            let format = TextFormat::Lines(members.pattern()?);
            Change::Text(TextRules { format, nulls: members.null_words()? })
        }
        "add" => {
            let name = members.text("name")?;
            Change::Add { name, header: members.optional_text("header")?, pin: unpinned(members.parsed("to")?) }
        }
        "header" => {
            let columns = members.array("columns")?;
            let columns = columns.iter().map(|column| existing(column, schema)).collect::<Result<_>>()?;
            Change::Header(columns)
        }
        "widen" => {
            let column = existing(&members.value("column")?, schema)?;
            let from = members.text("from")?;
            let from = from.parse().map_err(|e: at1_codec::UnknownType| Error::corrupt("from", "a type", e))?;
            if from != schema.columns[column].column.ty {
                return Err(Error::corrupt("from", schema.columns[column].column.ty.to_string(), from));
            }
            Change::Widen { column, from, pin: unpinned(members.parsed("to")?) }
        }
        "pin" => Change::Pin { name: members.text("column")?, pin: members.parsed("to")? },
        other => return Err(Error::new(ErrorKind::Unsupported, "kind", "a change of this version", other)),
    };
    members.nothing_else()?;
    Ok(change)
}

/// What is inferred is written as the pin of the same type is.
fn unpinned(pin: Pin) -> Pin {
    Pin { reading: Reading { source: Source::Inferred, ..pin.reading }, ..pin }
}

fn existing(column: &Value, schema: &TableSchema) -> Result<usize> {
    let position =
        column.as_u64().and_then(|column| usize::try_from(column).ok()).filter(|&c| c < schema.columns.len());
    position.ok_or_else(|| Error::corrupt("column", format!("less than {}", schema.columns.len()), column))
}

fn one_byte(place: &str, text: &str) -> Result<u8> {
    match text_to_bytes(text).as_deref() {
        Some([byte]) => Ok(*byte),
        _ => Err(Error::corrupt(place, "one byte", text)),
    }
}

fn bytes_to_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

fn text_to_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// The members of one change; every one must be asked for.
struct Members(Map<String, Value>);

impl Members {
    fn new(value: Value) -> Result<Self> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            other => Err(Error::corrupt("", "an object", other)),
        }
    }

    fn value(&mut self, key: &str) -> Result<Value> {
        self.0.remove(key).ok_or_else(|| Error::corrupt(key, "a member", "none"))
    }

    fn text(&mut self, key: &str) -> Result<String> {
        self.optional_text(key)?.ok_or_else(|| Error::corrupt(key, "text", "null"))
    }

    fn optional_text(&mut self, key: &str) -> Result<Option<String>> {
        match self.value(key)? {
            Value::String(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            other => Err(Error::corrupt(key, "text", other)),
        }
    }

    fn array(&mut self, key: &str) -> Result<Vec<Value>> {
        match self.value(key)? {
            Value::Array(items) => Ok(items),
            other => Err(Error::corrupt(key, "an array", other)),
        }
    }

    /// A pattern without ways is one, too: that of lines that look like nothing.
    fn pattern(&mut self) -> Result<Pattern> {
        let ways = self.array("pattern")?;
        let ways: Option<Vec<&str>> = ways.iter().map(Value::as_str).collect();
        let ways = ways.ok_or_else(|| Error::corrupt("pattern", "ways to cut a line", "something else"))?;
        let pattern = Pattern::new(ways);
        pattern.map_err(|e| Error::new(ErrorKind::Unsupported, "pattern", "a pattern of this version", e))
    }

    fn null_words(&mut self) -> Result<NullWords> {
        let nulls = self.array("nulls")?;
        let word = |word: &Value| word.as_str().and_then(text_to_bytes);
        let nulls: Option<Vec<Vec<u8>>> = nulls.iter().map(word).collect();
        Ok(nulls.ok_or_else(|| Error::corrupt("nulls", "words", "something else"))?.into_iter().collect())
    }

    fn parsed(&mut self, key: &str) -> Result<Pin> {
        let text = self.text(key)?;
        text.parse().map_err(|e| Error::new(ErrorKind::Unsupported, key, "a type of this version", e))
    }

    fn nothing_else(self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(key) => {
                Err(Error::new(ErrorKind::Unsupported, key.clone(), "a member of this version", "one of a later"))
            }
        }
    }
}
