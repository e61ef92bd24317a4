//! Records and fields: scanner against twin, and detection on small and on real texts.

use std::{env, fs, path::PathBuf};

use at1_codec::text::{
    BlankLine, Completeness, Dialect, DialectOptions, Input, Instructions, QuoteOption, Quoted, RECORD_BYTES_MAX,
    Record, Scanner, Span, Terminator, Tokens, bom_len, detect, reference, value,
};
use proptest::prelude::*;

const COMMA: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), terminator: Terminator::Lf };
const COMMA_CR: Dialect = Dialect { terminator: Terminator::Cr, ..COMMA };
const COMMA_BARE: Dialect = Dialect { quote: None, ..COMMA };

/// Adds what was found in bytes that start at `offset`.
fn extend(all: &mut Tokens, found: &Tokens, offset: usize) {
    let offset = u32::try_from(offset).expect("a small test");
    let fields = u32::try_from(all.fields.len()).expect("a small test");
    all.fields.extend(found.fields.iter().map(|f| Span { start: f.start + offset, end: f.end + offset }));
    all.multiline += found.multiline;
    all.records.extend(found.records.iter().map(|r| Record {
        start: r.start + offset,
        first_field: r.first_field + fields,
        end: r.end + offset,
    }));
}

/// A scanner for each set of instructions that this machine has.
fn scanners(dialect: Dialect, blank: BlankLine) -> impl Iterator<Item = Scanner> {
    Instructions::all().map(move |instructions| Scanner::new(dialect, blank).with_instructions(instructions))
}

fn scan_whole(input: &[u8], mut scanner: Scanner) -> Tokens {
    let mut tokens = Tokens::default();
    let consumed = scanner.scan(input, Input::End, usize::MAX, &mut tokens);
    assert_eq!(consumed, input.len(), "{}", input.escape_ascii());
    tokens
}

/// The first `cut` bytes with more to come, then all that is left.
fn scan_cut(input: &[u8], cut: usize, mut scanner: Scanner) -> Tokens {
    let mut tokens = Tokens::default();
    let done = scanner.scan(&input[..cut], Input::More, usize::MAX, &mut tokens);
    assert!(done <= cut);
    let mut rest = Tokens::default();
    let consumed = scanner.scan(&input[done..], Input::End, usize::MAX, &mut rest);
    assert_eq!(done + consumed, input.len());
    extend(&mut tokens, &rest, done);
    tokens
}

/// The same, going on in the middle of the input.
fn scan_on(input: &[u8], cut: usize, mut scanner: Scanner) -> Tokens {
    let mut tokens = Tokens::default();
    let done = scanner.scan(&input[..cut], Input::More, usize::MAX, &mut tokens);
    assert_eq!(scanner.scan_on(input, done, Input::End, usize::MAX, &mut tokens), input.len());
    tokens
}

/// As a reader of a stream does: pieces of `bytes`, doubled as long as no record comes; `limit` stops it early.
fn scan_stream(input: &[u8], bytes: usize, limit: usize, mut scanner: Scanner) -> Tokens {
    let (mut tokens, mut found) = (Tokens::default(), Tokens::default());
    let (mut done, mut piece) = (0, bytes);
    while done < input.len() {
        let end = input.len().min(done + piece);
        let more = if end == input.len() { Input::End } else { Input::More };
        found.clear();
        let consumed = scanner.scan(&input[done..end], more, limit, &mut found);
        extend(&mut tokens, &found, done);
        if let [.., before, _] = found.records[..] {
            assert!((before.end as usize) < limit, "went on behind the limit");
        }
        piece = if consumed == 0 { piece * 2 } else { bytes };
        done += consumed;
    }
    tokens
}

/// Gaps, fields with delimiters, terminators and tail are the input, in this order and with nothing between.
#[track_caller]
fn check_reassembly(input: &[u8], tokens: &Tokens, dialect: Dialect, blank: BlankLine) {
    let mut out = Vec::with_capacity(input.len());
    for r in 0..tokens.records.len() {
        assert_eq!(out.len(), tokens.records[r].start as usize);
        let gap = &input[tokens.gap(r)];
        assert!(gap.is_empty() || blank == BlankLine::Gap);
        assert!(gap.iter().all(|b| b"\r\n".contains(b)));
        out.extend_from_slice(gap);
        for (i, field) in tokens.record_fields(r).iter().enumerate() {
            if i > 0 {
                out.push(dialect.delimiter);
            }
            out.extend_from_slice(field.of(input));
        }
        let terminator = &input[tokens.terminator(r)];
        let known: &[&[u8]] = match dialect.terminator {
            Terminator::Cr => &[b"", b"\r"],
            Terminator::Lf | Terminator::CrLf => &[b"", b"\n", b"\r\n"],
        };
        assert!(known.contains(&terminator));
        out.extend_from_slice(terminator);
        assert_eq!(out.len(), tokens.records[r].end as usize);
    }
    let tail = &input[out.len()..];
    assert!(tail.iter().all(|b| b"\r\n".contains(b)), "tail {}", tail.escape_ascii());
    assert!(tail.is_empty() || blank == BlankLine::Gap);
    out.extend_from_slice(tail);
    assert!(out == input, "{} became {}", input.escape_ascii(), out.escape_ascii());
}

