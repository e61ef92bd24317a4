//! What proofs of rows claim: every range of small batches with something else in it, and where in a table a row is.

use at1_ledger::{
    BatchRecord, Beside, Carried, Claim, Detail, Digest, EXTRA_BYTES_MAX, ErrorKind, Event, Header, Json, Kind, Packed,
    RowTree, RowsClaim, RowsForm, RowsShown, SegmentRecord, leaf_hash, link, prove_inclusion, prove_range, root,
    segment_name,
};
use serde_json::json;

use crate::standin::{BATCHES, Table, example, records, second};

/// An append of batches with these rows, after others; its text and what it says.
pub(crate) fn append(n: u64, before: Option<&Detail>, batches: &[Vec<Vec<u8>>], trees: bool) -> (Vec<u8>, Event) {
    let first = before.map_or(0, |detail| detail.totals.batches);
    let record = |rows: &Vec<Vec<u8>>| {
        let (bytes, leaves) = (rows.concat(), rows.iter().map(|row| leaf_hash(row)).collect::<Vec<_>>());
        let tree = trees.then(|| root(&leaves));
        BatchRecord::new(bytes.len() as u64, Digest::of(&bytes), rows.len() as u64, tree)
    };
    let segment = SegmentRecord {
        name: segment_name(n, 0),
        bytes: 9,
        sha256: Digest::of(b"file"),
        footer_bytes: 3,
        footer_sha256: Digest::of(b"footer"),
        batch: first..first + batches.len() as u64,
        rows: batches.iter().map(|rows| rows.len() as u64).sum(),
        zones: Carried::zones(Json::new(&json!({})).unwrap()),
        schema_at: None,
        extra: Default::default(),
    };
    let kind = Kind::Append { batches: batches.iter().map(record).collect(), segments: vec![segment], schema: None };
    of_detail(n, &Detail::after(before, kind).unwrap())
}

pub(crate) fn of_detail(n: u64, detail: &Detail) -> (Vec<u8>, Event) {
    let link = link(Digest([9; 32]), n, detail, second(n)).unwrap();
    (link.line[65..link.line.len() - 1].to_vec(), link.event)
}

pub(crate) fn rows(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| format!("row {i}\n").into_bytes()).collect()
}

pub(crate) fn claim(batch: u64, rows: &[Vec<u8>], first: usize, end: usize, form: RowsForm) -> RowsClaim {
    let leaves: Vec<Digest> = rows.iter().map(|row| leaf_hash(row)).collect();
    let path = match form {
        RowsForm::Row => prove_inclusion(first as u64, &leaves),
        RowsForm::Range => prove_range(first as u64..end as u64, &leaves),
    };
    RowsClaim { batch, first: first as u64, rows: rows[first..end].to_vec(), path: path.unwrap(), form }
}

pub(crate) fn beside(packed: &Packed) -> Beside<'_> {
    Beside { rows: packed.rows.as_deref(), event: packed.event.as_deref() }
}

/// Packed, read again, and shown from what was read.
#[track_caller]
pub(crate) fn check(event: &(Vec<u8>, Event), rows: RowsClaim) -> (Packed, RowsShown) {
    let claim = Claim { event: event.0.clone(), rows: Some(rows) };
    let packed = claim.pack().unwrap();
    assert!(packed.extra.len() <= EXTRA_BYTES_MAX);
    let read = Claim::parse(&packed.extra, beside(&packed)).unwrap();
    assert_eq!((&read, read.leaf()), (&claim, event.1.leaf));
    assert_eq!(read.read_event(event.1.n).unwrap(), event.1);
    let shown = read.rows.unwrap().verify(&event.1).unwrap();
    assert_eq!(Some(&shown.rows), claim.rows.as_ref().map(|rows| &rows.rows));
    (packed, shown)
}

#[track_caller]
fn refuse(event: &Event, claim: &RowsClaim) {
    let error = claim.verify(event).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unproven, "{claim:?}");
}

