//! Printing dates and timestamps.
//!
//! * Any value prints something: what no text could have said (a year before 0 or past 9999) prints as it comes.

use super::{
    digits::{Digits, put_two, put_zeros},
    form::{ClockStyle, DateStyle, Flag, Parts, SecondFraction, Seconds},
    time::{self, Gap, SECONDS_PER_DAY, civil_from_days},
};
use crate::{TimeUnit, column::pin::DateOrder};

/// A point in time as a clock of some zone shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    days: i64,
    second_of_day: i64,
    nanos: u32,
}

impl Instant {
    /// What a clock shows that is `offset_minutes` ahead of UTC.
    pub(crate) fn of(value: i64, unit: TimeUnit, offset_minutes: i16) -> Self {
        let (per_second, nanos_per_unit) = match unit {
            TimeUnit::Micros => (1_000_000, 1000),
            TimeUnit::Nanos => (1_000_000_000, 1),
        };
        let seconds = value.div_euclid(per_second) + i64::from(offset_minutes) * 60;
        let nanos = value.rem_euclid(per_second) * nanos_per_unit;
        Self {
            days: seconds.div_euclid(SECONDS_PER_DAY),
            second_of_day: seconds.rem_euclid(SECONDS_PER_DAY),
            nanos: u32::try_from(nanos).expect("less than a second"),
        }
    }
}

impl ClockStyle {
    /// What may stand at the end, with what it is ahead of UTC.
    pub(crate) fn zone_offsets(&self) -> Vec<(&[u8], i16)> {
        self.zones.iter().map(|suffix| (&**suffix, time::offset_minutes(suffix).unwrap_or(0))).collect()
    }
}

fn put_short(out: &mut Vec<u8>, value: u8, padded: Flag) {
    if padded == Flag::Yes || value >= 10 {
        put_two(out, value);
    } else {
        out.push(b'0' + value);
    }
}

fn put_year(out: &mut Vec<u8>, year: i64) {
    if year < 0 {
        out.push(b'-');
    }
    let digits = Digits::of(u128::from(year.unsigned_abs()));
    put_zeros(out, 4usize.saturating_sub(digits.as_bytes().len()));
    out.extend_from_slice(digits.as_bytes());
}

/// Prints a day since 1970-01-01.
pub(crate) fn put_date(out: &mut Vec<u8>, days: i64, style: &DateStyle) {
    let (year, month, day) = civil_from_days(days);
    match style.parts {
        Parts::Ymd => {
            put_year(out, year);
            out.push(style.separator);
            put_short(out, month, style.month_padded);
            out.push(style.separator);
            put_short(out, day, style.day_padded);
        }
        Parts::YearLast(order) => {
            let month = (month, style.month_padded);
            let day = (day, style.day_padded);
            let (first, second) = if order == DateOrder::Dmy { (day, month) } else { (month, day) };
            put_short(out, first.0, first.1);
            out.push(style.separator);
            put_short(out, second.0, second.1);
            out.push(style.separator);
            put_year(out, year);
        }
    }
}

/// Prints a timestamp up to its zone; `digits_of_row` are what its fraction has at least if each row says.
pub(crate) fn put_timestamp(
    out: &mut Vec<u8>,
    instant: Instant,
    date: &DateStyle,
    clock: &ClockStyle,
    digits_of_row: u8,
) {
    put_date(out, instant.days, date);
    match clock.gap {
        Gap::T => out.push(b'T'),
        Gap::Blanks(count) => out.resize(out.len() + usize::from(count), b' '),
    }
    let (minutes, second) = (instant.second_of_day / 60, instant.second_of_day % 60);
    put_short(out, small(minutes / 60), clock.hour_padded);
    out.push(b':');
    put_two(out, small(minutes % 60));
    let written = match clock.seconds {
        Seconds::Always => true,
        Seconds::Never => false,
        Seconds::UnlessZero => second != 0 || instant.nanos != 0,
    };
    if !written {
        return;
    }
    out.push(b':');
    put_two(out, small(second));
    put_fraction(out, instant.nanos, clock, digits_of_row);
}

fn put_fraction(out: &mut Vec<u8>, nanos: u32, clock: &ClockStyle, digits_of_row: u8) {
    let mut digits = [b'0'; 9];
    let mut rest = nanos;
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    let needed = digits.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    let written = match clock.fraction {
        SecondFraction::AtLeast(least) => needed.max(usize::from(least)),
        SecondFraction::UnlessZero(_) if nanos == 0 => 0,
        SecondFraction::UnlessZero(least) => needed.max(usize::from(least)),
        SecondFraction::Groups => needed.next_multiple_of(3),
        SecondFraction::PerRow => needed.max(usize::from(digits_of_row.min(9))),
    };
    if written > 0 {
        out.push(clock.mark);
        out.extend_from_slice(&digits[..written]);
    }
}

/// An hour, minute or second, which fits by construction.
fn small(value: i64) -> u8 {
    value.to_le_bytes()[0]
}
