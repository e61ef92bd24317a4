//! What zones prove about a predicate.
//!
//! * For each stretch three things are worked out: can the predicate be true there, can it be false, can it be NULL?
//!   Each may be *yes* too often, never *no* wrongly. NOT swaps the first two, so verdicts stay right below it.
//! * Both kinds of question are asked of the same sets as evaluation asks, over columns of stretches, not one by one.

use std::borrow::Borrow;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, UInt64Array},
    buffer::BooleanBuffer,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
        TimestampNanosecondType,
    },
};

use crate::{
    Bound, ColumnZones, Zones,
    bind::{Node, Part, Values},
    set::{Key, Set, double_key},
};

/// What a zone proves about a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// No row in the zone can match, so the caller may skip it.
    Skip,
    /// A row may match, or the zone cannot tell.
    Read,
    /// Every row matches, so no filter is needed.
    All,
}

impl Bound {
    /// A verdict for each stretch.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow::array::{Int64Array, UInt64Array};
    /// use at1_catalog::{ColumnZones, Predicate, Verdict, Zones};
    /// use at1_codec::{ColumnType, Schema};
    /// let schema = Schema::named([(Some("t"), ColumnType::Int64)]);
    /// let rows = UInt64Array::from(vec![10, 10, 10]);
    /// let zones = ColumnZones::new(
    ///     Arc::new(Int64Array::from(vec![0, 10, 20])),
    ///     Arc::new(Int64Array::from(vec![9, 19, 29])),
    ///     UInt64Array::from(vec![0, 0, 0]),
    ///     UInt64Array::from(vec![0, 0, 0]),
    /// )?;
    /// let zones = Zones::new(rows, vec![Some(zones)])?;
    /// let bound = "t >= 15".parse::<Predicate>()?.bind(&schema)?;
    /// assert_eq!(bound.verdicts(&zones), [Verdict::Skip, Verdict::Read, Verdict::All]);
    /// # Ok::<(), at1_catalog::Error>(())
    /// ```
    pub fn verdicts(&self, zones: &Zones) -> Vec<Verdict> {
        let possible = self.possible(&self.root, zones);
        let verdict = |i| match (possible.yes.value(i), possible.no.value(i) || possible.null.value(i)) {
            (false, _) => Verdict::Skip,
            (true, true) => Verdict::Read,
            (true, false) => Verdict::All,
        };
        (0..zones.len()).map(verdict).collect()
    }

    /// For each stretch the first of [`Self::parts`] that no row of it can satisfy, so that it alone rules the stretch out.
    /// In stretches that have rows there is one wherever the verdict is [`Verdict::Skip`], and none anywhere else.
    pub fn reasons(&self, zones: &Zones) -> Vec<Option<usize>> {
        let mut reasons = vec![None; zones.len()];
        for (part, Part { node, .. }) in self.parts.iter().enumerate() {
            let possible = self.possible(node, zones);
            for (reason, possible) in reasons.iter_mut().zip(&possible.yes) {
                *reason = reason.or((!possible).then_some(part));
            }
        }
        reasons
    }

    /// Whether a test or a junction of them can be true in the one stretch that there is.
    pub(crate) fn can_be_true(&self, node: &Node, stretch: &Zones) -> bool {
        self.possible(node, stretch).yes.value(0)
    }

    fn possible(&self, node: &Node, zones: &Zones) -> Possible {
        let rows = zones.rows();
        let some = || BooleanBuffer::collect_bool(rows.len(), |i| rows.value(i) > 0);
        let none = || BooleanBuffer::new_unset(rows.len());
        match node {
            Node::Constant(value) => {
                let when = |case| if *value == case { some() } else { none() };
                Possible { yes: when(Some(true)), no: when(Some(false)), null: when(None) }
            }
            Node::Within { column, values, on_null } => match self.seen(*column, zones) {
                Some(zone) => values_test(values, &zone).among(Counts::of(&zone, rows), *on_null),
                None if on_null.is_some() => Possible { yes: some(), no: some(), null: none() },
                None => Possible { yes: some(), no: some(), null: some() },
            },
            Node::Like { column, hull, negated, .. } => match self.seen(*column, zones) {
                Some(zone) => {
                    let mut found = values_test(&Values::Bytes(hull.clone()), &zone);
                    found.no = some(); // the hull holds texts that do not match
                    if *negated {
                        std::mem::swap(&mut found.yes, &mut found.no);
                    }
                    found.among(Counts::of(&zone, rows), None)
                }
                None => Possible { yes: some(), no: some(), null: some() },
            },
            Node::And(parts) => {
                parts.iter().map(|part| self.possible(part, zones)).reduce(Possible::and).expect("has parts")
            }
            Node::Or(parts) => {
                let parts = parts.iter().map(|part| self.possible(part, zones).opposite());
                parts.reduce(Possible::and).expect("has parts").opposite()
            }
        }
    }

    /// A column's zones in the type that the predicate was bound to.
    fn seen(&self, column: usize, zones: &Zones) -> Option<ColumnZones> {
        zones.column(column).map(|zone| zone.seen_as(self.schema.columns[column].ty, zones.rows()))
    }
}

