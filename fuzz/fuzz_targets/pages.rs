//! Pages of any content under digests that hold: what the check lets through is decoded and printed without a panic, and is valid.
//!
//! The input: type of the column, encoding, number of nulls, size of the dictionary (0 for none) and of its bytes, size of the levels
//! (255 for levels that fit), then the bytes of dictionary, levels and values.
#![no_main]

use std::sync::{Arc, OnceLock};

use at1_codec::{EncodeOptions, Form, Segment, Trust};
use at1_testkit::forge::{Forgery, data_page, dictionary_page};
use libfuzzer_sys::fuzz_target;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const ROWS: i32 = 40;
const PINS: [&str; 11] = [
    "int64",
    "decimal(18,2)",
    "decimal(38,5)",
    "double",
    "boolean",
    "date",
    "timestamp",
    "timestamptz_ns",
    "text",
    "binary",
    "date_dmy",
];

fn forgeries() -> &'static [Forgery] {
    static FORGERIES: OnceLock<Vec<Forgery>> = OnceLock::new();
    FORGERIES.get_or_init(|| {
        let source = "x\n".repeat(ROWS as usize);
        let forgery = |pin: &&str| {
            let mut options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
            options.read.header = at1_codec::HeaderOption::No;
            options.pins = vec![("c0".into(), pin.parse().expect("a pin"))];
            Forgery::of(&at1_codec::encode(source.as_bytes(), &options).expect("a segment"))
        };
        PINS.iter().map(forgery).collect()
    })
}

fuzz_target!(|bytes: &[u8]| {
    let [ty, encoding, nulls, entries, dictionary_bytes, level_bytes, rest @ ..] = bytes else { return };
    let mut forgery = forgeries()[usize::from(*ty) % PINS.len()].clone();
    let (dictionary, rest) = rest.split_at(usize::from(*dictionary_bytes).min(rest.len()));
    let dictionary = (*entries > 0).then(|| dictionary_page(i32::from(*entries), dictionary));
    let nulls = i32::from(*nulls) % (ROWS + 1);
    // As many values as are not null, then nulls: two runs.
    let fits = [[((ROWS - nulls) << 1) as u8, 1], [(nulls << 1) as u8, 0]];
    let runs = [usize::from(nulls < ROWS), usize::from(nulls > 0)];
    let fits = [&fits[0][..runs[0] * 2], &fits[1][..runs[1] * 2]].concat();
    let (levels, data) = match level_bytes {
        255 => (fits.as_slice(), rest),
        &bytes => rest.split_at(usize::from(bytes).min(rest.len())),
    };
    forgery.put(0, dictionary.as_deref(), &data_page(i32::from(*encoding) % 10, ROWS, nulls, levels, data));
    let file = Arc::new(forgery.sealed());
    let segment = Segment::open(file.clone(), Trust::OwnSeal).expect("a footer like any other");
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes().clone(), segment.metadata().clone());
    for batch in builder.with_batch_size(7).build().expect("a reader") {
        let Ok(batch) = batch else { return };
        batch.column(0).to_data().validate_full().expect("an array that holds what its type says");
    }
    let _ = at1_codec::decode(&file);
});
