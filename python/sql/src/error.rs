//! DataFusion's errors as those of tables.
//!
//! * What went wrong beneath decides: damage that a table or a segment reports is damage, however many layers it came through.
//! * A query that makes no sense is the caller's.

use std::error::Error;

use at1_python::Failure;
use at1_table::{Error as TableError, ErrorKind};
use datafusion::{error::DataFusionError, sql::sqlparser::parser::ParserError};

/// The failure that an error of DataFusion is.
pub(crate) fn failure(error: &DataFusionError) -> Failure {
    if let Some(cause) = cause(error) {
        return Failure::Table(cause);
    }
    let kind = match error.find_root() {
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::Configuration(_)
        | DataFusionError::NotImplemented(_) => ErrorKind::Invalid,
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) | DataFusionError::ResourcesExhausted(_) => {
            ErrorKind::Io
        }
        _ => ErrorKind::Refused,
    };
    Failure::Table(TableError::new(kind, "", "", words(error)))
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

/// The error of a table or a segment that lies beneath, said again.
fn cause(error: &DataFusionError) -> Option<TableError> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(table) = error.downcast_ref::<TableError>() {
            let found = if table.found().is_empty() { words_of(table) } else { table.found().to_owned() };
            return Some(TableError::new(table.kind(), table.place(), table.expected(), found));
        }
        if let Some(codec) = error.downcast_ref::<at1_codec::Error>() {
            use at1_codec::ErrorKind as K;
            let kind = match codec.kind() {
                K::Corrupt { .. } => ErrorKind::Corrupt,
                K::Unsupported { .. } => ErrorKind::Unsupported,
                K::Invalid { .. } => ErrorKind::Invalid,
                _ => ErrorKind::Io,
            };
            return Some(TableError::new(kind, "", "", codec));
        }
        next = error.source();
    }
    None
}

/// What lies beneath an error that says nothing itself.
fn words_of(error: &dyn Error) -> String {
    error.source().map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

/// Whether a segment was not there: a compaction replaced it and a vacuum removed it since the plan was made, or it is missing.
pub(crate) fn is_gone(error: &DataFusionError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(object_store::Error::NotFound { .. })) {
            return true;
        }
        next = error.source();
    }
    false
}
