//! `CREATE EXTERNAL TABLE name STORED AS AT1 LOCATION 'folder'`.
//!
//! * With `OPTIONS ('as_of' '12')` the table is that state for good, else it is what it was when the statement ran.

use std::sync::Arc;

use async_trait::async_trait;
use at1_table::{AsOf, Table};
use datafusion::{
    catalog::{Session, TableProvider, TableProviderFactory},
    common::plan_datafusion_err,
    error::Result,
    logical_expr::CreateExternalTable,
};

use crate::{error::joined, provider::At1Table};

/// Opens tables by their folders.
#[derive(Debug)]
pub struct At1TableFactory;

#[async_trait]
impl TableProviderFactory for At1TableFactory {
    async fn create(&self, _: &dyn Session, command: &CreateExternalTable) -> Result<Arc<dyn TableProvider>> {
        let mut point = None;
        for (key, value) in &command.options {
            // DataFusion puts the format's name before what it does not know.
            match key.strip_prefix("format.").unwrap_or(key) {
                "as_of" => point = Some(value.parse::<AsOf>().map_err(crate::error::external)?),
                other => return Err(plan_datafusion_err!("option: expected as_of, found {other}")),
            }
        }
        let [location] = command.locations.as_slice() else {
            return Err(plan_datafusion_err!("LOCATION: expected one folder, found {}", command.locations.len()));
        };
        let folder = location.strip_prefix("file://").unwrap_or(location).to_owned();
        let table = Arc::new(joined(tokio::task::spawn_blocking(move || Table::open(folder)).await)?);
        Ok(Arc::new(match point {
            Some(point) => At1Table::as_of(table, point)?,
            None => At1Table::newest(table)?,
        }))
    }
}
