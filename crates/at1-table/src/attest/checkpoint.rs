//! Signing where a ledger stands, and handing over from one key to the next.
//!
//! * A key is the ledger's once a `key` event names it; the first signature writes that event. It is a claim: whom to trust is the
//!   verifier's policy.
//! * The signer goes on from what it remembers. A ledger that does not continue that is refused, whatever the reason: an older copy
//!   was put back, or lines were changed. So an honest tool never signs two histories.
//! * What is remembered is durable before the signature leaves this process.
//! * Signing costs what the new lines cost. Nothing is hashed under the lock.

use std::{io, sync::Arc};

use at1_ledger::{Event, Frame, Kind, Memory, Op, SignedCheckpoint, Signer, VerifierKey, parse_line};
use serde_json::{Value, json};

use super::kept::{self, Keep};
use crate::{
    commit::Writer,
    error::{Error, ErrorKind, Result},
    lines::Lines,
    paths,
    table::{Table, settle},
    version::Events,
};

/// Where a signer keeps what it signed last: with the key, outside the table.
pub trait SignerMemory {
    /// What was remembered; `None` if this key never signed.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was written. Nothing is signed then.
    fn recall(&mut self) -> io::Result<Option<Memory>>;

    /// Remembers, durably.
    ///
    /// # Errors
    /// If it cannot be written. Nothing is signed then.
    fn remember(&mut self, memory: &Memory) -> io::Result<()>;
}

/// For tests and programs that keep it in some other way.
impl SignerMemory for Option<Memory> {
    fn recall(&mut self) -> io::Result<Option<Memory>> {
        Ok(self.clone())
    }

    fn remember(&mut self, memory: &Memory) -> io::Result<()> {
        *self = Some(memory.clone());
        Ok(())
    }
}

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointReport {
    /// The checkpoint, with all signatures that it has by now.
    pub checkpoint: SignedCheckpoint,
    /// The event that names the key, if this was its first signature.
    pub key_event: Option<u64>,
    /// How many events this key had signed before.
    pub events_before: u64,
}

/// A key that handed over to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverReport {
    /// The event.
    pub event: u64,
    /// The checkpoint that ends with it, signed by both keys.
    pub checkpoint: SignedCheckpoint,
}

impl CheckpointReport {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let checkpoint = self.checkpoint.checkpoint();
        json!({
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root.to_string(),
            "events_before": self.events_before,
            "key_event": self.key_event,
            "checkpoint": self.checkpoint.to_string(),
        })
    }
}

impl HandoverReport {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let checkpoint = self.checkpoint.checkpoint();
        json!({
            "event": self.event,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "checkpoint": self.checkpoint.to_string(),
        })
    }
}

impl Table {
    /// Signs the ledger as it is, up to its newest event.
    ///
    /// ```
    /// use at1_ledger::{KeyType, SecretKey, Signer};
    /// use at1_table::{AppendOptions, CreateOptions, Source, Table};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let options = CreateOptions { origin: Some("example.org/trades".into()), ..CreateOptions::default() };
    /// let table = Table::create(folder.path().join("trades"), &options)?;
    /// table.append_csv(Source::bytes("id,price\n1,9.50\n"), &AppendOptions::default())?;
    ///
    /// let key = SecretKey::from_seed(&[7; 32], "example.org/trades", KeyType::Ed25519)?;
    /// let mut memory = None;
    /// let report = table.checkpoint(&key, &mut memory)?;
    /// // The append, and the event that names the key.
    /// assert_eq!((report.checkpoint.checkpoint().size, report.key_event), (2, Some(1)));
    /// assert!(report.checkpoint.is_signed_by(key.key())?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Rollback` if the ledger does not continue what this key signed before; `Refused` if another key is the ledger's, or the key
    /// is not named like the table's origin; whatever the signer and its memory report.
    pub fn checkpoint(&self, signer: &dyn Signer, memory: &mut dyn SignerMemory) -> Result<CheckpointReport> {
        let mut walk = Walk::begin(self, signer.key(), memory)?;
        let events_before = walk.memory.size();
        walk.run_to_end(self)?;
        let key_event = match walk.standing()? {
            Standing::Current => None,
            Standing::Unnamed => {
                let key = signer.key().to_string();
                let event = self.commit_key(Kind::Key { add: Some(key), retire: None, checkpoint: None })?;
                walk.run_to_end(self)?;
                Some(event)
            }
        };
        walk.expect_no_larger(self)?;
        let signed = walk.sign(&[signer])?;
        memory.remember(&walk.memory).map_err(memory_failed)?;
        let checkpoint = kept::publish(self.store(), &signed, Keep::Newest, &[signer.key()])?;
        Ok(CheckpointReport { checkpoint, key_event, events_before })
    }

