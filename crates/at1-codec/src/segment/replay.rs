//! Exact records in order, printed by as many threads as there are cores.
//!
//! * What is handed on does not depend on the number of threads: the same bytes in the same order, and where there is damage, the
//!   same error behind the bytes before it.
//! * The rows are cut into pieces that the threads take in turn. Each thread reads a row group once, leaving out what is not its
//!   own, so dictionaries are decoded and recovery streams unpacked once per thread, not once per piece.
//! * Memory is some pieces per thread. Threads are started only where there is enough for them to do, and all callers in a
//!   process share one budget of them.

use std::{
    ops::Range,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use super::{join::JoinedRecords, read::Segment, recover::size};
use crate::{Error, Result};

/// About how much text a piece holds.
const PIECE_BYTES: u64 = 4 << 20;
/// A piece is a multiple of this, if it is longer: pages are cut at multiples of it too, so most are decoded by one thread only.
const PIECE_ROWS: u64 = 16 << 10;
/// Text below this is printed before threads would have been started.
const THREADS_BYTES_MIN: u64 = 2 << 20;
/// A piece that turns out to be longer is handed on before it is whole.
const PIECE_BYTES_MAX: usize = 16 << 20;
/// How many pieces of a thread may wait.
const PIECES_WAITING: usize = 2;

/// The exact bytes of some consecutive records of a batch.
pub(super) struct Records<'a> {
    /// The batch's number in the segment.
    pub(super) batch: usize,
    pub(super) bytes: &'a [u8],
    /// Where each record ends in `bytes`.
    pub(super) ends: &'a [usize],
}

/// Takes records in order.
pub(super) type Take<'t> = dyn FnMut(Records<'_>) -> Result<()> + 't;

/// Records of one batch, each a part of those that are printed at a time.
#[derive(Default)]
struct Printed {
    batch: usize,
    records: JoinedRecords,
}

/// What a thread made of a piece, or of the first part of a very long one.
#[derive(Default)]
struct Piece {
    parts: Vec<Printed>,
    /// How many of `parts` are this piece's; what is behind them is memory to be used again.
    len: usize,
    bytes: usize,
    is_whole: bool,
    /// What went wrong behind them.
    error: Option<Error>,
}

impl Piece {
    /// Adds a part of `batch` that `join` makes.
    fn add(&mut self, batch: usize, join: impl FnOnce(&mut JoinedRecords) -> Result<()>) -> Result<()> {
        if self.len == self.parts.len() {
            self.parts.push(Printed::default());
        }
        let part = &mut self.parts[self.len];
        part.batch = batch;
        join(&mut part.records)?;
        self.len += 1;
        self.bytes += part.records.bytes().len();
        Ok(())
    }

    /// Nothing, in the same memory.
    fn emptied(self) -> Self {
        Self { parts: self.parts, ..Self::default() }
    }
}

impl Segment {
    /// Hands the records `rows` on, in order.
    pub(super) fn replay(&self, rows: Range<u64>, take: &mut Take<'_>) -> Result<()> {
        let groups = self.by_row_group(rows.clone())?;
        let bytes_per_row = (self.source_bytes() / self.rows().max(1)).max(1);
        let pieces = pieces(&groups, bytes_per_row);
        let bytes = (rows.end - rows.start).saturating_mul(bytes_per_row);
        let helpers = Helpers::hire(if bytes < THREADS_BYTES_MIN { 0 } else { pieces.len() });
        if helpers.count > 1 {
            return self.replay_beside(&pieces, helpers.count, take);
        }
        let columns: Vec<usize> = (0..self.schema().columns.len()).collect();
        let mut records = JoinedRecords::default();
        for (row_group, rows) in groups {
            self.print(row_group, std::slice::from_ref(&rows), &columns, &mut |part, printed, unusual| {
                records.join(part, printed, unusual)?;
                take(Records { batch: part.batch, bytes: records.bytes(), ends: records.ends() })
            })?;
        }
        Ok(())
    }

    /// Hands on what `threads` threads print.
    fn replay_beside(&self, pieces: &[(usize, Range<u64>)], threads: usize, take: &mut Take<'_>) -> Result<()> {
        thread::scope(|scope| {
            // The channels end with this closure, and with them the threads, however it ends.
            let mut channels: Vec<(Receiver<Piece>, Sender<Piece>)> = Vec::with_capacity(threads);
            for first in 0..threads {
                let (done, receiver) = sync_channel(PIECES_WAITING);
                let (sender, used) = channel();
                let mine: Vec<_> = pieces.iter().skip(first).step_by(threads).cloned().collect();
                scope.spawn(move || self.print_pieces(&mine, &done, &used));
                channels.push((receiver, sender));
            }
            for (receiver, sender) in channels.iter().cycle().take(pieces.len()) {
                loop {
                    // A thread that is gone without its piece panicked, and the scope passes that on.
                    let gone = || Error::invalid("thread", "a piece of records", "a panic");
                    let mut piece = receiver.recv().map_err(|_| gone())?;
                    for Printed { batch, records } in &piece.parts[..piece.len] {
                        take(Records { batch: *batch, bytes: records.bytes(), ends: records.ends() })?;
                    }
                    if let Some(error) = piece.error.take() {
                        return Err(error);
                    }
                    let is_whole = piece.is_whole;
                    // Whether its memory is used again is the thread's affair.
                    let _ = sender.send(piece);
                    if is_whole {
                        break;
                    }
                }
            }
            Ok(())
        })
    }

