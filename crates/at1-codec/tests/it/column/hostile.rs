//! Recovery bytes that are not what was written: an error or other text, never a panic.

use at1_codec::{
    ColumnType, ErrorKind,
    column::{self, Encoded, Pin, Printed, Printer},
};
use proptest::prelude::*;

use super::{CSV, encode_parts, fields, types};

fn samples() -> Vec<(ColumnType, Encoded)> {
    let columns = [
        ("int64", "1|NA||\"7\"|x|007|\\N"),
        ("decimal(18,2)", "1.5|2.00|3|x|-.25"),
        ("double", "1.5|2.00|1e-7|nan|x|0.10000000000000001"),
        ("boolean", "true|F|x"),
        ("date_dmy", "31/12/2024|1/2/2024|2024-01-01"),
        ("timestamptz", "2024-01-01T00:00:00.5Z|2024-01-01T00:00:00.25+02:00|2024-01-01T00:00:00Z|x"),
        ("timestamp_ns", "2024-01-01 00:00:00.123456789|2024-01-01 00:00"),
        ("epoch_ms", "1700000000000|1.5|x"),
        ("text", "abc|\"abc\"|\"\"||\"a"),
        ("binary", "abc|"),
    ];
    let encoded = |(pin, raws): (&str, &str)| {
        let pin: Pin = pin.parse().unwrap();
        let raws: Vec<_> = raws.split('|').collect();
        (pin.ty, encode_parts(pin.ty, pin.reading, &[(CSV, &fields(&raws))]))
    };
    columns.map(encoded).into()
}

/// Opens and prints whatever these bytes are; says whether it worked.
fn try_print(ty: ColumnType, encoded: &Encoded, recovery: &[u8]) -> at1_codec::Result<()> {
    let _ = column::rejects(recovery);
    let mut printer = Printer::open(ty, recovery)?;
    let rows = encoded.array.len();
    printer.skip(1)?;
    printer.print(&encoded.array.slice(1, rows - 1), CSV, &mut Printed::default())
}

#[test]
fn cut_anywhere() {
    for (ty, encoded) in samples() {
        try_print(ty, &encoded, &encoded.recovery).unwrap();
        for len in 0..encoded.recovery.len() {
            let error = try_print(ty, &encoded, &encoded.recovery[..len]).expect_err("cut");
            assert!(matches!(error.kind(), ErrorKind::Corrupt { .. }), "{ty} cut at {len}: {error}");
        }
        let longer = [&encoded.recovery[..], &[0]].concat();
        assert!(try_print(ty, &encoded, &longer).is_err(), "{ty} with a byte too many");
    }
}

#[test]
fn every_byte_changed_to_every_other() {
    for (ty, encoded) in samples() {
        for at in 0..encoded.recovery.len() {
            for change in 1..=u8::MAX {
                let mut recovery = encoded.recovery.clone();
                recovery[at] ^= change;
                let _ = try_print(ty, &encoded, &recovery);
            }
        }
    }
}

#[test]
fn recovery_bytes_of_another_type() {
    let samples = samples();
    for (ty, encoded) in &samples {
        for other in types() {
            if other.arrow() == ty.arrow() {
                continue;
            }
            if let Ok(mut printer) = Printer::open(other, &encoded.recovery) {
                let error = printer.print(&encoded.array, CSV, &mut Printed::default()).expect_err("other type");
                assert!(matches!(error.kind(), ErrorKind::Invalid { .. }), "{error}");
            }
        }
    }
    let (_, text) = &samples[8];
    let error = Printer::open(ColumnType::Int64, &text.recovery).err().unwrap();
    assert_eq!(error.to_string(), "form: corrupt: expected a form for int64, found text, quoted per row");
}

#[test]
fn rows_that_are_not_there() {
    let (ty, encoded) = samples().remove(0);
    let mut printer = Printer::open(ty, &encoded.recovery).unwrap();
    assert_eq!(printer.rows(), 7);
    printer.skip(5).unwrap();
    let error = printer.print(&encoded.array, CSV, &mut Printed::default()).expect_err("too many");
    assert_eq!(error.to_string(), "recovery bytes: corrupt: expected 2 more rows, found 7");
    assert!(printer.skip(usize::MAX).is_err());
    printer.skip(2).unwrap();
    assert!(printer.skip(1).is_err());
}

#[test]
fn another_version_is_unsupported() {
    let (ty, mut encoded) = samples().remove(0);
    encoded.recovery[0] = 2;
    let error = Printer::open(ty, &encoded.recovery).err().unwrap();
    assert_eq!(error.to_string(), "recovery bytes: not readable here: expected version 1, found 2");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(mut recovery in prop::collection::vec(any::<u8>(), 0..80), ty in prop::sample::select(types())) {
        let (_, encoded) = samples().remove(0);
        if let Some(first) = recovery.first_mut() {
            *first = 1;
        }
        let _ = column::rejects(&recovery);
        let _ = try_print(ty, &encoded, &recovery);
    }
}
