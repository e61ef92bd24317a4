//! Verification of a ledger by itself: every hash, every link, and the fold of the events.
//!
//! * Everything is recomputed from the bytes; nothing stored is believed.
//! * A line without LF is torn, a line with LF and a wrong hash is damage: the two are never confused.
//! * Nothing here can find a history that was cut short, replaced as a whole, or forked. That takes memory outside the
//!   table, such as a receipt: [`ChainReport::check`].

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead},
};

use crate::{
    detail::Kind,
    digest::Digest,
    error::{Error, ErrorKind},
    finding::{Code, Finding, Verdict, verdict},
    header::Header,
    link::{ChainHead, Event, Frame, LINE_BYTES_MAX},
    state::State,
    time::{CLOCK_AHEAD_MAX_NANOS, Timestamp},
    tree::{Frontier, leaf_hash},
};

/// What [`verify_chain`] found.
#[derive(Debug, Clone)]
pub struct ChainReport {
    /// The first line, if it holds.
    pub header: Option<Header>,
    /// How many events link up from the genesis.
    pub events: u64,
    /// The chain value after them; the genesis if there are none.
    pub chain: Option<Digest>,
    /// The root of the RFC 6962 tree over them.
    pub root: Digest,
    /// Changes of signing keys, as the events claim them.
    pub keys: Vec<KeyEvent>,
    /// Receipts of outside time stampers that events took in.
    pub anchors: Vec<AnchorEvent>,
    /// The length of the complete lines that hold: where a torn tail begins.
    pub whole_bytes: u64,
    /// The length of a torn tail.
    pub torn: Option<u64>,
    /// The fold of the events, as far as they are known and do not contradict each other.
    pub state: Option<State>,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    pub(crate) tree: Frontier,
    chains: Vec<Digest>,
    roots: BTreeMap<u64, Digest>,
}

/// A `key` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEvent {
    /// Its number.
    pub n: u64,
    /// The new key, as a verifier key.
    pub add: Option<String>,
    /// The key that signs no longer.
    pub retire: Option<String>,
    /// The root of the tree that ends with this event.
    pub root: Digest,
}

/// An `anchor` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorEvent {
    /// Its number.
    pub n: u64,
    /// How many events the receipt covers.
    pub size: u64,
    /// What kind of receipt it is.
    pub kind: String,
    /// The receipt's digest.
    pub sha256: Digest,
}

/// What a receipt says about a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// This history, up to the receipt's event, is the one that the receipt was given for.
    Held,
    /// The history ends before the receipt's event: it was cut short, or an older copy was put back.
    Shorter {
        /// How many events there are.
        events: u64,
    },
    /// It is another history.
    Differs {
        /// The chain value after the receipt's event here.
        found: Digest,
    },
}

