//! The tokenizer once more, byte at a time over a whole input: slow, obvious, and what tests hold [`Scanner`] to.
//!
//! * Follows the rules in [`super`] one by one; where the two differ, one of them is wrong.
//! * Nothing but tests should call it.
//!
//! [`Scanner`]: super::Scanner

use super::{BlankLine, Dialect, LIMITS, Limits, Record, Span, Terminator, Tokens};

/// The records of `input`.
///
/// # Panics
/// If `input` is 4 GiB or more.
///
/// ```
/// use at1_codec::text::{BlankLine, Dialect, reference};
/// let tokens = reference::scan(b"a,b\n\n\"c\nd\",e", Dialect::default(), BlankLine::Gap);
/// assert_eq!(tokens.records.len(), 2);
/// ```
#[must_use]
pub fn scan(input: &[u8], dialect: Dialect, blank: BlankLine) -> Tokens {
    scan_within(input, dialect, blank, LIMITS)
}

/// Where in a field a byte is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Start,
    Bare,
    Quoted,
}

fn scan_within(input: &[u8], dialect: Dialect, blank: BlankLine, limits: Limits) -> Tokens {
    let offset = |at: usize| u32::try_from(at).expect("less than 4 GiB");
    let mut tokens = Tokens::default();
    let mut unclosed = 0;
    let mut start = 0;
    loop {
        let gap = match blank {
            BlankLine::Gap => gap_bytes(&input[start..], dialect.terminator, limits.record_bytes_max),
            BlankLine::Record => 0,
        };
        let first = start + gap;
        if first == input.len() {
            return tokens;
        }
        let seen = &input[..input.len().min(first.saturating_add(limits.record_bytes_max))];
        let first_field = offset(tokens.fields.len());
        let mut place = Place::Start;
        let mut field = first;
        let mut at = first;
        let (field_end, end) = loop {
            let Some(&byte) = seen.get(at) else { break (at, at) };
            let next = seen.get(at + 1).copied();
            if place == Place::Quoted {
                match (Some(byte) == dialect.quote, Some(byte) == next) {
                    (false, _) => at += 1,
                    (true, true) => at += 2,
                    (true, false) => {
                        place = Place::Bare;
                        at += 1;
                    }
                }
                continue;
            }
            if place == Place::Start && Some(byte) == dialect.quote && unclosed < limits.unclosed_max {
                if closes(&seen[at + 1..], byte) {
                    place = Place::Quoted;
                    at += 1;
                    continue;
                }
                unclosed += 1;
            }
            match (dialect.terminator, byte) {
                (Terminator::Cr, b'\r') | (Terminator::Lf | Terminator::CrLf, b'\n') => break (at, at + 1),
                (Terminator::Lf | Terminator::CrLf, b'\r') if next == Some(b'\n') => break (at, at + 2),
                _ => {}
            }
            if byte == dialect.delimiter {
                tokens.fields.push(Span { start: offset(field), end: offset(at) });
                field = at + 1;
                place = Place::Start;
            } else {
                place = Place::Bare;
            }
            at += 1;
        };
        tokens.fields.push(Span { start: offset(field), end: offset(field_end) });
        tokens.records.push(Record { start: offset(start), first_field, end: offset(end) });
        let fields = &tokens.fields[first_field as usize..];
        let has_line_feed = |field: &Span| field.of(input).contains(&b'\n');
        tokens.multiline += u64::from(fields.len() > 1 && fields.iter().any(has_line_feed));
        start = end;
    }
}

/// The bytes of the blank lines at the start of `bytes`, as many as a gap holds.
fn gap_bytes(bytes: &[u8], terminator: Terminator, max: usize) -> usize {
    let mut gap = 0;
    loop {
        let line = BlankLine::bytes_at(terminator, &bytes[gap..]);
        if line == 0 || gap + line > max {
            return gap;
        }
        gap += line;
    }
}

