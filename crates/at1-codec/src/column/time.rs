//! Dates and timestamps as text writes them: where their parts are, and which day or instant they name.
//!
//! * A year has four digits, from 0001 to 9999; a day exists in its month; an hour is at most 23, a second at most 59.
//! * Where the year comes last, day and month are only told apart by a [`DateOrder`], by their own values, or by a month's name.
//! * A timestamp with a zone is an instant, one without is a reading of some clock; neither is taken for the other.

use crate::{TimeUnit, Zone, column::pin::DateOrder};

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// Does the date start or end with its year?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    YearFirst,
    YearLast,
    /// Day, the English name of the month in three letters, year: as web servers write it.
    MonthName,
}

/// The names of months, as they are written.
pub(crate) const MONTHS: [[u8; 3]; 12] =
    [*b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct", *b"Nov", *b"Dec"];

/// Splits off the name of a month: its number.
fn month_name(text: &[u8]) -> Option<(u8, &[u8])> {
    let (name, rest) = text.split_first_chunk()?;
    let month = MONTHS.iter().position(|month| month == name)?;
    Some((month as u8 + 1, rest))
}

/// A date, cut into its parts; it need not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateText {
    pub(crate) layout: Layout,
    /// `-`, `/` or `.`; beside a month's name also a blank.
    pub(crate) separator: u8,
    year: u16,
    /// The two parts that are not the year, in the order of the text, with the number of digits of each.
    parts: [(u8, u8); 2],
}

/// Splits off one or two digits: their value and how many they are.
fn short_number(text: &[u8]) -> Option<((u8, u8), &[u8])> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Some((((a - b'0') * 10 + (b - b'0'), 2), rest)),
        [a @ b'0'..=b'9', rest @ ..] => Some(((a - b'0', 1), rest)),
        _ => None,
    }
}

/// Splits off exactly two digits.
fn two_digits(text: &[u8]) -> Option<(u8, &[u8])> {
    match short_number(text)? {
        ((value, 2), rest) => Some((value, rest)),
        _ => None,
    }
}

/// The values of digits, if all are digits.
fn digits<const N: usize>(text: [u8; N]) -> Option<[u8; N]> {
    let values = text.map(|byte| byte.wrapping_sub(b'0'));
    values.iter().fold(true, |all, &value| all & (value <= 9)).then_some(values)
}

fn four_digits(text: &[u8]) -> Option<(u16, &[u8])> {
    let (century, rest) = two_digits(text)?;
    let (year, rest) = two_digits(rest)?;
    Some((u16::from(century) * 100 + u16::from(year), rest))
}

impl DateText {
    /// The date at the start of `text`, and what follows it.
    fn lex(text: &[u8]) -> Option<(Self, &[u8])> {
        if let Some((year, [separator @ (b'-' | b'/'), rest @ ..])) = four_digits(text) {
            let (first, rest) = short_number(rest)?;
            let (second, rest) = short_number(rest.strip_prefix(&[*separator])?)?;
            let date = Self { layout: Layout::YearFirst, separator: *separator, year, parts: [first, second] };
            return Some((date, rest));
        }
        let (first, rest) = short_number(text)?;
        let (separator, rest) = rest.split_first().filter(|(b, _)| matches!(b, b'-' | b'/' | b'.' | b' '))?;
        if let Some((month, rest)) = month_name(rest) {
            let (year, rest) = four_digits(rest.strip_prefix(&[*separator])?)?;
            let parts = [first, (month, 2)];
            return Some((Self { layout: Layout::MonthName, separator: *separator, year, parts }, rest));
        }
        let (second, rest) = short_number(rest).filter(|_| *separator != b' ')?;
        let (year, rest) = four_digits(rest.strip_prefix(&[*separator])?)?;
        Some((Self { layout: Layout::YearLast, separator: *separator, year, parts: [first, second] }, rest))
    }

