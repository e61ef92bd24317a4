//! Canonical JSON: what is accepted, what is refused and why.

use at1_ledger::{ErrorKind, Json, json};
use proptest::prelude::*;
use serde_json::Value;

#[track_caller]
fn check(text: &str) {
    let value = json::decode(text.as_bytes()).unwrap();
    assert_eq!(json::encode(&value).unwrap(), text);
    assert_eq!(Json::new(&value).unwrap().value(), value);
}

#[track_caller]
fn refuse(text: impl AsRef<[u8]>, message: &str) {
    let error = json::decode(text.as_ref()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn accepted() {
    check("null");
    check("{}");
    check(r#"{"a":1,"a_":[],"b":{"0":true,"9":false},"c":null}"#);
    check("9007199254740991");
    check("\"\\b\\t\\n\\f\\r\\\"\\\\\\u0000\\u001f\u{7f}/é€𝄞\u{2028}\"");
    check("[[[[[[[[]]]]]]]]");
    check(&format!("{{\"{}\":0}}", "k".repeat(32)));
    check(
        "[56,{\"d\":true,\"10\":null,\"1\":[]}]"
            .replace(r#""d":true,"10":null,"1":[]"#, r#""1":[],"10":null,"d":true"#)
            .as_str(),
    );
}

#[test]
fn not_in_the_profile() {
    for number in ["1.5", "1.0", "1e3", "1E3", "-1", "-0", "-0.0", "9007199254740992", "18446744073709551616", "1e400"]
    {
        let message = if number == "1e400" { "expected JSON" } else { "expected an integer 0 to 9007199254740991" };
        refuse(number, message);
        refuse(format!("{{\"a\":[{number}]}}"), message);
    }
    for key in ["", "A", "aB", "a-b", "a b", "é", "a.b", "\\u0061\\u0000", &"k".repeat(33)] {
        refuse(format!("{{\"{key}\":0}}"), "expected a key of 1 to 32");
    }
    refuse("[[[[[[[[[]]]]]]]]]", "expected at most 8 levels");
    refuse("{\"a\":".repeat(9) + "{}" + &"}".repeat(9), "expected at most 8 levels");
    refuse("[".repeat(100_000), "expected JSON");
}

#[test]
fn not_canonical() {
    for text in [
        r#"{"b":1,"a":2}"#,
        r#"{"a": 1}"#,
        r#"{"a":1 }"#,
        " 1",
        "1\n",
        r#""\u0061""#,
        r#""\/""#,
        r#""\u001F""#,
        r#""\u000a""#,
        r#""\ud834\udd1e""#,
        // Duplicate keys, whichever wins.
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"b":1,"a":1}"#,
    ] {
        refuse(text, "expected canonical JSON, found another spelling at byte ");
    }
    refuse(r#"{"a":1,"a":2}"#, "expected canonical JSON, found another spelling at byte 5");
}

#[test]
fn not_json() {
    for text in [
        &b""[..],
        b"{",
        b"{}{}",
        b"\"\\ud800\"",
        b"\"\\udc00\"",
        b"\"\\ud800x\"",
        b"\"\n\"",
        b"\"\xff\"",
        b"\"\xed\xa0\x80\"",
        b"01",
        b"+1",
        b"NaN",
        b"\xef\xbb\xbf1",
        b"{\"a\":1,}",
        b"{a:1}",
        b"'a'",
    ] {
        refuse(text, "expected JSON, found ");
    }
}

/// What a value outside the profile is told when it is written.
#[test]
fn encode_refuses() {
    let error = json::encode(&serde_json::json!({"a": [0, {"price": 1.5}]})).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "a: [1]: price: expected an integer 0 to 9007199254740991, found 1.5");
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..=json::INTEGER_MAX).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        "[\\x00-\\x20\"\\\\\\x7f]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z0-9_]{1,32}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_come_back(value in values()) {
        let text = json::encode(&value).unwrap();
        prop_assert_eq!(json::decode(text.as_bytes()).unwrap(), value.clone());
        // Strings and numbers are spelt as serde_json spells them: an encoder of its own that agrees.
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    /// One value, one text: whatever else is decoded is what encode makes of it.
    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0019aAe.-\n\xff".to_vec()), 0..24)) {
        if let Ok(value) = json::decode(&bytes) {
            prop_assert_eq!(json::encode(&value).unwrap().into_bytes(), bytes);
        }
    }
}
