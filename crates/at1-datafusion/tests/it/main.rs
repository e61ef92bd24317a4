//! Tables in DataFusion from outside: the answers of SQL, what was read for them, and what is refused.
#![allow(clippy::unwrap_used, reason = "in tests a failed unwrap is the test failing")]

mod agree;
mod as_of;
mod damage;
mod read;
mod schema;
mod system;

use std::{path::Path, sync::Arc};

use arrow::{
    array::RecordBatch,
    util::display::{ArrayFormatter, FormatOptions},
};
use at1_datafusion::{ScanLog, Tables};
use at1_table::{AppendOptions, CreateOptions, HeaderOption, Source, Table};
use datafusion::prelude::{SessionConfig, SessionContext};
use tempfile::TempDir;

/// A table in a folder of its own, and a session that knows it as `t`.
struct Fixture {
    folder: TempDir,
    table: Arc<Table>,
    context: SessionContext,
    tables: Arc<Tables>,
    log: Arc<ScanLog>,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let table = Arc::new(Table::create(folder.path().join("t"), &CreateOptions::default()).unwrap());
        let log = Arc::new(ScanLog::default());
        let mut config = SessionConfig::new().with_target_partitions(3).with_extension(Arc::clone(&log));
        config.options_mut().sql_parser.enable_ident_normalization = false;
        config.options_mut().sql_parser.parse_float_as_decimal = true;
        let context = SessionContext::new_with_config(config);
        let tables = at1_datafusion::install(&context).unwrap();
        tables.add("t", Arc::clone(&table));
        Self { folder, table, context, tables, log }
    }

    /// With each of `batches` appended.
    fn of(batches: &[&str]) -> Self {
        let fixture = Self::new();
        batches.iter().for_each(|batch| fixture.append(batch));
        fixture
    }

    #[track_caller]
    fn append(&self, batch: &str) {
        let options = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
        self.table.append_csv(Source::bytes(batch).named("a.csv"), &options).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The rows that a query gives, or what is wrong with it.
    async fn rows(&self, sql: &str) -> Result<Vec<String>, String> {
        let run = async {
            let state = self.context.state();
            let mut statements = datafusion::sql::parser::DFParserBuilder::new(sql)
                .with_dialect(&at1_datafusion::dialect::At1Dialect)
                .build()?
                .parse_statements()?;
            let plan = state.statement_to_plan(statements.pop_front().unwrap()).await?;
            self.context.execute_logical_plan(plan).await?.collect().await
        };
        run.await.map(|batches| lines(&batches)).map_err(|error| error.strip_backtrace())
    }

    async fn check(&self, sql: &str, expected: &[&str]) {
        assert_eq!(self.rows(sql).await.unwrap(), expected, "{sql}");
    }

    async fn fails(&self, sql: &str, expected: &str) {
        let error = self.rows(sql).await.unwrap_err();
        assert!(error.contains(expected), "{sql}: {error}");
    }
}

/// Each row as its values, with bars between them; what is NULL is nothing.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::new();
    let mut lines = vec![];
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    lines
}
