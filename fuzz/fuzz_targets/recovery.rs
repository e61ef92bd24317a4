//! Recovery bytes of any content give an error or fields, never a panic; the first bytes choose type and number of rows.
#![no_main]

use at1_codec::{column::{self, NullWords, Pin, Printed, Printer}, text::Syntax};
use libfuzzer_sys::fuzz_target;

/// Each type, and a field that it holds.
const PINS: [(&str, &[u8]); 10] = [
    ("int64", b"-17"),
    ("decimal(18,2)", b"1.50"),
    ("decimal(38,5)", b"12345678901234567890.5"),
    ("double", b"1.5e-7"),
    ("boolean", b"true"),
    ("date", b"0001-02-03"),
    ("timestamp", b"2024-02-29T12:00:00.5"),
    ("timestamptz_ns", b"1969-12-31T23:59:59.999999999Z"),
    ("text", b"a \"text\", with a comma"),
    ("binary", b"\xff\"\n"),
];

fuzz_target!(|bytes: &[u8]| {
    let [ty, rows, recovery @ ..] = bytes else { return };
    let (pin, field) = PINS[usize::from(*ty) % PINS.len()];
    let pin: Pin = pin.parse().expect("a pin");
    let syntax = Syntax::Delimited { delimiter: b',', quote: [Some(b'"'), None][usize::from(rows & 1)] };
    // Every fourth row is null.
    let fields = (0..usize::from(rows >> 1)).map(|row| if row % 4 == 3 { None } else { Some(field) });
    let array = column::encode(pin.ty, pin.reading, &NullWords::default(), [(syntax, fields)]).array;
    let _ = column::rejects(recovery);
    let Ok(mut printer) = Printer::open(pin.ty, recovery) else { return };
    let mut printed = Printed::default();
    for start in (0..array.len()).step_by(7) {
        let slice = array.slice(start, (array.len() - start).min(7));
        if printer.print(&slice, syntax, &mut printed).is_err() {
            return;
        }
    }
    assert_eq!(printed.ends().len(), array.len());
});
