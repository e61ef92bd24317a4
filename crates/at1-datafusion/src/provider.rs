//! One state of a table as a table provider.
//!
//! * Segments that zones rule out never come into the plan; of few that are left, row groups are ruled out too, and each row group is a piece
//!   of work of its own. Where a file's pieces lie is said in byte ranges, so the bytes that hold the source text are nobody's work.
//! * Segments that a Parquet reader cannot read rightly, and scans that ask for system columns, go through [`rows`](crate::rows).
//! * Statistics are exact where the manifest knows: the number of rows, and bounds and nulls of whole columns that are neither text nor
//!   doubles. So `count(*)`, `min` and `max` read nothing.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::Array, datatypes::SchemaRef};
use async_trait::async_trait;
use at1_catalog::Zones;
use at1_codec::{ColumnType, Schema};
use at1_table::{AsOf, PlanOptions, PlannedSegment, Pruning, Reasons, Snapshot, Table};
use datafusion::{
    catalog::{Session, TableProvider},
    common::{ColumnStatistics, ScalarValue, Statistics, plan_datafusion_err, stats::Precision},
    datasource::{
        physical_plan::{FileScanConfigBuilder, ParquetSource},
        source::DataSourceExec,
    },
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{ExecutionPlan, empty::EmptyExec, union::UnionExec},
};

use crate::{
    error::{external, joined},
    log::{ScanEntry, ScanLog},
    pieces::{self, Split},
    predicate::{self, Use},
    reader::SegmentReaders,
    rows::RowsExec,
    segments,
    types::{self, SystemColumns},
};

/// If no more segments than this are left, their footers are read to plan by row groups.
const OPEN_AT_MOST: usize = 64;

/// If no more rows than this are asked for, they are the first ones, read by one partition that stops when it has them.
const FIRST_ROWS_MAX: usize = 1 << 16;

/// One state of a table, for DataFusion.
///
/// It stays what it is while others append. [`Tables`](crate::Tables) hands out the newest state to each statement.
#[derive(Clone)]
pub struct At1Table {
    table: Arc<Table>,
    folder: PathBuf,
    snapshot: Snapshot,
    columns: Schema,
    schema: SchemaRef,
    system: SystemColumns,
    pruning: Pruning,
    split: Split,
}

impl fmt::Debug for At1Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("At1Table").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

impl At1Table {
    /// The newest state of a table.
    ///
    /// # Errors
    /// If its ledger cannot be read or is damaged, or it is not in a folder of this machine.
    pub fn newest(table: Arc<Table>) -> Result<Self> {
        let snapshot = table.snapshot().map_err(external)?;
        Self::of(table, snapshot)
    }

    /// A past state of a table.
    ///
    /// # Errors
    /// As [`At1Table::newest`]; if there is no such event, or none so early.
    pub fn as_of(table: Arc<Table>, point: AsOf) -> Result<Self> {
        let snapshot = table.as_of(point).map_err(external)?;
        Self::of(table, snapshot)
    }

    fn of(table: Arc<Table>, snapshot: Snapshot) -> Result<Self> {
        let place = || format!("expected a table in a folder, found {}", table.store().place());
        let folder = table.store().local_folder().ok_or_else(|| plan_datafusion_err!("{}", place()))?;
        let folder = std::path::absolute(folder).map_err(|error| plan_datafusion_err!("{}: {error}", place()))?;
        let columns = snapshot.columns();
        let schema = types::schema(&columns, SystemColumns::Hidden);
        Ok(Self {
            table,
            folder,
            snapshot,
            columns,
            schema,
            system: SystemColumns::Hidden,
            pruning: Pruning::On,
            split: Split::default(),
        })
    }

    /// The same with or without system columns.
    #[must_use]
    pub fn with_system_columns(self, system: SystemColumns) -> Self {
        Self { schema: types::schema(&self.columns, system), system, ..self }
    }

    /// The same, reading everything or only what may match: for checks, and for those who doubt. Without pruning, DataFusion still uses the
    /// statistics in Parquet footers unless it is told otherwise.
    #[must_use]
    pub fn with_pruning(self, pruning: Pruning) -> Self {
        Self { pruning, ..self }
    }

