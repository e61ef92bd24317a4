//! What all matching rows come to: counts, least and greatest values, sums.
//!
//! * The answer is that of reading everything: zones answer where their bounds are values, every row of the stretch matches, and
//!   the column is stored in the type that is asked for. Everything else is read.
//! * NULL takes no part but in `count(*)`; of no values the least, the greatest and the sum are NULL.
//! * Order is that of predicates: NaN is above all numbers, and a zero is 0.0 whatever its sign.
//! * Integers and decimals are added exactly, with 38 digits at the end; doubles are added in the order of the rows.

use std::{fmt, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
        RecordBatch, RecordBatchOptions, StringArray, UInt64Array, new_null_array,
    },
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, Schema as ArrowSchema, SchemaRef,
        TimeUnit, TimestampMicrosecondType, TimestampNanosecondType, i256,
    },
};
use at1_codec::{ColumnType, Schema};

use crate::{ColumnZones, Error, ErrorKind, Result, TEXT_BYTES_MAX, Zones, bind::resolve, set::double_key};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    CountRows,
    Count,
    Min,
    Max,
    Sum,
}

/// What is asked of all matching rows.
///
/// ```
/// use at1_catalog::Aggregates;
/// use at1_codec::{ColumnType, Schema};
/// let schema = Schema::named([(Some("price"), ColumnType::Int64), (Some("the note"), ColumnType::Text)]);
/// let asked = Aggregates::parse(r#"count(*), max(price), MIN("the note")"#, &schema)?;
/// assert_eq!(asked.schema().field(2).name(), "min(the note)");
/// assert_eq!(asked.columns(), [0, 1]);
/// # Ok::<(), at1_catalog::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Aggregates {
    items: Vec<Item>,
    /// Those that are read, ascending.
    columns: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Item {
    function: Function,
    /// Not of `count(*)`.
    column: usize,
    ty: ColumnType,
    name: String,
}

impl Aggregates {
    /// Reads `count(*), count(a), min(a), max("b c"), sum(c0)`: functions in any case, columns as in predicates.
    ///
    /// # Errors
    /// If it is something else, names a column that does not exist, or asks for the sum of what is no number.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self> {
        let mut from = text;
        let mut items = vec![];
        loop {
            items.push(Item::parse(&mut from, schema).map_err(|e| e.within("aggregate"))?);
            from = from.trim_start();
            match from.strip_prefix(',') {
                Some(rest) => from = rest,
                None if from.is_empty() => break,
                None => return Err(syntax("a comma or the end", from).within("aggregate")),
            }
        }
        let columns = items.iter().filter(|item| item.function != Function::CountRows).map(|item| item.column);
        let mut columns: Vec<usize> = columns.collect();
        columns.sort_unstable();
        columns.dedup();
        Ok(Self { items, columns })
    }

    /// The columns that they are about, ascending.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The schema of the answer, which is one row.
    pub fn schema(&self) -> SchemaRef {
        let field = |item: &Item| {
            let counts = matches!(item.function, Function::CountRows | Function::Count);
            Field::new(&item.name, item.output(), !counts)
        };
        Arc::new(ArrowSchema::new(self.items.iter().map(field).collect::<Vec<_>>()))
    }
}

fn syntax(expected: &str, found: &str) -> Error {
    let found = if found.is_empty() { "the end" } else { found };
    Error::new("", ErrorKind::Syntax { expected: expected.into(), found: found.into() })
}

