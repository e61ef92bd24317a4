//! Any input, of any size and shape: exact, and with types where it makes sense. Large ones only with `AT1_DEEP=1`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use at1_codec::{EncodeOptions, Form, Profile, Segment, Trust, decode, encode, text::RECORD_BYTES_MAX};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

fn is_deep() -> bool {
    std::env::var_os("AT1_DEEP").is_some_and(|value| value == "1")
}

/// The small number, or the large one if asked for.
fn size(small: usize, large: usize) -> usize {
    if is_deep() { large } else { small }
}

/// The source comes back, alone and as columns, which are given.
#[track_caller]
fn check(source: &[u8]) -> Segment {
    let options = EncodeOptions { form: Form::Queryable, profile: Profile::Fast, ..EncodeOptions::default() };
    let file = encode(source, &options).unwrap();
    assert!(decode(&file).unwrap() == source, "the source comes back");
    if source.len() < 1 << 20 {
        let smaller = encode(source, &EncodeOptions::default()).unwrap();
        assert!(decode(&smaller).unwrap() == source, "in the smaller form too");
    }
    Segment::open(Arc::new(file), Trust::OwnSeal).unwrap()
}

/// Type of each column.
fn types(segment: &Segment) -> Vec<String> {
    segment.schema().columns.iter().map(|column| column.ty.to_string()).collect()
}

/// The values of a column of a segment with one row group.
fn column(segment: &Segment, column: usize) -> ArrayRef {
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes().clone(), segment.metadata().clone());
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [column]);
    let rows = usize::try_from(segment.rows()).unwrap().max(1);
    let mut batches = builder.with_projection(mask).with_batch_size(rows).build().unwrap();
    Arc::clone(batches.next().unwrap().unwrap().column(0))
}

#[test]
fn very_wide() {
    let (columns, rows) = (size(1_000, 5_000), 50);
    let name = |c: usize| format!("c{c}");
    let mut source = (0..columns).map(name).collect::<Vec<_>>().join(",") + "\n";
    for row in 0..rows {
        let field = |c: usize| match c % 3 {
            0 => (row * c).to_string(),
            1 => format!("{row}.{:02}", c % 100),
            _ => format!("t{row}"),
        };
        source += &((0..columns).map(field).collect::<Vec<_>>().join(",") + "\n");
    }
    let segment = check(source.as_bytes());
    assert_eq!((segment.rows(), segment.schema().columns.len()), (rows as u64, columns));
    assert_eq!(types(&segment)[..3], ["int64", "decimal(18,2)", "text"]);
    assert_eq!(column(&segment, columns - 1 - (columns - 1) % 3).len(), rows);
}

#[test]
fn wider_than_parquet_numbers_its_columns() {
    // One record with more fields than there can be columns, which is 32,767, among others with few.
    let mut source = "a,b\n1,2\n".to_owned();
    source += &(0..40_000).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    source += "\n3,4\n";
    let segment = check(source.as_bytes());
    assert!(segment.schema().columns.len() <= 32_767);
    if is_deep() {
        check(",".repeat(200_000).as_bytes());
    }
}

#[test]
fn one_long_field() {
    let bytes = size(1 << 20, 100 << 20);
    let long: String = (0..bytes / 8).map(|i| format!("{i:08x}")).collect();
    let segment = check(format!("id,text\n1,{long}\n2,short\n").as_bytes());
    assert_eq!((segment.rows(), types(&segment)), (2, vec!["int64".into(), "text".into()]));
    assert_eq!(column(&segment, 1).as_string::<i32>().value(0), long);
    // In quotes that hold line ends, and without a line end at all.
    let quoted = long.replace("ff", "\n");
    check(format!("id,text\n1,\"{quoted}\"\n2,short\n").as_bytes());
    check(long.as_bytes());
}

#[test]
fn one_field_as_long_as_a_record_can_be() {
    if !is_deep() {
        return;
    }
    // A patch takes it all, and a few bytes more.
    for bytes in [RECORD_BYTES_MAX - 8, RECORD_BYTES_MAX + 8] {
        let mut source = b"n\n1\n2\n".to_vec();
        source.resize(source.len() + bytes, b'x');
        source.extend_from_slice(b"\n3\n");
        check(&source);
    }
}