#[track_caller]
fn check(input: &[u8], dialect: Dialect, blank: BlankLine) -> Tokens {
    let twin = reference::scan(input, dialect, blank);
    for scanner in scanners(dialect, blank) {
        let tokens = scan_whole(input, scanner.clone());
        assert_eq!(tokens, twin, "{} with {scanner:?}", input.escape_ascii());
    }
    check_reassembly(input, &twin, dialect, blank);
    twin
}

#[track_caller]
fn check_cuts(input: &[u8], dialect: Dialect, blank: BlankLine) {
    let tokens = check(input, dialect, blank);
    for scanner in scanners(dialect, blank) {
        for cut in 0..=input.len() {
            let pieces = scan_cut(input, cut, scanner.clone());
            assert_eq!(pieces, tokens, "{} cut at {cut} with {scanner:?}", input.escape_ascii());
        }
    }
}

/// In pieces of `piece` bytes, with and without limit, and cut once.
#[track_caller]
fn check_pieces(input: &[u8], piece: usize, limit: usize, dialect: Dialect, blank: BlankLine) {
    let tokens = check(input, dialect, blank);
    for scanner in scanners(dialect, blank) {
        let cut = piece.min(input.len());
        let pieces = [
            scan_cut(input, cut, scanner.clone()),
            scan_on(input, cut, scanner.clone()),
            scan_stream(input, piece, usize::MAX, scanner.clone()),
            scan_stream(input, piece, 1, scanner.clone()),
            scan_stream(input, piece, limit, scanner.clone()),
        ];
        for (way, found) in pieces.iter().enumerate() {
            assert!(*found == tokens, "way {way}, {piece} bytes, limit {limit}, {scanner:?}: {}", input.escape_ascii());
        }
    }
}

fn for_each_string(alphabet: &[u8], bytes_max: usize, mut check: impl FnMut(&[u8])) {
    for bytes in 0..=bytes_max {
        let mut digits = vec![0; bytes];
        let mut input = vec![alphabet[0]; bytes];
        loop {
            check(&input);
            let Some(i) = digits.iter().rposition(|&d| d + 1 < alphabet.len()) else { break };
            digits[i] += 1;
            digits[i + 1..].fill(0);
            for (byte, &digit) in input.iter_mut().zip(&digits).skip(i) {
                *byte = alphabet[digit];
            }
        }
    }
}

/// Each stands at all places of a block, and over its end.
#[test]
fn every_short_input_in_a_long_one() {
    let mut inputs = 0;
    for_each_string(b"a,\"\r\n", 4, |middle| {
        for (before, after) in [("", "z,z\nz"), ("z\n", "\n\"z\",z\n"), ("z,\"z", "\",\"z\n\"\n"), ("\"\n\"", "")] {
            for filler in 57..=64 {
                inputs += 1;
                let filler = "y".repeat(filler);
                let input =
                    [before.as_bytes(), filler.as_bytes(), middle, after.as_bytes(), filler.as_bytes()].concat();
                check(&input, COMMA, BlankLine::Gap);
                check(&input, COMMA, BlankLine::Record);
                check(&input, COMMA_CR, BlankLine::Gap);
            }
        }
    });
    assert_eq!(inputs, 24_992);
}

#[test]
fn this_machine_has_what_it_has() {
    let all: Vec<_> = Instructions::all().collect();
    assert_eq!((all[0], all.last()), (Instructions::PORTABLE, Some(&Instructions::best())));
    #[cfg(target_arch = "x86_64")]
    assert_eq!(all.len() > 1, is_x86_feature_detected!("avx2"));
}

/// A quote or delimiter that cannot do its work means two things at once; what it is taken for stays the same.
#[test]
fn dialects_that_cannot_work() {
    for_each_string(b"a,\"\r\n", 5, |input| {
        for (delimiter, quote) in [(b'\n', None), (b'\r', Some(b'"')), (b',', Some(b'\n')), (b',', Some(b','))] {
            for terminator in [Terminator::Lf, Terminator::Cr] {
                let dialect = Dialect { delimiter, quote, terminator };
                for scanner in scanners(dialect, BlankLine::Gap) {
                    scan_whole(input, scanner);
                }
            }
        }
    });
}

#[test]
fn every_short_input() {
    let mut inputs = 0;
    for_each_string(b"a,\"\r\n", 7, |input| {
        inputs += 1;
        check_cuts(input, COMMA, BlankLine::Gap);
        if input.len() < 7 {
            check_cuts(input, COMMA, BlankLine::Record);
            check_cuts(input, COMMA_CR, BlankLine::Gap);
            check_cuts(input, COMMA_CR, BlankLine::Record);
            check_cuts(input, COMMA_BARE, BlankLine::Gap);
            check_cuts(input, Dialect { terminator: Terminator::CrLf, ..COMMA }, BlankLine::Gap);
        }
    });
    assert_eq!(inputs, 97_656);
}

