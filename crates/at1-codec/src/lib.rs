//! Delimited text to an immutable, typed, compressed column file, and back to the exact bytes.
//!
//! A segment is a valid Parquet file, so every engine reads its columns; beside the columns it keeps what is needed to
//! print the source again, byte for byte, whatever the source was. It is checkable piece by piece: every byte is hashed
//! before it is parsed.
//!
//! ```
//! use at1_codec::{EncodeOptions, Form};
//!
//! let csv = b"id,price\n1,44000.50\n2,n/a\n\n3,\"44001.00\"";
//! let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
//! let segment = at1_codec::encode(csv, &options)?;
//! assert_eq!(at1_codec::decode(&segment)?, csv);
//!
//! let segment = at1_codec::Segment::open(std::sync::Arc::new(segment), at1_codec::Trust::OwnSeal)?;
//! let types: Vec<_> = segment.schema().columns.iter().map(|c| c.ty.to_string()).collect();
//! assert_eq!((segment.rows(), types), (3, vec!["int64".into(), "decimal(18,2)".into()]));
//! # Ok::<(), at1_codec::Error>(())
//! ```
//!
//! | module | knows |
//! |---|---|
//! | [`text`] | where records and fields are, without losing a byte |
//! | [`column`] | what a field's text means as a value, and how the value is printed again |
//! | [`segment`] | how batches lie in a file, and how that file is read |
//!
//! What is absent: this crate opens no file and knows no path. It reads from [`std::io::Read`] or [`ReadAt`] and writes
//! to [`std::io::Write`].

mod arrow_text;
pub mod column;
mod error;
pub mod segment;
pub mod text;
mod threads;
mod types;

pub use arrow_text::{ARROW_DIALECT, ArrowColumn, ArrowText};
pub use error::{Error, ErrorKind, Result};
pub use segment::{
    Analysis, BatchInfo, BatchPlan, Buffer, Draft, EncodeOptions, Encoded, Form, HeaderOption, Joined, NewRowTree,
    Preamble, Profile, ReadAs, ReadOptions, Rederived, RowTree, Segment, SegmentWriter, Shares, Trust, Unpacked,
    Verified, WriteOptions, Written, analyse, decode, decode_to, encode, encode_to,
};
pub use types::{Column, ColumnType, ReadAt, Schema, TimeUnit, UnknownType, Zone};
