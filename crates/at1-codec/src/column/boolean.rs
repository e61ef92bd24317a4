//! Booleans: the pairs of words that programs write for them.
//!
//! * The first three pairs are booleans by themselves; the others only in a column that the user pinned.

use crate::column::pin::Source;

/// False and true, as one program writes them.
pub(crate) const PAIRS: [[&str; 2]; 11] = [
    ["false", "true"],
    ["False", "True"],
    ["FALSE", "TRUE"],
    ["f", "t"],
    ["F", "T"],
    ["no", "yes"],
    ["No", "Yes"],
    ["NO", "YES"],
    ["n", "y"],
    ["N", "Y"],
    ["0", "1"],
];

/// How many of [`PAIRS`] need no pin.
pub(crate) const INFERRED: u8 = 3;

/// A boolean and the index of the pair that its word is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) value: bool,
    pub(crate) pair: u8,
}

impl Word {
    /// What `text` means, whoever says that it is a boolean.
    #[inline]
    pub(crate) fn lex(text: &[u8]) -> Option<Self> {
        // Asked of every field, so the words of `PAIRS` stand here once more, where the compiler tells them apart by
        // length and byte; a test holds both equal.
        let (pair, value) = match text {
            b"false" => (0, false),
            b"true" => (0, true),
            b"False" => (1, false),
            b"True" => (1, true),
            b"FALSE" => (2, false),
            b"TRUE" => (2, true),
            b"f" => (3, false),
            b"t" => (3, true),
            b"F" => (4, false),
            b"T" => (4, true),
            b"no" => (5, false),
            b"yes" => (5, true),
            b"No" => (6, false),
            b"Yes" => (6, true),
            b"NO" => (7, false),
            b"YES" => (7, true),
            b"n" => (8, false),
            b"y" => (8, true),
            b"N" => (9, false),
            b"Y" => (9, true),
            b"0" => (10, false),
            b"1" => (10, true),
            _ => return None,
        };
        Some(Self { value, pair })
    }

    /// What it means if `source` says that it is a boolean.
    pub(crate) fn value(self, source: Source) -> Option<bool> {
        (source == Source::Pinned || self.pair < INFERRED).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_every_pair_is_known_and_no_other() {
        for (pair, words) in (0..).zip(PAIRS) {
            for (value, word) in [false, true].into_iter().zip(words) {
                assert_eq!(Word::lex(word.as_bytes()), Some(Word { value, pair }), "{word}");
            }
        }
        for word in ["", "2", "tRUE", "falsey", "on"] {
            assert_eq!(Word::lex(word.as_bytes()), None, "{word}");
        }
    }
}
