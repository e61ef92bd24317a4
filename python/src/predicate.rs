//! Conditions on rows, as Python writes them.
//!
//! * Text is SQL's grammar of conditions. A mapping gives each column a range (a pair, both ends belong to it, `None` is open), a list of
//!   values, one value, or `None` for null; all must hold.
//! * A date or time is read as the column's own kind is: without a zone, against instants it means UTC.

use at1_catalog::{Comparison, Literal, Predicate};
use at1_python::{Failure, Result};
use pyo3::{
    prelude::*,
    types::{PyBool, PyFloat, PyFrozenSet, PyInt, PyList, PyMapping, PySet, PyString, PyTuple},
};

/// What `given` says of rows.
pub(crate) fn predicate(given: Option<&Bound<'_, PyAny>>) -> Result<Predicate> {
    let Some(given) = given else { return Ok(Predicate::TRUE) };
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(text.to_cow()?.parse::<Predicate>()?);
    }
    let Ok(mapping) = given.cast::<PyMapping>() else {
        return Err(Failure::invalid("where", "a condition as text, or a mapping of columns", kind(given)));
    };
    let mut all = Predicate::TRUE;
    for item in mapping.items()?.iter() {
        let (column, condition): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let Ok(column) = column.extract::<String>() else {
            return Err(Failure::invalid("where", "columns by name", kind(&column)));
        };
        let one = one(&column, &condition).map_err(|e| e.within(&format!("where {column}")))?;
        all = all.and(one);
    }
    Ok(all)
}

/// What must hold of one column.
fn one(column: &str, condition: &Bound<'_, PyAny>) -> Result<Predicate> {
    if condition.is_none() {
        return Ok(Predicate::IsNull(column.to_owned()));
    }
    if let Ok(ends) = condition.cast::<PyTuple>() {
        if ends.len() != 2 {
            let expected = "a range of two ends (LO, HI), None where it is open; values to choose from are a list";
            return Err(Failure::invalid("", expected, format!("a tuple of {}", ends.len())));
        }
        let end = |at: usize, comparison| -> Result<Predicate> {
            let value = ends.get_item(at)?;
            if value.is_none() {
                return Ok(Predicate::TRUE);
            }
            Ok(Predicate::compare(column, comparison, literal(&value)?))
        };
        let range = end(0, Comparison::AtLeast)?.and(end(1, Comparison::AtMost)?);
        return Ok(match range {
            Predicate::TRUE => Predicate::Not(Box::new(Predicate::IsNull(column.to_owned()))),
            range => range,
        });
    }
    let many = condition.is_instance_of::<PyList>()
        || condition.is_instance_of::<PySet>()
        || condition.is_instance_of::<PyFrozenSet>();
    if many {
        let values = condition.try_iter()?.map(|value| literal(&value?)).collect::<Result<_>>()?;
        return Ok(Predicate::In { column: column.to_owned(), values });
    }
    Ok(Predicate::compare(column, Comparison::Equal, literal(condition)?))
}

fn literal(value: &Bound<'_, PyAny>) -> Result<Literal> {
    let words = || -> Result<String> { Ok(value.str()?.to_string()) };
    if value.is_none() {
        return Ok(Literal::Null);
    }
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Literal::Boolean(value.is_true()));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Literal::Text(text.to_cow()?.into_owned()));
    }
    if value.is_instance_of::<PyInt>() {
        return number(&words()?);
    }
    if let Ok(double) = value.cast::<PyFloat>() {
        let double: f64 = double.extract()?;
        return if double.is_finite() { number(&format!("{double:?}")) } else { Ok(Literal::Text(words()?)) };
    }
    // What has a class of its own says what it is by its name; numpy's and pandas' own classes among them.
    let class = value.get_type().name()?.to_string();
    match class.as_str() {
        "Decimal" => {
            let text = words()?;
            return if value.call_method0("is_finite")?.is_truthy()? { number(&text) } else { Ok(Literal::Text(text)) };
        }
        "datetime64" => return moment(&words()?),
        _ => {}
    }
    if value.hasattr("isoformat")? && value.hasattr("year")? {
        return moment(&value.call_method0("isoformat")?.extract::<String>()?);
    }
    // A number of numpy gives the number of Python that it is.
    if value.hasattr("dtype")? && value.hasattr("item")? {
        return literal(&value.call_method0("item")?);
    }
    Err(Failure::invalid("", "a number, text, a boolean, a date, a time, a Decimal, or None", kind(value)))
}

fn number(text: &str) -> Result<Literal> {
    match text.parse() {
        Ok(number) => Ok(Literal::Number(number)),
        Err(_) => Err(Failure::invalid("", "a number", text)),
    }
}

fn moment(text: &str) -> Result<Literal> {
    match text.parse() {
        Ok(moment) => Ok(Literal::Moment(moment)),
        Err(_) => Err(Failure::invalid("", "a date or a time", text)),
    }
}

fn kind(value: &Bound<'_, PyAny>) -> String {
    value.get_type().qualname().map_or_else(|_| "something else".to_owned(), |name| name.to_string())
}

/// A condition as text, which [`predicate`] reads as the same one.
#[pyfunction]
#[pyo3(signature = (given, ranges=vec![]))]
pub(crate) fn words(given: Option<&Bound<'_, PyAny>>, ranges: Vec<String>) -> Result<String> {
    let mut all = predicate(given)?;
    for range in ranges {
        all = all.and(Predicate::range(&range)?);
    }
    Ok(all.to_string())
}
