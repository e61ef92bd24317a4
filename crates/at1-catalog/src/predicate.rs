//! Predicates as they are written, before a schema gives their words meaning.
//!
//! * A predicate names columns by word and holds literals exactly as written; [`Predicate::bind`] ties both to a schema.
//! * `Display` prints text that parses back to the same predicate.

use std::fmt;

use crate::{Error, Moment, Number, Result};

/// What rows must satisfy.
///
/// ```
/// use at1_catalog::{Comparison, Literal, Predicate};
/// let written: Predicate = "price >= 9.5 and symbol in ('A', 'B')".parse()?;
/// let built = Predicate::compare("price", Comparison::AtLeast, Literal::Number("9.5".parse().unwrap()))
///     .and(Predicate::In { column: "symbol".into(), values: vec!["A".into(), "B".into()] });
/// assert_eq!(written, built);
/// # Ok::<(), at1_catalog::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// True, false or NULL for every row.
    Constant(Option<bool>),
    /// A boolean column.
    Column(String),
    /// A column against a literal.
    Compare {
        /// Its header, its physical name, or `c0` by position.
        column: String,
        /// How it must compare.
        comparison: Comparison,
        /// With what.
        value: Literal,
    },
    /// `IN`.
    In {
        /// Its header, its physical name, or `c0` by position.
        column: String,
        /// With one of these; a NULL among them makes every other row NULL, as in SQL.
        values: Vec<Literal>,
    },
    /// `LIKE`.
    Like {
        /// Its header, its physical name, or `c0` by position.
        column: String,
        /// `%` is any run of characters, `_` one character.
        pattern: String,
        /// Makes the character after it an ordinary one.
        escape: Option<char>,
    },
    /// `IS NULL`.
    IsNull(
        /// Its header, its physical name, or `c0` by position.
        String,
    ),
    /// All of them.
    And(Vec<Predicate>),
    /// Any of them.
    Or(Vec<Predicate>),
    /// The opposite; NULL stays NULL.
    Not(Box<Predicate>),
}

/// How a column compares with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// The comparison with its sides exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        })
    }
}

/// A value as it is written in a predicate.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `NULL`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// An exact number.
    Number(Number),
    /// `'text'`, which is also read as a number, date, time or boolean where the column asks for one.
    Text(String),
    /// `DATE '…'` or `TIMESTAMP '…'`
    Moment(Moment),
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Moment(moment) => write!(f, "TIMESTAMP '{moment}'"),
        }
    }
}

impl Predicate {
    /// Every row.
    pub const TRUE: Self = Self::Constant(Some(true));

    /// A column against a literal.
    pub fn compare(column: impl Into<String>, comparison: Comparison, value: Literal) -> Self {
        Self::Compare { column: column.into(), comparison, value }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant(Some(true)), one) | (one, Self::Constant(Some(true))) => one,
            (Self::And(mut all), Self::And(more)) => {
                all.extend(more);
                Self::And(all)
            }
            (Self::And(mut all), one) => {
                all.push(one);
                Self::And(all)
            }
            (one, other) => Self::And(vec![one, other]),
        }
    }

    /// The rows within `COL:LO:HI` or `COL:LO..HI`: both ends belong to it, an empty side is open.
    ///
    /// The name ends at the first colon unless it stands in double quotes. Values that hold colons need `..` between them.
    ///
    /// ```
    /// use at1_catalog::Predicate;
    /// assert_eq!(Predicate::range("price:1.5:2")?, "price >= '1.5' and price <= '2'".parse()?);
    /// assert_eq!(Predicate::range("ts:2024-01-01T10:00..")?, "ts >= '2024-01-01T10:00'".parse()?);
    /// # Ok::<(), at1_catalog::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the text has another form.
    pub fn range(text: &str) -> Result<Self> {
        let bad = |expected: &str| Error::syntax(format!("range {text}"), expected, format!("'{text}'"));
        let (column, rest) = match text.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find("\":").ok_or_else(|| bad("\"COL\":LO:HI"))?;
                (quoted[..end].replace("\"\"", "\""), &quoted[end + 2..])
            }
            None => {
                let (column, rest) = text.split_once(':').ok_or_else(|| bad("COL:LO:HI or COL:LO..HI"))?;
                (column.to_owned(), rest)
            }
        };
        let (low, high) = match (rest.split_once(".."), rest.matches(':').count()) {
            (Some(ends), _) => ends,
            (None, 1) => rest.split_once(':').expect("one colon was counted"),
            (None, 0) => return Err(bad("COL:LO:HI or COL:LO..HI")),
            (None, _) => return Err(bad("COL:LO..HI, since the values hold colons")),
        };
        let end = |comparison, value: &str| {
            (!value.is_empty()).then(|| Self::compare(column.clone(), comparison, value.into()))
        };
        Ok(match (end(Comparison::AtLeast, low), end(Comparison::AtMost, high)) {
            (Some(low), Some(high)) => low.and(high),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Self::Not(Box::new(Self::IsNull(column))),
        })
    }

    fn binds_looser_than_not(&self) -> bool {
        matches!(self, Self::And(_) | Self::Or(_))
    }

    fn fmt_joined(parts: &[Self], word: &str, empty: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if parts.is_empty() {
            return f.write_str(empty);
        }
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                write!(f, " {word} ")?;
            }
            if part.binds_looser_than_not() { write!(f, "({part})") } else { write!(f, "{part}") }?;
        }
        Ok(())
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(Some(value)) => write!(f, "{value}"),
            Self::Constant(None) => f.write_str("NULL"),
            Self::Column(name) => Quoted(name).fmt(f),
            Self::Compare { column, comparison, value } => write!(f, "{} {comparison} {value}", Quoted(column)),
            Self::In { column, values } => {
                write!(f, "{} IN (", Quoted(column))?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Self::Like { column, pattern, escape } => {
                write!(f, "{} LIKE '{}'", Quoted(column), pattern.replace('\'', "''"))?;
                match escape {
                    Some('\'') => f.write_str(" ESCAPE ''''"),
                    Some(escape) => write!(f, " ESCAPE '{escape}'"),
                    None => Ok(()),
                }
            }
            Self::IsNull(name) => write!(f, "{} IS NULL", Quoted(name)),
            Self::And(parts) => Self::fmt_joined(parts, "AND", "true", f),
            Self::Or(parts) => Self::fmt_joined(parts, "OR", "false", f),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
        }
    }
}

/// A name that parses as itself.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}
