//! Whatever bytes go in come out. Run with `cargo fuzz run roundtrip fuzz/corpus/roundtrip testdata/csv`.
#![no_main]

use at1_codec::{EncodeOptions, Form, Profile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    let options = EncodeOptions { form: Form::Queryable, profile: Profile::Fast, ..EncodeOptions::default() };
    let segment = at1_codec::encode(source, &options).expect("any bytes can be encoded");
    assert_eq!(at1_codec::decode(&segment).expect("what was just written can be read"), source);
});