impl Item {
    fn parse(from: &mut &str, schema: &Schema) -> Result<Self> {
        const EXPECTED: &str = "count(*), count(COL), min(COL), max(COL) or sum(COL)";
        let text = from.trim_start();
        let (word, rest) = text.split_once('(').ok_or_else(|| syntax(EXPECTED, text))?;
        let rest = rest.trim_start();
        let word = word.trim_end().to_ascii_lowercase();
        let (name, rest) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(')').ok_or_else(|| syntax("a closing parenthesis", rest))?;
                (rest[..end].trim_end().to_owned(), &rest[end..])
            }
            Some(quoted) => {
                let (mut name, mut rest) = (String::new(), quoted);
                loop {
                    let (part, after) = rest.split_once('"').ok_or_else(|| syntax("a closing quote", rest))?;
                    name += part;
                    rest = after;
                    match rest.strip_prefix('"') {
                        Some(after) => (name, rest) = (name + "\"", after),
                        None => break (name, rest),
                    }
                }
            }
        };
        let rest = rest.trim_start();
        *from = rest.strip_prefix(')').ok_or_else(|| syntax("a closing parenthesis", rest))?;
        let function = match word.as_str() {
            "count" if name == "*" => Function::CountRows,
            "count" => Function::Count,
            "min" => Function::Min,
            "max" => Function::Max,
            "sum" => Function::Sum,
            _ => return Err(syntax(EXPECTED, text)),
        };
        let name_of = format!("{word}({name})");
        if function == Function::CountRows {
            return Ok(Self { function, column: 0, ty: ColumnType::Int64, name: name_of });
        }
        let (column, ty) = resolve(&name, schema)?;
        let number = matches!(ty, ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. });
        if function == Function::Sum && !number {
            return Err(Error::mismatch(name_of, "a column of numbers", ty));
        }
        Ok(Self { function, column, ty, name: name_of })
    }

    fn output(&self) -> DataType {
        match (self.function, self.ty) {
            (Function::CountRows | Function::Count, _) => DataType::UInt64,
            (Function::Min | Function::Max, ty) => ty.arrow(),
            (Function::Sum, ColumnType::Decimal { scale, .. }) => {
                DataType::Decimal128(DIGITS_MAX, i8::try_from(scale).unwrap_or(i8::MAX))
            }
            (Function::Sum, ColumnType::Float64) => DataType::Float64,
            (Function::Sum, _) => DataType::Decimal128(DIGITS_MAX, 0),
        }
    }
}

/// The digits of a sum.
const DIGITS_MAX: u8 = 38;

/// A value, ordered as predicates order it.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Narrow(i64),
    Wide(i128),
    Double(f64),
    Bytes(Vec<u8>),
}

impl Value {
    /// Whether it is further in the direction of `function`.
    fn beats(&self, other: &Self, function: Function) -> bool {
        let order = match (self, other) {
            (Self::Narrow(a), Self::Narrow(b)) => a.cmp(b),
            (Self::Wide(a), Self::Wide(b)) => a.cmp(b),
            (Self::Double(a), Self::Double(b)) => double_key(*a).cmp(&double_key(*b)),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            _ => std::cmp::Ordering::Equal,
        };
        if function == Function::Min { order.is_lt() } else { order.is_gt() }
    }
}

/// The values of an array that are not NULL, one type after the other.
macro_rules! values {
    ($array:expr, |$values:ident, $wrap:ident| $body:expr) => {{
        let array: &dyn Array = $array;
        macro_rules! go {
            ($iterator:expr, $of:expr) => {{
                let mut $values = $iterator.flatten();
                let $wrap = $of;
                $body
            }};
        }
        match array.data_type() {
            DataType::Int64 => go!(array.as_primitive::<Int64Type>().iter(), |v: i64| Value::Narrow(v)),
            DataType::Date32 => go!(array.as_primitive::<Date32Type>().iter(), |v: i32| Value::Narrow(v.into())),
            DataType::Boolean => go!(array.as_boolean().iter(), |v: bool| Value::Narrow(v.into())),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                go!(array.as_primitive::<TimestampMicrosecondType>().iter(), |v: i64| Value::Narrow(v))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                go!(array.as_primitive::<TimestampNanosecondType>().iter(), |v: i64| Value::Narrow(v))
            }
            DataType::Decimal128(..) => go!(array.as_primitive::<Decimal128Type>().iter(), |v: i128| Value::Wide(v)),
            DataType::Float64 => go!(array.as_primitive::<Float64Type>().iter(), |v: f64| Value::Double(v + 0.0)),
            DataType::Utf8 => go!(array.as_string::<i32>().iter(), |v: &str| Value::Bytes(v.into())),
            DataType::Binary => go!(array.as_binary::<i32>().iter(), |v: &[u8]| Value::Bytes(v.into())),
            other => Err(Error::mismatch("aggregate", "a type of AT1", other)),
        }
    }};
}

