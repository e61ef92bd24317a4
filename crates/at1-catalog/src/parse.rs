//! The grammar of predicates: text to [`Predicate`], by recursive descent.
//!
//! * An error says at which character, what the grammar wants there and what stands there.
//! * Nesting is bounded, so no text can exhaust the stack.
//!
//! ```text
//! or      := and { OR and }
//! and     := not { AND not }
//! not     := NOT not | test
//! test    := '(' or ')' | TRUE | FALSE | NULL | literal compare column | column [ rest ]
//! rest    := compare literal | [NOT] BETWEEN literal AND literal | [NOT] IN '(' literal { ',' literal } ')'
//!          | [NOT] LIKE text [ESCAPE text] | IS [NOT] NULL
//! compare := = | == | != | <> | < | <= | > | >=
//! literal := number | 'text' | TRUE | FALSE | NULL | DATE 'text' | TIMESTAMP 'text'
//! column  := word | "any name"
//! ```

use std::{fmt, str::FromStr};

use crate::{Comparison, Error, ErrorKind, Literal, Moment, Number, Predicate, Result};

/// Deeper nesting than this is refused.
pub const NESTING_MAX: usize = 100;

const WORDS: [&str; 11] = ["AND", "OR", "NOT", "BETWEEN", "IN", "IS", "LIKE", "ESCAPE", "NULL", "TRUE", "FALSE"];

impl Error {
    pub(crate) fn syntax(place: String, expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::new(place, ErrorKind::Syntax { expected: expected.into(), found: found.to_string() })
    }
}

impl FromStr for Predicate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, text, nesting: 0 };
        let predicate = parser.or()?;
        match parser.peek() {
            Token::End => Ok(predicate),
            _ => Err(parser.wants("AND, OR or the end")),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A word without quotes: a keyword or a name.
    Word(String),
    /// A name in double quotes.
    Name(String),
    Text(String),
    Number(Number),
    Compare(Comparison),
    Open,
    Close,
    Comma,
    End,
}

struct Parser<'a> {
    /// With the byte at which each starts.
    tokens: Vec<(usize, Token)>,
    at: usize,
    text: &'a str,
    nesting: usize,
}

/// An error at a byte of the text.
fn wants(text: &str, byte: usize, expected: &str) -> Error {
    let character = text[..byte].chars().count() + 1;
    let rest = text[byte..].trim_end();
    let shown: String = rest.chars().take(20).collect();
    let found = match shown.len() {
        0 => "the end".to_owned(),
        n if n < rest.len() => format!("{shown}…"),
        _ => shown,
    };
    Error::syntax(format!("predicate, character {character}"), expected, found)
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (length, token) = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '(' => (1, Token::Open),
            ')' => (1, Token::Close),
            ',' => (1, Token::Comma),
            '\'' | '"' => {
                let (length, inner) = quoted(rest, c).ok_or_else(|| wants(text, at, "a closing quote"))?;
                (length, if c == '"' { Token::Name(inner) } else { Token::Text(inner) })
            }
            '=' | '!' | '<' | '>' => {
                let pair = [
                    ("==", Comparison::Equal),
                    ("!=", Comparison::Unequal),
                    ("<>", Comparison::Unequal),
                    ("<=", Comparison::AtMost),
                    (">=", Comparison::AtLeast),
                    ("=", Comparison::Equal),
                    ("<", Comparison::Less),
                    (">", Comparison::Greater),
                ];
                let found = pair.into_iter().find(|(sign, _)| rest.starts_with(sign));
                let (sign, comparison) = found.ok_or_else(|| wants(text, at, "= != <> < <= > or >="))?;
                (sign.len(), Token::Compare(comparison))
            }
            '0'..='9' | '+' | '-' | '.' => {
                let length = number_length(rest);
                let number = rest[..length].parse().map_err(|_| wants(text, at, "a number"))?;
                (length, Token::Number(number))
            }
            c if c.is_alphabetic() || c == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || "_.$#@".contains(c);
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                (length, Token::Word(rest[..length].to_owned()))
            }
            _ => return Err(wants(text, at, "a column, a literal or an operator")),
        };
        tokens.push((at, token));
        at += length;
    }
    tokens.push((text.len(), Token::End));
    Ok(tokens)
}

/// The length of a quoted piece and what it says; a doubled quote is one.
fn quoted(rest: &str, quote: char) -> Option<(usize, String)> {
    let mut inner = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        match characters.peek() {
            Some((_, next)) if c == quote && *next == quote => {
                characters.next();
            }
            _ if c == quote => return Some((at + 1, inner)),
            _ => {}
        }
        inner.push(c);
    }
    None
}

