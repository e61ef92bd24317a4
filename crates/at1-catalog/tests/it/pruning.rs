//! Pruning on equals pruning off equals the row-wise model: random tables, random predicates, all types.
//!
//! * `AT1_CASES` says how many tables (128 if unset), `AT1_SEED` where to start; a failure prints the seed of its table.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array},
    compute::{concat_batches, take_record_batch},
    datatypes::UInt64Type,
};
use at1_catalog::{
    Candidate, Catalog, Comparison, DoubleBounds, Literal, Moment, Opened, ParquetFile, Predicate, Pruning, Request,
    Result, RowNumbers, Scan, SegmentZone, Source, Totals, Verdict, View, Zones, ZonesBuilder,
};
use at1_codec::{
    ColumnType, Schema, TimeUnit, Zone,
    column::{Meaning, NullWords, Pin, Reading},
};
use bytes::Bytes;
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ArrowReaderMetadata},
    file::properties::{EnabledStatistics, WriterProperties},
};

use crate::{
    fields::{self, Fields},
    model::{self, Value},
};

/// splitmix64: enough luck for tests, the same on every machine.
pub(crate) struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below((high - low + 1).unsigned_abs())).unwrap()
    }
}

const TYPES: [ColumnType; 12] = [
    ColumnType::Int64,
    ColumnType::Decimal { precision: 18, scale: 2 },
    ColumnType::Decimal { precision: 38, scale: 10 },
    ColumnType::Decimal { precision: 38, scale: 0 },
    ColumnType::Float64,
    ColumnType::Boolean,
    ColumnType::Date,
    ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Naive },
    ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Utc },
    ColumnType::Timestamp { unit: TimeUnit::Nanos, zone: Zone::Utc },
    ColumnType::Text,
    ColumnType::Binary,
];

/// How a column moves from row to row.
struct Course {
    step: i64,
    noise: i64,
    nulls: u64,
    odd: u64,
}

/// A value at a row of a column.
fn value(ty: ColumnType, course: &Course, row: usize, luck: &mut Luck) -> Value {
    if course.nulls > 0 && (luck.one_in(course.nulls) || (row / 16).is_multiple_of(5)) {
        return Value::Null;
    }
    let odd = course.odd > 0 && luck.one_in(course.odd);
    let near = i64::try_from(row).unwrap() * course.step + luck.between(-course.noise, course.noise);
    match ty {
        ColumnType::Int64 if odd => Value::Int(*luck.pick(&[i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX])),
        ColumnType::Int64 => Value::Int(near),
        ColumnType::Decimal { precision, scale } => {
            let top = 10i128.pow(precision.into()) - 1;
            Value::Decimal(if odd { *luck.pick(&[-top, 1 - top, top - 1, top]) } else { near.into() }, scale)
        }
        ColumnType::Float64 if odd => Value::Double(*luck.pick(&[
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            0.0,
            f64::MAX,
            f64::MIN,
            5e-324,
            0.1,
        ])),
        ColumnType::Float64 => Value::Double(near as f64 / 4.0),
        ColumnType::Boolean => Value::Boolean((near / 8) % 2 == 0),
        ColumnType::Date => Value::Day(i32::try_from(near).unwrap()),
        ColumnType::Timestamp { unit, zone } if odd => {
            Value::Time(*luck.pick(&[-1, 0, 1, -9_000_000_000_000_000, 7_000_000_000_000_000]), unit, zone)
        }
        ColumnType::Timestamp { unit, zone } => Value::Time(near * 300_001, unit, zone),
        ColumnType::Text if odd => Value::Text(match luck.below(9) {
            0 => format!("{}{}", "x".repeat(10_000), luck.below(3)),
            // Alike for as long as bounds are.
            6 => format!("{}{}", "ra".repeat(32), luck.below(4)),
            7 => format!("{}\u{d7ff}{}", "y".repeat(61), luck.below(3)),
            8 => format!("\u{d7ff}\u{10ffff}\u{e000}{}", luck.below(3)),
            1 => format!("ab{}", "é".repeat(40)),
            2 => "\u{10ffff}".repeat(20),
            3 => format!("abc\u{d7ff}{}", luck.below(3)),
            4 => "a\0b".into(),
            _ => String::new(),
        }),
        ColumnType::Text => {
            Value::Text(format!("{}{:03}", if luck.one_in(4) { "ré" } else { "ra" }, near.rem_euclid(1000)))
        }
        ColumnType::Binary if odd => Value::Bytes(vec![0xff; luck.index(80)]),
        ColumnType::Binary => Value::Bytes(near.to_be_bytes().to_vec()),
    }
}

