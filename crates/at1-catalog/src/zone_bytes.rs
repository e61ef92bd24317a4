//! Zones of many stretches as bytes, and as another pin sees them: how a manifest keeps them.
//!
//! ```text
//! min bounds, max bounds, nulls, rejects, each:
//!   1          which     0: known of every stretch   1: of none   2: as the bitmap says
//!   ⌈n/8⌉      bitmap    only with 2; bit i%8 of byte i/8 is stretch i
//!   …          the values that are known, in order, see `packed`
//! ```
//!
//! | type | values |
//! |---|---|
//! | int64, timestamp | signed numbers |
//! | date | days, as signed numbers |
//! | boolean | 0 and 1, as numbers |
//! | decimal | without the point, as wide numbers |
//! | double | the bits of IEEE 754, as numbers; never NaN |
//! | text | lengths, as numbers, then all bytes |
//! | binary | none |
//! | nulls, rejects | numbers |
//!
//! * How many stretches there are is known to whoever reads them.
//! * Every byte string is zones or an error.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array, new_null_array,
    },
    buffer::{BooleanBuffer, NullBuffer},
    compute::{concat, nullif},
    datatypes::{
        Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
    },
};
use at1_codec::{
    ColumnType, TimeUnit, Zone,
    column::{Agreement, Pin},
};

use crate::{
    ColumnZones, Error, Result,
    packed::{self, Cursor},
};

const ALL: u8 = 0;
const NONE: u8 = 1;
const SOME: u8 = 2;

impl ColumnZones {
    /// The same stretches as a column sees them that is read as `asked` now, and was written as `stored`, `rows` being their
    /// lengths: for each what [`SegmentZone::seen`](crate::SegmentZone::seen) says of one.
    ///
    /// # Errors
    /// If `rows` are not as many.
    pub fn seen(&self, stored: Pin, asked: Pin, rows: &UInt64Array) -> Result<Self> {
        if rows.len() != self.nulls().len() {
            return Err(Error::mismatch("zones", format!("{} row counts", self.nulls().len()), rows.len()));
        }
        let seen = match stored.reading.agreement(asked.reading, asked.ty) {
            Agreement::Full => return Ok(self.seen_as(asked.ty, rows)),
            Agreement::Held => self.seen_as(asked.ty, rows),
            Agreement::Open => return Ok(self.but_nulls(asked.ty, rows)),
        };
        // What the stored reading rejects the other may hold.
        let rejects = self.rejects();
        let open = |i| Some(rejects.is_null(i) || rejects.value(i) > 0);
        let open: BooleanArray = (0..rejects.len()).map(open).collect();
        let counts =
            |counts: &UInt64Array| -> Result<UInt64Array> { Ok(nullif(counts, &open)?.as_primitive().clone()) };
        let (min, max) = (nullif(seen.min(), &open)?, nullif(seen.max(), &open)?);
        Self::new(min, max, counts(seen.nulls())?, counts(seen.rejects())?)
    }

    /// Some of the stretches.
    ///
    /// # Panics
    /// If the range reaches beyond them.
    #[must_use]
    pub fn slice(&self, stretches: Range<usize>) -> Self {
        let (from, count) = (stretches.start, stretches.len());
        let (min, max) = (self.min().slice(from, count), self.max().slice(from, count));
        Self::new(min, max, self.nulls().slice(from, count), self.rejects().slice(from, count)).expect("as they were")
    }

    /// The stretches of several, one after the other.
    ///
    /// # Errors
    /// If there are none, or their types differ.
    pub fn concat(parts: &[&Self]) -> Result<Self> {
        let join = |part: fn(&Self) -> &dyn Array| concat(&parts.iter().map(|zones| part(zones)).collect::<Vec<_>>());
        let (nulls, rejects) = (join(|zones| zones.nulls())?, join(|zones| zones.rejects())?);
        let (min, max) = (join(|zones| zones.min())?, join(|zones| zones.max())?);
        Self::new(min, max, nulls.as_primitive().clone(), rejects.as_primitive().clone())
    }

