//! Errors of the table, as DataFusion carries them.
//!
//! * DataFusion prints one layer and drops the rest, so here one layer says it all: where it was, what was expected, what was found.
//! * The table's own error stays the source, for those who want to know what kind it is.

use std::{error::Error, fmt};

use datafusion::error::DataFusionError;

/// An error of a table.
#[derive(Debug)]
pub struct TableError(at1_table::Error);

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}

impl Error for TableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// An error of the table, for DataFusion to carry.
pub fn external(error: at1_table::Error) -> DataFusionError {
    DataFusionError::External(Box::new(TableError(error)))
}

/// What a thread that was to do blocking work ended with.
pub(crate) fn joined<T>(outcome: Result<at1_table::Result<T>, tokio::task::JoinError>) -> Result<T, DataFusionError> {
    outcome.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?.map_err(external)
}
