//! Proofs: of an event, of rows, of growth; against the newest checkpoint, and for ever.
//!
//! * A row's proof is its path in its batch and the batch's event in the ledger. A compaction keeps batches, so it does not matter
//!   which segment holds the rows by now, nor whether older files are gone.
//! * What is proved is made again from the segment and compared with what the event binds: a proof that would not hold is an error
//!   here, not at the verifier's.
//! * Memory is that of the rows that are shown and one row group, however large batch and ledger are.

use std::ops::Range;

use at1_ledger::{
    Claim, Digest, Event, Frontier, GrowthProof, RangeProver, RowsClaim, RowsForm, SignedCheckpoint, TlogProof,
    leaf_hash, prove_consistency,
};

use super::checkpoint::newest;
use crate::{
    error::{Error, ErrorKind, Result},
    lines::Lines,
    paths,
    table::Table,
    version::Events,
};

/// Bytes of a line before the event's: 64 digits and a blank.
const PREFIX_BYTES: usize = 65;

/// What is to be proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofOf {
    /// That an event is in the ledger.
    Event(u64),
    /// That a record is in the table, by its number in the table.
    Row(u64),
    /// That these records are in the table and none between them is missing; one proof for each batch that they are in.
    Rows(Range<u64>),
    /// That these are all the records of a batch.
    Batch(u64),
}

/// A proof as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// The event that it is about, or that appended the rows.
    pub event: u64,
    /// Which batch and which of its rows, if it is about rows.
    pub rows: Option<(u64, Range<u64>)>,
    /// The proof, a `.tlog-proof`.
    pub proof: Vec<u8>,
    /// Its rows, if they do not fit into it: a `.rows`.
    pub rows_beside: Option<Vec<u8>>,
    /// Its event, if it does not fit into it: an `.event`.
    pub event_beside: Option<Vec<u8>>,
}

impl Table {
    /// Proves something to whoever trusts the signatures of the newest checkpoint.
    ///
    /// # Errors
    /// `Invalid` if there is no such event or record, or the table has no row trees; `Refused` if there is no signed checkpoint, or
    /// none that covers it yet; `Corrupt` if ledger or segment are not what was signed.
    pub fn prove(&self, of: &ProofOf) -> Result<Vec<ProofFile>> {
        let checkpoint = newest(self)?;
        match of {
            ProofOf::Event(event) => {
                let events = self.version()?.events();
                if *event >= events {
                    return Err(Error::invalid("event", format!("less than {events}"), event));
                }
                Ok(vec![self.finish(&checkpoint, *event, None)?])
            }
            ProofOf::Row(row) => self.prove_rows(&checkpoint, *row..row.saturating_add(1), RowsForm::Row),
            ProofOf::Rows(rows) => self.prove_rows(&checkpoint, rows.clone(), RowsForm::Range),
            ProofOf::Batch(batch) => {
                let totals = self.snapshot()?.totals();
                if *batch >= totals.batches {
                    return Err(Error::invalid("batch", format!("less than {}", totals.batches), batch));
                }
                let (event, record) = self.record(*batch)?;
                if record.rows == 0 {
                    return Err(Error::invalid("batch", "one with records", "none; its event says so"));
                }
                Ok(vec![self.prove_in_batch(&checkpoint, &event, *batch, 0..record.rows, RowsForm::Range)?])
            }
        }
    }

    /// Proves that the newest checkpoint's ledger began with the one of `from` events; the body of a request to a witness that
    /// cosigned that one last.
    ///
    /// # Errors
    /// `Refused` if there is no checkpoint, `Invalid` if it is of fewer events, `Corrupt` if the ledger is not what was signed.
    pub fn prove_growth(&self, from: u64) -> Result<GrowthProof> {
        let checkpoint = newest(self)?;
        let size = checkpoint.checkpoint().size;
        if from > size {
            return Err(Error::invalid("growth", format!("from at most {size} events, which are signed"), from));
        }
        let mut leaves = vec![];
        self.each_event(&checkpoint, &mut |_, event| {
            let leaf = leaf_hash(event);
            leaves.push(leaf);
            Ok(leaf)
        })?;
        let path = if from == 0 { vec![] } else { prove_consistency(from, &leaves)? };
        Ok(GrowthProof { from, path, checkpoint })
    }

    fn prove_rows(&self, checkpoint: &SignedCheckpoint, rows: Range<u64>, form: RowsForm) -> Result<Vec<ProofFile>> {
        let totals = self.snapshot()?.totals();
        if rows.is_empty() || rows.end > totals.rows {
            let found = format!("{}..{}", rows.start, rows.end);
            return Err(Error::invalid("rows", format!("a range within 0..{} that is not empty", totals.rows), found));
        }
        let batches = self.ask(|version| {
            Ok(version.batch_of_row(self.store(), rows.start)?..version.batch_of_row(self.store(), rows.end - 1)? + 1)
        })?;
        let mut proofs = vec![];
        for batch in batches {
            let (event, record) = self.record(batch)?;
            let first = self.ask(|version| Ok(version.totals_before(self.store(), batch)?.rows))?;
            let inside = rows.start.max(first)..rows.end.min(first + record.rows);
            if !inside.is_empty() {
                let inside = inside.start - first..inside.end - first;
                proofs.push(self.prove_in_batch(checkpoint, &event, batch, inside, form)?);
            }
        }
        Ok(proofs)
    }

