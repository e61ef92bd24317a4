//! A column read as another type is what it would have been, had it been stored as that type.

use std::{io::Cursor, sync::Arc};

use arrow::{array::ArrayRef, compute::concat};
use at1_codec::{
    BatchPlan, Buffer, ColumnType, ReadOptions, Schema, Segment, SegmentWriter, WriteOptions, analyse,
    column::{Meaning, NullWords, Pin},
    text::FormatOption,
};
use at1_testkit::{json_zoo, log_zoo, strategies::any_input};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};
use proptest::prelude::*;

/// Types and readings, with those that differ in little.
fn meanings(nulls: &NullWords) -> Vec<Meaning> {
    let pinned = [
        "int64",
        "decimal(18,0)",
        "decimal(18,2)",
        "decimal(38,5)",
        "double",
        "boolean",
        "date",
        "date_dmy",
        "timestamp",
        "timestamptz",
        "timestamp_ns",
        "timestamp_mdy",
        "epoch_s",
        "epoch_ns",
        "text",
        "binary",
    ];
    let pinned = pinned.into_iter().map(|word| word.parse::<Pin>().unwrap());
    let mut all: Vec<_> =
        pinned.map(|pin| Meaning { ty: pin.ty, reading: pin.reading, nulls: nulls.clone() }).collect();
    let inferred = ["int64", "double", "boolean"].map(|word| word.parse::<ColumnType>().unwrap());
    all.extend(inferred.map(|ty| Meaning { nulls: nulls.clone(), ..Meaning::from(ty) }));
    all
}

/// A segment of these batches with all columns read like this; each batch turns the order of its fields by one.
fn segment(sources: &[Vec<u8>], meaning: &Meaning, format: &FormatOption) -> Segment {
    let options = ReadOptions { format: format.clone(), nulls: meaning.nulls.clone(), ..ReadOptions::default() };
    let analyses: Vec<_> = sources.iter().map(|s| analyse(&mut Cursor::new(s), &options).unwrap()).collect();
    let width = analyses.iter().map(|a| a.columns.len()).max().unwrap_or(1);
    let schema = Schema::named((0..width).map(|_| (None, meaning.ty)));
    let options = WriteOptions {
        nulls: meaning.nulls.clone(),
        readings: vec![meaning.reading; width],
        ..WriteOptions::default()
    };
    let buffer = Buffer::default();
    let mut writer = SegmentWriter::new(buffer.clone(), &schema, options).unwrap();
    for (batch, (source, analysis)) in sources.iter().zip(analyses).enumerate() {
        let map = (0..analysis.columns.len()).map(|field| (field + batch) % width).collect();
        writer.append(&mut Cursor::new(source), BatchPlan { analysis, map, name: None }).unwrap();
    }
    writer.finish().unwrap().1.verify(Arc::new(buffer)).unwrap().segment
}

/// A column of a row group as Parquet has it.
fn stored(segment: &Segment, row_group: usize, column: usize) -> ArrayRef {
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes().clone(), segment.metadata().clone());
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [column]);
    let reader = builder.with_row_groups(vec![row_group]).with_projection(mask).build().unwrap();
    let arrays: Vec<ArrayRef> = reader.map(|batch| batch.unwrap().column(0).clone()).collect();
    concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>()).unwrap()
}

/// Reads what is stored as any type as every other.
#[track_caller]
fn check(sources: &[Vec<u8>], nulls: &NullWords) {
    check_as(sources, nulls, &FormatOption::Auto);
}

#[track_caller]
fn check_as(sources: &[Vec<u8>], nulls: &NullWords, format: &FormatOption) {
    let all: Vec<_> =
        meanings(nulls).into_iter().map(|meaning| (segment(sources, &meaning, format), meaning)).collect();
    for (asked, meaning) in &all {
        for row_group in 0..asked.metadata().metadata().num_row_groups() {
            for column in 0..asked.schema().columns.len() {
                let want = (stored(asked, row_group, column), asked.reject_rows(row_group, column).unwrap());
                for (segment, written) in &all {
                    let read = segment.read_as(row_group, column, meaning).unwrap();
                    // What they print tells −0 from 0 and NaN from nothing.
                    let (found, expected) = (format!("{:?}", read.array), format!("{:?}", want.0));
                    assert_eq!(found, expected, "column {column}, {written:?} as {meaning:?}");
                    assert_eq!(read.array.to_data(), want.0.to_data(), "column {column}, {written:?} as {meaning:?}");
                    assert_eq!(read.rejects, want.1, "column {column}, {written:?} as {meaning:?}");
                }
            }
        }
        // Rejects of a batch are its own, whatever it stands beside.
        let alone = sources.iter().map(|source| {
            let alone = segment(std::slice::from_ref(source), meaning, format);
            (0..alone.schema().columns.len()).map(|column| alone.rejects(column)).sum::<u64>()
        });
        assert_eq!(asked.rejects_by_batch().unwrap(), alone.collect::<Vec<_>>(), "{meaning:?}");
    }
}

