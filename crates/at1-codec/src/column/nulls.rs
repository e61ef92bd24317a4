//! The words that stand for a missing value.
//!
//! * They count in typed columns only: in text, nothing but the empty unquoted field is null, and `NA` is a word.
//! * The empty field is null in every typed column, whatever the list says; so is a field of blanks.

use std::{collections::HashSet, sync::Arc};

/// What the world writes when it has no value.
const KNOWN: [&str; 13] =
    ["NA", "N/A", "n/a", "#N/A", "NULL", "null", "Null", "\\N", "None", "nil", "(null)", "-", "?"];
/// Apart from the others only because a lone full stop is easily lost in a list.
const STOP: &str = ".";

/// Words that mean null in typed (not text) columns, besides the empty field.
///
/// The default is the well-known list; a user's list replaces it.
///
/// ```
/// use at1_codec::column::NullWords;
/// assert!(NullWords::default().contains(b"N/A"));
/// let own: NullWords = ["missing"].into_iter().collect();
/// assert!(own.contains(b"missing") && !own.contains(b"N/A"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NullWords(Arc<Words>);

#[derive(Debug, PartialEq, Eq)]
struct Words {
    set: HashSet<Box<[u8]>>,
    /// In the order they were given, for people.
    list: Vec<Box<[u8]>>,
    /// By first byte: a bit for each length that words with it have, the last for all that are as long or longer. Most
    /// fields are told from all words by it alone.
    lengths: [u64; 256],
}

/// The bit of a length.
fn length_bit(word: &[u8]) -> u64 {
    1 << word.len().min(63)
}

impl NullWords {
    /// Is this value, as a whole, one of the words?
    #[must_use]
    #[inline]
    pub fn contains(&self, value: &[u8]) -> bool {
        let Some(&first) = value.first() else { return false };
        self.0.lengths[usize::from(first)] & length_bit(value) != 0 && self.0.set.contains(value)
    }

    /// The words, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.list.iter().map(|word| &**word)
    }

    /// Is the field null in a typed column? `body` is `value` without its leading blanks.
    #[inline]
    pub(crate) fn is_null(&self, value: &[u8], body: &[u8]) -> bool {
        body.is_empty() || self.contains(body) || (body.len() < value.len() && self.contains(value))
    }
}

impl Default for NullWords {
    fn default() -> Self {
        KNOWN.into_iter().chain([STOP]).collect()
    }
}

impl<W: AsRef<[u8]>> FromIterator<W> for NullWords {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let mut all = Words { set: HashSet::new(), list: Vec::new(), lengths: [0; 256] };
        for word in words {
            let word: Box<[u8]> = word.as_ref().into();
            let Some(&first) = word.first() else { continue };
            if all.set.insert(word.clone()) {
                all.lengths[usize::from(first)] |= length_bit(&word);
                all.list.push(word);
            }
        }
        Self(Arc::new(all))
    }
}

/// A value without the blanks in front of it.
#[inline]
pub(crate) fn without_lead(value: &[u8]) -> &[u8] {
    if value.first() != Some(&b' ') {
        return value;
    }
    let blanks = value.iter().position(|&b| b != b' ').unwrap_or(value.len());
    &value[blanks..]
}
