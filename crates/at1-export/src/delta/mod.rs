//! A Delta log at a table's root, kept in step with the ledger: Delta readers then read the very same segments.
//!
//! * **Where the log stands is in the log**: the newest entry says which ledger event it shows. So a run that was cut short is gone on
//!   with, a run with nothing to do changes nothing, and a table that is moved takes its log along.
//! * **Entries are put, never replaced.** Of two that race for a version one wins; the other reads again and goes on.
//! * Each version is a state of the table: appends in a row are one, a compaction is its own. A state that cannot be shown, because a
//!   column has two types in it or a file is gone, becomes one version with the next that can.
//! * The lock is held for one look at the ledger, and nothing but the log is written.
//!
//! ```
//! use at1_export::delta;
//! use at1_table::{AppendOptions, CreateOptions, Source, Table};
//!
//! let folder = tempfile::tempdir()?;
//! let table = Table::create(folder.path().join("trades"), &CreateOptions::default())?;
//! table.append_csv(Source::bytes("id,price\n1,9.50\n2,10.00\n"), &AppendOptions::default())?;
//! let report = delta::export(&table)?;
//! assert_eq!((report.versions, report.event, report.adds), (vec![0], Some(0), 1));
//! assert_eq!(delta::export(&table)?.versions, Vec::<u64>::new());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bound;
mod checkpoint;
mod entry;
mod follow;
mod history;
mod live;
mod log;
mod mirror;
mod schema;
mod stats;
mod version;

pub use checkpoint::STEPS_MIN;
pub use entry::LOG;
pub use follow::{FOLLOW, is_on, set};
pub use mirror::{Report, export};
pub use schema::WRITER_FENCE;
