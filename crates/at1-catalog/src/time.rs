//! Dates and times as they are written in predicates and zone strings.
//!
//! * A [`Moment`] keeps every digit of the text; nothing is rounded until a column's unit asks for a place.
//! * The calendar is the proleptic Gregorian one, with years of up to six digits and a sign where they need one.

use std::{fmt, str::FromStr};

use at1_codec::Zone;

use crate::set::Place;

const DAY_SECONDS: i64 = 86_400;

/// A point in time as it was written: a date, or a date with a time of day, with or without a zone.
///
/// ```
/// use at1_catalog::Moment;
/// let noon: Moment = "2024-03-01 12:00:00.5+02:00".parse()?;
/// assert_eq!(noon.to_string(), "2024-03-01T10:00:00.5Z");
/// # Ok::<(), at1_catalog::NotAMoment>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Whole seconds since 1970-01-01, rounded down.
    seconds: i64,
    /// Digits of the fraction, without trailing zeros.
    fraction: String,
    zone: Zone,
}

/// Text that is no date and no time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAMoment;

impl fmt::Display for NotAMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a date or time such as 2024-03-01 or 2024-03-01T12:00:00.5Z")
    }
}

impl std::error::Error for NotAMoment {}

impl Moment {
    /// Whether the text named an instant, with `Z` or an offset.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Midnight at the start of a day, `days` after 1970-01-01.
    pub fn of_day(days: i32) -> Self {
        Self { seconds: i64::from(days) * DAY_SECONDS, fraction: String::new(), zone: Zone::Naive }
    }

    /// So many ticks after 1970-01-01, 10 to the `digits` of them to the second.
    ///
    /// # Panics
    /// If `digits` is above 9.
    pub fn of_ticks(ticks: i64, digits: u8, zone: Zone) -> Self {
        assert!(digits <= 9, "no unit is finer than a nanosecond");
        let per_second = 10i64.pow(digits.into());
        let fraction = format!("{:0width$}", ticks.rem_euclid(per_second), width = digits.into());
        let fraction = if digits == 0 { "" } else { fraction.trim_end_matches('0') }.to_owned();
        Self { seconds: ticks.div_euclid(per_second), fraction, zone }
    }

    /// Where the moment lies among ticks, 10 to the `digits` of them to the second.
    pub(crate) fn ticks(&self, digits: u8) -> Place<i64> {
        let kept = &self.fraction[..self.fraction.len().min(digits.into())];
        let scale = |n: usize| 10i128.pow(u32::try_from(n).unwrap_or(0));
        let fraction: i128 = if kept.is_empty() { 0 } else { kept.parse().unwrap_or(0) };
        let fraction = fraction * scale(usize::from(digits) - kept.len());
        let ticks = i128::from(self.seconds) * scale(digits.into()) + fraction;
        match i64::try_from(ticks) {
            Ok(ticks) if kept.len() == self.fraction.len() => Place::At(ticks),
            Ok(ticks) => Place::After(ticks),
            Err(_) if ticks < 0 => Place::Below,
            Err(_) => Place::Above,
        }
    }

    /// Where the moment lies among days.
    pub(crate) fn days(&self) -> Place<i64> {
        let days = self.seconds.div_euclid(DAY_SECONDS);
        match self.seconds.rem_euclid(DAY_SECONDS) == 0 && self.fraction.is_empty() {
            true => Place::At(days),
            false => Place::After(days),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.seconds.div_euclid(DAY_SECONDS), self.seconds.rem_euclid(DAY_SECONDS));
        write!(f, "{}T{:02}:{:02}:{:02}", DayText(days), second / 3600, second / 60 % 60, second % 60)?;
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        if self.zone == Zone::Utc { f.write_str("Z") } else { Ok(()) }
    }
}

/// Days after 1970-01-01, printed `YYYY-MM-DD`.
pub(crate) struct DayText(pub(crate) i64);

impl fmt::Display for DayText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Years from March on, so that the leap day is the last; 146,097 days make 400 years.
        let shifted = self.0 + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        match year {
            0..=9999 => write!(f, "{year:04}-{month:02}-{day:02}"),
            ..0 => write!(f, "-{:04}-{month:02}-{day:02}", -year),
            _ => write!(f, "+{year}-{month:02}-{day:02}"),
        }
    }
}

/// The day number of a date, if there is such a date.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let (year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + (153 * march_month + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era - 719_468)
}

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        moment(&mut Cursor(text.trim())).ok_or(NotAMoment)
    }
}

