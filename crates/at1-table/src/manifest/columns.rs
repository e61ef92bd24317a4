//! What neighbouring stretches of rows know of one column: segments in a leaf, whole nodes in an inner block.
//!
//! * Zones are kept in the type that they were written in, in runs of one pin, so a change of the schema changes no node.
//! * Of several stretches as one something is known only if all that have the column were written with one pin; stretches that lack
//!   it are NULLs. So an inner zone never rules out what a segment below could match.
//! * Stretches without rows say nothing and take nothing away.
//!
//! ```text
//! runs, u32 LE; for each:
//!   stretches u32 LE; kind 0: lack the column, 1: unknown, 2: known
//!   only with 2: pin (type's length u8, type as text, epoch u8, order u8, source u8), zones (see `at1_catalog`)
//! ```

use std::{iter, ops::Range};

use arrow::array::UInt64Array;
use at1_catalog::{ColumnZones, SegmentZone, ZoneText, Zones, ZonesBuilder, packed::Cursor};
use at1_codec::{
    ColumnType, Schema,
    column::{DateOrder, Epoch, Pin, Reading, Source},
};

use crate::error::{Error, Result};

const MISSING: u8 = 0;
const UNKNOWN: u8 = 1;
const KNOWN: u8 = 2;

/// What stretches know of one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Column {
    runs: Vec<Run>,
}

/// Neighbours of which the same kind of thing is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) stretches: usize,
    pub(super) known: Known,
}

/// What is known of the stretches of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Known {
    /// They lack the column: all rows are NULL.
    Missing,
    /// Nothing.
    Nothing,
    /// The zones of values that were written with this pin; each of them may be unknown.
    Zones(Pin, Box<ColumnZones>),
}

impl Column {
    /// Stretches that lack the column.
    pub(super) fn missing(stretches: usize) -> Self {
        let mut column = Self::default();
        column.push(Run { stretches, known: Known::Missing });
        column
    }

    /// Segments: for each its rows, the pin it was written with unless it lacks the column, and what its event says.
    pub(super) fn of_segments<'a>(
        segments: impl Iterator<Item = (u64, Option<Pin>, Option<&'a ZoneText>)> + Clone,
    ) -> Result<Self> {
        let mut column = Self::default();
        let mut segments = segments.peekable();
        while let Some(&(_, pin, _)) = segments.peek() {
            let run = iter::from_fn(|| segments.next_if(|segment| segment.1 == pin));
            let (stretches, known) = match pin {
                None => (run.count(), Known::Missing),
                Some(pin) => {
                    let zones = zones_of(pin.ty, run)?;
                    (zones.nulls().len(), Known::Zones(pin, Box::new(zones)))
                }
            };
            column.push(Run { stretches, known });
        }
        Ok(column)
    }

    /// Whether all stretches lack the column.
    pub(super) fn is_missing(&self) -> bool {
        self.runs.iter().all(|run| run.known == Known::Missing)
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    fn push(&mut self, run: Run) {
        if run.stretches > 0 {
            self.runs.push(run);
        }
    }

    /// Some of the stretches.
    pub(super) fn slice(&self, stretches: Range<usize>) -> Self {
        let mut column = Self::default();
        let mut at = 0;
        for run in &self.runs {
            let (from, to) =
                (stretches.start.clamp(at, at + run.stretches), stretches.end.clamp(at, at + run.stretches));
            let within = from - at..to.max(from) - at;
            at += run.stretches;
            let known = match &run.known {
                Known::Zones(pin, zones) => Known::Zones(*pin, Box::new(zones.slice(within.clone()))),
                other => other.clone(),
            };
            column.push(Run { stretches: within.len(), known });
        }
        column
    }

    /// The stretches of several, one after the other.
    pub(super) fn concat<'a>(columns: impl Iterator<Item = &'a Self>) -> Result<Self> {
        let mut joined = Self::default();
        let mut runs = columns.flat_map(|column| &column.runs).peekable();
        while let Some(first) = runs.next() {
            let mut same = vec![first];
            same.extend(iter::from_fn(|| runs.next_if(|run| run.known.is_like(&first.known))));
            let known = match (&first.known, same.len()) {
                (Known::Zones(pin, _), 2..) => {
                    let zones: Vec<_> = same.iter().filter_map(|run| run.known.zones()).collect();
                    Known::Zones(*pin, Box::new(ColumnZones::concat(&zones)?))
                }
                (known, _) => known.clone(),
            };
            joined.push(Run { stretches: same.iter().map(|run| run.stretches).sum(), known });
        }
        Ok(joined)
    }

