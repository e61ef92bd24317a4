//! What a column's fields could be: one pass over them, and an exact count for every type.
//!
//! * [`Inference::misfits`] is the number of fields that [`encode`](super::encode) would reject, neither more nor less.
//! * Two inferences merge into what one over all the fields would have been.
//! * Nothing is guessed: among the types that lose the fewest fields the first of a fixed order is taken, and a column
//!   is text unless nearly all of its fields agree.

use super::{
    boolean,
    counts::Counts,
    kind::{Class, DIGITS_MAX, Kind, NumberKind, ORDERS, Shape, UNITS, is_utf8},
    memo::{Look, Memo},
    nulls::{NullWords, without_lead},
    number::fraction_len,
    pin::{DateOrder, Reading},
};
use crate::{ColumnType, TimeUnit, Zone, text::Syntax};

/// One field in so many may be a reject of a typed column.
const REJECTS_ONE_IN: u64 = 1000;
/// And one in so many of the fields that are not null, so that a few words in an empty column do not become a number.
const REJECTS_ONE_IN_VALUES: u64 = 100;
/// How many fields are remembered that may come again.
const MEMO_SLOTS_MAX: usize = 256;

/// What a column's fields could be.
///
/// ```
/// use at1_codec::{ColumnType, column::{Inference, NullWords, Reading}, text::Syntax};
/// let mut fields = Inference::new(&NullWords::default());
/// for raw in [&b"1.25"[..], b"NA", b"", b"\"-3.5\""] {
///     fields.observe(raw, Syntax::CSV);
/// }
/// assert_eq!(fields.best(), ColumnType::Decimal { precision: 18, scale: 2 });
/// assert_eq!((fields.fields(), fields.nulls()), (4, 2));
/// assert_eq!(fields.misfits(ColumnType::Int64, Reading::default()), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Inference {
    words: NullWords,
    counts: Counts,
    /// The most digits after the point that a number without exponent and leading zeros is written with.
    scale_written_max: usize,
    examples: [Option<Box<[u8]>>; Class::COUNT],
    /// The kinds of fields that may come again, written in `syntax`.
    memo: Memo<usize>,
    syntax: Syntax,
    scratch: Vec<u8>,
}

impl Inference {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(nulls: &NullWords) -> Self {
        Self {
            words: nulls.clone(),
            counts: Counts::default(),
            scale_written_max: 0,
            examples: Default::default(),
            memo: Memo::new(MEMO_SLOTS_MAX),
            syntax: Syntax::Bare,
            scratch: Vec::new(),
        }
    }

