//! A condition that parses prints as one that parses to the same.
#![no_main]

use at1_catalog::Predicate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(predicate) = text.parse::<Predicate>() {
        let printed = predicate.to_string();
        assert_eq!(printed.parse::<Predicate>().expect("what is printed parses"), predicate, "{printed}");
    }
    let _ = Predicate::range(text);
});
