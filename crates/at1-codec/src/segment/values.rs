//! Whether the bytes of a page are what its encoding says, so that a decoder which believes them does nothing it should not.
//!
//! * Every count, length and index in the bytes is held against the number of values, the bytes that are there and the
//!   size of the dictionary. Nothing may be left over.
//! * Text is UTF-8 value by value, and is counted: a dictionary or a common prefix can make much of few bytes.
//! * Stricter than the format: runs and miniblocks end with the values, as every writer that AT1 uses ends them.
//!
//! The encodings: `Encodings.md` of the Parquet format.

use parquet::basic::Encoding;

use crate::column::bytes::Take;

/// What a page's bytes should have been.
pub(super) type Wrong = &'static str;

/// What the values of a column are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bits.
    Boolean,
    /// Integers of 4 or 8 bytes.
    Integer { bytes: usize },
    /// Anything else of a fixed size.
    Fixed { bytes: usize },
    /// Of any length.
    Bytes { utf8: bool },
}

/// The values that indices refer to.
#[derive(Debug)]
pub(super) struct Dictionary {
    values: usize,
    /// The length of each, where they differ.
    lengths: Vec<u32>,
}

/// How many of `rows` rows are not null by their definition levels.
pub(super) fn count_values(levels: &[u8], rows: usize) -> Result<usize, Wrong> {
    let mut found = 0;
    hybrid(levels, 1, rows, |level, repeats| {
        if level == 1 {
            found += repeats;
        }
        Ok(())
    })?;
    Ok(found)
}

/// The definition levels at the start of a page of version 1, which have their size in front, and what follows them.
pub(super) fn split_levels(page: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = page.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*size)).ok()?)
}

/// A dictionary of `values` values; their text is taken from `text_left`.
pub(super) fn check_dictionary(
    data: &[u8],
    values: usize,
    kind: Kind,
    text_left: &mut u64,
) -> Result<Dictionary, Wrong> {
    let mut lengths = Vec::new();
    match kind {
        Kind::Boolean => return Err("no dictionary of booleans"),
        Kind::Integer { bytes } | Kind::Fixed { bytes } => exactly(data, values.checked_mul(bytes))?,
        Kind::Bytes { utf8 } => plain_bytes(data, values, utf8, text_left, |bytes| lengths.push(bytes))?,
    }
    Ok(Dictionary { values, lengths })
}

/// The `values` values of a page that are not null; their text is taken from `text_left`.
pub(super) fn check_values(
    data: &[u8],
    encoding: Encoding,
    values: usize,
    kind: Kind,
    dictionary: Option<&Dictionary>,
    text_left: &mut u64,
) -> Result<(), Wrong> {
    match (encoding, kind) {
        // Pages of version 1 use the older name.
        (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, _) => {
            indices(data, values, dictionary.ok_or("a dictionary")?, text_left)
        }
        (Encoding::PLAIN, Kind::Boolean) => exactly(data, Some(values.div_ceil(8))),
        (Encoding::RLE, Kind::Boolean) => {
            let (size, runs) = data.split_first_chunk().ok_or("the size of its runs")?;
            exactly(runs, usize::try_from(u32::from_le_bytes(*size)).ok())?;
            hybrid(runs, 1, values, |_, _| Ok(()))
        }
        (Encoding::PLAIN | Encoding::BYTE_STREAM_SPLIT, Kind::Integer { bytes } | Kind::Fixed { bytes }) => {
            exactly(data, values.checked_mul(bytes))
        }
        (Encoding::DELTA_BINARY_PACKED, Kind::Integer { bytes }) => {
            let end = delta(data, values, bytes * 8, None)?;
            exactly(data, Some(end))
        }
        (Encoding::PLAIN, Kind::Bytes { utf8 }) => plain_bytes(data, values, utf8, text_left, |_| {}),
        (Encoding::DELTA_LENGTH_BYTE_ARRAY, Kind::Bytes { utf8 }) => delta_length(data, values, utf8, text_left),
        (Encoding::DELTA_BYTE_ARRAY, Kind::Bytes { utf8 }) => delta_bytes(data, values, utf8, text_left),
        _ => Err("an encoding of its type"),
    }
}

