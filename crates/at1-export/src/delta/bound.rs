//! One bound of a column's values as a Delta log writes it: JSON that every reader takes for a bound too.
//!
//! * A lower bound is never above the values, an upper one never below, also after a reader has made a double or a millisecond of it.
//!   So numbers of more digits than a double keeps are rounded outwards.
//! * What JSON has no word for has no bound: infinities, times beyond the years 1 to 9999.

use arrow::{
    array::{Array, AsArray},
    datatypes::{Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use at1_codec::{ColumnType, TimeUnit, Zone};
use serde_json::Value;

/// Integers up to here are the same when a reader makes doubles of them.
const EXACT_INT_MAX: u64 = 1 << 53;
/// Decimals of so many digits come back from a double unchanged; those of more are rounded to them.
const EXACT_DIGITS_MAX: u32 = 15;
/// Delta writers cut text to this many characters.
const TEXT_CHARS_MAX: usize = 32;

/// Which end of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Lower,
    Upper,
}

/// The JSON of a bound, if there is one that all readers understand. `bounds` is of the type's Arrow type.
pub(super) fn json(bounds: &dyn Array, at: usize, ty: ColumnType, side: Side) -> Option<String> {
    if bounds.is_null(at) {
        return None;
    }
    match ty {
        ColumnType::Int64 => Some(integer(bounds.as_primitive::<Int64Type>().value(at), side)),
        ColumnType::Decimal { precision, scale } => {
            Some(decimal(bounds.as_primitive::<Decimal128Type>().value(at), precision, scale, side))
        }
        ColumnType::Float64 => double(bounds.as_primitive::<Float64Type>().value(at), side),
        ColumnType::Boolean => Some(bounds.as_boolean().value(at).to_string()),
        ColumnType::Date => day(bounds.as_primitive::<Date32Type>().value(at)).map(|text| quoted(&text)),
        ColumnType::Timestamp { unit: TimeUnit::Micros, zone } => {
            instant(bounds.as_primitive::<TimestampMicrosecondType>().value(at), zone, side).map(|text| quoted(&text))
        }
        ColumnType::Text => {
            let text = bounds.as_string::<i32>().value(at);
            Some(match side {
                Side::Lower => quoted(cut(text)),
                Side::Upper => quoted(&raised(text)),
            })
        }
        ColumnType::Timestamp { unit: TimeUnit::Nanos, .. } | ColumnType::Binary => None,
    }
}

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn integer(value: i64, side: Side) -> String {
    if value.unsigned_abs() <= EXACT_INT_MAX {
        return value.to_string();
    }
    // The next integer on that side that is a double: those of this size are all integers.
    let near = value as f64;
    let bound = match side {
        Side::Lower if near as i128 > i128::from(value) => near.next_down(),
        Side::Upper if (near as i128) < i128::from(value) => near.next_up(),
        _ => near,
    };
    // Beyond the largest integer there is but a double that no reader of integers takes.
    (bound as i128).min(i128::from(i64::MAX)).to_string()
}

fn decimal(unscaled: i128, precision: u8, scale: u8, side: Side) -> String {
    let length = unscaled.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
    let unscaled = match length.checked_sub(EXACT_DIGITS_MAX) {
        None | Some(0) => unscaled,
        Some(more) => {
            // One unit further than the rounding needs, for the double nearest to so many digits may lie on either side of them.
            let unit = 10_i128.pow(more);
            let most = 10_i128.checked_pow(u32::from(precision)).map_or(i128::MAX, |power| power - 1);
            let whole = unscaled.div_euclid(unit);
            let whole = if side == Side::Lower { whole - 1 } else { whole + 2 };
            whole.saturating_mul(unit).clamp(-most, most)
        }
    };
    let sign = if unscaled < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

fn double(value: f64, side: Side) -> Option<String> {
    // JSON has no infinity; and readers differ on whether the two zeros are equal.
    let value = match side {
        _ if !value.is_finite() => return None,
        Side::Lower if value == 0.0 => -0.0,
        Side::Upper if value == 0.0 => 0.0,
        _ => value,
    };
    Some(format!("{value:?}"))
}

fn day(days: i32) -> Option<String> {
    let day = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    (day.year() > 0).then(|| format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()))
}

/// Milliseconds are all that readers keep.
fn instant(micros: i64, zone: Zone, side: Side) -> Option<String> {
    let millis = match side {
        Side::Lower => micros.div_euclid(1000),
        Side::Upper => micros.checked_add(999)?.div_euclid(1000),
    };
    let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(millis).ok()?);
    let end = if zone == Zone::Utc { "Z" } else { "" };
    (at.year() > 0).then(|| {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{end}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    })
}

/// The start of a text: a lower bound of it.
fn cut(text: &str) -> &str {
    text.char_indices().nth(TEXT_CHARS_MAX).map_or(text, |(at, _)| &text[..at])
}

