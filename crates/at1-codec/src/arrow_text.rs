//! Arrow data as text: the one way in which values that never were text are written, so that they can be a batch's source.
//!
//! * The text depends on the values and their types alone, not on how they were cut into batches or encoded.
//! * Each value is one that its own type reads back as the same; what no text could say is refused, and nothing becomes null.
//! * `docs/spec/arrow.md` is the normative text.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, AsArray as _, BooleanArray, Decimal128Array, Float64Array, Int64Array,
        LargeBinaryArray, LargeStringArray, PrimitiveArray, RecordBatch, RecordBatchReader,
    },
    compute::{CastOptions, cast_with_options, max, min},
    datatypes::{
        DataType, Date32Type, Date64Type, Decimal128Type, Field, Float64Type, Int64Type, TimeUnit as ArrowTimeUnit,
    },
};

use crate::{
    ColumnType, Error, ErrorKind, Result, TimeUnit, Zone,
    column::put,
    text::{Dialect, Terminator},
};

/// How the text is cut into records and fields.
pub const ARROW_DIALECT: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), terminator: Terminator::Lf };

/// Rows that are written together.
const SLICE_ROWS: usize = 8192;
const DAY_MILLIS: i64 = 86_400_000;
/// The largest whole number such that it and all smaller ones are doubles.
const DOUBLE_WHOLE_MAX: u64 = 1 << 53;
/// Decimal digits that a double holds whatever they are.
const DOUBLE_DECIMAL_MAX: u128 = 999_999_999_999_999;

/// A column of Arrow data that is written as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrowColumn {
    /// Its name.
    pub name: String,
    /// What it holds; `None` for a column of Arrow's Null type, which is nothing but nulls.
    pub ty: Option<ColumnType>,
    /// How many of the values so far were null.
    pub nulls: u64,
    /// Whether all numbers so far are the same as doubles.
    pub fits_double: bool,
}

/// Writes record batches as text.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{ArrayRef, Float64Array, RecordBatch, RecordBatchIterator, StringArray};
/// use at1_codec::ArrowText;
///
/// let words: ArrayRef = Arc::new(StringArray::from(vec![Some("a,b"), Some(""), None]));
/// let ratios: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5), None, Some(1e300)]));
/// let batch = RecordBatch::try_from_iter([("word", words), ("ratio", ratios)])?;
/// let mut text = ArrowText::new(RecordBatchIterator::new([Ok(batch.clone())], batch.schema()))?;
///
/// let mut whole = vec![];
/// while let Some(part) = text.next_part()? {
///     whole.extend_from_slice(part);
/// }
/// assert_eq!(whole, b"word,ratio\n\"a,b\",0.5\n\"\",\n,1e+300\n");
/// assert_eq!((text.rows(), text.columns()[1].nulls), (3, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ArrowText<R> {
    reader: R,
    columns: Vec<ArrowColumn>,
    plans: Vec<Plan>,
    /// Of the batch that is being written, what is left.
    batch: Option<RecordBatch>,
    part: Vec<u8>,
    rows: u64,
    header_written: bool,
}

/// How the values of a column become printable ones.
#[derive(Clone, Debug)]
struct Plan {
    /// What they are cast to, one after the other.
    casts: Vec<DataType>,
    print: Print,
}

#[derive(Clone, Copy, Debug)]
enum Print {
    Nothing,
    Integer,
    Decimal(u8),
    Double,
    Boolean,
    Date,
    Timestamp { unit: TimeUnit, zone: Zone, digits: u8 },
    Text,
    Bytes,
}

impl<R: RecordBatchReader> ArrowText<R> {
    /// Looks at the columns.
    ///
    /// # Errors
    /// `Invalid` if a column has a type that no text has a form for, if there are no columns, or two of the same name.
    pub fn new(reader: R) -> Result<Self> {
        let schema = reader.schema();
        let mut columns: Vec<ArrowColumn> = vec![];
        let mut plans = vec![];
        for field in schema.fields() {
            if columns.iter().any(|column| column.name == *field.name()) {
                let found = format!("two columns {}", field.name());
                return Err(Error::invalid("Arrow data", "columns of different names", found));
            }
            let (ty, plan) = plan(field)?;
            columns.push(ArrowColumn { name: field.name().clone(), ty, nulls: 0, fits_double: true });
            plans.push(plan);
        }
        if columns.is_empty() {
            return Err(Error::invalid("Arrow data", "at least one column", "none"));
        }
        Ok(Self { reader, columns, plans, batch: None, part: vec![], rows: 0, header_written: false })
    }

    /// The columns, with what is known of them so far.
    pub fn columns(&self) -> &[ArrowColumn] {
        &self.columns
    }

