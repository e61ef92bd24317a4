//! Receipts of outside time stampers: what they are about, and the time they state.
//!
//! * RFC 3161: a response or a bare token in DER. Read are the digest that was stamped and the time; **the stamper's signature is
//!   not checked here**. Certificates are another world, and `openssl ts -verify` or the like lives in it.
//! * OpenTimestamps: a detached proof. Read is the digest that it is of; its time is in a block of a public chain.
//! * A receipt stamps a signed checkpoint, byte for byte. Whether it does is decided by the digest, which is enough to refuse a
//!   receipt of something else.

use der::{AnyRef, Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::{
    error::{Error, Result},
    time::Timestamp,
};

/// The longest receipt that is read: certificates come along.
pub const TIME_RECEIPT_BYTES_MAX: usize = 1 << 20;

/// A receipt of a time stamper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeReceipt {
    /// What kind of receipt it is.
    pub kind: TimeReceiptKind,
    /// The time it states. A claim until somebody has checked the receipt's signature.
    pub time: Option<Timestamp>,
    hash: Hash,
    digest: Vec<u8>,
}

/// Kinds of receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeReceiptKind {
    /// A time-stamp response or token of RFC 3161.
    Rfc3161,
    /// A detached OpenTimestamps proof.
    OpenTimestamps,
}

impl TimeReceiptKind {
    /// The word in an `anchor` event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rfc3161 => "rfc3161",
            Self::OpenTimestamps => "opentimestamps",
        }
    }

    /// What files of this kind end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Rfc3161 => "tsr",
            Self::OpenTimestamps => "ots",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What an OpenTimestamps proof starts with, then its major version and the byte for SHA-256.
const OTS: &[u8] = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08";

// Object identifiers, as DER has them: 1.2.840.113549.1.7.2, 1.2.840.113549.1.9.16.1.4, 2.16.840.1.101.3.4.2.1 to 3.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const SHA_2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

impl TimeReceipt {
    /// Reads a receipt.
    ///
    /// # Errors
    ///
    /// [`Damaged`](crate::ErrorKind::Damaged) if it is of neither kind, or stamps with another hash than SHA-2.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let inner = || {
            if bytes.len() > TIME_RECEIPT_BYTES_MAX {
                let found = bytes.len();
                return Err(Error::damaged(format!("expected at most {TIME_RECEIPT_BYTES_MAX} bytes, found {found}")));
            }
            if let Some(rest) = bytes.strip_prefix(OTS) {
                let digest =
                    rest.get(..32).ok_or_else(|| Error::damaged("expected a digest of 32 bytes, found less"))?;
                let kind = TimeReceiptKind::OpenTimestamps;
                return Ok(Self { kind, time: None, hash: Hash::Sha256, digest: digest.to_vec() });
            }
            rfc3161(bytes)
        };
        inner().map_err(|error| error.at("time receipt"))
    }

    /// Whether it is about these bytes.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        let digest = match self.hash {
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
            Hash::Sha384 => Sha384::digest(bytes).to_vec(),
            Hash::Sha512 => Sha512::digest(bytes).to_vec(),
        };
        digest == self.digest
    }
}