/// Whether the quoted field whose inside starts `bytes` has a closing quote: pairs are skipped, a single one closes.
fn closes(bytes: &[u8], quote: u8) -> bool {
    let mut run = 0;
    for &byte in bytes {
        if byte == quote {
            run += 1;
        } else if run % 2 == 1 {
            return true;
        } else {
            run = 0;
        }
    }
    run % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::{super::*, *};

    /// Scanner and twin with limits so small that they are met all the time, whole and in two pieces.
    #[track_caller]
    fn check(input: &[u8], dialect: Dialect, blank: BlankLine, limits: Limits) -> Tokens {
        let expected = scan_within(input, dialect, blank, limits);
        let sets: Vec<_> = Instructions::all().collect();
        for cut in 0..=input.len() {
            let mut scanner = Scanner::with_limits(dialect, blank, limits).with_instructions(sets[cut % sets.len()]);
            let mut tokens = Tokens::default();
            let done = scanner.scan(&input[..cut], Input::More, usize::MAX, &mut tokens);
            let mut rest = Tokens::default();
            let consumed = scanner.scan(&input[done..], Input::End, usize::MAX, &mut rest);
            assert_eq!(done + consumed, input.len(), "{} cut at {cut}", input.escape_ascii());
            let (done, fields) = (done as u32, tokens.fields.len() as u32);
            tokens.fields.extend(rest.fields.iter().map(|f| Span { start: f.start + done, end: f.end + done }));
            tokens.records.extend(rest.records.iter().map(|r| Record {
                start: r.start + done,
                first_field: r.first_field + fields,
                end: r.end + done,
            }));
            tokens.multiline += rest.multiline;
            assert_eq!(tokens, expected, "{} cut at {cut}, {dialect:?}, {blank:?}, {limits:?}", input.escape_ascii());
        }
        expected
    }

    #[test]
    fn small_limits() {
        let alphabet = b"a,\"\r\n";
        for bytes in 0..=6 {
            let mut digits = vec![0; bytes];
            loop {
                let input: Vec<u8> = digits.iter().map(|&d| alphabet[d]).collect();
                for record_bytes_max in 1..=4 {
                    for unclosed_max in 0..=1 {
                        let limits = Limits { record_bytes_max, unclosed_max };
                        check(&input, Dialect::default(), BlankLine::Gap, limits);
                        check(&input, Dialect::default(), BlankLine::Record, limits);
                    }
                }
                let Some(i) = digits.iter().rposition(|&d| d + 1 < alphabet.len()) else { break };
                digits[i] += 1;
                digits[i + 1..].fill(0);
            }
        }
    }

    /// Limits of about a block, in texts of a few.
    #[test]
    fn limits_where_blocks_meet() {
        let lines = [
            "a,b",
            "",
            "\r",
            "\"",
            "\"a,\n\"",
            "\"x\"\"y\",",
            ",\"z",
            "0123456789012345678901234567890123456789,0123456789",
        ];
        let mut seed = 1_u64;
        for _ in 0..400 {
            let mut text = String::new();
            while text.len() < 200 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text += lines[(seed >> 33) as usize % lines.len()];
                text += if seed >> 60 == 0 { "," } else { "\n" };
            }
            for record_bytes_max in [20, 63, 64, 65, 90, 128, 150] {
                let limits = Limits { record_bytes_max, unclosed_max: (seed >> 40) as u32 % 4 };
                check(text.as_bytes(), Dialect::default(), BlankLine::Gap, limits);
                check(text.as_bytes(), Dialect::default(), BlankLine::Record, limits);
            }
        }
    }

    #[test]
    fn quotes_are_text_after_sixteen_unclosed() {
        // Each line opens a quote that nothing closes within eight bytes.
        let limits = Limits { record_bytes_max: 8, ..LIMITS };
        let line = b"\"a,b\n1,2,3,4,5\n";
        let quoted = b"\"x,y\",z\n";
        for (unclosed, fields) in [(15, 2), (16, 3)] {
            let mut input = line.repeat(unclosed);
            input.extend_from_slice(quoted);
            let tokens = check(&input, Dialect::default(), BlankLine::Gap, limits);
            let last = tokens.records.len() - 1;
            assert_eq!(tokens.record_fields(last).len(), fields, "after {unclosed}");
        }
    }

    #[test]
    fn gap_is_bounded() {
        let limits = Limits { record_bytes_max: 4, ..LIMITS };
        let tokens = check(b"\n\n\n\r\n\na\n", Dialect::default(), BlankLine::Gap, limits);
        let gaps: Vec<_> = (0..tokens.records.len()).map(|r| (tokens.gap(r), tokens.terminator(r))).collect();
        assert_eq!(gaps, [(0..3, 3..5), (5..6, 7..8)]);
    }
}