    /// Month and day, each with its number of digits, if day and month are in this order.
    pub(crate) fn month_day(&self, order: DateOrder) -> [(u8, u8); 2] {
        let [first, second] = self.parts;
        match (self.layout, order) {
            (Layout::MonthName, _) | (Layout::YearLast, DateOrder::Dmy) => [second, first],
            (Layout::YearFirst, _) | (Layout::YearLast, DateOrder::Mdy) => [first, second],
        }
    }

    fn day_in(&self, order: DateOrder) -> Option<i32> {
        let [(month, _), (day, _)] = self.month_day(order);
        let exists = self.year >= 1 && (1..=12).contains(&month) && (1..=month_days(self.year, month)).contains(&day);
        exists.then(|| days_from_civil(i64::from(self.year), month, day)).and_then(|days| i32::try_from(days).ok())
    }

    /// Days since 1970-01-01, if the date exists and `order`, or else its own values, say which it is.
    pub(crate) fn day(&self, order: Option<DateOrder>) -> Option<i32> {
        match (self.layout, order) {
            (Layout::YearFirst | Layout::MonthName, _) => self.day_in(DateOrder::Mdy),
            (Layout::YearLast, Some(order)) => self.day_in(order),
            (Layout::YearLast, None) => match (self.day_in(DateOrder::Dmy), self.day_in(DateOrder::Mdy)) {
                (Some(dmy), Some(mdy)) => (dmy == mdy).then_some(dmy),
                (one, other) => one.or(other),
            },
        }
    }

    /// The order that the date is written in, if it matters and is known.
    pub(crate) fn order(&self, order: Option<DateOrder>) -> Option<DateOrder> {
        match (self.layout, order) {
            (Layout::YearFirst | Layout::MonthName, _) => None,
            (Layout::YearLast, Some(order)) => Some(order),
            (Layout::YearLast, None) => match (self.day_in(DateOrder::Dmy), self.day_in(DateOrder::Mdy)) {
                (Some(_), None) => Some(DateOrder::Dmy),
                (None, Some(_)) => Some(DateOrder::Mdy),
                _ => None,
            },
        }
    }
}

/// What stands between date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    T,
    /// `:`, as web servers write it.
    Colon,
    /// This many blanks, at least one and less than 255.
    Blanks(u8),
}

/// The time of day of a timestamp, cut into its parts; it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockText<'a> {
    pub(crate) gap: Gap,
    /// The hour and its number of digits.
    pub(crate) hour: (u8, u8),
    minute: u8,
    /// Absent in `12:30`.
    pub(crate) second: Option<u8>,
    /// `.` or `,` before the fraction; `.` if there is none.
    pub(crate) mark: u8,
    /// The digits of the fraction, at most nine.
    pub(crate) fraction: &'a [u8],
    /// Everything after: a zone, or nothing.
    pub(crate) suffix: &'a [u8],
    /// What the zone is ahead of UTC.
    pub(crate) offset_minutes: Option<i16>,
}

impl<'a> ClockText<'a> {
    fn lex(text: &'a [u8]) -> Option<Self> {
        let (gap, rest) = match text {
            [b'T', rest @ ..] => (Gap::T, rest),
            [b':', rest @ ..] => (Gap::Colon, rest),
            _ => {
                let blanks = text.iter().position(|&b| b != b' ')?;
                (Gap::Blanks(u8::try_from(blanks).ok().filter(|&n| n > 0 && n < u8::MAX)?), &text[blanks..])
            }
        };
        let (hour, rest) = short_number(rest)?;
        let (minute, rest) = two_digits(rest.strip_prefix(b":")?)?;
        let (second, rest) = match rest.strip_prefix(b":") {
            Some(rest) => {
                let (second, rest) = two_digits(rest)?;
                (Some(second), rest)
            }
            None => (None, rest),
        };
        Self::with_end(gap, hour, minute, second, rest)
    }

