//! Table functions: past states, and what a table knows about itself.
//!
//! | function | gives |
//! |---|---|
//! | `at1_as_of('trades', 12)`, `at1_as_of('trades', '2026-01-22T16:00:00Z')` | the table as it was |
//! | `at1_events('trades')` | the ledger's events, oldest first |
//! | `at1_batches('trades')` | what was appended |
//! | `at1_segments('trades')` | the files that hold it now |
//! | `at1_columns('trades')` | its columns |

use std::sync::Arc;

use at1_table::{Snapshot, Table};
use datafusion::{
    arrow::array::RecordBatch,
    catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider},
    common::plan_err,
    error::Result,
    logical_expr::Expr,
    prelude::SessionContext,
    scalar::ScalarValue,
};

use crate::{as_of, error::external, system, tables::Tables};

/// Makes the functions known to a session, for the tables that have names in `tables`.
pub(crate) fn register(context: &SessionContext, tables: &Arc<Tables>) {
    context.register_udtf("at1_as_of", Arc::new(AsOfFunction(Arc::clone(tables))));
    for (name, report) in [
        ("at1_events", system::events as Report),
        ("at1_batches", |_, state| system::batches(state)),
        ("at1_segments", |_, state| system::segments(state)),
        ("at1_columns", |_, state| system::columns(state)),
    ] {
        context.register_udtf(name, Arc::new(ReportFunction { tables: Arc::clone(tables), report }));
    }
}

/// `at1_as_of(table, event or time)`.
#[derive(Debug)]
struct AsOfFunction(Arc<Tables>);

impl TableFunctionImpl for AsOfFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        match args.exprs() {
            [name, at] => Ok(Arc::new(self.0.state(text(name)?, Some(as_of::point(at)?))?)),
            other => {
                plan_err!("at1_as_of: expected a table's name and an event or a time, found {} arguments", other.len())
            }
        }
    }
}

type Report = fn(&Table, &Snapshot) -> at1_table::Result<RecordBatch>;

/// A report on a table, as it is when the statement is planned.
#[derive(Debug)]
struct ReportFunction {
    tables: Arc<Tables>,
    report: Report,
}

impl TableFunctionImpl for ReportFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let [name] = args.exprs() else {
            return plan_err!("expected a table's name, found {} arguments", args.exprs().len());
        };
        let table = self.tables.named(text(name)?)?;
        let snapshot = table.snapshot().map_err(external)?;
        let batch = (self.report)(&table, &snapshot).map_err(external)?;
        Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
    }
}

fn text(expr: &Expr) -> Result<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Ok(text),
        other => plan_err!("expected a table's name in single quotes, found {other}"),
    }
}
