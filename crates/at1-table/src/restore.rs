//! Every batch as a file again, under the name it came with.
//!
//! * A name is made one plain file name first: nothing is ever written outside the folder, and nothing is overwritten.
//! * Names that are taken (also but for case) are made unique, and reported.
//! * Each file's digest is compared with the ledger's while it is written; a file that differs does not stay.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
};

use at1_ledger::{BatchRecord, Digest};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    input::Packing,
    paths,
    snapshot::Snapshot,
    table::Table,
};

/// One restored batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The batch.
    pub batch: u64,
    /// The name it came with.
    pub name: Option<String>,
    /// The file's name in the folder.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Their digest.
    pub sha256: Digest,
}

impl Restored {
    /// Whether the file could not have the batch's own name.
    pub fn renamed(&self) -> bool {
        self.name.as_deref().is_some_and(|name| name != self.file)
    }

    /// The file as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "batch": self.batch, "name": self.name, "file": self.file, "renamed": self.renamed(), "source_bytes": self.bytes,
            "source_sha256": self.sha256.to_string(),
        })
    }
}

impl Table {
    /// [`Snapshot::restore`] of the newest state.
    ///
    /// # Errors
    /// As [`Snapshot::restore`].
    pub fn restore(&self, folder: &Path) -> Result<Vec<Restored>> {
        self.snapshot()?.restore(folder)
    }
}

impl Snapshot {
    /// Writes every batch into `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// `Exists` if a file of a batch's name is there already (nothing is written then), `Corrupt` if a batch is damaged.
    pub fn restore(&self, folder: &Path) -> Result<Vec<Restored>> {
        let history = self.history()?;
        let batches = self.batch_records(&history);
        let files = file_names(batches);
        let place = |file: &str| folder.join(file).display().to_string();
        fs::create_dir_all(folder).map_err(|e| Error::io(folder.display().to_string(), e))?;
        if let Some(taken) = files.iter().find(|file| folder.join(file).symlink_metadata().is_ok()) {
            return Err(Error::new(ErrorKind::Exists, place(taken), "no file of this name", "one"));
        }
        let mut restored = vec![];
        for ((record, file), batch) in batches.iter().zip(files).zip(0..) {
            let path = folder.join(&file);
            let io = |e: io::Error| Error::io(place(&file), e);
            let out = OpenOptions::new().write(true).create_new(true).open(&path).map_err(io)?;
            let mut out = BufWriter::new(out);
            let written = self.check_batch(batch, record, &mut out).and_then(|()| out.flush().map_err(io));
            if let Err(error) = written {
                // Best effort: the error tells of the damage either way.
                let _ = fs::remove_file(&path);
                return Err(error);
            }
            restored.push(Restored {
                batch,
                name: record.name.clone(),
                file,
                bytes: record.bytes,
                sha256: record.sha256,
            });
        }
        Ok(restored)
    }
}

/// A plain file name for each batch, no two alike, not even but for case.
fn file_names(batches: &[BatchRecord]) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(batch, record): (usize, &BatchRecord)| {
        let fallback = format!("batch_{batch:06}.csv");
        let mut name = paths::safe_name(record.name.as_deref().unwrap_or_default(), &fallback);
        // What was packed comes back expanded, and is named so.
        if record.packed_sha256.is_some() {
            let suffixes = [Packing::Gzip, Packing::Zstd, Packing::Xz].map(Packing::suffix);
            if let Some(stem) =
                suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).filter(|stem| !stem.is_empty())
            {
                name = stem.to_owned();
            }
        }
        let (stem, ending) = match name.rfind('.') {
            Some(dot) if dot > 0 => name.split_at(dot),
            _ => (name.as_str(), ""),
        };
        let numbered = (1..).map(|copy| {
            if copy == 1 {
                format!("{stem}-batch_{batch:06}{ending}")
            } else {
                format!("{stem}-batch_{batch:06}-{copy}{ending}")
            }
        });
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        candidates.find(|candidate| taken.insert(candidate.to_lowercase())).unwrap_or(fallback)
    };
    batches.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_unlike() {
        let packed = |name: &str| {
            let mut record = BatchRecord::new(0, Digest([0; 32]), 0, None);
            record.name = Some(name.to_owned()).filter(|name| !name.is_empty());
            record.packed_sha256 = name.ends_with(".gz").then_some(Digest([1; 32]));
            record
        };
        let batches: Vec<_> =
            ["a.csv", "A.csv", "../a.csv", "", "x.csv.gz", "x.csv", ".gz", "a-batch_000001.csv"].map(packed).into();
        assert_eq!(
            file_names(&batches),
            [
                "a.csv",
                "A-batch_000001.csv",
                "a-batch_000002.csv",
                "batch_000003.csv",
                "x.csv",
                "x-batch_000005.csv",
                ".gz",
                "a-batch_000001-batch_000007.csv"
            ]
        );
    }
}
