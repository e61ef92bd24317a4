//! DataFusion's errors as failures of the command line.
//!
//! * What went wrong beneath decides: damage that a table or a segment reports is damage (exit 1), however many layers it came through.
//! * A query that makes no sense is usage (exit 2).

use std::{error::Error, io};

use at1_console::failure::{Exit, Failure};
use datafusion::{error::DataFusionError, sql::sqlparser::parser::ParserError};

/// The failure that an error of DataFusion is.
pub(crate) fn failure(error: &DataFusionError) -> Failure {
    if let Some(failure) = cause(error) {
        return failure;
    }
    let (exit, kind) = match error.find_root() {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::Configuration(_)
        | DataFusionError::NotImplemented(_) => (Exit::Usage, "invalid"),
        DataFusionError::ResourcesExhausted(_) => (Exit::CouldNot, "memory"),
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => (Exit::CouldNot, "io"),
        _ => (Exit::CouldNot, "query"),
    };
    Failure::new(exit, kind, words(error))
}

/// The message without what only developers of DataFusion need.
fn words(error: &DataFusionError) -> String {
    if let DataFusionError::SQL(error, _) = error.find_root() {
        return match &**error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => "the query is nested too deeply".to_owned(),
        };
    }
    let text = error.strip_backtrace();
    let plain = ["Error during planning: ", "SQL error: ", "Schema error: ", "Execution error: ", "External error: "];
    plain.iter().find_map(|start| text.strip_prefix(start)).map_or(text.clone(), str::to_owned)
}

/// The error of a table or a segment that lies beneath.
fn cause(error: &DataFusionError) -> Option<Failure> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(table) = error.downcast_ref::<at1_table::Error>() {
            return Some(Failure::from_table(table));
        }
        if let Some(codec) = error.downcast_ref::<at1_codec::Error>() {
            return Some(Failure::from_codec(codec));
        }
        if let Some(io) = error.downcast_ref::<io::Error>()
            && io.get_ref().is_none()
        {
            return None;
        }
        next = error.source();
    }
    None
}

/// The segment that was not there, if that is what went wrong: a compaction replaced it and a vacuum removed it since the plan was made, or
/// it is missing.
pub(crate) fn gone(error: &DataFusionError) -> Option<&str> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(object_store::Error::NotFound { path, .. }) = error.downcast_ref() {
            return Some(path);
        }
        next = error.source();
    }
    None
}

/// A segment that plans of the newest state name again and again, and that is not there.
pub(crate) fn missing(path: &str) -> Failure {
    let (expected, found) = ("a segment", "none: deleted, or not copied yet");
    let message = format!("{path}: expected {expected}, found {found}");
    Failure::new(Exit::Violated, "corrupt", message).at(path).between(expected, found)
}
