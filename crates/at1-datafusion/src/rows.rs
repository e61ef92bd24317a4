//! The rows that a Parquet reader cannot see rightly, read by AT1 itself.
//!
//! * These are rows of segments that were written in an older schema, whose fields are read again in the table's; the first rows of a
//!   segment that also holds rows of later states; and all rows where their ordinals or sources are asked for.
//! * Each partition is a stretch of the table's rows, read by a thread of its own, in order.
//! * What is needed to make the plan again elsewhere is words and numbers: see [`RowsPlan`].

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_catalog::Predicate;
use at1_table::{PlannedSegment, Pruning, ScanOptions, Snapshot};
use datafusion::{
    common::{Statistics, internal_err, stats::Precision, tree_node::TreeNodeRecursion},
    error::Result,
    execution::TaskContext,
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, SendableRecordBatchStream,
        execution_plan::{Boundedness, EmissionType},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        stream::RecordBatchReceiverStreamBuilder,
    },
};

use crate::{error::external, provider::At1Table, types};

/// What a [`RowsExec`] does, in words and numbers that mean the same wherever the table's folder is.
#[derive(Clone, Debug, PartialEq)]
pub struct RowsPlan {
    /// The table's folder.
    pub folder: PathBuf,
    /// The event whose state is read; `None` for a table without events.
    pub event: Option<u64>,
    /// The columns, by position among those of the table and, behind them, its system columns.
    pub output: Vec<usize>,
    /// Which rows, at least; they are filtered again.
    pub predicate: Predicate,
    /// Whether zones are used.
    pub pruning: Pruning,
    /// Of each partition, at most so many rows are needed.
    pub limit: Option<usize>,
    /// For each partition, the rows of the table that it reads.
    pub partitions: Vec<Vec<Range<u64>>>,
}

