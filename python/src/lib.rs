//! The extension module `at1._at1`: tables, scans and segments for the Python package `at1` around it.
//!
//! * Private to the package, which gives the classes their documentation, their types and their looks. Reports go over as JSON, under the
//!   names that `--json` prints.
//! * Whatever reads or writes is detached from the interpreter and can be interrupted; rows go over as Arrow, without a copy.
#![forbid(unsafe_code)]

mod bytes;
mod loose;
mod options;
mod predicate;
mod proof;
mod rows;
mod scan;
mod segment;
mod snapshot;
mod table;
mod values;
mod verify;

use pyo3::prelude::*;

/// Tables, scans and segments.
#[pymodule]
fn _at1(module: &Bound<'_, PyModule>) -> PyResult<()> {
    at1_python::listen(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<loose::Loose>()?;
    module.add_class::<rows::Rows>()?;
    module.add_class::<scan::Reader>()?;
    module.add_class::<scan::Scan>()?;
    module.add_class::<segment::Segment>()?;
    module.add_class::<snapshot::Snapshot>()?;
    module.add_class::<table::Table>()?;
    module.add_function(wrap_pyfunction!(predicate::words, module)?)?;
    module.add_function(wrap_pyfunction!(proof::check, module)?)?;
    module.add_function(wrap_pyfunction!(segment::decode, module)?)?;
    module.add_function(wrap_pyfunction!(segment::encode, module)?)?;
    Ok(())
}
