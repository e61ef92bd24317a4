//! What a layout costs: the time to read and decode the chunk again.
//!
//! ```text
//! cost = bytes in the file × storage            nanoseconds a byte, by profile
//!      + bytes before compression × inflation   nanoseconds a byte, by compression
//!      + rows × decoding                        nanoseconds a row, by encoding
//! ```
//!
//! * `fast` is for data that is read at once (1 GB/s), `balanced` for data that is kept and sent (10 MB/s): there a byte is
//!   worth a hundred times as much against the work of decoding. `max` looks at bytes alone.
//! * A dictionary in a sample is larger, for its rows, than it will be in the chunk: it is counted once, scaled by how many
//!   distinct values the sample lets expect.

use arrow::array::Array as _;
use parquet::{arrow::arrow_writer::ArrowColumnChunk, basic::Encoding};

use super::{Profile, sample::Sample, write::Layout};

/// The cost of the whole chunk in `layout`, by `chunk`, which holds the sample.
pub(super) fn of(sample: &Sample, layout: Layout, chunk: &ArrowColumnChunk, profile: Profile) -> f64 {
    let close = chunk.close();
    let bytes = close.bytes_written as f64;
    let pages = close.offset_index.iter().flat_map(|index| index.page_locations());
    let pages = pages.map(|page| f64::from(page.compressed_page_size)).sum::<f64>();
    let dictionary = bytes - pages;
    let grown = sample.distinct_in_chunk / sample.distinct.max(1.0);
    let stored = dictionary * grown + pages * sample.scale;
    let unpacked = close.metadata.uncompressed_size() as f64 * (grown.max(1.0) * dictionary + sample.scale * pages)
        / bytes.max(1.0);
    let rows = sample.array.len() as f64 * sample.scale;
    stored * storage(profile) + unpacked * inflation(profile) + rows * decoding(layout)
}

fn storage(profile: Profile) -> f64 {
    match profile {
        Profile::Fast => 1.0,
        Profile::Balanced | Profile::Max => 100.0,
    }
}

fn inflation(profile: Profile) -> f64 {
    match profile {
        Profile::Fast => 0.4,
        Profile::Balanced | Profile::Max => 0.8,
    }
}

/// About what the parquet crate 59 takes; only their order matters much.
fn decoding(layout: Layout) -> f64 {
    match layout {
        Layout::Dictionary => 2.0,
        Layout::Plain(Encoding::DELTA_BINARY_PACKED) => 3.0,
        Layout::Plain(Encoding::BYTE_STREAM_SPLIT) => 3.0,
        Layout::Plain(Encoding::DELTA_LENGTH_BYTE_ARRAY) => 8.0,
        Layout::Plain(Encoding::DELTA_BYTE_ARRAY) => 20.0,
        Layout::Plain(_) => 1.0,
    }
}