/// `TimeStampResp ::= SEQUENCE { status, token OPTIONAL }`, or the token alone, a `ContentInfo` that starts with its type.
fn rfc3161(bytes: &[u8]) -> Result<TimeReceipt> {
    let outer = sequence(bytes, "a time-stamp response or token in DER, or an OpenTimestamps proof")?;
    let token = match outer.first().map(|first| first.tag()) {
        Some(Tag::ObjectIdentifier) => outer,
        Some(Tag::Sequence) => match outer.get(1) {
            Some(token) => children(token.value(), "a token")?,
            None => return Err(Error::damaged("expected a response with a token, found one that was refused")),
        },
        _ => return Err(expected("a time-stamp response or token")),
    };
    // ContentInfo { SIGNED_DATA, [0] SignedData { version, digests, { TST_INFO, [0] OCTET STRING }, … } }
    let signed = explicit(&token, SIGNED_DATA, "signed data")?;
    let signed = sequence(signed, "signed data")?;
    let content = child(&signed, 2, Tag::Sequence, "the content that was signed")?;
    let content = children(content, "the content that was signed")?;
    let info = AnyRef::from_der(explicit(&content, TST_INFO, "time-stamp information")?);
    let info = info.ok().filter(|info| info.tag() == Tag::OctetString);
    let info = info.ok_or_else(|| expected("time-stamp information"))?;
    // TSTInfo { version, policy, { { hash, … }, digest }, serial, time, … }
    let info = sequence(info.value(), "time-stamp information")?;
    let imprint = children(child(&info, 2, Tag::Sequence, "a digest")?, "a digest")?;
    let algorithm = children(child(&imprint, 0, Tag::Sequence, "a hash")?, "a hash")?;
    let hash = match child(&algorithm, 0, Tag::ObjectIdentifier, "a hash")?.strip_prefix(SHA_2) {
        Some([1]) => Hash::Sha256,
        Some([2]) => Hash::Sha384,
        Some([3]) => Hash::Sha512,
        _ => return Err(expected("a digest by SHA-256, SHA-384 or SHA-512")),
    };
    let digest = child(&imprint, 1, Tag::OctetString, "a digest")?.to_vec();
    let time = generalized_time(child(&info, 4, Tag::GeneralizedTime, "a time")?)?;
    Ok(TimeReceipt { kind: TimeReceiptKind::Rfc3161, time: Some(time), hash, digest })
}

fn expected(what: &str) -> Error {
    Error::damaged(format!("expected {what}, found something else"))
}

/// The parts of one sequence that is all of `bytes`.
fn sequence<'a>(bytes: &'a [u8], what: &str) -> Result<Vec<AnyRef<'a>>> {
    let whole = AnyRef::from_der(bytes).ok().filter(|whole| whole.tag() == Tag::Sequence);
    children(whole.ok_or_else(|| expected(what))?.value(), what)
}

/// The values that `content` is, one after the other.
fn children<'a>(content: &'a [u8], what: &str) -> Result<Vec<AnyRef<'a>>> {
    let mut reader = SliceReader::new(content).map_err(|_| expected(what))?;
    let mut parts = vec![];
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader).map_err(|_| expected(what))?);
    }
    Ok(parts)
}

fn child<'a>(parts: &[AnyRef<'a>], at: usize, tag: Tag, what: &str) -> Result<&'a [u8]> {
    let part = parts.get(at).filter(|part| part.tag() == tag);
    part.map(|part| part.value()).ok_or_else(|| expected(what))
}

/// What stands in `[0]` behind this type.
fn explicit<'a>(parts: &[AnyRef<'a>], oid: &[u8], what: &str) -> Result<&'a [u8]> {
    match parts {
        [kind, content, ..]
            if kind.tag() == Tag::ObjectIdentifier && kind.value() == oid && content.tag().is_context_specific() =>
        {
            Ok(content.value())
        }
        _ => Err(expected(what)),
    }
}

