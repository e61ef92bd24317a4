//! Links: the lines of a ledger.
//!
//! * `e_n = hex(chain_(n-1)) || op || detail || ts`, `chain_n = SHA-256(e_n)`, `line = hex(chain_n) SP e_n LF`.
//! * The operands delimit themselves: 64 digits, a word without `{`, an object that starts with `{`, 30 bytes. So a
//!   line is taken apart without a look inside the object, and no two events share their bytes.
//! * What is hashed is the stored bytes, never a text made again from a value. Whether the text is canonical is
//!   another question, asked after.
//! * A line is a line only with its LF.

use std::{fmt, str::FromStr};

use crate::{
    detail::{Detail, Op},
    digest::Digest,
    error::{Error, ErrorKind, Result},
    json,
    time::{self, Timestamp},
    tree::leaf_hash,
};

/// Bytes of a digest's text.
const HEX_BYTES: usize = 64;
/// The longest `e_n`: it is an entry of a transparency log, whose length there has 16 bits.
pub const EVENT_BYTES_MAX: usize = 65_535;
/// The longest line of an event, LF included.
pub const LINE_BYTES_MAX: usize = HEX_BYTES + 1 + EVENT_BYTES_MAX + 1;
/// The shortest `e_n`: an operation has at least three letters, an object two braces.
const EVENT_BYTES_MIN: usize = HEX_BYTES + 3 + 2 + time::TEXT_BYTES;

/// One event, read from its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 0.
    pub n: u64,
    /// What it says.
    pub detail: Detail,
    /// When, as its writer says.
    pub ts: Timestamp,
    /// The chain value before it.
    pub prev: Digest,
    /// The chain value after it.
    pub chain: Digest,
    /// Its leaf in the tree over events.
    pub leaf: Digest,
}

impl Event {
    /// The operation.
    pub fn op(&self) -> Op {
        self.detail.kind.op()
    }

    /// The receipt for the history up to this event.
    pub fn head(&self) -> ChainHead {
        ChainHead { n: self.n, chain: self.chain }
    }
}

/// A new line, not yet written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The bytes to append to the ledger, LF included.
    pub line: Vec<u8>,
    /// The chain value after it.
    pub chain: Digest,
    /// What a reader will read from the line.
    pub event: Event,
}

/// Makes the line of event `n` after chain value `prev`.
///
/// The line is read back before it is returned, so what is written can be read.
///
/// # Errors
///
/// [`ErrorKind::TooLarge`] if the event has more than [`EVENT_BYTES_MAX`] bytes, [`ErrorKind::Invalid`] if the detail
/// says something that the format cannot.
pub fn link(prev: Digest, n: u64, detail: &Detail, ts: Timestamp) -> Result<Link> {
    let place = |error: Error| error.at(format_args!("event {n}"));
    let object = detail.to_json(n).and_then(|value| json::encode(&value)).map_err(place)?;
    let event = format!("{prev}{}{object}{ts}", detail.kind.op());
    if event.len() > EVENT_BYTES_MAX {
        let message = format!("expected at most {EVENT_BYTES_MAX} bytes, found {}", event.len());
        return Err(place(Error::new(ErrorKind::TooLarge, message)));
    }
    let line = format!("{} {event}\n", Digest::of(event.as_bytes())).into_bytes();
    let event = parse_line(&line).map_err(|error| place(error.with_kind(ErrorKind::Invalid)))?;
    Ok(Link { line, chain: event.chain, event })
}

/// Reads one line, LF included: its own hash, its framing, the canonical form and the types of its detail.
///
/// That it follows the line before is [`crate::verify_chain`]'s to check.
///
/// # Errors
///
/// [`ErrorKind::Torn`] without an LF, [`ErrorKind::Unknown`] for an intact line with an operation of another version,
/// else [`ErrorKind::Damaged`].
pub fn parse_line(line: &[u8]) -> Result<Event> {
    Frame::parse(line)?.event()
}

