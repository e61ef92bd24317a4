//! Arrow data that is appended: every value reads back as it was, the text does not depend on how the data came, and what text
//! cannot say is refused.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, Decimal256Array, Float32Array,
        Float64Array, Int8Array, Int64Array, ListArray, NullArray, RecordBatch, RecordBatchIterator,
        RecordBatchOptions, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
        TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    },
    compute::{cast, concat_batches},
    datatypes::{DataType, Field, Int32Type, Schema, i256},
    error::ArrowError,
};
use at1_codec::ArrowText;
use at1_table::{
    AppendOptions, AppendReport, CompactOptions, ErrorKind, Extent, HeaderOption, Joints, Result, ScanOptions, Source,
    Table,
};
use at1_testkit::Rng;

use crate::table;

const TEXTS: [&str; 14] = [
    "",
    "1",
    "007",
    "NA",
    "null",
    "a,b",
    "say \"hi\"",
    "two\nlines",
    "cr\r",
    " blank ",
    "\u{feff}mark",
    "日本",
    "\0",
    "-",
];

fn drawn<T>(rng: &mut Rng, rows: usize, mut value: impl FnMut(&mut Rng) -> T) -> Vec<Option<T>> {
    (0..rows).map(|_| if rng.one_in(6) { None } else { Some(value(rng)) }).collect()
}

fn double(rng: &mut Rng) -> f64 {
    match rng.below(8) {
        0 => *rng.pick(&[&0.0, &-0.0, &f64::NAN, &f64::INFINITY, &f64::NEG_INFINITY]),
        1 => *rng.pick(&[&f64::MIN_POSITIVE, &5e-324, &f64::MAX, &1e16, &1e-5, &123_456_789_012_345_680.0]),
        2 => loop {
            let any = f64::from_bits(rng.next());
            if any.is_finite() {
                break any;
            }
        },
        _ => rng.between(-1_000_000, 1_000_000) as f64 / 1000.0,
    }
}

/// A column of some type that has a form as text.
fn column(rng: &mut Rng, rows: usize) -> ArrayRef {
    let micros = |rng: &mut Rng| rng.between(-62_135_596_800_000_000, 253_402_300_799_999_999);
    match rng.below(24) {
        0 => Arc::new(Int64Array::from(drawn(rng, rows, |rng| rng.next().cast_signed()))),
        1 => Arc::new(Int8Array::from(drawn(rng, rows, |rng| rng.between(-128, 127) as i8))),
        2 => Arc::new(UInt64Array::from(drawn(rng, rows, Rng::next))),
        3 => Arc::new(Float64Array::from(drawn(rng, rows, double))),
        4 => Arc::new(Float32Array::from(drawn(rng, rows, |rng| double(rng) as f32))),
        5 => {
            let values = Float32Array::from(drawn(rng, rows, |rng| double(rng) as f32));
            cast(&values, &DataType::Float16).unwrap()
        }
        6 => {
            let unscaled = |rng: &mut Rng| i128::from(rng.between(-999_999_999, 999_999_999));
            let values = Decimal128Array::from(drawn(rng, rows, unscaled));
            let (precision, scale) = *rng.pick(&[&(9, 2), &(18, 18), &(38, 5), &(9, 0), &(20, -3)]);
            Arc::new(values.with_precision_and_scale(precision, scale).unwrap())
        }
        7 => {
            let unscaled = |rng: &mut Rng| i256::from_i128(i128::from(rng.next()) * 1_000_000_007);
            let values = Decimal256Array::from(drawn(rng, rows, unscaled));
            Arc::new(values.with_precision_and_scale(60, 10).unwrap())
        }
        8 => Arc::new(BooleanArray::from(drawn(rng, rows, |rng| rng.one_in(2)))),
        9 => Arc::new(Date32Array::from(drawn(rng, rows, |rng| rng.between(-719_162, 2_932_896) as i32))),
        10 => Arc::new(Date64Array::from(drawn(rng, rows, |rng| rng.between(-9999, 9999) * 86_400_000))),
        11 => Arc::new(TimestampMicrosecondArray::from(drawn(rng, rows, micros))),
        12 => Arc::new(TimestampMicrosecondArray::from(drawn(rng, rows, micros)).with_timezone("+05:30")),
        13 => Arc::new(TimestampNanosecondArray::from(drawn(rng, rows, |rng| rng.next().cast_signed()))),
        14 => Arc::new(
            TimestampNanosecondArray::from(drawn(rng, rows, |rng| rng.next().cast_signed())).with_timezone("UTC"),
        ),
        15 => Arc::new(TimestampMillisecondArray::from(drawn(rng, rows, |rng| micros(rng) / 1000))),
        16 => Arc::new(TimestampSecondArray::from(drawn(rng, rows, |rng| micros(rng) / 1_000_000))),
        17 => {
            let bytes = |rng: &mut Rng| (0..rng.below(6)).map(|_| rng.next() as u8).collect::<Vec<u8>>();
            let values = drawn(rng, rows, bytes);
            Arc::new(values.iter().map(|value| value.as_deref()).collect::<BinaryArray>())
        }
        18 => Arc::new(NullArray::new(rows)),
        19 => {
            cast(&texts(rng, rows), &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap()
        }
        20 => cast(&texts(rng, rows), &DataType::Utf8View).unwrap(),
        21 => cast(&texts(rng, rows), &DataType::LargeUtf8).unwrap(),
        _ => texts(rng, rows),
    }
}

fn texts(rng: &mut Rng, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from(drawn(rng, rows, |rng| *rng.pick(&TEXTS.each_ref()))))
}

