//! A table: what changes it, and the way to its states.

use std::{path::PathBuf, sync::Arc, time::Duration};

use at1_python::{Failure, Result, Watch};
use at1_table::{
    AsOf, BackupOptions, Check, Choose, CompactOptions, CreateOptions, ErrorKind, Opened, ProofOf, RowTree, Tiers,
    VacuumMode, VacuumOptions,
    store::{LocalStore, Store, Watched},
};
use pyo3::{prelude::*, types::PyBytes};
use serde_json::Value;

use crate::{
    bytes::Source,
    options::{Reading, Terms, pins, profile},
    snapshot::Snapshot,
    verify::{self, Demands},
};

/// A table in a folder.
#[pyclass(frozen, module = "at1._at1")]
pub(crate) struct Table {
    table: at1_table::Table,
    folder: PathBuf,
    watch: Arc<Watch>,
}

fn store(folder: &std::path::Path, watch: &Arc<Watch>) -> Arc<dyn Store> {
    Arc::new(Watched::new(LocalStore::new(folder), Arc::clone(watch)))
}

#[pymethods]
impl Table {
    /// Opens the table in a folder; `None` if there is none.
    #[staticmethod]
    fn open(py: Python<'_>, folder: PathBuf) -> Result<Option<Self>> {
        let watch = Arc::new(Watch::default());
        watch.detached(py, || match at1_table::Table::open_in(store(&folder, &watch)) {
            Ok(table) => Ok(Some(Self { table, folder, watch: Arc::clone(&watch) })),
            Err(error) if error.kind() == ErrorKind::NoTable => Ok(None),
            Err(error) => Err(error.into()),
        })
    }

    /// Opens the table in a folder, or makes it; also says whether it was made.
    #[staticmethod]
    fn create(
        py: Python<'_>,
        folder: PathBuf,
        origin: Option<String>,
        types: Vec<(String, String)>,
        row_tree: bool,
    ) -> Result<(Self, bool)> {
        let row_tree = if row_tree { RowTree::SourceBytes } else { RowTree::None };
        let options = CreateOptions { origin, pins: pins(&types)?, row_tree };
        let watch = Arc::new(Watch::default());
        watch.detached(py, || {
            let (table, opened) = at1_table::Table::open_or_create_in(store(&folder, &watch), &options)?;
            Ok((Self { table, folder, watch: Arc::clone(&watch) }, opened == Opened::Created))
        })
    }

    fn origin(&self, py: Python<'_>) -> Result<String> {
        self.watch.detached(py, || Ok(self.table.origin()?))
    }

    #[pyo3(signature = (kind, data, name, reading, terms, progress=None))]
    #[expect(clippy::too_many_arguments, reason = "one call, and every part of it is told")]
    fn append(
        &self,
        py: Python<'_>,
        kind: &str,
        data: &Bound<'_, PyAny>,
        name: Option<String>,
        reading: Reading,
        terms: Terms,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<String> {
        let source = Source::new(kind, data)?;
        let options = reading.append(&terms)?;
        self.watch.run(py, progress, || {
            let named = |source: at1_table::Source<'_>| match name {
                Some(name) => self.table.append_csv(source.named(name), &options),
                None => self.table.append_csv(source, &options),
            };
            let report = match source {
                Source::Path(path) => named(at1_table::Source::path(&path))?,
                Source::Bytes(bytes) => named(at1_table::Source::bytes(&*bytes))?,
                Source::Reader(mut reader) => {
                    let report = named(at1_table::Source::reader(&mut reader)).map_err(Failure::from);
                    reader.settle(report)?
                }
                Source::Arrow(batches) => named(at1_table::Source::arrow(batches))?,
            };
            Ok(report.to_json().to_string())
        })
    }

    /// The newest state, or a past one.
    fn snapshot(&self, py: Python<'_>, as_of: Option<&str>) -> Result<Snapshot> {
        let point = as_of.map(str::parse::<AsOf>).transpose()?;
        let snapshot = self.watch.detached(py, || match point {
            Some(point) => Ok(self.table.as_of(point)?),
            None => Ok(self.table.snapshot()?),
        })?;
        Ok(Snapshot::of(snapshot, Arc::clone(&self.watch)))
    }

