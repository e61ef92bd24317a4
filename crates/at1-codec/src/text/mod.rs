//! Records and fields in the bytes of a delimited text, without losing one of them.
//!
//! This module finds where things are; it copies nothing and knows nothing of types. It is exact and total:
//!
//! * Any input at all is a sequence of records, each preceded by its *gap* (blank lines), and a *tail* of blank lines
//!   after the last record. Gaps, records and tail, one after the other, are the input.
//! * The raw fields of a record, joined with the delimiter, and its terminator are the record.
//! * The result depends on the dialect and the bytes only, not on how the bytes arrive in pieces.
//! * Time is linear in the input, and nothing is allocated per field.
//!
//! # How text is cut
//!
//! 1. In the dialects [`Terminator::Lf`] and [`Terminator::CrLf`] a record ends at LF; a CR directly before that LF
//!    belongs to the terminator, any other CR is data. In the dialect [`Terminator::Cr`] a record ends at CR, and LF is
//!    data. The last record may lack its terminator.
//! 2. A field ends before the next delimiter or terminator. An empty line is a record with one empty field, or part of
//!    the gap, as [`BlankLine`] says.
//! 3. A field whose first byte is the quote is quoted: delimiters and terminators inside it are data. A doubled quote
//!    is one quote; the first quote that is not doubled closes. What stands between the closing quote and the next
//!    delimiter or terminator belongs to the field, whose value is then its raw text. Anywhere else a quote is text.
//! 4. A record sees [`RECORD_BYTES_MAX`] bytes, from the first byte after its gap; to it, their end is the end of the
//!    input. So a record that finds no terminator there ends there without one.
//! 5. An opening quote that finds no closing quote in what the record sees is text. After 16 of these in one input,
//!    every later quote is text.
//! 6. A gap holds at most [`RECORD_BYTES_MAX`] bytes; a blank line that would pass this is a record.
//!
//! Rules 4 and 6 bound the memory of whoever reads from a stream. [`mod@reference`] says all this once more, as code.
//!
//! ```
//! use at1_codec::text::{self, BlankLine, Completeness, DialectOptions, Input, Scanner, Tokens};
//!
//! let bytes = b"id;price\r\n\r\n1;\"2,5\"\r\n";
//! let dialect = text::detect(bytes, Completeness::Whole, &DialectOptions::default());
//! assert_eq!(dialect.delimiter, b';');
//!
//! let mut tokens = Tokens::default();
//! let consumed = Scanner::new(dialect, BlankLine::Gap).scan(bytes, Input::End, usize::MAX, &mut tokens);
//! assert_eq!((consumed, tokens.records.len()), (bytes.len(), 2));
//!
//! let price = tokens.record_fields(1)[1].of(bytes);
//! assert_eq!(price, b"\"2,5\"");
//! assert_eq!(text::value(price, dialect.quote, &mut Vec::new()).0, b"2,5");
//! assert_eq!(&bytes[tokens.gap(1)], b"\r\n");
//! ```

mod dialect;
mod format;
mod json;
pub(crate) mod lines;
mod mask;
mod objects;
mod pattern;
pub mod reference;
mod scan;
pub(crate) mod shape;
mod syntax;
mod walk;

use std::ops::Range;

use memchr::memchr;

pub use dialect::{Completeness, Dialect, DialectOptions, QuoteOption, Terminator, detect};
pub use format::{Format, FormatOption};
pub use mask::Instructions;
pub use pattern::Pattern;
pub use scan::{Input, Scanner};
pub use syntax::Syntax;

/// The most bytes that one record, or one gap, can have.
pub const RECORD_BYTES_MAX: usize = 128 << 20;

/// How far a scan goes before it gives up; smaller only in tests.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Bytes that a record sees, and that a gap holds.
    record_bytes_max: usize,
    /// Unclosed quotes after which every quote is text.
    unclosed_max: u32,
}

const LIMITS: Limits = Limits { record_bytes_max: RECORD_BYTES_MAX, unclosed_max: 16 };

/// What a line of zero bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlankLine {
    /// Space between records: the table has two or more columns.
    Gap,
    /// A record with one empty field: the table has one column.
    Record,
}

