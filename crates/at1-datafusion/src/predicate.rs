//! What DataFusion filters by, as far as zones can be asked about it.
//!
//! * A translation never says less than DataFusion: every row that DataFusion would keep, it keeps. What has no translation is left out,
//!   which keeps more. DataFusion filters again, so all that is lost is speed.
//! * Doubles are where the two differ: DataFusion orders −0.0 below 0.0 and a negative NaN below everything, as IEEE 754's total order
//!   does, AT1 orders values. Comparisons with zero are widened; a zone that holds a NaN has no bounds anyway.

use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};
use at1_catalog::{Comparison, Literal, Moment, Number, Predicate};
use at1_codec::{ColumnType, Schema, Zone};
use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator, expr::InList},
};

/// Whether rows that are tested by a translation are still tested by DataFusion's own comparison, bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Stretches of rows are left out by their zones.
    Zones,
    /// Rows are left out one by one, where doubles must be left to DataFusion.
    Rows,
}

/// The conjunction of what can be translated of `filters`.
pub(crate) fn translate(filters: &[Expr], columns: &Schema, for_: Use) -> Predicate {
    let translator = Translator { columns, for_ };
    let parts = filters.iter().filter_map(|filter| translator.wider(filter));
    // What does not fit the column after all is left out too.
    parts.filter(|part| part.bind(columns).is_ok()).fold(Predicate::TRUE, Predicate::and)
}

struct Translator<'a> {
    columns: &'a Schema,
    for_: Use,
}