    /// Takes one more field into account: its raw bytes, quotes included.
    pub fn observe(&mut self, raw: &[u8], syntax: Syntax) {
        if syntax != self.syntax {
            self.syntax = syntax;
            self.memo.clear();
        }
        let look = self.memo.look(raw);
        if let Look::Found(index) = look {
            return self.counts.again(index);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let (value, _) = syntax.value(raw, &mut scratch);
        let index = self.observe_value(value);
        self.scratch = scratch;
        if let Look::Missing(key) = look {
            self.memo.keep(key, index);
        }
    }

    /// Counts a field, and says where.
    fn observe_value(&mut self, value: &[u8]) -> usize {
        let body = without_lead(value);
        let kind = if self.words.is_null(value, body) {
            Kind::Null { is_utf8: is_utf8(value) }
        } else {
            Kind::of(value, body)
        };
        if let Kind::Number(NumberKind { has_leading_zeros: false, shape: Shape::Point, .. }) = kind {
            self.scale_written_max = self.scale_written_max.max(fraction_len(body));
        }
        let (index, is_new) = self.counts.add(kind, 1);
        if is_new && let Some(class) = kind.class() {
            // Where the kind is new but the class is not, the first example stays.
            self.examples[class as usize].get_or_insert_with(|| value.into());
        }
        index
    }

    /// Adds what `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        for (kind, count) in other.counts.iter() {
            self.counts.add(kind, count);
        }
        self.scale_written_max = self.scale_written_max.max(other.scale_written_max);
        for (mine, theirs) in self.examples.iter_mut().zip(&other.examples) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }

    /// How many fields are of a kind that `is_so`.
    fn count(&self, is_so: impl Fn(Kind) -> bool) -> u64 {
        self.counts.iter().filter(|&(kind, _)| is_so(kind)).map(|(_, count)| count).sum()
    }

    /// The kinds that were seen and are not null.
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.counts.iter().map(|(kind, _)| kind)
    }

    /// How many fields were seen.
    #[must_use]
    pub fn fields(&self) -> u64 {
        self.count(|_| true)
    }

    /// How many of them are null in a typed column: empty, or null words.
    #[must_use]
    pub fn nulls(&self) -> u64 {
        self.count(|kind| matches!(kind, Kind::Null { .. }))
    }

    fn values(&self) -> u64 {
        self.fields() - self.nulls()
    }

    /// How many fields a column of type `ty` could not hold, read so: its rejects if it were used.
    #[must_use]
    pub fn misfits(&self, ty: ColumnType, reading: Reading) -> u64 {
        self.count(|kind| !kind.fits(ty, reading))
    }

    /// The type that the fields have by themselves; [`Self::reading`] goes with it.
    #[must_use]
    pub fn best(&self) -> ColumnType {
        let candidates = self.candidates();
        let fewest = candidates.iter().map(|&(_, misfits)| misfits).min().unwrap_or(u64::MAX);
        let first = candidates.iter().find(|&&(_, misfits)| misfits == fewest);
        match first {
            Some(&(ty, misfits)) if self.is_typed(misfits) => ty,
            _ => {
                let invalid = self.misfits(ColumnType::Text, Reading::default());
                let is_text = invalid.saturating_mul(REJECTS_ONE_IN) <= self.fields();
                if is_text { ColumnType::Text } else { ColumnType::Binary }
            }
        }
    }

    /// How the fields settle what type `ty` alone leaves open: the order of day and month.
    #[must_use]
    pub fn reading(&self, ty: ColumnType) -> Reading {
        let held = |kind: Kind| match (kind, ty) {
            (Kind::Date(held), ColumnType::Date) => Some((held, TimeUnit::Micros)),
            (Kind::Timestamp { zone: found, held, .. }, ColumnType::Timestamp { unit, zone }) => {
                (found == zone).then_some((held, unit))
            }
            _ => None,
        };
        let in_order = |order| self.count(|kind| held(kind).is_some_and(|(held, unit)| held.holds(order, unit)));
        let [unsettled, dmy, mdy] = ORDERS.map(in_order);
        let any = self.count(|kind| held(kind).is_some_and(|(held, unit)| held.holds_some(unit)));
        // Values that only one order can read settle it, if next to nothing speaks for the other order.
        let settles = |one: u64, other: u64| {
            one > other && one >= unsettled && (one == any || !self.is_typed(self.values() - other))
        };
        let order = if settles(dmy, mdy) {
            Some(DateOrder::Dmy)
        } else if settles(mdy, dmy) {
            Some(DateOrder::Mdy)
        } else {
            None
        };
        Reading { order, ..Reading::default() }
    }

    fn is_typed(&self, rejects: u64) -> bool {
        self.values() > 0
            && rejects.saturating_mul(REJECTS_ONE_IN) <= self.fields()
            && rejects.saturating_mul(REJECTS_ONE_IN_VALUES) <= self.values()
    }

    /// Types to choose from, the better first, each with the fields it would lose.
    fn candidates(&self) -> Vec<(ColumnType, u64)> {
        let of = |ty| (ty, self.misfits(ty, Reading::default()));
        let settled = |ty| (ty, self.misfits(ty, self.reading(ty)));
        let mut candidates: Vec<_> = self.numeric_types().into_iter().map(of).collect();
        let spelled = |pair| self.count(|kind| kind == Kind::Word(pair));
        let most = (0..boolean::INFERRED).map(spelled).max().unwrap_or(0);
        candidates.push((ColumnType::Boolean, self.values() - most));
        candidates.push(settled(ColumnType::Date));
        for zone in [Zone::Naive, Zone::Utc] {
            let mut units = UNITS;
            if self.kinds().any(|kind| matches!(kind, Kind::Timestamp { zone: z, is_fine: true, .. } if z == zone)) {
                units.reverse();
            }
            candidates.extend(units.map(|unit| settled(ColumnType::Timestamp { unit, zone })));
        }
        candidates
    }

    fn numeric_types(&self) -> Vec<ColumnType> {
        let numbers = || {
            let numbers =
                self.kinds().filter_map(|kind| if let Kind::Number(number) = kind { Some(number) } else { None });
            numbers.filter(|number| !number.has_leading_zeros)
        };
        let mut types = vec![ColumnType::Int64];
        let is_special = self.kinds().any(|kind| kind == Kind::Special);
        if numbers().all(|number| number.shape == Shape::Integer) && !is_special {
            types.push(ColumnType::Decimal { precision: 38, scale: 0 });
            return types;
        }
        // The most digits after the point that count, of those numbers that some decimal holds.
        let scale_max = numbers().map(|number| number.scale).filter(|&scale| scale <= DIGITS_MAX).max();
        // The scale as it is written if that fits, so that 1.50 has two digits; else only what counts.
        let scales = [self.scale_written_max, usize::from(scale_max.unwrap_or(0))];
        let decimals = |precision: u8| {
            let scales = scales.into_iter().filter_map(|scale| u8::try_from(scale).ok());
            scales.filter(move |&s| s <= precision).map(move |scale| ColumnType::Decimal { precision, scale })
        };
        types.extend(decimals(18));
        types.push(ColumnType::Float64);
        types.extend(decimals(38));
        types
    }

    /// A field that a column of type `ty` does not hold because it looks different altogether, if one was seen.
    #[must_use]
    pub fn misfit_example(&self, ty: ColumnType) -> Option<&[u8]> {
        use Class::{Boolean, Date, Decimal, Exponent, Integer, Naive, NotUtf8, Special, Text, Zoned};
        let fits: &[Class] = match ty {
            ColumnType::Int64 => &[Integer],
            ColumnType::Decimal { .. } => &[Integer, Decimal],
            ColumnType::Float64 => &[Integer, Decimal, Exponent, Special],
            ColumnType::Boolean => &[Boolean],
            ColumnType::Date => &[Date],
            ColumnType::Timestamp { zone: Zone::Naive, .. } => &[Naive],
            ColumnType::Timestamp { zone: Zone::Utc, .. } => &[Zoned],
            ColumnType::Text => return self.examples[NotUtf8 as usize].as_deref(),
            ColumnType::Binary => return None,
        };
        let fits = |index: usize| fits.iter().any(|&class| class as usize == index);
        let mut examples = self.examples.iter().enumerate();
        // Words first: they say more than a number that does not fit.
        let word = self.examples[Text as usize].as_deref();
        word.or_else(|| examples.find_map(|(index, example)| example.as_deref().filter(|_| !fits(index))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::strings::Random;

    #[test]
    fn fields_that_come_again_count_again() {
        let mut random = Random::new(6);
        for pool in [1, 10, 300, 5000] {
            let pool: Vec<Vec<u8>> = (0..pool).map(|_| random.field()).collect();
            let mut remembering = Inference::new(&NullWords::default());
            let mut forgetting = Inference { memo: Memo::off(), ..remembering.clone() };
            for row in 0..20_000 {
                // The quote changes what a field is.
                let syntax = if row % 5000 < 4000 { Syntax::CSV } else { Syntax::Bare };
                let raw = &pool[random.below(pool.len())];
                remembering.observe(raw, syntax);
                forgetting.observe(raw, syntax);
            }
            assert!(remembering.counts.iter().eq(forgetting.counts.iter()), "of {} fields", pool.len());
            assert_eq!(remembering.scale_written_max, forgetting.scale_written_max);
            assert_eq!(remembering.examples, forgetting.examples);
            assert_eq!(remembering.fields(), 20_000);
        }
    }
}