    /// Proves rows of a batch, numbered within it.
    fn prove_in_batch(
        &self,
        checkpoint: &SignedCheckpoint,
        event: &Event,
        batch: u64,
        rows: Range<u64>,
        form: RowsForm,
    ) -> Result<ProofFile> {
        let (_, record) = self.record(batch)?;
        let Some(root) = record.rows_root else {
            return Err(Error::invalid("rows", "a table with row trees", "one made with --row-tree off"));
        };
        let snapshot = self.snapshot()?;
        let mut made = None;
        snapshot.each_batch(batch..batch + 1, &mut |segment, place, _| {
            let infos = segment.batches()?;
            let info = infos.get(place).ok_or_else(|| Error::corrupt("", format!("batch {place}"), infos.len()))?;
            if info.rows != record.rows {
                return Err(Error::corrupt("", format!("{} rows", record.rows), info.rows));
            }
            let (mut prover, mut tree) = (RangeProver::new(rows.clone(), record.rows)?, Frontier::new());
            let mut shown = vec![];
            segment.each_record(info.row_range(), &mut |bytes| {
                if rows.contains(&tree.size()) {
                    shown.push(bytes.to_vec());
                }
                let leaf = leaf_hash(bytes);
                prover.push(leaf);
                tree.push_hash(leaf);
            })?;
            if tree.root() != root {
                return Err(Error::corrupt("", format!("rows with root {root}"), tree.root()));
            }
            let path = if form == RowsForm::Row { prover.finish_path() } else { prover.finish() }?;
            made = Some((shown, path));
            Ok(())
        })?;
        let (bytes, path) = made.ok_or_else(|| Error::corrupt("", format!("batch {batch}"), "none"))?;
        self.finish(checkpoint, event.n, Some(RowsClaim { batch, first: rows.start, rows: bytes, path, form }))
    }

    /// Puts an event, its place in the checkpoint's tree, and what it says of rows together.
    fn finish(&self, checkpoint: &SignedCheckpoint, event: u64, rows: Option<RowsClaim>) -> Result<ProofFile> {
        let size = checkpoint.checkpoint().size;
        if event >= size {
            let expected = format!("a checkpoint that covers event {event}");
            let found = format!("one of {size} events; at1 ledger checkpoint signs a newer one");
            return Err(Error::new(ErrorKind::Refused, paths::CHECKPOINT, expected, found));
        }
        let (mut prover, mut bytes) = (RangeProver::new(event..event + 1, size)?, vec![]);
        self.each_event(checkpoint, &mut |n, event_bytes| {
            let leaf = leaf_hash(event_bytes);
            if n == event {
                bytes = event_bytes.to_vec();
            }
            prover.push(leaf);
            Ok(leaf)
        })?;
        let shown = rows.as_ref().map(|claim| (claim.batch, claim.first..claim.first + claim.rows.len() as u64));
        let claim = Claim { event: bytes, rows };
        let packed = claim.pack()?;
        let proof = TlogProof {
            extra: Some(packed.extra),
            index: event,
            path: prover.finish_path()?,
            checkpoint: checkpoint.clone(),
        };
        // What a verifier will check first; the rest was compared where it was made.
        proof.verify(claim.leaf())?;
        Ok(ProofFile {
            event,
            rows: shown,
            proof: proof.to_string().into_bytes(),
            rows_beside: packed.rows,
            event_beside: packed.event,
        })
    }

    /// The checkpoint's events in order, number and bytes; `take` gives their leaves, which must come to its root.
    pub(super) fn each_event(
        &self,
        checkpoint: &SignedCheckpoint,
        take: &mut dyn FnMut(u64, &[u8]) -> Result<Digest>,
    ) -> Result<()> {
        let checkpoint = checkpoint.checkpoint();
        let version = self.version()?;
        let io = |e| Error::io(paths::LEDGER, e);
        let file = self.store().open(paths::LEDGER).map_err(io)?;
        let start = version.header.line().len() as u64 + 1;
        let mut lines = Lines::all(&*file, start, version.whole_bytes());
        let mut tree = Frontier::new();
        while tree.size() < checkpoint.size {
            let Some(line) = lines.next().map_err(io)? else {
                let expected = format!("the {} events that were signed", checkpoint.size);
                return Err(Error::new(ErrorKind::Rollback, paths::LEDGER, expected, tree.size()));
            };
            let bytes = line.get(PREFIX_BYTES..line.len() - 1);
            let bytes = bytes.ok_or_else(|| Error::corrupt(paths::LEDGER, "the line of an event", "a shorter one"))?;
            tree.push_hash(take(tree.size(), bytes)?);
        }
        match tree.root() == checkpoint.root {
            true => Ok(()),
            false => {
                let place = format!("{}: {} events", paths::LEDGER, checkpoint.size);
                Err(Error::corrupt(place, format!("root {}, which was signed", checkpoint.root), tree.root()))
            }
        }
    }

    fn record(&self, batch: u64) -> Result<(std::sync::Arc<Event>, at1_ledger::BatchRecord)> {
        self.ask(|version| Events::new(version, self.store()).record(batch))
    }
}
