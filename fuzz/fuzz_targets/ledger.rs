//! Hostile ledgers are reported on, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|ledger: &[u8]| {
    let _ = at1_ledger::verify_chain(ledger);
});
