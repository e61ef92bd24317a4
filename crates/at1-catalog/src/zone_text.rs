//! Zones as text: how a ledger keeps them, for a hundred years and any reader.
//!
//! * A bound is written as its value, independent of how columns are stored: `-1.50`, `2024-02-29`, `1e300`.
//! * Text is cut on a character boundary to at most [`TEXT_BYTES_MAX`] bytes; a cut upper bound is raised so that it
//!   still bounds, or left out.
//! * What is not known is left out. Reading is strict: text that this module would not mean as a bound is refused.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array, new_null_array,
    },
    compute::concat,
    datatypes::{
        Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
    },
};
use at1_codec::{
    ColumnType, Schema, TimeUnit, Zone,
    column::{Agreement, Pin},
};
use serde_json::Value;

use crate::{
    ColumnZones, Error, Moment, Number, Result, Zones, bind::digits, number::decimal_text, set::Place, time::DayText,
};

/// Bounds of text are cut to this many bytes.
pub const TEXT_BYTES_MAX: usize = 64;

/// One column's zone as text.
///
/// ```
/// use at1_catalog::ZoneText;
/// let zone = ZoneText { min: Some("1".into()), max: Some("7".into()), nulls: Some(0), rejects: 2 };
/// assert_eq!(zone.to_json().to_string(), r#"["1","7",0,2]"#);
/// assert_eq!(ZoneText::from_json(&zone.to_json())?, zone);
/// # Ok::<(), at1_catalog::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneText {
    /// A lower bound, if one is known.
    pub min: Option<String>,
    /// An upper bound, if one is known.
    pub max: Option<String>,
    /// How many rows are NULL, if that is known.
    pub nulls: Option<u64>,
    /// How many fields the type could not hold.
    pub rejects: u64,
}

impl ZoneText {
    /// `[min, max, nulls]`, with the rejects as a fourth if there are any.
    pub fn to_json(&self) -> Value {
        let mut parts = vec![
            self.min.clone().map_or(Value::Null, Value::String),
            self.max.clone().map_or(Value::Null, Value::String),
            self.nulls.map_or(Value::Null, Value::from),
        ];
        if self.rejects > 0 {
            parts.push(self.rejects.into());
        }
        Value::Array(parts)
    }

    /// Reads what [`Self::to_json`] writes.
    ///
    /// # Errors
    /// If the value has another form.
    pub fn from_json(value: &Value) -> Result<Self> {
        let bad = || Error::corrupt("zone", "[min, max, nulls] or [min, max, nulls, rejects]", value);
        let text = |value: &Value| match value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(bad()),
        };
        let count = |value: &Value| match value {
            Value::Null => Ok(None),
            value => value.as_u64().map(Some).ok_or_else(bad),
        };
        match value.as_array().map(Vec::as_slice) {
            Some([min, max, nulls]) => Ok(Self { min: text(min)?, max: text(max)?, nulls: count(nulls)?, rejects: 0 }),
            Some([min, max, nulls, rejects]) => {
                let rejects = rejects.as_u64().filter(|&rejects| rejects > 0).ok_or_else(bad)?;
                Ok(Self { min: text(min)?, max: text(max)?, nulls: count(nulls)?, rejects })
            }
            _ => Err(bad()),
        }
    }
}

impl Zones {
    /// The zones of one stretch, a text per column; `None` where a column's zones are absent.
    ///
    /// # Panics
    /// If there is no such stretch.
    pub fn text(&self, stretch: usize, schema: &Schema) -> Vec<Option<ZoneText>> {
        let columns = schema.columns.iter().enumerate();
        let zone = columns.map(|(i, column)| {
            self.column(i).map(|zone| zone.seen_as(column.ty, self.rows()).text(stretch, column.ty))
        });
        zone.collect()
    }
}

impl ColumnZones {
    fn text(&self, stretch: usize, ty: ColumnType) -> ZoneText {
        let count = |counts: &UInt64Array| counts.is_valid(stretch).then(|| counts.value(stretch));
        ZoneText {
            min: bound_text(self.min(), stretch, ty)
                .map(|text| if ty == ColumnType::Text { cut(&text).into() } else { text }),
            max: bound_text(self.max(), stretch, ty)
                .and_then(|text| if ty == ColumnType::Text { raise(text) } else { Some(text) }),
            nulls: count(self.nulls()),
            rejects: count(self.rejects()).unwrap_or(0),
        }
    }
}

