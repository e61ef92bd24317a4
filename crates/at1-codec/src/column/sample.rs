//! The form of a column, chosen from a sample of its fields.
//!
//! * Each property is decided by counting, by itself: the form that prints most of the sample right.
//! * A choice costs size only. What the form prints wrong is patched, whatever the sample looked like.

use std::ops::Range;

use super::{
    boolean::Word,
    choose_number::{decimal_style, float_style, integer_style},
    choose_time::{clock_style, date_style},
    escapes::EscapesSeen,
    form::{Blanks, Form, Per, Quoting, SPELLING_BYTES_MAX, Style, unit_digits},
    nulls::without_lead,
    tally::{Tally, fewest, is_frequent},
    time::TimeText,
    value::{Meaning, is_textual},
};
use crate::{
    ColumnType,
    text::{Quoted, Syntax},
};

/// How many rows a sample has at most.
const ROWS_MAX: usize = 8 << 10;
/// It is taken in runs of so many rows.
const RUN_ROWS: usize = 32;

/// Which of `rows` rows are in the sample: short runs, spread evenly.
#[inline]
pub(crate) fn is_sampled(row: usize, rows: usize) -> bool {
    // A power of two, since this is asked of every row of every column.
    let stride = rows.div_ceil(ROWS_MAX).next_power_of_two();
    (row / RUN_ROWS) & (stride - 1) == 0
}

/// Those of `range`'s rows that are in the sample, run by run.
pub(crate) fn sampled(range: Range<usize>, rows: usize) -> impl Iterator<Item = Range<usize>> {
    let first_run = range.start - range.start % RUN_ROWS;
    let runs = (first_run..range.end).step_by(RUN_ROWS).filter(move |&run| is_sampled(run, rows));
    runs.map(move |run| run.max(range.start)..range.end.min(run + RUN_ROWS))
}

/// Fields that hold, unquoted and without leading blanks, back to back.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bodies {
    fn push(&mut self, body: &[u8]) {
        self.bytes.extend_from_slice(body);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

/// What was seen of a column.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    meaning: &'a Meaning,
    rows: usize,
    bodies: Bodies,
    /// Leading blanks and whole width of each body.
    blanks: Vec<(usize, usize)>,
    /// Whether a value is quoted, and whether it has to be.
    quotes: Vec<(Quoted, bool)>,
    nulls: Tally<Vec<u8>>,
    escapes: EscapesSeen,
    scratch: Vec<u8>,
}

impl<'a> Sample<'a> {
    pub(crate) fn new(meaning: &'a Meaning) -> Self {
        Self {
            meaning,
            rows: 0,
            bodies: Bodies::default(),
            blanks: Vec::new(),
            quotes: Vec::new(),
            nulls: Tally::default(),
            escapes: EscapesSeen::default(),
            scratch: Vec::new(),
        }
    }

    /// Adds a raw field.
    pub(crate) fn add(&mut self, raw: &[u8], syntax: Syntax) {
        self.rows += 1;
        let mut scratch = std::mem::take(&mut self.scratch);
        let (value, quoted) = syntax.value(raw, &mut scratch);
        self.add_value(raw, value, quoted, syntax);
        self.scratch = scratch;
    }

    fn add_value(&mut self, raw: &[u8], value: &[u8], quoted: Quoted, syntax: Syntax) {
        if self.meaning.is_null(value, quoted) {
            if raw.len() <= SPELLING_BYTES_MAX {
                self.nulls.add_bytes(raw);
            }
            return;
        }
        if is_textual(self.meaning.ty) {
            if let (Syntax::Json, Quoted::Yes, [_, inside @ .., _]) = (syntax, quoted, raw) {
                self.escapes.add(inside);
            }
        } else {
            let body = without_lead(value);
            if !self.meaning.holds(body) {
                return;
            }
            self.bodies.push(body);
            self.blanks.push((value.len() - body.len(), value.len()));
        }
        // The empty text is quoted in any form, and without a quote character there is no choice.
        if syntax.quote().is_some() && !value.is_empty() {
            self.quotes.push((quoted, syntax.needs_quotes(value)));
        }
    }

    /// The form that prints most of it right.
    pub(crate) fn form(&self) -> Form {
        let (nulls, nulls_per) = self.nulls();
        Form { nulls, nulls_per, quoting: self.quoting(), blanks: self.blanks(), style: self.style() }
    }

