//! Arrow values as objects of Python: int, float, Decimal, bool, date, datetime, str, bytes, None.
//!
//! * Exact or not at all: what does not fit into the object of its kind (nanoseconds, years beyond 9999) is an error that says what
//!   can hold it.
//! * Instants come with the zone UTC, other times without any.

use arrow::{
    array::{Array, ArrayRef, AsArray as _},
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType,
        UInt64Type,
    },
};
use at1_python::{Failure, Result};
use pyo3::{prelude::*, types::PyBytes, types::PyList};

/// Days from 0001-01-01, where Python's count starts with 1, to 1970-01-01.
const EPOCH_ORDINAL: i64 = 719_163;
const DAY_MICROS: i64 = 86_400_000_000;

/// Appends the values of an array to a list.
pub(crate) fn extend(list: &Bound<'_, PyList>, array: &ArrayRef, field: &Field) -> Result<()> {
    let py = list.py();
    match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            values.iter().try_for_each(|value| list.append(value))?;
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            values.iter().try_for_each(|value| list.append(value))?;
        }
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            values.iter().try_for_each(|value| list.append(value))?;
        }
        DataType::Boolean => array.as_boolean().iter().try_for_each(|value| list.append(value))?,
        DataType::Utf8 => array.as_string::<i32>().iter().try_for_each(|value| list.append(value))?,
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            values.iter().try_for_each(|value| list.append(value.map(|value| PyBytes::new(py, value))))?;
        }
        DataType::Decimal128(..) => {
            let decimal = py.import("decimal")?.getattr("Decimal")?;
            let values = array.as_primitive::<Decimal128Type>();
            for row in 0..values.len() {
                match values.is_null(row) {
                    true => list.append(py.None())?,
                    false => list.append(decimal.call1((values.value_as_string(row),))?)?,
                }
            }
        }
        DataType::Date32 => {
            let date = py.import("datetime")?.getattr("date")?;
            for days in array.as_primitive::<Date32Type>().iter() {
                let Some(days) = days else {
                    list.append(py.None())?;
                    continue;
                };
                let day = date.call_method1("fromordinal", (EPOCH_ORDINAL + i64::from(days),));
                list.append(day.map_err(|_| beyond(field, "date", days))?)?;
            }
        }
        DataType::Timestamp(_, zone) => times(list, array, field, zone.is_some())?,
        DataType::Null => (0..array.len()).try_for_each(|_| list.append(py.None()))?,
        ty => match plainer(ty) {
            Some(plainer) => extend(list, &cast(array, &plainer)?, field)?,
            None => {
                let place = format!("column {}", field.name());
                return Err(Failure::invalid(place, "a type with an object in Python; to_pyarrow() has it", ty));
            }
        },
    }
    Ok(())
}

fn times(list: &Bound<'_, PyList>, array: &ArrayRef, field: &Field, instants: bool) -> Result<()> {
    let py = list.py();
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let class = datetime.getattr("datetime")?;
    let epoch = if instants { class.call1((1970, 1, 1, 0, 0, 0, 0, utc))? } else { class.call1((1970, 1, 1))? };
    let delta = datetime.getattr("timedelta")?;
    let micros: Vec<Option<i64>> = match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>();
            let whole = |nanos: i64| match nanos % 1000 {
                0 => Ok(nanos / 1000),
                _ => {
                    let expected = "whole microseconds, which datetime holds; to_pyarrow(), to_pandas() and to_polars() have them all";
                    Err(Failure::invalid(
                        format!("column {}", field.name()),
                        expected,
                        format!("{nanos} ns since 1970"),
                    ))
                }
            };
            nanos.iter().map(|nanos| nanos.map(whole).transpose()).collect::<Result<_>>()?
        }
        _ => cast(&cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .iter()
            .collect(),
    };
    for micros in micros {
        let Some(micros) = micros else {
            list.append(py.None())?;
            continue;
        };
        let since = delta.call1((micros.div_euclid(DAY_MICROS), 0, micros.rem_euclid(DAY_MICROS)));
        let time = since.and_then(|since| epoch.call_method1("__add__", (since,)));
        list.append(time.map_err(|_| beyond(field, "datetime", micros))?)?;
    }
    Ok(())
}

/// The type that holds the same values, for types that do not come from text.
fn plainer(ty: &DataType) -> Option<DataType> {
    Some(match ty {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            DataType::Int64
        }
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Dictionary(_, values) => (**values).clone(),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date64 => DataType::Date32,
        _ => return None,
    })
}

fn beyond(field: &Field, class: &str, found: impl std::fmt::Display) -> Failure {
    let expected = format!("years 1 to 9999, which {class} holds; to_pyarrow() has them all");
    Failure::invalid(format!("column {}", field.name()), expected, found)
}