/// A column as it is stored and as the table has it.
struct Column {
    /// `None` if the segment lacks the column.
    stored: Option<(ColumnType, Vec<Value>)>,
    table: (ColumnType, Vec<Value>),
    /// Where the values come from, if it is known.
    fields: Option<Fields>,
}

impl Column {
    fn of_fields(fields: Fields) -> Self {
        let stored = model::values(fields.stored.ty, &fields.stored().0);
        let table = fields.asked().0;
        Self { stored: Some((fields.stored.ty, stored)), table: (fields.asked.ty, table), fields: Some(fields) }
    }
}

/// Whether a file knows the fields that its values were read from.
#[derive(Clone, Copy, PartialEq)]
enum Knows {
    Fields,
    Values,
}

fn column(knows: Knows, rows: usize, luck: &mut Luck) -> Column {
    if knows == Knows::Fields && !luck.one_in(12) {
        return Column::of_fields(fields::fields(rows, luck));
    }
    let ty = *luck.pick(&TYPES);
    let course = Course {
        step: *luck.pick(&[0, 1, 1, 3, -2]),
        noise: *luck.pick(&[0, 0, 2, 40]),
        nulls: *luck.pick(&[0, 0, 0, 7, 1]),
        odd: *luck.pick(&[0, 0, 40, 9]),
    };
    let values: Vec<Value> = (0..rows).map(|row| value(ty, &course, row, luck)).collect();
    if knows == Knows::Fields || luck.one_in(12) {
        return Column { stored: None, table: (ty, vec![Value::Null; rows]), fields: None };
    }
    let same = |values: Vec<Value>| Column { stored: Some((ty, values.clone())), table: (ty, values), fields: None };
    if !luck.one_in(3) {
        return same(values);
    }
    let widen = |target: ColumnType, change: &dyn Fn(&Value) -> Value| {
        let table = values.iter().map(|v| if *v == Value::Null { Value::Null } else { change(v) }).collect();
        Column { stored: Some((ty, values.clone())), table: (target, table), fields: None }
    };
    match (ty, luck.below(3)) {
        (ColumnType::Int64, 0) => widen(ColumnType::Decimal { precision: 38, scale: 3 }, &|v| match v {
            Value::Int(v) => Value::Decimal(i128::from(*v) * 1000, 3),
            _ => unreachable!(),
        }),
        (ColumnType::Int64, 1) if course.odd == 0 => widen(ColumnType::Float64, &|v| match v {
            Value::Int(v) => Value::Double(*v as f64),
            _ => unreachable!(),
        }),
        (ColumnType::Decimal { scale, .. }, 0) if course.odd == 0 => widen(ColumnType::Float64, &|v| match v {
            Value::Decimal(v, _) => Value::Double(model::decimal_text(*v, scale).parse().unwrap()),
            _ => unreachable!(),
        }),
        (ColumnType::Decimal { precision: 18, .. }, 1) => {
            widen(ColumnType::Decimal { precision: 38, scale: 4 }, &|v| match v {
                Value::Decimal(v, _) => Value::Decimal(v * 100, 4),
                _ => unreachable!(),
            })
        }
        (ColumnType::Timestamp { unit: TimeUnit::Micros, zone }, 0) if course.odd == 0 => {
            widen(ColumnType::Timestamp { unit: TimeUnit::Nanos, zone }, &|v| match v {
                Value::Time(v, ..) => Value::Time(v * 1000, TimeUnit::Nanos, zone),
                _ => unreachable!(),
            })
        }
        _ => same(values),
    }
}

/// A Parquet file that may know its fields.
#[derive(Clone)]
struct WithFields {
    file: ParquetFile<Bytes>,
    knows: Knows,
    /// By stored column.
    fields: Arc<Vec<Option<Fields>>>,
}

