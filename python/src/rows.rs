//! Rows in memory: Arrow arrays that Python libraries take over without a copy.

use std::{fmt::Write as _, sync::Arc};

use arrow::{
    array::{Array, RecordBatch, RecordBatchIterator},
    datatypes::SchemaRef,
    util::display::{ArrayFormatter, FormatOptions},
};
use at1_python::{Failure, Result, stream};
use pyo3::{
    prelude::*,
    types::{PyCapsule, PyList},
};

use crate::values;

/// Record batches of one schema.
#[pyclass(frozen, module = "at1._at1")]
pub(crate) struct Rows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    count: usize,
}

impl Rows {
    pub(crate) fn of(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        let count = batches.iter().map(RecordBatch::num_rows).sum();
        Self { schema, batches, count }
    }

    fn column(&self, index: usize) -> Result<usize> {
        match index < self.schema.fields().len() {
            true => Ok(index),
            false => Err(Failure::invalid("column", format!("less than {}", self.schema.fields().len()), index)),
        }
    }

    /// The parts of batches that are the rows from `start`, at most `count` of them.
    fn parts(&self, start: usize, count: usize) -> impl Iterator<Item = RecordBatch> {
        let mut skip = start;
        let mut left = count;
        self.batches.iter().filter_map(move |batch| {
            let from = skip.min(batch.num_rows());
            skip -= from;
            let taken = left.min(batch.num_rows() - from);
            left -= taken;
            (taken > 0).then(|| batch.slice(from, taken))
        })
    }
}

#[pymethods]
impl Rows {
    /// All of what an object exports as Arrow data.
    #[new]
    fn new(py: Python<'_>, data: &Bound<'_, PyAny>) -> Result<Self> {
        let reader = stream::import(data)?;
        let schema = reader.schema();
        let batches = py.detach(|| reader.collect::<Result<Vec<_>, _>>())?;
        Ok(Self::of(schema, batches))
    }

    fn __len__(&self) -> usize {
        self.count
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    #[getter]
    fn types(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    /// Bytes of the buffers, shared ones counted once a batch.
    #[getter]
    fn nbytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }

    fn slice(&self, start: usize, count: usize) -> Self {
        Self::of(Arc::clone(&self.schema), self.parts(start, count).collect())
    }

    /// Values of a column as Python has them.
    fn values<'py>(&self, py: Python<'py>, column: usize, start: usize, count: usize) -> Result<Bound<'py, PyList>> {
        let column = self.column(column)?;
        let list = PyList::empty(py);
        for part in self.parts(start, count) {
            values::extend(&list, part.column(column), self.schema.field(column))?;
        }
        Ok(list)
    }

    /// Values of a column as text, `None` for null; cut where they are longer than `most` characters.
    fn texts(&self, column: usize, start: usize, count: usize, most: usize) -> Result<Vec<Option<String>>> {
        let column = self.column(column)?;
        let options = FormatOptions::new();
        let mut texts = vec![];
        for part in self.parts(start, count) {
            let array = part.column(column);
            let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
            for row in 0..array.len() {
                let mut text = String::new();
                if array.is_null(row) {
                    texts.push(None);
                    continue;
                }
                // A formatter that fails leaves its words.
                let _ = write!(text, "{}", formatter.value(row));
                if text.chars().count() > most {
                    text = text.chars().take(most.saturating_sub(1)).chain(['…']).collect();
                }
                texts.push(Some(text));
            }
        }
        Ok(texts)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> Result<Bound<'py, PyCapsule>> {
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        stream::export(py, Box::new(reader), requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyCapsule>> {
        stream::export_schema(py, &self.schema)
    }
}
