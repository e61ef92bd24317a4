//! A source of lines, cut into chunks by several threads.
//!
//! * The source is read a window at a time, and threads share the pieces of the window. What comes out is what one scanner
//!   would make of the whole: a piece counts if it starts where the one before it ended and no piece before it met a field of
//!   a new name. What does not count is cut again.
//! * What comes out does not depend on how many threads there are.
//! * Memory is that of a window and its fields, or of one record where that is longer.

use std::io::Read;

use memchr::memchr;
use sha2::{Digest as _, Sha256};

use super::chunk::Chunk;
use crate::{
    Result,
    text::{Input, Terminator, Tokens, lines::LineScanner, shape::Shapes},
    threads,
};

/// About how much text a piece holds. So small in tests that there are many.
const PIECE_BYTES: usize = if cfg!(test) { 40 } else { 1 << 20 };
/// The most pieces of a window: the first windows are smaller, since names are met at the start of a source.
const PIECES_MAX: usize = 8;

/// Reads a source of lines chunk by chunk; a chunk's bytes follow those of the chunk before.
pub(crate) struct LineChunks<R> {
    source: R,
    /// What knows all names so far.
    scanner: LineScanner,
    /// Bytes read but not yet given out.
    pending: Vec<u8>,
    /// How many of them are digested.
    hashed: usize,
    hash: Sha256,
    bytes: u64,
    ended: bool,
    /// How many pieces the next window has.
    pieces: usize,
}

/// What a thread does at a time.
enum Job<'a> {
    Digest(&'a mut Sha256),
    /// Cuts what lies between the start of a piece and that of the next.
    Cut(usize, usize),
}

/// What became of a piece.
struct Piece {
    start: usize,
    chunk: Chunk,
    scanner: LineScanner,
}

impl<R: Read> LineChunks<R> {
    pub(crate) fn new(source: R, scanner: LineScanner) -> Self {
        let (pending, hash) = (Vec::new(), Sha256::new());
        Self { source, scanner, pending, hashed: 0, hash, bytes: 0, ended: false, pieces: 1 }
    }

    /// Takes `bytes` bytes off the front: a byte order mark.
    pub(crate) fn skip(&mut self, bytes: usize) -> Result<()> {
        self.fill(bytes)?;
        self.hash.update(&self.pending);
        self.pending.drain(..bytes.min(self.pending.len()));
        self.hashed = self.pending.len();
        Ok(())
    }

    /// The next records; none once there are no more: what is left then is [`Self::tail`].
    pub(crate) fn next(&mut self) -> Result<Vec<Chunk>> {
        let mut want = self.pieces * PIECE_BYTES;
        loop {
            self.fill(want)?;
            let chunks = self.cut();
            if !chunks.is_empty() || self.ended {
                return Ok(chunks);
            }
            // The first record is longer than the window.
            want = 2 * want.max(self.pending.len());
        }
    }

    /// What cut the lines that were given out.
    pub(crate) fn scanner(&self) -> &LineScanner {
        &self.scanner
    }

    /// What follows the last record, once [`Self::next`] gave none.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.pending
    }

    /// The number of bytes read and their digest.
    pub(crate) fn finish(mut self) -> (u64, [u8; 32]) {
        self.hash.update(&self.pending[self.hashed..]);
        (self.bytes, self.hash.finalize().into())
    }

    /// Reads until `want` bytes are pending or the source ends.
    fn fill(&mut self, want: usize) -> Result<()> {
        let missing = want.saturating_sub(self.pending.len());
        if missing > 0 && !self.ended {
            self.pending.reserve_exact(missing);
            let read = (&mut self.source).take(missing as u64).read_to_end(&mut self.pending)?;
            self.bytes += read as u64;
            self.ended = read < missing;
        }
        Ok(())
    }

    /// Cuts what is pending, as far as it goes.
    fn cut(&mut self) -> Vec<Chunk> {
        let input = if self.ended { Input::End } else { Input::More };
        let mut bounds = piece_starts(&self.pending, self.scanner.terminator());
        bounds.push(self.pending.len());
        let mut jobs = vec![Job::Digest(&mut self.hash)];
        // What did not count is pending still, and is not all cut again at once.
        jobs.extend(bounds.windows(2).take(self.pieces).map(|piece| Job::Cut(piece[0], piece[1])));
        let (pending, hashed, scanner) = (&self.pending, self.hashed, &self.scanner);
        let pieces = threads::map(threads::for_bytes(pending.len()), jobs, |job| match job {
            Job::Digest(hash) => {
                hash.update(&pending[hashed..]);
                None
            }
            Job::Cut(start, end) => Some(Piece::cut(&pending[start..], end - start, start, input, scanner)),
        });
        let (mut at, mut chunks, mut is_whole) = (0, Vec::with_capacity(self.pieces), true);
        for piece in pieces.into_iter().flatten() {
            is_whole &= piece.start == at;
            if !is_whole {
                break;
            }
            at += piece.chunk.bytes.len();
            is_whole = piece.scanner.names().len() == self.scanner.names().len();
            self.scanner.go_on(piece.scanner);
            if piece.chunk.records() > 0 {
                chunks.push(piece.chunk);
            }
        }
        self.pieces = if is_whole { (2 * self.pieces).min(PIECES_MAX) } else { 1 };
        self.pending.drain(..at);
        self.hashed = self.pending.len();
        chunks
    }
}