    /// The short way for a gap of one byte and two digits each for hour, minute and second.
    fn lex_usual(text: &'a [u8]) -> Option<Self> {
        let (&[gap, h1, h2, b':', m1, m2, b':', s1, s2], rest) = text.split_first_chunk()? else { return None };
        let gap = match gap {
            b'T' => Gap::T,
            b' ' => Gap::Blanks(1),
            _ => return None,
        };
        let [h1, h2, m1, m2, s1, s2] = digits([h1, h2, m1, m2, s1, s2])?;
        Self::with_end(gap, (h1 * 10 + h2, 2), m1 * 10 + m2, Some(s1 * 10 + s2), rest)
    }

    /// The whole, given the parts before the fraction and the text from there on.
    fn with_end(gap: Gap, hour: (u8, u8), minute: u8, second: Option<u8>, mut rest: &'a [u8]) -> Option<Self> {
        let (mut mark, mut fraction) = (b'.', &[][..]);
        if let ([found @ (b'.' | b','), after @ ..], Some(_)) = (rest, second) {
            let len = after.iter().position(|b| !b.is_ascii_digit()).unwrap_or(after.len());
            if !(1..=9).contains(&len) {
                return None;
            }
            (mark, (fraction, rest)) = (*found, after.split_at(len));
        }
        let offset_minutes = if rest.is_empty() { None } else { Some(offset_minutes(rest)?) };
        let exists = hour.0 <= 23 && minute <= 59 && second.is_none_or(|second| second <= 59);
        exists.then_some(Self { gap, hour, minute, second, mark, fraction, suffix: rest, offset_minutes })
    }

    /// Seconds since midnight.
    fn seconds(&self) -> i64 {
        i64::from(self.hour.0) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second.unwrap_or(0))
    }

    fn nanos(&self) -> i64 {
        const STEPS: [i64; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1000, 100, 10, 1];
        let value = self.fraction.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        value * STEPS[self.fraction.len()]
    }
}

/// What a zone at the end of a timestamp is ahead of UTC: `Z`, `UTC`, `+hh:mm`, `+hhmm` or `+hh`, perhaps after a blank.
pub(crate) fn offset_minutes(suffix: &[u8]) -> Option<i16> {
    let zone = suffix.strip_prefix(b" ").unwrap_or(suffix);
    let (negative, digits) = match zone {
        b"Z" | b"UTC" => return Some(0),
        [b'+', digits @ ..] => (false, digits),
        [b'-', digits @ ..] => (true, digits),
        _ => return None,
    };
    let (hours, rest) = two_digits(digits)?;
    let minutes = match rest {
        [] => 0,
        _ => match two_digits(rest.strip_prefix(b":").unwrap_or(rest))? {
            (minutes, []) => minutes,
            _ => return None,
        },
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = i16::from(hours) * 60 + i16::from(minutes);
    Some(if negative { -offset } else { offset })
}

/// A date, perhaps with a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeText<'a> {
    pub(crate) date: DateText,
    pub(crate) clock: Option<ClockText<'a>>,
}

impl<'a> TimeText<'a> {
    /// The parts of `text`, if it is a date or timestamp as a whole.
    pub(crate) fn lex(text: &'a [u8]) -> Option<Self> {
        Self::lex_usual(text).or_else(|| Self::lex_any(text))
    }

    /// The short way for `YYYY-MM-DD` and `YYYY-MM-DDTHH:MM:SS`.
    fn lex_usual(text: &'a [u8]) -> Option<Self> {
        let (&[y1, y2, y3, y4, separator, m1, m2, other, d1, d2], rest) = text.split_first_chunk()?;
        if separator != other || !matches!(separator, b'-' | b'/') {
            return None;
        }
        let [y1, y2, y3, y4, m1, m2, d1, d2] = digits([y1, y2, y3, y4, m1, m2, d1, d2])?;
        let year = u16::from(y1 * 10 + y2) * 100 + u16::from(y3 * 10 + y4);
        let parts = [(m1 * 10 + m2, 2), (d1 * 10 + d2, 2)];
        let date = DateText { layout: Layout::YearFirst, separator, year, parts };
        let clock = if rest.is_empty() { None } else { Some(ClockText::lex_usual(rest)?) };
        Some(Self { date, clock })
    }

