//! Keys: the signatures of RFC 8032 and of Project Wycheproof, points that are no keys, PEM, and silence about secrets.

use at1_ledger::{Digest, ErrorKind, KeyType, SIGNATURE_BYTES, SecretKey, Signer, VerifierKey};
use wycheproof::{TestResult, eddsa};

use crate::keyring::{ORIGIN, base64, hex, log, verifier, vkey};

fn wycheproof() -> Vec<(Vec<u8>, eddsa::Test)> {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let tests = |group: eddsa::TestGroup| {
        let public = group.key.pk.to_vec();
        group.tests.into_iter().map(move |test| (public.clone(), test))
    };
    set.test_groups.into_iter().flat_map(tests).collect()
}

/// A key that is refused counts as a signature that is refused.
#[test]
fn every_vector_of_wycheproof() {
    let vectors = wycheproof();
    let mut accepted = 0;
    for (public, test) in &vectors {
        for kind in [0x01, 0x04] {
            let key = verifier("wycheproof", kind, public);
            let holds = key.is_ok_and(|key| key.has_signed(&test.msg, &test.sig));
            assert_eq!(holds, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            accepted += usize::from(holds);
        }
    }
    println!("Wycheproof: {} vectors, {} valid", vectors.len(), accepted / 2);
    assert_eq!((vectors.len(), accepted), (151, 2 * 88));
}

/// RFC 8032, 7.1: tests 1, 2, 3 and 1024, by their secret keys; Wycheproof has messages and signatures.
#[test]
fn signatures_of_rfc_8032() {
    let vectors = wycheproof();
    for (secret, public, bytes) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            0,
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            1,
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            2,
        ),
        (
            "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
            "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
            1023,
        ),
    ] {
        let key = SecretKey::from_seed(&hex(secret).try_into().unwrap(), "rfc8032", KeyType::Ed25519).unwrap();
        assert_eq!(key.key().public()[..], hex(public));
        let is_it = |(key, test): &&(Vec<u8>, eddsa::Test)| {
            *key == hex(public) && test.msg.len() == bytes && test.result == TestResult::Valid
        };
        let (_, test) = vectors.iter().find(is_it).unwrap();
        assert_eq!(key.sign(&test.msg).unwrap()[..], test.sig[..], "{}", test.comment);
        assert!(key.key().has_signed(&test.msg, &test.sig));
    }
}

/// One text or byte more, less or other is another message, another signature, another key.
#[test]
fn a_signature_is_of_one_message_and_one_key() {
    let (key, other) = (log(1), log(2));
    let message = b"seven events";
    let signature = key.sign(message).unwrap();
    assert!(key.key().has_signed(message, &signature) && !other.key().has_signed(message, &signature));
    for at in 0..message.len() {
        let mut changed = *message;
        changed[at] ^= 1;
        assert!(!key.key().has_signed(&changed, &signature) && !key.key().has_signed(&message[..at], &signature));
    }
    for at in 0..SIGNATURE_BYTES {
        for bit in 0..8 {
            let mut changed = signature;
            changed[at] ^= 1 << bit;
            assert!(!key.key().has_signed(message, &changed), "byte {at} bit {bit}");
        }
        assert!(!key.key().has_signed(message, &signature[..at]));
    }
    assert!(!key.key().has_signed(message, &[&signature[..], &[0]].concat()));
}

/// The encodings of points of small order, from the tables of C2SP/CCTV: a signature under one of them fits any message.
#[test]
fn points_of_small_order() {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    for point in points {
        refuse(&vkey("k", 1, &hex(point)), ErrorKind::Invalid, "k: expected an Ed25519 public key, found bytes that");
    }
}

