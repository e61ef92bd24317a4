//! A time stamper (RFC 3161) that remembers what it gave. Its tokens lack certificates and a signature, so whoever checks one asks it.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use at1_ledger::{Digest, TimeReceiptKind, Timestamp};
use at1_table::StampCheck;

/// A stamper; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stamper(Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl Stamper {
    /// A receipt that `bytes` were there at a time.
    pub(crate) fn stamp(&self, bytes: &[u8], seconds: u64) -> Vec<u8> {
        let receipt = token(bytes, seconds);
        self.0.lock().unwrap().insert(receipt.clone(), bytes.to_vec());
        receipt
    }
}

impl StampCheck for Stamper {
    fn is_good(&self, _: TimeReceiptKind, receipt: &[u8], stamped: &[u8]) -> io::Result<bool> {
        Ok(self.0.lock().unwrap().get(receipt).is_some_and(|bytes| bytes == stamped))
    }
}

/// A token that nobody vouches for.
pub(crate) fn token(bytes: &[u8], seconds: u64) -> Vec<u8> {
    const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
    const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    let imprint = der(0x30, &[der(0x30, &der(6, SHA_256)), der(4, &Digest::of(bytes).0)].concat());
    let info = [der(2, &[1]), der(6, &[0x2a, 3]), imprint, der(2, &[7]), der(0x18, &digits(seconds))].concat();
    let content = [der(6, TST_INFO), der(0xa0, &der(4, &der(0x30, &info)))].concat();
    let signed = [der(2, &[3]), der(0x31, &[]), der(0x30, &content), der(0x31, &[])].concat();
    der(0x30, &[der(6, SIGNED_DATA), der(0xa0, &der(0x30, &signed))].concat())
}

/// The time as `YYYYMMDDHHMMSSZ`.
fn digits(seconds: u64) -> Vec<u8> {
    let text = time(seconds).to_string();
    let digits = text[..19].bytes().filter(u8::is_ascii_digit);
    digits.chain(*b"Z").collect()
}

pub(crate) fn time(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(i128::from(seconds) * 1_000_000_000).unwrap()
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let head = if length < 128 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [head, content.to_vec()].concat()
}
