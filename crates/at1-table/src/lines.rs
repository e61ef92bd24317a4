//! Full lines of the ledger: forward from a place, and back from the end.
//!
//! * A line is a line only with its LF. What follows the last one is somebody's unfinished or lost append.
//! * Reads begin small and grow, so what is read stays within a small factor of what is given out.
//! * No line is looked for beyond the length of the longest: a file of another kind is not read to its end.

use std::io;

use at1_codec::ReadAt;
use at1_ledger::LINE_BYTES_MAX;

use crate::store::read_range;

/// The first read.
const STEP_BYTES_MIN: u64 = 4 << 10;
/// The largest.
const STEP_BYTES_MAX: u64 = 1 << 20;

/// The full lines of a file, from some place on.
pub(crate) struct Lines<'a> {
    file: &'a dyn ReadAt,
    at: u64,
    size: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    given: usize,
    step: u64,
    bytes_read: u64,
}

impl<'a> Lines<'a> {
    /// The lines from byte `at` on, of a file of `size` bytes.
    pub(crate) fn new(file: &'a dyn ReadAt, at: u64, size: u64) -> Self {
        Self { file, at, size, buffer: vec![], given: 0, step: STEP_BYTES_MIN, bytes_read: 0 }
    }

    /// The same, when all of them are wanted: the first read is as large as any.
    pub(crate) fn all(file: &'a dyn ReadAt, at: u64, size: u64) -> Self {
        Self { step: STEP_BYTES_MAX, ..Self::new(file, at, size) }
    }

    /// Where the next line begins.
    pub(crate) fn offset(&self) -> u64 {
        self.at - (self.buffer.len() - self.given) as u64
    }

    /// How much was read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next full line, its LF included.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = self.given;
        loop {
            if let Some(lf) = self.buffer[searched..].iter().position(|&byte| byte == b'\n') {
                let end = searched + lf + 1;
                return Ok(Some(self.buffer[std::mem::replace(&mut self.given, end)..end].to_vec()));
            }
            if self.at >= self.size {
                return Ok(None);
            }
            self.buffer.drain(..std::mem::take(&mut self.given));
            searched = self.buffer.len();
            expect_lf_within(searched)?;
            let end = self.size.min(self.at + self.step);
            self.buffer.extend_from_slice(&read_range(self.file, self.at, end)?);
            self.bytes_read += end - self.at;
            self.step = STEP_BYTES_MAX.min(self.step * 4);
            self.at = end;
        }
    }

    /// What follows the last full line, once `next` gave `None`.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        self.buffer.split_off(self.given)
    }
}

/// The full lines of a file, from some place back.
pub(crate) struct LinesBack<'a> {
    file: &'a dyn ReadAt,
    floor: u64,
    /// Where the buffer begins in the file.
    at: u64,
    /// What was read and not given out; ends in an LF once `whole`.
    buffer: Vec<u8>,
    whole: bool,
    step: u64,
    bytes_read: u64,
}

impl<'a> LinesBack<'a> {
    /// The full lines between `floor`, where one begins, and `end`.
    pub(crate) fn new(file: &'a dyn ReadAt, floor: u64, end: u64) -> Self {
        Self { file, floor, at: end, buffer: vec![], whole: false, step: STEP_BYTES_MIN, bytes_read: 0 }
    }

    /// How much was read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The line before those that were given, its LF included.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if !self.whole
                && let Some(lf) = self.buffer.iter().rposition(|&byte| byte == b'\n')
            {
                self.buffer.truncate(lf + 1);
                self.whole = true;
            }
            if self.whole
                && let Some((_, line)) = self.buffer.split_last()
            {
                let before = line.iter().rposition(|&byte| byte == b'\n');
                if before.is_some() || self.at <= self.floor {
                    return Ok(Some(self.buffer.split_off(before.map_or(0, |lf| lf + 1))));
                }
            }
            if self.at <= self.floor {
                return Ok(None);
            }
            expect_lf_within(self.buffer.len())?;
            let start = self.at.saturating_sub(self.step).max(self.floor);
            let mut bytes = read_range(self.file, start, self.at)?;
            self.bytes_read += self.at - start;
            bytes.append(&mut self.buffer);
            self.buffer = bytes;
            self.step = STEP_BYTES_MAX.min(self.step * 4);
            self.at = start;
        }
    }
}

fn expect_lf_within(bytes: usize) -> io::Result<()> {
    if bytes > LINE_BYTES_MAX {
        let message = format!("expected an LF within {LINE_BYTES_MAX} bytes, found none");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of all lengths about the size of a read, and a torn tail, both ways.
    #[test]
    fn forward_and_back_are_the_same_lines() {
        for length in [0, 1, 10, 4_094, 4_095, 4_096, 20_000, LINE_BYTES_MAX - 1] {
            for count in [0, 1, 2, 40] {
                for tail in [0, 5, 5_000] {
                    let lines: Vec<Vec<u8>> =
                        (0..count).map(|i| [vec![b'a' + i % 26; length], vec![b'\n']].concat()).collect();
                    let bytes = [lines.concat(), vec![b'.'; tail]].concat();
                    let file = bytes.clone();
                    let what = format!("{count} lines of {length} bytes, {tail} behind them");
                    let mut forward = Lines::new(&file, 0, bytes.len() as u64);
                    let mut at = 0;
                    for line in &lines {
                        assert_eq!(forward.offset(), at, "{what}");
                        assert_eq!(forward.next().unwrap().as_ref(), Some(line), "{what}");
                        at += line.len() as u64;
                    }
                    assert_eq!((forward.next().unwrap(), forward.rest().len()), (None, tail), "{what}");
                    let mut back = LinesBack::new(&file, 0, bytes.len() as u64);
                    for line in lines.iter().rev() {
                        assert_eq!(back.next().unwrap().as_ref(), Some(line), "{what}");
                    }
                    assert_eq!(back.next().unwrap(), None, "{what}");
                    assert_eq!(back.bytes_read(), bytes.len() as u64, "{what}");
                }
            }
        }
    }

    #[test]
    fn a_file_without_lines_is_not_read_to_its_end() {
        let file = vec![0; 8 << 20];
        assert!(Lines::new(&file, 0, 8 << 20).next().is_err());
        let mut back = LinesBack::new(&file, 0, 8 << 20);
        assert!(back.next().is_err());
        assert!(back.bytes_read() < 1 << 20, "{}", back.bytes_read());
    }
}
