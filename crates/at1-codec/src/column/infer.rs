//! What a column's fields could be: one pass over them, and an exact count for every type.
//!
//! * [`Inference::misfits`] is the number of fields that [`encode`](super::encode) would reject, neither more nor less.
//! * Two inferences merge into what one over all the fields would have been.
//! * Nothing is guessed: among the types that lose the fewest fields the first of a fixed order is taken, and a column
//!   is text unless nearly all of its fields agree.

use super::{
    boolean::{self, Word},
    form::unit_digits,
    nulls::{NullWords, without_lead},
    number::{self, Number, Special},
    pin::{DateOrder, Epoch, Reading, Source},
    time::{Layout, TimeText},
};
use crate::{ColumnType, TimeUnit, Zone, text};

/// One field in so many may be a reject of a typed column.
const REJECTS_ONE_IN: u64 = 1000;
/// And one in so many of the fields that are not null, so that a few words in an empty column do not become a number.
const REJECTS_ONE_IN_VALUES: u64 = 100;
/// Digit counts are told apart up to the 38 of the widest decimal; what has more fits none.
const DIGITS_MAX: usize = 38;
const DIGITS: usize = DIGITS_MAX + 2;

/// The orders a date may be read in, in the order of the counts below.
const ORDERS: [Option<DateOrder>; 3] = [None, Some(DateOrder::Dmy), Some(DateOrder::Mdy)];
const UNITS: [TimeUnit; 2] = [TimeUnit::Micros, TimeUnit::Nanos];

fn order_index(order: Option<DateOrder>) -> usize {
    match order {
        None => 0,
        Some(DateOrder::Dmy) => 1,
        Some(DateOrder::Mdy) => 2,
    }
}

/// Asks once where the order does not matter.
fn by_order(time: &TimeText<'_>, holds: impl Fn(Option<DateOrder>) -> bool) -> [bool; 3] {
    match time.date.layout {
        Layout::YearFirst => [holds(None); 3],
        Layout::YearLast => ORDERS.map(holds),
    }
}

fn unit_index(unit: TimeUnit) -> usize {
    match unit {
        TimeUnit::Micros => 0,
        TimeUnit::Nanos => 1,
    }
}

fn zone_index(zone: Zone) -> usize {
    match zone {
        Zone::Naive => 0,
        Zone::Utc => 1,
    }
}

/// What a column's fields could be.
///
/// ```
/// use at1_codec::{ColumnType, column::{Inference, NullWords, Reading}};
/// let mut fields = Inference::new(&NullWords::default());
/// for raw in [&b"1.25"[..], b"NA", b"", b"\"-3.5\""] {
///     fields.observe(raw, Some(b'"'));
/// }
/// assert_eq!(fields.best(), ColumnType::Decimal { precision: 18, scale: 2 });
/// assert_eq!((fields.fields(), fields.nulls()), (4, 2));
/// assert_eq!(fields.misfits(ColumnType::Int64, Reading::default()), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Inference {
    words: NullWords,
    fields: u64,
    nulls: u64,
    invalid_utf8: u64,
    /// Numbers as they should be, and numbers with leading zeros.
    numbers: [Numbers; 2],
    specials: u64,
    /// By pair of words.
    booleans: [u64; boolean::PAIRS.len()],
    /// By order; last, those that exist in any order.
    dates: [u64; 4],
    /// By zone, order and unit; the orders as in `dates`.
    timestamps: [[[u64; 2]; 4]; 2],
    /// Whether a fraction of a second was written with more than six digits, by zone.
    is_fine: [bool; 2],
    examples: [Option<Box<[u8]>>; Class::COUNT],
    scratch: Vec<u8>,
}

/// What a field looks like, for examples.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Integer,
    Decimal,
    Exponent,
    LeadingZeros,
    Special,
    Boolean,
    Date,
    Naive,
    Zoned,
    Text,
    NotUtf8,
}

impl Class {
    const COUNT: usize = Self::NotUtf8 as usize + 1;
}