fn exactly(data: &[u8], bytes: Option<usize>) -> Result<(), Wrong> {
    if bytes == Some(data.len()) { Ok(()) } else { Err("as many bytes as its values take") }
}

fn spend(text_left: &mut u64, bytes: u64) -> Result<(), Wrong> {
    *text_left = text_left.checked_sub(bytes).ok_or("no more text than a row group holds")?;
    Ok(())
}

fn text(value: &[u8], utf8: bool) -> Result<(), Wrong> {
    if !utf8 || std::str::from_utf8(value).is_ok() { Ok(()) } else { Err("UTF-8") }
}

/// Values with their length in front.
fn plain_bytes(
    data: &[u8],
    values: usize,
    utf8: bool,
    text_left: &mut u64,
    mut each: impl FnMut(u32),
) -> Result<(), Wrong> {
    let mut from = Take::new(data);
    for _ in 0..values {
        let length = from.fixed(4).map_err(|_| "the length of each value")?;
        let length = u32::from_le_bytes(super::layout::array(length));
        let value = from.fixed(length as usize).map_err(|_| "the bytes of each value")?;
        spend(text_left, u64::from(length))?;
        text(value, utf8)?;
        each(length);
    }
    exactly(from.rest(), Some(0))
}

/// Dictionary indices: their width, then runs.
fn indices(data: &[u8], values: usize, dictionary: &Dictionary, text_left: &mut u64) -> Result<(), Wrong> {
    let (&width, runs) = data.split_first().ok_or("the width of its indices")?;
    if width > 32 {
        return Err("indices of at most 32 bits");
    }
    hybrid(runs, width, values, |index, repeats| {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index >= dictionary.values {
            return Err("indices that the dictionary has");
        }
        let bytes = dictionary.lengths.get(index).copied().unwrap_or(0);
        spend(text_left, u64::from(bytes).saturating_mul(repeats as u64))
    })
}

/// Runs of equal numbers and packed numbers, `values` in all; each run is given to `run`, packed numbers one by one.
fn hybrid(
    data: &[u8],
    width: u8,
    values: usize,
    mut run: impl FnMut(u64, usize) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    const WRONG: Wrong = "runs that end with its values";
    let width = usize::from(width);
    let mut from = Take::new(data);
    let mut left = values;
    while left > 0 {
        let header = from.varint().map_err(|_| WRONG)?;
        let items = usize::try_from(header >> 1).map_err(|_| WRONG)?;
        if header & 1 == 1 {
            if items == 0 || items > left.div_ceil(8) {
                return Err(WRONG);
            }
            let packed = from.fixed(items * width).map_err(|_| WRONG)?;
            let here = left.min(items * 8);
            for index in 0..here {
                run(unpack(packed, index * width, width), 1)?;
            }
            left -= here;
        } else {
            if items == 0 || items > left {
                return Err(WRONG);
            }
            let bytes = from.fixed(width.div_ceil(8)).map_err(|_| WRONG)?;
            let value = bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            if value >> width > 0 {
                return Err("numbers of their width");
            }
            run(value, items)?;
            left -= items;
        }
    }
    if from.remaining() == 0 { Ok(()) } else { Err(WRONG) }
}

/// The `width` bits from bit `at` on; `packed` has them.
fn unpack(packed: &[u8], at: usize, width: usize) -> u64 {
    let bytes = &packed[(at / 8).min(packed.len())..];
    let mut word = [0; 16];
    match bytes.first_chunk() {
        Some(whole) => word = *whole,
        None => word[..bytes.len()].copy_from_slice(bytes),
    }
    let mask = (1_u128 << width) - 1;
    u64::try_from(u128::from_le_bytes(word) >> (at % 8) & mask).unwrap_or(u64::MAX)
}

/// The largest block of deltas; the writer's hold 256.
const DELTA_BLOCK_MAX: u64 = 1 << 16;

