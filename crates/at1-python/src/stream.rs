//! Record batches over the Arrow C stream interface, without copies.
//!
//! * Who draws from a stream may hold the interpreter or not, in any thread; batches are made without it.
//! * A consumer can only be told that a stream failed, not by which exception. If a signal ended it, the signal is raised again, so
//!   that Python handles it as soon as the consumer has returned.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchReader, StructArray},
    datatypes::{Field, SchemaRef},
    error::ArrowError,
};
use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*, types::PyCapsule};
use pyo3_arrow::{
    ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule},
    input::AnyRecordBatch,
};

use crate::failure::{Failure, Result};

/// A capsule named `arrow_array_stream` that gives the batches of `reader`, cast to `requested_schema` where that is possible.
///
/// # Errors
/// If the schema that is requested is none.
pub fn export<'py>(
    py: Python<'py>,
    reader: Box<dyn RecordBatchReader + Send>,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> Result<Bound<'py, PyCapsule>> {
    let field = Arc::new(
        Field::new_struct("", reader.schema().fields().clone(), false)
            .with_metadata(reader.schema().metadata().clone()),
    );
    let arrays = reader.map(|batch| batch.map(|batch| Arc::new(StructArray::from(batch)) as ArrayRef).map_err(told));
    let arrays = Box::new(ArrayIterator::new(arrays, field));
    to_stream_pycapsule(py, arrays, requested_schema).map_err(|e| Failure::Raised(e.into()))
}

/// A capsule named `arrow_schema`.
///
/// # Errors
/// If the schema has no C form.
pub fn export_schema<'py>(py: Python<'py>, schema: &SchemaRef) -> Result<Bound<'py, PyCapsule>> {
    to_schema_pycapsule(py, schema.as_ref()).map_err(|e| Failure::Raised(e.into()))
}

/// The record batches of any object that exports them: of pyarrow, polars, pandas, duckdb …
///
/// # Errors
/// If `data` exports none.
pub fn import(data: &Bound<'_, PyAny>) -> Result<Box<dyn RecordBatchReader + Send>> {
    let exports = ["__arrow_c_stream__", "__arrow_c_array__"];
    if !exports.iter().any(|name| data.hasattr(name).unwrap_or(false)) {
        let found = data.get_type().qualname()?;
        return Err(Failure::invalid("data", "an object that exports Arrow data (__arrow_c_stream__)", found));
    }
    Ok(data.extract::<AnyRecordBatch>()?.into_reader()?)
}

/// A reader that is an iterator with a schema.
pub struct Batches<I> {
    schema: SchemaRef,
    batches: I,
}

impl<I> Batches<I> {
    /// The batches of an iterator, all of this schema.
    pub fn new(schema: SchemaRef, batches: I) -> Self {
        Self { schema, batches }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for Batches<I> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.batches.next()?.map_err(ArrowError::from))
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> RecordBatchReader for Batches<I> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// The error as a consumer is told of it.
fn told(error: ArrowError) -> ArrowError {
    let failure = Failure::from(error);
    let is_signal = |raised: &PyErr| Python::attach(|py| raised.is_instance_of::<PyKeyboardInterrupt>(py));
    match &failure {
        Failure::Raised(raised) if is_signal(raised) => {
            // Best effort: without it the consumer's own exception is all there is.
            let _ = Python::attach(|py| py.import("_thread")?.call_method0("interrupt_main").map(drop));
            ArrowError::ExternalError("interrupted".into())
        }
        _ => failure.into(),
    }
}
