//! The scanner finds what its twin finds, in one go and in pieces of any size; the first bytes choose the dialect and the cut.
#![no_main]

use at1_codec::text::{BlankLine, Dialect, Input, Record, Scanner, Span, Terminator, Tokens, reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [how, cut, input @ ..] = bytes else { return };
    let quote = [Some(b'"'), None, Some(b'\''), Some(b'a')][usize::from(how & 3)];
    let delimiter = [b',', b'\t', b';', b'|'][usize::from(how >> 2 & 3)];
    let terminator = [Terminator::Lf, Terminator::CrLf, Terminator::Cr][usize::from(how >> 4) % 3];
    let dialect = Dialect { delimiter, quote, terminator };
    for blank in [BlankLine::Gap, BlankLine::Record] {
        let twin = reference::scan(input, dialect, blank);
        assert_eq!(pieces(input, input.len().max(1), dialect, blank), twin, "whole, {dialect:?}, {blank:?}");
        assert_eq!(
            pieces(input, usize::from(*cut).max(1), dialect, blank),
            twin,
            "pieces of {cut}, {dialect:?}, {blank:?}"
        );
    }
});

/// As a reader of a stream does: pieces of `bytes`, doubled as long as no record comes.
fn pieces(input: &[u8], bytes: usize, dialect: Dialect, blank: BlankLine) -> Tokens {
    let mut scanner = Scanner::new(dialect, blank);
    let (mut all, mut found) = (Tokens::default(), Tokens::default());
    let (mut done, mut piece) = (0, bytes);
    while done < input.len() {
        let end = input.len().min(done + piece);
        let more = if end == input.len() { Input::End } else { Input::More };
        found.clear();
        let consumed = scanner.scan(&input[done..end], more, usize::MAX, &mut found);
        if more == Input::End {
            assert_eq!(done + consumed, input.len(), "all of the input is taken");
        }
        let (offset, fields) = (done as u32, all.fields.len() as u32);
        all.fields.extend(found.fields.iter().map(|f| Span { start: f.start + offset, end: f.end + offset }));
        all.records.extend(found.records.iter().map(|r| Record {
            start: r.start + offset,
            first_field: r.first_field + fields,
            end: r.end + offset,
        }));
        piece = if consumed == 0 { piece * 2 } else { bytes };
        done += consumed;
    }
    all
}
