//! A column of text or binary as it grows.
//!
//! * A field of text is its value, or its value between quotes: so whether the form prints it right is whether the form
//!   quotes it, and nothing has to be printed to know that. Only strings with escapes are, which have several spellings.

use arrow::array::{ArrayRef, NullBufferBuilder};

use super::{
    array::{offset, texts},
    encode::Frame,
    escapes::{Escapes, StringPrinter},
    form::{Form, Per, Quoting, Style},
    kind::is_utf8,
    patch::Holds,
    rows::{Entries, Rows, spelling},
};
use crate::{
    ColumnType,
    text::{Quoted, Syntax},
};

/// The values of a column of text or binary.
pub(crate) struct Textual {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
    rows: Rows,
    strings: StringPrinter,
    scratch: Vec<u8>,
    printed: Vec<u8>,
}

impl Textual {
    pub(crate) fn new(form: &Form, rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        let valid = NullBufferBuilder::new(rows);
        let escapes = if let Style::Text(escapes) = form.style { escapes } else { Escapes::default() };
        Self {
            bytes: Vec::new(),
            offsets,
            valid,
            rows: Rows::new(form),
            strings: StringPrinter::new(escapes),
            scratch: Vec::new(),
            printed: Vec::new(),
        }
    }

    /// Takes the fields of the next rows.
    pub(crate) fn push(&mut self, frame: &mut Frame, syntax: Syntax, block: &[Option<&[u8]>]) {
        let is_text = frame.meaning.ty == ColumnType::Text;
        let quoting = if syntax.quote().is_some() { frame.form.quoting } else { Quoting::Never };
        for (row, raw) in (frame.row..).zip(block) {
            let mut entries = Entries::default();
            let Some(raw) = raw else {
                self.push_null(entries);
                continue;
            };
            let (value, quoted) = syntax.value(raw, &mut self.scratch);
            if value.is_empty() && quoted == Quoted::No {
                entries.null = Some(spelling(&frame.form.nulls, raw));
                self.push_null(entries);
                let mut nulls = frame.form.nulls.iter();
                let is_right = match frame.form.nulls_per {
                    Per::Column => nulls.next().is_some_and(|null| null == raw),
                    Per::Row => nulls.any(|null| null == raw),
                };
                if !is_right {
                    frame.patches.push(row as u64, Holds::Yes, raw);
                }
                continue;
            }
            entries.is_quoted = quoted == Quoted::Yes;
            if is_text && !is_utf8(value) {
                self.push_null(entries);
                frame.patches.push(row as u64, Holds::Reject, raw);
                continue;
            }
            let is_printed_quoted = match quoting {
                Quoting::PerRow => entries.is_quoted,
                Quoting::Always => true,
                // The empty text is quoted in any case.
                Quoting::Never => value.is_empty(),
                Quoting::Needed => value.is_empty() || syntax.needs_quotes(value),
            };
            let is_right = is_printed_quoted == entries.is_quoted
                && (syntax != Syntax::Json
                    || !entries.is_quoted
                    || is_spelled_so(&self.strings, value, raw, &mut self.printed));
            if !is_right {
                frame.patches.push(row as u64, Holds::Yes, raw);
            }
            self.bytes.extend_from_slice(value);
            self.offsets.push(offset(&self.bytes));
            self.valid.append_non_null();
            self.rows.push(entries);
        }
    }

    fn push_null(&mut self, entries: Entries) {
        self.offsets.push(offset(&self.bytes));
        self.valid.append_null();
        self.rows.push(entries);
    }

    /// The array, and what varies from row to row.
    pub(crate) fn finish(mut self, ty: ColumnType) -> (ArrayRef, Rows) {
        (texts(self.bytes, self.offsets, self.valid.finish(), ty), self.rows)
    }
}

/// Does `value` print as the string `raw`?
fn is_spelled_so(strings: &StringPrinter, value: &[u8], raw: &[u8], scratch: &mut Vec<u8>) -> bool {
    if strings.is_plain(value) {
        // A string without escapes is longer than what it says by its quotes alone.
        return raw.len() == value.len() + 2;
    }
    scratch.clear();
    strings.put(scratch, value);
    scratch == raw
}
