//! One printed form for every value that a scan can give: the base of the table, CSV and JSON outputs.
//!
//! * Exact: a decimal prints all its digits, a double its shortest form that reads back the same.
//! * Instants print in UTC and end in `Z`; wall-clock times carry no zone.
//! * A null prints nothing; an output that must tell it from empty text asks [`Values::is_null`].

use std::{io::Write as _, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray as _, RecordBatch},
    compute::cast,
    datatypes::{DataType, Float64Type, Int64Type, UInt64Type},
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};

/// How a column's values are treated by the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Digits, aligned right, bare in JSON.
    Number,
    /// A double, which may not be finite.
    Double,
    /// `true` or `false`.
    Boolean,
    /// Dates and times: words without quotes, commas or control characters.
    Time,
    /// Text.
    Text,
    /// Bytes that are not UTF-8.
    Bytes,
}

/// The columns of one batch, ready to print.
pub struct Rows {
    names: Vec<String>,
    columns: Vec<(ArrayRef, Kind, Instant)>,
    rows: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Instant {
    Utc,
    Other,
}

impl Rows {
    /// The columns of a batch.
    ///
    /// # Errors
    /// If a column has a type that cannot be printed.
    pub fn new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let columns = batch.columns().iter().map(|array| match array.data_type() {
            ty if plainer(ty).is_some() => {
                let plainer = plainer(ty).unwrap_or(DataType::Utf8);
                Ok((cast(array, &plainer)?, kind(&plainer), Instant::Other))
            }
            DataType::Timestamp(unit, Some(_)) => {
                // Arrow formats zones only with a time zone database; all of ours are UTC.
                let naive = cast(array, &DataType::Timestamp(*unit, None))?;
                Ok((naive, Kind::Time, Instant::Utc))
            }
            ty => Ok((Arc::clone(array), kind(ty), Instant::Other)),
        });
        let names = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
        Ok(Self { names, columns: columns.collect::<Result<_, ArrowError>>()?, rows: batch.num_rows() })
    }

    /// The columns' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The columns, each with what prints it.
    ///
    /// # Errors
    /// If a column has a type that cannot be printed.
    pub fn columns(&self) -> Result<Vec<Values<'_>>, ArrowError> {
        let options = FormatOptions::new();
        let values = self.columns.iter().map(|(array, kind, instant)| {
            let printer = match array.data_type() {
                DataType::Int64 => Printer::Int(array),
                DataType::UInt64 => Printer::Unsigned(array),
                DataType::Float64 => Printer::Double(array),
                DataType::Utf8 => Printer::Text(array),
                DataType::Binary => Printer::Bytes(array),
                _ => Printer::Other(ArrayFormatter::try_new(array, &options)?),
            };
            Ok(Values { array, kind: *kind, instant: *instant, printer })
        });
        values.collect()
    }
}

/// A type that holds the same values in a form that is known here, for those that queries bring and tables do not have.
fn plainer(ty: &DataType) -> Option<DataType> {
    match ty {
        DataType::Utf8View | DataType::LargeUtf8 => Some(DataType::Utf8),
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => Some(DataType::Binary),
        DataType::Float16 | DataType::Float32 => Some(DataType::Float64),
        DataType::Dictionary(_, values) => Some(plainer(values).unwrap_or_else(|| (**values).clone())),
        _ => None,
    }
}

fn kind(ty: &DataType) -> Kind {
    match ty {
        DataType::Float64 => Kind::Double,
        DataType::Boolean => Kind::Boolean,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => {
            Kind::Time
        }
        DataType::Binary => Kind::Bytes,
        ty if ty.is_numeric() => Kind::Number,
        _ => Kind::Text,
    }
}

/// One column of one batch.
pub struct Values<'a> {
    array: &'a ArrayRef,
    kind: Kind,
    instant: Instant,
    printer: Printer<'a>,
}

enum Printer<'a> {
    Int(&'a ArrayRef),
    Unsigned(&'a ArrayRef),
    Double(&'a ArrayRef),
    Text(&'a ArrayRef),
    Bytes(&'a ArrayRef),
    Other(ArrayFormatter<'a>),
}

impl Values<'_> {
    /// How its values are treated.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether there is no value.
    pub fn is_null(&self, row: usize) -> bool {
        // A column of nothing but nulls does not mark them.
        self.array.is_null(row) || *self.array.data_type() == DataType::Null
    }

    /// Whether the value is a number that JSON cannot write.
    pub fn is_finite(&self, row: usize) -> bool {
        match self.printer {
            Printer::Double(array) => array.as_primitive::<Float64Type>().value(row).is_finite(),
            _ => true,
        }
    }

    /// Appends the value; nothing for a null.
    ///
    /// # Errors
    /// If Arrow cannot print it.
    pub fn print(&self, row: usize, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        if self.is_null(row) {
            return Ok(());
        }
        let written = match &self.printer {
            Printer::Int(array) => write!(out, "{}", array.as_primitive::<Int64Type>().value(row)),
            Printer::Unsigned(array) => write!(out, "{}", array.as_primitive::<UInt64Type>().value(row)),
            // Debug is the shortest text that reads back as the same double, with an exponent where that is shorter.
            Printer::Double(array) => write!(out, "{:?}", array.as_primitive::<Float64Type>().value(row)),
            Printer::Text(array) => out.write_all(array.as_string::<i32>().value(row).as_bytes()),
            Printer::Bytes(array) => out.write_all(array.as_binary::<i32>().value(row)),
            Printer::Other(formatter) => write!(out, "{}", formatter.value(row).try_to_string()?),
        };
        written.expect("a vector takes every write");
        if self.instant == Instant::Utc {
            out.push(b'Z');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };

    use super::*;

    #[track_caller]
    fn check(array: ArrayRef, expected: &[&str]) {
        let batch = RecordBatch::try_from_iter([("x", array)]).unwrap();
        let rows = Rows::new(&batch).unwrap();
        let columns = rows.columns().unwrap();
        let printed = (0..rows.len()).map(|row| {
            let mut out = Vec::new();
            columns[0].print(row, &mut out).unwrap();
            String::from_utf8_lossy(&out).into_owned()
        });
        assert_eq!(printed.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn values_print_exactly() {
        check(Arc::new(Int64Array::from(vec![Some(i64::MIN), None])), &["-9223372036854775808", ""]);
        let decimals = Decimal128Array::from(vec![10, -5, 123_456]).with_precision_and_scale(18, 2).unwrap();
        check(Arc::new(decimals), &["0.10", "-0.05", "1234.56"]);
        check(Arc::new(Float64Array::from(vec![1.0, 1e300, f64::NAN, -0.0])), &["1.0", "1e300", "NaN", "-0.0"]);
        check(Arc::new(StringArray::from(vec!["a,b", ""])), &["a,b", ""]);
        check(Arc::new(BinaryArray::from(vec![&b"a\xff"[..]])), &["a\u{fffd}"]);
    }

    #[test]
    fn instants_end_in_z_and_wall_clocks_do_not() {
        let micros = TimestampMicrosecondArray::from(vec![Some(-1), None]);
        check(Arc::new(micros.clone()), &["1969-12-31T23:59:59.999999", ""]);
        check(Arc::new(micros.with_timezone("UTC")), &["1969-12-31T23:59:59.999999Z", ""]);
    }
}
