//! Where in a source some bytes were read, so that reading can go on there after a restart.
//!
//! * A file is told from others by its device and inode, and by its first bytes: inodes are used again, and a file that was
//!   emptied keeps its own.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much of a file's beginning tells it from others.
const HEAD_BYTES: u64 = 1 << 10;
/// How far the times of files may be behind the clock, in milliseconds. A file that was read to its end has rested for longer.
const TICK: u64 = 100;

/// A place in a file: which, and how far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The file system it lies in.
    pub(crate) dev: u64,
    /// Its inode there.
    pub(crate) ino: u64,
    /// How many of its bytes were read.
    pub(crate) offset: u64,
    /// How many of its first bytes are known, and their SHA-256.
    pub(crate) head: (u64, String),
    /// When this was: milliseconds since 1970. Where nothing of a file is known yet, it tells what was written later.
    pub(crate) seen: u64,
    /// The file that was left for this one, as far as it was read: it is not one of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<Position>>,
}

impl Position {
    /// The beginning of a file.
    pub(crate) fn start_of(metadata: &Metadata) -> Self {
        Self { dev: metadata.dev(), ino: metadata.ino(), ..Self::nowhere() }
    }

    /// No file yet.
    pub(crate) fn nowhere() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seen: u64::try_from(now.as_millis()).unwrap_or(u64::MAX), ..Self::default() }
    }

    /// Whether it is in a file.
    pub(crate) fn is_somewhere(&self) -> bool {
        self.ino != 0
    }

    /// Whether something was written to this file after the position was taken.
    pub(crate) fn is_before(&self, metadata: &Metadata) -> bool {
        let written = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        written.is_some_and(|written| written.as_millis() + u128::from(TICK) >= u128::from(self.seen))
    }

    /// The place behind `bytes` bytes, which are those in `journal`.
    pub(crate) fn behind(mut self, bytes: u64, journal: &Path) -> io::Result<Self> {
        if self.offset == 0 && self.head.0 == 0 && bytes > 0 {
            let known = bytes.min(HEAD_BYTES);
            self.head = (known, digest(&File::open(journal)?, known)?);
        }
        self.offset += bytes;
        Ok(self)
    }

    /// The same with the first `bytes` of the file known, which begins with them.
    pub(crate) fn begins_with(mut self, bytes: &[u8]) -> Self {
        let known = bytes.len().min(HEAD_BYTES as usize);
        self.head = (known as u64, hex(&bytes[..known]));
        self
    }

    /// Whether it is in this file, by device and inode.
    pub(crate) fn is_in(&self, metadata: &Metadata) -> bool {
        (self.dev, self.ino) == (metadata.dev(), metadata.ino())
    }

    /// The place that an append's note tells of.
    pub(crate) fn from_note(note: &str) -> Option<Self> {
        let mut note: serde_json::Value = serde_json::from_str(note).ok()?;
        serde_json::from_value(note.get_mut("ingest")?.get_mut("end")?.take()).ok()
    }

    /// The same with as much of the beginning known as was read.
    pub(crate) fn with_head(mut self, file: &File) -> Self {
        let known = usize::try_from(self.head.0).unwrap_or(usize::MAX);
        let mut start = vec![0; self.offset.min(HEAD_BYTES) as usize];
        // Of a file that was emptied meanwhile nothing more is to be learnt: the next look will see that it was.
        if start.len() > known && file.read_exact_at(&mut start, 0).is_ok() {
            let is_same = known == 0 || hex(&start[..known]) == self.head.1;
            if is_same {
                self.head = (start.len() as u64, hex(&start));
            }
        }
        self
    }

    /// Whether `file` begins as this one did and is not shorter.
    pub(crate) fn continues_in(&self, file: &File) -> io::Result<bool> {
        let (bytes, head) = &self.head;
        if file.metadata()?.len() < self.offset {
            return Ok(false);
        }
        match digest(file, *bytes) {
            Ok(found) => Ok(*bytes == 0 || found == *head),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(e),
        }
    }
}

fn digest(file: &File, bytes: u64) -> io::Result<String> {
    // At most HEAD_BYTES of ours; a state file that somebody changed may ask for more.
    let mut head = vec![0; usize::try_from(bytes.min(HEAD_BYTES)).unwrap_or(0)];
    file.read_exact_at(&mut head, 0)?;
    Ok(hex(&head))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
