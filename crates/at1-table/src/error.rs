//! The one error of this crate: what the caller can do about it, where it was, what was expected and what was found.
//!
//! * One word wide. `Display` prints this layer; `source()` gives the next.
//! * A kind is a reaction, not a place in the code; its [`word`](ErrorKind::word) and exit code are stable.

use std::{error, fmt, io};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done, or does not hold.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    place: String,
    expected: String,
    found: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The table's bytes contradict each other. Retrying cannot help; `verify` tells more.
    Corrupt,
    /// Another version or another program wrote this.
    Unsupported,
    /// The caller asked for something that does not fit.
    Invalid,
    /// There is no table here.
    NoTable,
    /// There is a table already.
    Exists,
    /// A commit condition failed: somebody else appended, or a sequence number was skipped.
    Condition,
    /// The ledger does not go on from what is remembered of it: it was cut short, put back, or written again.
    Rollback,
    /// A signature that is asked for is not there.
    Untrusted,
    /// The input does not meet what the caller demanded of it, such as its digest or its number of rejects.
    Refused,
    /// The disk failed in a way that could not be undone; all writers are stopped until a person looks.
    Poisoned,
    /// The storage refused.
    Io,
}

impl ErrorKind {
    /// The kind as one word, as `--json` prints it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Invalid => "invalid",
            Self::NoTable => "no_table",
            Self::Exists => "exists",
            Self::Condition => "condition",
            Self::Rollback => "rollback",
            Self::Untrusted => "untrusted",
            Self::Refused => "refused",
            Self::Poisoned => "poisoned",
            Self::Io => "io",
        }
    }

    /// The exit code of a command that ends with this: 1 integrity, 2 usage, 3 could not, 4 not trusted enough, 5 rollback or fork, 8 a
    /// commit condition failed.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Corrupt => 1,
            Self::Invalid => 2,
            Self::Unsupported | Self::NoTable | Self::Exists | Self::Refused | Self::Poisoned | Self::Io => 3,
            Self::Untrusted => 4,
            Self::Rollback => 5,
            Self::Condition => 8,
        }
    }
}

impl Error {
    /// An error of `kind` at `place`.
    pub fn new(
        kind: ErrorKind,
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl fmt::Display,
    ) -> Self {
        let found = found.to_string();
        Self(Box::new(Repr { kind, place: place.into(), expected: expected.into(), found, source: None }))
    }

    pub(crate) fn corrupt(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Corrupt, place, expected, found)
    }

    pub(crate) fn invalid(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Invalid, place, expected, found)
    }

    pub(crate) fn io(place: impl Into<String>, source: io::Error) -> Self {
        // What a store itself has to say about its files keeps its meaning.
        let kind = match source.kind() {
            io::ErrorKind::InvalidData => ErrorKind::Corrupt,
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        };
        Self(Box::new(Repr {
            kind,
            place: place.into(),
            expected: String::new(),
            found: String::new(),
            source: Some(Box::new(source)),
        }))
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where it was: a path within the table, a batch, a column.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// What should have been there; empty if the next layer says.
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// What was there; empty if the next layer says.
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// The same error, one level further out.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.0.place = if self.0.place.is_empty() { outer.to_owned() } else { format!("{outer}: {}", self.0.place) };
        self
    }

    /// The same error in the same words, for another who has to hear of it. What lies beneath comes as words only.
    pub(crate) fn retold(&self) -> Self {
        let mut words = vec![];
        let mut next = error::Error::source(self);
        while let Some(source) = next {
            words.push(source.to_string());
            next = source.source();
        }
        let Repr { kind, place, expected, found, .. } = &*self.0;
        let source = (!words.is_empty()).then(|| words.join(": ").into());
        Self(Box::new(Repr {
            kind: *kind,
            place: place.clone(),
            expected: expected.clone(),
            found: found.clone(),
            source,
        }))
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.place.is_empty() {
            write!(f, "{}: ", self.0.place)?;
        }
        match (self.0.expected.as_str(), self.0.found.as_str()) {
            ("", "") => f.write_str(match self.0.kind {
                ErrorKind::Corrupt => "damaged",
                ErrorKind::Unsupported => "not supported here",
                ErrorKind::Io => "input or output failed",
                other => other.word(),
            }),
            ("", found) => f.write_str(found),
            (expected, found) => write!(f, "expected {expected}, found {found}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self, self.0.kind.word())?;
        let mut next = error::Error::source(self);
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::io("", source)
    }
}

impl From<at1_codec::Error> for Error {
    fn from(source: at1_codec::Error) -> Self {
        Self::wrap(codec_kind(&source), source)
    }
}

fn codec_kind(source: &at1_codec::Error) -> ErrorKind {
    match source.kind() {
        at1_codec::ErrorKind::Corrupt { .. } => ErrorKind::Corrupt,
        at1_codec::ErrorKind::Unsupported { .. } => ErrorKind::Unsupported,
        at1_codec::ErrorKind::Invalid { .. } => ErrorKind::Invalid,
        _ => ErrorKind::Io,
    }
}

impl From<at1_ledger::Error> for Error {
    fn from(source: at1_ledger::Error) -> Self {
        use at1_ledger::ErrorKind as K;
        let kind = match source.kind() {
            K::Damaged | K::Torn | K::Contradiction | K::Unproven => ErrorKind::Corrupt,
            K::Unknown => ErrorKind::Unsupported,
            K::TooLarge | K::Invalid => ErrorKind::Invalid,
            K::Untrusted => ErrorKind::Untrusted,
            _ => ErrorKind::Io,
        };
        Self::wrap(kind, source)
    }
}

impl From<at1_catalog::Error> for Error {
    fn from(source: at1_catalog::Error) -> Self {
        use at1_catalog::ErrorKind as K;
        let kind = match source.kind() {
            K::Codec(inner) => codec_kind(inner),
            K::Corrupt { .. } | K::Parquet(_) | K::Arrow(_) => ErrorKind::Corrupt,
            _ => ErrorKind::Invalid,
        };
        Self::wrap(kind, source)
    }
}

impl Error {
    fn wrap(kind: ErrorKind, source: impl error::Error + Send + Sync + 'static) -> Self {
        // The inner error's own words are the message; its own source is the next layer's business.
        let found = source.to_string();
        let next = error::Error::source(&source).map(ToString::to_string);
        Self(Box::new(Repr {
            kind,
            place: String::new(),
            expected: String::new(),
            found,
            source: next.map(|next| next.into()),
        }))
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_where_what_was_expected_and_what_was_found() {
        let error = Error::corrupt("segments/seg_000001.at1", "10 rows", 12);
        assert_eq!(error.to_string(), "segments/seg_000001.at1: expected 10 rows, found 12");
        assert_eq!(error.within("verify").place(), "verify: segments/seg_000001.at1");
        let io = Error::io("_at1/ledger", io::Error::other("disk on fire"));
        assert_eq!(format!("{io:?}"), "_at1/ledger: input or output failed (io): disk on fire");
        assert_eq!(format!("{:?}", io.retold()), format!("{io:?}"));
    }
}
