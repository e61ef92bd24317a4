//! Append-only tables of text records: byte-exact, queryable, tamper-evident.
//!
//! A [`Table`] is a folder. Each append is a batch of bytes that becomes an immutable segment and a link in a hash chain; every
//! batch comes back byte for byte, any Parquet reader reads the segments, and nothing can be changed without a trace.
//!
//! ```
//! use at1_table::{
//!     AppendOptions, AsOf, CompactOptions, CreateOptions, Extent, Joints, ScanOptions, Source, Table, VerifyOptions,
//! };
//!
//! let folder = tempfile::tempdir()?;
//! let table = Table::create(folder.path().join("trades"), &CreateOptions::default())?;
//! let first = table.append_csv(Source::bytes("id,price\n1,9.50\n2,10.00\n"), &AppendOptions::default())?;
//! table.append_csv(Source::bytes("id,price\n3,11.25\n"), &AppendOptions::default())?;
//! assert_eq!((first.event, first.segment.as_str(), first.rows), (0, "seg_000000.at1", 2));
//!
//! // Exactly what was appended.
//! let mut bytes = vec![];
//! table.cat(&Extent::Batch(0), Joints::LineFeed, &mut bytes)?;
//! assert_eq!(bytes, b"id,price\n1,9.50\n2,10.00\n");
//!
//! // Typed queries that read only what they may need.
//! let mut scan = table.scan(&ScanOptions::matching("price > 10".parse()?))?;
//! let batches = scan.by_ref().collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
//! assert_eq!((scan.statistics().segments_total, scan.statistics().segments_skipped), (2, 1));
//!
//! // Segments are merged and their files removed; every past state is still there.
//! table.compact(&CompactOptions { grace: std::time::Duration::ZERO, ..CompactOptions::default() })?;
//! let past = table.as_of(AsOf::Event(0))?;
//! assert_eq!((past.info()?.rows, past.scan(&ScanOptions::default())?.count()), (2, 1));
//!
//! // The receipt of the first append, kept elsewhere, shows that its history is still the same.
//! let report = table.verify(&VerifyOptions { heads: vec![first.chain_head], ..VerifyOptions::default() })?;
//! assert_eq!(report.verdict().exit_code(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`store`] | the steps a table takes on its storage, and the local disk |
//! | [`paths`] | names within the folder |
//! | [`repair`] | what is wrong with a table, in words, and what can be done without losing anything |
//! | [`schema`] | how a batch that differs is fitted into the table; pure |
//!
//! The rest is one verb a file: append, scan, cat, restore, has, files, info, batches, log, rejects, extract, compact, vacuum,
//! backup, verify. A [`Snapshot`] is one state of the table, the newest or a past one, and does what reads. `docs/spec/table.md`
//! is the normative text.
//!
//! What is absent: no argument parsing and no terminal output; and outside [`store`], inputs and `restore`, no path is touched.
#![forbid(unsafe_code)]

mod append;
mod attest;
mod backup;
mod batch;
mod batches;
mod block_files;
mod cat;
mod commit;
mod compact;
mod copy;
mod dry_run;
mod error;
mod extract;
mod files;
mod has;
mod info;
mod input;
mod lines;
mod log;
mod manifest;
pub mod paths;
mod rejects;
pub mod repair;
mod report;
mod restore;
mod roots;
mod row_tree;
mod scan;
pub mod schema;
mod schemas;
mod segments;
mod snapshot;
pub mod store;
mod table;
mod vacuum;
mod verify;
mod version;
mod zones;

pub use at1_catalog::{Explanation, Planned, Predicate, Pruning, Reasons, Ruled, Statistics};
pub use at1_codec::{
    HeaderOption, Profile,
    column::Pin,
    text::{FormatOption, QuoteOption},
};
pub use at1_ledger::{ChainHead, Idempotency, RowTree};
pub use attest::{
    Anchored, CheckpointReport, CosignReport, HandoverReport, ProofFile, ProofOf, SignerMemory, TileFile, WriteTile,
};
pub use backup::{BackupOptions, BackupReport, Check};
pub use batch::{AppendOptions, Strictness};
pub use batches::BatchEntry;
pub use cat::{CatReport, Extent, Joints};
pub use commit::Outcome;
pub use compact::{Choose, CompactOptions, CompactReport, CompactStep, Tiers};
pub use dry_run::{ColumnPlan, DryRun, preview};
pub use error::{Error, ErrorKind, Result};
pub use extract::{EXTRACT_KEY, ExtractReport};
pub use files::{FileEntry, Files, MixedColumn};
pub use has::Found;
pub use info::{ColumnInfo, Info};
pub use input::{Packing, Source};
pub use log::LogEntry;
pub use rejects::Reject;
pub use report::{AppendReport, ColumnMisfits, ColumnWidened};
pub use restore::Restored;
pub use scan::{
    Answer, PlanOptions, PlannedRowGroup, PlannedSegment, SYSTEM_COLUMNS, ScanOptions, ScanPlan, SystemColumn,
    TableScan,
};
pub use snapshot::{AsOf, Snapshot};
pub use table::{ClockRule, CreateOptions, Opened, Table};
pub use vacuum::{GRACE, VacuumMode, VacuumOptions, VacuumReport, Vacuumed};
pub use verify::{
    Code, Evidence, Finding, Hashing, Level, MaxUnsigned, RowsCheck, StampCheck, Trusted, Verdict, VerifyOptions,
    VerifyReport, verify_folder, verify_store,
};