    /// All stretches as one, `rows` being their lengths.
    pub(super) fn whole(&self, rows: &[u64]) -> Result<Self> {
        let mut at = 0;
        let mut parts = vec![];
        let mut pins = vec![];
        for run in &self.runs {
            let rows = &rows[at..at + run.stretches];
            at += run.stretches;
            let together = rows.iter().sum::<u64>();
            match &run.known {
                _ if together == 0 => {}
                Known::Missing => parts.push((together, None)),
                Known::Nothing => return Ok(Self::nothing()),
                Known::Zones(pin, zones) => {
                    pins.push(*pin);
                    parts.push((together, Some(together_of(zones, rows)?)));
                }
            }
        }
        let Some(&pin) = pins.first() else { return Ok(Self::missing(1)) };
        if pins.iter().any(|other| *other != pin) {
            return Ok(Self::nothing());
        }
        let rows: Vec<u64> = parts.iter().map(|part| part.0).collect();
        let zones = parts
            .into_iter()
            .map(|(rows, zones)| zones.unwrap_or_else(|| ColumnZones::missing(pin.ty, &UInt64Array::from(vec![rows]))));
        let zones: Vec<_> = zones.collect();
        let zones = ColumnZones::concat(&zones.iter().collect::<Vec<_>>())?;
        let known = Known::Zones(pin, Box::new(together_of(&zones, &rows)?));
        Ok(Self { runs: vec![Run { stretches: 1, known }] })
    }

    fn nothing() -> Self {
        Self { runs: vec![Run { stretches: 1, known: Known::Nothing }] }
    }

    /// The zones as a query sees them that reads the column as `asked`.
    pub(super) fn seen(&self, asked: Pin, rows: &UInt64Array) -> Result<ColumnZones> {
        let mut at = 0;
        let mut parts = vec![];
        for run in &self.runs {
            let rows = rows.slice(at, run.stretches);
            at += run.stretches;
            parts.push(match &run.known {
                Known::Missing => ColumnZones::missing(asked.ty, &rows),
                Known::Nothing => ColumnZones::unknown(asked.ty, run.stretches),
                Known::Zones(pin, zones) => zones.seen(*pin, asked, &rows)?,
            });
        }
        match &parts[..] {
            [one] => Ok(one.clone()),
            parts => Ok(ColumnZones::concat(&parts.iter().collect::<Vec<_>>())?),
        }
    }

    /// What is known of the values that are stored just as `asked`, and nothing of others: their bounds are values.
    pub(super) fn exactly(&self, asked: Pin, rows: &UInt64Array) -> Result<ColumnZones> {
        let known = |run: &Run| match &run.known {
            Known::Zones(pin, _) if *pin != asked => Known::Nothing,
            known => known.clone(),
        };
        let runs = self.runs.iter().map(|run| Run { stretches: run.stretches, known: known(run) });
        Self { runs: runs.collect() }.seen(asked, rows)
    }

    /// Of one stretch of so many rows: the pin it was written with, and its zone as text.
    pub(super) fn text(&self, rows: u64) -> Result<(Option<Pin>, ZoneText)> {
        match self.runs.first().map(|run| &run.known) {
            Some(Known::Missing) | None => Ok((None, ZoneText { nulls: Some(rows), ..ZoneText::default() })),
            Some(Known::Nothing) => Ok((None, ZoneText::default())),
            Some(Known::Zones(pin, zones)) => {
                let zones = Zones::new(UInt64Array::from(vec![rows]), vec![Some(ColumnZones::clone(zones))])?;
                let texts = zones.text(0, &Schema::named([(None, pin.ty)]));
                Ok((Some(*pin), texts.into_iter().flatten().next().unwrap_or_default()))
            }
        }
    }

    pub(super) fn write(&self) -> Result<Vec<u8>> {
        let mut out = vec![];
        let put = |out: &mut Vec<u8>, count: usize| {
            out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        };
        put(&mut out, self.runs.len());
        for run in &self.runs {
            put(&mut out, run.stretches);
            match &run.known {
                Known::Missing => out.push(MISSING),
                Known::Nothing => out.push(UNKNOWN),
                Known::Zones(pin, zones) => {
                    out.push(KNOWN);
                    write_pin(*pin, &mut out);
                    zones.write(pin.ty, &mut out)?;
                }
            }
        }
        Ok(out)
    }

