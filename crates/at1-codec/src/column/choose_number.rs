//! Number styles, chosen by counting.
//!
//! * Of two styles that print the sample equally well, the one that the wider world uses is taken, so that a value
//!   unlike the sample (the one tiny number in a column of large ones) has the best chance.

use super::{
    float::{put_float, with_digits},
    form::{ExponentStyle, Flag, FloatDigits, FloatStyle, Notation, NumberStyle, Per},
    number::{Number, Sign, Special},
    sample::Bodies,
    tally::{Tally, fewest, is_frequent},
};

/// How many fields with many digits are printed in every way to find out which.
const TRIALS: usize = 512;
/// A double of so many significant digits or fewer is its shortest spelling.
const SHORTEST_DIGITS: usize = 15;
/// No exponent is outside: always or never.
const ALWAYS: i16 = i16::MAX;
const NEVER: i16 = i16::MIN;

/// Is one thing seen more often than the other?
fn majority(votes: impl Iterator<Item = bool>) -> Flag {
    Flag::from(votes.fold(0i64, |sum, vote| if vote { sum + 1 } else { sum - 1 }) > 0)
}

/// The style of a column of integers.
pub(crate) fn integer_style(numbers: &[Number<'_>]) -> NumberStyle {
    let not_negative = numbers.iter().filter(|n| n.sign != Sign::Minus);
    let plus = majority(not_negative.map(|n| n.sign == Sign::Plus));
    let padded: Tally<usize> = numbers.iter().filter(|n| n.has_leading_zeros()).map(|n| n.int.len()).collect();
    let widths = padded.ranked().filter_map(|(&width, _)| u8::try_from(width).ok()).take(3);
    let errors = |&width: &u8| {
        let is_wrong = |n: &&Number<'_>| !n.int.is_empty() && n.int.len() != n.needs().0.max(usize::from(width.max(1)));
        numbers.iter().filter(is_wrong).count()
    };
    let int_width = fewest(std::iter::once(0).chain(widths), errors).map_or(0, |(width, _)| width);
    NumberStyle { plus, int_width, ..NumberStyle::default() }
}

/// The style of a column of decimals; `scale` is for a column without any.
pub(crate) fn decimal_style(numbers: &[Number<'_>], scale: usize) -> NumberStyle {
    let (fraction_min, fraction_per) = fraction(numbers, scale);
    let below_one = numbers.iter().filter(|n| n.needs().0 == 0 && !n.fraction().is_empty());
    let whole = numbers.iter().filter(|n| n.fraction().is_empty());
    NumberStyle {
        fraction_min,
        fraction_per,
        leading_zero: match majority(below_one.map(|n| n.int.is_empty())) {
            Flag::Yes => Flag::No,
            Flag::No => Flag::Yes,
        },
        trailing_point: majority(whole.map(|n| n.fraction.is_some())),
        ..integer_style(numbers)
    }
}

/// Digits after the point, at least.
fn fraction(numbers: &[Number<'_>], otherwise: usize) -> (u8, Per) {
    let small = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
    let fractions: Vec<_> = numbers.iter().map(|n| (n.fraction().len(), n.needs().1)).collect();
    let written: Tally<usize> = fractions.iter().map(|&(written, _)| written).collect();
    let mut candidates: Vec<u8> = written.ranked().map(|(&written, _)| small(written)).collect();
    // With more before fewer, what all of the sample has is what all of the column is taken to have.
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    let errors =
        |&min: &u8| fractions.iter().filter(|&&(written, needed)| written != needed.max(usize::from(min))).count();
    match fewest(candidates, errors) {
        None => (small(otherwise), Per::Column),
        Some((min, errors)) if is_frequent(errors, fractions.len()) => (min, Per::Row),
        Some((min, _)) => (min, Per::Column),
    }
}

/// The style of a column of doubles.
pub(crate) fn float_style(bodies: &Bodies) -> FloatStyle {
    let style = FloatStyle::python();
    let numbers: Vec<_> = bodies.iter().filter_map(Number::lex).collect();
    let style = match numbers.len() {
        0 => style,
        _ => {
            let (scientific, positional): (Vec<_>, Vec<_>) = numbers.iter().partition(|n| n.exponent.is_some());
            FloatStyle {
                number: positional_style(&positional, &scientific, style.number),
                notation: notation(&numbers),
                exponent: exponent_style(&scientific, style.exponent),
                ..style
            }
        }
    };
    let specials: Vec<_> = bodies.iter().filter_map(Special::lex).collect();
    let nans = specials.iter().filter_map(|s| if let Special::NaN { word, .. } = s { Some(*word) } else { None });
    let infinities =
        specials.iter().filter_map(|s| if let Special::Infinity { word, .. } = s { Some(*word) } else { None });
    let style = FloatStyle {
        nan: nans.collect::<Tally<_>>().most().unwrap_or(style.nan),
        infinity: infinities.collect::<Tally<_>>().most().unwrap_or(style.infinity),
        ..style
    };
    FloatStyle { digits: digits(&numbers, &style), ..style }
}

/// How doubles without exponent are written, or the sign of the others if there are none.
fn positional_style(positional: &[Number<'_>], scientific: &[Number<'_>], otherwise: NumberStyle) -> NumberStyle {
    if positional.is_empty() {
        NumberStyle { plus: integer_style(scientific).plus, ..otherwise }
    } else {
        decimal_style(positional, 0)
    }
}

/// How doubles with exponent are written.
fn exponent_style(scientific: &[Number<'_>], otherwise: ExponentStyle) -> ExponentStyle {
    let exponents: Vec<_> = scientific.iter().filter_map(|n| n.exponent).collect();
    let Some(width) = exponents.iter().map(|e| e.width).min() else { return otherwise };
    let mut positive = exponents.iter().filter(|e| e.sign != Sign::Minus).peekable();
    ExponentStyle {
        upper: majority(exponents.iter().map(|e| e.letter == b'E')),
        plus: match positive.peek() {
            None => otherwise.plus,
            Some(_) => majority(positive.map(|e| e.sign == Sign::Plus)),
        },
        width: u8::try_from(width).unwrap_or(1),
        fraction_min: fraction(scientific, 0).0,
    }
}

/// Which numbers are written with an exponent.
fn notation(numbers: &[Number<'_>]) -> Notation {
    if numbers.iter().all(is_middling) {
        return MIDDLING;
    }
    any_notation(numbers)
}

/// What is taken where nothing speaks against it.
const MIDDLING: Notation = Notation::Between { low: -4, high: 16 };

/// Is it written without exponent, and would be by any program?
fn is_middling(number: &Number<'_>) -> bool {
    let fraction = number.fraction();
    let is_tiny = || fraction.iter().take(3).all(|&b| b == b'0') && number.significant() > 0;
    number.exponent.is_none() && number.int.len() <= 6 && (number.needs().0 > 0 || !is_tiny())
}

fn any_notation(numbers: &[Number<'_>]) -> Notation {
    let shape = |value: f64| with_digits(value.abs(), FloatDigits::Shortest, |digits, point| (digits.len(), point - 1));
    let seen: Vec<_> = numbers.iter().filter_map(|n| Some((shape(n.double()?), n.exponent.is_some()))).collect();
    if seen.iter().all(|&(_, scientific)| scientific) {
        return Notation::Between { low: ALWAYS, high: ALWAYS };
    }
    let (low, high) = thresholds(&seen);
    let errors = |notation: &Notation| {
        seen.iter().filter(|&&((digits, e), scientific)| notation.is_positional(digits, e) == scientific).count()
    };
    let candidates = [Notation::Between { low, high }, Notation::Narrower];
    fewest(candidates, errors).map_or(Notation::Narrower, |(notation, _)| notation)
}

/// The decimal exponents between which no exponent is written, given digits, exponent and notation of each number.
fn thresholds(seen: &[((usize, i32), bool)]) -> (i16, i16) {
    let seen: Vec<(i16, bool)> =
        seen.iter().filter_map(|&((_, e), scientific)| Some((i16::try_from(e).ok()?, scientific))).collect();
    let scientific = |below_one: bool| {
        let side = seen.iter().filter(move |&&(exponent, is)| is && (exponent < 0) == below_one);
        side.map(|&(exponent, _)| exponent)
    };
    // Known programs first, then whatever separates the sample.
    let lows = [-4, -6, -5, -3, NEVER].into_iter().chain(scientific(true).max().map(|most| most + 1));
    let highs = [16, 21, 7, 15, 17, 6, ALWAYS].into_iter().chain(scientific(false).min());
    let low = fewest(lows, |&low| seen.iter().filter(|&&(e, is)| e < 0 && is != (e < low)).count());
    let high = fewest(highs, |&high| seen.iter().filter(|&&(e, is)| e >= 0 && is != (e >= high)).count());
    (low.map_or(-4, |(low, _)| low), high.map_or(16, |(high, _)| high))
}

/// Which digits are printed, found by printing.
fn digits(numbers: &[Number<'_>], style: &FloatStyle) -> FloatDigits {
    let long = numbers.iter().filter(|number| number.significant() > SHORTEST_DIGITS);
    let trials: Vec<_> = long.filter_map(|number| Some((number, number.double()?))).take(TRIALS).collect();
    let candidates = [
        FloatDigits::Shortest,
        FloatDigits::Significant(17),
        FloatDigits::Significant(16),
        FloatDigits::Fixed(style.number.fraction_min),
    ];
    let mut out = Vec::new();
    let errors = |&digits: &FloatDigits| {
        let style = FloatStyle { digits, ..*style };
        let mut is_wrong = |number: &Number<'_>, value: f64| {
            let of_row = u8::try_from(number.fraction().len()).ok().filter(|_| style.number.fraction_per == Per::Row);
            out.clear();
            put_float(&mut out, value, &style, of_row);
            out != number.text
        };
        trials.iter().filter(|(number, value)| is_wrong(number, *value)).count()
    };
    fewest(candidates, errors).map_or(FloatDigits::Shortest, |(digits, _)| digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::strings::Random;

    #[test]
    fn middling_numbers_have_the_usual_notation() {
        let mut random = Random::new(7);
        let mut seen = 0;
        for _ in 0..20_000 {
            let texts: Vec<_> = (0..1 + random.below(3)).map(|_| random.number(8)).collect();
            let numbers: Vec<_> = texts.iter().filter_map(|text| Number::lex(text)).collect();
            assert_eq!(notation(&numbers), any_notation(&numbers), "{numbers:?}");
            seen += u32::from(numbers.iter().all(is_middling));
        }
        assert!(seen > 1000, "{seen}");
    }
}
