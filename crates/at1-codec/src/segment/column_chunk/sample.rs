//! Some rows of a column chunk, and what they say of the rest.
//!
//! * The rows are runs spread over the whole chunk: its start is often unlike the rest, and so is any one place.
//! * A layout is ruled out only by what the sample makes plain; what may go either way is tried.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use arrow::{
    array::{Array, ArrayRef, AsArray as _},
    compute::concat,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
    },
};
use parquet::basic::Encoding;

use super::{PAGE_BYTES, write::Layout};
use crate::Result;

/// A sample is this part of a chunk,
const SAMPLE_PART: usize = 16;
/// but at least and at most so many rows,
const SAMPLE_ROWS_MIN: usize = 4 << 10;
const SAMPLE_ROWS_MAX: usize = 8 << 10;
/// in so many runs.
const SAMPLE_RUNS: usize = 8;
/// A dictionary whose entries are used less often than this on the average is not tried.
const USES_MIN: f64 = 2.0;

/// Texts are long from this mean length on, with the four bytes of their own length.
const LONG_TEXT_BYTES: f64 = 28.0;

pub(super) struct Sample {
    pub(super) array: ArrayRef,
    /// How many rows of the chunk each row stands for.
    pub(super) scale: f64,
    /// Distinct values in the sample, and what to expect in the chunk.
    pub(super) distinct: f64,
    pub(super) distinct_in_chunk: f64,
    /// Values in the chunk.
    values_in_chunk: f64,
    /// Bytes of a value as they lie in a dictionary.
    value_bytes: f64,
    /// Whether neighbours are integers, and closer to each other than values are in general.
    smooth: bool,
}

