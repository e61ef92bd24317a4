//! Is this exact file in the table?
//!
//! * Found by the digest of its bytes, or of what they expand to; believed only after the stored copy was decoded and hashed.

use std::io::{self, Write};

use at1_ledger::{BatchRecord, Digest};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    batch,
    error::{Error, Result},
    input::{self, Source},
    snapshot::Snapshot,
    store,
    table::Table,
};

/// Where a file is in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The batch.
    pub batch: u64,
    /// The event that appended it.
    pub event: u64,
    /// The file that holds it now.
    pub segment: String,
    /// The name it came with.
    pub name: Option<String>,
    /// Its records.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Their digest.
    pub sha256: Digest,
}

impl Found {
    /// The place as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "batch": self.batch, "event": self.event, "segment": self.segment, "name": self.name, "rows": self.rows,
            "source_bytes": self.bytes, "source_sha256": self.sha256.to_string(),
        })
    }
}

impl Table {
    /// [`Snapshot::has`] in the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::has`].
    pub fn has<'s>(&self, source: impl Into<Source<'s>>) -> Result<Vec<Found>> {
        self.snapshot()?.has(source)
    }
}

impl Snapshot {
    /// The batches that are exactly these bytes (expanded, if they are packed), oldest first. Each stored copy was decoded and
    /// hashed before it is reported.
    ///
    /// # Errors
    /// `Corrupt` if a stored copy is damaged; whatever reading the source reports.
    pub fn has<'s>(&self, source: impl Into<Source<'s>>) -> Result<Vec<Found>> {
        let mut input = input::open(source.into(), &store::scratch(), self.shared_store())?;
        let (_, sha256) = batch::digest(&mut *input.stream)?;
        let history = self.history()?;
        let batches =
            self.batch_records(&history).iter().zip(0u64..).filter(|(batch, _)| batch.sha256 == Digest(sha256));
        let mut found = vec![];
        for (record, batch) in batches {
            self.check_batch(batch, record, &mut io::sink())?;
            found.push(Found {
                batch,
                event: history.batch_event(batch).unwrap_or_default(),
                segment: history.segment_of(batch).map(|segment| segment.name.clone()).unwrap_or_default(),
                name: record.name.clone(),
                rows: record.rows,
                bytes: record.bytes,
                sha256: record.sha256,
            });
        }
        Ok(found)
    }

    /// Writes a batch's exact bytes to `out` and checks their number and digest against the ledger.
    pub(crate) fn check_batch(&self, batch: u64, record: &BatchRecord, out: &mut dyn Write) -> Result<()> {
        let mut hashing = Hashing { out, digest: Sha256::new(), bytes: 0 };
        self.each_batch(batch..batch + 1, &mut |segment, place, _| Ok(segment.write_batch(place, &mut hashing)?))?;
        let (bytes, sha256) = (hashing.bytes, Digest(hashing.digest.finalize().into()));
        if (bytes, sha256) != (record.bytes, record.sha256) {
            let expected = format!("{} bytes with sha256 {}", record.bytes, record.sha256);
            return Err(Error::corrupt(
                format!("batch {batch}"),
                expected,
                format!("{bytes} bytes with sha256 {sha256}"),
            ));
        }
        Ok(())
    }
}

struct Hashing<'a> {
    out: &'a mut dyn Write,
    digest: Sha256,
    bytes: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
