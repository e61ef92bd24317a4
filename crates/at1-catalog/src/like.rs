//! Patterns of `LIKE`.
//!
//! * `%` stands for any run of characters, `_` for one character (a Unicode scalar value); case counts.
//! * Matching takes at most the length of the text times that of the pattern, never exponential time.

use crate::set::{Place, Set};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Exactly(char),
    One,
    Any,
}

/// A pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

impl Pattern {
    /// `None` if the pattern ends in its escape character.
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            match c {
                c if Some(c) == escape => pieces.push(Piece::Exactly(rest.next()?)),
                '%' if pieces.last() == Some(&Piece::Any) => {}
                '%' => pieces.push(Piece::Any),
                '_' => pieces.push(Piece::One),
                c => pieces.push(Piece::Exactly(c)),
            }
        }
        Some(Self { pieces })
    }

    /// The texts that match, if they are just those with a prefix, or a single one.
    pub(crate) fn exact(&self) -> Option<Set<Vec<u8>>> {
        let (last, prefix) = match self.pieces.split_last() {
            Some((Piece::Any, prefix)) => (Piece::Any, prefix),
            _ => (Piece::One, self.pieces.as_slice()),
        };
        if !prefix.iter().all(|piece| matches!(piece, Piece::Exactly(_))) {
            return None;
        }
        Some(match last {
            Piece::Any => self.hull(),
            _ => Set::equal(&Place::At(self.prefix())),
        })
    }

    /// A set that holds every text that matches.
    pub(crate) fn hull(&self) -> Set<Vec<u8>> {
        let prefix = self.prefix();
        let mut end = prefix.clone();
        while let Some(last) = end.pop() {
            if last < 0xff {
                end.push(last + 1);
                return Set::between(prefix, Some(end));
            }
        }
        Set::full()
    }

    fn prefix(&self) -> Vec<u8> {
        let literal = self.pieces.iter().map_while(|piece| match piece {
            Piece::Exactly(c) => Some(*c),
            _ => None,
        });
        literal.collect::<String>().into_bytes()
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut pieces, mut rest) = (self.pieces.as_slice(), text.chars());
        // Where to resume when what follows the last `%` fails: one character further on.
        let mut resume = None;
        loop {
            let here = rest.clone();
            match (pieces.split_first(), rest.next()) {
                (Some((Piece::Any, after)), _) => {
                    resume = Some((after, here.clone()));
                    (pieces, rest) = (after, here);
                    continue;
                }
                (Some((Piece::One, after)), Some(_)) => {
                    pieces = after;
                    continue;
                }
                (Some((Piece::Exactly(want), after)), Some(c)) if *want == c => {
                    pieces = after;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after, mut from)) = resume.take() else { return false };
            if after.is_empty() {
                return true; // a last `%` takes the rest
            }
            if from.next().is_none() {
                return false;
            }
            (pieces, rest) = (after, from.clone());
            resume = Some((after, from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, spelled out.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|n| slow(rest, &text[n..])),
            Some((c, rest)) => text.split_first().is_some_and(|(t, more)| (*c == '_' || c == t) && slow(rest, more)),
        }
    }

    fn strings(alphabet: &[char], most: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..most {
            let until = all.len();
            for i in from..until {
                for c in alphabet {
                    all.push(format!("{}{c}", all[i]));
                }
            }
            from = until;
        }
        all
    }

    #[test]
    fn every_short_pattern() {
        let texts = strings(&['a', 'é'], 5);
        for pattern in strings(&['a', 'é', '%', '_'], 4) {
            let ready = Pattern::new(&pattern, None).unwrap();
            let chars: Vec<char> = pattern.chars().collect();
            for text in &texts {
                let want = slow(&chars, &text.chars().collect::<Vec<_>>());
                assert_eq!(ready.matches(text), want, "{text} like {pattern}");
                assert!(!want || ready.hull().contains(text.as_bytes()), "{text} like {pattern}");
                if let Some(exact) = ready.exact() {
                    assert_eq!(exact.contains(text.as_bytes()), want, "{text} like {pattern}");
                }
            }
        }
    }

    #[test]
    fn escapes() {
        let pattern = Pattern::new("10\\%%", Some('\\')).unwrap();
        assert!(pattern.matches("10%") && pattern.matches("10% off") && !pattern.matches("100"));
        assert_eq!(Pattern::new("a\\", Some('\\')), None);
        assert!(Pattern::new("a\\", None).unwrap().matches("a\\"));
    }
}
