//! Claims that say something else than was proved: members dropped, renamed, of another value, other events, batches and rows, each
//! written canonically again. None is accepted, and each is told what is wrong.

use at1_ledger::{Beside, Claim, ErrorKind, RowsForm, Shown, TlogProof, check_proof, json};
use serde_json::{Value, json};

use crate::{
    known_answers::{event_proof, policy, rows_proof},
    standin::{BATCHES, Table, example},
};

/// All values that differ from one in one place.
fn of_json(value: &Value) -> Vec<Value> {
    let mut mutants: Vec<Value> =
        [json!(null), json!(true), json!(0), json!(1), json!(2), json!(""), json!([]), json!({})]
            .into_iter()
            .filter(|other| other != value)
            .collect();
    match value {
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            mutants.extend([number + 1, number.wrapping_sub(1), json::INTEGER_MAX].map(Value::from));
        }
        Value::String(text) => {
            // Base64 with another first, middle and last byte, and the text with a letter more and less.
            let letters: Vec<char> = text.chars().collect();
            for at in [0, letters.len() / 2, letters.len() - 1] {
                let mut other = letters.clone();
                other[at] = if other[at] == 'A' { 'B' } else { 'A' };
                mutants.push(other.iter().collect::<String>().into());
                other.remove(at);
                mutants.push(other.iter().collect::<String>().into());
            }
            mutants.push(format!("{text}A").into());
            mutants.push(format!("{text}AAAA").into());
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let with = |put: &[Value]| Value::from([&items[..at], put, &items[at + 1..]].concat());
                mutants.push(with(&[]));
                mutants.push(with(&[items[at].clone(), items[at].clone()]));
                mutants.extend(of_json(&items[at]).into_iter().map(|item| with(&[item])));
                for other in at + 1..items.len() {
                    let mut swapped = items.clone();
                    swapped.swap(at, other);
                    mutants.push(swapped.into());
                }
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                let mut without = members.clone();
                without.remove(key);
                mutants.push(without.clone().into());
                for other in ["x", "batch", "event", "row", "rows", "first", "row_index", "at1_event_proof"] {
                    let mut renamed = without.clone();
                    renamed.insert(other.into(), value.clone());
                    mutants.push(renamed.into());
                    let mut more = members.clone();
                    more.entry(other).or_insert(value.clone());
                    mutants.push(more.into());
                }
                for other in of_json(value) {
                    let mut changed = members.clone();
                    changed.insert(key.clone(), other);
                    mutants.push(changed.into());
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
    mutants.retain(|mutant| mutant != value);
    mutants
}

/// Nothing of the claim is signed: it counts because all of it is looked at.
#[test]
fn every_member_of_the_claim() {
    let table = example(BATCHES, 6);
    let policy = policy(&table);
    for (name, proof) in [
        ("row", rows_proof(&table, 1, 1, RowsForm::Row, 1..2)),
        ("range", rows_proof(&table, 0, 0, RowsForm::Range, 1..3)),
        ("event", event_proof(&table, 2, None)),
    ] {
        let value = json::decode(proof.extra.as_deref().unwrap()).unwrap();
        let mut tried = 0;
        for mutant in of_json(&value) {
            // What canonical JSON cannot say cannot be in a proof.
            let Ok(extra) = json::encode(&mutant) else { continue };
            let file = TlogProof { extra: Some(extra.clone().into_bytes()), ..proof.clone() }.to_string();
            let checked = check_proof(file.as_bytes(), Beside::default(), None, &policy);
            assert!(checked.is_err(), "{name}: {extra}");
            tried += 1;
        }
        println!("{name:10} {tried} claims, 0 accepted");
        assert!(tried > 60, "{tried}");
    }
}

#[track_caller]
fn refuse(table: &Table, proof: &TlogProof, kind: ErrorKind, message: &str) {
    let error = check_proof(proof.to_string().as_bytes(), Beside::default(), None, &policy(table)).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
}

/// What changes in a claim are told.
#[test]
fn what_is_said() {
    let table = example(BATCHES, 6);
    let proof = rows_proof(&table, 1, 1, RowsForm::Row, 1..2);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = json::decode(proof.extra.as_deref().unwrap()).unwrap();
        change(&mut value);
        TlogProof { extra: Some(json::encode(&value).unwrap().into_bytes()), ..proof.clone() }
    };
    let said = |change: &dyn Fn(&mut Value), kind, message: &str| refuse(&table, &with(change), kind, message);
    let (damaged, unproven) = (ErrorKind::Damaged, ErrorKind::Unproven);

    said(&|v| v["at1_row_proof"] = 2.into(), ErrorKind::Unknown, "extra: at1_row_proof: expected version 1, found 2");
    said(&|v| v["at1_row_proof"] = "1".into(), damaged, "extra: at1_row_proof: expected an integer, found \"1\"");
    let kinds = "extra: expected one of at1_event_proof, at1_row_proof, at1_range_proof, found";
    said(&|v| v["at1_range_proof"] = 1.into(), damaged, &format!("{kinds} 2"));
    said(&|v| drop(v.as_object_mut().unwrap().remove("at1_row_proof")), damaged, &format!("{kinds} 0"));
    said(&|v| v["at1_whole_proof"] = 1.into(), damaged, "extra: at1_whole_proof: expected no such member");
    said(&|v| v["first"] = 1.into(), damaged, "extra: first: expected no such member");
    said(
        &|v| v["path"][0] = "YQ==".into(),
        damaged,
        "extra: path: expected an array of digests in canonical base64, found an array",
    );
    said(&|v| v["row"] = "NSxkaQp=".into(), damaged, "extra: row: expected canonical base64, found \"NSxkaQp=\"");
    said(&|v| v["row_index"] = 3.into(), unproven, "proof: expected a leaf below 3, found 3");
    said(&|v| v["batch"] = 0.into(), unproven, "batch 0: expected one of the batches 1..3 of event 1");
    said(&|v| v["batch"] = 3.into(), unproven, "batch 3: expected one of the batches 1..3 of event 1");
    said(
        &|v| drop(v["path"].as_array_mut().unwrap().pop()),
        unproven,
        "proof: expected another hash, found the end of the proof",
    );
    let missing = "extra: row: expected this member, or a file beside the proof, found neither";
    said(&|v| drop(v.as_object_mut().unwrap().remove("row")), damaged, missing);

    // Bytes that are no canonical JSON, and none at all.
    let extra = proof.extra.clone().unwrap();
    let spaced = TlogProof { extra: Some([&extra[..], b" "].concat()), ..proof.clone() };
    let at = extra.len();
    refuse(&table, &spaced, damaged, &format!("extra: expected canonical JSON, found another spelling at byte {at}"));
    refuse(&table, &TlogProof { extra: None, ..proof.clone() }, damaged, "proof: expected a line extra, found none");
    let long = TlogProof { extra: Some(vec![b' '; (48 << 10) + 1]), ..proof };
    refuse(&table, &long, damaged, "extra: expected at most 49152 bytes, found 49153");
}

/// A right proof of one thing, told of another.
#[test]
fn another_place() {
    let table = example(BATCHES, 6);
    let proofs: Vec<TlogProof> = (0..6).map(|n| event_proof(&table, n, None)).collect();
    for (n, proof) in proofs.iter().enumerate() {
        let Shown::Event(event) =
            check_proof(proof.to_string().as_bytes(), Beside::default(), None, &policy(&table)).unwrap().what
        else {
            panic!("not an event")
        };
        assert_eq!(*event, table.events[n]);
        for (other_n, other) in proofs.iter().enumerate().filter(|(other_n, _)| *other_n != n) {
            let refused = |proof: TlogProof| {
                let file = proof.to_string();
                check_proof(file.as_bytes(), Beside::default(), None, &policy(&table)).unwrap_err().kind()
            };
            let (index, path, extra) = (other.index, other.path.clone(), other.extra.clone());
            assert_eq!(refused(TlogProof { index, ..proof.clone() }), ErrorKind::Unproven, "{n} as {other_n}");
            assert_eq!(refused(TlogProof { index, path: path.clone(), ..proof.clone() }), ErrorKind::Unproven);
            assert_eq!(refused(TlogProof { path, ..proof.clone() }), ErrorKind::Unproven);
            assert_eq!(refused(TlogProof { extra, ..proof.clone() }), ErrorKind::Unproven);
        }
    }

    // A leaf that says of itself to be another event than the one it is.
    let forged = table.ledger.split(|byte| *byte == b'\n').nth(2).unwrap()[65..].to_vec();
    let claim = Claim { event: forged, rows: None };
    let error = claim.read_event(2).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Damaged, "event: expected event 2, found 1"));

    // Rows in another order, as a row of another batch, as a range of other rows.
    let range = rows_proof(&table, 0, 0, RowsForm::Range, 1..3);
    for change in [
        &|value: &mut Value| value["rows"].as_array_mut().unwrap().reverse() as _,
        &|value: &mut Value| drop(value["rows"].as_array_mut().unwrap().pop()),
        &|value: &mut Value| value["rows"].as_array_mut().unwrap().push("".into()),
        &|value: &mut Value| value["first"] = 0.into(),
        &|value: &mut Value| value["first"] = 2.into(),
    ] as [&dyn Fn(&mut Value); 5]
    {
        let mut value = json::decode(range.extra.as_deref().unwrap()).unwrap();
        change(&mut value);
        let extra = Some(json::encode(&value).unwrap().into_bytes());
        let file = TlogProof { extra, ..range.clone() }.to_string();
        let error = check_proof(file.as_bytes(), Beside::default(), None, &policy(&table)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unproven, "{error}");
    }
}
