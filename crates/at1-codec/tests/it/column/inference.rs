//! Which type fields have by themselves.

use at1_codec::column::{Inference, NullWords, Pin, Reading};
use at1_codec::text::Syntax;
use proptest::prelude::*;

fn infer<R: AsRef<[u8]>>(raws: impl IntoIterator<Item = R>) -> Inference {
    let mut seen = Inference::new(&NullWords::default());
    raws.into_iter().for_each(|raw| seen.observe(raw.as_ref(), Syntax::CSV));
    seen
}

/// The type and reading of fields separated by `|`.
#[track_caller]
fn check(fields: &str, expected: &str) {
    let seen = infer(fields.split('|'));
    let ty = seen.best();
    let pin = Pin { ty, reading: seen.reading(ty) };
    assert_eq!(pin.to_string(), expected, "{fields}");
}

#[test]
fn integers() {
    check("1|-2|0", "int64");
    check("+5|-0|3", "int64");
    check("1||NA|2", "int64");
    check("\"1\"|\"2\"|\"\"", "int64");
    check("  1| 22|333", "int64");
    check("9223372036854775807|-9223372036854775808", "int64");
    check("1|9223372036854775808", "decimal(38,0)");
    check("1|99999999999999999999999999999999999999", "decimal(38,0)");
    check("1|100000000000000000000000000000000000000", "text");
    check("007|8", "text");
    check("0|1|00", "text");
    check("1|x", "text");
    check("1700000000|1700000001", "int64");
}

#[test]
fn decimals() {
    check("1.50|2.25", "decimal(18,2)");
    check("1.50|2", "decimal(18,2)");
    check("2.00|3.00", "decimal(18,2)");
    check(".5|5.|1", "decimal(18,1)");
    check("1234567890123456.78", "decimal(18,2)");
    check("12345678901234567.8|1.25", "decimal(38,2)");
    check("123456.78|0.1234567890123", "double");
    check("1.5|1.00000000000000000000", "decimal(18,1)");
    check("0.123456789012345678", "decimal(18,18)");
    check("1.123456789012345678", "decimal(38,18)");
    check("00.5|1.5", "text");
    check("1.5|1,5", "text");
    check("1234567890123456789012345678901234567.89", "text");
}

#[test]
fn doubles() {
    check("1e5|2", "double");
    check("1.5|NaN", "double");
    check("1|2|NaN", "double");
    check("inf|-inf|0.5", "double");
    check("1.5E-07|0.25", "double");
    check("1e400|1", "text");
    check("0.1234567890123456|123.25", "double");
    check("1234567.12345678901|1.5", "decimal(18,11)");
    check("12345678.123456789|0.0123456789012", "double");
    check("12345678.12345678901|1.5", "decimal(38,11)");
    check("1e5|0.1234567890123456789", "text");
}

#[test]
fn booleans() {
    check("true|false|", "boolean");
    check("True|False", "boolean");
    check("TRUE|NA|TRUE", "boolean");
    check("true|False", "text");
    check("yes|no", "text");
    check("t|f", "text");
    check("0|1", "int64");
}

#[test]
fn dates() {
    check("2024-01-31|2024-2-1", "date");
    check("2024/01/31", "date");
    check("31/12/2024|01/02/2024", "date_dmy");
    check("12/31/2024|01/02/2024", "date_mdy");
    check("31.12.2024|01.02.2024", "date_dmy");
    check("31-12-2024|1-2-2024", "date_dmy");
    check("01/02/2024|02/03/2024", "text");
    check("01.02.2024", "text");
    check("03/03/2024", "date");
    check("31/12/2024|12/31/2024|01/02/2024", "text");
    check("31/12/24", "text");
    check("2024-02-30|2024-01-01", "text");
    check("2024-01-01|2024-01-01T00:00", "text");
}

#[test]
fn timestamps() {
    check("2024-01-01T10:00:00|2024-01-01 1:00", "timestamp");
    check("2024-01-01T10:00:00.123456", "timestamp");
    check("2024-01-01T10:00:00.1234567", "timestamp_ns");
    check("2024-01-01T10:00:00.123456000", "timestamp_ns");
    check("2024-01-01T10:00:00Z|2024-01-01T10:00:00+02:00", "timestamptz");
    check("2024-01-01T10:00:00.123456789Z", "timestamptz_ns");
    check("2024-01-01T10:00:00Z|2024-01-01T10:00:00", "text");
    check("31/12/2024 10:00|01/02/2024 10:00", "timestamp_dmy");
    check("12/31/2024 10:00Z|01/02/2024 10:00Z", "timestamptz_mdy");
    check("01/02/2024 10:00", "text");
    check("2024-01-01T24:00:00", "text");
    check("2024-01-01T10:00:00.123456789|9999-12-31T00:00:00", "text");
}

