//! Whatever bytes go in come out, in every profile; the first byte chooses it.
#![no_main]

use at1_codec::{EncodeOptions, Form, Profile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((profile, source)) = bytes.split_first() else { return };
    // The smallest segments take the most time per byte at the highest level, so it comes up least.
    let profile = match profile {
        0..=159 => Profile::Fast,
        160..=249 => Profile::Balanced,
        _ => Profile::Max,
    };
    let options = EncodeOptions { form: Form::Queryable, profile, ..EncodeOptions::default() };
    let segment = at1_codec::encode(source, &options).expect("any bytes can be encoded");
    assert_eq!(at1_codec::decode(&segment).expect("what was just written can be read"), source);
});
