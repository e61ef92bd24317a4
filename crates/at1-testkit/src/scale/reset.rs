//! A table as it was made, after appends: so that what was measured once can be measured again.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader},
    path::Path,
};

use at1_ledger::{Header, parse_line};
use at1_table::paths;

use super::{Result, make::NONCE};

/// Takes everything behind event `events` away again: lines, their segments, the manifest. How many events that were; `None` if
/// there is no table of [`make`](super::make) that has so many.
///
/// Nobody may have the table open.
///
/// # Errors
/// If the disk refuses, or the ledger is damaged.
pub fn reset(folder: &Path, events: u64) -> Result<Option<u64>> {
    let ledger = folder.join(paths::LEDGER);
    let mut lines = match File::open(&ledger) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => BufReader::with_capacity(1 << 20, file?),
    };
    let mut line = vec![];
    let mut whole_bytes = lines.read_until(b'\n', &mut line)? as u64;
    if Header::parse(line.trim_ascii_end())?.nonce() != NONCE {
        return Ok(None);
    }
    for _ in 0..events {
        line.clear();
        match lines.read_until(b'\n', &mut line)? {
            0 => return Ok(None),
            bytes => whole_bytes += bytes as u64,
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
    Ok(Some(taken))
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
}