    fn lex_any(text: &'a [u8]) -> Option<Self> {
        let (date, rest) = DateText::lex(text)?;
        let clock = if rest.is_empty() { None } else { Some(ClockText::lex(rest)?) };
        Some(Self { date, clock })
    }

    /// Days since 1970-01-01, if it is a date without time.
    pub(crate) fn day(&self, order: Option<DateOrder>) -> Option<i32> {
        if self.clock.is_some() { None } else { self.date.day(order) }
    }

    /// Whether it names an instant; `None` if it has no time of day.
    pub(crate) fn zone(&self) -> Option<Zone> {
        self.clock.map(|clock| if clock.offset_minutes.is_some() { Zone::Utc } else { Zone::Naive })
    }

    /// Units since 1970-01-01, if it is a timestamp of this kind and they are exact.
    pub(crate) fn timestamp(&self, unit: TimeUnit, zone: Zone, order: Option<DateOrder>) -> Option<i64> {
        if self.zone() == Some(zone) { self.instant(order)?.in_units(unit) } else { None }
    }

    /// The instant it names, or would if its clock were that of UTC.
    pub(crate) fn instant(&self, order: Option<DateOrder>) -> Option<InstantText> {
        let clock = self.clock?;
        let offset = i64::from(clock.offset_minutes.unwrap_or(0)) * 60;
        let seconds = i64::from(self.date.day(order)?) * SECONDS_PER_DAY + clock.seconds() - offset;
        Some(InstantText { seconds, nanos: clock.nanos() })
    }
}

/// An instant as text names it: seconds since 1970-01-01, and nanoseconds after that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstantText {
    seconds: i64,
    nanos: i64,
}

impl InstantText {
    /// Units since 1970-01-01, if they are exact.
    pub(crate) fn in_units(self, unit: TimeUnit) -> Option<i64> {
        let Self { seconds, nanos } = self;
        match unit {
            TimeUnit::Micros if nanos % 1000 == 0 => seconds.checked_mul(1_000_000)?.checked_add(nanos / 1000),
            TimeUnit::Micros => None,
            TimeUnit::Nanos => {
                let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                i64::try_from(total).ok()
            }
        }
    }
}

fn month_days(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, after Howard Hinnant's `days_from_civil`.
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    // The year starts in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day since 1970-01-01: the inverse, for any day an `i64` of microseconds can reach.
pub(crate) fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, small(month), small(day))
}