fn batch(rng: &mut Rng) -> RecordBatch {
    let rows = rng.index(40);
    let names = ["id", "a b", "x,y", "\u{feff}first", "say \"n\"", "", "ID", "line\nend", "c1"];
    let width = 1 + rng.index(names.len());
    let columns: Vec<ArrayRef> = (0..width).map(|_| column(rng, rows)).collect();
    let first = rng.index(names.len());
    let fields: Vec<_> = (0..width)
        .map(|i| Field::new(names[(first + i) % names.len()], columns[i].data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn reader(batches: Vec<RecordBatch>) -> RecordBatchIterator<impl Iterator<Item = Result<RecordBatch, ArrowError>>> {
    let schema = batches[0].schema();
    RecordBatchIterator::new(batches.into_iter().map(Ok), schema)
}

fn text(batches: Vec<RecordBatch>) -> Vec<u8> {
    let mut text = ArrowText::new(reader(batches)).unwrap();
    let mut whole = vec![];
    while let Some(part) = text.next_part().unwrap() {
        whole.extend_from_slice(part);
    }
    whole
}

/// The same rows, cut at random.
fn cut(rng: &mut Rng, batch: &RecordBatch) -> Vec<RecordBatch> {
    let mut parts = vec![batch.slice(0, 0)];
    let mut at = 0;
    while at < batch.num_rows() {
        let rows = 1 + rng.index(batch.num_rows() - at);
        parts.push(batch.slice(at, rows));
        at += rows;
    }
    parts
}

fn append(table: &Table, batches: Vec<RecordBatch>) -> Result<AppendReport> {
    table.append_arrow(reader(batches), &AppendOptions::default())
}

/// What the table has in the rows of a batch, by the batch's own names.
fn back(table: &Table, first_row: u64, batch: &RecordBatch) -> RecordBatch {
    let select = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let rows = first_row..first_row + batch.num_rows() as u64;
    let options = ScanOptions { select: Some(select), rows: Some(rows), ..ScanOptions::default() };
    let scan = table.scan(&options).unwrap();
    let schema = scan.schema();
    let batches: Vec<_> = scan.map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[track_caller]
fn same(found: &RecordBatch, batch: &RecordBatch, seed: u64) {
    for (i, (found, was)) in found.columns().iter().zip(batch.columns()).enumerate() {
        let name = batch.schema().field(i).name().clone();
        // Instants are told in UTC, decimals with 18 or 38 digits, everything with one of the table's types.
        let was = match was.data_type() {
            DataType::Dictionary(_, values) => cast(was, values).unwrap(),
            DataType::Float16 => cast(was, &DataType::Float32).unwrap(),
            _ => Arc::clone(was),
        };
        let was = cast(&was, found.data_type()).unwrap();
        assert_eq!(found, &was, "seed {seed}, column {i} {name:?}");
    }
}

#[test]
fn every_value_reads_back() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let batch = batch(&mut rng);
        let (_, table) = table();
        let mut first_row = 0;
        // Sometimes the table is there already, with a dialect of its own.
        if rng.one_in(3) {
            table.append_csv(Source::bytes("k;w\n1;NA\n2;'x'\n"), &AppendOptions::default()).unwrap();
            first_row = 2;
        }
        let source = text(vec![batch.clone()]);
        let parts = cut(&mut rng, &batch);
        assert_eq!(text(parts.clone()), source, "seed {seed}");
        let report = append(&table, parts).unwrap_or_else(|e| panic!("seed {seed}: {e:?}"));
        assert_eq!((report.rows, report.rejects), (batch.num_rows() as u64, 0), "seed {seed}");
        same(&back(&table, first_row, &batch), &batch, seed);

        // Again, now that the columns are there.
        append(&table, vec![batch.clone()]).unwrap_or_else(|e| panic!("seed {seed}: {e:?}"));
        table.compact(&CompactOptions::default()).unwrap();
        same(&back(&table, first_row + batch.num_rows() as u64, &batch), &batch, seed);
        let mut exact = vec![];
        table.cat(&Extent::Batch(report.batch), Joints::Exact, &mut exact).unwrap();
        assert_eq!(exact, source, "seed {seed}");
    }
}

#[test]
fn long_data_is_written_in_parts() {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..30_000));
    let words: ArrayRef = Arc::new(StringArray::from_iter_values((0..30_000).map(|n| format!("word {}", n % 7))));
    let batch = RecordBatch::try_from_iter([("id", ids), ("word", words)]).unwrap();
    let (_, table) = table();
    assert_eq!(append(&table, vec![batch.clone()]).unwrap().rows, 30_000);
    assert_eq!(back(&table, 0, &batch).columns(), batch.columns());
}