/// A coordinate of p or more has a second spelling below: RFC 8032 refuses it, lest one key pass for two.
#[test]
fn points_that_are_not_canonical() {
    let mut on_the_curve = 0;
    for low in 0xed..=0xff_u8 {
        for sign in [0x7f, 0xff_u8] {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (low, sign);
            refuse(&vkey("k", 4, &point), ErrorKind::Invalid, "k: expected an Ed25519 public key, found bytes that");
            // The same point, written as it should be.
            let mut canonical = [0; 32];
            (canonical[0], canonical[31]) = (low - 0xed, sign & 0x80);
            on_the_curve += usize::from(verifier("k", 4, &canonical).is_ok());
        }
    }
    assert!(on_the_curve > 10, "{on_the_curve}: some of them would be keys");
    // The greatest coordinates below p are nothing special.
    let below_p = |low: u8| [&[low][..], &[0xff; 30], &[0x7f]].concat();
    assert!((0xe0..0xec).any(|low| verifier("k", 1, &below_p(low)).is_ok()));
}

#[track_caller]
fn refuse(text: &str, kind: ErrorKind, message: &str) {
    let error = text.parse::<VerifierKey>().unwrap_err();
    assert_eq!(error.kind(), kind, "{text}: {error}");
    assert!(error.to_string().starts_with(message), "{text}: {error}");
}

#[test]
fn verifier_keys() {
    let key = log(1);
    let public = key.key().public();
    for kind in [0x01, 0x04] {
        let text = vkey("example.org/é", kind, public);
        let read: VerifierKey = text.parse().unwrap();
        assert_eq!((read.name(), read.public(), read.to_string()), ("example.org/é", public, text.clone()));
        assert_eq!(read.kind(), if kind == 1 { KeyType::Ed25519 } else { KeyType::Cosignature });
        assert_eq!(format!("{read:?}"), text);
    }
    assert_eq!(vkey(ORIGIN, 1, public), key.key().to_string());

    let (text, invalid) = (key.key().to_string(), ErrorKind::Invalid);
    let no_key = "expected a verifier key NAME+ID+BASE64, found ";
    for broken in ["", "a", "a+b", "a+00000000+", &vkey("a", 1, &public[..31]), &vkey("a", 1, &[7; 33])] {
        refuse(broken, invalid, no_key);
    }
    let id = &text[ORIGIN.len() + 1..ORIGIN.len() + 9];
    for other in [&id[..7], &format!("{id}0"), &id.to_uppercase(), "0x000000", "", "+0000000"] {
        refuse(&text.replacen(id, other, 1), invalid, no_key);
    }
    refuse(&text.replacen(id, "00000000", 1), invalid, &format!("{ORIGIN}: expected key ID {id}, found 00000000"));
    // The ID binds the name and the type.
    refuse(&text.replacen("trades", "trade", 1), invalid, "example.org/trade: expected key ID ");
    let as_witness = base64(&[&[4], &public[..]].concat());
    refuse(&format!("{ORIGIN}+{id}+{as_witness}"), invalid, &format!("{ORIGIN}: expected key ID "));
    for name in ["", "a b", "a\tb", "a\u{a0}b", "a\u{2003}b", "a\u{7f}b", "a\nb"] {
        refuse(&vkey(name, 1, public), invalid, "expected a name without white space, control characters and +, found");
    }
    // 33 bytes are 44 letters without padding, so no bit is loose; what can be spelt otherwise is the length.
    for spelt in [text.clone() + "=", text.clone() + " ", text.replace('A', "-"), text[..text.len() - 1].into()] {
        refuse(&spelt, invalid, "expected canonical base64, found ");
    }
    for (byte, kind) in [(0x00, "0x00"), (0x02, "0x02"), (0x03, "0x03"), (0x05, "0x05"), (0x06, "0x06"), (0xff, "0xff")]
    {
        let message = format!("a: expected a key of type 0x01 or 0x04, both Ed25519, found type {kind}");
        refuse(&vkey("a", byte, public), ErrorKind::Unknown, &message);
    }
    refuse(&vkey("a", 0x06, &[7; 1312]), ErrorKind::Unknown, "a: expected a key of type 0x01 or 0x04");
}

/// RFC 8410: the prefix of an Ed25519 key in PKCS#8, and the seed.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

