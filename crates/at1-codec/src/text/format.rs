//! The formats of text: how a source is cut into records and fields.

use memchr::{memchr, memchr_iter};

use super::{Completeness, Dialect, Pattern, Syntax, Terminator, bom_len, objects, pattern};

/// How a source is cut into records and fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Fields between delimiters.
    Delimited(Dialect),
    /// Each line an object of JSON, whose keys are the fields. Lines end so, where they do not end otherwise.
    Json(Terminator),
    /// Each line is cut by a pattern; what fits no way of it is one field.
    Lines(Pattern, Terminator),
}

/// What is known about the format of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FormatOption {
    /// Find out: lines of JSON if nearly all lines are objects, lines of a log if nearly all look like that, else delimited text.
    #[default]
    Auto,
    /// Delimited text.
    Delimited,
    /// Lines of JSON.
    Json,
    /// Lines of a log, and their pattern, if that is not to be found out.
    Lines(Option<Pattern>),
}

/// One line in so many may be no object where all others are.
const ODD_ONE_IN: usize = 20;
/// How many lines are looked at.
const LINES_MAX: usize = 1_000;

impl Format {
    /// How its fields are written.
    #[must_use]
    pub fn syntax(&self) -> Syntax {
        match self {
            Self::Delimited(dialect) => dialect.syntax(),
            Self::Json(_) => Syntax::Json,
            Self::Lines(pattern, _) if pattern.has_keys() => Syntax::Json,
            Self::Lines(..) => Syntax::Bare,
        }
    }

    /// What its records end with, most of them.
    #[must_use]
    pub fn terminator(&self) -> Terminator {
        match self {
            Self::Delimited(Dialect { terminator, .. }) | Self::Json(terminator) | Self::Lines(_, terminator) => {
                *terminator
            }
        }
    }

    /// The format of a text whose records are lines, if `sample` is one.
    pub(crate) fn of_lines(sample: &[u8], complete: Completeness, option: &FormatOption) -> Option<Self> {
        let body = &sample[bom_len(sample)..];
        match option {
            FormatOption::Auto if are_objects(body, complete) => Some(Self::Json(terminator(body))),
            FormatOption::Auto => {
                let found = discover(body, complete);
                found.is_sure.then(|| Self::Lines(found.pattern, terminator(body)))
            }
            FormatOption::Delimited => None,
            FormatOption::Json => Some(Self::Json(terminator(body))),
            FormatOption::Lines(pattern) => {
                let pattern = pattern.clone().unwrap_or_else(|| discover(body, complete).pattern);
                Some(Self::Lines(pattern, terminator(body)))
            }
        }
    }
}

/// What most lines end with.
fn terminator(sample: &[u8]) -> Terminator {
    let mut crlf = 0;
    let lines =
        memchr_iter(b'\n', sample).inspect(|&at| crlf += usize::from(at > 0 && sample[at - 1] == b'\r')).count();
    match lines {
        0 if memchr(b'\r', sample).is_some() => Terminator::Cr,
        _ if crlf * 2 > lines => Terminator::CrLf,
        _ => Terminator::Lf,
    }
}

/// The pattern of the lines of `sample`; one that is cut is looked at only if it is the only one.
fn discover(sample: &[u8], complete: Completeness) -> pattern::Discovery {
    let last = memchr::memrchr(b'\n', sample).filter(|_| complete == Completeness::Prefix);
    let whole = &sample[..last.unwrap_or(sample.len())];
    pattern::discover(whole.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
}

/// Whether nearly all lines of `sample` are objects.
fn are_objects(sample: &[u8], complete: Completeness) -> bool {
    let (mut objects, mut others) = (0, 0);
    let mut lines = sample.split(|&byte| byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_cut = complete == Completeness::Prefix && lines.peek().is_none();
        if is_cut && objects + others > 0 || objects + others == LINES_MAX {
            break;
        }
        match line.trim_ascii() {
            [] => {}
            // A line that is longer than the sample is taken at its first word.
            [b'{', rest @ ..] if is_cut && rest.trim_ascii_start().starts_with(b"\"") => objects += 1,
            line if objects::is_object(line) => objects += 1,
            _ => others += 1,
        }
    }
    objects > 0 && others * ODD_ONE_IN <= objects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_json_are_told_from_others() {
        let check = |sample: &str, complete, expected: Option<Terminator>| {
            let found = Format::of_lines(sample.as_bytes(), complete, &FormatOption::Auto);
            assert_eq!(found, expected.map(Format::Json), "{sample}");
        };
        let (whole, prefix) = (Completeness::Whole, Completeness::Prefix);
        check("{\"a\":1}\n{\"b\":{\"c\":[2]}}\n", whole, Some(Terminator::Lf));
        check("\u{feff} {\"a\":1} \r\n\r\n{}\r\n", whole, Some(Terminator::CrLf));
        check("{\"a\":1}", whole, Some(Terminator::Lf));
        check("{\"a\":1}\n{\"a\":1", prefix, Some(Terminator::Lf));
        check("{\"a\":\"long", prefix, Some(Terminator::Lf));
        check("{\"a\":1}\n{\"a\":1", whole, None);
        for other in ["", "\n\n", "[1]\n", "1,2\n", "{\n  \"a\": 1\n}\n", "{a:1}\n", "{\"a\":1},\n", "\"{}\"\n"] {
            check(other, whole, None);
        }
        check(&("{\"a\":1}\n".repeat(20) + "killed\n"), whole, Some(Terminator::Lf));
        check(&("{\"a\":1}\n".repeat(19) + "killed\n"), whole, None);
    }
}