impl Source for WithFields {
    type Reader = <ParquetFile<Bytes> as Source>::Reader;

    fn metadata(&self) -> &ArrowReaderMetadata {
        self.file.metadata()
    }

    fn reader(&self) -> Self::Reader {
        self.file.reader()
    }

    fn double_bounds(&self) -> DoubleBounds {
        self.file.double_bounds()
    }

    fn rejects(&self, column: usize) -> u64 {
        self.fields[column].as_ref().map_or(0, |fields| fields.stored().1)
    }

    fn keeps_fields(&self) -> bool {
        self.knows == Knows::Fields
    }

    fn read_as(&self, row_group: usize, column: usize, meaning: &Meaning) -> Result<(ArrayRef, u64)> {
        let groups = self.metadata().metadata().row_groups();
        let rows = |group: usize| usize::try_from(groups[group].num_rows()).unwrap();
        let first: usize = (0..row_group).map(rows).sum();
        let fields = self.fields[column].as_ref().expect("nothing is read again that is not there");
        Ok(fields::read(&fields.raws()[first..first + rows(row_group)], meaning))
    }

    fn bytes_total(&self) -> u64 {
        self.file.bytes_total()
    }

    fn bytes_read(&self) -> u64 {
        self.file.bytes_read()
    }
}

struct Case {
    schema: Schema,
    view: View,
    /// As the table has them.
    columns: Vec<Vec<Value>>,
    stored: Vec<Option<Pin>>,
    asked: Vec<Pin>,
    /// How many fields of each the table's type cannot hold.
    rejects: Vec<u64>,
    source: WithFields,
}

fn case(schema: Option<&Schema>, luck: &mut Luck) -> Case {
    let rows = *luck.pick(&[0, 1, 7, 100, 250, 400]);
    let width = 1 + luck.index(5);
    let knows = if luck.one_in(2) { Knows::Fields } else { Knows::Values };
    let columns: Vec<Column> = match schema {
        None => (0..width).map(|_| column(knows, rows, luck)).collect(),
        // Another segment of the same table.
        Some(schema) => schema
            .columns
            .iter()
            .map(|wanted| {
                let columns = std::iter::repeat_with(|| column(knows, rows, luck)).take(200);
                let missing = Column { stored: None, table: (wanted.ty, vec![Value::Null; rows]), fields: None };
                // Values do not come in every type that fields can be read as.
                columns.into_iter().find(|column| column.table.0 == wanted.ty).unwrap_or(missing)
            })
            .collect(),
    };
    let names: Vec<String> = (0..columns.len()).map(|i| format!("col {i}")).collect();
    let table = Schema::named(columns.iter().zip(&names).map(|(c, name)| (Some(name.as_str()), c.table.0)));
    // Stored in another order, so that a mix-up of positions shows.
    let mut order: Vec<usize> = (0..columns.len()).filter(|&i| columns[i].stored.is_some()).collect();
    if luck.one_in(2) {
        order.reverse();
    }
    let file_schema =
        Schema::named(order.iter().map(|&i| (Some(names[i].as_str()), columns[i].stored.as_ref().unwrap().0)));
    let stored_values: Vec<_> = order.iter().map(|&i| columns[i].stored.as_ref().unwrap().1.clone()).collect();
    let holds_nan = stored_values.iter().flatten().any(|v| matches!(v, Value::Double(d) if d.is_nan()));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    let arrays = file_schema.columns.iter().zip(&stored_values).map(|(c, values)| model::array(c.ty, values)).collect();
    let batch = RecordBatch::try_new_with_options(file_schema.arrow(), arrays, &options).unwrap();
    let page_rows = *luck.pick(&[4, 9, 50]);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(*luck.pick(&[20, 64, 1000])))
        .set_data_page_row_count_limit(page_rows)
        .set_data_page_size_limit(*luck.pick(&[64, 1 << 20]))
        .set_write_batch_size(page_rows)
        .set_dictionary_enabled(luck.one_in(2))
        .set_bloom_filter_enabled(luck.one_in(2))
        .set_bloom_filter_fpp(*luck.pick(&[0.01, 0.3]))
        .set_column_index_truncate_length(Some(1 + luck.index(8)))
        .set_statistics_truncate_length(Some(1 + luck.index(8)))
        .set_statistics_enabled(*luck.pick(&[
            EnabledStatistics::Page,
            EnabledStatistics::Page,
            EnabledStatistics::Page,
            EnabledStatistics::Chunk,
            EnabledStatistics::None,
        ]))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), file_schema.arrow(), Some(properties)).unwrap();
    // A file without columns cannot hold rows.
    let rows = if order.is_empty() { 0 } else { rows };
    writer.write(&batch).unwrap();
    let bytes = Bytes::from(writer.into_inner().unwrap());
    let doubles = if holds_nan || luck.one_in(3) { DoubleBounds::LeaveNanOut } else { DoubleBounds::ProveNoNan };
    let fields = order.iter().map(|&i| columns[i].fields.clone()).collect();
    let source = WithFields { file: ParquetFile::open(bytes, doubles).unwrap(), knows, fields: Arc::new(fields) };
    let mapping = (0..columns.len()).map(|i| order.iter().position(|&stored| stored == i)).collect();
    let pin = |ty: ColumnType, fields: Option<Pin>| fields.unwrap_or(Pin { ty, reading: Reading::default() });
    let asked: Vec<Pin> = columns.iter().map(|c| pin(c.table.0, c.fields.as_ref().map(|f| f.asked))).collect();
    let stored: Vec<Option<Pin>> = columns
        .iter()
        .map(|c| c.stored.as_ref().map(|stored| pin(stored.0, c.fields.as_ref().map(|f| f.stored))))
        .collect();
    let written = stored.iter().zip(&asked).map(|(stored, asked)| stored.unwrap_or(*asked).reading);
    let view = View::new(&table, mapping)
        .unwrap()
        .with_readings(asked.iter().map(|pin| pin.reading).collect(), NullWords::default())
        .written_with(written.collect());
    Case {
        view,
        schema: table,
        rejects: columns.iter().map(|c| c.fields.as_ref().map_or(0, |fields| fields.asked().1)).collect(),
        stored,
        asked,
        columns: columns.into_iter().map(|c| c.table.1[..rows].to_vec()).collect(),
        source,
    }
}