    /// Appends the zones as bytes; their bounds are of type `ty`.
    ///
    /// # Errors
    /// If they are of another type.
    pub fn write(&self, ty: ColumnType, out: &mut Vec<u8>) -> Result<()> {
        if *self.min().data_type() != ty.arrow() {
            return Err(Error::mismatch("zones", format!("bounds of type {ty}"), self.min().data_type()));
        }
        for bounds in [self.min(), self.max()] {
            write_known(bounds.nulls(), bounds.len(), out);
            write_bounds(bounds, ty, out);
        }
        for counts in [self.nulls(), self.rejects()] {
            write_known(counts.nulls(), counts.len(), out);
            packed::put(&counts.iter().flatten().collect::<Vec<_>>(), out);
        }
        Ok(())
    }

    /// Reads the zones of `stretches` stretches. It is up to the caller that their number is no mere claim.
    ///
    /// # Errors
    /// If the bytes are not theirs.
    pub fn read(ty: ColumnType, stretches: usize, bytes: &mut Cursor<'_>) -> Result<Self> {
        let min = read_bounds(ty, stretches, bytes)?;
        let max = read_bounds(ty, stretches, bytes)?;
        let mut counts = || {
            let known = Known::read(stretches, bytes)?;
            let counts = bytes.numbers(known.count())?;
            Ok::<_, Error>(UInt64Array::new(known.spread(counts).into(), known.nulls()))
        };
        let (nulls, rejects) = (counts()?, counts()?);
        Self::new(min, max, nulls, rejects)
    }
}

fn write_known(nulls: Option<&NullBuffer>, stretches: usize, out: &mut Vec<u8>) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => out.push(ALL),
        Some(nulls) if nulls.null_count() == stretches => out.push(NONE),
        Some(nulls) => {
            out.push(SOME);
            let mut bits = vec![0u8; stretches.div_ceil(8)];
            (0..stretches).filter(|&i| nulls.is_valid(i)).for_each(|i| bits[i / 8] |= 1 << (i % 8));
            out.extend_from_slice(&bits);
        }
    }
}

fn write_bounds(bounds: &ArrayRef, ty: ColumnType, out: &mut Vec<u8>) {
    macro_rules! known {
        ($array:ident) => {
            bounds.as_primitive::<$array>().iter().flatten()
        };
    }
    match ty {
        ColumnType::Int64 => packed::put_signed(&known!(Int64Type).collect::<Vec<_>>(), out),
        ColumnType::Date => packed::put_signed(&known!(Date32Type).map(i64::from).collect::<Vec<_>>(), out),
        ColumnType::Timestamp { unit: TimeUnit::Micros, .. } => {
            packed::put_signed(&known!(TimestampMicrosecondType).collect::<Vec<_>>(), out);
        }
        ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } => {
            packed::put_signed(&known!(TimestampNanosecondType).collect::<Vec<_>>(), out);
        }
        ColumnType::Boolean => {
            packed::put(&bounds.as_boolean().iter().flatten().map(u64::from).collect::<Vec<_>>(), out);
        }
        ColumnType::Decimal { .. } => packed::put_wide(&known!(Decimal128Type).collect::<Vec<_>>(), out),
        ColumnType::Float64 => packed::put(&known!(Float64Type).map(f64::to_bits).collect::<Vec<_>>(), out),
        ColumnType::Text => {
            let texts = || bounds.as_string::<i32>().iter().flatten();
            packed::put(&texts().map(|text| text.len() as u64).collect::<Vec<_>>(), out);
            texts().for_each(|text| out.extend_from_slice(text.as_bytes()));
        }
        // Their bounds are never known, so there are no values.
        ColumnType::Binary => {}
    }
}

/// Of which stretches something is known.
struct Known {
    stretches: usize,
    some: Option<BooleanBuffer>,
}