/// The value at a place, if it is not NULL.
fn value(array: &ArrayRef, at: usize) -> Result<Option<Value>> {
    let one = array.slice(at, 1);
    values!(&one, |values, wrap| Ok(values.next().map(wrap)))
}

/// The least or greatest value of an array.
fn extreme(array: &ArrayRef, function: Function) -> Result<Option<Value>> {
    match array.data_type() {
        // Text is compared where it lies.
        DataType::Utf8 => {
            let values = array.as_string::<i32>().iter().flatten();
            let found = if function == Function::Min { values.min() } else { values.max() };
            Ok(found.map(|text| Value::Bytes(text.into())))
        }
        _ => values!(array, |values, wrap| {
            let Some(first) = values.next() else { return Ok(None) };
            Ok(Some(values.map(&wrap).fold(wrap(first), |best, value| match value.beats(&best, function) {
                true => value,
                false => best,
            })))
        }),
    }
}

/// How far an answer has come.
#[derive(Clone, Debug)]
enum State {
    Count(u64),
    Extreme(Option<Value>),
    Exact(Option<i256>),
    Double(Option<f64>),
}

/// The answer so far.
#[derive(Clone)]
pub struct Tally {
    aggregates: Aggregates,
    states: Vec<State>,
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").field("states", &self.states).finish_non_exhaustive()
    }
}

impl Tally {
    /// Of no rows.
    pub fn new(aggregates: Aggregates) -> Self {
        let start = |item: &Item| match (item.function, item.ty) {
            (Function::CountRows | Function::Count, _) => State::Count(0),
            (Function::Min | Function::Max, _) => State::Extreme(None),
            (Function::Sum, ColumnType::Float64) => State::Double(None),
            (Function::Sum, _) => State::Exact(None),
        };
        Self { states: aggregates.items.iter().map(start).collect(), aggregates }
    }

    /// What is asked.
    pub fn aggregates(&self) -> &Aggregates {
        &self.aggregates
    }

    /// Takes in a stretch of which every row matches, if `zones` say all that is asked; else nothing. Their bounds must be
    /// values of the stretch, see [`Zones::uncut`]; columns that are not there are not known.
    ///
    /// # Errors
    /// If a zone has a type that AT1 does not have.
    pub fn zones(&mut self, zones: &Zones, stretch: usize) -> Result<bool> {
        let rows = zones.rows().value(stretch);
        let mut next = Vec::with_capacity(self.states.len());
        for (item, state) in self.aggregates.items.iter().zip(&self.states) {
            match item.with_zone(state, zones.column(item.column), stretch, rows)? {
                Some(state) => next.push(state),
                None => return Ok(false),
            }
        }
        self.states = next;
        Ok(true)
    }