    /// Hands over from `old`, whose signature ends its time, to `new`. The checkpoint that ends with the `key` event is signed by
    /// both and kept for good: whoever trusts the old key can follow.
    ///
    /// With the old secret destroyed after that, nobody who breaks in later can sign the events before it again.
    ///
    /// Interrupted, it is completed by doing it again with the same keys.
    ///
    /// # Errors
    /// As [`Table::checkpoint`].
    pub fn hand_over(
        &self,
        old: &dyn Signer,
        old_memory: &mut dyn SignerMemory,
        new: &dyn Signer,
        new_memory: &mut dyn SignerMemory,
    ) -> Result<HandoverReport> {
        expect_named(self, new.key())?;
        if old.key().public() == new.key().public() {
            return Err(Error::invalid("key", "another key than the one that hands over", new.key()));
        }
        let (adds, retires) = (new.key().to_string(), old.key().to_string());
        let hands_over = |event: &Event| {
            let Kind::Key { add, retire, .. } = &event.detail.kind else { return false };
            (add.as_ref(), retire.as_ref()) == (Some(&adds), Some(&retires))
        };
        let mut walk = Walk::begin(self, old.key(), old_memory)?;
        // Done again, it may come after what the new key signed: the ledger goes on from that too, and it is not forgotten.
        let mut next = Walk::begin(self, new.key(), new_memory)?;
        let signed_by_new = next.memory.size();
        next.run_to_end(self)?;
        let is_border = walk.last_event(self)?.is_some_and(|event| hands_over(&event));
        if !is_border && !walk.run_to(self, &hands_over)? {
            if walk.standing()? == Standing::Unnamed {
                return Err(Error::new(ErrorKind::Refused, "key", "a key that has signed this ledger", old.key()));
            }
            // The last thing that this key signed, without what others put on it: it has to fit into an event.
            let last = walk.memory.note.clone();
            self.commit_key(Kind::Key { add: Some(adds.clone()), retire: Some(retires.clone()), checkpoint: last })?;
            if !walk.run_to(self, &hands_over)? {
                return Err(Error::corrupt(paths::LEDGER, "the event that was just written", "none"));
            }
        }
        let signed = walk.sign(&[old, new])?;
        old_memory.remember(&walk.memory).map_err(memory_failed)?;
        if signed_by_new <= walk.memory.size() {
            new_memory.remember(&walk.memory).map_err(memory_failed)?;
        }
        let checkpoint = kept::publish(self.store(), &signed, Keep::ForGood, &[old.key(), new.key()])?;
        Ok(HandoverReport { event: walk.memory.size() - 1, checkpoint })
    }

