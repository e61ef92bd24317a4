//! Where text holds bytes that only stand between quotes.

/// Finds delimiters, quotes and line ends in text, from front to back.
///
/// What follows the last find is not looked at before it is asked for, and nothing is looked at twice: most text has none,
/// and then this is one pass at the speed of memory.
pub(super) struct Specials<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    quote: u8,
    /// The next delimiter, quote or line feed, and the next carriage return, from the place last asked for on.
    next: [usize; 2],
}

impl<'a> Specials<'a> {
    /// Those of `bytes`.
    pub(super) fn new(bytes: &'a [u8], delimiter: u8, quote: u8) -> Self {
        Self { bytes, delimiter, quote, next: [0; 2] }
    }

    /// Is there one in `from..to`? Places are asked for in ascending order.
    #[inline]
    pub(super) fn any_within(&mut self, from: usize, to: usize) -> bool {
        if self.next[0] <= from || self.next[1] <= from {
            self.look(from);
        }
        self.next[0].min(self.next[1]) < to
    }

    fn look(&mut self, from: usize) {
        let rest = &self.bytes[from..];
        if self.next[0] <= from {
            let next = memchr::memchr3(self.delimiter, self.quote, b'\n', rest);
            self.next[0] = next.map_or(usize::MAX, |at| from + at);
        }
        if self.next[1] <= from {
            self.next[1] = memchr::memchr(b'\r', rest).map_or(usize::MAX, |at| from + at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Syntax;

    #[test]
    fn it_finds_what_a_look_at_every_byte_finds() {
        let mut bytes = Vec::new();
        let mut state = 1u32;
        for _ in 0..5_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.push(b",\"\n\rabcdefghijklmnopqrstuvwxyz"[(state >> 16) as usize % 30]);
        }
        for width in 1..40 {
            let mut specials = Specials::new(&bytes, b',', b'"');
            for (index, field) in bytes.chunks(width).enumerate() {
                let found = specials.any_within(index * width, index * width + field.len());
                assert_eq!(found, Syntax::CSV.needs_quotes(field), "{}", field.escape_ascii());
                assert!(!specials.any_within(index * width, index * width), "nothing is in an empty field");
            }
        }
    }
}
