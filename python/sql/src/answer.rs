//! The answer to a query, worked out each time that somebody draws from it.
//!
//! * Batches are worked out ahead of whoever draws them, by two and no more, so an answer may be larger than memory.
//! * If files were compacted and removed before they were read, the query is planned again, as long as no rows were given out.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_datafusion::{plain, plain_schema};
use at1_python::{Failure, Result, Watch, stream};
use at1_table::store::Watch as _;
use datafusion::{
    common::plan_datafusion_err,
    error::DataFusionError,
    execution::SendableRecordBatchStream,
    prelude::{DataFrame, SQLOptions},
};
use futures::StreamExt as _;
use pyo3::{prelude::*, types::PyCapsule};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{self, Receiver, Sender},
    task::JoinHandle,
};

use crate::{
    error::{failure, is_gone},
    runtime::{beats, runtime},
    session::Session,
};

/// How often a query is planned because files went.
const PLANS_MAX: u32 = 4;
/// How many batches are worked out ahead.
const AHEAD: usize = 2;

type Found = Result<RecordBatch, DataFusionError>;

/// A query that can be asked any number of times.
#[pyclass(frozen, module = "at1_sql._at1_sql")]
pub(crate) struct Answer {
    session: Arc<Session>,
    schema: SchemaRef,
    watch: Arc<Watch>,
    /// Why drawing ended before its time: a consumer of a stream is only told in words.
    failed: Arc<Mutex<Option<Failure>>>,
}

impl Answer {
    /// Plans a query, and so knows the columns of its answer.
    pub(crate) fn plan(
        text: &str,
        tables: &[(String, PathBuf, Option<String>)],
        memory_bytes: Option<usize>,
        watch: Arc<Watch>,
    ) -> Result<Self> {
        let runtime = runtime()?;
        // Tables are opened where DataFusion's own tasks may be started.
        let _entered = runtime.enter();
        let session = Arc::new(Session::new(text, tables, memory_bytes)?);
        let schema = runtime.block_on(async {
            let plan = plan(&session).await?.create_physical_plan().await?;
            Ok(plain_schema(&plan.schema()))
        });
        let schema = schema.map_err(|error: DataFusionError| failure(&error))?;
        Ok(Self { session, schema, watch, failed: Arc::default() })
    }

    fn draw(&self) -> Result<Drawing> {
        let runtime = runtime()?;
        let (to, from) = mpsc::channel(AHEAD);
        let (session, schema) = (Arc::clone(&self.session), Arc::clone(&self.schema));
        let work = runtime.spawn(async move { work(&session, &schema, &to).await });
        Ok(Drawing {
            runtime,
            from,
            work,
            ended: false,
            watch: Arc::clone(&self.watch),
            failed: Arc::clone(&self.failed),
        })
    }
}

/// An answer on its way. Whoever has enough of it drops it, and the work ends.
struct Drawing {
    runtime: Arc<Runtime>,
    from: Receiver<Found>,
    work: JoinHandle<()>,
    /// Whether that was heard to have ended.
    ended: bool,
    watch: Arc<Watch>,
    failed: Arc<Mutex<Option<Failure>>>,
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Drawing {
    /// The batch that comes next, unless a signal comes first.
    fn wait(&mut self) -> Result<Option<RecordBatch>, DataFusionError> {
        let (beats, from, work, watch) = (beats(), &mut self.from, &mut self.work, &self.watch);
        self.runtime.block_on(async {
            let found = loop {
                tokio::select! {
                    found = from.recv() => break found,
                    () = beats.notified() => watch.check().map_err(DataFusionError::from)?,
                }
            };
            match found {
                Some(batch) => batch.map(Some),
                // What ended without a word may have ended in a panic.
                None if !std::mem::replace(&mut self.ended, true) => match work.await {
                    Err(error) if error.is_panic() => Err(DataFusionError::ExecutionJoin(Box::new(error))),
                    _ => Ok(None),
                },
                None => Ok(None),
            }
        })
    }
}

impl Iterator for Drawing {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.wait().map_err(|error| failure(&error));
        let found = self.watch.settle(found).transpose()?;
        Some(found.map_err(|failure| {
            self.work.abort();
            let (told, kept) = failure.twice();
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            told
        }))
    }
}

/// Works the answer out, and hands it over.
async fn work(session: &Session, schema: &SchemaRef, to: &Sender<Found>) {
    for plan in 1..=PLANS_MAX {
        let mut handed = false;
        let done = async {
            let mut stream = execute(session).await?;
            if plain_schema(&stream.schema()) != *schema {
                let found = stream.schema();
                return Err(plan_datafusion_err!("answer: expected the columns {schema:?}, found {found:?}"));
            }
            while let Some(batch) = stream.next().await {
                let batch = plain(&batch?, schema).map_err(DataFusionError::from)?;
                if batch.num_rows() == 0 {
                    continue;
                }
                handed = true;
                if to.send(Ok(batch)).await.is_err() {
                    // Whoever drew has enough.
                    break;
                }
            }
            Ok(())
        };
        match done.await {
            Ok(()) => return,
            Err(error) if !handed && plan < PLANS_MAX && is_gone(&error) => {}
            Err(error) => {
                // Best effort: nobody may be there to hear it.
                let _ = to.send(Err(error)).await;
                return;
            }
        }
    }
}

/// Plans the query, and starts it.
async fn execute(session: &Session) -> Result<SendableRecordBatchStream, DataFusionError> {
    plan(session).await?.execute_stream().await
}

/// Plans the query, for where the tables' rows are now. Queries define and change nothing.
async fn plan(session: &Session) -> Result<DataFrame, DataFusionError> {
    let plan = session.context.state().statement_to_plan(session.statement.clone()).await?;
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false).verify_plan(&plan)?;
    session.context.execute_logical_plan(plan).await
}

#[pymethods]
impl Answer {
    #[getter]
    fn names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    #[getter]
    fn types(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    /// Raises what ended the last drawing before its time, if anything did.
    fn check(&self) -> Result<()> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> Result<Bound<'py, PyCapsule>> {
        let batches = py.detach(|| self.draw())?;
        let reader = stream::Batches::new(Arc::clone(&self.schema), batches);
        stream::export(py, Box::new(reader), requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyCapsule>> {
        stream::export_schema(py, &self.schema)
    }
}