/// A literal that can be compared with a column, usually near one of its values.
fn literal(ty: ColumnType, values: &[Value], luck: &mut Luck) -> Literal {
    if luck.one_in(25) {
        return Literal::Null;
    }
    let near = if values.is_empty() { Value::Null } else { luck.pick(values).clone() };
    let number = |text: String, luck: &mut Luck| match luck.one_in(3) {
        true => Literal::Text(text),
        false => Literal::Number(text.parse().unwrap_or_else(|_| panic!("{text}"))),
    };
    let moment = |moment: Moment, luck: &mut Luck| match luck.one_in(2) {
        true => Literal::Text(moment.to_string()),
        false => Literal::Moment(moment),
    };
    match ty {
        ColumnType::Int64 | ColumnType::Decimal { .. } => {
            let whole = match near {
                Value::Int(v) => v.to_string(),
                Value::Decimal(v, scale) => model::decimal_text(v, scale),
                _ => "17".into(),
            };
            let text = match luck.below(8) {
                0 if !whole.contains('.') => format!("{whole}.5"),
                0 => format!("{whole}5"),
                1 => "1e30".into(),
                2 => "-1e300".into(),
                3 => luck.between(-50, 500).to_string(),
                _ => whole,
            };
            number(text, luck)
        }
        ColumnType::Float64 => {
            let near = match near {
                Value::Double(v) => v,
                _ => 3.25,
            };
            match luck.below(8) {
                0 => Literal::Text((*luck.pick(&["nan", "inf", "-inf", "NaN", "Infinity"])).to_lowercase()),
                1 => number((*luck.pick(&["1e400", "-1e400", "0", "-0.0", "1.7976931348623157e308"])).into(), luck),
                _ if near.is_finite() => number(format!("{near:?}"), luck),
                _ => Literal::Text(if near.is_nan() { "nan".into() } else { format!("{near}") }),
            }
        }
        ColumnType::Boolean => Literal::Boolean(luck.one_in(2)),
        ColumnType::Date => {
            let day = match near {
                Value::Day(day) => day,
                _ => 100,
            };
            match luck.one_in(4) {
                true => moment(format!("{}T12:30:00.5", &Moment::of_day(day).to_string()[..10]).parse().unwrap(), luck),
                false => moment(Moment::of_day(day), luck),
            }
        }
        ColumnType::Timestamp { unit, zone } => {
            let ticks = match near {
                Value::Time(ticks, ..) => ticks,
                _ => 300_001,
            };
            let digits = if unit == TimeUnit::Micros { 6 } else { 9 };
            let zone = if luck.one_in(2) { Zone::Naive } else { zone };
            let exact = Moment::of_ticks(ticks, digits, zone);
            match luck.one_in(4) {
                // Finer than the column.
                true => {
                    let text = exact.to_string();
                    let (text, z) = text.strip_suffix('Z').map_or((text.as_str(), ""), |text| (text, "Z"));
                    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
                    let finer = format!("{}.{fraction:0<9}5{z}", &text[..text.find('.').unwrap_or(text.len())]);
                    moment(finer.parse().unwrap(), luck)
                }
                false => moment(exact, luck),
            }
        }
        ColumnType::Text => Literal::Text(match (near, luck.below(5)) {
            (Value::Text(text), 0) => text.chars().take(luck.index(5)).collect(),
            (Value::Text(text), 1) => text + *luck.pick(&["\0", "é", "\u{10ffff}"]),
            (Value::Text(text), _) => text,
            _ => "rb".into(),
        }),
        ColumnType::Binary => Literal::Text((*luck.pick(&["", "\0", "\0\0\0\0\0\0\0A", "z"])).into()),
    }
}