/// `YYYYMMDDHHMMSS[.f…]Z`, as RFC 3161 narrows it.
fn generalized_time(text: &[u8]) -> Result<Timestamp> {
    let wrong = || Error::damaged(format!("expected a time YYYYMMDDHHMMSS[.f]Z, found {}", text.escape_ascii()));
    let whole = text.strip_suffix(b"Z").ok_or_else(wrong)?;
    let (seconds, fraction) = match whole.split_at_checked(14).ok_or_else(wrong)? {
        (seconds, []) => (seconds, &b""[..]),
        (seconds, [b'.', fraction @ ..]) if !fraction.is_empty() => (seconds, fraction),
        _ => return Err(wrong()),
    };
    let digits = str::from_utf8(seconds).map_err(|_| wrong())?;
    let fraction: String = fraction.iter().map(|byte| char::from(*byte)).chain("000000000".chars()).take(9).collect();
    let part = |range| digits.get(range).unwrap_or_default();
    let (date, time) =
        ([part(0..4), part(4..6), part(6..8)].join("-"), [part(8..10), part(10..12), part(12..14)].join(":"));
    format!("{date}T{time}.{fraction}Z").parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let header = match length {
            0..128 => vec![tag, length as u8],
            128..256 => vec![tag, 0x81, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [header, content.to_vec()].concat()
    }

    /// A token of `digest`, as a stamper would write it but for certificates and signature.
    fn token(oid: u8, digest: &[u8], time: &[u8]) -> Vec<u8> {
        let hash = der(0x30, &der(0x06, &[SHA_2, &[oid]].concat()));
        let imprint = der(0x30, &[hash, der(0x04, digest)].concat());
        let info = [der(2, &[1]), der(6, &[0x2a, 3]), imprint, der(2, &[7]), der(0x18, time)].concat();
        let content = [der(6, TST_INFO), der(0xa0, &der(4, &der(0x30, &info)))].concat();
        let signed = [der(2, &[3]), der(0x31, &[]), der(0x30, &content), der(0x31, &[])].concat();
        der(0x30, &[der(6, SIGNED_DATA), der(0xa0, &der(0x30, &signed))].concat())
    }

    #[test]
    fn responses_and_tokens() {
        let token = token(1, &Sha256::digest(b"note"), b"20260122160005.25Z");
        let response = der(0x30, &[der(0x30, &der(2, &[0])), token.clone()].concat());
        for bytes in [&token, &response] {
            let receipt = TimeReceipt::parse(bytes).unwrap();
            assert_eq!(receipt.kind, TimeReceiptKind::Rfc3161);
            assert_eq!(receipt.time.unwrap().to_string(), "2026-01-22T16:00:05.250000000Z");
            assert!(receipt.is_of(b"note") && !receipt.is_of(b"another note"));
        }
        let refused = der(0x30, &der(0x30, &der(2, &[2])));
        let message = "time receipt: expected a response with a token, found one that was refused";
        assert_eq!(TimeReceipt::parse(&refused).unwrap_err().to_string(), message);
    }

    #[test]
    fn other_hashes() {
        assert!(TimeReceipt::parse(&token(3, &Sha512::digest(b"note"), b"20260122160005Z")).unwrap().is_of(b"note"));
        assert!(TimeReceipt::parse(&token(2, &Sha384::digest(b"note"), b"20260122160005Z")).unwrap().is_of(b"note"));
        assert!(TimeReceipt::parse(&token(4, b"", b"20260122160005Z")).is_err());
    }

    #[test]
    fn opentimestamps() {
        let proof = [OTS, &Sha256::digest(b"note"), b"\xf0..."].concat();
        let receipt = TimeReceipt::parse(&proof).unwrap();
        assert_eq!((receipt.kind, receipt.time), (TimeReceiptKind::OpenTimestamps, None));
        assert!(receipt.is_of(b"note") && !receipt.is_of(b""));
        assert!(TimeReceipt::parse(&proof[..OTS.len() + 31]).is_err());
    }

    /// Cut anywhere, and with any byte changed: an error or another receipt, never a panic.
    #[test]
    fn damage() {
        let token = token(1, &Sha256::digest(b"note"), b"20260122160005Z");
        for at in 0..token.len() {
            assert!(TimeReceipt::parse(&token[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut changed = token.clone();
                changed[at] ^= 1 << bit;
                drop(TimeReceipt::parse(&changed));
            }
        }
        for time in
            [&b"20260122160060Z"[..], b"20260229000000Z", b"2026012216000Z", b"20260122160005.Z", b"20260122160005"]
        {
            assert!(generalized_time(time).is_err(), "{}", time.escape_ascii());
        }
    }
}