impl Translator<'_> {
    /// A predicate that is true wherever `expr` is.
    fn wider(&self, expr: &Expr) -> Option<Predicate> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                match (self.wider(left), self.wider(right)) {
                    (Some(left), Some(right)) => Some(left.and(right)),
                    (one, other) => one.or(other),
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Some(Predicate::Or(vec![self.wider(left)?, self.wider(right)?]))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.compare(left, *op, right, Exactness::Wider),
            Expr::Between(between) if !between.negated => {
                let low = self.compare(&between.expr, Operator::GtEq, &between.low, Exactness::Wider);
                let high = self.compare(&between.expr, Operator::LtEq, &between.high, Exactness::Wider);
                match (low, high) {
                    (Some(low), Some(high)) => Some(low.and(high)),
                    (one, other) => one.or(other),
                }
            }
            Expr::InList(InList { expr, list, negated: false }) => {
                let (word, ty) = self.column(expr)?;
                let values = list.iter().map(|value| self.literal(value, ty)).collect::<Option<Vec<_>>>()?;
                Some(Predicate::In { column: word, values })
            }
            Expr::Like(like) if !like.negated && !like.case_insensitive => {
                let (word, ty) = self.column(&like.expr)?;
                let Expr::Literal(pattern, _) = &*like.pattern else { return None };
                let pattern = pattern.try_as_str().flatten().filter(|_| ty == ColumnType::Text)?;
                // How a pattern starts is all that zones can be asked about.
                let special = |c: char| matches!(c, '%' | '_' | '\\') || like.escape_char == Some(c);
                let start = &pattern[..pattern.find(special).unwrap_or(pattern.len())];
                let pattern = format!("{start}%");
                (!start.is_empty()).then_some(Predicate::Like { column: word, pattern, escape: None })
            }
            other => self.exact(other),
        }
    }

    /// A predicate that is true, false and NULL exactly where `expr` is.
    fn exact(&self, expr: &Expr) -> Option<Predicate> {
        match expr {
            Expr::Not(inner) => Some(Predicate::Not(Box::new(self.exact(inner)?))),
            Expr::IsNull(inner) => Some(Predicate::IsNull(self.column(inner)?.0)),
            Expr::IsNotNull(inner) => Some(Predicate::Not(Box::new(Predicate::IsNull(self.column(inner)?.0)))),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                Some(Predicate::And(vec![self.exact(left)?, self.exact(right)?]))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Some(Predicate::Or(vec![self.exact(left)?, self.exact(right)?]))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => self.compare(left, *op, right, Exactness::Exact),
            Expr::InList(InList { expr, list, negated }) => {
                let (word, ty) = self.column(expr).filter(|(_, ty)| *ty != ColumnType::Float64)?;
                let values = list.iter().map(|value| self.literal(value, ty)).collect::<Option<Vec<_>>>()?;
                let within = Predicate::In { column: word, values };
                Some(if *negated { Predicate::Not(Box::new(within)) } else { within })
            }
            Expr::Column(_) => {
                let (word, ty) = self.column(expr)?;
                (ty == ColumnType::Boolean).then_some(Predicate::Column(word))
            }
            Expr::Literal(ScalarValue::Boolean(value), _) => Some(Predicate::Constant(*value)),
            _ => None,
        }
    }

    fn compare(&self, left: &Expr, op: Operator, right: &Expr, exactness: Exactness) -> Option<Predicate> {
        let comparison = match op {
            Operator::Eq => Comparison::Equal,
            Operator::NotEq => Comparison::Unequal,
            Operator::Lt => Comparison::Less,
            Operator::LtEq => Comparison::AtMost,
            Operator::Gt => Comparison::Greater,
            Operator::GtEq => Comparison::AtLeast,
            _ => return None,
        };
        let (column, comparison, literal) = match (left, right) {
            (column, literal @ Expr::Literal(..)) => (column, comparison, literal),
            (literal @ Expr::Literal(..), column) => (column, comparison.mirrored(), literal),
            _ => return None,
        };
        let (word, ty) = self.column(column)?;
        let value = self.literal(literal, ty)?;
        let comparison = match (ty, exactness) {
            (ColumnType::Float64, Exactness::Exact) => return None,
            (ColumnType::Float64, Exactness::Wider) => match comparison {
                Comparison::Unequal => return None,
                // −0.0 is less than 0.0 there, and equal to it here.
                Comparison::Less => Comparison::AtMost,
                Comparison::Greater => Comparison::AtLeast,
                same => same,
            },
            _ => comparison,
        };
        Some(Predicate::compare(word, comparison, value))
    }

    /// The column that an expression is, as a word that means no other, and its type. Conversions that change no value and no order do
    /// not matter: literals are compared exactly.
    fn column(&self, expr: &Expr) -> Option<(String, ColumnType)> {
        match expr {
            Expr::Column(column) => {
                let at = self.columns.columns.iter().position(|own| own.name == column.name)?;
                let own = &self.columns.columns[at];
                let words = [Some(own.name.clone()), own.header.clone(), Some(format!("c{at}"))];
                let word = words.into_iter().flatten().find(|word| self.columns.position(word) == Some(at))?;
                let is_told = self.for_ == Use::Zones || own.ty != ColumnType::Float64;
                is_told.then_some((word, own.ty))
            }
            Expr::Cast(cast) => {
                let (word, ty) = self.column(&cast.expr)?;
                keeps_values(ty, cast.field.data_type()).then_some((word, ty))
            }
            _ => None,
        }
    }

    /// A literal that a column of type `ty` is compared with.
    fn literal(&self, expr: &Expr, ty: ColumnType) -> Option<Literal> {
        let Expr::Literal(value, _) = expr else { return None };
        let number = |text: String| text.parse::<Number>().ok().map(Literal::Number);
        let moment = |ticks: i64, digits: u8, zone: &Option<std::sync::Arc<str>>| {
            let zone = if zone.is_some() { Zone::Utc } else { Zone::Naive };
            Literal::Moment(Moment::of_ticks(ticks, digits, zone))
        };
        match (value, ty) {
            (ScalarValue::Int8(Some(v)), _) => number(v.to_string()),
            (ScalarValue::Int16(Some(v)), _) => number(v.to_string()),
            (ScalarValue::Int32(Some(v)), _) => number(v.to_string()),
            (ScalarValue::Int64(Some(v)), _) => number(v.to_string()),
            (ScalarValue::UInt8(Some(v)), _) => number(v.to_string()),
            (ScalarValue::UInt16(Some(v)), _) => number(v.to_string()),
            (ScalarValue::UInt32(Some(v)), _) => number(v.to_string()),
            (ScalarValue::UInt64(Some(v)), _) => number(v.to_string()),
            (ScalarValue::Decimal128(Some(v), _, scale), _) => {
                Some(Literal::Number(Number::scaled(*v, u8::try_from(*scale).ok()?)))
            }
            // An integer column was converted to doubles to be compared, which is exact where every integer near is one.
            (ScalarValue::Float64(Some(v)), ColumnType::Int64) if v.abs() <= DOUBLE_INTEGERS_MAX => {
                number(format!("{v}"))
            }
            (ScalarValue::Float64(Some(v)), ColumnType::Float64) if v.is_finite() => number(format!("{v}")),
            (
                ScalarValue::Utf8(Some(v)) | ScalarValue::Utf8View(Some(v)) | ScalarValue::LargeUtf8(Some(v)),
                ColumnType::Text,
            ) => Some(Literal::Text(v.clone())),
            (ScalarValue::Boolean(Some(v)), ColumnType::Boolean) => Some(Literal::Boolean(*v)),
            (ScalarValue::Date32(Some(v)), _) => Some(Literal::Moment(Moment::of_day(*v))),
            (ScalarValue::TimestampSecond(Some(v), zone), _) => Some(moment(*v, 0, zone)),
            (ScalarValue::TimestampMillisecond(Some(v), zone), _) => Some(moment(*v, 3, zone)),
            (ScalarValue::TimestampMicrosecond(Some(v), zone), _) => Some(moment(*v, 6, zone)),
            (ScalarValue::TimestampNanosecond(Some(v), zone), _) => Some(moment(*v, 9, zone)),
            _ => None,
        }
    }
}

