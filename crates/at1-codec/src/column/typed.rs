//! A column of numbers, booleans or times as it grows.
//!
//! * What a field comes to, and whether the form prints it right, follows from its bytes and from the syntax: so it is
//!   found out once for fields that come again soon.
//! * All other fields are printed and compared.

use arrow::array::{ArrayRef, NullBufferBuilder};

use super::{
    array::Stored,
    encode::Frame,
    form::Form,
    memo::{Key, Look, Memo},
    nulls::without_lead,
    patch::Holds,
    print::Printer,
    printed::Printed,
    rows::{Entries, Rows, spelling},
    value::{Meaning, Parsed},
};
use crate::{
    ColumnType,
    text::{Quoted, Syntax},
};

/// How many fields are remembered that may come again.
const MEMO_SLOTS_MAX: usize = 4096;

/// The values of a column of one type.
pub(crate) struct Typed<T> {
    values: Vec<T>,
    valid: NullBufferBuilder,
    rows: Rows,
    /// What is known of fields in `syntax`.
    memo: Memo<Known<T>>,
    syntax: Option<Syntax>,
    fresh: Fresh<T>,
    scratch: Vec<u8>,
}

/// What a field comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    Null,
    Value,
    Reject,
}

/// Whether a field is patched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Patched {
    #[default]
    No,
    Yes,
    /// As what is printed of this fresh field says.
    As(u32),
}

/// All that follows from the bytes of a field.
#[derive(Clone, Copy, Debug, Default)]
struct Known<T> {
    value: T,
    outcome: Outcome,
    entries: Entries,
    patched: Patched,
}

/// Fields of a block that are still to be printed and compared.
struct Fresh<T> {
    values: Vec<T>,
    valid: NullBufferBuilder,
    rows: Rows,
    /// Where each stands in the block, and in the memo.
    places: Vec<(usize, Option<Key>)>,
    printed: Printed,
    wrong: Vec<bool>,
}

impl<T: Stored> Typed<T> {
    pub(crate) fn new(form: &Form, rows: usize) -> Self {
        let fresh = Fresh {
            values: Vec::new(),
            valid: NullBufferBuilder::new(0),
            rows: Rows::new(form),
            places: Vec::new(),
            printed: Printed::default(),
            wrong: Vec::new(),
        };
        Self {
            values: Vec::with_capacity(rows),
            valid: NullBufferBuilder::new(rows),
            rows: Rows::new(form),
            memo: Memo::new(MEMO_SLOTS_MAX),
            syntax: None,
            fresh,
            scratch: Vec::new(),
        }
    }

    /// Takes the fields of the next rows.
    pub(crate) fn push(
        &mut self,
        frame: &mut Frame,
        syntax: Syntax,
        block: &[Option<&[u8]>],
        parse: impl for<'b> Fn(&Meaning, &'b [u8]) -> Option<Parsed<'b, T>>,
    ) {
        if self.syntax.replace(syntax) != Some(syntax) {
            self.memo.clear();
        }
        let mut doubtful = Vec::new();
        for (index, raw) in block.iter().enumerate() {
            let known = match raw {
                // Whatever it prints as, the record does not have it.
                None => Known::default(),
                Some(raw) => match self.memo.look(raw) {
                    Look::Found(known) => known,
                    look => {
                        let known = self.read(frame, syntax, raw, &parse);
                        let key = if let Look::Missing(key) = look { Some(key) } else { None };
                        if known.outcome != Outcome::Reject {
                            self.fresh.push(index, key, &known);
                        }
                        if let Some(key) = key {
                            self.memo.keep(key, known);
                        }
                        known
                    }
                },
            };
            self.values.push(known.value);
            self.valid.append(known.outcome == Outcome::Value);
            self.rows.push(known.entries);
            if known.patched != Patched::No {
                doubtful.push((index, known));
            }
        }
        self.settle(frame, syntax, block);
        for (index, known) in doubtful {
            let is_patched = match known.patched {
                Patched::No => false,
                Patched::Yes => true,
                Patched::As(fresh) => self.fresh.wrong[fresh as usize],
            };
            if let Some(raw) = block[index].filter(|_| is_patched) {
                let holds = if known.outcome == Outcome::Reject { Holds::Reject } else { Holds::Yes };
                frame.patches.push((frame.row + index) as u64, holds, raw);
            }
        }
    }

    /// Finds out what a field comes to.
    fn read(
        &mut self,
        frame: &Frame,
        syntax: Syntax,
        raw: &[u8],
        parse: impl for<'b> Fn(&Meaning, &'b [u8]) -> Option<Parsed<'b, T>>,
    ) -> Known<T> {
        let (value, quoted) = syntax.value(raw, &mut self.scratch);
        let body = without_lead(value);
        let patched = Patched::As(u32::try_from(self.fresh.values.len()).expect("a block has few rows"));
        if frame.meaning.nulls.is_null(value, body) {
            let entries = Entries { null: Some(spelling(&frame.form.nulls, raw)), ..Entries::default() };
            return Known { outcome: Outcome::Null, entries, patched, ..Known::default() };
        }
        let is_quoted = quoted == Quoted::Yes;
        let Some(parsed) = parse(&frame.meaning, body) else {
            let entries = Entries { is_quoted, ..Entries::default() };
            return Known { outcome: Outcome::Reject, entries, patched: Patched::Yes, ..Known::default() };
        };
        let entries = Entries {
            null: None,
            is_quoted,
            digits: Some(u8::try_from(parsed.digits).unwrap_or(u8::MAX)),
            zone: frame.form.zones_per_row().map(|zones| spelling(zones, parsed.suffix)),
        };
        Known { value: parsed.value, outcome: Outcome::Value, entries, patched }
    }

    /// Prints what is fresh, compares it with the source, and remembers how that went.
    fn settle(&mut self, frame: &Frame, syntax: Syntax, block: &[Option<&[u8]>]) {
        self.fresh.compare(frame, syntax, block);
        for (&wrong, &(_, key)) in self.fresh.wrong.iter().zip(&self.fresh.places) {
            if let Some(known) = key.and_then(|key| self.memo.known(key)) {
                known.patched = if wrong { Patched::Yes } else { Patched::No };
            }
        }
        self.fresh.places.clear();
        self.fresh.rows.clear();
    }

    /// The array, and what varies from row to row.
    pub(crate) fn finish(mut self, ty: ColumnType) -> (ArrayRef, Rows) {
        (T::array(self.values, self.valid.finish(), ty), self.rows)
    }
}

impl<T: Stored> Fresh<T> {
    fn push(&mut self, index: usize, key: Option<Key>, known: &Known<T>) {
        self.values.push(known.value);
        self.valid.append(known.outcome == Outcome::Value);
        self.rows.push(known.entries);
        self.places.push((index, key));
    }

    /// Finds out which of them the form prints wrong.
    fn compare(&mut self, frame: &Frame, syntax: Syntax, block: &[Option<&[u8]>]) {
        self.wrong.clear();
        if self.places.is_empty() {
            return;
        }
        let ty = frame.meaning.ty;
        let array = T::array(std::mem::take(&mut self.values), self.valid.finish(), ty);
        let mut printer = Printer::bare(ty, frame.form.clone(), self.rows.borrow(), self.places.len());
        self.printed.clear();
        printer.print(&*array, syntax, &mut self.printed).expect("the printer fits the array it is made for");
        let is_wrong = |(fresh, &(index, _)): (usize, &(usize, _))| {
            block[index].is_some_and(|raw| raw != self.printed.field(fresh))
        };
        self.wrong.extend(self.places.iter().enumerate().map(is_wrong));
    }
}
