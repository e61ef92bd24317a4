//! The styles that programs write: found, named, and printed without patches.

use at1_codec::column::{Encoded, Pin};

use super::{CSV, check_parts};

/// Encodes fields over and over, as the pin says.
#[track_caller]
fn encoded(pin: &str, fields: &[String]) -> Encoded {
    let pin: Pin = pin.parse().unwrap();
    let fields: Vec<_> = fields.iter().map(|field| Some(field.clone().into_bytes())).collect();
    check_parts(pin.ty, pin.reading, &[(CSV, &fields)])
}

/// Fields separated by `|` have this form and need no patches.
#[track_caller]
fn check(pin: &str, fields: &str, form: &str) {
    let fields: Vec<_> = fields.split('|').map(str::to_owned).collect();
    let encoded = encoded(pin, &fields);
    assert_eq!(encoded.form, form, "{fields:?}");
    assert_eq!((encoded.patches, encoded.rejects), (0, 0), "{fields:?} printed as {form}");
}

#[test]
fn integers() {
    check("int64", "1|-22|333|0", "integer");
    check("int64", "+1|-22|+333|+0", "integer, plus sign");
    check("int64", "0001|0022|-0333|0000|12345", "integer, zero-padded width 4");
    check("int64", "   1|  22| 333|-999", "integer, 4 wide");
    check("int64", " 1| 22| -333", "integer, after 1 blanks");
    check("int64", "\"1\"|\"2\"", "integer, quoted");
    check("int64", "1|NA|2", "integer, null is NA");
    check("int64", "1|\\N|2", "integer, null is \\\\N");
    check("int64", "1|NA|2|", "integer, null spelled per row");
    check("int64", "\"1\"|2|\"3\"|4", "integer, quoted per row");
    check("int64", "\"1\"|NA|\"2\"", "integer, quoted, null is NA");
    check("int64", "||", "integer");
}

#[test]
fn decimals() {
    check("decimal(18,2)", "1.50|2.00|-3.25", "decimal, 2 digits");
    check("decimal(18,2)", "1.5|2.0|-3.25", "decimal, at least 1 digits");
    check("decimal(18,2)", "1.5|2|-3.25", "decimal, at least 0 digits");
    check("decimal(18,2)", "1.500|2.000", "decimal, 3 digits");
    check("decimal(18,2)", "1.50|2.0|3", "decimal, digits per row");
    check("decimal(18,2)", ".50|-.25|1.00", "decimal, 2 digits, no zero before the point");
    check("decimal(18,2)", "5.|-3.|1.5", "decimal, at least 0 digits, point at the end");
    check("decimal(18,2)", "007.50|012.25", "decimal, 2 digits, zero-padded width 3");
    check("decimal(18,2)", "  7.50|-12.25", "decimal, 2 digits, 6 wide");
    check("decimal(18,2)", "", "decimal, 2 digits");
    check("decimal(38,0)", "99999999999999999999999999999999999999|-1", "decimal, 0 digits");
}

#[test]
fn doubles() {
    let thresholds = "exponent below 1e-4 and from 1e16";
    check(
        "double",
        "0.1|1.5e-05|1e+16|3.0|nan|-inf",
        &format!("float, shortest, at least 1 after the point, {thresholds}"),
    );
    check("double", "0.1|3|2.25", &format!("float, shortest, {thresholds}"));
    check("double", "0.000001|1e-7|100000000000000000000|1e+21", "float, shortest, exponent below 1e-6 and from 1e21");
    let java = "float, shortest, at least 1 after the point, exponent below 1e-3 and from 1e7";
    check("double", "0.001|1.0E-4|1234567.0|1.0E7|NaN|Infinity|-Infinity", java);
    let rust = "float, shortest, at least 1 after the point, exponent below 1e-5 and from 1e16";
    check("double", "0.00001|1e-6|1.0|1e16", rust);
    check("double", "0.00012|1e-05|123456|1e+06|1.5", "float, shortest, exponent below 1e-4 and from 1e6");
    check(
        "double",
        "1e+05|123456|0.00015|1e-04|1.5e-05|120000|NA",
        "float, shortest, exponent where that is narrower, null is NA",
    );
    let g17 = "float, 17 significant digits, exponent below 1e-4 and from 1e16";
    check("double", "0.10000000000000001|0.20000000000000001|0.5|2|3.1400000000000001", g17);
    check(
        "double",
        "1.500e+01|-2.250e-03|0.000e+00|1.000e+100",
        "float, shortest, always with exponent, at least 3 after the point",
    );
    check("double", "1.50|NaN|2.00|13.25", &format!("float, shortest, at least 2 after the point, {thresholds}"));
    check("double", "1.50|NaN|2.0|13.250", &format!("float, shortest, digits per row, {thresholds}"));
}

