//! Patterns: what the lines of a log look like, so that they can be cut into fields.
//!
//! * A pattern is a few *ways* to cut a line, tried in order; a line that none of them fits is one field, [`MESSAGE`].
//! * A way is literals and fields, in order: `{time:time} {level:level} {message:text}`. It looks at a line once, from left to
//!   right, and never goes back.
//! * Whatever a pattern makes of a line, nothing is lost: what stands between the fields is kept as it is.
//!
//! ```
//! use at1_codec::text::Pattern;
//! let pattern = Pattern::new(["{host} [{time:time}] \"{request:text}\" {status:int}", "{time:time} {message:text}"])?;
//! assert_eq!(pattern.fields().collect::<Vec<_>>(), ["host", "time", "request", "status", "message"]);
//! assert!(Pattern::new(["{a:text}{b:text}"]).is_err(), "nothing says where the first field ends");
//! # Ok::<(), at1_codec::Error>(())
//! ```

mod discover;
mod stamp;

use std::{fmt, ops::Range, sync::Arc};

use memchr::{memchr, memchr_iter, memchr2};

use super::json;
use crate::{Error, Result};

pub(super) use discover::{Discovery, discover};

/// The field that every pattern has: what of a line is no other field, and all of a line that fits no way.
pub(crate) const MESSAGE: &str = "message";

/// Ways to cut lines into fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Arc<[Way]>);

/// One way to cut a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    parts: Vec<Part>,
    /// What follows the last field.
    tail: String,
}

/// A literal and the field behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    literal: String,
    name: String,
    class: Class,
}

/// What a field may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// One or more bytes that are not blanks, up to the next literal.
    Word,
    /// Anything, up to the first place where the next literal stands.
    Text,
    /// Digits, perhaps with a sign.
    Int,
    /// A date, a time of day, or both, in one of the layouts that programs use.
    Time,
    /// How grave it is: a word such as `INFO` or `W`.
    Level,
    /// The rest of the line is an object of JSON, whose keys are fields.
    Json,
    /// The rest of the line is pairs such as `key=value`, whose keys are fields.
    Pairs,
}

const CLASSES: [(&str, Class); 7] = [
    ("word", Class::Word),
    ("text", Class::Text),
    ("int", Class::Int),
    ("time", Class::Time),
    ("level", Class::Level),
    ("json", Class::Json),
    ("pairs", Class::Pairs),
];

/// What a way made of a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut {
    /// Which fields, by their place among [`Pattern::fields`], and where.
    pub(super) fields: Vec<(u32, Range<usize>)>,
    /// Where the rest starts whose keys are fields.
    pub(super) rest: Option<(Rest, usize)>,
    usual: stamp::Usual,
}

/// What the rest of a line is, where it has keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Json,
    Pairs,
}

impl Pattern {
    /// The pattern of these ways. Without any it fits no line.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if one of them is not literals and fields that can be told apart.
    pub fn new<W: AsRef<str>>(ways: impl IntoIterator<Item = W>) -> Result<Self> {
        let ways = ways.into_iter().map(|way| Way::parse(way.as_ref())).collect::<Result<Vec<_>>>()?;
        Ok(Self(ways.into()))
    }

    /// A pattern that fits no line: each is [`MESSAGE`] and nothing else.
    pub(super) fn none() -> Self {
        Self(Arc::new([]))
    }

    /// The ways, as [`Pattern::new`] takes them.
    pub fn ways(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Way::to_string)
    }

    /// The names of its fields, each once.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = Vec::new();
        for part in self.0.iter().flat_map(|way| &way.parts).filter(|part| part.rest().is_none()) {
            if !names.contains(&part.name.as_str()) {
                names.push(&part.name);
            }
        }
        if !names.contains(&MESSAGE) {
            names.push(MESSAGE);
        }
        names.into_iter()
    }

    /// Whether lines may end in keys and values.
    pub(crate) fn has_keys(&self) -> bool {
        self.0.iter().flat_map(|way| &way.parts).any(|part| part.rest().is_some())
    }

    /// The number of each way's fields among those of all.
    pub(super) fn numbers(&self) -> Vec<Vec<u32>> {
        let names: Vec<&str> = self.fields().collect();
        let number = |part: &Part| names.iter().position(|name| *name == part.name).unwrap_or(0) as u32;
        self.0.iter().map(|way| way.parts.iter().map(number).collect()).collect()
    }

    /// Cuts a line by one way, if it fits; `numbers` are those of the way among [`Self::numbers`].
    pub(super) fn cut_by(&self, way: usize, line: &[u8], numbers: &[u32], cut: &mut Cut) -> bool {
        self.0[way].cut(line, numbers, cut)
    }
}

impl Part {
    fn rest(&self) -> Option<Rest> {
        match self.class {
            Class::Json => Some(Rest::Json),
            Class::Pairs => Some(Rest::Pairs),
            _ => None,
        }
    }
}

