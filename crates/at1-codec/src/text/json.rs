//! JSON as it is written (RFC 8259): where values end, what strings say, where the fields of an object lie.
//!
//! * Lenient where nothing is lost by it: `NaN` and infinities are numbers, control characters may stand in strings, and what
//!   an array holds is looked at for its quotes and brackets only.
//! * Nothing is copied but strings with escapes, when their value is asked for.

use memchr::memchr2;

use super::Quoted;

/// The value of a raw field: a string without its quotes and escapes, nothing for `null`, all else as it is. A string whose
/// escapes mean nothing, such as half of a surrogate pair, is its raw text.
#[inline]
pub(super) fn value<'a>(raw: &'a [u8], scratch: &'a mut Vec<u8>) -> (&'a [u8], Quoted) {
    match raw {
        [b'"', inside @ .., b'"'] => match memchr2(b'"', b'\\', inside) {
            None => (inside, Quoted::Yes),
            Some(_) if unescape(inside, scratch) => (scratch, Quoted::Yes),
            Some(_) => (raw, Quoted::No),
        },
        b"null" => (&[], Quoted::No),
        _ => (raw, Quoted::No),
    }
}

/// Puts what the inside of a string says into `out`; `false` if it has a quote or an escape that means nothing.
fn unescape(inside: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut rest = inside;
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let plain = match &rest[at..] {
            [b'\\', escaped @ (b'"' | b'\\' | b'/'), ..] => *escaped,
            [b'\\', b'b', ..] => 8,
            [b'\\', b'f', ..] => 12,
            [b'\\', b'n', ..] => b'\n',
            [b'\\', b'r', ..] => b'\r',
            [b'\\', b't', ..] => b'\t',
            [b'\\', b'u', after @ ..] => {
                let Some((scalar, bytes)) = scalar(after) else { return false };
                out.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[at + 2 + bytes..];
                continue;
            }
            _ => return false,
        };
        out.push(plain);
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    true
}

/// The character that four digits behind `\u` say, or eight of a surrogate pair, and how many bytes that takes.
fn scalar(after: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = after.get(at..at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(0)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 4));
    }
    let second = unit(6).filter(|second| after[4..6] == *b"\\u" && (0xDC00..0xE000).contains(second))?;
    Some((char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))?, 10))
}

/// The byte after the value at `at`, a non-empty object excepted; `None` if there is none.
#[inline]
pub(super) fn value_end(line: &[u8], at: usize) -> Option<usize> {
    match line.get(at)? {
        b'"' => string_end(line, at),
        b'[' => array_end(line, at),
        b'{' => {
            let end = blanks(line, at + 1);
            (line.get(end) == Some(&b'}')).then_some(end + 1)
        }
        _ => word_end(line, at),
    }
}

/// The byte after the string at `at`.
#[inline]
pub(super) fn string_end(line: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        from += memchr2(b'"', b'\\', line.get(from..)?)?;
        if line[from] == b'"' {
            return Some(from + 1);
        }
        from += 2;
    }
}

/// The byte after the array, or the object, at `at`: what lies inside is looked at for its strings and brackets.
pub(super) fn array_end(line: &[u8], at: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut at = at;
    loop {
        match line.get(at)? {
            b'"' => {
                at = string_end(line, at)?;
                continue;
            }
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            close @ (b']' | b'}') => {
                if open.pop() != Some(*close) {
                    return None;
                }
                if open.is_empty() {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The byte after the number, or one of the few words, at `at`.
#[inline]
fn word_end(line: &[u8], at: usize) -> Option<usize> {
    let rest = &line[at..];
    let len = rest.iter().position(|&b| !(b.is_ascii_alphanumeric() || b"+-.".contains(&b))).unwrap_or(rest.len());
    let word = &rest[..len];
    let is_word = matches!(word, b"null" | b"true" | b"false" | b"NaN" | b"Infinity" | b"-Infinity");
    (is_word || is_number(word)).then_some(at + len)
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_number(word: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = word.strip_prefix(b"-").unwrap_or(word);
    let int = digits(rest);
    if int == 0 || (int > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[int..];
    if let [b'.', fraction @ ..] = rest {
        let len = digits(fraction);
        if len == 0 {
            return false;
        }
        rest = &fraction[len..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let len = digits(exponent);
        return len > 0 && len == exponent.len();
    }
    rest.is_empty()
}

/// Where the blanks from `at` on end.
#[inline]
pub(super) fn blanks(line: &[u8], at: usize) -> usize {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    at + line.get(at..).map_or(0, |rest| rest.iter().take_while(|byte| is_blank(byte)).count())
}

/// The key at `at`, unescaped, and the byte after it.
pub(super) fn key<'a>(line: &'a [u8], at: usize, scratch: &'a mut Vec<u8>) -> Option<(&'a [u8], usize)> {
    if line.get(at) != Some(&b'"') {
        return None;
    }
    let end = string_end(line, at)?;
    Some((value(&line[at..end], scratch).0, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_strings() {
        let check = |raw: &str, expected: &str, quoted: Quoted| {
            let mut scratch = Vec::new();
            let (value, found) = value(raw.as_bytes(), &mut scratch);
            assert_eq!((String::from_utf8_lossy(value).as_ref(), found), (expected, quoted), "{raw}");
        };
        check(r#""""#, "", Quoted::Yes);
        check(r#""a\"b\\c\/d""#, "a\"b\\c/d", Quoted::Yes);
        check(r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t", Quoted::Yes);
        check(r#""\u0041\u00e9\u20AC\ud83d\ude00x""#, "Aé€😀x", Quoted::Yes);
        for odd in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\n""#,
            r#""\ud83dxude00""#,
            r#""\u12g4""#,
            r#""\x""#,
            r#""\""#,
            r#""a"b""#,
            "\"",
        ] {
            check(odd, odd, Quoted::No);
        }
        check("null", "", Quoted::No);
        check("\"null\"", "null", Quoted::Yes);
        check("1.50", "1.50", Quoted::No);
        check("[1, 2]", "[1, 2]", Quoted::No);
    }

    #[test]
    fn values_end_where_json_says() {
        let check = |line: &str, expected: Option<usize>| assert_eq!(value_end(line.as_bytes(), 0), expected, "{line}");
        for number in ["0", "-0", "12", "-1.5", "1e5", "1.25E-10", "1e+3", "0.0", "NaN", "-Infinity", "true", "null"] {
            check(number, Some(number.len()));
            check(&format!("{number},"), Some(number.len()));
            check(&format!("{number} }}"), Some(number.len()));
        }
        for other in [
            "",
            "01",
            "-",
            "1.",
            ".5",
            "+1",
            "1e",
            "1e+",
            "0x1",
            "1.2.3",
            "nul",
            "truee",
            "{\"a\":1}",
            "]",
            "\"a",
            "\"a\\\"",
            "[1",
            "[1}",
            "[\"]\"",
            "{",
        ] {
            check(other, None);
        }
        check("\"a\\\"b\",", Some(6));
        check("[1,[2,{\"a\":\"]\"}]] ", Some(17));
        check("{ }", Some(3));
        check("[]", Some(2));
    }
}
