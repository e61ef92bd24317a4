//! Single words of the command line, as values.
//!
//! * A unit is always said, but for plain bytes: nobody has to guess whether `24` is hours or days.

use std::{ops::Range, str::FromStr, time::Duration};

pub(crate) use at1_console::words::bytes;
use at1_console::words::split_number;
use at1_ledger::VerifierKey;
use at1_table::{Level, MaxUnsigned};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// The byte around fields, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuoteByte {
    None,
    Byte(u8),
}

const DURATION_UNITS: [(&str, u64); 5] =
    [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60), ("w", 7 * 24 * 60 * 60)];

/// Where one begins to follow a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    Start,
    Event(u64),
}

/// An event to go on behind, or the start.
pub(crate) fn since(word: &str) -> Result<Since, String> {
    match word {
        "start" => Ok(Since::Start),
        _ => word.parse().map(Since::Event).map_err(|_| format!("expected an event's number or start, found {word}")),
    }
}

/// A number of seconds, perhaps with a fraction.
pub(crate) fn seconds(word: &str) -> Result<Duration, String> {
    let seconds = word.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("expected a number of seconds, such as 5 or 0.25, found {word}"))
}

/// A time span: `90m`, `24h`, `1d12h`.
pub(crate) fn duration(word: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a duration such as 0s, 90m, 24h, 7d or 1d12h, found {word}");
    let (mut rest, mut seconds) = (word, 0u64);
    while !rest.is_empty() {
        let (digits, tail) = split_number(rest);
        let unit = DURATION_UNITS.iter().find(|(name, _)| tail.starts_with(name)).ok_or_else(wrong)?;
        let more = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit.1));
        seconds = more.and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        rest = &tail[unit.0.len()..];
    }
    if word.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// A number of events, or a time span.
pub(crate) fn max_unsigned(word: &str) -> Result<MaxUnsigned, String> {
    match word.parse() {
        Ok(events) => Ok(MaxUnsigned::Events(events)),
        Err(_) => duration(word)
            .map(MaxUnsigned::Age)
            .map_err(|_| format!("expected a number of events, or a duration such as 90m or 7d, found {word}")),
    }
}

/// A level of verification, by its word.
pub(crate) fn levels() -> impl TypedValueParser<Value = Level> {
    let words = PossibleValuesParser::new(Level::ALL.map(Level::as_str));
    words.map(|word| Level::ALL.into_iter().find(|level| level.as_str() == word).expect("one of them"))
}

/// A verifier key, `NAME+ID+BASE64`.
pub(crate) fn verifier_key(word: &str) -> Result<VerifierKey, String> {
    word.parse().map_err(|error: at1_ledger::Error| error.to_string())
}

pub(crate) fn column_type(word: &str) -> Result<(String, String), String> {
    // A header may hold `=`; no type does.
    let (column, ty) = word.rsplit_once('=').ok_or_else(|| format!("expected COL=TYPE, found {word}"))?;
    Ok((column.to_owned(), ty.to_owned()))
}

pub(crate) fn delimiter(word: &str) -> Result<u8, String> {
    match word.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(byte),
        _ => Err(format!("expected one ASCII character or `tab`, found {word}")),
    }
}

pub(crate) fn quote(word: &str) -> Result<QuoteByte, String> {
    match word.as_bytes() {
        b"none" | b"" => Ok(QuoteByte::None),
        &[byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(QuoteByte::Byte(byte)),
        _ => Err(format!("expected one ASCII character or `none`, found {word}")),
    }
}

pub(crate) fn sha256(word: &str) -> Result<[u8; 32], String> {
    let expected = || format!("expected 64 hexadecimal digits, found {word}");
    let mut digest = [0; 32];
    if word.len() != 64 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(expected());
    }
    for (byte, digits) in digest.iter_mut().zip(word.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| expected())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| expected())?;
    }
    Ok(digest)
}

pub(crate) fn producer(word: &str) -> Result<(String, u64), String> {
    let parts = word.rsplit_once(':').and_then(|(name, number)| Some((name, u64::from_str(number).ok()?)));
    match parts {
        Some((name, number)) if !name.is_empty() => Ok((name.to_owned(), number)),
        _ => Err(format!("expected PRODUCER:NUMBER, found {word}")),
    }
}

pub(crate) fn row_range(word: &str) -> Result<Range<u64>, String> {
    let bounds = word.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    match bounds {
        Some(range) if range.start <= range.end => Ok(range),
        _ => Err(format!("expected A..B with A not above B, found {word}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_words() {
        assert_eq!(column_type("a=b=int64"), Ok(("a=b".into(), "int64".into())));
        assert_eq!(delimiter("tab"), Ok(b'\t'));
        assert!(delimiter("ab").is_err() && delimiter("\n").is_err());
        assert_eq!(quote("none"), Ok(QuoteByte::None));
        assert_eq!(quote("'"), Ok(QuoteByte::Byte(b'\'')));
        assert_eq!(producer("host:a:7"), Ok(("host:a".into(), 7)));
        assert!(producer(":7").is_err() && producer("a").is_err());
        assert_eq!(row_range("3..5"), Ok(3..5));
        assert!(row_range("5..3").is_err() && row_range("5").is_err());
        assert_eq!(sha256(&"0f".repeat(32)), Ok([15; 32]));
        assert!(sha256("0f").is_err() && sha256(&"zz".repeat(32)).is_err());
    }

    #[test]
    fn unsigned() {
        assert_eq!(max_unsigned("0"), Ok(MaxUnsigned::Events(0)));
        assert_eq!(max_unsigned("90m"), Ok(MaxUnsigned::Age(Duration::from_secs(5400))));
        assert!(max_unsigned("many").is_err() && max_unsigned("").is_err());
    }

    #[test]
    fn durations() {
        for (word, expected) in
            [("0s", 0), ("90m", 5400), ("24h", 86_400), ("7d", 604_800), ("1d12h", 129_600), ("2w1s", 1_209_601)]
        {
            assert_eq!(duration(word), Ok(Duration::from_secs(expected)), "{word}");
        }
        for word in ["", "24", "h", "1d12", "1 d", "-1h", "1.5h", "1x", "99999999999999999999s", "99999999999999999w"] {
            assert!(duration(word).is_err(), "{word}");
        }
    }
}