    /// How many rows were written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next part of the text, `None` at its end. Parts end where records do.
    ///
    /// # Errors
    /// `Arrow` if the reader fails, `Invalid` if a value cannot be said as text.
    pub fn next_part(&mut self) -> Result<Option<&[u8]>> {
        self.part.clear();
        if !self.header_written {
            self.put_header();
            self.header_written = true;
            return Ok(Some(&self.part));
        }
        loop {
            let batch = match self.batch.take() {
                Some(batch) => batch,
                None => match self.reader.next() {
                    Some(batch) => batch.map_err(|e| Error::new("Arrow data", ErrorKind::Arrow(e)))?,
                    None => return Ok(None),
                },
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let rows = batch.num_rows().min(SLICE_ROWS);
            self.put_rows(&batch.slice(0, rows))?;
            self.rows += rows as u64;
            self.batch = Some(batch.slice(rows, batch.num_rows() - rows));
            return Ok(Some(&self.part));
        }
    }

    fn put_header(&mut self) {
        for (i, column) in self.columns.iter().enumerate() {
            if i > 0 {
                self.part.push(ARROW_DIALECT.delimiter);
            }
            // At the start of a file it would be taken for a mark of the encoding.
            let is_marked = i == 0 && column.name.starts_with('\u{feff}');
            put_text(&mut self.part, column.name.as_bytes(), is_marked);
        }
        self.part.push(b'\n');
    }

    fn put_rows(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != self.plans.len() {
            let expected = format!("batches of {} columns, as the schema says", self.plans.len());
            return Err(Error::invalid("Arrow data", expected, batch.num_columns()));
        }
        let mut columns = Vec::with_capacity(self.plans.len());
        for ((plan, column), array) in self.plans.iter().zip(&mut self.columns).zip(batch.columns()) {
            let values = Values::new(plan, array).map_err(|e| e.within(&format!("column {}", column.name)))?;
            column.nulls += values.nulls(array) as u64;
            column.fits_double &= values.fits_double();
            columns.push(values);
        }
        for row in 0..batch.num_rows() {
            for (i, values) in columns.iter().enumerate() {
                if i > 0 {
                    self.part.push(ARROW_DIALECT.delimiter);
                }
                values.put(&mut self.part, row);
            }
            self.part.push(b'\n');
        }
        Ok(())
    }
}

/// What a column holds, and how it is written.
fn plan(field: &Field) -> Result<(Option<ColumnType>, Plan)> {
    let mut casts = vec![];
    let mut ty = field.data_type().clone();
    // What is only another encoding of the same values is undone first.
    loop {
        let values = match &ty {
            DataType::Dictionary(_, values) => (**values).clone(),
            DataType::RunEndEncoded(_, values) => values.data_type().clone(),
            _ => break,
        };
        casts.push(values.clone());
        ty = values;
    }
    let decimal = |precision: u8, scale: u8| {
        let precision = if precision <= 18 { 18 } else { 38 };
        (ColumnType::Decimal { precision, scale }, Print::Decimal(scale))
    };
    let (column, print) = match &ty {
        DataType::Null => return Ok((None, Plan { casts, print: Print::Nothing })),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => (ColumnType::Int64, Print::Integer),
        DataType::UInt64 => decimal(38, 0),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => (ColumnType::Float64, Print::Double),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale)
            if *scale <= 38 =>
        {
            // Zeros before the point take digits, too.
            let whole = i16::from(*precision) - i16::from(*scale);
            let scale = u8::try_from(*scale).unwrap_or(0);
            decimal(u8::try_from(whole.max(0)).unwrap_or(u8::MAX).saturating_add(scale), scale)
        }
        DataType::Boolean => (ColumnType::Boolean, Print::Boolean),
        DataType::Date32 | DataType::Date64 => (ColumnType::Date, Print::Date),
        DataType::Timestamp(resolution, zone) => {
            let (unit, digits) = match resolution {
                ArrowTimeUnit::Second => (TimeUnit::Micros, 0),
                ArrowTimeUnit::Millisecond => (TimeUnit::Micros, 3),
                ArrowTimeUnit::Microsecond => (TimeUnit::Micros, 6),
                ArrowTimeUnit::Nanosecond => (TimeUnit::Nanos, 9),
            };
            let zone = if zone.is_some() { Zone::Utc } else { Zone::Naive };
            (ColumnType::Timestamp { unit, zone }, Print::Timestamp { unit, zone, digits })
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => (ColumnType::Text, Print::Text),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            (ColumnType::Binary, Print::Bytes)
        }
        other => {
            let expected = "numbers, booleans, dates, timestamps, text or binary; cast it first";
            return Err(Error::invalid(format!("column {}", field.name()), expected, other));
        }
    };
    let target = match print {
        Print::Nothing => DataType::Null,
        Print::Integer => DataType::Int64,
        Print::Decimal(scale) => DataType::Decimal128(38, scale.cast_signed()),
        Print::Double => DataType::Float64,
        Print::Boolean => DataType::Boolean,
        Print::Date => DataType::Date32,
        Print::Text => DataType::LargeUtf8,
        Print::Bytes => DataType::LargeBinary,
        // Instants count from the same moment whatever their zone.
        Print::Timestamp { unit, .. } => {
            let unit = match unit {
                TimeUnit::Micros => ArrowTimeUnit::Microsecond,
                TimeUnit::Nanos => ArrowTimeUnit::Nanosecond,
            };
            let zone = if let DataType::Timestamp(_, zone) = &ty { zone.clone() } else { None };
            casts.push(DataType::Timestamp(unit, zone));
            DataType::Int64
        }
    };
    casts.push(target);
    Ok((Some(column), Plan { casts, print }))
}

