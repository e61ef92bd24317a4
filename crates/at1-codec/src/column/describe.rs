//! Forms in words, for people who ask what a segment does with a column.

use std::fmt::{self, Write as _};

use super::{
    boolean,
    form::{
        ClockStyle, DateStyle, Flag, FloatDigits, FloatStyle, Form, Notation, NumberStyle, Parts, Per, Quoting,
        SecondFraction, Seconds, Style,
    },
    time::Gap,
};
use crate::column::pin::DateOrder;

impl Form {
    /// The form in words, such as `decimal, 2 digits` or `timestamp, YYYY-MM-DDTHH:MM:SS.fff Z, quoted`.
    pub(crate) fn describe(&self) -> String {
        let mut words = String::new();
        self.write_words(&mut words).expect("a string takes all");
        words
    }

    fn write_words(&self, out: &mut String) -> fmt::Result {
        match &self.style {
            Style::Text(escapes) => {
                out.push_str("text");
                escapes.words().try_for_each(|words| write!(out, ", {words}"))?;
            }
            Style::Integer(number) => {
                out.push_str("integer");
                number.write_words(out)?;
            }
            Style::Decimal { scale, number } => {
                out.push_str("decimal");
                match number.fraction_per {
                    Per::Row => out.push_str(", digits per row"),
                    Per::Column if i16::from(number.fraction_min) >= i16::from(*scale) => {
                        write!(out, ", {} digits", number.fraction_min)?;
                    }
                    Per::Column => write!(out, ", at least {} digits", number.fraction_min)?,
                }
                number.write_words(out)?;
            }
            Style::Float(float) => float.write_words(out)?,
            Style::Boolean(pair) => {
                let [no, yes] = boolean::PAIRS[usize::from(*pair)];
                write!(out, "boolean, {yes} or {no}")?;
            }
            Style::Date(date) => {
                out.push_str("date, ");
                date.write_words(out);
            }
            Style::Timestamp(date, clock) => {
                out.push_str("timestamp, ");
                date.write_words(out);
                clock.write_words(out);
            }
        }
        match (self.blanks.lead, self.blanks.width) {
            (0, 0) => {}
            (lead, 0) => write!(out, ", after {lead} blanks")?,
            (_, width) => write!(out, ", {width} wide")?,
        }
        out.push_str(match self.quoting {
            Quoting::Never if matches!(self.style, Style::Text(_)) => ", never quoted",
            Quoting::Never => "",
            Quoting::Always => ", quoted",
            Quoting::Needed if matches!(self.style, Style::Text(_)) => "",
            Quoting::Needed => ", quoted where needed",
            Quoting::PerRow => ", quoted per row",
        });
        match (self.nulls_per, &self.nulls[0]) {
            (Per::Row, _) => out.push_str(", null spelled per row"),
            (Per::Column, null) if null.is_empty() => {}
            (Per::Column, null) => write!(out, ", null is {}", null.escape_ascii())?,
        }
        Ok(())
    }
}

impl NumberStyle {
    fn write_words(&self, out: &mut String) -> fmt::Result {
        if self.plus == Flag::Yes {
            out.push_str(", plus sign");
        }
        if self.leading_zero == Flag::No {
            out.push_str(", no zero before the point");
        }
        if self.trailing_point == Flag::Yes {
            out.push_str(", point at the end");
        }
        if self.int_width > 0 {
            write!(out, ", zero-padded width {}", self.int_width)?;
        }
        Ok(())
    }
}

impl FloatStyle {
    fn write_words(&self, out: &mut String) -> fmt::Result {
        match self.digits {
            FloatDigits::Shortest => out.push_str("float, shortest"),
            FloatDigits::Significant(digits) => write!(out, "float, {digits} significant digits")?,
            FloatDigits::Fixed(digits) => write!(out, "float, {digits} digits")?,
        }
        let always = matches!(self.notation, Notation::Between { low, high } if low >= high);
        if always {
            out.push_str(", always with exponent");
        }
        let fraction_min = if always { self.exponent.fraction_min } else { self.number.fraction_min };
        match (self.number.fraction_per, fraction_min) {
            (Per::Row, _) => out.push_str(", digits per row"),
            (Per::Column, 0) => {}
            (Per::Column, digits) => write!(out, ", at least {digits} after the point")?,
        }
        match self.notation {
            Notation::Narrower => out.push_str(", exponent where that is narrower"),
            Notation::Between { low, high } if !always && (low > -400 || high < 400) => {
                write!(out, ", exponent below 1e{low} and from 1e{high}")?;
            }
            Notation::Between { .. } => {}
        }
        self.number.write_words(out)
    }
}

impl DateStyle {
    fn write_words(&self, out: &mut String) {
        let month = if self.month_padded == Flag::Yes { "MM" } else { "M" };
        let day = if self.day_padded == Flag::Yes { "DD" } else { "D" };
        let parts = match self.parts {
            Parts::Ymd => ["YYYY", month, day],
            Parts::YearLast(DateOrder::Dmy) => [day, month, "YYYY"],
            Parts::YearLast(DateOrder::Mdy) => [month, day, "YYYY"],
            Parts::MonthName => [day, "Mon", "YYYY"],
        };
        out.push_str(&parts.join(&char::from(self.separator).to_string()));
    }
}

impl ClockStyle {
    fn write_words(&self, out: &mut String) {
        match self.gap {
            Gap::T => out.push('T'),
            Gap::Colon => out.push(':'),
            Gap::Blanks(count) => out.extend(std::iter::repeat_n(' ', usize::from(count))),
        }
        out.push_str(if self.hour_padded == Flag::Yes { "HH:MM" } else { "H:MM" });
        out.push_str(match self.seconds {
            Seconds::Always => ":SS",
            Seconds::Never => "",
            Seconds::UnlessZero => "[:SS]",
        });
        let mark = char::from(self.mark);
        let digits = |digits: u8| "f".repeat(usize::from(digits));
        match self.fraction {
            SecondFraction::AtLeast(0) => {}
            SecondFraction::AtLeast(least) => out.extend([mark.to_string(), digits(least)]),
            SecondFraction::UnlessZero(least) => {
                out.extend(["[".to_owned(), mark.to_string(), digits(least), "]".to_owned()])
            }
            SecondFraction::Groups => out.extend(["[".to_owned(), mark.to_string(), "fff[fff[fff]]]".to_owned()]),
            SecondFraction::PerRow => out.extend([mark.to_string(), "f per row".to_owned()]),
        }
        match self.zones_per {
            Per::Row => out.push_str(", zone per row"),
            Per::Column => out.push_str(&self.zones[0].escape_ascii().to_string()),
        }
    }
}