/// Every range of every batch of up to 64 rows, and each row as a row.
#[test]
fn every_range() {
    let mut ranges = 0;
    for size in 1..=64 {
        let rows = rows(size);
        let event = append(0, None, std::slice::from_ref(&rows), true);
        let leaves: Vec<Digest> = rows.iter().map(|row| leaf_hash(row)).collect();
        for first in 0..size {
            for end in first + 1..=size {
                let path = prove_range(first as u64..end as u64, &leaves).unwrap();
                let (first, rows) = (first as u64, rows[first..end].to_vec());
                let shown = RowsClaim { batch: 0, first, rows, path, form: RowsForm::Range }.verify(&event.1).unwrap();
                assert_eq!((shown.first_in_table, shown.rows.len() as u64), (first, end as u64 - first));
                ranges += 1;
            }
        }
        check(&event, claim(0, &rows, size / 3, size, RowsForm::Range));
        let (_, shown) = check(&event, claim(0, &rows, size / 2, size / 2 + 1, RowsForm::Row));
        assert_eq!(
            (shown.first, shown.first_in_table, shown.record.rows),
            (size as u64 / 2, size as u64 / 2, size as u64)
        );
    }
    assert_eq!(ranges, 45_760);
}

/// With each row left out, doubled, changed or moved, with the range shifted and padded: nothing is shown.
#[test]
fn every_range_with_something_else() {
    let mut refused = 0;
    for size in 1..=17 {
        let rows = rows(size);
        let event = append(0, None, std::slice::from_ref(&rows), true).1;
        for first in 0..size {
            for end in first + 1..=size {
                let right = claim(0, &rows, first, end, RowsForm::Range);
                let mut wrong = vec![];
                for at in 0..right.rows.len() {
                    let with = |put: &[Vec<u8>]| RowsClaim {
                        rows: [&right.rows[..at], put, &right.rows[at + 1..]].concat(),
                        ..right.clone()
                    };
                    let row = &right.rows[at];
                    wrong.extend([with(&[]), with(&[row.clone(), row.clone()]), with(&[[row, &b"\n"[..]].concat()])]);
                    if at > 0 {
                        let mut swapped = right.clone();
                        swapped.rows.swap(at - 1, at);
                        wrong.push(swapped);
                    }
                }
                wrong.push(RowsClaim { first: right.first + 1, ..right.clone() });
                wrong.push(RowsClaim { first: right.first.wrapping_sub(1), ..right.clone() });
                wrong.push(RowsClaim { rows: [&right.rows[..], &[vec![]]].concat(), ..right.clone() });
                wrong.push(RowsClaim { rows: [&[vec![]], &right.rows[..]].concat(), ..right.clone() });
                wrong.push(RowsClaim { path: [&right.path[..], &[Digest([0; 32])]].concat(), ..right.clone() });
                wrong.push(RowsClaim {
                    path: right.path.iter().skip(1).copied().collect(),
                    rows: vec![],
                    ..right.clone()
                });
                // Two rows as one, at their border: the leaves differ.
                if right.rows.len() > 1 {
                    let joined = [&right.rows[..1], &right.rows[1..2]].concat().concat();
                    wrong.push(RowsClaim { rows: [&[joined], &right.rows[2..]].concat(), ..right.clone() });
                }
                wrong.iter().for_each(|claim| refuse(&event, claim));
                refused += wrong.len();
            }
        }
    }
    println!("{refused} claims refused");
    assert!(refused > 25_000, "{refused}");
}