    /// How many events there are behind the one that names a key; all of them if none does.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn events_since_key(&self, key: &VerifierKey) -> Result<u64> {
        let report = self.chain_report_at(&Default::default())?;
        let key = key.to_string();
        let named = report.keys.iter().rev().find(|event| event.add.as_ref() == Some(&key));
        Ok(report.events - named.map_or(0, |event| event.n + 1))
    }

    /// Writes a `key` event; says which it is.
    fn commit_key(&self, kind: Kind) -> Result<u64> {
        self.at_any_cost(|| {
            self.prepare()?;
            let writer = Writer::lock(self)?;
            let n = writer.version().events();
            let link = writer.next_event(kind.clone())?;
            settle(writer.commit(n, &link.line)?)?;
            Ok(n)
        })
    }

    /// Where the ledger durably ends.
    fn durable_end(&self) -> Result<u64> {
        self.at_any_cost(|| Ok(Writer::lock(self)?.version().whole_bytes()))
    }
}

/// Whether a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The ledger names it, and nothing after that retires it.
    Current,
    /// The ledger names no key yet.
    Unnamed,
}

/// A signer's way along the ledger, from what it remembers.
struct Walk {
    memory: Memory,
    key: VerifierKey,
    /// The keys that the ledger named, and which of them it retired, as far as it was walked.
    named: Vec<(String, bool)>,
}

impl Walk {
    fn begin(table: &Table, key: &VerifierKey, memory: &mut dyn SignerMemory) -> Result<Self> {
        expect_named(table, key)?;
        let header = table.version()?.header.clone();
        let memory = match memory.recall().map_err(memory_failed)? {
            Some(memory) if memory.is_of(&header) => memory,
            Some(memory) => {
                let found = memory.checkpoint();
                let found = format!("another, {} with {} events", found.origin, found.size);
                return Err(Error::new(ErrorKind::Rollback, "signer's memory", "the ledger of this table", found));
            }
            None => Memory::of_header(&header),
        };
        let mut walk = Self { memory, key: key.clone(), named: vec![] };
        if walk.memory.size() > 0 {
            // Compared here, as there may be no line behind it that has to follow.
            let (size, chain) = (walk.memory.size(), walk.memory.chain());
            let last = walk.last_event(table)?.ok_or_else(|| rolled_back(size, SHORTER))?;
            if last.chain != chain {
                let found = format!("another: expected chain value {chain} after them, found {}", last.chain);
                return Err(rolled_back(size, found));
            }
            // Only a key that the ledger names ever signs; and the last that it signs is the event that retires it.
            let key = key.to_string();
            let retired = match &last.detail.kind {
                Kind::Key { retire, .. } => retire.as_ref() == Some(&key),
                _ => false,
            };
            walk.named.push((key, retired));
        }
        Ok(walk)
    }

    /// Goes on to the end of the ledger.
    fn run_to_end(&mut self, table: &Table) -> Result<()> {
        self.run_to(table, &|_| false).map(drop)
    }

    /// Goes on until after the first event that `stop` says, or the end of the ledger; says whether there was one.
    fn run_to(&mut self, table: &Table, stop: &dyn Fn(&Event) -> bool) -> Result<bool> {
        let end = table.durable_end()?;
        let io = |e| Error::io(paths::LEDGER, e);
        let size = self.memory.size();
        if end < self.memory.ledger_bytes() {
            return Err(rolled_back(size, SHORTER));
        }
        let file = table.store().open(paths::LEDGER).map_err(io)?;
        let mut lines = Lines::all(&*file, self.memory.ledger_bytes(), end);
        while let Some(line) = lines.next().map_err(io)? {
            self.memory.follow(&line).map_err(|e| rolled_back(size, e))?;
            let is_key = Frame::parse(&line).is_ok_and(|frame| frame.op == Op::Key.as_str());
            if !is_key {
                continue;
            }
            let event = parse_line(&line).map_err(|e| Error::from(e).within(paths::LEDGER))?;
            if stop(&event) {
                return Ok(true);
            }
            if let Kind::Key { add, retire, .. } = event.detail.kind {
                for (key, retired) in &mut self.named {
                    *retired |= Some(&*key) == retire.as_ref();
                }
                self.named.extend(add.map(|add| (add, false)));
            }
        }
        Ok(false)
    }