/// A line whose hash and framing hold, not yet looked into: enough to follow the chain past operations that this
/// version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The chain value before it.
    pub prev: Digest,
    /// The chain value after it.
    pub chain: Digest,
    /// The operation's word.
    pub op: &'a str,
    /// The detail's text.
    pub detail: &'a str,
    /// When, as its writer says.
    pub ts: Timestamp,
    /// `e_n`: what the link hashes, and what the leaf of the tree over events hashes.
    pub preimage: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a line apart, LF included.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Torn`] without an LF, else [`ErrorKind::Damaged`].
    pub fn parse(line: &'a [u8]) -> Result<Self> {
        Self::parse_inner(line).map_err(|error| error.at("line"))
    }

    fn parse_inner(line: &'a [u8]) -> Result<Self> {
        let Some(text) = line.strip_suffix(b"\n") else {
            let message = format!("expected an LF at the end, found {} bytes without", line.len());
            return Err(Error::new(ErrorKind::Torn, message));
        };
        let bytes = HEX_BYTES + 1 + EVENT_BYTES_MIN..=HEX_BYTES + 1 + EVENT_BYTES_MAX;
        if !bytes.contains(&text.len()) {
            let (min, max, found) = (bytes.start(), bytes.end(), text.len());
            return Err(Error::damaged(format!("expected {min} to {max} bytes, found {found}")));
        }
        let (hex, rest) = text.split_at(HEX_BYTES);
        let chain = Digest::from_hex(hex)
            .ok_or_else(|| Error::damaged("expected 64 lower-case hexadecimal digits at the start"))?;
        let preimage = rest
            .strip_prefix(b" ")
            .ok_or_else(|| Error::damaged("expected a blank after the chain value, found another byte"))?;
        let found = Digest::of(preimage);
        if found != chain {
            return Err(Error::damaged(format!("expected hash {chain}, found {found}")));
        }
        let (prev, rest) = preimage.split_at(HEX_BYTES);
        let prev = Digest::from_hex(prev)
            .ok_or_else(|| Error::damaged("expected 64 lower-case hexadecimal digits before the operation"))?;
        let (middle, ts) = rest.split_at(rest.len() - time::TEXT_BYTES);
        let ts = Timestamp::from_text(ts)
            .ok_or_else(|| Error::damaged("expected a time YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ at the end"))?;
        let middle = str::from_utf8(middle).map_err(|_| Error::damaged("expected UTF-8"))?;
        let at = middle.find('{').ok_or_else(|| Error::damaged("expected an object after the operation"))?;
        let (op, detail) = middle.split_at(at);
        if !(3..=16).contains(&op.len()) || !op.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')) {
            return Err(Error::damaged("expected an operation of 3 to 16 of a-z _"));
        }
        Ok(Self { prev, chain, op, detail, ts, preimage })
    }

    /// Reads the detail.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unknown`] if the operation is of another version, [`ErrorKind::Damaged`] if the detail is not
    /// canonical or a known member has another type.
    pub fn event(&self) -> Result<Event> {
        let value = json::decode(self.detail.as_bytes()).map_err(|error| error.at("detail"))?;
        let op = Op::from_word(self.op)?;
        let (n, detail) = Detail::from_json(op, value)
            .map_err(|error| error.with_kind(ErrorKind::Damaged).at(format_args!("{op} detail")))?;
        Ok(Event { n, detail, ts: self.ts, prev: self.prev, chain: self.chain, leaf: leaf_hash(self.preimage) })
    }
}

/// Splits a ledger into its complete lines and what follows the last LF: a torn write, or nothing.
///
/// ```
/// assert_eq!(at1_ledger::split_tail(b"header\nevent\ntor"), (&b"header\nevent\n"[..], &b"tor"[..]));
/// ```
pub fn split_tail(ledger: &[u8]) -> (&[u8], &[u8]) {
    let end = ledger.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    ledger.split_at(end)
}

/// A receipt: the number and chain value of an event, and with it of the whole history before. Written `N:hex`.
///
/// Kept anywhere outside the table, it later shows that this history is still the one it was, without any key.
///
/// ```
/// use at1_ledger::ChainHead;
///
/// let text = "5:5644cb9b01429cde4c34eca1bbd7f2e99d7f28de8577e6dee9ef718821598243";
/// let head: ChainHead = text.parse()?;
/// assert_eq!(head.n, 5);
/// assert_eq!(head.to_string(), text);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHead {
    /// The event's number.
    pub n: u64,
    /// The chain value after it.
    pub chain: Digest,
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.n, self.chain)
    }
}

impl FromStr for ChainHead {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (number, chain) = text.split_once(':')?;
            let n: u64 = number.parse().ok()?;
            // One text per number: no sign, no leading zero.
            (n.to_string() == number).then_some(Self { n, chain: chain.parse().ok()? })
        };
        parse().ok_or_else(|| Error::invalid(format!("expected a receipt N:hex, found {text:.90}")))
    }
}
