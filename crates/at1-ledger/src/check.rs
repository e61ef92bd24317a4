//! One door for whoever was given a proof: the file, the policy, and nothing else.
//!
//! * Pure: no clock, no files, no network. What is in the proof counts only as far as a signature that the policy trusts leads to
//!   it: signatures and quorum, then the event in the checkpoint's tree, then the rows in the event.
//! * It does not say that what a row states is true, nor that the ledger has grown no further: see `docs/proofs.md`.

use std::fmt;

use crate::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    claim::{Beside, Claim, RowsShown},
    detail::Op,
    error::{Error, Result},
    growth::GrowthProof,
    link::Event,
    policy::{Policy, Quorum, Trust},
    time::Timestamp,
    tlog_proof::TlogProof,
};

/// What a proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The tree that was signed.
    pub checkpoint: Checkpoint,
    /// Who signed it.
    pub trust: Trust,
    /// What follows from it.
    pub what: Shown,
}

/// What follows from a checkpoint that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// That the ledger had this size and root.
    Checkpoint,
    /// That this event is in the ledger.
    Event(Box<Event>),
    /// That these rows are in the ledger, in a batch of this event, with none missing between them.
    Rows(Box<Event>, RowsShown),
    /// That the ledger began with this earlier checkpoint, which the same log signed.
    Growth {
        /// The earlier one.
        old: Checkpoint,
        /// Who signed it.
        trust: Trust,
    },
}

/// Checks a proof file, a growth proof, or a checkpoint by itself. A growth proof needs the older checkpoint, and no other file
/// may be given one.
///
/// # Errors
///
/// [`Damaged`](crate::ErrorKind::Damaged) if a file breaks its format; [`Unproven`](crate::ErrorKind::Unproven) if it does not
/// show what it claims, or a signature of a trusted key does not verify; [`Untrusted`](crate::ErrorKind::Untrusted) if a
/// signature or the quorum is missing; [`Unknown`](crate::ErrorKind::Unknown) if it is of a newer version.
///
/// ```
/// # let file = include_bytes!("../../../testdata/proofs/row.tlog-proof");
/// use at1_ledger::{Beside, Policy, Shown, check_proof};
///
/// let policy = Policy::parse(
///     b"log at1.local/000102030405060708090a0b0c0d0e0f+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea\n\
///       witness w1 witness.example/w1+04d2d833+BD1AF8PoQ4lakrcKp00bfrycmCzPLsSWjMDNVfEq9GYM\n\
///       quorum w1\n",
/// )?;
/// let proved = check_proof(file, Beside::default(), None, &policy)?;
/// let Shown::Rows(event, rows) = proved.what else { panic!("it is the proof of a row") };
/// assert_eq!((event.n, rows.batch, rows.first, rows.first_in_table), (1, 1, 1, 4));
/// assert_eq!(rows.rows, [b"5,di\n"]);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
pub fn check_proof(file: &[u8], beside: Beside<'_>, old: Option<&[u8]>, policy: &Policy) -> Result<Proved> {
    if GrowthProof::is_one(file) {
        expect_none(beside.rows.is_some() || beside.event.is_some(), "rows or event beside a growth proof")?;
        return check_growth(&GrowthProof::parse(file)?, old, policy);
    }
    expect_none(old.is_some(), "older checkpoint beside a proof that is not of growth")?;
    if !TlogProof::is_one(file) {
        expect_none(beside.rows.is_some() || beside.event.is_some(), "rows or event beside a checkpoint")?;
        let signed = SignedCheckpoint::parse(file)?;
        let trust = trusted(&signed, policy)?;
        return Ok(Proved { checkpoint: signed.checkpoint().clone(), trust, what: Shown::Checkpoint });
    }
    let proof = TlogProof::parse(file)?;
    let trust = trusted(&proof.checkpoint, policy)?;
    let extra =
        proof.extra.as_deref().ok_or_else(|| Error::damaged("expected a line extra, found none").at("proof"))?;
    let claim = Claim::parse(extra, beside)?;
    proof.verify(claim.leaf())?;
    let event = claim.read_event(proof.index)?;
    let what = match &claim.rows {
        None => Shown::Event(Box::new(event)),
        Some(rows) => {
            let shown = rows.verify(&event)?;
            Shown::Rows(Box::new(event), shown)
        }
    };
    Ok(Proved { checkpoint: proof.checkpoint.checkpoint().clone(), trust, what })
}