/// Reads rows of a table by AT1's own scan.
#[derive(Clone, Debug)]
pub struct RowsExec {
    plan: Arc<RowsPlan>,
    snapshot: Snapshot,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RowsExec {
    /// Reads the rows of some segments, neighbours together, in at most `partitions` partitions of about as many rows.
    pub(crate) fn new(
        table: &At1Table,
        output: &[usize],
        predicate: Predicate,
        limit: Option<usize>,
        segments: &[PlannedSegment],
        partitions: usize,
    ) -> Result<Self> {
        let plan = RowsPlan {
            folder: table.folder().to_owned(),
            event: table.snapshot().event(),
            output: output.to_vec(),
            predicate,
            pruning: table.pruning(),
            limit,
            partitions: shared_out(segments.iter().map(|segment| segment.rows.clone()), partitions),
        };
        Self::of(plan, table)
    }

    /// The same work as `plan` says, of a table in the state that it says.
    ///
    /// # Errors
    /// If the table does not have a column that the plan names.
    pub fn of(plan: RowsPlan, table: &At1Table) -> Result<Self> {
        let all = types::schema(&table.snapshot().columns(), types::SystemColumns::Shown);
        let schema = Arc::new(all.project(&plan.output)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(plan.partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            plan: Arc::new(plan),
            snapshot: table.snapshot().clone(),
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// What it does.
    pub fn plan(&self) -> &RowsPlan {
        &self.plan
    }
}

/// Deals stretches of rows out, neighbours together, each part about as many rows as the others.
fn shared_out(stretches: impl Iterator<Item = Range<u64>> + Clone, parts: usize) -> Vec<Vec<Range<u64>>> {
    let total: u64 = stretches.clone().map(|rows| rows.end - rows.start).sum();
    let parts = parts.max(1);
    let mut shared: Vec<Vec<Range<u64>>> = vec![vec![]; parts];
    let mut before = 0;
    for rows in stretches {
        let length = rows.end - rows.start;
        let part = u128::from(before + length / 2) * parts as u128 / u128::from(total.max(1));
        before += length;
        let part = &mut shared[usize::try_from(part).unwrap_or(0).min(parts - 1)];
        match part.last_mut().filter(|last| last.end == rows.start) {
            Some(last) => last.end = rows.end,
            None => part.push(rows),
        }
    }
    shared.retain(|part| !part.is_empty());
    shared
}

/// Sends the rows of a partition until nobody wants more.
fn send(
    exec: &RowsExec,
    partition: usize,
    batch_rows: usize,
    metrics: &BaselineMetrics,
    mut take: impl FnMut(RecordBatch) -> bool,
) -> Result<()> {
    let width = exec.snapshot.columns().columns.len();
    let (columns, system): (Vec<usize>, Vec<usize>) = exec.plan.output.iter().partition(|&&column| column < width);
    let shown: Vec<_> = types::shown_system_columns(&exec.snapshot.columns());
    let system: Vec<_> = system.into_iter().filter_map(|column| shown.get(column - width).copied()).collect();
    // The scan gives the table's columns first; here they stand where they were asked for.
    let (mut own, mut others) = (0.., columns.len()..);
    let order: Vec<usize> =
        exec.plan.output.iter().filter_map(|&column| if column < width { own.next() } else { others.next() }).collect();
    let mut left = exec.plan.limit.map(|limit| limit as u64);
    for rows in &exec.plan.partitions[partition] {
        let options = ScanOptions {
            predicate: exec.plan.predicate.clone(),
            system: system.clone(),
            rows: Some(rows.clone()),
            limit: left,
            pruning: exec.plan.pruning,
            batch_rows,
            ..ScanOptions::default()
        };
        let scan = exec.snapshot.scan_columns(&columns, &options).map_err(external)?;
        for batch in scan {
            let timer = metrics.elapsed_compute().timer();
            let batch = types::as_viewed(&batch.map_err(external)?.project(&order)?, &exec.schema)?;
            timer.done();
            left = left.map(|left| left.saturating_sub(batch.num_rows() as u64));
            metrics.record_output(batch.num_rows());
            if !take(batch) {
                return Ok(());
            }
        }
        if left == Some(0) {
            break;
        }
    }
    Ok(())
}

impl DisplayAs for RowsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: u64 = self.plan.partitions.iter().flatten().map(|rows| rows.end - rows.start).sum();
        write!(f, "At1RowsExec: rows={rows}, partitions={}", self.plan.partitions.len())?;
        if self.plan.predicate != Predicate::TRUE {
            write!(f, ", predicate={}", self.plan.predicate)?;
        }
        match self.plan.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for RowsExec {
    fn name(&self) -> &str {
        "At1RowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("At1RowsExec has no children, found {}", children.len()),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (exec, batch_rows) = (self.clone(), context.session_config().batch_size());
        let mut stream = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), 2);
        let out = stream.tx();
        stream.spawn_blocking(move || {
            send(&exec, partition, batch_rows, &metrics, |batch| out.blocking_send(Ok(batch)).is_ok())
        });
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        let stretches = self.plan.partitions.iter().enumerate().filter(|(i, _)| partition.is_none_or(|p| p == *i));
        let rows: u64 = stretches.flat_map(|(_, rows)| rows).map(|rows| rows.end - rows.start).sum();
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        statistics.num_rows = match (&self.plan.predicate, self.plan.limit) {
            (&Predicate::TRUE, None) => Precision::Exact(rows),
            _ => Precision::Inexact(rows),
        };
        Ok(Arc::new(statistics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_together() {
        type Stretches<'a> = &'a [(u64, u64)];
        let check = |stretches: Stretches<'_>, parts: usize, expected: &[Stretches<'_>]| {
            let shared = shared_out(stretches.iter().map(|&(start, end)| start..end), parts);
            let pairs = |part: &Vec<Range<u64>>| part.iter().map(|rows| (rows.start, rows.end)).collect::<Vec<_>>();
            assert_eq!(shared.iter().map(pairs).collect::<Vec<_>>(), expected, "{stretches:?} in {parts}");
        };
        check(&[(0, 10), (10, 20), (30, 40)], 1, &[&[(0, 20), (30, 40)]]);
        check(&[(0, 10), (10, 20), (30, 40), (40, 50)], 2, &[&[(0, 20)], &[(30, 50)]]);
        check(&[(0, 1)], 8, &[&[(0, 1)]]);
        check(&[], 8, &[]);
        check(&[(0, 1), (1, 100), (100, 101)], 3, &[&[(0, 1)], &[(1, 100)], &[(100, 101)]]);
    }
}