/// A literal between the values of a column, so that zones cannot tell that it is not there.
fn absent(ty: ColumnType, values: &[Value], luck: &mut Luck) -> Literal {
    let near = luck.pick(values).clone();
    let more = luck.between(1, 3);
    match near {
        Value::Int(v) => v.saturating_add(more).into(),
        Value::Decimal(v, scale) => {
            Literal::Number(model::decimal_text(v.saturating_add(more.into()), scale).parse().unwrap())
        }
        Value::Day(day) => Literal::Moment(Moment::of_day(day + i32::try_from(more).unwrap())),
        Value::Time(ticks, unit, zone) => {
            Literal::Moment(Moment::of_ticks(ticks + more, if unit == TimeUnit::Micros { 6 } else { 9 }, zone))
        }
        Value::Text(text) => Literal::Text(text + "!"),
        _ => literal(ty, values, luck),
    }
}

fn predicate(case: &Case, depth: u32, luck: &mut Luck) -> Predicate {
    if depth > 0 && luck.one_in(2) {
        let parts =
            |luck: &mut Luck| (0..2 + luck.below(2)).map(|_| predicate(case, depth - 1, luck)).collect::<Vec<_>>();
        return match luck.below(5) {
            0 | 1 => Predicate::And(parts(luck)),
            2 | 3 => Predicate::Or(parts(luck)),
            _ => Predicate::Not(Box::new(predicate(case, depth - 1, luck))),
        };
    }
    let index = luck.index(case.columns.len());
    let (ty, values) = (case.schema.columns[index].ty, &case.columns[index]);
    let column = luck.pick(&[format!("col {index}"), format!("c{index}")]).clone();
    match luck.below(12) {
        0 => Predicate::IsNull(column),
        1 => Predicate::Not(Box::new(Predicate::IsNull(column))),
        2 | 3 => {
            let count = if luck.one_in(10) { 100 } else { 1 + luck.below(4) };
            let near = (0..count).map(|_| literal(ty, values, luck)).collect();
            Predicate::In { column, values: near }
        }
        8 => {
            let (low, high) = (literal(ty, values, luck), literal(ty, values, luck));
            let end = |comparison, value| Predicate::compare(column.clone(), comparison, value);
            end(Comparison::AtLeast, low).and(end(Comparison::AtMost, high))
        }
        // Values that are there, or all but there: what Bloom filters and dictionaries are for.
        9 if !values.is_empty() => {
            let near = (0..1 + luck.below(2)).map(|_| absent(ty, values, luck)).collect();
            Predicate::In { column, values: near }
        }
        4 => Predicate::Constant(*luck.pick(&[None, Some(true), Some(false)])),
        5 if ty == ColumnType::Boolean => Predicate::Column(column),
        5..=7 if ty == ColumnType::Text => {
            let Literal::Text(text) = literal(ty, values, luck) else { return Predicate::Constant(None) };
            let escape = luck.one_in(3).then_some('!');
            let length = *luck.pick(&[2, 4, 6, 70]);
            let mut pattern: String = text.chars().take(luck.index(length)).collect();
            for _ in 0..luck.below(4) {
                pattern += *luck.pick(&["%", "_", "é", "1", "!%", "!_", "\u{d7ff}"]);
            }
            if luck.one_in(4) {
                pattern = text; // no wildcard at all
            }
            let ends_in_escape = pattern.chars().rev().take_while(|c| *c == '!').count() % 2 == 1;
            Predicate::Like { column, pattern, escape: escape.filter(|_| !ends_in_escape) }
        }
        _ => {
            let comparison = *luck.pick(&[
                Comparison::Equal,
                Comparison::Unequal,
                Comparison::Less,
                Comparison::AtMost,
                Comparison::Greater,
                Comparison::AtLeast,
            ]);
            Predicate::Compare { column, comparison, value: literal(ty, values, luck) }
        }
    }
}

