//! The generators as proptest strategies: arbitrary bytes first, since any input at all must survive.
//!
//! * [`any_input`] is the one to reach for; the others are its parts.
//! * Failures print the bytes, and shrink where the bytes were drawn one by one.

use proptest::{collection::vec, prelude::*};

use crate::csv_zoo;

/// Up to `len_max` arbitrary bytes.
pub fn bytes(len_max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=len_max)
}

/// Up to `len_max` bytes of which most mean something to a CSV reader.
pub fn csv_like(len_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        6 => prop::sample::select(&b"ab01239.-,,\"\n"[..]),
        2 => prop::sample::select(&b" \r;\t|'\\NATe:+/"[..]),
        1 => any::<u8>(),
    ];
    vec(byte, 0..=len_max)
}

/// Lines of `width` short fields, of which some are quoted and few are ill-formed; columns keep their kind.
pub fn csv_table(rows_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let column = prop::sample::select(
        &[
            "[0-9]{1,4}",
            "-?[0-9]{1,3}\\.[0-9]{2}",
            "[a-c]{0,3}",
            "(true|false|NA)?",
            "\"[a,\n]{0,3}\"",
            "20[0-9]{2}-0[1-9]-1[0-9]",
        ][..],
    );
    vec(column, 1..5).prop_flat_map(move |columns| {
        let record = columns
            .into_iter()
            .map(|pattern| prop::string::string_regex(pattern).expect("the patterns above are valid").boxed())
            .collect::<Vec<_>>()
            .prop_map(|fields| fields.join(","));
        (vec(record, 0..=rows_max), any::<bool>()).prop_map(|(records, last)| {
            let text = records.join("\n") + if last { "\n" } else { "" };
            text.into_bytes()
        })
    })
}

/// A file of the zoo.
pub fn zoo() -> impl Strategy<Value = Vec<u8>> {
    any::<u64>().prop_map(csv_zoo)
}

/// All of the above.
pub fn any_input() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![bytes(200), csv_like(200), csv_table(40), zoo()]
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn inputs_stay_within_their_bound(bytes in bytes(9), like in csv_like(9), table in csv_table(3)) {
            prop_assert!(bytes.len() <= 9 && like.len() <= 9);
            prop_assert!(table.len() <= 3 * 4 * 12);
        }
    }
}
