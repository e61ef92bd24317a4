//! Texts whose records are lines: where each ends, and which fields it has.
//!
//! * Time is linear, and memory is that of the lines that are looked at and of their shapes.
//! * Line ends, gaps and lines that are too long are those of [`super::Scanner`].

use memchr::memchr;

use super::{
    BlankLine, Format, Input, LIMITS, Limits, Record, Span, Terminator, Tokens,
    objects::{LINE, Objects},
    shape::{Fields, Shape, Shapes, Slots},
};

/// The most fields that lines of JSON are cut into.
pub(crate) const FIELDS_MAX: usize = 1 << 10;

/// Finds the lines of one input, which may arrive in pieces, and their fields.
#[derive(Clone, Debug)]
pub(crate) struct LineScanner {
    terminator: Terminator,
    limits: Limits,
    fields: Fields,
    objects: Objects,
    odd: u64,
}

impl LineScanner {
    /// What a line is called as a field that is not cut into fields.
    pub(crate) const LINE: &str = LINE;

    /// A scanner at the start of an input of `format`, with the fields that are known.
    pub(crate) fn new(format: &Format, fields: Vec<String>) -> Self {
        let fields = Fields::new(fields, FIELDS_MAX);
        Self { terminator: format.terminator(), limits: LIMITS, fields, objects: Objects::default(), odd: 0 }
    }

    /// The names of the fields so far.
    pub(crate) fn names(&self) -> &[String] {
        self.fields.names()
    }

    /// How many lines were not what they should be.
    pub(crate) fn odd(&self) -> u64 {
        self.odd
    }

    /// The next records are the first of their tokens.
    pub(crate) fn start(&mut self) {
        self.objects.forget();
    }

    /// As [`super::Scanner::scan_on`]; of each record the shape is told too. Its first field is all of it but its gap and line end.
    pub(crate) fn scan_on(
        &mut self,
        bytes: &[u8],
        at: usize,
        input: Input,
        limit: usize,
        tokens: &mut Tokens,
        shapes: &mut Shapes,
    ) -> usize {
        assert!(u32::try_from(bytes.len()).is_ok(), "one scan takes less than 4 GiB, found {} bytes", bytes.len());
        let last_byte = if self.terminator == Terminator::Cr { b'\r' } else { b'\n' };
        let mut at = at;
        while at < bytes.len() {
            let line = self.gap_end(bytes, at);
            if line == bytes.len() {
                return if input == Input::End { line } else { at };
            }
            let window = &bytes[..bytes.len().min(line.saturating_add(self.limits.record_bytes_max))];
            let whole = input == Input::End || window.len() - line == self.limits.record_bytes_max;
            let (body, end) = match memchr(last_byte, &window[line..]) {
                Some(n) => {
                    let end = line + n;
                    let crlf = last_byte == b'\n' && n > 0 && bytes[end - 1] == b'\r';
                    (end - usize::from(crlf), end + 1)
                }
                None if whole => (window.len(), window.len()),
                None => return at,
            };
            self.line(bytes, Record { start: at as u32, first_field: 0, end: end as u32 }, line..body, tokens, shapes);
            at = end;
            if at >= limit {
                break;
            }
        }
        at
    }

    fn line(
        &mut self,
        bytes: &[u8],
        record: Record,
        line: std::ops::Range<usize>,
        tokens: &mut Tokens,
        shapes: &mut Shapes,
    ) {
        let first = tokens.fields.len();
        let all = Span { start: line.start as u32, end: line.end as u32 };
        tokens
            .records
            .push(Record { first_field: u32::try_from(first).expect("a caller clears its tokens in time"), ..record });
        tokens.fields.push(all);
        let mut slots = Slots { tokens, first };
        let shape = self.objects.cut(bytes, line, &mut self.fields, &mut slots, shapes).unwrap_or_else(|| {
            self.odd += 1;
            slots.clear();
            let mut shape = Shape::default();
            // Where there are too many keys a line may find no place.
            match self.fields.number(LINE) {
                Some(field) => {
                    slots.put(field, all);
                    shape.push(b"", field);
                }
                None => shape.end(&bytes[all.range()]),
            }
            shapes.number(shape)
        });
        shapes.of.push(shape);
    }

    /// Where the blank lines from `start` end.
    fn gap_end(&self, bytes: &[u8], start: usize) -> usize {
        let mut at = start;
        loop {
            let line = BlankLine::bytes_at(self.terminator, &bytes[at..]);
            if line == 0 || at + line - start > self.limits.record_bytes_max {
                return at;
            }
            at += line;
        }
    }
}
