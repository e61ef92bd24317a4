//! A predicate tied to a schema: every comparison turned into the exact set of values it allows.
//!
//! * Literals move to the column, never the column to the literal: where the column's type has no such value, the
//!   comparison is rewritten to one that is true for the same values (`count < 5.5` is `count <= 5`).
//! * After binding there is no NOT left: it has been pushed into the sets.
//! * Tests of one column that stand side by side are one: a set of values, and an answer for NULL.

use std::sync::Arc;

use at1_codec::{ColumnType, Schema, TimeUnit, Zone};

use crate::{
    Comparison, Error, ErrorKind, Literal, Moment, Number, Predicate, Result,
    like::Pattern,
    set::{Key, Place, Set, double_key},
};

/// A predicate whose columns and literals fit a schema.
///
/// ```
/// use at1_catalog::Predicate;
/// use at1_codec::{ColumnType, Schema};
/// let schema = Schema::named([(Some("count"), ColumnType::Int64)]);
/// let predicate: Predicate = "count < 5.5".parse()?;
/// assert!(predicate.bind(&schema).is_ok());
/// let error = "cuont < 5.5".parse::<Predicate>()?.bind(&schema).unwrap_err();
/// assert_eq!(error.to_string(), "predicate: no column is named cuont; near it: count");
/// # Ok::<(), at1_catalog::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bound {
    pub(crate) schema: Arc<Schema>,
    pub(crate) root: Node,
    columns: Vec<usize>,
    pub(crate) parts: Arc<[Part]>,
}

/// What must be true for a row to match, one of several such things: the tests of one column that stand side by side under
/// the outermost AND, or anything else that stands there.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) node: Node,
    /// As they were written.
    written: Vec<Predicate>,
}