    /// Prints `pieces`, ascending, until there is an error or nobody takes them any more.
    fn print_pieces(&self, pieces: &[(usize, Range<u64>)], done: &SyncSender<Piece>, used: &Receiver<Piece>) {
        let columns: Vec<usize> = (0..self.schema().columns.len()).collect();
        let mut piece = Piece::default();
        for pieces in pieces.chunk_by(|a, b| a.0 == b.0) {
            let ranges: Vec<Range<u64>> = pieces.iter().map(|(_, rows)| rows.clone()).collect();
            let mut ends = ranges.iter().map(|range| size(range.end - range.start));
            let mut left = ends.next().unwrap_or(0);
            let mut is_wanted = true;
            let printed = self.print(pieces[0].0, &ranges, &columns, &mut |part, printed, unusual| {
                piece.add(part.batch, |records| records.join(part, printed, unusual))?;
                left -= unusual.rows;
                if left == 0 || piece.bytes >= PIECE_BYTES_MAX {
                    piece.is_whole = left == 0;
                    let next = used.try_recv().map(Piece::emptied).unwrap_or_default();
                    is_wanted = done.send(std::mem::replace(&mut piece, next)).is_ok();
                }
                if left == 0 {
                    left = ends.next().unwrap_or(0);
                }
                if is_wanted { Ok(()) } else { Err(Error::invalid("records", "a taker", "none")) }
            });
            if let Err(error) = printed {
                // If nobody takes pieces any more, nobody asks why this one is missing.
                let _ = done.send(Piece { error: Some(error), ..piece });
                return;
            }
        }
    }
}

/// Cuts the rows of row groups into pieces.
fn pieces(groups: &[(usize, Range<u64>)], bytes_per_row: u64) -> Vec<(usize, Range<u64>)> {
    let rows = (PIECE_BYTES / bytes_per_row).max(1);
    let step = if rows > PIECE_ROWS { rows - rows % PIECE_ROWS } else { rows };
    let mut pieces = Vec::new();
    for (row_group, rows) in groups {
        let mut start = rows.start;
        while start < rows.end {
            let end = ((start / step + 1) * step).min(rows.end);
            pieces.push((*row_group, start..end));
            start = end;
        }
    }
    pieces
}

/// How many threads print for someone, in this process.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// Threads out of the budget of the process: one for each core.
struct Helpers {
    count: usize,
}

impl Helpers {
    /// As many as are free, but no more than `wanted`.
    fn hire(wanted: usize) -> Self {
        let most = if wanted > 1 { thread::available_parallelism().map_or(1, usize::from) } else { 0 };
        let mut count = 0;
        // A count and no more: nothing is read or written under its protection.
        let _ = BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |busy| {
            count = most.saturating_sub(busy).min(wanted);
            Some(busy + count)
        });
        Self { count }
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        BUSY.fetch_sub(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, io, sync::Arc};

    use sha2::{Digest as _, Sha256};

    use super::{
        super::layout::{TRAILER_BYTES, array},
        *,
    };
    use crate::{EncodeOptions, ErrorKind, Form, Trust, encode};

    /// Records of every kind, some of them odd, in several pages.
    fn source() -> String {
        let mut text = String::from("id,price,when,name,note\n");
        for row in 0..40_000u64 {
            let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let (price, second, name) = (mixed % 90_000, mixed % 60, ["", "up", "\"a,b\"", "down"][mixed as usize % 4]);
            let _ = write!(text, "{row},{}.{:02},2024-05-01T10:00:{second:02}Z,{name},", price / 100, price % 100);
            let _ = write!(text, "{:x}", mixed.wrapping_mul(mixed));
            text.push_str(if row % 997 == 0 { ",one more\r\n" } else { "\n" });
        }
        text
    }

    fn segment(text: &str) -> (Vec<u8>, Segment) {
        let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
        let bytes = encode(text.as_bytes(), &options).unwrap();
        let segment = Segment::open(Arc::new(bytes.clone()), Trust::OwnSeal).unwrap();
        (bytes, segment)
    }