impl Piece {
    /// The records that start in the first `limit` bytes of `text`.
    fn cut(text: &[u8], limit: usize, start: usize, input: Input, scanner: &LineScanner) -> Self {
        let mut scanner = scanner.fork();
        let (mut tokens, mut shapes) = (Tokens::default(), Shapes::default());
        scanner.scan(text, input, limit, &mut tokens, &mut shapes);
        let end = tokens.records.last().map_or(0, |last| last.end as usize);
        tokens.fields.shrink_to_fit();
        tokens.records.shrink_to_fit();
        let chunk = Chunk { bytes: text[..end].to_vec(), tokens, shapes: Some(shapes) };
        Self { start, chunk, scanner }
    }
}

/// Where pieces start: at 0 and behind line ends. A line that may be blank is no end of a piece, since it may belong to the next record.
fn piece_starts(bytes: &[u8], terminator: Terminator) -> Vec<usize> {
    let last_byte = terminator.last_byte();
    let mut starts = vec![0];
    let mut at = PIECE_BYTES;
    while let Some(n) = bytes.get(at..).and_then(|rest| memchr(last_byte, rest)) {
        let (line, next) = (&bytes[..at + n], at + n + 1);
        let is_blank = line.strip_suffix(b"\r").unwrap_or(line).ends_with(&[last_byte]) || line.ends_with(&[last_byte]);
        if is_blank {
            at = next;
        } else if next < bytes.len() {
            starts.push(next);
            at = next + PIECE_BYTES;
        } else {
            break;
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::{Format, Pattern};

    /// What each record is: its bytes, the text of its fields by name, the literals between them.
    type Seen = (Vec<u8>, Vec<(String, Vec<u8>)>, Vec<Vec<u8>>);

    fn seen(chunk: &Chunk, record: usize, names: &[String]) -> Seen {
        let fields = names.iter().enumerate().filter_map(|(field, name)| Some((name, chunk.field(record, field)?)));
        let shapes = chunk.shapes.as_ref().unwrap();
        let shape = shapes.all()[shapes.of[record] as usize];
        (
            chunk.record(record).to_vec(),
            fields.map(|(name, text)| (name.clone(), text.to_vec())).collect(),
            shape.pieces().map(|(literal, _)| literal.to_vec()).collect(),
        )
    }

    /// Records one at a time, and what is left of the source.
    fn one_by_one<'a>(source: &'a [u8], scanner: &mut LineScanner) -> (Vec<Seen>, &'a [u8]) {
        let (mut rest, mut records) = (source, Vec::new());
        loop {
            let piece = Piece::cut(rest, 1, 0, Input::End, scanner);
            scanner.go_on(piece.scanner);
            if piece.chunk.records() == 0 {
                return (records, rest);
            }
            records.push(seen(&piece.chunk, 0, scanner.names()));
            rest = &rest[piece.chunk.bytes.len()..];
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Lines that bring new names now and then, blank lines, lines longer than several pieces, more fields than a scan takes.
        #[test]
        fn pieces_are_what_one_scanner_makes(
            lines in prop::collection::vec(
                "(\\{\"[a-c]\":1,\"[a-f]\": \"[x\\\\]?\"\\}|\\{\"k[0-9]{1,3}\":\\{\"z\":[0-9]{1,90}\\}\\}|12:00:00 [a-d]=[0-9]( [a-z]{1,2}=x{0,90})?|x{0,3})\r?",
                0..40,
            ),
            is_json in any::<bool>(),
            terminator in prop::sample::select(vec![Terminator::Lf, Terminator::CrLf, Terminator::Cr]),
            skip in 0..2_usize,
            ends in any::<bool>(),
        ) {
            let end = if terminator == Terminator::Cr { "\r" } else { "\n" };
            let source = lines.join(end) + if ends { end } else { "" };
            let source = source.as_bytes();
            let skip = skip.min(source.len());
            let format = if is_json {
                Format::Json(terminator)
            } else {
                Format::Lines(Pattern::new(["{time:time} {:pairs}"]).unwrap(), terminator)
            };
            let mut expected = LineScanner::new(&format, Vec::new());
            let (records, tail) = one_by_one(&source[skip..], &mut expected);

            let mut chunks = LineChunks::new(source, LineScanner::new(&format, Vec::new()));
            chunks.skip(skip).unwrap();
            let mut found = Vec::new();
            loop {
                let next = chunks.next().unwrap();
                if next.is_empty() {
                    break;
                }
                let names = chunks.scanner().names();
                for chunk in &next {
                    prop_assert!(chunk.records() > 0);
                    found.extend((0..chunk.records()).map(|record| seen(chunk, record, names)));
                }
            }
            prop_assert_eq!(found, records);
            prop_assert_eq!(chunks.tail(), tail);
            let scanner = chunks.scanner();
            prop_assert_eq!(
                (scanner.names(), scanner.odd(), scanner.refused()),
                (expected.names(), expected.odd(), expected.refused())
            );
            prop_assert_eq!(chunks.finish(), (source.len() as u64, Sha256::digest(source).into()));
        }
    }
}
