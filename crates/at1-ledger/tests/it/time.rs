//! Times: the text form against another calendar, and the rule for the next event's time.

use std::time::{Duration, UNIX_EPOCH};

use at1_ledger::{ClockLag, ErrorKind, Timestamp};
use jiff::{ToSpan, civil::Date};

fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn text_form() {
    for (text, nanos) in [
        ("1970-01-01T00:00:00.000000000Z", 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2026-01-22T16:00:00.123456789Z", 1_769_097_600_123_456_789),
        ("2024-02-29T23:59:59.999999999Z", 1_709_251_199_999_999_999),
        ("0000-01-01T00:00:00.000000000Z", -62_167_219_200_000_000_000),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799_999_999_999),
    ] {
        assert_eq!(ts(text).nanos(), nanos);
        assert_eq!(Timestamp::from_nanos(nanos).unwrap().to_string(), text);
    }
    assert_eq!(Timestamp::from_nanos(-62_167_219_200_000_000_001), None);
    assert_eq!(Timestamp::from_nanos(253_402_300_800_000_000_000), None);
    assert_eq!(Timestamp::from_nanos(i128::MAX), None);
    assert_eq!(Timestamp::from_nanos(i128::MIN), None);
}

/// Every day of the 400 years after which the calendar repeats, then some of each month to its end, by a calendar of
/// someone else.
#[test]
fn every_day() {
    let first = ts("0000-01-01T00:00:00.000000000Z").nanos();
    let mut date = Date::new(0, 1, 1).unwrap();
    let mut day = 0;
    loop {
        let nanos = first + day * 86_400_000_000_000;
        let text = format!("{date}T00:00:00.000000000Z");
        assert_eq!(Timestamp::from_nanos(nanos).unwrap().to_string(), text);
        assert_eq!(ts(&text).nanos(), nanos);
        let step = if day < 146_097 { 1 } else { 13 };
        date = match date.checked_add(step.days()) {
            Ok(date) => date,
            Err(_) => break,
        };
        day += i128::from(step);
    }
    assert_eq!(date.year(), 9999);
}

#[test]
fn refused() {
    for text in [
        "",
        "2026-01-22T16:00:00Z",
        "2026-01-22T16:00:00.000000000",
        "2026-01-22T16:00:00.000000000z",
        "2026-01-22t16:00:00.000000000Z",
        "2026-01-22 16:00:00.000000000Z",
        "2026-01-22T16:00:00,000000000Z",
        "2026-01-22T16:00:60.000000000Z",
        "2026-01-22T16:60:00.000000000Z",
        "2026-01-22T24:00:00.000000000Z",
        "2026-00-22T16:00:00.000000000Z",
        "2026-13-22T16:00:00.000000000Z",
        "2026-01-00T16:00:00.000000000Z",
        "2026-01-32T16:00:00.000000000Z",
        "2026-02-29T16:00:00.000000000Z",
        "1900-02-29T16:00:00.000000000Z",
        "2026-04-31T16:00:00.000000000Z",
        "2026-12-32T16:00:00.000000000Z",
        "+026-01-22T16:00:00.000000000Z",
        "2026-01-22T16:00:00.00000000٠Z",
        "2026-01-22T16:00:00.0000000000Z",
    ] {
        let error = text.parse::<Timestamp>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
    }
    let error = "2026-01-22T16:00:60.000000000Z".parse::<Timestamp>().unwrap_err();
    let expected = "expected a time YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ, found 2026-01-22T16:00:60.000000000Z";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn next_event() {
    const SECOND: i128 = 1_000_000_000;
    let previous = ts("2026-01-22T16:00:00.000000000Z");
    let wall = |behind: i128| Timestamp::from_nanos(previous.nanos() - behind).unwrap();
    let one_after = Timestamp::from_nanos(previous.nanos() + 1).unwrap();
    let after = |behind| Timestamp::after(Some(previous), wall(behind)).unwrap();

    assert_eq!((Timestamp::after(None, previous).unwrap().ts), previous);
    assert_eq!((after(-1).ts, after(-1).clk), (one_after, None));
    assert_eq!((after(-SECOND).ts, after(-SECOND).clk), (wall(-SECOND), None));
    assert_eq!((after(0).ts, after(0).clk), (one_after, None));
    assert_eq!((after(5 * SECOND).ts, after(5 * SECOND).clk), (one_after, None));
    for behind in [5 * SECOND + 1, 24 * 3600 * SECOND] {
        let stamp = after(behind);
        let clk = stamp.clk.unwrap();
        assert_eq!((stamp.ts, clk.wall, clk.lag), (one_after, wall(behind), ClockLag::Tolerated));
    }
    let late = 24 * 3600 * SECOND + 1;
    let error = Timestamp::after(Some(previous), wall(late)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Clock);
    assert_eq!(
        error.to_string(),
        "clock: expected a time at most 24 h before the newest event's, 2026-01-22T16:00:00.000000000Z, found \
         2026-01-21T15:59:59.999999999Z"
    );
    let stamp = Timestamp::after_forced(Some(previous), wall(late)).unwrap();
    let clk = stamp.clk.unwrap();
    assert_eq!((stamp.ts, clk.wall, clk.lag), (one_after, wall(late), ClockLag::Forced));
    let last = ts("9999-12-31T23:59:59.999999999Z");
    assert_eq!(Timestamp::after_forced(Some(last), previous).unwrap_err().kind(), ErrorKind::Clock);
}

#[test]
fn from_the_system() {
    let at = UNIX_EPOCH + Duration::new(1_769_097_600, 7);
    assert_eq!(Timestamp::try_from(at).unwrap(), ts("2026-01-22T16:00:00.000000007Z"));
    assert_eq!(Timestamp::try_from(UNIX_EPOCH - Duration::new(0, 100)).unwrap().nanos(), -100);
}
