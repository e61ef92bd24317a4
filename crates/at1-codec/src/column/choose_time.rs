//! Date and timestamp styles, chosen by counting.

use super::{
    form::{ClockStyle, DateStyle, Flag, Parts, Per, SPELLING_BYTES_MAX, SecondFraction, Seconds},
    pin::DateOrder,
    tally::{Tally, fewest, is_frequent},
    time::{ClockText, Gap, Layout, TimeText},
};
use crate::Zone;

/// Digits of months, days and hours tell something only below ten; otherwise they are taken to be padded.
fn is_padded(votes: impl Iterator<Item = (u8, u8)>) -> Flag {
    let telling = votes.filter(|&(value, _)| value < 10).map(|(_, digits)| if digits == 2 { 1i64 } else { -1 });
    Flag::from(telling.sum::<i64>() >= 0)
}

/// The style of the dates of a column, with or without time.
pub(crate) fn date_style(times: &[TimeText<'_>], order: Option<DateOrder>) -> DateStyle {
    let dates = || times.iter().map(|time| time.date);
    let layouts: Tally<(Layout, u8)> = dates().map(|date| (date.layout, date.separator)).collect();
    let (layout, separator) = layouts.most().unwrap_or((Layout::YearFirst, b'-'));
    let like = || dates().filter(|date| date.layout == layout);
    let orders: Tally<DateOrder> = like().filter_map(|date| date.order(order)).collect();
    let order = orders.most().or(order).unwrap_or(DateOrder::Dmy);
    DateStyle {
        parts: match layout {
            Layout::YearFirst => Parts::Ymd,
            Layout::YearLast => Parts::YearLast(order),
            Layout::MonthName => Parts::MonthName,
        },
        separator,
        month_padded: is_padded(like().map(|date| date.month_day(order)[0])),
        day_padded: is_padded(like().map(|date| date.month_day(order)[1])),
    }
}

/// The style of the times of a column.
pub(crate) fn clock_style(times: &[TimeText<'_>], zone: Zone) -> ClockStyle {
    let clocks: Vec<_> = times.iter().filter_map(|time| time.clock).collect();
    let with_fraction = clocks.iter().filter(|clock| !clock.fraction.is_empty());
    let marks: Tally<u8> = with_fraction.map(|clock| clock.mark).collect();
    let gaps: Tally<Gap> = clocks.iter().map(|clock| clock.gap).collect();
    let (zones, zones_per) = zones(&clocks, zone);
    ClockStyle {
        gap: gaps.most().unwrap_or(Gap::T),
        hour_padded: is_padded(clocks.iter().map(|clock| clock.hour)),
        seconds: seconds(&clocks),
        mark: marks.most().unwrap_or(b'.'),
        fraction: fraction(&clocks),
        zones,
        zones_per,
    }
}

fn is_zero(clock: &ClockText<'_>) -> bool {
    clock.second.unwrap_or(0) == 0 && clock.fraction.iter().all(|&b| b == b'0')
}

fn seconds(clocks: &[ClockText<'_>]) -> Seconds {
    let errors = |form: &Seconds| {
        let is_wrong = |clock: &&ClockText<'_>| match form {
            Seconds::Always => clock.second.is_none(),
            Seconds::Never => clock.second.is_some(),
            Seconds::UnlessZero => clock.second.is_some() == is_zero(clock),
        };
        clocks.iter().filter(is_wrong).count()
    };
    let forms = [Seconds::Always, Seconds::Never, Seconds::UnlessZero];
    fewest(forms, errors).map_or(Seconds::Always, |(form, _)| form)
}

fn fraction(clocks: &[ClockText<'_>]) -> SecondFraction {
    let needed = |digits: &[u8]| digits.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    let with_seconds = clocks.iter().filter(|clock| clock.second.is_some());
    let fractions: Vec<_> = with_seconds.map(|clock| (clock.fraction.len(), needed(clock.fraction))).collect();
    if fractions.is_empty() {
        return SecondFraction::AtLeast(0);
    }
    let written_by = |form: SecondFraction, needed: usize| match form {
        SecondFraction::AtLeast(least) => needed.max(usize::from(least)),
        SecondFraction::UnlessZero(least) if needed > 0 => needed.max(usize::from(least)),
        SecondFraction::Groups => needed.next_multiple_of(3),
        SecondFraction::UnlessZero(_) | SecondFraction::PerRow => 0,
    };
    let errors = |&form: &SecondFraction| {
        fractions.iter().filter(|&&(written, needed)| written != written_by(form, needed)).count()
    };
    // With more digits before fewer, what all of the sample has is what all of the column is taken to have.
    let fixed = (0..=9).rev().map(SecondFraction::AtLeast);
    let unless_zero = (1..=9).rev().map(SecondFraction::UnlessZero);
    match fewest(fixed.chain(unless_zero).chain([SecondFraction::Groups]), errors) {
        Some((form, errors)) if !is_frequent(errors, fractions.len()) => form,
        _ => SecondFraction::PerRow,
    }
}

fn zones(clocks: &[ClockText<'_>], zone: Zone) -> (Vec<Vec<u8>>, Per) {
    let suffixes: Tally<&[u8]> = clocks.iter().map(|clock| clock.suffix).collect();
    let ranked: Vec<_> = suffixes.ranked().filter(|(suffix, _)| suffix.len() <= SPELLING_BYTES_MAX).collect();
    let Some(&(most, count)) = ranked.first() else {
        return (vec![if zone == Zone::Utc { b"Z".to_vec() } else { Vec::new() }], Per::Column);
    };
    let others = clocks.len() - usize::try_from(count).unwrap_or(clocks.len());
    if is_frequent(others, clocks.len()) {
        (ranked.into_iter().map(|(suffix, _)| suffix.to_vec()).collect(), Per::Row)
    } else {
        (vec![most.to_vec()], Per::Column)
    }
}
