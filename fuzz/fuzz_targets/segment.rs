//! Hostile segments give an error, or bytes; no panic, no abort, no allocation by a claimed length.
//! Run with `cargo fuzz run segment fuzz/corpus/segment testdata/golden/v1 -- -rss_limit_mb=512`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let _ = at1_codec::decode(file);
});