    /// Reads what is known of so many stretches, a number that is bounded.
    pub(super) fn read(mut bytes: Cursor<'_>, stretches: usize) -> Result<Self> {
        let mut column = Self::default();
        let mut left = stretches;
        for _ in 0..bytes.u32()? {
            let stretches = bytes.u32()? as usize;
            left = match left.checked_sub(stretches) {
                Some(left) if stretches > 0 => left,
                _ => return Err(Error::corrupt("", format!("a run of 1 to {left} stretches"), stretches)),
            };
            let known = match bytes.u8()? {
                MISSING => Known::Missing,
                UNKNOWN => Known::Nothing,
                KNOWN => {
                    let pin = read_pin(&mut bytes)?;
                    Known::Zones(pin, Box::new(ColumnZones::read(pin.ty, stretches, &mut bytes)?))
                }
                kind => return Err(Error::corrupt("", "a kind of run", kind)),
            };
            column.push(Run { stretches, known });
        }
        bytes.finish()?;
        match left {
            0 => Ok(column),
            left => Err(Error::corrupt("", format!("runs of {stretches} stretches"), stretches - left)),
        }
    }
}

impl Known {
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Zones(pin, _), Self::Zones(other, _)) => pin == other,
            (Self::Missing, Self::Missing) | (Self::Nothing, Self::Nothing) => true,
            _ => false,
        }
    }

    fn zones(&self) -> Option<&ColumnZones> {
        match self {
            Self::Zones(_, zones) => Some(zones),
            _ => None,
        }
    }
}

/// The zones of segments of one pin.
fn zones_of<'a>(
    ty: ColumnType,
    segments: impl Iterator<Item = (u64, Option<Pin>, Option<&'a ZoneText>)>,
) -> Result<ColumnZones> {
    let mut builder = ZonesBuilder::new(&Schema::named([(None, ty)]));
    for (rows, _, text) in segments {
        let zone = match (rows, text) {
            (0, _) => SegmentZone::Missing,
            (_, Some(text)) => SegmentZone::Known(ty, text.clone()),
            (_, None) => SegmentZone::Unknown,
        };
        builder.push(rows, [zone])?;
    }
    let zones = builder.finish()?;
    Ok(zones.column(0).cloned().expect("the builder has one column"))
}

/// Stretches of one pin as one.
fn together_of(zones: &ColumnZones, rows: &[u64]) -> Result<ColumnZones> {
    // A count above the number of rows is no count; and so no sum of counts is above the sum of the rows.
    let counts = |counts: &UInt64Array| -> UInt64Array {
        counts.iter().zip(rows).map(|(count, rows)| count.filter(|count| count <= rows)).collect()
    };
    let (nulls, rejects) = (counts(zones.nulls()), counts(zones.rejects()));
    let zones = ColumnZones::new(zones.min().clone(), zones.max().clone(), nulls, rejects)?;
    let whole = Zones::new(UInt64Array::from(rows.to_vec()), vec![Some(zones)])?.whole()?;
    Ok(whole.column(0).cloned().expect("there is one"))
}

fn write_pin(pin: Pin, out: &mut Vec<u8>) {
    let ty = pin.ty.to_string();
    out.push(ty.len() as u8);
    out.extend_from_slice(ty.as_bytes());
    out.push(match pin.reading.epoch {
        None => 0,
        Some(Epoch::Seconds) => 1,
        Some(Epoch::Millis) => 2,
        Some(Epoch::Micros) => 3,
        Some(Epoch::Nanos) => 4,
    });
    out.push(match pin.reading.order {
        None => 0,
        Some(DateOrder::Dmy) => 1,
        Some(DateOrder::Mdy) => 2,
    });
    out.push(match pin.reading.source {
        Source::Inferred => 0,
        Source::Pinned => 1,
    });
}

