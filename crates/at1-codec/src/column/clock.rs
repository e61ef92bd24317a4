//! Printing dates and timestamps.
//!
//! * Any value prints something: what no text could have said (a year before 0 or past 9999) prints as it comes.

use super::{
    digits::{Digits, put_two, put_zeros},
    form::{ClockStyle, DateStyle, Flag, Parts, SecondFraction, Seconds},
    time::{self, Gap, SECONDS_PER_DAY, civil_from_days},
    word::Word,
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
    #[inline]
    pub(crate) fn of(value: i64, unit: TimeUnit, offset_minutes: i16) -> Self {
        // By constants, which makes multiplications of the divisions.
        let (seconds, nanos) = match unit {
            TimeUnit::Micros => (value.div_euclid(1_000_000), value.rem_euclid(1_000_000) * 1000),
            TimeUnit::Nanos => (value.div_euclid(1_000_000_000), value.rem_euclid(1_000_000_000)),
        };
        let seconds = seconds + i64::from(offset_minutes) * 60;
        Self {
            days: seconds.div_euclid(SECONDS_PER_DAY),
            second_of_day: seconds.rem_euclid(SECONDS_PER_DAY),
            nanos: u32::try_from(nanos).expect("less than a second"),
        }
    }

    /// Its day since 1970-01-01.
    #[inline]
    pub(crate) fn days(self) -> i64 {
        self.days
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

/// The name of a month from 1 to 12.
fn month_name(month: u8) -> [u8; 3] {
    time::MONTHS[usize::from(month.saturating_sub(1)) % 12]
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
        Parts::MonthName => {
            put_short(out, day, style.day_padded);
            out.push(style.separator);
            out.extend_from_slice(&month_name(month));
            out.push(style.separator);
            put_year(out, year);
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

/// A date as [`put_date`] prints it, if its year has four digits.
#[inline]
pub(crate) fn date_word(days: i64, style: &DateStyle) -> Option<Word> {
    let (year, month, day) = civil_from_days(days);
    let year = Word::digits(u64::try_from(year).ok().filter(|&year| year < 10_000)?, 4)?;
    let separator = Word::of_byte(style.separator);
    let short = |value: u8, padded: Flag| {
        let skip = usize::from(padded == Flag::No && value < 10);
        Word::of_register(two(u64::from(value)) >> (8 * skip), 2 - skip)
    };
    let name = month_name(month).map(u64::from);
    let (month, day) = (short(month, style.month_padded), short(day, style.day_padded));
    match style.parts {
        Parts::Ymd => year.then(separator)?.then(month)?.then(separator)?.then(day),
        Parts::MonthName => {
            let month = Word::of_register(name[0] | name[1] << 8 | name[2] << 16, 3);
            day.then(separator)?.then(month)?.then(separator)?.then(year)
        }
        Parts::YearLast(DateOrder::Dmy) => day.then(separator)?.then(month)?.then(separator)?.then(year),
        Parts::YearLast(DateOrder::Mdy) => month.then(separator)?.then(day)?.then(separator)?.then(year),
    }
}

/// The two digits of a number below a hundred, the first one lowest.
#[inline]
fn two(value: u64) -> u64 {
    (u64::from(b'0') + value / 10) | (u64::from(b'0') + value % 10) << 8
}

/// Prints the day of a timestamp and what stands between it and the time.
pub(crate) fn put_day(out: &mut Vec<u8>, days: i64, date: &DateStyle, clock: &ClockStyle) {
    put_date(out, days, date);
    match clock.gap {
        Gap::T => out.push(b'T'),
        Gap::Colon => out.push(b':'),
        Gap::Blanks(count) => out.resize(out.len() + usize::from(count), b' '),
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
    put_day(out, instant.days, date, clock);
    let (minutes, second) = (instant.second_of_day / 60, instant.second_of_day % 60);
    put_short(out, small(minutes / 60), clock.hour_padded);
    out.push(b':');
    put_two(out, small(minutes % 60));
    if !has_seconds(instant, clock) {
        return;
    }
    out.push(b':');
    put_two(out, small(second));
    put_fraction(out, instant.nanos, clock, digits_of_row);
}

fn has_seconds(instant: Instant, clock: &ClockStyle) -> bool {
    match clock.seconds {
        Seconds::Always => true,
        Seconds::Never => false,
        Seconds::UnlessZero => instant.second_of_day % 60 != 0 || instant.nanos != 0,
    }
}

/// The time of day as [`put_timestamp`] prints it, which may be too long.
#[inline]
pub(crate) fn clock_word(instant: Instant, clock: &ClockStyle, digits_of_row: u8) -> Option<Word> {
    let second_of_day = instant.second_of_day.cast_unsigned();
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    let colon = u64::from(b':');
    let text = two(hour) | colon << 16 | two(minute) << 24 | colon << 40 | two(second) << 48;
    let skip = usize::from(clock.hour_padded == Flag::No && hour < 10);
    if !has_seconds(instant, clock) {
        return Some(Word::of_register(text >> (8 * skip), 5 - skip));
    }
    let time = Word::of_register(text >> (8 * skip), 8 - skip);
    if instant.nanos == 0 && matches!(clock.fraction, SecondFraction::AtLeast(0) | SecondFraction::UnlessZero(_)) {
        return Some(time);
    }
    let digits = Word::digits(u64::from(instant.nanos), 9)?;
    match fraction_digits(digits.len() - digits.zeros_at_end(), clock, digits_of_row) {
        0 => Some(time),
        written => time.then(Word::of_byte(clock.mark))?.then(digits.cut(written)),
    }
}

/// How many digits of a fraction of a second are written that has `needed` digits up to the last that is not 0.
fn fraction_digits(needed: usize, clock: &ClockStyle, digits_of_row: u8) -> usize {
    match clock.fraction {
        SecondFraction::AtLeast(least) => needed.max(usize::from(least)),
        SecondFraction::UnlessZero(_) if needed == 0 => 0,
        SecondFraction::UnlessZero(least) => needed.max(usize::from(least)),
        SecondFraction::Groups => needed.next_multiple_of(3),
        SecondFraction::PerRow => needed.max(usize::from(digits_of_row.min(9))),
    }
}

fn put_fraction(out: &mut Vec<u8>, nanos: u32, clock: &ClockStyle, digits_of_row: u8) {
    let mut digits = [b'0'; 9];
    let mut rest = nanos;
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    let needed = digits.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    let written = fraction_digits(needed, clock, digits_of_row);
    if written > 0 {
        out.push(clock.mark);
        out.extend_from_slice(&digits[..written]);
    }
}

/// An hour, minute or second, which fits by construction.
fn small(value: i64) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: [Flag; 2] = [Flag::No, Flag::Yes];

    fn dates() -> Vec<DateStyle> {
        let parts = [Parts::Ymd, Parts::YearLast(DateOrder::Dmy), Parts::YearLast(DateOrder::Mdy)];
        let mut styles = Vec::new();
        for (parts, separator) in parts.into_iter().flat_map(|parts| [(parts, b'-'), (parts, b'/')]) {
            for (month_padded, day_padded) in FLAGS.into_iter().flat_map(|m| FLAGS.map(|d| (m, d))) {
                styles.push(DateStyle { parts, separator, month_padded, day_padded });
            }
        }
        styles
    }

    fn text(word: Word) -> Vec<u8> {
        word.to_bytes()[..word.len()].to_vec()
    }

    #[test]
    fn date_words_are_what_the_slow_printer_prints() {
        for style in dates() {
            for days in (-800_000..3_000_000).step_by(1_237).chain(-400..800).chain([i64::from(i32::MIN), 2_932_896]) {
                let mut expected = Vec::new();
                put_date(&mut expected, days, &style);
                match date_word(days, &style) {
                    Some(word) => assert_eq!(text(word), expected),
                    None => assert!(!(-719_528..=2_932_896).contains(&days), "{days} is in the years 0 to 9999"),
                }
            }
        }
    }

    #[test]
    fn clock_words_are_what_the_slow_printer_prints() {
        let fractions = [
            SecondFraction::AtLeast(0),
            SecondFraction::AtLeast(3),
            SecondFraction::AtLeast(9),
            SecondFraction::UnlessZero(2),
            SecondFraction::Groups,
            SecondFraction::PerRow,
        ];
        let date = dates()[0];
        let instants =
            [0, 1, 59_999_999, 60_000_000, 3_600_000_000, 36_000_120_000, 86_399_999_999, 43_200_000_500, -1];
        for (fraction, hour_padded) in fractions.into_iter().flat_map(|fraction| FLAGS.map(|flag| (fraction, flag))) {
            for seconds in [Seconds::Always, Seconds::Never, Seconds::UnlessZero] {
                let zones = vec![Vec::new()];
                let (gap, mark, zones_per) = (Gap::T, b'.', crate::column::form::Per::Column);
                let clock = ClockStyle { gap, hour_padded, seconds, mark, fraction, zones, zones_per };
                for (value, digits) in instants.into_iter().flat_map(|value| [0, 4, 9, 200].map(|d| (value, d))) {
                    for unit in [TimeUnit::Micros, TimeUnit::Nanos] {
                        let instant = Instant::of(value, unit, 0);
                        let (mut day, mut expected) = (Vec::new(), Vec::new());
                        put_day(&mut day, instant.days(), &date, &clock);
                        put_timestamp(&mut expected, instant, &date, &clock, digits);
                        match clock_word(instant, &clock, digits) {
                            Some(word) => assert_eq!([day, text(word)].concat(), expected),
                            None => assert!(expected.len() - day.len() > 16),
                        }
                    }
                }
            }
        }
    }
}