impl BlankLine {
    /// The bytes of the blank line at the start of `bytes`, 0 if it starts otherwise.
    fn bytes_at(terminator: Terminator, bytes: &[u8]) -> usize {
        match (terminator, bytes) {
            (Terminator::Cr, [b'\r', ..]) | (Terminator::Lf | Terminator::CrLf, [b'\n', ..]) => 1,
            (Terminator::Lf | Terminator::CrLf, [b'\r', b'\n', ..]) => 2,
            _ => 0,
        }
    }
}

/// A raw field, quotes included: a range of the scanned bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)] // `mask` writes eight at a time
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The same as a range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The field in the bytes that were scanned.
    ///
    /// # Panics
    /// If `bytes` are others, and shorter.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.range()]
    }
}

/// One record: its gap, its fields (at least one), its terminator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// Where its gap starts, or its first field if it has none.
    pub start: u32,
    /// The index of its first field in [`Tokens::fields`].
    pub first_field: u32,
    /// The byte after its terminator.
    pub end: u32,
}

/// The records that one scan found, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The fields of all records, record after record.
    pub fields: Vec<Span>,
    /// The records.
    pub records: Vec<Record>,
    /// The number of records of two or more fields that scans found and that have a line feed in a field.
    pub multiline: u64,
}

impl Tokens {
    /// Forgets the records and keeps the memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.records.clear();
        self.multiline = 0;
    }

    /// The fields of record `r`; never empty.
    #[must_use]
    #[inline]
    pub fn record_fields(&self, r: usize) -> &[Span] {
        let end = self.records.get(r + 1).map_or(self.fields.len(), |next| next.first_field as usize);
        &self.fields[self.records[r].first_field as usize..end]
    }

    /// The blank lines before record `r`.
    #[must_use]
    pub fn gap(&self, r: usize) -> Range<usize> {
        let record = self.records[r];
        record.start as usize..self.fields[record.first_field as usize].start as usize
    }

    /// The terminator of record `r`: CR, LF, CR LF, or nothing.
    #[must_use]
    pub fn terminator(&self, r: usize) -> Range<usize> {
        let end = self.records[r].end as usize;
        self.record_fields(r).last().map_or(end, |field| field.end as usize)..end
    }
}

/// Whether a field stands in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quoted {
    /// In well-formed quotes, from its first byte to its last.
    Yes,
    /// Bare, or quoted with something wrong about it: its value is its raw text.
    No,
}

/// The value of a raw field, which looks at nothing but the field; `scratch` is used if quotes are doubled in it.
///
/// ```
/// use at1_codec::text::{Quoted, value};
/// let scratch = &mut Vec::new();
/// assert_eq!(value(br#""say ""hi""""#, Some(b'"'), scratch), (&br#"say "hi""#[..], Quoted::Yes));
/// assert_eq!(value(br#""a" b"#, Some(b'"'), scratch), (&br#""a" b"#[..], Quoted::No));
/// ```
#[inline]
pub fn value<'a>(raw: &'a [u8], quote: Option<u8>, scratch: &'a mut Vec<u8>) -> (&'a [u8], Quoted) {
    match quote {
        Some(quote) if raw.first() == Some(&quote) => unquote(raw, quote, scratch),
        _ => (raw, Quoted::No),
    }
}

/// The value of a raw field that starts with the quote.
fn unquote<'a>(raw: &'a [u8], quote: u8, scratch: &'a mut Vec<u8>) -> (&'a [u8], Quoted) {
    let [_, inside @ .., last] = raw else { return (raw, Quoted::No) };
    if *last != quote {
        return (raw, Quoted::No);
    }
    let Some(mut at) = memchr(quote, inside) else { return (inside, Quoted::Yes) };
    scratch.clear();
    let mut rest = inside;
    loop {
        if rest.get(at + 1) != Some(&quote) {
            return (raw, Quoted::No);
        }
        scratch.extend_from_slice(&rest[..=at]);
        rest = &rest[at + 2..];
        match memchr(quote, rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    scratch.extend_from_slice(rest);
    (scratch, Quoted::Yes)
}

/// The bytes of the UTF-8 byte order mark at the start of a text: 3 or 0. A mark is part of no field, so a caller
/// keeps it and scans what follows.
#[must_use]
pub fn bom_len(bytes: &[u8]) -> usize {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if bytes.starts_with(MARK) { MARK.len() } else { 0 }
}
