//! Columns: the door through which every case goes, and what a field means by another, slower reading.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is the test failing")]

mod corpus;
mod exact;
mod forms;
mod hostile;
mod inference;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
    },
    temporal_conversions::{date32_to_datetime, timestamp_ns_to_datetime, timestamp_us_to_datetime},
};
use at1_codec::{
    ColumnType, TimeUnit, Zone,
    column::{self, DateOrder, Encoded, Epoch, Inference, NullWords, Printed, Printer, Reading, Source, encode},
    text::Syntax,
};

const CSV: Syntax = Syntax::CSV;

/// Every type that a column can have, with scales that bind and scales that do not.
fn types() -> Vec<ColumnType> {
    let mut types = vec![
        ColumnType::Int64,
        ColumnType::Float64,
        ColumnType::Boolean,
        ColumnType::Date,
        ColumnType::Text,
        ColumnType::Binary,
    ];
    let decimals = [(18, 0), (18, 2), (18, 18), (38, 0), (38, 10), (38, 38)];
    types.extend(decimals.map(|(precision, scale)| ColumnType::Decimal { precision, scale }));
    for unit in [TimeUnit::Micros, TimeUnit::Nanos] {
        types.extend([Zone::Naive, Zone::Utc].map(|zone| ColumnType::Timestamp { unit, zone }));
    }
    types
}

/// Every way to read a column.
fn readings() -> Vec<Reading> {
    let epochs = [None, Some(Epoch::Seconds), Some(Epoch::Millis), Some(Epoch::Micros), Some(Epoch::Nanos)];
    let orders = [None, Some(DateOrder::Dmy), Some(DateOrder::Mdy)];
    let mut readings = Vec::new();
    for source in [Source::Inferred, Source::Pinned] {
        for epoch in epochs {
            readings.extend(orders.map(|order| Reading { epoch, order, source }));
        }
    }
    readings
}

type Part<'a> = (Syntax, &'a [Option<Vec<u8>>]);

