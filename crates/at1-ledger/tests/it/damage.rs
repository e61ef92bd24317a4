//! Damage: every bit flipped, every length, every byte lost or doubled. An error or a torn tail, nothing else.

use std::io::{self, BufRead, BufReader, Read};

use at1_ledger::{
    ChainReport, Code, Digest, LINE_BYTES_MAX, Receipt, Verdict, split_tail, verify_chain, verify_chain_from,
};

use crate::standin::{BATCHES, example};

fn codes(report: &ChainReport) -> Vec<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

/// Both forms of the verifier, the streaming one with buffers that cut lines anywhere.
fn check(ledger: &[u8]) -> ChainReport {
    let report = verify_chain(ledger);
    for capacity in [1, 64] {
        let streamed = verify_chain_from(BufReader::with_capacity(capacity, ledger));
        assert_eq!(streamed.findings, report.findings);
        assert_eq!((streamed.events, streamed.root, streamed.chain), (report.events, report.root, report.chain));
        assert_eq!((streamed.whole_bytes, streamed.torn), (report.whole_bytes, report.torn));
    }
    report
}

#[test]
fn every_bit_flip() {
    let ledger = example(BATCHES, 6).ledger;
    for at in 0..ledger.len() {
        for bit in 0..8 {
            let mut damaged = ledger.clone();
            damaged[at] ^= 1 << bit;
            let report = verify_chain(&damaged);
            let last = at == ledger.len() - 1;
            let expected = match report.findings.as_slice() {
                [finding] if last => finding.code == Code::Torn,
                [finding] => finding.code == Code::Damaged,
                _ => false,
            };
            assert!(expected, "byte {at} bit {bit}: {:?}", report.findings);
            assert!(last || report.verdict() == Verdict::Broken);
        }
    }
}

#[test]
fn every_truncation() {
    let ledger = example(BATCHES, 6).ledger;
    for len in 0..ledger.len() {
        let cut = &ledger[..len];
        let (whole, torn) = split_tail(cut);
        let report = if len % 50 == 0 || torn.is_empty() { check(cut) } else { verify_chain(cut) };
        let lines = whole.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(report.events, lines.saturating_sub(1));
        assert_eq!(report.whole_bytes, whole.len() as u64);
        if torn.is_empty() && lines > 0 {
            // A whole line less is intact by itself. Only a receipt tells.
            assert_eq!((report.verdict(), report.torn, codes(&report)), (Verdict::Holds, None, vec![]));
        } else {
            assert_eq!((report.torn, codes(&report)), (Some(torn.len() as u64), vec![Code::Torn]), "length {len}");
        }
        let receipt = verify_chain(&ledger).head().unwrap();
        assert_eq!(report.check(&receipt), Receipt::Shorter { events: report.events });
    }
}

#[test]
fn every_byte_lost_or_doubled() {
    let ledger = example(BATCHES, 6).ledger;
    for at in 0..ledger.len() - 1 {
        let lost = [&ledger[..at], &ledger[at + 1..]].concat();
        assert_ne!(verify_chain(&lost).verdict(), Verdict::Holds, "byte {at} lost");
        let doubled = [&ledger[..at], &ledger[at..=at], &ledger[at..]].concat();
        assert_ne!(verify_chain(&doubled).verdict(), Verdict::Holds, "byte {at} doubled");
    }
}

#[test]
fn what_is_said() {
    let table = example(BATCHES, 6);
    let lines: Vec<_> = table.ledger.split_inclusive(|byte| *byte == b'\n').collect();
    let said = |ledger: &[u8]| {
        check(ledger).findings.iter().map(|finding| format!("{} {finding}", finding.code)).collect::<Vec<_>>()
    };

    assert_eq!(said(&table.ledger[..3000]), ["torn event 4: expected an LF at the end, found 343 bytes without"]);
    assert_eq!(said(b"at1-led"), ["torn header: expected an LF at the end, found 7 bytes without"]);
    let other = String::from_utf8(lines[0].to_vec()).unwrap().replace("source-bytes/1", "source-bytes+blind/1");
    let message = "unknown header: row: expected source-bytes/1 or none, found \"source-bytes+blind/1\"";
    assert_eq!(said(other.as_bytes()), [message]);
    // With events that follow another header, it is no other version but damage.
    let message = format!(
        "damaged header: expected hash {}, which event 0 follows, found {}",
        table.header.genesis(),
        Digest::of(other.trim_end().as_bytes())
    );
    assert_eq!(said(&[other.as_bytes(), lines[1]].concat()), [message]);
    assert_eq!(said(b"id,name\n1,ada\n"), ["unknown header: expected at1-ledger/v1, found id,name"]);
    let deleted = [&lines[..2], &lines[3..]].concat().concat();
    let message = format!(
        "damaged event 1: expected chain value {} before it, found {}",
        table.events[0].chain, table.events[1].chain
    );
    assert_eq!(said(&deleted), [message]);
    let blank = [lines[0], b"\n", lines[1]].concat();
    assert_eq!(said(&blank), ["damaged event 0: line: expected 164 to 65600 bytes, found 0"]);
}

/// Longer than any event: with an LF it is damage, without it is torn, and it never fills the memory.
#[test]
fn endless_lines() {
    let header = example(BATCHES, 1).ledger;
    let tail = |bytes: usize, lf: &'static [u8]| {
        let reader = io::Cursor::new(header.clone()).chain(io::repeat(b'x').take(bytes as u64)).chain(lf);
        verify_chain_from(BufReader::new(reader))
    };
    for bytes in [LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 10 * LINE_BYTES_MAX] {
        let torn = tail(bytes, b"");
        assert_eq!((codes(&torn), torn.torn), (vec![Code::Torn], Some(bytes as u64)));
        assert_eq!(torn.verdict(), Verdict::Holds);
        let damaged = tail(bytes, b"\n");
        assert_eq!((codes(&damaged), damaged.torn), (vec![Code::Damaged], None));
    }
    let damaged = tail(LINE_BYTES_MAX, b"\n");
    let message = "event 1: expected a line of at most 65601 bytes, found a longer one";
    assert_eq!(damaged.findings[0].to_string(), message);
}

/// A disk that fails in the middle: undecided, never fine and never tampering.
#[test]
fn a_reader_that_fails() {
    struct Fails<'a>(&'a [u8]);
    impl Read for Fails<'_> {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            unreachable!("the verifier reads through the buffer")
        }
    }
    impl BufRead for Fails<'_> {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            if self.0.is_empty() { Err(io::Error::other("bad sector")) } else { Ok(self.0) }
        }
        fn consume(&mut self, amount: usize) {
            self.0 = &self.0[amount..];
        }
    }
    let ledger = example(BATCHES, 6).ledger;
    for (len, place) in [(0, "header"), (50, "header"), (3000, "event 4"), (ledger.len(), "event 6")] {
        let report = verify_chain_from(Fails(&ledger[..len]));
        assert_eq!(report.verdict(), Verdict::Undecided);
        assert_eq!(codes(&report), [Code::Unreadable]);
        assert_eq!(report.findings[0].to_string(), format!("{place}: could not be read: bad sector"));
    }
}

#[test]
fn splitting_the_tail() {
    for (ledger, whole, torn) in [
        (&b""[..], &b""[..], &b""[..]),
        (b"a", b"", b"a"),
        (b"a\n", b"a\n", b""),
        (b"a\nb", b"a\n", b"b"),
        (b"a\n\n", b"a\n\n", b""),
    ] {
        assert_eq!(split_tail(ledger), (whole, torn));
    }
}
