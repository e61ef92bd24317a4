//! Random segments of random tables: values of all types, as they are stored and as the table has them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use at1_catalog::{DoubleBounds, ParquetFile, Result, Source, View};
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
    luck::Luck,
    model::{self, Value},
};

/// Those with the oddest bounds come up most.
const TYPES: [ColumnType; 15] = [
    ColumnType::Text,
    ColumnType::Text,
    ColumnType::Float64,
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
        ColumnType::Float64 if odd && luck.one_in(3) => Value::Double(f64::NAN),
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
pub(super) struct WithFields {
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

pub(super) struct Case {
    pub(super) schema: Schema,
    pub(super) view: View,
    /// As the table has them.
    pub(super) columns: Vec<Vec<Value>>,
    pub(super) stored: Vec<Option<Pin>>,
    pub(super) asked: Vec<Pin>,
    /// How many fields of each the table's type cannot hold.
    pub(super) rejects: Vec<u64>,
    pub(super) source: WithFields,
}

pub(super) fn case(schema: Option<&Schema>, luck: &mut Luck) -> Case {
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
        // Some dictionaries are full before the chunk is, and the rest of its pages is plain.
        .set_dictionary_page_size_limit(*luck.pick(&[32, 200, 1 << 20]))
        .set_bloom_filter_enabled(luck.one_in(2))
        .set_bloom_filter_fpp(*luck.pick(&[0.01, 0.3]))
        .set_column_index_truncate_length(*luck.pick(&[Some(1), Some(3), Some(8), Some(64), None]))
        .set_statistics_truncate_length(*luck.pick(&[Some(1), Some(3), Some(8), Some(64), None]))
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
