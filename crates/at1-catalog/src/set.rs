//! Sets of values as sorted intervals: what a comparison allows.
//!
//! * Every comparison of a column with literals is membership in such a set, so evaluation and pruning test the same
//!   thing and cannot disagree.
//! * Intervals are half open, sorted, disjoint and not adjacent. Each key has a successor, so `x <= 5` is `x < 6` and
//!   text `<= 'a'` is `< 'a\0'`: no interval needs to say whether its ends belong to it.

use std::borrow::Borrow;

/// A value domain with a least element and successors.
pub(crate) trait Key: Ord + Clone {
    /// The least value.
    fn least() -> Self;
    /// The next value, none after the greatest.
    fn next(&self) -> Option<Self>;
}

impl Key for i64 {
    fn least() -> Self {
        Self::MIN
    }

    fn next(&self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Key for i128 {
    fn least() -> Self {
        Self::MIN
    }

    fn next(&self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Key for Vec<u8> {
    fn least() -> Self {
        Self::new()
    }

    fn next(&self) -> Option<Self> {
        Some([self.as_slice(), &[0]].concat())
    }
}

/// Where a literal lies in a domain that need not hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place<K> {
    /// Less than every value.
    Below,
    /// Equal to this value.
    At(K),
    /// Greater than this value, less than the next.
    After(K),
    /// Greater than every value.
    Above,
}

/// The order of a double, with NaN equal to itself and above all, and −0 equal to 0.
pub(crate) fn double_key(value: f64) -> i64 {
    if value.is_nan() {
        return double_key(f64::INFINITY) + 1;
    }
    let bits = (value + 0.0).to_bits().cast_signed(); // −0 + 0 is 0
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// An interval of more values is not taken apart.
const SPAN_POINTS_MAX: usize = 16;

/// Half-open intervals `[from, to)`, an open end reaching to the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set<K> {
    spans: Vec<(K, Option<K>)>,
}

impl<K: Key> Set<K> {
    pub(crate) fn empty() -> Self {
        Self { spans: Vec::new() }
    }

    pub(crate) fn full() -> Self {
        Self { spans: vec![(K::least(), None)] }
    }

    /// The values less than a literal.
    pub(crate) fn less(place: &Place<K>) -> Self {
        match place {
            Place::Below => Self::empty(),
            Place::At(key) => Self::below(Some(key.clone())),
            Place::After(key) => Self::below(key.next()),
            Place::Above => Self::full(),
        }
    }

    /// The values equal to a literal.
    pub(crate) fn equal(place: &Place<K>) -> Self {
        match place {
            Place::At(key) => Self { spans: vec![(key.clone(), key.next())] },
            _ => Self::empty(),
        }
    }

    /// The values less than or equal to a literal.
    pub(crate) fn at_most(place: &Place<K>) -> Self {
        match place {
            Place::At(key) => Self::below(key.next()),
            _ => Self::less(place),
        }
    }

    /// The values in `[from, to)`.
    pub(crate) fn between(from: K, to: Option<K>) -> Self {
        Self::of(vec![(from, to)])
    }

    fn below(end: Option<K>) -> Self {
        Self::between(K::least(), end)
    }

    /// The union of any intervals, sorted and joined.
    fn of(mut spans: Vec<(K, Option<K>)>) -> Self {
        spans.retain(|(from, to)| to.as_ref().is_none_or(|to| from < to));
        spans.sort_by(|a, b| a.0.cmp(&b.0));
        let mut joined: Vec<(K, Option<K>)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match joined.last_mut() {
                Some((_, None)) => break,
                Some((_, Some(end))) if from <= *end => match to {
                    None => joined.last_mut().expect("matched above").1 = None,
                    Some(to) if to > *end => *end = to,
                    Some(_) => {}
                },
                _ => joined.push((from, to)),
            }
        }
        Self { spans: joined }
    }

    pub(crate) fn union_all(sets: impl IntoIterator<Item = Self>) -> Self {
        Self::of(sets.into_iter().flat_map(|set| set.spans).collect())
    }

    pub(crate) fn complement(&self) -> Self {
        let mut spans = Vec::with_capacity(self.spans.len() + 1);
        let mut from = Some(K::least());
        for (start, end) in &self.spans {
            if let Some(from) = from.filter(|from| from < start) {
                spans.push((from, Some(start.clone())));
            }
            from = end.clone();
        }
        if let Some(from) = from {
            spans.push((from, None));
        }
        Self { spans }
    }

    pub(crate) fn spans(&self) -> &[(K, Option<K>)] {
        &self.spans
    }

    /// The values of `[min, max]` that are in the set, if each interval has few of them there. An absent bound is unbounded.
    pub(crate) fn points(&self, min: Option<&K>, max: Option<&K>) -> Option<Vec<K>> {
        let first = min.map_or(0, |min| self.spans.partition_point(|(_, to)| to.as_ref().is_some_and(|to| to <= min)));
        let mut points = Vec::new();
        for (from, to) in self.spans[first..].iter().take_while(|(from, _)| max.is_none_or(|max| from <= max)) {
            let mut at = min.map_or(from, |min| from.max(min)).clone();
            for count in 1.. {
                let next = at.next();
                let is_last = next == *to || max == Some(&at);
                points.push(at);
                match next {
                    Some(next) if !is_last && count < SPAN_POINTS_MAX => at = next,
                    _ if is_last => break,
                    _ => return None,
                }
            }
        }
        Some(points)
    }

    /// Is `value` in the set?
    pub(crate) fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let after = self.spans.partition_point(|(from, _)| from.borrow() <= value);
        after > 0 && self.spans[after - 1].1.as_ref().is_none_or(|end| value < end.borrow())
    }

    /// Can a value of `[min, max]` be in the set, and are all of them? An absent bound is unbounded.
    pub(crate) fn meets_and_covers<Q: Ord + ?Sized>(&self, min: Option<&Q>, max: Option<&Q>) -> (bool, bool)
    where
        K: Borrow<Q>,
    {
        let Some((from, to)) = self.first_reaching(min) else { return (false, false) };
        let low = match min {
            Some(min) => from.borrow() <= min,
            None => *from == K::least(),
        };
        let meets = low || max.is_none_or(|max| from.borrow() <= max);
        (meets, low && to.as_ref().is_none_or(|to| max.is_some_and(|max| max < to.borrow())))
    }

    /// The first interval that ends after `min`.
    fn first_reaching<Q: Ord + ?Sized>(&self, min: Option<&Q>) -> Option<&(K, Option<K>)>
    where
        K: Borrow<Q>,
    {
        let at = match min {
            Some(min) => self.spans.partition_point(|(_, to)| to.as_ref().is_some_and(|to| to.borrow() <= min)),
            None => 0,
        };
        self.spans.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every set over eight values near the top of the domain, as bits, against the same thing done bit by bit.
    #[test]
    fn every_small_set() {
        let top = i64::MAX - 7;
        let set =
            |bits: u8| Set::union_all((0..8).filter(|i| bits >> i & 1 == 1).map(|i| Set::equal(&Place::At(top + i))));
        let bits = |set: &Set<i64>| (0..8).filter(|i| set.contains(&(top + i))).fold(0u8, |bits, i| bits | 1 << i);
        for a in 0..=255u8 {
            let s = set(a);
            assert_eq!(bits(&s), a);
            assert_eq!(bits(&s.complement()), !a);
            assert_eq!(s.complement().complement(), s);
            for b in [0, 1, 0x80, 0xff, 0x55, 0x3c, a.rotate_left(3), !a] {
                assert_eq!(bits(&Set::union_all([s.clone(), set(b)])), a | b);
                let both = Set::union_all([s.complement(), set(b).complement()]).complement();
                assert_eq!(bits(&both), a & b);
            }
            for low in 0..8 {
                for high in low..8 {
                    let inside = (low..=high).fold(0u8, |bits, i| bits | 1 << i);
                    let (min, max) = (top + low, top + high);
                    let want = (a & inside != 0, a & inside == inside);
                    assert_eq!(s.meets_and_covers(Some(&min), Some(&max)), want, "{a:b} {low} {high}");
                }
            }
        }
    }

    #[test]
    fn absent_bounds() {
        let set = Set::less(&Place::At(5i64));
        assert_eq!(set.meets_and_covers::<i64>(None, None), (true, false));
        assert_eq!(set.meets_and_covers(None, Some(&4)), (true, true));
        assert_eq!(set.meets_and_covers(None, Some(&5)), (true, false));
        assert_eq!(set.meets_and_covers(Some(&5), None), (false, false));
        assert_eq!(set.complement().meets_and_covers(Some(&5), None), (true, true));
        assert_eq!(set.complement().meets_and_covers(None, Some(&4)), (false, false));
        assert_eq!(Set::<i64>::full().meets_and_covers::<i64>(None, None), (true, true));
        assert_eq!(Set::<i64>::empty().meets_and_covers::<i64>(None, None), (false, false));
    }

    #[test]
    fn points_are_all_there_are_or_not_told() {
        let set = |values: &[i64]| Set::union_all(values.iter().map(|&value| Set::equal(&Place::At(value))));
        let top = i64::MAX;
        let few = set(&[-5, 3, 4, 9, top - 1, top]);
        assert_eq!(few.points(None, None).unwrap(), [-5, 3, 4, 9, top - 1, top]);
        assert_eq!(few.points(Some(&4), Some(&9)).unwrap(), [4, 9]);
        assert_eq!(few.points(Some(&5), Some(&8)), Some(vec![]));
        assert_eq!(few.points(Some(&top), None).unwrap(), [top]);
        let range = Set::between(0i64, Some(1000));
        assert_eq!(range.points(None, None), None);
        assert_eq!(range.points(Some(&990), None).unwrap(), (990..1000).collect::<Vec<_>>());
        assert_eq!(range.points(Some(&10), Some(&12)).unwrap(), [10, 11, 12]);
        assert_eq!(range.points(Some(&1000), None), Some(vec![]));
        assert_eq!(Set::between(0i64, Some(16)).points(None, None).unwrap().len(), 16);
        assert_eq!(Set::between(0i64, Some(17)).points(None, None), None);
        assert_eq!(Set::<i64>::full().points(None, None), None);
        let text = |text: &str| text.as_bytes().to_vec();
        let words = Set::union_all(["b", "a", "b\0"].map(|word| Set::equal(&Place::At(text(word)))));
        assert_eq!(words.points(None, None).unwrap(), [text("a"), text("b"), text("b\0")]);
        assert_eq!(words.points(Some(&text("aa")), Some(&text("b"))).unwrap(), [text("b")]);
        assert_eq!(Set::between(text("ab"), Some(text("ac"))).points(None, None), None);
    }

    #[test]
    fn double_order() {
        let order = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.0,
            -f64::MIN_POSITIVE,
            0.0,
            5e-324,
            1.0,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
        ];
        for pair in order.windows(2) {
            assert!(double_key(pair[0]) < double_key(pair[1]), "{pair:?}");
        }
        assert_eq!(double_key(-0.0), double_key(0.0));
        assert_eq!(double_key(-f64::NAN), double_key(f64::NAN));
        assert_eq!(double_key(f64::MAX) + 1, double_key(f64::INFINITY));
    }
}