/// `values` integers of `bits` bits as packed deltas, and where they end. They are kept only where somebody needs them:
/// lengths, which have 32 bits.
fn delta(data: &[u8], values: usize, bits: usize, mut lengths: Option<&mut Vec<i32>>) -> Result<usize, Wrong> {
    const WRONG: Wrong = "blocks of deltas that end with its values";
    let mut from = Take::new(data);
    let mut header = || from.varint().map_err(|_| "the header of its deltas");
    let (block, minis, count, first) = (header()?, header()?, header()?, header()?);
    let fits = (128..=DELTA_BLOCK_MAX).contains(&block) && block % 128 == 0;
    if !fits || minis == 0 || block % minis != 0 || block / minis % 32 != 0 {
        return Err("blocks of 128 to 65,536 deltas in parts of 32");
    }
    if usize::try_from(count) != Ok(values) {
        return Err("as many deltas as values");
    }
    let signed = |number: u64| {
        let number = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        if bits == 64 || i32::try_from(number).is_ok() { Ok(number) } else { Err("numbers of 32 bits") }
    };
    let (minis, each) = (minis as usize, (block / minis) as usize);
    let mut value = signed(first)?;
    let mut keep = |value: i64| {
        if let Some(lengths) = &mut lengths {
            // Wraps as the decoder does; a negative length is refused by who asked for it.
            lengths.push(value as i32);
        }
    };
    let mut left = values;
    if left > 0 {
        keep(value);
        left -= 1;
    }
    while left > 0 {
        let least = signed(from.varint().map_err(|_| WRONG)?)?;
        let widths = from.fixed(minis).map_err(|_| WRONG)?;
        for &width in widths {
            if left == 0 {
                break;
            }
            let width = usize::from(width);
            if width > bits {
                return Err("deltas of the width of its type");
            }
            let packed = from.fixed(each * width / 8).map_err(|_| WRONG)?;
            let here = left.min(each);
            if bits == 32 {
                for index in 0..here {
                    let more = unpack(packed, index * width, width).cast_signed();
                    value = value.wrapping_add(least).wrapping_add(more);
                    keep(value);
                }
            }
            left -= here;
        }
    }
    Ok(data.len() - from.remaining())
}

/// A length of a value, which is not negative.
fn length(length: i32) -> Result<usize, Wrong> {
    usize::try_from(length).map_err(|_| "lengths that are not negative")
}

/// Lengths, then the bytes of all values.
fn delta_length(data: &[u8], values: usize, utf8: bool, text_left: &mut u64) -> Result<(), Wrong> {
    let mut lengths = Vec::new();
    let end = delta(data, values, 32, Some(&mut lengths))?;
    let mut from = Take::new(&data[end..]);
    for bytes in lengths {
        let value = from.fixed(length(bytes)?).map_err(|_| "the bytes of each value")?;
        spend(text_left, value.len() as u64)?;
        text(value, utf8)?;
    }
    exactly(from.rest(), Some(0))
}

/// What each value shares with the one before, the lengths of the rests, and the rests.
fn delta_bytes(data: &[u8], values: usize, utf8: bool, text_left: &mut u64) -> Result<(), Wrong> {
    let (mut prefixes, mut suffixes) = (Vec::new(), Vec::new());
    let end = delta(data, values, 32, Some(&mut prefixes))?;
    let end = end + delta(&data[end..], values, 32, Some(&mut suffixes))?;
    let mut from = Take::new(&data[end..]);
    let mut value: Vec<u8> = Vec::new();
    for (prefix, suffix) in prefixes.into_iter().zip(suffixes) {
        let prefix = length(prefix)?;
        if prefix > value.len() {
            return Err("prefixes that the value before has");
        }
        let suffix = from.fixed(length(suffix)?).map_err(|_| "the bytes of each value")?;
        spend(text_left, (prefix + suffix.len()) as u64)?;
        value.truncate(prefix);
        value.extend_from_slice(suffix);
        text(&value, utf8)?;
    }
    exactly(from.rest(), Some(0))
}
