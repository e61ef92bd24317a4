//! The extension module `at1_sql._at1_sql`: SQL over tables of AT1, for Python.
//!
//! * An extension of its own: DataFusion makes it large, and nobody should have that to append a file. The package `at1` finds it.
//! * Answers are Arrow streams; batches are worked out by the threads of one runtime, detached from the interpreter.
#![forbid(unsafe_code)]

mod answer;
mod error;
mod provider;
mod runtime;
mod session;

use std::{path::PathBuf, sync::Arc};

use at1_python::{Result, Watch};
use pyo3::prelude::*;

/// SQL over tables of AT1.
#[pymodule]
fn _at1_sql(module: &Bound<'_, PyModule>) -> PyResult<()> {
    at1_python::listen(module.py())?;
    module.add_class::<answer::Answer>()?;
    module.add_function(wrap_pyfunction!(provider::provider, module)?)?;
    module.add_function(wrap_pyfunction!(query, module)?)?;
    Ok(())
}

/// Plans a query over tables: each a name, a folder, and a past state or none.
#[pyfunction]
#[pyo3(signature = (text, tables, memory_bytes=None))]
fn query(
    py: Python<'_>,
    text: &str,
    tables: Vec<(String, PathBuf, Option<String>)>,
    memory_bytes: Option<usize>,
) -> Result<answer::Answer> {
    let watch = Arc::new(Watch::default());
    watch.run(py, None, || answer::Answer::plan(text, &tables, memory_bytes, Arc::clone(&watch)))
}