fn read_pin(bytes: &mut Cursor<'_>) -> Result<Pin> {
    let length = bytes.u8()?;
    let ty = String::from_utf8_lossy(bytes.take(length.into())?);
    let bad = |found: &dyn std::fmt::Display| Error::corrupt("", "a type and a reading", found);
    let ty = ty.parse().map_err(|_| bad(&ty))?;
    let epoch = match bytes.u8()? {
        0 => None,
        1 => Some(Epoch::Seconds),
        2 => Some(Epoch::Millis),
        3 => Some(Epoch::Micros),
        4 => Some(Epoch::Nanos),
        other => return Err(bad(&other)),
    };
    let order = match bytes.u8()? {
        0 => None,
        1 => Some(DateOrder::Dmy),
        2 => Some(DateOrder::Mdy),
        other => return Err(bad(&other)),
    };
    let source = match bytes.u8()? {
        0 => Source::Inferred,
        1 => Source::Pinned,
        other => return Err(bad(&other)),
    };
    Ok(Pin { ty, reading: Reading { epoch, order, source } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(word: &str) -> Pin {
        word.parse().unwrap()
    }

    fn text(min: Option<&str>, max: Option<&str>, nulls: Option<u64>, rejects: u64) -> ZoneText {
        ZoneText { min: min.map(str::to_owned), max: max.map(str::to_owned), nulls, rejects }
    }

    /// Segments of ten rows each, but the last of which has none, as one.
    #[track_caller]
    fn check(segments: &[(Option<Pin>, Option<ZoneText>)], expected: (Option<Pin>, ZoneText)) {
        let mut rows = vec![10; segments.len()];
        *rows.last_mut().unwrap() = 0;
        let segments = segments.iter().zip(&rows).map(|((pin, zone), rows)| (*rows, *pin, zone.as_ref()));
        let column = Column::of_segments(segments).unwrap();
        let whole = column.whole(&rows).unwrap();
        assert_eq!(whole.text(rows.iter().sum()).unwrap(), expected);
        let bytes = whole.write().unwrap();
        assert_eq!(Column::read(Cursor::new(&bytes), 1).unwrap(), whole);
        let (half, all) = (rows.len() / 2, rows.len());
        assert_eq!(Column::concat([&column.slice(0..half), &column.slice(half..all)].into_iter()).unwrap(), column);
    }

    #[test]
    fn what_segments_know_together() {
        let int = Some(pin("int64"));
        let (one, nine) = (text(Some("1"), Some("5"), Some(2), 1), text(Some("-9"), Some("9"), Some(0), 0));
        let none = (int, Some(text(None, None, Some(0), 0)));
        let empty = || none.clone();
        let nothing = (None, ZoneText::default());
        let of = |zone: &ZoneText| (int, Some(zone.clone()));
        check(&[of(&one), of(&nine), empty()], (int, text(Some("-9"), Some("9"), Some(2), 1)));
        // Those that lack the column are NULL.
        check(&[(None, None), of(&one), empty()], (int, text(Some("1"), Some("5"), Some(12), 1)));
        check(&[(None, None), (None, None), empty()], (None, text(None, None, Some(20), 0)));
        // NULLs need no bounds; a bound that is not known bounds nothing.
        let nulls = text(None, None, Some(10), 0);
        check(&[of(&one), of(&nulls), empty()], (int, text(Some("1"), Some("5"), Some(12), 1)));
        let open = text(None, Some("7"), Some(0), 0);
        check(&[of(&one), of(&open), empty()], (int, text(None, Some("7"), Some(2), 1)));
        // Counts that are not known, or are none.
        check(&[of(&one), (int, None), empty()], (int, text(None, None, None, 1)));
        let wrong = text(Some("1"), Some("1"), Some(11), 0);
        check(&[of(&one), of(&wrong), empty()], (int, text(Some("1"), Some("5"), None, 1)));
        // Another type, another reading.
        let decimal = (Some(pin("decimal(18,2)")), Some(text(Some("1.00"), Some("2.00"), Some(0), 0)));
        check(&[of(&one), decimal.clone(), empty()], nothing.clone());
        let mut inferred = pin("int64");
        inferred.reading.source = Source::Inferred;
        check(&[of(&one), (Some(inferred), Some(nine.clone())), empty()], nothing);
        // A segment without rows changes nothing, whatever it was written with.
        check(&[of(&one), of(&nine), decimal], (int, text(Some("-9"), Some("9"), Some(2), 1)));
        check(&[of(&one), of(&nine), (None, None)], (int, text(Some("-9"), Some("9"), Some(2), 1)));
    }

    #[test]
    fn doubles_of_which_one_is_nan_have_no_bounds_together() {
        let double = Some(pin("double"));
        let nan = (double, Some(text(None, None, Some(0), 0)));
        let number = (double, Some(text(Some("-0"), Some("inf"), Some(0), 0)));
        check(&[number.clone(), nan, number.clone()], (double, text(None, None, Some(0), 0)));
        check(&[number.clone(), number.clone(), number], (double, text(Some("-0"), Some("inf"), Some(0), 0)));
    }
}