/// What a column's value is tested against.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Integers, booleans, days, ticks, and the order of doubles.
    Narrow(Set<i64>),
    /// Unscaled decimals.
    Wide(Set<i128>),
    /// Text and bytes.
    Bytes(Set<Vec<u8>>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Constant(Option<bool>),
    /// True in the set, false outside; `on_null` where there is no value, which is NULL for all tests but `IS NULL`.
    Within {
        column: usize,
        values: Values,
        on_null: Option<bool>,
    },
    /// A pattern that no set says exactly; `hull` holds every value that matches.
    Like {
        column: usize,
        pattern: Pattern,
        hull: Set<Vec<u8>>,
        negated: bool,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
}

impl Predicate {
    /// Ties the predicate to a schema.
    ///
    /// # Errors
    /// If a column does not exist, a literal cannot be compared with its column, or the test does not suit its type.
    pub fn bind(&self, schema: &Schema) -> Result<Bound> {
        let root = bind(self, schema, false).map_err(|e| e.within("predicate"))?;
        let mut columns = Vec::new();
        root.columns(&mut columns);
        columns.sort_unstable();
        columns.dedup();
        let mut parts = Vec::new();
        collect_parts(self, schema, false, &mut parts).map_err(|e| e.within("predicate"))?;
        Ok(Bound { schema: Arc::new(schema.clone()), root, columns, parts: parts.into() })
    }
}

impl Bound {
    /// A predicate that every row satisfies.
    pub fn everything(schema: &Schema) -> Self {
        let (root, columns, parts) = (Node::Constant(Some(true)), Vec::new(), Arc::new([]));
        Self { schema: Arc::new(schema.clone()), root, columns, parts }
    }

    /// What must be true for a row to match, as it was written: the tests of one column that stand side by side under the
    /// outermost AND are one part, all else there is one each. None where every row matches.
    ///
    /// ```
    /// use at1_catalog::Predicate;
    /// use at1_codec::{ColumnType, Schema};
    /// let schema = Schema::named([(Some("a"), ColumnType::Int64), (Some("b"), ColumnType::Int64)]);
    /// let bound = "a > 1 and b = 7 and a < 5".parse::<Predicate>()?.bind(&schema)?;
    /// assert_eq!(bound.parts(), [r#""a" > 1 AND "a" < 5"#, r#""b" = 7"#]);
    /// # Ok::<(), at1_catalog::Error>(())
    /// ```
    pub fn parts(&self) -> Vec<String> {
        let text = |part: &Part| match part.written.as_slice() {
            [one] => one.to_string(),
            several => Predicate::And(several.to_vec()).to_string(),
        };
        self.parts.iter().map(text).collect()
    }

    /// The columns it reads, ascending.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The schema it is bound to.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Does every row satisfy it, whatever it holds?
    pub fn is_everything(&self) -> bool {
        self.root == Node::Constant(Some(true))
    }
}

impl Values {
    fn complement(&self) -> Self {
        match self {
            Self::Narrow(set) => Self::Narrow(set.complement()),
            Self::Wide(set) => Self::Wide(set.complement()),
            Self::Bytes(set) => Self::Bytes(set.complement()),
        }
    }

    /// The union of sets of one column, which are of one kind.
    fn union(all: Vec<Self>) -> Self {
        let (mut narrow, mut wide, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for values in all {
            match values {
                Self::Narrow(set) => narrow.push(set),
                Self::Wide(set) => wide.push(set),
                Self::Bytes(set) => bytes.push(set),
            }
        }
        match (narrow.is_empty(), wide.is_empty()) {
            (false, true) => Self::Narrow(Set::union_all(narrow)),
            (true, false) => Self::Wide(Set::union_all(wide)),
            _ => Self::Bytes(Set::union_all(bytes)),
        }
    }

    fn intersection(mut all: Vec<Self>) -> Self {
        all.iter_mut().for_each(|values| *values = values.complement());
        Self::union(all).complement()
    }

    fn none(ty: ColumnType) -> Self {
        match ty {
            ColumnType::Decimal { .. } => Self::Wide(Set::empty()),
            ColumnType::Text | ColumnType::Binary => Self::Bytes(Set::empty()),
            _ => Self::Narrow(Set::empty()),
        }
    }
}

impl Node {
    fn columns(&self, into: &mut Vec<usize>) {
        match self {
            Self::Constant(_) => {}
            Self::Within { column, .. } | Self::Like { column, .. } => into.push(*column),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.columns(into)),
        }
    }
}

/// The parts of a predicate, or of its opposite.
fn collect_parts(predicate: &Predicate, schema: &Schema, negated: bool, parts: &mut Vec<Part>) -> Result<()> {
    match (predicate, negated) {
        (Predicate::And(inner), false) | (Predicate::Or(inner), true) => {
            return inner.iter().try_for_each(|part| collect_parts(part, schema, negated, parts));
        }
        (Predicate::Not(inner), _) => return collect_parts(inner, schema, !negated, parts),
        _ => {}
    }
    let written = if negated { Predicate::Not(Box::new(predicate.clone())) } else { predicate.clone() };
    let column = |node: &Node| if let Node::Within { column, .. } = node { Some(*column) } else { None };
    // What was folded to AND when it was bound stands there too.
    let nodes = match bind(predicate, schema, negated)? {
        Node::And(nodes) => nodes,
        node => vec![node],
    };
    for node in nodes.into_iter().filter(|node| *node != Node::Constant(Some(true))) {
        match parts.iter_mut().find(|part| column(&node).is_some() && column(&part.node) == column(&node)) {
            Some(part) => {
                part.node = join(vec![part.node.clone(), node], true);
                if !part.written.contains(&written) {
                    part.written.push(written.clone());
                }
            }
            None => parts.push(Part { node, written: vec![written.clone()] }),
        }
    }
    Ok(())
}

/// Binds a predicate, or its opposite.
fn bind(predicate: &Predicate, schema: &Schema, negated: bool) -> Result<Node> {
    let test = |column, values: Values, on_null: Option<bool>| Node::Within {
        column,
        values: if negated { values.complement() } else { values },
        on_null: on_null.map(|answer| answer != negated),
    };
    let within = |column, values| test(column, values, None);
    Ok(match predicate {
        Predicate::Constant(value) => Node::Constant(value.map(|value| value != negated)),
        Predicate::Column(name) => {
            let (column, ty) = resolve(name, schema)?;
            if ty != ColumnType::Boolean {
                return Err(Error::mismatch(format!("column {name}"), "a boolean column or a comparison", ty));
            }
            within(column, Values::Narrow(Set::equal(&Place::At(1))))
        }
        Predicate::Compare { column: name, comparison, value } => {
            let (column, ty) = resolve(name, schema)?;
            match compare(ty, *comparison, value).map_err(|e| e.within(&format!("column {name}")))? {
                Some(values) => within(column, values),
                None => Node::Constant(None),
            }
        }
        Predicate::In { column: name, values } => {
            let (column, ty) = resolve(name, schema)?;
            let mut sets = vec![Values::none(ty)];
            let mut null = false;
            for value in values {
                match compare(ty, Comparison::Equal, value).map_err(|e| e.within(&format!("column {name}")))? {
                    Some(set) => sets.push(set),
                    None => null = true,
                }
            }
            let node = within(column, Values::union(sets));
            // `x IN (1, NULL)` is `x = 1 OR NULL`, and its opposite `x <> 1 AND NULL`.
            if null { join(vec![node, Node::Constant(None)], negated) } else { node }
        }
        Predicate::Like { column: name, pattern, escape } => {
            let (column, ty) = resolve(name, schema)?;
            if ty != ColumnType::Text {
                return Err(Error::mismatch(format!("column {name}"), "a text column for LIKE", ty));
            }
            let pattern = Pattern::new(pattern, *escape).ok_or_else(|| {
                Error::mismatch(
                    format!("column {name}"),
                    "a character after the escape character",
                    "the end of the pattern",
                )
            })?;
            match pattern.exact() {
                Some(set) => within(column, Values::Bytes(set)),
                None => Node::Like { column, hull: pattern.hull(), pattern, negated },
            }
        }
        Predicate::IsNull(name) => {
            let (column, ty) = resolve(name, schema)?;
            test(column, Values::none(ty), Some(true))
        }
        Predicate::And(parts) | Predicate::Or(parts) => {
            let parts = parts.iter().map(|part| bind(part, schema, negated)).collect::<Result<Vec<_>>>()?;
            join(parts, matches!(predicate, Predicate::And(_)) != negated)
        }
        Predicate::Not(inner) => bind(inner, schema, !negated)?,
    })
}

/// All of the parts (`all`), or any: flattened, constants folded, tests of one column joined.
fn join(parts: Vec<Node>, all: bool) -> Node {
    let mut joined: Vec<Node> = Vec::new();
    let mut null = false;
    let mut tests: Vec<(usize, Vec<Values>, Option<bool>)> = Vec::new();
    let mut queue: std::collections::VecDeque<Node> = parts.into();
    while let Some(part) = queue.pop_front() {
        match part {
            Node::And(inner) if all => inner.into_iter().rev().for_each(|node| queue.push_front(node)),
            Node::Or(inner) if !all => inner.into_iter().rev().for_each(|node| queue.push_front(node)),
            Node::Constant(Some(value)) if value == all => {}
            Node::Constant(Some(_)) => return Node::Constant(Some(!all)),
            Node::Constant(None) => null = true,
            Node::Within { column, values, on_null } => match tests.iter_mut().find(|(other, ..)| *other == column) {
                Some((_, group, answer)) => {
                    group.push(values);
                    // The answer that decides, else NULL if either is NULL.
                    let decided = *answer == Some(!all) || on_null == Some(!all);
                    *answer = if decided { Some(!all) } else { answer.and(on_null) };
                }
                None => tests.push((column, vec![values], on_null)),
            },
            other => joined.push(other),
        }
    }
    let tests = tests.into_iter().map(|(column, group, on_null)| Node::Within {
        column,
        values: if all { Values::intersection(group) } else { Values::union(group) },
        on_null,
    });
    let mut parts: Vec<Node> = tests.chain(joined).collect();
    if null {
        parts.push(Node::Constant(None));
    }
    match parts.len() {
        0 => Node::Constant(Some(all)),
        1 => parts.remove(0),
        _ if all => Node::And(parts),
        _ => Node::Or(parts),
    }
}

pub(crate) fn resolve(name: &str, schema: &Schema) -> Result<(usize, ColumnType)> {
    match schema.position(name) {
        Some(column) => Ok((column, schema.columns[column].ty)),
        None => Err(Error::new("", ErrorKind::UnknownColumn { name: name.to_owned(), near: near(name, schema) })),
    }
}

/// The three names nearest to `name`, if any are near.
fn near(name: &str, schema: &Schema) -> Vec<String> {
    let wanted = name.to_lowercase();
    let limit = wanted.chars().count() / 3 + 1;
    let headers = schema.columns.iter().map(|c| c.header.as_deref().unwrap_or(&c.name));
    let mut ranked: Vec<_> =
        headers.map(|h| (distance(&wanted, &h.to_lowercase()), h)).filter(|r| r.0 <= limit).collect();
    ranked.sort_by_key(|r| r.0);
    ranked.into_iter().take(3).map(|(_, header)| header.to_owned()).collect()
}

/// How many characters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The values of a column that compare so with a literal; `None` for NULL.
fn compare(ty: ColumnType, comparison: Comparison, literal: &Literal) -> Result<Option<Values>> {
    if *literal == Literal::Null {
        return Ok(None);
    }
    let bad = |expected: &str| Error::mismatch("", format!("{expected} for a {ty} column"), literal);
    let number = || match literal {
        Literal::Number(number) => Ok(number.clone()),
        Literal::Text(text) => text.trim().parse::<Number>().map_err(|_| bad("a number")),
        _ => Err(bad("a number")),
    };
    let moment = || match literal {
        Literal::Moment(moment) => Ok(moment.clone()),
        Literal::Text(text) => text.parse::<Moment>().map_err(|_| bad("a date or time such as '2024-01-31T12:00:00Z'")),
        _ => Err(bad("a date or time in quotes")),
    };
    let naive = || match moment()? {
        moment if moment.zone() == Zone::Utc => Err(bad("a time without a zone")),
        moment => Ok(moment),
    };
    let narrow = |place| Values::Narrow(allowed(comparison, &place));
    Ok(Some(match ty {
        ColumnType::Int64 => narrow(number()?.place(0).narrowed()),
        ColumnType::Decimal { scale, .. } => Values::Wide(allowed(comparison, &number()?.place(scale))),
        ColumnType::Float64 => narrow(match literal {
            Literal::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "nan" => Place::At(double_key(f64::NAN)),
                "inf" | "+inf" | "infinity" | "+infinity" => Place::At(double_key(f64::INFINITY)),
                "-inf" | "-infinity" => Place::At(double_key(f64::NEG_INFINITY)),
                _ => double_place(&number()?),
            },
            _ => double_place(&number()?),
        }),
        ColumnType::Boolean => {
            let value = match literal {
                Literal::Boolean(value) => *value,
                Literal::Text(text) if text.trim().eq_ignore_ascii_case("true") => true,
                Literal::Text(text) if text.trim().eq_ignore_ascii_case("false") => false,
                _ => return Err(bad("true or false")),
            };
            narrow(Place::At(value.into()))
        }
        ColumnType::Date => narrow(naive()?.days()),
        ColumnType::Timestamp { unit, zone } => {
            let moment = if zone == Zone::Utc { moment()? } else { naive()? };
            narrow(moment.ticks(digits(unit)))
        }
        ColumnType::Text | ColumnType::Binary => match literal {
            Literal::Text(text) => Values::Bytes(allowed(comparison, &Place::At(text.clone().into_bytes()))),
            _ => return Err(bad("text in single quotes")),
        },
    }))
}

