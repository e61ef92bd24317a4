//! Tables of AT1 in [Apache DataFusion](https://datafusion.apache.org): a table provider, and what SQL needs around it.
//!
//! ```
//! use at1_table::{AppendOptions, CreateOptions, Source, Table};
//! use datafusion::prelude::SessionContext;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let table = Table::create(folder.path().join("trades"), &CreateOptions::default())?;
//! let monday = b"symbol,price\nBTC,43250.17\nETH,2281.40\nSOL,101.72\n";
//! table.append_csv(Source::bytes(monday).named("monday.csv"), &AppendOptions::default())?;
//!
//! let context = SessionContext::new();
//! let tables = at1_datafusion::install(&context)?;
//! tables.add("trades", table);
//! let answer = context.sql("SELECT symbol FROM trades WHERE price > 2000").await?.collect().await?;
//! assert_eq!(answer.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! | module | knows |
//! |---|---|
//! | [`provider`] | one state of a table as a `TableProvider`: what is skipped, which files are left, what is known of columns |
//! | [`tables`] | names and tables; each statement sees the newest state, one state from its beginning to its end |
//! | [`functions`] | `at1_as_of`, `at1_events`, `at1_batches`, `at1_segments`, `at1_columns` |
//! | [`as_of`], [`dialect`] | `FROM trades FOR SYSTEM_TIME AS OF …` |
//! | [`factory`] | `CREATE EXTERNAL TABLE … STORED AS AT1` |
//! | [`segments`] | segment files as an object store that gives out no byte that was not hashed |
//! | [`rows`] | the rows that a Parquet reader cannot see rightly |
//! | [`statement`] | how text is read as SQL, and which statements see system columns |
//! | [`log`] | what was skipped, for `EXPLAIN` |
//!
//! * Zones are asked by AT1 first; what they leave is read by DataFusion's own Parquet source, which filters every row again. So a zone
//!   can make a query faster, never different.
//! * Nothing is parsed that was not hashed against a digest that the ledger binds; in plans that other machines run too.
//! * What is absent: no arguments, no terminal; and no state but open files, which are named by their content.
#![forbid(unsafe_code)]

pub mod as_of;
pub mod dialect;
mod error;
pub mod factory;
pub mod functions;
mod install;
pub mod log;
mod pieces;
mod plain;
mod predicate;
pub mod provider;
mod reader;
pub mod rows;
pub mod segments;
pub mod statement;
mod system;
pub mod tables;
mod types;

pub use error::{TableError, external};
pub use install::install;
pub use log::ScanLog;
pub use pieces::Split;
pub use plain::{plain, plain_schema};
pub use provider::At1Table;
pub use tables::Tables;
pub use types::SystemColumns;