/// As far as characters can belong to a number; whether they do is the number's business.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut length = 1;
    while let Some(&byte) = bytes.get(length) {
        let after_e = matches!(bytes[length - 1], b'e' | b'E');
        match byte {
            b'+' | b'-' if after_e => {}
            b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {}
            _ => break,
        }
        length += 1;
    }
    length
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].1 // the last token is the end, and nothing moves past it
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn wants(&self, expected: &str) -> Error {
        wants(self.text, self.tokens[self.at].0, expected)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, token: &Token, expected: &str) -> Result<()> {
        if self.peek() != token {
            return Err(self.wants(expected));
        }
        self.next();
        Ok(())
    }

    fn or(&mut self) -> Result<Predicate> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(self.wants("less nesting"));
        }
        let first = self.and()?;
        let mut parts = vec![first];
        while self.eat("OR") {
            parts.push(self.and()?);
        }
        self.nesting -= 1;
        Ok(if parts.len() == 1 { parts.remove(0) } else { Predicate::Or(parts) })
    }

    fn and(&mut self) -> Result<Predicate> {
        let first = self.not()?;
        let mut parts = vec![first];
        while self.eat("AND") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Predicate::And(parts) })
    }

    fn not(&mut self) -> Result<Predicate> {
        if !self.eat("NOT") {
            return self.test();
        }
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(self.wants("less nesting"));
        }
        let inner = self.not()?;
        self.nesting -= 1;
        Ok(Predicate::Not(Box::new(inner)))
    }

    fn test(&mut self) -> Result<Predicate> {
        if *self.peek() == Token::Open {
            self.next();
            let inner = self.or()?;
            self.expect(&Token::Close, "AND, OR or )")?;
            return Ok(inner);
        }
        if let Some(literal) = self.literal()? {
            let constant = match &literal {
                Literal::Boolean(value) => Some(Some(*value)),
                Literal::Null => Some(None),
                _ => None,
            };
            return match (self.peek().clone(), constant) {
                (Token::Compare(comparison), _) => {
                    self.next();
                    let column = self.column("a column, since the other side is a literal")?;
                    Ok(Predicate::Compare { column, comparison: comparison.mirrored(), value: literal })
                }
                (_, Some(constant)) => Ok(Predicate::Constant(constant)),
                _ => Err(self.wants("a comparison")),
            };
        }
        let column = self.column("a column, a literal, NOT or (")?;
        if let Token::Compare(comparison) = *self.peek() {
            self.next();
            let value = self.value()?;
            return Ok(Predicate::Compare { column, comparison, value });
        }
        if self.eat("IS") {
            let negated = self.eat("NOT");
            if !self.eat("NULL") {
                return Err(self.wants(if negated { "NULL" } else { "NULL or NOT NULL" }));
            }
            return Ok(opposite_if(negated, Predicate::IsNull(column)));
        }
        let negated = self.eat("NOT");
        if self.eat("BETWEEN") {
            let low = self.value()?;
            if !self.eat("AND") {
                return Err(self.wants("AND and the upper end of BETWEEN"));
            }
            let high = self.value()?;
            let low = Predicate::compare(column.clone(), Comparison::AtLeast, low);
            let high = Predicate::compare(column, Comparison::AtMost, high);
            return Ok(opposite_if(negated, Predicate::And(vec![low, high])));
        }
        if self.eat("IN") {
            self.expect(&Token::Open, "( and a list of literals")?;
            let mut values = vec![self.value()?];
            while *self.peek() == Token::Comma {
                self.next();
                values.push(self.value()?);
            }
            self.expect(&Token::Close, ", or )")?;
            return Ok(opposite_if(negated, Predicate::In { column, values }));
        }
        if self.eat("LIKE") {
            let pattern = self.quoted_text("a pattern in single quotes")?;
            let mut escape = None;
            if self.eat("ESCAPE") {
                let before = self.at;
                let text = self.quoted_text("one character in single quotes")?;
                let mut characters = text.chars();
                escape = characters.next();
                if escape.is_none() || characters.next().is_some() {
                    self.at = before;
                    return Err(self.wants("one character in single quotes"));
                }
            }
            return Ok(opposite_if(negated, Predicate::Like { column, pattern, escape }));
        }
        if negated {
            return Err(self.wants("BETWEEN, IN or LIKE"));
        }
        match self.peek() {
            Token::End | Token::Close => {}
            _ if self.is_word("AND") || self.is_word("OR") => {}
            _ => return Err(self.wants("a comparison, BETWEEN, IN, LIKE, IS, AND, OR or the end")),
        }
        Ok(Predicate::Column(column))
    }

    fn column(&mut self, expected: &str) -> Result<String> {
        match self.peek() {
            Token::Word(word) if !WORDS.iter().any(|reserved| reserved.eq_ignore_ascii_case(word)) => {}
            Token::Name(_) => {}
            _ => return Err(self.wants(expected)),
        }
        match self.next() {
            Token::Word(name) | Token::Name(name) => Ok(name),
            _ => unreachable!("matched above"),
        }
    }

    fn quoted_text(&mut self, expected: &str) -> Result<String> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.next();
                Ok(text)
            }
            _ => Err(self.wants(expected)),
        }
    }

    fn value(&mut self) -> Result<Literal> {
        self.literal()?.ok_or_else(|| match self.peek() {
            Token::Word(_) | Token::Name(_) => self.wants("a literal such as 1.5, 'text' or DATE '2024-01-31'"),
            _ => self.wants("a literal"),
        })
    }

    /// A literal, if one starts here.
    fn literal(&mut self) -> Result<Option<Literal>> {
        let literal = match self.peek().clone() {
            Token::Number(number) => Literal::Number(number),
            Token::Text(text) => Literal::Text(text),
            Token::Word(word) => match word.to_ascii_uppercase().as_str() {
                "TRUE" => Literal::Boolean(true),
                "FALSE" => Literal::Boolean(false),
                "NULL" => Literal::Null,
                // Only before text: tables have columns of these names.
                "DATE" | "TIMESTAMP" => {
                    let Token::Text(text) = &self.tokens[self.at + 1].1 else { return Ok(None) };
                    let moment = text.parse::<Moment>();
                    self.next();
                    Literal::Moment(moment.map_err(|_| self.wants("a date or time such as '2024-01-31T12:00:00Z'"))?)
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(literal))
    }
}

fn opposite_if(negated: bool, predicate: Predicate) -> Predicate {
    if negated { Predicate::Not(Box::new(predicate)) } else { predicate }
}
