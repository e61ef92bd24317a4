//! Segments: batches of records as one immutable file that is a valid Parquet file and gives back every source byte.
//!
//! `docs/spec/segment.md` is the normative text; [`layout`] quotes it beside the constants.

mod analyse;
mod chunk;
mod column_chunk;
mod columns;
mod digest;
mod directory;
mod draft;
mod fetch;
mod guard;
mod join;
mod joined;
pub mod layout;
mod line_chunks;
mod meta;
mod page_header;
mod pages;
mod raw;
mod read;
mod records;
mod recover;
mod replay;
mod reread;
mod second_pass;
mod shapes;
mod standalone;
mod stream;
mod thrift;
mod values;
mod write;

pub use analyse::{Analysis, COLUMNS_MAX, HeaderOption, ReadOptions, analyse};
pub use column_chunk::Profile;
pub use columns::Unpacked;
pub use digest::{Verified, VerifiedRead};
pub use directory::BatchInfo;
pub use draft::{Draft, Written};
pub use joined::Joined;
pub use read::{ColumnLayout, Segment, Shares, Trust};
pub use recover::Rederived;
pub use reread::ReadAs;
pub use standalone::{Buffer, EncodeOptions, Encoded, Form, decode, decode_to, encode, encode_to};
pub use write::{BatchPlan, NewRowTree, Preamble, RowTree, SegmentWriter, WriteOptions};