#[test]
fn empty_and_nearly() {
    for source in [
        "",
        "\n",
        "\r",
        "\r\n",
        " ",
        ",",
        "a",
        "a,b",
        "a,b\n",
        "a\r\n\r\n",
        "\"",
        "\"\"",
        "\0",
        "\u{feff}",
        "\u{feff}\n",
    ] {
        check(source.as_bytes());
    }
    let header = check(b"id,price,when\n");
    assert!(header.rows() <= 1 && header.schema().columns.len() == 3);
}

#[test]
fn line_ends_and_nothing_else() {
    let lines = size(70_000, 3_000_000);
    for line_end in ["\n", "\r", "\r\n", "\n\r"] {
        check(line_end.repeat(lines).as_bytes());
        let numbers = (0..lines.min(200_000)).map(|i| i.to_string()).collect::<Vec<_>>().join(line_end);
        let segment = check(numbers.as_bytes());
        if line_end != "\n\r" {
            assert_eq!(types(&segment), ["int64"], "{line_end:?}, no line end at the end");
            assert_eq!(segment.rows(), lines.min(200_000) as u64);
        }
    }
}

#[test]
fn equal_lines() {
    let lines = (1 << 16) + 1;
    let segment = check("7,seven\n".repeat(lines).as_bytes());
    assert_eq!((segment.rows(), types(&segment)), (lines as u64, vec!["int64".into(), "text".into()]));
    assert!(segment.size() < 4096, "{} bytes", segment.size());
}

#[test]
fn one_column() {
    let words: String = (0..10_000).map(|i| format!("word {}\n", i % 97)).collect();
    assert_eq!(types(&check(words.as_bytes())), ["text"]);
    let numbers: String = (0..10_000).map(|i| format!("{}.5\n", i % 97)).collect();
    assert_eq!(types(&check(numbers.as_bytes())), ["decimal(18,1)"]);
}

#[test]
fn other_encodings_of_text() {
    let text = "id,name\n1,Müller\n2,Ωmega\n3,naïve\n";
    let utf16 = |bom: u16, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(bom).chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    check(&utf16(0xfeff, u16::to_le_bytes));
    check(&utf16(0xfeff, u16::to_be_bytes));
    let segment = check(b"id,name\n1,M\xfcller\n2,na\xefve\n3,caf\xe9\n4,plain\n");
    assert_eq!(types(&segment), ["int64", "binary"], "latin-1 is not UTF-8, and is not made so");
    assert_eq!(column(&segment, 1).as_binary::<i32>().value(0), b"M\xfcller");
    let segment = check("\u{feff}id,name\n1,Müller\n".as_bytes());
    assert_eq!(segment.schema().columns[0].header.as_deref(), Some("id"), "the mark is no part of the name");
}

#[test]
fn bytes_of_zero() {
    let segment = check(b"id,x\n1,a\0b\n2,\0\n\0\0\0\n3,c\n");
    assert_eq!(column(&segment, 1).as_string::<i32>().value(0), "a\0b");
    check(&vec![0; size(100_000, 20_000_000)]);
}

#[test]
fn quotes_that_are_never_closed() {
    let lines = size(50_000, 2_500_000);
    let mut source = "id,name,price\n".to_owned();
    for i in 0..lines {
        source += &format!("{i},{}name {i},{}.50\n", if i % 1000 == 7 { "\"" } else { "" }, i % 100);
    }
    check(source.as_bytes());
    // One that opens in the first record, and none that closes.
    let source = "1,\"open\n".to_owned() + &"2,closed\n".repeat(lines);
    let segment = check(source.as_bytes());
    assert_eq!((segment.rows(), types(&segment)), (lines as u64 + 1, vec!["int64".into(), "text".into()]));
}

#[test]
fn records_of_every_width() {
    let source: String = (0..2_000).map(|i| vec!["x"; i % 40].join(",") + "\n").collect();
    check(source.as_bytes());
}
