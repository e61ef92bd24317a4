//! Files that lie outside any table: keys, policies, memories, proofs, evidence.
//!
//! * What a verifier or signer relies on must not lie where whoever writes the table can write: such a path is refused.
//! * Files are written whole or not at all, and are durable when the command says so.

use std::{
    fs::{File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use at1_ledger::Policy;
use at1_table::paths;
use tempfile::NamedTempFile;

use crate::failure::{Exit, Failure};

/// The longest file that is read here: policies, notes, proofs, receipts, events are all far below.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Reads a file of modest size.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, FILE_BYTES_MAX)
}

/// Reads a file of any size.
pub(crate) fn read_large(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, u64::MAX)
}

fn read_up_to(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![];
    let read = match path.to_str() {
        Some("-") => io::stdin().lock().take(most).read_to_end(&mut bytes),
        _ => File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    read.map_err(|e| Failure::io(path, &e))?;
    match bytes.len() as u64 == most {
        true => {
            Err(Failure::new(Exit::CouldNot, "io", format!("{}: expected less than {most} bytes", path.display()))
                .at(path))
        }
        false => Ok(bytes),
    }
}

/// Reads a policy. One that lies in a table is refused: whoever it is to protect from could have written it.
pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    refuse_in_table(path, "a policy")?;
    let bytes = read(path)?;
    Policy::parse(&bytes).map_err(|error| {
        let failure = Failure::new(Exit::Usage, "policy", format!("{}: {error}", path.display()));
        failure.at(path)
    })
}

/// An error if a path lies in a table's folder.
pub(crate) fn refuse_in_table(path: &Path, what: &str) -> Result<(), Failure> {
    // What is not there yet lies where its folder is.
    let there = path.canonicalize().or_else(|_| folder(path).canonicalize()).map_err(|e| Failure::io(path, &e))?;
    match there.ancestors().find(|folder| folder.join(paths::LEDGER).exists()) {
        None => Ok(()),
        Some(table) => {
            let expected = format!("{what} outside any table");
            let found = format!("{} in the table {}", path.display(), table.display());
            Err(Failure::usage(expected, found).at(path))
        }
    }
}

/// The folder that a file lies in.
pub(crate) fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readable {
    /// Whoever may by custom.
    Commonly,
    /// Its owner.
    ByOwner,
}

/// Writes a file that must not be there yet.
pub(crate) fn create(path: &Path, bytes: &[u8], readable: Readable) -> Result<(), Failure> {
    let write = || {
        let staged = stage(path, bytes, readable)?;
        staged.persist_noclobber(path).map_err(|error| error.error)?;
        File::open(folder(path))?.sync_all()
    };
    write().map_err(|e| Failure::io(path, &e))
}

/// Writes a file, in the place of one that may be there.
pub(crate) fn replace(path: &Path, bytes: &[u8], readable: Readable) -> io::Result<()> {
    stage(path, bytes, readable)?.persist(path).map_err(|error| error.error)?;
    File::open(folder(path))?.sync_all()
}

fn stage(path: &Path, bytes: &[u8], readable: Readable) -> io::Result<NamedTempFile> {
    // Nobody but the owner can read it from the start.
    let mut staged = NamedTempFile::new_in(folder(path))?;
    staged.write_all(bytes)?;
    if readable == Readable::Commonly {
        staged.as_file().set_permissions(Permissions::from_mode(0o644))?;
    }
    staged.as_file().sync_all()?;
    Ok(staged)
}

/// `path` with `suffix` behind its name: `trades.pem` and `.signed` make `trades.pem.signed`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
