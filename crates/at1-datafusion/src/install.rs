//! Makes a session of DataFusion know tables of AT1.

use std::sync::Arc;

use datafusion::{common::plan_datafusion_err, error::Result, prelude::SessionContext};

use crate::{as_of::AsOfPlanner, factory::At1TableFactory, functions, segments, tables::Tables};

/// Makes a session know tables of AT1: names, table functions, `STORED AS AT1`, and past states. What it gives is the session's default
/// schema from then on, in the place of the one that it had.
///
/// Identifiers are the session's business: unless `datafusion.sql_parser.enable_ident_normalization` is off, DataFusion lowers what is not
/// quoted, and headers are what they are.
///
/// # Errors
/// If the session has no default catalog.
pub fn install(context: &SessionContext) -> Result<Arc<Tables>> {
    let tables = Arc::new(Tables::default());
    let (catalog, schema) = {
        let state = context.state_ref();
        let mut state = state.write();
        state.table_factories_mut().insert("AT1".to_owned(), Arc::new(At1TableFactory));
        let names = &state.config().options().catalog;
        (names.default_catalog.clone(), names.default_schema.clone())
    };
    let missing = || plan_datafusion_err!("session: expected a catalog {catalog}, found none");
    let catalog = context.catalog(&catalog).ok_or_else(missing)?;
    catalog.register_schema(&schema, Arc::clone(&tables) as _)?;
    context.register_relation_planner(Arc::new(AsOfPlanner(Arc::clone(&tables))))?;
    functions::register(context, &tables);
    segments::register(&context.runtime_env());
    Ok(tables)
}