/// One bound as text; none for bytes, which have no text.
fn bound_text(bounds: &ArrayRef, at: usize, ty: ColumnType) -> Option<String> {
    if bounds.is_null(at) {
        return None;
    }
    Some(match ty {
        ColumnType::Int64 => bounds.as_primitive::<Int64Type>().value(at).to_string(),
        ColumnType::Decimal { scale, .. } => decimal_text(bounds.as_primitive::<Decimal128Type>().value(at), scale),
        ColumnType::Float64 => {
            let double = bounds.as_primitive::<Float64Type>().value(at);
            // Bounds that are NaN bound nothing.
            double_text(Some(double).filter(|d| !d.is_nan())?)
        }
        ColumnType::Boolean => bounds.as_boolean().value(at).to_string(),
        ColumnType::Date => DayText(bounds.as_primitive::<Date32Type>().value(at).into()).to_string(),
        ColumnType::Timestamp { unit, zone } => {
            let ticks = match unit {
                TimeUnit::Micros => bounds.as_primitive::<TimestampMicrosecondType>().value(at),
                TimeUnit::Nanos => bounds.as_primitive::<TimestampNanosecondType>().value(at),
            };
            Moment::of_ticks(ticks, digits(unit), zone).to_string()
        }
        ColumnType::Text => bounds.as_string::<i32>().value(at).to_owned(),
        ColumnType::Binary => return None,
    })
}

/// The shortest text that reads as the same double.
fn double_text(double: f64) -> String {
    let text = format!("{double:?}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// The longest start of at most [`TEXT_BYTES_MAX`] bytes, a lower bound of the text.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// An upper bound of the text, of at most [`TEXT_BYTES_MAX`] bytes.
fn raise(text: String) -> Option<String> {
    if text.len() <= TEXT_BYTES_MAX {
        return Some(text);
    }
    let mut start = cut(&text).to_owned();
    while let Some(last) = start.pop() {
        // The next character there is: the code points of surrogates are none.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next.filter(|next| start.len() + next.len_utf8() <= TEXT_BYTES_MAX) {
            start.push(next);
            return Some(start);
        }
    }
    None
}

/// What a segment says about one column of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentZone {
    /// Nothing is known.
    Unknown,
    /// The segment lacks the column, which reads as NULL.
    Missing,
    /// A zone of the type that the column had when the segment was written, and of the reading that it has now.
    Known(ColumnType, ZoneText),
}

impl SegmentZone {
    /// The zone of a column of `rows` rows that was read as `stored` when the segment was written, and is read as `asked`
    /// now.
    ///
    /// ```
    /// use at1_catalog::{SegmentZone, ZoneText};
    /// use at1_codec::column::Pin;
    /// let [dmy, mdy]: [Pin; 2] = ["date_dmy".parse()?, "date_mdy".parse()?];
    /// let zone = ZoneText { min: Some("2024-02-03".into()), max: Some("2024-02-04".into()), nulls: Some(0), rejects: 0 };
    /// assert_eq!(SegmentZone::seen(dmy, mdy, 2, zone.clone()), SegmentZone::Unknown);
    /// assert_eq!(SegmentZone::seen(dmy, dmy, 2, zone.clone()), SegmentZone::Known(dmy.ty, zone));
    /// # Ok::<(), at1_codec::column::UnknownPin>(())
    /// ```
    pub fn seen(stored: Pin, asked: Pin, rows: u64, text: ZoneText) -> Self {
        let textual = |pin: Pin| matches!(pin.ty, ColumnType::Text | ColumnType::Binary);
        let only_nulls = text.nulls == Some(rows) && text.rejects == 0 && (textual(stored) || !textual(asked));
        match stored.reading.agreement(asked.reading, asked.ty) {
            _ if only_nulls => Self::Missing,
            Agreement::Full => Self::Known(stored.ty, text),
            Agreement::Held if text.rejects == 0 => Self::Known(stored.ty, text),
            Agreement::Held | Agreement::Open => Self::Unknown,
        }
    }
}

/// Gathers the zones of many segments into columns of a table's types.
///
/// ```
/// use at1_catalog::{SegmentZone, ZoneText, ZonesBuilder};
/// use at1_codec::{ColumnType, Schema};
/// let schema = Schema::named([(Some("price"), ColumnType::Decimal { precision: 18, scale: 2 })]);
/// let zone = ZoneText { min: Some("1".into()), max: Some("7".into()), nulls: Some(0), rejects: 0 };
/// let mut builder = ZonesBuilder::new(&schema);
/// builder.push(100, [SegmentZone::Known(ColumnType::Int64, zone)])?; // written when the prices were whole numbers
/// let zones = builder.finish()?;
/// assert_eq!(zones.text(0, &schema)[0].as_ref().unwrap().max.as_deref(), Some("7.00"));
/// # Ok::<(), at1_catalog::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ZonesBuilder {
    types: Vec<ColumnType>,
    rows: Vec<u64>,
    columns: Vec<ColumnBuilder>,
}

#[derive(Clone, Debug, Default)]
struct ColumnBuilder {
    runs: Vec<Run>,
    nulls: Vec<Option<u64>>,
    rejects: Vec<u64>,
}

