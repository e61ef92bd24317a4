//! The worked example of `docs/spec/ledger.md`: rebuilt through the API, compared with numbers from elsewhere.

use std::fs;

use at1_ledger::{
    Code, Digest, Header, Receipt, State, Verdict, prove_inclusion, prove_range, root, verify_chain, verify_inclusion,
    verify_range,
};

use crate::standin::{BATCHES, Table, batch_record, example, records};

/// Computed by an independent program, as are the hashes in the specification.
const CHAIN: [&str; 6] = [
    "15e364513c728b464b5c5d8cd2a204ef7afd6006f39f4b76ee808e778b6ed3cd",
    "ea1a9f9a2c30da822087f25b8cdbccb2ec7a82955bc473e99100629d53a62fc6",
    "6f0eb863bfc7f2b6e1a19132e077093333d321204f25991eddf9031c79248402",
    "733978eeb561b2455c436479468290aeb883324fe4c7ccc9ee196420ca1bef3a",
    "7cc7cb2253404e5a23ac501c70ff5f762e0e2c38b0e873b1f5188f3c3d91fe39",
    "5644cb9b01429cde4c34eca1bbd7f2e99d7f28de8577e6dee9ef718821598243",
];
const GENESIS: &str = "8ed6c941a4af8a1c8d3709d0b5c3a5d1d6d8c338875c2fd4493ab9686f96bccb";
const ROOT: &str = "22caacd6a539dd11700276cf2b485da6a9b9cdb580f61b07e7b1b1a29bf3d054";
const ROWS_ROOTS: [&str; 3] = [
    "b18a4f6dcff085fd196d50d98b94c5aa6caa6933afd2137c2c05fe48a15fcd68",
    "4f3c0ec21212ca06c6caf6f640936086b139a677e15ac9cf1b72b515877da8b4",
    "c3bef7e488d18bf53096cb39310b1cacd09800d578f0d514e8e650df2923a5c4",
];
const FILE_SHA256: &str = "da5cc8e57506212fd6710b25c056857d65d98ba94a3bb50fdc387671f359ea78";

#[test]
fn rebuilt_byte_for_byte() {
    let table = example(BATCHES, 6);
    assert_eq!(table.header.genesis().to_string(), GENESIS);
    let chain: Vec<_> = table.events.iter().map(|event| event.chain.to_string()).collect();
    assert_eq!(chain, CHAIN);
    assert_eq!(root(&table.leaves()).to_string(), ROOT);
    assert_eq!(Digest::of(&table.ledger).to_string(), FILE_SHA256);
    assert_eq!(table.ledger.len(), 3491);
}

#[test]
fn rows_roots() {
    for (batch, expected) in BATCHES.into_iter().zip(ROWS_ROOTS) {
        assert_eq!(batch_record(batch).rows_root.unwrap().to_string(), expected);
        assert_eq!(root(&Table::row_leaves(batch)).to_string(), expected);
    }
    // The blank line belongs to the record after it, the header to none.
    assert_eq!(records(BATCHES[0]), [&b"1,ada\n"[..], b"2,bob\n", b"\n3,\n"]);
    assert_eq!(records(BATCHES[1])[2], b"6,eve");
}