fn encode_parts(ty: ColumnType, reading: Reading, parts: &[Part<'_>]) -> Encoded {
    let parts = parts.iter().map(|&(syntax, fields)| (syntax, fields.iter().map(|field| field.as_deref())));
    encode(ty, reading, &NullWords::default(), parts)
}

/// Encodes, prints in slices of every kind, and reads every value again by another way.
#[track_caller]
fn check_parts(ty: ColumnType, reading: Reading, parts: &[Part<'_>]) -> Encoded {
    let encoded = encode_parts(ty, reading, parts);
    assert_eq!(*encoded.array.data_type(), ty.arrow(), "type of the array");
    let rejects = column::rejects(&encoded.recovery).unwrap();
    assert_eq!(rejects.len() as u64, encoded.rejects, "count of rejects");
    check_printed(ty, &encoded, parts, 1000);
    if encoded.array.len() < 1000 {
        check_printed(ty, &encoded, parts, 1);
        check_printed(ty, &encoded, parts, 7);
        check_skipping(ty, &encoded, parts);
    }

    let mut row = 0;
    let mut seen = Inference::new(&NullWords::default());
    for &(syntax, fields) in parts {
        for field in fields {
            if let Some(raw) = field {
                seen.observe(raw, syntax);
                let is_reject = rejects.binary_search(&(row as u64)).is_ok();
                check_value(ty, reading, raw, syntax, &encoded.array, row, is_reject);
            } else {
                assert!(encoded.array.is_null(row), "row {row} has no field");
            }
            row += 1;
        }
    }
    assert_eq!(seen.misfits(ty, reading), encoded.rejects, "misfits as inferred, of {ty} read as {reading:?}");
    encoded
}

#[track_caller]
fn check_printed(ty: ColumnType, encoded: &Encoded, parts: &[Part<'_>], slice_rows: usize) {
    let mut printer = Printer::open(ty, &encoded.recovery).unwrap();
    let mut row = 0;
    for &(syntax, fields) in parts {
        for slice in fields.chunks(slice_rows.min(fields.len().max(1))) {
            let mut printed = Printed::default();
            printer.print(&encoded.array.slice(row, slice.len()), syntax, &mut printed).unwrap();
            check_fields(ty, encoded, &printed, slice, row);
            row += slice.len();
        }
    }
}

#[track_caller]
fn check_fields(ty: ColumnType, encoded: &Encoded, printed: &Printed, fields: &[Option<Vec<u8>>], row: usize) {
    assert_eq!(printed.ends().len(), fields.len());
    for (i, raw) in fields.iter().enumerate() {
        let Some(raw) = raw else { continue };
        let (found, raw) = (printed.field(i).escape_ascii(), raw.escape_ascii());
        assert_eq!(found.to_string(), raw.to_string(), "{ty} row {}, printed as {}", row + i, encoded.form);
    }
}

/// Prints every third row only.
#[track_caller]
fn check_skipping(ty: ColumnType, encoded: &Encoded, parts: &[Part<'_>]) {
    let mut printer = Printer::open(ty, &encoded.recovery).unwrap();
    let mut row = 0;
    for &(syntax, fields) in parts {
        for field in fields.chunks(1) {
            if row % 3 == 2 {
                let mut printed = Printed::default();
                printer.print(&encoded.array.slice(row, 1), syntax, &mut printed).unwrap();
                check_fields(ty, encoded, &printed, field, row);
            } else {
                printer.skip(1).unwrap();
            }
            row += 1;
        }
    }
    assert!(printer.skip(1).is_err(), "there are no more rows");
}

fn fields(raws: &[&str]) -> Vec<Option<Vec<u8>>> {
    raws.iter().map(|raw| Some(raw.as_bytes().to_vec())).collect()
}

/// The value of a raw field, and whether it is quoted, found quote by quote.
fn unquote(raw: &[u8], quote: Option<u8>) -> (Vec<u8>, bool) {
    let Some(quote) = quote.filter(|&quote| raw.len() >= 2 && raw[0] == quote) else { return (raw.to_vec(), false) };
    let mut value = Vec::new();
    let mut i = 1;
    while i < raw.len() {
        if raw[i] != quote {
            value.push(raw[i]);
            i += 1;
        } else if raw.get(i + 1) == Some(&quote) {
            value.push(quote);
            i += 2;
        } else if i + 1 == raw.len() {
            return (value, true);
        } else {
            return (raw.to_vec(), false);
        }
    }
    (raw.to_vec(), false)
}

/// Compares one value with what its text says.
#[track_caller]
fn check_value(
    ty: ColumnType,
    reading: Reading,
    raw: &[u8],
    syntax: Syntax,
    array: &ArrayRef,
    row: usize,
    is_reject: bool,
) {
    let (value, is_quoted) = unquote(raw, syntax.quote());
    let textual = matches!(ty, ColumnType::Text | ColumnType::Binary);
    let trimmed = String::from_utf8_lossy(&value).trim_start_matches(' ').to_owned();
    let is_null_word = if textual {
        value.is_empty() && !is_quoted
    } else {
        trimmed.is_empty() || NullWords::default().contains(trimmed.as_bytes())
    };
    assert_eq!(array.is_null(row), is_null_word || is_reject, "null of {} as {ty}", raw.escape_ascii());
    assert!(!(is_null_word && is_reject), "a null is no reject");
    if is_reject {
        return check_reject(ty, &value);
    }
    if is_null_word {
        return;
    }
    let context = format!("{} as {ty} read as {reading:?}", raw.escape_ascii());
    match ty {
        ColumnType::Text => assert_eq!(array.as_string::<i32>().value(row).as_bytes(), value, "{context}"),
        ColumnType::Binary => assert_eq!(array.as_binary::<i32>().value(row), value, "{context}"),
        ColumnType::Int64 => {
            let found = array.as_primitive::<Int64Type>().value(row);
            assert_eq!(trimmed.parse::<i64>(), Ok(found), "{context}");
        }
        ColumnType::Decimal { scale, .. } => {
            let found = array.as_primitive::<Decimal128Type>().value(row);
            assert_eq!(plain(&trimmed), scaled(found, i32::from(scale)), "{context}");
        }
        ColumnType::Float64 => {
            let found = array.as_primitive::<Float64Type>().value(row);
            let expected: f64 = trimmed.parse().unwrap();
            assert!(
                found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()),
                "{context}: {found}"
            );
        }
        ColumnType::Boolean => {
            let yes = ["true", "t", "yes", "y", "1"].contains(&&*trimmed.to_lowercase());
            let no = ["false", "f", "no", "n", "0"].contains(&&*trimmed.to_lowercase());
            assert!(yes || no, "{context}");
            assert_eq!(array.as_boolean().value(row), yes, "{context}");
        }
        ColumnType::Date => {
            let found = array.as_primitive::<Date32Type>().value(row);
            let found = date32_to_datetime(found).unwrap().format("%Y-%m-%d").to_string();
            check_date(&trimmed, &found, reading.order, &context);
        }
        ColumnType::Timestamp { unit, .. } => {
            let found = instant_of(array, row);
            match reading.epoch {
                None => check_timestamp(&trimmed, found, unit, reading.order, &context),
                Some(epoch) => {
                    let digits = match unit {
                        TimeUnit::Micros => 6,
                        TimeUnit::Nanos => 9,
                    };
                    let steps = match epoch {
                        Epoch::Seconds => 0,
                        Epoch::Millis => 3,
                        Epoch::Micros => 6,
                        Epoch::Nanos => 9,
                    };
                    assert_eq!(plain(&trimmed), scaled(i128::from(found), digits - steps), "{context}");
                }
            }
        }
    }
}

/// A value that the standard library would print as this very text is no reject.
#[track_caller]
fn check_reject(ty: ColumnType, value: &[u8]) {
    let text = String::from_utf8_lossy(value);
    let printed = match ty {
        ColumnType::Int64 => text.parse::<i64>().map(|n| n.to_string()).ok(),
        ColumnType::Decimal { scale: 0, precision: 38 } => {
            text.parse::<i128>().ok().filter(|n| n.unsigned_abs() < 10u128.pow(38)).map(|n| n.to_string())
        }
        ColumnType::Float64 => text.parse::<f64>().map(|x| format!("{x:?}")).ok(),
        ColumnType::Boolean => text.parse::<bool>().map(|b| b.to_string()).ok(),
        ColumnType::Text => std::str::from_utf8(value).map(str::to_owned).ok(),
        ColumnType::Binary => Some(text.to_string()),
        ColumnType::Decimal { .. } | ColumnType::Date | ColumnType::Timestamp { .. } => None,
    };
    assert_ne!(printed.as_deref(), Some(&*text), "{ty} rejects what it can hold");
}

fn instant_of(array: &ArrayRef, row: usize) -> i64 {
    match array.data_type() {
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().value(row)
        }
        _ => array.as_primitive::<TimestampNanosecondType>().value(row),
    }
}

/// A number without sign of plus and without zeros that mean nothing.
fn plain(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (int, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(int.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()), "{text} is a plain number");
    let (int, fraction) = (int.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if int.is_empty() && fraction.is_empty() { "0".to_owned() } else { format!("{sign}{int}.{fraction}") }
}

/// `value × 10^-scale`, in the same spelling.
fn scaled(value: i128, scale: i32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let mut digits = value.unsigned_abs().to_string();
    if scale < 0 {
        digits.extend(std::iter::repeat_n('0', scale.unsigned_abs() as usize));
    }
    let scale = scale.max(0) as usize;
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (int, fraction) = digits.split_at(digits.len() - scale);
    plain(&format!("{sign}{int}.{fraction}"))
}

/// Compares `YYYY-MM-DD` with a date in any order.
#[track_caller]
fn check_date(text: &str, found: &str, order: Option<DateOrder>, context: &str) {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let [a, b, c] = parts[..] else { panic!("{context} has three parts") };
    let spelled = |year: &str, month: &str, day: &str| format!("{year}-{month:0>2}-{day:0>2}");
    if a.len() == 4 {
        return assert_eq!(spelled(a, b, c), found, "{context}");
    }
    let (dmy, mdy) = (spelled(c, b, a), spelled(c, a, b));
    match order {
        Some(DateOrder::Dmy) => assert_eq!(dmy, found, "{context}"),
        Some(DateOrder::Mdy) => assert_eq!(mdy, found, "{context}"),
        None => {
            assert!(dmy == found || mdy == found, "{context}");
            let number = |text: &str| text.parse::<u8>().unwrap();
            assert!(number(a) > 12 || number(b) > 12 || number(a) == number(b), "{context} is not settled");
        }
    }
}

#[track_caller]
fn check_timestamp(text: &str, found: i64, unit: TimeUnit, order: Option<DateOrder>, context: &str) {
    let split = text.find(['T', ' ']).unwrap();
    let (date, rest) = text.split_at(split);
    let rest = rest[1..].trim_start_matches(' ');
    let zone = rest.find(|c: char| !c.is_ascii_digit() && !":.,".contains(c)).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    let ahead = offset(zone.trim_start_matches(' ')) * 60;
    let found = match unit {
        TimeUnit::Micros => timestamp_us_to_datetime(found + ahead * 1_000_000).unwrap(),
        // Near the ends of the range the offset would leave it.
        TimeUnit::Nanos if found.checked_add(ahead * 1_000_000_000).is_none() => return,
        TimeUnit::Nanos => timestamp_ns_to_datetime(found + ahead * 1_000_000_000).unwrap(),
    };
    check_date(date, &found.format("%Y-%m-%d").to_string(), order, context);

    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let clock = if clock.matches(':').count() == 1 { format!("{clock}:00") } else { clock.to_owned() };
    let expected = format!("{clock:0>8}.{fraction:0<9}");
    assert_eq!(expected, found.format("%H:%M:%S.%9f").to_string(), "{context}");
}

fn offset(zone: &str) -> i64 {
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let number = |range| digits.get(range).map_or(0, |digits: &str| digits.parse::<i64>().unwrap());
    let minutes = number(0..2) * 60 + number(2..4);
    if zone.starts_with('-') { -minutes } else { minutes }
}