/// For each stretch: can the predicate be true there, false, NULL?
struct Possible {
    yes: BooleanBuffer,
    no: BooleanBuffer,
    null: BooleanBuffer,
}

impl Possible {
    fn opposite(self) -> Self {
        Self { yes: self.no, no: self.yes, null: self.null }
    }

    /// `a AND b` is true if both are, false if either is, and NULL if one is NULL and the other is not false.
    fn and(self, other: Self) -> Self {
        let left = &self.null & &(&other.yes | &other.null);
        let right = &other.null & &(&self.yes | &self.null);
        Self { yes: &self.yes & &other.yes, no: &self.no | &other.no, null: &left | &right }
    }

    /// What a test of values can be where there are values, and its answer for NULL where there are NULLs.
    fn among(self, counts: Counts, on_null: Option<bool>) -> Self {
        let (mut yes, mut no) = (&self.yes & &counts.valued, &self.no & &counts.valued);
        let mut null = self.null;
        match on_null {
            Some(true) => yes = &yes | &counts.null,
            Some(false) => no = &no | &counts.null,
            None => null = counts.null,
        }
        Self { yes, no, null }
    }
}

/// For each stretch: can it hold a value, can it hold a NULL?
struct Counts {
    valued: BooleanBuffer,
    null: BooleanBuffer,
}

impl Counts {
    fn of(zone: &ColumnZones, rows: &UInt64Array) -> Self {
        let nulls = zone.nulls();
        // A count above the number of rows is no count.
        let known = |i: usize| (nulls.is_valid(i) && nulls.value(i) <= rows.value(i)).then(|| nulls.value(i));
        Self {
            valued: BooleanBuffer::collect_bool(rows.len(), |i| {
                known(i).map_or(rows.value(i) > 0, |n| n < rows.value(i))
            }),
            null: BooleanBuffer::collect_bool(rows.len(), |i| known(i).map_or(rows.value(i) > 0, |n| n > 0)),
        }
    }
}

/// Can a value between the bounds be in the set, can one be outside?
fn values_test(values: &Values, zone: &ColumnZones) -> Possible {
    let (min, max) = (zone.min(), zone.max());
    macro_rules! test {
        ($set:expr, $cast:ident $(::<$ty:ty>)?, $key:expr) => {{
            let (low, high) = (min.$cast $(::<$ty>)?(), max.$cast $(::<$ty>)?());
            test($set, min, max, |i| $key(low.value(i)), |i| $key(high.value(i)))
        }};
    }
    let same = |value| value;
    match (values, min.data_type()) {
        (Values::Narrow(set), DataType::Int64) => test!(set, as_primitive::<Int64Type>, same),
        (Values::Narrow(set), DataType::Float64) => test!(set, as_primitive::<Float64Type>, double_key),
        (Values::Narrow(set), DataType::Boolean) => test!(set, as_boolean, i64::from),
        (Values::Narrow(set), DataType::Date32) => test!(set, as_primitive::<Date32Type>, i64::from),
        (Values::Narrow(set), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
            test!(set, as_primitive::<TimestampMicrosecondType>, same)
        }
        (Values::Narrow(set), DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
            test!(set, as_primitive::<TimestampNanosecondType>, same)
        }
        (Values::Wide(set), DataType::Decimal128(..)) => {
            test!(set, as_primitive::<Decimal128Type>, |value: i128| value)
        }
        (Values::Bytes(set), DataType::Utf8) => {
            let (low, high) = (min.as_string::<i32>(), max.as_string::<i32>());
            test::<_, [u8], _>(set, min, max, |i| low.value(i).as_bytes(), |i| high.value(i).as_bytes())
        }
        (Values::Bytes(set), DataType::Binary) => {
            let (low, high) = (min.as_binary::<i32>(), max.as_binary::<i32>());
            test::<_, [u8], _>(set, min, max, |i| low.value(i), |i| high.value(i))
        }
        (_, other) => unreachable!("zones of type {other} do not suit the set"),
    }
}

fn test<K, Q, B>(
    set: &Set<K>,
    min: &ArrayRef,
    max: &ArrayRef,
    low: impl Fn(usize) -> B,
    high: impl Fn(usize) -> B,
) -> Possible
where
    K: Key + Borrow<Q>,
    Q: Ord + ?Sized,
    B: Borrow<Q>,
{
    let bounds = |i| (min.is_valid(i).then(|| low(i)), max.is_valid(i).then(|| high(i)));
    // A set of ten thousand values is searched once for each stretch.
    let mut no = BooleanBufferBuilder::new(min.len());
    let yes = BooleanBuffer::collect_bool(min.len(), |i| {
        let (low, high) = bounds(i);
        let (meets, covers) = set.meets_and_covers(low.as_ref().map(B::borrow), high.as_ref().map(B::borrow));
        no.append(!covers);
        meets
    });
    Possible { yes, no: no.finish(), null: BooleanBuffer::new_unset(min.len()) }
}
