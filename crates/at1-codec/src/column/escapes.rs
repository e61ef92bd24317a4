//! How strings of JSON are printed: which characters a writer escapes, and in which spelling.
//!
//! * Quotes, backslashes and control characters are escaped by everybody; all else is a habit, and a bit of [`Escapes`].
//! * A string that its column's habits print otherwise is patched.

/// The habits of a writer of JSON, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Escapes(u8);

/// A habit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// `\/`
    Slash,
    /// `\u00e9`: all that is not ASCII.
    NonAscii,
    /// `\u00E9`
    UpperHex,
    /// `\u003c`, and so `>` and `&`.
    Html,
    /// `\u007f`
    Delete,
    /// `\u0008` and `\u000c`, not `\b` and `\f`.
    Long,
    /// `\u2028` and `\u2029`, which end lines in some languages.
    LineSeparators,
}

impl Habit {
    const ALL: [Self; 7] =
        [Self::Slash, Self::NonAscii, Self::UpperHex, Self::Html, Self::Delete, Self::Long, Self::LineSeparators];

    fn words(self) -> &'static str {
        match self {
            Self::Slash => r"\/",
            Self::NonAscii => r"\u for all but ASCII",
            Self::UpperHex => "upper-case hex",
            Self::Html => r"\u for < > &",
            Self::Delete => r"\u007f",
            Self::Long => r"\u0008",
            Self::LineSeparators => r"\u2028",
        }
    }
}

impl Escapes {
    /// The habits that a byte of a form tells of.
    pub(crate) fn from_bits(bits: u8) -> Option<Self> {
        (bits >> Habit::ALL.len() == 0).then_some(Self(bits))
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    fn has(self, habit: Habit) -> bool {
        self.0 >> habit as u8 & 1 == 1
    }

    /// What is unusual about them, in words.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        Habit::ALL.into_iter().filter(move |&habit| self.has(habit)).map(Habit::words)
    }
}

/// What a sample of strings tells about habits: how often each was kept, and how often not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EscapesSeen([[u32; 2]; Habit::ALL.len()]);

impl EscapesSeen {
    fn count(&mut self, habit: Habit, is_kept: bool) {
        self.0[habit as usize][usize::from(is_kept)] += 1;
    }

    /// Looks at a string, without its quotes.
    pub(crate) fn add(&mut self, inside: &[u8]) {
        let mut at = 0;
        while let Some(&byte) = inside.get(at) {
            at += 1;
            match byte {
                b'\\' => {
                    match inside.get(at) {
                        Some(b'/') => self.count(Habit::Slash, true),
                        Some(b'b' | b'f') => self.count(Habit::Long, false),
                        Some(b'u') => self.add_digits(inside.get(at + 1..at + 5).unwrap_or_default()),
                        _ => {}
                    }
                    at += 1;
                }
                b'/' => self.count(Habit::Slash, false),
                0x7F => self.count(Habit::Delete, false),
                b'<' | b'>' | b'&' => self.count(Habit::Html, false),
                // The first byte of a character; the others of it say nothing more.
                0xC0.. => {
                    self.count(Habit::NonAscii, false);
                    if matches!(inside[at - 1..], [0xE2, 0x80, 0xA8 | 0xA9, ..]) {
                        self.count(Habit::LineSeparators, false);
                    }
                }
                _ => {}
            }
        }
    }

    fn add_digits(&mut self, digits: &[u8]) {
        for digit in digits.iter().filter(|digit| digit.is_ascii_alphabetic()) {
            self.count(Habit::UpperHex, digit.is_ascii_uppercase());
        }
        let code = str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code {
            Some(8 | 12) => self.count(Habit::Long, true),
            Some(0x7F) => self.count(Habit::Delete, true),
            Some(0x26 | 0x3C | 0x3E) => self.count(Habit::Html, true),
            Some(0x2028 | 0x2029) => self.count(Habit::LineSeparators, true),
            Some(0x80..) => self.count(Habit::NonAscii, true),
            _ => {}
        }
    }

    /// The habits that most of it keeps.
    pub(crate) fn habits(&self) -> Escapes {
        let kept = Habit::ALL.into_iter().filter(|&habit| {
            let [not, kept] = self.0[habit as usize];
            kept > not
        });
        Escapes(kept.fold(0, |bits, habit| bits | 1 << habit as u8))
    }
}

/// Prints strings by some habits.
pub(crate) struct StringPrinter {
    escapes: Escapes,
    /// Whether a byte may be one that is escaped.
    is_special: [bool; 256],
}

