//! Where results go: stdout for what was asked, stderr for everything else.
//!
//! * With `--json` a result is one JSON object a line, and so is a failure.
//! * Commands whose stdout is data (`cat`, `decode`, `scan`) put their JSON on stderr, as its last line.

use std::{
    io::{self, BufWriter, IsTerminal as _, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use crate::{failure::Failure, interrupt::Guarded};

/// Stdout is written in pieces of this size.
const BUFFER_BYTES: usize = 1 << 18;

/// Words for people, or JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Sentences and tables.
    Words,
    /// One JSON object a line.
    Json,
}

impl Voice {
    /// Tells a result on stdout.
    pub fn tell(self, json: &Value, words: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.tell_on(&mut Stdout(io::stdout().lock()), json, words)
    }

    /// Tells a result on stderr, where stdout is taken by data.
    pub fn tell_aside(self, json: &Value, words: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        self.tell_on(&mut io::stderr().lock(), json, words)
    }

    fn tell_on(
        self,
        out: &mut dyn Write,
        json: &Value,
        words: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let told = match self {
            Self::Json => writeln!(out, "{json}"),
            Self::Words => words(out),
        };
        told.and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
    }

    /// Tells something by the way, on stderr; programs that asked for JSON are spared.
    pub fn aside(self, words: impl FnOnce() -> String) {
        if self == Self::Words {
            // Nobody is left to tell if stderr is gone.
            let _ = writeln!(io::stderr(), "{}", words());
        }
    }
}

/// Stdout for data.
pub fn data() -> impl Write + Send {
    BufWriter::with_capacity(BUFFER_BYTES, Guarded(Stdout(io::stdout())))
}

static READER_LEFT: AtomicBool = AtomicBool::new(false);

/// Whether whoever read stdout has closed it.
pub fn reader_left() -> bool {
    READER_LEFT.load(Ordering::Relaxed)
}

/// Stdout, which remembers a broken pipe, since the layers that writes pass through may reword it.
struct Stdout<W>(W);

impl<W> Stdout<W> {
    fn noted<T>(result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            READER_LEFT.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl<W: Write> Write for Stdout<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::noted(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::noted(self.0.flush())
    }
}

/// Whether a person reads stdout.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// `1 record`, `12,345 records`.
pub fn count(n: u64, noun: &str) -> String {
    let plural = match noun {
        _ if n == 1 => noun.to_owned(),
        "batch" => "batches".to_owned(),
        _ => format!("{noun}s"),
    };
    format!("{} {plural}", grouped(n))
}

/// `12345678` as `12,345,678`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the unit that keeps it short: `999 B`, `12.3 kB`, `4.6 MB`.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(1, "batch"), "1 batch");
        assert_eq!(count(1_234_567, "record"), "1,234,567 records");
        assert_eq!(grouped(100), "100");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_000), "1.0 kB");
        assert_eq!(size(999_600), "1.0 MB");
        assert_eq!(size(12_345_678), "12.3 MB");
    }
}