    #[pyo3(signature = (upto, effort, how, grace_secs, progress=None))]
    fn compact(
        &self,
        py: Python<'_>,
        upto: Option<u64>,
        effort: &str,
        how: &str,
        grace_secs: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<String> {
        let choose = match how {
            "all" => Choose::All,
            "tiered" => Choose::Tiered(Tiers::default()),
            "retype" => Choose::Retype,
            other => return Err(Failure::invalid("how", "all, tiered or retype", other)),
        };
        let options = CompactOptions { choose, upto, profile: profile(effort)?, grace: grace(grace_secs)? };
        self.watch.run(py, progress, || Ok(self.table.compact(&options)?.to_json().to_string()))
    }

    fn vacuum(&self, py: Python<'_>, grace_secs: f64, dry_run: bool) -> Result<String> {
        let mode = if dry_run { VacuumMode::DryRun } else { VacuumMode::Remove };
        let options = VacuumOptions { grace: grace(grace_secs)?, mode };
        self.watch.run(py, None, || Ok(self.table.vacuum(&options)?.to_json().to_string()))
    }

    fn history(&self, py: Python<'_>, limit: Option<u64>) -> Result<String> {
        self.watch.detached(py, || {
            let log = self.table.log(limit)?;
            Ok(log.iter().map(at1_table::LogEntry::to_json).collect::<Value>().to_string())
        })
    }

    fn verify_chain(&self, py: Python<'_>) -> Result<bool> {
        self.watch.run(py, None, || Ok(self.table.verify_chain()?))
    }

    fn verify_immutable(&self, py: Python<'_>) -> Result<bool> {
        self.watch.run(py, None, || Ok(self.table.verify_immutable()?))
    }

    /// Opening needs a ledger that folds; this does not.
    #[staticmethod]
    #[pyo3(signature = (folder, demands, progress=None))]
    fn verify(
        py: Python<'_>,
        folder: PathBuf,
        demands: Demands,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<(String, Option<String>)> {
        let watch = Arc::new(Watch::default());
        let options = demands.options()?;
        let report = watch.run(py, progress, || Ok(at1_table::verify_store(store(&folder, &watch), &options)?))?;
        Ok(verify::told(&report))
    }

    /// Where bytes are in the table: the places, and the digest that was looked for.
    fn has(&self, py: Python<'_>, kind: &str, data: &Bound<'_, PyAny>) -> Result<String> {
        let mut source = Source::new(kind, data)?;
        self.watch.run(py, None, || {
            let found = match &mut source {
                Source::Path(path) => self.table.has(at1_table::Source::path(path))?,
                Source::Bytes(bytes) => self.table.has(at1_table::Source::bytes(&**bytes))?,
                Source::Reader(reader) => {
                    let found = self.table.has(at1_table::Source::reader(reader)).map_err(Failure::from);
                    reader.settle(found)?
                }
                Source::Arrow(_) => return Err(Failure::invalid("has", "a path, bytes or a file", "Arrow data")),
            };
            Ok(found.iter().map(at1_table::Found::to_json).collect::<Value>().to_string())
        })
    }

    /// Proofs, each as event, batch, first row, end of rows, and files by the endings of their names.
    #[expect(clippy::type_complexity, reason = "the package gives it names")]
    fn prove<'py>(
        &self,
        py: Python<'py>,
        of: &str,
        start: u64,
        end: u64,
    ) -> Result<Vec<(u64, Option<(u64, u64, u64)>, Vec<(&'static str, Bound<'py, PyBytes>)>)>> {
        let of = match of {
            "event" => ProofOf::Event(start),
            "row" => ProofOf::Row(start),
            "rows" => ProofOf::Rows(start..end),
            "batch" => ProofOf::Batch(start),
            other => return Err(Failure::invalid("prove", "event, row, rows or batch", other)),
        };
        let proofs = self.watch.run(py, None, || Ok(self.table.prove(&of)?))?;
        let file = |ending, bytes: &[u8]| (ending, PyBytes::new(py, bytes));
        let told = proofs.iter().map(|proof| {
            let mut files = vec![file("", &proof.proof)];
            files.extend(proof.rows_beside.as_deref().map(|bytes| file(".rows", bytes)));
            files.extend(proof.event_beside.as_deref().map(|bytes| file(".event", bytes)));
            (proof.event, proof.rows.as_ref().map(|(batch, rows)| (*batch, rows.start, rows.end)), files)
        });
        Ok(told.collect())
    }

    #[pyo3(signature = (folder, full, progress=None))]
    fn backup(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        full: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<String> {
        let check = if full { Check::Digests } else { Check::Lengths };
        let dest = store(&folder, &self.watch);
        self.watch
            .run(py, progress, || Ok(self.table.backup_with(dest, &BackupOptions { check })?.to_json().to_string()))
    }

    #[getter]
    fn folder(&self) -> PathBuf {
        self.folder.clone()
    }
}

fn grace(secs: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(secs).map_err(|e| Failure::invalid("grace", "a span of time that is not negative", e))
}
