//! A session: DataFusion, told how SQL reads over tables of AT1.

use std::{path::Path, sync::Arc};

use at1_console::failure::Failure;
use at1_datafusion::{ScanLog, Split, Tables, statement};
use at1_table::Table;
use datafusion::{
    execution::{SessionStateBuilder, memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder},
    prelude::{SessionConfig, SessionContext},
};

use datafusion_distributed::{DistributedExt as _, SessionStateBuilderExt as _};

use crate::{args::Sql, cluster::Cluster, codec::RowsCodec, error::failure};

/// What statements run in.
pub(crate) struct Session {
    pub(crate) context: SessionContext,
    pub(crate) tables: Arc<Tables>,
    /// What scans left out.
    pub(crate) log: Arc<ScanLog>,
    /// Who shares the work.
    pub(crate) cluster: Option<Cluster>,
}

/// The name of the table that the command line names first.
pub(crate) const FIRST: &str = "t";

impl Session {
    /// A session with the tables that the command line names.
    pub(crate) fn new(args: &Sql) -> Result<Self, Failure> {
        let log = Arc::new(ScanLog::default());
        let config = config(args).with_extension(Arc::clone(&log));
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = args.memory {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(bytes)));
        }
        let runtime = runtime.build_arc().map_err(|error| failure(&error))?;
        let mut state =
            SessionStateBuilder::new().with_default_features().with_config(config).with_runtime_env(runtime);
        let cluster = (!args.workers.is_empty()).then(|| Cluster::new(args.workers.clone()));
        if let Some(cluster) = &cluster {
            let bytes = usize::try_from(args.worker_bytes).unwrap_or(usize::MAX);
            state = state
                .with_distributed_worker_resolver(cluster.clone())
                .with_distributed_planner()
                .with_distributed_user_codec(RowsCodec)
                .with_distributed_file_scan_config_bytes_per_partition(bytes)
                .map_err(|error| failure(&error))?;
        }
        let context = SessionContext::new_with_state(state.build());
        let tables = at1_datafusion::install(&context).map_err(|error| failure(&error))?;
        if cluster.is_none() {
            // What is sent to workers must be said in byte ranges.
            tables.split(Split::Rows);
        }
        let first = open(&args.table)?;
        if let Some(name) = folder_name(&args.table) {
            tables.add(name, Arc::clone(&first));
        }
        tables.add(FIRST, first);
        for (name, path) in &args.tables {
            tables.add(name.clone(), open(path)?);
        }
        Ok(Self { context, tables, log, cluster })
    }
}

fn config(args: &Sql) -> SessionConfig {
    let config = statement::config();
    match args.threads {
        Some(threads) => config.with_target_partitions(threads.get()),
        None => config,
    }
}

fn open(folder: &Path) -> Result<Arc<Table>, Failure> {
    Ok(Arc::new(Table::open(folder)?))
}

/// What a table is called that lies in `folder`.
fn folder_name(folder: &Path) -> Option<String> {
    let there = folder.canonicalize().ok()?;
    there.file_name().map(|name| name.to_string_lossy().into_owned())
}
