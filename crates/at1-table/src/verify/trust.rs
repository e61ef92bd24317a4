//! What stands outside the directory, held against what lies in it: a policy, a memory, checkpoints seen elsewhere, receipts.
//!
//! * What is asked for is the verifier's to say. What lies beside the ledger is taken as far as a key of the policy leads.
//! * A checkpoint that the ledger does not bear out contradicts it, whoever signed it: no signature is needed to see that.
//! * The largest checkpoint that satisfies the policy counts; newer ones may still be on their way to the witnesses. Events behind
//!   it are anybody's who can write the directory, and are counted.

use std::{collections::BTreeSet, fmt, io, sync::Arc, time::Duration};

use at1_ledger::{
    CLOCK_AHEAD_MAX_NANOS, ChainReport, Digest, Handovers, Header, Memory, Quorum, Recall, SignedCheckpoint,
    TimeReceiptKind, Times, Timestamp, Trust, VerifierKey,
};

use super::{Code, Evidence, Finding, Level, Trusted, VerifyOptions, VerifyReport};
use crate::{
    attest::{Anchor, Kept},
    error::ErrorKind,
    paths,
};

/// Checks the signature of a time stamper's receipt, which takes certificates or a public chain that this crate knows nothing of.
pub trait StampCheck: fmt::Debug + Send + Sync {
    /// Whether `receipt` is a good one for exactly the bytes `stamped`.
    ///
    /// # Errors
    /// If that could not be found out.
    fn is_good(&self, kind: TimeReceiptKind, receipt: &[u8], stamped: &[u8]) -> io::Result<bool>;
}

/// How many events may follow the newest checkpoint that satisfies the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxUnsigned {
    /// So many.
    Events(u64),
    /// Any that are not older than this.
    Age(Duration),
}

/// The sizes at which the ledger's root is needed.
pub(super) fn sizes(kept: &Kept, options: &VerifyOptions) -> BTreeSet<u64> {
    let notes = kept.all().chain(&options.seen).map(|note| note.checkpoint().size);
    notes.chain(options.memory.iter().map(Memory::size)).collect()
}

pub(super) fn check(
    kept: &Kept,
    chain: &ChainReport,
    options: &VerifyOptions,
    now: Timestamp,
    report: &mut VerifyReport,
) {
    let Some(header) = &chain.header else { return };
    let mut run = Run { kept, chain, header, options, now, report, times: Times::default(), fresh: vec![] };
    run.faults();
    let fitting = run.fitting();
    let handovers = run.policy(&fitting);
    run.memory();
    run.seen(handovers.as_ref());
    run.anchors(handovers.as_ref());
    run.age();
    run.report.times = run.times;
}

/// One check.
struct Run<'a> {
    kept: &'a Kept,
    chain: &'a ChainReport,
    header: &'a Header,
    options: &'a VerifyOptions,
    now: Timestamp,
    report: &'a mut VerifyReport,
    times: Times,
    /// Times at which others saw the newest that they knew of.
    fresh: Vec<Timestamp>,
}

