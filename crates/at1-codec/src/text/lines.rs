//! Texts whose records are lines: where each ends, and which fields it has.
//!
//! * Time is linear, and memory is that of the lines that are looked at and of their shapes.
//! * Line ends, gaps and lines that are too long are those of [`super::Scanner`].
//! * A line that is not what it should be is one field by itself.

use std::ops::Range;

use memchr::memchr;

use super::{
    BlankLine, Format, Input, LIMITS, Limits, Pattern, Record, Span, Terminator, Tokens,
    objects::{Keys, Objects},
    pattern::{Cut, MESSAGE, Rest, pairs},
    shape::{Fields, Shape, Shapes, Slots},
};

/// The most fields that lines are cut into.
const FIELDS_MAX: usize = 1 << 10;
/// A scan ends with the record that brings it to so many fields, those counted that records lack.
const SCAN_FIELDS_MAX: usize = if cfg!(test) { 50 } else { 1 << 20 };
/// What a line that is no object is called as a field.
const LINE: &str = "_line";

/// Finds the lines of one input, which may arrive in pieces, and their fields. Each piece is for a [`fork`](Self::fork).
#[derive(Clone, Debug)]
pub(crate) struct LineScanner {
    terminator: Terminator,
    limits: Limits,
    fields: Fields,
    cutter: LineCutter,
    shape: Shape,
    odd: u64,
}

/// What cuts a line into fields.
#[derive(Clone, Debug)]
enum LineCutter {
    Objects(Objects),
    Pattern(PatternCutter),
}

impl LineScanner {
    /// A scanner at the start of an input of `format`, with the fields that are known.
    pub(crate) fn new(format: &Format, fields: Vec<String>) -> Self {
        let (cutter, first) = match format {
            Format::Lines(pattern, _) => {
                (LineCutter::Pattern(PatternCutter::new(pattern)), pattern.fields().map(str::to_owned).collect())
            }
            _ => (LineCutter::Objects(Objects::default()), Vec::new()),
        };
        let fields = Fields::new(if fields.is_empty() { first } else { fields }, FIELDS_MAX);
        Self { terminator: format.terminator(), limits: LIMITS, fields, cutter, shape: Shape::default(), odd: 0 }
    }

    /// The names of the fields so far.
    pub(crate) fn names(&self) -> &[String] {
        self.fields.names()
    }

    /// What a line is called as a field that is cut into no others.
    pub(crate) fn whole_line(&self) -> &'static str {
        match self.cutter {
            LineCutter::Objects(_) => LINE,
            LineCutter::Pattern(_) => MESSAGE,
        }
    }

    /// How many values have no field, since there were too many keys.
    pub(crate) fn refused(&self) -> u64 {
        self.fields.refused
    }

    /// How many lines were not what they should be.
    pub(crate) fn odd(&self) -> u64 {
        self.odd
    }

    /// How lines end.
    pub(crate) fn terminator(&self) -> Terminator {
        self.terminator
    }

    /// A scanner that knows the names that this one knows, and has met nothing yet. The shapes of all that it scans are to be the same.
    pub(crate) fn fork(&self) -> Self {
        let mut fork = self.clone();
        fork.odd = 0;
        fork.fields.refused = 0;
        fork
    }

    /// Learns what a fork met.
    pub(crate) fn go_on(&mut self, fork: Self) {
        self.odd += fork.odd;
        let refused = self.fields.refused;
        self.fields = fork.fields;
        self.fields.refused += refused;
    }

    /// Adds the records at the start of `bytes`, as many as start before `limit` or have not too many fields, and their shapes. Of
    /// each record the first field is all of it but its gap and line end. `bytes` may go on, as `input` says; a record that may too is
    /// not added.
    pub(crate) fn scan(&mut self, bytes: &[u8], input: Input, limit: usize, tokens: &mut Tokens, shapes: &mut Shapes) {
        assert!(u32::try_from(bytes.len()).is_ok(), "one scan takes less than 4 GiB, found {} bytes", bytes.len());
        let last_byte = self.terminator.last_byte();
        let mut at = 0;
        while at < bytes.len().min(limit) && tokens.fields.len() < SCAN_FIELDS_MAX {
            let line = self.gap_end(bytes, at);
            if line == bytes.len() {
                return;
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
                None => return,
            };
            self.line(bytes, (at, end), line..body, tokens, shapes);
            at = end;
        }
    }

    fn line(
        &mut self,
        bytes: &[u8],
        (start, end): (usize, usize),
        line: Range<usize>,
        tokens: &mut Tokens,
        shapes: &mut Shapes,
    ) {
        let first = tokens.fields.len();
        let first_field = u32::try_from(first).expect("a caller clears its tokens in time");
        tokens.records.push(Record { start: start as u32, first_field, end: end as u32 });
        let all = span(line.clone());
        tokens.fields.push(all);
        let mut slots = Slots { tokens, first };
        let is_blank = line.is_empty();
        let cut = match &mut self.cutter {
            LineCutter::Objects(objects) => objects.cut(bytes, line, &mut self.fields, &mut slots, shapes),
            LineCutter::Pattern(cutter) => {
                cutter.cut(bytes, line, &mut self.fields, &mut slots, &mut self.shape, shapes)
            }
        };
        let shape = cut.unwrap_or_else(|| {
            self.odd += u64::from(!is_blank);
            slots.clear();
            self.shape.clear();
            // Where there are too many keys a line may find no place.
            match self.fields.number(self.whole_line()) {
                Some(field) => {
                    slots.put(field, all);
                    self.shape.push(b"", field);
                }
                None => self.shape.end(&bytes[all.range()]),
            }
            shapes.number(&self.shape)
        });
        shapes.of.push(shape);
    }

    /// Where the blank lines from `start` end, if they are no records.
    fn gap_end(&self, bytes: &[u8], start: usize) -> usize {
        let mut at = start;
        while let LineCutter::Objects(_) = self.cutter {
            let line = BlankLine::bytes_at(self.terminator, &bytes[at..]);
            if line == 0 || at + line - start > self.limits.record_bytes_max {
                break;
            }
            at += line;
        }
        at
    }
}

