//! The tokenizer: finds records and fields in one pass.
//!
//! * Equal to [`super::reference`] on every input, however it is cut into pieces.
//! * Never decides on bytes that are still to come: an incomplete record stays unconsumed.
//! * Linear: an opening quote is looked at once more only if it does not close, which two quotes within
//!   [`super::RECORD_BYTES_MAX`] bytes can hardly both do (an odd run of quotes after the first would close it, and an
//!   even run at the start of a field closes itself).
//! * [`super::walk`] finds nearly all records. What it leaves is found here, record by record: one that the input's end
//!   or a quote that nothing closes cuts, one that is too long, and those next to a limit. Each of these is looked at
//!   twice at most.

use memchr::{memchr, memchr2};

use super::{BlankLine, Dialect, Instructions, LIMITS, Limits, Record, Span, Tokens, walk::Walk};

/// Whether more bytes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// More follow these bytes.
    More,
    /// These are the last.
    End,
}

/// Finds the records of one input, which may arrive in pieces.
///
/// ```
/// use at1_codec::text::{BlankLine, Dialect, Input, Scanner, Tokens};
/// let mut scanner = Scanner::new(Dialect::default(), BlankLine::Gap);
/// let mut tokens = Tokens::default();
/// assert_eq!(scanner.scan(b"a,b\nc,", Input::More, usize::MAX, &mut tokens), 4);
/// tokens.clear();
/// assert_eq!(scanner.scan(b"c,d", Input::End, usize::MAX, &mut tokens), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Scanner {
    dialect: Dialect,
    blank: BlankLine,
    limits: Limits,
    instructions: Instructions,
    /// Opening quotes so far that did not close.
    unclosed: u32,
}

/// What stands at the start of some bytes.
enum Found {
    /// A record, with the byte after its terminator.
    Record(usize),
    /// Blank lines and the end of the input.
    Tail,
    /// Too few bytes to tell.
    Incomplete,
}

impl Scanner {
    /// A scanner at the start of an input.
    #[must_use]
    pub fn new(dialect: Dialect, blank: BlankLine) -> Self {
        Self::with_limits(dialect, blank, LIMITS)
    }

    pub(super) fn with_limits(dialect: Dialect, blank: BlankLine, limits: Limits) -> Self {
        Self { dialect, blank, limits, instructions: Instructions::best(), unclosed: 0 }
    }

    /// The same with other instructions.
    #[must_use]
    pub fn with_instructions(self, instructions: Instructions) -> Self {
        Self { instructions, ..self }
    }

    /// Appends the complete records at the start of `bytes` to `tokens`, with offsets from the start of `bytes`, and
    /// returns how many bytes are done with. `bytes` go on where the last call stopped.
    ///
    /// It stops after the first record that ends at or after `limit`. Having stopped before, it wants more bytes: with
    /// [`Input::More`], an incomplete record and the blank lines before it stay for the next call, which must bring
    /// more bytes if this one did not get on. With [`Input::End`] all bytes are consumed; a rest becomes a record without
    /// terminator, while blank lines after the last record are in no record.
    ///
    /// To find a record of any length, a caller must be ready to offer twice [`super::RECORD_BYTES_MAX`] bytes, once
    /// for the gap. One that doubles its buffer until a record comes stays linear.
    ///
    /// # Panics
    /// If `bytes` are 4 GiB or more.
    pub fn scan(&mut self, bytes: &[u8], input: Input, limit: usize, tokens: &mut Tokens) -> usize {
        self.scan_on(bytes, 0, input, limit, tokens)
    }

    /// [`Self::scan`] in the middle of `bytes`: it goes on at `at`, offsets and `limit` are from the start of `bytes`, and
    /// it returns up to where they are done with.
    ///
    /// # Panics
    /// If `bytes` are 4 GiB or more.
    pub fn scan_on(&mut self, bytes: &[u8], at: usize, input: Input, limit: usize, tokens: &mut Tokens) -> usize {
        assert!(u32::try_from(bytes.len()).is_ok(), "one scan takes less than 4 GiB, found {} bytes", bytes.len());
        let mut at = at;
        while at < bytes.len() {
            at = self.walk(bytes, at, limit, tokens);
            let first_field = tokens.fields.len();
            match self.record(bytes, at, input, &mut tokens.fields) {
                Found::Record(end) => {
                    tokens.multiline += u64::from(is_multiline(&tokens.fields[first_field..], bytes));
                    let first_field = u32::try_from(first_field).expect("a caller clears its tokens in time");
                    tokens.records.push(Record { start: offset(at), first_field, end: offset(end) });
                    at = end;
                    if at >= limit {
                        break;
                    }
                }
                Found::Tail => return bytes.len(),
                Found::Incomplete => {
                    tokens.fields.truncate(first_field);
                    break;
                }
            }
        }
        at
    }