#[test]
fn booleans() {
    check("boolean", "true|false|", "boolean, true or false");
    check("boolean", "TRUE|FALSE", "boolean, TRUE or FALSE");
    check("boolean", "t|f|t", "boolean, t or f");
    check("boolean", "1|0|1", "boolean, 1 or 0");
    check("boolean", "Yes|No", "boolean, Yes or No");
    check("boolean", "Y|N", "boolean, Y or N");
}

#[test]
fn dates() {
    check("date", "2024-01-31|1999-12-01", "date, YYYY-MM-DD");
    check("date", "2024/1/31|1999/12/1", "date, YYYY/M/D");
    check("date_mdy", "1/31/2024|12/1/1999", "date, M/D/YYYY");
    check("date_dmy", "31/01/2024|01/12/1999", "date, DD/MM/YYYY");
    check("date_dmy", "31.1.2024|01.12.1999", "date, DD.M.YYYY");
    check("date", "31-12-2024|13-01-1999", "date, DD-MM-YYYY");
    check("date", "12/31/2024|01/13/1999", "date, MM/DD/YYYY");
}

#[test]
fn timestamps() {
    check("timestamp", "2024-01-31T10:00:00|1999-12-01T09:00:01", "timestamp, YYYY-MM-DDTHH:MM:SS");
    check("timestamp", "2024-01-31 9:00|1999-12-01 10:30", "timestamp, YYYY-MM-DD H:MM");
    check("timestamp", "2024-01-31 09:00:00.100|1999-12-01 10:30:00.000", "timestamp, YYYY-MM-DD HH:MM:SS.fff");
    check("timestamp", "2024-01-31 09:00:00,1|1999-12-01 10:30:00,25", "timestamp, YYYY-MM-DD HH:MM:SS,f");
    check("timestamp", "2024-01-31T09:00:00|1999-12-01T10:30:00.250000", "timestamp, YYYY-MM-DDTHH:MM:SS[.ffffff]");
    let groups = "2024-01-31T09:00:00|1999-12-01T10:30:00.250|1999-12-01T10:30:00.250100|1999-12-01T10:30:00.000000001";
    check("timestamp_ns", groups, "timestamp, YYYY-MM-DDTHH:MM:SS[.fff[fff[fff]]]");
    check(
        "timestamp",
        "2024-01-31T09:00:00|1999-12-01T10:30:00.25|1999-12-01T10:30:00.2500",
        "timestamp, YYYY-MM-DDTHH:MM:SS.f per row",
    );
    check("timestamp", "2024-01-31T09:00|1999-12-01T10:30:15", "timestamp, YYYY-MM-DDTHH:MM[:SS]");
    check("timestamptz", "2024-01-31T09:00:00Z", "timestamp, YYYY-MM-DDTHH:MM:SSZ");
    check("timestamptz", "2024-01-31T01:00:00+02:00|2024-01-31T23:00:00+02:00", "timestamp, YYYY-MM-DDTHH:MM:SS+02:00");
    check("timestamptz", "2024-01-31 01:00:00 UTC", "timestamp, YYYY-MM-DD HH:MM:SS UTC");
    check(
        "timestamptz",
        "2024-01-31T01:00:00-0530|2024-07-31T01:00:00-0430|2024-07-31T01:00:00Z",
        "timestamp, YYYY-MM-DDTHH:MM:SS, zone per row",
    );
    check("timestamp_mdy", "1/31/2024  9:00|12/1/1999  10:30", "timestamp, M/D/YYYY  H:MM");
    check("timestamp_ns", "2262-04-11T23:47:16.854775807", "timestamp, YYYY-MM-DDTHH:MM:SS.fffffffff");
}