impl Sample {
    pub(super) fn of(array: &ArrayRef) -> Result<Self> {
        let rows = (array.len() / SAMPLE_PART).clamp(SAMPLE_ROWS_MIN, SAMPLE_ROWS_MAX);
        let runs: Vec<ArrayRef> = if array.len() <= rows {
            vec![ArrayRef::clone(array)]
        } else {
            let run = rows / SAMPLE_RUNS;
            let step = (array.len() - run) / (SAMPLE_RUNS - 1);
            (0..SAMPLE_RUNS).map(|i| array.slice(i * step, run)).collect()
        };
        let sampled = concat(&runs.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
        let scale = array.len() as f64 / sampled.len().max(1) as f64;
        let (mut seen, mut values, mut smoothness) = (Vec::new(), 0, 0);
        for run in &runs {
            let mut keys = keys(run);
            values += keys.len();
            smoothness += saved_by_steps(&keys);
            keys.sort_unstable();
            keys.dedup();
            seen.append(&mut keys);
        }
        let values = values as f64;
        let (distinct, distinct_in_chunk) = distinct(&mut seen, runs.len(), scale);
        let value_bytes = match sampled.data_type() {
            DataType::Utf8 | DataType::Binary => 4.0 + texts_bytes(&sampled) as f64 / values.max(1.0),
            _ => 8.0,
        };
        Ok(Self {
            smooth: is_integer(sampled.data_type()) && smoothness > 0,
            array: sampled,
            scale,
            distinct,
            distinct_in_chunk,
            values_in_chunk: values * scale,
            value_bytes,
        })
    }

    /// Whether values are texts of a length at which they may repeat parts of each other.
    pub(super) fn is_long_text(&self) -> bool {
        matches!(self.array.data_type(), DataType::Utf8) && self.value_bytes >= LONG_TEXT_BYTES
    }

    /// Whether `layout` has a chance.
    pub(super) fn may_pay(&self, layout: Layout) -> bool {
        // In a long chunk nothing is smaller than to name the one value there is.
        let is_one = self.distinct <= 1.0 && self.scale > 1.0;
        match layout {
            Layout::Dictionary => {
                self.distinct_in_chunk * USES_MIN <= self.values_in_chunk
                    && self.distinct_in_chunk * self.value_bytes <= PAGE_BYTES as f64
            }
            Layout::Plain(encoding) if is_one && encoding != Encoding::RLE => false,
            Layout::Plain(Encoding::DELTA_BINARY_PACKED) => self.smooth,
            Layout::Plain(_) => true,
        }
    }
}

fn is_integer(ty: &DataType) -> bool {
    !matches!(ty, DataType::Float64 | DataType::Utf8 | DataType::Binary | DataType::Boolean)
}

/// A number for each value that is not null: equal ones for equal values, integers as they are.
fn keys(array: &ArrayRef) -> Vec<i64> {
    let hash = BuildHasherDefault::<DefaultHasher>::default();
    let hashed = |value: &[u8]| hash.hash_one(value).cast_signed();
    match array.data_type() {
        DataType::Boolean => array.as_boolean().iter().flatten().map(i64::from).collect(),
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().flatten().collect(),
        DataType::Date32 => array.as_primitive::<Date32Type>().iter().flatten().map(i64::from).collect(),
        DataType::Float64 => {
            array.as_primitive::<Float64Type>().iter().flatten().map(|v| v.to_bits().cast_signed()).collect()
        }
        DataType::Decimal128(..) => {
            let low = |value: i128| i64::try_from(value).unwrap_or_else(|_| hashed(&value.to_le_bytes()));
            array.as_primitive::<Decimal128Type>().iter().flatten().map(low).collect()
        }
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().map(|v| hashed(v.as_bytes())).collect(),
        DataType::Binary => array.as_binary::<i32>().iter().flatten().map(hashed).collect(),
        _ => match array.as_primitive_opt::<TimestampMicrosecondType>() {
            Some(array) => array.iter().flatten().collect(),
            None => array
                .as_primitive_opt::<TimestampNanosecondType>()
                .map_or_else(Vec::new, |array| array.iter().flatten().collect()),
        },
    }
}

fn texts_bytes(array: &ArrayRef) -> usize {
    let texts = array.as_string_opt::<i32>().map(|a| a.value_offsets());
    let offsets = texts.or_else(|| Some(array.as_binary_opt::<i32>()?.value_offsets())).unwrap_or(&[]);
    offsets.last().zip(offsets.first()).map_or(0, |(end, start)| usize::try_from(end - start).unwrap_or(0))
}

/// The distinct values in a sample of `runs` runs, each of which adds to `seen` what it has, and what that lets expect in a
/// chunk that is `scale` times larger.
///
/// Neighbours are alike, so what counts is in how many runs a value is: if most are in one run only, as in sorted columns,
/// the rest of the chunk has others (Chao's estimate for incidence, 1987). A value of one run stands for at least the square
/// root of the scale, for some columns have a few values often and many seldom (Charikar and others, 2000). And there are at
/// most as many as if the chunk went on like that.
fn distinct(seen: &mut [i64], runs: usize, scale: f64) -> (f64, f64) {
    seen.sort_unstable();
    let (mut all, mut in_one, mut in_two) = (0.0, 0.0, 0.0);
    for runs in seen.chunk_by(|a, b| a == b) {
        all += 1.0;
        in_one += f64::from(runs.len() == 1);
        in_two += f64::from(runs.len() == 2);
    }
    let runs = runs as f64;
    let unseen: f64 = (runs - 1.0) / runs * in_one * (in_one - 1.0) / (2.0 * (in_two + 1.0));
    let unseen = unseen.max(in_one * (scale.sqrt() - 1.0));
    (all, (all + unseen).min(all * scale))
}

/// How many bits fewer the steps between neighbours take than the values above the least of them.
fn saved_by_steps(values: &[i64]) -> i64 {
    let least = values.iter().copied().min().unwrap_or(0);
    let bits = |number: i64| i64::from(i64::BITS - number.leading_zeros());
    let values_bits: i64 = values.iter().map(|v| bits(v.wrapping_sub(least))).sum();
    let steps_bits: i64 = values.windows(2).map(|w| 1 + bits(w[1].wrapping_sub(w[0]).wrapping_abs())).sum();
    values_bits - steps_bits
}