    fn nulls(&self) -> (Vec<Vec<u8>>, Per) {
        if self.nulls.is_empty() {
            return (vec![Vec::new()], Per::Column);
        }
        let ranked: Vec<_> = self.nulls.ranked().collect();
        let others = ranked[1..].iter().map(|&(_, count)| count).sum::<u64>();
        let others = usize::try_from(others).unwrap_or(usize::MAX);
        if is_frequent(others, self.rows) {
            (ranked.into_iter().map(|(raw, _)| raw.clone()).collect(), Per::Row)
        } else {
            (vec![ranked[0].0.clone()], Per::Column)
        }
    }

    fn quoting(&self) -> Quoting {
        // Where several would do, text is taken to be quoted where needed, and numbers never to need it.
        let forms = if is_textual(self.meaning.ty) {
            [Quoting::Needed, Quoting::Never, Quoting::Always]
        } else {
            [Quoting::Never, Quoting::Always, Quoting::Needed]
        };
        let errors = |form: &Quoting| {
            let is_wrong = |&&(quoted, needed): &&(Quoted, bool)| match form {
                Quoting::Never => quoted == Quoted::Yes,
                Quoting::Always => quoted == Quoted::No,
                Quoting::Needed | Quoting::PerRow => (quoted == Quoted::Yes) != needed,
            };
            self.quotes.iter().filter(is_wrong).count()
        };
        match fewest(forms, errors) {
            Some((form, errors)) if !is_frequent(errors, self.quotes.len()) => form,
            _ => Quoting::PerRow,
        }
    }

    fn blanks(&self) -> Blanks {
        if self.blanks.iter().all(|&(lead, _)| lead == 0) {
            return Blanks::default();
        }
        let small = |value: Option<usize>| value.and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
        let lead = small(self.blanks.iter().map(|&(lead, _)| lead).collect::<Tally<_>>().most());
        let width = small(self.blanks.iter().map(|&(_, width)| width).collect::<Tally<_>>().most());
        let least = small(self.blanks.iter().map(|&(lead, _)| lead).min());
        let candidates =
            [Blanks::default(), Blanks { lead, width: 0 }, Blanks { lead: 0, width }, Blanks { lead: least, width }];
        let errors = |form: &Blanks| {
            let is_wrong = |&&(lead, width): &&(usize, usize)| {
                let body = width - lead;
                lead != usize::from(form.lead).max(usize::from(form.width).saturating_sub(body))
            };
            self.blanks.iter().filter(is_wrong).count()
        };
        fewest(candidates, errors).map(|(form, _)| form).unwrap_or_default()
    }

    fn style(&self) -> Style {
        let meaning = self.meaning;
        let numbers = || self.bodies.iter().filter_map(|body| meaning.number(body)).collect::<Vec<_>>();
        let times = || self.bodies.iter().filter_map(TimeText::lex).collect::<Vec<_>>();
        match (meaning.ty, meaning.reading.epoch) {
            (ColumnType::Text | ColumnType::Binary, _) => Style::Text(self.escapes.habits()),
            (ColumnType::Int64, _) => Style::Integer(integer_style(&numbers())),
            (ColumnType::Decimal { scale, .. }, _) => {
                Style::Decimal { scale: scale.cast_signed(), number: decimal_style(&numbers(), usize::from(scale)) }
            }
            (ColumnType::Float64, _) => Style::Float(float_style(&self.bodies)),
            (ColumnType::Boolean, _) => {
                let pairs: Tally<u8> = self.bodies.iter().filter_map(|body| Some(Word::lex(body)?.pair)).collect();
                Style::Boolean(pairs.most().unwrap_or(0))
            }
            (ColumnType::Date, _) => Style::Date(date_style(&times(), meaning.reading.order)),
            (ColumnType::Timestamp { unit, .. }, Some(epoch)) => {
                let scale = unit_digits(unit).cast_signed() - epoch.digits().cast_signed();
                Style::Decimal { scale, number: decimal_style(&numbers(), 0) }
            }
            (ColumnType::Timestamp { zone, .. }, None) => {
                let times = times();
                Style::Timestamp(date_style(&times, meaning.reading.order), clock_style(&times, zone))
            }
        }
    }
}