impl ChainReport {
    /// Whether the chain recomputes from its genesis and its events agree.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.findings)
    }

    /// The receipt for the newest event that links up.
    pub fn head(&self) -> Option<ChainHead> {
        Some(ChainHead { n: self.events.checked_sub(1)?, chain: *self.chains.last()? })
    }

    /// The root of the tree over the first `size` events, if the ledger has as many and the size was asked for: see
    /// [`verify_chain_at`]. Known besides are the sizes 0 and that of all events.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        if size == self.events { Some(self.root) } else { self.roots.get(&size).copied() }
    }

    /// Whether this is the history that a receipt was given for.
    pub fn check(&self, receipt: &ChainHead) -> Receipt {
        match usize::try_from(receipt.n).ok().and_then(|n| self.chains.get(n)) {
            None => Receipt::Shorter { events: self.events },
            Some(chain) if *chain == receipt.chain => Receipt::Held,
            Some(chain) => Receipt::Differs { found: *chain },
        }
    }

    /// A finding if the newest event is more than five minutes later than `now`. It is not tampering: some clock is
    /// wrong.
    pub fn clock_ahead(&self, now: Timestamp) -> Option<Finding> {
        let ts = self.state.as_ref()?.ts()?;
        (ts.nanos() - now.nanos() > CLOCK_AHEAD_MAX_NANOS).then(|| Finding {
            code: Code::ClockAhead,
            place: format!("event {}", self.events.saturating_sub(1)),
            message: format!("expected a time before {now}, found {ts}"),
        })
    }

    /// Keeps what the fold does not.
    fn note(&mut self, event: Event) {
        let n = event.n;
        match event.detail.kind {
            Kind::Key { add, retire, .. } => self.keys.push(KeyEvent { n, add, retire, root: self.tree.root() }),
            Kind::Anchor { size, receipt, sha256, .. } => {
                self.anchors.push(AnchorEvent { n, size, kind: receipt, sha256 });
            }
            _ => {}
        }
    }

    fn add(&mut self, error: &Error, place: &str) {
        let code = match error.kind() {
            ErrorKind::Contradiction => Code::Contradiction,
            ErrorKind::Unknown => Code::Unknown,
            ErrorKind::Torn => Code::Torn,
            ErrorKind::Io => Code::Unreadable,
            _ => Code::Damaged,
        };
        let message = match std::error::Error::source(error) {
            None => error.message().to_owned(),
            Some(source) => format!("{}: {source}", error.message()),
        };
        let inner = error.place();
        let place =
            if inner.is_empty() || place.is_empty() { format!("{place}{inner}") } else { format!("{place}: {inner}") };
        self.findings.push(Finding { code, place, message });
    }

    fn torn_tail(&mut self, bytes: u64, place: &str) {
        self.torn = Some(bytes);
        let message = format!("expected an LF at the end, found {bytes} bytes without");
        self.findings.push(Finding { code: Code::Torn, place: place.into(), message });
    }

    fn too_long(&mut self, place: &str) {
        let message = format!("expected a line of at most {LINE_BYTES_MAX} bytes, found a longer one");
        self.findings.push(Finding { code: Code::Damaged, place: place.into(), message });
    }
}

/// Recomputes a ledger from its first line: every hash, every link, and the fold of the events.
///
/// It stops at the first damage, for nothing after it links up; an operation that it does not know only ends the fold.
pub fn verify_chain(ledger: &[u8]) -> ChainReport {
    verify_chain_from(ledger)
}

/// As [`verify_chain`], of a ledger of any length, in memory for one line and the report.
///
/// A reader's error becomes a finding: what follows could not be decided.
pub fn verify_chain_from(ledger: impl BufRead) -> ChainReport {
    verify_chain_at(ledger, &BTreeSet::new())
}

/// As [`verify_chain_from`]; the report has the roots of the trees of these sizes too, as far as the ledger has them.
pub fn verify_chain_at(mut ledger: impl BufRead, sizes: &BTreeSet<u64>) -> ChainReport {
    let mut report = ChainReport {
        header: None,
        events: 0,
        chain: None,
        root: Frontier::new().root(),
        keys: vec![],
        anchors: vec![],
        whole_bytes: 0,
        torn: None,
        state: None,
        findings: Vec::new(),
        tree: Frontier::new(),
        chains: Vec::new(),
        roots: BTreeMap::from([(0, Frontier::new().root())]),
    };
    if let Err(error) = verify_lines(&mut ledger, &mut report, sizes) {
        let place = match report.header {
            None => "header".to_owned(),
            Some(_) => format!("event {}", report.events),
        };
        report.add(&Error::from(error), &place);
    }
    report.root = report.tree.root();
    report
}