/// Counts of numbers.
#[derive(Clone, Debug, Default)]
struct Numbers {
    int64: u64,
    double: u64,
    /// Numbers with a point or an exponent.
    not_integers: u64,
    /// By digits before the point and after it, as far as they count; row-major, empty until there is one.
    digits: Vec<u64>,
    /// The most digits after the point, counting or not.
    scale_written_max: usize,
    /// By epoch and unit: the numbers that are instants, short ones apart.
    instants: [[u64; 2]; 4],
    /// Whole numbers of at most nine digits, and those of them that are whole thousands. All are instants in any epoch and
    /// unit, but for nanoseconds in microseconds, where only thousands are.
    short: [u64; 2],
}

/// Whole numbers between these are instants near enough to 1970 for every epoch and unit.
const SHORT_MAX: i128 = 999_999_999;
const SHORT_MIN: i128 = -SHORT_MAX;

impl Numbers {
    fn observe(&mut self, number: &Number<'_>) {
        self.not_integers += u64::from(!number.is_integer());
        self.double += u64::from(number.is_double());
        if number.exponent.is_some() {
            return;
        }
        self.scale_written_max = self.scale_written_max.max(number.fraction().len());
        let (int, scale) = number.needs();
        self.int64 += u64::from(number.is_integer() && (int < 19 || number.int64().is_some()));
        if self.digits.is_empty() {
            self.digits = vec![0; DIGITS * DIGITS];
        }
        self.digits[int.min(DIGITS - 1) * DIGITS + scale.min(DIGITS - 1)] += 1;
        let Some(mantissa) = number.mantissa() else { return };
        if let (SHORT_MIN..=SHORT_MAX, 0) = mantissa {
            self.short[usize::from(mantissa.0 % 1000 == 0)] += 1;
            return;
        }
        for (epoch, counts) in Epoch::ALL.into_iter().zip(&mut self.instants) {
            for (unit, count) in UNITS.into_iter().zip(counts) {
                *count += u64::from(number::instant(mantissa, epoch, unit_digits(unit)).is_some());
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.int64 += other.int64;
        self.double += other.double;
        self.not_integers += other.not_integers;
        self.scale_written_max = self.scale_written_max.max(other.scale_written_max);
        if self.digits.is_empty() {
            self.digits.clone_from(&other.digits);
        } else {
            add(&mut self.digits, &other.digits);
        }
        for (mine, theirs) in self.instants.iter_mut().zip(&other.instants) {
            add(mine, theirs);
        }
        add(&mut self.short, &other.short);
    }

    /// How many are instants that count steps of `epoch`, in a column of `unit`.
    fn instants(&self, epoch: Epoch, unit: TimeUnit) -> u64 {
        let [odd, thousands] = self.short;
        let short = if (epoch, unit) == (Epoch::Nanos, TimeUnit::Micros) { thousands } else { odd + thousands };
        self.instants[epoch as usize][unit_index(unit)] + short
    }

    /// How many a decimal of this precision and scale holds.
    fn decimals(&self, precision: u8, scale: u8) -> u64 {
        let (precision, scale) = (usize::from(precision), usize::from(scale));
        if self.digits.is_empty() || scale > precision {
            return 0;
        }
        (0..=precision - scale).map(|int| self.digits[int * DIGITS..][..=scale].iter().sum::<u64>()).sum()
    }

    /// The most digits after the point that count, of those numbers that some decimal holds.
    fn scale_max(&self) -> usize {
        let rows = self.digits.chunks(DIGITS);
        let scales = rows.filter_map(|row| row[..=DIGITS_MAX].iter().rposition(|&count| count > 0));
        scales.max().unwrap_or(0)
    }
}

fn add(mine: &mut [u64], theirs: &[u64]) {
    mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
}

impl Inference {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(nulls: &NullWords) -> Self {
        Self {
            words: nulls.clone(),
            fields: 0,
            nulls: 0,
            invalid_utf8: 0,
            numbers: Default::default(),
            specials: 0,
            booleans: Default::default(),
            dates: Default::default(),
            timestamps: Default::default(),
            is_fine: Default::default(),
            examples: Default::default(),
            scratch: Vec::new(),
        }
    }

    /// Takes one more field into account: its raw bytes, quotes included.
    pub fn observe(&mut self, raw: &[u8], quote: Option<u8>) {
        self.fields += 1;
        let mut scratch = std::mem::take(&mut self.scratch);
        let (value, _) = text::value(raw, quote, &mut scratch);
        self.observe_value(value);
        self.scratch = scratch;
    }

    fn observe_value(&mut self, value: &[u8]) {
        let body = without_lead(value);
        let is_null = self.words.is_null(value, body);
        self.nulls += u64::from(is_null);
        let Some(class) = self.classify(body, is_null) else { return };
        let is_utf8 = !matches!(class, Class::Text) || std::str::from_utf8(value).is_ok();
        self.invalid_utf8 += u64::from(!is_utf8);
        if is_null {
            return;
        }
        let class = if is_utf8 { class } else { Class::NotUtf8 };
        let example = &mut self.examples[class as usize];
        if example.is_none() {
            *example = Some(value.into());
        }
    }

    /// Counts a field, unless it is null, and says what it looks like; `None` for the empty field.
    fn classify(&mut self, body: &[u8], is_null: bool) -> Option<Class> {
        let first = *body.first()?;
        if is_null {
            return Some(Class::Text);
        }
        if matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.') {
            if let Some(number) = Number::lex(body) {
                return Some(self.count_number(body, &number));
            }
            if let Some(time) = TimeText::lex(body) {
                return Some(self.count_time(&time));
            }
        }
        if Special::lex(body).is_some() {
            self.specials += 1;
            return Some(Class::Special);
        }
        if let Some(word) = Word::lex(body) {
            self.booleans[usize::from(word.pair)] += 1;
            return Some(if word.pair < boolean::INFERRED { Class::Boolean } else { Class::Text });
        }
        Some(Class::Text)
    }

    fn count_number(&mut self, body: &[u8], number: &Number<'_>) -> Class {
        let has_zeros = number.has_leading_zeros();
        self.numbers[usize::from(has_zeros)].observe(number);
        if let Some(word) = Word::lex(body) {
            self.booleans[usize::from(word.pair)] += 1;
        }
        match (has_zeros, number.is_integer(), number.exponent.is_some()) {
            (true, _, _) => Class::LeadingZeros,
            (_, true, _) => Class::Integer,
            (_, _, true) => Class::Exponent,
            _ => Class::Decimal,
        }
    }

    fn count_time(&mut self, time: &TimeText<'_>) -> Class {
        let Some(zone) = time.zone() else {
            let [orders @ .., any] = &mut self.dates;
            let held = by_order(time, |order| time.day(order).is_some());
            let exists = held.contains(&true);
            orders.iter_mut().zip(held).for_each(|(count, held)| *count += u64::from(held));
            *any += u64::from(exists);
            return if exists { Class::Date } else { Class::Text };
        };
        let [orders @ .., any] = &mut self.timestamps[zone_index(zone)];
        let mut exists = false;
        for (unit, any) in UNITS.into_iter().zip(any) {
            let held = by_order(time, |order| time.timestamp(unit, zone, order).is_some());
            orders.iter_mut().zip(held).for_each(|(counts, held)| counts[unit_index(unit)] += u64::from(held));
            let exists_so = held.contains(&true);
            *any += u64::from(exists_so);
            exists |= exists_so;
        }
        self.is_fine[zone_index(zone)] |= exists && time.clock.is_some_and(|clock| clock.fraction.len() > 6);
        match (exists, zone) {
            (false, _) => Class::Text,
            (true, Zone::Naive) => Class::Naive,
            (true, Zone::Utc) => Class::Zoned,
        }
    }

    /// Adds what `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        self.fields += other.fields;
        self.nulls += other.nulls;
        self.invalid_utf8 += other.invalid_utf8;
        self.specials += other.specials;
        self.numbers.iter_mut().zip(&other.numbers).for_each(|(mine, theirs)| mine.merge(theirs));
        add(&mut self.booleans, &other.booleans);
        add(&mut self.dates, &other.dates);
        add(self.timestamps.as_flattened_mut().as_flattened_mut(), other.timestamps.as_flattened().as_flattened());
        self.is_fine.iter_mut().zip(other.is_fine).for_each(|(mine, theirs)| *mine |= theirs);
        for (mine, theirs) in self.examples.iter_mut().zip(&other.examples) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }

    /// How many fields were seen.
    #[must_use]
    pub fn fields(&self) -> u64 {
        self.fields
    }

    /// How many of them are null in a typed column: empty, or null words.
    #[must_use]
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    fn values(&self) -> u64 {
        self.fields - self.nulls
    }

    /// How many fields a column of type `ty` could not hold, read so: its rejects if it were used.
    #[must_use]
    pub fn misfits(&self, ty: ColumnType, reading: Reading) -> u64 {
        let numbers = match reading.source {
            Source::Inferred => &self.numbers[..1],
            Source::Pinned => &self.numbers,
        };
        let sum = |count: &dyn Fn(&Numbers) -> u64| numbers.iter().map(count).sum::<u64>();
        let held = match ty {
            ColumnType::Text => return self.invalid_utf8,
            ColumnType::Binary => return 0,
            ColumnType::Int64 => sum(&|n| n.int64),
            ColumnType::Decimal { precision, scale } => sum(&|n| n.decimals(precision, scale)),
            ColumnType::Float64 => self.specials + sum(&|n| n.double),
            ColumnType::Boolean => match reading.source {
                Source::Inferred => self.booleans[..usize::from(boolean::INFERRED)].iter().sum(),
                Source::Pinned => self.booleans.iter().sum(),
            },
            ColumnType::Date => self.dates[order_index(reading.order)],
            ColumnType::Timestamp { unit, zone } => match reading.epoch {
                Some(epoch) => sum(&|n| n.instants(epoch, unit)),
                None => self.timestamps[zone_index(zone)][order_index(reading.order)][unit_index(unit)],
            },
        };
        self.values() - held
    }

