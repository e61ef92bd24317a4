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
    pub(crate) fn lex(text: &[u8]) -> Option<Self> {
        if text.len() > "false".len() {
            return None;
        }
        PAIRS.iter().zip(0..).find_map(|(pair, index)| {
            let value = pair.iter().position(|word| word.as_bytes() == text)?;
            Some(Self { value: value == 1, pair: index })
        })
    }

    /// What it means if `source` says that it is a boolean.
    pub(crate) fn value(self, source: Source) -> Option<bool> {
        (source == Source::Pinned || self.pair < INFERRED).then_some(self.value)
    }
}
