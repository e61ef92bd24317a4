//! The crate's one error: what the caller can do about it, where it was, what was expected and what was found.
//!
//! * One word wide, so results stay small.
//! * `Display` prints this layer only; `source()` gives the operating system's error where there is one.
//! * Messages are lower case, without a full stop, and never print Rust syntax.

use std::{error, fmt, io};

/// A result whose error is this crate's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done, or does not hold.
///
/// ```
/// use at1_ledger::{ErrorKind, parse_line};
///
/// let error = parse_line(b"no event\n").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Damaged);
/// assert_eq!(error.to_string(), "line: expected 164 to 65600 bytes, found 8");
/// ```
#[derive(Debug)]
pub struct Error(Box<Repr>);

#[derive(Debug)]
struct Repr {
    kind: ErrorKind,
    place: String,
    message: String,
    source: Option<io::Error>,
}

/// What kind of failure it is: one kind per reaction of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes break the format, or a hash differs. Retrying cannot help.
    Damaged,
    /// The line has no LF at its end: a write that was cut short, not evidence of anything.
    Torn,
    /// Intact, but of a version or an operation that this version does not know.
    Unknown,
    /// Each event is intact, yet together they cannot be true: totals, tiling, numbers, times, names.
    Contradiction,
    /// The event would not fit; close the group of batches earlier.
    TooLarge,
    /// The caller asked for something that the format cannot say.
    Invalid,
    /// The clock is more than a day behind the newest event.
    Clock,
    /// A proof does not prove what it claims, or a signature does not verify.
    Unproven,
    /// A signature, a quorum or a log that the verifier asks for is not there.
    Untrusted,
    /// The operating system refused.
    Io,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Repr { kind, place: String::new(), message: message.into(), source: None }))
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn contradiction(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Contradiction, message)
    }

    /// Puts `place` before the place that the error already has.
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.place = match self.0.place.as_str() {
            "" => place.to_string(),
            inner => format!("{place}: {inner}"),
        };
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where it was, outermost first (`event 3: batches[0].rows`); may be empty.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// What was expected and what was found, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.place.as_str() {
            "" => f.write_str(&self.0.message),
            place => write!(f, "{place}: {}", self.0.message),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

impl Error {
    /// What the operating system, or another program, refused to do.
    pub(crate) fn io(message: &str, source: io::Error) -> Self {
        Self(Box::new(Repr {
            kind: ErrorKind::Io,
            place: String::new(),
            message: message.into(),
            source: Some(source),
        }))
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::io("could not be read", source)
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