fn verify_lines(ledger: &mut impl BufRead, report: &mut ChainReport, sizes: &BTreeSet<u64>) -> io::Result<()> {
    let mut line = Vec::new();
    match read_line(ledger, &mut line)? {
        Line::Complete => {}
        // No event can be without a header, so an empty file is a header that was never written.
        Line::End => {
            report.torn_tail(0, "header");
            return Ok(());
        }
        Line::Torn { bytes } => {
            report.torn_tail(bytes, "header");
            return Ok(());
        }
        Line::TooLong => {
            report.too_long("header");
            return Ok(());
        }
    }
    let header = match Header::parse(&line[..line.len() - 1]) {
        Ok(header) => header,
        Err(error) => {
            // Another version, or this one damaged? The first event tells, if it is a line of ours.
            let found = Digest::of(&line[..line.len() - 1]);
            let follows = match read_line(ledger, &mut line)? {
                Line::Complete => Frame::parse(&line).ok().map(|frame| frame.prev),
                _ => None,
            };
            match follows.filter(|follows| error.kind() == ErrorKind::Unknown && *follows != found) {
                Some(follows) => {
                    let message = format!("expected hash {follows}, which event 0 follows, found {found}");
                    report.add(&Error::damaged(message), "header");
                }
                None => report.add(&error, ""),
            }
            return Ok(());
        }
    };
    let mut chain = header.genesis();
    report.chain = Some(chain);
    report.whole_bytes = line.len() as u64;
    let mut state = State::new(&header);
    let mut folding = true;
    let mut last_ts = None;
    report.header = Some(header);
    loop {
        let place = format!("event {}", report.events);
        match read_line(ledger, &mut line)? {
            Line::Complete => {}
            Line::End => break,
            Line::Torn { bytes } => {
                report.torn_tail(bytes, &place);
                break;
            }
            Line::TooLong => {
                report.too_long(&place);
                break;
            }
        }
        let frame = match Frame::parse(&line) {
            Ok(frame) if frame.prev == chain => frame,
            Ok(frame) => {
                let message = format!("expected chain value {chain} before it, found {}", frame.prev);
                report.add(&Error::damaged(message), &place);
                break;
            }
            Err(error) => {
                report.add(&error, &place);
                break;
            }
        };
        chain = frame.chain;
        report.tree.push_hash(leaf_hash(frame.preimage));
        if sizes.contains(&report.tree.size()) {
            report.roots.insert(report.tree.size(), report.tree.root());
        }
        if folding {
            match frame.event().and_then(|event| state.check_and_apply(&event, None).map(|()| event)) {
                Ok(event) => report.note(event),
                Err(error) => {
                    report.add(&error, &place);
                    folding = false;
                }
            }
        } else if last_ts.is_some_and(|last| last >= frame.ts) {
            report.add(&Error::contradiction("expected a later time than the event before"), &place);
        }
        last_ts = Some(frame.ts);
        report.chains.push(chain);
        report.chain = Some(chain);
        report.events += 1;
        report.whole_bytes += line.len() as u64;
    }
    report.state = Some(state);
    Ok(())
}

enum Line {
    /// The buffer holds a line with its LF.
    Complete,
    /// Nothing follows.
    End,
    /// So many bytes follow, without an LF.
    Torn { bytes: u64 },
    /// A line with its LF, longer than any event's.
    TooLong,
}

/// Reads a line into `line`, never more than the longest event's; the rest of a longer one is only counted.
fn read_line(ledger: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let mut dropped = 0;
    loop {
        let chunk = match ledger.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let found = chunk.iter().position(|byte| *byte == b'\n');
        let taken = found.map_or(chunk.len(), |at| at + 1);
        if taken == 0 {
            let bytes = line.len() as u64 + dropped;
            return Ok(if bytes == 0 { Line::End } else { Line::Torn { bytes } });
        }
        let kept = taken.min(LINE_BYTES_MAX - line.len());
        line.extend_from_slice(&chunk[..kept]);
        dropped += (taken - kept) as u64;
        ledger.consume(taken);
        if found.is_some() {
            return Ok(if dropped == 0 { Line::Complete } else { Line::TooLong });
        }
    }
}
