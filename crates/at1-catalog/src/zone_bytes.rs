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

#[cfg(test)]
mod tests {
    use at1_codec::Schema;
    use at1_codec::column::{DateOrder, Source};

    use super::*;
    use crate::{SegmentZone, ZoneText, ZonesBuilder};

    const TYPES: [&str; 11] = [
        "int64",
        "decimal(18,2)",
        "decimal(38,4)",
        "double",
        "boolean",
        "date",
        "timestamp",
        "timestamptz_ns",
        "text",
        "binary",
        "epoch_ms",
    ];

    fn random(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    /// A bound of a type, from small numbers to the largest there are.
    fn bound(ty: ColumnType, random: &mut impl FnMut(u64) -> u64) -> Option<String> {
        let number = [0i64, 1, -1, 255, -256, 99_999, i64::MAX, i64::MIN][random(8) as usize];
        Some(match ty {
            ColumnType::Int64 => number.to_string(),
            ColumnType::Decimal { precision: 18, .. } => format!("{}.25", number / 1_000_000),
            ColumnType::Decimal { .. } => format!("{number}.0625"),
            ColumnType::Float64 => ["0", "-0", "0.1", "1e300", "-inf", "inf", "5e-324", "7"][random(8) as usize].into(),
            ColumnType::Boolean => (number > 0).to_string(),
            ColumnType::Date => ["2024-02-29", "1969-12-31", "0001-01-01"][random(3) as usize].into(),
            ColumnType::Timestamp { zone, .. } => {
                let text = ["2024-02-29T10:00:00.5", "1969-12-31T23:59:59.999999", "1700-01-01T00:00:00"];
                let zone = if zone == Zone::Utc { "Z" } else { "" };
                format!("{}{zone}", text[random(3) as usize])
            }
            ColumnType::Text => ["", "a", "é\u{10ffff}", &"x".repeat(64)][random(4) as usize].into(),
            ColumnType::Binary => return None,
        })
    }

    /// Zones of stretches of ten rows, of which some is known; and what they were made of.
    fn zones(ty: ColumnType, random: &mut impl FnMut(u64) -> u64) -> (ColumnZones, Vec<ZoneText>) {
        let mut builder = ZonesBuilder::new(&Schema::named([(None, ty)]));
        let mut texts = vec![];
        let density = random(3);
        for _ in 0..random(20) {
            let some = |random: &mut dyn FnMut(u64) -> u64| random(density + 1) == 0;
            let text = ZoneText {
                min: Some(()).filter(|()| some(random)).and_then(|()| bound(ty, random)),
                max: Some(()).filter(|()| some(random)).and_then(|()| bound(ty, random)),
                nulls: some(random).then(|| random(12)),
                rejects: if random(3) == 0 { random(4) } else { 0 },
            };
            builder.push(10, [SegmentZone::Known(ty, text.clone())]).unwrap();
            texts.push(text);
        }
        (builder.finish().unwrap().column(0).unwrap().clone(), texts)
    }

    #[test]
    fn what_was_written_is_read() {
        let mut random = random(1);
        for _ in 0..100 {
            for word in TYPES {
                let ty = word.parse::<Pin>().unwrap().ty;
                let (zones, texts) = zones(ty, &mut random);
                let mut bytes = vec![];
                zones.write(ty, &mut bytes).unwrap();
                let mut cursor = Cursor::new(&bytes);
                let found = ColumnZones::read(ty, texts.len(), &mut cursor).unwrap();
                cursor.finish().unwrap();
                assert_eq!(found, zones, "{word}");
                let mut again = vec![];
                found.write(ty, &mut again).unwrap();
                assert_eq!(again, bytes, "{word}");
                // In two halves, too.
                let (half, all) = (texts.len() / 2, texts.len());
                let halves = [&zones.slice(0..half), &zones.slice(half..all)];
                assert_eq!(ColumnZones::concat(&halves).unwrap(), zones);
            }
        }
    }

    #[test]
    fn any_bytes_are_zones_or_an_error() {
        let mut random = random(2);
        let (mut read, mut refused) = (0, 0);
        for _ in 0..300 {
            for word in TYPES {
                let ty = word.parse::<Pin>().unwrap().ty;
                let (zones, texts) = zones(ty, &mut random);
                let mut bytes = vec![];
                zones.write(ty, &mut bytes).unwrap();
                for _ in 0..=random(2) {
                    let at = random(bytes.len() as u64) as usize;
                    bytes[at] = [0, 1, 2, 255, random(256) as u8][random(5) as usize];
                }
                bytes.truncate(bytes.len() - if random(4) == 0 { random(bytes.len() as u64) as usize } else { 0 });
                match ColumnZones::read(ty, texts.len() + random(2) as usize, &mut Cursor::new(&bytes)) {
                    Ok(found) => {
                        read += 1;
                        found.write(ty, &mut vec![]).unwrap();
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(read > 300 && refused > 300, "{read} were read, {refused} refused");
    }

    #[test]
    fn bounds_that_no_type_has_are_refused() {
        let mut nan = vec![ALL];
        packed::put(&[f64::NAN.to_bits()], &mut nan);
        let mut wide = vec![ALL];
        packed::put_wide(&[10i128.pow(18)], &mut wide);
        let mut two = vec![ALL];
        packed::put(&[2], &mut two);
        let mut text = vec![ALL];
        packed::put(&[1], &mut text);
        text.push(0xff);
        let mut far = vec![ALL];
        packed::put_signed(&[i64::from(i32::MAX) + 1], &mut far);
        for (word, bytes) in [
            ("double", nan),
            ("decimal(18,2)", wide),
            ("boolean", two),
            ("text", text),
            ("date", far),
            ("binary", vec![ALL]),
        ] {
            let error = ColumnZones::read(word.parse().unwrap(), 1, &mut Cursor::new(&bytes)).unwrap_err();
            assert!(error.to_string().contains(&format!("a bound of type {word}")), "{error}");
        }
    }

    /// For every pair of pins: what the builder makes of one segment after the other.
    #[test]
    fn another_pin_sees_what_it_would_see_of_one_segment() {
        let mut random = random(3);
        let pins: Vec<Pin> = TYPES
            .iter()
            .flat_map(|word| {
                let pin: Pin = word.parse().unwrap();
                let mut inferred = pin;
                inferred.reading.source = Source::Inferred;
                let mut ordered = pin;
                ordered.reading.order = Some(DateOrder::Dmy);
                [pin, inferred, ordered]
            })
            .collect();
        let mut known = 0;
        for &stored in &pins {
            for &asked in &pins {
                let (zones, texts) = zones(stored.ty, &mut random);
                let rows = UInt64Array::from(vec![10; texts.len()]);
                let found = zones.seen(stored, asked, &rows).unwrap();
                let mut builder = ZonesBuilder::new(&Schema::named([(None, asked.ty)]));
                for text in texts {
                    builder.push(10, [SegmentZone::seen(stored, asked, 10, text)]).unwrap();
                }
                let all = builder.finish().unwrap();
                let expected = all.column(0).unwrap();
                // Where there are only NULLs, bounds mean nothing.
                let valued: Vec<bool> = expected.nulls().iter().map(|nulls| nulls != Some(10)).collect();
                for i in (0..valued.len()).filter(|&i| valued[i]) {
                    assert_eq!(found.min().slice(i, 1).as_ref(), expected.min().slice(i, 1).as_ref());
                    assert_eq!(found.max().slice(i, 1).as_ref(), expected.max().slice(i, 1).as_ref());
                    known += usize::from(found.min().is_valid(i));
                }
                assert_eq!(found.nulls(), expected.nulls(), "{stored} as {asked}");
            }
        }
        assert!(known > 100, "{known} bounds tell too little");
    }
}
