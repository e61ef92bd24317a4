//! One state of a table: the newest, or a past one.

use std::{fs::File, path::PathBuf, sync::Arc};

use at1_python::{Failure, Result, Watch};
use at1_table::{Extent, Joints, Pruning, ScanOptions, store::WatchedFile};
use pyo3::{prelude::*, types::PyBytes};
use serde_json::{Value, json};

use crate::{
    bytes::FileObject,
    options,
    predicate::predicate,
    rows::Rows,
    scan::{Ground, Scan},
};

/// One state of a table.
#[pyclass(frozen, module = "at1._at1")]
pub(crate) struct Snapshot {
    snapshot: at1_table::Snapshot,
    watch: Arc<Watch>,
}

impl Snapshot {
    pub(crate) fn of(snapshot: at1_table::Snapshot, watch: Arc<Watch>) -> Self {
        Self { snapshot, watch }
    }
}

/// What a scan is told besides the condition.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Asked {
    select: Option<Vec<String>>,
    limit: Option<u64>,
    last: Option<u64>,
    rows: Option<(u64, u64)>,
    batch_rows: usize,
    pruning: bool,
}

impl Asked {
    pub(crate) fn options(self, condition: Option<&Bound<'_, PyAny>>) -> Result<ScanOptions> {
        Ok(ScanOptions {
            select: self.select,
            limit: self.limit,
            last: self.last,
            rows: self.rows.map(|(start, end)| start..end),
            batch_rows: self.batch_rows.max(1),
            pruning: if self.pruning { Pruning::On } else { Pruning::Off },
            ..ScanOptions::matching(predicate(condition)?)
        })
    }
}

#[pymethods]
impl Snapshot {
    #[getter]
    fn event(&self) -> Option<u64> {
        self.snapshot.event()
    }

    #[getter]
    fn ts(&self) -> Option<String> {
        self.snapshot.ts().map(|ts| ts.to_string())
    }

    fn info(&self, py: Python<'_>) -> Result<String> {
        self.watch.detached(py, || Ok(self.snapshot.info()?.to_json().to_string()))
    }

    fn files(&self, py: Python<'_>) -> Result<String> {
        self.watch.detached(py, || {
            let files = self.snapshot.files()?;
            Ok(files.files.iter().map(at1_table::FileEntry::to_json).collect::<Value>().to_string())
        })
    }

    /// The files, unless engines would cast between them without a word.
    fn uniform_files(&self, py: Python<'_>) -> Result<String> {
        self.watch.detached(py, || {
            let files = self.snapshot.files()?;
            files.uniform()?;
            Ok(files.files.iter().map(at1_table::FileEntry::to_json).collect::<Value>().to_string())
        })
    }

    fn batches(&self, py: Python<'_>) -> Result<String> {
        self.watch.detached(py, || {
            let batches = self.snapshot.batches()?;
            Ok(batches.iter().map(at1_table::BatchEntry::to_json).collect::<Value>().to_string())
        })
    }

    fn rejects(&self, py: Python<'_>, limit: usize) -> Result<String> {
        self.watch.run(py, None, || {
            let mut rejects = vec![];
            self.snapshot.rejects(&mut |reject| {
                if rejects.len() < limit {
                    rejects.push(reject.to_json());
                }
                Ok(())
            })?;
            Ok(Value::from(rejects).to_string())
        })
    }

    #[pyo3(signature = (condition, asked))]
    fn scan(&self, py: Python<'_>, condition: Option<&Bound<'_, PyAny>>, asked: Asked) -> Result<Scan> {
        let options = asked.options(condition)?;
        self.watch.detached(py, || Scan::new(Ground::Table(self.snapshot.clone()), options, Arc::clone(&self.watch)))
    }

    /// One row of aggregates, and what it took.
    #[pyo3(signature = (condition, wanted))]
    fn aggregate(&self, py: Python<'_>, condition: Option<&Bound<'_, PyAny>>, wanted: &str) -> Result<(Rows, String)> {
        let options = ScanOptions::matching(predicate(condition)?);
        self.watch.run(py, None, || {
            let answer = self.snapshot.aggregate(&options, wanted)?;
            Ok((Rows::of(answer.row.schema(), vec![answer.row]), answer.statistics.to_json().to_string()))
        })
    }

    /// Exact bytes of one batch.
    fn batch<'py>(&self, py: Python<'py>, batch: u64) -> Result<Bound<'py, PyBytes>> {
        let bytes = self.watch.run(py, None, || {
            let mut bytes = vec![];
            self.snapshot.cat(&Extent::Batch(batch), Joints::Exact, &mut bytes)?;
            Ok(bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Exact bytes into an object with `write`: of everything, of one batch, or of a range of records.
    #[pyo3(signature = (out, batch, rows, exact, progress=None))]
    fn cat(
        &self,
        py: Python<'_>,
        out: Bound<'_, PyAny>,
        batch: Option<u64>,
        rows: Option<(u64, u64)>,
        exact: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<String> {
        let extent = match (batch, rows) {
            (Some(batch), None) => Extent::Batch(batch),
            (None, Some((start, end))) => Extent::Rows(start..end),
            (None, None) => Extent::Everything,
            (Some(_), Some(_)) => return Err(Failure::invalid("cat", "a batch or rows", "both")),
        };
        let joints = if exact { Joints::Exact } else { Joints::LineFeed };
        let mut out = FileObject::new(out.unbind());
        self.watch.run(py, progress, || {
            let report = self.snapshot.cat(&extent, joints, &mut out).map_err(Failure::from);
            let report = out.settle(report)?;
            let told =
                json!({"batches": report.batches, "source_bytes": report.bytes, "line_feeds": report.line_feeds});
            Ok(told.to_string())
        })
    }

    /// Every batch into a folder, under its own name.
    #[pyo3(signature = (folder, progress=None))]
    fn restore(&self, py: Python<'_>, folder: PathBuf, progress: Option<&Bound<'_, PyAny>>) -> Result<String> {
        self.watch.run(py, progress, || {
            let restored = self.snapshot.restore(&folder)?;
            Ok(restored.iter().map(at1_table::Restored::to_json).collect::<Value>().to_string())
        })
    }

    /// The matching records as a segment, in a file that the package gives its name afterwards.
    #[pyo3(signature = (path, condition, asked, profile, progress=None))]
    fn extract(
        &self,
        py: Python<'_>,
        path: PathBuf,
        condition: Option<&Bound<'_, PyAny>>,
        asked: Asked,
        profile: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<String> {
        let options = asked.options(condition)?;
        let profile = options::profile(profile)?;
        self.watch.run(py, progress, || {
            let refused = |e: std::io::Error| Failure::io(path.display().to_string(), &e);
            let file = File::create(&path).map_err(refused)?;
            let reader = Arc::new(WatchedFile::open(&path, Arc::clone(&self.watch)).map_err(refused)?);
            let (file, report) = self.snapshot.extract(&options, profile, file, reader)?;
            file.sync_all().map_err(refused)?;
            Ok(report.to_json().to_string())
        })
    }
}
