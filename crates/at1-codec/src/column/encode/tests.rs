//! The encoder against a slow one that knows no short ways: value by value, then all printed and compared.

use arrow::buffer::Buffer;

use super::*;
use crate::{
    TimeUnit, Zone,
    column::{
        array::Values,
        form::{Per, Quoting},
        patch::Holds,
        pin::{DateOrder, Epoch, Source},
        print::Printer,
        printed::Printed,
        rows::{Entries, Rows, spelling},
        strings::{Random, for_each_string},
        value::Field,
    },
    text::Quoted,
};

type Fields<'a> = [Option<&'a [u8]>];

fn encode_slowly(meaning: &Meaning, form: &Form, parts: &[(Syntax, &Fields<'_>)]) -> Encoded {
    let rows = parts.iter().map(|(_, fields)| fields.len()).sum();
    let mut values = Values::with_capacity(meaning.ty, rows);
    let mut streams = Rows::new(form);
    let mut rejects = Vec::new();
    let mut scratch = Vec::new();
    for (syntax, fields) in parts {
        for raw in *fields {
            let mut entries = Entries::default();
            let field = raw.map_or(Field::Null, |raw| {
                let (value, quoted) = syntax.value(raw, &mut scratch);
                let field = meaning.read(value, quoted);
                match field {
                    Field::Null => entries.null = Some(spelling(&form.nulls, raw)),
                    _ => entries.is_quoted = quoted == Quoted::Yes,
                }
                if let Field::Value(parsed) = field {
                    entries.digits = Some(u8::try_from(parsed.digits).unwrap_or(u8::MAX));
                    entries.zone = form.zones_per_row().map(|zones| spelling(zones, parsed.suffix));
                }
                values.push_field(&field);
                field
            });
            if raw.is_none() {
                values.push_field(&Field::Null);
            }
            rejects.push(matches!(field, Field::Reject));
            streams.push(entries);
        }
    }
    let array = values.finish(meaning.ty);
    let mut printer = Printer::bare(meaning.ty, form.clone(), streams.borrow(), rows);
    let mut patches = Patches::default();
    let mut row = 0;
    for (syntax, fields) in parts {
        let mut printed = Printed::default();
        printer.print(&*array.slice(row, fields.len()), *syntax, &mut printed).unwrap();
        for (index, raw) in fields.iter().enumerate() {
            let holds = if rejects[row] { Holds::Reject } else { Holds::Yes };
            if let Some(raw) = raw.filter(|&raw| rejects[row] || raw != printed.field(index)) {
                patches.push(row as u64, holds, raw);
            }
            row += 1;
        }
    }
    let (patched, rejects) = (patches.count, patches.rejects);
    let recovery = write_recovery(rows, patches, form, &streams.borrow());
    Encoded { array, recovery, rejects, patches: patched, form: form.describe() }
}

/// Encodes in pushes of some size and compares.
#[track_caller]
fn check(meaning: &Meaning, form: &Form, parts: &[(Syntax, &Fields<'_>)], push_rows: usize) {
    let rows = parts.iter().map(|(_, fields)| fields.len()).sum();
    let mut encoder = Encoder::new(meaning.clone(), form.clone(), rows);
    for (syntax, fields) in parts {
        for fields in fields.chunks(push_rows) {
            encoder.push(*syntax, fields.iter().copied());
        }
    }
    let (found, expected) = (encoder.finish(), encode_slowly(meaning, form, parts));
    let context = format!("{} read as {:?}, {}", meaning.ty, meaning.reading, expected.form);
    assert_eq!(found.array.data_type(), expected.array.data_type());
    // Byte by byte: not-a-number is not equal to itself.
    let [mine, theirs] = [&found, &expected].map(|encoded| encoded.array.to_data());
    let same = |(mine, theirs): (&Buffer, &Buffer)| mine.as_slice() == theirs.as_slice();
    assert!(mine.buffers().iter().zip(theirs.buffers()).all(same), "values of {context}");
    assert!(mine.nulls() == theirs.nulls() && mine.len() == theirs.len(), "nulls of {context}");
    assert_eq!((found.rejects, found.patches), (expected.rejects, expected.patches), "{context}");
    assert!(found.recovery == expected.recovery, "recovery bytes of {context}");
    assert_eq!(found.form, expected.form);
}

const CSV: Syntax = Syntax::CSV;

fn meanings() -> Vec<Meaning> {
    let mut types = vec![
        ColumnType::Int64,
        ColumnType::Float64,
        ColumnType::Boolean,
        ColumnType::Date,
        ColumnType::Text,
        ColumnType::Binary,
    ];
    let decimals = [(18, 0), (18, 2), (18, 18), (38, 0), (38, 10), (38, 38)];
    types.extend(decimals.map(|(precision, scale)| ColumnType::Decimal { precision, scale }));
    for unit in [TimeUnit::Micros, TimeUnit::Nanos] {
        types.extend([Zone::Naive, Zone::Utc].map(|zone| ColumnType::Timestamp { unit, zone }));
    }
    let pinned = Reading { source: Source::Pinned, order: Some(DateOrder::Mdy), epoch: None };
    let mut readings = vec![Reading::default(), pinned];
    readings.extend(Epoch::ALL.map(|epoch| Reading { epoch: Some(epoch), ..Reading::default() }));
    let mut meanings = Vec::new();
    for ty in types {
        let is_instant = matches!(ty, ColumnType::Timestamp { .. });
        for &reading in readings.iter().filter(|reading| is_instant || reading.epoch.is_none()) {
            meanings.push(Meaning { ty, reading, nulls: NullWords::default() });
        }
    }
    meanings
}

fn form_of(meaning: &Meaning, fields: &Fields<'_>, syntax: Syntax) -> Form {
    let mut sample = Sample::new(meaning);
    fields.iter().flatten().for_each(|raw| sample.add(raw, syntax));
    sample.form()
}

#[test]
fn every_short_field() {
    let mut raws = Vec::new();
    for_each_string(b"019-.e \"", 4, &mut |string| raws.push(string.to_vec()));
    for_each_string(b"0.9+", 6, &mut |string| raws.push(string.to_vec()));
    let fields: Vec<_> = raws.iter().map(|raw| Some(&**raw)).collect();
    for meaning in meanings() {
        let form = form_of(&meaning, &fields[..2000], CSV);
        check(&meaning, &form, &[(CSV, &fields)], usize::MAX);
    }
}

#[test]
fn fields_that_come_again_or_do_not() {
    let mut random = Random::new(4);
    let syntaxes = [
        CSV,
        Syntax::Delimited { delimiter: b';', quote: None },
        Syntax::Delimited { delimiter: b'1', quote: Some(b'-') },
        CSV,
    ];
    for round in 0..6 {
        // A pool that fills the memo, one that overflows it, one that is never asked twice.
        let pool: Vec<Vec<u8>> = (0..[20, 700, 6000][round % 3]).map(|_| random.field()).collect();
        let rows: Vec<_> = (0..6000)
            .map(|row| {
                let index = if round % 3 == 2 { row % pool.len() } else { random.below(pool.len()) };
                (random.below(50) > 0).then(|| &*pool[index])
            })
            .collect();
        let parts: Vec<_> =
            syntaxes.into_iter().zip([&rows[..3000], &rows[3000..3001], &rows[3001..5000], &rows[5000..]]).collect();
        for meaning in meanings() {
            let form = form_of(&meaning, &rows[..300], CSV);
            check(&meaning, &form, &parts, [usize::MAX, 37][round / 3]);
        }
    }
}

#[test]
fn a_form_that_fits_nothing() {
    let mut random = Random::new(5);
    let pool: Vec<Vec<u8>> = (0..200).map(|_| random.field()).collect();
    let fields: Vec<_> = (0..3000).map(|_| Some(&*pool[random.below(pool.len())])).collect();
    let odd = [Some(&b"\"+00007.5000000\""[..]), Some(b"\"  1\""), Some(b"null"), Some(b"\"0001/1/1  1:00,5 UTC\"")];
    for meaning in meanings() {
        let form = form_of(&meaning, &odd, CSV);
        for quoting in [Quoting::Never, Quoting::Always, Quoting::Needed, Quoting::PerRow] {
            for nulls in [&["", "NA"][..], &["NA", ""], &["NA", "-"]] {
                for nulls_per in [Per::Column, Per::Row] {
                    let nulls = nulls.iter().map(|null| null.as_bytes().to_vec()).collect();
                    let form = Form { quoting, nulls, nulls_per, ..form.clone() };
                    check(&meaning, &form, &[(CSV, &fields)], usize::MAX);
                }
            }
        }
    }
}