/// What came out: the batches as one.
fn collect(request: &Request, batches: impl Iterator<Item = Result<RecordBatch>>) -> RecordBatch {
    let batches: Vec<_> = batches.collect::<Result<_>>().unwrap();
    concat_batches(&request.schema(), &batches).unwrap()
}

/// Batches are compared by what they print, which tells −0 from 0 and calls NaN equal to itself.
#[track_caller]
fn same(found: &RecordBatch, want: &RecordBatch, what: &str) {
    assert_eq!(found.num_rows(), want.num_rows(), "{what}: rows");
    for (i, (found, want)) in found.columns().iter().zip(want.columns()).enumerate() {
        assert_eq!(found.data_type(), want.data_type(), "{what}: column {i}");
        assert_eq!(format!("{found:?}"), format!("{want:?}"), "{what}: column {i}");
    }
}

#[derive(Default)]
struct Tally {
    skipped: u64,
    all: u64,
    pages_skipped: u64,
    by_bloom: u64,
    by_dictionary: u64,
}

fn check(case: &Case, others: &[Case], predicate: &Predicate, luck: &mut Luck, tally: &mut Tally) {
    let bound = predicate.bind(&case.schema).unwrap_or_else(|e| panic!("{predicate}: {e}"));
    assert_eq!(&predicate.to_string().parse::<Predicate>().unwrap(), predicate, "{predicate}");
    let rows = case.columns[0].len();
    let batch = model::batch(&case.schema, &case.columns);
    let row = |i: usize| -> Vec<Value> { case.columns.iter().map(|c| c[i].clone()).collect() };
    let answers: Vec<Option<bool>> = (0..rows).map(|i| model::evaluate(predicate, &case.schema, &row(i))).collect();

    // Evaluation, three-valued.
    assert_eq!(bound.evaluate(&batch).unwrap().iter().collect::<Vec<_>>(), answers, "{predicate}");

    // Verdicts on the segment, its row groups, and the segment as a ledger remembers it.
    let all_columns = 0..case.schema.columns.len();
    let segment = Zones::of_segment(&case.source, &case.view).unwrap();
    let groups = Zones::of_row_groups(&case.source, &case.view, all_columns).unwrap();
    let remembered = remember(&segment, case);
    let judge = |zones: &Zones, stretch: usize, rows: Range<usize>, tally: &mut Tally| {
        let answers = &answers[rows];
        let verdict = bound.verdicts(zones)[stretch];
        let reason = bound.reasons(zones)[stretch];
        let is_skipped = verdict == Verdict::Skip && (reason.is_some() || zones.rows().value(stretch) > 0);
        assert_eq!(reason.is_some(), is_skipped, "{predicate}: {verdict:?} because of {reason:?}");
        match verdict {
            Verdict::Skip => {
                tally.skipped += 1;
                assert!(!answers.contains(&Some(true)), "{predicate}: skipped rows that match");
            }
            Verdict::All => {
                tally.all += 1;
                assert!(answers.iter().all(|a| *a == Some(true)), "{predicate}: not all rows match");
            }
            Verdict::Read => {}
        }
    };
    judge(&segment, 0, 0..rows, tally);
    judge(&remembered, 0, 0..rows, tally);
    let mut first = 0;
    for (group, &length) in groups.rows().values().iter().enumerate() {
        let end = first + usize::try_from(length).unwrap();
        judge(&groups, group, first..end, tally);
        first = end;
    }

    // Scans.
    let mut projection: Vec<usize> = (0..case.columns.len()).filter(|_| luck.one_in(2)).collect();
    if luck.one_in(2) {
        projection.reverse();
    }
    let first_row = luck.below(1000);
    let from = luck.below(rows as u64 + 1);
    let range = if luck.one_in(3) { from..from + luck.below(rows as u64 + 1) } else { 0..u64::MAX - 2000 };
    let limit = if luck.one_in(4) { luck.below(rows as u64 + 1) } else { u64::MAX };
    let request = Request::new(bound.clone())
        .project_columns(projection.clone())
        .unwrap()
        .rows(range.start + first_row..range.end + first_row)
        .limit(limit)
        .row_numbers(RowNumbers::Include)
        .batch_rows(*luck.pick(&[1, 3, 17, 8192]));
    let matching = (0..rows).filter(|&i| answers[i] == Some(true) && range.contains(&(i as u64)));
    let matching: Vec<u64> = matching.map(|i| i as u64).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let want = take_record_batch(&batch, &UInt64Array::from(matching.clone())).unwrap().project(&projection).unwrap();
    for pruning in [Pruning::On, Pruning::Off] {
        let request = request.clone().pruning(pruning);
        let mut scan = Scan::new(case.source.clone(), case.view.clone(), request.clone(), first_row).unwrap();
        let found = collect(&request, scan.by_ref());
        let ordinals = found.column(projection.len()).as_primitive::<UInt64Type>();
        let ordinals: Vec<u64> = ordinals.values().iter().map(|row| row - first_row).collect();
        assert_eq!(ordinals, matching, "{predicate}: {pruning:?}");
        same(&found, &want, &format!("{predicate}: {pruning:?}"));
        let statistics = scan.statistics();
        assert_eq!(statistics.rows_matched, matching.len() as u64);
        assert_eq!(statistics.pages_skipped + statistics.pages_scanned, statistics.pages_total);
        assert_eq!(statistics.row_groups_skipped + statistics.row_groups_scanned, statistics.row_groups_total);
        if pruning == Pruning::On {
            tally.pages_skipped += statistics.pages_skipped;
            tally.by_bloom += statistics.row_groups_skipped_by_bloom;
            tally.by_dictionary += statistics.row_groups_skipped_by_dictionary;
        } else if range.start == 0 && range.end > rows as u64 && limit == u64::MAX {
            // Every field that is tested is looked at, others only where rows match.
            let count = |columns: &[usize]| columns.iter().map(|&column| case.rejects[column]).sum::<u64>();
            let tested = request.clone().project_columns(vec![]).unwrap().columns();
            let (least, most) = (count(&tested), count(&request.columns()));
            let found = statistics.rejects;
            assert!((least..=most).contains(&found), "{predicate}: {found} rejects, not {least} to {most}");
        }
    }

    // The same through a catalog of several segments.
    let cases: Vec<&Case> = std::iter::once(case).chain(others).collect();
    let zones: Vec<Zones> = cases.iter().map(|case| Zones::of_segment(&case.source, &case.view).unwrap()).collect();
    let zones = Zones::concat(&zones.iter().collect::<Vec<_>>()).unwrap();
    let run = |pruning| {
        let request = Request::new(bound.clone()).row_numbers(RowNumbers::Include).limit(limit).pruning(pruning);
        let (verdicts, mut first_row) = (request.verdicts(&zones), 0);
        let candidates = cases.iter().enumerate().map(|(i, case)| {
            let (rows, verdict) = (zones.rows().value(i), verdicts[i]);
            let open = || Ok(Opened { source: &case.source, view: case.view.clone() });
            first_row += rows;
            Ok(Candidate { first_row: first_row - rows, rows, verdict, zones: None, open })
        });
        let totals = Totals { segments: cases.len() as u64, bytes: cases.iter().map(|c| c.source.bytes_total()).sum() };
        let mut scan = Catalog::new(case.schema.clone()).scan(request.clone(), totals, candidates);
        let found = collect(&request, scan.by_ref());
        let statistics = scan.statistics();
        assert_eq!(statistics.segments_skipped + statistics.segments_scanned, cases.len() as u64);
        assert_eq!(statistics.rows_matched, found.num_rows() as u64);
        found
    };
    same(&run(Pruning::On), &run(Pruning::Off), &format!("{predicate}: catalog"));
}

