//! Fields of a column are printed as they were, whatever type they are read as; the first bytes choose type and quote.
#![no_main]

use at1_codec::{column::{self, NullWords, Pin, Printed, Printer}, text::Syntax};
use libfuzzer_sys::fuzz_target;

const PINS: [&str; 18] = [
    "int64",
    "decimal(18,0)",
    "decimal(18,2)",
    "decimal(38,5)",
    "decimal(38,38)",
    "double",
    "boolean",
    "date",
    "date_dmy",
    "date_mdy",
    "timestamp",
    "timestamptz",
    "timestamp_ns",
    "timestamptz_ns",
    "epoch_s",
    "epoch_ns",
    "text",
    "binary",
];

fuzz_target!(|bytes: &[u8]| {
    let [ty, quote, rest @ ..] = bytes else { return };
    let pin: Pin = PINS[usize::from(*ty) % PINS.len()].parse().expect("a pin");
    let syntax = Syntax::Delimited { delimiter: b',', quote: [Some(b'"'), None][usize::from(quote & 1)] };
    let fields: Vec<&[u8]> = rest.split(|b| *b == b'\n').collect();
    let parts = [(syntax, fields.iter().map(|field| Some(*field)))];
    let encoded = column::encode(pin.ty, pin.reading, &NullWords::default(), parts);
    let mut printed = Printed::default();
    let mut printer = Printer::open(pin.ty, &encoded.recovery).expect("what was just written is read");
    printer.print(&encoded.array, syntax, &mut printed).expect("and printed");
    for (row, field) in fields.iter().enumerate() {
        assert_eq!(
            printed.field(row).escape_ascii().to_string(),
            field.escape_ascii().to_string(),
            "{} row {row}",
            pin.ty
        );
    }
    assert_eq!(column::rejects(&encoded.recovery).expect("the rejects").len() as u64, encoded.rejects);
});
