//! How a single field is written: what of its bytes is its value.

use super::{Quoted, json, value};
use crate::column::holds_any;

/// How the fields of a text are written, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// Between delimiters; some stand in quotes, which are doubled inside.
    Delimited {
        /// The byte between fields.
        delimiter: u8,
        /// The byte that quotes fields, if any does.
        quote: Option<u8>,
    },
    /// JSON: strings stand in quotes, with escapes inside; the word `null` is no value.
    Json,
    /// As they are: nothing quotes and nothing escapes.
    Bare,
}

impl Syntax {
    /// What most people call CSV.
    pub const CSV: Self = Self::Delimited { delimiter: b',', quote: Some(b'"') };

    /// The byte that may stand on both sides of a field.
    #[must_use]
    pub fn quote(self) -> Option<u8> {
        match self {
            Self::Delimited { quote, .. } => quote,
            Self::Json => Some(b'"'),
            Self::Bare => None,
        }
    }

    /// The value of a raw field, which looks at nothing but the field; `scratch` is used where the value is not a part of it.
    ///
    /// ```
    /// use at1_codec::text::{Quoted, Syntax};
    /// let scratch = &mut Vec::new();
    /// assert_eq!(Syntax::CSV.value(br#""say ""hi""""#, scratch), (&br#"say "hi""#[..], Quoted::Yes));
    /// assert_eq!(Syntax::Json.value(br#""\u00e9\/""#, scratch), ("é/".as_bytes(), Quoted::Yes));
    /// assert_eq!(Syntax::Json.value(b"null", scratch), (&b""[..], Quoted::No));
    /// assert_eq!(Syntax::Bare.value(b"null", scratch), (&b"null"[..], Quoted::No));
    /// ```
    #[inline]
    pub fn value<'a>(self, raw: &'a [u8], scratch: &'a mut Vec<u8>) -> (&'a [u8], Quoted) {
        match self {
            Self::Delimited { quote, .. } => value(raw, quote, scratch),
            Self::Json => json::value(raw, scratch),
            Self::Bare => (raw, Quoted::No),
        }
    }

    /// Would this value, without quotes, be read as something else?
    pub(crate) fn needs_quotes(self, value: &[u8]) -> bool {
        match self {
            Self::Delimited { delimiter, quote } => {
                let bytes = [delimiter, quote.unwrap_or(delimiter), b'\n', b'\r'];
                value.chunks(16).any(|chunk| holds_any(chunk, bytes))
            }
            // What has no quotes is a number, a word, or a whole array: a string is told from them by its quotes.
            Self::Json => true,
            Self::Bare => false,
        }
    }
}
