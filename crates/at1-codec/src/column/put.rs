//! Single values as text, in the one style that values have which never were text: ISO dates, shortest doubles, nothing optional.

use super::{
    clock::{self, Instant},
    digits::{put_decimal, put_integer},
    float::put_float,
    form::{ClockStyle, DateStyle, Flag, FloatStyle, NumberStyle, Parts, Per, SecondFraction, Seconds},
    time::Gap,
};
use crate::{TimeUnit, Zone};

const DATE: DateStyle =
    DateStyle { parts: Parts::Ymd, separator: b'-', month_padded: Flag::Yes, day_padded: Flag::Yes };

/// `-12`
pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    put_integer(out, value, &NumberStyle::default());
}

/// `-12.50`, all digits of its scale.
pub(crate) fn decimal(out: &mut Vec<u8>, value: i128, scale: u8) {
    put_decimal(out, value, scale, &NumberStyle::default(), scale);
}

/// As Python's `repr` prints it: the fewest digits that mean it.
pub(crate) fn double(out: &mut Vec<u8>, value: f64) {
    put_float(out, value, &FloatStyle::python(), None);
}

/// `2024-02-29`
pub(crate) fn date(out: &mut Vec<u8>, days: i32) {
    clock::put_date(out, i64::from(days), &DATE);
}

/// How timestamps of a column are written.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    unit: TimeUnit,
    style: ClockStyle,
}

impl Clock {
    /// With so many digits after the second.
    pub(crate) fn new(unit: TimeUnit, zone: Zone, digits: u8) -> Self {
        let suffix: &[u8] = if zone == Zone::Utc { b"Z" } else { b"" };
        let style = ClockStyle {
            gap: Gap::T,
            hour_padded: Flag::Yes,
            seconds: Seconds::Always,
            mark: b'.',
            fraction: SecondFraction::AtLeast(digits),
            zones: vec![suffix.to_vec()],
            zones_per: Per::Column,
        };
        Self { unit, style }
    }

    /// `2024-02-29T09:30:00.125000Z`
    pub(crate) fn put(&self, out: &mut Vec<u8>, value: i64) {
        clock::put_timestamp(out, Instant::of(value, self.unit, 0), &DATE, &self.style, 0);
        out.extend_from_slice(&self.style.zones[0]);
    }
}
