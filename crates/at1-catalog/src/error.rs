//! The one error of this crate: what went wrong, and where.

use std::fmt;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a predicate, a zone or a scan could not be had, and where.
pub struct Error(Box<Repr>);

struct Repr {
    place: String,
    kind: ErrorKind,
}

/// What a caller can do about an [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text of a predicate does not follow the grammar.
    Syntax {
        /// What the grammar wants here.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// No column has this name.
    UnknownColumn {
        /// The name that was asked for.
        name: String,
        /// Columns whose names look alike.
        near: Vec<String>,
    },
    /// A value or a column is not of the type that is needed.
    Mismatch {
        /// What would fit.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Zone strings or a file that break their format.
    Corrupt {
        /// What should have been there.
        expected: String,
        /// What was.
        found: String,
    },
    /// A segment refused.
    Codec(at1_codec::Error),
    /// The Parquet layer refused.
    Parquet(parquet::errors::ParquetError),
    /// The Arrow layer refused.
    Arrow(arrow::error::ArrowError),
}

impl Error {
    /// An error of `kind` at `place`, such as `column price`.
    pub fn new(place: impl Into<String>, kind: ErrorKind) -> Self {
        Self(Box::new(Repr { place: place.into(), kind }))
    }

    pub(crate) fn mismatch(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(place, ErrorKind::Mismatch { expected: expected.into(), found: found.to_string() })
    }

    pub(crate) fn corrupt(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(place, ErrorKind::Corrupt { expected: expected.into(), found: found.to_string() })
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Where it happened.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// The same error, one level further out: `outer: place`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.0.place = if self.0.place.is_empty() { outer.to_owned() } else { format!("{outer}: {}", self.0.place) };
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.place.is_empty() {
            write!(f, "{}: ", self.0.place)?;
        }
        match &self.0.kind {
            ErrorKind::Syntax { expected, found } | ErrorKind::Mismatch { expected, found } => {
                write!(f, "expected {expected}, found {found}")
            }
            ErrorKind::UnknownColumn { name, near } => {
                write!(f, "no column is named {name}")?;
                match near.as_slice() {
                    [] => Ok(()),
                    near => write!(f, "; near it: {}", near.join(", ")),
                }
            }
            ErrorKind::Corrupt { expected, found } => write!(f, "corrupt: expected {expected}, found {found}"),
            ErrorKind::Codec(_) => f.write_str("the segment refused"),
            ErrorKind::Parquet(_) => f.write_str("the Parquet layer refused"),
            ErrorKind::Arrow(_) => f.write_str("the Arrow layer refused"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("place", &self.0.place).field("kind", &self.0.kind).finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Codec(e) => Some(e),
            ErrorKind::Parquet(e) => Some(e),
            ErrorKind::Arrow(e) => Some(e),
            _ => None,
        }
    }
}

impl Error {
    /// What `explain` makes of an error of the Arrow or Parquet layer; other errors as they are.
    pub(crate) fn behind_arrow(self, explain: impl FnOnce(arrow::error::ArrowError) -> at1_codec::Error) -> Self {
        let Self(repr) = self;
        match repr.kind {
            ErrorKind::Arrow(e) => Self::new(repr.place, ErrorKind::Codec(explain(e))),
            ErrorKind::Parquet(e) => Self::new(repr.place, ErrorKind::Codec(explain(e.into()))),
            kind => Self::new(repr.place, kind),
        }
    }
}

impl From<at1_codec::Error> for Error {
    fn from(e: at1_codec::Error) -> Self {
        Self::new("", ErrorKind::Codec(e))
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(e: parquet::errors::ParquetError) -> Self {
        Self::new("", ErrorKind::Parquet(e))
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(e: arrow::error::ArrowError) -> Self {
        Self::new("", ErrorKind::Arrow(e))
    }
}
