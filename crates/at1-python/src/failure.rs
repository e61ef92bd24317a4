//! Why a call failed, as an exception.
//!
//! * The message is the one that the Rust error has, with its causes; place, expected and found come along as attributes.
//! * Which class a kind is raised as is decided in one place, in Python: `at1.errors.of`.

use std::{error::Error, fmt, io};

use arrow::error::ArrowError;
use pyo3::{
    exceptions::{PyKeyboardInterrupt, PyRuntimeError},
    prelude::*,
};

/// A result of a call from Python.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a call from Python failed.
#[derive(Debug)]
pub enum Failure {
    /// A crate below refused, or found something wrong.
    Table(at1_table::Error),
    /// An exception was raised, by a callback, a reader or a signal.
    Raised(PyErr),
}

impl Failure {
    /// Something that does not fit was asked for.
    pub fn invalid(place: impl Into<String>, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::Table(at1_table::Error::new(at1_table::ErrorKind::Invalid, place, expected, found))
    }

    /// The operating system refused something about `place`.
    pub fn io(place: impl Into<String>, error: &io::Error) -> Self {
        Self::Table(at1_table::Error::new(at1_table::ErrorKind::Io, place, "", error))
    }

    /// The failure, and a second telling of it unless it is an exception, of which there is one.
    pub fn twice(self) -> (Self, Option<Self>) {
        match self {
            Self::Table(error) => {
                let words = words(&error);
                let told = at1_table::Error::new(error.kind(), "", "", words);
                (Self::Table(told), Some(Self::Table(error)))
            }
            raised @ Self::Raised(_) => (raised, None),
        }
    }

    /// The same, one level further out; exceptions stay what they are.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        match self {
            Self::Table(error) => Self::Table(error.within(outer)),
            raised @ Self::Raised(_) => raised,
        }
    }
}

impl From<at1_table::Error> for Failure {
    fn from(error: at1_table::Error) -> Self {
        Self::Table(error)
    }
}

impl From<at1_codec::Error> for Failure {
    fn from(error: at1_codec::Error) -> Self {
        Self::Table(error.into())
    }
}

impl From<at1_catalog::Error> for Failure {
    fn from(error: at1_catalog::Error) -> Self {
        Self::Table(error.into())
    }
}

impl From<at1_ledger::Error> for Failure {
    fn from(error: at1_ledger::Error) -> Self {
        Self::Table(error.into())
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<ArrowError> for Failure {
    /// An error of a stream is often one of ours, or an exception, in a wrapping.
    fn from(error: ArrowError) -> Self {
        let error = match error {
            ArrowError::ExternalError(inner) => match inner.downcast::<Self>() {
                Ok(failure) => return *failure,
                Err(inner) => match inner.downcast::<PyErr>() {
                    Ok(raised) => return Self::Raised(*raised),
                    Err(inner) => ArrowError::ExternalError(inner),
                },
            },
            other => other,
        };
        Self::invalid("Arrow data", "data that can be read", error)
    }
}

impl From<Failure> for ArrowError {
    fn from(failure: Failure) -> Self {
        Self::ExternalError(Box::new(failure))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(error) => f.write_str(&words(error)),
            Self::Raised(error) => error.fmt(f),
        }
    }
}

impl Error for Failure {}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Table(error) => Python::attach(|py| raise(py, &error)),
            Failure::Raised(error) => error,
        }
    }
}

/// The message and those of its causes.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(layer) = cause {
        let text = layer.to_string();
        // Some layers repeat their source in their own text.
        if !words.ends_with(&text) {
            words = format!("{words}: {text}");
        }
        cause = layer.source();
    }
    words
}

fn raise(py: Python<'_>, error: &at1_table::Error) -> PyErr {
    let message = words(error);
    let exception = py.import("at1.errors").and_then(|errors| {
        let kind = error.kind().word();
        errors.call_method1("of", (kind, &message, error.place(), error.expected(), error.found()))
    });
    match exception {
        Ok(exception) => PyErr::from_value(exception),
        // A signal came meanwhile, and is more to the point.
        Err(raised) if raised.is_instance_of::<PyKeyboardInterrupt>(py) => raised,
        // Without the package there are no classes.
        Err(_) => PyRuntimeError::new_err(message),
    }
}
