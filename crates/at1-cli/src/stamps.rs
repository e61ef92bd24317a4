//! Checking a time stamper's receipt by a command that knows its kind: `openssl ts`, `ots`, or any other.

use std::{
    io::{self, Write as _},
    process::Command,
};

use at1_ledger::TimeReceiptKind;
use at1_table::StampCheck;
use tempfile::NamedTempFile;

/// What a shell says of a command that it could not run.
const NOT_RUN: [i32; 2] = [126, 127];

/// A shell command that exits with 0 if a receipt is good.
#[derive(Debug)]
pub(crate) struct StampCommand(pub(crate) String);

impl StampCheck for StampCommand {
    fn is_good(&self, kind: TimeReceiptKind, receipt: &[u8], stamped: &[u8]) -> io::Result<bool> {
        // Copies: the command sees the bytes that were compared, whatever becomes of the table's files meanwhile.
        let (receipt, stamped) = (copy(receipt)?, copy(stamped)?);
        let output = Command::new("sh")
            .arg("-c")
            .arg(&self.0)
            .env("AT1_RECEIPT", receipt.path())
            .env("AT1_STAMPED", stamped.path())
            .env("AT1_KIND", kind.as_str())
            .output()?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(code) if !NOT_RUN.contains(&code) => Ok(false),
            _ => {
                let told = String::from_utf8_lossy(&output.stderr);
                Err(io::Error::other(format!("{}: {}", output.status, told.trim())))
            }
        }
    }
}

fn copy(bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(bytes)?;
    file.flush()?;
    Ok(file)
}