    /// The last event that is remembered, as the ledger has it; `None` if it has fewer, or none is remembered.
    fn last_event(&self, table: &Table) -> Result<Option<Arc<Event>>> {
        let Some(last) = self.memory.size().checked_sub(1) else { return Ok(None) };
        table.ask(|version| match last < version.events() {
            true => Events::new(version, table.store()).read(last).map(Some),
            false => Ok(None),
        })
    }

    fn standing(&self) -> Result<Standing> {
        let key = self.key.to_string();
        let current: Vec<_> = self.named.iter().filter(|(_, retired)| !retired).map(|(key, _)| key.as_str()).collect();
        if current.contains(&key.as_str()) {
            return Ok(Standing::Current);
        }
        if self.named.is_empty() {
            return Ok(Standing::Unnamed);
        }
        let expected = match current.is_empty() {
            true => "the key that took over from it".to_owned(),
            false => format!("the ledger's key {}, or a handover from it", current.join(", ")),
        };
        Err(Error::new(ErrorKind::Refused, "key", expected, key))
    }

    /// An error if a checkpoint lies here that this key signed and that does not go together with what it is about to sign: its memory
    /// may be lost, and its signature is as good.
    fn expect_no_larger(&self, table: &Table) -> Result<()> {
        let mine = self.memory.checkpoint();
        let newest = kept::newest(table.store())?;
        let signed = newest.filter(|note| note.is_signed_by(&self.key).is_ok_and(|signed| signed));
        match signed.map(|note| note.checkpoint().clone()) {
            Some(other) if other.size > mine.size || (other.size == mine.size && other != mine) => {
                let expected = format!("the {} events of the checkpoint that this key signed", other.size);
                let found = if other.size > mine.size { mine.size.to_string() } else { "others".to_owned() };
                Err(Error::new(ErrorKind::Rollback, paths::LEDGER, expected, found))
            }
            _ => Ok(()),
        }
    }

    /// Signs what is remembered by now, and remembers that.
    fn sign(&mut self, signers: &[&dyn Signer]) -> Result<SignedCheckpoint> {
        let Some((first, others)) = signers.split_first() else { unreachable!("somebody signs") };
        let mut signed = SignedCheckpoint::sign(self.memory.checkpoint(), *first)?;
        for signer in others {
            signed.sign_again(*signer)?;
        }
        self.memory.note = Some(signed.to_string());
        Ok(signed)
    }
}

const SHORTER: &str = "a shorter one: it was cut short, or an older copy was put back";

/// The ledger is not the one of which `size` events were signed.
fn rolled_back(size: u64, found: impl std::fmt::Display) -> Error {
    let expected = format!("a ledger that goes on from the {size} events signed");
    Error::new(ErrorKind::Rollback, paths::LEDGER, expected, found)
}

/// A log's key is named like its origin.
fn expect_named(table: &Table, key: &VerifierKey) -> Result<()> {
    let version = table.version()?;
    match version.header.origin() == key.name() {
        true => Ok(()),
        false => {
            let expected = format!("a key named {}, like the table", version.header.origin());
            Err(Error::new(ErrorKind::Refused, "key", expected, key.name()))
        }
    }
}

fn memory_failed(error: io::Error) -> Error {
    Error::io("signer's memory", error).with_kind(ErrorKind::Refused)
}

/// The newest checkpoint, which proofs are about.
///
/// # Errors
/// `Refused` if there is none, or none of this ledger.
pub(super) fn newest(table: &Table) -> Result<SignedCheckpoint> {
    let version = table.version()?;
    let newest = kept::newest(table.store())?;
    let newest = newest.filter(|note| note.checkpoint().origin == version.header.origin());
    newest.ok_or_else(|| {
        Error::new(
            ErrorKind::Refused,
            paths::CHECKPOINT,
            "a signed checkpoint",
            "none; at1 ledger checkpoint makes one",
        )
    })
}