fn span(range: Range<usize>) -> Span {
    // A scan takes less than 4 GiB.
    Span { start: range.start as u32, end: range.end as u32 }
}

/// Cuts lines by a pattern.
#[derive(Clone, Debug)]
struct PatternCutter {
    pattern: Pattern,
    numbers: Vec<Vec<u32>>,
    found: Cut,
    keys: Keys,
}

impl PatternCutter {
    fn new(pattern: &Pattern) -> Self {
        let numbers = pattern.numbers();
        Self { pattern: pattern.clone(), numbers, found: Cut::default(), keys: Keys::default() }
    }

    /// The fields of `bytes[line]`, put into `slots`, and the number of its shape. `None` if no way fits.
    fn cut(
        &mut self,
        bytes: &[u8],
        line: Range<usize>,
        fields: &mut Fields,
        slots: &mut Slots<'_>,
        shape: &mut Shape,
        shapes: &mut Shapes,
    ) -> Option<u32> {
        let whole = &bytes[..line.end];
        for (way, numbers) in self.numbers.iter().enumerate() {
            if !self.pattern.cut_by(way, &whole[line.start..], numbers, &mut self.found) {
                continue;
            }
            slots.clear();
            shape.clear();
            let mut at = line.start;
            let mut put = |field: u32, span: Span| {
                if slots.put(field, span) {
                    shape.push(&whole[at..span.start as usize], field);
                    at = span.end as usize;
                }
            };
            for (field, range) in &self.found.fields {
                put(*field, span(line.start + range.start..line.start + range.end));
            }
            match self.found.rest.map(|(rest, at)| (rest, line.start + at)) {
                None => {}
                Some((Rest::Json, start)) => {
                    if self.keys.read(whole, start).is_none() {
                        continue;
                    }
                    for (path, span) in self.keys.iter() {
                        if let Some(field) = fields.number(path) {
                            put(field, span);
                        }
                    }
                }
                Some((Rest::Pairs, start)) => {
                    let Some(pairs) = pairs(whole, start) else { continue };
                    for (key, value) in pairs {
                        if let Some(field) = str::from_utf8(&whole[key]).ok().and_then(|key| fields.number(key)) {
                            put(field, span(value));
                        }
                    }
                }
            }
            shape.end(&whole[at..]);
            return Some(shapes.number(shape));
        }
        None
    }
}
