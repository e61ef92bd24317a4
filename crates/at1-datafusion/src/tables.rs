//! Names and the tables that they mean.
//!
//! * A [`Tables`] is a schema of DataFusion's catalog. A statement asks it once for each name, so it sees one state of each table from its
//!   beginning to its end, and the next statement sees the newest.
//! * It also takes what is no table of AT1: views, tables in memory, other files.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use async_trait::async_trait;
use at1_table::{AsOf, Table};
use datafusion::{
    catalog::{SchemaProvider, TableProvider},
    common::plan_datafusion_err,
    error::Result,
};

use crate::{pieces::Split, provider::At1Table, types::SystemColumns};

/// Tables by name.
#[derive(Default)]
pub struct Tables {
    named: RwLock<BTreeMap<String, Named>>,
    seen: RwLock<(SystemColumns, Split)>,
}

#[derive(Clone)]
enum Named {
    /// A table, in its newest state or in one that it was added in.
    At1(Arc<Table>, Option<AsOf>),
    Other(Arc<dyn TableProvider>),
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.read().keys()).finish()
    }
}

impl Tables {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Named>> {
        self.named.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, name: String, named: Named) -> Option<Named> {
        self.named.write().unwrap_or_else(PoisonError::into_inner).insert(name, named)
    }

    /// Gives a table a name, in the place of what had it.
    pub fn add(&self, name: impl Into<String>, table: impl Into<Arc<Table>>) {
        self.insert(name.into(), Named::At1(table.into(), None));
    }

    /// Gives one state of a table a name: statements see this one, unless they name another.
    pub fn add_as_of(&self, name: impl Into<String>, table: impl Into<Arc<Table>>, point: AsOf) {
        self.insert(name.into(), Named::At1(table.into(), Some(point)));
    }

    /// Whether tables show their system columns to the statements that come.
    pub fn show_system_columns(&self, system: SystemColumns) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).0 = system;
    }

    /// Into what pieces of work scans are cut by the statements that come.
    pub fn split(&self, split: Split) {
        self.seen.write().unwrap_or_else(PoisonError::into_inner).1 = split;
    }

    /// The table of AT1 that has this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(&self, name: &str) -> Result<Arc<Table>> {
        self.at1(name).map(|(table, _)| table)
    }

    fn at1(&self, name: &str) -> Result<(Arc<Table>, Option<AsOf>)> {
        let named = self.read();
        let found = match named.get(name) {
            Some(Named::At1(table, point)) => return Ok((Arc::clone(table), *point)),
            Some(Named::Other(_)) => "a table of another kind",
            None => "no such name",
        };
        let known = named.iter().filter(|(_, named)| matches!(named, Named::At1(..))).map(|(name, _)| name.as_str());
        let known = known.collect::<Vec<_>>().join(", ");
        Err(plan_datafusion_err!("table {name}: expected one of {known}, found {found}"))
    }

    /// The table of this name in its newest or a past state, as statements see it.
    ///
    /// # Errors
    /// If there is no such table of AT1, or no such state of it.
    pub fn state(&self, name: &str, point: Option<AsOf>) -> Result<At1Table> {
        let (table, own) = self.at1(name)?;
        self.shown(table, point.or(own))
    }

    fn shown(&self, table: Arc<Table>, point: Option<AsOf>) -> Result<At1Table> {
        let state = match point {
            Some(point) => At1Table::as_of(table, point)?,
            None => At1Table::newest(table)?,
        };
        let (system, split) = *self.seen.read().unwrap_or_else(PoisonError::into_inner);
        Ok(state.with_system_columns(system).with_split(split))
    }

    fn provider(&self, named: Named) -> Result<Arc<dyn TableProvider>> {
        Ok(match named {
            Named::At1(table, point) => Arc::new(self.shown(table, point)?),
            Named::Other(other) => other,
        })
    }
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let named = self.read().get(name).cloned();
        named.map(|named| self.provider(named)).transpose()
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        self.insert(name, Named::Other(table)).map(|before| self.provider(before)).transpose()
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let before = self.named.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        before.map(|before| self.provider(before)).transpose()
    }

    fn table_exist(&self, name: &str) -> bool {
        self.read().contains_key(name)
    }
}
