//! Strings to compare two readings of: all short ones, and long ones at random.

/// Every string of these bytes, up to a length.
pub(crate) fn for_each_string(bytes: &[u8], len_max: usize, check: &mut impl FnMut(&[u8])) {
    fn grow(bytes: &[u8], len_max: usize, string: &mut Vec<u8>, check: &mut impl FnMut(&[u8])) {
        check(string);
        if string.len() < len_max {
            for &byte in bytes {
                string.push(byte);
                grow(bytes, len_max, string, check);
                string.pop();
            }
        }
    }
    grow(bytes, len_max, &mut Vec::new(), check);
}

/// The same numbers for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    /// One of these.
    pub(crate) fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Mostly digits, often zeros, often with a sign and a point.
    pub(crate) fn number(&mut self, len_max: usize) -> Vec<u8> {
        let mut text = self.one(&["", "", "-", "+"]).as_bytes().to_vec();
        let digits = self.one(&[&b"0123456789"[..], b"0009", b"99990"]);
        let len = 1 + self.below(len_max);
        text.extend((0..len).map(|_| digits[self.below(digits.len())]));
        if self.below(2) == 0 {
            let at = text.len() - self.below(len + 1);
            text.insert(at, b'.');
        }
        text
    }

    /// A field of a few kinds.
    pub(crate) fn field(&mut self) -> Vec<u8> {
        let pick = self.below(16);
        let (year, month, day) = (1 + self.below(9999), 1 + self.below(13), 1 + self.below(31));
        let clock = format!("{:02}:{:02}:{:02}", self.below(25), self.below(60), self.below(61));
        let fraction = self.one(&["", "", ".5", ".123456", ".1234567", ".100000000", ",25"]);
        let zone = self.one(&["", "", "Z", "+02:00", "-0530", " UTC", "+24"]);
        let gap = self.one(&["T", " ", "  "]);
        let text = match pick {
            0..=5 => return self.number(24),
            6 => format!("{year:04}-{month:02}-{day:02}"),
            7 if self.below(2) == 0 => {
                format!("{day:02}/{}/{year:04}:{clock}{zone}", self.one(&["Jan", "Feb", "Dec", "dec"]))
            }
            7 => format!("{day}/{month}/{year:04}"),
            8 | 9 => format!("{year:04}-{month:02}-{day:02}{gap}{clock}{fraction}{zone}"),
            10 => format!("{month}/{day}/{year:04} {clock}{zone}"),
            11 => format!("{}e{}", self.below(1000), self.below(400)),
            12 => format!("{:>9}", self.below(100_000)),
            13 => format!("\"{}\"", self.below(1000)),
            _ => self
                .one(&[
                    "",
                    "NA",
                    "\"\"",
                    " ",
                    "-",
                    "?",
                    "true",
                    "False",
                    "y",
                    "0",
                    "1",
                    "nan",
                    "-inf",
                    "a,b",
                    "\"a,b\"",
                    "é",
                    "\"a\"\"b\"",
                    "some words",
                    "NULL",
                    "5.",
                    ".5",
                    "-0",
                    "007",
                    "9223372036854775808",
                    "1e400",
                    "x\ny",
                ])
                .to_owned(),
        };
        text.into_bytes()
    }
}