/// A month or day, which fits by construction.
fn small(value: i64) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::strings::Random;

    #[test]
    fn every_day_there_and_back() {
        let mut expected = days_from_civil(1, 1, 1);
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
        for year in 1..=9999u16 {
            for month in 1..=12 {
                for day in 1..=month_days(year, month) {
                    let days = days_from_civil(i64::from(year), month, day);
                    assert_eq!(days, expected, "{year}-{month}-{day}");
                    assert_eq!(civil_from_days(days), (i64::from(year), month, day));
                    expected += 1;
                }
            }
        }
        assert_eq!(expected, 2_932_897, "3,652,059 days from year 1 to year 9999");
    }

    #[test]
    fn the_short_way_leads_to_the_same() {
        let mut random = Random::new(8);
        let mut usual = 0;
        for _ in 0..200_000 {
            let mut text = random.field();
            if random.below(4) == 0 && !text.is_empty() {
                let at = random.below(text.len());
                text[at] = b"0123456789-/:. T+Z\xff"[random.below(19)];
            }
            let found = TimeText::lex_usual(&text);
            usual += u32::from(found.is_some());
            assert!(found.is_none() || found == TimeText::lex_any(&text), "{}", text.escape_ascii());
        }
        assert!(usual > 10_000, "{usual}");
    }

    #[track_caller]
    fn check_day(text: &str, none: Option<i32>, dmy: Option<i32>, mdy: Option<i32>) {
        let day = |order| TimeText::lex(text.as_bytes()).and_then(|time| time.day(order));
        let found = (day(None), day(Some(DateOrder::Dmy)), day(Some(DateOrder::Mdy)));
        assert_eq!(found, (none, dmy, mdy), "{text} unsettled, day first, month first");
    }

    #[test]
    fn days() {
        let same = |text, day| check_day(text, day, day, day);
        same("1970-01-01", Some(0));
        same("1969-12-31", Some(-1));
        same("2024-02-29", Some(19_782));
        same("2024/2/29", Some(19_782));
        same("2023-02-29", None);
        same("0000-01-01", None);
        same("2024-13-01", None);
        same("2024-00-10", None);
        same("24-01-01", None);
        same("2024-01/01", None);
        same("2024.01.01", None);
        same("2024-01-001", None);
        same("12024-01-01", None);
        same("2024-01-01 ", None);
        same("2024-01-01T00:00", None);
        same("03/03/2024", Some(19_785));
        same("32/13/2024", None);
        same("29/Feb/2024", Some(19_782));
        same("2-Jan-1970", Some(1));
        same("02 Jan 1970", Some(1));
        same("29/Feb/2023", None);
        same("2/Jan-1970", None);
        same("2/jan/1970", None);
        same("2/January/1970", None);
        same("Jan/2/1970", None);
        same("01 02 1970", None);
        check_day("29/02/2024", Some(19_782), Some(19_782), None);
        check_day("2.29.2024", Some(19_782), None, Some(19_782));
        check_day("01-02-1970", None, Some(31), Some(1));
        check_day("1/2/70", None, None, None);
    }

    #[track_caller]
    fn check_instant(text: &str, naive: Option<i64>, utc: Option<i64>) {
        let lexed = TimeText::lex(text.as_bytes());
        let micros = |zone| lexed.and_then(|time| time.timestamp(TimeUnit::Micros, zone, None));
        assert_eq!((micros(Zone::Naive), micros(Zone::Utc)), (naive, utc), "{text} without and with zone");
    }

    #[test]
    fn instants() {
        check_instant("1970-01-01T00:00:01", Some(1_000_000), None);
        check_instant("1970-01-01 0:00", Some(0), None);
        check_instant("1970-01-01   00:00:00,5", Some(500_000), None);
        check_instant("1969-12-31T23:59:59.999999000", Some(-1), None);
        check_instant("1970-01-01T00:00:00.0000001", None, None);
        check_instant("1970-01-01T00:00:00Z", None, Some(0));
        check_instant("1970-01-01 01:00:00+01:00", None, Some(0));
        check_instant("1970-01-01 00:00:00 UTC", None, Some(0));
        check_instant("1969-12-31T19:00-0500", None, Some(0));
        check_instant("1970-01-01T05:30:00+0530", None, Some(0));
        check_instant("1970-01-01T05:00:00 +05", None, Some(0));
        check_instant("01/Jan/1970:00:00:01 +0000", None, Some(1_000_000));
        check_instant("1970-01-01:00:00:01", Some(1_000_000), None);
        for text in [
            "1970-01-01T24:00:00",
            "1970-01-01T23:59:60",
            "1970-01-01T00:60",
            "1970-01-01T00:00:00.",
            "1970-01-01T000:00",
            "1970-01-01T00:00:00.1234567890",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00+1",
            "1970-01-01t00:00",
            "1970-01-01T00:00:0",
            "1970-01-01 ",
            "1970-01-01T",
            "1970-01-01T00",
            "1970-01-01T00:00:00z",
            "1970-01-01T00:00:00+01:",
            "1970-02-30T00:00:00",
            "00:00:00",
        ] {
            check_instant(text, None, None);
        }
    }

    #[test]
    fn nanoseconds_end_in_2262() {
        let nanos =
            |text: &str| TimeText::lex(text.as_bytes()).and_then(|t| t.timestamp(TimeUnit::Nanos, Zone::Naive, None));
        assert_eq!(nanos("2262-04-11T23:47:16.854775807"), Some(i64::MAX));
        assert_eq!(nanos("2262-04-11T23:47:16.854775808"), None);
        assert_eq!(nanos("1677-09-21T00:12:43.145224192"), Some(i64::MIN));
        assert_eq!(nanos("1677-09-21T00:12:43.145224191"), None);
    }
}
