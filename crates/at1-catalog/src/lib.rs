//! Which parts of a table a query needs, and the rows it finds there.
//!
//! A [`Predicate`] is written, parsed, and bound to a schema; [`Zones`] say what is known about stretches of rows;
//! together they give a [`Verdict`] for each stretch; a [`Scan`] reads what is left.
//!
//! ```
//! use std::sync::Arc;
//! use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
//! use at1_catalog::{DoubleBounds, ParquetFile, Predicate, Request, Scan, View};
//! use at1_codec::{ColumnType, Schema};
//! use parquet::arrow::ArrowWriter;
//!
//! // Any file of columns will do; here is a plain Parquet file in memory.
//! let schema = Schema::named([(Some("symbol"), ColumnType::Text), (Some("price"), ColumnType::Float64)]);
//! let symbols: ArrayRef = Arc::new(StringArray::from(vec!["ABC", "XYZ", "ABD"]));
//! let prices: ArrayRef = Arc::new(Float64Array::from(vec![Some(9.5), None, Some(f64::NAN)]));
//! let mut writer = ArrowWriter::try_new(Vec::new(), schema.arrow(), None)?;
//! writer.write(&RecordBatch::try_new(schema.arrow(), vec![symbols, prices])?)?;
//! let file = ParquetFile::open(bytes::Bytes::from(writer.into_inner()?), DoubleBounds::LeaveNanOut)?;
//!
//! let predicate: Predicate = "symbol like 'AB%' and price > 10".parse()?;
//! let request = Request::new(predicate.bind(&schema)?).project(["symbol"])?;
//! let mut scan = Scan::new(file, View::same(&schema), request, 0)?;
//! let batch = scan.next().expect("a row matches")?;
//! assert_eq!(batch.column(0).as_ref(), &StringArray::from(vec!["ABD"])); // NaN is above all numbers
//! assert_eq!(scan.statistics().rows_matched, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * Pruning never changes an answer: a scan that skips gives the rows of one that reads everything.
//! * A comparison is a set of values, and evaluation and pruning ask the same set; see `docs/spec/catalog.md`.
//! * This crate never opens a file, and does not know how segments came to be.
#![forbid(unsafe_code)]

mod aggregate;
mod bind;
mod bloom;
mod catalog;
mod convert;
mod dictionary;
mod error;
mod evaluate;
mod explain;
mod footer;
mod like;
mod loose;
mod number;
mod origin;
pub mod packed;
mod parse;
mod predicate;
mod prune;
mod request;
mod scan;
mod set;
mod source;
mod statistics;
mod suspect;
mod time;
mod view;
mod zone;
mod zone_bytes;
mod zone_text;

pub use aggregate::{Aggregates, Tally};
pub use bind::Bound;
pub use catalog::{Candidate, Catalog, Opened, TableScan, TableTally, Totals};
pub use error::{Error, ErrorKind, Result};
pub use explain::{Explanation, Planned, Ruled};
pub use footer::DoubleBounds;
pub use loose::{Loose, LooseScan, OpenLoose};
pub use number::{NotANumber, Number};
pub use parse::NESTING_MAX;
pub use predicate::{Comparison, Literal, Predicate};
pub use prune::Verdict;
pub use request::{Pruning, ROW_COLUMN, Reasons, Request, RowNumbers};
pub use scan::Scan;
pub use source::{Counted, ParquetFile, Source};
pub use statistics::Statistics;
pub use time::{Moment, NotAMoment};
pub use view::View;
pub use zone::{ColumnZones, Zones};
pub use zone_text::{SegmentZone, TEXT_BYTES_MAX, ZoneText, ZonesBuilder};
