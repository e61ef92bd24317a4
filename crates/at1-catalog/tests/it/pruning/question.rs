//! Random predicates over a table: literals that are there, that are nearly there, and that are nowhere near.

use at1_catalog::{Comparison, Literal, Moment, Predicate};
use at1_codec::{ColumnType, TimeUnit, Zone};

use super::table::Case;
use crate::{
    luck::Luck,
    model::{self, Value},
};

/// A literal that can be compared with a column, usually near one of its values.
fn literal(ty: ColumnType, values: &[Value], luck: &mut Luck) -> Literal {
    if luck.one_in(25) {
        return Literal::Null;
    }
    let near = if values.is_empty() { Value::Null } else { luck.pick(values).clone() };
    let number = |text: String, luck: &mut Luck| match luck.one_in(3) {
        true => Literal::Text(text),
        false => Literal::Number(text.parse().unwrap_or_else(|_| panic!("{text}"))),
    };
    let moment = |moment: Moment, luck: &mut Luck| match luck.one_in(2) {
        true => Literal::Text(moment.to_string()),
        false => Literal::Moment(moment),
    };
    match ty {
        ColumnType::Int64 | ColumnType::Decimal { .. } => {
            let whole = match near {
                Value::Int(v) => v.to_string(),
                Value::Decimal(v, scale) => model::decimal_text(v, scale),
                _ => "17".into(),
            };
            let text = match luck.below(8) {
                0 if !whole.contains('.') => format!("{whole}.5"),
                0 => format!("{whole}5"),
                1 => "1e30".into(),
                2 => "-1e300".into(),
                3 => luck.between(-50, 500).to_string(),
                _ => whole,
            };
            number(text, luck)
        }
        ColumnType::Float64 => {
            let near = match near {
                Value::Double(v) => v,
                _ => 3.25,
            };
            let near = if luck.one_in(4) { near + 50.0 } else { near };
            match luck.below(8) {
                0 => Literal::Text((*luck.pick(&["nan", "inf", "-inf", "NaN", "Infinity"])).to_lowercase()),
                1 => number((*luck.pick(&["1e400", "-1e400", "0", "-0.0", "1.7976931348623157e308"])).into(), luck),
                _ if near.is_finite() => number(format!("{near:?}"), luck),
                _ => Literal::Text(if near.is_nan() { "nan".into() } else { format!("{near}") }),
            }
        }
        ColumnType::Boolean => Literal::Boolean(luck.one_in(2)),
        ColumnType::Date => {
            let day = match near {
                Value::Day(day) => day,
                _ => 100,
            };
            match luck.one_in(4) {
                true => moment(format!("{}T12:30:00.5", &Moment::of_day(day).to_string()[..10]).parse().unwrap(), luck),
                false => moment(Moment::of_day(day), luck),
            }
        }
        ColumnType::Timestamp { unit, zone } => {
            let ticks = match near {
                Value::Time(ticks, ..) => ticks,
                _ => 300_001,
            };
            let digits = if unit == TimeUnit::Micros { 6 } else { 9 };
            let zone = if luck.one_in(2) { Zone::Naive } else { zone };
            let exact = Moment::of_ticks(ticks, digits, zone);
            match luck.one_in(4) {
                // Finer than the column.
                true => {
                    let text = exact.to_string();
                    let (text, z) = text.strip_suffix('Z').map_or((text.as_str(), ""), |text| (text, "Z"));
                    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
                    let finer = format!("{}.{fraction:0<9}5{z}", &text[..text.find('.').unwrap_or(text.len())]);
                    moment(finer.parse().unwrap(), luck)
                }
                false => moment(exact, luck),
            }
        }
        ColumnType::Text => Literal::Text(match (near, luck.below(5)) {
            (Value::Text(text), 0) => text.chars().take(luck.index(5)).collect(),
            (Value::Text(text), 1) => text + *luck.pick(&["\0", "é", "\u{10ffff}"]),
            (Value::Text(text), _) => text,
            _ => "rb".into(),
        }),
        ColumnType::Binary => Literal::Text((*luck.pick(&["", "\0", "\0\0\0\0\0\0\0A", "z"])).into()),
    }
}