/// The place in the table is counted through all events and batches.
#[test]
fn place_in_the_table() {
    let table = example(BATCHES, 6);
    let mut number = 0;
    for (batch, source) in BATCHES.into_iter().enumerate() {
        let (event, rows) = (&table.events[batch.min(1)], records(source));
        let rows: Vec<Vec<u8>> = rows.iter().map(|row| row.to_vec()).collect();
        for at in 0..rows.len() {
            for form in [RowsForm::Row, RowsForm::Range] {
                let shown = claim(batch as u64, &rows, at, at + 1, form).verify(event).unwrap();
                assert_eq!(
                    (shown.first_in_table, shown.batch, shown.rows),
                    (number, batch as u64, vec![rows[at].clone()])
                );
            }
            number += 1;
        }
        assert_eq!(Table::row_leaves(source).len(), rows.len());
    }
    assert_eq!(number, 7);
}

#[test]
fn other_events() {
    let table = example(BATCHES, 6);
    let rows: Vec<Vec<u8>> = records(BATCHES[0]).iter().map(|row| row.to_vec()).collect();
    let right = claim(0, &rows, 1, 2, RowsForm::Row);
    let said = |event: &Event, claim: &RowsClaim, message: &str| {
        let error = claim.verify(event).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unproven, message));
    };
    right.verify(&table.events[0]).unwrap();
    said(&table.events[1], &right, "batch 0: expected one of the batches 1..3 of event 1");
    said(&table.events[2], &right, "batch 0: expected an append, found event 2 is a key");
    said(&table.events[3], &right, "batch 0: expected an append, found event 3 is a compact");
    let far = RowsClaim { batch: u64::MAX, ..right.clone() };
    said(&table.events[0], &far, &format!("batch {}: expected one of the batches 0..1 of event 0", u64::MAX));
    let two = RowsClaim { rows: rows[..2].to_vec(), ..right.clone() };
    said(&table.events[0], &two, "batch 0: expected one row, found 2");
    said(&table.events[0], &RowsClaim { rows: vec![], ..right.clone() }, "batch 0: expected one row, found 0");
    let none = RowsClaim { rows: vec![], form: RowsForm::Range, ..right.clone() };
    said(&table.events[0], &none, "proof: expected rows below 3, found 0 from 1");

    // Totals that are less than the event's own batches: no ledger that folds has them, but a claim's event may.
    let mut detail = append(0, None, &[rows], true).1.detail;
    detail.totals.rows = 2;
    let lying = of_detail(0, &detail).1;
    said(&lying, &right, "batch 0: expected totals of at least the event's batches, found less");
    detail.totals.batches = 0;
    said(&of_detail(0, &detail).1, &right, "batch 0: expected totals of at least the event's batches, found less");
}

/// A table without row trees proves events, and no rows.
#[test]
fn without_row_trees() {
    let header = Header::new([7; 16], None, RowTree::None).unwrap();
    assert!(header.line().contains(r#""row":"none""#));
    let rows = rows(3);
    let event = append(0, None, std::slice::from_ref(&rows), false);
    let error = claim(0, &rows, 0, 1, RowsForm::Row).verify(&event.1).unwrap_err();
    let message = "batch 0: expected a root over its rows, found none";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unproven, message));
    let packed = Claim { event: event.0, rows: None }.pack().unwrap();
    assert_eq!(Claim::parse(&packed.extra, Beside::default()).unwrap().read_event(0).unwrap(), event.1);
}

/// Rows are bytes, not text.
#[test]
fn rows_of_any_bytes() {
    let every: Vec<u8> = (0..=255).collect();
    let rows = vec![b"\0".to_vec(), b"\xff\xfe\r\n".to_vec(), vec![], every, b"\"a\n\nb\"\n".to_vec()];
    let event = append(0, None, std::slice::from_ref(&rows), true);
    for first in 0..rows.len() {
        check(&event, claim(0, &rows, first, first + 1, RowsForm::Row));
        for end in first + 1..=rows.len() {
            check(&event, claim(0, &rows, first, end, RowsForm::Range));
        }
    }
    let said = format!("{:?}", Claim { event: b"e".to_vec(), rows: Some(claim(0, &rows, 1, 2, RowsForm::Row)) });
    assert!(said.contains(r"\\xff\\xfe\\r\\n"), "{said}");
}
