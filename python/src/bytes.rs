//! Bytes from Python and to it: files by path, buffers, and objects with `read` or `write`.
//!
//! * What a file object raises is what the call raises, whatever the layers between made of it.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use arrow::array::RecordBatchReader;
use at1_python::{Failure, Result, stream};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

/// How much a file object is asked for at once.
const READ_BYTES: usize = 1 << 20;

/// Where a batch comes from.
pub(crate) enum Source {
    Path(PathBuf),
    Bytes(PyBackedBytes),
    Reader(FileObject),
    Arrow(Box<dyn RecordBatchReader + Send>),
}

impl Source {
    /// The package has looked already, and says what `data` is.
    pub(crate) fn new(kind: &str, data: &Bound<'_, PyAny>) -> Result<Self> {
        Ok(match kind {
            "path" => Self::Path(data.extract()?),
            "bytes" => Self::Bytes(data.extract::<PyBackedBytes>().map_err(PyErr::from)?),
            "reader" => Self::Reader(FileObject::new(data.clone().unbind())),
            _ => Self::Arrow(stream::import(data)?),
        })
    }
}

/// A Python object with `read` or `write`, of bytes.
pub(crate) struct FileObject {
    object: Py<PyAny>,
    /// Bytes that came and were not asked for yet.
    rest: Vec<u8>,
    at: usize,
    raised: Mutex<Option<PyErr>>,
}

impl FileObject {
    pub(crate) fn new(object: Py<PyAny>) -> Self {
        Self { object, rest: vec![], at: 0, raised: Mutex::default() }
    }

    /// What the object raised, instead of what came of it.
    pub(crate) fn settle<T>(&self, done: Result<T>) -> Result<T> {
        match self.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(raised) => Err(Failure::Raised(raised)),
            None => done,
        }
    }

    fn keep(&self, raised: PyErr) -> io::Error {
        let told = io::Error::other(raised.to_string());
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(raised);
        told
    }
}

impl Read for FileObject {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.rest.len() {
            self.rest = Python::attach(|py| -> PyResult<Vec<u8>> {
                let read = self.object.bind(py).call_method1("read", (READ_BYTES,))?;
                let Ok(bytes) = read.extract::<PyBackedBytes>() else {
                    let found = read.get_type().qualname()?;
                    let expected = "a file that gives bytes (opened with mode 'rb')";
                    return Err(Failure::invalid("file object", expected, found).into());
                };
                Ok(bytes.to_vec())
            })
            .map_err(|raised| self.keep(raised))?;
            self.at = 0;
        }
        let count = buffer.len().min(self.rest.len() - self.at);
        buffer[..count].copy_from_slice(&self.rest[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for FileObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Python::attach(|py| -> PyResult<()> {
            let written = self.object.bind(py).call_method1("write", (PyBytes::new(py, bytes),))?;
            // Unbuffered files may take less than they were given.
            match written.extract::<usize>() {
                Ok(count) if count < bytes.len() => {
                    let mut rest = &bytes[count..];
                    while !rest.is_empty() {
                        let count: usize =
                            self.object.bind(py).call_method1("write", (PyBytes::new(py, rest),))?.extract()?;
                        rest = &rest[count.min(rest.len())..];
                    }
                    Ok(())
                }
                _ => Ok(()),
            }
        })
        .map_err(|raised| self.keep(raised))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
