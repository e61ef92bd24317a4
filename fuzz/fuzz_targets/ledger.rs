//! Hostile ledgers are reported on, never a panic. Run with `cargo fuzz run ledger fuzz/corpus/ledger testdata/golden/v1/table/_at1`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|ledger: &[u8]| {
    let _ = at1_ledger::verify_chain(ledger);
});
