//! Single words of command lines, as values.
//!
//! * A unit is always said, but for plain bytes.

const SIZE_UNITS: [(&str, u64); 9] = [
    ("b", 1),
    ("kb", 1000),
    ("mb", 1000 * 1000),
    ("gb", 1000 * 1000 * 1000),
    ("tb", 1000 * 1000 * 1000 * 1000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Bytes: `512MiB`, `1GB`, `4096`.
///
/// # Errors
/// What was expected and what was found, if it is something else.
pub fn bytes(word: &str) -> Result<u64, String> {
    let wrong = || format!("expected a size such as 512MiB, 1GB or 4096, found {word}");
    let (digits, unit) = split_number(word);
    let unit = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" => 1,
        unit => SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1,
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)
}

/// The digits at the start, and what follows.
pub fn split_number(word: &str) -> (&str, &str) {
    word.split_at(word.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (word, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("512MiB", 512 << 20),
            ("1GiB", 1 << 30),
            ("1GB", 1_000_000_000),
            ("2 kB", 2000),
            ("3tib", 3 << 40),
        ] {
            assert_eq!(bytes(word), Ok(expected), "{word}");
        }
        for word in ["", "MiB", "-1", "1.5GB", "1M", "1 GB 2", "99999999999TiB", "1０"] {
            assert!(bytes(word).is_err(), "{word}");
        }
    }
}