    /// What `threads` threads hand on of `rows`, in pieces of `step` rows, and how it ended.
    fn replay(segment: &Segment, rows: Range<u64>, step: u64, threads: usize) -> (Vec<u8>, Result<()>) {
        let mut pieces = Vec::new();
        for (group, rows) in segment.by_row_group(rows).unwrap() {
            let starts = (rows.start..rows.end).step_by(usize::try_from(step).unwrap());
            pieces.extend(starts.map(|start| (group, start..rows.end.min(start + step))));
        }
        let mut out = Vec::new();
        let done = segment.replay_beside(&pieces, threads, &mut |records| {
            let mut start = 0;
            for &end in records.ends {
                assert!(records.bytes[start..end].ends_with(b"\n"), "a record");
                start = end;
            }
            assert_eq!(start, records.bytes.len());
            out.extend_from_slice(records.bytes);
            Ok(())
        });
        (out, done)
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_and_pieces() {
        let text = source();
        let (_, segment) = segment(&text);
        let lines: Vec<&str> = text.split_inclusive('\n').skip(1).collect();
        for (threads, step) in [(1, 40_000), (2, 16_384), (3, 701), (5, 2_048), (4, 39_999)] {
            for rows in [0..40_000, 17..39_001, 20_000..20_001] {
                let expected = lines[rows.start as usize..rows.end as usize].concat();
                let (out, done) = replay(&segment, rows, step, threads);
                done.unwrap();
                assert!(out == expected.as_bytes(), "{threads} threads, {step} rows");
            }
        }
    }

    #[test]
    fn damage_is_told_behind_the_bytes_before_it() {
        let text = source();
        let (bytes, whole) = segment(&text);
        let records = &text.as_bytes()[text.find('\n').unwrap() + 1..];
        let body = whole.metadata().metadata().row_group(0).columns().iter().map(|c| c.byte_range());
        // Vouched for: else the pages of a chunk are looked at before the first of its rows.
        let (rest, trailer) = bytes.split_at(bytes.len() - TRAILER_BYTES);
        let footer = &bytes[rest.len() - u32::from_le_bytes(array(&trailer[..4])) as usize..];
        let trust = Trust::Footer { bytes: footer.len() as u64, sha256: Sha256::digest(footer).into() };
        let mut told = 0;
        for (start, length) in body {
            let mut damaged = bytes.clone();
            damaged[usize::try_from(start + length - 9).unwrap()] ^= 1;
            let segment = Segment::open(Arc::new(damaged), trust).unwrap();
            for threads in 1..4 {
                let (out, done) = replay(&segment, 0..40_000, 3_000, threads);
                let error = done.expect_err("a changed byte");
                assert!(matches!(error.kind(), ErrorKind::Corrupt { .. }), "{error}");
                assert!(records.starts_with(&out) && out.len() < records.len(), "nothing wrong before the error");
                told += out.len();
            }
        }
        assert!(told > 0, "the last page is damaged, so some bytes come before");
    }

    #[test]
    fn who_takes_no_more_is_not_waited_for() {
        let (_, segment) = segment(&source());
        let pieces: Vec<_> = (0..40u64).map(|n| (0, n * 1000..(n + 1) * 1000)).collect();
        for threads in [1, 2, 7] {
            let mut calls = 0;
            let done = segment.replay_beside(&pieces, threads, &mut |_| {
                calls += 1;
                if calls < 5 { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe).into()) }
            });
            let error = done.expect_err("a pipe that broke");
            assert!(matches!(error.kind(), ErrorKind::Io(e) if e.kind() == io::ErrorKind::BrokenPipe), "{error}");
            assert_eq!(calls, 5);
        }
    }

    #[test]
    fn pieces_tile_the_rows_and_keep_to_pages() {
        for bytes_per_row in [1, 40, 150, 5_000] {
            let groups = [(3, 5..1_000_000), (4, 0..7), (9, 30_000..30_001)];
            let pieces = pieces(&groups, bytes_per_row);
            for (group, rows) in groups {
                let mut at = rows.start;
                for (_, piece) in pieces.iter().filter(|(g, _)| *g == group) {
                    assert_eq!(piece.start, at);
                    at = piece.end;
                    let aligned = at % PIECE_ROWS == 0 || at == rows.end || bytes_per_row > 256;
                    assert!(aligned && piece.start < at, "{piece:?}");
                }
                assert_eq!(at, rows.end);
            }
            assert!(pieces.is_sorted_by_key(|(group, _)| *group));
        }
    }

    #[test]
    fn threads_are_hired_within_the_budget_and_given_back() {
        let all = thread::available_parallelism().map_or(1, usize::from);
        let hired: Vec<Helpers> = (0..3).map(|_| Helpers::hire(all)).collect();
        assert!(hired.iter().map(|h| h.count).sum::<usize>() <= all);
        assert_eq!(Helpers::hire(1).count, 0, "one piece is nobody else's work");
    }
}
