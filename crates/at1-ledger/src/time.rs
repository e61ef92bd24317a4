//! The times of events: nanoseconds, one text form of fixed width, strictly increasing.
//!
//! * The text form is exactly 30 bytes, `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`, always UTC, so text order is time order.
//! * Impossible dates and second 60 do not parse.
//! * This file reads no clock: the caller says what the wall clock shows, and [`Timestamp::after`] says what to write.
//!
//! A time is the writer's claim. What can be *proved* is the interval between what others signed before and after it.

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::error::{Error, ErrorKind, Result};

/// How far the clock may be behind the newest event without a word about it.
pub const CLOCK_BEHIND_SILENT_NANOS: i128 = 5 * SECOND;
/// How far the clock may be behind the newest event before an event is refused.
pub const CLOCK_BEHIND_MAX_NANOS: i128 = 24 * 3600 * SECOND;
/// How far an event may be ahead of a verifier's clock before that is a finding.
pub const CLOCK_AHEAD_MAX_NANOS: i128 = 5 * 60 * SECOND;

/// Bytes of the text form.
pub(crate) const TEXT_BYTES: usize = 30;

const SECOND: i128 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;
/// 0000-01-01T00:00:00Z and 10000-01-01T00:00:00Z in days since 1970-01-01.
const DAY_MIN: i64 = days_from_civil(0, 1, 1);
const DAY_END: i64 = days_from_civil(10_000, 1, 1);

/// A point in time, in nanoseconds since 1970-01-01T00:00:00Z, of the years 0000 to 9999.
///
/// ```
/// use at1_ledger::Timestamp;
///
/// let ts: Timestamp = "2026-01-22T16:00:00.000000001Z".parse()?;
/// assert_eq!(ts.nanos(), 1_769_097_600_000_000_001);
/// assert_eq!(ts.to_string(), "2026-01-22T16:00:00.000000001Z");
/// assert!("2026-02-29T00:00:00.000000000Z".parse::<Timestamp>().is_err());
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i128);

/// What a new event's time is, and what its detail has to say about the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The event's time.
    pub ts: Timestamp,
    /// Put into the event's detail: present if the clock was more than 5 s behind the previous event.
    pub clk: Option<Clock>,
}

/// What the wall clock showed when it disagreed with the ledger: the member `clk` of a detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// What the writer's clock showed.
    pub wall: Timestamp,
    /// Whether someone had to insist.
    pub lag: ClockLag,
}

/// How far behind a clock was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockLag {
    /// More than 5 s, at most 24 h.
    Tolerated,
    /// More than 24 h, and the event was forced.
    Forced,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The time so many nanoseconds after 1970-01-01T00:00:00Z; `None` outside the years 0000 to 9999.
    pub fn from_nanos(nanos: i128) -> Option<Self> {
        let day = i128::from(DAY_SECONDS) * SECOND;
        (nanos >= i128::from(DAY_MIN) * day && nanos < i128::from(DAY_END) * day).then_some(Self(nanos))
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub fn nanos(self) -> i128 {
        self.0
    }

    /// The time of the event after `previous` when the clock shows `wall`: the later of `wall` and one nanosecond
    /// after `previous`.
    ///
    /// A clock up to 5 s behind goes unmentioned, one up to 24 h behind is recorded in [`Stamp::clk`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Clock`] if the clock is further behind; see [`Timestamp::after_forced`].
    ///
    /// ```
    /// use at1_ledger::Timestamp;
    ///
    /// let previous: Timestamp = "2026-01-22T16:00:10.000000000Z".parse()?;
    /// let wall: Timestamp = "2026-01-22T16:00:00.000000000Z".parse()?;
    /// let stamp = Timestamp::after(Some(previous), wall)?;
    /// assert_eq!(stamp.ts.to_string(), "2026-01-22T16:00:10.000000001Z");
    /// assert_eq!(stamp.clk.unwrap().wall, wall);
    /// # Ok::<(), at1_ledger::Error>(())
    /// ```
    pub fn after(previous: Option<Self>, wall: Self) -> Result<Stamp> {
        let stamp = Self::after_forced(previous, wall)?;
        match stamp.clk {
            Some(Clock { lag: ClockLag::Forced, .. }) => Err(Error::new(
                ErrorKind::Clock,
                format!("expected a time at most 24 h before the newest event's, {}, found {wall}", {
                    previous.unwrap_or(wall)
                }),
            )
            .at("clock")),
            _ => Ok(stamp),
        }
    }

    /// As [`Timestamp::after`], but a clock any time behind is recorded instead of refused.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Clock`] at the end of the year 9999.
    pub fn after_forced(previous: Option<Self>, wall: Self) -> Result<Stamp> {
        let Some(previous) = previous.filter(|previous| *previous >= wall) else {
            return Ok(Stamp { ts: wall, clk: None });
        };
        let ts = Self::from_nanos(previous.0 + 1)
            .ok_or_else(|| Error::new(ErrorKind::Clock, format!("expected a time before {previous}")).at("clock"))?;
        let lag = match previous.0 - wall.0 {
            behind if behind <= CLOCK_BEHIND_SILENT_NANOS => return Ok(Stamp { ts, clk: None }),
            behind if behind <= CLOCK_BEHIND_MAX_NANOS => ClockLag::Tolerated,
            _ => ClockLag::Forced,
        };
        Ok(Stamp { ts, clk: Some(Clock { wall, lag }) })
    }

    /// Reads the text form from bytes that need not be UTF-8.
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        const SHAPE: &[u8; TEXT_BYTES] = b"dddd-dd-ddTdd:dd:dd.dddddddddZ";
        let fits = |(byte, shape): (&u8, &u8)| if *shape == b'd' { byte.is_ascii_digit() } else { byte == shape };
        if text.len() != TEXT_BYTES || !text.iter().zip(SHAPE).all(fits) {
            return None;
        }
        let number = |at: usize, digits: usize| {
            text[at..at + digits].iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
        };
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
        let (hour, minute, second, nanos) = (number(11, 2), number(14, 2), number(17, 2), number(20, 9));
        if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        // A day that the month does not have comes back as one of the next month.
        if civil_from_days(days) != (year, month, day) {
            return None;
        }
        let seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second;
        Self::from_nanos(i128::from(seconds) * SECOND + i128::from(nanos))
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    fn try_from(time: SystemTime) -> Result<Self> {
        let nanos = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()).ok(),
            Err(before) => i128::try_from(before.duration().as_nanos()).ok().map(|nanos| -nanos),
        };
        nanos
            .and_then(Self::from_nanos)
            .ok_or_else(|| Error::new(ErrorKind::Clock, "expected a time of the years 0000 to 9999").at("clock"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.rem_euclid(SECOND);
        // In range by `from_nanos`, so the seconds fit 64 bits many times over.
        let seconds = i64::try_from(self.0.div_euclid(SECOND)).map_err(|_| fmt::Error)?;
        let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_SECONDS));
        let clock = seconds.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_text(text.as_bytes())
            .ok_or_else(|| Error::invalid(format!("expected a time YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ, found {text:.40}")))
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. A year begins in March here, so that the leap day is
/// its last; an era is 400 years or 146,097 days.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}
