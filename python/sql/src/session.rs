//! A session: DataFusion, with the tables that one query is about, each in one state.

use std::{path::PathBuf, sync::Arc};

use at1_datafusion::{Split, statement};
use at1_python::{Failure, Result};
use at1_table::{AsOf, Table};
use datafusion::{
    execution::{memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder},
    prelude::SessionContext,
    sql::parser::Statement,
};

use crate::error::failure;

/// What a query is planned and worked out in.
pub(crate) struct Session {
    pub(crate) context: SessionContext,
    pub(crate) statement: Statement,
}

impl Session {
    /// A session for the one statement of `text`.
    pub(crate) fn new(
        text: &str,
        named: &[(String, PathBuf, Option<String>)],
        memory_bytes: Option<usize>,
    ) -> Result<Self> {
        let statements = statement::parse(text).map_err(|error| failure(&error))?;
        let count = statements.len();
        let Ok([statement]) = <[Statement; 1]>::try_from(statements) else {
            return Err(Failure::invalid("query", "one statement", count));
        };
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = memory_bytes {
            runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(bytes)));
        }
        let runtime = runtime.build_arc().map_err(|error| failure(&error))?;
        let context = SessionContext::new_with_config_rt(statement::config(), runtime);
        let tables = at1_datafusion::install(&context).map_err(|error| failure(&error))?;
        tables.split(Split::Rows);
        tables.show_system_columns(statement::system_columns(&statement));
        for (name, folder, past) in named {
            let table = Arc::new(Table::open(folder)?);
            // Each drawing plans anew, and must find the state that the first plan saw.
            let point = match past {
                Some(past) => Some(past.parse::<AsOf>()?),
                None => table.snapshot()?.event().map(AsOf::Event),
            };
            match point {
                Some(point) => {
                    table.as_of(point)?;
                    tables.add_as_of(name.clone(), table, point);
                }
                None => tables.add(name.clone(), table),
            }
        }
        Ok(Self { context, statement })
    }
}