/// The values of a column of one slice.
enum Values {
    Nothing,
    Integer(Int64Array),
    Decimal(Decimal128Array, u8),
    Double(Float64Array),
    Boolean(BooleanArray),
    Date(PrimitiveArray<Date32Type>),
    Timestamp(Int64Array, put::Clock),
    Text(LargeStringArray),
    Bytes(LargeBinaryArray),
}

impl Values {
    fn new(plan: &Plan, array: &ArrayRef) -> Result<Self> {
        let mut array = Arc::clone(array);
        if let Some(dates) = array.as_primitive_opt::<Date64Type>() {
            // A cast to days would drop the time of day without a word.
            if let Some(time) = dates.iter().flatten().find(|millis| millis % DAY_MILLIS != 0) {
                return Err(Error::invalid("", "dates that are whole days", format!("{time} ms since 1970")));
            }
        }
        for target in &plan.casts {
            if array.data_type() != target {
                // What does not fit is an error, not null.
                let options = CastOptions { safe: false, ..CastOptions::default() };
                array = cast_with_options(&array, target, &options)
                    .map_err(|e| Error::invalid("", format!("values that {target} holds"), e))?;
            }
        }
        Ok(match plan.print {
            Print::Nothing => Self::Nothing,
            Print::Integer => Self::Integer(array.as_primitive::<Int64Type>().clone()),
            Print::Decimal(scale) => Self::Decimal(array.as_primitive::<Decimal128Type>().clone(), scale),
            Print::Double => Self::Double(array.as_primitive::<Float64Type>().clone()),
            Print::Boolean => Self::Boolean(array.as_boolean().clone()),
            Print::Date => Self::Date(array.as_primitive::<Date32Type>().clone()),
            Print::Timestamp { unit, zone, digits } => {
                Self::Timestamp(array.as_primitive::<Int64Type>().clone(), put::Clock::new(unit, zone, digits))
            }
            Print::Text => Self::Text(array.as_string::<i64>().clone()),
            Print::Bytes => Self::Bytes(array.as_binary::<i64>().clone()),
        })
    }

    fn nulls(&self, array: &ArrayRef) -> usize {
        match self {
            Self::Nothing => array.len(),
            Self::Integer(values) | Self::Timestamp(values, _) => values.null_count(),
            Self::Decimal(values, _) => values.null_count(),
            Self::Double(values) => values.null_count(),
            Self::Boolean(values) => values.null_count(),
            Self::Date(values) => values.null_count(),
            Self::Text(values) => values.null_count(),
            Self::Bytes(values) => values.null_count(),
        }
    }

    fn fits_double(&self) -> bool {
        match self {
            Self::Integer(values) => is_within(values, |value| value.unsigned_abs() <= DOUBLE_WHOLE_MAX),
            Self::Decimal(values, _) => is_within(values, |value| value.unsigned_abs() <= DOUBLE_DECIMAL_MAX),
            _ => true,
        }
    }

    fn put(&self, out: &mut Vec<u8>, row: usize) {
        match self {
            Self::Nothing => {}
            Self::Integer(values) => {
                if values.is_valid(row) {
                    put::integer(out, values.value(row));
                }
            }
            Self::Decimal(values, scale) => {
                if values.is_valid(row) {
                    put::decimal(out, values.value(row), *scale);
                }
            }
            Self::Double(values) => {
                if values.is_valid(row) {
                    put::double(out, values.value(row));
                }
            }
            Self::Boolean(values) => {
                if values.is_valid(row) {
                    out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
                }
            }
            Self::Date(values) => {
                if values.is_valid(row) {
                    put::date(out, values.value(row));
                }
            }
            Self::Timestamp(values, clock) => {
                if values.is_valid(row) {
                    clock.put(out, values.value(row));
                }
            }
            Self::Text(values) => {
                if values.is_valid(row) {
                    put_text(out, values.value(row).as_bytes(), false);
                }
            }
            Self::Bytes(values) => {
                if values.is_valid(row) {
                    put_text(out, values.value(row), false);
                }
            }
        }
    }
}

/// Whether the least and the greatest value are so.
fn is_within<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>, is_so: impl Fn(T::Native) -> bool) -> bool
where
    T::Native: Copy,
{
    [min(values), max(values)].into_iter().flatten().all(is_so)
}

/// Text in quotes if it is empty, which null is not, or a reader would take it apart.
fn put_text(out: &mut Vec<u8>, text: &[u8], quoted: bool) {
    if !quoted && !text.is_empty() && !ARROW_DIALECT.syntax().needs_quotes(text) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    let mut rest = text;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=quote]);
        out.push(b'"');
        rest = &rest[quote + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