impl StringPrinter {
    pub(crate) fn new(escapes: Escapes) -> Self {
        let mut is_special = [false; 256];
        is_special[..0x20].fill(true);
        is_special[usize::from(b'"')] = true;
        is_special[usize::from(b'\\')] = true;
        is_special[usize::from(b'/')] = escapes.has(Habit::Slash);
        is_special[0x7F] = escapes.has(Habit::Delete);
        b"<>&".iter().for_each(|&byte| is_special[usize::from(byte)] = escapes.has(Habit::Html));
        is_special[0x80..].fill(escapes.has(Habit::NonAscii));
        is_special[0xE2] |= escapes.has(Habit::LineSeparators);
        Self { escapes, is_special }
    }

    /// Whether nothing of this text is escaped.
    #[inline]
    pub(crate) fn is_plain(&self, text: &[u8]) -> bool {
        !text.iter().any(|&byte| self.is_special[usize::from(byte)])
    }

    /// Appends `text` as a string, quotes included. Of text that is not UTF-8, only ASCII is escaped.
    pub(crate) fn put(&self, out: &mut Vec<u8>, text: &[u8]) {
        out.push(b'"');
        let mut rest = text;
        while let Some(at) = rest.iter().position(|&byte| self.is_special[usize::from(byte)]) {
            out.extend_from_slice(&rest[..at]);
            let len = if rest[at] < 0x80 { 1 } else { self.put_character(out, &rest[at..]) };
            if len == 1 && rest[at] < 0x80 {
                self.put_ascii(out, rest[at]);
            }
            rest = &rest[at + len..];
        }
        out.extend_from_slice(rest);
        out.push(b'"');
    }

    fn put_ascii(&self, out: &mut Vec<u8>, byte: u8) {
        let letter = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            8 if !self.escapes.has(Habit::Long) => b'b',
            12 if !self.escapes.has(Habit::Long) => b'f',
            _ => return self.put_unit(out, u16::from(byte)),
        };
        out.extend_from_slice(&[b'\\', letter]);
    }

    /// Puts the character at the start of `text`, which is not ASCII; gives how many bytes it has.
    fn put_character(&self, out: &mut Vec<u8>, text: &[u8]) -> usize {
        let len = match text[0] {
            0xF0.. => 4,
            0xE0.. => 3,
            _ => 2,
        };
        let character = text.get(..len).and_then(|bytes| str::from_utf8(bytes).ok()?.chars().next());
        match character {
            Some(c) if self.escapes.has(Habit::NonAscii) || matches!(c, '\u{2028}' | '\u{2029}') => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|&unit| self.put_unit(out, unit));
                len
            }
            Some(_) => {
                out.extend_from_slice(&text[..len]);
                len
            }
            None => {
                out.push(text[0]);
                1
            }
        }
    }

    fn put_unit(&self, out: &mut Vec<u8>, unit: u16) {
        let digits: &[u8; 16] =
            if self.escapes.has(Habit::UpperHex) { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        out.extend_from_slice(b"\\u");
        out.extend([12, 8, 4, 0].map(|shift| digits[usize::from(unit >> shift & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Quoted, Syntax};

    /// All habits at once come back from what they print, and what they print means the text.
    #[test]
    fn habits_are_told_from_what_they_print() {
        let text = "a/b\u{8}\u{c}\u{7f}<>&é\u{2028}😀\n\"\\\u{1f}\u{ab}";
        for bits in 0..=0x7F {
            let escapes = Escapes::from_bits(bits).unwrap();
            let mut raw = Vec::new();
            StringPrinter::new(escapes).put(&mut raw, text.as_bytes());
            let mut scratch = Vec::new();
            assert_eq!(
                Syntax::Json.value(&raw, &mut scratch),
                (text.as_bytes(), Quoted::Yes),
                "{}",
                raw.escape_ascii()
            );
            let mut seen = EscapesSeen::default();
            seen.add(&raw[1..raw.len() - 1]);
            let found = seen.habits();
            let separators = escapes.has(Habit::NonAscii) && !escapes.has(Habit::LineSeparators);
            let expected = bits | u8::from(separators) << Habit::LineSeparators as u8;
            assert_eq!(found.bits(), expected, "{}", raw.escape_ascii());
        }
        assert_eq!(Escapes::from_bits(0x80), None);
    }

    #[test]
    fn text_that_is_not_utf_8_is_printed_as_it_is() {
        let mut raw = Vec::new();
        StringPrinter::new(Escapes(0x7F)).put(&mut raw, b"\xff/\xe2\x80\xa8\xc3");
        assert_eq!(raw, b"\"\xff\\/\\u2028\xc3\"");
    }
}