    /// Takes in rows that match: the columns that are asked for, ascending.
    ///
    /// # Errors
    /// If a column has a type that AT1 does not have.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        for (item, state) in self.aggregates.items.iter().zip(&mut self.states) {
            if let (Function::CountRows, State::Count(count)) = (item.function, &mut *state) {
                *count += batch.num_rows() as u64;
                continue;
            }
            let array = batch.column(self.aggregates.columns.partition_point(|&column| column < item.column));
            match state {
                State::Count(count) => *count += (array.len() - array.null_count()) as u64,
                State::Extreme(best) => {
                    if let Some(found) = extreme(array, item.function)? {
                        keep(best, found, item.function);
                    }
                }
                State::Exact(sum) => match array.as_primitive_opt::<Int64Type>() {
                    Some(values) => add(sum, values.iter().flatten().map(i128::from)),
                    None => add(sum, array.as_primitive::<Decimal128Type>().iter().flatten()),
                },
                State::Double(sum) => {
                    for value in array.as_primitive::<Float64Type>().iter().flatten() {
                        *sum = Some(sum.unwrap_or(0.0) + value);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes in what another tally of the same aggregates came to; rows of which doubles were added must come after its own.
    pub fn merge(&mut self, other: Self) {
        for ((item, state), more) in self.aggregates.items.iter().zip(&mut self.states).zip(other.states) {
            match (state, more) {
                (State::Count(count), State::Count(more)) => *count += more,
                (State::Extreme(best), State::Extreme(Some(found))) => keep(best, found, item.function),
                (State::Exact(sum), State::Exact(Some(more))) => {
                    *sum = Some(sum.unwrap_or(i256::ZERO).wrapping_add(more));
                }
                (State::Double(sum), State::Double(Some(more))) => *sum = Some(sum.unwrap_or(0.0) + more),
                _ => {}
            }
        }
    }

    /// The answer, as one row.
    ///
    /// # Errors
    /// If a sum has more than 38 digits.
    pub fn finish(self) -> Result<RecordBatch> {
        let answers = self.aggregates.items.iter().zip(self.states).map(|(item, state)| item.answer(state));
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let columns = answers.collect::<Result<_>>()?;
        Ok(RecordBatch::try_new_with_options(self.aggregates.schema(), columns, &options)?)
    }
}

fn keep(best: &mut Option<Value>, found: Value, function: Function) {
    if best.as_ref().is_none_or(|best| found.beats(best, function)) {
        *best = Some(found);
    }
}

/// Adds at least one value; 2^64 of 38 digits fit 256 bits.
fn add(sum: &mut Option<i256>, values: impl Iterator<Item = i128>) {
    for value in values {
        *sum = Some(sum.unwrap_or(i256::ZERO).wrapping_add(i256::from_i128(value)));
    }
}

impl Item {
    /// The state after a stretch of rows that all match, if its zone tells.
    fn with_zone(&self, state: &State, zone: Option<&ColumnZones>, stretch: usize, rows: u64) -> Result<Option<State>> {
        if let (Function::CountRows, State::Count(count)) = (self.function, state) {
            return Ok(Some(State::Count(count + rows)));
        }
        let Some(zone) = zone.filter(|zone| *zone.min().data_type() == self.ty.arrow()) else { return Ok(None) };
        let nulls = zone.nulls().is_valid(stretch).then(|| zone.nulls().value(stretch)).filter(|&nulls| nulls <= rows);
        if nulls == Some(rows) {
            return Ok(Some(state.clone()));
        }
        let (min, max) = (value(zone.min(), stretch)?, value(zone.max(), stretch)?);
        Ok(match (state, nulls) {
            (State::Count(count), Some(nulls)) => Some(State::Count(count + rows - nulls)),
            (State::Extreme(best), _) => (if self.function == Function::Min { min } else { max }).map(|found| {
                let mut best = best.clone();
                keep(&mut best, found, self.function);
                State::Extreme(best)
            }),
            (State::Exact(sum), Some(nulls)) => min.zip(max).and_then(|(min, max)| {
                let value = match (min, max) {
                    (Value::Narrow(min), Value::Narrow(max)) if min == max => i128::from(min),
                    (Value::Wide(min), Value::Wide(max)) if min == max => min,
                    _ => return None,
                };
                let times = i256::from_i128(i128::from(rows - nulls));
                let all = i256::from_i128(value).wrapping_mul(times);
                Some(State::Exact(Some(sum.unwrap_or(i256::ZERO).wrapping_add(all))))
            }),
            // Doubles that are added one after the other come to something else than their product.
            _ => None,
        })
    }

    fn answer(&self, state: State) -> Result<ArrayRef> {
        let output = self.output();
        Ok(match state {
            State::Count(count) => Arc::new(UInt64Array::from(vec![count])),
            State::Extreme(None) | State::Exact(None) | State::Double(None) => new_null_array(&output, 1),
            State::Double(Some(sum)) => Arc::new(Float64Array::from(vec![sum + 0.0])),
            State::Exact(Some(sum)) => {
                let most = i256::from_i128(10_i128.pow(u32::from(DIGITS_MAX)));
                let fits = sum < most && sum > most.wrapping_neg();
                let small = sum.to_i128().filter(|_| fits);
                let expected = || format!("a sum of at most {DIGITS_MAX} digits");
                decimal(small.ok_or_else(|| Error::mismatch(self.name.clone(), expected(), sum))?, &output)?
            }
            State::Extreme(Some(Value::Wide(value))) => decimal(value, &output)?,
            State::Extreme(Some(Value::Double(value))) => Arc::new(Float64Array::from(vec![value])),
            State::Extreme(Some(Value::Bytes(value))) => match String::from_utf8(value) {
                Ok(text) if output == DataType::Utf8 => Arc::new(StringArray::from(vec![text])),
                Ok(text) => Arc::new(BinaryArray::from(vec![text.as_bytes()])),
                Err(bytes) => Arc::new(BinaryArray::from(vec![bytes.as_bytes()])),
            },
            State::Extreme(Some(Value::Narrow(value))) => match output {
                DataType::Boolean => Arc::new(BooleanArray::from(vec![value != 0])),
                DataType::Date32 => Arc::new(Date32Array::from(vec![i32::try_from(value).unwrap_or_default()])),
                output => cast(&Int64Array::from(vec![value]), &output)?,
            },
        })
    }
}

fn decimal(value: i128, output: &DataType) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, scale) = *output else {
        return Err(Error::mismatch("aggregate", "a decimal", output));
    };
    Ok(Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale)?))
}

