//! Claims in files: what does not fit goes beside them, and comes back from there.

use at1_ledger::{Beside, Claim, Digest, EXTRA_BYTES_MAX, ErrorKind, RowsClaim, RowsForm, json};

use crate::claims::{append, beside, check, claim, of_detail, rows};

/// First the rows go beside the file, then the event: each as soon as it has to, and no sooner.
#[test]
fn what_does_not_fit() {
    let with = |row_bytes: usize, text_bytes: usize| {
        let rows = vec![vec![b'x'; row_bytes], b"y".to_vec()];
        let mut detail = append(0, None, std::slice::from_ref(&rows), true).1.detail;
        detail.text = Some("t".repeat(text_bytes));
        (of_detail(0, &detail), claim(0, &rows, 0, 1, RowsForm::Row))
    };
    // The text of the event settles how long the claim is, to the byte.
    let (event, row) = with(30_000, 1);
    let spare = EXTRA_BYTES_MAX - check(&event, row).0.extra.len();
    let (event, row) = with(30_000, 1 + spare);
    let (packed, _) = check(&event, row);
    assert_eq!((packed.extra.len(), &packed.rows, &packed.event), (EXTRA_BYTES_MAX, &None, &None));
    let (event, row) = with(30_000, 2 + spare);
    let (packed, _) = check(&event, row);
    assert_eq!(packed.rows, Some([&30_000_u32.to_le_bytes()[..], &[b'x'; 30_000]].concat()));
    assert!(packed.event.is_none() && packed.extra.len() < 20_000);
    assert!(!String::from_utf8(packed.extra).unwrap().contains("\"row\":"));

    let (event, row) = with(10, 1);
    let spare = EXTRA_BYTES_MAX - Claim { event: event.0, rows: Some(row) }.pack().unwrap().extra.len();
    // Fourteen letters of base64 and the member's name more, once the row is beside.
    let row_member = r#""row":"eHh4eHh4eHh4eA==","#.len();
    let (event, row) = with(10, 1 + spare + row_member);
    let (packed, _) = check(&event, row);
    assert!(packed.rows.is_some() && packed.event.is_none() && packed.extra.len() == EXTRA_BYTES_MAX);
    let (event, row) = with(10, 2 + spare + row_member);
    let (packed, _) = check(&event, row);
    assert!(packed.rows.is_some() && packed.event.as_ref() == Some(&event.0) && packed.extra.len() < 1_000);

    // An event alone.
    let text = |bytes: usize| {
        let mut detail = append(0, None, &[rows(1)], true).1.detail;
        detail.text = Some("t".repeat(bytes));
        Claim { event: of_detail(0, &detail).0, rows: None }
    };
    let spare = EXTRA_BYTES_MAX - text(1).pack().unwrap().extra.len();
    assert_eq!(text(1 + spare).pack().unwrap().event, None);
    let packed = text(2 + spare).pack().unwrap();
    assert_eq!((packed.extra.as_slice(), &packed.rows), (&br#"{"at1_event_proof":1}"#[..], &None));
    assert_eq!(Claim::parse(&packed.extra, beside(&packed)).unwrap(), text(2 + spare));

    // What cannot be left out must fit.
    let row = RowsClaim { path: vec![Digest([1; 32]); 1_100], ..claim(0, &rows(1), 0, 1, RowsForm::Row) };
    let error = Claim { event: b"{}".to_vec(), rows: Some(row) }.pack().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().starts_with("expected at most 49152 bytes, found 5"), "{error}");
    let two = RowsClaim { form: RowsForm::Row, ..claim(0, &rows(2), 0, 2, RowsForm::Range) };
    for (event, rows, message) in
        [(&b"{}"[..], Some(two), "expected one row, found 2"), (b"\xff", None, "expected an event in UTF-8")]
    {
        let error = Claim { event: event.to_vec(), rows }.pack().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, message));
    }
}

/// Something is inside the file or beside it, never both and never neither.
#[test]
fn inside_and_beside() {
    let rows = rows(5);
    let (event, appended) = append(0, None, std::slice::from_ref(&rows), true);
    let of = |rows: Option<RowsClaim>| Claim { event: event.clone(), rows };
    let row = of(Some(claim(0, &rows, 1, 2, RowsForm::Row)));
    let range = of(Some(claim(0, &rows, 1, 4, RowsForm::Range)));
    let without = |claim: &Claim, members: &[&str]| {
        let mut value = json::decode(&claim.pack().unwrap().extra).unwrap();
        members.iter().for_each(|member| drop(value.as_object_mut().unwrap().remove(*member).unwrap()));
        json::encode(&value).unwrap().into_bytes()
    };
    let refuse = |extra: &[u8], beside: Beside<'_>, message: &str| {
        let error = Claim::parse(extra, beside).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Damaged, format!("extra: {message}")));
    };
    let both = "expected this member or a file beside the proof, found both";
    let neither = "expected this member, or a file beside the proof, found neither";
    for (claim, member) in [(&row, "row"), (&range, "rows")] {
        let shown = &claim.rows.as_ref().unwrap().rows;
        let file: Vec<u8> =
            shown.iter().flat_map(|row| [&(row.len() as u32).to_le_bytes()[..], row].concat()).collect();
        let whole = claim.pack().unwrap().extra;
        let [rows, events] =
            [(Some(&file[..]), None), (None, Some(&event[..]))].map(|(rows, event)| Beside { rows, event });
        let read = |members: &[&str], beside: Beside<'_>| Claim::parse(&without(claim, members), beside).unwrap();
        assert_eq!(read(&[member], rows), *claim);
        assert_eq!(read(&["event"], events), *claim);
        assert_eq!(read(&["event", member], Beside { rows: rows.rows, event: events.event }), *claim);
        refuse(&without(claim, &[member]), Beside::default(), &format!("{member}: {neither}"));
        refuse(&without(claim, &["event"]), Beside::default(), &format!("event: {neither}"));
        refuse(&whole, rows, &format!("{member}: {both}"));
        refuse(&whole, events, &format!("event: {both}"));

        // Cut anywhere but between two rows, the lengths do not add up; there, rows are missing.
        for cut in 0..file.len() {
            let cut = Beside { rows: Some(&file[..cut]), event: None };
            match Claim::parse(&without(claim, &[member]), cut) {
                Ok(short) => assert!(short.rows.unwrap().verify(&appended).is_err()),
                Err(error) => {
                    assert_eq!(error.to_string(), "extra: rows: expected rows of the lengths they claim, found less");
                }
            }
        }
        let endless = [&file[..], &u32::MAX.to_le_bytes()].concat();
        let beside = Beside { rows: Some(&endless), event: None };
        refuse(&without(claim, &[member]), beside, "rows: expected rows of the lengths they claim, found less");
    }
    let beside = Beside { rows: Some(b""), event: None };
    refuse(&of(None).pack().unwrap().extra, beside, "expected no rows beside the proof of an event");
}
