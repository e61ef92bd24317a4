//! A table as it was made, after appends: so that what was measured once can be measured again.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader},
    path::Path,
};

use at1_ledger::{Header, parse_line};
use at1_table::paths;

use super::{
    Result,
    make::{First, NONCE},
};

/// What lies in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No table; at most what a [`make`](super::make) that was cut short left.
    Nothing,
    /// The table, as it was made, after so many events were taken away.
    Ready(u64),
    /// A table of [`make`](super::make) that is shorter, or whose segments are of another version.
    Stale,
    /// A table of somebody else.
    Foreign,
}

/// Takes everything behind event `events` of a table that was made away again: lines, their segments, the manifest. Changes nothing
/// unless the answer is [`Found::Ready`].
///
/// Nobody may have the table open.
///
/// # Errors
/// If the disk refuses, or the ledger is damaged.
pub fn reset(folder: &Path, events: u64) -> Result<Found> {
    let ledger = folder.join(paths::LEDGER);
    let mut lines = match File::open(&ledger) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        file => BufReader::with_capacity(1 << 20, file?),
    };
    let mut line = vec![];
    let mut whole_bytes = lines.read_until(b'\n', &mut line)? as u64;
    if Header::parse(line.trim_ascii_end())?.nonce() != NONCE {
        return Ok(Found::Foreign);
    }
    let first = First::append()?;
    for n in 0..events {
        line.clear();
        match lines.read_until(b'\n', &mut line)? {
            0 => return Ok(Found::Stale),
            bytes => whole_bytes += bytes as u64,
        }
        if n == 0 && parse_line(&line)?.detail.kind.segments() != [first.segment.clone()] {
            return Ok(Found::Stale);
        }
    }
    let mut taken = 0;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        for segment in parse_line(&line)?.detail.kind.segments() {
            gone(fs::remove_file(folder.join(paths::segment_path(&segment.name))))?;
        }
        taken += 1;
    }
    OpenOptions::new().write(true).open(&ledger)?.set_len(whole_bytes)?;
    gone(fs::remove_dir_all(folder.join(paths::HOME).join("manifest")))?;
    Ok(Found::Ready(taken))
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
}