fn one(name: &str, array: impl arrow::array::Array + 'static) -> RecordBatch {
    RecordBatch::try_from_iter([(name, Arc::new(array) as ArrayRef)]).unwrap()
}

#[track_caller]
fn refused(table: &Table, batch: RecordBatch, options: &AppendOptions, kind: ErrorKind, words: &str) {
    let before = table.info().unwrap();
    let error = table.append_arrow(reader(vec![batch]), options).expect_err(words);
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(format!("{error:?}").contains(words), "{error:?}");
    assert_eq!(table.info().unwrap(), before, "{words}");
}

#[test]
fn what_would_read_back_as_something_else_is_refused() {
    let (_, table) = table();
    let options = AppendOptions { nulls: Some(["7", "gone"].into_iter().collect()), ..AppendOptions::default() };
    table
        .append_csv(Source::bytes("n,d,w,t\n1,0.5,x,2024-01-01T00:00:00\n2,1e-7,y,2024-01-01T00:00:01\n"), &options)
        .unwrap();
    let defaults = AppendOptions::default();
    let refused = |batch, kind, words: &str| refused(&table, batch, &defaults, kind, words);
    refused(
        one("n", Int64Array::from(vec![5, 7])),
        ErrorKind::Refused,
        "column n: expected values that are not words for null",
    );
    refused(
        one("n", StringArray::from(vec!["5", " "])),
        ErrorKind::Refused,
        "1 values that a column of int64 reads as null",
    );
    refused(one("n", StringArray::from(vec!["gone"])), ErrorKind::Refused, "words for null");
    refused(one("d", Int64Array::from(vec![(1 << 53) + 1])), ErrorKind::Refused, "the same in a column of double");
    refused(one("new", Date32Array::from(vec![4_000_000])), ErrorKind::Refused, "at most 0 rejects");
    refused(one("new", TimestampSecondArray::from(vec![i64::MAX])), ErrorKind::Invalid, "column new");
    refused(
        one("new", Decimal256Array::from(vec![i256::MAX]).with_precision_and_scale(76, 0).unwrap()),
        ErrorKind::Invalid,
        "column new",
    );
    refused(
        one("new", Date64Array::from(vec![86_400_001])),
        ErrorKind::Invalid,
        "column new: expected dates that are whole days",
    );
    // Text is text, and null words are words there.
    append(&table, vec![one("w", StringArray::from(vec!["7", "", "gone"]))]).unwrap();
    assert_eq!(back(&table, 2, &one("w", StringArray::from(vec!["7", "", "gone"]))).column(0).null_count(), 0);
    // A limit on rejects is the caller's word that some may be lost to queries.
    let some = AppendOptions { max_rejects: Some(1), ..AppendOptions::default() };
    let report = table.append_arrow(reader(vec![one("day", Date32Array::from(vec![4_000_000]))]), &some).unwrap();
    assert_eq!(report.rejects, 1);
}

#[test]
fn what_has_no_form_as_text_is_refused() {
    let (_, table) = table();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    let empty = RecordBatch::try_new_with_options(
        Arc::new(Schema::empty()),
        vec![],
        &RecordBatchOptions::new().with_row_count(Some(3)),
    );
    let twice = Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("a", DataType::Int64, true)]);
    let ones: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let twice = RecordBatch::try_new(Arc::new(twice), vec![Arc::clone(&ones), ones]).unwrap();
    let defaults = AppendOptions::default();
    refused(&table, one("l", list), &defaults, ErrorKind::Invalid, "column l: expected numbers, booleans, dates");
    refused(&table, empty.unwrap(), &defaults, ErrorKind::Invalid, "expected at least one column");
    refused(&table, twice, &defaults, ErrorKind::Invalid, "two columns a");
    let headed = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
    refused(
        &table,
        one("a", Int64Array::from(vec![1])),
        &headed,
        ErrorKind::Invalid,
        "header: expected no such option",
    );

    let schema = one("a", Int64Array::from(vec![1])).schema();
    let parts = [Ok(one("a", Int64Array::from(vec![1]))), Err(ArrowError::ComputeError("half-way".to_owned()))];
    let error = table.append_arrow(RecordBatchIterator::new(parts, schema), &defaults).expect_err("half-way");
    assert!(format!("{error:?}").contains("half-way"), "{error:?}");
    assert_eq!(table.info().unwrap().events, 0);
}
