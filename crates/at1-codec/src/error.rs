//! The one error of this crate: what went wrong, and where.

use std::{fmt, io};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why bytes could not be encoded or decoded, and where.
pub struct Error(Box<Repr>);

struct Repr {
    place: String,
    kind: ErrorKind,
}

/// What a caller can do about an [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are not what was written; retrying cannot help.
    Corrupt {
        /// What should have been there.
        expected: String,
        /// What was.
        found: String,
    },
    /// Another version or another program wrote this.
    Unsupported {
        /// What this reader reads.
        expected: String,
        /// What it met.
        found: String,
    },
    /// The caller asked for something that does not fit.
    Invalid {
        /// What would fit.
        expected: String,
        /// What was asked.
        found: String,
    },
    /// The storage refused.
    Io(io::Error),
    /// The Parquet layer refused.
    Parquet(parquet::errors::ParquetError),
    /// The Arrow layer refused.
    Arrow(arrow::error::ArrowError),
}

impl Error {
    /// An error of `kind` at `place`, such as `row group 3, column price`.
    pub fn new(place: impl Into<String>, kind: ErrorKind) -> Self {
        Self(Box::new(Repr { place: place.into(), kind }))
    }

    /// Bytes that break the format.
    pub fn corrupt(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(place, ErrorKind::Corrupt { expected: expected.into(), found: found.to_string() })
    }

    /// A request that cannot be met.
    pub fn invalid(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(place, ErrorKind::Invalid { expected: expected.into(), found: found.to_string() })
    }

    /// Bytes of another version or program.
    pub fn unsupported(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(place, ErrorKind::Unsupported { expected: expected.into(), found: found.to_string() })
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
            ErrorKind::Corrupt { expected, found } => write!(f, "corrupt: expected {expected}, found {found}"),
            ErrorKind::Unsupported { expected, found } => {
                write!(f, "not readable here: expected {expected}, found {found}")
            }
            ErrorKind::Invalid { expected, found } => write!(f, "expected {expected}, found {found}"),
            ErrorKind::Io(_) => f.write_str("input or output failed"),
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
            ErrorKind::Io(e) => Some(e),
            ErrorKind::Parquet(e) => Some(e),
            ErrorKind::Arrow(e) => Some(e),
            _ => None,
        }
    }
}

impl Error {
    /// The same error once more, for a layer that keeps only its text.
    pub(crate) fn twin(&self) -> Self {
        let (place, text) = (self.place().to_owned(), self.to_string());
        let copy = |expected: &String, found: &String| (expected.clone(), found.clone());
        let kind = match self.kind() {
            ErrorKind::Corrupt { expected, found } => {
                let (expected, found) = copy(expected, found);
                ErrorKind::Corrupt { expected, found }
            }
            ErrorKind::Unsupported { expected, found } => {
                let (expected, found) = copy(expected, found);
                ErrorKind::Unsupported { expected, found }
            }
            ErrorKind::Invalid { expected, found } => {
                let (expected, found) = copy(expected, found);
                ErrorKind::Invalid { expected, found }
            }
            ErrorKind::Io(e) => ErrorKind::Io(io::Error::new(e.kind(), e.to_string())),
            ErrorKind::Parquet(_) | ErrorKind::Arrow(_) => ErrorKind::Io(io::Error::other(text)),
        };
        Self::new(place, kind)
    }
}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Self::new("", ErrorKind::Io(e))
    }
}

impl From<parquet::errors::ParquetError> for Error {
    /// An error of ours or of the storage that only passed through the Parquet layer is given back as it was.
    fn from(e: parquet::errors::ParquetError) -> Self {
        let parquet::errors::ParquetError::External(inner) = e else { return Self::new("", ErrorKind::Parquet(e)) };
        match inner.downcast::<Self>() {
            Ok(own) => *own,
            Err(other) => match other.downcast::<io::Error>() {
                Ok(io) => match io.downcast::<Self>() {
                    Ok(own) => own,
                    Err(io) => io.into(),
                },
                Err(other) => Self::new("", ErrorKind::Parquet(parquet::errors::ParquetError::External(other))),
            },
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(e: arrow::error::ArrowError) -> Self {
        Self::new("", ErrorKind::Arrow(e))
    }
}
