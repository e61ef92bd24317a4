//! A table for DataFusion's own Python package, over its foreign function interface.
//!
//! * Plans are made and run in a session of ours, whatever session asks: only ours knows where segments are, and hashes what it reads.
//! * Host and extension must be of one major version of DataFusion, which the interface checks.

use std::{fmt, path::PathBuf, sync::Arc};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use at1_datafusion::{At1Table, Split, statement};
use at1_python::Result as Told;
use at1_table::{AsOf, Table};
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Statistics, internal_err, tree_node::TreeNodeRecursion},
    error::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext, TaskContextProvider},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_expr::PhysicalExpr,
    physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties},
    prelude::SessionContext,
};
use datafusion_ffi::table_provider::FFI_TableProvider;
use pyo3::{prelude::*, types::PyCapsule};
use tokio::runtime::Handle;

use crate::{error::failure, runtime::runtime};

/// A capsule with a table, in its newest or a past state.
#[pyfunction]
#[pyo3(signature = (folder, past=None))]
pub(crate) fn provider(py: Python<'_>, folder: PathBuf, past: Option<String>) -> Told<Bound<'_, PyCapsule>> {
    let exported = py.detach(|| -> Told<FFI_TableProvider> {
        let runtime = runtime()?;
        let _entered = runtime.enter();
        let table = Arc::new(Table::open(&folder)?);
        let state = match past {
            None => At1Table::newest(table),
            Some(point) => At1Table::as_of(table, point.parse::<AsOf>()?),
        };
        let state = state.map_err(|error| failure(&error))?.with_split(Split::Rows);
        let context = Arc::new(SessionContext::new_with_config(statement::config()));
        at1_datafusion::install(&context).map_err(|error| failure(&error))?;
        let tasks = Arc::clone(&context) as Arc<dyn TaskContextProvider>;
        let table = Arc::new(Exported { state, context, threads: runtime.handle().clone() });
        Ok(FFI_TableProvider::new(table, true, Some(runtime.handle().clone()), &tasks, None))
    })?;
    Ok(PyCapsule::new_with_value(py, exported, c"datafusion_table_provider")?)
}

/// A table with the session that its plans run in.
struct Exported {
    state: At1Table,
    context: Arc<SessionContext>,
    threads: Handle,
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

#[async_trait]
impl TableProvider for Exported {
    fn schema(&self) -> SchemaRef {
        self.state.schema()
    }

    fn table_type(&self) -> TableType {
        self.state.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.state.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (state, context) = (self.state.clone(), Arc::clone(&self.context));
        let (projection, filters) = (projection.cloned(), filters.to_vec());
        // Whoever asks may have threads of another runtime.
        let plan = self.threads.spawn(async move {
            let plan = state.scan(&context.state(), projection.as_ref(), &filters, limit).await?;
            Ok(Arc::new(OwnSession { plan, context }) as Arc<dyn ExecutionPlan>)
        });
        plan.await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
    }
}

/// A plan that runs in the session that it was made in.
struct OwnSession {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<SessionContext>,
}

impl fmt::Debug for OwnSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

impl DisplayAs for OwnSession {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "At1: ")?;
        self.plan.fmt_as(t, f)
    }
}

impl ExecutionPlan for OwnSession {
    fn name(&self) -> &str {
        "At1Exec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        // Nobody outside may take it apart, and run the parts elsewhere.
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
            false => internal_err!("At1Exec has no children, found {}", children.len()),
        }
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.plan.execute(partition, self.context.task_ctx())
    }

    #[expect(deprecated, reason = "it is what plans of this version are asked")]
    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.plan.partition_statistics(partition)
    }
}
