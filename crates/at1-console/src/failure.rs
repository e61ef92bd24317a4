//! Failures as people and programs see them: one line or one JSON object on stderr, and an exit code.
//!
//! * Exit codes are the documented ones and nothing else.
//! * A reader that went away (`at1 cat t | head`) is no failure, and a signal is not the failure that it caused: `main` looks at both first.

use std::{error::Error, fmt, io, path::Path};

use serde_json::{Map, Value, json};

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The bytes contradict what the ledger, or the file itself, says of them.
    Violated = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// It could not be done or decided: input, output, an unreadable or unknown format.
    CouldNot = 3,
    /// A signature, a quorum, or a level that was required is not there.
    Untrusted = 4,
    /// The history is not the one that is remembered: a rollback or a fork.
    Rollback = 5,
    /// `verify`: what vouches for the table is too old, or leaves too much out.
    Stale = 6,
    /// `verify`: the ledger's last line is torn.
    Torn = 7,
    /// A condition of the commit did not hold.
    Condition = 8,
    /// Stopped by a signal.
    Interrupted = 130,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    kind: &'static str,
    path: Option<String>,
    expected: Option<String>,
    found: Option<String>,
    message: String,
}

impl Failure {
    /// A failure in one's own words.
    pub fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self { exit, kind, path: None, expected: None, found: None, message: message.into() }
    }

    /// A command line that parses, but asks for something that is not there.
    pub fn usage(expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (expected.into(), found.into());
        let message = format!("expected {expected}, found {found}");
        Self { expected: Some(expected), found: Some(found), ..Self::new(Exit::Usage, "usage", message) }
    }

    /// A command line that parses, but whose words make no sense, in the words of whoever knew.
    pub fn usage_words(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The operating system refused something about `path`.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        Self { message: format!("{}: {error}", path.display()), ..Self::from_io(error) }.at(path)
    }

    /// The operating system refused to take the output.
    pub fn output(error: &io::Error) -> Self {
        Self { message: format!("cannot write the output: {error}"), ..Self::from_io(error) }
    }

    fn from_io(error: &io::Error) -> Self {
        Self { found: Some(error.to_string()), ..Self::new(Exit::CouldNot, "io", error.to_string()) }
    }

    /// Stopped by a signal.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted", "interrupted")
    }

    /// The failure that is an error of a library, printed as the chain of its causes.
    pub fn from_chain(exit: Exit, kind: &'static str, error: &(dyn Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(layer) = cause {
            let text = layer.to_string();
            // Some layers repeat their source in their own text.
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
            cause = layer.source();
        }
        Self::new(exit, kind, message)
    }

    /// The same about the file `path`, which the message need not name.
    #[must_use]
    pub fn at(self, path: impl AsRef<Path>) -> Self {
        Self { path: Some(path.as_ref().display().to_string()), ..self }
    }

    /// The same about the file `path`, which the message begins with.
    #[must_use]
    pub fn within(self, path: &Path) -> Self {
        Self { message: format!("{}: {}", path.display(), self.message), ..self }.at(path)
    }

    /// The same with what was expected and what was found, for programs.
    #[must_use]
    pub fn between(self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), found: Some(found.into()), ..self }
    }

    /// How the run ends because of it.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// `{"error":{"kind","path","expected","found","message"}}`, with null for what is not known.
    pub fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("kind".into(), self.kind.into());
        for (key, value) in [("path", &self.path), ("expected", &self.expected), ("found", &self.found)] {
            error.insert(key.into(), value.clone().filter(|value| !value.is_empty()).into());
        }
        error.insert("message".into(), self.message.clone().into());
        json!({ "error": error })
    }
}

impl From<at1_codec::Error> for Failure {
    fn from(error: at1_codec::Error) -> Self {
        Self::from_codec(&error)
    }
}

impl Failure {
    /// The failure that an error of the codec is.
    pub fn from_codec(error: &at1_codec::Error) -> Self {
        use at1_codec::ErrorKind as K;
        let (exit, kind) = match error.kind() {
            K::Corrupt { .. } => (Exit::Violated, "corrupt"),
            K::Unsupported { .. } => (Exit::CouldNot, "unsupported"),
            K::Invalid { .. } => (Exit::Usage, "invalid"),
            _ => (Exit::CouldNot, "io"),
        };
        let failure = Self::from_chain(exit, kind, error).at(error.place());
        match error.kind() {
            K::Corrupt { expected, found } | K::Unsupported { expected, found } | K::Invalid { expected, found } => {
                failure.between(expected, found)
            }
            _ => failure,
        }
    }
}

impl From<at1_catalog::Error> for Failure {
    fn from(error: at1_catalog::Error) -> Self {
        use at1_catalog::ErrorKind as K;
        let (exit, kind) = match error.kind() {
            K::Syntax { .. } | K::UnknownColumn { .. } | K::Mismatch { .. } => (Exit::Usage, "invalid"),
            K::Corrupt { .. } => (Exit::Violated, "corrupt"),
            K::Codec(inner) => match inner.kind() {
                at1_codec::ErrorKind::Corrupt { .. } => (Exit::Violated, "corrupt"),
                at1_codec::ErrorKind::Unsupported { .. } => (Exit::CouldNot, "unsupported"),
                _ => (Exit::CouldNot, "io"),
            },
            _ => (Exit::CouldNot, "io"),
        };
        let failure = Self::from_chain(exit, kind, &error).at(error.place());
        match error.kind() {
            K::Syntax { expected, found } | K::Mismatch { expected, found } | K::Corrupt { expected, found } => {
                failure.between(expected, found)
            }
            _ => failure,
        }
    }
}

impl From<at1_ledger::Error> for Failure {
    fn from(error: at1_ledger::Error) -> Self {
        use at1_ledger::ErrorKind as K;
        let (exit, kind) = match error.kind() {
            K::Damaged | K::Torn | K::Contradiction | K::Unproven => (Exit::Violated, "corrupt"),
            K::Unknown => (Exit::CouldNot, "unsupported"),
            K::TooLarge | K::Invalid => (Exit::Usage, "invalid"),
            K::Untrusted => (Exit::Untrusted, "untrusted"),
            _ => (Exit::CouldNot, "io"),
        };
        Self::from_chain(exit, kind, &error).at(error.place())
    }
}

impl From<at1_table::Error> for Failure {
    fn from(error: at1_table::Error) -> Self {
        Self::from_table(&error)
    }
}

impl Failure {
    /// The failure that an error of the table is.
    pub fn from_table(error: &at1_table::Error) -> Self {
        let exit = match error.kind().exit_code() {
            1 => Exit::Violated,
            2 => Exit::Usage,
            4 => Exit::Untrusted,
            5 => Exit::Rollback,
            8 => Exit::Condition,
            _ => Exit::CouldNot,
        };
        let failure = Self::from_chain(exit, error.kind().word(), error).at(error.place());
        match (error.expected(), error.found()) {
            ("", "") => failure,
            (expected, found) => failure.between(expected, found),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_place_and_expectation() {
        let failure = Failure::usage("COL:LO:HI", "x:1").at("trades");
        assert_eq!(
            failure.to_json().to_string(),
            r#"{"error":{"expected":"COL:LO:HI","found":"x:1","kind":"usage","message":"expected COL:LO:HI, found x:1","path":"trades"}}"#
        );
    }
}