/// The records as fields joined by `|`, with `[gap]` before and the terminator after, escaped.
fn shown(input: &[u8], dialect: Dialect, blank: BlankLine) -> Vec<String> {
    let tokens = check(input, dialect, blank);
    check_cuts(input, dialect, blank);
    (0..tokens.records.len())
        .map(|r| {
            let gap = input[tokens.gap(r)].escape_ascii().to_string();
            let gap = if gap.is_empty() { gap } else { format!("[{gap}]") };
            let fields: Vec<_> =
                tokens.record_fields(r).iter().map(|f| String::from_utf8_lossy(f.of(input)).into_owned()).collect();
            format!("{gap}{}{}", fields.join("|"), input[tokens.terminator(r)].escape_ascii())
        })
        .collect()
}

#[test]
fn the_rules_one_by_one() {
    use BlankLine::{Gap, Record};
    let cases: &[(&[u8], Dialect, BlankLine, &[&str])] = &[
        (b"", COMMA, Gap, &[]),
        (b"", COMMA, Record, &[]),
        (b"a,b\nc,d\r\ne", COMMA, Gap, &["a|b\\n", "c|d\\r\\n", "e"]),
        (b"a,\n", COMMA, Gap, &["a|\\n"]),
        (b"a,", COMMA, Gap, &["a|"]),
        (b",\r\n", COMMA, Gap, &["|\\r\\n"]),
        // A lone CR is data, also before CR LF and at the end.
        (b"a\rb,c\r\r\nd\r", COMMA, Gap, &["a\rb|c\r\\r\\n", "d\r"]),
        // In CR texts LF is data.
        (b"a,b\r\nc\rd", COMMA_CR, Gap, &["a|b\\r", "\nc\\r", "d"]),
        // Blank lines: gap, record, tail.
        (b"\n\r\na\n\nb\n\n", COMMA, Gap, &["[\\n\\r\\n]a\\n", "[\\n]b\\n"]),
        (b"\na\n\r\n", COMMA, Record, &["\\n", "a\\n", "\\r\\n"]),
        (b"\r\ra\r\r", COMMA_CR, Gap, &["[\\r\\r]a\\r"]),
        (b"\n\n", COMMA, Gap, &[]),
        (b" \n", COMMA, Gap, &[" \\n"]),
        // Quotes.
        (b"\"a,\nb\",c\n", COMMA, Gap, &["\"a,\nb\"|c\\n"]),
        (b"\"a\"\"\",b\n", COMMA, Gap, &["\"a\"\"\"|b\\n"]),
        (b"\"\"\n\"\"\"\"\n", COMMA, Gap, &["\"\"\\n", "\"\"\"\"\\n"]),
        (b"a\"b,c\"d\n", COMMA, Gap, &["a\"b|c\"d\\n"]),
        (b" \"a,b\"\n", COMMA, Gap, &[" \"a|b\"\\n"]),
        (b"\"a\"b\"c,d\"\n", COMMA, Gap, &["\"a\"b\"c|d\"\\n"]),
        (b"\"a\" \r\n", COMMA, Gap, &["\"a\" \\r\\n"]),
        (b"\"a\"\r\n", COMMA, Gap, &["\"a\"\\r\\n"]),
        (b"\"a\"\r", COMMA, Gap, &["\"a\"\r"]),
        (b"\"a\r\n", COMMA, Gap, &["\"a\\r\\n"]),
        (b"x,\"a,b\nc\n", COMMA, Gap, &["x|\"a|b\\n", "c\\n"]),
        (b"\"a,b\n\"c,d\n", COMMA, Gap, &["\"a,b\n\"c|d\\n"]),
        (b"\"a,\"b\"\n\"c\",\"d\"\"\n", COMMA, Gap, &["\"a,\"b\"\\n", "\"c\"|\"d\"\"\\n"]),
        (b"\"a,b\"\n", COMMA_BARE, Gap, &["\"a|b\"\\n"]),
        // Anything is data.
        (b"\0,\xff\n\xef\xbb\xbfa\n", COMMA, Gap, &["\0|\u{fffd}\\n", "\u{feff}a\\n"]),
    ];
    for &(input, dialect, blank, expected) in cases {
        assert_eq!(shown(input, dialect, blank), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn a_limit_stops_after_the_record_that_reaches_it() {
    let small = b"aa\nbb\n\ncc\n";
    for (limit, consumed) in [(0, 3), (1, 3), (3, 3), (4, 6), (6, 6), (7, 10), (usize::MAX, 10)] {
        let found = Scanner::new(COMMA, BlankLine::Gap).scan(small, Input::End, limit, &mut Tokens::default());
        assert_eq!(found, consumed, "limit {limit}");
    }
    // Also where blocks end, and where records end with them.
    for bytes in [1, 2, 7, 8, 16, 32, 33] {
        let line = [b"x".repeat(bytes - 1).as_slice(), b"\n"].concat();
        let input = line.repeat(300 / bytes);
        for limit in 1..=256 {
            for mut scanner in scanners(COMMA, BlankLine::Record) {
                let found = scanner.scan(&input, Input::End, limit, &mut Tokens::default());
                assert_eq!(found, limit.next_multiple_of(bytes), "lines of {bytes}, limit {limit}, {scanner:?}");
            }
        }
    }
}

#[test]
fn what_is_incomplete_stays() {
    let cases: &[(&[u8], usize)] = &[
        (b"", 0),
        (b"a", 0),
        (b"a\r", 0),
        (b"a\n", 2),
        (b"a\n\n\n", 2),
        (b"a\nb,\"c\n", 2),
        (b"a\n\"b\"", 2),
        (b"\n\n", 0),
    ];
    for &(input, expected) in cases {
        let mut tokens = Tokens::default();
        let consumed = Scanner::new(COMMA, BlankLine::Gap).scan(input, Input::More, usize::MAX, &mut tokens);
        assert_eq!(consumed, expected, "{}", input.escape_ascii());
        assert_eq!(tokens.fields.len(), tokens.records.len(), "no field of an incomplete record stays");
    }
}

#[test]
fn a_record_without_end_is_cut_at_the_limit() {
    // The quote cannot close in time, so it is text, and the first record ends at its line.
    let mut input = vec![b'a'; RECORD_BYTES_MAX + 5];
    input[..4].copy_from_slice(b"\"b,\n");
    let last = input.len() - 1;
    input[last] = b'"';
    let mut tokens = Tokens::default();
    let mut scanner = Scanner::new(COMMA, BlankLine::Gap);
    let short = scanner.scan(&input[..RECORD_BYTES_MAX - 1], Input::More, usize::MAX, &mut tokens);
    assert_eq!((short, tokens.fields.len()), (0, 0));
    let consumed = scanner.scan(&input, Input::More, 1, &mut tokens);
    assert_eq!((consumed, tokens.records.len(), tokens.record_fields(0).len()), (4, 1, 2));

    // The second is one byte longer than a record can be.
    let consumed = scanner.scan(&input[4..], Input::More, usize::MAX, &mut tokens);
    assert_eq!((consumed, tokens.records.len()), (RECORD_BYTES_MAX, 2));
    assert!(tokens.terminator(1).is_empty());
}

/// Each of these would take hours if a scan began again too often.
#[test]
fn odd_inputs_take_linear_time() {
    let lines = b"x,y\n".repeat(1 << 20);
    let mut inputs = vec![
        [b"\"", lines.as_slice()].concat(),
        [b"a,b\n\"", lines.as_slice(), b"\",c\n"].concat(),
        b"\n".repeat(1 << 22),
        b"\"".repeat((1 << 22) + 1),
        b",".repeat(1 << 21),
        b"\"\n".repeat(1 << 20),
        b"\"a\"b,".repeat(1 << 19),
        b"\r".repeat(1 << 22),
        b"a\"b\"".repeat(1 << 20),
        b"a\n\r\n".repeat(1 << 20),
    ];
    inputs.push([b"\"", b",\"\"".repeat(1 << 20).as_slice(), b"\n"].concat());
    for input in inputs {
        let head = input[..20].escape_ascii().to_string();
        let twin = reference::scan(&input, COMMA, BlankLine::Gap);
        check_reassembly(&input, &twin, COMMA, BlankLine::Gap);
        for scanner in scanners(COMMA, BlankLine::Gap) {
            assert!(scan_whole(&input, scanner.clone()) == twin, "{head}, {scanner:?}");
            assert!(scan_stream(&input, 4096, usize::MAX, scanner.clone()) == twin, "{head}, {scanner:?}");
        }
    }
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let terminator = prop_oneof![Just(Terminator::Lf), Just(Terminator::CrLf), Just(Terminator::Cr)];
    let any = (
        prop::sample::select(b",;\t|a\0".to_vec()),
        prop::sample::select(vec![None, Some(b'"'), Some(b'\'')]),
        terminator,
    )
        .prop_map(|(delimiter, quote, terminator)| Dialect { delimiter, quote, terminator });
    prop_oneof![Just(COMMA), any]
}

/// Bytes of any kind, and more often those that matter.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![1 => any::<u8>(), 4 => prop::sample::select(b"a1 ,;\t|\"'\r\n\0".to_vec())];
    prop::collection::vec(byte, 0..200)
}

/// Well-formed fields and odd ones, of about a block, that end where blocks meet.
fn long_texts() -> impl Strategy<Value = Vec<u8>> {
    let filler = prop_oneof![3 => 0..4_usize, 3 => 58..72_usize, 1 => 120..136_usize];
    let odd: [&[u8]; 24] = [
        b",",
        b";",
        b"\t",
        b"\0",
        b"\n",
        b"\r\n",
        b"\r",
        b"\n\n",
        b"\r\n\r\n",
        b"\n\r\n",
        b"\r\r",
        b"\r\r\n",
        b"\"",
        b"\"\"",
        b"\"\"\"",
        b",\"",
        b"\",",
        b"\",\"",
        b"\"\n",
        b"\n\"",
        b"\"\r\n\"",
        b"'",
        b"','",
        b"a\"b",
    ];
    let piece = (filler, prop::sample::select(odd.to_vec()), prop::sample::select(b"a |\xc3".to_vec()));
    let quoted = (0..70_usize, prop::sample::select(vec![",", "\n", "\r\n", "\"\"", "\",\""]), 0..70_usize).prop_map(
        |(before, inside, after)| format!("\"{}{inside}{}\"", "q".repeat(before), "r".repeat(after)).into_bytes(),
    );
    let piece = prop_oneof![
        4 => piece.prop_map(|(bytes, odd, fill)| [vec![fill; bytes].as_slice(), odd].concat()),
        1 => (quoted, prop::sample::select(odd.to_vec())).prop_map(|(field, odd)| [&field, odd].concat()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_in_any_pieces(input in texts(), dialect in dialects(), gap: bool, piece in 1..50_usize) {
        let blank = if gap { BlankLine::Gap } else { BlankLine::Record };
        check_pieces(&input, piece, 2 * piece, dialect, blank);
    }

    /// Long enough for what one block leaves to the next to matter.
    #[test]
    fn blocks_meet_anywhere(input in long_texts(), dialect in dialects(), gap: bool, piece in 1..700_usize, limit in 1..700_usize) {
        let blank = if gap { BlankLine::Gap } else { BlankLine::Record };
        check_pieces(&input, piece, limit, dialect, blank);
    }

    #[test]
    fn detection_takes_anything(input in texts(), prefix: bool) {
        let complete = if prefix { Completeness::Prefix } else { Completeness::Whole };
        let dialect = detect(&input, complete, &DialectOptions::default());
        prop_assert!(dialect.check().is_ok());
        check(&input, dialect, BlankLine::Gap);
    }

    #[test]
    fn a_quoted_value_comes_back(text: Vec<u8>) {
        let mut raw = vec![b'"'];
        for &byte in &text {
            raw.push(byte);
            if byte == b'"' {
                raw.push(byte);
            }
        }
        raw.push(b'"');
        let scratch = &mut Vec::new();
        prop_assert_eq!(value(&raw, Some(b'"'), scratch), (text.as_slice(), Quoted::Yes));
        prop_assert_eq!(value(&raw, None, scratch), (raw.as_slice(), Quoted::No));
    }

    /// On well-formed texts the world agrees what the values are.
    #[test]
    fn csv_core_agrees(rows in prop::collection::vec(prop::collection::vec((any::<bool>(), "[a\" ,\r\n]{0,4}"), 2..4), 0..8), crlf: bool) {
        let mut text = Vec::new();
        for row in &rows {
            for (i, (quoted, field)) in row.iter().enumerate() {
                if i > 0 {
                    text.push(b',');
                }
                if *quoted || field.contains(['"', ',', '\r', '\n']) {
                    text.extend_from_slice(format!("\"{}\"", field.replace('"', "\"\"")).as_bytes());
                } else {
                    text.extend_from_slice(field.as_bytes());
                }
            }
            text.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
        }
        let tokens = check(&text, COMMA, BlankLine::Gap);
        let mut scratch = Vec::new();
        let ours: Vec<Vec<Vec<u8>>> = (0..tokens.records.len())
            .map(|r| {
                let fields = tokens.record_fields(r).iter();
                fields.map(|f| value(f.of(&text), Some(b'"'), &mut scratch).0.to_vec()).collect()
            })
            .collect();
        prop_assert_eq!(ours, read_with_csv_core(&text));
    }
}

fn read_with_csv_core(mut text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    use csv_core::{ReadRecordResult, Reader};
    let mut reader = Reader::new();
    let (mut out, mut ends) = ([0; 1024], [0; 16]);
    let mut rows = Vec::new();
    loop {
        let (result, read, _, fields) = reader.read_record(text, &mut out, &mut ends);
        text = &text[read..];
        match result {
            ReadRecordResult::Record => {
                let starts = [0].into_iter().chain(ends);
                rows.push(starts.zip(ends).take(fields).map(|(start, end)| out[start..end].to_vec()).collect());
            }
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::End => return rows,
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => panic!("a record of 16 short fields"),
        }
    }
}

#[test]
fn values() {
    let cases: &[(&[u8], &[u8], Quoted)] = &[
        (b"", b"", Quoted::No),
        (b"a", b"a", Quoted::No),
        (b"\"", b"\"", Quoted::No),
        (b"\"\"", b"", Quoted::Yes),
        (b"\"\"\"", b"\"\"\"", Quoted::No),
        (b"\"\"\"\"", b"\"", Quoted::Yes),
        (b"\"a\"\"b\"", b"a\"b", Quoted::Yes),
        (b"\"a\"b\"", b"\"a\"b\"", Quoted::No),
        (b"\"a\"\"", b"\"a\"\"", Quoted::No),
        (b"\"a", b"\"a", Quoted::No),
        (b"a\"", b"a\"", Quoted::No),
        (b" \"a\"", b" \"a\"", Quoted::No),
        (b"\"a\" ", b"\"a\" ", Quoted::No),
    ];
    for &(raw, expected, quoted) in cases {
        let mut scratch = b"left over".to_vec();
        assert_eq!(value(raw, Some(b'"'), &mut scratch), (expected, quoted), "{}", raw.escape_ascii());
    }
}

#[test]
fn byte_order_mark() {
    assert_eq!(bom_len(b"\xEF\xBB\xBFa"), 3);
    assert_eq!(bom_len(b"\xEF\xBBa"), 0);
    assert_eq!(bom_len(b""), 0);
    assert_eq!(bom_len(b"\xFF\xFEa\0"), 0);
}

#[test]
fn a_dialect_that_cannot_work_is_refused() {
    assert!(COMMA.check().is_ok() && COMMA_BARE.check().is_ok());
    let refused = [
        (Dialect { delimiter: b'\n', ..COMMA }, "delimiter: expected a byte other than CR and LF, found \\n"),
        (Dialect { quote: Some(b'\r'), ..COMMA }, "quote: expected a byte other than CR and LF, found \\r"),
        (Dialect { delimiter: b'"', ..COMMA }, "quote: expected a byte other than the delimiter, found \\\""),
    ];
    for (dialect, message) in refused {
        assert_eq!(dialect.check().unwrap_err().to_string(), message);
    }
}

/// `,"L` is a comma, quotes and LF; `.` as the quote is no quote; L, W and C are LF, CR LF and CR.
fn code(dialect: Dialect) -> String {
    let terminator = match dialect.terminator {
        Terminator::Lf => 'L',
        Terminator::CrLf => 'W',
        Terminator::Cr => 'C',
    };
    [char::from(dialect.delimiter), char::from(dialect.quote.unwrap_or(b'.')), terminator].iter().collect()
}

#[test]
fn detection_of_small_samples() {
    let cases: &[(&str, &str, &str)] = &[
        ("empty", "", ",\"L"),
        ("blank lines", "\n\n", ",\"L"),
        ("blank CR LF lines", "\r\n\r\n", ",\"W"),
        ("mark only", "\u{feff}", ",\"L"),
        ("comma", "a,b\n1,2\n", ",\"L"),
        ("CR LF", "a,b\r\n1,2\r\n", ",\"W"),
        ("mostly CR LF", "a,b\r\n1,2\r\n3,4\n", ",\"W"),
        ("mostly LF", "a,b\n1,2\r\n3,4\n", ",\"L"),
        ("LF inside quotes of CR LF records", "a,\"1\n2\n3\n4\"\r\nb,\"5\n6\"\r\n", ",\"W"),
        ("CR only", "a,b\r1,2\r3,4\r", ",\"C"),
        ("CR only with semicolons", "a;b\r1,5;2\r3;4,5\r", ";\"C"),
        ("one line", "a;b;c", ";\"L"),
        ("with a mark", "\u{feff}a\tb\n1\t2\n", "\t\"L"),
        ("semicolons, decimal commas", "name;x;y\nfoo;1,5;2,5\nbar;3,25;4,75\n", ";\"L"),
        ("semicolons, decimal commas, no header", "1,5;2,5\n3,5;4,5\n", ";\"L"),
        ("semicolons, decimal commas everywhere", "1,5;2,5;3,5\n3,5;4,5;5,5\n1,1;2,2;3,3\n", ";\"L"),
        ("semicolons, thousands", "1,234,567;9,000,000\n2,234,567;8,000,000\n", ";\"L"),
        ("semicolons, prose", "Paris, France;12\nRome, Italy;13\n", ";\"L"),
        ("semicolons, some quoted", "\"a\";\"b\"\n\"x;y\";1\n\"z\";2\n", ";\"L"),
        ("semicolons, lists of words", "id;words\n1;a,b,c\n2;d,e,f\n3;g,h,i\n4;j\n", ";\"L"),
        ("commas, lists by semicolon", "id,tags,n\n1,a;b,5\n2,c;d,6\n3,e;f,7\n", ",\"L"),
        ("commas, lists by pipe", "1,Toy Story,Adventure|Animation\n2,Jumanji,Adventure|Children\n", ",\"L"),
        ("commas, trailing tab", "a,b,c\t\n1,2,3\t\n", ",\"L"),
        ("commas in quotes", "city,n\n\"Paris, FR\",1\n\"Rome, IT\",2\n\"Bonn\",3\n", ",\"L"),
        ("pipes", "a|b|c\n1|2,5|x\n3|4,5|y\n", "|\"L"),
        ("pipes and prose", "id|text\n1|one, two; three\n2|four\n", "|\"L"),
        ("tabs", "a\tb\n1\t2\n", "\t\"L"),
        ("tabs, a comma a line", "x,y\tz\na,b\tc\n", "\t\"L"),
        ("tabs, lists of words", "1\ta,b,c,d,e\n2\tf,g,h,i,j\n3\tk,l,m,n,o\n4\tp\n", "\t\"L"),
        ("tabs, a stray quote", "a\tb\n1\t\"x\n2\ty\n3\tz\n", "\t.L"),
        ("tabs, stray quotes that pair over lines", "1\t\"x\tp\n2\ty\tq\n3\t\"z\tr\n4\tw\ts\n5\tv\tt\n", "\t.L"),
        ("tabs, nicknames", "1\t\"Bob\" Smith\n2\tAnn\n3\t\"Al\" Jones\n", "\t.L"),
        ("tabs, well-formed quotes", "1\t\"a\tb\"\n2\tc\n3\td\n", "\t\"L"),
        ("tabs after comments", "#separator \\x09\n#path\tssl\n#open 2024\n1\ta\tb\n2\tc\td\n", "\t\"L"),
        ("tabs after prose in comments", "# made by x, y, z\n# for a, b, c\n# q, r, s\n1\ta\n2\tb\n", "\t\"L"),
        ("a header that looks like a comment", "#id;name\n1;a\n2;b\n", ";\"L"),
        ("only comments", "#id;name\n#1;a\n", ";\"L"),
        ("single column", "name\nfoo\nbar\n", ",\"L"),
        ("single column, a comma in it", "name\nfoo\nbar, baz\nqux\n", ",\"L"),
        ("single column, a semicolon in it", "name\nfoo\nbar;baz\nqux\n", ",\"L"),
        ("single column, quoted", "\"name\"\n\"a,b\"\n\"c\"\"d\"\n", ",\"L"),
        ("single column, stray quote", "foo\n\"bar\nbaz\nqux\n", ",.L"),
        ("quoted header, bare body", "\"a\";\"b\"\n1;2\n3;4\n", ";\"L"),
        ("bare header, quoted body", "a;b\n\"1\";\"2\"\n\"3\";\"4\"\n", ";\"L"),
        ("ragged", "a,b,c\n1,2\n3,4,5,6\n7,8,9\n", ",\"L"),
        ("ragged tabs", "a\tb\tc\n1\t2\n3\t4\t5\t6\n7\t8\t9\n", "\t\"L"),
        ("ragged semicolons after a title", "report\n\na;b;c\n1;2;3\n4;5;6\n", ";\"L"),
        ("one bad quote among many good ones", "\"a\",\"b\"\n\"c\"x,\"d\"\n\"e, f\",\"g\"\n\"h\",\"i\"\n", ",\"L"),
        ("JSON lines", "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n", ",.L"),
        ("multi-line quotes", "id,text\n1,\"a\nb\nc\nd\ne\"\n2,\"f\ng\nh\"\n", ",\"L"),
        ("commas, lists of digits by semicolon", "1,2,3;4,5,6\n4,5,6;7,8,9\n", ",\"L"),
        (
            "ragged tabs, lists alike",
            "1\ta,b,c,d,e\n2\tf,g,h,i,j\n3\tk,l,m,n,o\tx\n4\tp,q,r,s,t\n5\tu,v,w,x,y\tz\n",
            "\t\"L",
        ),
        ("ragged pipes", "a\nb|c\nd|e|f\ng|h|i|j\n", "|\"L"),
        (
            "ragged, a bad quote, a long quoted text",
            "id,text\n1,\"\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\nl\n\"\n\
             2,\"f\"x\n3,\"y\",z\n4,\"p\",q,r\n",
            ",\"L",
        ),
        ("a mark before a quote", "\u{feff}\"a\tb\";c\n", ";\"L"),
        ("NUL", "a;\0\n\0;b\n", ";\"L"),
    ];
    for &(name, sample, expected) in cases {
        let dialect = detect(sample.as_bytes(), Completeness::Whole, &DialectOptions::default());
        assert_eq!(code(dialect), expected, "{name}: {}", sample.escape_debug());
    }
}

#[test]
fn detection_of_prefixes() {
    let cases: &[(&str, &str, &str)] = &[
        ("a cut record does not count", "a;b;c\n1;2;3\n4,5,6,7", ";\"L"),
        ("the CR of a cut CR LF", "a;b\r", ";\"L"),
        ("a cut quote", "a;\"b\nc;d\"\ne;\"f\ng", ";\"L"),
        ("less than a record", "a;b;c", ";\"L"),
        ("a stray quote swallows the rest", "1\t\"x\n2\ty\n3\tz\n4\tw\n", "\t.L"),
        ("a later stray quote swallows the rest", "1\ty\n2\tx\n3\t\"z\n4\tw\n", "\t.L"),
        ("a late stray quote swallows the rest", "1\ty\n2\tx\n3\tz\n4\tw\n5\tu\n6\t\"t\n7\ts\n", "\t.L"),
        ("a long quoted text is cut", "a,b\n1,2\n3,4\n5,6\n7,\"it\nwas\nnot\nover\nyet", ",\"L"),
        ("quotes in the cut record only", "a,b\n1,2\n\"x\",\"y", ",\"L"),
        ("CR", "a,b\rc,d\re", ",\"C"),
    ];
    for &(name, sample, expected) in cases {
        let dialect = detect(sample.as_bytes(), Completeness::Prefix, &DialectOptions::default());
        assert_eq!(code(dialect), expected, "{name}: {}", sample.escape_debug());
    }
}

#[test]
fn what_the_user_says_wins() {
    let said = |delimiter, quote| DialectOptions { delimiter, quote };
    let cases = [
        ("a,b;c\n1,2;3\n", said(Some(b';'), None), ";\"L"),
        ("a:b\r\n1:2\r\n", said(Some(b':'), None), ":\"W"),
        ("a,b\n1,2\n", said(None, Some(QuoteOption::None)), ",.L"),
        ("'a;x';b,c\n'd;y';e\n", said(None, Some(QuoteOption::Byte(b'\''))), ";'L"),
        ("1\t\"x\n2\ty\n3\tz\n", said(None, Some(QuoteOption::Byte(b'"'))), "\t\"L"),
        ("\"a\"b\"\n", said(Some(b'"'), None), "\".L"),
        ("", said(Some(b'|'), Some(QuoteOption::None)), "|.L"),
    ];
    for (sample, options, expected) in cases {
        let dialect = detect(sample.as_bytes(), Completeness::Whole, &options);
        assert_eq!(code(dialect), expected, "{}", sample.escape_debug());
    }
}

/// The folder of real texts, if there is one.
fn corpus() -> Option<PathBuf> {
    let folder = env::var_os("AT1_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: AT1_CORPUS is not set");
    }
    folder
}

#[test]
fn detection_of_real_texts() {
    let Some(corpus) = corpus() else { return };
    let files = [
        ("nautilus_btcperp_1m.csv", ",\"L"),
        ("prsa_huairou_airquality.csv", ",\"W"),
        ("bpi13_incidents_events.csv", ",\"L"),
        ("eshop_clothing_2008_clickstream.csv", ",\"W"),
        ("clickbench_click_mini.tsv", "\t.L"),
        ("usgs_all_month_quakes.csv", ",\"L"),
        ("goes_flare_events_since_1986.csv", ",\"L"),
        ("nycflights13_flights.csv", ",\"L"),
        ("ourairports_runways.csv", ",\"L"),
        ("geonames_cities15000_2013.tsv", "\t\"L"),
        ("lean_xauusd_quote_tick_20140502.csv", ",\"L"),
        ("lean_aig_quote_tick_20131009.csv", ",\"L"),
        ("pvlib_PVsyst_demo_semicolon.csv", ",\"L"),
        ("kddcup99_10pct.csv", ",\"L"),
        ("zeek_ssl_log.tsv", "\t\"L"),
        ("diabetes_130us_hospitals.csv", ",\"W"),
        ("bank_full_semicolon.csv", ";\"L"),
        ("gtfs_vilnius_stop_times.txt", ",\"W"),
        ("tennis_2012_frenchopen_points.csv", ",\"L"),
        ("csse_covid19_confirmed_us_wide_202005.csv", ",\"L"),
        ("nyc_green_tripdata_2020-04.csv", ",\"W"),
        ("citibike_jc_202104_trips.csv", ",\"W"),
        ("uber_raw_data_apr14.csv", ",\"L"),
        ("weather_australia_daily.csv", ",\"L"),
        ("pvlib_tmy3_703165TY.csv", ",\"L"),
        ("nfl_post_pbp_2011_wide.csv", ",\"L"),
    ];
    for (name, expected) in files {
        let bytes = fs::read(corpus.join(name)).unwrap();
        for sample_bytes in [16 << 10, 64 << 10, 1 << 20] {
            let sample = &bytes[..sample_bytes];
            let dialect = detect(sample, Completeness::Prefix, &DialectOptions::default());
            assert_eq!(code(dialect), expected, "{name}, {sample_bytes} bytes");
            check(sample, dialect, BlankLine::Gap);
        }
    }
}

#[test]
fn real_texts_whole() {
    let Some(corpus) = corpus() else { return };
    let mut files = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        files += 1;
        let input = fs::read(&path).unwrap();
        let dialect = detect(&input[..input.len().min(1 << 20)], Completeness::Prefix, &DialectOptions::default());
        for dialect in [dialect, Dialect { quote: None, ..dialect }, Dialect { delimiter: b' ', ..COMMA }] {
            let twin = reference::scan(&input, dialect, BlankLine::Gap);
            for scanner in scanners(dialect, BlankLine::Gap) {
                assert!(scan_whole(&input, scanner.clone()) == twin, "{}, {scanner:?}", path.display());
                let pieces = scan_stream(&input, 100_003, 50_021, scanner.clone());
                assert!(pieces == twin, "{} in pieces, {scanner:?}", path.display());
            }
        }
    }
    assert!(files > 30, "{files} files");
}

#[test]
fn torture() {
    let Some(corpus) = corpus() else { return };
    let mut files = 0;
    let mut folders = vec![corpus.join("torture")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let input = fs::read(&path).unwrap();
            let detected = detect(&input, Completeness::Whole, &DialectOptions::default());
            for (dialect, blank) in [(detected, BlankLine::Gap), (COMMA, BlankLine::Record), (COMMA_CR, BlankLine::Gap)]
            {
                check_pieces(&input, 61, 100, dialect, blank);
                check_pieces(&input, 4096, 1000, dialect, blank);
            }
        }
    }
    assert!(files > 1_000, "{files} files");
}