    /// The type that the fields have by themselves; [`Self::reading`] goes with it.
    #[must_use]
    pub fn best(&self) -> ColumnType {
        let candidates = self.candidates();
        let fewest = candidates.iter().map(|&(_, misfits)| misfits).min().unwrap_or(u64::MAX);
        let first = candidates.iter().find(|&&(_, misfits)| misfits == fewest);
        match first {
            Some(&(ty, misfits)) if self.is_typed(misfits) => ty,
            _ if self.invalid_utf8.saturating_mul(REJECTS_ONE_IN) > self.fields => ColumnType::Binary,
            _ => ColumnType::Text,
        }
    }

    /// How the fields settle what type `ty` alone leaves open: the order of day and month.
    #[must_use]
    pub fn reading(&self, ty: ColumnType) -> Reading {
        let held = match ty {
            ColumnType::Date => self.dates,
            ColumnType::Timestamp { unit, zone } => {
                self.timestamps[zone_index(zone)].map(|counts| counts[unit_index(unit)])
            }
            _ => return Reading::default(),
        };
        let [unsettled, dmy, mdy, any] = held;
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
            && rejects.saturating_mul(REJECTS_ONE_IN) <= self.fields
            && rejects.saturating_mul(REJECTS_ONE_IN_VALUES) <= self.values()
    }

    /// Types to choose from, the better first, each with the fields it would lose.
    fn candidates(&self) -> Vec<(ColumnType, u64)> {
        let of = |ty| (ty, self.misfits(ty, Reading::default()));
        let settled = |ty| (ty, self.misfits(ty, self.reading(ty)));
        let mut candidates: Vec<_> = self.numeric_types().into_iter().map(of).collect();
        let spellings = &self.booleans[..usize::from(boolean::INFERRED)];
        candidates.push((ColumnType::Boolean, self.values() - spellings.iter().max().unwrap_or(&0)));
        candidates.push(settled(ColumnType::Date));
        for zone in [Zone::Naive, Zone::Utc] {
            let mut units = UNITS;
            if self.is_fine[zone_index(zone)] {
                units.reverse();
            }
            candidates.extend(units.map(|unit| settled(ColumnType::Timestamp { unit, zone })));
        }
        candidates
    }

    fn numeric_types(&self) -> Vec<ColumnType> {
        let [numbers, _] = &self.numbers;
        let mut types = vec![ColumnType::Int64];
        if numbers.not_integers == 0 && self.specials == 0 {
            types.push(ColumnType::Decimal { precision: 38, scale: 0 });
            return types;
        }
        // The scale as it is written if that fits, so that 1.50 has two digits; else only what counts.
        let scales = [numbers.scale_written_max, numbers.scale_max()];
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