impl Zones {
    /// Without the bounds of text that may have been cut when they were written down, so that every bound is a value.
    ///
    /// What is shorter than any start that a bound is cut to is whole, unless it was raised: an upper bound is known to be a value
    /// only where it is the lower one too.
    #[must_use]
    pub fn uncut(&self) -> Self {
        let columns = self.columns().iter().map(|column| column.as_ref().map(ColumnZones::uncut)).collect();
        Self::new(self.rows().clone(), columns).expect("as many of each as before")
    }
}

/// A bound that was cut is at least this long: at most a character of four bytes less than it may be.
const CUT_BYTES_MIN: usize = TEXT_BYTES_MAX - 3;

impl ColumnZones {
    fn uncut(&self) -> Self {
        let Some((min, max)) = self.min().as_string_opt::<i32>().zip(self.max().as_string_opt::<i32>()) else {
            return match self.min().data_type() {
                DataType::Binary => self.with_bounds(new_null_array(&DataType::Binary, self.min().len()), None),
                _ => self.clone(),
            };
        };
        let whole = |i: usize| min.is_valid(i) && min.value(i).len() < CUT_BYTES_MIN;
        let same = |i: usize| max.is_valid(i) && max.value(i) == min.value(i);
        let rows = 0..min.len();
        let least: StringArray = rows.clone().map(|i| whole(i).then(|| min.value(i))).collect();
        let most: StringArray = rows.map(|i| (whole(i) && same(i)).then(|| max.value(i))).collect();
        self.with_bounds(Arc::new(least), Some(Arc::new(most)))
    }

    /// The same with other bounds; the upper one is the lower one if it is not given.
    fn with_bounds(&self, min: ArrayRef, max: Option<ArrayRef>) -> Self {
        let max = max.unwrap_or_else(|| min.clone());
        Self::new(min, max, self.nulls().clone(), self.rejects().clone()).expect("as many of each as before")
    }
}
