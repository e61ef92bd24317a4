//! Segment files that belong to no table, asked as one.

use std::{path::PathBuf, sync::Arc};

use at1_python::{Result, Watch};
use pyo3::prelude::*;
use serde_json::json;

use crate::{
    scan::{Ground, Scan},
    segment::open_alone,
    snapshot::Asked,
};

/// Segment files that belong to no table.
#[pyclass(frozen, module = "at1._at1")]
pub(crate) struct Loose {
    loose: Arc<at1_catalog::Loose>,
    watch: Arc<Watch>,
}

#[pymethods]
impl Loose {
    #[new]
    fn new(py: Python<'_>, paths: Vec<PathBuf>) -> Result<Self> {
        let watch = Arc::new(Watch::default());
        let loose = watch.run(py, None, || {
            let open = |path: &PathBuf| Ok((path.display().to_string(), open_alone(path, &watch)?));
            let segments = paths.iter().map(open).collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(at1_catalog::Loose::new(segments)?))
        })?;
        Ok(Self { loose, watch })
    }

    /// What they are together, as JSON.
    fn info(&self) -> String {
        let segments = self.loose.segments();
        let schema = self.loose.catalog().schema();
        let columns = schema
            .columns
            .iter()
            .map(|column| json!({"name": column.name, "header": column.header, "type": column.ty.to_string()}));
        json!({
            "segments": segments.len(),
            "rows": self.loose.rows(),
            "source_bytes": segments.iter().map(at1_codec::Segment::source_bytes).sum::<u64>(),
            "segment_bytes": segments.iter().map(at1_codec::Segment::size).sum::<u64>(),
            "columns": columns.collect::<Vec<_>>(),
        })
        .to_string()
    }

    fn scan(&self, py: Python<'_>, condition: Option<&Bound<'_, PyAny>>, asked: Asked) -> Result<Scan> {
        let options = asked.options(condition)?;
        self.watch.detached(py, || Scan::new(Ground::Loose(Arc::clone(&self.loose)), options, Arc::clone(&self.watch)))
    }
}