/// Digits after the second.
pub(crate) fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Micros => 6,
        TimeUnit::Nanos => 9,
    }
}

/// A number stands for the double nearest to it, as the column's own text does; beyond the largest it is not infinity.
fn double_place(number: &Number) -> Place<i64> {
    match number.nearest() {
        f64::INFINITY => Place::After(double_key(f64::MAX)),
        f64::NEG_INFINITY => Place::After(double_key(f64::NEG_INFINITY)),
        double => Place::At(double_key(double)),
    }
}

impl Place<i128> {
    fn narrowed(self) -> Place<i64> {
        let (at, value) = match self {
            Self::Below => return Place::Below,
            Self::Above => return Place::Above,
            Self::At(value) => (true, value),
            Self::After(value) => (false, value),
        };
        match i64::try_from(value) {
            Ok(value) if at => Place::At(value),
            Ok(value) => Place::After(value),
            Err(_) if value < 0 => Place::Below,
            Err(_) => Place::Above,
        }
    }
}

fn allowed<K: Key>(comparison: Comparison, place: &Place<K>) -> Set<K> {
    match comparison {
        Comparison::Equal => Set::equal(place),
        Comparison::Unequal => Set::equal(place).complement(),
        Comparison::Less => Set::less(place),
        Comparison::AtMost => Set::at_most(place),
        Comparison::Greater => Set::at_most(place).complement(),
        Comparison::AtLeast => Set::less(place).complement(),
    }
}