const FIELDS: &str = "7|007|+7|-0|0|-0.0|5.|.5|1.50|1.005|1.500|1e5|9007199254740993|123456789012345678|99999999999999999999|NaN|inf|\
     -inf|true|T|yes|0|NA| NA|\"NA\"|missing|\"\"|\" 7\"|\"7\"| 7|2024-02-29|29/02/2024|02/03/2024|03/03/2024|2024-02-29T10:00|\
     2024-02-29 10:00:00.5|2024-02-29T10:00:00.123456789|2024-02-29T10:00:00Z|1700-01-01T00:00:00|2024-02-29T10:00:00+02:00|\
     31/12/2023 1:02:03|1700000000|1700000000.5|1700000000000000000|\"a,\"\"b\"|a\"b|\"a\"b|";

#[test]
fn every_type_as_every_other() {
    let fields: Vec<&str> = FIELDS.split('|').collect();
    let lines = |separator: &str, end: &str| -> Vec<u8> {
        let rows = (0..fields.len()).map(|row| {
            let field = |column: usize| fields[(row * (column + 1)) % fields.len()];
            // Some records are short, some long.
            (0..3 + row % 3 - usize::from(row % 7 == 0) * 2).map(field).collect::<Vec<_>>().join(separator) + end
        });
        rows.collect::<String>().into_bytes()
    };
    let mut invalid = lines(",", "\n");
    invalid.extend_from_slice(b"\xff,\"\xfe\"\xff,\n");
    let sources = [lines(",", "\n"), lines(";", "\r\n"), b"\n\n1\n".to_vec(), invalid, vec![], b"a,b,c,d\n".to_vec()];
    check(&sources, &NullWords::default());
    check(&sources, &["missing", "7", "\"7\""].into_iter().collect());
}

#[test]
fn row_groups_are_read_each_by_itself() {
    let rows = (1 << 20) + 5_000;
    let lines = |from: u32, to: u32| -> Vec<u8> {
        let line = |i: u32| if i % 99_991 == 99_990 { "x\n".to_owned() } else { format!("{}\n", i % 10) };
        (from..to).flat_map(|i| line(i).into_bytes()).collect()
    };
    let sources = [lines(0, 300_000), lines(300_000, rows)];
    let int64 = Meaning::from(ColumnType::Int64);
    let segment = segment(&sources, &int64, &FormatOption::Auto);
    assert_eq!(segment.metadata().metadata().num_row_groups(), 2);
    let rejects = |from: u32, to: u32| (from..to).filter(|i| i % 99_991 == 99_990).count() as u64;
    assert_eq!(segment.rejects_by_batch().unwrap(), [rejects(0, 300_000), rejects(300_000, rows)]);
    for row_group in 0..2 {
        let same = segment.read_as(row_group, 0, &int64).unwrap();
        assert_eq!(same.array.to_data(), stored(&segment, row_group, 0).to_data());
        assert_eq!(same.rejects, segment.reject_rows(row_group, 0).unwrap());
    }
    let last = segment.read_as(1, 0, &ColumnType::Boolean.into()).unwrap();
    let alike: Vec<u64> = (0..last.array.len() as u64).collect();
    assert_eq!(last.rejects, alike, "digits are no booleans");
    assert!(segment.read_as(2, 0, &int64).is_err() && segment.read_as(0, 1, &int64).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_input_as_any_type(sources in prop::collection::vec(any_input(), 1..3)) {
        check(&sources, &NullWords::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn any_lines_as_any_type(seeds in prop::collection::vec(any::<u64>(), 1..3)) {
        let sources: Vec<_> = seeds.iter().copied().map(json_zoo).collect();
        check_as(&sources, &NullWords::default(), &FormatOption::Json);
        let sources: Vec<_> = seeds.into_iter().map(log_zoo).collect();
        check_as(&sources, &NullWords::default(), &FormatOption::Lines(None));
    }
}
