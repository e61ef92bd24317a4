//! Hostile segments give an error, or bytes: no panic, no abort, no allocation by a claimed length. Digests are made right first, so
//! that what is changed reaches the parsers.
#![no_main]

use std::sync::Arc;

use at1_codec::{Segment, Trust};
use libfuzzer_sys::fuzz_target;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fuzz_target!(|file: &[u8]| {
    let mut file = file.to_vec();
    at1_testkit::forge::reseal(&mut file);
    let _ = at1_codec::decode(&file);
    let Ok(segment) = Segment::open(Arc::new(file), Trust::OwnSeal) else { return };
    let _ = segment.rejects_by_batch();
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes().clone(), segment.metadata().clone());
    for batch in builder.build().into_iter().flatten() {
        let Ok(batch) = batch else { return };
        for column in batch.columns() {
            column.to_data().validate_full().expect("an array that holds what its type says");
        }
    }
});