/// The zones after a stay in a ledger, in the types that the segment was written with.
fn remember(segment: &Zones, case: &Case) -> Zones {
    let types = case.schema.columns.iter().zip(&case.stored).map(|(c, pin)| (None, pin.map_or(c.ty, |pin| pin.ty)));
    let stored = Schema::named(types);
    let view =
        View::new(&stored, (0..stored.columns.len()).map(|i| case.stored[i].and(position(case, i))).collect()).unwrap();
    let written = Zones::of_segment(&case.source, &view).unwrap();
    let texts = written.text(0, &stored);
    let rows = segment.rows().value(0);
    let mut builder = ZonesBuilder::new(&case.schema);
    let zones = texts.iter().enumerate().map(|(i, text)| match case.stored[i] {
        None => SegmentZone::Missing,
        Some(pin) => {
            let text = text.clone().unwrap();
            let json: serde_json::Value = serde_json::from_str(&text.to_json().to_string()).unwrap();
            assert_eq!(at1_catalog::ZoneText::from_json(&json).unwrap(), text);
            SegmentZone::seen(pin, case.asked[i], rows, text)
        }
    });
    builder.push(rows, zones).unwrap();
    // Once more in the written types: text must come back as it was.
    let mut again = ZonesBuilder::new(&stored);
    let known = texts.iter().zip(&stored.columns).map(|(text, c)| SegmentZone::Known(c.ty, text.clone().unwrap()));
    again.push(rows, known).unwrap();
    assert_eq!(again.finish().unwrap().text(0, &stored), texts);
    builder.finish().unwrap()
}