impl Run<'_> {
    fn find(&mut self, code: Code, place: impl Into<String>, message: impl Into<String>) {
        self.report.findings.push(Finding::new(code, place, message));
    }

    fn reach(&mut self, level: Level) {
        self.report.levels.insert(level);
    }

    fn faults(&mut self) {
        for (path, what) in &self.kept.faults {
            self.find(Code::Kept, path.clone(), what.clone());
        }
        if let Some(error) = &self.kept.unread {
            let code = if error.kind() == ErrorKind::Corrupt { Code::Kept } else { Code::Unreadable };
            self.find(code, error.place(), error.to_string());
        }
    }

    /// The checkpoints beside the ledger that it bears out, the largest first.
    fn fitting(&mut self) -> Vec<SignedCheckpoint> {
        let mut fitting: Vec<SignedCheckpoint> = vec![];
        for note in self.kept.all() {
            match self.compare(note) {
                Fit::Fits => fitting.push(note.clone()),
                Fit::Ahead => {
                    // A ledger that is damaged further on has lost its end to that.
                    if self.report.chain != Some(false) {
                        let events = self.chain.events;
                        let size = note.checkpoint().size;
                        let message = format!(
                            "expected the {size} events that it is of, found {events}: the history was cut short"
                        );
                        self.find(Code::CheckpointAhead, place(note), message);
                    }
                }
                Fit::Differs(message) => self.find(Code::CheckpointDiffers, place(note), message),
            }
        }
        fitting.sort_by_key(|note| std::cmp::Reverse(note.checkpoint().size));
        fitting.dedup();
        fitting
    }

    fn compare(&self, note: &SignedCheckpoint) -> Fit {
        let checkpoint = note.checkpoint();
        if checkpoint.origin != self.header.origin() {
            let message = format!("expected origin {}, found {}", self.header.origin(), checkpoint.origin);
            return Fit::Differs(message);
        }
        match self.chain.root_at(checkpoint.size) {
            Some(root) if root == checkpoint.root => Fit::Fits,
            Some(root) => {
                Fit::Differs(format!("expected root {root} of {} events, found {}", checkpoint.size, checkpoint.root))
            }
            None => Fit::Ahead,
        }
    }

    /// What the policy makes of the checkpoints.
    fn policy(&mut self, fitting: &[SignedCheckpoint]) -> Option<Handovers> {
        let policy = self.options.policy.as_ref()?;
        if let Some(weakness) = policy.weakness() {
            self.find(Code::WeakQuorum, "policy", weakness);
        }
        let handovers = match Handovers::follow(policy, self.header.origin(), &self.chain.keys, fitting) {
            Ok(handovers) => handovers,
            Err(error) => {
                self.find(Code::Untrusted, "policy", error.to_string());
                return None;
            }
        };
        for refused in handovers.refused() {
            self.find(Code::Handover, format!("event {}", refused.event), refused.why.clone());
        }
        let mut missing = None;
        let mut trusted: Option<Trusted> = None;
        for note in fitting {
            let trust = match policy.weigh_by(note, &handovers.keys_at(note.checkpoint().size)) {
                Ok(trust) => trust,
                Err(error) => {
                    self.find(Code::BadSignature, place(note), error.to_string());
                    continue;
                }
            };
            self.stated(note, &trust);
            match trust.expect() {
                Ok(()) if trusted.is_none() => {
                    trusted = Some(Trusted {
                        size: note.checkpoint().size,
                        signed: trust.signed.iter().map(VerifierKey::to_string).collect(),
                        cosigned: trust.cosigned.iter().map(|cosigned| cosigned.name.to_string()).collect(),
                        quorum: trust.quorum,
                    });
                }
                Ok(()) => {}
                Err(error) => missing = missing.or_else(|| Some((place(note), error.message().to_owned()))),
            }
        }
        match (&trusted, missing) {
            (Some(trusted), _) => {
                self.report.levels.insert(Level::Signed);
                if matches!(trusted.quorum, Quorum::Met { .. }) {
                    self.report.levels.insert(Level::Witnessed);
                }
            }
            (None, Some((place, message))) => self.find(Code::Untrusted, place, message),
            (None, None) => {
                let message =
                    "expected a checkpoint signed by a log key of the policy, found none that the ledger bears out";
                self.find(Code::Unsigned, paths::CHECKPOINT, message);
            }
        }
        self.uncovered(trusted.as_ref());
        self.report.trusted = trusted;
        Some(handovers)
    }

    /// Keeps the times that the policy's witnesses stated.
    fn stated(&mut self, note: &SignedCheckpoint, trust: &Trust) {
        let size = note.checkpoint().size;
        for cosigned in &trust.cosigned {
            for seconds in BTreeSet::from([cosigned.first, cosigned.last]) {
                if let Some(time) = posix(seconds) {
                    self.times.saw(size, time, &cosigned.name.to_string());
                }
            }
        }
        if let Quorum::Met { fresh_at, .. } = trust.quorum {
            self.fresh.extend(posix(fresh_at));
        }
    }

    /// Events that no checkpoint which satisfies the policy covers.
    fn uncovered(&mut self, trusted: Option<&Trusted>) {
        let covered = trusted.map_or(0, |trusted| trusted.size);
        let uncovered = self.chain.events.saturating_sub(covered);
        self.report.uncovered = Some(uncovered);
        if uncovered == 0 {
            return;
        }
        let place = format!("event {covered}");
        let oldest = self.chain.state.as_ref().and_then(|state| state.ts_of(covered));
        let too_many = match self.options.max_unsigned {
            None => None,
            Some(MaxUnsigned::Events(most)) if uncovered <= most => None,
            Some(MaxUnsigned::Events(most)) => Some(format!("expected at most {most} events, found {uncovered}")),
            Some(MaxUnsigned::Age(most)) => {
                let age = oldest.map(|ts| self.now.nanos() - ts.nanos());
                let is_old = age.is_none_or(|age| age > i128::try_from(most.as_nanos()).unwrap_or(i128::MAX));
                let since = oldest.map_or("an unknown time".to_owned(), |ts| ts.to_string());
                is_old.then(|| format!("expected none older than {} s, found one of {since}", most.as_secs()))
            }
        };
        match too_many {
            Some(message) => {
                let message = format!("{message} behind the newest checkpoint that satisfies the policy");
                self.find(Code::Stale, place, message);
            }
            None if trusted.is_some() => {
                let message =
                    format!("{uncovered} from here on are behind the newest checkpoint that satisfies the policy");
                self.find(Code::Uncovered, place, message);
            }
            // That nothing is signed was said.
            None => {}
        }
    }

    fn memory(&mut self) {
        let Some(memory) = &self.options.memory else { return };
        let size = memory.size();
        let (code, message, found) = match memory.recall(self.chain) {
            Recall::Extends => {
                if size > 0 {
                    self.reach(Level::ExtendsMemory);
                }
                return;
            }
            Recall::Shorter { events } => (
                Code::MemoryShorter,
                format!(
                    "expected the {size} events that are remembered, found {events}: the history was cut short, or an older copy put back"
                ),
                None,
            ),
            Recall::Differs { found } => (
                Code::MemoryDiffers,
                format!("expected root {}, found {found}: the history was written again", memory.checkpoint().root),
                Some(found),
            ),
            Recall::Other { found } => {
                let found = found.map_or("none".to_owned(), |genesis| genesis.to_string());
                let message = format!(
                    "expected the ledger {} that is remembered, found genesis {found}",
                    memory.checkpoint().origin
                );
                (Code::MemoryOther, message, None)
            }
        };
        self.find(code, format!("memory of {size} events"), message);
        let remembered = memory.checkpoint();
        self.evidence(Evidence {
            origin: remembered.origin,
            size,
            remembered_root: remembered.root,
            remembered_note: memory.note.clone(),
            found_root: found,
            found_note: None,
        });
    }

    fn evidence(&mut self, evidence: Evidence) {
        let found_note = self.kept.newest.as_ref().map(ToString::to_string);
        self.report.evidence.push(Evidence { found_note, ..evidence });
    }

    /// Checkpoints that came from elsewhere.
    fn seen(&mut self, handovers: Option<&Handovers>) {
        for note in &self.options.seen {
            let checkpoint = note.checkpoint().clone();
            let place = format!("seen checkpoint of {} events", checkpoint.size);
            if let (Some(policy), Some(handovers)) = (&self.options.policy, handovers) {
                let keys = handovers.keys_at(checkpoint.size);
                match policy.weigh_by(note, &keys) {
                    // Which keys follow from the policy's this ledger itself says, and it may be the one that was changed. A quorum
                    // cosigns nothing that the log has not signed.
                    Ok(trust) if trust.signed.is_empty() && !matches!(trust.quorum, Quorum::Met { .. }) => {
                        self.find(
                            Code::Untrusted,
                            place,
                            "expected a signature of a log key of the policy, found none",
                        );
                        continue;
                    }
                    Ok(trust) => self.stated(note, &trust),
                    Err(error) => {
                        self.find(Code::BadSignature, place, error.to_string());
                        continue;
                    }
                }
            }
            let (code, message) = match self.compare(note) {
                Fit::Fits => {
                    self.reach(Level::ExtendsMemory);
                    continue;
                }
                Fit::Ahead => {
                    let found = format!("expected at least {} events, found {}", checkpoint.size, self.chain.events);
                    (Code::SeenMissing, format!("{found}: the history was cut short, or an older copy put back"))
                }
                Fit::Differs(message) => (Code::SeenDiffers, format!("{message}: another history")),
            };
            self.find(code, place, message);
            self.evidence(Evidence {
                origin: checkpoint.origin,
                size: checkpoint.size,
                remembered_root: checkpoint.root,
                remembered_note: Some(note.to_string()),
                found_root: self.chain.root_at(checkpoint.size),
                found_note: None,
            });
        }
    }

    /// Receipts that the ledger took in.
    fn anchors(&mut self, handovers: Option<&Handovers>) {
        let mut unchecked = 0u64;
        for event in &self.chain.anchors {
            let place = format!("event {}", event.n);
            let of_event = |anchor: &&Anchor| Digest::of(&anchor.receipt) == event.sha256;
            let Some(anchor) = self.kept.anchors.iter().find(of_event) else {
                let message =
                    format!("expected the receipt with sha256 {} in {}, found none", event.sha256, paths::ANCHORS);
                self.find(Code::AnchorMissing, place, message);
                continue;
            };
            if !anchor.read.is_of(&anchor.stamped) || anchor.note.checkpoint().size != event.size {
                let message = format!(
                    "expected a receipt for a checkpoint of {} events, found one of something else",
                    event.size
                );
                self.find(Code::AnchorDiffers, anchor.path.clone(), message);
                continue;
            }
            let Some(stamps) = &self.options.stamps else {
                unchecked += 1;
                continue;
            };
            match is_good(stamps, anchor) {
                Ok(true) => self.anchored(event.n, anchor, handovers),
                Ok(false) => self.find(
                    Code::StampRefused,
                    anchor.path.clone(),
                    "expected a receipt that holds, found one that was refused",
                ),
                Err(error) => {
                    self.find(Code::Unreadable, anchor.path.clone(), format!("could not be checked: {error}"))
                }
            }
        }
        if unchecked > 0 {
            let message = format!("receipts about this ledger whose signatures nobody was told to check: {unchecked}");
            self.find(Code::StampsUnchecked, paths::ANCHORS, message);
        }
    }

    /// A receipt held.
    fn anchored(&mut self, event: u64, anchor: &Anchor, handovers: Option<&Handovers>) {
        let checkpoint = anchor.note.checkpoint();
        if self.compare(&anchor.note) != Fit::Fits {
            return;
        }
        // Where keys are asked for, what was stamped must be theirs.
        if let Some(handovers) = handovers {
            let keys = handovers.keys_at(checkpoint.size);
            if !keys.iter().any(|key| anchor.note.is_signed_by(key).is_ok_and(|signed| signed)) {
                let message = "expected a stamped checkpoint signed by a log key of the policy, found one that is not";
                return self.find(Code::Untrusted, anchor.path.clone(), message);
            }
        }
        self.reach(Level::TimeAnchored);
        self.report.anchored = self.report.anchored.max(Some(checkpoint.size));
        if let Some(time) = anchor.read.time {
            let by = anchor.read.kind.as_str();
            self.times.stamped(checkpoint.size, time, by);
            self.times.embedded(event, time, by);
            // Anybody can have an old checkpoint stamped again, and name the receipt in an event that nobody signed.
            let is_signed = || self.report.trusted.as_ref().is_some_and(|trusted| event < trusted.size);
            if handovers.is_none() || is_signed() {
                self.fresh.push(time);
            }
        }
    }

    /// How long ago others last saw this ledger.
    fn age(&mut self) {
        let Some(most) = self.options.max_age else { return };
        let nanos = i128::try_from(most.as_nanos()).unwrap_or(i128::MAX);
        // What is of the future would stay fresh for ever: one of the two clocks is wrong.
        let age = |time: &Timestamp| self.now.nanos() - time.nanos();
        if self.fresh.iter().any(|time| (-CLOCK_AHEAD_MAX_NANOS..=nanos).contains(&age(time))) {
            return;
        }
        let found = match self.fresh.iter().max() {
            Some(newest) if age(newest) < 0 => {
                format!("found the newest of {newest}, ahead of this clock, {}", self.now)
            }
            Some(newest) => format!("found the newest of {newest}"),
            None => "found none".to_owned(),
        };
        let message = format!(
            "expected a quorum's cosignatures or a receipt that held, not older than {} s, {found}",
            most.as_secs()
        );
        self.find(Code::Stale, paths::CHECKPOINT, message);
    }
}

/// What a checkpoint is to the ledger.
#[derive(PartialEq, Eq)]
enum Fit {
    Fits,
    Ahead,
    Differs(String),
}

fn is_good(stamps: &Arc<dyn StampCheck>, anchor: &Anchor) -> io::Result<bool> {
    stamps.is_good(anchor.read.kind, &anchor.receipt, &anchor.stamped)
}

fn place(note: &SignedCheckpoint) -> String {
    format!("checkpoint of {} events", note.checkpoint().size)
}

fn posix(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_nanos(i128::from(seconds) * 1_000_000_000)
}