#[test]
fn verifies_and_folds() {
    let table = example(BATCHES, 6);
    let report = table.verify_chain();
    assert_eq!((report.verdict(), report.events, report.torn), (Verdict::Holds, 6, None));
    assert_eq!(report.findings, []);
    assert_eq!(report.root.to_string(), ROOT);
    assert_eq!(report.whole_bytes, 3491);
    let receipt = format!("5:{}", CHAIN[5]).parse().unwrap();
    assert_eq!(report.head(), Some(receipt));
    assert_eq!(report.check(&receipt), Receipt::Held);
    assert_eq!(table.verify_files(), (Verdict::Holds, vec![]));
    let state = report.state.unwrap();
    assert_eq!((state.totals().batches, state.totals().rows, state.totals().bytes), (3, 7, 45));
    assert_eq!(state.live().iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>(), ["seg_000003.at1"]);
    let replaced: Vec<_> = state.replaced().map(|old| (old.segment.name.as_str(), old.by, old.vacuumed)).collect();
    assert_eq!(replaced, [("seg_000000.at1", 3, Some(4)), ("seg_000001.at1", 3, Some(4))]);
    assert_eq!([0, 1, 2, 3].map(|batch| state.batch_event(batch)), [Some(0), Some(1), Some(1), None]);
    assert_eq!([0, 1, 2, 3].map(|batch| state.batch_rows(batch)), [Some(0..3), Some(3..6), Some(6..7), None]);
    assert_eq!([0, 1, 5, 6].map(|n| state.totals_at(n).map(|totals| totals.rows)), [Some(3), Some(7), Some(7), None]);
    assert_eq!(state.segment_of(2).unwrap().name, "seg_000003.at1");
    assert_eq!(state.event_at("2026-01-22T16:00:02.999999999Z".parse().unwrap()), Some(2));
    assert_eq!(state.event_at("2026-01-22T15:59:59.999999999Z".parse().unwrap()), None);
}

/// A row of a batch, then the batch's event in the ledger: the two halves of a row proof.
#[test]
fn every_row_and_range_proves() {
    let table = example(BATCHES, 6);
    let state: State = table.state();
    for (k, batch) in (0..).zip(BATCHES) {
        let event = &table.events[usize::try_from(state.batch_event(k).unwrap()).unwrap()];
        let path = prove_inclusion(event.n, &table.leaves()).unwrap();
        verify_inclusion(event.n, 6, event.leaf, &path, ROOT.parse().unwrap()).unwrap();
        let record = &state.batches()[usize::try_from(k).unwrap()];
        let rows_root = record.rows_root.unwrap();
        let leaves = Table::row_leaves(batch);
        for first in 0..record.rows {
            let row = usize::try_from(first).unwrap();
            let path = prove_inclusion(first, &leaves).unwrap();
            verify_inclusion(first, record.rows, leaves[row], &path, rows_root).unwrap();
            for end in first + 1..=record.rows {
                let path = prove_range(first..end, &leaves).unwrap();
                let rows = &leaves[row..usize::try_from(end).unwrap()];
                verify_range(first, record.rows, rows, &path, rows_root).unwrap();
            }
        }
    }
}

#[test]
fn header_is_as_written() {
    let header = example(BATCHES, 0).header;
    let line = r#"at1-ledger/v1 {"log":null,"nonce":"000102030405060708090a0b0c0d0e0f","origin":"at1.local/000102030405060708090a0b0c0d0e0f","row":"source-bytes/1"}"#;
    assert_eq!(header.line(), line);
    assert_eq!(Header::parse(line.as_bytes()).unwrap(), header);
}

/// The numbers in the specification are the numbers here.
#[test]
fn specification_quotes_these_numbers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/ledger.md");
    let page = fs::read_to_string(path).expect("the specification is part of the repository");
    for number in CHAIN.iter().chain(&ROWS_ROOTS).chain([&GENESIS, &ROOT, &FILE_SHA256]) {
        assert!(page.contains(number), "docs/spec/ledger.md does not have {number}");
    }
    let table = example(BATCHES, 6);
    for line in String::from_utf8(table.ledger).unwrap().lines() {
        assert!(page.contains(line), "docs/spec/ledger.md does not have the line {line}");
    }
}

#[test]
fn empty_ledgers() {
    let report = verify_chain(b"");
    assert_eq!(report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::Torn]);
    assert!(report.state.is_none());
    let table = example(BATCHES, 0);
    let report = table.verify_chain();
    assert_eq!((report.verdict(), report.events, report.head()), (Verdict::Holds, 0, None));
    assert_eq!(report.chain, Some(table.header.genesis()));
}
