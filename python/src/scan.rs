//! Scans: what is asked, which can be asked again, and the batches of one answer.
//!
//! * A [`Scan`] stays at its state of the table, whatever is appended meanwhile; each stream of it reads anew.
//! * A [`Reader`] is one answer: its batches come once, one at a time, so a result may be larger than memory.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_catalog::{Loose, LooseScan};
use at1_python::{Result, Watch, stream};
use at1_table::{ScanOptions, Snapshot, Statistics, TableScan};
use pyo3::{prelude::*, types::PyCapsule};

use crate::rows::Rows;

/// Where a scan looks.
#[derive(Clone)]
pub(crate) enum Ground {
    Table(Snapshot),
    Loose(Arc<Loose>),
}

/// A question that can be asked any number of times.
#[pyclass(frozen, module = "at1._at1")]
pub(crate) struct Scan {
    ground: Ground,
    options: ScanOptions,
    watch: Arc<Watch>,
    schema: SchemaRef,
}

impl Scan {
    /// Looks whether the question makes sense there.
    pub(crate) fn new(ground: Ground, options: ScanOptions, watch: Arc<Watch>) -> Result<Self> {
        let schema = Answer::open(&ground, &options)?.schema();
        Ok(Self { ground, options, watch, schema })
    }

    fn open(&self) -> Result<Reader> {
        let answer = Answer::open(&self.ground, &self.options)?;
        let schema = Arc::clone(&self.schema);
        Ok(Reader { schema, drawn: Arc::new(Mutex::new(Drawn { answer, watch: Arc::clone(&self.watch) })) })
    }
}

#[pymethods]
impl Scan {
    #[getter]
    fn names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    #[getter]
    fn types(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    /// The condition, as text.
    #[getter]
    fn predicate(&self) -> String {
        self.options.predicate.to_string()
    }

    fn reader(&self, py: Python<'_>) -> Result<Reader> {
        self.watch.detached(py, || self.open())
    }

    /// All rows, and what it took to find them, as JSON.
    #[pyo3(signature = (progress=None))]
    fn read(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> Result<(Rows, String)> {
        self.watch.run(py, progress, || {
            let mut answer = Answer::open(&self.ground, &self.options)?;
            let batches = answer.by_ref().collect::<Result<Vec<_>>>()?;
            Ok((Rows::of(Arc::clone(&self.schema), batches), answer.statistics().to_json().to_string()))
        })
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> Result<Bound<'py, PyCapsule>> {
        self.reader(py)?.__arrow_c_stream__(py, requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyCapsule>> {
        stream::export_schema(py, &self.schema)
    }
}

/// The batches of one answer.
#[pyclass(frozen, module = "at1._at1")]
pub(crate) struct Reader {
    schema: SchemaRef,
    drawn: Arc<Mutex<Drawn>>,
}

#[pymethods]
impl Reader {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> Result<Option<Rows>> {
        // Whoever draws may have to wait for another, who may need the interpreter.
        let batch = py.detach(|| lock(&self.drawn).next()).transpose()?;
        Ok(batch.map(|batch| Rows::of(Arc::clone(&self.schema), vec![batch])))
    }

    /// What was read so far, as JSON.
    fn stats(&self, py: Python<'_>) -> String {
        py.detach(|| lock(&self.drawn).answer.statistics().to_json().to_string())
    }

    /// The batches that are left.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> Result<Bound<'py, PyCapsule>> {
        let drawn = Arc::clone(&self.drawn);
        let batches = std::iter::from_fn(move || lock(&drawn).next());
        let reader = stream::Batches::new(Arc::clone(&self.schema), batches);
        stream::export(py, Box::new(reader), requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyCapsule>> {
        stream::export_schema(py, &self.schema)
    }
}

fn lock(drawn: &Mutex<Drawn>) -> std::sync::MutexGuard<'_, Drawn> {
    drawn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer that is drawn from, with somebody who may interrupt it.
struct Drawn {
    answer: Answer,
    watch: Arc<Watch>,
}

impl Iterator for Drawn {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.answer.next().transpose();
        self.watch.settle(batch).transpose()
    }
}

/// The batches of an answer, wherever they come from.
enum Answer {
    Table(Box<TableScan>),
    Loose(Box<LooseScan>),
}

impl Answer {
    fn open(ground: &Ground, options: &ScanOptions) -> Result<Self> {
        match ground {
            Ground::Table(snapshot) => Ok(Self::Table(Box::new(snapshot.scan(options)?))),
            Ground::Loose(loose) => {
                let mut request = loose.catalog().request(&options.predicate)?.batch_rows(options.batch_rows);
                request = request.pruning(options.pruning);
                if let Some(select) = &options.select {
                    request = request.project(select.iter().map(String::as_str))?;
                }
                if let Some(limit) = options.limit {
                    request = request.limit(limit);
                }
                Ok(Self::Loose(Box::new(loose.scan(request)?)))
            }
        }
    }

    fn schema(&self) -> SchemaRef {
        match self {
            Self::Table(scan) => scan.schema(),
            Self::Loose(scan) => scan.schema(),
        }
    }

    fn statistics(&self) -> Statistics {
        match self {
            Self::Table(scan) => scan.statistics(),
            Self::Loose(scan) => scan.statistics(),
        }
    }
}

impl Iterator for Answer {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            Self::Table(scan) => scan.next()?.map_err(Into::into),
            Self::Loose(scan) => scan.next()?.map_err(Into::into),
        })
    }
}
