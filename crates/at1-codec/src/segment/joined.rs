//! Batches one after the other, so that their records never fuse.
//!
//! * A line feed is put before a batch if what came before is not empty and does not end in one. The rule asks only about batches,
//!   so it does not matter which files they lie in.

use std::io::{self, Write};

/// A writer that knows how the bytes so far end.
///
/// ```
/// use std::io::Write as _;
/// let mut out = at1_codec::Joined::new(vec![]);
/// for batch in ["a\n", "b", "c\n"] {
///     out.next_batch()?;
///     out.write_all(batch.as_bytes())?;
/// }
/// assert_eq!((out.batches(), out.bytes(), out.line_feeds()), (3, 6, 1));
/// assert_eq!(out.into_inner(), b"a\nb\nc\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Joined<W> {
    out: W,
    last: Option<u8>,
    batches: u64,
    bytes: u64,
    line_feeds: u64,
}

impl<W: Write> Joined<W> {
    /// Nothing is written to `out` yet.
    pub fn new(out: W) -> Self {
        Self { out, last: None, batches: 0, bytes: 0, line_feeds: 0 }
    }

    /// What follows is another batch's.
    ///
    /// # Errors
    /// If the writer refuses the line feed.
    pub fn next_batch(&mut self) -> io::Result<()> {
        if self.last.is_some_and(|last| last != b'\n') {
            self.write_all(b"\n")?;
            self.line_feeds += 1;
        }
        self.next_batch_exact();
        Ok(())
    }

    /// What follows is another batch's, and nothing is put before it.
    pub fn next_batch_exact(&mut self) {
        self.batches += 1;
    }

    /// How many batches there were.
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// How many bytes were written, line feeds put in between included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many line feeds were put in between.
    pub fn line_feeds(&self) -> u64 {
        self.line_feeds
    }

    /// The writer.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for Joined<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        if let Some(last) = bytes[..written].last() {
            self.last = Some(*last);
        }
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