/// Bounds of neighbouring segments that were written with one type.
#[derive(Clone, Debug)]
struct Run {
    ty: ColumnType,
    min: Vec<Option<Bound>>,
    max: Vec<Option<Bound>>,
}

/// A bound that was read from text.
#[derive(Clone, Debug)]
enum Bound {
    Narrow(i64),
    Wide(i128),
    Double(f64),
    Text(String),
}

impl ZonesBuilder {
    /// For a table of this schema.
    pub fn new(schema: &Schema) -> Self {
        let types: Vec<_> = schema.columns.iter().map(|column| column.ty).collect();
        Self { rows: Vec::new(), columns: vec![ColumnBuilder::default(); types.len()], types }
    }

    /// Adds a segment: what is known of each column of the table, in order. Columns left out at the end are unknown.
    ///
    /// # Errors
    /// If a bound is no value of its type, or there are more columns than the table has.
    pub fn push(&mut self, rows: u64, zones: impl IntoIterator<Item = SegmentZone>) -> Result<()> {
        let mut zones = zones.into_iter();
        let parsed = self.types.iter().enumerate().map(|(i, &table)| {
            let (ty, text) = match zones.next() {
                None | Some(SegmentZone::Unknown) => (table, ZoneText::default()),
                Some(SegmentZone::Missing) => (table, ZoneText { nulls: Some(rows), ..ZoneText::default() }),
                Some(SegmentZone::Known(ty, text)) => (ty, text),
            };
            let read = |bound: Option<String>| {
                let bound = bound.map(|text| parse(ty, text)).transpose();
                bound.map_err(|e| e.within(&format!("zone of column {i}")))
            };
            Ok((ty, read(text.min)?, read(text.max)?, text.nulls, text.rejects))
        });
        let parsed = parsed.collect::<Result<Vec<_>>>()?;
        if zones.next().is_some() {
            return Err(Error::corrupt("zones", format!("at most {} columns", self.types.len()), "more"));
        }
        self.rows.push(rows);
        for (column, (ty, min, max, nulls, rejects)) in self.columns.iter_mut().zip(parsed) {
            match column.runs.last_mut() {
                Some(run) if run.ty == ty => {
                    run.min.push(min);
                    run.max.push(max);
                }
                _ => column.runs.push(Run { ty, min: vec![min], max: vec![max] }),
            }
            column.nulls.push(nulls);
            column.rejects.push(rejects);
        }
        Ok(())
    }