    /// The same, cut into other pieces of work.
    #[must_use]
    pub fn with_split(self, split: Split) -> Self {
        Self { split, ..self }
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The state.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The table's folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether zones are used.
    pub fn pruning(&self) -> Pruning {
        self.pruning
    }

    /// Whether system columns are shown.
    pub fn system_columns(&self) -> SystemColumns {
        self.system
    }

    /// A Parquet scan of whole segments and row groups.
    fn parquet(
        &self,
        state: &dyn Session,
        plain: &[PlannedSegment],
        statistics: Statistics,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        segments::register(state.runtime_env());
        let mut options = state.default_table_options().parquet;
        // Footers are small, and read without asking the disk.
        options.global.metadata_size_hint = None;
        let schema = types::schema(&self.columns, SystemColumns::Hidden);
        let source = ParquetSource::new(schema)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(SegmentReaders));
        let partitions = match limit {
            Some(limit) if limit <= FIRST_ROWS_MAX => 1,
            _ => state.config().target_partitions(),
        };
        let groups = pieces::shared_out(pieces::cut(&self.folder, plain, self.split, partitions)?, partitions);
        let config = FileScanConfigBuilder::new(segments::url(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// What is known of the rows that the scan gives before it filters.
    fn statistics_of(&self, plain: &[PlannedSegment], zones: Option<&Zones>) -> Statistics {
        let rows = |segment: &PlannedSegment| match &segment.row_groups {
            Some(groups) => groups.iter().map(|group| group.rows).sum(),
            None => segment.rows.end - segment.rows.start,
        };
        let rows: u64 = plain.iter().map(rows).sum();
        let bytes: u64 = plain.iter().map(|segment| segment.bytes).sum();
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        // Bounds of the table are bounds of any part of it, but values only of the whole.
        let is_whole = rows == self.snapshot.rows();
        let columns = self.columns.columns.iter().enumerate().map(|(column, own)| {
            let known = zones.and_then(|zones| zones.column(column));
            let Some(known) = known else { return ColumnStatistics::new_unknown() };
            let is_exact = is_whole && !matches!(own.ty, ColumnType::Float64 | ColumnType::Text | ColumnType::Binary);
            let bound = |array: &dyn Array| match ScalarValue::try_from_array(array, 0) {
                Ok(value) if value.is_null() => Precision::Absent,
                Ok(value) if is_exact => Precision::Exact(value),
                Ok(value) if own.ty != ColumnType::Text && own.ty != ColumnType::Binary => Precision::Inexact(value),
                _ => Precision::Absent,
            };
            let nulls = known.nulls().is_valid(0).then(|| count(known.nulls().value(0)));
            ColumnStatistics {
                null_count: match nulls {
                    Some(nulls) if is_whole => Precision::Exact(nulls),
                    Some(nulls) => Precision::Inexact(nulls),
                    None => Precision::Absent,
                },
                min_value: bound(known.min()),
                max_value: bound(known.max()),
                ..ColumnStatistics::new_unknown()
            }
        });
        Statistics {
            num_rows: Precision::Exact(count(rows)),
            total_byte_size: Precision::Inexact(count(bytes)),
            column_statistics: columns.collect(),
        }
    }
}

#[async_trait]
impl TableProvider for At1Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let width = self.columns.columns.len();
        let output: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let mut read: Vec<usize> = output.iter().copied().filter(|&column| column < width).collect();
        let named = filters.iter().flat_map(Expr::column_refs);
        read.extend(named.filter_map(|column| self.columns.columns.iter().position(|own| own.name == column.name)));
        read.sort_unstable();
        read.dedup();

        let log = state.config().get_extension::<ScanLog>();
        let options = PlanOptions {
            predicate: predicate::translate(filters, &self.columns, Use::Zones),
            columns: read.clone(),
            pruning: self.pruning,
            reasons: if log.is_some() { Reasons::Tell } else { Reasons::Omit },
            open_at_most: OPEN_AT_MOST,
        };
        let snapshot = self.snapshot.clone();
        let plan = move || Ok((snapshot.plan(&options)?, snapshot.column_zones(&read)?));
        let (plan, zones) = joined(tokio::task::spawn_blocking(plan).await)?;

        let system = output.iter().any(|&column| column >= width);
        let (plain, reread): (Vec<_>, Vec<_>) = plan.segments.into_iter().partition(|segment| segment.plain && !system);
        if let Some(log) = log {
            log.push(ScanEntry {
                folder: self.folder.display().to_string(),
                event: self.snapshot.event(),
                statistics: plan.statistics,
                explanation: plan.explanation,
                plain: plain.len(),
                reread: reread.len(),
            });
        }
        let mut parts = vec![];
        if !plain.is_empty() {
            // With system columns there are no plain segments, so positions are the same in both schemas.
            let statistics = self.statistics_of(&plain, zones.as_ref());
            parts.push(self.parquet(state, &plain, statistics, projection, limit)?);
        }
        if !reread.is_empty() {
            let predicate = predicate::translate(filters, &self.columns, Use::Rows);
            let partitions = state.config().target_partitions();
            let rows = RowsExec::new(self, &output, predicate, limit, &reread, partitions)?;
            parts.push(Arc::new(rows));
        }
        Ok(match parts.len() {
            0 => Arc::new(EmptyExec::new(Arc::new(self.schema.project(&output)?))),
            1 => parts.remove(0),
            _ => UnionExec::try_new(parts)?,
        })
    }
}