/// An upper bound of a text: its start, raised. The start goes on until there is a character that another follows.
fn raised(text: &str) -> String {
    let low = text.char_indices().find(|(_, c)| *c != char::MAX).map_or(text.len(), |(at, c)| at + c.len_utf8());
    let mut start = text[..low.max(cut(text).len())].to_owned();
    if start.len() == text.len() {
        return start;
    }
    while let Some(last) = start.pop() {
        // The code points of surrogates are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            start.push(next);
            return start;
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_rounded_outwards() {
        for (value, lower, upper) in [
            (-7, "-7", "-7"),
            (1 << 53, "9007199254740992", "9007199254740992"),
            ((1 << 53) + 1, "9007199254740992", "9007199254740994"),
            (-(1 << 53) - 1, "-9007199254740994", "-9007199254740992"),
            (i64::MIN, "-9223372036854775808", "-9223372036854775808"),
            (i64::MAX, "9223372036854774784", "9223372036854775807"),
        ] {
            assert_eq!(
                (integer(value, Side::Lower), integer(value, Side::Upper)),
                (lower.into(), upper.into()),
                "{value}"
            );
        }
        for (unscaled, precision, scale, lower, upper) in [
            (-150, 18, 2, "-1.50", "-1.50"),
            (7, 18, 2, "0.07", "0.07"),
            (-7, 18, 0, "-7", "-7"),
            (0, 18, 3, "0.000", "0.000"),
            (999_999_999_999_999, 18, 2, "9999999999999.99", "9999999999999.99"),
            (1_234_567_890_123_456, 18, 2, "12345678901234.40", "12345678901234.70"),
            (-1_234_567_890_123_456, 18, 2, "-12345678901234.70", "-12345678901234.40"),
            (999_999_999_999_999_999, 18, 0, "999999999999998000", "999999999999999999"),
            (10_i128.pow(38) - 1, 38, 38, "0.99999999999999800000000000000000000000", &format!("0.{}", "9".repeat(38))),
        ] {
            let found =
                (decimal(unscaled, precision, scale, Side::Lower), decimal(unscaled, precision, scale, Side::Upper));
            assert_eq!(found, (lower.into(), upper.into()), "{unscaled}");
        }
        for (value, side, expected) in [
            (1.5, Side::Lower, Some("1.5")),
            (1e300, Side::Upper, Some("1e300")),
            (0.0, Side::Lower, Some("-0.0")),
            (-0.0, Side::Upper, Some("0.0")),
            (f64::INFINITY, Side::Upper, None),
            (f64::NEG_INFINITY, Side::Lower, None),
            (f64::NAN, Side::Lower, None),
        ] {
            assert_eq!(double(value, side).as_deref(), expected, "{value} {side:?}");
        }
    }

    #[test]
    fn times_are_rounded_outwards() {
        for (micros, lower, upper) in [
            (0, "1970-01-01T00:00:00.000", "1970-01-01T00:00:00.000"),
            (1, "1970-01-01T00:00:00.000", "1970-01-01T00:00:00.001"),
            (-1, "1969-12-31T23:59:59.999", "1970-01-01T00:00:00.000"),
            (-1_000, "1969-12-31T23:59:59.999", "1969-12-31T23:59:59.999"),
            (253_402_207_200_000_000, "9999-12-30T22:00:00.000", "9999-12-30T22:00:00.000"),
        ] {
            assert_eq!(instant(micros, Zone::Naive, Side::Lower).as_deref(), Some(lower), "{micros}");
            assert_eq!(instant(micros, Zone::Naive, Side::Upper).as_deref(), Some(upper), "{micros}");
            assert_eq!(instant(micros, Zone::Utc, Side::Upper), Some(format!("{upper}Z")), "{micros}");
        }
        assert_eq!(instant(i64::MAX, Zone::Utc, Side::Upper), None, "no such time");
        assert_eq!(day(-1).as_deref(), Some("1969-12-31"));
        assert_eq!(day(-719_162).as_deref(), Some("0001-01-01"));
        assert_eq!(day(-719_163), None, "before year 1");
        assert_eq!(day(i32::MAX), None, "no such day");
    }

    #[test]
    fn text_is_cut_between_characters() {
        let long = |c: char, n| std::iter::repeat_n(c, n).collect::<String>();
        for (text, lower, upper) in [
            (String::new(), String::new(), String::new()),
            (long('ü', 32), long('ü', 32), long('ü', 32)),
            (long('a', 33), long('a', 32), long('a', 31) + "b"),
            (long('\u{d7ff}', 40), long('\u{d7ff}', 32), long('\u{d7ff}', 31) + "\u{e000}"),
            (long('a', 31) + "\u{10ffff}z", long('a', 31) + "\u{10ffff}", long('a', 30) + "b"),
            (long(char::MAX, 40) + "az", long(char::MAX, 32), long(char::MAX, 40) + "b"),
            (long(char::MAX, 40), long(char::MAX, 32), long(char::MAX, 40)),
        ] {
            assert_eq!(cut(&text), lower, "{text}");
            assert_eq!(raised(&text), upper, "{text}");
            assert!(cut(&text) <= text.as_str() && raised(&text) >= text, "{text}");
        }
    }
}