    /// The zones of all segments that were added, in that order.
    ///
    /// # Errors
    /// If Arrow refuses, which bounds that were read cannot cause.
    pub fn finish(self) -> Result<Zones> {
        let rows = UInt64Array::from(self.rows);
        let columns = self.columns.into_iter().zip(&self.types).map(|(column, &table)| {
            let (column_nulls, column_rejects) = (UInt64Array::from(column.nulls), UInt64Array::from(column.rejects));
            let empty = ColumnZones::unknown(table, 0);
            let (mut mins, mut maxes) = (vec![empty.min().clone()], vec![empty.max().clone()]);
            let (mut nulls, mut rejects) = (vec![], vec![]);
            let mut at = 0;
            for Run { ty, min, max } in column.runs {
                let run = at..at + min.len();
                at = run.end;
                let part = |counts: &UInt64Array| counts.slice(run.start, run.len());
                let stored =
                    ColumnZones::new(array(ty, min), array(ty, max), part(&column_nulls), part(&column_rejects))?;
                let seen = stored.seen_as(table, &part(&rows));
                mins.push(seen.min().clone());
                maxes.push(seen.max().clone());
                nulls.extend(seen.nulls());
                rejects.extend(seen.rejects());
            }
            let join = |arrays: &[ArrayRef]| concat(&arrays.iter().map(|a| a.as_ref()).collect::<Vec<_>>());
            let (nulls, rejects) = (UInt64Array::from(nulls), UInt64Array::from(rejects));
            ColumnZones::new(join(&mins)?, join(&maxes)?, nulls, rejects).map(Some)
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Zones::new(rows, columns)
    }
}

/// Reads a bound, strictly.
fn parse(ty: ColumnType, text: String) -> Result<Bound> {
    let bad = |text: &str| Error::corrupt("", format!("a bound of type {ty}"), format!("{text:?}"));
    let number = |scale| match text.parse::<Number>().map(|number| number.place(scale)) {
        Ok(Place::At(value)) => Some(value),
        _ => None,
    };
    let moment = || text.parse::<Moment>().ok();
    let bound = match ty {
        ColumnType::Int64 => number(0).and_then(|value| value.try_into().ok()).map(Bound::Narrow),
        ColumnType::Decimal { scale, precision } => {
            let fits = |value: &i128| value.unsigned_abs() < 10u128.pow(precision.into());
            number(scale).filter(fits).map(Bound::Wide)
        }
        ColumnType::Float64 => text.parse().ok().filter(|double: &f64| !double.is_nan()).map(Bound::Double),
        ColumnType::Boolean => text.parse::<bool>().ok().map(|value| Bound::Narrow(value.into())),
        ColumnType::Date => match moment().map(|moment| moment.days()) {
            Some(Place::At(days)) => i32::try_from(days).ok().map(|days| Bound::Narrow(days.into())),
            _ => None,
        },
        ColumnType::Timestamp { unit, zone } => {
            match moment().filter(|moment| moment.zone() == zone).map(|moment| moment.ticks(digits(unit))) {
                Some(Place::At(ticks)) => Some(Bound::Narrow(ticks)),
                _ => None,
            }
        }
        ColumnType::Text => return Ok(Bound::Text(text)),
        ColumnType::Binary => None,
    };
    bound.ok_or_else(|| bad(&text))
}

/// Bounds of one type as an array.
fn array(ty: ColumnType, bounds: Vec<Option<Bound>>) -> ArrayRef {
    let narrow = |bound: &Option<Bound>| match bound {
        Some(Bound::Narrow(value)) => Some(*value),
        _ => None,
    };
    let wide = |bound: &Option<Bound>| match bound {
        Some(Bound::Wide(value)) => Some(*value),
        _ => None,
    };
    let double = |bound: &Option<Bound>| match bound {
        Some(Bound::Double(value)) => Some(*value),
        _ => None,
    };
    match ty {
        ColumnType::Int64 => Arc::new(bounds.iter().map(narrow).collect::<Int64Array>()),
        ColumnType::Decimal { .. } => {
            Arc::new(bounds.iter().map(wide).collect::<Decimal128Array>().with_data_type(ty.arrow()))
        }
        ColumnType::Float64 => Arc::new(bounds.iter().map(double).collect::<Float64Array>()),
        ColumnType::Boolean => {
            Arc::new(bounds.iter().map(|bound| narrow(bound).map(|value| value == 1)).collect::<BooleanArray>())
        }
        ColumnType::Date => {
            let days = bounds.iter().map(|bound| narrow(bound).and_then(|days| i32::try_from(days).ok()));
            Arc::new(days.collect::<Date32Array>())
        }
        ColumnType::Timestamp { unit, zone } => {
            let ticks = bounds.iter().map(narrow);
            let zone = (zone == Zone::Utc).then_some("UTC");
            match unit {
                TimeUnit::Micros => Arc::new(ticks.collect::<TimestampMicrosecondArray>().with_timezone_opt(zone)),
                TimeUnit::Nanos => Arc::new(ticks.collect::<TimestampNanosecondArray>().with_timezone_opt(zone)),
            }
        }
        ColumnType::Text => {
            let text = bounds.iter().map(|bound| match bound {
                Some(Bound::Text(text)) => Some(text.as_str()),
                _ => None,
            });
            Arc::new(text.collect::<StringArray>())
        }
        ColumnType::Binary => new_null_array(&ty.arrow(), bounds.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_bounds() {
        let long = "x".repeat(100);
        assert_eq!(cut(&long), "x".repeat(64));
        assert_eq!(raise(long.clone()).unwrap(), format!("{}y", "x".repeat(63)));
        // A character that would be cut in two goes as a whole.
        let accents = "é".repeat(50);
        let odd = format!("x{accents}");
        assert_eq!(cut(&odd).len(), 63);
        assert!(raise(odd.clone()).unwrap() > odd);
        // The last character there is cannot be raised, the one before it can.
        let top = format!("a{}", "\u{10ffff}".repeat(40));
        assert_eq!(raise(top).unwrap(), "b");
        assert_eq!(raise("\u{10ffff}".repeat(40)), None);
        // Over the gap of surrogates.
        let edge = format!("{}\u{d7ff}{}", "x".repeat(61), "y".repeat(20));
        assert_eq!(raise(edge).unwrap(), format!("{}\u{e000}", "x".repeat(61)));
        // One byte more would not fit: the character before it is raised.
        let grows = format!("{}\u{7f}zzz", "x".repeat(63));
        assert_eq!(raise(grows).unwrap(), format!("{}y", "x".repeat(62)));
        assert_eq!(raise("x".repeat(64)).unwrap(), "x".repeat(64));
    }

    #[test]
    fn doubles() {
        for (double, want) in
            [(1.0, "1"), (-0.0, "-0"), (0.1, "0.1"), (1e300, "1e300"), (f64::NEG_INFINITY, "-inf"), (5e-324, "5e-324")]
        {
            assert_eq!(double_text(double), want);
            assert_eq!(want.parse::<f64>().unwrap().to_bits(), double.to_bits());
        }
    }
}
