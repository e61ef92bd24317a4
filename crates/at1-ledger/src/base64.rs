//! Base64 with one text per value: standard alphabet, padding, no line breaks (RFC 4648, section 4).
//!
//! * A text is accepted only if encoding what it stands for gives it back. Otherwise the bits behind the last byte could be
//!   changed in a proof and nobody would notice.

use base64ct::{Base64, Encoding as _};

use crate::{
    digest::Digest,
    error::{Error, Result},
};

pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

pub(crate) fn decode(text: &str) -> Result<Vec<u8>> {
    let bytes = Base64::decode_vec(text).ok().filter(|bytes| encode(bytes) == text);
    bytes.ok_or_else(|| Error::damaged(format!("expected canonical base64, found {text:.60}")))
}

pub(crate) fn decode_digest(text: &str) -> Result<Digest> {
    let bytes = decode(text)?;
    let found = bytes.len();
    let digest = bytes.try_into().map_err(|_| Error::damaged(format!("expected 32 bytes of base64, found {found}")))?;
    Ok(Digest(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_per_value() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", &[0xff; 64]] {
            assert_eq!(decode(&encode(bytes)).unwrap(), bytes);
        }
        // Unused bits that are not zero, missing or surplus padding, blanks, the other alphabet.
        for text in ["YR==", "YWJ=", "YQ", "YQ=", "YQ===", "YQ==\n", " YQ==", "Y Q==", "_-_-", "YQ==YQ=="] {
            assert!(decode(text).is_err(), "{text:?}");
        }
        assert!(decode_digest("YQ==").is_err());
    }
}