impl Way {
    fn parse(text: &str) -> Result<Self> {
        let bad = |expected: &str| Err(Error::invalid("pattern", expected, text));
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let Some((field, after)) = rest.split_once('}').filter(|_| brace == "{") else {
                return bad("{name} or {name:class} for each field, and {{ and }} for braces");
            };
            let (name, class) = field.split_once(':').unwrap_or((field, "word"));
            let Some(&(_, class)) = CLASSES.iter().find(|(word, _)| *word == class) else {
                return bad("fields of class word, text, int, time, level, json or pairs");
            };
            let is_rest = matches!(class, Class::Json | Class::Pairs);
            let is_new = !parts.iter().any(|part: &Part| part.name == name);
            if is_rest != name.is_empty() || !(is_new || is_rest) {
                return bad("a name of its own for each field, and none for {:json} and {:pairs}");
            }
            parts.push(Part { literal: std::mem::take(&mut literal), name: name.to_owned(), class });
            rest = after;
        }
        literal.push_str(rest);
        let way = Self { parts, tail: literal };
        if way.parts.is_empty() {
            return bad("at least one field");
        }
        for (index, part) in way.parts.iter().enumerate() {
            let next = way.parts.get(index + 1);
            let ends_itself = matches!(part.class, Class::Int | Class::Time | Class::Level);
            if next.is_some_and(|next| next.literal.is_empty() && !ends_itself) {
                return bad("something between two fields that says where the first ends");
            }
            if part.rest().is_some() && (next.is_some() || !way.tail.is_empty()) {
                return bad("{:json} and {:pairs} at the end");
            }
        }
        Ok(way)
    }

    fn cut(&self, line: &[u8], numbers: &[u32], cut: &mut Cut) -> bool {
        cut.fields.clear();
        cut.rest = None;
        let mut at = 0;
        for (index, (part, &number)) in self.parts.iter().zip(numbers).enumerate() {
            let Some(start) = literal_end(line, at, part.literal.as_bytes()) else { return false };
            if let Some(rest) = part.rest() {
                cut.rest = Some((rest, start));
                return true;
            }
            let next = self.parts.get(index + 1).map_or(self.tail.as_bytes(), |next| next.literal.as_bytes());
            let is_last = index + 1 == self.parts.len();
            let Some(end) = part.class.end(line, start, next, is_last, &mut cut.usual) else { return false };
            cut.fields.push((number, start..end));
            at = end;
        }
        literal_end(line, at, self.tail.as_bytes()) == Some(line.len())
    }
}

/// The first place of a literal, which is short: what prepares a search takes longer than most searches.
fn find(line: &[u8], literal: &[u8]) -> Option<usize> {
    let Some(&first) = literal.first() else { return Some(0) };
    memchr_iter(first, line).find(|&at| line[at..].starts_with(literal))
}

/// The byte after `literal` at `at`. A blank in it stands for one or more.
fn literal_end(line: &[u8], at: usize, literal: &[u8]) -> Option<usize> {
    let mut at = at;
    for &byte in literal {
        if line.get(at) != Some(&byte) {
            return None;
        }
        at += 1;
        if byte == b' ' {
            at += line[at..].iter().take_while(|&&byte| byte == b' ').count();
        }
    }
    Some(at)
}

impl Class {
    /// Where a field that starts at `start` ends, if it is one of this class; `next` is the literal behind it.
    fn end(self, line: &[u8], start: usize, next: &[u8], is_last: bool, usual: &mut stamp::Usual) -> Option<usize> {
        let rest = &line[start..];
        let len = match self {
            Self::Int => {
                let sign = usize::from(matches!(rest, [b'-' | b'+', ..]));
                let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                (digits > 0).then_some(sign + digits)?
            }
            Self::Time => stamp::time_len(rest, usual)?,
            Self::Level => stamp::level_len(rest)?,
            Self::Text if is_last => rest.len().checked_sub(next.len())?,
            Self::Text => find(rest, next)?,
            Self::Word => {
                let word = &rest[..memchr2(b' ', b'\t', rest).unwrap_or(rest.len())];
                let len = match next {
                    [] | [b' ', ..] => word.len(),
                    _ if is_last => word.len().checked_sub(next.len())?,
                    [byte] => memchr(*byte, word)?,
                    _ => find(rest, next).filter(|&len| len < word.len())?,
                };
                (len > 0).then_some(len)?
            }
            Self::Json | Self::Pairs => rest.len(),
        };
        Some(start + len)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let braces = |text: &str| text.replace('{', "{{").replace('}', "}}");
        for part in &self.parts {
            let class = CLASSES.iter().find(|(_, class)| *class == part.class).map_or("", |(word, _)| word);
            match part.class {
                Class::Word => write!(f, "{}{{{}}}", braces(&part.literal), part.name)?,
                _ => write!(f, "{}{{{}:{class}}}", braces(&part.literal), part.name)?,
            }
        }
        f.write_str(&braces(&self.tail))
    }
}