fn moment(text: &mut Cursor<'_>) -> Option<Moment> {
    let sign = if text.eat("-") { -1 } else { 1 };
    if sign == 1 {
        text.eat("+");
    }
    let year = text.digits(4, 7)?;
    let month = text.eat("-").then(|| text.digits(2, 2))??;
    let day = text.eat("-").then(|| text.digits(2, 2))??;
    let day = day_number(sign * year, month, day)?;
    let midnight = Moment { seconds: day * DAY_SECONDS, fraction: String::new(), zone: Zone::Naive };
    if text.0.is_empty() {
        return Some(midnight);
    }
    if !(text.eat("T") || text.eat("t") || text.eat(" ")) {
        return None;
    }
    let hour = text.digits(2, 2).filter(|&hour| hour < 24)?;
    let minute = text.eat(":").then(|| text.digits(2, 2))?.filter(|&minute| minute < 60)?;
    let second = if text.eat(":") { text.digits(2, 2).filter(|&second| second < 60)? } else { 0 };
    let fraction = if text.eat(".") { text.run()? } else { "" };
    text.eat(" ");
    let offset = text.offset()?;
    let seconds = midnight.seconds + hour * 3600 + minute * 60 + second - offset.unwrap_or(0);
    let zone = if offset.is_some() { Zone::Utc } else { Zone::Naive };
    Some(Moment { seconds, fraction: fraction.trim_end_matches('0').to_owned(), zone })
}

/// What is left to read.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn eat(&mut self, word: &str) -> bool {
        self.0.strip_prefix(word).map(|rest| self.0 = rest).is_some()
    }

    /// All digits that follow, at least one.
    fn run(&mut self) -> Option<&'a str> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        (length > 0).then_some(digits)
    }

    /// All digits that follow, as many as allowed.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.run()?;
        (least..=most).contains(&digits.len()).then(|| digits.parse().ok())?
    }

    /// The seconds east of Greenwich, if the rest is a zone; the outer `None` if it is anything but a zone.
    fn offset(&mut self) -> Option<Option<i64>> {
        match self.0 {
            "" => return Some(None),
            "Z" | "z" | "UTC" => return Some(Some(0)),
            _ => {}
        }
        let sign = if self.eat("-") { -1 } else { self.eat("+").then_some(1)? };
        let rest = self.0.replacen(':', "", 1);
        let two =
            |at: usize| rest.get(at..at + 2).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok();
        let minutes = match rest.len() {
            2 => 0,
            4 => two(2)?,
            _ => return None,
        };
        let hours = two(0)?;
        (hours < 24 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let moment: Moment = text.parse().unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(moment.to_string(), want, "{text}");
        assert_eq!(want.parse(), Ok(moment), "{want}");
    }

    #[test]
    fn reads_and_prints() {
        check("2024-02-29", "2024-02-29T00:00:00");
        check(" 1969-12-31 23:59:59.999999999 ", "1969-12-31T23:59:59.999999999");
        check("0001-01-01T00:00Z", "0001-01-01T00:00:00Z");
        check("-0044-03-15", "-0044-03-15T00:00:00");
        check("+10000-01-01T00:00:00", "+10000-01-01T00:00:00");
        check("2024-01-01 00:30:00+01:00", "2023-12-31T23:30:00Z");
        check("2024-01-01 00:30:00-0130", "2024-01-01T02:00:00Z");
        check("2024-01-01 00:30:00.500 UTC", "2024-01-01T00:30:00.5Z");
        check("2024-01-01t10:00:00+05", "2024-01-01T05:00:00Z");
    }

    #[test]
    fn refuses() {
        for bad in [
            "",
            "2024",
            "2024-1-1",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-01-01T",
            "2024-01-01T1",
            "2024-01-01T24:00",
            "2024-01-01T10:60",
            "2024-01-01T10:00:60",
            "2024-01-01T10:00:00.",
            "2024-01-01T10:00:00X",
            "2024-01-01T10:00:00+1",
            "2024-01-01T10:00:00+24:00",
            "2024-01-01T10:00:00+é:00",
            "2024-01-01 Z",
            "99999999-01-01",
        ] {
            assert_eq!(bad.parse::<Moment>(), Err(NotAMoment), "{bad}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries() {
        for day in -150_000..150_000 {
            let text = DayText(day).to_string();
            assert_eq!(text.parse::<Moment>().unwrap().days(), Place::At(day), "{text}");
        }
        for day in [i32::MIN, i32::MAX] {
            assert_eq!(DayText(day.into()).to_string().parse::<Moment>().unwrap().days(), Place::At(day.into()));
        }
    }

    #[test]
    fn places() {
        let moment: Moment = "1969-12-31T23:59:59.9999995".parse().unwrap();
        assert_eq!(moment.ticks(9), Place::At(-500));
        assert_eq!(moment.ticks(6), Place::After(-1));
        assert_eq!(moment.ticks(0), Place::After(-1));
        assert_eq!(moment.days(), Place::After(-1));
        assert_eq!("2500-01-01".parse::<Moment>().unwrap().ticks(9), Place::Above);
        assert_eq!("1500-01-01".parse::<Moment>().unwrap().ticks(9), Place::Below);
        for ticks in [i64::MIN, -1, 0, 1, i64::MAX] {
            for digits in [0, 3, 6, 9] {
                let moment = Moment::of_ticks(ticks, digits, Zone::Utc);
                if digits >= 6 {
                    assert_eq!(moment.to_string().parse(), Ok(moment.clone()));
                }
                assert_eq!(moment.ticks(digits), Place::At(ticks), "{ticks} {digits}");
            }
        }
    }
}