    /// Appends the records from `at` on that no more than a look at their bytes decides; returns where they end.
    fn walk(&self, bytes: &[u8], at: usize, limit: usize, tokens: &mut Tokens) -> usize {
        let mut dialect = self.dialect;
        if dialect.check().is_err() {
            return at; // bytes that mean two things at once
        }
        if self.unclosed >= self.limits.unclosed_max {
            dialect.quote = None;
        }
        let Self { blank, limits, instructions, .. } = *self;
        instructions.run(Walk { bytes, at, limit, dialect, blank, limits, tokens })
    }

    /// Appends the fields of the record whose gap starts at `start`, with care.
    fn record(&mut self, bytes: &[u8], start: usize, input: Input, fields: &mut Vec<Span>) -> Found {
        let Dialect { delimiter, terminator, .. } = self.dialect;
        let last_byte = terminator.last_byte();
        let mut at = self.gap_end(bytes, start);
        if at == bytes.len() && input == Input::End {
            return Found::Tail;
        }
        let window = &bytes[..bytes.len().min(at.saturating_add(self.limits.record_bytes_max))];
        // Whether the record sees no more than the window, whatever follows.
        let whole = input == Input::End || window.len() - at == self.limits.record_bytes_max;
        loop {
            let Some(bare) = self.quoted_end(window, at, whole) else { return Found::Incomplete };
            match memchr2(delimiter, last_byte, &window[bare..]).map(|n| bare + n) {
                Some(end) if window[end] == last_byte => {
                    let crlf = last_byte == b'\n' && end > bare && window[end - 1] == b'\r';
                    fields.push(span(at, end - usize::from(crlf)));
                    return Found::Record(end + 1);
                }
                Some(end) => {
                    fields.push(span(at, end));
                    at = end + 1;
                }
                None if whole => {
                    fields.push(span(at, window.len()));
                    return Found::Record(window.len());
                }
                None => return Found::Incomplete,
            }
        }
    }

    /// Where the blank lines from `start` end.
    fn gap_end(&self, bytes: &[u8], start: usize) -> usize {
        let mut at = start;
        if self.blank == BlankLine::Gap {
            loop {
                let line = BlankLine::bytes_at(self.dialect.terminator, &bytes[at..]);
                if line == 0 || at + line - start > self.limits.record_bytes_max {
                    break;
                }
                at += line;
            }
        }
        at
    }

    /// The byte after the closing quote of the field at `at`, or `at` if the field is bare; `None` if bytes that are
    /// still to come decide.
    fn quoted_end(&mut self, window: &[u8], at: usize, whole: bool) -> Option<usize> {
        let Some(quote) = self.dialect.quote else { return Some(at) };
        if window.get(at) != Some(&quote) || self.unclosed >= self.limits.unclosed_max {
            return Some(at);
        }
        let mut from = at + 1;
        while let Some(n) = memchr(quote, &window[from..]) {
            from += n + 1;
            if window.get(from) != Some(&quote) {
                return Some(from); // at the window's end the caller finds nothing after it, and waits if more can come
            }
            from += 1;
        }
        if !whole {
            return None;
        }
        self.unclosed += 1;
        Some(at)
    }
}

/// Whether a record of two or more fields has a line feed in one of them.
fn is_multiline(fields: &[Span], bytes: &[u8]) -> bool {
    fields.len() > 1 && fields.iter().any(|field| memchr(b'\n', field.of(bytes)).is_some())
}

fn span(start: usize, end: usize) -> Span {
    Span { start: offset(start), end: offset(end) }
}

fn offset(at: usize) -> u32 {
    at as u32 // `scan` takes less than 4 GiB
}