/// The pairs that a text is: each key and its value. `None` if it is something else. Between pairs stand blanks, or a comma.
pub(super) fn pairs(line: &[u8], start: usize) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let mut found = Vec::new();
    let mut at = json::blanks(line, start);
    while at < line.len() {
        let key = key(line, at)?;
        let value = key.end + 1;
        let end = match line.get(value) {
            Some(b'"') => json::string_end(line, value)?,
            _ => value_end(line, value),
        };
        found.push((key, value..end));
        at = json::blanks(line, end + usize::from(line.get(end) == Some(&b',')));
        if at == end && at < line.len() {
            return None;
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The key at `at`, if there is one and `=` behind it.
fn key(line: &[u8], at: usize) -> Option<Range<usize>> {
    let is_key = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-./@".contains(byte);
    let key = at..at + line[at..].iter().take_while(is_key).count();
    (!key.is_empty() && line.get(key.end) == Some(&b'=')).then_some(key)
}

/// The end of the value at `at`, which is not quoted: a blank, or a comma with another pair behind it.
fn value_end(line: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(n) = memchr::memchr3(b' ', b'\t', b',', &line[end..]) {
        end += n;
        if line[end] != b',' || key(line, json::blanks(line, end + 1)).is_some() {
            return end;
        }
        end += 1;
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ways: &[&str], line: &str, expected: Option<&[(&str, &str)]>) {
        let pattern = Pattern::new(ways).unwrap();
        let names: Vec<&str> = pattern.fields().collect();
        let mut cut = Cut::default();
        let numbers = pattern.numbers();
        let fits = (0..ways.len()).any(|way| pattern.cut_by(way, line.as_bytes(), &numbers[way], &mut cut));
        let found: Vec<_> =
            cut.fields.iter().map(|(field, range)| (names[*field as usize], &line[range.clone()])).collect();
        assert_eq!(fits.then_some(found), expected.map(<[_]>::to_vec), "{line}");
    }

    #[test]
    fn lines_are_cut() {
        let access =
            ["{host} [{time:time}] \"{method} {path}\" {status:int} \"{agent:text}\"", "{host} {message:text}"];
        check(
            &access,
            r#"::1 [17/May/2015:10:05:03 +0000] "GET /a[1]" 200 "an "agent"""#,
            Some(&[
                ("host", "::1"),
                ("time", "17/May/2015:10:05:03 +0000"),
                ("method", "GET"),
                ("path", "/a[1]"),
                ("status", "200"),
                ("agent", "an \"agent\""),
            ]),
        );
        check(&access, "::1 [x] \"GET\" 200", Some(&[("host", "::1"), ("message", "[x] \"GET\" 200")]));
        check(&access, "alone", None);
        let tagged = ["{time:time} {program}[{pid:int}]: {message:text}"];
        let fields = [("time", "Nov  5 06:34:26"), ("program", "sshd(pam)"), ("pid", "12"), ("message", "a [b]: c")];
        check(&tagged, "Nov  5 06:34:26   sshd(pam)[12]: a [b]: c", Some(&fields));
        check(&tagged, "Nov  5 06:34:26 sshd(pam)[]: c", None);
        check(&["{{{a}}}"], "{x}", Some(&[("a", "x")]));
        check(&["{a:text}, {b:text}"], ", ", Some(&[("a", ""), ("b", "")]));
    }

    #[test]
    fn ways_are_printed_as_they_are_written() {
        let ways = ["{time:time} [{level:level}] {{{a}}}: {message:text}", "{t:time} {:json}", "{:pairs}"];
        assert_eq!(Pattern::new(ways).unwrap().ways().collect::<Vec<_>>(), ways);
        for wrong in
            ["", "words", "{a", "a}", "{a:b}", "{a}{b}", "{a} {a}", "{}", "{x:json}", "{:json} {a}", "{:pairs}."]
        {
            assert!(Pattern::new([wrong]).is_err(), "{wrong}");
        }
        assert_eq!(Pattern::new::<&str>([]).unwrap().fields().collect::<Vec<_>>(), [MESSAGE]);
    }

    #[test]
    fn pairs_are_keys_and_values() {
        let check = |line: &str, expected: Option<&[(&str, &str)]>| {
            let found = pairs(line.as_bytes(), 0);
            let found =
                found.map(|pairs| pairs.into_iter().map(|(key, value)| (&line[key], &line[value])).collect::<Vec<_>>());
            assert_eq!(found, expected.map(<[_]>::to_vec), "{line}");
        };
        check("a=1 b.c=\"x \\\" y\"  d=", Some(&[("a", "1"), ("b.c", "\"x \\\" y\""), ("d", "")]));
        check("a=1,b=2,3,c=x", Some(&[("a", "1"), ("b", "2,3"), ("c", "x")]));
        check("a=1, b=,", Some(&[("a", "1"), ("b", ",")]));
        for other in ["", "a", "a=1 b", "=1", "a=\"x", "a=\"x\"y", "a b=1"] {
            check(other, None);
        }
    }
}