/// Whether a translation may be true for more rows than the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exactness {
    Exact,
    Wider,
}

/// Up to here every integer is a double.
const DOUBLE_INTEGERS_MAX: f64 = 9_007_199_254_740_992.0;

/// Whether values of `from` compare as `to` just as they did before, wherever the conversion succeeds.
fn keeps_values(from: ColumnType, to: &DataType) -> bool {
    match (from, to) {
        (ColumnType::Text, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => true,
        // Literals near which that is not so have no translation.
        (ColumnType::Int64, DataType::Float64) => true,
        (ColumnType::Int64, DataType::Decimal128(_, scale)) => *scale >= 0,
        (ColumnType::Decimal { scale, .. }, DataType::Decimal128(_, wider)) => i16::from(*wider) >= i16::from(scale),
        (ColumnType::Date, DataType::Timestamp(_, None)) => true,
        (ColumnType::Timestamp { unit, zone }, DataType::Timestamp(to, to_zone)) => {
            let finer = match unit {
                at1_codec::TimeUnit::Micros => matches!(to, ArrowUnit::Microsecond | ArrowUnit::Nanosecond),
                at1_codec::TimeUnit::Nanos => matches!(to, ArrowUnit::Nanosecond),
            };
            finer && (zone == Zone::Utc) == to_zone.is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::prelude::{col, lit};

    use super::*;

    fn columns() -> Schema {
        Schema::named([
            (Some("i"), ColumnType::Int64),
            (Some("d"), ColumnType::Decimal { precision: 18, scale: 2 }),
            (Some("f"), ColumnType::Float64),
            (Some("t"), ColumnType::Text),
            (Some("b"), ColumnType::Boolean),
            (Some("a b"), ColumnType::Int64),
            (Some("a_b"), ColumnType::Int64),
        ])
    }

    #[track_caller]
    fn check(expr: Expr, expected: &str) {
        assert_eq!(translate(&[expr], &columns(), Use::Zones).to_string(), expected);
    }

    #[test]
    fn what_zones_can_be_asked() {
        check(col("i").gt(lit(5i64)), r#""i" > 5"#);
        check(lit(5i64).gt(col("i")), r#""i" < 5"#);
        check(col("i").lt(lit(5.5)), r#""i" < 5.5"#);
        let cast = |to| datafusion::logical_expr::cast(col("i"), to);
        check(cast(DataType::Float64).lt(lit(5.5)), r#""i" < 5.5"#);
        check(cast(DataType::Float64).lt(lit(1e17)), "true");
        check(cast(DataType::Utf8).lt(lit("5")), "true");
        check(col("d").eq(lit(ScalarValue::Decimal128(Some(725), 5, 2))), r#""d" = 7.25"#);
        check(col("f").lt(lit(0.0)), r#""f" <= 0"#);
        check(col("f").gt(lit(f64::NAN)), "true");
        check(col("f").not_eq(lit(1.0)), "true");
        check(col("t").like(lit("ab%c_")), r#""t" LIKE 'ab%'"#);
        check(col("t").like(lit("%ab")), "true");
        check(col("t").like(lit("a\\%b")), r#""t" LIKE 'a%'"#);
        check(col("t").not_like(lit("ab%")), "true");
        check(!col("b"), r#"NOT ("b")"#);
        check(!col("f").gt(lit(1.0)), "true");
        check(col("t").in_list(vec![lit("a"), lit("b")], false), r#""t" IN ('a', 'b')"#);
        check(col("t").in_list(vec![lit("a"), col("t")], false), "true");
        check(col("i").is_null(), r#""i" IS NULL"#);
        check(col("i").between(lit(1i64), col("i")), r#""i" >= 1"#);
    }

    #[test]
    fn parts_without_a_translation() {
        let unknown = || (col("i") + col("i")).eq(lit(4i64));
        check(col("i").gt(lit(5i64)).and(unknown()), r#""i" > 5"#);
        check(col("i").gt(lit(5i64)).or(unknown()), "true");
        check(!(col("i").gt(lit(5i64)).and(unknown())), "true");
        // Compared with text, a number would be something else than its text.
        check(col("i").eq(lit("5")), "true");
    }

    /// A header that is another column's physical name must not be taken for it.
    #[test]
    fn words_mean_one_column() {
        let columns = columns();
        for (at, column) in columns.columns.iter().enumerate() {
            if column.ty == ColumnType::Int64 {
                let predicate =
                    translate(&[datafusion::prelude::ident(&column.name).gt(lit(5i64))], &columns, Use::Zones);
                assert_eq!(predicate.bind(&columns).unwrap().columns(), [at], "{predicate}");
            }
        }
    }

    #[test]
    fn doubles_are_not_left_out_row_by_row() {
        let filter = [col("f").lt(lit(5.0)), col("i").lt(lit(5i64))];
        assert_eq!(translate(&filter, &columns(), Use::Rows).to_string(), r#""i" < 5"#);
    }

    #[test]
    fn times() {
        let zoned = ColumnType::Timestamp { unit: at1_codec::TimeUnit::Micros, zone: Zone::Utc };
        let naive = ColumnType::Timestamp { unit: at1_codec::TimeUnit::Micros, zone: Zone::Naive };
        let columns = Schema::named([(Some("z"), zoned), (Some("n"), naive), (Some("d"), ColumnType::Date)]);
        let utc: Option<Arc<str>> = Some("UTC".into());
        let check = |expr: Expr, expected: &str| {
            assert_eq!(translate(&[expr], &columns, Use::Zones).to_string(), expected);
        };
        let at = lit(ScalarValue::TimestampMicrosecond(Some(1_500_000), utc.clone()));
        check(col("z").gt_eq(at), r#""z" >= TIMESTAMP '1970-01-01T00:00:01.5Z'"#);
        let at = lit(ScalarValue::TimestampNanosecond(Some(-1), None));
        let finer = datafusion::logical_expr::cast(col("n"), DataType::Timestamp(ArrowUnit::Nanosecond, None));
        check(finer.lt(at), r#""n" < TIMESTAMP '1969-12-31T23:59:59.999999999'"#);
        check(col("d").eq(lit(ScalarValue::Date32(Some(1)))), r#""d" = TIMESTAMP '1970-01-02T00:00:00'"#);
        let coarser = datafusion::logical_expr::cast(col("n"), DataType::Timestamp(ArrowUnit::Second, None));
        check(coarser.eq(lit(ScalarValue::TimestampSecond(Some(1), None))), "true");
    }
}