#[test]
fn text_and_nothing() {
    check("", "text");
    check("||", "text");
    check("NA|NULL", "text");
    check("abc|1", "text");
    assert_eq!(infer::<&[u8]>([]).best().to_string(), "text");
    assert_eq!(infer([&b"\xff"[..], b"a"]).best().to_string(), "binary");
    let mostly: Vec<&[u8]> = (0..1000).map(|i| if i == 500 { &b"\xff"[..] } else { b"abc" }).collect();
    let seen = infer(mostly);
    assert_eq!((seen.best().to_string(), seen.misfits(seen.best(), Reading::default())), ("text".to_owned(), 1));
}

/// Fields, of which some are odd.
fn with_odd(len: usize, odd: usize, common: &str, rare: &str) -> Inference {
    infer((0..len).map(|i| if i < odd { rare } else { common }))
}

#[test]
fn one_reject_in_a_thousand() {
    for (common, rare, ty) in [
        ("12", "x", "int64"),
        ("1.5", "x", "decimal(18,1)"),
        ("1e5", "x", "double"),
        ("true", "True", "boolean"),
        ("2024-01-01", "2024-02-30", "date"),
        ("2024-01-01T00:00:00", "2024-01-01T00:00:00Z", "timestamp"),
        ("2024-01-01T00:00:00.1234567", "0001-01-01T00:00:00", "timestamp_ns"),
        ("12", "\u{e9}", "int64"),
        ("12", "012", "int64"),
    ] {
        assert_eq!(with_odd(1000, 1, common, rare).best().to_string(), ty, "{rare} among {common}");
        assert_eq!(with_odd(999, 1, common, rare).best().to_string(), "text", "{rare} among {common}");
        assert_eq!(with_odd(2000, 2, common, rare).best().to_string(), ty, "{rare} among {common}");
        assert_eq!(with_odd(2999, 3, common, rare).best().to_string(), "text", "{rare} among {common}");
    }
}

#[test]
fn a_few_numbers_in_an_empty_column_do_not_make_its_words_rejects() {
    let mut seen = with_odd(100_000, 99_950, "words", "");
    seen.observe(b"1", Syntax::Bare);
    assert_eq!(seen.best().to_string(), "text");
}

#[test]
fn pins_hold_what_inference_does_not() {
    let misfits = |fields: &str, pin: &str| {
        let pin: Pin = pin.parse().unwrap();
        infer(fields.split('|')).misfits(pin.ty, pin.reading)
    };
    assert_eq!(misfits("007|8|x", "int64"), 1);
    assert_eq!(misfits("00.5|1.25", "decimal(18,2)"), 0);
    assert_eq!(misfits("1.255", "decimal(18,2)"), 1);
    assert_eq!(misfits("t|F|yes|NO|y|N|1|0|true|False|2|x", "boolean"), 2);
    assert_eq!(misfits("01/02/2024|31/12/2024|12/31/2024", "date_dmy"), 1);
    assert_eq!(misfits("01/02/2024|31/12/2024|12/31/2024", "date"), 1);
    assert_eq!(misfits("1700000000|1700000000.123456|1700000000.1234567|x|1e9", "epoch_s"), 3);
    assert_eq!(misfits("1700000000|9223372036854775807|9223372036854775808", "epoch_ns"), 1);
    assert_eq!(misfits("1700000000000|9223372036854775807", "epoch_ms"), 1);
}

#[test]
fn an_example_of_a_misfit_is_what_looks_different() {
    let seen = infer(["12", "1.5", "oops", "13"]);
    assert_eq!(seen.misfit_example("int64".parse().unwrap()), Some(&b"oops"[..]));
    let seen = infer(["12", "1.5"]);
    assert_eq!(seen.misfit_example("int64".parse().unwrap()), Some(&b"1.5"[..]));
    assert_eq!(seen.misfit_example("text".parse().unwrap()), None);
}

#[test]
fn null_words_are_the_users() {
    let words: NullWords = ["-999", "x y"].into_iter().collect();
    let mut seen = Inference::new(&words);
    for raw in ["-999", "\"x y\"", "1.5", ""] {
        seen.observe(raw.as_bytes(), Syntax::CSV);
    }
    assert_eq!((seen.best().to_string(), seen.nulls()), ("decimal(18,1)".to_owned(), 3));
    seen.observe(b"NA", Syntax::Bare);
    assert_eq!(seen.nulls(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merged_is_as_seen_at_once(
        fields in prop::collection::vec("[0-9a-f.eT:Z/-]{0,12}|[0-9]{1,2}/[0-9]{1,2}/2024|-?[0-9]{1,20}\\.[0-9]{0,20}", 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(fields.len() + 1);
        let mut merged = infer(&fields[..cut]);
        merged.merge(&infer(&fields[cut..]));
        let whole = infer(&fields);
        prop_assert_eq!(merged.best(), whole.best());
        prop_assert_eq!((merged.fields(), merged.nulls()), (whole.fields(), whole.nulls()));
        for ty in super::types() {
            prop_assert_eq!(merged.reading(ty), whole.reading(ty));
            prop_assert_eq!(merged.misfit_example(ty), whole.misfit_example(ty));
            for reading in super::readings() {
                prop_assert_eq!(merged.misfits(ty, reading), whole.misfits(ty, reading));
            }
        }
    }
}
