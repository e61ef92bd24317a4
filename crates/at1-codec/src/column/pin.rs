//! How a column is read when its text alone does not say.
//!
//! * A [`Reading`] never changes what unambiguous text means; it only settles what several readings would fit.
//! * A [`Pin`] is what a user says: a type, and the reading that goes with it.

use std::{fmt, str::FromStr};

use crate::{ColumnType, TimeUnit, Zone};

/// What one step of a number means that counts time since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Epoch {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl Epoch {
    /// All of them, coarsest first.
    pub(crate) const ALL: [Self; 4] = [Self::Seconds, Self::Millis, Self::Micros, Self::Nanos];

    /// How many digits after the second one step is.
    pub(crate) fn digits(self) -> u8 {
        match self {
            Self::Seconds => 0,
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Seconds => "epoch_s",
            Self::Millis => "epoch_ms",
            Self::Micros => "epoch_us",
            Self::Nanos => "epoch_ns",
        }
    }

    /// The type that its pin gives: microseconds, unless the steps are finer.
    fn ty(self) -> ColumnType {
        let unit = if self == Self::Nanos { TimeUnit::Nanos } else { TimeUnit::Micros };
        ColumnType::Timestamp { unit, zone: Zone::Utc }
    }
}

/// Which comes first where the year comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateOrder {
    /// The day: `31/12/2024`.
    Dmy,
    /// The month: `12/31/2024`.
    Mdy,
}

/// Who says that the column has its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// The fields themselves. Digits with leading zeros are no numbers then, and `yes` and `no` no booleans.
    #[default]
    Inferred,
    /// The user.
    Pinned,
}

/// What settles fields that could be read in several ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reading {
    /// In a timestamp column: the fields are numbers that count these steps. Other types ignore it.
    pub epoch: Option<Epoch>,
    /// The order of day and month where the year comes last. Without it, a field like `02/03/2024` does not hold,
    /// while `31/03/2024` and `03/03/2024` can mean only one day.
    pub order: Option<DateOrder>,
    /// Who says so.
    pub source: Source,
}

/// How far one reading of a column agrees with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// Every field comes to the same.
    Full,
    /// Every field that is no reject in the first comes to the same in the other, which may hold some of the rejects.
    Held,
    /// Nothing is sure.
    Open,
}

impl Reading {
    /// How far fields of type `ty` come to the same when they are read like `other`.
    ///
    /// ```
    /// use at1_codec::{ColumnType, column::{Agreement, Pin, Reading}};
    /// let pin: Pin = "int64".parse()?;
    /// // `007` is an integer to a user who says so, and else it is not.
    /// assert_eq!(Reading::default().agreement(pin.reading, ColumnType::Int64), Agreement::Held);
    /// assert_eq!(pin.reading.agreement(Reading::default(), ColumnType::Int64), Agreement::Open);
    /// assert_eq!(pin.reading.agreement(Reading::default(), ColumnType::Text), Agreement::Full);
    /// # Ok::<(), at1_codec::column::UnknownPin>(())
    /// ```
    #[must_use]
    pub fn agreement(self, other: Self, ty: ColumnType) -> Agreement {
        let full = |same: bool| if same { Agreement::Full } else { Agreement::Open };
        match ty {
            ColumnType::Text | ColumnType::Binary => Agreement::Full,
            ColumnType::Date => full(self.order == other.order),
            ColumnType::Timestamp { .. } if self.epoch != other.epoch => Agreement::Open,
            ColumnType::Timestamp { .. } if self.epoch.is_none() => full(self.order == other.order),
            _ => match (self.source, other.source) {
                (Source::Inferred, Source::Pinned) => Agreement::Held,
                (mine, others) => full(mine == others),
            },
        }
    }
}

/// A type that the user gives a column.
///
/// ```
/// use at1_codec::{ColumnType, TimeUnit, Zone, column::{Epoch, Pin}};
/// let pin: Pin = "epoch_ms".parse()?;
/// assert_eq!(pin.ty, ColumnType::Timestamp { unit: TimeUnit::Micros, zone: Zone::Utc });
/// assert_eq!(pin.reading.epoch, Some(Epoch::Millis));
/// assert_eq!(pin.to_string(), "epoch_ms");
/// assert_eq!("timestamp_dmy".parse::<Pin>()?.to_string(), "timestamp_dmy");
/// # Ok::<(), at1_codec::column::UnknownPin>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pin {
    /// What the column holds.
    pub ty: ColumnType,
    /// How its fields are read; its source is [`Source::Pinned`].
    pub reading: Reading,
}

impl From<ColumnType> for Pin {
    fn from(ty: ColumnType) -> Self {
        Self { ty, reading: Reading { source: Source::Pinned, ..Reading::default() } }
    }
}

impl FromStr for Pin {
    type Err = UnknownPin;

    fn from_str(word: &str) -> Result<Self, UnknownPin> {
        if let Some(epoch) = Epoch::ALL.into_iter().find(|epoch| epoch.word() == word) {
            let mut pin = Self::from(epoch.ty());
            pin.reading.epoch = Some(epoch);
            return Ok(pin);
        }
        let (stem, order) = match word.rsplit_once('_') {
            Some((stem, "dmy")) => (stem, Some(DateOrder::Dmy)),
            Some((stem, "mdy")) => (stem, Some(DateOrder::Mdy)),
            _ => (word, None),
        };
        let ty: ColumnType = stem.parse().map_err(|_| UnknownPin(word.to_owned()))?;
        if order.is_some() && !matches!(ty, ColumnType::Date | ColumnType::Timestamp { .. }) {
            return Err(UnknownPin(word.to_owned()));
        }
        let mut pin = Self::from(ty);
        pin.reading.order = order;
        Ok(pin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reading.epoch, self.reading.order) {
            (Some(epoch), _) if epoch.ty() == self.ty => f.write_str(epoch.word()),
            (_, None) => self.ty.fmt(f),
            (_, Some(DateOrder::Dmy)) => write!(f, "{}_dmy", self.ty),
            (_, Some(DateOrder::Mdy)) => write!(f, "{}_mdy", self.ty),
        }
    }
}

/// A word that names no type a column could be pinned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPin(pub String);

impl fmt::Display for UnknownPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown type: expected int64, decimal(18,S), decimal(38,S), double, boolean, date, timestamp, timestamptz, \
             timestamp_ns, timestamptz_ns, text, binary, epoch_s, epoch_ms, epoch_us, epoch_ns, or one of date and \
             timestamp followed by _dmy or _mdy, found {}",
            self.0
        )
    }
}

impl std::error::Error for UnknownPin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pin_prints_it_reads() {
        let words = "int64 decimal(18,2) decimal(38,0) double boolean date timestamp timestamptz timestamp_ns \
                     timestamptz_ns text binary epoch_s epoch_ms epoch_us epoch_ns date_dmy date_mdy timestamp_dmy \
                     timestamp_mdy timestamptz_dmy timestamp_ns_mdy";
        for word in words.split_whitespace() {
            let pin: Pin = word.parse().expect(word);
            assert_eq!(pin.to_string(), word);
            assert_eq!(pin.reading.source, Source::Pinned);
        }
    }

    #[test]
    fn no_other_word_is_a_pin() {
        for word in ["", "integer", "int64_dmy", "date_ymd", "epoch", "epoch_h", "decimal(17,2)", "_dmy"] {
            let error = word.parse::<Pin>().expect_err(word);
            assert!(error.to_string().ends_with(&format!("found {word}")), "{error}");
        }
    }
}