#[test]
fn epochs() {
    check("epoch_s", "1700000000|-1|0", "decimal, at least 0 digits");
    check("epoch_s", "1700000000.123456|1700000001.500000", "decimal, 6 digits");
    check("epoch_s", "1700000000.1|1700000001.5", "decimal, at least 1 digits");
    check("epoch_ms", "1700000000123|-1|0", "decimal, at least 0 digits");
    check("epoch_us", "1700000000123456", "decimal, 0 digits");
    check("epoch_ns", "1700000000123456789", "decimal, 0 digits");
}

#[test]
fn texts() {
    check("text", "abc|a b|", "text");
    check("text", "abc|\"a,b\"|\"say \"\"hi\"\"\"|\"two\nlines\"", "text");
    check("text", "\"abc\"|\"\"|", "text, quoted");
    check("text", "abc|\"abc\"|\"\"|", "text, quoted per row");
    check("text", "5\" disk|6\" disk", "text, never quoted");
    check("binary", "abc|", "text");
}

/// A long column that looks like this nearly everywhere has no patch but for the few that differ.
#[track_caller]
fn check_long(pin: &str, field: impl Fn(u64) -> String, odd: &str, form: &str, bytes_per_row: f64) {
    let rows = 20_000u64;
    let fields: Vec<_> = (0..rows).map(|i| if i % 4_000 == 3_999 { odd.to_owned() } else { field(i) }).collect();
    let encoded = encoded(pin, &fields);
    assert_eq!(encoded.form, form);
    assert!(encoded.patches <= 5, "{} patches", encoded.patches);
    let size = encoded.recovery.len() as f64 / rows as f64;
    assert!(size <= bytes_per_row, "{size} bytes per row");
}

#[test]
fn long_columns() {
    let digit = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    check_long("int64", |i| digit(i).to_string(), "oops", "integer", 0.01);
    check_long("decimal(18,2)", |i| format!("{}.{:02}", digit(i), i % 100), "1.5", "decimal, 2 digits", 0.01);
    check_long("decimal(18,4)", |i| format!("{:.*}", (i % 3) as usize, 2.5), "x", "decimal, digits per row", 1.01);
    let float = "float, shortest, at least 1 after the point, exponent below 1e-4 and from 1e16";
    check_long("double", |i| format!("{:?}", (digit(i) as f64).sqrt() / 1e5), "-nan", float, 0.01);
    let stamp = |i: u64| format!("2024-01-31T{:02}:{:02}:{:02}.{:03}Z", i % 24, i % 60, i % 59, i % 1000);
    check_long("timestamptz", stamp, "never", "timestamp, YYYY-MM-DDTHH:MM:SS.fffZ", 0.01);
    let summer = |i: u64| format!("2024-01-31T00:00:00+{:02}:00", 1 + i / 10_000);
    check_long("timestamptz", summer, "never", "timestamp, YYYY-MM-DDTHH:MM:SS, zone per row", 1.01);
    check_long("text", |i| if i % 3 == 0 { "\"a,b\"".into() } else { "ab".into() }, "\"ab\"", "text", 0.01);
    check_long("text", |i| if i % 3 == 0 { "\"a\"".into() } else { "ab".into() }, "a,b", "text, quoted per row", 0.13);
    check_long("int64", |i| if i % 3 == 0 { "NA".into() } else { i.to_string() }, "", "integer, null is NA", 0.01);
    let nulls = |i| {
        if i % 3 == 0 {
            "NA".into()
        } else if i % 7 == 0 {
            String::new()
        } else {
            format!("{i}")
        }
    };
    check_long("int64", nulls, "x", "integer, null spelled per row", 1.01);
}

#[test]
fn a_form_found_in_one_part_serves_the_others() {
    // What the sample never sees is patched, and comes back all the same.
    let fields: Vec<_> = (0..20_000).map(|i| if i > 19_990 { format!("{i}.5") } else { format!("{i}") }).collect();
    let encoded = encoded("double", &fields);
    assert_eq!(encoded.rejects, 0);
}