fn check_growth(proof: &GrowthProof, old: Option<&[u8]>, policy: &Policy) -> Result<Proved> {
    let old =
        old.ok_or_else(|| Error::invalid("expected the older checkpoint that the proof goes on from, found none"))?;
    let old = SignedCheckpoint::parse(old).map_err(|error| error.at("older checkpoint"))?;
    let trust = trusted(&proof.checkpoint, policy)?;
    // The log's signature makes it the log's; witnesses are asked about the newer one, which they hold against the older.
    let old_trust = policy.weigh(&old).map_err(|error| error.at("older checkpoint"))?;
    Trust { quorum: Quorum::NotAsked, ..old_trust.clone() }.expect().map_err(|error| error.at("older checkpoint"))?;
    proof.verify(old.checkpoint())?;
    let what = Shown::Growth { old: old.checkpoint().clone(), trust: old_trust };
    Ok(Proved { checkpoint: proof.checkpoint.checkpoint().clone(), trust, what })
}

/// What the policy makes of a checkpoint, if that is enough.
fn trusted(checkpoint: &SignedCheckpoint, policy: &Policy) -> Result<Trust> {
    let trust = policy.weigh(checkpoint)?;
    trust.expect()?;
    Ok(trust)
}

fn expect_none(there: bool, what: &str) -> Result<()> {
    if there { Err(Error::invalid(format!("expected no {what}, found one"))) } else { Ok(()) }
}

/// In words: what is proved, of which ledger, and on whose word.
impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checkpoint, trust, what } = self;
        match what {
            Shown::Checkpoint => writeln!(f, "signed: {} events with root {}", checkpoint.size, checkpoint.root)?,
            Shown::Event(event) => {
                let op = event.op();
                let article = if matches!(op, Op::Append | Op::Anchor) { "an" } else { "a" };
                writeln!(f, "proved: event {}, {article} {op} at {} by its writer's clock", event.n, event.ts)?;
            }
            Shown::Rows(event, rows) => {
                let (first, count) = (rows.first, rows.rows.len() as u64);
                match count {
                    1 => write!(
                        f,
                        "proved: row {first} of batch {} (row {} of the table)",
                        rows.batch, rows.first_in_table
                    )?,
                    _ => {
                        let (last, in_table) = (first + count - 1, rows.first_in_table);
                        write!(f, "proved: rows {first} to {last} of batch {}, none between missing", rows.batch)?;
                        write!(f, " (rows {in_table} to {} of the table)", in_table + count - 1)?;
                    }
                }
                if count == rows.record.rows {
                    write!(f, ": all of the batch")?;
                }
                writeln!(f, "\n  appended by event {} at {} by its writer's clock", event.n, event.ts)?;
                if let Some(name) = &rows.record.name {
                    writeln!(f, "  from {}", name.escape_debug())?;
                }
            }
            Shown::Growth { old, .. } => {
                writeln!(f, "proved: the ledger of {} events began with the one of {}", checkpoint.size, old.size)?;
            }
        }
        writeln!(f, "  in the ledger {}, as of {} events", checkpoint.origin, checkpoint.size)?;
        for key in &trust.signed {
            writeln!(f, "  signed by {key}")?;
        }
        for cosigned in &trust.cosigned {
            writeln!(f, "  cosigned by {} at {}", cosigned.name, Posix(cosigned.first))?;
        }
        match trust.quorum {
            Quorum::NotAsked => {
                write!(f, "  the policy asks for no witness: whoever holds the key can show others another history")
            }
            Quorum::Missing => write!(f, "  the policy's quorum is missing"),
            Quorum::Met { seen_by, .. } => write!(f, "  a quorum of the policy had seen it by {}", Posix(seen_by)),
        }
    }
}

/// Seconds since 1970, as a time.
struct Posix(u64);

impl fmt::Display for Posix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_nanos(i128::from(self.0) * 1_000_000_000) {
            // Whole seconds: what follows the point is zero.
            Some(time) => write!(f, "{}Z", time.to_string().get(..19).unwrap_or_default()),
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}