fn pem(label: &str, der: &[u8]) -> String {
    let letters = base64(der);
    let lines: Vec<&str> = letters.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn pem_and_back() {
    for seed in [0, 1, 0x7f, 0xff] {
        let key = log(seed);
        let text = key.to_pem();
        assert_eq!(text.as_ref(), pem("PRIVATE KEY", &[&PKCS8[..], &[seed; 32]].concat()));
        for text in [text.as_ref().to_owned(), text.as_ref().replace('\n', "\r\n"), text.as_ref().trim_end().into()] {
            let read = SecretKey::from_pem(&text, ORIGIN, KeyType::Ed25519).unwrap();
            assert_eq!((read.key(), read.sign(b"x").unwrap()), (key.key(), key.sign(b"x").unwrap()));
        }
    }
}

/// The longer form of RFC 5958 carries the public key too. It has to be the right one.
#[test]
fn pem_with_the_public_key() {
    let (key, mut der) = (log(5), [&PKCS8[..], &[5; 32]].concat());
    (der[1], der[4]) = (0x51, 1);
    let with = |public: &[u8]| pem("PRIVATE KEY", &[&der, &[0x81, 0x21, 0][..], public].concat());
    assert_eq!(SecretKey::from_pem(&with(key.key().public()), ORIGIN, KeyType::Ed25519).unwrap().key(), key.key());
    assert!(SecretKey::from_pem(&with(log(6).key().public()), ORIGIN, KeyType::Ed25519).is_err());
}

/// What is no key is refused in words that never quote it.
#[test]
fn secrets_stay_secret() {
    let seed: [u8; 32] = std::array::from_fn(|i| 0x41 + i as u8);
    let key = SecretKey::from_seed(&seed, ORIGIN, KeyType::Ed25519).unwrap();
    let text = key.to_pem().as_ref().to_owned();
    let betrays = |said: &str| {
        let (hex, letters) = (Digest(seed).to_string(), base64(&seed));
        (0..56).any(|at| said.contains(&hex[at..at + 8])) || (0..36).any(|at| said.contains(&letters[at..at + 8])) || {
            let raw = str::from_utf8(&seed).unwrap();
            (0..24).any(|at| said.contains(&raw[at..at + 8]))
        }
    };
    assert!(betrays(&base64(&seed)) && betrays(&format!("{:?}", &Digest(seed))), "the test can fail");
    assert_eq!(format!("{key:?}"), format!("the secret half of {}", key.key()));
    assert!(!betrays(&format!("{key:?} {}", key.key())));

    let mut broken: Vec<String> = (0..text.len() - 1).map(|at| text[..at].to_owned()).collect();
    broken.extend((0..text.len()).map(|at| format!("{}{}", &text[..at], &text[at + 1..])));
    broken.extend((0..text.len()).map(|at| format!("{}*{}", &text[..at], &text[at + 1..])));
    let der = [&PKCS8[..], &seed].concat();
    broken.push(pem("PUBLIC KEY", &der));
    broken.push(pem("ENCRYPTED PRIVATE KEY", &der));
    broken.push(pem("OPENSSH PRIVATE KEY", &der));
    // X25519, and a seed one byte short.
    broken.push(pem("PRIVATE KEY", &[&PKCS8[..11], &[0x6e], &PKCS8[12..], &seed].concat()));
    broken.push(pem("PRIVATE KEY", &der[..der.len() - 1]));
    let mut refused = 0;
    for text in &broken {
        match SecretKey::from_pem(text, ORIGIN, KeyType::Ed25519) {
            // A line end more or less is still PEM.
            Ok(read) => assert_eq!(read.key(), key.key(), "{text}"),
            Err(error) => {
                let said = error.to_string();
                assert_eq!(said, "expected an Ed25519 private key, PKCS#8 in PEM, found something else");
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert!(!betrays(&format!("{error:?}")) && std::error::Error::source(&error).is_none());
                refused += 1;
            }
        }
    }
    assert!(refused + 3 > broken.len(), "{refused} of {}", broken.len());
    let error = SecretKey::from_pem(&text, "two words", KeyType::Ed25519).unwrap_err();
    assert_eq!(error.to_string(), "expected a name without white space, control characters and +, found two words");
    assert!(SecretKey::from_seed(&seed, "", KeyType::Ed25519).is_err_and(|error| !betrays(&format!("{error:?}"))));
}
