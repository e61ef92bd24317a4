//! Columns as text: stored as one type, asked for as another, with fields that neither, one or both can hold.

use arrow::array::ArrayRef;
use at1_codec::{
    ColumnType,
    column::{Meaning, NullWords, Pin, Source, encode},
    text::Syntax,
};

use crate::{
    luck::Luck,
    model::{self, Value},
};

const SYNTAX: Syntax = Syntax::CSV;

/// The fields of a column, and the two ways to read them.
#[derive(Clone)]
pub(crate) struct Fields {
    raws: Vec<Option<Vec<u8>>>,
    pub(crate) stored: Pin,
    pub(crate) asked: Pin,
}

/// What fields say, one after the other, as a type.
pub(crate) fn read(raws: &[Option<Vec<u8>>], meaning: &Meaning) -> (ArrayRef, u64) {
    let parts = [(SYNTAX, raws.iter().map(Option::as_deref))];
    let encoded = encode(meaning.ty, meaning.reading, &meaning.nulls, parts);
    (encoded.array, encoded.rejects)
}

fn meaning(pin: Pin) -> Meaning {
    Meaning { ty: pin.ty, reading: pin.reading, nulls: NullWords::default() }
}

impl Fields {
    pub(crate) fn raws(&self) -> &[Option<Vec<u8>>] {
        &self.raws
    }

    /// The values as they are stored, and how many fields were not.
    pub(crate) fn stored(&self) -> (ArrayRef, u64) {
        read(&self.raws, &meaning(self.stored))
    }

    /// What the table is to see.
    pub(crate) fn asked(&self) -> (Vec<Value>, u64) {
        let (array, rejects) = read(&self.raws, &meaning(self.asked));
        (model::values(self.asked.ty, &array), rejects)
    }
}

/// Types that a column of some kind has and gets, by what their text looks like.
const INTEGERS: [&str; 7] =
    ["int64", "decimal(18,0)", "decimal(18,2)", "decimal(38,3)", "decimal(38,25)", "double", "epoch_s"];
const TIMES: [&str; 6] = ["timestamp", "timestamptz", "timestamp_ns", "timestamptz_ns", "date", "text"];
const OTHERS: [&str; 13] = [
    "int64",
    "decimal(18,2)",
    "decimal(38,10)",
    "double",
    "boolean",
    "date",
    "date_dmy",
    "date_mdy",
    "timestamp",
    "timestamptz_ns",
    "epoch_ns",
    "text",
    "binary",
];

/// Fields that are something else under every type.
const ODD: [&str; 30] = [
    "oops",
    "NA",
    "\"\"",
    "\"NA\"",
    "\"12\"",
    " 7",
    "007",
    "-0",
    "-0.0",
    "+5",
    "5.",
    "1.50",
    "1.005",
    "1e5",
    "NaN",
    "-inf",
    "9007199254740993",
    "99999999999999999",
    "100000000000000001",
    "true",
    "yes",
    "1",
    "2024-02-29",
    "29/02/2024",
    "02/03/2024",
    "2024-02-29T10:00:00.5",
    "2024-02-29T10:00:00.123456789Z",
    "1677-01-01T00:00:00",
    "\"a,b\"",
    "é",
];

/// Fields that some types hold and others do not, or read as something else; each kind by itself, so that there is a type
/// that holds the whole column.
const SUBTLE: [&[&str]; 6] = [
    &["-0"],
    &["-0.00", "-0"],
    &["007", "0012"],
    &["9007199254740993", "99999999999999999", "100000000000000001"],
    &["\"12\"", " 7", "+5"],
    &["1.5", "1.50", "1.005"],
];

pub(crate) fn fields(rows: usize, luck: &mut Luck) -> Fields {
    let kind = luck.below(7);
    let (step, noise) = (*luck.pick(&[1, 1, 3, -2]), *luck.pick(&[0, 0, 2, 40]));
    let start = *luck.pick(&[-200, 0, 1, 1000, 1_000_000_000_000_000]);
    let nulls = *luck.pick(&[0, 0, 0, 7, 1]);
    let is_word = luck.one_in(2);
    let odd = *luck.pick(&[0, 0, 200, 30, 5]);
    let oddities = if luck.one_in(2) { luck.pick(&SUBTLE) } else { &ODD[..] };
    let raw = |row: usize, luck: &mut Luck| -> Option<Vec<u8>> {
        if nulls > 0 && (luck.one_in(nulls) || (row / 16).is_multiple_of(5)) {
            return match luck.below(4) {
                0 => None,
                // Null as a number, but not as text.
                1 | 2 if is_word => Some(b"NA".to_vec()),
                _ => Some(vec![]),
            };
        }
        if odd > 0 && luck.one_in(odd) {
            return Some(match oddities.len() == ODD.len() && luck.one_in(20) {
                true => vec![0xff, b'a'],
                false => luck.pick(oddities).as_bytes().to_vec(),
            });
        }
        let near = start + i64::try_from(row).unwrap() * step + luck.between(-noise, noise);
        let day = near.rem_euclid(365);
        let (month, day) = (day / 28 % 12 + 1, day % 28 + 1);
        let text = match kind {
            0 | 1 => near.to_string(),
            2 => model::decimal_text(near.into(), 2),
            3 => format!("2024-{month:02}-{day:02}"),
            4 => format!("{day:02}/{month:02}/2024"),
            5 => {
                let (hour, second, zone) = (near.rem_euclid(24), near.rem_euclid(60), if step == 1 { "Z" } else { "" });
                format!("{}-{month:02}-{day:02}T{hour:02}:00:{second:02}.25{zone}", 2000 + near.rem_euclid(9))
            }
            _ => format!("ra{:03}", near.rem_euclid(1000)),
        };
        Some(text.into_bytes())
    };
    let raws = (0..rows).map(|row| raw(row, luck)).collect();
    let pin = |luck: &mut Luck| {
        let words: &[&str] = match (kind, luck.below(4)) {
            (0..=2, 0..=2) => &INTEGERS,
            (3..=5, 0..=2) => &TIMES,
            _ => &OTHERS,
        };
        let mut pin: Pin = luck.pick(words).parse().unwrap();
        if luck.one_in(2) {
            pin.reading.source = Source::Inferred;
        }
        pin
    };
    let stored = pin(luck);
    let asked = match luck.below(4) {
        0 => stored,
        // The same type, perhaps read otherwise.
        1 => Pin { reading: pin(luck).reading, ..stored },
        _ => pin(luck),
    };
    Fields { raws, stored: usable(stored), asked: usable(asked) }
}

/// Steps that reach beyond the year 9999, which times cannot be compared in here, are left out.
fn usable(pin: Pin) -> Pin {
    match (pin.ty, pin.reading.epoch) {
        (ColumnType::Timestamp { .. }, _) | (_, None) => pin,
        (ty, Some(_)) => Pin { reading: at1_codec::column::Reading { epoch: None, ..pin.reading }, ty },
    }
}