/// Which stored column a column of the table is.
fn position(case: &Case, column: usize) -> Option<usize> {
    let fields = case.source.metadata().schema().fields();
    fields.iter().position(|field| *field.name() == case.schema.columns[column].name)
}

#[test]
fn pruning_never_changes_an_answer() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |v| v.parse().unwrap());
    let (cases, start) = (number("AT1_CASES", 128), number("AT1_SEED", 1));
    let mut tally = Tally::default();
    for seed in start..start + cases {
        let result = std::panic::catch_unwind(|| {
            let mut tally = Tally::default();
            let mut luck = Luck(seed);
            let subject = case(None, &mut luck);
            let others = [case(Some(&subject.schema), &mut luck), case(Some(&subject.schema), &mut luck)];
            for _ in 0..12 {
                let predicate = predicate(&subject, 3, &mut luck);
                check(&subject, &others, &predicate, &mut luck, &mut tally);
            }
            tally
        });
        let found = result.unwrap_or_else(|panic| {
            eprintln!("failed with AT1_SEED={seed} AT1_CASES=1");
            std::panic::resume_unwind(panic)
        });
        tally.skipped += found.skipped;
        tally.all += found.all;
        tally.pages_skipped += found.pages_skipped;
        tally.by_bloom += found.by_bloom;
        tally.by_dictionary += found.by_dictionary;
    }
    println!("{} skipped, {} all, {} pages skipped", tally.skipped, tally.all, tally.pages_skipped);
    println!("{} by bloom, {} by dictionary", tally.by_bloom, tally.by_dictionary);
    // A test of pruning that prunes nothing tests nothing.
    if cases >= 40 {
        assert!(tally.skipped > 100 && tally.all > 50 && tally.pages_skipped > 100, "too little was pruned");
    }
}