impl Known {
    fn read(stretches: usize, bytes: &mut Cursor<'_>) -> Result<Self> {
        let some = match bytes.u8()? {
            ALL => None,
            NONE => Some(BooleanBuffer::new_unset(stretches)),
            SOME => {
                let bits = bytes.take(stretches.div_ceil(8))?;
                Some(BooleanBuffer::new(bits.to_vec().into(), 0, stretches))
            }
            which => return Err(Error::corrupt("", "0, 1 or 2 for what is known", which)),
        };
        Ok(Self { stretches, some })
    }

    fn count(&self) -> usize {
        self.some.as_ref().map_or(self.stretches, BooleanBuffer::count_set_bits)
    }

    fn nulls(&self) -> Option<NullBuffer> {
        self.some.clone().map(NullBuffer::new)
    }

    /// One value for each stretch, of those that are known.
    fn spread<T: Default + Clone>(&self, values: Vec<T>) -> Vec<T> {
        let Some(some) = &self.some else { return values };
        let mut spread = vec![T::default(); self.stretches];
        some.set_indices().zip(values).for_each(|(i, value)| spread[i] = value);
        spread
    }
}

fn read_bounds(ty: ColumnType, stretches: usize, bytes: &mut Cursor<'_>) -> Result<ArrayRef> {
    let known = Known::read(stretches, bytes)?;
    let (count, nulls) = (known.count(), known.nulls());
    let bad = |found: &dyn std::fmt::Display| Error::corrupt("", format!("a bound of type {ty}"), found);
    Ok(match ty {
        ColumnType::Int64 => Arc::new(Int64Array::new(known.spread(bytes.signed(count)?).into(), nulls)),
        ColumnType::Date => {
            let days = bytes.signed(count)?.into_iter().map(|days| i32::try_from(days).map_err(|_| bad(&days)));
            Arc::new(Date32Array::new(known.spread(days.collect::<Result<Vec<_>>>()?).into(), nulls))
        }
        ColumnType::Timestamp { unit, zone } => {
            let ticks = known.spread(bytes.signed(count)?).into();
            let zone = (zone == Zone::Utc).then_some("UTC");
            match unit {
                TimeUnit::Micros => Arc::new(TimestampMicrosecondArray::new(ticks, nulls).with_timezone_opt(zone)),
                TimeUnit::Nanos => Arc::new(TimestampNanosecondArray::new(ticks, nulls).with_timezone_opt(zone)),
            }
        }
        ColumnType::Boolean => {
            let values = bytes.numbers(count)?;
            if let Some(other) = values.iter().find(|&&value| value > 1) {
                return Err(bad(other));
            }
            let values = known.spread(values);
            Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(stretches, |i| values[i] == 1), nulls))
        }
        ColumnType::Decimal { precision, .. } => {
            let values = bytes.wide(count)?;
            let fits = |value: &&i128| value.unsigned_abs() < 10u128.pow(precision.into());
            if let Some(other) = values.iter().find(|value| !fits(value)) {
                return Err(bad(other));
            }
            Arc::new(Decimal128Array::new(known.spread(values).into(), nulls).with_data_type(ty.arrow()))
        }
        ColumnType::Float64 => {
            let values: Vec<f64> = bytes.numbers(count)?.into_iter().map(f64::from_bits).collect();
            if values.iter().any(|value| value.is_nan()) {
                return Err(bad(&f64::NAN));
            }
            Arc::new(Float64Array::new(known.spread(values).into(), nulls))
        }
        ColumnType::Text => {
            let lengths = bytes.numbers(count)?;
            let texts = lengths.into_iter().map(|length| {
                let text = bytes.take(usize::try_from(length).unwrap_or(usize::MAX))?;
                str::from_utf8(text).map_err(|_| bad(&"bytes that are not UTF-8"))
            });
            let texts = known.spread(texts.collect::<Result<Vec<_>>>()?);
            let valid = |i| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(i));
            Arc::new(texts.into_iter().enumerate().map(|(i, text)| valid(i).then_some(text)).collect::<StringArray>())
        }
        ColumnType::Binary if count > 0 => return Err(bad(&"one")),
        ColumnType::Binary => new_null_array(&ty.arrow(), stretches),
    })
}