/// A literal between the values of a column, so that zones cannot tell that it is not there.
fn absent(ty: ColumnType, values: &[Value], luck: &mut Luck) -> Literal {
    let near = luck.pick(values).clone();
    let more = luck.between(1, 3);
    match near {
        Value::Int(v) => v.saturating_add(more).into(),
        Value::Decimal(v, scale) => {
            Literal::Number(model::decimal_text(v.saturating_add(more.into()), scale).parse().unwrap())
        }
        Value::Day(day) => Literal::Moment(Moment::of_day(day + i32::try_from(more).unwrap())),
        Value::Time(ticks, unit, zone) => {
            Literal::Moment(Moment::of_ticks(ticks + more, if unit == TimeUnit::Micros { 6 } else { 9 }, zone))
        }
        Value::Text(text) => Literal::Text(text + "!"),
        _ => literal(ty, values, luck),
    }
}

pub(super) fn predicate(case: &Case, depth: u32, luck: &mut Luck) -> Predicate {
    if depth > 0 && luck.one_in(2) {
        let parts =
            |luck: &mut Luck| (0..2 + luck.below(2)).map(|_| predicate(case, depth - 1, luck)).collect::<Vec<_>>();
        return match luck.below(5) {
            0 | 1 => Predicate::And(parts(luck)),
            2 | 3 => Predicate::Or(parts(luck)),
            _ => Predicate::Not(Box::new(predicate(case, depth - 1, luck))),
        };
    }
    let index = luck.index(case.columns.len());
    let (ty, values) = (case.schema.columns[index].ty, &case.columns[index]);
    let column = luck.pick(&[format!("col {index}"), format!("c{index}")]).clone();
    match luck.below(12) {
        0 => Predicate::IsNull(column),
        1 => Predicate::Not(Box::new(Predicate::IsNull(column))),
        2 | 3 => {
            let count = if luck.one_in(10) { 100 } else { 1 + luck.below(4) };
            let near = (0..count).map(|_| literal(ty, values, luck)).collect();
            Predicate::In { column, values: near }
        }
        8 => {
            let (low, high) = (literal(ty, values, luck), literal(ty, values, luck));
            let end = |comparison, value| Predicate::compare(column.clone(), comparison, value);
            end(Comparison::AtLeast, low).and(end(Comparison::AtMost, high))
        }
        // Values that are there, or all but there: what Bloom filters and dictionaries are for.
        9 if !values.is_empty() => {
            let near = (0..1 + luck.below(2)).map(|_| absent(ty, values, luck)).collect();
            Predicate::In { column, values: near }
        }
        4 => Predicate::Constant(*luck.pick(&[None, Some(true), Some(false)])),
        5 if ty == ColumnType::Boolean => Predicate::Column(column),
        5..=7 if ty == ColumnType::Text => {
            let Literal::Text(text) = literal(ty, values, luck) else { return Predicate::Constant(None) };
            let escape = luck.one_in(3).then_some('!');
            let length = *luck.pick(&[2, 4, 6, 70]);
            let mut pattern: String = text.chars().take(luck.index(length)).collect();
            if luck.one_in(3) {
                return Predicate::Like { column, pattern: pattern.replace('!', "") + "%", escape };
            }
            for _ in 0..luck.below(4) {
                pattern += *luck.pick(&["%", "_", "é", "1", "!%", "!_", "\u{d7ff}"]);
            }
            if luck.one_in(4) {
                pattern = text; // no wildcard at all
            }
            let ends_in_escape = pattern.chars().rev().take_while(|c| *c == '!').count() % 2 == 1;
            Predicate::Like { column, pattern, escape: escape.filter(|_| !ends_in_escape) }
        }
        _ => {
            let comparison = *luck.pick(&[
                Comparison::Equal,
                Comparison::Unequal,
                Comparison::Less,
                Comparison::AtMost,
                Comparison::Greater,
                Comparison::AtLeast,
            ]);
            Predicate::Compare { column, comparison, value: literal(ty, values, luck) }
        }
    }
}
